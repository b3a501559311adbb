#include "dropcorr/source/clock_align.h"

#include "dropcorr/base/error.h"
#include "dropcorr/base/hash.h"

#include <string.h>

#define S DC_NS_PER_S
/* 2026-11-20 11:56:23 UTC, a Friday in winter */
#define BASE_NS (INT64_C(1795175783) * S)
#define HOUR_NS (3600 * S)
#define DAY_NS (24 * HOUR_NS)

static void add_frame(DcClockFit *fit, int64_t time_ns, uint16_t port)
{
  DcFrame frame = {.time_ns = time_ns, .caplen = 60, .len = 60};
  DcPacket *packet = &frame.packet;
  packet->has = DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS;
  packet->ethertype = 0x0800;
  packet->ip_protocol = 17;
  packet->src = (DcAddr){.version = 4, .bytes = {10, 0, 0, 2}};
  packet->dst = (DcAddr){.version = 4, .bytes = {10, 0, 0, 1}};
  packet->src_port = port;
  packet->dst_port = 53;
  dc_clock_fit_add_frame(fit, &frame);
}

static void add_drop(DcClockFit *fit, int64_t raw_ns, uint16_t port)
{
  DcDrop drop = {.time_ns = raw_ns, .protocol = 0x0800, .count = 1};
  DcPacket *packet = &drop.packet;
  packet->has = DC_HAS_IP | DC_HAS_PORTS;
  packet->ip_protocol = 17;
  packet->src = (DcAddr){.version = 4, .bytes = {10, 0, 0, 2}};
  packet->dst = (DcAddr){.version = 4, .bytes = {10, 0, 0, 1}};
  packet->src_port = port;
  packet->dst_port = 53;
  dc_clock_fit_add_drop(fit, &drop);
}

/* Ten frames at odd times, each dropped; the log's clock is behind by offset_ns. */
static DcClockFit *make_fit(int64_t offset_ns, bool related)
{
  DcClockFit *fit = dc_clock_fit_new();
  for (int i = 0; i < 10; i++) {
    const int64_t time_ns = BASE_NS + i * i * 137 * DC_NS_PER_MS;
    add_frame(fit, time_ns, (uint16_t)(1000 + i));
    add_drop(fit, time_ns + 30000 - offset_ns, (uint16_t)(related ? 1000 + i : 2000 + i));
  }
  return fit;
}

typedef struct {
  DcClockAlignment alignment;
  char *text;
} Aligned;

static Aligned align(const DcClockAlignOptions *options, DcLogClock clock, const DcClockFit *fit)
{
  Aligned aligned = {.text = NULL};
  GError *error = NULL;
  g_assert_true(dc_clock_align(options, clock, fit, &aligned.alignment, &aligned.text, &error));
  g_assert_no_error(error);
  g_assert_nonnull(aligned.text);
  return aligned;
}

static void aligned_clear(Aligned *aligned)
{
  dc_clock_alignment_clear(&aligned->alignment);
  g_clear_pointer(&aligned->text, g_free);
}

static void assert_text(const Aligned *aligned, const char *word)
{
  if (strstr(aligned->text, word) == NULL)
    g_error("text lacks \"%s\": %s", word, aligned->text);
}

static void test_real_time(void)
{
  const DcClockAlignOptions none = {0}, shifted = {.has_offset = true, .offset_ns = -5};
  g_assert_false(dc_clock_align_needs_fit(&none, DC_LOG_CLOCK_REALTIME));
  Aligned aligned = align(&none, DC_LOG_CLOCK_REALTIME, NULL);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_AS_IS);
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, 7), ==, 7);
  aligned_clear(&aligned);
  aligned = align(&shifted, DC_LOG_CLOCK_REALTIME, NULL);
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, 7), ==, 2);
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, 3), ==, DC_TIME_NONE); /* before 1970 */
  aligned_clear(&aligned);
}

static void test_given_offset(void)
{
  const DcClockAlignOptions options = {.has_offset = true, .offset_ns = BASE_NS};
  static const DcLogClock clocks[] = {DC_LOG_CLOCK_MONOTONIC, DC_LOG_CLOCK_LOCAL, DC_LOG_CLOCK_TIME_OF_DAY};
  for (size_t i = 0; i < G_N_ELEMENTS(clocks); i++) {
    g_assert_false(dc_clock_align_needs_fit(&options, clocks[i]));
    Aligned aligned = align(&options, clocks[i], NULL);
    g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_GIVEN);
    g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, 25 * S), ==, BASE_NS + 25 * S);
    aligned_clear(&aligned);
  }
  g_autoptr(DcClockFit) fit = make_fit(BASE_NS - DAY_NS, true);
  Aligned aligned = align(&options, DC_LOG_CLOCK_MONOTONIC, fit);
  assert_text(&aligned, "outside of the captured time");
  aligned_clear(&aligned);
}

static void test_monotonic(void)
{
  const DcClockAlignOptions options = {0};
  g_assert_true(dc_clock_align_needs_fit(&options, DC_LOG_CLOCK_MONOTONIC));
  const int64_t offset_ns = BASE_NS - 100 * S;
  g_autoptr(DcClockFit) fit = make_fit(offset_ns, true);
  Aligned aligned = align(&options, DC_LOG_CLOCK_MONOTONIC, fit);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_FITTED);
  g_assert_cmpint(ABS(aligned.alignment.offset_ns - offset_ns), <, DC_NS_PER_MS);
  assert_text(&aligned, "10 of 10 drops");
  aligned_clear(&aligned);

  g_autoptr(DcClockFit) unrelated = make_fit(offset_ns, false);
  aligned = align(&options, DC_LOG_CLOCK_MONOTONIC, unrelated);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_NONE);
  assert_text(&aligned, "--drops-clock-offset");
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, 5), ==, DC_TIME_NONE);
  aligned_clear(&aligned);
  aligned = align(&options, DC_LOG_CLOCK_MONOTONIC, NULL);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_NONE);
  aligned_clear(&aligned);
}

static void test_zone(void)
{
  /* New York, winter: 5 hours behind UTC */
  const DcClockAlignOptions options = {.zone = "America/New_York"};
  g_assert_false(dc_clock_align_needs_fit(&options, DC_LOG_CLOCK_LOCAL));
  g_assert_true(dc_clock_align_needs_fit(&options, DC_LOG_CLOCK_TIME_OF_DAY));
  g_autoptr(DcClockFit) fit = make_fit(5 * HOUR_NS, true);
  Aligned aligned = align(&options, DC_LOG_CLOCK_LOCAL, fit);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_ZONE);
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, BASE_NS - 5 * HOUR_NS), ==, BASE_NS);
  assert_text(&aligned, "America/New_York (UTC-05:00)");
  /* In summer it is 4: a log may span the change. */
  const int64_t summer_ns = INT64_C(1784548800) * S; /* 2026-07-20 12:00 as if UTC */
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, summer_ns), ==, summer_ns + 4 * HOUR_NS);
  aligned_clear(&aligned);

  const DcClockAlignOptions fixed = {.zone = "+05:45"};
  aligned = align(&fixed, DC_LOG_CLOCK_LOCAL, NULL);
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, BASE_NS), ==, BASE_NS - 5 * HOUR_NS - 45 * 60 * S);
  aligned_clear(&aligned);
  aligned = align(&fixed, DC_LOG_CLOCK_LOCAL, fit);
  assert_text(&aligned, "outside of the captured time");
  aligned_clear(&aligned);

  const DcClockAlignOptions wrong = {.zone = "Mars/Olympus"};
  GError *error = NULL;
  DcClockAlignment alignment = {0};
  char *text = NULL;
  g_assert_false(dc_clock_align(&wrong, DC_LOG_CLOCK_LOCAL, fit, &alignment, &text, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_USAGE);
  g_assert_nonnull(strstr(error->message, "--tz Mars/Olympus"));
  g_clear_error(&error);
  g_assert_null(text);
}

/* The date of a time of day is the frames', also where midnight lies between. */
static void test_time_of_day(void)
{
  static const struct {
    const char *zone;
    int64_t ahead_ns;
  } zones[] = {
      {"UTC", 0}, {"Asia/Tokyo", 9 * HOUR_NS}, {"Pacific/Kiritimati", 14 * HOUR_NS}, {"-11:00", -11 * HOUR_NS}};
  for (size_t i = 0; i < G_N_ELEMENTS(zones); i++) {
    for (int64_t hour = 0; hour < 24; hour++) {
      g_autoptr(DcClockFit) fit = dc_clock_fit_new();
      const int64_t at_ns = BASE_NS / DAY_NS * DAY_NS + hour * HOUR_NS + 59 * 60 * S + 55 * S;
      add_frame(fit, at_ns, 1);
      add_frame(fit, at_ns + 10 * S, 2);
      const int64_t raw_ns = (at_ns + zones[i].ahead_ns) % DAY_NS;
      add_drop(fit, raw_ns, 1);
      add_drop(fit, raw_ns + 10 * S, 2); /* the reader counts on past midnight */
      const DcClockAlignOptions options = {.zone = zones[i].zone};
      Aligned aligned = align(&options, DC_LOG_CLOCK_TIME_OF_DAY, fit);
      g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, raw_ns), ==, at_ns);
      g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, raw_ns + 10 * S), ==, at_ns + 10 * S);
      aligned_clear(&aligned);
    }
  }
}

/* Without --tz the frames decide, then this machine's zone where it makes sense. */
static void test_unknown_zone(void)
{
  const DcClockAlignOptions options = {0};
  g_autoptr(DcClockFit) other = make_fit(-(5 * HOUR_NS + 45 * 60 * S), true);
  Aligned aligned = align(&options, DC_LOG_CLOCK_LOCAL, other);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_FITTED);
  g_assert_cmpint(aligned.alignment.offset_ns, ==, -(5 * HOUR_NS + 45 * 60 * S));
  assert_text(&aligned, "10 of 10");
  aligned_clear(&aligned);

  g_autoptr(DcClockFit) here = make_fit(0, false); /* TZ is UTC here; nothing fits, but the times overlap */
  aligned = align(&options, DC_LOG_CLOCK_LOCAL, here);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_ZONE);
  assert_text(&aligned, "this machine's zone");
  g_assert_cmpint(dc_clock_alignment_apply(&aligned.alignment, BASE_NS), ==, BASE_NS);
  aligned_clear(&aligned);

  g_autoptr(DcClockFit) elsewhere = make_fit(3 * HOUR_NS, false);
  aligned = align(&options, DC_LOG_CLOCK_LOCAL, elsewhere);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_NONE);
  assert_text(&aligned, "--tz");
  aligned_clear(&aligned);
}

static void test_no_times(void)
{
  const DcClockAlignOptions none = {0}, start = {.has_start = true, .start_ns = BASE_NS - 60 * S},
                            late = {.has_start = true, .start_ns = BASE_NS + DAY_NS};
  g_autoptr(DcClockFit) fit = make_fit(0, true);
  g_assert_false(dc_clock_align_needs_fit(&none, DC_LOG_CLOCK_NONE));
  g_assert_true(dc_clock_align_needs_fit(&start, DC_LOG_CLOCK_NONE));
  Aligned aligned = align(&none, DC_LOG_CLOCK_NONE, fit);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_NONE);
  aligned_clear(&aligned);
  aligned = align(&late, DC_LOG_CLOCK_NONE, fit);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_NONE);
  assert_text(&aligned, "behind the last frame");
  aligned_clear(&aligned);
  aligned = align(&start, DC_LOG_CLOCK_NONE, fit);
  g_assert_cmpint(aligned.alignment.kind, ==, DC_ALIGN_SPAN);
  g_assert_cmpint(aligned.alignment.from_ns, ==, BASE_NS - 60 * S);
  g_assert_cmpint(aligned.alignment.to_ns, ==, BASE_NS + 81 * 137 * DC_NS_PER_MS);
  aligned_clear(&aligned);
}

typedef struct {
  DcSource source;
  const DcEvent *events;
  size_t count, at;
} ListSource;

static DcReadStatus list_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  (void)error;
  ListSource *list = (ListSource *)source;
  if (list->at == list->count)
    return DC_READ_END;
  *ret_event = list->events[list->at++];
  source->foreign = list->at;
  return DC_READ_EVENT;
}

static void list_free(DcSource *source)
{
  g_free(source);
}

static const DcSourceOps list_ops = {.next = list_next, .free = list_free};

static DcSource *list_new(const DcEvent *events, size_t count)
{
  ListSource *list = g_new0(ListSource, 1);
  list->source.ops = &list_ops;
  list->source.name = "list";
  list->events = events;
  list->count = count;
  return &list->source;
}

static DcEvent drop_event(int64_t raw_ns, int64_t rx_ns, DcDropKind kind)
{
  DcEvent event = {.kind = DC_EVENT_DROP, .time_ns = raw_ns};
  event.drop = (DcDrop){.time_ns = raw_ns, .rx_time_ns = rx_ns, .kind = (uint8_t)kind, .count = 1};
  return event;
}

static void test_aligned_source(void)
{
  DcEvent loss = {.kind = DC_EVENT_LOSS, .time_ns = 30};
  loss.loss = (DcLoss){.kind = DC_LOSS_MONITOR, .count = 1, .from_ns = 20, .to_ns = 30};
  const DcEvent events[] = {drop_event(DC_TIME_NONE, 0, DC_DROP_TEXT), drop_event(10, 5, DC_DROP_TEXT), loss,
                            drop_event(40, 0, DC_DROP_NETDM_SUMMARY)};
  static const struct {
    DcClockAlignment alignment;
    int64_t times[4], rx, loss_from;
  } cases[] = {
      {{.kind = DC_ALIGN_AS_IS}, {DC_TIME_NONE, 10, 30, 40}, 5, 20},
      {{.kind = DC_ALIGN_GIVEN, .offset_ns = 100}, {DC_TIME_NONE, 110, 130, 140}, 105, 120},
      {{.kind = DC_ALIGN_NONE}, {DC_TIME_NONE, DC_TIME_NONE, DC_TIME_NONE, DC_TIME_NONE}, 0, DC_TIME_NONE},
      {{.kind = DC_ALIGN_SPAN, .from_ns = 1000, .to_ns = 3000},
       {DC_TIME_NONE, DC_TIME_NONE, DC_TIME_NONE, 3000},
       0,
       DC_TIME_NONE},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    DcClockAlignment alignment = cases[i].alignment;
    g_autoptr(DcSource) source = dc_clock_aligned_new(list_new(events, G_N_ELEMENTS(events)), &alignment);
    DcEvent event;
    for (size_t at = 0; at < G_N_ELEMENTS(events); at++) {
      g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
      g_assert_cmpint(event.time_ns, ==, cases[i].times[at]);
      if (event.kind == DC_EVENT_DROP)
        g_assert_cmpint(event.drop.time_ns, ==, event.time_ns);
      else
        g_assert_cmpint(event.loss.from_ns, ==, cases[i].loss_from);
      if (at == 1)
        g_assert_cmpint(event.drop.rx_time_ns, ==, cases[i].rx);
      if (at == 3 && cases[i].alignment.kind == DC_ALIGN_SPAN)
        g_assert_cmpint(event.drop.precision_ns, ==, 2000);
    }
    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_END);
    g_assert_cmpuint(source->foreign, ==, G_N_ELEMENTS(events));
  }
}

static void test_pipe(void)
{
  g_autoptr(GError) error = NULL;
  dc_clock_align_refuse_pipe("standard input", DC_LOG_CLOCK_MONOTONIC, &error);
  g_assert_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED);
  g_assert_nonnull(strstr(error->message, "standard input: the log's clock is time since boot"));
  g_assert_nonnull(strstr(error->message, "--drops-clock-offset"));
  g_assert_null(strstr(error->message, "--tz"));
  g_clear_error(&error);
  dc_clock_align_refuse_pipe("standard input", DC_LOG_CLOCK_LOCAL, &error);
  g_assert_nonnull(strstr(error->message, "--tz"));
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  dc_hash_init();
  g_test_add_func("/clock-align/real-time", test_real_time);
  g_test_add_func("/clock-align/given-offset", test_given_offset);
  g_test_add_func("/clock-align/monotonic", test_monotonic);
  g_test_add_func("/clock-align/zone", test_zone);
  g_test_add_func("/clock-align/time-of-day", test_time_of_day);
  g_test_add_func("/clock-align/unknown-zone", test_unknown_zone);
  g_test_add_func("/clock-align/no-times", test_no_times);
  g_test_add_func("/clock-align/aligned-source", test_aligned_source);
  g_test_add_func("/clock-align/pipe", test_pipe);
  return g_test_run();
}
