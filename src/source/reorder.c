#include "dropcorr/source/reorder.h"

#include <string.h>

/* Bound on the bytes of held packets and texts, whatever max_events allows. */
#define BODIES_MAX (64u << 20)

typedef struct {
  uint64_t order; /* of arrival: equal times stay as they came */
  size_t len;
  DcEvent event;
  uint8_t body[];
} Held;

typedef struct {
  DcSource source;
  DcSource *inner;
  int64_t slack_ns;
  size_t max_events;
  GPtrArray *heap; /* Held, the earliest first */
  size_t bodies;   /* bytes held */
  uint64_t arrivals;
  int64_t last_ns; /* time of the last arrival */
  bool inner_ended;
  GError *error; /* of inner, told after what it gave before */
  Held *current; /* given out by the last call */
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
  reorder->heap = g_ptr_array_new_with_free_func(g_free);
  reorder->last_ns = DC_TIME_NONE;
  return &reorder->source;
}

static bool is_earlier(const Held *a, const Held *b)
{
  return a->event.time_ns != b->event.time_ns ? a->event.time_ns < b->event.time_ns : a->order < b->order;
}

static void heap_push(GPtrArray *heap, Held *held)
{
  g_ptr_array_add(heap, held);
  guint at = heap->len - 1;
  while (at > 0) {
    guint parent = (at - 1) / 2;
    if (!is_earlier(held, heap->pdata[parent]))
      break;
    heap->pdata[at] = heap->pdata[parent];
    at = parent;
  }
  heap->pdata[at] = held;
}

static Held *heap_pop(GPtrArray *heap)
{
  Held *top = heap->pdata[0];
  Held *last = heap->pdata[heap->len - 1];
  heap->pdata[heap->len - 1] = NULL; /* g_ptr_array_set_size() frees what it cuts off */
  g_ptr_array_set_size(heap, (gint)(heap->len - 1));
  if (heap->len == 0)
    return top;
  guint at = 0;
  for (;;) {
    guint child = 2 * at + 1;
    if (child >= heap->len)
      break;
    if (child + 1 < heap->len && is_earlier(heap->pdata[child + 1], heap->pdata[child]))
      child++;
    if (!is_earlier(heap->pdata[child], last))
      break;
    heap->pdata[at] = heap->pdata[child];
    at = child;
  }
  heap->pdata[at] = last;
  return top;
}

/* A copy that owns the bytes the event borrowed. */
static Held *hold(Reorder *reorder, const DcEvent *event)
{
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
    break;
  }
  Held *held = g_malloc(sizeof *held + len);
  held->order = reorder->arrivals++;
  held->event = *event;
  held->len = len;
  if (body == NULL || len == 0)
    return held;
  memcpy(held->body, body, len);
  if (event->kind == DC_EVENT_FRAME)
    held->event.frame.bytes = held->body;
  else if (event->kind == DC_EVENT_DROP)
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
  const GPtrArray *heap = reorder->heap;
  if (heap->len == 0)
    return false;
  if (reorder->inner_ended || heap->len > reorder->max_events || reorder->bodies > BODIES_MAX)
    return true;
  const Held *top = heap->pdata[0];
  return top->event.time_ns == DC_TIME_NONE ||
         (reorder->last_ns != DC_TIME_NONE && top->event.time_ns < reorder->last_ns - reorder->slack_ns);
}

static DcReadStatus reorder_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  Reorder *reorder = (Reorder *)source;
  g_clear_pointer(&reorder->current, g_free);
  while (!is_due(reorder)) {
    if (reorder->inner_ended) {
      if (reorder->error == NULL)
        return DC_READ_END;
      g_propagate_error(error, g_steal_pointer(&reorder->error));
      return DC_READ_ERROR;
    }
    DcEvent event;
    DcReadStatus status = dc_source_next(reorder->inner, &event, &reorder->error);
    source->skipped = reorder->inner->skipped;
    source->foreign = reorder->inner->foreign;
    source->bytes_read = reorder->inner->bytes_read;
    switch (status) {
    case DC_READ_EVENT: {
      Held *held = hold(reorder, &event);
      reorder->bodies += held->len;
      heap_push(reorder->heap, held);
      if (event.time_ns != DC_TIME_NONE)
        reorder->last_ns = event.time_ns;
      break;
    }
    case DC_READ_WAIT:
      return DC_READ_WAIT;
    case DC_READ_END:
    case DC_READ_ERROR:
      reorder->inner_ended = true;
      break;
    }
  }
  reorder->current = heap_pop(reorder->heap);
  reorder->bodies -= reorder->current->len;
  *ret_event = reorder->current->event;
  return DC_READ_EVENT;
}

DcSource *dc_reorder_inner(DcSource *source)
{
  g_return_val_if_fail(source->ops == &reorder_ops, NULL);
  return ((Reorder *)source)->inner;
}

static void reorder_free(DcSource *source)
{
  Reorder *reorder = (Reorder *)source;
  g_ptr_array_unref(reorder->heap);
  g_free(reorder->current);
  g_clear_error(&reorder->error);
  dc_source_free(reorder->inner);
  g_free(reorder);
}
