/* The live source's running part: from the threads' queues to events in order of time. */
#include "dropcorr/base/error.h"
#include "live_private.h"

#include <string.h>
#include <unistd.h>

#define GUARD_SAMPLE_NS (5 * DC_NS_PER_S)
#define NOTICES_MAX 256
#define CLOCK_STEP_NS (100 * DC_NS_PER_MS)
#define PUMP_SHARE 1024
#define EVENTS_PER_PUMP 256

/* A refused record may be a mark, which is no loss; the thread says so in its next record. */
#define REFUSED_SETTLE_NS (200 * DC_NS_PER_MS)

void dc_live_join(DcLive *live)
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

/*
 * A flood of drops takes several times as long to analyse as its frames do. When not all can be followed the frames
 * come first: each has its verdict, and drops are counted as lost. Summaries are few.
 */
static bool is_spared(const DcLive *live, const DcLiveRecord *record)
{
  return (record->kind == DC_LIVE_TRACE || record->kind == DC_LIVE_NETLINK) &&
         live->drops.mode != DC_LIVE_DROPS_SUMMARY && dc_timeline_pressed(live->timeline);
}

static void spare(DcLive *live, unsigned producer, const DcLiveRecord *record)
{
  if (live->refused_from_ns[producer] == 0)
    live->refused_from_ns[producer] = record->time_ns;
  live->refused_to_ns[producer] = MAX(record->time_ns, live->refused_to_ns[producer]);
  live->refused[producer]++;
}

static void accept_record(DcLive *live, unsigned producer, const DcLiveRecord *record, const uint8_t *body)
{
  DcLiveThread *thread = &live->threads[producer];
  thread->marks_lost = record->marks_lost;
  if (is_spared(live, record)) {
    spare(live, producer, record);
    return;
  }
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

/* Takes a share of one queue; true when it took its whole share, so that there may be more. */
static bool pump_one(DcLive *live, unsigned producer)
{
  DcLiveThread *thread = &live->threads[producer];
  const void *bytes;
  size_t len;
  unsigned taken = 0;
  while (taken < PUMP_SHARE && !dc_timeline_full(live->timeline) && dc_queue_peek(thread->queue, &bytes, &len)) {
    const DcLiveRecord *record = bytes;
    accept_record(live, producer, record, (const uint8_t *)bytes + sizeof *record);
    dc_queue_pop(thread->queue);
    taken++;
  }
  return taken == PUMP_SHARE;
}

/* Frames and drops meet by their times: around such a moment they may not. */
static void watch_clock(DcLive *live)
{
  int64_t offset_ns = dc_clock_realtime() - dc_clock_monotonic();
  if (ABS(offset_ns - live->clock_offset_ns) > CLOCK_STEP_NS) /* or we were kept waiting between the two */
    offset_ns = dc_clock_monotonic_offset();
  const int64_t step_ns = offset_ns - live->clock_offset_ns;
  if (live->clock_offset_ns != 0 && ABS(step_ns) > CLOCK_STEP_NS) {
    g_autofree char *text =
        g_strdup_printf("the clock was set %s by %.1f s: frames and drops of that moment may not be joined",
                        step_ns > 0 ? "forward" : "back", (double)ABS(step_ns) / (double)DC_NS_PER_S);
    add_notice(live, text);
  }
  live->clock_offset_ns = offset_ns;
}

/* Turn by turn, so that one full queue does not keep the others' earlier events waiting. */
static void pump(DcLive *live)
{
  watch_clock(live);
  bool more = true;
  while (more) {
    more = false;
    for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
      if (live->threads[i].exists)
        more |= pump_one(live, i);
    }
  }
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
    if (live->threads[i].exists)
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

/* Counts the entry instead of giving it out, when somebody has waited for the end long enough. What is no
 * older than that wait was not held up here: a summary comes late by nature. */
static bool give_up(DcLive *live, const DcTimelineEntry *entry)
{
  if (live->give_up_ns == 0 || dc_clock_monotonic() < live->give_up_ns ||
      dc_clock_realtime() - entry->record.time_ns <= live->hurry_ns)
    return false;
  if (live->given_up_from_ns == 0)
    live->given_up_from_ns = entry->record.time_ns;
  live->given_up_to_ns = entry->record.time_ns;
  live->given_up[entry->producer]++;
  return true;
}

static void add_given_up(DcLive *live)
{
  static const char *const details[DC_PRODUCER_COUNT] = {
      [DC_PRODUCER_CAPTURE] = "frames not yet analysed when the run was interrupted",
      [DC_PRODUCER_DROPS] = "drops not yet analysed when the run was interrupted"};
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
    if (live->given_up[i] == 0)
      continue;
    const DcLiveRecord record = {.kind = DC_LIVE_LOSS,
                                 .sub = DC_LOSS_QUEUE,
                                 .time_ns = live->given_up_to_ns,
                                 .from_ns = live->given_up_from_ns,
                                 .count = live->given_up[i],
                                 .detail = details[i]};
    dc_timeline_add(live->timeline, i, &record, NULL, dc_clock_monotonic());
  }
}

static bool give_entry(DcLive *live, const DcTimelineEntry *entry, DcEvent *ret_event)
{
  switch ((DcLiveKind)entry->record.kind) {
  case DC_LIVE_FRAME:
    if (give_up(live, entry))
      return false;
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
    if (give_up(live, entry))
      return false;
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

void dc_live_add_sample(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data)
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

/* All threads are done: the rest of the final samples, then the end. True once there is nothing to wait for. */
static bool finish(DcLive *live)
{
  for (unsigned i = 0; i < DC_PRODUCER_COUNT; i++) {
    if (live->threads[i].exists && !live->threads[i].ended)
      return false;
  }
  if (live->state == LIVE_ENDED)
    return true;
  dc_live_join(live);
  live->state = LIVE_ENDED;
  dc_capture_live_stats(live->capture, &live->stats.capture);
  add_given_up(live);
  if (live->sampler != NULL && live->guard != NULL) {
    DcPhase phase = DC_PHASE_AFTER;
    void *data[2] = {live, &phase};
    if (!dc_guard_sample(live->guard, GUARD_SAMPLE_NS, dc_live_add_sample, data))
      add_notice(live, "the final firewall and socket samples took too long and are incomplete");
  }
  return true;
}

/* The next event the timeline lets go; false when it holds all back. */
static bool take(DcLive *live, DcEvent *ret_event)
{
  const DcTimelineEntry *entry;
  while ((entry = dc_timeline_take(live->timeline, dc_clock_realtime(), dc_clock_monotonic())) != NULL) {
    if (give_entry(live, entry, ret_event))
      return true;
  }
  return false;
}

DcReadStatus dc_live_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  DcLive *live = (DcLive *)(void *)source;
  if (give_drop(live, ret_event))
    return DC_READ_EVENT;
  /* What the timeline lets go is settled by the marks taken so far: the queues need looking at only now and
   * then, so that they do not fill up meanwhile. */
  if (++live->since_pump < EVENTS_PER_PUMP && take(live, ret_event))
    return DC_READ_EVENT;
  live->since_pump = 0;
  for (;;) {
    const bool was_ended = live->state == LIVE_ENDED;
    pump(live);
    dc_timeline_trim(live->timeline);
    if (take(live, ret_event))
      return DC_READ_EVENT;
    if (live->state == LIVE_OPEN || !finish(live)) {
      clear_fds(live);
      return DC_READ_WAIT;
    }
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
