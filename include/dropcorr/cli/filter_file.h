/* The file of -F: a filter expression, comments and line ends allowed. */
#pragma once

#include <glib.h>

#define DC_FILTER_FILE_MAX (64u << 10) /* bytes */

/* The expression on one line: text from a # to the end of its line is blanked, as tcpdump does. Caller
 * frees. NULL on errors: NOT_FOUND, PERMISSION, IO, LIMIT (longer than the maximum), USAGE (not text). */
char *dc_filter_file_read(const char *path, GError **error);
