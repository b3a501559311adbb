/*
 * Frames, header by header. The decoder tells where headers are; what it does not understand is changed bytewise.
 * Headers and options come from the RFCs that src/decode names.
 */
#include "mutate.h"

#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <netinet/in.h>
#include <string.h>

#define OPTIONS_MAX 40u
#define TUNNELS_MAX 4

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd, ETHERTYPE_ARP = 0x0806, ETHERTYPE_VLAN = 0x8100 };

/* --- options of IPv4 and TCP: | kind(1) | length of all(1) | value |, two kinds are one byte ---------- */

typedef struct {
  uint8_t len, value[12];
} Option;

static const Option tcp_options[] = {
    {1, {1}},
    {1, {0}},
    {4, {2, 4, 5, 180}},
    {3, {3, 3, 7}},
    {2, {4, 2}},
    {10, {5, 10, 0, 0, 0, 1, 0, 0, 0, 9}},
    {10, {8, 10, 0, 0, 0, 1, 0, 0, 0, 0}},
    {4, {28, 4, 0x80, 5}},
    {2, {34, 2}},
    {10, {34, 10, 1, 2, 3, 4, 5, 6, 7, 8}},
    {12, {30, 12, 0, 0x81, 1, 2, 3, 4, 5, 6, 7, 8}},
    {12, {29, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
};
static const Option ip_options[] = {
    {1, {1}},
    {1, {0}},
    {4, {148, 4, 0, 0}},
    {7, {7, 7, 4, 0, 0, 0, 0}},
    {11, {7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0}},
    {7, {131, 7, 4, 10, 0, 0, 9}},
    {7, {137, 7, 4, 10, 0, 0, 9}},
    {12, {68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {4, {136, 4, 0, 1}},
};

typedef struct {
  const Option *options;
  size_t count;
} OptionTable;

static const OptionTable tcp_table = {tcp_options, G_N_ELEMENTS(tcp_options)};
static const OptionTable ip_table = {ip_options, G_N_ELEMENTS(ip_options)};

static size_t walk_option(const Bytes *bytes, size_t at, const void *context)
{
  (void)context;
  const size_t left = bytes->len - at;
  const size_t len = bytes->data[at] <= 1 ? 1 : bytes_get(bytes, at + 1, 1, true);
  return len <= left ? len : 0;
}

static void fresh_option(Bytes *bytes, const void *context, Mutation *mutation)
{
  const OptionTable *table = context;
  const Option *option = &table->options[mutate_below(mutation, table->count)];
  bytes_append(bytes, option->value, option->len);
}

static void change_option(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  if (bytes->len < 2 || mutate_one_in(mutation, 4)) {
    bytes_put(bytes, 0, 1, true, mutate_below(mutation, mutate_one_in(mutation, 2) ? 36 : 256));
    return;
  }
  mutate_part(bytes, 2, bytes->len - 2, mutate_bytewise, NULL, mutation);
  bytes_put(bytes, 1, 1, true, mutate_one_in(mutation, 4) ? mutate_number(mutation) : bytes->len);
}

static const MutateList options_list = {.walk = walk_option, .change = change_option, .fresh = fresh_option};

/* Changes options, up to their greatest length. Gives what they have then, a multiple of 4. */
static size_t change_options(Bytes *frame, size_t at, size_t len, const OptionTable *table, Mutation *mutation)
{
  size_t now = MIN(len, frame->len - MIN(at, frame->len));
  for (uint32_t i = 0, changes = 1 + mutate_below(mutation, 4); i < changes; i++)
    now = mutate_list(&options_list, frame, at, now, table, mutation);
  if (now > OPTIONS_MAX) {
    bytes_splice(frame, at + OPTIONS_MAX, now - OPTIONS_MAX, NULL, 0);
    now = OPTIONS_MAX;
  }
  const size_t padding = -now & 3;
  return bytes_splice(frame, at + now, 0, NULL, padding) ? now + padding : now & ~(size_t)3;
}

/* --- lengths and checksums ----------------------------------------------------------------------------- */

static uint32_t add_words(const Bytes *frame, size_t at, size_t len, uint32_t sum)
{
  for (size_t i = 0; i < len; i += 2)
    sum += i + 1 < len ? (uint32_t)bytes_get(frame, at + i, 2, true) : (uint32_t)bytes_get(frame, at + i, 1, true) << 8;
  return sum;
}

static void put_checksum(Bytes *frame, size_t at, size_t place, size_t len, uint32_t sum)
{
  bytes_put(frame, place, 2, true, 0);
  sum = add_words(frame, at, len, sum);
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  bytes_put(frame, place, 2, true, ~sum);
}

static void mend_link(Bytes *frame, size_t at, DcLink link, int depth);
static void mend_network(Bytes *frame, size_t at, int depth);

static void mend_gre(Bytes *frame, size_t at, int depth)
{
  const uint64_t flags = bytes_get(frame, at, 2, true), type = bytes_get(frame, at + 2, 2, true);
  const size_t inner = at + 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
  if (type == 0x6558)
    mend_link(frame, inner, DC_LINK_ETHERNET, depth);
  else
    mend_network(frame, inner, depth);
}

/* pseudo: the sum of the addresses. */
static void mend_transport(Bytes *frame, size_t at, uint8_t protocol, uint32_t pseudo, int depth)
{
  const size_t len = frame->len - at;
  pseudo += protocol + (uint32_t)len;
  switch (protocol) {
  case IPPROTO_TCP:
    put_checksum(frame, at, at + 16, len, pseudo);
    break;
  case IPPROTO_UDP:
    if (bytes_get(frame, at + 2, 2, true) == 4789)
      mend_link(frame, at + 16, DC_LINK_ETHERNET, depth);
    bytes_put(frame, at + 4, 2, true, len);
    put_checksum(frame, at, at + 6, len, pseudo);
    break;
  case IPPROTO_UDPLITE: /* the whole of it is covered */
    bytes_put(frame, at + 4, 2, true, 0);
    put_checksum(frame, at, at + 6, len, pseudo);
    break;
  case IPPROTO_ICMP:
    put_checksum(frame, at, at + 2, len, 0);
    break;
  case IPPROTO_ICMPV6:
    put_checksum(frame, at, at + 2, len, pseudo);
    break;
  case IPPROTO_GRE:
    mend_gre(frame, at, depth);
    break;
  case IPPROTO_IPIP:
  case IPPROTO_IPV6:
    mend_network(frame, at, depth);
    break;
  default:
    break;
  }
}

static void mend_network(Bytes *frame, size_t at, int depth)
{
  if (at >= frame->len || ++depth > TUNNELS_MAX)
    return;
  if (frame->data[at] >> 4 == 4) {
    const size_t header = MIN((frame->data[at] & 15u) * 4u, frame->len - at);
    bytes_put(frame, at + 2, 2, true, frame->len - at);
    put_checksum(frame, at, at + 10, header, 0);
    if (header >= 20 && (bytes_get(frame, at + 6, 2, true) & 0x3fff) == 0)
      mend_transport(frame, at + header, frame->data[at + 9], add_words(frame, at + 12, 8, 0), depth);
  } else if (frame->data[at] >> 4 == 6 && frame->len - at >= 40) {
    bytes_put(frame, at + 4, 2, true, frame->len - at - 40);
    uint64_t next = frame->data[at + 6];
    size_t place = at + 40;
    while (place < frame->len && (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS)) {
      next = bytes_get(frame, place, 1, true);
      place += (bytes_get(frame, place + 1, 1, true) + 1) * 8;
    }
    if (place < frame->len)
      mend_transport(frame, place, (uint8_t)next, add_words(frame, at + 8, 32, 0), depth);
  }
}

static void mend_link(Bytes *frame, size_t at, DcLink link, int depth)
{
  size_t network = at;
  if (link == DC_LINK_ETHERNET) {
    network += 14;
    for (uint64_t type; (type = bytes_get(frame, network - 2, 2, true)) == ETHERTYPE_VLAN || type == 0x88a8;)
      network += 4;
    if (network <= frame->len && bytes_get(frame, network - 2, 2, true) < 0x600)
      bytes_put(frame, network - 2, 2, true, frame->len - network);
  } else if (link == DC_LINK_SLL) {
    network += 16;
  } else if (link == DC_LINK_SLL2) {
    network += 20;
  } else if (link == DC_LINK_NULL) {
    network += 4;
  }
  mend_network(frame, network, depth);
}

void mutate_frame_mend(Bytes *frame, DcLink link)
{
  mend_link(frame, 0, link, 0);
}

/* --- new ones ---------------------------------------------------------------------------------------------- */

static const uint8_t macs[][6] = {{2, 0, 0, 0, 0, 1},    {2, 0, 0, 0, 0, 2},       {255, 255, 255, 255, 255, 255},
                                  {1, 0, 0x5e, 0, 0, 1}, {1, 0x80, 0xc2, 0, 0, 0}, {0x33, 0x33, 0, 0, 0, 1}};
static const uint8_t addresses[][4] = {{10, 0, 0, 1},        {10, 0, 0, 2}, {127, 0, 0, 1}, {224, 0, 0, 1},
                                       {255, 255, 255, 255}, {0, 0, 0, 0},  {240, 0, 0, 1}, {10, 0, 0, 255}};
static const uint16_t ports[] = {80, 53, 4789, 40001, 5353, 0, 65535};

/* One of the first two, mostly: conversations need the same ones again. */
static size_t address_index(Mutation *mutation, size_t usual, size_t count)
{
  return mutate_one_in(mutation, 6) ? mutate_below(mutation, count) : usual;
}

static void append_ports(Bytes *bytes, Mutation *mutation)
{
  bytes_append_number(bytes, 2, true, 40000 + mutate_below(mutation, 3));
  bytes_append_number(bytes, 2, true, MUTATE_PICK(mutation, ports));
}

static void append_transport(Bytes *bytes, uint8_t protocol, Mutation *mutation)
{
  static const uint8_t types[] = {0, 3, 4, 5, 8, 11, 12, 13, 1, 2, 128, 129, 133, 134, 135, 136, 130, 143};
  static const uint8_t flags[] = {2, 2, 18, 16, 24, 17, 4, 20, 0, 255};
  switch (protocol) {
  case IPPROTO_TCP:
    append_ports(bytes, mutation);
    bytes_append_number(bytes, 4, true, mutate_one_in(mutation, 2) ? 1000 : mutate_number(mutation));
    bytes_append_number(bytes, 4, true, mutate_one_in(mutation, 2) ? 2001 : mutate_number(mutation));
    bytes_append_number(bytes, 1, true, 0x50);
    bytes_append_number(bytes, 1, true, MUTATE_PICK(mutation, flags));
    bytes_append_number(bytes, 2, true, 64240);
    bytes_append(bytes, NULL, 4);
    break;
  case IPPROTO_ICMP:
  case IPPROTO_ICMPV6:
    bytes_append_number(bytes, 1, true, MUTATE_PICK(mutation, types));
    bytes_append_number(bytes, 1, true, mutate_below(mutation, 16));
    bytes_append(bytes, NULL, 6);
    break;
  case IPPROTO_GRE:
    bytes_append_number(bytes, 2, true, mutate_one_in(mutation, 2) ? 0 : 0x2000);
    bytes_append_number(bytes, 2, true, mutate_one_in(mutation, 2) ? 0x6558 : ETHERTYPE_IPV4);
    bytes_append(bytes, NULL, 4);
    break;
  case IPPROTO_SCTP:
    append_ports(bytes, mutation);
    bytes_append(bytes, NULL, 8);
    bytes_append_number(bytes, 4, true, 0x01000014);
    bytes_append(bytes, NULL, 16);
    break;
  default: /* UDP and what looks like it */
    append_ports(bytes, mutation);
    bytes_append_number(bytes, 4, true, 0x00080000);
    break;
  }
  bytes_append(bytes, NULL, mutate_below(mutation, 24));
}

static uint8_t any_protocol(Mutation *mutation)
{
  static const uint8_t protocols[] = {IPPROTO_TCP,     IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_UDP,  IPPROTO_ICMP,
                                      IPPROTO_ICMPV6,  IPPROTO_GRE,  IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_ESP,
                                      IPPROTO_SCTP,    IPPROTO_DCCP, IPPROTO_AH,   IPPROTO_IGMP, IPPROTO_NONE,
                                      IPPROTO_UDPLITE, 253};
  return MUTATE_PICK(mutation, protocols);
}

static void append_network(Bytes *bytes, bool is_v6, uint8_t protocol, Mutation *mutation)
{
  const size_t start = bytes->len;
  const size_t source = address_index(mutation, 1, G_N_ELEMENTS(addresses));
  const size_t target = address_index(mutation, 0, G_N_ELEMENTS(addresses));
  if (!bytes_append(bytes, NULL, is_v6 ? 40 : 20))
    return;
  if (is_v6) {
    bytes->data[start] = 0x60;
    bytes->data[start + 6] = protocol;
    bytes->data[start + 7] = 64;
    bytes->data[start + 8] = bytes->data[start + 24] = mutate_one_in(mutation, 8) ? 0xff : 0xfd;
    bytes->data[start + 23] = (uint8_t)(source + 1);
    bytes->data[start + 39] = (uint8_t)(target + 1);
    return;
  }
  bytes->data[start] = 0x45;
  bytes_put(bytes, start + 4, 2, true, mutate_below(mutation, 4));
  bytes->data[start + 8] = 64;
  bytes->data[start + 9] = protocol;
  memcpy(bytes->data + start + 12, addresses[source], 4);
  memcpy(bytes->data + start + 16, addresses[target], 4);
}

void mutate_frame_fresh(Bytes *bytes, Mutation *mutation)
{
  const size_t start = bytes->len;
  const bool is_v6 = mutate_one_in(mutation, 4);
  const uint8_t protocol = any_protocol(mutation);
  bytes_append(bytes, macs[address_index(mutation, 0, G_N_ELEMENTS(macs))], 6);
  bytes_append(bytes, macs[1], 6);
  if (mutate_one_in(mutation, 8))
    bytes_append_number(bytes, 4, true, UINT64_C(0x81000007));
  bytes_append_number(bytes, 2, true, is_v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
  append_network(bytes, is_v6, protocol, mutation);
  append_transport(bytes, protocol, mutation);
  Bytes frame = {.data = bytes->data + start, .len = bytes->len - start, .max = bytes->len - start};
  mutate_frame_mend(&frame, DC_LINK_ETHERNET);
}

/* --- changes ------------------------------------------------------------------------------------------------- */

static void change_link(Bytes *frame, const DcPacket *packet, DcLink link, Mutation *mutation)
{
  static const uint16_t types[] = {
      ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP, ETHERTYPE_VLAN, 0x88a8, 0x8847, 0x88cc,
      0x8863,         0x8864,         0x0004,        0x88f7,         46,     1500,   1501};
  static const uint8_t llc[][8] = {{0x42, 0x42, 3},
                                   {0xaa, 0xaa, 3, 0, 0, 0, 8, 0},
                                   {0xff, 0xff},
                                   {0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0},
                                   {0xfe, 0xfe, 3}};
  const size_t type_at = packet->l3_offset >= 16 ? packet->l3_offset - 2u : 12;
  if (link != DC_LINK_ETHERNET || frame->len < 14) {
    mutate_part(frame, 0, packet->l3_offset, mutate_bytewise, NULL, mutation);
    return;
  }
  switch (mutate_below(mutation, 6)) {
  case 0: /* a tag more */
    if (bytes_splice(frame, 12, 0, NULL, 4))
      bytes_put(frame, 12, 4, true,
                (mutate_one_in(mutation, 3) ? 0x88a80000 : 0x81000000) | mutate_below(mutation, 16));
    break;
  case 1:
    if (packet->vlan_count > 0)
      bytes_splice(frame, 12, 4, NULL, 0);
    break;
  case 2:
    bytes_put(frame, type_at, 2, true, MUTATE_PICK(mutation, types));
    break;
  case 3: /* LLC */
    bytes_put(frame, type_at, 2, true, 0);
    bytes_splice(frame, type_at + 2, 0, MUTATE_PICK(mutation, llc), mutate_one_in(mutation, 2) ? 8 : 3);
    break;
  case 4:
    memcpy(frame->data + (mutate_one_in(mutation, 4) ? 6 : 0), MUTATE_PICK(mutation, macs), 6);
    break;
  default:
    bytes_append(frame, NULL, mutate_below(mutation, 46)); /* as if padded; where it is not mended, it is */
    break;
  }
}

static void change_ipv4(Bytes *frame, const DcPacket *packet, Mutation *mutation)
{
  const size_t at = packet->l3_offset;
  size_t len;
  switch (mutate_below(mutation, 6)) {
  case 0:
  case 1:
    len = change_options(frame, at + 20, packet->l4_offset - at - 20u, &ip_table, mutation);
    bytes_put(frame, at, 1, true, 0x40 | (5 + len / 4));
    break;
  case 2: /* a fragment: offset in units of 8 */
    bytes_put(frame, at + 6, 2, true, (mutate_one_in(mutation, 2) ? 0x2000 : 0) | mutate_below(mutation, 16));
    break;
  case 3:
    bytes_put(frame, at + 9, 1, true, any_protocol(mutation));
    break;
  case 4:
    memcpy(frame->data + at + (mutate_one_in(mutation, 2) ? 12 : 16), MUTATE_PICK(mutation, addresses), 4);
    break;
  default: /* TOS, id, TTL */
    bytes_put(frame, at + MUTATE_PICK(mutation, ((const uint8_t[]){1, 4, 5, 8})), 1, true, mutate_number(mutation));
    break;
  }
}

/* Extension headers: | next(1) | length in 8 bytes, without the first 8(1) | ... | */
static void change_ipv6(Bytes *frame, const DcPacket *packet, Mutation *mutation)
{
  static const uint8_t kinds[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_AH, 135};
  static const uint8_t bodies[][6] = {
      {1, 4, 0, 0, 0, 0}, {5, 2, 0, 0, 1, 0}, {0xc2, 4, 0, 1, 0, 0}, {0, 0, 0, 0, 0, 0}};
  const size_t at = packet->l3_offset;
  switch (mutate_below(mutation, 4)) {
  case 0: /* one more, before the others */
    if (bytes_splice(frame, at + 40, 0, NULL, 8)) {
      bytes_put(frame, at + 40, 1, true, bytes_get(frame, at + 6, 1, true));
      bytes_put(frame, at + 6, 1, true, MUTATE_PICK(mutation, kinds));
      memcpy(frame->data + at + 42, MUTATE_PICK(mutation, bodies), 6);
    }
    break;
  case 1: /* without the first */
    if (packet->l4_offset >= at + 48) {
      bytes_put(frame, at + 6, 1, true, bytes_get(frame, at + 40, 1, true));
      bytes_splice(frame, at + 40, (bytes_get(frame, at + 41, 1, true) + 1) * 8, NULL, 0);
    }
    break;
  case 2:
    bytes_put(frame, at + 6, 1, true, any_protocol(mutation));
    break;
  default:
    mutate_part(frame, at + 40, packet->l4_offset - at - 40u, mutate_bytewise, NULL, mutation);
    break;
  }
}

static void change_transport(Bytes *frame, const DcPacket *packet, Mutation *mutation)
{
  const size_t at = packet->l4_offset;
  if ((packet->has & DC_HAS_TCP) && !mutate_one_in(mutation, 3)) {
    const size_t header = packet->payload_offset - at;
    const size_t len = change_options(frame, at + 20, MAX(header, 20) - 20, &tcp_table, mutation);
    bytes_put(frame, at + 12, 1, true, (5 + len / 4) << 4 | (bytes_get(frame, at + 12, 1, true) & 15));
  } else if (mutate_one_in(mutation, 3)) { /* another */
    uint8_t data[128];
    Bytes other = {.data = data, .max = sizeof data};
    const uint8_t protocol = any_protocol(mutation);
    append_transport(&other, protocol, mutation);
    bytes_splice(frame, at, frame->len - at, other.data, other.len);
    if (packet->src.version == 4)
      bytes_put(frame, packet->l3_offset + 9u, 1, true, protocol);
  } else if (mutate_one_in(mutation, 2)) {
    bytes_put(frame, at + mutate_below(mutation, MAX(packet->payload_offset - at, 8)), 1 + mutate_below(mutation, 2),
              true, mutate_number(mutation));
  } else {
    mutate_part(frame, at, packet->payload_offset - at, mutate_bytewise, NULL, mutation);
  }
}

/* The packet as another one's payload. */
static void wrap(Bytes *frame, const DcPacket *packet, Mutation *mutation)
{
  static const uint8_t vxlan[] = {0x9c, 0x41, 0x12, 0xb5, 0, 8, 0, 0, 8, 0, 0, 0, 0, 0, 7, 0};
  static const uint8_t ethernet[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  static const uint8_t error[] = {3, 3, 0, 0, 0, 0, 0, 0};
  uint8_t data[128];
  Bytes outer = {.data = data, .max = sizeof data};
  const bool is_v6 = packet->src.version == 6, quote = mutate_one_in(mutation, 3);
  const bool over_v6 = packet->ethertype == ETHERTYPE_IPV6;
  switch (quote ? 3 : mutate_below(mutation, 3)) {
  case 0:
    append_network(&outer, over_v6, is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP, mutation);
    break;
  case 1:
    append_network(&outer, over_v6, IPPROTO_GRE, mutation);
    bytes_append_number(&outer, 4, true, is_v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    break;
  case 2:
    append_network(&outer, over_v6, IPPROTO_UDP, mutation);
    bytes_append(&outer, vxlan, sizeof vxlan);
    bytes_append(&outer, ethernet, sizeof ethernet);
    bytes_append_number(&outer, 2, true, is_v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    break;
  default: /* an error about it */
    append_network(&outer, over_v6, over_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, mutation);
    bytes_append(&outer, error, sizeof error);
    if (over_v6)
      bytes_put(&outer, outer.len - 8, 2, true, 0x0104);
    break;
  }
  bytes_splice(frame, packet->l3_offset, 0, outer.data, outer.len);
}

static void change_payload(Bytes *frame, const DcPacket *packet, Mutation *mutation)
{
  const size_t at = MIN(packet->payload_offset, frame->len);
  if ((packet->has & DC_HAS_QUOTE) && !mutate_one_in(mutation, 4)) {
    static const DcLink raw = DC_LINK_RAW;
    mutate_part(frame, at, frame->len - at, mutate_frame, &raw, mutation);
  } else if (mutate_one_in(mutation, 3)) {
    frame->len = at + mutate_below(mutation, frame->len - at + 1);
  } else {
    mutate_part(frame, at, frame->len - at, mutate_bytewise, NULL, mutation);
  }
}

void mutate_frame(Bytes *frame, const void *context, Mutation *mutation)
{
  const DcLink link = *(const DcLink *)context;
  DcPacket packet;
  dc_decode_packet(link, frame->data, (uint32_t)frame->len, (uint32_t)frame->len, false, &packet);
  const bool is_ip = (packet.has & DC_HAS_IP) != 0 && packet.l4_offset <= frame->len;
  if (frame->len == 0 || mutate_one_in(mutation, 16)) {
    mutate_bytewise(frame, NULL, mutation);
  } else if ((packet.has & DC_HAS_INNER) && !mutate_one_in(mutation, 3)) {
    const DcLink inner = (DcLink)packet.inner_link;
    mutate_part(frame, packet.inner_offset, frame->len - packet.inner_offset, mutate_frame, &inner, mutation);
  } else if (!is_ip && !mutate_one_in(mutation, 3)) {
    mutate_part(frame, packet.l3_offset, frame->len, mutate_bytewise, NULL, mutation);
  } else {
    switch (is_ip ? mutate_below(mutation, 9) : 0) {
    case 0:
      change_link(frame, &packet, link, mutation);
      break;
    case 1:
    case 2:
    case 3:
      if (packet.src.version == 4)
        change_ipv4(frame, &packet, mutation);
      else
        change_ipv6(frame, &packet, mutation);
      break;
    case 4:
      wrap(frame, &packet, mutation);
      break;
    case 5:
      change_payload(frame, &packet, mutation);
      break;
    default:
      change_transport(frame, &packet, mutation);
      break;
    }
  }
  if (!mutate_one_in(mutation, 8))
    mutate_frame_mend(frame, link);
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void swap(Bytes *frame, size_t a, size_t b, size_t len)
{
  for (size_t i = 0; i < len && MAX(a, b) + i < frame->len; i++) {
    const uint8_t byte = frame->data[a + i];
    frame->data[a + i] = frame->data[b + i];
    frame->data[b + i] = byte;
  }
}

bool mutate_frame_answer(Bytes *frame, DcLink link, Mutation *mutation)
{
  DcPacket packet;
  dc_decode_packet(link, frame->data, (uint32_t)frame->len, (uint32_t)frame->len, false, &packet);
  if (!(packet.has & DC_HAS_IP) || packet.payload_offset > frame->len)
    return false;
  const size_t l3 = packet.l3_offset, l4 = packet.l4_offset;
  const bool is_v4 = packet.src.version == 4;
  if (link == DC_LINK_ETHERNET)
    swap(frame, 0, 6, 6);
  if (is_v4 && mutate_one_in(mutation, 4)) { /* refused by ICMP, which quotes headers and 8 bytes */
    static const uint8_t unreachable[] = {3, 3, 0, 0, 0, 0, 0, 0};
    uint8_t data[60];
    Bytes header = {.data = data, .max = sizeof data};
    bytes_append(&header, frame->data + l3, MIN(l4 - l3, sizeof data));
    swap(&header, 12, 16, 4);
    bytes_put(&header, 9, 1, true, IPPROTO_ICMP);
    frame->len = MIN(frame->len, l4 + 8);
    bytes_splice(frame, l3, 0, header.data, header.len);
    bytes_splice(frame, l3 + header.len, 0, unreachable, sizeof unreachable);
    bytes_put(frame, l3 + header.len + 1, 1, true, mutate_below(mutation, 16));
  } else {
    swap(frame, l3 + (is_v4 ? 12 : 8), l3 + (is_v4 ? 16 : 24), is_v4 ? 4 : 16);
    if (packet.has & DC_HAS_PORTS)
      swap(frame, l4, l4 + 2, 2);
    if (packet.has & DC_HAS_TCP) {
      const bool opens = (packet.tcp_flags & DC_TCP_SYN) != 0;
      frame->len = packet.payload_offset;
      bytes_put(frame, l4 + 4, 4, true, packet.tcp_ack);
      bytes_put(frame, l4 + 8, 4, true, packet.tcp_seq + packet.payload_len + (opens ? 1 : 0));
      bytes_put(frame, l4 + 13, 1, true,
                (mutate_one_in(mutation, 3) ? DC_TCP_RST : (opens ? DC_TCP_SYN : 0)) | DC_TCP_ACK);
    } else if (packet.has & DC_HAS_ECHO) {
      bytes_put(frame, l4, 1, true, is_v4 ? 0 : 129);
    }
  }
  mutate_frame_mend(frame, link);
  return true;
}

/* --- inputs: link(1), how much was not captured(1), the frame ------------------------------------------------------
 */

static void change_input(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  if (bytes->len < 3) {
    bytes->len = 0;
    bytes_append(bytes, NULL, 2);
    mutate_frame_fresh(bytes, mutation);
  } else if (mutate_one_in(mutation, 16)) {
    bytes_put(bytes, mutate_below(mutation, 2), 1, true, mutate_number(mutation));
  } else {
    const DcLink link = (DcLink)(bytes->data[0] % (DC_LINK_UNKNOWN + 1));
    mutate_part(bytes, 2, bytes->len - 2, mutate_frame, &link, mutation);
  }
}

/* This one's headers, that one's payload; or the one in the other. */
static void cross_input(Bytes *bytes, const Bytes *other, Mutation *mutation)
{
  if (bytes->len < 2 || other->len < 2)
    return;
  DcPacket packet, second;
  dc_decode_packet((DcLink)(bytes->data[0] % (DC_LINK_UNKNOWN + 1)), bytes->data + 2, (uint32_t)bytes->len - 2,
                   (uint32_t)bytes->len - 2, false, &packet);
  dc_decode_packet((DcLink)(other->data[0] % (DC_LINK_UNKNOWN + 1)), other->data + 2, (uint32_t)other->len - 2,
                   (uint32_t)other->len - 2, false, &second);
  const uint32_t places[] = {packet.l3_offset, packet.l4_offset, packet.payload_offset};
  const uint32_t second_places[] = {second.l3_offset, second.l4_offset, second.payload_offset};
  const size_t layer = mutate_below(mutation, G_N_ELEMENTS(places));
  const size_t from = MIN(second_places[mutate_one_in(mutation, 3) ? 0 : layer], other->len - 2);
  bytes_splice(bytes, 2 + (size_t)places[layer], bytes->len, other->data + 2 + from, other->len - 2 - from);
}

const MutateFormat mutate_packet_format = {.change = change_input, .cross = cross_input};
