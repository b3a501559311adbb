/*
 * The search for the shift between two series of times: pure, on plain arrays. Private to the clock fit.
 */
#pragma once

#include "dropcorr/source/clock_fit.h"

/* What a mark may be of. Two marks of one place in time need two frames. */
typedef struct {
  int64_t time_ns;
  uint64_t tuple; /* hash of addresses, ports and protocol; 0 unknown */
  uint32_t len;   /* on the wire */
  uint16_t ethertype;
  uint8_t ip_protocol;
  bool waits; /* no answer came: it may have been dropped without a word */
} DcFitFrame;

/* A drop, by the moment it happened or, where the log tells it, its packet came in. */
typedef struct {
  int64_t time_ns;
  int64_t early_ns;    /* the true time may be so much earlier */
  uint64_t tuple;      /* 0 unknown */
  uint32_t rx_len;     /* of the reception, without MAC header; 0: the time is the drop's */
  int32_t protocol;    /* ethertype, -1 unknown */
  uint8_t ip_protocol; /* 0 unknown */
} DcFitMark;

/* Both sorted by time. A drop follows its frame within after_ns, and may seem a little earlier. */
typedef struct {
  const DcFitFrame *frames;
  size_t frame_count;
  const DcFitMark *marks;
  size_t mark_count;
  int64_t grid_ns, tolerance_ns;
  int64_t after_ns;
} DcFitProblem;

/* At one after_ns. */
void dc_clock_search(const DcFitProblem *problem, DcFitResult *ret_result);
