/* The text writer's lines per event, letter by letter. */
#include "dropcorr/report/writer.h"

#include "report_sample.h"

#include <stdlib.h>

typedef struct {
  char *text;
  size_t len;
  FILE *stream;
  DcReportWriter *writer;
} Lines;

static void lines_open(Lines *lines, int verbosity)
{
  const DcReportOptions options = {
      .frames = true, .handshakes = true, .width = 80, .numeric = true, .verbosity = verbosity};
  lines->text = NULL;
  lines->stream = open_memstream(&lines->text, &lines->len);
  lines->writer = dc_report_writer_new(dc_report_writer_find("text"), lines->stream, &options);
  g_assert_true(lines->writer->ops->begin(lines->writer, NULL));
}

static void lines_close(Lines *lines, const char *expected)
{
  dc_report_writer_free(lines->writer);
  fclose(lines->stream);
  g_assert_cmpstr(lines->text, ==, expected);
  free(lines->text);
}

static DcBrief syn(void)
{
  return (DcBrief){.has = DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP,
                   .flow = {.src = {10, 0, 0, 2},
                            .dst = {10, 0, 0, 1},
                            .src_port = 40001,
                            .dst_port = 8089,
                            .ip_version = 4,
                            .protocol = 6},
                   .tcp_flags = DC_TCP_SYN,
                   .len = 74,
                   .direction = DC_DIRECTION_IN};
}

static void test_frame_lines(void)
{
  Lines lines;
  lines_open(&lines, 0);
  DcFrameVerdict verdict = {.frame = 12,
                            .time_ns = SAMPLE_T0,
                            .brief = syn(),
                            .fate = DC_FATE_DROPPED,
                            .cause = DC_CAUSE_NETFILTER_DROP,
                            .confidence = DC_CONFIDENCE_CERTAIN,
                            .match = DC_MATCH_EXACT,
                            .drop = 5,
                            .delay_ns = 390000,
                            .answer_ns = -1};
  g_assert_true(lines.writer->ops->frame(lines.writer, &verdict, NULL));
  verdict =
      (DcFrameVerdict){.frame = 13, .time_ns = SAMPLE_T0, .brief = syn(), .fate = DC_FATE_ANSWERED, .answer_ns = 77000};
  g_assert_true(lines.writer->ops->frame(lines.writer, &verdict, NULL));
  verdict.fate = DC_FATE_REFUSED;
  verdict.cause = DC_CAUSE_NO_SOCKET;
  verdict.confidence = DC_CONFIDENCE_LIKELY;
  verdict.refused_by = DC_REFUSED_RST;
  g_assert_true(lines.writer->ops->frame(lines.writer, &verdict, NULL));
  verdict.fate = DC_FATE_DROPPED; /* by its socket's absence, and the reset came of it */
  verdict.drop = 6;
  verdict.match = DC_MATCH_EXACT;
  verdict.delay_ns = 1000000;
  g_assert_true(lines.writer->ops->frame(lines.writer, &verdict, NULL));
  verdict = (DcFrameVerdict){.frame = 14,
                             .time_ns = SAMPLE_T0,
                             .brief = syn(),
                             .fate = DC_FATE_CONSUMED,
                             .drop = 7,
                             .delay_ns = 401000,
                             .answer_ns = -1};
  g_assert_true(lines.writer->ops->frame(lines.writer, &verdict, NULL));
  /* far wider than the page, and still one line */
  memset(verdict.brief.flow.src, 0xfe, sizeof verdict.brief.flow.src);
  memset(verdict.brief.flow.dst, 0xfd, sizeof verdict.brief.flow.dst);
  verdict.brief.flow.ip_version = 6;
  g_assert_true(lines.writer->ops->frame(lines.writer, &verdict, NULL));
  lines_close(&lines, "12 09:51:57.154238 In  10.0.0.2:40001 > 10.0.0.1:8089: TCP S, 74 bytes | dropped: "
                      "netfilter-drop (certain), drop 5 exact after 390 us\n"
                      "13 09:51:57.154238 In  10.0.0.2:40001 > 10.0.0.1:8089: TCP S, 74 bytes | answered after 77 us\n"
                      "13 09:51:57.154238 In  10.0.0.2:40001 > 10.0.0.1:8089: TCP S, 74 bytes | refused: no-socket "
                      "(likely) by RST after 77 us\n"
                      "13 09:51:57.154238 In  10.0.0.2:40001 > 10.0.0.1:8089: TCP S, 74 bytes | dropped: no-socket "
                      "(likely), drop 6 exact after 1.0 ms, then RST after 77 us\n"
                      "14 09:51:57.154238 In  10.0.0.2:40001 > 10.0.0.1:8089: TCP S, 74 bytes | consumed, drop 7 "
                      "after 401 us\n"
                      "14 09:51:57.154238 In  [fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:40001 > "
                      "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:8089: TCP S, 74 bytes | consumed, drop 7 "
                      "after 401 us\n");
}

static void test_handshake_lines(void)
{
  Lines lines;
  lines_open(&lines, 0);
  DcHandshake handshake = {.brief = syn(),
                           .syns = 4,
                           .first_ns = SAMPLE_T0,
                           .last_ns = SAMPLE_T0 + 7 * DC_NS_PER_S,
                           .times_ns = {SAMPLE_T0, SAMPLE_T0 + INT64_C(999979000), SAMPLE_T0 + INT64_C(3002686000),
                                        SAMPLE_T0 + INT64_C(15034483000)},
                           .outcome = DC_OUTCOME_SILENT,
                           .cause = DC_CAUSE_TW_RECYCLE_NAT,
                           .confidence = DC_CONFIDENCE_LIKELY,
                           .answer_ns = -1,
                           .total_ns = -1};
  g_assert_true(lines.writer->ops->handshake(lines.writer, &handshake, NULL));
  handshake = (DcHandshake){.brief = syn(),
                            .syns = 1,
                            .first_ns = SAMPLE_T0,
                            .last_ns = SAMPLE_T0,
                            .times_ns = {SAMPLE_T0},
                            .outcome = DC_OUTCOME_ANSWERED,
                            .answer_ns = 77000,
                            .total_ns = 77000,
                            .synacks = 1};
  g_assert_true(lines.writer->ops->handshake(lines.writer, &handshake, NULL));
  handshake = (DcHandshake){.brief = syn(),
                            .syns = 3,
                            .dropped = 2,
                            .first_ns = SAMPLE_T0,
                            .last_ns = SAMPLE_T0 + 7 * DC_NS_PER_MS,
                            .times_ns = {SAMPLE_T0, SAMPLE_T0 + 3 * DC_NS_PER_MS, SAMPLE_T0 + 7 * DC_NS_PER_MS},
                            .outcome = DC_OUTCOME_DROPPED,
                            .cause = DC_CAUSE_NO_SOCKET,
                            .confidence = DC_CONFIDENCE_CERTAIN,
                            .refused_by = DC_REFUSED_RST,
                            .answer_ns = 869000,
                            .total_ns = 876000};
  handshake.brief.l4_checksum = DC_CHECKSUM_BAD;
  g_assert_true(lines.writer->ops->handshake(lines.writer, &handshake, NULL));
  lines_close(&lines, "09:51:57.154238 10.0.0.2:40001 > 10.0.0.1:8089: TCP SYN x4: +0 +1.0 +3.0 +15 s | silent: "
                      "tw-recycle-nat (likely)\n"
                      "09:51:57.154238 10.0.0.2:40001 > 10.0.0.1:8089: TCP SYN | answered after 77 us\n"
                      "09:51:57.154238 10.0.0.2:40001 > 10.0.0.1:8089: TCP SYN x3: +0 +0.003 +0.007 s | dropped, "
                      "then RST after 876 us (869 us after its SYN), 2 of 3 SYNs dropped: no-socket (certain)\n");
}

static void test_drop_lines(void)
{
  Lines lines;
  lines_open(&lines, 0);
  const DcDrop drop = {.number = 9,
                       .time_ns = SAMPLE_T0,
                       .symbol = "evil\x1b[31m",
                       .offset = 0x4bc,
                       .size = 0xd00,
                       .reason = "NO_SOCKET",
                       .count = 3,
                       .protocol = -1};
  DcDropVerdict verdict = {.drop = &drop, .status = DC_DROP_STATUS_UNMATCHED, .unmatched_why = DC_UNMATCHED_NO_KEY};
  g_assert_true(lines.writer->ops->drop(lines.writer, &verdict, NULL));
  verdict.status = DC_DROP_STATUS_MATCHED; /* told by its frame's line */
  verdict.frame = 3;
  g_assert_true(lines.writer->ops->drop(lines.writer, &verdict, NULL));
  lines_close(&lines, "drop 9 09:51:57.154238 evil\\x1b[31m+0x4bc/0xd00 NO_SOCKET x3 | unmatched, the record has "
                      "neither bytes nor a time to join it by\n");
}

static void test_alert_line(void)
{
  g_autoptr(DcReport) report = sample_report();
  Lines lines;
  lines_open(&lines, 0);
  g_assert_true(lines.writer->ops->finding(lines.writer, g_ptr_array_index(report->findings, 0), NULL));
  lines_close(&lines,
              "09:51:59 HIGH UDP port 5001: receive buffer full: 17 of 20 frames (85%), certain [udp-rcvbuf]\n");
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/text-lines/frame", test_frame_lines);
  g_test_add_func("/text-lines/handshake", test_handshake_lines);
  g_test_add_func("/text-lines/drop", test_drop_lines);
  g_test_add_func("/text-lines/alert", test_alert_line);
  return g_test_run();
}
