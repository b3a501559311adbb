/*
 * Which packets were seen lately, by the hash of their comparable form: tells the evidence
 * writer whether a drop's bytes are those of a frame it has just written. Bounded; a wrong answer costs a
 * superfluous or a missing copy in the file, never an analysis. Private.
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct DcSeenPackets DcSeenPackets;

DcSeenPackets *dc_seen_packets_new(void);
void dc_seen_packets_free(DcSeenPackets *seen);

void dc_seen_packets_add(DcSeenPackets *seen, DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len);
bool dc_seen_packets_has(const DcSeenPackets *seen, DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len);
