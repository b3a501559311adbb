#include "checklist_private.h"

#include <stdarg.h>
#include <string.h>

void dc_check_free(DcCheck *check)
{
  if (check == NULL)
    return;
  g_free(check->value);
  g_free(check);
}

void dc_check_set(DcCheck *check, DcCheckState state, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_free(check->value);
  check->state = state;
  check->value = g_strdup_vprintf(format, args);
  va_end(args);
}

/* --- counters ---------------------------------------------------------------------- */

/* Counters that several causes share: that they stand still rules out, that they moved proves nothing. */
static bool is_shared(const DcCheckInput *input, const char *name)
{
  static const char *const names[] = {"Ip.InHdrErrors",     "Ip6InHdrErrors", "Ip.InDiscards",
                                      "Ip6InDiscards",      "Ip.ReasmFails",  "Ip6ReasmFails",
                                      "TcpExt.ListenDrops", "Tcp.OutRsts",    "Icmp.InDestUnreachs"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (strcmp(names[i], name) == 0)
      return true;
  /* The reverse path filter's are counted as martians too (net/ipv4/route.c). */
  if (strcmp(name, "rt_cache.in_martian_src") == 0)
    return dc_state_counter(input->state, "TcpExt.IPReversePathFilter", DC_TIME_NONE, DC_TIME_NONE).step >=
           dc_state_counter(input->state, name, DC_TIME_NONE, DC_TIME_NONE).step;
  return g_str_has_suffix(name, ".rx_dropped") || g_str_has_suffix(name, ".rx_errors");
}

DcCounterSeen dc_check_counter(const DcCheckInput *input, const char *name, GString *text, uint64_t *ret_value)
{
  DcCounterStep step = dc_state_counter(input->state, name, DC_TIME_NONE, DC_TIME_NONE);
  const char *separator = text->len > 0 ? ", " : "";
  if (step.known) {
    g_string_append_printf(text, "%s%s +%" G_GUINT64_FORMAT, separator, name, step.step);
    *ret_value = step.step;
    return step.step > 0 ? DC_COUNTER_MOVED : DC_COUNTER_STILL;
  }
  if (dc_state_counter_value(input->state, name, ret_value)) {
    g_string_append_printf(text, "%s%s %" G_GUINT64_FORMAT " since boot", separator, name, *ret_value);
    return DC_COUNTER_ONCE;
  }
  return DC_COUNTER_UNSEEN;
}

/* Which object a counter would have come from, to say what was missing. */
static const char *object_of(const char *name)
{
  static const struct {
    const char *prefix, *object;
  } objects[] = {
      {"TcpExt.", "netstat"},
      {"IpExt.", "netstat"},
      {"Ip6", "snmp6"},
      {"Udp6", "snmp6"},
      {"Icmp6", "snmp6"},
      {"Ip.", "snmp"},
      {"Icmp.", "snmp"},
      {"Tcp.", "snmp"},
      {"Udp.", "snmp"},
      {"UdpLite.", "snmp"},
      {"softnet.", "softnet_stat"},
      {"dev.", "dev"},
      {"sys.", "sysfs statistics"},
      {"ethtool.", "ethtool -S"},
      {"conntrack.", "nf_conntrack_stat"},
      {"rt_cache.", "rt_cache"},
      {"arp_cache.", "arp_cache"},
      {"ndisc_cache.", "ndisc_cache"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(objects); i++)
    if (g_str_has_prefix(name, objects[i].prefix))
      return objects[i].object;
  return "counter";
}

static const char *interface_lookup(const char *key, void *data)
{
  const DcCheckInput *input = data;
  return strcmp(key, "if") == 0 ? input->interface : NULL;
}

/* --- drop events ----------------------------------------------------------------------- */

#define KERNEL_5_18 (UINT32_C(5) << 16 | UINT32_C(18) << 8)

static bool is_among(DcCause cause, const DcCause *causes, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (causes[i] == cause)
      return true;
  return false;
}

bool dc_check_shows_as_drop(const DcState *state, const DcCauseInfo *row)
{
  static const DcCause never[] = {
      DC_CAUSE_RING_OVERFLOW,  DC_CAUSE_NIC_ERROR,       DC_CAUSE_ACCEPT_QUEUE_FULL,
      DC_CAUSE_CONNTRACK_FULL, DC_CAUSE_CONNTRACK_CLASH, DC_CAUSE_NO_PROTOCOL_HANDLER, /* not while a capture runs */
  };
  /* Before 5.18 tcp_drop() frees without an event. */
  static const DcCause later[] = {DC_CAUSE_TCP_SEQUENCE, DC_CAUSE_TCP_STATE, DC_CAUSE_TCP_RCVBUF, DC_CAUSE_TCP_MEMORY,
                                  DC_CAUSE_PAWS};
  if (is_among(row->cause, never, G_N_ELEMENTS(never)))
    return false;
  if (is_among(row->cause, later, G_N_ELEMENTS(later)))
    return dc_state_kernel_version(state) >= KERNEL_5_18;
  return row->reasons[0].name != NULL || row->sites[0] != NULL || row->cause == DC_CAUSE_HARDWARE_TRAP;
}

/* --- one cause ---------------------------------------------------------------------------- */

#define STILL_SHOWN 3

static void check_counters(const DcCheckInput *input, const DcCauseInfo *row, DcCheck *check)
{
  g_autoptr(GString) moved = g_string_new(NULL);
  g_autoptr(GString) still = g_string_new(NULL);
  g_autoptr(GString) once = g_string_new(NULL);
  g_autoptr(GString) shared = g_string_new(NULL);
  g_autofree char *missing = NULL;
  unsigned still_count = 0;
  bool own_still = false, own_once_zero = false, own_once = false, shared_still = false, no_interface = false;
  for (const char *const *name = row->counters; *name != NULL; name++) {
    if (strstr(*name, "{if}") != NULL && input->interface == NULL) {
      no_interface = true;
      continue;
    }
    g_autofree char *filled = dc_advice_fill(*name, interface_lookup, (void *)input);
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t value = 0;
    const DcCounterSeen seen = dc_check_counter(input, filled, text, &value);
    const bool is_common = is_shared(input, filled);
    GString *into = NULL;
    switch (seen) {
    case DC_COUNTER_UNSEEN:
      if (missing == NULL)
        missing = g_strdup(filled);
      break;
    case DC_COUNTER_ONCE:
      /* A total of 0 is as good as one that stands still. */
      into = is_common && value == 0 ? still : is_common ? shared : once;
      shared_still = shared_still || (is_common && value == 0);
      own_once = own_once || !is_common;
      own_once_zero = (own_once_zero || !is_common) && (is_common || value == 0);
      break;
    case DC_COUNTER_STILL:
      into = still;
      own_still = own_still || !is_common;
      shared_still = shared_still || is_common;
      break;
    case DC_COUNTER_MOVED:
      into = is_common ? shared : moved;
      break;
    }
    if (into == still && ++still_count > STILL_SHOWN)
      continue;
    if (into != NULL)
      g_string_append_printf(into, "%s%s", into->len > 0 ? ", " : "", text->str);
  }
  if (still_count > STILL_SHOWN)
    g_string_append_printf(still, ", %u more +0", still_count - STILL_SHOWN);

  if (moved->len > 0)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s", moved->str);
  else if (own_still || (shared_still && shared->len == 0))
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s", still->str);
  else if (own_once && own_once_zero)
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s", once->str);
  else if (own_once)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "%s: a single sample does not say when", once->str);
  else if (input->have_drops && dc_check_shows_as_drop(input->state, row))
    dc_check_set(check, DC_CHECK_RULED_OUT, "no drop event of that kind");
  else if (shared->len > 0)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "%s, which other causes move too", shared->str);
  else if (missing != NULL && !dc_state_seen(input->state, object_of(missing)))
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "no %s in the context", object_of(missing));
  else if (missing != NULL)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "no counter %s on this host", missing);
  else if (no_interface)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "the interface is not known");
  else if (dc_check_shows_as_drop(input->state, row))
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "no drop events (see --drops)");
  else
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "nothing in the context tells");
}

static void check_finding(const DcCheckInput *input, const DcFinding *finding, const DcCauseInfo *row, DcCheck *check)
{
  g_autoptr(GString) text = g_string_new(NULL);
  for (const char *const *name = row->counters; *name != NULL; name++) {
    if (strstr(*name, "{if}") != NULL && input->interface == NULL)
      continue;
    g_autofree char *filled = dc_advice_fill(*name, interface_lookup, (void *)input);
    g_autoptr(GString) one = g_string_new(NULL);
    uint64_t value;
    if (!is_shared(input, filled) && dc_check_counter(input, filled, one, &value) == DC_COUNTER_MOVED)
      g_string_append_printf(text, ", %s", one->str);
  }
  if (finding->counted > 0)
    dc_check_set(check, finding->since_boot ? DC_CHECK_NOT_CHECKED : DC_CHECK_RULED_IN,
                 "finding %u: %" G_GUINT64_FORMAT " %s%s%s", finding->number, finding->counted, finding->counted_what,
                 finding->since_boot ? " since boot: a single sample does not say when" : "", text->str);
  else if (finding->frames == 0 && finding->attempts > 0)
    dc_check_set(check, DC_CHECK_RULED_IN, "finding %u: %" G_GUINT64_FORMAT " connection attempt%s%s", finding->number,
                 finding->attempts, finding->attempts == 1 ? "" : "s", text->str);
  else
    dc_check_set(check, DC_CHECK_RULED_IN, "finding %u: %" G_GUINT64_FORMAT " frame%s%s", finding->number,
                 finding->frames, finding->frames == 1 ? "" : "s", text->str);
}

static const DcFinding *finding_of(const GPtrArray *findings, DcCause cause)
{
  const DcFinding *best = NULL;
  for (guint i = 0; findings != NULL && i < findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(findings, i);
    if (finding->cause == cause && (best == NULL || finding->frames > best->frames))
      best = finding;
  }
  return best;
}

/* The interface that received the most, of those whose counters are known; loopback last of all. */
typedef struct {
  char name[64];
  uint64_t packets;
  bool loopback;
} BusiestInterface;

static void take_busier(const char *name, const DcCounterStep *whole, void *data)
{
  static const char *const prefixes[] = {"dev.", "sys."};
  static const char suffix[] = ".rx_packets";
  BusiestInterface *busiest = data;
  for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
    const size_t len = strlen(name), around = strlen(prefixes[i]) + strlen(suffix);
    if (!g_str_has_prefix(name, prefixes[i]) || !g_str_has_suffix(name, suffix) || len <= around)
      continue;
    g_autofree char *interface = g_strndup(name + strlen(prefixes[i]), len - around);
    const bool loopback = strcmp(interface, "lo") == 0;
    const bool better = busiest->name[0] == '\0' || (busiest->loopback && !loopback) ||
                        (busiest->loopback == loopback && whole->last > busiest->packets);
    if (!better || strlen(interface) >= sizeof busiest->name)
      continue;
    g_strlcpy(busiest->name, interface, sizeof busiest->name);
    busiest->packets = whole->last;
    busiest->loopback = loopback;
  }
}

GPtrArray *dc_checklist_build(const DcState *state, const GPtrArray *findings, const char *interface, bool have_drops)
{
  g_autoptr(DcState) none = state == NULL ? dc_state_new() : NULL;
  DcCheckInput input = {.state = state != NULL ? state : none, .interface = interface, .have_drops = have_drops};
  BusiestInterface busiest = {.packets = 0};
  if (interface == NULL) {
    dc_state_each_counter(input.state, take_busier, &busiest);
    if (busiest.name[0] != '\0' && !busiest.loopback)
      input.interface = busiest.name;
  }
  GPtrArray *checks = g_ptr_array_new();
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    if (cause == DC_CAUSE_CAPTURE_ARTIFACT || cause == DC_CAUSE_NORMAL_FREE || cause == DC_CAUSE_UNCLASSIFIED)
      continue;
    const DcCauseInfo *row = dc_catalogue(cause);
    DcCheck *check = g_new0(DcCheck, 1);
    check->cause = cause;
    const DcFinding *finding = finding_of(findings, cause);
    if (finding != NULL)
      check_finding(&input, finding, row, check);
    else if (!dc_check_special(&input, check))
      check_counters(&input, row, check);
    g_ptr_array_add(checks, check);
  }
  return checks;
}
