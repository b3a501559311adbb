/*
 * JSON lines of a log, read by jansson: whatever they hold, nothing here fails harder than giving NULL or
 * false. Borrowed values live as long as the root.
 */
#pragma once

#include "log_text.h"

#include <glib.h>
#include <jansson.h>

/*
 * A line that is one object or array. NULL: it is none. Integers beyond 63 bits (addresses of the kernel), at which
 * jansson stops, become strings of digits; dc_json_uint() reads both.
 */
json_t *dc_json_line(DcText line);

/* Member by a path of at most three keys, "packet.data"; NULL: none. */
const json_t *dc_json_at(const json_t *value, const char *path);

/* Of a string member; a text of length 0 and no address otherwise. */
DcText dc_json_text(const json_t *value, const char *path);

/* Of an integer that is not negative, or a string of digits. */
bool dc_json_uint(const json_t *value, const char *path, uint64_t max, uint64_t *ret_value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)
