/* The command line: every option's value, every refusal and its remedy, and that help, page and
 * completion are made from the same table. */
#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/cli/filter_file.h"
#include "dropcorr/cli/option_table.h"
#include "dropcorr/cli/options.h"
#include "dropcorr/cli/values.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Splits like a shell and parses; "dropcorr" comes first by itself. */
static bool parse(const char *line, DcOptions *ret_options, GError **error)
{
  g_auto(GStrv) argv = NULL;
  g_autofree char *command = g_strconcat("dropcorr ", line, NULL);
  int argc = 0;
  g_assert_true(g_shell_parse_argv(command, &argc, &argv, NULL));
  /* getopt reorders the vector: hand it a copy whose strings stay ours. */
  g_autofree char **copy = g_memdup2(argv, sizeof *argv * ((size_t)argc + 1));
  return dc_options_parse(argc, copy, ret_options, error);
}

static void parse_ok(const char *line, DcOptions *ret_options)
{
  g_autoptr(GError) error = NULL;
  if (!parse(line, ret_options, &error))
    g_error("%s: %s", line, error->message);
  g_assert_no_error(error);
}

/* The message must name `object` (its start) and contain `remedy`. */
static void parse_fails(const char *line, int code, const char *object, const char *remedy)
{
  g_autoptr(GError) error = NULL;
  DcOptions options = {.count = 4711};
  if (parse(line, &options, &error))
    g_error("%s: accepted", line);
  g_assert_error(error, DC_ERROR, code);
  if (!g_str_has_prefix(error->message, object) || strstr(error->message, remedy) == NULL)
    g_error("%s: message '%s' lacks '%s' or '%s'", line, error->message, object, remedy);
  g_assert_cmpuint(options.count, ==, 4711); /* outputs untouched on failure */
}

static void usage_error(const char *line, const char *object, const char *remedy)
{
  parse_fails(line, DC_ERROR_USAGE, object, remedy);
}

static void test_defaults(void)
{
  g_auto(DcOptions) options = {0};
  parse_ok("", &options);
  g_assert_cmpint(options.action, ==, DC_ACTION_RUN);
  g_assert_cmpuint(options.snaplen, ==, 256);
  g_assert_cmpint(options.syn_timeout_ns, ==, DC_NS_PER_S);
  g_assert_cmpint(options.window_before_ns, ==, -1);
  g_assert_cmpint(options.window_after_ns, ==, -1);
  g_assert_null(options.filter);
  g_assert_nonnull(options.drops);
  g_assert_null(options.drops[0]);
  g_assert_null(options.reports[0]);
  g_assert_false(options.promiscuous);
  g_assert_false(options.fail_on_given);
  g_assert_true(dc_options_live(&options));
}

static void test_tcpdump_letters(void)
{
  g_auto(DcOptions) options = {0};
  parse_ok("-ieth0 -c5 -nn -vvv -q -s 96 -B 4096 -U -C 10 -G 60 -W 3 -Q in -j host -Z nobody -w out.pcapng "
           "--immediate-mode tcp port 80",
           &options);
  g_assert_cmpstr(options.interface, ==, "eth0");
  g_assert_cmpuint(options.count, ==, 5);
  g_assert_cmpuint(options.no_names, ==, 2);
  g_assert_cmpuint(options.verbose, ==, 3);
  g_assert_true(options.quiet);
  g_assert_cmpuint(options.snaplen, ==, 96);
  g_assert_cmpuint(options.buffer_kib, ==, 4096);
  g_assert_true(options.packet_buffered);
  g_assert_cmpuint(options.rotate_bytes, ==, 10000000);
  g_assert_cmpint(options.rotate_ns, ==, 60 * DC_NS_PER_S);
  g_assert_cmpuint(options.rotate_files, ==, 3);
  g_assert_cmpint(options.direction, ==, DC_CAPTURE_IN);
  g_assert_cmpstr(options.timestamp_type, ==, "host");
  g_assert_cmpstr(options.user, ==, "nobody");
  g_assert_cmpstr(options.write_file, ==, "out.pcapng");
  g_assert_true(options.immediate);
  g_assert_cmpstr(options.filter, ==, "tcp port 80");
  g_assert_true(dc_options_live(&options));
}

static void test_own_options(void)
{
  g_auto(DcOptions) options = {0};
  parse_ok("-r in.pcap --drops a.pcap --drops - --context state --local 10.0.0.1 --local fd00::1 "
           "--local 02:00:00:00:00:01 --window 5ms,3s --syn-timeout 2500ms --json --frames --handshakes "
           "--report a.html --report b/c.md --strict --fail-on medium --color=never",
           &options);
  g_assert_cmpstr(options.read_file, ==, "in.pcap");
  g_assert_cmpstr(options.drops[0], ==, "a.pcap");
  g_assert_cmpstr(options.drops[1], ==, "-");
  g_assert_null(options.drops[2]);
  g_assert_cmpstr(options.context_dir, ==, "state");
  g_assert_cmpuint(options.local_count, ==, 3);
  g_assert_false(options.locals[0].is_mac);
  g_assert_cmpuint(options.locals[0].addr.version, ==, 4);
  g_assert_cmpuint(options.locals[0].addr.bytes[0], ==, 10);
  g_assert_cmpuint(options.locals[1].addr.version, ==, 6);
  g_assert_true(options.locals[2].is_mac);
  g_assert_cmpuint(options.locals[2].mac[0], ==, 2);
  g_assert_cmpuint(options.locals[2].mac[5], ==, 1);
  g_assert_cmpint(options.window_before_ns, ==, 5 * DC_NS_PER_MS);
  g_assert_cmpint(options.window_after_ns, ==, 3 * DC_NS_PER_S);
  g_assert_cmpint(options.syn_timeout_ns, ==, 2500 * DC_NS_PER_MS);
  g_assert_true(options.json && options.frames && options.handshakes && options.strict);
  g_assert_cmpstr(options.reports[0], ==, "a.html");
  g_assert_cmpstr(options.reports[1], ==, "b/c.md");
  g_assert_true(options.fail_on_given);
  g_assert_cmpint(options.fail_on, ==, DC_SEVERITY_MEDIUM);
  g_assert_cmpint(options.colour, ==, DC_COLOUR_NEVER);
  g_assert_false(dc_options_live(&options));
}

static void test_live_or_not(void)
{
  static const struct {
    const char *line;
    bool live;
  } CASES[] = {
      {"-i any", true},     {"-i eth0 --drops x", true},   {"-r x", false},
      {"--drops x", false}, {"--context x", false},        {"port 80", true},
      {"-w x", true},       {"-i eth0 --context x", true}, {"-r x --drops y", false},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_auto(DcOptions) options = {0};
    parse_ok(CASES[i].line, &options);
    if (dc_options_live(&options) != CASES[i].live)
      g_error("%s: live is not %d", CASES[i].line, CASES[i].live);
  }
}

static void test_snapshot(void)
{
  g_auto(DcOptions) options = {0};
  parse_ok("--snapshot state -i eth0 --duration 2s -q -Z root", &options);
  g_assert_cmpstr(options.snapshot_dir, ==, "state");
  g_assert_cmpstr(options.interface, ==, "eth0");
  g_assert_cmpint(options.duration_ns, ==, 2 * DC_NS_PER_S);
  g_assert_false(dc_options_live(&options)); /* -i chooses counters, nothing is captured */
  dc_options_clear(&options);
  parse_ok("--snapshot state", &options);
  g_assert_false(dc_options_live(&options));
  usage_error("--snapshot a --snapshot b", "--snapshot 'b'", "once");
  usage_error("--snapshot a -r x", "-r: ", "leave one out");
  usage_error("--snapshot a -w x", "-w: ", "leave one out");
  usage_error("--snapshot a --report x.html", "--report: ", "leave one out");
  usage_error("--snapshot a --bundle x", "--bundle: ", "leave one out");
  usage_error("--snapshot a tcp port 80", "'tcp port 80': ", "no filter");
}

static void test_last_word_wins(void)
{
  g_auto(DcOptions) first = {0};
  g_auto(DcOptions) second = {0};
  parse_ok("--promiscuous -p -s 100 -s 0 --color", &first);
  g_assert_false(first.promiscuous);
  g_assert_cmpuint(first.snaplen, ==, 262144);
  g_assert_cmpint(first.colour, ==, DC_COLOUR_ALWAYS);
  parse_ok("-p --promiscuous --window 7s", &second);
  g_assert_true(second.promiscuous);
  g_assert_cmpint(second.window_before_ns, ==, -1);
  g_assert_cmpint(second.window_after_ns, ==, 7 * DC_NS_PER_S);
}

static void test_filter_words(void)
{
  g_auto(DcOptions) between = {0};
  g_auto(DcOptions) after = {0};
  g_auto(DcOptions) quoted = {0};
  g_auto(DcOptions) blank = {0};
  parse_ok("tcp -i lo and port 22", &between);
  g_assert_cmpstr(between.filter, ==, "tcp and port 22");
  parse_ok("-i lo -- -weird words", &after);
  g_assert_cmpstr(after.filter, ==, "-weird words");
  g_assert_null(after.write_file);
  parse_ok("'host 10.0.0.1 and (udp or tcp)'", &quoted);
  g_assert_cmpstr(quoted.filter, ==, "host 10.0.0.1 and (udp or tcp)");
  parse_ok("'  '", &blank);
  g_assert_null(blank.filter);
}

static void test_actions(void)
{
  static const struct {
    const char *line;
    DcRunAction action;
  } CASES[] = {
      {"-D", DC_ACTION_LIST_INTERFACES},
      {"--list-interfaces", DC_ACTION_LIST_INTERFACES},
      {"-h", DC_ACTION_HELP},
      {"--version", DC_ACTION_VERSION},
      {"--list-causes", DC_ACTION_LIST_CAUSES},
      {"--explain paws", DC_ACTION_EXPLAIN},
      {"--help-man", DC_ACTION_HELP_MAN},
      {"--help-completion", DC_ACTION_HELP_COMPLETION},
      {"-i a -r b --help", DC_ACTION_HELP}, /* sense does not matter to help */
      {"--help --version", DC_ACTION_HELP},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_auto(DcOptions) options = {0};
    parse_ok(CASES[i].line, &options);
    g_assert_cmpint(options.action, ==, CASES[i].action);
  }
  g_auto(DcOptions) explain = {0};
  parse_ok("--explain accept-queue-full --explain paws", &explain);
  g_assert_cmpint(explain.explain_cause, ==, DC_CAUSE_ACCEPT_QUEUE_FULL);
}

static void test_usage_errors(void)
{
  /* syntax */
  usage_error("--windo", "--windo: ", "argument is missing"); /* an abbreviation of --window */
  usage_error("--dorps=x", "--dorps: no such option", "did you mean --drops?");
  usage_error("--zebra", "--zebra: no such option", "dropcorr --help");
  usage_error("-x", "-x: no such option", "dropcorr --help");
  usage_error("-c", "-c: its argument is missing", "count");
  usage_error("--drops", "--drops: its argument is missing", "file");
  usage_error("--json=yes", "--json=yes: --json takes no argument", "--help");
  usage_error("--help-ma=1", "--help-ma=1: ", "takes no argument");
  /* values */
  usage_error("-c 0", "-c '0'", "whole number from 1");
  usage_error("-c -1", "-c '-1'", "whole number from 1");
  usage_error("-c 99999999999999999999", "-c '99999999999999999999'", "whole number");
  usage_error("-s 262145", "-s '262145'", "262144");
  usage_error("-B 0", "-B '0'", "from 1 to");
  usage_error("-B 2097152", "-B '2097152'", "from 1 to 2097151"); /* more than an int of bytes */
  usage_error("-W x", "-W 'x'", "whole number");
  usage_error("-C 0", "-C '0'", "64k");
  usage_error("-G ''", "-G ''", "time above zero");
  usage_error("-Q sideways", "-Q 'sideways'", "inout, in, out");
  usage_error("-i ''", "-i ''", "empty");
  usage_error("--drops ''", "--drops ''", "empty");
  usage_error("--drop-source bpf", "--drop-source 'bpf'", "auto, packet, summary, tracepoint, none");
  usage_error("--color=red", "--color 'red'", "auto, always, never");
  usage_error("--fail-on bad", "--fail-on 'bad'", "info, low, medium, high");
  usage_error("--local 10.0.0", "--local '10.0.0'", "02:00:00:00:00:01");
  usage_error("--local 02:00:00:00:00", "--local '02:00:00:00:00'", "192.0.2.1");
  usage_error("--window ,1s", "--window ',1s'", "1ms,2s");
  usage_error("--window 1s,", "--window '1s,'", "1ms,2s");
  usage_error("--window 1s,0", "--window '1s,0'", "1ms,2s");
  usage_error("--syn-timeout 0", "--syn-timeout '0'", "above zero");
  usage_error("--duration forever", "--duration 'forever'", "500ms");
  usage_error("--explain gremlins", "--explain 'gremlins'", "--list-causes");
  usage_error("--report x", "--report 'x'", "extension");
  usage_error("--report .html", "--report '.html'", "extension");
  usage_error("--report a.d/x", "--report 'a.d/x'", "extension");
  usage_error("--report x.", "--report 'x.'", "extension");
  /* given twice */
  usage_error("-i a -i b", "-i 'b'", "once only");
  usage_error("-r a -r b", "-r 'b'", "once only");
  usage_error("-w a -w b", "-w 'b'", "once only");
  usage_error("--context a --context b", "--context 'b'", "once only");
  usage_error("--drops a --drops b --drops a", "--drops 'a'", "twice");
  usage_error("--report a.md --report a.md", "--report 'a.md'", "twice");
  /* sense */
  usage_error("-i eth0 -r x", "-i eth0: ", "leave one out");
  usage_error("-r - --drops -", "--drops -: ", "standard input");
  usage_error("-r x --duration 5", "--duration: ", "live capture only");
  usage_error("--drops x --drop-source packet", "--drop-source: ", "-i interface");
  usage_error("-r x --verify-unhandled 3", "--verify-unhandled: ", "live capture only");
  usage_error("-i lo --verify-unhandled 3 --drop-source none", "--verify-unhandled: ", "drop source");
  usage_error("-w - --json", "-w -: ", "name a file");
  usage_error("-r x -w x", "-w x: ", "another file");
  usage_error("-i lo -w x.txt --report x.txt", "--report x.txt: ", "another file");
}

static void test_filter_file(void)
{
  g_autofree char *dir = g_dir_make_tmp("dropcorr-options-XXXXXX", NULL);
  g_autofree char *good = g_build_filename(dir, "good", NULL);
  g_autofree char *zero = g_build_filename(dir, "zero", NULL);
  g_autofree char *huge = g_build_filename(dir, "huge", NULL);
  g_autofree char *missing = g_build_filename(dir, "missing", NULL);
  g_autofree char *big = g_strnfill(DC_FILTER_FILE_MAX + 1, 'x');
  g_assert_true(g_file_set_contents(good, "# web\r\ntcp port 80 # http\nor port 443\n", -1, NULL));
  g_assert_true(g_file_set_contents(zero, "tcp\0udp", 7, NULL));
  g_assert_true(g_file_set_contents(huge, big, DC_FILTER_FILE_MAX + 1, NULL));

  g_auto(DcOptions) options = {0};
  g_autofree char *line = g_strdup_printf("-F %s -i lo", good);
  parse_ok(line, &options);
  g_auto(GStrv) words = g_regex_split_simple(" +", options.filter, 0, 0);
  g_autofree char *joined = g_strjoinv(" ", words);
  g_assert_cmpstr(joined, ==, "tcp port 80 or port 443");

  g_autofree char *both = g_strdup_printf("-F %s tcp", good);
  usage_error(both, "-F ", "use one");
  g_autofree char *absent = g_strdup_printf("-F %s", missing);
  parse_fails(absent, DC_ERROR_NOT_FOUND, missing, "No such file");
  g_autofree char *binary = g_strdup_printf("-F %s", zero);
  usage_error(binary, zero, "zero byte");
  g_autofree char *large = g_strdup_printf("-F %s", huge);
  parse_fails(large, DC_ERROR_LIMIT, huge, "65536 bytes");
  g_autofree char *folder = g_strdup_printf("-F %s", dir);
  parse_fails(folder, DC_ERROR_IO, dir, "directory");

  /* Exactly the maximum is allowed. */
  g_assert_true(g_file_set_contents(huge, big, DC_FILTER_FILE_MAX, NULL));
  g_auto(DcOptions) full = {0};
  parse_ok(large, &full);
  g_assert_cmpuint(strlen(full.filter), ==, DC_FILTER_FILE_MAX);

  g_unlink(good);
  g_unlink(zero);
  g_unlink(huge);
  g_rmdir(dir);
}

static void test_durations(void)
{
  static const struct {
    const char *text;
    int64_t ns;
  } GOOD[] = {
      {"0", 0},
      {"10", 10 * DC_NS_PER_S},
      {"10s", 10 * DC_NS_PER_S},
      {"500ms", 500 * DC_NS_PER_MS},
      {"250us", 250 * DC_NS_PER_US},
      {"7ns", 7},
      {"2m", 120 * DC_NS_PER_S},
      {"1h", 3600 * DC_NS_PER_S},
      {"7d", 7 * 86400 * DC_NS_PER_S},
      {"1.5s", 1500 * DC_NS_PER_MS},
      {"0.000000001", 1},
      {"0.5ns", 0},
      {"1.999999999d", INT64_C(172799999913600)},
      {"36600d", INT64_C(36600) * 86400 * DC_NS_PER_S},
  };
  static const char *const BAD[] = {"",
                                    "s",
                                    "-1",
                                    "+1",
                                    " 1",
                                    "1 ",
                                    "1 s",
                                    "1.",
                                    ".5",
                                    "1..5",
                                    "1.5.5",
                                    "0x10",
                                    "1e3",
                                    "inf",
                                    "nan",
                                    "1S",
                                    "1min",
                                    "1,5",
                                    "1sec",
                                    "36601d",
                                    "1.0000000001",
                                    "18446744073709551616",
                                    "99999999999999d"};
  for (size_t i = 0; i < G_N_ELEMENTS(GOOD); i++) {
    int64_t ns = -7;
    if (!dc_value_duration(GOOD[i].text, &ns) || ns != GOOD[i].ns)
      g_error("%s: %" G_GINT64_FORMAT, GOOD[i].text, ns);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
    int64_t ns = -7;
    if (dc_value_duration(BAD[i], &ns) || ns != -7)
      g_error("'%s' accepted as %" G_GINT64_FORMAT, BAD[i], ns);
  }
}

static void test_sizes(void)
{
  static const struct {
    const char *text;
    uint64_t bytes;
  } GOOD[] = {{"1", 1000000}, {"100", 100000000}, {"64k", 65536}, {"64K", 65536}, {"2m", 2097152}, {"1G", 1u << 30}};
  static const char *const BAD[] = {"",           "0", "0k", "k", "1kb", "1t", "-1", "1.5m", "9223372036854775807",
                                    "8589934592g"};
  for (size_t i = 0; i < G_N_ELEMENTS(GOOD); i++) {
    uint64_t bytes = 7;
    if (!dc_value_size(GOOD[i].text, &bytes) || bytes != GOOD[i].bytes)
      g_error("%s: %" G_GUINT64_FORMAT, GOOD[i].text, bytes);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(BAD); i++) {
    uint64_t bytes = 7;
    if (dc_value_size(BAD[i], &bytes) || bytes != 7)
      g_error("'%s' accepted as %" G_GUINT64_FORMAT, BAD[i], bytes);
  }
}

/* --- the table ---------------------------------------------------------------------------- */

static void test_table_is_sound(void)
{
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  g_assert_cmpuint(count, ==, DC_OPTION_END - DC_OPTION_INTERFACE); /* a row per id */
  for (size_t i = 0; i < count; i++) {
    const DcOption *row = &table[i];
    g_assert_true(dc_option_by_id((int)row->id) == row); /* ids, letters and names are unique */
    g_assert_true(row->letter == 0 || dc_option_by_letter(row->letter) == row);
    g_assert_true(row->letter != 0 || row->name != NULL);
    g_assert_nonnull(row->help);
    g_assert_nonnull(row->since);
    g_assert_true(row->argument != NULL || row->complete == DC_COMPLETE_NONE);
    g_assert_true((row->complete == DC_COMPLETE_VALUES) == (row->values != NULL));
    g_assert_false(row->argument_optional && row->letter != 0); /* "-x value" would be ambiguous */
    for (size_t j = 0; j < i; j++)
      g_assert_cmpint(g_strcmp0(row->name, table[j].name) == 0 && row->name != NULL, ==, 0);
    /* Every value a row offers is one the parser takes, in the order of its enum. */
    for (size_t j = 0; row->values != NULL && row->values[j] != NULL; j++) {
      char name[64];
      g_auto(DcOptions) options = {0};
      dc_option_spell(row, name);
      g_autofree char *line = g_strdup_printf("-i lo %s%s%s", name, row->argument_optional ? "=" : " ", row->values[j]);
      parse_ok(line, &options);
      if (row->id == DC_OPTION_DROP_SOURCE) {
        g_assert_cmpuint(options.drop_source, ==, j);
        g_assert_cmpstr(dc_drop_source_name((DcDropSource)j), ==, row->values[j]);
      } else if (row->id == DC_OPTION_FAIL_ON) {
        g_assert_cmpuint(options.fail_on, ==, j);
        g_assert_cmpstr(dc_severity_name((DcSeverity)j), ==, row->values[j]);
      }
    }
  }
  g_assert_cmpint(g_strv_length((char **)dc_option_by_id(DC_OPTION_DROP_SOURCE)->values), ==, DC_DROP_SOURCE_COUNT);
  g_assert_cmpint(g_strv_length((char **)dc_option_by_id(DC_OPTION_FAIL_ON)->values), ==, DC_SEVERITY_COUNT);
  g_assert_cmpint(g_strv_length((char **)dc_option_by_id(DC_OPTION_COLOUR)->values), ==, DC_COLOUR_COUNT);
  g_assert_cmpint(g_strv_length((char **)dc_option_by_id(DC_OPTION_DIRECTION)->values), ==, DC_CAPTURE_DIRECTION_COUNT);
}

static char *printed(void (*print)(FILE *))
{
  char *text = NULL;
  size_t len = 0;
  FILE *stream = open_memstream(&text, &len);
  print(stream);
  fclose(stream);
  return text;
}

/* Every public option stands in all three texts; the build's own options in none. */
static void test_texts_hold_every_option(void)
{
  g_autofree char *help = printed(dc_option_print_help);
  g_autofree char *man = printed(dc_option_print_man);
  g_autofree char *completion = printed(dc_option_print_completion);
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  for (size_t i = 0; i < count; i++) {
    const DcOption *row = &table[i];
    bool public = row->group != DC_GROUP_HIDDEN;
    char name[64];
    dc_option_spell(row, name);
    g_autofree char *in_help = g_strdup_printf("\n  %s%s", row->letter != 0 ? "" : "    ", name);
    g_autofree char *in_man =
        row->letter != 0 ? g_strdup_printf("\n.It Fl %c", row->letter) : g_strdup_printf("\n.It Fl \\-%s", row->name);
    g_assert_cmpint(strstr(help, in_help) != NULL, ==, public);
    g_assert_cmpint(strstr(man, in_man) != NULL, ==, public);
    if (row->name != NULL) {
      g_autofree char *in_completion = g_strdup_printf("--%s ", row->name);
      g_autofree char *at_end = g_strdup_printf("--%s\"", row->name);
      g_assert_cmpint(strstr(completion, in_completion) != NULL || strstr(completion, at_end) != NULL, ==, public);
    }
  }
  g_auto(GStrv) lines = g_strsplit(help, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    if (strlen(*line) > 80)
      g_error("help line longer than 80 columns: %s", *line);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/options/defaults", test_defaults);
  g_test_add_func("/options/tcpdump-letters", test_tcpdump_letters);
  g_test_add_func("/options/own", test_own_options);
  g_test_add_func("/options/live", test_live_or_not);
  g_test_add_func("/options/snapshot", test_snapshot);
  g_test_add_func("/options/last-word", test_last_word_wins);
  g_test_add_func("/options/filter-words", test_filter_words);
  g_test_add_func("/options/actions", test_actions);
  g_test_add_func("/options/usage-errors", test_usage_errors);
  g_test_add_func("/options/filter-file", test_filter_file);
  g_test_add_func("/options/durations", test_durations);
  g_test_add_func("/options/sizes", test_sizes);
  g_test_add_func("/options/table", test_table_is_sound);
  g_test_add_func("/options/texts", test_texts_hold_every_option);
  return g_test_run();
}
