/*
 * Opens the drop logs of a run and brings their times onto the clock of the frames. A log whose
 * clock is not real time needs both files read once before: regular files only.
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/base/strings.h"
#include "dropcorr/cli/options.h"
#include "dropcorr/correlate/asked.h"
#include "dropcorr/source/kallsyms.h"
#include "dropcorr/source/source.h"

#include <glib.h>

typedef struct {
  GPtrArray *logs;       /* DcSource*, in the order of --drops; taken by whoever merges them */
  GPtrArray *readers;    /* DcSource*: the logs themselves, for dc_drop_log_*(); borrowed from the former */
  GPtrArray *alignments; /* char*: how each log's times were aligned, NULL where they needed nothing */
  DcKallsyms *kallsyms;  /* NULL: not given; outlives the logs */
} DcDropLogs;

/* Errors: those of opening; UNSUPPORTED for a pipe that would have to be read twice; USAGE for a time zone. */
bool dc_drop_logs_open(const DcOptions *options, DcStrings *strings, DcStop *stop, DcDropLogs *ret_logs,
                       GError **error);
/* Reads the logs once before, for what frames they may ask for. NULL: that cannot be told: there are none, or they can
 * be read only once. What is wrong with them is told when they are read again. */
DcAsked *dc_drop_logs_asked(const DcOptions *options, DcStop *stop);

void dc_drop_logs_clear(DcDropLogs *logs); /* not the sources themselves */
