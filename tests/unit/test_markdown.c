#include "dropcorr/report/writer.h"

#include "report_sample.h"

#include <stdlib.h>

enum { LIMIT = 28000 };

static char *render(const DcReport *report)
{
  char *text = NULL;
  size_t len = 0;
  FILE *stream = open_memstream(&text, &len);
  const DcReportOptions options = {.width = 80, .command_line = "dropcorr -r a.pcap"};
  g_autoptr(DcReportWriter) writer = dc_report_writer_new(dc_report_writer_find("md"), stream, &options);
  g_autoptr(GError) error = NULL;
  g_assert_true(writer->ops->begin(writer, &error));
  g_assert_true(writer->ops->end(writer, report, &error));
  g_assert_no_error(error);
  fclose(stream);
  char *copy = g_strdup(text);
  free(text);
  return copy;
}

static void assert_contains(const char *text, const char *part)
{
  if (strstr(text, part) == NULL)
    g_error("\"%s\" is not in:\n%s", part, text);
}

/* The document without its fenced blocks (CommonMark 4.5), which must all be closed. */
static char *outside_fences(const char *text)
{
  GString *out = g_string_new(NULL);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  size_t fence = 0;
  for (char **line = lines; *line != NULL; line++) {
    const size_t ticks = strspn(*line, "`");
    if (fence == 0 && ticks >= 3 && strchr(*line + ticks, '`') == NULL)
      fence = ticks;
    else if (fence > 0 && ticks >= fence && (*line)[ticks] == '\0')
      fence = 0;
    else if (fence == 0)
      g_string_append_printf(out, "%s\n", *line);
  }
  g_assert_cmpuint(fence, ==, 0);
  return g_string_free(out, FALSE);
}

static void test_sample(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *text = render(report);
  g_assert_true(g_str_has_prefix(text, "# dropcorr: 28 frames to 10.0.0.1 were lost; most: UDP port 5001"));
  assert_contains(text, "\n## Finding 1: UDP port 5001: receive buffer full\n\nSeverity high, cause `udp-rcvbuf`.\n");
  assert_contains(text, "- lost: 17 of 20 frames (85%) dropped, 17204 bytes\n");
  assert_contains(text, "```sh\n# rb is the buffer's limit, d counts what it lost\nss -uamn 'sport = :5001'\n");
  assert_contains(text, "- could also be: syn-queue-full: TcpExt.TCPReqQFullDrop was not sampled\n");
  assert_contains(text, "\n## What this run could not see\n\n```text\n  - no ethtool");
  assert_contains(text, "     105 frames in all\n");
  assert_contains(text, "\n## Checklist\n");
  assert_contains(text, "\n      20       17  UDP port 5001\n");
  assert_contains(text, "\n09:51:59       24       17       17  #####################---------\n");
  assert_contains(
      text,
      "\n      +3.0 s  -- SYN, retry 2   ->  frame 72\n  no answer to 3 SYNs in 3.0 s: Accept queue full (likely)\n");
  assert_contains(text, "<- SYN-ACK        --  frame 71\n");
  g_autofree char *outside = outside_fences(text);
  g_assert_null(strstr(outside, "sysctl -w"));
}

/* What is first to be done stays first, whether words or a command. */
static void test_order_of_actions(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *text = render(report);
  const char *words = strstr(text, "- let the service call accept() more often");
  const char *command = strstr(text, "sysctl -w net.core.somaxconn");
  g_assert_true(words != NULL && command != NULL && words < command);
  command = strstr(text, "sysctl -w net.core.rmem_max");
  words = strstr(text, "- make the reader faster");
  g_assert_true(words != NULL && command != NULL && command < words);
}

/* As long and as high as it can be. */
static void grow_activity(DcActivity *activity)
{
  uint64_t **const columns[] = {&activity->frames, &activity->lost, &activity->harmless, &activity->open,
                                &activity->drops};
  activity->used = 512;
  for (size_t c = 0; c < G_N_ELEMENTS(columns); c++) {
    g_free(*columns[c]);
    *columns[c] = g_new0(uint64_t, activity->used);
    for (uint32_t i = 0; i < activity->used; i++)
      (*columns[c])[i] = UINT64_MAX / 1024;
  }
}

static void test_size(void)
{
  g_autoptr(DcReport) report = sample_report();
  for (int i = 0; i < 200; i++)
    sample_udp(report);
  for (int i = 0; i < 500; i++)
    sample_group(report, DC_DROP_STATUS_UNMATCHED, DC_UNMATCHED_NO_FRAME, 6, "__udp4_lib_rcv", "NO_SOCKET", "packet");
  for (int i = 0; i < 300; i++)
    g_ptr_array_add(report->limits, g_strdup("a limit of this run"));
  g_autofree char *name = g_strnfill(400, 'x');
  for (int i = 0; i < 500; i++) {
    sample_service(report->services, (DcService){.protocol = 6, .ethertype = -1}, name, UINT64_MAX, UINT64_MAX / 3, 1,
                   1);
    g_ptr_array_add(report->summary.losses, g_strdup(name));
    g_ptr_array_add(report->sources, g_strdup(name));
  }
  g_free(report->direction);
  report->direction = g_strdup(name);
  grow_activity(&report->activity);
  g_free(report->unanswered);
  report->unanswered = sample_attempt(40000, UINT32_MAX);
  g_autofree char *text = render(report);
  g_assert_cmpuint(strlen(text), <, LIMIT);
  assert_contains(text, "\n## Over time\n");
  assert_contains(text, "\n## A connection attempt that failed\n");
  assert_contains(text, "more: see the text report\n");
  assert_contains(text, "more lines: see the text report\n");
  assert_contains(text, "     105 frames in all\n"); /* the sections below are still there */
  g_autofree char *outside = outside_fences(text);
  g_assert_cmpuint(strlen(outside), >, 0);
}

/* The worst that names can do: markup, mentions, fences, no end. */
static void test_hostile(void)
{
  static const char *const EVIL[] = {"<script>x</script> **b** [l](http://e) @root #1 _i_", "```\n# owned\n```",
                                     "a\n\n# owned\n", "| a | b |\n|---|---|", "\x1b[2J\xff\xe2\x80\xae"};
  g_autofree char *ticks = g_strnfill(50000, '`');
  g_autofree char *bytes = g_strnfill(50000, '\x9b');
  for (size_t i = 0; i < G_N_ELEMENTS(EVIL) + 2; i++) {
    const char *evil = i < G_N_ELEMENTS(EVIL) ? EVIL[i] : i == G_N_ELEMENTS(EVIL) ? ticks : bytes;
    g_autoptr(DcReport) report = sample_report();
    g_free(report->verdict);
    report->verdict = g_strdup(evil);
    report->summary.complete = false;
    report->summary.incomplete_why = g_strdup(evil);
    g_free(report->direction);
    report->direction = g_strdup(evil);
    for (int n = 0; n < 8; n++) {
      DcFinding *finding =
          sample_finding(report, DC_CAUSE_XDP, DC_SEVERITY_HIGH, DC_CONFIDENCE_LIKELY, DC_FATE_DROPPED, evil);
      for (int k = 0; k < 8; k++) {
        sample_evidence(finding, evil, evil, DC_TIME_NONE);
        sample_action(finding->confirm, evil, evil);
        sample_action(finding->fix, k % 2 == 0 ? NULL : evil, evil);
        g_ptr_array_add(finding->rivals, g_strdup(evil));
        g_ptr_array_add(finding->notes, g_strdup(evil));
        g_ptr_array_add(finding->reasons, g_strdup(evil));
        g_ptr_array_add(finding->sites, g_strdup(evil));
      }
    }
    sample_group(report, DC_DROP_STATUS_UNMATCHED, DC_UNMATCHED_NO_FRAME, 1, evil, evil, evil);
    sample_check(report, DC_CAUSE_XDP, DC_CHECK_RULED_OUT, evil);
    g_ptr_array_add(report->limits, g_strdup(evil));
    g_autofree char *text = render(report);
    g_assert_cmpuint(strlen(text), <, LIMIT);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
      g_assert_true(*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)));
    /* outside fences and code spans nothing of it is left */
    g_autofree char *outside = outside_fences(text);
    g_autoptr(GRegex) spans = g_regex_new("(?<!`)(`+)(?!`).*?(?<!`)\\1(?!`)", 0, 0, NULL);
    g_autofree char *prose = g_regex_replace(spans, outside, -1, 0, "", 0, NULL);
    g_assert_null(strstr(prose, "<script"));
    g_assert_null(strstr(prose, "@root"));
    g_assert_null(strstr(prose, "owned"));
    g_assert_null(strstr(prose, "http"));
  }
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/markdown/sample", test_sample);
  g_test_add_func("/markdown/order-of-actions", test_order_of_actions);
  g_test_add_func("/markdown/size", test_size);
  g_test_add_func("/markdown/hostile", test_hostile);
  return g_test_run();
}
