#include "dropcorr/correlate/light_frame.h"

#include "brief_record.h"
#include "flow.h"

#include <string.h>

enum { PROTO_TCP = 6, ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };

_Static_assert(DC_LIGHT_REST_MAX == 2 * 16 + DC_BRIEF_RECORD_MAX, "addresses and a record");

/* What has more to it is told of the packet alone. */
static bool is_plain(const DcPacket *packet)
{
  return dc_packet_is_usual(packet) &&
         (packet->src.version == 4 ? packet->ethertype == ETHERTYPE_IPV4 : packet->ethertype == ETHERTYPE_IPV6);
}

static uint8_t *put_addresses(uint8_t *at, const DcAddr *peer, const DcAddr *local)
{
  const size_t len = peer->version == 4 ? 4 : sizeof peer->bytes;
  memcpy(at, peer->bytes, len);
  memcpy(at + len, local->bytes, len);
  return at + 2 * len;
}

bool dc_light_frame_make(DcLightFrame *ret_light, const DcFrame *frame, const DcDirections *directions)
{
  const DcPacket *packet = &frame->packet;
  if (!is_plain(packet) || dc_directions_is_loopback(frame))
    return false;
  const DcDirection direction = dc_directions_of(directions, frame);
  const bool in = direction == DC_DIRECTION_IN;
  if (in ? packet->vlan_count != 0 : direction != DC_DIRECTION_OUT)
    return false;
  const bool tcp = packet->ip_protocol == PROTO_TCP;
  const uint8_t flags = tcp ? packet->tcp_flags : 0;
  const uint32_t takes = packet->payload_len + ((flags & DC_TCP_SYN) != 0) + ((flags & DC_TCP_FIN) != 0);
  DcLightFrame *light = ret_light;
  light->number = frame->number;
  light->flow = dc_flow_hash_of(packet);
  light->tcp_seq = packet->tcp_seq;
  light->tcp_ack = packet->tcp_ack;
  light->end_seq = tcp ? packet->tcp_seq + takes : 0;
  light->tsval = packet->tsval;
  light->ip_id = (uint16_t)packet->ip_id; /* IPv6 has one in fragments only */
  light->peer_port = in ? packet->src_port : packet->dst_port;
  light->local_port = in ? packet->dst_port : packet->src_port;
  light->ethertype = packet->ethertype;
  light->protocol = packet->ip_protocol;
  light->tcp_flags = flags;
  light->sent = !in;
  light->waits = in && (!tcp || takes != 0);
  light->zero_window = packet->tcp_window == 0;
  light->has_tsval = (packet->has & DC_HAS_TIMESTAMP) != 0;
  const DcAddr *peer = in ? &packet->src : &packet->dst, *local = in ? &packet->dst : &packet->src;
  uint8_t *end = put_addresses(light->rest, peer, local);
  if (light->waits)
    end += dc_brief_pack_usual(packet, frame->len, frame->interface_id, end);
  light->rest_len = (uint8_t)(end - light->rest);
  return true;
}
