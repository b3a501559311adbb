/* Light frames through the correlator: what process_frame() (correlator.c) does of any frame, of what these have. */
#include "correlator_state.h"

#include "dropcorr/base/word.h"

#include <string.h>

enum { PROTO_TCP = 6, ETHERTYPE_IPV4 = 0x0800 };

/* In the pieces in which keys are compared. */
static inline void flow_key(const DcLightFrame *light, DcFlowKey *key)
{
  const bool v4 = light->ethertype == ETHERTYPE_IPV4;
  const size_t len = v4 ? 4 : 16;
  if (v4) {
    dc_addr_bytes_set_ipv4(key->src, dc_word32(light->rest));
    dc_addr_bytes_set_ipv4(key->dst, dc_word32(light->rest + len));
  } else {
    memcpy(key->src, light->rest, sizeof key->src);
    memcpy(key->dst, light->rest + len, sizeof key->dst);
  }
  key->src_port = light->peer_port;
  key->dst_port = light->local_port;
  dc_flow_key_set_kind(key, light->ethertype, v4 ? 4 : 6, light->protocol);
}

static inline const uint8_t *record_of(const DcLightFrame *light, size_t *ret_len)
{
  const size_t addresses = light->ethertype == ETHERTYPE_IPV4 ? 8 : 32;
  *ret_len = light->rest_len - addresses;
  return light->rest + addresses;
}

static inline DcSegment segment_of(const DcLightFrame *light, int64_t time_ns)
{
  return (DcSegment){.number = light->number,
                     .time_ns = time_ns,
                     .seq = light->tcp_seq,
                     .ack = light->tcp_ack,
                     .tsval = light->tsval,
                     .flags = light->tcp_flags,
                     .has_tsval = light->has_tsval,
                     .zero_window = light->zero_window};
}

/* Of which nothing more will be said. */
static void give(DcCorrelator *self, const DcLightFrame *light, const DcFlowKey *key, int64_t time_ns, DcFate fate)
{
  if (self->sink.light != NULL && self->sink.light(self->sink.data, light, time_ns, fate)) {
    self->stats.frames_by_fate[fate]++;
    return;
  }
  /* A sink that wants to know more of each frame is fed frames that are not light; this is what there is. */
  DcFrameVerdict verdict = {.frame = light->number, .time_ns = time_ns, .answer_ns = -1, .fate = (uint8_t)fate};
  verdict.brief.flow = *key;
  if (light->sent)
    dc_flow_key_reverse(&verdict.brief.flow, key);
  verdict.brief.direction = light->sent ? DC_DIRECTION_OUT : DC_DIRECTION_IN;
  verdict.brief.has = DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS;
  dc_correlator_give_frame(self, &verdict, NULL);
}

static void process_outbound(DcCorrelator *self, const DcLightFrame *light, const DcFlowKey *key, int64_t time_ns)
{
  DcFlow *flow;
  if (light->protocol == PROTO_TCP) {
    flow = dc_flows_get(self->flows, key, light->flow, time_ns, dc_answer_evict, self);
    const DcSegment segment = segment_of(light, time_ns);
    dc_answer_segment_sent(self, flow, &segment);
  } else {
    flow = dc_flows_find(self->flows, key, light->flow);
  }
  if (flow != NULL) {
    flow->last_out_ns = time_ns;
    dc_flows_touch(self->flows, flow, time_ns);
  }
  give(self, light, key, time_ns, DC_FATE_OUTBOUND);
}

static void process_inbound(DcCorrelator *self, const DcLightFrame *light, const DcFlowKey *key, int64_t time_ns)
{
  DcFlow *flow = dc_flows_get(self->flows, key, light->flow, time_ns, dc_answer_evict, self);
  dc_flows_touch(self->flows, flow, time_ns);
  DcSlot *slot = NULL;
  uint64_t position = 0;
  if (light->waits) {
    size_t len;
    const uint8_t *record = record_of(light, &len);
    dc_correlator_make_room(self);
    slot = dc_window_add_light(self->window, light, record, len, &position);
    slot->time_ns = time_ns;
    slot->flow = dc_flows_index(self->flows, flow);
    slot->flow_generation = flow->generation;
    dc_correlator_slot_added(self, slot);
  }
  if (light->protocol == PROTO_TCP) {
    const DcSegment segment = segment_of(light, time_ns);
    dc_answer_segment_came(self, flow, &segment, slot, position);
  }
  if (slot == NULL) /* nothing answers an acknowledgement: dc_answer_decide() can say no more of it later */
    give(self, light, key, time_ns, DC_FATE_UNREMARKABLE);
}

/* So many frames before its turn the table is looked into, and its flow. More than this costs more than it saves. */
enum { TABLE_AHEAD = 6, FLOW_AHEAD = 3 };

void dc_correlator_look_forward(const DcCorrelator *self, DcEvent *const *events, size_t count)
{
  if (count > TABLE_AHEAD && events[TABLE_AHEAD]->kind == DC_EVENT_LIGHT)
    dc_flows_prefetch(self->flows, events[TABLE_AHEAD]->light.flow);
  if (count > FLOW_AHEAD && events[FLOW_AHEAD]->kind == DC_EVENT_LIGHT)
    dc_flows_prefetch_first(self->flows, events[FLOW_AHEAD]->light.flow);
}

void dc_correlator_process_light(DcCorrelator *self, const DcLightFrame *light, int64_t time_ns)
{
  DcFlowKey key;
  flow_key(light, &key);
  if (light->sent)
    process_outbound(self, light, &key, time_ns);
  else
    process_inbound(self, light, &key, time_ns);
}
