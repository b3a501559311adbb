/* Sums made of wide words are those of RFC 1071, made 16 bits at a time. */
#include "../../src/decode/checksum.h"

#include <glib.h>
#include <stdlib.h>

#define LEN_MAX 200

static uint16_t sum_by_pairs(const uint8_t *bytes, size_t len)
{
  uint32_t sum = 0;
  for (size_t i = 0; i < len; i++) {
    sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return (uint16_t)sum;
}

static void check(const uint8_t *bytes, size_t len)
{
  const uint16_t pairs = sum_by_pairs(bytes, len);
  g_assert_cmpuint(dc_checksum_fold(dc_checksum_add(0, bytes, len)), ==, pairs);
  /* On top of a sum: one's complement addition. */
  const uint16_t before = 0xfedc;
  const uint32_t both = (uint32_t)pairs + before;
  g_assert_cmpuint(dc_checksum_fold(dc_checksum_add(before, bytes, len)), ==, (both & 0xffff) + (both >> 16));
  const uint16_t words = dc_checksum_fold(dc_checksum_words(0, bytes, len));
  g_assert_cmpuint(GUINT16_FROM_BE(words), ==, pairs);
  g_assert_cmpint(dc_checksum_is_good(dc_checksum_words(0, bytes, len)), ==, pairs == 0xffff);
  g_assert_cmpint(dc_checksum_is_good(dc_checksum_add(0, bytes, len)), ==, pairs == 0xffff);
}

/* Each length has its own memory, so that reading over its end shows. */
static void check_lengths(void (*fill)(uint8_t *bytes, size_t len))
{
  for (size_t len = 0; len <= LEN_MAX; len++) {
    uint8_t *bytes = malloc(len + (len == 0));
    fill(bytes, len);
    check(bytes, len);
    free(bytes);
  }
}

static void fill_random(uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    bytes[i] = (uint8_t)g_test_rand_int();
}

/* Every addition carries. */
static void fill_ones(uint8_t *bytes, size_t len)
{
  memset(bytes, 0xff, len);
}

static void fill_zeros(uint8_t *bytes, size_t len)
{
  memset(bytes, 0, len);
}

/* As a sender does: what is left to 0xffff goes into the last two bytes. */
static void fill_right(uint8_t *bytes, size_t len)
{
  fill_random(bytes, len);
  if (len < 2)
    return;
  const size_t at = (len - 2) & ~(size_t)1;
  bytes[at] = bytes[at + 1] = 0;
  const uint16_t rest = (uint16_t)~sum_by_pairs(bytes, len);
  bytes[at] = (uint8_t)(rest >> 8);
  bytes[at + 1] = (uint8_t)rest;
  g_assert_true(dc_checksum_is_good(dc_checksum_add(0, bytes, len)));
}

static void test_lengths(void)
{
  check_lengths(fill_ones);
  check_lengths(fill_zeros);
  for (int i = 0; i < 20; i++) {
    check_lengths(fill_random);
    check_lengths(fill_right);
  }
}

/* Right is what folds to 0xffff, whatever the sum's upper bits. */
static void test_good(void)
{
  g_assert_false(dc_checksum_is_good(0));
  static const uint64_t sums[] = {1,          0xfffe,     0xffff,         0x10000,   0x1fffe,
                                  0xffff0000, 0xffffffff, UINT64_MAX - 1, UINT64_MAX};
  for (size_t i = 0; i < G_N_ELEMENTS(sums); i++)
    g_assert_cmpint(dc_checksum_is_good(sums[i]), ==, dc_checksum_fold(sums[i]) == 0xffff);
  for (int i = 0; i < 100000; i++) {
    const uint64_t sum = ((uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int()) * (i % 2 == 0 ? 0xffff : 1);
    g_assert_cmpint(dc_checksum_is_good(sum), ==, dc_checksum_fold(sum) == 0xffff);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/checksum/lengths", test_lengths);
  g_test_add_func("/checksum/good", test_good);
  return g_test_run();
}
