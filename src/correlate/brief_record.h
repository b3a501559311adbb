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

/* Gives the very brief that was packed. */
void dc_brief_unpack(DcBrief *ret_brief, const uint8_t *record);
