/* Losses that counters alone tell of: which steps become findings, and which are explained or usual. */
#include "dropcorr/diagnose/diagnosis.h"

#include <string.h>

typedef struct {
  DcState *state;
  DcDiagnosis *diagnosis;
  DcReport *report;
} Run;

static void begin(Run *run, const char *drop_mode)
{
  const DcDiagnosisOptions options = {
      .before_after_only = true, .interface = "eth0", .have_drops = drop_mode != NULL, .drop_mode = drop_mode};
  *run = (Run){.state = dc_state_new()};
  run->diagnosis = dc_diagnosis_new(&options, run->state, NULL);
}

static void counter(Run *run, const char *name, uint64_t before, uint64_t after)
{
  dc_state_set_counter(run->state, DC_TIME_NONE, DC_PHASE_BEFORE, name, before);
  dc_state_set_counter(run->state, DC_TIME_NONE, DC_PHASE_AFTER, name, after);
}

static void once(Run *run, const char *name, uint64_t value)
{
  dc_state_set_counter(run->state, DC_TIME_NONE, DC_PHASE_ONCE, name, value);
}

static void end(Run *run)
{
  dc_diagnosis_finish(run->diagnosis);
  run->report = dc_diagnosis_report(run->diagnosis);
  for (guint i = 0; i < run->report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(run->report->findings, i);
    g_assert_cmpuint(finding->frames + finding->drops + finding->attempts, ==, 0); /* nobody is accused */
    g_assert_cmpuint(finding->counted, >, 0);
    g_assert_nonnull(finding->counted_what);
    g_assert_cmpuint(finding->evidence->len, >, 0);
    g_assert_cmpuint(finding->fix->len, >, 0);
  }
}

static const DcFinding *only(const Run *run)
{
  g_assert_cmpuint(run->report->findings->len, ==, 1);
  return g_ptr_array_index(run->report->findings, 0);
}

static void clear(Run *run)
{
  dc_report_free(run->report);
  dc_diagnosis_free(run->diagnosis);
  dc_state_free(run->state);
}

static void test_step(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "Udp.RcvbufErrors", 100, 130);
  counter(&run, "Udp6RcvbufErrors", 5, 7);
  counter(&run, "Udp.InDatagrams", 1000, 1060);
  counter(&run, "Udp.InErrors", 100, 130); /* the same datagrams once more */
  end(&run);
  const DcFinding *finding = only(&run);
  g_assert_cmpint(finding->cause, ==, DC_CAUSE_UDP_RCVBUF);
  g_assert_cmpint(finding->confidence, ==, DC_CONFIDENCE_CERTAIN);
  g_assert_cmpint(finding->severity, ==, DC_SEVERITY_HIGH);
  g_assert_cmpuint(finding->counted, ==, 32);
  g_assert_cmpuint(finding->seen, ==, 90);
  g_assert_false(finding->since_boot);
  g_assert_cmpstr(finding->title, ==, "Datagram receive buffer full: UDP");
  const DcProof *proof = g_ptr_array_index(finding->evidence, 0);
  g_assert_cmpstr(proof->text, ==, "Udp.RcvbufErrors +30 (100 to 130), Udp6RcvbufErrors +2 (5 to 7)");
  g_assert_nonnull(strstr(run.report->verdict, "UDP: 32 datagrams, counted by the kernel alone"));
  const DcCheck *check = NULL;
  for (guint i = 0; i < run.report->checks->len; i++)
    if (((DcCheck *)g_ptr_array_index(run.report->checks, i))->cause == DC_CAUSE_UDP_RCVBUF)
      check = g_ptr_array_index(run.report->checks, i);
  g_assert_cmpint(check->state, ==, DC_CHECK_RULED_IN);
  g_assert_true(g_str_has_prefix(check->value, "finding 1: 32 datagrams"));
  clear(&run);
}

static void test_stands_still(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "Udp.RcvbufErrors", 12851135, 12851135); /* large, but old */
  counter(&run, "TcpExt.ListenOverflows", 7, 7);
  counter(&run, "TcpExt.TCPRcvCollapsed", 0, 900); /* moved, but nothing was lost */
  counter(&run, "softnet.time_squeeze", 0, 12);
  end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 0);
  clear(&run);
}

static void test_usual_rate(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "softnet.dropped", 0, 3);
  counter(&run, "softnet.processed", 0, 1000000);
  end(&run);
  const DcFinding *finding = only(&run);
  g_assert_cmpint(finding->cause, ==, DC_CAUSE_CPU_BACKLOG);
  g_assert_cmpint(finding->severity, ==, DC_SEVERITY_LOW);
  g_assert_cmpstr(finding->title, ==, "Per-CPU input queue full (netdev backlog): this host");
  g_assert_true(g_str_has_prefix(g_ptr_array_index(finding->notes, 0), "Below 1 in 10,000"));
  clear(&run);
}

static void test_since_boot(void)
{
  Run run;
  begin(&run, NULL);
  once(&run, "Udp.RcvbufErrors", 12851135);
  once(&run, "Udp.InDatagrams", 4000000000);
  once(&run, "TcpExt.ListenOverflows", 12);
  once(&run, "Tcp.PassiveOpens", 1000000);  /* 1 in 80,000: usual */
  once(&run, "TcpExt.PFMemallocDrop", 400); /* of what is not known */
  end(&run);
  const DcFinding *finding = only(&run);
  g_assert_cmpint(finding->cause, ==, DC_CAUSE_UDP_RCVBUF);
  g_assert_true(finding->since_boot);
  g_assert_cmpint(finding->confidence, ==, DC_CONFIDENCE_POSSIBLE);
  g_assert_cmpint(finding->severity, ==, DC_SEVERITY_LOW);
  clear(&run);
}

/* The largest of a card's names for one loss; the ring's are no errors, and no drops of the kernel. */
/* No counter of this world: what is made of it still adds up, and fits a reader's 64 bits with a sign. */
static void test_huge(void)
{
  Run run;
  begin(&run, NULL);
  once(&run, "sys.eth0.rx_fifo_errors", UINT64_MAX);
  once(&run, "sys.eth0.rx_packets", UINT64_MAX - 1);
  end(&run);
  const DcFinding *finding = only(&run);
  g_assert_cmpint(finding->cause, ==, DC_CAUSE_RING_OVERFLOW);
  g_assert_cmpuint(finding->counted, ==, DC_COUNT_MAX);
  g_assert_cmpuint(finding->seen, >=, finding->counted);
  g_assert_cmpuint(finding->seen, <=, 4 * DC_COUNT_MAX);
  clear(&run);
}

static void test_device(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "sys.eth0.rx_packets", 0, 9000);
  counter(&run, "sys.eth0.rx_fifo_errors", 0, 700);
  counter(&run, "sys.eth0.rx_missed_errors", 0, 1000);
  counter(&run, "ethtool.eth0.rx_queue_0_drops", 0, 400);
  counter(&run, "sys.eth0.rx_errors", 0, 1000);
  counter(&run, "dev.eth0.rx_packets", 0, 9000);
  counter(&run, "dev.eth0.rx_dropped", 0, 1000);
  counter(&run, "sys.eth0.rx_dropped", 0, 0);
  counter(&run, "sys.eth1.rx_packets", 0, 9000);
  counter(&run, "sys.eth1.rx_fifo_errors", 0, 5); /* not the interface that is looked at */
  end(&run);
  const DcFinding *finding = only(&run);
  g_assert_cmpint(finding->cause, ==, DC_CAUSE_RING_OVERFLOW);
  g_assert_cmpuint(finding->counted, ==, 1000);
  g_assert_cmpuint(finding->seen, ==, 10000);
  g_assert_cmpstr(finding->service.interface, ==, "eth0");
  const DcAction *action = g_ptr_array_index(finding->confirm, 0);
  g_assert_cmpstr(action->command, ==, "ethtool -g eth0");
  clear(&run);
}

static void test_device_errors(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "dev.eth0.rx_packets", 0, 9000);
  counter(&run, "dev.eth0.rx_frame", 0, 20);
  counter(&run, "dev.eth0.rx_errors", 0, 25);
  counter(&run, "dev.eth0.rx_fifo", 0, 5);
  counter(&run, "dev.eth0.rx_dropped", 0, 242);
  end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 3);
  const DcFinding *ring = g_ptr_array_index(run.report->findings, 0);
  const DcFinding *error = g_ptr_array_index(run.report->findings, 1);
  const DcFinding *dropped = g_ptr_array_index(run.report->findings, 2);
  g_assert_cmpint(ring->cause, ==, DC_CAUSE_RING_OVERFLOW);
  g_assert_cmpuint(ring->counted, ==, 5);
  g_assert_cmpint(error->cause, ==, DC_CAUSE_NIC_ERROR);
  g_assert_cmpuint(error->counted, ==, 20);
  g_assert_cmpint(dropped->cause, ==, DC_CAUSE_NO_PROTOCOL_HANDLER);
  g_assert_cmpint(dropped->confidence, ==, DC_CONFIDENCE_POSSIBLE);
  g_assert_cmpuint(dropped->counted, ==, 237); /* /proc/net/dev adds the ring's */
  clear(&run);
}

/* Frames or drops with the cause say it better; the number stays when the counter is looked at again. */
static void test_explained(void)
{
  Run run;
  begin(&run, "packet");
  const DcVerdictSink sink = dc_diagnosis_sink(run.diagnosis);
  counter(&run, "TcpExt.ListenOverflows", 0, 4); /* no drop event exists for it */
  counter(&run, "Udp.RcvbufErrors", 0, 4);
  DcReport *before = dc_diagnosis_report(run.diagnosis);
  g_assert_cmpuint(before->findings->len, ==, 1); /* a full UDP buffer would have been told as a drop */
  g_assert_cmpuint(((DcFinding *)g_ptr_array_index(before->findings, 0))->number, ==, 1);
  dc_report_free(before);

  const DcDrop drop = {.number = 1,
                       .symbol = "udp_queue_rcv_one_skb",
                       .protocol = 0x0800,
                       .count = 1,
                       .time_ns = DC_TIME_NONE,
                       .kind = DC_DROP_TEXT};
  const DcDropVerdict verdict = {.drop = &drop, .status = DC_DROP_STATUS_UNMATCHED};
  sink.drop(sink.data, &verdict, NULL);
  end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 2);
  for (guint i = 0; i < 2; i++) {
    const DcFinding *finding = g_ptr_array_index(run.report->findings, i);
    g_assert_cmpuint(finding->number, ==, finding->cause == DC_CAUSE_ACCEPT_QUEUE_FULL ? 1 : 2);
  }
  clear(&run);
}

static void test_explained_by_frames(void)
{
  Run run;
  begin(&run, "packet");
  const DcVerdictSink sink = dc_diagnosis_sink(run.diagnosis);
  counter(&run, "Udp.RcvbufErrors", 0, 4);
  DcBrief brief = {.has = DC_HAS_IP | DC_HAS_PORTS, .direction = DC_DIRECTION_IN};
  brief.flow = (DcFlowKey){.ethertype = 0x0800, .ip_version = 4, .protocol = 17, .dst_port = 514};
  const DcFrameVerdict verdict = {
      .frame = 1, .brief = brief, .fate = DC_FATE_DROPPED, .match = DC_MATCH_EXACT, .drop = 1};
  const DcDrop drop = {.number = 1,
                       .symbol = "udp_queue_rcv_one_skb",
                       .reason = "SOCKET_RCVBUFF",
                       .protocol = 0x0800,
                       .count = 1,
                       .kind = DC_DROP_NETDM_PACKET};
  sink.frame(sink.data, &verdict, &drop);
  dc_diagnosis_finish(run.diagnosis);
  run.report = dc_diagnosis_report(run.diagnosis);
  const DcFinding *finding = only(&run);
  g_assert_cmpuint(finding->frames, ==, 1);
  g_assert_cmpuint(finding->counted, ==, 0);
  clear(&run);
}

static void test_rules(void)
{
  Run run;
  begin(&run, NULL);
  static const char rules[] = "*filter\n:INPUT ACCEPT [0:0]\n[30:0] -A INPUT -p udp -m udp --dport 514 -j DROP\n"
                              "[50:0] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n[7:0] -A OUTPUT -p udp -j DROP\n"
                              "COMMIT\n";
  static const char nft[] = "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
                            "\t\ttcp dport 8089 counter packets 9 bytes 540 drop # handle 4\n"
                            "\t\ttcp dport 80 counter packets 9 bytes 540 accept # handle 5\n\t}\n}\n";
  dc_state_set_text(run.state, "iptables-save", rules, sizeof rules - 1);
  dc_state_set_text(run.state, "nft", nft, sizeof nft - 1);
  counter(&run, "nft.inet f.in.4", 4, 9);
  counter(&run, "nft.inet f.in.5", 4, 9);
  counter(&run, "iptables.filter.INPUT.-p udp -m udp --dport 514 -j DROP", 10, 30);
  counter(&run, "iptables.filter.INPUT.-p tcp -m tcp --dport 22 -j ACCEPT", 10, 50);
  counter(&run, "iptables.filter.OUTPUT.-p udp -j DROP", 0, 7);
  counter(&run, "tc.eth0.ingress ffff:.dropped", 0, 12);
  counter(&run, "tc.eth0.fq_codel 0:.dropped", 0, 9);
  end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 2);
  const DcFinding *rule = g_ptr_array_index(run.report->findings, 0);
  const DcFinding *ingress = g_ptr_array_index(run.report->findings, 1);
  g_assert_cmpint(rule->cause, ==, DC_CAUSE_NETFILTER_DROP);
  g_assert_cmpuint(rule->counted, ==, 25);
  const DcProof *proof = g_ptr_array_index(rule->evidence, 0);
  g_assert_cmpstr(proof->text, ==,
                  "iptables filter: -A INPUT -p udp -m udp --dport 514 -j DROP +20, "
                  "inet f in handle 4: tcp dport 8089 drop +5");
  g_assert_cmpint(ingress->cause, ==, DC_CAUSE_TC_INGRESS);
  g_assert_cmpuint(ingress->counted, ==, 12);
  g_assert_cmpstr(ingress->service.interface, ==, "eth0");
  clear(&run);
}

/* The state may know whose loss it is: then the finding speaks of that port. */
static void test_service(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "Udp.RcvbufErrors", 0, 30);
  counter(&run, "TcpExt.TCPReqQFullDoCookies", 0, 4000);
  counter(&run, "TcpExt.ListenOverflows", 0, 5);
  const DcSocket quiet = {.kind = DC_SOCKET_UDP, .local = {.version = 4}, .local_port = 53, .has_drops = true};
  DcSocket losing = {.kind = DC_SOCKET_UDP, .local = {.version = 4}, .local_port = 514, .has_drops = true, .drops = 7};
  DcSocket full = {.kind = DC_SOCKET_TCP_LISTEN,
                   .local = {.version = 4},
                   .local_port = 8080,
                   .recv_queue = 129,
                   .send_queue = 128,
                   .has_queues = true,
                   .has_backlog = true,
                   .state = "LISTEN"};
  for (int round = 0; round < 2; round++) {
    dc_state_begin_sockets(run.state, "ss");
    dc_state_add_socket(run.state, "ss", &quiet);
    dc_state_add_socket(run.state, "ss", &losing);
    dc_state_add_socket(run.state, "ss", &full);
    losing.drops = 37;
  }
  static const char line[] = "TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:443. Sending cookies.";
  dc_state_add_kernel_line(run.state, line, strlen(line));
  end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 3);
  for (guint i = 0; i < 3; i++) {
    const DcFinding *finding = g_ptr_array_index(run.report->findings, i);
    const uint16_t port = finding->cause == DC_CAUSE_SYN_FLOOD    ? 443
                          : finding->cause == DC_CAUSE_UDP_RCVBUF ? 514
                                                                  : 8080;
    g_assert_cmpuint(finding->service.port, ==, port);
    if (finding->cause == DC_CAUSE_UDP_RCVBUF) {
      const DcProof *proof = g_ptr_array_index(finding->evidence, finding->evidence->len - 1);
      g_assert_nonnull(strstr(proof->text, "port 514, 37 drops"));
    }
  }
  clear(&run);
}

/* What is set already is said last. */
static void test_set_already(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "TcpExt.TCPReqQFullDrop", 0, 30);
  dc_state_set_sysctl(run.state, "net.ipv4.tcp_syncookies", "1");
  dc_state_set_sysctl(run.state, "net.ipv4.tcp_max_syn_backlog", "8192");
  dc_state_set_sysctl(run.state, "net.core.somaxconn", "128"); /* one of two: not yet */
  end(&run);
  const DcFinding *finding = only(&run);
  const DcAction *first = g_ptr_array_index(finding->fix, 0);
  const DcAction *last = g_ptr_array_index(finding->fix, finding->fix->len - 1);
  g_assert_true(g_str_has_prefix(first->command, "sysctl -w net.ipv4.tcp_max_syn_backlog=8192 net.core.somaxconn"));
  g_assert_cmpstr(last->command, ==, "sysctl -w net.ipv4.tcp_syncookies=1");
  g_assert_true(g_str_has_prefix(last->what, "is so already; "));
  clear(&run);
}

/* A full backlog and emergency memory count in rx_dropped too: one loss is told once. */
static void test_dropped_once(void)
{
  Run run;
  begin(&run, NULL);
  counter(&run, "sys.eth0.rx_packets", 0, 9000);
  counter(&run, "sys.eth0.rx_dropped", 0, 50);
  counter(&run, "softnet.dropped", 0, 30);
  counter(&run, "TcpExt.PFMemallocDrop", 0, 20);
  end(&run);
  g_assert_cmpuint(run.report->findings->len, ==, 2);
  for (guint i = 0; i < 2; i++) {
    const DcFinding *finding = g_ptr_array_index(run.report->findings, i);
    g_assert_cmpint(finding->cause, ==, i == 0 ? DC_CAUSE_CPU_BACKLOG : DC_CAUSE_MEMORY_PRESSURE);
  }
  clear(&run);
}

/* Who asked for some frames is told what all frames suffered from, not what others did. */
static void test_filtered(void)
{
  Run run = {.state = dc_state_new()};
  const DcDiagnosisOptions options = {.before_after_only = true, .interface = "eth0", .filtered = true};
  run.diagnosis = dc_diagnosis_new(&options, run.state, NULL);
  counter(&run, "TcpExt.ListenOverflows", 0, 8); /* of a port that was not asked for, perhaps */
  counter(&run, "softnet.dropped", 0, 3);
  end(&run);
  g_assert_cmpint(only(&run)->cause, ==, DC_CAUSE_CPU_BACKLOG);
  clear(&run);
}

/* rx_dropped beside complaints of memory; without them it is open what it was. */
static void test_memory(void)
{
  for (int said = 0; said < 2; said++) {
    Run run;
    begin(&run, NULL);
    counter(&run, "sys.eth0.rx_packets", 0, 9000);
    counter(&run, "sys.eth0.rx_dropped", 0, 50);
    static const char line[] = "ksoftirqd/3: page allocation failure: order:0, mode:0x480020(GFP_ATOMIC)";
    if (said)
      dc_state_add_kernel_line(run.state, line, strlen(line));
    end(&run);
    const DcFinding *finding = only(&run);
    g_assert_cmpint(finding->cause, ==, said ? DC_CAUSE_MEMORY_PRESSURE : DC_CAUSE_NO_PROTOCOL_HANDLER);
    g_assert_cmpint(finding->confidence, ==, said ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE);
    g_assert_cmpint(finding->severity, ==, said ? DC_SEVERITY_HIGH : DC_SEVERITY_LOW); /* harmless, if it is that */
    g_assert_cmpuint(finding->rivals->len, ==, said ? 1 : 4);
    clear(&run);
  }
}

/* What the reverse path filter drops is counted as martian too: only what is left is one. */
static void test_martians(void)
{
  for (uint64_t filtered = 0; filtered <= 5; filtered += 5) {
    Run run;
    begin(&run, NULL);
    counter(&run, "rt_cache.in_martian_src", 0, 5);
    counter(&run, "TcpExt.IPReversePathFilter", 10, 10 + filtered);
    end(&run);
    g_assert_cmpint(only(&run)->cause, ==, filtered == 0 ? DC_CAUSE_MARTIAN_SOURCE : DC_CAUSE_RP_FILTER);
    g_assert_cmpuint(only(&run)->counted, ==, 5);
    for (guint i = 0; i < run.report->checks->len; i++) {
      const DcCheck *check = g_ptr_array_index(run.report->checks, i);
      g_assert_false(check->cause == DC_CAUSE_MARTIAN_SOURCE && (check->state == DC_CHECK_RULED_IN) != (filtered == 0));
    }
    clear(&run);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/counter-findings/step", test_step);
  g_test_add_func("/counter-findings/stands-still", test_stands_still);
  g_test_add_func("/counter-findings/usual-rate", test_usual_rate);
  g_test_add_func("/counter-findings/since-boot", test_since_boot);
  g_test_add_func("/counter-findings/huge", test_huge);
  g_test_add_func("/counter-findings/device", test_device);
  g_test_add_func("/counter-findings/device-errors", test_device_errors);
  g_test_add_func("/counter-findings/explained", test_explained);
  g_test_add_func("/counter-findings/explained-by-frames", test_explained_by_frames);
  g_test_add_func("/counter-findings/rules", test_rules);
  g_test_add_func("/counter-findings/service", test_service);
  g_test_add_func("/counter-findings/set-already", test_set_already);
  g_test_add_func("/counter-findings/dropped-once", test_dropped_once);
  g_test_add_func("/counter-findings/filtered", test_filtered);
  g_test_add_func("/counter-findings/memory", test_memory);
  g_test_add_func("/counter-findings/martians", test_martians);
  return g_test_run();
}
