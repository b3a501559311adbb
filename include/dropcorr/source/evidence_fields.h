/*
 * Fields of the evidence file's journal entries (pcapng block type 9, systemd Journal Export):
 * one list for the writer (evidence_write) and the reader (evidence). Explained to users in
 * docs/event-format.
 *
 * An entry is lines FIELD=value, or, where the value holds a newline or a control character, FIELD, a
 * newline, the length as 64-bit little endian, the value, a newline. Every entry has MESSAGE,
 * __REALTIME_TIMESTAMP, DROPCORR_TYPE and DROPCORR_TIME_NS. A field that is unknown is left out.
 * Numbers are decimal, unless said otherwise.
 */
#pragma once

#define DC_FIELD_MESSAGE "MESSAGE"               /* one clean line for people */
#define DC_FIELD_REALTIME "__REALTIME_TIMESTAMP" /* microseconds; Wireshark wants it */
#define DC_FIELD_IDENTIFIER "SYSLOG_IDENTIFIER"  /* "dropcorr" */
#define DC_FIELD_TYPE "DROPCORR_TYPE"            /* one of DC_FIELD_TYPE_* */
#define DC_FIELD_TIME_NS "DROPCORR_TIME_NS"      /* nanoseconds, left out for DC_TIME_NONE */

#define DC_FIELD_TYPE_HEADER "header"
#define DC_FIELD_TYPE_DROP "drop"
#define DC_FIELD_TYPE_SAMPLE "sample"
#define DC_FIELD_TYPE_LOSS "loss"
#define DC_FIELD_TYPE_CHECKSUM "checksum"

/* header: the first entry of a file */
#define DC_FIELD_VERSION "DROPCORR_VERSION"
#define DC_FIELD_COMMAND "DROPCORR_COMMAND"
#define DC_FIELD_DROP_MODE "DROPCORR_DROP_MODE"   /* packet, summary, tracepoint, none */
#define DC_FIELD_DROP_TEXT "DROPCORR_DROP_TEXT"   /* why that mode, and what it costs */
#define DC_FIELD_LOCAL_MAC "DROPCORR_LOCAL_MAC"   /* repeated */
#define DC_FIELD_LOCAL_ADDR "DROPCORR_LOCAL_ADDR" /* repeated */
#define DC_FIELD_IFINDEX "DROPCORR_IFINDEX"       /* of the captured interface */
#define DC_FIELD_IFNAME "DROPCORR_IFNAME"
#define DC_FIELD_FILTER "DROPCORR_FILTER"
#define DC_FIELD_PROMISC "DROPCORR_PROMISC"               /* 0, 1 */
#define DC_FIELD_DIRECTION "DROPCORR_DIRECTION"           /* inout, in, out */
#define DC_FIELD_TSTAMP "DROPCORR_TSTAMP"                 /* libpcap's name of the timestamp type */
#define DC_FIELD_START_NS "DROPCORR_START_NS"             /* when the tap opened */
#define DC_FIELD_VERIFY_FROM_NS "DROPCORR_VERIFY_FROM_NS" /* drops were watched without a tap */
#define DC_FIELD_VERIFY_TO_NS "DROPCORR_VERIFY_TO_NS"
#define DC_FIELD_PART "DROPCORR_PART" /* number of this file in a rotation, from 1 */
#define DC_FIELD_RUN "DROPCORR_RUN"   /* how the events came: DC_FIELD_RUN_*; left out: live */
#define DC_FIELD_RUN_SAVED "saved"    /* from files: counters stand before and after the whole, not along it */

/* drop: DcDrop */
#define DC_FIELD_NUMBER "DROPCORR_NUMBER"
#define DC_FIELD_KIND "DROPCORR_KIND" /* DC_FIELD_KIND_* */
#define DC_FIELD_PRECISION_NS "DROPCORR_PRECISION_NS"
#define DC_FIELD_PC "DROPCORR_PC" /* 0x and hex */
#define DC_FIELD_SYMBOL "DROPCORR_SYMBOL"
#define DC_FIELD_OFFSET "DROPCORR_OFFSET"
#define DC_FIELD_SIZE "DROPCORR_SIZE"
#define DC_FIELD_MODULE "DROPCORR_MODULE"
#define DC_FIELD_LOCATION "DROPCORR_LOCATION"
#define DC_FIELD_REASON "DROPCORR_REASON"
#define DC_FIELD_PROTOCOL "DROPCORR_PROTOCOL"
#define DC_FIELD_IN_IFINDEX "DROPCORR_IN_IFINDEX"
#define DC_FIELD_IN_IFNAME "DROPCORR_IN_IFNAME"
#define DC_FIELD_TRAP_GROUP "DROPCORR_TRAP_GROUP"
#define DC_FIELD_TRAP_NAME "DROPCORR_TRAP_NAME"
#define DC_FIELD_SKB "DROPCORR_SKB"     /* 0x and hex */
#define DC_FIELD_COUNT "DROPCORR_COUNT" /* also of a loss */
#define DC_FIELD_ORIG_LEN "DROPCORR_ORIG_LEN"
#define DC_FIELD_LINK "DROPCORR_LINK"                 /* DC_FIELD_LINK_*, of the bytes */
#define DC_FIELD_BYTES "DROPCORR_BYTES"               /* hex digits without blanks */
#define DC_FIELD_PACKET "DROPCORR_PACKET"             /* of a drop without bytes: src/source/packet_words.h */
#define DC_FIELD_RX_TIME_NS "DROPCORR_RX_TIME_NS"     /* reception of the same skb */
#define DC_FIELD_RX_WAIT_NS "DROPCORR_RX_WAIT_NS"     /* in the CPU's backlog before it */
#define DC_FIELD_RX_PASSED_NS "DROPCORR_RX_PASSED_NS" /* since an earlier reception by a device of that name */
#define DC_FIELD_RX_BEFORE_NS "DROPCORR_RX_BEFORE_NS" /* since another packet of that length came in */
#define DC_FIELD_RX_AFTER_NS "DROPCORR_RX_AFTER_NS"   /* until the next one did */
#define DC_FIELD_RX_LEN "DROPCORR_RX_LEN"
#define DC_FIELD_RX_IFNAME "DROPCORR_RX_IFNAME"
#define DC_FIELD_RX_NONE "DROPCORR_RX_NONE" /* 1: it had none, though those of others are known */

/* drop, in an annotated capture: its verdict */
#define DC_FIELD_STATUS "DROPCORR_STATUS" /* matched, noise, self, outbound, unmatched */
#define DC_FIELD_CAUSE "DROPCORR_CAUSE"
#define DC_FIELD_MATCH "DROPCORR_MATCH"
#define DC_FIELD_FRAME "DROPCORR_FRAME" /* number (epb_packetid) of its frame */

/* drop, whose payload was cut off; and checksum, of the frame of that DC_FIELD_NUMBER, which follows: in the order of
 * DcChecksum. Frames whose checksum was right say so in their flags. */
#define DC_FIELD_L4_CHECKSUM "DROPCORR_L4_CHECKSUM"
#define DC_FIELD_CHECKSUM_NAMES                   \
  {                                               \
    "unknown", "good", "bad", "partial", "absent" \
  }

/* In the order of DcDropKind. */
#define DC_FIELD_KIND_NAMES                                                 \
  {                                                                         \
    "netdm-packet", "netdm-summary", "netdm-hardware", "tracepoint", "text" \
  }

#define DC_FIELD_LINK_ETHERNET "ethernet"
#define DC_FIELD_LINK_RAW "raw"

/* sample: DcSample */
#define DC_FIELD_PHASE "DROPCORR_PHASE" /* in the order of DcPhase: DC_FIELD_PHASE_NAMES */
#define DC_FIELD_PHASE_NAMES          \
  {                                   \
    "before", "tick", "after", "once" \
  }
#define DC_FIELD_NAME "DROPCORR_NAME"
#define DC_FIELD_TEXT "DROPCORR_TEXT"

/* loss: DcLoss; and DC_FIELD_COUNT */
#define DC_FIELD_LOSS "DROPCORR_LOSS" /* in the order of DcLossKind: DC_FIELD_LOSS_NAMES */
#define DC_FIELD_LOSS_NAMES                                                    \
  {                                                                            \
    "capture", "interface", "netlink", "monitor", "queue", "input", "evidence" \
  }
#define DC_FIELD_FROM_NS "DROPCORR_FROM_NS"
#define DC_FIELD_TO_NS "DROPCORR_TO_NS"
#define DC_FIELD_DETAIL "DROPCORR_DETAIL"

/* Name of the second interface: packets of drops, not frames; a reader neither counts nor analyses them. */
#define DC_EVIDENCE_KDROP "kdrop"

/* Longest text of a sample; what is longer is cut at a line's end by the sampler. */
#define DC_EVIDENCE_TEXT_MAX (2u << 20)
