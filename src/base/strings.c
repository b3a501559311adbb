#include "dropcorr/base/strings.h"

#include "dropcorr/base/hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FIRST_SLOTS 256

typedef struct {
  uint64_t hash;
  char *text; /* NULL: free */
} Slot;

struct DcStrings {
  Slot *slots; /* open addressing, linear probing, never more than half full */
  size_t slot_count;
  size_t count;
  size_t limit;
  GStringChunk *chunk;
};

DcStrings *dc_strings_new(size_t limit)
{
  DcStrings *strings = g_new0(DcStrings, 1);
  strings->slot_count = FIRST_SLOTS;
  strings->slots = g_new0(Slot, strings->slot_count);
  strings->limit = limit;
  strings->chunk = g_string_chunk_new(4096);
  return strings;
}

static bool is_plain(const char *text, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    const unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c >= 0x7f)
      return false;
  }
  return true;
}

/* Copies text with everything unprintable (control and format characters, broken UTF-8)
 * as '?'. Never longer than the original. */
static size_t make_printable(const char *text, size_t len, char *copy)
{
  size_t out = 0;
  for (size_t i = 0; i < len;) {
    const gunichar c = g_utf8_get_char_validated(text + i, (gssize)(len - i));
    if (c == (gunichar)-1 || c == (gunichar)-2) {
      copy[out++] = '?';
      i++;
      continue;
    }
    const size_t size = (size_t)(g_utf8_next_char(text + i) - (text + i));
    if (g_unichar_isprint(c)) {
      memcpy(copy + out, text + i, size);
      out += size;
    } else {
      copy[out++] = '?';
    }
    i += size;
  }
  return out;
}

static Slot *find_slot(Slot *slots, size_t slot_count, uint64_t hash, const char *text, size_t len)
{
  for (size_t i = (size_t)hash & (slot_count - 1);; i = (i + 1) & (slot_count - 1)) {
    Slot *slot = &slots[i];
    if (slot->text == NULL || (slot->hash == hash && strncmp(slot->text, text, len) == 0 && slot->text[len] == '\0'))
      return slot;
  }
}

static void grow(DcStrings *strings)
{
  const size_t slot_count = strings->slot_count * 2;
  Slot *slots = g_new0(Slot, slot_count);
  for (size_t i = 0; i < strings->slot_count; i++) {
    const Slot *old = &strings->slots[i];
    if (old->text != NULL)
      *find_slot(slots, slot_count, old->hash, old->text, strlen(old->text)) = *old;
  }
  g_free(strings->slots);
  strings->slots = slots;
  strings->slot_count = slot_count;
}

const char *dc_strings_add(DcStrings *strings, const char *text, size_t len)
{
  if (text == NULL)
    return NULL;
  len = strnlen(text, len < DC_STRINGS_LENGTH_MAX ? len : DC_STRINGS_LENGTH_MAX);
  char copy[DC_STRINGS_LENGTH_MAX];
  if (!is_plain(text, len)) {
    len = make_printable(text, len, copy);
    text = copy;
  }
  const uint64_t hash = dc_hash_bytes(text, len);
  Slot *slot = find_slot(strings->slots, strings->slot_count, hash, text, len);
  if (slot->text != NULL)
    return slot->text;
  if (strings->count >= strings->limit)
    return DC_STRINGS_OVERFLOW;
  if ((strings->count + 1) * 2 > strings->slot_count) {
    grow(strings);
    slot = find_slot(strings->slots, strings->slot_count, hash, text, len);
  }
  slot->hash = hash;
  slot->text = g_string_chunk_insert_len(strings->chunk, text, (gssize)len);
  strings->count++;
  return slot->text;
}

void dc_strings_free(DcStrings *strings)
{
  if (strings == NULL)
    return;
  g_string_chunk_free(strings->chunk);
  g_free(strings->slots);
  g_free(strings);
}
