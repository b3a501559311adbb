/*
 * skb:kfree_skb by way of tracefs. The ring buffer is read raw, a page at a time:
 *
 *   page:   | time stamp (8) | commit (8) | event | event | ...
 *   event:  | type, length, time delta | common fields (8) | the event's own fields |
 *
 * libtraceevent's kbuffer walks a page; where a field lies in an event is told by the event's
 * format file, which differs by kernel.
 */
#include "dropcorr/source/tracepoint.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/base/error.h"
#include "skb_table.h"
#include "tracefs_instance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>
#include <traceevent/kbuffer.h>
#include <tracefs/tracefs.h>
#include <unistd.h>

#define BUFFER_KIB_DEFAULT 4096
#define POLL_MS 50
#define SETTLE_NS (300 * DC_NS_PER_MS)

/* Each CPU has its own buffer, and a packet may be received on one and dropped on another: events wait this
 * long to be put in order. */
#define ORDER_NS (30 * DC_NS_PER_MS)
#define PENDING_MAX (1u << 18)

/* A reception this long before a drop at the same address was some other packet's. */
#define JOIN_NS (200 * DC_NS_PER_MS)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcSkbTable, dc_skb_table_free)

typedef struct {
  int offset, size; /* size 0: this kernel has no such field */
} Field;

typedef struct {
  int id; /* common_type; -1: no such event */
  Field skb, location, protocol, reason, len, name;
} EventFormat;

typedef enum { EVENT_RECEIVE, EVENT_CONSUME, EVENT_DROP } EventKind;

typedef struct {
  int64_t time_ns; /* CLOCK_MONOTONIC */
  uint64_t skb;
  uint8_t kind; /* EventKind */
  union {
    struct {
      uint64_t pc;
      int32_t protocol, reason;
    };
    struct {
      uint32_t len;
      char ifname[16];
    };
  };
} Event;

typedef struct {
  int fd;       /* trace_pipe_raw */
  int stats_fd; /* stats, -1: none */
  uint64_t lost;
} Cpu;

struct DcTracepoint {
  DcTracepointInfo info;
  DcGuard *guard;
  char *name, *path;
  struct tracefs_instance *instance;
  struct tep_handle *tep;
  struct kbuffer *kbuffer;
  GHashTable *reasons; /* number to name; the names belong to tep */
  EventFormat drop, receive, consume;
  int common_type_offset, common_type_size;
  Cpu *cpus;
  size_t page_size;

  /* The thread's own. */
  uint8_t *page;
  struct pollfd *wait;
  Event *pending;
  size_t pending_count;
  DcSkbTable *table;
  int64_t offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
  int64_t last_stats_ns;
  DcTracepointStats stats;
};

/* --- opening: formats ------------------------------------------------------------ */

static Field field_of(struct tep_event *event, const char *name)
{
  const struct tep_format_field *field = tep_find_field(event, name);
  return field != NULL ? (Field){.offset = field->offset, .size = field->size} : (Field){0};
}

static EventFormat format_of(struct tep_handle *tep, const char *system, const char *name)
{
  struct tep_event *event = tep_find_event_by_name(tep, system, name);
  if (event == NULL)
    return (EventFormat){.id = -1};
  return (EventFormat){.id = event->id,
                       .skb = field_of(event, "skbaddr"),
                       .location = field_of(event, "location"),
                       .protocol = field_of(event, "protocol"),
                       .reason = field_of(event, "reason"),
                       .len = field_of(event, "len"),
                       .name = field_of(event, "name")};
}

/* The names stand in the print format: __print_symbolic(REC->reason, { 2, "NOT_SPECIFIED" }, ...). */
static void collect_reasons(DcTracepoint *tracepoint)
{
  struct tep_event *event = tep_find_event_by_name(tracepoint->tep, "skb", "kfree_skb");
  for (const struct tep_print_arg *arg = event->print_fmt.args; arg != NULL; arg = arg->next) {
    if (arg->type != TEP_PRINT_SYMBOL || arg->symbol.field == NULL || arg->symbol.field->type != TEP_PRINT_FIELD ||
        strcmp(arg->symbol.field->field.name, "reason") != 0)
      continue;
    for (const struct tep_print_flag_sym *symbol = arg->symbol.symbols; symbol != NULL; symbol = symbol->next) {
      const char *name = symbol->str;
      if (g_str_has_prefix(name, "SKB_DROP_REASON_"))
        name += strlen("SKB_DROP_REASON_");
      char *end = NULL;
      const long number = strtol(symbol->value, &end, 0);
      if (end != symbol->value)
        g_hash_table_insert(tracepoint->reasons, GINT_TO_POINTER((int)number), (void *)(uintptr_t)name);
    }
  }
}

static bool read_formats(DcTracepoint *tracepoint, GError **error)
{
  static const char *const systems[] = {"skb", "net", NULL};
  tracepoint->tep = tracefs_local_events_system(NULL, systems);
  if (tracepoint->tep != NULL)
    tracepoint->drop = format_of(tracepoint->tep, "skb", "kfree_skb");
  if (tracepoint->tep == NULL || tracepoint->drop.id < 0 || tracepoint->drop.skb.size == 0 ||
      tracepoint->drop.location.size == 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED,
                "tracepoint: this kernel has no skb:kfree_skb event that can be read (CONFIG_FTRACE, CONFIG_NET)");
    return false;
  }
  tracepoint->receive = format_of(tracepoint->tep, "net", "netif_receive_skb");
  tracepoint->consume = format_of(tracepoint->tep, "skb", "consume_skb");
  struct tep_event *event = tep_find_event_by_name(tracepoint->tep, "skb", "kfree_skb");
  const struct tep_format_field *type = tep_find_common_field(event, "common_type");
  if (type == NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED, "tracepoint: events of this kernel carry no common_type");
    return false;
  }
  tracepoint->common_type_offset = type->offset;
  tracepoint->common_type_size = type->size;
  collect_reasons(tracepoint);
  tracepoint->info.has_reason = tracepoint->drop.reason.size != 0;
  tracepoint->info.has_protocol = tracepoint->drop.protocol.size != 0;
  return true;
}

/* --- opening: the instance --------------------------------------------------------- */

static bool write_file(DcTracepoint *tracepoint, const char *file, const char *text)
{
  return tracefs_instance_file_write(tracepoint->instance, file, text) >= 0;
}

static bool set_file(DcTracepoint *tracepoint, const char *file, const char *text, GError **error)
{
  if (write_file(tracepoint, file, text))
    return true;
  const int code = errno;
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "tracepoint: writing %s to %s/%s: %s", text, tracepoint->path, file,
              g_strerror(code));
  return false;
}

static bool create_instance(DcTracepoint *tracepoint, GError **error)
{
  const char *tracing = tracefs_tracing_dir();
  if (tracing == NULL) {
    const int code = errno;
    g_set_error(error, DC_ERROR, code == EPERM || code == EACCES ? DC_ERROR_PERMISSION : DC_ERROR_UNSUPPORTED,
                "tracepoint: tracefs cannot be found or mounted%s%s (run as root; mount -t tracefs tracefs "
                "/sys/kernel/tracing)",
                code != 0 ? ": " : "", code != 0 ? g_strerror(code) : "");
    return false;
  }
  g_autofree char *instances = g_build_filename(tracing, "instances", NULL);
  if (access(instances, W_OK) != 0) {
    const int code = errno;
    g_set_error(error, DC_ERROR, code == ENOENT ? DC_ERROR_UNSUPPORTED : DC_ERROR_PERMISSION,
                "tracepoint: %s: %s (run as root)", instances, g_strerror(code));
    return false;
  }
  tracepoint->info.stale_removed = dc_tracefs_remove_stale(instances);
  tracepoint->name = g_strdup_printf(DC_TRACEFS_PREFIX "%ld", (long)getpid());
  tracepoint->path = g_build_filename(instances, tracepoint->name, NULL);
  tracepoint->info.instance = tracepoint->name;
  /* The guard first: no death may fall between creating and telling. */
  if (tracepoint->guard != NULL && !dc_guard_watch_instance(tracepoint->guard, tracepoint->path)) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "tracepoint: the guard process is gone");
    return false;
  }
  tracepoint->instance = tracefs_instance_create(tracepoint->name);
  if (tracepoint->instance != NULL)
    return true;
  const int code = errno;
  g_set_error(error, DC_ERROR, code == EPERM || code == EACCES ? DC_ERROR_PERMISSION : DC_ERROR_IO,
              "tracepoint: creating %s: %s", tracepoint->path, g_strerror(code));
  return false;
}

static bool configure_instance(DcTracepoint *tracepoint, uint32_t buffer_kib, GError **error)
{
  g_autofree char *size = g_strdup_printf("%u", buffer_kib);
  /* mono is the one clock that is both cheap and comparable with ours. */
  if (!set_file(tracepoint, "trace_clock", "mono", error) || !set_file(tracepoint, "buffer_size_kb", size, error))
    return false;
  tracepoint->info.buffer_kib = buffer_kib;
  /* Wake us early, not when half of the buffer is full (older kernels have no such file). */
  (void)write_file(tracepoint, "buffer_percent", "5");
  (void)write_file(tracepoint, "options/record-cmd", "0");
  if (tracepoint->receive.id >= 0 && tracepoint->receive.skb.size != 0)
    tracepoint->info.has_receive = write_file(tracepoint, "events/net/netif_receive_skb/enable", "1");
  if (tracepoint->info.has_receive && tracepoint->consume.id >= 0 && tracepoint->consume.skb.size != 0)
    tracepoint->info.has_consume = write_file(tracepoint, "events/skb/consume_skb/enable", "1");
  return set_file(tracepoint, "events/skb/kfree_skb/enable", "1", error) &&
         set_file(tracepoint, "tracing_on", "1", error);
}

static bool open_cpus(DcTracepoint *tracepoint, GError **error)
{
  const long configured = sysconf(_SC_NPROCESSORS_CONF);
  tracepoint->cpus = g_new0(Cpu, (size_t)MAX(configured, 1));
  for (long i = 0; i < configured; i++) {
    g_autofree char *raw = g_strdup_printf("%s/per_cpu/cpu%ld/trace_pipe_raw", tracepoint->path, i);
    g_autofree char *stats = g_strdup_printf("%s/per_cpu/cpu%ld/stats", tracepoint->path, i);
    const int fd = open(raw, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
      if (errno == ENOENT) /* a CPU that could be there, but is not */
        continue;
      const int code = errno;
      g_set_error(error, DC_ERROR, DC_ERROR_IO, "tracepoint: %s: %s", raw, g_strerror(code));
      return false;
    }
    tracepoint->cpus[tracepoint->info.cpus++] = (Cpu){.fd = fd, .stats_fd = open(stats, O_RDONLY | O_CLOEXEC)};
  }
  if (tracepoint->info.cpus > 0)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "tracepoint: %s has no buffers", tracepoint->path);
  return false;
}

static bool prepare_reading(DcTracepoint *tracepoint, GError **error)
{
  const enum kbuffer_long_size size = sizeof(long) == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4;
  const enum kbuffer_endian endian = G_BYTE_ORDER == G_LITTLE_ENDIAN ? KBUFFER_ENDIAN_LITTLE : KBUFFER_ENDIAN_BIG;
  tracepoint->kbuffer = kbuffer_alloc(size, endian);
  if (tracepoint->kbuffer == NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "tracepoint: out of memory for a page of events");
    return false;
  }
  tracepoint->page_size = (size_t)sysconf(_SC_PAGESIZE);
  return true;
}

DcTracepoint *dc_tracepoint_open(const DcTracepointOptions *options, DcGuard *guard, GError **error)
{
  g_autoptr(DcTracepoint) tracepoint = g_new0(DcTracepoint, 1);
  tracepoint->guard = guard;
  tracepoint->reasons = g_hash_table_new(NULL, NULL);
  const uint32_t buffer_kib = options->buffer_kib != 0 ? options->buffer_kib : BUFFER_KIB_DEFAULT;
  if (!create_instance(tracepoint, error) || !read_formats(tracepoint, error) || !prepare_reading(tracepoint, error) ||
      !configure_instance(tracepoint, buffer_kib, error) || !open_cpus(tracepoint, error))
    return NULL;
  tracepoint->last_stats_ns = dc_clock_realtime();
  return g_steal_pointer(&tracepoint);
}

const DcTracepointInfo *dc_tracepoint_info(const DcTracepoint *tracepoint)
{
  return &tracepoint->info;
}

const char *dc_tracepoint_reason(const DcTracepoint *tracepoint, int32_t reason)
{
  return g_hash_table_lookup(tracepoint->reasons, GINT_TO_POINTER(reason));
}

void dc_tracepoint_stats(const DcTracepoint *tracepoint, DcTracepointStats *ret_stats)
{
  *ret_stats = tracepoint->stats;
}

void dc_tracepoint_free(DcTracepoint *tracepoint)
{
  if (tracepoint == NULL)
    return;
  for (unsigned i = 0; i < tracepoint->info.cpus; i++) {
    close(tracepoint->cpus[i].fd);
    if (tracepoint->cpus[i].stats_fd >= 0)
      close(tracepoint->cpus[i].stats_fd);
  }
  if (tracepoint->kbuffer != NULL)
    kbuffer_free(tracepoint->kbuffer);
  if (tracepoint->tep != NULL)
    tep_free(tracepoint->tep);
  if (tracepoint->instance != NULL)
    tracefs_instance_free(tracepoint->instance);
  /* If this process may no more, the guard does it when it is told to finish. */
  if (tracepoint->path != NULL && dc_tracefs_remove(tracepoint->path) == 0 && tracepoint->guard != NULL)
    (void)dc_guard_watch_instance(tracepoint->guard, NULL);
  g_clear_pointer(&tracepoint->reasons, g_hash_table_unref);
  dc_skb_table_free(tracepoint->table);
  g_free(tracepoint->cpus);
  g_free(tracepoint->page);
  g_free(tracepoint->wait);
  g_free(tracepoint->pending);
  g_free(tracepoint->name);
  g_free(tracepoint->path);
  g_free(tracepoint);
}

/* --- the thread: one event ----------------------------------------------------------- */

static uint64_t read_field(const uint8_t *bytes, size_t len, Field field)
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
static void read_name(const uint8_t *bytes, size_t len, Field field, char name[static 16])
{
  const uint32_t location = (uint32_t)read_field(bytes, len, field);
  DcCursor cursor = dc_cursor(bytes, len);
  const size_t name_len = MIN(location >> 16, 15u);
  memset(name, 0, 16);
  const uint8_t *text = dc_cursor_skip(&cursor, location & 0xffff) ? dc_cursor_bytes(&cursor, name_len) : NULL;
  if (text != NULL)
    memcpy(name, text, name_len);
}

static bool parse_event(const DcTracepoint *tracepoint, const uint8_t *bytes, size_t len, Event *event)
{
  const int type = (int)read_field(
      bytes, len, (Field){.offset = tracepoint->common_type_offset, .size = tracepoint->common_type_size});
  if (type == tracepoint->drop.id) {
    const EventFormat *format = &tracepoint->drop;
    event->kind = EVENT_DROP;
    event->skb = read_field(bytes, len, format->skb);
    event->pc = read_field(bytes, len, format->location);
    event->protocol = format->protocol.size != 0 ? (int32_t)read_field(bytes, len, format->protocol) : -1;
    event->reason = format->reason.size != 0 ? (int32_t)read_field(bytes, len, format->reason) : -1;
    return true;
  }
  if (tracepoint->info.has_receive && type == tracepoint->receive.id) {
    event->kind = EVENT_RECEIVE;
    event->skb = read_field(bytes, len, tracepoint->receive.skb);
    event->len = (uint32_t)read_field(bytes, len, tracepoint->receive.len);
    read_name(bytes, len, tracepoint->receive.name, event->ifname);
    return true;
  }
  if (tracepoint->info.has_consume && type == tracepoint->consume.id) {
    event->kind = EVENT_CONSUME;
    event->skb = read_field(bytes, len, tracepoint->consume.skb);
    return true;
  }
  return false;
}

static void settle_event(DcTracepoint *tracepoint, DcLiveSink *sink, const Event *event)
{
  DcReception reception;
  switch ((EventKind)event->kind) {
  case EVENT_RECEIVE:
    tracepoint->stats.receptions++;
    reception = (DcReception){.skb = event->skb, .time_ns = event->time_ns, .len = event->len};
    memcpy(reception.ifname, event->ifname, sizeof reception.ifname);
    dc_skb_table_received(tracepoint->table, &reception);
    return;
  case EVENT_CONSUME:
    (void)dc_skb_table_freed(tracepoint->table, event->skb, event->time_ns, 0, &reception);
    return;
  case EVENT_DROP:
    break;
  }
  tracepoint->stats.drops++;
  DcLiveRecord record = {
      .kind = DC_LIVE_TRACE,
      .time_ns = event->time_ns + tracepoint->offset_ns,
      .trace = {.pc = event->pc, .skb = event->skb, .protocol = event->protocol, .reason = event->reason}};
  if (dc_skb_table_freed(tracepoint->table, event->skb, event->time_ns, JOIN_NS, &reception)) {
    tracepoint->stats.joined++;
    record.trace.rx_time_ns = reception.time_ns + tracepoint->offset_ns;
    record.trace.rx_len = reception.len;
    memcpy(record.trace.rx_ifname, reception.ifname, sizeof record.trace.rx_ifname);
  }
  dc_live_push(sink, &record, NULL);
}

/* --- the thread: many events ----------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
  const int64_t time_a = ((const Event *)a)->time_ns, time_b = ((const Event *)b)->time_ns;
  return time_a < time_b ? -1 : time_a > time_b;
}

/* Gives out, in order, what is older than until_ns (monotonic), and at least so many. */
static void settle(DcTracepoint *tracepoint, DcLiveSink *sink, int64_t until_ns, size_t least)
{
  qsort(tracepoint->pending, tracepoint->pending_count, sizeof *tracepoint->pending, compare_times);
  size_t done = 0;
  while (done < tracepoint->pending_count && (done < least || tracepoint->pending[done].time_ns <= until_ns))
    settle_event(tracepoint, sink, &tracepoint->pending[done++]);
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
    Event *event = &tracepoint->pending[tracepoint->pending_count];
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
    Cpu *cpu = &tracepoint->cpus[i];
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

static void begin_run(DcTracepoint *tracepoint)
{
  tracepoint->page = g_malloc0(tracepoint->page_size);
  tracepoint->pending = g_new(Event, PENDING_MAX);
  tracepoint->table = dc_skb_table_new();
  tracepoint->wait = g_new0(struct pollfd, tracepoint->info.cpus + 1);
  for (unsigned i = 0; i < tracepoint->info.cpus; i++)
    tracepoint->wait[i] = (struct pollfd){.fd = tracepoint->cpus[i].fd, .events = POLLIN};
  tracepoint->offset_ns = dc_clock_monotonic_offset();
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
    const bool emptied = read_cpus(tracepoint, sink, 64);
    settle(tracepoint, sink, before - ORDER_NS, 0);
    if (emptied)
      dc_live_push_mark(sink, before - ORDER_NS + tracepoint->offset_ns);
    const int64_t now = dc_clock_monotonic();
    if (now >= next_second) {
      read_stats(tracepoint, sink);
      tracepoint->offset_ns = dc_clock_monotonic_offset();
      next_second = now + DC_NS_PER_S;
    }
    if (end == INT64_MAX && dc_stop_requested(stop))
      end = now + SETTLE_NS;
    if (now >= end)
      break;
  }
  settle(tracepoint, sink, INT64_MAX, 0);
  read_stats(tracepoint, sink);
  dc_live_push_text(sink, DC_LIVE_END, 0, "");
}
