/* What becomes of frames and drops, told by the correlator alone. */
#include "correlator_run.h"

/* --- drops ------------------------------------------------------------------------ */

static void test_retransmissions_each_dropped(void)
{
  Run run;
  run_begin(&run);
  const Packet packet = syn(40001, 111);
  for (int i = 0; i < 3; i++) {
    feed_frame(&run, packet, T0 + i * 200 * MS);
    feed_drop(&run, &packet, T0 + i * 200 * MS + MS, "nft_do_chain", "NETFILTER_DROP");
  }
  run_end(&run);
  for (uint64_t i = 1; i <= 3; i++) {
    const DcFrameVerdict *verdict = verdict_of(&run, i);
    g_assert_cmpint(verdict->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpint(verdict->match, ==, DC_MATCH_EXACT);
    g_assert_cmpuint(verdict->drop, ==, i);
    g_assert_cmpint(verdict->delay_ns, ==, MS);
  }
  g_assert_cmpuint(run.handshakes->len, ==, 1);
  const DcHandshake *handshake = &g_array_index(run.handshakes, DcHandshake, 0);
  g_assert_cmpuint(handshake->syns, ==, 3);
  g_assert_cmpuint(handshake->dropped, ==, 3);
  g_assert_cmpint(handshake->outcome, ==, DC_OUTCOME_DROPPED);
  run_free(&run);
}

static void test_drop_a_moment_before_its_frame(void)
{
  Run run;
  run_begin(&run);
  const Packet packet = syn(40001, 111);
  feed_drop(&run, &packet, T0, "nft_do_chain", "NETFILTER_DROP");
  feed_frame(&run, packet, T0 + MS / 2);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 1)->delay_ns, ==, -MS / 2);
  run_free(&run);
}

static void test_drop_outside_window(void)
{
  Run run;
  run_begin(&run);
  const Packet packet = syn(40001, 111);
  feed_frame(&run, packet, T0);
  feed_drop(&run, &packet, T0 + 5 * S, "nft_do_chain", "NETFILTER_DROP");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNEXPLAINED);
  g_assert_cmpint(drop_verdict_of(&run, 1)->status, ==, DC_DROP_STATUS_UNMATCHED);
  run_free(&run);
}

/* Identical datagrams tapped in one burst: which of them was dropped cannot be told. */
static void test_identical_twins_are_not_exact(void)
{
  Run run;
  run_begin(&run);
  const Packet packet = udp_packet(&(Spec){.sport = 1, .dport = 5001, .payload = "same", .payload_len = 4});
  feed_frame(&run, packet, T0);
  feed_frame(&run, packet, T0 + 10 * DC_NS_PER_US);
  feed_drop(&run, &packet, T0 + 30 * DC_NS_PER_US, "udp_queue_rcv_one_skb", "SOCKET_RCVBUFF");
  run_end(&run);
  g_assert_cmpint(drop_verdict_of(&run, 1)->match, ==, DC_MATCH_STRONG);
  g_assert_cmpuint(drop_verdict_of(&run, 1)->frames, ==, 2);
  run_free(&run);
}

static void test_second_event_of_one_packet(void)
{
  Run run;
  run_begin(&run);
  const Packet packet = syn(40001, 111);
  feed_frame(&run, packet, T0);
  feed_drop(&run, &packet, T0 + MS, "nft_do_chain", "NETFILTER_DROP");
  feed_drop(&run, &packet, T0 + 2 * MS, "tcp_v4_rcv", "NO_SOCKET");
  run_end(&run);
  g_assert_cmpint(drop_verdict_of(&run, 2)->status, ==, DC_DROP_STATUS_UNMATCHED);
  g_assert_cmpint(drop_verdict_of(&run, 2)->unmatched_why, ==, DC_UNMATCHED_ALREADY_USED);
  run_free(&run);
}

static void test_vlan_tag_padding_and_ttl_do_not_matter(void)
{
  Run run;
  run_begin(&run);
  const Packet plain = tcp_packet(&(Spec){.sport = 40017, .dport = 22, .seq = 1000, .flags = DC_TCP_SYN});
  Packet tagged = tcp_packet(&(Spec){.sport = 40017, .dport = 22, .seq = 1000, .flags = DC_TCP_SYN, .vlan = 7});
  tagged.len += 6; /* Ethernet padding */
  Packet forwarded = plain;
  forwarded.bytes[14 + 8] = 63; /* TTL */
  feed_frame(&run, tagged, T0);
  feed_drop(&run, &forwarded, T0 + MS, "__netif_receive_skb_core", "UNHANDLED_PROTO");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->match, ==, DC_MATCH_EXACT);
  run_free(&run);
}

static void test_nat_keeps_one_endpoint(void)
{
  Run run;
  run_begin(&run);
  const Packet wire = tcp_packet(&(Spec){.sport = 40000, .dport = 80, .seq = 4711, .flags = DC_TCP_SYN});
  const Packet translated =
      tcp_packet(&(Spec){.sport = 40000, .dport = 8080, .dst = 0xc0a80105, .seq = 4711, .flags = DC_TCP_SYN});
  const Packet other = tcp_packet(&(Spec){.sport = 40001, .dport = 80, .seq = 4711, .flags = DC_TCP_SYN});
  feed_frame(&run, wire, T0);
  feed_frame(&run, other, T0 + MS);
  feed_drop(&run, &translated, T0 + 2 * MS, "nft_do_chain", "NETFILTER_DROP");
  feed_frame(&run, udp_packet(&(Spec){.sport = 1, .dport = 2}), T0 + 10 * S);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 1)->match, ==, DC_MATCH_STRONG);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_UNEXPLAINED);
  run_free(&run);
}

static void test_own_frames_are_never_accused(void)
{
  Run run;
  run_begin(&run);
  const Packet question = syn(40001, 111), answer = syn_ack(40001, 111);
  feed_frame(&run, question, T0);
  feed_frame(&run, answer, T0 + MS);
  /* The peer's namespace frees this host's SYN-ACK. */
  feed_drop(&run, &answer, T0 + 2 * MS, "tcp_v4_rcv", "NO_SOCKET");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpint(verdict_of(&run, 1)->answer_ns, ==, MS);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_OUTBOUND);
  g_assert_cmpint(drop_verdict_of(&run, 1)->status, ==, DC_DROP_STATUS_OUTBOUND);
  run_free(&run);
}

static void test_noise_and_capture(void)
{
  Run run;
  run_begin(&run);
  const Packet reset = tcp_packet(&(Spec){.sport = 41000, .dport = 22, .seq = 1001, .flags = DC_TCP_RST});
  const Packet copy = udp_packet(&(Spec){.sport = 9, .dport = 9, .payload = "x", .payload_len = 1});
  feed_frame(&run, reset, T0);
  feed_drop(&run, &reset, T0 + MS, "tcp_v4_rcv", "NOT_SPECIFIED");
  feed_frame(&run, copy, T0 + 2 * MS);
  feed_drop(&run, &copy, T0 + 3 * MS, "tpacket_rcv", "PACKET_SOCK_ERROR");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_CONSUMED);
  g_assert_cmpint(drop_verdict_of(&run, 1)->status, ==, DC_DROP_STATUS_NOISE);
  g_assert_cmpuint(drop_verdict_of(&run, 1)->frame, ==, 1);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(drop_verdict_of(&run, 2)->status, ==, DC_DROP_STATUS_SELF);
  run_free(&run);
}

/* --- without bytes ------------------------------------------------------------------ */

/* --- answers -------------------------------------------------------------------------- */

static void test_retry_answered(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(50212, 7), T0);
  feed_frame(&run, syn(50212, 7), T0 + S);
  feed_frame(&run, syn_ack(50212, 7), T0 + S + 77000);
  feed_frame(&run, tcp_packet(&(Spec){.sport = 50212, .dport = 8089, .seq = 8, .ack = 78, .flags = DC_TCP_ACK}),
             T0 + S + MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNEXPLAINED);
  g_assert_true(verdict_of(&run, 1)->owed);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpint(verdict_of(&run, 2)->answer_ns, ==, 77000);
  const DcHandshake *handshake = &g_array_index(run.handshakes, DcHandshake, 0);
  g_assert_cmpint(handshake->outcome, ==, DC_OUTCOME_ANSWERED);
  g_assert_cmpuint(handshake->syns, ==, 2);
  g_assert_cmpuint(handshake->unanswered, ==, 1);
  g_assert_cmpint(handshake->answer_ns, ==, 77000);
  g_assert_cmpint(handshake->total_ns, ==, S + 77000);
  g_assert_true(handshake->established);
  run_free(&run);
}

static void test_a_new_isn_is_a_new_attempt(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(50212, 7), T0);
  feed_frame(&run, syn(50212, 99), T0 + S);
  feed_frame(&run, syn_ack(50212, 99), T0 + S + MS);
  feed_frame(&run, udp_packet(&(Spec){.sport = 1, .dport = 2}), T0 + 10 * S);
  run_end(&run);
  g_assert_cmpuint(run.handshakes->len, ==, 2);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNEXPLAINED);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_ANSWERED);
  run_free(&run);
}

static void test_refusals(void)
{
  Run run;
  run_begin(&run);
  const Packet datagram = udp_packet(&(Spec){.sport = 40003, .dport = 5999, .payload = "q", .payload_len = 1});
  feed_frame(&run, syn(40002, 222), T0);
  feed_frame(&run,
             tcp_packet(&(Spec){
                 .from_host = true, .sport = 8089, .dport = 40002, .ack = 223, .flags = DC_TCP_RST | DC_TCP_ACK}),
             T0 + MS);
  feed_frame(&run, datagram, T0 + 2 * MS);
  feed_frame(&run, icmp_error_packet(&(Spec){.from_host = true}, 3, 3, &datagram), T0 + 3 * MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_REFUSED);
  g_assert_cmpint(verdict_of(&run, 1)->refused_by, ==, DC_REFUSED_RST);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_REFUSED);
  g_assert_cmpint(verdict_of(&run, 3)->refused_by, ==, DC_REFUSED_ICMP);
  g_assert_cmpint(verdict_of(&run, 3)->refused_type, ==, 3);
  g_assert_cmpint(verdict_of(&run, 3)->refused_code, ==, 3);
  g_assert_cmpint(g_array_index(run.handshakes, DcHandshake, 0).outcome, ==, DC_OUTCOME_REFUSED);
  run_free(&run);
}

/* A drop beats a refusal as the explanation. */
/* An error refuses what it quotes and what came between two of them, not what had been taken before; and of packets
 * without ports, which may be many services', only what it quotes. */
static void test_refusal_of_the_quoted(void)
{
  Run run;
  run_begin(&run);
  const Spec host = {.from_host = true};
  Packet packets[4];
  for (uint16_t i = 0; i < 4; i++) {
    packets[i] = udp_packet(&(Spec){.sport = 9, .dport = 514, .id = (uint16_t)(i + 1)});
    feed_frame(&run, packets[i], T0 + i * 100 * MS);
    if (i == 1 || i == 3)
      feed_frame(&run, icmp_error_packet(&host, 3, 3, &packets[i]), T0 + i * 100 * MS + MS);
  }
  for (uint16_t i = 0; i < 3; i++) {
    packets[i] = fragment_packet(&(Spec){.id = (uint16_t)(i + 100), .payload = "tunnelled", .payload_len = 9}, 47);
    feed_frame(&run, packets[i], T0 + S + i * 100 * MS);
  }
  feed_frame(&run, icmp_error_packet(&host, 3, 2, &packets[1]), T0 + S + 300 * MS);
  run_end(&run);
  static const DcFate fates[] = {DC_FATE_UNREMARKABLE, DC_FATE_REFUSED,  DC_FATE_OUTBOUND,     DC_FATE_REFUSED,
                                 DC_FATE_REFUSED,      DC_FATE_OUTBOUND, DC_FATE_UNREMARKABLE, DC_FATE_REFUSED,
                                 DC_FATE_UNREMARKABLE, DC_FATE_OUTBOUND};
  for (uint64_t i = 0; i < G_N_ELEMENTS(fates); i++)
    g_assert_cmpint(verdict_of(&run, i + 1)->fate, ==, fates[i]);
  g_assert_cmpint(verdict_of(&run, 2)->answer_ns, ==, MS);
  run_free(&run);
}

static void test_dropped_and_refused(void)
{
  Run run;
  run_begin(&run);
  const Packet packet = syn(40002, 222);
  feed_frame(&run, packet, T0);
  feed_drop(&run, &packet, T0 + MS / 2, "tcp_v4_rcv", "NO_SOCKET");
  feed_frame(&run,
             tcp_packet(&(Spec){
                 .from_host = true, .sport = 8089, .dport = 40002, .ack = 223, .flags = DC_TCP_RST | DC_TCP_ACK}),
             T0 + MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(g_array_index(run.handshakes, DcHandshake, 0).outcome, ==, DC_OUTCOME_DROPPED);
  run_free(&run);
}

static void test_data_is_answered_by_its_ack(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(5, 100), T0);
  feed_frame(&run, syn_ack(5, 100), T0 + MS);
  Spec data = {.sport = 5,
               .dport = 8089,
               .seq = 101,
               .ack = 78,
               .flags = DC_TCP_ACK | DC_TCP_PSH,
               .payload = "hello",
               .payload_len = 5};
  feed_frame(&run, tcp_packet(&data), T0 + 2 * MS);
  feed_frame(
      &run,
      tcp_packet(&(Spec){.from_host = true, .sport = 8089, .dport = 5, .seq = 78, .ack = 106, .flags = DC_TCP_ACK}),
      T0 + 3 * MS);
  data.seq = 106; /* never acknowledged */
  feed_frame(&run, tcp_packet(&data), T0 + 4 * MS);
  feed_frame(&run, udp_packet(&(Spec){.sport = 1, .dport = 2}), T0 + 10 * S);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpint(verdict_of(&run, 5)->fate, ==, DC_FATE_UNEXPLAINED);
  run_free(&run);
}

static void test_echo(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, echo_packet(&(Spec){0}, false, 9, 1), T0);
  feed_frame(&run, echo_packet(&(Spec){0}, false, 9, 2), T0 + MS);
  feed_frame(&run, echo_packet(&(Spec){.from_host = true}, true, 9, 2), T0 + 2 * MS);
  feed_frame(&run, echo_packet(&(Spec){.dst = 0x0a00004d}, false, 9, 3), T0 + 3 * MS); /* not this host's address */
  feed_frame(&run, udp_packet(&(Spec){.sport = 1, .dport = 2}), T0 + 10 * S);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNEXPLAINED);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpint(verdict_of(&run, 4)->fate, ==, DC_FATE_UNREMARKABLE);
  run_free(&run);
}

/* The capture ended before an answer could be expected: nothing is said against the frame. */
static void test_pending_at_the_end(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(5, 100), T0);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(g_array_index(run.handshakes, DcHandshake, 0).outcome, ==, DC_OUTCOME_PENDING);
  run_free(&run);
}

/* Cut inside the headers, segments of one burst differ in nothing but their identification. */
static void test_cut_burst(void)
{
  Run run;
  run_begin(&run);
  Packet packets[3];
  for (uint16_t i = 0; i < 3; i++) {
    packets[i] = tcp_packet(&(Spec){.sport = 5, .dport = 81, .seq = 1, .flags = DC_TCP_ACK, .tsval = 9, .id = i + 7});
    DcEvent event = frame_event(&packets[i], ++run.next_frame, T0 + i * 50 * DC_NS_PER_US);
    event.frame.caplen = 60;
    dc_decode_packet(DC_LINK_ETHERNET, packets[i].bytes, 60, packets[i].len, true, &event.frame.packet);
    dc_correlator_feed(run.correlator, &event);
  }
  for (uint16_t i = 0; i < 2; i++)
    feed_drop(&run, &packets[i], T0 + 200 * DC_NS_PER_US, "tcp_v4_rcv", "NO_SOCKET");
  run_end(&run);
  for (uint64_t i = 1; i <= 2; i++) {
    g_assert_cmpint(verdict_of(&run, i)->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpint(verdict_of(&run, i)->match, ==, DC_MATCH_STRONG);
    g_assert_cmpuint(verdict_of(&run, i)->drop, ==, i);
  }
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_UNREMARKABLE);
  run_free(&run);
}

/* --- other namespaces ----------------------------------------------------------------------- */

/* The same bytes between the same IP addresses, but from another station: another namespace's packet, or this host's
 * own when it has forwarded the frame. */
static void test_another_sender(void)
{
  static const uint8_t other[6] = {2, 0, 0, 0, 0xb, 2}, other_host[6] = {2, 0, 0, 0, 0xb, 1};
  Run run;
  run_begin(&run);
  Spec spec = {.sport = 40002, .dport = 5000, .id = 9, .payload = "hello", .payload_len = 5};
  feed_frame(&run, udp_packet(&spec), T0);
  Spec theirs = spec;
  theirs.src_mac = other;
  theirs.dst_mac = other_host;
  const Packet twin = udp_packet(&theirs);
  feed_drop(&run, &twin, T0 + 2 * MS, "__udp4_lib_rcv", "NO_SOCKET");
  /* Only the receiver's address differs: a bond or a bridge may have put its own there. */
  spec.id = 10;
  feed_frame(&run, udp_packet(&spec), T0 + 10 * MS);
  spec.dst_mac = other_host;
  const Packet readdressed = udp_packet(&spec);
  feed_drop(&run, &readdressed, T0 + 11 * MS, "__udp4_lib_rcv", "NO_SOCKET");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(drop_verdict_of(&run, 1)->unmatched_why, ==, DC_UNMATCHED_NO_FRAME);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 2)->match, ==, DC_MATCH_STRONG);
  run_free(&run);
}

/* What a broadcast meets in one namespace says nothing of the others. */
static void test_broadcast_in_other_namespaces(void)
{
  static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
  Run run;
  run_begin(&run);
  dc_correlator_add_ifindex(run.correlator, 2);
  Spec spec = {.dst = 0x0a0000ff, .dst_mac = all, .sport = 67, .dport = 68, .id = 1, .payload = "x", .payload_len = 1};
  const Packet here = udp_packet(&spec);
  feed_frame(&run, here, T0);
  feed_drop(&run, &here, T0 + MS, "__udp4_lib_rcv", "NOT_SPECIFIED");
  /* On another device than the captured one. */
  spec.id = 2;
  const Packet there = udp_packet(&spec);
  feed_frame(&run, there, T0 + 10 * MS);
  DcEvent event = drop_event(&there, ++run.next_drop, T0 + 11 * MS, "__udp4_lib_rcv", "NOT_SPECIFIED");
  event.drop.in_ifindex = 7;
  dc_correlator_feed(run.correlator, &event);
  /* A reply of this host is dropped by its receiver: on this machine. From then on device numbers say nothing. */
  const Packet reply = udp_packet(&(Spec){.from_host = true, .sport = 53, .dport = 9, .id = 4});
  feed_frame(&run, reply, T0 + 20 * MS);
  feed_drop(&run, &reply, T0 + 21 * MS, "__udp4_lib_rcv", "NO_SOCKET");
  spec.id = 3;
  const Packet again = udp_packet(&spec);
  feed_frame(&run, again, T0 + 30 * MS);
  feed_drop(&run, &again, T0 + 31 * MS, "__udp4_lib_rcv", "NOT_SPECIFIED");
  /* A full buffer is a loss for the socket that has it, whoever else got a copy. */
  spec.id = 5;
  const Packet full = udp_packet(&spec);
  feed_frame(&run, full, T0 + 40 * MS);
  feed_drop(&run, &full, T0 + 41 * MS, "udp_queue_rcv_one_skb", "SOCKET_RCVBUFF");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(drop_verdict_of(&run, 2)->match, ==, DC_MATCH_POSSIBLE);
  g_assert_cmpint(verdict_of(&run, 4)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(verdict_of(&run, 5)->fate, ==, DC_FATE_DROPPED);
  run_free(&run);
}

/* What a bridge's port gets goes up the stack as the bridge's. */
static void test_behind_a_bridge(void)
{
  Run run;
  run_begin(&run);
  dc_correlator_add_bridge_port(run.correlator, 2);
  dc_correlator_add_bridge_port(run.correlator, 2);
  static const char *const sites[] = {"__udp4_lib_rcv", "nf_hook_slow", "__udp4_lib_rcv"};
  static const uint32_t in_ports[] = {2, 2, 4};
  for (uint32_t i = 0; i < G_N_ELEMENTS(sites); i++) {
    const Packet packet = udp_packet(&(Spec){.sport = 7, .dport = 5999, .id = (uint16_t)(i + 1)});
    const int64_t time_ns = T0 + (int64_t)i * 10 * MS;
    feed_frame(&run, packet, time_ns);
    DcEvent event = drop_event(&packet, ++run.next_drop, time_ns + MS, sites[i], NULL);
    event.drop.in_ifindex = in_ports[i];
    dc_correlator_feed(run.correlator, &event);
  }
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNREMARKABLE); /* another namespace's device 2 */
  g_assert_cmpint(drop_verdict_of(&run, 1)->unmatched_why, ==, DC_UNMATCHED_OTHER_INTERFACE);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_DROPPED); /* a rule of the bridge's own */
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_DROPPED); /* by way of the bridge */
  run_free(&run);
}

/* --- nothing new in it ----------------------------------------------------------------------- */

static void test_probes_and_copies(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(5, 100), T0);
  feed_frame(&run, syn_ack(5, 100), T0 + MS);
  Spec data = {.sport = 5,
               .dport = 8089,
               .seq = 101,
               .ack = 78,
               .flags = DC_TCP_ACK | DC_TCP_PSH,
               .payload = "hello",
               .payload_len = 5};
  feed_frame(&run, tcp_packet(&data), T0 + 2 * MS);
  const Packet ack =
      tcp_packet(&(Spec){.from_host = true, .sport = 8089, .dport = 5, .seq = 78, .ack = 106, .flags = DC_TCP_ACK});
  feed_frame(&run, ack, T0 + 3 * MS);

  /* 5: the data once more; 6: a keepalive, one below what is acknowledged; 7: beyond the window. */
  data.id = 2;
  const Packet copy = tcp_packet(&data);
  feed_frame(&run, copy, T0 + 10 * MS);
  feed_drop(&run, &copy, T0 + 11 * MS, "tcp_data_queue", "TCP_OLD_DATA");
  const Packet probe = tcp_packet(&(Spec){.sport = 5, .dport = 8089, .seq = 105, .ack = 78, .flags = DC_TCP_ACK});
  feed_frame(&run, probe, T0 + 20 * MS);
  feed_drop(&run, &probe, T0 + 21 * MS, "tcp_validate_incoming", "TCP_INVALID_SEQUENCE");
  data.seq = 100000000;
  const Packet beyond = tcp_packet(&data);
  feed_frame(&run, beyond, T0 + 30 * MS);
  feed_drop(&run, &beyond, T0 + 31 * MS, "tcp_validate_incoming", "TCP_INVALID_SEQUENCE");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 5)->fate, !=, DC_FATE_DROPPED);
  g_assert_cmpint(drop_verdict_of(&run, 1)->status, ==, DC_DROP_STATUS_NOISE);
  g_assert_cmpint(verdict_of(&run, 6)->fate, ==, DC_FATE_CONSUMED);
  g_assert_cmpint(drop_verdict_of(&run, 2)->aside_why, ==, DC_ASIDE_HAD_ARRIVED);
  g_assert_cmpint(verdict_of(&run, 7)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 7)->match, ==, DC_MATCH_EXACT);
  run_free(&run);

  /* The same without the drop's bytes. */
  run_begin(&run);
  feed_frame(&run, ack, T0);
  feed_frame(&run, probe, T0 + 20 * MS);
  feed_drop(&run, NULL, T0 + 20 * MS + 20 * DC_NS_PER_US, "tcp_validate_incoming", "TCP_INVALID_SEQUENCE");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_CONSUMED);
  run_free(&run);
}

/* The last step of a handshake is ignored while the accept queue is full, and so is data: freed at a place that also
 * frees what was processed. The SYN-ACK is sent again all the same. */
static void test_last_step_ignored(void)
{
  Run run;
  run_begin(&run);
  Spec spec = {.sport = 5, .dport = 2006, .seq = 101, .ack = 78, .flags = DC_TCP_ACK};
  feed_frame(&run, tcp_packet(&(Spec){.sport = 5, .dport = 2006, .seq = 100, .flags = DC_TCP_SYN}), T0);
  const Packet answer = tcp_packet(
      &(Spec){.from_host = true, .sport = 2006, .dport = 5, .seq = 77, .ack = 101, .flags = DC_TCP_SYN | DC_TCP_ACK});
  feed_frame(&run, answer, T0 + MS);
  const Packet last = tcp_packet(&spec);
  feed_frame(&run, last, T0 + 2 * MS);
  feed_drop(&run, &last, T0 + 3 * MS, "tcp_v4_rcv", "NOT_SPECIFIED");
  spec.payload = "hello";
  spec.payload_len = 5;
  spec.flags |= DC_TCP_PSH;
  const Packet data = tcp_packet(&spec);
  feed_frame(&run, data, T0 + 4 * MS);
  feed_drop(&run, &data, T0 + 5 * MS, "tcp_v4_rcv", "NOT_SPECIFIED");
  feed_frame(&run, answer, T0 + S);
  feed_frame(&run, udp_packet(&(Spec){.sport = 1, .dport = 2}), T0 + 10 * S);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_CONSUMED);
  g_assert_cmpint(verdict_of(&run, 4)->fate, ==, DC_FATE_UNEXPLAINED);
  g_assert_true(verdict_of(&run, 4)->handshake_open);
  run_free(&run);
}

/* --- time, bounds, direction ---------------------------------------------------------------- */

static void test_clock_going_back_an_hour(void)
{
  Run run;
  run_begin(&run);
  const Packet packet = syn(40001, 111);
  feed_frame(&run, syn(1, 1), T0 + 3600 * S);
  feed_frame(&run, packet, T0);
  feed_drop(&run, &packet, T0 + MS, "nft_do_chain", "NETFILTER_DROP");
  feed_frame(&run, syn(2, 2), T0 + 2 * MS);
  run_end(&run);
  DcCorrelatorStats stats;
  dc_correlator_stats(run.correlator, &stats);
  g_assert_cmpuint(stats.clock_steps, ==, 1);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_DROPPED);
  run_free(&run);
}

static void test_limits_decide_early_and_say_so(void)
{
  DcCorrelatorOptions options;
  dc_correlator_options_init(&options);
  options.expect_drops = true;
  options.max_frames = options.max_flows = 1024;
  Run run;
  run_begin_with(&run, &options, true);
  for (uint32_t i = 0; i < 5000; i++)
    feed_frame(&run, syn((uint16_t)i, i), T0 + i);
  DcCorrelatorStats stats;
  dc_correlator_stats(run.correlator, &stats);
  g_assert_cmpuint(stats.window_frames, <=, 1024);
  g_assert_cmpuint(stats.flows, <=, 1024);
  g_assert_cmpuint(stats.decided_early, >, 0);
  run_end(&run);
  g_assert_cmpuint(run.handshakes->len, ==, 5000);
  run_free(&run);
}

static void test_direction_is_inferred(void)
{
  DcCorrelatorOptions options;
  dc_correlator_options_init(&options);
  options.expect_drops = true;
  options.infer_direction = true;
  Run run;
  run_begin_with(&run, &options, false);
  for (uint16_t i = 0; i < 5; i++) {
    feed_frame(&run, syn(i, i), T0 + i * 10 * MS);
    feed_frame(&run, syn_ack(i, i), T0 + i * 10 * MS + MS);
  }
  const Packet packet = syn(40001, 111);
  feed_frame(&run, packet, T0 + 100 * MS);
  feed_drop(&run, &packet, T0 + 101 * MS, "nft_do_chain", "NETFILTER_DROP");
  run_end(&run);
  for (uint64_t i = 1; i <= 10; i++)
    g_assert_cmpint(verdict_of(&run, i)->fate, ==, i % 2 == 1 ? DC_FATE_ANSWERED : DC_FATE_OUTBOUND);
  g_assert_cmpint(verdict_of(&run, 11)->fate, ==, DC_FATE_DROPPED);
  g_assert_nonnull(strstr(dc_correlator_direction_text(run.correlator), "inferred: 02:00:00:00:00:01"));
  run_free(&run);
}

/* Whatever comes, in whatever order: each event gets one verdict, and the sums add up. */
static void test_random_traffic_keeps_the_laws(void)
{
  for (int round = 0; round < 50; round++) {
    Run run;
    run_begin(&run);
    Packet kept[16];
    for (int i = 0; i < 16; i++)
      kept[i] = syn((uint16_t)i, (uint32_t)i);
    int64_t now = T0;
    for (int i = 0; i < 2000; i++) {
      now += g_test_rand_int_range(-20, 400) * DC_NS_PER_US;
      if (g_test_rand_int_range(0, 500) == 0)
        now += g_test_rand_int_range(-100, 100) * S;
      const int which = g_test_rand_int_range(0, 16);
      switch (g_test_rand_int_range(0, 8)) {
      case 0:
        kept[which] = syn((uint16_t)g_test_rand_int_range(0, 8), (uint32_t)g_test_rand_int_range(0, 4));
        feed_frame(&run, kept[which], now);
        break;
      case 1:
        feed_frame(&run, syn_ack((uint16_t)g_test_rand_int_range(0, 8), (uint32_t)g_test_rand_int_range(0, 4)), now);
        break;
      case 2:
        kept[which] = udp_packet(&(Spec){.sport = (uint16_t)which, .dport = 53, .payload = "x", .payload_len = 1});
        feed_frame(&run, kept[which], now);
        break;
      case 3:
        kept[which] = udp_packet(&(Spec){.sport = 7,
                                         .dport = 53,
                                         .id = (uint16_t)which,
                                         .fragment = 0x2000,
                                         .payload = "12345678",
                                         .payload_len = 8});
        feed_frame(&run, kept[which], now);
        break;
      case 4:
        feed_drop(&run, &kept[which], now, "nft_do_chain", "NETFILTER_DROP");
        break;
      case 5:
        feed_drop(&run, &kept[which], now, "tcp_v4_rcv", NULL);
        break;
      case 6:
        feed_drop(&run, NULL, now, "tcp_v4_rcv", "NO_SOCKET");
        break;
      default:
        feed_frame(&run, kept[which], now);
        break;
      }
    }
    run_end(&run);
    run_free(&run);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/correlator/drop/retransmissions", test_retransmissions_each_dropped);
  g_test_add_func("/correlator/drop/before-frame", test_drop_a_moment_before_its_frame);
  g_test_add_func("/correlator/drop/outside-window", test_drop_outside_window);
  g_test_add_func("/correlator/drop/twins", test_identical_twins_are_not_exact);
  g_test_add_func("/correlator/drop/second-event", test_second_event_of_one_packet);
  g_test_add_func("/correlator/drop/normalised", test_vlan_tag_padding_and_ttl_do_not_matter);
  g_test_add_func("/correlator/drop/nat", test_nat_keeps_one_endpoint);
  g_test_add_func("/correlator/drop/own-frames", test_own_frames_are_never_accused);
  g_test_add_func("/correlator/drop/noise", test_noise_and_capture);
  g_test_add_func("/correlator/answer/retry", test_retry_answered);
  g_test_add_func("/correlator/answer/new-isn", test_a_new_isn_is_a_new_attempt);
  g_test_add_func("/correlator/answer/refusals", test_refusals);
  g_test_add_func("/correlator/answer/refusal-of-the-quoted", test_refusal_of_the_quoted);
  g_test_add_func("/correlator/answer/dropped-and-refused", test_dropped_and_refused);
  g_test_add_func("/correlator/answer/data", test_data_is_answered_by_its_ack);
  g_test_add_func("/correlator/answer/echo", test_echo);
  g_test_add_func("/correlator/answer/pending", test_pending_at_the_end);
  g_test_add_func("/correlator/drop/another-sender", test_another_sender);
  g_test_add_func("/correlator/drop/cut-burst", test_cut_burst);
  g_test_add_func("/correlator/drop/broadcast", test_broadcast_in_other_namespaces);
  g_test_add_func("/correlator/drop/behind-a-bridge", test_behind_a_bridge);
  g_test_add_func("/correlator/drop/nothing-new", test_probes_and_copies);
  g_test_add_func("/correlator/answer/last-step-ignored", test_last_step_ignored);
  g_test_add_func("/correlator/time/back", test_clock_going_back_an_hour);
  g_test_add_func("/correlator/bounds/early", test_limits_decide_early_and_say_so);
  g_test_add_func("/correlator/direction/inferred", test_direction_is_inferred);
  g_test_add_func("/correlator/laws/random", test_random_traffic_keeps_the_laws);
  return g_test_run();
}
