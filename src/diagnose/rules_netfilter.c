/*
 * A netfilter hook said drop: a rule, or connection tracking, which has no reason of its own. Told
 * apart by where it was freed (from 6.8 on nft_do_chain frees itself, so nf_hook_slow is then not
 * an nftables rule), by the rules that are there, and by connection tracking's counters.
 */
#include "rules_private.h"

#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

#define KERNEL_6_8 (UINT32_C(6) << 16 | UINT32_C(8) << 8)

typedef struct {
  bool full, clash; /* counters or log say so */
  bool ruled_out;   /* counters were watched and stand still */
  const char *sign;
} Tracking;

static const char *table_full_line(const DcState *state)
{
  size_t count;
  const char *const *lines = dc_state_kernel_lines(state, &count);
  for (size_t i = 0; i < count; i++)
    if (strstr(lines[i], "table full, dropping packet") != NULL)
      return lines[i];
  return NULL;
}

static void look_at_tracking(const DcRuleInput *input, Tracking *tracking)
{
  memset(tracking, 0, sizeof *tracking);
  if (input->state == NULL)
    return;
  const DcMoved drop = dc_rule_counter(input, "conntrack.drop");
  const DcMoved early = dc_rule_counter(input, "conntrack.early_drop");
  const DcMoved clash = dc_rule_counter(input, "conntrack.insert_failed");
  uint64_t value = 0;
  int64_t count = 0, max = 0;
  if (drop == DC_MOVED_YES) {
    tracking->full = true;
    tracking->sign = "conntrack.drop moved";
  } else if (early == DC_MOVED_YES) {
    tracking->full = true;
    tracking->sign = "conntrack.early_drop moved";
  } else if (drop == DC_MOVED_UNKNOWN && dc_state_counter_value(input->state, "conntrack.drop", &value) && value > 0) {
    /* A single sample: since connection tracking was loaded, perhaps long ago. */
    tracking->full = true;
    tracking->sign = "conntrack.drop is not 0";
  } else if (drop == DC_MOVED_UNKNOWN && table_full_line(input->state) != NULL) {
    tracking->full = true;
    tracking->sign = "the kernel log says 'table full, dropping packet'";
  } else if (drop == DC_MOVED_UNKNOWN &&
             dc_state_sysctl_number(input->state, "net.netfilter.nf_conntrack_count", &count) &&
             dc_state_sysctl_number(input->state, "net.netfilter.nf_conntrack_max", &max) && max > 0 && count >= max) {
    tracking->full = true;
    tracking->sign = "nf_conntrack_count has reached nf_conntrack_max";
  }
  if (clash == DC_MOVED_YES) {
    tracking->clash = true;
    if (tracking->sign == NULL)
      tracking->sign = "conntrack.insert_failed moved";
  }
  tracking->ruled_out = drop == DC_MOVED_NO && clash == DC_MOVED_NO;
}

/* Connection tracking refuses only what would need a new entry. */
static bool could_start_entry(const DcRuleInput *input)
{
  if ((input->view.has & DC_HAS_TCP) == 0)
    return true;
  return (input->view.tcp_flags & (DC_TCP_SYN | DC_TCP_ACK)) != DC_TCP_ACK;
}

/* nft_do_chain() frees what a rule of nftables drops, ipt_do_table() and its like what one of xtables does. */
static void look_at_rules(const DcRuleInput *input, DcRulesetAnswer *rules)
{
  const bool own_bytes = (input->drop->packet.has & DC_HAS_IP) != 0;
  const DcFirewall firewall = strcmp(input->function, "nft_do_chain") == 0     ? DC_FIREWALL_NFT
                              : g_str_has_suffix(input->function, "_do_table") ? DC_FIREWALL_XTABLES
                                                                               : DC_FIREWALL_ANY;
  const int64_t time_ns = input->drop->time_ns;
  const DcRulesetQuery query = {.state = input->state,
                                .brief = &input->view,
                                .device = input->device,
                                .firewall = firewall,
                                .dropped = true,
                                .own_bytes = own_bytes,
                                .from_ns = time_ns != DC_TIME_NONE ? time_ns - input->drop->precision_ns : time_ns,
                                .to_ns = time_ns};
  dc_ruleset_search(&query, rules);
}

/* Of several the finding lists the rest. */
static void say_rule(const DcRulesetAnswer *rules, char text[static DC_RULE_TEXT_MAX + 32])
{
  text[0] = '\0';
  if (rules->left == 1)
    g_snprintf(text, DC_RULE_TEXT_MAX + 32, "%srule %s", rules->fit == DC_RULESET_FITS ? "" : "perhaps ",
               rules->listed[0].text);
  else if (rules->left > 1)
    g_snprintf(text, DC_RULE_TEXT_MAX + 32, "one of %u rules that fit", rules->left);
}

void dc_rule_netfilter(const DcRuleInput *input, DcRuling *ruling)
{
  const bool given = !dc_reason_is_unspecified(input->drop->reason);
  const char *name = given ? input->drop->reason : input->function;
  const char *what = given ? "reason" : "site";
  const bool rule_frees =
      strcmp(input->function, "nft_do_chain") == 0 || g_str_has_suffix(input->function, "_do_table");
  DcRulesetAnswer rules;
  char rule[DC_RULE_TEXT_MAX + 32];
  look_at_rules(input, &rules);
  say_rule(&rules, rule);
  if (rule_frees) {
    const bool show = rules.left > 0;
    dc_ruling_set(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_CERTAIN, "%s %s%s%s%s", what, name,
                  given ? " in a rule or policy" : "", show ? "; " : "", rule);
    return;
  }

  Tracking tracking;
  look_at_tracking(input, &tracking);
  const uint32_t version = input->state != NULL ? dc_state_kernel_version(input->state) : 0;
  const bool iptables_only = version >= KERNEL_6_8 && input->state != NULL &&
                             dc_state_text(input->state, "iptables-save") == NULL &&
                             dc_state_text(input->state, "ip6tables-save") == NULL;
  const bool tracks = (tracking.full || tracking.clash) && could_start_entry(input);

  if (rules.fit == DC_RULESET_FITS && !iptables_only) {
    dc_ruling_set(ruling, DC_CAUSE_NETFILTER_DROP, tracks ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_CERTAIN, "%s %s; %s",
                  what, name, rule);
    if (tracks)
      dc_ruling_rival(ruling, tracking.full ? DC_CAUSE_CONNTRACK_FULL : DC_CAUSE_CONNTRACK_CLASH);
    return;
  }
  if (tracks) {
    const bool sure = (rules.fit == DC_RULESET_NONE || (iptables_only && rules.fit != DC_RULESET_UNKNOWN)) &&
                      tracking.full != tracking.clash && strstr(tracking.sign, "moved") != NULL;
    dc_ruling_set(ruling, tracking.full ? DC_CAUSE_CONNTRACK_FULL : DC_CAUSE_CONNTRACK_CLASH,
                  sure ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "%s %s, %s%s", what, name, tracking.sign,
                  rules.fit == DC_RULESET_NONE ? ", and no rule drops such a packet" : "");
    if (!sure) {
      dc_ruling_rival(ruling, DC_CAUSE_NETFILTER_DROP);
      dc_ruling_rival(ruling, tracking.clash ? DC_CAUSE_CONNTRACK_CLASH : DC_CAUSE_NONE);
    }
    return;
  }
  const bool alone = tracking.ruled_out || !could_start_entry(input);
  const char *more = "";
  switch (rules.fit) {
  case DC_RULESET_MAYBE:
    more = rule;
    break;
  case DC_RULESET_NONE:
    more = "no rule in the listing drops such a packet";
    break;
  case DC_RULESET_UNKNOWN:
  case DC_RULESET_FITS:
    break;
  }
  dc_ruling_set(ruling, DC_CAUSE_NETFILTER_DROP,
                alone && rules.fit != DC_RULESET_NONE ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY, "%s %s%s%s", what,
                name, *more != '\0' ? "; " : "", more);
  if (!alone) {
    dc_ruling_rival(ruling, DC_CAUSE_CONNTRACK_FULL);
    dc_ruling_rival(ruling, DC_CAUSE_CONNTRACK_CLASH);
  }
}
