/* The kernel gave a reason. Most name one cause; the others are told apart by site, packet
 * and state. */
#include "rules_private.h"

#include <string.h>

static bool reason_is(const DcRuleInput *input, const char *name)
{
  return strcmp(input->drop->reason, name) == 0;
}

static bool site_begins(const DcRuleInput *input, const char *prefix)
{
  return g_str_has_prefix(input->function, prefix);
}

/* The tag is taken off before the drop, and pkt_type becomes "other host" for an id no device has
 * (net/core/dev.c, check_vlan_id). */
static void rule_otherhost(const DcRuleInput *input, DcRuling *ruling)
{
  const DcVlanFit vlan = dc_rule_vlan(input->state, &input->view);
  if (vlan != DC_VLAN_NONE && !dc_rule_is_other_host(input)) {
    if (vlan == DC_VLAN_UNKNOWN_HERE)
      dc_ruling_set(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_CERTAIN,
                    "reason OTHERHOST, frame tagged VLAN %u, no device of this host has that id", input->view.vlan);
    else
      dc_ruling_set(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_LIKELY, "reason OTHERHOST, frame tagged VLAN %u",
                    input->view.vlan);
    dc_ruling_rival(ruling, dc_rule_is_for_us(input) ? DC_CAUSE_NONE : DC_CAUSE_OTHER_HOST);
    return;
  }
  if (dc_rule_is_for_us(input)) {
    dc_ruling_set(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_LIKELY,
                  "reason OTHERHOST although the destination MAC is this host's: a VLAN tag was taken off");
    dc_ruling_rival(ruling, DC_CAUSE_OTHER_HOST);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_OTHER_HOST, DC_CONFIDENCE_CERTAIN,
                dc_rule_is_other_host(input) ? "reason OTHERHOST, destination MAC is not this host's"
                                             : "reason OTHERHOST");
}

static void rule_unhandled_proto(const DcRuleInput *input, DcRuling *ruling)
{
  const bool usual =
      input->ethertype == ETHERTYPE_IPV4 || input->ethertype == ETHERTYPE_IPV6 || input->ethertype == ETHERTYPE_ARP;
  const bool taken = usual || (input->state != NULL && input->ethertype != 0 && dc_state_has_handlers(input->state) &&
                               dc_state_handler(input->state, input->ethertype) != NULL);
  if (dc_rule_vlan(input->state, &input->view) != DC_VLAN_NONE &&
      (taken || input->ethertype == ETHERTYPE_VLAN || input->ethertype == ETHERTYPE_QINQ || input->ethertype == 0)) {
    dc_ruling_set(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_LIKELY, "reason UNHANDLED_PROTO, frame tagged VLAN %u",
                  input->view.vlan);
    dc_ruling_rival(ruling, DC_CAUSE_NO_PROTOCOL_HANDLER);
    return;
  }
  if (input->ethertype != 0)
    dc_ruling_set(ruling, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_CERTAIN,
                  "reason UNHANDLED_PROTO, ethertype 0x%04x", input->ethertype);
  else
    dc_ruling_set(ruling, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_CERTAIN, "reason UNHANDLED_PROTO");
}

/* NO_SOCKET is also given for a handshake that lost its half-open connection (6.9 and later). */
static void rule_no_socket(const DcRuleInput *input, DcRuling *ruling)
{
  if (dc_rule_has_ip(input, 0) &&
      (input->view.flow.protocol == PROTO_ICMP || input->view.flow.protocol == PROTO_ICMP6)) {
    dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY,
                  "echo reply without a ping socket: a raw socket got its clone");
    dc_ruling_rival(ruling, DC_CAUSE_NO_SOCKET);
    return;
  }
  const bool inside_tcp = strstr(input->function, "_do_rcv") != NULL || site_begins(input, "tcp_rcv_state") ||
                          site_begins(input, "tcp_child");
  const bool tcp = dc_rule_has_ip(input, 0) && input->view.flow.protocol == PROTO_TCP;
  const bool plain_syn = tcp && (input->view.tcp_flags & (DC_TCP_SYN | DC_TCP_ACK)) == DC_TCP_SYN;
  const DcSocket *listener = NULL;
  if (input->state != NULL && tcp && (input->view.has & DC_HAS_PORTS) != 0)
    listener = dc_state_find_socket(input->state, DC_SOCKET_TCP_LISTEN, &input->dst, input->view.flow.dst_port);
  if (inside_tcp || (tcp && !plain_syn && listener != NULL)) {
    dc_ruling_set(ruling, DC_CAUSE_TCP_STATE, DC_CONFIDENCE_LIKELY,
                  "reason NO_SOCKET %s: its half-open connection is gone",
                  inside_tcp ? "inside TCP" : "although the port is listening");
    if (dc_rule_counter(input, "TcpExt.ListenOverflows") == DC_MOVED_YES)
      dc_ruling_set(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_LIKELY,
                    "reason NO_SOCKET on a listening port, and TcpExt.ListenOverflows moved");
    dc_ruling_rival(ruling, DC_CAUSE_TCP_STATE);
    dc_ruling_rival(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_CERTAIN, "reason NO_SOCKET");
}

static void rule_inhdr(const DcRuleInput *input, DcRuling *ruling)
{
  const bool forwarding = site_begins(input, "ip_forward") || site_begins(input, "ip6_forward");
  if (forwarding && dc_rule_has_ip(input, 0) && input->view.ttl <= 1) {
    dc_ruling_set(ruling, DC_CAUSE_TTL_EXPIRED, DC_CONFIDENCE_CERTAIN, "reason IP_INHDR while forwarding, TTL is %u",
                  input->view.ttl);
    return;
  }
  if (forwarding) {
    dc_ruling_set(ruling, DC_CAUSE_TTL_EXPIRED, DC_CONFIDENCE_LIKELY, "reason IP_INHDR while forwarding");
    dc_ruling_rival(ruling, DC_CAUSE_IP_HEADER);
    return;
  }
  if (dc_rule_has_ip(input, 6) && dc_rule_martian(input, ruling))
    return;
  /* A log that hides the function: no host but the one it is sent to takes such a packet. */
  if (input->function[0] == '\0' && dc_rule_has_ip(input, 0) && input->view.ttl <= 1) {
    dc_ruling_set(ruling, DC_CAUSE_TTL_EXPIRED, DC_CONFIDENCE_LIKELY, "reason IP_INHDR, TTL is %u", input->view.ttl);
    dc_ruling_rival(ruling, DC_CAUSE_IP_HEADER);
    return;
  }
  const bool checksum = dc_rule_has_ip(input, 4) && input->view.ip_checksum == DC_CHECKSUM_BAD;
  dc_ruling_set(ruling, checksum ? DC_CAUSE_IP_CHECKSUM : DC_CAUSE_IP_HEADER, DC_CONFIDENCE_CERTAIN,
                checksum ? "reason IP_INHDR, header checksum is bad" : "reason IP_INHDR");
}

static void rule_localnet(const DcRuleInput *input, DcRuling *ruling)
{
  const bool source = dc_rule_has_ip(input, 4) && input->src.bytes[0] == 127;
  const bool destination = dc_rule_has_ip(input, 4) && input->dst.bytes[0] == 127;
  dc_ruling_set(ruling, destination && !source ? DC_CAUSE_MARTIAN_DESTINATION : DC_CAUSE_MARTIAN_SOURCE,
                source || destination ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "reason IP_LOCALNET%s",
                source        ? ", source in 127/8"
                : destination ? ", destination in 127/8"
                              : "");
  if (!source && !destination)
    dc_ruling_rival(ruling, DC_CAUSE_MARTIAN_DESTINATION);
}

/* One reason for the limits of both: a socket's or all sockets' (TCP), all sockets' (UDP). */
static void rule_proto_mem(const DcRuleInput *input, DcRuling *ruling)
{
  const bool tcp = dc_rule_has_ip(input, 0) ? input->view.flow.protocol == PROTO_TCP : site_begins(input, "tcp_");
  if (tcp) {
    dc_rule_tcp_memory(input, ruling);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_UDP_MEMORY, DC_CONFIDENCE_CERTAIN, "reason PROTO_MEM on a datagram");
}

static void rule_rcvbuff(const DcRuleInput *input, DcRuling *ruling)
{
  const bool tcp = dc_rule_has_ip(input, 0) ? input->view.flow.protocol == PROTO_TCP : site_begins(input, "tcp_");
  const bool raw = site_begins(input, "raw");
  dc_ruling_set(ruling, tcp && !raw ? DC_CAUSE_TCP_RCVBUF : DC_CAUSE_UDP_RCVBUF, DC_CONFIDENCE_CERTAIN,
                raw ? "reason SOCKET_RCVBUFF at a raw socket's copy" : "reason SOCKET_RCVBUFF");
}

static void rule_by_layer(const DcRuleInput *input, DcRuling *ruling, const char *prefix, DcCause when,
                          DcCause otherwise)
{
  const bool fits = site_begins(input, prefix);
  dc_ruling_set(ruling, fits ? when : otherwise,
                input->function[0] != '\0' ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "reason %s%s%s",
                input->drop->reason, input->function[0] != '\0' ? " in " : "", input->function);
  if (input->function[0] == '\0')
    dc_ruling_rival(ruling, when);
}

static void rule_tc_error(const DcRuleInput *input, DcRuling *ruling)
{
  const bool out =
      site_begins(input, "__dev_queue") || site_begins(input, "__dev_xmit") || site_begins(input, "sch_handle_e");
  dc_ruling_set(ruling, out ? DC_CAUSE_QDISC : DC_CAUSE_TC_INGRESS,
                input->function[0] != '\0' ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "reason %s",
                input->drop->reason);
  if (input->function[0] == '\0')
    dc_ruling_rival(ruling, DC_CAUSE_QDISC);
}

static void rule_vxlan_or_bridge(const DcRuleInput *input, DcRuling *ruling)
{
  rule_by_layer(input, ruling, "vxlan", DC_CAUSE_TUNNEL, DC_CAUSE_BRIDGE_PORT);
}

static const struct {
  const char *reason;
  void (*rule)(const DcRuleInput *input, DcRuling *ruling);
} shared_reasons[] = {
    {"OTHERHOST", rule_otherhost},
    {"UNHANDLED_PROTO", rule_unhandled_proto},
    {"NO_SOCKET", rule_no_socket},
    {"NETFILTER_DROP", dc_rule_netfilter},
    {"IP_INHDR", rule_inhdr},
    {"IP_INADDRERRORS", dc_rule_not_local},
    {"IP_LOCALNET", rule_localnet},
    {"PROTO_MEM", rule_proto_mem},
    {"SOCKET_RCVBUFF", rule_rcvbuff},
    {"TC_COOKIE_ERROR", rule_tc_error},
    {"TC_CHAIN_NOTFOUND", rule_tc_error},
    {"TC_RECLASSIFY_LOOP", rule_tc_error},
    {"MAC_INVALID_SOURCE", rule_vxlan_or_bridge},
    {"NO_TX_TARGET", rule_vxlan_or_bridge},
};

/* A checksum that adds up in the capture although the kernel refused it is worth a word. */
static bool checksum_contradicts(const DcRuleInput *input)
{
  if (reason_is(input, "IP_CSUM"))
    return input->view.ip_checksum == DC_CHECKSUM_GOOD;
  if (reason_is(input, "TCP_CSUM") || reason_is(input, "UDP_CSUM") || reason_is(input, "ICMP_CSUM"))
    return input->view.l4_checksum == DC_CHECKSUM_GOOD;
  return false;
}

void dc_rule_reason(const DcRuleInput *input, DcRuling *ruling)
{
  for (size_t i = 0; i < G_N_ELEMENTS(shared_reasons); i++) {
    if (reason_is(input, shared_reasons[i].reason)) {
      shared_reasons[i].rule(input, ruling);
      return;
    }
  }

  DcCause causes[1 + G_N_ELEMENTS(ruling->rivals)];
  bool named;
  const size_t count = dc_catalogue_by_reason(input->drop->reason, causes, G_N_ELEMENTS(causes), &named);
  if (count == 0) {
    /* A reason of a later kernel: the site may still tell. */
    dc_rule_site_only(input, ruling);
    if (ruling->confidence == DC_CONFIDENCE_CERTAIN)
      ruling->confidence = DC_CONFIDENCE_LIKELY;
    g_autofree char *why = g_strdup(ruling->why);
    g_snprintf(ruling->why, sizeof ruling->why, "reason %.40s is not in the catalogue; %s", input->drop->reason, why);
    return;
  }
  dc_ruling_set(ruling, causes[0], named ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "reason %s%s",
                input->drop->reason,
                checksum_contradicts(input) ? ", although the captured bytes add up: a broken offload?" : "");
  for (size_t i = 1; i < count; i++)
    dc_ruling_rival(ruling, causes[i]);
}
