/*
 * What the kernel's drop sites are: functions from which packets are freed. One
 * table; matching uses it to set apart what is no loss, diagnosis to name a cause
 * where the kernel gave no reason.
 */
#pragma once

#include "dropcorr/model/cause.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  DC_SITE_NORMAL_FREE = 1 << 0,   /* frees packets after normal processing, always */
  DC_SITE_TEARDOWN = 1 << 1,      /* frees unread data when a socket closes: it did arrive; any time later */
  DC_SITE_CAPTURE = 1 << 2,       /* a packet socket's queue */
  DC_SITE_TRANSMIT = 1 << 3,      /* transmit side: never this host's ingress */
  DC_SITE_ND_NOISE = 1 << 4,      /* NOT_SPECIFIED here is neighbour discovery or MLD after processing */
  DC_SITE_SEGMENT_NOISE = 1 << 5, /* NOT_SPECIFIED on RST or TIME_WAIT segments is normal */
  DC_SITE_ECHO_NOISE = 1 << 6,    /* NO_SOCKET on echo replies is normal */
  DC_SITE_DEFERRED = 1 << 7,      /* reassembly timeout: up to 30 s after the frame (IPv6: 60 s) */
  DC_SITE_NOT_NETWORK = 1 << 8,   /* unix, netlink, vsock */
  DC_SITE_LAYER2 = 1 << 9,        /* before any protocol handler ran */
  DC_SITE_LAYER3 = 1 << 10,
  DC_SITE_LAYER4 = 1 << 11,
  DC_SITE_AMBIGUOUS = 1 << 12 /* several causes free here */
} DcSiteFlags;

typedef struct {
  const char *symbol;
  uint32_t flags;      /* DcSiteFlags */
  DcCause causes[6];   /* most usual first, DC_CAUSE_NONE ends */
  const char *note;    /* what this function does when it frees, one line */
  const char *kernels; /* span in which the site frees so, e.g. "3.10-" */
} DcSite;

/* The site of a function name, compiler suffixes ignored; NULL unknown. Any thread. */
const DcSite *dc_site_lookup(const char *symbol);
const DcSite *dc_site_table(size_t *ret_count);

/* Cuts .isra.N .constprop.N .part.N .cold (in any number and order) from a
 * function name: the length that remains. */
size_t dc_site_strip_suffix(const char *symbol, size_t len);

/* Classes of drop reasons that matching needs; everything else about reasons is in
 * the cause catalogue. Names without SKB_DROP_REASON_ prefix; NULL is "none given". */
bool dc_reason_is_unspecified(const char *reason); /* NULL, NOT_SPECIFIED */
bool dc_reason_is_consumed(const char *reason);    /* SKB_CONSUMED, CONSUMED */
bool dc_reason_is_repetition(const char *reason);  /* TCP_OLD_DATA, DUP_FRAG, ...: its contents had arrived before */
bool dc_reason_is_capture(const char *reason);     /* PACKET_SOCK_ERROR */
bool dc_reason_is_transmit(const char *reason);    /* QDISC_*, TC_EGRESS, FQ_*, NEIGH_*, IP_OUTNOROUTES, ... */
