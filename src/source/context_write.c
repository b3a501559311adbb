#include "dropcorr/source/context_write.h"

#include "dropcorr/decode/state_text.h"

#include <string.h>

enum { SLOT_EARLIER, SLOT_BEFORE, SLOT_ONCE, SLOT_AFTER, SLOTS };

static const char *const prefixes[SLOTS] = {"earlier.", "before.", "", "after."};

typedef struct {
  char *name;
  GBytes *texts[SLOTS]; /* NULL: none */
} Object;

struct DcContextWriter {
  GPtrArray *objects; /* Object*, in order of appearance */
  GHashTable *by_name;
  size_t bytes;
  int64_t times_ns[SLOTS]; /* of the first sample with one */
  uint64_t left_out;
};

static void object_free(gpointer data)
{
  Object *object = data;
  for (size_t i = 0; i < SLOTS; i++)
    g_clear_pointer(&object->texts[i], g_bytes_unref);
  g_free(object->name);
  g_free(object);
}

DcContextWriter *dc_context_writer_new(void)
{
  DcContextWriter *writer = g_new0(DcContextWriter, 1);
  writer->objects = g_ptr_array_new_with_free_func(object_free);
  writer->by_name = g_hash_table_new(g_str_hash, g_str_equal);
  for (size_t i = 0; i < SLOTS; i++)
    writer->times_ns[i] = DC_TIME_NONE;
  return writer;
}

static Object *object_of(DcContextWriter *writer, const char *name)
{
  Object *object = g_hash_table_lookup(writer->by_name, name);
  if (object != NULL)
    return object;
  object = g_new0(Object, 1);
  object->name = g_strdup(name);
  g_ptr_array_add(writer->objects, object);
  g_hash_table_insert(writer->by_name, object->name, object);
  return object;
}

static size_t size_of(const GBytes *text)
{
  return text != NULL ? g_bytes_get_size((GBytes *)(uintptr_t)text) : 0;
}

static int slot_of(DcPhase phase)
{
  switch (phase) {
  case DC_PHASE_BEFORE:
    return SLOT_BEFORE;
  case DC_PHASE_AFTER:
    return SLOT_AFTER;
  case DC_PHASE_ONCE:
    return SLOT_ONCE;
  case DC_PHASE_TICK:
    break;
  }
  return SLOTS;
}

void dc_context_writer_add(DcContextWriter *writer, const DcSample *sample)
{
  if (sample->phase == DC_PHASE_TICK)
    return;
  if (strchr(sample->name, '/') != NULL || sample->name[0] == '.' || !dc_state_text_known(sample->name, NULL)) {
    writer->left_out++;
    return;
  }
  Object *object = object_of(writer, sample->name);
  const int slot = slot_of((DcPhase)sample->phase);
  if (slot == SLOTS)
    return;
  /* The first reading before stays beside the last one: what moved between them is no news. */
  const bool shifts = slot == SLOT_BEFORE && object->texts[SLOT_BEFORE] != NULL && object->texts[SLOT_EARLIER] == NULL;
  const size_t replaced = shifts ? 0 : size_of(object->texts[slot]);
  if (writer->bytes - replaced + sample->len > DC_CONTEXT_WRITE_MAX) {
    writer->left_out++;
    return;
  }
  if (shifts)
    object->texts[SLOT_EARLIER] = g_steal_pointer(&object->texts[SLOT_BEFORE]);
  g_clear_pointer(&object->texts[slot], g_bytes_unref);
  object->texts[slot] = g_bytes_new(sample->text, sample->len);
  writer->bytes = writer->bytes - replaced + sample->len;
  if (writer->times_ns[slot] == DC_TIME_NONE)
    writer->times_ns[slot] = sample->time_ns;
}

static bool put_time(const DcContextWriter *writer, int slot, DcFolder *folder, const char *prefix, GError **error)
{
  if (writer->times_ns[slot] == DC_TIME_NONE)
    return true;
  char time[32];
  dc_clock_format_ns(writer->times_ns[slot], time);
  g_autofree char *line = g_strconcat(time, "\n", NULL);
  g_autofree char *name = g_strconcat(prefix, prefixes[slot], "time", NULL);
  return dc_folder_put(folder, name, line, strlen(line), error);
}

bool dc_context_writer_put(const DcContextWriter *writer, DcFolder *folder, const char *prefix, GError **error)
{
  for (int slot = 0; slot < SLOTS; slot++) {
    for (guint i = 0; i < writer->objects->len; i++) {
      const Object *object = g_ptr_array_index(writer->objects, i);
      if (object->texts[slot] == NULL)
        continue;
      g_autofree char *name = g_strconcat(prefix, prefixes[slot], object->name, NULL);
      gsize len = 0;
      const void *text = g_bytes_get_data(object->texts[slot], &len);
      if (!dc_folder_put(folder, name, text, len, error))
        return false;
    }
    if (!put_time(writer, slot, folder, prefix, error))
      return false;
  }
  return true;
}

uint64_t dc_context_writer_left_out(const DcContextWriter *writer)
{
  return writer->left_out;
}

void dc_context_writer_free(DcContextWriter *writer)
{
  if (writer == NULL)
    return;
  g_hash_table_unref(writer->by_name);
  g_ptr_array_unref(writer->objects);
  g_free(writer);
}
