#include "context_files.h"

#include "dropcorr/base/error.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 16, VALUE_MAX = 4096 };
#define ENTRIES_MAX (1u << 20) /* names looked at */
#define FILES_MAX 65536u       /* names kept; what holds more is no saved state */
#define ARCHIVE_KEPT_MAX ((gsize)256 << 20)
#define UNPACKED_MAX ((int64_t)4 << 30) /* all of it; what is passed over must be unpacked as well */
#define SEARCHED_MAX ((int64_t)1 << 30) /* for one file alone, of an archive that is read a second time for it */

/* Settings and counters come as a file each, and become one text. */
typedef struct {
  char *object, *key, *value;
  uint8_t rank, phase;
} Single;

typedef struct {
  DcContextFiles *files;
  GArray *singles;    /* Single */
  gsize singles_size; /* bytes of their values */
  bool in_archive;
  bool has_sos;
  uint32_t seen;
} Collect;

static void clear_file(gpointer data)
{
  DcContextFile *file = data;
  g_free(file->file);
  g_free(file->object);
  if (file->text != NULL)
    g_bytes_unref(file->text);
}

static void clear_single(gpointer data)
{
  Single *single = data;
  g_free(single->object);
  g_free(single->key);
  g_free(single->value);
}

void dc_context_files_init(DcContextFiles *files)
{
  *files = (DcContextFiles){.files = g_array_new(FALSE, FALSE, sizeof(DcContextFile))};
  g_array_set_clear_func(files->files, clear_file);
}

void dc_context_files_clear(DcContextFiles *files)
{
  g_array_unref(files->files);
}

DcFileStatus dc_context_read_file(int dir, const char *file, uint32_t max, GByteArray *text)
{
  g_byte_array_set_size(text, 0);
  /* O_NONBLOCK: opening a pipe must not wait for its writer. */
  int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return errno == ENXIO || errno == ELOOP ? DC_FILE_NOT_REGULAR : DC_FILE_UNREADABLE;
  struct stat st;
  DcFileStatus status = DC_FILE_READ;
  if (fstat(fd, &st) != 0)
    status = DC_FILE_UNREADABLE;
  else if (!S_ISREG(st.st_mode))
    status = DC_FILE_NOT_REGULAR;
  while (status == DC_FILE_READ) {
    uint8_t buffer[65536];
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0)
      break;
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || text->len + (size_t)got > max)
      status = DC_FILE_UNREADABLE;
    else
      g_byte_array_append(text, buffer, (guint)got);
  }
  (void)close(fd);
  return status;
}

/* --- what is found ----------------------------------------------------------------------------- */

static void collect_begin(Collect *collect, DcContextFiles *files, bool in_archive)
{
  *collect = (Collect){.files = files, .singles = g_array_new(FALSE, FALSE, sizeof(Single)), .in_archive = in_archive};
  g_array_set_clear_func(collect->singles, clear_single);
}

static void add_file(Collect *collect, const char *path, DcContextPart *part, GBytes *text)
{
  const DcContextFile file = {.file = g_strdup(path),
                              .object = g_steal_pointer(&part->object),
                              .rank = part->rank,
                              .phase = part->phase,
                              .preference = part->preference,
                              .text = text};
  g_array_append_val(collect->files->files, file);
}

static void add_single(Collect *collect, DcContextPart *part, const char *value, gsize len)
{
  while (len > 0 && g_ascii_isspace(value[len - 1]))
    len--;
  if (memchr(value, '\n', len) != NULL || memchr(value, '\0', len) != NULL)
    return; /* a table */
  if (collect->singles_size + len > DC_CONTEXT_FILE_MAX) {
    collect->files->skipped++;
    return;
  }
  collect->singles_size += len;
  const Single single = {.object = g_steal_pointer(&part->object),
                         .key = g_steal_pointer(&part->key),
                         .value = g_strndup(value, len),
                         .rank = part->rank,
                         .phase = part->phase};
  g_array_append_val(collect->singles, single);
}

static gint compare_singles(gconstpointer a, gconstpointer b)
{
  const Single *x = a, *y = b;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  const int order = strcmp(x->object, y->object);
  return order != 0 ? order : strcmp(x->key, y->key);
}

/* Each object's own: "net.core.somaxconn = 4096" of sysctl, "rx_dropped 0" of a device. */
static void join_singles(Collect *collect)
{
  g_array_sort(collect->singles, compare_singles);
  for (guint i = 0; i < collect->singles->len;) {
    const Single *first = &g_array_index(collect->singles, Single, i), *next = first;
    GString *text = g_string_new(NULL);
    for (; i < collect->singles->len; i++) {
      next = &g_array_index(collect->singles, Single, i);
      if (next->rank != first->rank || strcmp(next->object, first->object) != 0)
        break;
      g_string_append_printf(text, "%s%s%s\n", next->key, strcmp(next->object, "sysctl") == 0 ? " = " : " ",
                             next->value);
    }
    const DcContextFile file = {.file = g_strdup(first->object),
                                .object = g_strdup(first->object),
                                .rank = first->rank,
                                .phase = first->phase,
                                .preference = 1,
                                .text = g_string_free_to_bytes(text)};
    g_array_append_val(collect->files->files, file);
  }
}

/* --- which of them are given ---------------------------------------------------------------------- */

static gint by_name(gconstpointer a, gconstpointer b)
{
  const DcContextFile *x = a, *y = b;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  return strcmp(x->file, y->file);
}

/* Those of one object side by side, the best first. */
static gint by_object(gconstpointer a, gconstpointer b)
{
  const DcContextFile *x = a, *y = b;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  const int order = strcmp(x->object, y->object);
  if (order != 0)
    return order;
  if (x->phase != y->phase)
    return x->phase < y->phase ? -1 : 1;
  if (x->preference != y->preference)
    return x->preference > y->preference ? -1 : 1;
  return strcmp(x->file, y->file);
}

/* Whether the files, in the order of by_object(), have that object beside this one. */
static bool has_object(const GArray *files, const DcContextFile *beside, const char *object)
{
  guint low = 0, high = files->len;
  while (low < high) {
    const guint middle = low + (high - low) / 2;
    const DcContextFile *file = &g_array_index(files, DcContextFile, middle);
    const int order = file->rank != beside->rank ? (int)file->rank - (int)beside->rank : strcmp(file->object, object);
    if (order == 0)
      return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

/* The same counters once more, read at another moment. */
static bool is_repetition(const GArray *files, const DcContextFile *file)
{
  static const char *const same[][2] = {{"netstat_s", "snmp"}, {"netstat_i", "dev"}, {"ifconfig", "dev"}};
  for (size_t i = 0; i < G_N_ELEMENTS(same); i++)
    if (file->preference < DC_PREFERENCE_BARE && strcmp(file->object, same[i][0]) == 0)
      return has_object(files, file, same[i][1]);
  return false;
}

/* Of an object of one moment the best; of sos none of the links that it lays to its commands' output beside them,
 * under names that mean other things here. */
static bool is_wanted(const Collect *collect, const DcContextFile *before, const DcContextFile *file)
{
  const bool again = before != NULL && before->rank == file->rank && before->phase == file->phase &&
                     before->preference > 1 && strcmp(before->object, file->object) == 0;
  const bool link = collect->has_sos && file->preference == DC_PREFERENCE_BARE && file->phase == DC_PHASE_ONCE;
  return !again && !link;
}

static void collect_end(Collect *collect)
{
  join_singles(collect);
  g_array_unref(collect->singles);
  GArray *all = collect->files->files;
  g_array_sort(all, by_object);
  /* Taken over one by one: there may be as many as a hostile archive likes. */
  g_array_set_clear_func(all, NULL);
  g_autoptr(GArray) best = g_array_new(FALSE, FALSE, sizeof(DcContextFile));
  for (guint i = 0; i < all->len; i++) {
    DcContextFile *file = &g_array_index(all, DcContextFile, i);
    const DcContextFile *before = best->len > 0 ? &g_array_index(best, DcContextFile, best->len - 1) : NULL;
    if (is_wanted(collect, before, file))
      g_array_append_val(best, *file);
    else
      clear_file(file);
  }
  g_array_set_size(all, 0);
  g_autoptr(GArray) repetitions = g_array_new(FALSE, FALSE, sizeof(DcContextFile));
  g_array_set_clear_func(repetitions, clear_file);
  for (guint i = 0; i < best->len; i++) {
    DcContextFile *file = &g_array_index(best, DcContextFile, i);
    g_array_append_val(is_repetition(best, file) ? repetitions : all, *file);
  }
  g_array_set_clear_func(all, clear_file);
  g_array_sort(all, by_name);
}

/* --- a folder ------------------------------------------------------------------------------------- */

static void take_path(Collect *collect, int dir, const char *path)
{
  DcContextPart part;
  if (!dc_context_part_of(path, collect->in_archive, &part)) {
    collect->files->foreign++;
    dc_context_part_clear(&part);
    return;
  }
  collect->has_sos |= strstr(path, "sos_commands/") != NULL;
  if (part.kind == DC_PART_FILE) {
    add_file(collect, path, &part, NULL);
  } else {
    g_autoptr(GByteArray) value = g_byte_array_new();
    /* Some settings can only be written, some belong to root. */
    if (dc_context_read_file(dir, path, VALUE_MAX, value) == DC_FILE_READ)
      add_single(collect, &part, (const char *)value->data, value->len);
  }
  dc_context_part_clear(&part);
}

static bool is_folder(int dir, const char *name, unsigned char type)
{
  struct stat st;
  if (type != DT_UNKNOWN)
    return type == DT_DIR;
  return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool walk(Collect *collect, int top, const char *folder, unsigned depth)
{
  int fd = openat(top, folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  if (dir == NULL) {
    const int err = errno;
    if (fd >= 0)
      (void)close(fd);
    errno = err;
    return false;
  }
  const struct dirent *entry;
  while ((entry = readdir(dir)) != NULL && collect->seen < ENTRIES_MAX &&
         collect->files->files->len + collect->singles->len < FILES_MAX) {
    if (entry->d_name[0] == '.')
      continue;
    collect->seen++;
    g_autofree char *path = folder[0] != '\0' ? g_strconcat(folder, "/", entry->d_name, NULL) : g_strdup(entry->d_name);
    if (!is_folder(top, path, entry->d_type))
      take_path(collect, top, path);
    else if (depth < DEPTH_MAX && dc_context_wants_folder(path) && !walk(collect, top, path, depth + 1))
      collect->files->skipped++;
  }
  (void)closedir(dir);
  return true;
}

bool dc_context_files_of_folder(DcContextFiles *files, int dir)
{
  Collect collect;
  collect_begin(&collect, files, false);
  const bool ok = walk(&collect, dir, "", 0);
  const int err = errno;
  collect_end(&collect);
  errno = err;
  return ok;
}

/* --- an archive --------------------------------------------------------------------------------------- */

/* NULL: damaged or too large. */
static GBytes *read_entry(struct archive *archive, gsize max)
{
  g_autoptr(GByteArray) text = g_byte_array_new();
  uint8_t block[65536];
  la_ssize_t got;
  while ((got = archive_read_data(archive, block, sizeof block)) > 0) {
    if (text->len + (gsize)got > max)
      return NULL;
    g_byte_array_append(text, block, (guint)got);
  }
  return got == 0 ? g_byte_array_free_to_bytes(g_steal_pointer(&text)) : NULL;
}

static void take_entry(Collect *collect, struct archive *archive, const char *path, gsize *kept)
{
  while (g_str_has_prefix(path, "./"))
    path += 2;
  DcContextPart part;
  if (!dc_context_part_of(path, true, &part)) {
    collect->files->foreign++;
    dc_context_part_clear(&part);
    return;
  }
  collect->has_sos |= strstr(path, "sos_commands/") != NULL;
  g_autoptr(GBytes) text = read_entry(archive, part.kind == DC_PART_FILE ? DC_CONTEXT_FILE_MAX : VALUE_MAX);
  if (text == NULL || *kept + g_bytes_get_size(text) > ARCHIVE_KEPT_MAX) {
    collect->files->skipped++;
  } else if (part.kind == DC_PART_FILE) {
    *kept += g_bytes_get_size(text);
    add_file(collect, path, &part, g_steal_pointer(&text));
  } else {
    gsize len;
    const char *value = g_bytes_get_data(text, &len);
    if (len > 0)
      add_single(collect, &part, value, len);
  }
  dc_context_part_clear(&part);
}

static struct archive *new_archive(void)
{
  struct archive *archive = archive_read_new();
  /* Those that need no other program: what is hostile must not start any. */
  archive_read_support_format_tar(archive);
  archive_read_support_filter_gzip(archive);
  archive_read_support_filter_bzip2(archive);
  archive_read_support_filter_xz(archive);
  archive_read_support_filter_zstd(archive);
  return archive;
}

/* Few bytes unpack to as many as somebody likes. */
static bool is_bomb(struct archive *archive, struct archive_entry *entry, int64_t max)
{
  return archive_entry_size(entry) > max - archive_filter_bytes(archive, 0);
}

static bool is_plain_file(struct archive_entry *entry)
{
  return archive_entry_pathname(entry) != NULL && archive_entry_filetype(entry) == AE_IFREG &&
         archive_entry_hardlink(entry) == NULL;
}

GBytes *dc_context_archive_member(int fd, bool (*wanted)(const char *path), gsize max)
{
  struct archive *archive = new_archive();
  GBytes *found = NULL;
  struct archive_entry *entry;
  int status = archive_read_open_fd(archive, fd, 65536);
  for (uint32_t seen = 0; status == ARCHIVE_OK && found == NULL && seen < ENTRIES_MAX; seen++) {
    status = archive_read_next_header(archive, &entry);
    if (status == ARCHIVE_WARN)
      status = ARCHIVE_OK;
    if (status != ARCHIVE_OK || is_bomb(archive, entry, SEARCHED_MAX))
      break;
    if (is_plain_file(entry) && wanted(archive_entry_pathname(entry)))
      found = read_entry(archive, max);
  }
  archive_read_free(archive);
  return found;
}

bool dc_context_files_of_archive(DcContextFiles *files, int fd, const char *path, GError **error)
{
  struct archive *archive = new_archive();
  Collect collect;
  collect_begin(&collect, files, true);
  gsize kept = 0;
  struct archive_entry *entry;
  int status = archive_read_open_fd(archive, fd, 65536);
  while (status == ARCHIVE_OK && collect.seen < ENTRIES_MAX && files->files->len + collect.singles->len < FILES_MAX &&
         ((status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK || status == ARCHIVE_WARN)) {
    collect.seen++;
    if (is_bomb(archive, entry, UNPACKED_MAX)) {
      status = ARCHIVE_FATAL;
      break;
    }
    if (is_plain_file(entry))
      take_entry(&collect, archive, archive_entry_pathname(entry), &kept);
    status = ARCHIVE_OK;
  }
  const bool nothing = collect.seen == 0;
  if (status != ARCHIVE_OK && status != ARCHIVE_EOF)
    files->skipped++; /* it ends early: what came before holds */
  if (nothing)
    g_set_error(error, DC_ERROR, DC_ERROR_FORMAT,
                "%s: not a directory, and no tar archive (gzip, bzip2, xz and zstd are read, too)", path);
  archive_read_free(archive);
  collect_end(&collect);
  return !nothing;
}
