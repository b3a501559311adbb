#include "dropcorr/source/bundle_manifest.h"

#include "dropcorr/base/clock.h"
#include "manifest.h"

#include <sys/stat.h>

#define SCHEMA "dropcorr-bundle/1"

static void set_text(json_t *object, const char *key, const char *text)
{
  if (text == NULL)
    return;
  g_autofree char *clean = g_utf8_make_valid(text, -1);
  json_object_set_new(object, key, json_string(clean));
}

static void set_time(json_t *object, const char *key, int64_t time_ns)
{
  if (time_ns != DC_TIME_NONE)
    json_object_set_new(object, key, dc_manifest_time(time_ns));
}

static json_t *inputs_value(const char *const *inputs)
{
  json_t *list = json_array();
  for (; inputs != NULL && *inputs != NULL; inputs++) {
    json_t *input = json_object();
    set_text(input, "name", *inputs);
    struct stat status;
    if (stat(*inputs, &status) == 0 && S_ISREG(status.st_mode))
      json_object_set_new(input, "bytes", json_integer((json_int_t)status.st_size));
    json_array_append_new(list, input);
  }
  return list;
}

static json_t *evidence_value(const DcBundleFacts *facts)
{
  json_t *evidence = json_object();
  set_text(evidence, "kernel", facts->kernel);
  set_text(evidence, "interface", facts->interface);
  set_text(evidence, "drop_mode", facts->drop_mode);
  set_text(evidence, "filter", facts->filter);
  set_time(evidence, "first", facts->first_ns);
  set_time(evidence, "last", facts->last_ns);
  json_object_set_new(evidence, "frames", json_integer((json_int_t)facts->frames));
  json_object_set_new(evidence, "drops", json_integer((json_int_t)facts->drops));
  json_object_set_new(evidence, "complete", json_boolean(facts->complete));
  set_text(evidence, "incomplete_why", facts->incomplete_why);
  return evidence;
}

bool dc_bundle_manifest_put(const DcBundleFacts *facts, DcFolder *folder, GError **error)
{
  json_t *manifest = dc_manifest_new(SCHEMA, facts->command_line);
  json_object_set_new(manifest, "live", json_boolean(facts->live));
  if (facts->inputs != NULL)
    json_object_set_new(manifest, "inputs", inputs_value(facts->inputs));
  set_text(manifest, "verdict", facts->verdict);
  json_object_set_new(manifest, "findings", json_integer((json_int_t)facts->findings));
  json_object_set_new(manifest, "evidence", evidence_value(facts));
  set_text(manifest, "payload", facts->payload);
  json_object_set_new(manifest, "anonymized", json_boolean(facts->anonymized));
  if (facts->anonymized) {
    /* who packed it, and where */
    json_object_del(manifest, "user");
    json_object_del(json_object_get(manifest, "clock"), "zone");
    json_object_del(json_object_get(manifest, "clock"), "zone_name");
  }
  json_object_set_new(manifest, "context_left_out", json_integer((json_int_t)facts->context_left_out));
  return dc_manifest_put(manifest, folder, "manifest.json", error);
}
