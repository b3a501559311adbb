#include "match_time.h"

#include <stdlib.h>
#include <string.h>

/* Without bytes only a frame just before the drop can be meant: p99 is 10 us on bare metal,
 * 2.5 ms in an emulated machine. */
#define NEAR_NS (10 * DC_NS_PER_MS)
/* The tracepoint net:netif_receive_skb fires just before the tap, which stamps the frame then or has found a stamp
 * from the backlog's entry: either is within a few microseconds of its trace event. Frames so much farther
 * than the nearest are not meant. */
#define RECEIVE_NS (200 * DC_NS_PER_US)
/* A clock that was fitted, and a machine that is emulated, are not that exact. */
#define RECEIVE_FITTED_NS DC_NS_PER_MS
#define RECEIVE_CLEAR_NS (2 * DC_NS_PER_US)
/* Two receptions so close are not told apart by clocks that were fitted. */
#define PASSED_CLEAR_NS (50 * DC_NS_PER_US)
#define ALIKE_SCAN_MAX 256

/* The nearest frame is mostly within the first of these: a flood's other frames are not looked at for it. */
static const int64_t receive_steps[] = {10 * DC_NS_PER_US, RECEIVE_NS, RECEIVE_FITTED_NS};

/* Frames are stamped before they can be dropped; processors' clocks and a fitted one differ by so much. */
#define LATER_NS (100 * DC_NS_PER_US)
#define USUAL_WINDOW_NS DC_NS_PER_MS

/* What sites free: by the names of functions. No protocol given: all of them. */
typedef struct {
  const char *prefix;
  uint8_t protocols[2];
} SiteProtocols;

static const SiteProtocols *site_protocols(const DcDrop *drop)
{
  static const SiteProtocols sites[] = {
      {"tcp_", {6, 6}},  {"udp", {17, 136}}, {"__udp", {17, 136}},
      {"icmp_", {1, 1}}, {"ping_", {1, 1}},  {"icmpv6_", {58, 58}},
  };
  for (size_t i = 0; drop->symbol != NULL && i < G_N_ELEMENTS(sites); i++) {
    if (g_str_has_prefix(drop->symbol, sites[i].prefix))
      return &sites[i];
  }
  return NULL;
}

static bool site_allows(const SiteProtocols *site, const DcSlot *slot)
{
  const uint8_t protocol = slot->protocol;
  return site == NULL || protocol == site->protocols[0] || protocol == site->protocols[1];
}

bool dc_match_is_for_a_socket(const DcDrop *drop)
{
  static const char *const reasons[] = {"NO_SOCKET", "SOCKET_", "TCP_", "UDP_"};
  for (size_t i = 0; drop->reason != NULL && i < G_N_ELEMENTS(reasons); i++) {
    if (g_str_has_prefix(drop->reason, reasons[i]))
      return true;
  }
  return site_protocols(drop) != NULL;
}

static bool tuple_allows(const DcDrop *drop, const DcBrief *brief)
{
  const DcPacket *packet = &drop->packet;
  const DcFlowKey *flow = &brief->flow;
  if ((packet->has & DC_HAS_IP) != 0 &&
      (memcmp(flow->src, packet->src.bytes, sizeof flow->src) != 0 ||
       memcmp(flow->dst, packet->dst.bytes, sizeof flow->dst) != 0 || flow->ip_version != packet->src.version))
    return false;
  if ((packet->has & DC_HAS_PORTS) != 0 && (flow->src_port != packet->src_port || flow->dst_port != packet->dst_port))
    return false;
  if ((packet->has & DC_HAS_TCP) != 0 && packet->tcp_seq != 0 && brief->tcp_seq != packet->tcp_seq)
    return false;
  return true;
}

/* How far the frame's stamp is from the reception of the drop's packet. */
static int64_t receive_distance(const DcDrop *drop, const DcSlot *slot)
{
  int64_t distance = llabs(slot->time_ns - drop->rx_time_ns);
  if (drop->rx_wait_ns > 0)
    distance = MIN(distance, llabs(slot->time_ns - (drop->rx_time_ns - drop->rx_wait_ns)));
  return distance;
}

/* How far the frame is from the nearest other packet of that length that came in. */
static int64_t rival_distance(const DcDrop *drop, const DcSlot *slot)
{
  const int64_t stamp_ns = drop->rx_time_ns - drop->rx_wait_ns;
  int64_t distance = INT64_MAX;
  if (drop->rx_before_ns > 0)
    distance = llabs(slot->time_ns - (stamp_ns - drop->rx_before_ns));
  if (drop->rx_after_ns > 0)
    distance = MIN(distance, llabs(slot->time_ns - (stamp_ns + drop->rx_after_ns)));
  return distance;
}

/* So much nearer to another packet's reception: the frame is that packet. */
static bool is_anothers(const DcDrop *drop, const DcSlot *slot, int64_t distance)
{
  const int64_t rival = rival_distance(drop, slot);
  return rival < distance && 4 * rival + RECEIVE_CLEAR_NS < distance;
}

/* The reception's length is without link header; the frame's is with it: none, Ethernet, with one tag or two, or a
 * cooked header of either version. */
static bool length_allows(const DcDrop *drop, const DcBrief *brief)
{
  static const uint32_t headers[] = {0, 14, 16, 18, 20, 22};
  for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
    if (drop->rx_len + headers[i] == brief->len)
      return true;
  }
  return drop->rx_len == 0;
}

/* The dropped packet's own length: with an Ethernet header, without the tags that the kernel has taken off, or without
 * any header. IP has cut off the padding of the smallest frames. */
static bool own_length_allows(const DcDrop *drop, const DcBrief *brief)
{
  enum { PADDED_MAX = 64 };
  static const uint32_t more[] = {0, 2, 4, 6, 8, 14, 16, 18, 20, 22};
  for (size_t i = 0; i < G_N_ELEMENTS(more); i++) {
    if (drop->orig_len + more[i] == brief->len)
      return true;
  }
  return drop->orig_len == 0 || (brief->len <= PADDED_MAX && drop->orig_len < brief->len);
}

/* Drops still waiting that nothing tells apart from this one, this one included. */
static uint32_t drops_alike(DcCorrelator *self, const DcDrop *drop, uint32_t enough)
{
  uint32_t alike = 1, looked_at = 0;
  for (const DcHeldDrop *held = self->without_bytes.first; held != NULL; held = held->next) {
    const DcDrop *other = &held->drop;
    self->stats.join_steps++;
    if (other->time_ns - drop->time_ns > NEAR_NS || alike >= enough || ++looked_at > ALIKE_SCAN_MAX)
      break;
    alike += other->symbol == drop->symbol && other->reason == drop->reason && other->protocol == drop->protocol &&
             other->rx_len == drop->rx_len && other->orig_len == drop->orig_len && other->offset == drop->offset;
  }
  return alike;
}

static bool is_same_datagram(const DcCorrelator *self, const DcSlot *a, const DcSlot *b)
{
  if ((a->flags & b->flags & DC_SLOT_FRAGMENT) == 0 || a->ip_id != b->ip_id || a->protocol != b->protocol)
    return false;
  DcBrief of_a, of_b;
  dc_window_brief(self->window, a, &of_a);
  dc_window_brief(self->window, b, &of_b);
  DcDatagramKey key_a, key_b;
  dc_datagram_key_of_frame(&key_a, &of_a.flow, a->ip_id);
  dc_datagram_key_of_frame(&key_b, &of_b.flow, b->ip_id);
  return memcmp(&key_a, &key_b, sizeof key_a) == 0;
}

/* The frame nearest in time that may be meant, and how many may: with a known reception those not much farther from
 * it than the nearest (within_ns), without one all before the drop. */
static DcJoin nearest_frame(DcCorrelator *self, const DcDrop *drop, int64_t within_ns, int64_t *ret_nearest)
{
  DcJoin best = {NULL, 0, DC_MATCH_NONE, 0};
  const bool has_receive = drop->rx_time_ns != 0;
  const bool asks_brief = drop->rx_len != 0 || drop->orig_len != 0 || drop->packet.has != 0;
  /* Frames outside these cannot be meant; they come by time, but for a little disorder among CPUs. */
  const int64_t slack_ns = MIN(self->disorder_ns, self->options.window_before_ns);
  const int64_t earliest = has_receive ? drop->rx_time_ns - drop->rx_wait_ns - within_ns - slack_ns
                                       : drop->time_ns - drop->precision_ns - NEAR_NS;
  const int64_t window_ns = self->options.window_before_ns;
  const int64_t after = drop->time_ns + window_ns;
  /* Frames still later make it open which is meant, and are not meant themselves. */
  const int64_t meant = has_receive || window_ns > USUAL_WINDOW_NS ? after : drop->time_ns + MIN(window_ns, LATER_NS);
  const int64_t latest = has_receive ? MIN(drop->rx_time_ns + within_ns, after) : after;
  const SiteProtocols *site = site_protocols(drop);
  const bool for_a_socket = dc_match_is_for_a_socket(drop);
  const uint64_t begin = dc_window_begin(self->window);
  uint32_t looked_at = 0;
  int64_t nearest = INT64_MAX;
  /* This drop waited a second: many frames have come since. */
  uint64_t at = dc_window_until(self->window, latest);
  while (at-- > begin && looked_at < DC_MATCH_SCAN_MAX) {
    DcSlot *slot = dc_window_at(self->window, at);
    looked_at++;
    self->stats.join_steps++;
    if (slot == NULL || slot->time_ns > latest)
      continue;
    if (slot->time_ns < earliest)
      break;
    /* What this host sent is received, and may be freed, in another namespace: with its reception known it can be told.
     */
    const bool sent = slot->direction == DC_DIRECTION_OUT;
    if ((slot->flags & (DC_SLOT_JOINED | DC_SLOT_CONSUMED)) != 0 || (sent && !has_receive))
      continue;
    if (drop->protocol >= 0 && slot->ethertype != drop->protocol)
      continue;
    /* Sent to another's MAC address: what a bridge passes on is looked at behind it. */
    if (for_a_socket && slot->direction == DC_DIRECTION_OTHER_HOST)
      continue;
    const int64_t distance = has_receive ? receive_distance(drop, slot) : 0;
    if (distance > within_ns || !site_allows(site, slot) || (has_receive && is_anothers(drop, slot, distance)))
      continue;
    DcBrief brief;
    if (asks_brief)
      dc_window_brief(self->window, slot, &brief);
    if (asks_brief && (!length_allows(drop, &brief) || !own_length_allows(drop, &brief) || !tuple_allows(drop, &brief)))
      continue;
    if (!sent && dc_answer_is_answered(self, slot))
      continue;
    /* All of one datagram: whichever of its fragments is meant, it was lost. Where whole ones are seen, with a
     * reception too: what is freed there is the fragment that came last. */
    if ((!has_receive || for_a_socket) && best.slot != NULL && is_same_datagram(self, slot, best.slot))
      continue;
    if (slot->time_ns <= meant && (best.slot == NULL || distance < nearest)) {
      nearest = distance;
      best = (DcJoin){slot, at, DC_MATCH_LIKELY, best.candidates};
    }
    /* No more drops than this are counted as alike: it stays open which of these frames is meant. */
    if (++best.candidates > DC_MATCH_CANDIDATES_MAX && !has_receive) {
      if (best.slot != NULL)
        break;
      at = MIN(at, dc_window_until(self->window, meant));
    }
  }
  if (looked_at == DC_MATCH_SCAN_MAX && best.slot != NULL)
    best.match = DC_MATCH_POSSIBLE;
  *ret_nearest = nearest;
  return best;
}

/* Whether the other packet that the frame is nearer to than to its own is a fragment of the same datagram: then that
 * one's frame is about as far from it as this frame is from its own. */
static bool rival_is_of_datagram(const DcCorrelator *self, const DcDrop *drop, const DcJoin *join)
{
  enum { AROUND = 8 };
  if ((join->slot->flags & DC_SLOT_FRAGMENT) == 0 || !dc_match_is_for_a_socket(drop))
    return false;
  const int64_t farthest = receive_distance(drop, join->slot) + RECEIVE_CLEAR_NS;
  for (uint64_t at = join->position > AROUND ? join->position - AROUND : 0; at <= join->position + AROUND; at++) {
    const DcSlot *slot = at != join->position ? dc_window_at(self->window, at) : NULL;
    if (slot != NULL && rival_distance(drop, slot) <= farthest && is_same_datagram(self, slot, join->slot))
      return true;
  }
  return false;
}

bool dc_match_received_fragment(const DcCorrelator *self, const DcDrop *drop, DcDatagramKey *ret_key)
{
  for (size_t i = 0; i < G_N_ELEMENTS(receive_steps); i++) {
    if (dc_fragments_find_received(self->fragments, drop->rx_time_ns, drop->rx_wait_ns, receive_steps[i], ret_key))
      return true;
  }
  return false;
}

DcJoin dc_match_by_time(DcCorrelator *self, const DcDrop *drop)
{
  int64_t nearest;
  DcJoin best = {NULL, 0, DC_MATCH_NONE, 0};
  if (drop->rx_none != 0)
    return best;
  if (drop->rx_time_ns == 0) {
    best = nearest_frame(self, drop, 0, &nearest);
  } else {
    for (size_t i = 0; best.slot == NULL && i < G_N_ELEMENTS(receive_steps); i++)
      best = nearest_frame(self, drop, receive_steps[i], &nearest);
    if (best.slot != NULL && (best.candidates > 1 || nearest <= receive_steps[0]))
      best = nearest_frame(self, drop, MIN(4 * nearest + RECEIVE_CLEAR_NS, RECEIVE_NS), &nearest);
  }
  /* Nearer to another's, but as near as in a flood it may be to either. */
  if (best.slot != NULL && drop->rx_time_ns != 0 &&
      rival_distance(drop, best.slot) < receive_distance(drop, best.slot) && !rival_is_of_datagram(self, drop, &best))
    best.match = DC_MATCH_POSSIBLE;
  if (best.slot != NULL && drop->rx_passed_ns > 0) {
    /* Received here, passed on and received again by a device of that name: the drop is where it came last. */
    if (llabs(best.slot->time_ns - (drop->rx_time_ns - drop->rx_passed_ns)) < receive_distance(drop, best.slot))
      return (DcJoin){NULL, 0, DC_MATCH_NONE, 0};
    if (drop->rx_passed_ns <= PASSED_CLEAR_NS)
      best.match = DC_MATCH_POSSIBLE;
  }
  /* As many drops as frames that could be meant: then all of them were dropped, whichever is whose. */
  if (best.candidates > 1 &&
      (best.candidates > DC_MATCH_CANDIDATES_MAX || drops_alike(self, drop, best.candidates) < best.candidates))
    best.match = DC_MATCH_POSSIBLE;
  return best;
}
