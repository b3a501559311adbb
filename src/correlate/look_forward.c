/* Events that will be fed are looked at before: what they will need comes from far. */
#include "correlator_state.h"

/* Events are looked at in these distances before their turn: first what is needed first, then what that leads to. */
enum { SOON_TABLE = 12, SOON_FLOW = 8, SOON_ATTEMPT = 4 };

static inline uint32_t flow_of(const DcEvent *event)
{
  if (event->kind == DC_EVENT_LIGHT)
    return event->light.flow;
  return event->kind == DC_EVENT_FRAME && event->frame.keys != NULL ? event->frame.keys->flow : 0;
}

/* The acknowledgement that ends a handshake is, too: it comes so soon that the attempt is not far yet. */
static inline bool is_about_attempt(const DcEvent *event)
{
  return event->kind != DC_EVENT_LIGHT || (event->light.tcp_flags & DC_TCP_SYN) != 0;
}

void dc_correlator_look_forward(const DcCorrelator *self, DcEvent *const *events, size_t count)
{
  if (count > SOON_TABLE) {
    const DcEvent *event = events[SOON_TABLE];
    dc_flows_prefetch(self->flows, flow_of(event));
    if (event->kind == DC_EVENT_FRAME && event->frame.keys != NULL)
      dc_window_prefetch(self->window, event->frame.keys);
  }
  if (count > SOON_FLOW)
    dc_flows_prefetch_first(self->flows, flow_of(events[SOON_FLOW]));
  if (count > SOON_ATTEMPT && is_about_attempt(events[SOON_ATTEMPT]))
    dc_flows_prefetch_attempt(self->flows, flow_of(events[SOON_ATTEMPT]));
}
