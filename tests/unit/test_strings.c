#include "dropcorr/base/strings.h"

#include <glib.h>
#include <string.h>

static const char *add(DcStrings *strings, const char *text)
{
  return dc_strings_add(strings, text, strlen(text));
}

static void test_same_pointer(void)
{
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  const char *first = add(strings, "tcp_v4_rcv");
  g_assert_cmpstr(first, ==, "tcp_v4_rcv");
  g_assert_true(add(strings, "tcp_v4_rcv") == first);
  g_assert_true(dc_strings_add(strings, "tcp_v4_rcv+0x81", 10) == first);
  g_assert_true(dc_strings_add(strings, "tcp_v4_rcv", 1000) == first); /* a NUL ends it */
  g_assert_true(add(strings, "tcp_v4") != first);
  g_assert_cmpstr(add(strings, ""), ==, "");
  g_assert_null(dc_strings_add(strings, NULL, 5));
}

/* Growing the table must neither move nor lose a string. */
static void test_growth(void)
{
  enum { COUNT = 20000 };
  g_autoptr(DcStrings) strings = dc_strings_new(COUNT);
  const char **kept = g_new(const char *, COUNT);
  for (int i = 0; i < COUNT; i++) {
    g_autofree char *text = g_strdup_printf("symbol_%d", i);
    kept[i] = add(strings, text);
  }
  for (int i = 0; i < COUNT; i++) {
    g_autofree char *text = g_strdup_printf("symbol_%d", i);
    g_assert_cmpstr(kept[i], ==, text);
    g_assert_true(add(strings, text) == kept[i]);
  }
  g_free(kept);
}

static void test_limit(void)
{
  g_autoptr(DcStrings) strings = dc_strings_new(2);
  const char *a = add(strings, "a");
  add(strings, "b");
  g_assert_cmpstr(add(strings, "c"), ==, DC_STRINGS_OVERFLOW);
  g_assert_cmpstr(add(strings, "d"), ==, DC_STRINGS_OVERFLOW);
  g_assert_true(add(strings, "a") == a); /* those that are in stay */
  g_autofree char *longest = g_strnfill(100000, 'x');
  g_autoptr(DcStrings) others = dc_strings_new(1);
  g_assert_cmpuint(strlen(add(others, longest)), ==, DC_STRINGS_LENGTH_MAX);
}

/* Interned text goes to terminals and into JSON. */
static void test_printable(void)
{
  static const struct {
    const char *text, *kept;
  } cases[] = {
      {"a\x1b[31mred", "a?[31mred"},
      {"line\nline\r\t", "line?line??"},
      {"\x7f", "?"},
      {"stra\xc3\x9f"
       "e",
       "stra\xc3\x9f"
       "e"},                                   /* UTF-8 stays */
      {"bad\xc3", "bad?"},                     /* cut in the middle of a character */
      {"\xff\xfe", "??"},                      /* no UTF-8 at all */
      {"csi\xc2\x9b", "csi?"},                 /* C1 control character */
      {"right\xe2\x80\xaeleft", "right?left"}, /* right-to-left override */
      {"\xc0\x80", "??"},                      /* overlong NUL */
  };
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    const char *kept = add(strings, cases[i].text);
    g_assert_cmpstr(kept, ==, cases[i].kept);
    g_assert_true(g_utf8_validate(kept, -1, NULL));
    g_assert_true(add(strings, cases[i].text) == kept);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/strings/same-pointer", test_same_pointer);
  g_test_add_func("/strings/growth", test_growth);
  g_test_add_func("/strings/limit", test_limit);
  g_test_add_func("/strings/printable", test_printable);
  return g_test_run();
}
