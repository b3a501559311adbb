#include "dropcorr/source/merge.h"

#include <string.h>

/* One source and the events it has given that were not given on: they stay valid because the source is not asked again
 * before all of them were, and are done with. */
typedef struct {
  DcSource *source;
  DcRunRoom room;
  DcRun run;
  size_t at; /* the next of the run */
  bool ended;
  uint64_t skipped, foreign, bytes_read; /* already added to the merge's own */
} Lane;

typedef struct {
  DcSource source;
  size_t count;
  Lane *lanes;
  size_t running;    /* lanes that have not ended */
  Lane *last;        /* of the events given last; NULL: all lanes have to be looked at */
  Lane *rival;       /* the first of the others then; NULL: they have ended */
  GPtrArray *errors; /* GError */
} Merge;

static DcReadStatus merge_next(DcSource *source, DcEvent *ret_event, GError **error);
static DcReadStatus merge_run(DcSource *source, DcRun *ret_run, GError **error);
static void merge_free(DcSource *source);

static const DcSourceOps merge_ops = {.next = merge_next, .run = merge_run, .free = merge_free};

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

static inline bool has_head(const Lane *lane)
{
  return lane->at < lane->run.count;
}

/* Asks a lane for its next events, if it has none. */
static void fill(Merge *merge, Lane *lane)
{
  g_autoptr(GError) error = NULL;
  if (has_head(lane) || lane->ended)
    return;
  DcReadStatus status = dc_source_run(lane->source, &lane->room, &lane->run, &error);
  lane->at = 0;
  add_progress(merge, lane);
  if (status == DC_READ_EVENT)
    return;
  lane->run.count = 0;
  if (status == DC_READ_WAIT)
    return;
  if (status == DC_READ_ERROR)
    g_ptr_array_add(merge->errors, g_steal_pointer(&error));
  lane->ended = true;
  merge->running--;
}

static inline unsigned rank(const DcEvent *event)
{
  return event->kind == DC_EVENT_LIGHT ? DC_EVENT_FRAME : event->kind;
}

/* DcEventKind is in the order in which events of one time are given; of those without one, what the host was like
 * comes before what it lost. */
static inline bool is_earlier(const DcEvent *a, const DcEvent *b)
{
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns;
  const bool sample = a->kind == DC_EVENT_SAMPLE;
  if (a->time_ns == DC_TIME_NONE && sample != (b->kind == DC_EVENT_SAMPLE))
    return sample;
  return rank(a) < rank(b);
}

/* Of events that are alike those of the lane that comes first are first. */
static inline bool goes_before(const Lane *a, const DcEvent *event, const Lane *b, const DcEvent *other)
{
  return a < b ? !is_earlier(other, event) : is_earlier(event, other);
}

static inline DcEvent *head_of(const Lane *lane)
{
  return lane->run.events[lane->at];
}

static Lane *first_lane(Merge *merge)
{
  Lane *first = NULL, *second = NULL;
  bool waits = false;
  for (size_t i = 0; i < merge->count; i++) {
    Lane *lane = &merge->lanes[i];
    fill(merge, lane);
    waits |= !has_head(lane) && !lane->ended;
    if (!has_head(lane))
      continue;
    if (first == NULL || goes_before(lane, head_of(lane), first, head_of(first))) {
      second = first;
      first = lane;
    } else if (second == NULL || goes_before(lane, head_of(lane), second, head_of(second))) {
      second = lane;
    }
  }
  /* Lanes that wait are asked again each time. */
  merge->last = waits ? NULL : first;
  merge->rival = second;
  return first;
}

/* Up to `most` events of the lane whose turn it is. */
static DcReadStatus take(Merge *merge, size_t most, DcRun *ret_run)
{
  Lane *first = merge->last;
  /* Most events come from the lane that the one before came from. */
  if (first != NULL)
    fill(merge, first);
  const Lane *rival = merge->rival;
  const bool goes_on =
      first != NULL && has_head(first) && (rival == NULL || goes_before(first, head_of(first), rival, head_of(rival)));
  if (!goes_on) {
    first = first_lane(merge);
    rival = merge->rival;
  }
  if (first == NULL)
    return merge->running > 0 ? DC_READ_WAIT : DC_READ_END;
  DcEvent *const *events = &first->run.events[first->at];
  const size_t left = merge->last == NULL ? 1 : MIN(most, first->run.count - first->at);
  size_t count = 1;
  while (count < left && (rival == NULL || goes_before(first, events[count], rival, head_of(rival))))
    count++;
  first->at += count;
  *ret_run = (DcRun){.events = events, .count = count};
  return DC_READ_EVENT;
}

/* A failed lane ends; the others go on: there are no errors here. */
static DcReadStatus merge_run(DcSource *source, DcRun *ret_run, GError **error)
{
  (void)error;
  return take((Merge *)source, SIZE_MAX, ret_run);
}

static DcReadStatus merge_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  (void)error;
  DcRun run;
  const DcReadStatus status = take((Merge *)source, 1, &run);
  if (status == DC_READ_EVENT)
    memcpy(ret_event, run.events[0], dc_event_size(run.events[0]));
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
