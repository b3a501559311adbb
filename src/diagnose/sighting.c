/* Frames of which only the count matters: most of them. */
#include "diagnosis_state.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_IPV6 = 0x86dd };

static inline void count_time(DcDiagnosis *self, int64_t time_ns)
{
  if (self->summary.first_ns == DC_TIME_NONE || time_ns < self->summary.first_ns)
    self->summary.first_ns = time_ns;
  if (self->summary.last_ns == DC_TIME_NONE || time_ns > self->summary.last_ns)
    self->summary.last_ns = time_ns;
}

void dc_sighting_count(DcDiagnosis *self, const DcSighting *seen)
{
  count_time(self, seen->time_ns);
  if (seen->direction == DC_DIRECTION_OUT)
    return;
  self->inbound++;
  dc_series_add(&self->inbound_series, seen->time_ns);
  if (seen->direction == DC_DIRECTION_OTHER_HOST)
    return;
  self->ethertype_frames[seen->ethertype]++;
  if (!seen->has_ip)
    return;
  self->protocol_frames[seen->protocol]++;
  if (seen->has_ports && seen->protocol == PROTO_TCP)
    self->port_frames[0][seen->dst_port]++;
  else if (seen->has_ports && seen->protocol == PROTO_UDP)
    self->port_frames[1][seen->dst_port]++;
}

bool dc_sighting_take_light(void *data, const DcLightFrame *light, int64_t time_ns, DcFate fate)
{
  DcDiagnosis *self = data;
  if (self->listener.frame != NULL)
    return false;
  count_time(self, time_ns);
  self->summary.frames_seen++;
  self->summary.frames_by_fate[fate]++;
  if (light->sent)
    return true;
  self->inbound++;
  dc_series_add(&self->inbound_series, time_ns);
  self->ethertype_frames[light->ethertype]++;
  self->protocol_frames[light->protocol]++;
  self->port_frames[light->protocol == PROTO_TCP ? 0 : 1][light->local_port]++;
  return true;
}

bool dc_sighting_is_usual(const DcSighting *seen)
{
  const uint16_t type = seen->ethertype;
  return !seen->has_vlan && (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 || type == ETHERTYPE_ARP);
}

DcSighting dc_sighting_of(const DcFrameVerdict *verdict)
{
  const DcBrief *brief = &verdict->brief;
  return (DcSighting){
      .time_ns = verdict->time_ns,
      .ethertype = brief->flow.ethertype,
      .dst_port = brief->flow.dst_port,
      .protocol = brief->flow.protocol,
      .direction = brief->direction,
      .fate = verdict->fate,
      .has_ip = (brief->has & DC_HAS_IP) != 0,
      .has_ports = (brief->has & DC_HAS_PORTS) != 0,
      .has_vlan = brief->vlan_count != 0,
  };
}

/* What on_frame() would only count. */
bool dc_sighting_take(void *data, const DcSighting *seen)
{
  DcDiagnosis *self = data;
  if (self->listener.frame != NULL)
    return false;
  switch ((DcFate)seen->fate) {
  case DC_FATE_OUTBOUND:
  case DC_FATE_ANSWERED:
  case DC_FATE_CONSUMED:
    break;
  case DC_FATE_UNREMARKABLE:
    if (!dc_sighting_is_usual(seen))
      return false;
    break;
  case DC_FATE_REFUSED:
  case DC_FATE_DROPPED:
  case DC_FATE_UNHANDLED:
  case DC_FATE_SILENT:
  case DC_FATE_UNEXPLAINED:
  case DC_FATE_COUNT:
    return false;
  }
  dc_sighting_count(self, seen);
  self->summary.frames_seen++;
  self->summary.frames_by_fate[seen->fate]++;
  return true;
}
