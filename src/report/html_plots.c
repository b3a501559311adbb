/*
 * Plots as inline SVG. Shapes are stretched to the page's width, so that letters stand beside them as HTML and keep
 * their size; ladders, which hold letters, keep their proportions and never shrink below what can be read. Each bar
 * says its numbers as a title, which browsers show under the pointer and screen readers read.
 */
#include "html.h"
#include "plots.h"
#include "wording.h"

#include "dropcorr/report/escape.h"

enum { PLOT_HEIGHT = 100, SPAN_WIDTH = 10, SERVICES_MAX = 20 };

/* --- frames and drops over time ------------------------------------------------------------- */

/* Hundredths of the height; what is there at all is seen. */
static unsigned height_of(uint64_t value, uint64_t most)
{
  if (value == 0 || most == 0)
    return 0;
  return MAX((unsigned)((double)value / (double)most * PLOT_HEIGHT), 2);
}

static void put_rect(GString *out, uint32_t span, const char *class_name, unsigned *base, unsigned height)
{
  height = MIN(height, PLOT_HEIGHT - *base);
  if (height == 0)
    return;
  *base += height;
  g_string_append_printf(out, "<rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"%d\" height=\"%u\"/>", class_name,
                         span * SPAN_WIDTH, PLOT_HEIGHT - *base, SPAN_WIDTH - 1, height);
}

static void span_title(GString *out, const DcPlotSpan *span)
{
  char time[DC_TIME_TEXT_MAX];
  g_string_append_printf(out, "<title>%s: %" G_GUINT64_FORMAT " frame%s", dc_time_text(span->begin_ns, 0, time),
                         span->frames, dc_plural(span->frames));
  if (span->lost > 0)
    g_string_append_printf(out, ", %" G_GUINT64_FORMAT " lost", span->lost);
  if (span->open > 0)
    g_string_append_printf(out, ", %" G_GUINT64_FORMAT " unexplained", span->open);
  if (span->harmless > 0)
    g_string_append_printf(out, ", %" G_GUINT64_FORMAT " lost harmlessly", span->harmless);
  g_string_append_printf(out, ", %" G_GUINT64_FORMAT " drop%s</title>", span->drops, dc_plural(span->drops));
}

static void begin_plot(GString *out, const DcPlot *plot, const char *what, const char *per, uint64_t most)
{
  g_string_append_printf(out,
                         "<figure>\n<figcaption>%s %s, at most %" G_GUINT64_FORMAT
                         "</figcaption>\n<svg class=\"plot\" viewBox=\"0 0 %u %d\" preserveAspectRatio=\"none\" "
                         "role=\"img\" aria-label=\"%s %s over time\">",
                         what, per, most, plot->used * SPAN_WIDTH, PLOT_HEIGHT, what, per);
}

static void end_plot(GString *out, const DcPlot *plot)
{
  char first[DC_TIME_TEXT_MAX], last[DC_TIME_TEXT_MAX];
  const int64_t end = plot->spans[plot->used - 1].begin_ns + plot->span_ns;
  g_string_append_printf(out, "</svg>\n<p class=\"axis\"><span>%s</span><span>%s</span></p>\n</figure>\n",
                         dc_time_text(plot->spans[0].begin_ns, 0, first), dc_time_text(end, 0, last));
}

void dc_html_activity(GString *out, const DcReport *report)
{
  DcPlot plot;
  if (!dc_plot_fill(&report->activity, DC_PLOT_SPANS_MAX, &plot))
    return;
  g_autofree char *per = dc_plot_per_text(&plot);
  g_string_append(out, "<h2>Over time</h2>\n");
  begin_plot(out, &plot, "Frames in", per, plot.frames_max);
  for (uint32_t i = 0; i < plot.used; i++) {
    const DcPlotSpan *span = &plot.spans[i];
    const uint64_t fine = span->frames - span->lost - span->open - span->harmless;
    unsigned base = 0;
    g_string_append(out, "<g>");
    span_title(out, span);
    put_rect(out, i, "fill-bad", &base, height_of(span->lost, plot.frames_max));
    put_rect(out, i, "fill-warn", &base, height_of(span->open, plot.frames_max));
    put_rect(out, i, "fill-calm", &base, height_of(span->harmless, plot.frames_max));
    put_rect(out, i, "fill-good", &base, height_of(fine, plot.frames_max));
    g_string_append(out, "</g>");
  }
  end_plot(out, &plot);
  if (plot.drops_max == 0)
    return;
  begin_plot(out, &plot, "Drops", per, plot.drops_max);
  for (uint32_t i = 0; i < plot.used; i++) {
    unsigned base = 0;
    g_string_append(out, "<g>");
    span_title(out, &plot.spans[i]);
    put_rect(out, i, "fill-drop", &base, height_of(plot.spans[i].drops, plot.drops_max));
    g_string_append(out, "</g>");
  }
  end_plot(out, &plot);
}

/* --- losses by service --------------------------------------------------------------------------- */

void dc_html_services(GString *out, const DcReport *report)
{
  if (report->services == NULL || report->services->len == 0)
    return;
  g_string_append(out, "<h2>Losses by service</h2>\n<table class=\"services\">\n<tr><th>service</th>"
                       "<th class=\"number\">affected</th><th class=\"number\">seen</th><th></th></tr>\n");
  for (guint i = 0; i < MIN(report->services->len, SERVICES_MAX); i++) {
    const DcServiceLoss *loss = g_ptr_array_index(report->services, i);
    const uint64_t bad = loss->lost + loss->open + loss->harmless;
    const DcHtmlPart parts[] = {{loss->lost, "fill-bad", "lost"},
                                {loss->open, "fill-warn", "unexplained"},
                                {loss->harmless, "fill-calm", "lost harmlessly"},
                                {loss->seen - MIN(bad, loss->seen), "fill-good", "fine"}};
    g_string_append(out, "<tr>");
    dc_html_element(out, "td", NULL, loss->name);
    dc_html_element_printf(out, "td", "number", "%" G_GUINT64_FORMAT, bad);
    dc_html_element_printf(out, "td", "number", "%" G_GUINT64_FORMAT, loss->seen);
    g_string_append(out, "<td class=\"bar\">");
    dc_html_bar(out, parts, G_N_ELEMENTS(parts));
    g_string_append(out, "</td></tr>\n");
  }
  g_string_append(out, "</table>\n");
  if (report->services->len > SERVICES_MAX)
    dc_html_element_printf(out, "p", "soft", "... and %u more services.", report->services->len - SERVICES_MAX);
}

/* --- connection attempts -------------------------------------------------------------------------- */

enum { LADDER_WIDTH = 340, LEFT = 74, RIGHT = 316, RUNG_HEIGHT = 30, LADDER_TOP = 30 };

static void rung(GString *out, const DcRung *rung, unsigned y, bool failed)
{
  char offset[DC_QUANTITY_TEXT_MAX];
  const unsigned slope = 8; /* time goes down, also under way */
  const unsigned from = rung->inbound ? LEFT : RIGHT, to = rung->inbound ? RIGHT : LEFT;
  const unsigned tip = rung->inbound ? to - 7 : to + 7;
  g_string_append_printf(out, "<text class=\"offset\" x=\"%d\" y=\"%u\">%s s</text>", LEFT - 8, y + 4,
                         dc_offset_text(rung->offset_ns, offset));
  g_string_append_printf(out,
                         "<g class=\"%s\"><title>frame %" G_GUINT64_FORMAT "</title><path d=\"M%u %uL%u %u\"/>"
                         "<path d=\"M%u %uL%u %uL%u %u\"/></g>",
                         failed ? "rung bad" : "rung", rung->frame, from, y, to, y + slope, tip, y + slope - 5, to,
                         y + slope, tip, y + slope + 4);
  g_string_append_printf(out, "<text class=\"label\" x=\"%d\" y=\"%u\">%s</text>\n", (LEFT + RIGHT) / 2, y - 1,
                         rung->label);
}

static void ladder(GString *out, const char *title, const DcHandshake *handshake, bool failed)
{
  DcRung rungs[DC_LADDER_RUNGS_MAX];
  char packet[DC_PACKET_TEXT_MAX];
  const uint32_t n = dc_ladder_fill(handshake, rungs);
  const uint32_t more =
      handshake->syns > DC_HANDSHAKE_FRAMES_MAX ? handshake->syns - (uint32_t)DC_HANDSHAKE_FRAMES_MAX : 0;
  const unsigned bottom = LADDER_TOP + n * RUNG_HEIGHT + 4;
  g_autofree char *end = dc_ladder_end_text(handshake);
  g_string_append(out, "<figure>\n<figcaption>");
  dc_escape_html(out, title, -1);
  g_string_append(out, "<span class=\"mono\">");
  dc_escape_html(out, dc_packet_text(&handshake->brief, true, packet), -1);
  g_string_append_printf(out,
                         "</span></figcaption>\n<svg class=\"ladder\" viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"",
                         LADDER_WIDTH, bottom + 4);
  dc_escape_html(out, end, -1);
  g_string_append_printf(out,
                         "\"><text class=\"end\" x=\"%d\" y=\"12\">client</text><text class=\"end\" x=\"%d\" "
                         "y=\"12\">this host</text><path class=\"line\" d=\"M%d 18V%u\"/><path class=\"line\" d=\"M%d "
                         "18V%u\"/>\n",
                         LEFT, RIGHT - 10, LEFT, bottom, RIGHT, bottom);
  for (uint32_t i = 0; i < n; i++)
    rung(out, &rungs[i], LADDER_TOP + i * RUNG_HEIGHT, failed && rungs[i].inbound);
  g_string_append(out, "</svg>\n");
  if (more > 0)
    dc_html_element_printf(out, "p", "soft", "... and %u more retr%s.", more, more == 1 ? "y" : "ies");
  dc_html_element(out, "p", NULL, end);
  g_string_append(out, "</figure>\n");
}

void dc_html_ladders(GString *out, const DcReport *report)
{
  if (report->unanswered == NULL)
    return;
  g_string_append(out, "<h2>Connection attempts beside each other</h2>\n<div class=\"ladders\">\n");
  ladder(out, "One that failed", report->unanswered, true);
  if (report->answered != NULL)
    ladder(out, "One that went well", report->answered, false);
  g_string_append(out, "</div>\n");
}
