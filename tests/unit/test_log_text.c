#include "../../src/source/log_text.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/decode/packet.h"

#include <glib.h>

static void assert_cleaned(const char *line, const char *expected)
{
  g_autofree char *copy = g_strdup(line);
  const size_t len = dc_text_clean_line(copy, strlen(copy));
  copy[len] = '\0';
  g_assert_cmpstr(copy, ==, expected);
}

static void test_clean_line(void)
{
  assert_cleaned("plain", "plain");
  assert_cleaned("  blanks before stay, behind go \t ", "  blanks before stay, behind go");
  assert_cleaned("\x1b[1;31mred\x1b[0m \x1b[38;5;12mblue", "red blue");
  assert_cleaned("\x1b]0;title\a$ x", "$ x");
  assert_cleaned("\x1b]2;title\x1b\\$ x", "$ x");
  assert_cleaned("\x1b(Bx\x1b=y", "xy");
  assert_cleaned("progress 10%\rprogress 99%\rdone", "done");
  assert_cleaned("kept\r", "kept");
  assert_cleaned("abx\bc\b\b\bnew", "new");
  assert_cleaned("\b\bx", "x");
  assert_cleaned("bell\a and nul-less\x01\x7f", "bell and nul-less");
  assert_cleaned("\xef\xbb\xbf{\"a\":1}", "{\"a\":1}");
  assert_cleaned("Z\xc3\xbcrich", "Z\xc3\xbcrich");
  assert_cleaned("\x1b[31", "");
  assert_cleaned("\x1b", "");
  assert_cleaned("\x1b]never ends", "");
}

static void test_numbers(void)
{
  uint64_t value;
  DcText text = dc_text("18446744073709551615x", 21);
  g_assert_true(dc_text_uint(&text, UINT64_MAX, &value) && value == UINT64_MAX && dc_text_is(text, "x"));
  static const char *const bad[] = {"18446744073709551616", "99999999999999999999999", "", "x", "-1", " 1"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    text = dc_text(bad[i], strlen(bad[i]));
    g_assert_false(dc_text_uint(&text, UINT64_MAX, &value));
    g_assert_cmpuint(text.len, ==, strlen(bad[i]));
  }
  text = dc_text("300", 3);
  g_assert_false(dc_text_uint(&text, 255, &value));
  text = dc_text("0xffffffffffffffff+", 19);
  g_assert_true(dc_text_hex(&text, &value) && value == UINT64_MAX && dc_text_is(text, "+"));
  text = dc_text("0x11111111111111111", 19); /* 17 digits */
  g_assert_false(dc_text_hex(&text, &value));
  text = dc_text("0x", 2);
  g_assert_false(dc_text_hex(&text, &value));
  text = dc_text("cf)", 3);
  g_assert_true(dc_text_hex(&text, &value) && value == 0xcf);
}

static void test_times(void)
{
  int64_t ns;
  DcText text = dc_text("330543.363561:", 14);
  g_assert_true(dc_text_seconds(&text, &ns) && ns == INT64_C(330543363561000) && dc_text_is(text, ":"));
  text = dc_text("1.1234567899", 12); /* tenths of nanoseconds are read over */
  g_assert_true(dc_text_seconds(&text, &ns) && ns == INT64_C(1123456789) && text.len == 0);
  static const char *const bad[] = {"330543", "330543.", ".5", "99999999999.5", "1.x"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    text = dc_text(bad[i], strlen(bad[i]));
    g_assert_false(dc_text_seconds(&text, &ns));
  }
  text = dc_text("23:59:60", 8); /* a leap second */
  g_assert_true(dc_text_time_of_day(&text, &ns) && ns == 86400 * DC_NS_PER_S);
  text = dc_text("24:00:00", 8);
  g_assert_false(dc_text_time_of_day(&text, &ns));
  text = dc_text("2024-02-29T12:00:00.5 x", 23);
  g_assert_true(dc_text_date_time(&text, &ns) && ns == INT64_C(1709208000500000000) && dc_text_is(text, " x"));
  text = dc_text("2024-13-01 00:00:00", 19);
  g_assert_false(dc_text_date_time(&text, &ns));
}

/* Days by the C library and by the own formula. */
static void test_civil(void)
{
  int64_t ns;
  g_autoptr(GDateTime) day = g_date_time_new_utc(1970, 1, 1, 0, 0, 0);
  for (int i = 0; i < 40000; i++) {
    g_assert_true(
        dc_text_civil(g_date_time_get_year(day), g_date_time_get_month(day), g_date_time_get_day_of_month(day), &ns));
    g_assert_cmpint(ns, ==, g_date_time_to_unix(day) * DC_NS_PER_S);
    GDateTime *next = g_date_time_add_days(day, 1);
    g_date_time_unref(day);
    day = next;
  }
  g_assert_false(dc_text_civil(2024, 4, 31, &ns));
  g_assert_false(dc_text_civil(1969, 12, 31, &ns));
  g_assert_false(dc_text_civil(2101, 1, 1, &ns));
}

static void test_addresses(void)
{
  DcAddr addr;
  uint16_t port;
  char text[DC_ADDR_TEXT_MAX];
  static const struct {
    const char *text, *addr;
    uint16_t port;
  } good[] = {{"10.0.0.1:80", "10.0.0.1", 80},
              {"fd00::1:443", "fd00::1", 443},
              {"[fd00::1]:0", "fd00::1", 0},
              {"::ffff:10.9.0.2:8089", "10.9.0.2", 8089},
              {":::1", "::", 1}};
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
    g_assert_true(dc_text_endpoint(dc_text(good[i].text, strlen(good[i].text)), &addr, &port));
    g_assert_cmpstr(dc_addr_format(&addr, text), ==, good[i].addr);
    g_assert_cmpuint(port, ==, good[i].port);
  }
  static const char *const bad[] = {"10.0.0.1",
                                    "10.0.0.1:",
                                    "10.0.0.1:65536",
                                    ":80",
                                    "x:80",
                                    "10.0.0.1:8x",
                                    "",
                                    "1111111111111111111111111111111111111111111111111111:1"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(dc_text_endpoint(dc_text(bad[i], strlen(bad[i])), &addr, &port));
}

static void test_words(void)
{
  DcText rest = dc_text("  one  two\tthree ", 17), word;
  g_assert_true(dc_text_word(&rest, &word) && dc_text_is(word, "one"));
  g_assert_true(dc_text_last_word(&rest, &word) && dc_text_is(word, "three"));
  g_assert_true(dc_text_last_word(&rest, &word) && dc_text_is(word, "two"));
  g_assert_false(dc_text_last_word(&rest, &word));
  g_assert_false(dc_text_word(&rest, &word));
  g_assert_cmpuint(dc_text_find(dc_text("abc", 3), "c"), ==, 2);
  g_assert_cmpuint(dc_text_find(dc_text("abc", 3), "d"), ==, SIZE_MAX);
  g_assert_cmpuint(dc_text_find(dc_text(NULL, 0), "d"), ==, SIZE_MAX);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/log-text/clean-line", test_clean_line);
  g_test_add_func("/log-text/numbers", test_numbers);
  g_test_add_func("/log-text/times", test_times);
  g_test_add_func("/log-text/civil", test_civil);
  g_test_add_func("/log-text/addresses", test_addresses);
  g_test_add_func("/log-text/words", test_words);
  return g_test_run();
}
