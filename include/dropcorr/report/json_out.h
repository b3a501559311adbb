/*
 * Streaming JSON (RFC 8259) to a stdio stream: no tree, no allocation per value. Values
 * go through a buffer of fixed size; what does not fit is handed to the stream, so that
 * memory never follows the input. Commas and colons are placed by the writer.
 *
 * Output is ASCII-safe for a terminal as well as valid JSON: control characters, DEL and
 * invisible or direction-changing characters are escaped, a byte that is no UTF-8
 * becomes U+FFFD. Integers are written with all their digits.
 *
 * A write error is kept, later calls do nothing, and dc_json_out_end_line() and dc_json_out_flush()
 * report it. One thread. The stream is borrowed.
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct DcJsonOut DcJsonOut;

#define DC_JSON_DEPTH_MAX 60

/* name: of the stream, for errors ("standard output", a path). indent: spaces per level
 * for people, 0 for one line. */
DcJsonOut *dc_json_out_new(FILE *stream, const char *name, unsigned indent);
void dc_json_out_free(DcJsonOut *json);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcJsonOut, dc_json_out_free)

void dc_json_out_begin_object(DcJsonOut *json);
void dc_json_out_end_object(DcJsonOut *json);
void dc_json_out_begin_array(DcJsonOut *json);
void dc_json_out_end_array(DcJsonOut *json);

/* A member's name, before its value. Written as it is: a literal of the program. */
void dc_json_out_key_len(DcJsonOut *json, const char *key, size_t len);
#define dc_json_out_key(json, literal) dc_json_out_key_len((json), "" literal, sizeof(literal) - 1)

void dc_json_out_string(DcJsonOut *json, const char *text); /* NULL: null */
void dc_json_out_string_len(DcJsonOut *json, const char *text, size_t len);
/* A string that needs no escaping because the program made it: a contract word, a number. */
void dc_json_out_word(DcJsonOut *json, const char *word);
void dc_json_out_int(DcJsonOut *json, int64_t value);
void dc_json_out_uint(DcJsonOut *json, uint64_t value);
void dc_json_out_bool(DcJsonOut *json, bool value);
void dc_json_out_null(DcJsonOut *json);

void dc_json_out_time(DcJsonOut *json, int64_t time_ns);            /* "1795168318.154238000" */
void dc_json_out_hex(DcJsonOut *json, uint64_t value, int digits);  /* "0x0800"; digits: at least so many */
void dc_json_out_addr(DcJsonOut *json, const DcAddr *addr);         /* "10.0.0.1" */
void dc_json_out_mac(DcJsonOut *json, const uint8_t mac[static 6]); /* "02-00-00-00-00-01", as ECS (RFC 7042) */

/* Ends a line: a line feed, and the line handed to the stream (whose own buffering decides
 * when it is seen). False with the write error, now or earlier: DC_ERROR_IO. */
bool dc_json_out_end_line(DcJsonOut *json, GError **error);

/* Hands everything over and flushes the stream. */
bool dc_json_out_flush(DcJsonOut *json, GError **error);
