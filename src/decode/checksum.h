/* The Internet checksum, RFC 1071: ones' complement sum of 16-bit words in network order. */
#pragma once

#include "decoder.h"

/* Adds len bytes to sum. Pieces but the last must be of even length. */
uint64_t dc_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len);

/* Into 16 bits; 0xffff over bytes that include a right checksum. */
static inline uint16_t dc_checksum_fold(uint64_t sum)
{
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

/* Of addresses, protocol and upper-layer length (RFC 9293 3.1, RFC 8200 8.1). */
uint64_t dc_checksum_pseudo(const DcPacket *packet, uint8_t protocol, uint32_t len);

/* What a sum over all that the checksum covers says of it. pseudo: sum of the pseudo-header, 0 for none (ICMP); field:
 * what stands in the packet. */
DcChecksum dc_checksum_of_sum(uint64_t sum, uint64_t pseudo, uint16_t field);

/*
 * Judges the checksum `field` of the L4 packet at packet->l4_offset, whose sum covers
 * `covered` bytes. UNKNOWN unless checksums are wanted and every covered byte is here.
 */
DcChecksum dc_checksum_judge(const DcDecoder *decoder, uint64_t covered, uint64_t pseudo, uint16_t field);
