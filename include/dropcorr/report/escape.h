/*
 * Text from packets, files, logs and kernels made safe for where it is printed. What
 * cannot be shown is shown as what it is: "\x1b" for a byte that is a control character
 * or no UTF-8, "\u{202e}" for a character that would reorder or hide its neighbours.
 *
 * The functions append to `out`. text may be NULL (nothing is appended); len -1 means
 * NUL-terminated. Pure, any thread.
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define DC_UTF8_INVALID UINT32_C(0xffffffff)

/* The character at text[0]: its length in bytes, at least 1, and its code point, or
 * DC_UTF8_INVALID (length 1) where no well-formed character stands (RFC 3629: no
 * surrogates, no overlong forms). len must not be 0. */
size_t dc_utf8_decode(const char *text, size_t len, uint32_t *ret_char);

/* Columns of a terminal the character takes: 0 combining, 2 wide (East Asian), else 1. */
int dc_utf8_columns(uint32_t character);

/* For a terminal, on one line: control characters (line feeds too), invalid bytes and
 * invisible or direction-changing characters become visible; everything else stays. */
void dc_escape_terminal(GString *out, const char *text, ssize_t len);

/* For HTML text and quoted attribute values. */
void dc_escape_html(GString *out, const char *text, ssize_t len);

/* For a line of Markdown: as it is where no character of it means anything to Markdown,
 * else as a code span, in which nothing is markup, no link and no @name. */
void dc_escape_markdown(GString *out, const char *text, ssize_t len);
