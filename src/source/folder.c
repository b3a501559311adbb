#include "dropcorr/source/folder.h"

#include "archive_write.h"
#include "dropcorr/base/error.h"
#include "dropcorr/base/temp_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMS "SHA256SUMS"
#define FOLDER_MODE 0700
#define FILE_MODE 0600

typedef struct {
  char *name;
  char *sha256; /* NULL until committed */
  guint64 size;
  int fd; /* of a file begun, else -1 */
} Member;

struct DcFolder {
  char *path;
  int dir;            /* -1: an archive */
  DcArchive *archive; /* NULL: a folder */
  uid_t owner;
  gid_t group;
  GPtrArray *members; /* Member* */
};

static void member_free(gpointer data)
{
  Member *member = data;
  if (member->fd >= 0)
    close(member->fd);
  g_free(member->name);
  g_free(member->sha256);
  g_free(member);
}

static DcFolder *folder_new(const char *path, uid_t owner, gid_t group)
{
  DcFolder *folder = g_new0(DcFolder, 1);
  folder->path = g_strdup(path);
  folder->dir = -1;
  folder->owner = owner;
  folder->group = group;
  folder->members = g_ptr_array_new_with_free_func(member_free);
  return folder;
}

static bool fail(const DcFolder *folder, const char *name, int code, GError **error)
{
  const DcErrorCode kind = code == ENOENT                    ? DC_ERROR_NOT_FOUND
                           : code == EACCES || code == EPERM ? DC_ERROR_PERMISSION
                                                             : DC_ERROR_IO;
  g_set_error(error, DC_ERROR, (gint)kind, "%s%s%s: %s", folder->path, name != NULL ? "/" : "",
              name != NULL ? name : "", g_strerror(code));
  return false;
}

/* An ordinary user cannot give files away, and need not. */
static void give(const DcFolder *folder, int fd)
{
  if (folder->owner != (uid_t)-1 && fchown(fd, folder->owner, folder->group) != 0)
    errno = 0;
}

static bool is_empty(int dir)
{
  const int listing = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = listing >= 0 ? fdopendir(listing) : NULL;
  if (entries == NULL) {
    if (listing >= 0)
      close(listing);
    return false;
  }
  bool empty = true;
  const struct dirent *entry;
  while (empty && (entry = readdir(entries)) != NULL)
    empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
  closedir(entries);
  return empty;
}

DcFolder *dc_folder_create(const char *path, uid_t owner, gid_t group, GError **error)
{
  g_autoptr(DcFolder) folder = folder_new(path, owner, group);
  const bool made = mkdir(path, FOLDER_MODE) == 0;
  if (!made && errno != EEXIST) {
    (void)fail(folder, NULL, errno, error);
    return NULL;
  }
  folder->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder->dir < 0 && errno != ENOTDIR) {
    (void)fail(folder, NULL, errno, error);
    return NULL;
  }
  if (folder->dir < 0 || (!made && !is_empty(folder->dir))) {
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "%s: %s (name a new folder, or an empty one)", path,
                folder->dir < 0 ? "is not a folder" : "is not empty");
    return NULL;
  }
  if (made)
    give(folder, folder->dir);
  return g_steal_pointer(&folder);
}

bool dc_folder_is_archive(const char *path)
{
  return g_str_has_suffix(path, ".tar.gz") || g_str_has_suffix(path, ".tgz");
}

DcFolder *dc_folder_create_archive(const char *path, uid_t owner, gid_t group, GError **error)
{
  g_autoptr(DcFolder) folder = folder_new(path, owner, group);
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, FILE_MODE);
  if (fd < 0) {
    (void)fail(folder, NULL, errno, error);
    return NULL;
  }
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
    (void)fchmod(fd, FILE_MODE); /* it may have been there; not all file systems know modes */
    give(folder, fd);
  }
  g_autofree char *name = g_path_get_basename(path);
  name[strlen(name) - strlen(g_str_has_suffix(name, ".tgz") ? ".tgz" : ".tar.gz")] = '\0';
  folder->archive = dc_archive_new(fd, path, *name != '\0' ? name : "dropcorr", error);
  return folder->archive != NULL ? g_steal_pointer(&folder) : NULL;
}

/* No way out of the folder, whatever a device may be called. */
static bool is_plain_name(const char *name)
{
  g_auto(GStrv) parts = g_strsplit(name, "/", -1);
  for (char **part = parts; *part != NULL; part++) {
    if (**part == '\0' || strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0)
      return false;
  }
  return parts[0] != NULL;
}

static bool make_parents(const DcFolder *folder, const char *name, GError **error)
{
  for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    g_autofree char *parent = g_strndup(name, (gsize)(slash - name));
    if (mkdirat(folder->dir, parent, FOLDER_MODE) != 0) {
      if (errno != EEXIST)
        return fail(folder, parent, errno, error);
      continue;
    }
    const int fd = openat(folder->dir, parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
      return fail(folder, parent, errno, error);
    give(folder, fd);
    close(fd);
  }
  return true;
}

static bool is_there(const DcFolder *folder, const char *name)
{
  for (guint i = 0; i < folder->members->len; i++) {
    if (strcmp(((const Member *)g_ptr_array_index(folder->members, i))->name, name) == 0)
      return true;
  }
  return false;
}

static bool check_name(const DcFolder *folder, const char *name, GError **error)
{
  if (!is_plain_name(name))
    return fail(folder, name, EINVAL, error);
  return !is_there(folder, name) || fail(folder, name, EEXIST, error);
}

static Member *add_member(DcFolder *folder, const char *name, int fd)
{
  Member *member = g_new0(Member, 1);
  member->name = g_strdup(name);
  member->fd = fd;
  g_ptr_array_add(folder->members, member);
  return member;
}

/* The file itself, or what stands for it until the archive takes it. */
static int open_member(const DcFolder *folder, const char *name, GError **error)
{
  if (!check_name(folder, name, error))
    return -1;
  if (folder->archive != NULL) {
    const int fd = dc_temp_file_open();
    if (fd < 0)
      g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: no temporary file for %s: %s (TMPDIR names where they lie)",
                  folder->path, name, g_strerror(errno));
    return fd;
  }
  if (!make_parents(folder, name, error))
    return -1;
  const int fd = openat(folder->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
  if (fd < 0)
    (void)fail(folder, name, errno, error);
  else
    give(folder, fd);
  return fd;
}

int dc_folder_begin(DcFolder *folder, const char *name, GError **error)
{
  const int fd = open_member(folder, name, error);
  if (fd < 0)
    return -1;
  add_member(folder, name, fd);
  return fd;
}

/* Read back rather than summed while writing: writers may go back and correct. */
static bool sum_file(const DcFolder *folder, Member *member, GError **error)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree guchar *buffer = g_malloc(1u << 16);
  guint64 at = 0;
  for (;;) {
    const ssize_t got = pread(member->fd, buffer, 1u << 16, (off_t)at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail(folder, member->name, errno, error);
    if (got == 0)
      break;
    g_checksum_update(sum, buffer, got);
    at += (guint64)got;
  }
  member->size = at;
  member->sha256 = g_strdup(g_checksum_get_string(sum));
  return true;
}

bool dc_folder_commit(DcFolder *folder, int fd, GError **error)
{
  Member *member = NULL;
  for (guint i = 0; i < folder->members->len && member == NULL; i++) {
    Member *candidate = g_ptr_array_index(folder->members, i);
    if (candidate->fd == fd && fd >= 0)
      member = candidate;
  }
  g_return_val_if_fail(member != NULL, false);
  bool ok = sum_file(folder, member, error);
  if (ok && folder->archive != NULL)
    ok = dc_archive_add(folder->archive, member->name, fd, member->size, error);
  member->fd = -1;
  /* Some file systems tell of a full disk only now. */
  if (close(fd) != 0 && ok)
    return fail(folder, member->name, errno, error);
  return ok;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
  for (const char *at = bytes; len > 0;) {
    const ssize_t wrote = write(fd, at, len);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0) {
      errno = wrote == 0 ? ENOSPC : errno;
      return false;
    }
    at += wrote;
    len -= (size_t)wrote;
  }
  return true;
}

/* Needs no file in between: whoever has given up privileges since may not be able to make one. */
static bool put_into_archive(DcFolder *folder, const char *name, const void *bytes, size_t len, GError **error)
{
  if (!check_name(folder, name, error) || !dc_archive_add_bytes(folder->archive, name, bytes, len, error))
    return false;
  Member *member = add_member(folder, name, -1);
  member->size = len;
  member->sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, len);
  return true;
}

bool dc_folder_put(DcFolder *folder, const char *name, const void *bytes, size_t len, GError **error)
{
  if (folder->archive != NULL)
    return put_into_archive(folder, name, bytes, len, error);
  const int fd = dc_folder_begin(folder, name, error);
  if (fd < 0)
    return false;
  if (!write_all(fd, bytes, len)) {
    (void)fail(folder, name, errno, error);
    (void)dc_folder_commit(folder, fd, NULL);
    return false;
  }
  return dc_folder_commit(folder, fd, error);
}

size_t dc_folder_count(const DcFolder *folder)
{
  return folder->members->len;
}

static const Member *member_at(const DcFolder *folder, size_t index)
{
  g_return_val_if_fail(index < folder->members->len, NULL);
  return g_ptr_array_index(folder->members, (guint)index);
}

const char *dc_folder_name(const DcFolder *folder, size_t index)
{
  return member_at(folder, index)->name;
}

const char *dc_folder_sha256(const DcFolder *folder, size_t index)
{
  return member_at(folder, index)->sha256;
}

guint64 dc_folder_size(const DcFolder *folder, size_t index)
{
  return member_at(folder, index)->size;
}

/* A name with a backslash or a line feed is escaped, and a backslash before the sum says so. */
static void append_sum(GString *sums, const Member *member)
{
  const bool plain = strpbrk(member->name, "\\\n") == NULL;
  g_string_append_printf(sums, "%s%s  ", plain ? "" : "\\", member->sha256);
  for (const char *at = member->name; *at != '\0'; at++) {
    if (*at == '\\' || *at == '\n')
      g_string_append(sums, *at == '\n' ? "\\n" : "\\\\");
    else
      g_string_append_c(sums, *at);
  }
  g_string_append_c(sums, '\n');
}

bool dc_folder_finish(DcFolder *folder, GError **error)
{
  g_autoptr(GString) sums = g_string_new(NULL);
  for (guint i = 0; i < folder->members->len; i++) {
    const Member *member = g_ptr_array_index(folder->members, i);
    if (member->sha256 != NULL)
      append_sum(sums, member);
  }
  if (!dc_folder_put(folder, SUMS, sums->str, sums->len, error))
    return false;
  return folder->archive == NULL || dc_archive_finish(folder->archive, error);
}

void dc_folder_free(DcFolder *folder)
{
  if (folder == NULL)
    return;
  g_ptr_array_unref(folder->members);
  dc_archive_free(folder->archive);
  if (folder->dir >= 0)
    close(folder->dir);
  g_free(folder->path);
  g_free(folder);
}
