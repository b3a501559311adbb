/*
 * Findings while they grow: one group per cause and service, with counts, clients and the
 * pieces of proof that end up in a DcFinding. Bounded: beyond GROUPS_MAX services of one
 * kind the rest are counted under one "other services" group per cause.
 */
#pragma once

#include "series.h"

#include "dropcorr/diagnose/finding.h"
#include "dropcorr/diagnose/rules.h"

#include <glib.h>

#define DC_GROUP_TALLY 12
#define DC_GROUP_CLIENTS 512

/* A text and how often it was seen. */
typedef struct {
  char *text;
  uint64_t count;
} DcTally;

typedef struct {
  uint64_t frames;
  uint32_t place; /* among the group's clients, as they came */
} DcGroupClient;

typedef struct {
  uint32_t number;
  DcCause cause;
  DcFate fate;
  DcConfidence confidence; /* the least sure member's */
  DcService service;
  uint64_t frames, drops, bytes;
  uint64_t by_match[DC_MATCH_COUNT];
  uint64_t attempts;            /* handshakes concerned */
  uint64_t counted, counted_of; /* losses that counters alone tell of, and what came in that way */
  const char *counted_what;     /* "datagrams" */
  bool since_boot;              /* counted by a single sample */
  int64_t first_ns, last_ns;
  uint64_t examples[DC_FINDING_EXAMPLES];
  uint32_t example_count;
  uint64_t drop_examples[3];
  int64_t drop_times_ns[3];
  char *drop_texts[3];
  uint32_t drop_example_count;
  DcBrief example;    /* of the first frame, for advice and state look-ups */
  DcBrief dropped_as; /* its packet as the kernel dropped it, after address translation; has is 0 when not known */
  char device[32];    /* its drops came in on; empty: not told, or several */
  bool devices_differ;
  GHashTable *clients; /* DcAddr or MAC bytes -> DcGroupClient */
  bool clients_more;
  DcTally reasons[DC_GROUP_TALLY], sites[DC_GROUP_TALLY], why[DC_GROUP_TALLY];
  DcSeries *series;                /* when its frames came */
  uint64_t rivals[DC_CAUSE_COUNT]; /* members for which that cause remains */
} DcGroup;

typedef struct DcGroups DcGroups;

DcGroups *dc_groups_new(void);
void dc_groups_free(DcGroups *groups);

/* The group of a frame's loss; *ret_new tells that it was just made. */
DcGroup *dc_groups_get(DcGroups *groups, DcCause cause, DcFate fate, const DcBrief *brief, bool *ret_new);

/* A handshake that went wrong without any frame of its own being lost. */
void dc_group_add_attempt(DcGroup *group, const DcHandshake *handshake, const char *why);

void dc_group_add_frame(DcGroup *group, const DcFrameVerdict *verdict, const DcRuling *ruling, const DcDrop *drop);

/* A drop of the group's came in by that device; NULL: not told. */
void dc_group_add_device(DcGroup *group, const char *device);

/* The group of losses that counters alone tell of; its number stays once given. */
DcGroup *dc_groups_counted(DcGroups *groups, DcCause cause, const DcService *service);
void dc_groups_uncount(DcGroups *groups, size_t index); /* back to none, before the counters are looked at anew */

/* In order of number. */
size_t dc_groups_count(const DcGroups *groups);
const DcGroup *dc_groups_at(const DcGroups *groups, size_t index);

void dc_tally_add(DcTally *tally, const char *text, uint64_t count);
void dc_tally_clear(DcTally *tally);

/* "TCP port 8089", "ethertype 0x0004 (802.3 LLC)", "eth0". Caller frees. */
char *dc_service_text(const DcService *service);
