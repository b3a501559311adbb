/* A folder of a test's own, and its end. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

static inline void scratch_remove(const char *path)
{
  GDir *listing = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  if (listing != NULL) {
    const char *name;
    while ((name = g_dir_read_name(listing)) != NULL) {
      g_autofree char *child = g_build_filename(path, name, NULL);
      scratch_remove(child);
    }
    g_dir_close(listing);
  }
  g_assert_cmpint(g_remove(path), ==, 0);
}

static inline char *scratch_new(void)
{
  char *path = g_dir_make_tmp("dropcorr-test-XXXXXX", NULL);
  g_assert_nonnull(path);
  return path;
}
