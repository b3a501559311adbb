#include "window.h"

#include <glib.h>
#include <string.h>

#define WINDOW_FIRST_SLOTS 1024u
#define WINDOW_RECENT 4096u
#define KEPT_BYTES_MAX 128u
#define WINDOW_DISORDER 64u /* slots */

struct DcWindow {
  DcSlot *slots;
  uint32_t *heads[DC_CHAIN_COUNT]; /* bucket -> low 32 bits of (position + 1), 0 empty */
  size_t capacity;                 /* power of two; also the number of buckets */
  size_t max_slots;
  size_t peak;
  uint64_t begin, end;
  uint8_t *bytes; /* ring of normalised bytes, freed in the slots' order */
  size_t bytes_capacity;
  uint64_t bytes_begin, bytes_end;
  uint64_t recent[WINDOW_RECENT]; /* hashes of slots joined lately, direct-mapped */
};

DcWindow *dc_window_new(size_t max_slots)
{
  DcWindow *window = g_new0(DcWindow, 1);
  window->capacity = WINDOW_FIRST_SLOTS;
  window->max_slots = MAX(max_slots, WINDOW_FIRST_SLOTS);
  window->slots = g_new(DcSlot, window->capacity);
  window->heads[DC_CHAIN_EXACT] = g_new0(uint32_t, window->capacity);
  window->heads[DC_CHAIN_LOOSE] = g_new0(uint32_t, window->capacity);
  window->bytes_capacity = 64 * 1024;
  window->bytes = g_malloc(window->bytes_capacity);
  /* Position 0 is never used: 0 in a chain means "none". */
  window->begin = window->end = 1;
  return window;
}

void dc_window_begin_at(DcWindow *window, uint64_t position)
{
  window->begin = window->end = position;
}

void dc_window_free(DcWindow *window)
{
  if (window == NULL)
    return;
  for (int chain = 0; chain < DC_CHAIN_COUNT; chain++)
    g_free(window->heads[chain]);
  g_free(window->slots);
  g_free(window->bytes);
  g_free(window);
}

size_t dc_window_count(const DcWindow *window)
{
  return (size_t)(window->end - window->begin);
}

size_t dc_window_peak(const DcWindow *window)
{
  return window->peak;
}

bool dc_window_full(const DcWindow *window)
{
  return dc_window_count(window) >= window->max_slots;
}

uint64_t dc_window_begin(const DcWindow *window)
{
  return window->begin;
}

uint64_t dc_window_end(const DcWindow *window)
{
  return window->end;
}

static DcSlot *slot_at(const DcWindow *window, uint64_t position)
{
  return &window->slots[position & (window->capacity - 1)];
}

uint64_t dc_window_until(const DcWindow *window, int64_t time_ns)
{
  uint64_t low = window->begin, high = window->end;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (slot_at(window, middle)->time_ns <= time_ns)
      low = middle + 1;
    else
      high = middle;
  }
  uint64_t until = low;
  for (uint64_t at = low; at < window->end && at < low + WINDOW_DISORDER; at++) {
    if (slot_at(window, at)->time_ns <= time_ns)
      until = at + 1;
  }
  return until;
}

/* The position whose low 32 bits are given, if it is still in the ring; 0 otherwise. */
static uint64_t widen(const DcWindow *window, uint32_t low)
{
  if (low == 0)
    return 0;
  uint64_t back = (uint32_t)((uint32_t)window->end - low);
  if (back == 0 || back > window->end - window->begin)
    return 0;
  return window->end - back;
}

static void chain_push(DcWindow *window, uint64_t position, DcChain chain)
{
  DcSlot *slot = slot_at(window, position);
  uint32_t *head = &window->heads[chain][slot->hash[chain] & (window->capacity - 1)];
  slot->older[chain] = *head;
  *head = (uint32_t)position;
}

static void window_grow(DcWindow *window)
{
  size_t capacity = window->capacity * 2;
  DcSlot *slots = g_new(DcSlot, capacity);
  for (uint64_t at = window->begin; at < window->end; at++)
    slots[at & (capacity - 1)] = *slot_at(window, at);
  g_free(window->slots);
  window->slots = slots;
  window->capacity = capacity;
  for (int chain = 0; chain < DC_CHAIN_COUNT; chain++) {
    if (window->heads[chain] == NULL)
      continue;
    g_free(window->heads[chain]);
    window->heads[chain] = g_new0(uint32_t, capacity);
    for (uint64_t at = window->begin; at < window->end; at++) {
      if (slot_at(window, at)->hash[chain] != 0)
        chain_push(window, at, (DcChain)chain);
    }
  }
}

DcSlot *dc_window_add(DcWindow *window, uint64_t *ret_position)
{
  if (dc_window_count(window) == window->capacity)
    window_grow(window);
  uint64_t position = window->end++;
  DcSlot *slot = slot_at(window, position);
  memset(slot, 0, sizeof *slot);
  slot->bytes_at = window->bytes_end;
  if ((uint32_t)position == 0) { /* its low half would read as "none": a frame that nothing can be joined to */
    slot->flags = DC_SLOT_JOINED | DC_SLOT_DECIDED;
    slot->time_ns = window->end - window->begin > 1 ? slot_at(window, position - 1)->time_ns : 0;
    return dc_window_add(window, ret_position);
  }
  slot->answer_ns = -1;
  window->peak = MAX(window->peak, dc_window_count(window));
  *ret_position = position;
  return slot;
}

DcSlot *dc_window_oldest(DcWindow *window)
{
  return window->begin == window->end ? NULL : slot_at(window, window->begin);
}

void dc_window_remove_oldest(DcWindow *window)
{
  const DcSlot *slot = slot_at(window, window->begin);
  window->bytes_begin = slot->bytes_at + slot->kept_len + slot->inner_kept_len;
  window->begin++;
}

DcSlot *dc_window_at(DcWindow *window, uint64_t position)
{
  return position >= window->begin && position < window->end ? slot_at(window, position) : NULL;
}

void dc_window_link(DcWindow *window, uint64_t position, DcChain chain, uint64_t hash)
{
  if (window->heads[chain] == NULL)
    window->heads[chain] = g_new0(uint32_t, window->capacity);
  slot_at(window, position)->hash[chain] = hash != 0 ? hash : 1;
  chain_push(window, position, chain);
}

/* Walks from *link on, cutting JOINED slots out on the way. */
static DcSlot *chain_walk(DcWindow *window, DcChain chain, uint64_t hash, uint32_t *link, uint64_t *ret_position)
{
  for (;;) {
    uint64_t position = widen(window, *link);
    if (position == 0) {
      *link = 0;
      return NULL;
    }
    DcSlot *slot = slot_at(window, position);
    if ((slot->flags & DC_SLOT_JOINED) != 0) {
      *link = slot->older[chain];
      continue;
    }
    if (slot->hash[chain] == hash) {
      *ret_position = position;
      return slot;
    }
    link = &slot->older[chain];
  }
}

DcSlot *dc_window_find(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *ret_position)
{
  if (window->heads[chain] == NULL)
    return NULL;
  hash = hash != 0 ? hash : 1;
  return chain_walk(window, chain, hash, &window->heads[chain][hash & (window->capacity - 1)], ret_position);
}

DcSlot *dc_window_find_older(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *position)
{
  DcSlot *slot = dc_window_at(window, *position);
  hash = hash != 0 ? hash : 1;
  return slot == NULL ? NULL : chain_walk(window, chain, hash, &slot->older[chain], position);
}

bool dc_window_was_joined(const DcWindow *window, uint64_t hash)
{
  return window->recent[hash % WINDOW_RECENT] == hash;
}

void dc_window_note_joined(DcWindow *window, uint64_t hash)
{
  window->recent[hash % WINDOW_RECENT] = hash;
}

static void bytes_put(DcWindow *window, const uint8_t *bytes, size_t len)
{
  size_t at = window->bytes_end & (window->bytes_capacity - 1);
  memcpy(window->bytes + at, bytes, len);
  window->bytes_end += len;
}

/* Contiguous room for len bytes at the ring's end: skips the tail of the ring, grows when full. */
static void bytes_reserve(DcWindow *window, size_t len)
{
  for (;;) {
    size_t at = window->bytes_end & (window->bytes_capacity - 1);
    size_t skip = at + len > window->bytes_capacity ? window->bytes_capacity - at : 0;
    if (window->bytes_end + skip + len - window->bytes_begin <= window->bytes_capacity) {
      window->bytes_end += skip;
      return;
    }
    size_t capacity = window->bytes_capacity * 2;
    uint8_t *grown = g_malloc(capacity);
    uint64_t end = 0;
    for (uint64_t position = window->begin; position < window->end; position++) {
      DcSlot *slot = slot_at(window, position);
      size_t kept = (size_t)slot->kept_len + slot->inner_kept_len;
      if (kept != 0)
        memcpy(grown + end, window->bytes + (slot->bytes_at & (window->bytes_capacity - 1)), kept);
      slot->bytes_at = end;
      end += kept;
    }
    g_free(window->bytes);
    window->bytes = grown;
    window->bytes_capacity = capacity;
    window->bytes_begin = 0;
    window->bytes_end = end;
  }
}

void dc_window_keep_bytes(DcWindow *window, DcSlot *slot, const DcNormal *normal, const DcNormal *inner)
{
  size_t kept = MIN(normal->len, KEPT_BYTES_MAX);
  size_t inner_kept = inner != NULL ? MIN(inner->len, KEPT_BYTES_MAX) : 0;
  bytes_reserve(window, kept + inner_kept);
  slot->bytes_at = window->bytes_end;
  slot->header_len = normal->header_len;
  slot->kept_len = (uint16_t)kept;
  slot->wire_len = normal->wire_len;
  bytes_put(window, normal->bytes, kept);
  if (inner != NULL) {
    slot->inner_header_len = inner->header_len;
    slot->inner_kept_len = (uint16_t)inner_kept;
    bytes_put(window, inner->bytes, inner_kept);
  }
}

const uint8_t *dc_window_bytes(const DcWindow *window, const DcSlot *slot, bool inner)
{
  return window->bytes + (slot->bytes_at & (window->bytes_capacity - 1)) + (inner ? slot->kept_len : 0);
}
