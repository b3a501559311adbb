/* Losses that counters of a network device, of traffic control and of firewall rules tell of. */
#include "checklist_private.h"
#include "counted.h"
#include "rules_private.h"

#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

#define DEVICES_MAX 64
#define RULES_TEXT_MAX 400 /* of a proof that names them */

/* --- devices --------------------------------------------------------------------------------- */

/* Cards count one loss under several names: the largest number is what is certain. */
typedef struct {
  const DcState *state;
  const char *device;
  bool framed;
  uint64_t ring, errors, details, dropped, received;
  char ring_name[DC_STATE_NAME_MAX], errors_name[DC_STATE_NAME_MAX], dropped_name[DC_STATE_NAME_MAX];
} DeviceCounts;

static void take_largest(uint64_t *largest, char name[static DC_STATE_NAME_MAX], uint64_t value, const char *counter)
{
  if (value <= *largest)
    return;
  *largest = value;
  g_strlcpy(name, counter, DC_STATE_NAME_MAX);
}

static const char *device_counter(const char *name, const char *device)
{
  static const char *const sources[] = {"sys.", "dev.", "ethtool."};
  for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
    if (!g_str_has_prefix(name, sources[i]))
      continue;
    const char *rest = name + strlen(sources[i]);
    const size_t len = strlen(device);
    return strncmp(rest, device, len) == 0 && rest[len] == '.' ? rest + len + 1 : NULL;
  }
  return NULL;
}

static void count_device(const char *name, const DcCounterStep *whole, void *data)
{
  DeviceCounts *counts = data;
  const char *what = device_counter(name, counts->device);
  uint64_t value = whole->step;
  if (what == NULL || (counts->framed && !whole->known) ||
      (!counts->framed && !dc_state_counter_value(counts->state, name, &value)))
    return;
  char unused[DC_STATE_NAME_MAX];
  const bool own = !g_str_has_prefix(name, "ethtool.");
  if (dc_check_speaks_of_ring(what))
    take_largest(&counts->ring, counts->ring_name, value, name);
  else if (own && strcmp(what, "rx_packets") == 0)
    take_largest(&counts->received, unused, value, name);
  else if (own && strcmp(what, "rx_dropped") == 0)
    take_largest(&counts->dropped, counts->dropped_name, value, name);
  else if (own && (strcmp(what, "rx_errors") == 0))
    take_largest(&counts->errors, unused, value, name);
  else if (strcmp(what, "rx_crc_errors") == 0 || strcmp(what, "rx_length_errors") == 0 ||
           strcmp(what, "rx_frame_errors") == 0 || strcmp(what, "rx_frame") == 0)
    take_largest(&counts->details, counts->errors_name, value, name);
}

static void count_one(DcDiagnosis *self, DcCounted *counted, const DeviceCounts *counts, uint64_t lost,
                      const char *name)
{
  counted->device = counts->device;
  counted->since_boot = !counts->framed;
  counted->of = counts->received + lost;
  counted->proof = g_string_new(NULL);
  dc_counted_add(self->state, counted, name);
  counted->lost = lost;
}

static void give_device(DcDiagnosis *self, const DcCounterRow *row, const DeviceCounts *counts, uint64_t lost,
                        const char *name)
{
  if (lost == 0 || dc_counted_is_explained(self, row))
    return;
  DcCounted counted = {.row = row};
  count_one(self, &counted, counts, lost, name);
  dc_counted_give(self, &counted);
  g_string_free(counted.proof, TRUE);
}

/* The kernel threw away what the card had delivered: mostly for want of somebody to give it to, unless it complained
 * of memory meanwhile. */
static void give_dropped(DcDiagnosis *self, const DeviceCounts *counts)
{
  static const DcCounterRow handler = {
      DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_POSSIBLE, 0, "frames", {NULL}, {NULL}};
  static const DcCounterRow memory = {DC_CAUSE_MEMORY_PRESSURE, DC_CONFIDENCE_LIKELY, 0, "frames", {NULL}, {NULL}};
  static const DcCause also[] = {DC_CAUSE_LLC_UNKNOWN_SAP, DC_CAUSE_VLAN_UNKNOWN, DC_CAUSE_CPU_BACKLOG,
                                 DC_CAUSE_MEMORY_PRESSURE, DC_CAUSE_NO_PROTOCOL_HANDLER};
  for (size_t i = 0; i < G_N_ELEMENTS(also); i++) {
    const DcCounterRow other = {.cause = also[i]};
    if (dc_counted_is_explained(self, &other))
      return;
  }
  if (counts->dropped == 0)
    return;
  const bool short_of_memory = dc_rule_kernel_says(self->state, "page allocation failure");
  DcCounted counted = {.row = short_of_memory ? &memory : &handler, .rivals = also, .rival_count = 4};
  if (short_of_memory) { /* then a missing handler is what remains */
    counted.rivals = &also[4];
    counted.rival_count = 1;
  }
  count_one(self, &counted, counts, counts->dropped, counts->dropped_name);
  if (short_of_memory)
    g_string_append(counted.proof, "; kernel log: page allocation failure");
  else if (counts->errors == 0)
    g_string_append(counted.proof, "; rx_errors 0: the kernel drops, not the card");
  dc_counted_give(self, &counted);
  g_string_free(counted.proof, TRUE);
}

/*
 * What a card counts as rx_errors holds, with most drivers, its ring's overflows. And rx_dropped is the kernel's, but
 * /proc/net/dev adds the ring's rx_missed_errors to it (dev_seq_printf_stats(), net/core/net-procfs.c).
 */
static void give_devices(DcDiagnosis *self, const char *device)
{
  static const DcCounterRow ring = {DC_CAUSE_RING_OVERFLOW, DC_CONFIDENCE_CERTAIN, 0, "packets", {NULL}, {NULL}};
  static const DcCounterRow error = {DC_CAUSE_NIC_ERROR, DC_CONFIDENCE_CERTAIN, 0, "frames", {NULL}, {NULL}};
  DeviceCounts counts = {.state = self->state, .device = device};
  g_autofree char *sysfs = g_strdup_printf("sys.%s.rx_packets", device);
  g_autofree char *proc = g_strdup_printf("dev.%s.rx_packets", device);
  g_autofree char *sysfs_dropped = g_strdup_printf("sys.%s.rx_dropped", device);
  counts.framed = dc_counted_is_framed(self->state, sysfs) || dc_counted_is_framed(self->state, proc);
  dc_state_each_counter(self->state, count_device, &counts);
  give_device(self, &ring, &counts, counts.ring, counts.ring_name);
  if (counts.details == 0 && counts.errors > counts.ring) {
    g_snprintf(counts.errors_name, sizeof counts.errors_name, "%s.%s.rx_errors",
               dc_state_counter_value(self->state, sysfs, &counts.details) ? "sys" : "dev", device);
    counts.details = counts.errors - counts.ring;
  }
  give_device(self, &error, &counts, counts.details, counts.errors_name);
  uint64_t dropped;
  if (dc_counted_value(self->state, sysfs_dropped, counts.framed, &dropped))
    counts.dropped = dropped;
  else
    counts.dropped -= MIN(counts.ring, counts.dropped);
  /* Both count in the device's rx_dropped too, and are told by themselves. */
  static const char *const told[] = {"softnet.dropped", "TcpExt.PFMemallocDrop"};
  for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
    uint64_t value;
    if (dc_counted_value(self->state, told[i], counts.framed, &value))
      counts.dropped -= MIN(value, counts.dropped);
  }
  give_dropped(self, &counts);
}

typedef struct {
  const char *only; /* NULL: every one */
  char names[DEVICES_MAX][32];
  size_t count;
} Devices;

static void note_device(const char *name, const DcCounterStep *whole, void *data)
{
  Devices *devices = data;
  (void)whole;
  static const char suffix[] = ".rx_packets";
  const char *device = g_str_has_prefix(name, "sys.") || g_str_has_prefix(name, "dev.") ? name + strlen("sys.") : NULL;
  if (device == NULL || !g_str_has_suffix(device, suffix) || devices->count == DEVICES_MAX)
    return;
  char text[sizeof devices->names[0]];
  const size_t len = strlen(device) - strlen(suffix);
  if (len == 0 || len >= sizeof text)
    return;
  g_strlcpy(text, device, len + 1);
  if (strcmp(text, "lo") == 0 || (devices->only != NULL && strcmp(text, devices->only) != 0))
    return;
  for (size_t i = 0; i < devices->count; i++)
    if (strcmp(devices->names[i], text) == 0)
      return;
  g_strlcpy(devices->names[devices->count++], text, sizeof text);
}

/* A policer or another action on the way in: "tc.eth0.ingress ffff:.dropped". */
typedef struct {
  DcDiagnosis *self;
  const DcCounterRow *row;
} TrafficControl;

static void give_ingress(const char *name, const DcCounterStep *whole, void *data)
{
  const TrafficControl *control = data;
  if (!g_str_has_prefix(name, "tc.") || !g_str_has_suffix(name, ".dropped") || !whole->known || whole->step == 0 ||
      (strstr(name, ".ingress ") == NULL && strstr(name, ".clsact ") == NULL))
    return;
  const char *device = name + strlen("tc.");
  char text[32];
  const char *end = strstr(device, ".ingress ") != NULL ? strstr(device, ".ingress ") : strstr(device, ".clsact ");
  if ((size_t)(end - device) >= sizeof text)
    return;
  g_strlcpy(text, device, (gsize)(end - device) + 1);
  DcCounted counted = {.row = control->row, .device = text, .proof = g_string_new(NULL)};
  dc_counted_add(control->self->state, &counted, name);
  dc_counted_give(control->self, &counted);
  g_string_free(counted.proof, TRUE);
}

/* A rule that only drops, and how often it did; a counter that several rules share is told once. */
static void add_rule(const char *counter, const char *rule, void *data)
{
  DcCounted *counted = data;
  const DcCounterStep step = dc_state_counter(counted->state, counter, DC_TIME_NONE, DC_TIME_NONE);
  if (!step.known || step.step == 0)
    return;
  counted->lost += step.step;
  if (counted->proof->len < RULES_TEXT_MAX)
    g_string_append_printf(counted->proof, "%s%s +%" G_GUINT64_FORMAT, counted->proof->len > 0 ? ", " : "", rule,
                           step.step);
}

void dc_counter_devices_update(DcDiagnosis *self)
{
  Devices devices = {.only = self->interface};
  dc_state_each_counter(self->state, note_device, &devices);
  for (size_t i = 0; i < devices.count; i++)
    give_devices(self, devices.names[i]);

  static const DcCounterRow ingress = {DC_CAUSE_TC_INGRESS, DC_CONFIDENCE_CERTAIN, 0, "packets", {NULL}, {NULL}};
  if (!dc_counted_is_explained(self, &ingress) && !dc_counted_is_elsewhere(self, ingress.cause)) {
    TrafficControl control = {self, &ingress};
    dc_state_each_counter(self->state, give_ingress, &control);
  }
  static const DcCounterRow firewall = {DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_CERTAIN, 0, "packets", {NULL}, {NULL}};
  if (!dc_counted_is_explained(self, &firewall) && !dc_counted_is_elsewhere(self, firewall.cause)) {
    DcCounted counted = {.row = &firewall, .state = self->state, .proof = g_string_new(NULL)};
    dc_ruleset_each_counting(self->state, add_rule, &counted);
    dc_counted_give(self, &counted);
    g_string_free(counted.proof, TRUE);
  }
}
