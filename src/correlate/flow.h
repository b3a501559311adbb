/*
 * What this host has said in each flow: enough to tell, when a frame's time is over,
 * whether something answered it. Flows are keyed as the inbound direction carries them
 * (source = the peer). Idle ones leave; an open SYN attempt keeps its flow longer.
 */
#pragma once

#include "dropcorr/model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  DcHandshake info;
  uint64_t syn_positions[2]; /* window positions of the last SYNs, newest first; 0 none */
  uint32_t open_syns;        /* SYN frames whose verdict was not given yet */
  int64_t refused_ns;
  bool over; /* no further SYN can belong to it */
} DcAttempt;

typedef struct {
  DcFlowKey key;
  uint32_t next; /* in the hash bucket; index + 1 */
  uint32_t idle_prev, idle_next;
  uint32_t generation;
  bool in_use;
  bool out_seen;
  bool out_plain_ack; /* this host's ordinary ACKs are visible in this capture */
  bool zero_window;   /* this host's last advertised window was 0 */
  bool has_local_ack;
  bool peer_acked; /* the peer has acknowledged this host's SYN-ACK, */
  bool unheard;    /* which this host repeats all the same: it has not taken the acknowledgement */
  uint8_t refused_by, refused_type, refused_code;
  uint32_t local_ack; /* highest acknowledgement this host sent */
  int64_t last_ns;
  int64_t last_out_ns;                 /* DC_TIME_NONE: nothing was sent yet */
  int64_t ack_ns;                      /* when local_ack was reached */
  int64_t refused_from_ns, refused_ns; /* what came in between was refused; refused_ns may be DC_TIME_NONE */
  uint16_t echo_newest;                /* echo replies: newest sequence and a bit for each of the 64 before */
  uint64_t echo_seen;
  DcAttempt *attempt;
} DcFlow;

typedef struct DcFlows DcFlows;

DcFlows *dc_flows_new(size_t max_flows);
void dc_flows_free(DcFlows *flows);

/* NULL when there is none. Pointers are valid until the next dc_flows_get(). */
DcFlow *dc_flows_find(DcFlows *flows, const DcFlowKey *key);

/* Finds or makes. When the table is full the longest idle flow is handed to `evict` first. */
typedef void (*DcFlowEvict)(DcFlow *flow, void *data);
DcFlow *dc_flows_get(DcFlows *flows, const DcFlowKey *key, int64_t now_ns, DcFlowEvict evict, void *data);

uint32_t dc_flows_index(const DcFlows *flows, const DcFlow *flow);               /* index + 1 */
DcFlow *dc_flows_at(DcFlows *flows, uint32_t index_plus_1, uint32_t generation); /* NULL: gone */

void dc_flows_touch(DcFlows *flows, DcFlow *flow, int64_t now_ns);

/* Makes room for another attempt: the flow whose attempt is idle for longest goes through `evict`. */
void dc_flows_evict_attempt(DcFlows *flows, DcFlowEvict evict, void *data);

/* Flows idle for longer than idle_ns (attempt_idle_ns with an open attempt) go through `evict`. */
void dc_flows_expire(DcFlows *flows, int64_t now_ns, int64_t idle_ns, int64_t attempt_idle_ns, DcFlowEvict evict,
                     void *data);
void dc_flows_clear(DcFlows *flows, DcFlowEvict evict, void *data);

/* Attaches a new attempt to a flow; detaches and frees it. */
DcAttempt *dc_flows_open_attempt(DcFlows *flows, DcFlow *flow);
void dc_flows_close_attempt(DcFlows *flows, DcFlow *flow);

size_t dc_flows_count(const DcFlows *flows);
size_t dc_flows_peak(const DcFlows *flows);
size_t dc_flows_attempts(const DcFlows *flows);
uint64_t dc_flows_evicted(const DcFlows *flows); /* pushed out by the limit */
