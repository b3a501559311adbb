/* Drops without bytes: which frame they were, by time, length and reception. */
#include "correlator_run.h"

static void test_no_bytes_one_candidate(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(40001, 1), T0);
  feed_frame(&run, syn_ack(40001, 1), T0 + MS);
  feed_frame(&run, syn(40002, 2), T0 + 2 * MS);
  feed_drop(&run, NULL, T0 + 3 * MS, "tcp_v4_rcv", "NO_SOCKET");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_ANSWERED);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 3)->match, ==, DC_MATCH_LIKELY);
  run_free(&run);
}

/* The trace of a kernel that has reasons gives none, and hides the place: the packet may as well have been used. Only
 * one that no host takes, or a question without an answer, is lost for sure. */
static void test_no_bytes_nothing_said(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, udp_packet(&(Spec){.sport = 9, .dport = 53, .payload = "x", .payload_len = 1}), T0);
  feed_drop(&run, NULL, T0 + 20 * DC_NS_PER_US, NULL, "NOT_SPECIFIED");
  Packet damaged = udp_packet(&(Spec){.sport = 9, .dport = 54, .payload = "x", .payload_len = 1});
  damaged.bytes[damaged.len - 1] ^= 1;
  feed_frame(&run, damaged, T0 + 100 * MS);
  feed_drop(&run, NULL, T0 + 100 * MS + 20 * DC_NS_PER_US, NULL, "NOT_SPECIFIED");
  feed_frame(&run, syn(5, 7), T0 + 200 * MS);
  feed_drop(&run, NULL, T0 + 200 * MS + 20 * DC_NS_PER_US, NULL, "NOT_SPECIFIED");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(drop_verdict_of(&run, 1)->match, ==, DC_MATCH_POSSIBLE);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_DROPPED);
  run_free(&run);
}

static void test_no_bytes_many_candidates(void)
{
  Run run;
  run_begin(&run);
  for (uint16_t i = 0; i < 4; i++)
    feed_frame(&run, udp_packet(&(Spec){.sport = i, .dport = 53, .id = i}), T0 + i * DC_NS_PER_US);
  feed_drop(&run, NULL, T0 + 10 * DC_NS_PER_US, "__udp4_lib_rcv", "NO_SOCKET");
  run_end(&run);
  /* One of four: the drop says so, and none of the four is accused. */
  g_assert_cmpint(drop_verdict_of(&run, 1)->status, ==, DC_DROP_STATUS_MATCHED);
  g_assert_cmpint(drop_verdict_of(&run, 1)->match, ==, DC_MATCH_POSSIBLE);
  g_assert_cmpuint(drop_verdict_of(&run, 1)->frames, ==, 4);
  for (uint64_t i = 1; i <= 4; i++)
    g_assert_cmpint(verdict_of(&run, i)->fate, ==, DC_FATE_UNREMARKABLE);
  run_free(&run);
}

/* The tracepoint chain: reception of the very skb was recorded, so that time and length name the frame. */
static void test_no_bytes_reception_known(void)
{
  Run run;
  run_begin(&run);
  for (uint16_t i = 0; i < 4; i++) {
    Packet packet = udp_packet(&(Spec){.sport = i, .dport = 53, .payload = "abcdefgh", .payload_len = i});
    feed_frame(&run, packet, T0 + i * MS);
  }
  DcEvent event = drop_event(NULL, ++run.next_drop, T0 + 5 * MS, "__udp4_lib_rcv", "NO_SOCKET");
  event.drop.rx_time_ns = T0 + 2 * MS - 3000;
  event.drop.rx_len = 20 + 8 + 2;
  dc_correlator_feed(run.correlator, &event);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 3)->match, ==, DC_MATCH_LIKELY);
  run_free(&run);
}

/* Two SYNs of equal length 30 us apart, each freed somewhere else: the nearest reception decides, not the order in
 * which their drops came. The second was stamped as it entered the backlog, 300 us before its reception. */
static void test_no_bytes_nearest_reception(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(50001, 7), T0);
  feed_frame(&run, syn(50002, 7), T0 + 30000);
  DcEvent first = drop_event(NULL, ++run.next_drop, T0 + 40000, "nft_do_chain", "NETFILTER_DROP");
  first.drop.rx_time_ns = T0 + 900;
  dc_correlator_feed(run.correlator, &first);
  DcEvent second = drop_event(NULL, ++run.next_drop, T0 + 350000, "tcp_v4_rcv", "NO_SOCKET");
  second.drop.rx_time_ns = T0 + 330200;
  second.drop.rx_wait_ns = 300000;
  dc_correlator_feed(run.correlator, &second);
  run_end(&run);
  for (uint64_t number = 1; number <= 2; number++) {
    g_assert_cmpint(verdict_of(&run, number)->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpint(verdict_of(&run, number)->match, ==, DC_MATCH_LIKELY);
    g_assert_cmpuint(verdict_of(&run, number)->drop, ==, number);
  }
  run_free(&run);
}

/* A router's frame, received again 27 us later by a namespace's device of the same name, and dropped there; and one
 * that took the place of an earlier packet of that address, and was dropped here. */
static void test_no_bytes_passed_on(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, syn(50001, 7), T0);
  DcEvent there = drop_event(NULL, ++run.next_drop, T0 + 30000, "nft_do_chain", "NETFILTER_DROP");
  there.drop.rx_time_ns = T0 + 27000;
  there.drop.rx_passed_ns = 27800;
  dc_correlator_feed(run.correlator, &there);
  feed_frame(&run, syn(50002, 7), T0 + 500000);
  DcEvent here = drop_event(NULL, ++run.next_drop, T0 + 510000, "nft_do_chain", "NETFILTER_DROP");
  here.drop.rx_time_ns = T0 + 499000;
  here.drop.rx_passed_ns = 400000;
  dc_correlator_feed(run.correlator, &here);
  /* Sent to another host's MAC address: a bridge has passed it on, and behind it somebody looked for a socket. */
  static const uint8_t other_host[6] = {2, 0, 0, 0, 0xb, 1};
  const Spec through = {.dst_mac = other_host, .sport = 7, .dport = 9, .id = 3, .payload = "x", .payload_len = 1};
  feed_frame(&run, udp_packet(&through), T0 + S);
  feed_drop(&run, NULL, T0 + S + 20000, "__udp4_lib_rcv", "NO_SOCKET");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(verdict_of(&run, 1)->fate, !=, DC_FATE_DROPPED);
  g_assert_cmpint(drop_verdict_of(&run, 1)->status, ==, DC_DROP_STATUS_UNMATCHED);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpuint(verdict_of(&run, 2)->drop, ==, 2);
  run_free(&run);
}

/* A datagram delivered here, while another namespace got one of the same length and dropped it: as near in time as a
 * frame may be to its drop, but another packet came in at the frame's own time. */
static void test_no_bytes_another_reception(void)
{
  Run run;
  run_begin(&run);
  static const int64_t shifts[] = {-100000, 30000};
  for (size_t i = 0; i < G_N_ELEMENTS(shifts); i++) {
    const int64_t at = T0 + (int64_t)i * S;
    feed_frame(&run, udp_packet(&(Spec){.sport = 7, .dport = 9, .payload = "x", .payload_len = 1}), at);
    DcEvent event = drop_event(NULL, ++run.next_drop, at + 200000, "__udp4_lib_rcv", "NO_SOCKET");
    event.drop.rx_time_ns = at + shifts[i];
    event.drop.rx_len = 20 + 8 + 1;
    *(shifts[i] < 0 ? &event.drop.rx_after_ns : &event.drop.rx_before_ns) = ABS(shifts[i]) - 1000;
    dc_correlator_feed(run.correlator, &event);
  }
  run_end(&run);
  for (uint64_t number = 1; number <= G_N_ELEMENTS(shifts); number++) {
    g_assert_cmpint(verdict_of(&run, number)->fate, ==, DC_FATE_UNREMARKABLE);
    g_assert_cmpint(drop_verdict_of(&run, number)->status, ==, DC_DROP_STATUS_UNMATCHED);
  }
  run_free(&run);
}

/* A flood 2 us apart, every packet of it dropped: each drop is its own frame's, although the next ones were received
 * within the same moment. */
static void test_no_bytes_flood(void)
{
  enum { COUNT = 500 };
  Run run;
  run_begin(&run);
  for (uint32_t i = 0; i < COUNT; i++) {
    feed_frame(&run,
               udp_packet(&(Spec){.sport = 7, .dport = 9999, .payload_len = 20, .payload = "abcdefghijklmnopqrst"}),
               T0 + i * 2000);
    DcEvent event = drop_event(NULL, ++run.next_drop, T0 + i * 2000 + 1500, "__udp4_lib_rcv", "NO_SOCKET");
    event.drop.rx_time_ns = T0 + i * 2000 + 300;
    event.drop.rx_len = 20 + 8 + 20;
    dc_correlator_feed(run.correlator, &event);
  }
  run_end(&run);
  for (uint32_t number = 1; number <= COUNT; number++) {
    g_assert_cmpint(verdict_of(&run, number)->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpint(verdict_of(&run, number)->match, ==, DC_MATCH_LIKELY);
    g_assert_cmpuint(verdict_of(&run, number)->drop, ==, number);
  }
  run_free(&run);
}

static DcDropVerdict verdict_without_bytes(Run *run, int64_t time_ns, const char *symbol, const char *reason,
                                           uint32_t length, bool made_here)
{
  DcEvent event = drop_event(NULL, ++run->next_drop, time_ns, symbol, reason);
  event.drop.orig_len = length;
  event.drop.rx_none = made_here;
  const uint64_t number = run->next_drop;
  dc_correlator_feed(run->correlator, &event);
  run_end(run);
  return *drop_verdict_of(run, number);
}

/* dropwatch tells the packet's length, with its Ethernet header and without a tag; short frames are padded. */
static void test_no_bytes_length(void)
{
  static const struct {
    uint32_t told; /* beyond the first frame's own length */
    uint64_t frame;
  } cases[] = {{0, 1}, {1, 2}, {(uint32_t)-4, 1}, {50, 0}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Run run;
    run_begin(&run);
    static const char payload[100];
    Packet first = udp_packet(&(Spec){.sport = 1, .dport = 53, .payload = payload, .payload_len = 80});
    Packet second = udp_packet(&(Spec){.sport = 2, .dport = 53, .payload = payload, .payload_len = 81});
    const uint32_t len = (uint32_t)first.len;
    feed_frame(&run, first, T0);
    feed_frame(&run, second, T0 + 1000);
    const DcDropVerdict verdict =
        verdict_without_bytes(&run, T0 + 20000, "nft_do_chain", "NETFILTER_DROP", len + cases[i].told, false);
    g_assert_cmpuint(verdict.frame, ==, cases[i].frame);
    g_assert_cmpint(verdict.match, ==, cases[i].frame != 0 ? DC_MATCH_LIKELY : DC_MATCH_NONE);
    run_free(&run);
  }
}

/* A frame is stamped before it can be dropped: one half a millisecond later is not meant. */
static void test_no_bytes_later_frame(void)
{
  static const struct {
    int64_t later_ns;
    bool joined;
  } cases[] = {{50 * DC_NS_PER_US, true}, {500 * DC_NS_PER_US, false}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Run run;
    run_begin(&run);
    feed_frame(&run, syn(40001, 1), T0 + cases[i].later_ns);
    const DcDropVerdict verdict = verdict_without_bytes(&run, T0, "nft_do_chain", "NETFILTER_DROP", 0, false);
    g_assert_cmpuint(verdict.frame, ==, cases[i].joined ? 1 : 0);
    run_free(&run);
  }
}

/* All receptions are recorded, and this packet had none: what the firewall drops on its way out is no frame. */
static void test_no_bytes_made_here(void)
{
  for (int made_here = 0; made_here < 2; made_here++) {
    Run run;
    run_begin(&run);
    feed_frame(&run, syn(40001, 1), T0);
    const DcDropVerdict verdict =
        verdict_without_bytes(&run, T0 + 20000, "nft_do_chain", "NETFILTER_DROP", 0, made_here != 0);
    g_assert_cmpint(verdict.status, ==, made_here ? DC_DROP_STATUS_UNMATCHED : DC_DROP_STATUS_MATCHED);
    g_assert_cmpint(verdict_of(&run, 1)->fate == DC_FATE_DROPPED, ==, !made_here);
    run_free(&run);
  }
}

/* A reset that finds no socket: its connection is gone, and nobody waits for it. */
static void test_no_bytes_reset(void)
{
  Run run;
  run_begin(&run);
  feed_frame(&run, tcp_packet(&(Spec){.sport = 5, .dport = 22, .seq = 9, .flags = DC_TCP_RST}), T0);
  const DcDropVerdict verdict = verdict_without_bytes(&run, T0 + 20000, "tcp_v4_rcv", "NO_SOCKET", 0, false);
  g_assert_cmpint(verdict.status, ==, DC_DROP_STATUS_NOISE);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_CONSUMED);
  run_free(&run);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/match-time/one", test_no_bytes_one_candidate);
  g_test_add_func("/match-time/nothing-said", test_no_bytes_nothing_said);
  g_test_add_func("/match-time/many", test_no_bytes_many_candidates);
  g_test_add_func("/match-time/reception", test_no_bytes_reception_known);
  g_test_add_func("/match-time/nearest-reception", test_no_bytes_nearest_reception);
  g_test_add_func("/match-time/passed-on", test_no_bytes_passed_on);
  g_test_add_func("/match-time/another-reception", test_no_bytes_another_reception);
  g_test_add_func("/match-time/flood", test_no_bytes_flood);
  g_test_add_func("/match-time/length", test_no_bytes_length);
  g_test_add_func("/match-time/later-frame", test_no_bytes_later_frame);
  g_test_add_func("/match-time/made-here", test_no_bytes_made_here);
  g_test_add_func("/match-time/reset", test_no_bytes_reset);
  return g_test_run();
}
