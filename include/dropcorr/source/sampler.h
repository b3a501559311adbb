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

/* interface: the captured one, NULL or "any" for all. Opens nothing that needs privileges. */
DcSampler *dc_sampler_new(const char *interface);

/* Reads every object now, in the calling thread, and pushes it. */
void dc_sampler_take(DcSampler *sampler, DcPhase phase, DcLiveSink *sink);

/* Thread body: a TICK of the counters each second until stop, then AFTER of everything once
 * `settle_ns` have passed since the stop (0: at once), then DC_LIVE_END. */
void dc_sampler_run(DcSampler *sampler, DcLiveSink *sink, DcStop *stop, int64_t settle_ns);

void dc_sampler_free(DcSampler *sampler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcSampler, dc_sampler_free)
