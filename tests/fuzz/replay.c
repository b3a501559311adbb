/*
 * replay FILE|DIRECTORY...: gives each file to the fuzz target, in name order. Fails when
 * there is none, or when a file cannot be read; what the target finds wrong ends the program.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

static gint compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *list_files(int argc, char **argv)
{
  GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
  for (int i = 1; i < argc; i++) {
    g_autoptr(GDir) directory = g_dir_open(argv[i], 0, NULL);
    if (directory == NULL) {
      g_ptr_array_add(files, g_strdup(argv[i]));
      continue;
    }
    const char *name;
    while ((name = g_dir_read_name(directory)) != NULL) {
      if (name[0] != '.')
        g_ptr_array_add(files, g_build_filename(argv[i], name, NULL));
    }
  }
  g_ptr_array_sort(files, compare_names);
  return files;
}

int main(int argc, char **argv)
{
  g_autoptr(GPtrArray) files = list_files(argc, argv);
  for (guint i = 0; i < files->len; i++) {
    const char *name = g_ptr_array_index(files, i);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize size = 0;
    if (!g_file_get_contents(name, &text, &size, &error)) {
      fprintf(stderr, "%s\n", error->message);
      return 1;
    }
    /* Without the NUL that GLib adds: a read beyond the end must be one for the sanitizer too. */
    uint8_t *exact = g_malloc(size > 0 ? size : 1);
    memcpy(exact, text, size);
    printf("%s (%zu bytes)\n", name, (size_t)size);
    fflush(stdout); /* names the culprit of a crash */
    LLVMFuzzerTestOneInput(exact, size);
    g_free(exact);
  }
  printf("%u inputs replayed\n", files->len);
  return files->len > 0 ? 0 : 1;
}
