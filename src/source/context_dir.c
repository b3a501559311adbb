#include "dropcorr/source/context_dir.h"

#include "context_files.h"

#include "dropcorr/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  DcSource source;
  int dir; /* -1: an archive, which is read already */
  DcContextFiles files;
  guint at;
  GByteArray *text; /* of the sample given last */
  uint64_t given;
  bool ended;
} ContextDir;

static DcReadStatus context_dir_next(DcSource *source, DcEvent *ret_event, GError **error);
static void context_dir_free(DcSource *source);

static const DcSourceOps context_dir_ops = {.next = context_dir_next, .free = context_dir_free};

static DcErrorCode code_of_errno(int err)
{
  if (err == ENOENT || err == ENOTDIR)
    return DC_ERROR_NOT_FOUND;
  return err == EACCES || err == EPERM ? DC_ERROR_PERMISSION : DC_ERROR_IO;
}

static bool open_files(ContextDir *context, int fd, const char *path, GError **error)
{
  struct stat st;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
    return dc_context_files_of_archive(&context->files, fd, path, error);
  if (dc_context_files_of_folder(&context->files, fd)) {
    context->dir = dup(fd);
    if (context->dir >= 0)
      return true;
  }
  const int err = errno;
  g_set_error(error, DC_ERROR, (gint)code_of_errno(err),
              "%s: %s (--context needs a directory of saved state, or a tar archive of one)", path, g_strerror(err));
  return false;
}

DcSource *dc_context_dir_open(const char *path, GError **error)
{
  /* O_NONBLOCK: opening a pipe must not wait for its writer. */
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    int err = errno;
    g_set_error(error, DC_ERROR, (gint)code_of_errno(err),
                "%s: %s (--context needs a directory of saved state, or a tar archive of one)", path, g_strerror(err));
    return NULL;
  }
  ContextDir *context = g_new0(ContextDir, 1);
  g_autoptr(DcSource) source = &context->source;
  source->ops = &context_dir_ops;
  source->name = g_strdup(path);
  context->dir = -1;
  context->text = g_byte_array_new();
  dc_context_files_init(&context->files);
  const bool ok = open_files(context, fd, path, error);
  (void)close(fd);
  source->foreign = context->files.foreign;
  source->skipped = context->files.skipped;
  return ok ? g_steal_pointer(&source) : NULL;
}

static DcReadStatus context_dir_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  ContextDir *context = (ContextDir *)source;
  while (context->at < context->files.files->len) {
    const DcContextFile *file = &g_array_index(context->files.files, DcContextFile, context->at++);
    DcFileStatus status = DC_FILE_READ;
    if (file->text != NULL) {
      g_byte_array_set_size(context->text, 0);
      gsize len;
      const guint8 *data = g_bytes_get_data(file->text, &len);
      if (len > 0)
        g_byte_array_append(context->text, data, (guint)len);
    } else {
      status = dc_context_read_file(context->dir, file->file, DC_CONTEXT_FILE_MAX, context->text);
    }
    if (status == DC_FILE_NOT_REGULAR) {
      source->foreign++;
      continue;
    }
    if (status == DC_FILE_UNREADABLE) {
      source->skipped++;
      continue;
    }
    source->bytes_read += context->text->len;
    context->given++;
    ret_event->kind = DC_EVENT_SAMPLE;
    ret_event->time_ns = DC_TIME_NONE;
    ret_event->sample = (DcSample){.time_ns = DC_TIME_NONE,
                                   .phase = file->phase,
                                   .name = file->object,
                                   .text = context->text->len > 0 ? (const char *)context->text->data : "",
                                   .len = context->text->len};
    return DC_READ_EVENT;
  }
  if (context->ended || context->given > 0)
    return DC_READ_END;
  context->ended = true;
  g_set_error(error, DC_ERROR, DC_ERROR_FORMAT,
              "%s: none of its %" G_GUINT64_FORMAT
              " entries is a state file that can be read: name them as under /proc/net (snmp, netstat, ptype, "
              "softnet_stat, ...) or after the command (ss, sysctl, nft, dmesg), with before. and after. where there "
              "are two; or give a copy of /proc, or an sos report",
              source->name, source->foreign + source->skipped);
  return DC_READ_ERROR;
}

static void context_dir_free(DcSource *source)
{
  ContextDir *context = (ContextDir *)source;
  if (context->dir >= 0)
    (void)close(context->dir);
  dc_context_files_clear(&context->files);
  g_byte_array_unref(context->text);
  g_free((char *)source->name);
  g_free(context);
}
