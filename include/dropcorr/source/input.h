/*
 * Buffered bytes of a file or pipe with a bounded look-ahead: what readers of untrusted
 * files stand on. Reads in large blocks.
 */
#pragma once

#include "dropcorr/base/stop.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DcInput DcInput;

DcInput *dc_input_open(const char *path, GError **error);                      /* "-": standard input */
DcInput *dc_input_from_bytes(const void *bytes, size_t len, const char *name); /* copies; for tests and fuzzing */

const char *dc_input_name(const DcInput *input);
uint64_t dc_input_size(const DcInput *input);   /* 0 unknown (pipe) */
uint64_t dc_input_offset(const DcInput *input); /* of the next unread byte */

/* A pipe that stays silent must not hold up the end of the run: once stop is requested,
 * waiting for a pipe ends as if its writer had closed it. Borrowed; NULL: none. */
void dc_input_set_stop(DcInput *input, const DcStop *stop);
bool dc_input_stopped(const DcInput *input); /* the input ended for that reason, perhaps inside a record */

/* Makes n bytes available without consuming them: returns how many are, at most n (fewer only at
 * the end of input), SIZE_MAX on a read error. n at most DC_INPUT_WINDOW. The pointer is valid
 * until the next peek, skip or line; consuming leaves it valid. */
#define DC_INPUT_WINDOW (4u << 20)
size_t dc_input_peek(DcInput *input, size_t n, const uint8_t **ret_bytes, GError **error);
void dc_input_consume(DcInput *input, size_t n);                /* n at most what was peeked */
bool dc_input_skip(DcInput *input, uint64_t n, GError **error); /* false at the end of input (no error) or on error */

/* The next line without its end (LF, CRLF), colour codes left in; lines longer than 64 KiB are cut and
 * the rest skipped. NULL at the end of input or on error. Valid until the next call. */
char *dc_input_line(DcInput *input, size_t *ret_len, GError **error);

void dc_input_free(DcInput *input);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcInput, dc_input_free)
