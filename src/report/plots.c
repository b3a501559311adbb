#include "plots.h"

#include "wording.h"

#include "dropcorr/diagnose/catalogue.h"

#include <stdlib.h>
#include <string.h>

bool dc_plot_fill(const DcActivity *activity, uint32_t most, DcPlot *ret_plot)
{
  memset(ret_plot, 0, sizeof *ret_plot);
  if (activity->used == 0)
    return false;
  most = CLAMP(most, 1, DC_PLOT_SPANS_MAX);
  const uint32_t together = (activity->used + most - 1) / most;
  ret_plot->span_ns = activity->bin_ns * together;
  ret_plot->used = (activity->used + together - 1) / together;
  for (uint32_t i = 0; i < activity->used; i++) {
    DcPlotSpan *span = &ret_plot->spans[i / together];
    if (i % together == 0)
      span->begin_ns = activity->begin_ns + i * activity->bin_ns;
    span->frames += activity->frames[i];
    span->lost += activity->lost[i];
    span->harmless += activity->harmless[i];
    span->open += activity->open[i];
    span->drops += activity->drops[i];
  }
  for (uint32_t i = 0; i < ret_plot->used; i++) {
    /* Verdicts and frames are counted apart: what is part of a whole is never drawn above it. */
    DcPlotSpan *span = &ret_plot->spans[i];
    span->frames = MAX(span->frames, span->lost + span->harmless + span->open);
    ret_plot->frames_max = MAX(ret_plot->frames_max, span->frames);
    ret_plot->drops_max = MAX(ret_plot->drops_max, span->drops);
  }
  return true;
}

char *dc_plot_per_text(const DcPlot *plot)
{
  if (plot->span_ns == DC_NS_PER_S)
    return g_strdup("per second");
  return g_strdup_printf("per %" G_GINT64_FORMAT " s", plot->span_ns / DC_NS_PER_S);
}

static int by_time(const void *a, const void *b)
{
  const DcRung *x = a, *y = b;
  if (x->offset_ns != y->offset_ns)
    return x->offset_ns < y->offset_ns ? -1 : 1;
  return x->frame < y->frame ? -1 : x->frame > y->frame;
}

uint32_t dc_ladder_fill(const DcHandshake *handshake, DcRung rungs[static DC_LADDER_RUNGS_MAX])
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < MIN(handshake->syns, DC_HANDSHAKE_FRAMES_MAX); i++, n++) {
    rungs[n] = (DcRung){.offset_ns = dc_span_ns(handshake->first_ns, handshake->times_ns[i]),
                        .frame = handshake->frames[i],
                        .inbound = true};
    if (i == 0)
      g_strlcpy(rungs[n].label, "SYN", sizeof rungs[n].label);
    else
      g_snprintf(rungs[n].label, sizeof rungs[n].label, "SYN, retry %u", i);
  }
  if (handshake->answer_frame != 0) {
    rungs[n] = (DcRung){.offset_ns = dc_span_ns(handshake->first_ns, handshake->answer_time_ns),
                        .frame = handshake->answer_frame};
    g_strlcpy(rungs[n].label, "SYN-ACK", sizeof rungs[n].label);
    n++;
  }
  if (handshake->established && handshake->established_frame != 0) {
    rungs[n] = (DcRung){.offset_ns = dc_span_ns(handshake->first_ns, handshake->established_ns),
                        .frame = handshake->established_frame,
                        .inbound = true};
    g_strlcpy(rungs[n].label, "ACK", sizeof rungs[n].label);
    n++;
  }
  qsort(rungs, n, sizeof *rungs, by_time);
  return n;
}

char *dc_ladder_end_text(const DcHandshake *handshake)
{
  char span[DC_QUANTITY_TEXT_MAX];
  if (handshake->established && handshake->established_frame != 0)
    return g_strdup_printf("established after %s",
                           dc_duration_text(dc_span_ns(handshake->first_ns, handshake->established_ns), span));
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, "no answer to %u SYN%s", handshake->syns, dc_plural(handshake->syns));
  if (handshake->syns > 1)
    g_string_append_printf(text, " in %s", dc_duration_text(dc_span_ns(handshake->first_ns, handshake->last_ns), span));
  const DcCauseInfo *info = dc_catalogue((DcCause)handshake->cause);
  const char *confidence = dc_confidence_name((DcConfidence)handshake->confidence);
  if (handshake->dropped > 0)
    g_string_append_printf(text, ", %u dropped", handshake->dropped);
  if (info != NULL)
    g_string_append_printf(text, ": %s%s%s%s", info->title, confidence != NULL ? " (" : "",
                           confidence != NULL ? confidence : "", confidence != NULL ? ")" : "");
  return g_string_free(text, FALSE);
}
