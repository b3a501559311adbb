/*
 * Pieces of a line of a text log, and what terminals leave in one. A piece borrows its bytes; what
 * takes a word or a number off it never looks beyond its end.
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  const char *at;
  size_t len;
} DcText;

static inline DcText dc_text(const char *at, size_t len)
{
  return (DcText){.at = at, .len = len};
}

static inline bool dc_text_is_blank(char c)
{
  return c == ' ' || c == '\t';
}

static inline bool dc_text_is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* Without its first n bytes; n beyond the end gives nothing. */
static inline DcText dc_text_from(DcText text, size_t n)
{
  n = n < text.len ? n : text.len;
  return (DcText){.at = text.at + n, .len = text.len - n};
}

static inline DcText dc_text_until(DcText text, size_t n)
{
  text.len = n < text.len ? n : text.len;
  return text;
}

static inline DcText dc_text_trim(DcText text)
{
  while (text.len > 0 && dc_text_is_blank(text.at[0]))
    text = dc_text_from(text, 1);
  while (text.len > 0 && dc_text_is_blank(text.at[text.len - 1]))
    text.len--;
  return text;
}

static inline bool dc_text_begins(DcText text, const char *with)
{
  const size_t len = strlen(with);
  return text.len >= len && memcmp(text.at, with, len) == 0;
}

static inline bool dc_text_ends(DcText text, const char *with)
{
  const size_t len = strlen(with);
  return text.len >= len && memcmp(text.at + text.len - len, with, len) == 0;
}

static inline bool dc_text_is(DcText text, const char *other)
{
  return text.len == strlen(other) && memcmp(text.at, other, text.len) == 0;
}

/* Takes a literal off the beginning; false, and nothing taken, where it does not stand there. */
static inline bool dc_text_take(DcText *text, const char *literal)
{
  if (!dc_text_begins(*text, literal))
    return false;
  *text = dc_text_from(*text, strlen(literal));
  return true;
}

static inline void dc_text_skip_blanks(DcText *text)
{
  while (text->len > 0 && dc_text_is_blank(text->at[0]))
    *text = dc_text_from(*text, 1);
}

/* Where the literal stands, or SIZE_MAX. */
size_t dc_text_find(DcText text, const char *literal);

/* The next word; false at the end. */
bool dc_text_word(DcText *rest, DcText *ret_word);

/* The last word, off the end. */
bool dc_text_last_word(DcText *rest, DcText *ret_word);

/* Numbers at the beginning, taken off. False, and nothing taken, without one or above max. */
bool dc_text_uint(DcText *rest, uint64_t max, uint64_t *ret_value);
bool dc_text_hex(DcText *rest, uint64_t *ret_value);     /* up to 16 digits, with or without 0x */
bool dc_text_seconds(DcText *rest, int64_t *ret_ns);     /* "330543.363561": needs its point */
bool dc_text_time_of_day(DcText *rest, int64_t *ret_ns); /* "14:46:49", "14:46:49.123" */
bool dc_text_date_time(DcText *rest, int64_t *ret_ns);   /* "2025-03-04T15:04:05.123" or a blank for T, as if UTC */
bool dc_text_month(DcText word, int *ret_month);         /* "Jan": 1 */
bool dc_text_civil(int year, int month, int day, int64_t *ret_ns); /* midnight, as if UTC; false for no such day */

/* The whole of text as a number. */
bool dc_text_whole_uint(DcText text, uint64_t max, uint64_t *ret_value);

/* The whole of text as an address, in brackets or not; as ADDRESS:PORT. An IPv4-mapped one is IPv4. */
bool dc_text_addr(DcText text, DcAddr *ret_addr);
bool dc_text_endpoint(DcText text, DcAddr *ret_addr, uint16_t *ret_port);

/*
 * Cleans a line in place and returns its new length: escape sequences (colours, titles) and other control
 * characters go, backspaces erase, and of what a carriage return overwrote only the last text stays. Blanks
 * at the end go too; those at the beginning mean something (stacks) and stay.
 */
size_t dc_text_clean_line(char *line, size_t len);

/* What script(1) writes around a session. */
bool dc_text_is_script_header(DcText line);
