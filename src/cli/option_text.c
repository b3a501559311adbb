/* What is written from the option table: help, manual page, completion. */
#include "dropcorr/cli/option_table.h"
#include "dropcorr/model/cause.h"

#include <glib.h>
#include <string.h>

enum { HELP_WIDTH = 80, HELP_COLUMN = 27 };

/* --- --help ------------------------------------------------------------------------------ */

/* Writes text from column `at` on, breaking lines at blanks before HELP_WIDTH, further lines at HELP_COLUMN. */
static void print_wrapped(FILE *stream, const char *text, int at)
{
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  for (char **word = words; *word != NULL; word++) {
    int len = (int)strlen(*word);
    if (word != words && at + 1 + len >= HELP_WIDTH) {
      fprintf(stream, "\n%*s", HELP_COLUMN, "");
      at = HELP_COLUMN;
    } else if (word != words) {
      fputc(' ', stream);
      at++;
    }
    fputs(*word, stream);
    at += len;
  }
  fputc('\n', stream);
}

static void print_help_row(FILE *stream, const DcOption *row)
{
  g_autoptr(GString) left = g_string_new("  ");
  if (row->letter != 0)
    g_string_append_printf(left, "-%c%s", row->letter, row->name != NULL ? ", " : "");
  else
    g_string_append(left, "    ");
  if (row->name != NULL)
    g_string_append_printf(left, "--%s", row->name);
  if (row->argument != NULL && row->argument_optional)
    g_string_append_printf(left, "[=%s]", row->argument);
  else if (row->argument != NULL)
    g_string_append_printf(left, " %s", row->argument);

  if (left->len + 2 > HELP_COLUMN)
    fprintf(stream, "%s\n%*s", left->str, HELP_COLUMN, "");
  else
    fprintf(stream, "%-*s", HELP_COLUMN, left->str);
  print_wrapped(stream, row->help, HELP_COLUMN);
}

void dc_option_print_help(FILE *stream)
{
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  fputs("dropcorr explains why a packet seen on the wire never reached a socket.\n"
        "\n"
        "Usage: dropcorr [-i interface] [options] [filter expression]\n"
        "       dropcorr -r file [--drops file] [--context directory] [options]\n"
        "                [filter expression]\n",
        stream);
  for (DcOptionGroup group = 0; group < DC_GROUP_HIDDEN; group++) {
    fprintf(stream, "\n%s:\n", dc_option_group_title(group));
    for (size_t i = 0; i < count; i++) {
      if (table[i].group == group)
        print_help_row(stream, &table[i]);
    }
  }
  fputs("\nThe filter expression is pcap-filter(7)'s; it chooses frames and drops alike.\n"
        "Exit status: 0 done, 1 error, 2 usage, 3 incomplete, 4 found by --fail-on.\n"
        "The manual page dropcorr(8) says more.\n",
        stream);
}

/* --- manual page (mdoc) ------------------------------------------------------------------ */

/* A word for mdoc: roff's own characters escaped, dashes of options as minuses that can be copied. */
static char *mdoc_word(const char *word)
{
  GString *text = g_string_new(word[0] == '.' || word[0] == '\'' ? "\\&" : NULL);
  const char *dashes = word + strspn(word, "(\"");
  for (const char *at = word; *at != '\0'; at++) {
    if (*at == '\\')
      g_string_append(text, "\\e");
    else if (*at == '-' && strspn(dashes, "-") > (size_t)MAX(at - dashes, 0))
      g_string_append(text, "\\-");
    else
      g_string_append_c(text, *at);
  }
  return g_string_free(text, FALSE);
}

/* Text for mdoc: each sentence begins a line, lines end before 80 bytes. */
static void print_mdoc_text(FILE *stream, const char *text)
{
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  size_t column = 0;
  for (char **word = words; *word != NULL; word++) {
    g_autofree char *escaped = mdoc_word(*word);
    bool sentence = word != words && g_str_has_suffix(word[-1], ".");
    if (word != words && (sentence || column + 1 + strlen(escaped) >= HELP_WIDTH)) {
      fputc('\n', stream);
      column = 0;
    } else if (word != words) {
      fputc(' ', stream);
      column++;
    }
    fputs(escaped, stream);
    column += strlen(escaped);
  }
  fputc('\n', stream);
}

static void print_man_row(FILE *stream, const DcOption *row)
{
  fputs(".It", stream);
  if (row->letter != 0)
    fprintf(stream, " Fl %c", row->letter);
  if (row->letter != 0 && row->name != NULL)
    fputs(" ,", stream);
  if (row->name != NULL)
    fprintf(stream, " Fl \\-%s", row->name);
  if (row->argument != NULL && row->argument_optional)
    fprintf(stream, " Ns Op = Ns Ar %s", row->argument);
  else if (row->argument != NULL)
    fprintf(stream, " Ar %s", row->argument);
  fputc('\n', stream);
  g_autofree char *sentence = g_strdup_printf("%c%s.", g_ascii_toupper(row->help[0]), row->help + 1);
  print_mdoc_text(stream, sentence);
  if (row->more != NULL)
    print_mdoc_text(stream, row->more);
}

void dc_option_print_man(FILE *stream)
{
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  for (DcOptionGroup group = 0; group < DC_GROUP_HIDDEN; group++) {
    fprintf(stream, ".Ss %s\n.Bl -tag -width Ds\n", dc_option_group_title(group));
    for (size_t i = 0; i < count; i++) {
      if (table[i].group == group)
        print_man_row(stream, &table[i]);
    }
    fputs(".El\n", stream);
  }
}

/* --- bash completion --------------------------------------------------------------------- */

static void print_case(FILE *stream, const DcOption *row, const char *action)
{
  fputs("  ", stream);
  if (row->letter != 0)
    fprintf(stream, "-%c%s", row->letter, row->name != NULL ? " | " : "");
  if (row->name != NULL)
    fprintf(stream, "--%s", row->name);
  fprintf(stream, ")\n    %s\n    return\n    ;;\n", action);
}

static void print_argument_case(FILE *stream, const DcOption *row)
{
  switch (row->complete) {
  case DC_COMPLETE_NONE:
    if (row->argument != NULL)
      print_case(stream, row, ":");
    break;
  case DC_COMPLETE_FILE:
    print_case(stream, row, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
    break;
  case DC_COMPLETE_DIRECTORY:
    print_case(stream, row, "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
    break;
  case DC_COMPLETE_INTERFACE:
    print_case(stream, row, "COMPREPLY=($(compgen -W \"any $(command ls /sys/class/net 2>/dev/null)\" -- \"$cur\"))");
    break;
  case DC_COMPLETE_USER:
    print_case(stream, row, "COMPREPLY=($(compgen -u -- \"$cur\"))");
    break;
  case DC_COMPLETE_CAUSE: {
    g_autoptr(GString) action = g_string_new("COMPREPLY=($(compgen -W \"");
    for (int cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++)
      g_string_append_printf(action, "%s%s", cause > DC_CAUSE_NONE + 1 ? " " : "", dc_cause_name((DcCause)cause));
    g_string_append(action, "\" -- \"$cur\"))");
    print_case(stream, row, action->str);
    break;
  }
  case DC_COMPLETE_VALUES: {
    g_autofree char *values = g_strjoinv(" ", (char **)row->values);
    g_autofree char *action = g_strdup_printf("COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", values);
    print_case(stream, row, action);
    break;
  }
  }
}

void dc_option_print_completion(FILE *stream)
{
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  fputs("# bash completion for dropcorr, made from its option table\n"
        "\n"
        "_dropcorr()\n"
        "{\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "  # --option=value comes as three words\n"
        "  if [[ $cur == = ]]; then\n"
        "    cur=\n"
        "  elif [[ $prev == = && COMP_CWORD -ge 2 ]]; then\n"
        "    prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
        "  fi\n"
        "  COMPREPLY=()\n"
        "  case $prev in\n",
        stream);
  for (size_t i = 0; i < count; i++) {
    if (table[i].group != DC_GROUP_HIDDEN)
      print_argument_case(stream, &table[i]);
  }
  fputs("  esac\n"
        "  if [[ $cur == -* ]]; then\n"
        "    COMPREPLY=($(compgen -W \"",
        stream);
  const char *blank = "";
  for (size_t i = 0; i < count; i++) {
    if (table[i].group == DC_GROUP_HIDDEN)
      continue;
    char text[64];
    dc_option_spell(&table[i], text);
    fprintf(stream, "%s%s", blank, text);
    blank = " ";
    if (table[i].letter != 0 && table[i].name != NULL)
      fprintf(stream, " --%s", table[i].name);
  }
  fputs("\" -- \"$cur\"))\n"
        "  fi\n"
        "}\n"
        "complete -F _dropcorr dropcorr\n",
        stream);
}
