/*
 * What lies above IP: TCP (RFC 9293, options RFC 7323), UDP (RFC 768), UDP-Lite (RFC 3828),
 * SCTP (RFC 9260), DCCP (RFC 4340), and the tunnels whose inner packet can be decoded again:
 * GRE (RFC 2784, 2890), IP in IP (RFC 2003, 2473), 6in4 (RFC 4213), VXLAN (RFC 7348).
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |          Source Port          |       Destination Port        |  all five
 * +-------------------------------+-------------------------------+
 * |                        Sequence Number                        |  TCP
 * +---------------------------------------------------------------+
 * |                     Acknowledgment Number                     |
 * +-------+-------+---------------+-------------------------------+
 * | Offset|  Res  |     Flags     |            Window             |
 * +-------+-------+---------------+-------------------------------+
 * |            Checksum           |         Urgent Pointer        |
 * +-------------------------------+-------------------------------+
 * |       Length (coverage)       |            Checksum           |  UDP (UDP-Lite)
 * +-------------------------------+-------------------------------+
 */
#include "checksum.h"
#include "decoder.h"

#include <netinet/in.h>

#define TCP_HEADER 20
#define UDP_HEADER 8
#define SCTP_HEADER 12

enum { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_MSS = 2, TCP_OPTION_TIMESTAMP = 8 };

enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000, GRE_VERSION = 0x0007 };

/* IANA's port, and Linux's own default from before it was assigned. */
enum { VXLAN_PORT = 4789, VXLAN_PORT_LINUX = 8472 };

bool dc_decode_is_vxlan_port(uint16_t port)
{
  return port == VXLAN_PORT || port == VXLAN_PORT_LINUX;
}

static void set_payload(DcDecoder *decoder, uint32_t offset, uint64_t end)
{
  decoder->packet->payload_offset = offset;
  decoder->packet->payload_len = end > offset ? (uint32_t)(end - offset) : 0;
}

static void set_inner(DcDecoder *decoder, DcLink link)
{
  DcPacket *packet = decoder->packet;
  packet->inner_offset = dc_decoder_offset(decoder);
  packet->inner_link = (uint8_t)link;
  packet->has |= DC_HAS_INNER;
}

/* Ports come first in every protocol that has them: even a cut header may show them. */
static bool read_ports(DcDecoder *decoder, DcCursor *header)
{
  DcPacket *packet = decoder->packet;
  const uint16_t source = dc_cursor_be16(header);
  const uint16_t destination = dc_cursor_be16(header);
  if (!header->ok) {
    dc_decoder_note_short(decoder);
    return false;
  }
  packet->src_port = source;
  packet->dst_port = destination;
  packet->has |= DC_HAS_PORTS;
  return true;
}

void dc_decode_tcp_options(DcPacket *packet, DcCursor options)
{
  while (dc_cursor_left(&options) > 0) {
    const uint8_t kind = dc_cursor_u8(&options);
    if (kind == TCP_OPTION_END)
      return;
    if (kind == TCP_OPTION_NOP)
      continue;
    const uint8_t len = dc_cursor_u8(&options);
    if (len < 2)
      return;
    DcCursor value = dc_cursor_sub(&options, (size_t)len - 2);
    if (!value.ok)
      return;
    if (kind == TCP_OPTION_TIMESTAMP && len == 10) {
      packet->tsval = dc_cursor_be32(&value);
      packet->tsecr = dc_cursor_be32(&value);
      packet->has |= DC_HAS_TIMESTAMP;
    } else if (kind == TCP_OPTION_MSS && len == 4) {
      packet->tcp_mss = dc_cursor_be16(&value);
      packet->has |= DC_HAS_MSS;
    }
  }
}

static void decode_tcp(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  const uint64_t wire_left = dc_decoder_wire_left(decoder);
  DcCursor header = dc_cursor_sub(&decoder->cursor, TCP_HEADER);
  if (!header.ok) {
    DcCursor cut = decoder->cursor;
    read_ports(decoder, &cut);
    dc_decoder_note_short(decoder);
    return;
  }
  read_ports(decoder, &header);
  packet->tcp_seq = dc_cursor_be32(&header);
  packet->tcp_ack = dc_cursor_be32(&header);
  const uint32_t header_len = (dc_cursor_u8(&header) >> 4) * 4U;
  packet->tcp_flags = dc_cursor_u8(&header);
  packet->tcp_window = dc_cursor_be16(&header);
  const uint16_t checksum = dc_cursor_be16(&header);
  packet->has |= DC_HAS_TCP;

  if (decoder->checksums && packet->status != DC_DECODE_MALFORMED)
    packet->l4_checksum = (uint8_t)dc_checksum_judge(
        decoder, wire_left, dc_checksum_pseudo(packet, IPPROTO_TCP, (uint32_t)wire_left), checksum);
  if (header_len < TCP_HEADER || (header_len > wire_left && !packet->fragment_more)) {
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
    set_payload(decoder, dc_decoder_offset(decoder), decoder->end);
    return;
  }
  set_payload(decoder, packet->l4_offset + header_len, decoder->end);
  if (header_len == TCP_HEADER)
    return;
  DcCursor options = dc_cursor_sub(&decoder->cursor, header_len - TCP_HEADER);
  if (!options.ok) {
    /* What is here of them may still hold the timestamps. */
    options = decoder->cursor;
    dc_decoder_note_short(decoder);
  }
  dc_decode_tcp_options(packet, options);
}

static void decode_vxlan(DcDecoder *decoder)
{
  /* flags(1), the I bit set and the others zero; reserved(3); VNI(3); reserved(1) */
  DcCursor header = dc_cursor_sub(&decoder->cursor, 8);
  if (header.ok && dc_cursor_u8(&header) == 0x08)
    set_inner(decoder, DC_LINK_ETHERNET);
}

static void decode_udp(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  const uint64_t wire_left = dc_decoder_wire_left(decoder);
  DcCursor header = dc_cursor_sub(&decoder->cursor, UDP_HEADER);
  if (!header.ok) {
    DcCursor cut = decoder->cursor;
    read_ports(decoder, &cut);
    dc_decoder_note_short(decoder);
    return;
  }
  read_ports(decoder, &header);
  uint64_t len = dc_cursor_be16(&header);
  const uint16_t checksum = dc_cursor_be16(&header);
  set_payload(decoder, dc_decoder_offset(decoder), decoder->end);

  bool sound = packet->status != DC_DECODE_MALFORMED;
  if (packet->ip_protocol == IPPROTO_UDP) {
    /* 0: longer than the field can say, IPv6 only (RFC 2675) or a bundle of datagrams. */
    if (len == 0 && (packet->src.version == 6 || wire_left > UINT16_MAX))
      len = wire_left;
    if (len < UDP_HEADER || (len > wire_left && !(packet->has & DC_HAS_FRAGMENT))) {
      dc_decoder_note(decoder, DC_DECODE_MALFORMED);
      sound = false;
    } else if (len < wire_left) {
      packet->payload_len = (uint32_t)len - UDP_HEADER;
    }
    if (checksum == 0)
      packet->l4_checksum = DC_CHECKSUM_ABSENT;
    else if (decoder->checksums && sound)
      packet->l4_checksum =
          (uint8_t)dc_checksum_judge(decoder, len, dc_checksum_pseudo(packet, IPPROTO_UDP, (uint32_t)len), checksum);
    if (dc_decode_is_vxlan_port(packet->dst_port))
      decode_vxlan(decoder);
    return;
  }
  /* UDP-Lite: the field is the checksum's coverage, 0 for all; the length is IP's. */
  if (len == 0)
    len = wire_left;
  if (len < UDP_HEADER || (len > wire_left && !(packet->has & DC_HAS_FRAGMENT)))
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
  else if (decoder->checksums && sound)
    packet->l4_checksum = (uint8_t)dc_checksum_judge(
        decoder, len, dc_checksum_pseudo(packet, IPPROTO_UDPLITE, (uint32_t)wire_left), checksum);
}

/* SCTP's common header: ports, verification tag(4), CRC-32c(4). */
static void decode_sctp(DcDecoder *decoder)
{
  DcCursor ports = decoder->cursor;
  if (!read_ports(decoder, &ports))
    return;
  if (!dc_cursor_skip(&decoder->cursor, SCTP_HEADER))
    dc_decoder_note_short(decoder);
  set_payload(decoder, decoder->packet->l4_offset + SCTP_HEADER, decoder->end);
}

/* DCCP: ports, data offset in 4 bytes(1), CCVal and coverage(1), checksum(2), ... */
static void decode_dccp(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  DcCursor header = decoder->cursor;
  if (!read_ports(decoder, &header))
    return;
  const uint32_t header_len = dc_cursor_u8(&header) * 4U;
  if (!header.ok) {
    dc_decoder_note_short(decoder);
  } else if (header_len < 12 || (header_len > dc_decoder_wire_left(decoder) && !packet->fragment_more)) {
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
  } else {
    set_payload(decoder, packet->l4_offset + header_len, decoder->end);
    if (!dc_cursor_skip(&decoder->cursor, header_len))
      dc_decoder_note_short(decoder);
  }
}

/*
 * +-+-+-+-+-------------+---------+-----+-------------------------------+
 * |C|R|K|S|    Res      |  Flags  | Ver |         Protocol Type         |
 * +-+-+-+-+-------------+---------+-----+-------------------------------+
 * | Checksum(2) Reserved(2), if C or R | Key(4), if K | Sequence(4), if S |
 * +---------------------------------------------------------------------+
 */
static void decode_gre(DcDecoder *decoder)
{
  DcCursor *cursor = &decoder->cursor;
  const uint16_t flags = dc_cursor_be16(cursor);
  const uint16_t protocol = dc_cursor_be16(cursor);
  if (cursor->ok && ((flags & GRE_VERSION) != 0 || (flags & GRE_ROUTING))) {
    /* PPTP, or source routing, which nobody forwards any more. */
    dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    return;
  }
  if (flags & GRE_CHECKSUM)
    dc_cursor_skip(cursor, 4);
  if (flags & GRE_KEY)
    dc_cursor_skip(cursor, 4);
  if (flags & GRE_SEQUENCE)
    dc_cursor_skip(cursor, 4);
  if (!cursor->ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  set_payload(decoder, dc_decoder_offset(decoder), decoder->end);
  switch (protocol) {
  case 0x0800:
  case 0x86dd:
    set_inner(decoder, DC_LINK_RAW);
    break;
  case 0x6558: /* transparent Ethernet bridging */
    set_inner(decoder, DC_LINK_ETHERNET);
    break;
  default:
    dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    break;
  }
}

void dc_decode_transport(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  switch (packet->ip_protocol) {
  case IPPROTO_TCP:
    decode_tcp(decoder);
    break;
  case IPPROTO_UDP:
  case IPPROTO_UDPLITE:
    decode_udp(decoder);
    break;
  case IPPROTO_ICMP:
    if (packet->src.version == 4)
      dc_decode_icmp(decoder);
    else
      dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    break;
  case IPPROTO_ICMPV6:
    if (packet->src.version == 6)
      dc_decode_icmpv6(decoder);
    else
      dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    break;
  case IPPROTO_SCTP:
    decode_sctp(decoder);
    break;
  case IPPROTO_DCCP:
    decode_dccp(decoder);
    break;
  case IPPROTO_GRE:
    decode_gre(decoder);
    break;
  case IPPROTO_IPIP:
  case IPPROTO_IPV6:
    set_inner(decoder, DC_LINK_RAW);
    break;
  case IPPROTO_NONE:
    break;
  default:
    dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    break;
  }
}
