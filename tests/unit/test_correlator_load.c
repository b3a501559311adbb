/* Traffic that is as hard to join as can be: what is told of it, and how much work it takes. */
#include "packet_builder.h"

#include "dropcorr/correlate/correlator.h"

#define MS DC_NS_PER_MS
#define S DC_NS_PER_S
#define T0 (INT64_C(1700000000) * S)
#define GAP (10 * DC_NS_PER_US) /* 100 000 frames a second */

enum { COUNT = 20000 };

typedef struct {
  uint64_t by_fate[DC_FATE_COUNT], by_match[DC_MATCH_COUNT], by_status[DC_DROP_STATUS_COUNT],
      by_why[DC_UNMATCHED_COUNT];
  uint64_t wrong; /* frames joined to another drop than their own, which has their number */
  uint64_t handshakes, by_outcome[DC_OUTCOME_COUNT];
  DcHandshake last;
  uint8_t fates[COUNT + 1];
  DcCorrelator *correlator;
  DcCorrelatorStats stats;
} Load;

static void on_frame(void *data, const DcFrameVerdict *verdict, const DcDrop *drop)
{
  Load *load = data;
  load->by_fate[verdict->fate]++;
  load->by_match[verdict->match]++;
  load->fates[verdict->frame] = verdict->fate;
  load->wrong += drop != NULL && drop->number != verdict->frame;
}

static void on_drop(void *data, const DcDropVerdict *verdict, const DcFrameVerdict *frame)
{
  Load *load = data;
  (void)frame;
  load->by_status[verdict->status]++;
  load->by_why[verdict->unmatched_why]++;
}

static void on_handshake(void *data, const DcHandshake *handshake)
{
  Load *load = data;
  load->handshakes++;
  load->by_outcome[handshake->outcome]++;
  load->last = *handshake;
}

static Load *load_begin_with(size_t max_flows)
{
  static const uint8_t mac[6] = HOST_MAC;
  Load *load = g_new0(Load, 1);
  DcCorrelatorOptions options;
  dc_correlator_options_init(&options);
  options.expect_drops = true;
  options.max_flows = max_flows;
  const DcVerdictSink sink = {.frame = on_frame, .drop = on_drop, .handshake = on_handshake, .data = load};
  load->correlator = dc_correlator_new(&options, &sink);
  dc_correlator_add_local_mac(load->correlator, mac);
  return load;
}

static Load *load_begin(void)
{
  return load_begin_with(0);
}

static void feed_cut_frame(Load *load, const Packet *packet, uint64_t number, int64_t time_ns, uint32_t caplen)
{
  DcEvent event = frame_event(packet, number, time_ns);
  event.frame.caplen = MIN(caplen, packet->len);
  dc_decode_packet(DC_LINK_ETHERNET, packet->bytes, event.frame.caplen, packet->len, true, &event.frame.packet);
  dc_correlator_feed(load->correlator, &event);
}

static void feed_frame(Load *load, const Packet *packet, uint64_t number, int64_t time_ns)
{
  feed_cut_frame(load, packet, number, time_ns, UINT32_MAX);
}

static void feed_cut_drop(Load *load, const Packet *packet, uint64_t number, int64_t time_ns, uint32_t caplen)
{
  DcEvent event = drop_event(packet, number, time_ns, "udp_queue_rcv_one_skb", "SOCKET_RCVBUFF");
  event.drop.caplen = MIN(caplen, packet->len);
  dc_decode_packet(DC_LINK_ETHERNET, packet->bytes, event.drop.caplen, packet->len, true, &event.drop.packet);
  dc_correlator_feed(load->correlator, &event);
}

static void feed_drop(Load *load, const Packet *packet, uint64_t number, int64_t time_ns)
{
  feed_cut_drop(load, packet, number, time_ns, UINT32_MAX);
}

static void feed_place(Load *load, uint64_t number, int64_t time_ns, const char *symbol)
{
  const DcEvent event = drop_event(NULL, number, time_ns, symbol, NULL);
  dc_correlator_feed(load->correlator, &event);
}

static void load_end(Load *load)
{
  dc_correlator_finish(load->correlator);
  dc_correlator_stats(load->correlator, &load->stats);
}

static void load_free(Load *load)
{
  dc_correlator_free(load->correlator);
  g_free(load);
}

/* Datagrams of one flow: equal headers, as without fragmentation (RFC 6864) the identification may stay 0. */
static Packet datagram(uint32_t serial)
{
  char payload[64];
  memset(payload, 'x', sizeof payload);
  memcpy(payload + 20, &serial, sizeof serial);
  return udp_packet(&(Spec){.sport = 1000, .dport = 5353, .payload = payload, .payload_len = sizeof payload});
}

static Packet syn(uint16_t sport, uint32_t isn)
{
  return tcp_packet(&(Spec){.sport = sport, .dport = 80, .seq = isn, .flags = DC_TCP_SYN});
}

/* --- what is joined, and at what price ------------------------------------------------------ */

static void test_one_flow(void)
{
  Load *load = load_begin();
  for (uint32_t i = 0; i < COUNT; i++) {
    const Packet packet = datagram(i);
    feed_frame(load, &packet, i + 1, T0 + i * GAP);
    if (i % 2 == 0)
      feed_drop(load, &packet, i + 1, T0 + i * GAP + 3000);
  }
  load_end(load);
  g_assert_cmpuint(load->by_fate[DC_FATE_DROPPED], ==, COUNT / 2);
  g_assert_cmpuint(load->by_match[DC_MATCH_EXACT], ==, COUNT / 2);
  g_assert_cmpuint(load->wrong, ==, 0);
  g_assert_cmpuint(load->stats.join_steps, <=, COUNT);
  load_free(load);
}

/* Drops of datagrams that were never captured: those that were are not accused in their place. */
static void test_never_seen(void)
{
  Load *load = load_begin();
  for (uint32_t i = 0; i < COUNT; i++) {
    const Packet packet = datagram(i), other = datagram(i | 0x80000000);
    feed_frame(load, &packet, i + 1, T0 + i * GAP);
    feed_drop(load, &other, i + 1, T0 + i * GAP + 3000);
  }
  load_end(load);
  g_assert_cmpuint(load->by_fate[DC_FATE_DROPPED], ==, 0);
  g_assert_cmpuint(load->by_status[DC_DROP_STATUS_UNMATCHED], ==, COUNT);
  g_assert_cmpuint(load->by_why[DC_UNMATCHED_NO_FRAME], ==, COUNT);
  g_assert_cmpuint(load->stats.join_steps, <=, COUNT * 100);
  load_free(load);
}

/* All alike, and all dropped. */
static void test_same_bytes(void)
{
  Load *load = load_begin();
  const Packet packet = datagram(0);
  for (uint32_t i = 0; i < COUNT; i++) {
    feed_frame(load, &packet, i + 1, T0 + i * GAP);
    feed_drop(load, &packet, i + 1, T0 + i * GAP + 3000);
  }
  load_end(load);
  g_assert_cmpuint(load->by_fate[DC_FATE_DROPPED], ==, COUNT);
  g_assert_cmpuint(load->by_status[DC_DROP_STATUS_MATCHED], ==, COUNT);
  g_assert_cmpuint(load->stats.join_steps, <=, COUNT * 300);
  load_free(load);
}

/* Drops that say only that an IPv4 packet was dropped somewhere: any frame could be meant, none is accused. */
static void test_no_bytes(void)
{
  Load *load = load_begin();
  for (uint32_t i = 0; i < COUNT; i++) {
    const Packet packet = datagram(i);
    feed_frame(load, &packet, i + 1, T0 + i * GAP);
    feed_place(load, i + 1, T0 + i * GAP + 3000, "nft_do_chain");
  }
  load_end(load);
  g_assert_cmpuint(load->by_fate[DC_FATE_UNREMARKABLE], ==, COUNT);
  g_assert_cmpuint(load->by_status[DC_DROP_STATUS_MATCHED], ==, COUNT);
  g_assert_cmpuint(load->stats.join_steps, <=, COUNT * 100);
  load_free(load);
}

/* They differ, so that none vouches for another, and all come within one moment. */
static void test_no_bytes_at_once(void)
{
  Load *load = load_begin();
  char symbols[97][16];
  for (uint32_t i = 0; i < 97; i++)
    g_snprintf(symbols[i], sizeof symbols[i], "place_%u", i);
  for (uint32_t i = 0; i < 20; i++) {
    const Packet packet = datagram(i);
    feed_frame(load, &packet, i + 1, T0 + i * GAP);
  }
  for (uint32_t i = 0; i < COUNT; i++)
    feed_place(load, i + 1, T0 + MS + i, symbols[i % 97]);
  load_end(load);
  g_assert_cmpuint(load->by_status[DC_DROP_STATUS_MATCHED] + load->by_status[DC_DROP_STATUS_UNMATCHED], ==, COUNT);
  g_assert_cmpuint(load->stats.join_steps, <=, (uint64_t)COUNT * 400);
  load_free(load);
}

/* Of a capture or a drop that was cut off behind the headers, these are compared as before. */
static void test_cut_behind_the_headers(void)
{
  enum { HEADERS = 14 + 20 + 8 };
  for (int which = 0; which < 2; which++) {
    Load *load = load_begin();
    for (uint16_t i = 0; i < 100; i++) {
      const Packet packet = udp_packet(
          &(Spec){.sport = 1000, .dport = 5353, .id = (uint16_t)(i + 1), .payload = "0123456789", .payload_len = 10});
      feed_cut_frame(load, &packet, i + 1u, T0 + i * MS, which == 0 ? HEADERS : UINT32_MAX);
      feed_cut_drop(load, &packet, i + 1u, T0 + i * MS + 3000, which == 1 ? HEADERS : UINT32_MAX);
    }
    load_end(load);
    g_assert_cmpuint(load->by_match[DC_MATCH_EXACT], ==, 100);
    g_assert_cmpuint(load->wrong, ==, 0);
    load_free(load);
  }
}

/* --- the clock is set back ---------------------------------------------------------------------- */

/* What had no time to be answered is not accused, drops that waited find their frames, and those of the new time too.
 */
static void test_clock_set_back(void)
{
  Load *load = load_begin();
  const Packet asked = syn(1, 1), dropped = syn(2, 2), later = syn(3, 3);
  feed_frame(load, &asked, 1, T0);
  feed_frame(load, &dropped, 2, T0 + MS);
  feed_drop(load, &dropped, 2, T0 + MS + 3000);
  const int64_t back = T0 - 3600 * S;
  feed_frame(load, &later, 3, back);
  feed_drop(load, &later, 3, back + 3000);
  for (uint32_t i = 4; i <= 100; i++) {
    const Packet packet = datagram(i);
    feed_frame(load, &packet, i, back + i * 100 * MS);
  }
  /* long before the clock is where it was */
  g_assert_cmpuint(load->fates[2], ==, DC_FATE_DROPPED);
  g_assert_cmpuint(load->fates[3], ==, DC_FATE_DROPPED);
  load_end(load);
  g_assert_cmpuint(load->fates[1], ==, DC_FATE_UNREMARKABLE);
  g_assert_cmpuint(load->by_outcome[DC_OUTCOME_PENDING], ==, 1);
  g_assert_cmpuint(load->by_outcome[DC_OUTCOME_DROPPED], ==, 2);
  g_assert_cmpuint(load->stats.clock_steps, ==, 1);
  load_free(load);
}

/* One frame with the stamp of another time ends no window and accuses nobody, itself included. */
static void test_a_wrong_stamp(void)
{
  const int64_t wrong[] = {T0 + 86400 * S, T0 + 8 * S, 0};
  for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
    Load *load = load_begin();
    const Packet asked = syn(1, 1), stray = syn(2, 2);
    const Packet answer = tcp_packet(
        &(Spec){.from_host = true, .sport = 80, .dport = 1, .seq = 9, .ack = 2, .flags = DC_TCP_SYN | DC_TCP_ACK});
    feed_frame(load, &asked, 1, T0);
    feed_frame(load, &stray, 2, wrong[i]);
    feed_frame(load, &answer, 3, T0 + 100 * DC_NS_PER_US);
    for (uint32_t n = 4; n < 500; n++) {
      const Packet packet = datagram(n);
      feed_frame(load, &packet, n, T0 + n * 10 * MS);
    }
    load_end(load);
    if (wrong[i] > T0) {
      g_assert_cmpuint(load->fates[1], ==, DC_FATE_ANSWERED);
      g_assert_cmpuint(load->stats.clock_steps, ==, 0);
    }
    g_assert_cmpuint(load->by_fate[DC_FATE_UNEXPLAINED], ==, 0);
    load_free(load);
  }
}

static void test_clock_to_and_fro(void)
{
  Load *load = load_begin();
  for (uint32_t i = 0; i < COUNT; i++) {
    const Packet packet = syn((uint16_t)i, i);
    const int64_t time_ns = T0 + i * GAP + i % 2 * 6 * S;
    feed_frame(load, &packet, i + 1, time_ns);
    feed_drop(load, &packet, i + 1, time_ns + 3000);
  }
  load_end(load);
  g_assert_cmpuint(load->by_fate[DC_FATE_DROPPED], ==, COUNT);
  g_assert_cmpuint(load->wrong, ==, 0);
  g_assert_cmpuint(load->handshakes, ==, COUNT);
  load_free(load);
}

/* --- attempts ------------------------------------------------------------------------------------- */

/* The client takes the same port again at once: the first attempt's SYN is dropped all the same. */
static void test_port_taken_again(void)
{
  Load *load = load_begin();
  const Packet first = syn(1, 100), second = syn(1, 200);
  feed_frame(load, &first, 1, T0);
  feed_frame(load, &second, 2, T0 + 100 * DC_NS_PER_US);
  feed_drop(load, &first, 1, T0 + 200 * DC_NS_PER_US);
  feed_drop(load, &second, 2, T0 + 300 * DC_NS_PER_US);
  load_end(load);
  g_assert_cmpuint(load->handshakes, ==, 2);
  g_assert_cmpuint(load->by_outcome[DC_OUTCOME_DROPPED], ==, 2);
  load_free(load);
}

static void test_ports_taken_again_and_again(void)
{
  Load *load = load_begin();
  for (uint32_t i = 0; i < COUNT; i++) {
    const Packet packet = syn(1, i * 1000);
    feed_frame(load, &packet, i + 1, T0 + i * GAP);
  }
  load_end(load);
  g_assert_cmpuint(load->handshakes, ==, COUNT);
  g_assert_cmpuint(load->by_fate[DC_FATE_UNEXPLAINED] + load->by_fate[DC_FATE_UNREMARKABLE], ==, COUNT);
  load_free(load);
}

/* A flood of SYNs pushes attempts out, not the flows that carry data. */
static void test_flood_leaves_flows_alone(void)
{
  enum { FLOWS = 4096 };
  Load *load = load_begin_with(FLOWS);
  const Packet data = tcp_packet(
      &(Spec){.sport = 9, .dport = 22, .seq = 5, .ack = 1, .flags = DC_TCP_ACK, .payload = "data", .payload_len = 4});
  feed_frame(load, &data, 1, T0);
  for (uint32_t i = 1; i < COUNT; i++) {
    const Packet packet = syn((uint16_t)(1000 + i), i);
    feed_frame(load, &packet, i + 1, T0 + i * GAP);
  }
  dc_correlator_stats(load->correlator, &load->stats);
  g_assert_cmpuint(load->stats.attempts, <=, FLOWS / 4);
  g_assert_cmpuint(load->stats.decided_early, >, 0);
  const Packet ack =
      tcp_packet(&(Spec){.from_host = true, .sport = 22, .dport = 9, .seq = 1, .ack = 9, .flags = DC_TCP_ACK});
  feed_frame(load, &ack, 0, T0 + COUNT * GAP);
  load_end(load);
  g_assert_cmpuint(load->fates[1], ==, DC_FATE_ANSWERED);
  g_assert_cmpuint(load->handshakes, ==, COUNT - 1);
  load_free(load);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/load/one-flow", test_one_flow);
  g_test_add_func("/load/never-seen", test_never_seen);
  g_test_add_func("/load/same-bytes", test_same_bytes);
  g_test_add_func("/load/no-bytes", test_no_bytes);
  g_test_add_func("/load/no-bytes-at-once", test_no_bytes_at_once);
  g_test_add_func("/load/cut", test_cut_behind_the_headers);
  g_test_add_func("/load/clock/back", test_clock_set_back);
  g_test_add_func("/load/clock/wrong-stamp", test_a_wrong_stamp);
  g_test_add_func("/load/clock/to-and-fro", test_clock_to_and_fro);
  g_test_add_func("/load/attempts/port-again", test_port_taken_again);
  g_test_add_func("/load/attempts/ports-again", test_ports_taken_again_and_again);
  g_test_add_func("/load/attempts/flood", test_flood_leaves_flows_alone);
  return g_test_run();
}
