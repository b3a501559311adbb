/*
 * Sorts a source's events by time within a slack, copying what it holds; bounded by
 * max_events (and 64 MiB of bytes): beyond it the oldest goes out although the slack is not over.
 * Every event goes out, even one that came too late to be put in its place.
 */
#pragma once

#include "dropcorr/source/source.h"

DcSource *dc_reorder_new(DcSource *source, int64_t slack_ns, size_t max_events); /* takes source */
