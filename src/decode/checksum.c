#include "checksum.h"

#include <string.h>

static inline uint64_t load64(const uint8_t *at)
{
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

/* Words are summed as the host reads them; swapping the bytes of the result gives the sum in network order (RFC 1071,
 * 2 B). Words may be wider than 16 bits as long as what is carried out of them is added in again (2 A): the upper
 * halves of the sums count the carries. */
static uint16_t sum_host(DcCursor cursor)
{
  unsigned __int128 even = 0, odd = 0;
  const uint8_t *block;
  while (dc_cursor_left(&cursor) >= 16 && (block = dc_cursor_bytes(&cursor, 16)) != NULL) {
    even += load64(block);
    odd += load64(block + 8);
  }
  even += odd;
  uint64_t rest = 0;
  if (dc_cursor_left(&cursor) >= 8)
    even += dc_cursor_host64(&cursor);
  if (dc_cursor_left(&cursor) >= 4)
    rest += dc_cursor_host32(&cursor);
  if (dc_cursor_left(&cursor) >= 2)
    rest += dc_cursor_host16(&cursor);
  const uint64_t low = (uint64_t)even;
  rest += (low & 0xffffffff) + (low >> 32) + (uint64_t)(even >> 64);
  return dc_checksum_fold(rest);
}

uint64_t dc_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
  const size_t paired = len & ~(size_t)1;
  uint16_t folded = sum_host(dc_cursor(bytes, paired));
  if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
    folded = __builtin_bswap16(folded);
  sum += folded;
  if (paired < len) {
    DcCursor last = dc_cursor(bytes, len);
    (void)dc_cursor_skip(&last, paired);
    sum += (uint64_t)dc_cursor_u8(&last) << 8;
  }
  return sum;
}

uint64_t dc_checksum_pseudo(const DcPacket *packet, uint8_t protocol, uint32_t len)
{
  const size_t address_len = packet->src.version == 4 ? 4 : 16;
  uint64_t sum = dc_checksum_add(0, packet->src.bytes, address_len);
  sum = dc_checksum_add(sum, packet->dst.bytes, address_len);
  return sum + protocol + (len >> 16) + (len & 0xffff);
}

DcChecksum dc_checksum_of_sum(uint64_t sum, uint64_t pseudo, uint16_t field)
{
  if (dc_checksum_fold(sum) == 0xffff)
    return DC_CHECKSUM_GOOD;
  /* Linux leaves the pseudo-header's sum in the field for the NIC to add the rest
   * (CHECKSUM_PARTIAL), and so do segments bundled by GRO. */
  if (pseudo != 0 && field == dc_checksum_fold(pseudo))
    return DC_CHECKSUM_PARTIAL;
  return DC_CHECKSUM_BAD;
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
  return dc_checksum_of_sum(dc_checksum_add(pseudo, bytes, (size_t)covered), pseudo, field);
}
