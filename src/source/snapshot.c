#include "dropcorr/source/snapshot.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/source/sample_list.h"
#include "manifest.h"

#include <cap-ng.h>
#include <poll.h>
#include <string.h>

#define SCHEMA "dropcorr-snapshot/1"

typedef struct {
  const DcSnapshotOptions *options;
  DcFolder *folder;
  char **devices;
  DcSnapshotResult result;
  GHashTable *gaps; /* char*, borrowed from result: those told already */
} Snapshot;

static const char *capability(DcSampleNeeds needs)
{
  switch (needs) {
  case DC_SAMPLE_NEEDS_NOTHING:
    break;
  case DC_SAMPLE_NEEDS_SYSLOG:
    return "CAP_SYSLOG";
  case DC_SAMPLE_NEEDS_ADMIN:
    return "CAP_NET_ADMIN";
  case DC_SAMPLE_NEEDS_PTRACE:
    return "CAP_SYS_PTRACE";
  }
  return NULL;
}

static void gap_free(gpointer data)
{
  DcSnapshotGap *gap = data;
  g_free(gap->object);
  g_free(gap->why);
  g_free(gap);
}

static void add_gap(Snapshot *snapshot, const DcSampleObject *object, const char *name, const char *why,
                    bool permission)
{
  if (g_hash_table_contains(snapshot->gaps, name))
    return;
  DcSnapshotGap *gap = g_new0(DcSnapshotGap, 1);
  gap->object = g_strdup(name);
  gap->why = g_strdup(why);
  gap->permission = permission;
  gap->need = capability(object->needs);
  g_ptr_array_add(snapshot->result.gaps, gap);
  g_hash_table_add(snapshot->gaps, gap->object);
}

static bool put(Snapshot *snapshot, const char *prefix, const char *name, const void *bytes, size_t len, GError **error)
{
  g_autofree char *file = g_strconcat(prefix, name, NULL);
  return dc_folder_put(snapshot->folder, file, bytes, len, error);
}

static bool sees_all_processes(void)
{
  return capng_get_caps_process() != 0 || capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_PTRACE);
}

/* False only when it could not be written; what could not be read is a gap. */
static bool take_object(Snapshot *snapshot, const char *prefix, const DcSampleObject *object, const char *device,
                        GError **error)
{
  g_autoptr(GByteArray) text = g_byte_array_new();
  g_autoptr(GError) failure = NULL;
  g_autofree char *name = dc_sample_name(object, device);
  const char *root = snapshot->options->root;
  const bool read = device != NULL ? dc_sample_read_device(object, root, device, text, &failure)
                                   : dc_sample_read(object, root, text, &failure);
  if (!read) {
    add_gap(snapshot, object, name, failure->message, g_error_matches(failure, DC_ERROR, DC_ERROR_PERMISSION));
    return true;
  }
  if (object->needs == DC_SAMPLE_NEEDS_PTRACE && !sees_all_processes())
    add_gap(snapshot, object, name, "other users' processes have no names in it", true);
  if (!put(snapshot, prefix, name, text->data, text->len, error))
    return false;
  snapshot->result.files++;
  return true;
}

static bool take_all(Snapshot *snapshot, const char *prefix, GError **error)
{
  char time[32];
  dc_clock_format_ns(dc_clock_realtime(), time);
  g_autofree char *line = g_strconcat(time, "\n", NULL);
  size_t count = 0;
  const DcSampleObject *objects = dc_sample_objects(&count);
  for (size_t i = 0; i < count; i++) {
    if (!objects[i].per_device) {
      if (!take_object(snapshot, prefix, &objects[i], NULL, error))
        return false;
      continue;
    }
    for (char **device = snapshot->devices; *device != NULL; device++) {
      if (!take_object(snapshot, prefix, &objects[i], *device, error))
        return false;
    }
  }
  return put(snapshot, prefix, "time", line, strlen(line), error);
}

static void wait_for(int64_t duration_ns, const DcStop *stop)
{
  const int64_t end_ns = dc_clock_monotonic() + duration_ns;
  int64_t left_ns;
  while (!dc_stop_requested(stop) && (left_ns = end_ns - dc_clock_monotonic()) > 0) {
    struct pollfd waiting = {.fd = dc_stop_fd(stop), .events = POLLIN};
    (void)poll(&waiting, 1, (int)(MIN(left_ns, 3600 * DC_NS_PER_S) / DC_NS_PER_MS + 1));
  }
}

static bool put_manifest(Snapshot *snapshot, int64_t begin_ns, GError **error)
{
  const DcSnapshotOptions *options = snapshot->options;
  json_t *manifest = dc_manifest_new(SCHEMA, options->command_line);
  json_object_set_new(manifest, "begin", dc_manifest_time(begin_ns));
  json_object_set_new(manifest, "end", dc_manifest_time(dc_clock_realtime()));
  json_object_set_new(manifest, "pairs", json_boolean(options->duration_ns > 0));
  json_t *missing = json_array();
  for (guint i = 0; i < snapshot->result.gaps->len; i++) {
    const DcSnapshotGap *gap = g_ptr_array_index(snapshot->result.gaps, i);
    g_autofree char *why = g_utf8_make_valid(gap->why, -1);
    g_autofree char *name = g_utf8_make_valid(gap->object, -1);
    json_t *row = json_object();
    json_object_set_new(row, "name", json_string(name));
    json_object_set_new(row, "why", json_string(why));
    json_object_set_new(row, "permission", json_boolean(gap->permission));
    if (gap->permission && gap->need != NULL)
      json_object_set_new(row, "needs", json_string(gap->need));
    json_array_append_new(missing, row);
  }
  json_object_set_new(manifest, "missing", missing);
  return dc_manifest_put(manifest, snapshot->folder, "snapshot.json", error);
}

static bool find_devices(Snapshot *snapshot, GError **error)
{
  const char *interface = snapshot->options->interface;
  snapshot->devices = dc_sample_devices(snapshot->options->root, error);
  if (snapshot->devices == NULL)
    return false;
  if (interface == NULL || strcmp(interface, "any") == 0)
    return true;
  if (!g_strv_contains((const char *const *)snapshot->devices, interface)) {
    g_set_error(error, DC_ERROR, DC_ERROR_NOT_FOUND, "%s: no such device (see dropcorr -D)", interface);
    return false;
  }
  g_strfreev(snapshot->devices);
  snapshot->devices = g_new0(char *, 2);
  snapshot->devices[0] = g_strdup(interface);
  return true;
}

static bool write_snapshot(Snapshot *snapshot, const DcStop *stop, GError **error)
{
  const DcSnapshotOptions *options = snapshot->options;
  const bool pairs = options->duration_ns > 0;
  if (!find_devices(snapshot, error))
    return false;
  snapshot->folder = dc_folder_create(options->path, options->owner, options->group, error);
  if (snapshot->folder == NULL)
    return false;
  const int64_t begin_ns = dc_clock_realtime();
  if (!take_all(snapshot, pairs ? "before." : "", error))
    return false;
  if (snapshot->result.files == 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_NOT_FOUND, "%s: nothing of this host could be read (is /proc mounted?)",
                options->path);
    return false;
  }
  if (pairs) {
    wait_for(options->duration_ns, stop);
    if (!take_all(snapshot, "after.", error))
      return false;
  }
  g_autofree char *clock = dc_manifest_clock_text();
  return dc_folder_put(snapshot->folder, "clock", clock, strlen(clock), error) &&
         put_manifest(snapshot, begin_ns, error) && dc_folder_finish(snapshot->folder, error);
}

bool dc_snapshot_write(const DcSnapshotOptions *options, const DcStop *stop, DcSnapshotResult *ret_result,
                       GError **error)
{
  Snapshot snapshot = {.options = options,
                       .result = {.gaps = g_ptr_array_new_with_free_func(gap_free)},
                       .gaps = g_hash_table_new(g_str_hash, g_str_equal)};
  const bool ok = write_snapshot(&snapshot, stop, error);
  g_hash_table_unref(snapshot.gaps);
  g_strfreev(snapshot.devices);
  dc_folder_free(snapshot.folder);
  if (ok)
    *ret_result = snapshot.result;
  else
    dc_snapshot_result_clear(&snapshot.result);
  return ok;
}

void dc_snapshot_result_clear(DcSnapshotResult *result)
{
  g_clear_pointer(&result->gaps, g_ptr_array_unref);
  result->files = 0;
}
