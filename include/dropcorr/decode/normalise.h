/*
 * The form in which a frame and a drop of the same packet are byte for byte equal,
 * although the kernel trimmed padding, took a VLAN tag off, lowered the TTL or
 * filled in a checksum in between (design: docs/correlation.md).
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <stddef.h>
#include <stdint.h>

#define DC_NORMAL_MAX 192

typedef struct {
  uint16_t header_len; /* bytes of L2-protocol marker + L3 + L4 header: must be equal in full */
  uint16_t len;        /* all bytes kept: header + payload prefix, at most DC_NORMAL_MAX */
  uint16_t wire_len;   /* normalised length on the wire: L3 length from its own header */
  bool whole;          /* header_len is complete: nothing of the headers was cut off */
  uint8_t bytes[DC_NORMAL_MAX];
} DcNormal;

/*
 * From the packet's own L3 on: 2 bytes ethertype, then for IP the header with TTL/hop
 * limit, TOS/traffic class/flow label and header checksum zeroed, the L4 header with its
 * checksum zeroed, then payload up to the IP length. Not IP: ethertype and L2 payload with
 * trailing padding cut (802.3: by its length field), the first 64 bytes of it as header. False
 * if there is nothing to compare.
 */
bool dc_normalise(const DcPacket *packet, const uint8_t *bytes, uint32_t caplen, uint32_t len, DcNormal *ret_normal);

/* Equal headers in full and equal payload over the common prefix. Neither may be cut in the headers. */
bool dc_normal_equal(const DcNormal *a, const DcNormal *b);
