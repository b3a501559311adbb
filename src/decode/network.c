/*
 * ARP (RFC 826), IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200, 2675, 4302).
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------+-------+---------------+-------------------------------+
 * |   4   |  IHL  |      TOS      |          Total Length         |
 * +-------+-------+---------------+-----+-------------------------+
 * |         Identification        |flags|     Fragment Offset     |
 * +---------------+---------------+-----+-------------------------+
 * |      TTL      |    Protocol   |            Checksum           |
 * +---------------+---------------+-------------------------------+
 * |            Source, Destination, Options (IHL - 5) * 4         |
 * +---------------------------------------------------------------+
 *
 * +-------+---------------+---------------------------------------+
 * |   6   | Traffic Class |              Flow Label               |
 * +-------+---------------+-------+---------------+---------------+
 * |        Payload Length         |  Next Header  |   Hop Limit   |
 * +-------------------------------+---------------+---------------+
 * |                 Source (16), Destination (16)                 |
 * +---------------------------------------------------------------+
 */
#include "checksum.h"
#include "decoder.h"

#include <string.h>

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define EXTENSIONS_MAX 16

/* What the length fields of IP can say; a longer packet is a bundle made by the host (BIG TCP). */
#define IP_LENGTH_MAX 65535

enum {
  NEXT_HOP_BY_HOP = 0,
  NEXT_ROUTING = 43,
  NEXT_FRAGMENT = 44,
  NEXT_AUTHENTICATION = 51,
  NEXT_DESTINATION = 60,
  NEXT_MOBILITY = 135,
  NEXT_HIP = 139,
  NEXT_SHIM6 = 140
};

void dc_decode_arp(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  DcCursor header = dc_cursor_sub(&decoder->cursor, 8);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  dc_cursor_skip(&header, 2); /* hardware type: 1 or, on a few links, its kin */
  const uint16_t protocol = dc_cursor_be16(&header);
  const uint8_t hardware_len = dc_cursor_u8(&header);
  const uint8_t protocol_len = dc_cursor_u8(&header);
  packet->arp_op = dc_cursor_be16(&header);
  packet->has |= DC_HAS_ARP;

  const uint32_t len = 8 + 2 * (uint32_t)hardware_len + 2 * (uint32_t)protocol_len;
  if (len > packet->l3_len)
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
  else
    packet->l3_len = len;
  packet->payload_offset = packet->l3_offset + packet->l3_len;
  packet->payload_len = 0;
  if (protocol != 0x0800 || protocol_len != 4)
    return;
  dc_cursor_skip(&decoder->cursor, hardware_len);
  const uint8_t *sender = dc_cursor_bytes(&decoder->cursor, 4);
  dc_cursor_skip(&decoder->cursor, hardware_len);
  const uint8_t *target = dc_cursor_bytes(&decoder->cursor, 4);
  if (!decoder->cursor.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  memcpy(packet->src.bytes, sender, 4);
  memcpy(packet->dst.bytes, target, 4);
  packet->src.version = packet->dst.version = 4;
}

/* The network header says where its packet ends; Ethernet padding lies behind. */
static void set_end(DcDecoder *decoder, uint64_t len)
{
  DcPacket *packet = decoder->packet;
  const uint64_t end = packet->l3_offset + len;
  packet->l3_len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
  if (end > decoder->end) {
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
    return;
  }
  decoder->end = end;
  if (decoder->cursor.len > end)
    decoder->cursor.len = (size_t)end;
}

/* Until a transport header is known all behind the network header counts as payload. */
static void set_transport(DcDecoder *decoder, uint32_t offset)
{
  DcPacket *packet = decoder->packet;
  packet->l4_offset = packet->payload_offset = offset;
  packet->payload_len = decoder->end > offset ? (uint32_t)(decoder->end - offset) : 0;
}

void dc_decode_ipv4(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  DcCursor whole = decoder->cursor;
  DcCursor header = dc_cursor_sub(&decoder->cursor, IPV4_HEADER);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  const uint8_t version_ihl = dc_cursor_u8(&header);
  const uint32_t header_len = (version_ihl & 0x0fU) * 4U;
  if (version_ihl >> 4 != 4 || header_len < IPV4_HEADER) {
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
    return;
  }
  packet->tos = dc_cursor_u8(&header);
  uint64_t total = dc_cursor_be16(&header);
  packet->ip_id = dc_cursor_be16(&header);
  const uint16_t fragment = dc_cursor_be16(&header);
  packet->ttl = dc_cursor_u8(&header);
  packet->ip_protocol = dc_cursor_u8(&header);
  dc_cursor_skip(&header, 2); /* checksum */
  dc_addr_bytes_set_ipv4(packet->src.bytes, dc_cursor_host32(&header));
  dc_addr_bytes_set_ipv4(packet->dst.bytes, dc_cursor_host32(&header));
  packet->src.version = packet->dst.version = 4;
  packet->has |= DC_HAS_IP;

  /* 0: a bundle of segments longer than the field can say (iph_totlen(), include/linux/ip.h). */
  if (total == 0 && packet->l3_len > IP_LENGTH_MAX)
    total = packet->l3_len;
  if (total < header_len)
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
  else
    set_end(decoder, total);

  if ((fragment & 0x3fff) != 0) {
    packet->has |= DC_HAS_FRAGMENT;
    packet->fragment_offset = (uint16_t)((fragment & 0x1fff) * 8);
    packet->fragment_more = (fragment & 0x2000) != 0;
  }
  if (header_len > IPV4_HEADER)
    packet->has |= DC_HAS_IP_OPTIONS;
  set_transport(decoder, packet->l3_offset + header_len);
  if (decoder->checksums) {
    const uint8_t *bytes = dc_cursor_bytes(&whole, header_len);
    if (bytes != NULL)
      packet->ip_checksum =
          dc_checksum_fold(dc_checksum_add(0, bytes, header_len)) == 0xffff ? DC_CHECKSUM_GOOD : DC_CHECKSUM_BAD;
  }
  if (header_len > IPV4_HEADER && !dc_cursor_skip(&decoder->cursor, header_len - IPV4_HEADER)) {
    dc_decoder_note_short(decoder);
    return;
  }
  if (packet->fragment_offset == 0)
    dc_decode_transport(decoder);
}

/* Looks for the jumbo payload option (type 194, length 4) in a hop-by-hop header's options. */
static uint32_t find_jumbo(DcCursor options)
{
  while (dc_cursor_left(&options) >= 2) {
    const uint8_t type = dc_cursor_u8(&options);
    if (type == 0) /* Pad1 has no length */
      continue;
    const uint8_t len = dc_cursor_u8(&options);
    if (type == 194 && len == 4)
      return dc_cursor_be32(&options);
    if (!dc_cursor_skip(&options, len))
      break;
  }
  return 0;
}

/*
 * Extension headers start alike: next header(1), length(1) in 8 bytes without the first 8.
 * AH counts in 4 bytes without the first 8, the fragment header has no length:
 *
 * +---------------+---------------+-------------------------+---+-+
 * |  Next Header  |   Reserved    |     Fragment Offset     |Res|M|
 * +---------------+---------------+-------------------------+---+-+
 * |                        Identification                         |
 * +---------------------------------------------------------------+
 */
void dc_decode_ipv6_chain(DcCursor *cursor, uint8_t protocol, DcIpv6Chain *chain)
{
  *chain = (DcIpv6Chain){.protocol = protocol, .status = DC_DECODE_OK};
  for (int i = 0; i < EXTENSIONS_MAX; i++) {
    DcCursor header;
    uint8_t next;
    size_t len;
    switch (chain->protocol) {
    case NEXT_FRAGMENT:
      header = dc_cursor_sub(cursor, 8);
      if (!header.ok) {
        chain->status = DC_DECODE_SHORT;
        return;
      }
      chain->protocol = dc_cursor_u8(&header);
      dc_cursor_skip(&header, 1);
      chain->fragment_offset = dc_cursor_be16(&header);
      chain->fragment_more = (chain->fragment_offset & 1) != 0;
      chain->fragment_offset &= 0xfff8;
      chain->fragment_id = dc_cursor_be32(&header);
      chain->has_fragment = true;
      if (chain->fragment_offset != 0)
        return;
      break;
    case NEXT_HOP_BY_HOP:
    case NEXT_ROUTING:
    case NEXT_DESTINATION:
    case NEXT_AUTHENTICATION:
    case NEXT_MOBILITY:
    case NEXT_HIP:
    case NEXT_SHIM6:
      header = *cursor;
      next = dc_cursor_u8(&header);
      len = dc_cursor_u8(&header);
      len = chain->protocol == NEXT_AUTHENTICATION ? (len + 2) * 4 : (len + 1) * 8;
      header = dc_cursor_sub(cursor, len);
      if (!header.ok) {
        chain->status = DC_DECODE_SHORT;
        return;
      }
      chain->has_extension = true;
      dc_cursor_skip(&header, 2);
      if (chain->protocol == NEXT_HOP_BY_HOP) {
        chain->jumbo = find_jumbo(header);
      } else if (chain->protocol == NEXT_ROUTING) {
        dc_cursor_skip(&header, 1); /* routing type */
        chain->has_route |= dc_cursor_u8(&header) > 0;
      }
      chain->protocol = next;
      break;
    default:
      return;
    }
  }
  chain->status = DC_DECODE_UNKNOWN;
}

void dc_decode_ipv6(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  DcCursor header = dc_cursor_sub(&decoder->cursor, IPV6_HEADER);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  const uint32_t first = dc_cursor_be32(&header);
  if (first >> 28 != 6) {
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
    return;
  }
  packet->tos = (uint8_t)(first >> 20);
  const uint16_t payload_len = dc_cursor_be16(&header);
  const uint8_t next = dc_cursor_u8(&header);
  packet->ttl = dc_cursor_u8(&header);
  memcpy(packet->src.bytes, dc_cursor_bytes(&header, 16), 16);
  memcpy(packet->dst.bytes, dc_cursor_bytes(&header, 16), 16);
  packet->src.version = packet->dst.version = 6;
  packet->has |= DC_HAS_IP;

  if (payload_len > 0 || packet->l3_len <= IP_LENGTH_MAX)
    set_end(decoder, (uint64_t)IPV6_HEADER + payload_len);
  DcIpv6Chain chain;
  dc_decode_ipv6_chain(&decoder->cursor, next, &chain);
  if (payload_len == 0 && chain.jumbo > IP_LENGTH_MAX && packet->l3_len > IP_LENGTH_MAX)
    set_end(decoder, (uint64_t)IPV6_HEADER + chain.jumbo);
  packet->ip_protocol = chain.protocol;
  if (chain.has_extension)
    packet->has |= DC_HAS_IP_OPTIONS;
  if (chain.has_fragment && (chain.fragment_offset != 0 || chain.fragment_more)) {
    packet->has |= DC_HAS_FRAGMENT;
    packet->fragment_offset = chain.fragment_offset;
    packet->fragment_more = chain.fragment_more;
  }
  packet->ip_id = chain.fragment_id;
  set_transport(decoder, dc_decoder_offset(decoder));
  if (chain.status == DC_DECODE_SHORT) {
    dc_decoder_note_short(decoder);
    return;
  }
  if (chain.status != DC_DECODE_OK) {
    dc_decoder_note(decoder, chain.status);
    return;
  }
  /* The sum covers the last destination, which a routing header still hides. */
  if (chain.has_route)
    decoder->checksums = false;
  if (packet->fragment_offset == 0)
    dc_decode_transport(decoder);
}
