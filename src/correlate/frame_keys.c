#include "dropcorr/correlate/frame_keys.h"

#include "brief_record.h"
#include "flow.h"
#include "frame_key.h"
#include "window.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <string.h>

/* Datagrams of one flow may have equal headers: the first bytes behind them tell them apart. */
#define KEY_PAYLOAD 32

_Static_assert(DC_BRIEF_RECORD_MAX == 112, "DC_FRAME_RECORD_MAX holds a brief");

static uint64_t not_zero(uint64_t hash)
{
  return hash != 0 ? hash : 1;
}

uint64_t dc_key_of_headers(const DcNormal *normal)
{
  return not_zero(dc_hash_padded(normal->bytes, normal->header_len));
}

bool dc_key_exact(const DcPacket *packet, const DcNormal *normal, uint64_t *ret_hash)
{
  enum { MARKER = 2 }; /* the ethertype in front */
  size_t len = normal->header_len;
  if ((packet->has & DC_HAS_IP) != 0)
    len = MAX(len, MIN((size_t)MARKER + normal->wire_len, len + KEY_PAYLOAD));
  const bool complete = normal->len >= len;
  *ret_hash = complete ? not_zero(dc_hash_padded(normal->bytes, len)) : dc_key_of_headers(normal);
  return complete;
}

bool dc_key_has_loose(const DcPacket *packet)
{
  return (packet->has & DC_HAS_IP) != 0 && (packet->has & DC_HAS_FRAGMENT) == 0 &&
         ((packet->has & DC_HAS_PORTS) == 0 || packet->ip_protocol != 6 || (packet->has & DC_HAS_TCP) != 0);
}

uint32_t dc_key_loose(const DcPacket *packet)
{
  uint64_t hash;
  if ((packet->has & DC_HAS_TCP) != 0)
    hash = dc_hash_words(((uint64_t)packet->tcp_seq << 32) | packet->tcp_ack,
                         ((uint64_t)packet->tcp_flags << 8) | packet->ip_protocol);
  else
    hash = dc_hash_words(((uint64_t)packet->ip_id << 32) | packet->l3_len, packet->ip_protocol);
  return (uint32_t)hash != 0 ? (uint32_t)hash : 1;
}

/* As DcKept reads it (window.c). The hash is 0 where the headers are not whole: then all bytes follow. */
static uint8_t *keep(uint8_t *at, const DcNormal *normal)
{
  const size_t covered = normal->whole ? normal->header_len : 0;
  const size_t kept = MIN(normal->len, MAX(DC_FRAME_KEPT_MAX, covered)) - covered;
  const uint64_t headers = covered != 0 ? dc_key_of_headers(normal) : 0;
  *at++ = (uint8_t)normal->header_len;
  *at++ = (uint8_t)kept;
  memcpy(at, &headers, sizeof headers);
  at += sizeof headers;
  memcpy(at, normal->bytes + covered, kept);
  return at + kept;
}

_Static_assert(DC_NORMAL_MAX <= UINT8_MAX, "lengths of normalised bytes fit");

static bool normalise_inner(const DcFrame *frame, DcPacket *inner, DcNormal *normal)
{
  const DcPacket *packet = &frame->packet;
  return (packet->has & DC_HAS_INNER) != 0 && dc_decode_inner(packet, frame->bytes, frame->caplen, frame->len, inner) &&
         dc_normalise(inner, frame->bytes, frame->caplen, frame->len, normal) && normal->whole;
}

static bool is_echo_request(const DcPacket *packet)
{
  enum { ICMP4_ECHO = 8, ICMP6_ECHO = 128, PROTO_ICMP6 = 58 };
  return (packet->has & DC_HAS_ECHO) != 0 &&
         packet->icmp_type == (packet->ip_protocol == PROTO_ICMP6 ? ICMP6_ECHO : ICMP4_ECHO);
}

static void fill_hot(DcFrameKeys *keys, const DcPacket *packet)
{
  const uint32_t has = packet->has;
  unsigned flags = packet->vlan_count != 0 ? DC_SLOT_VLAN : 0;
  keys->ip_id = packet->ip_id;
  if ((has & DC_HAS_ETHERTYPE) != 0)
    keys->ethertype = packet->ethertype;
  if ((has & DC_HAS_IP) != 0) {
    flags |= DC_SLOT_IP;
    keys->protocol = packet->ip_protocol;
  }
  if ((has & DC_HAS_PORTS) != 0) {
    flags |= DC_SLOT_PORTS;
    keys->dst_port = packet->dst_port;
  }
  if ((has & DC_HAS_TCP) != 0) {
    const uint8_t tcp = packet->tcp_flags;
    const uint32_t takes = packet->payload_len + ((tcp & DC_TCP_SYN) != 0) + ((tcp & DC_TCP_FIN) != 0);
    flags |= DC_SLOT_TCP;
    if ((tcp & DC_TCP_RST) != 0)
      flags |= DC_SLOT_RESET;
    if (takes != 0)
      flags |= DC_SLOT_TAKES_SEQUENCE;
    keys->end_seq = packet->tcp_seq + takes;
  } else if (is_echo_request(packet)) {
    flags |= DC_SLOT_ECHO;
    keys->end_seq = packet->echo_seq;
  }
  keys->flags = (uint16_t)flags;
}

void dc_frame_keys_make(DcFrameKeys *keys, const DcFrame *frame, bool drops)
{
  const DcPacket *packet = &frame->packet;
  DcBrief brief;
  dc_brief_from_packet(&brief, packet, frame->len, DC_DIRECTION_UNKNOWN);
  brief.interface_id = frame->interface_id;
  memset(keys, 0, offsetof(DcFrameKeys, record));
  keys->brief_len = (uint8_t)dc_brief_pack(&brief, keys->record);
  keys->record_len = keys->brief_len;
  fill_hot(keys, packet);
  if ((packet->has & DC_HAS_PORTS) != 0)
    keys->flow = dc_flow_hash(&brief.flow);
  DcNormal normal;
  if (!drops || !dc_normalise(packet, frame->bytes, frame->caplen, frame->len, &normal))
    return;
  keys->flags |= DC_SLOT_KEPT;
  uint8_t *at = keep(keys->record + keys->brief_len, &normal);
  if (normal.whole)
    keys->cut = !dc_key_exact(packet, &normal, &keys->exact);
  if (dc_key_has_loose(packet))
    keys->loose = dc_key_loose(packet);
  DcPacket inner;
  if (normalise_inner(frame, &inner, &normal)) {
    keys->flags |= DC_SLOT_INNER;
    keys->cut |= !dc_key_exact(&inner, &normal, &keys->inner);
    /* | hash(8) link(4) | as above | */
    memcpy(at, &keys->inner, sizeof keys->inner);
    memset(at + 8, 0, 4);
    at = keep(at + 12, &normal);
  }
  keys->record_len = (uint16_t)(at - keys->record);
}

bool dc_frame_is_asked(const DcFrame *frame, bool drops, const DcAsked *asked)
{
  if (!dc_packet_is_usual(&frame->packet))
    return true;
  return drops && (asked == NULL || dc_asked_has(asked, dc_key_loose(&frame->packet)));
}

bool dc_frame_keys_make_asked(DcFrameKeys *keys, const DcFrame *frame, bool drops, bool is_asked)
{
  const DcPacket *packet = &frame->packet;
  if (is_asked) {
    dc_frame_keys_make(keys, frame, drops);
    return dc_packet_is_usual(packet);
  }
  memset(keys, 0, offsetof(DcFrameKeys, record));
  keys->brief_len = (uint8_t)dc_brief_pack_usual(packet, frame->len, frame->interface_id, keys->record);
  keys->record_len = keys->brief_len;
  fill_hot(keys, packet);
  keys->flow = dc_flow_hash_of(packet);
  keys->unasked = true;
  return true;
}
