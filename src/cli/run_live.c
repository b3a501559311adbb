/* -i INTERFACE: capture, record with -w, and analyse as it goes. */
#include "dropcorr/cli/run.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/base/strings.h"
#include "dropcorr/base/temp_file.h"
#include "dropcorr/cli/analysis.h"
#include "dropcorr/cli/shown.h"
#include "dropcorr/cli/ticket.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/evidence_write.h"
#include "dropcorr/source/live.h"
#include "dropcorr/source/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRINGS_MAX 65536u
#define POLL_MS 200

/* After an interrupt: what is then still to be analysed is counted as lost. */
#define HURRY_NS (700 * DC_NS_PER_MS)

typedef struct {
  const DcOptions *options;
  DcStop *stop;
  DcShown shown;
  DcSource *live;
  DcSource *events;     /* of live, as they may be written and analysed */
  DcEvidence *evidence; /* NULL: nothing is written, or no longer */
  DcTicket *ticket;     /* NULL: not asked for */
  int evidence_fd;      /* to read the evidence file again, -1: not wanted */
  char *evidence_path;  /* leads to it, whoever this process has become */
  DcAnalysis *analysis;
  int64_t stop_at_ns; /* monotonic; 0: no --duration */
  bool failed;
} LiveRun;

static DcLiveDrops drops_wanted(DcDropSource source)
{
  switch (source) {
  case DC_DROP_SOURCE_AUTO:
    return DC_LIVE_DROPS_AUTO;
  case DC_DROP_SOURCE_PACKET:
    return DC_LIVE_DROPS_PACKET;
  case DC_DROP_SOURCE_SUMMARY:
    return DC_LIVE_DROPS_SUMMARY;
  case DC_DROP_SOURCE_TRACEPOINT:
    return DC_LIVE_DROPS_TRACEPOINT;
  case DC_DROP_SOURCE_NONE:
  case DC_DROP_SOURCE_COUNT:
    break;
  }
  return DC_LIVE_DROPS_NONE;
}

static DcTapDirection tap_direction(DcCaptureDirection direction)
{
  switch (direction) {
  case DC_CAPTURE_IN:
    return DC_TAP_IN;
  case DC_CAPTURE_OUT:
    return DC_TAP_OUT;
  case DC_CAPTURE_INOUT:
  case DC_CAPTURE_DIRECTION_COUNT:
    break;
  }
  return DC_TAP_INOUT;
}

static void announce_verify(int64_t verify_ns)
{
  fprintf(stderr, "dropcorr: watching drops for %.9g s without a tap: frames of this time are not captured\n",
          (double)verify_ns / DC_NS_PER_S);
  fflush(stderr);
}

static DcLiveOptions live_options(const DcOptions *options)
{
  DcLiveOptions live;
  dc_live_options_init(&live);
  live.capture.interface = options->interface;
  live.capture.filter = options->filter;
  live.capture.snaplen = options->snaplen;
  live.capture.buffer_bytes = options->buffer_kib * 1024;
  live.capture.promiscuous = options->promiscuous;
  live.capture.immediate = options->immediate;
  live.capture.direction = tap_direction(options->direction);
  live.capture.timestamp_type = options->timestamp_type;
  live.capture.max_frames = options->count;
  live.drops = drops_wanted(options->drop_source);
  live.verify_ns = options->verify_unhandled_ns;
  live.verify_begins = announce_verify;
  return live;
}

/* The captured interfaces' identities as the analysis and the evidence file take them. */
typedef struct {
  uint8_t (*macs)[6];
  uint32_t *ifindexes;
  size_t mac_count, ifindex_count;
} Interfaces;

static void interfaces_collect(const DcLiveInfo *info, Interfaces *ret)
{
  ret->macs = g_malloc(sizeof *ret->macs * MAX(info->interface_count, 1u));
  ret->ifindexes = g_new(uint32_t, MAX(info->interface_count, 1u));
  ret->mac_count = ret->ifindex_count = 0;
  for (size_t i = 0; i < info->interface_count; i++) {
    if (info->interfaces[i].has_mac)
      memcpy(ret->macs[ret->mac_count++], info->interfaces[i].mac, 6);
    if (info->interfaces[i].ifindex != 0)
      ret->ifindexes[ret->ifindex_count++] = info->interfaces[i].ifindex;
  }
}

static void interfaces_clear(Interfaces *interfaces)
{
  g_free(interfaces->macs);
  g_free(interfaces->ifindexes);
}

static DcEvidence *open_evidence(LiveRun *run, const char *command_line, const DcPrivilegeUser *user, GError **error)
{
  const DcOptions *options = run->options;
  const DcLiveInfo *info = dc_live_info(run->live);
  g_autofree char *drop_text = info->drops_cost != NULL ? g_strdup_printf("%s %s", info->drops_text, info->drops_cost)
                                                        : g_strdup(info->drops_text);
  DcEvidenceMeta meta;
  dc_live_evidence_meta(run->live, &meta);
  meta.command = command_line;
  meta.drop_text = drop_text;
  dc_shown_meta(&run->shown, &meta);
  DcEvidenceOptions evidence;
  dc_evidence_options_init(&evidence);
  evidence.flush_each = options->packet_buffered;
  evidence.rotate_bytes = options->rotate_bytes;
  evidence.rotate_ns = options->rotate_ns;
  evidence.rotate_files = options->rotate_files;
  evidence.owner = user->uid;
  evidence.group = user->gid;
  return dc_evidence_open(options->write_file != NULL ? options->write_file : run->evidence_path, &meta, &evidence,
                          error);
}

static void start_analysis(LiveRun *run, const Interfaces *interfaces)
{
  const DcLiveInfo *info = dc_live_info(run->live);
  DcAnalysisHost host = {
      .interface = info->capture->interface,
      .drop_mode = info->drops == DC_LIVE_DROPS_NONE ? NULL : info->drops_name,
      .live = true,
      .promiscuous = info->capture->promiscuous,
      .timed_samples = true,
      .macs = (const uint8_t(*)[6])interfaces->macs,
      .mac_count = interfaces->mac_count,
      .addresses = info->addresses,
      .address_count = info->address_count,
      .ifindexes = interfaces->ifindexes,
      .ifindex_count = info->capture->ifindex != 0 ? interfaces->ifindex_count : 0,
  };
  dc_shown_host(&run->shown, &host);
  dc_analysis_start(run->analysis, &host);
}

static void announce(const LiveRun *run)
{
  const DcLiveInfo *info = dc_live_info(run->live);
  fprintf(stderr, "dropcorr: listening on %s, link-type %s, snapshot length %u bytes%s\n", info->capture->interface,
          info->capture->link_name, info->capture->snaplen, info->capture->promiscuous ? ", promiscuous" : "");
  fprintf(stderr, "dropcorr: drops: %s\n", info->drops_text);
  if (info->drops_cost != NULL)
    fprintf(stderr, "dropcorr: drops: %s\n", info->drops_cost);
  if (info->capture->timestamp_warning != NULL)
    dc_run_complain(info->capture->timestamp_warning);
  g_autofree char *privileges = dc_privilege_text();
  fprintf(stderr, "dropcorr: running as %s\n", privileges);
  fflush(stderr);
}

static void print_notices(const LiveRun *run)
{
  for (const char *line = dc_live_notice(run->live); line != NULL; line = dc_live_notice(run->live))
    dc_run_complain(line);
}

/* A failure is told once; the analysis goes on, and what was not written is counted. */
static void evidence_failed(GError **error)
{
  if (*error != NULL)
    dc_run_complain((*error)->message);
  g_clear_error(error);
}

static void take_evidence_loss(LiveRun *run, bool final)
{
  DcEvent event = {.kind = DC_EVENT_LOSS};
  while (run->evidence != NULL && dc_evidence_take_loss(run->evidence, final, &event.loss)) {
    g_autoptr(GError) error = NULL;
    event.time_ns = event.loss.to_ns;
    if (!dc_evidence_event(run->evidence, &event, &error))
      evidence_failed(&error);
    dc_analysis_feed(run->analysis, &event);
    run->failed = true;
    if (final)
      return;
  }
}

static void take_event(LiveRun *run, DcEvent *event)
{
  g_autoptr(GError) error = NULL;
  /* Written in the order in which it is analysed: that is what makes a replay equal. */
  if (run->evidence != NULL) {
    if (!dc_evidence_event(run->evidence, event, &error))
      evidence_failed(&error);
    take_evidence_loss(run, false);
    if (dc_evidence_done(run->evidence))
      dc_stop_request(run->stop);
  }
  dc_analysis_feed(run->analysis, event);
}

static void idle(LiveRun *run)
{
  g_autoptr(GError) error = NULL;
  if (run->evidence != NULL && !dc_evidence_flush(run->evidence, false, &error))
    evidence_failed(&error);
  if (fflush(stdout) != 0 || dc_analysis_output_error(run->analysis) != NULL)
    dc_stop_request(run->stop);
  print_notices(run);
  struct pollfd waiting = {.fd = dc_live_fd(run->live), .events = POLLIN};
  if (poll(&waiting, 1, POLL_MS) < 0 && errno != EINTR) {
    dc_run_complain("poll failed on the live sources");
    run->failed = true;
    dc_stop_request(run->stop);
  }
}

static void tend(LiveRun *run)
{
  if (run->stop_at_ns != 0 && dc_clock_monotonic() >= run->stop_at_ns)
    dc_stop_request(run->stop);
  if (dc_signals_stop_asked())
    dc_live_hurry(run->live, HURRY_NS);
  if (dc_signals_take_interim() && !dc_analysis_interim(run->analysis, stderr, NULL))
    dc_run_complain("standard error: the interim report could not be written");
}

static void loop(LiveRun *run)
{
  DcEvent event;
  uint32_t turn = 0;
  for (;;) {
    g_autoptr(GError) error = NULL;
    switch (dc_source_next(run->events, &event, &error)) {
    case DC_READ_EVENT:
      take_event(run, &event);
      if ((++turn & 0x3f) == 0)
        tend(run);
      break;
    case DC_READ_WAIT:
      idle(run);
      tend(run);
      break;
    case DC_READ_END:
      return;
    case DC_READ_ERROR:
      dc_run_complain(error->message);
      dc_analysis_note_cut_short(run->analysis, error->message);
      run->failed = true;
      return;
    }
  }
}

static void close_evidence(LiveRun *run, const DcLiveStats *stats)
{
  if (run->evidence == NULL)
    return;
  g_autoptr(GError) error = NULL;
  take_evidence_loss(run, true);
  if (dc_evidence_lost(run->evidence) > 0)
    run->failed = true;
  if (!dc_evidence_close(run->evidence, stats->capture.received, stats->capture.dropped_kernel,
                         stats->capture.dropped_interface, &error)) {
    evidence_failed(&error);
    run->failed = true;
  }
}

/* tcpdump's three lines, unchanged, then our own. */
static void print_closing(const DcLiveStats *stats, const DcAnalysis *analysis)
{
  fprintf(stderr, "%" G_GUINT64_FORMAT " packets captured\n", stats->capture.captured);
  fprintf(stderr, "%" G_GUINT64_FORMAT " packets received by filter\n", stats->capture.received);
  fprintf(stderr, "%" G_GUINT64_FORMAT " packets dropped by kernel\n", stats->capture.dropped_kernel);
  if (stats->capture.dropped_interface > 0)
    fprintf(stderr, "%" G_GUINT64_FORMAT " packets dropped by interface\n", stats->capture.dropped_interface);
  fprintf(stderr, "%" G_GUINT64_FORMAT " kernel drops recorded\n", dc_analysis_drops(analysis));
}

static bool write_ticket(LiveRun *run, const char *command_line, GError **error)
{
  g_autoptr(DcSource) again = dc_capture_file_open(run->evidence_path, &(DcCaptureFileOptions){.filter = NULL}, error);
  if (again == NULL)
    return false;
  DcEvidenceMeta meta;
  dc_live_evidence_meta(run->live, &meta);
  meta.command = command_line;
  dc_shown_meta(&run->shown, &meta);
  const DcAnnotateInput input = {.events = again,
                                 .capture = again,
                                 .meta = &meta,
                                 .report = dc_analysis_report(run->analysis),
                                 .own_drop_numbers = true,
                                 .events_max = UINT64_MAX};
  const bool ok = dc_ticket_write(run->ticket, &input, error);
  if (ok && dc_ticket_gap(run->ticket) != NULL)
    dc_run_complain(dc_ticket_gap(run->ticket));
  return ok;
}

static int finish(LiveRun *run, const char *command_line)
{
  g_autoptr(GError) error = NULL;
  DcLiveStats stats;
  dc_live_stats(run->live, &stats);
  print_notices(run);
  close_evidence(run, &stats);
  fflush(stdout);
  print_closing(&stats, run->analysis);
  const DcLiveInfo *info = dc_live_info(run->live);
  g_autofree char *frames =
      g_strdup_printf("frames: live on %s, %s, snapshot length %u", info->capture->interface,
                      info->capture->promiscuous ? "promiscuous" : "not promiscuous", info->capture->snaplen);
  g_autofree char *drops = g_strdup_printf("drops: %s", info->drops_text);
  dc_analysis_note_source(run->analysis, frames);
  dc_analysis_note_source(run->analysis, drops);
  dc_analysis_note_filtered(run->analysis, 0, stats.drops_filtered);
  if (info->drops_cost != NULL)
    dc_analysis_note_limit(run->analysis, info->drops_cost);
  /* The report first: in a flood of drops the kernel takes its time to turn the monitor off. */
  if (!dc_analysis_finish(run->analysis, &error)) {
    dc_run_complain_of(error);
    run->failed = true;
    g_clear_error(&error);
  }
  if (!dc_live_close(run->live, &error)) {
    dc_run_complain(error->message);
    run->failed = true;
    g_clear_error(&error);
  }
  if (run->ticket != NULL && !write_ticket(run, command_line, &error)) {
    dc_run_complain(error->message);
    run->failed = true;
    g_clear_error(&error);
  }
  if (!dc_shown_finish(&run->shown, &error)) {
    dc_run_complain(error->message);
    run->failed = true;
  }
  if (run->failed)
    return DC_EXIT_ERROR;
  if (run->options->fail_on_given && dc_analysis_has_severity(run->analysis, run->options->fail_on))
    return DC_EXIT_FINDING;
  return run->options->strict && !dc_analysis_complete(run->analysis) ? DC_EXIT_INCOMPLETE : DC_EXIT_OK;
}

/* The evidence file for those who read it again: without -w it is recorded for the bundle alone. */
static bool open_recording(LiveRun *run, GError **error)
{
  const char *path = run->options->write_file;
  if (path == NULL)
    run->evidence_fd = dc_temp_file_open();
  else
    run->evidence_fd = open(path, O_RDONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
  struct stat status;
  const bool opened = run->evidence_fd >= 0 && fstat(run->evidence_fd, &status) == 0;
  if (!opened || !S_ISREG(status.st_mode)) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s%s: %s", path != NULL ? "-w " : "temporary file (TMPDIR)",
                path != NULL ? path : "", opened ? "is no regular file, and has to be read again" : g_strerror(errno));
    return false;
  }
  run->evidence_path = g_strdup_printf("/proc/self/fd/%d", run->evidence_fd);
  return true;
}

/* Everything that needs privileges or can still be refused; then the privileges go. */
/* From here on what is written knows of people and machines only what it may. */
static bool prepare_shown(LiveRun *run, const char *command_line, uid_t owner, gid_t group, GError **error)
{
  if (!dc_shown_init(&run->shown, run->options, command_line, owner, group, error))
    return false;
  if (run->shown.anonymizer != NULL)
    dc_anonymizer_learn_host(run->shown.anonymizer);
  dc_shown_fix(&run->shown);
  run->analysis = dc_analysis_new(&run->shown.options);
  return true;
}

static bool prepare(LiveRun *run, const char *command_line, DcStrings *strings, GError **error)
{
  const DcOptions *options = run->options;
  DcPrivilegeUser user = {0};
  if (!dc_privilege_user(options->user, &user, error))
    return false;
  const bool to_stdout = g_strcmp0(options->write_file, "-") == 0;
  const DcLiveOptions live = live_options(options);
  Interfaces interfaces = {0};
  const uid_t owner = user.uid != 0 ? user.uid : (uid_t)-1;
  const gid_t group = user.uid != 0 ? user.gid : (gid_t)-1;
  bool ready =
      prepare_shown(run, command_line, owner, group, error) &&
      dc_ticket_open(&run->shown.options, run->analysis, run->shown.command_line, owner, group, &run->ticket, error) &&
      dc_analysis_open_outputs(run->analysis, to_stdout, run->shown.command_line, error) &&
      (run->ticket == NULL || open_recording(run, error));
  if (ready) {
    run->live = dc_live_open(&live, strings, run->stop, error);
    ready = run->live != NULL;
    run->events = ready ? dc_shown_events(&run->shown, run->live) : NULL;
  }
  if (ready) {
    interfaces_collect(dc_live_info(run->live), &interfaces);
    if (options->write_file != NULL || run->ticket != NULL) {
      run->evidence = open_evidence(run, command_line, &user, error);
      ready = run->evidence != NULL;
    }
  }
  ready = ready && dc_privilege_drop(&user, error) && dc_live_start(run->live, error);
  if (ready) {
    announce(run);
    start_analysis(run, &interfaces);
  }
  interfaces_clear(&interfaces);
  dc_privilege_user_clear(&user);
  return ready;
}

int dc_run_live(const DcOptions *options, const char *command_line, DcStop *stop)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcStrings) strings = dc_strings_new(STRINGS_MAX);
  LiveRun run = {.options = options, .stop = stop, .evidence_fd = -1};
  int status;
  if (prepare(&run, command_line, strings, &error)) {
    if (options->duration_ns > 0)
      run.stop_at_ns = dc_clock_monotonic() + options->duration_ns;
    loop(&run);
    status = finish(&run, command_line);
  } else {
    dc_run_complain(error->message);
    status = dc_run_error_status(error);
  }
  dc_evidence_free(run.evidence);
  dc_ticket_free(run.ticket);
  if (run.evidence_fd >= 0)
    close(run.evidence_fd);
  g_free(run.evidence_path);
  dc_analysis_free(run.analysis);
  dc_shown_clear(&run.shown);
  if (run.events != run.live)
    dc_source_free(run.events);
  dc_source_free(run.live);
  return status;
}
