#include "drop_log_text.h"

static void test_text(void)
{
  g_autofree char *text = log_text_sample("pwru.txt");
  g_autoptr(LogText) log = log_text(text, "pwru", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 3);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "nf_hook_slow", 0, "NETFILTER_DROP");
  assert_addresses(drop, "10.0.0.2", "10.0.0.1");
  assert_ports(drop, 40001, 8089);
  g_assert_cmpuint(drop->packet.ip_protocol, ==, 6);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(2007052564056));
  g_assert_cmpint(drop->precision_ns, ==, 0);
  g_assert_cmphex(drop->skb, ==, 0xffff936378692ce8);
  g_assert_cmpint(drop->protocol, ==, 0x800);
  g_assert_cmpstr(drop->in_ifname, ==, "eth0");
  g_assert_cmpuint(drop->in_ifindex, ==, 2);
  drop = log_text_drop(log, 1);
  assert_site(drop, "tcp_v6_rcv", 0, "NO_SOCKET");
  assert_addresses(drop, "fd00::2", "fd00::1");
  g_assert_cmpstr(drop->in_ifname, ==, "vgif_r2_1");
  drop = log_text_drop(log, 2); /* a code without a name: none */
  assert_site(drop, "icmp_rcv", 0, NULL);
  g_assert_cmphex(drop->packet.has & DC_HAS_PORTS, ==, 0);
  check_robust(text);
}

static void test_json(void)
{
  g_autofree char *text = log_text_sample("pwru.json");
  g_autoptr(LogText) log = log_text(text, "pwru", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 2);
  g_assert_cmpuint(log->foreign, ==, 1);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "nft_do_chain", 0, "NETFILTER_DROP"); /* of the stack */
  assert_addresses(drop, "10.0.0.2", "10.0.0.1");
  assert_ports(drop, 40001, 8089);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(2007052564056));
  drop = log_text_drop(log, 1);
  assert_site(drop, "tcp_v6_rcv", 0, "NO_SOCKET");
  assert_addresses(drop, "fd00::2", "fd00::1");
  g_assert_cmpint(drop->protocol, ==, 0x86dd);
  check_robust(text);
}

/* Columns differ by version and options. */
static void test_forms(void)
{
  static const struct {
    const char *line, *symbol, *reason;
    DcLogClock clock;
    int64_t time_ns;
    bool has_tuple;
  } cases[] = {
      {"0xffff936378692ce8 6 [curl] kfree_skb_reason(SKB_DROP_REASON_NETFILTER_DROP) "
       "172.20.10.2:33918->1.1.1.1:4240(tcp)",
       NULL, "NETFILTER_DROP", DC_LOG_CLOCK_NONE, DC_TIME_NONE, true},
      {"0xffff8fbc5939c900      0        [<empty>(0)] kfree_skb_reason(SKB_DROP_REASON_NOT_SPECIFIED)", NULL,
       "NOT_SPECIFIED", DC_LOG_CLOCK_NONE, DC_TIME_NONE, false},
      {"172.31.75.115:12345->172.31.75.114:9999(tcp) sk_skb_reason_drop(SKB_DROP_REASON_TCP_RFC7323_PAWS)", NULL,
       "TCP_RFC7323_PAWS", DC_LOG_CLOCK_NONE, DC_TIME_NONE, true},
      {"2026-11-20T12:00:01.123 0xffff97ff83662280 0   <empty>:1463     10.244.0.3:39492->10.244.0.4:53(udp) "
       "kfree_skb_reason(SKB_DROP_REASON_OTHERHOST)",
       NULL, "OTHERHOST", DC_LOG_CLOCK_LOCAL, INT64_C(1795176001124000000), true},
      {"21:44:13.156 0xffff97ff83662280 0   <empty>:1463     10.244.0.3:39492->10.244.0.4:53(udp) "
       "kfree_skb_reason(SKB_DROP_REASON_OTHERHOST) ip_rcv_core",
       "ip_rcv_core", "OTHERHOST", DC_LOG_CLOCK_TIME_OF_DAY, INT64_C(78253157000000), true},
      /* 17 us after the packet's line before: no clock */
      {"0xffff97ff83662280 0   <empty>:1463     17042            10.244.0.3:39492->10.244.0.4:53(udp) kfree_skb", NULL,
       NULL, DC_LOG_CLOCK_NONE, DC_TIME_NONE, true},
      /* the namespace is no time */
      {"0xffff00001603cae8 1   ~r/bin/curl:8493 4026531840 f00000      eth0:9     0x0800 1500  60    "
       "10.0.2.15:54448->1.1.1.1:80(tcp:SYN) kfree_skb_reason(SKB_DROP_REASON_NETFILTER_DROP)",
       NULL, "NETFILTER_DROP", DC_LOG_CLOCK_NONE, DC_TIME_NONE, true},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("%s\n", cases[i].line);
    g_autoptr(LogText) log = log_text(text, "pwru", cases[i].clock);
    g_assert_cmpuint(log->drops->len, ==, 1);
    const DcDrop *drop = log_text_drop(log, 0);
    assert_site(drop, cases[i].symbol, 0, cases[i].reason);
    g_assert_cmpint(drop->time_ns, ==, cases[i].time_ns);
    g_assert_cmphex(drop->packet.has & DC_HAS_PORTS, ==, cases[i].has_tuple ? DC_HAS_PORTS : 0);
    if (cases[i].time_ns != DC_TIME_NONE)
      g_assert_cmpint(drop->precision_ns, >=, DC_NS_PER_MS);
  }
}

/* A packet's first line has the relative time 0: later ones are none since boot, however large. */
static void test_relative(void)
{
  static const char text[] =
      "SKB                CPU PROCESS          TIMESTAMP        TUPLE FUNC\n"
      "0xffff936378692ce8 6   <empty>:0        0                10.0.0.2:1->10.0.0.1:2(tcp) ip_rcv\n"
      "0xffff936378692ce8 6   <empty>:0        5000000000       10.0.0.2:1->10.0.0.1:2(tcp) "
      "kfree_skb_reason(SKB_DROP_REASON_NO_SOCKET)\n"
      "kfree_skb_reason\n"
      "tcp_v4_rcv\n"
      "ip_protocol_deliver_rcu\n";
  g_autoptr(LogText) log = log_text(text, "pwru", DC_LOG_CLOCK_NONE);
  g_assert_cmpuint(log->drops->len, ==, 1);
  g_assert_cmpint(log_text_drop(log, 0)->time_ns, ==, DC_TIME_NONE);
  assert_site(log_text_drop(log, 0), "tcp_v4_rcv", 0, "NO_SOCKET");
}

static void test_no_drop(void)
{
  static const char text[] = "0xffff936378692ce8 6 [curl] ip_rcv 172.20.10.2:33918->1.1.1.1:4240(tcp)\n"
                             "0xffff936378692ce8 6 [curl] kfree_skbmem 172.20.10.2:33918->1.1.1.1:4240(tcp)\n"
                             "{\"skb\":\"0x1\",\"func\":\"ip_rcv\"\n";
  g_autoptr(LogText) log = log_text_try(text, strlen(text), NULL);
  g_assert_cmpstr(log->format, ==, "pwru");
  g_assert_error(log->error, DC_ERROR, DC_ERROR_FORMAT);
  g_assert_cmpuint(log->foreign, ==, 2);
  g_assert_cmpuint(log->skipped, ==, 1);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-pwru/text", test_text);
  g_test_add_func("/drop-log-pwru/json", test_json);
  g_test_add_func("/drop-log-pwru/forms", test_forms);
  g_test_add_func("/drop-log-pwru/relative", test_relative);
  g_test_add_func("/drop-log-pwru/no-drop", test_no_drop);
  return g_test_run();
}
