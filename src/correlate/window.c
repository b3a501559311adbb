#include "window.h"

#include "brief_record.h"

#include "dropcorr/base/slab.h"

#include <glib.h>
#include <string.h>

#define BUCKETS_FIRST 1024u
#define WINDOW_RECENT 4096u
#define WINDOW_DISORDER 64u /* slots */

#define SLOTS_SHIFT 10
#define CHUNK_SLOTS (1u << SLOTS_SHIFT)
#define RECORDS_SHIFT 16
#define CHUNK_RECORDS (1u << RECORDS_SHIFT) /* bytes */
#define CHUNKS_FIRST 16u

/* Memory in order: chunks are taken at one end, and given back at the other. Places count on for ever; what is stored
 * of them may be the low half. */
typedef struct {
  uint8_t **chunks;     /* by number of chunk, modulo capacity */
  size_t capacity;      /* power of two */
  uint64_t first, next; /* numbers of the chunks there are */
  DcSlab *slab;
} Chunks;

/* Kept of a packet, behind the brief and, of an inner packet, its chain: | header_len payload_len | hash of headers(8)
 * | payload |. Hash 0: the headers are not whole, and the bytes are all. */
typedef struct {
  uint8_t header_len, payload_len;
  uint64_t headers;
  const uint8_t *payload;
} DcKept;

enum { KEPT_FIXED = 10, INNER_FIXED = 12 };

struct DcWindow {
  Chunks slots, records;
  uint32_t *heads[DC_CHAIN_COUNT]; /* one table; bucket -> low 32 bits of the position, 0 empty */
  size_t buckets;                  /* power of two */
  size_t max_slots;
  size_t peak;
  uint64_t begin, end;
  uint64_t records_end; /* the next record's place */
  DcSlotNote *notes;
  uint32_t note_capacity, notes_used, free_note;
  uint64_t recent[WINDOW_RECENT]; /* hashes of slots joined lately, direct-mapped */
};

_Static_assert(sizeof(DcSlot) == 64, "a slot is a cache line");

/* --- chunks ----------------------------------------------------------------------------------- */

static void chunks_init(Chunks *chunks, size_t chunk_size, uint64_t first)
{
  chunks->slab = dc_slab_new(chunk_size);
  chunks->capacity = CHUNKS_FIRST;
  chunks->chunks = g_new0(uint8_t *, CHUNKS_FIRST);
  chunks->first = chunks->next = first;
}

static void chunks_clear(Chunks *chunks)
{
  dc_slab_free(chunks->slab);
  g_free(chunks->chunks);
}

static void chunks_grow(Chunks *chunks)
{
  const size_t capacity = chunks->capacity * 2;
  uint8_t **grown = g_new0(uint8_t *, capacity);
  for (uint64_t at = chunks->first; at < chunks->next; at++)
    grown[at & (capacity - 1)] = chunks->chunks[at & (chunks->capacity - 1)];
  g_free(chunks->chunks);
  chunks->chunks = grown;
  chunks->capacity = capacity;
}

/* Up to and with that number. */
static void chunks_have(Chunks *chunks, uint64_t number)
{
  while (chunks->next <= number) {
    if (chunks->next - chunks->first == chunks->capacity)
      chunks_grow(chunks);
    chunks->chunks[chunks->next++ & (chunks->capacity - 1)] = dc_slab_take(chunks->slab);
  }
}

static void chunks_drop_before(Chunks *chunks, uint64_t number)
{
  for (; chunks->first < MIN(number, chunks->next); chunks->first++)
    dc_slab_give(chunks->slab, chunks->chunks[chunks->first & (chunks->capacity - 1)]);
}

static inline uint8_t *chunk_at(const Chunks *chunks, uint64_t number)
{
  return chunks->chunks[number & (chunks->capacity - 1)];
}

/* Of tunnels only when there is one. */
static void heads_alloc(DcWindow *window)
{
  window->heads[DC_CHAIN_EXACT] = dc_table_alloc(2 * window->buckets * sizeof(uint32_t));
  window->heads[DC_CHAIN_LOOSE] = window->heads[DC_CHAIN_EXACT] + window->buckets;
  window->heads[DC_CHAIN_INNER] = NULL;
}

static void heads_free(DcWindow *window)
{
  dc_table_free(window->heads[DC_CHAIN_EXACT]);
  dc_table_free(window->heads[DC_CHAIN_INNER]);
}

/* --- life ------------------------------------------------------------------------------------- */

DcWindow *dc_window_new(size_t max_slots)
{
  DcWindow *window = g_new0(DcWindow, 1);
  window->max_slots = MAX(max_slots, BUCKETS_FIRST);
  window->buckets = BUCKETS_FIRST;
  heads_alloc(window);
  chunks_init(&window->slots, CHUNK_SLOTS * sizeof(DcSlot), 0);
  chunks_init(&window->records, CHUNK_RECORDS, 0);
  /* Position 0 is never used: 0 in a chain means "none". */
  window->begin = window->end = 1;
  return window;
}

void dc_window_begin_at(DcWindow *window, uint64_t position)
{
  window->begin = window->end = position;
  window->slots.first = window->slots.next = position >> SLOTS_SHIFT;
}

void dc_window_free(DcWindow *window)
{
  if (window == NULL)
    return;
  heads_free(window);
  chunks_clear(&window->slots);
  chunks_clear(&window->records);
  g_free(window->notes);
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

static inline DcSlot *slot_at(const DcWindow *window, uint64_t position)
{
  DcSlot *slots = (DcSlot *)(void *)chunk_at(&window->slots, position >> SLOTS_SHIFT);
  return &slots[position & (CHUNK_SLOTS - 1)];
}

/* The low half of a record's place tells its chunk: there are never so many that it could be another's. */
static inline uint8_t *record_at(const DcWindow *window, const DcSlot *slot)
{
  return chunk_at(&window->records, slot->record_at >> RECORDS_SHIFT) + (slot->record_at & (CHUNK_RECORDS - 1));
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

/* --- chains ----------------------------------------------------------------------------------- */

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

/* An inner packet's hash and link: bytes of the record, behind the outer packet's. */
static uint8_t *inner_at(const DcWindow *window, const DcSlot *slot)
{
  uint8_t *record = record_at(window, slot);
  uint8_t *kept = record + dc_brief_record_len(record);
  return kept + KEPT_FIXED + kept[1];
}

/* Slots keep half of a hash: bytes are compared after it. */
static inline uint32_t short_hash(uint64_t hash)
{
  return (uint32_t)hash != 0 ? (uint32_t)hash : 1;
}

/* A hash as the chain's slots have it. */
static inline uint64_t chained(DcChain chain, uint64_t hash)
{
  return chain == DC_CHAIN_EXACT ? short_hash(hash) : hash;
}

static uint64_t chain_hash(const DcWindow *window, const DcSlot *slot, DcChain chain)
{
  uint64_t hash = 0;
  switch (chain) {
  case DC_CHAIN_EXACT:
    return slot->exact;
  case DC_CHAIN_LOOSE:
    return slot->loose;
  case DC_CHAIN_INNER:
    if ((slot->flags & DC_SLOT_INNER) != 0)
      memcpy(&hash, inner_at(window, slot), sizeof hash);
    return hash;
  case DC_CHAIN_COUNT:
    break;
  }
  return 0;
}

static uint32_t chain_older(const DcWindow *window, const DcSlot *slot, DcChain chain)
{
  if (chain != DC_CHAIN_INNER)
    return slot->older[chain];
  uint32_t older;
  memcpy(&older, inner_at(window, slot) + 8, sizeof older);
  return older;
}

static void chain_set_older(DcWindow *window, DcSlot *slot, DcChain chain, uint32_t older)
{
  if (chain != DC_CHAIN_INNER)
    slot->older[chain] = older;
  else
    memcpy(inner_at(window, slot) + 8, &older, sizeof older);
}

static inline uint32_t *head_of(const DcWindow *window, DcChain chain, uint64_t hash)
{
  return &window->heads[chain][hash & (window->buckets - 1)];
}

static inline void chain_push(DcWindow *window, DcSlot *slot, uint64_t position, DcChain chain, uint64_t hash)
{
  if (chain == DC_CHAIN_INNER && window->heads[chain] == NULL)
    window->heads[chain] = dc_table_alloc(window->buckets * sizeof(uint32_t));
  uint32_t *head = head_of(window, chain, hash);
  chain_set_older(window, slot, chain, *head);
  *head = (uint32_t)position;
}

static void buckets_grow(DcWindow *window)
{
  heads_free(window);
  window->buckets *= 2;
  heads_alloc(window);
  for (int chain = 0; chain < DC_CHAIN_COUNT; chain++) {
    for (uint64_t at = window->begin; at < window->end; at++) {
      DcSlot *slot = slot_at(window, at);
      const uint64_t hash = chain_hash(window, slot, (DcChain)chain);
      if (hash != 0)
        chain_push(window, slot, at, (DcChain)chain, hash);
    }
  }
}

/* Steps along the chain, cutting out what is JOINED: previous is what points to position, NULL its head. */
static DcSlot *chain_walk(DcWindow *window, DcChain chain, uint64_t hash, DcSlot *previous, uint64_t *ret_position)
{
  for (;;) {
    const uint32_t low = previous != NULL ? chain_older(window, previous, chain) : *head_of(window, chain, hash);
    const uint64_t position = widen(window, low);
    DcSlot *slot = position != 0 ? slot_at(window, position) : NULL;
    const bool skip = slot == NULL || (slot->flags & DC_SLOT_JOINED) != 0;
    if (skip) {
      const uint32_t beyond = slot != NULL ? chain_older(window, slot, chain) : 0;
      if (previous != NULL)
        chain_set_older(window, previous, chain, beyond);
      else
        *head_of(window, chain, hash) = beyond;
      if (slot == NULL)
        return NULL;
      continue;
    }
    if (chain_hash(window, slot, chain) == hash) {
      *ret_position = position;
      return slot;
    }
    previous = slot;
  }
}

DcSlot *dc_window_find(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *ret_position)
{
  return window->heads[chain] == NULL ? NULL : chain_walk(window, chain, chained(chain, hash), NULL, ret_position);
}

DcSlot *dc_window_find_older(DcWindow *window, DcChain chain, uint64_t hash, uint64_t *position)
{
  DcSlot *slot = dc_window_at(window, *position);
  return slot == NULL ? NULL : chain_walk(window, chain, chained(chain, hash), slot, position);
}

bool dc_window_was_joined(const DcWindow *window, uint64_t hash)
{
  return window->recent[hash % WINDOW_RECENT] == hash;
}

void dc_window_note_joined(DcWindow *window, uint64_t hash)
{
  window->recent[hash % WINDOW_RECENT] = hash;
}

/* --- coming and going --------------------------------------------------------------------------- */

/* What follows a record in its chunk is free, or the last bytes of the chunk: copied is in whole pieces, past the
 * record's end where there is room. */
static uint32_t record_put(DcWindow *window, const uint8_t *record, size_t readable, size_t len)
{
  enum { PIECE = 32 };
  size_t left = CHUNK_RECORDS - (window->records_end & (CHUNK_RECORDS - 1));
  if (left < len) {
    window->records_end += left;
    left = CHUNK_RECORDS;
  }
  const uint64_t at = window->records_end;
  if (len == 0)
    return (uint32_t)at;
  if (at >> RECORDS_SHIFT >= window->records.next)
    chunks_have(&window->records, at >> RECORDS_SHIFT);
  uint8_t *to = chunk_at(&window->records, at >> RECORDS_SHIFT) + (at & (CHUNK_RECORDS - 1));
  if (left >= len + PIECE && len + PIECE <= readable) {
    for (size_t i = 0; i < len; i += PIECE)
      memcpy(to + i, record + i, PIECE);
  } else {
    memcpy(to, record, len);
  }
  window->records_end += len;
  return (uint32_t)at;
}

/* What is put into the window of the record. */
static size_t record_len(const DcFrameKeys *keys, bool own)
{
  if (!own)
    return keys->record_len;
  if (keys->unasked)
    return 0;
  /* Where the headers are not whole, bytes stand for them; a tunnel's follow. */
  return keys->exact != 0 && keys->inner == 0 ? (size_t)keys->brief_len + KEPT_FIXED : keys->record_len;
}

/* At the newest end; all of it is still to be written. */
static DcSlot *slot_take(DcWindow *window, uint64_t *ret_position)
{
  for (;;) {
    if (dc_window_count(window) == window->buckets)
      buckets_grow(window);
    const uint64_t position = window->end++;
    if (position >> SLOTS_SHIFT >= window->slots.next)
      chunks_have(&window->slots, position >> SLOTS_SHIFT);
    window->peak = MAX(window->peak, dc_window_count(window));
    DcSlot *slot = slot_at(window, position);
    *ret_position = position;
    if (G_LIKELY((uint32_t)position != 0))
      return slot;
    /* Its low half would read as "none": a frame that nothing can be joined to. */
    *slot = (DcSlot){.flags = DC_SLOT_JOINED | DC_SLOT_DECIDED,
                     .record_at = (uint32_t)window->records_end,
                     .time_ns = dc_window_count(window) > 1 ? slot_at(window, position - 1)->time_ns : 0};
  }
}

DcSlot *dc_window_add(DcWindow *window, const DcFrameKeys *keys, bool own, uint64_t *ret_position)
{
  DcSlot *slot = slot_take(window, ret_position);
  const size_t len = record_len(keys, own);
  *slot = (DcSlot){
      .exact = keys->exact != 0 ? short_hash(keys->exact) : 0,
      .loose = keys->loose,
      .end_seq = keys->end_seq,
      .ip_id = keys->ip_id,
      .flags = len != 0 ? keys->flags : keys->flags | DC_SLOT_BARE,
      .ethertype = keys->ethertype,
      .dst_port = keys->dst_port,
      .protocol = keys->protocol,
      .record_at = record_put(window, keys->record, sizeof keys->record, len),
  };
  if (len != 0 && len < keys->record_len)
    record_at(window, slot)[keys->brief_len + 1] = 0; /* payload_len */
  if (keys->exact != 0)
    chain_push(window, slot, *ret_position, DC_CHAIN_EXACT, slot->exact);
  if (keys->loose != 0)
    chain_push(window, slot, *ret_position, DC_CHAIN_LOOSE, keys->loose);
  if (keys->inner != 0)
    chain_push(window, slot, *ret_position, DC_CHAIN_INNER, keys->inner);
  return slot;
}

static uint16_t light_flags(const DcLightFrame *light)
{
  enum { PROTO_TCP = 6 };
  unsigned flags = DC_SLOT_IP | DC_SLOT_PORTS;
  if (light->protocol == PROTO_TCP)
    flags |= DC_SLOT_TCP | DC_SLOT_TAKES_SEQUENCE; /* or it would not wait */
  if ((light->tcp_flags & DC_TCP_RST) != 0)
    flags |= DC_SLOT_RESET;
  return (uint16_t)flags;
}

DcSlot *dc_window_add_light(DcWindow *window, const DcLightFrame *light, const uint8_t *record, size_t len,
                            uint64_t *ret_position)
{
  DcSlot *slot = slot_take(window, ret_position);
  *slot = (DcSlot){
      .number = light->number,
      .end_seq = light->end_seq,
      .ip_id = light->ip_id,
      .flags = light_flags(light),
      .ethertype = light->ethertype,
      .dst_port = light->local_port,
      .protocol = light->protocol,
      .direction = DC_DIRECTION_IN,
      .record_at = record_put(window, record, 0, len),
  };
  return slot;
}

DcSlot *dc_window_oldest(DcWindow *window)
{
  return window->begin == window->end ? NULL : slot_at(window, window->begin);
}

void dc_window_remove_oldest(DcWindow *window)
{
  const DcSlot *slot = slot_at(window, window->begin);
  if (slot->note != 0) {
    window->notes[slot->note - 1].next_free = window->free_note;
    window->free_note = slot->note;
  }
  const uint64_t begin = ++window->begin;
  if ((begin & (CHUNK_SLOTS - 1)) != 0)
    return;
  /* Records leave with their slots, a chunk of those at a time. */
  uint64_t records_begin = window->records_end;
  if (begin < window->end)
    records_begin -= (uint32_t)((uint32_t)window->records_end - slot_at(window, begin)->record_at);
  chunks_drop_before(&window->records, records_begin >> RECORDS_SHIFT);
  chunks_drop_before(&window->slots, begin >> SLOTS_SHIFT);
}

DcSlot *dc_window_at(DcWindow *window, uint64_t position)
{
  return position >= window->begin && position < window->end ? slot_at(window, position) : NULL;
}

/* --- what is kept of a frame --------------------------------------------------------------------- */

const uint8_t *dc_window_record(const DcWindow *window, const DcSlot *slot)
{
  return record_at(window, slot);
}

void dc_window_brief(const DcWindow *window, const DcSlot *slot, DcBrief *ret_brief)
{
  if ((slot->flags & DC_SLOT_BARE) != 0)
    memset(ret_brief, 0, sizeof *ret_brief);
  else
    dc_brief_unpack(ret_brief, record_at(window, slot));
  ret_brief->direction = slot->direction;
}

const DcSlotNote *dc_window_note(const DcWindow *window, const DcSlot *slot)
{
  return slot->note != 0 ? &window->notes[slot->note - 1] : NULL;
}

DcSlotNote *dc_window_make_note(DcWindow *window, DcSlot *slot)
{
  if (slot->note != 0)
    return &window->notes[slot->note - 1];
  if (window->free_note != 0) {
    slot->note = window->free_note;
    window->free_note = window->notes[slot->note - 1].next_free;
  } else {
    if (window->notes_used == window->note_capacity) {
      window->note_capacity = MAX(2 * window->note_capacity, 256u);
      window->notes = g_renew(DcSlotNote, window->notes, window->note_capacity);
    }
    slot->note = ++window->notes_used;
  }
  DcSlotNote *note = &window->notes[slot->note - 1];
  *note = (DcSlotNote){.answer_ns = -1};
  return note;
}

static DcKept kept_of(const DcWindow *window, const DcSlot *slot, bool inner)
{
  const uint8_t *record = record_at(window, slot);
  const uint8_t *at = inner ? inner_at(window, slot) + INNER_FIXED : record + dc_brief_record_len(record);
  DcKept kept = {.header_len = at[0], .payload_len = at[1], .payload = at + KEPT_FIXED};
  memcpy(&kept.headers, at + 2, sizeof kept.headers);
  return kept;
}

static bool is_kept(const DcSlot *slot, bool inner)
{
  return (slot->flags & (inner ? DC_SLOT_INNER : DC_SLOT_KEPT)) != 0;
}

bool dc_window_same_headers(const DcWindow *window, const DcSlot *slot, bool inner, const DcNormal *normal,
                            uint64_t headers)
{
  if (!is_kept(slot, inner))
    return false;
  const DcKept kept = kept_of(window, slot, inner);
  return kept.header_len == normal->header_len && kept.headers == headers;
}

bool dc_window_same_bytes(const DcWindow *window, const DcSlot *slot, bool inner, const DcNormal *normal,
                          uint64_t headers)
{
  if (!is_kept(slot, inner))
    return false;
  const DcKept kept = kept_of(window, slot, inner);
  if (kept.header_len != normal->header_len || (kept.headers != 0 && kept.headers != headers))
    return false;
  const size_t from = kept.headers != 0 ? normal->header_len : 0;
  return normal->len >= from &&
         memcmp(kept.payload, normal->bytes + from, MIN(kept.payload_len, normal->len - from)) == 0;
}
