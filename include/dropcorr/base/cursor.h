/*
 * Bounds-checked reading of untrusted bytes. All packet, netlink and file
 * parsing goes through a DcCursor: a read beyond the end returns zero, leaves
 * the position where it was and clears `ok`, so that a parser may read several
 * fields and test once.
 *
 * A cursor borrows its bytes. Plain value, no thread of its own.
 */
#pragma once

#include "dropcorr/base/word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const uint8_t *data;
  size_t len;
  size_t pos;
  bool ok;
} DcCursor;

static inline DcCursor dc_cursor(const void *data, size_t len)
{
  return (DcCursor){.data = data, .len = data != NULL ? len : 0, .pos = 0, .ok = true};
}

static inline size_t dc_cursor_left(const DcCursor *cursor)
{
  return cursor->len - cursor->pos;
}

/* The next n bytes, or NULL (and !ok) if there are fewer. Advances. */
static inline const uint8_t *dc_cursor_bytes(DcCursor *cursor, size_t n)
{
  if (n > dc_cursor_left(cursor)) {
    cursor->ok = false;
    return NULL;
  }
  const uint8_t *at = cursor->data + cursor->pos;
  cursor->pos += n;
  return at;
}

static inline bool dc_cursor_skip(DcCursor *cursor, size_t n)
{
  return dc_cursor_bytes(cursor, n) != NULL;
}

/* A cursor over the next n bytes; empty and !ok when there are fewer. Advances the parent. */
static inline DcCursor dc_cursor_sub(DcCursor *cursor, size_t n)
{
  const uint8_t *at = dc_cursor_bytes(cursor, n);
  DcCursor sub = {.data = at, .len = at != NULL ? n : 0, .pos = 0, .ok = at != NULL || n == 0};
  return sub;
}

static inline uint8_t dc_cursor_u8(DcCursor *cursor)
{
  const uint8_t *at = dc_cursor_bytes(cursor, 1);
  return at != NULL ? at[0] : 0;
}

static inline uint16_t dc_cursor_be16(DcCursor *cursor)
{
  const uint8_t *at = dc_cursor_bytes(cursor, 2);
  const unsigned value = at != NULL ? (unsigned)at[0] << 8 | at[1] : 0;
  return (uint16_t)value;
}

static inline uint32_t dc_cursor_be32(DcCursor *cursor)
{
  const uint8_t *at = dc_cursor_bytes(cursor, 4);
  return at != NULL ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

static inline uint16_t dc_cursor_host16(DcCursor *cursor)
{
  const uint8_t *at = dc_cursor_bytes(cursor, sizeof(uint16_t));
  return at != NULL ? dc_word16(at) : 0;
}

static inline uint32_t dc_cursor_host32(DcCursor *cursor)
{
  const uint8_t *at = dc_cursor_bytes(cursor, sizeof(uint32_t));
  return at != NULL ? dc_word32(at) : 0;
}

static inline uint64_t dc_cursor_host64(DcCursor *cursor)
{
  const uint8_t *at = dc_cursor_bytes(cursor, sizeof(uint64_t));
  return at != NULL ? dc_word64(at) : 0;
}
