/*
 * Which firewall rule dropped a packet, or would drop it: the listings of nft and iptables-save in the
 * state, walked as the kernel walks them (hooks, priorities, jumps, sets, verdict maps, policies), for
 * what a packet's bytes can tell. A condition that they cannot settle (a limit, a mark, a connection's state)
 * is left open: such a rule may fit, and the answer says what could not be told.
 *
 * Rules that count are narrowed by their counters: one that stood still did not drop anything.
 */
#pragma once

#include "dropcorr/model/state.h"
#include "dropcorr/model/verdict.h"

typedef enum {
  DC_RULESET_UNKNOWN, /* no listing, or too large to search */
  DC_RULESET_NONE,    /* no rule or policy on the way in drops such a packet */
  DC_RULESET_MAYBE,   /* one could: it has conditions that the packet alone does not settle */
  DC_RULESET_FITS     /* one does: every condition of it fits, or it alone is left and has counted */
} DcRulesetFit;

typedef enum { DC_FIREWALL_ANY, DC_FIREWALL_NFT, DC_FIREWALL_XTABLES, DC_FIREWALL_BRIDGE } DcFirewall;

typedef struct {
  const DcState *state;   /* may be NULL */
  const DcBrief *brief;   /* the packet */
  const char *device;     /* it came in on; NULL unknown */
  DcFirewall firewall;    /* whose rules come into question */
  bool dropped;           /* by some rule it was: what would have accepted it before did not */
  bool own_bytes;         /* the packet as it was when it was dropped, after address translation; else as it came in */
  int64_t from_ns, to_ns; /* between which counters must have moved; DC_TIME_NONE: the run */
} DcRulesetQuery;

#define DC_RULE_TEXT_MAX 192
#define DC_RULESET_LISTED 4

typedef struct {
  char text[DC_RULE_TEXT_MAX]; /* "inet f in handle 4: tcp dport 8089 drop" */
  char open[32];               /* what of it could not be told: "limit"; empty when all of it fits */
  uint64_t counted;            /* packets in that time, by its counter; 0 when it has none or it is not known */
} DcRulesetRule;

typedef struct {
  DcRulesetFit fit;
  uint32_t left;                           /* rules that may have dropped it */
  DcRulesetRule listed[DC_RULESET_LISTED]; /* the first of them, in the order they are asked */
  uint32_t stood_still;                    /* more that fit, but whose counters did not move */
} DcRulesetAnswer;

void dc_ruleset_search(const DcRulesetQuery *query, DcRulesetAnswer *ret_answer);

/* Rules and policies on the way in that drop or reject; false without a listing. */
bool dc_ruleset_dropping(const DcState *state, uint32_t *ret_dropping);

/* Each rule on the way in that only drops or rejects, and has a counter of its own behind all its conditions. */
void dc_ruleset_each_counting(const DcState *state, void (*visit)(const char *counter, const char *rule, void *data),
                              void *data);
