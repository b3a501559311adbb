/* What a log told of a packet survives being written as words; what is no such words is refused. */
#include "../../src/source/packet_words.h"

#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <string.h>

static void must_survive(const DcPacket *packet, const char *expected)
{
  g_autofree char *words = dc_packet_words(packet);
  g_assert_cmpstr(words, ==, expected);
  DcPacket again;
  g_assert_true(dc_packet_words_parse(words, strlen(words), &again));
  g_assert_cmpint(memcmp(&again, packet, sizeof again), ==, 0);
}

static void test_round(void)
{
  DcPacket packet;
  memset(&packet, 0, sizeof packet);
  g_assert_null(dc_packet_words(&packet));
  packet.has = DC_HAS_ETHERTYPE;
  packet.ethertype = 0x88cc;
  must_survive(&packet, "ethertype 0x88cc");
  packet.has = DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP;
  packet.ethertype = 0x0800;
  g_assert_true(dc_addr_parse("10.0.0.2", &packet.src) && dc_addr_parse("10.0.0.1", &packet.dst));
  packet.ip_protocol = 6;
  packet.src_port = 65535;
  packet.dst_port = 81;
  packet.tcp_seq = UINT32_MAX;
  packet.tcp_ack = 1;
  packet.tcp_flags = 0x12;
  must_survive(&packet,
               "ethertype 0x0800 src 10.0.0.2 dst 10.0.0.1 protocol 6 sport 65535 dport 81 seq 4294967295 ack 1 "
               "flags 0x12");
  packet.has = DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP_FLAGS;
  packet.ethertype = 0;
  packet.tcp_seq = packet.tcp_ack = 0;
  g_assert_true(dc_addr_parse("fd00::2", &packet.src) && dc_addr_parse("::ffff:10.0.0.1", &packet.dst));
  must_survive(&packet, "src fd00::2 dst ::ffff:10.0.0.1 protocol 6 sport 65535 dport 81 flags 0x12");
}

static void test_refused(void)
{
  static const char *const bad[] = {"src 10.0.0.1 dst fd00::1 protocol 6",
                                    "src 10.0.0.1 protocol 6",
                                    "src x dst y",
                                    "ethertype 0x10000",
                                    "sport 65536",
                                    "protocol -1",
                                    "protocol",
                                    "seq 4294967296"};
  DcPacket packet;
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(dc_packet_words_parse(bad[i], strlen(bad[i]), &packet));
  /* A later version's words, and ports of nobody. */
  g_assert_true(dc_packet_words_parse("colour red sport 1 dport 2", 26, &packet));
  g_assert_cmpuint(packet.has, ==, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/packet-words/round", test_round);
  g_test_add_func("/packet-words/refused", test_refused);
  return g_test_run();
}
