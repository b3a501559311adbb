/*
 * Interned strings: symbols, reasons, device names recur by the thousand, and
 * comparing them must be comparing pointers. Bounded: after `limit` distinct
 * strings every new one becomes DC_STRINGS_OVERFLOW, so that a hostile log
 * cannot make memory grow.
 *
 * One owner thread adds; returned pointers are immutable and stay valid until
 * the table is freed, so they may be handed to other threads.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct DcStrings DcStrings;

#define DC_STRINGS_OVERFLOW "(other)"
#define DC_STRINGS_LENGTH_MAX 1024 /* longer text is cut */

DcStrings *dc_strings_new(size_t limit);

/* The interned copy of the first len bytes of text (up to a NUL). Control
 * and format characters and broken UTF-8 become '?': interned text is printed. NULL gives NULL. */
const char *dc_strings_add(DcStrings *strings, const char *text, size_t len);

void dc_strings_free(DcStrings *strings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcStrings, dc_strings_free)
