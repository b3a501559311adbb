#include "dropcorr/decode/state_text.h"
#include "dropcorr/diagnose/checklist.h"

#include <glib.h>
#include <string.h>

typedef GPtrArray Checks;

static void checks_free(Checks *checks)
{
  for (guint i = 0; i < checks->len; i++)
    dc_check_free(g_ptr_array_index(checks, i));
  g_ptr_array_free(checks, TRUE);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Checks, checks_free)

static const DcCheck *check_of(const Checks *checks, DcCause cause)
{
  for (guint i = 0; i < checks->len; i++) {
    const DcCheck *check = g_ptr_array_index(checks, i);
    if (check->cause == cause)
      return check;
  }
  g_assert_not_reached();
}

static void assert_check(const Checks *checks, DcCause cause, DcCheckState state, const char *value)
{
  const DcCheck *check = check_of(checks, cause);
  g_test_message("%s: %s (%s)", dc_cause_name(cause), dc_check_state_name(check->state), check->value);
  g_assert_cmpstr(dc_check_state_name(check->state), ==, dc_check_state_name(state));
  g_assert_cmpstr(check->value, ==, value);
}

static void feed(DcState *state, DcPhase phase, const char *name, const char *text)
{
  const DcSample sample = {
      .time_ns = DC_TIME_NONE, .phase = (uint8_t)phase, .name = name, .text = text, .len = strlen(text)};
  const DcStateTextStatus status = dc_state_text_parse(state, &sample, NULL);
  g_assert_true(status == DC_STATE_TEXT_PARSED || status == DC_STATE_TEXT_PARTIAL);
}

static void moved(DcState *state, const char *counter, uint64_t by)
{
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_BEFORE, counter, 7);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, counter, 7 + by);
}

/* Without any context nothing is ruled out, and each line says what is missing. */
static void test_nothing_known(void)
{
  g_autoptr(Checks) checks = dc_checklist_build(NULL, NULL, NULL, false);
  g_assert_cmpuint(checks->len, ==, DC_CAUSE_COUNT - 1 - 3); /* no NONE, and three that stand for no loss */
  DcCause last = DC_CAUSE_NONE;
  for (guint i = 0; i < checks->len; i++) {
    const DcCheck *check = g_ptr_array_index(checks, i);
    g_assert_cmpint(check->cause, >, last);
    last = check->cause;
    g_assert_cmpstr(dc_check_state_name(check->state), ==, "not-checked");
    g_assert_cmpuint(strlen(check->value), >, 8);
  }
  assert_check(checks, DC_CAUSE_CONNTRACK_FULL, DC_CHECK_NOT_CHECKED, "no nf_conntrack_count in the context");
  assert_check(checks, DC_CAUSE_NETFILTER_DROP, DC_CHECK_NOT_CHECKED, "no nft or iptables-save in the context");
  assert_check(checks, DC_CAUSE_UDP_RCVBUF, DC_CHECK_NOT_CHECKED, "no snmp in the context");
  assert_check(checks, DC_CAUSE_OTHER_HOST, DC_CHECK_NOT_CHECKED, "no drop events (see --drops)");
  g_autoptr(Checks) with_drops = dc_checklist_build(NULL, NULL, NULL, true);
  assert_check(with_drops, DC_CAUSE_OTHER_HOST, DC_CHECK_RULED_OUT, "no drop event of that kind");
  /* A full ring, a full accept queue give no event: its absence says nothing. */
  g_assert_cmpint(check_of(with_drops, DC_CAUSE_RING_OVERFLOW)->state, ==, DC_CHECK_NOT_CHECKED);
  g_assert_cmpint(check_of(with_drops, DC_CAUSE_ACCEPT_QUEUE_FULL)->state, ==, DC_CHECK_NOT_CHECKED);
  g_assert_cmpint(check_of(with_drops, DC_CAUSE_PAWS)->state, ==, DC_CHECK_NOT_CHECKED); /* kernel not known */
}

/* The list an engineer went through by hand for clients behind one NAT (CentOS 7): firewall, connection tracking
 * table, ring buffer, netdev backlog, rp_filter, SYN queue, PAWS. */
static void test_handmade_list(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "uname", "Linux web 3.10.0-514.el7.x86_64 #1 SMP x86_64 GNU/Linux\n");
  feed(state, DC_PHASE_ONCE, "iptables-save",
       "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n");
  feed(state, DC_PHASE_ONCE, "sysctl",
       "net.netfilter.nf_conntrack_count = 7611\nnet.netfilter.nf_conntrack_max = 65536\n"
       "net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.eth0.rp_filter = 0\n"
       "net.core.netdev_max_backlog = 1000\nnet.ipv4.tcp_max_syn_backlog = 1024\nnet.ipv4.tcp_syncookies = 1\n"
       "net.ipv4.tcp_tw_recycle = 1\nnet.ipv4.tcp_timestamps = 1\n");
  feed(state, DC_PHASE_ONCE, "sys_eth0",
       "rx_packets 18017944\nrx_errors 0\nrx_dropped 0\nrx_fifo_errors 0\nrx_missed_errors 0\n");
  feed(state, DC_PHASE_ONCE, "ethtool_g_eth0",
       "Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t4096\nCurrent hardware settings:\nRX:\t\t1024\n");
  feed(state, DC_PHASE_ONCE, "ss",
       "Netid State    Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
       "tcp   LISTEN   0      128    0.0.0.0:22         0.0.0.0:*\n"
       "tcp   SYN-RECV 0      0      10.0.0.1:22        192.0.2.7:50212\n");
  moved(state, "softnet.dropped", 0);
  moved(state, "TcpExt.TCPReqQFullDrop", 0);
  moved(state, "TcpExt.PAWSEstab", 0);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_ONCE, "TcpExt.PAWSPassive", 387158);

  /* No interface is named: the one that received most is taken. */
  g_autoptr(Checks) checks = dc_checklist_build(state, NULL, NULL, false);
  assert_check(checks, DC_CAUSE_NETFILTER_DROP, DC_CHECK_RULED_OUT,
               "no rule or policy drops or rejects (iptables-save)");
  assert_check(checks, DC_CAUSE_CONNTRACK_FULL, DC_CHECK_RULED_OUT, "7611 of 65536");
  assert_check(checks, DC_CAUSE_RING_OVERFLOW, DC_CHECK_RULED_OUT, "sys.eth0.rx_fifo_errors 0, ring 1024 of 4096");
  assert_check(checks, DC_CAUSE_CPU_BACKLOG, DC_CHECK_RULED_OUT, "softnet.dropped +0, netdev_max_backlog 1000");
  assert_check(checks, DC_CAUSE_RP_FILTER, DC_CHECK_RULED_OUT, "rp_filter 0 on eth0");
  assert_check(checks, DC_CAUSE_SYN_QUEUE_FULL, DC_CHECK_RULED_OUT,
               "TcpExt.TCPReqQFullDrop +0, 1 half-open of 1024, tcp_syncookies 1");
  assert_check(checks, DC_CAUSE_PAWS, DC_CHECK_RULED_OUT, "TcpExt.PAWSEstab +0");
  assert_check(checks, DC_CAUSE_TW_RECYCLE_NAT, DC_CHECK_RULED_IN,
               "tcp_tw_recycle 1, tcp_timestamps 1, TcpExt.PAWSPassive 387158 since boot");
}

static void test_ruled_in(void)
{
  g_autoptr(DcState) state = dc_state_new();
  moved(state, "TcpExt.ListenOverflows", 8);
  moved(state, "TcpExt.ListenDrops", 8);
  moved(state, "Ip.InHdrErrors", 2);
  moved(state, "IpExt.InCsumErrors", 2);
  moved(state, "sys.eth0.rx_missed_errors", 3);
  moved(state, "TcpExt.IPReversePathFilter", 4);
  moved(state, "Udp.RcvbufErrors", 17);
  dc_state_set_sysctl(state, "net.netfilter.nf_conntrack_count", "3");
  dc_state_set_sysctl(state, "net.netfilter.nf_conntrack_max", "3");
  g_autoptr(Checks) checks = dc_checklist_build(state, NULL, "eth0", true);
  assert_check(checks, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CHECK_RULED_IN, "TcpExt.ListenOverflows +8");
  assert_check(checks, DC_CAUSE_IP_HEADER, DC_CHECK_RULED_OUT,
               "Ip.InHdrErrors +2, IpExt.InCsumErrors +2: all of them bad checksums");
  assert_check(checks, DC_CAUSE_IP_CHECKSUM, DC_CHECK_RULED_IN, "IpExt.InCsumErrors +2");
  assert_check(checks, DC_CAUSE_RING_OVERFLOW, DC_CHECK_RULED_IN, "sys.eth0.rx_missed_errors +3");
  assert_check(checks, DC_CAUSE_RP_FILTER, DC_CHECK_RULED_IN, "TcpExt.IPReversePathFilter +4");
  assert_check(checks, DC_CAUSE_CONNTRACK_FULL, DC_CHECK_RULED_IN, "3 of 3");
  assert_check(checks, DC_CAUSE_UDP_RCVBUF, DC_CHECK_RULED_IN, "Udp.RcvbufErrors +17");
  assert_check(checks, DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE, DC_CHECK_RULED_OUT,
               "TcpExt.ListenDrops +8, TcpExt.ListenOverflows +8: all of them overflows");
}

/* A counter that several causes share proves none of them when it moves. */
static void test_shared_counter(void)
{
  g_autoptr(DcState) state = dc_state_new();
  moved(state, "Ip.InDiscards", 3);
  g_autoptr(Checks) checks = dc_checklist_build(state, NULL, "eth0", false);
  assert_check(checks, DC_CAUSE_MEMORY_PRESSURE, DC_CHECK_NOT_CHECKED, "Ip.InDiscards +3, which other causes move too");
}

/* One sample since boot: zero rules out, more says nothing about this run. */
static void test_single_sample(void)
{
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_ONCE, "Udp.RcvbufErrors", 12851135);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_ONCE, "TcpExt.TCPBacklogDrop", 0);
  g_autoptr(Checks) checks = dc_checklist_build(state, NULL, "eth0", false);
  assert_check(checks, DC_CAUSE_UDP_RCVBUF, DC_CHECK_NOT_CHECKED,
               "Udp.RcvbufErrors 12851135 since boot: a single sample does not say when");
  assert_check(checks, DC_CAUSE_SOCKET_BACKLOG, DC_CHECK_RULED_OUT, "TcpExt.TCPBacklogDrop 0 since boot");
}

static void test_finding_rules_in(void)
{
  DcFinding finding = {.number = 4, .cause = DC_CAUSE_UDP_RCVBUF, .frames = 17};
  DcFinding other = {.number = 2, .cause = DC_CAUSE_VLAN_UNKNOWN, .frames = 1};
  g_autoptr(GPtrArray) findings = g_ptr_array_new();
  g_ptr_array_add(findings, &finding);
  g_ptr_array_add(findings, &other);
  g_autoptr(DcState) state = dc_state_new();
  moved(state, "Udp.RcvbufErrors", 17);
  g_autoptr(Checks) checks = dc_checklist_build(state, findings, NULL, true);
  assert_check(checks, DC_CAUSE_UDP_RCVBUF, DC_CHECK_RULED_IN, "finding 4: 17 frames, Udp.RcvbufErrors +17");
  assert_check(checks, DC_CAUSE_VLAN_UNKNOWN, DC_CHECK_RULED_IN, "finding 2: 1 frame");
}

static void test_firewall_rules(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "nft",
       "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
       "\t\ttcp dport 8089 drop\n\t}\n}\n");
  g_autoptr(Checks) with = dc_checklist_build(state, NULL, NULL, true);
  assert_check(with, DC_CAUSE_NETFILTER_DROP, DC_CHECK_RULED_OUT,
               "1 rule or policy drops (nft), but no drop event of the firewall");
  g_autoptr(Checks) without = dc_checklist_build(state, NULL, NULL, false);
  assert_check(without, DC_CAUSE_NETFILTER_DROP, DC_CHECK_NOT_CHECKED,
               "1 rule or policy drops (nft); no drop events to tell whether they did");
}

static void test_newer_kernel(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "uname", "Linux web 6.1.0-56-cloud-amd64 #1 SMP x86_64 GNU/Linux\n");
  g_autoptr(Checks) checks = dc_checklist_build(state, NULL, NULL, true);
  assert_check(checks, DC_CAUSE_TW_RECYCLE_NAT, DC_CHECK_RULED_OUT, "kernel 6.1: tcp_tw_recycle is gone since 4.12");
  assert_check(checks, DC_CAUSE_TCP_SEQUENCE, DC_CHECK_RULED_OUT, "no drop event of that kind");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/checklist/nothing-known", test_nothing_known);
  g_test_add_func("/checklist/handmade-list", test_handmade_list);
  g_test_add_func("/checklist/ruled-in", test_ruled_in);
  g_test_add_func("/checklist/shared-counter", test_shared_counter);
  g_test_add_func("/checklist/single-sample", test_single_sample);
  g_test_add_func("/checklist/finding-rules-in", test_finding_rules_in);
  g_test_add_func("/checklist/firewall-rules", test_firewall_rules);
  g_test_add_func("/checklist/newer-kernel", test_newer_kernel);
  return g_test_run();
}
