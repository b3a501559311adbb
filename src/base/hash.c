#include "dropcorr/base/hash.h"

#include "siphash.h"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>

/* Until dc_hash_init() a fixed key: everything works, only without protection. */
static DcSipKey process_key = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd1b54a32d192ed03)};
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void choose_key(void)
{
  DcSipKey key;
  /* getrandom() fails only under a filter that forbids it, or before the kernel's pool is ready:
   * then the clock must do, which a sender on the network cannot read to the nanosecond. */
  if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    key.k0 = process_key.k0 ^ (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
    key.k1 = process_key.k1 ^ (uint64_t)(uintptr_t)&key;
  }
  process_key = key;
}

void dc_hash_init(void)
{
  pthread_once(&process_key_once, choose_key);
}

uint64_t dc_hash_bytes(const void *data, size_t len)
{
  return dc_siphash13(process_key, data, len);
}

/* Two rounds of folded 64 x 64 -> 128 bit multiplication (the mix of wyhash), keyed. */
uint64_t dc_hash_words(uint64_t a, uint64_t b)
{
  unsigned __int128 product = (unsigned __int128)(a ^ process_key.k0) * (b ^ process_key.k1);
  const uint64_t low = (uint64_t)product ^ process_key.k1;
  const uint64_t high = (uint64_t)(product >> 64) ^ process_key.k0;
  /* A zero factor would swallow the other word: fold the words in once more. */
  product = (unsigned __int128)(low + dc_rotate_left(a, 32)) * (high + b);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}
