/*
 * The tracepoint source's thread. The ring buffer is read raw, a page at a time:
 *
 *   page:   | time stamp (8) | commit (8) | event | event | ...
 *   event:  | type, length, time delta | common fields (8) | the event's own fields |
 *
 * libtraceevent's kbuffer walks a page; where a field lies in an event is told by the event's
 * format file, which differs by kernel.
 */
#include "dropcorr/base/cursor.h"
#include "tracepoint_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 50
#define SETTLE_NS (300 * DC_NS_PER_MS)

/* What was dropped before the stop, in a flood of events, may still be in the buffers when that time is over. */
#define DRAIN_NS (3 * DC_NS_PER_S)

/* The last frame's drop is stamped after the frame, but not by so much. */
#define LAST_DROP_NS (5 * DC_NS_PER_MS)

/* Each CPU has its own buffer, and a packet may be received on one and dropped on another: events wait this
 * long to be put in order. */
#define ORDER_NS (30 * DC_NS_PER_MS)
#define PENDING_MAX (1u << 18)

/* The clock was set: more than its own drift and our reading of it differ between two rounds. */
#define CLOCK_STEP_NS (5 * DC_NS_PER_MS)

/* So many events are looked at for the packet that came in after a dropped one. */
#define RIVAL_SCAN_MAX 64u

/* --- the thread: one event ----------------------------------------------------------- */

static uint64_t read_field(const uint8_t *bytes, size_t len, DcTraceField field)
{
  DcCursor cursor = dc_cursor(bytes, len);
  if (field.offset < 0 || !dc_cursor_skip(&cursor, (size_t)field.offset))
    return 0;
  switch (field.size) {
  case 1:
    return dc_cursor_u8(&cursor);
  case 2:
    return dc_cursor_host16(&cursor);
  case 4:
    return dc_cursor_host32(&cursor);
  case 8:
    return dc_cursor_host64(&cursor);
  default:
    return 0;
  }
}

/* __data_loc: 16 bits of offset in the event, 16 bits of length. */
static void read_name(const uint8_t *bytes, size_t len, DcTraceField field, char name[static 16])
{
  const uint32_t location = (uint32_t)read_field(bytes, len, field);
  DcCursor cursor = dc_cursor(bytes, len);
  const size_t name_len = MIN(location >> 16, 15u);
  memset(name, 0, 16);
  const uint8_t *text = dc_cursor_skip(&cursor, location & 0xffff) ? dc_cursor_bytes(&cursor, name_len) : NULL;
  if (text != NULL)
    memcpy(name, text, name_len);
}

static bool parse_event(const DcTracepoint *tracepoint, const uint8_t *bytes, size_t len, DcTraceEvent *event)
{
  const int type = (int)read_field(
      bytes, len, (DcTraceField){.offset = tracepoint->common_type_offset, .size = tracepoint->common_type_size});
  if (type == tracepoint->drop.id) {
    const DcTraceFormat *format = &tracepoint->drop;
    event->kind = DC_TRACE_DROP;
    event->skb = read_field(bytes, len, format->skb);
    event->pc = read_field(bytes, len, format->location);
    event->protocol = format->protocol.size != 0 ? (int32_t)read_field(bytes, len, format->protocol) : -1;
    event->reason = format->reason.size != 0 ? (int32_t)read_field(bytes, len, format->reason) : -1;
    return true;
  }
  if (tracepoint->info.has_receive && (type == tracepoint->receive.id || type == tracepoint->enqueue.id)) {
    const bool enqueue = type == tracepoint->enqueue.id;
    const DcTraceFormat *format = enqueue ? &tracepoint->enqueue : &tracepoint->receive;
    event->kind = enqueue ? DC_TRACE_ENQUEUE : DC_TRACE_RECEIVE;
    event->skb = read_field(bytes, len, format->skb);
    event->len = (uint32_t)read_field(bytes, len, format->len);
    read_name(bytes, len, format->name, event->ifname);
    return true;
  }
  if (tracepoint->info.has_consume && type == tracepoint->consume.id) {
    event->kind = DC_TRACE_CONSUME;
    event->skb = read_field(bytes, len, tracepoint->consume.skb);
    return true;
  }
  return false;
}

/* The next packet of that length that came in after the drop. */
static void find_next_rival(const DcTracepoint *tracepoint, size_t at, DcReception *reception)
{
  const int64_t stamp_ns = dc_reception_stamp(reception);
  const size_t end = MIN(tracepoint->pending_count, at + RIVAL_SCAN_MAX);
  for (size_t i = at + 1; i < end && reception->rival_after_ns == 0; i++) {
    const DcTraceEvent *event = &tracepoint->pending[i];
    const int64_t distance = event->time_ns - stamp_ns;
    if (distance > DC_RIVAL_NS)
      return;
    if ((event->kind == DC_TRACE_RECEIVE || event->kind == DC_TRACE_ENQUEUE) && event->len == reception->len)
      reception->rival_after_ns = distance;
  }
}

static void settle_event(DcTracepoint *tracepoint, DcLiveSink *sink, size_t at)
{
  const DcTraceEvent *event = &tracepoint->pending[at];
  const bool wanted = event->time_ns + tracepoint->offset_ns <= tracepoint->until_ns;
  tracepoint->wanted |= wanted;
  DcReception reception;
  switch ((DcTraceKind)event->kind) {
  case DC_TRACE_ENQUEUE:
  case DC_TRACE_RECEIVE:
    tracepoint->stats.receptions += event->kind == DC_TRACE_RECEIVE;
    reception = (DcReception){.skb = event->skb, .time_ns = event->time_ns, .len = event->len};
    memcpy(reception.ifname, event->ifname, sizeof reception.ifname);
    if (event->kind == DC_TRACE_ENQUEUE)
      dc_skb_table_enqueued(tracepoint->table, &reception);
    else
      dc_skb_table_received(tracepoint->table, &reception);
    return;
  case DC_TRACE_CONSUME:
    (void)dc_skb_table_freed(tracepoint->table, event->skb, event->time_ns, 0, &reception);
    return;
  case DC_TRACE_DROP:
    break;
  }
  if (!wanted)
    return;
  tracepoint->stats.drops++;
  DcLiveRecord record = {
      .kind = DC_LIVE_TRACE,
      .time_ns = event->time_ns + tracepoint->offset_ns,
      .trace = {.pc = event->pc, .skb = event->skb, .protocol = event->protocol, .reason = event->reason}};
  if (dc_skb_table_freed(tracepoint->table, event->skb, event->time_ns, DC_RECEPTION_NS_MAX, &reception)) {
    tracepoint->stats.joined++;
    record.trace.rx_time_ns = reception.time_ns + tracepoint->offset_ns;
    record.trace.rx_wait_ns = reception.enqueued_ns != 0 ? reception.time_ns - reception.enqueued_ns : 0;
    record.trace.rx_passed_ns = reception.before_ns != 0 ? reception.time_ns - reception.before_ns : 0;
    record.trace.rx_len = reception.len;
    find_next_rival(tracepoint, at, &reception);
    record.trace.rx_before_ns = reception.rival_before_ns;
    record.trace.rx_after_ns = reception.rival_after_ns;
    memcpy(record.trace.rx_ifname, reception.ifname, sizeof record.trace.rx_ifname);
  }
  dc_live_push(sink, &record, NULL);
}

/* --- the thread: many events ----------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
  const int64_t time_a = ((const DcTraceEvent *)a)->time_ns, time_b = ((const DcTraceEvent *)b)->time_ns;
  return time_a < time_b ? -1 : time_a > time_b;
}

/* Gives out, in order, what is older than until_ns (monotonic), and at least so many. */
static void settle(DcTracepoint *tracepoint, DcLiveSink *sink, int64_t until_ns, size_t least)
{
  qsort(tracepoint->pending, tracepoint->pending_count, sizeof *tracepoint->pending, compare_times);
  size_t done = 0;
  while (done < tracepoint->pending_count && (done < least || tracepoint->pending[done].time_ns <= until_ns))
    settle_event(tracepoint, sink, done++);
  tracepoint->pending_count -= done;
  memmove(tracepoint->pending, tracepoint->pending + done, tracepoint->pending_count * sizeof *tracepoint->pending);
}

static void take_page(DcTracepoint *tracepoint, DcLiveSink *sink)
{
  struct kbuffer *kbuffer = tracepoint->kbuffer;
  if (kbuffer_load_subbuffer(kbuffer, tracepoint->page) != 0)
    return;
  unsigned long long time;
  for (void *bytes = kbuffer_read_event(kbuffer, &time); bytes != NULL; bytes = kbuffer_next_event(kbuffer, &time)) {
    if (tracepoint->pending_count == PENDING_MAX) /* too much to keep waiting for other CPUs */
      settle(tracepoint, sink, INT64_MIN, PENDING_MAX / 2);
    DcTraceEvent *event = &tracepoint->pending[tracepoint->pending_count];
    const int size = kbuffer_event_size(kbuffer);
    if (size > 0 && parse_event(tracepoint, bytes, (size_t)size, event)) {
      event->time_ns = (int64_t)time;
      tracepoint->pending_count++;
    }
  }
}

/* Empties every CPU's buffer, at most `pages` from each; false when some held more. */
static bool read_cpus(DcTracepoint *tracepoint, DcLiveSink *sink, unsigned pages)
{
  bool emptied = true;
  for (unsigned i = 0; i < tracepoint->info.cpus; i++) {
    unsigned taken = 0;
    while (taken < pages && read(tracepoint->cpus[i].fd, tracepoint->page, tracepoint->page_size) > 0) {
      take_page(tracepoint, sink);
      taken++;
    }
    emptied &= taken < pages;
  }
  return emptied;
}

/*
 * per_cpu/cpuN/stats, lines "name: value". overrun: events overwritten before they were read;
 * dropped events: not recorded because the buffer was busy.
 */
static uint64_t lost_of(int stats_fd)
{
  char text[1024];
  const ssize_t len = stats_fd >= 0 ? pread(stats_fd, text, sizeof text - 1, 0) : -1;
  if (len <= 0)
    return 0;
  text[len] = '\0';
  static const char *const names[] = {"overrun: ", "dropped events: "};
  uint64_t lost = 0;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
      if (g_str_has_prefix(*line, names[i]))
        lost += g_ascii_strtoull(*line + strlen(names[i]), NULL, 10);
    }
  }
  return lost;
}

static void read_stats(DcTracepoint *tracepoint, DcLiveSink *sink)
{
  uint64_t grown = 0;
  for (unsigned i = 0; i < tracepoint->info.cpus; i++) {
    DcTraceCpu *cpu = &tracepoint->cpus[i];
    const uint64_t lost = lost_of(cpu->stats_fd);
    if (lost > cpu->lost) {
      grown += lost - cpu->lost;
      cpu->lost = lost;
    }
  }
  const int64_t now_ns = dc_clock_realtime();
  tracepoint->stats.lost += grown;
  dc_live_push_loss(sink, DC_LOSS_MONITOR, grown, tracepoint->last_stats_ns, now_ns,
                    "trace events overwritten before they were read (drops, receptions and frees alike)");
  tracepoint->last_stats_ns = now_ns;
}

/* Whoever may write to tracefs may turn our instance off, and the kernel does when it is in trouble: nothing comes
 * then, which must not look like no drops. */
static void watch_on(DcTracepoint *tracepoint, DcLiveSink *sink)
{
  char state = '1';
  const bool off = tracepoint->on_fd >= 0 && pread(tracepoint->on_fd, &state, 1, 0) == 1 && state == '0';
  if (off && tracepoint->off_ns == 0)
    dc_live_push_text(sink, DC_LIVE_NOTICE, 0,
                      "drops: tracing was turned off by somebody else: no drops are seen meanwhile (start again)");
  const int64_t now_ns = dc_clock_realtime();
  if (off || tracepoint->off_ns != 0)
    dc_live_push_loss(sink, DC_LOSS_MONITOR, 1, tracepoint->off_ns != 0 ? tracepoint->off_ns : now_ns, now_ns,
                      "tracing was turned off by somebody else: all drops of this span are missing");
  tracepoint->off_ns = off ? now_ns : 0;
}

/* The frames are stamped with the clock as it is set, the events are not. */
static void follow_clock(DcTracepoint *tracepoint)
{
  const int64_t offset_ns = dc_clock_realtime() - dc_clock_monotonic();
  if (ABS(offset_ns - tracepoint->offset_ns) > CLOCK_STEP_NS)
    tracepoint->offset_ns = dc_clock_monotonic_offset();
}

static void begin_run(DcTracepoint *tracepoint)
{
  tracepoint->page = g_malloc0(tracepoint->page_size);
  tracepoint->pending = g_new(DcTraceEvent, PENDING_MAX);
  tracepoint->table = dc_skb_table_new();
  tracepoint->wait = g_new0(struct pollfd, tracepoint->info.cpus + 1);
  for (unsigned i = 0; i < tracepoint->info.cpus; i++)
    tracepoint->wait[i] = (struct pollfd){.fd = tracepoint->cpus[i].fd, .events = POLLIN};
  tracepoint->offset_ns = dc_clock_monotonic_offset();
  tracepoint->until_ns = INT64_MAX;
}

/* Each CPU's events come in order: a round that brought none from before the stop was the last of them. */
static bool is_settled(const DcTracepoint *tracepoint, DcLiveSink *sink, bool emptied, int64_t now, int64_t end)
{
  if (now < end)
    return false;
  if (emptied || !tracepoint->wanted)
    return true;
  if (now < end + DRAIN_NS)
    return false;
  dc_live_push_loss(sink, DC_LOSS_MONITOR, 1, MIN(tracepoint->last_stats_ns, tracepoint->until_ns),
                    tracepoint->until_ns, "at least this many trace events were still unread at the end");
  return true;
}

void dc_tracepoint_run(DcTracepoint *tracepoint, DcLiveSink *sink, DcStop *stop)
{
  begin_run(tracepoint);
  tracepoint->wait[tracepoint->info.cpus] = (struct pollfd){.fd = dc_stop_fd(stop), .events = POLLIN};
  int64_t next_second = dc_clock_monotonic() + DC_NS_PER_S, end = INT64_MAX;
  for (;;) {
    /* Once stopped its descriptor stays readable, and must not wake us again and again. */
    poll(tracepoint->wait, tracepoint->info.cpus + (end == INT64_MAX ? 1 : 0), POLL_MS);
    const int64_t before = dc_clock_monotonic();
    tracepoint->wanted = false;
    follow_clock(tracepoint);
    const bool emptied = read_cpus(tracepoint, sink, 64);
    settle(tracepoint, sink, before - ORDER_NS, 0);
    if (emptied)
      dc_live_push_mark(sink, before - ORDER_NS + tracepoint->offset_ns);
    const int64_t now = dc_clock_monotonic();
    if (now >= next_second) {
      read_stats(tracepoint, sink);
      watch_on(tracepoint, sink);
      tracepoint->offset_ns = dc_clock_monotonic_offset();
      next_second = now + DC_NS_PER_S;
    }
    if (end == INT64_MAX && dc_stop_requested(stop)) {
      end = now + SETTLE_NS;
      tracepoint->until_ns = dc_stop_time(stop) + LAST_DROP_NS;
    }
    if (is_settled(tracepoint, sink, emptied, now, end))
      break;
  }
  settle(tracepoint, sink, INT64_MAX, 0);
  read_stats(tracepoint, sink);
  dc_live_push_text(sink, DC_LIVE_END, 0, "");
}
