/* Compares byte strings; g_assert_cmpmem() takes int lengths and does not survive -Wconversion. */
#pragma once

#include <glib.h>
#include <string.h>

static inline void assert_bytes(const void *bytes, size_t len, const void *expected, size_t expected_len)
{
  g_assert_cmpuint(len, ==, expected_len);
  g_assert_true(len == 0 || memcmp(bytes, expected, len) == 0);
}
