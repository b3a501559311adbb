/*
 * The frames that may still be joined to a drop or an answer: a ring in order of
 * arrival, with hash chains from newest to oldest over what a drop can be found by.
 *
 * A frame is a slot, which every frame's life goes through, and a record, which is read when somebody asks: the packed
 * brief and the payload that no hash covers (frame_keys.h). What few frames have is a note. All three are taken from
 * chunks in the order of arrival: memory is walked, not jumped through, and follows what is in the window.
 *
 * Leaving the ring costs nothing: chains end where a slot has left. Slots that can no
 * longer be joined are cut out of a chain when it is next walked, so that a flood of
 * identical frames costs as much per frame as any other traffic.
 */
#pragma once

#include "dropcorr/correlate/frame_keys.h"
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
  DC_SLOT_TCP = 1 << 6,
  DC_SLOT_TAKES_SEQUENCE = 1 << 7, /* TCP: and is no RST, so that an acknowledgement covers it */
  DC_SLOT_ECHO = 1 << 8,           /* an echo request; end_seq is its sequence number */
  DC_SLOT_KEPT = 1 << 9,           /* normalised bytes are kept */
  DC_SLOT_INNER = 1 << 10,         /* and a tunnel's inner packet's */
  DC_SLOT_IP = 1 << 11,
  DC_SLOT_PORTS = 1 << 12,
  DC_SLOT_VLAN = 1 << 13,
  DC_SLOT_RESET = 1 << 14,
  DC_SLOT_BARE = 1 << 15 /* no record: nobody will ask */
};

/* A cache line. */
typedef struct {
  uint64_t number;
  int64_t time_ns;
  uint32_t exact; /* short hash of its chain; 0: not in it */
  uint32_t loose;
  uint32_t older[2];              /* next in chain, low 32 bits of its position */
  uint32_t record_at;             /* low 32 bits of the record's place */
  uint32_t flow, flow_generation; /* index + 1 of the flow, 0 none */
  uint32_t end_seq;               /* TCP: sequence number after this segment */
  uint32_t note;                  /* index + 1, 0 none */
  uint32_t ip_id;
  uint16_t flags;
  uint16_t ethertype, dst_port;
  uint8_t protocol;
  uint8_t direction; /* DcDirection */
} DcSlot;

/* What few frames have. */
typedef struct {
  int64_t answer_ns;    /* -1 none */
  uint64_t attempt;     /* handshake id, 0 none */
  uint64_t consumed_by; /* drop number */
  int64_t consumed_delay_ns;
  uint8_t refused_by, refused_type, refused_code;
  uint32_t next_free;
} DcSlotNote;

typedef struct DcWindow DcWindow;

DcWindow *dc_window_new(size_t max_slots);
/* Of an empty window: its next position. For tests of what happens after four billion frames. */
void dc_window_begin_at(DcWindow *window, uint64_t position);
void dc_window_free(DcWindow *window);

size_t dc_window_count(const DcWindow *window);
size_t dc_window_peak(const DcWindow *window);
bool dc_window_full(const DcWindow *window); /* at max_slots: the oldest has to leave before one is added */

/* A slot at the newest end, with its record, findable by what the keys say; valid until it leaves. own: this host's:
 * of what is found by its headers these alone are compared, and the payload that is in the hash; of what no drop asks
 * for nothing is kept. */
DcSlot *dc_window_add(DcWindow *window, const DcFrameKeys *keys, bool own, uint64_t *ret_position);
/* The same of a light frame that came in and waits for an answer; record: its packed brief. It is found by nothing. */
DcSlot *dc_window_add_light(DcWindow *window, const DcLightFrame *light, const uint8_t *record, size_t len,
                            uint64_t *ret_position);
DcSlot *dc_window_oldest(DcWindow *window); /* NULL when empty */
void dc_window_remove_oldest(DcWindow *window);

/* By position; NULL when it has left. */
DcSlot *dc_window_at(DcWindow *window, uint64_t position);
uint64_t dc_window_begin(const DcWindow *window); /* position of the oldest */
uint64_t dc_window_end(const DcWindow *window);   /* one past the newest */

/* One past the newest slot of that time or earlier, found by halving: slots come by time, but for a little
 * disorder among CPUs, which is allowed for. After a backward step of the clock it may lie anywhere. */
uint64_t dc_window_until(const DcWindow *window, int64_t time_ns);

/* Newest slot of the chain with this hash that is not JOINED, or the next older one after `position`.
 * NULL at the end of the chain. */
DcSlot *dc_window_find(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *ret_position);
DcSlot *dc_window_find_older(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *position);

/* Whether a JOINED slot with that hash was met lately (a second event of one packet). */
bool dc_window_was_joined(const DcWindow *window, uint64_t hash);
void dc_window_note_joined(DcWindow *window, uint64_t hash);

/* Of a slot that is not BARE: its packed brief, whose direction is the slot's. */
const uint8_t *dc_window_record(const DcWindow *window, const DcSlot *slot);
void dc_window_brief(const DcWindow *window, const DcSlot *slot, DcBrief *ret_brief);

/* NULL: it has none. */
const DcSlotNote *dc_window_note(const DcWindow *window, const DcSlot *slot);
/* Makes it. Valid until the next is made. */
DcSlotNote *dc_window_make_note(DcWindow *window, DcSlot *slot);

/* Whether the headers are equal; and whether payload is too, as far as both have it. headers: dc_key_of_headers(). */
bool dc_window_same_headers(const DcWindow *window, const DcSlot *slot, bool inner, const DcNormal *normal,
                            uint64_t headers);
bool dc_window_same_bytes(const DcWindow *window, const DcSlot *slot, bool inner, const DcNormal *normal,
                          uint64_t headers);
