/* What the checks share. */
#pragma once

#include "dropcorr/diagnose/checklist.h"

typedef struct {
  const DcState *state; /* never NULL here: an empty one stands for none */
  const char *interface;
  bool have_drops;
} DcCheckInput;

/* What became of one counter, or of a whole list of them. */
typedef enum { DC_COUNTER_UNSEEN, DC_COUNTER_ONCE, DC_COUNTER_STILL, DC_COUNTER_MOVED } DcCounterSeen;

/* Appends "NAME +3" (moved, stood still) or "NAME 12 since boot" (one sample) to text. */
DcCounterSeen dc_check_counter(const DcCheckInput *input, const char *name, GString *text, uint64_t *ret_value);

void dc_check_set(DcCheck *check, DcCheckState state, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* A driver's name of a counter that counts what its receive ring had no room for. */
bool dc_check_speaks_of_ring(const char *name);

/* Whether such a loss gives a drop event that can be told from others. */
bool dc_check_shows_as_drop(const DcState *state, const DcCauseInfo *row);

/* Checks that know more than counters; false: leave it to the general one. */
bool dc_check_special(const DcCheckInput *input, DcCheck *check);
