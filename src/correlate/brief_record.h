/*
 * A brief as it is kept for every frame of the window: without what this frame does not have. An IPv4 segment takes
 * less than half of a DcBrief.
 *
 *   | parts(2) direction(1) | has(4) len(4) ethertype(2) version(1) protocol(1) ttl(1) checksums(1) | parts in order |
 */
#pragma once

#include "dropcorr/model/verdict.h"

#include <stddef.h>

#define DC_BRIEF_RECORD_MAX 112

/* Returns the length, at most DC_BRIEF_RECORD_MAX. */
size_t dc_brief_pack(const DcBrief *brief, uint8_t record[DC_BRIEF_RECORD_MAX]);

/* TCP or UDP in IP, with MAC addresses or without. */
static inline bool dc_packet_is_usual(const DcPacket *packet)
{
  const uint32_t may = DC_HAS_MAC | DC_HAS_SRC_MAC | DC_HAS_PKTTYPE | DC_HAS_TIMESTAMP | DC_HAS_MSS;
  const uint32_t must = DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS;
  const uint32_t has = packet->has & ~may;
  return packet->status == DC_DECODE_OK && packet->l3_len <= UINT16_MAX &&
         ((packet->ip_protocol == 6 && has == (must | DC_HAS_TCP)) || (packet->ip_protocol == 17 && has == must));
}

/* Of a usual packet: the record of the brief that dc_brief_from_packet() makes of it, without a direction. */
size_t dc_brief_pack_usual(const DcPacket *packet, uint32_t len, uint32_t interface_id,
                           uint8_t record[DC_BRIEF_RECORD_MAX]);

static inline void dc_brief_record_set_direction(uint8_t *record, DcDirection direction)
{
  record[2] = (uint8_t)direction;
}

/* Of a record. */
size_t dc_brief_record_len(const uint8_t *record);

/* Gives the very brief that was packed. */
void dc_brief_unpack(DcBrief *ret_brief, const uint8_t *record);
