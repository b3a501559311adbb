/* What is found does not depend on which frames are light. */
#include "correlator_run.h"

#include "dropcorr/correlate/frame_keys.h"
#include "dropcorr/correlate/light_frame.h"

enum { PEERS = 12, STEPS = 30000 };

/* The same traffic, with as many light frames as there can be, and with none. */
typedef struct {
  Run light, full;
  DcDirections *directions;
  uint64_t light_frames, waiting;
  int64_t now_ns;
} Twins;

static void twins_begin(Twins *twins, bool expect_drops)
{
  static const uint8_t mac[6] = HOST_MAC;
  const DcAddr addr = {.version = 4, .bytes = {10, 0, 0, 1}};
  DcCorrelatorOptions options;
  dc_correlator_options_init(&options);
  options.expect_drops = expect_drops;
  options.max_frames = SIZE_MAX;
  *twins = (Twins){.directions = dc_directions_new(), .now_ns = T0};
  run_begin_with(&twins->light, &options, true);
  run_begin_with(&twins->full, &options, true);
  dc_directions_add_mac(twins->directions, mac);
  dc_directions_add_address(twins->directions, &addr);
}

static void feed(Twins *twins, Packet packet, bool asked)
{
  twins->now_ns += g_test_rand_int_range(0, 4 * (gint32)MS);
  feed_frame(&twins->full, packet, twins->now_ns);
  DcEvent event = frame_event(&packet, ++twins->light.next_frame, twins->now_ns);
  DcEvent light = {.kind = DC_EVENT_LIGHT, .time_ns = event.time_ns};
  const bool is_light = !asked && dc_light_frame_make(&light.light, &event.frame, twins->directions);
  twins->light_frames += is_light;
  twins->waiting += is_light && light.light.waits;
  dc_correlator_feed(twins->light.correlator, is_light ? &light : &event);
}

static void feed_drop_of(Twins *twins, const Packet *packet)
{
  twins->now_ns += g_test_rand_int_range(0, (gint32)MS);
  feed_drop(&twins->full, packet, twins->now_ns, "tcp_v4_rcv", "TCP_CSUM");
  feed_drop(&twins->light, packet, twins->now_ns, "tcp_v4_rcv", "TCP_CSUM");
}

static void check_frame(const DcFrameVerdict *light, const DcFrameVerdict *full)
{
  g_assert_cmpint(light->fate, ==, full->fate);
  g_assert_cmpint(light->time_ns, ==, full->time_ns);
  g_assert_cmpint(light->answer_ns, ==, full->answer_ns);
  g_assert_cmpint(light->owed, ==, full->owed);
  g_assert_cmpint(light->handshake_open, ==, full->handshake_open);
  g_assert_cmpint(light->refused_by, ==, full->refused_by);
  g_assert_cmpint(light->refused_type, ==, full->refused_type);
  g_assert_cmpint(light->refused_code, ==, full->refused_code);
  g_assert_cmpuint(light->handshake, ==, full->handshake);
  g_assert_cmpuint(light->drop, ==, full->drop);
  g_assert_cmpint(light->match, ==, full->match);
  g_assert_cmpint(light->brief.direction, ==, full->brief.direction);
  g_assert_cmpuint(light->brief.flow.src_port, ==, full->brief.flow.src_port);
  g_assert_cmpuint(light->brief.flow.dst_port, ==, full->brief.flow.dst_port);
  g_assert_true(memcmp(light->brief.flow.src, full->brief.flow.src, 16) == 0);
  g_assert_true(memcmp(light->brief.flow.dst, full->brief.flow.dst, 16) == 0);
  /* Of the others no sink that takes sightings is told more. */
  if (full->fate == DC_FATE_UNEXPLAINED || full->fate == DC_FATE_REFUSED)
    g_assert_true(memcmp(&light->brief, &full->brief, sizeof light->brief) == 0);
}

static gint by_id(gconstpointer a, gconstpointer b)
{
  const DcHandshake *x = a, *y = b;
  return x->id < y->id ? -1 : x->id > y->id;
}

static void twins_end(Twins *twins, uint64_t fates[DC_FATE_COUNT])
{
  run_end(&twins->light);
  run_end(&twins->full);
  g_autofree const DcFrameVerdict **of = g_new0(const DcFrameVerdict *, twins->full.next_frame + 1);
  for (guint i = 0; i < twins->full.frames->len; i++) {
    const DcFrameVerdict *verdict = &g_array_index(twins->full.frames, DcFrameVerdict, i);
    of[verdict->frame] = verdict;
    fates[verdict->fate]++;
  }
  for (guint i = 0; i < twins->light.frames->len; i++) {
    const DcFrameVerdict *verdict = &g_array_index(twins->light.frames, DcFrameVerdict, i);
    check_frame(verdict, of[verdict->frame]);
  }
  for (uint64_t i = 1; i <= twins->full.next_drop; i++) {
    g_assert_cmpint(drop_verdict_of(&twins->light, i)->status, ==, drop_verdict_of(&twins->full, i)->status);
    g_assert_cmpuint(drop_verdict_of(&twins->light, i)->frame, ==, drop_verdict_of(&twins->full, i)->frame);
  }
  GArray *ours = twins->light.handshakes, *theirs = twins->full.handshakes;
  g_assert_cmpuint(ours->len, ==, theirs->len);
  g_array_sort(ours, by_id);
  g_array_sort(theirs, by_id);
  for (guint i = 0; i < ours->len; i++) {
    const DcHandshake *a = &g_array_index(ours, DcHandshake, i), *b = &g_array_index(theirs, DcHandshake, i);
    g_assert_cmpint(a->outcome, ==, b->outcome);
    g_assert_cmpuint(a->established_frame, ==, b->established_frame);
    g_assert_cmpint(a->established_ns, ==, b->established_ns);
    g_assert_cmpuint(a->answer_frame, ==, b->answer_frame);
    g_assert_cmpuint(a->unanswered, ==, b->unanswered);
  }
  run_free(&twins->light);
  run_free(&twins->full);
  dc_directions_free(twins->directions);
}

/* Any segment or datagram between this host and a few peers, sequence numbers near one another. own: one that no other
 * is like; 0: others may be. */
static Packet any_packet(uint16_t own)
{
  static const uint8_t flags[] = {DC_TCP_ACK,
                                  DC_TCP_ACK,
                                  DC_TCP_ACK | DC_TCP_PSH,
                                  DC_TCP_ACK | DC_TCP_FIN,
                                  DC_TCP_SYN,
                                  DC_TCP_SYN | DC_TCP_ACK,
                                  DC_TCP_RST,
                                  DC_TCP_RST | DC_TCP_ACK,
                                  0};
  const bool sent = g_test_rand_bit();
  const uint16_t peer = (uint16_t)(40000 + g_test_rand_int_range(0, PEERS));
  Spec spec = {.from_host = sent,
               .sport = sent ? 80 : peer,
               .dport = sent ? peer : 80,
               .seq = (uint32_t)(1000 + g_test_rand_int_range(0, 4)),
               .ack = (uint32_t)(1000 + g_test_rand_int_range(0, 6)),
               .flags = flags[g_test_rand_int_range(0, G_N_ELEMENTS(flags))],
               .tsval = g_test_rand_bit() ? (uint32_t)g_test_rand_int_range(1, 100) : 0,
               .id = (uint16_t)g_test_rand_int_range(0, 50),
               .vlan = g_test_rand_int_range(0, 16) == 0 ? 7 : 0,
               .payload = "xyz",
               .payload_len = (uint32_t)g_test_rand_int_range(0, 4)};
  if (own != 0) {
    spec.seq += UINT32_C(100000) * own;
    spec.id = (uint16_t)(100 + own);
  }
  if (g_test_rand_int_range(0, 4) == 0)
    return udp_packet(&spec);
  Packet packet = tcp_packet(&spec);
  if (g_test_rand_int_range(0, 4) == 0)
    set16(&packet, 14 + (spec.vlan != 0 ? 4 : 0) + 20 + 14, 0); /* the window */
  return packet;
}

static void check_traffic(bool expect_drops)
{
  Twins twins;
  uint64_t fates[DC_FATE_COUNT] = {0};
  twins_begin(&twins, expect_drops);
  Packet last = any_packet(0);
  uint16_t dropped = 0;
  for (int i = 0; i < STEPS; i++) {
    const int what = g_test_rand_int_range(0, 100);
    if (what < 2) { /* an error from this host about what came just before */
      feed(&twins, icmp_error_packet(&(Spec){.from_host = true}, 3, 3, &last), false);
    } else if (what < 5) {
      last = any_packet(++dropped);
      feed(&twins, last, true);
      if (expect_drops)
        feed_drop_of(&twins, &last);
    } else {
      last = any_packet(0);
      feed(&twins, last, false);
    }
    if (g_test_rand_int_range(0, 2000) == 0)
      twins.now_ns += 15 * S;
  }
  g_assert_cmpuint(twins.light_frames, >, STEPS / 3);
  g_assert_cmpuint(twins.waiting, >, STEPS / 10);
  twins_end(&twins, fates);
  static const DcFate met[] = {DC_FATE_UNREMARKABLE, DC_FATE_OUTBOUND, DC_FATE_ANSWERED, DC_FATE_REFUSED,
                               DC_FATE_UNEXPLAINED};
  for (size_t i = 0; i < G_N_ELEMENTS(met); i++)
    g_assert_cmpuint(fates[met[i]], >, 100);
  if (expect_drops)
    g_assert_cmpuint(fates[DC_FATE_DROPPED], >, 100);
}

static void test_with_drops(void)
{
  check_traffic(true);
}

static void test_without_drops(void)
{
  check_traffic(false);
}

/* What there is more to say of is not light. */
static void test_not_light(void)
{
  static const uint8_t elsewhere[6] = {2, 0, 0, 0, 0, 9}, none[6];
  const Spec specs[] = {
      {.sport = 1, .dport = 2, .flags = DC_TCP_ACK, .vlan = 3},
      {.sport = 1, .dport = 2, .flags = DC_TCP_ACK, .dst_mac = elsewhere},
      {.sport = 1, .dport = 2, .flags = DC_TCP_ACK, .src_mac = none, .dst_mac = none},
      {.sport = 1, .dport = 2, .flags = DC_TCP_ACK, .fragment = 0x2000},
  };
  Twins twins;
  twins_begin(&twins, true);
  for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
    const Packet packet = tcp_packet(&specs[i]);
    const DcEvent event = frame_event(&packet, 1, T0);
    DcLightFrame light;
    g_assert_false(dc_light_frame_make(&light, &event.frame, twins.directions));
  }
  const Packet plain = tcp_packet(&(Spec){.sport = 1, .dport = 2, .flags = DC_TCP_ACK});
  const DcEvent event = frame_event(&plain, 1, T0);
  DcLightFrame light;
  g_assert_true(dc_light_frame_make(&light, &event.frame, twins.directions));
  g_assert_false(light.waits);
  g_assert_cmpuint(light.rest_len, ==, 8);
  uint64_t fates[DC_FATE_COUNT] = {0};
  twins_end(&twins, fates);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/light-frame/with-drops", test_with_drops);
  g_test_add_func("/light-frame/without-drops", test_without_drops);
  g_test_add_func("/light-frame/not-light", test_not_light);
  return g_test_run();
}
