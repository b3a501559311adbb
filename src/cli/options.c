#include "dropcorr/cli/options.h"

#include "option_error.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/cli/filter_file.h"
#include "dropcorr/cli/option_table.h"
#include "dropcorr/cli/values.h"
#include "dropcorr/decode/packet.h"

#include <getopt.h>
#include <string.h>

/* Options under construction: lists still growing, and what was given at all. */
typedef struct {
  DcOptions options;
  GPtrArray *drops, *reports;
  GArray *locals;
  char *filter_file;
  bool action_given;
  bool given[DC_OPTION_END - DC_OPTION_INTERFACE];
} Parse;

static void parse_clear(Parse *parse)
{
  dc_options_clear(&parse->options);
  g_clear_pointer(&parse->drops, g_ptr_array_unref);
  g_clear_pointer(&parse->reports, g_ptr_array_unref);
  g_clear_pointer(&parse->locals, g_array_unref);
  g_clear_pointer(&parse->filter_file, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parse, parse_clear)

static bool given(const Parse *parse, DcOptionId id)
{
  return parse->given[id - DC_OPTION_INTERFACE];
}

void dc_options_clear(DcOptions *options)
{
  g_free(options->interface);
  g_free(options->read_file);
  g_strfreev(options->drops);
  g_free(options->context_dir);
  g_free(options->filter);
  g_free(options->locals);
  g_free(options->timestamp_type);
  g_free(options->user);
  g_free(options->time_zone);
  g_free(options->kallsyms);
  g_free(options->write_file);
  g_free(options->snapshot_dir);
  g_free(options->bundle);
  g_free(options->anonymize_map);
  g_strfreev(options->reports);
  *options = (DcOptions){0};
}

bool dc_options_live(const DcOptions *options)
{
  if (options->snapshot_dir != NULL)
    return false;
  if (options->interface != NULL)
    return true;
  return options->read_file == NULL && options->context_dir == NULL &&
         (options->drops == NULL || options->drops[0] == NULL);
}

const char *dc_options_report_extension(const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *base = slash != NULL ? slash + 1 : path;
  const char *dot = strrchr(base, '.');
  return dot != NULL && dot != base && dot[1] != '\0' ? dot + 1 : NULL;
}

const char *dc_drop_source_name(DcDropSource source)
{
  return dc_option_by_id(DC_OPTION_DROP_SOURCE)->values[source];
}

/* --- one option -------------------------------------------------------------------------- */

static bool bad_value(const DcOption *row, const char *value, const char *wanted, GError **error)
{
  char name[64];
  dc_option_spell(row, name);
  g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "%s '%s': %s", name, value, wanted);
  return false;
}

static bool take_name(const DcOption *row, const char *value, char **ret_name, GError **error)
{
  if (value[0] == '\0')
    return bad_value(row, value, "the name is empty", error);
  g_free(*ret_name);
  *ret_name = g_strdup(value);
  return true;
}

/* -i, -r, -w, --context: two of them are a mistake, not a change of mind. */
static bool take_single(const DcOption *row, const char *value, char **ret_name, GError **error)
{
  if (*ret_name != NULL)
    return bad_value(row, value, "may be given once only", error);
  return take_name(row, value, ret_name, error);
}

static bool take_uint32(const DcOption *row, const char *value, uint32_t min, uint32_t max, uint32_t *ret_number,
                        GError **error)
{
  uint64_t number = 0;
  if (!dc_value_uint(value, min, max, &number)) {
    g_autofree char *wanted = g_strdup_printf("not a whole number from %u to %u", min, max);
    return bad_value(row, value, wanted, error);
  }
  *ret_number = (uint32_t)number;
  return true;
}

static bool take_duration(const DcOption *row, const char *value, int64_t *ret_ns, GError **error)
{
  int64_t ns = 0;
  if (!dc_value_duration(value, &ns) || ns == 0)
    return bad_value(row, value, "not a time above zero (write 10, 10s, 500ms, 2m or 1h)", error);
  *ret_ns = ns;
  return true;
}

static bool take_window(const DcOption *row, const char *value, DcOptions *options, GError **error)
{
  const char *comma = strchr(value, ',');
  g_autofree char *before = comma != NULL ? g_strndup(value, (gsize)(comma - value)) : NULL;
  int64_t before_ns = -1;
  int64_t after_ns = -1;
  if ((before != NULL && !dc_value_duration(before, &before_ns)) ||
      !dc_value_duration(comma != NULL ? comma + 1 : value, &after_ns) || after_ns == 0)
    return bad_value(row, value, "not a window (write 2s, or 1ms,2s for before and after)", error);
  options->window_before_ns = before_ns;
  options->window_after_ns = after_ns;
  return true;
}

static bool take_local(const DcOption *row, const char *value, GArray *locals, GError **error)
{
  DcLocal local = {.is_mac = false};
  if (!dc_addr_parse(value, &local.addr)) {
    local.is_mac = dc_mac_parse(value, local.mac);
    if (!local.is_mac)
      return bad_value(row, value, "not an IP or MAC address (write 192.0.2.1, 2001:db8::1 or 02:00:00:00:00:01)",
                       error);
  }
  g_array_append_val(locals, local);
  return true;
}

static bool take_report(const DcOption *row, const char *value, GPtrArray *reports, GError **error)
{
  if (dc_options_report_extension(value) == NULL)
    return bad_value(row, value, "its extension must name the format (write report.txt, report.json or report.html)",
                     error);
  for (guint i = 0; i < reports->len; i++) {
    if (strcmp(reports->pdata[i], value) == 0)
      return bad_value(row, value, "given twice", error);
  }
  g_ptr_array_add(reports, g_strdup(value));
  return true;
}

static bool take_drops(const DcOption *row, const char *value, GPtrArray *drops, GError **error)
{
  if (value[0] == '\0')
    return bad_value(row, value, "the name is empty", error);
  for (guint i = 0; i < drops->len; i++) {
    if (strcmp(drops->pdata[i], value) == 0)
      return bad_value(row, value, "given twice: its drops would count twice", error);
  }
  g_ptr_array_add(drops, g_strdup(value));
  return true;
}

/* Position among the row's values, which are in the order of their enum. */
static bool take_choice(const DcOption *row, const char *value, size_t *ret_index, GError **error)
{
  if (!dc_value_choice(value, row->values, ret_index)) {
    g_autofree char *values = g_strjoinv(", ", (char **)row->values);
    g_autofree char *wanted = g_strdup_printf("not one of %s", values);
    return bad_value(row, value, wanted, error);
  }
  return true;
}

static void take_action(Parse *parse, DcRunAction action)
{
  if (!parse->action_given)
    parse->options.action = action;
  parse->action_given = true;
}

static bool take_option(Parse *parse, const DcOption *row, const char *value, GError **error)
{
  DcOptions *options = &parse->options;
  size_t choice = 0;
  DcCause cause = DC_CAUSE_NONE;

  parse->given[row->id - DC_OPTION_INTERFACE] = true;
  switch (row->id) {
  case DC_OPTION_INTERFACE:
    return take_single(row, value, &options->interface, error);
  case DC_OPTION_READ:
    return take_single(row, value, &options->read_file, error);
  case DC_OPTION_DROPS:
    return take_drops(row, value, parse->drops, error);
  case DC_OPTION_DROPS_OFFSET:
    options->has_drops_offset = true;
    if (!dc_value_offset(value, &options->drops_offset_ns))
      return bad_value(row, value, "not a time difference (such as 1742309146.691 or -2h)", error);
    return true;
  case DC_OPTION_TIME_ZONE:
    return take_single(row, value, &options->time_zone, error);
  case DC_OPTION_DROPS_START:
    options->has_drops_start = true;
    if (!dc_value_time(value, &options->drops_start_ns))
      return bad_value(row, value, "not a point in time (seconds since 1970, or 2026-11-20T11:24:33)", error);
    return true;
  case DC_OPTION_KALLSYMS:
    return take_single(row, value, &options->kallsyms, error);
  case DC_OPTION_CONTEXT:
    return take_single(row, value, &options->context_dir, error);
  case DC_OPTION_LOCAL:
    return take_local(row, value, parse->locals, error);
  case DC_OPTION_FILTER_FILE:
    return take_single(row, value, &parse->filter_file, error);
  case DC_OPTION_PACKETS:
    if (!dc_value_uint(value, 1, UINT64_MAX, &options->count))
      return bad_value(row, value, "not a number of frames (a whole number from 1)", error);
    return true;
  case DC_OPTION_DURATION:
    return take_duration(row, value, &options->duration_ns, error);
  case DC_OPTION_LIST_INTERFACES:
    take_action(parse, DC_ACTION_LIST_INTERFACES);
    return true;
  case DC_OPTION_DROP_SOURCE:
    if (!take_choice(row, value, &choice, error))
      return false;
    options->drop_source = (DcDropSource)choice;
    return true;
  case DC_OPTION_SNAPLEN:
    if (!take_uint32(row, value, 0, DC_SNAPLEN_MAX, &options->snaplen, error))
      return false;
    if (options->snaplen == 0)
      options->snaplen = DC_SNAPLEN_MAX;
    return true;
  case DC_OPTION_BUFFER:
    return take_uint32(row, value, 1, INT32_MAX / 1024, &options->buffer_kib, error);
  case DC_OPTION_DIRECTION:
    if (!take_choice(row, value, &choice, error))
      return false;
    options->direction = (DcCaptureDirection)choice;
    return true;
  case DC_OPTION_TIMESTAMP_TYPE:
    return take_name(row, value, &options->timestamp_type, error);
  case DC_OPTION_IMMEDIATE:
    options->immediate = true;
    return true;
  case DC_OPTION_PROMISCUOUS:
    options->promiscuous = true;
    return true;
  case DC_OPTION_NO_PROMISCUOUS:
    options->promiscuous = false;
    return true;
  case DC_OPTION_USER:
    return take_name(row, value, &options->user, error);
  case DC_OPTION_VERIFY_UNHANDLED:
    return take_duration(row, value, &options->verify_unhandled_ns, error);
  case DC_OPTION_WINDOW:
    return take_window(row, value, options, error);
  case DC_OPTION_SYN_TIMEOUT:
    return take_duration(row, value, &options->syn_timeout_ns, error);
  case DC_OPTION_JSON:
    options->json = true;
    return true;
  case DC_OPTION_REPORT:
    return take_report(row, value, parse->reports, error);
  case DC_OPTION_FRAMES:
    options->frames = true;
    return true;
  case DC_OPTION_HANDSHAKES:
    options->handshakes = true;
    return true;
  case DC_OPTION_NO_NAMES:
    options->no_names++;
    return true;
  case DC_OPTION_VERBOSE:
    options->verbose++;
    return true;
  case DC_OPTION_QUIET:
    options->quiet = true;
    return true;
  case DC_OPTION_COLOUR:
    if (value == NULL)
      choice = DC_COLOUR_ALWAYS;
    else if (!take_choice(row, value, &choice, error))
      return false;
    options->colour = (DcColour)choice;
    return true;
  case DC_OPTION_WRITE:
    return take_single(row, value, &options->write_file, error);
  case DC_OPTION_PACKET_BUFFERED:
    options->packet_buffered = true;
    return true;
  case DC_OPTION_ROTATE_SIZE:
    if (!dc_value_size(value, &options->rotate_bytes))
      return bad_value(row, value, "not a size (write 100 for 100 million bytes, or 64k, 16m, 1g)", error);
    return true;
  case DC_OPTION_ROTATE_TIME:
    return take_duration(row, value, &options->rotate_ns, error);
  case DC_OPTION_ROTATE_FILES:
    return take_uint32(row, value, 1, INT32_MAX, &options->rotate_files, error);
  case DC_OPTION_ANONYMIZE:
    options->anonymize = true;
    return value == NULL || take_single(row, value, &options->anonymize_map, error);
  case DC_OPTION_KEEP_PAYLOAD:
    options->keep_payload = true;
    return true;
  case DC_OPTION_BUNDLE:
    return take_single(row, value, &options->bundle, error);
  case DC_OPTION_SNAPSHOT:
    return take_single(row, value, &options->snapshot_dir, error);
  case DC_OPTION_STRICT:
    options->strict = true;
    return true;
  case DC_OPTION_FAIL_ON:
    if (!take_choice(row, value, &choice, error))
      return false;
    options->fail_on_given = true;
    options->fail_on = (DcSeverity)choice;
    return true;
  case DC_OPTION_EXPLAIN:
    if (!dc_cause_parse(value, &cause))
      return bad_value(row, value, "no such cause (see dropcorr --list-causes)", error);
    if (!parse->action_given)
      options->explain_cause = cause;
    take_action(parse, DC_ACTION_EXPLAIN);
    return true;
  case DC_OPTION_LIST_CAUSES:
    take_action(parse, DC_ACTION_LIST_CAUSES);
    return true;
  case DC_OPTION_VERSION:
    take_action(parse, DC_ACTION_VERSION);
    return true;
  case DC_OPTION_HELP:
    take_action(parse, DC_ACTION_HELP);
    return true;
  case DC_OPTION_HELP_MAN:
    take_action(parse, DC_ACTION_HELP_MAN);
    return true;
  case DC_OPTION_HELP_COMPLETION:
    take_action(parse, DC_ACTION_HELP_COMPLETION);
    return true;
  case DC_OPTION_END:
    break;
  }
  g_assert_not_reached(); /* a row without a case: our own mistake */
}

/* --- getopt ------------------------------------------------------------------------------ */

/* The table as getopt_long wants it. Names are borrowed from the table. */
static void getopt_forms(GString *letters, GArray *longs)
{
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  g_string_append_c(letters, ':'); /* a missing argument returns ':' */
  for (size_t i = 0; i < count; i++) {
    const DcOption *row = &table[i];
    int argument = row->argument == NULL ? no_argument : row->argument_optional ? optional_argument : required_argument;
    if (row->letter != 0) {
      g_string_append_c(letters, row->letter);
      if (row->argument != NULL)
        g_string_append(letters, row->argument_optional ? "::" : ":");
    }
    if (row->name != NULL) {
      struct option form = {.name = row->name, .has_arg = argument, .flag = NULL, .val = (int)row->id};
      g_array_append_val(longs, form);
    }
  }
}

/* --- the filter -------------------------------------------------------------------------- */

static bool take_filter(Parse *parse, char **words, GError **error)
{
  if (parse->filter_file != NULL && words[0] != NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "-F %s: a filter is also given on the command line: '%s' (use one)",
                parse->filter_file, words[0]);
    return false;
  }
  char *filter = NULL;
  if (parse->filter_file != NULL) {
    filter = dc_filter_file_read(parse->filter_file, error);
    if (filter == NULL)
      return false;
  } else if (words[0] != NULL) {
    filter = g_strjoinv(" ", words);
  }
  if (filter != NULL && filter[strspn(filter, " \t\n")] == '\0')
    g_clear_pointer(&filter, g_free); /* an empty expression is all packets */
  parse->options.filter = filter;
  return true;
}

/* --- sense ------------------------------------------------------------------------------- */

static bool is_stdio(const char *name)
{
  return name != NULL && strcmp(name, "-") == 0;
}

static bool usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool usage(GError **error, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error_literal(error, DC_ERROR, DC_ERROR_USAGE, message);
  return false;
}

/* A snapshot takes no evidence and gives no report: what it has no use for is a mistake. */
static bool check_snapshot(const Parse *parse, GError **error)
{
  static const DcOptionId USED[] = {DC_OPTION_SNAPSHOT, DC_OPTION_INTERFACE, DC_OPTION_DURATION, DC_OPTION_USER,
                                    DC_OPTION_VERBOSE,  DC_OPTION_QUIET,     DC_OPTION_NO_NAMES};
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  for (size_t i = 0; i < count; i++) {
    bool used = false;
    for (size_t j = 0; j < G_N_ELEMENTS(USED); j++)
      used |= USED[j] == table[i].id;
    if (used || !given(parse, table[i].id))
      continue;
    char name[64];
    dc_option_spell(&table[i], name);
    return usage(error, "%s: makes no sense beside --snapshot, which saves the host's state and ends (leave one out)",
                 name);
  }
  if (parse->options.filter != NULL)
    return usage(error, "'%s': --snapshot takes no filter (leave it out)", parse->options.filter);
  return true;
}

/* Options of ours that need a live capture. tcpdump's letters are let pass beside -r, as tcpdump does. */
static bool check_offline(const Parse *parse, GError **error)
{
  static const DcOptionId LIVE_ONLY[] = {DC_OPTION_DROP_SOURCE, DC_OPTION_DURATION, DC_OPTION_VERIFY_UNHANDLED};
  for (size_t i = 0; i < G_N_ELEMENTS(LIVE_ONLY); i++) {
    if (given(parse, LIVE_ONLY[i]))
      return usage(error, "--%s: works on a live capture only (leave it out, or give -i interface)",
                   dc_option_by_id((int)LIVE_ONLY[i])->name);
  }
  return true;
}

static bool check_outputs(const DcOptions *options, GError **error)
{
  const char *write = options->write_file;
  if (is_stdio(write) && options->json)
    return usage(error, "-w -: standard output cannot hold both the evidence file and --json (name a file)");
  if (write != NULL && !is_stdio(write) && g_strcmp0(write, options->read_file) == 0)
    return usage(error, "-w %s: is also the input of -r (name another file)", write);
  for (char **report = options->reports; *report != NULL; report++) {
    if (g_strcmp0(*report, write) == 0 || g_strcmp0(*report, options->read_file) == 0)
      return usage(error, "--report %s: is also given to -w or -r (name another file)", *report);
  }
  return true;
}

static bool check_sense(const Parse *parse, GError **error)
{
  const DcOptions *options = &parse->options;
  if (options->snapshot_dir != NULL)
    return check_snapshot(parse, error);
  if (options->interface != NULL && options->read_file != NULL)
    return usage(error, "-i %s: cannot capture while reading -r %s (leave one out)", options->interface,
                 options->read_file);
  if (is_stdio(options->read_file)) {
    for (char **drops = options->drops; *drops != NULL; drops++) {
      if (is_stdio(*drops))
        return usage(error, "--drops -: standard input is already read by -r (name a file for one of them)");
    }
  }
  if (options->anonymize && options->keep_payload)
    return usage(error, "--keep-payload: payload may hold any name (leave out --keep-payload or --anonymize)");
  if (options->verify_unhandled_ns != 0 && options->drop_source == DC_DROP_SOURCE_NONE)
    return usage(error, "--verify-unhandled: needs a drop source (leave out --drop-source none)");
  if (!dc_options_live(options) && !check_offline(parse, error))
    return false;
  return check_outputs(options, error);
}

static char **take_list(GPtrArray **list)
{
  g_ptr_array_add(*list, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(list), FALSE);
}

bool dc_options_parse(int argc, char **argv, DcOptions *ret_options, GError **error)
{
  g_auto(Parse) parse = {
      .options = {.snaplen = DC_SNAPLEN_DEFAULT,
                  .window_before_ns = -1,
                  .window_after_ns = -1,
                  .syn_timeout_ns = DC_NS_PER_S},
      .drops = g_ptr_array_new_with_free_func(g_free),
      .reports = g_ptr_array_new_with_free_func(g_free),
      .locals = g_array_new(FALSE, FALSE, sizeof(DcLocal)),
  };
  g_autoptr(GString) letters = g_string_new(NULL);
  g_autoptr(GArray) longs = g_array_new(TRUE, TRUE, sizeof(struct option));
  getopt_forms(letters, longs);

  opterr = 0;
  optind = 0; /* glibc: start afresh */
  for (;;) {
    int status = getopt_long(argc, argv, letters->str, (const struct option *)(void *)longs->data, NULL);
    if (status == -1)
      break;
    if (status == '?' || status == ':') {
      dc_option_syntax_error(status, optopt, argv[optind - 1], error);
      return false;
    }
    const DcOption *row = status >= DC_OPTION_INTERFACE ? dc_option_by_id(status) : dc_option_by_letter(status);
    g_assert(row != NULL);
    if (!take_option(&parse, row, optarg, error))
      return false;
  }

  parse.options.drops = take_list(&parse.drops);
  parse.options.reports = take_list(&parse.reports);
  parse.options.local_count = parse.locals->len;
  parse.options.locals = (DcLocal *)(void *)g_array_free(g_steal_pointer(&parse.locals), FALSE);
  if (parse.options.action == DC_ACTION_RUN &&
      (!take_filter(&parse, argv + optind, error) || !check_sense(&parse, error)))
    return false;

  *ret_options = parse.options;
  parse.options = (DcOptions){0};
  return true;
}
