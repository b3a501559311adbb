#include "log_text.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/decode/packet.h"

#include <glib.h>

/* Leaves room to add days and offsets to a time. */
#define SECONDS_MAX (UINT64_C(1) << 32)

size_t dc_text_find(DcText text, const char *literal)
{
  const char *at = text.len > 0 ? memmem(text.at, text.len, literal, strlen(literal)) : NULL;
  return at != NULL ? (size_t)(at - text.at) : SIZE_MAX;
}

bool dc_text_word(DcText *rest, DcText *ret_word)
{
  dc_text_skip_blanks(rest);
  size_t len = 0;
  while (len < rest->len && !dc_text_is_blank(rest->at[len]))
    len++;
  if (len == 0)
    return false;
  *ret_word = dc_text_until(*rest, len);
  *rest = dc_text_from(*rest, len);
  return true;
}

bool dc_text_last_word(DcText *rest, DcText *ret_word)
{
  const DcText trimmed = dc_text_trim(*rest);
  size_t begin = trimmed.len;
  while (begin > 0 && !dc_text_is_blank(trimmed.at[begin - 1]))
    begin--;
  if (begin == trimmed.len)
    return false;
  *ret_word = dc_text_from(trimmed, begin);
  *rest = dc_text_until(trimmed, begin);
  return true;
}

bool dc_text_uint(DcText *rest, uint64_t max, uint64_t *ret_value)
{
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < rest->len && dc_text_is_digit(rest->at[digits]); digits++) {
    const uint64_t digit = (uint64_t)(rest->at[digits] - '0');
    if (value > (UINT64_MAX - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  if (digits == 0 || value > max)
    return false;
  *ret_value = value;
  *rest = dc_text_from(*rest, digits);
  return true;
}

bool dc_text_whole_uint(DcText text, uint64_t max, uint64_t *ret_value)
{
  uint64_t value;
  if (!dc_text_uint(&text, max, &value) || text.len != 0)
    return false;
  *ret_value = value;
  return true;
}

bool dc_text_hex(DcText *rest, uint64_t *ret_value)
{
  DcText text = *rest;
  (void)dc_text_take(&text, "0x");
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < text.len && g_ascii_isxdigit(text.at[digits]); digits++) {
    if (digits == 16)
      return false;
    value = value << 4 | (uint64_t)g_ascii_xdigit_value(text.at[digits]);
  }
  if (digits == 0)
    return false;
  *ret_value = value;
  *rest = dc_text_from(text, digits);
  return true;
}

/* ".363561": up to nine digits count, further ones are read over. Without a point: 0. */
static int64_t take_fraction(DcText *rest)
{
  if (rest->len < 2 || rest->at[0] != '.' || !dc_text_is_digit(rest->at[1]))
    return 0;
  int64_t ns = 0, unit = DC_NS_PER_S / 10;
  size_t at = 1;
  for (; at < rest->len && dc_text_is_digit(rest->at[at]); at++) {
    ns += unit * (rest->at[at] - '0');
    unit /= 10;
  }
  *rest = dc_text_from(*rest, at);
  return ns;
}

bool dc_text_seconds(DcText *rest, int64_t *ret_ns)
{
  DcText text = *rest;
  uint64_t seconds;
  if (!dc_text_uint(&text, SECONDS_MAX, &seconds) || text.len < 2 || text.at[0] != '.' || !dc_text_is_digit(text.at[1]))
    return false;
  *ret_ns = (int64_t)seconds * DC_NS_PER_S + take_fraction(&text);
  *rest = text;
  return true;
}

bool dc_text_time_of_day(DcText *rest, int64_t *ret_ns)
{
  DcText text = *rest;
  uint64_t hours, minutes, seconds;
  if (!dc_text_uint(&text, 23, &hours) || !dc_text_take(&text, ":") || !dc_text_uint(&text, 59, &minutes) ||
      !dc_text_take(&text, ":") || !dc_text_uint(&text, 60, &seconds))
    return false;
  *ret_ns = (int64_t)(hours * 3600 + minutes * 60 + seconds) * DC_NS_PER_S + take_fraction(&text);
  *rest = text;
  return true;
}

/* Days since 1970 of a day of the Gregorian calendar, by eras of 400 years from a 1st of March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
  year -= month <= 2;
  const int64_t era = year / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

bool dc_text_civil(int year, int month, int day, int64_t *ret_ns)
{
  static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1970 || year > 2100 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1])
    return false;
  *ret_ns = days_of(year, month, day) * 86400 * DC_NS_PER_S;
  return true;
}

bool dc_text_date_time(DcText *rest, int64_t *ret_ns)
{
  DcText text = *rest;
  uint64_t year, month, day;
  int64_t date_ns, time_ns;
  if (!dc_text_uint(&text, 9999, &year) || !dc_text_take(&text, "-") || !dc_text_uint(&text, 12, &month) ||
      !dc_text_take(&text, "-") || !dc_text_uint(&text, 31, &day) ||
      (!dc_text_take(&text, "T") && !dc_text_take(&text, " ")) || !dc_text_time_of_day(&text, &time_ns) ||
      !dc_text_civil((int)year, (int)month, (int)day, &date_ns))
    return false;
  *ret_ns = date_ns + time_ns;
  *rest = text;
  return true;
}

bool dc_text_month(DcText word, int *ret_month)
{
  static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (int i = 0; i < 12; i++) {
    if (dc_text_is(word, names[i])) {
      *ret_month = i + 1;
      return true;
    }
  }
  return false;
}

bool dc_text_addr(DcText text, DcAddr *ret_addr)
{
  if (text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
    text = dc_text_until(dc_text_from(text, 1), text.len - 2);
  char copy[DC_ADDR_TEXT_MAX];
  if (text.len == 0 || text.len >= sizeof copy)
    return false;
  memcpy(copy, text.at, text.len);
  copy[text.len] = '\0';
  DcAddr addr;
  if (strlen(copy) != text.len || !dc_addr_parse(copy, &addr))
    return false;
  /* A socket for both versions calls an IPv4 peer ::ffff:10.0.0.1 (RFC 4291, 2.5.5.2). */
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  if (addr.version == 6 && memcmp(addr.bytes, mapped, sizeof mapped) == 0) {
    const DcAddr inner = {.version = 4, .bytes = {addr.bytes[12], addr.bytes[13], addr.bytes[14], addr.bytes[15]}};
    addr = inner;
  }
  *ret_addr = addr;
  return true;
}

bool dc_text_endpoint(DcText text, DcAddr *ret_addr, uint16_t *ret_port)
{
  size_t colon = text.len;
  while (colon > 0 && text.at[colon - 1] != ':')
    colon--;
  uint64_t port;
  DcAddr addr;
  if (colon == 0 || !dc_text_whole_uint(dc_text_from(text, colon), UINT16_MAX, &port) ||
      !dc_text_addr(dc_text_until(text, colon - 1), &addr))
    return false;
  *ret_addr = addr;
  *ret_port = (uint16_t)port;
  return true;
}

/* Bytes of the escape sequence at the beginning of text (ECMA-48): CSI ... final byte; OSC ... BEL or ESC \;
 * ESC and one byte. */
static size_t escape_len(const char *text, size_t len)
{
  if (len < 2)
    return len;
  size_t at = 2;
  if (text[1] == '[') {
    while (at < len && !(text[at] >= 0x40 && text[at] <= 0x7e))
      at++;
    return MIN(at + 1, len);
  }
  if (text[1] == ']') {
    while (at < len && text[at] != '\a' && text[at] != 0x1b)
      at++;
    if (at < len && text[at] == 0x1b)
      at++;
    return MIN(at + 1, len);
  }
  /* ESC ( B and its like name a character set in one byte more. */
  return text[1] == '(' || text[1] == ')' ? MIN((size_t)3, len) : 2;
}

size_t dc_text_clean_line(char *line, size_t len)
{
  size_t out = 0;
  bool returned = false;
  const size_t begin = len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
  for (size_t at = begin; at < len;) {
    const char c = line[at];
    if (c == 0x1b) {
      at += escape_len(line + at, len - at);
      continue;
    }
    at++;
    if (c == '\b') {
      if (out > 0)
        out--;
    } else if (c == '\r') {
      returned = true;
    } else if (c == '\t' || (unsigned char)c >= 0x20) {
      if (c == 0x7f)
        continue;
      if (returned) {
        out = 0;
        returned = false;
      }
      line[out++] = c;
    }
  }
  while (out > 0 && dc_text_is_blank(line[out - 1]))
    out--;
  return out;
}

bool dc_text_is_script_header(DcText line)
{
  return dc_text_begins(line, "Script started") || dc_text_begins(line, "Script done");
}
