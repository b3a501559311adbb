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
#include "dropcorr/base/word.h"
#include "dropcorr/decode/packet.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERNET 14u
#define TAG 4u
#define IPV4 20u
#define IPV6 40u
#define TCP 20u
#define UDP 8u
#define LEAST (IPV4 + UDP)

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_8021Q = 0x8100, TYPE_8021AD = 0x88a8 };

static inline uint16_t in_network_order(uint16_t value)
{
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(value) : value;
}

static inline uint16_t be16(const uint8_t *at)
{
  return in_network_order(dc_word16(at));
}

static inline uint32_t be32(const uint8_t *at)
{
  const uint32_t value = dc_word32(at);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(value) : value;
}

/* Where the packet's parts lie. All before `caught` was captured, at least the header of IP and the least one of what
 * is in it: nothing behind is read. */
typedef struct {
  const uint8_t *bytes; /* the frame's first */
  const uint8_t *ip, *l4;
  uint32_t l3_offset, l4_offset;
  uint32_t end; /* of the packet on the wire */
  uint32_t caught;
  bool checksums;
} Plan;

/* Each of these is made into many functions, of what is known where they are called. */
#define FOR_EACH static inline __attribute__((always_inline))

/* False: not so much of it is there. */
FOR_EACH bool make_plan(const uint8_t *bytes, uint32_t caplen, uint32_t len, uint32_t l3_offset, bool v4, bool tcp,
                        Plan *plan)
{
  const uint32_t header_len = v4 ? IPV4 : IPV6;
  plan->bytes = bytes;
  plan->ip = bytes + l3_offset;
  plan->l4 = plan->ip + header_len;
  plan->l3_offset = l3_offset;
  plan->l4_offset = l3_offset + header_len;
  plan->end = l3_offset + (v4 ? be16(plan->ip + 2) : IPV6 + be16(plan->ip + 4));
  plan->caught = plan->end;
  if (plan->end > caplen) {
    if (plan->end > len)
      return false;
    plan->caught = caplen;
  }
  return plan->caught >= plan->l4_offset + (tcp ? TCP : UDP);
}

FOR_EACH void put_address(DcAddr *addr, const uint8_t *from, bool v4)
{
  if (v4) {
    dc_addr_bytes_set_ipv4(addr->bytes, dc_word32(from));
  } else {
    memcpy(addr->bytes, from, sizeof addr->bytes);
  }
  addr->version = v4 ? 4 : 6;
}

/* has: besides what all of these packets have. */
FOR_EACH void put_link_and_ip(const Plan *plan, bool v4, bool tcp, uint32_t has, DcPacket *packet)
{
  const uint8_t *ip = plan->ip;
  dc_decoder_clear(packet);
  packet->has = DC_HAS_MAC | DC_HAS_SRC_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS | has;
  packet->link = DC_LINK_ETHERNET;
  packet->ip_protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
  memcpy(packet->dst_mac, plan->bytes, 6);
  memcpy(packet->src_mac, plan->bytes + 6, 6);
  packet->ethertype = v4 ? TYPE_IPV4 : TYPE_IPV6;
  if (plan->l3_offset != ETHERNET) {
    packet->vlan_count = 1;
    packet->vlan_proto = be16(plan->bytes + 12);
    packet->vlan[0] = be16(plan->bytes + 14) & 0x0fff;
  }
  packet->l3_offset = plan->l3_offset;
  packet->l3_len = plan->end - plan->l3_offset;
  packet->l4_offset = plan->l4_offset;
  put_address(&packet->src, ip + (v4 ? 12 : 8), v4);
  put_address(&packet->dst, ip + (v4 ? 16 : 24), v4);
  if (v4) {
    packet->tos = ip[1];
    packet->ip_id = be16(ip + 4);
    packet->ttl = ip[8];
    if (plan->checksums) {
      uint64_t sum = 0;
      for (uint32_t at = 0; at < IPV4; at += 4)
        sum += dc_word32(ip + at);
      packet->ip_checksum = dc_checksum_is_good(sum) ? DC_CHECKSUM_GOOD : DC_CHECKSUM_BAD;
    }
  } else {
    packet->tos = (uint8_t)(be32(ip) >> 20);
    packet->ttl = ip[7];
  }
}

/* words: from the addresses to the end of what the checksum is of. rest: of the pseudo-header, protocol and length. */
static __attribute__((noinline)) void judge(const uint8_t *words, size_t addresses_len, size_t covered, uint32_t rest,
                                            uint16_t field, DcPacket *packet)
{
  if (dc_checksum_is_good(dc_checksum_words(rest, words, addresses_len + covered)))
    packet->l4_checksum = DC_CHECKSUM_GOOD;
  else if (dc_checksum_fold(dc_checksum_words(rest, words, addresses_len)) == field)
    packet->l4_checksum = DC_CHECKSUM_PARTIAL;
  else
    packet->l4_checksum = DC_CHECKSUM_BAD;
}

/* The pseudo-header's addresses lie before the L4 packet, in either version of IP: one sum is over both. Comes last, so
 * that nothing is kept from before. at: of the checksum; covered: so many bytes it is of. */
FOR_EACH void put_checksum(const Plan *plan, bool v4, bool tcp, uint16_t covered, uint32_t at, DcPacket *packet)
{
  if (!plan->checksums || plan->l4_offset + covered > plan->caught)
    return;
  const uint32_t addresses_len = v4 ? 8 : 32;
  const uint32_t rest = (uint32_t)in_network_order(tcp ? IPPROTO_TCP : IPPROTO_UDP) + in_network_order(covered);
  judge(plan->l4 - addresses_len, addresses_len, covered, rest, dc_word16(plan->l4 + at), packet);
}

static __attribute__((noinline)) void put_options(const uint8_t *options, size_t len, DcPacket *packet)
{
  dc_decode_tcp_options(packet, dc_cursor(options, len));
}

/* As nearly every segment behind a handshake has them: two fillers, timestamps. */
static inline bool is_timestamps(const uint8_t *options, uint32_t len)
{
  return len == 12 && be32(options) == 0x0101080a;
}

FOR_EACH bool put_tcp(const uint8_t *bytes, uint32_t caplen, uint32_t len, uint32_t l3_offset, bool v4, bool checksums,
                      DcPacket *packet)
{
  Plan plan = {.checksums = checksums};
  if (!make_plan(bytes, caplen, len, l3_offset, v4, true, &plan))
    return false;
  const uint8_t *tcp = plan.l4;
  const uint32_t header_len = (uint32_t)(tcp[12] >> 4) * 4;
  const uint32_t payload_offset = plan.l4_offset + header_len;
  if (header_len < TCP || payload_offset > plan.caught)
    return false;
  put_link_and_ip(&plan, v4, true, DC_HAS_TCP, packet);
  packet->src_port = be16(tcp);
  packet->dst_port = be16(tcp + 2);
  packet->tcp_seq = be32(tcp + 4);
  packet->tcp_ack = be32(tcp + 8);
  packet->tcp_flags = tcp[13];
  packet->tcp_window = be16(tcp + 14);
  packet->payload_offset = payload_offset;
  packet->payload_len = plan.end - payload_offset;
  if (is_timestamps(tcp + TCP, header_len - TCP)) {
    packet->has |= DC_HAS_TIMESTAMP;
    packet->tsval = be32(tcp + TCP + 4);
    packet->tsecr = be32(tcp + TCP + 8);
  } else if (header_len > TCP) {
    put_options(tcp + TCP, header_len - TCP, packet);
  }
  put_checksum(&plan, v4, true, (uint16_t)(plan.end - plan.l4_offset), 16, packet);
  return true;
}

FOR_EACH bool put_udp(const uint8_t *bytes, uint32_t caplen, uint32_t len, uint32_t l3_offset, bool v4, bool checksums,
                      DcPacket *packet)
{
  Plan plan = {.checksums = checksums};
  if (!make_plan(bytes, caplen, len, l3_offset, v4, false, &plan))
    return false;
  const uint8_t *udp = plan.l4;
  const uint16_t udp_len = be16(udp + 4);
  const uint16_t dst_port = be16(udp + 2);
  if (udp_len < UDP || udp_len > plan.end - plan.l4_offset || dc_decode_is_vxlan_port(dst_port))
    return false;
  put_link_and_ip(&plan, v4, false, 0, packet);
  packet->src_port = be16(udp);
  packet->dst_port = dst_port;
  packet->payload_offset = plan.l4_offset + UDP;
  packet->payload_len = udp_len - UDP;
  if (dc_word16(udp + 6) == 0)
    packet->l4_checksum = DC_CHECKSUM_ABSENT;
  else
    put_checksum(&plan, v4, false, udp_len, 6, packet);
  return true;
}

/* Of the least packet that is behind l3_offset bytes all was captured. */
FOR_EACH bool decode_ip(const uint8_t *bytes, uint32_t caplen, uint32_t len, uint32_t l3_offset, bool checksums,
                        DcPacket *packet)
{
  const uint16_t type = be16(bytes + l3_offset - 2);
  const uint8_t *ip = bytes + l3_offset;
  if (type == TYPE_IPV4) {
    if (ip[0] != 0x45 || (be16(ip + 6) & 0x3fff) != 0)
      return false;
    if (ip[9] == IPPROTO_TCP)
      return put_tcp(bytes, caplen, len, l3_offset, true, checksums, packet);
    return ip[9] == IPPROTO_UDP && put_udp(bytes, caplen, len, l3_offset, true, checksums, packet);
  }
  if (type != TYPE_IPV6 || ip[0] >> 4 != 6 || be16(ip + 4) == 0)
    return false;
  if (ip[6] == IPPROTO_TCP)
    return put_tcp(bytes, caplen, len, l3_offset, false, checksums, packet);
  return ip[6] == IPPROTO_UDP && put_udp(bytes, caplen, len, l3_offset, false, checksums, packet);
}

FOR_EACH bool is_tagged(const uint8_t *bytes)
{
  const uint16_t type = be16(bytes + 12);
  return type == TYPE_8021Q || type == TYPE_8021AD;
}

bool dc_decode_plain(const uint8_t *bytes, uint32_t caplen, uint32_t len, bool checksums, DcPacket *packet)
{
  if (bytes == NULL || caplen < ETHERNET + LEAST)
    return false;
  if (!is_tagged(bytes))
    return decode_ip(bytes, caplen, len, ETHERNET, checksums, packet);
  return caplen >= ETHERNET + TAG + LEAST && decode_ip(bytes, caplen, len, ETHERNET + TAG, checksums, packet);
}

static __attribute__((noinline)) void decode_tagged(const uint8_t *bytes, uint32_t caplen, uint32_t len, bool checksums,
                                                    DcPacket *ret_packet)
{
  if (!dc_decode_plain(bytes, caplen, len, checksums, ret_packet))
    dc_decode_layers(DC_LINK_ETHERNET, bytes, caplen, len, checksums, ret_packet);
}

/* Without a tag all offsets are known, and take no registers. Hot: so many conditions come before the fields that GCC
 * thinks nobody gets there, and would make that part small instead of fast. */
__attribute__((hot)) void dc_decode_packet(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len,
                                           bool checksums, DcPacket *ret_packet)
{
  if (link != DC_LINK_ETHERNET || bytes == NULL || caplen < ETHERNET + LEAST)
    dc_decode_layers(link, bytes, caplen, len, checksums, ret_packet);
  else if (is_tagged(bytes))
    decode_tagged(bytes, caplen, len, checksums, ret_packet);
  else if (!decode_ip(bytes, caplen, len, ETHERNET, checksums, ret_packet))
    dc_decode_layers(DC_LINK_ETHERNET, bytes, caplen, len, checksums, ret_packet);
}
