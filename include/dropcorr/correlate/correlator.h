/*
 * The join of frames and drops. Takes events in (roughly) time order, holds them for a
 * window, and gives each frame and each drop exactly one verdict. Event time drives
 * everything; equal input in equal order gives equal output, live or replayed.
 *
 * It knows wire and drops only: causes, handlers, counters are added by diagnosis, which
 * is the sink. One thread. Memory follows window and rate and open flows, bounded by the
 * limits below; what a limit pushes out early is decided early and counted.
 */
#pragma once

#include "dropcorr/correlate/direction.h"
#include "dropcorr/model/event.h"
#include "dropcorr/model/verdict.h"

#include <glib.h>
#include <stdbool.h>

/* A frame of which there is nothing to say but that it was seen: what of its verdict counts. */
typedef struct {
  int64_t time_ns;
  uint16_t ethertype, dst_port;
  uint8_t protocol;
  uint8_t direction; /* DcDirection */
  uint8_t fate;      /* DcFate */
  bool has_ip, has_ports, has_vlan;
} DcSighting;

typedef struct {
  /* Asked before a frame that no drop was joined to is given: true takes it, and nothing more is given of it. NULL:
   * all frames are given. Most frames are like that, and a verdict takes longer to make than to count. */
  bool (*sighting)(void *data, const DcSighting *sighting);
  /* The same of a light frame of which nothing more will be known: OUTBOUND or UNREMARKABLE. */
  bool (*light)(void *data, const DcLightFrame *light, int64_t time_ns, DcFate fate);
  /* Each frame once, not in number order: a frame is decided when its window is over.
   * `drop` is the drop it was joined to, else NULL. The sink may keep copies only. */
  void (*frame)(void *data, const DcFrameVerdict *verdict, const DcDrop *drop);
  /* Each drop once. `frame` is the verdict of the frame it was joined to, else NULL. */
  void (*drop)(void *data, const DcDropVerdict *verdict, const DcFrameVerdict *frame);
  /* Each SYN attempt once, after all its SYN frames' verdicts were given. */
  void (*handshake)(void *data, const DcHandshake *handshake);
  void *data;
} DcVerdictSink;

typedef struct {
  int64_t window_before_ns; /* a drop may seem this much earlier than its frame: 1 ms */
  int64_t window_after_ns;  /* and this much later: 2 s */
  int64_t fragment_ns;      /* reassembly timeout: 30 s */
  int64_t syn_timeout_ns;   /* an answer is owed within: 1 s */
  int64_t attempt_idle_ns;  /* an attempt without a further SYN for this long is over: 130 s */
  bool expect_drops;        /* a drop source exists: frames wait for drops */
  bool infer_direction;     /* no local addresses were given */
  size_t max_frames;        /* in the window; 0: default */
  size_t max_flows;
} DcCorrelatorOptions;

void dc_correlator_options_init(DcCorrelatorOptions *options);

typedef struct DcCorrelator DcCorrelator;

DcCorrelator *dc_correlator_new(const DcCorrelatorOptions *options, const DcVerdictSink *sink);
void dc_correlator_free(DcCorrelator *correlator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcCorrelator, dc_correlator_free)

/* What is this host: from --local, the context, the evidence file. Before the first event. */
void dc_correlator_add_local_address(DcCorrelator *correlator, const DcAddr *addr);
void dc_correlator_add_local_mac(DcCorrelator *correlator, const uint8_t mac[6]);
/* Interface indexes captured on: a drop with another in-port cannot be a captured frame's. */
void dc_correlator_add_ifindex(DcCorrelator *correlator, uint32_t ifindex);
/* A bridge's port: its packets go up the stack as the bridge's, so that what has this in-port there is another
 * namespace's. At any time, and again. */
void dc_correlator_add_bridge_port(DcCorrelator *correlator, uint32_t ifindex);

/* Which way frames go, once nothing more will be learnt of it: from then on any thread may ask. NULL: before. */
const DcDirections *dc_correlator_directions(const DcCorrelator *correlator);

/* Before events[0] is fed, when those behind it will be: what light frames will need is brought into the cache. Changes
 * nothing else. */
void dc_correlator_look_forward(const DcCorrelator *correlator, DcEvent *const *events, size_t count);

/* frame->packet and drop->packet must be decoded. Samples only advance the clock. */
void dc_correlator_feed(DcCorrelator *correlator, const DcEvent *event);

/* No more events: everything undecided is decided. */
void dc_correlator_finish(DcCorrelator *correlator);

typedef struct {
  uint64_t frames, drops;                 /* fed */
  uint64_t frames_by_fate[DC_FATE_COUNT]; /* given, before diagnosis */
  uint64_t drops_by_status[DC_DROP_STATUS_COUNT];
  uint64_t drops_by_match[DC_MATCH_COUNT];
  uint64_t decided_early;                /* by a limit, not by time */
  uint64_t join_steps;                   /* frames and waiting drops looked at to join drops: the work it took */
  uint64_t clock_steps;                  /* event time went back by more than the slack */
  size_t window_frames, flows, attempts; /* now */
  size_t peak_window_frames, peak_flows;
} DcCorrelatorStats;

void dc_correlator_stats(const DcCorrelator *correlator, DcCorrelatorStats *ret_stats);

/* "given (--local)", or how it was inferred: "inferred: 02:00:00:00:00:01 sends SYN-ACKs (5), ...". */
const char *dc_correlator_direction_text(const DcCorrelator *correlator);
