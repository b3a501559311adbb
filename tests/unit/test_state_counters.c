/* DcState: counters over time. */
#include "dropcorr/model/state.h"

#include <string.h>

#define S DC_NS_PER_S

static void tick(DcState *state, int64_t seconds, const char *name, uint64_t value)
{
  dc_state_set_counter(state, seconds * S, DC_PHASE_TICK, name, value);
}

static void test_counter_steps_live(void)
{
  g_autoptr(DcState) state = dc_state_new();
  for (int64_t t = 100; t <= 110; t++)
    tick(state, t, "TcpExt.ListenOverflows", t < 104 ? 5 : t < 107 ? 8 : 13);

  /* inside one interval of the first change */
  DcCounterStep step = dc_state_counter(state, "TcpExt.ListenOverflows", 103 * S + 1, 103 * S + 2);
  g_assert_true(step.known);
  g_assert_cmpuint(step.first, ==, 5);
  g_assert_cmpuint(step.last, ==, 8);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.from_ns, ==, 103 * S);
  g_assert_cmpint(step.to_ns, ==, 104 * S);

  /* between the changes it stood still */
  step = dc_state_counter(state, "TcpExt.ListenOverflows", 104 * S, 106 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 0);
  g_assert_cmpuint(step.first, ==, 8);

  /* a span that starts on a still stretch and ends inside a change encloses it whole */
  step = dc_state_counter(state, "TcpExt.ListenOverflows", 105 * S + 5, 106 * S + 5);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 5);
  g_assert_cmpint(step.from_ns, <=, 105 * S + 5);
  g_assert_cmpint(step.to_ns, ==, 107 * S);

  /* the sample right after the span counts, the change after that one does not */
  step = dc_state_counter(state, "TcpExt.ListenOverflows", 101 * S, 104 * S);
  g_assert_cmpuint(step.step, ==, 3);

  step = dc_state_counter(state, "TcpExt.ListenOverflows", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 8);
  g_assert_cmpint(step.from_ns, ==, 100 * S);
  g_assert_cmpint(step.to_ns, ==, 110 * S);

  DcCounterStep steps[4];
  g_assert_cmpuint(dc_state_counter_steps(state, "TcpExt.ListenOverflows", steps, 4), ==, 2);
  g_assert_cmpint(steps[0].from_ns, ==, 103 * S);
  g_assert_cmpint(steps[0].to_ns, ==, 104 * S);
  g_assert_cmpuint(steps[0].step, ==, 3);
  g_assert_cmpint(steps[1].to_ns, ==, 107 * S);
  g_assert_cmpuint(steps[1].step, ==, 5);
  /* the newest when there is no room for all */
  g_assert_cmpuint(dc_state_counter_steps(state, "TcpExt.ListenOverflows", steps, 1), ==, 1);
  g_assert_cmpuint(steps[0].step, ==, 5);
}

static void test_counter_unframed(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 10, "Udp.NoPorts", 1);
  g_assert_false(dc_state_counter(state, "Udp.NoPorts", DC_TIME_NONE, DC_TIME_NONE).known);
  tick(state, 11, "Udp.NoPorts", 4);
  g_assert_true(dc_state_counter(state, "Udp.NoPorts", DC_TIME_NONE, DC_TIME_NONE).known);
  /* the sample after the span has not been taken yet */
  g_assert_false(dc_state_counter(state, "Udp.NoPorts", 10 * S, 12 * S).known);
  /* nor was there one before it */
  g_assert_false(dc_state_counter(state, "Udp.NoPorts", 9 * S, 11 * S).known);
  g_assert_false(dc_state_counter(state, "Udp.InErrors", DC_TIME_NONE, DC_TIME_NONE).known);
  uint64_t value = 77;
  g_assert_false(dc_state_counter_value(state, "Udp.InErrors", &value));
  g_assert_cmpuint(value, ==, 77);
  g_assert_true(dc_state_counter_value(state, "Udp.NoPorts", &value));
  g_assert_cmpuint(value, ==, 4);
}

static void test_counter_files(void)
{
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_BEFORE, "Udp.RcvbufErrors", 100);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, "Udp.RcvbufErrors", 117);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_ONCE, "Udp.NoPorts", 9);

  /* files without time enclose whatever is asked for */
  DcCounterStep step = dc_state_counter(state, "Udp.RcvbufErrors", 5 * S, 6 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 17);
  g_assert_cmpint(step.from_ns, ==, DC_TIME_NONE);
  g_assert_cmpint(step.to_ns, ==, DC_TIME_NONE);
  DcCounterStep steps[2];
  g_assert_cmpuint(dc_state_counter_steps(state, "Udp.RcvbufErrors", steps, 2), ==, 1);
  g_assert_cmpuint(steps[0].step, ==, 17);

  /* one file alone says how much, never when */
  step = dc_state_counter(state, "Udp.NoPorts", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_false(step.known);
  g_assert_cmpuint(step.step, ==, 0);
  uint64_t value;
  g_assert_true(dc_state_counter_value(state, "Udp.NoPorts", &value));
  g_assert_cmpuint(value, ==, 9);
}

/* AFTER files may be read first, and live samples may stand between the two. */
static void test_counter_order(void)
{
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, "a", 30);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_BEFORE, "a", 10);
  tick(state, 5, "a", 12);
  tick(state, 6, "a", 20);
  DcCounterStep step = dc_state_counter(state, "a", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_cmpuint(step.step, ==, 20);
  step = dc_state_counter(state, "a", 5 * S + 1, 5 * S + 2);
  g_assert_cmpuint(step.step, ==, 8);
  step = dc_state_counter(state, "a", 6 * S + 1, 7 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 10);
  g_assert_cmpint(step.to_ns, ==, DC_TIME_NONE);
}

static void test_counter_reset(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 1, "dev.eth0.rx_dropped", 900);
  tick(state, 2, "dev.eth0.rx_dropped", 3);
  tick(state, 3, "dev.eth0.rx_dropped", 5);
  DcCounterStep step = dc_state_counter(state, "dev.eth0.rx_dropped", 1 * S, 2 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 0);
  g_assert_cmpuint(step.first, ==, 900);
  g_assert_cmpuint(step.last, ==, 3);
  step = dc_state_counter(state, "dev.eth0.rx_dropped", 2 * S, 3 * S);
  g_assert_cmpuint(step.step, ==, 2);
  DcCounterStep steps[4];
  g_assert_cmpuint(dc_state_counter_steps(state, "dev.eth0.rx_dropped", steps, 4), ==, 1);
}

static void test_counter_clock_back(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 100, "a", 1);
  tick(state, 90, "a", 4); /* the clock was set back */
  tick(state, 101, "a", 4);
  DcCounterStep step = dc_state_counter(state, "a", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.from_ns, ==, 100 * S);
  g_assert_cmpint(step.to_ns, ==, 101 * S);
}

/* A counter that moves at every sample for a day stays bounded; old changes grow coarse, none is lost. */
static void test_counter_folds(void)
{
  enum { SAMPLES = 86400 };
  g_autoptr(DcState) state = dc_state_new();
  for (int64_t t = 0; t < SAMPLES; t++)
    tick(state, t, "Ip.InReceives", (uint64_t)t * 3);
  static DcCounterStep steps[SAMPLES];
  const size_t count = dc_state_counter_steps(state, "Ip.InReceives", steps, SAMPLES);
  g_assert_cmpuint(count, <=, DC_STATE_STEPS_MAX);
  g_assert_cmpuint(count, >, DC_STATE_STEPS_MAX / 4);
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++) {
    total += steps[i].step;
    if (i > 0)
      g_assert_cmpint(steps[i].from_ns, ==, steps[i - 1].to_ns);
  }
  g_assert_cmpuint(total, ==, (SAMPLES - 1) * 3);
  g_assert_cmpint(steps[0].from_ns, ==, 0);
  /* the recent ones are as fine as they were */
  const DcCounterStep step = dc_state_counter(state, "Ip.InReceives", (SAMPLES - 10) * S + 1, (SAMPLES - 10) * S + 2);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.to_ns - step.from_ns, ==, 1 * S);
  /* and an old moment still lies between two samples whose values were read */
  const DcCounterStep old = dc_state_counter(state, "Ip.InReceives", 100 * S, 101 * S);
  g_assert_true(old.known);
  g_assert_cmpint(old.from_ns, <=, 100 * S);
  g_assert_cmpint(old.to_ns, >=, 101 * S);
  g_assert_cmpuint(old.first, ==, (uint64_t)(old.from_ns / S) * 3);
  g_assert_cmpuint(old.last, ==, (uint64_t)(old.to_ns / S) * 3);
}

/* The answers of the compact form are those of a list of all samples. */
static void test_counter_model(void)
{
  enum { SAMPLES = 400 };
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  for (int round = 0; round < 20; round++) {
    g_autoptr(DcState) state = dc_state_new();
    uint64_t values[SAMPLES];
    uint64_t value = 1000;
    for (int i = 0; i < SAMPLES; i++) {
      if (g_rand_int_range(rand, 0, 5) == 0)
        value += (uint64_t)g_rand_int_range(rand, -2, 9);
      values[i] = value;
      tick(state, i, "x", value);
    }
    for (int query = 0; query < 500; query++) {
      const int64_t from = g_rand_int_range(rand, 0, SAMPLES * 10 - 10);
      const int64_t wide = from + g_rand_int_range(rand, 1, 100);
      const int64_t to = MIN(wide, (SAMPLES - 1) * 10);
      const DcCounterStep step = dc_state_counter(state, "x", from * S / 10, to * S / 10);
      const uint64_t first = values[from / 10];
      const uint64_t last = values[(to + 9) / 10];
      if (from >= to)
        continue; /* cut off at the end */
      g_assert_true(step.known);
      g_assert_cmpuint(step.first, ==, first);
      g_assert_cmpuint(step.last, ==, last);
      g_assert_cmpuint(step.step, ==, last > first ? last - first : 0);
      g_assert_cmpint(step.from_ns, <=, from * S / 10);
      g_assert_cmpint(step.to_ns, >=, to * S / 10);
    }
  }
}

static void sample_rules(DcState *state, int64_t seconds, bool whole, const char *name, uint64_t value)
{
  dc_state_begin_object(state, "nft", DC_PHASE_TICK, seconds * S, true);
  if (name != NULL)
    tick(state, seconds, name, value);
  dc_state_end_object(state, whole);
}

static void test_counter_new_in_object(void)
{
  g_autoptr(DcState) state = dc_state_new();
  /* a rule of the first sample may have counted for days */
  sample_rules(state, 1, true, "nft.inet f.in.4", 70);
  g_assert_false(dc_state_counter(state, "nft.inet f.in.4", DC_TIME_NONE, DC_TIME_NONE).known);
  /* one added meanwhile counted nothing before */
  sample_rules(state, 2, true, "nft.inet f.in.5", 3);
  DcCounterStep step = dc_state_counter(state, "nft.inet f.in.5", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.from_ns, ==, 1 * S);
  /* after a list that was cut off nothing of the kind can be said */
  sample_rules(state, 3, false, NULL, 0);
  sample_rules(state, 4, true, "nft.inet f.in.6", 9);
  g_assert_false(dc_state_counter(state, "nft.inet f.in.6", DC_TIME_NONE, DC_TIME_NONE).known);

  /* untimed files likewise */
  dc_state_begin_object(state, "iptables-save", DC_PHASE_BEFORE, DC_TIME_NONE, true);
  dc_state_end_object(state, true);
  dc_state_begin_object(state, "iptables-save", DC_PHASE_AFTER, DC_TIME_NONE, true);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, "iptables.filter.INPUT.x", 8);
  dc_state_end_object(state, true);
  step = dc_state_counter(state, "iptables.filter.INPUT.x", 1, 2);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 8);

  /* not where the object does not work that way */
  for (int64_t t = 10; t < 12; t++) {
    dc_state_begin_object(state, "netstat", DC_PHASE_TICK, t * S, false);
    if (t == 11)
      tick(state, t, "TcpExt.PAWSPassive", 387158);
    dc_state_end_object(state, true);
  }
  g_assert_false(dc_state_counter(state, "TcpExt.PAWSPassive", DC_TIME_NONE, DC_TIME_NONE).known);
}

static void collect(const char *name, const DcCounterStep *whole, void *data)
{
  g_string_append_printf(data, "%s+%" G_GUINT64_FORMAT " ", name, whole->step);
}

static void test_counter_each(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 1, "c", 1);
  tick(state, 1, "a", 5);
  tick(state, 2, "a", 7);
  tick(state, 1, "b", 0);
  g_autoptr(GString) seen = g_string_new(NULL);
  dc_state_each_counter(state, collect, seen);
  g_assert_cmpstr(seen->str, ==, "a+2 b+0 c+0 ");
}

static void test_counter_limits(void)
{
  g_autoptr(DcState) state = dc_state_new();
  char name[32];
  for (unsigned i = 0; i < DC_STATE_COUNTERS_MAX + 10; i++) {
    g_snprintf(name, sizeof name, "n.%u", i);
    tick(state, 1, name, i);
  }
  g_assert_cmpuint(dc_state_refused(state), ==, 10);
  uint64_t value;
  g_assert_false(dc_state_counter_value(state, name, &value));
  /* those known go on */
  tick(state, 2, "n.0", 5);
  g_assert_cmpuint(dc_state_counter(state, "n.0", DC_TIME_NONE, DC_TIME_NONE).step, ==, 5);

  g_autofree char *long_name = g_strnfill(DC_STATE_NAME_MAX, 'x');
  g_autoptr(DcState) other = dc_state_new();
  tick(other, 1, long_name, 1);
  g_assert_false(dc_state_counter_value(other, long_name, &value));
  g_assert_cmpuint(dc_state_refused(other), ==, 1);
}

/* Many counters that all move: the sum of what is kept has a bound, too. */
static void test_counter_total(void)
{
  enum { COUNTERS = 3000, SAMPLES = 1000 };
  g_autoptr(DcState) state = dc_state_new();
  char name[32];
  for (int64_t t = 0; t < SAMPLES; t++) {
    for (unsigned i = 0; i < COUNTERS; i++) {
      g_snprintf(name, sizeof name, "n.%u", i);
      tick(state, t, name, (uint64_t)t);
    }
  }
  static DcCounterStep steps[SAMPLES];
  size_t kept = 0;
  for (unsigned i = 0; i < COUNTERS; i++) {
    g_snprintf(name, sizeof name, "n.%u", i);
    kept += dc_state_counter_steps(state, name, steps, SAMPLES);
    g_assert_cmpuint(dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE).step, ==, SAMPLES - 1);
  }
  g_assert_cmpuint(kept, <=, DC_STATE_STEPS_TOTAL_MAX);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/counter/live", test_counter_steps_live);
  g_test_add_func("/state/counter/unframed", test_counter_unframed);
  g_test_add_func("/state/counter/files", test_counter_files);
  g_test_add_func("/state/counter/order", test_counter_order);
  g_test_add_func("/state/counter/reset", test_counter_reset);
  g_test_add_func("/state/counter/clock-back", test_counter_clock_back);
  g_test_add_func("/state/counter/folds", test_counter_folds);
  g_test_add_func("/state/counter/model", test_counter_model);
  g_test_add_func("/state/counter/new-in-object", test_counter_new_in_object);
  g_test_add_func("/state/counter/each", test_counter_each);
  g_test_add_func("/state/counter/limits", test_counter_limits);
  g_test_add_func("/state/counter/total", test_counter_total);
  return g_test_run();
}
