#include "dropcorr/base/temp_file.h"

#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

int dc_temp_file_open(void)
{
  const char *folder = getenv("TMPDIR");
  if (folder == NULL || *folder == '\0')
    folder = "/var/tmp";
  int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0)
    return fd;
  /* A file system that cannot: the name lives for a moment. */
  g_autofree char *path = g_build_filename(folder, "dropcorr-XXXXXX", NULL);
  fd = mkostemp(path, O_CLOEXEC);
  if (fd >= 0)
    (void)unlink(path);
  return fd;
}
