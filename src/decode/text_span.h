/*
 * Pieces of a text that is neither NUL-terminated nor trusted. A span borrows its bytes; taking a
 * line, a word or a number off it never looks beyond its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  const char *at;
  size_t len;
} DcSpan;

static inline DcSpan dc_span(const char *text, size_t len)
{
  return (DcSpan){.at = text, .len = text != NULL ? len : 0};
}

static inline bool dc_is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

static inline bool dc_is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static inline DcSpan dc_span_from(DcSpan span, size_t n)
{
  n = n < span.len ? n : span.len;
  return (DcSpan){.at = span.at + n, .len = span.len - n};
}

static inline DcSpan dc_span_trim(DcSpan span)
{
  while (span.len > 0 && dc_is_space(span.at[0]))
    span = dc_span_from(span, 1);
  while (span.len > 0 && dc_is_space(span.at[span.len - 1]))
    span.len--;
  return span;
}

/* Takes the next line off rest, without its end (LF, CRLF). False at the end. */
static inline bool dc_span_line(DcSpan *rest, DcSpan *ret_line)
{
  if (rest->len == 0)
    return false;
  const char *end = memchr(rest->at, '\n', rest->len);
  DcSpan line = {.at = rest->at, .len = end != NULL ? (size_t)(end - rest->at) : rest->len};
  *rest = dc_span_from(*rest, line.len + (end != NULL));
  if (line.len > 0 && line.at[line.len - 1] == '\r')
    line.len--;
  *ret_line = line;
  return true;
}

/* Takes the next word off rest. False when only white space is left. */
static inline bool dc_span_word(DcSpan *rest, DcSpan *ret_word)
{
  size_t start = 0;
  while (start < rest->len && dc_is_space(rest->at[start]))
    start++;
  size_t end = start;
  while (end < rest->len && !dc_is_space(rest->at[end]))
    end++;
  if (end == start)
    return false;
  *ret_word = (DcSpan){.at = rest->at + start, .len = end - start};
  *rest = dc_span_from(*rest, end);
  return true;
}

/* Takes what stands before the first separator off rest, and the separator. False, and nothing taken, if
 * there is none. */
static inline bool dc_span_cut(DcSpan *rest, char separator, DcSpan *ret_before)
{
  const char *at = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
  if (at == NULL)
    return false;
  const size_t n = (size_t)(at - rest->at);
  *ret_before = (DcSpan){.at = rest->at, .len = n};
  *rest = dc_span_from(*rest, n + 1);
  return true;
}

/* The same at the last separator: ret_before gets the front, rest keeps what follows. */
static inline bool dc_span_cut_last(DcSpan *rest, char separator, DcSpan *ret_before)
{
  const char *at = rest->len > 0 ? memrchr(rest->at, separator, rest->len) : NULL;
  if (at == NULL)
    return false;
  const size_t n = (size_t)(at - rest->at);
  *ret_before = (DcSpan){.at = rest->at, .len = n};
  *rest = dc_span_from(*rest, n + 1);
  return true;
}

static inline bool dc_span_equal(DcSpan a, DcSpan b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool dc_span_is(DcSpan span, const char *text)
{
  return dc_span_equal(span, dc_span(text, strlen(text)));
}

static inline bool dc_span_starts(DcSpan span, const char *text)
{
  const size_t n = strlen(text);
  return span.len >= n && memcmp(span.at, text, n) == 0;
}

static inline bool dc_span_ends(DcSpan span, const char *text)
{
  const size_t n = strlen(text);
  return span.len >= n && memcmp(span.at + (span.len - n), text, n) == 0;
}

/* What follows the first occurrence of text; false if it does not occur. */
static inline bool dc_span_after(DcSpan span, const char *text, DcSpan *ret_rest)
{
  const size_t n = strlen(text);
  const char *at = span.len > 0 ? memmem(span.at, span.len, text, n) : NULL;
  if (at == NULL)
    return false;
  *ret_rest = dc_span_from(span, (size_t)(at - span.at) + n);
  return true;
}

/* The whole span is a number that fits. */
static inline bool dc_span_u64(DcSpan span, uint64_t *ret_value)
{
  uint64_t value = 0;
  for (size_t i = 0; i < span.len; i++) {
    if (!dc_is_digit(span.at[i]) || __builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, (uint64_t)(span.at[i] - '0'), &value))
      return false;
  }
  if (span.len == 0)
    return false;
  *ret_value = value;
  return true;
}

static inline bool dc_span_hex(DcSpan span, uint64_t *ret_value)
{
  uint64_t value = 0;
  if (span.len == 0 || span.len > 16)
    return false;
  for (size_t i = 0; i < span.len; i++) {
    const char c = span.at[i];
    unsigned digit;
    if (dc_is_digit(c))
      digit = (unsigned)(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = (unsigned)(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
      digit = (unsigned)(c - 'A') + 10;
    else
      return false;
    value = value << 4 | digit;
  }
  *ret_value = value;
  return true;
}

/* As C string. False, and to empty, if it does not fit or holds a NUL. */
static inline bool dc_span_copy(DcSpan span, char *to, size_t size)
{
  to[0] = '\0';
  if (span.len >= size || (span.len > 0 && memchr(span.at, '\0', span.len) != NULL))
    return false;
  if (span.len > 0)
    memcpy(to, span.at, span.len);
  to[span.len] = '\0';
  return true;
}

/* As C string, cut where it does not fit. */
static inline void dc_span_copy_cut(DcSpan span, char *to, size_t size)
{
  if (span.len >= size)
    span.len = size - 1;
  const char *nul = span.len > 0 ? memchr(span.at, '\0', span.len) : NULL;
  if (nul != NULL)
    span.len = (size_t)(nul - span.at);
  dc_span_copy(span, to, size);
}
