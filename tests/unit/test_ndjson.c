/* Every line is read back with jansson and held against docs/event-format.md. */
#include "dropcorr/report/writer.h"

#include "event_contract.h"
#include "report_sample.h"

#include <jansson.h>

static GHashTable *contract;

/* --- writing and reading back ------------------------------------------------- */

typedef struct {
  char *text;
  size_t len;
  FILE *stream;
  DcReportWriter *writer;
} Output;

static void output_open(Output *output, const char *format, bool events)
{
  const DcReportOptions options = {
      .frames = events, .handshakes = events, .command_line = "dropcorr -r \"a b\".pcap", .width = 80};
  output->text = NULL;
  output->stream = open_memstream(&output->text, &output->len);
  output->writer = dc_report_writer_new(dc_report_writer_find(format), output->stream, &options);
  g_autoptr(GError) error = NULL;
  g_assert_true(output->writer->ops->begin(output->writer, &error));
  g_assert_no_error(error);
}

static json_t *parse(const char *text, size_t len)
{
  json_error_t error;
  json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL)
    g_error("%s: %.*s", error.text, (int)len, text);
  return root;
}

/* The lines as an array, each held against the contract. */
static json_t *output_lines(Output *output)
{
  g_assert_cmpint(fflush(output->stream), ==, 0);
  json_t *lines = json_array();
  const char *at = output->text;
  for (const char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
    json_t *line = parse(at, (size_t)(end - at));
    event_contract_check(contract, line);
    json_array_append_new(lines, line);
  }
  g_assert_cmpstr(at, ==, ""); /* the last line ends */
  return lines;
}

static void output_close(Output *output)
{
  dc_report_writer_free(output->writer);
  fclose(output->stream);
  free(output->text);
}

static const char *text_at(json_t *lines, size_t i, const char *path)
{
  return json_string_value(event_at_path(json_array_get(lines, i), path));
}

static json_int_t number_at(json_t *lines, size_t i, const char *path)
{
  const json_t *value = event_at_path(json_array_get(lines, i), path);
  g_assert_true(json_is_integer(value));
  return json_integer_value(value);
}

static bool absent(json_t *lines, size_t i, const char *path)
{
  return event_at_path(json_array_get(lines, i), path) == NULL;
}

/* --- samples -------------------------------------------------------------------- */

static DcBrief tcp_brief(void)
{
  return (DcBrief){.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP | DC_HAS_TIMESTAMP,
                   .flow = {.src = {10, 0, 0, 2},
                            .dst = {10, 0, 0, 1},
                            .src_port = 40001,
                            .dst_port = 8089,
                            .ethertype = 0x0800,
                            .ip_version = 4,
                            .protocol = 6},
                   .src_mac = {2, 0, 0, 0, 0, 2},
                   .dst_mac = {2, 0, 0, 0, 0, 1},
                   .tcp_flags = DC_TCP_SYN,
                   .tcp_seq = 4207350463,
                   .tsval = 821068631,
                   .len = 74,
                   .direction = DC_DIRECTION_IN};
}

static DcFrameVerdict dropped_frame(void)
{
  return (DcFrameVerdict){.frame = 12,
                          .time_ns = INT64_C(1795168318154238000),
                          .brief = tcp_brief(),
                          .fate = DC_FATE_DROPPED,
                          .cause = DC_CAUSE_NETFILTER_DROP,
                          .confidence = DC_CONFIDENCE_CERTAIN,
                          .match = DC_MATCH_EXACT,
                          .owed = true,
                          .candidates = 1,
                          .drop = 5,
                          .delay_ns = 390000,
                          .answer_ns = -1,
                          .handshake = 3,
                          .finding = 1};
}

static void put_frame(Output *output, const DcFrameVerdict *verdict)
{
  g_autoptr(GError) error = NULL;
  g_assert_true(output->writer->ops->frame(output->writer, verdict, &error));
  g_assert_no_error(error);
}

static void put_drop(Output *output, const DcDropVerdict *verdict)
{
  g_autoptr(GError) error = NULL;
  g_assert_true(output->writer->ops->drop(output->writer, verdict, &error));
  g_assert_no_error(error);
}

/* --- tests ------------------------------------------------------------------------ */

/* The frame of the contract's own example, value by value. */
static void test_frame(void)
{
  Output output;
  output_open(&output, "ndjson", true);
  const DcFrameVerdict verdict = dropped_frame();
  put_frame(&output, &verdict);
  json_t *lines = output_lines(&output);
  g_assert_cmpuint(json_array_size(lines), ==, 2);
  g_assert_cmpstr(text_at(lines, 0, "schema"), ==, "dropcorr/1");
  g_assert_cmpstr(text_at(lines, 0, "command"), ==, "dropcorr -r \"a b\".pcap");
  g_assert_cmpint(number_at(lines, 1, "frame"), ==, 12);
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(lines, 1), "@timestamp")), ==,
                  "1795168318.154238000");
  g_assert_cmpstr(text_at(lines, 1, "network.direction"), ==, "inbound");
  g_assert_cmpstr(text_at(lines, 1, "network.type"), ==, "ipv4");
  g_assert_cmpstr(text_at(lines, 1, "network.transport"), ==, "tcp");
  g_assert_cmpstr(text_at(lines, 1, "source.ip"), ==, "10.0.0.2");
  g_assert_cmpint(number_at(lines, 1, "source.port"), ==, 40001);
  g_assert_cmpstr(text_at(lines, 1, "source.mac"), ==, "02-00-00-00-00-02");
  g_assert_cmpstr(text_at(lines, 1, "destination.ip"), ==, "10.0.0.1");
  g_assert_cmpint(number_at(lines, 1, "destination.port"), ==, 8089);
  g_assert_cmpstr(text_at(lines, 1, "ether.type"), ==, "0x0800");
  g_assert_cmpint(number_at(lines, 1, "tcp.seq"), ==, 4207350463);
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.fate"), ==, "dropped");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.cause"), ==, "netfilter-drop");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.confidence"), ==, "certain");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.match"), ==, "exact");
  g_assert_cmpint(number_at(lines, 1, "dropcorr.drop"), ==, 5);
  g_assert_cmpint(number_at(lines, 1, "dropcorr.delay_ns"), ==, 390000);
  g_assert_cmpint(number_at(lines, 1, "dropcorr.finding"), ==, 1);
  g_assert_true(absent(lines, 1, "dropcorr.answer_ns"));
  g_assert_true(absent(lines, 1, "dropcorr.candidates"));
  json_decref(lines);
  output_close(&output);
}

/* What a frame does not have is not there: no zeros, no nulls. */
static void test_frame_absent(void)
{
  Output output;
  output_open(&output, "ndjson", true);
  DcFrameVerdict innocent = {.frame = 1,
                             .time_ns = 0,
                             .brief = {.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_LLC,
                                       .flow = {.ethertype = 0x0004},
                                       .llc_dsap = 0x42,
                                       .src_mac = {2, 0, 0, 0, 0, 2},
                                       .dst_mac = {1, 0x80, 0xc2, 0, 0, 0}},
                             .fate = DC_FATE_UNREMARKABLE,
                             .answer_ns = -1};
  put_frame(&output, &innocent);
  innocent.brief = (DcBrief){.has = DC_HAS_ETHERTYPE | DC_HAS_ARP,
                             .flow = {.ethertype = 0x0806, .src = {10, 0, 0, 2}, .dst = {10, 0, 0, 1}}};
  innocent.fate = DC_FATE_ANSWERED;
  innocent.answer_ns = 0;
  put_frame(&output, &innocent);
  innocent.brief =
      (DcBrief){.has = DC_HAS_IP | DC_HAS_ETHERTYPE | DC_HAS_ICMP,
                .flow = {.ethertype = 0x86dd, .ip_version = 6, .protocol = 58, .src = {0xfd}, .dst = {0xfe}},
                .icmp_type = 135,
                .vlan_count = 1,
                .vlan = 7};
  innocent.fate = DC_FATE_REFUSED;
  innocent.refused_by = DC_REFUSED_ICMP;
  innocent.refused_type = 3;
  innocent.refused_code = 10;
  put_frame(&output, &innocent);
  innocent.brief.flow.ip_version = 4;
  innocent.brief.flow.protocol = 253;
  innocent.brief.has = DC_HAS_IP;
  put_frame(&output, &innocent);
  innocent.brief = (DcBrief){0};
  put_frame(&output, &innocent);

  json_t *lines = output_lines(&output);
  g_assert_cmpstr(text_at(lines, 1, "network.type"), ==, "llc");
  g_assert_cmpstr(text_at(lines, 1, "ether.type"), ==, "0x0004");
  g_assert_cmpstr(text_at(lines, 1, "ether.dsap"), ==, "0x42");
  g_assert_cmpstr(text_at(lines, 1, "destination.mac"), ==, "01-80-C2-00-00-00");
  static const char *const NOT[] = {"source.ip",          "source.port",   "network.transport",  "tcp",
                                    "dropcorr.cause",     "dropcorr.drop", "dropcorr.delay_ns",  "dropcorr.confidence",
                                    "dropcorr.match",     "dropcorr.owed", "dropcorr.finding",   "dropcorr.handshake",
                                    "dropcorr.answer_ns", "network.bytes", "dropcorr.refused_by"};
  for (size_t i = 0; i < G_N_ELEMENTS(NOT); i++)
    g_assert_true(absent(lines, 1, NOT[i]));
  g_assert_cmpstr(text_at(lines, 2, "network.type"), ==, "arp");
  g_assert_cmpstr(text_at(lines, 2, "source.ip"), ==, "10.0.0.2");
  g_assert_cmpint(number_at(lines, 2, "dropcorr.answer_ns"), ==, 0);
  g_assert_cmpstr(text_at(lines, 3, "network.type"), ==, "ipv6");
  g_assert_cmpstr(text_at(lines, 3, "network.transport"), ==, "ipv6-icmp");
  g_assert_cmpint(number_at(lines, 3, "network.vlan.id"), ==, 7);
  g_assert_cmpstr(text_at(lines, 3, "dropcorr.refused_by"), ==, "icmp");
  g_assert_cmpint(number_at(lines, 3, "dropcorr.refused_code"), ==, 10);
  g_assert_cmpstr(text_at(lines, 4, "network.transport"), ==, "253");
  g_assert_true(absent(lines, 5, "source"));
  json_decref(lines);
  output_close(&output);
}

static void test_drop(void)
{
  Output output;
  output_open(&output, "ndjson", true);
  DcDrop drop = {.number = 5,
                 .time_ns = INT64_C(1795168318154628000),
                 .kind = DC_DROP_NETDM_PACKET,
                 .pc = UINT64_C(0xffffffffc0a1247f),
                 .symbol = "nft_do_chain",
                 .offset = 0x47f,
                 .size = 0x5e0,
                 .module = "nf_tables",
                 .reason = "NETFILTER_DROP",
                 .protocol = 0x0800,
                 .in_ifindex = 2,
                 .count = 1,
                 .orig_len = 74,
                 .packet = {.has = DC_HAS_IP | DC_HAS_PORTS | DC_HAS_ETHERTYPE,
                            .ethertype = 0x0800,
                            .ip_protocol = 17,
                            .src = {{10, 0, 0, 2}, 4},
                            .dst = {{10, 0, 0, 1}, 4},
                            .src_port = 40003,
                            .dst_port = 5999}};
  const DcDropVerdict matched = {.drop = &drop,
                                 .status = DC_DROP_STATUS_MATCHED,
                                 .match = DC_MATCH_EXACT,
                                 .cause = DC_CAUSE_NETFILTER_DROP,
                                 .confidence = DC_CONFIDENCE_CERTAIN,
                                 .frame = 12,
                                 .frames = 1,
                                 .delay_ns = 390000};
  put_drop(&output, &matched);
  /* a text log's line with a hostile name, no clock, no reason, no bytes */
  DcDrop text = {.number = 6,
                 .time_ns = DC_TIME_NONE,
                 .kind = DC_DROP_TEXT,
                 .symbol = "\x1b]0;x\x07\xff",
                 .location = "a\nb",
                 .protocol = -1,
                 .count = 4};
  const DcDropVerdict aside = {.drop = &text, .status = DC_DROP_STATUS_NOISE, .aside_why = DC_ASIDE_NEIGHBOUR};
  put_drop(&output, &aside);
  const DcDropVerdict unmatched = {
      .drop = &text, .status = DC_DROP_STATUS_UNMATCHED, .unmatched_why = DC_UNMATCHED_NO_KEY};
  put_drop(&output, &unmatched);

  json_t *lines = output_lines(&output);
  g_assert_cmpint(number_at(lines, 1, "drop"), ==, 5);
  g_assert_cmpstr(text_at(lines, 1, "event.reason"), ==, "NETFILTER_DROP");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.symbol"), ==, "nft_do_chain+0x47f/0x5e0");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.module"), ==, "nf_tables");
  g_assert_cmpint(number_at(lines, 1, "dropcorr.frame"), ==, 12);
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.status"), ==, "matched");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.match"), ==, "exact");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.pc"), ==, "0xffffffffc0a1247f");
  g_assert_cmpstr(text_at(lines, 1, "dropcorr.packet"), ==, "10.0.0.2:40003 > 10.0.0.1:5999: UDP, 74 bytes");
  g_assert_true(absent(lines, 1, "dropcorr.why"));
  g_assert_true(absent(lines, 2, "@timestamp"));
  g_assert_true(absent(lines, 2, "event"));
  g_assert_true(absent(lines, 2, "dropcorr.frame"));
  g_assert_cmpstr(text_at(lines, 2, "dropcorr.symbol"), ==, "\x1b]0;x\x07\xef\xbf\xbd");
  g_assert_cmpstr(text_at(lines, 2, "dropcorr.why"), ==, dc_aside_text(DC_ASIDE_NEIGHBOUR));
  g_assert_cmpint(number_at(lines, 2, "dropcorr.count"), ==, 4);
  g_assert_cmpstr(text_at(lines, 3, "dropcorr.why"), ==, dc_unmatched_text(DC_UNMATCHED_NO_KEY));
  g_assert_null(strchr(output.text, '\x1b')); /* nor does the line itself hold one */
  json_decref(lines);
  output_close(&output);
}

static void test_handshake(void)
{
  Output output;
  output_open(&output, "ndjson", true);
  DcHandshake handshake = {.id = 9,
                           .brief = tcp_brief(),
                           .isn = 4207350463,
                           .syns = 20,
                           .first_ns = SAMPLE_T0,
                           .last_ns = SAMPLE_T0 + 63 * DC_NS_PER_S,
                           .has_tsval = true,
                           .outcome = DC_OUTCOME_ANSWERED,
                           .answer_ns = 77000,
                           .total_ns = 63 * DC_NS_PER_S + 77000,
                           .answer_frame = 40,
                           .unanswered = 19,
                           .synacks = 1,
                           .established = true,
                           .cause = DC_CAUSE_TW_RECYCLE_NAT,
                           .confidence = DC_CONFIDENCE_LIKELY};
  for (uint32_t i = 0; i < DC_HANDSHAKE_FRAMES_MAX; i++) {
    handshake.frames[i] = 100 + i;
    handshake.times_ns[i] = SAMPLE_T0 + i;
    handshake.tsvals[i] = 198321481 + i;
  }
  g_autoptr(GError) error = NULL;
  g_assert_true(output.writer->ops->handshake(output.writer, &handshake, &error));
  handshake.syns = 1;
  handshake.outcome = DC_OUTCOME_PENDING;
  handshake.answer_ns = handshake.total_ns = -1;
  handshake.answer_frame = 0;
  handshake.cause = DC_CAUSE_NONE;
  handshake.has_tsval = false;
  g_assert_true(output.writer->ops->handshake(output.writer, &handshake, &error));
  g_assert_no_error(error);
  json_t *lines = output_lines(&output);
  g_assert_cmpint(number_at(lines, 1, "syns"), ==, 20);
  g_assert_cmpuint(json_array_size(event_at_path(json_array_get(lines, 1), "frames")), ==, DC_HANDSHAKE_FRAMES_MAX);
  g_assert_cmpint(json_integer_value(json_array_get(event_at_path(json_array_get(lines, 1), "tsvals"), 1)), ==,
                  198321482);
  g_assert_cmpstr(text_at(lines, 1, "outcome"), ==, "answered");
  g_assert_cmpint(number_at(lines, 1, "answer_ns"), ==, 77000);
  g_assert_cmpstr(text_at(lines, 1, "cause"), ==, "tw-recycle-nat");
  g_assert_cmpuint(json_array_size(event_at_path(json_array_get(lines, 2), "frames")), ==, 1);
  static const char *const NOT[] = {"answer_ns", "total_ns", "answer_frame", "cause", "confidence", "tsvals"};
  for (size_t i = 0; i < G_N_ELEMENTS(NOT); i++)
    g_assert_true(absent(lines, 2, NOT[i]));
  json_decref(lines);
  output_close(&output);
}

static void put_report(Output *output, const DcReport *report)
{
  g_autoptr(GError) error = NULL;
  g_assert_true(output->writer->ops->end(output->writer, report, &error));
  g_assert_no_error(error);
}

static void test_report(void)
{
  Output output;
  output_open(&output, "ndjson", false);
  g_autoptr(DcReport) report = sample_report();
  put_report(&output, report);
  json_t *lines = output_lines(&output);
  const size_t n = json_array_size(lines);
  g_assert_cmpuint(n, ==,
                   1 + report->findings->len + report->checks->len + report->drop_groups->len + report->services->len +
                       2 + 1 + 1);
  g_assert_cmpstr(text_at(lines, 0, "type"), ==, "header");
  g_assert_cmpstr(text_at(lines, 1, "type"), ==, "finding");
  g_assert_cmpstr(text_at(lines, 1, "cause"), ==, "udp-rcvbuf");
  g_assert_cmpint(number_at(lines, 1, "match.exact"), ==, 17);
  g_assert_cmpint(number_at(lines, 1, "seen"), ==, 20);
  g_assert_cmpint(number_at(lines, 1, "service.port"), ==, 5001);
  g_assert_cmpstr(text_at(lines, 1, "service.transport"), ==, "udp");
  g_assert_true(absent(lines, 1, "service.ether_type"));
  g_assert_cmpuint(json_array_size(event_at_path(json_array_get(lines, 1), "example_frames")), ==, DC_FINDING_EXAMPLES);
  g_assert_cmpuint(json_object_size(event_at_path(json_array_get(lines, 2), "match")), ==, 0);
  g_assert_cmpstr(text_at(lines, 4, "service.ether_type"), ==, "0x0004");
  json_t *client = json_array_get(event_at_path(json_array_get(lines, 4), "clients"), 0);
  g_assert_cmpstr(json_string_value(json_object_get(client, "mac")), ==, "02-00-00-00-00-02");
  g_assert_null(json_object_get(client, "ip"));
  g_assert_cmpstr(text_at(lines, n - 8, "type"), ==, "service");
  g_assert_cmpstr(text_at(lines, n - 8, "name"), ==, "UDP port 5001");
  g_assert_cmpint(number_at(lines, n - 8, "lost"), ==, 17);
  g_assert_cmpstr(text_at(lines, n - 4, "role"), ==, "unanswered");
  g_assert_cmpstr(text_at(lines, n - 3, "type"), ==, "example");
  g_assert_cmpstr(text_at(lines, n - 3, "role"), ==, "answered");
  g_assert_cmpstr(text_at(lines, n - 3, "established_at"), ==, "1795168319.956138000");
  const json_t *drops = event_at_path(json_array_get(lines, n - 2), "drops");
  g_assert_cmpuint(json_array_size(drops), ==, 5);
  g_assert_cmpint(json_integer_value(json_array_get(drops, 2)), ==, 17);
  g_assert_cmpstr(text_at(lines, n - 1, "type"), ==, "summary");
  json_t *summary = json_array_get(lines, n - 1);
  json_int_t sum = 0;
  const char *key;
  json_t *value;
  json_object_foreach(json_object_get(summary, "frames"), key, value) if (strcmp(key, "seen") != 0) sum +=
      json_integer_value(value);
  g_assert_cmpint(sum, ==, number_at(lines, n - 1, "frames.seen"));
  g_assert_cmpint(number_at(lines, n - 1, "lost.capture"), ==, 0);
  g_assert_true(json_is_true(json_object_get(summary, "complete")));
  g_assert_true(absent(lines, n - 1, "incomplete_why"));
  json_decref(lines);
  output_close(&output);
}

static void test_without_events(void)
{
  Output output;
  output_open(&output, "ndjson", false);
  const DcFrameVerdict verdict = dropped_frame();
  put_frame(&output, &verdict);
  const DcDrop drop = {.number = 1, .count = 1, .protocol = -1};
  const DcDropVerdict drop_verdict = {.drop = &drop};
  put_drop(&output, &drop_verdict);
  json_t *lines = output_lines(&output);
  g_assert_cmpuint(json_array_size(lines), ==, 1);
  json_decref(lines);
  output_close(&output);
}

/* A live run that is watched: an alert is on the stream before anything else is written. */
static void test_alert(void)
{
  Output output;
  output_open(&output, "ndjson", false);
  g_autoptr(DcReport) report = sample_report();
  g_autoptr(GError) error = NULL;
  g_assert_true(output.writer->ops->finding(output.writer, g_ptr_array_index(report->findings, 1), &error));
  g_assert_no_error(error);
  g_assert_nonnull(strstr(output.text, "\"type\":\"alert\"")); /* flushed */
  json_t *lines = output_lines(&output);
  g_assert_cmpstr(text_at(lines, 1, "type"), ==, "alert");
  g_assert_cmpstr(text_at(lines, 1, "cause"), ==, "accept-queue-full");
  json_decref(lines);
  output_close(&output);
}

static void test_document(void)
{
  Output output;
  output_open(&output, "json", true);
  g_autoptr(DcReport) report = sample_report();
  put_report(&output, report);
  json_t *root = parse(output.text, output.len);
  g_assert_cmpstr(json_string_value(json_object_get(root, "schema")), ==, "dropcorr/1");
  event_contract_check(contract, json_object_get(root, "header"));
  event_contract_check(contract, json_object_get(root, "summary"));
  static const char *const LISTS[] = {"findings", "checks", "drop_groups", "services", "examples"};
  const guint sizes[] = {report->findings->len, report->checks->len, report->drop_groups->len, report->services->len,
                         2};
  for (size_t i = 0; i < G_N_ELEMENTS(LISTS); i++) {
    json_t *list = json_object_get(root, LISTS[i]);
    g_assert_cmpuint(json_array_size(list), ==, sizes[i]);
    for (size_t at = 0; at < json_array_size(list); at++)
      event_contract_check(contract, json_array_get(list, at));
  }
  event_contract_check(contract, json_object_get(root, "activity"));
  json_decref(root);
  output_close(&output);
}

/* A report of nothing, as diagnosis gives it for an empty file. */
static void test_empty(void)
{
  g_autoptr(DcReport) report = sample_report_empty();
  report->summary.first_ns = report->summary.last_ns = DC_TIME_NONE;
  static const char *const FORMATS[] = {"ndjson", "json"};
  for (size_t i = 0; i < G_N_ELEMENTS(FORMATS); i++) {
    Output output;
    output_open(&output, FORMATS[i], true);
    put_report(&output, report);
    if (i == 0) {
      json_t *lines = output_lines(&output);
      g_assert_cmpuint(json_array_size(lines), ==, 2);
      json_decref(lines);
    } else {
      json_decref(parse(output.text, output.len));
    }
    output_close(&output);
  }
}

static void test_full_disk(void)
{
  FILE *full = fopen("/dev/full", "w");
  if (full == NULL) {
    g_test_skip("no /dev/full");
    return;
  }
  const DcReportOptions options = {.frames = true, .stream_name = "/var/tmp/x.ndjson"};
  g_autoptr(DcReport) report = sample_report();
  static const char *const FORMATS[] = {"ndjson", "json", "text"};
  for (size_t i = 0; i < G_N_ELEMENTS(FORMATS); i++) {
    g_autoptr(DcReportWriter) writer = dc_report_writer_new(dc_report_writer_find(FORMATS[i]), full, &options);
    g_autoptr(GError) error = NULL;
    g_assert_false(writer->ops->begin(writer, &error) && writer->ops->end(writer, report, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, "/var/tmp/x.ndjson"));
  }
  fclose(full);
}

static void test_registry(void)
{
  g_assert_cmpstr(dc_report_writer_find("txt")->name, ==, "text");
  g_assert_cmpstr(dc_report_writer_find("TEXT")->name, ==, "text");
  g_assert_cmpstr(dc_report_writer_find("ndjson")->name, ==, "ndjson");
  g_assert_cmpstr(dc_report_writer_find("json")->name, ==, "json");
  g_assert_null(dc_report_writer_find("pdf"));
  g_assert_null(dc_report_writer_find(NULL));
  size_t count;
  const DcReportWriterOps *const *writers = dc_report_writers(&count);
  for (size_t i = 0; i < count; i++) {
    g_assert_true(dc_report_writer_find(writers[i]->name) == writers[i]);
    g_assert_true(dc_report_writer_find(writers[i]->extension) == writers[i]);
    g_assert_true(writers[i]->begin != NULL && writers[i]->end != NULL);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  contract = event_contract_read();
  g_test_add_func("/ndjson/frame", test_frame);
  g_test_add_func("/ndjson/frame/absent", test_frame_absent);
  g_test_add_func("/ndjson/drop", test_drop);
  g_test_add_func("/ndjson/handshake", test_handshake);
  g_test_add_func("/ndjson/report", test_report);
  g_test_add_func("/ndjson/without-events", test_without_events);
  g_test_add_func("/ndjson/alert", test_alert);
  g_test_add_func("/ndjson/empty", test_empty);
  g_test_add_func("/json/document", test_document);
  g_test_add_func("/writer/full-disk", test_full_disk);
  g_test_add_func("/writer/registry", test_registry);
  const int result = g_test_run();
  g_hash_table_unref(contract);
  return result;
}
