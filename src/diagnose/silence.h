/*
 * Frames that were owed an answer and got none, without a drop event to say why. Their
 * verdicts wait here, because what explains them comes later: another client's handshake, the
 * counter sample that frames them, the end of the run.
 *
 * What is weighed, in this order: the frame's own bytes (bad checksum, impossible source,
 * fragments that never met), the sender's TCP timestamps against those of answered
 * handshakes from the same address, then counters that moved while frames went unanswered.
 * Bounded: at most DC_SILENCE_MAX frames wait; the oldest are decided with what is known.
 */
#pragma once

#include "dropcorr/diagnose/rules.h"
#include "dropcorr/model/state.h"

#include <glib.h>

#define DC_SILENCE_MAX 65536u

typedef struct DcSilence DcSilence;

/* A frame is decided: fate SILENT with a ruling, or UNEXPLAINED with ruling->cause NONE. */
typedef void (*DcSilenceDecide)(DcFrameVerdict *verdict, const DcRuling *ruling, void *data);

typedef struct {
  const DcState *state; /* borrowed; NULL: no context */
  bool wait_for_end;    /* counters frame the whole run only (before/after files), so that only the whole run's
                           unanswered frames can be weighed against them */
  bool drops_told;      /* every drop of a packet came as an event of its own: what makes one is no silence */
  const char *device;   /* captured, borrowed; NULL unknown */
  DcSilenceDecide decide;
  void *data;
} DcSilenceOptions;

DcSilence *dc_silence_new(const DcSilenceOptions *options);
void dc_silence_free(DcSilence *silence);

void dc_silence_add(DcSilence *silence, const DcFrameVerdict *verdict);

/* An answered attempt: its source is no stranger to this host; its timestamp is what per-host PAWS would remember, and
 * the answer's own tells whether this host's timestamps run as one clock. */
void dc_silence_note_answer(DcSilence *silence, const DcHandshake *handshake);

/* Event time: frames older than the horizon are decided. */
void dc_silence_advance(DcSilence *silence, int64_t now_ns);
void dc_silence_finish(DcSilence *silence);

uint64_t dc_silence_decided_early(const DcSilence *silence);
