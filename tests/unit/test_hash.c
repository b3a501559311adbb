#include "../../src/base/siphash.h"
#include "dropcorr/base/hash.h"

#include <glib.h>

/* Values of CPython 3.11's hash() of these bytes, which is SipHash-1-3 with the key made from
 * PYTHONHASHSEED: 0 gives the zero key, 42 the other one. */
static void test_siphash(void)
{
  static const struct {
    const char *text;
    uint64_t zero_key, other_key;
  } vectors[] = {
      {"a", UINT64_C(0x407448d2b89b1813), UINT64_C(0xfe4a47335692551e)},
      {"1234567", UINT64_C(0xa33d651594fdae81), UINT64_C(0xf426c87f0d9890ae)},
      {"12345678", UINT64_C(0x3489982430560a87), UINT64_C(0x84eb586ab30cc7f5)},
      {"every byte of a packet counts", UINT64_C(0xeaee36eb209c8b05), UINT64_C(0x2cda6e37f241049e)},
  };
  const DcSipKey zero = {0, 0};
  const DcSipKey other = {UINT64_C(0xdc504fd368cd90af), UINT64_C(0xb920bb9ffe99e9c1)};
  for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
    const size_t len = strlen(vectors[i].text);
    g_assert_cmphex(dc_siphash13(zero, vectors[i].text, len), ==, vectors[i].zero_key);
    g_assert_cmphex(dc_siphash13(other, vectors[i].text, len), ==, vectors[i].other_key);
  }
}

/* Sequential words, as ports and addresses are, must spread over the low bits that tables use. */
static void test_words_spread(void)
{
  enum { BUCKETS = 1024, PER_BUCKET = 64 };
  static uint32_t filled[BUCKETS];
  for (uint64_t a = 0; a < 256; a++) {
    for (uint64_t b = 0; b < BUCKETS * PER_BUCKET / 256; b++)
      filled[dc_hash_words(a, b << 16) % BUCKETS]++;
  }
  uint32_t most = 0;
  for (size_t i = 0; i < BUCKETS; i++)
    most = MAX(most, filled[i]);
  g_assert_cmpuint(most, <, 2 * PER_BUCKET);
  g_assert_cmpuint(dc_hash_words(1, 2), !=, dc_hash_words(2, 1));
}

/* All lengths around the pieces the hash works in: one bit more or less, one zero byte more, another order of words. */
static void test_bytes(void)
{
  static const size_t lengths[] = {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 44, 128, 255, 256, 257, 300};
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    uint8_t data[512] = {0};
    for (size_t bit = 0; bit <= 8 * lengths[i]; bit++) {
      if (bit > 0)
        data[(bit - 1) / 8] ^= (uint8_t)(1 << (bit - 1) % 8);
      gint64 *hash = g_new(gint64, 1);
      *hash = (gint64)dc_hash_bytes(data, lengths[i]);
      g_assert_true(g_hash_table_add(seen, hash));
      if (bit > 0)
        data[(bit - 1) / 8] ^= (uint8_t)(1 << (bit - 1) % 8);
    }
  }
  for (size_t len = 0; len <= 300; len++) {
    uint8_t data[320];
    for (size_t i = 0; i < sizeof data; i++)
      data[i] = (uint8_t)(i * 7 + len);
    g_assert_cmphex(dc_hash_padded(data, len), ==, dc_hash_bytes(data, len));
  }
  uint64_t words[4] = {1, 2, 3, 4};
  const uint64_t before = dc_hash_bytes(words, sizeof words);
  const uint64_t swapped[4] = {3, 4, 1, 2};
  g_assert_cmphex(dc_hash_bytes(swapped, sizeof swapped), !=, before);
  const uint64_t turned[4] = {2, 1, 4, 3};
  g_assert_cmphex(dc_hash_bytes(turned, sizeof turned), !=, before);
}

/* The bits tables use are filled alike by keys that count on. */
static void test_bytes_spread(void)
{
  enum { BUCKETS = 1024, PER_BUCKET = 64 };
  static uint32_t filled[2][BUCKETS];
  for (uint32_t i = 0; i < BUCKETS * PER_BUCKET; i++) {
    uint8_t key[44] = {10, 0, 0, 1};
    memcpy(key + 16, &i, sizeof i);
    const uint64_t hash = dc_hash_bytes(key, sizeof key);
    filled[0][hash % BUCKETS]++;
    filled[1][hash >> 54]++;
  }
  for (size_t half = 0; half < 2; half++) {
    for (size_t i = 0; i < BUCKETS; i++)
      g_assert_cmpuint(filled[half][i], <, 2 * PER_BUCKET);
  }
}

static void test_init(void)
{
  const uint64_t unkeyed = dc_hash_bytes("x", 1);
  g_assert_cmphex(dc_hash_bytes("x", 1), ==, unkeyed);
  dc_hash_init();
  const uint64_t keyed = dc_hash_bytes("x", 1);
  g_assert_cmphex(keyed, !=, unkeyed);
  const uint64_t words = dc_hash_words(1, 2);
  dc_hash_init(); /* does nothing any more */
  g_assert_cmphex(dc_hash_bytes("x", 1), ==, keyed);
  g_assert_cmphex(dc_hash_words(1, 2), ==, words);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hash/siphash", test_siphash);
  g_test_add_func("/hash/words-spread", test_words_spread);
  g_test_add_func("/hash/bytes", test_bytes);
  g_test_add_func("/hash/bytes-spread", test_bytes_spread);
  g_test_add_func("/hash/init", test_init);
  return g_test_run();
}
