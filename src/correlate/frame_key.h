/* What drops are looked up by, which has to be what frames are kept by. */
#pragma once

#include "dropcorr/decode/normalise.h"
#include "dropcorr/model/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* Of all headers. */
uint64_t dc_key_of_headers(const DcNormal *normal);

/* What a packet is found by: its headers and the first bytes of its payload. False: these are cut off, on the wire or
 * by the capture; then the headers alone. */
bool dc_key_exact(const DcPacket *packet, const DcNormal *normal, uint64_t *ret_hash);

/* What two copies of a packet share whatever was rewritten on the way: ports and addresses aside. */
bool dc_key_has_loose(const DcPacket *packet);
uint32_t dc_key_loose(const DcPacket *packet);
