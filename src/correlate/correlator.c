#include "brief_record.h"
#include "correlator_state.h"

#include <string.h>

#define DEFAULT_MAX_FRAMES (256u * 1024)
#define DEFAULT_MAX_FLOWS (512u * 1024)
/* An attempt takes three times the memory of its flow; a flood of SYNs makes one with every frame. */
#define FLOWS_PER_ATTEMPT 4
#define MAX_HELD_DROPS 65536u
#define MAX_DATAGRAMS 4096u
#define HELD_BYTES_MAX 512u
/* Event time may go back this far (several CPUs, several sources) before it counts as a clock step. */
#define CLOCK_SLACK_NS (5 * DC_NS_PER_S)
/* And forward. */
#define STEP_NS (3600 * DC_NS_PER_S)
#define FLOW_IDLE_NS (10 * DC_NS_PER_S)
/* Flows of frames that are decided soon are fetched so many frames ahead. */
#define FLOWS_AHEAD 8u
#define SLOTS_AHEAD 32u
/* Flows that are over leave so often. */
#define EXPIRE_EVERY_NS (10 * DC_NS_PER_MS)

void dc_correlator_options_init(DcCorrelatorOptions *options)
{
  *options = (DcCorrelatorOptions){
      .window_before_ns = 1 * DC_NS_PER_MS,
      .window_after_ns = 2 * DC_NS_PER_S,
      .fragment_ns = 30 * DC_NS_PER_S,
      .syn_timeout_ns = 1 * DC_NS_PER_S,
      .attempt_idle_ns = 130 * DC_NS_PER_S,
      .max_frames = DEFAULT_MAX_FRAMES,
      .max_flows = DEFAULT_MAX_FLOWS,
  };
}

/* --- verdicts out ------------------------------------------------------------- */

void dc_correlator_start_verdict(const DcCorrelator *self, const DcSlot *slot, DcFrameVerdict *verdict)
{
  const DcSlotNote *note = dc_window_note(self->window, slot);
  memset(verdict, 0, sizeof *verdict);
  verdict->frame = slot->number;
  verdict->time_ns = slot->time_ns;
  dc_window_brief(self->window, slot, &verdict->brief);
  verdict->handshake = note != NULL ? note->attempt : 0;
  verdict->answer_ns = -1;
}

/* True: the sink wants to know no more of this frame. */
static bool give_sighting(DcCorrelator *self, const DcSighting *sighting)
{
  if (self->sink.sighting == NULL || !self->sink.sighting(self->sink.data, sighting))
    return false;
  self->stats.frames_by_fate[sighting->fate]++;
  return true;
}

void dc_correlator_give_frame(DcCorrelator *self, DcFrameVerdict *verdict, const DcDrop *drop)
{
  self->stats.frames_by_fate[verdict->fate]++;
  if (self->sink.frame != NULL)
    self->sink.frame(self->sink.data, verdict, drop);
}

void dc_correlator_give_drop(DcCorrelator *self, DcDropVerdict *verdict, const DcFrameVerdict *frame)
{
  self->stats.drops_by_status[verdict->status]++;
  if (verdict->status == DC_DROP_STATUS_MATCHED)
    self->stats.drops_by_match[verdict->match]++;
  if (self->sink.drop != NULL)
    self->sink.drop(self->sink.data, verdict, frame);
}

static void decide_fragment(DcFrameVerdict *verdict, bool incomplete, void *data)
{
  if (incomplete) {
    verdict->fate = DC_FATE_UNEXPLAINED;
    verdict->fragment_incomplete = true;
  }
  dc_correlator_give_frame(data, verdict, NULL);
}

/* --- life --------------------------------------------------------------------- */

DcCorrelator *dc_correlator_new(const DcCorrelatorOptions *options, const DcVerdictSink *sink)
{
  DcCorrelator *self = g_new0(DcCorrelator, 1);
  self->options = *options;
  self->sink = *sink;
  self->directions = dc_directions_new();
  self->window = dc_window_new(options->max_frames != 0 ? options->max_frames : DEFAULT_MAX_FRAMES);
  const size_t max_flows = options->max_flows != 0 ? options->max_flows : DEFAULT_MAX_FLOWS;
  self->flows = dc_flows_new(max_flows);
  self->max_attempts = max_flows / FLOWS_PER_ATTEMPT;
  self->fragments = dc_fragments_new(options->fragment_ns, MAX_DATAGRAMS, decide_fragment, self);
  self->ended_attempts = g_hash_table_new(NULL, NULL);
  self->ifindexes = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  self->bridge_ports = g_hash_table_new(g_direct_hash, g_direct_equal);
  self->now_ns = self->previous_ns = self->first_frame_ns = self->last_frame_ns = self->priming_begin_ns = DC_TIME_NONE;
  self->hold_ns = MAX(options->window_after_ns, options->syn_timeout_ns) + options->window_before_ns;
  if (options->infer_direction)
    self->priming = g_ptr_array_new_with_free_func(g_free);
  return self;
}

static void held_list_clear(DcHeldList *list)
{
  while (list->first != NULL) {
    DcHeldDrop *held = list->first;
    list->first = held->next;
    g_free(held);
  }
}

void dc_correlator_free(DcCorrelator *self)
{
  if (self == NULL)
    return;
  held_list_clear(&self->with_bytes);
  held_list_clear(&self->without_bytes);
  g_clear_pointer(&self->priming, g_ptr_array_unref);
  g_array_unref(self->ifindexes);
  g_hash_table_unref(self->bridge_ports);
  GHashTableIter iter;
  gpointer ended;
  g_hash_table_iter_init(&iter, self->ended_attempts);
  while (g_hash_table_iter_next(&iter, NULL, &ended))
    dc_flows_free_attempt(self->flows, ended);
  g_hash_table_unref(self->ended_attempts);
  dc_fragments_free(self->fragments);
  dc_flows_free(self->flows);
  dc_window_free(self->window);
  dc_directions_free(self->directions);
  g_free(self);
}

void dc_correlator_add_local_address(DcCorrelator *self, const DcAddr *addr)
{
  dc_directions_add_address(self->directions, addr);
}

void dc_correlator_add_local_mac(DcCorrelator *self, const uint8_t mac[6])
{
  dc_directions_add_mac(self->directions, mac);
}

void dc_correlator_add_ifindex(DcCorrelator *self, uint32_t ifindex)
{
  g_array_append_val(self->ifindexes, ifindex);
}

void dc_correlator_add_bridge_port(DcCorrelator *self, uint32_t ifindex)
{
  g_hash_table_add(self->bridge_ports, GUINT_TO_POINTER(ifindex));
}

/* --- frames leaving ------------------------------------------------------------- */

static DcSighting sighting_of(const DcSlot *slot, DcFate fate)
{
  return (DcSighting){
      .time_ns = slot->time_ns,
      .ethertype = slot->ethertype,
      .dst_port = slot->dst_port,
      .protocol = slot->protocol,
      .direction = slot->direction,
      .fate = (uint8_t)fate,
      .has_ip = (slot->flags & DC_SLOT_IP) != 0,
      .has_ports = (slot->flags & DC_SLOT_PORTS) != 0,
      .has_vlan = (slot->flags & DC_SLOT_VLAN) != 0,
  };
}

/* Whether its verdict waits for the rest of the datagram. */
static bool fragment_waits(DcCorrelator *self, const DcSlot *slot, const DcFrameVerdict *verdict)
{
  DcDatagramKey key;
  dc_datagram_key_of_frame(&key, &verdict->brief.flow, slot->ip_id);
  if (dc_fragments_state(self->fragments, &key) != DC_DATAGRAM_PARTIAL)
    return false;
  dc_fragments_wait(self->fragments, &key, verdict);
  return true;
}

static void give_answer(DcCorrelator *self, const DcSlot *slot, const DcAnswer *answer)
{
  DcFrameVerdict verdict;
  dc_correlator_start_verdict(self, slot, &verdict);
  verdict.fate = answer->fate;
  verdict.answer_ns = answer->answer_ns;
  verdict.owed = answer->owed;
  verdict.handshake_open = answer->handshake_open;
  verdict.refused_by = answer->refused_by;
  verdict.refused_type = answer->refused_type;
  verdict.refused_code = answer->refused_code;
  if ((slot->flags & DC_SLOT_CONSUMED) != 0) {
    const DcSlotNote *note = dc_window_note(self->window, slot);
    verdict.drop = note->consumed_by;
    verdict.delay_ns = note->consumed_delay_ns;
  }
  const bool fragment = (slot->flags & DC_SLOT_FRAGMENT) != 0 && verdict.fate == DC_FATE_UNREMARKABLE;
  const bool waits = fragment && fragment_waits(self, slot, &verdict);
  if ((slot->flags & DC_SLOT_SYN) != 0)
    dc_answer_syn_decided(self, slot, (DcFate)verdict.fate);
  if (!waits)
    dc_correlator_give_frame(self, &verdict, NULL);
}

static void decide_oldest(DcCorrelator *self)
{
  const DcSlot *slot = dc_window_oldest(self->window);
  const uint64_t begin = dc_window_begin(self->window);
  const DcSlot *later = dc_window_at(self->window, begin + FLOWS_AHEAD);
  if (later != NULL)
    dc_flows_prefetch_at(self->flows, later->flow);
  __builtin_prefetch(dc_window_at(self->window, begin + SLOTS_AHEAD));
  if ((slot->flags & DC_SLOT_DECIDED) == 0) {
    DcAnswer answer;
    dc_answer_decide(self, slot, &answer);
    const DcSighting sighting = sighting_of(slot, (DcFate)answer.fate);
    if ((slot->flags & DC_SLOT_FRAGMENT) != 0 || !give_sighting(self, &sighting))
      give_answer(self, slot, &answer);
    else if ((slot->flags & DC_SLOT_SYN) != 0)
      dc_answer_syn_decided(self, slot, (DcFate)answer.fate);
  }
  dc_window_remove_oldest(self->window);
}

/* --- drops waiting --------------------------------------------------------------- */

static void match_first(DcCorrelator *self, DcHeldList *list)
{
  DcHeldDrop *held = list->first;
  list->first = held->next;
  if (list->first == NULL)
    list->last = NULL;
  list->count--;
  dc_match_drop(self, &held->drop);
  g_free(held);
}

static void hold_drop(DcCorrelator *self, const DcDrop *drop)
{
  uint32_t kept = MIN(drop->caplen, HELD_BYTES_MAX);
  DcHeldDrop *held = g_malloc(sizeof *held + kept);
  held->next = NULL;
  held->drop = *drop;
  held->drop.caplen = kept;
  held->drop.bytes = kept != 0 ? held->bytes : NULL;
  if (kept != 0)
    memcpy(held->bytes, drop->bytes, kept);
  /* Without bytes, a frame that gets an answer must be out of the question first. */
  DcHeldList *list = kept != 0 || drop->time_ns == DC_TIME_NONE ? &self->with_bytes : &self->without_bytes;
  int64_t wait_ns = list == &self->with_bytes ? self->options.window_before_ns
                                              : MIN(self->options.syn_timeout_ns, self->options.window_after_ns);
  held->due_ns = drop->time_ns != DC_TIME_NONE ? drop->time_ns + wait_ns : DC_TIME_NONE;
  if (list->last != NULL)
    list->last->next = held;
  else
    list->first = held;
  list->last = held;
  self->settle_ns = MIN(self->settle_ns, held->due_ns);
  if (++list->count > MAX_HELD_DROPS) {
    self->stats.decided_early++;
    match_first(self, list);
  }
}

static void match_due(DcCorrelator *self, DcHeldList *list)
{
  while (list->first != NULL && list->first->due_ns <= self->now_ns)
    match_first(self, list);
}

/* --- time --------------------------------------------------------------------------- */

static void match_all(DcCorrelator *self)
{
  while (self->with_bytes.first != NULL)
    match_first(self, &self->with_bytes);
  while (self->without_bytes.first != NULL)
    match_first(self, &self->without_bytes);
}

/* The clock was set back: nothing timed from now on can be compared with what came before. */
static void forget_the_past(DcCorrelator *self)
{
  self->clock_stepped = true;
  self->judged_ns = self->now_ns;
  match_all(self);
  while (dc_window_oldest(self->window) != NULL)
    decide_oldest(self);
  dc_flows_clear(self->flows, dc_answer_evict, self);
  self->clock_stepped = false;
}

/* When this one is, once it is the oldest: at once, if its stamp is wrong. */
static int64_t over_ns(const DcCorrelator *self, const DcSlot *slot)
{
  return slot->time_ns - self->now_ns > CLOCK_SLACK_NS ? INT64_MIN : slot->time_ns + self->hold_ns;
}

/* When something is over next, as far as is known now. */
static int64_t next_over(DcCorrelator *self)
{
  int64_t next_ns = self->expired_ns + EXPIRE_EVERY_NS;
  if (self->with_bytes.first != NULL)
    next_ns = MIN(next_ns, self->with_bytes.first->due_ns);
  if (self->without_bytes.first != NULL)
    next_ns = MIN(next_ns, self->without_bytes.first->due_ns);
  const DcSlot *slot = dc_window_oldest(self->window);
  return slot != NULL ? MIN(next_ns, over_ns(self, slot)) : next_ns;
}

static void expire(DcCorrelator *self)
{
  if (self->now_ns - self->expired_ns < EXPIRE_EVERY_NS && self->now_ns >= self->expired_ns)
    return;
  self->expired_ns = self->now_ns;
  const DcFlowLimits limits = {
      .attempt_ns = self->options.attempt_idle_ns,
      .tcp_ns = MAX(FLOW_IDLE_NS, self->hold_ns),
      .other_ns = self->hold_ns, /* nothing is told of what no frame of the window belongs to */
  };
  dc_flows_expire(self->flows, self->now_ns, &limits, dc_answer_evict, self);
  dc_fragments_expire(self->fragments, self->now_ns);
}

/* What is over by now is decided. */
static void settle(DcCorrelator *self)
{
  match_due(self, &self->with_bytes);
  match_due(self, &self->without_bytes);
  for (const DcSlot *slot = dc_window_oldest(self->window); slot != NULL; slot = dc_window_oldest(self->window)) {
    const int64_t age_ns = self->now_ns - slot->time_ns;
    if (age_ns < self->hold_ns && age_ns >= -CLOCK_SLACK_NS)
      break;
    const bool stepped = self->clock_stepped;
    if (age_ns < 0) { /* a wrong stamp: nothing can be said of its age */
      self->clock_stepped = true;
      self->judged_ns = self->now_ns;
    }
    decide_oldest(self);
    self->clock_stepped = stepped;
  }
  expire(self);
  self->settle_ns = next_over(self);
}

/* Time goes on by more than an hour, or back: as far as that can be told. */
static void step(DcCorrelator *self, int64_t agreed_ns, int64_t time_ns)
{
  if (self->now_ns == DC_TIME_NONE || agreed_ns > self->now_ns) {
    const bool stepped = self->now_ns != DC_TIME_NONE && agreed_ns - self->now_ns > STEP_NS;
    self->stats.clock_steps += stepped;
    self->clock_stepped = stepped;
    self->judged_ns = self->now_ns;
    self->now_ns = agreed_ns;
  } else if (self->now_ns - time_ns > CLOCK_SLACK_NS) {
    self->stats.clock_steps++;
    forget_the_past(self);
    self->now_ns = time_ns;
  }
  settle(self);
  self->clock_stepped = false;
}

static inline void advance(DcCorrelator *self, int64_t time_ns)
{
  if (time_ns == DC_TIME_NONE)
    return;
  /* Two events in a row say that it is so late: a single wrong stamp, or two clocks in one capture, end no window. */
  const int64_t agreed_ns = self->previous_ns == DC_TIME_NONE ? time_ns : MIN(self->previous_ns, time_ns);
  self->previous_ns = time_ns;
  /* Most events are a little later than the one before, and nothing is over. */
  if (self->now_ns == DC_TIME_NONE || agreed_ns < self->now_ns || agreed_ns - self->now_ns > STEP_NS) {
    step(self, agreed_ns, time_ns);
    return;
  }
  self->now_ns = agreed_ns;
  if (agreed_ns >= self->settle_ns)
    settle(self);
}

void dc_correlator_make_room(DcCorrelator *self)
{
  if (!dc_window_full(self->window))
    return;
  decide_oldest(self);
  self->stats.decided_early++;
  self->settle_ns = INT64_MIN; /* what is over next is not known any more */
}

void dc_correlator_slot_added(DcCorrelator *self, const DcSlot *slot)
{
  self->settle_ns = MIN(self->settle_ns, over_ns(self, slot));
}

static DcSlot *add_slot(DcCorrelator *self, const DcFrame *frame, const DcFrameKeys *keys, DcDirection direction,
                        uint64_t *ret_position)
{
  dc_correlator_make_room(self);
  /* Whose packet one of this host's own headers is needs no more looking at. */
  DcSlot *slot = dc_window_add(self->window, keys, direction == DC_DIRECTION_OUT, ret_position);
  slot->direction = (uint8_t)direction;
  slot->number = frame->number;
  slot->time_ns = frame->time_ns;
  self->cut_frames |= keys->cut;
  dc_correlator_slot_added(self, slot);
  return slot;
}

static void give_outbound(DcCorrelator *self, const DcFrame *frame, const DcFrameKeys *keys)
{
  const DcSighting sighting = {.time_ns = frame->time_ns, .direction = DC_DIRECTION_OUT, .fate = DC_FATE_OUTBOUND};
  if (give_sighting(self, &sighting))
    return;
  DcFrameVerdict verdict = {.frame = frame->number, .time_ns = frame->time_ns, .answer_ns = -1};
  dc_brief_unpack(&verdict.brief, keys->record);
  verdict.brief.direction = DC_DIRECTION_OUT;
  verdict.fate = DC_FATE_OUTBOUND;
  dc_correlator_give_frame(self, &verdict, NULL);
}

static inline void begin_frame(DcCorrelator *self, int64_t time_ns)
{
  advance(self, time_ns);
  self->stats.frames++;
  if (self->first_frame_ns == DC_TIME_NONE || time_ns < self->first_frame_ns)
    self->first_frame_ns = time_ns;
  if (self->last_frame_ns == DC_TIME_NONE || time_ns > self->last_frame_ns)
    self->last_frame_ns = time_ns;
  self->disorder_ns = MAX(self->disorder_ns, self->last_frame_ns - time_ns);
}

static void process_frame(DcCorrelator *self, const DcFrame *frame)
{
  const DcFrameKeys *keys = frame->keys;
  if (keys == NULL) {
    dc_frame_keys_make(&self->keys, frame, self->options.expect_drops);
    keys = &self->keys;
  }
  begin_frame(self, frame->time_ns);
  DcDirection direction = dc_directions_of(self->directions, frame);
  /* On a loopback device each packet is seen once, as sent and received in one. */
  if (direction == DC_DIRECTION_OUT || dc_directions_is_loopback(frame))
    dc_answer_outbound(self, frame, keys);
  if (direction == DC_DIRECTION_OUT && !self->options.expect_drops) {
    give_outbound(self, frame, keys);
    return;
  }
  uint64_t position;
  DcSlot *slot = add_slot(self, frame, keys, direction, &position);
  if (direction == DC_DIRECTION_OUT) {
    slot->flags |= DC_SLOT_DECIDED;
    give_outbound(self, frame, keys);
    return;
  }
  if (direction == DC_DIRECTION_OTHER_HOST)
    return;
  if ((frame->packet.has & DC_HAS_FRAGMENT) != 0) {
    slot->flags |= DC_SLOT_FRAGMENT;
    dc_fragments_add(self->fragments, &frame->packet, position, frame->time_ns);
  }
  dc_answer_inbound(self, frame, keys, slot, position);
}

void dc_correlator_process(DcCorrelator *self, const DcEvent *event)
{
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    process_frame(self, &event->frame);
    return;
  case DC_EVENT_LIGHT:
    begin_frame(self, event->time_ns);
    dc_correlator_process_light(self, &event->light, event->time_ns);
    return;
  case DC_EVENT_DROP:
    self->stats.drops++;
    advance(self, event->drop.time_ns);
    hold_drop(self, &event->drop);
    return;
  case DC_EVENT_SAMPLE:
  case DC_EVENT_LOSS:
    advance(self, event->time_ns);
    return;
  }
}

const DcDirections *dc_correlator_directions(const DcCorrelator *self)
{
  return self->priming == NULL ? self->directions : NULL;
}

void dc_correlator_feed(DcCorrelator *self, const DcEvent *event)
{
  if (self->priming == NULL) {
    dc_correlator_process(self, event);
    return;
  }
  /* Samples and losses only carry time here, and their text is gone later. */
  if (event->kind == DC_EVENT_FRAME || event->kind == DC_EVENT_DROP)
    dc_correlator_prime(self, event);
}

void dc_correlator_finish(DcCorrelator *self)
{
  if (self->priming != NULL)
    dc_correlator_end_priming(self);
  if (self->previous_ns > self->now_ns) { /* nothing comes to contradict the last event's time */
    self->now_ns = self->previous_ns;
    settle(self);
  }
  self->finishing = true;
  match_all(self);
  while (dc_window_oldest(self->window) != NULL)
    decide_oldest(self);
  dc_fragments_finish(self->fragments);
  dc_flows_clear(self->flows, dc_answer_evict, self);
}

void dc_correlator_stats(const DcCorrelator *self, DcCorrelatorStats *ret_stats)
{
  *ret_stats = self->stats;
  ret_stats->decided_early += dc_flows_evicted(self->flows) + dc_fragments_evicted(self->fragments);
  ret_stats->window_frames = dc_window_count(self->window);
  ret_stats->peak_window_frames = dc_window_peak(self->window);
  ret_stats->flows = dc_flows_count(self->flows);
  ret_stats->peak_flows = dc_flows_peak(self->flows);
  ret_stats->attempts = dc_flows_attempts(self->flows);
}

const char *dc_correlator_direction_text(const DcCorrelator *self)
{
  return dc_directions_text(self->directions);
}
