/* What plots are made of: nothing is lost when spans are added together, rungs stand in their order. */
#include "../../src/report/plots.h"

#include "report_sample.h"

static DcActivity long_activity(uint32_t used)
{
  DcActivity activity = {.begin_ns = 0, .bin_ns = 4 * DC_NS_PER_S, .used = used};
  uint64_t **const columns[] = {&activity.frames, &activity.lost, &activity.harmless, &activity.open, &activity.drops};
  for (size_t c = 0; c < G_N_ELEMENTS(columns); c++) {
    *columns[c] = g_new0(uint64_t, used);
    for (uint32_t i = 0; i < used; i++)
      (*columns[c])[i] = c == 0 ? 10 : i % 3;
  }
  return activity;
}

static void activity_clear(DcActivity *activity)
{
  g_free(activity->frames);
  g_free(activity->lost);
  g_free(activity->harmless);
  g_free(activity->open);
  g_free(activity->drops);
}

static void test_sums_stay(void)
{
  static const uint32_t lengths[] = {1, 23, 24, 25, 128, 129, 511, 512};
  for (size_t n = 0; n < G_N_ELEMENTS(lengths); n++) {
    DcActivity activity = long_activity(lengths[n]);
    for (uint32_t most = 1; most <= 200; most += 33) {
      DcPlot plot;
      g_assert_true(dc_plot_fill(&activity, most, &plot));
      g_assert_cmpuint(plot.used, <=, MIN(most, DC_PLOT_SPANS_MAX));
      uint64_t frames = 0, lost = 0, drops = 0, wanted = 0, most_frames = 0;
      for (uint32_t i = 0; i < plot.used; i++) {
        g_assert_cmpint(plot.spans[i].begin_ns, ==, i * plot.span_ns);
        frames += plot.spans[i].frames;
        lost += plot.spans[i].lost;
        drops += plot.spans[i].drops;
        most_frames = MAX(most_frames, plot.spans[i].frames);
      }
      for (uint32_t i = 0; i < activity.used; i++)
        wanted += activity.lost[i];
      g_assert_cmpuint(frames, ==, 10 * activity.used);
      g_assert_cmpuint(lost, ==, wanted);
      g_assert_cmpuint(drops, ==, wanted);
      g_assert_cmpuint(plot.frames_max, ==, most_frames);
    }
    activity_clear(&activity);
  }
}

static void test_nothing(void)
{
  const DcActivity activity = {.used = 0};
  DcPlot plot;
  g_assert_false(dc_plot_fill(&activity, 24, &plot));
}

static void test_per(void)
{
  DcPlot plot = {.span_ns = DC_NS_PER_S};
  g_autofree char *second = dc_plot_per_text(&plot);
  g_assert_cmpstr(second, ==, "per second");
  plot.span_ns = 32 * DC_NS_PER_S;
  g_autofree char *more = dc_plot_per_text(&plot);
  g_assert_cmpstr(more, ==, "per 32 s");
}

static void test_ladder(void)
{
  g_autoptr(DcReport) report = sample_report();
  DcRung rungs[DC_LADDER_RUNGS_MAX];
  g_assert_cmpuint(dc_ladder_fill(report->unanswered, rungs), ==, 3);
  g_assert_cmpstr(rungs[0].label, ==, "SYN");
  g_assert_cmpstr(rungs[2].label, ==, "SYN, retry 2");
  g_assert_cmpint(rungs[2].offset_ns, ==, 3 * DC_NS_PER_S);
  g_autofree char *failed = dc_ladder_end_text(report->unanswered);
  g_assert_cmpstr(failed, ==, "no answer to 3 SYNs in 3.0 s: Accept queue full (likely)");

  g_assert_cmpuint(dc_ladder_fill(report->answered, rungs), ==, 3);
  g_assert_cmpstr(rungs[1].label, ==, "SYN-ACK");
  g_assert_false(rungs[1].inbound);
  g_assert_cmpstr(rungs[2].label, ==, "ACK");
  g_assert_cmpuint(rungs[2].frame, ==, 72);
  g_autofree char *good = dc_ladder_end_text(report->answered);
  g_assert_cmpstr(good, ==, "established after 900 us");
}

/* A retry that comes before the answer stands above it; more SYNs than are kept do no harm. */
static void test_ladder_order(void)
{
  DcRung rungs[DC_LADDER_RUNGS_MAX];
  g_autofree DcHandshake *late = sample_attempt(40011, 2);
  late->answer_frame = 90;
  late->answer_time_ns = late->times_ns[1] + 1000;
  g_assert_cmpuint(dc_ladder_fill(late, rungs), ==, 3);
  g_assert_cmpstr(rungs[1].label, ==, "SYN, retry 1");
  g_assert_cmpstr(rungs[2].label, ==, "SYN-ACK");
  g_autofree DcHandshake *many = sample_attempt(40012, 4000000000u);
  many->answer_frame = 90;
  many->established = true;
  many->established_frame = 91;
  g_assert_cmpuint(dc_ladder_fill(many, rungs), ==, DC_LADDER_RUNGS_MAX);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plots/sums", test_sums_stay);
  g_test_add_func("/plots/nothing", test_nothing);
  g_test_add_func("/plots/per", test_per);
  g_test_add_func("/plots/ladder", test_ladder);
  g_test_add_func("/plots/ladder-order", test_ladder_order);
  return g_test_run();
}
