/*
 * One run of the correlator on made-up frames and drops, and its laws: one verdict for each, sums that add up, nothing
 * sent is accused.
 */
#pragma once

#include "packet_builder.h"

#include "dropcorr/correlate/correlator.h"

#define MS DC_NS_PER_MS
#define S DC_NS_PER_S
#define T0 (INT64_C(1700000000) * S)

typedef struct {
  GArray *frames; /* DcFrameVerdict */
  GArray *drops;  /* DcDropVerdict; drop pointer is not valid */
  GArray *drop_numbers;
  GArray *handshakes; /* DcHandshake */
  DcCorrelator *correlator;
  uint64_t next_frame, next_drop;
} Run;

static inline void on_frame(void *data, const DcFrameVerdict *verdict, const DcDrop *drop)
{
  Run *run = data;
  g_assert_true((drop != NULL) == (verdict->fate == DC_FATE_DROPPED));
  g_array_append_vals(run->frames, verdict, 1);
}

static inline void on_drop(void *data, const DcDropVerdict *verdict, const DcFrameVerdict *frame)
{
  Run *run = data;
  if (frame != NULL)
    g_assert_cmpuint(frame->frame, ==, verdict->frame);
  g_array_append_vals(run->drops, verdict, 1);
  g_array_append_val(run->drop_numbers, verdict->drop->number);
}

static inline void on_handshake(void *data, const DcHandshake *handshake)
{
  g_array_append_vals(((Run *)data)->handshakes, handshake, 1);
}

static inline void run_begin_with(Run *run, const DcCorrelatorOptions *options, bool local)
{
  static const uint8_t mac[6] = HOST_MAC;
  const DcAddr addr = {.version = 4, .bytes = {10, 0, 0, 1}};
  const DcVerdictSink sink = {.frame = on_frame, .drop = on_drop, .handshake = on_handshake, .data = run};
  *run = (Run){.frames = g_array_new(FALSE, FALSE, sizeof(DcFrameVerdict)),
               .drops = g_array_new(FALSE, FALSE, sizeof(DcDropVerdict)),
               .drop_numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
               .handshakes = g_array_new(FALSE, FALSE, sizeof(DcHandshake))};
  run->correlator = dc_correlator_new(options, &sink);
  if (local) {
    dc_correlator_add_local_mac(run->correlator, mac);
    dc_correlator_add_local_address(run->correlator, &addr);
  }
}

static inline void run_begin(Run *run)
{
  DcCorrelatorOptions options;
  dc_correlator_options_init(&options);
  options.expect_drops = true;
  run_begin_with(run, &options, true);
}

static inline uint64_t feed_frame(Run *run, Packet packet, int64_t time_ns)
{
  DcEvent event = frame_event(&packet, ++run->next_frame, time_ns);
  dc_correlator_feed(run->correlator, &event);
  return run->next_frame;
}

static inline uint64_t feed_drop(Run *run, const Packet *packet, int64_t time_ns, const char *symbol,
                                 const char *reason)
{
  DcEvent event = drop_event(packet, ++run->next_drop, time_ns, symbol, reason);
  dc_correlator_feed(run->correlator, &event);
  return run->next_drop;
}

static inline const DcFrameVerdict *verdict_of(const Run *run, uint64_t frame)
{
  for (guint i = 0; i < run->frames->len; i++) {
    if (g_array_index(run->frames, DcFrameVerdict, i).frame == frame)
      return &g_array_index(run->frames, DcFrameVerdict, i);
  }
  g_error("frame %" G_GUINT64_FORMAT " has no verdict", frame);
}

static inline const DcDropVerdict *drop_verdict_of(const Run *run, uint64_t drop)
{
  for (guint i = 0; i < run->drops->len; i++) {
    if (g_array_index(run->drop_numbers, uint64_t, i) == drop)
      return &g_array_index(run->drops, DcDropVerdict, i);
  }
  g_error("drop %" G_GUINT64_FORMAT " has no verdict", drop);
}

/* The laws: one verdict for each, sums that add up, nothing sent is accused. */
static inline void run_end(Run *run)
{
  dc_correlator_finish(run->correlator);
  DcCorrelatorStats stats;
  dc_correlator_stats(run->correlator, &stats);
  g_assert_cmpuint(run->frames->len, ==, run->next_frame);
  g_assert_cmpuint(run->drops->len, ==, run->next_drop);
  g_autofree bool *seen = g_new0(bool, run->next_frame + 1);
  for (guint i = 0; i < run->frames->len; i++) {
    const DcFrameVerdict *verdict = &g_array_index(run->frames, DcFrameVerdict, i);
    g_assert_false(seen[verdict->frame]);
    seen[verdict->frame] = true;
    if (verdict->brief.direction == DC_DIRECTION_OUT)
      g_assert_cmpint(verdict->fate, ==, DC_FATE_OUTBOUND);
  }
  uint64_t frames = 0, drops = 0;
  for (int fate = 0; fate < DC_FATE_COUNT; fate++)
    frames += stats.frames_by_fate[fate];
  for (int status = 0; status < DC_DROP_STATUS_COUNT; status++)
    drops += stats.drops_by_status[status];
  g_assert_cmpuint(frames, ==, stats.frames);
  g_assert_cmpuint(frames, ==, run->next_frame);
  g_assert_cmpuint(drops, ==, stats.drops);
  g_assert_cmpuint(stats.window_frames, ==, 0);
  g_assert_cmpuint(stats.flows, ==, 0);
}

static inline void run_free(Run *run)
{
  g_array_unref(run->frames);
  g_array_unref(run->drops);
  g_array_unref(run->drop_numbers);
  g_array_unref(run->handshakes);
  dc_correlator_free(run->correlator);
}

static inline Packet syn(uint16_t sport, uint32_t isn)
{
  return tcp_packet(&(Spec){.sport = sport, .dport = 8089, .seq = isn, .flags = DC_TCP_SYN, .tsval = 5000});
}

static inline Packet syn_ack(uint16_t sport, uint32_t isn)
{
  return tcp_packet(&(Spec){.from_host = true,
                            .sport = 8089,
                            .dport = sport,
                            .seq = 77,
                            .ack = isn + 1,
                            .flags = DC_TCP_SYN | DC_TCP_ACK,
                            .tsval = 9});
}
