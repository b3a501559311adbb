/* The diagnosis' insides, shared by diagnosis.c (verdicts in and out) and report_model.c (the
 * report made of them). */
#pragma once

#include "examples.h"
#include "group.h"
#include "loose.h"
#include "silence.h"

#include "dropcorr/diagnose/diagnosis.h"

#define DC_DROP_GROUPS_MAX 256
/* Attempts whose lost SYNs are remembered: of a handshake that was given early, a SYN may be decided later. */
#define DC_ATTEMPTS_MAX 131072u

typedef struct {
  DcDropStatus status;
  uint8_t why;
  const char *location, *reason; /* owned; NULL none */
  DcCause cause;
  uint64_t drops;
  int64_t first_ns, last_ns;
  uint64_t example;
  char *packet;
} DcDropTally;

struct DcDiagnosis {
  DcDiagnosisOptions options;
  char *interface, *drop_mode;
  const DcState *state;
  DcDiagnosisListener listener;
  DcGroups *groups;
  DcSilence *silence;
  GHashTable *drop_tallies; /* set of DcDropTally */
  DcLooseDrops *loose;
  GHashTable *attempts;   /* handshake id -> packed cause and confidence of its lost SYNs */
  GQueue held_handshakes; /* DcHandshake*: their SYNs' verdicts still wait */
  GQueue waiting_drops;   /* WaitingDrop*: until the counters' next reading */
  DcRuling last_ruling;   /* of the drop that is being given */
  uint64_t last_ruling_drop;
  DcSummary summary; /* counts only */
  uint64_t inbound;
  DcSeries inbound_series, drop_series;
  DcExamples examples;
  uint32_t *port_frames[2]; /* frames seen by local port: TCP, UDP */
  uint32_t *ethertype_frames;
  uint64_t protocol_frames[256];
  int64_t now_ns, previous_ns;  /* previous: time of the event before */
  uint64_t advances, last_back; /* calls of dc_diagnosis_advance(), and which of them last went back */
  uint64_t *attempt_ids;        /* ring of those in attempts, DC_ATTEMPTS_MAX of them */
  uint64_t attempt_count;
  bool finishing;
};

/* Counts a frame that was seen. */
void dc_sighting_count(DcDiagnosis *self, const DcSighting *seen);
/* Of an ethertype that every host handles, and no VLAN. */
bool dc_sighting_is_usual(const DcSighting *seen);
DcSighting dc_sighting_of(const DcFrameVerdict *verdict);
/* For the sink: takes what would only be counted. data is the diagnosis. */
bool dc_sighting_take(void *data, const DcSighting *seen);
bool dc_sighting_take_light(void *data, const DcLightFrame *light, int64_t time_ns, DcFate fate);

DcReport *dc_report_model_build(DcDiagnosis *self);
DcFinding *dc_report_model_finding(const DcDiagnosis *self, const DcGroup *group);

/* What plots show: the run over time, losses by service. Findings must be there. */
void dc_activity_build(const DcDiagnosis *self, DcReport *report);

/* Everything that speaks for a finding; lookup fills the names of counters and settings. */
void dc_evidence_collect(DcFinding *finding, const DcDiagnosis *self, const DcGroup *group, DcAdviceLookup lookup,
                         void *data);

/* The firewall rules that may have dropped a finding's packets, as evidence. */
void dc_evidence_rules(DcFinding *finding, const DcDiagnosis *self, const DcGroup *group);
/* For advice: "rule", the one that is left, and its parts "nft-family", "nft-table", "nft-chain", "nft-handle". NULL
 * when none is, or several. text: DC_RULE_TEXT_MAX bytes. */
const char *dc_evidence_rule(const DcDiagnosis *self, const DcGroup *group, const char *key, char *text);
void dc_evidence_add(DcFinding *finding, int64_t time_ns, const char *source, char *text); /* takes the text */

/* Losses that counters alone tell of become groups of their own, or none any more. */
void dc_counter_findings_update(DcDiagnosis *self);

/* What this run could not see, and what of it matters here: fills limits with char*. */
void dc_limits_collect(const DcDiagnosis *self, GPtrArray *limits);
