/* Sites of TCP, UDP and ICMP, without a reason. */
#include "rules_private.h"

#include <string.h>

static bool checksum_bad(const DcRuleInput *input)
{
  return input->view.l4_checksum == DC_CHECKSUM_BAD;
}

static bool checksum_fine(const DcRuleInput *input)
{
  return input->view.l4_checksum == DC_CHECKSUM_GOOD || input->view.l4_checksum == DC_CHECKSUM_PARTIAL ||
         input->view.l4_checksum == DC_CHECKSUM_ABSENT;
}

static bool is_segment_noise(const DcRuleInput *input)
{
  return (input->view.has & DC_HAS_TCP) != 0 && (input->view.tcp_flags & DC_TCP_RST) != 0;
}

static const DcSocket *socket_of(const DcRuleInput *input, DcSocketKind kind, bool *ret_known)
{
  *ret_known =
      input->state != NULL && (input->view.has & DC_HAS_PORTS) != 0 && dc_state_has_sockets(input->state, kind);
  if (!*ret_known)
    return NULL;
  return dc_state_find_socket(input->state, kind, &input->dst, input->view.flow.dst_port);
}

/* Guards of tcp_v4_rcv() that leave a counter behind. */
static bool rule_tcp_guards(const DcRuleInput *input, DcRuling *ruling)
{
  static const char *const auth[] = {"TcpExt.TCPMD5NotFound",
                                     "TcpExt.TCPMD5Unexpected",
                                     "TcpExt.TCPMD5Failure",
                                     "TcpExt.TCPMinTTLDrop",
                                     "TcpExt.TCPAOBad",
                                     "TcpExt.TCPAORequired",
                                     NULL};
  const char *moved = dc_rule_first_moved(input, auth);
  if (moved != NULL) {
    dc_ruling_set(ruling, DC_CAUSE_TCP_AUTH, DC_CONFIDENCE_LIKELY, "site %s, %s moved", input->function, moved);
    return true;
  }
  if (dc_rule_counter(input, "TcpExt.TCPBacklogDrop") == DC_MOVED_YES) {
    dc_ruling_set(ruling, DC_CAUSE_SOCKET_BACKLOG, DC_CONFIDENCE_LIKELY, "site %s, TcpExt.TCPBacklogDrop moved",
                  input->function);
    return true;
  }
  return false;
}

static void rule_tcp_rcv(const DcRuleInput *input, DcRuling *ruling)
{
  const char *site = input->function;
  if (!dc_rule_has_ip(input, 0)) {
    dc_rule_site_only(input, ruling);
    return;
  }
  if (checksum_bad(input)) {
    dc_ruling_set(ruling, DC_CAUSE_TCP_CHECKSUM, DC_CONFIDENCE_CERTAIN, "site %s, the TCP checksum is bad", site);
    return;
  }
  if (is_segment_noise(input)) {
    dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY, "site %s, an RST after processing", site);
    return;
  }
  bool known;
  const DcSocket *listener = socket_of(input, DC_SOCKET_TCP_LISTEN, &known);
  const bool syn = (input->view.tcp_flags & (DC_TCP_SYN | DC_TCP_ACK)) == DC_TCP_SYN;
  const uint16_t port = input->view.flow.dst_port;
  if (listener == NULL) {
    const bool certain = known && syn && checksum_fine(input);
    dc_ruling_set(ruling, DC_CAUSE_NO_SOCKET, certain ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY,
                  known ? "site %s, nobody listens on port %u" : "site %s, port %u", site, port);
    if (!checksum_fine(input))
      dc_ruling_rival(ruling, DC_CAUSE_TCP_CHECKSUM);
    if (!certain)
      dc_ruling_rival(ruling, DC_CAUSE_XFRM_POLICY);
    return;
  }
  /* tcp_check_req(): the last step of a handshake, and data after it, while the accept queue is full. */
  if (!syn && (input->view.tcp_flags & DC_TCP_ACK) != 0 &&
      dc_rule_counter(input, "TcpExt.ListenOverflows") == DC_MOVED_YES) {
    dc_ruling_set(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_LIKELY,
                  "site %s on listening port %u, TcpExt.ListenOverflows moved", site, port);
    dc_ruling_rival(ruling, DC_CAUSE_TCP_STATE);
    return;
  }
  if (!rule_tcp_guards(input, ruling))
    dc_ruling_set(ruling, syn ? DC_CAUSE_SOCKET_FILTER : DC_CAUSE_TCP_STATE, DC_CONFIDENCE_POSSIBLE,
                  "site %s although port %u is listening", site, port);
  dc_ruling_rival(ruling, DC_CAUSE_SOCKET_FILTER);
  dc_ruling_rival(ruling, DC_CAUSE_XFRM_POLICY);
  dc_ruling_rival(ruling, DC_CAUSE_TCP_AUTH);
  if (!checksum_fine(input))
    dc_ruling_rival(ruling, DC_CAUSE_TCP_CHECKSUM);
}

/* Up to 4.4 tcp_rcv_state_process() freed every SYN it had answered. */
#define KERNEL_4_4 (UINT32_C(4) << 16 | UINT32_C(4) << 8)

#define KERNEL_5_18 (UINT32_C(5) << 16 | UINT32_C(18) << 8)

/*
 * tcp_v4_do_rcv() frees by itself what it has answered with a reset, or what no connection took. Segments that fail
 * TCP's other checks are freed untraced before 5.18, and with a reason since. Netlink alerts carry a reason, at least
 * NOT_SPECIFIED, where the kernel knows any; text may have lost it.
 */
static bool freed_after_reset(const DcRuleInput *input, uint32_t version)
{
  if (strcmp(input->function, "tcp_v4_do_rcv") != 0 && strcmp(input->function, "tcp_v6_do_rcv") != 0)
    return false;
  return input->drop->reason != NULL || input->drop->kind == DC_DROP_NETDM_PACKET ||
         (version != 0 && version < KERNEL_5_18);
}

static void rule_tcp_segment(const DcRuleInput *input, DcRuling *ruling)
{
  const char *site = input->function;
  if (checksum_bad(input)) {
    dc_ruling_set(ruling, DC_CAUSE_TCP_CHECKSUM, DC_CONFIDENCE_CERTAIN, "site %s, the TCP checksum is bad", site);
    return;
  }
  if (is_segment_noise(input)) {
    dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY, "site %s, an RST after processing", site);
    return;
  }
  const uint32_t version = input->state != NULL ? dc_state_kernel_version(input->state) : 0;
  const bool syn =
      (input->view.has & DC_HAS_TCP) != 0 && (input->view.tcp_flags & (DC_TCP_SYN | DC_TCP_ACK)) == DC_TCP_SYN;
  if (syn && version != 0 && version <= (KERNEL_4_4 | 0xff) && strcmp(site, "tcp_rcv_state_process") == 0) {
    dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY, "site %s: kernels up to 4.4 free every SYN here",
                  site);
    return;
  }
  if (freed_after_reset(input, version)) {
    dc_ruling_set(ruling, DC_CAUSE_TCP_STATE, DC_CONFIDENCE_LIKELY,
                  "site %s: no connection takes the segment, it is answered by a reset", site);
    if (!checksum_fine(input))
      dc_ruling_rival(ruling, DC_CAUSE_TCP_CHECKSUM);
    if (dc_rule_counter(input, "TcpExt.ListenOverflows") != DC_MOVED_NO)
      dc_ruling_rival(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL);
    return;
  }
  static const struct {
    const char *counters[4];
    DcCause cause;
  } signs[] = {
      {{"TcpExt.PAWSEstab", "TcpExt.PAWSActive", "TcpExt.PAWSOldAck", NULL}, DC_CAUSE_PAWS},
      {{"TcpExt.TCPRcvQDrop", "TcpExt.RcvPruned", "TcpExt.TCPZeroWindowDrop", NULL}, DC_CAUSE_TCP_RCVBUF},
      {{"TcpExt.OfoPruned", "TcpExt.TCPOFODrop", "TcpExt.PruneCalled", NULL}, DC_CAUSE_TCP_RCVBUF},
      {{"TcpExt.DelayedACKLost", "TcpExt.TCPOFOMerge", "TcpExt.TCPACKSkippedSeq", NULL}, DC_CAUSE_TCP_SEQUENCE},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
    const char *moved = dc_rule_first_moved(input, signs[i].counters);
    if (moved == NULL)
      continue;
    dc_ruling_set(ruling, signs[i].cause, DC_CONFIDENCE_LIKELY, "site %s, %s moved", site, moved);
    for (size_t k = 0; input->site != NULL && k < G_N_ELEMENTS(input->site->causes); k++)
      dc_ruling_rival(ruling, input->site->causes[k]);
    return;
  }
  dc_rule_site_only(input, ruling);
}

void dc_rule_tcp_memory(const DcRuleInput *input, DcRuling *ruling)
{
  static const char *const host[] = {"TcpExt.TCPMemoryPressures", "TcpExt.TCPAbortOnMemory", NULL};
  static const char *const socket[] = {"TcpExt.TCPRcvQDrop", "TcpExt.RcvPruned", "TcpExt.PruneCalled", NULL};
  const char *host_moved = dc_rule_first_moved(input, host);
  const char *socket_moved = dc_rule_first_moved(input, socket);
  if (host_moved != NULL) {
    dc_ruling_set(ruling, DC_CAUSE_TCP_MEMORY, DC_CONFIDENCE_LIKELY, "reason PROTO_MEM, %s moved", host_moved);
    dc_ruling_rival(ruling, DC_CAUSE_TCP_RCVBUF);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_TCP_RCVBUF, DC_CONFIDENCE_LIKELY, "reason PROTO_MEM on a TCP segment%s%s%s",
                socket_moved != NULL ? ", " : "", socket_moved != NULL ? socket_moved : "",
                socket_moved != NULL ? " moved" : "");
  dc_ruling_rival(ruling, DC_CAUSE_TCP_MEMORY);
}

/* --- UDP --------------------------------------------------------------------------------- */

/* UDP's own length field, against what the IP header leaves for it. */
static bool udp_length_bad(const DcRuleInput *input)
{
  return input->packet != NULL && (input->packet->has & DC_HAS_IP) != 0 &&
         input->packet->status == DC_DECODE_MALFORMED && (input->packet->has & DC_HAS_FRAGMENT) == 0;
}

static void rule_udp_rcv(const DcRuleInput *input, DcRuling *ruling)
{
  const char *site = input->function;
  if (!dc_rule_has_ip(input, 0)) {
    dc_rule_site_only(input, ruling);
    return;
  }
  if (checksum_bad(input)) {
    dc_ruling_set(ruling, DC_CAUSE_UDP_CHECKSUM, DC_CONFIDENCE_CERTAIN, "site %s, the UDP checksum is bad", site);
    return;
  }
  if (udp_length_bad(input)) {
    dc_ruling_set(ruling, DC_CAUSE_TRUNCATED, DC_CONFIDENCE_CERTAIN, "site %s, the UDP length contradicts the packet",
                  site);
    return;
  }
  bool known;
  const DcSocket *socket = socket_of(input, DC_SOCKET_UDP, &known);
  const char *counter = input->dst.version == 6 ? "Udp6NoPorts" : "Udp.NoPorts";
  const DcMoved moved = dc_rule_counter(input, counter);
  if (socket == NULL || moved == DC_MOVED_YES) {
    const bool certain = checksum_fine(input) && ((known && socket == NULL) || moved == DC_MOVED_YES);
    dc_ruling_set(ruling, DC_CAUSE_NO_SOCKET, certain ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "site %s%s%s%s",
                  site, known && socket == NULL ? ", no socket on the port" : "",
                  moved == DC_MOVED_YES ? ", moved: " : "", moved == DC_MOVED_YES ? counter : "");
    if (!checksum_fine(input))
      dc_ruling_rival(ruling, DC_CAUSE_UDP_CHECKSUM);
    if (!certain)
      dc_ruling_rival(ruling, DC_CAUSE_XFRM_POLICY);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_XFRM_POLICY, DC_CONFIDENCE_POSSIBLE, "site %s although a socket has the port", site);
  dc_ruling_rival(ruling, DC_CAUSE_NO_SOCKET);
  if (!checksum_fine(input))
    dc_ruling_rival(ruling, DC_CAUSE_UDP_CHECKSUM);
}

/* Live, sockets are read at the start and at the end: a queue that was empty before says nothing of the drop. */
static bool queues_are_fresh(const DcRuleInput *input)
{
  static const char *const lists[] = {"udp", "udp6", "ss", "ss_m"};
  if (input->state == NULL || input->drop->time_ns == DC_TIME_NONE)
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    if (dc_state_seen_since(input->state, lists[i], input->drop->time_ns))
      return true;
  return false;
}

/*
 * udp_queue_rcv_one_skb() and __udp_queue_rcv_skb(): the buffer moves RcvbufErrors and InErrors, the memory limit
 * MemErrors and InErrors, a socket filter and an IPsec policy InErrors alone. The socket's own
 * fill tells which of them stood in this packet's way.
 */
static void rule_udp_queue(const DcRuleInput *input, DcRuling *ruling)
{
  const char *site = input->function;
  if (checksum_bad(input)) {
    dc_ruling_set(ruling, DC_CAUSE_UDP_CHECKSUM, DC_CONFIDENCE_CERTAIN, "site %s, the UDP checksum is bad", site);
    return;
  }
  const bool v6 = dc_rule_has_ip(input, 6);
  const DcMoved buffer = dc_rule_counter(input, v6 ? "Udp6RcvbufErrors" : "Udp.RcvbufErrors");
  const DcMoved memory = dc_rule_counter(input, v6 ? "Udp6MemErrors" : "Udp.MemErrors");
  const bool queue_only = strcmp(site, "__udp_queue_rcv_skb") == 0 || strcmp(site, "__udpv6_queue_rcv_skb") == 0;
  bool known;
  const DcSocket *socket = dc_rule_has_ip(input, 0) ? socket_of(input, DC_SOCKET_UDP, &known) : NULL;
  /* A buffer that was never near its limit in any sample did not refuse this packet. sk_rcvbuf bounds the sum of
   * truesize, which is larger than the bytes that /proc and ss show. */
  const bool queue_known = socket != NULL && socket->has_queues && socket->rcvbuf != 0;
  const uint32_t fill = socket != NULL ? MAX(socket->recv_queue, socket->recv_peak) : 0;
  const bool full = queue_known && fill >= socket->rcvbuf / 2;
  const bool empty = queue_known && fill < socket->rcvbuf / 8 && queues_are_fresh(input);

  if (memory == DC_MOVED_YES && buffer != DC_MOVED_YES) {
    dc_ruling_set(ruling, DC_CAUSE_UDP_MEMORY, DC_CONFIDENCE_LIKELY, "site %s, Udp MemErrors moved", site);
    dc_ruling_rival(ruling, DC_CAUSE_UDP_RCVBUF);
    return;
  }
  if (full || queue_only) {
    const bool certain = full && buffer == DC_MOVED_YES;
    dc_ruling_set(ruling, DC_CAUSE_UDP_RCVBUF, certain ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "site %s%s%s",
                  site, full ? ", the socket's buffer is full" : "",
                  buffer == DC_MOVED_YES ? ", Udp RcvbufErrors moved" : "");
    if (!certain)
      dc_ruling_rival(ruling, queue_only ? DC_CAUSE_UDP_MEMORY : DC_CAUSE_SOCKET_FILTER);
    return;
  }
  if (buffer == DC_MOVED_NO || empty) {
    dc_ruling_set(ruling, DC_CAUSE_SOCKET_FILTER, DC_CONFIDENCE_LIKELY, "site %s, %s", site,
                  buffer == DC_MOVED_NO ? "Udp RcvbufErrors stands still" : "the socket's buffer has room");
    if (buffer != DC_MOVED_NO)
      dc_ruling_rival(ruling, DC_CAUSE_UDP_RCVBUF);
    dc_ruling_rival(ruling, DC_CAUSE_XFRM_POLICY);
    if (!checksum_fine(input))
      dc_ruling_rival(ruling, DC_CAUSE_UDP_CHECKSUM);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_UDP_RCVBUF, buffer == DC_MOVED_YES ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE,
                "site %s%s", site, buffer == DC_MOVED_YES ? ", Udp RcvbufErrors moved" : "");
  dc_ruling_rival(ruling, DC_CAUSE_SOCKET_FILTER);
  if (memory != DC_MOVED_NO)
    dc_ruling_rival(ruling, DC_CAUSE_UDP_MEMORY);
  if (!checksum_fine(input))
    dc_ruling_rival(ruling, DC_CAUSE_UDP_CHECKSUM);
}

/* --- ICMP ---------------------------------------------------------------------------------- */

enum { ICMP_ECHO_REPLY = 0, ICMP_ECHO = 8, ICMP_TIMESTAMP = 13, ICMP_TYPE_MAX = 18 };
enum { ICMP6_ECHO_REPLY = 129, ICMP6_MLD_QUERY = 130, ICMP6_ND_REDIRECT = 137, ICMP6_MLD2_REPORT = 143 };

static void rule_icmp(const DcRuleInput *input, DcRuling *ruling)
{
  const char *site = input->function;
  if ((input->view.has & DC_HAS_ICMP) == 0) {
    dc_rule_site_only(input, ruling);
    return;
  }
  const uint8_t type = input->view.icmp_type;
  if (checksum_bad(input)) {
    dc_ruling_set(ruling, DC_CAUSE_ICMP_CHECKSUM, DC_CONFIDENCE_CERTAIN, "site %s, the ICMP checksum is bad", site);
    return;
  }
  if (dc_rule_has_ip(input, 6)) {
    if ((type >= ICMP6_MLD_QUERY && type <= ICMP6_ND_REDIRECT) || type == ICMP6_MLD2_REPORT) {
      dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY,
                    "site %s, neighbour discovery or MLD (type %u) after processing", site, type);
      return;
    }
    if (type == ICMP6_ECHO_REPLY) {
      dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY,
                    "site %s, echo reply: a raw socket got its clone", site);
      return;
    }
    dc_rule_site_only(input, ruling);
    return;
  }
  const bool group = (input->dst.bytes[0] & 0xf0) == 0xe0 ||
                     (input->state != NULL && dc_state_is_broadcast_address(input->state, &input->dst));
  if (type == ICMP_ECHO_REPLY) {
    dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY, "site %s, echo reply: a raw socket got its clone",
                  site);
  } else if ((type == ICMP_ECHO || type == ICMP_TIMESTAMP) && group) {
    dc_ruling_set(ruling, DC_CAUSE_POLICY_HOOK, DC_CONFIDENCE_LIKELY, "site %s, type %u to a group of hosts is ignored",
                  site, type);
  } else if (type > ICMP_TYPE_MAX) {
    dc_ruling_set(ruling, DC_CAUSE_UNCLASSIFIED, DC_CONFIDENCE_LIKELY,
                  "site %s, ICMP type %u is unknown to the kernel (RFC 1122 3.2.2: discard)", site, type);
  } else {
    dc_rule_site_only(input, ruling);
  }
}

static void rule_ping(const DcRuleInput *input, DcRuling *ruling)
{
  dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY, "site %s, echo reply: a raw socket got its clone",
                input->function);
  dc_ruling_rival(ruling, DC_CAUSE_NO_SOCKET);
}

bool dc_rule_site_transport(const DcRuleInput *input, DcRuling *ruling)
{
  static const struct {
    const char *function;
    void (*rule)(const DcRuleInput *input, DcRuling *ruling);
  } sites[] = {
      {"tcp_v4_rcv", rule_tcp_rcv},
      {"tcp_v6_rcv", rule_tcp_rcv},
      {"tcp_v4_do_rcv", rule_tcp_segment},
      {"tcp_v6_do_rcv", rule_tcp_segment},
      {"tcp_rcv_state_process", rule_tcp_segment},
      {"tcp_rcv_established", rule_tcp_segment},
      {"tcp_validate_incoming", rule_tcp_segment},
      {"tcp_data_queue", rule_tcp_segment},
      {"tcp_data_queue_ofo", rule_tcp_segment},
      {"tcp_drop", rule_tcp_segment},
      {"tcp_drop_reason", rule_tcp_segment},
      {"__udp4_lib_rcv", rule_udp_rcv},
      {"__udp6_lib_rcv", rule_udp_rcv},
      {"udp_rcv", rule_udp_rcv},
      {"udpv6_rcv", rule_udp_rcv},
      {"udp_unicast_rcv_skb", rule_udp_rcv},
      {"udp6_unicast_rcv_skb", rule_udp_rcv},
      {"udp_queue_rcv_skb", rule_udp_queue},
      {"udp_queue_rcv_one_skb", rule_udp_queue},
      {"udpv6_queue_rcv_skb", rule_udp_queue},
      {"udpv6_queue_rcv_one_skb", rule_udp_queue},
      {"__udp_queue_rcv_skb", rule_udp_queue},
      {"__udpv6_queue_rcv_skb", rule_udp_queue},
      {"icmp_rcv", rule_icmp},
      {"icmpv6_rcv", rule_icmp},
      {"ping_rcv", rule_ping},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(sites); i++) {
    if (strcmp(sites[i].function, input->function) == 0) {
      sites[i].rule(input, ruling);
      return true;
    }
  }
  return false;
}
