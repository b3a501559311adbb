/*
 * Fits the clock of a drop log to that of the frames: the shift at which most drops fall just behind a frame that
 * they could be of or, where the log tells of all receptions, at which most of these stand at a frame of their length.
 * What two unrelated recordings would reach is measured on rearranged copies of the log, and a
 * fit that is not clearly better is refused.
 *
 * Bounded: the first DC_FIT_FRAMES_MAX frames and DC_FIT_DROPS_MAX drops count. Equal input gives equal results.
 * One owner thread.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DC_FIT_FRAMES_MAX 32768u
#define DC_FIT_DROPS_MAX 20000u
#define DC_FIT_RIVALS_MAX 3u

typedef struct DcClockFit DcClockFit;

DcClockFit *dc_clock_fit_new(void);
void dc_clock_fit_free(DcClockFit *fit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcClockFit, dc_clock_fit_free)

/* What is this host: frames from it are no candidates. Before the first frame; may be left out. */
void dc_clock_fit_add_local_address(DcClockFit *fit, const DcAddr *addr);
void dc_clock_fit_add_local_mac(DcClockFit *fit, const uint8_t mac[6]);

/* Pass 1 over both files. frame->packet must be decoded. Drops with raw times; those without are left out. */
void dc_clock_fit_add_frame(DcClockFit *fit, const DcFrame *frame);
void dc_clock_fit_add_drop(DcClockFit *fit, const DcDrop *drop);
/* A packet's reception, dropped later or not: raw time, length without MAC header. */
void dc_clock_fit_add_reception(DcClockFit *fit, int64_t time_ns, uint32_t len);

/* Whether there are enough frames; enough drops or receptions: pass 1 may stop when there are. */
bool dc_clock_fit_has_frames(const DcClockFit *fit);
bool dc_clock_fit_has_drops(const DcClockFit *fit);

/* Times of all frames (drops) given so far, counted ones or not; false: none. */
bool dc_clock_fit_frame_span(const DcClockFit *fit, int64_t *ret_first_ns, int64_t *ret_last_ns);
bool dc_clock_fit_drop_span(const DcClockFit *fit, int64_t *ret_first_ns, int64_t *ret_last_ns);

typedef enum {
  DC_FIT_ACCEPTED,
  DC_FIT_TOO_FEW,   /* drops or frames that could be theirs */
  DC_FIT_NO_SHIFT,  /* at no shift enough drops meet frames */
  DC_FIT_CHANCE,    /* no better than unrelated recordings */
  DC_FIT_AMBIGUOUS, /* another shift is nearly as good */
  DC_FIT_COUNT
} DcFitVerdict;

typedef struct {
  int64_t offset_ns; /* to be added to the log's times */
  uint32_t score;    /* drops that then fall behind a frame of their own */
} DcFitShift;

typedef struct {
  uint8_t verdict;                      /* DcFitVerdict */
  bool by_receptions;                   /* these were counted, not drops */
  DcFitShift best;                      /* score 0: there is none */
  uint32_t drops;                       /* (receptions) that could be of frames, and fall into the captured time */
  uint32_t chance;                      /* best score of rearranged copies of the log */
  int64_t delay_ns;                     /* from frame to drop: the 9th decile of those that fit */
  DcFitShift rivals[DC_FIT_RIVALS_MAX]; /* next best shifts, best first */
  size_t rival_count;
} DcFitResult;

/*
 * grid_ns 0: any shift. Else shifts that are multiples of it, as between time zones (15 minutes); a shift is
 * then looked for within tolerance_ns of one, and is that multiple exactly.
 */
void dc_clock_fit_run(const DcClockFit *fit, int64_t grid_ns, int64_t tolerance_ns, DcFitResult *ret_result);

/* The result in one line for people, without a period. Caller frees. */
char *dc_clock_fit_text(const DcFitResult *result);
