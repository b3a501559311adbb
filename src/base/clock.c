#include "dropcorr/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* How many sandwiches dc_clock_monotonic_offset() takes; one of them is hardly ever interrupted. */
#define OFFSET_READINGS 8

static int64_t read_clock(clockid_t id)
{
  struct timespec now = {0};
  /* Cannot fail: both clocks exist on every Linux and the pointer is ours. */
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * DC_NS_PER_S + now.tv_nsec;
}

int64_t dc_clock_realtime(void)
{
  return read_clock(CLOCK_REALTIME);
}

int64_t dc_clock_monotonic(void)
{
  return read_clock(CLOCK_MONOTONIC);
}

int64_t dc_clock_monotonic_offset(void)
{
  int64_t narrowest = INT64_MAX;
  int64_t offset = 0;
  for (int i = 0; i < OFFSET_READINGS; i++) {
    const int64_t before = read_clock(CLOCK_MONOTONIC);
    const int64_t real = read_clock(CLOCK_REALTIME);
    const int64_t after = read_clock(CLOCK_MONOTONIC);
    if (after - before < narrowest) {
      narrowest = after - before;
      offset = real - (before + (after - before) / 2);
    }
  }
  return offset;
}

void dc_clock_format_ns(int64_t time_ns, char text[static 32])
{
  /* The magnitude as unsigned: the negative of INT64_MIN does not exist. */
  const uint64_t magnitude = time_ns < 0 ? -(uint64_t)time_ns : (uint64_t)time_ns;
  const uint64_t ns_per_s = (uint64_t)DC_NS_PER_S;
  snprintf(text, 32, "%s%" PRIu64 ".%09" PRIu64, time_ns < 0 ? "-" : "", magnitude / ns_per_s, magnitude % ns_per_s);
}
