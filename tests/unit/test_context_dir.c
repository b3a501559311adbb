#include "dropcorr/source/context_dir.h"

#include "assert_bytes.h"
#include "dropcorr/base/error.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *path;
} Dir;

static Dir dir_new(void)
{
  Dir dir = {.path = g_dir_make_tmp("dropcorr-context-XXXXXX", NULL)};
  g_assert_nonnull(dir.path);
  return dir;
}

static void put_file(const Dir *dir, const char *name, const char *text, size_t len)
{
  g_autofree char *path = g_build_filename(dir->path, name, NULL);
  g_assert_true(g_file_set_contents(path, text, (gssize)len, NULL));
}

static void put_text(const Dir *dir, const char *name, const char *text)
{
  put_file(dir, name, text, strlen(text));
}

static void dir_clear(Dir *dir)
{
  GDir *listing = g_dir_open(dir->path, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(listing)) != NULL) {
    g_autofree char *path = g_build_filename(dir->path, name, NULL);
    g_assert_cmpint(g_remove(path), ==, 0);
  }
  g_dir_close(listing);
  g_assert_cmpint(g_rmdir(dir->path), ==, 0);
  g_free(dir->path);
}

static void must_sample(DcSource *source, DcPhase phase, const char *name, const char *text)
{
  DcEvent event;
  GError *error = NULL;
  DcReadStatus status = dc_source_next(source, &event, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, DC_READ_EVENT);
  g_assert_cmpint(event.kind, ==, DC_EVENT_SAMPLE);
  g_assert_cmpint(event.time_ns, ==, DC_TIME_NONE);
  g_assert_cmpint(event.sample.time_ns, ==, DC_TIME_NONE);
  g_assert_cmpstr(event.sample.name, ==, name);
  g_assert_cmpint(event.sample.phase, ==, phase);
  assert_bytes(event.sample.text, event.sample.len, text, strlen(text));
}

static void must_end(DcSource *source)
{
  DcEvent event;
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
  g_assert_no_error(error);
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
}

static void test_order(void)
{
  Dir dir = dir_new();
  put_text(&dir, "after.snmp", "a snmp");
  put_text(&dir, "before.snmp", "b snmp");
  put_text(&dir, "earlier.snmp", "e snmp");
  put_text(&dir, "after.netstat", "a netstat");
  put_text(&dir, "before.netstat", "b netstat");
  put_text(&dir, "ptype", "once");
  put_text(&dir, "ss.txt", "text"); /* as people name what a command printed */
  put_text(&dir, "nft.json", "{}"); /* an object's own name */
  put_text(&dir, "sockstat", "");
  GError *error = NULL;
  g_autoptr(DcSource) source = dc_context_dir_open(dir.path, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(source->name, ==, dir.path);
  must_sample(source, DC_PHASE_BEFORE, "snmp", "e snmp");
  must_sample(source, DC_PHASE_BEFORE, "netstat", "b netstat");
  must_sample(source, DC_PHASE_BEFORE, "snmp", "b snmp");
  must_sample(source, DC_PHASE_ONCE, "nft.json", "{}");
  must_sample(source, DC_PHASE_ONCE, "ptype", "once");
  must_sample(source, DC_PHASE_ONCE, "sockstat", "");
  must_sample(source, DC_PHASE_ONCE, "ss.txt", "text");
  must_sample(source, DC_PHASE_AFTER, "netstat", "a netstat");
  must_sample(source, DC_PHASE_AFTER, "snmp", "a snmp");
  must_end(source);
  g_assert_cmpuint(source->foreign, ==, 0);
  g_assert_cmpuint(source->skipped, ==, 0);
  dir_clear(&dir);
}

/* What is no state file is counted, and never waited for. */
static void test_passed_over(void)
{
  Dir dir = dir_new();
  put_text(&dir, "ptype", "once");
  put_text(&dir, "README", "not state"); /* foreign */
  put_text(&dir, "after.nonsense", "");  /* foreign */
  put_text(&dir, ".hidden", "");
  g_autofree char *folder = g_build_filename(dir.path, "softnet_stat", NULL);
  g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
  g_autofree char *fifo = g_build_filename(dir.path, "before.dev", NULL);
  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0); /* foreign: no regular file */
  g_autofree char *dangling = g_build_filename(dir.path, "sysctl", NULL);
  g_assert_cmpint(symlink("no-such-file", dangling), ==, 0); /* skipped */
  g_autofree char *large = g_build_filename(dir.path, "dmesg", NULL);
  put_text(&dir, "dmesg", "");
  g_assert_cmpint(truncate(large, (16 << 20) + 1), ==, 0); /* skipped */
  put_text(&dir, "uname", "");
  g_autofree char *fits = g_build_filename(dir.path, "uname", NULL);
  g_assert_cmpint(truncate(fits, 16 << 20), ==, 0);

  g_autoptr(DcSource) source = dc_context_dir_open(dir.path, NULL);
  must_sample(source, DC_PHASE_ONCE, "ptype", "once");
  DcEvent event;
  g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpstr(event.sample.name, ==, "uname");
  g_assert_cmpuint(event.sample.len, ==, 16 << 20);
  must_end(source);
  g_assert_cmpuint(source->foreign, ==, 3);
  g_assert_cmpuint(source->skipped, ==, 2);
  dir_clear(&dir);
}

/* Files under /proc say that they are empty. */
static void test_proc(void)
{
  GError *error = NULL;
  g_autoptr(DcSource) source = dc_context_dir_open("/proc/self/net", &error);
  g_assert_no_error(error);
  DcEvent event;
  bool seen = false;
  while (dc_source_next(source, &event, NULL) == DC_READ_EVENT)
    seen = seen || (strcmp(event.sample.name, "snmp") == 0 && g_str_has_prefix(event.sample.text, "Ip: "));
  g_assert_true(seen);
}

static void test_errors(void)
{
  Dir dir = dir_new();
  GError *error = NULL;
  g_autofree char *missing = g_build_filename(dir.path, "missing", NULL);
  g_assert_null(dc_context_dir_open(missing, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_clear_error(&error);

  put_text(&dir, "README", "not state");
  g_autofree char *file = g_build_filename(dir.path, "README", NULL);
  g_assert_null(dc_context_dir_open(file, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_FORMAT);
  g_assert_nonnull(strstr(error->message, "not a directory, and no tar archive"));
  g_clear_error(&error);

  g_autoptr(DcSource) source = dc_context_dir_open(dir.path, NULL);
  DcEvent event;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_ERROR);
  g_assert_error(error, DC_ERROR, DC_ERROR_FORMAT);
  g_clear_error(&error);
  must_end(source);
  dir_clear(&dir);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/context-dir/order", test_order);
  g_test_add_func("/context-dir/passed-over", test_passed_over);
  g_test_add_func("/context-dir/proc", test_proc);
  g_test_add_func("/context-dir/errors", test_errors);
  return g_test_run();
}
