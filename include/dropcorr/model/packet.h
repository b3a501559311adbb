/*
 * A decoded packet: what the analysis needs of a frame's or a drop's bytes, as a
 * plain value. Filled by dc_decode_packet(); offsets count from the first byte
 * handed to it. A field is meaningful only where its `has` bit or layer says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint8_t bytes[16]; /* IPv4: the first 4, rest zero. Network order. */
  uint8_t version;   /* 4, 6, or 0 for none */
} DcAddr;

/* Of an IPv4 address, a word as it is in memory. All 16 in one piece, as they are read: what was just stored in several
 * is slow to load (store forwarding). */
static inline void dc_addr_bytes_set_ipv4(uint8_t bytes[16], uint32_t word)
{
  typedef uint32_t Words __attribute__((vector_size(16)));
  const Words words = {word, 0, 0, 0};
  memcpy(bytes, &words, sizeof words);
}

typedef enum {
  DC_LINK_ETHERNET, /* DLT_EN10MB */
  DC_LINK_SLL,      /* DLT_LINUX_SLL */
  DC_LINK_SLL2,     /* DLT_LINUX_SLL2 */
  DC_LINK_RAW,      /* DLT_RAW / IPV4 / IPV6: starts at the IP header */
  DC_LINK_NULL,     /* DLT_NULL / DLT_LOOP: 4-byte address family */
  DC_LINK_UNKNOWN
} DcLink;

typedef enum {
  DC_CHECKSUM_UNKNOWN, /* bytes missing, fragment, or none to check */
  DC_CHECKSUM_GOOD,
  DC_CHECKSUM_BAD,
  DC_CHECKSUM_PARTIAL, /* only the pseudo-header's sum, here or in the packet inside: checksum offload, filled in by the
                          NIC */
  DC_CHECKSUM_ABSENT   /* UDP with checksum 0 (over IPv6 sockets take it on request only) */
} DcChecksum;

typedef enum {
  DC_HAS_MAC = 1 << 0,
  DC_HAS_ETHERTYPE = 1 << 1,
  DC_HAS_LLC = 1 << 2,
  DC_HAS_ARP = 1 << 3,
  DC_HAS_IP = 1 << 4,          /* version, addresses, protocol are valid */
  DC_HAS_PORTS = 1 << 5,       /* TCP, UDP, SCTP, DCCP, UDP-Lite ports */
  DC_HAS_TCP = 1 << 6,         /* seq, ack, flags, window */
  DC_HAS_TIMESTAMP = 1 << 7,   /* TCP timestamps option */
  DC_HAS_ICMP = 1 << 8,        /* type, code (ICMP or ICMPv6) */
  DC_HAS_QUOTE = 1 << 9,       /* ICMP error: the quoted packet's tuple */
  DC_HAS_ND_TARGET = 1 << 10,  /* ICMPv6 NS/NA target */
  DC_HAS_INNER = 1 << 11,      /* a tunnel: inner_* tell where the inner packet starts */
  DC_HAS_FRAGMENT = 1 << 12,   /* part of a fragmented datagram (offset or MF) */
  DC_HAS_ECHO = 1 << 13,       /* ICMP echo identifier and sequence */
  DC_HAS_IP_OPTIONS = 1 << 14, /* IPv4 options; IPv6 extension headers other than a fragment's */
  DC_HAS_SNAP = 1 << 15,
  DC_HAS_PKTTYPE = 1 << 16, /* SLL/SLL2 packet type */
  DC_HAS_MSS = 1 << 17,
  DC_HAS_SRC_MAC = 1 << 18,  /* src_mac; SLL and SLL2 carry the sender's alone, so without DC_HAS_MAC */
  DC_HAS_TCP_FLAGS = 1 << 19 /* tcp_flags alone, of a text log that tells no sequence number */
} DcHas;

/* What stopped the decoder. Malformed packets are data: everything read before stays. */
typedef enum {
  DC_DECODE_OK,
  DC_DECODE_SHORT,     /* capture ends inside a header (snaplen) */
  DC_DECODE_MALFORMED, /* a length or version contradicts the bytes */
  DC_DECODE_UNKNOWN    /* a protocol this decoder does not know: nothing wrong */
} DcDecodeStatus;

enum {
  DC_TCP_FIN = 0x01,
  DC_TCP_SYN = 0x02,
  DC_TCP_RST = 0x04,
  DC_TCP_PSH = 0x08,
  DC_TCP_ACK = 0x10,
  DC_TCP_URG = 0x20
};

/* What most frames are asked for comes first: it lies in two cache lines. Up to DC_PACKET_USUAL is what a TCP segment
 * or a datagram of UDP is asked for once its bytes are gone. */
typedef struct {
  uint32_t has;   /* DcHas bits */
  uint8_t link;   /* DcLink */
  uint8_t status; /* DcDecodeStatus */
  uint8_t vlan_count;
  uint8_t ip_protocol; /* of the last header: after IPv6 extension headers */
  uint8_t src_mac[6];
  uint8_t dst_mac[6];
  uint16_t ethertype; /* as the kernel's skb->protocol after VLAN tags: 0x0004 for 802.3 length
                         frames with LLC, 0x0001 for 802.3 raw (0xffff), SNAP keeps 0x0004 */
  uint8_t tcp_flags;
  bool fragment_more;
  DcAddr src, dst; /* IP source and destination; ARP sender and target protocol address */
  uint16_t src_port, dst_port;
  uint16_t fragment_offset; /* bytes */
  uint32_t tcp_seq, tcp_ack;
  uint32_t payload_len; /* on the wire, from the IP length; may exceed what was captured */
  uint32_t ip_id;       /* IPv4 id, or IPv6 fragment id */
  uint16_t tcp_window;
  uint16_t echo_id, echo_seq;
  uint16_t arp_op;
  uint8_t icmp_type, icmp_code;
  uint8_t pkttype; /* SLL: 0 host, 1 broadcast, 2 multicast, 3 other host, 4 outgoing */
  uint8_t ttl;
  uint32_t tsval, tsecr;

  uint8_t tos;
  uint8_t ip_checksum; /* DcChecksum */
  uint8_t l4_checksum; /* DcChecksum */
  uint16_t vlan[2];    /* VLAN ids, outer first */
  uint16_t vlan_proto; /* outer tag's ethertype, 0x8100 or 0x88a8 */
  uint8_t llc_dsap, llc_ssap, llc_control;
  uint16_t snap_protocol;
  uint16_t tcp_mss;
  uint32_t sll_ifindex;

  uint32_t l3_offset; /* IP or ARP header */
  uint32_t l3_len;    /* from the IP header's length, without Ethernet padding; may exceed what was captured */
  uint32_t l4_offset;
  uint32_t payload_offset; /* after the L4 header; of a later fragment, after the network header */
  DcAddr nd_target;

  /* ICMP errors: the quoted packet */
  DcAddr quote_src, quote_dst;
  uint8_t quote_protocol;
  uint16_t quote_src_port, quote_dst_port;
  uint16_t quote_id;  /* IPv4 identification, 0 where there is none */
  uint32_t quote_seq; /* TCP sequence number when quoted far enough, else 0 */

  /* Tunnels (GRE, IPIP, 6in4, VXLAN): decode again from here with inner_link */
  uint32_t inner_offset;
  uint8_t inner_link; /* DcLink */
} DcPacket;

#define DC_PACKET_USUAL offsetof(DcPacket, llc_dsap)

static inline bool dc_addr_equal(const DcAddr *a, const DcAddr *b)
{
  return a->version == b->version && __builtin_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
