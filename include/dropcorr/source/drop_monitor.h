/*
 * The kernel's drop monitor (NET_DM, uapi linux/net_dropmon.h) through libnl.
 *
 * Its state is global and outlives its owner. Opening saves the settings, sets ours and
 * starts monitoring; freeing stops it and puts the settings back, and so does the guard
 * (source/guard.h) should this process be killed. A monitor somebody else runs in packet mode is
 * joined passively: nothing is changed.
 *
 * Opened by one thread, then run by one other.
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/source/guard.h"
#include "dropcorr/source/live_record.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  bool summary;          /* locations and counts only */
  uint32_t trunc_len;    /* bytes of each packet; 0: 256 */
  uint32_t queue_len;    /* per CPU; 0: 16384 */
  uint32_t buffer_bytes; /* netlink receive buffer; 0: 32 MiB */
} DcDropMonitorOptions;

typedef struct {
  uint16_t family;
  bool summary;    /* the mode in force */
  bool passive;    /* somebody else's monitor */
  bool hardware;   /* hardware drops are monitored too */
  bool has_config; /* CONFIG_GET works: kernel 5.4 or later */
  bool took_over;  /* it was on, but nobody listened: left by a monitor that was killed */
  uint32_t trunc_len, queue_len;
  uint32_t buffer_bytes; /* got */
  const char *note;      /* one line on what is out of the ordinary, or NULL; owned by the monitor */
} DcDropMonitorInfo;

typedef struct DcDropMonitor DcDropMonitor;

/* guard may be NULL. Errors: UNSUPPORTED (no NET_DM, other namespace, no packet mode), PERMISSION, BUSY
 * (the message names who may hold it), IO. */
DcDropMonitor *dc_drop_monitor_open(const DcDropMonitorOptions *options, DcGuard *guard, GError **error);
const DcDropMonitorInfo *dc_drop_monitor_info(const DcDropMonitor *monitor);

/* Thread body: pushes messages as they are, marks, losses (overruns at once, tail drops each second),
 * until stop; then what was still under way, then DC_LIVE_END. */
void dc_drop_monitor_run(DcDropMonitor *monitor, DcLiveSink *sink, DcStop *stop);

/* After run has returned. */
typedef struct {
  uint64_t messages, overruns, tail_dropped, hardware_tail_dropped;
} DcDropMonitorStats;
void dc_drop_monitor_stats(const DcDropMonitor *monitor, DcDropMonitorStats *ret_stats);

/* Stops monitoring and restores the settings, if this process still may; else the guard does. */
void dc_drop_monitor_free(DcDropMonitor *monitor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcDropMonitor, dc_drop_monitor_free)
