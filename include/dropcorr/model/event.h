/*
 * The four kinds of evidence, on one timeline. Sources produce events, the
 * correlator consumes them; nobody else invents them.
 *
 * Byte and string pointers are borrowed from the producer: valid until the next
 * call to the same source. Interned strings (symbol, reason, names) live as long
 * as the source.
 */
#pragma once

#include "dropcorr/base/clock.h"
#include "dropcorr/model/packet.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
  DC_DIRECTION_UNKNOWN,
  DC_DIRECTION_IN,
  DC_DIRECTION_OUT,
  DC_DIRECTION_OTHER_HOST, /* addressed to another machine's MAC: seen because of promiscuous mode */
  DC_DIRECTION_COUNT
} DcDirection;

struct DcFrameKeys;

typedef struct {
  uint64_t number;                /* 1-based, as tcpdump and Wireshark count frames of the file */
  int64_t time_ns;                /* CLOCK_REALTIME at the tap */
  const struct DcFrameKeys *keys; /* made ahead by dc_frame_keys_make(), borrowed; then bytes may be NULL. NULL: none */
  const uint8_t *bytes;           /* caplen bytes, borrowed */
  uint32_t caplen, len;           /* bytes captured, bytes on the wire */
  uint32_t interface_id;          /* index into the source's interfaces, 0 for the first */
  uint32_t ifindex;               /* kernel's ifindex where known, else 0 */
  uint8_t link;                   /* DcLink */
  uint8_t direction;              /* DcDirection as the source knows it (SLL, pcapng flags, live) or UNKNOWN */
  uint8_t l4_checksum; /* DcChecksum as the source knows it, of a payload that was cut off since; else UNKNOWN */
  bool usual;          /* of packet there is what comes before DC_PACKET_USUAL, no more: it has keys, and no bytes */
  DcPacket packet;     /* decoded by dc_decode_packet() before the correlator sees it; last */
} DcFrame;

typedef enum {
  DC_DROP_NETDM_PACKET,   /* NET_DM packet alert: bytes, ns clock */
  DC_DROP_NETDM_SUMMARY,  /* NET_DM summary alert: location and count, about 1 s late */
  DC_DROP_NETDM_HARDWARE, /* NET_DM hardware drop: devlink trap */
  DC_DROP_TRACEPOINT,     /* skb:kfree_skb, live */
  DC_DROP_TEXT            /* a text log of some tool */
} DcDropKind;

typedef struct {
  uint64_t number;                    /* 1-based over all drop sources, in order of arrival */
  int64_t time_ns;                    /* CLOCK_REALTIME; DC_TIME_NONE where the log has no time */
  int64_t precision_ns;               /* the true time lies in [time_ns - precision_ns, time_ns]; 0 = exact */
  uint8_t kind;                       /* DcDropKind */
  uint64_t pc;                        /* return address, 0 when hidden or unknown */
  const char *symbol;                 /* function without compiler suffix (.isra.0, .cold), interned; NULL unknown */
  uint32_t offset, size;              /* of the return address in the function; size 0 unknown */
  const char *module;                 /* NULL: built in or unknown */
  const char *location;               /* verbatim, as the log or kernel printed it; may be NULL */
  const char *reason;                 /* verbatim without SKB_DROP_REASON_ prefix; NULL where the kernel gave none */
  int32_t protocol;                   /* skb->protocol in host order, -1 unknown */
  uint32_t in_ifindex;                /* 0 unknown or none */
  const char *in_ifname;              /* hardware drops and some logs; NULL */
  const char *trap_group, *trap_name; /* hardware drops */
  uint64_t skb;                       /* skb address, 0 unknown (tracepoint) */
  int64_t rx_time_ns;                 /* reception of that skb (net:netif_receive_skb), 0 unknown */
  int64_t rx_wait_ns;                 /* so long before, it was put into the CPU's backlog (net:netif_rx); a frame is
                                         stamped there or at its reception; 0: it was not, or unknown */
  int64_t rx_passed_ns;               /* so long before, a device of the same name had received it, and nobody freed it
                                         since: it was passed on to another namespace; 0: it was not, or unknown */
  int64_t rx_before_ns, rx_after_ns; /* so long before, and after, it came in (as frames are stamped), another packet of
                                        that length did: a frame nearer to one of these is that packet; 0: none */
  uint32_t rx_len;                   /* its length there: without the MAC header; 0 unknown */
  const char *rx_ifname;             /* and its device; NULL unknown */
  uint32_t rx_none;                  /* 1: receptions are recorded, and this packet, as it was freed, had none: it was
                                        made here, to be sent or as a copy. 0: not known */
  uint64_t count;                    /* drops this record stands for: 1, or a summary's count */
  uint32_t caplen, orig_len;         /* bytes kept and the packet's length (0: no bytes) */
  const uint8_t *bytes;              /* borrowed; NULL when caplen is 0 */
  uint8_t link;                      /* DcLink of bytes: DC_LINK_ETHERNET or DC_LINK_RAW (no MAC header) */
  uint8_t l4_checksum;               /* as a frame's */
  DcPacket packet;                   /* decoded from bytes; or, without bytes, what a text log says of
                                        addresses, ports and flags (has bits tell) */
} DcDrop;

/* One record stands for no more drops or losses than this: what claims more is damaged, and sums cannot overflow. */
#define DC_COUNT_MAX (UINT64_C(1) << 48)

/* When a sample was taken. Live runs give TICK each second between BEFORE and AFTER. */
typedef enum { DC_PHASE_BEFORE, DC_PHASE_TICK, DC_PHASE_AFTER, DC_PHASE_ONCE } DcPhase;

/*
 * One object of the host's state or counters as text, as the kernel or tool printed
 * it. The same form serves --context DIR, the live sampler and the evidence file,
 * so that all three are read by the same parsers (dropcorr/decode/state_text.h).
 */
typedef struct {
  int64_t time_ns;  /* DC_TIME_NONE for a context file without time */
  uint8_t phase;    /* DcPhase */
  const char *name; /* "snmp", "ptype", "sysctl", ...: see dropcorr/decode/state_text.h */
  const char *text; /* borrowed, not NUL-terminated */
  size_t len;
} DcSample;

typedef enum {
  DC_LOSS_CAPTURE,   /* frames the capture ring dropped (ps_drop) */
  DC_LOSS_INTERFACE, /* frames the interface dropped before the tap (ps_ifdrop) */
  DC_LOSS_NETLINK,   /* netlink receive buffer overrun: number unknown, counted as overruns */
  DC_LOSS_MONITOR,   /* NET_DM tail drops (STATS), tracepoint ring overwritten */
  DC_LOSS_QUEUE,     /* our own queue between threads was full */
  DC_LOSS_INPUT,     /* records of a file skipped as malformed */
  DC_LOSS_EVIDENCE,  /* events that could not be written to the evidence file */
  DC_LOSS_COUNT
} DcLossKind;

typedef struct {
  uint8_t kind; /* DcLossKind */
  uint64_t count;
  int64_t from_ns, to_ns; /* span in which it happened */
  const char *detail;     /* interned one-liner, may be NULL */
} DcLoss;

#define DC_LIGHT_REST_MAX (2 * 16 + 112)

/*
 * A frame of which there is little to say: a TCP segment or a datagram of UDP which no drop asks for. This is all that
 * the analysis asks of it, in one cache line or two; a frame with its packet takes five. Made of a frame by
 * dc_light_frame_make() (dropcorr/correlate/light_frame.h), ahead of the analysis: no source gives it. The peer is the
 * other end, whichever way the frame goes.
 */
typedef struct {
  uint64_t number;
  uint32_t flow; /* dc_flow_hash() */
  uint32_t tcp_seq, tcp_ack;
  uint32_t end_seq; /* TCP: sequence number after the segment */
  uint32_t tsval;
  uint16_t ip_id;
  uint16_t peer_port, local_port;
  uint16_t ethertype; /* IPv4's or IPv6's */
  uint8_t protocol;
  uint8_t tcp_flags;
  bool sent : 1;  /* by this host; else it came in */
  bool waits : 1; /* an answer may be told of it: it came in, and takes sequence space or is a datagram */
  bool zero_window : 1;
  bool has_tsval : 1;
  uint8_t rest_len;
  uint8_t rest[DC_LIGHT_REST_MAX]; /* the peer's address and this host's, 4 or 16 bytes each; then, of one that waits,
                                      its packed brief */
} DcLightFrame;

/* In the order in which events of one time are given; a light frame is a frame. */
typedef enum { DC_EVENT_FRAME, DC_EVENT_DROP, DC_EVENT_SAMPLE, DC_EVENT_LOSS, DC_EVENT_LIGHT } DcEventKind;

typedef struct {
  uint8_t kind;    /* DcEventKind */
  int64_t time_ns; /* the member's own time; orders the timeline */
  union {
    DcFrame frame;
    DcLightFrame light;
    DcDrop drop;
    DcSample sample;
    DcLoss loss;
  };
} DcEvent;

/* Only as much of the union as the event has. */
static inline size_t dc_event_size(const DcEvent *event)
{
  if (event->kind == DC_EVENT_LIGHT)
    return offsetof(DcEvent, light.rest) + event->light.rest_len;
  if (event->kind != DC_EVENT_FRAME)
    return sizeof *event;
  if (event->frame.usual)
    return offsetof(DcEvent, frame.packet) + DC_PACKET_USUAL;
  return offsetof(DcEvent, frame) + sizeof event->frame;
}
