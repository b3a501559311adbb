#include "checksum.h"

uint64_t dc_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
  const uint16_t folded = dc_checksum_fold(dc_checksum_words(0, bytes, len));
  return sum + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(folded) : folded);
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
