/*
 * Arguments of options as values. Strict: the whole text must be the value, in decimal,
 * without sign or blanks. False, and the output untouched, when it is not. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool dc_value_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/* "10" and "10s" are seconds; "1.5s", "500ms", "250us", "100ns", "2m", "1h", "7d". At most 100 years. */
bool dc_value_duration(const char *text, int64_t *ret_ns);

/* A duration that may have a sign: "-1.5s", "+2h", "1742309146.691042". */
bool dc_value_offset(const char *text, int64_t *ret_ns);

/* A point in time: seconds since 1970 ("1795168318.154"), or ISO 8601 ("2026-11-20T11:24:33", local time unless it
 * names a zone). */
bool dc_value_time(const char *text, int64_t *ret_ns);

/* As tcpdump's -C: "5" is 5 million bytes; "64k", "16m", "1g" are powers of 1024. At least 1 byte. */
bool dc_value_size(const char *text, uint64_t *ret_bytes);

/* Position of text among names (NULL-terminated). */
bool dc_value_choice(const char *text, const char *const *names, size_t *ret_index);
