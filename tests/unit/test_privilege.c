#include "dropcorr/source/privilege.h"

#include "dropcorr/base/error.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_user_named(void)
{
  g_autoptr(GError) error = NULL;
  DcPrivilegeUser user;
  g_assert_true(dc_privilege_user("root", &user, &error));
  g_assert_cmpint(user.uid, ==, 0);
  g_assert_cmpstr(user.name, ==, "root");
  dc_privilege_user_clear(&user);
  g_assert_false(dc_privilege_user("no-such-user-of-dropcorr", &user, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_assert_nonnull(strstr(error->message, "no-such-user-of-dropcorr"));
}

/* Root becomes whoever called sudo, else nobody; never root by a forged SUDO_USER. */
static void test_user_default(void)
{
  DcPrivilegeUser user;
  if (geteuid() != 0) {
    g_assert_true(dc_privilege_user(NULL, &user, NULL));
    g_assert_cmpint(user.uid, ==, getuid());
    dc_privilege_user_clear(&user);
    return;
  }
  static const struct {
    const char *sudo_user, *expected;
  } rows[] = {{NULL, "nobody"}, {"root", "nobody"}, {"no-such-user-of-dropcorr", "nobody"}, {"daemon", "daemon"}};
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    if (rows[i].sudo_user != NULL)
      g_setenv("SUDO_USER", rows[i].sudo_user, TRUE);
    else
      g_unsetenv("SUDO_USER");
    g_assert_true(dc_privilege_user(NULL, &user, NULL));
    g_assert_cmpstr(user.name, ==, rows[i].expected);
    dc_privilege_user_clear(&user);
  }
  g_unsetenv("SUDO_USER");
}

/* Every way back is closed. Exit status tells the step that failed. */
static int drop_and_probe(void)
{
  DcPrivilegeUser user;
  if (!dc_privilege_user("nobody", &user, NULL) || !dc_privilege_drop(&user, NULL))
    return 1;
  if (getuid() != user.uid || geteuid() != user.uid || getgid() != user.gid || getgroups(0, NULL) != 0)
    return 2;
  if (setuid(0) == 0 || setgid(0) == 0 || seteuid(0) == 0)
    return 3;
  if (access("/proc/1/root", R_OK) == 0) /* would need CAP_SYS_PTRACE or root */
    return 4;
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
    return 5;
  if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2) {
    char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
    if (execv("/bin/true", arguments) == 0 || errno != EPERM || unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
      return 7;
  }
  /* What a run still does. */
  g_autofree char *snmp = NULL;
  if (!g_file_get_contents("/proc/net/snmp", &snmp, NULL, NULL))
    return 8;
  g_autofree char *text = dc_privilege_text();
  return strstr(text, "nobody") != NULL && strstr(text, "capabilities: none") != NULL ? 0 : 6;
}

static void test_drop(void)
{
  if (geteuid() != 0) {
    g_test_skip("only root has privileges to give up");
    return;
  }
  const pid_t pid = fork();
  if (pid == 0)
    _exit(drop_and_probe());
  int status = 0;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFEXITED(status));
  g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_keep(void)
{
  DcPrivilegeUser user = {.uid = 0, .gid = 0, .name = g_strdup("root")};
  const uid_t before = geteuid();
  g_assert_true(dc_privilege_drop(&user, NULL));
  g_assert_cmpint(geteuid(), ==, before);
  dc_privilege_user_clear(&user);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/privilege/user/named", test_user_named);
  g_test_add_func("/privilege/user/default", test_user_default);
  g_test_add_func("/privilege/drop", test_drop);
  g_test_add_func("/privilege/keep", test_keep);
  return g_test_run();
}
