/* The machine formats: "ndjson", one object per line as it comes, and "json", the report
 * alone as one document. docs/event-format.md is their contract. */
#include "writers.h"

#include "json_model.h"

static void start(DcReportWriter *writer, unsigned indent)
{
  const char *name = writer->options.stream_name;
  writer->data = dc_json_out_new(writer->stream, name != NULL ? name : writer->ops->name, indent);
  writer->free_data = (GDestroyNotify)dc_json_out_free;
}

static bool ndjson_begin(DcReportWriter *writer, GError **error)
{
  start(writer, 0);
  dc_json_model_header(writer->data, &writer->options);
  return dc_json_out_end_line(writer->data, error);
}

static bool ndjson_frame(DcReportWriter *writer, const DcFrameVerdict *verdict, GError **error)
{
  if (!writer->options.frames)
    return true;
  dc_json_model_frame(writer->data, verdict);
  return dc_json_out_end_line(writer->data, error);
}

static bool ndjson_drop(DcReportWriter *writer, const DcDropVerdict *verdict, GError **error)
{
  if (!writer->options.frames)
    return true;
  dc_json_model_drop(writer->data, verdict);
  return dc_json_out_end_line(writer->data, error);
}

static bool ndjson_handshake(DcReportWriter *writer, const DcHandshake *handshake, GError **error)
{
  if (!writer->options.handshakes)
    return true;
  dc_json_model_handshake(writer->data, handshake, NULL);
  return dc_json_out_end_line(writer->data, error);
}

/* Findings are final only at the end; what a run that lasts for days says meanwhile has a type of its own. */
static bool ndjson_finding(DcReportWriter *writer, const DcFinding *finding, GError **error)
{
  dc_json_model_finding(writer->data, finding, "alert");
  return dc_json_out_end_line(writer->data, error) && dc_json_out_flush(writer->data, error);
}

static bool plot_lines(DcJsonOut *json, const DcReport *report, GError **error)
{
  for (guint i = 0; report->services != NULL && i < report->services->len; i++) {
    dc_json_model_service_loss(json, g_ptr_array_index(report->services, i));
    if (!dc_json_out_end_line(json, error))
      return false;
  }
  const struct {
    const DcHandshake *handshake;
    const char *role;
  } examples[] = {{report->unanswered, "unanswered"}, {report->answered, "answered"}};
  for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
    if (examples[i].handshake == NULL)
      continue;
    dc_json_model_handshake(json, examples[i].handshake, examples[i].role);
    if (!dc_json_out_end_line(json, error))
      return false;
  }
  if (report->activity.used == 0)
    return true;
  dc_json_model_activity(json, &report->activity);
  return dc_json_out_end_line(json, error);
}

static bool ndjson_end(DcReportWriter *writer, const DcReport *report, GError **error)
{
  DcJsonOut *json = writer->data;
  for (guint i = 0; report->findings != NULL && i < report->findings->len; i++) {
    dc_json_model_finding(json, g_ptr_array_index(report->findings, i), "finding");
    if (!dc_json_out_end_line(json, error))
      return false;
  }
  for (guint i = 0; report->checks != NULL && i < report->checks->len; i++) {
    dc_json_model_check(json, g_ptr_array_index(report->checks, i));
    if (!dc_json_out_end_line(json, error))
      return false;
  }
  for (guint i = 0; report->drop_groups != NULL && i < report->drop_groups->len; i++) {
    dc_json_model_drop_group(json, g_ptr_array_index(report->drop_groups, i));
    if (!dc_json_out_end_line(json, error))
      return false;
  }
  if (!plot_lines(json, report, error))
    return false;
  dc_json_model_summary(json, report);
  return dc_json_out_end_line(json, error) && dc_json_out_flush(json, error);
}

static bool json_begin(DcReportWriter *writer, GError **error)
{
  (void)error;
  start(writer, 1);
  return true;
}

static bool json_end(DcReportWriter *writer, const DcReport *report, GError **error)
{
  DcJsonOut *json = writer->data;
  dc_json_out_begin_object(json);
  dc_json_out_key(json, "schema");
  dc_json_out_word(json, DC_REPORT_SCHEMA);
  dc_json_out_key(json, "header");
  dc_json_model_header(json, &writer->options);
  dc_json_out_key(json, "summary");
  dc_json_model_summary(json, report);
  dc_json_out_key(json, "findings");
  dc_json_out_begin_array(json);
  for (guint i = 0; report->findings != NULL && i < report->findings->len; i++)
    dc_json_model_finding(json, g_ptr_array_index(report->findings, i), "finding");
  dc_json_out_end_array(json);
  dc_json_out_key(json, "checks");
  dc_json_out_begin_array(json);
  for (guint i = 0; report->checks != NULL && i < report->checks->len; i++)
    dc_json_model_check(json, g_ptr_array_index(report->checks, i));
  dc_json_out_end_array(json);
  dc_json_out_key(json, "drop_groups");
  dc_json_out_begin_array(json);
  for (guint i = 0; report->drop_groups != NULL && i < report->drop_groups->len; i++)
    dc_json_model_drop_group(json, g_ptr_array_index(report->drop_groups, i));
  dc_json_out_end_array(json);
  dc_json_out_key(json, "services");
  dc_json_out_begin_array(json);
  for (guint i = 0; report->services != NULL && i < report->services->len; i++)
    dc_json_model_service_loss(json, g_ptr_array_index(report->services, i));
  dc_json_out_end_array(json);
  dc_json_out_key(json, "examples");
  dc_json_out_begin_array(json);
  if (report->unanswered != NULL)
    dc_json_model_handshake(json, report->unanswered, "unanswered");
  if (report->answered != NULL)
    dc_json_model_handshake(json, report->answered, "answered");
  dc_json_out_end_array(json);
  if (report->activity.used > 0) {
    dc_json_out_key(json, "activity");
    dc_json_model_activity(json, &report->activity);
  }
  dc_json_out_end_object(json);
  return dc_json_out_end_line(json, error) && dc_json_out_flush(json, error);
}

const DcReportWriterOps dc_ndjson_writer_ops = {
    .name = "ndjson",
    .extension = "ndjson",
    .begin = ndjson_begin,
    .frame = ndjson_frame,
    .drop = ndjson_drop,
    .handshake = ndjson_handshake,
    .finding = ndjson_finding,
    .end = ndjson_end,
};

const DcReportWriterOps dc_json_writer_ops = {
    .name = "json",
    .extension = "json",
    .begin = json_begin,
    .end = json_end,
};
