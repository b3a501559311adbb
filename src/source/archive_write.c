#include "archive_write.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (64u << 10)

struct DcArchive {
  struct archive *archive;
  int fd;
  char *path;
  char *folder;
  GHashTable *folders; /* char*: those that are in it */
  time_t time;         /* of every entry */
  guchar *block;
  bool finished;
};

static bool fail(const DcArchive *archive, GError **error)
{
  /* "Write error" alone does not say what to do. */
  const int code = archive_errno(archive->archive);
  const char *text = archive_error_string(archive->archive);
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: %s%s%s; the archive there is empty", archive->path,
              text != NULL ? text : "", text != NULL && code > 0 ? ": " : "", code > 0 ? g_strerror(code) : "");
  return false;
}

DcArchive *dc_archive_new(int fd, const char *path, const char *folder, GError **error)
{
  DcArchive *archive = g_new0(DcArchive, 1);
  archive->fd = fd;
  archive->path = g_strdup(path);
  archive->folder = g_strdup(folder);
  archive->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  archive->time = (time_t)(dc_clock_realtime() / DC_NS_PER_S);
  archive->block = g_malloc(BLOCK);
  archive->archive = archive_write_new();
  /* ustar, and pax headers for what that cannot say */
  if (archive->archive == NULL || archive_write_set_format_pax_restricted(archive->archive) != ARCHIVE_OK ||
      archive_write_add_filter_gzip(archive->archive) != ARCHIVE_OK ||
      archive_write_open_fd(archive->archive, fd) != ARCHIVE_OK) {
    (void)fail(archive, error);
    dc_archive_free(archive);
    return NULL;
  }
  return archive;
}

/* Owner and group are nobody's in particular: who unpacks it owns it. */
static bool put_header(DcArchive *archive, const char *name, mode_t type, guint64 size, GError **error)
{
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname(entry, name);
  archive_entry_set_filetype(entry, type);
  archive_entry_set_perm(entry, type == AE_IFDIR ? 0700 : 0600);
  archive_entry_set_size(entry, (la_int64_t)size);
  archive_entry_set_mtime(entry, archive->time, 0);
  const int status = archive_write_header(archive->archive, entry);
  archive_entry_free(entry);
  return status == ARCHIVE_OK || fail(archive, error);
}

static bool put_folders(DcArchive *archive, const char *name, GError **error)
{
  for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    char *folder = g_strndup(name, (gsize)(slash - name) + 1);
    if (g_hash_table_add(archive->folders, folder) && !put_header(archive, folder, AE_IFDIR, 0, error))
      return false;
  }
  return true;
}

static bool begin_file(DcArchive *archive, const char *name, guint64 size, GError **error)
{
  g_autofree char *path = g_build_filename(archive->folder, name, NULL);
  return put_folders(archive, path, error) && put_header(archive, path, AE_IFREG, size, error);
}

static bool end_file(DcArchive *archive, GError **error)
{
  return archive_write_finish_entry(archive->archive) == ARCHIVE_OK || fail(archive, error);
}

bool dc_archive_add_bytes(DcArchive *archive, const char *name, const void *bytes, size_t len, GError **error)
{
  if (!begin_file(archive, name, len, error))
    return false;
  if (len > 0 && archive_write_data(archive->archive, bytes, len) != (la_ssize_t)len)
    return fail(archive, error);
  return end_file(archive, error);
}

bool dc_archive_add(DcArchive *archive, const char *name, int fd, guint64 size, GError **error)
{
  if (!begin_file(archive, name, size, error))
    return false;
  for (guint64 at = 0; at < size;) {
    const ssize_t got = pread(fd, archive->block, MIN(size - at, (guint64)BLOCK), (off_t)at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: reading %s back: %s; the archive there is empty", archive->path,
                  name, got < 0 ? g_strerror(errno) : "it became shorter");
      return false;
    }
    if (archive_write_data(archive->archive, archive->block, (size_t)got) != got)
      return fail(archive, error);
    at += (guint64)got;
  }
  return end_file(archive, error);
}

bool dc_archive_finish(DcArchive *archive, GError **error)
{
  if (archive_write_close(archive->archive) != ARCHIVE_OK)
    return fail(archive, error);
  /* Some file systems tell of a full disk only now. */
  const int fd = archive->fd;
  archive->fd = -1;
  if (close(fd) != 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: %s", archive->path, g_strerror(errno));
    return false;
  }
  archive->finished = true;
  return true;
}

/* Nobody shall take half an archive for a whole one: what is there is cut off, and the end that libarchive writes
 * when it is freed goes nowhere. (archive_write_fail() would forget to free its filters.) */
static void abandon(DcArchive *archive)
{
  if (ftruncate(archive->fd, 0) != 0)
    errno = 0; /* no regular file: its reader misses the end */
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0 || dup2(nowhere, archive->fd) < 0)
    (void)archive_write_fail(archive->archive);
  if (nowhere >= 0)
    close(nowhere);
}

void dc_archive_free(DcArchive *archive)
{
  if (archive == NULL)
    return;
  if (!archive->finished && archive->fd >= 0)
    abandon(archive);
  if (archive->archive != NULL)
    (void)archive_write_free(archive->archive);
  if (archive->fd >= 0)
    close(archive->fd);
  g_hash_table_unref(archive->folders);
  g_free(archive->block);
  g_free(archive->path);
  g_free(archive->folder);
  g_free(archive);
}
