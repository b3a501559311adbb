#include "dropcorr/decode/packet.h"

#include "hex.h"
#include "sample_packets.h"

typedef struct {
  GByteArray *bytes;
  DcPacket packet;
} Sample;

static Sample decode_link(DcLink link, const char *hex)
{
  Sample sample = {.bytes = test_hex(hex)};
  dc_decode_packet(link, sample.bytes->data, sample.bytes->len, sample.bytes->len, true, &sample.packet);
  return sample;
}

static Sample decode(const char *hex)
{
  return decode_link(DC_LINK_ETHERNET, hex);
}

/* The packet of a sample with bytes changed: offset, value pairs. */
static DcPacket decode_changed(const char *hex, size_t offset, const char *with)
{
  g_autoptr(GByteArray) bytes = test_hex(hex);
  g_autoptr(GByteArray) patch = test_hex(with);
  g_assert_cmpuint(offset + patch->len, <=, bytes->len);
  memcpy(bytes->data + offset, patch->data, patch->len);
  DcPacket packet;
  dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len, true, &packet);
  return packet;
}

static void sample_clear(Sample *sample)
{
  g_byte_array_unref(sample->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sample, sample_clear)

static void assert_addr(const DcAddr *addr, const char *text)
{
  char scratch[DC_ADDR_TEXT_MAX];
  g_assert_cmpstr(dc_addr_format(addr, scratch), ==, text);
}

#define HAS_ETHERNET (DC_HAS_MAC | DC_HAS_SRC_MAC | DC_HAS_ETHERTYPE)
#define HAS_TCP_IP (HAS_ETHERNET | DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP)
#define HAS_UDP_IP (HAS_ETHERNET | DC_HAS_IP | DC_HAS_PORTS)

static void test_tcp(void)
{
  g_auto(Sample) sample = decode(packet_syn);
  const DcPacket *packet = &sample.packet;
  g_assert_cmphex(packet->has, ==, HAS_TCP_IP | DC_HAS_TIMESTAMP | DC_HAS_MSS);
  g_assert_cmpint(packet->status, ==, DC_DECODE_OK);
  g_assert_cmphex(packet->ethertype, ==, 0x0800);
  char text[DC_MAC_TEXT_MAX];
  g_assert_cmpstr(dc_mac_format(packet->src_mac, text), ==, "02:00:00:00:00:02");
  g_assert_cmpstr(dc_mac_format(packet->dst_mac, text), ==, "02:00:00:00:00:01");
  assert_addr(&packet->src, "10.0.0.2");
  assert_addr(&packet->dst, "10.0.0.1");
  g_assert_cmpuint(packet->ip_protocol, ==, 6);
  g_assert_cmpuint(packet->ttl, ==, 64);
  g_assert_cmphex(packet->ip_id, ==, 0x1234);
  g_assert_cmpuint(packet->l3_offset, ==, 14);
  g_assert_cmpuint(packet->l3_len, ==, 60);
  g_assert_cmpuint(packet->l4_offset, ==, 34);
  g_assert_cmpuint(packet->payload_offset, ==, 74);
  g_assert_cmpuint(packet->payload_len, ==, 0);
  g_assert_cmpuint(packet->src_port, ==, 56909);
  g_assert_cmpuint(packet->dst_port, ==, 22);
  g_assert_cmpuint(packet->tcp_seq, ==, 1190606850);
  g_assert_cmphex(packet->tcp_flags, ==, DC_TCP_SYN);
  g_assert_cmpuint(packet->tcp_window, ==, 29200);
  g_assert_cmpuint(packet->tcp_mss, ==, 1460);
  g_assert_cmpuint(packet->tsval, ==, 198321481);
  g_assert_cmpuint(packet->tsecr, ==, 0);
  g_assert_cmpint(packet->ip_checksum, ==, DC_CHECKSUM_GOOD);
  g_assert_cmpint(packet->l4_checksum, ==, DC_CHECKSUM_GOOD);

  g_auto(Sample) data = decode(packet_data);
  g_assert_cmphex(data.packet.has, ==, HAS_TCP_IP | DC_HAS_TIMESTAMP);
  g_assert_cmphex(data.packet.tcp_flags, ==, DC_TCP_PSH | DC_TCP_ACK);
  g_assert_cmpuint(data.packet.tcp_ack, ==, 2000);
  g_assert_cmpuint(data.packet.tsval, ==, 7);
  g_assert_cmpuint(data.packet.tsecr, ==, 8);
  g_assert_cmpuint(data.packet.payload_len, ==, 5);
  g_assert_cmpint(memcmp(data.bytes->data + data.packet.payload_offset, "hello", 5), ==, 0);
}

static void test_tcp_malformed(void)
{
  /* Data offset 4: shorter than the header itself. */
  DcPacket packet = decode_changed(packet_syn, 46, "40");
  g_assert_cmpint(packet.status, ==, DC_DECODE_MALFORMED);
  g_assert_true(packet.has & DC_HAS_TCP);
  g_assert_false(packet.has & DC_HAS_TIMESTAMP);
  /* Data offset 15: longer than the packet. */
  packet = decode_changed(packet_syn, 46, "f0");
  g_assert_cmpint(packet.status, ==, DC_DECODE_MALFORMED);
  g_assert_cmpuint(packet.tcp_seq, ==, 1190606850);
  /* Options whose lengths are 0 and 255: what came before stays. */
  packet = decode_changed(packet_syn, 60, "0800");
  g_assert_true(packet.has & DC_HAS_MSS);
  g_assert_false(packet.has & DC_HAS_TIMESTAMP);
  packet = decode_changed(packet_syn, 60, "08ff");
  g_assert_false(packet.has & DC_HAS_TIMESTAMP);
  /* End of options before the timestamps. */
  packet = decode_changed(packet_syn, 58, "0000");
  g_assert_false(packet.has & DC_HAS_TIMESTAMP);
}

static void test_vlan(void)
{
  g_auto(Sample) sample = decode(packet_qinq);
  const DcPacket *packet = &sample.packet;
  g_assert_cmphex(packet->has, ==, HAS_UDP_IP);
  g_assert_cmpuint(packet->vlan_count, ==, 2);
  g_assert_cmpuint(packet->vlan[0], ==, 100);
  g_assert_cmpuint(packet->vlan[1], ==, 200);
  g_assert_cmphex(packet->vlan_proto, ==, 0x88a8);
  g_assert_cmphex(packet->ethertype, ==, 0x0800);
  g_assert_cmpuint(packet->l3_offset, ==, 22);
  g_assert_cmpuint(packet->dst_port, ==, 53);
  g_assert_cmpuint(packet->payload_len, ==, 3);
  g_assert_cmpint(packet->l4_checksum, ==, DC_CHECKSUM_GOOD);

  /* Tags without end: decoding stops, the rest is no known protocol. */
  GString *tags = g_string_new("020000000001020000000002");
  for (int i = 0; i < 40; i++)
    g_string_append(tags, "81000001");
  g_auto(Sample) deep = decode(tags->str);
  g_assert_cmpint(deep.packet.status, ==, DC_DECODE_UNKNOWN);
  g_assert_cmphex(deep.packet.ethertype, ==, 0x8100);
  g_assert_cmpuint(deep.packet.vlan_count, >=, 2);
  g_string_free(tags, TRUE);
  /* 0x9100 is no tag to Linux. */
  const DcPacket old_qinq = decode_changed(packet_qinq, 12, "9100");
  g_assert_cmphex(old_qinq.ethertype, ==, 0x9100);
  g_assert_cmpuint(old_qinq.vlan_count, ==, 0);
}

/* What eth_type_trans() makes of a length field. */
static void test_802_3(void)
{
  g_auto(Sample) snap = decode(packet_snap);
  g_assert_cmphex(snap.packet.has, ==, HAS_ETHERNET | DC_HAS_LLC | DC_HAS_SNAP);
  g_assert_cmphex(snap.packet.ethertype, ==, 0x0004);
  g_assert_cmphex(snap.packet.llc_dsap, ==, 0xaa);
  g_assert_cmphex(snap.packet.llc_ssap, ==, 0xaa);
  g_assert_cmphex(snap.packet.llc_control, ==, 0x03);
  g_assert_cmphex(snap.packet.snap_protocol, ==, 0x010b);
  g_assert_cmpuint(snap.packet.l3_offset, ==, 14);
  g_assert_cmpuint(snap.packet.l3_len, ==, 12); /* without the padding */
  g_assert_cmpuint(snap.packet.payload_offset, ==, 22);
  g_assert_cmpuint(snap.packet.payload_len, ==, 4);
  g_assert_cmpint(snap.packet.status, ==, DC_DECODE_OK);

  g_auto(Sample) info = decode(packet_llc_info);
  g_assert_cmphex(info.packet.has, ==, HAS_ETHERNET | DC_HAS_LLC);
  g_assert_cmphex(info.packet.llc_dsap, ==, 0x04);
  g_assert_cmpuint(info.packet.payload_offset, ==, 18); /* two control bytes */
  g_assert_cmpuint(info.packet.payload_len, ==, 1);

  g_auto(Sample) raw = decode(packet_raw8023);
  g_assert_cmphex(raw.packet.has, ==, HAS_ETHERNET);
  g_assert_cmphex(raw.packet.ethertype, ==, 0x0001);
  g_assert_cmpuint(raw.packet.l3_len, ==, 30);

  /* More than the frame holds. */
  const DcPacket lying = decode_changed(packet_snap, 12, "05dc");
  g_assert_cmpint(lying.status, ==, DC_DECODE_MALFORMED);
  g_assert_cmphex(lying.snap_protocol, ==, 0x010b);
  /* The least type. */
  const DcPacket type = decode_changed(packet_snap, 12, "0600");
  g_assert_cmphex(type.ethertype, ==, 0x0600);
  g_assert_cmpint(type.status, ==, DC_DECODE_UNKNOWN);
}

static void test_arp(void)
{
  g_auto(Sample) sample = decode(packet_arp);
  g_assert_cmphex(sample.packet.has, ==, HAS_ETHERNET | DC_HAS_ARP);
  g_assert_cmpuint(sample.packet.arp_op, ==, 2);
  assert_addr(&sample.packet.src, "10.0.0.2");
  assert_addr(&sample.packet.dst, "10.0.0.1");
  g_assert_cmpuint(sample.packet.l3_len, ==, 28);
  g_assert_cmpint(sample.packet.status, ==, DC_DECODE_OK);
  /* Address lengths beyond the frame. */
  const DcPacket lying = decode_changed(packet_arp, 18, "ff04");
  g_assert_cmpint(lying.status, ==, DC_DECODE_MALFORMED);
  g_assert_true(lying.has & DC_HAS_ARP);
  g_assert_cmpuint(lying.src.version, ==, 0);
}

static void test_ipv4(void)
{
  g_auto(Sample) options = decode(packet_ipopt);
  g_assert_cmphex(options.packet.has, ==, HAS_UDP_IP | DC_HAS_IP_OPTIONS);
  g_assert_cmpuint(options.packet.l4_offset, ==, 14 + 24);
  g_assert_cmpuint(options.packet.dst_port, ==, 2);
  g_assert_cmpint(options.packet.ip_checksum, ==, DC_CHECKSUM_GOOD);

  g_auto(Sample) first = decode(packet_frag1);
  g_assert_cmphex(first.packet.has, ==, HAS_UDP_IP | DC_HAS_FRAGMENT);
  g_assert_true(first.packet.fragment_more);
  g_assert_cmpuint(first.packet.fragment_offset, ==, 0);
  g_assert_cmpuint(first.packet.dst_port, ==, 5000);
  g_assert_cmpint(first.packet.l4_checksum, ==, DC_CHECKSUM_UNKNOWN);
  g_assert_cmpint(first.packet.status, ==, DC_DECODE_OK); /* its UDP length is the datagram's */

  g_auto(Sample) last = decode(packet_frag2);
  g_assert_cmphex(last.packet.has, ==, HAS_ETHERNET | DC_HAS_IP | DC_HAS_FRAGMENT);
  g_assert_false(last.packet.fragment_more);
  g_assert_cmpuint(last.packet.fragment_offset, ==, 24);
  g_assert_cmpuint(last.packet.payload_len, ==, 24);

  /* Version 5; header length 4; both leave the ethertype. */
  DcPacket packet = decode_changed(packet_syn, 14, "55");
  g_assert_cmphex(packet.has, ==, HAS_ETHERNET);
  g_assert_cmpint(packet.status, ==, DC_DECODE_MALFORMED);
  packet = decode_changed(packet_syn, 14, "44");
  g_assert_cmphex(packet.has, ==, HAS_ETHERNET);
  /* Total length below the header's, and beyond the frame. */
  packet = decode_changed(packet_syn, 16, "0013");
  g_assert_cmpint(packet.status, ==, DC_DECODE_MALFORMED);
  g_assert_true(packet.has & DC_HAS_TCP);
  packet = decode_changed(packet_syn, 16, "003d");
  g_assert_cmpint(packet.status, ==, DC_DECODE_MALFORMED);
  g_assert_cmpuint(packet.l3_len, ==, 61);
  g_assert_cmpint(packet.l4_checksum, ==, DC_CHECKSUM_UNKNOWN);
}

static void test_ipv6(void)
{
  g_auto(Sample) sample = decode(packet_v6ext);
  g_assert_cmphex(sample.packet.has, ==, HAS_TCP_IP | DC_HAS_IP_OPTIONS);
  g_assert_cmpuint(sample.packet.ip_protocol, ==, 6);
  g_assert_cmpuint(sample.packet.l4_offset, ==, 14 + 40 + 16);
  assert_addr(&sample.packet.src, "fd00::2");
  assert_addr(&sample.packet.dst, "fd00::1");
  g_assert_cmpuint(sample.packet.dst_port, ==, 80);
  g_assert_cmpint(sample.packet.l4_checksum, ==, DC_CHECKSUM_GOOD);

  g_auto(Sample) first = decode(packet_v6frag);
  g_assert_cmphex(first.packet.has, ==, HAS_UDP_IP | DC_HAS_FRAGMENT);
  g_assert_cmphex(first.packet.ip_id, ==, 0xabcdef01);
  g_assert_true(first.packet.fragment_more);
  g_assert_cmpuint(first.packet.dst_port, ==, 6);
  g_auto(Sample) last = decode(packet_v6frag2);
  g_assert_cmphex(last.packet.has, ==, HAS_ETHERNET | DC_HAS_IP | DC_HAS_FRAGMENT);
  g_assert_cmpuint(last.packet.ip_protocol, ==, 17);
  g_assert_cmpuint(last.packet.fragment_offset, ==, 16);

  /* The sum covers the last destination, which is not the header's. */
  g_auto(Sample) route = decode(packet_v6route);
  g_assert_true(route.packet.has & DC_HAS_TCP);
  g_assert_cmpint(route.packet.l4_checksum, ==, DC_CHECKSUM_UNKNOWN);
  g_auto(Sample) ah = decode(packet_v6ah);
  g_assert_cmphex(ah.packet.has, ==, HAS_UDP_IP | DC_HAS_IP_OPTIONS);
  g_assert_cmpuint(ah.packet.dst_port, ==, 8);
  g_assert_cmpint(ah.packet.l4_checksum, ==, DC_CHECKSUM_GOOD);

  /* Extension headers without end: bounded, nothing wrong is claimed. */
  GString *chain = g_string_new("02000000000102000000000286dd6000000001403c40");
  for (int i = 0; i < 32; i++)
    g_string_append(chain, "00");
  for (int i = 0; i < 40; i++)
    g_string_append(chain, "3c00010400000000");
  g_auto(Sample) deep = decode(chain->str);
  g_assert_cmpint(deep.packet.status, ==, DC_DECODE_UNKNOWN);
  g_assert_false(deep.packet.has & DC_HAS_PORTS);
  g_string_free(chain, TRUE);
}

static void test_udp(void)
{
  g_auto(Sample) lite = decode(packet_udplite);
  g_assert_cmphex(lite.packet.has, ==, HAS_UDP_IP);
  g_assert_cmpuint(lite.packet.ip_protocol, ==, 136);
  g_assert_cmpuint(lite.packet.dst_port, ==, 10);
  g_assert_cmpint(lite.packet.l4_checksum, ==, DC_CHECKSUM_GOOD);
  /* Bytes that the coverage leaves out may change, the others not. */
  g_assert_cmpint(decode_changed(packet_udplite, 57, "00").l4_checksum, ==, DC_CHECKSUM_GOOD);
  g_assert_cmpint(decode_changed(packet_udplite, 43, "00").l4_checksum, ==, DC_CHECKSUM_BAD);

  /* Length below 8, and beyond the IP packet. */
  g_assert_cmpint(decode_changed(packet_ipopt, 42, "0007").status, ==, DC_DECODE_MALFORMED);
  g_assert_cmpint(decode_changed(packet_ipopt, 42, "0009").status, ==, DC_DECODE_MALFORMED);
  g_assert_cmpint(decode_changed(packet_ipopt, 42, "0008").status, ==, DC_DECODE_OK);
}

static void test_checksums(void)
{
  g_assert_cmpint(decode_changed(packet_syn, 24, "0000").ip_checksum, ==, DC_CHECKSUM_BAD);
  g_assert_cmpint(decode_changed(packet_syn, 24, "0000").l4_checksum, ==, DC_CHECKSUM_GOOD);
  g_assert_cmpint(decode_changed(packet_data, 70, "00").l4_checksum, ==, DC_CHECKSUM_BAD); /* last, odd byte */
  g_assert_cmpint(decode_changed(packet_echo, 45, "00").l4_checksum, ==, DC_CHECKSUM_BAD);
  g_assert_cmpint(decode_changed(packet_ns, 54 + 2, "0000").l4_checksum, ==, DC_CHECKSUM_BAD);
  g_assert_cmpint(decode_changed(packet_ipopt, 44, "0000").l4_checksum, ==, DC_CHECKSUM_ABSENT);

  g_auto(Sample) partial = decode(packet_partial);
  g_assert_cmpint(partial.packet.l4_checksum, ==, DC_CHECKSUM_PARTIAL);
  g_assert_cmpint(partial.packet.ip_checksum, ==, DC_CHECKSUM_GOOD);

  /* A tunnel's outer checksum counts the inner one as filled in: wrong here, right on the wire. Not so when the inner
   * one is there, and wrong. */
  g_auto(Sample) tunnel = decode(packet_vxlan_partial);
  g_assert_cmpint(tunnel.packet.l4_checksum, ==, DC_CHECKSUM_PARTIAL);
  g_assert_cmpint(decode_changed(packet_vxlan_partial, 90, "0f19").l4_checksum, ==, DC_CHECKSUM_GOOD);
  g_assert_cmpint(decode_changed(packet_vxlan_partial, 90, "0f18").l4_checksum, ==, DC_CHECKSUM_BAD);

  /* One byte not captured, or not asked for: nothing is known. */
  g_autoptr(GByteArray) bytes = test_hex(packet_data);
  DcPacket packet;
  dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len - 1, bytes->len, true, &packet);
  g_assert_cmpint(packet.l4_checksum, ==, DC_CHECKSUM_UNKNOWN);
  g_assert_cmpint(packet.ip_checksum, ==, DC_CHECKSUM_GOOD);
  g_assert_cmpint(packet.status, ==, DC_DECODE_OK); /* only payload is missing */
  g_assert_cmpuint(packet.payload_len, ==, 5);
  dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len, false, &packet);
  g_assert_cmpint(packet.l4_checksum, ==, DC_CHECKSUM_UNKNOWN);
  g_assert_cmpint(packet.ip_checksum, ==, DC_CHECKSUM_UNKNOWN);
}

static void test_icmp(void)
{
  g_auto(Sample) echo = decode(packet_echo);
  g_assert_cmphex(echo.packet.has, ==, HAS_ETHERNET | DC_HAS_IP | DC_HAS_ICMP | DC_HAS_ECHO);
  g_assert_cmpuint(echo.packet.icmp_type, ==, 8);
  g_assert_cmpuint(echo.packet.echo_id, ==, 77);
  g_assert_cmpuint(echo.packet.echo_seq, ==, 3);
  g_assert_cmpuint(echo.packet.payload_len, ==, 4);
  g_assert_cmpint(echo.packet.l4_checksum, ==, DC_CHECKSUM_GOOD);

  g_auto(Sample) unreachable = decode(packet_icmp_unreach);
  const DcPacket *packet = &unreachable.packet;
  g_assert_cmphex(packet->has, ==, HAS_ETHERNET | DC_HAS_IP | DC_HAS_ICMP | DC_HAS_QUOTE);
  g_assert_cmpuint(packet->icmp_type, ==, 3);
  g_assert_cmpuint(packet->icmp_code, ==, 3);
  assert_addr(&packet->quote_src, "10.0.0.1");
  assert_addr(&packet->quote_dst, "10.0.0.2");
  g_assert_cmpuint(packet->quote_protocol, ==, 17);
  g_assert_cmpuint(packet->quote_src_port, ==, 40003);
  g_assert_cmpuint(packet->quote_dst_port, ==, 5999);

  g_auto(Sample) prohibited = decode(packet_icmp_unreach_tcp);
  g_assert_cmpuint(prohibited.packet.quote_protocol, ==, 6);
  g_assert_cmpuint(prohibited.packet.quote_src_port, ==, 22);
  g_assert_cmphex(prohibited.packet.quote_seq, ==, 0xdeadbeef);

  /* A quoted later fragment has no ports. */
  const DcPacket fragment = decode_changed(packet_icmp_unreach, 42 + 6, "0003");
  g_assert_true(fragment.has & DC_HAS_QUOTE);
  g_assert_cmpuint(fragment.quote_src_port, ==, 0);
  /* A quote that is no IP. */
  g_assert_false(decode_changed(packet_icmp_unreach, 42, "65").has & DC_HAS_QUOTE);
}

static void test_icmpv6(void)
{
  g_auto(Sample) unreachable = decode(packet_icmp6_unreach);
  const DcPacket *packet = &unreachable.packet;
  g_assert_cmphex(packet->has, ==, HAS_ETHERNET | DC_HAS_IP | DC_HAS_ICMP | DC_HAS_QUOTE);
  g_assert_cmpint(packet->l4_checksum, ==, DC_CHECKSUM_GOOD);
  assert_addr(&packet->quote_src, "fd00::1");
  assert_addr(&packet->quote_dst, "fd00::2");
  g_assert_cmpuint(packet->quote_protocol, ==, 17);
  g_assert_cmpuint(packet->quote_dst_port, ==, 5999);

  g_auto(Sample) solicitation = decode(packet_ns);
  g_assert_cmphex(solicitation.packet.has, ==, HAS_ETHERNET | DC_HAS_IP | DC_HAS_ICMP | DC_HAS_ND_TARGET);
  assert_addr(&solicitation.packet.nd_target, "fd00::77");
  g_assert_cmpint(solicitation.packet.l4_checksum, ==, DC_CHECKSUM_GOOD);
}

static void test_sctp_dccp(void)
{
  g_auto(Sample) sctp = decode(packet_sctp);
  g_assert_cmphex(sctp.packet.has, ==, HAS_UDP_IP);
  g_assert_cmpuint(sctp.packet.src_port, ==, 2905);
  g_assert_cmpuint(sctp.packet.dst_port, ==, 2906);
  g_assert_cmpuint(sctp.packet.payload_offset, ==, 14 + 20 + 12);
  g_auto(Sample) dccp = decode(packet_dccp);
  g_assert_cmphex(dccp.packet.has, ==, HAS_UDP_IP);
  g_assert_cmpuint(dccp.packet.dst_port, ==, 5002);
  g_assert_cmpuint(dccp.packet.payload_len, ==, 0);
}

static DcPacket inner_of(const Sample *sample)
{
  DcPacket inner;
  g_assert_true(dc_decode_inner(&sample->packet, sample->bytes->data, sample->bytes->len, sample->bytes->len, &inner));
  return inner;
}

static void test_tunnels(void)
{
  static const struct {
    const char *hex;
    uint32_t offset; /* of the inner network header */
    uint8_t link;
  } cases[] = {
      {packet_gre, 34 + 16, DC_LINK_RAW},
      {packet_gretap, 34 + 4 + 14, DC_LINK_ETHERNET},
      {packet_ipip, 34, DC_LINK_RAW},
      {packet_vxlan, 34 + 8 + 8 + 14, DC_LINK_ETHERNET},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Sample) sample = decode(cases[i].hex);
    g_assert_true(sample.packet.has & DC_HAS_INNER);
    g_assert_cmpuint(sample.packet.inner_link, ==, cases[i].link);
    assert_addr(&sample.packet.src, "10.0.0.2");
    const DcPacket inner = inner_of(&sample);
    g_assert_cmpuint(inner.l3_offset, ==, cases[i].offset);
    g_assert_cmphex(inner.ethertype, ==, 0x0800);
    assert_addr(&inner.src, "192.168.1.1");
    g_assert_cmpuint(inner.src_port, ==, 1111);
    g_assert_cmpuint(inner.dst_port, ==, 2222);
    g_assert_cmpuint(inner.tcp_seq, ==, 9);
    g_assert_cmpint(inner.status, ==, DC_DECODE_OK);
    g_assert_false(inner.has & DC_HAS_INNER);
  }
  g_auto(Sample) sixinfour = decode(packet_sixinfour);
  const DcPacket six = inner_of(&sixinfour);
  assert_addr(&six.dst, "fd00::1");
  g_assert_cmpuint(six.dst_port, ==, 4);

  /* Nested, the result over the outer packet. */
  g_auto(Sample) nested = decode(packet_vxlan_zero);
  g_assert_cmpint(nested.packet.l4_checksum, ==, DC_CHECKSUM_ABSENT);
  const guint len = nested.bytes->len;
  g_assert_true(dc_decode_inner(&nested.packet, nested.bytes->data, len, len, &nested.packet));
  assert_addr(&nested.packet.src, "172.16.0.1");
  g_assert_true(dc_decode_inner(&nested.packet, nested.bytes->data, len, len, &nested.packet));
  assert_addr(&nested.packet.src, "192.168.1.1");
  g_assert_cmpuint(nested.packet.dst_port, ==, 2222);
  const DcPacket before = nested.packet;
  g_assert_false(dc_decode_inner(&nested.packet, nested.bytes->data, len, len, &nested.packet));
  g_assert_cmpint(memcmp(&before, &nested.packet, sizeof before), ==, 0); /* untouched */

  /* No I flag: not VXLAN. GRE version 1: PPTP. */
  g_assert_false(decode_changed(packet_vxlan, 42, "00").has & DC_HAS_INNER);
  g_assert_false(decode_changed(packet_gre, 35, "01").has & DC_HAS_INNER);
}

/* An inner packet ends with the outer one: Ethernet padding behind it is not its own. */
static void test_tunnel_padding(void)
{
  g_autoptr(GByteArray) bytes = test_hex(packet_gretap);
  g_autoptr(GByteArray) padding = test_hex("00000000000000000000");
  g_byte_array_append(bytes, padding->data, padding->len);
  /* The inner total length grows into the padding. */
  bytes->data[34 + 4 + 14 + 3] += 4;
  DcPacket outer, inner;
  dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len, false, &outer);
  g_assert_cmpint(outer.status, ==, DC_DECODE_OK);
  g_assert_true(dc_decode_inner(&outer, bytes->data, bytes->len, bytes->len, &inner));
  g_assert_cmpint(inner.status, ==, DC_DECODE_MALFORMED);
}

static void test_links(void)
{
  g_auto(Sample) sll = decode_link(DC_LINK_SLL, packet_sll);
  g_assert_cmphex(sll.packet.has, ==, (HAS_TCP_IP & ~(uint32_t)DC_HAS_MAC) | DC_HAS_TIMESTAMP | DC_HAS_PKTTYPE);
  g_assert_cmpuint(sll.packet.pkttype, ==, 4);
  char text[DC_MAC_TEXT_MAX];
  g_assert_cmpstr(dc_mac_format(sll.packet.src_mac, text), ==, "02:00:00:00:00:02");
  g_assert_cmpuint(sll.packet.l3_offset, ==, 16);
  g_assert_cmpuint(sll.packet.dst_port, ==, 80);

  g_auto(Sample) tagged = decode_link(DC_LINK_SLL, packet_sllvlan);
  g_assert_cmpuint(tagged.packet.vlan_count, ==, 1);
  g_assert_cmpuint(tagged.packet.vlan[0], ==, 100);
  g_assert_cmpuint(tagged.packet.dst_port, ==, 80);

  g_auto(Sample) sll2 = decode_link(DC_LINK_SLL2, packet_sll2);
  g_assert_cmpuint(sll2.packet.pkttype, ==, 0);
  g_assert_cmpuint(sll2.packet.sll_ifindex, ==, 7);
  assert_addr(&sll2.packet.dst, "fd00::1");
  g_assert_cmpuint(sll2.packet.dst_port, ==, 80);

  g_auto(Sample) null = decode_link(DC_LINK_NULL, packet_null);
  assert_addr(&null.packet.dst, "10.0.0.1");
  g_assert_cmphex(null.packet.ethertype, ==, 0x0800);
  g_auto(Sample) loop = decode_link(DC_LINK_NULL, packet_loop6);
  assert_addr(&loop.packet.dst, "fd00::1");
  g_auto(Sample) appletalk = decode_link(DC_LINK_NULL, "0000000500010203");
  g_assert_cmpint(appletalk.packet.status, ==, DC_DECODE_UNKNOWN);

  g_auto(Sample) raw4 = decode_link(DC_LINK_RAW, packet_data + 28);
  assert_addr(&raw4.packet.src, "10.0.0.2");
  g_assert_cmphex(raw4.packet.ethertype, ==, 0x0800);
  g_auto(Sample) raw6 = decode_link(DC_LINK_RAW, packet_v6ext + 28);
  assert_addr(&raw6.packet.src, "fd00::2");
  g_auto(Sample) neither = decode_link(DC_LINK_RAW, "5500");
  g_assert_cmpint(neither.packet.status, ==, DC_DECODE_MALFORMED);
  g_auto(Sample) unknown = decode_link(DC_LINK_UNKNOWN, packet_data);
  g_assert_cmphex(unknown.packet.has, ==, 0);
  g_assert_cmpint(unknown.packet.status, ==, DC_DECODE_UNKNOWN);
}

/* Each sample cut after each byte, in a buffer that ends there: what is claimed of a cut packet
 * must be true of the whole one, and a packet that was cut says so or misses payload only. */
static void test_cut(void)
{
  static const struct {
    uint8_t link;
    const char *hex;
  } samples[] = {
      {DC_LINK_ETHERNET, packet_syn},          {DC_LINK_ETHERNET, packet_data},    {DC_LINK_ETHERNET, packet_qinq},
      {DC_LINK_ETHERNET, packet_arp},          {DC_LINK_ETHERNET, packet_ipopt},   {DC_LINK_ETHERNET, packet_v6ext},
      {DC_LINK_ETHERNET, packet_v6frag},       {DC_LINK_ETHERNET, packet_v6ah},    {DC_LINK_ETHERNET, packet_ns},
      {DC_LINK_ETHERNET, packet_icmp_unreach}, {DC_LINK_ETHERNET, packet_sctp},    {DC_LINK_ETHERNET, packet_dccp},
      {DC_LINK_ETHERNET, packet_gre},          {DC_LINK_ETHERNET, packet_vxlan},   {DC_LINK_ETHERNET, packet_udplite},
      {DC_LINK_ETHERNET, packet_snap},         {DC_LINK_ETHERNET, packet_raw8023}, {DC_LINK_ETHERNET, packet_llc_info},
      {DC_LINK_SLL, packet_sllvlan},           {DC_LINK_SLL2, packet_sll2},        {DC_LINK_NULL, packet_null},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_auto(Sample) whole = decode_link((DcLink)samples[i].link, samples[i].hex);
    for (guint caplen = 0; caplen < whole.bytes->len; caplen++) {
      uint8_t *bytes = test_exact(whole.bytes, caplen);
      DcPacket packet, short_packet;
      dc_decode_packet((DcLink)samples[i].link, bytes, caplen, whole.bytes->len, true, &packet);
      g_assert_cmphex(packet.has & ~whole.packet.has, ==, 0);
      g_assert_cmpint(packet.status, !=, DC_DECODE_MALFORMED);
      if (packet.status == DC_DECODE_OK)
        g_assert_cmpuint(packet.payload_offset, ==, whole.packet.payload_offset);
      if (packet.has & DC_HAS_PORTS)
        g_assert_cmpuint(packet.dst_port, ==, whole.packet.dst_port);
      if (packet.has & DC_HAS_TCP)
        g_assert_cmpuint(packet.tcp_seq, ==, whole.packet.tcp_seq);
      if (packet.has & DC_HAS_TIMESTAMP)
        g_assert_cmpuint(packet.tsval, ==, whole.packet.tsval);

      /* A packet that really is so short: never "cut by the capture". */
      dc_decode_packet((DcLink)samples[i].link, bytes, caplen, caplen, true, &short_packet);
      g_assert_cmpint(short_packet.status, !=, DC_DECODE_SHORT);
      g_free(bytes);
    }
  }
}

/* A bundle longer than a length field can say (BIG TCP). */
static void test_bundle(void)
{
  g_autoptr(GByteArray) bytes = test_hex(packet_data);
  bytes->data[16] = bytes->data[17] = 0;
  DcPacket packet;
  dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, 100000, false, &packet);
  g_assert_cmpint(packet.status, ==, DC_DECODE_OK);
  g_assert_cmpuint(packet.l3_len, ==, 100000 - 14);
  g_assert_cmpuint(packet.payload_len, ==, 100000 - 14 - 20 - 32);
  /* The same in a packet of usual size is a lie. */
  dc_decode_packet(DC_LINK_ETHERNET, bytes->data, bytes->len, bytes->len, false, &packet);
  g_assert_cmpint(packet.status, ==, DC_DECODE_MALFORMED);

  g_autoptr(GByteArray) six = test_hex("020000000001020000000002 86dd 60000000 0000 00 40"
                                       "fd000000000000000000000000000002 fd000000000000000000000000000001"
                                       "06 00 c204 00030d40" /* hop-by-hop: jumbo payload of 200000 */
                                       "9c40 0050 00000001 00000002 5010 0005 0000 0000");
  dc_decode_packet(DC_LINK_ETHERNET, six->data, six->len, 14 + 40 + 200000, false, &packet);
  g_assert_cmpint(packet.status, ==, DC_DECODE_OK);
  g_assert_cmpuint(packet.l3_len, ==, 40 + 200000);
  g_assert_cmpuint(packet.dst_port, ==, 80);
  g_assert_cmpuint(packet.payload_len, ==, 200000 - 8 - 20);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/packet/tcp", test_tcp);
  g_test_add_func("/packet/tcp-malformed", test_tcp_malformed);
  g_test_add_func("/packet/vlan", test_vlan);
  g_test_add_func("/packet/802.3", test_802_3);
  g_test_add_func("/packet/arp", test_arp);
  g_test_add_func("/packet/ipv4", test_ipv4);
  g_test_add_func("/packet/ipv6", test_ipv6);
  g_test_add_func("/packet/udp", test_udp);
  g_test_add_func("/packet/checksums", test_checksums);
  g_test_add_func("/packet/icmp", test_icmp);
  g_test_add_func("/packet/icmpv6", test_icmpv6);
  g_test_add_func("/packet/sctp-dccp", test_sctp_dccp);
  g_test_add_func("/packet/tunnels", test_tunnels);
  g_test_add_func("/packet/tunnel-padding", test_tunnel_padding);
  g_test_add_func("/packet/links", test_links);
  g_test_add_func("/packet/cut", test_cut);
  g_test_add_func("/packet/bundle", test_bundle);
  return g_test_run();
}
