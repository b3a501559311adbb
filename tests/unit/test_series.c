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
  for (int64_t i = 0; i < 30; i++)
    dc_series_add(&series, T0 + i * S);
  g_assert_false(dc_series_bursts(&series, &bursts));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/series/spans", test_spans_double);
  g_test_add_func("/series/period", test_period);
  g_test_add_func("/series/bursts", test_bursts);
  return g_test_run();
}
