/* What plots are made of, prepared for drawing in whatever form. */
#pragma once

#include "dropcorr/diagnose/finding.h"

#include <stdbool.h>
#include <stdint.h>

/* The run over time in at most so many spans: neighbours added together, nothing left out. */
#define DC_PLOT_SPANS_MAX 128

typedef struct {
  int64_t begin_ns;
  uint64_t frames, lost, harmless, open, drops;
} DcPlotSpan;

typedef struct {
  int64_t span_ns;
  uint32_t used;
  uint64_t frames_max, drops_max;
  DcPlotSpan spans[DC_PLOT_SPANS_MAX];
} DcPlot;

/* most: spans wanted, up to DC_PLOT_SPANS_MAX. False: nothing to plot. */
bool dc_plot_fill(const DcActivity *activity, uint32_t most, DcPlot *ret_plot);

/* "per second", "per 4 s" */
char *dc_plot_per_text(const DcPlot *plot);

/* The packets of a connection attempt in the order they were seen. */
#define DC_LADDER_RUNGS_MAX (DC_HANDSHAKE_FRAMES_MAX + 2)

typedef struct {
  int64_t offset_ns; /* since the first SYN */
  uint64_t frame;
  bool inbound;
  char label[24]; /* "SYN", "SYN, retry 2", "SYN-ACK", "ACK" */
} DcRung;

uint32_t dc_ladder_fill(const DcHandshake *handshake, DcRung rungs[static DC_LADDER_RUNGS_MAX]);

/* How it ended: "no answer to 4 SYNs: Accept queue full (likely)"; "established after 1.2 ms". The caller frees. */
char *dc_ladder_end_text(const DcHandshake *handshake);
