#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/capture_file.h"
#include "dropcorr/source/clock_align.h"

#include <math.h>
#include <string.h>

#define BASE_NS (INT64_C(1795175783) * DC_NS_PER_S)
#define MS DC_NS_PER_MS
#define SECOND DC_NS_PER_S

static const uint8_t server_mac[6] = {2, 0, 0, 0, 0, 1};

static double uniform(GRand *rand)
{
  return g_rand_double(rand);
}

/* Waiting time of a Poisson process. */
static int64_t exponential(GRand *rand, double mean_ns)
{
  return (int64_t)(-mean_ns * log(1.0 - uniform(rand))) + 1;
}

static DcAddr address(uint32_t host)
{
  return (DcAddr){.version = 4, .bytes = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host}};
}

static DcFrame make_frame(int64_t time_ns, bool inbound, uint32_t client, uint16_t port, uint8_t flags, uint32_t len)
{
  static uint64_t number;
  DcFrame frame = {.number = ++number, .time_ns = time_ns, .caplen = len, .len = len};
  DcPacket *packet = &frame.packet;
  packet->has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP;
  packet->ethertype = 0x0800;
  packet->ip_protocol = 6;
  packet->src = address(inbound ? client : 1);
  packet->dst = address(inbound ? 1 : client);
  packet->src_port = inbound ? (uint16_t)(40000 + client % 20000) : port;
  packet->dst_port = inbound ? port : (uint16_t)(40000 + client % 20000);
  packet->tcp_flags = flags;
  memset(inbound ? packet->src_mac : packet->dst_mac, 3, 6);
  memcpy(inbound ? packet->dst_mac : packet->src_mac, server_mac, 6);
  return frame;
}

static DcDrop make_drop(int64_t raw_ns, const DcFrame *frame)
{
  DcDrop drop = {.time_ns = raw_ns, .kind = DC_DROP_TEXT, .protocol = 0x0800, .count = 1, .symbol = "tcp_v4_rcv"};
  (void)frame;
  return drop;
}

typedef struct {
  double seconds, frames_per_s, share_dropped, share_answered;
  double noise_per_s; /* drops of no frame: other namespaces */
  bool with_tuple;
  int64_t precision_ns;   /* of printed times */
  double missing_capture; /* share of the log's time that the capture does not cover */
} Traffic;

/* Frames as a Poisson process; some are answered, some dropped 3 us to 2 ms later. Drops carry raw times. */
static DcClockFit *make_fit(GRand *rand, const Traffic *traffic, int64_t offset_ns)
{
  DcClockFit *fit = dc_clock_fit_new();
  dc_clock_fit_add_local_mac(fit, server_mac);
  const int64_t end_ns = BASE_NS + (int64_t)(traffic->seconds * 1e9);
  const int64_t capture_ns = BASE_NS + (int64_t)(traffic->seconds * traffic->missing_capture * 1e9);
  uint32_t client = 2;
  for (int64_t now = BASE_NS; now < end_ns; now += exponential(rand, 1e9 / traffic->frames_per_s)) {
    const DcFrame frame = make_frame(now, true, client++, 80, DC_TCP_SYN, 74);
    const bool captured = now >= capture_ns;
    if (captured)
      dc_clock_fit_add_frame(fit, &frame);
    if (uniform(rand) < traffic->share_dropped) {
      int64_t at = now + 3000 + exponential(rand, 80e3);
      if (traffic->precision_ns > 0)
        at = at / traffic->precision_ns * traffic->precision_ns + traffic->precision_ns;
      DcDrop drop = make_drop(at - offset_ns, &frame);
      drop.precision_ns = traffic->precision_ns;
      if (traffic->with_tuple)
        drop.packet = frame.packet;
      dc_clock_fit_add_drop(fit, &drop);
    } else if (uniform(rand) < traffic->share_answered) {
      const DcFrame answer =
          make_frame(now + exponential(rand, 200e3), false, client - 1, 80, DC_TCP_SYN | DC_TCP_ACK, 74);
      if (captured)
        dc_clock_fit_add_frame(fit, &answer);
    }
  }
  for (int64_t now = BASE_NS; traffic->noise_per_s > 0 && now < end_ns;
       now += exponential(rand, 1e9 / traffic->noise_per_s)) {
    const DcDrop drop = make_drop(now - offset_ns, NULL);
    dc_clock_fit_add_drop(fit, &drop);
  }
  return fit;
}

static int64_t random_offset(GRand *rand)
{
  return BASE_NS - (int64_t)(uniform(rand) * 1e7 * 1e9);
}

/* Whatever the traffic, the shift is found to a millisecond. */
static void test_recovered(void)
{
  static const Traffic kinds[] = {
      {.seconds = 10, .frames_per_s = 10, .share_dropped = 0.5, .share_answered = 0.9},
      {.seconds = 60, .frames_per_s = 20, .share_dropped = 0.05, .share_answered = 0.95},
      {.seconds = 15, .frames_per_s = 100, .share_dropped = 0.2, .share_answered = 0.9, .noise_per_s = 5},
      {.seconds = 2, .frames_per_s = 500, .share_dropped = 0.3, .share_answered = 0.9},
      {.seconds = 120, .frames_per_s = 10, .share_dropped = 0.3, .share_answered = 0.5, .missing_capture = 0.5},
      {.seconds = 1, .frames_per_s = 2000, .share_dropped = 0.1}, /* in 10 ms there are 20 frames */
      {.seconds = 20, .frames_per_s = 200, .share_dropped = 0.05, .share_answered = 0.5, .with_tuple = true},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
    for (guint32 seed = 0; seed < 2; seed++) {
      g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
      const int64_t offset_ns = random_offset(rand);
      g_autoptr(DcClockFit) fit = make_fit(rand, &kinds[i], offset_ns);
      DcFitResult result;
      dc_clock_fit_run(fit, 0, 0, &result);
      g_autofree char *text = dc_clock_fit_text(&result);
      if (result.verdict != DC_FIT_ACCEPTED)
        g_error("kind %zu seed %u: %s", i, seed, text);
      if (ABS(result.best.offset_ns - offset_ns) >= MS)
        g_error("kind %zu seed %u: off by %" G_GINT64_FORMAT " ns: %s", i, seed, result.best.offset_ns - offset_ns,
                text);
      g_assert_nonnull(strstr(text, "fitted: +"));
      g_assert_cmpuint(result.best.score, >, result.chance);
    }
  }
}

/* The drops of one machine and the frames of another, at the same rates: nothing fits. */
static void test_unrelated(void)
{
  static const Traffic kinds[] = {
      {.seconds = 10, .frames_per_s = 10, .share_dropped = 0.5, .share_answered = 0.9},
      {.seconds = 15, .frames_per_s = 100, .share_dropped = 0.2, .share_answered = 0.9},
      {.seconds = 2, .frames_per_s = 500, .share_dropped = 0.3, .share_answered = 0.5},
      {.seconds = 60, .frames_per_s = 3, .share_dropped = 0.1, .share_answered = 0.5},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
    for (guint32 seed = 0; seed < 3; seed++) {
      g_autoptr(GRand) rand = g_rand_new_with_seed(1000 + seed);
      Traffic frames = kinds[i];
      frames.share_dropped = 0;
      g_autoptr(DcClockFit) fit = make_fit(rand, &frames, 0);
      for (int64_t now = 0; now < (int64_t)(kinds[i].seconds * 1e9);
           now += exponential(rand, 1e9 / (kinds[i].frames_per_s * kinds[i].share_dropped))) {
        const DcDrop drop = make_drop(SECOND + now, NULL);
        dc_clock_fit_add_drop(fit, &drop);
      }
      DcFitResult result;
      dc_clock_fit_run(fit, 0, 0, &result);
      g_autofree char *text = dc_clock_fit_text(&result);
      if (result.verdict == DC_FIT_ACCEPTED)
        g_error("kind %zu seed %u: %s", i, seed, text);
      g_assert_nonnull(strstr(text, "no fit: "));
    }
  }
}

/* Bursts on both sides line up burst by burst at many shifts. */
static void test_unrelated_bursts(void)
{
  for (guint32 seed = 0; seed < 6; seed++) {
    g_autoptr(GRand) rand = g_rand_new_with_seed(2000 + seed);
    g_autoptr(DcClockFit) fit = dc_clock_fit_new();
    uint32_t client = 2;
    for (int burst = 0; burst < 12; burst++) {
      const int64_t frames_ns = BASE_NS + (int64_t)(uniform(rand) * 60e9),
                    drops_ns = SECOND + (int64_t)(uniform(rand) * 60e9);
      for (int i = 0; i < 10; i++) {
        const DcFrame frame = make_frame(frames_ns + exponential(rand, 20e6), true, client++, 80, DC_TCP_SYN, 74);
        dc_clock_fit_add_frame(fit, &frame);
        const DcDrop drop = make_drop(drops_ns + exponential(rand, 20e6), NULL);
        dc_clock_fit_add_drop(fit, &drop);
      }
    }
    DcFitResult result;
    dc_clock_fit_run(fit, 0, 0, &result);
    g_assert_cmpint(result.verdict, !=, DC_FIT_ACCEPTED);
  }
}

/* One frame every two seconds, each dropped: any shift by two seconds fits all but one. */
static void test_periodic(void)
{
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  for (int i = 0; i < 60; i++) {
    DcFrame frame = make_frame(BASE_NS + i * 2 * SECOND, true, 7, 80, DC_TCP_SYN, 74);
    dc_clock_fit_add_frame(fit, &frame);
    const DcDrop drop = make_drop(SECOND + i * 2 * SECOND + 20000, &frame);
    dc_clock_fit_add_drop(fit, &drop);
  }
  DcFitResult result;
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpint(result.verdict, !=, DC_FIT_ACCEPTED);
  g_assert_cmpuint(result.best.score, >, 50);
  g_assert_cmpuint(result.rival_count, >, 0);
  g_autofree char *text = dc_clock_fit_text(&result);
  g_assert_nonnull(strstr(text, "next best"));
}

/* The same irregular traffic comes twice, and only once was it dropped: which time is open. */
static void test_ambiguous(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(4);
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  int64_t now = 0;
  for (uint32_t i = 0; i < 30; i++, now += exponential(rand, 400e6)) {
    const DcFrame first = make_frame(BASE_NS + now, true, 7, 80, DC_TCP_SYN, 74);
    const DcFrame second = make_frame(BASE_NS + 100 * SECOND + now, true, 7, 80, DC_TCP_SYN, 74);
    const DcDrop drop = make_drop(SECOND + now, NULL);
    dc_clock_fit_add_frame(fit, &first);
    dc_clock_fit_add_frame(fit, &second);
    dc_clock_fit_add_drop(fit, &drop);
  }
  DcFitResult result;
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpint(result.verdict, ==, DC_FIT_AMBIGUOUS);
  g_assert_cmpuint(result.best.score, ==, 30);
  g_assert_cmpuint(result.rivals[0].score, ==, 30);
  g_assert_cmpint(ABS(ABS(result.best.offset_ns - result.rivals[0].offset_ns) - 100 * SECOND), <, MS);
}

/* A frame is dropped once: several drops behind it count as one. */
static void test_one_drop_a_frame(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(6);
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  int64_t now = 0;
  for (uint32_t i = 0; i < 12; i++, now += exponential(rand, 900e6)) {
    const DcFrame frame = make_frame(BASE_NS + now, true, 7, 80, DC_TCP_SYN, 74);
    dc_clock_fit_add_frame(fit, &frame);
    for (int j = 0; j < 4; j++) {
      const DcDrop drop = make_drop(SECOND + now + 20000 + j * 100000, &frame);
      dc_clock_fit_add_drop(fit, &drop);
    }
  }
  DcFitResult result;
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpuint(result.best.score, ==, 12);
  g_assert_cmpuint(result.drops, ==, 48);
}

/* What was answered was taken: such frames are no candidates; a reset answers what was not. */
static void test_answered(void)
{
  for (int reset = 0; reset < 2; reset++) {
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    g_autoptr(DcClockFit) fit = dc_clock_fit_new();
    dc_clock_fit_add_local_mac(fit, server_mac);
    int64_t now = BASE_NS;
    for (uint32_t client = 2; client < 42; client++, now += exponential(rand, 300e6)) {
      const DcFrame frame = make_frame(now, true, client, 80, DC_TCP_SYN, 74);
      const DcFrame answer =
          make_frame(now + 90000, false, client, 80, reset ? DC_TCP_RST | DC_TCP_ACK : DC_TCP_SYN | DC_TCP_ACK, 54);
      const DcDrop drop = make_drop(now + 20000 - BASE_NS + SECOND, &frame);
      dc_clock_fit_add_frame(fit, &frame);
      dc_clock_fit_add_frame(fit, &answer);
      dc_clock_fit_add_drop(fit, &drop);
    }
    DcFitResult result;
    dc_clock_fit_run(fit, 0, 0, &result);
    g_assert_cmpint(result.verdict, ==, reset ? DC_FIT_ACCEPTED : DC_FIT_NO_SHIFT);
  }
}

/* Receptions tell length and moment: few are enough, among much traffic of all lengths. */
static void test_receptions(void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(9);
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  const int64_t offset_ns = BASE_NS - 777 * SECOND;
  int64_t now = BASE_NS;
  for (uint32_t client = 2; client < 3000; client++, now += exponential(rand, 5e6)) {
    const uint32_t len = 60 + (uint32_t)(uniform(rand) * 1400);
    const DcFrame frame = make_frame(now, true, client, 80, DC_TCP_ACK, len);
    const DcFrame answer = make_frame(now + 90000, false, client, 80, DC_TCP_ACK, 54);
    dc_clock_fit_add_frame(fit, &frame);
    dc_clock_fit_add_frame(fit, &answer);
    if (client % 100 != 0)
      continue;
    DcDrop drop = make_drop(now + 30 * MS - offset_ns, &frame);
    drop.rx_time_ns = now - 4000 - offset_ns;
    drop.rx_len = len - 14;
    dc_clock_fit_add_drop(fit, &drop);
  }
  DcFitResult result;
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpint(result.verdict, ==, DC_FIT_ACCEPTED);
  g_assert_cmpint(ABS(result.best.offset_ns - offset_ns), <, MS / 10);
}

/* Sent packets, other sockets, summaries: nothing of a frame. */
static void test_left_out(void)
{
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  for (int i = 0; i < 50; i++) {
    const DcFrame frame = make_frame(BASE_NS + i * 37 * MS * (i % 7 + 1), true, 7, 80, DC_TCP_SYN, 74);
    dc_clock_fit_add_frame(fit, &frame);
    DcDrop drop = make_drop(frame.time_ns - BASE_NS + SECOND, &frame);
    switch (i % 5) {
    case 0:
      drop.protocol = 0;
      break;
    case 1:
      drop.symbol = "__dev_queue_xmit";
      break;
    case 2:
      drop.count = 2;
      break;
    case 3:
      drop.time_ns = DC_TIME_NONE;
      break;
    default:
      drop.symbol = "unix_stream_connect";
      break;
    }
    dc_clock_fit_add_drop(fit, &drop);
  }
  DcFitResult result;
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpint(result.verdict, ==, DC_FIT_TOO_FEW);
}

static void test_empty_and_extreme(void)
{
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  DcFitResult result;
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpint(result.verdict, ==, DC_FIT_TOO_FEW);
  static const int64_t times[] = {0, -1, INT64_MAX, INT64_MIN, INT64_MAX / 4, 1};
  for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
    for (int j = 0; j < 10; j++) {
      const DcFrame frame = make_frame(times[i], true, 7, 80, DC_TCP_SYN, 74);
      DcDrop drop = make_drop(times[(i + 1) % G_N_ELEMENTS(times)], &frame);
      drop.precision_ns = times[(i + 2) % G_N_ELEMENTS(times)];
      dc_clock_fit_add_frame(fit, &frame);
      dc_clock_fit_add_drop(fit, &drop);
    }
  }
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpuint(result.best.score, <=, 20); /* of the times that can be */
  dc_clock_fit_run(fit, 900 * SECOND, SECOND, &result);
  g_assert_cmpuint(result.best.score, <=, 20);
}

/* The same drops in another zone: the multiple of 15 minutes exactly. */
static void test_zones(void)
{
  static const int minutes[] = {0, 60, -300, 345, -570, 840};
  for (size_t i = 0; i < G_N_ELEMENTS(minutes); i++) {
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)i);
    const Traffic traffic = {.seconds = 40,
                             .frames_per_s = 5,
                             .share_dropped = 0.2,
                             .share_answered = 0.9,
                             .with_tuple = true,
                             .precision_ns = SECOND};
    const int64_t offset_ns = minutes[i] * 60 * SECOND;
    g_autoptr(DcClockFit) fit = make_fit(rand, &traffic, offset_ns);
    DcFitResult result;
    dc_clock_fit_run(fit, 900 * SECOND, SECOND, &result);
    g_assert_cmpint(result.verdict, ==, DC_FIT_ACCEPTED);
    g_assert_cmpint(result.best.offset_ns, ==, offset_ns);
  }
}

/* A log of another machine: in no zone do its drops meet frames, however thick these come. */
static void test_zones_unrelated(void)
{
  static const Traffic kinds[] = {
      {.seconds = 600, .frames_per_s = 20, .share_answered = 0.5},
      {.seconds = 5000, .frames_per_s = 3, .share_answered = 0.5},
      {.seconds = 60, .frames_per_s = 300, .share_answered = 0.5},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
    for (guint32 seed = 0; seed < 5; seed++) {
      g_autoptr(GRand) rand = g_rand_new_with_seed(3000 + seed);
      g_autoptr(DcClockFit) fit = make_fit(rand, &kinds[i], 0);
      for (int j = 0; j < 40; j++) {
        const DcDrop drop =
            make_drop(BASE_NS + 3600 * SECOND + (int64_t)(uniform(rand) * kinds[i].seconds * 1e9), NULL);
        dc_clock_fit_add_drop(fit, &drop);
      }
      DcFitResult result;
      dc_clock_fit_run(fit, 900 * SECOND, SECOND, &result);
      g_autofree char *text = dc_clock_fit_text(&result);
      if (result.verdict == DC_FIT_ACCEPTED)
        g_error("kind %zu seed %u: %s", i, seed, text);
    }
  }
}

/* --- recordings ------------------------------------------------------------------------- */

static void take_reception(int64_t time_ns, uint32_t len, void *fit)
{
  dc_clock_fit_add_reception(fit, time_ns, len);
}

static DcClockFit *read_recording(const char *frames_of, const char *drops_of, bool receptions, DcStrings *strings)
{
  g_autoptr(GError) error = NULL;
  DcClockFit *fit = dc_clock_fit_new();
  dc_clock_fit_add_local_mac(fit, server_mac);
  g_autofree char *cap = g_build_filename(GOLDEN_DIR, frames_of, "cap.pcap", NULL);
  g_autofree char *trace = g_build_filename(GOLDEN_DIR, drops_of, "trace_pipe.txt", NULL);
  const DcCaptureFileOptions capture_options = {0};
  g_autoptr(DcSource) frames = dc_capture_file_open(cap, &capture_options, &error);
  g_assert_no_error(error);
  const DcDropLogOptions log_options = {.on_reception = receptions ? take_reception : NULL, .reception_data = fit};
  g_autoptr(DcSource) drops = dc_drop_log_open(trace, &log_options, strings, &error);
  g_assert_no_error(error);
  DcEvent event;
  while (dc_source_next(frames, &event, NULL) == DC_READ_EVENT) {
    dc_decode_packet((DcLink)event.frame.link, event.frame.bytes, event.frame.caplen, event.frame.len, false,
                     &event.frame.packet);
    dc_clock_fit_add_frame(fit, &event.frame);
  }
  while (dc_source_next(drops, &event, NULL) == DC_READ_EVENT)
    dc_clock_fit_add_drop(fit, &event.drop);
  return fit;
}

/* NET_DM watched the same drops with the real clock. */
static void assert_near_netdm(const char *name, int64_t offset_ns, DcStrings *strings)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(GOLDEN_DIR, name, "drops.pcap", NULL);
  g_autofree char *trace = g_build_filename(GOLDEN_DIR, name, "trace_pipe.txt", NULL);
  const DcDropLogOptions options = {0};
  g_autoptr(DcSource) netdm = dc_drop_log_open(path, &options, strings, &error);
  g_assert_no_error(error);
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(int64_t));
  DcEvent event;
  while (dc_source_next(netdm, &event, NULL) == DC_READ_EVENT) {
    if (event.kind == DC_EVENT_DROP)
      g_array_append_val(times, event.time_ns);
  }
  g_autoptr(DcSource) text = dc_drop_log_open(trace, &options, strings, &error);
  g_assert_no_error(error);
  guint near = 0, all = 0;
  while (dc_source_next(text, &event, NULL) == DC_READ_EVENT) {
    if (event.drop.protocol == 0)
      continue;
    int64_t nearest = INT64_MAX;
    for (guint i = 0; i < times->len; i++) {
      const int64_t distance = ABS(g_array_index(times, int64_t, i) - (event.time_ns + offset_ns));
      nearest = MIN(nearest, distance);
    }
    all++;
    near += nearest < 2 * MS;
  }
  g_assert_cmpuint(all, >, 40);
  g_assert_cmpuint(near, >=, all * 9 / 10);
}

static void test_recordings(void)
{
  static const char *const names[] = {"lab-5.10", "lab-6.1", "lab-6.12"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(DcStrings) strings = dc_strings_new(4096);
    for (int receptions = 0; receptions <= 1; receptions++) {
      g_autoptr(DcClockFit) fit = read_recording(names[i], names[i], receptions != 0, strings);
      DcFitResult result;
      dc_clock_fit_run(fit, 0, 0, &result);
      g_assert_cmpint(result.verdict, ==, DC_FIT_ACCEPTED);
      g_assert_cmpint(result.by_receptions, ==, receptions);
      assert_near_netdm(names[i], result.best.offset_ns, strings);
    }
  }
}

/* The same scenario on another kernel sends the same frames in the same order: the hardest case to refuse. */
static void test_other_recording(void)
{
  g_autoptr(DcStrings) strings = dc_strings_new(4096);
  static const char *const pairs[][2] = {{"lab-6.1", "lab-6.12"},
                                         {"lab-6.12", "lab-6.1"},
                                         {"lab-5.10", "lab-6.1"},
                                         {"lab-trace", "lab-6.1"},
                                         {"lab-tunnels-5.10", "lab-tunnels-6.1"},
                                         {"lab-syn-flood-6.1", "lab-syn-flood-6.12"},
                                         {"lab-fragments-6.12", "lab-fragments-5.10"},
                                         {"lab-namespaces-6.1", "lab-namespaces-6.12"}};
  for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
    for (int receptions = 0; receptions <= 1; receptions++) {
      g_autoptr(DcClockFit) fit = read_recording(pairs[i][0], pairs[i][1], receptions != 0, strings);
      DcFitResult result;
      dc_clock_fit_run(fit, 0, 0, &result);
      g_assert_cmpint(result.verdict, !=, DC_FIT_ACCEPTED);
    }
  }
}

/* A flood whose drops are few: they fit at many shifts, and it is the receptions that tell the one. The clock runs 20
 * parts in a million faster. */
static void test_many_receptions(void)
{
  enum { COUNT = 2000 };
  const int64_t offset_ns = BASE_NS - 7 * SECOND;
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  dc_clock_fit_add_local_mac(fit, server_mac);
  g_autoptr(GRand) rand = g_rand_new_with_seed(1);
  int64_t now = BASE_NS;
  for (uint32_t i = 0; i < COUNT; i++) {
    now += exponential(rand, 300e3);
    const DcFrame frame = make_frame(now, true, i + 2, 80, DC_TCP_SYN, 74);
    dc_clock_fit_add_frame(fit, &frame);
    const int64_t raw_ns = (now - BASE_NS) * 50001 / 50000 + BASE_NS - offset_ns;
    dc_clock_fit_add_reception(fit, raw_ns / 1000 * 1000, 60);
    if (i % 2 == 0) /* the answer's, in another namespace */
      dc_clock_fit_add_reception(fit, (raw_ns + 25000 + exponential(rand, 10e3)) / 1000 * 1000, 60);
    DcDrop drop = make_drop(raw_ns + 4000, &frame);
    drop.symbol = "ip_error";
    if (i % 200 == 0)
      dc_clock_fit_add_drop(fit, &drop);
  }
  DcFitResult result;
  dc_clock_fit_run(fit, 0, 0, &result);
  g_assert_cmpint(result.verdict, ==, DC_FIT_ACCEPTED);
  g_assert_true(result.by_receptions);
  g_assert_cmpint(ABS(result.best.offset_ns - offset_ns), <, 10 * DC_NS_PER_US);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  dc_hash_init();
  g_test_add_func("/clock-fit/recovered", test_recovered);
  g_test_add_func("/clock-fit/unrelated", test_unrelated);
  g_test_add_func("/clock-fit/unrelated-bursts", test_unrelated_bursts);
  g_test_add_func("/clock-fit/periodic", test_periodic);
  g_test_add_func("/clock-fit/ambiguous", test_ambiguous);
  g_test_add_func("/clock-fit/one-drop-a-frame", test_one_drop_a_frame);
  g_test_add_func("/clock-fit/answered", test_answered);
  g_test_add_func("/clock-fit/receptions", test_receptions);
  g_test_add_func("/clock-fit/many-receptions", test_many_receptions);
  g_test_add_func("/clock-fit/left-out", test_left_out);
  g_test_add_func("/clock-fit/empty-and-extreme", test_empty_and_extreme);
  g_test_add_func("/clock-fit/zones", test_zones);
  g_test_add_func("/clock-fit/zones-unrelated", test_zones_unrelated);
  g_test_add_func("/clock-fit/recordings", test_recordings);
  g_test_add_func("/clock-fit/other-recording", test_other_recording);
  return g_test_run();
}
