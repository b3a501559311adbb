#include "dropcorr/source/clock_align.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"

#include <string.h>

/* All zones are multiples of this from UTC (since 1972). */
#define GRID_NS (15 * 60 * DC_NS_PER_S)
#define DAY_NS (24 * 3600 * DC_NS_PER_S)

/* Frames and drops of one machine share its clock; what is printed late is in the drop's own precision. */
#define TOLERANCE_NS DC_NS_PER_S

void dc_clock_alignment_clear(DcClockAlignment *alignment)
{
  g_clear_pointer(&alignment->zone, g_time_zone_unref);
}

bool dc_clock_align_needs_fit(const DcClockAlignOptions *options, DcLogClock clock)
{
  switch (clock) {
  case DC_LOG_CLOCK_REALTIME:
    return false;
  case DC_LOG_CLOCK_LOCAL:
    return !options->has_offset && options->zone == NULL;
  case DC_LOG_CLOCK_TIME_OF_DAY: /* the date is the frames' */
  case DC_LOG_CLOCK_MONOTONIC:
    return !options->has_offset;
  case DC_LOG_CLOCK_NONE:
    return options->has_start; /* the span's end */
  case DC_LOG_CLOCK_COUNT:
    break;
  }
  return false;
}

void dc_clock_align_read_frames(DcClockFit *fit, DcSource *frames)
{
  DcEvent event;
  while (dc_source_next(frames, &event, NULL) == DC_READ_EVENT) {
    if (event.kind != DC_EVENT_FRAME)
      continue;
    dc_decode_packet((DcLink)event.frame.link, event.frame.bytes, event.frame.caplen, event.frame.len, false,
                     &event.frame.packet);
    dc_clock_fit_add_frame(fit, &event.frame);
  }
}

void dc_clock_align_read_drops(DcClockFit *fit, DcSource *log)
{
  DcEvent event;
  while (!dc_clock_fit_has_drops(fit) && dc_source_next(log, &event, NULL) == DC_READ_EVENT) {
    if (event.kind != DC_EVENT_DROP)
      continue;
    if (event.drop.caplen > 0)
      dc_decode_packet((DcLink)event.drop.link, event.drop.bytes, event.drop.caplen, event.drop.orig_len, false,
                       &event.drop.packet);
    dc_clock_fit_add_drop(fit, &event.drop);
  }
}

void dc_clock_align_refuse_pipe(const char *name, DcLogClock clock, GError **error)
{
  g_set_error(
      error, DC_ERROR, DC_ERROR_UNSUPPORTED,
      "%s: the log's clock is %s; to bring it onto the frames' clock both are read twice, which a pipe does not "
      "allow: save it to a file, or say %swhat to add with --drops-clock-offset",
      name, dc_log_clock_name(clock), clock == DC_LOG_CLOCK_LOCAL ? "the zone with --tz, or " : "");
}

/* --- zones ----------------------------------------------------------------------------- */

/* What local time is ahead of UTC, at a local time. */
static int64_t ahead_of_utc(GTimeZone *zone, int64_t local_ns)
{
  gint64 seconds = local_ns / DC_NS_PER_S;
  const gint interval = g_time_zone_adjust_time(zone, G_TIME_TYPE_STANDARD, &seconds);
  return (int64_t)g_time_zone_get_offset(zone, interval) * DC_NS_PER_S;
}

int64_t dc_clock_alignment_apply(const DcClockAlignment *alignment, int64_t raw_ns)
{
  if (!dc_time_is_plausible(raw_ns))
    return DC_TIME_NONE;
  switch ((DcAlignKind)alignment->kind) {
  case DC_ALIGN_AS_IS:
    return raw_ns;
  case DC_ALIGN_SPAN:
  case DC_ALIGN_NONE:
  case DC_ALIGN_COUNT:
    return DC_TIME_NONE;
  case DC_ALIGN_GIVEN:
  case DC_ALIGN_ZONE:
  case DC_ALIGN_FITTED:
    break;
  }
  int64_t time_ns;
  if (__builtin_add_overflow(raw_ns, alignment->offset_ns, &time_ns) || !dc_time_is_plausible(time_ns))
    return DC_TIME_NONE;
  if (alignment->zone != NULL)
    time_ns -= ahead_of_utc(alignment->zone, time_ns);
  return dc_time_is_plausible(time_ns) ? time_ns : DC_TIME_NONE;
}

typedef struct {
  bool known;
  int64_t frames_from, frames_to, drops_from, drops_to;
} Spans;

static Spans spans_of(const DcClockFit *fit)
{
  Spans spans = {.known = false};
  spans.known = fit != NULL && dc_clock_fit_frame_span(fit, &spans.frames_from, &spans.frames_to) &&
                dc_clock_fit_drop_span(fit, &spans.drops_from, &spans.drops_to);
  return spans;
}

/* The time both cover; negative: none. */
static int64_t overlap(const Spans *spans, const DcClockAlignment *alignment)
{
  const int64_t from = dc_clock_alignment_apply(alignment, spans->drops_from);
  const int64_t to = dc_clock_alignment_apply(alignment, spans->drops_to);
  if (from == DC_TIME_NONE || to == DC_TIME_NONE)
    return -1;
  return MIN(to, spans->frames_to + TOLERANCE_NS) - MAX(from, spans->frames_from - TOLERANCE_NS);
}

/* A zone, and for a time of day the date that brings most of the log into the captured time. */
static DcClockAlignment in_zone(GTimeZone *zone, DcLogClock clock, const Spans *spans)
{
  DcClockAlignment best = {.kind = DC_ALIGN_ZONE, .zone = zone};
  if (clock != DC_LOG_CLOCK_TIME_OF_DAY || !spans->known)
    return best;
  const int64_t midnight = (spans->frames_from + ahead_of_utc(zone, spans->frames_from)) / DAY_NS * DAY_NS;
  int64_t best_overlap = INT64_MIN;
  for (int64_t day = -1; day <= 1; day++) {
    DcClockAlignment one = best;
    one.offset_ns = midnight + day * DAY_NS - spans->drops_from / DAY_NS * DAY_NS;
    const int64_t shared = overlap(spans, &one);
    if (shared > best_overlap) {
      best_overlap = shared;
      best = one;
    }
  }
  return best;
}

static char *zone_text(const DcClockAlignment *alignment, const Spans *spans, const char *whose)
{
  const int64_t ahead_s =
      ahead_of_utc(alignment->zone, spans->known ? spans->drops_from + alignment->offset_ns : 0) / DC_NS_PER_S;
  return g_strdup_printf("local times read as %s%s (UTC%c%02d:%02d)", g_time_zone_get_identifier(alignment->zone),
                         whose, ahead_s < 0 ? '-' : '+', (int)(ABS(ahead_s) / 3600), (int)(ABS(ahead_s) / 60 % 60));
}

static bool align_given_zone(const char *name, DcLogClock clock, const Spans *spans, DcClockAlignment *ret_alignment,
                             char **ret_text, GError **error)
{
  GTimeZone *zone = g_time_zone_new_identifier(name);
  if (zone == NULL) {
    g_set_error(
        error, DC_ERROR, DC_ERROR_USAGE,
        "--tz %s: no such time zone; give a name as in /usr/share/zoneinfo (Europe/Berlin) or a distance (+01:00)",
        name);
    return false;
  }
  *ret_alignment = in_zone(zone, clock, spans);
  g_autofree char *text = zone_text(ret_alignment, spans, "");
  *ret_text = spans->known && overlap(spans, ret_alignment) < 0
                  ? g_strdup_printf("%s, outside of the captured time", text)
                  : g_steal_pointer(&text);
  return true;
}

/* Without a zone given: what the frames say, then this machine's if the times then meet the captured time. */
static void align_local(DcLogClock clock, const DcClockFit *fit, const Spans *spans, DcClockAlignment *ret_alignment,
                        char **ret_text)
{
  DcFitResult result = {.verdict = DC_FIT_TOO_FEW};
  if (fit != NULL)
    dc_clock_fit_run(fit, GRID_NS, TOLERANCE_NS, &result);
  g_autofree char *fit_text = dc_clock_fit_text(&result);
  DcClockAlignment here = in_zone(g_time_zone_new_local(), clock, spans);
  const bool plausible = spans->known && overlap(spans, &here) >= 0;
  if (result.verdict == DC_FIT_ACCEPTED) {
    const bool same =
        plausible && dc_clock_alignment_apply(&here, spans->drops_from) == spans->drops_from + result.best.offset_ns;
    g_autofree char *zone = same ? zone_text(&here, spans, ", this machine's zone") : g_strdup("zone and date");
    *ret_text = g_strdup_printf("%s, %s", zone, fit_text);
    dc_clock_alignment_clear(&here);
    *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_FITTED, .offset_ns = result.best.offset_ns};
    return;
  }
  if (plausible) {
    *ret_text = zone_text(&here, spans, ", this machine's zone (--tz gives another)");
    *ret_alignment = here;
    return;
  }
  dc_clock_alignment_clear(&here);
  *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_NONE};
  *ret_text =
      g_strdup_printf("local times of an unknown zone: in this machine's they lie outside of the captured time, "
                      "and there is %s; drops are counted by place only (--tz ZONE gives the zone)",
                      fit_text);
}

static void align_monotonic(const DcClockFit *fit, DcClockAlignment *ret_alignment, char **ret_text)
{
  DcFitResult result = {.verdict = DC_FIT_TOO_FEW};
  if (fit != NULL)
    dc_clock_fit_run(fit, 0, 0, &result);
  g_autofree char *text = dc_clock_fit_text(&result);
  if (result.verdict == DC_FIT_ACCEPTED) {
    *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_FITTED, .offset_ns = result.best.offset_ns};
    *ret_text = g_strdup_printf("times since boot, %s", text);
    return;
  }
  *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_NONE};
  *ret_text =
      g_strdup_printf("times since boot, %s; drops are counted by place only (--drops-clock-offset SECONDS says "
                      "what to add)",
                      text);
}

static void align_untimed(const DcClockAlignOptions *options, const DcClockFit *fit, DcClockAlignment *ret_alignment,
                          char **ret_text)
{
  int64_t first_ns, last_ns;
  *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_NONE};
  if (options->has_start && fit != NULL && dc_clock_fit_frame_span(fit, &first_ns, &last_ns) &&
      last_ns >= options->start_ns) {
    *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_SPAN, .from_ns = options->start_ns, .to_ns = last_ns};
    *ret_text = g_strdup("no times: drops by place and number, between --drops-start and the last frame");
    return;
  }
  *ret_text =
      g_strdup(options->has_start ? "no times: drops by place and number; --drops-start lies behind the last frame"
                                  : "no times: drops by place and number, taken to be of the captured time");
}

bool dc_clock_align(const DcClockAlignOptions *options, DcLogClock clock, const DcClockFit *fit,
                    DcClockAlignment *ret_alignment, char **ret_text, GError **error)
{
  const Spans spans = spans_of(fit);
  if (options->has_offset && clock != DC_LOG_CLOCK_NONE) {
    *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_GIVEN, .offset_ns = options->offset_ns};
    *ret_text = g_strdup(spans.known && overlap(&spans, ret_alignment) < 0
                             ? "times moved by --drops-clock-offset, outside of the captured time"
                             : "times moved by --drops-clock-offset");
    return true;
  }
  switch (clock) {
  case DC_LOG_CLOCK_REALTIME:
  case DC_LOG_CLOCK_COUNT:
    *ret_alignment = (DcClockAlignment){.kind = DC_ALIGN_AS_IS};
    *ret_text = g_strdup("real time");
    return true;
  case DC_LOG_CLOCK_LOCAL:
  case DC_LOG_CLOCK_TIME_OF_DAY:
    if (options->zone != NULL)
      return align_given_zone(options->zone, clock, &spans, ret_alignment, ret_text, error);
    align_local(clock, fit, &spans, ret_alignment, ret_text);
    return true;
  case DC_LOG_CLOCK_MONOTONIC:
    align_monotonic(fit, ret_alignment, ret_text);
    return true;
  case DC_LOG_CLOCK_NONE:
    align_untimed(options, fit, ret_alignment, ret_text);
    return true;
  }
  return true;
}

/* --- the log with aligned times ---------------------------------------------------------- */

typedef struct {
  DcSource source;
  DcSource *inner;
  DcClockAlignment alignment;
} Aligned;

static DcReadStatus aligned_next(DcSource *source, DcEvent *ret_event, GError **error);
static void aligned_free(DcSource *source);

static const DcSourceOps aligned_ops = {.next = aligned_next, .free = aligned_free};

DcSource *dc_clock_aligned_new(DcSource *source, DcClockAlignment *alignment)
{
  Aligned *aligned = g_new0(Aligned, 1);
  aligned->source.ops = &aligned_ops;
  aligned->source.name = source->name;
  aligned->source.bytes_total = source->bytes_total;
  aligned->inner = source;
  aligned->alignment = *alignment;
  alignment->zone = NULL;
  return &aligned->source;
}

static void align_drop(const DcClockAlignment *alignment, DcDrop *drop)
{
  /* A summary has no frame to be joined to: the span says when at the most. */
  if (alignment->kind == DC_ALIGN_SPAN && drop->kind == DC_DROP_NETDM_SUMMARY) {
    drop->time_ns = alignment->to_ns;
    drop->precision_ns = alignment->to_ns - alignment->from_ns;
    return;
  }
  if (drop->rx_time_ns != 0) {
    drop->rx_time_ns = dc_clock_alignment_apply(alignment, drop->rx_time_ns);
    if (drop->rx_time_ns == DC_TIME_NONE)
      drop->rx_time_ns = 0;
  }
  drop->time_ns = dc_clock_alignment_apply(alignment, drop->time_ns);
}

static DcReadStatus aligned_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  Aligned *aligned = (Aligned *)source;
  const DcReadStatus status = dc_source_next(aligned->inner, ret_event, error);
  source->skipped = aligned->inner->skipped;
  source->foreign = aligned->inner->foreign;
  source->bytes_read = aligned->inner->bytes_read;
  if (status != DC_READ_EVENT || aligned->alignment.kind == DC_ALIGN_AS_IS)
    return status;
  switch ((DcEventKind)ret_event->kind) {
  case DC_EVENT_DROP:
    align_drop(&aligned->alignment, &ret_event->drop);
    ret_event->time_ns = ret_event->drop.time_ns;
    break;
  case DC_EVENT_LOSS:
    ret_event->loss.from_ns = dc_clock_alignment_apply(&aligned->alignment, ret_event->loss.from_ns);
    ret_event->loss.to_ns = dc_clock_alignment_apply(&aligned->alignment, ret_event->loss.to_ns);
    ret_event->time_ns = ret_event->loss.to_ns;
    break;
  case DC_EVENT_FRAME:
  case DC_EVENT_SAMPLE:
  case DC_EVENT_LIGHT:
    break;
  }
  return status;
}

static void aligned_free(DcSource *source)
{
  Aligned *aligned = (Aligned *)source;
  dc_clock_alignment_clear(&aligned->alignment);
  dc_source_free(aligned->inner);
  g_free(aligned);
}
