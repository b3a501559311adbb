/*
 * Which firewall rule could have dropped a packet, from the listings of nft and
 * iptables-save in the state. Not an emulation: rules are read for conditions on addresses,
 * ports, protocol and interface; what a rule demands beyond these is left open, and order
 * is not followed.
 */
#pragma once

#include "dropcorr/model/state.h"
#include "dropcorr/model/verdict.h"

typedef enum {
  DC_RULESET_UNKNOWN, /* no listing, or too large to search */
  DC_RULESET_NONE,    /* no rule or policy on the way in drops such a packet */
  DC_RULESET_MAYBE,   /* one could: it has conditions that the packet alone does not settle */
  DC_RULESET_FITS     /* one does: every condition of it fits */
} DcRulesetFit;

#define DC_RULE_TEXT_MAX 160

typedef struct {
  DcRulesetFit fit;
  char rule[DC_RULE_TEXT_MAX]; /* "inet f in: tcp dport 8089 drop"; empty when there is none */
  uint32_t dropping;           /* rules and policies on the way in that drop or reject anything */
} DcRulesetAnswer;

/* brief may be NULL: then only `dropping` is counted and fit is MAYBE or NONE. device: in-device or NULL. */
void dc_ruleset_search(const DcState *state, const DcBrief *brief, const char *device, DcRulesetAnswer *ret_answer);
