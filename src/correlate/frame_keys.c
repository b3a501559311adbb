#include "dropcorr/correlate/frame_keys.h"

#include "brief_record.h"
#include "flow.h"
#include "frame_key.h"

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
  return not_zero(dc_hash_bytes(normal->bytes, normal->header_len));
}

bool dc_key_exact(const DcPacket *packet, const DcNormal *normal, uint64_t *ret_hash)
{
  enum { MARKER = 2 }; /* the ethertype in front */
  size_t len = normal->header_len;
  if ((packet->has & DC_HAS_IP) != 0)
    len = MAX(len, MIN((size_t)MARKER + normal->wire_len, len + KEY_PAYLOAD));
  const bool complete = normal->len >= len;
  *ret_hash = complete ? not_zero(dc_hash_bytes(normal->bytes, len)) : dc_key_of_headers(normal);
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

void dc_frame_keys_make(DcFrameKeys *keys, const DcFrame *frame, bool drops)
{
  const DcPacket *packet = &frame->packet;
  DcBrief brief;
  dc_brief_from_packet(&brief, packet, frame->len, DC_DIRECTION_UNKNOWN);
  brief.interface_id = frame->interface_id;
  memset(keys, 0, offsetof(DcFrameKeys, record));
  keys->brief_len = (uint8_t)dc_brief_pack(&brief, keys->record);
  keys->record_len = keys->brief_len;
  if ((packet->has & DC_HAS_PORTS) != 0)
    keys->flow = dc_flow_hash(&brief.flow);
  DcNormal normal;
  if (!drops || !dc_normalise(packet, frame->bytes, frame->caplen, frame->len, &normal))
    return;
  keys->kept = true;
  uint8_t *at = keep(keys->record + keys->brief_len, &normal);
  if (normal.whole)
    keys->cut = !dc_key_exact(packet, &normal, &keys->exact);
  if (dc_key_has_loose(packet))
    keys->loose = dc_key_loose(packet);
  DcPacket inner;
  if (normalise_inner(frame, &inner, &normal)) {
    keys->cut |= !dc_key_exact(&inner, &normal, &keys->inner);
    /* | hash(8) link(4) | as above | */
    memcpy(at, &keys->inner, sizeof keys->inner);
    memset(at + 8, 0, 4);
    at = keep(at + 12, &normal);
  }
  keys->record_len = (uint16_t)(at - keys->record);
}
