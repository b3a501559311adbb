/*
 * --context DIR: saved state of the host as a source of samples. before.X files come
 * with DC_PHASE_BEFORE, after.X with DC_PHASE_AFTER, X alone with DC_PHASE_ONCE; all without time.
 * earlier.X is one more sample before before.X, DC_PHASE_BEFORE as well. Events come at open
 * order: earlier.X, then BEFORE and ONCE, then AFTER, by name within each.
 */
#pragma once

#include "dropcorr/source/source.h"

/* Errors: NOT_FOUND, PERMISSION, IO; DC_READ_ERROR with DC_ERROR_FORMAT at the end when not one file could be read.
 * Files without a parser are counted in source->foreign, unreadable ones in source->skipped, larger than 16 MiB
 * likewise. */
DcSource *dc_context_dir_open(const char *path, GError **error);
