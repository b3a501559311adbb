/*
 * Receptions by skb address: which frame an skb was when it came in. Bounded: a
 * table of fixed size in which a newer reception takes the place of an older one. Private to the
 * tracepoint source. One owner thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t skb; /* 0: free */
  int64_t time_ns;
  int64_t enqueued_ns; /* set by the table; 0: did not go through the backlog */
  int64_t before_ns;   /* likewise: when a device of that name had received it before, and nobody freed it since */
  uint32_t len;
  char ifname[16];
} DcReception;

typedef struct DcSkbTable DcSkbTable;

DcSkbTable *dc_skb_table_new(void);
void dc_skb_table_free(DcSkbTable *table);

void dc_skb_table_received(DcSkbTable *table, const DcReception *reception);

/* The packet was put into a CPU's backlog at time_ns: its reception, which follows, remembers that. */
void dc_skb_table_enqueued(DcSkbTable *table, const DcReception *enqueued);

/* The skb was freed: its address means nothing any more. True with its reception, if that was at most
 * window_ns before time_ns. */
bool dc_skb_table_freed(DcSkbTable *table, uint64_t skb, int64_t time_ns, int64_t window_ns,
                        DcReception *ret_reception);
