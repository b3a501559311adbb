#include "dropcorr/source/ahead.h"

#include "script_source.h"

#include <string.h>

enum { EVENTS = 20000 };

typedef struct {
  uint64_t prepared;
} Preparation;

static DcEvent *prepare(void *data, DcEvent *event, void *room, size_t *ret_used)
{
  Preparation *preparation = data;
  preparation->prepared++;
  if (event->frame.number % 3 == 0) { /* another event in its place */
    DcEvent *light = room;
    light->kind = DC_EVENT_LIGHT;
    light->time_ns = event->time_ns;
    light->light.number = event->frame.number;
    light->light.rest_len = (uint8_t)(event->frame.number % DC_LIGHT_REST_MAX);
    memset(light->light.rest, (int)light->light.number & 0xff, light->light.rest_len);
    *ret_used = dc_event_size(light);
    return light;
  }
  memcpy(room, &event->frame.number, sizeof event->frame.number);
  event->frame.keys = room;
  *ret_used = 1 + event->frame.number % 700;
  return event;
}

/* What prepare() made of the frame of that number. */
static void check_prepared(const DcEvent *event, uint64_t number)
{
  if (number % 3 == 0) {
    g_assert_cmpuint(event->kind, ==, DC_EVENT_LIGHT);
    g_assert_cmpuint(event->light.number, ==, number);
    for (size_t i = 0; i < number % DC_LIGHT_REST_MAX; i++)
      g_assert_cmpuint(event->light.rest[i], ==, number & 0xff);
    return;
  }
  uint64_t told;
  g_assert_cmpuint(event->kind, ==, DC_EVENT_FRAME);
  memcpy(&told, event->frame.keys, sizeof told);
  g_assert_cmpuint(told, ==, number);
  g_assert_cmpuint(event->frame.number, ==, number);
  g_assert_null(event->frame.bytes);
}

static ScriptStep *steps_of(uint8_t kind)
{
  ScriptStep *steps = g_new0(ScriptStep, EVENTS);
  for (size_t i = 0; i < EVENTS; i++)
    steps[i] = (ScriptStep){.kind = kind == UINT8_MAX ? (uint8_t)(i % 4) : kind, .time_ns = (int64_t)i, .tag = i + 1};
  return steps;
}

/* What the preparation needs may become known with the first frame: samples before it start no thread. */
static void test_samples_first(void)
{
  g_autofree ScriptStep *steps = steps_of(DC_EVENT_FRAME);
  for (size_t i = 0; i < 3; i++)
    steps[i].kind = DC_EVENT_SAMPLE;
  bool freed = false;
  Preparation preparation = {0};
  const DcAheadOptions options = {.prepare = prepare, .room_len = 1024, .data = &preparation};
  DcSource *ahead = dc_ahead_new(script_new(steps, 6, &freed), &options);
  for (size_t i = 0; i < 6; i++) {
    DcEvent event;
    g_assert_cmpint(dc_source_next(ahead, &event, NULL), ==, DC_READ_EVENT);
    if (i < 4) {
      g_assert_cmpuint(event.kind, ==, i < 3 ? DC_EVENT_SAMPLE : DC_EVENT_FRAME);
      g_assert_cmpuint(preparation.prepared, ==, 0);
    } else {
      check_prepared(&event, i + 1);
    }
  }
  dc_source_free(ahead);
  g_assert_true(freed);
}

/* All events come in order, each prepared once; the first without the thread. */
static void test_order(void)
{
  for (int round = 0; round < 20; round++) {
    g_autofree ScriptStep *steps = steps_of(UINT8_MAX);
    bool freed = false;
    Preparation preparation = {0};
    const DcAheadOptions options = {.prepare = prepare, .room_len = 1024, .data = &preparation};
    DcSource *ahead = dc_ahead_new(script_new(steps, EVENTS, &freed), &options);
    uint64_t frames = 0;
    size_t at = 0, runs = 0;
    while (at < EVENTS) {
      DcRunRoom room;
      DcRun run;
      g_assert_cmpint(dc_source_run(ahead, &room, &run, NULL), ==, DC_READ_EVENT);
      g_assert_cmpuint(run.count, >, 0);
      runs++;
      for (size_t i = 0; i < run.count; i++, at++) {
        const DcEvent *event = run.events[i];
        g_assert_cmpint(event->time_ns, ==, (int64_t)at);
        if (steps[at].kind != DC_EVENT_FRAME || at == 0) {
          g_assert_cmpuint(event->kind, ==, steps[at].kind);
          g_assert_cmpuint(script_tag(event), ==, at + 1);
          continue;
        }
        frames++;
        check_prepared(event, at + 1);
      }
    }
    g_assert_cmpuint(at, ==, EVENTS);
    g_assert_cmpuint(runs, <, EVENTS / 16);
    DcEvent event;
    g_assert_cmpint(dc_source_next(ahead, &event, NULL), ==, DC_READ_END);
    g_assert_cmpint(dc_source_next(ahead, &event, NULL), ==, DC_READ_END);
    dc_ahead_stop(ahead);
    g_assert_cmpuint(preparation.prepared, ==, frames);
    dc_source_free(ahead);
    g_assert_true(freed);
  }
}

/* An error comes after the events before it, and is the end. */
static void test_error(void)
{
  for (size_t at = 0; at < 2000; at += 153) {
    g_autofree ScriptStep *steps = steps_of(UINT8_MAX);
    steps[at].status = DC_READ_ERROR;
    bool freed = false;
    const DcAheadOptions options = {.prepare = prepare, .room_len = 1024, .data = &(Preparation){0}};
    DcSource *ahead = dc_ahead_new(script_new(steps, EVENTS, &freed), &options);
    DcEvent event;
    for (size_t i = 0; i < at; i++)
      g_assert_cmpint(dc_source_next(ahead, &event, NULL), ==, DC_READ_EVENT);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(dc_source_next(ahead, &event, &error), ==, DC_READ_ERROR);
    g_assert_error(error, DC_ERROR, DC_ERROR_IO);
    g_assert_cmpint(dc_source_next(ahead, &event, NULL), ==, DC_READ_END);
    dc_source_free(ahead);
    g_assert_true(freed);
  }
}

/* Whoever has enough, at whatever event, leaves nothing behind. */
static void test_stop(void)
{
  for (size_t enough = 0; enough < 5000; enough += 331) {
    g_autofree ScriptStep *steps = steps_of(DC_EVENT_FRAME);
    bool freed = false;
    Preparation preparation = {0};
    const DcAheadOptions options = {.prepare = prepare, .room_len = 1024, .data = &preparation};
    DcSource *ahead = dc_ahead_new(script_new(steps, EVENTS, &freed), &options);
    DcEvent event;
    for (size_t i = 0; i < enough; i++)
      g_assert_cmpint(dc_source_next(ahead, &event, NULL), ==, DC_READ_EVENT);
    dc_ahead_stop(ahead);
    dc_ahead_stop(ahead);
    if (enough > 1)
      g_assert_cmpint(dc_source_next(ahead, &event, NULL), ==, DC_READ_END);
    dc_source_free(ahead);
    g_assert_true(freed);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ahead/samples-first", test_samples_first);
  g_test_add_func("/ahead/order", test_order);
  g_test_add_func("/ahead/error", test_error);
  g_test_add_func("/ahead/stop", test_stop);
  return g_test_run();
}
