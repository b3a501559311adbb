/*
 * Addresses above IP:
 *
 *   TCP      MPTCP's ADD_ADDR (RFC 8684)
 *   ICMP     quoted packets, a redirect's gateway (RFC 792)
 *   ICMPv6   quotes (RFC 4443), ND targets and options (RFC 4861, 4191, 8106), listener reports (RFC 2710, 3810)
 *   IGMP     groups and sources (RFC 2236, 3376)
 */
#include "anonymize_rewrite.h"

#include <netinet/in.h>

static void map_tcp_options(const DcRewrite *rewrite, uint64_t from, uint64_t end)
{
  enum { MPTCP = 30, ADD_ADDR = 3 };
  const uint8_t *option;
  while ((option = dc_rewrite_option(rewrite, &from, end)) != NULL) {
    const uint8_t len = option[1];
    const uint8_t *subtype = dc_rewrite_at(rewrite, from + 2, 1);
    /* Address, then perhaps a port and a code: the length tells which kind. */
    if (option[0] == MPTCP && subtype != NULL && *subtype >> 4 == ADD_ADDR && len >= 8)
      dc_rewrite_addr(rewrite, from + 4, len < 20 ? 4 : 6);
    from += len;
  }
}

/* What an ICMP error quotes: a header, and 8 bytes of which UDP's last two would tell of its payload. */
static void map_quote(const DcRewrite *rewrite, uint64_t offset)
{
  const uint8_t *first = dc_rewrite_at(rewrite, offset, 1);
  const uint8_t *protocol = first != NULL ? dc_rewrite_at(rewrite, offset + (*first >> 4 == 4 ? 9u : 6u), 1) : NULL;
  const bool udp = protocol != NULL && *protocol == IPPROTO_UDP;
  const uint32_t len = dc_rewrite_ip_header(rewrite, offset);
  uint8_t *checksum = len > 0 && udp ? dc_rewrite_at(rewrite, offset + len + 6, 2) : NULL;
  if (checksum != NULL)
    dc_rewrite_put16(checksum, 0);
}

static void map_nd_options(const DcRewrite *rewrite, uint64_t from)
{
  enum { SOURCE = 1, TARGET = 2, PREFIX = 3, REDIRECTED = 4, ROUTE = 24, RDNSS = 25, DNSSL = 31 };
  for (const uint8_t *option; (option = dc_rewrite_at(rewrite, from, 8)) != NULL && option[1] != 0;) {
    const uint64_t end = from + option[1] * 8u;
    switch (option[0]) {
    case SOURCE:
    case TARGET:
      dc_rewrite_mac(rewrite, from + 2);
      break;
    case PREFIX:
      dc_rewrite_addr(rewrite, from + 16, 6);
      break;
    case REDIRECTED:
      map_quote(rewrite, from + 8);
      break;
    case RDNSS:
      for (uint64_t addr = from + 8; addr + 16 <= end; addr += 16)
        dc_rewrite_addr(rewrite, addr, 6);
      break;
    case ROUTE:
      if (option[1] == 3)
        dc_rewrite_addr(rewrite, from + 8, 6);
      else
        dc_rewrite_clear(rewrite, from + 8, end);
      break;
    case DNSSL:
      dc_rewrite_clear(rewrite, from + 8, end);
      break;
    default:
      break;
    }
    from = end;
  }
}

/* MLDv2 (version 6) and IGMPv3 reports: records of a group and its sources. */
static void map_group_records(const DcRewrite *rewrite, uint64_t from, uint8_t version)
{
  const uint32_t size = version == 4 ? 4 : 16;
  for (const uint8_t *record; (record = dc_rewrite_at(rewrite, from, 4)) != NULL;) {
    const uint32_t sources = dc_rewrite_get16(record + 2), extra = record[1] * 4u;
    for (uint32_t i = 0; i <= sources && from + 4 + (uint64_t)i * size < rewrite->len; i++)
      dc_rewrite_addr(rewrite, from + 4 + (uint64_t)i * size, version);
    from += 4 + (uint64_t)size * (sources + 1) + extra;
  }
}

static void map_sources(const DcRewrite *rewrite, uint64_t from, uint8_t version)
{
  const uint32_t size = version == 4 ? 4 : 16;
  for (; from < rewrite->len; from += size)
    dc_rewrite_addr(rewrite, from, version);
}

static void map_icmpv6(const DcRewrite *rewrite, const DcPacket *packet)
{
  enum { QUERY = 130, REPORT = 131, DONE = 132, RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137, REPORT2 = 143 };
  const uint64_t offset = packet->l4_offset;
  switch (packet->icmp_type) {
  case QUERY:
    dc_rewrite_addr(rewrite, offset + 8, 6);
    map_sources(rewrite, offset + 28, 6);
    break;
  case REPORT:
  case DONE:
    dc_rewrite_addr(rewrite, offset + 8, 6);
    break;
  case REPORT2:
    map_group_records(rewrite, offset + 8, 6);
    break;
  case RS:
    map_nd_options(rewrite, offset + 8);
    break;
  case RA:
    map_nd_options(rewrite, offset + 16);
    break;
  case REDIRECT:
    dc_rewrite_addr(rewrite, offset + 24, 6);
    dc_rewrite_addr(rewrite, offset + 8, 6);
    map_nd_options(rewrite, offset + 40);
    break;
  case NS:
  case NA:
    dc_rewrite_addr(rewrite, offset + 8, 6);
    map_nd_options(rewrite, offset + 24);
    break;
  default:
    break;
  }
}

static void map_igmp(const DcRewrite *rewrite, const DcPacket *packet)
{
  enum { QUERY = 0x11, REPORT3 = 0x22 };
  const uint64_t offset = packet->l4_offset;
  const uint8_t *type = dc_rewrite_at(rewrite, offset, 1);
  if (type == NULL)
    return;
  if (*type == REPORT3) {
    map_group_records(rewrite, offset + 8, 4);
  } else {
    dc_rewrite_addr(rewrite, offset + 4, 4);
    if (*type == QUERY)
      map_sources(rewrite, offset + 12, 4);
  }
  dc_rewrite_move_checksum(rewrite, offset, rewrite->len, offset + 2);
}

void dc_rewrite_transport(const DcRewrite *rewrite, const DcPacket *packet)
{
  enum { ICMP_REDIRECT = 5, GRE_CHECKSUM = 0x80 };
  if (packet->fragment_offset != 0)
    return;
  uint8_t *field;
  switch (packet->ip_protocol) {
  case IPPROTO_TCP:
    if ((packet->has & DC_HAS_TCP) && packet->payload_offset > packet->l4_offset + 20)
      map_tcp_options(rewrite, packet->l4_offset + 20u, packet->payload_offset);
    break;
  case IPPROTO_ICMP:
    if ((packet->has & DC_HAS_ICMP) && packet->icmp_type == ICMP_REDIRECT)
      dc_rewrite_addr(rewrite, packet->l4_offset + 4u, 4);
    if (packet->has & DC_HAS_QUOTE)
      map_quote(rewrite, packet->payload_offset);
    break;
  case IPPROTO_ICMPV6:
    if (packet->has & DC_HAS_QUOTE)
      map_quote(rewrite, packet->payload_offset);
    else if (packet->has & DC_HAS_ICMP)
      map_icmpv6(rewrite, packet);
    break;
  case IPPROTO_IGMP:
    map_igmp(rewrite, packet);
    break;
  case IPPROTO_SCTP: /* a CRC over a payload that is gone */
    field = dc_rewrite_at(rewrite, packet->l4_offset + 8u, 4);
    if (field != NULL)
      memset(field, 0, 4);
    break;
  default:
    break;
  }
}
