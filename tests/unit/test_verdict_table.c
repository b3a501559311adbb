/* Verdicts kept by number: in any order of arrival, for far more frames than distinct verdicts. */
#include "dropcorr/cli/verdict_table.h"

#include <string.h>

static void add_frame(DcVerdictTable *table, uint64_t number, DcFate fate, DcCause cause, uint64_t drop,
                      DcDirection direction)
{
  const DcFrameVerdict verdict = {.frame = number,
                                  .fate = (uint8_t)fate,
                                  .cause = (uint8_t)cause,
                                  .drop = drop,
                                  .brief = {.direction = (uint8_t)direction}};
  dc_verdict_table_add_frame(table, &verdict);
}

static void add_drop(DcVerdictTable *table, uint64_t number, const char *reason, uint64_t frame)
{
  const DcDrop drop = {.number = number, .reason = reason, .symbol = "tcp_v4_rcv", .offset = 0x81};
  const DcDropVerdict verdict = {.drop = &drop,
                                 .status = frame != 0 ? DC_DROP_STATUS_MATCHED : DC_DROP_STATUS_NOISE,
                                 .aside_why = frame != 0 ? DC_ASIDE_NONE : DC_ASIDE_TEARDOWN,
                                 .cause = DC_CAUSE_NO_SOCKET,
                                 .match = DC_MATCH_STRONG,
                                 .frame = frame};
  dc_verdict_table_add_drop(table, &verdict);
}

static void test_frames_and_drops(void)
{
  g_autoptr(DcVerdictTable) table = dc_verdict_table_new(0);
  add_drop(table, 5, "NO_SOCKET", 12); /* before its frame's verdict */
  add_frame(table, 12, DC_FATE_DROPPED, DC_CAUSE_NO_SOCKET, 5, DC_DIRECTION_IN);
  add_frame(table, 3, DC_FATE_DROPPED, DC_CAUSE_NO_SOCKET, 6, DC_DIRECTION_OTHER_HOST);
  add_drop(table, 6, "TCP_CSUM", 3); /* and after */
  add_frame(table, 4, DC_FATE_OUTBOUND, DC_CAUSE_NONE, 0, DC_DIRECTION_OUT);
  add_drop(table, 7, "NO_SOCKET", 0);

  DcFrameEntry frame;
  g_assert_true(dc_verdict_table_frame(table, 12, &frame));
  g_assert_cmpint(frame.direction, ==, DC_DIRECTION_IN);
  g_assert_cmpint(frame.comment.fate, ==, DC_FATE_DROPPED);
  g_assert_cmpint(frame.comment.cause, ==, DC_CAUSE_NO_SOCKET);
  g_assert_cmpstr(frame.place, ==, "NO_SOCKET at tcp_v4_rcv+0x81");
  g_assert_true(dc_verdict_table_frame(table, 3, &frame));
  g_assert_cmpint(frame.direction, ==, DC_DIRECTION_OTHER_HOST);
  g_assert_cmpstr(frame.place, ==, "TCP_CSUM at tcp_v4_rcv+0x81");
  g_assert_true(dc_verdict_table_frame(table, 4, &frame));
  g_assert_cmpint(frame.direction, ==, DC_DIRECTION_OUT);
  g_assert_null(frame.place);
  g_assert_false(dc_verdict_table_frame(table, 1, &frame));
  g_assert_false(dc_verdict_table_frame(table, 99, &frame));

  DcDropEntry drop;
  g_assert_true(dc_verdict_table_drop(table, 5, &drop));
  g_assert_cmpint(drop.status, ==, DC_DROP_STATUS_MATCHED);
  g_assert_cmpint(drop.match, ==, DC_MATCH_STRONG);
  g_assert_cmpuint(drop.frame, ==, 12);
  g_assert_true(dc_verdict_table_drop(table, 7, &drop));
  g_assert_cmpint(drop.status, ==, DC_DROP_STATUS_NOISE);
  g_assert_cmpint(drop.why, ==, DC_ASIDE_TEARDOWN);
  g_assert_cmpuint(drop.frame, ==, 0);
  g_assert_false(dc_verdict_table_drop(table, 1, &drop));
  g_assert_cmpuint(dc_verdict_table_lost(table), ==, 0);
  g_assert_null(dc_verdict_table_why(table));
}

static void test_a_million_frames(void)
{
  enum { FRAMES = 1000000 };
  g_autoptr(DcVerdictTable) table = dc_verdict_table_new(0);
  for (uint64_t i = 1; i <= FRAMES; i++) {
    if (i % 100 == 0)
      add_drop(table, i / 100, i % 200 == 0 ? "NO_SOCKET" : "TCP_CSUM", i);
    add_frame(table, i, i % 100 == 0 ? DC_FATE_DROPPED : DC_FATE_ANSWERED,
              i % 100 == 0 ? (DcCause)(1 + i / 100 % (DC_CAUSE_COUNT - 1)) : DC_CAUSE_NONE, i % 100 == 0 ? i / 100 : 0,
              DC_DIRECTION_IN);
  }
  for (uint64_t i = 1; i <= FRAMES; i++) {
    DcFrameEntry frame;
    g_assert_true(dc_verdict_table_frame(table, i, &frame));
    if (i % 100 != 0) {
      g_assert_cmpint(frame.comment.fate, ==, DC_FATE_ANSWERED);
      continue;
    }
    g_assert_cmpuint(frame.comment.cause, ==, 1 + i / 100 % (DC_CAUSE_COUNT - 1));
    g_assert_true(g_str_has_prefix(frame.place, i % 200 == 0 ? "NO_SOCKET" : "TCP_CSUM"));
  }
  g_assert_cmpuint(dc_verdict_table_lost(table), ==, 0);
}

/* A log may hold as many places as it likes. */
static void test_too_many_places(void)
{
  g_autoptr(DcVerdictTable) table = dc_verdict_table_new(0);
  for (uint64_t i = 1; i <= 70000; i++) {
    char reason[32];
    g_snprintf(reason, sizeof reason, "R%u", (unsigned)i);
    add_drop(table, i, reason, i);
  }
  DcDropEntry drop;
  g_assert_true(dc_verdict_table_drop(table, 65535, &drop));
  g_assert_cmpstr(drop.place, ==, "R65535 at tcp_v4_rcv+0x81");
  g_assert_true(dc_verdict_table_drop(table, 70000, &drop));
  g_assert_null(drop.place);
  g_assert_cmpuint(dc_verdict_table_lost(table), ==, 70000 - 65535);
  g_assert_nonnull(dc_verdict_table_why(table));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/verdict-table/frames-and-drops", test_frames_and_drops);
  g_test_add_func("/verdict-table/a-million-frames", test_a_million_frames);
  g_test_add_func("/verdict-table/too-many-places", test_too_many_places);
  return g_test_run();
}
