/*
 * frame: builds one Ethernet frame, header by header, for the lab's injector.
 *
 * The lab needs frames an ordinary socket refuses to send: wrong checksums,
 * foreign source addresses, other hosts' MAC addresses, lone fragments,
 * ethertypes nobody speaks.  Everything that may be wrong on purpose is a
 * field of FrameSpec; everything else is computed.
 *
 * Frames are built into a caller's buffer; nothing is allocated.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 1514 + 4 }; /* Ethernet II with one VLAN tag */

typedef enum {
  FRAME_TCP,
  FRAME_UDP,
  FRAME_ICMP,
  FRAME_IP,    /* any other IP protocol, body of zeros */
  FRAME_STP,   /* 802.3 length frame, LLC DSAP/SSAP 0x42, a BPDU */
  FRAME_LLC,   /* 802.3 length frame with a freely chosen SAP */
  FRAME_LLDP,  /* ethertype 0x88cc, a minimal LLDPDU */
  FRAME_ETHER, /* freely chosen ethertype, body of zeros */
} FrameKind;

typedef struct {
  FrameKind kind;
  uint8_t smac[6];
  uint8_t dmac[6];
  int vlan; /* 802.1Q id, or -1 for an untagged frame */

  /* Network layer: `family` is AF_INET or AF_INET6, both addresses follow it. */
  int family;
  struct in6_addr src;
  struct in6_addr dst; /* an IPv4 address lies in the first four bytes */
  uint16_t ip_id;
  uint8_t ttl;
  uint8_t ip_proto; /* FRAME_IP only */
  bool more_fragments;
  bool dont_fragment;   /* IPv4 only */
  uint16_t frag_offset; /* in bytes, a multiple of 8 */
  bool bad_ip_checksum; /* IPv4 only: IPv6 has no header checksum */

  /* Transport layer, ports in host order. */
  uint16_t sport;
  uint16_t dport;
  bool bad_checksum;
  size_t payload_len;
  const char *payload; /* NULL: a repeating alphabet */
  uint32_t seq;
  uint32_t ack;
  uint8_t tcp_flags;
  uint16_t window;
  bool tcp_options; /* a SYN carries MSS, SACK, TS, window scale; others TS */
  uint32_t tsval;
  uint32_t tsecr;
  uint16_t mss;
  uint8_t wscale;
  uint8_t icmp_type;
  uint8_t icmp_code;

  /* Link layer kinds. */
  uint16_t ethertype; /* FRAME_ETHER */
  uint8_t sap;        /* FRAME_LLC: both DSAP and SSAP */
  size_t llc_len;     /* 802.3 length field of FRAME_STP and FRAME_LLC */
} FrameSpec;

/* Parses "10.0.0.2" or "fd00::2"; returns the family, or 0 when it is neither. */
int frame_parse_address(const char *text, struct in6_addr *ret_address);

/* Parses "02:00:00:00:00:01"; false when it is no MAC address. */
bool frame_parse_mac(const char *text, uint8_t ret_mac[static 6]);

/*
 * Writes the frame into `buf` (FRAME_MAX bytes) and returns its length, padded
 * to Ethernet's minimum of 60 bytes where the layers above are shorter only if
 * `kind` is a link layer kind.  Returns 0 when the payload does not fit.
 */
size_t frame_build(const FrameSpec *spec, uint8_t buf[static FRAME_MAX]);

/*
 * Writes fragment number `index` (from 0) of a built IP frame into `buf` and returns its
 * length: `piece` bytes of the datagram each, a multiple of 8.  Returns 0 when the
 * datagram ends before that fragment.  The whole datagram's checksum stays valid.
 */
size_t frame_fragment(const uint8_t *frame, size_t len, size_t piece, size_t index, uint8_t buf[static FRAME_MAX]);
