/* -r FILE [--drops FILE ...] [--context DIR]: a saved incident. */
#include "dropcorr/cli/run.h"

#include "dropcorr/base/error.h"
#include "dropcorr/base/strings.h"
#include "dropcorr/cli/analysis.h"
#include "dropcorr/cli/drop_logs.h"
#include "dropcorr/cli/shown.h"
#include "dropcorr/cli/ticket.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/ahead.h"
#include "dropcorr/source/capture_file.h"
#include "dropcorr/source/context_dir.h"
#include "dropcorr/source/drop_log.h"
#include "dropcorr/source/merge.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STRINGS_MAX 65536u
#define CUT_SHORT "an input ends early or is damaged"
#define PROGRESS_NS (DC_NS_PER_S / 4)
#define LOOK_EVERY 4096u /* events: for whether to stop, and to show progress */

/* For the thread that reads ahead: apart from what the other writes meanwhile, so that no cache line goes to and fro.
 */
typedef struct {
  _Alignas(128) DcAnalysis *analysis; /* once it has begun */
  const DcSource *frames;             /* its own meanwhile */
} Preparing;

typedef struct {
  DcSource *frames;  /* borrowed from merge; NULL: none */
  DcSource *ahead;   /* frames in a thread of their own, borrowed; NULL: they are not */
  DcSource *log;     /* the drop log in another, borrowed; NULL: it is not */
  DcDropLogs drops;  /* its sources borrowed from merge */
  DcSource *context; /* borrowed; NULL: none */
  DcSource *merge;   /* owns the above */
} Sources;

static DcEvent *prepare(void *data, DcEvent *event, void *room, size_t *ret_used)
{
  const Preparing *preparing = data;
  /* An evidence file brings its own drops. */
  const bool all = dc_capture_file_info(preparing->frames)->is_evidence;
  return dc_analysis_prepare(preparing->analysis, all, event, room, ret_used);
}

/* A pipe's frames are wanted when they come, the thread would read past the last of -c, and what is changed in an
 * event has to be changed before it is prepared. */
static bool may_read_ahead(const DcOptions *options, const DcSource *frames)
{
  return options->count == 0 && !options->anonymize && frames->bytes_total != 0;
}

/* ahead: events are prepared while the analysis is busy with others; NULL: they come as they are. */
static bool open_sources(const DcOptions *options, DcStrings *strings, DcStop *stop, Preparing *ahead, Sources *ret,
                         GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)dc_source_free);
  const DcCaptureFileOptions frame_options = {.filter = options->filter, .filter_optimize = true, .stop = stop};
  Sources sources = {.frames = NULL};
  if (options->read_file != NULL) {
    sources.frames = dc_capture_file_open(options->read_file, &frame_options, error);
    if (sources.frames == NULL)
      return false;
    if (ahead != NULL && may_read_ahead(options, sources.frames)) {
      const DcAheadOptions ahead_options = {.prepare = prepare, .room_len = DC_ANALYSIS_ROOM, .data = ahead};
      ahead->frames = sources.frames;
      sources.ahead = dc_ahead_new(sources.frames, &ahead_options);
    }
    g_ptr_array_add(all, sources.ahead != NULL ? sources.ahead : sources.frames);
  }
  if (options->context_dir != NULL) {
    sources.context = dc_context_dir_open(options->context_dir, error);
    if (sources.context == NULL)
      return false;
    g_ptr_array_add(all, sources.context);
  }
  if (!dc_drop_logs_open(options, strings, stop, &sources.drops, error))
    return false;
  for (guint i = 0; i < sources.drops.logs->len; i++) {
    DcSource *log = g_ptr_array_index(sources.drops.logs, i);
    /* One alone: they share the table of names. */
    if (sources.ahead != NULL && sources.drops.logs->len == 1 && log->bytes_total != 0)
      log = sources.log = dc_ahead_new(log, &(DcAheadOptions){.prepare = NULL});
    g_ptr_array_add(all, log);
  }
  gsize count;
  g_autofree gpointer *list = g_ptr_array_steal(all, &count);
  sources.merge = dc_merge_new((DcSource **)list, count);
  *ret = sources;
  return true;
}

static void sources_clear(Sources *sources)
{
  dc_source_free(sources->merge);
  dc_drop_logs_clear(&sources->drops);
}

/* What the input itself says of the host, once its first event is here. Borrowed from the sources. */
static DcAnalysisHost host_of(const Sources *sources)
{
  DcAnalysisHost host = {0};
  if (sources->drops.logs->len > 0)
    host.drop_mode = dc_drop_log_format(g_ptr_array_index(sources->drops.readers, 0));
  const DcCaptureInterface *interface = sources->frames != NULL ? dc_capture_file_interface(sources->frames, 0) : NULL;
  if (interface != NULL) {
    host.interface = interface->name;
    if (interface->has_mac) {
      host.macs = &interface->mac;
      host.mac_count = 1;
    }
  }
  const DcEvidenceHeader *evidence = sources->frames != NULL ? dc_capture_file_evidence(sources->frames) : NULL;
  if (evidence != NULL) {
    if (evidence->drop_mode != NULL && strcmp(evidence->drop_mode, "none") != 0)
      host.drop_mode = evidence->drop_mode;
    if (evidence->ifname != NULL)
      host.interface = evidence->ifname;
    host.live = evidence->run == NULL; /* a replay answers as the live run did */
    host.promiscuous = evidence->promiscuous;
    host.filtered = evidence->filter != NULL && evidence->filter[0] != '\0';
    host.timed_samples = host.live;
    host.macs = evidence->local_macs;
    host.mac_count = evidence->local_mac_count;
    host.addresses = evidence->local_addresses;
    host.address_count = evidence->local_address_count;
    if (evidence->ifindex != 0) {
      host.ifindexes = &evidence->ifindex;
      host.ifindex_count = 1;
    }
  }
  return host;
}

static void start_analysis(DcAnalysis *analysis, DcShown *shown, const Sources *sources)
{
  DcAnalysisHost host = host_of(sources);
  dc_shown_host(shown, &host);
  dc_analysis_start(analysis, &host);
}

/* Names and networks must be known before anything is replaced: they are read once before. */
static bool learn(const DcOptions *options, DcStop *stop, DcShown *shown, GError **error)
{
  if (shown->anonymizer == NULL)
    return true;
  if (!dc_annotator_check_inputs(options, error))
    return false;
  g_autoptr(DcStrings) strings = dc_strings_new(STRINGS_MAX);
  Sources sources;
  if (!open_sources(options, strings, stop, NULL, &sources, error))
    return false;
  dc_shown_learn(shown, sources.merge);
  sources_clear(&sources);
  dc_shown_fix(shown);
  return true;
}

static bool open_outputs(const DcOptions *options, DcStop *stop, const char *command_line, DcShown *shown,
                         DcAnalysis **ret_analysis, DcTicket **ret_ticket, GError **error)
{
  uid_t owner;
  gid_t group;
  if (!dc_run_owner(options, &owner, &group, error) ||
      !dc_shown_init(shown, options, command_line, owner, group, error) || !learn(options, stop, shown, error))
    return false;
  *ret_analysis = dc_analysis_new(&shown->options);
  return dc_ticket_open(&shown->options, *ret_analysis, shown->command_line, owner, group, ret_ticket, error) &&
         dc_analysis_open_outputs(*ret_analysis, false, shown->command_line, error);
}

/* first: the sources as the analysis has read them. */
static bool write_ticket(DcTicket *ticket, const DcOptions *options, DcShown *shown, const DcAnalysis *analysis,
                         const Sources *first, uint64_t events, DcStop *stop, GError **error)
{
  g_autoptr(DcStrings) strings = dc_strings_new(STRINGS_MAX);
  Sources again;
  if (!open_sources(options, strings, stop, NULL, &again, error))
    return false;
  DcAnalysisHost host = host_of(first);
  g_auto(DcAnnotateMeta) meta = {.macs = NULL};
  dc_annotate_meta_init(&meta, options, &host, first->frames != NULL ? dc_capture_file_evidence(first->frames) : NULL,
                        shown->command_line);
  dc_shown_meta(shown, &meta.meta);
  DcSource *source = dc_shown_events(shown, again.merge);
  const DcAnnotateInput input = {.events = source,
                                 .capture = first->frames,
                                 .anonymizer = shown->anonymizer,
                                 .meta = &meta.meta,
                                 .report = dc_analysis_report(analysis),
                                 .events_max = events};
  const bool ok = dc_ticket_write(ticket, &input, error);
  if (source != again.merge)
    dc_source_free(source);
  sources_clear(&again);
  if (ok && dc_ticket_gap(ticket) != NULL)
    dc_run_complain(dc_ticket_gap(ticket));
  return ok;
}

static void describe_sources(DcAnalysis *analysis, const DcOptions *options, const DcShown *shown,
                             const Sources *sources)
{
  const char *capture = dc_shown_name(shown, options->read_file, "a capture");
  const char *context = dc_shown_name(shown, options->context_dir, "saved files");
  if (sources->frames != NULL) {
    const DcCaptureFileInfo *info = dc_capture_file_info(sources->frames);
    const DcCaptureInterface *interface = dc_capture_file_interface(sources->frames, 0);
    g_autofree char *text =
        g_strdup_printf("frames: %s (%s, %s%s%s)", capture, info->format != NULL ? info->format : "unknown format",
                        info->nanoseconds ? "nanoseconds" : "microseconds", interface != NULL ? ", " : "",
                        interface != NULL ? dc_link_name((DcLink)interface->link) : "");
    dc_analysis_note_source(analysis, text);
    dc_analysis_note_filtered(analysis, dc_capture_file_filtered(sources->frames),
                              dc_capture_file_filtered_drops(sources->frames));
    dc_analysis_note_skipped(analysis, sources->frames->skipped, capture);
  }
  for (guint i = 0; i < sources->drops.logs->len; i++) {
    const DcSource *log = g_ptr_array_index(sources->drops.readers, i);
    const char *name = dc_shown_name(shown, options->drops[i], "a drop log");
    g_autofree char *foreign = log->foreign > 0
                                   ? g_strdup_printf(", %" G_GUINT64_FORMAT " other records passed over", log->foreign)
                                   : g_strdup("");
    g_autofree char *text = g_strdup_printf("drops: %s (%s%s)", name, dc_drop_log_format(log), foreign);
    dc_analysis_note_source(analysis, text);
    const char *aligned = g_ptr_array_index(sources->drops.alignments, i);
    if (aligned != NULL) {
      g_autofree char *clock = g_strdup_printf("clock of %s: %s", name, aligned);
      dc_analysis_note_source(analysis, clock);
    }
    dc_analysis_note_filtered(analysis, 0, dc_drop_log_filtered(log));
    dc_analysis_note_skipped(analysis, log->skipped, name);
  }
  if (sources->context != NULL) {
    g_autofree char *text = g_strdup_printf("context: %s", context);
    dc_analysis_note_source(analysis, text);
    dc_analysis_note_skipped(analysis, sources->context->skipped, context);
  }
}

static void show_progress(const DcSource *frames, int64_t *last_ns)
{
  if (frames == NULL || frames->bytes_total == 0)
    return;
  int64_t now = dc_clock_monotonic();
  if (now - *last_ns < PROGRESS_NS)
    return;
  *last_ns = now;
  fprintf(stderr, "\rdropcorr: %3.0f%% of %.1f MB", 100.0 * (double)frames->bytes_read / (double)frames->bytes_total,
          (double)frames->bytes_total / 1e6);
}

static void announce(const DcOptions *options, const DcSource *frames)
{
  const DcCaptureInterface *interface = frames != NULL ? dc_capture_file_interface(frames, 0) : NULL;
  if (interface != NULL)
    fprintf(stderr, "reading from file %s, link-type %s\n", options->read_file, dc_link_name((DcLink)interface->link));
}

int dc_run_offline(const DcOptions *options, const char *command_line, DcStop *stop)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcStrings) strings = dc_strings_new(STRINGS_MAX);
  g_auto(DcShown) shown = {.anonymizer = NULL};
  g_autoptr(DcAsked) asked = NULL;
  g_autoptr(DcAnalysis) analysis = NULL;
  Preparing preparing = {.analysis = NULL};
  Sources sources;
  if (!open_sources(options, strings, stop, &preparing, &sources, &error)) {
    dc_run_complain(error->message);
    return dc_run_error_status(error);
  }
  g_autoptr(DcTicket) ticket = NULL;
  if (!open_outputs(options, stop, command_line, &shown, &analysis, &ticket, &error)) {
    dc_run_complain(error->message);
    sources_clear(&sources);
    return dc_run_error_status(error);
  }
  preparing.analysis = analysis;
  if (sources.ahead != NULL && !dc_capture_file_info(sources.frames)->is_evidence)
    asked = dc_drop_logs_asked(options, stop);
  dc_analysis_set_asked(analysis, asked);
  const bool progress = isatty(STDERR_FILENO) != 0 && !options->quiet;
  int64_t progress_ns = dc_clock_monotonic();
  DcSource *source = dc_shown_events(&shown, sources.merge);
  bool printed = false, failed = false;
  uint64_t events = 0, looked_at = 0;
  DcRunRoom room;
  DcRun run;
  for (bool more = true; more;) {
    switch (dc_source_run(source, &room, &run, &error)) {
    case DC_READ_EVENT:
      /* What is read ahead comes after the first frame or drop, which comes alone. */
      if (!dc_analysis_started(analysis) && run.events[0]->kind != DC_EVENT_SAMPLE) {
        announce(options, sources.frames);
        start_analysis(analysis, &shown, &sources);
      }
      events += run.count;
      dc_analysis_feed_run(analysis, &run);
      more = options->count == 0 || dc_analysis_frames(analysis) < options->count;
      break;
    case DC_READ_WAIT:
    case DC_READ_END:
      more = false;
      break;
    case DC_READ_ERROR:
      more = false;
      break;
    }
    if (dc_signals_take_interim() && !dc_analysis_interim(analysis, stderr, NULL))
      dc_run_complain("standard error: the interim report could not be written");
    if (events - looked_at < LOOK_EVERY)
      continue;
    looked_at = events;
    if (progress) {
      int64_t before = progress_ns;
      show_progress(sources.ahead != NULL ? sources.ahead : sources.frames, &progress_ns);
      printed |= before != progress_ns;
    }
    if (dc_stop_requested(stop) || (ticket == NULL && dc_analysis_is_unheard(analysis)))
      more = false;
  }
  if (source != sources.merge)
    dc_source_free(source);
  if (sources.ahead != NULL)
    dc_ahead_stop(sources.ahead);
  if (sources.log != NULL)
    dc_ahead_stop(sources.log);
  if (printed)
    fputs("\r\033[K", stderr);
  if (!dc_analysis_started(analysis))
    start_analysis(analysis, &shown, &sources);

  size_t error_count;
  const GError *const *errors = dc_merge_errors(sources.merge, &error_count);
  for (size_t i = 0; i < error_count; i++) {
    dc_run_complain(errors[i]->message);
    dc_analysis_note_cut_short(analysis, dc_shown_name(&shown, errors[i]->message, CUT_SHORT));
    failed = true;
  }
  if (error != NULL && error_count == 0) {
    dc_run_complain(error->message);
    dc_analysis_note_cut_short(analysis, dc_shown_name(&shown, error->message, CUT_SHORT));
    failed = true;
  }
  if (dc_stop_requested(stop))
    dc_analysis_note_cut_short(analysis, "stopped by a signal before the end of the input");
  describe_sources(analysis, options, &shown, &sources);

  g_autoptr(GError) output_error = NULL;
  if (!dc_analysis_finish(analysis, &output_error)) {
    dc_run_complain_of(output_error);
    failed = true;
  }
  g_clear_error(&output_error);
  if (ticket != NULL && !write_ticket(ticket, options, &shown, analysis, &sources, events, stop, &output_error)) {
    dc_run_complain(output_error->message);
    failed = true;
  }
  g_clear_error(&output_error);
  if (!dc_shown_finish(&shown, &output_error)) {
    dc_run_complain(output_error->message);
    failed = true;
  }
  int status = DC_EXIT_OK;
  if (failed)
    status = DC_EXIT_ERROR;
  else if (options->fail_on_given && dc_analysis_has_severity(analysis, options->fail_on))
    status = DC_EXIT_FINDING;
  else if (options->strict && !dc_analysis_complete(analysis))
    status = DC_EXIT_INCOMPLETE;
  sources_clear(&sources);
  return status;
}
