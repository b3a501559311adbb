/*
 * --context DIR or a tar archive: saved state of the host as a source of samples: texts side by side, a copy of /proc,
 * an sos report, a bundle (src/source/context_layout.h). before.X files come
 * with DC_PHASE_BEFORE, after.X with DC_PHASE_AFTER, X alone with DC_PHASE_ONCE; all without time.
 * earlier.X is one more sample before before.X, DC_PHASE_BEFORE as well. Events come at open
 * order: earlier.X, then BEFORE and ONCE, then AFTER, by name within each.
 */
#pragma once

#include "dropcorr/source/source.h"

/* Errors: NOT_FOUND, PERMISSION, IO; DC_READ_ERROR with DC_ERROR_FORMAT at the end when not one file could be read,
 * or at once where the file is no archive. Files without a parser are counted in source->foreign, unreadable ones in
 * source->skipped, larger than 16 MiB likewise. */
DcSource *dc_context_dir_open(const char *path, GError **error);
