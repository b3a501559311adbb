#include "layout.h"

#include "dropcorr/base/error.h"
#include "dropcorr/report/escape.h"

#include <errno.h>
#include <string.h>

struct DcLayout {
  FILE *stream;
  char *name;
  GString *out;  /* lines not yet handed over, and the one being written */
  GString *word; /* the word being written: it is not known yet whether it fits */
  GString *scratch;
  int width, indent;
  int column;       /* of the line in `out`: without `spaces` and `word` */
  int spaces;       /* before the word, written with it */
  int word_columns; /* that `word` takes on screen */
  unsigned lines;
  bool colour;
  bool begun; /* the line has its indent */
  bool after_blank;
  DcStyle style, written_style;
};

DcLayout *dc_layout_new(FILE *stream, const char *name, int width, bool colour)
{
  DcLayout *layout = g_new0(DcLayout, 1);
  layout->stream = stream;
  layout->name = g_strdup(name);
  layout->out = g_string_sized_new(4096);
  layout->word = g_string_sized_new(64);
  layout->scratch = g_string_sized_new(256);
  layout->width = MAX(width, 40);
  layout->colour = colour;
  layout->after_blank = true;
  return layout;
}

void dc_layout_free(DcLayout *layout)
{
  if (layout == NULL)
    return;
  g_string_free(layout->out, TRUE);
  g_string_free(layout->word, TRUE);
  g_string_free(layout->scratch, TRUE);
  g_free(layout->name);
  g_free(layout);
}

int dc_layout_width(const DcLayout *layout)
{
  return layout->width;
}

unsigned dc_layout_lines(const DcLayout *layout)
{
  return layout->lines;
}

/* ECMA-48 SGR. Colours are the terminal's own: legible on light and dark. */
static const char *style_code(DcStyle style)
{
  switch (style) {
  case DC_STYLE_PLAIN:
    return "\x1b[0m";
  case DC_STYLE_STRONG:
    return "\x1b[0;1m";
  case DC_STYLE_FAINT:
    return "\x1b[0;2m";
  case DC_STYLE_ALARM:
    return "\x1b[0;1;31m";
  case DC_STYLE_WARNING:
    return "\x1b[0;33m";
  case DC_STYLE_GOOD:
    return "\x1b[0;32m";
  case DC_STYLE_CODE:
    return "\x1b[0;36m";
  }
  return "";
}

static void pad(GString *out, int n)
{
  for (int i = 0; i < n; i++)
    g_string_append_c(out, ' ');
}

static void begin_line(DcLayout *layout)
{
  if (layout->begun)
    return;
  layout->begun = true;
  pad(layout->out, layout->indent);
  layout->column = layout->indent;
}

/* A line break; what was going to stand between two words does not. */
static void break_line(DcLayout *layout)
{
  while (layout->out->len > 0 && layout->out->str[layout->out->len - 1] == ' ')
    g_string_truncate(layout->out, layout->out->len - 1);
  g_string_append_c(layout->out, '\n');
  layout->lines++;
  layout->begun = false;
  layout->spaces = 0;
  layout->column = 0;
}

static void place_word(DcLayout *layout)
{
  if (layout->word->len == 0)
    return;
  begin_line(layout);
  if (layout->column > layout->indent && layout->word_columns > 0 &&
      layout->column + layout->spaces + layout->word_columns > layout->width) {
    break_line(layout);
    begin_line(layout);
  }
  pad(layout->out, layout->spaces);
  g_string_append_len(layout->out, layout->word->str, (gssize)layout->word->len);
  layout->column += layout->spaces + layout->word_columns;
  layout->spaces = 0;
  layout->word_columns = 0;
  g_string_truncate(layout->word, 0);
}

static void apply_style(DcLayout *layout)
{
  if (layout->colour && layout->style != layout->written_style)
    g_string_append(layout->word, style_code(layout->style));
  layout->written_style = layout->style;
}

/* The plain style takes effect with the space, not with the next word: no line ends in colour. */
static void reset_style(DcLayout *layout)
{
  if (layout->colour && layout->written_style != DC_STYLE_PLAIN)
    g_string_append(layout->word, style_code(DC_STYLE_PLAIN));
  layout->written_style = DC_STYLE_PLAIN;
}

static void append_character(DcLayout *layout, const char *text, size_t n, uint32_t character)
{
  if (layout->word_columns >= DC_LAYOUT_WORD_MAX)
    place_word(layout);
  apply_style(layout);
  g_string_append_len(layout->word, text, (gssize)n);
  layout->word_columns += dc_utf8_columns(character);
}

void dc_layout_indent(DcLayout *layout, int column)
{
  layout->indent = column;
}

void dc_layout_style(DcLayout *layout, DcStyle style)
{
  if (style == DC_STYLE_PLAIN)
    reset_style(layout);
  layout->style = style;
}

/* Appends text[0..len), escaped, where spaces divide words if `divide`. */
static void append(DcLayout *layout, const char *text, ssize_t len, bool divide)
{
  if (text == NULL)
    return;
  g_string_truncate(layout->scratch, 0);
  dc_escape_terminal(layout->scratch, text, len);
  const GString *safe = layout->scratch;
  for (size_t at = 0; at < safe->len;) {
    uint32_t character;
    const size_t n = dc_utf8_decode(safe->str + at, safe->len - at, &character);
    if (character == ' ' && divide) {
      reset_style(layout);
      place_word(layout);
      if (layout->begun)
        layout->spaces++;
    } else {
      append_character(layout, safe->str + at, n, character);
    }
    at += n;
  }
}

void dc_layout_text(DcLayout *layout, const char *text)
{
  append(layout, text, -1, true);
}

void dc_layout_printf(DcLayout *layout, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  append(layout, text, -1, true);
}

/* Lines of events come by the million, and nearly all of their bytes need no care. */
static bool is_printable_ascii(const char *text, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (text[i] < 0x20 || text[i] > 0x7e)
      return false;
  return true;
}

void dc_layout_piece(DcLayout *layout, const char *text)
{
  const size_t len = text != NULL ? strlen(text) : 0;
  if (len <= DC_LAYOUT_WORD_MAX && is_printable_ascii(text, len)) {
    if (layout->word_columns + (int)len > DC_LAYOUT_WORD_MAX)
      place_word(layout);
    if (len > 0)
      apply_style(layout);
    g_string_append_len(layout->word, text, (gssize)len);
    layout->word_columns += (int)len;
    return;
  }
  append(layout, text, -1, false);
}

static int columns_of(const GString *safe)
{
  int columns = 0;
  for (size_t at = 0; at < safe->len;) {
    uint32_t character;
    at += dc_utf8_decode(safe->str + at, safe->len - at, &character);
    columns += dc_utf8_columns(character);
  }
  return columns;
}

/* Where the shell's word that begins at text ends: at a space outside quotes. */
static size_t shell_word(const char *text)
{
  char quote = '\0';
  size_t at = 0;
  for (; text[at] != '\0'; at++) {
    const char c = text[at];
    if (quote != '\0') {
      if (c == '\\' && quote == '"' && text[at + 1] != '\0')
        at++;
      else if (c == quote)
        quote = '\0';
    } else if (c == ' ') {
      break;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '\\' && text[at + 1] != '\0') {
      at++;
    }
  }
  return at;
}

void dc_layout_command(DcLayout *layout, const char *command)
{
  place_word(layout);
  layout->style = DC_STYLE_CODE;
  const int margin = layout->indent;
  for (bool first = true; *command != '\0'; first = false) {
    while (*command == ' ')
      command++;
    const size_t n = shell_word(command);
    if (n == 0)
      break;
    g_string_truncate(layout->scratch, 0);
    dc_escape_terminal(layout->scratch, command, (ssize_t)n);
    const int last = command[n] == '\0' ? 0 : 2; /* room for the backslash of a line that goes on */
    if (!first && layout->column + 1 + columns_of(layout->scratch) + last > layout->width) {
      append(layout, " \\", -1, false);
      reset_style(layout);
      place_word(layout);
      break_line(layout);
      layout->indent = margin + 2;
    } else if (!first) {
      layout->spaces = 1;
    }
    append(layout, command, (ssize_t)n, false);
    place_word(layout);
    command += n;
  }
  reset_style(layout);
  layout->style = DC_STYLE_PLAIN;
  place_word(layout);
  layout->indent = margin;
}

void dc_layout_tab(DcLayout *layout, int column, int gap)
{
  place_word(layout);
  begin_line(layout);
  layout->spaces = MAX(column - layout->column, gap);
}

void dc_layout_right(DcLayout *layout, const char *text)
{
  g_string_truncate(layout->scratch, 0);
  dc_escape_terminal(layout->scratch, text, -1);
  const int columns = columns_of(layout->scratch);
  place_word(layout);
  if (layout->column + 2 + columns <= layout->width) {
    dc_layout_tab(layout, layout->width - columns, 0);
    append(layout, text, -1, false);
  }
  dc_layout_end_line(layout);
}

void dc_layout_end_line(DcLayout *layout)
{
  reset_style(layout);
  layout->style = DC_STYLE_PLAIN;
  place_word(layout);
  if (layout->begun)
    layout->after_blank = false;
  break_line(layout);
}

void dc_layout_blank(DcLayout *layout)
{
  place_word(layout);
  if (layout->begun)
    dc_layout_end_line(layout);
  if (layout->after_blank)
    return;
  g_string_append_c(layout->out, '\n');
  layout->lines++;
  layout->after_blank = true;
}

char *dc_layout_take(DcLayout *layout)
{
  char *text = g_strndup(layout->out->str, layout->out->len);
  g_string_truncate(layout->out, 0);
  return text;
}

bool dc_layout_hand_over(DcLayout *layout, bool flush, GError **error)
{
  errno = 0;
  bool written = fwrite(layout->out->str, 1, layout->out->len, layout->stream) == layout->out->len;
  g_string_truncate(layout->out, 0);
  if (written && flush)
    written = fflush(layout->stream) == 0 && !ferror(layout->stream);
  if (!written)
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: cannot write: %s; what was written is incomplete", layout->name,
                errno != 0 ? g_strerror(errno) : "unknown error");
  return written;
}
