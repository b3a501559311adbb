#include "timeline.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Entries up to this size come from a free list: a capture of header lengths allocates nothing
 * once it runs. */
#define SMALL 640
#define SMALL_KEPT_MAX 16384

struct DcTimeline {
  unsigned producers;
  int64_t hold_ns;
  size_t max_bytes;
  int64_t marks[DC_TIMELINE_PRODUCERS_MAX];

  DcTimelineEntry **heap;
  size_t count, capacity, count_max;
  size_t bytes;
  uint64_t order;
  int64_t last_time_ns;
  uint64_t late;

  DcTimelineEntry **kept; /* free list */
  size_t kept_count;
  DcTimelineEntry *out; /* what take() lent */
};

DcTimeline *dc_timeline_new(unsigned producers, int64_t hold_ns, size_t max_bytes)
{
  g_return_val_if_fail(producers <= DC_TIMELINE_PRODUCERS_MAX, NULL);
  DcTimeline *timeline = g_new0(DcTimeline, 1);
  timeline->producers = producers;
  timeline->hold_ns = hold_ns;
  timeline->max_bytes = max_bytes;
  for (unsigned i = 0; i < producers; i++)
    timeline->marks[i] = INT64_MIN;
  timeline->last_time_ns = INT64_MIN;
  timeline->kept = g_new(DcTimelineEntry *, SMALL_KEPT_MAX);
  return timeline;
}

void dc_timeline_free(DcTimeline *timeline)
{
  if (timeline == NULL)
    return;
  for (size_t i = 0; i < timeline->count; i++)
    g_free(timeline->heap[i]);
  for (size_t i = 0; i < timeline->kept_count; i++)
    g_free(timeline->kept[i]);
  g_free(timeline->out);
  g_free(timeline->kept);
  g_free(timeline->heap);
  g_free(timeline);
}

static size_t entry_size(size_t body_len)
{
  const size_t size = sizeof(DcTimelineEntry) + body_len;
  return size < SMALL ? SMALL : size;
}

static DcTimelineEntry *entry_new(DcTimeline *timeline, size_t body_len)
{
  const size_t size = entry_size(body_len);
  if (size == SMALL && timeline->kept_count > 0)
    return timeline->kept[--timeline->kept_count];
  return g_malloc(size);
}

static void entry_release(DcTimeline *timeline, DcTimelineEntry *entry)
{
  if (entry == NULL)
    return;
  if (entry_size(entry->record.body_len) == SMALL && timeline->kept_count < SMALL_KEPT_MAX)
    timeline->kept[timeline->kept_count++] = entry;
  else
    g_free(entry);
}

/* Ties as dc_merge breaks them: frames, drops, samples, the rest; then in order of arrival. */
static int rank(const DcTimelineEntry *entry)
{
  switch ((DcLiveKind)entry->record.kind) {
  case DC_LIVE_FRAME:
    return 0;
  case DC_LIVE_NETLINK:
  case DC_LIVE_TRACE:
    return 1;
  case DC_LIVE_SAMPLE:
    return 2;
  case DC_LIVE_LOSS:
  case DC_LIVE_MARK:
  case DC_LIVE_NOTICE:
  case DC_LIVE_FAILURE:
  case DC_LIVE_END:
    break;
  }
  return 3;
}

static bool before(const DcTimelineEntry *a, const DcTimelineEntry *b)
{
  if (a->record.time_ns != b->record.time_ns)
    return a->record.time_ns < b->record.time_ns;
  const int rank_a = rank(a), rank_b = rank(b);
  if (rank_a != rank_b)
    return rank_a < rank_b;
  return a->order < b->order;
}

void dc_timeline_add(DcTimeline *timeline, unsigned producer, const DcLiveRecord *record, const void *body,
                     int64_t arrival_ns)
{
  DcTimelineEntry *entry = entry_new(timeline, record->body_len);
  entry->record = *record;
  entry->producer = (uint8_t)producer;
  entry->order = timeline->order++;
  entry->arrival_ns = arrival_ns;
  if (record->body_len > 0)
    memcpy(entry->body, body, record->body_len);
  timeline->bytes += entry_size(record->body_len);

  if (timeline->count == timeline->capacity) {
    timeline->capacity = timeline->capacity == 0 ? 1024 : timeline->capacity * 2;
    timeline->heap = g_renew(DcTimelineEntry *, timeline->heap, timeline->capacity);
  }
  size_t at = timeline->count++;
  while (at > 0 && before(entry, timeline->heap[(at - 1) / 2])) {
    timeline->heap[at] = timeline->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  timeline->heap[at] = entry;
  timeline->count_max = MAX(timeline->count_max, timeline->count);
}

void dc_timeline_mark(DcTimeline *timeline, unsigned producer, int64_t time_ns)
{
  timeline->marks[producer] = MAX(timeline->marks[producer], time_ns);
}

static bool may_go(const DcTimeline *timeline, const DcTimelineEntry *entry, int64_t realtime_ns, int64_t monotonic_ns)
{
  if (timeline->bytes > timeline->max_bytes || entry->record.time_ns <= realtime_ns - timeline->hold_ns ||
      entry->arrival_ns <= monotonic_ns - timeline->hold_ns)
    return true;
  for (unsigned i = 0; i < timeline->producers; i++) {
    if (timeline->marks[i] < entry->record.time_ns)
      return false;
  }
  return true;
}

static DcTimelineEntry *heap_pop(DcTimeline *timeline)
{
  DcTimelineEntry *top = timeline->heap[0];
  DcTimelineEntry *last = timeline->heap[--timeline->count];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= timeline->count)
      break;
    if (child + 1 < timeline->count && before(timeline->heap[child + 1], timeline->heap[child]))
      child++;
    if (!before(timeline->heap[child], last))
      break;
    timeline->heap[at] = timeline->heap[child];
    at = child;
  }
  if (timeline->count > 0)
    timeline->heap[at] = last;
  return top;
}

const DcTimelineEntry *dc_timeline_take(DcTimeline *timeline, int64_t realtime_ns, int64_t monotonic_ns)
{
  entry_release(timeline, timeline->out);
  timeline->out = NULL;
  if (timeline->count == 0 || !may_go(timeline, timeline->heap[0], realtime_ns, monotonic_ns))
    return NULL;
  DcTimelineEntry *entry = heap_pop(timeline);
  timeline->bytes -= entry_size(entry->record.body_len);
  if (entry->record.time_ns < timeline->last_time_ns)
    timeline->late++;
  else
    timeline->last_time_ns = entry->record.time_ns;
  timeline->out = entry;
  return entry;
}

bool dc_timeline_full(const DcTimeline *timeline)
{
  return timeline->bytes > timeline->max_bytes;
}

size_t dc_timeline_held(const DcTimeline *timeline)
{
  return timeline->count;
}

size_t dc_timeline_held_max(const DcTimeline *timeline)
{
  return timeline->count_max;
}

uint64_t dc_timeline_late(const DcTimeline *timeline)
{
  return timeline->late;
}
