#include "checksum.h"

#include <string.h>

/* Words are summed as the host reads them; swapping the bytes of the result gives the sum in
 * network order (RFC 1071, 2 B). A 64-bit sum holds 2^32 such words before it could overflow. */
uint64_t dc_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
  DcCursor cursor = dc_cursor(bytes, len);
  uint64_t host = 0;
  const uint8_t *block;
  while (dc_cursor_left(&cursor) >= 16 && (block = dc_cursor_bytes(&cursor, 16)) != NULL) {
    uint32_t words[4];
    memcpy(words, block, sizeof words);
    host += (uint64_t)words[0] + words[1] + words[2] + words[3];
  }
  while (dc_cursor_left(&cursor) >= 2)
    host += dc_cursor_host16(&cursor);
  uint16_t folded = dc_checksum_fold(host);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  folded = __builtin_bswap16(folded);
#endif
  sum += folded;
  if (dc_cursor_left(&cursor) > 0)
    sum += (uint64_t)dc_cursor_u8(&cursor) << 8;
  return sum;
}

uint16_t dc_checksum_fold(uint64_t sum)
{
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

uint64_t dc_checksum_pseudo(const DcPacket *packet, uint8_t protocol, uint32_t len)
{
  const size_t address_len = packet->src.version == 4 ? 4 : 16;
  uint64_t sum = dc_checksum_add(0, packet->src.bytes, address_len);
  sum = dc_checksum_add(sum, packet->dst.bytes, address_len);
  return sum + protocol + (len >> 16) + (len & 0xffff);
}

DcChecksum dc_checksum_judge(const DcDecoder *decoder, uint64_t covered, uint64_t pseudo, uint16_t field)
{
  const DcPacket *packet = decoder->packet;
  if (!decoder->checksums || (packet->has & DC_HAS_FRAGMENT))
    return DC_CHECKSUM_UNKNOWN;
  DcCursor cursor = decoder->cursor;
  cursor.pos = packet->l4_offset;
  const uint8_t *bytes = covered <= decoder->cursor.len ? dc_cursor_bytes(&cursor, (size_t)covered) : NULL;
  if (bytes == NULL)
    return DC_CHECKSUM_UNKNOWN;
  if (dc_checksum_fold(dc_checksum_add(pseudo, bytes, (size_t)covered)) == 0xffff)
    return DC_CHECKSUM_GOOD;
  /* Linux leaves the pseudo-header's sum in the field for the NIC to add the rest
   * (CHECKSUM_PARTIAL), and so do segments bundled by GRO. */
  if (pseudo != 0 && field == dc_checksum_fold(pseudo))
    return DC_CHECKSUM_PARTIAL;
  return DC_CHECKSUM_BAD;
}
