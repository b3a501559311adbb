/*
 * The report as Markdown: for a ticket, a pull request, a mail. Reads as plain text too.
 * Issue trackers cut or refuse long texts, so it has fewer than 28000 characters whatever
 * happened: what is left out is counted and said.
 *
 * Text from outside stands in code spans and fenced blocks alone, where nothing is markup.
 */
#include "plots.h"
#include "text.h"
#include "wording.h"
#include "writers.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/report/escape.h"

#include <errno.h>
#include <string.h>

enum {
  DOCUMENT_MAX = 27500, /* bytes: never fewer than the characters */
  FINDINGS_MAX = 13000, /* of them, so that the sections below have room */
  SECTION_MAX = 3000,
  LINE_MAX_BYTES = 300, /* of a text from outside */
  LIST_MAX = 6,
  BACKTICKS_MAX = 15
};

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

/* The first bytes of a text, whole characters, with "..." where something is missing. */
static char *shortened(const char *text)
{
  if (text == NULL)
    return g_strdup("");
  const size_t len = strlen(text);
  if (len <= LINE_MAX_BYTES)
    return g_strdup(text);
  size_t at = 0;
  while (at < LINE_MAX_BYTES) {
    uint32_t character;
    at += dc_utf8_decode(text + at, len - at, &character);
  }
  return g_strdup_printf("%.*s...", (int)at, text);
}

static void put_text(GString *out, const char *text)
{
  g_autofree char *cut = shortened(text);
  dc_escape_markdown(out, cut, -1);
}

/* A line of a fenced block. */
static void put_raw(GString *out, const char *text)
{
  g_autofree char *cut = shortened(text);
  dc_escape_terminal(out, cut, -1);
}

/* CommonMark 4.5: the fence must be longer than any run of backticks in the block. Lines
 * beyond max bytes are left out, and counted. */
static void put_fenced(GString *out, const char *language, const char *block, size_t max)
{
  size_t end = strlen(block);
  guint cut = 0;
  if (end > max) {
    end = max;
    while (end > 0 && block[end - 1] != '\n')
      end--;
    for (const char *at = block + end; (at = strchr(at, '\n')) != NULL; at++)
      cut++;
  }
  g_autofree char *body = g_strndup(block, end);
  size_t longest = 2, run = 0;
  for (size_t i = 0; i < end; i++) {
    run = body[i] == '`' ? run + 1 : 0;
    longest = MAX(longest, run);
  }
  if (longest > BACKTICKS_MAX) { /* nobody means these */
    g_strdelimit(body, "`", '\'');
    longest = 2;
  }
  g_autofree char *fence = g_strnfill(longest + 1, '`');
  g_string_append_printf(out, "%s%s\n", fence, language);
  g_string_append(out, body);
  if (cut > 0)
    g_string_append_printf(out, "... %u more line%s: see the text report\n", cut, dc_plural(cut));
  g_string_append_printf(out, "%s\n", fence);
}

/* --- a finding ------------------------------------------------------------------ */

static void evidence(GString *out, const GPtrArray *lines)
{
  if (length(lines) == 0)
    return;
  g_autoptr(GString) block = g_string_new(NULL);
  for (guint i = 0; i < MIN(lines->len, LIST_MAX); i++) {
    const DcProof *line = g_ptr_array_index(lines, i);
    char time[DC_TIME_TEXT_MAX];
    put_raw(block, line->source);
    if (line->time_ns != DC_TIME_NONE)
      g_string_append_printf(block, ", %s", dc_time_text(line->time_ns, 9, time));
    g_string_append(block, ": ");
    put_raw(block, line->text);
    g_string_append_c(block, '\n');
  }
  if (lines->len > LIST_MAX)
    g_string_append_printf(block, "... and %u more\n", lines->len - LIST_MAX);
  g_string_append(out, "\nProof:\n\n");
  put_fenced(out, "text", block->str, SECTION_MAX);
}

static void put_commands(GString *out, GString *commands)
{
  if (commands->len == 0)
    return;
  g_string_append_c(out, '\n');
  put_fenced(out, "sh", commands->str, SECTION_MAX);
  g_string_truncate(commands, 0);
}

/* In their order, the most useful first: words as list items, commands in blocks. */
static void actions(GString *out, const char *title, const GPtrArray *lines)
{
  if (length(lines) == 0)
    return;
  g_autoptr(GString) commands = g_string_new(NULL);
  bool in_list = false;
  g_string_append_printf(out, "\n%s:\n", title);
  for (guint i = 0; i < MIN(lines->len, LIST_MAX); i++) {
    const DcAction *action = g_ptr_array_index(lines, i);
    if (action->command == NULL) {
      put_commands(out, commands);
      g_string_append(out, in_list ? "- " : "\n- ");
      put_text(out, action->what);
      g_string_append_c(out, '\n');
      in_list = true;
      continue;
    }
    in_list = false;
    /* What it does stands above it, so that a line can be copied as it is. */
    if (action->what != NULL) {
      g_string_append(commands, "# ");
      put_raw(commands, action->what);
      g_string_append_c(commands, '\n');
    }
    put_raw(commands, action->command);
    g_string_append_c(commands, '\n');
  }
  put_commands(out, commands);
}

static void list_item(GString *out, const char *name, const char *text)
{
  g_string_append_printf(out, "- %s: ", name);
  put_text(out, text);
  g_string_append_c(out, '\n');
}

static void list_items(GString *out, const char *name, const GPtrArray *texts)
{
  for (guint i = 0; i < MIN(length(texts), LIST_MAX); i++)
    list_item(out, name, g_ptr_array_index(texts, i));
  if (length(texts) > LIST_MAX)
    g_string_append_printf(out, "- ... and %u more of these\n", texts->len - LIST_MAX);
}

static void clients(GString *out, const DcFinding *finding)
{
  const uint32_t n = MIN(finding->client_count, DC_FINDING_CLIENTS);
  if (n == 0)
    return;
  g_string_append(out, "- from: ");
  for (uint32_t i = 0; i < n; i++) {
    const DcClient *client = &finding->clients[i];
    char text[DC_ADDR_TEXT_MAX];
    g_string_append_printf(out, "%s`%s` (%" G_GUINT64_FORMAT ")", i > 0 ? ", " : "",
                           client->addr.version != 0 ? dc_addr_format(&client->addr, text)
                                                     : dc_mac_format(client->mac, text),
                           client->frames);
  }
  g_string_append(out, finding->clients_more ? ", and others\n" : "\n");
}

static void when(GString *out, const DcFinding *finding)
{
  if (finding->first_ns == DC_TIME_NONE)
    return;
  char first[DC_TIME_TEXT_MAX], last[DC_TIME_TEXT_MAX], span[DC_QUANTITY_TEXT_MAX];
  g_string_append_printf(out, "- when: %s", dc_date_text(finding->first_ns, 9, first));
  if (finding->last_ns != DC_TIME_NONE && finding->last_ns != finding->first_ns)
    g_string_append_printf(out, " to %s (%s)", dc_time_text(finding->last_ns, 9, last),
                           dc_duration_text(dc_span_ns(finding->first_ns, finding->last_ns), span));
  g_string_append_c(out, '\n');
}

static void put_finding(GString *out, const DcFinding *finding)
{
  g_autofree char *count = dc_finding_count_text(finding);
  g_autofree char *sure = dc_finding_sure_text(finding);
  char bytes[DC_QUANTITY_TEXT_MAX];
  g_string_append_printf(out, "\n## Finding %u: ", finding->number);
  put_text(out, finding->title);
  const char *cause = dc_cause_name(finding->cause), *fate = dc_fate_name(finding->fate);
  g_string_append_printf(out, "\n\nSeverity %s", dc_severity_name(finding->severity));
  if (cause != NULL)
    g_string_append_printf(out, ", cause `%s`", cause);
  g_string_append_printf(out, ".\n\n- %s: %s", dc_finding_count_label(finding), count);
  if (fate != NULL && finding->frames > 0)
    g_string_append_printf(out, " %s", fate);
  if (finding->bytes > 0)
    g_string_append_printf(out, ", %s", dc_bytes_text(finding->bytes, bytes));
  g_string_append_printf(out, "\n- sure: %s\n", sure);
  when(out, finding);
  clients(out, finding);
  if (finding->example_count > 0) {
    g_string_append(out, "- frames:");
    for (uint32_t i = 0; i < MIN(finding->example_count, DC_FINDING_EXAMPLES); i++)
      g_string_append_printf(out, " %" G_GUINT64_FORMAT, finding->examples[i]);
    g_string_append(out, finding->frames > finding->example_count ? " ...\n" : "\n");
  }
  list_items(out, "could also be", finding->rivals);
  list_items(out, "kernel reason", finding->reasons);
  list_items(out, "place", finding->sites);
  list_items(out, "note", finding->notes);
  evidence(out, finding->evidence);
  actions(out, "Confirm", finding->confirm);
  actions(out, "Fix", finding->fix);
}

static void findings(GString *out, const GPtrArray *all)
{
  guint at = 0;
  for (; at < length(all); at++) {
    const gsize before = out->len;
    put_finding(out, g_ptr_array_index(all, at));
    if (out->len > FINDINGS_MAX) {
      g_string_truncate(out, before);
      break;
    }
  }
  if (at >= length(all))
    return;
  g_string_append_printf(out, "\n## Further findings\n\n");
  guint listed = 0;
  for (guint i = at; i < all->len && out->len < FINDINGS_MAX + 1500 && listed < 20; i++, listed++) {
    const DcFinding *finding = g_ptr_array_index(all, i);
    g_autofree char *count = dc_finding_count_text(finding);
    g_string_append_printf(out, "- finding %u, %s: ", finding->number, dc_severity_name(finding->severity));
    put_text(out, finding->title);
    g_string_append_printf(out, ", %s\n", count);
  }
  if (at + listed < all->len)
    g_string_append_printf(out, "- ... and %u more: see the text report\n", all->len - at - listed);
}

/* --- plots, in letters ------------------------------------------------------------- */

enum { PLOT_ROWS_MAX = 24, PLOT_WIDTH = 30, SERVICES_MAX = 12 };

static void put_bar(GString *block, uint64_t lost, uint64_t whole, uint64_t most)
{
  const double scale = most > 0 ? (double)PLOT_WIDTH / (double)most : 0;
  const int all = whole > 0 ? MAX((int)((double)whole * scale), 1) : 0;
  const int bad = lost > 0 ? CLAMP((int)((double)lost * scale), 1, MAX(all, 1)) : 0;
  for (int i = 0; i < MAX(all, bad); i++)
    g_string_append_c(block, i < bad ? '#' : '-');
}

static void services(GString *out, const DcReport *report)
{
  if (length(report->services) == 0)
    return;
  g_autoptr(GString) block = g_string_new("    seen     lost  service\n");
  for (guint i = 0; i < MIN(report->services->len, SERVICES_MAX); i++) {
    const DcServiceLoss *loss = g_ptr_array_index(report->services, i);
    g_string_append_printf(block, "%8" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT "  ", loss->seen, loss->lost);
    put_raw(block, loss->name);
    if (loss->harmless > 0)
      g_string_append_printf(block, ", %" G_GUINT64_FORMAT " lost harmlessly", loss->harmless);
    if (loss->open > 0)
      g_string_append_printf(block, ", %" G_GUINT64_FORMAT " unexplained", loss->open);
    g_string_append_c(block, '\n');
  }
  if (report->services->len > SERVICES_MAX)
    g_string_append_printf(block, "... and %u more services\n", report->services->len - SERVICES_MAX);
  g_string_append(out, "\n## Losses by service\n\n");
  put_fenced(out, "text", block->str, SECTION_MAX / 3);
}

static void activity(GString *out, const DcReport *report)
{
  DcPlot plot;
  if (!dc_plot_fill(&report->activity, PLOT_ROWS_MAX, &plot) || plot.used < 2)
    return;
  g_autofree char *per = dc_plot_per_text(&plot);
  g_autoptr(GString) block = g_string_new("time       frames     lost    drops\n");
  for (uint32_t i = 0; i < plot.used; i++) {
    const DcPlotSpan *span = &plot.spans[i];
    char time[DC_TIME_TEXT_MAX];
    g_string_append_printf(block, "%s %8" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT "  ",
                           dc_time_text(span->begin_ns, 0, time), span->frames, span->lost, span->drops);
    put_bar(block, span->lost, span->frames, plot.frames_max);
    while (block->str[block->len - 1] == ' ')
      g_string_truncate(block, block->len - 1);
    g_string_append_c(block, '\n');
  }
  g_string_append_printf(out, "\n## Over time\n\nFrames in, those of them that were lost (`#`), and drops, %s.\n\n",
                         per);
  put_fenced(out, "text", block->str, SECTION_MAX * 2 / 3);
}

static void put_ladder(GString *block, const DcHandshake *handshake)
{
  DcRung rungs[DC_LADDER_RUNGS_MAX];
  char packet[DC_PACKET_TEXT_MAX];
  const uint32_t n = dc_ladder_fill(handshake, rungs);
  put_raw(block, dc_packet_text(&handshake->brief, true, packet));
  g_string_append_c(block, '\n');
  for (uint32_t i = 0; i < n; i++) {
    char offset[DC_QUANTITY_TEXT_MAX];
    g_string_append_printf(block, "%10s s  %s %-14s %s  frame %" G_GUINT64_FORMAT "\n",
                           dc_offset_text(rungs[i].offset_ns, offset), rungs[i].inbound ? "--" : "<-", rungs[i].label,
                           rungs[i].inbound ? "->" : "--", rungs[i].frame);
  }
  if (handshake->syns > DC_HANDSHAKE_FRAMES_MAX)
    g_string_append_printf(block, "  ... and %u more retries\n", handshake->syns - DC_HANDSHAKE_FRAMES_MAX);
  g_autofree char *end = dc_ladder_end_text(handshake);
  g_string_append(block, "  ");
  put_raw(block, end);
  g_string_append_c(block, '\n');
}

static void ladders(GString *out, const DcReport *report)
{
  if (report->unanswered == NULL)
    return;
  g_autoptr(GString) block = g_string_new(NULL);
  put_ladder(block, report->unanswered);
  if (report->answered != NULL) {
    g_string_append(block, "\nand one that went well:\n\n");
    put_ladder(block, report->answered);
  }
  g_string_append(out, "\n## A connection attempt that failed\n\n");
  put_fenced(out, "text", block->str, SECTION_MAX / 2);
}

/* --- sections that are the text report's ------------------------------------------ */

/* without_heading: the text's own first line says what the title says. */
static void section(GString *out, const char *title, DcLayout *layout, bool without_heading, size_t max)
{
  g_autofree char *text = dc_layout_take(layout);
  g_strchomp(text);
  const char *body = text;
  while (*body == '\n')
    body++;
  if (without_heading)
    body += strcspn(body, "\n") + (strchr(body, '\n') != NULL);
  if (*body == '\0')
    return;
  g_autofree char *block = g_strdup_printf("%s\n", body);
  g_string_append_printf(out, "\n## %s\n\n", title);
  put_fenced(out, "text", block, max);
}

static char *document(const DcReport *report, const DcReportOptions *options)
{
  GString *out = g_string_sized_new(8192);
  g_autofree char *verdict = dc_report_verdict_text(report);
  g_autofree char *count = dc_report_count_text(report);
  g_autofree char *sure = dc_report_sure_text(report);
  g_autofree char *checked = dc_report_check_text(report);
  g_string_append(out, "# dropcorr: ");
  put_text(out, verdict);
  g_string_append_printf(out, "\n\n%s\n%s\n%s.\n", count, sure, checked);
  if (!report->summary.complete) {
    g_string_append(out, "\n**Incomplete**: ");
    put_text(out,
             report->summary.incomplete_why != NULL ? report->summary.incomplete_why : "something was lost or skipped");
    g_string_append_c(out, '\n');
  }
  findings(out, report->findings);
  services(out, report);
  activity(out, report);
  ladders(out, report);

  g_autoptr(DcLayout) layout = dc_layout_new(NULL, "markdown", 80, false);
  dc_text_limits(layout, report);
  section(out, "What this run could not see", layout, true, SECTION_MAX / 2);
  dc_text_accounts(layout, options, report);
  section(out, "Accounts", layout, false, SECTION_MAX / 2);
  dc_text_run(layout, options, report);
  section(out, "This run", layout, true, SECTION_MAX / 2);
  dc_text_drop_groups(layout, options, report);
  section(out, "Drops without a frame", layout, true, SECTION_MAX / 2);
  dc_text_checks(layout, options, report);
  const size_t left = DOCUMENT_MAX - MIN(out->len + 200, DOCUMENT_MAX);
  if (left > 500)
    section(out, "Checklist", layout, true, MIN(left, SECTION_MAX));
  return g_string_free(out, FALSE);
}

static bool markdown_begin(DcReportWriter *writer, GError **error)
{
  (void)writer;
  (void)error;
  return true;
}

static bool markdown_end(DcReportWriter *writer, const DcReport *report, GError **error)
{
  const char *name = writer->options.stream_name;
  DcReportOptions options = writer->options;
  options.verbosity = 0;
  g_autofree char *text = document(report, &options);
  const size_t len = strlen(text);
  errno = 0;
  if (fwrite(text, 1, len, writer->stream) == len && fflush(writer->stream) == 0)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: cannot write: %s; what was written is incomplete",
              name != NULL ? name : writer->ops->name, errno != 0 ? g_strerror(errno) : "unknown error");
  return false;
}

const DcReportWriterOps dc_markdown_writer_ops = {
    .name = "md",
    .extension = "md",
    .begin = markdown_begin,
    .end = markdown_end,
};
