/* A card per finding: what, how sure, what to do, and the proof. */
#include "html.h"
#include "wording.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/report/escape.h"

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

static void row(GString *out, const char *name, const char *text)
{
  g_string_append_printf(out, "<dt>%s</dt>", name);
  dc_html_element(out, "dd", NULL, text);
}

static void rows(GString *out, const char *name, const GPtrArray *texts)
{
  for (guint i = 0; i < length(texts); i++)
    row(out, i == 0 ? name : "", g_ptr_array_index(texts, i));
}

static void when(GString *out, const DcFinding *finding)
{
  if (finding->first_ns == DC_TIME_NONE)
    return;
  char first[DC_TIME_TEXT_MAX], last[DC_TIME_TEXT_MAX], span[DC_QUANTITY_TEXT_MAX];
  g_autoptr(GString) text = g_string_new(dc_date_text(finding->first_ns, 9, first));
  if (finding->last_ns != DC_TIME_NONE && finding->last_ns != finding->first_ns)
    g_string_append_printf(text, " to %s (%s)", dc_time_text(finding->last_ns, 9, last),
                           dc_duration_text(dc_span_ns(finding->first_ns, finding->last_ns), span));
  row(out, "when", text->str);
}

static void clients(GString *out, const DcFinding *finding)
{
  const uint32_t n = MIN(finding->client_count, DC_FINDING_CLIENTS);
  if (n == 0)
    return;
  g_autoptr(GString) text = g_string_new(NULL);
  for (uint32_t i = 0; i < n; i++) {
    const DcClient *client = &finding->clients[i];
    char address[DC_ADDR_TEXT_MAX];
    g_string_append_printf(text, "%s%s (%" G_GUINT64_FORMAT ")", i > 0 ? ", " : "",
                           client->addr.version != 0 ? dc_addr_format(&client->addr, address)
                                                     : dc_mac_format(client->mac, address),
                           client->frames);
  }
  if (finding->clients_more)
    g_string_append(text, ", and others");
  row(out, "from", text->str);
}

static void examples(GString *out, const DcFinding *finding)
{
  const uint32_t n = MIN(finding->example_count, DC_FINDING_EXAMPLES);
  if (n == 0)
    return;
  g_autoptr(GString) text = g_string_new(NULL);
  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf(text, "%s%" G_GUINT64_FORMAT, i > 0 ? " " : "", finding->examples[i]);
  if (finding->frames > n)
    g_string_append(text, " ...");
  row(out, "frames", text->str);
}

static void actions(GString *out, const char *title, const GPtrArray *lines)
{
  if (length(lines) == 0)
    return;
  dc_html_element(out, "h4", NULL, title);
  for (guint i = 0; i < lines->len; i++) {
    const DcAction *action = g_ptr_array_index(lines, i);
    if (action->command != NULL) {
      g_string_append(out, "<pre>");
      dc_html_element(out, "code", NULL, action->command);
      g_string_truncate(out, out->len - 1); /* no line feed inside what is copied */
      g_string_append(out, "</pre>\n");
    }
    if (action->what != NULL)
      dc_html_element(out, "p", action->command != NULL ? "soft" : NULL, action->what);
  }
}

static void proof(GString *out, const GPtrArray *lines)
{
  if (length(lines) == 0)
    return;
  g_string_append(out, "<h4>Proof</h4>\n<table class=\"stack\">\n");
  for (guint i = 0; i < lines->len; i++) {
    const DcProof *line = g_ptr_array_index(lines, i);
    char time[DC_TIME_TEXT_MAX];
    g_string_append(out, "<tr>");
    dc_html_element(out, "td", "mono", line->source);
    dc_html_element(out, "td", NULL, line->text);
    dc_html_element(out, "td", "mono", line->time_ns != DC_TIME_NONE ? dc_time_text(line->time_ns, 9, time) : "");
    g_string_append(out, "</tr>\n");
  }
  g_string_append(out, "</table>\n");
}

/* So many stand open: what is worth looking at is among the first. */
#define OPEN_CARDS_MAX 30u

static void card(GString *out, const DcFinding *finding)
{
  g_autofree char *count = dc_finding_count_text(finding);
  g_autofree char *sure = dc_finding_sure_text(finding);
  const char *severity = dc_severity_name(finding->severity);
  const char *fate = dc_fate_name(finding->fate), *cause = dc_cause_name(finding->cause);
  char bytes[DC_QUANTITY_TEXT_MAX];
  g_string_append_printf(out, "<article class=\"%s\" id=\"finding-%u\">\n<h3><span class=\"severity\">%s</span>#%u ",
                         severity, finding->number, severity, finding->number);
  dc_escape_html(out, finding->title, -1);
  g_string_append(out, "</h3>\n");
  if (finding->seen >= finding->frames && finding->frames > 0) {
    const DcHtmlPart parts[] = {{finding->frames, dc_html_finding_class(finding), dc_finding_count_label(finding)},
                                {finding->seen - finding->frames, "fill-rest", "others of this service"}};
    dc_html_bar(out, parts, G_N_ELEMENTS(parts));
  }
  g_string_append(out, "<dl>\n");
  g_autofree char *lost =
      g_strdup_printf("%s%s%s%s%s", count, finding->frames > 0 && fate != NULL ? " " : "",
                      finding->frames > 0 && fate != NULL ? fate : "", finding->bytes > 0 ? ", " : "",
                      finding->bytes > 0 ? dc_bytes_text(finding->bytes, bytes) : "");
  row(out, dc_finding_count_label(finding), lost);
  row(out, "sure", sure);
  if (cause != NULL)
    row(out, "cause", cause);
  when(out, finding);
  clients(out, finding);
  examples(out, finding);
  rows(out, "could also be", finding->rivals);
  rows(out, "kernel reason", finding->reasons);
  rows(out, "place", finding->sites);
  rows(out, "note", finding->notes);
  g_string_append(out, "</dl>\n");
  actions(out, "Confirm", finding->confirm);
  actions(out, "Fix", finding->fix);
  proof(out, finding->evidence);
  g_string_append(out, "</article>\n");
}

void dc_html_findings(GString *out, const DcReport *report)
{
  if (length(report->findings) == 0)
    return;
  g_string_append(out, "<h2>Findings</h2>\n");
  for (guint i = 0; i < report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(report->findings, i);
    if (i < OPEN_CARDS_MAX) {
      card(out, finding);
      continue;
    }
    if (i == OPEN_CARDS_MAX)
      dc_html_element_printf(out, "p", "soft", "%u more, closed: open those that matter.", report->findings->len - i);
    g_autofree char *count = dc_finding_count_text(finding);
    g_string_append_printf(out, "<details class=\"more\"><summary>#%u ", finding->number);
    dc_escape_html(out, finding->title, -1);
    g_string_append_printf(out, ": %s</summary>\n", count);
    card(out, finding);
    g_string_append(out, "</details>\n");
  }
}
