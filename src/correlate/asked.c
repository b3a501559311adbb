#include "dropcorr/correlate/asked.h"

#include "frame_key.h"

#include "dropcorr/base/slab.h"

#include <string.h>

/*
 * A Bloom filter in which all bits of a key lie in one word (Putze, Sanders, Singler, "Cache-, Hash- and
 * Space-Efficient Bloom Filters", 2007): a question touches one cache line. It is asked for every frame, between which
 * the whole capture passes through the caches: small enough to stay there counts for more than few mistakes.
 */
#define BITS_EACH 8u
#define BITS_OF_KEY 3
#define WORDS_LEAST (UINT64_C(1) << 6)
#define WORDS_MOST (UINT64_C(1) << 20)
#define DROPS_MAX (4u << 20) /* of a larger log every frame is asked for */

struct DcAsked {
  GArray *keys; /* uint32_t; NULL once the words are made */
  uint64_t *words;
  uint64_t mask; /* of words */
  bool all;      /* every frame is asked for */
};

DcAsked *dc_asked_new(void)
{
  DcAsked *asked = g_new0(DcAsked, 1);
  asked->keys = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  return asked;
}

void dc_asked_free(DcAsked *asked)
{
  if (asked == NULL)
    return;
  g_clear_pointer(&asked->keys, g_array_unref);
  if (asked->words != NULL)
    dc_table_free(asked->words);
  g_free(asked);
}

/* What is joined neither by bytes nor by time asks for no frame. */
static bool is_timed(const DcDrop *drop)
{
  return drop->time_ns != DC_TIME_NONE && drop->kind != DC_DROP_NETDM_SUMMARY;
}

bool dc_asked_add(DcAsked *asked, const DcDrop *drop)
{
  if (drop->caplen == 0)
    asked->all |= is_timed(drop);
  else if (asked->keys->len == DROPS_MAX)
    asked->all = true;
  else if (dc_key_has_loose(&drop->packet)) /* of others no frame of a usual kind can be */
    g_array_append_vals(asked->keys, &(uint32_t){dc_key_loose(&drop->packet)}, 1);
  return !asked->all;
}

/* The key is a hash, but a short one. */
static inline uint64_t spread(uint32_t key)
{
  return key * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t bits_of(uint64_t hash)
{
  uint64_t bits = 0;
  for (int i = 0; i < BITS_OF_KEY; i++)
    bits |= UINT64_C(1) << (hash >> (40 + 8 * i) & 63);
  return bits;
}

static inline uint64_t *word_of(const DcAsked *asked, uint64_t hash)
{
  return &asked->words[hash >> 16 & asked->mask];
}

static inline bool is_set(const DcAsked *asked, uint32_t key)
{
  const uint64_t hash = spread(key), bits = bits_of(hash);
  return (*word_of(asked, hash) & bits) == bits;
}

void dc_asked_finish(DcAsked *asked)
{
  uint64_t words = WORDS_LEAST;
  while (words < WORDS_MOST && words * 64 < (uint64_t)asked->keys->len * BITS_EACH)
    words *= 2;
  asked->mask = words - 1;
  asked->words = dc_table_alloc(words * sizeof *asked->words);
  for (guint i = 0; i < asked->keys->len; i++) {
    const uint64_t hash = spread(g_array_index(asked->keys, uint32_t, i));
    *word_of(asked, hash) |= bits_of(hash);
  }
  g_clear_pointer(&asked->keys, g_array_unref);
}

bool dc_asked_has(const DcAsked *asked, uint32_t loose)
{
  return asked->all || is_set(asked, loose);
}

bool dc_asked_knows(const DcAsked *asked, const DcDrop *drop)
{
  if (asked->all)
    return true;
  if (drop->caplen == 0)
    return !is_timed(drop);
  return !dc_key_has_loose(&drop->packet) || is_set(asked, dc_key_loose(&drop->packet));
}
