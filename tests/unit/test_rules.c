#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"
#include "dropcorr/diagnose/rules.h"
#include "dropcorr/model/site.h"
#include "dropcorr/model/verdict.h"

#include <glib.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };

/* --- packets and state --------------------------------------------------------- */

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2},
                     third_mac[6] = {2, 0, 0, 0, 0, 9};

static DcPacket packet(const char *src, const char *dst, uint8_t protocol, uint16_t port)
{
  DcPacket made = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP, .ip_protocol = protocol, .ttl = 64};
  g_assert_true(dc_addr_parse(src, &made.src) && dc_addr_parse(dst, &made.dst));
  made.ethertype = made.src.version == 6 ? 0x86dd : 0x0800;
  memcpy(made.src_mac, peer_mac, sizeof made.src_mac);
  memcpy(made.dst_mac, our_mac, sizeof made.dst_mac);
  made.ip_checksum = made.src.version == 4 ? DC_CHECKSUM_GOOD : DC_CHECKSUM_UNKNOWN;
  made.l4_checksum = DC_CHECKSUM_GOOD;
  made.l3_offset = 14;
  made.l3_len = 60;
  if (protocol == TCP || protocol == UDP) {
    made.has |= DC_HAS_PORTS;
    made.src_port = 40000;
    made.dst_port = port;
  }
  if (protocol == TCP) {
    made.has |= DC_HAS_TCP;
    made.tcp_flags = DC_TCP_SYN;
  }
  return made;
}

static DcDrop drop_at(const char *symbol, const char *reason, const DcPacket *of)
{
  DcDrop drop = {.number = 1,
                 .time_ns = DC_TIME_NONE,
                 .kind = DC_DROP_NETDM_PACKET,
                 .symbol = symbol,
                 .reason = reason,
                 .protocol = of != NULL ? of->ethertype : -1,
                 .count = 1,
                 .orig_len = 74};
  return drop;
}

static DcRuling rule(const char *symbol, const char *reason, const DcPacket *of, const DcState *state)
{
  const DcDrop drop = drop_at(symbol, reason, of);
  DcRuling ruling = {.why = "?"};
  DcBrief brief;
  if (of != NULL)
    dc_brief_from_packet(&brief, of, 74, DC_DIRECTION_IN);
  dc_rule_drop(&drop, of, of != NULL ? &brief : NULL, state, &ruling);
  g_assert_cmpstr(ruling.why, !=, "");
  g_assert_cmpuint(strlen(ruling.why), <, sizeof ruling.why);
  return ruling;
}

static void feed(DcState *state, DcPhase phase, const char *name, const char *text)
{
  const DcSample sample = {
      .time_ns = DC_TIME_NONE, .phase = (uint8_t)phase, .name = name, .text = text, .len = strlen(text)};
  g_assert_cmpint(dc_state_text_parse(state, &sample, NULL), ==, DC_STATE_TEXT_PARSED);
}

static void moved(DcState *state, const char *counter, uint64_t by)
{
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_BEFORE, counter, 100);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, counter, 100 + by);
}

static bool has_rival(const DcRuling *ruling, DcCause cause)
{
  for (size_t i = 0; i < G_N_ELEMENTS(ruling->rivals); i++)
    if (ruling->rivals[i] == cause)
      return true;
  return false;
}

#define ASSERT_RULING(ruling, wanted_cause, wanted_confidence)                                                \
  do {                                                                                                        \
    const DcRuling assert_ruling = (ruling);                                                                  \
    g_test_message("%s", assert_ruling.why);                                                                  \
    g_assert_cmpstr(dc_cause_name(assert_ruling.cause), ==, dc_cause_name(wanted_cause));                     \
    g_assert_cmpstr(dc_confidence_name(assert_ruling.confidence), ==, dc_confidence_name(wanted_confidence)); \
    if (assert_ruling.confidence == DC_CONFIDENCE_CERTAIN) /* certain means alone */                          \
      g_assert_cmpint(assert_ruling.rivals[0], ==, DC_CAUSE_NONE);                                            \
    g_assert_false(has_rival(&assert_ruling, assert_ruling.cause));                                           \
  } while (0)

/* --- with a reason --------------------------------------------------------------- */

static void test_reason_beats_site(void)
{
  DcPacket syn = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  /* The bytes add up here, yet the kernel said checksum: its word counts, and the contradiction is told. */
  DcRuling ruling = rule("tcp_v4_rcv", "TCP_CSUM", &syn, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_TCP_CHECKSUM, DC_CONFIDENCE_CERTAIN);
  g_assert_nonnull(strstr(ruling.why, "add up"));
  syn.l4_checksum = DC_CHECKSUM_BAD;
  ruling = rule("tcp_v4_rcv", "TCP_CSUM", &syn, NULL);
  g_assert_null(strstr(ruling.why, "add up"));
  ASSERT_RULING(rule("ip_rcv_finish_core.constprop.0", "IP_RPFILTER", &syn, NULL), DC_CAUSE_RP_FILTER,
                DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule(NULL, "SOCKET_FILTER", NULL, NULL), DC_CAUSE_SOCKET_FILTER, DC_CONFIDENCE_CERTAIN);
}

static void test_unknown_reason(void)
{
  DcPacket syn = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  /* A reason of tomorrow at a site of one cause: the site speaks, but not with certainty. */
  ASSERT_RULING(rule("enqueue_to_backlog", "CPU_IS_TIRED", &syn, NULL), DC_CAUSE_CPU_BACKLOG, DC_CONFIDENCE_POSSIBLE);
  ASSERT_RULING(rule("nft_do_chain", "NF_TOMORROW", &syn, NULL), DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY);
  ASSERT_RULING(rule("no_such_function", "NF_TOMORROW", &syn, NULL), DC_CAUSE_UNCLASSIFIED, DC_CONFIDENCE_POSSIBLE);
  ASSERT_RULING(rule(NULL, NULL, NULL, NULL), DC_CAUSE_UNCLASSIFIED, DC_CONFIDENCE_POSSIBLE);
}

static void test_shared_reasons(void)
{
  DcPacket udp = packet("10.0.0.2", "10.0.0.1", UDP, 5001);
  DcPacket tcp = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  ASSERT_RULING(rule("udp_queue_rcv_one_skb", "SOCKET_RCVBUFF", &udp, NULL), DC_CAUSE_UDP_RCVBUF,
                DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("udp_queue_rcv_one_skb", "PROTO_MEM", &udp, NULL), DC_CAUSE_UDP_MEMORY, DC_CONFIDENCE_CERTAIN);
  DcRuling ruling = rule("tcp_data_queue", "PROTO_MEM", &tcp, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_TCP_RCVBUF, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_TCP_MEMORY));

  tcp.ttl = 1;
  ASSERT_RULING(rule("ip_forward", "IP_INHDR", &tcp, NULL), DC_CAUSE_TTL_EXPIRED, DC_CONFIDENCE_CERTAIN);
  tcp.ttl = 64;
  ASSERT_RULING(rule("ip_rcv_core", "IP_INHDR", &tcp, NULL), DC_CAUSE_IP_HEADER, DC_CONFIDENCE_CERTAIN);

  DcPacket loopback = packet("127.0.0.5", "10.0.0.1", TCP, 22);
  ASSERT_RULING(rule("ip_rcv_finish_core", "IP_LOCALNET", &loopback, NULL), DC_CAUSE_MARTIAN_SOURCE,
                DC_CONFIDENCE_CERTAIN);
  loopback = packet("10.0.0.2", "127.0.0.1", TCP, 22);
  ASSERT_RULING(rule("ip_rcv_finish_core", "IP_LOCALNET", &loopback, NULL), DC_CAUSE_MARTIAN_DESTINATION,
                DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("vxlan_rcv", "MAC_INVALID_SOURCE", &udp, NULL), DC_CAUSE_TUNNEL, DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("br_handle_frame", "MAC_INVALID_SOURCE", &udp, NULL), DC_CAUSE_BRIDGE_PORT, DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("__dev_queue_xmit", "TC_COOKIE_ERROR", &udp, NULL), DC_CAUSE_QDISC, DC_CONFIDENCE_CERTAIN);
}

static void test_no_socket(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "ss",
       "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
       "tcp   LISTEN 0      128    0.0.0.0:22         0.0.0.0:*\n");
  DcPacket syn = packet("10.0.0.2", "10.0.0.1", TCP, 81);
  ASSERT_RULING(rule("tcp_v4_rcv", "NO_SOCKET", &syn, state), DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_CERTAIN);
  /* The third ACK to a listening port: no half-open connection is left for it. */
  DcPacket ack = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  ack.tcp_flags = DC_TCP_ACK;
  ASSERT_RULING(rule("tcp_v4_rcv", "NO_SOCKET", &ack, state), DC_CAUSE_TCP_STATE, DC_CONFIDENCE_LIKELY);
  moved(state, "TcpExt.ListenOverflows", 3);
  ASSERT_RULING(rule("tcp_v4_rcv", "NO_SOCKET", &ack, state), DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_LIKELY);
  /* An echo reply's NO_SOCKET is no loss. */
  DcPacket echo = packet("10.0.0.2", "10.0.0.1", ICMP, 0);
  ASSERT_RULING(rule("ping_rcv", "NO_SOCKET", &echo, state), DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY);
}

static void test_otherhost_and_vlan(void)
{
  DcPacket frame = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  DcDrop drop = drop_at("ip_rcv_core", "OTHERHOST", &frame);
  DcBrief brief;
  DcRuling ruling;
  DcPacket foreign = frame;
  memcpy(foreign.dst_mac, third_mac, sizeof foreign.dst_mac);
  dc_brief_from_packet(&brief, &foreign, 74, DC_DIRECTION_OTHER_HOST);
  dc_rule_drop(&drop, &foreign, &brief, NULL, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_OTHER_HOST, DC_CONFIDENCE_CERTAIN);

  /* The skb has lost its tag; the frame still has it. */
  dc_brief_from_packet(&brief, &frame, 78, DC_DIRECTION_IN);
  brief.vlan_count = 1;
  brief.vlan = 100;
  dc_rule_drop(&drop, &frame, &brief, NULL, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_LIKELY);

  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "addr",
       "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
       "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 1 minmtu 68 maxmtu 65535\n"
       "    inet 10.0.0.1/24 scope global eth0\n"
       "5: eth0.7@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
       "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 0 maxmtu 65535\n"
       "    vlan protocol 802.1Q id 7 <REORDER_HDR> numtxqueues 1 numrxqueues 1\n");
  dc_rule_drop(&drop, &frame, &brief, state, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_CERTAIN);
  g_assert_true(dc_rule_unhandled(&brief, state, &ruling));
  ASSERT_RULING(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_CERTAIN);
  brief.vlan = 7; /* there is a device for this one */
  g_assert_false(dc_rule_unhandled(&brief, state, &ruling));
  brief.vlan = 100;
  g_assert_false(dc_rule_unhandled(&brief, NULL, &ruling)); /* devices not known: nothing is said */
}

/* --- without a reason -------------------------------------------------------------- */

static void test_receive_core(void)
{
  DcPacket syn = packet("10.0.0.2", "10.0.0.1", TCP, 9999);
  DcRuling ruling = rule("__netif_receive_skb_core", NULL, &syn, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_TC_INGRESS, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_MEMORY_PRESSURE));

  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "ptype", "Type Device      Function\n0800          ip_rcv\n0806          arp_rcv\n");
  dc_state_set_text(state, "tc", "qdisc fq_codel 0: root\n", 23);
  ASSERT_RULING(rule("__netif_receive_skb_core", NULL, &syn, state), DC_CAUSE_TC_INGRESS, DC_CONFIDENCE_POSSIBLE);
  const char *tc = "qdisc ingress ffff: parent ffff:fff1\n\taction order 1: gact action drop\n";
  dc_state_set_text(state, "tc", tc, strlen(tc));
  ASSERT_RULING(rule("__netif_receive_skb_core", NULL, &syn, state), DC_CAUSE_TC_INGRESS, DC_CONFIDENCE_CERTAIN);

  g_autoptr(DcState) plain = dc_state_new();
  feed(plain, DC_PHASE_ONCE, "ptype", "Type Device      Function\n0800          ip_rcv\n0806          arp_rcv\n");
  DcPacket lldp = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE, .ethertype = 0x88cc};
  ASSERT_RULING(rule("__netif_receive_skb_core", NULL, &lldp, plain), DC_CAUSE_NO_PROTOCOL_HANDLER,
                DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("__netif_receive_skb_core", NULL, &lldp, NULL), DC_CAUSE_NO_PROTOCOL_HANDLER,
                DC_CONFIDENCE_LIKELY);
  ASSERT_RULING(rule("__netif_receive_skb_core", "UNHANDLED_PROTO", &lldp, NULL), DC_CAUSE_NO_PROTOCOL_HANDLER,
                DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("__netif_receive_skb_core", NULL, NULL, NULL), DC_CAUSE_NO_PROTOCOL_HANDLER,
                DC_CONFIDENCE_POSSIBLE);
}

static void test_ip_rcv(void)
{
  DcPacket frame = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  frame.ip_checksum = DC_CHECKSUM_BAD;
  ASSERT_RULING(rule("ip_rcv_core", NULL, &frame, NULL), DC_CAUSE_IP_CHECKSUM, DC_CONFIDENCE_CERTAIN);
  frame.ip_checksum = DC_CHECKSUM_GOOD;
  frame.l3_len = 200; /* 74 bytes came */
  ASSERT_RULING(rule("ip_rcv", NULL, &frame, NULL), DC_CAUSE_TRUNCATED, DC_CONFIDENCE_CERTAIN);
  frame.l3_len = 60;
  DcRuling ruling = rule("ip_rcv", NULL, &frame, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_IP_HEADER, DC_CONFIDENCE_POSSIBLE);
  g_assert_false(has_rival(&ruling, DC_CAUSE_IP_CHECKSUM)); /* it was checked */
  g_autoptr(DcState) state = dc_state_new();
  moved(state, "Ip.InDiscards", 2);
  ASSERT_RULING(rule("ip_rcv", NULL, &frame, state), DC_CAUSE_MEMORY_PRESSURE, DC_CONFIDENCE_LIKELY);
}

static void test_ip_rcv_finish(void)
{
  static const struct {
    const char *src, *dst;
    DcCause cause;
  } martians[] = {
      {"127.0.0.5", "10.0.0.1", DC_CAUSE_MARTIAN_SOURCE},       {"224.0.0.1", "10.0.0.1", DC_CAUSE_MARTIAN_SOURCE},
      {"255.255.255.255", "10.0.0.1", DC_CAUSE_MARTIAN_SOURCE}, {"0.1.2.3", "10.0.0.1", DC_CAUSE_MARTIAN_SOURCE},
      {"10.0.0.2", "127.0.0.1", DC_CAUSE_MARTIAN_DESTINATION},  {"10.0.0.2", "0.0.0.1", DC_CAUSE_MARTIAN_DESTINATION},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(martians); i++) {
    DcPacket of = packet(martians[i].src, martians[i].dst, TCP, 22);
    ASSERT_RULING(rule("ip_rcv_finish", NULL, &of, NULL), martians[i].cause, DC_CONFIDENCE_CERTAIN);
    ASSERT_RULING(rule("ip_rcv_finish_core", "NOT_SPECIFIED", &of, NULL), martians[i].cause, DC_CONFIDENCE_CERTAIN);
  }
  /* DHCP's 0.0.0.0 to the broadcast address is none. */
  DcPacket dhcp = packet("0.0.0.0", "255.255.255.255", UDP, 67);
  g_assert_cmpint(rule("ip_rcv_finish", NULL, &dhcp, NULL).cause, !=, DC_CAUSE_MARTIAN_SOURCE);

  g_autoptr(DcState) state = dc_state_new();
  DcAddr own;
  g_assert_true(dc_addr_parse("10.0.0.1", &own));
  dc_state_add_address(state, "eth0", &own, 24);
  dc_state_add_mac(state, "eth0", 2, our_mac);
  DcPacket loop = packet("10.0.0.1", "10.0.0.1", TCP, 22);
  ASSERT_RULING(rule("ip_rcv_finish", NULL, &loop, state), DC_CAUSE_MARTIAN_SOURCE, DC_CONFIDENCE_CERTAIN);

  DcPacket asymmetric = packet("172.16.9.9", "10.0.0.1", TCP, 22);
  ASSERT_RULING(rule("ip_rcv_finish", NULL, &asymmetric, NULL), DC_CAUSE_RP_FILTER, DC_CONFIDENCE_POSSIBLE);
  DcPacket group = packet("10.0.0.2", "239.1.1.1", UDP, 5000);
  ASSERT_RULING(rule("ip_rcv_finish", NULL, &group, state), DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY);

  /* The larger of all and the interface wins. */
  dc_state_set_sysctl(state, "net.ipv4.conf.all.rp_filter", "0");
  dc_state_set_sysctl(state, "net.ipv4.conf.eth0.rp_filter", "1");
  DcDrop drop = drop_at("ip_rcv_finish_core", NULL, &asymmetric);
  drop.in_ifindex = 2;
  DcRuling ruling;
  dc_rule_drop(&drop, &asymmetric, NULL, state, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_RP_FILTER, DC_CONFIDENCE_LIKELY);
  moved(state, "TcpExt.IPReversePathFilter", 2);
  dc_rule_drop(&drop, &asymmetric, NULL, state, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_RP_FILTER, DC_CONFIDENCE_CERTAIN);
  /* A kernel that has a reason for it and did not give it means something else. */
  drop.reason = "NOT_SPECIFIED";
  dc_rule_drop(&drop, &asymmetric, NULL, state, &ruling);
  g_assert_cmpint(ruling.cause, !=, DC_CAUSE_RP_FILTER);
  g_assert_false(has_rival(&ruling, DC_CAUSE_RP_FILTER));
  /* Off on the interface: cannot be. */
  drop.reason = NULL;
  dc_state_set_sysctl(state, "net.ipv4.conf.eth0.rp_filter", "0");
  dc_rule_drop(&drop, &asymmetric, NULL, state, &ruling);
  g_assert_cmpint(ruling.cause, !=, DC_CAUSE_RP_FILTER);
}

static void test_not_local(void)
{
  DcPacket elsewhere = packet("10.0.0.2", "10.0.0.77", TCP, 22);
  DcRuling ruling = rule("ip_error", NULL, &elsewhere, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_NO_ROUTE));
  g_autoptr(DcState) state = dc_state_new();
  DcAddr own;
  g_assert_true(dc_addr_parse("10.0.0.1", &own));
  dc_state_add_address(state, "eth0", &own, 24);
  dc_state_set_sysctl(state, "net.ipv4.ip_forward", "0");
  ASSERT_RULING(rule("ip_error", NULL, &elsewhere, state), DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("ip_error", "IP_INADDRERRORS", &elsewhere, state), DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_CERTAIN);
  DcPacket local = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  ASSERT_RULING(rule("ip_error", NULL, &local, state), DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY);
  moved(state, "IpExt.InNoRoutes", 1);
  ASSERT_RULING(rule("ip_error", NULL, &elsewhere, state), DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY);
}

static void test_deliver_and_forward(void)
{
  DcPacket strange = packet("10.0.0.2", "10.0.0.1", 253, 0);
  ASSERT_RULING(rule("ip_local_deliver_finish", NULL, &strange, NULL), DC_CAUSE_NO_L4_PROTOCOL, DC_CONFIDENCE_CERTAIN);
  DcPacket tcp = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  ASSERT_RULING(rule("ip_protocol_deliver_rcu", NULL, &tcp, NULL), DC_CAUSE_XFRM_POLICY, DC_CONFIDENCE_LIKELY);
  tcp.ttl = 1;
  ASSERT_RULING(rule("ip_forward", NULL, &tcp, NULL), DC_CAUSE_TTL_EXPIRED, DC_CONFIDENCE_CERTAIN);
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_sysctl(state, "net.ipv6.conf.all.forwarding", "0");
  DcPacket six = packet("fd00::2", "fd00::77", TCP, 22);
  ASSERT_RULING(rule("ip6_forward", NULL, &six, state), DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("ip_expire", NULL, NULL, NULL), DC_CAUSE_FRAGMENT_INCOMPLETE, DC_CONFIDENCE_CERTAIN);
  ASSERT_RULING(rule("ip_defrag", NULL, NULL, NULL), DC_CAUSE_FRAGMENT_LIMIT, DC_CONFIDENCE_POSSIBLE);
  DcPacket nd = packet("fe80::2", "ff02::2", ICMP6, 0);
  ASSERT_RULING(rule("ip6_mc_input", "NOT_SPECIFIED", &nd, NULL), DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY);
  DcPacket mdns = packet("fe80::2", "ff02::fb", UDP, 5353);
  ASSERT_RULING(rule("ip6_mc_input", "NOT_SPECIFIED", &mdns, NULL), DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_CERTAIN);
  dc_state_set_sysctl(state, "net.ipv6.conf.all.disable_ipv6", "1");
  ASSERT_RULING(rule("ipv6_rcv", NULL, &six, state), DC_CAUSE_IPV6_DISABLED, DC_CONFIDENCE_CERTAIN);
}

/* A capture of all devices shows neither the receiver's MAC nor a tag: a sound header leaves nothing else. */
static void test_hidden_tag(void)
{
  DcPacket frame = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "if_addrs", "2 eth0 02:00:00:00:00:01 10.0.0.1/24\n");
  moved(state, "Ip.InHdrErrors", 1); /* some other packet's */
  const DcDrop drop = drop_at("ip_rcv_core", NULL, &frame);
  DcBrief brief;
  dc_brief_from_packet(&brief, &frame, 74, DC_DIRECTION_IN);
  DcRuling ruling;
  dc_rule_drop(&drop, &frame, &brief, state, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_IP_HEADER, DC_CONFIDENCE_LIKELY);
  brief.has &= ~(uint32_t)DC_HAS_MAC;
  dc_rule_drop(&drop, &frame, &brief, state, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_LIKELY);
  frame.ip_checksum = DC_CHECKSUM_UNKNOWN;
  brief.ip_checksum = DC_CHECKSUM_UNKNOWN;
  dc_rule_drop(&drop, &frame, &brief, state, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_IP_HEADER, DC_CONFIDENCE_LIKELY);
}

static void test_tcp(void)
{
  DcPacket syn = packet("10.0.0.2", "10.0.0.1", TCP, 81);
  DcRuling ruling = rule("tcp_v4_rcv", NULL, &syn, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_LIKELY);
  g_assert_false(has_rival(&ruling, DC_CAUSE_TCP_CHECKSUM)); /* it is right */
  syn.l4_checksum = DC_CHECKSUM_UNKNOWN;
  ruling = rule("tcp_v4_rcv", NULL, &syn, NULL);
  g_assert_true(has_rival(&ruling, DC_CAUSE_TCP_CHECKSUM));
  syn.l4_checksum = DC_CHECKSUM_BAD;
  ASSERT_RULING(rule("tcp_v6_rcv", NULL, &syn, NULL), DC_CAUSE_TCP_CHECKSUM, DC_CONFIDENCE_CERTAIN);
  syn.l4_checksum = DC_CHECKSUM_GOOD;

  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "ss",
       "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
       "tcp   LISTEN 0      128    0.0.0.0:22         0.0.0.0:*\n");
  ASSERT_RULING(rule("tcp_v4_rcv", NULL, &syn, state), DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_CERTAIN);
  DcPacket open = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  ruling = rule("tcp_v4_rcv", NULL, &open, state);
  g_assert_cmpint(ruling.cause, !=, DC_CAUSE_NO_SOCKET);
  g_assert_cmpint(ruling.confidence, ==, DC_CONFIDENCE_POSSIBLE);
  moved(state, "TcpExt.TCPMD5NotFound", 1);
  ASSERT_RULING(rule("tcp_v4_rcv", NULL, &open, state), DC_CAUSE_TCP_AUTH, DC_CONFIDENCE_LIKELY);
  open.tcp_flags = DC_TCP_RST;
  ASSERT_RULING(rule("tcp_v4_rcv", "NOT_SPECIFIED", &open, state), DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY);

  /* The last step of a handshake, and data after it, with a full accept queue. */
  moved(state, "TcpExt.ListenOverflows", 4);
  open.tcp_flags = DC_TCP_ACK | DC_TCP_PSH;
  ruling = rule("tcp_v4_rcv", NULL, &open, state);
  ASSERT_RULING(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_TCP_STATE));

  /* Another connection's old timestamps do not explain this: before 5.18 those are freed untraced. */
  g_autoptr(DcState) untraced = dc_state_new();
  feed(untraced, DC_PHASE_ONCE, "uname", "Linux h 5.10.0-46-cloud-amd64 #1 SMP x86_64 GNU/Linux\n");
  moved(untraced, "TcpExt.PAWSEstab", 1);
  ASSERT_RULING(rule("tcp_v4_do_rcv", NULL, &open, untraced), DC_CAUSE_TCP_STATE, DC_CONFIDENCE_LIKELY);
  ASSERT_RULING(rule("tcp_v4_do_rcv", "NOT_SPECIFIED", &open, untraced), DC_CAUSE_TCP_STATE, DC_CONFIDENCE_LIKELY);
  ASSERT_RULING(rule("tcp_validate_incoming", NULL, &open, untraced), DC_CAUSE_PAWS, DC_CONFIDENCE_LIKELY);

  /* Up to 4.4 every SYN is freed here after it was answered. */
  g_autoptr(DcState) old = dc_state_new();
  feed(old, DC_PHASE_ONCE, "uname", "Linux h 3.10.0-1160.el7.x86_64 #1 SMP x86_64 GNU/Linux\n");
  DcPacket answered = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  ASSERT_RULING(rule("tcp_rcv_state_process", NULL, &answered, old), DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY);
  g_assert_cmpint(rule("tcp_rcv_state_process", NULL, &answered, NULL).cause, !=, DC_CAUSE_NORMAL_FREE);
}

static void test_udp(void)
{
  DcPacket datagram = packet("10.0.0.2", "10.0.0.1", UDP, 5001);
  ASSERT_RULING(rule("__udp4_lib_rcv", NULL, &datagram, NULL), DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_LIKELY);
  datagram.l4_checksum = DC_CHECKSUM_BAD;
  ASSERT_RULING(rule("__udp4_lib_rcv", NULL, &datagram, NULL), DC_CAUSE_UDP_CHECKSUM, DC_CONFIDENCE_CERTAIN);
  datagram.l4_checksum = DC_CHECKSUM_GOOD;
  DcRuling ruling = rule("udp_queue_rcv_one_skb", NULL, &datagram, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_UDP_RCVBUF, DC_CONFIDENCE_POSSIBLE);
  g_assert_true(has_rival(&ruling, DC_CAUSE_SOCKET_FILTER));

  /* Two sockets: one full, one empty. The counter moved for the full one only. */
  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "ss_m",
       "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
       "udp   UNCONN 6912   0            0.0.0.0:5001      0.0.0.0:*\n"
       "\t skmem:(r6912,rb4608,t0,tb212992,f1280,w0,o0,bl0,d17)\n"
       "udp   UNCONN 0      0            0.0.0.0:5002      0.0.0.0:*\n"
       "\t skmem:(r0,rb212992,t0,tb212992,f0,w0,o96,bl0,d2)\n");
  moved(state, "Udp.RcvbufErrors", 17);
  ASSERT_RULING(rule("udp_queue_rcv_one_skb", NULL, &datagram, state), DC_CAUSE_UDP_RCVBUF, DC_CONFIDENCE_CERTAIN);
  DcPacket filtered = packet("10.0.0.2", "10.0.0.1", UDP, 5002);
  ruling = rule("udp_queue_rcv_one_skb", NULL, &filtered, state);
  ASSERT_RULING(ruling, DC_CAUSE_SOCKET_FILTER, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_UDP_RCVBUF));

  g_autoptr(DcState) still = dc_state_new();
  moved(still, "Udp.RcvbufErrors", 0);
  ASSERT_RULING(rule("udp_queue_rcv_skb", NULL, &datagram, still), DC_CAUSE_SOCKET_FILTER, DC_CONFIDENCE_LIKELY);
  moved(still, "Udp.MemErrors", 4);
  ASSERT_RULING(rule("udp_queue_rcv_skb", NULL, &datagram, still), DC_CAUSE_UDP_MEMORY, DC_CONFIDENCE_LIKELY);
}

static void test_icmp(void)
{
  DcPacket echo = packet("10.0.0.2", "10.0.0.1", ICMP, 0);
  echo.has |= DC_HAS_ICMP;
  echo.icmp_type = 0;
  ASSERT_RULING(rule("icmp_rcv", NULL, &echo, NULL), DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY);
  echo.l4_checksum = DC_CHECKSUM_BAD;
  ASSERT_RULING(rule("icmp_rcv", NULL, &echo, NULL), DC_CAUSE_ICMP_CHECKSUM, DC_CONFIDENCE_CERTAIN);
  echo.l4_checksum = DC_CHECKSUM_GOOD;
  echo.icmp_type = 8;
  g_assert_true(dc_addr_parse("224.0.0.1", &echo.dst));
  ASSERT_RULING(rule("icmp_rcv", NULL, &echo, NULL), DC_CAUSE_POLICY_HOOK, DC_CONFIDENCE_LIKELY);
  DcPacket solicit = packet("fe80::2", "fe80::1", ICMP6, 0);
  solicit.has |= DC_HAS_ICMP;
  solicit.icmp_type = 135;
  ASSERT_RULING(rule("icmpv6_rcv", "NOT_SPECIFIED", &solicit, NULL), DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY);
}

static void test_hardware(void)
{
  DcDrop drop = {.kind = DC_DROP_NETDM_HARDWARE,
                 .trap_name = "ttl_value_is_too_small",
                 .trap_group = "l3_drops",
                 .protocol = -1,
                 .time_ns = DC_TIME_NONE};
  DcRuling ruling;
  dc_rule_drop(&drop, NULL, NULL, NULL, &ruling);
  ASSERT_RULING(ruling, DC_CAUSE_HARDWARE_TRAP, DC_CONFIDENCE_CERTAIN);
  g_assert_nonnull(strstr(ruling.why, "ttl_value_is_too_small"));
}

/* --- netfilter ---------------------------------------------------------------------- */

static void test_netfilter(void)
{
  DcPacket syn = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  DcPacket closed = packet("10.0.0.2", "10.0.0.1", TCP, 8089);
  DcRuling ruling = rule("nf_hook_slow", "NETFILTER_DROP", &syn, NULL);
  ASSERT_RULING(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_CONNTRACK_FULL));
  ASSERT_RULING(rule("nft_do_chain", "NETFILTER_DROP", &syn, NULL), DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_CERTAIN);
  /* An established connection's segment needs no new entry. */
  DcPacket ack = syn;
  ack.tcp_flags = DC_TCP_ACK;
  ASSERT_RULING(rule("nf_hook_slow", NULL, &ack, NULL), DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_CERTAIN);

  g_autoptr(DcState) state = dc_state_new();
  const char rules[] = "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
                       "\t\ttcp dport 8089 drop\n\t}\n}\n";
  dc_state_set_text(state, "nft", rules, strlen(rules));
  moved(state, "conntrack.drop", 5);
  ASSERT_RULING(rule("nf_hook_slow", NULL, &syn, state), DC_CAUSE_CONNTRACK_FULL, DC_CONFIDENCE_CERTAIN);
  ruling = rule("nf_hook_slow", NULL, &closed, state); /* a rule fits, and the table is full: both could be */
  ASSERT_RULING(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_CONNTRACK_FULL));

  g_autoptr(DcState) calm = dc_state_new();
  dc_state_set_text(calm, "nft", rules, strlen(rules));
  moved(calm, "conntrack.drop", 0);
  moved(calm, "conntrack.insert_failed", 0);
  ASSERT_RULING(rule("nf_hook_slow", NULL, &closed, calm), DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_CERTAIN);

  g_autoptr(DcState) clash = dc_state_new();
  moved(clash, "conntrack.drop", 0);
  moved(clash, "conntrack.insert_failed", 2);
  ASSERT_RULING(rule("nf_hook_slow", NULL, &syn, clash), DC_CAUSE_CONNTRACK_CLASH, DC_CONFIDENCE_LIKELY);

  g_autoptr(DcState) logged = dc_state_new();
  const char line[] = "[12.07] nf_conntrack: nf_conntrack: table full, dropping packet";
  dc_state_add_kernel_line(logged, line, strlen(line));
  ASSERT_RULING(rule("nf_hook_slow", NULL, &syn, logged), DC_CAUSE_CONNTRACK_FULL, DC_CONFIDENCE_LIKELY);
}

/* Before 6.8 the bridge's own function frees what a rule of its hooks drops. */
static void test_bridge(void)
{
  DcPacket filtered = packet("10.0.0.2", "10.0.0.1", UDP, 5353), other = packet("10.0.0.2", "10.0.0.1", UDP, 5999);
  g_autoptr(DcState) state = dc_state_new();
  const char rules[] =
      "table bridge f {\n\tchain pre {\n\t\ttype filter hook prerouting priority filter; policy accept;\n"
      "\t\tudp dport 5353 drop\n\t}\n}\n"
      "table ip f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t\tudp dport 5999 drop\n\t}\n}\n";
  dc_state_set_text(state, "nft", rules, strlen(rules));
  const DcRuling ruling = rule("br_handle_frame", NULL, &filtered, state);
  ASSERT_RULING(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY);
  g_assert_true(has_rival(&ruling, DC_CAUSE_BRIDGE_PORT));
  g_assert_nonnull(strstr(ruling.why, "bridge f pre: udp dport 5353 drop"));
  ASSERT_RULING(rule("br_handle_frame", NULL, &other, state), DC_CAUSE_BRIDGE_PORT, DC_CONFIDENCE_POSSIBLE);
}

/* --- frames nobody takes ----------------------------------------------------------------- */

static void test_unhandled(void)
{
  DcPacket stp = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_LLC, .ethertype = 0x0004, .llc_dsap = 0x42};
  DcPacket lldp = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE, .ethertype = 0x88cc};
  DcPacket unknown = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE, .ethertype = 0x88b5};
  DcPacket ip = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  DcBrief brief;
  DcRuling ruling;

  g_autoptr(DcState) state = dc_state_new();
  feed(state, DC_PHASE_ONCE, "ptype", "Type Device      Function\n0800          ip_rcv\n0806          arp_rcv\n");
  const DcPacket *const unhandled[] = {&stp, &lldp, &unknown};
  for (size_t i = 0; i < G_N_ELEMENTS(unhandled); i++) {
    dc_brief_from_packet(&brief, unhandled[i], 60, DC_DIRECTION_IN);
    g_assert_true(dc_rule_unhandled(&brief, state, &ruling));
    ASSERT_RULING(ruling, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_CERTAIN);
  }
  dc_brief_from_packet(&brief, &ip, 74, DC_DIRECTION_IN);
  g_assert_false(dc_rule_unhandled(&brief, state, &ruling));

  /* Without ptype only what everybody knows, and only as possible. */
  dc_brief_from_packet(&brief, &stp, 60, DC_DIRECTION_IN);
  g_assert_true(dc_rule_unhandled(&brief, NULL, &ruling));
  ASSERT_RULING(ruling, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_POSSIBLE);
  dc_brief_from_packet(&brief, &unknown, 60, DC_DIRECTION_IN);
  g_assert_false(dc_rule_unhandled(&brief, NULL, &ruling));

  /* llc takes 0x0004: then nothing is known of what becomes of it, but on a host without a bridge. */
  feed(state, DC_PHASE_ONCE, "ptype",
       "Type Device      Function\n0800          ip_rcv\n0004          llc_rcv\n0806          arp_rcv\n");
  dc_brief_from_packet(&brief, &stp, 60, DC_DIRECTION_IN);
  g_assert_false(dc_rule_unhandled(&brief, state, &ruling));
  feed(state, DC_PHASE_ONCE, "addr",
       "2: eth0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
       "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535\n");
  g_assert_true(dc_rule_unhandled(&brief, state, &ruling));
  ASSERT_RULING(ruling, DC_CAUSE_LLC_UNKNOWN_SAP, DC_CONFIDENCE_LIKELY);
}

/* Every site of the table gives a ruling in which it believes: never none, never a rival twice. */
static void test_every_site(void)
{
  size_t count;
  const DcSite *sites = dc_site_table(&count);
  DcPacket syn = packet("10.0.0.2", "10.0.0.1", TCP, 22);
  DcPacket six = packet("fd00::2", "fd00::1", UDP, 53);
  for (size_t i = 0; i < count; i++) {
    const DcPacket *const packets[] = {NULL, &syn, &six};
    for (size_t k = 0; k < G_N_ELEMENTS(packets); k++) {
      const DcRuling ruling = rule(sites[i].symbol, NULL, packets[k], NULL);
      g_assert_cmpint(ruling.cause, !=, DC_CAUSE_NONE);
      g_assert_cmpint(ruling.confidence, !=, DC_CONFIDENCE_NONE);
      ASSERT_RULING(ruling, ruling.cause, ruling.confidence);
    }
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/rules/reason-beats-site", test_reason_beats_site);
  g_test_add_func("/rules/unknown-reason", test_unknown_reason);
  g_test_add_func("/rules/shared-reasons", test_shared_reasons);
  g_test_add_func("/rules/no-socket", test_no_socket);
  g_test_add_func("/rules/otherhost-and-vlan", test_otherhost_and_vlan);
  g_test_add_func("/rules/receive-core", test_receive_core);
  g_test_add_func("/rules/ip-rcv", test_ip_rcv);
  g_test_add_func("/rules/ip-rcv-finish", test_ip_rcv_finish);
  g_test_add_func("/rules/not-local", test_not_local);
  g_test_add_func("/rules/deliver-and-forward", test_deliver_and_forward);
  g_test_add_func("/rules/tcp", test_tcp);
  g_test_add_func("/rules/hidden-tag", test_hidden_tag);
  g_test_add_func("/rules/udp", test_udp);
  g_test_add_func("/rules/icmp", test_icmp);
  g_test_add_func("/rules/hardware", test_hardware);
  g_test_add_func("/rules/netfilter", test_netfilter);
  g_test_add_func("/rules/bridge", test_bridge);
  g_test_add_func("/rules/unhandled", test_unhandled);
  g_test_add_func("/rules/every-site", test_every_site);
  return g_test_run();
}
