/*
 * IP datagrams in pieces: which fragments belong together, and whether the datagram
 * ever became whole. A fragment's verdict waits here, beyond the frames' window, until
 * the kernel's own reassembly timeout would have passed.
 */
#pragma once

#include "dropcorr/model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DC_FRAGMENT_PIECES_MAX 64

typedef struct {
  uint8_t src[16], dst[16];
  uint32_t id;
  uint8_t version, protocol;
  uint8_t spare[2];
} DcDatagramKey;

typedef struct DcFragments DcFragments;

/* What a fragment's waiting verdict ends as. */
typedef void (*DcFragmentDecide)(DcFrameVerdict *verdict, bool incomplete, void *data);

DcFragments *dc_fragments_new(int64_t timeout_ns, size_t max_datagrams, DcFragmentDecide decide, void *data);
void dc_fragments_free(DcFragments *fragments);

void dc_datagram_key(DcDatagramKey *key, const DcPacket *packet);
/* The same of a frame that is kept: id is its slot's. */
void dc_datagram_key_of_frame(DcDatagramKey *key, const DcFlowKey *flow, uint32_t id);

/* A fragment was seen; position: its window position. */
void dc_fragments_add(DcFragments *fragments, const DcPacket *packet, uint64_t position, int64_t time_ns);

typedef enum { DC_DATAGRAM_UNKNOWN, DC_DATAGRAM_PARTIAL, DC_DATAGRAM_WHOLE } DcDatagramState;
DcDatagramState dc_fragments_state(const DcFragments *fragments, const DcDatagramKey *key);

/* The fragment's frame leaves the window undecided while its datagram is PARTIAL: keeps a copy. */
void dc_fragments_wait(DcFragments *fragments, const DcDatagramKey *key, const DcFrameVerdict *verdict);

/* This very fragment was dropped before it could be put together with the others. */
void dc_fragments_lose(DcFragments *fragments, const DcDatagramKey *key, uint64_t position);

/* Whether another copy of this fragment was seen, which has not been lost. */
bool dc_fragments_has_copy(const DcFragments *fragments, const DcPacket *packet, uint64_t position);

/* Whether the fragment at that position was seen twice, of whatever datagram. */
bool dc_fragments_was_copied(const DcFragments *fragments, uint64_t position);

/*
 * The datagram that a packet dropped at time_ns was put together from, of those complete since from_ns: told once for
 * each. IPv4 keeps the identification; IPv6 takes it off with the fragment header, then addresses, protocol, ports and
 * length must do, newest first. False also where two would do that were complete within alike_ns.
 */
bool dc_fragments_find_whole(DcFragments *fragments, const DcPacket *whole, int64_t from_ns, int64_t time_ns,
                             int64_t alike_ns, DcDatagramKey *ret_key);

/* A datagram of which a fragment came in within within_ns of time_ns, or of wait_ns before that: the nearest, if it is
 * clearly the nearest. For drops without bytes, whose packet's reception is known. */
bool dc_fragments_find_received(const DcFragments *fragments, int64_t time_ns, int64_t wait_ns, int64_t within_ns,
                                DcDatagramKey *ret_key);

/* Whether the frame at that position is the fragment of its datagram that came last. */
bool dc_fragments_is_last(const DcFragments *fragments, const DcDatagramKey *key, uint64_t position);

/* Its loss is told: all its fragments are given to a drop. */
void dc_fragments_note_dropped(DcFragments *fragments, const DcDatagramKey *key);
bool dc_fragments_was_dropped(const DcFragments *fragments, const DcDatagramKey *key);

/* The ports that only its first fragment shows; false when that was not seen. */
bool dc_fragments_ports(const DcFragments *fragments, const DcDatagramKey *key, uint16_t *ret_src, uint16_t *ret_dst);

/* Window positions of a datagram's fragments; returns how many were written. */
size_t dc_fragments_positions(const DcFragments *fragments, const DcDatagramKey *key, uint64_t *positions, size_t max);

/* Takes the waiting verdicts of a datagram (a drop is theirs): calls take for each. Returns how many. */
size_t dc_fragments_take(DcFragments *fragments, const DcDatagramKey *key,
                         void (*take)(DcFrameVerdict *verdict, void *data), void *data);

void dc_fragments_expire(DcFragments *fragments, int64_t now_ns);
void dc_fragments_finish(DcFragments *fragments);
uint64_t dc_fragments_evicted(const DcFragments *fragments);
