#include "dropcorr/base/clock.h"

#include "dropcorr/base/stop.h"

#include <glib.h>
#include <poll.h>

static void test_format(void)
{
  static const struct {
    int64_t time_ns;
    const char *text;
  } cases[] = {
      {INT64_C(1795168318154238000), "1795168318.154238000"},
      {0, "0.000000000"},
      {1, "0.000000001"},
      {-1, "-0.000000001"},
      {INT64_C(-1500000000), "-1.500000000"},
      {INT64_MAX, "9223372036.854775807"},
      {INT64_MIN, "-9223372036.854775808"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    char text[32];
    dc_clock_format_ns(cases[i].time_ns, text);
    g_assert_cmpstr(text, ==, cases[i].text);
  }
}

static void test_offset(void)
{
  const int64_t offset = dc_clock_monotonic_offset();
  const int64_t error = dc_clock_realtime() - dc_clock_monotonic() - offset;
  g_assert_cmpint(ABS(error), <, 100 * DC_NS_PER_MS); /* two readings apart, on a busy machine */
  const int64_t before = dc_clock_monotonic();
  g_assert_cmpint(dc_clock_monotonic(), >=, before);
}

static void test_stop(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcStop) stop = dc_stop_new(&error);
  g_assert_no_error(error);
  struct pollfd poll_fd = {.fd = dc_stop_fd(stop), .events = POLLIN};
  g_assert_false(dc_stop_requested(stop));
  g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 0);
  g_assert_cmpint(dc_stop_time(stop), ==, INT64_MAX);
  const int64_t before = dc_clock_realtime();
  dc_stop_request(stop);
  const int64_t time = dc_stop_time(stop);
  g_assert_cmpint(time, >=, before);
  g_assert_cmpint(time, <=, dc_clock_realtime());
  while (dc_clock_realtime() == time)
    continue;
  dc_stop_request(stop);
  g_assert_cmpint(dc_stop_time(stop), ==, time); /* the first request counts */
  g_assert_true(dc_stop_requested(stop));
  g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 1);
  g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 1); /* stays readable: everybody must see it */
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/clock/format", test_format);
  g_test_add_func("/clock/offset", test_offset);
  g_test_add_func("/stop/request", test_stop);
  return g_test_run();
}
