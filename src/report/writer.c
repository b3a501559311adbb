#include "dropcorr/report/writer.h"

#include "writers.h"

static const DcReportWriterOps *const WRITERS[] = {&dc_text_writer_ops, &dc_ndjson_writer_ops, &dc_json_writer_ops,
                                                   &dc_markdown_writer_ops, &dc_html_writer_ops};

const DcReportWriterOps *const *dc_report_writers(size_t *ret_count)
{
  *ret_count = G_N_ELEMENTS(WRITERS);
  return WRITERS;
}

const DcReportWriterOps *dc_report_writer_find(const char *name_or_extension)
{
  if (name_or_extension == NULL)
    return NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(WRITERS); i++)
    if (g_ascii_strcasecmp(WRITERS[i]->name, name_or_extension) == 0 ||
        g_ascii_strcasecmp(WRITERS[i]->extension, name_or_extension) == 0)
      return WRITERS[i];
  return NULL;
}

DcReportWriter *dc_report_writer_new(const DcReportWriterOps *ops, FILE *stream, const DcReportOptions *options)
{
  DcReportWriter *writer = g_new0(DcReportWriter, 1);
  writer->ops = ops;
  writer->stream = stream;
  writer->options = *options;
  return writer;
}

void dc_report_writer_free(DcReportWriter *writer)
{
  if (writer == NULL)
    return;
  if (writer->free_data != NULL)
    writer->free_data(writer->data);
  g_free(writer);
}
