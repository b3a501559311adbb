#include "dropcorr/decode/packet.h"

#include "decoder.h"

static void decode_from(DcDecoder *decoder, DcLink link)
{
  decoder->packet->link = (uint8_t)link;
  switch (link) {
  case DC_LINK_ETHERNET:
    dc_decode_ethernet(decoder);
    break;
  case DC_LINK_SLL:
    dc_decode_sll(decoder);
    break;
  case DC_LINK_SLL2:
    dc_decode_sll2(decoder);
    break;
  case DC_LINK_RAW:
    dc_decode_raw(decoder);
    break;
  case DC_LINK_NULL:
    dc_decode_null(decoder);
    break;
  case DC_LINK_UNKNOWN:
    dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    break;
  }
}

static bool decode_inner(const DcPacket *outer, const uint8_t *bytes, uint32_t caplen, uint32_t len, bool checksums,
                         DcPacket *ret_inner)
{
  if (!(outer->has & DC_HAS_INNER) || outer->inner_offset > caplen)
    return false;
  /* Read first: ret_inner may be the outer packet itself, when tunnels are nested. */
  const DcLink link = (DcLink)outer->inner_link;
  const uint32_t offset = outer->inner_offset;
  uint64_t end = len > caplen ? len : caplen;
  if (end > (uint64_t)outer->l3_offset + outer->l3_len)
    end = (uint64_t)outer->l3_offset + outer->l3_len;
  if (end < offset)
    return false;
  dc_decoder_clear(ret_inner);
  DcDecoder decoder = {
      .cursor = dc_cursor(bytes, caplen < end ? caplen : (size_t)end),
      .end = end,
      .checksums = checksums,
      .packet = ret_inner,
  };
  decoder.cursor.pos = offset;
  decode_from(&decoder, link);
  return true;
}

/* A tunnel's end computes the outer checksum as if the inner one were filled in already (lco_csum() in
 * include/linux/skbuff.h): where that is left to a NIC, the outer one is wrong in the capture and right on the wire. */
static __attribute__((noinline)) void judge_outer_checksum(const uint8_t *bytes, uint32_t caplen, uint32_t len,
                                                           DcPacket *packet)
{
  DcPacket inner;
  if (decode_inner(packet, bytes, caplen, len, true, &inner) && inner.l4_checksum == DC_CHECKSUM_PARTIAL)
    packet->l4_checksum = DC_CHECKSUM_PARTIAL;
}

/* Apart, so that what most packets go through has no state to keep. */
__attribute__((noinline)) void dc_decode_layers(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len,
                                                bool checksums, DcPacket *ret_packet)
{
  dc_decoder_clear(ret_packet);
  DcDecoder decoder = {
      .cursor = dc_cursor(bytes, caplen),
      .end = len > caplen ? len : caplen,
      .checksums = checksums,
      .packet = ret_packet,
  };
  decode_from(&decoder, link);
  if (ret_packet->l4_checksum == DC_CHECKSUM_BAD)
    judge_outer_checksum(bytes, caplen, len, ret_packet);
}

bool dc_decode_inner(const DcPacket *outer, const uint8_t *bytes, uint32_t caplen, uint32_t len, DcPacket *ret_inner)
{
  return decode_inner(outer, bytes, caplen, len, false, ret_inner);
}
