/*
 * A packet of which no bytes are known, as words: what a log told of it, kept in an evidence file.
 *
 *   ethertype 0x0800 src 10.0.0.2 dst 10.0.0.1 protocol 6 sport 40001 dport 81 seq 17 ack 0 flags 0x02
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <stddef.h>

/* NULL: nothing is known. The caller frees. */
char *dc_packet_words(const DcPacket *packet);

/* False: no such words; unknown ones are passed over. */
bool dc_packet_words_parse(const char *text, size_t len, DcPacket *ret_packet);
