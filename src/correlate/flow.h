/*
 * What this host has said in each flow: enough to tell, when a frame's time is over,
 * whether something answered it. Flows are keyed as the inbound direction carries them
 * (source = the peer). Idle ones leave; an open SYN attempt keeps its flow longer.
 *
 * A lookup touches one cache line of the table and one of the flow.
 */
#pragma once

#include "brief_record.h"

#include "dropcorr/model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint64_t frame; /* number */
  int64_t time_ns;
  uint32_t tsval;
} DcSyn;

#define DC_SYNS_HERE 2 /* most attempts need no more; the others allocate */

/* A SYN attempt while it is open: what dc_attempt_tell() makes a DcHandshake of. */
typedef struct {
  uint64_t id;
  uint64_t syn_position; /* in the window, of the last SYN */
  int64_t last_ns;       /* of the last SYN */
  int64_t answer_ns;     /* answer minus the SYN it answers, -1 none */
  uint64_t answer_frame;
  int64_t answer_time_ns;
  uint64_t icmp_error_frame;
  uint64_t established_frame;
  int64_t established_ns;
  DcSyn here[DC_SYNS_HERE];
  DcSyn *more;        /* those after the first two, DC_HANDSHAKE_FRAMES_MAX - 2 of them; NULL none */
  uint32_t open_syns; /* SYN frames whose verdict was not given yet */
  uint32_t isn, syns, dropped, unanswered, synacks;
  uint32_t answer_tsval;
  bool has_tsval, established, has_answer_tsval;
  uint8_t refused_by, refused_type, refused_code;
  uint8_t icmp_error_type, icmp_error_code;
  uint8_t brief[DC_BRIEF_RECORD_MAX]; /* packed: of the first SYN; last */
} DcAttempt;

/* Two cache lines: by the first it is found, the second tells what became of its frames. */
typedef struct {
  DcFlowKey key;
  uint32_t self;                 /* index + 1 */
  uint32_t idle_prev, idle_next; /* index + 1 */
  int64_t linked_ns;             /* when it was put at the end of its list */

  uint32_t generation;
  uint32_t local_ack; /* highest acknowledgement this host sent */
  bool in_use : 1;
  bool out_seen : 1;
  bool out_plain_ack : 1; /* this host's ordinary ACKs are visible in this capture */
  bool zero_window : 1;   /* this host's last advertised window was 0 */
  bool has_local_ack : 1;
  bool peer_acked : 1; /* the peer has acknowledged this host's SYN-ACK, */
  bool unheard : 1;    /* which this host repeats all the same: it has not taken the acknowledgement */
  uint8_t list;        /* of idle flows */
  uint8_t refused_by;
  uint8_t refused_type, refused_code;
  uint16_t echo_newest; /* echo replies: newest sequence and a bit for each of the 64 before */
  int64_t last_ns;
  int64_t last_out_ns; /* DC_TIME_NONE: nothing was sent yet */
  union {
    int64_t ack_ns;     /* TCP: when local_ack was reached */
    uint64_t echo_seen; /* echo */
  };
  int64_t refused_from_ns, refused_ns; /* what came in between was refused; refused_ns may be DC_TIME_NONE */
  DcAttempt *attempt;
} DcFlow;

typedef struct DcFlows DcFlows;

DcFlows *dc_flows_new(size_t max_flows);
void dc_flows_free(DcFlows *flows);

/* In one piece, as keys are compared: a load of what was stored in smaller pieces waits until all that was stored
 * before has reached the cache. */
static inline void dc_flow_key_set_kind(DcFlowKey *key, uint16_t ethertype, uint8_t version, uint8_t protocol)
{
  _Static_assert(sizeof(DcFlowKey) - offsetof(DcFlowKey, ethertype) == 8, "the rest of a key is a word");
  const uint64_t kind = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
                            ? (uint64_t)ethertype | (uint64_t)version << 16 | (uint64_t)protocol << 24
                            : (uint64_t)ethertype << 48 | (uint64_t)version << 40 | (uint64_t)protocol << 32;
  memcpy(&key->ethertype, &kind, sizeof kind);
}

/* The same for both directions of a flow. */
uint32_t dc_flow_hash(const DcFlowKey *key);
/* Of the key that a packet with ports has. */
uint32_t dc_flow_hash_of(const DcPacket *packet);

/* Brings into the cache what a lookup begins with; what it most likely finds. The second reads what the first brings.
 */
void dc_flows_prefetch(const DcFlows *flows, uint32_t hash);
void dc_flows_prefetch_first(const DcFlows *flows, uint32_t hash);
/* Brings into the cache what tells what became of the flow's frames. */
void dc_flows_prefetch_at(const DcFlows *flows, uint32_t index_plus_1);

/* NULL when there is none. hash is the key's. Flows stay where they are while they live. */
DcFlow *dc_flows_find(DcFlows *flows, const DcFlowKey *key, uint32_t hash);

/* Finds or makes. When the table is full the longest idle flow is handed to `evict` first. */
typedef void (*DcFlowEvict)(DcFlow *flow, void *data);
DcFlow *dc_flows_get(DcFlows *flows, const DcFlowKey *key, uint32_t hash, int64_t now_ns, DcFlowEvict evict,
                     void *data);

uint32_t dc_flows_index(const DcFlows *flows, const DcFlow *flow);               /* index + 1 */
DcFlow *dc_flows_at(DcFlows *flows, uint32_t index_plus_1, uint32_t generation); /* NULL: gone */

void dc_flows_touch(DcFlows *flows, DcFlow *flow, int64_t now_ns);

/* Makes room for another attempt: the flow whose attempt is idle for longest goes through `evict`. */
void dc_flows_evict_attempt(DcFlows *flows, DcFlowEvict evict, void *data);

/* How long flows are kept that nothing is heard of. */
typedef struct {
  int64_t attempt_ns; /* with an open attempt */
  int64_t tcp_ns;     /* of TCP without */
  int64_t other_ns;
} DcFlowLimits;

/* Flows idle for longer go through `evict`. */
void dc_flows_expire(DcFlows *flows, int64_t now_ns, const DcFlowLimits *limits, DcFlowEvict evict, void *data);
void dc_flows_clear(DcFlows *flows, DcFlowEvict evict, void *data);

/* Attaches a new attempt to a flow; detaches and frees it. */
DcAttempt *dc_flows_open_attempt(DcFlows *flows, DcFlow *flow, const uint8_t *record, DcDirection direction);
void dc_flows_close_attempt(DcFlows *flows, DcFlow *flow);
/* Detaches it only: the caller frees it. */
DcAttempt *dc_flows_take_attempt(DcFlows *flows, DcFlow *flow);

void dc_flows_free_attempt(DcFlows *flows, DcAttempt *attempt); /* NULL is allowed */

void dc_attempt_add_syn(DcAttempt *attempt, const DcSyn *syn);
/* All of it but the outcome. */
void dc_attempt_tell(const DcAttempt *attempt, DcHandshake *ret_handshake);

size_t dc_flows_count(const DcFlows *flows);
size_t dc_flows_peak(const DcFlows *flows);
size_t dc_flows_attempts(const DcFlows *flows);
uint64_t dc_flows_evicted(const DcFlows *flows); /* pushed out by the limit */
