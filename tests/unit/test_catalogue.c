#include "dropcorr/diagnose/catalogue.h"

#include <glib.h>
#include <string.h>

/* Every reason of include/net/dropreason-core.h of Linux 5.18 to 6.18 (6.18.44's kfree_skb format
 * file), and those of subsystems, with the cause it must lead to first. */
static const struct {
  const char *reason;
  DcCause cause;
  bool named;
} reasons[] = {
    {"NO_SOCKET", DC_CAUSE_NO_SOCKET, false},
    {"SOCKET_CLOSE", DC_CAUSE_NORMAL_FREE, true},
    {"SOCKET_FILTER", DC_CAUSE_SOCKET_FILTER, true},
    {"SOCKET_RCVBUFF", DC_CAUSE_UDP_RCVBUF, false},
    {"UNIX_DISCONNECT", DC_CAUSE_NORMAL_FREE, true},
    {"UNIX_SKIP_OOB", DC_CAUSE_NORMAL_FREE, true},
    {"PKT_TOO_SMALL", DC_CAUSE_TRUNCATED, true},
    {"TCP_CSUM", DC_CAUSE_TCP_CHECKSUM, true},
    {"UDP_CSUM", DC_CAUSE_UDP_CHECKSUM, true},
    {"NETFILTER_DROP", DC_CAUSE_NETFILTER_DROP, false},
    {"OTHERHOST", DC_CAUSE_OTHER_HOST, false},
    {"IP_CSUM", DC_CAUSE_IP_CHECKSUM, true},
    {"IP_INHDR", DC_CAUSE_IP_HEADER, false},
    {"IP_RPFILTER", DC_CAUSE_RP_FILTER, true},
    {"UNICAST_IN_L2_MULTICAST", DC_CAUSE_MARTIAN_DESTINATION, true},
    {"XFRM_POLICY", DC_CAUSE_XFRM_POLICY, true},
    {"IP_NOPROTO", DC_CAUSE_NO_L4_PROTOCOL, true},
    {"PROTO_MEM", DC_CAUSE_UDP_MEMORY, false},
    {"TCP_AUTH_HDR", DC_CAUSE_TCP_AUTH, true},
    {"TCP_MD5NOTFOUND", DC_CAUSE_TCP_AUTH, true},
    {"TCP_MD5UNEXPECTED", DC_CAUSE_TCP_AUTH, true},
    {"TCP_MD5FAILURE", DC_CAUSE_TCP_AUTH, true},
    {"TCP_AONOTFOUND", DC_CAUSE_TCP_AUTH, true},
    {"TCP_AOUNEXPECTED", DC_CAUSE_TCP_AUTH, true},
    {"TCP_AOKEYNOTFOUND", DC_CAUSE_TCP_AUTH, true},
    {"TCP_AOFAILURE", DC_CAUSE_TCP_AUTH, true},
    {"SOCKET_BACKLOG", DC_CAUSE_SOCKET_BACKLOG, true},
    {"TCP_FLAGS", DC_CAUSE_TCP_STATE, true},
    {"TCP_ABORT_ON_DATA", DC_CAUSE_TCP_STATE, true},
    {"TCP_ZEROWINDOW", DC_CAUSE_TCP_RCVBUF, true},
    {"TCP_OLD_DATA", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_OVERWINDOW", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_OFOMERGE", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_RFC7323_PAWS", DC_CAUSE_PAWS, true},
    {"TCP_RFC7323_PAWS_ACK", DC_CAUSE_PAWS, true},
    {"TCP_RFC7323_TW_PAWS", DC_CAUSE_PAWS, true},
    {"TCP_RFC7323_TSECR", DC_CAUSE_PAWS, true},
    {"TCP_LISTEN_OVERFLOW", DC_CAUSE_ACCEPT_QUEUE_FULL, true},
    {"TCP_OLD_SEQUENCE", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_INVALID_SEQUENCE", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_INVALID_END_SEQUENCE", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_INVALID_ACK_SEQUENCE", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_RESET", DC_CAUSE_TCP_STATE, true},
    {"TCP_INVALID_SYN", DC_CAUSE_TCP_STATE, true},
    {"TCP_CLOSE", DC_CAUSE_TCP_STATE, true},
    {"TCP_FASTOPEN", DC_CAUSE_TCP_STATE, true},
    {"TCP_OLD_ACK", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_TOO_OLD_ACK", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_ACK_UNSENT_DATA", DC_CAUSE_TCP_SEQUENCE, true},
    {"TCP_OFO_QUEUE_PRUNE", DC_CAUSE_TCP_RCVBUF, true},
    {"TCP_OFO_DROP", DC_CAUSE_TCP_SEQUENCE, true},
    {"IP_OUTNOROUTES", DC_CAUSE_NO_ROUTE, true},
    {"BPF_CGROUP_EGRESS", DC_CAUSE_POLICY_HOOK, true},
    {"IPV6DISABLED", DC_CAUSE_IPV6_DISABLED, true},
    {"NEIGH_CREATEFAIL", DC_CAUSE_NEIGHBOUR, true},
    {"NEIGH_FAILED", DC_CAUSE_NEIGHBOUR, true},
    {"NEIGH_QUEUEFULL", DC_CAUSE_NEIGHBOUR, true},
    {"NEIGH_DEAD", DC_CAUSE_NEIGHBOUR, true},
    {"NEIGH_HH_FILLFAIL", DC_CAUSE_NEIGHBOUR, true},
    {"TC_EGRESS", DC_CAUSE_QDISC, true},
    {"SECURITY_HOOK", DC_CAUSE_POLICY_HOOK, true},
    {"QDISC_DROP", DC_CAUSE_QDISC, true},
    {"QDISC_OVERLIMIT", DC_CAUSE_QDISC, true},
    {"QDISC_CONGESTED", DC_CAUSE_QDISC, true},
    {"CAKE_FLOOD", DC_CAUSE_QDISC, true},
    {"FQ_BAND_LIMIT", DC_CAUSE_QDISC, true},
    {"FQ_HORIZON_LIMIT", DC_CAUSE_QDISC, true},
    {"FQ_FLOW_LIMIT", DC_CAUSE_QDISC, true},
    {"CPU_BACKLOG", DC_CAUSE_CPU_BACKLOG, true},
    {"XDP", DC_CAUSE_XDP, true},
    {"TC_INGRESS", DC_CAUSE_TC_INGRESS, true},
    {"UNHANDLED_PROTO", DC_CAUSE_NO_PROTOCOL_HANDLER, false},
    {"SKB_CSUM", DC_CAUSE_NIC_ERROR, true},
    {"SKB_GSO_SEG", DC_CAUSE_NIC_ERROR, true},
    {"SKB_UCOPY_FAULT", DC_CAUSE_MEMORY_PRESSURE, true},
    {"DEV_HDR", DC_CAUSE_NIC_ERROR, true},
    {"DEV_READY", DC_CAUSE_NIC_ERROR, true},
    {"FULL_RING", DC_CAUSE_RING_OVERFLOW, true},
    {"NOMEM", DC_CAUSE_MEMORY_PRESSURE, true},
    {"HDR_TRUNC", DC_CAUSE_TRUNCATED, true},
    {"TAP_FILTER", DC_CAUSE_SOCKET_FILTER, true},
    {"TAP_TXFILTER", DC_CAUSE_SOCKET_FILTER, true},
    {"ICMP_CSUM", DC_CAUSE_ICMP_CHECKSUM, true},
    {"INVALID_PROTO", DC_CAUSE_POLICY_HOOK, true},
    {"IP_INADDRERRORS", DC_CAUSE_NOT_LOCAL, false},
    {"IP_INNOROUTES", DC_CAUSE_NO_ROUTE, true},
    {"IP_LOCAL_SOURCE", DC_CAUSE_MARTIAN_SOURCE, true},
    {"IP_INVALID_SOURCE", DC_CAUSE_MARTIAN_SOURCE, true},
    {"IP_LOCALNET", DC_CAUSE_MARTIAN_SOURCE, false},
    {"IP_INVALID_DEST", DC_CAUSE_MARTIAN_DESTINATION, true},
    {"PKT_TOO_BIG", DC_CAUSE_TOO_BIG, true},
    {"DUP_FRAG", DC_CAUSE_FRAGMENT_LIMIT, true},
    {"FRAG_REASM_TIMEOUT", DC_CAUSE_FRAGMENT_INCOMPLETE, true},
    {"FRAG_TOO_FAR", DC_CAUSE_FRAGMENT_LIMIT, true},
    {"TCP_MINTTL", DC_CAUSE_TCP_AUTH, true},
    {"IPV6_BAD_EXTHDR", DC_CAUSE_IP_HEADER, true},
    {"IPV6_NDISC_FRAG", DC_CAUSE_NEIGHBOUR, true},
    {"IPV6_NDISC_HOP_LIMIT", DC_CAUSE_NEIGHBOUR, true},
    {"IPV6_NDISC_BAD_CODE", DC_CAUSE_NEIGHBOUR, true},
    {"IPV6_NDISC_BAD_OPTIONS", DC_CAUSE_NEIGHBOUR, true},
    {"IPV6_NDISC_NS_OTHERHOST", DC_CAUSE_NEIGHBOUR, true},
    {"QUEUE_PURGE", DC_CAUSE_NORMAL_FREE, true},
    {"TC_COOKIE_ERROR", DC_CAUSE_TC_INGRESS, false},
    {"PACKET_SOCK_ERROR", DC_CAUSE_CAPTURE_ARTIFACT, true},
    {"TC_CHAIN_NOTFOUND", DC_CAUSE_TC_INGRESS, false},
    {"TC_RECLASSIFY_LOOP", DC_CAUSE_TC_INGRESS, false},
    {"VXLAN_INVALID_HDR", DC_CAUSE_TUNNEL, true},
    {"VXLAN_VNI_NOT_FOUND", DC_CAUSE_TUNNEL, true},
    {"VXLAN_ENTRY_EXISTS", DC_CAUSE_TUNNEL, true},
    {"VXLAN_NO_REMOTE", DC_CAUSE_TUNNEL, true},
    {"MAC_INVALID_SOURCE", DC_CAUSE_BRIDGE_PORT, false},
    {"NO_TX_TARGET", DC_CAUSE_BRIDGE_PORT, false},
    {"IP_TUNNEL_ECN", DC_CAUSE_TUNNEL, true},
    {"TUNNEL_TXINFO", DC_CAUSE_TUNNEL, true},
    {"LOCAL_MAC", DC_CAUSE_TUNNEL, true},
    {"ARP_PVLAN_DISABLE", DC_CAUSE_NEIGHBOUR, true},
    {"MAC_IEEE_MAC_CONTROL", DC_CAUSE_BRIDGE_PORT, true},
    {"BRIDGE_INGRESS_STP_STATE", DC_CAUSE_BRIDGE_PORT, true},
    {"CAN_RX_INVALID_FRAME", DC_CAUSE_NIC_ERROR, true},
    {"CANFD_RX_INVALID_FRAME", DC_CAUSE_NIC_ERROR, true},
    {"CANXL_RX_INVALID_FRAME", DC_CAUSE_NIC_ERROR, true},
    {"PFMEMALLOC", DC_CAUSE_MEMORY_PRESSURE, true},
    {"DUALPI2_STEP_DROP", DC_CAUSE_QDISC, true},
    {"PSP_INPUT", DC_CAUSE_TCP_AUTH, true},
    {"PSP_OUTPUT", DC_CAUSE_TCP_AUTH, true},
    {"RECURSION_LIMIT", DC_CAUSE_QDISC, true},
    {"NOT_SPECIFIED", DC_CAUSE_UNCLASSIFIED, false},
    {"SKB_CONSUMED", DC_CAUSE_NORMAL_FREE, true},
    {"CONSUMED", DC_CAUSE_NORMAL_FREE, true},
    /* subsystems */
    {"OVS_DROP_EXPLICIT", DC_CAUSE_BRIDGE_PORT, true},
    {"OVS_DROP_LAST_ACTION", DC_CAUSE_BRIDGE_PORT, true},
    {"RX_DROP_U_MIC_FAIL", DC_CAUSE_NIC_ERROR, true},
};

static void test_every_reason_maps(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
    DcCause causes[DC_CAUSE_COUNT];
    bool named = false;
    size_t count = dc_catalogue_by_reason(reasons[i].reason, causes, G_N_ELEMENTS(causes), &named);
    g_test_message("%s", reasons[i].reason);
    g_assert_cmpuint(count, >=, 1);
    g_assert_cmpstr(dc_cause_name(causes[0]), ==, dc_cause_name(reasons[i].cause));
    g_assert_cmpint(named, ==, reasons[i].named);
    if (named) /* a reason that allows one cause only must not stand in a second row */
      g_assert_cmpuint(count, ==, 1);
  }
}

static void test_by_reason_edges(void)
{
  DcCause causes[4] = {DC_CAUSE_XDP, DC_CAUSE_XDP, DC_CAUSE_XDP, DC_CAUSE_XDP};
  bool named = true;
  g_assert_cmpuint(dc_catalogue_by_reason(NULL, causes, 4, &named), ==, 0);
  g_assert_false(named);
  g_assert_cmpuint(dc_catalogue_by_reason("", causes, 4, &named), ==, 0);
  g_assert_cmpuint(dc_catalogue_by_reason("A_REASON_OF_TOMORROW", causes, 4, &named), ==, 0);
  /* rivals follow the usual cause, and max is kept */
  g_assert_cmpuint(dc_catalogue_by_reason("NETFILTER_DROP", causes, 4, &named), ==, 3);
  g_assert_cmpint(causes[0], ==, DC_CAUSE_NETFILTER_DROP);
  g_assert_cmpint(causes[1], ==, DC_CAUSE_CONNTRACK_FULL);
  g_assert_cmpint(causes[2], ==, DC_CAUSE_CONNTRACK_CLASH);
  g_assert_cmpint(causes[3], ==, DC_CAUSE_XDP);
  g_assert_cmpuint(dc_catalogue_by_reason("NETFILTER_DROP", causes, 1, &named), ==, 1);
  /* an exact name wins over its family: TC_EGRESS is not the ingress family's */
  g_assert_cmpuint(dc_catalogue_by_reason("TC_EGRESS", causes, 4, &named), ==, 1);
  g_assert_cmpint(causes[0], ==, DC_CAUSE_QDISC);
}

static size_t sentences(const char *text)
{
  size_t count = 0;
  for (const char *at = text; *at != '\0'; at++)
    count += (*at == '.' || *at == '?' || *at == '!') && (at[1] == ' ' || at[1] == '\0');
  return count;
}

static void check_advice(const DcAdvice *advice)
{
  g_assert_true(advice->command != NULL || advice->what != NULL);
  for (; advice->command != NULL || advice->what != NULL; advice++) {
    g_assert_nonnull(advice->what); /* a command without a word on what it shows helps nobody */
    g_autofree char *command = advice->command != NULL ? dc_advice_fill(advice->command, NULL, NULL) : NULL;
    g_autofree char *what = dc_advice_fill(advice->what, NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
      const char *text = i == 0 ? command : what;
      if (text == NULL)
        continue;
      g_assert_null(strstr(text, "{?"));
      g_assert_null(strstr(text, "?}"));
      g_assert_null(strstr(text, "{if}"));
      g_assert_null(strstr(text, "{sysctl"));
      g_assert_null(strchr(text, '\n'));
    }
  }
}

static bool counter_name_known(const char *name)
{
  static const char *const prefixes[] = {"Ip.",        "Icmp.",     "Tcp.",       "Udp.",        "UdpLite.",
                                         "TcpExt.",    "IpExt.",    "Ip6",        "Icmp6",       "Udp6",
                                         "softnet.",   "dev.{if}.", "sys.{if}.",  "nft.",        "ethtool.",
                                         "conntrack.", "rt_cache.", "arp_cache.", "ndisc_cache."};
  for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
    if (g_str_has_prefix(name, prefixes[i]))
      return true;
  return false;
}

static void test_rows_complete(void)
{
  g_assert_null(dc_catalogue(DC_CAUSE_NONE));
  g_assert_null(dc_catalogue(DC_CAUSE_COUNT));
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    const DcCauseInfo *row = dc_catalogue(cause);
    g_test_message("%s", dc_cause_name(cause));
    g_assert_nonnull(row);
    g_assert_cmpint(row->cause, ==, cause);
    g_assert_nonnull(dc_severity_name(row->severity));
    g_assert_nonnull(row->title);
    g_assert_cmpuint(strlen(row->title), <=, 60);
    g_assert_true(g_ascii_isupper(row->title[0]) || g_ascii_isdigit(row->title[0]) ||
                  g_str_has_prefix(row->title, "tcp_"));
    if (sentences(row->paragraph) < 2 || sentences(row->paragraph) > 6)
      g_error("%s: %zu sentences", dc_cause_name(cause), sentences(row->paragraph));
    g_assert_true(row->reasons != NULL && row->sites != NULL && row->counters != NULL && row->sysctls != NULL);
    bool evidence = row->reasons[0].name != NULL || row->sites[0] != NULL || row->counters[0] != NULL;
    g_assert_true(evidence || cause == DC_CAUSE_HARDWARE_TRAP); /* traps name themselves */
    for (size_t i = 0; row->counters[i] != NULL; i++)
      g_assert_true(counter_name_known(row->counters[i]));
    for (size_t i = 0; row->sysctls[i] != NULL; i++)
      g_assert_true(g_str_has_prefix(row->sysctls[i], "net.") || g_str_has_prefix(row->sysctls[i], "vm."));
    check_advice(row->confirm);
    check_advice(row->fix);
    g_assert_true(row->kernels != NULL && row->kernels[0] != '\0');
    g_assert_true(row->reference != NULL && row->reference[0] != '\0');
  }
}

static const char *lookup(const char *key, void *data)
{
  const char *const *pairs = data;
  for (size_t i = 0; pairs[i] != NULL; i += 2)
    if (strcmp(pairs[i], key) == 0)
      return pairs[i + 1];
  return NULL;
}

static void assert_fill(const char *text, const char *const *pairs, const char *expected)
{
  g_autofree char *filled = dc_advice_fill(text, lookup, (void *)pairs);
  g_assert_cmpstr(filled, ==, expected);
}

static void test_fill(void)
{
  static const char *const some[] = {"if", "eth0.5", "port", "8089", "sysctl:net.core.rmem_max", "212992", NULL};
  static const char *const none[] = {NULL};

  assert_fill("tcpdump -i {if} port {port}", some, "tcpdump -i eth0.5 port 8089");
  assert_fill("tcpdump -i {if} port {port}", none, "tcpdump -i IF port PORT");
  assert_fill("{if}{port}{transport}", some, "eth0.58089TRANSPORT");
  assert_fill("buffer{? (now {sysctl:net.core.rmem_max})?}", some, "buffer (now 212992)");
  assert_fill("buffer{? (now {sysctl:net.core.rmem_max})?}", none, "buffer");
  assert_fill("a{? {if} {src}?}b{? {port}?}", some, "ab 8089");
  g_autofree char *general = dc_advice_fill("ss{? -A {transport}?}{? (now {sysctl:net.core.rmem_max})?}", NULL, NULL);
  g_assert_cmpstr(general, ==, "ss -A TRANSPORT");
  /* braces of other languages stay */
  assert_fill("awk '{print $3}' {if}", some, "awk '{print $3}' eth0.5");
  assert_fill("nft 'tcp dport { 22, 80 }'", some, "nft 'tcp dport { 22, 80 }'");
  assert_fill("{", some, "{");
  assert_fill("{if", some, "{if");
  assert_fill("{?{if}", some, "{?eth0.5");
  assert_fill("{}", some, "{}");
  assert_fill("", some, "");
}

/* Interface names and rules come from files that somebody else wrote. */
static void test_fill_hostile(void)
{
  static const char *const evil[] = {"if",   "x; rm -rf ~", "src",  "$(reboot)", "dst", "a'b\n",
                                     "rule", "a ; `id`",    "port", "",          NULL};
  assert_fill("ip link show {if}", evil, "ip link show 'x; rm -rf ~'");
  assert_fill("host {src}", evil, "host '$(reboot)'");
  assert_fill("{dst}", evil, "'a'\\''b?'");
  assert_fill("{rule}", evil, "'a ; `id`'");
  assert_fill("{port}", evil, "PORT");
  static const char *const rule[] = {"rule", "inet f in tcp dport 8089 drop", NULL};
  assert_fill("the rule: {rule}", rule, "the rule: inet f in tcp dport 8089 drop");
  g_autofree char *name = g_strnfill(5000, 'k');
  g_autofree char *long_key = g_strdup_printf("{%s}", name);
  assert_fill(long_key, rule, long_key);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/catalogue/every-reason-maps", test_every_reason_maps);
  g_test_add_func("/catalogue/by-reason-edges", test_by_reason_edges);
  g_test_add_func("/catalogue/rows-complete", test_rows_complete);
  g_test_add_func("/advice/fill", test_fill);
  g_test_add_func("/advice/fill-hostile", test_fill_hostile);
  return g_test_run();
}
