/*
 * retis: JSON, an event a line (retis collect -o), or an array of events a line (retis sort -o).
 *
 *   {"common":{"timestamp":30415793489711},"startup":{"retis_version":"v1.6.0",
 *       "clock_monotonic_offset":{"sec":1742309146,"nsec":691042000}}}
 *   {"common":{"timestamp":30419169457160},"kernel":{"symbol":"skb:kfree_skb","stack_trace":["kfree_skb_reason+0x8d",..]},
 *       "skb-tracking":{"skb":18446619372874143232},"skb-drop":{"drop_reason":"NO_SOCKET"},
 *       "packet":{"len":98,"capture_len":98,"data":"psIRcVlF..."},"dev":{"name":"veth-ns01","ifindex":11}}
 *
 * Drops are the events with a section skb-drop. The packet's bytes begin at the MAC header. Before 1.6 packet and
 * dev stood inside of skb, where also decoded fields are. Time is monotonic; the startup event makes it real.
 */
#include "drop_log_formats.h"
#include "log_json.h"
#include "log_reader.h"

#define EVENTS_MAX 1024u

typedef struct {
  bool has_offset;
  int64_t offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
} State;

static void read_startup(State *state, const json_t *event)
{
  uint64_t seconds, ns;
  if (!dc_json_uint(event, "startup.clock_monotonic_offset.sec", UINT32_MAX, &seconds) ||
      !dc_json_uint(event, "startup.clock_monotonic_offset.nsec", 999999999, &ns))
    return;
  state->has_offset = true;
  state->offset_ns = (int64_t)seconds * DC_NS_PER_S + (int64_t)ns;
}

/* The packet's bytes; NULL: none. Caller frees. */
static uint8_t *read_bytes(const json_t *event, DcDrop *drop)
{
  static const char *const places[][2] = {{"packet.data", "packet.len"},
                                          {"packet.raw", "packet.len"},
                                          {"skb.packet.raw", "skb.packet.len"},
                                          {"skb.packet.packet", "skb.packet.len"}};
  for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
    const DcText data = dc_json_text(event, places[i][0]);
    if (data.len == 0)
      continue;
    gsize len = 0;
    g_autofree uint8_t *bytes = g_base64_decode(data.at, &len);
    if (bytes == NULL || len == 0)
      return NULL;
    uint64_t whole = len;
    (void)dc_json_uint(event, places[i][1], UINT32_MAX, &whole);
    drop->caplen = (uint32_t)len;
    drop->orig_len = (uint32_t)MAX(whole, (uint64_t)len);
    drop->link = DC_LINK_ETHERNET;
    return g_steal_pointer(&bytes);
  }
  return NULL;
}

static bool read_addresses(const json_t *event, const char *src_path, const char *dst_path, DcDrop *drop,
                           uint64_t protocol)
{
  DcAddr src, dst;
  if (!dc_text_addr(dc_json_text(event, src_path), &src) || !dc_text_addr(dc_json_text(event, dst_path), &dst))
    return false;
  dc_log_set_addresses(drop, (uint8_t)protocol, &src, &dst);
  return true;
}

static void set_ports(const json_t *event, const char *src_path, const char *dst_path, DcDrop *drop)
{
  uint64_t src, dst;
  if (dc_json_uint(event, src_path, UINT16_MAX, &src) && dc_json_uint(event, dst_path, UINT16_MAX, &dst))
    dc_log_set_ports(drop, (uint16_t)src, (uint16_t)dst);
}

/* Decoded fields of a packet without bytes: skb.ip, skb.tcp, skb.udp, or all of them in skb itself. */
static void read_decoded(const json_t *event, DcDrop *drop)
{
  uint64_t number;
  if (dc_json_uint(event, "skb.eth.etype", UINT16_MAX, &number) ||
      dc_json_uint(event, "skb.etype", UINT16_MAX, &number))
    drop->protocol = (int32_t)number;
  uint64_t protocol = 0;
  if (dc_json_uint(event, "skb.ip.protocol", UINT8_MAX, &protocol) &&
      read_addresses(event, "skb.ip.saddr", "skb.ip.daddr", drop, protocol)) {
    set_ports(event, "skb.tcp.sport", "skb.tcp.dport", drop);
    set_ports(event, "skb.udp.sport", "skb.udp.dport", drop);
  } else if (dc_json_uint(event, "skb.protocol", UINT8_MAX, &protocol) &&
             read_addresses(event, "skb.saddr", "skb.daddr", drop, protocol)) {
    set_ports(event, "skb.sport", "skb.dport", drop);
  } else {
    return;
  }
  static const char *const tcp[][3] = {{"skb.tcp.seq", "skb.tcp.ack_seq", "skb.tcp.flags"},
                                       {"skb.tcp_seq", "skb.tcp_ack_seq", "skb.tcp_flags"}};
  for (size_t i = 0; i < G_N_ELEMENTS(tcp); i++) {
    uint64_t seq, ack, flags;
    if (!dc_json_uint(event, tcp[i][0], UINT32_MAX, &seq) || !dc_json_uint(event, tcp[i][1], UINT32_MAX, &ack) ||
        !dc_json_uint(event, tcp[i][2], UINT8_MAX, &flags))
      continue;
    drop->packet.has |= DC_HAS_TCP;
    drop->packet.tcp_seq = (uint32_t)seq;
    drop->packet.tcp_ack = (uint32_t)ack;
    drop->packet.tcp_flags = (uint8_t)flags;
  }
}

static void read_device(DcLogReader *reader, const json_t *event, DcDrop *drop)
{
  static const char *const names[] = {"dev.name", "skb.dev.name", "skb.dev_name"};
  static const char *const indexes[] = {"dev.rx_ifindex", "skb.dev.rx_ifindex", "skb.rx_ifindex",
                                        "dev.ifindex",    "skb.dev.ifindex",    "skb.ifindex"};
  for (size_t i = 0; i < G_N_ELEMENTS(names) && drop->in_ifname == NULL; i++) {
    const DcText name = dc_json_text(event, names[i]);
    if (name.len > 0)
      drop->in_ifname = dc_strings_add(reader->strings, name.at, name.len);
  }
  uint64_t index;
  for (size_t i = 0; i < G_N_ELEMENTS(indexes) && drop->in_ifindex == 0; i++) {
    if (dc_json_uint(event, indexes[i], UINT32_MAX, &index))
      drop->in_ifindex = (uint32_t)index;
  }
}

static void read_stack(DcLogReader *reader, const json_t *event)
{
  const json_t *stack = dc_json_at(event, "kernel.stack_trace");
  for (size_t i = 0; i < json_array_size(stack); i++) {
    const json_t *frame = json_array_get(stack, i);
    if (json_is_string(frame))
      dc_log_frame(reader, dc_text(json_string_value(frame), json_string_length(frame)));
  }
}

static DcLineKind read_event(DcLogReader *reader, const json_t *event)
{
  State *state = reader->state;
  if (!json_is_object(event))
    return DC_LINE_MALFORMED;
  read_startup(state, event);
  if (dc_json_at(event, "skb-drop") == NULL)
    return DC_LINE_FOREIGN;

  DcDrop drop;
  dc_log_drop_init(&drop);
  uint64_t number;
  if (!dc_json_uint(event, "common.timestamp", (uint64_t)DC_TIME_MAX, &number))
    return DC_LINE_MALFORMED;
  drop.time_ns = (int64_t)number + (state->has_offset ? state->offset_ns : 0);
  const DcText reason = dc_json_text(event, "skb-drop.drop_reason");
  drop.reason = dc_log_reason(reader->strings, reason);
  if (dc_json_uint(event, "skb-tracking.skb", UINT64_MAX, &number))
    drop.skb = number;
  g_autofree uint8_t *bytes = read_bytes(event, &drop);
  drop.bytes = bytes;
  if (bytes != NULL) {
    /* as the kernel has it in skb->protocol: the type field, or 802.2 for a length */
    const uint32_t type = drop.caplen >= 14 ? (uint32_t)bytes[12] << 8 | bytes[13] : 0;
    drop.protocol = type >= 0x600 ? (int32_t)type : type > 0 ? 4 : -1;
  } else {
    read_decoded(event, &drop);
  }
  read_device(reader, event, &drop);
  dc_log_begin(reader, &drop, state->has_offset ? DC_LOG_CLOCK_REALTIME : DC_LOG_CLOCK_MONOTONIC);
  read_stack(reader, event);
  dc_log_end(reader);
  return DC_LINE_USED;
}

static DcLineKind read_line(DcLogReader *reader, DcText line)
{
  const DcText text = dc_text_trim(line);
  if (text.len == 0 || (text.at[0] != '{' && text.at[0] != '['))
    return DC_LINE_FOREIGN;
  g_autoptr(json_t) root = dc_json_line(text);
  if (!json_is_array(root))
    return read_event(reader, root);
  DcLineKind kind = DC_LINE_FOREIGN;
  for (size_t i = 0; i < json_array_size(root) && i < EVENTS_MAX; i++) {
    const DcLineKind one = read_event(reader, json_array_get(root, i));
    if (one == DC_LINE_USED || kind == DC_LINE_FOREIGN)
      kind = one;
  }
  return kind;
}

static int score(DcText line)
{
  if (dc_text_find(line, "\"startup\":{\"") != SIZE_MAX && dc_text_find(line, "\"retis_version\"") != SIZE_MAX)
    return 95;
  if (dc_text_find(line, "\"skb-drop\":{") != SIZE_MAX)
    return 90;
  return dc_text_find(line, "\"common\":{") != SIZE_MAX && dc_text_find(line, "\"timestamp\":") != SIZE_MAX ? 60 : 0;
}

static const DcLogGrammar grammar = {.score = score,
                                     .line = read_line,
                                     .state_size = sizeof(State),
                                     .hint = "collect with retis collect -c skb,skb-drop,dev -o"};

DC_LOG_FORMAT(retis, grammar, "retis events");
