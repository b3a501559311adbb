#include "../../src/source/netdm_control.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A copy of /proc with two sockets of the alerts' group (id 5: bit 4) and one of another. */
static char *make_root(void)
{
  char *root = g_dir_make_tmp("dropcorr-netdm-XXXXXX", NULL);
  g_assert_nonnull(root);
  static const char netlink[] =
      "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
      "00000000d5ed7eed 16  812        00000010 0        0        0     2        0        24512   \n"
      "00000000c076b2c5 16  4195117    00000001 0        0        0     2        0        24513   \n"
      "000000004ece2ad6 0   813        00000010 0        0        0     2        0        24514   \n" /* NETLINK_ROUTE
                                                                                                       */
      "000000007f1bdb3d 16  900        80000030 0        0        0     2        7        24515   \n"
      "short line\n";
  g_autofree char *net = g_build_filename(root, "proc", "net", NULL);
  g_assert_cmpint(g_mkdir_with_parents(net, 0700), ==, 0);
  g_autofree char *path = g_build_filename(net, "netlink", NULL);
  g_assert_true(g_file_set_contents(path, netlink, -1, NULL));
  g_autofree char *fds = g_build_filename(root, "proc", "812", "fd", NULL);
  g_assert_cmpint(g_mkdir_with_parents(fds, 0700), ==, 0);
  g_autofree char *link = g_build_filename(fds, "3", NULL);
  g_assert_cmpint(symlink("socket:[24512]", link), ==, 0);
  g_autofree char *comm = g_build_filename(root, "proc", "812", "comm", NULL);
  g_assert_true(g_file_set_contents(comm, "dropwatch\n", -1, NULL));
  return root;
}

static void remove_root(const char *root)
{
  g_autofree char *command = g_strdup_printf("rm -rf %s", root);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

static void test_holders(void)
{
  g_autofree char *root = make_root();
  int listeners = -1;
  g_autofree char *holders = dc_netdm_holders(root, 5, &listeners);
  g_assert_cmpint(listeners, ==, 2);
  g_assert_cmpstr(holders, ==, "dropwatch (pid 812), a process that cannot be seen from here");
  g_autofree char *nobody = dc_netdm_holders(root, 7, &listeners);
  g_assert_cmpint(listeners, ==, 0);
  g_assert_null(nobody);
  g_autofree char *last = dc_netdm_holders(root, 32, &listeners);
  g_assert_cmpint(listeners, ==, 1);
  g_assert_nonnull(last);
  remove_root(root);
}

/* Groups above 32 are in no mask, and without /proc nothing is known: never "nobody listens", for then the
 * monitor would be taken away from whoever does. */
static void test_unknown(void)
{
  g_autofree char *root = make_root();
  int listeners = 0;
  g_assert_null(dc_netdm_holders(root, 33, &listeners));
  g_assert_cmpint(listeners, ==, -1);
  listeners = 0;
  g_assert_null(dc_netdm_holders("/nonexistent", 5, &listeners));
  g_assert_cmpint(listeners, ==, -1);
  remove_root(root);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/netdm-control/holders", test_holders);
  g_test_add_func("/netdm-control/unknown", test_unknown);
  return g_test_run();
}
