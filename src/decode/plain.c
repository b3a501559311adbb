/*
 * The packets that nearly all traffic consists of, decoded in one pass: TCP and UDP in IPv4 without options or IPv6
 * without extension headers, not in pieces, on Ethernet with one tag at most, with all headers captured and lengths
 * that agree.
 *
 *   Ethernet(14) [tag(4)] | IPv4(20) or IPv6(40) | TCP(20 and more) or UDP(8) | payload
 *
 * What is decoded here comes out as the layers' own decoders make it (link.c, network.c, transport.c); tests hold the
 * one against the other. Everything else is left to them.
 */
#include "checksum.h"
#include "decoder.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERNET 14u
#define TAG 4u
#define IPV4 20u
#define IPV6 40u
#define TCP 20u
#define UDP 8u

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_8021Q = 0x8100, TYPE_8021AD = 0x88a8 };

static inline uint16_t be16(const uint8_t *at)
{
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(value) : value;
}

static inline uint32_t be32(const uint8_t *at)
{
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(value) : value;
}

/* Where the packet's parts lie. All up to l4 and the least L4 header was captured. */
typedef struct {
  const uint8_t *bytes; /* the frame's first */
  uint32_t l3, l4;
  uint32_t end;    /* of the packet on the wire, behind l4's least header */
  uint32_t caught; /* so much of it was captured */
  uint16_t type;   /* after the tag */
  uint8_t protocol;
  bool tagged;
} Plan;

/* Looks only: false leaves the packet as it is. */
static bool make_plan(const uint8_t *bytes, uint32_t caplen, uint32_t len, Plan *plan)
{
  DcCursor cursor = dc_cursor(bytes, caplen);
  /* The least packet of this kind; what more is read is asked for below. */
  plan->bytes = dc_cursor_bytes(&cursor, ETHERNET + IPV4 + UDP);
  if (plan->bytes == NULL)
    return false;
  plan->type = be16(bytes + 12);
  plan->tagged = plan->type == TYPE_8021Q || plan->type == TYPE_8021AD;
  if (plan->tagged)
    plan->type = be16(bytes + 16);
  plan->l3 = plan->tagged ? ETHERNET + TAG : ETHERNET;
  const uint8_t *ip = bytes + plan->l3;
  uint32_t ip_len;
  if (plan->type == TYPE_IPV4) {
    /* Of a tagged packet that is too short for it the last bytes are not read before their number was asked for. */
    if (caplen < plan->l3 + IPV4 + UDP || ip[0] != 0x45 || (be16(ip + 6) & 0x3fff) != 0)
      return false;
    plan->protocol = ip[9];
    plan->l4 = plan->l3 + IPV4;
    ip_len = be16(ip + 2);
  } else if (plan->type == TYPE_IPV6) {
    if (caplen < plan->l3 + IPV6 + UDP || ip[0] >> 4 != 6 || be16(ip + 4) == 0)
      return false;
    plan->protocol = ip[6];
    plan->l4 = plan->l3 + IPV6;
    ip_len = IPV6 + be16(ip + 4);
  } else {
    return false;
  }
  const uint64_t end = (uint64_t)plan->l3 + ip_len;
  if (end > len)
    return false;
  plan->end = (uint32_t)end;
  plan->caught = caplen < plan->end ? caplen : plan->end;
  const uint32_t least = plan->protocol == IPPROTO_TCP ? TCP : UDP;
  return (plan->protocol == IPPROTO_TCP || plan->protocol == IPPROTO_UDP) && plan->caught >= plan->l4 + least;
}

static inline void put_ipv4_address(DcAddr *addr, const uint8_t *from)
{
  typedef uint32_t Words __attribute__((vector_size(16)));
  uint32_t word;
  memcpy(&word, from, sizeof word);
  const Words words = {word, 0, 0, 0}; /* in one piece, as it is read later */
  memcpy(addr->bytes, &words, sizeof words);
  addr->version = 4;
}

static inline void put_ipv6_address(DcAddr *addr, const uint8_t *from)
{
  memcpy(addr->bytes, from, sizeof addr->bytes);
  addr->version = 6;
}

static inline void put_link_and_ip(const Plan *plan, bool checksums, DcPacket *packet)
{
  const uint8_t *ip = plan->bytes + plan->l3;
  packet->link = DC_LINK_ETHERNET;
  packet->has = DC_HAS_MAC | DC_HAS_SRC_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS;
  memcpy(packet->dst_mac, plan->bytes, 6);
  memcpy(packet->src_mac, plan->bytes + 6, 6);
  packet->ethertype = plan->type;
  if (plan->tagged) {
    packet->vlan_count = 1;
    packet->vlan_proto = be16(plan->bytes + 12);
    packet->vlan[0] = be16(plan->bytes + 14) & 0x0fff;
  }
  packet->ip_protocol = plan->protocol;
  packet->l3_offset = plan->l3;
  packet->l3_len = plan->end - plan->l3;
  packet->l4_offset = plan->l4;
  if (plan->type == TYPE_IPV4) {
    packet->tos = ip[1];
    packet->ip_id = be16(ip + 4);
    packet->ttl = ip[8];
    put_ipv4_address(&packet->src, ip + 12);
    put_ipv4_address(&packet->dst, ip + 16);
    if (checksums)
      packet->ip_checksum =
          dc_checksum_fold(dc_checksum_add(0, ip, IPV4)) == 0xffff ? DC_CHECKSUM_GOOD : DC_CHECKSUM_BAD;
  } else {
    packet->tos = (uint8_t)(be32(ip) >> 20);
    packet->ttl = ip[7];
    put_ipv6_address(&packet->src, ip + 8);
    put_ipv6_address(&packet->dst, ip + 24);
  }
}

/* covered: bytes of the L4 packet that the checksum is of. */
static inline uint8_t judge(const Plan *plan, uint32_t covered, uint16_t field)
{
  if (plan->l4 + covered > plan->caught)
    return DC_CHECKSUM_UNKNOWN;
  const bool v4 = plan->type == TYPE_IPV4;
  const uint64_t pseudo =
      dc_checksum_add((uint64_t)plan->protocol + covered, plan->bytes + plan->l3 + (v4 ? 12 : 8), v4 ? 8 : 32);
  return (uint8_t)dc_checksum_of_sum(dc_checksum_add(pseudo, plan->bytes + plan->l4, covered), pseudo, field);
}

static bool put_tcp(const Plan *plan, bool checksums, DcPacket *packet)
{
  const uint8_t *tcp = plan->bytes + plan->l4;
  const uint32_t header_len = (uint32_t)(tcp[12] >> 4) * 4;
  if (header_len < TCP || plan->l4 + header_len > plan->caught)
    return false;
  put_link_and_ip(plan, checksums, packet);
  packet->has |= DC_HAS_TCP;
  packet->src_port = be16(tcp);
  packet->dst_port = be16(tcp + 2);
  packet->tcp_seq = be32(tcp + 4);
  packet->tcp_ack = be32(tcp + 8);
  packet->tcp_flags = tcp[13];
  packet->tcp_window = be16(tcp + 14);
  packet->payload_offset = plan->l4 + header_len;
  packet->payload_len = plan->end - packet->payload_offset;
  if (checksums)
    packet->l4_checksum = judge(plan, plan->end - plan->l4, be16(tcp + 16));
  if (header_len > TCP)
    dc_decode_tcp_options(packet, dc_cursor(tcp + TCP, header_len - TCP));
  return true;
}

static bool put_udp(const Plan *plan, bool checksums, DcPacket *packet)
{
  const uint8_t *udp = plan->bytes + plan->l4;
  const uint32_t len = be16(udp + 4);
  const uint16_t field = be16(udp + 6);
  if (len < UDP || len > plan->end - plan->l4 || dc_decode_is_vxlan_port(be16(udp + 2)))
    return false;
  put_link_and_ip(plan, checksums, packet);
  packet->src_port = be16(udp);
  packet->dst_port = be16(udp + 2);
  packet->payload_offset = plan->l4 + UDP;
  packet->payload_len = len - UDP;
  if (field == 0)
    packet->l4_checksum = DC_CHECKSUM_ABSENT;
  else if (checksums)
    packet->l4_checksum = judge(plan, len, field);
  return true;
}

bool dc_decode_plain(const uint8_t *bytes, uint32_t caplen, uint32_t len, bool checksums, DcPacket *packet)
{
  Plan plan;
  if (!make_plan(bytes, caplen, len > caplen ? len : caplen, &plan))
    return false;
  return plan.protocol == IPPROTO_TCP ? put_tcp(&plan, checksums, packet) : put_udp(&plan, checksums, packet);
}
