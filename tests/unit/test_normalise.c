#include "dropcorr/decode/normalise.h"

#include "dropcorr/decode/packet.h"
#include "hex.h"
#include "sample_packets.h"

static DcNormal normal_of(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  DcPacket packet;
  DcNormal normal;
  dc_decode_packet(link, bytes, caplen, len, false, &packet);
  g_assert_true(dc_normalise(&packet, bytes, caplen, len, &normal));
  return normal;
}

static DcNormal normal_hex(DcLink link, const char *hex)
{
  g_autoptr(GByteArray) bytes = test_hex(hex);
  return normal_of(link, bytes->data, bytes->len, bytes->len);
}

static DcNormal normal_ethernet(const char *hex)
{
  return normal_hex(DC_LINK_ETHERNET, hex);
}

/* The normal form with the bytes at an offset changed. */
static DcNormal normal_changed(const char *hex, size_t offset, const char *with)
{
  g_autoptr(GByteArray) bytes = test_hex(hex);
  g_autoptr(GByteArray) patch = test_hex(with);
  g_assert_cmpuint(offset + patch->len, <=, bytes->len);
  memcpy(bytes->data + offset, patch->data, patch->len);
  return normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
}

static void assert_same(const DcNormal *a, const DcNormal *b, bool same)
{
  g_assert_true(dc_normal_equal(a, b) == same);
  g_assert_true(dc_normal_equal(b, a) == same);
}

/* What the stack changes between tap and drop makes no difference, all else does. */
static void test_masks(void)
{
  static const struct {
    const char *hex;
    size_t offset;
    const char *with;
    bool same;
  } cases[] = {
      {packet_data, 0, "0a0b0c0d0e0f", true},   /* destination MAC */
      {packet_data, 6, "0a0b0c0d0e0f", true},   /* source MAC */
      {packet_data, 15, "03", true},            /* TOS: congestion experienced */
      {packet_data, 18, "4321", false},         /* id */
      {packet_data, 20, "00", false},           /* flags */
      {packet_data, 22, "3f", true},            /* TTL */
      {packet_data, 24, "ffff", true},          /* header checksum */
      {packet_data, 26, "0a000003", false},     /* source */
      {packet_data, 34, "0001", false},         /* source port */
      {packet_data, 38, "000003e9", false},     /* sequence number */
      {packet_data, 47, "10", false},           /* flags */
      {packet_data, 50, "0001", true},          /* TCP checksum, filled in by the NIC */
      {packet_data, 58, "00000009", false},     /* timestamp */
      {packet_data, 70, "00", false},           /* payload */
      {packet_v6ext, 14, "6fffffff", true},     /* class and flow label */
      {packet_v6ext, 21, "3f", true},           /* hop limit */
      {packet_v6ext, 23, "01", false},          /* source */
      {packet_v6ext, 70 + 16, "0001", true},    /* TCP checksum */
      {packet_v6ext, 70 + 4, "0001", false},    /* sequence number */
      {packet_qinq, 22 + 20 + 6, "0000", true}, /* UDP checksum */
      {packet_udplite, 34 + 6, "0001", true},
      {packet_echo, 34 + 2, "0001", true}, /* ICMP checksum */
      {packet_echo, 34 + 4, "0001", false},
      {packet_ns, 54 + 2, "0001", true},
      {packet_sctp, 34 + 8, "00000000", true}, /* CRC-32c */
      {packet_sctp, 34 + 4, "00000009", false},
      {packet_dccp, 34 + 6, "0000", true},
      {packet_ipopt, 34, "07040400", true},  /* options are filled in on the way */
      {packet_frag2, 34 + 6, "0000", false}, /* no header in a later fragment, no checksum */
      {packet_frag2, 21, "04", false},       /* fragment offset */
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    const DcNormal a = normal_ethernet(cases[i].hex);
    const DcNormal b = normal_changed(cases[i].hex, cases[i].offset, cases[i].with);
    g_test_message("case %zu", i);
    assert_same(&a, &a, true);
    assert_same(&a, &b, cases[i].same);
  }
}

static void test_sizes(void)
{
  const DcNormal tcp = normal_ethernet(packet_data);
  g_assert_cmpuint(tcp.header_len, ==, 2 + 20 + 32);
  g_assert_cmpuint(tcp.len, ==, 2 + 20 + 32 + 5);
  g_assert_cmpuint(tcp.wire_len, ==, 57);
  g_assert_true(tcp.whole);
  g_assert_cmphex(tcp.bytes[0], ==, 0x08);
  g_assert_cmphex(tcp.bytes[1], ==, 0x00);
  g_assert_cmphex(tcp.bytes[2], ==, 0x45);

  const DcNormal later = normal_ethernet(packet_frag2);
  g_assert_cmpuint(later.header_len, ==, 2 + 20);
  const DcNormal arp = normal_ethernet(packet_arp);
  g_assert_cmpuint(arp.header_len, ==, 2 + 28);
  g_assert_cmpuint(arp.len, ==, 2 + 28); /* without padding */
  const DcNormal snap = normal_ethernet(packet_snap);
  g_assert_cmpuint(snap.len, ==, 2 + 12); /* the 802.3 length */
  g_assert_cmpuint(snap.header_len, ==, snap.len);
}

/* The same packet by another link: tagged or not, cooked, without a MAC header. */
static void test_links(void)
{
  const DcNormal ethernet = normal_ethernet(packet_data);
  const DcNormal sll = normal_hex(DC_LINK_SLL, packet_sll);
  const DcNormal tagged = normal_hex(DC_LINK_SLL, packet_sllvlan);
  const DcNormal null = normal_hex(DC_LINK_NULL, packet_null);
  const DcNormal raw = normal_hex(DC_LINK_RAW, packet_data + 28);
  assert_same(&ethernet, &sll, true);
  assert_same(&ethernet, &tagged, true);
  assert_same(&ethernet, &null, true);
  assert_same(&ethernet, &raw, true);
  const DcNormal ethernet6 = normal_ethernet(packet_v6ext);
  const DcNormal sll2 = normal_hex(DC_LINK_SLL2, packet_sll2);
  assert_same(&ethernet6, &sll2, true);
  assert_same(&ethernet, &ethernet6, false);
}

/* Captured with padding, reported without. */
static void test_padding(void)
{
  g_autoptr(GByteArray) bytes = test_hex(packet_ipopt);
  const DcNormal bare = normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
  g_autoptr(GByteArray) padding = test_hex("ffffffffffffffffffffffffffff");
  g_byte_array_append(bytes, padding->data, padding->len);
  const DcNormal padded = normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
  assert_same(&bare, &padded, true);
}

/* STP as Ethernet shows it (length field, padding) and as a cooked capture does (neither). */
static void test_other_protocols(void)
{
  static const char stp[] = "0180c20000000200000000020028 424203 0000020000112233445566778899aabbccddeeff"
                            "00112233445566778899aabb0001000014";
  const DcNormal bare = normal_ethernet(stp);
  g_autofree char *with_padding = g_strconcat(stp, "000000000000", NULL);
  const DcNormal padded = normal_ethernet(with_padding);
  g_autofree char *cooked = g_strconcat("00020001000602000000000200000004", stp + 28, "000000000000", NULL);
  const DcNormal sll = normal_hex(DC_LINK_SLL, cooked);
  g_assert_true(bare.whole);
  assert_same(&bare, &padded, true);
  assert_same(&bare, &sll, true);
  const DcNormal other = normal_changed(stp, 40, "ee");
  assert_same(&bare, &other, false);

  /* Unknown ethertype: all of the payload speaks, not a prefix that happens to agree. */
  const DcNormal short_one = normal_ethernet("020000000001 020000000002 88b5 0102030405060708");
  const DcNormal long_one = normal_ethernet("020000000001 020000000002 88b5 010203040506070809");
  const DcNormal short_padded = normal_ethernet("020000000001 020000000002 88b5 0102030405060708 0000000000");
  assert_same(&short_one, &long_one, false);
  assert_same(&short_one, &short_padded, true);
  const DcNormal other_type = normal_ethernet("020000000001 020000000002 88cc 0102030405060708");
  assert_same(&short_one, &other_type, false);

  /* LLDP may be long: the first 64 bytes must be there, the rest as far as it is. */
  g_autoptr(GByteArray) lldp = test_hex("0180c200000e 020000000002 88cc");
  for (uint8_t i = 1; i <= 250; i++)
    g_byte_array_append(lldp, &i, 1);
  const DcNormal full = normal_of(DC_LINK_ETHERNET, lldp->data, lldp->len, lldp->len);
  const DcNormal cut = normal_of(DC_LINK_ETHERNET, lldp->data, 14 + 62, lldp->len);
  const DcNormal too_short = normal_of(DC_LINK_ETHERNET, lldp->data, 14 + 61, lldp->len);
  assert_same(&full, &cut, true);
  g_assert_false(too_short.whole);
  assert_same(&full, &too_short, false);
  lldp->data[14 + 100] = 0;
  const DcNormal changed = normal_of(DC_LINK_ETHERNET, lldp->data, lldp->len, lldp->len);
  assert_same(&full, &changed, false);
  assert_same(&cut, &changed, true);

  /* A malformed IP header is still the same packet, or another one. */
  const DcNormal malformed = normal_changed(packet_syn, 14, "44");
  assert_same(&malformed, &malformed, true);
  const DcNormal intact = normal_ethernet(packet_syn);
  assert_same(&malformed, &intact, false);
  g_assert_true(malformed.whole);

  /* A header that claims to be longer than its packet: options that are not there. */
  const DcNormal no_options = normal_changed(packet_ipopt, 14, "4f");
  g_assert_true(no_options.whole);
  assert_same(&no_options, &no_options, true);
  const DcNormal another = normal_hex(DC_LINK_RAW, "4f00001c00020000401100000a0000020a0000010001000200080000");
  assert_same(&no_options, &another, false);
  /* A solicitation without its target. */
  g_autoptr(GByteArray) ns = test_hex(packet_ns);
  ns->data[14 + 5] = 8;
  const DcNormal no_target = normal_of(DC_LINK_ETHERNET, ns->data, 14 + 40 + 8, 14 + 40 + 8);
  g_assert_true(no_target.whole);

  const DcNormal arp = normal_ethernet(packet_arp);
  const DcNormal asked = normal_changed(packet_arp, 21, "01");
  assert_same(&arp, &arp, true);
  assert_same(&arp, &asked, false);
}

/* Cut by a snap length or by the monitor's truncation: equal as far as both go, if the headers are
 * complete; never equal when they are not. */
static void test_cut(void)
{
  static const char *const samples[] = {packet_data, packet_v6ext, packet_vxlan,   packet_ns,
                                        packet_arp,  packet_snap,  packet_udplite, packet_icmp_unreach};
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_autoptr(GByteArray) bytes = test_hex(samples[i]);
    const DcNormal whole = normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
    for (guint caplen = 0; caplen < bytes->len; caplen++) {
      uint8_t *exact = test_exact(bytes, caplen);
      DcPacket packet;
      DcNormal cut;
      dc_decode_packet(DC_LINK_ETHERNET, exact, caplen, bytes->len, false, &packet);
      const bool any = dc_normalise(&packet, exact, caplen, bytes->len, &cut);
      g_assert_true(any == (caplen > 14));
      if (any) {
        const bool complete = cut.whole && cut.len >= whole.header_len;
        assert_same(&whole, &cut, complete);
        g_assert_true(cut.whole || caplen - 14 + 2 < whole.header_len);
      }
      g_free(exact);
    }
  }
  /* The payload of a cut one differs. */
  g_autoptr(GByteArray) bytes = test_hex(packet_data);
  const DcNormal whole = normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
  bytes->data[68] ^= 1;
  const DcNormal cut = normal_of(DC_LINK_ETHERNET, bytes->data, 69, bytes->len);
  assert_same(&whole, &cut, false);
}

/* A long packet keeps a prefix; differences beyond it are not seen. */
static void test_long(void)
{
  g_autoptr(GByteArray) bytes =
      test_hex("020000000001 020000000002 0800 4500 03e8 0001 0000 4011 0000 0a000002 0a000001"
               "9c40 1388 03d4 0000");
  g_byte_array_set_size(bytes, 14 + 1000);
  memset(bytes->data + 42, 'x', 1000 - 28);
  const DcNormal a = normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
  g_assert_cmpuint(a.len, ==, DC_NORMAL_MAX);
  g_assert_cmpuint(a.wire_len, ==, 1000);
  bytes->data[14 + DC_NORMAL_MAX] = 'y';
  const DcNormal beyond = normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
  assert_same(&a, &beyond, true);
  bytes->data[14 + DC_NORMAL_MAX - 3] = 'y';
  const DcNormal within = normal_of(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len);
  assert_same(&a, &within, false);
}

/* After decapsulation the kernel reports the inner packet. */
static void test_inner(void)
{
  static const char *const outers[] = {packet_gre, packet_gretap, packet_ipip, packet_vxlan};
  g_autoptr(GByteArray) gretap = test_hex(packet_gretap);
  const DcNormal inner = normal_of(DC_LINK_ETHERNET, gretap->data + 38, gretap->len - 38, gretap->len - 38);
  for (size_t i = 0; i < G_N_ELEMENTS(outers); i++) {
    g_autoptr(GByteArray) bytes = test_hex(outers[i]);
    DcPacket packet;
    DcNormal normal;
    dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len, false, &packet);
    g_assert_true(dc_decode_inner(&packet, bytes->data, bytes->len, bytes->len, &packet));
    g_assert_true(dc_normalise(&packet, bytes->data, bytes->len, bytes->len, &normal));
    assert_same(&inner, &normal, true);
  }
}

static void test_nothing(void)
{
  g_autoptr(GByteArray) bytes = test_hex(packet_data);
  DcPacket packet;
  DcNormal normal;
  dc_decode_packet(DC_LINK_UNKNOWN, bytes->data, bytes->len, bytes->len, false, &packet);
  g_assert_false(dc_normalise(&packet, bytes->data, bytes->len, bytes->len, &normal));
  dc_decode_packet(DC_LINK_ETHERNET, bytes->data, 0, 60, false, &packet);
  g_assert_false(dc_normalise(&packet, bytes->data, 0, 60, &normal));
  dc_decode_packet(DC_LINK_ETHERNET, NULL, 0, 0, false, &packet);
  g_assert_false(dc_normalise(&packet, NULL, 0, 0, &normal));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/normalise/masks", test_masks);
  g_test_add_func("/normalise/sizes", test_sizes);
  g_test_add_func("/normalise/links", test_links);
  g_test_add_func("/normalise/padding", test_padding);
  g_test_add_func("/normalise/other-protocols", test_other_protocols);
  g_test_add_func("/normalise/cut", test_cut);
  g_test_add_func("/normalise/long", test_long);
  g_test_add_func("/normalise/inner", test_inner);
  g_test_add_func("/normalise/nothing", test_nothing);
  return g_test_run();
}
