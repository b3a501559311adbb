/* Below the findings: limits, accounts, drops without a frame, the checklist, the run. */
#include "html.h"
#include "wording.h"

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

static void list(GString *out, const GPtrArray *texts)
{
  for (guint i = 0; i < length(texts); i++)
    dc_html_element(out, "li", NULL, g_ptr_array_index(texts, i));
}

static void limits(GString *out, const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  if (length(report->limits) + length(summary->losses) == 0 && summary->skipped_records == 0)
    return;
  g_string_append(out, "<h2>What this run could not see</h2>\n<ul>\n");
  list(out, summary->losses);
  if (summary->skipped_records > 0)
    dc_html_element_printf(out, "li", NULL, "%" G_GUINT64_FORMAT " malformed record%s of the input skipped",
                           summary->skipped_records, dc_plural(summary->skipped_records));
  list(out, report->limits);
  g_string_append(out, "</ul>\n");
}

static void account(GString *out, uint64_t n, const char *name, const char *meaning, bool sum)
{
  g_string_append(out, sum ? "<tr class=\"sum\">" : "<tr>");
  dc_html_element_printf(out, "td", "number", "%" G_GUINT64_FORMAT, n);
  dc_html_element(out, "td", NULL, name);
  dc_html_element(out, "td", NULL, meaning);
  g_string_append(out, "</tr>\n");
}

static void accounts(GString *out, const DcSummary *summary)
{
  g_string_append(out, "<h2>Frames</h2>\n<table>\n");
  for (int fate = 0; fate < DC_FATE_COUNT; fate++)
    account(out, summary->frames_by_fate[fate], dc_fate_name((DcFate)fate), dc_fate_text((DcFate)fate), false);
  account(out, summary->frames_seen, "seen", "every frame has one fate", true);
  g_string_append(out, "</table>\n");

  uint64_t attempts = 0;
  for (int i = 0; i < DC_OUTCOME_COUNT; i++)
    attempts += summary->handshakes_by_outcome[i];
  if (attempts > 0) {
    g_string_append(out, "<h2>Connection attempts</h2>\n<table>\n");
    for (int i = 0; i < DC_OUTCOME_COUNT; i++)
      account(out, summary->handshakes_by_outcome[i], dc_outcome_name((DcOutcome)i), "", false);
    account(out, attempts, "attempts", "", true);
    g_string_append(out, "</table>\n");
  }
  if (summary->drops_seen == 0)
    return;
  g_string_append(out, "<h2>Drops</h2>\n<table>\n");
  for (int i = 0; i < DC_DROP_STATUS_COUNT; i++)
    account(out, summary->drops_by_status[i], dc_drop_status_name((DcDropStatus)i),
            dc_drop_status_text((DcDropStatus)i), false);
  account(out, summary->drops_seen, "seen", "every drop is counted once", true);
  g_string_append(out, "</table>\n");
}

static void drop_groups(GString *out, const DcReport *report)
{
  if (length(report->drop_groups) == 0)
    return;
  g_string_append(
      out, "<h2>Drops without a frame</h2>\n<table class=\"stack\">\n<tr><th class=\"number\">drops</th><th>status</th>"
           "<th>place</th><th>reason</th><th>why</th></tr>\n");
  for (guint i = 0; i < report->drop_groups->len; i++) {
    const DcDropGroup *group = g_ptr_array_index(report->drop_groups, i);
    g_string_append(out, "<tr>");
    dc_html_element_printf(out, "td", "number", "%" G_GUINT64_FORMAT, group->drops);
    dc_html_element(out, "td", NULL, dc_drop_status_name(group->status));
    dc_html_element(out, "td", "mono", group->location);
    dc_html_element(out, "td", "mono", group->reason);
    const char *why = dc_drop_group_why_text(group);
    if (group->packet != NULL && group->status == DC_DROP_STATUS_UNMATCHED)
      dc_html_element_printf(out, "td", NULL, "%s; for example drop %" G_GUINT64_FORMAT ": %s", why, group->example,
                             group->packet);
    else
      dc_html_element(out, "td", NULL, why);
    g_string_append(out, "</tr>\n");
  }
  g_string_append(out, "</table>\n");
}

static void checks(GString *out, const DcReport *report)
{
  static const DcCheckState ORDER[] = {DC_CHECK_RULED_IN, DC_CHECK_RULED_OUT, DC_CHECK_NOT_CHECKED};
  if (length(report->checks) == 0)
    return;
  g_string_append(out, "<h2>Checklist</h2>\n<table class=\"stack\">\n");
  for (size_t state = 0; state < G_N_ELEMENTS(ORDER); state++)
    for (guint i = 0; i < report->checks->len; i++) {
      const DcCheck *check = g_ptr_array_index(report->checks, i);
      if (check->state != ORDER[state])
        continue;
      g_string_append(out, "<tr>");
      dc_html_element(out, "td", "mono", dc_cause_name(check->cause));
      dc_html_element(out, "td", NULL, dc_check_state_name(check->state));
      dc_html_element(out, "td", NULL, check->value);
      g_string_append(out, "</tr>\n");
    }
  g_string_append(out, "</table>\n");
}

static void run_row(GString *out, const char *name, const char *text)
{
  if (text == NULL)
    return;
  g_string_append_printf(out, "<dt>%s</dt>", name);
  dc_html_element(out, "dd", NULL, text);
}

static void run(GString *out, const DcReport *report, const DcReportOptions *options)
{
  const DcSummary *summary = &report->summary;
  g_string_append(out, "<h2>This run</h2>\n<dl>\n");
  for (guint i = 0; i < length(report->sources); i++)
    run_row(out, i == 0 ? "sources" : "", g_ptr_array_index(report->sources, i));
  run_row(out, "direction", report->direction);
  if (summary->first_ns != DC_TIME_NONE && summary->last_ns != DC_TIME_NONE && summary->frames_seen > 0) {
    char first[DC_TIME_TEXT_MAX], last[DC_TIME_TEXT_MAX], span[DC_QUANTITY_TEXT_MAX];
    g_autofree char *text = g_strdup_printf("%s to %s (%s)", dc_date_text(summary->first_ns, 6, first),
                                            dc_date_text(summary->last_ns, 6, last),
                                            dc_duration_text(dc_span_ns(summary->first_ns, summary->last_ns), span));
    run_row(out, "time", text);
  }
  run_row(out, "kernel", report->kernel);
  run_row(out, "command", options->command_line);
  g_string_append(out, "</dl>\n");
}

void dc_html_tables(GString *out, const DcReport *report, const DcReportOptions *options)
{
  limits(out, report);
  accounts(out, &report->summary);
  drop_groups(out, report);
  checks(out, report);
  run(out, report, options);
}
