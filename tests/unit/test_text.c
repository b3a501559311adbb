#include "dropcorr/report/writer.h"

#include "../../src/report/layout.h"
#include "../../src/report/wording.h"
#include "dropcorr/report/escape.h"
#include "report_sample.h"

#include <stdlib.h>

/* --- helpers --------------------------------------------------------------------- */

static char *render(const DcReport *report, DcReportOptions options)
{
  char *text = NULL;
  size_t len = 0;
  FILE *stream = open_memstream(&text, &len);
  if (options.width == 0)
    options.width = 80;
  options.numeric = true;
  g_autoptr(DcReportWriter) writer = dc_report_writer_new(dc_report_writer_find("text"), stream, &options);
  g_autoptr(GError) error = NULL;
  g_assert_true(writer->ops->begin(writer, &error));
  g_assert_true(writer->ops->end(writer, report, &error));
  g_assert_no_error(error);
  fclose(stream);
  char *copy = g_strdup(text);
  free(text);
  return copy;
}

static guint count_lines(const char *text)
{
  guint n = 0;
  for (; *text != '\0'; text++)
    n += *text == '\n';
  return n;
}

static int columns(const char *line)
{
  int n = 0;
  for (size_t at = 0, len = strlen(line); at < len;) {
    uint32_t character;
    at += dc_utf8_decode(line + at, len - at, &character);
    n += dc_utf8_columns(character);
  }
  return n;
}

/* No line is wider than the page, except by a word that would not fit on any line of its indent. */
static void assert_width(const char *text, int width)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    if (columns(*line) <= width)
      continue;
    const char *last = strrchr(*line, ' ');
    if (last == NULL || strspn(*line, " ") < (size_t)(last + 1 - *line))
      g_error("wider than %d: %s", width, *line);
  }
}

static void assert_contains(const char *text, const char *part)
{
  if (strstr(text, part) == NULL)
    g_error("\"%s\" is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
  if (strstr(text, part) != NULL)
    g_error("\"%s\" is in:\n%s", part, text);
}

/* --- the report ------------------------------------------------------------------ */

static void test_first_screen(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = -1});
  g_assert_true(g_str_has_prefix(text, "28 frames to 10.0.0.1 were lost; most: UDP port 5001"));
  assert_contains(text, "61 frames in: 28 lost (46%), 2 lost harmlessly, 1 unexplained, 30 fine; 44 out.\n");
  assert_contains(text, "Losses: 20 certain, 8 likely. 20 of 61 drops matched a frame, byte for byte.\n");
  assert_contains(text, "#1  HIGH   UDP port 5001: receive buffer full");
  assert_contains(text, "17 of 20 frames (85%); certain: all 17 drops matched byte for byte\n");
  assert_contains(text, "   confirm ss -uamn 'sport = :5001'\n   fix     sysctl -w net.core.rmem_max=8388608\n");
  assert_contains(text, "8 of 14 frames (57%); likely: no drop event, 2 pieces of evidence\n");
  assert_contains(text, "#4  INFO   802.3 LLC (STP) has no protocol handler, 2 of 2 frames, certain\n");
  assert_lacks(text, "PROOF");
  assert_lacks(text, "INCOMPLETE");
}

/* However many findings, the first screen is one screen, and what is not on it is counted. */
static void test_first_screen_fits(void)
{
  for (guint extra = 0; extra < 40; extra++) {
    g_autoptr(DcReport) report = sample_report();
    for (guint i = 0; i < extra; i++)
      (i % 3 == 0 ? sample_stp : sample_netfilter)(report);
    report->summary.complete = false;
    report->summary.incomplete_why = g_strdup("1203 frames lost by the capture ring");
    g_autofree char *text = render(report, (DcReportOptions){.verbosity = -1});
    g_assert_cmpuint(count_lines(text), <=, 24);
    assert_contains(text, "INCOMPLETE: 1203 frames lost by the capture ring\n");
    guint shown = 0;
    for (guint i = 1; i <= report->findings->len; i++) {
      g_autofree char *number = g_strdup_printf("\n#%u ", i);
      shown += strstr(text, number) != NULL;
    }
    if (shown < report->findings->len) {
      g_autofree char *more = g_strdup_printf("... and %u more:", report->findings->len - shown);
      assert_contains(text, more);
    }
  }
}

static void test_proof(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0, .command_line = "dropcorr -r x.pcap"});
  assert_contains(text, "#1 UDP port 5001: receive buffer full [high, udp-rcvbuf]\n");
  assert_contains(text, "   lost    17 of 20 frames (85%) dropped, 17204 bytes\n");
  assert_contains(text, "   when    09:51:59.308476101 to 09:51:59.545348992 (236 ms)\n");
  assert_contains(text, "   proof   drop 23, 09:51:59.308867330: SOCKET_RCVBUFF at\n");
  assert_contains(text, "   frames  43 44 45 46 47 48 49 50 ... (17 in all)\n");
  assert_contains(text, "   from    10.0.0.2 (5), 2001:db8:0:12::7fff:1 (3)\n");
  assert_contains(text, "   from    02:00:00:00:00:02\n");
  assert_contains(text, "   doubt   could also be syn-queue-full: TcpExt.TCPReqQFullDrop was not sampled\n");
  assert_contains(text, "   reason  NETFILTER_DROP x3\n");
  assert_contains(text, "   seen    2 of 2 frames (100%) unhandled");
  assert_contains(text, "  time       2026-11-20 09:51:57.154238 UTC to 09:52:03.912238 (6.7 s)\n");
  assert_contains(text, "  command    dropcorr -r x.pcap\n");
}

static void test_checklist(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(text, "CHECKED  21 causes: 4 ruled in, 12 ruled out, 5 not checked\n");
  assert_contains(text, "    conntrack-full           7611 of 65536 entries\n");
  assert_contains(text, "    no ethtool statistics: memory-pressure, nic-error, hardware-trap\n");
  /* every check is printed, and once */
  const char *checked = strstr(text, "\nCHECKED");
  g_autofree char *section = g_strndup(checked, (size_t)(strstr(checked, "\n\n") - checked));
  for (guint i = 0; i < report->checks->len; i++) {
    const char *name = dc_cause_name(((const DcCheck *)g_ptr_array_index(report->checks, i))->cause);
    g_autofree char *pattern = g_strdup_printf("(?<![a-z-])%s(?![a-z-])", name);
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) found = NULL;
    guint times = 0;
    for (g_regex_match(regex, section, 0, &found); g_match_info_matches(found); g_match_info_next(found, NULL))
      times++;
    g_assert_cmpuint(times, ==, 1);
  }
}

/* A long list is cut on the default page, but not what is concluded from it. */
static void test_checklist_cut(void)
{
  static const char LIST[] = "TcpExt.TCPMD5NotFound +0, TcpExt.TCPMD5Unexpected +0, TcpExt.TCPMD5Failure +0, 1 more +0";
  static const char JUDGED[] = "TcpExt.ListenDrops +8, TcpExt.ListenOverflows +8: all of them overflows of a queue";
  g_autoptr(DcReport) report = sample_report();
  sample_check(report, DC_CAUSE_TCP_AUTH, DC_CHECK_RULED_OUT, LIST);
  sample_check(report, DC_CAUSE_QDISC, DC_CHECK_RULED_OUT, JUDGED);
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(text, "    tcp-auth                 TcpExt.TCPMD5NotFound +0 ...\n");
  assert_contains(text, "    qdisc                    TcpExt.ListenDrops +8, TcpExt.ListenOverflows +8:\n");
  g_autofree char *all = render(report, (DcReportOptions){.verbosity = 1});
  assert_contains(all, "1 more +0\n");
}

/* Drops that accuse nobody are summed by why; what may be a loss stands alone and first. */
static void test_drop_groups(void)
{
  g_autoptr(DcReport) report = sample_report();
  sample_group(report, DC_DROP_STATUS_NOISE, DC_ASIDE_NEIGHBOUR, 5, "icmpv6_rcv", "NOT_SPECIFIED", NULL);
  sample_group(report, DC_DROP_STATUS_NOISE, DC_ASIDE_ECHO_REPLY, 2, "ping_rcv", "NO_SOCKET", NULL);
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  const char *unmatched = strstr(text, "       6 unmatched  __udp4_lib_rcv, NO_SOCKET\n");
  const char *noise = strstr(text, "      19 noise      neighbour discovery");
  g_assert_true(unmatched != NULL && noise != NULL && unmatched < noise);
  assert_contains(text, "ip6_mc_input, icmpv6_rcv\n");
  assert_contains(text, "       2 noise      echo reply");
  g_autofree char *all = render(report, (DcReportOptions){.verbosity = 1});
  assert_contains(all, "      14 noise      ip6_mc_input, NOT_SPECIFIED\n");
  assert_contains(all, "       5 noise      icmpv6_rcv, NOT_SPECIFIED\n");
}

/* Drops that say the same are one line of proof; with -v each has its own. */
static void test_proof_merged(void)
{
  g_autoptr(DcReport) report = sample_report();
  DcFinding *finding = g_ptr_array_index(report->findings, 2);
  sample_evidence(finding, "drop 6", "NETFILTER_DROP at x", SAMPLE_T0);
  sample_evidence(finding, "drop 7", "NETFILTER_DROP at x", SAMPLE_T0 + 1);
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(text, "           drop 6, 7, 09:51:57.154238000: NETFILTER_DROP at x\n");
  g_autofree char *all = render(report, (DcReportOptions){.verbosity = 1});
  assert_contains(all, "           drop 7, 09:51:57.154238001: NETFILTER_DROP at x\n");
}

static void test_accounts(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(text, "\n     105 frames in all\n");
  assert_contains(text, "\n      61 drops in all\n");
  assert_contains(text, "\n      20 matched       joined to a frame: 20 exact\n");
  assert_contains(text, "CONNECTION ATTEMPTS  13: 9 answered, 1 dropped, 3 silent\n");
  assert_lacks(text, "consumed");
  assert_lacks(text, "not accounted for");
  assert_contains(text, "       6 unmatched  __udp4_lib_rcv, NO_SOCKET\n");
  assert_contains(text, "e.g. drop 3: 10.0.0.3:40003 > 10.0.0.1:5999: UDP, 43 bytes\n");

  report->summary.frames_by_fate[DC_FATE_OUTBOUND] -= 4;
  g_autofree char *broken = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(broken, "     101 frames in all  but 105 were seen: 4 not accounted for\n");
}

static void test_healthy(void)
{
  g_autoptr(DcReport) report = sample_report_empty();
  report->summary.frames_seen = 105;
  report->summary.frames_by_fate[DC_FATE_ANSWERED] = 61;
  report->summary.frames_by_fate[DC_FATE_OUTBOUND] = 44;
  report->verdict = g_strdup("nothing was lost");
  sample_check(report, DC_CAUSE_CPU_BACKLOG, DC_CHECK_RULED_OUT, "softnet.dropped stands at 0");
  sample_check(report, DC_CAUSE_XDP, DC_CHECK_NOT_CHECKED, "no statistics");
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  g_assert_cmpstr(text, ==, "nothing was lost (105 frames, 0 drops; 2 causes: 1 ruled out, 1 not checked)\n");
  /* what limits the good news goes with it */
  g_ptr_array_add(report->limits, g_strdup("no drop source: only counters and the wire could speak"));
  g_autofree char *limited = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(limited, "  - no drop source: only counters and the wire could speak\n");
  g_autofree char *all = render(report, (DcReportOptions){.verbosity = 1});
  assert_contains(all, "softnet.dropped stands at 0");
  assert_contains(all, "     105 frames in all\n");

  report->summary.drops_seen = 2;
  report->summary.drops_by_status[DC_DROP_STATUS_UNMATCHED] = 2;
  sample_group(report, DC_DROP_STATUS_UNMATCHED, DC_UNMATCHED_NO_KEY, 2, "ip_rcv", NULL, NULL);
  g_autofree char *unmatched = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(unmatched, "       2 unmatched  ip_rcv, no reason given\n");
}

static void test_limits(void)
{
  g_autoptr(DcReport) report = sample_report();
  report->summary.decided_early = 7;
  report->summary.skipped_records = 1;
  g_ptr_array_add(report->summary.losses, g_strdup("1203 frames lost by the capture ring"));
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(text, "  - 1203 frames lost by the capture ring\n");
  assert_contains(text, "  - 1 malformed record of the input skipped\n");
  assert_contains(text, "  - 7 verdicts given before their window was over");
}

/* --- form -------------------------------------------------------------------------- */

static void test_width(void)
{
  static const int WIDTHS[] = {64, 80, 132};
  for (size_t i = 0; i < G_N_ELEMENTS(WIDTHS); i++) {
    g_autoptr(DcReport) report = sample_report();
    g_autofree char *text = render(report, (DcReportOptions){.verbosity = 1, .width = WIDTHS[i]});
    assert_width(text, WIDTHS[i]);
    for (const char *at = text; *at != '\0'; at++)
      g_assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f)); /* ASCII alone */
    assert_lacks(text, " \n");
    assert_lacks(text, "\n\n\n");
  }
}

/* Colour adds to the text and changes nothing of it. */
static void test_colour(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *plain = render(report, (DcReportOptions){.verbosity = 1});
  g_autofree char *colour = render(report, (DcReportOptions){.verbosity = 1, .colour = true});
  assert_lacks(plain, "\x1b");
  assert_contains(colour, "\x1b[0;1;31mHIGH\x1b[0m");
  g_autoptr(GRegex) codes = g_regex_new("\x1b\\[[0-9;]*m", 0, 0, NULL);
  g_autofree char *stripped = g_regex_replace(codes, colour, -1, 0, "", 0, NULL);
  g_assert_cmpstr(stripped, ==, plain);
  /* every line ends in the plain style */
  g_auto(GStrv) lines = g_strsplit(colour, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    const char *last = strrchr(*line, '\x1b');
    g_assert_true(last == NULL || g_str_has_prefix(last, "\x1b[0m"));
  }
}

static void test_hostile(void)
{
  static const char EVIL[] = "\x1b[2J\x1b]0;x\x07 a\nINCOMPLETE\r\xe2\x80\xae \xff\xc2\x9b";
  g_autoptr(DcReport) report = sample_report();
  g_free(report->verdict);
  report->verdict = g_strdup(EVIL);
  g_free(report->direction);
  report->direction = g_strdup(EVIL);
  report->summary.complete = false;
  report->summary.incomplete_why = g_strdup(EVIL);
  g_ptr_array_add(report->summary.losses, g_strdup(EVIL));
  g_ptr_array_add(report->limits, g_strdup(EVIL));
  g_ptr_array_add(report->sources, g_strdup(EVIL));
  DcFinding *finding = g_ptr_array_index(report->findings, 0);
  g_free(finding->title);
  finding->title = g_strdup(EVIL);
  sample_evidence(finding, EVIL, EVIL, DC_TIME_NONE);
  g_ptr_array_add(finding->rivals, g_strdup(EVIL));
  g_ptr_array_add(finding->notes, g_strdup(EVIL));
  g_ptr_array_add(finding->reasons, g_strdup(EVIL));
  g_ptr_array_add(finding->sites, g_strdup(EVIL));
  sample_action(finding->confirm, EVIL, EVIL);
  sample_action(finding->fix, EVIL, EVIL);
  sample_check(report, DC_CAUSE_QDISC, DC_CHECK_RULED_OUT, EVIL);
  sample_group(report, DC_DROP_STATUS_UNMATCHED, DC_UNMATCHED_NO_FRAME, 1, EVIL, EVIL, EVIL);
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 1, .command_line = EVIL});
  g_assert_true(g_utf8_validate(text, -1, NULL));
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
    g_assert_true(*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)));
  assert_lacks(text, "\nINCOMPLETE\n"); /* no line of theirs begins one of ours */
  assert_contains(text, "\\x1b[2J");
}

/* Text without a single space, of any length, does not make a line of any length. */
static void test_long_word(void)
{
  g_autoptr(DcReport) report = sample_report();
  DcFinding *finding = g_ptr_array_index(report->findings, 0);
  g_free(finding->title);
  finding->title = g_strnfill(5000, 'x');
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    g_assert_cmpint(columns(*line), <=, DC_LAYOUT_WORD_MAX + 12);
}

/* A command that is continued on further lines is still the same command to a shell. */
static void test_command(void)
{
  static const char *const COMMANDS[] = {
      "ss -uamn 'sport = :5001'",
      "nft add rule inet f in tcp dport { 22, 80, 443 } ip saddr 10.0.0.0/8 counter accept comment 'a b c d e f g h'",
      "awk '{ print $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18 }' /proc/net/snmp",
      "printf \"%s \\\" %s\\n\" one\\ two 'three four' five six seven eight nine ten eleven twelve thirteen fourteen"};
  for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++)
    for (int width = 40; width < 120; width += 7) {
      char *text = NULL;
      size_t len = 0;
      FILE *stream = open_memstream(&text, &len);
      g_autoptr(DcLayout) layout = dc_layout_new(stream, "memory", width, false);
      dc_layout_indent(layout, 11);
      dc_layout_command(layout, COMMANDS[i]);
      dc_layout_end_line(layout);
      g_assert_true(dc_layout_hand_over(layout, true, NULL));
      fclose(stream);
      gint ours_n, theirs_n;
      g_auto(GStrv) ours = NULL, theirs = NULL;
      g_assert_true(g_shell_parse_argv(text, &ours_n, &ours, NULL));
      g_assert_true(g_shell_parse_argv(COMMANDS[i], &theirs_n, &theirs, NULL));
      g_assert_cmpint(ours_n, ==, theirs_n);
      for (gint at = 0; at < ours_n; at++)
        g_assert_cmpstr(ours[at], ==, theirs[at]);
      free(text);
    }
}

/* --- lines per event ----------------------------------------------------------------- */

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

/* --- words --------------------------------------------------------------------------- */

static void assert_packet(DcBrief brief, const char *expected)
{
  char text[DC_PACKET_TEXT_MAX];
  g_assert_cmpstr(dc_packet_text(&brief, false, text), ==, expected);
}

static void test_packet_words(void)
{
  DcBrief brief = syn();
  brief.flow.dst_port = 22;
  brief.tcp_flags = DC_TCP_SYN | DC_TCP_ACK;
  assert_packet(brief, "10.0.0.2:40001 > 10.0.0.1:ssh: TCP S., 74 bytes");
  brief.l4_checksum = DC_CHECKSUM_BAD;
  brief.tcp_flags = 0;
  brief.len = 0;
  assert_packet(brief, "10.0.0.2:40001 > 10.0.0.1:ssh: TCP none, bad TCP checksum");
  brief = (DcBrief){.has = DC_HAS_IP | DC_HAS_PORTS,
                    .flow = {.ip_version = 6,
                             .protocol = 17,
                             .src = {0xfd, [15] = 2},
                             .dst = {0xfd, [15] = 1},
                             .src_port = 40015,
                             .dst_port = 65000},
                    .vlan_count = 1,
                    .vlan = 5};
  assert_packet(brief, "vlan 5, [fd00::2]:40015 > [fd00::1]:65000: UDP");
  brief = (DcBrief){
      .has = DC_HAS_IP | DC_HAS_ICMP, .flow = {.ip_version = 4, .protocol = 1}, .icmp_type = 3, .icmp_code = 3};
  assert_packet(brief, "0.0.0.0 > 0.0.0.0: ICMP unreachable (code 3)");
  brief = (DcBrief){.has = DC_HAS_IP | DC_HAS_ICMP, .flow = {.ip_version = 6, .protocol = 58}, .icmp_type = 135};
  assert_packet(brief, ":: > ::: ICMPv6 neighbour solicitation");
  brief = (DcBrief){.has = DC_HAS_IP, .flow = {.ip_version = 4, .protocol = 253}};
  assert_packet(brief, "0.0.0.0 > 0.0.0.0: protocol 253");
  brief = (DcBrief){.has = DC_HAS_ARP | DC_HAS_ETHERTYPE, .flow = {.ethertype = 0x0806, .src = {10, 0, 0, 2}}};
  assert_packet(brief, "10.0.0.2 > 0.0.0.0: ARP");
  brief = (DcBrief){.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_LLC,
                    .flow = {.ethertype = 4},
                    .llc_dsap = 0x42,
                    .src_mac = {2},
                    .dst_mac = {1, 0x80, 0xc2}};
  assert_packet(brief, "02:00:00:00:00:00 > 01:80:c2:00:00:00: 802.3 LLC SAP 0x42 (STP)");
  brief = (DcBrief){.has = DC_HAS_ETHERTYPE, .flow = {.ethertype = 0x88b5}};
  assert_packet(brief, "ethertype 0x88b5");
  assert_packet((DcBrief){0}, "no protocol decoded");
}

static void test_quantities(void)
{
  char text[DC_QUANTITY_TEXT_MAX];
  g_assert_cmpstr(dc_duration_text(0, text), ==, "0 ns");
  g_assert_cmpstr(dc_duration_text(-390000, text), ==, "-390 us");
  g_assert_cmpstr(dc_duration_text(1250000, text), ==, "1.2 ms");
  g_assert_cmpstr(dc_duration_text(999999999, text), ==, "999 ms");
  g_assert_cmpstr(dc_duration_text(63 * DC_NS_PER_S, text), ==, "63 s");
  g_assert_cmpstr(dc_duration_text(INT64_MAX, text), ==, "2562047.7 h");
  g_assert_cmpstr(dc_duration_text(INT64_MIN, text), ==, "-2562047.7 h");
  g_assert_cmpstr(dc_offset_text(0, text), ==, "+0");
  g_assert_cmpstr(dc_offset_text(INT64_C(999979000), text), ==, "+1.0");
  g_assert_cmpstr(dc_offset_text(INT64_C(31068222000), text), ==, "+31");
  g_assert_cmpstr(dc_offset_text(-DC_NS_PER_S, text), ==, "-1.0");
  g_assert_cmpstr(dc_offset_text(3 * DC_NS_PER_MS, text), ==, "+0.003");
  g_assert_cmpstr(dc_offset_text(99 * DC_NS_PER_MS, text), ==, "+0.099");
  g_assert_cmpint(dc_span_ns(INT64_MIN + 1, INT64_MAX), ==, INT64_MAX);
  g_assert_cmpint(dc_span_ns(INT64_MAX, INT64_MIN + 1), <, 0);
  g_assert_cmpstr(dc_rate_text(17, 20, text), ==, "85%");
  g_assert_cmpstr(dc_rate_text(3, 3, text), ==, "100%");
  g_assert_cmpstr(dc_rate_text(9999, 10000, text), ==, "over 99%"); /* not all of it */
  g_assert_cmpstr(dc_rate_text(1, 200, text), ==, "0.50%");
  g_assert_cmpstr(dc_rate_text(1, 25000, text), ==, "1 in 25000");
  g_assert_cmpstr(dc_rate_text(1, 0, text), ==, "");
  g_assert_cmpstr(dc_rate_text(5, 4, text), ==, "");
  g_assert_cmpstr(dc_bytes_text(1, text), ==, "1 byte");
  g_assert_cmpstr(dc_bytes_text(17204, text), ==, "17204 bytes");
  g_assert_cmpstr(dc_bytes_text(1234567, text), ==, "1.2 MB");
  g_assert_cmpstr(dc_bytes_text(UINT64_MAX, text), ==, "18 EB");
  char time[DC_TIME_TEXT_MAX];
  g_assert_cmpstr(dc_time_text(-1, 9, time), ==, "23:59:59.999999999");
  g_assert_cmpstr(dc_time_text(DC_TIME_NONE, 9, time), ==, "no time");
}

/* The table is searched by halves: it must be in order. */
static void test_port_names(void)
{
  guint names = 0;
  for (unsigned port = 0; port <= UINT16_MAX; port++)
    names += dc_port_name((uint16_t)port) != NULL;
  g_assert_cmpuint(names, ==, 54); /* as many as the table has rows */
  g_assert_cmpstr(dc_port_name(443), ==, "https");
  g_assert_cmpstr(dc_port_name(51820), ==, "wireguard");
}

static void assert_sure(DcFinding *finding, const char *expected)
{
  g_autofree char *text = dc_finding_sure_text(finding);
  g_assert_cmpstr(text, ==, expected);
}

static void test_sure(void)
{
  DcFinding finding = {.confidence = DC_CONFIDENCE_LIKELY, .drops = 1, .by_match = {[DC_MATCH_EXACT] = 1}};
  assert_sure(&finding, "likely: its drop matched byte for byte");
  finding.drops = finding.by_match[DC_MATCH_EXACT] = 2;
  assert_sure(&finding, "likely: both drops matched byte for byte");
  finding.drops = 9;
  finding.by_match[DC_MATCH_STRONG] = 4;
  assert_sure(&finding, "likely: 2 of 9 drops matched byte for byte, 4 of 9 drops matched by flow and sequence");
  memset(finding.by_match, 0, sizeof finding.by_match);
  assert_sure(&finding, "likely: 9 drops without a frame");
  finding.drops = 0;
  finding.confidence = DC_CONFIDENCE_POSSIBLE;
  assert_sure(&finding, "possible: no drop event");
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/text/first-screen", test_first_screen);
  g_test_add_func("/text/first-screen/fits", test_first_screen_fits);
  g_test_add_func("/text/proof", test_proof);
  g_test_add_func("/text/checklist", test_checklist);
  g_test_add_func("/text/checklist/cut", test_checklist_cut);
  g_test_add_func("/text/drop-groups", test_drop_groups);
  g_test_add_func("/text/proof/merged", test_proof_merged);
  g_test_add_func("/text/accounts", test_accounts);
  g_test_add_func("/text/healthy", test_healthy);
  g_test_add_func("/text/limits", test_limits);
  g_test_add_func("/text/width", test_width);
  g_test_add_func("/text/colour", test_colour);
  g_test_add_func("/text/hostile", test_hostile);
  g_test_add_func("/text/long-word", test_long_word);
  g_test_add_func("/text/command", test_command);
  g_test_add_func("/text/lines/frame", test_frame_lines);
  g_test_add_func("/text/lines/handshake", test_handshake_lines);
  g_test_add_func("/text/lines/drop", test_drop_lines);
  g_test_add_func("/text/lines/alert", test_alert_line);
  g_test_add_func("/text/words/packet", test_packet_words);
  g_test_add_func("/text/words/quantities", test_quantities);
  g_test_add_func("/text/words/ports", test_port_names);
  g_test_add_func("/text/words/sure", test_sure);
  return g_test_run();
}
