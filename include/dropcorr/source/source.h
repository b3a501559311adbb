/*
 * A source of events: pulled one at a time, in its own order. Offline sources are
 * files; live ones are queues filled by threads. All sources look alike to the
 * pipeline.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>

typedef enum {
  DC_READ_EVENT, /* ret_event is filled; its pointers are valid until the next call */
  DC_READ_END,   /* no more, ever */
  DC_READ_WAIT,  /* nothing now (live only) */
  DC_READ_ERROR  /* error is set; the source ends here, what it gave before stands */
} DcReadStatus;

typedef struct DcSource DcSource;

/* Events in their order, which stay the source's, may be changed, and are valid until its next call. */
typedef struct {
  DcEvent *const *events;
  size_t count;
} DcRun;

typedef struct {
  DcReadStatus (*next)(DcSource *source, DcEvent *ret_event, GError **error);
  /* The same without copying, and as many events as there are at once: one at least. NULL: next is to be used. */
  DcReadStatus (*run)(DcSource *source, DcRun *ret_run, GError **error);
  void (*free)(DcSource *source);
} DcSourceOps;

/* First member of every source. */
struct DcSource {
  const DcSourceOps *ops;
  const char *name;                 /* file or device, for messages; owned by the source */
  uint64_t skipped;                 /* malformed records passed over so far */
  uint64_t foreign;                 /* records of other kinds passed over (other netlink families, prompts) */
  uint64_t bytes_read, bytes_total; /* progress; total 0 unknown */
};

static inline DcReadStatus dc_source_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  return source->ops->next(source, ret_event, error);
}

/* For sources that have no events of their own to show. */
typedef struct {
  DcEvent event;
  DcEvent *one;
} DcRunRoom;

static inline DcReadStatus dc_source_run(DcSource *source, DcRunRoom *room, DcRun *ret_run, GError **error)
{
  if (source->ops->run != NULL)
    return source->ops->run(source, ret_run, error);
  room->one = &room->event;
  *ret_run = (DcRun){.events = &room->one, .count = 1};
  return source->ops->next(source, &room->event, error);
}

void dc_source_free(DcSource *source); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcSource, dc_source_free)
