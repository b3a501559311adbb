/*
 * Takes samples of the host's state and counters (the list: dropcorr/source/sample_list.h):
 * all of it before the tap opens, the counters each second, all again at the end.
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/source/live_record.h"

#include <glib.h>
#include <stdint.h>

typedef struct DcSampler DcSampler;

/* Which objects: those that need privileges or a child process can be read only before privileges are dropped
 * and threads started, or by the guard. */
typedef enum { DC_SAMPLE_ALL, DC_SAMPLE_PLAIN, DC_SAMPLE_PRIVILEGED } DcSampleSet;

/* interface: the captured one, NULL or "any" for all. root: "" for the running host; a copy of /proc and /sys
 * in tests. */
DcSampler *dc_sampler_new(const char *interface, const char *root);

/* Reads the set's objects now (TICK: the counters among them) and hands each to visit. What the host does not
 * have or does not let us read is passed over: the report tells what was not checked. */
typedef void (*DcSampleVisit)(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data);
void dc_sampler_take(DcSampler *sampler, DcSampleSet set, DcPhase phase, DcSampleVisit visit, void *data);

/* Thread body: a TICK of the counters each second until stop; then, settle_ns after the stop, AFTER of the
 * set; then DC_LIVE_END. */
void dc_sampler_run(DcSampler *sampler, DcSampleSet set, int64_t settle_ns, DcLiveSink *sink, DcStop *stop);

void dc_sampler_free(DcSampler *sampler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcSampler, dc_sampler_free)
