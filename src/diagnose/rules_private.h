/* What the rules share: one drop with everything known about it, and how a ruling is written. */
#pragma once

#include "dropcorr/diagnose/rules.h"
#include "dropcorr/model/site.h"
#include "dropcorr/model/verdict.h"

#include <glib.h>

enum { PROTO_ICMP = 1, PROTO_IGMP = 2, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58, PROTO_UDPLITE = 136 };
enum {
  ETHERTYPE_IPV4 = 0x0800,
  ETHERTYPE_ARP = 0x0806,
  ETHERTYPE_VLAN = 0x8100,
  ETHERTYPE_IPV6 = 0x86dd,
  ETHERTYPE_QINQ = 0x88a8,
  ETHERTYPE_LLC = 0x0004
};

typedef struct {
  const DcDrop *drop;
  const DcPacket *packet; /* NULL: no bytes */
  const DcState *state;   /* NULL: no context */
  const DcSite *site;     /* NULL: unknown function */
  char function[64];      /* without compiler suffixes; empty unknown */
  const char *device;     /* it came in on; NULL unknown */
  DcBrief view;           /* the drop's own bytes, completed from the frame's; has is 0 when nothing is known */
  bool tags_shown;        /* the frame is known with its link header: a VLAN tag would show */
  DcAddr src, dst;        /* version 0 unknown */
  uint16_t ethertype;     /* 0 unknown */
} DcRuleInput;

typedef enum { DC_MOVED_UNKNOWN, DC_MOVED_NO, DC_MOVED_YES } DcMoved;

/* Whether a counter moved around the time of the drop (within the run, when the time is not known). */
DcMoved dc_rule_counter(const DcRuleInput *input, const char *name);
/* The first of several names (ends with NULL) that moved, or NULL. */
const char *dc_rule_first_moved(const DcRuleInput *input, const char *const *names);

void dc_ruling_set(DcRuling *ruling, DcCause cause, DcConfidence confidence, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
void dc_ruling_rival(DcRuling *ruling, DcCause cause); /* once each, never the cause itself */

/* The site alone: its usual causes. */
void dc_rule_site_only(const DcRuleInput *input, DcRuling *ruling);

bool dc_rule_has_ip(const DcRuleInput *input, uint8_t version); /* 0: either */
bool dc_rule_is_other_host(const DcRuleInput *input);           /* unicast MAC that is known to be another's */
bool dc_rule_is_for_us(const DcRuleInput *input);               /* unicast MAC that is known to be this host's */

/* VLAN tag against the devices of this host. */
typedef enum { DC_VLAN_NONE, DC_VLAN_UNKNOWN_HERE, DC_VLAN_MAYBE, DC_VLAN_KNOWN_HERE } DcVlanFit;
DcVlanFit dc_rule_vlan(const DcState *state, const DcBrief *brief);

/* Whether the kernel log got such a line during the run (or, of a log saved once, has one). */
bool dc_rule_kernel_says(const DcState *state, const char *words);

/* The newest port of which the kernel log says that it is flooded, 0 none; and whether it says so of that one. */
uint16_t dc_rule_flooded_port(const DcState *state);
bool dc_rule_is_flooded(const DcState *state, uint16_t port);

/* "65536 of 65536" when connection tracking has no room: false when it has, or nothing tells. */
bool dc_rule_conntrack_is_full(const DcState *state, int64_t *ret_count, int64_t *ret_max);

/* Per area: false when the area has nothing to say about that function. */
bool dc_rule_site_link(const DcRuleInput *input, DcRuling *ruling);
bool dc_rule_site_ip(const DcRuleInput *input, DcRuling *ruling);
bool dc_rule_site_transport(const DcRuleInput *input, DcRuling *ruling);

void dc_rule_reason(const DcRuleInput *input, DcRuling *ruling);
void dc_rule_netfilter(const DcRuleInput *input, DcRuling *ruling); /* a hook said drop */
/* Source and destination that no host accepts: true and a ruling, when the packet has one. */
bool dc_rule_martian(const DcRuleInput *input, DcRuling *ruling);
void dc_rule_not_local(const DcRuleInput *input, DcRuling *ruling); /* IP_INADDRERRORS and ip_error */
void dc_rule_tcp_memory(const DcRuleInput *input, DcRuling *ruling);
