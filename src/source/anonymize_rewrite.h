/*
 * A packet being rewritten: shared by anonymize_packet.c (link, network, checksums) and anonymize_transport.c
 * (what is above IP).
 */
#pragma once

#include "anonymize_private.h"

#include "dropcorr/base/cursor.h"

#include <string.h>

typedef struct {
  DcAnonymizer *anonymizer;
  DcCursor original; /* the whole packet as it was */
  uint8_t *bytes;    /* the copy, without its payload */
  uint32_t len;      /* of the copy */
} DcRewrite;

/* n bytes of the copy at an offset, NULL when it ends before. */
static inline uint8_t *dc_rewrite_at(const DcRewrite *rewrite, uint64_t offset, uint32_t n)
{
  return offset + n <= rewrite->len ? rewrite->bytes + offset : NULL;
}

static inline uint16_t dc_rewrite_get16(const uint8_t *bytes)
{
  return (uint16_t)((unsigned)bytes[0] << 8 | bytes[1]);
}

static inline void dc_rewrite_put16(uint8_t *bytes, uint16_t value)
{
  bytes[0] = (uint8_t)(value >> 8);
  bytes[1] = (uint8_t)value;
}

/* The option at *from or behind padding there, kind and length first, as IPv4 (RFC 791) and TCP (RFC 9293) have them;
 * NULL: no more. Its length is at least 2 and ends within `end`. */
static inline const uint8_t *dc_rewrite_option(const DcRewrite *rewrite, uint64_t *from, uint64_t end)
{
  enum { END = 0, NOP = 1 };
  for (; *from + 2 <= end; (*from)++) {
    const uint8_t *option = dc_rewrite_at(rewrite, *from, 2);
    if (option == NULL || option[0] == END)
      return NULL;
    if (option[0] != NOP)
      return option[1] < 2 || *from + option[1] > end ? NULL : option;
  }
  return NULL;
}

/* Addresses in place; what the copy's end cuts in the middle is zeroed. */
void dc_rewrite_addr(const DcRewrite *rewrite, uint64_t offset, uint8_t version);
void dc_rewrite_mac(const DcRewrite *rewrite, uint64_t offset);

/* Zeros between two offsets, as far as the copy goes. */
void dc_rewrite_clear(const DcRewrite *rewrite, uint64_t from, uint64_t end);

/* An IP header at an offset, as far as its addresses go; how long it is, 0: it is none. */
uint32_t dc_rewrite_ip_header(const DcRewrite *rewrite, uint64_t offset);

/* The field of a checksum over a span of the copy follows what changed in it since the original. */
void dc_rewrite_move_checksum(const DcRewrite *rewrite, uint64_t from, uint32_t len, uint64_t field);

/* What lies above IP, without its checksum. */
void dc_rewrite_transport(const DcRewrite *rewrite, const DcPacket *packet);
