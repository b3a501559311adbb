/* Samples written as context files are what --context reads: the same samples in the same order of phases. */
#include "dropcorr/source/context_write.h"

#include "dropcorr/source/context_dir.h"
#include "scratch.h"

#include <string.h>

#define NOBODY ((uid_t)-1), ((gid_t)-1)

typedef struct {
  char *base, *path, *context;
} Place;

static Place place_new(void)
{
  Place place = {.base = scratch_new()};
  place.path = g_build_filename(place.base, "bundle", NULL);
  place.context = g_build_filename(place.path, "context", NULL);
  return place;
}

static void place_clear(Place *place)
{
  scratch_remove(place->base);
  g_free(place->base);
  g_free(place->path);
  g_free(place->context);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static void add(DcContextWriter *writer, const char *name, DcPhase phase, int64_t time_ns, const char *text)
{
  const DcSample sample = {
      .name = name, .phase = (uint8_t)phase, .time_ns = time_ns, .text = text, .len = strlen(text)};
  dc_context_writer_add(writer, &sample);
}

static void put(const DcContextWriter *writer, const Place *place)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcFolder) folder = dc_folder_create(place->path, NOBODY, &error);
  g_assert_no_error(error);
  g_assert_true(dc_context_writer_put(writer, folder, "context/", &error));
  g_assert_no_error(error);
}

static void must_sample(DcSource *source, const char *name, DcPhase phase, const char *text)
{
  DcEvent event;
  g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpstr(event.sample.name, ==, name);
  g_assert_cmpint(event.sample.phase, ==, phase);
  g_assert_cmpuint(event.sample.len, ==, strlen(text));
  g_assert_cmpint(memcmp(event.sample.text, text, event.sample.len), ==, 0);
}

static void test_round_trip(void)
{
  g_auto(Place) place = place_new();
  g_autoptr(DcContextWriter) writer = dc_context_writer_new();
  add(writer, "snmp", DC_PHASE_BEFORE, 1000, "first");
  add(writer, "sysctl", DC_PHASE_ONCE, DC_TIME_NONE, "once");
  add(writer, "snmp", DC_PHASE_BEFORE, 2000, "second");
  add(writer, "snmp", DC_PHASE_TICK, 3000, "tick");
  add(writer, "snmp", DC_PHASE_BEFORE, 4000, "third"); /* the first and the last stay */
  add(writer, "sys_eth0", DC_PHASE_BEFORE, 4000, "");
  add(writer, "snmp", DC_PHASE_AFTER, 5000000000, "after");
  add(writer, "snmp", DC_PHASE_AFTER, 6000000000, "last");
  put(writer, &place);
  g_assert_cmpuint(dc_context_writer_left_out(writer), ==, 0);

  g_autoptr(DcSource) source = dc_context_dir_open(place.context, NULL);
  must_sample(source, "snmp", DC_PHASE_BEFORE, "first");
  must_sample(source, "snmp", DC_PHASE_BEFORE, "third");
  must_sample(source, "sys_eth0", DC_PHASE_BEFORE, "");
  must_sample(source, "sysctl", DC_PHASE_ONCE, "once");
  must_sample(source, "snmp", DC_PHASE_AFTER, "last");
  DcEvent event;
  g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_END);

  g_autofree char *path = g_build_filename(place.context, "after.time", NULL);
  g_autofree char *time = NULL;
  g_assert_true(g_file_get_contents(path, &time, NULL, NULL));
  g_assert_cmpstr(time, ==, "5.000000000\n");
}

/* An evidence file may name its samples as it likes. */
static void test_names(void)
{
  static const char *const bad[] = {"../snmp", "sys_../../x", "", ".", "no-such-object", "sys_a/b"};
  g_auto(Place) place = place_new();
  g_autoptr(DcContextWriter) writer = dc_context_writer_new();
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
    add(writer, bad[i], DC_PHASE_ONCE, DC_TIME_NONE, "x");
  add(writer, "snmp", DC_PHASE_ONCE, DC_TIME_NONE, "x");
  g_assert_cmpuint(dc_context_writer_left_out(writer), ==, G_N_ELEMENTS(bad));
  put(writer, &place);
  g_autoptr(DcSource) source = dc_context_dir_open(place.context, NULL);
  must_sample(source, "snmp", DC_PHASE_ONCE, "x");
}

static void test_bound(void)
{
  g_autoptr(DcContextWriter) writer = dc_context_writer_new();
  g_autofree char *text = g_strnfill(1u << 20, 'x');
  for (int i = 0; i < 80; i++) {
    g_autofree char *name = g_strdup_printf("sys_eth%d", i);
    add(writer, name, DC_PHASE_ONCE, DC_TIME_NONE, text);
  }
  g_assert_cmpuint(dc_context_writer_left_out(writer), ==, 80 - 64);
  /* what takes the place of an equal one needs no room of its own */
  add(writer, "sys_eth3", DC_PHASE_ONCE, DC_TIME_NONE, text);
  g_assert_cmpuint(dc_context_writer_left_out(writer), ==, 80 - 64);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/context-write/round-trip", test_round_trip);
  g_test_add_func("/context-write/names", test_names);
  g_test_add_func("/context-write/bound", test_bound);
  return g_test_run();
}
