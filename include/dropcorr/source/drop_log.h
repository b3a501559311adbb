/*
 * Drop logs: files of drops that some tool saved. Recognised by content, never by
 * name. Each format is one reader (src/source/drop_log_*.c) behind DcDropLogFormat and
 * one row of the table in drop_log.c.
 */
#pragma once

#include "dropcorr/base/strings.h"
#include "dropcorr/source/input.h"
#include "dropcorr/source/kallsyms.h"
#include "dropcorr/source/source.h"

/* What the times of a log's drops count from. Those of any but the first are raw until they are aligned
 * (dropcorr/source/clock_align.h). */
typedef enum {
  DC_LOG_CLOCK_REALTIME,    /* CLOCK_REALTIME: as frames have it */
  DC_LOG_CLOCK_LOCAL,       /* date and time of a zone that the log does not name: as if it were UTC */
  DC_LOG_CLOCK_TIME_OF_DAY, /* since midnight of the first record's day, of such a zone */
  DC_LOG_CLOCK_MONOTONIC,   /* since the machine started */
  DC_LOG_CLOCK_NONE,        /* no times: DC_TIME_NONE */
  DC_LOG_CLOCK_COUNT
} DcLogClock;

/* A packet's reception, where the log tells of those as well: raw time, length without MAC header. */
typedef void (*DcReceptionSink)(int64_t time_ns, uint32_t len, void *data);

typedef struct {
  const char *filter; /* libpcap expression applied to the drops' own bytes, or NULL */
  bool filter_optimize;
  const DcStop *stop;           /* ends the wait for a silent pipe; borrowed, NULL: none */
  bool unordered;               /* events come as they are in the log, whose order is that of per-CPU queues */
  const DcKallsyms *kallsyms;   /* names drops of which the log has the address alone; borrowed, NULL: none */
  DcReceptionSink on_reception; /* called while the log is read; NULL: nobody asks */
  void *reception_data;
} DcDropLogOptions;

/* Opens a drop log ("-": standard input). Events come sorted by time within 2 s, unless unordered.
 * Errors: NOT_FOUND, PERMISSION, IO, FORMAT (no format fits: the message names those tried),
 * FILTER. A log without one single drop gives DC_READ_ERROR with DC_ERROR_FORMAT at its end. */
DcSource *dc_drop_log_open(const char *path, const DcDropLogOptions *options, DcStrings *strings, GError **error);

/* The same on input already open; takes it, also when it fails. */
DcSource *dc_drop_log_from_input(DcInput *input, const DcDropLogOptions *options, DcStrings *strings, GError **error);

const char *dc_drop_log_format(const DcSource *source); /* "NET_DM pcap", ... for the report */
uint64_t dc_drop_log_filtered(const DcSource *source);  /* drops the filter rejected */
DcLogClock dc_drop_log_clock(const DcSource *source);
uint64_t dc_drop_log_drops(const DcSource *source); /* given so far */
const char *dc_log_clock_name(DcLogClock clock);    /* "time since boot", ...: follows "its clock is " */

/*
 * One format. Its reader gives drops in the order of the file, each with its number 0, and
 * counts what it passes over in skipped and foreign. It may give samples and losses as well.
 */
typedef struct {
  const char *name;
  /* 0: surely not mine; higher is surer. Sees the first bytes of the input only. */
  int (*probe)(const uint8_t *head, size_t len);
  DcSource *(*open)(DcInput *input, DcStrings *strings, GError **error); /* takes input, also when it fails */
  /* What the log held instead of drops, for the error at its end: follows "no drop in it: ". Caller frees. */
  char *(*explain)(const DcSource *source);
} DcDropLogFormat;

/* The table, for messages and --help. */
const DcDropLogFormat *const *dc_drop_log_formats(size_t *ret_count);
