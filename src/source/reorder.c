#include "dropcorr/source/reorder.h"

#include <string.h>

/* Bound on the bytes of held packets and texts, whatever max_events allows. */
#define BODIES_MAX (64u << 20)

/* Sizes of bodies are rounded, so that what one event leaves behind the next can have. */
#define BODY_STEP 64u

typedef struct {
  size_t len, capacity; /* of the body */
  DcEvent event;
  uint8_t body[];
} Held;

/* What they are ordered by lies together: those that wait are many, and in no near cache. */
typedef struct {
  int64_t time_ns;
  uint64_t order; /* of arrival: equal times stay as they came */
  Held *held;
} Waiting;

typedef struct {
  DcSource source;
  DcSource *inner;
  int64_t slack_ns;
  size_t max_events;
  GArray *heap;  /* Waiting, the earliest first */
  size_t bodies; /* bytes held */
  uint64_t arrivals;
  int64_t last_ns; /* time of the last arrival */
  bool inner_ended;
  GError *error; /* of inner, told after what it gave before */
  Held *current; /* given out by the last call */
  Held *spare;   /* NULL: none */
} Reorder;

static DcReadStatus reorder_next(DcSource *source, DcEvent *ret_event, GError **error);
static void reorder_free(DcSource *source);

static const DcSourceOps reorder_ops = {.next = reorder_next, .free = reorder_free};

DcSource *dc_reorder_new(DcSource *source, int64_t slack_ns, size_t max_events)
{
  Reorder *reorder = g_new0(Reorder, 1);
  reorder->source.ops = &reorder_ops;
  reorder->source.name = source->name;
  reorder->source.bytes_total = source->bytes_total;
  reorder->inner = source;
  reorder->slack_ns = slack_ns;
  reorder->max_events = MAX(max_events, 1);
  reorder->heap = g_array_new(FALSE, FALSE, sizeof(Waiting));
  reorder->last_ns = DC_TIME_NONE;
  return &reorder->source;
}

static bool is_earlier(const Waiting *a, const Waiting *b)
{
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

static void heap_push(GArray *heap, const Waiting *waiting)
{
  g_array_append_vals(heap, waiting, 1);
  Waiting *all = (Waiting *)(void *)heap->data;
  guint at = heap->len - 1;
  while (at > 0) {
    guint parent = (at - 1) / 2;
    if (!is_earlier(waiting, &all[parent]))
      break;
    all[at] = all[parent];
    at = parent;
  }
  all[at] = *waiting;
}

static Held *heap_pop(GArray *heap)
{
  Waiting *all = (Waiting *)(void *)heap->data;
  Held *top = all[0].held;
  const Waiting last = all[heap->len - 1];
  g_array_set_size(heap, heap->len - 1);
  if (heap->len == 0)
    return top;
  guint at = 0;
  for (;;) {
    guint child = 2 * at + 1;
    if (child >= heap->len)
      break;
    if (child + 1 < heap->len && is_earlier(&all[child + 1], &all[child]))
      child++;
    if (!is_earlier(&all[child], &last))
      break;
    all[at] = all[child];
    at = child;
  }
  all[at] = last;
  return top;
}

/* For the next event, and for what may come with it. */
static Held *held_take(Reorder *reorder)
{
  Held *held = g_steal_pointer(&reorder->spare);
  if (held == NULL) {
    held = g_malloc(sizeof *held + BODY_STEP);
    held->capacity = BODY_STEP;
  }
  return held;
}

/* From now on its event owns the bytes that it borrowed. */
static Held *hold(Held *held)
{
  const DcEvent *event = &held->event;
  const void *body = NULL;
  size_t len = 0;
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    body = event->frame.bytes;
    len = event->frame.caplen;
    break;
  case DC_EVENT_DROP:
    body = event->drop.bytes;
    len = event->drop.caplen;
    break;
  case DC_EVENT_SAMPLE:
    body = event->sample.text;
    len = event->sample.len;
    break;
  case DC_EVENT_LOSS:
  case DC_EVENT_LIGHT: /* no source gives it */
    break;
  }
  if (held->capacity < len) {
    held->capacity = (len + BODY_STEP - 1) / BODY_STEP * BODY_STEP;
    held = g_realloc(held, sizeof *held + held->capacity);
  }
  held->len = body != NULL ? len : 0;
  if (held->len == 0)
    return held;
  memcpy(held->body, body, len);
  if (held->event.kind == DC_EVENT_FRAME)
    held->event.frame.bytes = held->body;
  else if (held->event.kind == DC_EVENT_DROP)
    held->event.drop.bytes = held->body;
  else
    held->event.sample.text = (const char *)held->body;
  return held;
}

/*
 * Whether the earliest held event may go: nothing earlier can come any more. What counts is the last
 * arrival, not the latest time seen, so that one event with a time far in the future
 * does not end the sorting of all that follow.
 */
static bool is_due(const Reorder *reorder)
{
  const GArray *heap = reorder->heap;
  if (heap->len == 0)
    return false;
  if (reorder->inner_ended || heap->len > reorder->max_events || reorder->bodies > BODIES_MAX)
    return true;
  const int64_t top_ns = g_array_index(heap, Waiting, 0).time_ns;
  return top_ns == DC_TIME_NONE || (reorder->last_ns != DC_TIME_NONE && top_ns < reorder->last_ns - reorder->slack_ns);
}

static DcReadStatus reorder_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  Reorder *reorder = (Reorder *)source;
  if (reorder->current != NULL) {
    g_free(reorder->spare);
    reorder->spare = g_steal_pointer(&reorder->current);
  }
  while (!is_due(reorder)) {
    if (reorder->inner_ended) {
      if (reorder->error == NULL)
        return DC_READ_END;
      g_propagate_error(error, g_steal_pointer(&reorder->error));
      return DC_READ_ERROR;
    }
    Held *held = held_take(reorder);
    DcReadStatus status = dc_source_next(reorder->inner, &held->event, &reorder->error);
    source->skipped = reorder->inner->skipped;
    source->foreign = reorder->inner->foreign;
    source->bytes_read = reorder->inner->bytes_read;
    switch (status) {
    case DC_READ_EVENT: {
      held = hold(held);
      const int64_t time_ns = held->event.time_ns;
      reorder->bodies += held->len;
      heap_push(reorder->heap, &(Waiting){.time_ns = time_ns, .order = reorder->arrivals++, .held = held});
      if (time_ns != DC_TIME_NONE)
        reorder->last_ns = time_ns;
      break;
    }
    case DC_READ_WAIT:
      reorder->spare = held;
      return DC_READ_WAIT;
    case DC_READ_END:
    case DC_READ_ERROR:
      reorder->spare = held;
      reorder->inner_ended = true;
      break;
    }
  }
  reorder->current = heap_pop(reorder->heap);
  reorder->bodies -= reorder->current->len;
  *ret_event = reorder->current->event;
  return DC_READ_EVENT;
}

static void reorder_free(DcSource *source)
{
  Reorder *reorder = (Reorder *)source;
  for (guint i = 0; i < reorder->heap->len; i++)
    g_free(g_array_index(reorder->heap, Waiting, i).held);
  g_array_unref(reorder->heap);
  g_free(reorder->current);
  g_free(reorder->spare);
  g_clear_error(&reorder->error);
  dc_source_free(reorder->inner);
  g_free(reorder);
}
