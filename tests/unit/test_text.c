#include "dropcorr/report/writer.h"

#include "../../src/report/layout.h"
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
  report->summary.skipped_records = 1;
  g_ptr_array_add(report->limits, g_strdup("7 verdicts were given before their window was over."));
  g_ptr_array_add(report->summary.losses, g_strdup("1203 frames lost by the capture ring"));
  g_autofree char *text = render(report, (DcReportOptions){.verbosity = 0});
  assert_contains(text, "  - 1203 frames lost by the capture ring\n");
  assert_contains(text, "  - 1 malformed record of the input skipped\n");
  assert_contains(text, "  - 7 verdicts were given before their window was over.\n");
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
  return g_test_run();
}
