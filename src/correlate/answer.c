/*
 * What the wire itself proves: a SYN-ACK, an ACK that covers a segment, an echo, ARP or ND
 * reply, a datagram back in the same 5-tuple, a RST, an ICMP error quoting the packet.
 *
 * RFC 9293 (TCP), 792 and 4443 (ICMP errors quote the offending packet), 826, 4861.
 */
#include "correlator_state.h"

#include <string.h>

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };
enum { ETHERTYPE_ARP = 0x0806, ARP_REQUEST = 1, ARP_REPLY = 2 };
enum { ICMP4_ECHO_REPLY = 0, ICMP4_UNREACHABLE = 3, ICMP4_ECHO = 8, ICMP4_TIME_EXCEEDED = 11, ICMP4_PARAMETER = 12 };
enum { ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG = 2, ICMP6_TIME_EXCEEDED = 3, ICMP6_PARAMETER = 4 };
enum { ICMP6_ECHO = 128, ICMP6_ECHO_REPLY = 129, ICMP6_NS = 135, ICMP6_NA = 136 };

/* An ICMP error looks for the frame it quotes among so many before it. */
#define QUOTED_BACK_MAX 512u

static bool is_tcp(const DcSlot *slot)
{
  return (slot->flags & DC_SLOT_TCP) != 0;
}

/* Sequence space the segment takes: only then an acknowledgement is owed. */
static bool takes_sequence(const DcSlot *slot)
{
  return (slot->flags & DC_SLOT_TAKES_SEQUENCE) != 0;
}

static bool is_echo_request(const DcPacket *packet)
{
  return (packet->has & DC_HAS_ECHO) != 0 &&
         packet->icmp_type == (packet->ip_protocol == PROTO_ICMP6 ? ICMP6_ECHO : ICMP4_ECHO);
}

static bool is_echo_reply(const DcPacket *packet)
{
  return (packet->has & DC_HAS_ECHO) != 0 &&
         packet->icmp_type == (packet->ip_protocol == PROTO_ICMP6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY);
}

/* dc_flow_key_from_packet(), and reversed; stored in the pieces in which flows are compared. */
static void ports_key(const DcPacket *packet, bool reversed, DcFlowKey *key)
{
  const bool is_ip = (packet->has & DC_HAS_IP) != 0;
  const DcAddr *src = reversed ? &packet->dst : &packet->src;
  const DcAddr *dst = reversed ? &packet->src : &packet->dst;
  memcpy(key->src, src->bytes, sizeof key->src);
  memcpy(key->dst, dst->bytes, sizeof key->dst);
  key->src_port = reversed ? packet->dst_port : packet->src_port;
  key->dst_port = reversed ? packet->src_port : packet->dst_port;
  dc_flow_key_set_kind(key, (packet->has & DC_HAS_ETHERTYPE) != 0 ? packet->ethertype : 0,
                       is_ip ? packet->src.version : 0, is_ip ? packet->ip_protocol : 0);
}

/*
 * The flow a question belongs to, as the asker's frame carries it; `answer` is set for frames that
 * answer, whose key comes out reversed. False for frames that neither ask nor answer.
 */
static bool question_key(const DcPacket *packet, const DcFrameKeys *keys, bool answer, DcFlowKey *key,
                         uint32_t *ret_hash)
{
  const uint32_t special = DC_HAS_ARP | DC_HAS_ND_TARGET | DC_HAS_ECHO;
  if ((packet->has & (DC_HAS_PORTS | special)) == DC_HAS_PORTS) {
    *ret_hash = keys->flow; /* the same for both directions */
    ports_key(packet, answer, key);
    return true;
  }
  if ((packet->has & DC_HAS_ARP) != 0) {
    if (packet->arp_op != (answer ? ARP_REPLY : ARP_REQUEST))
      return false;
    dc_flow_key_from_packet(key, packet);
  } else if ((packet->has & DC_HAS_ND_TARGET) != 0) {
    /* Solicitation: source asks for target. Advertisement: target tells destination. */
    if (packet->icmp_type != (answer ? ICMP6_NA : ICMP6_NS))
      return false;
    dc_flow_key_from_packet(key, packet);
    memcpy(answer ? key->src : key->dst, packet->nd_target.bytes, sizeof key->dst);
    key->src_port = key->dst_port = ICMP6_NS;
  } else if ((packet->has & DC_HAS_ECHO) != 0) {
    if (answer ? !is_echo_reply(packet) : !is_echo_request(packet))
      return false;
    dc_flow_key_from_packet(key, packet);
    key->src_port = key->dst_port = packet->echo_id;
  } else if ((packet->has & DC_HAS_PORTS) != 0) {
    dc_flow_key_from_packet(key, packet);
  } else {
    return false;
  }
  if (answer)
    dc_flow_key_reverse(key, key);
  *ret_hash = dc_flow_hash(key);
  return true;
}

/* --- this host speaks --------------------------------------------------------- */

static DcSegment segment_of(const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  return (DcSegment){.number = frame->number,
                     .time_ns = frame->time_ns,
                     .seq = packet->tcp_seq,
                     .ack = packet->tcp_ack,
                     .tsval = packet->tsval,
                     .flags = packet->tcp_flags,
                     .has_tsval = (packet->has & DC_HAS_TIMESTAMP) != 0,
                     .zero_window = packet->tcp_window == 0};
}

/* Whether this ICMP message says that the quoted packet went nowhere. */
static bool is_refusal(const DcPacket *packet)
{
  if (packet->ip_protocol == PROTO_ICMP6)
    return packet->icmp_type >= ICMP6_UNREACHABLE && packet->icmp_type <= ICMP6_PARAMETER;
  return packet->icmp_type == ICMP4_UNREACHABLE || packet->icmp_type == ICMP4_TIME_EXCEEDED ||
         packet->icmp_type == ICMP4_PARAMETER;
}

/* The flow an ICMP error's quoted packet belongs to; `sent`: the quoted packet was this host's own. NULL: none known.
 */
static DcFlow *quoted_flow(DcCorrelator *self, const DcPacket *packet, bool sent)
{
  DcFlowKey key;
  memset(&key, 0, sizeof key);
  memcpy(key.src, packet->quote_src.bytes, sizeof key.src);
  memcpy(key.dst, packet->quote_dst.bytes, sizeof key.dst);
  key.src_port = packet->quote_src_port;
  key.dst_port = packet->quote_dst_port;
  key.ethertype = packet->ethertype;
  key.ip_version = packet->quote_src.version;
  key.protocol = packet->quote_protocol;
  if (sent) {
    DcFlowKey reversed;
    dc_flow_key_reverse(&reversed, &key);
    key = reversed;
  }
  return dc_flows_find(self->flows, &key, dc_flow_hash(&key));
}

/* About the SYN-ACK of a handshake that is still half open: the kernel gives the request up (tcp_req_err(),
 * net/ipv4/tcp_ipv4.c) and counts it as a listen drop. */
static void inbound_icmp_error(DcCorrelator *self, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  DcFlow *flow = is_refusal(packet) ? quoted_flow(self, packet, true) : NULL;
  if (flow == NULL || flow->attempt == NULL)
    return;
  DcAttempt *attempt = flow->attempt;
  if (attempt->answer_frame == 0 || attempt->established || attempt->icmp_error_frame != 0)
    return;
  attempt->icmp_error_frame = frame->number;
  attempt->icmp_error_type = packet->icmp_type;
  attempt->icmp_error_code = packet->icmp_code;
}

/* The frame an error quotes, by its identification where it has one, else the flow's latest. Errors follow at once. Of
 * TCP only what takes sequence space is looked at: nothing is owed to the rest. */
static DcSlot *quoted_slot(DcCorrelator *self, const DcFlow *flow, const DcFrame *error)
{
  const uint32_t index = dc_flows_index(self->flows, flow);
  const uint64_t begin = dc_window_begin(self->window);
  const uint16_t id = error->packet.quote_id;
  for (uint64_t at = dc_window_end(self->window); at-- > begin;) {
    DcSlot *slot = dc_window_at(self->window, at);
    if (slot->number + QUOTED_BACK_MAX < error->number)
      break;
    if (slot->flow == index && slot->flow_generation == flow->generation && (id == 0 || slot->ip_id == id) &&
        (!is_tcp(slot) || takes_sequence(slot)))
      return slot;
  }
  return NULL;
}

/* Errors are sent at a limited rate (net.ipv4.icmp_ratelimit): what came to a port between two refused datagrams was
 * refused too. Without ports a flow is many services': then only what is quoted. */
static void refuse_slot(DcCorrelator *self, DcSlot *slot, const DcFrame *error)
{
  DcSlotNote *note = dc_window_make_note(self->window, slot);
  note->refused_by = DC_REFUSED_ICMP;
  note->refused_type = error->packet.icmp_type;
  note->refused_code = error->packet.icmp_code;
  note->answer_ns = error->time_ns - slot->time_ns;
}

static void note_refusal(DcCorrelator *self, DcFlow *flow, const DcFrame *frame)
{
  DcSlot *quoted = quoted_slot(self, flow, frame);
  const bool has_ports = (flow->key.src_port | flow->key.dst_port) != 0;
  const bool goes_on = flow->refused_by == DC_REFUSED_ICMP && flow->refused_ns != DC_TIME_NONE &&
                       (flow->last_out_ns == DC_TIME_NONE || flow->last_out_ns < flow->refused_from_ns);
  if (!has_ports)
    flow->refused_from_ns = INT64_MAX;
  else if (!goes_on)
    flow->refused_from_ns = quoted != NULL ? quoted->time_ns : frame->time_ns;
  flow->refused_ns = frame->time_ns;
  flow->refused_by = DC_REFUSED_ICMP;
  flow->refused_type = frame->packet.icmp_type;
  flow->refused_code = frame->packet.icmp_code;
  if (quoted != NULL && flow->key.protocol != PROTO_TCP)
    refuse_slot(self, quoted, frame);
}

static void outbound_icmp_error(DcCorrelator *self, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  if ((packet->has & DC_HAS_QUOTE) == 0 || !is_refusal(packet))
    return;
  DcFlow *flow = quoted_flow(self, packet, false);
  if (flow == NULL)
    return;
  note_refusal(self, flow, frame);
  DcAttempt *attempt = flow->attempt;
  if (attempt == NULL || attempt->answer_frame != 0)
    return;
  attempt->refused_by = DC_REFUSED_ICMP;
  attempt->refused_type = packet->icmp_type;
  attempt->refused_code = packet->icmp_code;
  DcSlot *syn = dc_window_at(self->window, attempt->syn_position);
  if (syn != NULL)
    refuse_slot(self, syn, frame);
}

static void note_echo_reply(DcFlow *flow, uint16_t sequence)
{
  int16_t ahead = (int16_t)(sequence - flow->echo_newest);
  if (flow->echo_seen == 0 || ahead >= 64 || ahead <= -64) {
    flow->echo_newest = sequence;
    flow->echo_seen = 1;
  } else if (ahead > 0) {
    flow->echo_seen = flow->echo_seen << ahead | 1;
    flow->echo_newest = sequence;
  } else {
    flow->echo_seen |= UINT64_C(1) << -ahead;
  }
}

static bool echo_was_answered(const DcFlow *flow, uint16_t sequence)
{
  int16_t back = (int16_t)(flow->echo_newest - sequence);
  return back >= 0 && back < 64 && (flow->echo_seen >> back & 1) != 0;
}

void dc_answer_outbound(DcCorrelator *self, const DcFrame *frame, const DcFrameKeys *keys)
{
  const DcPacket *packet = &frame->packet;
  if ((packet->has & DC_HAS_FRAGMENT) != 0 && packet->fragment_offset != 0)
    return;
  if ((packet->has & DC_HAS_QUOTE) != 0) {
    outbound_icmp_error(self, frame);
    return;
  }
  DcFlowKey key;
  uint32_t hash;
  if (!question_key(packet, keys, true, &key, &hash))
    return;
  DcFlow *flow;
  if ((packet->has & DC_HAS_TCP) != 0) {
    /* Made even when the peer has not spoken: a SYN-ACK coming in is then owed an ACK. */
    flow = dc_flows_get(self->flows, &key, hash, frame->time_ns, dc_answer_evict, self);
    const DcSegment segment = segment_of(frame);
    dc_answer_segment_sent(self, flow, &segment);
  } else {
    flow = dc_flows_find(self->flows, &key, hash);
    if (flow == NULL)
      return;
    if ((packet->has & DC_HAS_ECHO) != 0)
      note_echo_reply(flow, packet->echo_seq);
  }
  flow->last_out_ns = frame->time_ns;
  dc_flows_touch(self->flows, flow, frame->time_ns);
}

/* --- the peer speaks ----------------------------------------------------------- */

bool dc_answer_time_was_over(const DcCorrelator *self, int64_t asked_ns)
{
  if (self->clock_stepped)
    return self->judged_ns - asked_ns >= self->options.syn_timeout_ns;
  return !self->finishing || self->last_frame_ns - asked_ns >= self->options.syn_timeout_ns;
}

void dc_answer_inbound(DcCorrelator *self, const DcFrame *frame, const DcFrameKeys *keys, DcSlot *slot,
                       uint64_t position)
{
  const DcPacket *packet = &frame->packet;
  DcFlowKey key;
  uint32_t hash;
  if ((packet->has & DC_HAS_FRAGMENT) != 0 && packet->fragment_offset != 0)
    return;
  if ((packet->has & DC_HAS_QUOTE) != 0) {
    inbound_icmp_error(self, frame);
    return;
  }
  if (!question_key(packet, keys, false, &key, &hash)) {
    /* No question, but an ICMP error may still refuse it: RFC 792 protocol unreachable. */
    if ((packet->has & DC_HAS_IP) == 0 || (packet->has & DC_HAS_ICMP) != 0)
      return;
    dc_flow_key_from_packet(&key, packet);
    hash = dc_flow_hash(&key);
  }
  DcFlow *flow = dc_flows_get(self->flows, &key, hash, frame->time_ns, dc_answer_evict, self);
  dc_flows_touch(self->flows, flow, frame->time_ns);
  if ((packet->has & DC_HAS_TCP) != 0) {
    const DcSegment segment = segment_of(frame);
    dc_answer_segment_came(self, flow, &segment, slot, position);
  }
  slot->flow = dc_flows_index(self->flows, flow);
  slot->flow_generation = flow->generation;
}

/* --- when the time is over ------------------------------------------------------ */

static bool is_reset(const DcSlot *slot)
{
  return (slot->flags & DC_SLOT_RESET) != 0;
}

static const DcFlow *flow_of(const DcCorrelator *self, const DcSlot *slot)
{
  return dc_flows_at(self->flows, slot->flow, slot->flow_generation);
}

/* flow: the slot's; NULL: it has none any more. */
static bool was_answered(const DcSlot *slot, const DcFlow *flow)
{
  if ((slot->flags & DC_SLOT_ANSWERED) != 0)
    return true;
  if ((slot->flags & DC_SLOT_SYN) != 0 || flow == NULL)
    return false;
  if (is_tcp(slot))
    return takes_sequence(slot) && !is_reset(slot) && flow->has_local_ack && flow->ack_ns >= slot->time_ns &&
           dc_after_or_at(flow->local_ack, slot->end_seq);
  if ((slot->flags & DC_SLOT_ECHO) != 0)
    return echo_was_answered(flow, (uint16_t)slot->end_seq);
  return flow->last_out_ns != DC_TIME_NONE && flow->last_out_ns >= slot->time_ns;
}

bool dc_answer_is_answered(DcCorrelator *self, const DcSlot *slot)
{
  return was_answered(slot, flow_of(self, slot));
}

bool dc_answer_had_arrived(DcCorrelator *self, const DcSlot *slot)
{
  const DcFlow *flow = flow_of(self, slot);
  if (flow == NULL || !is_tcp(slot) || is_reset(slot) || !flow->has_local_ack)
    return false;
  DcBrief brief;
  dc_window_brief(self->window, slot, &brief);
  return (brief.tcp_flags & DC_TCP_SYN) == 0 && dc_after_or_at(flow->local_ack, slot->end_seq);
}

/* Only what this host must answer: questions put to itself, in a capture that shows its answers. */
static bool is_owed(DcCorrelator *self, const DcSlot *slot, const DcFlow *flow)
{
  if ((slot->flags & DC_SLOT_SYN) != 0)
    return true;
  if (is_tcp(slot))
    return flow != NULL && takes_sequence(slot) && !is_reset(slot) && !flow->zero_window &&
           (flow->out_plain_ack || flow->unheard || (flow->out_seen && self->plain_acks_seen));
  const bool echo = (slot->flags & DC_SLOT_ECHO) != 0;
  if (flow == NULL || (!echo && slot->ethertype != ETHERTYPE_ARP && slot->protocol != PROTO_ICMP6))
    return false;
  DcBrief brief;
  dc_window_brief(self->window, slot, &brief);
  const bool asks = echo || brief.flow.ethertype == ETHERTYPE_ARP ||
                    (brief.flow.protocol == PROTO_ICMP6 && brief.icmp_type == ICMP6_NS);
  if (!asks || (brief.has & (DC_HAS_ARP | DC_HAS_ICMP)) == 0)
    return false;
  if ((brief.has & DC_HAS_ICMP) != 0 && !echo && (brief.has & DC_HAS_ND_TARGET) == 0)
    return false;
  DcAddr asked = {.version = brief.flow.ip_version != 0 ? brief.flow.ip_version : 4};
  memcpy(asked.bytes, flow->key.dst, sizeof asked.bytes);
  return dc_directions_is_local_address(self->directions, &asked);
}

void dc_answer_decide(DcCorrelator *self, const DcSlot *slot, DcAnswer *ret_answer)
{
  DcAnswer *answer = ret_answer;
  const DcSlotNote *note = dc_window_note(self->window, slot);
  const DcFlow *flow = flow_of(self, slot);
  const bool inbound = slot->direction == DC_DIRECTION_IN || slot->direction == DC_DIRECTION_UNKNOWN;
  const bool consumed = (slot->flags & DC_SLOT_CONSUMED) != 0;
  /* A half-open connection frees what comes like a TIME_WAIT one does, but it has not taken it. */
  const bool ignored =
      flow != NULL && flow->unheard && is_tcp(slot) && takes_sequence(slot) && (slot->flags & DC_SLOT_SYN) == 0;

  *answer = (DcAnswer){.answer_ns = note != NULL ? note->answer_ns : -1};
  if (inbound && was_answered(slot, flow)) {
    answer->fate = DC_FATE_ANSWERED;
  } else if (inbound && note != NULL && note->refused_by != DC_REFUSED_NONE) {
    answer->fate = DC_FATE_REFUSED;
    answer->refused_by = note->refused_by;
    answer->refused_type = note->refused_type;
    answer->refused_code = note->refused_code;
  } else if (inbound && (slot->flags & DC_SLOT_SYN) == 0 && flow != NULL && flow->refused_ns != DC_TIME_NONE &&
             flow->refused_ns >= slot->time_ns && flow->refused_from_ns <= slot->time_ns &&
             (!is_tcp(slot) || takes_sequence(slot))) {
    answer->fate = DC_FATE_REFUSED;
    answer->refused_by = flow->refused_by;
    answer->refused_type = flow->refused_type;
    answer->refused_code = flow->refused_code;
    answer->answer_ns = flow->refused_ns - slot->time_ns;
  } else if (consumed && !ignored) {
    answer->fate = DC_FATE_CONSUMED;
  } else if (slot->direction == DC_DIRECTION_IN && is_owed(self, slot, flow)) {
    answer->owed = true;
    answer->handshake_open = ignored;
    answer->fate = dc_answer_time_was_over(self, slot->time_ns) ? DC_FATE_UNEXPLAINED : DC_FATE_UNREMARKABLE;
  } else {
    answer->fate = DC_FATE_UNREMARKABLE;
  }
}
