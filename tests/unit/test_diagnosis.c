/* From verdicts to causes and findings: handshakes, services, handlers, grouping. */
#include "diagnosis_run.h"

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

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/diagnosis/device-of-any", test_device_of_any);
  g_test_add_func("/diagnosis/handshake/icmp-error", test_icmp_error_on_handshake);
  g_test_add_func("/diagnosis/handshake/lost-elsewhere", test_answer_lost_elsewhere);
  g_test_add_func("/diagnosis/handshake/data-unanswered", test_data_unanswered);
  g_test_add_func("/diagnosis/findings/tunnelled-service", test_tunnelled_service);
  g_test_add_func("/diagnosis/findings/unwrapped-service", test_unwrapped_service);
  g_test_add_func("/diagnosis/findings/loose-drops", test_loose_drops);
  g_test_add_func("/diagnosis/unhandled", test_unhandled);
  g_test_add_func("/diagnosis/live-counters", test_live_counters);
  g_test_add_func("/diagnosis/findings", test_findings_group_and_count);
  return g_test_run();
}
