/*
 * One run's analysis: state, correlator, diagnosis and the writers behind them, fed with
 * events in order. The same for live and saved input: that is what makes a replay equal.
 *
 * One thread, but for dc_analysis_prepare().
 */
#pragma once

#include "dropcorr/cli/options.h"
#include "dropcorr/correlate/correlator.h"
#include "dropcorr/correlate/frame_keys.h"
#include "dropcorr/diagnose/finding.h"
#include "dropcorr/model/state.h"
#include "dropcorr/source/source.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

/* What the source knows of the host and of itself. All borrowed for the call. */
typedef struct {
  const char *interface; /* captured; NULL unknown */
  const char *drop_mode; /* "packet", "summary", "tracepoint", a log's format; NULL: no drops */
  bool live;
  bool promiscuous;
  bool filtered;      /* the frames were filtered when they were captured */
  bool timed_samples; /* counters are sampled with times, not only before and after */
  const uint8_t (*macs)[6];
  size_t mac_count;
  const DcAddr *addresses;
  size_t address_count;
  const uint32_t *ifindexes;
  size_t ifindex_count;
} DcAnalysisHost;

typedef struct DcAnalysis DcAnalysis;

DcAnalysis *dc_analysis_new(const DcOptions *options);
void dc_analysis_free(DcAnalysis *analysis);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcAnalysis, dc_analysis_free)

/* Also wants every finished verdict, whatever is printed; data is borrowed. Before dc_analysis_start(). */
void dc_analysis_set_listener(DcAnalysis *analysis, void (*frame)(void *data, const DcFrameVerdict *verdict),
                              void (*drop)(void *data, const DcDropVerdict *verdict), void *data);

/* Opens the writers: standard output (text or NDJSON) and every --report. `quiet_stdout`: standard output
 * belongs to somebody else (-w -). */
bool dc_analysis_open_outputs(DcAnalysis *analysis, bool quiet_stdout, const char *command_line, GError **error);

/* One more report, of a format (dropcorr/report/writer.h), into an open file; fd is borrowed. name: for messages. */
bool dc_analysis_add_report(DcAnalysis *analysis, const char *format, int fd, const char *name,
                            const char *command_line, GError **error);

/* Samples may be fed before; frames and drops only after. */
bool dc_analysis_started(const DcAnalysis *analysis);
void dc_analysis_start(DcAnalysis *analysis, const DcAnalysisHost *host);

/* Decodes, numbers drops, and passes on. The event's packet and number fields are filled in. */
void dc_analysis_feed(DcAnalysis *analysis, DcEvent *event);

/* What frames the drops may ask for, for dc_analysis_prepare(); NULL: any. Borrowed. Before dc_analysis_start(). */
void dc_analysis_set_asked(DcAnalysis *analysis, const DcAsked *asked);

/* The same of several, in order. */
void dc_analysis_feed_run(DcAnalysis *analysis, const DcRun *run);

/* What dc_analysis_feed() would do to a frame that depends on nothing else: any thread may do it before, once the
 * analysis was started. all: drops come from elsewhere too, and may ask for any frame. Uses at most DC_ANALYSIS_ROOM
 * bytes at room, aligned for a DcEvent, and tells how many: the event that is returned points to them, or lies there.
 */
#define DC_ANALYSIS_ROOM (MAX(sizeof(DcFrameKeys), offsetof(DcEvent, light) + sizeof(DcLightFrame)))
DcEvent *dc_analysis_prepare(const DcAnalysis *analysis, bool all, DcEvent *event, void *room, size_t *ret_used);

/* What the sources passed over; told before the report. */
void dc_analysis_note_skipped(DcAnalysis *analysis, uint64_t skipped, const char *source);
void dc_analysis_note_filtered(DcAnalysis *analysis, uint64_t frames, uint64_t drops);
void dc_analysis_note_source(DcAnalysis *analysis, const char *text);
void dc_analysis_note_cut_short(DcAnalysis *analysis, const char *why);
void dc_analysis_note_limit(DcAnalysis *analysis, const char *text);

/* A report of what is known so far, as text on stream. */
bool dc_analysis_interim(DcAnalysis *analysis, FILE *stream, GError **error);

/* Decides everything, writes every report, closes the outputs. Once. */
bool dc_analysis_finish(DcAnalysis *analysis, GError **error);

/* A writer failed (disk full, pipe closed): the first error, NULL if none. Borrowed. CLOSED only where no other is. */
const GError *dc_analysis_output_error(const DcAnalysis *analysis);

/* Nothing hears of what is found any more: every output failed. */
bool dc_analysis_is_unheard(const DcAnalysis *analysis);

/* After finish: whether evidence was complete, and the gravest finding. */
bool dc_analysis_complete(const DcAnalysis *analysis);
bool dc_analysis_has_severity(const DcAnalysis *analysis, DcSeverity at_least);

/* After finish; NULL before. */
const DcReport *dc_analysis_report(const DcAnalysis *analysis);

const DcState *dc_analysis_state(const DcAnalysis *analysis);
uint64_t dc_analysis_frames(const DcAnalysis *analysis);
uint64_t dc_analysis_drops(const DcAnalysis *analysis);
