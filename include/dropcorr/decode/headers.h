/*
 * Where the headers of a packet end and what people said to each other begins: for evidence that is
 * handed on. Pure; any thread.
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <stdint.h>

/*
 * How many of the captured bytes are headers, at most caplen: down to the transport header with its options, of a
 * tunnel down to that of the innermost packet; all of ARP, neighbour discovery and multicast group messages, which are
 * nothing else; of an ICMP error the quoted IP header and 8 bytes behind. Of other protocols, where nobody can tell,
 * the first 62 bytes behind the link header: as much as joining them to drops looks at (dropcorr/decode/normalise.h).
 */
uint32_t dc_headers_len(const DcPacket *packet, const uint8_t *bytes, uint32_t caplen, uint32_t len);
