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

/* Attempts whose flow goes on without them wait for their last SYNs; so many at most. */
#define ENDED_ATTEMPTS_MAX 16384u

/* So many frames back an ICMP error looks for the one it quotes. */
#define QUOTED_SCAN_MAX 512u

static bool after_or_at(uint32_t a, uint32_t b)
{
  return (int32_t)(a - b) >= 0;
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

/*
 * The flow a question belongs to, as the asker's frame carries it; `answer` is set for frames that
 * answer, whose key comes out reversed. False for frames that neither ask nor answer.
 */
static bool question_key(const DcPacket *packet, bool answer, DcFlowKey *key)
{
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
  if (answer) {
    DcFlowKey reversed;
    dc_flow_key_reverse(&reversed, key);
    *key = reversed;
  }
  return true;
}

/* --- this host speaks --------------------------------------------------------- */

static void attempt_answered(DcAttempt *attempt, const DcFrame *frame)
{
  DcHandshake *info = &attempt->info;
  info->synacks++;
  if (info->answer_frame != 0)
    return;
  info->answer_frame = frame->number;
  info->answer_time_ns = frame->time_ns;
  info->total_ns = frame->time_ns - info->first_ns;
  info->answer_ns = frame->time_ns - info->last_ns;
  info->has_answer_tsval = (frame->packet.has & DC_HAS_TIMESTAMP) != 0;
  info->answer_tsval = frame->packet.tsval;
}

static void outbound_tcp(DcCorrelator *self, DcFlow *flow, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  const uint8_t flags = packet->tcp_flags;
  DcAttempt *attempt = flow->attempt;

  flow->out_seen = true;
  flow->zero_window = packet->tcp_window == 0 && (flags & (DC_TCP_SYN | DC_TCP_RST)) == 0;
  if ((flags & DC_TCP_ACK) != 0) {
    if (!flow->has_local_ack || after_or_at(packet->tcp_ack, flow->local_ack)) {
      flow->local_ack = packet->tcp_ack;
      flow->ack_ns = frame->time_ns;
      flow->has_local_ack = true;
    }
    if ((flags & (DC_TCP_SYN | DC_TCP_FIN | DC_TCP_RST)) == 0) {
      flow->out_plain_ack = self->plain_acks_seen = true;
      flow->unheard = false;
    } else if ((flags & DC_TCP_SYN) != 0) {
      flow->unheard = flow->peer_acked;
    }
  }
  DcSlot *syn = attempt != NULL ? dc_window_at(self->window, attempt->syn_positions[0]) : NULL;
  bool acks_syn = attempt != NULL && packet->tcp_ack == attempt->info.isn + 1;
  if ((flags & (DC_TCP_SYN | DC_TCP_ACK)) == (DC_TCP_SYN | DC_TCP_ACK) && acks_syn) {
    attempt_answered(attempt, frame);
    if (syn != NULL && (syn->flags & DC_SLOT_ANSWERED) == 0) {
      syn->flags |= DC_SLOT_ANSWERED;
      syn->answer_ns = frame->time_ns - syn->time_ns;
    }
  }
  if ((flags & DC_TCP_RST) != 0) {
    flow->refused_from_ns = INT64_MIN;
    flow->refused_ns = frame->time_ns;
    flow->refused_by = DC_REFUSED_RST;
    if (attempt != NULL && attempt->info.answer_frame == 0 && acks_syn) {
      attempt->info.refused_by = DC_REFUSED_RST;
      if (syn != NULL) {
        syn->refused_by = DC_REFUSED_RST;
        syn->answer_ns = frame->time_ns - syn->time_ns;
      }
    }
  }
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
  return dc_flows_find(self->flows, &key);
}

/* About the SYN-ACK of a handshake that is still half open: the kernel gives the request up (tcp_req_err(),
 * net/ipv4/tcp_ipv4.c) and counts it as a listen drop. */
static void inbound_icmp_error(DcCorrelator *self, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  DcFlow *flow = is_refusal(packet) ? quoted_flow(self, packet, true) : NULL;
  if (flow == NULL || flow->attempt == NULL)
    return;
  DcHandshake *info = &flow->attempt->info;
  if (info->answer_frame == 0 || info->established || info->icmp_error_frame != 0)
    return;
  info->icmp_error_frame = frame->number;
  info->icmp_error_type = packet->icmp_type;
  info->icmp_error_code = packet->icmp_code;
}

/* The frame an error quotes, by its identification where it has one, else the flow's latest. Errors follow at once. */
static DcSlot *quoted_slot(DcCorrelator *self, const DcFlow *flow, const DcPacket *error)
{
  const uint32_t index = dc_flows_index(self->flows, flow);
  const uint64_t begin = dc_window_begin(self->window);
  uint32_t looked_at = 0;
  for (uint64_t at = dc_window_end(self->window); at-- > begin && looked_at < QUOTED_SCAN_MAX; looked_at++) {
    DcSlot *slot = dc_window_at(self->window, at);
    if (slot != NULL && slot->flow == index && slot->flow_generation == flow->generation &&
        (error->quote_id == 0 || slot->ip_id == error->quote_id))
      return slot;
  }
  return NULL;
}

/* Errors are sent at a limited rate (net.ipv4.icmp_ratelimit): what came to a port between two refused datagrams was
 * refused too. Without ports a flow is many services': then only what is quoted. */
static void note_refusal(DcCorrelator *self, DcFlow *flow, const DcFrame *frame)
{
  DcSlot *quoted = quoted_slot(self, flow, &frame->packet);
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
  if (quoted == NULL || flow->key.protocol == PROTO_TCP)
    return;
  quoted->refused_by = DC_REFUSED_ICMP;
  quoted->refused_type = frame->packet.icmp_type;
  quoted->refused_code = frame->packet.icmp_code;
  quoted->answer_ns = frame->time_ns - quoted->time_ns;
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
  if (attempt == NULL || attempt->info.answer_frame != 0)
    return;
  attempt->info.refused_by = DC_REFUSED_ICMP;
  attempt->info.refused_type = packet->icmp_type;
  attempt->info.refused_code = packet->icmp_code;
  DcSlot *syn = dc_window_at(self->window, attempt->syn_positions[0]);
  if (syn != NULL) {
    syn->refused_by = DC_REFUSED_ICMP;
    syn->refused_type = packet->icmp_type;
    syn->refused_code = packet->icmp_code;
    syn->answer_ns = frame->time_ns - syn->time_ns;
  }
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

void dc_answer_outbound(DcCorrelator *self, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  if ((packet->has & DC_HAS_FRAGMENT) != 0 && packet->fragment_offset != 0)
    return;
  if ((packet->has & DC_HAS_QUOTE) != 0) {
    outbound_icmp_error(self, frame);
    return;
  }
  DcFlowKey key;
  if (!question_key(packet, true, &key))
    return;
  DcFlow *flow;
  if ((packet->has & DC_HAS_TCP) != 0) {
    /* Made even when the peer has not spoken: a SYN-ACK coming in is then owed an ACK. */
    flow = dc_flows_get(self->flows, &key, frame->time_ns, dc_answer_evict, self);
    outbound_tcp(self, flow, frame);
  } else {
    flow = dc_flows_find(self->flows, &key);
    if (flow == NULL)
      return;
    if ((packet->has & DC_HAS_ECHO) != 0)
      note_echo_reply(flow, packet->echo_seq);
  }
  flow->last_out_ns = frame->time_ns;
  dc_flows_touch(self->flows, flow, frame->time_ns);
}

/* --- the peer speaks ----------------------------------------------------------- */

/* Where events end, or the clock stepped, what came just before had no time to be answered. */
static bool time_was_over(const DcCorrelator *self, int64_t asked_ns)
{
  if (self->clock_stepped)
    return self->judged_ns - asked_ns >= self->options.syn_timeout_ns;
  return !self->finishing || self->last_frame_ns - asked_ns >= self->options.syn_timeout_ns;
}

static void give_handshake(DcCorrelator *self, DcAttempt *attempt)
{
  DcHandshake *info = &attempt->info;
  if (info->answer_frame != 0)
    info->outcome = DC_OUTCOME_ANSWERED;
  else if (info->dropped > 0)
    info->outcome = DC_OUTCOME_DROPPED;
  else if (info->refused_by != DC_REFUSED_NONE)
    info->outcome = DC_OUTCOME_REFUSED;
  else if (!time_was_over(self, info->last_ns))
    info->outcome = DC_OUTCOME_PENDING;
  else
    info->outcome = DC_OUTCOME_UNEXPLAINED;
  if (self->sink.handshake != NULL)
    self->sink.handshake(self->sink.data, info);
}

void dc_answer_evict(DcFlow *flow, void *data)
{
  DcCorrelator *self = data;
  DcAttempt *attempt = flow->attempt;
  if (attempt == NULL)
    return;
  if (attempt->open_syns == 0) {
    give_handshake(self, attempt);
  } else if (g_hash_table_size(self->ended_attempts) < ENDED_ATTEMPTS_MAX) {
    g_hash_table_insert(self->ended_attempts, GSIZE_TO_POINTER(attempt->info.id), g_memdup2(attempt, sizeof *attempt));
  } else {
    self->stats.decided_early++;
    give_handshake(self, attempt);
  }
}

static void end_attempt(DcCorrelator *self, DcFlow *flow)
{
  dc_answer_evict(flow, self);
  dc_flows_close_attempt(self->flows, flow);
}

static void inbound_syn(DcCorrelator *self, DcFlow *flow, const DcFrame *frame, DcSlot *slot, uint64_t position)
{
  const DcPacket *packet = &frame->packet;
  DcAttempt *attempt = flow->attempt;
  if (attempt != NULL && attempt->info.isn != packet->tcp_seq) {
    end_attempt(self, flow);
    attempt = NULL;
  }
  if (attempt == NULL) {
    /* The 4-tuple starts anew: what was said in its former life answers nothing. */
    flow->has_local_ack = flow->out_plain_ack = flow->zero_window = flow->out_seen = false;
    flow->peer_acked = flow->unheard = false;
    flow->refused_ns = DC_TIME_NONE;
    flow->refused_by = DC_REFUSED_NONE;
    if (dc_flows_attempts(self->flows) >= self->max_attempts)
      dc_flows_evict_attempt(self->flows, dc_answer_evict, self); /* another flow: this one has none */
    attempt = dc_flows_open_attempt(self->flows, flow);
    DcHandshake *info = &attempt->info;
    info->id = ++self->next_attempt;
    info->brief = slot->brief;
    info->isn = packet->tcp_seq;
    info->first_ns = frame->time_ns;
    info->answer_ns = info->total_ns = -1;
    info->has_tsval = (packet->has & DC_HAS_TIMESTAMP) != 0;
  }
  DcHandshake *info = &attempt->info;
  if (info->syns < DC_HANDSHAKE_FRAMES_MAX) {
    info->frames[info->syns] = frame->number;
    info->times_ns[info->syns] = frame->time_ns;
    info->tsvals[info->syns] = packet->tsval;
  }
  info->syns++;
  info->last_ns = frame->time_ns;
  attempt->open_syns++;
  attempt->syn_positions[1] = attempt->syn_positions[0];
  attempt->syn_positions[0] = position;
  slot->attempt = info->id;
  slot->flags |= DC_SLOT_SYN;
}

static uint32_t segment_length(const DcPacket *packet)
{
  return packet->payload_len + ((packet->tcp_flags & DC_TCP_SYN) != 0) + ((packet->tcp_flags & DC_TCP_FIN) != 0);
}

void dc_answer_inbound(DcCorrelator *self, const DcFrame *frame, DcSlot *slot, uint64_t position)
{
  const DcPacket *packet = &frame->packet;
  DcFlowKey key;
  if ((packet->has & DC_HAS_FRAGMENT) != 0 && packet->fragment_offset != 0)
    return;
  if ((packet->has & DC_HAS_QUOTE) != 0) {
    inbound_icmp_error(self, frame);
    return;
  }
  if (!question_key(packet, false, &key)) {
    /* No question, but an ICMP error may still refuse it: RFC 792 protocol unreachable. */
    if ((packet->has & DC_HAS_IP) == 0 || (packet->has & DC_HAS_ICMP) != 0)
      return;
    dc_flow_key_from_packet(&key, packet);
  }
  DcFlow *flow = dc_flows_get(self->flows, &key, frame->time_ns, dc_answer_evict, self);
  dc_flows_touch(self->flows, flow, frame->time_ns);
  if ((packet->has & DC_HAS_TCP) != 0) {
    slot->end_seq = packet->tcp_seq + segment_length(packet);
    if ((packet->tcp_flags & (DC_TCP_SYN | DC_TCP_ACK | DC_TCP_RST)) == DC_TCP_SYN)
      inbound_syn(self, flow, frame, slot, position);
    else if (flow->attempt != NULL && (packet->tcp_flags & DC_TCP_ACK) != 0 && (packet->tcp_flags & DC_TCP_RST) == 0 &&
             packet->tcp_seq == flow->attempt->info.isn + 1) {
      DcHandshake *info = &flow->attempt->info;
      if (!info->established) {
        info->established_frame = frame->number;
        info->established_ns = frame->time_ns;
      }
      info->established = flow->peer_acked = true;
    }
  } else if (is_echo_request(packet)) {
    slot->echo = 1;
    slot->echo_seq = packet->echo_seq;
  }
  slot->flow = dc_flows_index(self->flows, flow);
  slot->flow_generation = flow->generation;
}

/* --- when the time is over ------------------------------------------------------ */

static bool is_tcp(const DcSlot *slot)
{
  return (slot->brief.has & DC_HAS_TCP) != 0;
}

/* Sequence space the segment takes: only then an acknowledgement is owed. */
static bool takes_sequence(const DcSlot *slot)
{
  return slot->end_seq != slot->brief.tcp_seq;
}

bool dc_answer_is_answered(DcCorrelator *self, const DcSlot *slot)
{
  if ((slot->flags & DC_SLOT_ANSWERED) != 0)
    return true;
  if ((slot->flags & DC_SLOT_SYN) != 0)
    return false;
  const DcFlow *flow = dc_flows_at(self->flows, slot->flow, slot->flow_generation);
  if (flow == NULL)
    return false;
  if (is_tcp(slot))
    return takes_sequence(slot) && (slot->brief.tcp_flags & DC_TCP_RST) == 0 && flow->has_local_ack &&
           flow->ack_ns >= slot->time_ns && after_or_at(flow->local_ack, slot->end_seq);
  if (slot->echo != 0)
    return echo_was_answered(flow, slot->echo_seq);
  return flow->last_out_ns != DC_TIME_NONE && flow->last_out_ns >= slot->time_ns;
}

bool dc_answer_had_arrived(DcCorrelator *self, const DcSlot *slot)
{
  const DcFlow *flow = dc_flows_at(self->flows, slot->flow, slot->flow_generation);
  return flow != NULL && is_tcp(slot) && (slot->brief.tcp_flags & (DC_TCP_SYN | DC_TCP_RST)) == 0 &&
         flow->has_local_ack && after_or_at(flow->local_ack, slot->end_seq);
}

/* Only what this host must answer: questions put to itself, in a capture that shows its answers. */
static bool is_owed(DcCorrelator *self, const DcSlot *slot, const DcFlow *flow)
{
  if ((slot->flags & DC_SLOT_SYN) != 0)
    return true;
  if (is_tcp(slot))
    return flow != NULL && takes_sequence(slot) && (slot->brief.tcp_flags & DC_TCP_RST) == 0 && !flow->zero_window &&
           (flow->out_plain_ack || flow->unheard || (flow->out_seen && self->plain_acks_seen));
  const bool asks = slot->echo != 0 || slot->brief.flow.ethertype == ETHERTYPE_ARP ||
                    (slot->brief.flow.protocol == PROTO_ICMP6 && slot->brief.icmp_type == ICMP6_NS);
  if (!asks || flow == NULL || (slot->brief.has & (DC_HAS_ARP | DC_HAS_ICMP)) == 0)
    return false;
  if ((slot->brief.has & DC_HAS_ICMP) != 0 && slot->echo == 0 && (slot->brief.has & DC_HAS_ND_TARGET) == 0)
    return false;
  DcAddr asked = {.version = slot->brief.flow.ip_version != 0 ? slot->brief.flow.ip_version : 4};
  memcpy(asked.bytes, flow->key.dst, sizeof asked.bytes);
  return dc_directions_is_local_address(self->directions, &asked);
}

void dc_answer_decide(DcCorrelator *self, const DcSlot *slot, DcFrameVerdict *verdict)
{
  const DcFlow *flow = dc_flows_at(self->flows, slot->flow, slot->flow_generation);
  const bool inbound = slot->brief.direction == DC_DIRECTION_IN || slot->brief.direction == DC_DIRECTION_UNKNOWN;
  const bool consumed = (slot->flags & DC_SLOT_CONSUMED) != 0;
  /* A half-open connection frees what comes like a TIME_WAIT one does, but it has not taken it. */
  const bool ignored =
      flow != NULL && flow->unheard && is_tcp(slot) && takes_sequence(slot) && (slot->flags & DC_SLOT_SYN) == 0;

  verdict->answer_ns = slot->answer_ns;
  if (inbound && dc_answer_is_answered(self, slot)) {
    verdict->fate = DC_FATE_ANSWERED;
  } else if (inbound && slot->refused_by != DC_REFUSED_NONE) {
    verdict->fate = DC_FATE_REFUSED;
    verdict->refused_by = slot->refused_by;
    verdict->refused_type = slot->refused_type;
    verdict->refused_code = slot->refused_code;
  } else if (inbound && (slot->flags & DC_SLOT_SYN) == 0 && flow != NULL && flow->refused_ns != DC_TIME_NONE &&
             flow->refused_ns >= slot->time_ns && flow->refused_from_ns <= slot->time_ns &&
             (!is_tcp(slot) || takes_sequence(slot))) {
    verdict->fate = DC_FATE_REFUSED;
    verdict->refused_by = flow->refused_by;
    verdict->refused_type = flow->refused_type;
    verdict->refused_code = flow->refused_code;
    verdict->answer_ns = flow->refused_ns - slot->time_ns;
  } else if (consumed && !ignored) {
    verdict->fate = DC_FATE_CONSUMED;
  } else if (slot->brief.direction == DC_DIRECTION_IN && is_owed(self, slot, flow)) {
    verdict->owed = true;
    verdict->handshake_open = ignored;
    verdict->fate = time_was_over(self, slot->time_ns) ? DC_FATE_UNEXPLAINED : DC_FATE_UNREMARKABLE;
  } else {
    verdict->fate = DC_FATE_UNREMARKABLE;
  }
  if (consumed) {
    verdict->drop = slot->consumed_by;
    verdict->delay_ns = slot->consumed_delay_ns;
  }
}

static void count_syn(DcAttempt *attempt, DcFate fate)
{
  attempt->open_syns--;
  if (fate == DC_FATE_DROPPED)
    attempt->info.dropped++;
  else if (fate == DC_FATE_UNEXPLAINED)
    attempt->info.unanswered++;
}

void dc_answer_syn_decided(DcCorrelator *self, const DcSlot *slot, DcFate fate)
{
  DcFlow *flow = dc_flows_at(self->flows, slot->flow, slot->flow_generation);
  if (flow == NULL || flow->attempt == NULL || flow->attempt->info.id != slot->attempt) {
    DcAttempt *ended = g_hash_table_lookup(self->ended_attempts, GSIZE_TO_POINTER(slot->attempt));
    if (ended == NULL)
      return;
    count_syn(ended, fate);
    if (ended->open_syns == 0) {
      give_handshake(self, ended);
      g_hash_table_remove(self->ended_attempts, GSIZE_TO_POINTER(slot->attempt));
    }
    return;
  }
  DcAttempt *attempt = flow->attempt;
  count_syn(attempt, fate);
  /* Answered and followed up, or refused: nothing more will come that matters. */
  bool over = attempt->info.answer_frame != 0 ? attempt->info.established : attempt->info.refused_by != DC_REFUSED_NONE;
  if (attempt->open_syns == 0 && over && !self->finishing)
    end_attempt(self, flow);
}
