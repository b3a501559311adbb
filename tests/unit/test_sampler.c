#include "dropcorr/source/sampler.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/source/evidence_fields.h"
#include "dropcorr/source/sample_list.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>

static void put_file(const char *root, const char *path, const char *text, gssize len)
{
  g_autofree char *full = g_build_filename(root, path, NULL);
  g_autofree char *directory = g_path_get_dirname(full);
  g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
  g_assert_true(g_file_set_contents(full, text, len, NULL));
}

static char *make_root(void)
{
  char *root = g_dir_make_tmp("dropcorr-sampler-XXXXXX", NULL);
  g_assert_nonnull(root);
  put_file(root, "proc/net/snmp", "Ip: Forwarding\nIp: 1\n", -1);
  put_file(root, "proc/net/ptype", "Type Device      Function\n0800          ip_rcv\n", -1);
  return root;
}

static void remove_root(const char *root)
{
  g_autofree char *command = g_strdup_printf("rm -rf %s", root);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

static void collect(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data)
{
  g_assert_cmpint(time_ns, >, 0);
  g_hash_table_insert(data, g_strdup(name), g_string_new_len((const char *)text, (gssize)len));
}

static void free_string(void *string)
{
  g_string_free(string, TRUE);
}

static GHashTable *take(const char *root, DcSampleSet set, DcPhase phase)
{
  GHashTable *samples = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_string);
  g_autoptr(DcSampler) sampler = dc_sampler_new("any", root);
  dc_sampler_take(sampler, set, phase, collect, samples);
  return samples;
}

static void test_phases(void)
{
  g_autofree char *root = make_root();
  g_autoptr(GHashTable) all = take(root, DC_SAMPLE_ALL, DC_PHASE_BEFORE);
  const GString *snmp = g_hash_table_lookup(all, "snmp");
  g_assert_nonnull(snmp);
  g_assert_cmpstr(snmp->str, ==, "Ip: Forwarding\nIp: 1\n");
  g_assert_true(g_hash_table_contains(all, "ptype"));
  /* Each second the counters alone. */
  g_autoptr(GHashTable) tick = take(root, DC_SAMPLE_ALL, DC_PHASE_TICK);
  g_assert_true(g_hash_table_contains(tick, "snmp"));
  g_assert_false(g_hash_table_contains(tick, "ptype"));
  remove_root(root);
}

/* What needs privileges and what does not make up the whole. */
static void test_sets(void)
{
  g_autofree char *root = make_root();
  g_autoptr(GHashTable) all = take("", DC_SAMPLE_ALL, DC_PHASE_AFTER);
  g_autoptr(GHashTable) plain = take("", DC_SAMPLE_PLAIN, DC_PHASE_AFTER);
  g_autoptr(GHashTable) privileged = take("", DC_SAMPLE_PRIVILEGED, DC_PHASE_AFTER);
  GHashTableIter iter;
  void *name;
  g_hash_table_iter_init(&iter, all);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    g_assert_cmpint(g_hash_table_contains(plain, name) + g_hash_table_contains(privileged, name), ==, 1);
  g_assert_cmpuint(g_hash_table_size(plain) + g_hash_table_size(privileged), ==, g_hash_table_size(all));
  g_hash_table_iter_init(&iter, privileged);
  while (g_hash_table_iter_next(&iter, &name, NULL)) {
    const DcSampleObject *object = dc_sample_object(name);
    g_assert_true(object == NULL || object->runs_command || object->needs != DC_SAMPLE_NEEDS_NOTHING);
  }
  remove_root(root);
}

/* A table too long for one block is cut behind a line. */
static void test_cut(void)
{
  g_autofree char *root = make_root();
  g_autoptr(GString) text = g_string_new(NULL);
  while (text->len < DC_EVIDENCE_TEXT_MAX + 5000)
    g_string_append(text, "Ip: one line of a very long table\n");
  put_file(root, "proc/net/snmp", text->str, (gssize)text->len);
  g_autoptr(GHashTable) samples = take(root, DC_SAMPLE_ALL, DC_PHASE_BEFORE);
  const GString *snmp = g_hash_table_lookup(samples, "snmp");
  g_assert_cmpuint(snmp->len, <=, DC_EVIDENCE_TEXT_MAX);
  g_assert_cmpuint(snmp->len, >, DC_EVIDENCE_TEXT_MAX - 40);
  g_assert_cmpint(snmp->str[snmp->len - 1], ==, '\n');
  remove_root(root);
}

typedef struct {
  DcSampler *sampler;
  DcLiveSink sink;
  DcStop *stop;
} Run;

static void *run(void *data)
{
  Run *all = data;
  dc_sampler_run(all->sampler, DC_SAMPLE_PLAIN, 50 * DC_NS_PER_MS, &all->sink, all->stop);
  return NULL;
}

/* Ticks while it runs, everything once more after the stop, and nothing after its end. */
static void test_run(void)
{
  g_autofree char *root = make_root();
  g_autoptr(DcQueue) queue = dc_queue_new(16 << 20, -1);
  g_autoptr(DcStop) stop = dc_stop_new(NULL);
  g_autoptr(DcSampler) sampler = dc_sampler_new(NULL, root);
  Run all = {.sampler = sampler, .sink = {.queue = queue, .wake_fd = -1}, .stop = stop};
  pthread_t thread;
  g_assert_cmpint(pthread_create(&thread, NULL, run, &all), ==, 0);
  g_usleep(1300000);
  const int64_t stopped_ns = dc_clock_realtime();
  dc_stop_request(stop);
  pthread_join(thread, NULL);

  unsigned ticks = 0, after_snmp = 0, after_ptype = 0, ends = 0;
  const void *bytes;
  size_t len;
  while (dc_queue_peek(queue, &bytes, &len)) {
    const DcLiveRecord *record = bytes;
    const char *name = (const char *)bytes + sizeof *record;
    g_assert_cmpuint(ends, ==, 0);
    if (record->kind == DC_LIVE_SAMPLE && record->sub == DC_PHASE_TICK) {
      ticks += strcmp(name, "snmp") == 0;
      g_assert_cmpint(record->time_ns, <, stopped_ns);
    } else if (record->kind == DC_LIVE_SAMPLE) {
      g_assert_cmpint(record->sub, ==, DC_PHASE_AFTER);
      g_assert_cmpint(record->time_ns, >=, stopped_ns + 50 * DC_NS_PER_MS);
      after_snmp += strcmp(name, "snmp") == 0;
      after_ptype += strcmp(name, "ptype") == 0;
    }
    ends += record->kind == DC_LIVE_END;
    dc_queue_pop(queue);
  }
  g_assert_cmpuint(ticks, ==, 1);
  g_assert_cmpuint(after_snmp, ==, 1);
  g_assert_cmpuint(after_ptype, ==, 1);
  g_assert_cmpuint(ends, ==, 1);
  remove_root(root);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/sampler/phases", test_phases);
  g_test_add_func("/sampler/sets", test_sets);
  g_test_add_func("/sampler/cut", test_cut);
  g_test_add_func("/sampler/run", test_run);
  return g_test_run();
}
