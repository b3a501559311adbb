/*
 * Receptions by skb address: which frame an skb was when it came in. Bounded: a
 * table of fixed size in which a newer reception takes the place of an older one, and the last receptions in
 * their order. Private to the tracepoint source and the readers of its logs. One owner thread.
 */
#pragma once

#include "dropcorr/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t skb; /* 0: free */
  int64_t time_ns;
  int64_t enqueued_ns; /* set by the table; 0: did not go through the backlog */
  int64_t before_ns;   /* likewise: when a device of that name had received it before, and nobody freed it since */
  uint64_t journey;    /* set by the table: the same while nobody freed the packet */
  int64_t rival_before_ns, rival_after_ns; /* set when it is freed: to the nearest other receptions of that length */
  uint32_t len;
  char ifname[16];
} DcReception;

/* Rivals farther away do not matter: no frame is looked for there. */
#define DC_RIVAL_NS DC_NS_PER_MS

/* IPv6 gives fragments up after 60 s (net.ipv6.ip6frag_time). */
#define DC_RECEPTION_NS_MAX (65 * DC_NS_PER_S)

typedef struct DcSkbTable DcSkbTable;

DcSkbTable *dc_skb_table_new(void);
void dc_skb_table_free(DcSkbTable *table);

void dc_skb_table_received(DcSkbTable *table, const DcReception *reception);

/* The packet was put into a CPU's backlog at time_ns: its reception, which follows, remembers that. */
void dc_skb_table_enqueued(DcSkbTable *table, const DcReception *enqueued);

/* The skb was freed: its address means nothing any more. True with its reception, if that was at most
 * window_ns before time_ns. */
/* How long before it was freed by what is named a packet may have come in: usual_ns, but for fragments given up after
 * their time, which nobody else had in between. */
int64_t dc_reception_window_ns(const char *symbol, const char *reason, int64_t usual_ns);

/* When a frame of that packet was stamped. */
int64_t dc_reception_stamp(const DcReception *reception);

bool dc_skb_table_freed(DcSkbTable *table, uint64_t skb, int64_t time_ns, int64_t window_ns,
                        DcReception *ret_reception);
