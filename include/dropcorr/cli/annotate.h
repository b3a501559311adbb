/*
 * Annotated captures of a run (--report FILE.pcapng): collects the verdicts as they come, then reads the
 * events a second time and writes them with what became of each.
 *
 * One thread.
 */
#pragma once

#include "dropcorr/cli/analysis.h"
#include "dropcorr/cli/options.h"
#include "dropcorr/diagnose/finding.h"
#include "dropcorr/source/annotated_write.h"
#include "dropcorr/source/anonymize.h"
#include "dropcorr/source/source.h"

#include <glib.h>
#include <stdbool.h>

typedef struct DcAnnotator DcAnnotator;

/* Whether a --report path is one of these, by its extension. */
bool dc_annotator_is_for(const char *path);

/* Whether the options ask for any. */
bool dc_annotator_wanted(const DcOptions *options);

/* Opens the files the options name. Errors: those of opening; USAGE where one is an input of this run as well. */
DcAnnotator *dc_annotator_new(const DcOptions *options, GError **error);

/* One more, already open and empty; borrowed. */
void dc_annotator_add_fd(DcAnnotator *annotator, int fd, const char *name);

/* A live run reads its own evidence file again: there must be one, and one only. Errors: USAGE. */
bool dc_annotator_check_live(const DcOptions *options, GError **error);

/* All inputs the options name. */
bool dc_annotator_check_inputs(const DcOptions *options, GError **error);

/* A regular file can be read a second time. Errors: UNSUPPORTED, with what to do. */
bool dc_annotator_check_input(const char *path, GError **error);

/* Hears the verdicts the analysis gives. Before dc_analysis_start(). */
void dc_annotator_listen(DcAnnotator *annotator, DcAnalysis *analysis);

/* What the file says of the run, so that replaying it starts where this run did. header: of the evidence file that was
 * read, NULL: none. Strings stay those of host, header and the caller. */
typedef struct {
  DcEvidenceMeta meta;
  uint8_t (*macs)[6];
  DcAddr *addresses;
} DcAnnotateMeta;

void dc_annotate_meta_init(DcAnnotateMeta *ret_meta, const DcOptions *options, const DcAnalysisHost *host,
                           const DcEvidenceHeader *header, const char *command_line);
void dc_annotate_meta_clear(DcAnnotateMeta *meta);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DcAnnotateMeta, dc_annotate_meta_clear)

/* The second reading. All borrowed. */
typedef struct {
  DcSource *events;           /* the same as the analysis was fed, in the same order */
  const DcSource *capture;    /* a capture file: its interfaces, known to the end; NULL: none */
  DcAnonymizer *anonymizer;   /* for what the capture file itself says; NULL: as it is */
  const DcEvidenceMeta *meta; /* what the file says of the run */
  const DcReport *report;     /* for the section's comment */
  bool own_drop_numbers;      /* drops have the numbers the analysis gave; else they are counted anew */
  void (*sample)(void *data, const DcSample *sample); /* sees the samples on the way; may be NULL */
  void *sample_data;
  uint64_t events_max; /* so many were analysed: a file may have grown since */
} DcAnnotateInput;

/* Writes all files. Once. Errors: IO. */
bool dc_annotator_write(DcAnnotator *annotator, const DcAnnotateInput *input, GError **error);

/* What could not be told of, one line for the user, NULL: nothing. After writing; borrowed. */
const char *dc_annotator_gap(const DcAnnotator *annotator);

void dc_annotator_free(DcAnnotator *annotator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcAnnotator, dc_annotator_free)
