#include "drop_log_text.h"

#define FORMAT "SystemTap (protocols dropped in __netif_receive_skb_core, or dropwatch.stp)"

static void test_protocols(void)
{
  g_autofree char *text = log_text_sample("stap-protocol.txt");
  g_autoptr(LogText) log = log_text(text, FORMAT, DC_LOG_CLOCK_NONE);
  g_assert_cmpuint(log->drops->len, ==, 5);
  static const int32_t protocols[] = {4, 4, 0x88cc, 4, 0x88b5};
  for (guint i = 0; i < 5; i++) {
    const DcDrop *drop = log_text_drop(log, i);
    g_assert_cmpint(drop->protocol, ==, protocols[i]);
    g_assert_cmpint(drop->time_ns, ==, DC_TIME_NONE);
    assert_site(drop, "__netif_receive_skb_core", 0, NULL);
  }
  check_terminal_leftovers(text);
  check_damaged(text, 300);
}

static void test_dropwatch_script(void)
{
  g_autofree char *text = log_text_sample("stap-dropwatch.txt");
  g_autoptr(LogText) log = log_text(text, FORMAT, DC_LOG_CLOCK_NONE);
  g_assert_cmpuint(log->drops->len, ==, 3);
  g_assert_cmpuint(log->foreign, ==, 2);
  g_assert_cmpuint(log_text_drop(log, 0)->count, ==, 51);
  g_assert_cmphex(log_text_drop(log, 0)->pc, ==, 0xffffffff8024cd0f);
  assert_site(log_text_drop(log, 1), "arp_rcv", 0, NULL);
  check_robust(text);
}

/* Nearly one: text of no format names those that were tried, and no single hex number makes a log of one. */
static void test_others(void)
{
  static const char *const texts[] = {"0x12345\n", "0x\n", "packets dropped at x\n", "some words\n", "{\"a\":1}\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(LogText) log = log_text_try(texts[i], strlen(texts[i]), NULL);
    g_assert_null(log);
  }
  static const char mixed[] = "WARNING: something\n0x0004\nnot one\n0x00041\n";
  g_autoptr(LogText) log = log_text(mixed, FORMAT, DC_LOG_CLOCK_NONE);
  g_assert_cmpuint(log->drops->len, ==, 1);
  g_assert_cmpuint(log->foreign, ==, 3);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-stap/protocols", test_protocols);
  g_test_add_func("/drop-log-stap/dropwatch-script", test_dropwatch_script);
  g_test_add_func("/drop-log-stap/others", test_others);
  return g_test_run();
}
