/*
 * Brings the times of a drop log onto the clock of the frames: what is added to them, and why that.
 *
 * The order of use, for logs whose clock is not real time:
 *   1. dc_clock_align_needs_fit(): whether both files have to be read once before (not possible with a pipe)
 *   2. pass 1: dc_clock_align_read_frames(), dc_clock_align_read_drops()
 *   3. dc_clock_align(): decides
 *   4. pass 2: the log behind dc_clock_aligned_new()
 */
#pragma once

#include "dropcorr/source/clock_fit.h"
#include "dropcorr/source/drop_log.h"

typedef struct {
  bool has_offset; /* --drops-clock-offset: is added to the log's times, whatever they are */
  int64_t offset_ns;
  const char *zone; /* --tz: "Europe/Berlin", "+01:00"; NULL: this machine's, if it makes sense */
  bool has_start;   /* --drops-start: when a log without times began */
  int64_t start_ns;
} DcClockAlignOptions;

typedef enum {
  DC_ALIGN_AS_IS,  /* real time */
  DC_ALIGN_GIVEN,  /* by an option */
  DC_ALIGN_ZONE,   /* a time zone; for a time of day the date is the frames' */
  DC_ALIGN_FITTED, /* to the frames */
  DC_ALIGN_SPAN,   /* no times: some time between the log's start and the last frame */
  DC_ALIGN_NONE,   /* times mean nothing: drops are told by place and number only */
  DC_ALIGN_COUNT
} DcAlignKind;

typedef struct {
  uint8_t kind; /* DcAlignKind */
  int64_t offset_ns;
  GTimeZone *zone;        /* ZONE: applied after offset_ns; owned, NULL: none */
  int64_t from_ns, to_ns; /* SPAN */
} DcClockAlignment;

void dc_clock_alignment_clear(DcClockAlignment *alignment);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DcClockAlignment, dc_clock_alignment_clear)

/* Whether dc_clock_align() wants a fit: pass 1 over frames and drops. Always needed of the frames: their span. */
bool dc_clock_align_needs_fit(const DcClockAlignOptions *options, DcLogClock clock);

/* Pass 1: a capture to its end, whose span counts, and a log until the fit has enough drops. What cannot be read is
 * told when the files are analysed. */
void dc_clock_align_read_frames(DcClockFit *fit, DcSource *frames);
void dc_clock_align_read_drops(DcClockFit *fit, DcSource *log);

/* Why a log that is a pipe cannot be aligned, and what to do: sets an error with DC_ERROR_UNSUPPORTED. */
void dc_clock_align_refuse_pipe(const char *name, DcLogClock clock, GError **error);

/*
 * Decides. fit: what pass 1 collected; NULL: nothing is known of the frames. ret_text: one line for the report.
 * Errors: USAGE (no such zone). A log that cannot be aligned is no error: kind NONE, and the text tells why and what
 * to do.
 */
bool dc_clock_align(const DcClockAlignOptions *options, DcLogClock clock, const DcClockFit *fit,
                    DcClockAlignment *ret_alignment, char **ret_text, GError **error);

/* A raw time on the frames' clock; DC_TIME_NONE where it has none. */
int64_t dc_clock_alignment_apply(const DcClockAlignment *alignment, int64_t raw_ns);

/* The log with aligned times. Takes source and what alignment owns; dc_drop_log_*() go on with the inner source. */
DcSource *dc_clock_aligned_new(DcSource *source, DcClockAlignment *alignment);
