/*
 * Packets of one link type in the form of another: for drops in a capture of "any", and for captures whose
 * interfaces differ, which libpcap would refuse. Private to the writers of captures.
 */
#pragma once

#include "dropcorr/model/event.h"
#include "pcapng_write.h"

#include <stdbool.h>

#define DC_COOKED_HEADER 20

/* A frame of any known link type as SLL2: header stands for its first ret_skip bytes. False: too short to tell. */
bool dc_cooked_frame(const DcFrame *frame, DcDirection direction, uint8_t header[static DC_COOKED_HEADER],
                     uint32_t *ret_skip);

/* A drop's bytes as a packet of interface 1 (kdrop) of a file of this link type and snaplen; header must live as
 * long as the packet. False when there is no such form. */
bool dc_cooked_drop(const DcDrop *drop, int dlt, uint32_t snaplen, uint8_t header[static DC_COOKED_HEADER],
                    DcPcapngWritePacket *ret_packet);
