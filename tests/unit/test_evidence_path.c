#include "../../src/source/evidence_path.h"

#include "dropcorr/base/clock.h"

#include <glib.h>
#include <stdlib.h>
#include <time.h>

#define HOUR (3600 * DC_NS_PER_S)

static void check(const char *path, int64_t period_ns, uint64_t bytes, uint32_t files, int64_t time_ns, uint64_t number,
                  const char *expected)
{
  g_autofree char *made = dc_evidence_path_make(path, period_ns, bytes, files, time_ns, number);
  g_assert_cmpstr(made, ==, expected);
}

static void test_plain(void)
{
  check("a%H.pcapng", 0, 0, 0, 0, 0, "a%H.pcapng"); /* no time format without -G */
}

/* As tcpdump -C: the first has no number. */
static void test_by_size(void)
{
  check("x.pcapng", 0, 1000, 0, 0, 0, "x.pcapng");
  check("x.pcapng", 0, 1000, 0, 0, 1, "x.pcapng1");
  check("x.pcapng", 0, 1000, 0, 0, 12, "x.pcapng12");
}

/* As tcpdump -C -W: numbers of equal width, going round. */
static void test_ring(void)
{
  check("x", 0, 1000, 3, 0, 0, "x0");
  check("x", 0, 1000, 3, 0, 2, "x2");
  check("x", 0, 1000, 3, 0, 3, "x0");
  check("x", 0, 1000, 10, 0, 9, "x9");
  check("x", 0, 1000, 11, 0, 9, "x09");
  check("x", 0, 1000, 100, 0, 99, "x99");
  check("x", 0, 1000, 101, 0, 99, "x099");
}

static void test_by_time(void)
{
  check("x-%Y%m%d-%H%M.pcapng", HOUR, 0, 0, 1700000000 * DC_NS_PER_S, 5, "x-20231114-2213.pcapng");
  check("x-%H", HOUR, 1000, 0, 1700000000 * DC_NS_PER_S, 2, "x-222");
  check("x", HOUR, 0, 0, 1700000000 * DC_NS_PER_S, 0, "x");
}

int main(int argc, char **argv)
{
  setenv("TZ", "UTC", 1);
  tzset();
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/evidence-path/plain", test_plain);
  g_test_add_func("/evidence-path/by-size", test_by_size);
  g_test_add_func("/evidence-path/ring", test_ring);
  g_test_add_func("/evidence-path/by-time", test_by_time);
  return g_test_run();
}
