/*
 * The state of one dc_decode_packet() call, shared by the files that decode a layer
 * each. Packets go down through them: link.c -> network.c -> transport.c / icmp.c.
 */
#pragma once

#include "dropcorr/base/cursor.h"
#include "dropcorr/model/packet.h"

#include <string.h>

typedef struct {
  DcCursor cursor; /* over what was captured; a network header narrows it to its own packet */
  uint64_t end;    /* where the packet ends on the wire, as its innermost header says */
  bool checksums;
  DcPacket *packet;
} DcDecoder;

static inline uint32_t dc_decoder_offset(const DcDecoder *decoder)
{
  return (uint32_t)decoder->cursor.pos;
}

/* All of it: cheaper than reasoning about what may stay, and equal packets have equal
 * representations. In pieces, because GCC makes one memset() of this size a "rep stos",
 * three times as slow. */
static inline __attribute__((always_inline)) void dc_decoder_clear(DcPacket *packet)
{
  enum { PIECE = 64, PIECES = sizeof *packet / PIECE };
  uint8_t *bytes = (uint8_t *)packet;
  for (int i = 0; i < PIECES; i++)
    memset(bytes + i * PIECE, 0, PIECE);
  memset(bytes + PIECES * PIECE, 0, sizeof *packet % PIECE);
}

/* The first trouble found is the one reported. */
static inline void dc_decoder_note(DcDecoder *decoder, DcDecodeStatus status)
{
  if (decoder->packet->status == DC_DECODE_OK || decoder->packet->status == DC_DECODE_UNKNOWN)
    decoder->packet->status = (uint8_t)status;
}

/* A header does not fit: because the capture cut it, or because the packet itself is too short. */
static inline void dc_decoder_note_short(DcDecoder *decoder)
{
  dc_decoder_note(decoder, decoder->cursor.len < decoder->end ? DC_DECODE_SHORT : DC_DECODE_MALFORMED);
}

/* Bytes from here to the packet's end on the wire. */
static inline uint64_t dc_decoder_wire_left(const DcDecoder *decoder)
{
  return decoder->end > decoder->cursor.pos ? decoder->end - decoder->cursor.pos : 0;
}

/* The usual packets in one pass. False: it is none of them, and nothing was written; dc_decode_layers() makes the same
 * of those it decodes. */
bool dc_decode_plain(const uint8_t *bytes, uint32_t caplen, uint32_t len, bool checksums, DcPacket *packet);

/* Any packet, layer by layer. */
void dc_decode_layers(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, bool checksums,
                      DcPacket *ret_packet);

void dc_decode_ethernet(DcDecoder *decoder);
void dc_decode_sll(DcDecoder *decoder);
void dc_decode_sll2(DcDecoder *decoder);
void dc_decode_null(DcDecoder *decoder);
void dc_decode_raw(DcDecoder *decoder);

void dc_decode_arp(DcDecoder *decoder);
void dc_decode_ipv4(DcDecoder *decoder);
void dc_decode_ipv6(DcDecoder *decoder);

void dc_decode_transport(DcDecoder *decoder);
/* Between TCP's fixed header and its end. */
void dc_decode_tcp_options(DcPacket *packet, DcCursor options);
bool dc_decode_is_vxlan_port(uint16_t port);
void dc_decode_icmp(DcDecoder *decoder);
void dc_decode_icmpv6(DcDecoder *decoder);

/* The chain of headers behind an IPv6 header, up to the first that is no extension header. */
typedef struct {
  uint8_t protocol;
  bool has_extension; /* any but a fragment header */
  bool has_fragment;
  uint16_t fragment_offset; /* bytes */
  bool fragment_more;
  uint32_t fragment_id;
  bool has_route; /* a routing header with segments left: the destination is not the last one */
  uint32_t jumbo; /* jumbo payload length, 0 none */
  DcDecodeStatus status;
} DcIpv6Chain;

/* From behind the fixed header; protocol is its next header. Stops behind a fragment
 * header that is not the first fragment's. */
void dc_decode_ipv6_chain(DcCursor *cursor, uint8_t protocol, DcIpv6Chain *chain);
