/* The live source's parts, shared by live*.c. */
#pragma once

#include "dropcorr/source/drop_monitor.h"
#include "dropcorr/source/filter.h"
#include "dropcorr/source/guard.h"
#include "dropcorr/source/kallsyms.h"
#include "dropcorr/source/live.h"
#include "dropcorr/source/sampler.h"
#include "dropcorr/source/tracepoint.h"
#include "timeline.h"

#include <pthread.h>

typedef enum { DC_PRODUCER_CAPTURE, DC_PRODUCER_DROPS, DC_PRODUCER_SAMPLER, DC_PRODUCER_COUNT } DcProducer;

/* A thread and its queue. */
typedef struct {
  bool exists; /* has a source behind it */
  pthread_t thread;
  bool running; /* started and not joined */
  bool ended;   /* its DC_LIVE_END was seen */
  DcQueue *queue;
  DcLiveSink sink;     /* the thread's */
  uint32_t marks_lost; /* as last told by the thread */
  int64_t refused_ns;  /* when refusals were last asked for */
} DcLiveThread;

/* How drops are learnt; one of monitor and tracepoint, or none. */
typedef struct {
  DcLiveDrops mode;
  DcDropMonitor *monitor;
  DcTracepoint *tracepoint;
  DcKallsyms *kallsyms;
  GHashTable *sites; /* pc to DcLiveSite: symbols already looked up */
  char *text, *cost;
} DcLiveDropSource;

/* Tries the ways of learning drops, in order or the one asked for. False: the one asked for by name
 * failed. notices: lines for the user are added. */
bool dc_live_drops_open(DcLiveDropSource *drops, const DcLiveOptions *options, DcGuard *guard, GPtrArray *notices,
                        GError **error);
void dc_live_drops_run(DcLiveDropSource *drops, DcLiveSink *sink, DcStop *stop);
void dc_live_drops_clear(DcLiveDropSource *drops); /* all but text and cost */
const char *dc_live_drops_name(DcLiveDrops mode);

/* A queue's record as drops: up to DC_NETDM_DROPS_MAX of them. False: no drop in it; *ret_malformed tells
 * whether it should have had one. Drop bytes point into the entry. */
bool dc_live_drops_convert(DcLiveDropSource *drops, const DcTimelineEntry *entry, DcStrings *strings, DcDrop *ret_drops,
                           size_t *ret_count, bool *ret_malformed);

/* Identity of the host for telling directions: the captured interface (or all) and all addresses. */
void dc_live_identity(const char *interface, GArray *interfaces, GArray *addresses, DcStrings *strings);

typedef enum { LIVE_OPEN, LIVE_RUNNING, LIVE_ENDED } LiveState;

typedef struct {
  DcSource source;
  LiveState state;
  DcStrings *strings; /* borrowed */
  DcStop *stop;       /* borrowed */
  DcLiveInfo info;
  char *interface; /* to capture */
  DcTapDirection direction;
  GArray *interfaces, *addresses, *macs;

  DcGuard *guard;
  DcCaptureLive *capture;
  DcLiveDropSource drops;
  DcSampler *sampler;
  DcFilter *filter;

  int epoll_fd, timer_fd, wake_fd;
  DcLiveThread threads[DC_PRODUCER_COUNT];
  uint64_t refused[DC_PRODUCER_COUNT];      /* by the queue, marks included */
  uint64_t refused_told[DC_PRODUCER_COUNT]; /* already given out as loss */
  int64_t clock_offset_ns;                  /* CLOCK_REALTIME minus CLOCK_MONOTONIC when last looked */
  int64_t refused_from_ns[DC_PRODUCER_COUNT], refused_to_ns[DC_PRODUCER_COUNT];

  int64_t give_up_ns; /* monotonic: from then on frames and drops are counted, not given out; 0: never */
  int64_t hurry_ns;   /* how long it was to wait until then */
  uint64_t given_up[DC_PRODUCER_COUNT];
  int64_t given_up_from_ns, given_up_to_ns;

  DcTimeline *timeline;
  unsigned since_pump; /* events given out since the queues were looked at */
  DcDrop *pending;
  size_t pending_count, pending_at;
  uint64_t frame_number, drop_number;
  GPtrArray *notices;
  guint notice_at;
  GError *failure;
  DcLiveStats stats;
} DcLive;

/* The next event, from what the threads have pushed (live_events.c). */
DcReadStatus dc_live_next(DcSource *source, DcEvent *ret_event, GError **error);
void dc_live_join(DcLive *live);

/* A sample taken in the caller's thread. data: {DcLive *, DcPhase *}. A DcSampleVisit. */
void dc_live_add_sample(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data);
