/*
 * Samples as files that --context reads (dropcorr/source/context_dir.h): the counterpart of that source, for
 * bundles. Of each object the first and last reading before, the last after, and the last without a phase are kept;
 * those in between stay in the evidence file.
 *
 * One thread. Memory is bounded: what does not fit is counted.
 */
#pragma once

#include "dropcorr/model/event.h"
#include "dropcorr/source/folder.h"

#include <glib.h>
#include <stdbool.h>

typedef struct DcContextWriter DcContextWriter;

#define DC_CONTEXT_WRITE_MAX (64u << 20) /* bytes of text */

DcContextWriter *dc_context_writer_new(void);

/* Copies. A name that no reader knows, or that is no plain file name, is passed over and counted. */
void dc_context_writer_add(DcContextWriter *writer, const DcSample *sample);

/* prefix: "context/". Once. */
bool dc_context_writer_put(const DcContextWriter *writer, DcFolder *folder, const char *prefix, GError **error);

uint64_t dc_context_writer_left_out(const DcContextWriter *writer);

void dc_context_writer_free(DcContextWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcContextWriter, dc_context_writer_free)
