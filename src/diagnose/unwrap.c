#include "unwrap.h"

#include "rules_private.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/diagnose/ruleset.h"
#include "dropcorr/model/site.h"

enum { PROTO_IPIP = 4, PROTO_6IN4 = 41, PROTO_GRE = 47 };

static bool is_tunnel(const DcPacket *packet)
{
  return packet->ip_protocol == PROTO_IPIP || packet->ip_protocol == PROTO_6IN4 || packet->ip_protocol == PROTO_GRE;
}

static bool has_cause(const DcSite *site, DcCause cause)
{
  for (size_t i = 0; i < G_N_ELEMENTS(site->causes); i++)
    if (site->causes[i] == cause)
      return true;
  return false;
}

static bool a_rule_fits(const DcState *state, const DcPacket *packet, uint32_t len)
{
  DcBrief brief;
  dc_brief_from_packet(&brief, packet, len, DC_DIRECTION_IN);
  const DcRulesetQuery query = {.state = state,
                                .brief = &brief,
                                .dropped = true,
                                .own_bytes = true,
                                .from_ns = DC_TIME_NONE,
                                .to_ns = DC_TIME_NONE};
  DcRulesetAnswer answer;
  dc_ruleset_search(&query, &answer);
  return answer.fit == DC_RULESET_FITS;
}

bool dc_drop_unwrap(const DcDrop *drop, const DcState *state, DcDrop *ret_inner)
{
  const DcSite *site = dc_site_lookup(drop->symbol);
  if (site == NULL || drop->bytes == NULL || (drop->packet.has & DC_HAS_INNER) == 0 || !is_tunnel(&drop->packet))
    return false;
  const bool above = (site->flags & DC_SITE_LAYER4) != 0 && !has_cause(site, DC_CAUSE_TUNNEL);
  const bool firewall = site->causes[0] == DC_CAUSE_NETFILTER_DROP;
  *ret_inner = *drop;
  if ((!above && !firewall) ||
      !dc_decode_inner(&drop->packet, drop->bytes, drop->caplen, drop->orig_len, &ret_inner->packet))
    return false;
  return above ||
         (!a_rule_fits(state, &drop->packet, drop->orig_len) && a_rule_fits(state, &ret_inner->packet, drop->orig_len));
}
