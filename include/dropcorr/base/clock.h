/* Time: int64 nanoseconds, CLOCK_REALTIME unless said otherwise. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DC_NS_PER_S INT64_C(1000000000)
#define DC_NS_PER_MS INT64_C(1000000)
#define DC_NS_PER_US INT64_C(1000)

#define DC_TIME_NONE INT64_MIN /* "no time known" */

/*
 * Evidence is of 1970 to 2116: all that pcap's seconds can say. Sources let no other time through: a record
 * that claims one is skipped and counted, or loses its time. Thus windows, precisions and time zones can be added to
 * times, and times subtracted from each other, without overflow.
 */
#define DC_TIME_MAX (INT64_MAX / 2)

static inline bool dc_time_is_plausible(int64_t time_ns)
{
  return time_ns >= 0 && time_ns <= DC_TIME_MAX;
}

int64_t dc_clock_realtime(void);
int64_t dc_clock_monotonic(void);

/* CLOCK_REALTIME minus CLOCK_MONOTONIC, from the narrowest of several sandwiched
 * readings (error about 0.1 us). Resample: the difference steps with the clock. */
int64_t dc_clock_monotonic_offset(void);

/* Writes "1795168318.154238000" (the NDJSON form) into text; at least 32 bytes. */
void dc_clock_format_ns(int64_t time_ns, char text[static 32]);
