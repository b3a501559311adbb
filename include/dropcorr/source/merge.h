/*
 * Several sources as one timeline: always the earliest of the sources' next events
 * (ties: frames before drops before samples, then by source order). Events without time
 * come first, samples before drops among them. A source whose clock goes back is taken in its own order. A source that
 * has nothing now (DC_READ_WAIT) holds nobody up: the others' events are given without it.
 */
#pragma once

#include "dropcorr/source/source.h"

/* Takes the sources. When one fails its error is kept and the others go on;
 * dc_merge_errors() tells them at the end. */
DcSource *dc_merge_new(DcSource **sources, size_t count);
const GError *const *dc_merge_errors(const DcSource *merge, size_t *ret_count);
