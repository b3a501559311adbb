/* From verdicts to causes and findings: silence, refusals, handlers, grouping. */
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

static void on_frame(void *data, const DcFrameVerdict *verdict)
{
  g_array_append_vals(((Run *)data)->frames, verdict, 1);
}

static void on_handshake(void *data, const DcHandshake *handshake)
{
  g_array_append_vals(((Run *)data)->handshakes, handshake, 1);
}

static void run_begin_options(Run *run, const DcDiagnosisOptions *options)
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

static void run_begin_with(Run *run, bool whole_run_counters, bool have_drops)
{
  run_begin_options(run, &(DcDiagnosisOptions){
                             .before_after_only = whole_run_counters, .interface = "eth0", .have_drops = have_drops});
}

static void run_begin(Run *run, bool whole_run_counters)
{
  run_begin_with(run, whole_run_counters, true);
}

static void feed(Run *run, DcEvent *event)
{
  dc_correlator_feed(run->correlator, event);
  dc_diagnosis_advance(run->diagnosis, event->time_ns);
}

static uint64_t feed_frame(Run *run, Packet packet, int64_t time_ns)
{
  DcEvent event = frame_event(&packet, ++run->next_frame, time_ns);
  feed(run, &event);
  return run->next_frame;
}

static void feed_drop(Run *run, const Packet *packet, int64_t time_ns, const char *symbol, const char *reason)
{
  DcEvent event = drop_event(packet, ++run->next_drop, time_ns, symbol, reason);
  feed(run, &event);
}

/* The report's own sums, and each frame told exactly once. */
static void run_end(Run *run)
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

static void run_free(Run *run)
{
  dc_report_free(run->report);
  dc_correlator_free(run->correlator);
  dc_diagnosis_free(run->diagnosis);
  dc_state_free(run->state);
  g_array_unref(run->frames);
  g_array_unref(run->handshakes);
}

static const DcFrameVerdict *verdict_of(const Run *run, uint64_t frame)
{
  for (guint i = 0; i < run->frames->len; i++) {
    if (g_array_index(run->frames, DcFrameVerdict, i).frame == frame)
      return &g_array_index(run->frames, DcFrameVerdict, i);
  }
  g_error("frame %" G_GUINT64_FORMAT " has no verdict", frame);
}

static const DcFinding *finding_of(const Run *run, DcCause cause)
{
  for (guint i = 0; i < run->report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(run->report->findings, i);
    if (finding->cause == cause)
      return finding;
  }
  return NULL;
}

static void counter(Run *run, const char *object, const char *name, uint64_t before, uint64_t after)
{
  dc_state_begin_object(run->state, object, DC_PHASE_BEFORE, DC_TIME_NONE, false);
  dc_state_set_counter(run->state, DC_TIME_NONE, DC_PHASE_BEFORE, name, before);
  dc_state_end_object(run->state, true);
  dc_state_begin_object(run->state, object, DC_PHASE_AFTER, DC_TIME_NONE, false);
  dc_state_set_counter(run->state, DC_TIME_NONE, DC_PHASE_AFTER, name, after);
  dc_state_end_object(run->state, true);
}

static void listener(Run *run, uint16_t port, uint32_t waiting, uint32_t backlog)
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

static Packet syn(uint16_t sport, uint16_t dport, uint32_t isn, uint32_t tsval)
{
  return tcp_packet(&(Spec){.sport = sport, .dport = dport, .seq = isn, .flags = DC_TCP_SYN, .tsval = tsval});
}

static Packet syn_ack_stamped(uint16_t sport, uint16_t dport, uint32_t isn, uint32_t tsval)
{
  return tcp_packet(&(Spec){.from_host = true,
                            .sport = dport,
                            .dport = sport,
                            .seq = 7,
                            .ack = isn + 1,
                            .flags = DC_TCP_SYN | DC_TCP_ACK,
                            .tsval = tsval});
}

static Packet syn_ack(uint16_t sport, uint16_t dport, uint32_t isn)
{
  return syn_ack_stamped(sport, dport, isn, 0);
}

/* --- accept queue ------------------------------------------------------------------- */

static void accept_queue(uint64_t overflows, bool full, DcFate fate, DcCause cause, DcConfidence confidence)
{
  Run run;
  run_begin(&run, true);
  counter(&run, "netstat", "TcpExt.ListenOverflows", 5, 5 + overflows);
  dc_state_begin_sockets(run.state, "ss");
  listener(&run, 2222, full ? 3 : 0, 2);
  listener(&run, 80, 0, 128);
  for (uint16_t i = 0; i < 8; i++)
    feed_frame(&run, syn((uint16_t)(40000 + i), 2222, i, 0), T0 + i * 10 * MS);
  run_end(&run);
  for (uint64_t i = 1; i <= 8; i++) {
    g_assert_cmpint(verdict_of(&run, i)->fate, ==, fate);
    g_assert_cmpint(verdict_of(&run, i)->cause, ==, cause);
    g_assert_cmpint(verdict_of(&run, i)->confidence, ==, confidence);
  }
  g_assert_cmpint(g_array_index(run.handshakes, DcHandshake, 0).outcome, ==,
                  fate == DC_FATE_SILENT ? DC_OUTCOME_SILENT : DC_OUTCOME_UNEXPLAINED);
  g_assert_cmpint(g_array_index(run.handshakes, DcHandshake, 0).cause, ==, cause);
  run_free(&run);
}

static void test_accept_queue(void)
{
  accept_queue(8, true, DC_FATE_SILENT, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_LIKELY);
  accept_queue(8, false, DC_FATE_SILENT, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_LIKELY);
  accept_queue(3, true, DC_FATE_SILENT, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_POSSIBLE);
  accept_queue(0, true, DC_FATE_UNEXPLAINED, DC_CAUSE_NONE, DC_CONFIDENCE_NONE);
}

/* The kernel names the port it takes for flooded; another port's full queue is just that. */
static void test_flood(void)
{
  static const char line[] = "TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:2004. Dropping request.";
  static const DcCause causes[] = {DC_CAUSE_SYN_FLOOD, DC_CAUSE_SYN_QUEUE_FULL};
  for (uint16_t i = 0; i < G_N_ELEMENTS(causes); i++) {
    Run run;
    run_begin(&run, true);
    counter(&run, "netstat", "TcpExt.TCPReqQFullDrop", 0, 2);
    dc_state_add_kernel_line(run.state, line, sizeof line - 1);
    feed_frame(&run, syn(1, (uint16_t)(2004 + i), 1, 0), T0);
    feed_frame(&run, syn(2, (uint16_t)(2004 + i), 2, 0), T0);
    run_end(&run);
    g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_SILENT);
    g_assert_cmpint(verdict_of(&run, 1)->cause, ==, causes[i]);
    g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, DC_CONFIDENCE_LIKELY);
    run_free(&run);
  }
}

/* Overflows belong to the service whose queue is full, not to another silent one. */
static void test_overflows_go_to_the_full_queue(void)
{
  Run run;
  run_begin(&run, true);
  counter(&run, "netstat", "TcpExt.ListenOverflows", 0, 2);
  dc_state_begin_sockets(run.state, "ss");
  listener(&run, 2222, 3, 2);
  listener(&run, 80, 0, 128);
  feed_frame(&run, syn(1, 2222, 1, 0), T0);
  feed_frame(&run, syn(2, 2222, 2, 0), T0);
  feed_frame(&run, syn(3, 80, 3, 0), T0);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_ACCEPT_QUEUE_FULL);
  g_assert_cmpint(verdict_of(&run, 2)->cause, ==, DC_CAUSE_ACCEPT_QUEUE_FULL);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_UNEXPLAINED);
  run_free(&run);
}

/* Live: as soon as the second's counters cover the second's SYNs, the finding is told; other silence waits. */
static void test_live_settles_early(void)
{
  Run run;
  run_begin(&run, false);
  for (int64_t second = 0; second < 12; second++) {
    dc_state_begin_object(run.state, "netstat", DC_PHASE_TICK, T0 + second * S, false);
    dc_state_set_counter(run.state, T0 + second * S, DC_PHASE_TICK, "TcpExt.ListenOverflows", second > 2 ? 4 : 0);
    dc_state_end_object(run.state, true);
    if (second == 2) {
      for (uint16_t i = 0; i < 4; i++)
        feed_frame(&run, syn((uint16_t)(40000 + i), 2222, i, 0), T0 + second * S + i * 100 * MS);
    } else {
      feed_frame(&run, syn((uint16_t)(50000 + second), 8080, 9, 0), T0 + second * S + 500 * MS);
    }
  }
  uint64_t settled = 0;
  for (guint i = 0; i < run.frames->len; i++)
    settled += g_array_index(run.frames, DcFrameVerdict, i).cause == DC_CAUSE_ACCEPT_QUEUE_FULL;
  g_assert_cmpuint(settled, ==, 4);
  g_assert_cmpuint(run.frames->len, ==, 4);
  run_end(&run);
  run_free(&run);
}

/* --- timestamps behind NAT ------------------------------------------------------------ */

typedef enum { WIRE_ALONE, COUNTED, TOLD, SWITCHED_OFF, NEW_KERNEL, CONTRADICTED } RecycleCase;

static void recycle(RecycleCase what, DcCause cause, DcConfidence confidence)
{
  Run run;
  run_begin(&run, true);
  if (what == COUNTED || what == TOLD)
    counter(&run, "netstat", "TcpExt.PAWSPassive", 387158, 387164);
  if (what == TOLD || what == SWITCHED_OFF) {
    dc_state_set_sysctl(run.state, "net.ipv4.tcp_tw_recycle", what == TOLD ? "1" : "0");
    dc_state_set_sysctl(run.state, "net.ipv4.tcp_timestamps", "1");
  }
  if (what == NEW_KERNEL) {
    static const char uname[] = "Linux host 4.19.0-1-amd64 #1 SMP x86_64 GNU/Linux";
    const DcSample sample = {
        .time_ns = DC_TIME_NONE, .phase = DC_PHASE_ONCE, .name = "uname", .text = uname, .len = sizeof uname - 1};
    dc_state_text_parse(run.state, &sample, NULL);
  }
  uint64_t lost = feed_frame(&run, syn(56909, 22, 1, 198321481), T0);
  feed_frame(&run, syn(56909, 22, 1, 198321731), T0 + S);
  feed_frame(&run, syn(50212, 22, 2, 821068631), T0 + 7 * S);
  feed_frame(&run, syn_ack(50212, 22, 2), T0 + 7 * S + 77000);
  if (what == CONTRADICTED) {
    feed_frame(&run, syn(50300, 22, 3, 5), T0 + 9 * S);
    feed_frame(&run, syn_ack(50300, 22, 3), T0 + 9 * S + 77000);
  }
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, lost)->cause, ==, cause);
  g_assert_cmpint(verdict_of(&run, lost + 1)->cause, ==, cause);
  g_assert_cmpint(verdict_of(&run, lost)->confidence, ==, confidence);
  g_assert_cmpint(verdict_of(&run, lost)->fate, ==, cause == DC_CAUSE_NONE ? DC_FATE_UNEXPLAINED : DC_FATE_SILENT);
  if (cause != DC_CAUSE_NONE) {
    const DcFinding *finding = finding_of(&run, cause);
    const DcProof *proof = g_ptr_array_index(finding->evidence, 0);
    g_assert_nonnull(strstr(proof->text, "198321481"));
    g_assert_nonnull(strstr(proof->text, "821068631"));
  }
  run_free(&run);
}

static void test_recycle(void)
{
  recycle(WIRE_ALONE, DC_CAUSE_TW_RECYCLE_NAT, DC_CONFIDENCE_POSSIBLE);
  recycle(COUNTED, DC_CAUSE_TW_RECYCLE_NAT, DC_CONFIDENCE_LIKELY);
  recycle(TOLD, DC_CAUSE_TW_RECYCLE_NAT, DC_CONFIDENCE_CERTAIN);
  recycle(SWITCHED_OFF, DC_CAUSE_NONE, DC_CONFIDENCE_NONE);
  recycle(NEW_KERNEL, DC_CAUSE_NONE, DC_CONFIDENCE_NONE);
  recycle(CONTRADICTED, DC_CAUSE_NONE, DC_CONFIDENCE_NONE);
}

/* One machine's own later connection has a higher timestamp too: its clock went on. */
static void test_one_clock_is_no_nat(void)
{
  Run run;
  run_begin(&run, true);
  feed_frame(&run, syn(1000, 22, 1, 100000), T0);
  feed_frame(&run, syn(1001, 22, 2, 107000), T0 + 7 * S);
  feed_frame(&run, syn_ack(1001, 22, 2), T0 + 7 * S + MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNEXPLAINED);
  run_free(&run);
}

/* A server whose own timestamps are no single clock has a kernel of 4.10 or later: no tw_recycle there. */
static void test_own_clock(void)
{
  for (int old = 0; old < 2; old++) {
    Run run;
    run_begin(&run, true);
    uint64_t lost = feed_frame(&run, syn(56909, 22, 1, 198321481), T0);
    feed_frame(&run, syn(50212, 22, 2, 821068631), T0 + 7 * S);
    feed_frame(&run, syn_ack_stamped(50212, 22, 2, 1709997543), T0 + 7 * S + MS);
    feed_frame(&run, syn(50213, 22, 3, 821078631), T0 + 47 * S);
    feed_frame(&run, syn_ack_stamped(50213, 22, 3, old ? 1709997543 + 10000 : 33039125), T0 + 47 * S + MS);
    run_end(&run);
    g_assert_cmpint(verdict_of(&run, lost)->cause, ==, old ? DC_CAUSE_TW_RECYCLE_NAT : DC_CAUSE_NONE);
    run_free(&run);
  }
}

/* rp_filter looks at the source alone: one that was answered is not its victim. */
static void test_rp_filter_spares_the_answered(void)
{
  Run run;
  run_begin_with(&run, true, false);
  counter(&run, "netstat", "TcpExt.IPReversePathFilter", 0, 1);
  feed_frame(&run, syn(1, 22, 1, 0), T0);
  feed_frame(&run, syn_ack(1, 22, 1), T0 + MS);
  uint64_t known = feed_frame(&run, syn(2, 8089, 2, 0), T0 + S);
  uint64_t stranger =
      feed_frame(&run, tcp_packet(&(Spec){.src = 0xac100909, .sport = 3, .dport = 22, .flags = DC_TCP_SYN}), T0 + S);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, stranger)->cause, ==, DC_CAUSE_RP_FILTER);
  g_assert_cmpint(verdict_of(&run, stranger)->confidence, ==, DC_CONFIDENCE_LIKELY);
  g_assert_cmpint(verdict_of(&run, known)->fate, ==, DC_FATE_UNEXPLAINED);
  run_free(&run);
}

/* With no drop log, the listing of the rules says what the wire cannot. */
static void test_rules_explain_without_drops(void)
{
  static const char nft[] = "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
                            "\t\ttcp dport 8089 drop\n\t}\n}\n";
  for (int have_drops = 0; have_drops < 2; have_drops++) {
    Run run;
    run_begin_with(&run, true, have_drops);
    const DcSample sample = {
        .time_ns = DC_TIME_NONE, .phase = DC_PHASE_ONCE, .name = "nft", .text = nft, .len = sizeof nft - 1};
    dc_state_text_parse(run.state, &sample, NULL);
    feed_frame(&run, syn(1, 8089, 1, 0), T0);
    run_end(&run);
    /* Where drop events come, the rule would have made one: it did not drop this. */
    g_assert_cmpint(verdict_of(&run, 1)->cause, ==, have_drops ? DC_CAUSE_NONE : DC_CAUSE_NETFILTER_DROP);
    run_free(&run);
  }
}

/* --- the frame's own bytes ---------------------------------------------------------------- */

static void test_bytes_explain(void)
{
  Run run;
  run_begin(&run, true);
  Packet bad = syn(1, 22, 1, 0);
  bad.bytes[14 + 20 + 16] ^= 0x55;
  feed_frame(&run, bad, T0);
  feed_frame(&run, tcp_packet(&(Spec){.src = 0x7f000005, .sport = 2, .dport = 22, .flags = DC_TCP_SYN}), T0);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_TCP_CHECKSUM);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_SILENT);
  g_assert_cmpint(verdict_of(&run, 2)->cause, ==, DC_CAUSE_MARTIAN_SOURCE);
  run_free(&run);
}

static bool has_line(const GPtrArray *lines, const char *words)
{
  for (guint i = 0; i < lines->len; i++)
    if (strstr(g_ptr_array_index(lines, i), words) != NULL)
      return true;
  return false;
}

static bool has_proof(const DcFinding *finding, const char *words)
{
  for (guint i = 0; i < finding->evidence->len; i++)
    if (strstr(((const DcProof *)g_ptr_array_index(finding->evidence, i))->text, words) != NULL)
      return true;
  return false;
}

/* --- refusals ------------------------------------------------------------------------------- */

static void test_refusals(void)
{
  Run run;
  run_begin(&run, true);
  dc_state_begin_sockets(run.state, "ss");
  listener(&run, 22, 0, 128);
  const uint16_t ports[] = {81, 22};
  for (uint32_t i = 0; i < 2; i++) {
    feed_frame(&run, syn(5, ports[i], 10, 0), T0 + i * 5 * S);
    feed_frame(&run,
               tcp_packet(&(Spec){
                   .from_host = true, .sport = ports[i], .dport = 5, .ack = 11, .flags = DC_TCP_RST | DC_TCP_ACK}),
               T0 + i * 5 * S + MS);
  }
  const Packet datagram = udp_packet(&(Spec){.sport = 40003, .dport = 5999, .payload = "q", .payload_len = 1});
  feed_frame(&run, datagram, T0 + 20 * S);
  feed_frame(&run, icmp_error_packet(&(Spec){.from_host = true}, 3, 13, &datagram), T0 + 20 * S + MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_NO_SOCKET);
  g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, DC_CONFIDENCE_CERTAIN);
  /* Somebody listens there: then it was a firewall that sent the RST. */
  g_assert_cmpint(verdict_of(&run, 3)->cause, ==, DC_CAUSE_NETFILTER_DROP);
  /* "Administratively prohibited" */
  g_assert_cmpint(verdict_of(&run, 5)->cause, ==, DC_CAUSE_NETFILTER_DROP);
  run_free(&run);
}

/* What no tunnel takes is answered like a closed port, though it has no ports; a firewall may do so as well. */
static void test_tunnel_refused(void)
{
  static const char *const rules[] = {
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n",
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t\tmeta l4proto gre reject\n\t}\n}\n",
      NULL};
  static const DcCause causes[] = {DC_CAUSE_TUNNEL, DC_CAUSE_NETFILTER_DROP, DC_CAUSE_TUNNEL};
  static const DcConfidence confidences[] = {DC_CONFIDENCE_CERTAIN, DC_CONFIDENCE_LIKELY, DC_CONFIDENCE_LIKELY};
  for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
    Run run;
    run_begin(&run, true);
    dc_state_begin_sockets(run.state, "ss");
    listener(&run, 22, 0, 128);
    if (rules[i] != NULL)
      dc_state_set_text(run.state, "nft", rules[i], strlen(rules[i]));
    const Packet packet = fragment_packet(&(Spec){.id = 5, .payload = "\0\0\x08\0x", .payload_len = 5}, 47);
    feed_frame(&run, packet, T0);
    feed_frame(&run, icmp_error_packet(&(Spec){.from_host = true}, 3, 3, &packet), T0 + MS);
    run_end(&run);
    g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_REFUSED);
    g_assert_cmpint(verdict_of(&run, 1)->cause, ==, causes[i]);
    g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, confidences[i]);
    run_free(&run);
  }
}

/* A route may prohibit as well as a rule: what the listings say decides. */
static void test_prohibited(void)
{
  static const char rejects[] =
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t\tudp dport 5999 reject with icmpx type admin-prohibited\n\t}\n}\n";
  static const char accepts[] =
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t}\n}\n";
  static const char routes[] = "default via 10.0.0.254 dev eth0\nprohibit 10.1.8.0/24\n";
  const struct {
    const char *rules, *routes;
    DcCause cause;
    DcConfidence confidence;
  } cases[] = {{rejects, routes, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY},
               {accepts, routes, DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY},
               {accepts, NULL, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY},
               {NULL, routes, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_POSSIBLE}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Run run;
    run_begin(&run, true);
    if (cases[i].rules != NULL)
      dc_state_set_text(run.state, "nft", cases[i].rules, strlen(cases[i].rules));
    if (cases[i].routes != NULL)
      dc_state_set_text(run.state, "route", cases[i].routes, strlen(cases[i].routes));
    const Packet datagram = udp_packet(&(Spec){.sport = 40003, .dport = 5999, .payload = "q", .payload_len = 1});
    feed_frame(&run, datagram, T0);
    feed_frame(&run, icmp_error_packet(&(Spec){.from_host = true}, 3, 13, &datagram), T0 + MS);
    run_end(&run);
    g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_REFUSED);
    g_assert_cmpint(verdict_of(&run, 1)->cause, ==, cases[i].cause);
    g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, cases[i].confidence);
    run_free(&run);
  }
}

/* A segment without a handshake, answered by a reset: nobody listens there, or the connection is gone. */
static void test_reset_segment(void)
{
  Run run;
  run_begin(&run, true);
  dc_state_begin_sockets(run.state, "ss");
  listener(&run, 22, 0, 128);
  const uint16_t ports[] = {81, 22};
  for (uint32_t i = 0; i < 2; i++) {
    const Spec data = {
        .sport = 5, .dport = ports[i], .seq = 9, .ack = 8, .flags = DC_TCP_ACK, .payload = "x", .payload_len = 1};
    feed_frame(&run, tcp_packet(&data), T0 + i * 5 * S);
    feed_frame(&run,
               tcp_packet(&(Spec){.from_host = true, .sport = ports[i], .dport = 5, .seq = 8, .flags = DC_TCP_RST}),
               T0 + i * 5 * S + MS);
  }
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_NO_SOCKET);
  g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, DC_CONFIDENCE_LIKELY);
  g_assert_cmpint(verdict_of(&run, 3)->cause, ==, DC_CAUSE_TCP_STATE);
  run_free(&run);
}

/* Somebody listens on that port, but not where the client knocks. */
static void test_listens_elsewhere(void)
{
  static const struct {
    DcAddr local;
    bool v6only;
    const char *words;
  } cases[] = {{{.version = 4, .bytes = {127, 0, 0, 1}}, false, "only on another address: listening socket 127.0.0.1"},
               {{.version = 4, .bytes = {10, 0, 0, 9}}, false, "only on another address: listening socket 10.0.0.9"},
               {{.version = 6}, true, "for IPv6 only: listening socket :: port 80"},
               {{.version = 6}, false, NULL}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Run run;
    run_begin(&run, true);
    dc_state_begin_sockets(run.state, "ss");
    const DcSocket socket = {.kind = DC_SOCKET_TCP_LISTEN,
                             .local = cases[i].local,
                             .v6only = cases[i].v6only,
                             .local_port = 80,
                             .has_queues = true,
                             .send_queue = 511,
                             .process = "nginx pid 7",
                             .state = "LISTEN"};
    dc_state_add_socket(run.state, "ss", &socket);
    const Packet packet = syn(5, 80, 1, 0);
    feed_frame(&run, packet, T0);
    feed_drop(&run, &packet, T0 + MS, "tcp_v4_rcv", "NO_SOCKET");
    run_end(&run);
    const DcFinding *finding = finding_of(&run, DC_CAUSE_NO_SOCKET);
    g_assert_nonnull(finding);
    g_assert_true(has_proof(finding, "nginx pid 7"));
    g_assert_false(has_line(run.report->limits, "network namespaces")); /* every drop fits a frame */
    g_assert_true(has_proof(finding, cases[i].words != NULL ? cases[i].words : "listening socket :: port 80"));
    g_assert_cmpint(cases[i].words != NULL, ==,
                    has_proof(finding, "only on another address") || has_proof(finding, "for IPv6 only"));
    run_free(&run);
  }
}

/* --- handshakes that fail elsewhere ------------------------------------------------------- */

static void test_icmp_error_on_handshake(void)
{
  Run run;
  run_begin(&run, true);
  const Packet answer = syn_ack(5, 22, 1);
  feed_frame(&run, syn(5, 22, 1, 0), T0);
  feed_frame(&run, answer, T0 + MS);
  uint64_t error = feed_frame(&run, icmp_error_packet(&(Spec){0}, 3, 13, &answer), T0 + 2 * MS);
  run_end(&run);
  const DcHandshake *handshake = &g_array_index(run.handshakes, DcHandshake, 0);
  g_assert_cmpint(handshake->outcome, ==, DC_OUTCOME_ANSWERED);
  g_assert_cmpint(handshake->cause, ==, DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE);
  g_assert_cmpuint(handshake->icmp_error_frame, ==, error);
  const DcFinding *finding = finding_of(&run, DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE);
  g_assert_cmpuint(finding->frames, ==, 0);
  g_assert_cmpuint(finding->attempts, ==, 1);
  run_free(&run);
}

/* The SYN-ACK leaves again and again: this host did its part. */
static void test_answer_lost_elsewhere(void)
{
  Run run;
  run_begin(&run, true);
  feed_frame(&run, syn(5, 22, 1, 0), T0);
  for (int i = 0; i < 3; i++)
    feed_frame(&run, syn_ack(5, 22, 1), T0 + MS + i * S);
  run_end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 1);
  const DcFinding *finding = g_ptr_array_index(run.report->findings, 0);
  g_assert_cmpint(finding->cause, ==, DC_CAUSE_NONE);
  g_assert_cmpint(finding->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpuint(finding->attempts, ==, 1);
  run_free(&run);
}

static void test_data_unanswered(void)
{
  Run run;
  run_begin(&run, true);
  /* Another connection shows that this host's ACKs are in the capture. */
  feed_frame(&run, tcp_packet(&(Spec){.from_host = true, .sport = 80, .dport = 9, .ack = 5, .flags = DC_TCP_ACK}), T0);
  feed_frame(&run, syn(5, 22, 1, 0), T0 + MS);
  feed_frame(&run, syn_ack(5, 22, 1), T0 + 2 * MS);
  const Spec data = {
      .sport = 5, .dport = 22, .seq = 2, .ack = 8, .flags = DC_TCP_ACK, .payload = "hello", .payload_len = 5};
  uint64_t lost = feed_frame(&run, tcp_packet(&data), T0 + 3 * MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, lost - 2)->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpint(verdict_of(&run, lost)->fate, ==, DC_FATE_UNEXPLAINED);
  run_free(&run);
}

/* The client believes to be connected, this host has ignored the last step of the handshake. */
static void test_last_step_ignored(void)
{
  Run run;
  run_begin(&run, true);
  counter(&run, "netstat", "TcpExt.ListenOverflows", 0, 3);
  feed_frame(&run, syn(5, 22, 1, 0), T0);
  feed_frame(&run, syn_ack(5, 22, 1), T0 + MS);
  Spec data = {.sport = 5, .dport = 22, .seq = 2, .ack = 8, .flags = DC_TCP_ACK};
  feed_frame(&run, tcp_packet(&data), T0 + 2 * MS);
  data.payload = "hello";
  data.payload_len = 5;
  uint64_t lost = feed_frame(&run, tcp_packet(&data), T0 + 3 * MS);
  feed_frame(&run, syn_ack(5, 22, 1), T0 + S);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, lost)->fate, ==, DC_FATE_SILENT);
  g_assert_cmpint(verdict_of(&run, lost)->cause, ==, DC_CAUSE_ACCEPT_QUEUE_FULL);
  g_assert_cmpint(verdict_of(&run, lost)->confidence, ==, DC_CONFIDENCE_LIKELY);
  run_free(&run);
}

/* The finding is about the service inside the tunnel, which is what the kernel looked for. */
static void test_tunnelled_service(void)
{
  Run run;
  run_begin(&run, true);
  const Packet inner = udp_packet(&(Spec){.src = 0xc0a80002, .dst = 0xc0a80001, .sport = 7, .dport = 5999});
  Packet vxlan_payload = {.len = 0};
  put32(&vxlan_payload, 0x08000000);
  put32(&vxlan_payload, 42 << 8);
  put_bytes(&vxlan_payload, inner.bytes, inner.len);
  const Spec outer = {.sport = 50000,
                      .dport = 4789,
                      .id = 3,
                      .payload = (const char *)vxlan_payload.bytes,
                      .payload_len = vxlan_payload.len};
  feed_frame(&run, udp_packet(&outer), T0);
  feed_drop(&run, &inner, T0 + MS, "__udp4_lib_rcv", "NO_SOCKET");
  run_end(&run);
  const DcFinding *finding = finding_of(&run, DC_CAUSE_NO_SOCKET);
  g_assert_nonnull(finding);
  g_assert_cmpuint(finding->service.port, ==, 5999);
  g_assert_cmpuint(finding->frames, ==, 1);
  g_assert_cmpint(verdict_of(&run, 1)->match, ==, DC_MATCH_EXACT);
  g_assert_cmpuint(verdict_of(&run, 1)->brief.flow.dst_port, ==, 4789);
  run_free(&run);
}

/* A SYN without an answer, and drops that fit no frame: shown beside it, as one of two readings. */
static void test_loose_drops(void)
{
  Run run;
  run_begin(&run, true);
  feed_frame(&run, syn(5, 22, 1, 0), T0);
  const Packet other = syn(6, 22, 77, 0), elsewhere = syn(6, 80, 77, 0), late = syn(7, 22, 78, 0);
  feed_drop(&run, &other, T0 + MS, "nft_do_chain", "NETFILTER_DROP");
  feed_drop(&run, &other, T0 + 2 * MS, "nft_do_chain", "NETFILTER_DROP");
  feed_drop(&run, &elsewhere, T0 + MS, "tcp_v4_rcv", "TCP_CSUM");
  feed_drop(&run, NULL, T0 + 9 * S, "ip_rcv_core", "IP_CSUM");
  feed_drop(&run, &late, T0 + 60 * S, "ip_error", NULL);
  run_end(&run);
  const DcFinding *finding = finding_of(&run, DC_CAUSE_NONE);
  g_assert_nonnull(finding);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNEXPLAINED);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_NONE);
  g_assert_true(has_proof(finding, "2 drops of this service fit no frame: NETFILTER_DROP at nft_do_chain"));
  g_assert_false(has_proof(finding, "TCP_CSUM"));
  g_assert_false(has_proof(finding, "ip_error"));
  g_assert_true(has_line(finding->rivals, "netfilter-drop"));
  g_assert_true(has_line(finding->notes, "Nothing tells which."));
  g_assert_true(has_line(run.report->limits, "network namespaces"));
  run_free(&run);

  /* Without any of the service: what tells no service, if its cause could be this one's. */
  run_begin(&run, true);
  feed_frame(&run, syn(5, 22, 1, 0), T0);
  DcEvent place = drop_event(NULL, ++run.next_drop, DC_TIME_NONE, "nft_do_chain", "NETFILTER_DROP");
  place.drop.kind = DC_DROP_NETDM_SUMMARY;
  place.drop.count = 4;
  feed(&run, &place);
  place = drop_event(NULL, ++run.next_drop, DC_TIME_NONE, "udp_queue_rcv_one_skb", "SOCKET_RCVBUFF");
  place.drop.kind = DC_DROP_NETDM_SUMMARY;
  feed(&run, &place);
  run_end(&run);
  finding = finding_of(&run, DC_CAUSE_NONE);
  g_assert_nonnull(finding);
  g_assert_true(has_proof(finding, "4 drops that tell no service, at the same time, fit no frame: NETFILTER_DROP"));
  g_assert_false(has_proof(finding, "SOCKET_RCVBUFF"));
  run_free(&run);
}

/* Kernels before 5.18 show an IPIP or GRE device's packet from its outer header on; the function that freed it, or the
 * firewall's rules, tell which of the two was dropped. */
static void test_unwrapped_service(void)
{
  Run run;
  run_begin(&run, true);
  static const char rules[] =
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t\tudp dport 5353 drop\n\t\tip protocol ipip ip daddr 10.0.0.77 drop\n\t}\n}\n";
  dc_state_set_text(run.state, "nft", rules, sizeof rules - 1);
  static const struct {
    uint16_t port;
    const char *site;
  } lost[] = {{5999, "__udp4_lib_rcv"}, {5353, "nf_hook_slow"}, {5354, "nf_hook_slow"}, {5355, "tunnel4_rcv"}};
  for (uint16_t i = 0; i < G_N_ELEMENTS(lost); i++) {
    const Packet inner = udp_packet(&(Spec){.src = 0xc0a80002, .dst = 0xc0a80001, .sport = 7, .dport = lost[i].port});
    const Spec outer = {
        .id = (uint16_t)(i + 1), .payload = (const char *)inner.bytes + 14, .payload_len = inner.len - 14};
    const Packet packet = fragment_packet(&outer, 4);
    feed_frame(&run, packet, T0 + i * 10 * MS);
    feed_drop(&run, &packet, T0 + i * 10 * MS + MS, lost[i].site, NULL);
  }
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_NO_SOCKET);
  g_assert_cmpuint(finding_of(&run, DC_CAUSE_NO_SOCKET)->service.port, ==, 5999);
  g_assert_cmpuint(finding_of(&run, DC_CAUSE_NO_SOCKET)->service.protocol, ==, 17);
  g_assert_cmpint(verdict_of(&run, 2)->cause, ==, DC_CAUSE_NETFILTER_DROP);
  bool inner_rule = false, outer_rule = false;
  for (guint i = 0; i < run.report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(run.report->findings, i);
    if (finding->cause != DC_CAUSE_NETFILTER_DROP)
      continue;
    inner_rule |= finding->service.port == 5353;
    outer_rule |= finding->service.protocol == 4; /* no rule fits either: it stays what the monitor shows */
  }
  g_assert_true(inner_rule);
  g_assert_true(outer_rule);
  g_assert_cmpint(verdict_of(&run, 4)->cause, ==, DC_CAUSE_TUNNEL);
  run_free(&run);
}

/* --- handlers --------------------------------------------------------------------------------- */

static Packet raw_frame(uint16_t ethertype)
{
  Packet packet = {.len = 0};
  put_ethernet(&packet, &(Spec){0}, ethertype);
  packet.len = 60;
  return packet;
}

static void test_unhandled(void)
{
  Run run;
  run_begin(&run, true);
  const DcProtocolHandler ip = {.ethertype = 0x0800, .handler = "ip_rcv"};
  const DcProtocolHandler lldp = {.ethertype = 0x88cc, .handler = "lldp_rcv"};
  dc_state_add_handler(run.state, &ip);
  dc_state_add_handler(run.state, &lldp);
  feed_frame(&run, raw_frame(0x88b5), T0);
  feed_frame(&run, raw_frame(0x88cc), T0);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNHANDLED);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_NO_PROTOCOL_HANDLER);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(finding_of(&run, DC_CAUSE_NO_PROTOCOL_HANDLER)->severity, ==, DC_SEVERITY_INFO);
  run_free(&run);
}

static bool has_command(const GPtrArray *actions, const char *text)
{
  for (guint i = 0; i < actions->len; i++) {
    const DcAction *action = g_ptr_array_index(actions, i);
    if (action->command != NULL && strstr(action->command, text) != NULL)
      return true;
  }
  return false;
}

/* "any" is no device: advice names the one the drops came in by, a placeholder when there were several. */
static void test_device_of_any(void)
{
  for (uint32_t other = 3; other <= 4; other++) {
    Run run;
    run_begin_options(&run, &(DcDiagnosisOptions){.live = true, .interface = "any", .have_drops = true});
    for (uint32_t i = 0; i < 2; i++) {
      const Packet packet = udp_packet(&(Spec){.sport = 9, .dport = 5001, .id = (uint16_t)(1 + i), .payload = "x"});
      feed_frame(&run, packet, T0 + i * MS);
      DcEvent event = drop_event(&packet, ++run.next_drop, T0 + i * MS, "ip_rcv_finish_core", "IP_RPFILTER");
      event.drop.rx_ifname = i == 0 || other == 3 ? "eth3" : "eth4";
      feed(&run, &event);
    }
    run_end(&run);
    const DcFinding *finding = finding_of(&run, DC_CAUSE_RP_FILTER);
    g_assert_nonnull(finding);
    g_assert_cmpuint(finding->frames, ==, 2);
    g_assert_true(has_command(finding->fix, other == 3 ? "conf.eth3.rp_filter" : "conf.IF.rp_filter"));
    run_free(&run);
  }
}

/* Live, the counter that tells the cause is read after the drop: up to a second later, or never. The sockets were
 * read before. */
static void live_counter(int64_t drop_ns, int64_t read_ns, DcCause cause)
{
  Run run;
  run_begin_options(&run, &(DcDiagnosisOptions){.live = true, .interface = "eth0", .have_drops = true});
  const DcSocket socket = {
      .kind = DC_SOCKET_UDP, .local = {.version = 4}, .local_port = 5001, .has_queues = true, .rcvbuf = 4608};
  dc_state_begin_object(run.state, "udp", DC_PHASE_BEFORE, T0 - S, false);
  dc_state_begin_sockets(run.state, "udp");
  dc_state_add_socket(run.state, "udp", &socket);
  dc_state_end_object(run.state, true);
  dc_state_set_counter(run.state, T0 - S, DC_PHASE_BEFORE, "Udp.RcvbufErrors", 0);
  dc_state_set_counter(run.state, T0, DC_PHASE_TICK, "Udp.RcvbufErrors", 0);
  feed_frame(&run, raw_frame(0x88cc), T0);
  const Packet packet = udp_packet(&(Spec){.sport = 9, .dport = 5001, .id = 1, .payload = "x"});
  const uint64_t frame = feed_frame(&run, packet, drop_ns - MS);
  feed_drop(&run, &packet, drop_ns, "udp_queue_rcv_one_skb", NULL);
  bool is_read = false;
  for (int64_t now_ns = drop_ns; now_ns < T0 + 8 * S; now_ns += 100 * MS) {
    if (!is_read && now_ns >= read_ns)
      dc_state_set_counter(run.state, read_ns, DC_PHASE_TICK, "Udp.RcvbufErrors", 1);
    is_read |= now_ns >= read_ns;
    feed_frame(&run, raw_frame(0x88cc), now_ns);
  }
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, frame)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, frame)->cause, ==, cause);
  run_free(&run);
}

static void test_live_counters(void)
{
  for (int64_t after_ns = 100 * MS; after_ns < S; after_ns += 100 * MS)
    live_counter(T0 + after_ns, T0 + S, DC_CAUSE_UDP_RCVBUF);
  live_counter(T0 + S / 2, T0 + 7 * S, DC_CAUSE_UDP_RCVBUF); /* not read in time: nothing speaks for a filter */
}

/* --- findings ------------------------------------------------------------------------------------ */

static void test_findings_group_and_count(void)
{
  Run run;
  run_begin(&run, true);
  for (uint32_t i = 0; i < 30; i++) {
    const Packet packet = udp_packet(&(Spec){.src = PEER_IP + i % 12,
                                             .sport = 9,
                                             .dport = i % 3 == 0 ? 5001 : 5002,
                                             .id = (uint16_t)(i + 1),
                                             .payload = "x",
                                             .payload_len = 1});
    feed_frame(&run, packet, T0 + i * 10 * MS);
    if (i % 3 == 0)
      feed_drop(&run, &packet, T0 + i * 10 * MS + MS, "udp_queue_rcv_one_skb", "SOCKET_RCVBUFF");
  }
  run_end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 1);
  const DcFinding *finding = g_ptr_array_index(run.report->findings, 0);
  g_assert_cmpint(finding->cause, ==, DC_CAUSE_UDP_RCVBUF);
  g_assert_cmpint(finding->confidence, ==, DC_CONFIDENCE_CERTAIN);
  g_assert_cmpuint(finding->frames, ==, 10);
  g_assert_cmpuint(finding->drops, ==, 10);
  g_assert_cmpuint(finding->seen, ==, 10);
  g_assert_cmpuint(finding->by_match[DC_MATCH_EXACT], ==, 10);
  g_assert_cmpuint(finding->service.port, ==, 5001);
  g_assert_cmpuint(finding->client_count, ==, 4);
  g_assert_cmpuint(finding->clients[0].frames, >=, finding->clients[3].frames);
  g_assert_cmpint(finding->first_ns, ==, T0);
  g_assert_cmpuint(finding->example_count, ==, DC_FINDING_EXAMPLES);
  g_assert_cmpstr(g_ptr_array_index(finding->reasons, 0), ==, "SOCKET_RCVBUFF x10");
  g_assert_nonnull(strstr(g_ptr_array_index(finding->notes, finding->notes->len - 1), "one every 0.03 s"));
  uint64_t in_timeline = 0;
  for (uint32_t i = 0; i < finding->timeline.used; i++)
    in_timeline += finding->timeline.counts[i];
  g_assert_cmpuint(in_timeline, ==, finding->frames);
  run_free(&run);
}

/* More silent frames than may wait: the oldest are decided early, counted, and each still told once. */
static void test_silence_is_bounded(void)
{
  Run run;
  run_begin(&run, true);
  for (uint32_t i = 0; i < 70000; i++)
    feed_frame(&run, syn((uint16_t)i, (uint16_t)(i >> 16), i, 0), T0 + i * 50 * DC_NS_PER_US);
  run_end(&run);
  g_assert_cmpuint(run.report->summary.decided_early, >, 0);
  g_assert_cmpuint(run.report->summary.frames_by_fate[DC_FATE_UNEXPLAINED], ==, 70000);
  run_free(&run);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/diagnosis/silence/accept-queue", test_accept_queue);
  g_test_add_func("/diagnosis/silence/live", test_live_settles_early);
  g_test_add_func("/diagnosis/silence/full-queue-first", test_overflows_go_to_the_full_queue);
  g_test_add_func("/diagnosis/silence/recycle", test_recycle);
  g_test_add_func("/diagnosis/silence/one-clock", test_one_clock_is_no_nat);
  g_test_add_func("/diagnosis/silence/own-clock", test_own_clock);
  g_test_add_func("/diagnosis/device-of-any", test_device_of_any);
  g_test_add_func("/diagnosis/silence/rp-filter", test_rp_filter_spares_the_answered);
  g_test_add_func("/diagnosis/silence/rules", test_rules_explain_without_drops);
  g_test_add_func("/diagnosis/silence/bytes", test_bytes_explain);
  g_test_add_func("/diagnosis/silence/bounded", test_silence_is_bounded);
  g_test_add_func("/diagnosis/handshake/icmp-error", test_icmp_error_on_handshake);
  g_test_add_func("/diagnosis/handshake/lost-elsewhere", test_answer_lost_elsewhere);
  g_test_add_func("/diagnosis/handshake/data-unanswered", test_data_unanswered);
  g_test_add_func("/diagnosis/silence/last-step-ignored", test_last_step_ignored);
  g_test_add_func("/diagnosis/findings/tunnelled-service", test_tunnelled_service);
  g_test_add_func("/diagnosis/findings/unwrapped-service", test_unwrapped_service);
  g_test_add_func("/diagnosis/findings/loose-drops", test_loose_drops);
  g_test_add_func("/diagnosis/silence/flood", test_flood);
  g_test_add_func("/diagnosis/refusals", test_refusals);
  g_test_add_func("/diagnosis/refusals/tunnel", test_tunnel_refused);
  g_test_add_func("/diagnosis/refusals/prohibited", test_prohibited);
  g_test_add_func("/diagnosis/refusals/segment", test_reset_segment);
  g_test_add_func("/diagnosis/listens-elsewhere", test_listens_elsewhere);
  g_test_add_func("/diagnosis/unhandled", test_unhandled);
  g_test_add_func("/diagnosis/live-counters", test_live_counters);
  g_test_add_func("/diagnosis/findings", test_findings_group_and_count);
  return g_test_run();
}
