/*
 * Report writers: one per format, each a DcReportWriterOps. They are given finished
 * verdicts one by one (if they want them) and the report model at the end, and write
 * to a stdio stream they do not own. All text from packets, files and logs is escaped
 * for the format (dropcorr/report/escape.h).
 */
#pragma once

#include "dropcorr/diagnose/diagnosis.h"

#include <stdio.h>

typedef struct {
  bool frames;              /* a line per frame and per drop */
  bool handshakes;          /* a line per attempt */
  bool colour;              /* text: ANSI colours */
  int width;                /* text: columns, 80 when not a terminal */
  int verbosity;            /* -q -1, default 0, -v 1.. */
  bool numeric;             /* -n: no port names */
  const char *command_line; /* as run, for the header; NULL none */
  const char *stream_name;  /* for errors: a path, "standard output"; NULL: the writer's name */
} DcReportOptions;

typedef struct DcReportWriter DcReportWriter;

typedef struct {
  const char *name;      /* "text", "ndjson", "json", "md", "html" */
  const char *extension; /* of --report FILE */
  bool (*begin)(DcReportWriter *writer, GError **error);
  bool (*frame)(DcReportWriter *writer, const DcFrameVerdict *verdict, GError **error);    /* may be NULL */
  bool (*drop)(DcReportWriter *writer, const DcDropVerdict *verdict, GError **error);      /* may be NULL */
  bool (*handshake)(DcReportWriter *writer, const DcHandshake *handshake, GError **error); /* may be NULL */
  bool (*finding)(DcReportWriter *writer, const DcFinding *finding, GError **error);       /* live line; may be NULL */
  bool (*end)(DcReportWriter *writer, const DcReport *report, GError **error);
} DcReportWriterOps;

struct DcReportWriter {
  const DcReportWriterOps *ops;
  FILE *stream; /* borrowed */
  DcReportOptions options;
  void *data; /* the writer's own */
  GDestroyNotify free_data;
};

/* By format name or file extension; NULL unknown. */
const DcReportWriterOps *dc_report_writer_find(const char *name_or_extension);
const DcReportWriterOps *const *dc_report_writers(size_t *ret_count);

DcReportWriter *dc_report_writer_new(const DcReportWriterOps *ops, FILE *stream, const DcReportOptions *options);
void dc_report_writer_free(DcReportWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcReportWriter, dc_report_writer_free)
