#include "dropcorr/source/drop_log.h"

#include "drop_log_formats.h"
#include "dropcorr/base/error.h"
#include "dropcorr/model/site.h"
#include "dropcorr/source/filter.h"
#include "dropcorr/source/reorder.h"
#include "log_reader.h"
#include "packet_file.h"

/* Of a file more is looked at: a session's log may begin with much else. A pipe is not waited for so long. */
#define PROBE_LEN 8192u
#define PROBE_LEN_FILE (256u << 10)
/* NET_DM cuts symbols at this length. */
#define SYMBOL_CUT 39u

#define REORDER_NS (2 * DC_NS_PER_S)
#define REORDER_EVENTS_MAX 65536

static const DcDropLogFormat *const formats[] = {&dc_drop_log_netdm,    &dc_drop_log_evidence,   &dc_drop_log_dropwatch,
                                                 &dc_drop_log_perf,     &dc_drop_log_trace_pipe, &dc_drop_log_bcc,
                                                 &dc_drop_log_bpftrace, &dc_drop_log_pwru,       &dc_drop_log_retis,
                                                 &dc_drop_log_nettrace, &dc_drop_log_stap,       &dc_drop_log_ndjson};

typedef struct {
  DcSource source;
  const DcDropLogFormat *format;
  DcSource *reader; /* the format's */
  DcSource *events; /* the same, or behind a reorder */
  DcFilter *filter;
  const DcStop *stop;         /* borrowed, may be NULL */
  const DcKallsyms *kallsyms; /* borrowed; NULL: none, or of another boot than the log */
  DcStrings *strings;
  uint64_t drops, filtered;
  bool ended;
} DropLog;

static DcReadStatus drop_log_next(DcSource *source, DcEvent *ret_event, GError **error);
static void drop_log_free(DcSource *source);

static const DcSourceOps drop_log_ops = {.next = drop_log_next, .free = drop_log_free};

static const DropLog *drop_log(const DcSource *source)
{
  g_return_val_if_fail(source != NULL && source->ops == &drop_log_ops, NULL);
  return (const DropLog *)source;
}

const DcDropLogFormat *const *dc_drop_log_formats(size_t *ret_count)
{
  *ret_count = G_N_ELEMENTS(formats);
  return formats;
}

/* What a text is that no format took; NULL: it is no text. Caller frees. */
static char *guess_text(const uint8_t *head, size_t len)
{
  if (len >= 2 && ((head[0] == 0xff && head[1] == 0xfe) || (head[0] == 0xfe && head[1] == 0xff)))
    return g_strdup("is text in UTF-16: convert it with iconv -f UTF-16 -t UTF-8");
  for (size_t i = 0; i < MIN(len, (size_t)512); i++) {
    if (head[i] < 0x20 && strchr("\t\n\v\f\r\b\a\x1b", head[i]) == NULL)
      return NULL;
  }
  return g_strdup("is text, but no line near its beginning is of one of these formats (docs/drop-logs.md shows them)");
}

static void set_unrecognised(const DcInput *input, const uint8_t *head, size_t len, GError **error)
{
  g_autoptr(GString) tried = g_string_new(NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
    g_string_append_printf(tried, "%s%s", i > 0 ? ", " : "", formats[i]->name);
  if (len == 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_FORMAT, "%s: is empty (0 bytes): was the drop monitor started?",
                dc_input_name(input));
    return;
  }
  DcCursor cursor = dc_cursor(head, len);
  uint32_t magic = dc_cursor_be32(&cursor);
  bool is_capture =
      magic == 0xa1b2c3d4 || magic == 0xd4c3b2a1 || magic == 0xa1b23c4d || magic == 0x4d3cb2a1 || magic == 0x0a0d0d0a;
  g_autofree char *guess =
      is_capture ? g_strdup("is a capture of frames, not of drops: give it with -r") : guess_text(head, len);
  if (guess == NULL)
    guess = dc_packet_file_guess(dc_input_name(input), head, len);
  g_set_error(error, DC_ERROR, DC_ERROR_FORMAT, "%s: not a drop log of a known format (tried: %s): the file %s",
              dc_input_name(input), tried->str, guess);
}

DcSource *dc_drop_log_from_input(DcInput *input, const DcDropLogOptions *options, DcStrings *strings, GError **error)
{
  g_autoptr(DcInput) owned = input;
  if (options->stop != NULL)
    dc_input_set_stop(input, options->stop);
  const uint8_t *head;
  size_t len = dc_input_peek(input, dc_input_size(input) != 0 ? PROBE_LEN_FILE : PROBE_LEN, &head, error);
  if (len == SIZE_MAX)
    return NULL;

  const DcDropLogFormat *format = NULL;
  int best = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
    int score = formats[i]->probe(head, len);
    if (score > best) {
      best = score;
      format = formats[i];
    }
  }
  if (format == NULL) {
    set_unrecognised(input, head, len, error);
    return NULL;
  }

  g_autoptr(DcFilter) filter = NULL;
  if (!dc_filter_new(options->filter, options->filter_optimize, &filter, error))
    return NULL;
  DcSource *reader = format->open(g_steal_pointer(&owned), strings, error);
  if (reader == NULL)
    return NULL;
  dc_log_set_reception_sink(reader, options->on_reception, options->reception_data);
  DropLog *log = g_new0(DropLog, 1);
  log->source.ops = &drop_log_ops;
  log->source.name = reader->name;
  log->source.bytes_total = reader->bytes_total;
  log->format = format;
  log->reader = reader;
  log->events = options->unordered ? reader : dc_reorder_new(reader, REORDER_NS, REORDER_EVENTS_MAX);
  log->filter = g_steal_pointer(&filter);
  log->stop = options->stop;
  log->kallsyms = options->kallsyms;
  log->strings = strings;
  return &log->source;
}

DcSource *dc_drop_log_open(const char *path, const DcDropLogOptions *options, DcStrings *strings, GError **error)
{
  DcInput *input = dc_input_open(path, error);
  return input != NULL ? dc_drop_log_from_input(input, options, strings, error) : NULL;
}

static DcReadStatus end_of_log(DropLog *log, GError **error)
{
  log->ended = true;
  if (log->drops > 0 || (log->stop != NULL && dc_stop_requested(log->stop)))
    return DC_READ_END;
  g_autofree char *found = log->format->explain(log->reader);
  if (found == NULL)
    return DC_READ_END;
  g_set_error(error, DC_ERROR, DC_ERROR_FORMAT, "%s: read as %s, but there is no drop in it: %s", log->source.name,
              log->format->name, found);
  return DC_READ_ERROR;
}

/* The function of an address, where the log itself names none, or not where in it. */
static void resolve(DropLog *log, DcDrop *drop)
{
  DcKallsym found;
  if (drop->pc == 0 || !dc_kallsyms_lookup(log->kallsyms, drop->pc, &found))
    return;
  const char *symbol = dc_strings_add(log->strings, found.name, dc_site_strip_suffix(found.name, strlen(found.name)));
  const bool cut = drop->location != NULL && strlen(drop->location) == SYMBOL_CUT && drop->symbol != NULL &&
                   g_str_has_prefix(symbol, drop->symbol);
  if (drop->symbol != NULL && drop->symbol != symbol && !cut) {
    log->kallsyms = NULL; /* of another boot or kernel: the log itself knows better */
    return;
  }
  drop->symbol = symbol;
  drop->offset = found.offset;
  drop->size = found.size;
  if (found.module != NULL)
    drop->module = dc_strings_add(log->strings, found.module, strlen(found.module));
}

static DcReadStatus drop_log_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  DropLog *log = (DropLog *)source;
  if (log->ended)
    return DC_READ_END;
  for (;;) {
    DcReadStatus status = dc_source_next(log->events, ret_event, error);
    source->skipped = log->events->skipped;
    source->foreign = log->events->foreign;
    source->bytes_read = log->events->bytes_read;
    if (status == DC_READ_END)
      return end_of_log(log, error);
    if (status == DC_READ_ERROR)
      log->ended = true;
    if (status != DC_READ_EVENT || ret_event->kind != DC_EVENT_DROP)
      return status;
    log->drops++;
    if (ret_event->drop.number == 0)
      ret_event->drop.number = log->drops;
    resolve(log, &ret_event->drop);
    if (dc_filter_match_drop(log->filter, &ret_event->drop))
      return DC_READ_EVENT;
    log->filtered++;
  }
}

static void drop_log_free(DcSource *source)
{
  DropLog *log = (DropLog *)source;
  dc_source_free(log->events);
  dc_filter_free(log->filter);
  g_free(log);
}

const char *dc_drop_log_format(const DcSource *source)
{
  const DropLog *log = drop_log(source);
  return log != NULL ? log->format->name : NULL;
}

uint64_t dc_drop_log_filtered(const DcSource *source)
{
  const DropLog *log = drop_log(source);
  return log != NULL ? log->filtered : 0;
}

uint64_t dc_drop_log_drops(const DcSource *source)
{
  const DropLog *log = drop_log(source);
  return log != NULL ? log->drops : 0;
}

DcLogClock dc_drop_log_clock(const DcSource *source)
{
  const DropLog *log = drop_log(source);
  DcLogClock clock = DC_LOG_CLOCK_REALTIME;
  if (log != NULL)
    (void)dc_log_clock(log->reader, &clock);
  return clock;
}

const char *dc_log_clock_name(DcLogClock clock)
{
  switch (clock) {
  case DC_LOG_CLOCK_REALTIME:
    return "real time";
  case DC_LOG_CLOCK_LOCAL:
    return "local time of a zone it does not name";
  case DC_LOG_CLOCK_TIME_OF_DAY:
    return "local time of day, without date and zone";
  case DC_LOG_CLOCK_MONOTONIC:
    return "time since boot";
  case DC_LOG_CLOCK_NONE:
    return "none: it has no times";
  case DC_LOG_CLOCK_COUNT:
    break;
  }
  return NULL;
}
