/*
 * pwru: a line for each kernel function a packet went through. Only those that free it as dropped count:
 * kfree_skb, kfree_skb_reason, sk_skb_reason_drop; the reason stands behind the name.
 *
 * Text, whose columns depend on the options and the version:
 *
 *   SKB                CPU PROCESS          NETNS      MARK/x IFACE  PROTO  MTU  LEN TUPLE FUNC
 *   0xffff00001603cae8 1   ~r/bin/curl:8493 4026531840 0      eth0:9 0x0800 1500 60
 *       10.0.2.15:54448->1.1.1.1:80(tcp) kfree_skb_reason(SKB_DROP_REASON_NETFILTER_DROP)        (one line)
 *
 * so the words are told apart by what they look like. With --output-caller the site follows, with
 * --output-stack function names in lines of their own. JSON (--output-json) has the same under keys.
 *
 * Times (--timestamp): absolute is local wall time to milliseconds, in older versions without the date; current
 * is nanoseconds since boot; relative counts from the packet's line before and is no clock.
 */
#include "drop_log_formats.h"
#include "log_json.h"
#include "log_reader.h"

/* Less is no time since boot but one since the packet's line before: no tracer runs in the first second. */
#define SINCE_BOOT_MIN_NS DC_NS_PER_S

/* Written when the event is printed: later than it happened, cut to milliseconds. */
#define PRINT_LATE_NS (50 * DC_NS_PER_MS)
#define CUT_NS DC_NS_PER_MS

/* Inodes of network namespaces: PROC_DYNAMIC_FIRST of fs/proc/generic.c and those after it. */
#define NETNS_FIRST UINT64_C(0xf0000000)
#define NETNS_LAST UINT64_C(0xf0ffffff)

typedef struct {
  bool relative; /* a time was seen that cannot count from boot */
} State;

/* "kfree_skb_reason(SKB_DROP_REASON_NETFILTER_DROP)", "kfree_skb", "sk_skb_reason_drop (12)": true with the reason. */
static bool is_drop_function(DcText function, DcText *ret_reason)
{
  static const char *const names[] = {"kfree_skb_reason", "kfree_skb", "sk_skb_reason_drop"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    DcText rest = function;
    if (!dc_text_take(&rest, names[i]))
      continue;
    *ret_reason = (DcText){0};
    if (rest.len == 0)
      return true;
    if (dc_text_take(&rest, "(") && dc_text_find(rest, ")") != SIZE_MAX) {
      *ret_reason = dc_text_until(rest, dc_text_find(rest, ")"));
      return true;
    }
    if (dc_text_begins(rest, " ("))
      return true; /* a code this kernel has no name for */
  }
  return false;
}

static uint8_t protocol_of(DcText name)
{
  static const struct {
    const char *name;
    uint8_t number;
  } protocols[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmp6", 58}};
  for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
    if (dc_text_is(name, protocols[i].name))
      return protocols[i].number;
  }
  return 0;
}

static void set_tuple(DcDrop *drop, uint8_t protocol, const DcAddr *src, uint16_t src_port, const DcAddr *dst,
                      uint16_t dst_port)
{
  dc_log_set_addresses(drop, protocol, src, dst);
  if ((drop->packet.has & DC_HAS_IP) != 0 && (protocol == 6 || protocol == 17))
    dc_log_set_ports(drop, src_port, dst_port);
}

/* "10.0.2.15:54448->1.1.1.1:80(tcp)", "[fd00::1]:51420->[fd00::2]:8000(tcp:SYN|ACK)"; older ones without the
 * protocol. False for what is no tuple. */
static bool read_tuple(DcText text, DcDrop *drop)
{
  const size_t arrow = dc_text_find(text, "->");
  if (arrow == SIZE_MAX)
    return false;
  DcText dst_text = dc_text_from(text, arrow + 2), protocol = {0};
  const size_t open = dc_text_find(dst_text, "(");
  if (open != SIZE_MAX) {
    protocol = dc_text_from(dst_text, open + 1);
    protocol = dc_text_until(protocol, dc_text_find(protocol, ")"));
    protocol = dc_text_until(protocol, dc_text_find(protocol, ":"));
    dst_text = dc_text_until(dst_text, open);
  }
  DcAddr src, dst;
  uint16_t src_port, dst_port;
  if (dc_text_endpoint(dc_text_until(text, arrow), &src, &src_port) && dc_text_endpoint(dst_text, &dst, &dst_port))
    set_tuple(drop, protocol_of(protocol), &src, src_port, &dst, dst_port);
  return true;
}

/* --- times ------------------------------------------------------------------------------ */

static DcLogClock set_since_boot(State *state, uint64_t ns, DcDrop *drop)
{
  if (ns < (uint64_t)SINCE_BOOT_MIN_NS)
    state->relative = true;
  if (state->relative || ns > (uint64_t)DC_TIME_MAX)
    return DC_LOG_CLOCK_NONE;
  drop->time_ns = (int64_t)ns;
  return DC_LOG_CLOCK_MONOTONIC;
}

/* "2025-03-04T15:04:05.123", "15:04:05.123"; false for what is neither. */
static bool read_absolute(DcText text, DcDrop *drop, DcLogClock *ret_clock)
{
  DcText rest = text;
  if (dc_text_date_time(&rest, &drop->time_ns) && rest.len == 0) {
    *ret_clock = DC_LOG_CLOCK_LOCAL;
  } else {
    rest = text;
    if (!dc_text_time_of_day(&rest, &drop->time_ns) || rest.len != 0)
      return false;
    *ret_clock = DC_LOG_CLOCK_TIME_OF_DAY;
  }
  drop->time_ns += CUT_NS;
  drop->precision_ns = CUT_NS + PRINT_LATE_NS;
  return true;
}

/* --- text --------------------------------------------------------------------------------- */

/* "eth0:9": where the tracer found a name for the interface. */
static bool read_interface(DcLogReader *reader, DcText word, DcDrop *drop)
{
  const size_t colon = dc_text_find(word, ":");
  uint64_t index;
  if (colon == SIZE_MAX || colon == 0 || dc_text_is_digit(word.at[0]) ||
      !dc_text_whole_uint(dc_text_from(word, colon + 1), UINT32_MAX, &index))
    return false;
  drop->in_ifname = dc_strings_add(reader->strings, word.at, colon);
  drop->in_ifindex = (uint32_t)index;
  return true;
}

/* The words before the function. The first number behind the process is the time, unless it is the
 * namespace; NAME:NUMBER is first the process, then the interface. */
static DcLogClock read_words(DcLogReader *reader, DcText words, DcDrop *drop)
{
  DcLogClock clock = DC_LOG_CLOCK_NONE;
  DcText word;
  bool has_process = false, has_number = false, first = true, has_time = false;
  while (dc_text_word(&words, &word)) {
    uint64_t number;
    DcText digits = word;
    if (read_tuple(word, drop)) {
      continue;
    } else if (!has_time && read_absolute(word, drop, &clock)) {
      has_time = true;
    } else if (dc_text_begins(word, "0x") && dc_text_hex(&digits, &number) && digits.len == 0) {
      if (first || number > UINT32_MAX)
        drop->skb = number;
      else if (number <= UINT16_MAX && drop->protocol < 0)
        drop->protocol = (int32_t)number;
      first = false;
    } else if (word.at[0] == '[') {
      has_process = true; /* "[curl]", "[<empty>(0)]": older versions */
    } else if (dc_text_whole_uint(word, UINT64_MAX, &number)) {
      if (has_process && !has_number && !has_time && !(number >= NETNS_FIRST && number <= NETNS_LAST))
        clock = set_since_boot(reader->state, number, drop);
      has_number = has_process;
    } else if (has_process) {
      (void)read_interface(reader, word, drop);
    } else if (dc_text_find(word, ":") != SIZE_MAX) {
      has_process = true;
    }
  }
  return clock;
}

/* Where the function's name begins in a line of the trace; false for other lines. */
static bool find_drop_function(DcText line, DcText *ret_words, DcText *ret_function, DcText *ret_rest,
                               DcText *ret_reason)
{
  for (size_t at = 0; at < line.len;) {
    while (at < line.len && dc_text_is_blank(line.at[at]))
      at++;
    size_t end = at;
    while (end < line.len && !dc_text_is_blank(line.at[end]))
      end++;
    const DcText word = dc_text_until(dc_text_from(line, at), end - at);
    if (word.len > 0 && is_drop_function(word, ret_reason)) {
      *ret_words = dc_text_until(line, at);
      *ret_function = word;
      *ret_rest = dc_text_from(line, end);
      return true;
    }
    at = end;
  }
  return false;
}

/* A line of the trace begins with what was traced: an address, a time, or, with few columns, the tuple. */
static bool is_trace_line(DcText line)
{
  DcText word, next;
  uint64_t number;
  int64_t ns;
  DcDrop ignored = {0};
  if (!dc_text_word(&line, &word))
    return false;
  DcText rest = word;
  if (dc_text_begins(word, "0x") && dc_text_hex(&rest, &number) && rest.len == 0)
    return dc_text_word(&line, &next);
  rest = word;
  if ((dc_text_date_time(&rest, &ns) || dc_text_time_of_day(&rest, &ns)) && rest.len == 0)
    return dc_text_word(&line, &next) && dc_text_begins(next, "0x");
  return read_tuple(word, &ignored) && dc_text_word(&line, &next);
}

static DcLineKind read_text(DcLogReader *reader, DcText line)
{
  DcText words, function, rest, reason;
  const bool trace = is_trace_line(line);
  if (!find_drop_function(line, &words, &function, &rest, &reason)) {
    /* The stack is written behind the line it belongs to, a function a line. */
    DcText text = dc_text_trim(line), word;
    if (!trace && dc_log_open_drop(reader) != NULL && dc_text_word(&text, &word) && text.len == 0 &&
        (g_ascii_isalpha(word.at[0]) || word.at[0] == '_')) {
      dc_log_frame(reader, word);
      return DC_LINE_USED;
    }
    dc_log_end(reader);
    if (trace && !reader->has_clock) { /* whether its times are relative shows in a packet's first line */
      DcDrop ignored = {0};
      (void)read_words(reader, line, &ignored);
    }
    return DC_LINE_FOREIGN;
  }
  if (!trace) {
    if (dc_log_open_drop(reader) != NULL && dc_text_trim(words).len == 0)
      return DC_LINE_USED; /* the top of its stack */
    return DC_LINE_FOREIGN;
  }
  DcDrop drop;
  dc_log_drop_init(&drop);
  const DcLogClock clock = read_words(reader, words, &drop);
  drop.reason = dc_log_reason(reader->strings, reason);
  /* Behind it: the tuple of older versions, the caller of --output-caller, a code "(12)". */
  DcText word;
  while (dc_text_word(&rest, &word)) {
    if (!read_tuple(word, &drop) && drop.symbol == NULL && (g_ascii_isalpha(word.at[0]) || word.at[0] == '_'))
      dc_log_location(reader, word, &drop);
  }
  dc_log_begin(reader, &drop, clock);
  return DC_LINE_USED;
}

/* --- JSON --------------------------------------------------------------------------------- */

static void read_json_tuple(const json_t *event, DcDrop *drop)
{
  DcAddr src, dst;
  uint64_t sport = 0, dport = 0, protocol = 0;
  if (json_is_string(json_object_get(event, "tuple"))) { /* older versions: as in the text */
    (void)read_tuple(dc_json_text(event, "tuple"), drop);
    return;
  }
  if (!dc_text_addr(dc_json_text(event, "tuple.saddr"), &src) ||
      !dc_text_addr(dc_json_text(event, "tuple.daddr"), &dst))
    return;
  /* Zero values are left out. */
  (void)dc_json_uint(event, "tuple.sport", UINT16_MAX, &sport);
  (void)dc_json_uint(event, "tuple.dport", UINT16_MAX, &dport);
  (void)dc_json_uint(event, "tuple.proto", UINT8_MAX, &protocol);
  set_tuple(drop, (uint8_t)protocol, &src, (uint16_t)sport, &dst, (uint16_t)dport);
}

static DcLineKind read_json(DcLogReader *reader, DcText line)
{
  g_autoptr(json_t) event = dc_json_line(line);
  if (!json_is_object(event))
    return DC_LINE_MALFORMED;
  DcText reason;
  uint64_t number;
  DcDrop drop;
  dc_log_drop_init(&drop);
  DcLogClock clock = DC_LOG_CLOCK_NONE;
  if (dc_json_uint(event, "time", UINT64_MAX, &number))
    clock = set_since_boot(reader->state, number, &drop);
  else
    (void)read_absolute(dc_json_text(event, "time"), &drop, &clock);
  const DcText function = dc_json_text(event, "func");
  if (function.len == 0 || !is_drop_function(function, &reason))
    return DC_LINE_FOREIGN;
  drop.reason = dc_log_reason(reader->strings, reason);
  DcText text = dc_json_text(event, "skb");
  if (dc_text_hex(&text, &number) && text.len == 0)
    drop.skb = number;
  if (dc_json_uint(event, "proto", UINT16_MAX, &number) && number != 0)
    drop.protocol = (int32_t)number;
  (void)read_interface(reader, dc_json_text(event, "iface"), &drop);
  text = dc_json_text(event, "caller_func");
  if (text.len > 0)
    dc_log_location(reader, text, &drop);
  read_json_tuple(event, &drop);
  dc_log_begin(reader, &drop, clock);
  DcText stack = dc_json_text(event, "stack");
  while (stack.len > 0) {
    const size_t end = MIN(dc_text_find(stack, "\n"), stack.len);
    dc_log_frame(reader, dc_text_until(stack, end));
    stack = dc_text_from(stack, end + 1);
  }
  dc_log_end(reader);
  return DC_LINE_USED;
}

/* --- the grammar ----------------------------------------------------------------------------- */

static int score(DcText line)
{
  DcText words, function, rest, reason;
  const DcText text = dc_text_trim(line);
  if (dc_text_begins(text, "{"))
    return dc_text_find(text, "\"func\":\"") != SIZE_MAX && dc_text_find(text, "\"skb\":\"0x") != SIZE_MAX ? 80 : 0;
  if (dc_text_begins(text, "SKB ") && dc_text_find(text, " CPU ") != SIZE_MAX)
    return 80;
  if (dc_text_ends(text, "Listening for events..") || dc_text_ends(text, " FUNC"))
    return 40;
  if (!is_trace_line(text))
    return 0;
  return find_drop_function(text, &words, &function, &rest, &reason) ? 80 : 10;
}

static DcLineKind read_line(DcLogReader *reader, DcText line)
{
  if (line.len == 0)
    return DC_LINE_FOREIGN;
  return line.at[0] == '{' ? read_json(reader, line) : read_text(reader, line);
}

static const DcLogGrammar grammar = {
    .score = score,
    .line = read_line,
    .state_size = sizeof(State),
    .hint = "only lines of kfree_skb, kfree_skb_reason and sk_skb_reason_drop are drops: trace these functions too"};

DC_LOG_FORMAT(pwru, grammar, "pwru");
