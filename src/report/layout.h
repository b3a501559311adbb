/*
 * Lines of words in columns: wrapping, hanging indents, colour. The text writer says what
 * stands where; this makes it fit. Every text is escaped for a terminal on its way in.
 *
 * Words are what spaces divide; a word is never broken, however narrow the page, unless it
 * has more columns than any path or address (DC_LAYOUT_WORD_MAX). Pieces put without a
 * space between them are one word.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define DC_LAYOUT_WORD_MAX 160

typedef enum {
  DC_STYLE_PLAIN,
  DC_STYLE_STRONG, /* bold */
  DC_STYLE_FAINT,
  DC_STYLE_ALARM,   /* bold red */
  DC_STYLE_WARNING, /* yellow */
  DC_STYLE_GOOD,    /* green */
  DC_STYLE_CODE     /* cyan: commands */
} DcStyle;

typedef struct DcLayout DcLayout;

/* stream NULL: the text is taken with dc_layout_take(). name: of the stream, for errors. width below 40 counts as 40.
 */
DcLayout *dc_layout_new(FILE *stream, const char *name, int width, bool colour);
void dc_layout_free(DcLayout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcLayout, dc_layout_free)

int dc_layout_width(const DcLayout *layout);
/* Lines ended so far. */
unsigned dc_layout_lines(const DcLayout *layout);

/* Where lines begin from now on: the next one, and one that continues it. */
void dc_layout_indent(DcLayout *layout, int column);
void dc_layout_style(DcLayout *layout, DcStyle style);

void dc_layout_text(DcLayout *layout, const char *text); /* NULL: nothing */
G_GNUC_PRINTF(2, 3) void dc_layout_printf(DcLayout *layout, const char *format, ...);

/* As it is, spaces and all, on this line: a piece that must not be divided. */
void dc_layout_piece(DcLayout *layout, const char *text);

/* A shell command. Continued, where it must be, with a backslash between its words and
 * never inside quotes, so that it can be copied as it stands. */
void dc_layout_command(DcLayout *layout, const char *command);

/* To a column, at least `gap` spaces on. */
void dc_layout_tab(DcLayout *layout, int column, int gap);

/* Ends the line, with text at the right margin where it fits. */
void dc_layout_right(DcLayout *layout, const char *text);

void dc_layout_end_line(DcLayout *layout);
void dc_layout_blank(DcLayout *layout); /* an empty line; none at the very beginning, never two */

/* What was written since the last time; the caller frees. */
char *dc_layout_take(DcLayout *layout);

/* Hands what is written to the stream, and with `flush` flushes it. False: DC_ERROR_IO. */
bool dc_layout_hand_over(DcLayout *layout, bool flush, GError **error);
