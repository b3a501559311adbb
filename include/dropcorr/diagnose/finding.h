/*
 * Findings, checks and summary: the report model. Everything a report writer prints is
 * here, as values: writers decide layout, never facts.
 */
#pragma once

#include "dropcorr/diagnose/catalogue.h"

#include <glib.h>

typedef struct {
  char *source;    /* "drop 5", "netstat", "sysctl", "frame 12", "ptype" */
  char *text;      /* one line */
  int64_t time_ns; /* DC_TIME_NONE where it has none */
} DcProof;

typedef struct {
  char *command; /* filled; may be NULL */
  char *what;
} DcAction;

/* Counts in equal spans of time, for plots. */
typedef struct {
  int64_t begin_ns, bin_ns;
  uint32_t used;
  uint32_t *counts; /* owned; NULL when used is 0 */
} DcTimeline;

/* The whole run in equal spans of time, each beginning at a multiple of its length. */
typedef struct {
  int64_t begin_ns, bin_ns;
  uint32_t used;      /* bins; 0: nothing has a time */
  uint64_t *frames;   /* inbound ones; owned, as the rest */
  uint64_t *lost;     /* of them: never reached a socket */
  uint64_t *harmless; /* of them: the same, of findings that do no harm */
  uint64_t *open;     /* of them: unexplained */
  uint64_t *drops;    /* drop events of inbound packets: matched and unmatched */
} DcActivity;

/* What the losses are grouped by beside the cause. */
typedef struct {
  uint8_t protocol;   /* IP protocol, 0 none */
  uint16_t port;      /* local port, 0 none */
  int32_t ethertype;  /* -1: not grouped by it */
  char interface[32]; /* empty: not grouped by it */
} DcService;

typedef struct {
  DcAddr addr; /* version 0: MAC only */
  uint8_t mac[6];
  uint64_t frames;
} DcClient;

#define DC_FINDING_CLIENTS 10
#define DC_FINDING_EXAMPLES 8

typedef struct {
  uint32_t number; /* 1-based, in order of importance at the end; stable once given */
  DcCause cause;
  DcConfidence confidence;
  DcSeverity severity;
  DcFate fate; /* of its frames: dropped, unhandled, silent, refused, unexplained */
  char *title; /* "netfilter drops TCP port 8089" */
  DcService service;
  uint64_t frames, drops, bytes;
  uint64_t attempts; /* handshakes that went wrong although none of their frames was lost (then frames is 0) */
  uint64_t counted;  /* losses that counters alone tell of (then frames, drops and attempts are 0, and `seen` is what
                        came in that way) */
  const char *counted_what; /* what they are, in the plural: "datagrams"; NULL when counted is 0 */
  bool since_boot;          /* counted by a single sample: when is not known */
  DcTimeline timeline;      /* of its frames */
  uint64_t by_match[DC_MATCH_COUNT];
  uint64_t seen; /* frames seen of that service, for the rate */
  int64_t first_ns, last_ns;
  uint64_t examples[DC_FINDING_EXAMPLES];
  uint32_t example_count;
  DcClient clients[DC_FINDING_CLIENTS];
  uint32_t client_count;
  bool clients_more;
  GPtrArray *evidence; /* DcProof* */
  GPtrArray *rivals;   /* char*: other causes that remain, with why */
  GPtrArray *confirm;  /* DcAction* */
  GPtrArray *fix;      /* DcAction* */
  GPtrArray *notes;    /* char*: remarks ("rx_dropped stands still while capturing", "usual below 1 in 10000") */
  GPtrArray *reasons;  /* char*: distinct kernel reasons, with counts: "NETFILTER_DROP x3" */
  GPtrArray *sites;    /* char*: distinct locations with counts */
} DcFinding;

/* All findings of one service together. */
typedef struct {
  DcService service;
  char *name;                    /* "TCP port 8089" */
  uint64_t seen;                 /* its frames */
  uint64_t lost, harmless, open; /* of them, as in DcActivity */
} DcServiceLoss;

typedef enum { DC_CHECK_RULED_OUT, DC_CHECK_RULED_IN, DC_CHECK_NOT_CHECKED } DcCheckState;
const char *dc_check_state_name(DcCheckState state); /* "ruled-out", "ruled-in", "not-checked" */

typedef struct {
  DcCause cause;
  DcCheckState state;
  char *value; /* the value seen, or why it was not checked */
} DcCheck;

/* Drops that are no frame's, grouped by why and where. */
typedef struct {
  DcDropStatus status;
  uint8_t why;    /* DcUnmatchedWhy or DcAsideWhy according to status */
  char *location; /* symbol or location text */
  char *reason;   /* may be NULL */
  DcCause cause;  /* for unmatched drops */
  uint64_t drops;
  int64_t first_ns, last_ns;
  uint64_t example; /* drop number */
  char *packet;     /* one line on an example's bytes, or NULL */
} DcDropGroup;

typedef struct {
  uint64_t frames_seen, frames_by_fate[DC_FATE_COUNT];
  uint64_t drops_seen, drops_by_status[DC_DROP_STATUS_COUNT];
  uint64_t matched_by[DC_MATCH_COUNT];
  uint64_t lost[DC_LOSS_COUNT];
  GPtrArray *losses;                        /* char*: one line each, with span */
  uint64_t filtered_frames, filtered_drops; /* rejected by the filter: not counted as seen */
  uint64_t skipped_records;
  uint64_t handshakes_by_outcome[DC_OUTCOME_COUNT];
  uint64_t decided_early;
  int64_t first_ns, last_ns;
  bool complete;        /* nothing was lost, skipped or cut short */
  char *incomplete_why; /* NULL when complete */
} DcSummary;

/* The whole report. */
typedef struct {
  DcSummary summary;
  GPtrArray *findings;    /* DcFinding*, most important first */
  GPtrArray *checks;      /* DcCheck*, catalogue order */
  GPtrArray *drop_groups; /* DcDropGroup*, largest first */
  GPtrArray *limits;      /* char*: what this run could not see, only what applies */
  GPtrArray *sources;     /* char*: "frames: cap.pcap (pcap, ns)", "drops: drops.pcap (NET_DM pcap)" */
  GPtrArray *services;    /* DcServiceLoss*, most losses first */
  DcActivity activity;
  DcHandshake *unanswered; /* an attempt that shows the worst of them, with its retries; NULL: none */
  DcHandshake *answered;   /* one that went well, of the same service if there is one; NULL: none */
  char *direction;         /* how direction is known */
  char *verdict; /* the one line: "24 frames to 10.0.0.1 were dropped; most: UDP 5001 receive buffer full (17)" */
  char *kernel;  /* release, or NULL */
} DcReport;

void dc_report_free(DcReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcReport, dc_report_free)
void dc_finding_free(DcFinding *finding);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcFinding, dc_finding_free)
