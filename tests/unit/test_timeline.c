#include "../../src/source/timeline.h"

#include <glib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define HOLD (500 * MS)
#define T0 (INT64_C(1700000000) * 1000 * MS)
#define M0 (INT64_C(5000) * MS) /* monotonic */

static void add(DcTimeline *timeline, unsigned producer, DcLiveKind kind, int64_t time_ns, uint64_t tag)
{
  DcLiveRecord record = {.kind = (uint8_t)kind, .time_ns = time_ns, .body_len = sizeof tag};
  dc_timeline_add(timeline, producer, &record, &tag, M0);
}

/* The tag of what goes out now, or -1. */
static int64_t take(DcTimeline *timeline, int64_t realtime_ns, int64_t monotonic_ns)
{
  const DcTimelineEntry *entry = dc_timeline_take(timeline, realtime_ns, monotonic_ns);
  if (entry == NULL)
    return -1;
  uint64_t tag;
  g_assert_cmpuint(entry->record.body_len, ==, sizeof tag);
  memcpy(&tag, entry->body, sizeof tag);
  return (int64_t)tag;
}

static int64_t take_now(DcTimeline *timeline)
{
  return take(timeline, T0, M0);
}

static DcTimeline *timeline_of(unsigned producers)
{
  return dc_timeline_new(producers, HOLD, (size_t)1 << 20);
}

/* Nothing goes out before every producer is past it. */
static void test_waits_for_all(void)
{
  DcTimeline *timeline = timeline_of(3);
  add(timeline, 0, DC_LIVE_FRAME, T0 + 10, 1);
  add(timeline, 1, DC_LIVE_TRACE, T0 + 20, 2);
  dc_timeline_mark(timeline, 0, T0 + 15);
  dc_timeline_mark(timeline, 1, T0 + 30);
  g_assert_cmpint(take_now(timeline), ==, -1); /* the third has said nothing */
  dc_timeline_mark(timeline, 2, T0 + 9);
  g_assert_cmpint(take_now(timeline), ==, -1);
  dc_timeline_mark(timeline, 2, T0 + 10);
  g_assert_cmpint(take_now(timeline), ==, 1);
  dc_timeline_mark(timeline, 2, INT64_MAX); /* ended */
  g_assert_cmpint(take_now(timeline), ==, -1);
  dc_timeline_mark(timeline, 0, T0 + 20);
  g_assert_cmpint(take_now(timeline), ==, 2);
  g_assert_cmpuint(dc_timeline_held(timeline), ==, 0);
  g_assert_cmpuint(dc_timeline_late(timeline), ==, 0);
  dc_timeline_free(timeline);
}

static void test_order(void)
{
  enum { COUNT = 2000 };
  DcTimeline *timeline = timeline_of(2);
  for (unsigned i = 0; i < COUNT; i++)
    add(timeline, i % 2, DC_LIVE_FRAME, T0 + g_test_rand_int_range(0, 500), i);
  for (unsigned i = 0; i < 2; i++)
    dc_timeline_mark(timeline, i, T0 + 500);
  int64_t last = INT64_MIN;
  uint64_t last_order = 0;
  for (unsigned i = 0; i < COUNT; i++) {
    const DcTimelineEntry *entry = dc_timeline_take(timeline, T0, M0);
    g_assert_nonnull(entry);
    g_assert_cmpint(entry->record.time_ns, >=, last);
    if (entry->record.time_ns == last)
      g_assert_cmpuint(entry->order, >, last_order); /* as they came */
    last = entry->record.time_ns;
    last_order = entry->order;
  }
  g_assert_null(dc_timeline_take(timeline, T0, M0));
  g_assert_cmpuint(dc_timeline_held_max(timeline), ==, COUNT);
  dc_timeline_free(timeline);
}

/* Frames before drops before samples before losses, as dc_merge_new() orders equal times: a replay
 * must not differ. */
static void test_ties(void)
{
  DcTimeline *timeline = timeline_of(1);
  add(timeline, 0, DC_LIVE_LOSS, T0, 4);
  add(timeline, 0, DC_LIVE_SAMPLE, T0, 3);
  add(timeline, 0, DC_LIVE_NETLINK, T0, 2);
  add(timeline, 0, DC_LIVE_FRAME, T0, 1);
  dc_timeline_mark(timeline, 0, INT64_MAX);
  for (int64_t tag = 1; tag <= 4; tag++)
    g_assert_cmpint(take_now(timeline), ==, tag);
  dc_timeline_free(timeline);
}

static void test_hold_by_wall_clock(void)
{
  DcTimeline *timeline = timeline_of(2);
  add(timeline, 0, DC_LIVE_FRAME, T0, 1);
  g_assert_cmpint(take(timeline, T0 + HOLD - 1, M0), ==, -1);
  g_assert_cmpint(take(timeline, T0 + HOLD, M0), ==, 1);
  dc_timeline_free(timeline);
}

/* The wall clock was set back by an hour: what is stamped before that lies in the future, and must not wait
 * for the clock to come there. */
static void test_hold_by_arrival(void)
{
  DcTimeline *timeline = timeline_of(2);
  add(timeline, 0, DC_LIVE_FRAME, T0 + 3600 * 1000 * MS, 1);
  g_assert_cmpint(take(timeline, T0, M0 + HOLD - 1), ==, -1);
  g_assert_cmpint(take(timeline, T0, M0 + HOLD), ==, 1);
  dc_timeline_free(timeline);
}

static void test_late(void)
{
  DcTimeline *timeline = timeline_of(2);
  add(timeline, 0, DC_LIVE_FRAME, T0 + 100, 1);
  dc_timeline_mark(timeline, 0, T0 + 200);
  dc_timeline_mark(timeline, 1, T0 + 200);
  g_assert_cmpint(take_now(timeline), ==, 1);
  add(timeline, 1, DC_LIVE_TRACE, T0 + 50, 2);
  g_assert_cmpint(take_now(timeline), ==, 2); /* at once */
  g_assert_cmpuint(dc_timeline_late(timeline), ==, 1);
  dc_timeline_free(timeline);
}

/* A mark never goes back. */
static void test_mark_backwards(void)
{
  DcTimeline *timeline = timeline_of(1);
  dc_timeline_mark(timeline, 0, T0 + 100);
  dc_timeline_mark(timeline, 0, T0);
  add(timeline, 0, DC_LIVE_FRAME, T0 + 50, 1);
  g_assert_cmpint(take_now(timeline), ==, 1);
  dc_timeline_free(timeline);
}

/* Beyond the bound the earliest go out although nobody has marked them, and nothing is lost. */
static void test_bounded(void)
{
  static const uint8_t body[3000];
  DcTimeline *timeline = dc_timeline_new(1, HOLD, 10000);
  unsigned added = 0, taken = 0;
  while (!dc_timeline_full(timeline)) {
    DcLiveRecord record = {.kind = DC_LIVE_FRAME, .time_ns = T0 + added++, .body_len = sizeof body};
    dc_timeline_add(timeline, 0, &record, body, M0);
  }
  g_assert_cmpuint(added, <=, 4);
  while (dc_timeline_take(timeline, T0, M0) != NULL)
    taken++;
  g_assert_false(dc_timeline_full(timeline));
  g_assert_cmpuint(taken, >=, 1);
  g_assert_cmpuint(taken + dc_timeline_held(timeline), ==, added);
  dc_timeline_mark(timeline, 0, INT64_MAX);
  while (dc_timeline_take(timeline, T0, M0) != NULL)
    taken++;
  g_assert_cmpuint(taken, ==, added);
  dc_timeline_free(timeline);
}

/* Bodies of every size class and beyond come back as they went in. */
static void test_bodies(void)
{
  static const size_t sizes[] = {0, 1, 40, 60, 150, 300, 640, 1500, 2048, 65536, 1 << 20};
  DcTimeline *timeline = dc_timeline_new(1, HOLD, (size_t)64 << 20);
  dc_timeline_mark(timeline, 0, INT64_MAX);
  for (unsigned round = 0; round < 3; round++) {
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
      g_autofree uint8_t *body = g_malloc(sizes[i] + 1);
      memset(body, (int)(i + round), sizes[i]);
      DcLiveRecord record = {.kind = DC_LIVE_FRAME, .time_ns = T0 + (int64_t)i, .body_len = sizes[i]};
      dc_timeline_add(timeline, 0, &record, body, M0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
      const DcTimelineEntry *entry = dc_timeline_take(timeline, T0, M0);
      g_assert_nonnull(entry);
      g_assert_cmpuint(entry->record.body_len, ==, sizes[i]);
      for (size_t at = 0; at < sizes[i]; at++)
        g_assert_cmpuint(entry->body[at], ==, (uint8_t)(i + round));
    }
  }
  dc_timeline_free(timeline);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/timeline/waits-for-all", test_waits_for_all);
  g_test_add_func("/timeline/order", test_order);
  g_test_add_func("/timeline/ties", test_ties);
  g_test_add_func("/timeline/hold/wall-clock", test_hold_by_wall_clock);
  g_test_add_func("/timeline/hold/arrival", test_hold_by_arrival);
  g_test_add_func("/timeline/late", test_late);
  g_test_add_func("/timeline/mark-backwards", test_mark_backwards);
  g_test_add_func("/timeline/bounded", test_bounded);
  g_test_add_func("/timeline/bodies", test_bodies);
  return g_test_run();
}
