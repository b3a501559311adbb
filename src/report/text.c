/* The text report: what somebody reads on a terminal while a service is down. The first
 * screen says what was lost, why, how sure that is and what to do; proof follows. */
#include "text.h"
#include "wording.h"
#include "writers.h"

#include <string.h>

enum {
  SCREEN_LINES = 23, /* of 24: the prompt needs one */
  DETAIL_LINES = 4,  /* title, counts, confirm, fix */
  DETAIL_LABEL = 3,
  DETAIL_SEVERITY = 4,
  DETAIL_TEXT = 11,
  PROOFS_SHOWN = 25,
  LONG_REPORT = 40 /* lines after which the verdict is said again */
};

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

static void line(DcLayout *layout, int indent, const char *text)
{
  dc_layout_indent(layout, indent);
  dc_layout_text(layout, text);
  dc_layout_end_line(layout);
}

static void verdict_line(DcLayout *layout, const DcReport *report)
{
  g_autofree char *verdict = dc_report_verdict_text(report);
  dc_layout_indent(layout, 0);
  dc_layout_style(layout, DC_STYLE_STRONG);
  dc_layout_text(layout, verdict);
  dc_layout_style(layout, DC_STYLE_PLAIN);
  dc_layout_end_line(layout);
}

static void severity(DcLayout *layout, const DcFinding *finding)
{
  g_autofree char *word = g_ascii_strup(dc_severity_name(finding->severity), -1);
  dc_layout_indent(layout, 0);
  dc_layout_printf(layout, "#%u", finding->number);
  dc_layout_tab(layout, DETAIL_SEVERITY, 1);
  dc_layout_style(layout, dc_text_severity_style(finding->severity));
  dc_layout_text(layout, word);
  dc_layout_style(layout, DC_STYLE_PLAIN);
  dc_layout_tab(layout, DETAIL_TEXT, 1);
  dc_layout_indent(layout, DETAIL_TEXT);
}

static void action(DcLayout *layout, const char *label, const DcAction *first)
{
  if (first == NULL)
    return;
  dc_text_label(layout, DETAIL_LABEL, DETAIL_TEXT, label);
  if (first->command != NULL)
    dc_layout_command(layout, first->command);
  else
    dc_layout_text(layout, first->what);
  dc_layout_end_line(layout);
}

/* "09:51:59-09:52:02", "09:51:59" */
static const char *span_text(const DcFinding *finding, char text[static 2 * DC_TIME_TEXT_MAX])
{
  char first_text[DC_TIME_TEXT_MAX], last_text[DC_TIME_TEXT_MAX];
  if (finding->first_ns == DC_TIME_NONE || finding->last_ns == DC_TIME_NONE)
    return "";
  const char *first = dc_time_text(finding->first_ns, 0, first_text);
  const char *last = dc_time_text(finding->last_ns, 0, last_text);
  if (strcmp(first, last) == 0)
    g_strlcpy(text, first, 2 * DC_TIME_TEXT_MAX);
  else
    g_snprintf(text, 2 * DC_TIME_TEXT_MAX, "%s-%s", first, last);
  return text;
}

static void finding_block(DcLayout *layout, const DcFinding *finding)
{
  char span[2 * DC_TIME_TEXT_MAX];
  g_autofree char *count = dc_finding_count_text(finding);
  g_autofree char *sure = dc_finding_sure_text(finding);
  severity(layout, finding);
  dc_layout_style(layout, DC_STYLE_STRONG);
  dc_layout_text(layout, finding->title);
  dc_layout_style(layout, DC_STYLE_FAINT);
  dc_layout_right(layout, span_text(finding, span));
  dc_layout_printf(layout, "%s; %s", count, sure);
  dc_layout_end_line(layout);
  /* To confirm, a command; to mend, what comes first, be it words: a command that only helps
   * would hide it. */
  action(layout, "confirm", dc_first_action(finding->confirm));
  action(layout, "fix", length(finding->fix) > 0 ? g_ptr_array_index(finding->fix, 0) : NULL);
}

/* On one line, mostly: without the rate. */
static void finding_line(DcLayout *layout, const DcFinding *finding)
{
  g_autofree char *count = dc_finding_count_text(finding);
  count[strcspn(count, "(")] = '\0';
  g_strchomp(count);
  severity(layout, finding);
  dc_layout_text(layout, finding->title);
  dc_layout_printf(layout, ", %s", count);
  if (dc_confidence_name(finding->confidence) != NULL)
    dc_layout_printf(layout, ", %s", dc_confidence_name(finding->confidence));
  dc_layout_end_line(layout);
}

/* Findings that are no loss need no command on the first screen. */
static bool wants_block(const DcFinding *finding)
{
  return finding->severity > DC_SEVERITY_INFO;
}

static void more_findings(DcLayout *layout, const GPtrArray *findings, guint from)
{
  guint by_severity[DC_SEVERITY_COUNT] = {0};
  for (guint i = from; i < findings->len; i++)
    by_severity[((const DcFinding *)g_ptr_array_index(findings, i))->severity]++;
  dc_layout_indent(layout, 0);
  dc_layout_printf(layout, "... and %u more:", findings->len - from);
  bool any = false;
  for (int i = DC_SEVERITY_COUNT - 1; i >= 0; i--)
    if (by_severity[i] > 0) {
      dc_layout_printf(layout, "%s %u %s", any ? "," : "", by_severity[i], dc_severity_name((DcSeverity)i));
      any = true;
    }
  dc_layout_end_line(layout);
}

/* As many findings in full as leave the others a line each, or what fits of them. */
static void top_findings(DcLayout *layout, const GPtrArray *findings)
{
  const guint total = length(findings);
  guint at = 0;
  for (; at < total; at++) {
    const DcFinding *finding = g_ptr_array_index(findings, at);
    const guint left = SCREEN_LINES - MIN(dc_layout_lines(layout), SCREEN_LINES);
    const guint lines_of_rest = MIN(total - at - 1, 4);
    if (!wants_block(finding) || (at > 0 && left < DETAIL_LINES + 1 + lines_of_rest))
      break;
    dc_layout_blank(layout);
    finding_block(layout, finding);
  }
  if (at < total)
    dc_layout_blank(layout);
  for (; at < total; at++) {
    const guint left = SCREEN_LINES - MIN(dc_layout_lines(layout), SCREEN_LINES);
    if (left < 2 && total - at > 1)
      break;
    finding_line(layout, g_ptr_array_index(findings, at));
  }
  if (at < total)
    more_findings(layout, findings, at);
}

static void first_screen(DcLayout *layout, const DcReport *report)
{
  verdict_line(layout, report);
  g_autofree char *count = dc_report_count_text(report);
  g_autofree char *sure = dc_report_sure_text(report);
  line(layout, 0, count);
  line(layout, 0, sure);
  if (!report->summary.complete) {
    dc_layout_indent(layout, 0);
    dc_layout_style(layout, DC_STYLE_WARNING);
    dc_layout_text(layout, "INCOMPLETE: ");
    dc_layout_text(layout, report->summary.incomplete_why != NULL ? report->summary.incomplete_why
                                                                  : "something was lost or skipped");
    dc_layout_style(layout, DC_STYLE_PLAIN);
    dc_layout_end_line(layout);
  }
  top_findings(layout, report->findings);
}

static void proofs(DcLayout *layout, const DcReportOptions *options, const GPtrArray *findings)
{
  const guint total = length(findings);
  if (total == 0)
    return;
  const guint shown = options->verbosity > 0 ? total : MIN(total, PROOFS_SHOWN);
  dc_text_heading(layout, "PROOF");
  dc_layout_end_line(layout);
  bool whole = shown == total;
  for (guint i = 0; i < shown; i++) {
    if (i > 0)
      dc_layout_blank(layout);
    whole &= dc_text_proof(layout, options, g_ptr_array_index(findings, i));
  }
  if (whole)
    return;
  dc_layout_blank(layout);
  dc_layout_indent(layout, 0);
  if (shown < total)
    dc_layout_printf(layout, "%u further findings, and more evidence and commands", total - shown);
  else
    dc_layout_text(layout, "More evidence and commands");
  dc_layout_text(layout, " with -v.");
  dc_layout_end_line(layout);
}

/* A long report ends where the eye is. */
static void closing(DcLayout *layout, const DcReport *report)
{
  if (length(report->findings) == 0)
    return;
  const DcFinding *first = g_ptr_array_index(report->findings, 0);
  dc_layout_blank(layout);
  verdict_line(layout, report);
  dc_layout_indent(layout, 0);
  dc_layout_text(layout, "More: ");
  if (dc_cause_name(first->cause) != NULL)
    dc_layout_printf(layout, "dropcorr --explain %s; ", dc_cause_name(first->cause));
  dc_layout_text(layout, "a line per frame with --frames.");
  dc_layout_end_line(layout);
}

static void healthy(DcLayout *layout, const DcReport *report)
{
  g_autofree char *verdict = dc_report_verdict_text(report);
  g_autofree char *checked = dc_report_check_text(report);
  if (g_str_has_suffix(verdict, "."))
    verdict[strlen(verdict) - 1] = '\0';
  dc_layout_indent(layout, 0);
  dc_layout_style(layout, DC_STYLE_STRONG);
  dc_layout_text(layout, verdict);
  dc_layout_style(layout, DC_STYLE_PLAIN);
  dc_layout_printf(layout, " (%" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " drops; %s)",
                   report->summary.frames_seen, report->summary.drops_seen, checked);
  dc_layout_end_line(layout);
  if (!report->summary.complete) {
    dc_layout_printf(layout, "INCOMPLETE: %s",
                     report->summary.incomplete_why != NULL ? report->summary.incomplete_why
                                                            : "something was lost or skipped");
    dc_layout_end_line(layout);
  }
}

/* --- the writer --------------------------------------------------------------- */

typedef struct {
  DcLayout *events; /* records, one line each however long: tools search and cut them */
  bool any;         /* one was written */
} TextWriter;

enum { UNLIMITED_WIDTH = 1 << 20 };

static void text_free(gpointer data)
{
  TextWriter *text = data;
  dc_layout_free(text->events);
  g_free(text);
}

static DcLayout *new_layout(const DcReportWriter *writer, int width)
{
  const char *name = writer->options.stream_name;
  return dc_layout_new(writer->stream, name != NULL ? name : writer->ops->name, width, writer->options.colour);
}

static bool text_begin(DcReportWriter *writer, GError **error)
{
  (void)error;
  TextWriter *text = g_new0(TextWriter, 1);
  text->events = new_layout(writer, UNLIMITED_WIDTH);
  writer->data = text;
  writer->free_data = text_free;
  return true;
}

static bool after_event(TextWriter *text, bool flush, GError **error)
{
  text->any = true;
  return dc_layout_hand_over(text->events, flush, error);
}

static bool text_frame(DcReportWriter *writer, const DcFrameVerdict *verdict, GError **error)
{
  TextWriter *text = writer->data;
  if (!writer->options.frames)
    return true;
  dc_text_frame_line(text->events, &writer->options, verdict);
  return after_event(text, false, error);
}

static bool text_drop(DcReportWriter *writer, const DcDropVerdict *verdict, GError **error)
{
  TextWriter *text = writer->data;
  /* A joined drop stands on its frame's line already. */
  if (!writer->options.frames || (verdict->status == DC_DROP_STATUS_MATCHED && writer->options.verbosity <= 0))
    return true;
  dc_text_drop_line(text->events, &writer->options, verdict);
  return after_event(text, false, error);
}

static bool text_handshake(DcReportWriter *writer, const DcHandshake *handshake, GError **error)
{
  TextWriter *text = writer->data;
  if (!writer->options.handshakes)
    return true;
  dc_text_handshake_line(text->events, &writer->options, handshake);
  return after_event(text, false, error);
}

/* Somebody waits for it: out at once. */
static bool text_finding(DcReportWriter *writer, const DcFinding *finding, GError **error)
{
  TextWriter *text = writer->data;
  dc_text_alert_line(text->events, finding);
  return after_event(text, true, error);
}

static void whole_report(DcLayout *layout, const DcReportOptions *options, const DcReport *report)
{
  const bool well = dc_report_healthy(report);
  const bool all = !well || options->verbosity > 0;
  if (well)
    healthy(layout, report);
  else
    first_screen(layout, report);
  if (options->verbosity < 0)
    return;
  proofs(layout, options, report->findings);
  if (all)
    dc_text_checks(layout, options, report);
  if (all || report->summary.drops_by_status[DC_DROP_STATUS_UNMATCHED] > 0)
    dc_text_drop_groups(layout, options, report);
  if (all)
    dc_text_accounts(layout, options, report);
  dc_text_limits(layout, report);
  if (all)
    dc_text_run(layout, options, report);
  if (dc_layout_lines(layout) > LONG_REPORT)
    closing(layout, report);
}

static bool text_end(DcReportWriter *writer, const DcReport *report, GError **error)
{
  TextWriter *text = writer->data;
  if (text->any) {
    dc_layout_blank(text->events);
    if (!dc_layout_hand_over(text->events, false, error))
      return false;
  }
  g_autoptr(DcLayout) layout = new_layout(writer, writer->options.width > 0 ? writer->options.width : 80);
  whole_report(layout, &writer->options, report);
  return dc_layout_hand_over(layout, true, error);
}

const DcReportWriterOps dc_text_writer_ops = {
    .name = "text",
    .extension = "txt",
    .begin = text_begin,
    .frame = text_frame,
    .drop = text_drop,
    .handshake = text_handshake,
    .finding = text_finding,
    .end = text_end,
};
