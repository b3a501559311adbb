/* Test packets written as hex text, in buffers of exactly their size, so that the
 * sanitizers see every read beyond the end. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <string.h>

/* Digits with any other characters between them; whole bytes. Free with g_byte_array_unref(). */
static inline GByteArray *test_hex(const char *text)
{
  GByteArray *bytes = g_byte_array_new();
  int high = -1;
  for (const char *at = text; *at != '\0'; at++) {
    const int digit = g_ascii_xdigit_value(*at);
    if (digit < 0)
      continue;
    if (high < 0) {
      high = digit;
    } else {
      const uint8_t byte = (uint8_t)(high * 16 + digit);
      g_byte_array_append(bytes, &byte, 1);
      high = -1;
    }
  }
  g_assert_cmpint(high, ==, -1);
  return bytes;
}

/* A copy of the first len bytes on the heap, with nothing behind it. */
static inline uint8_t *test_exact(const GByteArray *bytes, size_t len)
{
  uint8_t *copy = g_malloc(len > 0 ? len : 1);
  g_assert_cmpuint(len, <=, bytes->len);
  memcpy(copy, bytes->data, len);
  return copy;
}
