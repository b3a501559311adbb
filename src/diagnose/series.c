#include "series.h"

#include <stdlib.h>
#include <string.h>

/* What is told this much later than something after it is as it should be: fragments wait longest. */
#define BACK_NS (60 * DC_NS_PER_S)

void dc_series_init(DcSeries *series)
{
  memset(series, 0, sizeof *series);
  series->begin_ns = DC_TIME_NONE;
  series->bin_ns = DC_NS_PER_S;
}

int64_t dc_series_floor(int64_t time_ns, int64_t bin_ns)
{
  const int64_t rest = time_ns % bin_ns;
  return time_ns - (rest < 0 ? rest + bin_ns : rest);
}

static uint32_t sum_of(uint32_t a, uint32_t b)
{
  return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* Two bins become one, which begins at a multiple of its own width: the first may stay alone. */
static void halve(DcSeries *series)
{
  uint32_t counts[DC_SERIES_BINS] = {0};
  const int64_t begin = dc_series_floor(series->begin_ns, 2 * series->bin_ns);
  const uint32_t alone = begin != series->begin_ns;
  for (uint32_t i = 0; i < series->used; i++) {
    const uint32_t to = MIN((i + alone) / 2, DC_SERIES_BINS - 1);
    counts[to] = sum_of(counts[to], series->counts[i]);
  }
  memcpy(series->counts, counts, sizeof counts);
  series->used = (series->used + alone + 1) / 2;
  series->begin_ns = begin;
  series->bin_ns *= 2;
}

/* Room for an earlier time than the first. */
static void extend_back(DcSeries *series, int64_t time_ns)
{
  while (series->used + (series->begin_ns - dc_series_floor(time_ns, series->bin_ns)) / series->bin_ns > DC_SERIES_BINS)
    halve(series);
  const int64_t begin = dc_series_floor(time_ns, series->bin_ns);
  if (begin >= series->begin_ns)
    return;
  const uint32_t before = (uint32_t)((series->begin_ns - begin) / series->bin_ns);
  memmove(series->counts + before, series->counts, series->used * sizeof *series->counts);
  memset(series->counts, 0, before * sizeof *series->counts);
  series->used += before;
  series->begin_ns = begin;
}

void dc_series_add(DcSeries *series, int64_t time_ns)
{
  /* Files hold any time: between 1933 and 2116 no difference of two can overflow. */
  time_ns = CLAMP(time_ns, -(INT64_MAX / 8), INT64_MAX / 2);
  if (series->begin_ns == DC_TIME_NONE)
    series->begin_ns = dc_series_floor(time_ns, DC_NS_PER_S);
  if (series->time_count < DC_SERIES_TIMES)
    series->times[series->time_count++] = time_ns;
  /* Most events fall into the bin of the one before. */
  if (time_ns >= series->last_from_ns && time_ns < series->last_to_ns &&
      series->counts[series->last_bin] < UINT32_MAX) {
    series->counts[series->last_bin]++;
    return;
  }
  /* Verdicts come a little out of order. A stamp that is wrong goes into the first bin. */
  if (time_ns < series->begin_ns && series->begin_ns - time_ns < BACK_NS)
    extend_back(series, time_ns);
  while (time_ns > series->begin_ns && (time_ns - series->begin_ns) / series->bin_ns >= DC_SERIES_BINS &&
         series->bin_ns < INT64_MAX / 8)
    halve(series);
  const int64_t since = time_ns > series->begin_ns ? time_ns - series->begin_ns : 0;
  uint32_t bin = (uint32_t)MIN(since / series->bin_ns, DC_SERIES_BINS - 1);
  if (series->counts[bin] < UINT32_MAX)
    series->counts[bin]++;
  series->used = MAX(series->used, bin + 1);
  series->last_bin = bin;
  series->last_from_ns = series->begin_ns + (int64_t)bin * series->bin_ns;
  series->last_to_ns = bin < DC_SERIES_BINS - 1 ? series->last_from_ns + series->bin_ns : INT64_MIN;
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
  uint32_t busy = 0, first = 0, last = 0, shortest = UINT32_MAX, longest = 0;
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
      if (bursts.bursts++ == 0) {
        first = i;
      } else {
        shortest = MIN(shortest, i - last);
        longest = MAX(longest, i - last);
      }
      last = i;
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
  /* A second, or a fifth, is no irregularity. */
  if (bursts.bursts >= 3 && longest - shortest <= MAX(1, longest / 5))
    bursts.period_ns = (int64_t)(last - first) * series->bin_ns / (bursts.bursts - 1);
  *ret_bursts = bursts;
  return true;
}
