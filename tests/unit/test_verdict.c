#include "dropcorr/model/verdict.h"

#include <glib.h>
#include <string.h>

/* The output contract: these texts are what scripts of others match. */
static void test_contract(void)
{
  static const char *const fates[DC_FATE_COUNT] = {
      [DC_FATE_UNREMARKABLE] = "unremarkable", [DC_FATE_OUTBOUND] = "outbound", [DC_FATE_ANSWERED] = "answered",
      [DC_FATE_CONSUMED] = "consumed",         [DC_FATE_REFUSED] = "refused",   [DC_FATE_DROPPED] = "dropped",
      [DC_FATE_UNHANDLED] = "unhandled",       [DC_FATE_SILENT] = "silent",     [DC_FATE_UNEXPLAINED] = "unexplained",
  };
  for (int i = 0; i < DC_FATE_COUNT; i++)
    g_assert_cmpstr(dc_fate_name((DcFate)i), ==, fates[i]);
  static const char *const statuses[DC_DROP_STATUS_COUNT] = {"matched", "noise", "self", "outbound", "unmatched"};
  for (int i = 0; i < DC_DROP_STATUS_COUNT; i++)
    g_assert_cmpstr(dc_drop_status_name((DcDropStatus)i), ==, statuses[i]);
  static const char *const outcomes[DC_OUTCOME_COUNT] = {"pending", "answered", "refused",
                                                         "dropped", "silent",   "unexplained"};
  for (int i = 0; i < DC_OUTCOME_COUNT; i++)
    g_assert_cmpstr(dc_outcome_name((DcOutcome)i), ==, outcomes[i]);

  g_assert_null(dc_match_name(DC_MATCH_NONE));
  g_assert_cmpstr(dc_match_name(DC_MATCH_POSSIBLE), ==, "possible");
  g_assert_cmpstr(dc_match_name(DC_MATCH_LIKELY), ==, "likely");
  g_assert_cmpstr(dc_match_name(DC_MATCH_STRONG), ==, "strong");
  g_assert_cmpstr(dc_match_name(DC_MATCH_EXACT), ==, "exact");
  g_assert_null(dc_confidence_name(DC_CONFIDENCE_NONE));
  g_assert_cmpstr(dc_confidence_name(DC_CONFIDENCE_POSSIBLE), ==, "possible");
  g_assert_cmpstr(dc_confidence_name(DC_CONFIDENCE_LIKELY), ==, "likely");
  g_assert_cmpstr(dc_confidence_name(DC_CONFIDENCE_CERTAIN), ==, "certain");
  g_assert_cmpstr(dc_direction_name(DC_DIRECTION_UNKNOWN), ==, "unknown");
  g_assert_cmpstr(dc_direction_name(DC_DIRECTION_IN), ==, "inbound");
  g_assert_cmpstr(dc_direction_name(DC_DIRECTION_OUT), ==, "outbound");
  g_assert_cmpstr(dc_direction_name(DC_DIRECTION_OTHER_HOST), ==, "external");
  g_assert_cmpstr(dc_loss_name(DC_LOSS_CAPTURE), ==, "capture");
  g_assert_cmpstr(dc_loss_name(DC_LOSS_NETLINK), ==, "netlink");
  g_assert_cmpstr(dc_loss_name(DC_LOSS_MONITOR), ==, "monitor");
  g_assert_cmpstr(dc_loss_name(DC_LOSS_QUEUE), ==, "queue");
}

/* Every member has a text of its own; what lies beyond has none. */
static void test_texts(void)
{
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (int i = 1; i < DC_UNMATCHED_COUNT; i++)
    g_assert_true(g_hash_table_add(seen, (gpointer)dc_unmatched_text((DcUnmatchedWhy)i)));
  for (int i = 1; i < DC_ASIDE_COUNT; i++)
    g_assert_true(g_hash_table_add(seen, (gpointer)dc_aside_text((DcAsideWhy)i)));
  for (int i = 0; i < DC_LOSS_COUNT; i++)
    g_assert_true(g_hash_table_add(seen, (gpointer)dc_loss_name((DcLossKind)i)));
  for (int i = 1; i < DC_CAUSE_COUNT; i++)
    g_assert_true(g_hash_table_add(seen, (gpointer)dc_cause_name((DcCause)i)));
  g_assert_false(g_hash_table_contains(seen, ""));
  g_assert_cmpstr(dc_unmatched_text(DC_UNMATCHED_NONE), ==, "");
  g_assert_cmpstr(dc_aside_text(DC_ASIDE_NONE), ==, "");
  g_assert_null(dc_fate_name(DC_FATE_COUNT));
  g_assert_null(dc_loss_name(DC_LOSS_COUNT));
  g_assert_null(dc_cause_name(DC_CAUSE_COUNT));
  g_assert_null(dc_cause_name((DcCause)-1));
}

static void test_causes(void)
{
  g_assert_null(dc_cause_name(DC_CAUSE_NONE));
  g_assert_cmpstr(dc_cause_name(DC_CAUSE_TW_RECYCLE_NAT), ==, "tw-recycle-nat");
  DcCause cause = DC_CAUSE_XDP;
  for (int i = 1; i < DC_CAUSE_COUNT; i++) {
    g_assert_true(dc_cause_parse(dc_cause_name((DcCause)i), &cause));
    g_assert_cmpint(cause, ==, i);
  }
  g_assert_false(dc_cause_parse("no-such-cause", &cause));
  g_assert_false(dc_cause_parse("", &cause));
  g_assert_false(dc_cause_parse(NULL, &cause));
  g_assert_cmpint(cause, ==, DC_CAUSE_COUNT - 1); /* untouched */
}

static DcPacket tcp_packet(void)
{
  return (DcPacket){
      .has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP | DC_HAS_TIMESTAMP,
      .ethertype = 0x0800,
      .src_mac = {2, 0, 0, 0, 0, 2},
      .dst_mac = {2, 0, 0, 0, 0, 1},
      .vlan_count = 1,
      .vlan = {100},
      .src = {.bytes = {10, 0, 0, 2}, .version = 4},
      .dst = {.bytes = {10, 0, 0, 1}, .version = 4},
      .ip_protocol = 6,
      .ttl = 63,
      .src_port = 40000,
      .dst_port = 80,
      .tcp_seq = 7,
      .tcp_ack = 8,
      .tcp_flags = DC_TCP_SYN,
      .tsval = 9,
      .icmp_type = 99, /* not there: no has bit */
      .llc_dsap = 99,
      .l4_checksum = DC_CHECKSUM_BAD,
  };
}

static void test_flow_key(void)
{
  const DcPacket packet = tcp_packet();
  DcFlowKey key, answer, back;
  memset(&key, 0xff, sizeof key);
  dc_flow_key_from_packet(&key, &packet);
  g_assert_cmpuint(key.src_port, ==, 40000);
  g_assert_cmpuint(key.dst_port, ==, 80);
  g_assert_cmpuint(key.protocol, ==, 6);
  g_assert_cmpuint(key.ip_version, ==, 4);
  g_assert_cmphex(key.ethertype, ==, 0x0800);
  g_assert_cmpuint(key.src[3], ==, 2);
  for (size_t i = 4; i < 16; i++)
    g_assert_cmpuint(key.src[i], ==, 0);
  for (size_t i = 0; i < sizeof key.spare; i++)
    g_assert_cmpuint(key.spare[i], ==, 0);

  /* The answer's key is the reverse, byte for byte. */
  DcPacket reply = packet;
  reply.src = packet.dst;
  reply.dst = packet.src;
  reply.src_port = 80;
  reply.dst_port = 40000;
  dc_flow_key_from_packet(&answer, &reply);
  dc_flow_key_reverse(&back, &key);
  g_assert_cmpint(memcmp(&answer, &back, sizeof answer), ==, 0);
  dc_flow_key_reverse(&back, &back);
  g_assert_cmpint(memcmp(&key, &back, sizeof key), ==, 0);

  /* ARP has addresses, but is no IP. */
  DcPacket arp = packet;
  arp.has = DC_HAS_ETHERTYPE | DC_HAS_ARP;
  arp.ethertype = 0x0806;
  dc_flow_key_from_packet(&key, &arp);
  g_assert_cmpuint(key.ip_version, ==, 0);
  g_assert_cmpuint(key.dst[3], ==, 1);
  g_assert_cmpuint(key.dst_port, ==, 0);
}

static void test_brief(void)
{
  DcPacket packet = tcp_packet();
  DcBrief brief;
  dc_brief_from_packet(&brief, &packet, 74, DC_DIRECTION_IN);
  g_assert_cmpuint(brief.len, ==, 74);
  g_assert_cmpint(brief.direction, ==, DC_DIRECTION_IN);
  g_assert_cmpuint(brief.src_mac[5], ==, 2);
  g_assert_cmpuint(brief.dst_mac[5], ==, 1);
  g_assert_cmpuint(brief.vlan, ==, 100);
  g_assert_cmpuint(brief.ttl, ==, 63);
  g_assert_cmpuint(brief.tcp_seq, ==, 7);
  g_assert_cmpuint(brief.tcp_ack, ==, 8);
  g_assert_cmphex(brief.tcp_flags, ==, DC_TCP_SYN);
  g_assert_cmpuint(brief.tsval, ==, 9);
  g_assert_cmpint(brief.l4_checksum, ==, DC_CHECKSUM_BAD);
  g_assert_cmpuint(brief.icmp_type, ==, 0); /* what the packet has not stays out */
  g_assert_cmpuint(brief.llc_dsap, ==, 0);

  packet.has = DC_HAS_IP | DC_HAS_TCP_FLAGS; /* a text log */
  dc_brief_from_packet(&brief, &packet, 0, DC_DIRECTION_UNKNOWN);
  g_assert_cmphex(brief.tcp_flags, ==, DC_TCP_SYN);
  g_assert_cmpuint(brief.tcp_seq, ==, 0);

  packet.has = DC_HAS_SRC_MAC | DC_HAS_ETHERTYPE; /* a cooked capture of no IP */
  dc_brief_from_packet(&brief, &packet, 60, DC_DIRECTION_UNKNOWN);
  g_assert_cmpuint(brief.src_mac[5], ==, 2);
  g_assert_cmpuint(brief.dst_mac[5], ==, 0);
  g_assert_cmpuint(brief.tcp_seq, ==, 0);
  g_assert_cmpuint(brief.ttl, ==, 0);
  g_assert_cmpuint(brief.flow.src_port, ==, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/verdict/contract", test_contract);
  g_test_add_func("/verdict/texts", test_texts);
  g_test_add_func("/verdict/causes", test_causes);
  g_test_add_func("/verdict/flow-key", test_flow_key);
  g_test_add_func("/verdict/brief", test_brief);
  return g_test_run();
}
