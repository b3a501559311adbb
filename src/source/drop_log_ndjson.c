/*
 * dropcorr's own NDJSON (docs/event-format.md), written with --json --frames: its drop lines as drops again, and the
 * losses of its summary that concern drops. What the run had decided about a drop is left out: it is decided anew.
 */
#include "drop_log_formats.h"
#include "log_json.h"
#include "log_reader.h"

#include "dropcorr/source/evidence_fields.h"

static bool read_time(DcText text, int64_t *ret_ns)
{
  return dc_text_seconds(&text, ret_ns) && text.len == 0;
}

/* IANA's names as the report writes them, or the number. */
static uint8_t protocol_of(DcText name)
{
  static const struct {
    const char *name;
    uint8_t number;
  } protocols[] = {{"tcp", 6},       {"udp", 17},     {"icmp", 1},  {"ipv6-icmp", 58}, {"sctp", 132}, {"gre", 47},
                   {"udplite", 136}, {"esp", 50},     {"ah", 51},   {"igmp", 2},       {"ipv4", 4},   {"ipv6", 41},
                   {"dccp", 33},     {"ospfigp", 89}, {"pim", 103}, {"vrrp", 112}};
  for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
    if (dc_text_is(name, protocols[i].name))
      return protocols[i].number;
  }
  uint64_t number;
  return dc_text_whole_uint(name, UINT8_MAX, &number) ? (uint8_t)number : 0;
}

/* tcpdump's letters: "S.", "P." */
static uint8_t flags_of(DcText text)
{
  static const char letters[] = "FSRP.U";
  uint8_t flags = 0;
  for (; text.len > 0; text = dc_text_from(text, 1)) {
    const char *at = strchr(letters, text.at[0]);
    if (at != NULL && *at != '\0')
      flags |= (uint8_t)(1u << (at - letters));
  }
  return flags;
}

static void read_packet(const json_t *line, DcDrop *drop)
{
  DcAddr src, dst;
  uint64_t number, src_port, dst_port;
  DcPacket *packet = &drop->packet;
  DcText type = dc_json_text(line, "ether.type");
  if (dc_text_hex(&type, &number) && type.len == 0 && number <= UINT16_MAX) {
    packet->has |= DC_HAS_ETHERTYPE;
    packet->ethertype = (uint16_t)number;
  }
  if (dc_json_uint(line, "network.bytes", UINT32_MAX, &number))
    drop->orig_len = (uint32_t)number;
  const DcText transport = dc_json_text(line, "network.transport");
  if (transport.len == 0 || !dc_text_addr(dc_json_text(line, "source.ip"), &src) ||
      !dc_text_addr(dc_json_text(line, "destination.ip"), &dst))
    return;
  dc_log_set_addresses(drop, protocol_of(transport), &src, &dst);
  if (dc_json_uint(line, "source.port", UINT16_MAX, &src_port) &&
      dc_json_uint(line, "destination.port", UINT16_MAX, &dst_port))
    dc_log_set_ports(drop, (uint16_t)src_port, (uint16_t)dst_port);
  if (dc_json_uint(line, "tcp.seq", UINT32_MAX, &number)) {
    packet->has |= DC_HAS_TCP;
    packet->tcp_seq = (uint32_t)number;
    packet->tcp_flags = flags_of(dc_json_text(line, "tcp.flags"));
    if (dc_json_uint(line, "tcp.ack", UINT32_MAX, &number))
      packet->tcp_ack = (uint32_t)number;
  }
  uint64_t code;
  if (dc_json_uint(line, "icmp.type", UINT8_MAX, &number) && dc_json_uint(line, "icmp.code", UINT8_MAX, &code)) {
    packet->has |= DC_HAS_ICMP;
    packet->icmp_type = (uint8_t)number;
    packet->icmp_code = (uint8_t)code;
  }
}

static const char *intern(DcLogReader *reader, const json_t *line, const char *path)
{
  const DcText text = dc_json_text(line, path);
  return text.len > 0 ? dc_strings_add(reader->strings, text.at, text.len) : NULL;
}

static void read_place(DcLogReader *reader, const json_t *line, DcDrop *drop)
{
  static const char *const kinds[] = DC_FIELD_KIND_NAMES;
  uint64_t number;
  const DcText kind = dc_json_text(line, "dropcorr.kind");
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
    if (dc_text_is(kind, kinds[i]))
      drop->kind = (uint8_t)i;
  }
  const DcText symbol = dc_json_text(line, "dropcorr.symbol");
  if (symbol.len > 0)
    dc_log_location(reader, symbol, drop);
  const char *module = intern(reader, line, "dropcorr.module");
  if (module != NULL)
    drop->module = module;
  drop->location = intern(reader, line, "dropcorr.location");
  DcText text = dc_json_text(line, "dropcorr.pc");
  if (dc_text_hex(&text, &number) && text.len == 0)
    drop->pc = number;
  text = dc_json_text(line, "dropcorr.protocol");
  if (dc_text_hex(&text, &number) && text.len == 0 && number <= UINT16_MAX)
    drop->protocol = (int32_t)number;
  if (dc_json_uint(line, "dropcorr.in_ifindex", UINT32_MAX, &number))
    drop->in_ifindex = (uint32_t)number;
  drop->in_ifname = intern(reader, line, "dropcorr.in_ifname");
  drop->trap_group = intern(reader, line, "dropcorr.trap_group");
  drop->trap_name = intern(reader, line, "dropcorr.trap");
  if (dc_json_uint(line, "dropcorr.count", DC_COUNT_MAX, &number) && number > 0)
    drop->count = number;
  if (dc_json_uint(line, "dropcorr.precision_ns", INT64_MAX / 4, &number))
    drop->precision_ns = (int64_t)number;
}

static DcLineKind read_drop(DcLogReader *reader, const json_t *line)
{
  DcDrop drop;
  dc_log_drop_init(&drop);
  if (dc_json_at(line, "dropcorr.count") == NULL)
    return DC_LINE_MALFORMED;
  (void)read_time(dc_json_text(line, "@timestamp"), &drop.time_ns);
  drop.reason = dc_log_reason(reader->strings, dc_json_text(line, "event.reason"));
  read_place(reader, line, &drop);
  read_packet(line, &drop);
  dc_log_begin(reader, &drop, DC_LOG_CLOCK_REALTIME);
  dc_log_end(reader);
  return DC_LINE_USED;
}

/* Losses of frames say nothing of a capture taken elsewhere. */
static void read_losses(DcLogReader *reader, const json_t *line)
{
  static const char *const paths[] = {"lost.netlink", "lost.monitor", "lost.queue"};
  uint64_t count;
  for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
    if (dc_json_uint(line, paths[i], DC_COUNT_MAX, &count))
      dc_log_loss(reader, count, "lost by the run that wrote the log");
  }
}

static DcLineKind read_line(DcLogReader *reader, DcText text)
{
  if (text.len == 0)
    return DC_LINE_FOREIGN;
  if (text.at[0] != '{')
    return DC_LINE_FOREIGN;
  g_autoptr(json_t) line = dc_json_line(text);
  if (!json_is_object(line))
    return DC_LINE_MALFORMED;
  const DcText type = dc_json_text(line, "type");
  if (dc_text_is(type, "drop"))
    return read_drop(reader, line);
  if (!dc_text_is(type, "summary"))
    return DC_LINE_FOREIGN;
  read_losses(reader, line);
  return DC_LINE_USED;
}

static int score(DcText line)
{
  if (dc_text_begins(line, "{") && dc_text_find(line, "\"schema\":\"dropcorr/1\"") != SIZE_MAX)
    return 95;
  return dc_text_begins(line, "{\"type\":\"drop\",\"drop\":") || dc_text_begins(line, "{\"type\":\"frame\",\"frame\":")
             ? 90
             : 0;
}

static const DcLogGrammar grammar = {
    .score = score, .line = read_line, .hint = "drops are in it when it was written with --json --frames"};

DC_LOG_FORMAT(ndjson, grammar, "dropcorr NDJSON");
