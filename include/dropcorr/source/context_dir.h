/*
 * --context DIR: saved state of the host as a source of samples. before.X files come
 * with DC_PHASE_BEFORE, after.X with DC_PHASE_AFTER, X alone with DC_PHASE_ONCE; all without time.
 * Events come at open order: BEFORE and ONCE first, then AFTER.
 */
#pragma once

#include "dropcorr/source/source.h"

/* Errors: NOT_FOUND, PERMISSION. Files without a parser are counted in source->foreign, unreadable
 * ones in source->skipped, larger than 16 MiB likewise. */
DcSource *dc_context_dir_open(const char *path, GError **error);
