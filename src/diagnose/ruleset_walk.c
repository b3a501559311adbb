/*
 * One packet's way through the chains, as nft_do_chain() and ipt_do_table() go it, with conditions that may be open.
 * Open conditions split the way: what follows is gone through as well, and what is found there is less than sure.
 */
#include "ruleset_private.h"

#include "dropcorr/decode/packet.h"

#include <string.h>

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };

#define DEPTH_MAX 17           /* NFT_JUMP_STACK_SIZE is 16 */
#define RULES_PER_WALK 200000u /* chains that jump to chains that jump: the ways multiply */

typedef enum { ENDED_NOT, ENDED_ACCEPTED, ENDED_DROPPED } Ended;

typedef struct {
  const DcRuleset *ruleset;
  const DcRulesetQuery *query;
  const DcBrief *brief;
  uint64_t *tries, limit;
  bool sure;      /* nothing open has accepted it so far */
  bool rewritten; /* its destination may be another one by now */
  DcRuleCandidates *found;
} Walk;

/* --- one value -------------------------------------------------------------------------- */

static DcFits from_bool(bool fits)
{
  return fits ? DC_FITS_YES : DC_FITS_NO;
}

static DcFits in_range(const uint8_t *have, const DcRuleValue *value)
{
  return from_bool(memcmp(have, value->low, sizeof value->low) >= 0 &&
                   memcmp(have, value->high, sizeof value->high) <= 0);
}

static DcFits try_device(const Walk *walk, const char *pattern)
{
  const char *device = walk->query->device;
  const size_t len = strlen(pattern);
  if (device == NULL)
    return DC_FITS_OPEN;
  /* What was captured with its tag comes in on the VLAN's device: "eth0.5". */
  if (walk->brief->vlan_count > 0 && strcmp(device, pattern) != 0)
    return DC_FITS_OPEN;
  if (len > 0 && strchr("*+", pattern[len - 1]) != NULL)
    return from_bool(strncmp(device, pattern, len - 1) == 0);
  return from_bool(strcmp(device, pattern) == 0);
}

/* What conntrack may call this packet's connection: nf_conntrack_in(), net/netfilter/nf_conntrack_core.c. A SYN opens
 * one, unless a former one of the same ports is not over. */
static uint32_t possible_states(const Walk *walk)
{
  const DcBrief *brief = walk->brief;
  uint32_t states = DC_CT_NEW | DC_CT_ESTABLISHED;
  const bool damaged = brief->l4_checksum == DC_CHECKSUM_BAD;
  if ((brief->has & (uint32_t)(DC_HAS_TCP | DC_HAS_TCP_FLAGS)) != 0) {
    const unsigned flags = brief->tcp_flags & (unsigned)(DC_TCP_SYN | DC_TCP_ACK | DC_TCP_RST | DC_TCP_FIN);
    states = flags == DC_TCP_SYN ? DC_CT_NEW : DC_CT_NEW | DC_CT_ESTABLISHED | DC_CT_INVALID;
  } else if ((brief->has & DC_HAS_ICMP) != 0 || (brief->has & DC_HAS_PORTS) == 0) {
    states |= DC_CT_RELATED | DC_CT_INVALID;
  } else {
    states |= DC_CT_RELATED;
  }
  if (damaged)
    states |= DC_CT_INVALID;
  if (walk->ruleset->notrack)
    states |= DC_CT_UNTRACKED;
  return states;
}

static DcFits try_ct_state(const Walk *walk, uint32_t states)
{
  const uint32_t possible = possible_states(walk);
  if ((possible & states) == 0)
    return DC_FITS_NO;
  return (possible & ~states) == 0 ? DC_FITS_YES : DC_FITS_OPEN;
}

static DcFits try_tcp_flags(const DcBrief *brief, const DcRuleValue *value)
{
  if ((brief->has & (uint32_t)(DC_HAS_TCP | DC_HAS_TCP_FLAGS)) == 0)
    return DC_FITS_OPEN;
  if (value->any) /* any of them */
    return from_bool((brief->tcp_flags & value->to) != 0);
  return from_bool((brief->tcp_flags & value->from) == value->to);
}

/* Ports are behind the first fragment, and connection tracking puts datagrams together before the rules see them. */
static DcFits try_port(const DcBrief *brief, uint16_t port, const DcRuleValue *value)
{
  if ((brief->has & DC_HAS_PORTS) == 0)
    return (brief->has & DC_HAS_FRAGMENT) != 0 ? DC_FITS_OPEN : DC_FITS_NO;
  return from_bool(port >= value->from && port <= value->to);
}

static DcFits try_part(const Walk *walk, DcRuleField field, const DcRuleValue *value)
{
  const DcBrief *brief = walk->brief;
  const DcFlowKey *flow = &brief->flow;
  if (value->open || field == DC_RULE_FIELD_OTHER)
    return DC_FITS_OPEN;
  if (field == DC_RULE_FIELD_TCP_FLAGS)
    return try_tcp_flags(brief, value);
  if (value->any)
    return DC_FITS_YES;
  switch (field) {
  case DC_RULE_FIELD_VERSION:
    return from_bool(value->from == flow->ip_version);
  case DC_RULE_FIELD_PROTOCOL:
    return from_bool(value->from == flow->protocol);
  case DC_RULE_FIELD_SADDR:
    return value->version == flow->ip_version ? in_range(flow->src, value) : DC_FITS_NO;
  case DC_RULE_FIELD_DADDR:
    if (value->version != flow->ip_version)
      return DC_FITS_NO;
    return walk->rewritten ? DC_FITS_OPEN : in_range(flow->dst, value);
  case DC_RULE_FIELD_SPORT:
    return try_port(brief, flow->src_port, value);
  case DC_RULE_FIELD_DPORT:
    return walk->rewritten ? DC_FITS_OPEN : try_port(brief, flow->dst_port, value);
  case DC_RULE_FIELD_DEVICE:
    return try_device(walk, value->device);
  case DC_RULE_FIELD_ICMP_TYPE:
    if ((brief->has & DC_HAS_ICMP) == 0)
      return from_bool(false);
    return from_bool(brief->icmp_type == (flow->ip_version == 6 ? value->to : value->from));
  case DC_RULE_FIELD_CT_STATE:
    return try_ct_state(walk, value->to);
  case DC_RULE_FIELD_SMAC:
    if ((brief->has & (uint32_t)(DC_HAS_MAC | DC_HAS_SRC_MAC)) == 0)
      return DC_FITS_OPEN;
    return from_bool(memcmp(brief->src_mac, value->low, sizeof brief->src_mac) == 0);
  case DC_RULE_FIELD_TCP_FLAGS:
  case DC_RULE_FIELD_OTHER:
    break;
  }
  return DC_FITS_OPEN;
}

/* --- one rule ----------------------------------------------------------------------------- */

static bool needs_ip(DcRuleField field)
{
  return field != DC_RULE_FIELD_OTHER && field != DC_RULE_FIELD_DEVICE && field != DC_RULE_FIELD_SMAC &&
         field != DC_RULE_FIELD_VERSION;
}

/* No bytes, no telling; but what is known to be no IP packet has no ports. */
static bool is_unknown(const DcBrief *brief)
{
  return (brief->has & DC_HAS_IP) == 0 &&
         ((brief->has & DC_HAS_ETHERTYPE) == 0 || brief->flow.ethertype == ETHERTYPE_IPV4 ||
          brief->flow.ethertype == ETHERTYPE_IPV6);
}

static DcFits try_condition(const Walk *walk, const DcRuleCondition *condition)
{
  const GArray *values = condition->of_set ? walk->ruleset->set_values : walk->ruleset->values;
  for (uint32_t field = 0; field < condition->field_count; field++) {
    if (condition->fields[field] == DC_RULE_FIELD_OTHER)
      return DC_FITS_OPEN;
    if ((walk->brief->has & DC_HAS_IP) == 0 && needs_ip(condition->fields[field]))
      return is_unknown(walk->brief) ? DC_FITS_OPEN : DC_FITS_NO;
    if (condition->fields[field] == DC_RULE_FIELD_VERSION && is_unknown(walk->brief))
      return DC_FITS_OPEN;
  }
  DcFits fits = DC_FITS_NO;
  *walk->tries += condition->count / 16; /* of long sets */
  for (guint i = 0; i < condition->count && fits != DC_FITS_YES; i++) {
    DcFits whole = DC_FITS_YES;
    for (uint32_t field = 0; field < condition->field_count; field++) {
      const guint at = condition->first + i * condition->field_count + field;
      const DcFits part = try_part(walk, condition->fields[field], &g_array_index(values, DcRuleValue, at));
      whole = MIN(whole, part);
    }
    fits = MAX(fits, whole);
  }
  if (condition->negated && fits != DC_FITS_OPEN)
    fits = fits == DC_FITS_YES ? DC_FITS_NO : DC_FITS_YES;
  return condition->changes ? DC_FITS_OPEN : fits;
}

static DcFits try_rule(const Walk *walk, const DcRule *rule, const char **ret_open)
{
  const GArray *conditions = walk->ruleset->conditions;
  DcFits fits = DC_FITS_YES;
  const guint count = rule->count + (rule->key != DC_RULE_NONE);
  ++*walk->tries;
  for (guint i = 0; i < count && fits != DC_FITS_NO; i++) {
    const guint at = i < rule->count ? rule->first + i : rule->key;
    const DcRuleCondition *condition = &g_array_index(conditions, DcRuleCondition, at);
    const DcFits one = try_condition(walk, condition);
    if (one == DC_FITS_OPEN && fits == DC_FITS_YES)
      *ret_open = condition->name;
    fits = MIN(fits, one);
  }
  return fits;
}

/* --- chains --------------------------------------------------------------------------------- */

static void take_candidate(Walk *walk, guint rule, const char *open)
{
  DcRuleCandidates *found = walk->found;
  const bool fits = open == NULL, sure = fits && walk->sure;
  for (uint32_t i = 0; i < found->count; i++) {
    if (found->list[i].rule != rule) /* two ways lead to it */
      continue;
    found->list[i].fits = found->list[i].fits || fits;
    found->list[i].sure = found->list[i].sure || sure;
    return;
  }
  if (found->count == DC_RULE_CANDIDATES) {
    found->more = true;
    return;
  }
  found->list[found->count++] = (DcRuleCandidate){.rule = rule, .fits = fits, .sure = sure, .open = open};
}

/* What may have accepted it leaves what follows in doubt, unless it is known to have been dropped. */
static void may_be_gone(Walk *walk)
{
  if (!walk->query->dropped)
    walk->sure = false;
}

static bool is_given_up(const Walk *walk)
{
  return walk->found->cut || *walk->tries >= walk->limit;
}

/* way: what could not be told of the jumps to here; NULL: nothing. */
static Ended walk_chain(Walk *walk, guint chain_id, const char *way, unsigned depth)
{
  const DcRuleset *ruleset = walk->ruleset;
  if (depth > DEPTH_MAX)
    return ENDED_NOT;
  const DcRuleChain *chain = &g_array_index(ruleset->chains, DcRuleChain, chain_id);
  for (guint id = chain->first; id != DC_RULE_NONE; id = g_array_index(ruleset->rules, DcRule, id).next) {
    if (is_given_up(walk)) {
      walk->found->cut = true;
      return ENDED_NOT;
    }
    const DcRule *rule = &g_array_index(ruleset->rules, DcRule, id);
    const char *open = NULL;
    const DcFits fits = try_rule(walk, rule, &open);
    if (fits == DC_FITS_NO)
      continue;
    const bool here = fits == DC_FITS_YES;
    const char *told = way != NULL ? way : open;
    Ended ended;
    switch (rule->verdict) {
    case DC_VERDICT_NEXT:
      break;
    case DC_VERDICT_TRANSLATE:
      walk->rewritten = walk->rewritten || !walk->query->own_bytes;
      if (here)
        return ENDED_ACCEPTED;
      break;
    case DC_VERDICT_ACCEPT:
      if (here)
        return ENDED_ACCEPTED;
      may_be_gone(walk);
      break;
    case DC_VERDICT_DROP:
      take_candidate(walk, id, told);
      if (here)
        return ENDED_DROPPED;
      break;
    case DC_VERDICT_RETURN:
      if (here)
        return ENDED_NOT;
      may_be_gone(walk);
      break;
    case DC_VERDICT_JUMP:
    case DC_VERDICT_GOTO:
      ended = walk_chain(walk, rule->target, told, depth + 1);
      if (here && (ended != ENDED_NOT || rule->verdict == DC_VERDICT_GOTO))
        return ended;
      if (ended == ENDED_ACCEPTED || rule->verdict == DC_VERDICT_GOTO)
        may_be_gone(walk);
      break;
    }
  }
  return ENDED_NOT;
}

static bool has_word(const char *list, const char *word)
{
  g_auto(GStrv) words = g_strsplit_set(list, " ,{}\"", -1);
  return g_strv_contains((const char *const *)words, word);
}

static bool is_multicast(const DcFlowKey *flow)
{
  return flow->ip_version == 6 ? flow->dst[0] == 0xff : flow->dst[0] >= 224 && flow->dst[0] < 240;
}

/* Whether a packet comes to that hook: to this host's own addresses by way of input, to all others of forward. */
static bool comes_to(const Walk *walk, const DcRuleChain *chain)
{
  const DcBrief *brief = walk->brief;
  const DcState *state = walk->query->state;
  if (chain->devices != NULL && walk->query->device != NULL && !has_word(chain->devices, walk->query->device))
    return false;
  if (chain->link_layer)
    return true;
  if (!is_unknown(brief) && (brief->has & DC_HAS_IP) == 0)
    return false;
  if (chain->version != 0 && brief->flow.ip_version != 0 && chain->version != brief->flow.ip_version)
    return false;
  if ((chain->hook != DC_HOOK_INPUT && chain->hook != DC_HOOK_FORWARD) || (brief->has & DC_HAS_IP) == 0 ||
      walk->rewritten || !dc_state_has_addresses(state))
    return true;
  DcAddr dst = {.version = brief->flow.ip_version};
  memcpy(dst.bytes, brief->flow.dst, sizeof dst.bytes);
  const bool local = is_multicast(&brief->flow) || dc_state_is_local_address(state, &dst) ||
                     dc_state_is_broadcast_address(state, &dst);
  return local == (chain->hook == DC_HOOK_INPUT);
}

void dc_ruleset_walk(const DcRuleset *ruleset, const DcRulesetQuery *query, uint64_t *tries, uint64_t limit,
                     DcRuleCandidates *ret_candidates)
{
  Walk walk = {.ruleset = ruleset,
               .query = query,
               .brief = query->brief,
               .tries = tries,
               .limit = MIN(limit, *tries + RULES_PER_WALK),
               .sure = true,
               .found = ret_candidates};
  memset(ret_candidates, 0, sizeof *ret_candidates);
  for (guint i = 0; i < ruleset->order->len; i++) {
    const guint id = g_array_index(ruleset->order, guint, i);
    const DcRuleChain *chain = &g_array_index(ruleset->chains, DcRuleChain, id);
    if ((query->firewall == DC_FIREWALL_NFT && !chain->nft) || (query->firewall == DC_FIREWALL_XTABLES && chain->nft) ||
        (query->firewall == DC_FIREWALL_BRIDGE && !chain->link_layer) || !comes_to(&walk, chain))
      continue;
    Ended ended = walk_chain(&walk, id, NULL, 0);
    if (ended == ENDED_NOT && chain->policy != DC_RULE_NONE && !is_given_up(&walk)) {
      take_candidate(&walk, chain->policy, NULL);
      ended = ENDED_DROPPED;
    }
    if (ended == ENDED_DROPPED || walk.found->cut)
      return;
  }
}
