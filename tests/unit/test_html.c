#include "dropcorr/report/writer.h"

#include "report_sample.h"

#include <stdlib.h>

static char *render(const DcReport *report)
{
  char *text = NULL;
  size_t len = 0;
  FILE *stream = open_memstream(&text, &len);
  const DcReportOptions options = {.width = 80, .command_line = "dropcorr -r 'a&b'.pcap"};
  g_autoptr(DcReportWriter) writer = dc_report_writer_new(dc_report_writer_find("html"), stream, &options);
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

/* --- a check of the markup: GLib's parser knows elements, attributes and entities ----- */

typedef struct {
  GString *text;
  GHashTable *elements;
} Parsed;

static void on_start(GMarkupParseContext *context, const char *name, const char **keys, const char **values,
                     gpointer data, GError **error)
{
  (void)context;
  (void)error;
  Parsed *parsed = data;
  g_hash_table_add(parsed->elements, g_strdup(name));
  for (size_t i = 0; keys[i] != NULL; i++) {
    /* no handler, no style attribute, no reference that leaves the page */
    g_assert_false(g_str_has_prefix(keys[i], "on"));
    g_assert_cmpstr(keys[i], !=, "style");
    g_assert_cmpstr(keys[i], !=, "src");
    if (strcmp(keys[i], "href") == 0)
      g_assert_true(g_str_has_prefix(values[i], "#finding-"));
  }
}

static void on_text(GMarkupParseContext *context, const char *text, gsize len, gpointer data, GError **error)
{
  (void)context;
  (void)error;
  g_string_append_len(((Parsed *)data)->text, text, (gssize)len);
}

/* The page without its void elements (which GLib's parser, made for XML, does not know) must be
 * well-formed, and hold only elements this writer knows. Returns its text. */
static char *check_markup(const char *page)
{
  static const char *const KNOWN[] = {"html", "head", "title", "style",   "body",   "header", "main",       "article",
                                      "h1",   "h2",   "h3",    "h4",      "p",      "ul",     "li",         "dl",
                                      "dt",   "dd",   "table", "tr",      "th",     "td",     "pre",        "code",
                                      "span", "a",    "svg",   "strong",  "rect",   "figure", "figcaption", "g",
                                      "path", "text", "div",   "details", "summary"};
  g_assert_true(g_str_has_prefix(page, "<!DOCTYPE html>\n"));
  g_autoptr(GRegex) voids = g_regex_new("<meta [^>]*>|<!DOCTYPE html>", 0, 0, NULL);
  g_autofree char *xml = g_regex_replace(voids, page, -1, 0, "", 0, NULL);
  const GMarkupParser parser = {.start_element = on_start, .text = on_text};
  Parsed parsed = {.text = g_string_new(NULL),
                   .elements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &parsed, NULL);
  g_autoptr(GError) error = NULL;
  g_markup_parse_context_parse(context, g_strstrip(xml), -1, &error);
  g_assert_no_error(error);
  g_markup_parse_context_end_parse(context, &error);
  g_assert_no_error(error);
  g_markup_parse_context_free(context);
  for (size_t i = 0; i < G_N_ELEMENTS(KNOWN); i++)
    g_hash_table_remove(parsed.elements, KNOWN[i]);
  g_assert_cmpuint(g_hash_table_size(parsed.elements), ==, 0);
  g_hash_table_unref(parsed.elements);
  return g_string_free(parsed.text, FALSE);
}

static void test_sample(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *page = render(report);
  g_autofree char *text = check_markup(page);
  assert_contains(page, "<h1>28 frames to 10.0.0.1 were lost; most: UDP port 5001");
  assert_contains(page, "<article class=\"high\" id=\"finding-1\">");
  assert_contains(page, "<pre><code>ss -uamn &#39;sport = :5001&#39;</code></pre>");
  assert_contains(page, "aria-label=\"lost 28, unexplained 1, lost harmlessly 2, fine 30\"");
  assert_contains(page, "aria-label=\"lost 17, others of this service 3\"");
  assert_contains(text, "certain: all 17 drops matched byte for byte");
  assert_contains(text, "dropcorr -r 'a&b'.pcap");
  assert_contains(text, "no ethtool statistics: what the network card itself lost is unknown");
  for (guint i = 0; i < report->checks->len; i++)
    assert_contains(text, dc_cause_name(((const DcCheck *)g_ptr_array_index(report->checks, i))->cause));
}

/* The policy names the very style sheet of the page, and lets nothing else in. */
static void test_policy(void)
{
  g_autoptr(DcReport) report = sample_report_empty();
  g_autofree char *page = render(report);
  g_free(check_markup(page));
  const char *from = strstr(page, "<style>") + strlen("<style>");
  guint8 digest[32];
  gsize len = sizeof digest;
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(checksum, (const guchar *)from, strstr(from, "</style>") - from);
  g_checksum_get_digest(checksum, digest, &len);
  g_autofree char *hash = g_base64_encode(digest, len);
  g_autofree char *policy = g_strdup_printf("content=\"default-src 'none'; style-src 'sha256-%s';", hash);
  assert_contains(page, policy);
  g_assert_null(strstr(page, "<script"));
  g_assert_null(strstr(page, "url("));
  g_assert_null(strstr(page, "http:"));
  g_assert_null(strstr(page, "https:"));
}

static void test_hostile(void)
{
  static const char EVIL[] = "</h1></title></style><script>alert(1)</script><img src=x onerror=alert(1)>"
                             "\" onclick=\"x' &amp; \x1b[2J\xff\xe2\x80\xae";
  g_autoptr(DcReport) report = sample_report();
  g_free(report->verdict);
  report->verdict = g_strdup(EVIL);
  g_free(report->direction);
  report->direction = g_strdup(EVIL);
  g_free(report->kernel);
  report->kernel = g_strdup(EVIL);
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
  sample_action(finding->fix, NULL, EVIL);
  sample_check(report, DC_CAUSE_QDISC, DC_CHECK_RULED_OUT, EVIL);
  sample_service(report->services, (DcService){.ethertype = -1}, EVIL, 2, 1, 0, 0);
  sample_group(report, DC_DROP_STATUS_UNMATCHED, DC_UNMATCHED_NO_FRAME, 1, EVIL, EVIL, EVIL);
  g_autofree char *page = render(report);
  g_assert_true(g_utf8_validate(page, -1, NULL));
  for (const char *at = page; *at != '\0'; at = g_utf8_next_char(at))
    g_assert_true(*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)));
  g_autofree char *text = check_markup(page);
  assert_contains(text, "</h1></title></style><script>alert(1)</script>"); /* as text, whole */
}

/* Frames and drops of each second, a ladder each for the attempt that failed and the one that did not. */
static void test_plots(void)
{
  g_autoptr(DcReport) report = sample_report();
  g_autofree char *page = render(report);
  assert_contains(page, "<figcaption>Frames in per second, at most 24</figcaption>");
  assert_contains(page, "<figcaption>Drops per second, at most 17</figcaption>");
  assert_contains(page,
                  "<title>09:51:59: 24 frames, 17 lost, 17 drops</title><rect class=\"fill-bad\" x=\"20\" y=\"30\" "
                  "width=\"9\" height=\"70\"/><rect class=\"fill-good\" x=\"20\" y=\"1\" width=\"9\" height=\"29\"/>");
  assert_contains(page, "<title>09:52:01: 17 frames, 8 lost, 1 unexplained, 0 drops</title>");
  assert_contains(page, "<td>TCP port 2222</td>\n<td class=\"number\">9</td>\n<td class=\"number\">14</td>");
  assert_contains(page, ">SYN, retry 2</text>");
  assert_contains(page, ">SYN-ACK</text>");
  assert_contains(page, "<p>no answer to 3 SYNs in 3.0 s: Accept queue full (likely)</p>");
  assert_contains(page, "<p>established after 900 us</p>");
}

/* However many findings: those behind the first are there, closed. */
static void test_many_findings(void)
{
  g_autoptr(DcReport) report = sample_report();
  for (uint32_t i = 0; i < 500; i++)
    sample_netfilter(report);
  g_autofree char *page = render(report);
  g_free(check_markup(page));
  size_t cards = 0, closed = 0;
  for (const char *at = page; (at = strstr(at, "<article ")) != NULL; at++)
    cards++;
  for (const char *at = page; (at = strstr(at, "<details ")) != NULL; at++)
    closed++;
  g_assert_cmpuint(cards, ==, 504);
  g_assert_cmpuint(closed, ==, 474);
}

/* Counts at their limits: the bars stay inside their boxes. */
static void test_bars(void)
{
  static const uint64_t COUNTS[] = {0, 1, 2, 1000000, UINT64_MAX / 8};
  g_autoptr(GRegex) rect = g_regex_new("x=\"([0-9]+)\" y=\"0\" width=\"([0-9]+)\"", 0, 0, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(COUNTS); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(COUNTS); k++) {
      g_autoptr(DcReport) report = sample_report();
      report->summary.frames_by_fate[DC_FATE_DROPPED] = COUNTS[i];
      report->summary.frames_by_fate[DC_FATE_UNEXPLAINED] = COUNTS[k];
      report->summary.frames_seen = COUNTS[i] + COUNTS[k] + 60;
      DcFinding *finding = g_ptr_array_index(report->findings, 0);
      finding->frames = COUNTS[i];
      finding->seen = COUNTS[k];
      finding->first_ns = i % 2 == 0 ? INT64_MIN + 1 : INT64_MAX;
      finding->last_ns = k % 2 == 0 ? INT64_MIN + 1 : INT64_MAX;
      g_autofree char *page = render(report);
      g_free(check_markup(page));
      g_autoptr(GMatchInfo) found = NULL;
      guint bars = 0;
      for (g_regex_match(rect, page, 0, &found); g_match_info_matches(found); g_match_info_next(found, NULL), bars++) {
        g_autofree char *x = g_match_info_fetch(found, 1);
        g_autofree char *width = g_match_info_fetch(found, 2);
        g_assert_cmpuint(g_ascii_strtoull(x, NULL, 10) + g_ascii_strtoull(width, NULL, 10), <=, 1000);
      }
      g_assert_cmpuint(bars, >, 0);
    }
}

int main(int argc, char **argv)
{
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/html/sample", test_sample);
  g_test_add_func("/html/policy", test_policy);
  g_test_add_func("/html/hostile", test_hostile);
  g_test_add_func("/html/plots", test_plots);
  g_test_add_func("/html/many-findings", test_many_findings);
  g_test_add_func("/html/bars", test_bars);
  return g_test_run();
}
