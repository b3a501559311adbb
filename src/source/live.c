/*
 * The live source.
 *
 *   capture thread --queue--+
 *   drop thread    --queue--+--> timeline (by event time) --> dc_source_next()
 *   sampler thread --queue--+
 *
 * The threads know nothing of each other. Everything that interns strings, numbers events or
 * decides their order happens here, in the caller's thread.
 */
#include "dropcorr/source/live.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/netdm.h"
#include "live_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HOLD_NS (500 * DC_NS_PER_MS)
#define HELD_BYTES_MAX ((size_t)128 << 20)
#define QUEUE_BYTES_DEFAULT ((size_t)32 << 20) /* address space: pages come with use */
/* A round of texts that are all as long as may be; but most rounds are some kilobytes. */
#define SAMPLER_QUEUE_BYTES ((size_t)64 << 20)
#define SAMPLER_RESTART_AT ((size_t)1 << 20)
#define TICK_NS (50 * DC_NS_PER_MS)

/* After the stop the drop thread reads on for a while, and the last samples come after it. */
#define SAMPLER_SETTLE_NS (300 * DC_NS_PER_MS)

static DcLive *live_of(DcSource *source)
{
  return (DcLive *)(void *)source;
}

static const DcLive *live_of_const(const DcSource *source)
{
  return (const DcLive *)(const void *)source;
}

void dc_live_options_init(DcLiveOptions *options)
{
  *options = (DcLiveOptions){.capture = {.filter_optimize = true}, .sample = true};
}

/* --- threads ---------------------------------------------------------------------- */

static void *capture_thread(void *data)
{
  DcLive *live = data;
  dc_capture_live_run(live->capture, &live->threads[DC_PRODUCER_CAPTURE].sink, live->stop);
  return NULL;
}

static void *drop_thread(void *data)
{
  DcLive *live = data;
  dc_live_drops_run(&live->drops, &live->threads[DC_PRODUCER_DROPS].sink, live->stop);
  return NULL;
}

static void *sampler_thread(void *data)
{
  DcLive *live = data;
  dc_sampler_run(live->sampler, DC_SAMPLE_PLAIN, SAMPLER_SETTLE_NS, &live->threads[DC_PRODUCER_SAMPLER].sink,
                 live->stop);
  return NULL;
}

bool dc_live_start(DcSource *source, GError **error)
{
  DcLive *live = live_of(source);
  static void *(*const bodies[DC_PRODUCER_COUNT])(void *) = {[DC_PRODUCER_CAPTURE] = capture_thread,
                                                             [DC_PRODUCER_DROPS] = drop_thread,
                                                             [DC_PRODUCER_SAMPLER] = sampler_thread};
  static const char *const names[DC_PRODUCER_COUNT] = {"dc-capture", "dc-drops", "dc-sampler"};
  /* Signals are the main thread's. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = 0;
  for (unsigned i = 0; i < DC_PRODUCER_COUNT && code == 0; i++) {
    DcLiveThread *thread = &live->threads[i];
    if (!thread->exists)
      continue;
    code = pthread_create(&thread->thread, NULL, bodies[i], live);
    thread->running = code == 0;
    if (thread->running)
      (void)pthread_setname_np(thread->thread, names[i]);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code == 0) {
    live->state = LIVE_RUNNING;
    return true;
  }
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "starting a thread: %s", g_strerror(code));
  return false;
}

/* --- opening and closing ------------------------------------------------------------------ */

static void sample_now(DcLive *live, DcPhase phase)
{
  void *data[2] = {live, &phase};
  dc_sampler_take(live->sampler, DC_SAMPLE_ALL, phase, dc_live_add_sample, data);
}

static void make_thread(DcLive *live, DcProducer producer, size_t queue_bytes)
{
  DcLiveThread *thread = &live->threads[producer];
  thread->exists = true;
  thread->queue = dc_queue_new(queue_bytes, -1);
  thread->sink = (DcLiveSink){.queue = thread->queue, .wake_fd = live->wake_fd};
  thread->refused_ns = dc_clock_realtime();
}

static bool open_fds(DcLive *live, GError **error)
{
  live->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  live->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  live->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const struct itimerspec tick = {.it_interval = {.tv_nsec = TICK_NS}, .it_value = {.tv_nsec = TICK_NS}};
  struct epoll_event wanted = {.events = EPOLLIN};
  if (live->epoll_fd >= 0 && live->timer_fd >= 0 && live->wake_fd >= 0 &&
      timerfd_settime(live->timer_fd, 0, &tick, NULL) == 0 &&
      epoll_ctl(live->epoll_fd, EPOLL_CTL_ADD, live->timer_fd, &wanted) == 0 &&
      epoll_ctl(live->epoll_fd, EPOLL_CTL_ADD, live->wake_fd, &wanted) == 0)
    return true;
  const int code = errno;
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "timer: %s", g_strerror(code));
  return false;
}

/* Drops alone, without a tap: what no protocol handler takes is dropped visibly only then. The messages wait in
 * the drop source's own buffer. */
static void watch_without_tap(DcLive *live, const DcLiveOptions *options)
{
  live->info.verify_from_ns = dc_clock_realtime();
  const int64_t end = dc_clock_monotonic() + options->verify_ns;
  if (options->verify_begins != NULL)
    options->verify_begins(options->verify_ns);
  int64_t left_ns;
  while (!dc_stop_requested(live->stop) && (left_ns = end - dc_clock_monotonic()) > 0) {
    struct pollfd wait = {.fd = dc_stop_fd(live->stop), .events = POLLIN};
    poll(&wait, 1, (int)(MIN(left_ns, DC_NS_PER_S) / DC_NS_PER_MS + 1));
  }
  live->info.verify_to_ns = dc_clock_realtime();
  if (live->sampler != NULL)
    sample_now(live, DC_PHASE_TICK);
}

static void describe(DcLive *live)
{
  live->info.capture = dc_capture_live_info(live->capture);
  live->info.drops = live->drops.mode;
  live->info.drops_name = dc_live_drops_name(live->drops.mode);
  live->info.drops_text = live->drops.text;
  live->info.drops_cost = live->drops.cost;
  dc_live_identity(live->info.capture->interface, live->interfaces, live->addresses, live->strings);
  live->info.interfaces = (const DcLiveInterface *)(const void *)live->interfaces->data;
  live->info.interface_count = live->interfaces->len;
  live->info.addresses = (const DcAddr *)(const void *)live->addresses->data;
  live->info.address_count = live->addresses->len;
  for (size_t i = 0; i < live->info.interface_count; i++) {
    if (live->info.interfaces[i].has_mac)
      g_array_append_vals(live->macs, live->info.interfaces[i].mac, 1);
  }
  live->source.name = live->info.capture->interface;
}

static bool open_all(DcLive *live, const DcLiveOptions *options, GError **error)
{
  /* First what cannot be waited for: a filter that makes no sense. */
  if (!dc_filter_new(options->capture.filter, options->capture.filter_optimize, &live->filter, error) ||
      !open_fds(live, error))
    return false;
  live->interface = options->capture.interface != NULL ? g_strdup(options->capture.interface)
                                                       : dc_capture_live_default_interface(error);
  if (live->interface == NULL)
    return false;
  live->guard = dc_guard_start(error);
  if (live->guard == NULL)
    return false;
  if (options->sample) {
    live->sampler = dc_sampler_new(live->interface, "");
    sample_now(live, DC_PHASE_BEFORE);
  }
  if (!dc_live_drops_open(&live->drops, options, live->guard, live->notices, error))
    return false;
  if (options->verify_ns > 0 && live->drops.mode != DC_LIVE_DROPS_NONE)
    watch_without_tap(live, options);
  DcCaptureLiveOptions capture_options = options->capture;
  capture_options.interface = live->interface;
  live->capture = dc_capture_live_open(&capture_options, error);
  if (live->capture == NULL)
    return false;
  live->info.open_ns = dc_clock_realtime();
  describe(live);
  const size_t queue_bytes = options->queue_bytes != 0 ? options->queue_bytes : QUEUE_BYTES_DEFAULT;
  make_thread(live, DC_PRODUCER_CAPTURE, queue_bytes);
  if (live->drops.mode != DC_LIVE_DROPS_NONE)
    make_thread(live, DC_PRODUCER_DROPS, queue_bytes);
  if (live->sampler != NULL) {
    make_thread(live, DC_PRODUCER_SAMPLER, SAMPLER_QUEUE_BYTES);
    dc_queue_restart_at(live->threads[DC_PRODUCER_SAMPLER].queue, SAMPLER_RESTART_AT);
  }
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
    if (!live->threads[i].exists)
      dc_timeline_mark(live->timeline, i, INT64_MAX);
  }
  return true;
}

bool dc_live_close(DcSource *source, GError **error)
{
  DcLive *live = live_of(source);
  if (live->state == LIVE_RUNNING)
    dc_stop_request(live->stop);
  dc_live_join(live);
  /* Their descriptors keep the kernel busy: closed before the guard puts things back. */
  dc_live_drops_clear(&live->drops);
  return dc_guard_finish(g_steal_pointer(&live->guard), error);
}

static void live_free(DcSource *source)
{
  DcLive *live = live_of(source);
  (void)dc_live_close(source, NULL);
  dc_capture_live_free(live->capture);
  dc_sampler_free(live->sampler);
  dc_filter_free(live->filter);
  dc_timeline_free(live->timeline);
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++)
    dc_queue_free(live->threads[i].queue);
  const int fds[] = {live->epoll_fd, live->timer_fd, live->wake_fd};
  for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
    if (fds[i] >= 0)
      close(fds[i]);
  }
  g_array_unref(live->interfaces);
  g_array_unref(live->addresses);
  g_array_unref(live->macs);
  g_ptr_array_unref(live->notices);
  g_clear_error(&live->failure);
  g_free(live->drops.text);
  g_free(live->drops.cost);
  g_free(live->interface);
  g_free(live->pending);
  g_free(live);
}

DcSource *dc_live_open(const DcLiveOptions *options, DcStrings *strings, DcStop *stop, GError **error)
{
  static const DcSourceOps ops = {.next = dc_live_next, .free = live_free};
  DcLive *live = g_new0(DcLive, 1);
  live->source.ops = &ops;
  live->strings = strings;
  live->stop = stop;
  live->direction = options->capture.direction;
  live->epoll_fd = live->timer_fd = live->wake_fd = -1;
  live->interfaces = g_array_new(FALSE, TRUE, sizeof(DcLiveInterface));
  live->addresses = g_array_new(FALSE, TRUE, sizeof(DcAddr));
  live->macs = g_array_new(FALSE, TRUE, 6);
  live->notices = g_ptr_array_new_with_free_func(g_free);
  live->pending = g_new0(DcDrop, DC_NETDM_DROPS_MAX);
  live->timeline = dc_timeline_new(DC_PRODUCER_COUNT, HOLD_NS, HELD_BYTES_MAX);
  if (open_all(live, options, error))
    return &live->source;
  live_free(&live->source);
  return NULL;
}

/* --- asking -------------------------------------------------------------------------------- */

int dc_live_fd(const DcSource *source)
{
  return live_of_const(source)->epoll_fd;
}

const DcLiveInfo *dc_live_info(const DcSource *source)
{
  return &live_of_const(source)->info;
}

void dc_live_evidence_meta(const DcSource *source, DcEvidenceMeta *ret_meta)
{
  static const char *const directions[] = {[DC_TAP_INOUT] = "inout", [DC_TAP_IN] = "in", [DC_TAP_OUT] = "out"};
  const DcLive *live = live_of_const(source);
  const DcCaptureLiveInfo *capture = live->info.capture;
  *ret_meta = (DcEvidenceMeta){.interface = capture->interface,
                               .filter = capture->filter,
                               .dlt = capture->dlt,
                               .snaplen = capture->snaplen,
                               .ifindex = capture->ifindex,
                               .promiscuous = capture->promiscuous,
                               .has_mac = capture->has_mac,
                               .drop_mode = live->info.drops_name,
                               .drop_text = live->info.drops_text,
                               .direction = directions[live->direction],
                               .timestamp_type = capture->timestamp_type,
                               .local_macs = (const uint8_t(*)[6])(const void *)live->macs->data,
                               .local_mac_count = live->macs->len,
                               .local_addresses = live->info.addresses,
                               .local_address_count = live->info.address_count,
                               .start_ns = live->info.open_ns,
                               .verify_from_ns = live->info.verify_from_ns,
                               .verify_to_ns = live->info.verify_to_ns};
  memcpy(ret_meta->mac, capture->mac, sizeof ret_meta->mac);
}

void dc_live_stats(const DcSource *source, DcLiveStats *ret_stats)
{
  const DcLive *live = live_of_const(source);
  *ret_stats = live->stats;
  if (live->state == LIVE_ENDED)
    return;
  /* The capture's own numbers belong to its thread while it runs. */
  ret_stats->capture.captured = ret_stats->capture.received = live->frame_number;
  ret_stats->capture.dropped_kernel = live->stats.lost[DC_LOSS_CAPTURE];
  ret_stats->capture.dropped_interface = live->stats.lost[DC_LOSS_INTERFACE];
  ret_stats->late = dc_timeline_late(live->timeline);
  ret_stats->held_max = dc_timeline_held_max(live->timeline);
}

void dc_live_hurry(DcSource *source, int64_t within_ns)
{
  DcLive *live = live_of(source);
  if (live->give_up_ns != 0)
    return;
  live->hurry_ns = within_ns;
  live->give_up_ns = dc_clock_monotonic() + within_ns;
}

const char *dc_live_notice(DcSource *source)
{
  DcLive *live = live_of(source);
  return live->notice_at < live->notices->len ? g_ptr_array_index(live->notices, live->notice_at++) : NULL;
}
