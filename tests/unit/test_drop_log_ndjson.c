#include "drop_log_text.h"

static void test_drops(void)
{
  g_autofree char *text = log_text_sample("ndjson.txt");
  g_autoptr(LogText) log = log_text(text, "dropcorr NDJSON", DC_LOG_CLOCK_REALTIME);
  g_assert_cmpuint(log->drops->len, ==, 3);
  g_assert_cmpuint(log->foreign, ==, 2);
  g_assert_cmpuint(log->skipped, ==, 0);
  const DcDrop *drop = log_text_drop(log, 0); /* without a time: first */
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_SUMMARY);
  g_assert_cmpuint(drop->count, ==, 75);
  g_assert_cmphex(drop->pc, ==, 0xffffffff815ca47f);
  g_assert_cmpint(drop->time_ns, ==, DC_TIME_NONE);
  drop = log_text_drop(log, 1);
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_PACKET);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(1795168318154239001));
  assert_site(drop, "nft_do_chain", 0x47f, "NETFILTER_DROP");
  g_assert_cmphex(drop->size, ==, 0x5e0);
  g_assert_cmpstr(drop->module, ==, "nf_tables");
  g_assert_cmpstr(drop->location, ==, "nft_do_chain+0x47f/0x5e0 [nf_tables]");
  assert_addresses(drop, "10.0.0.2", "10.0.0.1");
  assert_ports(drop, 40001, 8089);
  g_assert_cmpuint(drop->packet.tcp_seq, ==, 4000000111u);
  g_assert_cmphex(drop->packet.tcp_flags, ==, DC_TCP_SYN | DC_TCP_ACK);
  g_assert_cmpint(drop->protocol, ==, 0x800);
  g_assert_cmpuint(drop->orig_len, ==, 74);
  g_assert_cmpuint(drop->caplen, ==, 0);
  drop = log_text_drop(log, 2);
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_HARDWARE);
  g_assert_cmpstr(drop->trap_group, ==, "acl_drops");
  g_assert_cmpstr(drop->trap_name, ==, "ingress_flow_action_drop");
  g_assert_cmpuint(drop->packet.icmp_type, ==, 135);
  g_assert_cmpuint(drop->count, ==, 3);
  g_assert_cmpint(drop->precision_ns, ==, DC_NS_PER_S);
  g_assert_cmpuint(log->losses->len, ==, 1); /* of the monitor's, not of the capture's */
  g_assert_cmpuint(g_array_index(log->losses, DcLoss, 0).count, ==, 17);
  check_damaged(text, 300);
  check_truncated(text);
}

static void test_without_frames(void)
{
  static const char text[] = "{\"type\":\"header\",\"schema\":\"dropcorr/1\",\"version\":\"0.1.0\"}\n"
                             "{\"type\":\"drop\",\"drop\":1}\n"
                             "{\"type\":\"summary\"}\n";
  g_autoptr(LogText) log = log_text_try(text, strlen(text), NULL);
  g_assert_cmpstr(log->format, ==, "dropcorr NDJSON");
  g_assert_error(log->error, DC_ERROR, DC_ERROR_FORMAT);
  g_assert_nonnull(strstr(log->error->message, "--json --frames"));
  g_assert_cmpuint(log->skipped, ==, 1);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-ndjson/drops", test_drops);
  g_test_add_func("/drop-log-ndjson/without-frames", test_without_frames);
  return g_test_run();
}
