/*
 * NET_DM generic netlink messages (uapi linux/net_dropmon.h) into DcDrop. The same
 * code reads live messages and DLT_NETLINK captures; it includes no libnl: attribute
 * lengths come from the network's point of view untrusted, and are read through the
 * bounds-checked cursor.
 */
#pragma once

#include "dropcorr/base/strings.h"
#include "dropcorr/model/event.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum {
  DC_NETDM_NOT,      /* not a NET_DM message (other family, control): skip without counting */
  DC_NETDM_OTHER,    /* NET_DM, but no drop in it (config, stats) */
  DC_NETDM_DROP,     /* one packet alert: ret_drops[0] */
  DC_NETDM_SUMMARY,  /* summary alert: up to DC_NETDM_DROPS_MAX locations */
  DC_NETDM_MALFORMED /* lengths lie: counted as a skipped record */
} DcNetdmStatus;

#define DC_NETDM_DROPS_MAX 128

typedef struct {
  bool has_stats;
  uint64_t software_dropped, hardware_dropped; /* STATS_NEW, cumulative */
  bool has_config;
  uint8_t alert_mode; /* CONFIG_NEW: 0 summary, 1 packet */
  uint32_t trunc_len, queue_len;
} DcNetdmReply;

/*
 * One netlink message, starting at its nlmsghdr, in host byte order. family is the
 * NET_DM family id, or 0 to accept any message whose generic netlink command and
 * attributes parse as NET_DM (saved captures: the id is dynamic).
 * Strings are interned in strings; drop bytes point into `bytes` and are decoded into
 * drop.packet, checksums verified. Numbers are left 0.
 * A drop whose message has no timestamp gets DC_TIME_NONE. ret_reply may be NULL.
 */
DcNetdmStatus dc_netdm_parse(const uint8_t *bytes, size_t len, uint16_t family, DcStrings *strings, DcDrop *ret_drops,
                             size_t *ret_count, DcNetdmReply *ret_reply);

/* "nft_do_chain+0x47f/0x5e0 [nf_tables]" and its relatives (offsets hex with or without 0x,
 * no size, cut at 39 characters, bare addresses, ____ptrval____) into symbol, offset, size,
 * module; location keeps the text. Used by every drop-log reader. */
void dc_location_parse(const char *text, size_t len, DcStrings *strings, DcDrop *drop);
