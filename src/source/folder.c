#include "dropcorr/source/folder.h"

#include "dropcorr/base/error.h"

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
  int dir;
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
  g_autoptr(DcFolder) folder = g_new0(DcFolder, 1);
  folder->path = g_strdup(path);
  folder->dir = -1;
  folder->owner = owner;
  folder->group = group;
  folder->members = g_ptr_array_new_with_free_func(member_free);
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

int dc_folder_begin(DcFolder *folder, const char *name, GError **error)
{
  if (!is_plain_name(name)) {
    (void)fail(folder, name, EINVAL, error);
    return -1;
  }
  if (!make_parents(folder, name, error))
    return -1;
  const int fd = openat(folder->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
  if (fd < 0) {
    (void)fail(folder, name, errno, error);
    return -1;
  }
  give(folder, fd);
  Member *member = g_new0(Member, 1);
  member->name = g_strdup(name);
  member->fd = fd;
  g_ptr_array_add(folder->members, member);
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
  const bool summed = sum_file(folder, member, error);
  member->fd = -1;
  /* Some file systems tell of a full disk only now. */
  if (close(fd) != 0 && summed)
    return fail(folder, member->name, errno, error);
  return summed;
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

bool dc_folder_put(DcFolder *folder, const char *name, const void *bytes, size_t len, GError **error)
{
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
  return dc_folder_put(folder, SUMS, sums->str, sums->len, error);
}

void dc_folder_free(DcFolder *folder)
{
  if (folder == NULL)
    return;
  g_ptr_array_unref(folder->members);
  if (folder->dir >= 0)
    close(folder->dir);
  g_free(folder->path);
  g_free(folder);
}
