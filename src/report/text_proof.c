/* A finding with everything that speaks for it, and what remains in doubt. */
#include "text.h"
#include "wording.h"

#include "dropcorr/decode/packet.h"

enum { LABEL_COLUMN = 3, TEXT_COLUMN = 11, EVIDENCE_SHOWN = 5, EVIDENCE_SHOWN_INFO = 2, LIST_SHOWN = 4 };

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

static void label(DcLayout *layout, const char *text)
{
  dc_text_label(layout, LABEL_COLUMN, TEXT_COLUMN, text);
}

static void title(DcLayout *layout, const DcFinding *finding, guint place)
{
  dc_layout_indent(layout, 0);
  dc_layout_printf(layout, "%u. ", place);
  dc_layout_indent(layout, LABEL_COLUMN);
  dc_layout_style(layout, DC_STYLE_STRONG);
  dc_layout_text(layout, finding->title);
  dc_layout_style(layout, DC_STYLE_PLAIN);
  dc_layout_printf(layout, " [%s, ", dc_severity_name(finding->severity));
  dc_layout_printf(layout, "%s]", dc_cause_name(finding->cause) != NULL ? dc_cause_name(finding->cause) : "no cause");
  dc_layout_end_line(layout);
}

static void what(DcLayout *layout, const DcFinding *finding)
{
  char text[DC_QUANTITY_TEXT_MAX];
  g_autofree char *count = dc_finding_count_text(finding);
  label(layout, finding->severity == DC_SEVERITY_INFO ? "seen" : "lost");
  dc_layout_text(layout, count);
  const char *fate = dc_fate_name(finding->fate);
  if (fate != NULL && finding->frames > 0)
    dc_layout_printf(layout, " %s", fate);
  if (finding->frames > 0 && finding->drops > 0)
    dc_layout_printf(layout, ", %" G_GUINT64_FORMAT " drop%s", finding->drops, dc_plural(finding->drops));
  if (finding->bytes > 0)
    dc_layout_printf(layout, ", %s", dc_bytes_text(finding->bytes, text));
  dc_layout_end_line(layout);
}

static void when(DcLayout *layout, const DcFinding *finding)
{
  if (finding->first_ns == DC_TIME_NONE)
    return;
  char text[DC_TIME_TEXT_MAX], span[DC_QUANTITY_TEXT_MAX];
  label(layout, "when");
  dc_layout_text(layout, dc_time_text(finding->first_ns, 9, text));
  if (finding->last_ns != DC_TIME_NONE && finding->last_ns != finding->first_ns) {
    dc_layout_printf(layout, " to %s", dc_time_text(finding->last_ns, 9, text));
    dc_layout_printf(layout, " (%s)", dc_duration_text(dc_span_ns(finding->first_ns, finding->last_ns), span));
  }
  dc_layout_end_line(layout);
}

static void evidence(DcLayout *layout, const DcReportOptions *options, const DcFinding *finding)
{
  const guint total = length(finding->evidence);
  const guint most = finding->severity == DC_SEVERITY_INFO ? EVIDENCE_SHOWN_INFO : EVIDENCE_SHOWN;
  const guint shown = options->verbosity > 0 ? total : MIN(total, most);
  for (guint i = 0; i < shown; i++) {
    const DcProof *line = g_ptr_array_index(finding->evidence, i);
    label(layout, i == 0 ? "proof" : "");
    char time[DC_TIME_TEXT_MAX];
    if (line->source != NULL)
      dc_layout_text(layout, line->source);
    if (line->time_ns != DC_TIME_NONE)
      dc_layout_printf(layout, "%s%s", line->source != NULL ? ", " : "", dc_time_text(line->time_ns, 9, time));
    if (line->source != NULL || line->time_ns != DC_TIME_NONE)
      dc_layout_text(layout, ": ");
    dc_layout_indent(layout, TEXT_COLUMN + 2);
    dc_layout_text(layout, line->text);
    dc_layout_end_line(layout);
  }
  if (shown < total) {
    label(layout, "");
    dc_layout_printf(layout, "... and %u more (-v)", total - shown);
    dc_layout_end_line(layout);
  }
}

static void examples(DcLayout *layout, const DcFinding *finding)
{
  const uint32_t n = MIN(finding->example_count, DC_FINDING_EXAMPLES);
  if (n == 0)
    return;
  label(layout, "frames");
  for (uint32_t i = 0; i < n; i++)
    dc_layout_printf(layout, "%s%" G_GUINT64_FORMAT, i > 0 ? " " : "", finding->examples[i]);
  if (finding->frames > n)
    dc_layout_printf(layout, " ... (%" G_GUINT64_FORMAT " in all)", finding->frames);
  dc_layout_end_line(layout);
}

static void clients(DcLayout *layout, const DcFinding *finding)
{
  const uint32_t n = MIN(finding->client_count, DC_FINDING_CLIENTS);
  if (n == 0)
    return;
  label(layout, "from");
  for (uint32_t i = 0; i < n; i++) {
    const DcClient *client = &finding->clients[i];
    char text[DC_ADDR_TEXT_MAX];
    if (i > 0)
      dc_layout_text(layout, ", ");
    dc_layout_text(layout,
                   client->addr.version != 0 ? dc_addr_format(&client->addr, text) : dc_mac_format(client->mac, text));
    if (n > 1 || client->frames != finding->frames) /* all from one: said above */
      dc_layout_printf(layout, " (%" G_GUINT64_FORMAT ")", client->frames);
  }
  if (finding->clients_more)
    dc_layout_text(layout, ", and others");
  dc_layout_end_line(layout);
}

/* Short ones on one line, divided by commas. */
static void words(DcLayout *layout, const char *name, const GPtrArray *texts)
{
  if (length(texts) == 0)
    return;
  label(layout, name);
  for (guint i = 0; i < texts->len; i++) {
    dc_layout_text(layout, i > 0 ? ", " : "");
    dc_layout_text(layout, g_ptr_array_index(texts, i));
  }
  dc_layout_end_line(layout);
}

static void sentences(DcLayout *layout, const DcReportOptions *options, const char *name, const char *before,
                      const GPtrArray *texts)
{
  const guint shown = options->verbosity > 0 ? length(texts) : MIN(length(texts), LIST_SHOWN);
  for (guint i = 0; i < shown; i++) {
    label(layout, i == 0 ? name : "");
    dc_layout_text(layout, before);
    dc_layout_text(layout, g_ptr_array_index(texts, i));
    dc_layout_end_line(layout);
  }
  if (shown < length(texts)) {
    label(layout, "");
    dc_layout_printf(layout, "... and %u more (-v)", length(texts) - shown);
    dc_layout_end_line(layout);
  }
}

static void actions(DcLayout *layout, const char *name, const GPtrArray *lines)
{
  for (guint i = 0; i < length(lines); i++) {
    const DcAction *action = g_ptr_array_index(lines, i);
    label(layout, i == 0 ? name : "");
    if (action->command != NULL) {
      dc_layout_command(layout, action->command);
      dc_layout_end_line(layout);
    }
    if (action->what != NULL) {
      if (action->command != NULL) {
        dc_layout_indent(layout, TEXT_COLUMN + 2);
        dc_layout_style(layout, DC_STYLE_PLAIN);
        dc_layout_text(layout, "# ");
        dc_layout_indent(layout, TEXT_COLUMN + 4);
      }
      dc_layout_text(layout, action->what);
      dc_layout_end_line(layout);
    }
  }
}

void dc_text_proof(DcLayout *layout, const DcReportOptions *options, const DcFinding *finding, guint place)
{
  title(layout, finding, place);
  what(layout, finding);
  when(layout, finding);
  g_autofree char *sure = dc_finding_sure_text(finding);
  label(layout, "sure");
  dc_layout_text(layout, sure);
  dc_layout_end_line(layout);
  evidence(layout, options, finding);
  sentences(layout, options, "doubt", "could also be ", finding->rivals);
  examples(layout, finding);
  clients(layout, finding);
  words(layout, "reason", finding->reasons);
  words(layout, "where", finding->sites);
  sentences(layout, options, "note", "", finding->notes);
  actions(layout, "confirm", finding->confirm);
  actions(layout, "fix", finding->fix);
}
