/*
 * include/trace/events/skb.h and net.h, as printed:
 *
 *   kfree_skb:          skbaddr=%p [rx_sk=%p] protocol=%u location=%p|%pS [reason: %s]
 *   consume_skb:        skbaddr=%p [location=%pS]
 *   netif_rx, netif_receive_skb:  dev=%s skbaddr=%p len=%u
 *
 * The order of the fields changes by kernel; perf prints them by libtraceevent, which puts blanks of its own.
 */
#include "log_trace.h"

/* A reception this long before a drop at the same address was some other packet's. Where the log does not
 * tell of packets freed after use, an address may have been handed out again much sooner. */
#define JOIN_NS (200 * DC_NS_PER_MS)
#define JOIN_BLIND_NS (20 * DC_NS_PER_MS)

void dc_trace_state_clear(void *state)
{
  dc_skb_table_free(((DcTraceState *)state)->receptions);
}

/* Where the field's value begins, and the value up to the next field. */
static bool find_field(DcText fields, const char *key, DcText *ret_value)
{
  static const char *const keys[] = {
      " skbaddr=", " rx_sk=", " protocol=", " location=", " reason:", " reason=", " dev=", " len=", " netns=", " skb="};
  size_t at = 0;
  for (;;) {
    const size_t found = dc_text_find(dc_text_from(fields, at), key);
    if (found == SIZE_MAX)
      return false;
    at += found;
    if (at == 0 || dc_text_is_blank(fields.at[at - 1]))
      break;
    at += strlen(key);
  }
  DcText value = dc_text_from(fields, at + strlen(key));
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
    value = dc_text_until(value, dc_text_find(value, keys[i]));
  *ret_value = dc_text_trim(value);
  return true;
}

/* An address, or the hash of one: both tell packets apart. 0 for "(nil)" and "(____ptrval____)". */
static uint64_t pointer_of(DcText fields, const char *key)
{
  DcText value;
  uint64_t pointer;
  if (!find_field(fields, key, &value) || !dc_text_hex(&value, &pointer) || value.len != 0)
    return 0;
  return pointer;
}

/* A reception, or before it the entry into a CPU's backlog. */
static DcLineKind read_reception(DcLogReader *reader, DcTraceState *state, DcText fields, int64_t time_ns,
                                 bool enqueued)
{
  DcText device, value;
  uint64_t len;
  DcReception reception = {.skb = pointer_of(fields, "skbaddr="), .time_ns = time_ns};
  if (reception.skb == 0 || !find_field(fields, "dev=", &device) || !find_field(fields, "len=", &value) ||
      !dc_text_whole_uint(value, UINT32_MAX, &len))
    return DC_LINE_FOREIGN;
  reception.len = (uint32_t)len;
  const size_t kept = MIN(device.len, sizeof reception.ifname - 1);
  memcpy(reception.ifname, device.at, kept);
  if (state->receptions == NULL) {
    state->receptions = dc_skb_table_new();
    state->first_reception_ns = time_ns;
  }
  if (enqueued)
    dc_skb_table_enqueued(state->receptions, &reception);
  else
    dc_skb_table_received(state->receptions, &reception);
  dc_log_reception(reader, time_ns, reception.len, enqueued);
  return DC_LINE_USED;
}

/* The reception of the dropped packet. Packets of other kinds (unix sockets) have no protocol. */
static void join_reception(DcLogReader *reader, DcTraceState *state, DcDrop *drop)
{
  DcReception reception;
  const int64_t usual_ns = state->has_consumes ? JOIN_NS : JOIN_BLIND_NS;
  const int64_t window_ns = dc_reception_window_ns(drop->symbol, drop->reason, usual_ns);
  if (state->receptions == NULL || drop->skb == 0)
    return;
  const bool received = dc_skb_table_freed(state->receptions, drop->skb, drop->time_ns, window_ns, &reception);
  if (drop->protocol <= 0)
    return;
  /* Those of all others are known for as long as this one may have waited. */
  drop->rx_none = !received && drop->time_ns - state->first_reception_ns > JOIN_NS;
  if (!received)
    return;
  drop->rx_time_ns = reception.time_ns;
  drop->rx_wait_ns = reception.enqueued_ns != 0 ? reception.time_ns - reception.enqueued_ns : 0;
  drop->rx_passed_ns = reception.before_ns != 0 ? reception.time_ns - reception.before_ns : 0;
  drop->rx_before_ns = reception.rival_before_ns;
  drop->rx_after_ns = reception.rival_after_ns;
  drop->rx_len = reception.len;
  drop->rx_ifname = dc_strings_add(reader->strings, reception.ifname, strlen(reception.ifname));
}

/*
 * A log that was cut off ends in the middle of its last line: then a name or an address may be only the
 * beginning of one. What the lines before had tells.
 */
static bool is_cut(DcTraceState *state, const DcDrop *drop, bool has_reason)
{
  if (state->has_reasons && !has_reason)
    return true;
  state->has_reasons = has_reason;
  const bool is_address = drop->pc >> 63 != 0;
  if (drop->pc != 0 && state->has_addresses && !is_address)
    return true;
  state->has_addresses |= is_address;
  return false;
}

static DcLineKind read_drop(DcLogReader *reader, DcTraceState *state, DcText fields, int64_t time_ns)
{
  DcDrop drop;
  dc_log_drop_init(&drop);
  drop.time_ns = time_ns;
  drop.skb = pointer_of(fields, "skbaddr=");
  DcText value;
  if (!find_field(fields, "location=", &value) || value.len == 0)
    return DC_LINE_MALFORMED;
  dc_log_location(reader, value, &drop);
  uint64_t protocol;
  if (find_field(fields, "protocol=", &value)) {
    if (!dc_text_whole_uint(value, UINT16_MAX, &protocol))
      return DC_LINE_MALFORMED;
    drop.protocol = (int32_t)protocol;
  }
  const bool has_reason = find_field(fields, "reason:", &value) || find_field(fields, "reason=", &value);
  if (has_reason)
    drop.reason = dc_log_reason(reader->strings, value);
  if (is_cut(state, &drop, has_reason && value.len > 0))
    return DC_LINE_MALFORMED;
  join_reception(reader, state, &drop);
  dc_log_begin(reader, &drop, DC_LOG_CLOCK_MONOTONIC);
  return DC_LINE_USED;
}

DcLineKind dc_trace_event(DcLogReader *reader, DcTraceState *state, DcText name, DcText fields, int64_t time_ns)
{
  if (dc_text_is(name, "kfree_skb"))
    return read_drop(reader, state, fields, time_ns);
  if (dc_text_is(name, "netif_receive_skb") || dc_text_is(name, "netif_rx"))
    return read_reception(reader, state, fields, time_ns, dc_text_is(name, "netif_rx"));
  if (dc_text_is(name, "consume_skb")) {
    const uint64_t skb = pointer_of(fields, "skbaddr=");
    DcReception reception;
    state->has_consumes = true;
    if (state->receptions != NULL && skb != 0)
      (void)dc_skb_table_freed(state->receptions, skb, time_ns, 0, &reception);
    return DC_LINE_USED;
  }
  return DC_LINE_FOREIGN;
}
