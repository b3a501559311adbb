/*
 * When events happened, in bounded memory: counts in equal spans of time that double
 * when the run outgrows them.
 */
#pragma once

#include "dropcorr/base/clock.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DC_SERIES_BINS 512
#define DC_SERIES_TIMES 32

typedef struct {
  int64_t begin_ns; /* of the first bin; DC_TIME_NONE while empty */
  int64_t bin_ns;   /* 1 s at first */
  uint32_t used;    /* bins in use */
  uint32_t counts[DC_SERIES_BINS];
  int64_t times[DC_SERIES_TIMES]; /* of the first events, for their rhythm */
  uint32_t time_count;
  uint32_t last_bin; /* where the last event went, and the times that go there too */
  int64_t last_from_ns, last_to_ns;
} DcSeries;

void dc_series_init(DcSeries *series);

/* The latest multiple of bin_ns that is not after time_ns: every bin begins at a multiple of its width, so that those
 * of different series lie inside one another. */
int64_t dc_series_floor(int64_t time_ns, int64_t bin_ns);
void dc_series_add(DcSeries *series, int64_t time_ns);

/* "one every 2.0 s": true when the first events came in a steady rhythm. */
bool dc_series_period(const DcSeries *series, int64_t *ret_period_ns);

/* Runs of busy bins with quiet around them: how many, and the longest's place and count. False when the events are
 * spread evenly, or too few to tell. */
typedef struct {
  uint32_t bursts;
  int64_t from_ns, to_ns; /* of the largest */
  uint64_t count;         /* in the largest */
  int64_t period_ns;      /* from one's beginning to the next one's, when that is steady; 0: it is not, or too few */
} DcBursts;
bool dc_series_bursts(const DcSeries *series, DcBursts *ret_bursts);
