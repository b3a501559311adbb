#include "refusal.h"

#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

/* RFC 792, 1122 and 1812: codes of "destination unreachable". */
enum { ICMP4_UNREACHABLE = 3, ICMP4_TIME_EXCEEDED = 11 };
enum { UNREACH_NET = 0, UNREACH_HOST = 1, UNREACH_PROTOCOL = 2, UNREACH_PORT = 3, UNREACH_FRAG = 4 };
/* RFC 4443: codes of ICMPv6 "destination unreachable". */
enum { ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG = 2, ICMP6_TIME_EXCEEDED = 3, ICMP6_PARAMETER = 4 };
enum { UNREACH6_ROUTE = 0, UNREACH6_ADMIN = 1, UNREACH6_ADDRESS = 3, UNREACH6_PORT = 4 };

static void rule(DcRuling *ruling, DcCause cause, DcConfidence confidence, DcCause rival, const char *why)
{
  memset(ruling, 0, sizeof *ruling);
  ruling->cause = cause;
  ruling->confidence = confidence;
  ruling->rivals[0] = rival;
  g_snprintf(ruling->why, sizeof ruling->why, "%s", why);
}

/* What the listings say of a packet that something rejected. */
static DcRulesetFit find_rule(const DcFrameVerdict *verdict, const DcState *state, DcRulesetAnswer *answer)
{
  const DcRulesetQuery query = {
      .state = state, .brief = &verdict->brief, .from_ns = verdict->time_ns, .to_ns = verdict->time_ns};
  dc_ruleset_search(&query, answer);
  return answer->fit;
}

/* Whether a firewall's rule rejects such a packet: then there is a ruling. */
static DcRulesetFit rule_firewall(const DcFrameVerdict *verdict, const DcState *state, const char *what, DcCause rival,
                                  DcRuling *ruling)
{
  DcRulesetAnswer rules;
  const DcRulesetFit fit = find_rule(verdict, state, &rules);
  if (fit == DC_RULESET_FITS) {
    char why[320];
    g_snprintf(why, sizeof why, "%s; rule %s", what, rules.left == 1 ? rules.listed[0].text : "of several that fit");
    rule(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY, rival, why);
  }
  return fit;
}

static void rule_port(const DcFrameVerdict *verdict, const DcState *state, const char *answer, DcRuling *ruling)
{
  const DcFlowKey *flow = &verdict->brief.flow;
  const bool tcp = flow->protocol == PROTO_TCP;
  const DcSocketKind kind = tcp ? DC_SOCKET_TCP_LISTEN : DC_SOCKET_UDP;
  char why[320];
  if (state == NULL || !dc_state_has_sockets(state, kind)) {
    rule(ruling, DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_LIKELY, DC_CAUSE_NETFILTER_DROP, answer);
    return;
  }
  DcAddr local = {.version = flow->ip_version};
  memcpy(local.bytes, flow->dst, sizeof local.bytes);
  if (dc_state_find_socket(state, kind, &local, flow->dst_port) != NULL) {
    DcRulesetAnswer rules;
    const bool named = find_rule(verdict, state, &rules) == DC_RULESET_FITS && rules.left == 1;
    g_snprintf(why, sizeof why, "%s although a socket takes port %u: a firewall rejects%s%s", answer, flow->dst_port,
               named ? ", rule " : "", named ? rules.listed[0].text : "");
    rule(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY, DC_CAUSE_NO_SOCKET, why);
    return;
  }
  if (dc_state_find_port(state, kind, flow->dst_port) != NULL)
    g_snprintf(why, sizeof why, "%s; port %u is bound on another address only", answer, flow->dst_port);
  else
    g_snprintf(why, sizeof why, "%s; no socket takes port %u", answer, flow->dst_port);
  rule(ruling, DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_CERTAIN, DC_CAUSE_NONE, why);
}

/* Tunnels without ports answer what none of them takes like a closed port: gre_rcv() in net/ipv4/ip_gre.c,
 * tunnel4_rcv() in net/ipv4/tunnel4.c, tunnel6_rcv() in net/ipv6/tunnel6.c. So do firewalls. */
static void rule_tunnel(const DcFrameVerdict *verdict, const DcState *state, const char *answer, DcRuling *ruling)
{
  char why[320];
  switch (rule_firewall(verdict, state, answer, DC_CAUSE_TUNNEL, ruling)) {
  case DC_RULESET_FITS:
    return;
  case DC_RULESET_NONE:
    g_snprintf(why, sizeof why, "%s: no tunnel takes it, and no firewall rule rejects it", answer);
    rule(ruling, DC_CAUSE_TUNNEL, DC_CONFIDENCE_CERTAIN, DC_CAUSE_NONE, why);
    return;
  case DC_RULESET_UNKNOWN:
  case DC_RULESET_MAYBE:
    break;
  }
  g_snprintf(why, sizeof why, "%s: no tunnel takes it", answer);
  rule(ruling, DC_CAUSE_TUNNEL, DC_CONFIDENCE_LIKELY, DC_CAUSE_NETFILTER_DROP, why);
}

/* "Administratively prohibited" in its several codes: a firewall says that, or a route of type prohibit (fib_props,
 * net/ipv4/fib_semantics.c). */
static void rule_prohibited(const DcFrameVerdict *verdict, const DcState *state, const char *what, DcRuling *ruling)
{
  const char *routes = state != NULL ? dc_state_text(state, "route") : NULL;
  const bool by_route =
      routes != NULL && (g_str_has_prefix(routes, "prohibit ") || strstr(routes, "\nprohibit ") != NULL);
  char why[320];
  switch (rule_firewall(verdict, state, what, DC_CAUSE_NO_ROUTE, ruling)) {
  case DC_RULESET_FITS:
    return;
  case DC_RULESET_NONE:
    if (!by_route)
      break;
    g_snprintf(why, sizeof why, "%s; no firewall rule rejects such a packet, and there are routes of type prohibit",
               what);
    rule(ruling, DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY, DC_CAUSE_NETFILTER_DROP, why);
    return;
  case DC_RULESET_UNKNOWN:
  case DC_RULESET_MAYBE:
    break;
  }
  rule(ruling, DC_CAUSE_NETFILTER_DROP, by_route ? DC_CONFIDENCE_POSSIBLE : DC_CONFIDENCE_LIKELY, DC_CAUSE_NO_ROUTE,
       what);
}

static bool is_portless_tunnel(uint8_t protocol)
{
  enum { IPIP = 4, IPV6 = 41, GRE = 47, MPLS = 137 };
  return protocol == IPIP || protocol == IPV6 || protocol == GRE || protocol == MPLS;
}

static void rule_icmp(const DcFrameVerdict *verdict, const DcState *state, DcRuling *ruling)
{
  const bool v6 = verdict->brief.flow.ip_version == 6;
  const uint8_t type = verdict->refused_type, code = verdict->refused_code;
  char why[160];
  g_snprintf(why, sizeof why, "answered by %s type %u code %u", v6 ? "ICMPv6" : "ICMP", type, code);

  if (type == (v6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED)) {
    if (code == 1)
      rule(ruling, DC_CAUSE_FRAGMENT_INCOMPLETE, DC_CONFIDENCE_CERTAIN, DC_CAUSE_NONE, why);
    else
      rule(ruling, DC_CAUSE_TTL_EXPIRED, DC_CONFIDENCE_CERTAIN, DC_CAUSE_NONE, why);
  } else if (v6 && type == ICMP6_TOO_BIG) {
    rule(ruling, DC_CAUSE_TOO_BIG, DC_CONFIDENCE_CERTAIN, DC_CAUSE_NONE, why);
  } else if (v6 && type == ICMP6_PARAMETER) {
    rule(ruling, code == 1 ? DC_CAUSE_NO_L4_PROTOCOL : DC_CAUSE_IP_HEADER, DC_CONFIDENCE_CERTAIN, DC_CAUSE_NONE, why);
  } else if (code == (v6 ? UNREACH6_PORT : UNREACH_PORT)) {
    if (is_portless_tunnel(verdict->brief.flow.protocol))
      rule_tunnel(verdict, state, "answered by port unreachable", ruling);
    else
      rule_port(verdict, state, "answered by port unreachable", ruling);
  } else if (!v6 && code == UNREACH_PROTOCOL) {
    rule(ruling, DC_CAUSE_NO_L4_PROTOCOL, DC_CONFIDENCE_LIKELY, DC_CAUSE_NETFILTER_DROP, why);
  } else if (!v6 && code == UNREACH_FRAG) {
    rule(ruling, DC_CAUSE_TOO_BIG, DC_CONFIDENCE_CERTAIN, DC_CAUSE_NONE, why);
  } else if (v6 ? code == UNREACH6_ROUTE || code == UNREACH6_ADDRESS : code == UNREACH_NET || code == UNREACH_HOST) {
    rule(ruling, DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY, DC_CAUSE_NETFILTER_DROP, why);
  } else {
    rule_prohibited(verdict, state, why, ruling);
  }
}

void dc_rule_refusal(const DcFrameVerdict *verdict, const DcState *state, DcRuling *ret_ruling)
{
  if (verdict->refused_by == DC_REFUSED_ICMP) {
    rule_icmp(verdict, state, ret_ruling);
    return;
  }
  if ((verdict->brief.tcp_flags & (DC_TCP_SYN | DC_TCP_ACK)) == DC_TCP_SYN) {
    rule_port(verdict, state, "answered by RST", ret_ruling);
    return;
  }
  const uint16_t port = verdict->brief.flow.dst_port;
  if (state != NULL && dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN) &&
      dc_state_find_port(state, DC_SOCKET_TCP_LISTEN, port) == NULL) {
    char why[160];
    g_snprintf(why, sizeof why, "a segment answered by RST; no socket takes port %u", port);
    rule(ret_ruling, DC_CAUSE_NO_SOCKET, DC_CONFIDENCE_LIKELY, DC_CAUSE_TCP_STATE, why);
    return;
  }
  rule(ret_ruling, DC_CAUSE_TCP_STATE, DC_CONFIDENCE_LIKELY, DC_CAUSE_NO_SOCKET,
       "a segment of a connection answered by RST: the connection is gone or was aborted");
}
