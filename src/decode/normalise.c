/*
 * What stays the same between the tap and the place where a packet is dropped.
 *
 *   bytes   | ethertype(2) | IP header and options | L4 header  | payload ...        |
 *   masked  |              | TOS/class/flow, TTL,  | checksum   |                    |
 *           |              | checksum, options     |            |                    |
 *           |<------------------- header_len ------------------>|                    |
 *           |<---------------------------- len (at most DC_NORMAL_MAX) ------------->|
 *
 * IPv4 options are masked because the stack fills record-route and timestamp options in
 * (ip_options_compile()); addresses, lengths, ids and ports identify the packet without them.
 *
 * Other protocols, and IP headers too broken to read, are compared as they are: such a packet
 * is dropped before anything could change it. Only their padding is uncertain, since a cooked
 * capture does not show the 802.3 length: zeros at the end of a short frame are left out.
 */
#include "dropcorr/decode/normalise.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/base/word.h"

#include <netinet/in.h>
#include <string.h>

#define MARKER 2 /* the ethertype */

/* Of other protocols than IP so many bytes count as header: all, in most frames. */
#define OTHER_HEADER 64

/* Payload that Ethernet pads shorter frames to. */
#define PADDED 46

enum { WORD = 8 };

_Static_assert(DC_NORMAL_MAX % 16 == 0, "bytes are stored, and hashed, by words");

static inline void store(uint8_t *at, uint64_t word)
{
  memcpy(at, &word, WORD);
}

/* The byte of that number in memory. */
static inline uint64_t in_word(uint8_t byte, unsigned number)
{
  return (uint64_t)byte << 8 * (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? number : WORD - 1 - number);
}

/* The last n bytes, of at least WORD, as the first of a word. */
static inline uint64_t load_last(const uint8_t *end, unsigned n)
{
  const unsigned shift = 8 * (WORD - n);
  const uint64_t word = dc_word64(end - WORD);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word >> shift : word << shift;
}

/*
 * The marker and the packet behind it. All that reads and changes these bytes does so by whole words, and so they are
 * written: a load of what was just stored in other pieces waits until the stores have reached the cache. What is behind
 * the packet, up to the next whole word, is written too.
 */
static void put_bytes(uint8_t *to, uint16_t ethertype, const uint8_t *from, size_t len)
{
  uint64_t first = in_word((uint8_t)(ethertype >> 8), 0) | in_word((uint8_t)ethertype, 1);
  const size_t in_first = len < WORD - MARKER ? len : WORD - MARKER;
  for (unsigned i = 0; i < in_first; i++)
    first |= in_word(from[i], MARKER + i);
  store(to, first);
  const uint8_t *at = from + in_first;
  const uint8_t *end = from + len;
  to += WORD;
  for (; end - at >= WORD; at += WORD, to += WORD)
    store(to, dc_word64(at));
  if (at == end)
    return;
  const unsigned left = (unsigned)(end - at);
  if (len >= WORD) {
    store(to, load_last(end, left));
    return;
  }
  uint64_t last = 0;
  for (unsigned i = 0; i < left; i++)
    last |= in_word(at[i], i);
  store(to, last);
}

static inline void mask_bits(DcNormal *normal, size_t offset, uint8_t bits)
{
  if (offset >= normal->len)
    return;
  uint8_t *at = normal->bytes + offset / WORD * WORD;
  store(at, dc_word64(at) & ~in_word(bits, (unsigned)(offset % WORD)));
}

static inline void mask_byte(DcNormal *normal, size_t offset)
{
  mask_bits(normal, offset, 0xff);
}

static inline void mask_two(DcNormal *normal, size_t offset)
{
  mask_byte(normal, offset);
  mask_byte(normal, offset + 1);
}

static void mask_ip(DcNormal *normal, const DcPacket *packet)
{
  const size_t l4 = MARKER + packet->l4_offset - packet->l3_offset;
  if (packet->src.version == 4) {
    mask_byte(normal, MARKER + 1); /* TOS */
    mask_byte(normal, MARKER + 8); /* TTL */
    mask_two(normal, MARKER + 10); /* checksum */
    for (size_t i = MARKER + 20; i < l4; i++)
      mask_byte(normal, i);
  } else {
    mask_bits(normal, MARKER, 0x0f);
    mask_byte(normal, MARKER + 1); /* class, flow label */
    mask_two(normal, MARKER + 2);
    mask_byte(normal, MARKER + 7); /* hop limit */
  }
  if (packet->fragment_offset != 0)
    return;
  switch (packet->ip_protocol) {
  case IPPROTO_TCP:
    mask_two(normal, l4 + 16);
    break;
  case IPPROTO_UDP:
  case IPPROTO_UDPLITE:
  case IPPROTO_DCCP:
    mask_two(normal, l4 + 6);
    break;
  case IPPROTO_ICMP:
  case IPPROTO_ICMPV6:
    mask_two(normal, l4 + 2);
    break;
  case IPPROTO_SCTP:
    mask_two(normal, l4 + 8);
    mask_two(normal, l4 + 10);
    break;
  default:
    break;
  }
}

static uint16_t least16(uint64_t value, uint16_t limit)
{
  return value < limit ? (uint16_t)value : limit;
}

static bool is_complete(const DcNormal *normal)
{
  return normal->len == MARKER + normal->wire_len;
}

static void trim_zeros(DcNormal *normal)
{
  while (normal->len > MARKER && normal->bytes[normal->len - 1] == 0)
    normal->len--;
  normal->wire_len = (uint16_t)(normal->len - MARKER);
}

bool dc_normalise(const DcPacket *packet, const uint8_t *bytes, uint32_t caplen, uint32_t len, DcNormal *ret_normal)
{
  if (!(packet->has & DC_HAS_ETHERTYPE) || packet->l3_offset > caplen || packet->payload_offset < packet->l3_offset)
    return false;
  DcCursor cursor = dc_cursor(bytes, caplen);
  dc_cursor_skip(&cursor, packet->l3_offset);
  const uint32_t wire = (len > caplen ? len : caplen) - packet->l3_offset;
  const bool is_ip = (packet->has & DC_HAS_IP) != 0;
  const uint32_t l3_len = is_ip || packet->l3_len < wire ? packet->l3_len : wire;
  size_t captured = dc_cursor_left(&cursor);
  if (captured > l3_len)
    captured = l3_len;
  if (captured == 0)
    return false;

  DcNormal *normal = ret_normal;
  const size_t keep = captured < DC_NORMAL_MAX - MARKER ? captured : DC_NORMAL_MAX - MARKER;
  const uint8_t *kept = dc_cursor_bytes(&cursor, keep);
  if (kept == NULL)
    return false;
  put_bytes(normal->bytes, packet->ethertype, kept, keep);
  normal->len = (uint16_t)(MARKER + keep);
  normal->wire_len = least16(l3_len, UINT16_MAX);
  if (is_ip) {
    /* Headers longer than what is kept (chains of extension headers) count as far as they are kept,
     * those longer than their packet as far as it goes. */
    const uint64_t header = packet->payload_offset - packet->l3_offset;
    const uint64_t packet_len = l3_len < wire ? l3_len : wire;
    normal->header_len = least16(MARKER + (header < packet_len ? header : packet_len), DC_NORMAL_MAX);
    normal->whole = packet->status != DC_DECODE_SHORT && normal->header_len <= normal->len;
    mask_ip(normal, packet);
  } else {
    if (is_complete(normal) && l3_len <= PADDED)
      trim_zeros(normal);
    normal->header_len = least16((uint64_t)MARKER + normal->wire_len, OTHER_HEADER);
    normal->whole = normal->header_len <= normal->len;
  }
  if (normal->len < normal->header_len)
    memset(normal->bytes + normal->len, 0, (size_t)normal->header_len - normal->len);
  return true;
}

bool dc_normal_equal(const DcNormal *a, const DcNormal *b)
{
  if (!a->whole || !b->whole || a->header_len != b->header_len)
    return false;
  const uint16_t common = a->len < b->len ? a->len : b->len;
  if (common < a->header_len || memcmp(a->bytes, b->bytes, common) != 0)
    return false;
  /* One of them may be cut short, but it cannot be longer than the other is when complete. */
  return !(is_complete(a) && b->len > a->len) && !(is_complete(b) && a->len > b->len);
}
