#include "timeline.h"

#include <glib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Entries of these sizes come from free lists: a capture of header lengths allocates nothing once it
 * runs. Larger ones (samples, whole packets) are allocated. */
static const size_t size_classes[] = {192, 384, 768, 2048};
#define CLASSES G_N_ELEMENTS(size_classes)

/* Each free list keeps so many bytes at most. */
#define KEPT_BYTES ((size_t)8 << 20)

/* A backlog worth giving back, and how often at most: that looks at all free memory. */
#define TRIM_BYTES ((size_t)16 << 20)
#define TRIM_NS (10 * DC_NS_PER_S)

typedef struct {
  DcTimelineEntry **entries;
  size_t count, max;
} FreeList;

struct DcTimeline {
  unsigned producers;
  int64_t hold_ns;
  size_t max_bytes;
  int64_t marks[DC_TIMELINE_PRODUCERS_MAX];

  struct {
    DcTimelineEntry *first, *last;
  } lists[DC_TIMELINE_PRODUCERS_MAX]; /* each by time, oldest first */
  DcTimelineEntry **heap;
  size_t heap_count, heap_capacity;
  size_t count, count_max; /* held in all */
  size_t bytes, bytes_max; /* the most since it was trimmed */
  int64_t trimmed_ns;
  uint64_t order;
  int64_t last_time_ns;
  uint64_t late;

  FreeList kept[CLASSES];
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
  for (size_t i = 0; i < CLASSES; i++) {
    timeline->kept[i].max = KEPT_BYTES / size_classes[i];
    timeline->kept[i].entries = g_new(DcTimelineEntry *, timeline->kept[i].max);
  }
  return timeline;
}

void dc_timeline_free(DcTimeline *timeline)
{
  if (timeline == NULL)
    return;
  for (unsigned i = 0; i < timeline->producers; i++) {
    for (DcTimelineEntry *entry = timeline->lists[i].first, *next; entry != NULL; entry = next) {
      next = entry->next;
      g_free(entry);
    }
  }
  for (size_t i = 0; i < timeline->heap_count; i++)
    g_free(timeline->heap[i]);
  for (size_t i = 0; i < CLASSES; i++) {
    for (size_t k = 0; k < timeline->kept[i].count; k++)
      g_free(timeline->kept[i].entries[k]);
    g_free(timeline->kept[i].entries);
  }
  g_free(timeline->out);
  g_free(timeline->heap);
  g_free(timeline);
}

/* The class of an entry with that body, CLASSES for none. */
static size_t class_of(size_t body_len)
{
  size_t class = 0;
  while (class < CLASSES && sizeof(DcTimelineEntry) + body_len > size_classes[class])
    class ++;
  return class;
}

static size_t entry_size(size_t body_len)
{
  const size_t class = class_of(body_len);
  return class < CLASSES ? size_classes[class] : sizeof(DcTimelineEntry) + body_len;
}

static DcTimelineEntry *entry_new(DcTimeline *timeline, size_t body_len)
{
  const size_t class = class_of(body_len);
  FreeList *list = class < CLASSES ? &timeline->kept[class] : NULL;
  if (list != NULL && list->count > 0)
    return list->entries[--list->count];
  return g_malloc(entry_size(body_len));
}

static void entry_release(DcTimeline *timeline, DcTimelineEntry *entry)
{
  if (entry == NULL)
    return;
  const size_t class = class_of(entry->record.body_len);
  FreeList *list = class < CLASSES ? &timeline->kept[class] : NULL;
  if (list != NULL && list->count < list->max)
    list->entries[list->count++] = entry;
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

static void heap_push(DcTimeline *timeline, DcTimelineEntry *entry)
{
  if (timeline->heap_count == timeline->heap_capacity) {
    timeline->heap_capacity = timeline->heap_capacity == 0 ? 64 : timeline->heap_capacity * 2;
    timeline->heap = g_renew(DcTimelineEntry *, timeline->heap, timeline->heap_capacity);
  }
  size_t at = timeline->heap_count++;
  while (at > 0 && before(entry, timeline->heap[(at - 1) / 2])) {
    timeline->heap[at] = timeline->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  timeline->heap[at] = entry;
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
  timeline->bytes_max = MAX(timeline->bytes_max, timeline->bytes);

  timeline->count++;
  timeline->count_max = MAX(timeline->count_max, timeline->count);
  DcTimelineEntry **last = &timeline->lists[producer].last;
  if (*last != NULL && before(entry, *last)) {
    heap_push(timeline, entry);
    return;
  }
  entry->next = NULL;
  if (*last != NULL)
    (*last)->next = entry;
  else
    timeline->lists[producer].first = entry;
  *last = entry;
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
  DcTimelineEntry *last = timeline->heap[--timeline->heap_count];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= timeline->heap_count)
      break;
    if (child + 1 < timeline->heap_count && before(timeline->heap[child + 1], timeline->heap[child]))
      child++;
    if (!before(timeline->heap[child], last))
      break;
    timeline->heap[at] = timeline->heap[child];
    at = child;
  }
  if (timeline->heap_count > 0)
    timeline->heap[at] = last;
  return top;
}

/* The earliest of all, and the producer in whose list it is; timeline->producers: in the heap. */
static DcTimelineEntry *earliest(const DcTimeline *timeline, unsigned *ret_list)
{
  DcTimelineEntry *best = timeline->heap_count > 0 ? timeline->heap[0] : NULL;
  *ret_list = timeline->producers;
  for (unsigned i = 0; i < timeline->producers; i++) {
    DcTimelineEntry *first = timeline->lists[i].first;
    if (first != NULL && (best == NULL || before(first, best))) {
      best = first;
      *ret_list = i;
    }
  }
  return best;
}

static void list_pop(DcTimeline *timeline, unsigned list)
{
  timeline->lists[list].first = timeline->lists[list].first->next;
  if (timeline->lists[list].first == NULL)
    timeline->lists[list].last = NULL;
}

const DcTimelineEntry *dc_timeline_take(DcTimeline *timeline, int64_t realtime_ns, int64_t monotonic_ns)
{
  entry_release(timeline, timeline->out);
  timeline->out = NULL;
  unsigned list;
  DcTimelineEntry *entry = earliest(timeline, &list);
  if (entry == NULL || !may_go(timeline, entry, realtime_ns, monotonic_ns))
    return NULL;
  if (list < timeline->producers)
    list_pop(timeline, list);
  else
    (void)heap_pop(timeline);
  timeline->count--;
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

bool dc_timeline_pressed(const DcTimeline *timeline)
{
  return timeline->bytes > timeline->max_bytes / 2;
}

void dc_timeline_trim(DcTimeline *timeline)
{
  if (timeline->bytes_max < TRIM_BYTES || timeline->bytes > timeline->bytes_max / 2)
    return;
  const int64_t now_ns = dc_clock_monotonic();
  if (now_ns - timeline->trimmed_ns < TRIM_NS)
    return;
  malloc_trim(0);
  timeline->bytes_max = timeline->bytes;
  timeline->trimmed_ns = now_ns;
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
