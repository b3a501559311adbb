/* Losses that counters alone tell of: what its two halves share, counters of the host (counter_findings.c) and those of
 * a device, a traffic control action or a rule (counter_devices.c). */
#pragma once

#include "diagnosis_state.h"

#define DC_COUNTED_COUNTERS 6
#define DC_COUNTED_OF 3

typedef struct {
  DcCause cause;
  DcConfidence confidence;                   /* how surely the counter means this cause */
  uint8_t protocol;                          /* 0: not of one protocol */
  const char *what;                          /* what was lost, in the plural */
  const char *counters[DC_COUNTED_COUNTERS]; /* their sum */
  const char *of[DC_COUNTED_OF];             /* what came in on that way, lost or not: their sum */
} DcCounterRow;

typedef struct {
  const DcState *state; /* for those who are called back */
  const DcCounterRow *row;
  const char *device; /* NULL: the host's */
  uint64_t lost, of;
  bool since_boot; /* a single sample */
  GString *proof;  /* "Udp.RcvbufErrors +12 (3 to 15)" */
  const DcCause *rivals;
  size_t rival_count;
} DcCounted;

/* What a counter says: its step, or, not framed, its value where one sample is all there is. False: not known. */
bool dc_counted_value(const DcState *state, const char *name, bool framed, uint64_t *ret_value);
bool dc_counted_is_framed(const DcState *state, const char *name); /* two samples frame the run */

/* Adds what the counter lost, and says so in the proof. */
void dc_counted_add(const DcState *state, DcCounted *counted, const char *name);

/* Frames or handshakes with that cause were seen. */
bool dc_counted_is_explained(const DcDiagnosis *self, const DcCounterRow *row);
/* Where every drop gives an event of its own, one that gave none is no packet's that anybody looks for. */
bool dc_counted_is_elsewhere(const DcDiagnosis *self, DcCause cause);

/* Makes a group of it, unless nothing was lost, or only what is usual since boot. */
void dc_counted_give(DcDiagnosis *self, const DcCounted *counted);

void dc_counter_devices_update(DcDiagnosis *self);
