/*
 * What outputs may know of a run: with --anonymize its options, its host and the names of its inputs, with
 * everything that tells of people and machines replaced; without it everything as it is.
 *
 * One thread.
 */
#pragma once

#include "dropcorr/cli/analysis.h"
#include "dropcorr/cli/options.h"
#include "dropcorr/source/anonymize.h"
#include "dropcorr/source/evidence_write.h"
#include "dropcorr/source/source.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
  DcAnonymizer *anonymizer; /* NULL: not asked for */
  DcOptions options;        /* a copy that borrows what it did not replace */
  char *command_line;       /* owned */
  DcLocal *locals;          /* owned, as the rest */
  char *filter, *meta_filter;
  uint8_t (*macs)[6];
  DcAddr *addresses;
} DcShown;

/* Opens the mapping file. Borrows options. Errors: those of dc_anonymizer_open(). */
bool dc_shown_init(DcShown *ret_shown, const DcOptions *options, const char *command_line, uid_t owner, gid_t group,
                   GError **error);

/* Learns from the samples before the first frame or drop of a source, which is then used up. */
void dc_shown_learn(DcShown *shown, DcSource *events);

/* After learning, before anything is shown. */
void dc_shown_fix(DcShown *shown);

/* The events as they may be analysed: source itself, or one around it, which the caller frees; source stays his. */
DcSource *dc_shown_events(DcShown *shown, DcSource *source);

/* In place; what is replaced belongs to shown, until the next call. */
void dc_shown_host(DcShown *shown, DcAnalysisHost *host);
void dc_shown_meta(DcShown *shown, DcEvidenceMeta *meta);

/* A file's name, or what stands for it. Borrowed. */
const char *dc_shown_name(const DcShown *shown, const char *path, const char *instead);

/* Writes the mapping file's list. */
bool dc_shown_finish(DcShown *shown, GError **error);

void dc_shown_clear(DcShown *shown);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DcShown, dc_shown_clear)
