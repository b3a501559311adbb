#include "manifest.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/source/privilege.h"
#include "sample_private.h"

#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

json_t *dc_manifest_time(int64_t time_ns)
{
  char text[32];
  dc_clock_format_ns(time_ns, text);
  return json_string(text);
}

/* Text from the host need not be UTF-8, which JSON must be. */
static json_t *text_value(const char *text)
{
  g_autofree char *clean = g_utf8_make_valid(text, -1);
  return json_string(clean);
}

/* --- clocks ---------------------------------------------------------------------------- */

typedef struct {
  int64_t realtime_ns, monotonic_ns, boottime_ns;
  char zone[16];      /* "+0100" */
  char zone_name[32]; /* "CET" */
  char source[64];    /* "tsc"; empty unknown */
  bool has_discipline;
  bool synchronised;
  int64_t max_error_us;
} ClockState;

static void read_clocks(ClockState *state)
{
  *state = (ClockState){.realtime_ns = dc_clock_realtime()};
  state->monotonic_ns = state->realtime_ns - dc_clock_monotonic_offset();
  struct timespec boot = {0};
  if (clock_gettime(CLOCK_BOOTTIME, &boot) == 0)
    state->boottime_ns = (int64_t)boot.tv_sec * DC_NS_PER_S + boot.tv_nsec;
  const time_t seconds = (time_t)(state->realtime_ns / DC_NS_PER_S);
  struct tm local;
  if (localtime_r(&seconds, &local) != NULL) {
    strftime(state->zone, sizeof state->zone, "%z", &local);
    strftime(state->zone_name, sizeof state->zone_name, "%Z", &local);
  }
  if (!dc_sample_value(CLOCKSOURCE, state->source, sizeof state->source))
    state->source[0] = '\0';
  struct timex discipline = {.modes = 0}; /* asks, sets nothing, needs no privilege */
  state->has_discipline = adjtimex(&discipline) >= 0;
  state->synchronised = state->has_discipline && (discipline.status & STA_UNSYNC) == 0;
  state->max_error_us = (int64_t)discipline.maxerror;
}

static json_t *clock_value(void)
{
  ClockState state;
  read_clocks(&state);
  json_t *clock = json_object();
  json_object_set_new(clock, "realtime", dc_manifest_time(state.realtime_ns));
  json_object_set_new(clock, "monotonic", dc_manifest_time(state.monotonic_ns));
  json_object_set_new(clock, "boottime", dc_manifest_time(state.boottime_ns));
  json_object_set_new(clock, "zone", text_value(state.zone));
  json_object_set_new(clock, "zone_name", text_value(state.zone_name));
  if (state.source[0] != '\0')
    json_object_set_new(clock, "source", text_value(state.source));
  if (state.has_discipline) {
    json_object_set_new(clock, "synchronised", json_boolean(state.synchronised));
    json_object_set_new(clock, "max_error_us", json_integer(state.max_error_us));
  }
  return clock;
}

static void append_time(GString *text, const char *name, int64_t time_ns)
{
  char value[32];
  dc_clock_format_ns(time_ns, value);
  g_string_append_printf(text, "%s %s\n", name, value);
}

char *dc_manifest_clock_text(void)
{
  ClockState state;
  read_clocks(&state);
  GString *text = g_string_new(NULL);
  append_time(text, "realtime", state.realtime_ns);
  append_time(text, "uptime", state.boottime_ns);
  append_time(text, "monotonic", state.monotonic_ns);
  g_string_append_printf(text, "zone %s %s\n", state.zone, state.zone_name);
  if (state.source[0] != '\0')
    g_string_append_printf(text, "clocksource %s\n", state.source);
  if (state.has_discipline)
    g_string_append_printf(text, "synchronised %s\nmax_error_us %" PRId64 "\n", state.synchronised ? "yes" : "no",
                           state.max_error_us);
  return g_string_free(text, FALSE);
}

/* --- the manifest ------------------------------------------------------------------------ */

json_t *dc_manifest_new(const char *schema, const char *command)
{
  json_t *manifest = json_object();
  json_object_set_new(manifest, "schema", json_string(schema));
  json_object_set_new(manifest, "version", json_string(DROPCORR_VERSION));
  json_object_set_new(manifest, "libpcap", text_value(pcap_lib_version()));
  if (command != NULL)
    json_object_set_new(manifest, "command", text_value(command));
  struct utsname name;
  if (uname(&name) == 0) {
    json_t *kernel = json_object();
    json_object_set_new(kernel, "system", text_value(name.sysname));
    json_object_set_new(kernel, "release", text_value(name.release));
    json_object_set_new(kernel, "version", text_value(name.version));
    json_object_set_new(kernel, "machine", text_value(name.machine));
    json_object_set_new(manifest, "kernel", kernel);
  }
  g_autofree char *user = dc_privilege_text();
  json_object_set_new(manifest, "user", text_value(user));
  json_object_set_new(manifest, "clock", clock_value());
  return manifest;
}

bool dc_manifest_put(json_t *manifest, DcFolder *folder, const char *name, GError **error)
{
  json_t *files = json_array();
  for (size_t i = 0; i < dc_folder_count(folder); i++) {
    json_t *file = json_object();
    json_object_set_new(file, "name", text_value(dc_folder_name(folder, i)));
    json_object_set_new(file, "bytes", json_integer((json_int_t)dc_folder_size(folder, i)));
    json_array_append_new(files, file);
  }
  json_object_set_new(manifest, "files", files);
  char *text = json_dumps(manifest, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  json_decref(manifest);
  g_autofree char *line = g_strconcat(text, "\n", NULL);
  free(text);
  return dc_folder_put(folder, name, line, strlen(line), error);
}
