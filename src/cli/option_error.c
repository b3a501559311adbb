#include "option_error.h"

#include "dropcorr/base/error.h"
#include "dropcorr/cli/option_table.h"

#include <stdint.h>
#include <string.h>

#define SEE_HELP "see dropcorr --help"

/* Levenshtein distance, for "did you mean". Words are short. */
static size_t edit_distance(const char *a, const char *b)
{
  enum { MAX = 32 };
  size_t len = strlen(b);
  size_t row[MAX + 1];
  if (strlen(a) > MAX || len > MAX)
    return SIZE_MAX;
  for (size_t j = 0; j <= len; j++)
    row[j] = j;
  for (size_t i = 0; a[i] != '\0'; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < len; j++) {
      size_t replace = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = MIN(replace, MIN(diagonal, row[j]) + 1);
    }
  }
  return row[len];
}

static void unknown_option(const char *word, GError **error)
{
  g_autofree char *name = g_strndup(word, strcspn(word, "="));
  const char *nearest = NULL;
  size_t best = 3; /* two slips of the finger at most */
  size_t count = 0;
  const DcOption *table = dc_option_table(&count);
  for (size_t i = 0; i < count; i++) {
    if (table[i].name == NULL || table[i].group == DC_GROUP_HIDDEN)
      continue;
    size_t distance = edit_distance(name + 2, table[i].name);
    if (distance < best) {
      best = distance;
      nearest = table[i].name;
    }
  }
  if (nearest != NULL)
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "%s: no such option (did you mean --%s? %s)", name, nearest, SEE_HELP);
  else
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "%s: no such option, or short for several (%s)", name, SEE_HELP);
}

void dc_option_syntax_error(int status, int option, const char *word, GError **error)
{
  const DcOption *row = dc_option_by_id(option);
  if (row == NULL)
    row = dc_option_by_letter(option);
  if (status == ':' && row != NULL)
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "%s: its argument is missing: %s (%s)", word, row->argument, SEE_HELP);
  else if (row != NULL)
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "%s: --%s takes no argument (%s)", word, row->name, SEE_HELP);
  else if (option != 0)
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "-%c: no such option (%s)", option, SEE_HELP);
  else
    unknown_option(word, error);
}
