/* The live source's drops: which way to learn them, and records into DcDrop. */
#include "dropcorr/base/error.h"
#include "dropcorr/decode/netdm.h"
#include "live_private.h"
#include "skb_table.h"

#include <string.h>

#define SITES_MAX 65536

/* A reception this long before a drop at the same address was some other packet's. */
#define JOIN_NS (200 * DC_NS_PER_MS)

/* A summary leaves a second after the first of its drops, by a timer and a work item that may have to wait. */
#define SUMMARY_LAG_NS (2 * DC_NS_PER_S)

/* What a return address means; strings are interned. */
typedef struct {
  const char *symbol, *module, *location;
  uint32_t offset, size;
} Site;

const char *dc_live_drops_name(DcLiveDrops mode)
{
  switch (mode) {
  case DC_LIVE_DROPS_AUTO:
    return "auto";
  case DC_LIVE_DROPS_PACKET:
    return "packet";
  case DC_LIVE_DROPS_SUMMARY:
    return "summary";
  case DC_LIVE_DROPS_TRACEPOINT:
    return "tracepoint";
  case DC_LIVE_DROPS_NONE:
    break;
  }
  return "none";
}

/* --- choosing -------------------------------------------------------------------- */

static bool open_monitor(DcLiveDropSource *drops, const DcLiveOptions *options, bool summary, DcGuard *guard,
                         GError **error)
{
  const DcDropMonitorOptions monitor_options = {.summary = summary, .trunc_len = options->drop_trunc_len};
  drops->monitor = dc_drop_monitor_open(&monitor_options, guard, error);
  if (drops->monitor == NULL)
    return false;
  const DcDropMonitorInfo *info = dc_drop_monitor_info(drops->monitor);
  if (summary) {
    drops->text = g_strdup("kernel drop monitor (NET_DM) in summary mode");
    drops->cost =
        g_strdup("tells location and count about once a second, without bytes or reason: drops can be laid "
                 "beside frames by time only; --drop-source tracepoint joins single packets, for up to three trace "
                 "events per packet");
  } else {
    drops->text = g_strdup_printf("kernel drop monitor (NET_DM) in packet mode, %s%u bytes of each packet",
                                  info->hardware ? "software and hardware drops, " : "", info->trunc_len);
    drops->cost = g_strdup("every drop on the host, of all network namespaces, is copied and sent to this process");
  }
  return true;
}

static bool open_tracepoint(DcLiveDropSource *drops, DcGuard *guard, GError **error)
{
  const DcTracepointOptions tracepoint_options = {0};
  drops->tracepoint = dc_tracepoint_open(&tracepoint_options, guard, error);
  if (drops->tracepoint == NULL)
    return false;
  const DcTracepointInfo *info = dc_tracepoint_info(drops->tracepoint);
  drops->text = g_strdup_printf("tracepoint skb:kfree_skb%s", info->has_reason ? " with reasons" : " (no reasons)");
  drops->cost = g_strdup_printf(
      "no bytes: drops are joined to frames by %s; %s",
      info->has_receive ? "the packet's address in memory at its reception, time and length" : "protocol and time only",
      info->has_receive ? "up to three trace events per packet on the whole host" : "one trace event per drop");
  return true;
}

static bool open_mode(DcLiveDropSource *drops, DcLiveDrops mode, const DcLiveOptions *options, DcGuard *guard,
                      GError **error)
{
  switch (mode) {
  case DC_LIVE_DROPS_PACKET:
    return open_monitor(drops, options, false, guard, error);
  case DC_LIVE_DROPS_SUMMARY:
    return open_monitor(drops, options, true, guard, error);
  case DC_LIVE_DROPS_TRACEPOINT:
    return open_tracepoint(drops, guard, error);
  case DC_LIVE_DROPS_AUTO:
  case DC_LIVE_DROPS_NONE:
    break;
  }
  return true;
}

static void try_each(DcLiveDropSource *drops, const DcLiveOptions *options, DcGuard *guard)
{
  static const DcLiveDrops order[] = {DC_LIVE_DROPS_PACKET, DC_LIVE_DROPS_SUMMARY, DC_LIVE_DROPS_TRACEPOINT};
  g_autoptr(GString) failures = g_string_new(NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
    g_autoptr(GError) error = NULL;
    if (open_mode(drops, order[i], options, guard, &error)) {
      drops->mode = order[i];
      if (failures->len > 0) {
        g_autofree char *chosen = drops->text;
        drops->text = g_strdup_printf("%s; %s", chosen, failures->str);
      }
      return;
    }
    /* Two ways fail alike when there is no NET_DM at all: said once. */
    if (strstr(failures->str, error->message) == NULL)
      g_string_append_printf(failures, "%s%s", failures->len > 0 ? "; " : "", error->message);
  }
  drops->mode = DC_LIVE_DROPS_NONE;
  drops->text = g_strdup_printf("no way to learn of them: %s", failures->str);
  drops->cost = g_strdup("counters and the wire alone are looked at");
}

/* Return addresses are named with the kernel's own table; without it NET_DM's text has to do, and the
 * tracepoint has none. */
static void load_symbols(DcLiveDropSource *drops, GPtrArray *notices)
{
  g_autoptr(GError) error = NULL;
  drops->kallsyms = dc_kallsyms_load("/proc/kallsyms", &error);
  if (drops->kallsyms == NULL)
    g_ptr_array_add(notices, g_strdup_printf("drop locations stay %s: %s",
                                             drops->tracepoint != NULL ? "addresses" : "as the kernel prints them",
                                             error->message));
}

bool dc_live_drops_open(DcLiveDropSource *drops, const DcLiveOptions *options, DcGuard *guard, GPtrArray *notices,
                        GError **error)
{
  drops->sites = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  drops->mode = options->drops;
  switch (options->drops) {
  case DC_LIVE_DROPS_AUTO:
    try_each(drops, options, guard);
    break;
  case DC_LIVE_DROPS_PACKET:
  case DC_LIVE_DROPS_SUMMARY:
  case DC_LIVE_DROPS_TRACEPOINT:
    if (!open_mode(drops, options->drops, options, guard, error))
      return false;
    break;
  case DC_LIVE_DROPS_NONE:
    drops->text = g_strdup("none, as asked for");
    break;
  }
  if (drops->monitor != NULL && dc_drop_monitor_info(drops->monitor)->note != NULL)
    g_ptr_array_add(notices, g_strdup(dc_drop_monitor_info(drops->monitor)->note));
  if (drops->mode != DC_LIVE_DROPS_NONE)
    load_symbols(drops, notices);
  return true;
}

void dc_live_drops_run(DcLiveDropSource *drops, DcLiveSink *sink, DcStop *stop)
{
  if (drops->monitor != NULL)
    dc_drop_monitor_run(drops->monitor, sink, stop);
  else if (drops->tracepoint != NULL)
    dc_tracepoint_run(drops->tracepoint, sink, stop);
}

void dc_live_drops_clear(DcLiveDropSource *drops)
{
  g_clear_pointer(&drops->monitor, dc_drop_monitor_free);
  g_clear_pointer(&drops->tracepoint, dc_tracepoint_free);
  g_clear_pointer(&drops->kallsyms, dc_kallsyms_free);
  g_clear_pointer(&drops->sites, g_hash_table_unref);
}

/* --- converting -------------------------------------------------------------------- */

/* The kernel's table in the kernel's own notation, read by the same parser as every log. */
static void set_location(DcLiveDropSource *drops, DcStrings *strings, DcDrop *drop)
{
  if (drop->pc == 0)
    return;
  const gint64 key = (gint64)drop->pc;
  const Site *known = g_hash_table_lookup(drops->sites, &key);
  if (known == NULL) {
    DcKallsym symbol;
    if (dc_kallsyms_lookup(drops->kallsyms, drop->pc, &symbol)) {
      g_autofree char *text = g_strdup_printf(
          "%s+0x%x/0x%x%s%s%s", symbol.name, symbol.offset, symbol.size, symbol.module != NULL ? " [" : "",
          symbol.module != NULL ? symbol.module : "", symbol.module != NULL ? "]" : "");
      dc_location_parse(text, strlen(text), strings, drop);
    } else if (drop->location == NULL) {
      g_autofree char *text = g_strdup_printf("0x%016" G_GINT64_MODIFIER "x", drop->pc);
      drop->location = dc_strings_add(strings, text, strlen(text));
    }
    /* A handful of sites free nearly all packets; more than this is no kernel's. */
    if (g_hash_table_size(drops->sites) >= SITES_MAX)
      return;
    Site *site = g_new(Site, 1);
    *site = (Site){drop->symbol, drop->module, drop->location, drop->offset, drop->size};
    g_hash_table_insert(drops->sites, g_memdup2(&key, sizeof key), site);
    return;
  }
  drop->symbol = known->symbol;
  drop->module = known->module;
  drop->location = known->location;
  drop->offset = known->offset;
  drop->size = known->size;
}

static void forget_reception(DcDrop *drop)
{
  drop->rx_time_ns = drop->rx_wait_ns = drop->rx_passed_ns = drop->rx_before_ns = drop->rx_after_ns = 0;
  drop->rx_len = 0;
  drop->rx_ifname = NULL;
}

static void convert_trace(DcLiveDropSource *drops, const DcLiveRecord *record, DcStrings *strings, DcDrop *ret_drop)
{
  const DcLiveTrace *trace = &record->trace;
  *ret_drop = (DcDrop){.kind = DC_DROP_TRACEPOINT,
                       .time_ns = record->time_ns,
                       .pc = trace->pc,
                       .protocol = trace->protocol,
                       .skb = trace->skb,
                       .rx_time_ns = trace->rx_time_ns,
                       .rx_wait_ns = trace->rx_wait_ns,
                       .rx_passed_ns = trace->rx_passed_ns,
                       .rx_before_ns = trace->rx_before_ns,
                       .rx_after_ns = trace->rx_after_ns,
                       .rx_len = trace->rx_len,
                       .count = 1,
                       .link = DC_LINK_ETHERNET};
  if (trace->rx_time_ns != 0)
    ret_drop->rx_ifname = dc_strings_add(strings, trace->rx_ifname, strnlen(trace->rx_ifname, sizeof trace->rx_ifname));
  if (trace->reason >= 0) {
    const char *name = dc_tracepoint_reason(drops->tracepoint, trace->reason);
    /* Subsystems' own reasons have no name in the format: the number is all there is. */
    g_autofree char *number = name == NULL ? g_strdup_printf("0x%x", (unsigned)trace->reason) : NULL;
    const char *text = name != NULL ? name : number;
    ret_drop->reason = dc_strings_add(strings, text, strlen(text));
  }
  set_location(drops, strings, ret_drop);
  if (ret_drop->time_ns - ret_drop->rx_time_ns > dc_reception_window_ns(ret_drop->symbol, ret_drop->reason, JOIN_NS))
    forget_reception(ret_drop);
}

bool dc_live_drops_convert(DcLiveDropSource *drops, const DcTimelineEntry *entry, DcStrings *strings, DcDrop *ret_drops,
                           size_t *ret_count, bool *ret_malformed)
{
  *ret_malformed = false;
  *ret_count = 0;
  if (entry->record.kind == DC_LIVE_TRACE) {
    convert_trace(drops, &entry->record, strings, &ret_drops[0]);
    *ret_count = 1;
    return true;
  }
  const uint16_t family = dc_drop_monitor_info(drops->monitor)->family;
  switch (dc_netdm_parse(entry->body, entry->record.body_len, family, strings, ret_drops, ret_count, NULL)) {
  case DC_NETDM_DROP:
  case DC_NETDM_SUMMARY:
    break;
  case DC_NETDM_MALFORMED:
    *ret_malformed = true;
    return false;
  case DC_NETDM_NOT:
  case DC_NETDM_OTHER:
    return false;
  }
  for (size_t i = 0; i < *ret_count; i++) {
    if (ret_drops[i].time_ns == DC_TIME_NONE) {
      ret_drops[i].time_ns = entry->record.time_ns;
      ret_drops[i].precision_ns = SUMMARY_LAG_NS;
    }
    set_location(drops, strings, &ret_drops[i]);
  }
  return *ret_count > 0;
}
