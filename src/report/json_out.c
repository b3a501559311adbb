#include "dropcorr/report/json_out.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/report/escape.h"

#include <errno.h>
#include <string.h>

/* A frame line has about 500 bytes: one buffer holds a line, and a longer one goes out in pieces. */
#define BUFFER_SIZE 8192U
#define LINE_FEED '\n'

struct DcJsonOut {
  FILE *stream;
  char *name;
  unsigned indent;
  unsigned depth;
  uint64_t members; /* bit per depth: a member was written, a comma is due */
  bool after_key;
  int error_number; /* the first write error, 0 none */
  bool failed;
  size_t used;
  char buffer[BUFFER_SIZE];
};

DcJsonOut *dc_json_out_new(FILE *stream, const char *name, unsigned indent)
{
  DcJsonOut *json = g_new(DcJsonOut, 1);
  json->stream = stream;
  json->name = g_strdup(name != NULL ? name : "output");
  json->indent = indent;
  json->depth = 0;
  json->members = 0;
  json->after_key = false;
  json->error_number = 0;
  json->failed = false;
  json->used = 0;
  return json;
}

void dc_json_out_free(DcJsonOut *json)
{
  if (json == NULL)
    return;
  g_free(json->name);
  g_free(json);
}

static void fail(DcJsonOut *json)
{
  if (json->failed)
    return;
  json->failed = true;
  json->error_number = errno;
}

static void hand_over(DcJsonOut *json)
{
  if (json->used > 0 && !json->failed) {
    errno = 0;
    if (fwrite(json->buffer, 1, json->used, json->stream) != json->used)
      fail(json);
  }
  json->used = 0;
}

/* Room for n bytes at the returned place; the caller adds what it wrote to `used`. n is at
 * most BUFFER_SIZE. */
static inline char *room(DcJsonOut *json, size_t n)
{
  if (G_UNLIKELY(BUFFER_SIZE - json->used < n))
    hand_over(json);
  return json->buffer + json->used;
}

static inline void put_char(DcJsonOut *json, char c)
{
  *room(json, 1) = c;
  json->used++;
}

static inline void put_bytes(DcJsonOut *json, const char *bytes, size_t n)
{
  while (G_UNLIKELY(n > BUFFER_SIZE)) {
    memcpy(room(json, BUFFER_SIZE), bytes, BUFFER_SIZE);
    json->used += BUFFER_SIZE;
    bytes += BUFFER_SIZE;
    n -= BUFFER_SIZE;
  }
  memcpy(room(json, n), bytes, n);
  json->used += n;
}

static void new_line(DcJsonOut *json)
{
  put_char(json, LINE_FEED);
  for (unsigned i = 0; i < json->depth * json->indent; i++)
    put_char(json, ' ');
}

/* Before a value or a key: the comma, and in indented form the line. */
static inline void separate(DcJsonOut *json)
{
  if (json->after_key) {
    json->after_key = false;
    return;
  }
  const uint64_t bit = UINT64_C(1) << json->depth;
  if (json->members & bit)
    put_char(json, ',');
  json->members |= bit;
  if (json->indent > 0 && json->depth > 0)
    new_line(json);
}

static void begin(DcJsonOut *json, char bracket)
{
  g_return_if_fail(json->depth < DC_JSON_DEPTH_MAX);
  separate(json);
  put_char(json, bracket);
  json->depth++;
  json->members &= ~(UINT64_C(1) << json->depth);
}

static void end(DcJsonOut *json, char bracket)
{
  g_return_if_fail(json->depth > 0);
  const bool any = (json->members & UINT64_C(1) << json->depth) != 0;
  json->depth--;
  if (any && json->indent > 0)
    new_line(json);
  put_char(json, bracket);
}

void dc_json_out_begin_object(DcJsonOut *json)
{
  begin(json, '{');
}

void dc_json_out_end_object(DcJsonOut *json)
{
  end(json, '}');
}

void dc_json_out_begin_array(DcJsonOut *json)
{
  begin(json, '[');
}

void dc_json_out_end_array(DcJsonOut *json)
{
  end(json, ']');
}

void dc_json_out_key_len(DcJsonOut *json, const char *key, size_t len)
{
  separate(json);
  put_char(json, '"');
  put_bytes(json, key, len);
  put_bytes(json, "\": ", json->indent > 0 ? 3 : 2);
  json->after_key = true;
}

/* Needs neither escape nor a look at its neighbours. */
static inline bool is_plain(uint8_t byte)
{
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static const char DIGITS[] = "0123456789abcdef";

static void put_unit(DcJsonOut *json, uint32_t unit)
{
  char *at = room(json, 6);
  memcpy(at, "\\u", 2);
  for (int i = 0; i < 4; i++)
    at[2 + i] = DIGITS[unit >> (12 - 4 * i) & 0xf];
  json->used += 6;
}

/* RFC 8259, section 7: beyond the basic plane a surrogate pair. */
static void put_escaped(DcJsonOut *json, uint32_t character)
{
  if (character < 0x10000) {
    put_unit(json, character);
    return;
  }
  put_unit(json, 0xd800 + ((character - 0x10000) >> 10));
  put_unit(json, 0xdc00 + ((character - 0x10000) & 0x3ff));
}

static void put_character(DcJsonOut *json, const char *text, size_t n, uint32_t character)
{
  switch (character) {
  case '"':
    put_bytes(json, "\\\"", 2);
    return;
  case '\\':
    put_bytes(json, "\\\\", 2);
    return;
  case '\n':
    put_bytes(json, "\\n", 2);
    return;
  case '\r':
    put_bytes(json, "\\r", 2);
    return;
  case '\t':
    put_bytes(json, "\\t", 2);
    return;
  case DC_UTF8_INVALID:
    put_bytes(json, "\xef\xbf\xbd", 3);
    return;
  default:
    break;
  }
  if (character < 0x20 || character == 0x7f || character == 0x2028 || character == 0x2029 ||
      (character >= 0x80 && !g_unichar_isprint(character)))
    put_escaped(json, character);
  else
    put_bytes(json, text, n);
}

void dc_json_out_string_len(DcJsonOut *json, const char *text, size_t len)
{
  separate(json);
  put_char(json, '"');
  for (size_t at = 0; at < len;) {
    size_t plain = at;
    while (plain < len && is_plain((uint8_t)text[plain]))
      plain++;
    if (plain > at) {
      put_bytes(json, text + at, plain - at);
      at = plain;
      continue;
    }
    uint32_t character;
    const size_t n = dc_utf8_decode(text + at, len - at, &character);
    put_character(json, text + at, n, character);
    at += n;
  }
  put_char(json, '"');
}

void dc_json_out_string(DcJsonOut *json, const char *text)
{
  if (text == NULL)
    dc_json_out_null(json);
  else
    dc_json_out_string_len(json, text, strlen(text));
}

void dc_json_out_word(DcJsonOut *json, const char *word)
{
  separate(json);
  put_char(json, '"');
  put_bytes(json, word, strlen(word));
  put_char(json, '"');
}

static const char PAIRS[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* The digits of value, ending before `end`: where they begin. */
static inline char *digits_before(char *last, uint64_t value)
{
  while (value >= 100) {
    last -= 2;
    memcpy(last, PAIRS + value % 100 * 2, 2);
    value /= 100;
  }
  if (value >= 10) {
    last -= 2;
    memcpy(last, PAIRS + value * 2, 2);
  } else {
    *--last = (char)('0' + value);
  }
  return last;
}

static inline void put_uint(DcJsonOut *json, uint64_t value)
{
  char text[20];
  const char *from = digits_before(text + sizeof text, value);
  put_bytes(json, from, (size_t)(text + sizeof text - from));
}

void dc_json_out_uint(DcJsonOut *json, uint64_t value)
{
  separate(json);
  put_uint(json, value);
}

void dc_json_out_int(DcJsonOut *json, int64_t value)
{
  separate(json);
  if (value < 0)
    put_char(json, '-');
  put_uint(json, value < 0 ? -(uint64_t)value : (uint64_t)value); /* INT64_MIN has no negative */
}

void dc_json_out_bool(DcJsonOut *json, bool value)
{
  separate(json);
  if (value)
    put_bytes(json, "true", 4);
  else
    put_bytes(json, "false", 5);
}

void dc_json_out_null(DcJsonOut *json)
{
  separate(json);
  put_bytes(json, "null", 4);
}

void dc_json_out_time(DcJsonOut *json, int64_t time_ns)
{
  const uint64_t magnitude = time_ns < 0 ? -(uint64_t)time_ns : (uint64_t)time_ns;
  const uint64_t ns_per_s = (uint64_t)DC_NS_PER_S;
  separate(json);
  char text[34]; /* '"' '-' 11 digits '.' 9 digits '"' fit */
  char *last = text + sizeof text;
  *--last = '"';
  uint64_t fraction = magnitude % ns_per_s;
  for (int i = 0; i < 9; i++) {
    *--last = (char)('0' + fraction % 10);
    fraction /= 10;
  }
  *--last = '.';
  last = digits_before(last, magnitude / ns_per_s);
  if (time_ns < 0)
    *--last = '-';
  *--last = '"';
  put_bytes(json, last, (size_t)(text + sizeof text - last));
}

void dc_json_out_hex(DcJsonOut *json, uint64_t value, int digits)
{
  separate(json);
  char text[20];
  char *last = text + sizeof text;
  *--last = '"';
  int written = 0;
  do {
    *--last = DIGITS[value & 0xf];
    value >>= 4;
    written++;
  } while (value != 0 || (written < digits && written < 16));
  *--last = 'x';
  *--last = '0';
  put_char(json, '"');
  put_bytes(json, last, (size_t)(text + sizeof text - last));
}

void dc_json_out_addr(DcJsonOut *json, const DcAddr *addr)
{
  if (addr->version != 4) {
    char text[DC_ADDR_TEXT_MAX];
    dc_json_out_word(json, dc_addr_format(addr, text));
    return;
  }
  separate(json);
  char text[17];
  char *last = text + sizeof text;
  *--last = '"';
  for (int i = 3; i >= 0; i--) {
    last = digits_before(last, addr->bytes[i]);
    if (i > 0)
      *--last = '.';
  }
  *--last = '"';
  put_bytes(json, last, (size_t)(text + sizeof text - last));
}

void dc_json_out_mac(DcJsonOut *json, const uint8_t mac[static 6])
{
  static const char UPPER[] = "0123456789ABCDEF";
  separate(json);
  char text[19];
  char *at = text;
  *at++ = '"';
  for (int i = 0; i < 6; i++) {
    if (i > 0)
      *at++ = '-';
    *at++ = UPPER[mac[i] >> 4];
    *at++ = UPPER[mac[i] & 0xf];
  }
  *at++ = '"';
  put_bytes(json, text, sizeof text);
}

static bool report_failure(const DcJsonOut *json, GError **error)
{
  if (!json->failed)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: cannot write: %s; what was written is incomplete", json->name,
              json->error_number != 0 ? g_strerror(json->error_number) : "unknown error");
  return false;
}

bool dc_json_out_end_line(DcJsonOut *json, GError **error)
{
  put_char(json, LINE_FEED);
  json->members &= ~UINT64_C(1); /* the next line is a value of its own */
  hand_over(json);
  return report_failure(json, error);
}

bool dc_json_out_flush(DcJsonOut *json, GError **error)
{
  hand_over(json);
  errno = 0;
  if (!json->failed && (fflush(json->stream) != 0 || ferror(json->stream)))
    fail(json);
  return report_failure(json, error);
}
