/*
 * What a frame is found by, and what is kept of it while it may be asked for: made of the frame alone, so that a
 * thread other than the correlator's can make it. The correlator makes what is not there.
 */
#pragma once

#include "dropcorr/correlate/asked.h"
#include "dropcorr/model/event.h"

#include <stdbool.h>
#include <stdint.h>

/* Of the normalised bytes so many are kept at most, headers included. */
#define DC_FRAME_KEPT_MAX 128

/* A packed brief, and twice (the packet, and a tunnel's inner one) lengths, hashes, a link and the kept payload. */
#define DC_FRAME_RECORD_MAX (112 + 2 * (10 + DC_FRAME_KEPT_MAX) + 12)

typedef struct DcFrameKeys DcFrameKeys;

struct DcFrameKeys {
  uint64_t exact;   /* hash of the normalised headers and the first of the payload; 0: nothing to find it by */
  uint64_t inner;   /* the same of a tunnel's inner packet */
  uint32_t loose;   /* hash of what rewriting leaves; 0 none */
  uint32_t flow;    /* dc_flow_hash() of a packet with ports */
  uint32_t end_seq; /* TCP: sequence number after the segment; an echo request's sequence number */
  uint32_t ip_id;
  uint16_t flags; /* DC_SLOT_*: what the window knows of the frame from the start */
  uint16_t ethertype, dst_port;
  uint16_t record_len;
  uint8_t protocol;
  uint8_t brief_len;
  bool cut;     /* exact or inner is of headers alone: the rest was cut off */
  bool unasked; /* no drop asks for it */
  uint8_t record[DC_FRAME_RECORD_MAX];
};

/* frame->packet must be decoded. drops: there are some, and this frame may be asked for; else only the brief is kept.
 */
void dc_frame_keys_make(DcFrameKeys *keys, const DcFrame *frame, bool drops);

/* False: it is a packet of a usual kind, which no drop asks for. asked: NULL: any frame may be. */
bool dc_frame_is_asked(const DcFrame *frame, bool drops, const DcAsked *asked);
/* The same as dc_frame_keys_make(), in less time for one that is not; is_asked: dc_frame_is_asked(). True: the packet
 * is of a usual kind (DC_PACKET_USUAL). */
bool dc_frame_keys_make_asked(DcFrameKeys *keys, const DcFrame *frame, bool drops, bool is_asked);
