/*
 * Words of memory at any address, in the order of the host's bytes: one load each where the processor can. Bounds are
 * the caller's; bytes that nobody has checked are read through a cursor (dropcorr/base/cursor.h).
 */
#pragma once

#include <stdint.h>
#include <string.h>

static inline uint16_t dc_word16(const void *at)
{
  uint16_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

static inline uint32_t dc_word32(const void *at)
{
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

static inline uint64_t dc_word64(const void *at)
{
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}
