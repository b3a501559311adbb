/*
 * docs/event-format.md as a check: each key of a line must be documented with its type, and
 * each key documented as "always" must be there.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

typedef struct {
  char *type; /* "integer", "array of time"... */
  bool always;
} EventField;

static void event_field_free(gpointer data)
{
  EventField *field = data;
  g_free(field->type);
  g_free(field);
}

static void event_read_row(GHashTable *keys, const char *row)
{
  g_auto(GStrv) cells = g_strsplit(row, "|", -1);
  if (g_strv_length(cells) < 5)
    return;
  g_auto(GStrv) names = g_strsplit(cells[1], "`", -1); /* the odd pieces are the keys */
  for (guint i = 1; i < g_strv_length(names); i += 2) {
    EventField *field = g_new0(EventField, 1);
    field->type = g_strdup(g_strstrip(cells[2]));
    field->always = strcmp(g_strstrip(cells[3]), "always") == 0;
    g_hash_table_insert(keys, g_strdup(names[i]), field);
  }
}

/* line type -> key path -> EventField. Free with g_hash_table_unref(). */
static GHashTable *event_contract_read(void)
{
  GHashTable *contract;
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  g_file_get_contents(TEST_SOURCE_DIR "/../../docs/event-format.md", &text, NULL, &error);
  g_assert_no_error(error);
  contract = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  GHashTable *keys = NULL;
  for (char **line = lines; *line != NULL; line++) {
    if (g_str_has_prefix(*line, "## ")) {
      keys = NULL;
      if (g_str_has_prefix(*line, "## `")) {
        keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, event_field_free);
        g_hash_table_insert(contract, g_strndup(*line + 4, strcspn(*line + 4, "`")), keys);
      }
    } else if (keys != NULL && g_str_has_prefix(*line, "| `")) {
      event_read_row(keys, *line);
    }
  }
  /* "Its keys are those of `finding`" */
  g_hash_table_insert(contract, g_strdup("alert"), g_hash_table_ref(g_hash_table_lookup(contract, "finding")));
  /* "Keys are those of `handshake`, and:" */
  GHashTable *example = g_hash_table_lookup(contract, "example");
  GHashTableIter iter;
  gpointer key, data;
  g_hash_table_iter_init(&iter, g_hash_table_lookup(contract, "handshake"));
  while (g_hash_table_iter_next(&iter, &key, &data)) {
    EventField *copy = g_new0(EventField, 1);
    *copy =
        (EventField){.type = g_strdup(((const EventField *)data)->type), .always = ((const EventField *)data)->always};
    g_hash_table_insert(example, g_strdup(key), copy);
  }
  static const char *const TYPES[] = {"header", "frame",      "drop",    "handshake", "finding",  "alert",
                                      "check",  "drop-group", "service", "example",   "activity", "summary"};
  for (size_t i = 0; i < G_N_ELEMENTS(TYPES); i++)
    g_assert_cmpuint(g_hash_table_size(g_hash_table_lookup(contract, TYPES[i])), >, 3);
  return contract;
}

static bool event_is_time(const json_t *value)
{
  return json_is_string(value) && g_regex_match_simple("^-?[0-9]+\\.[0-9]{9}$", json_string_value(value), 0, 0);
}

static bool event_has_type(const json_t *value, const char *type)
{
  if (g_str_has_prefix(type, "array of ")) {
    if (!json_is_array(value))
      return false;
    for (size_t i = 0; i < json_array_size(value); i++)
      if (!event_has_type(json_array_get(value, i), type + strlen("array of ")))
        return false;
    return true;
  }
  if (strcmp(type, "time") == 0)
    return event_is_time(value);
  if (strcmp(type, "string") == 0)
    return json_is_string(value);
  if (strcmp(type, "integer") == 0)
    return json_is_integer(value);
  if (strcmp(type, "boolean") == 0)
    return json_is_boolean(value);
  g_error("the document names a type \"%s\"", type);
}

static void event_walk(GHashTable *keys, const char *prefix, json_t *object)
{
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value)
  {
    g_autofree char *path = g_strdup_printf("%s%s", prefix, key);
    const EventField *field = g_hash_table_lookup(keys, path);
    if (field != NULL) {
      if (!event_has_type(value, field->type))
        g_error("%s is no %s", path, field->type);
    } else if (json_is_object(value)) {
      g_autofree char *below = g_strdup_printf("%s.", path);
      event_walk(keys, below, value);
    } else if (json_is_array(value)) {
      g_autofree char *below = g_strdup_printf("%s[].", path);
      for (size_t i = 0; i < json_array_size(value); i++) {
        g_assert_true(json_is_object(json_array_get(value, i)));
        event_walk(keys, below, json_array_get(value, i));
      }
    } else {
      g_error("%s is not documented", path);
    }
  }
}

static json_t *event_at_path(json_t *object, const char *path)
{
  g_auto(GStrv) steps = g_strsplit(path, ".", -1);
  for (char **step = steps; *step != NULL && object != NULL; step++)
    object = json_object_get(object, *step);
  return object;
}

static void event_contract_check(GHashTable *contract, json_t *line)
{
  const char *type = json_string_value(json_object_get(line, "type"));
  g_assert_nonnull(type);
  GHashTable *keys = g_hash_table_lookup(contract, type);
  if (keys == NULL)
    g_error("line type %s is not documented", type);
  event_walk(keys, "", line);
  GHashTableIter iter;
  gpointer path, data;
  g_hash_table_iter_init(&iter, keys);
  while (g_hash_table_iter_next(&iter, &path, &data)) {
    const EventField *field = data;
    if (field->always && strstr(path, "[]") == NULL && event_at_path(line, path) == NULL)
      g_error("%s lacks %s", type, (const char *)path);
  }
}
