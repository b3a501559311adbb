/*
 * Frames from a network interface through libpcap. The tap is open (and the kernel's
 * behaviour changed: see docs/limitations) from dc_capture_live_open() on.
 *
 * Opened by one thread, then run by one other; no call may overlap run except the
 * constant info.
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/source/live_record.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { DC_TAP_INOUT, DC_TAP_IN, DC_TAP_OUT } DcTapDirection;

typedef struct {
  const char *interface; /* "any" for all; NULL: the first that is up */
  const char *filter;    /* libpcap expression or NULL */
  bool filter_optimize;
  uint32_t snaplen;      /* 0: 256, enough for every header matching looks at */
  uint32_t buffer_bytes; /* kernel ring; 0: 8 MiB */
  bool promiscuous;      /* off by default: it lets in what the host would never see, as drops */
  bool immediate;
  DcTapDirection direction;
  const char *timestamp_type; /* libpcap's names; NULL: host, the clock drops are stamped with */
  uint64_t max_frames;        /* stop after so many; 0: no limit */
} DcCaptureLiveOptions;

/* Strings are owned by the capture. */
typedef struct {
  const char *interface;
  const char *filter; /* NULL: none */
  uint32_t ifindex;   /* 0 for "any" */
  int dlt;
  uint8_t link; /* DcLink */
  const char *link_name;
  uint32_t snaplen;
  uint32_t buffer_bytes; /* asked for */
  bool promiscuous;
  uint8_t mac[6];
  bool has_mac;
  bool nanoseconds;
  const char *timestamp_type;
  const char *timestamp_warning; /* NULL, or why frame and drop times may not be comparable */
} DcCaptureLiveInfo;

/* tcpdump's three closing numbers. */
typedef struct {
  uint64_t captured;          /* handed to us by libpcap */
  uint64_t received;          /* ps_recv: passed the filter */
  uint64_t dropped_kernel;    /* ps_drop: ring full */
  uint64_t dropped_interface; /* ps_ifdrop */
} DcCaptureLiveStats;

typedef struct DcCaptureLive DcCaptureLive;

/* The first interface that is up and not the loopback; caller frees. */
char *dc_capture_live_default_interface(GError **error);

/* Errors: NOT_FOUND (no such interface), PERMISSION, FILTER, UNSUPPORTED (link type, timestamp type),
 * IO (interface down). The message names the remedy. */
DcCaptureLive *dc_capture_live_open(const DcCaptureLiveOptions *options, GError **error);
const DcCaptureLiveInfo *dc_capture_live_info(const DcCaptureLive *capture);

/* Thread body: pushes frames, marks each 100 ms or more often, losses each second, until stop,
 * then what the ring still holds from before the stop, then DC_LIVE_END. After max_frames it
 * requests the stop itself. */
void dc_capture_live_run(DcCaptureLive *capture, DcLiveSink *sink, DcStop *stop);

/* After run has returned. */
void dc_capture_live_stats(const DcCaptureLive *capture, DcCaptureLiveStats *ret_stats);

void dc_capture_live_free(DcCaptureLive *capture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcCaptureLive, dc_capture_live_free)
