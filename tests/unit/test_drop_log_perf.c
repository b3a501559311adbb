#include "drop_log_text.h"

static void test_stacks(void)
{
  g_autofree char *text = log_text_sample("perf-script-6.1.txt");
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 14);
  g_assert_cmpuint(log->skipped, ==, 0);
  const DcDrop *drop = log_text_drop(log, 0);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(25597383000));
  g_assert_cmphex(drop->skb, ==, 0xff4940ec7fe9ce00);
  g_assert_cmphex(drop->pc, ==, 0xffffffffc03aa54f);
  g_assert_cmpint(drop->protocol, ==, 0x800);
  g_assert_cmpint(drop->kind, ==, DC_DROP_TEXT);
  /* The location is an address: the frame of the stack with that address names the site. */
  assert_site(drop, "nft_do_chain", 0x47f, "NETFILTER_DROP");
  g_assert_cmpstr(drop->location, ==, "0xffffffffc03aa54f");
  assert_site(log_text_drop(log, 1), "ip6_mc_input", 0x1e8, "NOT_SPECIFIED");
  g_assert_null(log_text_drop(log, 1)->module);
  check_terminal_leftovers(text);
  check_damaged(text, 100);
}

static void test_receptions(void)
{
  g_autofree char *text = log_text_sample("perf-script-6.18.txt");
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "nft_do_chain", 0x3e8, "NETFILTER_DROP");
  g_assert_cmpint(drop->time_ns, ==, INT64_C(4535045524000));
  g_assert_cmpint(drop->rx_time_ns, ==, INT64_C(4535045485000));
  g_assert_cmpuint(drop->rx_len, ==, 53);
  g_assert_cmpstr(drop->rx_ifname, ==, "vb");
  g_assert_cmpint(log_text_drop(log, 1)->protocol, ==, 0x86dd);
  g_assert_cmpuint(log_text_drop(log, 1)->rx_len, ==, 73);
  check_robust(text);
}

/* Names with blanks, columns left out, nanoseconds, a period, a field order of another kernel. */
static void test_forms(void)
{
  static const char text[] =
      "Web Content: 1  4711 [001]   100.000001:          1 skb:kfree_skb: skbaddr=0xffff88803dd83a00 protocol=2048 "
      "location=0xffffffff816ea931\n"
      "        ffffffff816e9c9b kfree_skb+0x7b ([kernel.kallsyms])\n"
      "        ffffffff816ea931 unix_stream_connect+0x321 ([unix])\n"
      "        ffffffff81676509 SYSC_connect+0x99 ([kernel.kallsyms])\n"
      "\n"
      "100.123456789: skb:kfree_skb: location=__dev_queue_xmit+0x9d9  reason: FQ_FLOW_LIMIT skbaddr=0xffff888eabe17e00 "
      "rx_sk=(nil) protocol=34525\n"
      "curl 32613 [014]  101.957467: skb:kfree_skb: skbaddr=0xffff888f57159ae0 protocol=2048 "
      "location=0xffffffff817bfdad "
      "reason: NOT_SPECIFIED\n"
      "                  9bfd56 kfree_skb (/lib/modules/5.8.10/build/vmlinux)\n"
      "                  9bfd56 kfree_skb (/lib/modules/5.8.10/build/vmlinux)\n"
      "                  9bfdad kfree_skb_list (/lib/modules/5.8.10/build/vmlinux)\n"
      "\n"
      "swapper     0 [003]  102.000000: PERF_RECORD_LOST lost 45\n"
      "swapper     0 [003]  102.000001: sched:sched_switch: prev_comm=x\n"
      "        ffffffff816e9c9b schedule+0x7b ([kernel.kallsyms])\n"
      "swapper     0 [003]  102.5: skb:kfree_skb: skbaddr=0xffff888f57159ae0 protocol=99999 location=ip_rcv+0x1 "
      "reason: X\n";
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 3);
  assert_site(log_text_drop(log, 0), "unix_stream_connect", 0x321, NULL);
  g_assert_cmpstr(log_text_drop(log, 0)->module, ==, "unix");
  const DcDrop *drop = log_text_drop(log, 1);
  assert_site(drop, "__dev_queue_xmit", 0x9d9, "FQ_FLOW_LIMIT");
  g_assert_cmpint(drop->time_ns, ==, INT64_C(100123456789));
  g_assert_cmpint(drop->protocol, ==, 34525);
  g_assert_cmphex(drop->skb, ==, 0xffff888eabe17e00);
  assert_site(log_text_drop(log, 2), "kfree_skb_list", 0, "NOT_SPECIFIED"); /* no frame has its address */
  g_assert_cmpuint(log->losses->len, ==, 1);
  const DcLoss *loss = &g_array_index(log->losses, DcLoss, 0);
  g_assert_cmpuint(loss->count, ==, 45);
  g_assert_cmpint(loss->to_ns, ==, INT64_C(101957467000));
  g_assert_cmpuint(log->skipped, ==, 1);
  check_truncated(text);
}

/* A log that was cut off in its last line: a name or address may be half of one. */
static void test_cut_line(void)
{
  static const char whole[] = "a 1 [0] 1.000001: skb:kfree_skb: skbaddr=0xffff88803dd83a00 protocol=2048 "
                              "location=tcp_v4_rcv+0x157 reason: NO_SOCKET\n";
  static const char cut[] =
      "a 1 [0] 1.000002: skb:kfree_skb: skbaddr=0xffff88803dd83a00 protocol=2048 location=tcp_v4_r";
  g_autofree char *text = g_strconcat(whole, cut, NULL);
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 1);
  g_assert_cmpuint(log->skipped, ==, 1);
}

/* A reception is joined to a drop of the same address soon after, once, and not to what is no packet. */
static void test_reused_addresses(void)
{
  static const char text[] =
      "a 1 [0] 1.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000001 len=60\n"
      "a 1 [0] 1.000010: skb:kfree_skb: skbaddr=0xffff880000000001 protocol=2048 location=ip_rcv+0x1\n"
      "a 1 [0] 1.000020: skb:kfree_skb: skbaddr=0xffff880000000001 protocol=2048 location=ip_rcv+0x1\n"
      "a 1 [0] 2.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000002 len=60\n"
      "a 1 [0] 2.100000: skb:kfree_skb: skbaddr=0xffff880000000002 protocol=2048 location=ip_rcv+0x1\n"
      "a 1 [0] 3.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000003 len=60\n"
      "a 1 [0] 3.000001: skb:kfree_skb: skbaddr=0xffff880000000003 protocol=0 location=unix_stream_connect+0x1\n"
      "a 1 [0] 4.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000004 len=60\n"
      "a 1 [0] 4.000001: skb:consume_skb: skbaddr=0xffff880000000004\n"
      "a 1 [0] 4.000002: skb:kfree_skb: skbaddr=0xffff880000000004 protocol=2048 location=ip_rcv+0x1\n"
      "a 1 [0] 5.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000005 len=60\n"
      "a 1 [0] 5.100000: skb:kfree_skb: skbaddr=0xffff880000000005 protocol=2048 location=ip_rcv+0x1\n";
  static const int64_t expected[] = {1000000000, 0, 0, 0, 0, 5000000000};
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, G_N_ELEMENTS(expected));
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
    g_assert_cmpint(log_text_drop(log, i)->rx_time_ns, ==, expected[i]);
}

/* Where the packet went through a CPU's backlog, that is told too. */
static void test_backlog(void)
{
  static const char text[] =
      "a 1 [0] 1.000000: net:netif_rx: dev=eth0 skbaddr=0xffff880000000001 len=60\n"
      "a 1 [0] 1.000300: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000001 len=60\n"
      "a 1 [0] 1.000310: skb:kfree_skb: skbaddr=0xffff880000000001 protocol=2048 location=ip_rcv+0x1\n";
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->foreign, ==, 0);
  g_assert_cmpint(log_text_drop(log, 0)->rx_time_ns, ==, INT64_C(1000300000));
  g_assert_cmpint(log_text_drop(log, 0)->rx_wait_ns, ==, 300000);
}

/* Packets of its length that came in just before and after, in the log's order or not: a frame nearer to theirs is
 * theirs. Nor its own further way up, nor others' lengths, nor what came later than a millisecond. */
static void test_rivals(void)
{
  static const char text[] =
      "a 1 [0] 1.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000001 len=60\n"
      "a 1 [0] 1.000030: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000002 len=60\n"
      "a 1 [0] 1.000031: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000003 len=61\n"
      "a 1 [0] 1.000032: net:netif_receive_skb: dev=br0 skbaddr=0xffff880000000002 len=60\n"
      "a 1 [0] 1.000040: skb:kfree_skb: skbaddr=0xffff880000000002 protocol=2048 location=ip_rcv+0x1\n"
      "a 1 [0] 1.000050: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000002 len=60\n"
      "a 1 [0] 1.000060: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000004 len=60\n"
      "a 1 [0] 2.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000005 len=60\n"
      "a 1 [0] 2.000010: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000006 len=60\n"
      "a 1 [0] 2.000020: skb:kfree_skb: skbaddr=0xffff880000000005 protocol=2048 location=ip_rcv+0x1\n"
      "a 1 [0] 2.001001: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000007 len=60\n"
      "a 1 [0] 3.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000008 len=60\n"
      "a 1 [0] 3.000010: skb:kfree_skb: skbaddr=0xffff880000000008 protocol=2048 location=ip_rcv+0x1\n"
      "a 1 [0] 3.001001: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000007 len=60\n";
  static const int64_t expected[][2] = {{32000, 18000}, {0, 10000}, {0, 0}};
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, G_N_ELEMENTS(expected));
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_assert_cmpint(log_text_drop(log, i)->rx_before_ns, ==, expected[i][0]);
    g_assert_cmpint(log_text_drop(log, i)->rx_after_ns, ==, expected[i][1]);
  }
}

/* A fragment lies in its queue for 30 seconds: nobody else has its address meanwhile. */
static void test_given_up(void)
{
  static const char text[] =
      "a 1 [0] 1.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000001 len=60\n"
      "a 1 [0] 31.000000: skb:kfree_skb: skbaddr=0xffff880000000001 protocol=2048 location=ip_expire+0x37/0x170\n"
      "a 1 [0] 40.000000: net:netif_receive_skb: dev=eth0 skbaddr=0xffff880000000001 len=60\n"
      "a 1 [0] 70.000000: skb:kfree_skb: skbaddr=0xffff880000000001 protocol=2048 location=ip_rcv+0x37/0x170\n";
  g_autoptr(LogText) log = log_text(text, "perf script", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpint(log_text_drop(log, 0)->rx_time_ns, ==, DC_NS_PER_S);
  g_assert_cmpint(log_text_drop(log, 1)->rx_time_ns, ==, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-perf/stacks", test_stacks);
  g_test_add_func("/drop-log-perf/receptions", test_receptions);
  g_test_add_func("/drop-log-perf/forms", test_forms);
  g_test_add_func("/drop-log-perf/cut-line", test_cut_line);
  g_test_add_func("/drop-log-perf/reused-addresses", test_reused_addresses);
  g_test_add_func("/drop-log-perf/backlog", test_backlog);
  g_test_add_func("/drop-log-perf/rivals", test_rivals);
  g_test_add_func("/drop-log-perf/given-up", test_given_up);
  return g_test_run();
}
