#include "dropcorr/decode/headers.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/decode/packet.h"

#include <netinet/in.h>

/* DC_NORMAL's header of other protocols, without its marker. */
#define OTHER_HEADER 62

/* What an ICMP error must at least quote behind the IP header (RFC 792). */
#define QUOTED_TRANSPORT 8

#define TUNNELS_MAX 4

static uint64_t quote_len(const DcPacket *packet, const uint8_t *bytes, uint32_t caplen)
{
  DcCursor cursor = dc_cursor(bytes, caplen);
  if (!dc_cursor_skip(&cursor, packet->payload_offset))
    return 0;
  const uint8_t first = dc_cursor_u8(&cursor);
  if (first >> 4 == 4)
    return (first & 0x0fU) * 4U + QUOTED_TRANSPORT;
  dc_cursor_skip(&cursor, 5);
  switch (dc_cursor_u8(&cursor)) {
  case IPPROTO_HOPOPTS:
  case IPPROTO_ROUTING:
  case IPPROTO_FRAGMENT:
  case IPPROTO_DSTOPTS:
    return 40 + 8 + QUOTED_TRANSPORT; /* one extension header of the usual length */
  default:
    return 40 + QUOTED_TRANSPORT;
  }
}

/* ND (133 to 137) and multicast listeners (130 to 132, 143): addresses, nothing else. */
static bool is_control(const DcPacket *packet)
{
  if (packet->src.version == 4)
    return packet->ip_protocol == IPPROTO_IGMP;
  const uint8_t type = packet->icmp_type;
  return packet->ip_protocol == IPPROTO_ICMPV6 && (packet->has & DC_HAS_ICMP) &&
         ((type >= 130 && type <= 137) || type == 143);
}

static uint64_t end_of_headers(const DcPacket *packet, const uint8_t *bytes, uint32_t caplen)
{
  const uint64_t l3_end = (uint64_t)packet->l3_offset + packet->l3_len;
  if (packet->has & DC_HAS_ARP)
    return l3_end;
  if (!(packet->has & DC_HAS_IP))
    return (uint64_t)packet->l3_offset + OTHER_HEADER;
  if (is_control(packet))
    return l3_end;
  uint64_t end = packet->payload_offset;
  /* Where a length is wrong, what was read of the transport all the same. */
  const uint64_t least = (uint64_t)packet->l4_offset + (packet->has & DC_HAS_TCP ? 20 : 8);
  if ((packet->has & (DC_HAS_PORTS | DC_HAS_ICMP)) && end < least)
    end = least;
  return packet->has & DC_HAS_QUOTE ? end + quote_len(packet, bytes, caplen) : end;
}

uint32_t dc_headers_len(const DcPacket *packet, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  uint64_t end = end_of_headers(packet, bytes, caplen);
  DcPacket outer = *packet, inner;
  for (int depth = 0; depth < TUNNELS_MAX && dc_decode_inner(&outer, bytes, caplen, len, &inner); depth++) {
    const uint64_t inner_end = end_of_headers(&inner, bytes, caplen);
    end = inner_end > end ? inner_end : end;
    outer = inner;
  }
  return end < caplen ? (uint32_t)end : caplen;
}
