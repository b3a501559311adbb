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

/* As tcpdump's -C: "5" is 5 million bytes; "64k", "16m", "1g" are powers of 1024. At least 1 byte. */
bool dc_value_size(const char *text, uint64_t *ret_bytes);

/* Position of text among names (NULL-terminated). */
bool dc_value_choice(const char *text, const char *const *names, size_t *ret_index);
