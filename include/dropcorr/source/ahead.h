/*
 * A source read in a thread of its own, ahead of whoever asks for its events, who then has them already prepared:
 * decoded, say. The events, their order and how it ends are the source's own.
 *
 * What comes before the first frame or drop, and this one, is read without the thread. From the call for the next event
 * on until dc_ahead_stop() the source belongs to the thread: nobody else may call it or look into it in between, except
 * through what comes out here. Only for sources that never wait.
 */
#pragma once

#include "dropcorr/source/source.h"

typedef struct {
  /* Called in the thread, for frames. event->frame may be changed; what it is to point to goes to room, of which there
   * are room_len bytes, aligned for anything: tells how many were used. Or another event is made there, and returned
   * instead of this one. It may use nothing else that is written meanwhile. NULL: not called, and no frames come. */
  DcEvent *(*prepare)(void *data, DcEvent *event, void *room, size_t *ret_used);
  size_t room_len; /* at most DC_AHEAD_ROOM_MAX */
  void *data;
} DcAheadOptions;

#define DC_AHEAD_ROOM_MAX 4096u

/* Takes the source. Frames lose their bytes once they are prepared: bytes is NULL. */
DcSource *dc_ahead_new(DcSource *source, const DcAheadOptions *options);

/* Ends the thread: the source can be asked what it knows. Events that were read and not taken are lost. */
void dc_ahead_stop(DcSource *ahead);
