/*
 * What became of a frame and of a drop: the vocabulary of the output contract.
 * Names are stable; dc_*_name() gives the text of the contract.
 */
#pragma once

#include "dropcorr/model/cause.h"
#include "dropcorr/model/event.h"

#include <stdbool.h>

typedef enum {
  DC_FATE_UNREMARKABLE,
  DC_FATE_OUTBOUND,
  DC_FATE_ANSWERED,
  DC_FATE_CONSUMED,
  DC_FATE_REFUSED,
  DC_FATE_DROPPED,
  DC_FATE_UNHANDLED,
  DC_FATE_SILENT,
  DC_FATE_UNEXPLAINED,
  DC_FATE_COUNT
} DcFate;

/* How surely a drop is this frame's. Ordered from none to best. */
typedef enum {
  DC_MATCH_NONE,
  DC_MATCH_POSSIBLE,
  DC_MATCH_LIKELY,
  DC_MATCH_STRONG,
  DC_MATCH_EXACT,
  DC_MATCH_COUNT
} DcMatch;

/* How sure the cause is. Ordered. */
typedef enum {
  DC_CONFIDENCE_NONE,
  DC_CONFIDENCE_POSSIBLE,
  DC_CONFIDENCE_LIKELY,
  DC_CONFIDENCE_CERTAIN,
  DC_CONFIDENCE_COUNT
} DcConfidence;

typedef enum {
  DC_DROP_STATUS_MATCHED,
  DC_DROP_STATUS_NOISE,    /* freed after normal processing, or neighbour discovery and the like */
  DC_DROP_STATUS_SELF,     /* made by capturing */
  DC_DROP_STATUS_OUTBOUND, /* this host's own packet, or another namespace's view of it */
  DC_DROP_STATUS_UNMATCHED,
  DC_DROP_STATUS_COUNT
} DcDropStatus;

/* Why a drop has no frame. */
typedef enum {
  DC_UNMATCHED_NONE,
  DC_UNMATCHED_NO_FRAME,        /* fits no captured frame: other interface or namespace, or filtered away */
  DC_UNMATCHED_BEFORE_CAPTURE,  /* happened before the first or after the last frame */
  DC_UNMATCHED_NO_KEY,          /* neither bytes nor time: counted only */
  DC_UNMATCHED_OTHER_INTERFACE, /* in-port is an interface that was not captured */
  DC_UNMATCHED_SUMMARY,         /* summary alert: location and count only */
  DC_UNMATCHED_ALREADY_USED,    /* its frame is explained by an earlier drop (clone) */
  DC_UNMATCHED_COUNT
} DcUnmatchedWhy;

/* Why a drop is noise, self or outbound: printed. */
typedef enum {
  DC_ASIDE_NONE,
  DC_ASIDE_NORMAL_FREE,       /* the site frees packets after processing them */
  DC_ASIDE_TEARDOWN,          /* unread data freed when its socket closed: it did arrive */
  DC_ASIDE_NEIGHBOUR,         /* neighbour discovery, MLD */
  DC_ASIDE_PROCESSED_SEGMENT, /* RST or TIME_WAIT segment freed after processing */
  DC_ASIDE_ECHO_REPLY,        /* echo reply a raw socket got a clone of */
  DC_ASIDE_NOT_NETWORK,       /* unix, netlink, vsock sockets: protocol 0 */
  DC_ASIDE_CAPTURE,           /* a packet socket's own queue */
  DC_ASIDE_OUTBOUND_FRAME,    /* bytes equal a frame this host sent */
  DC_ASIDE_OWN_SOURCE,        /* source address or MAC is this host's */
  DC_ASIDE_TRANSMIT,          /* a transmit-side site */
  DC_ASIDE_HAD_ARRIVED,       /* a copy of what had arrived, or a keepalive or window probe */
  DC_ASIDE_COUNT
} DcAsideWhy;

typedef enum {
  DC_OUTCOME_PENDING, /* the capture ended before the time for an answer was over */
  DC_OUTCOME_ANSWERED,
  DC_OUTCOME_REFUSED,
  DC_OUTCOME_DROPPED,
  DC_OUTCOME_SILENT,
  DC_OUTCOME_UNEXPLAINED,
  DC_OUTCOME_COUNT
} DcOutcome;

typedef enum { DC_REFUSED_NONE, DC_REFUSED_RST, DC_REFUSED_ICMP } DcRefusedBy;

/* Identity of a flow, ports in host order, as the frame carried it. 44 bytes, no padding
 * inside: hashed and compared as bytes. */
typedef struct {
  uint8_t src[16], dst[16];
  uint16_t src_port, dst_port;
  uint16_t ethertype;
  uint8_t ip_version; /* 0: not IP */
  uint8_t protocol;
  uint8_t spare[4];
} DcFlowKey;

/* What an output line says of a frame, kept after its bytes are gone. */
typedef struct {
  DcFlowKey flow;
  uint8_t src_mac[6], dst_mac[6];
  uint32_t has; /* DcHas bits of the frame */
  uint32_t tcp_seq, tcp_ack, tsval;
  uint32_t len;
  uint32_t interface_id;
  uint16_t vlan;
  uint8_t vlan_count;
  uint8_t tcp_flags;
  uint8_t icmp_type, icmp_code;
  uint8_t ttl;
  uint8_t direction; /* DcDirection, decided */
  uint8_t llc_dsap;
  uint8_t ip_checksum, l4_checksum;
} DcBrief;

typedef struct {
  uint64_t frame; /* number */
  int64_t time_ns;
  DcBrief brief;
  uint8_t fate;                       /* DcFate */
  uint8_t cause;                      /* DcCause, DC_CAUSE_NONE when innocent */
  uint8_t confidence;                 /* DcConfidence */
  uint8_t match;                      /* DcMatch */
  uint8_t refused_by;                 /* DcRefusedBy */
  uint8_t refused_type, refused_code; /* ICMP's */
  bool owed;                          /* an answer was owed */
  bool handshake_open;                /* unanswered data of a connection whose last handshake step was ignored */
  bool fragment_incomplete;           /* part of a datagram whose other fragments did not come */
  uint32_t candidates;                /* frames that would have fitted the drop equally (1 = only this) */
  uint64_t drop;                      /* number, 0 none */
  int64_t delay_ns;                   /* drop time minus frame time */
  int64_t answer_ns;                  /* answer time minus frame time, -1 none */
  uint64_t handshake;                 /* attempt id, 0 none */
  uint32_t finding;                   /* number, 0 none */
} DcFrameVerdict;

typedef struct {
  const DcDrop *drop;    /* borrowed for the call */
  uint8_t status;        /* DcDropStatus */
  uint8_t unmatched_why; /* DcUnmatchedWhy */
  uint8_t aside_why;     /* DcAsideWhy */
  uint8_t match;         /* DcMatch */
  uint8_t cause;         /* DcCause; set by diagnosis for matched and unmatched drops */
  uint8_t confidence;    /* DcConfidence */
  uint64_t frame;        /* number of the frame it is joined to, 0 none */
  uint32_t frames;       /* how many candidate frames, for match possible */
  int64_t delay_ns;
  uint32_t finding;
} DcDropVerdict;

#define DC_HANDSHAKE_FRAMES_MAX 16

/* One SYN attempt: 4-tuple + ISN. Retransmissions belong to it. */
typedef struct {
  uint64_t id;
  DcBrief brief; /* of the first SYN */
  uint32_t isn;
  uint32_t syns;
  int64_t first_ns, last_ns;
  uint64_t frames[DC_HANDSHAKE_FRAMES_MAX]; /* the first ones */
  int64_t times_ns[DC_HANDSHAKE_FRAMES_MAX];
  uint32_t tsvals[DC_HANDSHAKE_FRAMES_MAX];
  uint32_t dropped;    /* SYNs matched to drops */
  uint32_t unanswered; /* SYNs with no answer of their own */
  uint32_t synacks;    /* SYN-ACKs seen going out: > 1 says the loss is on the way back */
  bool has_tsval;
  bool established; /* the third ACK, or data, was seen */
  uint64_t established_frame;
  int64_t established_ns; /* its time, when established */
  uint8_t outcome;        /* DcOutcome */
  uint8_t refused_by, refused_type, refused_code;
  int64_t answer_ns; /* answer minus the SYN it answers, -1 none */
  int64_t total_ns;  /* answer minus first SYN, -1 none */
  uint64_t answer_frame;
  int64_t answer_time_ns; /* of the first SYN-ACK */
  uint32_t answer_tsval;  /* its own timestamp, when has_answer_tsval */
  bool has_answer_tsval;
  uint64_t icmp_error_frame; /* an ICMP error about this host's SYN-ACK came in while it was half open; 0 none */
  uint8_t icmp_error_type, icmp_error_code;
  uint8_t cause, confidence;
} DcHandshake;

const char *dc_fate_name(DcFate fate);
const char *dc_match_name(DcMatch match);                /* NULL for none */
const char *dc_confidence_name(DcConfidence confidence); /* NULL for none */
const char *dc_drop_status_name(DcDropStatus status);
const char *dc_outcome_name(DcOutcome outcome);
const char *dc_direction_name(DcDirection direction); /* ECS: inbound, outbound, external, unknown */
const char *dc_unmatched_text(DcUnmatchedWhy why);    /* one line for people */
const char *dc_aside_text(DcAsideWhy why);
const char *dc_loss_name(DcLossKind kind); /* keys of summary.lost */

/* A frame's or drop's identity and short form. direction is copied. */
void dc_brief_from_packet(DcBrief *brief, const DcPacket *packet, uint32_t len, DcDirection direction);
void dc_flow_key_from_packet(DcFlowKey *key, const DcPacket *packet);
void dc_flow_key_reverse(DcFlowKey *key, const DcFlowKey *of);
