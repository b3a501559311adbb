#include "../../src/diagnose/series.h"

#define S DC_NS_PER_S
#define T0 (INT64_C(1700000000) * S)

static uint64_t total(const DcSeries *series)
{
  uint64_t sum = 0;
  for (uint32_t i = 0; i < series->used; i++)
    sum += series->counts[i];
  return sum;
}

/* However long the run, every event stays counted and the bins stay few. */
static void test_spans_double(void)
{
  DcSeries series;
  dc_series_init(&series);
  for (int64_t i = 0; i < 100000; i++)
    dc_series_add(&series, T0 + i * S);
  g_assert_cmpuint(total(&series), ==, 100000);
  g_assert_cmpuint(series.used, <=, DC_SERIES_BINS);
  g_assert_cmpint(series.bin_ns, ==, 256 * S);
  dc_series_add(&series, T0 - 5 * S); /* late and earlier than the first */
  g_assert_cmpuint(total(&series), ==, 100001);
}

/* Bins begin at multiples of their width, so that those of two series lie inside one another. */
static void test_bins_nest(void)
{
  DcSeries series;
  uint64_t per_bin[16] = {0};
  dc_series_init(&series);
  for (int64_t i = 3; i < 1900; i++)
    dc_series_add(&series, T0 + i * S + 7);
  g_assert_cmpint(series.bin_ns, ==, 4 * S);
  g_assert_cmpint(series.begin_ns % series.bin_ns, ==, 0);
  g_assert_cmpuint(total(&series), ==, 1897);
  for (int64_t i = 3; i < 1900; i++) {
    const int64_t bin = (T0 + i * S - series.begin_ns) / series.bin_ns;
    if (bin < 16)
      per_bin[bin]++;
  }
  for (size_t i = 0; i < 16; i++)
    g_assert_cmpuint(series.counts[i], ==, per_bin[i]);
  g_assert_cmpint(dc_series_floor(-1, S), ==, -S);
  g_assert_cmpint(dc_series_floor(-S, S), ==, -S);
  g_assert_cmpint(dc_series_floor(S + 1, S), ==, S);
}

/* In whatever order they are told within the time that a verdict may wait, the bins are the same. */
static void test_any_order(void)
{
  enum { EVENTS = 3000, AHEAD = 40 };
  for (int64_t step = S / 16; step <= 2 * S; step *= 2) {
    DcSeries in_order, mixed;
    dc_series_init(&in_order);
    dc_series_init(&mixed);
    for (int64_t i = 0; i < EVENTS; i++)
      dc_series_add(&in_order, T0 + i * step + i % 7);
    const int64_t pieces = MAX(1, AHEAD * S / step); /* so many are told backwards */
    for (int64_t from = 0; from < EVENTS; from += pieces) {
      for (int64_t i = MIN(from + pieces, EVENTS); i-- > from;)
        dc_series_add(&mixed, T0 + i * step + i % 7);
    }
    g_assert_cmpint(mixed.begin_ns, ==, in_order.begin_ns);
    g_assert_cmpint(mixed.bin_ns, ==, in_order.bin_ns);
    g_assert_cmpuint(mixed.used, ==, in_order.used);
    for (uint32_t i = 0; i < in_order.used; i++)
      g_assert_cmpuint(mixed.counts[i], ==, in_order.counts[i]);
  }
  DcSeries series;
  dc_series_init(&series);
  dc_series_add(&series, T0);
  dc_series_add(&series, 0); /* a wrong stamp stretches nothing */
  g_assert_cmpuint(series.used, ==, 1);
  g_assert_cmpuint(series.counts[0], ==, 2);
}

static void test_any_time(void)
{
  static const int64_t times[] = {INT64_MIN + 1, INT64_MAX, 0, -1, INT64_MAX / 2, 1};
  DcSeries series;
  dc_series_init(&series);
  for (size_t i = 0; i < G_N_ELEMENTS(times); i++)
    dc_series_add(&series, times[i]);
  g_assert_cmpuint(total(&series), ==, G_N_ELEMENTS(times));
}

static void test_period(void)
{
  DcSeries series;
  int64_t period = 0;
  dc_series_init(&series);
  for (int64_t i = 0; i < 10; i++)
    dc_series_add(&series, T0 + i * 2 * S + (i % 2) * 100 * DC_NS_PER_MS);
  g_assert_true(dc_series_period(&series, &period));
  g_assert_cmpint(llabs(period - 2 * S), <, S / 10);
  dc_series_add(&series, T0 + 100 * S);
  g_assert_false(dc_series_period(&series, &period));
}

static void test_bursts(void)
{
  DcSeries series;
  DcBursts bursts;
  dc_series_init(&series);
  for (int64_t i = 0; i < 5; i++)
    dc_series_add(&series, T0 + i * 100 * DC_NS_PER_MS);
  for (int64_t i = 0; i < 50; i++)
    dc_series_add(&series, T0 + 30 * S + i * 30 * DC_NS_PER_MS);
  g_assert_true(dc_series_bursts(&series, &bursts));
  g_assert_cmpuint(bursts.bursts, ==, 2);
  g_assert_cmpuint(bursts.count, ==, 50);
  g_assert_cmpint(bursts.from_ns, ==, T0 + 30 * S);
  g_assert_cmpint(bursts.to_ns, ==, T0 + 32 * S);
  g_assert_cmpint(bursts.period_ns, ==, 0); /* two are no rhythm */
  for (int64_t i = 0; i < 30; i++)
    dc_series_add(&series, T0 + i * S);
  g_assert_false(dc_series_bursts(&series, &bursts));
}

/* A job that runs each minute, within a second. */
static void test_steady_bursts(void)
{
  for (int64_t late = 0; late < 2; late++) {
    DcSeries series;
    DcBursts bursts;
    dc_series_init(&series);
    for (int64_t i = 0; i < 5; i++)
      for (int64_t k = 0; k < 40; k++)
        dc_series_add(&series, T0 + i * 60 * S + (i % 2) * S + late * (i == 3 ? 25 * S : 0) + k * 10 * DC_NS_PER_MS);
    g_assert_true(dc_series_bursts(&series, &bursts));
    g_assert_cmpuint(bursts.bursts, ==, 5);
    g_assert_cmpint(bursts.period_ns, ==, late == 0 ? 60 * S : 0);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/series/spans", test_spans_double);
  g_test_add_func("/series/nest", test_bins_nest);
  g_test_add_func("/series/any-order", test_any_order);
  g_test_add_func("/series/any-time", test_any_time);
  g_test_add_func("/series/period", test_period);
  g_test_add_func("/series/bursts", test_bursts);
  g_test_add_func("/series/steady-bursts", test_steady_bursts);
  return g_test_run();
}
