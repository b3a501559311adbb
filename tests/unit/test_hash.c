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
  g_test_add_func("/hash/init", test_init);
  return g_test_run();
}
