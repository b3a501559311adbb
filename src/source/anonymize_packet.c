/*
 * Packets under other addresses. Where protocols put them:
 *
 *   Ethernet, SLL, SLL2   senders and receivers
 *   ARP (RFC 826)         both pairs
 *   IPv4 (RFC 791)        source, destination, options RR, TS, LSRR, SSRR
 *   IPv6 (RFC 8200)       source, destination, routing headers, home address (RFC 6275)
 *   above IP              anonymize_transport.c
 *   tunnels               all of it again, inside
 *
 * Offsets come from decoding the original; the copy is written to with bounds of its own. Header checksums are moved by
 * what changed, so that wrong ones stay wrong; a transport's is made anew over zeros in place of the payload, since the
 * old one would tell of it.
 */
#include "anonymize_rewrite.h"

#include "dropcorr/decode/packet.h"

#include <netinet/in.h>

#define TUNNELS_MAX 4
#define NOT_KEPT UINT32_MAX

/* --- access ------------------------------------------------------------------------------ */

void dc_rewrite_clear(const DcRewrite *rewrite, uint64_t from, uint64_t end)
{
  for (; from < MIN(end, (uint64_t)rewrite->len); from++)
    rewrite->bytes[from] = 0;
}

void dc_rewrite_addr(const DcRewrite *rewrite, uint64_t offset, uint8_t version)
{
  const uint32_t len = version == 4 ? 4 : 16;
  uint8_t *bytes = dc_rewrite_at(rewrite, offset, len);
  if (bytes == NULL) {
    dc_rewrite_clear(rewrite, offset, offset + len);
    return;
  }
  DcAddr addr = {.version = version};
  memcpy(addr.bytes, bytes, len);
  const DcAddr mapped = dc_anonymizer_addr(rewrite->anonymizer, &addr);
  memcpy(bytes, mapped.bytes, len);
}

void dc_rewrite_mac(const DcRewrite *rewrite, uint64_t offset)
{
  uint8_t *bytes = dc_rewrite_at(rewrite, offset, 6);
  if (bytes == NULL) {
    dc_rewrite_clear(rewrite, offset, offset + 6);
    return;
  }
  uint8_t mapped[6];
  dc_anonymizer_mac(rewrite->anonymizer, bytes, mapped);
  memcpy(bytes, mapped, 6);
}

/* Enciphers a byte with those before it (CFB8, one beginning for all): equal beginnings stay equal. Zeros at the end
 * stay: padding must be known for what it is. */
static void scramble(const DcRewrite *rewrite, uint64_t from)
{
  uint32_t end = rewrite->len;
  while (end > from && rewrite->bytes[end - 1] == 0)
    end--;
  uint8_t before[16] = {0}, block[16];
  for (uint64_t i = from; i < end; i++) {
    aes128_encrypt(&rewrite->anonymizer->scramble_aes, sizeof block, block, before);
    uint8_t byte = rewrite->bytes[i] ^ block[0];
    memmove(before, before + 1, sizeof before - 1);
    before[15] = byte;
    /* The last one must not become padding. */
    rewrite->bytes[i] = byte == 0 && i + 1 == end ? 0x80 : byte;
  }
}

/* --- checksums (RFC 1071, 1624) --------------------------------------------------------------- */

static uint32_t sum_of(const uint8_t *bytes, size_t len)
{
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < len; i += 2)
    sum += dc_rewrite_get16(bytes + i);
  return len % 2 != 0 ? sum + ((uint32_t)bytes[len - 1] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

void dc_rewrite_move_checksum(const DcRewrite *rewrite, uint64_t from, uint32_t len, uint64_t field)
{
  uint8_t *stored = dc_rewrite_at(rewrite, field, 2);
  DcCursor cursor = rewrite->original;
  if (stored == NULL || from > rewrite->len || !dc_cursor_skip(&cursor, from))
    return;
  len = MIN(len, rewrite->len - (uint32_t)from);
  const uint8_t *before = dc_cursor_bytes(&cursor, len);
  const uint8_t *after = dc_rewrite_at(rewrite, from, len);
  if (before == NULL || after == NULL)
    return;
  /* new = ~(~old - before + after); the field itself is in both sums and falls out */
  const uint64_t difference = (uint64_t)fold(sum_of(after, len)) + (uint16_t)~fold(sum_of(before, len));
  dc_rewrite_put16(stored, (uint16_t)~fold((uint64_t)(uint16_t)~dc_rewrite_get16(stored) + difference));
}

static uint32_t checksum_offset(const DcPacket *packet)
{
  switch (packet->ip_protocol) {
  case IPPROTO_TCP:
    return 16;
  case IPPROTO_UDP:
  case IPPROTO_UDPLITE:
  case IPPROTO_DCCP:
    return 6;
  case IPPROTO_ICMP:
  case IPPROTO_ICMPV6:
    return 2;
  default:
    return NOT_KEPT;
  }
}

/* The pseudo-header's sum, with the addresses as they are now. */
static uint32_t pseudo_sum(const DcRewrite *rewrite, const DcPacket *packet, const uint8_t *transport)
{
  if (packet->ip_protocol == IPPROTO_ICMP)
    return 0;
  const bool v4 = packet->src.version == 4;
  const uint8_t *addresses = dc_rewrite_at(rewrite, packet->l3_offset + (v4 ? 12u : 8u), v4 ? 8 : 32);
  const uint64_t l3_end = (uint64_t)packet->l3_offset + packet->l3_len;
  uint64_t len = l3_end > packet->l4_offset ? l3_end - packet->l4_offset : 0;
  if (packet->ip_protocol == IPPROTO_UDP && transport != NULL && dc_rewrite_get16(transport + 4) != 0)
    len = dc_rewrite_get16(transport + 4);
  return (addresses != NULL ? sum_of(addresses, v4 ? 8 : 32) : 0) + packet->ip_protocol + (uint32_t)(len >> 16) +
         (uint32_t)(len & 0xffff);
}

/* known: whether the original's was right; what could not be told is made right. */
static void make_checksum(const DcRewrite *rewrite, const DcPacket *packet, DcChecksum known)
{
  const uint32_t offset = checksum_offset(packet);
  uint8_t *field = offset != NOT_KEPT ? dc_rewrite_at(rewrite, (uint64_t)packet->l4_offset + offset, 2) : NULL;
  if (field == NULL || known == DC_CHECKSUM_ABSENT)
    return;
  const uint8_t *transport = dc_rewrite_at(rewrite, packet->l4_offset, offset + 2);
  const uint32_t pseudo = pseudo_sum(rewrite, packet, offset >= 6 ? transport : NULL);
  dc_rewrite_put16(field, 0);
  uint16_t right = (uint16_t)~fold((uint64_t)pseudo + sum_of(transport, rewrite->len - packet->l4_offset));
  if (right == 0 && packet->ip_protocol != IPPROTO_ICMP && packet->ip_protocol != IPPROTO_TCP)
    right = 0xffff;
  uint16_t value = right;
  if (known == DC_CHECKSUM_PARTIAL)
    value = fold(pseudo);
  for (uint16_t twist = 0x5a5a; known == DC_CHECKSUM_BAD && (value == right || value == 0 || value == fold(pseudo));
       twist++)
    value = right ^ twist;
  dc_rewrite_put16(field, value);
}

/* --- network headers ------------------------------------------------------------------------ */

static void map_ipv4_options(const DcRewrite *rewrite, uint64_t from, uint64_t end)
{
  enum { RECORD_ROUTE = 7, TIMESTAMP = 68, LOOSE_ROUTE = 131, STRICT_ROUTE = 137 };
  const uint8_t *option;
  while ((option = dc_rewrite_option(rewrite, &from, end)) != NULL) {
    const uint8_t len = option[1];
    const bool route = option[0] == RECORD_ROUTE || option[0] == LOOSE_ROUTE || option[0] == STRICT_ROUTE;
    const uint8_t *flags = option[0] == TIMESTAMP ? dc_rewrite_at(rewrite, from + 3, 1) : NULL;
    if (route) {
      for (uint64_t addr = from + 3; addr + 4 <= from + len; addr += 4)
        dc_rewrite_addr(rewrite, addr, 4);
    } else if (flags != NULL && (*flags & 0x0f) != 0) {
      for (uint64_t addr = from + 4; addr + 8 <= from + len; addr += 8)
        dc_rewrite_addr(rewrite, addr, 4);
    }
    from += len;
  }
}

static void map_home_address(const DcRewrite *rewrite, uint64_t from, uint64_t end)
{
  enum { PAD1 = 0, HOME_ADDRESS = 201 };
  while (from + 2 <= end && dc_rewrite_at(rewrite, from, 2) != NULL) {
    const uint8_t *option = dc_rewrite_at(rewrite, from, 2);
    if (option[0] == PAD1) {
      from++;
      continue;
    }
    if (option[0] == HOME_ADDRESS && option[1] == 16)
      dc_rewrite_addr(rewrite, from + 2, 6);
    from += 2u + option[1];
  }
}

static void map_ipv6_chain(const DcRewrite *rewrite, uint64_t from, uint8_t protocol, uint64_t end)
{
  enum { HEADERS_MAX = 16 };
  for (int i = 0; i < HEADERS_MAX && from + 8 <= end; i++) {
    const uint8_t *header = dc_rewrite_at(rewrite, from, 8);
    if (header == NULL)
      return;
    uint32_t len = (header[1] + 1u) * 8;
    if (protocol == IPPROTO_ROUTING) {
      for (uint64_t addr = from + 8; addr + 16 <= from + len; addr += 16)
        dc_rewrite_addr(rewrite, addr, 6);
    } else if (protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_HOPOPTS) {
      map_home_address(rewrite, from + 2, from + len);
    } else if (protocol == IPPROTO_FRAGMENT) {
      len = 8;
    } else if (protocol == IPPROTO_AH) {
      len = (header[1] + 2u) * 4;
    } else {
      return;
    }
    protocol = header[0];
    from += len;
  }
}

uint32_t dc_rewrite_ip_header(const DcRewrite *rewrite, uint64_t offset)
{
  const uint8_t *first = dc_rewrite_at(rewrite, offset, 1);
  if (first == NULL)
    return 0;
  if (*first >> 4 == 4) {
    const uint32_t len = (*first & 0x0fu) * 4;
    if (len < 20)
      return 0;
    dc_rewrite_addr(rewrite, offset + 12, 4);
    dc_rewrite_addr(rewrite, offset + 16, 4);
    map_ipv4_options(rewrite, offset + 20, offset + len);
    dc_rewrite_move_checksum(rewrite, offset, len, offset + 10);
    return len;
  }
  if (*first >> 4 != 6)
    return 0;
  const uint8_t *next = dc_rewrite_at(rewrite, offset + 6, 1);
  dc_rewrite_addr(rewrite, offset + 8, 6);
  dc_rewrite_addr(rewrite, offset + 24, 6);
  if (next != NULL)
    map_ipv6_chain(rewrite, offset + 40, *next, rewrite->len);
  return 40;
}

static void map_arp(const DcRewrite *rewrite, const DcPacket *packet)
{
  const uint64_t offset = packet->l3_offset;
  const uint8_t *head = dc_rewrite_at(rewrite, offset, 8);
  if (head == NULL || head[4] != 6 || head[5] != 4 || dc_rewrite_get16(head + 2) != 0x0800) {
    scramble(rewrite, offset + 8);
    return;
  }
  dc_rewrite_mac(rewrite, offset + 8);
  dc_rewrite_addr(rewrite, offset + 14, 4);
  dc_rewrite_mac(rewrite, offset + 18);
  dc_rewrite_addr(rewrite, offset + 24, 4);
}

static void make_gre_checksum(const DcRewrite *rewrite, const DcPacket *packet)
{
  uint8_t *header = packet->ip_protocol == IPPROTO_GRE ? dc_rewrite_at(rewrite, packet->l4_offset, 8) : NULL;
  if (header == NULL || (header[0] & 0x80) == 0 || packet->fragment_offset != 0)
    return;
  dc_rewrite_put16(header + 4, 0);
  dc_rewrite_put16(header + 4, (uint16_t)~fold(sum_of(header, rewrite->len - packet->l4_offset)));
}

/* --- link headers ------------------------------------------------------------------------- */

static void map_link(const DcRewrite *rewrite, DcLink link, uint64_t offset)
{
  const uint8_t *len;
  switch (link) {
  case DC_LINK_ETHERNET:
    dc_rewrite_mac(rewrite, offset);
    dc_rewrite_mac(rewrite, offset + 6);
    break;
  case DC_LINK_SLL:
    len = dc_rewrite_at(rewrite, offset + 4, 2);
    if (len != NULL && dc_rewrite_get16(len) == 6)
      dc_rewrite_mac(rewrite, offset + 6);
    else if (len != NULL && dc_rewrite_get16(len) != 0)
      memset(rewrite->bytes + offset + 6, 0, MIN(8, rewrite->len - (offset + 6)));
    break;
  case DC_LINK_SLL2:
    len = dc_rewrite_at(rewrite, offset + 11, 1);
    if (len != NULL && *len == 6)
      dc_rewrite_mac(rewrite, offset + 12);
    else if (len != NULL && *len != 0)
      memset(rewrite->bytes + offset + 12, 0, MIN(8, rewrite->len - (offset + 12)));
    break;
  case DC_LINK_RAW:
  case DC_LINK_NULL:
  case DC_LINK_UNKNOWN:
    break;
  }
}

/* Spanning tree (802.1D 9.3): root and bridge are MAC addresses; from its version 1 length on names follow. */
static bool map_bpdu(const DcRewrite *rewrite, uint64_t offset)
{
  enum { BPDU_SAP = 0x42, NAMES = 39 };
  const uint8_t *llc = dc_rewrite_at(rewrite, offset, 5);
  if (llc == NULL || llc[0] != BPDU_SAP || llc[3] != 0 || llc[4] != 0)
    return false;
  dc_rewrite_mac(rewrite, offset + 3 + 7);
  dc_rewrite_mac(rewrite, offset + 3 + 19);
  scramble(rewrite, offset + 3 + NAMES);
  return true;
}

static void map_other(const DcRewrite *rewrite, const DcPacket *packet)
{
  const uint64_t offset = packet->l3_offset;
  if ((packet->has & DC_HAS_LLC) && map_bpdu(rewrite, offset))
    return;
  if (packet->has & DC_HAS_LLC) {
    scramble(rewrite, offset + (packet->has & DC_HAS_SNAP ? 8 : 3));
    return;
  }
  /* An IP header too broken to be read has its addresses where others have them. */
  if (packet->ethertype == 0x0800) {
    dc_rewrite_addr(rewrite, offset + 12, 4);
    dc_rewrite_addr(rewrite, offset + 16, 4);
    dc_rewrite_move_checksum(rewrite, offset, 20, offset + 10);
    scramble(rewrite, offset + 20);
  } else if (packet->ethertype == 0x86dd) {
    dc_rewrite_addr(rewrite, offset + 8, 6);
    dc_rewrite_addr(rewrite, offset + 24, 6);
    scramble(rewrite, offset + 40);
  } else {
    /* Without LLC a frame with a length begins with ffff, and is known by that. */
    scramble(rewrite, offset + (packet->ethertype == 0x0001 ? 2 : 0));
  }
}

/* One packet, from its link header on; and what is inside of it. */
static void map_packet(const DcRewrite *rewrite, DcLink link, uint64_t offset, const DcPacket *packet, DcChecksum known,
                       uint32_t len, int depth)
{
  if (link == DC_LINK_UNKNOWN || !(packet->has & DC_HAS_ETHERTYPE)) {
    /* Shorter than its link header, or none that anybody knows. */
    scramble(rewrite, offset);
    return;
  }
  map_link(rewrite, link, offset);
  if (packet->has & DC_HAS_ARP) {
    map_arp(rewrite, packet);
    return;
  }
  if (!(packet->has & DC_HAS_IP)) {
    map_other(rewrite, packet);
    return;
  }
  dc_rewrite_ip_header(rewrite, packet->l3_offset);
  dc_rewrite_transport(rewrite, packet);
  DcPacket inner;
  if (depth < TUNNELS_MAX &&
      dc_decode_inner(packet, rewrite->original.data, (uint32_t)rewrite->original.len, len, &inner))
    map_packet(rewrite, (DcLink)packet->inner_link, packet->inner_offset, &inner, DC_CHECKSUM_UNKNOWN, len, depth + 1);
  else if (packet->has & DC_HAS_INNER)
    scramble(rewrite, packet->inner_offset); /* deeper than anybody looks */
  if (packet->fragment_offset == 0 && packet->l4_offset <= rewrite->len) {
    make_gre_checksum(rewrite, packet);
    make_checksum(rewrite, packet, known);
  }
}

void dc_anon_packet(DcAnonymizer *anonymizer, DcLink link, const uint8_t *original, uint32_t caplen, uint32_t len,
                    DcChecksum checksum, GByteArray *copy)
{
  const DcRewrite rewrite = {
      .anonymizer = anonymizer, .original = dc_cursor(original, caplen), .bytes = copy->data, .len = copy->len};
  DcPacket packet;
  dc_decode_packet(link, original, caplen, len, true, &packet);
  map_packet(&rewrite, link, 0, &packet,
             packet.l4_checksum != DC_CHECKSUM_UNKNOWN ? (DcChecksum)packet.l4_checksum : checksum, len, 0);
}
