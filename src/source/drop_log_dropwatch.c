/*
 * dropwatch: what it prints of NET_DM alerts.
 *
 * Summary mode, a line for each place, about a second late and without a time:
 *
 *   75 drops at tcp_v4_rcv+87 (0xffffffff815f0197) [software]    older ones without address and origin
 *   11 drops at location 0xffffffffaf8cd963 [software]           without symbols
 *   3 drops at acl_drops [hardware]                              a devlink trap
 *
 * Packet mode, lines of "name: value" up to the next "drop at":
 *
 *   drop at: br_stp_rcv+0x1ac/0x1190 [bridge] (0xffffffffb95d3ecc)     hardware: trap (group)
 *   origin: software
 *   input port ifindex: 4
 *   timestamp: Sun Aug 11 10:21:29 2019 180162751 nsec                 asctime() of localtime(), then nanoseconds
 *   protocol: 0x4
 *   length: 64
 *   original length: 119
 *   drop reason: NOT_SPECIFIED
 */
#include "drop_log_formats.h"
#include "log_reader.h"

#define PROMPT "dropwatch> "

typedef struct {
  bool hardware; /* which statistics are being read */
  struct {
    bool known;
    uint64_t count; /* "Tail dropped": cumulative since the module was loaded */
  } tail[2];
} State;

/* The prompt stays before the first line that is printed after a command; ^C is what the terminal echoed. */
static DcText without_prompt(DcText line)
{
  DcText text = dc_text_trim(line);
  while (dc_text_take(&text, PROMPT) || dc_text_take(&text, "dropwatch>") || dc_text_take(&text, "^C"))
    dc_text_skip_blanks(&text);
  return text;
}

/* "N drops at": true with what follows. */
static bool take_count(DcText *text, uint64_t *ret_count)
{
  DcText rest = *text;
  if (!dc_text_uint(&rest, UINT32_MAX, ret_count) || !dc_text_take(&rest, " drops at "))
    return false;
  *text = rest;
  return true;
}

static int score(DcText line)
{
  static const char *const said[] = {"Kernel monitoring activated.", "Issue Ctrl-C to stop monitoring",
                                     "Initalizing kallsyms db", "Initializing kallsyms db", "Initalizing null lookup"};
  DcText text = without_prompt(line);
  uint64_t count;
  if (take_count(&text, &count) || dc_text_begins(text, "drop at: "))
    return 90;
  if (dc_text_begins(dc_text_trim(line), "dropwatch>"))
    return 40;
  for (size_t i = 0; i < G_N_ELEMENTS(said); i++) {
    if (dc_text_is(text, said[i]))
      return 40;
  }
  return 0;
}

static DcLineKind read_summary(DcLogReader *reader, DcText place, uint64_t count)
{
  DcDrop drop;
  dc_log_drop_init(&drop);
  drop.count = count;
  place = dc_text_trim(place);
  if (count == 0 || place.len == 0)
    return DC_LINE_MALFORMED;
  if (dc_text_ends(place, "[hardware]")) {
    place = dc_text_trim(dc_text_until(place, place.len - strlen("[hardware]")));
    drop.kind = DC_DROP_NETDM_HARDWARE;
    drop.trap_name = dc_strings_add(reader->strings, place.at, place.len);
  } else {
    drop.kind = DC_DROP_NETDM_SUMMARY;
    dc_log_location(reader, place, &drop);
    if (drop.symbol == NULL && drop.pc == 0)
      return DC_LINE_MALFORMED;
  }
  dc_log_begin(reader, &drop, DC_LOG_CLOCK_NONE);
  dc_log_end(reader);
  return DC_LINE_USED;
}

/* "SYMBOL (0xPC)"; hardware: "TRAP (GROUP)". Which of them tells the origin, which comes next. */
static DcLineKind read_place(DcLogReader *reader, DcText place)
{
  DcDrop drop;
  dc_log_drop_init(&drop);
  place = dc_text_trim(place);
  size_t open = place.len;
  while (open > 0 && place.at[open - 1] != '(')
    open--;
  DcText inner = {0};
  if (open > 0 && place.at[place.len - 1] == ')') {
    inner = dc_text_until(dc_text_from(place, open), place.len - open - 1);
    place = dc_text_trim(dc_text_until(place, open - 1));
  }
  uint64_t pc;
  if (dc_text_begins(inner, "0x") && dc_text_hex(&inner, &pc) && inner.len == 0) {
    dc_log_location(reader, place, &drop);
    drop.pc = pc;
    if (drop.location == NULL && pc == 0)
      return DC_LINE_MALFORMED;
  } else if (place.len > 0 && inner.len > 0) {
    drop.kind = DC_DROP_NETDM_HARDWARE;
    drop.trap_name = dc_strings_add(reader->strings, place.at, place.len);
    drop.trap_group = dc_strings_add(reader->strings, inner.at, inner.len);
  } else {
    return DC_LINE_MALFORMED;
  }
  dc_log_begin(reader, &drop, DC_LOG_CLOCK_LOCAL);
  return DC_LINE_USED;
}

/* "Sun Aug 11 10:21:29 2019 180162751 nsec"; a day of one digit has two blanks before it. */
static bool read_timestamp(DcText text, int64_t *ret_ns)
{
  DcText word;
  int month;
  uint64_t day, year, ns;
  int64_t date_ns, time_ns;
  if (!dc_text_word(&text, &word) || !dc_text_word(&text, &word) || !dc_text_month(word, &month) ||
      !dc_text_word(&text, &word) || !dc_text_whole_uint(word, 31, &day) || !dc_text_word(&text, &word) ||
      !dc_text_time_of_day(&word, &time_ns) || word.len != 0 || !dc_text_word(&text, &word) ||
      !dc_text_whole_uint(word, 9999, &year) || !dc_text_word(&text, &word) ||
      !dc_text_whole_uint(word, 999999999, &ns) || !dc_text_civil((int)year, month, (int)day, &date_ns))
    return false;
  *ret_ns = date_ns + time_ns + (int64_t)ns;
  return true;
}

static DcLineKind read_field(DcLogReader *reader, DcDrop *drop, DcText text)
{
  uint64_t value;
  if (dc_text_take(&text, "timestamp: ")) {
    int64_t time_ns;
    if (!read_timestamp(text, &time_ns))
      return DC_LINE_MALFORMED;
    dc_log_set_time(reader, time_ns, DC_LOG_CLOCK_LOCAL);
    return DC_LINE_USED;
  }
  if (dc_text_take(&text, "input port ifindex: ")) {
    if (dc_text_whole_uint(text, UINT32_MAX, &value))
      drop->in_ifindex = (uint32_t)value;
  } else if (dc_text_take(&text, "input port name: ")) {
    drop->in_ifname = dc_strings_add(reader->strings, text.at, text.len);
  } else if (dc_text_take(&text, "protocol: ")) {
    if (dc_text_hex(&text, &value) && text.len == 0 && value <= UINT16_MAX)
      drop->protocol = (int32_t)value;
  } else if (dc_text_take(&text, "length: ")) {
    if (drop->orig_len == 0 && dc_text_whole_uint(text, UINT32_MAX, &value))
      drop->orig_len = (uint32_t)value;
  } else if (dc_text_take(&text, "original length: ")) {
    if (dc_text_whole_uint(text, UINT32_MAX, &value))
      drop->orig_len = (uint32_t)value;
  } else if (dc_text_take(&text, "drop reason: ")) {
    drop->reason = dc_log_reason(reader->strings, text);
  } else if (dc_text_take(&text, "origin: ")) {
    if (dc_text_is(text, "hardware"))
      drop->kind = DC_DROP_NETDM_HARDWARE;
  } else if (!dc_text_begins(text, "cookie: ")) {
    return DC_LINE_FOREIGN;
  }
  return DC_LINE_USED;
}

static void note_tail(DcLogReader *reader, uint64_t tail)
{
  State *state = reader->state;
  if (state->tail[state->hardware].known && tail > state->tail[state->hardware].count)
    dc_log_loss(reader, tail - state->tail[state->hardware].count,
                "the drop monitor's own queue was full (dropwatch: Tail dropped)");
  state->tail[state->hardware].known = true;
  state->tail[state->hardware].count = tail;
}

static DcLineKind read_line(DcLogReader *reader, DcText line)
{
  DcText text = without_prompt(line);
  if (text.len == 0) {
    dc_log_end(reader);
    return DC_LINE_FOREIGN;
  }
  uint64_t value;
  if (take_count(&text, &value))
    return read_summary(reader, text, value);
  if (dc_text_take(&text, "drop at: "))
    return read_place(reader, text);
  if (dc_text_take(&text, "Tail dropped: ") && dc_text_whole_uint(dc_text_trim(text), UINT64_MAX, &value)) {
    note_tail(reader, value);
    return DC_LINE_USED;
  }
  if (dc_text_is(text, "Software statistics:") || dc_text_is(text, "Hardware statistics:"))
    ((State *)reader->state)->hardware = dc_text_begins(text, "Hardware");
  DcDrop *drop = dc_log_open_drop(reader);
  return drop != NULL ? read_field(reader, drop, text) : DC_LINE_FOREIGN;
}

static const DcLogGrammar grammar = {.score = score,
                                     .line = read_line,
                                     .state_size = sizeof(State),
                                     .hint = "dropwatch prints drops between its commands start and stop"};

DC_LOG_FORMAT(dropwatch, grammar, "dropwatch");
