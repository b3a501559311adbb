/*
 * Of a frame, 8 bytes:
 *
 *   | drop number (48) | comment number + 1 (14) | direction (2) |
 *
 * and of a drop 16. Numbers of frames and drops index the two arrays.
 */
#include "dropcorr/cli/verdict_table.h"

#include "dropcorr/base/spill.h"

#include <string.h>

#define DROP_BITS 48
#define COMMENT_BITS 14
#define COMMENTS_MAX ((1u << COMMENT_BITS) - 1)
#define PLACES_MAX UINT16_MAX

typedef struct {
  uint64_t frame;
  uint16_t place; /* number + 1; 0: none */
  uint8_t known;
  uint8_t status, why, cause, match;
  uint8_t spare;
} DropRecord;

struct DcVerdictTable {
  DcSpill *frames;             /* uint64_t */
  DcSpill *drops;              /* DropRecord */
  GHashTable *comment_numbers; /* DcCommentVerdict as 64 bits to its number */
  GArray *comments;            /* DcCommentVerdict */
  GHashTable *place_numbers;   /* text to its number */
  GPtrArray *places;           /* char* */
  GString *scratch;
  uint64_t unnamed; /* for which there was no number left */
};

DcVerdictTable *dc_verdict_table_new(uint64_t limit_bytes)
{
  DcVerdictTable *table = g_new0(DcVerdictTable, 1);
  table->frames = dc_spill_new(sizeof(uint64_t), limit_bytes);
  table->drops = dc_spill_new(sizeof(DropRecord), limit_bytes);
  table->comment_numbers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  table->comments = g_array_new(FALSE, FALSE, sizeof(DcCommentVerdict));
  table->place_numbers = g_hash_table_new(g_str_hash, g_str_equal);
  table->places = g_ptr_array_new_with_free_func(g_free);
  table->scratch = g_string_new(NULL);
  return table;
}

/* From 1; 0 when there are too many distinct ones. */
static uint64_t comment_number(DcVerdictTable *table, const DcCommentVerdict *comment)
{
  gint64 key;
  _Static_assert(sizeof key == sizeof *comment, "a comment is its own key");
  memcpy(&key, comment, sizeof key);
  const gpointer found = g_hash_table_lookup(table->comment_numbers, &key);
  if (found != NULL)
    return GPOINTER_TO_SIZE(found);
  if (table->comments->len >= COMMENTS_MAX) {
    table->unnamed++;
    return 0;
  }
  g_array_append_val(table->comments, *comment);
  const gsize number = table->comments->len;
  g_hash_table_insert(table->comment_numbers, g_memdup2(&key, sizeof key), GSIZE_TO_POINTER(number));
  return number;
}

static uint16_t place_number(DcVerdictTable *table, const DcDrop *drop)
{
  g_string_truncate(table->scratch, 0);
  dc_comment_place(table->scratch, drop);
  if (table->scratch->len == 0)
    return 0;
  const gpointer found = g_hash_table_lookup(table->place_numbers, table->scratch->str);
  if (found != NULL)
    return (uint16_t)GPOINTER_TO_SIZE(found);
  if (table->places->len >= PLACES_MAX) {
    table->unnamed++;
    return 0;
  }
  char *text = g_strndup(table->scratch->str, table->scratch->len);
  g_ptr_array_add(table->places, text);
  g_hash_table_insert(table->place_numbers, text, GSIZE_TO_POINTER(table->places->len));
  return (uint16_t)table->places->len;
}

void dc_verdict_table_add_frame(DcVerdictTable *table, const DcFrameVerdict *verdict)
{
  DcCommentVerdict comment;
  dc_comment_verdict(&comment, verdict);
  const uint64_t drop = verdict->drop >> DROP_BITS == 0 ? verdict->drop : 0;
  const uint64_t record = drop << (COMMENT_BITS + 2) | comment_number(table, &comment) << 2 | verdict->brief.direction;
  (void)dc_spill_put(table->frames, verdict->frame, &record);
}

void dc_verdict_table_add_drop(DcVerdictTable *table, const DcDropVerdict *verdict)
{
  const DcDropStatus status = (DcDropStatus)verdict->status;
  const DropRecord record = {
      .frame = verdict->frame,
      .place = place_number(table, verdict->drop),
      .known = 1,
      .status = verdict->status,
      .why = status == DC_DROP_STATUS_UNMATCHED ? verdict->unmatched_why : verdict->aside_why,
      .cause = verdict->cause,
      .match = verdict->match,
  };
  (void)dc_spill_put(table->drops, verdict->drop->number, &record);
}

static const char *place_text(const DcVerdictTable *table, uint16_t number)
{
  return number > 0 && number <= table->places->len ? g_ptr_array_index(table->places, number - 1u) : NULL;
}

bool dc_verdict_table_drop(DcVerdictTable *table, uint64_t number, DcDropEntry *ret_entry)
{
  DropRecord record;
  dc_spill_get(table->drops, number, &record);
  if (!record.known)
    return false;
  *ret_entry = (DcDropEntry){.status = (DcDropStatus)record.status,
                             .why = record.why,
                             .cause = (DcCause)record.cause,
                             .match = (DcMatch)record.match,
                             .frame = record.frame,
                             .place = place_text(table, record.place)};
  return true;
}

bool dc_verdict_table_frame(DcVerdictTable *table, uint64_t number, DcFrameEntry *ret_entry)
{
  uint64_t record;
  dc_spill_get(table->frames, number, &record);
  const uint64_t comment = record >> 2 & COMMENTS_MAX;
  if (comment == 0 || comment > table->comments->len)
    return false;
  *ret_entry = (DcFrameEntry){.direction = (DcDirection)(record & 3),
                              .comment = g_array_index(table->comments, DcCommentVerdict, comment - 1)};
  const uint64_t drop = record >> (COMMENT_BITS + 2);
  DcDropEntry entry;
  if (drop != 0 && dc_verdict_table_drop(table, drop, &entry))
    ret_entry->place = entry.place;
  return true;
}

uint64_t dc_verdict_table_lost(const DcVerdictTable *table)
{
  return dc_spill_lost(table->frames) + dc_spill_lost(table->drops) + table->unnamed;
}

const char *dc_verdict_table_why(const DcVerdictTable *table)
{
  const char *why = dc_spill_why(table->frames);
  if (why == NULL)
    why = dc_spill_why(table->drops);
  return why != NULL || table->unnamed == 0 ? why : "too many distinct verdicts";
}

void dc_verdict_table_free(DcVerdictTable *table)
{
  if (table == NULL)
    return;
  dc_spill_free(table->frames);
  dc_spill_free(table->drops);
  g_hash_table_unref(table->comment_numbers);
  g_hash_table_unref(table->place_numbers);
  g_array_unref(table->comments);
  g_ptr_array_unref(table->places);
  g_string_free(table->scratch, TRUE);
  g_free(table);
}
