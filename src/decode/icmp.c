/*
 * ICMP (RFC 792) and ICMPv6 (RFC 4443, neighbour discovery RFC 4861).
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     Type      |     Code      |           Checksum            |
 * +---------------+---------------+-------------------------------+
 * | Identifier, Sequence (echo); pointer, MTU, unused (errors)    |
 * +---------------------------------------------------------------+
 * | errors: the packet that caused it, from its IP header on;     |
 * | neighbour solicitation and advertisement: the target (16)     |
 * +---------------------------------------------------------------+
 */
#include "checksum.h"
#include "decoder.h"

#include <netinet/in.h>
#include <string.h>

#define ICMP_HEADER 8

enum {
  ICMP_ECHO_REPLY = 0,
  ICMP_UNREACHABLE = 3,
  ICMP_QUENCH = 4,
  ICMP_REDIRECTION = 5,
  ICMP_ECHO_REQUEST = 8,
  ICMP_EXCEEDED = 11,
  ICMP_PARAMETER = 12
};

enum {
  ICMPV6_UNREACHABLE = 1,
  ICMPV6_PARAMETER = 4, /* errors are 1 to 4 here, informational from 128 on */
  ICMPV6_ECHO_REQUEST = 128,
  ICMPV6_ECHO_REPLY = 129,
  ICMPV6_NEIGHBOUR_SOLICITATION = 135,
  ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136
};

static void read_quoted_ports(DcPacket *packet, DcCursor quoted)
{
  switch (packet->quote_protocol) {
  case IPPROTO_TCP:
  case IPPROTO_UDP:
  case IPPROTO_UDPLITE:
  case IPPROTO_SCTP:
  case IPPROTO_DCCP:
    break;
  default:
    return;
  }
  DcCursor ports = dc_cursor_sub(&quoted, 4);
  packet->quote_src_port = dc_cursor_be16(&ports);
  packet->quote_dst_port = dc_cursor_be16(&ports);
  if (packet->quote_protocol == IPPROTO_TCP)
    packet->quote_seq = dc_cursor_be32(&quoted);
}

static void read_quote_ipv4(DcPacket *packet, DcCursor quoted)
{
  DcCursor header = dc_cursor_sub(&quoted, 20);
  const uint8_t version_ihl = dc_cursor_u8(&header);
  const uint32_t header_len = (version_ihl & 0x0fU) * 4U;
  if (!header.ok || version_ihl >> 4 != 4 || header_len < 20)
    return;
  dc_cursor_skip(&header, 3);
  packet->quote_id = dc_cursor_be16(&header);
  const uint16_t fragment = dc_cursor_be16(&header);
  dc_cursor_skip(&header, 1); /* TTL */
  packet->quote_protocol = dc_cursor_u8(&header);
  dc_cursor_skip(&header, 2); /* checksum */
  memcpy(packet->quote_src.bytes, dc_cursor_bytes(&header, 4), 4);
  memcpy(packet->quote_dst.bytes, dc_cursor_bytes(&header, 4), 4);
  packet->quote_src.version = packet->quote_dst.version = 4;
  packet->has |= DC_HAS_QUOTE;
  if ((fragment & 0x1fff) == 0 && dc_cursor_skip(&quoted, header_len - 20))
    read_quoted_ports(packet, quoted);
}

static void read_quote_ipv6(DcPacket *packet, DcCursor quoted)
{
  DcCursor header = dc_cursor_sub(&quoted, 40);
  if (dc_cursor_u8(&header) >> 4 != 6)
    return;
  dc_cursor_skip(&header, 5);
  const uint8_t next = dc_cursor_u8(&header);
  dc_cursor_skip(&header, 1); /* hop limit */
  memcpy(packet->quote_src.bytes, dc_cursor_bytes(&header, 16), 16);
  memcpy(packet->quote_dst.bytes, dc_cursor_bytes(&header, 16), 16);
  packet->quote_src.version = packet->quote_dst.version = 6;
  DcIpv6Chain chain;
  dc_decode_ipv6_chain(&quoted, next, &chain);
  packet->quote_protocol = chain.protocol;
  packet->has |= DC_HAS_QUOTE;
  if (chain.status == DC_DECODE_OK && chain.fragment_offset == 0)
    read_quoted_ports(packet, quoted);
}

/* Type, code, checksum and the echo's numbers; the cursor then stands behind the 8 bytes. */
static bool read_header(DcDecoder *decoder, bool (*is_echo)(uint8_t type), uint64_t pseudo)
{
  DcPacket *packet = decoder->packet;
  const uint64_t wire_left = dc_decoder_wire_left(decoder);
  DcCursor header = dc_cursor_sub(&decoder->cursor, ICMP_HEADER);
  if (!header.ok) {
    /* Type and code come first: a cut header may still show them. */
    DcCursor cut = decoder->cursor;
    const uint8_t type = dc_cursor_u8(&cut);
    const uint8_t code = dc_cursor_u8(&cut);
    if (cut.ok) {
      packet->icmp_type = type;
      packet->icmp_code = code;
      packet->has |= DC_HAS_ICMP;
    }
    dc_decoder_note_short(decoder);
    return false;
  }
  packet->icmp_type = dc_cursor_u8(&header);
  packet->icmp_code = dc_cursor_u8(&header);
  packet->has |= DC_HAS_ICMP;
  const uint16_t checksum = dc_cursor_be16(&header);
  if (is_echo(packet->icmp_type)) {
    packet->echo_id = dc_cursor_be16(&header);
    packet->echo_seq = dc_cursor_be16(&header);
    packet->has |= DC_HAS_ECHO;
  }
  if (decoder->checksums && packet->status != DC_DECODE_MALFORMED)
    packet->l4_checksum = (uint8_t)dc_checksum_judge(decoder, wire_left, pseudo, checksum);
  packet->payload_offset = dc_decoder_offset(decoder);
  packet->payload_len = (uint32_t)dc_decoder_wire_left(decoder);
  return true;
}

static bool is_icmp_echo(uint8_t type)
{
  return type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY;
}

static bool is_icmpv6_echo(uint8_t type)
{
  return type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;
}

void dc_decode_icmp(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  if (!read_header(decoder, is_icmp_echo, 0))
    return;
  switch (packet->icmp_type) {
  case ICMP_UNREACHABLE:
  case ICMP_QUENCH:
  case ICMP_REDIRECTION:
  case ICMP_EXCEEDED:
  case ICMP_PARAMETER:
    read_quote_ipv4(packet, decoder->cursor);
    break;
  default:
    break;
  }
}

void dc_decode_icmpv6(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  const uint64_t pseudo =
      decoder->checksums ? dc_checksum_pseudo(packet, IPPROTO_ICMPV6, (uint32_t)dc_decoder_wire_left(decoder)) : 0;
  if (!read_header(decoder, is_icmpv6_echo, pseudo))
    return;
  const uint8_t type = packet->icmp_type;
  if (type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER) {
    read_quote_ipv6(packet, decoder->cursor);
  } else if (type == ICMPV6_NEIGHBOUR_SOLICITATION || type == ICMPV6_NEIGHBOUR_ADVERTISEMENT) {
    /* The target belongs to the header: it is never missing. */
    packet->payload_offset += 16;
    packet->payload_len = packet->payload_len > 16 ? packet->payload_len - 16 : 0;
    const uint8_t *target = dc_cursor_bytes(&decoder->cursor, 16);
    if (target == NULL) {
      dc_decoder_note_short(decoder);
      return;
    }
    memcpy(packet->nd_target.bytes, target, 16);
    packet->nd_target.version = 6;
    packet->has |= DC_HAS_ND_TARGET;
  }
}
