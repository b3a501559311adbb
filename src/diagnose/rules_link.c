/* Sites between the wire and the IP layer, without a reason. */
#include "rules_private.h"

#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

static bool is_usual_ethertype(uint16_t ethertype)
{
  return ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6 || ethertype == ETHERTYPE_ARP;
}

typedef enum { TC_NOT_KNOWN, TC_NO_INGRESS, TC_INGRESS_THERE, TC_INGRESS_DROPS } TcIngress;

/* "tc -s qdisc show", "tc -s filter show dev X ingress": what is there, and whether an action dropped. */
static TcIngress tc_ingress(const DcState *state)
{
  const char *text = state != NULL ? dc_state_text(state, "tc") : NULL;
  if (text == NULL)
    return TC_NOT_KNOWN;
  if (strstr(text, "ingress") == NULL && strstr(text, "clsact") == NULL && strstr(text, "filter parent ffff:") == NULL)
    return TC_NO_INGRESS;
  if (strstr(text, "action drop") != NULL)
    return TC_INGRESS_DROPS;
  for (const char *at = strstr(text, "(dropped "); at != NULL; at = strstr(at + 1, "(dropped "))
    if (at[strlen("(dropped ")] >= '1' && at[strlen("(dropped ")] <= '9')
      return TC_INGRESS_DROPS;
  return TC_INGRESS_THERE;
}

/*
 * __netif_receive_skb_core() frees for: a tc ingress verdict (inlined sch_handle_ingress), a packet of emergency
 * memory, and at its end a protocol nobody takes. IP and ARP always have a handler.
 */
static void rule_receive(const DcRuleInput *input, DcRuling *ruling)
{
  const TcIngress tc = tc_ingress(input->state);
  const bool listed = input->state != NULL && dc_state_has_handlers(input->state);
  const uint16_t type = input->ethertype;
  const bool memory_moved = dc_rule_counter(input, "TcpExt.PFMemallocDrop") == DC_MOVED_YES;

  if (type == 0) {
    dc_rule_site_only(input, ruling);
    return;
  }
  if (is_usual_ethertype(type) || (listed && dc_state_handler(input->state, type) != NULL)) {
    if (memory_moved && tc != TC_INGRESS_DROPS) {
      dc_ruling_set(ruling, DC_CAUSE_MEMORY_PRESSURE, DC_CONFIDENCE_LIKELY,
                    "site %s, 0x%04x has a handler, TcpExt.PFMemallocDrop moved", input->function, type);
      dc_ruling_rival(ruling, DC_CAUSE_TC_INGRESS);
      return;
    }
    const char *more = "";
    DcConfidence confidence = DC_CONFIDENCE_LIKELY;
    switch (tc) {
    case TC_NOT_KNOWN:
      break;
    case TC_NO_INGRESS:
      more = "; but no ingress qdisc in the tc listing";
      confidence = DC_CONFIDENCE_POSSIBLE;
      break;
    case TC_INGRESS_THERE:
      more = ", an ingress qdisc is there";
      break;
    case TC_INGRESS_DROPS:
      more = ", an ingress filter drops";
      confidence = DC_CONFIDENCE_CERTAIN;
      break;
    }
    dc_ruling_set(ruling, DC_CAUSE_TC_INGRESS, confidence, "site %s, 0x%04x has a handler%s", input->function, type,
                  more);
    if (confidence != DC_CONFIDENCE_CERTAIN) {
      dc_ruling_rival(ruling, DC_CAUSE_MEMORY_PRESSURE);
      if (input->view.vlan_count > 0)
        dc_ruling_rival(ruling, DC_CAUSE_VLAN_UNKNOWN);
    }
    return;
  }
  if (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ) {
    dc_ruling_set(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_LIKELY, "site %s, a VLAN tag is left on the packet",
                  input->function);
    dc_ruling_rival(ruling, DC_CAUSE_NO_PROTOCOL_HANDLER);
    return;
  }
  const bool rival = tc == TC_INGRESS_DROPS || tc == TC_INGRESS_THERE;
  dc_ruling_set(ruling, DC_CAUSE_NO_PROTOCOL_HANDLER, listed && !rival ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY,
                "site %s, ethertype 0x%04x %s", input->function, type,
                listed ? "has no handler in ptype" : "usually has no handler");
  if (rival || !listed)
    dc_ruling_rival(ruling, DC_CAUSE_TC_INGRESS);
}

static void rule_llc(const DcRuleInput *input, DcRuling *ruling)
{
  if (dc_rule_is_other_host(input)) {
    dc_ruling_set(ruling, DC_CAUSE_OTHER_HOST, DC_CONFIDENCE_CERTAIN,
                  "site llc_rcv, destination MAC is not this host's");
    return;
  }
  if ((input->view.has & DC_HAS_LLC) != 0)
    dc_ruling_set(ruling, DC_CAUSE_LLC_UNKNOWN_SAP, DC_CONFIDENCE_LIKELY, "site llc_rcv, DSAP 0x%02x",
                  input->view.llc_dsap);
  else
    dc_ruling_set(ruling, DC_CAUSE_LLC_UNKNOWN_SAP, DC_CONFIDENCE_LIKELY, "site llc_rcv");
  dc_ruling_rival(ruling, DC_CAUSE_TRUNCATED);
  if (!dc_rule_is_for_us(input))
    dc_ruling_rival(ruling, DC_CAUSE_OTHER_HOST);
}

static void rule_arp(const DcRuleInput *input, DcRuling *ruling)
{
  if (dc_rule_is_other_host(input)) {
    dc_ruling_set(ruling, DC_CAUSE_OTHER_HOST, DC_CONFIDENCE_CERTAIN, "site %s, destination MAC is not this host's",
                  input->function);
    return;
  }
  if (input->packet != NULL && input->packet->status == DC_DECODE_MALFORMED) {
    dc_ruling_set(ruling, DC_CAUSE_NEIGHBOUR, DC_CONFIDENCE_CERTAIN, "site %s, malformed ARP", input->function);
    return;
  }
  dc_ruling_set(ruling, DC_CAUSE_NEIGHBOUR, DC_CONFIDENCE_POSSIBLE, "site %s", input->function);
  dc_ruling_rival(ruling, DC_CAUSE_TRUNCATED);
  if (strcmp(input->function, "arp_rcv") == 0 && !dc_rule_is_for_us(input))
    dc_ruling_rival(ruling, DC_CAUSE_OTHER_HOST);
}

static void rule_backlog(const DcRuleInput *input, DcRuling *ruling)
{
  static const char *const counters[] = {"softnet.dropped", "softnet.flow_limit", NULL};
  const char *moved = dc_rule_first_moved(input, counters);
  const bool itself = strcmp(input->function, "enqueue_to_backlog") == 0;
  dc_ruling_set(ruling, DC_CAUSE_CPU_BACKLOG, itself || moved != NULL ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY,
                "site %s%s%s%s", input->function, moved != NULL ? ", " : "", moved != NULL ? moved : "",
                moved != NULL ? " moved" : "");
  if (ruling->confidence != DC_CONFIDENCE_CERTAIN)
    dc_ruling_rival(ruling, DC_CAUSE_XDP);
}

/* Before 6.8 what a rule of the bridge's own hooks drops is freed here as well. */
static void rule_bridge(const DcRuleInput *input, DcRuling *ruling)
{
  dc_rule_site_only(input, ruling);
  const int64_t time_ns = input->drop->time_ns;
  const DcRulesetQuery query = {.state = input->state,
                                .brief = &input->view,
                                .device = input->device,
                                .firewall = DC_FIREWALL_BRIDGE,
                                .from_ns = time_ns,
                                .to_ns = time_ns};
  DcRulesetAnswer answer;
  dc_ruleset_search(&query, &answer);
  if (answer.fit == DC_RULESET_FITS) {
    dc_ruling_set(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY, "site %s; rule %s", input->function,
                  answer.left == 1 ? answer.listed[0].text : "of the bridge's, one of several");
    dc_ruling_rival(ruling, DC_CAUSE_BRIDGE_PORT);
  } else if (answer.fit == DC_RULESET_MAYBE) {
    dc_ruling_rival(ruling, DC_CAUSE_NETFILTER_DROP);
  }
}

bool dc_rule_site_link(const DcRuleInput *input, DcRuling *ruling)
{
  static const struct {
    const char *function;
    void (*rule)(const DcRuleInput *input, DcRuling *ruling);
  } sites[] = {
      {"__netif_receive_skb_core", rule_receive},
      {"__netif_receive_skb_one_core", rule_receive},
      {"__netif_receive_skb", rule_receive},
      {"__netif_receive_skb_list_core", rule_receive},
      {"netif_receive_skb_internal", rule_receive},
      {"netif_receive_skb", rule_receive},
      {"netif_receive_skb_list_internal", rule_receive},
      {"process_backlog", rule_receive},
      {"llc_rcv", rule_llc},
      {"arp_rcv", rule_arp},
      {"arp_process", rule_arp},
      {"br_handle_frame", rule_bridge},
      {"br_handle_frame_finish", rule_bridge},
      {"enqueue_to_backlog", rule_backlog},
      {"netif_rx", rule_backlog},
      {"netif_rx_internal", rule_backlog},
      {"netif_rx_ni", rule_backlog},
      {"__netif_rx", rule_backlog},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(sites); i++) {
    if (strcmp(sites[i].function, input->function) == 0) {
      sites[i].rule(input, ruling);
      return true;
    }
  }
  return false;
}
