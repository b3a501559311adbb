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

static void assert_refused(const char *text, size_t len, const char *word)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcStrings) strings = dc_strings_new(16);
  const DcDropLogOptions options = {0};
  g_assert_null(dc_drop_log_from_input(dc_input_from_bytes(text, len, "drops.txt"), &options, strings, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_FORMAT);
  if (strstr(error->message, word) == NULL)
    g_error("message lacks \"%s\": %s", word, error->message);
}

static void test_refused(void)
{
  assert_refused("some words\n", 11, "tried: NET_DM capture, dropcorr evidence file, dropwatch, perf script");
  assert_refused("some words\n", 11, "the file is text, but no line");
  assert_refused("\xff\xfe"
                 "0\0x\0",
                 6, "UTF-16");
  assert_refused("\x7f"
                 "ELF\x02\x01\x01\0\0\0",
                 10, "starts with bytes 7f 45 4c 46");
}

/* A long session before the log, and zeros behind it. */
static void test_surroundings(void)
{
  g_autoptr(GString) text = g_string_new(NULL);
  while (text->len < 100000)
    g_string_append(text, "root@host:~# cat /proc/cpuinfo\r\nprocessor : 0\r\n");
  g_string_append(text, "0x0004\n51 packets dropped at location 0xffffffff8024cd0f\n");
  g_string_append_len(text, "\0\0\0\0\0\0\0\0", 8);
  g_autoptr(LogText) log = log_text_try(text->str, text->len, NULL);
  g_assert_nonnull(log);
  g_assert_cmpstr(log->format, ==, FORMAT);
  g_assert_cmpuint(log->drops->len, ==, 2);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-stap/protocols", test_protocols);
  g_test_add_func("/drop-log-stap/dropwatch-script", test_dropwatch_script);
  g_test_add_func("/drop-log-stap/others", test_others);
  g_test_add_func("/drop-log-stap/refused", test_refused);
  g_test_add_func("/drop-log-stap/surroundings", test_surroundings);
  return g_test_run();
}
