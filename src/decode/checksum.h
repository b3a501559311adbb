/* The Internet checksum, RFC 1071: ones' complement sum of 16-bit words in network order. */
#pragma once

#include "decoder.h"

#include "dropcorr/base/word.h"

#include <string.h>

/* Adds len bytes to sum. Pieces but the last must be of even length. */
uint64_t dc_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len);

/* What is carried out of a sum is counted, to be added in again (RFC 1071, 2 A). */
static inline void dc_checksum_count(uint64_t *sum, uint64_t *carries, uint64_t word)
{
  *sum += word;
  *carries += *sum < word;
}

/* The same of words as the host reads them: sums fold to the same, with bytes swapped on a little-endian one (2 B). Two
 * sums that do not wait for each other, and a count of carries for each place: GCC makes an addition and one with carry
 * of each word then; of a wider type it makes three times as many instructions. */
static inline uint64_t dc_checksum_words(uint64_t sum, const uint8_t *bytes, size_t len)
{
  uint64_t even = sum, odd = 0, first = 0, second = 0, third = 0, fourth = 0;
  const uint8_t *at = bytes;
  size_t left = len;
  for (; left >= 32; left -= 32, at += 32) {
    dc_checksum_count(&even, &first, dc_word64(at));
    dc_checksum_count(&odd, &second, dc_word64(at + 8));
    dc_checksum_count(&even, &third, dc_word64(at + 16));
    dc_checksum_count(&odd, &fourth, dc_word64(at + 24));
  }
  if (left >= 16) {
    dc_checksum_count(&even, &first, dc_word64(at));
    dc_checksum_count(&odd, &second, dc_word64(at + 8));
    left -= 16;
    at += 16;
  }
  if (left >= 8) {
    dc_checksum_count(&even, &third, dc_word64(at));
    left -= 8;
    at += 8;
  }
  if (left > 0) {
    /* As if zeros followed. */
    uint64_t last = 0;
    if (len < 8) {
      memcpy(&last, at, left);
    } else {
      /* With what comes before, which was summed already. */
      const unsigned summed = (unsigned)(8 - left) * 8;
      last = dc_word64(at + left - 8);
      last = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? last >> summed : last << summed;
    }
    dc_checksum_count(&odd, &fourth, last);
  }
  dc_checksum_count(&even, &first, odd);
  const uint64_t carries = first + second + third + fourth;
  even += carries;
  return even + (even < carries);
}

/* Into 16 bits; 0xffff over bytes that include a right checksum. */
static inline uint16_t dc_checksum_fold(uint64_t sum)
{
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

/* Whether a sum over bytes that include the checksum folds to 0xffff: 65536 is 1 modulo 65535, and so folding does not
 * change what is left of a division by it. In either order. */
static inline bool dc_checksum_is_good(uint64_t sum)
{
  return sum != 0 && sum % 0xffff == 0;
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
