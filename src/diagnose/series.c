#include "series.h"

#include <stdlib.h>
#include <string.h>

void dc_series_init(DcSeries *series)
{
  memset(series, 0, sizeof *series);
  series->begin_ns = DC_TIME_NONE;
  series->bin_ns = DC_NS_PER_S;
}

static void halve(DcSeries *series)
{
  for (uint32_t i = 0; i < DC_SERIES_BINS / 2; i++)
    series->counts[i] = series->counts[2 * i] + series->counts[2 * i + 1];
  memset(series->counts + DC_SERIES_BINS / 2, 0, sizeof series->counts / 2);
  series->used = (series->used + 1) / 2;
  series->bin_ns *= 2;
}

void dc_series_add(DcSeries *series, int64_t time_ns)
{
  if (series->begin_ns == DC_TIME_NONE)
    series->begin_ns = time_ns - time_ns % DC_NS_PER_S;
  if (series->time_count < DC_SERIES_TIMES)
    series->times[series->time_count++] = time_ns;
  /* Verdicts come a little out of order: what is earlier than the first goes into the first bin. */
  int64_t since = MAX(time_ns - series->begin_ns, 0);
  while (since / series->bin_ns >= DC_SERIES_BINS && series->bin_ns < INT64_MAX / 4)
    halve(series);
  uint32_t bin = (uint32_t)MIN(since / series->bin_ns, DC_SERIES_BINS - 1);
  if (series->counts[bin] < UINT32_MAX)
    series->counts[bin]++;
  series->used = MAX(series->used, bin + 1);
}

static int by_time(gconstpointer a, gconstpointer b)
{
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

bool dc_series_period(const DcSeries *series, int64_t *ret_period_ns)
{
  int64_t times[DC_SERIES_TIMES];
  const uint32_t n = series->time_count;
  if (n < 4)
    return false;
  memcpy(times, series->times, n * sizeof *times);
  qsort(times, n, sizeof *times, by_time);
  const int64_t period = (times[n - 1] - times[0]) / (n - 1);
  if (period < 10 * DC_NS_PER_MS)
    return false;
  for (uint32_t i = 1; i < n; i++) {
    if (llabs(times[i] - times[i - 1] - period) > period / 5)
      return false;
  }
  *ret_period_ns = period;
  return true;
}

bool dc_series_bursts(const DcSeries *series, DcBursts *ret_bursts)
{
  uint32_t busy = 0;
  DcBursts bursts = {0};
  if (series->used < 10)
    return false;
  for (uint32_t i = 0; i < series->used; i++)
    busy += series->counts[i] > 0;
  if (busy * 3 > series->used)
    return false;
  for (uint32_t i = 0; i < series->used;) {
    uint64_t count = 0;
    uint32_t end = i;
    while (end < series->used && series->counts[end] > 0)
      count += series->counts[end++];
    if (count > 0) {
      bursts.bursts++;
      if (count > bursts.count) {
        bursts.count = count;
        bursts.from_ns = series->begin_ns + (int64_t)i * series->bin_ns;
        bursts.to_ns = series->begin_ns + (int64_t)end * series->bin_ns;
      }
    }
    i = end + 1;
  }
  if (bursts.count < 3)
    return false;
  *ret_bursts = bursts;
  return true;
}
