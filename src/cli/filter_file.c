#include "dropcorr/cli/filter_file.h"

#include "dropcorr/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static void set_errno_error(GError **error, const char *path, int number)
{
  DcErrorCode code = number == ENOENT                      ? DC_ERROR_NOT_FOUND
                     : number == EACCES || number == EPERM ? DC_ERROR_PERMISSION
                                                           : DC_ERROR_IO;
  g_set_error(error, DC_ERROR, (gint)code, "%s: %s (filter file of -F)", path, g_strerror(number));
}

char *dc_filter_file_read(const char *path, GError **error)
{
  g_autofree char *text = g_malloc(DC_FILTER_FILE_MAX + 1);
  size_t len = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    set_errno_error(error, path, errno);
    return NULL;
  }
  for (;;) {
    ssize_t got = read(fd, text + len, DC_FILTER_FILE_MAX + 1 - len);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      int number = errno;
      close(fd);
      set_errno_error(error, path, number);
      return NULL;
    }
    len += (size_t)got;
    if (got == 0 || len > DC_FILTER_FILE_MAX)
      break;
  }
  close(fd);
  if (len > DC_FILTER_FILE_MAX) {
    g_set_error(error, DC_ERROR, DC_ERROR_LIMIT, "%s: longer than %u bytes: not a filter expression (-F)", path,
                DC_FILTER_FILE_MAX);
    return NULL;
  }
  if (memchr(text, '\0', len) != NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "%s: not a text: it holds a zero byte (-F wants a filter expression)",
                path);
    return NULL;
  }
  bool comment = false;
  for (size_t i = 0; i < len; i++) {
    comment = text[i] != '\n' && (comment || text[i] == '#');
    if (comment || text[i] == '\n' || text[i] == '\r')
      text[i] = ' ';
  }
  text[len] = '\0';
  return g_strdup(g_strstrip(text));
}
