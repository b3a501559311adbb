#include "dropcorr/source/reorder.h"

#include "script_source.h"

#define STEPS_MAX 1000

static DcReadStatus next(DcSource *source, DcEvent *event)
{
  GError *error = NULL;
  DcReadStatus status = dc_source_next(source, event, &error);
  g_assert_no_error(error);
  return status;
}

/* Events delayed by less than the slack come out sorted, all of them, with their bytes; equal times as they came. */
static void test_within_slack(void)
{
  for (int round = 0; round < 100; round++) {
    const int64_t slack = g_test_rand_int_range(1, 100);
    const size_t count = (size_t)g_test_rand_int_range(0, STEPS_MAX);
    g_autofree ScriptStep *steps = g_new0(ScriptStep, STEPS_MAX);
    int64_t now = 1000;
    for (size_t i = 0; i < count; i++) {
      now += g_test_rand_int_range(0, 20);
      steps[i] = (ScriptStep){.kind = (uint8_t)g_test_rand_int_range(0, 3),
                              .time_ns = now - g_test_rand_int_range(0, (gint32)slack + 1),
                              .tag = i};
    }
    bool freed = false;
    bool *seen = g_new0(bool, STEPS_MAX);
    DcSource *reorder = dc_reorder_new(script_new(steps, count, &freed), slack, STEPS_MAX);
    DcEvent event;
    int64_t last_ns = 0;
    uint64_t last_tag = 0;
    for (size_t i = 0; i < count; i++) {
      g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
      uint64_t tag = script_tag(&event);
      g_assert_cmpint(event.time_ns, ==, steps[tag].time_ns);
      g_assert_cmpint(event.time_ns, >=, last_ns);
      if (i > 0 && event.time_ns == last_ns)
        g_assert_cmpuint(tag, >, last_tag);
      g_assert_false(seen[tag]);
      seen[tag] = true;
      last_ns = event.time_ns;
      last_tag = tag;
    }
    g_assert_cmpint(next(reorder, &event), ==, DC_READ_END);
    g_assert_cmpuint(reorder->bytes_read, ==, count);
    dc_source_free(reorder);
    g_assert_true(freed);
    g_free(seen);
  }
}

/* Any order and any bound: nothing is lost, and never more is held than allowed. */
static void test_bound(void)
{
  for (int round = 0; round < 100; round++) {
    const size_t bound = (size_t)g_test_rand_int_range(1, 50);
    const size_t count = (size_t)g_test_rand_int_range(0, STEPS_MAX);
    g_autofree ScriptStep *steps = g_new0(ScriptStep, STEPS_MAX);
    for (size_t i = 0; i < count; i++)
      steps[i] = (ScriptStep){.kind = DC_EVENT_DROP, .time_ns = g_test_rand_int_range(0, 1000000), .tag = i};
    g_autofree bool *seen = g_new0(bool, STEPS_MAX);
    DcSource *inner = script_new(steps, count, NULL);
    const ScriptSource *script = (const ScriptSource *)inner;
    g_autoptr(DcSource) reorder = dc_reorder_new(inner, INT64_MAX / 4, bound);
    DcEvent event;
    for (size_t i = 0; i < count; i++) {
      g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
      g_assert_false(seen[script_tag(&event)]);
      seen[script_tag(&event)] = true;
      g_assert_cmpuint(script->given - i, <=, bound + 1);
    }
    g_assert_cmpint(next(reorder, &event), ==, DC_READ_END);
  }
}

/* Without need nothing is held: an event goes out as soon as the slack is over. */
static void test_delay(void)
{
  ScriptStep steps[100];
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
    steps[i] = (ScriptStep){.kind = DC_EVENT_DROP, .time_ns = (int64_t)i * 10, .tag = i};
  DcSource *inner = script_new(steps, G_N_ELEMENTS(steps), NULL);
  const ScriptSource *script = (const ScriptSource *)inner;
  g_autoptr(DcSource) reorder = dc_reorder_new(inner, 50, 1000);
  DcEvent event;
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
  g_assert_cmpuint(script->given, ==, 7); /* 0 goes when 60 has come */
}

/* One time far in the future does not end the sorting of what follows. */
static void test_future_time(void)
{
  static const ScriptStep steps[] = {{.kind = DC_EVENT_DROP, .time_ns = 10, .tag = 1},
                                     {.kind = DC_EVENT_DROP, .time_ns = INT64_MAX / 2, .tag = 9},
                                     {.kind = DC_EVENT_DROP, .time_ns = 14, .tag = 4},
                                     {.kind = DC_EVENT_DROP, .time_ns = 12, .tag = 2},
                                     {.kind = DC_EVENT_DROP, .time_ns = 13, .tag = 3}};
  g_autoptr(DcSource) reorder = dc_reorder_new(script_new(steps, G_N_ELEMENTS(steps), NULL), 5, 1000);
  static const uint64_t expected[] = {1, 2, 3, 4, 9};
  DcEvent event;
  for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
    g_assert_cmpuint(script_tag(&event), ==, expected[i]);
  }
}

static void test_without_time(void)
{
  static const ScriptStep steps[] = {{.kind = DC_EVENT_DROP, .time_ns = 10, .tag = 2},
                                     {.kind = DC_EVENT_DROP, .time_ns = DC_TIME_NONE, .tag = 1},
                                     {.kind = DC_EVENT_DROP, .time_ns = 9, .tag = 3}};
  g_autoptr(DcSource) reorder = dc_reorder_new(script_new(steps, G_N_ELEMENTS(steps), NULL), 5, 1000);
  static const uint64_t expected[] = {1, 3, 2};
  DcEvent event;
  for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
    g_assert_cmpuint(script_tag(&event), ==, expected[i]);
  }
}

/* What came before an error is given before it is told, once. */
static void test_error(void)
{
  static const ScriptStep steps[] = {{.kind = DC_EVENT_DROP, .time_ns = 10, .tag = 2},
                                     {.kind = DC_EVENT_DROP, .time_ns = 9, .tag = 1},
                                     {.status = DC_READ_ERROR, .tag = 5}};
  g_autoptr(DcSource) reorder = dc_reorder_new(script_new(steps, G_N_ELEMENTS(steps), NULL), 5, 1000);
  DcEvent event;
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
  g_assert_cmpuint(script_tag(&event), ==, 1);
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(reorder, &event, &error), ==, DC_READ_ERROR);
  g_assert_error(error, DC_ERROR, DC_ERROR_IO);
  g_clear_error(&error);
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_END);

  /* Freed with events and an error still held. */
  DcSource *unread = dc_reorder_new(script_new(steps, G_N_ELEMENTS(steps), NULL), 5, 1000);
  g_assert_cmpint(next(unread, &event), ==, DC_READ_EVENT);
  dc_source_free(unread);
}

static void test_wait(void)
{
  static const ScriptStep steps[] = {{.kind = DC_EVENT_DROP, .time_ns = 10, .tag = 1},
                                     {.status = DC_READ_WAIT},
                                     {.kind = DC_EVENT_DROP, .time_ns = 100, .tag = 2},
                                     {.status = DC_READ_WAIT}};
  g_autoptr(DcSource) reorder = dc_reorder_new(script_new(steps, G_N_ELEMENTS(steps), NULL), 5, 1000);
  DcEvent event;
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_WAIT);
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
  g_assert_cmpuint(script_tag(&event), ==, 1);
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_WAIT);
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_EVENT);
  g_assert_cmpuint(script_tag(&event), ==, 2);
  g_assert_cmpint(next(reorder, &event), ==, DC_READ_END);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/reorder/within-slack", test_within_slack);
  g_test_add_func("/reorder/bound", test_bound);
  g_test_add_func("/reorder/delay", test_delay);
  g_test_add_func("/reorder/future-time", test_future_time);
  g_test_add_func("/reorder/without-time", test_without_time);
  g_test_add_func("/reorder/error", test_error);
  g_test_add_func("/reorder/wait", test_wait);
  return g_test_run();
}
