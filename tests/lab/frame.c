/*
 * frame: see frame.h.
 *
 * Layouts: Ethernet II and 802.3 + 802.2 LLC (IEEE 802.3, 802.2), 802.1Q tag,
 * ARP-less IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293, options RFC 7323),
 * UDP (RFC 768), ICMP (RFC 792), LLDP (IEEE 802.1AB), RSTP/MSTP BPDU (802.1Q).
 */
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

enum {
  ETH_MIN = 60, /* without the frame check sequence */
  TYPE_VLAN = 0x8100,
  TYPE_IPV4 = 0x0800,
  TYPE_IPV6 = 0x86dd,
  TYPE_LLDP = 0x88cc,
  PROTO_ICMP = 1,
  PROTO_TCP = 6,
  PROTO_UDP = 17,
  PROTO_FRAGMENT = 44,
  PROTO_ICMPV6 = 58,
  TCP_FLAG_SYN = 0x02,
};

/* An append-only writer.  Once something did not fit it stays failed. */
typedef struct {
  uint8_t *buf;
  size_t len;
  size_t size;
  bool failed;
} Writer;

static uint8_t *writer_take(Writer *w, size_t n)
{
  if (w->failed || n > w->size - w->len) {
    w->failed = true;
    return NULL;
  }
  uint8_t *at = w->buf + w->len;
  w->len += n;
  memset(at, 0, n);
  return at;
}

static void put_bytes(Writer *w, const void *bytes, size_t n)
{
  uint8_t *at = writer_take(w, n);
  if (at)
    memcpy(at, bytes, n);
}

static void put_u8(Writer *w, uint8_t value)
{
  put_bytes(w, &value, 1);
}

static void put_u16(Writer *w, uint16_t value)
{
  put_bytes(w, &(uint16_t){htons(value)}, 2);
}

static void put_u32(Writer *w, uint32_t value)
{
  put_bytes(w, &(uint32_t){htonl(value)}, 4);
}

static void patch_u16(uint8_t *at, uint16_t value)
{
  memcpy(at, &(uint16_t){htons(value)}, 2);
}

/* RFC 1071's one's complement sum, in parts: start with 0, end with `fold`. */
static uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, size_t n)
{
  for (size_t i = 0; i + 1 < n; i += 2)
    sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
  if (n % 2)
    sum += (uint32_t)bytes[n - 1] << 8;
  return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
  while (sum >> 16)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static size_t address_len(const FrameSpec *spec)
{
  return spec->family == AF_INET ? 4 : 16;
}

/* The pseudo header that TCP, UDP and ICMPv6 checksums cover. */
static uint32_t sum_pseudo_header(const FrameSpec *spec, uint8_t proto, size_t len)
{
  uint32_t sum = sum_bytes(0, spec->src.s6_addr, address_len(spec));
  sum = sum_bytes(sum, spec->dst.s6_addr, address_len(spec));
  return sum + proto + (uint32_t)len;
}

int frame_parse_address(const char *text, struct in6_addr *ret_address)
{
  struct in6_addr address = {0};

  if (inet_pton(AF_INET, text, address.s6_addr) == 1) {
    *ret_address = address;
    return AF_INET;
  }
  if (inet_pton(AF_INET6, text, address.s6_addr) == 1) {
    *ret_address = address;
    return AF_INET6;
  }
  return 0;
}

bool frame_parse_mac(const char *text, uint8_t ret_mac[static 6])
{
  uint8_t mac[6];

  for (int i = 0; i < 6; i++) {
    int value = 0;
    for (int digit = 0; digit < 2; digit++, text++) {
      if (*text >= '0' && *text <= '9')
        value = value * 16 + (*text - '0');
      else if (*text >= 'a' && *text <= 'f')
        value = value * 16 + (*text - 'a' + 10);
      else
        return false;
    }
    if (*text++ != (i < 5 ? ':' : '\0'))
      return false;
    mac[i] = (uint8_t)value;
  }
  memcpy(ret_mac, mac, sizeof(mac));
  return true;
}

static void put_payload(Writer *w, const FrameSpec *spec)
{
  if (spec->payload) {
    put_bytes(w, spec->payload, strlen(spec->payload));
    return;
  }
  for (size_t i = 0; i < spec->payload_len; i++)
    put_u8(w, (uint8_t)('A' + i % 26));
}

static void put_tcp(Writer *w, const FrameSpec *spec)
{
  size_t start = w->len;

  put_u16(w, spec->sport);
  put_u16(w, spec->dport);
  put_u32(w, spec->seq);
  put_u32(w, spec->ack);
  put_u16(w, 0); /* data offset and flags, patched below */
  put_u16(w, spec->window);
  put_u16(w, 0); /* checksum */
  put_u16(w, 0); /* urgent pointer */
  if (spec->tcp_options && (spec->tcp_flags & TCP_FLAG_SYN)) {
    put_bytes(w, "\x02\x04", 2);
    put_u16(w, spec->mss);
    put_bytes(w, "\x04\x02\x08\x0a", 4); /* SACK permitted, timestamps */
    put_u32(w, spec->tsval);
    put_u32(w, spec->tsecr);
    put_bytes(w, "\x01\x03\x03", 3); /* padding, window scale */
    put_u8(w, spec->wscale);
  } else if (spec->tcp_options) {
    put_bytes(w, "\x01\x01\x08\x0a", 4);
    put_u32(w, spec->tsval);
    put_u32(w, spec->tsecr);
  }
  if (w->failed)
    return;
  w->buf[start + 12] = (uint8_t)((w->len - start) / 4 << 4);
  w->buf[start + 13] = spec->tcp_flags;
  put_payload(w, spec);
}

static void put_udp(Writer *w, const FrameSpec *spec)
{
  size_t start = w->len;

  put_u16(w, spec->sport);
  put_u16(w, spec->dport);
  put_u16(w, 0); /* length */
  put_u16(w, 0); /* checksum */
  put_payload(w, spec);
  if (w->failed)
    return;
  /* A first fragment announces a datagram larger than what it carries. */
  size_t rest = spec->more_fragments ? 64 : 0;
  patch_u16(w->buf + start + 4, (uint16_t)(w->len - start + rest));
}

static void put_icmp(Writer *w, const FrameSpec *spec)
{
  put_u8(w, spec->icmp_type);
  put_u8(w, spec->icmp_code);
  put_u16(w, 0); /* checksum */
  put_u16(w, spec->sport);
  put_u16(w, (uint16_t)spec->seq);
  put_payload(w, spec);
}

/* Where a transport header keeps its checksum, or 0 if it has none. */
static size_t checksum_offset(FrameKind kind)
{
  switch (kind) {
  case FRAME_TCP:
    return 16;
  case FRAME_UDP:
    return 6;
  case FRAME_ICMP:
    return 2;
  case FRAME_IP:
  case FRAME_STP:
  case FRAME_LLC:
  case FRAME_LLDP:
  case FRAME_ETHER:
    break;
  }
  return 0;
}

static uint8_t transport_protocol(const FrameSpec *spec)
{
  switch (spec->kind) {
  case FRAME_TCP:
    return PROTO_TCP;
  case FRAME_UDP:
    return PROTO_UDP;
  case FRAME_ICMP:
    return spec->family == AF_INET ? PROTO_ICMP : PROTO_ICMPV6;
  case FRAME_IP:
  case FRAME_STP:
  case FRAME_LLC:
  case FRAME_LLDP:
  case FRAME_ETHER:
    break;
  }
  return spec->ip_proto;
}

/* The transport layer with its checksum; a later fragment has payload only. */
static void put_transport(Writer *w, const FrameSpec *spec)
{
  size_t start = w->len;

  if (spec->frag_offset > 0 || spec->kind == FRAME_IP) {
    put_payload(w, spec);
    return;
  }
  if (spec->kind == FRAME_TCP)
    put_tcp(w, spec);
  else if (spec->kind == FRAME_UDP)
    put_udp(w, spec);
  else
    put_icmp(w, spec);
  if (w->failed)
    return;

  size_t len = w->len - start;
  uint8_t proto = transport_protocol(spec);
  uint32_t sum = proto == PROTO_ICMP ? 0 : sum_pseudo_header(spec, proto, len);
  uint16_t checksum = sum_fold(sum_bytes(sum, w->buf + start, len));
  if (spec->bad_checksum)
    checksum ^= 0x5555;
  patch_u16(w->buf + start + checksum_offset(spec->kind), checksum);
}

static void put_ipv4(Writer *w, const FrameSpec *spec)
{
  size_t start = w->len;
  uint16_t fragment =
      (uint16_t)(spec->frag_offset / 8 | (spec->more_fragments ? 0x2000 : 0) | (spec->dont_fragment ? 0x4000 : 0));

  put_bytes(w, "\x45\x00", 2);
  put_u16(w, 0); /* total length */
  put_u16(w, spec->ip_id);
  put_u16(w, fragment);
  put_u8(w, spec->ttl);
  put_u8(w, transport_protocol(spec));
  put_u16(w, 0); /* checksum */
  put_bytes(w, spec->src.s6_addr, 4);
  put_bytes(w, spec->dst.s6_addr, 4);
  put_transport(w, spec);
  if (w->failed)
    return;

  patch_u16(w->buf + start + 2, (uint16_t)(w->len - start));
  uint16_t checksum = sum_fold(sum_bytes(0, w->buf + start, 20));
  if (spec->bad_ip_checksum)
    checksum ^= 0x5555;
  patch_u16(w->buf + start + 10, checksum);
}

static void put_ipv6(Writer *w, const FrameSpec *spec)
{
  size_t start = w->len;

  put_u32(w, 0x60000000);
  put_u16(w, 0); /* payload length */
  put_u8(w, transport_protocol(spec));
  put_u8(w, spec->ttl);
  put_bytes(w, spec->src.s6_addr, 16);
  put_bytes(w, spec->dst.s6_addr, 16);
  put_transport(w, spec);
  if (!w->failed)
    patch_u16(w->buf + start + 4, (uint16_t)(w->len - start - 40));
}

/*
 * A rapid spanning tree BPDU, or with a length of 105 the multiple spanning
 * tree form that switches send to every port each two seconds:
 * LLC 42 42 03, protocol 0, version 2 or 3, type 2, flags
 * [Learn, Forward, Agreement], root id, cost, bridge id, port, timers.
 */
static void put_bpdu(Writer *w, const FrameSpec *spec, size_t llc_start)
{
  static const uint8_t bridge_id[8] = {0x80, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0xfe};
  bool multiple = spec->llc_len > 60;

  put_bytes(w, "\x42\x42\x03\x00\x00", 5);
  put_u8(w, multiple ? 3 : 2);
  put_bytes(w, "\x02\x7c", 2);
  put_bytes(w, bridge_id, sizeof(bridge_id));
  put_u32(w, 0); /* root path cost */
  put_bytes(w, bridge_id, sizeof(bridge_id));
  put_u16(w, 0x8001);  /* port */
  put_u16(w, 0);       /* message age */
  put_u16(w, 20 << 8); /* max age, in 1/256 s */
  put_u16(w, 2 << 8);  /* hello time */
  put_u16(w, 15 << 8); /* forward delay */
  put_u8(w, 0);        /* version 1 length */
  if (multiple) {
    put_u16(w, 64);         /* version 3 length: no further instances */
    put_u8(w, 0);           /* configuration identifier selector */
    put_bytes(w, "lab", 3); /* region name, 32 bytes with its padding */
    writer_take(w, 29);
    put_u16(w, 0);      /* revision */
    writer_take(w, 16); /* digest */
    put_u32(w, 0);      /* internal root path cost */
    put_bytes(w, bridge_id, sizeof(bridge_id));
    put_u8(w, 20); /* remaining hops */
  }
  if (!w->failed && w->len - llc_start < spec->llc_len)
    writer_take(w, spec->llc_len - (w->len - llc_start));
}

static void put_llc(Writer *w, const FrameSpec *spec)
{
  put_u16(w, (uint16_t)spec->llc_len); /* below 0x600: a length, not a type */
  size_t start = w->len;
  if (spec->kind == FRAME_STP) {
    put_bpdu(w, spec, start);
    return;
  }
  put_u8(w, spec->sap);
  put_u8(w, spec->sap);
  put_u8(w, 0x03); /* unnumbered information */
  if (!w->failed && w->len - start < spec->llc_len)
    writer_take(w, spec->llc_len - (w->len - start));
}

/* Chassis id and port id by MAC address, two minutes to live, the end. */
static void put_lldp(Writer *w, const FrameSpec *spec)
{
  put_u16(w, TYPE_LLDP);
  put_bytes(w, "\x02\x07\x04", 3);
  put_bytes(w, spec->smac, 6);
  put_bytes(w, "\x04\x07\x03", 3);
  put_bytes(w, spec->smac, 6);
  put_bytes(w, "\x06\x02\x00\x78\x00\x00", 6);
}

size_t frame_build(const FrameSpec *spec, uint8_t buf[static FRAME_MAX])
{
  Writer w = {.buf = buf, .size = FRAME_MAX};
  bool pad = true;

  put_bytes(&w, spec->dmac, 6);
  put_bytes(&w, spec->smac, 6);
  if (spec->vlan >= 0) {
    put_u16(&w, TYPE_VLAN);
    put_u16(&w, (uint16_t)spec->vlan);
  }
  switch (spec->kind) {
  case FRAME_TCP:
  case FRAME_UDP:
  case FRAME_ICMP:
  case FRAME_IP:
    pad = false;
    if (spec->family == AF_INET) {
      put_u16(&w, TYPE_IPV4);
      put_ipv4(&w, spec);
    } else {
      put_u16(&w, TYPE_IPV6);
      put_ipv6(&w, spec);
    }
    break;
  case FRAME_STP:
  case FRAME_LLC:
    put_llc(&w, spec);
    break;
  case FRAME_LLDP:
    put_lldp(&w, spec);
    break;
  case FRAME_ETHER:
    put_u16(&w, spec->ethertype);
    put_payload(&w, spec);
    break;
  }
  if (!w.failed && pad && w.len < ETH_MIN)
    writer_take(&w, ETH_MIN - w.len);
  return w.failed ? 0 : w.len;
}

/* RFC 791 section 3.2, RFC 8200 section 4.5: each fragment has the datagram's own header;
 * IPv6 puts a fragment header of 8 bytes behind it. */
size_t frame_fragment(const uint8_t *frame, size_t len, size_t piece, size_t index, uint8_t buf[static FRAME_MAX])
{
  size_t link = 14;
  uint16_t type = (uint16_t)(frame[12] << 8 | frame[13]);
  if (type == TYPE_VLAN) {
    link = 18;
    type = (uint16_t)(frame[16] << 8 | frame[17]);
  }
  size_t header = link + (type == TYPE_IPV4 ? 20 : 40);
  size_t start = piece * index;
  if (start >= len - header)
    return 0;
  size_t n = len - header - start;
  bool more = n > piece;
  if (more)
    n = piece;

  Writer w = {.buf = buf, .size = FRAME_MAX};
  put_bytes(&w, frame, header);
  if (type == TYPE_IPV4) {
    uint8_t *ip = buf + link;
    patch_u16(ip + 2, (uint16_t)(20 + n));
    patch_u16(ip + 6, (uint16_t)(start / 8 | (more ? 0x2000 : 0)));
    patch_u16(ip + 10, 0);
    patch_u16(ip + 10, sum_fold(sum_bytes(0, ip, 20)));
  } else {
    uint8_t *ip = buf + link;
    put_u8(&w, ip[6]); /* next header */
    put_u8(&w, 0);
    put_u16(&w, (uint16_t)(start | more));
    put_u32(&w, (uint32_t)(frame[header + 1] << 8 | frame[header + 3])); /* identification: from the ports */
    patch_u16(ip + 4, (uint16_t)(8 + n));
    ip[6] = PROTO_FRAGMENT;
  }
  put_bytes(&w, frame + header + start, n);
  return w.failed ? 0 : w.len;
}
