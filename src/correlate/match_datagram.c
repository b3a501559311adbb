#include "match_datagram.h"

#include <string.h>

void dc_match_set_dropped(DcFrameVerdict *verdict, const DcDrop *drop, DcMatch match, uint32_t candidates)
{
  verdict->fate = DC_FATE_DROPPED;
  verdict->match = (uint8_t)match;
  verdict->candidates = candidates;
  verdict->drop = drop->number;
  verdict->delay_ns = drop->time_ns - verdict->time_ns;
  verdict->fragment_incomplete = false;
}

typedef struct {
  DcCorrelator *self;
  const DcDrop *drop;
  DcMatch match;
  DcFrameVerdict first;
  uint32_t taken;
  bool has_ports;
  uint16_t src_port, dst_port;
} FragmentTake;

static void take_fragment(DcFrameVerdict *verdict, void *data)
{
  FragmentTake *take = data;
  dc_match_set_dropped(verdict, take->drop, take->match, 1);
  /* All of them are one service's loss, though only the first has its ports. */
  if (take->has_ports) {
    verdict->brief.flow.src_port = take->src_port;
    verdict->brief.flow.dst_port = take->dst_port;
  }
  dc_correlator_give_frame(take->self, verdict, take->drop);
  if (take->taken++ == 0)
    take->first = *verdict;
}

/* The drop is all the datagram's fragments'. */
uint32_t dc_match_take_datagram(DcCorrelator *self, const DcDrop *drop, const DcDatagramKey *key, DcMatch match,
                                DcFrameVerdict *ret_first)
{
  FragmentTake take = {.self = self, .drop = drop, .match = match};
  take.has_ports = dc_fragments_ports(self->fragments, key, &take.src_port, &take.dst_port);
  uint64_t positions[DC_FRAGMENT_PIECES_MAX];
  size_t count = dc_fragments_positions(self->fragments, key, positions, G_N_ELEMENTS(positions));
  for (size_t i = 0; i < count; i++) {
    DcSlot *slot = dc_window_at(self->window, positions[i]);
    if (slot == NULL || (slot->flags & (DC_SLOT_JOINED | DC_SLOT_DECIDED)) != 0)
      continue;
    slot->flags |= DC_SLOT_JOINED | DC_SLOT_DECIDED;
    DcFrameVerdict verdict;
    dc_correlator_start_verdict(self, slot, &verdict);
    take_fragment(&verdict, &take);
  }
  dc_fragments_take(self->fragments, key, take_fragment, &take);
  dc_fragments_note_dropped(self->fragments, key);
  *ret_first = take.first;
  return take.taken;
}

static bool was_given_up(const DcDrop *drop, const DcSite *site)
{
  return (site != NULL && (site->flags & DC_SITE_DEFERRED) != 0) ||
         (drop->reason != NULL && strcmp(drop->reason, "FRAG_REASM_TIMEOUT") == 0);
}

/* Where whole datagrams are seen, though fragments came in. A rule may as well have taken one fragment: then the others
 * wait for it in vain, and the datagram is lost by that rule all the same. */
static bool sees_datagrams(const DcDrop *drop, const DcSite *site)
{
  return dc_match_is_for_a_socket(drop) || (site != NULL && site->causes[0] == DC_CAUSE_NETFILTER_DROP) ||
         (drop->reason != NULL && strcmp(drop->reason, "NETFILTER_DROP") == 0);
}

/* Whether a drop without bytes, joined to a fragment, is the whole datagram's: the packet that is freed is the fragment
 * that came last, which completed it. */
bool dc_match_is_of_datagram(DcCorrelator *self, const DcDrop *drop, const DcSite *site, const DcJoin *join,
                             const DcBrief *brief, DcDatagramKey *ret_key)
{
  if (drop->caplen > 0 || (join->slot->flags & DC_SLOT_FRAGMENT) == 0 || join->match == DC_MATCH_POSSIBLE ||
      !sees_datagrams(drop, site))
    return false;
  dc_datagram_key_of_frame(ret_key, &brief->flow, join->slot->ip_id);
  return dc_fragments_state(self->fragments, ret_key) == DC_DATAGRAM_WHOLE &&
         dc_fragments_is_last(self->fragments, ret_key, join->position);
}

/* The datagram that was put together, or given up, of which the dropped packet is one. */
bool dc_match_find_datagram(DcCorrelator *self, const DcDrop *drop, const DcSite *site, int64_t after_ns,
                            DcDatagramKey *ret_key)
{
  if (drop->caplen == 0)
    return drop->rx_time_ns != 0 && was_given_up(drop, site) && dc_match_received_fragment(self, drop, ret_key) &&
           dc_fragments_state(self->fragments, ret_key) != DC_DATAGRAM_WHOLE;
  if ((drop->packet.has & DC_HAS_IP) == 0)
    return false;
  dc_datagram_key(ret_key, &drop->packet);
  /* Given up although it was complete: then it is another one, of which these are no part. */
  if ((drop->packet.has & DC_HAS_FRAGMENT) != 0)
    return dc_fragments_state(self->fragments, ret_key) != DC_DATAGRAM_WHOLE;
  return dc_fragments_find_whole(self->fragments, &drop->packet, drop->time_ns - drop->precision_ns - after_ns,
                                 drop->time_ns + self->options.window_before_ns, DC_MATCH_BATCH_NS, ret_key);
}
