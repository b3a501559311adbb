/*
 * The whole analysis, as dropcorr -r runs it: capture, drop logs and context are read, merged by time, decoded,
 * correlated and diagnosed, and every writer reports. What must hold of any input is checked: the laws of
 * docs/architecture.md.
 *
 * Input: pieces, each | kind(1) | length(3, little-endian) | bytes |, the last one as long as there is input.
 *   F  the capture; the first one counts
 *   D  a drop log; up to DROPS_MAX
 *   S  a text of the host's state: phase(1), name, a newline, the text
 *   O  options, see read_options()
 * Any other kind stands for one of these.
 */
#include "dropcorr/cli/analysis.h"
#include "dropcorr/source/capture_file.h"
#include "dropcorr/source/clock_align.h"
#include "dropcorr/source/drop_log.h"
#include "dropcorr/source/merge.h"
#include "event_checks.h"

#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

#define DROPS_MAX 2
#define SAMPLES_MAX 64

typedef struct {
  const uint8_t *bytes;
  size_t len;
} Piece;

typedef struct {
  Piece frames, drops[DROPS_MAX], samples[SAMPLES_MAX], options;
  size_t drop_count, sample_count;
} Input;

static Input split(const uint8_t *data, size_t size)
{
  static const char kinds[] = "FDSO";
  Input input = {.drop_count = 0};
  while (size >= 4) {
    const uint8_t kind = strchr(kinds, data[0]) != NULL && data[0] != 0 ? data[0] : (uint8_t)kinds[data[0] % 4];
    size_t len = (size_t)data[1] | (size_t)data[2] << 8 | (size_t)data[3] << 16;
    data += 4;
    size -= 4;
    len = MIN(len, size);
    const Piece piece = {data, len};
    if (kind == 'F' && input.frames.bytes == NULL)
      input.frames = piece;
    else if (kind == 'D' && input.drop_count < DROPS_MAX)
      input.drops[input.drop_count++] = piece;
    else if (kind == 'S' && input.sample_count < SAMPLES_MAX)
      input.samples[input.sample_count++] = piece;
    else if (kind == 'O' && input.options.bytes == NULL)
      input.options = piece;
    data += len;
    size -= len;
  }
  return input;
}

/* --- options ---------------------------------------------------------------------------------- */

typedef struct {
  DcOptions options;
  DcLocal locals[3];
  DcClockAlignOptions align;
  bool live, timed_samples, has_align;
} Settings;

/* Spans from nothing to the longest that the command line takes, 100 years. */
static int64_t span_of(uint8_t byte)
{
  static const int64_t spans[] = {0,
                                  1,
                                  DC_NS_PER_MS,
                                  DC_NS_PER_S,
                                  60 * DC_NS_PER_S,
                                  3600 * DC_NS_PER_S,
                                  INT64_C(366) * 86400 * DC_NS_PER_S,
                                  INT64_C(100) * 366 * 24 * 3600 * DC_NS_PER_S};
  return spans[byte % G_N_ELEMENTS(spans)];
}

/* Bytes: switches, local addresses, window before, window after, SYN timeout, clock offset's span, filter, count. */
static void read_options(Piece piece, Settings *settings)
{
  static char udp[] = "udp", mixed[] = "tcp port 80 or icmp", vlan[] = "vlan";
  static char *const filters[] = {NULL, udp, mixed, vlan};
  static const char *const zones[] = {NULL, "+05:45", "Europe/Berlin", "-12:00"};
  uint8_t byte[8] = {0};
  if (piece.len > 0)
    memcpy(byte, piece.bytes, MIN(piece.len, sizeof byte));
  *settings = (Settings){.live = (byte[0] & 1) != 0, .timed_samples = (byte[0] & 2) != 0};
  DcOptions *options = &settings->options;
  options->frames = options->handshakes = (byte[0] & 4) == 0;
  options->no_names = (byte[0] & 8) != 0;
  options->verbose = byte[0] >> 4 & 3;
  options->quiet = (byte[0] & 64) != 0;
  options->colour = DC_COLOUR_NEVER;
  options->window_before_ns = (byte[2] & 128) != 0 ? span_of(byte[2]) : -1;
  options->window_after_ns = (byte[3] & 128) != 0 ? span_of(byte[3]) : -1;
  options->syn_timeout_ns = (byte[4] & 128) != 0 ? span_of(byte[4]) : DC_NS_PER_S;
  settings->has_align = (byte[5] & 128) != 0;
  settings->align.has_offset = (byte[5] & 64) != 0;
  settings->align.offset_ns = (byte[5] & 32) != 0 ? -span_of(byte[5]) : span_of(byte[5]);
  settings->align.zone = zones[byte[5] >> 3 & 3];
  settings->align.has_start = (byte[5] & 16) != 0;
  settings->align.start_ns = span_of(byte[5]);
  options->filter = filters[byte[6] % G_N_ELEMENTS(filters)];
  options->count = byte[7];
  if ((byte[1] & 1) != 0)
    settings->locals[options->local_count++] = (DcLocal){.addr = {.version = 4, .bytes = {10, 0, 0, 1}}};
  if ((byte[1] & 2) != 0)
    settings->locals[options->local_count++] = (DcLocal){.is_mac = true, .mac = {2, 0, 0, 0, 0, 1}};
  if ((byte[1] & 4) != 0)
    settings->locals[options->local_count++] = (DcLocal){.addr = {.version = 6, .bytes = {0xfd, [15] = 1}}};
  options->locals = settings->locals;
}

/* --- what is heard of the verdicts -------------------------------------------------------------- */

typedef struct {
  GHashTable *frames, *drops; /* numbers that have their verdict */
  uint64_t by_fate[DC_FATE_COUNT], by_status[DC_DROP_STATUS_COUNT], by_match[DC_MATCH_COUNT];
} Heard;

static void on_frame(void *data, const DcFrameVerdict *verdict)
{
  Heard *heard = data;
  FUZZ_CHECK(g_hash_table_add(heard->frames, g_memdup2(&verdict->frame, sizeof verdict->frame)));
  FUZZ_CHECK(verdict->fate < DC_FATE_COUNT && verdict->cause < DC_CAUSE_COUNT);
  FUZZ_CHECK(dc_time_is_plausible(verdict->time_ns));
  heard->by_fate[verdict->fate]++;
  FUZZ_CHECK((verdict->fate == DC_FATE_OUTBOUND) == (verdict->brief.direction == DC_DIRECTION_OUT));
  FUZZ_CHECK((verdict->fate == DC_FATE_DROPPED) <= (verdict->match != DC_MATCH_NONE));
  FUZZ_CHECK((verdict->fate == DC_FATE_DROPPED) <= (verdict->drop != 0));
  const bool accused = verdict->fate == DC_FATE_DROPPED || verdict->fate == DC_FATE_SILENT ||
                       verdict->fate == DC_FATE_REFUSED || verdict->fate == DC_FATE_UNHANDLED;
  FUZZ_CHECK(!accused || (verdict->cause != DC_CAUSE_NONE && verdict->confidence != DC_CONFIDENCE_NONE));
  FUZZ_CHECK(!accused || verdict->finding != 0);
}

static void on_drop(void *data, const DcDropVerdict *verdict)
{
  Heard *heard = data;
  const uint64_t number = verdict->drop->number;
  FUZZ_CHECK(g_hash_table_add(heard->drops, g_memdup2(&number, sizeof number)));
  FUZZ_CHECK(verdict->status < DC_DROP_STATUS_COUNT);
  heard->by_status[verdict->status]++;
  const bool matched = verdict->status == DC_DROP_STATUS_MATCHED;
  FUZZ_CHECK(!matched || verdict->match != DC_MATCH_NONE);
  FUZZ_CHECK((verdict->status == DC_DROP_STATUS_UNMATCHED) == (verdict->unmatched_why != DC_UNMATCHED_NONE));
  if (matched)
    heard->by_match[verdict->match]++;
}

/* --- the report ------------------------------------------------------------------------------------ */

static void check_line(const char *text)
{
  FUZZ_CHECK(text != NULL && g_utf8_validate(text, -1, NULL));
}

static void check_report(const DcReport *report, const Heard *heard, uint64_t frames, uint64_t drops)
{
  const DcSummary *summary = &report->summary;
  uint64_t by_fate = 0, by_status = 0, by_match = 0, lost = 0;
  for (int i = 0; i < DC_FATE_COUNT; i++) {
    FUZZ_CHECK(summary->frames_by_fate[i] == heard->by_fate[i]);
    by_fate += summary->frames_by_fate[i];
  }
  for (int i = 0; i < DC_DROP_STATUS_COUNT; i++) {
    FUZZ_CHECK(summary->drops_by_status[i] == heard->by_status[i]);
    by_status += summary->drops_by_status[i];
  }
  for (int i = 0; i < DC_MATCH_COUNT; i++) {
    FUZZ_CHECK(summary->matched_by[i] == heard->by_match[i]);
    by_match += summary->matched_by[i];
  }
  FUZZ_CHECK(by_fate == summary->frames_seen && summary->frames_seen == frames);
  FUZZ_CHECK(by_status == summary->drops_seen && summary->drops_seen == drops);
  FUZZ_CHECK(by_match == summary->drops_by_status[DC_DROP_STATUS_MATCHED]);
  FUZZ_CHECK(g_hash_table_size(heard->frames) == frames && g_hash_table_size(heard->drops) == drops);
  for (int i = 0; i < DC_LOSS_COUNT; i++)
    lost += summary->lost[i];
  FUZZ_CHECK(!summary->complete || (lost == 0 && summary->skipped_records == 0));
  FUZZ_CHECK(summary->complete == (summary->incomplete_why == NULL));
  check_line(report->verdict);

  uint64_t in_findings = 0;
  for (guint i = 0; i < report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(report->findings, i);
    in_findings += finding->frames;
    check_line(finding->title);
    FUZZ_CHECK(finding->frames + finding->attempts + finding->counted > 0);
    FUZZ_CHECK(finding->example_count <= DC_FINDING_EXAMPLES && finding->client_count <= DC_FINDING_CLIENTS);
    FUZZ_CHECK(finding->first_ns <= finding->last_ns);
    for (uint32_t k = 0; k < finding->example_count; k++)
      FUZZ_CHECK(g_hash_table_contains(heard->frames, &finding->examples[k]));
  }
  FUZZ_CHECK(in_findings <= frames);
}

/* --- the writers -------------------------------------------------------------------------------------- */

static const char *const formats[] = {"text", "ndjson", "json", "md", "html"};
static int outputs[G_N_ELEMENTS(formats)];

static void open_outputs(DcAnalysis *analysis)
{
  for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
    if (outputs[i] == 0)
      outputs[i] = memfd_create(formats[i], MFD_CLOEXEC);
    FUZZ_CHECK(outputs[i] > 0 && ftruncate(outputs[i], 0) == 0 && lseek(outputs[i], 0, SEEK_SET) == 0);
    FUZZ_CHECK(dc_analysis_add_report(analysis, formats[i], outputs[i], formats[i], "fuzz", NULL));
  }
}

/* Nothing but text: what hostile names hold must not reach a terminal or a browser as it is. */
static void check_text_output(const char *text, size_t len)
{
  FUZZ_CHECK(g_utf8_validate(text, (gssize)len, NULL));
  for (const char *at = text; at < text + len; at = g_utf8_next_char(at)) {
    const gunichar c = g_utf8_get_char(at);
    FUZZ_CHECK(c == '\n' || (c >= ' ' && !(c >= 0x7f && c < 0xa0)));
    FUZZ_CHECK(!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069)); /* nor turn it around */
  }
}

static void check_json(const char *text, size_t len)
{
  json_error_t error;
  json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
  if (value == NULL)
    fprintf(stderr, "%s at %d: %.*s\n", error.text, error.position, (int)len, text);
  FUZZ_CHECK(json_is_object(value));
  json_decref(value);
}

static void check_outputs(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
    const off_t end = lseek(outputs[i], 0, SEEK_END);
    FUZZ_CHECK(end > 0);
    const size_t len = (size_t)end;
    g_autofree char *text = g_malloc(len);
    FUZZ_CHECK(pread(outputs[i], text, len, 0) == (ssize_t)len);
    check_text_output(text, len);
    if (strcmp(formats[i], "json") == 0)
      check_json(text, len);
    if (strcmp(formats[i], "ndjson") != 0)
      continue;
    for (const char *line = text; line < text + len;) {
      const char *newline = memchr(line, '\n', (size_t)(text + len - line));
      FUZZ_CHECK(newline != NULL);
      check_json(line, (size_t)(newline - line));
      line = newline + 1;
    }
  }
}

/* --- running ------------------------------------------------------------------------------------------- */

static DcSource *open_frames(const Input *input, const Settings *settings)
{
  const DcCaptureFileOptions options = {.filter = settings->options.filter, .filter_optimize = true};
  DcInput *bytes = dc_input_from_bytes(input->frames.bytes, input->frames.len, "capture");
  return dc_capture_file_from_input(bytes, &options, NULL);
}

static void take_reception(int64_t time_ns, uint32_t len, void *fit)
{
  dc_clock_fit_add_reception(fit, time_ns, len);
}

/* fit: that takes receptions, or NULL. */
static DcSource *open_drops(const Input *input, size_t index, const Settings *settings, DcStrings *strings,
                            DcClockFit *fit)
{
  const DcDropLogOptions options = {.filter = settings->options.filter,
                                    .filter_optimize = true,
                                    .on_reception = fit != NULL ? take_reception : NULL,
                                    .reception_data = fit};
  DcInput *bytes = dc_input_from_bytes(input->drops[index].bytes, input->drops[index].len, "drops");
  return dc_drop_log_from_input(bytes, &options, strings, NULL);
}

/* What src/cli/drop_logs.c does to find out what the log's clock is: both files once more. */
static DcSource *align(const Input *input, size_t index, const Settings *settings, DcStrings *strings, DcSource *log)
{
  const DcLogClock clock = dc_drop_log_clock(log);
  if (clock == DC_LOG_CLOCK_REALTIME && !settings->has_align)
    return log;
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  g_autoptr(DcSource) frames = clock != DC_LOG_CLOCK_REALTIME ? open_frames(input, settings) : NULL;
  if (frames != NULL)
    dc_clock_align_read_frames(fit, frames);
  g_autoptr(DcSource) drops =
      dc_clock_align_needs_fit(&settings->align, clock) ? open_drops(input, index, settings, strings, fit) : NULL;
  if (drops != NULL)
    dc_clock_align_read_drops(fit, drops);
  g_auto(DcClockAlignment) alignment = {0};
  g_autofree char *text = NULL;
  FUZZ_CHECK(dc_clock_align(&settings->align, clock, fit, &alignment, &text, NULL));
  check_line(text);
  return dc_clock_aligned_new(log, &alignment);
}

/* What src/cli/run_offline.c learns of the host from the capture. */
static void start(DcAnalysis *analysis, const Settings *settings, const DcSource *frames, const DcSource *log)
{
  DcAnalysisHost host = {.live = settings->live, .timed_samples = settings->timed_samples};
  if (log != NULL)
    host.drop_mode = dc_drop_log_format(log);
  const DcCaptureInterface *interface = frames != NULL ? dc_capture_file_interface(frames, 0) : NULL;
  if (interface != NULL) {
    host.interface = interface->name;
    host.macs = &interface->mac;
    host.mac_count = interface->has_mac;
  }
  const DcEvidenceHeader *evidence = frames != NULL ? dc_capture_file_evidence(frames) : NULL;
  if (evidence != NULL) {
    host.drop_mode = evidence->drop_mode;
    host.interface = evidence->ifname;
    host.live = host.timed_samples = true;
    host.promiscuous = evidence->promiscuous;
    host.macs = evidence->local_macs;
    host.mac_count = evidence->local_mac_count;
    host.addresses = evidence->local_addresses;
    host.address_count = evidence->local_address_count;
    host.ifindexes = &evidence->ifindex;
    host.ifindex_count = evidence->ifindex != 0;
  }
  dc_analysis_start(analysis, &host);
}

static void feed_sample(DcAnalysis *analysis, Piece piece)
{
  const uint8_t *newline = piece.len > 1 ? memchr(piece.bytes + 1, '\n', piece.len - 1) : NULL;
  if (newline == NULL)
    return;
  g_autofree char *name = g_strndup((const char *)piece.bytes + 1, (size_t)(newline - piece.bytes) - 1);
  const size_t len = piece.len - (size_t)(newline + 1 - piece.bytes);
  DcEvent event = {.kind = DC_EVENT_SAMPLE, .time_ns = DC_TIME_NONE};
  event.sample = (DcSample){.time_ns = DC_TIME_NONE,
                            .phase = piece.bytes[0] % (DC_PHASE_ONCE + 1),
                            .name = name,
                            .text = (const char *)newline + 1,
                            .len = len};
  dc_analysis_feed(analysis, &event);
}

static uint64_t skipped_by(const DcSource *source)
{
  return source != NULL ? source->skipped : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size > 1 << 20)
    return 0;
  const Input input = split(data, size);
  Settings settings;
  read_options(input.options, &settings);
  g_autoptr(DcStrings) strings = dc_strings_new(4096);
  g_autoptr(GPtrArray) sources = g_ptr_array_new();
  DcSource *frames = input.frames.bytes != NULL ? open_frames(&input, &settings) : NULL;
  if (frames != NULL)
    g_ptr_array_add(sources, frames);
  const DcSource *first_log = NULL;
  for (size_t i = 0; i < input.drop_count; i++) {
    DcSource *log = open_drops(&input, i, &settings, strings, NULL);
    if (log == NULL)
      continue;
    if (first_log == NULL)
      first_log = log;
    g_ptr_array_add(sources, align(&input, i, &settings, strings, log));
  }
  if (sources->len == 0)
    return 0;

  Heard heard = {.frames = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
                 .drops = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL)};
  DcAnalysis *analysis = dc_analysis_new(&settings.options);
  dc_analysis_set_listener(analysis, on_frame, on_drop, &heard);
  open_outputs(analysis);
  for (size_t i = 0; i < input.sample_count; i++)
    feed_sample(analysis, input.samples[i]);
  const size_t lanes = sources->len;
  DcSource *merge = dc_merge_new((DcSource **)sources->pdata, lanes);
  start(analysis, &settings, frames, first_log);
  uint64_t fed_frames = 0, fed_drops = 0;
  DcEvent event;
  while (dc_source_next(merge, &event, NULL) == DC_READ_EVENT) {
    check_event(&event);
    fed_frames += event.kind == DC_EVENT_FRAME;
    fed_drops += event.kind == DC_EVENT_DROP;
    dc_analysis_feed(analysis, &event);
    if (settings.options.count != 0 && fed_frames >= settings.options.count)
      break;
  }
  dc_analysis_note_skipped(analysis, skipped_by(merge), "input");
  FUZZ_CHECK(dc_analysis_finish(analysis, NULL));
  check_report(dc_analysis_report(analysis), &heard, fed_frames, fed_drops);
  check_outputs();
  dc_analysis_free(analysis);
  dc_source_free(merge);
  g_hash_table_unref(heard.frames);
  g_hash_table_unref(heard.drops);
  return 0;
}
