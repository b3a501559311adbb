/* Datagrams that came in pieces, and the drops of them. */
#include "correlator_run.h"

static void test_incomplete_fragment(void)
{
  Run run;
  run_begin(&run);
  static const char bytes[64];
  feed_frame(&run,
             udp_packet(&(Spec){
                 .sport = 40018, .dport = 5000, .id = 77, .fragment = 0x2000, .payload = bytes, .payload_len = 56}),
             T0);
  feed_frame(&run, udp_packet(&(Spec){.sport = 1, .dport = 2}), T0 + 40 * S);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNEXPLAINED);
  g_assert_true(verdict_of(&run, 1)->fragment_incomplete);
  run_free(&run);
}

static void test_reassembled_datagram_dropped(void)
{
  Run run;
  run_begin(&run);
  static const char bytes[128];
  feed_frame(&run,
             udp_packet(&(Spec){
                 .sport = 40018, .dport = 5000, .id = 78, .fragment = 0x2000, .payload = bytes, .payload_len = 56}),
             T0);
  feed_frame(&run, fragment_packet(&(Spec){.id = 78, .fragment = 8, .payload = bytes, .payload_len = 24}, 17), T0 + MS);
  const Packet whole =
      udp_packet(&(Spec){.sport = 40018, .dport = 5000, .id = 78, .payload = bytes, .payload_len = 80});
  feed_drop(&run, &whole, T0 + 2 * MS, "__udp4_lib_rcv", "NO_SOCKET");
  run_end(&run);
  for (uint64_t i = 1; i <= 2; i++) {
    g_assert_cmpint(verdict_of(&run, i)->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpint(verdict_of(&run, i)->match, ==, DC_MATCH_STRONG);
  }
  g_assert_cmpuint(drop_verdict_of(&run, 1)->frames, ==, 2);
  run_free(&run);
}

/* Fragments a moment apart, the first of them last: which one's packet was freed does not matter, nor that it is nearer
 * to the reception of another of them. */
static void test_fragments_at_once(void)
{
  static const int64_t stamped_late_ns[] = {700, -2500}; /* the reception, from the last fragment's frame */
  static const char bytes[64] = "fragmented";
  for (size_t i = 0; i < G_N_ELEMENTS(stamped_late_ns); i++) {
    Run run;
    run_begin(&run);
    const Spec first = {
        .sport = 40018, .dport = 5000, .id = 81, .fragment = 0x2000, .payload = bytes, .payload_len = 56};
    const Spec middle = {.id = 81, .fragment = 0x2008, .payload = bytes, .payload_len = 64};
    const Spec last = {.id = 81, .fragment = 16, .payload = bytes, .payload_len = 24};
    feed_frame(&run, fragment_packet(&last, 17), T0);
    feed_frame(&run, fragment_packet(&middle, 17), T0 + 26000);
    feed_frame(&run, udp_packet(&first), T0 + 28000);
    DcEvent drop = drop_event(NULL, ++run.next_drop, T0 + 48000, "__udp4_lib_rcv", "NO_SOCKET");
    drop.drop.rx_time_ns = T0 + 28000 - stamped_late_ns[i];
    drop.drop.rx_before_ns = 2100;
    drop.drop.rx_len = 20 + 64;
    dc_correlator_feed(run.correlator, &drop);
    run_end(&run);
    for (uint64_t number = 1; number <= 3; number++) {
      g_assert_cmpint(verdict_of(&run, number)->fate, ==, DC_FATE_DROPPED);
      g_assert_cmpint(verdict_of(&run, number)->match, ==, DC_MATCH_LIKELY);
    }
    run_free(&run);
  }
}

/* A copy of a fragment is dropped by a rule: what is left never becomes whole, and is dropped later for that. */
static void test_fragment_dropped_alone(void)
{
  Run run;
  run_begin(&run);
  static const char bytes[128];
  const Packet first = udp_packet(
      &(Spec){.sport = 40018, .dport = 5000, .id = 79, .fragment = 0x2000, .payload = bytes, .payload_len = 56});
  const Packet rest = fragment_packet(&(Spec){.id = 79, .fragment = 8, .payload = bytes, .payload_len = 24}, 17);
  feed_frame(&run, first, T0);
  feed_frame(&run, rest, T0 + MS);
  feed_drop(&run, &rest, T0 + 2 * MS, "nft_do_chain", "NETFILTER_DROP");
  feed_drop(&run, &first, T0 + 30 * S, "ip_expire", "FRAG_REASM_TIMEOUT");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpuint(verdict_of(&run, 1)->drop, ==, 2);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(verdict_of(&run, 2)->match, ==, DC_MATCH_EXACT);
  run_free(&run);
}

static void feed_two_fragments(Run *run, uint16_t id, int64_t time_ns)
{
  static const char bytes[128];
  const Spec first = {.sport = 40018, .dport = 5000, .id = id, .fragment = 0x2000, .payload = bytes, .payload_len = 56};
  feed_frame(run, udp_packet(&first), time_ns);
  feed_frame(run, fragment_packet(&(Spec){.id = id, .fragment = 8, .payload = bytes, .payload_len = 24}, 17),
             time_ns + 80000);
}

/* Without bytes: the packet that is freed is the fragment that came last; the datagram was whole. Where its reception
 * was not recorded, any of the fragments is as good. */
static void test_reassembled_without_bytes(void)
{
  Run run;
  run_begin(&run);
  feed_two_fragments(&run, 90, T0);
  DcEvent event = drop_event(NULL, ++run.next_drop, T0 + 100000, "__udp4_lib_rcv", NULL);
  event.drop.rx_time_ns = T0 + 79500;
  event.drop.rx_len = 20 + 24;
  dc_correlator_feed(run.correlator, &event);
  feed_two_fragments(&run, 91, T0 + S);
  feed_drop(&run, NULL, T0 + S + 100000, "nf_hook_slow", "NETFILTER_DROP");
  run_end(&run);
  for (uint64_t number = 1; number <= 4; number++) {
    g_assert_cmpint(verdict_of(&run, number)->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpint(verdict_of(&run, number)->match, ==, DC_MATCH_LIKELY);
    g_assert_cmpuint(verdict_of(&run, number)->drop, ==, (number + 1) / 2);
    g_assert_cmpuint(verdict_of(&run, number)->brief.flow.dst_port, ==, 5000);
  }
  g_assert_cmpuint(drop_verdict_of(&run, 1)->frames, ==, 2);
  run_free(&run);
}

/* A rule took the first fragment, before they were put together: the other one waits in vain, and is given up. */
static void test_fragment_dropped_alone_without_bytes(void)
{
  Run run;
  run_begin(&run);
  feed_two_fragments(&run, 92, T0);
  DcEvent rule = drop_event(NULL, ++run.next_drop, T0 + 5000, "nft_do_chain", "NETFILTER_DROP");
  rule.drop.rx_time_ns = T0 - 500;
  rule.drop.rx_len = 20 + 8 + 56;
  dc_correlator_feed(run.correlator, &rule);
  DcEvent timeout = drop_event(NULL, ++run.next_drop, T0 + 30 * S, "ip_expire", "FRAG_REASM_TIMEOUT");
  timeout.drop.rx_time_ns = T0 + 79500;
  timeout.drop.rx_len = 20 + 24;
  dc_correlator_feed(run.correlator, &timeout);
  run_end(&run);
  for (uint64_t number = 1; number <= 2; number++) {
    g_assert_cmpint(verdict_of(&run, number)->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpint(verdict_of(&run, number)->match, ==, DC_MATCH_LIKELY);
    g_assert_cmpuint(verdict_of(&run, number)->drop, ==, number);
  }
  run_free(&run);
}

/* The kernel frees a datagram's fragments one by one when it gives it up: the first of these drops tells the loss. */
static void test_given_up_in_pieces(void)
{
  Run run;
  run_begin(&run);
  static const char bytes[128];
  const Packet pieces[] = {
      udp_packet(&(Spec){.sport = 1, .dport = 2, .id = 93, .fragment = 0x2000, .payload = bytes, .payload_len = 56}),
      fragment_packet(&(Spec){.id = 93, .fragment = 16, .payload = bytes, .payload_len = 24}, 17)};
  for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++)
    feed_frame(&run, pieces[i], T0 + (int64_t)i * 80000);
  for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++)
    feed_drop(&run, &pieces[i], T0 + 30 * S + (int64_t)i * 9000, "ip_expire", "FRAG_REASM_TIMEOUT");
  run_end(&run);
  g_assert_cmpuint(verdict_of(&run, 1)->drop, ==, 1);
  g_assert_cmpuint(verdict_of(&run, 2)->drop, ==, 1);
  g_assert_cmpint(drop_verdict_of(&run, 2)->status, ==, DC_DROP_STATUS_UNMATCHED);
  g_assert_cmpint(drop_verdict_of(&run, 2)->unmatched_why, ==, DC_UNMATCHED_ALREADY_USED);
  run_free(&run);
}

/* Before there was DUP_FRAG: a fragment that came twice is given back by ip_defrag(), the datagram is delivered. */
static void test_fragment_twice(void)
{
  Run run;
  run_begin(&run);
  static const char bytes[128];
  const Packet first = udp_packet(
      &(Spec){.sport = 40018, .dport = 5000, .id = 80, .fragment = 0x2000, .payload = bytes, .payload_len = 56});
  feed_frame(&run, first, T0);
  feed_frame(&run, first, T0 + 5 * MS);
  feed_drop(&run, &first, T0 + 6 * MS, "ip_defrag", "NOT_SPECIFIED");
  feed_frame(&run, fragment_packet(&(Spec){.id = 80, .fragment = 8, .payload = bytes, .payload_len = 24}, 17),
             T0 + 9 * MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_CONSUMED);
  g_assert_cmpint(verdict_of(&run, 3)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(drop_verdict_of(&run, 1)->aside_why, ==, DC_ASIDE_HAD_ARRIVED);
  run_free(&run);
}

/* An identification comes again, and the datagram dropped is no fragmented one: not the fragments' drop. */
static void test_identification_reused(void)
{
  Run run;
  run_begin(&run);
  static const char bytes[128];
  feed_frame(&run,
             udp_packet(&(Spec){
                 .sport = 40018, .dport = 5000, .id = 81, .fragment = 0x2000, .payload = bytes, .payload_len = 56}),
             T0);
  feed_frame(&run, fragment_packet(&(Spec){.id = 81, .fragment = 8, .payload = bytes, .payload_len = 24}, 17), T0 + MS);
  const Packet other = udp_packet(&(Spec){.sport = 40018, .dport = 81, .id = 81, .payload = bytes, .payload_len = 10});
  feed_drop(&run, &other, T0 + 200 * MS, "__udp4_lib_rcv", "NO_SOCKET");
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(verdict_of(&run, 2)->fate, ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpint(drop_verdict_of(&run, 1)->status, ==, DC_DROP_STATUS_UNMATCHED);
  run_free(&run);
}

static void feed_halves6(Run *run, uint32_t id, int64_t time_ns)
{
  static const char bytes[128];
  const Spec half = {.sport = 40011, .dport = 5999, .payload = bytes, .payload_len = 56};
  const Spec rest = {.payload = bytes, .payload_len = 24};
  feed_frame(run, udp6_packet(&half, id, 0, true), time_ns);
  feed_frame(run, udp6_packet(&rest, id, 64, false), time_ns + 100 * DC_NS_PER_US);
}

/* A reassembled IPv6 packet has no fragment header, and so no identification, any more. */
static void test_reassembled_ipv6(void)
{
  Run run;
  run_begin(&run);
  static const char bytes[128];
  const Packet whole =
      udp6_packet(&(Spec){.sport = 40011, .dport = 5999, .payload = bytes, .payload_len = 80}, 0, 0, false);
  feed_halves6(&run, 7, T0);
  feed_drop(&run, &whole, T0 + MS, "__udp6_lib_rcv", "NO_SOCKET");
  feed_halves6(&run, 8, T0 + 20 * MS);
  feed_drop(&run, &whole, T0 + 21 * MS, "__udp6_lib_rcv", "NO_SOCKET");
  /* Two alike at once, and one drop: whose it is stays open. */
  feed_halves6(&run, 9, T0 + 3 * S);
  feed_halves6(&run, 10, T0 + 3 * S + 200 * DC_NS_PER_US);
  feed_drop(&run, &whole, T0 + 3 * S + 2 * MS, "__udp6_lib_rcv", "NO_SOCKET");
  run_end(&run);
  for (uint64_t i = 1; i <= 4; i++) {
    g_assert_cmpint(verdict_of(&run, i)->fate, ==, DC_FATE_DROPPED);
    g_assert_cmpuint(verdict_of(&run, i)->drop, ==, (i + 1) / 2);
    g_assert_cmpint(verdict_of(&run, i)->match, ==, DC_MATCH_STRONG);
    g_assert_cmpuint(verdict_of(&run, i)->brief.flow.dst_port, ==, 5999);
  }
  for (uint64_t i = 5; i <= 8; i++)
    g_assert_cmpint(verdict_of(&run, i)->fate, ==, DC_FATE_UNREMARKABLE);
  run_free(&run);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/fragment/at-once", test_fragments_at_once);
  g_test_add_func("/fragment/incomplete", test_incomplete_fragment);
  g_test_add_func("/fragment/reassembled", test_reassembled_datagram_dropped);
  g_test_add_func("/fragment/dropped-alone", test_fragment_dropped_alone);
  g_test_add_func("/fragment/reassembled-without-bytes", test_reassembled_without_bytes);
  g_test_add_func("/fragment/dropped-alone-without-bytes", test_fragment_dropped_alone_without_bytes);
  g_test_add_func("/fragment/given-up-in-pieces", test_given_up_in_pieces);
  g_test_add_func("/fragment/twice", test_fragment_twice);
  g_test_add_func("/fragment/identification-reused", test_identification_reused);
  g_test_add_func("/fragment/ipv6", test_reassembled_ipv6);
  return g_test_run();
}
