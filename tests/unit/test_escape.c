#include "dropcorr/report/escape.h"

#include <string.h>

typedef void (*Escape)(GString *out, const char *text, ssize_t len);

static void assert_escape(Escape escape, const char *text, ssize_t len, const char *expected)
{
  g_autoptr(GString) out = g_string_new("[");
  escape(out, text, len);
  g_string_append_c(out, ']');
  g_autofree char *framed = g_strdup_printf("[%s]", expected);
  g_assert_cmpstr(out->str, ==, framed);
}

static void test_terminal_hostile(void)
{
  assert_escape(dc_escape_terminal, "plain text, /path/to_it [x]", -1, "plain text, /path/to_it [x]");
  /* clear screen, set title, an 8-bit CSI, backspaces over the verdict */
  assert_escape(dc_escape_terminal, "\x1b[2J\x1b]0;owned\x07", -1, "\\x1b[2J\\x1b]0;owned\\x07");
  assert_escape(dc_escape_terminal,
                "a\x9b"
                "31mb",
                -1, "a\\x9b31mb");
  assert_escape(dc_escape_terminal, "certain\b\b\b\b\b\b\bnothing", -1,
                "certain\\x08\\x08\\x08\\x08\\x08\\x08\\x08nothing");
  assert_escape(dc_escape_terminal, "one\ntwo\r\n\tthree\x7f", -1, "one\\ntwo\\r\\n\\tthree\\x7f");
  assert_escape(dc_escape_terminal, "a\0b", 3, "a\\x00b");
  assert_escape(dc_escape_terminal, NULL, -1, "");
  assert_escape(dc_escape_terminal, NULL, 7, "");
}

static void test_terminal_unicode(void)
{
  assert_escape(dc_escape_terminal, "Zürich 交換機", -1, "Zürich 交換機");
  assert_escape(dc_escape_terminal,
                "\xe2\x80\xae"
                "gpj.exe",
                -1, "\\u{202e}gpj.exe");
  assert_escape(dc_escape_terminal,
                "eth\xe2\x80\x8b"
                "0",
                -1, "eth\\u{200b}0");
  assert_escape(dc_escape_terminal, "\xc2\x9b[0m", -1, "\\u{9b}[0m"); /* CSI as a character */
  assert_escape(dc_escape_terminal, "a\xe2\x80\xa8z", -1, "a\\u{2028}z");
  assert_escape(dc_escape_terminal, "\xf3\xa0\x81\x81", -1, "\\u{e0041}"); /* a tag character */
  assert_escape(dc_escape_terminal, "\xef\xbb\xbf", -1, "\\u{feff}");
}

static void test_terminal_invalid(void)
{
  assert_escape(dc_escape_terminal, "\xff\xfe", -1, "\\xff\\xfe");
  assert_escape(dc_escape_terminal, "\xc0\xaf", -1, "\\xc0\\xaf");                   /* overlong '/' */
  assert_escape(dc_escape_terminal, "\xed\xa0\x80", -1, "\\xed\\xa0\\x80");          /* surrogate */
  assert_escape(dc_escape_terminal, "\xf4\x90\x80\x80", -1, "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
  assert_escape(dc_escape_terminal, "x\xe4\xba", -1, "x\\xe4\\xba");                 /* cut at the end */
  assert_escape(dc_escape_terminal, "\xe4\xba\xa4", 2, "\\xe4\\xba");                /* cut by the length */
}

/* Whatever goes in: what comes out is valid UTF-8 without a control character. */
static void test_terminal_any(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(20261120);
  for (int round = 0; round < 20000; round++) {
    char text[24];
    const int len = g_rand_int_range(random, 0, sizeof text + 1);
    for (int i = 0; i < len; i++)
      text[i] =
          (char)(g_rand_boolean(random) ? g_rand_int_range(random, 0x80, 0x100) : g_rand_int_range(random, 0, 256));
    g_autoptr(GString) out = g_string_new(NULL);
    dc_escape_terminal(out, text, len);
    g_assert_true(g_utf8_validate(out->str, (gssize)out->len, NULL));
    for (const char *at = out->str; *at != '\0'; at = g_utf8_next_char(at))
      g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
  }
}

/* GLib decides the same of what is a character, and which. */
static void test_decode_against_glib(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  for (int round = 0; round < 200000; round++) {
    char text[4];
    const uint32_t bits = g_rand_int(random);
    const size_t len = 1 + (round & 3);
    for (size_t i = 0; i < sizeof text; i++)
      text[i] = (char)(bits >> (8 * i));
    if (round & 4)
      for (size_t i = 1; i < sizeof text; i++)
        text[i] = (char)(0x80 | (text[i] & 0x3f));
    uint32_t character;
    const size_t n = dc_utf8_decode(text, len, &character);
    const gunichar theirs = g_utf8_get_char_validated(text, (gssize)len);
    if (theirs == (gunichar)-1 || theirs == (gunichar)-2) {
      /* GLib calls a NUL in a text given by length invalid; to us it is a character. */
      g_assert_true(text[0] == '\0' || character == DC_UTF8_INVALID);
      g_assert_cmpuint(n, ==, 1);
    } else {
      g_assert_cmpuint(character, ==, theirs);
      g_assert_cmpuint(n, ==, (size_t)(g_utf8_next_char(text) - text));
    }
  }
}

static void test_columns(void)
{
  g_assert_cmpint(dc_utf8_columns('a'), ==, 1);
  g_assert_cmpint(dc_utf8_columns(0xe9), ==, 1);
  g_assert_cmpint(dc_utf8_columns(0x301), ==, 0);  /* combining acute */
  g_assert_cmpint(dc_utf8_columns(0x4ea4), ==, 2); /* Han */
}

static void test_html(void)
{
  assert_escape(dc_escape_html, "<script>alert('x')</script>", -1, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
  assert_escape(dc_escape_html, "\" onload=\"x", -1, "&quot; onload=&quot;x");
  assert_escape(dc_escape_html, "a&amp;b", -1, "a&amp;amp;b");
  assert_escape(dc_escape_html, "\x1b\n\xff", -1, "\\x1b\\n\\xff");
  assert_escape(dc_escape_html, "Zürich", -1, "Zürich");
}

static void test_markdown(void)
{
  assert_escape(dc_escape_markdown, "UDP port 5001: buffer full (17 of 20)", -1,
                "UDP port 5001: buffer full (17 of 20)");
  assert_escape(dc_escape_markdown, "rx_dropped", -1, "`rx_dropped`");
  assert_escape(dc_escape_markdown, "<img src=x onerror=y>", -1, "`<img src=x onerror=y>`");
  assert_escape(dc_escape_markdown, "[a](http://x)", -1, "`[a](http://x)`");
  assert_escape(dc_escape_markdown, "see http://evil", -1, "`see http://evil`");
  assert_escape(dc_escape_markdown, "see www.evil.example", -1, "`see www.evil.example`");
  assert_escape(dc_escape_markdown, "@root look", -1, "`@root look`");
  assert_escape(dc_escape_markdown, "a `code` b", -1, "``a `code` b``");
  assert_escape(dc_escape_markdown, "`", -1, "`` ` ``");
  assert_escape(dc_escape_markdown, "a\n# title", -1, "`a\\n# title`");
  assert_escape(dc_escape_markdown, "", -1, "");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/escape/terminal/hostile", test_terminal_hostile);
  g_test_add_func("/escape/terminal/unicode", test_terminal_unicode);
  g_test_add_func("/escape/terminal/invalid", test_terminal_invalid);
  g_test_add_func("/escape/terminal/any", test_terminal_any);
  g_test_add_func("/escape/decode/glib", test_decode_against_glib);
  g_test_add_func("/escape/columns", test_columns);
  g_test_add_func("/escape/html", test_html);
  g_test_add_func("/escape/markdown", test_markdown);
  return g_test_run();
}
