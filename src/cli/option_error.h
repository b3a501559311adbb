/* What is said about a command line that getopt_long(3) rejects. */
#pragma once

#include <glib.h>

/* status: what getopt_long() returned, '?' or ':'. option: its optopt, 0 for an unknown long option.
 * word: the word of the command line. Sets a USAGE error that names the nearest option there is. */
void dc_option_syntax_error(int status, int option, const char *word, GError **error);
