#include "tracefs_instance.h"

#include "dropcorr/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int dc_tracefs_remove_in(int instances, const char *name)
{
  /* An instance that still records is removed all the same; turning it off first makes its last moments
   * cheap when its descriptors are still open elsewhere. */
  g_autofree char *on = g_build_filename(name, "tracing_on", NULL);
  const int fd = openat(instances, on, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    const ssize_t ignored = write(fd, "0", 1);
    (void)ignored;
    close(fd);
  }
  return unlinkat(instances, name, AT_REMOVEDIR) == 0 ? 0 : errno;
}

int dc_tracefs_remove(const char *path)
{
  return dc_tracefs_remove_in(AT_FDCWD, path);
}

/* A process of that number lives. One that is not ours to signal lives too. */
static bool lives(long pid)
{
  return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

unsigned dc_tracefs_remove_stale(const char *instances)
{
  unsigned removed = 0;
  g_autoptr(GDir) dir = g_dir_open(instances, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (!g_str_has_prefix(name, DC_TRACEFS_PREFIX))
      continue;
    char *end = NULL;
    const long pid = strtol(name + strlen(DC_TRACEFS_PREFIX), &end, 10);
    if (*end != '\0' || pid <= 1 || lives(pid))
      continue;
    g_autofree char *path = g_build_filename(instances, name, NULL);
    if (dc_tracefs_remove(path) == 0)
      removed++;
  }
  return removed;
}
