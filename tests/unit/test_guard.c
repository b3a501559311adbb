/* Instances are told by their path: here a plain empty directory stands for one. */
#include "dropcorr/source/guard.h"

#include "../../src/source/tracefs_instance.h"
#include "dropcorr/base/clock.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *make_directory(void)
{
  char *path = g_dir_make_tmp("dropcorr-guard-XXXXXX", NULL);
  g_assert_nonnull(path);
  return path;
}

static bool is_gone_soon(const char *path)
{
  for (unsigned i = 0; i < 500 && g_file_test(path, G_FILE_TEST_EXISTS); i++)
    g_usleep(10000);
  return !g_file_test(path, G_FILE_TEST_EXISTS);
}

static void test_finish(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = make_directory();
  DcGuard *guard = dc_guard_start(&error);
  g_assert_no_error(error);
  g_assert_true(dc_guard_watch_instance(guard, path));
  g_assert_true(g_file_test(path, G_FILE_TEST_IS_DIR));
  g_assert_true(dc_guard_finish(guard, &error));
  g_assert_no_error(error);
  g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_called_off(void)
{
  g_autofree char *path = make_directory();
  DcGuard *guard = dc_guard_start(NULL);
  g_assert_true(dc_guard_watch_instance(guard, path));
  g_assert_true(dc_guard_watch_instance(guard, NULL));
  g_assert_true(dc_guard_finish(guard, NULL));
  g_assert_true(g_file_test(path, G_FILE_TEST_IS_DIR));
  g_rmdir(path);
}

/* What cannot be put back is told, with what to do by hand. */
static void test_problem(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = make_directory();
  g_autofree char *file = g_build_filename(path, "file", NULL);
  g_assert_true(g_file_set_contents(file, "x", 1, NULL)); /* not empty: rmdir fails */
  DcGuard *guard = dc_guard_start(NULL);
  g_assert_true(dc_guard_watch_instance(guard, path));
  g_assert_false(dc_guard_finish(guard, &error));
  g_assert_nonnull(error);
  g_assert_nonnull(strstr(error->message, path));
  g_assert_nonnull(strstr(error->message, "rmdir"));
  g_unlink(file);
  g_rmdir(path);
}

/* kill -9 leaves the parent no moment to tidy up. The guard has it. */
static void test_parent_killed(void)
{
  g_autofree char *path = make_directory();
  const pid_t pid = fork();
  if (pid == 0) {
    DcGuard *guard = dc_guard_start(NULL);
    if (guard != NULL && dc_guard_watch_instance(guard, path))
      raise(SIGKILL);
    _exit(1);
  }
  int status = 0;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFSIGNALED(status));
  g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
  g_assert_true(is_gone_soon(path));
}

/* Ctrl-C goes to the whole group: it must not take the guard first. */
static void test_group_signals(void)
{
  g_autofree char *path = make_directory();
  const pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    DcGuard *guard = dc_guard_start(NULL);
    bool ok = guard != NULL && dc_guard_watch_instance(guard, path);
    g_usleep(100000); /* the guard gets as far as ignoring them */
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
      signal(signals[i], SIG_IGN);
      kill(0, signals[i]);
    }
    g_usleep(100000);
    ok = ok && dc_guard_watch_instance(guard, path) && dc_guard_finish(guard, NULL);
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFEXITED(status));
  g_assert_cmpint(WEXITSTATUS(status), ==, 0);
  g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

typedef struct {
  unsigned count;
  bool has_plain;
} Samples;

static void visit(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data)
{
  Samples *samples = data;
  g_assert_true(*name != '\0');
  g_assert_cmpint(time_ns, >, 0);
  g_assert_true(len == 0 || text != NULL);
  samples->count++;
  samples->has_plain |= strcmp(name, "uname") == 0; /* needs no privileges: must not come from the guard */
}

static void test_sample(void)
{
  Samples samples = {0};
  DcGuard *guard = dc_guard_start(NULL);
  g_assert_true(dc_guard_sample(guard, 20 * DC_NS_PER_S, visit, &samples));
  g_assert_false(samples.has_plain);
  g_assert_true(dc_guard_sample(guard, 20 * DC_NS_PER_S, visit, &samples)); /* more than once */
  g_assert_true(dc_guard_finish(guard, NULL));
}

/* Names that only look like ours, and a living process's instance, stay. */
static void test_stale_instances(void)
{
  g_autofree char *instances = make_directory();
  const pid_t dead = fork();
  if (dead == 0)
    _exit(0);
  g_assert_cmpint(waitpid(dead, NULL, 0), ==, dead);
  g_autofree char *stale = g_strdup_printf("%s/dropcorr-%d", instances, (int)dead);
  g_autofree char *living = g_strdup_printf("%s/dropcorr-%d", instances, (int)getpid());
  g_autofree char *init = g_strdup_printf("%s/dropcorr-1", instances);
  g_autofree char *other = g_strdup_printf("%s/dropcorr-%dx", instances, (int)dead);
  g_autofree char *foreign = g_strdup_printf("%s/perf-%d", instances, (int)dead);
  const char *const all[] = {stale, living, init, other, foreign};
  for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
    g_assert_cmpint(g_mkdir(all[i], 0700), ==, 0);
  g_assert_cmpuint(dc_tracefs_remove_stale(instances), ==, 1);
  g_assert_false(g_file_test(stale, G_FILE_TEST_EXISTS));
  for (size_t i = 1; i < G_N_ELEMENTS(all); i++) {
    g_assert_true(g_file_test(all[i], G_FILE_TEST_IS_DIR));
    g_rmdir(all[i]);
  }
  g_rmdir(instances);
  g_assert_cmpuint(dc_tracefs_remove_stale("/nonexistent"), ==, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/guard/finish", test_finish);
  g_test_add_func("/guard/called-off", test_called_off);
  g_test_add_func("/guard/problem", test_problem);
  g_test_add_func("/guard/parent-killed", test_parent_killed);
  g_test_add_func("/guard/group-signals", test_group_signals);
  g_test_add_func("/guard/sample", test_sample);
  g_test_add_func("/guard/stale-instances", test_stale_instances);
  return g_test_run();
}
