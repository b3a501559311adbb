/*
 * tcpdrop, of bcc and of bpftrace. Both print local wall time without a date, in whole seconds, and the stack of
 * the drop under it.
 *
 * bcc (tools/tcpdrop.py, libbpf-tools/tcpdrop), addresses as in the packet; before 2025 without reason and code:
 *
 *   TIME     PID     IP SADDR:SPORT          > DADDR:DPORT          STATE (FLAGS)        REASON (CODE)
 *   14:46:49 0       4  39.156.66.10:80      > 10.211.55.10:33280   SYN_SENT (SYN|ACK)   NETFILTER_DROP (12)
 *           b'sk_skb_reason_drop+0x1e4'           libbpf-tools: "  #0  0xffffffff815f0197 [tcp_v4_rcv]"
 *           b'nft_do_chain+0x93c'
 *
 * bpftrace (tools/tcpdrop.bt), addresses as the socket has them: the local one first. Offsets are decimal
 * unless they begin with 0x:
 *
 *   TIME     PID      COMM             SADDR:SPORT           DADDR:DPORT           STATE
 *   00:39:21 0        swapper/2         10.231.244.31:3306     10.229.20.82:50552  ESTABLISHE
 *           tcp_v4_do_rcv+309
 *
 * The reason's name is taken, never its code: that differs between kernels.
 */
#include "drop_log_formats.h"
#include "log_reader.h"

#include "dropcorr/model/site.h"

#define IPPROTO_TCP_NUMBER 6

/* The time is read off the clock when the record is printed: within the second, a little late. */
#define SECOND_NS DC_NS_PER_S
#define LATE_NS (DC_NS_PER_S / 10)
/* A log that jumps back more often is none of days. */
#define DAYS_MAX_NS (INT64_C(10000) * 86400 * DC_NS_PER_S)
/* libbpf-tools adds whole seconds to the boot time in whole seconds. */
#define BOOT_TIME_NS DC_NS_PER_S

typedef struct {
  int64_t day_ns;  /* midnights since the first record */
  int64_t last_ns; /* time of day of the last record */
  bool has_last;
  bool adds_boot_time; /* libbpf-tools */
  bool oriented;       /* the stack told which way the packet went */
  bool of_socket;      /* bcc: addresses as for a packet that came in, ports as in the packet */
} State;

/* "14:46:49": the end of that second. A clock that goes back by hours has passed midnight. */
static bool take_time(State *state, DcText word, DcDrop *drop)
{
  int64_t ns;
  if (!dc_text_time_of_day(&word, &ns) || word.len != 0)
    return false;
  if (state->has_last && state->last_ns - ns > 12 * 3600 * DC_NS_PER_S && state->day_ns < DAYS_MAX_NS)
    state->day_ns += 24 * 3600 * DC_NS_PER_S;
  state->last_ns = ns;
  state->has_last = true;
  drop->time_ns = state->day_ns + ns + SECOND_NS + (state->adds_boot_time ? BOOT_TIME_NS : 0);
  drop->precision_ns = SECOND_NS + LATE_NS + (state->adds_boot_time ? BOOT_TIME_NS : 0);
  return true;
}

/* The socket's addresses are those of a packet that came in, unless the innermost function that has a direction
 * sends. ports: those are the socket's, too. */
static void orient(DcLogReader *reader, DcText symbol, bool ports)
{
  static const char *const sending[] = {
      "dev_queue_xmit",  "__dev_queue_xmit", "__dev_xmit_skb",     "ip_queue_xmit",  "__ip_queue_xmit",
      "ip_output",       "ip_finish_output", "ip6_xmit",           "ip6_output",     "ip_local_out",
      "__ip_local_out",  "ip6_local_out",    "__tcp_transmit_skb", "tcp_write_xmit", "dev_hard_start_xmit",
      "sch_direct_xmit", "ip6_finish_output"};
  static const char *const receiving[] = {"tcp_v4_rcv",       "tcp_v6_rcv",     "tcp_v4_do_rcv",       "tcp_v6_do_rcv",
                                          "ip_local_deliver", "ip_rcv",         "__netif_receive_skb", "ip6_input",
                                          "ipv6_rcv",         "__release_sock", "process_backlog"};
  State *state = reader->state;
  DcDrop *drop = dc_log_open_drop(reader);
  if (state->oriented || drop == NULL)
    return;
  const DcText name = dc_text_until(symbol, dc_text_find(symbol, "+"));
  for (size_t i = 0; i < G_N_ELEMENTS(receiving); i++) {
    if (dc_text_is(name, receiving[i])) {
      state->oriented = true;
      return;
    }
  }
  for (size_t i = 0; i < G_N_ELEMENTS(sending); i++) {
    if (!dc_text_is(name, sending[i]))
      continue;
    state->oriented = true;
    DcPacket *packet = &drop->packet;
    const DcAddr addr = packet->src;
    const uint16_t port = packet->src_port;
    packet->src = packet->dst;
    packet->dst = addr;
    if (ports) {
      packet->src_port = packet->dst_port;
      packet->dst_port = port;
    }
    return;
  }
}

/* --- bcc ------------------------------------------------------------------------------ */

typedef struct {
  DcText time, version, src, dst;
  DcText rest; /* STATE (FLAGS) REASON (CODE) */
} BccFields;

static bool split_bcc(DcText line, BccFields *ret)
{
  DcText rest = line, pid, arrow;
  uint64_t number;
  if (!dc_text_word(&rest, &ret->time) || !dc_text_word(&rest, &pid) || !dc_text_whole_uint(pid, UINT32_MAX, &number) ||
      !dc_text_word(&rest, &ret->version) || !(dc_text_is(ret->version, "4") || dc_text_is(ret->version, "6")) ||
      !dc_text_word(&rest, &ret->src) || !dc_text_word(&rest, &arrow) || !dc_text_is(arrow, ">") ||
      !dc_text_word(&rest, &ret->dst))
    return false;
  ret->rest = dc_text_trim(rest);
  return true;
}

static bool is_bcc_header(DcText line)
{
  return dc_text_begins(line, "TIME ") && dc_text_find(line, " IP SADDR:SPORT ") != SIZE_MAX &&
         dc_text_find(line, "> DADDR:DPORT") != SIZE_MAX && dc_text_find(line, "(FLAGS)") != SIZE_MAX;
}

static int bcc_score(DcText line)
{
  line = dc_text_trim(line);
  if (is_bcc_header(line))
    return 90;
  BccFields fields;
  int64_t ns;
  DcAddr addr;
  uint16_t port;
  return split_bcc(line, &fields) && dc_text_time_of_day(&fields.time, &ns) && fields.time.len == 0 &&
                 dc_text_endpoint(fields.src, &addr, &port)
             ? 90
             : 0;
}

/* "SYN|ACK" */
static uint8_t flags_of(DcText text)
{
  static const char names[][4] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
  uint8_t flags = 0;
  while (text.len > 0) {
    const DcText name = dc_text_until(text, dc_text_find(text, "|"));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
      if (dc_text_is(name, names[i]))
        flags |= (uint8_t)(1u << i);
    }
    text = dc_text_from(text, name.len + 1);
  }
  return flags;
}

/* STATE (FLAGS) [REASON (CODE)] */
static void read_state(DcLogReader *reader, DcText rest, DcDrop *drop)
{
  const size_t open = dc_text_find(rest, "(");
  if (open == SIZE_MAX)
    return;
  DcText tail = dc_text_from(rest, open + 1);
  const size_t close = dc_text_find(tail, ")");
  if (close == SIZE_MAX)
    return;
  drop->packet.tcp_flags = flags_of(dc_text_until(tail, close));
  drop->packet.has |= DC_HAS_TCP_FLAGS;
  DcText reason;
  tail = dc_text_from(tail, close + 1);
  if (dc_text_word(&tail, &reason))
    drop->reason = dc_log_reason(reader->strings, reason);
}

static DcLineKind read_bcc_record(DcLogReader *reader, const BccFields *fields)
{
  DcDrop drop;
  DcAddr src, dst;
  uint16_t src_port, dst_port;
  dc_log_drop_init(&drop);
  if (!dc_text_endpoint(fields->src, &src, &src_port) || !dc_text_endpoint(fields->dst, &dst, &dst_port) ||
      src.version != dst.version || !take_time(reader->state, fields->time, &drop))
    return DC_LINE_MALFORMED;
  dc_log_set_addresses(&drop, IPPROTO_TCP_NUMBER, &src, &dst);
  dc_log_set_ports(&drop, src_port, dst_port);
  read_state(reader, fields->rest, &drop);
  /* tcpdrop.py reads them from an IPv4 header, and from the socket if that is an IPv6 one. */
  State *state = reader->state;
  state->oriented = false;
  state->of_socket = dc_text_is(fields->version, "6");
  dc_log_begin(reader, &drop, DC_LOG_CLOCK_TIME_OF_DAY);
  return DC_LINE_USED;
}

/* "#0  0xffffffff815f0197 [tcp_v4_rcv]" as "tcp_v4_rcv (0xffffffff815f0197)" */
static bool read_libbpf_frame(DcLogReader *reader, DcText text)
{
  uint64_t number, address;
  if (!dc_text_take(&text, "#") || !dc_text_uint(&text, 1000, &number))
    return false;
  dc_text_skip_blanks(&text);
  if (!dc_text_hex(&text, &address) || !dc_text_take(&text, " [") || !dc_text_ends(text, "]"))
    return false;
  g_autofree char *location =
      g_strdup_printf("%.*s (0x%" G_GINT64_MODIFIER "x)", (int)(text.len - 1), text.at, address);
  dc_log_frame(reader, dc_text(location, strlen(location)));
  return true;
}

static DcLineKind read_bcc(DcLogReader *reader, DcText line)
{
  State *state = reader->state;
  if (line.len == 0) {
    dc_log_end(reader);
    return DC_LINE_FOREIGN;
  }
  if (dc_text_is_blank(line.at[0]) && dc_log_open_drop(reader) != NULL) {
    const DcText frame = dc_text_trim(line);
    DcText name = frame;
    (void)dc_text_take(&name, "b'");
    if (state->of_socket && !dc_text_begins(name, "#")) /* libbpf-tools reads headers of both */
      orient(reader, name, false);
    if (!read_libbpf_frame(reader, frame))
      dc_log_frame(reader, frame);
    return DC_LINE_USED;
  }
  BccFields fields;
  if (split_bcc(line, &fields))
    return read_bcc_record(reader, &fields);
  if (dc_text_begins(line, "Monitoring skb:kfree_skb events"))
    state->adds_boot_time = true;
  uint64_t count;
  DcText rest = line, word;
  if (dc_text_take(&rest, "Possibly lost ") && dc_text_uint(&rest, UINT64_MAX, &count)) {
    dc_log_loss(reader, count, "bcc lost events: its buffer was full");
    return DC_LINE_USED;
  }
  /* "14:46:49 0 4 39.156": a record that was cut off */
  int64_t ns;
  rest = line;
  if (dc_text_word(&rest, &word) && dc_text_time_of_day(&word, &ns) && word.len == 0)
    return DC_LINE_MALFORMED;
  return dc_text_begins(line, "Stack trace (id:") ? DC_LINE_USED : DC_LINE_FOREIGN;
}

static const DcLogGrammar bcc_grammar = {.score = bcc_score,
                                         .line = read_bcc,
                                         .state_size = sizeof(State),
                                         .hint = "it tells of TCP packets that have a socket only"};

DC_LOG_FORMAT(bcc, bcc_grammar, "bcc tcpdrop");

/* --- bpftrace ---------------------------------------------------------------------------- */

typedef struct {
  DcText time;
  DcAddr local, remote;
  uint16_t local_port, remote_port;
} BpftraceFields;

/* From the right: the state may be missing, and a process name may hold blanks. */
static bool split_bpftrace(DcText line, BpftraceFields *ret)
{
  DcText rest = line, pid, word;
  uint64_t number;
  if (!dc_text_word(&rest, &ret->time) || !dc_text_word(&rest, &pid) || !dc_text_whole_uint(pid, UINT32_MAX, &number))
    return false;
  for (int words = 0; words < 2 && dc_text_last_word(&rest, &word); words++) {
    if (!dc_text_endpoint(word, &ret->remote, &ret->remote_port))
      continue;
    return dc_text_last_word(&rest, &word) && dc_text_endpoint(word, &ret->local, &ret->local_port) &&
           ret->local.version == ret->remote.version;
  }
  return false;
}

static int bpftrace_score(DcText line)
{
  line = dc_text_trim(line);
  if (dc_text_begins(line, "Tracing tcp drops. Hit Ctrl-C to end"))
    return 90;
  if (dc_text_begins(line, "TIME ") && dc_text_find(line, " COMM ") != SIZE_MAX &&
      dc_text_find(line, " SADDR:SPORT ") != SIZE_MAX)
    return 70;
  BpftraceFields fields;
  int64_t ns;
  return split_bpftrace(line, &fields) && dc_text_time_of_day(&fields.time, &ns) && fields.time.len == 0 ? 70 : 0;
}

static bool is_any(const DcAddr *addr)
{
  static const uint8_t zero[16];
  return memcmp(addr->bytes, zero, sizeof zero) == 0;
}

static void set_tuple(DcDrop *drop, const BpftraceFields *fields)
{
  /* A listening socket has no peer: only the packet would tell the addresses. */
  if (is_any(&fields->remote)) {
    drop->protocol = fields->remote.version == 6 ? 0x86dd : 0x0800;
    return;
  }
  dc_log_set_addresses(drop, IPPROTO_TCP_NUMBER, &fields->remote, &fields->local);
  /* A socket that has been closed gave its port back. */
  if (fields->local_port != 0)
    dc_log_set_ports(drop, fields->remote_port, fields->local_port);
}

static DcLineKind read_bpftrace_record(DcLogReader *reader, const BpftraceFields *fields)
{
  State *state = reader->state;
  DcDrop drop;
  dc_log_drop_init(&drop);
  if (!take_time(state, fields->time, &drop))
    return DC_LINE_MALFORMED;
  set_tuple(&drop, fields);
  state->oriented = false;
  dc_log_begin(reader, &drop, DC_LOG_CLOCK_TIME_OF_DAY);
  return DC_LINE_USED;
}

/* "tcp_v4_rcv+2503": the offset is decimal */
static void read_bpftrace_frame(DcLogReader *reader, DcText frame)
{
  orient(reader, frame, true);
  const size_t plus = dc_text_find(frame, "+");
  uint64_t offset;
  if (plus == SIZE_MAX || !dc_text_whole_uint(dc_text_from(frame, plus + 1), UINT32_MAX, &offset)) {
    dc_log_frame(reader, frame);
    return;
  }
  g_autofree char *location = g_strdup_printf("%.*s+0x%" G_GINT64_MODIFIER "x", (int)plus, frame.at, offset);
  dc_log_frame(reader, dc_text(location, strlen(location)));
}

static DcLineKind read_bpftrace(DcLogReader *reader, DcText line)
{
  if (line.len == 0)
    return DC_LINE_FOREIGN; /* one stands between a record and its stack, too */
  if (dc_text_is_blank(line.at[0]) && dc_log_open_drop(reader) != NULL) {
    read_bpftrace_frame(reader, dc_text_trim(line));
    return DC_LINE_USED;
  }
  uint64_t count;
  DcText rest = line, word;
  if (dc_text_take(&rest, "Lost ") && dc_text_uint(&rest, UINT64_MAX, &count) && dc_text_begins(rest, " events")) {
    dc_log_loss(reader, count, "bpftrace lost events: its buffer was full");
    return DC_LINE_USED;
  }
  BpftraceFields fields;
  if (split_bpftrace(line, &fields))
    return read_bpftrace_record(reader, &fields);
  int64_t ns;
  rest = line;
  dc_log_end(reader);
  return dc_text_word(&rest, &word) && dc_text_time_of_day(&word, &ns) && word.len == 0 ? DC_LINE_MALFORMED
                                                                                        : DC_LINE_FOREIGN;
}

static const DcLogGrammar bpftrace_grammar = {.score = bpftrace_score,
                                              .line = read_bpftrace,
                                              .state_size = sizeof(State),
                                              .hint = "it tells of TCP packets that have a socket only"};

DC_LOG_FORMAT(bpftrace, bpftrace_grammar, "bpftrace tcpdrop.bt");
