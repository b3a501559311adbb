/*
 * SipHash-c-d of Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012),
 * here with c = 1 and d = 3. Apart from hash.c so that tests can choose the key.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint64_t k0, k1;
} DcSipKey;

static inline uint64_t dc_rotate_left(uint64_t x, unsigned n)
{
  return x << n | x >> (64 - n);
}

static inline void dc_sip_round(uint64_t v[4])
{
  v[0] += v[1];
  v[1] = dc_rotate_left(v[1], 13) ^ v[0];
  v[0] = dc_rotate_left(v[0], 32);
  v[2] += v[3];
  v[3] = dc_rotate_left(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = dc_rotate_left(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = dc_rotate_left(v[1], 17) ^ v[2];
  v[2] = dc_rotate_left(v[2], 32);
}

/* Words are little endian by definition. */
static inline uint64_t dc_sip_load(const uint8_t *at)
{
  uint64_t word;
  memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

static inline uint64_t dc_siphash13(DcSipKey key, const void *data, size_t len)
{
  const uint8_t *at = data;
  const size_t whole = len & ~(size_t)7;
  uint64_t v[4] = {
      key.k0 ^ UINT64_C(0x736f6d6570736575),
      key.k1 ^ UINT64_C(0x646f72616e646f6d),
      key.k0 ^ UINT64_C(0x6c7967656e657261),
      key.k1 ^ UINT64_C(0x7465646279746573),
  };
  for (size_t i = 0; i < whole; i += 8) {
    const uint64_t word = dc_sip_load(at + i);
    v[3] ^= word;
    dc_sip_round(v);
    v[0] ^= word;
  }
  uint64_t last = (uint64_t)len << 56;
  for (size_t i = whole; i < len; i++)
    last |= (uint64_t)at[i] << 8 * (i - whole);
  v[3] ^= last;
  dc_sip_round(v);
  v[0] ^= last;
  v[2] ^= 0xff;
  dc_sip_round(v);
  dc_sip_round(v);
  dc_sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
