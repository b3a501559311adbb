/*
 * Crypto-PAn walks down the tree of all addresses and at each node may exchange its two branches; whether it does is
 * the first bit of AES over the bits that lead there. So equal beginnings stay equal, and nothing else shows.
 *
 *   address      a0 a1 a2 ... ai | pad ...        flip(i) = first bit of AES(a0 .. ai-1, pad)
 *   becomes      a0^flip(0) a1^flip(1) ...
 *
 * As published, flip(i) and flip(i+1) are of one input where ai is the pad's bit as well: on average every second bit
 * is exchanged as the one before it, and of 2400 addresses one becomes itself, under a key in so many whole networks.
 * So here i+1 is added to the last byte (by_level), and each node has an input of its own.
 *
 * Here some nodes keep their branches where they are: those above a range of addresses that must stay itself
 * (multicast, loopback), so that no other address falls into it, and those inside one that is kept as it is.
 */
#include "anonymize_private.h"

#include <nettle/sha2.h>
#include <string.h>

/* Bits before `keep` stay as they are; 0xff: of a range that is no one's in particular, all. */
typedef struct {
  uint8_t prefix[16];
  uint8_t len;
  uint8_t keep;
} Range;

static const Range ranges4[] = {
    {{0}, 8, 32},                          /* "this network", and the unspecified address */
    {{127}, 8, 32},                        /* loopback */
    {{224, 0, 0}, 24, 32},                 /* multicast on the link: protocols, not people */
    {{224, 0}, 9, 9},                      /* other groups, as map_group4 brings them here */
    {{224}, 4, 4},         {{240}, 4, 32}, /* reserved, broadcast, netmasks */
};

static const Range ranges6[] = {
    {{0}, 8, 8},            /* unspecified, loopback, mapped IPv4: most are handled before */
    {{0xfe, 0x80}, 64, 64}, /* link-local */
    {{0xfe, 0x80}, 10, 10},
    {{0xff}, 8, 16}, /* multicast: flags and scope */
    {{0xff, 0x02}, 96, 96},
    {{0xff, 0x02}, 111, 128}, /* groups with a number, as map_group6 brings the others here */
};

void dc_pan_init(DcPan *pan, const uint8_t key[static DC_ANON_KEY_LEN])
{
  pan->by_level = false;
  aes128_set_encrypt_key(&pan->aes, key);
  aes128_encrypt(&pan->aes, sizeof pan->pad, pan->pad, key + 16);
}

static bool bit_of(const uint8_t *bytes, unsigned at)
{
  return (bytes[at / 8] >> (7 - at % 8) & 1) != 0;
}

void dc_pan_map(const DcPan *pan, const uint8_t *address, unsigned bits, const uint8_t *kept, uint8_t *ret_address)
{
  uint8_t input[16], block[16], output[16], result[16] = {0};
  memcpy(input, pan->pad, sizeof input);
  for (unsigned i = 0; i < bits; i++) {
    bool bit = bit_of(address, i);
    const bool original = bit;
    if (!bit_of(kept, i)) {
      memcpy(block, input, sizeof block);
      if (pan->by_level)
        block[15] = (uint8_t)(block[15] ^ (i + 1));
      aes128_encrypt(&pan->aes, sizeof block, output, block);
      bit = bit != (output[0] >> 7 != 0);
    }
    if (bit)
      result[i / 8] = (uint8_t)(result[i / 8] | 0x80 >> i % 8);
    /* This bit joins those that lead to the next node. */
    const uint8_t mask = (uint8_t)(0x80 >> i % 8);
    input[i / 8] = (uint8_t)(original ? input[i / 8] | mask : input[i / 8] & ~mask);
  }
  memcpy(ret_address, result, bits / 8);
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
  unsigned i = 0;
  while (i < bits && bit_of(a, i) == bit_of(b, i))
    i++;
  return i;
}

/* Marks the bits of address that must not change. */
static void find_kept(const Range *ranges, size_t count, const uint8_t *address, unsigned bits, uint8_t *kept)
{
  memset(kept, 0, 16);
  for (size_t i = 0; i < count; i++) {
    const unsigned common = common_bits(address, ranges[i].prefix, ranges[i].len);
    /* Above the range: the bits shared with it, and the one that parts from it. Inside: up to keep. */
    const unsigned upto = common == ranges[i].len ? MAX(ranges[i].keep, ranges[i].len) : common + 1;
    for (unsigned bit = 0; bit < MIN(upto, bits); bit++)
      kept[bit / 8] = (uint8_t)(kept[bit / 8] | 0x80 >> bit % 8);
  }
}

static void map_by(const DcAnonymizer *anonymizer, const Range *ranges, size_t count, const uint8_t *address,
                   unsigned bits, uint8_t *ret_address)
{
  uint8_t kept[16];
  find_kept(ranges, count, address, bits, kept);
  dc_pan_map(&anonymizer->pan, address, bits, kept, ret_address);
}

/*
 * A group's MAC address holds the end of its IP address (RFC 1112, RFC 2464), so that this end becomes what it becomes
 * whatever stands before it; then the frame's MAC address goes on being its group's.
 *
 *   1110 xxxx x | 23 bits    <->   01:00:5e:0 | 23 bits
 *                ^ here the 5 bits x, which 32 groups of one MAC address differ by, stay as they are
 */
static void map_group4(const DcAnonymizer *anonymizer, const uint8_t address[4], uint8_t ret_address[4])
{
  const uint8_t first[4] = {224, address[1] & 0x7f, address[2], address[3]};
  uint8_t mapped[4];
  map_by(anonymizer, ranges4, G_N_ELEMENTS(ranges4), first, 32, mapped);
  mapped[0] = address[0];
  mapped[1] = (uint8_t)((mapped[1] & 0x7f) | (address[1] & 0x80));
  memcpy(ret_address, mapped, 4);
}

static void map4(const DcAnonymizer *anonymizer, const uint8_t address[4], uint8_t ret_address[4])
{
  if (address[0] >> 4 == 14)
    map_group4(anonymizer, address, ret_address);
  else
    map_by(anonymizer, ranges4, G_N_ELEMENTS(ranges4), address, 32, ret_address);
}

/* The address that would be a local network's broadcast address and the one that is change places. */
static void exchange_broadcasts(const DcAnonymizer *anonymizer, uint8_t address[4], guint networks)
{
  for (guint i = 0; i < networks; i++) {
    const DcAnonNetwork *network = &g_array_index(anonymizer->networks, DcAnonNetwork, i);
    if (memcmp(address, network->mapped_broadcast, 4) == 0)
      memcpy(address, network->broadcast, 4);
    else if (memcmp(address, network->broadcast, 4) == 0)
      memcpy(address, network->mapped_broadcast, 4);
  }
}

static void set_ones(uint8_t address[4], unsigned from)
{
  for (unsigned bit = from; bit < 32; bit++)
    address[bit / 8] = (uint8_t)(address[bit / 8] | 0x80 >> bit % 8);
}

void dc_anon_add_network(DcAnonymizer *anonymizer, const DcAddr *addr, unsigned len)
{
  if (addr->version != 4 || len < 1 || len > 30 || anonymizer->networks->len >= DC_ANON_PREFIXES_MAX)
    return;
  DcAnonNetwork network = {.len = (uint8_t)len};
  memcpy(network.net, addr->bytes, 4);
  set_ones(network.net, len); /* the broadcast address stands for the network */
  for (guint i = 0; i < anonymizer->networks->len; i++) {
    const DcAnonNetwork *known = &g_array_index(anonymizer->networks, DcAnonNetwork, i);
    if (known->len == network.len && memcmp(known->net, network.net, 4) == 0)
      return;
  }
  map4(anonymizer, network.net, network.mapped_broadcast);
  exchange_broadcasts(anonymizer, network.mapped_broadcast, anonymizer->networks->len);
  memcpy(network.broadcast, network.mapped_broadcast, 4);
  set_ones(network.broadcast, len);
  g_array_append_val(anonymizer->networks, network);
}

/* Groups with a number of their own (ff02::1, ff02::fb, ff05::1:3) are protocols, not people. */
static bool is_assigned_group(const uint8_t address[16])
{
  static const uint8_t zero[11] = {0};
  return address[0] == 0xff && memcmp(address + 2, zero, 10) == 0 && address[12] == 0 && address[13] <= 1;
}

/* The end that a group's MAC address holds, mapped: as that of ff02::/96, or of ff02::1:ff00:0/104, where the last
 * three bytes are those of somebody's address. */
static void map_group6_end(const DcAnonymizer *anonymizer, const uint8_t end[4], uint8_t ret_end[4])
{
  uint8_t address[16] = {0xff, 0x02}, kept[16], mapped[16];
  memcpy(address + 12, end, 4);
  if (end[0] == 0xff) {
    address[11] = 1;
    memset(kept, 0, sizeof kept);
    memset(kept, 0xff, 13);
  } else {
    find_kept(ranges6, G_N_ELEMENTS(ranges6), address, 128, kept);
  }
  dc_pan_map(&anonymizer->pan, address, 128, kept, mapped);
  memcpy(ret_end, mapped + 12, 4);
}

/*
 *   ff | flags, scope | 80 bits | 32 bits    <->   33:33 | 32 bits
 *        as they are    mapped    mapped by themselves
 */
static void map_group6(const DcAnonymizer *anonymizer, const uint8_t address[16], uint8_t ret_address[16])
{
  static const uint8_t solicited[10] = {[9] = 1};
  uint8_t beginning[16] = {0xff, 0x02}, mapped[16];
  memcpy(beginning + 2, address + 2, 10);
  memcpy(ret_address, address, 2);
  if (memcmp(address + 2, solicited, sizeof solicited) == 0)
    memcpy(ret_address + 2, address + 2, 10);
  else {
    map_by(anonymizer, ranges6, G_N_ELEMENTS(ranges6), beginning, 128, mapped);
    memcpy(ret_address + 2, mapped + 2, 10);
  }
  map_group6_end(anonymizer, address + 12, ret_address + 12);
}

static void map6(const DcAnonymizer *anonymizer, const uint8_t address[16], uint8_t ret_address[16])
{
  static const uint8_t mapped_ipv4[12] = {[10] = 0xff, [11] = 0xff};
  static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
  static const uint8_t loopback[15] = {0};
  memcpy(ret_address, address, 16);
  if (is_assigned_group(address) || (memcmp(address, loopback, 15) == 0 && address[15] <= 1))
    return;
  if (memcmp(address, mapped_ipv4, 12) == 0 || memcmp(address, nat64, 12) == 0) {
    map4(anonymizer, address + 12, ret_address + 12);
    exchange_broadcasts(anonymizer, ret_address + 12, anonymizer->networks->len);
    return;
  }
  if (address[0] == 0xff)
    map_group6(anonymizer, address, ret_address);
  else
    map_by(anonymizer, ranges6, G_N_ELEMENTS(ranges6), address, 128, ret_address);
}

DcAddr dc_anon_map_addr(const DcAnonymizer *anonymizer, const DcAddr *addr)
{
  DcAddr result = *addr;
  if (addr->version == 4) {
    map4(anonymizer, addr->bytes, result.bytes);
    exchange_broadcasts(anonymizer, result.bytes, anonymizer->networks->len);
  } else if (addr->version == 6) {
    map6(anonymizer, addr->bytes, result.bytes);
  }
  return result;
}

/* --- MAC addresses -------------------------------------------------------------------------- */

static bool starts(const uint8_t mac[6], const uint8_t *prefix, size_t len)
{
  return memcmp(mac, prefix, len) == 0;
}

/* Addresses of protocols: bridges and their kin, Cisco's, broadcast, none. */
static bool is_nobodys(const uint8_t mac[6])
{
  static const uint8_t zero[6] = {0}, broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  static const uint8_t bridge[5] = {0x01, 0x80, 0xc2, 0x00, 0x00}, cisco[5] = {0x01, 0x00, 0x0c, 0xcc, 0xcc};
  return starts(mac, zero, 6) || starts(mac, broadcast, 6) || starts(mac, bridge, 5) || starts(mac, cisco, 5);
}

void dc_anon_map_mac(const DcAnonymizer *anonymizer, const uint8_t mac[6], uint8_t ret_mac[6])
{
  uint8_t block[16] = {0};
  memcpy(block, mac, 6);
  aes128_encrypt(&anonymizer->mac_aes, sizeof block, block, block);
  if (is_nobodys(mac)) {
    memmove(ret_mac, mac, 6);
  } else if (mac[0] == 0x33 && mac[1] == 0x33) {
    ret_mac[0] = ret_mac[1] = 0x33;
    map_group6_end(anonymizer, (const uint8_t[4]){mac[2], mac[3], mac[4], mac[5]}, ret_mac + 2);
  } else if (mac[0] == 0x01 && mac[1] == 0x00 && mac[2] == 0x5e && mac[3] < 0x80) {
    const uint8_t first[4] = {224, mac[3], mac[4], mac[5]};
    uint8_t mapped[4];
    map4(anonymizer, first, mapped);
    memcpy(ret_mac, (const uint8_t[6]){0x01, 0x00, 0x5e, mapped[1], mapped[2], mapped[3]}, 6);
  } else {
    const uint8_t group = mac[0] & 1;
    memcpy(ret_mac, block, 6);
    ret_mac[0] = (uint8_t)((block[0] & 0xfc) | 2 | group);
  }
}
