/* What becomes of addresses, packets and texts: the reference's own examples, kinds that stay, checksums, and that
 * nothing of the original is left. */
#include "dropcorr/source/anonymize.h"

#include "../../src/source/anonymize_private.h"
#include "dropcorr/base/error.h"
#include "dropcorr/base/hash.h"
#include "dropcorr/decode/normalise.h"
#include "dropcorr/decode/packet.h"
#include "hex.h"
#include "sample_packets.h"
#include "scratch.h"

#include <string.h>
#include <sys/stat.h>

typedef struct {
  char *base, *path;
  DcAnonymizer *anonymizer;
} Fixture;

/* One key: by chance a checksum before zeros looks like 10.0.0.1, but then it does so in each run. */
#define MAP \
  "# dropcorr mapping 1: made for a test\nkey 4d0c7ae3915b28f6a07f3ce8156d92b4c83ef1570a69db2497b0158ce64d3f72\n"

static Fixture fixture_new(const char *text)
{
  Fixture fixture = {.base = scratch_new()};
  fixture.path = g_build_filename(fixture.base, "map", NULL);
  if (text != NULL)
    g_assert_true(g_file_set_contents(fixture.path, text, -1, NULL));
  g_autoptr(GError) error = NULL;
  fixture.anonymizer = dc_anonymizer_open(fixture.path, (uid_t)-1, (gid_t)-1, &error);
  g_assert_no_error(error);
  return fixture;
}

static void fixture_clear(Fixture *fixture)
{
  dc_anonymizer_free(fixture->anonymizer);
  scratch_remove(fixture->base);
  g_free(fixture->base);
  g_free(fixture->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixture, fixture_clear)

/* The sample trace of Crypto-PAn 1.0 and its key. */
static void test_reference(void)
{
  static const uint8_t key[DC_ANON_KEY_LEN] = {21,  34,  23,  141, 51,  164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
                                               216, 152, 143, 131, 121, 121, 101, 39,  98, 87, 76, 45, 42, 132, 34,  2};
  static const char *const pairs[][2] = {
      {"128.11.68.132", "135.242.180.132"},   {"129.118.74.4", "134.136.186.123"},
      {"130.132.252.244", "133.68.164.234"},  {"141.223.7.43", "141.167.8.160"},
      {"141.233.145.108", "141.129.237.235"}, {"152.163.225.39", "151.140.114.167"},
      {"156.29.3.236", "147.225.12.42"},      {"165.247.96.84", "162.9.99.234"},
      {"166.107.77.190", "160.132.178.185"},  {"192.102.249.13", "252.138.62.131"},
  };
  static const uint8_t kept[16] = {0};
  DcPan pan;
  dc_pan_init(&pan, key);
  for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
    DcAddr addr, expected;
    g_assert_true(dc_addr_parse(pairs[i][0], &addr) && dc_addr_parse(pairs[i][1], &expected));
    uint8_t mapped[4];
    dc_pan_map(&pan, addr.bytes, 32, kept, mapped);
    g_assert_cmpint(memcmp(mapped, expected.bytes, 4), ==, 0);
  }
}

static DcAddr map(const Fixture *fixture, const char *text)
{
  DcAddr addr;
  g_assert_true(dc_addr_parse(text, &addr));
  return dc_anonymizer_addr(fixture->anonymizer, &addr);
}

static unsigned common_bits(const DcAddr *a, const DcAddr *b)
{
  unsigned i = 0;
  while (i < 128 && (a->bytes[i / 8] >> (7 - i % 8) & 1) == (b->bytes[i / 8] >> (7 - i % 8) & 1))
    i++;
  return i;
}

static DcAddr random_addr(uint8_t version)
{
  DcAddr addr = {.version = version};
  for (size_t i = 0; i < (version == 4 ? 4 : 16); i++)
    addr.bytes[i] = (uint8_t)g_test_rand_int();
  if (version == 6)
    addr.bytes[0] = 0x20; /* not of a kind */
  return addr;
}

/* Two addresses share as many leading bits afterwards as before, and none becomes another's. */
static void test_prefixes_stay(void)
{
  g_auto(Fixture) fixture = fixture_new(NULL);
  for (int round = 0; round < 4000; round++) {
    const uint8_t version = round % 2 == 0 ? 4 : 6;
    const DcAddr a = random_addr(version);
    DcAddr b = a;
    const unsigned bit = (unsigned)g_test_rand_int_range(0, version == 4 ? 32 : 128);
    b.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    if (version == 6)
      b.bytes[0] = 0x20;
    const DcAddr x = dc_anonymizer_addr(fixture.anonymizer, &a), y = dc_anonymizer_addr(fixture.anonymizer, &b);
    g_assert_cmpuint(common_bits(&x, &y), ==, common_bits(&a, &b));
    g_assert_cmpuint(x.version, ==, version);
  }
}

/* As published, one key of 2400 leaves an address of 27 free bits what it was. The same keys in each run. */
static void test_no_key_leaves_an_address(void)
{
  for (int by_level = 0; by_level < 2; by_level++) {
    GRand *random = g_rand_new_with_seed(1);
    uint32_t left = 0;
    for (int round = 0; round < 10000; round++) {
      DcAnonymizer anonymizer = {.networks = g_array_new(FALSE, FALSE, sizeof(DcAnonNetwork))};
      uint8_t key[DC_ANON_KEY_LEN];
      for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)g_rand_int_range(random, 0, 256);
      dc_pan_init(&anonymizer.pan, key);
      anonymizer.pan.by_level = by_level != 0;
      DcAddr addr;
      g_assert_true(dc_addr_parse("10.0.0.1", &addr));
      const DcAddr mapped = dc_anon_map_addr(&anonymizer, &addr);
      left += dc_addr_equal(&mapped, &addr);
      g_array_unref(anonymizer.networks);
    }
    g_assert_cmpint(left == 0, ==, by_level != 0);
    g_rand_free(random);
  }
}

static bool is_special4(const DcAddr *addr)
{
  return addr->bytes[0] == 0 || addr->bytes[0] == 127 || addr->bytes[0] >= 224;
}

static void test_kinds_stay(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const char *const same[] = {"0.0.0.0",       "127.0.0.1",   "127.8.9.10", "255.255.255.255",
                                     "255.255.255.0", "224.0.0.251", "::",         "::1",
                                     "ff02::1",       "ff02::fb",    "ff05::1:3"};
  for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
    DcAddr addr;
    g_assert_true(dc_addr_parse(same[i], &addr));
    const DcAddr mapped = map(&fixture, same[i]);
    g_assert_true(dc_addr_equal(&mapped, &addr));
  }
  for (int round = 0; round < 20000; round++) {
    const DcAddr addr = random_addr(4);
    const DcAddr mapped = dc_anon_map_addr(fixture.anonymizer, &addr);
    g_assert_cmpint(is_special4(&addr), ==, is_special4(&mapped));
    g_assert_cmpint((addr.bytes[0] & 0xf0) == 0xe0, ==, (mapped.bytes[0] & 0xf0) == 0xe0);
  }
  const DcAddr link_local = map(&fixture, "fe80::1:2:3:4");
  g_assert_cmpuint(link_local.bytes[0], ==, 0xfe);
  g_assert_cmpuint(link_local.bytes[1], ==, 0x80);
  for (size_t i = 2; i < 8; i++)
    g_assert_cmpuint(link_local.bytes[i], ==, 0);
  const DcAddr group = map(&fixture, "ff02::1:ff12:3456");
  g_assert_cmpuint(group.bytes[12], ==, 0xff);
  g_assert_cmpuint(group.bytes[11], ==, 1);
  const DcAddr four = map(&fixture, "10.1.2.3"), mapped = map(&fixture, "::ffff:10.1.2.3");
  g_assert_cmpint(memcmp(mapped.bytes + 12, four.bytes, 4), ==, 0);
}

/* What the kernel takes for its network's broadcast address must still be one, and nobody else's. */
static void test_broadcast(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const char text[] = "2: eth0\n    inet 10.1.2.3/24 brd 10.1.2.255 scope global eth0\n    inet 10.1.2.3/8\n";
  const DcSample sample = {.name = "addr", .text = text, .len = strlen(text)};
  dc_anonymizer_learn(fixture.anonymizer, &sample);
  const DcAddr host = map(&fixture, "10.1.2.3"), broadcast = map(&fixture, "10.1.2.255");
  g_assert_cmpint(memcmp(host.bytes, broadcast.bytes, 3), ==, 0);
  g_assert_cmpuint(broadcast.bytes[3], ==, 255);
  const DcAddr large = map(&fixture, "10.255.255.255");
  g_assert_cmpuint(large.bytes[0], ==, host.bytes[0]);
  g_assert_cmpuint(large.bytes[1] & large.bytes[2] & large.bytes[3], ==, 255);
  bool seen[256] = {false};
  for (unsigned i = 0; i < 256; i++) {
    g_autofree char *address = g_strdup_printf("10.1.2.%u", i);
    const DcAddr one = map(&fixture, address);
    g_assert_cmpint(memcmp(one.bytes, host.bytes, 3), ==, 0);
    g_assert_false(seen[one.bytes[3]]);
    seen[one.bytes[3]] = true;
  }
}

static void test_macs(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const uint8_t same[][6] = {
      {0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x01, 0x80, 0xc2, 0, 0, 0}, {0x33, 0x33, 0, 0, 0, 1}};
  for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
    uint8_t mapped[6];
    dc_anonymizer_mac(fixture.anonymizer, same[i], mapped);
    g_assert_cmpint(memcmp(mapped, same[i], 6), ==, 0);
  }
  for (unsigned i = 0; i < 2000; i++) {
    const uint8_t mac[6] = {(uint8_t)(i * 4 + i % 2), 1, 2, 3, (uint8_t)(i >> 8), (uint8_t)i};
    uint8_t mapped[6], again[6];
    dc_anonymizer_mac(fixture.anonymizer, mac, mapped);
    dc_anon_map_mac(fixture.anonymizer, mac, again);
    g_assert_cmpint(memcmp(mapped, again, 6), ==, 0);
    g_assert_cmpuint(mapped[0] & 1, ==, mac[0] & 1);
    g_assert_cmpuint(mapped[0] & 2, ==, 2);
    g_assert_cmpint(memcmp(mapped, mac, 6), !=, 0);
  }
}

/* --- packets --------------------------------------------------------------------------------- */

static bool holds(const uint8_t *bytes, size_t len, const void *what, size_t n)
{
  return memmem(bytes, len, what, n) != NULL;
}

/* The project's own test addresses in every form a packet can have. */
static void must_hold_none(const uint8_t *bytes, size_t len)
{
  static const uint8_t macs[][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
  static const uint8_t v4[][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}, {10, 9, 9, 9}};
  static const uint8_t v6[15] = {0xfd, 0};
  for (size_t i = 0; i < G_N_ELEMENTS(macs); i++)
    g_assert_false(holds(bytes, len, macs[i], sizeof macs[i]));
  for (size_t i = 0; i < G_N_ELEMENTS(v4); i++)
    g_assert_false(holds(bytes, len, v4[i], sizeof v4[i]));
  g_assert_false(holds(bytes, len, v6, sizeof v6));
}

static void map_frame(const Fixture *fixture, const GByteArray *bytes, DcLink link, DcEvent *ret_event)
{
  *ret_event = (DcEvent){.kind = DC_EVENT_FRAME};
  ret_event->frame =
      (DcFrame){.number = 1, .caplen = bytes->len, .len = bytes->len, .bytes = bytes->data, .link = (uint8_t)link};
  dc_anonymizer_event(fixture->anonymizer, ret_event);
}

static void must_map(const char *name, const char *hex, DcLink link)
{
  g_test_message("%s", name);
  g_auto(Fixture) fixture = fixture_new(MAP);
  g_autoptr(GByteArray) bytes = test_hex(hex);
  g_autoptr(GByteArray) copy = g_byte_array_new();
  g_byte_array_append(copy, bytes->data, bytes->len);
  DcEvent event;
  map_frame(&fixture, bytes, link, &event);
  g_assert_cmpint(memcmp(bytes->data, copy->data, copy->len), ==, 0); /* the original is not touched */
  must_hold_none(event.frame.bytes, event.frame.caplen);

  DcPacket before, after;
  dc_decode_packet(link, bytes->data, bytes->len, bytes->len, true, &before);
  dc_decode_packet(link, event.frame.bytes, event.frame.caplen, bytes->len, true, &after);
  g_assert_cmpuint(after.has, ==, before.has);
  g_assert_cmpuint(after.ethertype, ==, before.ethertype);
  g_assert_cmpuint(after.src_port, ==, before.src_port);
  g_assert_cmpuint(after.dst_port, ==, before.dst_port);
  g_assert_cmpuint(after.tcp_seq, ==, before.tcp_seq);
  g_assert_cmpuint(after.tsval, ==, before.tsval);
  g_assert_cmpuint(after.ip_id, ==, before.ip_id);
  g_assert_cmpuint(after.payload_len, ==, before.payload_len);
  g_assert_cmpuint(after.quote_src_port, ==, before.quote_src_port);
  g_assert_cmpint(after.ip_checksum, ==, before.ip_checksum);
  const uint8_t known = after.l4_checksum != DC_CHECKSUM_UNKNOWN ? after.l4_checksum : event.frame.l4_checksum;
  g_assert_cmpint(known, ==, before.l4_checksum);
  const DcAddr src = dc_anonymizer_addr(fixture.anonymizer, &before.src);
  g_assert_true(dc_addr_equal(&after.src, &src));
  if (before.has & DC_HAS_QUOTE) {
    const DcAddr quoted = dc_anonymizer_addr(fixture.anonymizer, &before.quote_dst);
    g_assert_true(dc_addr_equal(&after.quote_dst, &quoted));
  }
  if (before.has & DC_HAS_ND_TARGET) {
    const DcAddr target = dc_anonymizer_addr(fixture.anonymizer, &before.nd_target);
    g_assert_true(dc_addr_equal(&after.nd_target, &target));
  }
}

static void test_packets(void)
{
  static const struct {
    const char *name, *hex;
    DcLink link;
  } packets[] = {
#define ROW(name, link) {#name, packet_##name, link}
      ROW(syn, DC_LINK_ETHERNET),
      ROW(data, DC_LINK_ETHERNET),
      ROW(qinq, DC_LINK_ETHERNET),
      ROW(arp, DC_LINK_ETHERNET),
      ROW(ipopt, DC_LINK_ETHERNET),
      ROW(frag1, DC_LINK_ETHERNET),
      ROW(frag2, DC_LINK_ETHERNET),
      ROW(v6ext, DC_LINK_ETHERNET),
      ROW(v6frag, DC_LINK_ETHERNET),
      ROW(v6frag2, DC_LINK_ETHERNET),
      ROW(v6route, DC_LINK_ETHERNET),
      ROW(icmp_unreach, DC_LINK_ETHERNET),
      ROW(echo, DC_LINK_ETHERNET),
      ROW(icmp_unreach_tcp, DC_LINK_ETHERNET),
      ROW(icmp6_unreach, DC_LINK_ETHERNET),
      ROW(ns, DC_LINK_ETHERNET),
      ROW(sctp, DC_LINK_ETHERNET),
      ROW(dccp, DC_LINK_ETHERNET),
      ROW(gre, DC_LINK_ETHERNET),
      ROW(gretap, DC_LINK_ETHERNET),
      ROW(ipip, DC_LINK_ETHERNET),
      ROW(sixinfour, DC_LINK_ETHERNET),
      ROW(vxlan, DC_LINK_ETHERNET),
      ROW(vxlan_zero, DC_LINK_ETHERNET),
      ROW(udplite, DC_LINK_ETHERNET),
      ROW(sll, DC_LINK_SLL),
      ROW(sll2, DC_LINK_SLL2),
      ROW(partial, DC_LINK_ETHERNET),
      ROW(snap, DC_LINK_ETHERNET),
      ROW(llc_info, DC_LINK_ETHERNET),
#undef ROW
      {"802.3 without LLC", "020000000001020000000002 0010 ffff 0022 0011 00000000 0102 0304 0506", DC_LINK_ETHERNET},
      {"DCCP shorter than its header",
       "020000000001020000000002 86dd 60000000 0008 21 40 fd000000000000000000000000000002"
       "fd000000000000000000000000000001 9c41 0050 08 00 0000",
       DC_LINK_ETHERNET},
      {"a tunnel that ends in the inner link header",
       "020000000001020000000002 0800 4500 0020 0001 0000 402f 0000 0a000002 0a000001 0000 6558 0102030405060708",
       DC_LINK_ETHERNET},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(packets); i++)
    must_map(packets[i].name, packets[i].hex, packets[i].link);
}

static void test_wrong_checksums_stay_wrong(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const char *const packets[] = {packet_syn, packet_data, packet_echo, packet_ns, packet_qinq};
  for (size_t i = 0; i < G_N_ELEMENTS(packets); i++) {
    g_autoptr(GByteArray) bytes = test_hex(packets[i]);
    bytes->data[bytes->len - 1] ^= 0x40;
    DcPacket before, after;
    dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len, true, &before);
    g_assert_cmpint(before.l4_checksum, ==, DC_CHECKSUM_BAD);
    if (before.src.version == 4)
      bytes->data[before.l3_offset + 8] ^= 1; /* the TTL: the header's sum is wrong as well */
    DcEvent event;
    map_frame(&fixture, bytes, DC_LINK_ETHERNET, &event);
    dc_decode_packet(DC_LINK_ETHERNET, event.frame.bytes, event.frame.caplen, bytes->len, true, &after);
    const uint8_t known = after.l4_checksum != DC_CHECKSUM_UNKNOWN ? after.l4_checksum : event.frame.l4_checksum;
    g_assert_cmpint(known, ==, DC_CHECKSUM_BAD);
    if (before.src.version == 4)
      g_assert_cmpint(after.ip_checksum, ==, DC_CHECKSUM_BAD);
  }
}

/* The checksum must not tell of the payload it once covered. */
static void test_checksum_tells_nothing(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  uint16_t fields[2];
  for (size_t i = 0; i < 2; i++) {
    g_autoptr(GByteArray) bytes = test_hex(packet_data);
    /* another payload of the same length, with its own right checksum */
    const uint8_t delta = (uint8_t)(i * 3);
    bytes->data[bytes->len - 1] = (uint8_t)(bytes->data[bytes->len - 1] + delta);
    const uint32_t at = 14 + 20 + 16;
    const uint16_t sum = (uint16_t)(((uint16_t)bytes->data[at] << 8 | bytes->data[at + 1]) - (uint16_t)(delta << 8));
    bytes->data[at] = (uint8_t)(sum >> 8);
    bytes->data[at + 1] = (uint8_t)sum;
    DcPacket packet;
    dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len, true, &packet);
    g_assert_cmpint(packet.l4_checksum, ==, DC_CHECKSUM_GOOD);
    DcEvent event;
    map_frame(&fixture, bytes, DC_LINK_ETHERNET, &event);
    memcpy(&fields[i], event.frame.bytes + at, 2);
  }
  g_assert_cmpuint(fields[0], ==, fields[1]);
}

/* A frame and the drop of the same packet must still be the same packet, also of protocols nobody knows. */
static void test_frame_and_drop_agree(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const char *const packets[] = {packet_data, packet_snap, packet_llc_info, packet_icmp6_unreach, packet_vxlan};
  for (size_t i = 0; i < G_N_ELEMENTS(packets); i++) {
    g_autoptr(GByteArray) bytes = test_hex(packets[i]);
    DcEvent frame, drop = {.kind = DC_EVENT_DROP};
    map_frame(&fixture, bytes, DC_LINK_ETHERNET, &frame);
    drop.drop = (DcDrop){.bytes = bytes->data, .caplen = bytes->len, .orig_len = bytes->len, .link = DC_LINK_ETHERNET};
    dc_anonymizer_event(fixture.anonymizer, &drop);
    DcPacket a;
    dc_decode_packet(DC_LINK_ETHERNET, frame.frame.bytes, frame.frame.caplen, frame.frame.len, false, &a);
    DcNormal x, y;
    g_assert_true(dc_normalise(&a, frame.frame.bytes, frame.frame.caplen, frame.frame.len, &x));
    g_assert_true(dc_normalise(&drop.drop.packet, drop.drop.bytes, drop.drop.caplen, drop.drop.orig_len, &y));
    g_assert_true(dc_normal_equal(&x, &y));
  }
}

static void test_group_macs_agree(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  g_autoptr(GByteArray) bytes = test_hex(packet_data);
  static const uint8_t mac[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}, group[4] = {239, 129, 2, 3};
  memcpy(bytes->data, mac, 6);
  memcpy(bytes->data + 30, group, 4);
  DcEvent event;
  map_frame(&fixture, bytes, DC_LINK_ETHERNET, &event);
  g_assert_cmpuint(event.frame.bytes[30] & 0xf0, ==, 0xe0);
  g_assert_cmpint(memcmp(event.frame.bytes + 30, group, 4), !=, 0);
  g_assert_cmpuint(event.frame.bytes[3], ==, event.frame.bytes[31] & 0x7f);
  g_assert_cmpint(memcmp(event.frame.bytes + 4, event.frame.bytes + 32, 2), ==, 0);
}

/* Whatever stands before the bits that the MAC address holds; and no two groups become one. */
static void test_group_macs_follow(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  g_autoptr(GHashTable) seen =
      g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, (GDestroyNotify)g_bytes_unref);
  for (int round = 0; round < 20000; round++) {
    const bool four = round % 2 == 0;
    DcAddr addr = random_addr(four ? 4 : 6);
    const size_t size = four ? 4 : 16;
    if (four) {
      addr.bytes[0] = (uint8_t)(0xe0 | (addr.bytes[0] & 15));
    } else {
      addr.bytes[0] = 0xff;
      if (round % 3 == 0) /* ff02::x */
        memset(addr.bytes + 2, 0, 10);
      if (round % 5 == 0)
        memset(addr.bytes + 12, 0, 2);
    }
    uint8_t mac[6] = {0x33, 0x33}, mapped_mac[6], wanted[6] = {0x33, 0x33};
    if (four)
      memcpy(mac, (const uint8_t[]){0x01, 0x00, 0x5e, addr.bytes[1] & 0x7f, addr.bytes[2], addr.bytes[3]}, 6);
    else
      memcpy(mac + 2, addr.bytes + 12, 4);
    const DcAddr mapped = dc_anon_map_addr(fixture.anonymizer, &addr);
    dc_anon_map_mac(fixture.anonymizer, mac, mapped_mac);
    if (four)
      memcpy(wanted, (const uint8_t[]){0x01, 0x00, 0x5e, mapped.bytes[1] & 0x7f, mapped.bytes[2], mapped.bytes[3]}, 6);
    else
      memcpy(wanted + 2, mapped.bytes + 12, 4);
    g_assert_cmpint(memcmp(mapped_mac, wanted, sizeof wanted), ==, 0);

    g_autoptr(GBytes) before = g_bytes_new(addr.bytes, size);
    GBytes *after = g_bytes_new(mapped.bytes, size);
    const GBytes *other = g_hash_table_lookup(seen, after);
    g_assert_true(other == NULL || g_bytes_equal(other, before));
    g_hash_table_replace(seen, after, g_bytes_ref(before));
  }
  /* Those that every machine knows by number stay, with the MAC addresses that other groups share with them. */
  const DcAddr known = map(&fixture, "239.128.0.251");
  g_assert_cmpint(memcmp(known.bytes, (const uint8_t[]){239, 128, 0, 251}, 4), ==, 0);
  const DcAddr mdns = map(&fixture, "ff15::1:2:0:fb");
  g_assert_cmpint(memcmp(mdns.bytes + 12, (const uint8_t[]){0, 0, 0, 0xfb}, 4), ==, 0);
}

static void test_drops_of_text_logs(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  DcEvent event = {.kind = DC_EVENT_DROP};
  event.drop = (DcDrop){.count = 1};
  g_assert_true(dc_addr_parse("10.0.0.2", &event.drop.packet.src));
  const DcAddr expected = map(&fixture, "10.0.0.2");
  dc_anonymizer_event(fixture.anonymizer, &event);
  g_assert_true(dc_addr_equal(&event.drop.packet.src, &expected));
  g_assert_cmpuint(event.drop.packet.dst.version, ==, 0);
}

/* Any bytes at all: no read or write outside, which the sanitizers watch. */
static void test_noise(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const char *const packets[] = {packet_vxlan,     packet_icmp6_unreach, packet_gre,   packet_ns,
                                        packet_v6route,   packet_arp,           packet_ipopt, packet_syn,
                                        packet_sixinfour, packet_snap};
  for (int round = 0; round < 30000; round++) {
    g_autoptr(GByteArray) bytes = test_hex(packets[(size_t)round % G_N_ELEMENTS(packets)]);
    for (int i = 0; i < 6; i++)
      bytes->data[g_test_rand_int_range(0, (gint32)bytes->len)] = (guint8)g_test_rand_int();
    g_autoptr(GByteArray) exact = g_byte_array_new();
    g_byte_array_append(exact, bytes->data, (guint)g_test_rand_int_range(1, (gint32)bytes->len + 1));
    DcEvent event;
    map_frame(&fixture, exact, (DcLink)(round % DC_LINK_UNKNOWN), &event);
    g_assert_cmpuint(event.frame.caplen, <=, exact->len);
  }
}

/* --- texts ------------------------------------------------------------------------------------- */

static char *map_sample(const Fixture *fixture, const char *name, const char *text)
{
  DcEvent event = {.kind = DC_EVENT_SAMPLE};
  event.sample = (DcSample){.name = name, .text = text, .len = strlen(text)};
  dc_anonymizer_event(fixture->anonymizer, &event);
  return g_strndup(event.sample.text, event.sample.len);
}

/* %s in expected stands for what the addresses became. */
static void must_become(const Fixture *fixture, const char *name, const char *text, const char *expected,
                        const char *first, const char *second)
{
  char a[DC_ADDR_TEXT_MAX] = "", b[DC_ADDR_TEXT_MAX] = "";
  if (first != NULL) {
    const DcAddr addr = map(fixture, first);
    dc_addr_format(&addr, a);
  }
  if (second != NULL) {
    const DcAddr addr = map(fixture, second);
    dc_addr_format(&addr, b);
  }
  g_autofree char *got = map_sample(fixture, name, text);
  g_autoptr(GString) wanted = g_string_new(expected);
  g_string_replace(wanted, "{1}", a, 0);
  g_string_replace(wanted, "{2}", b, 0);
  g_assert_cmpstr(got, ==, wanted->str);
}

static void test_texts(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  must_become(&fixture, "route", "default via 10.0.0.1 dev eth0\n", "default via {1} dev eth0\n", "10.0.0.1", NULL);
  must_become(&fixture, "route", "10.0.0.1", "{1}", "10.0.0.1", NULL);
  must_become(&fixture, "ss", "tcp 10.0.0.1:22 [fd00::1]:80 fd00::1%eth0:443", "tcp {1}:22 [{2}]:80 {2}%eth0:443",
              "10.0.0.1", "fd00::1");
  must_become(&fixture, "neigh", "fd00::1 dev eth0, 10.0.0.1.\n", "{2} dev eth0, {1}.\n", "10.0.0.1", "fd00::1");
  must_become(&fixture, "iptables-save", "-m iprange --src-range 10.0.0.1-10.0.0.2 -j DROP",
              "-m iprange --src-range {1}-{2} -j DROP", "10.0.0.1", "10.0.0.2");
  /* What only looks like one. */
  static const char *const others[] = {
      "version 1.2.3",       "1.2.3.4.5", "a1.2.3.4",   "1.2.3.4x", "256.1.1.1", "12:34:56",
      "fh 800::800 order 1", "face",      "add: be: 7", "10.0.0",   "::",        "a::b::c"};
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
    must_become(&fixture, "rule", others[i], others[i], NULL, NULL);
}

static void test_networks_in_text(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  g_autofree char *network = map_sample(
      &fixture, "nft", "ip saddr 10.20.0.0/16 drop\nip6 saddr fd00:1::/32 drop\nip saddr 10.20.3.4/16 accept\n");
  const DcAddr inside = map(&fixture, "10.20.3.4");
  g_autofree char *expected = g_strdup_printf("ip saddr %u.%u.0.0/16 drop\n", inside.bytes[0], inside.bytes[1]);
  g_assert_true(g_str_has_prefix(network, expected));
  char text[DC_ADDR_TEXT_MAX];
  g_autofree char *host = g_strdup_printf("ip saddr %s/16 accept\n", dc_addr_format(&inside, text));
  g_assert_true(g_str_has_suffix(network, host)); /* an address with its length stays one */
  g_assert_nonnull(strstr(network, "::/32 drop"));
  g_assert_null(strstr(network, "fd00:1"));
}

static void test_macs_in_text(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const uint8_t one[6] = {2, 0, 0, 0, 0, 1}, two[6] = {2, 0, 0, 0, 0, 2};
  uint8_t a[6], b[6];
  char x[DC_MAC_TEXT_MAX], y[DC_MAC_TEXT_MAX];
  dc_anonymizer_mac(fixture.anonymizer, one, a);
  dc_anonymizer_mac(fixture.anonymizer, two, b);
  g_autofree char *link = map_sample(&fixture, "link", "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n");
  g_autofree char *wanted = g_strdup_printf("    link/ether %s brd ff:ff:ff:ff:ff:ff\n", dc_mac_format(a, x));
  g_assert_cmpstr(link, ==, wanted);
  g_autofree char *log =
      map_sample(&fixture, "dmesg",
                 "[1.0] IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=10.0.0.2 DST=10.0.0.1 "
                 "LEN=60 PROTO=TCP DPT=81 nf_conntrack: table full, dropping packet\n");
  g_autofree char *macs = g_strdup_printf("MAC=%s:%s:08:00 SRC=", dc_mac_format(a, x), dc_mac_format(b, y));
  g_assert_nonnull(strstr(log, macs));
  g_assert_null(strstr(log, "10.0.0."));
}

static void test_proc_sockets(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  if (G_BYTE_ORDER != G_LITTLE_ENDIAN) {
    g_test_skip("the text is a little-endian machine's");
    return;
  }
  const DcAddr addr = map(&fixture, "10.0.0.1");
  g_autofree char *wanted = g_strdup_printf("   0: %02X%02X%02X%02X:0016 00000000:0000 0A 00000000:00000000",
                                            addr.bytes[3], addr.bytes[2], addr.bytes[1], addr.bytes[0]);
  g_autofree char *tcp = map_sample(&fixture, "tcp", "   0: 0100000A:0016 00000000:0000 0A 00000000:00000000");
  g_assert_cmpstr(tcp, ==, wanted);
  g_autofree char *inet6 = map_sample(&fixture, "if_inet6", "fd000000000000000000000000000001 02 40 00 80 eth0\n");
  const DcAddr six = map(&fixture, "fd00::1");
  g_autoptr(GString) hex = g_string_new(NULL);
  for (size_t i = 0; i < 16; i++)
    g_string_append_printf(hex, "%02x", six.bytes[i]);
  g_assert_true(g_str_has_prefix(inet6, hex->str));
  g_assert_true(g_str_has_suffix(inet6, " 02 40 00 80 eth0\n"));
}

static void test_names(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  static const char uname[] = "Linux web01.example.org 6.1.0-1-amd64 #1 SMP Debian x86_64 GNU/Linux\n";
  const DcSample sample = {.name = "uname", .text = uname, .len = strlen(uname)};
  dc_anonymizer_learn(fixture.anonymizer, &sample);
  g_autofree char *got = map_sample(&fixture, "uname", uname);
  g_assert_true(g_str_has_prefix(got, "Linux host-"));
  g_assert_true(g_str_has_suffix(got, " 6.1.0-1-amd64 #1 SMP Debian x86_64 GNU/Linux\n"));
  g_autofree char *log = map_sample(&fixture, "neigh", "to WEB01, web01.example.org; not web012 or xweb01\n");
  g_assert_null(strstr(log, "WEB01,"));
  g_assert_null(strstr(log, "example"));
  g_assert_nonnull(strstr(log, "not web012 or xweb01"));

  g_autofree char *ss =
      map_sample(&fixture, "ss", "users:((\"nginx\",pid=7,fd=3),(\"php-fpm\",pid=8,fd=4),(\"nginx\",pid=9,fd=5))\n");
  g_assert_null(strstr(ss, "nginx"));
  g_assert_null(strstr(ss, "php"));
  g_auto(GStrv) parts = g_strsplit(ss, "\"", -1);
  g_assert_cmpstr(parts[1], ==, parts[5]); /* the same becomes the same */
  g_assert_cmpstr(parts[1], !=, parts[3]);

  g_autofree char *nft = map_sample(
      &fixture, "nft", "iifname \"eth0\" tcp dport 81 comment \"Bob's office\" log prefix \"acme: \" drop\n");
  g_assert_nonnull(strstr(nft, "iifname \"eth0\""));
  g_assert_null(strstr(nft, "Bob"));
  g_assert_null(strstr(nft, "acme"));
  g_autofree char *sysctl = map_sample(
      &fixture, "sysctl", "kernel.hostname = web01\nkernel.random.boot_id = 1-2\nnet.ipv4.tcp_syncookies = 1\n");
  g_assert_cmpstr(sysctl, ==, "net.ipv4.tcp_syncookies = 1\n");
  g_autofree char *addr =
      map_sample(&fixture, "addr", "2: eth0 link-netns acme-blue qlen 1\n    alias core uplink acme\n");
  g_assert_null(strstr(addr, "acme"));
  g_assert_nonnull(strstr(addr, " qlen 1\n"));
}

static void test_tc(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  const DcAddr addr = map(&fixture, "10.0.0.2");
  g_autofree char *tc =
      map_sample(&fixture, "tc", "  match 0a000002/ffffffff at 12 (success 2 )\n  match 0000270f/0000ffff at 20\n");
  g_autofree char *wanted =
      g_strdup_printf("  match %02x%02x%02x%02x/ffffffff at 12 (success 2 )\n  match 0000270f/0000ffff at 20\n",
                      addr.bytes[0], addr.bytes[1], addr.bytes[2], addr.bytes[3]);
  g_assert_cmpstr(tc, ==, wanted);
  g_autofree char *bpf = map_sample(&fixture, "tc", "bpf bytecode '1,21 0 1 167772162' x\n");
  g_assert_cmpstr(bpf, ==, "bpf bytecode '' x\n");
}

static void test_filters(void)
{
  g_auto(Fixture) fixture = fixture_new(MAP);
  const DcAddr addr = map(&fixture, "10.0.0.1");
  char text[DC_ADDR_TEXT_MAX];
  g_autofree char *one = dc_anonymizer_filter(fixture.anonymizer, "tcp and (host 10.0.0.1 or port http) and not arp");
  g_autofree char *wanted = g_strdup_printf("tcp and (host %s or port http) and not arp", dc_addr_format(&addr, text));
  g_assert_cmpstr(one, ==, wanted);
  static const char *const named[] = {"host web01", "(src gate)", "dst host web.example.org",
                                      "tcp port 80 and web.example.org"};
  for (size_t i = 0; i < G_N_ELEMENTS(named); i++) {
    g_autofree char *got = dc_anonymizer_filter(fixture.anonymizer, named[i]);
    g_assert_nonnull(strstr(got, "host-"));
    g_assert_null(strstr(got, "web"));
    g_assert_null(strstr(got, "gate"));
  }
  g_assert_null(dc_anonymizer_filter(fixture.anonymizer, NULL));
  g_autofree char *command = dc_anonymizer_command(fixture.anonymizer, "/opt/bob/dropcorr -r acme.pcap");
  g_assert_null(strstr(command, "acme"));
}

/* --- the mapping file ----------------------------------------------------------------------------- */

static void test_mapping_file(void)
{
  g_auto(Fixture) fixture = fixture_new(NULL);
  struct stat status;
  g_assert_cmpint(stat(fixture.path, &status), ==, 0);
  g_assert_cmpuint(status.st_mode & 07777, ==, 0600);
  const DcAddr mapped = map(&fixture, "10.0.0.1");
  const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
  uint8_t mapped_mac[6], again_mac[6];
  dc_anonymizer_mac(fixture.anonymizer, mac, mapped_mac);
  g_autofree char *ss = map_sample(&fixture, "ss", "users:((\"nginx\",pid=7,fd=3))\n");
  g_assert_null(strstr(ss, "nginx"));
  g_autoptr(GError) error = NULL;
  g_assert_true(dc_anonymizer_finish(fixture.anonymizer, &error));
  g_assert_no_error(error);
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(fixture.path, &text, NULL, NULL));
  char addr_text[DC_ADDR_TEXT_MAX], mac_text[DC_MAC_TEXT_MAX];
  g_autofree char *row = g_strdup_printf("\nipv4 10.0.0.1 %s\n", dc_addr_format(&mapped, addr_text));
  g_autofree char *mac_row = g_strdup_printf("\nmac 02:00:00:00:00:01 %s\n", dc_mac_format(mapped_mac, mac_text));
  g_assert_nonnull(strstr(text, row));
  g_assert_nonnull(strstr(text, mac_row));
  g_assert_nonnull(strstr(text, " nginx\n"));

  /* Given again: the same becomes the same, and rows stay. */
  dc_anonymizer_free(fixture.anonymizer);
  fixture.anonymizer = dc_anonymizer_open(fixture.path, (uid_t)-1, (gid_t)-1, &error);
  g_assert_no_error(error);
  const DcAddr again = map(&fixture, "10.0.0.1");
  g_assert_true(dc_addr_equal(&again, &mapped));
  dc_anonymizer_mac(fixture.anonymizer, mac, again_mac);
  g_assert_cmpint(memcmp(again_mac, mapped_mac, 6), ==, 0);
  (void)map(&fixture, "10.0.0.9");
  g_assert_true(dc_anonymizer_finish(fixture.anonymizer, &error));
  g_autofree char *both = NULL;
  g_assert_true(g_file_get_contents(fixture.path, &both, NULL, NULL));
  g_assert_nonnull(strstr(both, row));
  g_assert_nonnull(strstr(both, "\nipv4 10.0.0.9 "));
  g_assert_nonnull(strstr(both, " nginx\n"));
  g_assert_cmpint(strncmp(both, text, strlen("# dropcorr mapping 1:")), ==, 0);
}

static void test_other_files_are_left_alone(void)
{
  g_autofree char *base = scratch_new();
  g_autofree char *path = g_build_filename(base, "notes", NULL);
  static const char *const contents[] = {"my notes\n", "# dropcorr mapping 1:\nkey 12\n", "# dropcorr mapping 1:\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(contents); i++) {
    g_assert_true(g_file_set_contents(path, contents[i], -1, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_null(dc_anonymizer_open(path, (uid_t)-1, (gid_t)-1, &error));
    g_assert_error(error, DC_ERROR, DC_ERROR_FORMAT);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, contents[i]);
  }
  g_autofree char *nowhere = g_build_filename(base, "no", "such", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_null(dc_anonymizer_open(nowhere, (uid_t)-1, (gid_t)-1, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  scratch_remove(base);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  dc_hash_init();
  g_test_add_func("/anonymize/reference", test_reference);
  g_test_add_func("/anonymize/no-key-leaves-an-address", test_no_key_leaves_an_address);
  g_test_add_func("/anonymize/prefixes-stay", test_prefixes_stay);
  g_test_add_func("/anonymize/kinds-stay", test_kinds_stay);
  g_test_add_func("/anonymize/broadcast", test_broadcast);
  g_test_add_func("/anonymize/macs", test_macs);
  g_test_add_func("/anonymize/packets", test_packets);
  g_test_add_func("/anonymize/wrong-checksums-stay-wrong", test_wrong_checksums_stay_wrong);
  g_test_add_func("/anonymize/checksum-tells-nothing", test_checksum_tells_nothing);
  g_test_add_func("/anonymize/frame-and-drop-agree", test_frame_and_drop_agree);
  g_test_add_func("/anonymize/group-macs-agree", test_group_macs_agree);
  g_test_add_func("/anonymize/group-macs-follow", test_group_macs_follow);
  g_test_add_func("/anonymize/drops-of-text-logs", test_drops_of_text_logs);
  g_test_add_func("/anonymize/noise", test_noise);
  g_test_add_func("/anonymize/texts", test_texts);
  g_test_add_func("/anonymize/networks-in-text", test_networks_in_text);
  g_test_add_func("/anonymize/macs-in-text", test_macs_in_text);
  g_test_add_func("/anonymize/proc-sockets", test_proc_sockets);
  g_test_add_func("/anonymize/names", test_names);
  g_test_add_func("/anonymize/tc", test_tc);
  g_test_add_func("/anonymize/filters", test_filters);
  g_test_add_func("/anonymize/mapping-file", test_mapping_file);
  g_test_add_func("/anonymize/other-files-are-left-alone", test_other_files_are_left_alone);
  return g_test_run();
}
