#include "diagnosis_state.h"

#include "refusal.h"
#include "unwrap.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/model/site.h"

#include <string.h>

#define HELD_HANDSHAKES_MAX 16384u
/* Where the kernel gave no reason, counters decide; they are read each second, and rules look 1.5 s around the
 * drop. */
#define COUNTERS_READ_NS (2600 * DC_NS_PER_MS)
#define WAITING_DROPS_MAX 16384u
/* Event time that goes back by more was set back. */
#define CLOCK_SLACK_NS (5 * DC_NS_PER_S)
#define EVENTS_BETWEEN_STEPS 4096u

/* --- verdicts out ------------------------------------------------------------------- */

static void count_and_pass(DcDiagnosis *self, const DcFrameVerdict *verdict)
{
  self->summary.frames_seen++;
  self->summary.frames_by_fate[verdict->fate]++;
  if (self->listener.frame != NULL)
    self->listener.frame(self->listener.data, verdict);
}

/* Of a tunnelled packet that is dropped once it is unwrapped, the service concerned is the inner one's. */
static DcFrameVerdict with_service(const DcFrameVerdict *verdict, const DcDrop *drop)
{
  DcFrameVerdict own = *verdict;
  if (drop != NULL && (own.brief.has & DC_HAS_INNER) != 0 && (drop->packet.has & DC_HAS_IP) != 0 &&
      (drop->packet.has & DC_HAS_INNER) == 0)
    dc_flow_key_from_packet(&own.brief.flow, &drop->packet);
  return own;
}

static const char *device_of(const DcDiagnosis *self, const DcDrop *drop)
{
  if (drop == NULL || drop->rx_ifname != NULL)
    return drop != NULL ? drop->rx_ifname : NULL;
  if (drop->in_ifname != NULL || drop->in_ifindex == 0 || self->state == NULL)
    return drop->in_ifname;
  return dc_state_device_name(self->state, drop->in_ifindex);
}

/* A lost frame joins its finding, which it may have made. */
static void into_finding(DcDiagnosis *self, DcFrameVerdict *verdict, const DcRuling *ruling, const DcDrop *drop)
{
  bool is_new;
  const DcFrameVerdict own = with_service(verdict, drop);
  DcGroup *group = dc_groups_get(self->groups, (DcCause)own.cause, (DcFate)own.fate, &own.brief, &is_new);
  dc_group_add_frame(group, &own, ruling, drop);
  dc_group_add_device(group, device_of(self, drop));
  verdict->finding = group->number;
  if (is_new && self->listener.finding != NULL) {
    g_autoptr(DcFinding) finding = dc_report_model_finding(self, group);
    self->listener.finding(self->listener.data, finding);
  }
}

static void remember_attempt(DcDiagnosis *self, const DcFrameVerdict *verdict)
{
  if (verdict->handshake == 0)
    return;
  /* A drop says more than silence: it overrides. */
  gpointer key = GSIZE_TO_POINTER(verdict->handshake);
  if (verdict->fate != DC_FATE_DROPPED && g_hash_table_contains(self->attempts, key))
    return;
  if (!g_hash_table_contains(self->attempts, key)) {
    if (self->attempt_ids == NULL)
      self->attempt_ids = g_new0(uint64_t, DC_ATTEMPTS_MAX);
    uint64_t *id = &self->attempt_ids[self->attempt_count++ % DC_ATTEMPTS_MAX];
    if (*id != 0)
      g_hash_table_remove(self->attempts, GSIZE_TO_POINTER(*id));
    *id = verdict->handshake;
  }
  gsize packed = (gsize)verdict->cause << 8 | (gsize)verdict->confidence << 4 | (verdict->fate == DC_FATE_SILENT);
  g_hash_table_insert(self->attempts, key, GSIZE_TO_POINTER(packed));
}

/* --- frames in ------------------------------------------------------------------------ */

static const DcRuling *ruling_of(DcDiagnosis *self, const DcDrop *drop, const DcBrief *brief)
{
  if (self->last_ruling_drop != drop->number) {
    dc_rule_drop(drop, drop->packet.has != 0 ? &drop->packet : NULL, brief, self->state, &self->last_ruling);
    self->last_ruling_drop = drop->number;
  }
  return &self->last_ruling;
}

/* --- drops whose cause the next counters tell ------------------------------------------- */

/* One call of the sink, kept: a dropped frame, or a drop with the frame it may be joined to. */
typedef struct {
  bool is_frame;
  bool has_frame;
  DcFrameVerdict frame;
  DcDropVerdict verdict;
  DcDrop drop; /* without its bytes: decoded they are enough */
} WaitingDrop;

static bool must_wait(const DcDiagnosis *self, const DcDrop *drop)
{
  return self->options.live && !self->finishing && dc_reason_is_unspecified(drop->reason) &&
         drop->time_ns != DC_TIME_NONE;
}

static WaitingDrop *wait_for_counters(DcDiagnosis *self, const DcDrop *drop, const DcFrameVerdict *frame)
{
  WaitingDrop *waiting = g_new0(WaitingDrop, 1);
  waiting->drop = *drop;
  waiting->drop.bytes = NULL;
  waiting->has_frame = frame != NULL;
  if (frame != NULL)
    waiting->frame = *frame;
  g_queue_push_tail(&self->waiting_drops, waiting);
  return waiting;
}

static void decide_dropped(DcDiagnosis *self, DcFrameVerdict *verdict, const DcDrop *drop);
static void decide_drop(DcDiagnosis *self, DcDropVerdict *verdict, const DcFrameVerdict *frame);

static void decide_waiting(DcDiagnosis *self, bool all)
{
  for (const WaitingDrop *next = g_queue_peek_head(&self->waiting_drops); next != NULL;
       next = g_queue_peek_head(&self->waiting_drops)) {
    /* now_ns moves by the second, so that a drop may be later. A clock that went back further is no reason to
     * wait longer. */
    const int64_t age = self->now_ns - next->drop.time_ns;
    if (!all && age >= -2 * DC_NS_PER_S && age < COUNTERS_READ_NS && self->waiting_drops.length <= WAITING_DROPS_MAX)
      return;
    g_autofree WaitingDrop *waiting = g_queue_pop_head(&self->waiting_drops);
    waiting->verdict.drop = &waiting->drop;
    if (waiting->is_frame)
      decide_dropped(self, &waiting->frame, &waiting->drop);
    else
      decide_drop(self, &waiting->verdict, waiting->has_frame ? &waiting->frame : NULL);
  }
}

static void decide_dropped(DcDiagnosis *self, DcFrameVerdict *verdict, const DcDrop *drop)
{
  const DcRuling *ruling = ruling_of(self, drop, &verdict->brief);
  if (ruling->cause == DC_CAUSE_NORMAL_FREE || ruling->cause == DC_CAUSE_CAPTURE_ARTIFACT) {
    verdict->fate = DC_FATE_CONSUMED;
  } else {
    verdict->cause = (uint8_t)ruling->cause;
    verdict->confidence = (uint8_t)ruling->confidence;
    into_finding(self, verdict, ruling, drop);
    remember_attempt(self, verdict);
  }
  count_and_pass(self, verdict);
}

/* --- frames in, continued ------------------------------------------------------------------ */

static void on_frame(void *data, const DcFrameVerdict *given, const DcDrop *drop)
{
  DcDiagnosis *self = data;
  DcFrameVerdict verdict = *given;
  DcRuling ruling;
  const DcSighting seen = dc_sighting_of(given);
  dc_sighting_count(self, &seen);

  DcDrop inner;
  if (drop != NULL && dc_drop_unwrap(drop, self->state, &inner))
    drop = &inner;
  switch ((DcFate)verdict.fate) {
  case DC_FATE_DROPPED:
    if (must_wait(self, drop))
      wait_for_counters(self, drop, &verdict)->is_frame = true;
    else
      decide_dropped(self, &verdict, drop);
    return;
  case DC_FATE_REFUSED:
    dc_rule_refusal(&verdict, self->state, &ruling);
    verdict.cause = (uint8_t)ruling.cause;
    verdict.confidence = (uint8_t)ruling.confidence;
    into_finding(self, &verdict, &ruling, NULL);
    remember_attempt(self, &verdict);
    break;
  case DC_FATE_UNEXPLAINED:
    dc_silence_add(self->silence, &verdict);
    return;
  case DC_FATE_UNREMARKABLE:
    if (!dc_sighting_is_usual(&seen) &&
        (verdict.brief.direction == DC_DIRECTION_IN || verdict.brief.direction == DC_DIRECTION_UNKNOWN) &&
        dc_rule_unhandled(&verdict.brief, self->state, &ruling)) {
      verdict.fate = DC_FATE_UNHANDLED;
      verdict.cause = (uint8_t)ruling.cause;
      verdict.confidence = (uint8_t)ruling.confidence;
      into_finding(self, &verdict, &ruling, NULL);
    }
    break;
  case DC_FATE_OUTBOUND:
  case DC_FATE_ANSWERED:
  case DC_FATE_CONSUMED:
  case DC_FATE_UNHANDLED:
  case DC_FATE_SILENT:
  case DC_FATE_COUNT:
    break;
  }
  count_and_pass(self, &verdict);
}

/* --- silence decided -------------------------------------------------------------------- */

static void on_silence(DcFrameVerdict *verdict, const DcRuling *ruling, void *data)
{
  DcDiagnosis *self = data;
  into_finding(self, verdict, ruling, NULL);
  remember_attempt(self, verdict);
  count_and_pass(self, verdict);
}

/* --- drops in ------------------------------------------------------------------------------ */

/* Tallies are their own keys: status, why, location and reason. */
static guint tally_hash(gconstpointer data)
{
  const DcDropTally *tally = data;
  guint hash = (guint)tally->status * 31 + tally->why;
  hash = hash * 31 + (tally->location != NULL ? g_str_hash(tally->location) : 0);
  return hash * 31 + (tally->reason != NULL ? g_str_hash(tally->reason) : 0);
}

static gboolean tally_equal(gconstpointer one, gconstpointer other)
{
  const DcDropTally *a = one, *b = other;
  return a->status == b->status && a->why == b->why && g_strcmp0(a->location, b->location) == 0 &&
         g_strcmp0(a->reason, b->reason) == 0;
}

/* The tally of a drop, made when there is none. Beyond the limit, of all others of its status. */
static DcDropTally *tally_of(DcDiagnosis *self, const DcDropVerdict *verdict)
{
  const DcDrop *drop = verdict->drop;
  DcDropTally key = {
      .status = (DcDropStatus)verdict->status,
      .why = verdict->status == DC_DROP_STATUS_UNMATCHED ? verdict->unmatched_why : verdict->aside_why,
      .location = drop->symbol != NULL     ? drop->symbol
                  : drop->location != NULL ? drop->location
                                           : drop->trap_name,
      .reason = drop->reason,
  };
  DcDropTally *tally = g_hash_table_lookup(self->drop_tallies, &key);
  if (tally == NULL && g_hash_table_size(self->drop_tallies) >= DC_DROP_GROUPS_MAX) {
    key = (DcDropTally){.status = key.status, .location = "(other sites)"};
    tally = g_hash_table_lookup(self->drop_tallies, &key);
  }
  if (tally != NULL)
    return tally;
  tally = g_new(DcDropTally, 1);
  *tally = key;
  tally->location = g_strdup(key.location);
  tally->reason = g_strdup(key.reason);
  tally->cause = (DcCause)verdict->cause;
  tally->first_ns = tally->last_ns = drop->time_ns;
  tally->example = drop->number;
  g_hash_table_add(self->drop_tallies, tally);
  return tally;
}

static void tally_drop(DcDiagnosis *self, const DcDropVerdict *verdict)
{
  const DcDrop *drop = verdict->drop;
  DcDropTally *tally = tally_of(self, verdict);
  tally->drops += drop->count;
  if (drop->time_ns != DC_TIME_NONE) {
    tally->first_ns = tally->first_ns == DC_TIME_NONE ? drop->time_ns : MIN(tally->first_ns, drop->time_ns);
    tally->last_ns = MAX(tally->last_ns, drop->time_ns);
  }
  if (tally->packet == NULL && (drop->packet.has & DC_HAS_IP) != 0) {
    char src[DC_ADDR_TEXT_MAX], dst[DC_ADDR_TEXT_MAX], scratch[4];
    const DcPacket *packet = &drop->packet;
    bool ports = (packet->has & DC_HAS_PORTS) != 0;
    g_autofree char *src_port = ports ? g_strdup_printf(".%u", packet->src_port) : g_strdup("");
    g_autofree char *dst_port = ports ? g_strdup_printf(".%u", packet->dst_port) : g_strdup("");
    tally->packet =
        g_strdup_printf("%s %s%s > %s%s", dc_ip_protocol_name(packet->ip_protocol, scratch),
                        dc_addr_format(&packet->src, src), src_port, dc_addr_format(&packet->dst, dst), dst_port);
  }
}

static void decide_drop(DcDiagnosis *self, DcDropVerdict *verdict, const DcFrameVerdict *frame)
{
  if (verdict->status == DC_DROP_STATUS_MATCHED || verdict->status == DC_DROP_STATUS_UNMATCHED) {
    const DcRuling *ruling = ruling_of(self, verdict->drop, frame != NULL ? &frame->brief : NULL);
    if (ruling->cause == DC_CAUSE_NORMAL_FREE) {
      verdict->status = DC_DROP_STATUS_NOISE;
      verdict->aside_why = DC_ASIDE_NORMAL_FREE;
    } else if (ruling->cause == DC_CAUSE_CAPTURE_ARTIFACT) {
      verdict->status = DC_DROP_STATUS_SELF;
      verdict->aside_why = DC_ASIDE_CAPTURE;
    } else {
      verdict->cause = (uint8_t)ruling->cause;
      verdict->confidence = (uint8_t)ruling->confidence;
    }
  }
  if (verdict->status != DC_DROP_STATUS_UNMATCHED)
    verdict->unmatched_why = DC_UNMATCHED_NONE; /* set aside: nobody asks for its frame */
  if (verdict->status == DC_DROP_STATUS_MATCHED && frame != NULL) {
    bool is_new;
    const DcFrameVerdict own = with_service(frame, verdict->drop);
    verdict->finding =
        dc_groups_get(self->groups, (DcCause)verdict->cause, DC_FATE_DROPPED, &own.brief, &is_new)->number;
  }
  self->summary.drops_seen++;
  self->summary.drops_by_status[verdict->status]++;
  if ((verdict->status == DC_DROP_STATUS_MATCHED || verdict->status == DC_DROP_STATUS_UNMATCHED) &&
      verdict->drop->time_ns != DC_TIME_NONE)
    dc_series_add(&self->drop_series, verdict->drop->time_ns);
  if (verdict->status == DC_DROP_STATUS_MATCHED)
    self->summary.matched_by[verdict->match]++;
  if (verdict->status != DC_DROP_STATUS_MATCHED || verdict->frame == 0)
    tally_drop(self, verdict);
  if (verdict->status == DC_DROP_STATUS_UNMATCHED)
    dc_loose_add(self->loose, verdict);
  if (self->listener.drop != NULL)
    self->listener.drop(self->listener.data, verdict);
}

static void on_drop(void *data, const DcDropVerdict *given, const DcFrameVerdict *frame)
{
  DcDiagnosis *self = data;
  const bool ruled = given->status == DC_DROP_STATUS_MATCHED || given->status == DC_DROP_STATUS_UNMATCHED;
  DcDropVerdict verdict = *given;
  DcDrop inner;
  if (ruled && dc_drop_unwrap(given->drop, self->state, &inner))
    verdict.drop = &inner;
  if (ruled && must_wait(self, verdict.drop)) {
    wait_for_counters(self, verdict.drop, frame)->verdict = verdict;
    decide_waiting(self, false);
    return;
  }
  decide_drop(self, &verdict, frame);
}

/* --- handshakes in --------------------------------------------------------------------------- */

/* Answered, but never established: the trouble is not in a lost frame of this capture. */
static void handshake_trouble(DcDiagnosis *self, DcHandshake *handshake)
{
  if (handshake->outcome != DC_OUTCOME_ANSWERED || handshake->established)
    return;
  char why[160];
  DcCause cause = DC_CAUSE_NONE;
  if (handshake->icmp_error_frame != 0) {
    cause = DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE;
    handshake->cause = (uint8_t)cause;
    handshake->confidence = DC_CONFIDENCE_CERTAIN;
    g_snprintf(why, sizeof why, "the SYN-ACK was answered by ICMP%s type %u code %u (frame %" G_GUINT64_FORMAT ")",
               handshake->brief.flow.ip_version == 6 ? "v6" : "", handshake->icmp_error_type,
               handshake->icmp_error_code, handshake->icmp_error_frame);
  } else if (handshake->synacks > 1) {
    g_snprintf(why, sizeof why,
               "the SYN-ACK went out %u times and no ACK came back: lost on the way to the client, or its ACK on the "
               "way here",
               handshake->synacks);
  } else {
    return;
  }
  bool is_new;
  DcGroup *group = dc_groups_get(self->groups, cause, DC_FATE_ANSWERED, &handshake->brief, &is_new);
  dc_group_add_attempt(group, handshake, why);
}

static bool lost_a_syn(const DcHandshake *handshake)
{
  return handshake->unanswered + handshake->dropped != 0;
}

static void give_handshake(DcDiagnosis *self, DcHandshake *handshake)
{
  gpointer packed;
  /* Most have nothing that could have been remembered. */
  const bool troubled = lost_a_syn(handshake) || handshake->refused_by != DC_REFUSED_NONE;
  if (troubled && g_hash_table_lookup_extended(self->attempts, GSIZE_TO_POINTER(handshake->id), NULL, &packed)) {
    gsize bits = GPOINTER_TO_SIZE(packed);
    handshake->cause = (uint8_t)(bits >> 8);
    handshake->confidence = (uint8_t)(bits >> 4 & 0xf);
    if (handshake->outcome == DC_OUTCOME_UNEXPLAINED && (bits & 1) != 0)
      handshake->outcome = DC_OUTCOME_SILENT;
    g_hash_table_remove(self->attempts, GSIZE_TO_POINTER(handshake->id));
  }
  handshake_trouble(self, handshake);
  self->summary.handshakes_by_outcome[handshake->outcome]++;
  dc_examples_add(&self->examples, handshake);
  if (self->listener.handshake != NULL)
    self->listener.handshake(self->listener.data, handshake);
}

static bool syns_are_decided(const DcDiagnosis *self, const DcHandshake *handshake)
{
  return !lost_a_syn(handshake) || g_hash_table_contains(self->attempts, GSIZE_TO_POINTER(handshake->id));
}

static void give_held_handshakes(DcDiagnosis *self, bool all)
{
  GList *next;
  for (GList *link = self->held_handshakes.head; link != NULL; link = next) {
    next = link->next;
    if (!all && !syns_are_decided(self, link->data))
      continue;
    give_handshake(self, link->data);
    g_free(link->data);
    g_queue_delete_link(&self->held_handshakes, link);
  }
}

static void on_handshake(void *data, const DcHandshake *handshake)
{
  DcDiagnosis *self = data;
  if (handshake->outcome == DC_OUTCOME_ANSWERED)
    dc_silence_note_answer(self->silence, handshake);
  if (syns_are_decided(self, handshake)) {
    DcHandshake copy = *handshake;
    give_handshake(self, &copy);
    return;
  }
  if (self->held_handshakes.length >= HELD_HANDSHAKES_MAX) {
    g_autofree DcHandshake *oldest = g_queue_pop_head(&self->held_handshakes);
    give_handshake(self, oldest);
  }
  g_queue_push_tail(&self->held_handshakes, g_memdup2(handshake, sizeof *handshake));
}

/* --- life -------------------------------------------------------------------------------------- */

static void drop_tally_free(gpointer data)
{
  DcDropTally *tally = data;
  g_free((char *)tally->location);
  g_free((char *)tally->reason);
  g_free(tally->packet);
  g_free(tally);
}

DcDiagnosis *dc_diagnosis_new(const DcDiagnosisOptions *options, const DcState *state,
                              const DcDiagnosisListener *listener)
{
  DcDiagnosis *self = g_new0(DcDiagnosis, 1);
  self->options = *options;
  /* "any" is no device. */
  self->interface = g_strcmp0(options->interface, "any") == 0 ? NULL : g_strdup(options->interface);
  self->drop_mode = g_strdup(options->drop_mode);
  self->state = state;
  if (listener != NULL)
    self->listener = *listener;
  self->groups = dc_groups_new();
  dc_series_init(&self->inbound_series);
  dc_series_init(&self->drop_series);
  dc_examples_init(&self->examples);
  const DcSilenceOptions silence = {
      .state = state,
      .wait_for_end = options->before_after_only,
      .drops_told = options->have_drops && g_strcmp0(options->drop_mode, "summary") != 0,
      .device = self->interface,
      .decide = on_silence,
      .data = self,
  };
  self->silence = dc_silence_new(&silence);
  self->drop_tallies = g_hash_table_new_full(tally_hash, tally_equal, drop_tally_free, NULL);
  self->loose = dc_loose_new();
  self->attempts = g_hash_table_new(NULL, NULL);
  g_queue_init(&self->held_handshakes);
  g_queue_init(&self->waiting_drops);
  self->summary.first_ns = self->summary.last_ns = DC_TIME_NONE;
  self->now_ns = self->previous_ns = DC_TIME_NONE;
  self->summary.losses = g_ptr_array_new_with_free_func(g_free);
  self->port_frames[0] = g_new0(uint32_t, 65536);
  self->port_frames[1] = g_new0(uint32_t, 65536);
  self->ethertype_frames = g_new0(uint32_t, 65536);
  return self;
}

void dc_diagnosis_free(DcDiagnosis *self)
{
  if (self == NULL)
    return;
  dc_silence_free(self->silence);
  dc_groups_free(self->groups);
  dc_examples_clear(&self->examples);
  g_hash_table_unref(self->drop_tallies);
  dc_loose_free(self->loose);
  g_hash_table_unref(self->attempts);
  g_free(self->attempt_ids);
  g_queue_clear_full(&self->held_handshakes, g_free);
  g_queue_clear_full(&self->waiting_drops, g_free);
  g_ptr_array_unref(self->summary.losses);
  g_free(self->port_frames[0]);
  g_free(self->port_frames[1]);
  g_free(self->ethertype_frames);
  g_free(self->interface);
  g_free(self->drop_mode);
  g_free(self);
}

DcVerdictSink dc_diagnosis_sink(DcDiagnosis *self)
{
  return (DcVerdictSink){.sighting = dc_sighting_take,
                         .light = dc_sighting_take_light,
                         .frame = on_frame,
                         .drop = on_drop,
                         .handshake = on_handshake,
                         .data = self};
}

#define LOSS_LINES_MAX 20

void dc_diagnosis_loss(DcDiagnosis *self, const DcLoss *loss)
{
  self->summary.lost[loss->kind] += loss->count;
  if (loss->count == 0)
    return;
  if (self->summary.losses->len >= LOSS_LINES_MAX)
    return;
  char from[32], to[32];
  dc_clock_format_ns(loss->from_ns, from);
  dc_clock_format_ns(loss->to_ns, to);
  g_ptr_array_add(self->summary.losses,
                  g_strdup_printf("%s: %" G_GUINT64_FORMAT " between %s and %s%s%s",
                                  dc_loss_name((DcLossKind)loss->kind), loss->count, from, to,
                                  loss->detail != NULL ? ": " : "", loss->detail != NULL ? loss->detail : ""));
}

/* A second is over, or time went back. */
static __attribute__((noinline)) void advance(DcDiagnosis *self, int64_t previous_ns, int64_t now_ns)
{
  /* As in the correlator: a single stamp that is wrong moves nothing. */
  int64_t agreed_ns = previous_ns == DC_TIME_NONE ? now_ns : MIN(previous_ns, now_ns);
  if (self->now_ns != DC_TIME_NONE) {
    if (agreed_ns >= self->now_ns ? agreed_ns - self->now_ns < DC_NS_PER_S : self->now_ns - now_ns <= CLOCK_SLACK_NS)
      return;
    if (agreed_ns < self->now_ns) {
      /* What waits is looked through each time: a clock that goes to and fro must not make that each event. */
      if (self->last_back != 0 && self->advances - self->last_back < EVENTS_BETWEEN_STEPS)
        return;
      self->last_back = self->advances;
      agreed_ns = now_ns;
    }
  }
  self->now_ns = agreed_ns;
  decide_waiting(self, false);
  dc_silence_advance(self->silence, agreed_ns);
  give_held_handshakes(self, false);
}

void dc_diagnosis_advance(DcDiagnosis *self, int64_t now_ns)
{
  if (now_ns == DC_TIME_NONE)
    return;
  const int64_t previous_ns = self->previous_ns;
  self->previous_ns = now_ns;
  self->advances++;
  /* Within the second nothing happens, whatever the time before was. */
  if (self->now_ns == DC_TIME_NONE || now_ns < self->now_ns || now_ns - self->now_ns >= DC_NS_PER_S)
    advance(self, previous_ns, now_ns);
}

void dc_diagnosis_finish(DcDiagnosis *self)
{
  self->finishing = true;
  decide_waiting(self, true);
  dc_silence_finish(self->silence);
  give_held_handshakes(self, true);
}

DcReport *dc_diagnosis_report(DcDiagnosis *self)
{
  return dc_report_model_build(self);
}
