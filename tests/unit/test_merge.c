#include "dropcorr/source/merge.h"

#include "script_source.h"

#define SOURCES_MAX 6
#define STEPS_MAX 200

typedef struct {
  ScriptStep steps[SOURCES_MAX][STEPS_MAX];
  size_t counts[SOURCES_MAX];
  bool freed[SOURCES_MAX];
  size_t sources;
} Script;

/* tag: the source in the upper half, the place in it in the lower. */
static uint64_t tag_of(size_t source, size_t at)
{
  return (uint64_t)source << 32 | at;
}

static Script *random_script(bool sorted)
{
  Script *script = g_new0(Script, 1);
  script->sources = (size_t)g_test_rand_int_range(1, SOURCES_MAX + 1);
  for (size_t source = 0; source < script->sources; source++) {
    int64_t time_ns = g_test_rand_int_range(0, 50);
    script->counts[source] = (size_t)g_test_rand_int_range(0, STEPS_MAX);
    for (size_t at = 0; at < script->counts[source]; at++) {
      /* Few distinct times and kinds, so that ties are common. */
      time_ns = sorted ? time_ns + g_test_rand_int_range(0, 3) : g_test_rand_int_range(0, 100);
      script->steps[source][at] =
          (ScriptStep){.kind = (uint8_t)g_test_rand_int_range(0, 4), .time_ns = time_ns, .tag = tag_of(source, at)};
    }
  }
  return script;
}

static DcSource *merge_of(Script *script)
{
  DcSource *sources[SOURCES_MAX];
  for (size_t i = 0; i < script->sources; i++)
    sources[i] = script_new(script->steps[i], script->counts[i], &script->freed[i]);
  return dc_merge_new(sources, script->sources);
}

typedef struct {
  const ScriptStep *step;
  size_t source, at;
} Expected;

/* Stated order: time, then frames, drops, samples, losses, then order of the sources; within one
 * source always its own. A sort over all events by these keys, for sources that are sorted by (time, kind). */
static int compare_expected(const void *a, const void *b)
{
  const Expected *left = a, *right = b;
  if (left->step->time_ns != right->step->time_ns)
    return left->step->time_ns < right->step->time_ns ? -1 : 1;
  if (left->step->kind != right->step->kind)
    return left->step->kind < right->step->kind ? -1 : 1;
  if (left->source != right->source)
    return left->source < right->source ? -1 : 1;
  return left->at < right->at ? -1 : 1;
}

static int compare_steps(const void *a, const void *b)
{
  const ScriptStep *left = a, *right = b;
  if (left->time_ns != right->time_ns)
    return left->time_ns < right->time_ns ? -1 : 1;
  return left->kind != right->kind ? (left->kind < right->kind ? -1 : 1) : 0;
}

static void test_sorted(void)
{
  for (int round = 0; round < 200; round++) {
    g_autofree Script *script = random_script(true);
    g_autofree Expected *expected = g_new0(Expected, SOURCES_MAX * STEPS_MAX);
    size_t total = 0;
    for (size_t source = 0; source < script->sources; source++) {
      qsort(script->steps[source], script->counts[source], sizeof(ScriptStep), compare_steps);
      for (size_t at = 0; at < script->counts[source]; at++)
        expected[total++] = (Expected){.step = &script->steps[source][at], .source = source, .at = at};
    }
    qsort(expected, total, sizeof *expected, compare_expected);

    DcSource *merge = merge_of(script);
    DcEvent event;
    GError *error = NULL;
    for (size_t i = 0; i < total; i++) {
      g_assert_cmpint(dc_source_next(merge, &event, &error), ==, DC_READ_EVENT);
      g_assert_cmpuint(script_tag(&event), ==, expected[i].step->tag);
    }
    g_assert_cmpint(dc_source_next(merge, &event, &error), ==, DC_READ_END);
    g_assert_cmpint(dc_source_next(merge, &event, &error), ==, DC_READ_END);
    g_assert_no_error(error);
    g_assert_cmpuint(merge->bytes_read, ==, total);
    size_t errors;
    (void)dc_merge_errors(merge, &errors);
    g_assert_cmpuint(errors, ==, 0);
    dc_source_free(merge);
    for (size_t source = 0; source < script->sources; source++)
      g_assert_true(script->freed[source]);
  }
}

/* Clocks that go back: each source keeps its own order, and nothing is lost or doubled. */
static void test_unsorted(void)
{
  for (int round = 0; round < 200; round++) {
    g_autofree Script *script = random_script(false);
    size_t given[SOURCES_MAX] = {0};
    DcSource *merge = merge_of(script);
    DcEvent event;
    while (dc_source_next(merge, &event, NULL) == DC_READ_EVENT) {
      size_t source = (size_t)(script_tag(&event) >> 32);
      size_t at = (size_t)(uint32_t)script_tag(&event);
      g_assert_cmpuint(script->steps[source][given[source]].tag, ==, tag_of(source, at));
      /* What the others offer now is not earlier. */
      for (size_t other = 0; other < script->sources; other++) {
        if (other != source && given[other] < script->counts[other])
          g_assert_cmpint(event.time_ns, <=, script->steps[other][given[other]].time_ns);
      }
      given[source]++;
    }
    for (size_t source = 0; source < script->sources; source++)
      g_assert_cmpuint(given[source], ==, script->counts[source]);
    dc_source_free(merge);
  }
}

static void test_without_time(void)
{
  static const ScriptStep timed[] = {{.kind = DC_EVENT_FRAME, .time_ns = 0, .tag = 1},
                                     {.kind = DC_EVENT_FRAME, .time_ns = 5, .tag = 2}};
  static const ScriptStep untimed[] = {{.kind = DC_EVENT_SAMPLE, .time_ns = DC_TIME_NONE, .tag = 3},
                                       {.kind = DC_EVENT_SAMPLE, .time_ns = DC_TIME_NONE, .tag = 4}};
  static const ScriptStep counted[] = {{.kind = DC_EVENT_DROP, .time_ns = DC_TIME_NONE, .tag = 5}};
  DcSource *sources[] = {script_new(timed, 2, NULL), script_new(counted, 1, NULL), script_new(untimed, 2, NULL)};
  g_autoptr(DcSource) merge = dc_merge_new(sources, G_N_ELEMENTS(sources));
  static const uint64_t expected[] = {3, 4, 5, 1, 2};
  DcEvent event;
  for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_assert_cmpint(dc_source_next(merge, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpuint(script_tag(&event), ==, expected[i]);
  }
  g_assert_cmpint(dc_source_next(merge, &event, NULL), ==, DC_READ_END);
}

/* A source that fails ends; the others go on, and the errors are told in the order they came. */
static void test_errors(void)
{
  static const ScriptStep fails_late[] = {{.time_ns = 1, .tag = 1}, {.status = DC_READ_ERROR, .tag = 77}};
  static const ScriptStep fails_first[] = {{.status = DC_READ_ERROR, .tag = 66}};
  static const ScriptStep good[] = {{.time_ns = 2, .tag = 2}, {.time_ns = 3, .tag = 3}};
  DcSource *sources[] = {script_new(fails_late, 2, NULL), script_new(fails_first, 1, NULL), script_new(good, 2, NULL)};
  g_autoptr(DcSource) merge = dc_merge_new(sources, 3);
  GError *error = NULL;
  DcEvent event;
  for (uint64_t tag = 1; tag <= 3; tag++) {
    g_assert_cmpint(dc_source_next(merge, &event, &error), ==, DC_READ_EVENT);
    g_assert_cmpuint(script_tag(&event), ==, tag);
  }
  g_assert_cmpint(dc_source_next(merge, &event, &error), ==, DC_READ_END);
  g_assert_no_error(error);
  size_t count;
  const GError *const *errors = dc_merge_errors(merge, &count);
  g_assert_cmpuint(count, ==, 2);
  g_assert_cmpstr(errors[0]->message, ==, "script 66 failed");
  g_assert_cmpstr(errors[1]->message, ==, "script 77 failed");
}

/* A silent source does not hold up the others. */
static void test_wait(void)
{
  static const ScriptStep slow[] = {
      {.status = DC_READ_WAIT}, {.status = DC_READ_WAIT}, {.status = DC_READ_WAIT}, {.time_ns = 1, .tag = 9}};
  static const ScriptStep quick[] = {{.time_ns = 5, .tag = 1}, {.time_ns = 6, .tag = 2}};
  DcSource *sources[] = {script_new(slow, 4, NULL), script_new(quick, 2, NULL)};
  g_autoptr(DcSource) merge = dc_merge_new(sources, 2);
  DcEvent event;
  g_assert_cmpint(dc_source_next(merge, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpuint(script_tag(&event), ==, 1);
  g_assert_cmpint(dc_source_next(merge, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpuint(script_tag(&event), ==, 2);
  g_assert_cmpint(dc_source_next(merge, &event, NULL), ==, DC_READ_WAIT);
  g_assert_cmpint(dc_source_next(merge, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpuint(script_tag(&event), ==, 9);
  g_assert_cmpint(dc_source_next(merge, &event, NULL), ==, DC_READ_END);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/merge/sorted", test_sorted);
  g_test_add_func("/merge/unsorted", test_unsorted);
  g_test_add_func("/merge/without-time", test_without_time);
  g_test_add_func("/merge/errors", test_errors);
  g_test_add_func("/merge/wait", test_wait);
  return g_test_run();
}
