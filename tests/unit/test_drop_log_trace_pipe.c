#include "drop_log_text.h"

#define FORMAT "ftrace text (trace_pipe, trace-cmd report)"

static LogText *golden(const char *name)
{
  g_autofree char *path = g_build_filename(GOLDEN_DIR, name, "trace_pipe.txt", NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  g_file_get_contents(path, &text, NULL, &error);
  g_assert_no_error(error);
  return log_text(text, FORMAT, DC_LOG_CLOCK_MONOTONIC);
}

/* Before 5.12 pointers are printed as they are, without 0x. */
static void test_bare_addresses(void)
{
  g_autoptr(LogText) log = golden("lab-5.10");
  g_assert_cmpuint(log->drops->len, >, 50);
  g_assert_cmpuint(log->skipped, ==, 0);
  const DcDrop *drop = log_text_drop(log, 0);
  g_assert_cmphex(drop->pc, ==, 0xffffffff9760082a);
  g_assert_cmphex(drop->skb, ==, 0xffff8bdd81268a00);
  g_assert_null(drop->symbol);
  g_assert_null(drop->reason);
  g_assert_cmpint(drop->protocol, ==, 0);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(7060469000));
}

/* With the symbols of that boot they have names. */
static void test_bare_addresses_resolved(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *symbols = g_build_filename(GOLDEN_DIR, "lab-5.10", "context", "kallsyms", NULL);
  g_autoptr(DcKallsyms) kallsyms = dc_kallsyms_load(symbols, &error);
  g_assert_no_error(error);
  g_autofree char *path = g_build_filename(GOLDEN_DIR, "lab-5.10", "trace_pipe.txt", NULL);
  g_autofree char *text = NULL;
  g_file_get_contents(path, &text, NULL, &error);
  g_assert_no_error(error);
  g_autoptr(LogText) log = log_text_try(text, strlen(text), kallsyms);
  guint named = 0, packets = 0, rule = 0;
  for (guint i = 0; i < log->drops->len; i++) {
    const DcDrop *drop = log_text_drop(log, i);
    packets += drop->protocol > 0;
    named += drop->protocol > 0 && drop->symbol != NULL;
    rule += g_strcmp0(drop->symbol, "nf_hook_slow") == 0;
  }
  g_assert_cmpuint(named, ==, packets);
  g_assert_cmpuint(rule, >=, 5);
}

/* From then on they are hashed: they tell packets apart, but are no addresses. */
static void test_hashes(void)
{
  g_autoptr(LogText) log = golden("lab-6.1");
  g_assert_cmpuint(log->drops->len, >, 50);
  g_assert_cmpuint(log->skipped, ==, 0);
  guint joined = 0, packets = 0;
  for (guint i = 0; i < log->drops->len; i++) {
    const DcDrop *drop = log_text_drop(log, i);
    g_assert_cmphex(drop->pc, ==, 0);
    g_assert_null(drop->symbol);
    g_assert_nonnull(drop->reason);
    g_assert_cmphex(drop->skb, !=, 0);
    g_assert_cmphex(drop->skb >> 32, ==, 0);
    packets += drop->protocol > 0;
    joined += drop->rx_time_ns != 0;
    if (drop->rx_time_ns != 0) {
      g_assert_cmpint(drop->rx_time_ns, <=, drop->time_ns);
      g_assert_cmpstr(drop->rx_ifname, ==, "eth0");
      g_assert_cmpuint(drop->rx_len, >, 0);
    }
  }
  g_assert_cmpuint(joined, >, packets * 3 / 4);
}

/* From 6.8 on locations have names. */
static void test_symbols(void)
{
  g_autoptr(LogText) log = golden("lab-6.12");
  g_assert_cmpuint(log->skipped, ==, 0);
  bool found = false;
  for (guint i = 0; i < log->drops->len; i++) {
    const DcDrop *drop = log_text_drop(log, i);
    g_assert_nonnull(drop->symbol);
    if (g_strcmp0(drop->module, "nf_tables") == 0) {
      found = true;
      g_assert_cmpstr(drop->symbol, ==, "nft_do_chain");
      g_assert_cmpstr(drop->reason, ==, "NETFILTER_DROP");
    }
  }
  g_assert_true(found);
  g_autoptr(LogText) other = golden("lab-trace");
  g_assert_cmpuint(other->drops->len, >, 10);
}

static void test_trace_cmd(void)
{
  g_autofree char *text = log_text_sample("trace-cmd.txt");
  g_autoptr(LogText) log = log_text(text, FORMAT, DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, >, 5);
  g_assert_cmpuint(log->skipped, ==, 0);
  for (guint i = 0; i < log->drops->len; i++) {
    const DcDrop *drop = log_text_drop(log, i);
    g_assert_nonnull(drop->reason);
    g_assert_true(drop->symbol != NULL || drop->pc != 0);
  }
  check_terminal_leftovers(text);
  check_damaged(text, 50);
}

static void test_forms(void)
{
  static const char text[] =
      "# tracer: nop\n"
      "#\n"
      "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
      "          <idle>-0       [013] .Ns2. 176394.894120: kfree_skb: skbaddr=00000000b09a26bc protocol=2048 "
      "location=00000000751c2330 reason: TCP_INVALID_SEQUENCE\n"
      "          <idle>-0       [000] ..s1. 176395.113438: kfree_skb: skbaddr=(____ptrval____) protocol=2048 "
      "location=(____ptrval____) reason: NO_SOCKET\n"
      "CPU:3 [LOST 45 EVENTS]\n"
      "  Web Content: 2-883   [001] d.s1 176396.799805: kfree_skb: skbaddr=0xffff88811f6a7068 protocol=2048 "
      "location=nft_do_chain+0x47f/0x5e0 [nf_tables] reason: NETFILTER_DROP\n"
      "  Web Content: 2-883   [001] d.s1 176396.799806: <stack trace>\n"
      " => kfree_skb_reason\n"
      " => nft_do_chain\n"
      "       curl-883   (  883) [001] 176397.000001: kfree_skb:            skbaddr=0xffff88811f6a7068 protocol=2048 "
      "location=(nil) reason: NO_SOCKET\n"
      "       curl-883   (  883) [001] 176397.000002: <stack trace >\n"
      "=> kfree_skb (ffffffff815f0100)\n"
      "=> tcp_v4_rcv (ffffffff815f0197)\n"
      "       curl-883   (  883) [001] 176397.100000: sched_switch: prev=a: 1.5: kfree_skb: skbaddr=1 "
      "location=ip_rcv+0x1\n"
      "CPU:1 [12 EVENTS DROPPED]\n"
      "       curl-883   (  883) [001] 176398.000000: kfree_skb: skbaddr=0xffff88811f6a7068 protocol=2048\n";
  g_autoptr(LogText) log = log_text(text, FORMAT, DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 4);
  const DcDrop *drop = log_text_drop(log, 0);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(176394894120000));
  g_assert_cmphex(drop->skb, ==, 0xb09a26bc);
  g_assert_null(drop->symbol);
  g_assert_cmphex(drop->pc, ==, 0);
  g_assert_cmphex(log_text_drop(log, 1)->skb, ==, 0);
  assert_site(log_text_drop(log, 2), "nft_do_chain", 0x47f, "NETFILTER_DROP");
  drop = log_text_drop(log, 3);
  assert_site(drop, "tcp_v4_rcv", 0, "NO_SOCKET");
  g_assert_cmphex(drop->pc, ==, 0xffffffff815f0197);
  g_assert_cmpuint(log->losses->len, ==, 2);
  g_assert_cmpuint(g_array_index(log->losses, DcLoss, 0).count, ==, 45);
  g_assert_cmpint(g_array_index(log->losses, DcLoss, 0).to_ns, ==, INT64_C(176395113438000));
  g_assert_cmpuint(g_array_index(log->losses, DcLoss, 1).count, ==, 12);
  g_assert_cmpuint(log->skipped, ==, 1); /* without a location */
  check_robust(text);
}

/* A stack belongs to the event of its own task: on several CPUs others come in between. */
static void test_foreign_stack(void)
{
  static const char text[] =
      "  a-1 [001] d.s1. 1.000001: kfree_skb: skbaddr=00000000b09a26bc protocol=2048 location=00000000751c2330\n"
      "  b-2 [002] d.s1. 1.000002: <stack trace>\n"
      " => kfree_skb\n"
      " => udp_queue_rcv_one_skb\n"
      "  a-1 [001] d.s1. 1.000003: <stack trace>\n"
      " => kfree_skb\n"
      " => tcp_v4_rcv\n";
  g_autoptr(LogText) log = log_text(text, FORMAT, DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 1);
  assert_site(log_text_drop(log, 0), "tcp_v4_rcv", 0, NULL);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-trace/bare-addresses", test_bare_addresses);
  g_test_add_func("/drop-log-trace/bare-addresses-resolved", test_bare_addresses_resolved);
  g_test_add_func("/drop-log-trace/hashes", test_hashes);
  g_test_add_func("/drop-log-trace/symbols", test_symbols);
  g_test_add_func("/drop-log-trace/trace-cmd", test_trace_cmd);
  g_test_add_func("/drop-log-trace/forms", test_forms);
  g_test_add_func("/drop-log-trace/foreign-stack", test_foreign_stack);
  return g_test_run();
}
