#include "dropcorr/report/escape.h"

#include <stdbool.h>
#include <string.h>

/* RFC 3629, section 4: the second byte's range depends on the first, which is what
 * keeps out overlong forms, surrogates and anything above U+10FFFF. */
size_t dc_utf8_decode(const char *text, size_t len, uint32_t *ret_char)
{
  const uint8_t first = (uint8_t)text[0];
  if (first < 0x80) {
    *ret_char = first;
    return 1;
  }
  *ret_char = DC_UTF8_INVALID;
  size_t need = 0;
  uint8_t low = 0x80, high = 0xbf;
  uint32_t value = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    need = 2;
    value = first & 0x1fU;
  } else if (first >= 0xe0 && first <= 0xef) {
    need = 3;
    value = first & 0x0fU;
    low = first == 0xe0 ? 0xa0 : 0x80;
    high = first == 0xed ? 0x9f : 0xbf;
  } else if (first >= 0xf0 && first <= 0xf4) {
    need = 4;
    value = first & 0x07U;
    low = first == 0xf0 ? 0x90 : 0x80;
    high = first == 0xf4 ? 0x8f : 0xbf;
  }
  if (need == 0 || len < need)
    return 1;
  for (size_t i = 1; i < need; i++) {
    const uint8_t byte = (uint8_t)text[i];
    if (byte < low || byte > high)
      return 1;
    value = value << 6 | (byte & 0x3fU);
    low = 0x80;
    high = 0xbf;
  }
  *ret_char = value;
  return need;
}

int dc_utf8_columns(uint32_t character)
{
  if (character < 0x300)
    return 1;
  if (g_unichar_iszerowidth(character))
    return 0;
  return g_unichar_iswide(character) ? 2 : 1;
}

/* Format characters reorder or hide text (bidirectional overrides, zero width, tags);
 * GLib does not count them as printable. The two Unicode line breaks it does. */
static bool shows(uint32_t character)
{
  if (character < 0x80)
    return character >= 0x20 && character != 0x7f;
  return character != 0x2028 && character != 0x2029 && g_unichar_isprint(character);
}

static void append_visible(GString *out, const char *text, size_t n, uint32_t character)
{
  if (character == '\n')
    g_string_append(out, "\\n");
  else if (character == '\t')
    g_string_append(out, "\\t");
  else if (character == '\r')
    g_string_append(out, "\\r");
  else if (character == DC_UTF8_INVALID || character < 0x80)
    for (size_t i = 0; i < n; i++)
      g_string_append_printf(out, "\\x%02x", (unsigned)(uint8_t)text[i]);
  else
    g_string_append_printf(out, "\\u{%x}", (unsigned)character);
}

static size_t text_len(const char *text, ssize_t len)
{
  if (text == NULL)
    return 0;
  return len >= 0 ? (size_t)len : strlen(text);
}

/* What the character must be written as for the format, or NULL: as it is. */
typedef const char *(*Replacement)(uint32_t character);

static void escape(GString *out, const char *text, ssize_t len, Replacement replacement)
{
  const size_t total = text_len(text, len);
  for (size_t at = 0; at < total;) {
    uint32_t character;
    const size_t n = dc_utf8_decode(text + at, total - at, &character);
    const char *instead = replacement != NULL ? replacement(character) : NULL;
    if (instead != NULL)
      g_string_append(out, instead);
    else if (shows(character))
      g_string_append_len(out, text + at, (gssize)n);
    else
      append_visible(out, text + at, n, character);
    at += n;
  }
}

void dc_escape_terminal(GString *out, const char *text, ssize_t len)
{
  escape(out, text, len, NULL);
}

static const char *html_replacement(uint32_t character)
{
  switch (character) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&#39;";
  default:
    return NULL;
  }
}

void dc_escape_html(GString *out, const char *text, ssize_t len)
{
  escape(out, text, len, html_replacement);
}

/* Characters with no meaning to Markdown wherever they stand inside a line. '.' ')' '-' '+'
 * and '=' mean something only where a line begins, which this text never is; two
 * words joined by "://" or "www." would become links, so ':' before '/' is not plain. */
static bool plain_in_markdown(const char *text, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    const char c = text[i];
    if (!g_ascii_isalnum(c) && strchr(" ,.;:()/%+=?'\"-", c) == NULL)
      return false;
    if (c == ':' && i + 1 < len && text[i + 1] == '/')
      return false;
    if (c == '\0' || (c == 'w' && len - i >= 4 && memcmp(text + i, "www.", 4) == 0))
      return false;
  }
  return len > 0 && text[0] != ' ' && text[len - 1] != ' ';
}

void dc_escape_markdown(GString *out, const char *text, ssize_t len)
{
  const size_t total = text_len(text, len);
  if (total == 0)
    return;
  if (plain_in_markdown(text, total)) {
    g_string_append_len(out, text, (gssize)total);
    return;
  }
  g_autoptr(GString) safe = g_string_sized_new(total + 16);
  escape(safe, text, (ssize_t)total, NULL);
  /* CommonMark 6.1: a run of backticks longer than any inside delimits the span. */
  size_t longest = 0, run = 0;
  for (size_t i = 0; i < safe->len; i++) {
    run = safe->str[i] == '`' ? run + 1 : 0;
    longest = MAX(longest, run);
  }
  const bool pad = safe->len > 0 && (safe->str[0] == '`' || safe->str[safe->len - 1] == '`');
  for (size_t i = 0; i < longest + 1; i++)
    g_string_append_c(out, '`');
  if (pad)
    g_string_append_c(out, ' ');
  g_string_append_len(out, safe->str, (gssize)safe->len);
  if (pad)
    g_string_append_c(out, ' ');
  for (size_t i = 0; i < longest + 1; i++)
    g_string_append_c(out, '`');
}
