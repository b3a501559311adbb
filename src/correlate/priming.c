/* The first events wait until it is known which way frames go. */
#include "correlator_state.h"

#include <string.h>

/* Direction is inferred from the first events: so long at least, so many or so many bytes at most. */
#define PRIMING_NS (5 * DC_NS_PER_S)
#define PRIMING_EVENTS 4096u
#define PRIMING_BYTES (8u << 20)
#define PRIMING_STEP 64u

typedef struct {
  DcEvent event;
  DcFrameKeys keys; /* of a frame, when the event has them */
  uint8_t bytes[];
} HeldEvent;

void dc_correlator_end_priming(DcCorrelator *self)
{
  g_autoptr(GPtrArray) priming = g_steal_pointer(&self->priming);
  dc_directions_infer(self->directions);
  for (guint i = 0; i < priming->len; i++)
    dc_correlator_process(self, &((HeldEvent *)g_ptr_array_index(priming, i))->event);
}

void dc_correlator_prime(DcCorrelator *self, const DcEvent *event)
{
  uint32_t kept = 0;
  const uint8_t *bytes = NULL;
  if (event->kind == DC_EVENT_FRAME) {
    dc_directions_learn_frame(self->directions, &event->frame);
    kept = event->frame.caplen;
    bytes = event->frame.bytes;
  } else if (event->kind == DC_EVENT_DROP) {
    dc_directions_learn_drop(self->directions, &event->drop);
    kept = event->drop.caplen;
    bytes = event->drop.bytes;
  }
  if (kept == 0 || bytes == NULL) {
    kept = 0;
    bytes = NULL;
  }
  HeldEvent *held = g_malloc(sizeof *held + kept);
  memcpy(&held->event, event, dc_event_size(event));
  if (kept != 0)
    memcpy(held->bytes, bytes, kept);
  if (event->kind == DC_EVENT_FRAME && event->frame.keys != NULL) {
    memcpy(&held->keys, event->frame.keys, offsetof(DcFrameKeys, record) + event->frame.keys->record_len);
    held->event.frame.keys = &held->keys;
  }
  if (event->kind == DC_EVENT_FRAME)
    held->event.frame.bytes = kept != 0 ? held->bytes : NULL;
  else if (event->kind == DC_EVENT_DROP)
    held->event.drop.bytes = kept != 0 ? held->bytes : NULL;
  g_ptr_array_add(self->priming, held);

  if (event->time_ns != DC_TIME_NONE && self->priming_begin_ns == DC_TIME_NONE)
    self->priming_begin_ns = event->time_ns;
  self->priming_bytes += sizeof *held + kept;
  bool full = self->priming->len >= PRIMING_EVENTS || self->priming_bytes >= PRIMING_BYTES;
  bool long_enough = event->time_ns != DC_TIME_NONE && event->time_ns - self->priming_begin_ns > PRIMING_NS;
  /* Not conclusive yet (only questions so far, say): wait for more. */
  if (!full && long_enough && self->priming->len % PRIMING_STEP == 0)
    dc_directions_infer(self->directions);
  if (full || (long_enough && dc_directions_known(self->directions)))
    dc_correlator_end_priming(self);
}
