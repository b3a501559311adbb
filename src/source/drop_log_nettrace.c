/*
 * nettrace, in its modes that tell of drops:
 *
 *   [146.136576] TCP: 127.0.0.1:43582 -> 127.0.0.1:9999 seq:3819454691, ack:0, flags:S, reason: NO_SOCKET,
 * tcp_v4_rcv+0x81 [2019.041344] TCP: 176.58.124.134:37441 -> 172.27.0.6:443 seq:1160140493, ack:0, flags:S,
 * tcp_v4_rcv+0x50
 *
 * with --drop; with --monitor, or --detail, groups in brackets stand before the packet, of which one is the
 * function, and emphasis around the reason: *reason: NO_SOCKET, tcp_v4_rcv+0x81*. In the other modes each function
 * a packet went through is a line, the one of kfree_skb is the drop, and reason and site follow in the result:
 *
 *   [25.167996] [kfree_skb           ] ICMP: 192.168.122.1 -> 192.168.122.9 ping request, seq: 1, id: 1523 *packet is
 * dropped by kernel* location: nf_hook_slow+0x96 drop reason: NETFILTER_DROP
 *
 * The time is monotonic; with --date it is a local date, made from an uptime in whole seconds.
 */
#include "drop_log_formats.h"
#include "log_reader.h"

/* Both ends of that sum are whole seconds: it is up to one off, either way. */
#define DATE_ERROR_NS DC_NS_PER_S

typedef enum { NEXT_NONE, NEXT_LOCATION, NEXT_REASON } Next;

typedef struct {
  Next next; /* what the next line holds */
} State;

static const struct {
  const char *name;
  uint8_t number;
} protocols[] = {{"TCP", 6}, {"UDP", 17}, {"ICMP", 1}, {"ICMPv6", 58}, {"ICMPV6", 58}, {"ESP", 50}, {"SCTP", 132}};

/* "[146.136576] " or "[2022-10-24 13:05:02.123456] " */
static bool take_time(DcText *text, DcDrop *drop, DcLogClock *ret_clock)
{
  DcText rest = *text;
  if (!dc_text_take(&rest, "["))
    return false;
  if (dc_text_seconds(&rest, &drop->time_ns)) {
    *ret_clock = DC_LOG_CLOCK_MONOTONIC;
  } else if (dc_text_date_time(&rest, &drop->time_ns)) {
    *ret_clock = DC_LOG_CLOCK_LOCAL;
    drop->time_ns += DATE_ERROR_NS;
    drop->precision_ns = 2 * DATE_ERROR_NS;
  } else {
    return false;
  }
  if (!dc_text_take(&rest, "]"))
    return false;
  dc_text_skip_blanks(&rest);
  *text = rest;
  return true;
}

/* The groups in brackets before the packet. True: one of them names a function, ret_function. */
static bool take_groups(DcLogReader *reader, DcText *text, DcDrop *drop, DcText *ret_function)
{
  bool found = false;
  size_t groups = 0;
  for (; dc_text_begins(*text, "["); groups++) {
    const size_t close = dc_text_find(*text, "]");
    if (close == SIZE_MAX)
      break;
    DcText group = dc_text_trim(dc_text_until(dc_text_from(*text, 1), close - 1));
    *text = dc_text_from(*text, close + 1);
    uint64_t skb;
    DcText digits = group;
    if (groups == 0 && dc_text_hex(&digits, &skb) && digits.len == 0 && group.len >= 8) {
      drop->skb = skb; /* --detail: the key */
    } else if (!found && dc_text_find(group, ":") == SIZE_MAX && group.len > 0) {
      *ret_function = group;
      found = true;
    } else if (found && drop->in_ifname == NULL && group.len > 0 && group.len < 16 &&
               dc_text_find(group, ":") == SIZE_MAX && groups == 3) {
      drop->in_ifname = dc_strings_add(reader->strings, group.at, group.len);
    }
  }
  dc_text_skip_blanks(text);
  return found;
}

static bool is_drop_function(DcText function)
{
  return dc_text_is(function, "kfree_skb") || dc_text_is(function, "kfree_skb_reason") ||
         dc_text_is(function, "sk_skb_reason_drop");
}

/* "127.0.0.1:43582 -> 127.0.0.1:9999 seq:...": addresses with or without ports */
static bool read_packet(DcText *text, uint8_t protocol, DcDrop *drop)
{
  DcText rest = *text, src_text, arrow, dst_text;
  DcAddr src, dst;
  uint16_t src_port, dst_port;
  if (!dc_text_word(&rest, &src_text) || !dc_text_word(&rest, &arrow) || !dc_text_is(arrow, "->") ||
      !dc_text_word(&rest, &dst_text))
    return false;
  if (dst_text.at[dst_text.len - 1] == ',')
    dst_text.len--;
  const bool has_ports = protocol == 6 || protocol == 17;
  if (has_ports ? !dc_text_endpoint(src_text, &src, &src_port) || !dc_text_endpoint(dst_text, &dst, &dst_port)
                : !dc_text_addr(src_text, &src) || !dc_text_addr(dst_text, &dst))
    return false;
  dc_log_set_addresses(drop, protocol, &src, &dst);
  if (has_ports)
    dc_log_set_ports(drop, src_port, dst_port);
  *text = rest;
  return true;
}

/* "seq:3819454691, ack:0, flags:S": of SARPF */
static void read_segment(DcText text, DcDrop *drop)
{
  uint64_t seq, ack;
  DcText rest = dc_text_trim(text);
  if (!dc_text_take(&rest, "seq:") || !dc_text_uint(&rest, UINT32_MAX, &seq) || !dc_text_take(&rest, ", ack:") ||
      !dc_text_uint(&rest, UINT32_MAX, &ack) || !dc_text_take(&rest, ", flags:"))
    return;
  static const struct {
    char letter;
    uint8_t flag;
  } letters[] = {{'S', DC_TCP_SYN}, {'A', DC_TCP_ACK}, {'R', DC_TCP_RST}, {'P', DC_TCP_PSH}, {'F', DC_TCP_FIN}};
  DcPacket *packet = &drop->packet;
  packet->tcp_flags = 0;
  for (; rest.len > 0 && g_ascii_isalpha(rest.at[0]); rest = dc_text_from(rest, 1)) {
    for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
      if (letters[i].letter == rest.at[0])
        packet->tcp_flags |= letters[i].flag;
    }
  }
  packet->has |= DC_HAS_TCP;
  packet->tcp_seq = (uint32_t)seq;
  packet->tcp_ack = (uint32_t)ack;
}

/* "reason: NO_SOCKET, tcp_v4_rcv+0x81", emphasised or not; the site is the last piece with an offset. */
static void read_verdict(DcLogReader *reader, DcText text, DcDrop *drop)
{
  const size_t at = dc_text_find(text, "reason: ");
  if (at != SIZE_MAX) {
    DcText reason = dc_text_from(text, at + strlen("reason: "));
    reason = dc_text_until(reason, dc_text_find(reason, ","));
    drop->reason = dc_log_reason(reader->strings, dc_text_until(reason, dc_text_find(reason, "*")));
  }
  for (DcText rest = text; rest.len > 0;) {
    size_t end = 0;
    while (end < rest.len && rest.at[end] != ',' && rest.at[end] != '*')
      end++;
    const DcText piece = dc_text_trim(dc_text_until(rest, end));
    if (dc_text_find(piece, "+0x") != SIZE_MAX && dc_text_find(piece, " ") == SIZE_MAX)
      dc_log_location(reader, piece, drop);
    rest = dc_text_from(rest, end + 1);
  }
}

/* "TCP: ...", "ether protocol: 0x88cc", "ARP: who has 10.0.0.1, tell 10.0.0.2" */
static bool read_protocol(DcText *text, DcDrop *drop)
{
  uint64_t number;
  if (dc_text_take(text, "ether protocol: ")) {
    if (dc_text_begins(*text, "0x") ? !dc_text_hex(text, &number) : !dc_text_uint(text, UINT16_MAX, &number))
      return false;
    if (number > UINT16_MAX)
      return false;
    drop->protocol = (int32_t)number;
    return true;
  }
  if (dc_text_begins(*text, "ARP: ")) {
    drop->protocol = 0x0806;
    return true;
  }
  if (dc_text_begins(*text, "unknow"))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
    DcText rest = *text;
    if (!dc_text_take(&rest, protocols[i].name) || !dc_text_take(&rest, ": "))
      continue;
    if (!read_packet(&rest, protocols[i].number, drop))
      return false;
    *text = rest;
    if (protocols[i].number == 6)
      read_segment(rest, drop);
    return true;
  }
  DcText rest = *text;
  if (!dc_text_uint(&rest, UINT8_MAX, &number) || !dc_text_take(&rest, ": ") ||
      !read_packet(&rest, (uint8_t)number, drop))
    return false;
  *text = rest;
  return true;
}

static int score(DcText line)
{
  DcDrop drop = {0};
  DcLogClock clock;
  DcText text = dc_text_trim(line);
  if (!take_time(&text, &drop, &clock))
    return dc_text_is(text, "begin trace...") ? 60 : 0;
  while (dc_text_begins(text, "[") && dc_text_find(text, "]") != SIZE_MAX)
    text = dc_text_trim(dc_text_from(text, dc_text_find(text, "]") + 1));
  for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
    DcText rest = text;
    if (dc_text_take(&rest, protocols[i].name) && dc_text_take(&rest, ": ") && dc_text_find(rest, " -> ") != SIZE_MAX)
      return 85;
  }
  return dc_text_begins(text, "ether protocol: ") || dc_text_begins(text, "ARP: ") ? 60 : 0;
}

/* What follows a drop: its result, its stack. */
static bool read_after(DcLogReader *reader, DcText line)
{
  State *state = reader->state;
  DcDrop *drop = dc_log_open_drop(reader);
  DcText text = dc_text_trim(line);
  const Next next = state->next;
  state->next = NEXT_NONE;
  if (drop == NULL)
    return false;
  if (next == NEXT_LOCATION) {
    if (drop->symbol == NULL)
      dc_log_location(reader, text, drop);
    return true;
  }
  if (next == NEXT_REASON) {
    if (drop->reason == NULL)
      drop->reason = dc_log_reason(reader->strings, text);
    return true;
  }
  if (dc_text_take(&text, "-> ")) {
    dc_log_frame(reader, text);
    return true;
  }
  if (dc_text_is(text, "location:"))
    state->next = NEXT_LOCATION;
  else if (dc_text_is(text, "drop reason:"))
    state->next = NEXT_REASON;
  else
    return dc_text_begins(text, "Call Stack:");
  return true;
}

static DcLineKind read_line(DcLogReader *reader, DcText line)
{
  DcDrop drop;
  DcLogClock clock;
  DcText text = dc_text_trim(line), function;
  dc_log_drop_init(&drop);
  if (text.len == 0)
    return DC_LINE_FOREIGN;
  if (!take_time(&text, &drop, &clock))
    return read_after(reader, line) ? DC_LINE_USED : DC_LINE_FOREIGN;
  ((State *)reader->state)->next = NEXT_NONE;
  const bool has_function = take_groups(reader, &text, &drop, &function);
  if (has_function && !is_drop_function(function))
    return DC_LINE_FOREIGN;
  if (!read_protocol(&text, &drop))
    return DC_LINE_MALFORMED;
  read_verdict(reader, text, &drop);
  if (!has_function && drop.symbol == NULL)
    return DC_LINE_MALFORMED; /* --drop names the site always: the line was cut off */
  dc_log_begin(reader, &drop, clock);
  return DC_LINE_USED;
}

static const DcLogGrammar grammar = {
    .score = score, .line = read_line, .state_size = sizeof(State), .hint = "run nettrace --drop"};

DC_LOG_FORMAT(nettrace, grammar, "nettrace");
