/* What a file of a saved host is, by its path alone. */
#include "../../src/source/context_layout.h"

#include <glib.h>

typedef struct {
  const char *path;
  bool in_archive;
  const char *object, *key;
  DcPhase phase;
} Row;

static const Row rows[] = {
    {"snmp", false, "snmp", NULL, DC_PHASE_ONCE},
    {"before.snmp", false, "snmp", NULL, DC_PHASE_BEFORE},
    {"after.ethtool_S_eth0", false, "ethtool_S_eth0", NULL, DC_PHASE_AFTER},
    {"earlier.netstat", false, "netstat", NULL, DC_PHASE_BEFORE},
    {"before/snmp", false, "snmp", NULL, DC_PHASE_BEFORE},
    {"before/proc/net/snmp", false, "snmp", NULL, DC_PHASE_BEFORE},
    {"after/net/stat/rt_cache", false, "stat_rt_cache", NULL, DC_PHASE_AFTER},
    {"host-1/after/proc/self/net/dev", true, "dev", NULL, DC_PHASE_AFTER},
    {"proc/net/snmp", false, "snmp", NULL, DC_PHASE_ONCE},
    {"proc/20060/net/tcp6", false, "tcp6", NULL, DC_PHASE_ONCE},
    {"net/softnet_stat", false, "softnet_stat", NULL, DC_PHASE_ONCE},
    {"proc/net/stat/nf_conntrack", false, "stat_nf_conntrack", NULL, DC_PHASE_ONCE},
    {"proc/version", false, "version", NULL, DC_PHASE_ONCE},
    {"proc/sys/net/ipv4/tcp_syncookies", false, "sysctl", "net.ipv4.tcp_syncookies", DC_PHASE_ONCE},
    {"sys/net/core/somaxconn", false, "sysctl", "net.core.somaxconn", DC_PHASE_ONCE},
    {"sys/class/net/eth0/statistics/rx_dropped", false, "sys_eth0", "rx_dropped", DC_PHASE_ONCE},
    {"sos-x/sys/devices/pci0000:00/virtio2/net/ens3/statistics/rx_errors", true, "sys_ens3", "rx_errors",
     DC_PHASE_ONCE},
    {"sos-x/sos_commands/networking/ethtool_-S_eth0", true, "ethtool_S_eth0", NULL, DC_PHASE_ONCE},
    {"sos_commands/networking/ss_-peaonmi", false, "ss_m", NULL, DC_PHASE_ONCE},
    {"sos_commands/networking/netstat_-s", false, "netstat_s", NULL, DC_PHASE_ONCE},
    {"sos_commands/kernel/sysctl_-a", false, "sysctl", NULL, DC_PHASE_ONCE},
    {"t-17/context/before.snmp", true, "snmp", NULL, DC_PHASE_BEFORE},
    {"context/nft", false, "nft", NULL, DC_PHASE_ONCE},
    {"host-1/dmesg", true, "dmesg", NULL, DC_PHASE_ONCE},
    /* nothing that is read */
    {"README", false, NULL, NULL, 0},
    {"", false, NULL, NULL, 0},
    {"/", false, NULL, NULL, 0},
    {"host-1/dmesg", false, NULL, NULL, 0},
    {"a/b/snmp", true, NULL, NULL, 0},
    {"proc/net/route", false, NULL, NULL, 0},
    {"proc/net", false, NULL, NULL, 0},
    {"proc/net/dev_snmp6/eth0", false, NULL, NULL, 0},
    {"proc/1/net/stat", false, NULL, NULL, 0},
    {"sos_commands/networking/ip_netns_exec_blue_ss_-peaonmi", false, NULL, NULL, 0},
    {"sos_commands/networking/namespaces/blue/ss_-peaonmi", false, NULL, NULL, 0},
    {"sos_commands/networking/ethtool_eth0", false, NULL, NULL, 0},
    {"sys/class/net/eth0/mtu", false, NULL, NULL, 0},
    {"a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/net/snmp", true, NULL, NULL, 0},
};

static void test_paths(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_test_message("%s", rows[i].path);
    DcContextPart part;
    const bool known = dc_context_part_of(rows[i].path, rows[i].in_archive, &part);
    g_assert_cmpint(known, ==, rows[i].object != NULL);
    if (known) {
      g_assert_cmpstr(part.object, ==, rows[i].object);
      g_assert_cmpstr(part.key, ==, rows[i].key);
      g_assert_cmpint(part.phase, ==, rows[i].phase);
    }
    dc_context_part_clear(&part);
  }
}

static uint8_t preference(const char *path)
{
  DcContextPart part;
  g_assert_true(dc_context_part_of(path, true, &part));
  dc_context_part_clear(&part);
  return part.preference;
}

/* Of several files of one object: the one somebody put there by name, then this namespace's, then a process's. */
static void test_preference(void)
{
  g_assert_cmpuint(preference("snmp"), >, preference("proc/net/snmp"));
  g_assert_cmpuint(preference("proc/net/snmp"), >, preference("proc/1/net/snmp"));
  g_assert_cmpuint(preference("proc/1/net/snmp"), >, preference("proc/4711/net/snmp"));
  g_assert_cmpuint(preference("sos_commands/networking/ip_-d_address"), >,
                   preference("sos_commands/networking/ip_address"));
}

static void test_folders(void)
{
  g_assert_true(dc_context_wants_folder("proc"));
  g_assert_true(dc_context_wants_folder("proc/1"));
  g_assert_true(dc_context_wants_folder("proc/1/net"));
  g_assert_false(dc_context_wants_folder("proc/1/task"));
  g_assert_true(dc_context_wants_folder("proc/1/net/stat"));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/context-layout/paths", test_paths);
  g_test_add_func("/context-layout/preference", test_preference);
  g_test_add_func("/context-layout/folders", test_folders);
  return g_test_run();
}
