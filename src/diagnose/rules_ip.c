/* Sites of the IP layer, without a reason. */
#include "rules_private.h"

#include "dropcorr/decode/packet.h"

#include <string.h>

/* Reasons exist since 5.17, and a kernel that knows them says NOT_SPECIFIED where it gives none. */
static bool kernel_gives_reasons(const DcRuleInput *input)
{
  return input->drop->reason != NULL && *input->drop->reason != '\0';
}

static const char *destination_text(const DcRuleInput *input, char text[static DC_ADDR_TEXT_MAX])
{
  return dc_addr_format(&input->dst, text);
}

static bool is_multicast(const DcAddr *addr)
{
  return addr->version == 6 ? addr->bytes[0] == 0xff : (addr->bytes[0] & 0xf0) == 0xe0;
}

static bool is_limited_broadcast(const DcAddr *addr)
{
  static const uint8_t all[4] = {0xff, 0xff, 0xff, 0xff};
  return addr->version == 4 && memcmp(addr->bytes, all, sizeof all) == 0;
}

static bool is_zero(const DcAddr *addr)
{
  static const uint8_t zero[16];
  return memcmp(addr->bytes, zero, sizeof zero) == 0;
}

static bool is_loopback6(const DcAddr *addr)
{
  static const uint8_t loopback[16] = {[15] = 1};
  return addr->version == 6 && memcmp(addr->bytes, loopback, sizeof loopback) == 0;
}

/* --- martians ------------------------------------------------------------------------
 * net/ipv4/route.c ip_route_input_slow() and fib_validate_source(); net/ipv6/ip6_input.c
 * ip6_rcv_core(). */

static const char *martian_source(const DcRuleInput *input)
{
  const DcAddr *src = &input->src;
  if (src->version == 6) {
    if (is_multicast(src))
      return "is multicast";
    if (is_loopback6(src))
      return "is loopback";
    return NULL;
  }
  if (is_multicast(src))
    return "is multicast";
  if (is_limited_broadcast(src))
    return "is the broadcast address";
  if (src->bytes[0] == 127)
    return "is loopback";
  /* 0.0.0.0 to the broadcast address is DHCP. */
  if (src->bytes[0] == 0 && !(is_zero(src) && (is_limited_broadcast(&input->dst) || is_zero(&input->dst))))
    return "is in 0/8";
  if (input->state != NULL && dc_state_is_broadcast_address(input->state, src))
    return "is a network's broadcast address";
  if (input->state != NULL && dc_state_is_local_address(input->state, src))
    return "is this host's own";
  return NULL;
}

static const char *martian_destination(const DcRuleInput *input)
{
  const DcAddr *dst = &input->dst;
  if (dst->version == 6)
    return is_loopback6(dst) ? "is loopback" : NULL;
  if (dst->bytes[0] == 127)
    return "is loopback";
  if (dst->bytes[0] == 0 && !(is_zero(dst) && is_zero(&input->src)))
    return "is in 0/8";
  return NULL;
}

bool dc_rule_martian(const DcRuleInput *input, DcRuling *ruling)
{
  if (!dc_rule_has_ip(input, 0))
    return false;
  char text[DC_ADDR_TEXT_MAX];
  const bool given = !dc_reason_is_unspecified(input->drop->reason);
  const char *from = given ? "reason" : "site";
  const char *name = given ? input->drop->reason : input->function;
  const char *what = martian_source(input);
  if (what != NULL) {
    dc_ruling_set(ruling, DC_CAUSE_MARTIAN_SOURCE, DC_CONFIDENCE_CERTAIN, "%s %s, source %s %s", from, name,
                  dc_addr_format(&input->src, text), what);
    return true;
  }
  what = martian_destination(input);
  if (what != NULL) {
    dc_ruling_set(ruling, DC_CAUSE_MARTIAN_DESTINATION, DC_CONFIDENCE_CERTAIN, "%s %s, destination %s %s", from, name,
                  dc_addr_format(&input->dst, text), what);
    return true;
  }
  return false;
}

/* --- header, checksum, length ------------------------------------------------------------ */

static bool is_truncated(const DcRuleInput *input)
{
  const DcPacket *packet = input->packet;
  if (packet == NULL || (packet->has & DC_HAS_IP) == 0)
    return false;
  const uint32_t len = MAX(input->drop->orig_len, input->view.len);
  return len != 0 && packet->l3_offset + packet->l3_len > len;
}

/* ip_rcv() and ipv6_rcv(): in the kernel's order, what the bytes themselves say. */
static bool rule_receive_checks(const DcRuleInput *input, DcRuling *ruling)
{
  if (dc_rule_is_other_host(input)) {
    dc_ruling_set(ruling, DC_CAUSE_OTHER_HOST, DC_CONFIDENCE_CERTAIN, "site %s, destination MAC is not this host's",
                  input->function);
    return true;
  }
  const DcVlanFit vlan = dc_rule_vlan(input->state, &input->view);
  if (vlan == DC_VLAN_UNKNOWN_HERE || vlan == DC_VLAN_MAYBE) {
    dc_ruling_set(ruling, DC_CAUSE_VLAN_UNKNOWN,
                  vlan == DC_VLAN_UNKNOWN_HERE ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY,
                  "site %s, frame tagged VLAN %u%s", input->function, input->view.vlan,
                  vlan == DC_VLAN_UNKNOWN_HERE ? ", no device of this host has that id" : "");
    if (vlan == DC_VLAN_MAYBE)
      dc_ruling_rival(ruling, DC_CAUSE_IP_HEADER);
    return true;
  }
  if (input->view.ip_checksum == DC_CHECKSUM_BAD) {
    dc_ruling_set(ruling, DC_CAUSE_IP_CHECKSUM, DC_CONFIDENCE_CERTAIN, "site %s, the header checksum is bad",
                  input->function);
    return true;
  }
  if (is_truncated(input)) {
    dc_ruling_set(ruling, DC_CAUSE_TRUNCATED, DC_CONFIDENCE_CERTAIN,
                  "site %s, the header announces %u bytes more than arrived", input->function,
                  input->packet->l3_offset + input->packet->l3_len - MAX(input->drop->orig_len, input->view.len));
    return true;
  }
  if (input->packet != NULL && input->packet->status == DC_DECODE_MALFORMED) {
    dc_ruling_set(ruling, DC_CAUSE_IP_HEADER, DC_CONFIDENCE_LIKELY, "site %s, the header contradicts itself",
                  input->function);
    dc_ruling_rival(ruling, DC_CAUSE_TRUNCATED);
    return true;
  }
  return false;
}

static void rule_by_ip_counters(const DcRuleInput *input, DcRuling *ruling, bool v6)
{
  static const struct {
    const char *counter4, *counter6;
    DcCause cause;
  } signs[] = {
      {"IpExt.InCsumErrors", NULL, DC_CAUSE_IP_CHECKSUM},
      {"IpExt.InTruncatedPkts", "Ip6InTruncatedPkts", DC_CAUSE_TRUNCATED},
      {"Ip.InHdrErrors", "Ip6InHdrErrors", DC_CAUSE_IP_HEADER},
      {"Ip.InDiscards", "Ip6InDiscards", DC_CAUSE_MEMORY_PRESSURE},
  };
  const bool ours = dc_rule_is_for_us(input);
  DcCause first = DC_CAUSE_NONE;
  const char *moved = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(signs) && first == DC_CAUSE_NONE; i++) {
    const char *counter = v6 ? signs[i].counter6 : signs[i].counter4;
    /* Checked bytes outweigh a counter that some other packet may have moved. */
    if (signs[i].cause == DC_CAUSE_IP_CHECKSUM && input->view.ip_checksum == DC_CHECKSUM_GOOD)
      continue;
    if (counter != NULL && dc_rule_counter(input, counter) == DC_MOVED_YES) {
      first = signs[i].cause;
      moved = counter;
    }
  }
  if (first != DC_CAUSE_NONE && ours) {
    dc_ruling_set(ruling, first, DC_CONFIDENCE_LIKELY, "site %s, %s moved", input->function, moved);
  } else {
    /* Most of all it is promiscuous mode; unless the MAC is known to be ours. */
    dc_ruling_set(ruling, ours ? DC_CAUSE_IP_HEADER : DC_CAUSE_OTHER_HOST, DC_CONFIDENCE_POSSIBLE,
                  "site %s; nothing tells its causes apart", input->function);
    dc_ruling_rival(ruling, first);
  }
  dc_ruling_rival(ruling, DC_CAUSE_IP_HEADER);
  if (!v6 && input->view.ip_checksum != DC_CHECKSUM_GOOD)
    dc_ruling_rival(ruling, DC_CAUSE_IP_CHECKSUM);
  dc_ruling_rival(ruling, DC_CAUSE_TRUNCATED);
  dc_ruling_rival(ruling, DC_CAUSE_MEMORY_PRESSURE);
}

/* The header passes all checks and the frame is for this host: what remains is another host's tag, taken off before,
 * and not shown where the link header is not captured. */
static bool rule_hidden_tag(const DcRuleInput *input, DcRuling *ruling)
{
  if (input->tags_shown || !dc_rule_is_for_us(input) || !dc_rule_has_ip(input, 4) ||
      input->view.ip_checksum != DC_CHECKSUM_GOOD || dc_rule_counter(input, "Ip.InDiscards") == DC_MOVED_YES)
    return false;
  dc_ruling_set(
      ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_LIKELY,
      "site %s, a sound header and this host's MAC: a VLAN tag was taken off, which the capture does not show",
      input->function);
  dc_ruling_rival(ruling, DC_CAUSE_MEMORY_PRESSURE);
  return true;
}

static void rule_ip_rcv(const DcRuleInput *input, DcRuling *ruling)
{
  if (!rule_receive_checks(input, ruling) && !rule_hidden_tag(input, ruling))
    rule_by_ip_counters(input, ruling, false);
}

static bool sysctl_on(const DcRuleInput *input, const char *format, bool *ret_known)
{
  int64_t value = 0;
  *ret_known = false;
  if (input->state == NULL)
    return false;
  static const char *const scopes[] = {"all", NULL};
  for (size_t i = 0; i < G_N_ELEMENTS(scopes); i++) {
    const char *scope = scopes[i] != NULL ? scopes[i] : input->device;
    if (scope == NULL)
      continue;
    char name[128];
    /* "net.ipv4.conf.*.rp_filter": the star is the scope */
    const char *star = strchr(format, '*');
    g_snprintf(name, sizeof name, "%.*s%s%s", (int)(star - format), format, scope, star + 1);
    int64_t one;
    if (dc_state_sysctl_number(input->state, name, &one)) {
      *ret_known = scopes[i] == NULL || *ret_known;
      value = MAX(value, one);
    }
  }
  return value > 0;
}

static void rule_ipv6_rcv(const DcRuleInput *input, DcRuling *ruling)
{
  bool known;
  if (sysctl_on(input, "net.ipv6.conf.*.disable_ipv6", &known)) {
    dc_ruling_set(ruling, DC_CAUSE_IPV6_DISABLED, DC_CONFIDENCE_CERTAIN, "site %s, disable_ipv6 is 1", input->function);
    return;
  }
  if (rule_receive_checks(input, ruling) || dc_rule_martian(input, ruling))
    return;
  rule_by_ip_counters(input, ruling, true);
  if (!known)
    dc_ruling_rival(ruling, DC_CAUSE_IPV6_DISABLED);
}

/* --- after PREROUTING: the route --------------------------------------------------------- */

static void rule_ip_rcv_finish(const DcRuleInput *input, DcRuling *ruling)
{
  if (!dc_rule_has_ip(input, 4)) {
    dc_rule_site_only(input, ruling);
    return;
  }
  if (dc_rule_martian(input, ruling))
    return;
  char text[DC_ADDR_TEXT_MAX];
  if (is_multicast(&input->dst)) {
    dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY, "site %s, nobody here joined group %s",
                  input->function, destination_text(input, text));
    dc_ruling_rival(ruling, DC_CAUSE_RP_FILTER);
    return;
  }

  bool known;
  const bool rp_on = sysctl_on(input, "net.ipv4.conf.*.rp_filter", &known);
  const DcMoved rp_moved = dc_rule_counter(input, "TcpExt.IPReversePathFilter");
  /* Where reasons exist the filter has its own: NOT_SPECIFIED says it was something else. */
  const bool rp_possible = !kernel_gives_reasons(input) && rp_moved != DC_MOVED_NO && (rp_on || !known);
  const bool options = (input->view.has & DC_HAS_IP_OPTIONS) != 0;
  bool l2_known;
  const bool l2_drop = sysctl_on(input, "net.ipv4.conf.*.drop_unicast_in_l2_multicast", &l2_known);
  const bool l2_group =
      (input->view.has & DC_HAS_MAC) != 0 && (input->view.dst_mac[0] & 1) != 0 && !is_limited_broadcast(&input->dst);

  if (l2_group && l2_drop && !kernel_gives_reasons(input)) {
    dc_ruling_set(ruling, DC_CAUSE_MARTIAN_DESTINATION, DC_CONFIDENCE_LIKELY,
                  "site %s, unicast address inside a multicast frame", input->function);
    dc_ruling_rival(ruling, rp_possible ? DC_CAUSE_RP_FILTER : DC_CAUSE_NONE);
    return;
  }
  if (rp_possible) {
    const bool proven = rp_moved == DC_MOVED_YES && rp_on && !options;
    const bool signs = rp_moved == DC_MOVED_YES || rp_on;
    dc_ruling_set(ruling, DC_CAUSE_RP_FILTER,
                  proven  ? DC_CONFIDENCE_CERTAIN
                  : signs ? DC_CONFIDENCE_LIKELY
                          : DC_CONFIDENCE_POSSIBLE,
                  "site %s, source %s%s%s", input->function, dc_addr_format(&input->src, text),
                  rp_on ? ", rp_filter is on" : "",
                  rp_moved == DC_MOVED_YES ? ", TcpExt.IPReversePathFilter moved" : "");
    if (!proven) {
      dc_ruling_rival(ruling, options ? DC_CAUSE_IP_HEADER : DC_CAUSE_NONE);
      dc_ruling_rival(ruling, DC_CAUSE_MARTIAN_SOURCE);
      dc_ruling_rival(ruling, l2_group && !l2_known ? DC_CAUSE_MARTIAN_DESTINATION : DC_CAUSE_NONE);
    }
    return;
  }
  if (options) {
    dc_ruling_set(ruling, DC_CAUSE_IP_HEADER, DC_CONFIDENCE_LIKELY, "site %s, the packet has IP options",
                  input->function);
    dc_ruling_rival(ruling, DC_CAUSE_MARTIAN_SOURCE);
    return;
  }
  const DcMoved martian = dc_rule_counter(input, "rt_cache.in_martian_src");
  dc_ruling_set(ruling, DC_CAUSE_MARTIAN_SOURCE,
                martian == DC_MOVED_YES ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE, "site %s, source %s%s",
                input->function, dc_addr_format(&input->src, text),
                martian == DC_MOVED_YES ? ", rt_cache.in_martian_src moved" : "");
  dc_ruling_rival(ruling, DC_CAUSE_NOT_LOCAL);
  dc_ruling_rival(ruling, kernel_gives_reasons(input) ? DC_CAUSE_NONE : DC_CAUSE_RP_FILTER);
}

void dc_rule_not_local(const DcRuleInput *input, DcRuling *ruling)
{
  const bool given = !dc_reason_is_unspecified(input->drop->reason);
  const char *what = given ? "reason" : "site";
  const char *name = given ? input->drop->reason : input->function;
  char text[DC_ADDR_TEXT_MAX];
  if (dc_rule_has_ip(input, 0) && is_multicast(&input->dst)) {
    dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY, "%s %s, nobody here joined group %s", what, name,
                  destination_text(input, text));
    return;
  }
  int64_t forward = 0;
  const char *setting = dc_rule_has_ip(input, 6) ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward";
  const bool forward_known = input->state != NULL && dc_state_sysctl_number(input->state, setting, &forward);
  const bool no_route = !given && dc_rule_counter(input, "IpExt.InNoRoutes") == DC_MOVED_YES &&
                        dc_rule_counter(input, "Ip.InAddrErrors") != DC_MOVED_YES;
  if (no_route) {
    dc_ruling_set(ruling, DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY, "site %s, IpExt.InNoRoutes moved", name);
    dc_ruling_rival(ruling, DC_CAUSE_NOT_LOCAL);
    return;
  }
  if (!dc_rule_has_ip(input, 0)) {
    dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY, "%s %s", what, name);
    dc_ruling_rival(ruling, DC_CAUSE_NO_ROUTE);
    return;
  }
  destination_text(input, text);
  if (input->state != NULL && dc_state_has_addresses(input->state)) {
    if (dc_state_is_local_address(input->state, &input->dst)) {
      /* The address may have come after the drop; or a route refuses it. */
      dc_ruling_set(ruling, DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY, "%s %s although %s is local: a route refuses it",
                    what, name, text);
      dc_ruling_rival(ruling, DC_CAUSE_NOT_LOCAL);
      return;
    }
    if (forward_known && forward != 0) {
      dc_ruling_set(ruling, DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY, "%s %s, %s is not local and forwarding is on",
                    what, name, text);
      dc_ruling_rival(ruling, DC_CAUSE_NOT_LOCAL);
      return;
    }
    dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, forward_known ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY,
                  "%s %s, %s is not local%s", what, name, text, forward_known ? " and forwarding is off" : "");
    if (!forward_known)
      dc_ruling_rival(ruling, DC_CAUSE_NO_ROUTE);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY, "%s %s, destination %s", what, name, text);
  dc_ruling_rival(ruling, DC_CAUSE_NO_ROUTE);
}

/* --- delivery and forwarding ------------------------------------------------------------------ */

static bool always_has_handler(uint8_t protocol)
{
  return protocol == PROTO_ICMP || protocol == PROTO_IGMP || protocol == PROTO_TCP || protocol == PROTO_UDP ||
         protocol == PROTO_ICMP6 || protocol == PROTO_UDPLITE;
}

static void rule_deliver(const DcRuleInput *input, DcRuling *ruling)
{
  if (!dc_rule_has_ip(input, 0)) {
    dc_rule_site_only(input, ruling);
    return;
  }
  char scratch[4];
  const char *name = dc_ip_protocol_name(input->view.flow.protocol, scratch);
  if (always_has_handler(input->view.flow.protocol)) {
    if (input->dst.version == 6 && is_multicast(&input->dst)) {
      dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY, "site %s, multicast group without a member here",
                    input->function);
      dc_ruling_rival(ruling, DC_CAUSE_XFRM_POLICY);
      return;
    }
    dc_ruling_set(ruling, DC_CAUSE_XFRM_POLICY, DC_CONFIDENCE_LIKELY, "site %s, %s always has a handler",
                  input->function, name);
    return;
  }
  const bool policy_kernel = !kernel_gives_reasons(input);
  dc_ruling_set(ruling, DC_CAUSE_NO_L4_PROTOCOL, DC_CONFIDENCE_CERTAIN, "site %s, IP protocol %s", input->function,
                name);
  if (policy_kernel && dc_rule_counter(input, "Ip.InUnknownProtos") == DC_MOVED_NO && input->dst.version == 4) {
    ruling->confidence = DC_CONFIDENCE_LIKELY;
    dc_ruling_rival(ruling, DC_CAUSE_XFRM_POLICY);
  }
}

static void rule_forward(const DcRuleInput *input, DcRuling *ruling)
{
  if (!dc_rule_has_ip(input, 0)) {
    dc_rule_site_only(input, ruling);
    return;
  }
  char text[DC_ADDR_TEXT_MAX];
  int64_t forwarding = 1;
  if (dc_rule_has_ip(input, 6) && input->state != NULL &&
      dc_state_sysctl_number(input->state, "net.ipv6.conf.all.forwarding", &forwarding) && forwarding == 0) {
    dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_CERTAIN, "site %s, %s is not local and forwarding is off",
                  input->function, destination_text(input, text));
    return;
  }
  if (dc_rule_is_other_host(input)) {
    dc_ruling_set(ruling, DC_CAUSE_OTHER_HOST, DC_CONFIDENCE_CERTAIN, "site %s, destination MAC is not this host's",
                  input->function);
    return;
  }
  if (input->view.ttl <= 1) {
    dc_ruling_set(ruling, DC_CAUSE_TTL_EXPIRED, DC_CONFIDENCE_CERTAIN, "site %s, TTL is %u", input->function,
                  input->view.ttl);
    return;
  }
  static const char *const too_big[] = {"Ip.FragFails", "Ip6InTooBigErrors", "Ip6FragFails", NULL};
  const char *moved = dc_rule_first_moved(input, too_big);
  if (moved != NULL || input->view.len > 1514) {
    dc_ruling_set(ruling, DC_CAUSE_TOO_BIG, DC_CONFIDENCE_LIKELY, "site %s, %u bytes%s%s%s", input->function,
                  input->view.len, moved != NULL ? ", " : "", moved != NULL ? moved : "",
                  moved != NULL ? " moved" : "");
    dc_ruling_rival(ruling, DC_CAUSE_XFRM_POLICY);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_XFRM_POLICY, DC_CONFIDENCE_POSSIBLE, "site %s, TTL %u and size are fine",
                input->function, input->view.ttl);
  dc_ruling_rival(ruling, DC_CAUSE_TOO_BIG);
  dc_ruling_rival(ruling, DC_CAUSE_NO_ROUTE);
}

/* --- fragments ---------------------------------------------------------------------------------- */

static void rule_fragment(const DcRuleInput *input, DcRuling *ruling)
{
  const char *timeout = dc_rule_has_ip(input, 6) ? "Ip6ReasmTimeout" : "Ip.ReasmTimeout";
  const bool expired = strstr(input->function, "expire") != NULL;
  if (expired || dc_rule_counter(input, timeout) == DC_MOVED_YES) {
    dc_ruling_set(ruling, DC_CAUSE_FRAGMENT_INCOMPLETE, expired ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY,
                  expired ? "site %s: reassembly timed out" : "site %s, the reassembly timeout counter moved",
                  input->function);
    if (!expired)
      dc_ruling_rival(ruling, DC_CAUSE_FRAGMENT_LIMIT);
    return;
  }
  const bool deferred = input->site != NULL && (input->site->flags & DC_SITE_DEFERRED) != 0;
  dc_ruling_set(ruling, deferred ? DC_CAUSE_FRAGMENT_INCOMPLETE : DC_CAUSE_FRAGMENT_LIMIT, DC_CONFIDENCE_LIKELY,
                "site %s", input->function);
  dc_ruling_rival(ruling, deferred ? DC_CAUSE_FRAGMENT_LIMIT : DC_CAUSE_FRAGMENT_INCOMPLETE);
}

static void rule_mc_input(const DcRuleInput *input, DcRuling *ruling)
{
  char text[DC_ADDR_TEXT_MAX];
  if (dc_rule_has_ip(input, 6) && input->view.flow.protocol == PROTO_ICMP6) {
    dc_ruling_set(ruling, DC_CAUSE_NORMAL_FREE, DC_CONFIDENCE_LIKELY, "site %s: neighbour discovery or MLD",
                  input->function);
    dc_ruling_rival(ruling, DC_CAUSE_NOT_LOCAL);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_CERTAIN, "site %s, nobody here joined group %s",
                input->function, dc_rule_has_ip(input, 6) ? destination_text(input, text) : "(unknown)");
}

bool dc_rule_site_ip(const DcRuleInput *input, DcRuling *ruling)
{
  static const struct {
    const char *function;
    void (*rule)(const DcRuleInput *input, DcRuling *ruling);
  } sites[] = {
      {"ip_rcv", rule_ip_rcv},
      {"ip_rcv_core", rule_ip_rcv},
      {"ipv6_rcv", rule_ipv6_rcv},
      {"ip6_rcv_core", rule_ipv6_rcv},
      {"ip_rcv_finish", rule_ip_rcv_finish},
      {"ip_rcv_finish_core", rule_ip_rcv_finish},
      {"ip_sublist_rcv", rule_ip_rcv_finish},
      {"ip_list_rcv_finish", rule_ip_rcv_finish},
      {"ip_sublist_rcv_finish", rule_ip_rcv_finish},
      {"ip_error", dc_rule_not_local},
      {"ip6_pkt_drop", dc_rule_not_local},
      {"ip_local_deliver_finish", rule_deliver},
      {"ip_protocol_deliver_rcu", rule_deliver},
      {"ip6_input", rule_deliver},
      {"ip6_input_finish", rule_deliver},
      {"ip6_protocol_deliver_rcu", rule_deliver},
      {"ip_forward", rule_forward},
      {"ip6_forward", rule_forward},
      {"ip6_mc_input", rule_mc_input},
      {"nf_hook_slow", dc_rule_netfilter},
      {"nf_hook_slow_list", dc_rule_netfilter},
      {"nft_do_chain", dc_rule_netfilter},
      {"ipt_do_table", dc_rule_netfilter},
      {"ip6t_do_table", dc_rule_netfilter},
      {"ip_expire", rule_fragment},
      {"ip6frag_expire_frag_queue", rule_fragment},
      {"ip6_expire_frag_queue", rule_fragment},
      {"ip6_frag_expire", rule_fragment},
      {"inet_frag_destroy", rule_fragment},
      {"inet_frag_rbtree_purge", rule_fragment},
      {"inet_frag_reasm_prepare", rule_fragment},
      {"inet_frag_queue_insert", rule_fragment},
      {"ip_frag_queue", rule_fragment},
      {"ip_frag_reinit", rule_fragment},
      {"ip6_frag_queue", rule_fragment},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(sites); i++) {
    if (strcmp(sites[i].function, input->function) == 0) {
      sites[i].rule(input, ruling);
      return true;
    }
  }
  return false;
}
