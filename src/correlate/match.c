/*
 * Which frame a drop was: byte equality first, then the transport's own identity, then
 * time and device. docs/correlation.md tells the grades; each is decided here and nowhere else.
 */
#include "aside.h"
#include "correlator_state.h"
#include "frame_key.h"
#include "match_datagram.h"

#include "dropcorr/model/site.h"

#include <string.h>

static bool in_time(const DcCorrelator *self, const DcSlot *slot, const DcDrop *drop, int64_t after_ns)
{
  return slot->time_ns <= drop->time_ns + self->options.window_before_ns &&
         slot->time_ns >= drop->time_ns - drop->precision_ns - after_ns;
}

/* Whoever sent the one sent the other: addresses and bytes may be alike in several namespaces, which the drops do not
 * name, and a forwarded packet's next sender is this host. A capture of all devices knows the sender's address only. */
static bool same_sender(const DcBrief *brief, const DcPacket *packet)
{
  return (brief->has & packet->has & DC_HAS_SRC_MAC) == 0 ||
         memcmp(brief->src_mac, packet->src_mac, sizeof packet->src_mac) == 0;
}

/* A bonding device or a bridge may give the frame its own address on the way. */
static bool same_receiver(const DcBrief *brief, const DcPacket *packet)
{
  return (brief->has & packet->has & DC_HAS_MAC) == 0 ||
         memcmp(brief->dst_mac, packet->dst_mac, sizeof packet->dst_mac) == 0;
}

/* The nearest earlier frame with these very bytes; a later one (clock jitter) only if there is none. */
static DcJoin join_chain(DcCorrelator *self, const DcDrop *drop, const DcNormal *normal, DcChain chain, uint64_t hash,
                         int64_t after_ns)
{
  DcJoin best = {NULL, 0, DC_MATCH_NONE, 0};
  const bool inner = chain == DC_CHAIN_INNER;
  const uint64_t headers = dc_key_of_headers(normal);
  bool receiver = true;
  uint64_t position = 0;
  uint32_t looked_at = 0;
  for (DcSlot *slot = dc_window_find(self->window, chain, hash, &position); slot != NULL;
       slot = dc_window_find_older(self->window, chain, hash, &position)) {
    self->stats.join_steps++;
    if (slot->time_ns < drop->time_ns - drop->precision_ns - after_ns || ++looked_at > DC_MATCH_SCAN_MAX)
      break;
    if (best.slot != NULL && best.slot->time_ns <= drop->time_ns &&
        best.slot->time_ns - slot->time_ns > DC_MATCH_BATCH_NS)
      break;
    if (!in_time(self, slot, drop, after_ns) || !dc_window_same_bytes(self->window, slot, inner, normal, headers))
      continue;
    DcBrief brief;
    dc_window_brief(self->window, slot, &brief);
    if (!inner && !same_sender(&brief, &drop->packet))
      continue;
    if (best.slot == NULL || best.slot->time_ns > drop->time_ns) {
      best = (DcJoin){slot, position, DC_MATCH_EXACT, 1};
      receiver = inner || same_receiver(&brief, &drop->packet);
      continue;
    }
    if (slot->direction != best.slot->direction)
      break;
    if (++best.candidates == DC_MATCH_CANDIDATES_MAX)
      break;
  }
  if (best.slot != NULL && (best.candidates > 1 || !receiver))
    best.match = DC_MATCH_STRONG;
  return best;
}

/* As whole packets, then by what a cut capture or a cut drop leaves of them. */
static DcJoin join_exact(DcCorrelator *self, const DcDrop *drop, const DcNormal *normal, uint64_t hash, bool complete,
                         int64_t after_ns)
{
  static const DcChain chains[] = {DC_CHAIN_EXACT, DC_CHAIN_INNER};
  DcJoin join = {NULL, 0, DC_MATCH_NONE, 0};
  for (size_t i = 0; i < G_N_ELEMENTS(chains) && join.slot == NULL; i++)
    join = join_chain(self, drop, normal, chains[i], hash, after_ns);
  if (join.slot != NULL)
    return join;
  if (complete && self->cut_frames) {
    for (size_t i = 0; i < G_N_ELEMENTS(chains) && join.slot == NULL; i++)
      join = join_chain(self, drop, normal, chains[i], dc_key_of_headers(normal), after_ns);
  }
  /* Cut within its headers a frame has no key but this one; all bytes there are must be equal here, too. */
  if (join.slot == NULL && (!complete || self->cut_frames) && dc_key_has_loose(&drop->packet))
    join = join_chain(self, drop, normal, DC_CHAIN_LOOSE, dc_key_loose(&drop->packet), after_ns);
  return join;
}

static bool same_endpoint(const uint8_t *a, uint16_t a_port, const DcAddr *b, uint16_t b_port)
{
  return a_port == b_port && memcmp(a, b->bytes, sizeof b->bytes) == 0;
}

/* The chain's hash says so already, but it is short. */
static bool same_segment(const DcBrief *brief, const DcPacket *packet)
{
  return (packet->has & DC_HAS_TCP) == 0 || (brief->tcp_seq == packet->tcp_seq && brief->tcp_ack == packet->tcp_ack &&
                                             brief->tcp_flags == packet->tcp_flags);
}

/* Equal headers, and yet other bytes behind them: another packet, whatever else they share. */
static bool is_another(const DcCorrelator *self, const DcSlot *slot, const DcNormal *normal, uint64_t headers)
{
  return normal != NULL && dc_window_same_headers(self->window, slot, false, normal, headers) &&
         !dc_window_same_bytes(self->window, slot, false, normal, headers);
}

/* Same TCP segment or datagram by its own identity; NAT may have rewritten one endpoint. normal: NULL where the drop's
 * headers are not whole. */
static DcJoin join_strong(DcCorrelator *self, const DcDrop *drop, const DcNormal *normal, int64_t after_ns)
{
  DcJoin best = {NULL, 0, DC_MATCH_NONE, 0};
  const DcPacket *packet = &drop->packet;
  if (!dc_key_has_loose(packet))
    return best;
  const uint64_t hash = dc_key_loose(packet);
  const uint64_t headers = normal != NULL ? dc_key_of_headers(normal) : 0;
  uint64_t position = 0;
  uint32_t looked_at = 0;
  bool best_is_full = false;
  for (DcSlot *slot = dc_window_find(self->window, DC_CHAIN_LOOSE, hash, &position); slot != NULL;
       slot = dc_window_find_older(self->window, DC_CHAIN_LOOSE, hash, &position)) {
    self->stats.join_steps++;
    if (slot->time_ns < drop->time_ns - drop->precision_ns - after_ns || ++looked_at > DC_MATCH_CANDIDATES_MAX)
      break;
    if (!in_time(self, slot, drop, after_ns) || slot->protocol != packet->ip_protocol)
      continue;
    DcBrief brief;
    dc_window_brief(self->window, slot, &brief);
    const DcFlowKey *flow = &brief.flow;
    if (flow->ip_version != packet->src.version || !same_sender(&brief, packet) || !same_segment(&brief, packet))
      continue;
    /* A retransmission has another identification, a rewritten packet its own still. */
    if (slot->ip_id != 0 && packet->ip_id != 0 && slot->ip_id != packet->ip_id)
      continue;
    bool src = same_endpoint(flow->src, flow->src_port, &packet->src, packet->src_port);
    bool dst = same_endpoint(flow->dst, flow->dst_port, &packet->dst, packet->dst_port);
    /* One endpoint is enough only where the rest identifies the packet by itself. */
    bool identified = (packet->has & DC_HAS_TCP) != 0 || packet->ip_id != 0;
    if ((!(src && dst) && !((src || dst) && identified)) || is_another(self, slot, normal, headers))
      continue;
    bool full = src && dst;
    if (best.slot == NULL || (full && !best_is_full)) {
      best = (DcJoin){slot, position, DC_MATCH_STRONG, 1};
      best_is_full = full;
    } else if (full == best_is_full && best.slot->time_ns - slot->time_ns <= DC_MATCH_BATCH_NS) {
      best.candidates++;
    }
  }
  if (best.candidates > 1 || looked_at > DC_MATCH_CANDIDATES_MAX)
    best.match = DC_MATCH_POSSIBLE;
  return best;
}

/* --- a drop's verdict ------------------------------------------------------------------ */

static DcUnmatchedWhy why_unmatched(const DcCorrelator *self, const DcDrop *drop)
{
  if (drop->kind == DC_DROP_NETDM_SUMMARY)
    return DC_UNMATCHED_SUMMARY;
  if (drop->time_ns == DC_TIME_NONE)
    return DC_UNMATCHED_NO_KEY;
  if (self->first_frame_ns == DC_TIME_NONE || drop->time_ns < self->first_frame_ns - self->options.window_before_ns ||
      drop->time_ns - drop->precision_ns > self->last_frame_ns + self->options.window_after_ns)
    return DC_UNMATCHED_BEFORE_CAPTURE;
  if (drop->in_ifindex != 0 && self->ifindexes->len > 0) {
    bool captured = false;
    for (guint i = 0; i < self->ifindexes->len; i++)
      captured |= g_array_index(self->ifindexes, uint32_t, i) == drop->in_ifindex;
    if (!captured)
      return DC_UNMATCHED_OTHER_INTERFACE;
  }
  return DC_UNMATCHED_NO_FRAME;
}

/* The rx_handler of a bridge takes all that its ports get: a packet further up with such an in-port is in another
 * namespace, where that number means another device. Rules of the bridge itself see the port. */
static bool is_behind_bridge(const DcCorrelator *self, const DcDrop *drop, const DcSite *site)
{
  return drop->in_ifindex != 0 && site != NULL && (site->flags & (DC_SITE_LAYER3 | DC_SITE_LAYER4)) != 0 &&
         site->causes[0] != DC_CAUSE_NETFILTER_DROP &&
         g_hash_table_contains(self->bridge_ports, GUINT_TO_POINTER(drop->in_ifindex));
}

/* Where a packet ends that nobody wants. */
static bool is_unwanted(const DcDrop *drop, const DcSite *site)
{
  static const DcCause causes[] = {DC_CAUSE_NO_SOCKET, DC_CAUSE_NOT_LOCAL, DC_CAUSE_MARTIAN_DESTINATION};
  if (drop->reason != NULL && strcmp(drop->reason, "NO_SOCKET") == 0)
    return true;
  if (!dc_reason_is_unspecified(drop->reason) || site == NULL)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(site->causes); i++) {
    for (size_t j = 0; j < G_N_ELEMENTS(causes); j++) {
      if (site->causes[i] == causes[j])
        return true;
    }
  }
  return false;
}

/* A frame for a group is copied to every namespace behind a bridge or a macvlan: that one of them does not want it says
 * nothing of the others. */
static bool may_be_anothers_copy(const DcCorrelator *self, const DcDrop *drop, const DcSite *site, const DcBrief *brief)
{
  const bool group = (brief->has & DC_HAS_MAC) != 0 && (brief->dst_mac[0] & 1) != 0;
  return group && is_unwanted(drop, site) &&
         (self->other_namespaces || why_unmatched(self, drop) == DC_UNMATCHED_OTHER_INTERFACE);
}

/* Neither a place, nor a reason from a kernel that has reasons for most losses: as well a packet freed after use. */
static bool says_nothing(const DcDrop *drop)
{
  return drop->symbol == NULL && drop->reason != NULL && dc_reason_is_unspecified(drop->reason);
}

/* A packet that no host takes, whatever its drop says. */
static bool is_broken(const DcBrief *brief)
{
  const bool martian = brief->flow.ip_version == 4 &&
                       (brief->flow.src[0] == 127 || brief->flow.src[0] == 0 || brief->flow.src[0] >= 224);
  return martian || brief->ip_checksum == DC_CHECKSUM_BAD || brief->l4_checksum == DC_CHECKSUM_BAD;
}

static bool is_outbound(const DcJoin *join)
{
  return join->slot != NULL && join->slot->direction == DC_DIRECTION_OUT;
}

static bool puts_together(const DcSite *site)
{
  for (size_t i = 0; i < G_N_ELEMENTS(site->causes) && (site->flags & DC_SITE_DEFERRED) == 0; i++) {
    if (site->causes[i] == DC_CAUSE_FRAGMENT_LIMIT)
      return true;
  }
  return false;
}

/* TCP_INVALID_SEQUENCE is given on either side of the window; below it lie copies of segments that had arrived, and
 * keepalive and window probes. A fragment that came twice is given back by where it is put together. */
static bool had_arrived(DcCorrelator *self, const DcDrop *drop, const DcSite *site, const DcJoin *join)
{
  if ((join->slot->flags & DC_SLOT_FRAGMENT) != 0) {
    if (!dc_reason_is_unspecified(drop->reason) || site == NULL || !puts_together(site))
      return false;
    /* Without bytes it is one of two that are alike: nothing is missing, whichever of them was given back. */
    if (drop->caplen == 0)
      return dc_fragments_was_copied(self->fragments, join->position);
    if (join->match < DC_MATCH_STRONG || !dc_fragments_has_copy(self->fragments, &drop->packet, join->position))
      return false;
    DcDatagramKey key;
    dc_datagram_key(&key, &drop->packet);
    dc_fragments_lose(self->fragments, &key, join->position);
    return true;
  }
  return drop->reason != NULL && strcmp(drop->reason, "TCP_INVALID_SEQUENCE") == 0 &&
         dc_answer_had_arrived(self, join->slot);
}

/* The frame of a drop, by its bytes or by time; by time it may turn out to be no loss: status. */
static DcJoin find_frame(DcCorrelator *self, const DcDrop *drop, int64_t after_ns, DcDropVerdict *verdict,
                         uint64_t *ret_hash)
{
  DcJoin join = {NULL, 0, DC_MATCH_NONE, 0};
  if (drop->caplen > 0) {
    DcNormal normal;
    const bool whole = dc_normalise(&drop->packet, drop->bytes, drop->caplen, drop->orig_len, &normal) && normal.whole;
    if (whole) {
      const bool complete = dc_key_exact(&drop->packet, &normal, ret_hash);
      join = join_exact(self, drop, &normal, *ret_hash, complete, after_ns);
    }
    if (join.slot == NULL && (*ret_hash == 0 || !dc_window_was_joined(self->window, *ret_hash)))
      join = join_strong(self, drop, whole ? &normal : NULL, after_ns);
    return join;
  }
  if (verdict->status != DC_DROP_STATUS_UNMATCHED)
    return join;
  join = dc_match_by_time(self, drop);
  if (join.slot == NULL)
    return join;
  DcBrief brief;
  dc_window_brief(self->window, join.slot, &brief);
  if (says_nothing(drop) && !is_broken(&brief))
    join.match = DC_MATCH_POSSIBLE;
  if (!is_outbound(&join) && drop->packet.has == 0) {
    DcAsideWhy aside = DC_ASIDE_NONE;
    verdict->status = (uint8_t)dc_aside_classify_joined(drop, &brief, &aside);
    verdict->aside_why = (uint8_t)aside;
  }
  return join;
}

static void give_noise(DcCorrelator *self, DcDropVerdict *verdict, const DcJoin *join)
{
  if (join->slot != NULL) {
    verdict->frame = join->slot->number;
    verdict->match = (uint8_t)join->match;
    verdict->delay_ns = verdict->drop->time_ns - join->slot->time_ns;
    DcSlotNote *note = dc_window_make_note(self->window, join->slot);
    join->slot->flags |= DC_SLOT_CONSUMED;
    note->consumed_by = verdict->drop->number;
    note->consumed_delay_ns = verdict->delay_ns;
  }
  dc_correlator_give_drop(self, verdict, NULL);
}

/* All fragments of a datagram; false: none is left to be given to this drop. */
static bool give_datagram(DcCorrelator *self, DcDropVerdict *verdict, const DcDatagramKey *key, DcMatch match)
{
  DcFrameVerdict first;
  const uint32_t fragments = dc_match_take_datagram(self, verdict->drop, key, match, &first);
  if (fragments == 0)
    return false;
  verdict->status = DC_DROP_STATUS_MATCHED;
  verdict->match = (uint8_t)match;
  verdict->frame = first.frame;
  verdict->frames = fragments;
  verdict->delay_ns = first.delay_ns;
  dc_correlator_give_drop(self, verdict, &first);
  return true;
}

static void give_frame(DcCorrelator *self, DcDropVerdict *verdict, const DcJoin *join, const DcBrief *brief,
                       uint64_t hash)
{
  const DcDrop *drop = verdict->drop;
  verdict->status = DC_DROP_STATUS_MATCHED;
  verdict->match = (uint8_t)join->match;
  verdict->frames = join->candidates;
  /* n frames for m drops: a frame nobody owed an answer may well have been delivered, so only
   * the drop says that it is one of them. */
  bool open_question = join->match == DC_MATCH_POSSIBLE && (join->slot->flags & DC_SLOT_SYN) == 0;
  if (open_question || (join->slot->flags & DC_SLOT_DECIDED) != 0) {
    dc_correlator_give_drop(self, verdict, NULL);
    return;
  }
  verdict->frame = join->slot->number;
  verdict->delay_ns = drop->time_ns - join->slot->time_ns;
  join->slot->flags |= DC_SLOT_JOINED | DC_SLOT_DECIDED;
  if ((join->slot->flags & DC_SLOT_FRAGMENT) != 0) {
    DcDatagramKey key;
    dc_datagram_key_of_frame(&key, &brief->flow, join->slot->ip_id);
    dc_fragments_lose(self->fragments, &key, join->position);
  }
  if (hash != 0)
    dc_window_note_joined(self->window, hash);
  DcFrameVerdict frame;
  dc_correlator_start_verdict(self, join->slot, &frame);
  dc_match_set_dropped(&frame, drop, join->match, join->candidates);
  const DcSlotNote *note = dc_window_note(self->window, join->slot);
  frame.answer_ns = note != NULL ? note->answer_ns : -1;
  if ((join->slot->flags & DC_SLOT_SYN) != 0)
    dc_answer_syn_decided(self, join->slot, DC_FATE_DROPPED);
  dc_correlator_give_frame(self, &frame, drop);
  dc_correlator_give_drop(self, verdict, &frame);
}

void dc_match_drop(DcCorrelator *self, const DcDrop *drop)
{
  DcAsideWhy aside = DC_ASIDE_NONE;
  DcDropStatus status = dc_aside_classify(drop, self->directions, &aside);
  DcDropVerdict verdict = {.drop = drop, .status = (uint8_t)status, .aside_why = (uint8_t)aside};
  const DcSite *site = dc_site_lookup(drop->symbol);
  const int64_t after_ns =
      site != NULL && (site->flags & DC_SITE_DEFERRED) != 0 ? self->options.fragment_ns : self->options.window_after_ns;
  if (status == DC_DROP_STATUS_SELF || status == DC_DROP_STATUS_OUTBOUND) {
    self->other_namespaces |= aside == DC_ASIDE_OWN_SOURCE && site != NULL && drop->in_ifindex != 0 &&
                              (site->flags & (DC_SITE_LAYER3 | DC_SITE_LAYER4)) != 0 &&
                              (site->flags & (DC_SITE_TRANSMIT | DC_SITE_TEARDOWN)) == 0;
    dc_correlator_give_drop(self, &verdict, NULL);
    return;
  }
  if (status == DC_DROP_STATUS_UNMATCHED && is_behind_bridge(self, drop, site)) {
    verdict.unmatched_why = DC_UNMATCHED_OTHER_INTERFACE;
    dc_correlator_give_drop(self, &verdict, NULL);
    return;
  }
  uint64_t hash = 0;
  DcJoin join = {NULL, 0, DC_MATCH_NONE, 0};
  const bool timed = drop->time_ns != DC_TIME_NONE && drop->kind != DC_DROP_NETDM_SUMMARY;
  if (timed)
    join = find_frame(self, drop, after_ns, &verdict, &hash);
  if (is_outbound(&join)) {
    verdict.status = DC_DROP_STATUS_OUTBOUND;
    verdict.aside_why = DC_ASIDE_OUTBOUND_FRAME;
    verdict.frame = join.slot->number;
    dc_correlator_give_drop(self, &verdict, NULL);
    return;
  }
  if (verdict.status == DC_DROP_STATUS_UNMATCHED && join.slot != NULL && had_arrived(self, drop, site, &join)) {
    verdict.status = DC_DROP_STATUS_NOISE;
    verdict.aside_why = DC_ASIDE_HAD_ARRIVED;
  }
  if (verdict.status == DC_DROP_STATUS_NOISE) {
    give_noise(self, &verdict, &join);
    return;
  }

  DcDatagramKey key;
  if (join.slot == NULL) {
    const bool datagram = timed && dc_match_find_datagram(self, drop, site, after_ns, &key);
    const bool told = datagram && dc_fragments_was_dropped(self->fragments, &key);
    if (datagram && !told && give_datagram(self, &verdict, &key, drop->caplen > 0 ? DC_MATCH_STRONG : DC_MATCH_LIKELY))
      return;
    const bool used = told || (hash != 0 && dc_window_was_joined(self->window, hash));
    verdict.unmatched_why = used ? DC_UNMATCHED_ALREADY_USED : (uint8_t)why_unmatched(self, drop);
    dc_correlator_give_drop(self, &verdict, NULL);
    return;
  }
  DcBrief brief;
  dc_window_brief(self->window, join.slot, &brief);
  if (may_be_anothers_copy(self, drop, site, &brief))
    join.match = DC_MATCH_POSSIBLE;
  if (dc_match_is_of_datagram(self, drop, site, &join, &brief, &key) && give_datagram(self, &verdict, &key, join.match))
    return;
  give_frame(self, &verdict, &join, &brief, hash);
}
