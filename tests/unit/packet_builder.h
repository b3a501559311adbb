/* Frames for tests: Ethernet, IPv4, TCP/UDP/ICMP with right checksums, built field by field. */
#pragma once

#include "dropcorr/decode/packet.h"
#include "dropcorr/model/event.h"

#include <glib.h>
#include <string.h>

#define HOST_MAC     \
  {                  \
    2, 0, 0, 0, 0, 1 \
  }
#define PEER_MAC     \
  {                  \
    2, 0, 0, 0, 0, 2 \
  }
#define HOST_IP 0x0a000001u /* 10.0.0.1 */
#define PEER_IP 0x0a000002u /* 10.0.0.2 */

typedef struct {
  uint8_t bytes[2048];
  uint32_t len;
} Packet;

typedef struct {
  bool from_host;    /* direction: host to peer; else peer to host */
  uint32_t src, dst; /* 0: the usual ones */
  uint16_t sport, dport;
  uint32_t seq, ack;
  uint8_t flags; /* TCP */
  uint16_t window;
  uint32_t tsval;    /* 0: no timestamps option */
  uint16_t id;       /* IPv4 */
  uint16_t fragment; /* raw field: flags and offset / 8 */
  uint16_t vlan;     /* 0: untagged */
  const uint8_t *src_mac, *dst_mac;
  const char *payload;
  uint32_t payload_len;
} Spec;

static inline void put16(Packet *packet, uint16_t value)
{
  packet->bytes[packet->len++] = (uint8_t)(value >> 8);
  packet->bytes[packet->len++] = (uint8_t)value;
}

static inline void put32(Packet *packet, uint32_t value)
{
  put16(packet, (uint16_t)(value >> 16));
  put16(packet, (uint16_t)value);
}

static inline void put_bytes(Packet *packet, const void *bytes, size_t len)
{
  memcpy(packet->bytes + packet->len, bytes, len);
  packet->len += (uint32_t)len;
}

static inline uint32_t sum_words(const uint8_t *bytes, size_t len, uint32_t sum)
{
  for (size_t i = 0; i + 1 < len; i += 2)
    sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
  if (len % 2 != 0)
    sum += (uint32_t)bytes[len - 1] << 8;
  return sum;
}

static inline uint16_t fold(uint32_t sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static inline void set16(Packet *packet, uint32_t at, uint16_t value)
{
  packet->bytes[at] = (uint8_t)(value >> 8);
  packet->bytes[at + 1] = (uint8_t)value;
}

static inline void put_ethernet(Packet *packet, const Spec *spec, uint16_t ethertype)
{
  static const uint8_t host[6] = HOST_MAC, peer[6] = PEER_MAC;
  put_bytes(packet, spec->dst_mac != NULL ? spec->dst_mac : spec->from_host ? peer : host, 6);
  put_bytes(packet, spec->src_mac != NULL ? spec->src_mac : spec->from_host ? host : peer, 6);
  if (spec->vlan != 0) {
    put16(packet, 0x8100);
    put16(packet, spec->vlan);
  }
  put16(packet, ethertype);
}

/* Returns where the IP header starts; total length and checksums come with finish_ip(). */
static inline uint32_t put_ip(Packet *packet, const Spec *spec, uint8_t protocol)
{
  put_ethernet(packet, spec, 0x0800);
  uint32_t at = packet->len;
  put16(packet, 0x4500);
  put16(packet, 0);
  put16(packet, spec->id);
  put16(packet, spec->fragment);
  put16(packet, (uint16_t)(64 << 8 | protocol));
  put16(packet, 0);
  put32(packet, spec->src != 0 ? spec->src : spec->from_host ? HOST_IP : PEER_IP);
  put32(packet, spec->dst != 0 ? spec->dst : spec->from_host ? PEER_IP : HOST_IP);
  return at;
}

static inline void finish_ip(Packet *packet, uint32_t ip, uint32_t l4_checksum_at)
{
  const uint32_t l4 = ip + 20, l4_len = packet->len - l4;
  set16(packet, ip + 2, (uint16_t)(packet->len - ip));
  set16(packet, ip + 10, 0);
  set16(packet, ip + 10, fold(sum_words(packet->bytes + ip, 20, 0)));
  if (l4_checksum_at == 0)
    return;
  const uint8_t protocol = packet->bytes[ip + 9];
  uint32_t sum = protocol == 1 ? 0 : sum_words(packet->bytes + ip + 12, 8, 0) + protocol + l4_len;
  set16(packet, l4_checksum_at, fold(sum_words(packet->bytes + l4, l4_len, sum)));
}

static inline Packet tcp_packet(const Spec *spec)
{
  Packet packet = {.len = 0};
  uint32_t ip = put_ip(&packet, spec, 6);
  put16(&packet, spec->sport);
  put16(&packet, spec->dport);
  put32(&packet, spec->seq);
  put32(&packet, spec->ack);
  put16(&packet, (uint16_t)((spec->tsval != 0 ? 8 : 5) << 12 | spec->flags));
  put16(&packet, spec->window != 0 ? spec->window : 64240);
  uint32_t checksum = packet.len;
  put32(&packet, 0);
  if (spec->tsval != 0) {
    put32(&packet, 0x0101080a); /* NOP NOP timestamps, length 10 */
    put32(&packet, spec->tsval);
    put32(&packet, 0);
  }
  if (spec->payload != NULL)
    put_bytes(&packet, spec->payload, spec->payload_len);
  finish_ip(&packet, ip, checksum);
  return packet;
}

static inline Packet udp_packet(const Spec *spec)
{
  Packet packet = {.len = 0};
  uint32_t ip = put_ip(&packet, spec, 17);
  put16(&packet, spec->sport);
  put16(&packet, spec->dport);
  put16(&packet, (uint16_t)(8 + spec->payload_len));
  uint32_t checksum = packet.len;
  put16(&packet, 0);
  if (spec->payload != NULL)
    put_bytes(&packet, spec->payload, spec->payload_len);
  finish_ip(&packet, ip, (spec->fragment & 0x3fff) != 0 ? 0 : checksum);
  return packet;
}

/* A later fragment: IP header and raw bytes. */
static inline Packet fragment_packet(const Spec *spec, uint8_t protocol)
{
  Packet packet = {.len = 0};
  uint32_t ip = put_ip(&packet, spec, protocol);
  put_bytes(&packet, spec->payload, spec->payload_len);
  finish_ip(&packet, ip, 0);
  return packet;
}

/* ICMP error of this type and code, quoting what `about` holds from its IP header on. */
static inline Packet icmp_error_packet(const Spec *spec, uint8_t type, uint8_t code, const Packet *about)
{
  Packet packet = {.len = 0};
  uint32_t ip = put_ip(&packet, spec, 1);
  put16(&packet, (uint16_t)(type << 8 | code));
  uint32_t checksum = packet.len;
  put16(&packet, 0);
  put32(&packet, 0);
  put_bytes(&packet, about->bytes + 14, MIN(about->len - 14, 28u));
  finish_ip(&packet, ip, checksum);
  return packet;
}

static inline Packet echo_packet(const Spec *spec, bool reply, uint16_t id, uint16_t sequence)
{
  Packet packet = {.len = 0};
  uint32_t ip = put_ip(&packet, spec, 1);
  put16(&packet, reply ? 0 : 0x0800);
  uint32_t checksum = packet.len;
  put16(&packet, 0);
  put16(&packet, id);
  put16(&packet, sequence);
  finish_ip(&packet, ip, checksum);
  return packet;
}

/* UDP over IPv6, from fd00::2 to fd00::1; more or offset: a fragment (RFC 8200), of which only the first has ports. */
static inline Packet udp6_packet(const Spec *spec, uint32_t id, uint16_t offset, bool more)
{
  Packet packet = {.len = 0};
  const bool fragment = offset != 0 || more;
  put_ethernet(&packet, spec, 0x86dd);
  put32(&packet, 0x60000000);
  const uint32_t length = packet.len;
  put16(&packet, 0);
  put16(&packet, (uint16_t)((fragment ? 44 : 17) << 8 | 64));
  for (int end = 2; end >= 1; end--) {
    put32(&packet, 0xfd000000);
    put32(&packet, 0);
    put32(&packet, 0);
    put32(&packet, (uint32_t)end);
  }
  const uint32_t start = packet.len;
  if (fragment) {
    put16(&packet, 17 << 8);
    put16(&packet, (uint16_t)(offset | more));
    put32(&packet, id);
  }
  if (offset == 0) {
    put16(&packet, spec->sport);
    put16(&packet, spec->dport);
    put16(&packet, (uint16_t)(8 + spec->payload_len));
    put16(&packet, 0x1234);
  }
  put_bytes(&packet, spec->payload, spec->payload_len);
  set16(&packet, length, (uint16_t)(packet.len - start));
  return packet;
}

static inline DcEvent frame_event(const Packet *packet, uint64_t number, int64_t time_ns)
{
  DcEvent event = {.kind = DC_EVENT_FRAME, .time_ns = time_ns};
  event.frame = (DcFrame){.number = number,
                          .time_ns = time_ns,
                          .caplen = packet->len,
                          .len = packet->len,
                          .bytes = packet->bytes,
                          .link = DC_LINK_ETHERNET};
  dc_decode_packet(DC_LINK_ETHERNET, packet->bytes, packet->len, packet->len, true, &event.frame.packet);
  return event;
}

static inline DcEvent drop_event(const Packet *packet, uint64_t number, int64_t time_ns, const char *symbol,
                                 const char *reason)
{
  DcEvent event = {.kind = DC_EVENT_DROP, .time_ns = time_ns};
  event.drop = (DcDrop){.number = number,
                        .time_ns = time_ns,
                        .kind = packet != NULL ? DC_DROP_NETDM_PACKET : DC_DROP_TRACEPOINT,
                        .symbol = symbol,
                        .reason = reason,
                        .protocol = 0x0800,
                        .in_ifindex = 2,
                        .count = 1,
                        .link = DC_LINK_ETHERNET};
  if (packet != NULL) {
    event.drop.caplen = event.drop.orig_len = packet->len;
    event.drop.bytes = packet->bytes;
    dc_decode_packet(DC_LINK_ETHERNET, packet->bytes, packet->len, packet->len, true, &event.drop.packet);
  }
  return event;
}
