/* Events into the analysis, and what can be done to frames before they are fed. */
#include "analysis_state.h"

#include "dropcorr/correlate/light_frame.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"

void dc_analysis_tell_directions(DcAnalysis *analysis)
{
  /* A verdict that is printed needs all that there is to say of a frame: then none is light. */
  const bool wanted = !analysis->options->frames && analysis->listen_frame == NULL;
  const DcDirections *directions = wanted ? dc_correlator_directions(analysis->correlator) : NULL;
  analysis->directions_open = wanted && directions == NULL;
  atomic_store_explicit(&analysis->directions, directions, memory_order_release);
}

void dc_analysis_add_bridge_port(uint32_t ifindex, void *analysis)
{
  dc_correlator_add_bridge_port(((DcAnalysis *)analysis)->correlator, ifindex);
}

/* Whose payload was cut off, somebody else has summed. */
static void know_checksum(DcPacket *packet, uint8_t known)
{
  if (packet->l4_checksum == DC_CHECKSUM_UNKNOWN)
    packet->l4_checksum = known;
}

static void decode_frame(DcFrame *frame)
{
  dc_decode_packet((DcLink)frame->link, frame->bytes, frame->caplen, frame->len, true, &frame->packet);
  know_checksum(&frame->packet, frame->l4_checksum);
}

void dc_analysis_set_asked(DcAnalysis *analysis, const DcAsked *asked)
{
  analysis->asked = asked;
}

DcEvent *dc_analysis_prepare(const DcAnalysis *analysis, bool all, DcEvent *event, void *room, size_t *ret_used)
{
  DcFrame *frame = &event->frame;
  decode_frame(frame);
  const bool is_asked = dc_frame_is_asked(frame, analysis->expect_drops, all ? NULL : analysis->asked);
  if (!all && !is_asked) {
    const DcDirections *directions = atomic_load_explicit(&analysis->directions, memory_order_acquire);
    DcEvent *light = room;
    if (directions != NULL && dc_light_frame_make(&light->light, frame, directions)) {
      light->kind = DC_EVENT_LIGHT;
      light->time_ns = event->time_ns;
      *ret_used = dc_event_size(light);
      return light;
    }
  }
  DcFrameKeys *keys = room;
  frame->usual = dc_frame_keys_make_asked(keys, frame, analysis->expect_drops, is_asked);
  frame->keys = keys;
  *ret_used = offsetof(DcFrameKeys, record) + keys->record_len;
  return event;
}

void dc_analysis_feed_run(DcAnalysis *analysis, const DcRun *run)
{
  DcCorrelator *correlator = analysis->correlator;
  if (correlator == NULL || !analysis->begun || analysis->directions_open) {
    for (size_t i = 0; i < run->count; i++)
      dc_analysis_feed(analysis, run->events[i]);
    return;
  }
  for (size_t i = 0; i < run->count; i++) {
    DcEvent *event = run->events[i];
    dc_correlator_look_forward(correlator, run->events + i, run->count - i);
    if (event->kind != DC_EVENT_LIGHT) {
      dc_analysis_feed(analysis, event);
      continue;
    }
    analysis->frames++; /* there is nothing else to do of it here */
    dc_correlator_feed(correlator, event);
    dc_diagnosis_advance(analysis->diagnosis, event->time_ns);
  }
}

void dc_analysis_feed(DcAnalysis *analysis, DcEvent *event)
{
  size_t skipped = 0;
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    analysis->frames++;
    if (event->frame.keys == NULL)
      decode_frame(&event->frame);
    break;
  case DC_EVENT_LIGHT:
    analysis->frames++;
    break;
  case DC_EVENT_DROP:
    event->drop.number = ++analysis->drops;
    if (event->drop.caplen > 0) {
      dc_decode_packet((DcLink)event->drop.link, event->drop.bytes, event->drop.caplen, event->drop.orig_len, true,
                       &event->drop.packet);
      know_checksum(&event->drop.packet, event->drop.l4_checksum);
    }
    analysis->unasked += analysis->asked != NULL && !dc_asked_knows(analysis->asked, &event->drop);
    break;
  case DC_EVENT_SAMPLE:
    switch (dc_state_text_parse(analysis->state, &event->sample, &skipped)) {
    case DC_STATE_TEXT_PARSED:
    case DC_STATE_TEXT_UNKNOWN:
      break;
    case DC_STATE_TEXT_PARTIAL:
    case DC_STATE_TEXT_MALFORMED:
      analysis->unparsed_samples++;
      break;
    }
    if (analysis->correlator != NULL)
      dc_state_each_bridge_port(analysis->state, dc_analysis_add_bridge_port, analysis);
    break;
  case DC_EVENT_LOSS:
    if (analysis->diagnosis != NULL)
      dc_diagnosis_loss(analysis->diagnosis, &event->loss);
    break;
  }
  /* Offline, what comes before the first frame or drop comes before the start: live it must not move time
   * either, or a replay would decide at other moments. */
  analysis->begun |= event->kind != DC_EVENT_SAMPLE;
  if (analysis->correlator == NULL || !analysis->begun)
    return;
  dc_correlator_feed(analysis->correlator, event);
  if (analysis->directions_open)
    dc_analysis_tell_directions(analysis);
  dc_diagnosis_advance(analysis->diagnosis, event->time_ns);
}
