#include "mutate.h"

#include <glib.h>
#include <string.h>

/* A part may grow by so much in one change. */
#define GROWTH_MAX 2048u

#define UNITS_MAX 1024u

uint32_t mutate_below(Mutation *mutation, size_t bound)
{
  /* splitmix64 */
  uint64_t z = mutation->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return bound > 0 ? (uint32_t)((z & UINT32_MAX) * bound >> 32) : 0;
}

bool mutate_one_in(Mutation *mutation, uint32_t n)
{
  return mutate_below(mutation, n) == 0;
}

uint64_t mutate_number(Mutation *mutation)
{
  const uint64_t power = UINT64_C(1) << mutate_below(mutation, 64);
  switch (mutate_below(mutation, 4)) {
  case 0:
    return mutate_below(mutation, 64);
  case 1:
    return power - 1;
  case 2:
    return power + mutate_below(mutation, 3);
  default:
    return (uint64_t)mutate_below(mutation, (size_t)UINT32_MAX + 1) << 32 |
           mutate_below(mutation, (size_t)UINT32_MAX + 1);
  }
}

/* --- bytes ---------------------------------------------------------------------------------------- */

uint64_t bytes_get(const Bytes *bytes, size_t at, unsigned width, bool big)
{
  uint64_t value = 0;
  for (unsigned i = 0; i < width; i++) {
    const size_t from = at + (big ? i : width - 1 - i);
    value = value << 8 | (from < bytes->len ? bytes->data[from] : 0);
  }
  return value;
}

void bytes_put(Bytes *bytes, size_t at, unsigned width, bool big, uint64_t value)
{
  for (unsigned i = 0; i < width; i++) {
    const size_t to = at + (big ? width - 1 - i : i);
    if (to < bytes->len)
      bytes->data[to] = (uint8_t)(value >> 8 * i);
  }
}

bool bytes_splice(Bytes *bytes, size_t at, size_t removed, const void *with, size_t len)
{
  at = MIN(at, bytes->len);
  removed = MIN(removed, bytes->len - at);
  if (len > bytes->max - (bytes->len - removed))
    return false;
  memmove(bytes->data + at + len, bytes->data + at + removed, bytes->len - at - removed);
  if (with != NULL)
    memcpy(bytes->data + at, with, len);
  else
    memset(bytes->data + at, 0, len);
  bytes->len += len - removed;
  return true;
}

bool bytes_append(Bytes *bytes, const void *with, size_t len)
{
  return bytes_splice(bytes, bytes->len, 0, with, len);
}

bool bytes_append_number(Bytes *bytes, unsigned width, bool big, uint64_t value)
{
  if (!bytes_append(bytes, NULL, width))
    return false;
  bytes_put(bytes, bytes->len - width, width, big, value);
  return true;
}

void bytes_align(Bytes *bytes, size_t alignment)
{
  bytes_append(bytes, NULL, (alignment - bytes->len % alignment) % alignment);
}

/* --- parts ------------------------------------------------------------------------------------------ */

void mutate_bytewise(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  if (bytes->max > 0)
    bytes->len = mutation->bytewise(bytes->data, bytes->len, bytes->max);
}

size_t mutate_part(Bytes *bytes, size_t at, size_t len, MutateFunc *change, const void *context, Mutation *mutation)
{
  at = MIN(at, bytes->len);
  len = MIN(len, bytes->len - at);
  const size_t max = len + MIN(bytes->max - bytes->len, GROWTH_MAX);
  g_autofree uint8_t *copy = g_malloc(max + 1);
  memcpy(copy, bytes->data + at, len);
  Bytes part = {.data = copy, .len = len, .max = max};
  change(&part, context, mutation);
  return bytes_splice(bytes, at, len, part.data, part.len) ? part.len : len;
}

/* --- lists ------------------------------------------------------------------------------------------- */

typedef struct {
  size_t at[UNITS_MAX + 1]; /* where each begins, and the last one ends */
  size_t count;
} Units;

static void find_units(const MutateList *list, const Bytes *bytes, size_t at, size_t end, const void *context,
                       Units *units)
{
  units->count = 0;
  while (at < end && units->count < UNITS_MAX) {
    const size_t len = list->walk(bytes, at, context);
    if (len == 0 || len > end - at)
      break;
    units->at[units->count++] = at;
    at += len;
  }
  units->at[units->count] = at;
}

static size_t unit_len(const Units *units, size_t index)
{
  return units->at[index + 1] - units->at[index];
}

static void append_fresh(Bytes *bytes, const void *context, Mutation *mutation)
{
  const void *const *both = context;
  const MutateList *list = both[0];
  list->fresh(bytes, both[1], mutation);
}

size_t mutate_list(const MutateList *list, Bytes *bytes, size_t at, size_t len, const void *context, Mutation *mutation)
{
  Units units;
  const size_t before = bytes->len;
  find_units(list, bytes, at, MIN(at + len, bytes->len), context, &units);
  const size_t one = mutate_below(mutation, units.count);
  const size_t place = units.at[mutate_below(mutation, units.count + 1)];
  const void *both[] = {list, context};
  g_autofree uint8_t *copy = NULL;
  switch (units.count > 0 ? mutate_below(mutation, 10) : 0) {
  case 0:
  case 1:
    mutate_part(bytes, place, 0, append_fresh, both, mutation);
    break;
  case 2:
    bytes_splice(bytes, units.at[one], unit_len(&units, one), NULL, 0);
    break;
  case 3:
    copy = g_memdup2(bytes->data + units.at[one], unit_len(&units, one));
    bytes_splice(bytes, place, 0, copy, unit_len(&units, one));
    break;
  case 4: /* two change places */
    if (one + 1 < units.count) {
      const size_t first = unit_len(&units, one);
      copy = g_memdup2(bytes->data + units.at[one], first);
      bytes_splice(bytes, units.at[one], first, NULL, 0);
      bytes_splice(bytes, units.at[one] + unit_len(&units, one + 1), 0, copy, first);
      break;
    }
    G_GNUC_FALLTHROUGH;
  default:
    mutate_part(bytes, units.at[one], unit_len(&units, one), list->change, context, mutation);
    break;
  }
  return len + bytes->len - before;
}

void mutate_list_cross(const MutateList *list, Bytes *bytes, size_t at, const Bytes *other, size_t other_at,
                       const void *context, Mutation *mutation)
{
  Units units, others;
  find_units(list, other, other_at, other->len, context, &others);
  for (uint32_t i = 0; others.count > 0 && i <= mutate_below(mutation, 4); i++) {
    find_units(list, bytes, at, bytes->len, context, &units);
    const size_t from = mutate_below(mutation, others.count);
    const size_t until = from + mutate_below(mutation, MIN(others.count - from, 4)) + 1;
    const size_t to = mutate_below(mutation, units.count + 1);
    const size_t removed = to < units.count && mutate_one_in(mutation, 2) ? unit_len(&units, to) : 0;
    bytes_splice(bytes, units.at[to], removed, other->data + others.at[from], others.at[until] - others.at[from]);
  }
}

bool mutate_list_pick(const MutateList *list, const Bytes *bytes, size_t at, const void *context, Mutation *mutation,
                      size_t *ret_at, size_t *ret_len)
{
  Units units;
  find_units(list, bytes, at, bytes->len, context, &units);
  if (units.count == 0)
    return false;
  const size_t one = mutate_below(mutation, units.count);
  *ret_at = units.at[one];
  *ret_len = unit_len(&units, one);
  return true;
}
