#include "dropcorr/base/hash.h"

#include "dropcorr/base/word.h"
#include "siphash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Longer data, which tables of the hot path do not have as keys, go to SipHash. */
#define SHORT_MAX 256u
#define PIECE 16u

/* A key word for each word of data, and as many for what the folding needs. */
typedef struct {
  DcSipKey sip;
  uint64_t words[SHORT_MAX / 8];
  uint64_t fold[2];
} HashKey;

/* Until dc_hash_init() a fixed key: everything works, only without protection. */
static HashKey process_key;
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void spread(HashKey *key, DcSipKey sip)
{
  key->sip = sip;
  for (uint64_t i = 0; i < SHORT_MAX / 8; i++)
    key->words[i] = dc_siphash13(sip, &i, sizeof i);
  for (uint64_t i = 0; i < 2; i++) {
    const uint64_t which = UINT64_MAX - i;
    key->fold[i] = dc_siphash13(sip, &which, sizeof which) | 1;
  }
}

/* Before main(): whoever hashes finds a key. */
__attribute__((constructor)) static void fix_key(void)
{
  spread(&process_key, (DcSipKey){UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd1b54a32d192ed03)});
}

static void choose_key(void)
{
  DcSipKey key;
  /* getrandom() fails only under a filter that forbids it, or before the kernel's pool is ready:
   * then the clock must do, which a sender on the network cannot read to the nanosecond. */
  if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    key.k0 = process_key.sip.k0 ^ (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
    key.k1 = process_key.sip.k1 ^ (uint64_t)(uintptr_t)&key;
  }
  spread(&process_key, key);
}

void dc_hash_init(void)
{
  pthread_once(&process_key_once, choose_key);
}

static inline uint64_t fold(unsigned __int128 product)
{
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message Authentication", 1999) on
 * words of 64 bits: two keyed words are multiplied, the products are summed. Whoever does not know the key makes two
 * pieces of data of one length collide with probability 2^-64 at most; the length goes into the folding. One
 * multiplication takes 16 bytes, and none waits for another.
 */
static inline unsigned __int128 nh(const uint64_t *key, uint64_t a, uint64_t b)
{
  return (unsigned __int128)(a + key[0]) * (b + key[1]);
}

static inline uint64_t finish(unsigned __int128 sum, size_t len)
{
  const uint64_t low = (uint64_t)sum ^ len * UINT64_C(0x9e3779b97f4a7c15);
  const uint64_t high = (uint64_t)(sum >> 64);
  /* Twice, and the words once more: a factor of zero must not swallow the other word. */
  const uint64_t once = fold((unsigned __int128)(low ^ process_key.fold[0]) * (high ^ process_key.fold[1]));
  return fold((unsigned __int128)(once ^ process_key.fold[1]) *
              (low + dc_rotate_left(high, 32) + process_key.fold[0])) ^
         low;
}

static uint64_t hash_short(const uint8_t *at, size_t len)
{
  const uint64_t *key = process_key.words;
  unsigned __int128 sum = 0;
  size_t left = len;
  for (; left >= PIECE; left -= PIECE, at += PIECE, key += 2)
    sum += nh(key, dc_word64(at), dc_word64(at + 8));
  if (left > 0) {
    uint8_t last[PIECE] = {0};
    memcpy(last, at, left);
    sum += nh(key, dc_word64(last), dc_word64(last + 8));
  }
  return finish(sum, len);
}

/* The first n bytes of a word, zeros for the others. */
static inline uint64_t first_of(uint64_t word, size_t n)
{
  if (n >= 8)
    return word;
  if (n == 0)
    return 0;
  const uint64_t ones = ~UINT64_C(0);
  return word & (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ones >> 8 * (8 - n) : ones << 8 * (8 - n));
}

uint64_t dc_hash_padded(const void *data, size_t len)
{
  if (len > SHORT_MAX)
    return dc_hash_bytes(data, len);
  const uint8_t *at = data;
  const uint64_t *key = process_key.words;
  unsigned __int128 sum = 0;
  size_t left = len;
  for (; left >= PIECE; left -= PIECE, at += PIECE, key += 2)
    sum += nh(key, dc_word64(at), dc_word64(at + 8));
  if (left > 0)
    sum += nh(key, first_of(dc_word64(at), left), left > 8 ? first_of(dc_word64(at + 8), left - 8) : 0);
  return finish(sum, len);
}

uint64_t dc_hash_bytes(const void *data, size_t len)
{
  return len <= SHORT_MAX ? hash_short(data, len) : dc_siphash13(process_key.sip, data, len);
}

unsigned dc_hash_text(const void *text)
{
  return (unsigned)dc_hash_bytes(text, strlen(text));
}

/* Two rounds of folded 64 x 64 -> 128 bit multiplication (the mix of wyhash), keyed. */
uint64_t dc_hash_words(uint64_t a, uint64_t b)
{
  const DcSipKey key = process_key.sip;
  unsigned __int128 product = (unsigned __int128)(a ^ key.k0) * (b ^ key.k1);
  const uint64_t low = (uint64_t)product ^ key.k1;
  const uint64_t high = (uint64_t)(product >> 64) ^ key.k0;
  /* A zero factor would swallow the other word: fold the words in once more. */
  product = (unsigned __int128)(low + dc_rotate_left(a, 32)) * (high + b);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t dc_hash_endpoint(const uint8_t address[16], uint16_t port)
{
  const HashKey *key = &process_key;
  const unsigned __int128 sum =
      (unsigned __int128)(dc_word64(address) + key->words[0]) * (dc_word64(address + 8) + key->words[1]) +
      (unsigned __int128)(port + key->words[2]) * key->words[3];
  return fold((unsigned __int128)((uint64_t)sum ^ key->fold[0]) * ((uint64_t)(sum >> 64) ^ key->fold[1]));
}
