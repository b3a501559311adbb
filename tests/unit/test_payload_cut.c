/* What stays of packets that are handed on, per protocol; and that the analysis still learns what the payload told. */
#include "dropcorr/source/payload_cut.h"

#include "dropcorr/decode/headers.h"
#include "dropcorr/decode/packet.h"
#include "hex.h"
#include "sample_packets.h"

#include <string.h>

static DcEvent frame_of(const GByteArray *bytes, DcLink link)
{
  DcEvent event = {.kind = DC_EVENT_FRAME};
  event.frame =
      (DcFrame){.number = 1, .caplen = bytes->len, .len = bytes->len, .bytes = bytes->data, .link = (uint8_t)link};
  return event;
}

/* headers: how many bytes must stay; the packet's length when nothing is payload. */
static void must_keep(const char *hex, DcLink link, uint32_t headers, DcChecksum checksum)
{
  g_autoptr(GByteArray) bytes = test_hex(hex);
  DcEvent event = frame_of(bytes, link);
  dc_payload_cut(&event);
  g_assert_cmpuint(event.frame.caplen, ==, headers);
  g_assert_cmpuint(event.frame.len, ==, bytes->len);
  g_assert_cmpint(event.frame.l4_checksum, ==, checksum);

  /* The headers still say the same. */
  DcPacket whole, cut;
  dc_decode_packet(link, bytes->data, bytes->len, bytes->len, true, &whole);
  g_autoptr(GByteArray) copy = g_byte_array_new(); /* nothing behind it: the sanitizers see every read too many */
  g_byte_array_append(copy, bytes->data, headers);
  dc_decode_packet(link, copy->data, copy->len, bytes->len, true, &cut);
  if (cut.l4_checksum == DC_CHECKSUM_UNKNOWN)
    cut.l4_checksum = event.frame.l4_checksum;
  g_assert_cmpuint(cut.has, ==, whole.has);
  g_assert_cmpint(cut.l4_checksum, ==, whole.l4_checksum);
  g_assert_cmpint(cut.ip_checksum, ==, whole.ip_checksum);
  g_assert_cmpuint(cut.payload_len, ==, whole.payload_len);
  g_assert_cmpuint(cut.quote_src_port, ==, whole.quote_src_port);
  g_assert_cmpuint(cut.quote_seq, ==, whole.quote_seq);

  /* Cutting again changes nothing. */
  DcEvent again = event;
  dc_payload_cut(&again);
  g_assert_cmpuint(again.frame.caplen, ==, headers);
  g_assert_cmpint(again.frame.l4_checksum, ==, checksum);
}

static uint32_t length(const char *hex)
{
  return (uint32_t)(strlen(hex) / 2);
}

static void test_transport(void)
{
  must_keep(packet_syn, DC_LINK_ETHERNET, length(packet_syn), DC_CHECKSUM_UNKNOWN); /* nothing to cut off */
  must_keep(packet_data, DC_LINK_ETHERNET, 14 + 20 + 32, DC_CHECKSUM_GOOD);
  must_keep(packet_qinq, DC_LINK_ETHERNET, 14 + 8 + 20 + 8, DC_CHECKSUM_GOOD);
  must_keep(packet_sctp, DC_LINK_ETHERNET, 14 + 20 + 12, DC_CHECKSUM_UNKNOWN);
  must_keep(packet_frag1, DC_LINK_ETHERNET, 14 + 20 + 8, DC_CHECKSUM_UNKNOWN);
  must_keep(packet_frag2, DC_LINK_ETHERNET, 14 + 20, DC_CHECKSUM_UNKNOWN);
  must_keep(packet_v6frag, DC_LINK_ETHERNET, 14 + 40 + 8 + 8, DC_CHECKSUM_UNKNOWN);
  must_keep(packet_v6frag2, DC_LINK_ETHERNET, 14 + 40 + 8, DC_CHECKSUM_UNKNOWN);
  must_keep(packet_udplite, DC_LINK_ETHERNET, 14 + 20 + 8, DC_CHECKSUM_GOOD);
}

static void test_messages_that_are_headers(void)
{
  must_keep(packet_ns, DC_LINK_ETHERNET, length(packet_ns), DC_CHECKSUM_UNKNOWN);
  must_keep(packet_arp, DC_LINK_ETHERNET, 14 + 28, DC_CHECKSUM_UNKNOWN); /* without its padding */
  must_keep(packet_echo, DC_LINK_ETHERNET, 14 + 20 + 8, DC_CHECKSUM_GOOD);
}

static void test_quotes(void)
{
  must_keep(packet_icmp_unreach, DC_LINK_ETHERNET, 14 + 20 + 8 + 20 + 8, DC_CHECKSUM_GOOD);
  must_keep(packet_icmp_unreach_tcp, DC_LINK_ETHERNET, 14 + 20 + 8 + 20 + 8, DC_CHECKSUM_UNKNOWN);
  must_keep(packet_icmp6_unreach, DC_LINK_ETHERNET, 14 + 40 + 8 + 40 + 8, DC_CHECKSUM_GOOD);
}

static void test_tunnels(void)
{
  must_keep(packet_vxlan, DC_LINK_ETHERNET, length(packet_vxlan), DC_CHECKSUM_UNKNOWN); /* a SYN, no payload */
  must_keep(packet_ipip, DC_LINK_ETHERNET, length(packet_ipip), DC_CHECKSUM_UNKNOWN);
}

static void test_links(void)
{
  must_keep(packet_sll, DC_LINK_SLL, 16 + 20 + 32, DC_CHECKSUM_GOOD);
  g_autoptr(GByteArray) raw = test_hex(packet_data);
  g_byte_array_remove_range(raw, 0, 14);
  DcEvent event = frame_of(raw, DC_LINK_RAW);
  dc_payload_cut(&event);
  g_assert_cmpuint(event.frame.caplen, ==, 20 + 32);
}

/* Where nobody can tell, what joining looks at. */
static void test_other_protocols(void)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_byte_array_set_size(bytes, 300);
  memset(bytes->data, 'x', bytes->len);
  bytes->data[12] = 0x88;
  bytes->data[13] = 0xcc;
  DcEvent event = frame_of(bytes, DC_LINK_ETHERNET);
  dc_payload_cut(&event);
  g_assert_cmpuint(event.frame.caplen, ==, 14 + 62);
  bytes->data[12] = 0x08; /* IPv4 says the type, and it is none */
  bytes->data[13] = 0x00;
  event = frame_of(bytes, DC_LINK_ETHERNET);
  dc_payload_cut(&event);
  g_assert_cmpuint(event.frame.caplen, <=, 14 + 62);
}

static void test_bad_checksum_stays_bad(void)
{
  g_autoptr(GByteArray) bytes = test_hex(packet_data);
  bytes->data[bytes->len - 1] ^= 1;
  DcEvent event = frame_of(bytes, DC_LINK_ETHERNET);
  dc_payload_cut(&event);
  g_assert_cmpint(event.frame.l4_checksum, ==, DC_CHECKSUM_BAD);
  g_assert_cmpuint(event.frame.caplen, ==, 14 + 20 + 32);
}

static void test_drops(void)
{
  g_autoptr(GByteArray) bytes = test_hex(packet_data);
  DcEvent event = {.kind = DC_EVENT_DROP};
  event.drop = (DcDrop){.caplen = bytes->len, .orig_len = bytes->len, .bytes = bytes->data, .link = DC_LINK_ETHERNET};
  dc_payload_cut(&event);
  g_assert_cmpuint(event.drop.caplen, ==, 14 + 20 + 32);
  g_assert_cmpuint(event.drop.orig_len, ==, bytes->len);
  g_assert_cmpint(event.drop.l4_checksum, ==, DC_CHECKSUM_GOOD);
  event.drop = (DcDrop){.bytes = NULL};
  dc_payload_cut(&event);
  g_assert_cmpuint(event.drop.caplen, ==, 0);
}

/* Bytes of any kind: never more than there were, and the same again when cut again. */
static void test_noise(void)
{
  for (int round = 0; round < 20000; round++) {
    g_autoptr(GByteArray) bytes = test_hex(round % 3 == 0   ? packet_vxlan
                                           : round % 3 == 1 ? packet_icmp6_unreach
                                                            : packet_gre);
    for (int i = 0; i < 4; i++)
      bytes->data[g_test_rand_int_range(12, (gint32)bytes->len)] = (guint8)g_test_rand_int();
    g_byte_array_set_size(bytes, (guint)g_test_rand_int_range(1, (gint32)bytes->len + 1));
    DcEvent event = frame_of(bytes, DC_LINK_ETHERNET);
    dc_payload_cut(&event);
    g_assert_cmpuint(event.frame.caplen, <=, bytes->len);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/payload-cut/transport", test_transport);
  g_test_add_func("/payload-cut/messages-that-are-headers", test_messages_that_are_headers);
  g_test_add_func("/payload-cut/quotes", test_quotes);
  g_test_add_func("/payload-cut/tunnels", test_tunnels);
  g_test_add_func("/payload-cut/links", test_links);
  g_test_add_func("/payload-cut/other-protocols", test_other_protocols);
  g_test_add_func("/payload-cut/bad-checksum-stays-bad", test_bad_checksum_stays_bad);
  g_test_add_func("/payload-cut/drops", test_drops);
  g_test_add_func("/payload-cut/noise", test_noise);
  return g_test_run();
}
