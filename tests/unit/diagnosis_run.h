/*
 * One run of the correlator and the diagnosis on made-up frames, drops and counters; its laws: the report's sums add
 * up, and each frame is told once.
 */
#pragma once

#include "packet_builder.h"

#include "dropcorr/decode/state_text.h"
#include "dropcorr/diagnose/diagnosis.h"

#define MS DC_NS_PER_MS
#define S DC_NS_PER_S
#define T0 (INT64_C(1700000000) * S)

typedef struct {
  DcState *state;
  DcCorrelator *correlator;
  DcDiagnosis *diagnosis;
  DcReport *report;
  GArray *frames;     /* DcFrameVerdict */
  GArray *handshakes; /* DcHandshake */
  uint64_t next_frame, next_drop;
} Run;

static inline void on_frame(void *data, const DcFrameVerdict *verdict)
{
  g_array_append_vals(((Run *)data)->frames, verdict, 1);
}

static inline void on_handshake(void *data, const DcHandshake *handshake)
{
  g_array_append_vals(((Run *)data)->handshakes, handshake, 1);
}

static inline void run_begin_options(Run *run, const DcDiagnosisOptions *options)
{
  static const uint8_t mac[6] = HOST_MAC;
  const DcAddr addr = {.version = 4, .bytes = {10, 0, 0, 1}};
  *run = (Run){.state = dc_state_new(),
               .frames = g_array_new(FALSE, FALSE, sizeof(DcFrameVerdict)),
               .handshakes = g_array_new(FALSE, FALSE, sizeof(DcHandshake))};
  const DcDiagnosisListener listener = {.frame = on_frame, .handshake = on_handshake, .data = run};
  run->diagnosis = dc_diagnosis_new(options, run->state, &listener);
  DcCorrelatorOptions correlator;
  dc_correlator_options_init(&correlator);
  correlator.expect_drops = true;
  const DcVerdictSink sink = dc_diagnosis_sink(run->diagnosis);
  run->correlator = dc_correlator_new(&correlator, &sink);
  dc_correlator_add_local_mac(run->correlator, mac);
  dc_correlator_add_local_address(run->correlator, &addr);
}

static inline void run_begin_with(Run *run, bool whole_run_counters, bool have_drops)
{
  run_begin_options(run, &(DcDiagnosisOptions){
                             .before_after_only = whole_run_counters, .interface = "eth0", .have_drops = have_drops});
}

static inline void run_begin(Run *run, bool whole_run_counters)
{
  run_begin_with(run, whole_run_counters, true);
}

static inline void feed(Run *run, DcEvent *event)
{
  dc_correlator_feed(run->correlator, event);
  dc_diagnosis_advance(run->diagnosis, event->time_ns);
}

static inline uint64_t feed_frame(Run *run, Packet packet, int64_t time_ns)
{
  DcEvent event = frame_event(&packet, ++run->next_frame, time_ns);
  feed(run, &event);
  return run->next_frame;
}

static inline void feed_drop(Run *run, const Packet *packet, int64_t time_ns, const char *symbol, const char *reason)
{
  DcEvent event = drop_event(packet, ++run->next_drop, time_ns, symbol, reason);
  feed(run, &event);
}

/* The report's own sums, and each frame told exactly once. */
static inline void run_end(Run *run)
{
  feed_frame(run, udp_packet(&(Spec){.sport = 1, .dport = 9}), T0 + 300 * S);
  dc_correlator_finish(run->correlator);
  dc_diagnosis_finish(run->diagnosis);
  run->report = dc_diagnosis_report(run->diagnosis);
  uint64_t sum = 0, in_findings = 0, lost = 0;
  for (int fate = 0; fate < DC_FATE_COUNT; fate++)
    sum += run->report->summary.frames_by_fate[fate];
  g_assert_cmpuint(sum, ==, run->next_frame);
  g_assert_cmpuint(run->frames->len, ==, run->next_frame);
  sum = 0;
  for (int status = 0; status < DC_DROP_STATUS_COUNT; status++)
    sum += run->report->summary.drops_by_status[status];
  g_assert_cmpuint(sum, ==, run->next_drop);
  for (guint i = 0; i < run->report->findings->len; i++)
    in_findings += ((const DcFinding *)g_ptr_array_index(run->report->findings, i))->frames;
  for (int fate = DC_FATE_REFUSED; fate < DC_FATE_COUNT; fate++)
    lost += run->report->summary.frames_by_fate[fate];
  g_assert_cmpuint(in_findings, ==, lost);
}

static inline void run_free(Run *run)
{
  dc_report_free(run->report);
  dc_correlator_free(run->correlator);
  dc_diagnosis_free(run->diagnosis);
  dc_state_free(run->state);
  g_array_unref(run->frames);
  g_array_unref(run->handshakes);
}

static inline const DcFrameVerdict *verdict_of(const Run *run, uint64_t frame)
{
  for (guint i = 0; i < run->frames->len; i++) {
    if (g_array_index(run->frames, DcFrameVerdict, i).frame == frame)
      return &g_array_index(run->frames, DcFrameVerdict, i);
  }
  g_error("frame %" G_GUINT64_FORMAT " has no verdict", frame);
}

static inline const DcFinding *finding_of(const Run *run, DcCause cause)
{
  for (guint i = 0; i < run->report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(run->report->findings, i);
    if (finding->cause == cause)
      return finding;
  }
  return NULL;
}

static inline void counter(Run *run, const char *object, const char *name, uint64_t before, uint64_t after)
{
  dc_state_begin_object(run->state, object, DC_PHASE_BEFORE, DC_TIME_NONE, false);
  dc_state_set_counter(run->state, DC_TIME_NONE, DC_PHASE_BEFORE, name, before);
  dc_state_end_object(run->state, true);
  dc_state_begin_object(run->state, object, DC_PHASE_AFTER, DC_TIME_NONE, false);
  dc_state_set_counter(run->state, DC_TIME_NONE, DC_PHASE_AFTER, name, after);
  dc_state_end_object(run->state, true);
}

static inline void listener(Run *run, uint16_t port, uint32_t waiting, uint32_t backlog)
{
  const DcSocket socket = {.kind = DC_SOCKET_TCP_LISTEN,
                           .local = {.version = 4},
                           .local_port = port,
                           .recv_queue = waiting,
                           .send_queue = backlog,
                           .has_queues = true,
                           .state = "LISTEN"};
  dc_state_add_socket(run->state, "ss", &socket);
}

static inline Packet syn(uint16_t sport, uint16_t dport, uint32_t isn, uint32_t tsval)
{
  return tcp_packet(&(Spec){.sport = sport, .dport = dport, .seq = isn, .flags = DC_TCP_SYN, .tsval = tsval});
}

static inline Packet syn_ack_stamped(uint16_t sport, uint16_t dport, uint32_t isn, uint32_t tsval)
{
  return tcp_packet(&(Spec){.from_host = true,
                            .sport = dport,
                            .dport = sport,
                            .seq = 7,
                            .ack = isn + 1,
                            .flags = DC_TCP_SYN | DC_TCP_ACK,
                            .tsval = tsval});
}

static inline Packet syn_ack(uint16_t sport, uint16_t dport, uint32_t isn)
{
  return syn_ack_stamped(sport, dport, isn, 0);
}

static inline bool has_line(const GPtrArray *lines, const char *words)
{
  for (guint i = 0; i < lines->len; i++)
    if (strstr(g_ptr_array_index(lines, i), words) != NULL)
      return true;
  return false;
}

static inline bool has_proof(const DcFinding *finding, const char *words)
{
  for (guint i = 0; i < finding->evidence->len; i++)
    if (strstr(((const DcProof *)g_ptr_array_index(finding->evidence, i))->text, words) != NULL)
      return true;
  return false;
}

static inline bool has_command(const GPtrArray *actions, const char *text)
{
  for (guint i = 0; i < actions->len; i++) {
    const DcAction *action = g_ptr_array_index(actions, i);
    if (action->command != NULL && strstr(action->command, text) != NULL)
      return true;
  }
  return false;
}
