/*
 * Frame and drop bytes into DcPacket. Pure functions of their input: no I/O, no
 * allocation, any thread. Never reads beyond caplen; malformed input is data (see
 * DcPacket.status), never an error.
 *
 * Sources: IEEE 802.3, 802.1Q; RFC 826, 791, 8200, 9293, 768, 792, 4443, 4861, 9260,
 * 2784, 2890, 2003, 7348; linux/if_ether.h (eth_type_trans() of net/ethernet/eth.c for
 * what skb->protocol of a length frame is); libpcap's SLL and SLL2 headers.
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <stddef.h>

/* len: on the wire. Checksums are verified only when `checksums` is set (they touch
 * every payload byte) and only where all covered bytes were captured. */
void dc_decode_packet(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, bool checksums,
                      DcPacket *ret_packet);

/* The packet inside a tunnel (has DC_HAS_INNER); false when there is none. Offsets
 * in ret_inner count from the outer packet's first byte. */
bool dc_decode_inner(const DcPacket *outer, const uint8_t *bytes, uint32_t caplen, uint32_t len, DcPacket *ret_inner);

/* DLT_ number (pcap/dlt.h) to DcLink, DC_LINK_UNKNOWN for the rest. */
DcLink dc_link_from_dlt(int dlt);
int dc_link_to_dlt(DcLink link);
const char *dc_link_name(DcLink link);

/* "tcp", "udp", "icmp", "ipv6-icmp", "sctp" ... (IANA), or the number as text. */
const char *dc_ip_protocol_name(uint8_t protocol, char scratch[static 4]);

/* Address as text (inet_ntop form) and back. */
#define DC_ADDR_TEXT_MAX 46
const char *dc_addr_format(const DcAddr *addr, char text[static DC_ADDR_TEXT_MAX]);
bool dc_addr_parse(const char *text, DcAddr *ret_addr);
#define DC_MAC_TEXT_MAX 18
const char *dc_mac_format(const uint8_t mac[6], char text[static DC_MAC_TEXT_MAX]);
bool dc_mac_parse(const char *text, uint8_t ret_mac[6]);
