#include "../../src/report/wording.h"

#include "dropcorr/base/clock.h"

#include <string.h>

static DcBrief syn(void)
{
  return (DcBrief){.has = DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP,
                   .flow = {.src = {10, 0, 0, 2},
                            .dst = {10, 0, 0, 1},
                            .src_port = 40001,
                            .dst_port = 8089,
                            .ip_version = 4,
                            .protocol = 6},
                   .tcp_flags = DC_TCP_SYN,
                   .len = 74,
                   .direction = DC_DIRECTION_IN};
}

static void assert_packet(DcBrief brief, const char *expected)
{
  char text[DC_PACKET_TEXT_MAX];
  g_assert_cmpstr(dc_packet_text(&brief, false, text), ==, expected);
}

static void test_packet_words(void)
{
  DcBrief brief = syn();
  brief.flow.dst_port = 22;
  brief.tcp_flags = DC_TCP_SYN | DC_TCP_ACK;
  assert_packet(brief, "10.0.0.2:40001 > 10.0.0.1:ssh: TCP S., 74 bytes");
  brief.l4_checksum = DC_CHECKSUM_BAD;
  brief.tcp_flags = 0;
  brief.len = 0;
  assert_packet(brief, "10.0.0.2:40001 > 10.0.0.1:ssh: TCP none, bad TCP checksum");
  brief = (DcBrief){.has = DC_HAS_IP | DC_HAS_PORTS,
                    .flow = {.ip_version = 6,
                             .protocol = 17,
                             .src = {0xfd, [15] = 2},
                             .dst = {0xfd, [15] = 1},
                             .src_port = 40015,
                             .dst_port = 65000},
                    .vlan_count = 1,
                    .vlan = 5};
  assert_packet(brief, "vlan 5, [fd00::2]:40015 > [fd00::1]:65000: UDP");
  brief = (DcBrief){
      .has = DC_HAS_IP | DC_HAS_ICMP, .flow = {.ip_version = 4, .protocol = 1}, .icmp_type = 3, .icmp_code = 3};
  assert_packet(brief, "0.0.0.0 > 0.0.0.0: ICMP unreachable (code 3)");
  brief = (DcBrief){.has = DC_HAS_IP | DC_HAS_ICMP, .flow = {.ip_version = 6, .protocol = 58}, .icmp_type = 135};
  assert_packet(brief, ":: > ::: ICMPv6 neighbour solicitation");
  brief = (DcBrief){.has = DC_HAS_IP, .flow = {.ip_version = 4, .protocol = 253}};
  assert_packet(brief, "0.0.0.0 > 0.0.0.0: protocol 253");
  brief = (DcBrief){.has = DC_HAS_ARP | DC_HAS_ETHERTYPE, .flow = {.ethertype = 0x0806, .src = {10, 0, 0, 2}}};
  assert_packet(brief, "10.0.0.2 > 0.0.0.0: ARP");
  brief = (DcBrief){.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_LLC,
                    .flow = {.ethertype = 4},
                    .llc_dsap = 0x42,
                    .src_mac = {2},
                    .dst_mac = {1, 0x80, 0xc2}};
  assert_packet(brief, "02:00:00:00:00:00 > 01:80:c2:00:00:00: 802.3 LLC SAP 0x42 (STP)");
  brief = (DcBrief){.has = DC_HAS_ETHERTYPE, .flow = {.ethertype = 0x88b5}};
  assert_packet(brief, "ethertype 0x88b5");
  assert_packet((DcBrief){0}, "no protocol decoded");
}

static void test_quantities(void)
{
  char text[DC_QUANTITY_TEXT_MAX];
  g_assert_cmpstr(dc_duration_text(0, text), ==, "0 ns");
  g_assert_cmpstr(dc_duration_text(-390000, text), ==, "-390 us");
  g_assert_cmpstr(dc_duration_text(1250000, text), ==, "1.2 ms");
  g_assert_cmpstr(dc_duration_text(999999999, text), ==, "999 ms");
  g_assert_cmpstr(dc_duration_text(63 * DC_NS_PER_S, text), ==, "63 s");
  g_assert_cmpstr(dc_duration_text(INT64_MAX, text), ==, "2562047.7 h");
  g_assert_cmpstr(dc_duration_text(INT64_MIN, text), ==, "-2562047.7 h");
  g_assert_cmpstr(dc_offset_text(0, text), ==, "+0");
  g_assert_cmpstr(dc_offset_text(INT64_C(999979000), text), ==, "+1.0");
  g_assert_cmpstr(dc_offset_text(INT64_C(31068222000), text), ==, "+31");
  g_assert_cmpstr(dc_offset_text(-DC_NS_PER_S, text), ==, "-1.0");
  g_assert_cmpstr(dc_offset_text(3 * DC_NS_PER_MS, text), ==, "+0.003");
  g_assert_cmpstr(dc_offset_text(99 * DC_NS_PER_MS, text), ==, "+0.099");
  g_assert_cmpint(dc_span_ns(INT64_MIN + 1, INT64_MAX), ==, INT64_MAX);
  g_assert_cmpint(dc_span_ns(INT64_MAX, INT64_MIN + 1), <, 0);
  g_assert_cmpstr(dc_rate_text(17, 20, text), ==, "85%");
  g_assert_cmpstr(dc_rate_text(3, 3, text), ==, "100%");
  g_assert_cmpstr(dc_rate_text(9999, 10000, text), ==, "over 99%"); /* not all of it */
  g_assert_cmpstr(dc_rate_text(1, 200, text), ==, "0.50%");
  g_assert_cmpstr(dc_rate_text(1, 25000, text), ==, "1 in 25000");
  g_assert_cmpstr(dc_rate_text(1, 0, text), ==, "");
  g_assert_cmpstr(dc_rate_text(5, 4, text), ==, "");
  g_assert_cmpstr(dc_bytes_text(1, text), ==, "1 byte");
  g_assert_cmpstr(dc_bytes_text(17204, text), ==, "17204 bytes");
  g_assert_cmpstr(dc_bytes_text(1234567, text), ==, "1.2 MB");
  g_assert_cmpstr(dc_bytes_text(UINT64_MAX, text), ==, "18 EB");
  char time[DC_TIME_TEXT_MAX];
  g_assert_cmpstr(dc_time_text(-1, 9, time), ==, "23:59:59.999999999");
  g_assert_cmpstr(dc_time_text(DC_TIME_NONE, 9, time), ==, "no time");
}

/* The table is searched by halves: it must be in order. */
static void test_port_names(void)
{
  guint names = 0;
  for (unsigned port = 0; port <= UINT16_MAX; port++)
    names += dc_port_name((uint16_t)port) != NULL;
  g_assert_cmpuint(names, ==, 54); /* as many as the table has rows */
  g_assert_cmpstr(dc_port_name(443), ==, "https");
  g_assert_cmpstr(dc_port_name(51820), ==, "wireguard");
}

static void assert_sure(DcFinding *finding, const char *expected)
{
  g_autofree char *text = dc_finding_sure_text(finding);
  g_assert_cmpstr(text, ==, expected);
}

static void test_sure(void)
{
  DcFinding finding = {.confidence = DC_CONFIDENCE_LIKELY, .drops = 1, .by_match = {[DC_MATCH_EXACT] = 1}};
  assert_sure(&finding, "likely: its drop matched byte for byte");
  finding.drops = finding.by_match[DC_MATCH_EXACT] = 2;
  assert_sure(&finding, "likely: both drops matched byte for byte");
  finding.drops = 9;
  finding.by_match[DC_MATCH_STRONG] = 4;
  assert_sure(&finding, "likely: 2 of 9 drops matched byte for byte, 4 of 9 drops matched by flow and sequence");
  memset(finding.by_match, 0, sizeof finding.by_match);
  assert_sure(&finding, "likely: 9 drops without a frame");
  finding.drops = 0;
  finding.confidence = DC_CONFIDENCE_POSSIBLE;
  assert_sure(&finding, "possible: no drop event");
  finding.confidence = DC_CONFIDENCE_NONE;
  assert_sure(&finding, "no cause found: no drop event");
}

/* A drop that fits a frame which may have been delivered stands without a frame, and says why. */
static void test_drop_groups(void)
{
  static const DcDropGroup open = {.status = DC_DROP_STATUS_MATCHED};
  g_assert_nonnull(strstr(dc_drop_group_why_text(&open), "may have been delivered"));
  static const DcDropGroup noise = {.status = DC_DROP_STATUS_NOISE, .why = DC_ASIDE_NEIGHBOUR};
  g_assert_cmpstr(dc_drop_group_why_text(&noise), ==, dc_aside_text(DC_ASIDE_NEIGHBOUR));
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/wording/packet", test_packet_words);
  g_test_add_func("/wording/quantities", test_quantities);
  g_test_add_func("/wording/ports", test_port_names);
  g_test_add_func("/wording/sure", test_sure);
  g_test_add_func("/wording/drop-groups", test_drop_groups);
  return g_test_run();
}
