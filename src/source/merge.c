#include "dropcorr/source/merge.h"

#include <string.h>

/* What was read and passed over is added up after so many events, and at the end. */
#define PROGRESS_EVERY 64u

/* One source and its next event, which stays valid because the source is not asked again
 * before that event was handed on and done with. */
typedef struct {
  DcSource *source;
  DcEvent room;
  DcEvent *head; /* room, or the source's own; NULL: none */
  bool ended;
  uint64_t skipped, foreign, bytes_read; /* already added to the merge's own */
} Lane;

typedef struct {
  DcSource source;
  size_t count;
  Lane *lanes;
  size_t running;    /* lanes that have not ended */
  uint64_t taken;    /* events given */
  Lane *last;        /* of the event given last; NULL: all lanes have to be looked at */
  Lane *rival;       /* the first of the others then; NULL: they have ended */
  GPtrArray *errors; /* GError */
} Merge;

static DcReadStatus merge_next(DcSource *source, DcEvent *ret_event, GError **error);
static DcReadStatus merge_take(DcSource *source, DcEvent **ret_event, GError **error);
static void merge_free(DcSource *source);

static const DcSourceOps merge_ops = {.next = merge_next, .take = merge_take, .free = merge_free};

static void free_error(gpointer error)
{
  g_error_free(error);
}

DcSource *dc_merge_new(DcSource **sources, size_t count)
{
  Merge *merge = g_new0(Merge, 1);
  merge->source.ops = &merge_ops;
  merge->source.name = "merged sources";
  merge->lanes = g_new0(Lane, count);
  merge->count = merge->running = count;
  merge->errors = g_ptr_array_new_with_free_func(free_error);
  bool total_known = true;
  for (size_t i = 0; i < count; i++) {
    merge->lanes[i].source = sources[i];
    merge->source.bytes_total += sources[i]->bytes_total;
    total_known = total_known && sources[i]->bytes_total != 0;
  }
  if (!total_known)
    merge->source.bytes_total = 0;
  return &merge->source;
}

static void add_progress(Merge *merge, Lane *lane)
{
  const DcSource *source = lane->source;
  merge->source.skipped += source->skipped - lane->skipped;
  merge->source.foreign += source->foreign - lane->foreign;
  merge->source.bytes_read += source->bytes_read - lane->bytes_read;
  lane->skipped = source->skipped;
  lane->foreign = source->foreign;
  lane->bytes_read = source->bytes_read;
}

/* Asks a lane for its next event, if it has none. */
static void fill(Merge *merge, Lane *lane)
{
  g_autoptr(GError) error = NULL;
  DcEvent *event;
  DcReadStatus status = dc_source_take(lane->source, &lane->room, &event, &error);
  if (status != DC_READ_EVENT || (merge->taken & (PROGRESS_EVERY - 1)) == 0)
    add_progress(merge, lane);
  switch (status) {
  case DC_READ_EVENT:
    lane->head = event;
    return;
  case DC_READ_WAIT:
    return;
  case DC_READ_ERROR:
    g_ptr_array_add(merge->errors, g_steal_pointer(&error));
    break;
  case DC_READ_END:
    break;
  }
  lane->ended = true;
  merge->running--;
}

/* DcEventKind is in the order in which events of one time are given; of those without one, what the host was like
 * comes before what it lost. */
static bool is_earlier(const DcEvent *a, const DcEvent *b)
{
  const bool sample = a->kind == DC_EVENT_SAMPLE;
  if (a->time_ns == DC_TIME_NONE && b->time_ns == DC_TIME_NONE && sample != (b->kind == DC_EVENT_SAMPLE))
    return sample;
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->kind < b->kind;
}

/* Of events that are alike those of the lane that comes first are first. */
static inline bool goes_before(const Lane *a, const Lane *b)
{
  return a < b ? !is_earlier(b->head, a->head) : is_earlier(a->head, b->head);
}

static Lane *first_lane(Merge *merge)
{
  Lane *first = NULL, *second = NULL;
  bool waits = false;
  for (size_t i = 0; i < merge->count; i++) {
    Lane *lane = &merge->lanes[i];
    if (lane->head == NULL && !lane->ended)
      fill(merge, lane);
    waits |= lane->head == NULL && !lane->ended;
    if (lane->head == NULL)
      continue;
    if (first == NULL || goes_before(lane, first)) {
      second = first;
      first = lane;
    } else if (second == NULL || goes_before(lane, second)) {
      second = lane;
    }
  }
  /* Lanes that wait are asked again each time. */
  merge->last = waits ? NULL : first;
  merge->rival = second;
  return first;
}

static DcReadStatus merge_take(DcSource *source, DcEvent **ret_event, GError **error)
{
  (void)error; /* a failed lane ends; the others go on */
  Merge *merge = (Merge *)source;
  Lane *first = merge->last;
  /* Most events come from the lane that the one before came from. */
  if (first != NULL && !first->ended)
    fill(merge, first);
  if (first == NULL || first->head == NULL || (merge->rival != NULL && !goes_before(first, merge->rival)))
    first = first_lane(merge);
  if (first == NULL)
    return merge->running > 0 ? DC_READ_WAIT : DC_READ_END;
  *ret_event = first->head;
  first->head = NULL;
  merge->taken++;
  return DC_READ_EVENT;
}

static DcReadStatus merge_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  DcEvent *event;
  const DcReadStatus status = merge_take(source, &event, error);
  if (status == DC_READ_EVENT)
    memcpy(ret_event, event, dc_event_size(event));
  return status;
}

const GError *const *dc_merge_errors(const DcSource *source, size_t *ret_count)
{
  g_return_val_if_fail(source->ops == &merge_ops, NULL);
  const Merge *merge = (const Merge *)source;
  *ret_count = merge->errors->len;
  return (const GError *const *)merge->errors->pdata;
}

static void merge_free(DcSource *source)
{
  Merge *merge = (Merge *)source;
  for (size_t i = 0; i < merge->count; i++)
    dc_source_free(merge->lanes[i].source);
  g_free(merge->lanes);
  g_ptr_array_unref(merge->errors);
  g_free(merge);
}
