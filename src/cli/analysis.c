#include "analysis_state.h"

#include "dropcorr/base/error.h"
#include "dropcorr/cli/annotate.h"
#include "dropcorr/cli/run.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct {
  DcReportWriter *writer;
  FILE *stream;
  char *path;
  bool close_stream;
  bool failed;
} Output;

/* --- outputs ---------------------------------------------------------------------- */

static void output_free(gpointer data)
{
  Output *output = data;
  dc_report_writer_free(output->writer);
  if (output->close_stream && output->stream != NULL)
    fclose(output->stream);
  g_free(output->path);
  g_free(output);
}

/* The first failure is the one that is told; an output that failed once is left alone. A pipe whose reader has gone
 * (dropcorr ... | head) is one that need not be told. */
static void output_failed(DcAnalysis *analysis, Output *output, GError *error)
{
  output->failed = true;
  if (output->stream != NULL && dc_run_reader_is_gone(output->stream))
    error->code = DC_ERROR_CLOSED;
  if (analysis->output_error != NULL && analysis->output_error->code == DC_ERROR_CLOSED)
    g_clear_error(&analysis->output_error);
  if (analysis->output_error == NULL)
    analysis->output_error = error;
  else
    g_clear_error(&error);
}

/* Calls one operation of every writer that has it. */
#define EACH_OUTPUT(analysis, operation, argument)                            \
  for (guint at_ = 0; at_ < (analysis)->outputs->len; at_++) {                \
    Output *output_ = g_ptr_array_index((analysis)->outputs, at_);            \
    GError *error_ = NULL;                                                    \
    if (!output_->failed && output_->writer->ops->operation != NULL &&        \
        !output_->writer->ops->operation(output_->writer, argument, &error_)) \
      output_failed(analysis, output_, error_);                               \
  }

static void on_frame(void *data, const DcFrameVerdict *verdict)
{
  DcAnalysis *analysis = data;
  EACH_OUTPUT(analysis, frame, verdict)
  if (analysis->listen_frame != NULL)
    analysis->listen_frame(analysis->listen_data, verdict);
}

static void on_drop(void *data, const DcDropVerdict *verdict)
{
  DcAnalysis *analysis = data;
  EACH_OUTPUT(analysis, drop, verdict)
  if (analysis->listen_drop != NULL)
    analysis->listen_drop(analysis->listen_data, verdict);
}

static void on_handshake(void *data, const DcHandshake *handshake)
{
  DcAnalysis *analysis = data;
  EACH_OUTPUT(analysis, handshake, handshake)
}

static void on_finding(void *data, const DcFinding *finding)
{
  DcAnalysis *analysis = data;
  EACH_OUTPUT(analysis, finding, finding)
}

static bool use_colour(const DcOptions *options, FILE *stream)
{
  switch (options->colour) {
  case DC_COLOUR_ALWAYS:
    return true;
  case DC_COLOUR_NEVER:
    return false;
  case DC_COLOUR_AUTO:
  case DC_COLOUR_COUNT:
    break;
  }
  const char *term = getenv("TERM");
  return isatty(fileno(stream)) != 0 && getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
}

static int stream_width(FILE *stream)
{
  struct winsize size;
  if (isatty(fileno(stream)) != 0 && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
    return MIN(size.ws_col, 120);
  return 80;
}

static DcReportOptions report_options(const DcOptions *options, FILE *stream, const char *stream_name,
                                      const char *command_line)
{
  return (DcReportOptions){
      .frames = options->frames,
      .handshakes = options->handshakes,
      .colour = use_colour(options, stream),
      .width = stream_width(stream),
      .verbosity = options->quiet ? -1 : (int)options->verbose,
      .numeric = options->no_names > 0,
      .command_line = command_line,
      .stream_name = stream_name,
  };
}

static bool add_output(DcAnalysis *analysis, const DcReportWriterOps *ops, FILE *stream, const char *path,
                       bool close_stream, const char *command_line, GError **error)
{
  Output *output = g_new0(Output, 1);
  output->stream = stream;
  output->path = g_strdup(path);
  output->close_stream = close_stream;
  DcReportOptions options = report_options(analysis->options, stream, output->path, command_line);
  output->writer = dc_report_writer_new(ops, stream, &options);
  g_ptr_array_add(analysis->outputs, output);
  return ops->begin == NULL || ops->begin(output->writer, error);
}

bool dc_analysis_open_outputs(DcAnalysis *analysis, bool quiet_stdout, const char *command_line, GError **error)
{
  const DcOptions *options = analysis->options;
  if (!quiet_stdout && !add_output(analysis, dc_report_writer_find(options->json ? "ndjson" : "text"), stdout,
                                   "standard output", false, command_line, error))
    return false;
  for (char **path = options->reports; path != NULL && *path != NULL; path++) {
    if (dc_annotator_is_for(*path))
      continue;
    const char *extension = dc_options_report_extension(*path);
    const DcReportWriterOps *ops = extension != NULL ? dc_report_writer_find(extension) : NULL;
    if (ops == NULL) {
      g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "--report %s: no report format has that extension (see --help)",
                  *path);
      return false;
    }
    FILE *stream = fopen(*path, "we");
    if (stream == NULL) {
      g_set_error(error, DC_ERROR, DC_ERROR_IO, "--report %s: %s; choose a path that can be written", *path,
                  g_strerror(errno));
      return false;
    }
    if (!add_output(analysis, ops, stream, *path, true, command_line, error))
      return false;
  }
  return true;
}

bool dc_analysis_add_report(DcAnalysis *analysis, const char *format, int fd, const char *name,
                            const char *command_line, GError **error)
{
  const int copy = dup(fd);
  FILE *stream = copy >= 0 ? fdopen(copy, "w") : NULL;
  if (stream == NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: %s", name, g_strerror(errno));
    if (copy >= 0)
      close(copy);
    return false;
  }
  return add_output(analysis, dc_report_writer_find(format), stream, name, true, command_line, error);
}

/* --- life ---------------------------------------------------------------------------- */

DcAnalysis *dc_analysis_new(const DcOptions *options)
{
  DcAnalysis *analysis = g_aligned_alloc0(1, sizeof *analysis, DC_CACHE_LINES);
  analysis->options = options;
  analysis->state = dc_state_new();
  analysis->outputs = g_ptr_array_new_with_free_func(output_free);
  analysis->sources = g_ptr_array_new_with_free_func(g_free);
  analysis->limits = g_ptr_array_new_with_free_func(g_free);
  return analysis;
}

void dc_analysis_free(DcAnalysis *analysis)
{
  if (analysis == NULL)
    return;
  dc_correlator_free(analysis->correlator);
  dc_diagnosis_free(analysis->diagnosis);
  dc_state_free(analysis->state);
  dc_report_free(analysis->report);
  g_ptr_array_unref(analysis->outputs);
  g_ptr_array_unref(analysis->sources);
  g_ptr_array_unref(analysis->limits);
  g_clear_error(&analysis->output_error);
  g_free(analysis->interface);
  g_free(analysis->drop_mode);
  g_free(analysis->cut_short);
  g_aligned_free(analysis);
}

static void add_local_address(const DcAddr *addr, void *data)
{
  dc_correlator_add_local_address(data, addr);
}

static void add_local_mac(const uint8_t mac[6], void *data)
{
  dc_correlator_add_local_mac(data, mac);
}

typedef struct {
  bool any;
} Found;

static void note_mac(const uint8_t mac[6], void *data)
{
  (void)mac;
  ((Found *)data)->any = true;
}

bool dc_analysis_started(const DcAnalysis *analysis)
{
  return analysis->correlator != NULL;
}

void dc_analysis_start(DcAnalysis *analysis, const DcAnalysisHost *host)
{
  const DcOptions *options = analysis->options;
  const char *interface = host->interface != NULL ? host->interface : dc_state_only_device(analysis->state);
  analysis->live = host->live;
  analysis->interface = g_strdup(interface);
  analysis->drop_mode = g_strdup(host->drop_mode);
  const DcDiagnosisOptions diagnosis_options = {
      .before_after_only = !host->timed_samples,
      .interface = analysis->interface,
      .have_drops = host->drop_mode != NULL,
      .drop_mode = analysis->drop_mode,
      .live = host->live,
      .promiscuous = host->promiscuous,
      .filtered = host->filtered || options->filter != NULL,
  };
  const DcDiagnosisListener listener = {
      .frame = options->frames || analysis->listen_frame != NULL ? on_frame : NULL,
      .drop = options->frames || analysis->listen_drop != NULL ? on_drop : NULL,
      .handshake = options->handshakes ? on_handshake : NULL,
      .finding = host->live ? on_finding : NULL,
      .data = analysis,
  };
  analysis->diagnosis = dc_diagnosis_new(&diagnosis_options, analysis->state, &listener);

  Found macs = {false};
  dc_state_each_mac(analysis->state, note_mac, &macs);
  const bool known = options->local_count > 0 || host->mac_count > 0 || host->address_count > 0 || macs.any ||
                     dc_state_has_addresses(analysis->state);
  DcCorrelatorOptions correlator_options;
  dc_correlator_options_init(&correlator_options);
  if (options->window_before_ns >= 0)
    correlator_options.window_before_ns = options->window_before_ns;
  if (options->window_after_ns >= 0)
    correlator_options.window_after_ns = options->window_after_ns;
  correlator_options.syn_timeout_ns = options->syn_timeout_ns;
  analysis->expect_drops = correlator_options.expect_drops = host->drop_mode != NULL;
  correlator_options.infer_direction = !known;
  const DcVerdictSink sink = dc_diagnosis_sink(analysis->diagnosis);
  analysis->correlator = dc_correlator_new(&correlator_options, &sink);
  for (size_t i = 0; i < options->local_count; i++) {
    if (options->locals[i].is_mac)
      dc_correlator_add_local_mac(analysis->correlator, options->locals[i].mac);
    else
      dc_correlator_add_local_address(analysis->correlator, &options->locals[i].addr);
  }
  for (size_t i = 0; i < host->mac_count; i++)
    dc_correlator_add_local_mac(analysis->correlator, host->macs[i]);
  for (size_t i = 0; i < host->address_count; i++)
    dc_correlator_add_local_address(analysis->correlator, &host->addresses[i]);
  for (size_t i = 0; i < host->ifindex_count; i++)
    dc_correlator_add_ifindex(analysis->correlator, host->ifindexes[i]);
  dc_state_each_address(analysis->state, add_local_address, analysis->correlator);
  dc_state_each_mac(analysis->state, add_local_mac, analysis->correlator);
  dc_state_each_bridge_port(analysis->state, dc_analysis_add_bridge_port, analysis);
  dc_analysis_tell_directions(analysis);
}

/* --- what the sources say ------------------------------------------------------------------ */

void dc_analysis_note_skipped(DcAnalysis *analysis, uint64_t skipped, const char *source)
{
  if (skipped == 0)
    return;
  analysis->skipped += skipped;
  g_ptr_array_add(analysis->limits,
                  g_strdup_printf("%s: %" G_GUINT64_FORMAT " malformed records were skipped.", source, skipped));
}

void dc_analysis_note_filtered(DcAnalysis *analysis, uint64_t frames, uint64_t drops)
{
  analysis->filtered_frames += frames;
  analysis->filtered_drops += drops;
}

void dc_analysis_note_source(DcAnalysis *analysis, const char *text)
{
  g_ptr_array_add(analysis->sources, g_strdup(text));
}

void dc_analysis_note_limit(DcAnalysis *analysis, const char *text)
{
  g_ptr_array_add(analysis->limits, g_strdup(text));
}

void dc_analysis_note_cut_short(DcAnalysis *analysis, const char *why)
{
  if (analysis->cut_short == NULL)
    analysis->cut_short = g_strdup(why);
}

/* --- the report ------------------------------------------------------------------------------ */

static void add_incomplete(DcSummary *summary, const char *why)
{
  char *joined =
      summary->incomplete_why != NULL ? g_strdup_printf("%s; %s", summary->incomplete_why, why) : g_strdup(why);
  g_free(summary->incomplete_why);
  summary->incomplete_why = joined;
  summary->complete = false;
}

static DcReport *make_report(DcAnalysis *analysis)
{
  DcReport *report = dc_diagnosis_report(analysis->diagnosis);
  DcSummary *summary = &report->summary;
  DcCorrelatorStats stats;
  dc_correlator_stats(analysis->correlator, &stats);
  summary->filtered_frames = analysis->filtered_frames;
  summary->filtered_drops = analysis->filtered_drops;
  summary->skipped_records = analysis->skipped;
  summary->lost[DC_LOSS_INPUT] += analysis->skipped;
  summary->decided_early += stats.decided_early;
  for (guint i = 0; i < analysis->sources->len; i++)
    g_ptr_array_add(report->sources, g_strdup(g_ptr_array_index(analysis->sources, i)));
  for (guint i = 0; i < analysis->limits->len; i++)
    g_ptr_array_add(report->limits, g_strdup(g_ptr_array_index(analysis->limits, i)));
  if (stats.clock_steps > 0)
    g_ptr_array_add(report->limits,
                    g_strdup_printf("The clock stepped %" G_GUINT64_FORMAT
                                    " times: frames and drops on either side of a step were not joined.",
                                    stats.clock_steps));
  if (summary->decided_early > 0)
    g_ptr_array_add(report->limits,
                    g_strdup_printf("%" G_GUINT64_FORMAT
                                    " verdicts were given before their window was over, to keep memory bounded.",
                                    summary->decided_early));
  if (analysis->unasked > 0)
    g_ptr_array_add(report->limits,
                    g_strdup_printf("%" G_GUINT64_FORMAT
                                    " drops were not in their log when it was read for the first time: not all "
                                    "frames that they may have been were kept for them. Read it again.",
                                    analysis->unasked));
  if (analysis->skipped > 0) {
    g_autofree char *why = g_strdup_printf("%" G_GUINT64_FORMAT " malformed records skipped", analysis->skipped);
    add_incomplete(summary, why);
  }
  if (analysis->cut_short != NULL)
    add_incomplete(summary, analysis->cut_short);
  report->direction = g_strdup(dc_correlator_direction_text(analysis->correlator));
  return report;
}

bool dc_analysis_interim(DcAnalysis *analysis, FILE *stream, GError **error)
{
  if (analysis->correlator == NULL)
    return true;
  g_autoptr(DcReport) report = make_report(analysis);
  const DcReportWriterOps *ops = dc_report_writer_find("text");
  DcReportOptions options = report_options(analysis->options, stream, "standard error", NULL);
  options.verbosity = -1;
  g_autoptr(DcReportWriter) writer = dc_report_writer_new(ops, stream, &options);
  return ops->begin(writer, error) && ops->end(writer, report, error);
}

bool dc_analysis_finish(DcAnalysis *analysis, GError **error)
{
  if (analysis->correlator == NULL)
    dc_analysis_start(analysis, &(DcAnalysisHost){0});
  dc_correlator_finish(analysis->correlator);
  dc_diagnosis_finish(analysis->diagnosis);
  analysis->report = make_report(analysis);
  EACH_OUTPUT(analysis, end, analysis->report)
  for (guint i = 0; i < analysis->outputs->len; i++) {
    Output *output = g_ptr_array_index(analysis->outputs, i);
    bool written = fflush(output->stream) == 0;
    int why = errno;
    const bool gone = !written && dc_run_reader_is_gone(output->stream);
    if (output->close_stream) {
      if (fclose(output->stream) != 0 && written) {
        written = false;
        why = errno;
      }
      output->stream = NULL;
    }
    if (!written && !output->failed)
      output_failed(analysis, output,
                    g_error_new(DC_ERROR, gone ? DC_ERROR_CLOSED : DC_ERROR_IO,
                                "%s: %s; the report there is incomplete", output->path, g_strerror(why)));
  }
  if (analysis->output_error == NULL)
    return true;
  g_propagate_error(error, g_error_copy(analysis->output_error));
  return false;
}

const GError *dc_analysis_output_error(const DcAnalysis *analysis)
{
  return analysis->output_error;
}

bool dc_analysis_is_unheard(const DcAnalysis *analysis)
{
  for (guint i = 0; i < analysis->outputs->len; i++) {
    if (!((const Output *)g_ptr_array_index(analysis->outputs, i))->failed)
      return false;
  }
  return analysis->listen_frame == NULL && analysis->listen_drop == NULL;
}

bool dc_analysis_complete(const DcAnalysis *analysis)
{
  return analysis->report != NULL && analysis->report->summary.complete;
}

bool dc_analysis_has_severity(const DcAnalysis *analysis, DcSeverity at_least)
{
  for (guint i = 0; analysis->report != NULL && i < analysis->report->findings->len; i++) {
    if (((const DcFinding *)g_ptr_array_index(analysis->report->findings, i))->severity >= at_least)
      return true;
  }
  return false;
}

void dc_analysis_set_listener(DcAnalysis *analysis, void (*frame)(void *data, const DcFrameVerdict *verdict),
                              void (*drop)(void *data, const DcDropVerdict *verdict), void *data)
{
  analysis->listen_frame = frame;
  analysis->listen_drop = drop;
  analysis->listen_data = data;
}

const DcReport *dc_analysis_report(const DcAnalysis *analysis)
{
  return analysis->report;
}

const DcState *dc_analysis_state(const DcAnalysis *analysis)
{
  return analysis->state;
}

uint64_t dc_analysis_frames(const DcAnalysis *analysis)
{
  return analysis->frames;
}

uint64_t dc_analysis_drops(const DcAnalysis *analysis)
{
  return analysis->drops;
}
