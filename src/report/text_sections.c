/* What the report says below its findings: what was checked, drops without a frame, the
 * accounts, what could not be seen, and how the run was made. */
#include "text.h"
#include "wording.h"

#include <string.h>

enum {
  GROUPS_SHOWN = 12,
  PLACES_SHOWN = 6,
  NUMBER_WIDTH = 8,
  NAME_COLUMN = 9,
  GROUP_COLUMN = 20,
  MEANING_COLUMN = 23,
  VALUE_COLUMN = 29
};

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

DcStyle dc_text_severity_style(DcSeverity severity)
{
  switch (severity) {
  case DC_SEVERITY_HIGH:
    return DC_STYLE_ALARM;
  case DC_SEVERITY_MEDIUM:
    return DC_STYLE_WARNING;
  case DC_SEVERITY_LOW:
    return DC_STYLE_STRONG;
  case DC_SEVERITY_INFO:
    return DC_STYLE_FAINT;
  case DC_SEVERITY_COUNT:
    break;
  }
  return DC_STYLE_PLAIN;
}

void dc_text_heading(DcLayout *layout, const char *title)
{
  dc_layout_blank(layout);
  dc_layout_indent(layout, 0);
  dc_layout_style(layout, DC_STYLE_STRONG);
  dc_layout_text(layout, title);
  dc_layout_style(layout, DC_STYLE_PLAIN);
}

void dc_text_label(DcLayout *layout, int at, int text, const char *label)
{
  dc_layout_indent(layout, at);
  dc_layout_style(layout, DC_STYLE_FAINT);
  dc_layout_text(layout, label);
  dc_layout_style(layout, DC_STYLE_PLAIN);
  dc_layout_tab(layout, text, 1);
  dc_layout_indent(layout, text);
}

/* A count, its last digit in the column before the names'. */
static void number(DcLayout *layout, uint64_t n)
{
  char text[24];
  const int digits = g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, n);
  dc_layout_indent(layout, MAX(NUMBER_WIDTH - digits, 0));
  dc_layout_piece(layout, text);
  dc_layout_tab(layout, NAME_COLUMN, 1);
}

/* --- the checklist ----------------------------------------------------------- */

static bool same_value(const DcCheck *a, const DcCheck *b)
{
  return a->state == b->state && g_strcmp0(a->value, b->value) == 0;
}

static bool has_fellow(const GPtrArray *checks, guint from, guint to, const DcCheck *check)
{
  for (guint i = from; i < to; i++) {
    if (same_value(g_ptr_array_index(checks, i), check))
      return true;
  }
  return false;
}

static const char *check_name(const DcCheck *check)
{
  const char *name = dc_cause_name(check->cause);
  return name != NULL ? name : "(none)";
}

static void check_group(DcLayout *layout, const GPtrArray *checks, guint at)
{
  const DcCheck *first = g_ptr_array_index(checks, at);
  dc_layout_indent(layout, 4);
  dc_layout_text(layout, first->value != NULL && first->value[0] != '\0' ? first->value : "no value");
  dc_layout_text(layout, ": ");
  dc_layout_indent(layout, 6);
  bool any = false;
  for (guint i = at; i < checks->len; i++) {
    const DcCheck *check = g_ptr_array_index(checks, i);
    if (!same_value(first, check))
      continue;
    dc_layout_text(layout, any ? ", " : "");
    dc_layout_text(layout, check_name(check));
    any = true;
  }
  dc_layout_end_line(layout);
}

/* On one line: of a list of counters that stand still as many as fit. What comes after a
 * colon is said of all of them, and is never cut. */
static void one_line(DcLayout *layout, const char *value)
{
  const int room = dc_layout_width(layout) - VALUE_COLUMN;
  if (value == NULL || g_utf8_strlen(value, -1) <= room || strchr(value, ':') != NULL) {
    dc_layout_text(layout, value);
    return;
  }
  const char *end = value;
  for (const char *at = value; (at = strpbrk(at, ",;")) != NULL && at - value <= room - 4; at++)
    end = at;
  if (end == value) { /* no list: wrapped */
    dc_layout_text(layout, value);
    return;
  }
  g_autofree char *head = g_strndup(value, (gsize)(end - value));
  dc_layout_printf(layout, "%s ...", head);
}

static void checks_of_state(DcLayout *layout, const DcReportOptions *options, const GPtrArray *checks,
                            DcCheckState state, const char *title)
{
  bool titled = false;
  /* One by one what has a value of its own, then what shares one. */
  for (int shared = 0; shared < 2; shared++)
    for (guint i = 0; i < checks->len; i++) {
      const DcCheck *check = g_ptr_array_index(checks, i);
      if (check->state != state || has_fellow(checks, 0, i, check) ||
          has_fellow(checks, i + 1, checks->len, check) != (shared == 1))
        continue;
      if (!titled) {
        dc_layout_indent(layout, 2);
        dc_layout_text(layout, title);
        dc_layout_end_line(layout);
        titled = true;
      }
      if (shared) {
        check_group(layout, checks, i);
        continue;
      }
      dc_layout_indent(layout, 4);
      dc_layout_text(layout, check_name(check));
      dc_layout_tab(layout, VALUE_COLUMN, 2);
      dc_layout_indent(layout, VALUE_COLUMN);
      if (state == DC_CHECK_RULED_OUT && options->verbosity <= 0)
        one_line(layout, check->value);
      else
        dc_layout_text(layout, check->value);
      dc_layout_end_line(layout);
    }
}

void dc_text_checks(DcLayout *layout, const DcReportOptions *options, const DcReport *report)
{
  if (length(report->checks) == 0)
    return;
  g_autofree char *text = dc_report_check_text(report);
  dc_text_heading(layout, "CHECKED");
  dc_layout_printf(layout, "  %s", text);
  dc_layout_end_line(layout);
  checks_of_state(layout, options, report->checks, DC_CHECK_RULED_IN, "ruled in");
  checks_of_state(layout, options, report->checks, DC_CHECK_RULED_OUT, "ruled out, by the value seen");
  checks_of_state(layout, options, report->checks, DC_CHECK_NOT_CHECKED, "not checked, and why");
}

/* --- drops without a frame ---------------------------------------------------- */

static void drop_group_head(DcLayout *layout, uint64_t drops, DcDropStatus status)
{
  number(layout, drops);
  dc_layout_text(layout, dc_drop_status_name(status));
  dc_layout_tab(layout, GROUP_COLUMN, 2);
  dc_layout_indent(layout, GROUP_COLUMN + 2);
}

static void drop_group(DcLayout *layout, const DcDropGroup *group)
{
  drop_group_head(layout, group->drops, group->status);
  dc_layout_text(layout, group->location != NULL ? group->location : "(place unknown)");
  dc_layout_printf(layout, ", %s", group->reason != NULL ? group->reason : "no reason given");
  if (dc_cause_name(group->cause) != NULL)
    dc_layout_printf(layout, " [%s]", dc_cause_name(group->cause));
  dc_layout_end_line(layout);
  dc_layout_indent(layout, GROUP_COLUMN);
  dc_layout_text(layout, dc_drop_group_why_text(group));
  dc_layout_end_line(layout);
  if (group->status != DC_DROP_STATUS_UNMATCHED || group->packet == NULL)
    return;
  char time[DC_TIME_TEXT_MAX];
  dc_layout_text(layout, "e.g. ");
  if (group->example != 0)
    dc_layout_printf(layout, "drop %" G_GUINT64_FORMAT ": ", group->example);
  dc_layout_indent(layout, GROUP_COLUMN + 2);
  dc_layout_text(layout, group->packet);
  if (group->first_ns != DC_TIME_NONE)
    dc_layout_printf(layout, " (%s)", dc_time_text(group->first_ns, 9, time));
  dc_layout_end_line(layout);
}

static bool alike(const DcDropGroup *a, const DcDropGroup *b)
{
  return a->status == b->status && a->why == b->why;
}

/* Drops that accuse nobody, by why: how many, and where. groups[at] is the first of its kind. */
static void aside_groups(DcLayout *layout, const GPtrArray *groups, guint at)
{
  const DcDropGroup *first = g_ptr_array_index(groups, at);
  uint64_t drops = 0;
  for (guint i = at; i < groups->len; i++)
    if (alike(first, g_ptr_array_index(groups, i)))
      drops += ((const DcDropGroup *)g_ptr_array_index(groups, i))->drops;
  drop_group_head(layout, drops, first->status);
  dc_layout_printf(layout, "%s: ", dc_drop_group_why_text(first));
  g_autoptr(GHashTable) named = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = at; i < groups->len; i++) {
    const DcDropGroup *group = g_ptr_array_index(groups, i);
    const char *place = group->location != NULL ? group->location : "(place unknown)";
    if (!alike(first, group) || !g_hash_table_add(named, (gpointer)place))
      continue;
    if (g_hash_table_size(named) > PLACES_SHOWN) {
      dc_layout_text(layout, ", ...");
      break;
    }
    dc_layout_printf(layout, "%s%s", g_hash_table_size(named) > 1 ? ", " : "", place);
  }
  dc_layout_end_line(layout);
}

static void all_aside_groups(DcLayout *layout, const GPtrArray *groups)
{
  for (guint i = 0; i < groups->len; i++) {
    const DcDropGroup *group = g_ptr_array_index(groups, i);
    bool first = group->status != DC_DROP_STATUS_UNMATCHED;
    for (guint before = 0; first && before < i; before++)
      first = !alike(group, g_ptr_array_index(groups, before));
    if (first)
      aside_groups(layout, groups, i);
  }
}

/* What may be a loss comes first, and one by one; the rest in sum, unless everything is wanted. */
void dc_text_drop_groups(DcLayout *layout, const DcReportOptions *options, const DcReport *report)
{
  const GPtrArray *groups = report->drop_groups;
  if (length(groups) == 0)
    return;
  dc_text_heading(layout, "DROPS WITHOUT A FRAME");
  dc_layout_end_line(layout);
  const guint most = options->verbosity > 0 ? G_MAXUINT : GROUPS_SHOWN;
  guint shown = 0, left = 0;
  uint64_t rest = 0;
  for (guint i = 0; i < groups->len; i++) {
    const DcDropGroup *group = g_ptr_array_index(groups, i);
    if (group->status != DC_DROP_STATUS_UNMATCHED)
      continue;
    if (shown++ < most) {
      drop_group(layout, group);
    } else {
      rest += group->drops;
      left++;
    }
  }
  if (left > 0) {
    number(layout, rest);
    dc_layout_printf(layout, "unmatched in %u more groups (-v)", left);
    dc_layout_end_line(layout);
  }
  if (options->verbosity <= 0) {
    all_aside_groups(layout, groups);
    return;
  }
  for (guint i = 0; i < groups->len; i++)
    if (((const DcDropGroup *)g_ptr_array_index(groups, i))->status != DC_DROP_STATUS_UNMATCHED)
      drop_group(layout, g_ptr_array_index(groups, i));
}

/* --- accounts: every frame and every drop, with the sum ----------------------- */

static void account(DcLayout *layout, uint64_t n, const char *name, const char *meaning)
{
  number(layout, n);
  dc_layout_text(layout, name);
  if (meaning != NULL && meaning[0] != '\0') {
    dc_layout_tab(layout, MEANING_COLUMN, 2);
    dc_layout_indent(layout, MEANING_COLUMN);
    dc_layout_text(layout, meaning);
  }
  dc_layout_end_line(layout);
}

/* The sum of what was listed stands beside what was seen: a difference would be a frame
 * that nobody accounts for, and is said. */
static void total(DcLayout *layout, uint64_t sum, uint64_t seen, const char *what)
{
  g_autofree char *difference = NULL;
  if (sum != seen)
    difference = g_strdup_printf("but %" G_GUINT64_FORMAT " were seen: %" G_GUINT64_FORMAT " not accounted for", seen,
                                 seen > sum ? seen - sum : sum - seen);
  g_autofree char *name = g_strdup_printf("%s in all", what);
  account(layout, sum, name, difference);
}

static char *grades_text(const DcSummary *summary)
{
  GString *out = g_string_new("joined to a frame");
  for (int match = DC_MATCH_COUNT - 1; match > DC_MATCH_NONE; match--)
    if (summary->matched_by[match] > 0)
      g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " %s", out->str[out->len - 1] == 'e' ? ": " : ", ",
                             summary->matched_by[match], dc_match_name((DcMatch)match));
  return g_string_free(out, FALSE);
}

static void handshakes(DcLayout *layout, const DcSummary *summary)
{
  uint64_t attempts = 0;
  for (int i = 0; i < DC_OUTCOME_COUNT; i++)
    attempts += summary->handshakes_by_outcome[i];
  if (attempts == 0)
    return;
  dc_text_heading(layout, "CONNECTION ATTEMPTS");
  dc_layout_printf(layout, "  %" G_GUINT64_FORMAT ":", attempts);
  bool any = false;
  for (int i = 1; i <= DC_OUTCOME_COUNT; i++) {
    const int outcome = i % DC_OUTCOME_COUNT; /* pending, the first of them, is said last */
    if (summary->handshakes_by_outcome[outcome] == 0)
      continue;
    dc_layout_printf(layout, "%s %" G_GUINT64_FORMAT " %s", any ? "," : "", summary->handshakes_by_outcome[outcome],
                     dc_outcome_name((DcOutcome)outcome));
    any = true;
  }
  dc_layout_end_line(layout);
}

void dc_text_accounts(DcLayout *layout, const DcReportOptions *options, const DcReport *report)
{
  static const DcFate ORDER[] = {DC_FATE_DROPPED,   DC_FATE_SILENT,       DC_FATE_REFUSED,
                                 DC_FATE_UNHANDLED, DC_FATE_UNEXPLAINED,  DC_FATE_ANSWERED,
                                 DC_FATE_CONSUMED,  DC_FATE_UNREMARKABLE, DC_FATE_OUTBOUND};
  _Static_assert(G_N_ELEMENTS(ORDER) == DC_FATE_COUNT, "every fate has its row, or the sum would not be one");
  const DcSummary *summary = &report->summary;
  const bool zeros = options->verbosity > 0;
  uint64_t sum = 0;

  dc_text_heading(layout, "FRAMES");
  dc_layout_end_line(layout);
  for (size_t i = 0; i < G_N_ELEMENTS(ORDER); i++) {
    const uint64_t n = summary->frames_by_fate[ORDER[i]];
    sum += n;
    if (n > 0 || zeros)
      account(layout, n, dc_fate_name(ORDER[i]), dc_fate_text(ORDER[i]));
  }
  total(layout, sum, summary->frames_seen, "frames");

  handshakes(layout, summary);

  if (summary->drops_seen == 0)
    return;
  g_autofree char *grades = grades_text(summary);
  dc_text_heading(layout, "DROPS");
  dc_layout_end_line(layout);
  sum = 0;
  for (int i = 0; i < DC_DROP_STATUS_COUNT; i++) {
    const uint64_t n = summary->drops_by_status[i];
    sum += n;
    if (n > 0 || zeros)
      account(layout, n, dc_drop_status_name((DcDropStatus)i),
              i == DC_DROP_STATUS_MATCHED ? grades : dc_drop_status_text((DcDropStatus)i));
  }
  total(layout, sum, summary->drops_seen, "drops");
}

/* --- limits and the run -------------------------------------------------------- */

static void bullet(DcLayout *layout, const char *text)
{
  dc_layout_indent(layout, 2);
  dc_layout_text(layout, "- ");
  dc_layout_indent(layout, 4);
  dc_layout_text(layout, text);
  dc_layout_end_line(layout);
}

void dc_text_limits(DcLayout *layout, const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  if (length(report->limits) == 0 && length(summary->losses) == 0 && summary->skipped_records == 0)
    return;
  dc_text_heading(layout, "WHAT THIS RUN COULD NOT SEE");
  dc_layout_end_line(layout);
  for (guint i = 0; i < length(summary->losses); i++)
    bullet(layout, g_ptr_array_index(summary->losses, i));
  if (summary->skipped_records > 0) {
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " malformed record%s of the input skipped",
                                            summary->skipped_records, dc_plural(summary->skipped_records));
    bullet(layout, text);
  }
  for (guint i = 0; i < length(report->limits); i++)
    bullet(layout, g_ptr_array_index(report->limits, i));
}

static void run_line(DcLayout *layout, const char *name, const char *text)
{
  if (text == NULL)
    return;
  dc_text_label(layout, 2, 13, name);
  dc_layout_text(layout, text);
  dc_layout_end_line(layout);
}

void dc_text_run(DcLayout *layout, const DcReportOptions *options, const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  dc_text_heading(layout, "THIS RUN");
  dc_layout_end_line(layout);
  for (guint i = 0; i < length(report->sources); i++)
    run_line(layout, i == 0 ? "sources" : "", g_ptr_array_index(report->sources, i));
  run_line(layout, "direction", report->direction);
  if (summary->first_ns != DC_TIME_NONE && summary->last_ns != DC_TIME_NONE && summary->frames_seen > 0) {
    char first[DC_TIME_TEXT_MAX], last[DC_TIME_TEXT_MAX], span[DC_QUANTITY_TEXT_MAX];
    g_autofree char *text = g_strdup_printf("%s to %s (%s)", dc_date_text(summary->first_ns, 6, first),
                                            dc_time_text(summary->last_ns, 6, last),
                                            dc_duration_text(dc_span_ns(summary->first_ns, summary->last_ns), span));
    run_line(layout, "time", text);
  }
  if (summary->filtered_frames > 0 || summary->filtered_drops > 0) {
    g_autofree char *text = g_strdup_printf(
        "left out by the filter: %" G_GUINT64_FORMAT " frame%s, %" G_GUINT64_FORMAT " drop%s", summary->filtered_frames,
        dc_plural(summary->filtered_frames), summary->filtered_drops, dc_plural(summary->filtered_drops));
    run_line(layout, "filter", text);
  }
  run_line(layout, "kernel", report->kernel);
  run_line(layout, "command", options->command_line);
  run_line(layout, "version", "dropcorr " DROPCORR_VERSION);
}
