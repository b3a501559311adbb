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

typedef struct {
  DcReadStatus (*next)(DcSource *source, DcEvent *ret_event, GError **error);
  /* The same without copying: the event stays the source's, may be changed, and is valid until the next call. NULL:
   * next is to be used. */
  DcReadStatus (*take)(DcSource *source, DcEvent **ret_event, GError **error);
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

/* room: for sources that have no event of their own to show. */
static inline DcReadStatus dc_source_take(DcSource *source, DcEvent *room, DcEvent **ret_event, GError **error)
{
  if (source->ops->take != NULL)
    return source->ops->take(source, ret_event, error);
  *ret_event = room;
  return source->ops->next(source, room, error);
}

void dc_source_free(DcSource *source); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcSource, dc_source_free)
