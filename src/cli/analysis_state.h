/* One run's analysis from the inside, shared by analysis.c (its life and what it reports) and analysis_feed.c (events).
 */
#pragma once

#include "dropcorr/cli/analysis.h"
#include "dropcorr/diagnose/diagnosis.h"
#include "dropcorr/report/writer.h"

#include <stdatomic.h>

/* Processors fetch them in pairs. */
#define DC_CACHE_LINES 128

struct DcAnalysis {
  const DcOptions *options;
  DcState *state;
  DcCorrelator *correlator;
  DcDiagnosis *diagnosis;
  GPtrArray *outputs; /* Output* */
  void (*listen_frame)(void *data, const DcFrameVerdict *verdict);
  void (*listen_drop)(void *data, const DcDropVerdict *verdict);
  void *listen_data;
  GError *output_error;
  GPtrArray *sources, *limits; /* char*: for the report */
  char *interface, *drop_mode; /* what the diagnosis was told */
  char *cut_short;
  DcReport *report;
  bool live;
  bool expect_drops;
  uint64_t skipped, filtered_frames, filtered_drops;
  uint64_t unparsed_samples;
  const DcAsked *asked; /* NULL: drops may ask for any frame */
  /* NULL: not known yet, or each frame's verdict is wanted, so that none is light. */
  _Atomic(const DcDirections *) directions;
  /* Written with every event, far from what dc_analysis_prepare() reads in its thread. */
  _Alignas(DC_CACHE_LINES) uint64_t frames;
  uint64_t drops;
  uint64_t unasked;     /* drops that came although they had not been there before */
  bool begun;           /* an event other than a sample was fed */
  bool directions_open; /* not told yet to whom dc_analysis_prepare() serves */
};

/* --- analysis_feed.c ------------------------------------------------------------------ */

/* Tells dc_analysis_prepare() which way frames go, now or once it is known. */
void dc_analysis_tell_directions(DcAnalysis *analysis);

void dc_analysis_add_bridge_port(uint32_t ifindex, void *analysis);
