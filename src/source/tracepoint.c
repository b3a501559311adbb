/*
 * skb:kfree_skb by way of tracefs: the instance, the events' formats, opening and closing.
 * Reading is in tracepoint_run.c.
 */
#include "dropcorr/source/tracepoint.h"

#include "dropcorr/base/error.h"
#include "tracefs_instance.h"
#include "tracepoint_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>
#include <traceevent/kbuffer.h>
#include <tracefs/tracefs.h>
#include <unistd.h>

#define BUFFER_KIB_DEFAULT 4096

/* --- opening: formats ------------------------------------------------------------ */

static DcTraceField field_of(struct tep_event *event, const char *name)
{
  const struct tep_format_field *field = tep_find_field(event, name);
  return field != NULL ? (DcTraceField){.offset = field->offset, .size = field->size} : (DcTraceField){0};
}

static DcTraceFormat format_of(struct tep_handle *tep, const char *system, const char *name)
{
  struct tep_event *event = tep_find_event_by_name(tep, system, name);
  if (event == NULL)
    return (DcTraceFormat){.id = -1};
  return (DcTraceFormat){.id = event->id,
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
  tracepoint->enqueue = format_of(tracepoint->tep, "net", "netif_rx");
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
  /* As the effective user: capabilities of the program file count. */
  if (faccessat(AT_FDCWD, instances, W_OK, AT_EACCESS) != 0) {
    const int code = errno;
    g_set_error(error, DC_ERROR, code == ENOENT ? DC_ERROR_UNSUPPORTED : DC_ERROR_PERMISSION,
                "tracepoint: %s: %s (run as root, or with CAP_DAC_OVERRIDE)", instances, g_strerror(code));
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
  if (tracepoint->info.has_receive && tracepoint->enqueue.id >= 0 && tracepoint->enqueue.skb.size != 0 &&
      !write_file(tracepoint, "events/net/netif_rx/enable", "1"))
    tracepoint->enqueue.id = -1;
  if (tracepoint->info.has_receive && tracepoint->consume.id >= 0 && tracepoint->consume.skb.size != 0)
    tracepoint->info.has_consume = write_file(tracepoint, "events/skb/consume_skb/enable", "1");
  return set_file(tracepoint, "events/skb/kfree_skb/enable", "1", error) &&
         set_file(tracepoint, "tracing_on", "1", error);
}

static bool open_cpus(DcTracepoint *tracepoint, GError **error)
{
  const long configured = sysconf(_SC_NPROCESSORS_CONF);
  tracepoint->cpus = g_new0(DcTraceCpu, (size_t)MAX(configured, 1));
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
    tracepoint->cpus[tracepoint->info.cpus++] = (DcTraceCpu){.fd = fd, .stats_fd = open(stats, O_RDONLY | O_CLOEXEC)};
  }
  g_autofree char *on = g_build_filename(tracepoint->path, "tracing_on", NULL);
  tracepoint->on_fd = open(on, O_RDONLY | O_CLOEXEC);
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
  tracepoint->on_fd = -1;
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
  if (tracepoint->on_fd >= 0)
    close(tracepoint->on_fd);
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
