/* Texts into DcState: names of objects, hostile input, cost. Larger texts lie in data/state (see its README). */
#include "state_feed.h"

static void test_names(void)
{
  bool counters = false;
  g_assert_true(dc_state_text_known("snmp", &counters));
  g_assert_true(counters);
  g_assert_true(dc_state_text_known("ptype", &counters));
  g_assert_false(counters);
  g_assert_true(dc_state_text_known("sys_eth0", &counters));
  g_assert_true(counters);
  g_assert_true(dc_state_text_known("iptables-save.txt", &counters));
  g_assert_true(dc_state_text_known("iptables_save", &counters));
  g_assert_true(dc_state_text_known("sysctl-a", &counters));
  g_assert_true(dc_state_text_known("ip-addr.txt", &counters));
  g_assert_true(dc_state_text_known("nft.json", &counters));
  g_assert_true(dc_state_text_known("ethtool_S_enp0s31f6", &counters));
  static const char *const unknown[] = {"",     "nonsense",        "sys_",      "sys",    "ethtool_S_", "snmp7",
                                        "SNMP", "sys_../../etc/x", "ethtool_x", "sys_a b"};
  for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++) {
    g_assert_false(dc_state_text_known(unknown[i], &counters));
    g_autoptr(DcState) state = dc_state_new();
    g_assert_cmpint(feed(state, unknown[i], "rx_dropped 1\n"), ==, DC_STATE_TEXT_UNKNOWN);
  }
  g_autofree char *long_name = g_strnfill(100000, 's');
  g_assert_false(dc_state_text_known(long_name, &counters));
}

static const char *const all_names[] = {"snmp",
                                        "netstat",
                                        "snmp6",
                                        "softnet_stat",
                                        "dev",
                                        "sockstat",
                                        "rt_cache",
                                        "nf_conntrack_stat",
                                        "conntrack_S",
                                        "sys_eth0",
                                        "ethtool_S_eth0",
                                        "ethtool_g_eth0",
                                        "ethtool_i_eth0",
                                        "tc",
                                        "netstat_s",
                                        "netstat_i",
                                        "ifconfig",
                                        "ptype",
                                        "packet",
                                        "tcp",
                                        "tcp6",
                                        "udp",
                                        "udp6",
                                        "raw",
                                        "ss",
                                        "ss_m",
                                        "sysctl",
                                        "nft",
                                        "nft.json",
                                        "iptables-save",
                                        "ip6tables-save",
                                        "dmesg",
                                        "uname",
                                        "addr",
                                        "link",
                                        "if_addrs",
                                        "if_inet6",
                                        "fib_trie",
                                        "route",
                                        "arp"};

/* Every parser over every file cut at every place, and with bytes changed: nothing to assert but
 * that it comes back (run with sanitizers), with a status that fits. */
static void test_hostile(void)
{
  static const char *const files[] = {
      "before.netstat", "before.dev", "after.softnet_stat", "ss_m", "udp6",      "nft",   "nft.json",
      "iptables-save",  "addr",       "fib_trie",           "tc",   "netstat_s", "packet"};
  g_autoptr(GRand) rand = g_rand_new_with_seed(11);
  for (size_t f = 0; f < G_N_ELEMENTS(files); f++) {
    size_t len;
    g_autofree char *text = load(files[f], &len);
    for (size_t n = 0; n < G_N_ELEMENTS(all_names); n++) {
      for (int round = 0; round < 40; round++) {
        g_autoptr(DcState) state = dc_state_new();
        g_autofree char *copy = g_memdup2(text, len);
        for (int i = 0; i < round; i++)
          copy[g_rand_int_range(rand, 0, (gint32)len)] = (char)g_rand_int_range(rand, 0, 256);
        size_t skipped = 1;
        const DcStateTextStatus status = feed_bytes(state, all_names[n], DC_PHASE_ONCE, copy,
                                                    (size_t)g_rand_int_range(rand, 0, (gint32)len + 1), &skipped);
        g_assert_cmpint(status, !=, DC_STATE_TEXT_UNKNOWN);
        g_assert_cmpint(status == DC_STATE_TEXT_PARTIAL, ==, status != DC_STATE_TEXT_MALFORMED && skipped > 0);
      }
    }
  }
}

/* One line of 10 MB, of one character or of words, must be neither slow nor costly. */
static void test_long_lines(void)
{
  enum { SIZE = 10 << 20 };
  static const char *const patterns[] = {"x",       " ",      "1 ",          "a:", "0",  "{", "\"",
                                         "inet 1 ", "Ip: a ", "[1:2] -A x ", "/",  "\t", "::"};
  g_autofree char *text = g_malloc(SIZE);
  for (size_t p = 0; p < G_N_ELEMENTS(patterns); p++) {
    const size_t n = strlen(patterns[p]);
    for (size_t i = 0; i < SIZE; i++)
      text[i] = patterns[p][i % n];
    for (size_t i = 0; i < G_N_ELEMENTS(all_names); i++) {
      g_autoptr(DcState) state = dc_state_new();
      const DcSample sample = {.time_ns = 5, .phase = DC_PHASE_TICK, .name = all_names[i], .text = text, .len = SIZE};
      const gint64 start = g_get_monotonic_time();
      dc_state_text_parse(state, &sample, NULL);
      g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
    }
  }
}

/* A sampler's tick: what is read each second must stay well below a millisecond. */
static void test_cost(void)
{
  static const char *const names[] = {"netstat", "snmp", "snmp6", "dev", "softnet_stat"};
  enum { TICKS = 200 };
  g_autoptr(DcState) state = dc_state_new();
  char *texts[G_N_ELEMENTS(names)];
  size_t lens[G_N_ELEMENTS(names)];
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *file = g_strconcat("after.", names[i], NULL);
    texts[i] = load(file, &lens[i]);
  }
  const gint64 start = g_get_monotonic_time();
  for (int64_t tick = 1; tick <= TICKS; tick++) {
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
      const DcSample sample = {
          .time_ns = tick * DC_NS_PER_S, .phase = DC_PHASE_TICK, .name = names[i], .text = texts[i], .len = lens[i]};
      g_assert_cmpint(dc_state_text_parse(state, &sample, NULL), ==, DC_STATE_TEXT_PARSED);
    }
  }
  const gint64 each = (g_get_monotonic_time() - start) / TICKS;
  g_test_message("a tick costs %" G_GINT64_FORMAT " us", each);
  /* generous: shared machines, sanitizers */
  g_assert_cmpint(each, <, 20000);
  const DcCounterStep step = dc_state_counter(state, "TcpExt.ListenOverflows", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  g_assert_cmpint(step.to_ns, ==, TICKS * DC_NS_PER_S);
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    g_free(texts[i]);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state-text/names", test_names);
  g_test_add_func("/state-text/hostile", test_hostile);
  g_test_add_func("/state-text/long-lines", test_long_lines);
  g_test_add_func("/state-text/cost", test_cost);
  return g_test_run();
}
