/* What segments tell of their flow and of the attempts to open it: RFC 9293. */
#include "correlator_state.h"

/* Attempts whose flow goes on without them wait for their last SYNs; so many at most. */
#define ENDED_ATTEMPTS_MAX 16384u

static void attempt_answered(DcAttempt *attempt, const DcSegment *segment)
{
  attempt->synacks++;
  if (attempt->answer_frame != 0)
    return;
  attempt->answer_frame = segment->number;
  attempt->answer_time_ns = segment->time_ns;
  attempt->answer_ns = segment->time_ns - attempt->last_ns;
  attempt->has_answer_tsval = segment->has_tsval;
  attempt->answer_tsval = segment->tsval;
}

static void note_acknowledged(DcCorrelator *self, DcFlow *flow, const DcSegment *segment)
{
  if (!flow->has_local_ack || dc_after_or_at(segment->ack, flow->local_ack)) {
    flow->local_ack = segment->ack;
    flow->ack_ns = segment->time_ns;
    flow->has_local_ack = true;
  }
  if ((segment->flags & (DC_TCP_SYN | DC_TCP_FIN | DC_TCP_RST)) == 0) {
    flow->out_plain_ack = self->plain_acks_seen = true;
    flow->unheard = false;
  } else if ((segment->flags & DC_TCP_SYN) != 0) {
    flow->unheard = flow->peer_acked;
  }
}

/* A SYN-ACK or a RST: about the SYN, maybe. */
static void answer_syn(DcCorrelator *self, DcFlow *flow, const DcSegment *segment)
{
  DcAttempt *attempt = flow->attempt;
  const uint8_t flags = segment->flags;
  const bool acks_syn = attempt != NULL && segment->ack == attempt->isn + 1;
  DcSlot *syn = acks_syn ? dc_window_at(self->window, attempt->syn_position) : NULL;
  if ((flags & (DC_TCP_SYN | DC_TCP_ACK)) == (DC_TCP_SYN | DC_TCP_ACK) && acks_syn) {
    attempt_answered(attempt, segment);
    if (syn != NULL && (syn->flags & DC_SLOT_ANSWERED) == 0) {
      syn->flags |= DC_SLOT_ANSWERED;
      dc_window_make_note(self->window, syn)->answer_ns = segment->time_ns - syn->time_ns;
    }
  }
  if ((flags & DC_TCP_RST) == 0)
    return;
  flow->refused_from_ns = INT64_MIN;
  flow->refused_ns = segment->time_ns;
  flow->refused_by = DC_REFUSED_RST;
  if (acks_syn && attempt->answer_frame == 0) {
    attempt->refused_by = DC_REFUSED_RST;
    if (syn != NULL) {
      DcSlotNote *note = dc_window_make_note(self->window, syn);
      note->refused_by = DC_REFUSED_RST;
      note->answer_ns = segment->time_ns - syn->time_ns;
    }
  }
}

void dc_answer_segment_sent(DcCorrelator *self, DcFlow *flow, const DcSegment *segment)
{
  flow->out_seen = true;
  flow->zero_window = segment->zero_window && (segment->flags & (DC_TCP_SYN | DC_TCP_RST)) == 0;
  if ((segment->flags & DC_TCP_ACK) != 0)
    note_acknowledged(self, flow, segment);
  /* Looked at only where it matters: the attempt is not in the cache. */
  if ((segment->flags & (DC_TCP_SYN | DC_TCP_RST)) != 0)
    answer_syn(self, flow, segment);
}

static void give_handshake(DcCorrelator *self, const DcAttempt *attempt)
{
  DcHandshake info;
  dc_attempt_tell(attempt, &info);
  if (info.answer_frame != 0)
    info.outcome = DC_OUTCOME_ANSWERED;
  else if (info.dropped > 0)
    info.outcome = DC_OUTCOME_DROPPED;
  else if (info.refused_by != DC_REFUSED_NONE)
    info.outcome = DC_OUTCOME_REFUSED;
  else if (!dc_answer_time_was_over(self, info.last_ns))
    info.outcome = DC_OUTCOME_PENDING;
  else
    info.outcome = DC_OUTCOME_UNEXPLAINED;
  if (self->sink.handshake != NULL)
    self->sink.handshake(self->sink.data, &info);
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
    const gsize id = (gsize)attempt->id;
    g_hash_table_insert(self->ended_attempts, GSIZE_TO_POINTER(id), dc_flows_take_attempt(self->flows, flow));
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

static void inbound_syn(DcCorrelator *self, DcFlow *flow, const DcSegment *segment, DcSlot *slot, uint64_t position)
{
  DcAttempt *attempt = flow->attempt;
  if (attempt != NULL && attempt->isn != segment->seq) {
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
    attempt =
        dc_flows_open_attempt(self->flows, flow, dc_window_record(self->window, slot), (DcDirection)slot->direction);
    attempt->id = ++self->next_attempt;
    attempt->isn = segment->seq;
    attempt->has_tsval = segment->has_tsval;
  }
  const DcSyn syn = {.frame = segment->number, .time_ns = segment->time_ns, .tsval = segment->tsval};
  dc_attempt_add_syn(attempt, &syn);
  attempt->open_syns++;
  attempt->syn_position = position;
  dc_window_make_note(self->window, slot)->attempt = attempt->id;
  slot->flags |= DC_SLOT_SYN;
}

void dc_answer_segment_came(DcCorrelator *self, DcFlow *flow, const DcSegment *segment, DcSlot *slot, uint64_t position)
{
  if ((segment->flags & (DC_TCP_SYN | DC_TCP_ACK | DC_TCP_RST)) == DC_TCP_SYN) {
    inbound_syn(self, flow, segment, slot, position);
    return;
  }
  DcAttempt *attempt = flow->attempt;
  if (attempt == NULL || flow->peer_acked || (segment->flags & (DC_TCP_ACK | DC_TCP_RST)) != DC_TCP_ACK ||
      segment->seq != attempt->isn + 1)
    return;
  attempt->established = flow->peer_acked = true;
  attempt->established_frame = segment->number;
  attempt->established_ns = segment->time_ns;
}

static void count_syn(DcAttempt *attempt, DcFate fate)
{
  attempt->open_syns--;
  if (fate == DC_FATE_DROPPED)
    attempt->dropped++;
  else if (fate == DC_FATE_UNEXPLAINED)
    attempt->unanswered++;
}

void dc_answer_syn_decided(DcCorrelator *self, const DcSlot *slot, DcFate fate)
{
  const uint64_t id = dc_window_note(self->window, slot)->attempt;
  DcFlow *flow = dc_flows_at(self->flows, slot->flow, slot->flow_generation);
  if (flow == NULL || flow->attempt == NULL || flow->attempt->id != id) {
    DcAttempt *ended = g_hash_table_lookup(self->ended_attempts, GSIZE_TO_POINTER(id));
    if (ended == NULL)
      return;
    count_syn(ended, fate);
    if (ended->open_syns == 0) {
      give_handshake(self, ended);
      g_hash_table_remove(self->ended_attempts, GSIZE_TO_POINTER(id));
      dc_flows_free_attempt(self->flows, ended);
    }
    return;
  }
  DcAttempt *attempt = flow->attempt;
  count_syn(attempt, fate);
  /* Answered and followed up, or refused: nothing more will come that matters. */
  bool over = attempt->answer_frame != 0 ? attempt->established : attempt->refused_by != DC_REFUSED_NONE;
  if (attempt->open_syns == 0 && over && !self->finishing)
    end_attempt(self, flow);
}
