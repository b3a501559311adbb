/*
 * The frames that may still be joined to a drop or an answer: a ring in order of
 * arrival, with hash chains from newest to oldest over what a drop can be found by.
 *
 * Leaving the ring costs nothing: chains end where a slot has left. Slots that can no
 * longer be joined are cut out of a chain when it is next walked, so that a flood of
 * identical frames costs as much per frame as any other traffic.
 */
#pragma once

#include "dropcorr/decode/normalise.h"
#include "dropcorr/model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  DC_CHAIN_EXACT, /* normalised headers */
  DC_CHAIN_LOOSE, /* protocol with TCP seq, ack and flags, or with IP id and length */
  DC_CHAIN_INNER, /* normalised headers of a tunnel's inner packet */
  DC_CHAIN_COUNT
} DcChain;

enum {
  DC_SLOT_JOINED = 1 << 0,   /* a drop is this frame's: no other may be */
  DC_SLOT_DECIDED = 1 << 1,  /* its verdict was given */
  DC_SLOT_CONSUMED = 1 << 2, /* freed after normal processing */
  DC_SLOT_SYN = 1 << 3,
  DC_SLOT_ANSWERED = 1 << 4, /* by something that answers this very frame */
  DC_SLOT_FRAGMENT = 1 << 5,
  DC_SLOT_NO_ANSWER_OWED = 1 << 6
};

typedef struct {
  uint64_t number;
  int64_t time_ns;
  DcBrief brief;
  uint64_t hash[DC_CHAIN_COUNT];  /* 0: not in that chain */
  uint32_t older[DC_CHAIN_COUNT]; /* next in chain, low 32 bits of its position */
  uint64_t bytes_at;              /* of the normalised bytes in the byte ring */
  uint16_t header_len, kept_len;
  uint16_t inner_header_len, inner_kept_len;
  uint16_t wire_len;
  uint16_t flags;
  uint32_t ip_id;
  uint32_t flow, flow_generation; /* index + 1 of the flow, 0 none */
  uint32_t end_seq;               /* TCP: sequence number after this segment */
  uint64_t attempt;               /* handshake id, 0 none */
  int64_t answer_ns;              /* -1 none */
  uint64_t consumed_by;           /* drop number */
  int64_t consumed_delay_ns;
  uint8_t refused_by, refused_type, refused_code;
  uint8_t echo; /* an echo request; echo_seq in ip_id's place */
  uint16_t echo_seq;
} DcSlot;

typedef struct DcWindow DcWindow;

DcWindow *dc_window_new(size_t max_slots);
/* Of an empty window: its next position. For tests of what happens after four billion frames. */
void dc_window_begin_at(DcWindow *window, uint64_t position);
void dc_window_free(DcWindow *window);

size_t dc_window_count(const DcWindow *window);
size_t dc_window_peak(const DcWindow *window);
bool dc_window_full(const DcWindow *window); /* at max_slots: the oldest has to leave before one is added */

/* A zeroed slot at the newest end; valid until the next add. */
DcSlot *dc_window_add(DcWindow *window, uint64_t *ret_position);
DcSlot *dc_window_oldest(DcWindow *window); /* NULL when empty */
void dc_window_remove_oldest(DcWindow *window);

/* By position; NULL when it has left. */
DcSlot *dc_window_at(DcWindow *window, uint64_t position);
uint64_t dc_window_begin(const DcWindow *window); /* position of the oldest */
uint64_t dc_window_end(const DcWindow *window);   /* one past the newest */

/* One past the newest slot of that time or earlier, found by halving: slots come by time, but for a little
 * disorder among CPUs, which is allowed for. After a backward step of the clock it may lie anywhere. */
uint64_t dc_window_until(const DcWindow *window, int64_t time_ns);

void dc_window_link(DcWindow *window, uint64_t position, DcChain chain, uint64_t hash);

/* Newest slot of the chain with this hash that is not JOINED, or the next older one after `position`.
 * NULL at the end of the chain. */
DcSlot *dc_window_find(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *ret_position);
DcSlot *dc_window_find_older(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *position);

/* Whether a JOINED slot with that hash was met lately (a second event of one packet). */
bool dc_window_was_joined(const DcWindow *window, uint64_t hash);
void dc_window_note_joined(DcWindow *window, uint64_t hash);

/* Normalised bytes of a slot. */
void dc_window_keep_bytes(DcWindow *window, DcSlot *slot, const DcNormal *normal, const DcNormal *inner);
const uint8_t *dc_window_bytes(const DcWindow *window, const DcSlot *slot, bool inner);
