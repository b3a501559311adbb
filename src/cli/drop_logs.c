#include "dropcorr/cli/drop_logs.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/source/capture_file.h"
#include "dropcorr/source/clock_align.h"
#include "dropcorr/source/drop_log.h"

#include <string.h>
#include <sys/stat.h>

#define STRINGS_MAX 65536u

/* Whether a file can be read twice. "-" and FIFOs cannot. */
static bool is_regular(const char *path)
{
  struct stat info;
  return path != NULL && strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static void read_frames(const DcOptions *options, DcStop *stop, DcClockFit *fit)
{
  const DcCaptureFileOptions frame_options = {.filter = options->filter, .filter_optimize = true, .stop = stop};
  g_autoptr(DcSource) frames = dc_capture_file_open(options->read_file, &frame_options, NULL);
  if (frames != NULL)
    dc_clock_align_read_frames(fit, frames);
}

static void take_reception(int64_t time_ns, uint32_t len, void *fit)
{
  dc_clock_fit_add_reception(fit, time_ns, len);
}

static void read_drops(const char *path, const DcDropLogOptions *log_options, DcStrings *strings, DcClockFit *fit)
{
  DcDropLogOptions fit_options = *log_options;
  fit_options.on_reception = take_reception;
  fit_options.reception_data = fit;
  g_autoptr(DcSource) log = dc_drop_log_open(path, &fit_options, strings, NULL);
  if (log != NULL)
    dc_clock_align_read_drops(fit, log);
}

/* Replaces the log by one with aligned times, where its clock is not the frames'. */
static bool align(const DcOptions *options, const char *path, const DcDropLogOptions *log_options, DcStrings *strings,
                  DcStop *stop, DcSource **log, char **ret_text, GError **error)
{
  const DcLogClock clock = dc_drop_log_clock(*log);
  const DcClockAlignOptions align_options = {
      .has_offset = options->has_drops_offset,
      .offset_ns = options->drops_offset_ns,
      .zone = options->time_zone,
      .has_start = options->has_drops_start,
      .start_ns = options->drops_start_ns,
  };
  if (clock == DC_LOG_CLOCK_REALTIME && !options->has_drops_offset)
    return true;
  g_autoptr(DcClockFit) fit = dc_clock_fit_new();
  if (clock != DC_LOG_CLOCK_REALTIME && options->read_file != NULL) {
    const bool fits = dc_clock_align_needs_fit(&align_options, clock);
    if (!is_regular(options->read_file) || (fits && !is_regular(path))) {
      dc_clock_align_refuse_pipe(is_regular(options->read_file) ? path : options->read_file, clock, error);
      return false;
    }
    for (size_t i = 0; i < options->local_count; i++) {
      if (options->locals[i].is_mac)
        dc_clock_fit_add_local_mac(fit, options->locals[i].mac);
      else
        dc_clock_fit_add_local_address(fit, &options->locals[i].addr);
    }
    read_frames(options, stop, fit);
    if (fits)
      read_drops(path, log_options, strings, fit);
  }
  g_auto(DcClockAlignment) alignment = {0};
  if (!dc_clock_align(&align_options, clock, fit, &alignment, ret_text, error))
    return false;
  *log = dc_clock_aligned_new(*log, &alignment);
  return true;
}

static void free_source(gpointer source)
{
  dc_source_free(source);
}

bool dc_drop_logs_open(const DcOptions *options, DcStrings *strings, DcStop *stop, DcDropLogs *ret_logs, GError **error)
{
  DcDropLogs logs = {.logs = g_ptr_array_new_with_free_func(free_source),
                     .readers = g_ptr_array_new(),
                     .alignments = g_ptr_array_new()};
  bool opened = true;
  if (options->kallsyms != NULL) {
    logs.kallsyms = dc_kallsyms_load(options->kallsyms, error);
    opened = logs.kallsyms != NULL;
  }
  /* The context may bring the host's own; one that cannot be read is told by what has no name. */
  if (options->kallsyms == NULL && options->context_dir != NULL && options->drops != NULL)
    logs.kallsyms = dc_kallsyms_of_context(options->context_dir);
  const DcDropLogOptions log_options = {
      .filter = options->filter, .filter_optimize = true, .stop = stop, .kallsyms = logs.kallsyms};
  for (char **path = options->drops; opened && path != NULL && *path != NULL; path++) {
    DcSource *log = dc_drop_log_open(*path, &log_options, strings, error);
    char *text = NULL;
    if (log != NULL)
      g_ptr_array_add(logs.readers, log);
    opened = log != NULL && align(options, *path, &log_options, strings, stop, &log, &text, error);
    if (log != NULL) {
      g_ptr_array_add(logs.logs, log);
      g_ptr_array_add(logs.alignments, text);
    }
  }
  if (!opened) {
    g_ptr_array_unref(logs.logs);
    logs.logs = NULL;
    dc_drop_logs_clear(&logs);
    return false;
  }
  g_ptr_array_set_free_func(logs.logs, NULL);
  *ret_logs = logs;
  return true;
}

/* False: every frame may be asked for, or a log that cannot be read now may be when it is read again. */
static bool ask(const char *path, const DcDropLogOptions *log_options, DcStop *stop, DcAsked *asked)
{
  g_autoptr(DcStrings) strings = dc_strings_new(STRINGS_MAX);
  g_autoptr(DcSource) log = dc_drop_log_open(path, log_options, strings, NULL);
  if (log == NULL)
    return false;
  for (;;) {
    DcEvent event;
    const DcReadStatus status = dc_source_next(log, &event, NULL);
    if (status != DC_READ_EVENT || dc_stop_requested(stop))
      return status == DC_READ_END;
    if (event.kind != DC_EVENT_DROP)
      continue;
    if (event.drop.caplen > 0)
      dc_decode_packet((DcLink)event.drop.link, event.drop.bytes, event.drop.caplen, event.drop.orig_len, false,
                       &event.drop.packet);
    if (!dc_asked_add(asked, &event.drop))
      return false;
  }
}

DcAsked *dc_drop_logs_asked(const DcOptions *options, DcStop *stop)
{
  if (options->drops == NULL || options->drops[0] == NULL)
    return NULL;
  for (char **path = options->drops; *path != NULL; path++) {
    if (!is_regular(*path))
      return NULL;
  }
  g_autoptr(DcAsked) asked = dc_asked_new();
  const DcDropLogOptions log_options = {
      .filter = options->filter, .filter_optimize = true, .stop = stop, .unordered = true};
  for (char **path = options->drops; *path != NULL; path++) {
    if (!ask(*path, &log_options, stop, asked))
      return NULL;
  }
  dc_asked_finish(asked);
  return g_steal_pointer(&asked);
}

void dc_drop_logs_clear(DcDropLogs *logs)
{
  if (logs->logs != NULL)
    g_ptr_array_unref(logs->logs);
  if (logs->readers != NULL)
    g_ptr_array_unref(logs->readers);
  for (guint i = 0; logs->alignments != NULL && i < logs->alignments->len; i++)
    g_free(logs->alignments->pdata[i]);
  if (logs->alignments != NULL)
    g_ptr_array_unref(logs->alignments);
  dc_kallsyms_free(logs->kallsyms);
  *logs = (DcDropLogs){0};
}
