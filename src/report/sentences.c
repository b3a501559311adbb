/* What is said of a finding and of the whole report in one sentence, the same in every format for people. */
#include "wording.h"

#include <string.h>

char *dc_finding_count_text(const DcFinding *finding)
{
  char rate[DC_QUANTITY_TEXT_MAX];
  if (finding->counted > 0) {
    if (finding->seen <= finding->counted)
      return g_strdup_printf("%s counted: %" G_GUINT64_FORMAT, finding->counted_what, finding->counted);
    return g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " %s (%s)", finding->counted, finding->seen,
                           finding->counted_what, dc_rate_text(finding->counted, finding->seen, rate));
  }
  if (finding->frames == 0 && finding->attempts > 0)
    return g_strdup_printf("%" G_GUINT64_FORMAT " connection attempt%s", finding->attempts,
                           dc_plural(finding->attempts));
  if (finding->frames == 0)
    return g_strdup_printf("%" G_GUINT64_FORMAT " drop%s", finding->drops, dc_plural(finding->drops));
  if (finding->seen < finding->frames)
    return g_strdup_printf("%" G_GUINT64_FORMAT " frame%s", finding->frames, dc_plural(finding->frames));
  return g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " frame%s (%s)", finding->frames, finding->seen,
                         dc_plural(finding->seen), dc_rate_text(finding->frames, finding->seen, rate));
}

const char *dc_finding_count_label(const DcFinding *finding)
{
  if (finding->counted > 0)
    return "counted";
  if (finding->fate == DC_FATE_UNEXPLAINED)
    return "open";
  return finding->severity == DC_SEVERITY_INFO ? "seen" : "lost";
}

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

static void add_matches(GString *out, const DcFinding *finding)
{
  uint64_t joined = 0;
  for (int match = DC_MATCH_NONE + 1; match < DC_MATCH_COUNT; match++)
    joined += finding->by_match[match];
  if (joined == 0) {
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " drop%s without a frame", finding->drops,
                           dc_plural(finding->drops));
    return;
  }
  for (int match = DC_MATCH_COUNT - 1; match > DC_MATCH_NONE; match--) {
    const uint64_t n = finding->by_match[match];
    if (n == 0)
      continue;
    if (n == joined && n == finding->drops) {
      g_string_append(out, n == 1 ? "its drop " : n == 2 ? "both drops " : "all ");
      if (n > 2)
        g_string_append_printf(out, "%" G_GUINT64_FORMAT " drops ", n);
    } else {
      g_string_append_printf(out, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " drops ", n,
                             MAX(finding->drops, joined));
    }
    g_string_append_printf(out, "%s, ", dc_match_text((DcMatch)match));
  }
  g_string_truncate(out, out->len - 2);
}

char *dc_finding_sure_text(const DcFinding *finding)
{
  const char *confidence = dc_confidence_name(finding->confidence);
  GString *out = g_string_new(confidence != NULL ? confidence : "no cause found");
  if (finding->counted > 0) {
    g_string_append(out, finding->since_boot ? ": counted since boot, by a single sample" : ": counted by the kernel");
  } else if (finding->drops > 0) {
    g_string_append(out, ": ");
    add_matches(out, finding);
  } else {
    g_string_append(out, ": no drop event");
    if (length(finding->evidence) > 0)
      g_string_append_printf(out, ", %u piece%s of evidence", length(finding->evidence),
                             dc_plural(length(finding->evidence)));
  }
  return g_string_free(out, FALSE);
}

const DcAction *dc_first_action(const GPtrArray *actions)
{
  for (guint i = 0; i < length(actions); i++) {
    const DcAction *action = g_ptr_array_index(actions, i);
    if (action->command != NULL)
      return action;
  }
  return length(actions) > 0 ? g_ptr_array_index(actions, 0) : NULL;
}

static bool is_loss(DcFate fate)
{
  return fate == DC_FATE_DROPPED || fate == DC_FATE_UNHANDLED || fate == DC_FATE_REFUSED || fate == DC_FATE_SILENT;
}

uint64_t dc_report_lost(const DcReport *report)
{
  uint64_t harmless = 0;
  for (guint i = 0; i < length(report->findings); i++) {
    const DcFinding *finding = g_ptr_array_index(report->findings, i);
    if (finding->severity == DC_SEVERITY_INFO && is_loss(finding->fate))
      harmless += finding->frames;
  }
  const uint64_t all = dc_summary_lost(&report->summary);
  return all - MIN(harmless, all);
}

bool dc_report_healthy(const DcReport *report)
{
  return length(report->findings) == 0 && dc_summary_lost(&report->summary) == 0 &&
         report->summary.frames_by_fate[DC_FATE_UNEXPLAINED] == 0;
}

char *dc_report_verdict_text(const DcReport *report)
{
  if (report->verdict != NULL)
    return g_strdup(report->verdict);
  const uint64_t lost = dc_report_lost(report);
  if (lost > 0)
    return g_strdup_printf("%" G_GUINT64_FORMAT " frame%s never reached a socket", lost, dc_plural(lost));
  return g_strdup(dc_report_healthy(report) ? "no loss seen" : "no frame was lost for certain");
}

char *dc_report_count_text(const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  if (summary->frames_seen == 0)
    return g_strdup("No frames were seen.");
  const uint64_t lost = dc_report_lost(report);
  const uint64_t harmless = dc_summary_lost(summary) - lost;
  const uint64_t open = summary->frames_by_fate[DC_FATE_UNEXPLAINED];
  const uint64_t out_frames = summary->frames_by_fate[DC_FATE_OUTBOUND];
  const uint64_t in = summary->frames_seen - MIN(out_frames, summary->frames_seen);
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "%" G_GUINT64_FORMAT " frame%s in: %" G_GUINT64_FORMAT " lost", in, dc_plural(in), lost);
  char rate[DC_QUANTITY_TEXT_MAX];
  if (dc_rate_text(lost, in, rate)[0] != '\0')
    g_string_append_printf(out, " (%s)", rate);
  if (harmless > 0)
    g_string_append_printf(out, ", %" G_GUINT64_FORMAT " lost harmlessly", harmless);
  if (open > 0)
    g_string_append_printf(out, ", %" G_GUINT64_FORMAT " unexplained", open);
  g_string_append_printf(out, ", %" G_GUINT64_FORMAT " fine; %" G_GUINT64_FORMAT " out.",
                         in - MIN(lost + harmless + open, in), out_frames);
  return g_string_free(out, FALSE);
}

char *dc_report_sure_text(const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  uint64_t frames[DC_CONFIDENCE_COUNT] = {0};
  for (guint i = 0; i < length(report->findings); i++) {
    const DcFinding *finding = g_ptr_array_index(report->findings, i);
    if (is_loss(finding->fate) && finding->severity > DC_SEVERITY_INFO && finding->confidence < DC_CONFIDENCE_COUNT)
      frames[finding->confidence] += finding->frames;
  }
  GString *out = g_string_new(NULL);
  for (int i = DC_CONFIDENCE_COUNT - 1; i > DC_CONFIDENCE_NONE; i--)
    if (frames[i] > 0)
      g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " %s", out->len > 0 ? ", " : "Losses: ", frames[i],
                             dc_confidence_name((DcConfidence)i));
  if (out->len > 0)
    g_string_append(out, ". ");
  if (summary->drops_seen == 0) {
    g_string_append(out, "No drop events.");
    return g_string_free(out, FALSE);
  }
  const uint64_t joined = summary->drops_by_status[DC_DROP_STATUS_MATCHED];
  const uint64_t exact = summary->matched_by[DC_MATCH_EXACT];
  g_string_append_printf(out, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " drop%s matched a frame", joined,
                         summary->drops_seen, dc_plural(summary->drops_seen));
  if (exact > 0 && exact == joined)
    g_string_append(out, ", byte for byte");
  else if (exact > 0)
    g_string_append_printf(out, ", %" G_GUINT64_FORMAT " byte for byte", exact);
  g_string_append_c(out, '.');
  return g_string_free(out, FALSE);
}

char *dc_report_check_text(const DcReport *report)
{
  guint in = 0, ruled_out = 0, unchecked = 0;
  for (guint i = 0; i < length(report->checks); i++) {
    const DcCheck *check = g_ptr_array_index(report->checks, i);
    switch (check->state) {
    case DC_CHECK_RULED_IN:
      in++;
      break;
    case DC_CHECK_RULED_OUT:
      ruled_out++;
      break;
    case DC_CHECK_NOT_CHECKED:
      unchecked++;
      break;
    }
  }
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "%u cause%s: ", length(report->checks), dc_plural(length(report->checks)));
  if (in > 0)
    g_string_append_printf(out, "%u ruled in, ", in);
  g_string_append_printf(out, "%u ruled out, %u not checked", ruled_out, unchecked);
  return g_string_free(out, FALSE);
}
