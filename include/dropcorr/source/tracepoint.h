/*
 * skb:kfree_skb through a tracefs instance of our own, for kernels without NET_DM: no
 * bytes, but true addresses, the reason's name, and the skb's reception
 * (net:netif_receive_skb) where it was seen.
 *
 * Opened by one thread, then run by one other. The instance is removed by
 * dc_tracepoint_free(), or by the guard when this process may not or is killed; instances
 * of dead dropcorr processes are removed at open.
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/source/guard.h"
#include "dropcorr/source/live_record.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint32_t buffer_kib; /* per CPU; 0: 4096 */
} DcTracepointOptions;

typedef struct {
  bool has_reason, has_protocol;
  bool has_receive; /* net:netif_receive_skb is recorded: drops can be joined to receptions */
  bool has_consume; /* skb:consume_skb is recorded: a reused address is not mistaken */
  unsigned cpus;
  uint32_t buffer_kib;    /* per CPU, in force */
  unsigned stale_removed; /* instances of dead processes */
  const char *instance;   /* "dropcorr-1234" */
} DcTracepointInfo;

typedef struct DcTracepoint DcTracepoint;

/* guard may be NULL. Errors: UNSUPPORTED (no tracefs, no such event), PERMISSION, IO. */
DcTracepoint *dc_tracepoint_open(const DcTracepointOptions *options, DcGuard *guard, GError **error);
const DcTracepointInfo *dc_tracepoint_info(const DcTracepoint *tracepoint);

/* Name of a reason of this kernel without prefix, NULL unknown. Constant after open; any thread. */
const char *dc_tracepoint_reason(const DcTracepoint *tracepoint, int32_t reason);

/* Thread body: pushes DC_LIVE_TRACE, marks and losses until stop, then what the buffers still hold. */
void dc_tracepoint_run(DcTracepoint *tracepoint, DcLiveSink *sink, DcStop *stop);

typedef struct {
  uint64_t drops, receptions, joined, lost;
} DcTracepointStats;
void dc_tracepoint_stats(const DcTracepoint *tracepoint, DcTracepointStats *ret_stats);

void dc_tracepoint_free(DcTracepoint *tracepoint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcTracepoint, dc_tracepoint_free)
