/* The top of the page: what was lost, in figures and bars, and when. */
#include "html.h"
#include "wording.h"

#include "dropcorr/report/escape.h"

#include <stdarg.h>

void dc_html_element(GString *out, const char *tag, const char *class_name, const char *text)
{
  g_string_append_printf(out, "<%s", tag);
  if (class_name != NULL)
    g_string_append_printf(out, " class=\"%s\"", class_name);
  g_string_append_c(out, '>');
  dc_escape_html(out, text, -1);
  g_string_append_printf(out, "</%s>\n", tag);
}

void dc_html_element_printf(GString *out, const char *tag, const char *class_name, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  dc_html_element(out, tag, class_name, text);
}

/* Thousandths of the width: whole numbers need no locale. What is there at all is seen. */
enum { BAR_UNITS = 1000, BAR_LEAST = 4, LISTED_MAX = 15, SPAN_LEAST = 10 };

static unsigned units(uint64_t value, uint64_t total)
{
  if (value == 0 || total == 0)
    return 0;
  const double share = (double)value / (double)total * BAR_UNITS;
  return MAX((unsigned)share, BAR_LEAST);
}

void dc_html_bar(GString *out, const DcHtmlPart *parts, size_t count)
{
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++)
    total += parts[i].value;
  g_string_append_printf(out, "<svg viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"",
                         BAR_UNITS);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf(out, "%s%s %" G_GUINT64_FORMAT, i > 0 ? ", " : "", parts[i].label, parts[i].value);
  g_string_append(out, "\">");
  unsigned at = 0;
  for (size_t i = 0; i < count && at < BAR_UNITS; i++) {
    const unsigned width = MIN(units(parts[i].value, total), BAR_UNITS - at);
    if (width > 0)
      g_string_append_printf(out, "<rect class=\"%s\" x=\"%u\" y=\"0\" width=\"%u\" height=\"10\"/>",
                             parts[i].class_name, at, width);
    at += width;
  }
  g_string_append(out, "</svg>\n");
}

static void legend(GString *out, const DcHtmlPart *parts, size_t count)
{
  g_string_append(out, "<ul class=\"legend\">\n");
  for (size_t i = 0; i < count; i++)
    if (parts[i].value > 0)
      g_string_append_printf(out,
                             "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"%s\" width=\"10\" "
                             "height=\"10\"/></svg>%s %" G_GUINT64_FORMAT "</li>\n",
                             parts[i].class_name, parts[i].label, parts[i].value);
  g_string_append(out, "</ul>\n");
}

static void frames_bar(GString *out, const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  const uint64_t outbound = summary->frames_by_fate[DC_FATE_OUTBOUND];
  const uint64_t in = summary->frames_seen - MIN(outbound, summary->frames_seen);
  const uint64_t lost = dc_report_lost(report);
  const uint64_t harmless = dc_summary_lost(summary) - lost;
  const uint64_t open = summary->frames_by_fate[DC_FATE_UNEXPLAINED];
  const DcHtmlPart parts[] = {{lost, "fill-bad", "lost"},
                              {open, "fill-warn", "unexplained"},
                              {harmless, "fill-calm", "lost harmlessly"},
                              {in - MIN(lost + harmless + open, in), "fill-good", "fine"}};
  if (in == 0)
    return;
  dc_html_bar(out, parts, G_N_ELEMENTS(parts));
  legend(out, parts, G_N_ELEMENTS(parts));
}

const char *dc_html_finding_class(const DcFinding *finding)
{
  if (finding->severity == DC_SEVERITY_INFO)
    return "fill-calm";
  return finding->fate == DC_FATE_UNEXPLAINED ? "fill-warn" : "fill-bad";
}

/* A row per finding over the time of the run: whether troubles came together. */
static void timeline_row(GString *out, const DcFinding *finding, int64_t from, int64_t span)
{
  char first[DC_TIME_TEXT_MAX], last[DC_TIME_TEXT_MAX];
  const double scale = (double)BAR_UNITS / (double)span;
  const double start = CLAMP((double)dc_span_ns(from, finding->first_ns) * scale, 0, BAR_UNITS - SPAN_LEAST);
  const double end = CLAMP((double)dc_span_ns(from, finding->last_ns) * scale, start + SPAN_LEAST, BAR_UNITS);
  g_string_append_printf(out, "<tr><td><a href=\"#finding-%u\">#%u ", finding->number, finding->number);
  dc_escape_html(out, finding->title, -1);
  g_string_append_printf(out,
                         "</a></td><td class=\"mono\">%s to %s</td><td><svg class=\"time\" viewBox=\"0 0 %d 10\" "
                         "preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"fill-rest\" y=\"4\" "
                         "width=\"%d\" height=\"2\"/><rect class=\"%s\" x=\"%u\" y=\"0\" width=\"%u\" height=\"10\"/>"
                         "</svg></td></tr>\n",
                         dc_time_text(finding->first_ns, 3, first), dc_time_text(finding->last_ns, 3, last), BAR_UNITS,
                         BAR_UNITS, dc_html_finding_class(finding), (unsigned)start, (unsigned)(end - start));
}

void dc_html_when(GString *out, const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  if (report->findings == NULL || report->findings->len == 0 || summary->first_ns == DC_TIME_NONE ||
      summary->last_ns <= summary->first_ns)
    return;
  g_string_append(out, "<h2>When</h2>\n<table class=\"timeline\">\n");
  const guint listed = MIN(report->findings->len, LISTED_MAX);
  for (guint i = 0; i < listed; i++) {
    const DcFinding *finding = g_ptr_array_index(report->findings, i);
    if (finding->first_ns != DC_TIME_NONE && finding->last_ns != DC_TIME_NONE)
      timeline_row(out, finding, summary->first_ns, dc_span_ns(summary->first_ns, summary->last_ns));
  }
  g_string_append(out, "</table>\n");
  if (report->findings->len > listed)
    dc_html_element_printf(out, "p", "soft", "... and %u more findings, below.", report->findings->len - listed);
}

void dc_html_overview(GString *out, const DcReport *report)
{
  g_autofree char *verdict = dc_report_verdict_text(report);
  g_autofree char *count = dc_report_count_text(report);
  g_autofree char *sure = dc_report_sure_text(report);
  g_autofree char *checked = dc_report_check_text(report);
  g_string_append(out, "<header>\n<p class=\"brand\">dropcorr " DROPCORR_VERSION "</p>\n");
  dc_html_element(out, "h1", NULL, verdict);
  frames_bar(out, report);
  dc_html_element(out, "p", NULL, count);
  dc_html_element_printf(out, "p", NULL, "%s %s.", sure, checked);
  if (!report->summary.complete) {
    g_string_append(out, "<p class=\"warning\"><strong>Incomplete:</strong> ");
    dc_escape_html(
        out, report->summary.incomplete_why != NULL ? report->summary.incomplete_why : "something was lost or skipped",
        -1);
    g_string_append(out, "</p>\n");
  }
  g_string_append(out, "</header>\n");
}
