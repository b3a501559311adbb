/* Frames that were owed an answer and got none: which counter, queue, rule or byte tells why. */
#include "diagnosis_run.h"

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
  g_test_add_func("/silence/accept-queue", test_accept_queue);
  g_test_add_func("/silence/flood", test_flood);
  g_test_add_func("/silence/full-queue-first", test_overflows_go_to_the_full_queue);
  g_test_add_func("/silence/live", test_live_settles_early);
  g_test_add_func("/silence/recycle", test_recycle);
  g_test_add_func("/silence/one-clock", test_one_clock_is_no_nat);
  g_test_add_func("/silence/own-clock", test_own_clock);
  g_test_add_func("/silence/rp-filter", test_rp_filter_spares_the_answered);
  g_test_add_func("/silence/rules", test_rules_explain_without_drops);
  g_test_add_func("/silence/bytes", test_bytes_explain);
  g_test_add_func("/silence/last-step-ignored", test_last_step_ignored);
  g_test_add_func("/silence/bounded", test_silence_is_bounded);
  return g_test_run();
}
