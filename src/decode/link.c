/*
 * Link layers: Ethernet II and 802.3, 802.1Q/802.1ad tags, LLC and SNAP, libpcap's
 * cooked headers, BSD loopback.
 *
 *   Ethernet            destination(6) source(6) type or length(2)
 *   tag (802.1Q)        0x8100 or 0x88a8 stands for the type: priority and VLAN id(2) type or length(2)
 *   LLC (802.2)         DSAP(1) SSAP(1) control(1, or 2 unless unnumbered)
 *   SNAP                LLC aa aa 03, organisation(3) protocol(2)
 *   LINUX_SLL           packet type(2) ARPHRD(2) address length(2) address(8) protocol(2)
 *   LINUX_SLL2          protocol(2) zero(2) ifindex(4) ARPHRD(2) packet type(1) address length(1) address(8)
 *   NULL, LOOP          address family(4), in the writing host's or in network byte order
 *
 * A type below 0x600 is a length. What Linux makes of such a frame is eth_type_trans()
 * (net/ethernet/eth.c) and, below a tag, vlan_set_encap_proto(): ETH_P_802_2, or
 * ETH_P_802_3 when the payload starts with ffff (Novell's raw 802.3).
 */
#include "decoder.h"

#include <string.h>

enum {
  ETHERTYPE_LEAST = 0x0600,
  ETHERTYPE_802_3 = 0x0001,
  ETHERTYPE_802_2 = 0x0004,
  ETHERTYPE_IPV4 = 0x0800,
  ETHERTYPE_ARP = 0x0806,
  ETHERTYPE_8021Q = 0x8100,
  ETHERTYPE_IPV6 = 0x86dd,
  ETHERTYPE_8021AD = 0x88a8
};

enum { LLC_SAP_SNAP = 0xaa, LLC_UNNUMBERED = 0x03 };

/* Linux unwinds tags one by one; more than this nobody sends in earnest. */
#define TAGS_MAX 8

/* linux/if_arp.h: cooked headers of devices whose protocol field is no ethertype. */
enum { ARPHRD_NETLINK_DEVICE = 824 };

static void set_ethertype(DcPacket *packet, uint16_t ethertype)
{
  packet->ethertype = ethertype;
  packet->has |= DC_HAS_ETHERTYPE;
}

static void decode_llc(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  DcCursor *cursor = &decoder->cursor;
  DcCursor header = dc_cursor_sub(cursor, 3);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  packet->llc_dsap = dc_cursor_u8(&header);
  packet->llc_ssap = dc_cursor_u8(&header);
  packet->llc_control = dc_cursor_u8(&header);
  packet->has |= DC_HAS_LLC;
  if ((packet->llc_control & LLC_UNNUMBERED) != LLC_UNNUMBERED && !dc_cursor_skip(cursor, 1))
    dc_decoder_note_short(decoder);
  packet->payload_offset = dc_decoder_offset(decoder);
  if (packet->llc_dsap != LLC_SAP_SNAP || packet->llc_ssap != LLC_SAP_SNAP || packet->llc_control != LLC_UNNUMBERED)
    return;
  DcCursor snap = dc_cursor_sub(cursor, 5);
  if (!snap.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  dc_cursor_skip(&snap, 3);
  packet->snap_protocol = dc_cursor_be16(&snap);
  packet->has |= DC_HAS_SNAP;
  packet->payload_offset = dc_decoder_offset(decoder);
}

/* The network layer, known or not, starts here. */
static void set_network(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  const uint64_t left = dc_decoder_wire_left(decoder);
  packet->l3_offset = packet->l4_offset = packet->payload_offset = dc_decoder_offset(decoder);
  packet->l3_len = packet->payload_len = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

/* Behind the link header: ethertype is Linux's skb->protocol. */
static void decode_network(DcDecoder *decoder, uint16_t ethertype)
{
  DcPacket *packet = decoder->packet;
  set_ethertype(packet, ethertype);
  set_network(decoder);
  switch (ethertype) {
  case ETHERTYPE_IPV4:
    dc_decode_ipv4(decoder);
    return;
  case ETHERTYPE_IPV6:
    dc_decode_ipv6(decoder);
    return;
  case ETHERTYPE_ARP:
    dc_decode_arp(decoder);
    return;
  case ETHERTYPE_802_2:
    decode_llc(decoder);
    break;
  default:
    dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    break;
  }
  packet->payload_len = packet->l3_offset + packet->l3_len - packet->payload_offset;
}

/* An 802.3 frame: the length says where padding starts. */
static void decode_length(DcDecoder *decoder, uint16_t length)
{
  if (length > dc_decoder_wire_left(decoder)) {
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
  } else {
    decoder->end = decoder->cursor.pos + length;
    if (decoder->cursor.len > decoder->end)
      decoder->cursor.len = (size_t)decoder->end;
  }
  DcCursor peek = decoder->cursor;
  const bool raw = dc_cursor_be16(&peek) == 0xffff;
  decode_network(decoder, raw ? ETHERTYPE_802_3 : ETHERTYPE_802_2);
}

/* From a type field that was just read. */
static void decode_type(DcDecoder *decoder, uint16_t type, bool length_frames)
{
  DcPacket *packet = decoder->packet;
  while ((type == ETHERTYPE_8021Q || type == ETHERTYPE_8021AD) && packet->vlan_count < TAGS_MAX) {
    DcCursor tag = dc_cursor_sub(&decoder->cursor, 4);
    if (!tag.ok) {
      set_ethertype(packet, type);
      set_network(decoder);
      dc_decoder_note_short(decoder);
      return;
    }
    const uint16_t id = dc_cursor_be16(&tag) & 0x0fff;
    if (packet->vlan_count == 0)
      packet->vlan_proto = type;
    if (packet->vlan_count < 2)
      packet->vlan[packet->vlan_count] = id;
    packet->vlan_count++;
    type = dc_cursor_be16(&tag);
    length_frames = true;
  }
  if (type < ETHERTYPE_LEAST && length_frames)
    decode_length(decoder, type);
  else
    decode_network(decoder, type);
}

void dc_decode_ethernet(DcDecoder *decoder)
{
  DcPacket *packet = decoder->packet;
  DcCursor header = dc_cursor_sub(&decoder->cursor, 14);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  memcpy(packet->dst_mac, dc_cursor_bytes(&header, 6), 6);
  memcpy(packet->src_mac, dc_cursor_bytes(&header, 6), 6);
  packet->has |= DC_HAS_MAC | DC_HAS_SRC_MAC;
  decode_type(decoder, dc_cursor_be16(&header), true);
}

static void decode_cooked(DcDecoder *decoder, uint16_t protocol, uint16_t device, uint8_t pkttype, uint16_t address_len,
                          const uint8_t address[8])
{
  DcPacket *packet = decoder->packet;
  packet->pkttype = pkttype;
  packet->has |= DC_HAS_PKTTYPE;
  if (address_len == 6) {
    memcpy(packet->src_mac, address, 6);
    packet->has |= DC_HAS_SRC_MAC;
  }
  if (device == ARPHRD_NETLINK_DEVICE) {
    set_network(decoder);
    dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    return;
  }
  /* Here the field holds skb->protocol already: 0x0004, not a length. Below a tag, which libpcap
   * puts back before it, the frame's own field follows. */
  decode_type(decoder, protocol, false);
}

void dc_decode_sll(DcDecoder *decoder)
{
  DcCursor header = dc_cursor_sub(&decoder->cursor, 16);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  const uint16_t pkttype = dc_cursor_be16(&header);
  const uint16_t device = dc_cursor_be16(&header);
  const uint16_t address_len = dc_cursor_be16(&header);
  const uint8_t *address = dc_cursor_bytes(&header, 8);
  const uint16_t protocol = dc_cursor_be16(&header);
  decode_cooked(decoder, protocol, device, pkttype > UINT8_MAX ? UINT8_MAX : (uint8_t)pkttype, address_len, address);
}

void dc_decode_sll2(DcDecoder *decoder)
{
  DcCursor header = dc_cursor_sub(&decoder->cursor, 20);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  const uint16_t protocol = dc_cursor_be16(&header);
  dc_cursor_skip(&header, 2);
  decoder->packet->sll_ifindex = dc_cursor_be32(&header);
  const uint16_t device = dc_cursor_be16(&header);
  const uint8_t pkttype = dc_cursor_u8(&header);
  const uint8_t address_len = dc_cursor_u8(&header);
  const uint8_t *address = dc_cursor_bytes(&header, 8);
  decode_cooked(decoder, protocol, device, pkttype, address_len, address);
}

void dc_decode_null(DcDecoder *decoder)
{
  DcCursor header = dc_cursor_sub(&decoder->cursor, 4);
  if (!header.ok) {
    dc_decoder_note_short(decoder);
    return;
  }
  uint32_t family = dc_cursor_be32(&header);
  if (family > UINT16_MAX)
    family = __builtin_bswap32(family);
  switch (family) {
  case 2: /* AF_INET everywhere */
    decode_network(decoder, ETHERTYPE_IPV4);
    return;
  case 10: /* AF_INET6 of Linux, */
  case 24: /* NetBSD and OpenBSD, */
  case 28: /* FreeBSD, */
  case 30: /* macOS */
    decode_network(decoder, ETHERTYPE_IPV6);
    return;
  default:
    set_network(decoder);
    dc_decoder_note(decoder, DC_DECODE_UNKNOWN);
    return;
  }
}

void dc_decode_raw(DcDecoder *decoder)
{
  DcCursor peek = decoder->cursor;
  const uint8_t version = dc_cursor_u8(&peek) >> 4;
  if (!peek.ok) {
    dc_decoder_note_short(decoder);
  } else if (version == 4) {
    decode_network(decoder, ETHERTYPE_IPV4);
  } else if (version == 6) {
    decode_network(decoder, ETHERTYPE_IPV6);
  } else {
    set_network(decoder);
    dc_decoder_note(decoder, DC_DECODE_MALFORMED);
  }
}
