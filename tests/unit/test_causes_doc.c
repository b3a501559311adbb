/* docs/causes.md is written from the catalogue: this compares the two, and with --renew writes the
 * file anew. Also here: what --list-causes and --explain print. */
#include "dropcorr/report/explain.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT TEST_SOURCE_DIR "/../../docs/causes.md"

typedef void (*Printer)(FILE *stream, const void *data);

static char *printed(Printer print, const void *data)
{
  char *text = NULL;
  size_t len = 0;
  FILE *stream = open_memstream(&text, &len);
  g_assert_nonnull(stream);
  print(stream, data);
  g_assert_cmpint(fclose(stream), ==, 0);
  char *copy = g_strndup(text, len);
  free(text);
  return copy;
}

static void print_markdown(FILE *stream, const void *data)
{
  (void)data;
  dc_explain_markdown(stream);
}

static void print_list(FILE *stream, const void *data)
{
  (void)data;
  dc_explain_list(stream);
}

static void print_cause(FILE *stream, const void *data)
{
  dc_explain_cause(stream, data, 80);
}

static void test_document(void)
{
  g_autofree char *wanted = printed(print_markdown, NULL);
  g_autofree char *have = NULL;
  g_autoptr(GError) error = NULL;
  if (!g_file_get_contents(DOCUMENT, &have, NULL, &error) || strcmp(have, wanted) != 0)
    g_error("docs/causes.md is not what the catalogue says. Renew it: %s --renew", g_get_prgname());
}

static void test_markdown_shape(void)
{
  g_autofree char *text = printed(print_markdown, NULL);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  size_t headings = 0, rows = 0;
  for (size_t i = 0; lines[i] != NULL; i++) {
    headings += g_str_has_prefix(lines[i], "## ") ? 1 : 0;
    size_t quotes = 0;
    for (const char *at = lines[i]; *at != '\0'; at++)
      quotes += *at == '`';
    g_assert_cmpuint(quotes % 2, ==, 0); /* a command with a backquote of its own would break out */
    rows += g_str_has_prefix(lines[i], "| [") ? 1 : 0;
  }
  g_assert_cmpuint(headings, ==, DC_CAUSE_COUNT - 1);
  g_assert_cmpuint(rows, ==, DC_CAUSE_COUNT - 1);
}

static void test_list_fits(void)
{
  g_autofree char *text = printed(print_list, NULL);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), ==, 1 + (DC_CAUSE_COUNT - 1) + 1); /* heading, causes, end */
  for (size_t i = 0; lines[i] != NULL; i++) {
    g_assert_cmpuint(strlen(lines[i]), <=, 80);
    g_assert_null(strstr(lines[i], "...")); /* no title needs cutting */
  }
}

static void test_cause_fits(void)
{
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    const DcCauseInfo *info = dc_catalogue(cause);
    g_autofree char *text = printed(print_cause, info);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
      const size_t len = strlen(lines[i]);
      g_test_message("%s", lines[i]);
      if (!g_str_has_prefix(lines[i], "  $ ")) /* commands are to be pasted: never broken */
        g_assert_cmpuint(len, <=, 80);
      g_assert_false(len > 0 && lines[i][len - 1] == ' ');
    }
    /* Nothing is lost in wrapping: every word of the paragraph is there, in order. */
    g_auto(GStrv) words = g_strsplit(info->paragraph, " ", -1);
    const char *at = text;
    for (size_t i = 0; words[i] != NULL; i++) {
      at = strstr(at, words[i]);
      g_assert_nonnull(at);
      at += strlen(words[i]);
    }
  }
}

static int renew(void)
{
  FILE *stream = fopen(DOCUMENT, "w");
  if (stream == NULL) {
    perror(DOCUMENT);
    return EXIT_FAILURE;
  }
  dc_explain_markdown(stream);
  return fclose(stream) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "--renew") == 0)
    return renew();
  g_test_init(&argc, &argv, NULL);
  g_set_prgname(argv[0]);
  g_test_add_func("/causes/document", test_document);
  g_test_add_func("/causes/markdown-shape", test_markdown_shape);
  g_test_add_func("/causes/list-fits", test_list_fits);
  g_test_add_func("/causes/cause-fits", test_cause_fits);
  return g_test_run();
}
