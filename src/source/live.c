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
#define QUEUE_BYTES_DEFAULT ((size_t)16 << 20)
#define SAMPLER_QUEUE_BYTES ((size_t)64 << 20) /* address space: pages come with use */
#define TICK_NS (50 * DC_NS_PER_MS)
#define GUARD_SAMPLE_NS (5 * DC_NS_PER_S)
#define NOTICES_MAX 256

/* After the stop the drop thread reads on for a while, and the last samples come after it. */
#define SAMPLER_SETTLE_NS (300 * DC_NS_PER_MS)

/* A refused record may be a mark, which is no loss; the thread says so in its next record. */
#define REFUSED_SETTLE_NS (200 * DC_NS_PER_MS)

typedef enum { LIVE_OPEN, LIVE_RUNNING, LIVE_ENDED } LiveState;

typedef struct {
  DcSource source;
  LiveState state;
  DcStrings *strings; /* borrowed */
  DcStop *stop;       /* borrowed */
  DcLiveInfo info;
  char *interface; /* to capture */
  DcTapDirection direction;
  GArray *interfaces, *addresses, *macs;

  DcGuard *guard;
  DcCaptureLive *capture;
  DcLiveDropSource drops;
  DcSampler *sampler;
  DcFilter *filter;

  int epoll_fd, timer_fd, wake_fd;
  DcLiveThread threads[DC_PRODUCER_COUNT];
  uint64_t refused[DC_PRODUCER_COUNT];      /* by the queue, marks included */
  uint64_t refused_told[DC_PRODUCER_COUNT]; /* already given out as loss */
  int64_t refused_from_ns[DC_PRODUCER_COUNT], refused_to_ns[DC_PRODUCER_COUNT];

  DcTimeline *timeline;
  DcDrop *pending;
  size_t pending_count, pending_at;
  uint64_t frame_number, drop_number;
  GPtrArray *notices;
  guint notice_at;
  GError *failure;
  DcLiveStats stats;
} DcLive;

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

static void join_threads(DcLive *live)
{
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
    DcLiveThread *thread = &live->threads[i];
    if (thread->running)
      pthread_join(thread->thread, NULL);
    thread->running = false;
  }
}

/* --- from the queues into the timeline ------------------------------------------------ */

static void add_notice(DcLive *live, const char *text)
{
  if (live->notices->len < NOTICES_MAX)
    g_ptr_array_add(live->notices, g_strdup(text));
}

static void accept_record(DcLive *live, unsigned producer, const DcLiveRecord *record, const uint8_t *body)
{
  DcLiveThread *thread = &live->threads[producer];
  thread->marks_lost = record->marks_lost;
  switch ((DcLiveKind)record->kind) {
  case DC_LIVE_FRAME:
  case DC_LIVE_NETLINK:
  case DC_LIVE_TRACE:
  case DC_LIVE_SAMPLE:
  case DC_LIVE_LOSS:
    dc_timeline_add(live->timeline, producer, record, body, dc_clock_monotonic());
    return;
  case DC_LIVE_MARK:
    dc_timeline_mark(live->timeline, producer, record->time_ns);
    return;
  case DC_LIVE_NOTICE:
    add_notice(live, (const char *)body);
    return;
  case DC_LIVE_FAILURE:
    if (live->failure == NULL)
      live->failure = g_error_new_literal(DC_ERROR, record->sub, (const char *)body);
    return;
  case DC_LIVE_END:
    thread->ended = true;
    dc_timeline_mark(live->timeline, producer, INT64_MAX);
    return;
  }
}

/* What our own queue refused, as a loss; not at once, for marks among it are none. */
static void add_refused(DcLive *live, unsigned producer, int64_t now_ns)
{
  static const char *const details[DC_PRODUCER_COUNT] = {"frames: the analysis could not keep up with the capture",
                                                         "drops: the analysis could not keep up with the drop source",
                                                         "samples: the analysis could not keep up with the sampler"};
  DcLiveThread *thread = &live->threads[producer];
  const uint64_t refused = dc_queue_take_refused(thread->queue);
  if (refused > 0) {
    if (live->refused_from_ns[producer] == 0)
      live->refused_from_ns[producer] = thread->refused_ns;
    live->refused_to_ns[producer] = now_ns;
    live->refused[producer] += refused;
  }
  thread->refused_ns = now_ns;
  if (live->refused_from_ns[producer] == 0 ||
      (!thread->ended && now_ns - live->refused_to_ns[producer] < REFUSED_SETTLE_NS))
    return;
  const uint64_t lost = live->refused[producer] - MIN(live->refused[producer], thread->marks_lost);
  if (lost > live->refused_told[producer]) {
    const DcLiveRecord record = {.kind = DC_LIVE_LOSS,
                                 .sub = DC_LOSS_QUEUE,
                                 .time_ns = live->refused_to_ns[producer],
                                 .from_ns = live->refused_from_ns[producer],
                                 .count = lost - live->refused_told[producer],
                                 .detail = details[producer]};
    dc_timeline_add(live->timeline, producer, &record, NULL, dc_clock_monotonic());
    live->refused_told[producer] = lost;
  }
  live->refused_from_ns[producer] = 0;
}

static void pump(DcLive *live)
{
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
    DcLiveThread *thread = &live->threads[i];
    const void *bytes;
    size_t len;
    while (thread->exists && !dc_timeline_full(live->timeline) && dc_queue_peek(thread->queue, &bytes, &len)) {
      const DcLiveRecord *record = bytes;
      accept_record(live, i, record, (const uint8_t *)bytes + sizeof *record);
      dc_queue_pop(thread->queue);
    }
    if (thread->exists)
      add_refused(live, i, dc_clock_realtime());
  }
}

static void clear_fds(DcLive *live)
{
  uint64_t count;
  while (read(live->timer_fd, &count, sizeof count) > 0)
    continue;
  while (read(live->wake_fd, &count, sizeof count) > 0)
    continue;
}

/* --- from the timeline to the caller ---------------------------------------------------- */

static void make_frame(DcLive *live, const DcTimelineEntry *entry, DcEvent *ret_event)
{
  const DcLiveRecord *record = &entry->record;
  ret_event->kind = DC_EVENT_FRAME;
  ret_event->time_ns = record->time_ns;
  DcFrame *frame = &ret_event->frame;
  memset(frame, 0, sizeof *frame);
  frame->number = ++live->frame_number;
  frame->time_ns = record->time_ns;
  frame->caplen = record->caplen;
  frame->len = record->len;
  frame->bytes = entry->body;
  frame->link = live->info.capture->link;
  frame->direction = record->sub;
  frame->ifindex = record->ifindex;
}

static void make_sample(const DcTimelineEntry *entry, DcEvent *ret_event)
{
  const char *name = (const char *)entry->body;
  const size_t name_len = strlen(name) + 1;
  ret_event->kind = DC_EVENT_SAMPLE;
  ret_event->time_ns = entry->record.time_ns;
  ret_event->sample = (DcSample){.time_ns = entry->record.time_ns,
                                 .phase = entry->record.sub,
                                 .name = name,
                                 .text = name + name_len,
                                 .len = entry->record.body_len - name_len};
}

static void make_loss(DcLive *live, const DcTimelineEntry *entry, DcEvent *ret_event)
{
  const DcLiveRecord *record = &entry->record;
  live->stats.lost[record->sub] += record->count;
  ret_event->kind = DC_EVENT_LOSS;
  ret_event->time_ns = record->time_ns;
  ret_event->loss = (DcLoss){.kind = record->sub,
                             .count = record->count,
                             .from_ns = record->from_ns,
                             .to_ns = record->time_ns,
                             .detail = record->detail};
}

/* The next drop of the message last taken that the filter lets pass. */
static bool give_drop(DcLive *live, DcEvent *ret_event)
{
  while (live->pending_at < live->pending_count) {
    const DcDrop *drop = &live->pending[live->pending_at++];
    if (!dc_filter_match_drop(live->filter, drop)) {
      live->stats.drops_filtered++;
      continue;
    }
    ret_event->kind = DC_EVENT_DROP;
    ret_event->time_ns = drop->time_ns;
    ret_event->drop = *drop;
    ret_event->drop.number = ++live->drop_number;
    live->stats.drops++;
    return true;
  }
  return false;
}

static bool give_entry(DcLive *live, const DcTimelineEntry *entry, DcEvent *ret_event)
{
  switch ((DcLiveKind)entry->record.kind) {
  case DC_LIVE_FRAME:
    make_frame(live, entry, ret_event);
    return true;
  case DC_LIVE_SAMPLE:
    make_sample(entry, ret_event);
    return true;
  case DC_LIVE_LOSS:
    make_loss(live, entry, ret_event);
    return true;
  case DC_LIVE_NETLINK:
  case DC_LIVE_TRACE: {
    bool malformed = false;
    live->pending_at = live->pending_count = 0;
    if (!dc_live_drops_convert(&live->drops, entry, live->strings, live->pending, &live->pending_count, &malformed)) {
      if (malformed)
        live->source.skipped++;
      live->pending_count = 0;
    }
    return give_drop(live, ret_event);
  }
  case DC_LIVE_MARK:
  case DC_LIVE_NOTICE:
  case DC_LIVE_FAILURE:
  case DC_LIVE_END:
    break; /* never put into the timeline */
  }
  return false;
}

static void add_sample(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data);

/* All threads are done: the rest of the final samples, then the end. True once there is nothing to wait for. */
static bool finish(DcLive *live)
{
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
    if (live->threads[i].exists && !live->threads[i].ended)
      return false;
  }
  if (live->state == LIVE_ENDED)
    return true;
  join_threads(live);
  live->state = LIVE_ENDED;
  dc_capture_live_stats(live->capture, &live->stats.capture);
  if (live->sampler != NULL && live->guard != NULL) {
    DcPhase phase = DC_PHASE_AFTER;
    void *data[2] = {live, &phase};
    if (!dc_guard_sample(live->guard, GUARD_SAMPLE_NS, add_sample, data))
      add_notice(live, "the final firewall and socket samples took too long and are incomplete");
  }
  return true;
}

static DcReadStatus live_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  DcLive *live = live_of(source);
  if (give_drop(live, ret_event))
    return DC_READ_EVENT;
  clear_fds(live);
  for (;;) {
    const bool was_ended = live->state == LIVE_ENDED;
    pump(live);
    const DcTimelineEntry *entry;
    while ((entry = dc_timeline_take(live->timeline, dc_clock_realtime(), dc_clock_monotonic())) != NULL) {
      if (give_entry(live, entry, ret_event))
        return DC_READ_EVENT;
    }
    if (live->state == LIVE_OPEN || !finish(live))
      return DC_READ_WAIT;
    if (was_ended)
      break;
  }
  live->stats.late = dc_timeline_late(live->timeline);
  live->stats.held_max = dc_timeline_held_max(live->timeline);
  if (live->failure == NULL)
    return DC_READ_END;
  g_propagate_error(error, g_steal_pointer(&live->failure));
  return DC_READ_ERROR;
}

/* --- opening and closing ------------------------------------------------------------------ */

static void add_sample(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data)
{
  void **both = data;
  DcLive *live = both[0];
  const DcPhase *phase = both[1];
  const size_t name_len = strlen(name) + 1;
  g_autofree uint8_t *body = g_malloc(name_len + len);
  memcpy(body, name, name_len);
  if (len > 0)
    memcpy(body + name_len, text, len);
  const DcLiveRecord record = {
      .kind = DC_LIVE_SAMPLE, .sub = (uint8_t)*phase, .time_ns = time_ns, .body_len = name_len + len};
  dc_timeline_add(live->timeline, DC_PRODUCER_SAMPLER, &record, body, dc_clock_monotonic());
}

static void sample_now(DcLive *live, DcPhase phase)
{
  void *data[2] = {live, &phase};
  dc_sampler_take(live->sampler, DC_SAMPLE_ALL, phase, add_sample, data);
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
static void watch_without_tap(DcLive *live, int64_t verify_ns)
{
  live->info.verify_from_ns = dc_clock_realtime();
  const int64_t end = dc_clock_monotonic() + verify_ns;
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
    watch_without_tap(live, options->verify_ns);
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
  if (live->sampler != NULL)
    make_thread(live, DC_PRODUCER_SAMPLER, SAMPLER_QUEUE_BYTES);
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
  join_threads(live);
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
  static const DcSourceOps ops = {.next = live_next, .free = live_free};
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

const char *dc_live_notice(DcSource *source)
{
  DcLive *live = live_of(source);
  return live->notice_at < live->notices->len ? g_ptr_array_index(live->notices, live->notice_at++) : NULL;
}
