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

/* A fragment was seen; position: its window position. */
void dc_fragments_add(DcFragments *fragments, const DcPacket *packet, uint64_t position, int64_t time_ns);

typedef enum { DC_DATAGRAM_UNKNOWN, DC_DATAGRAM_PARTIAL, DC_DATAGRAM_WHOLE } DcDatagramState;
DcDatagramState dc_fragments_state(const DcFragments *fragments, const DcDatagramKey *key);

/* The fragment's frame leaves the window undecided while its datagram is PARTIAL: keeps a copy. */
void dc_fragments_wait(DcFragments *fragments, const DcDatagramKey *key, const DcFrameVerdict *verdict);

/* Window positions of a datagram's fragments; returns how many were written. */
size_t dc_fragments_positions(const DcFragments *fragments, const DcDatagramKey *key, uint64_t *positions, size_t max);

/* Takes the waiting verdicts of a datagram (a drop is theirs): calls take for each. Returns how many. */
size_t dc_fragments_take(DcFragments *fragments, const DcDatagramKey *key,
                         void (*take)(DcFrameVerdict *verdict, void *data), void *data);

void dc_fragments_expire(DcFragments *fragments, int64_t now_ns);
void dc_fragments_finish(DcFragments *fragments);
uint64_t dc_fragments_evicted(const DcFragments *fragments);
