/*
 * The diagnosis: sink of the correlator, keeper of findings. Adds causes to verdicts,
 * explains silence (deferring unanswered frames until counters and later handshakes can
 * speak), groups losses, builds the report model, and passes finished verdicts on to the
 * writers' per-event lines.
 *
 * One thread. Memory: findings and services are capped (the rest is counted as "others"),
 * deferred frames are capped (the oldest are decided with what is known).
 */
#pragma once

#include "dropcorr/correlate/correlator.h"
#include "dropcorr/diagnose/finding.h"
#include "dropcorr/model/state.h"

/* Finished verdicts, for --frames, --handshakes, annotated evidence and live lines. Members may be NULL. */
typedef struct {
  void (*frame)(void *data, const DcFrameVerdict *verdict);
  void (*drop)(void *data, const DcDropVerdict *verdict);
  void (*handshake)(void *data, const DcHandshake *handshake);
  void (*finding)(void *data, const DcFinding *finding); /* first time a finding becomes certain: live */
  void *data;
} DcDiagnosisListener;

typedef struct {
  bool before_after_only; /* counters frame the whole run only (offline): decide silence at the end */
  const char *interface;  /* for commands; NULL: "IF" */
  bool have_drops;        /* a drop source existed */
  const char *drop_mode;  /* "packet", "summary", "tracepoint", "NET_DM pcap", NULL none */
  bool live;
  bool promiscuous;
  bool filtered; /* only some frames were wanted: counters tell of others too */
} DcDiagnosisOptions;

typedef struct DcDiagnosis DcDiagnosis;

/* state is borrowed and may grow between calls (live samples). */
DcDiagnosis *dc_diagnosis_new(const DcDiagnosisOptions *options, const DcState *state,
                              const DcDiagnosisListener *listener);
void dc_diagnosis_free(DcDiagnosis *diagnosis);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcDiagnosis, dc_diagnosis_free)

/* To hand to dc_correlator_new(). */
DcVerdictSink dc_diagnosis_sink(DcDiagnosis *diagnosis);

void dc_diagnosis_loss(DcDiagnosis *diagnosis, const DcLoss *loss);
void dc_diagnosis_advance(DcDiagnosis *diagnosis, int64_t now_ns); /* event time: decides what is due */
void dc_diagnosis_finish(DcDiagnosis *diagnosis);                  /* decides everything deferred */

/* The report so far (interim) or final after finish. Caller frees. Fields sources, direction and
 * filtered counts are the pipeline's to fill. */
DcReport *dc_diagnosis_report(DcDiagnosis *diagnosis);
