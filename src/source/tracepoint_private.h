/* The tracepoint source's parts, shared by tracepoint*.c. */
#pragma once

#include "dropcorr/source/tracepoint.h"
#include "skb_table.h"

#include <poll.h>
#include <traceevent/kbuffer.h>

struct tracefs_instance;
struct tep_handle;

typedef struct {
  int offset, size; /* size 0: this kernel has no such field */
} DcTraceField;

typedef struct {
  int id; /* common_type; -1: no such event */
  DcTraceField skb, location, protocol, reason, len, name;
} DcTraceFormat;

/* ENQUEUE: netif_rx, where devices without NAPI (veth, loopback, tunnels) put a packet into the CPU's backlog; there
 * it gets the time stamp that the tap shows. RECEIVE: netif_receive_skb, where all packets come by, later. */
typedef enum { DC_TRACE_ENQUEUE, DC_TRACE_RECEIVE, DC_TRACE_CONSUME, DC_TRACE_DROP } DcTraceKind;

typedef struct {
  int64_t time_ns; /* CLOCK_MONOTONIC */
  uint64_t skb;
  uint8_t kind; /* DcTraceKind */
  union {
    struct {
      uint64_t pc;
      int32_t protocol, reason;
    };
    struct {
      uint32_t len;
      char ifname[16];
    };
  };
} DcTraceEvent;

typedef struct {
  int fd;       /* trace_pipe_raw */
  int stats_fd; /* stats, -1: none */
  uint64_t lost;
} DcTraceCpu;

struct DcTracepoint {
  DcTracepointInfo info;
  DcGuard *guard;
  char *name, *path;
  struct tracefs_instance *instance;
  struct tep_handle *tep;
  struct kbuffer *kbuffer;
  GHashTable *reasons; /* number to name; the names belong to tep */
  DcTraceFormat drop, receive, enqueue, consume;
  int common_type_offset, common_type_size;
  DcTraceCpu *cpus;
  size_t page_size;
  int on_fd; /* tracing_on, -1: none */

  /* The thread's own. */
  uint8_t *page;
  struct pollfd *wait;
  DcTraceEvent *pending;
  size_t pending_count;
  DcSkbTable *table;
  int64_t offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
  int64_t until_ns;  /* after the stop: drops later than this belong to no frame that is wanted */
  bool wanted;       /* this round brought an event from before that */
  int64_t last_stats_ns;
  int64_t off_ns; /* since when somebody else has turned our tracing off; 0: it is on */
  DcTracepointStats stats;
};
