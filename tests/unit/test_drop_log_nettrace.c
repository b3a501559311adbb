#include "drop_log_text.h"

static void test_drop_mode(void)
{
  g_autofree char *text = log_text_sample("nettrace-drop.txt");
  g_autoptr(LogText) log = log_text(text, "nettrace", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 6);
  g_assert_cmpuint(log->skipped, ==, 0);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "tcp_v4_rcv", 0x81, "NO_SOCKET");
  assert_addresses(drop, "10.0.0.2", "10.0.0.1");
  assert_ports(drop, 40002, 81);
  g_assert_cmphex(drop->packet.has & DC_HAS_TCP, !=, 0);
  g_assert_cmpuint(drop->packet.tcp_seq, ==, 3819454691u);
  g_assert_cmphex(drop->packet.tcp_flags, ==, DC_TCP_SYN);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(146136576000));
  drop = log_text_drop(log, 1);
  g_assert_cmpuint(drop->packet.tcp_ack, ==, 2608831141u);
  g_assert_cmphex(drop->packet.tcp_flags, ==, DC_TCP_ACK | DC_TCP_PSH);
  drop = log_text_drop(log, 2);
  assert_site(drop, "__udp4_lib_rcv", 0x210, "NO_SOCKET");
  assert_ports(drop, 40003, 5999);
  g_assert_cmpuint(drop->packet.ip_protocol, ==, 17);
  drop = log_text_drop(log, 3);
  assert_site(drop, "nf_hook_slow", 0xa8, "NETFILTER_DROP");
  g_assert_cmpuint(drop->packet.ip_protocol, ==, 1);
  drop = log_text_drop(log, 4);
  g_assert_cmpint(drop->protocol, ==, 0x88cc);
  g_assert_cmphex(drop->packet.has, ==, 0);
  g_assert_cmpuint(log_text_drop(log, 5)->packet.ip_protocol, ==, 253);
  check_robust(text);
}

/* Each function is a line; the reason stands in the result. */
static void test_diagnosis(void)
{
  g_autofree char *text = log_text_sample("nettrace-diag.txt");
  g_autoptr(LogText) log = log_text(text, "nettrace", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 1);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "nf_hook_slow", 0x96, "NETFILTER_DROP");
  assert_addresses(drop, "192.168.122.8", "10.123.119.98");
  check_robust(text);
}

static void test_forms(void)
{
  static const char text[] =
      "[2022-1-5 13:05:02.123456] TCP: 10.0.0.2:1 -> 10.0.0.1:2 seq:1, ack:0, flags:S \x1b[1;33m*reason: NO_SOCKET, "
      "tcp_v4_rcv+0x81*\x1b[0m\n"
      "Call Stack:\n"
      "    -> kfree_skb_reason+0xb8\n"
      "    -> tcp_v4_rcv+0x81\n"
      "[2022-1-5 13:05:03.123456] [e8fbcd00][kfree_skb           ][cpu:40 ][ens5 ][pid:0      ][swapper/40  "
      "][ns:4026531840] "
      "TCP: fd00::2:40016 -> fd00::1:81 seq:1, ack:0, flags:S, reason: NO_SOCKET, tcp_v6_rcv+0x73\n"
      "[2022-1-5 13:05:04.123456] [e8fbcd00][consume_skb         ][cpu:40 ][ens5 ][pid:0      ][swapper/40  ] ICMP: "
      "10.0.0.2 -> 10.0.0.1 ping request, seq: 1\n"
      "[2022-1-5 13:05:05.000000] ARP: who has 10.0.0.1, tell 10.0.0.2, reason: NOT_SPECIFIED, arp_process+0x12\n"
      "[2022-1-5 13:05:06.000000] TCP: 10.0.0.2:1 -> 10.0.0\n";
  g_autoptr(LogText) log = log_text(text, "nettrace", DC_LOG_CLOCK_LOCAL);
  g_assert_cmpuint(log->drops->len, ==, 3);
  g_assert_cmpuint(log->skipped, ==, 1);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "tcp_v4_rcv", 0x81, "NO_SOCKET");
  /* made from an uptime in whole seconds: up to one later, one earlier */
  g_assert_cmpint(drop->time_ns, ==, INT64_C(1641387903123456000));
  g_assert_cmpint(drop->precision_ns, ==, 2 * DC_NS_PER_S);
  drop = log_text_drop(log, 1);
  assert_addresses(drop, "fd00::2", "fd00::1");
  assert_ports(drop, 40016, 81);
  g_assert_cmpstr(drop->in_ifname, ==, "ens5");
  g_assert_cmphex(drop->skb, ==, 0xe8fbcd00);
  drop = log_text_drop(log, 2);
  g_assert_cmpint(drop->protocol, ==, 0x0806);
  assert_site(drop, "arp_process", 0x12, "NOT_SPECIFIED");
  check_truncated(text);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-nettrace/drop-mode", test_drop_mode);
  g_test_add_func("/drop-log-nettrace/diagnosis", test_diagnosis);
  g_test_add_func("/drop-log-nettrace/forms", test_forms);
  return g_test_run();
}
