/* Lines of text: drop logs of other tools, a host's state. */
#include "mutate.h"

#include <glib.h>
#include <string.h>

static size_t walk_line(const Bytes *bytes, size_t at, const void *context)
{
  (void)context;
  const uint8_t *newline = at < bytes->len ? memchr(bytes->data + at, '\n', bytes->len - at) : NULL;
  return newline != NULL ? (size_t)(newline - (bytes->data + at)) + 1 : bytes->len - at;
}

static bool is_word(uint8_t c)
{
  return g_ascii_isalnum(c) || c == '_';
}

/* Any word: in its place a number, or another word of the line. */
static void change_word(Bytes *line, Mutation *mutation)
{
  size_t from[2], len[2];
  for (int i = 0; i < 2; i++) {
    from[i] = mutate_below(mutation, line->len);
    while (from[i] > 0 && is_word(line->data[from[i] - 1]))
      from[i]--;
    len[i] = 0;
    while (from[i] + len[i] < line->len && is_word(line->data[from[i] + len[i]]))
      len[i]++;
  }
  g_autofree char *word = g_strndup((const char *)line->data + from[1], len[1]);
  if (mutate_one_in(mutation, 2)) {
    const uint64_t number = mutate_number(mutation);
    g_free(word);
    switch (mutate_below(mutation, 4)) {
    case 0:
      word = g_strdup_printf("%" G_GUINT64_FORMAT, number);
      break;
    case 1:
      word = g_strdup_printf("-%" G_GUINT64_FORMAT, number);
      break;
    case 2:
      word = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", number);
      break;
    default:
      word = g_strdup_printf("%0*" G_GINT64_MODIFIER "x", (int)(number % 17), number);
      break;
    }
  }
  bytes_splice(line, from[0], len[0], word, strlen(word));
}

static void change_line(Bytes *line, const void *context, Mutation *mutation)
{
  (void)context;
  const bool ends = line->len > 0 && line->data[line->len - 1] == '\n';
  if (mutate_one_in(mutation, 2) || line->len == 0)
    mutate_part(line, 0, line->len - (ends ? 1 : 0), mutate_bytewise, NULL, mutation);
  else
    change_word(line, mutation);
}

static void fresh_line(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  mutate_part(bytes, bytes->len, 0, mutate_bytewise, NULL, mutation);
  bytes_append(bytes, "\n", 1);
}

const MutateList mutate_lines = {.walk = walk_line, .change = change_line, .fresh = fresh_line};

/* --- inputs ------------------------------------------------------------------------------------------- */

static void change_drop_text(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  if (bytes->len < 2 || mutate_one_in(mutation, 4))
    mutate_bytewise(bytes, NULL, mutation);
  else
    mutate_list(&mutate_lines, bytes, 1, bytes->len - 1, NULL, mutation);
}

static void cross_drop_text(Bytes *bytes, const Bytes *other, Mutation *mutation)
{
  mutate_list_cross(&mutate_lines, bytes, MIN(bytes->len, 1), other, MIN(other->len, 1), NULL, mutation);
}

static void change_context(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  const size_t name = walk_line(bytes, 0, NULL);
  if (name == bytes->len || mutate_one_in(mutation, 4))
    mutate_bytewise(bytes, NULL, mutation);
  else
    mutate_list(&mutate_lines, bytes, name, bytes->len - name, NULL, mutation);
}

/* The same text as an earlier and a later sample: their difference counts. */
static void cross_context(Bytes *bytes, const Bytes *other, Mutation *mutation)
{
  const size_t name = walk_line(bytes, 0, NULL), other_name = walk_line(other, 0, NULL);
  const bool same = name == other_name && name > 0 && memcmp(bytes->data, other->data, name) == 0;
  if (same && mutate_one_in(mutation, 2)) {
    bytes_append(bytes, "\x01", 1);
    bytes_append(bytes, other->data + name, other->len - name);
  } else {
    mutate_list_cross(&mutate_lines, bytes, name, other, other_name, NULL, mutation);
  }
}

const MutateFormat mutate_drop_text_format = {.change = change_drop_text, .cross = cross_drop_text};
const MutateFormat mutate_context_format = {.change = change_context, .cross = cross_context};
