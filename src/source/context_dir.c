#include "dropcorr/source/context_dir.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/state_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (16u << 20)
#define FILES_MAX 65536u /* names kept; a directory that holds more is no saved state */

typedef struct {
  char *file;
  char *object; /* without prefix */
  uint8_t rank; /* order of the phases */
  uint8_t phase;
} Entry;

typedef struct {
  DcSource source;
  int dir;
  GArray *entries; /* Entry */
  guint at;
  GByteArray *text; /* of the sample given last */
  uint64_t given;
  bool ended;
} ContextDir;

/* earlier.X is a sample before before.X: of two samples of a counter that moved
 * only between them, the first tells that it is not news. */
static const struct {
  const char *prefix;
  uint8_t rank;
  DcPhase phase;
} prefixes[] = {{"earlier.", 0, DC_PHASE_BEFORE}, {"before.", 1, DC_PHASE_BEFORE}, {"after.", 2, DC_PHASE_AFTER}};

static DcReadStatus context_dir_next(DcSource *source, DcEvent *ret_event, GError **error);
static void context_dir_free(DcSource *source);

static const DcSourceOps context_dir_ops = {.next = context_dir_next, .free = context_dir_free};

static void clear_entry(gpointer data)
{
  Entry *entry = data;
  g_free(entry->file);
  g_free(entry->object);
}

static int compare_entries(gconstpointer a, gconstpointer b)
{
  const Entry *left = a, *right = b;
  if (left->rank != right->rank)
    return left->rank < right->rank ? -1 : 1;
  return strcmp(left->file, right->file);
}

/* What a file is by its name. */
static Entry entry_of_name(const char *file)
{
  Entry entry = {.file = g_strdup(file), .rank = 1, .phase = DC_PHASE_ONCE};
  const char *object = file;
  for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
    if (g_str_has_prefix(file, prefixes[i].prefix)) {
      object = file + strlen(prefixes[i].prefix);
      entry.rank = prefixes[i].rank;
      entry.phase = (uint8_t)prefixes[i].phase;
      break;
    }
  }
  entry.object = g_strdup(object);
  return entry;
}

static DcErrorCode code_of_errno(int err)
{
  if (err == ENOENT || err == ENOTDIR)
    return DC_ERROR_NOT_FOUND;
  return err == EACCES || err == EPERM ? DC_ERROR_PERMISSION : DC_ERROR_IO;
}

DcSource *dc_context_dir_open(const char *path, GError **error)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    int err = errno;
    g_set_error(error, DC_ERROR, (gint)code_of_errno(err), "%s: %s (--context needs a directory of saved state files)",
                path, g_strerror(err));
    return NULL;
  }
  ContextDir *context = g_new0(ContextDir, 1);
  g_autoptr(DcSource) source = &context->source;
  source->ops = &context_dir_ops;
  source->name = g_strdup(path);
  context->dir = fd;
  context->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
  g_array_set_clear_func(context->entries, clear_entry);
  context->text = g_byte_array_new();

  /* fdopendir() takes the descriptor; the files are opened relative to the other one. */
  int listing = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = listing >= 0 ? fdopendir(listing) : NULL;
  if (dir == NULL) {
    int err = errno;
    if (listing >= 0)
      (void)close(listing);
    g_set_error(error, DC_ERROR, (gint)code_of_errno(err), "%s: cannot list the directory: %s", path, g_strerror(err));
    return NULL;
  }
  const struct dirent *name;
  while ((name = readdir(dir)) != NULL && context->entries->len < FILES_MAX) {
    if (name->d_name[0] == '.' || name->d_type == DT_DIR)
      continue;
    Entry entry = entry_of_name(name->d_name);
    g_array_append_val(context->entries, entry);
  }
  (void)closedir(dir);
  g_array_sort(context->entries, compare_entries);
  return g_steal_pointer(&source);
}

typedef enum { FILE_READ, FILE_NOT_REGULAR, FILE_UNREADABLE } FileStatus;

/* Reads a file whole. Sizes are not asked for: files under /proc say 0. */
static FileStatus read_file(const ContextDir *context, const char *file)
{
  /* O_NONBLOCK: opening a pipe must not wait for its writer. */
  int fd = openat(context->dir, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return errno == ENXIO || errno == ELOOP ? FILE_NOT_REGULAR : FILE_UNREADABLE;
  struct stat st;
  FileStatus status = FILE_READ;
  if (fstat(fd, &st) != 0)
    status = FILE_UNREADABLE;
  else if (!S_ISREG(st.st_mode))
    status = FILE_NOT_REGULAR;
  g_byte_array_set_size(context->text, 0);
  while (status == FILE_READ) {
    uint8_t buffer[65536];
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0)
      break;
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || context->text->len + (size_t)got > FILE_MAX)
      status = FILE_UNREADABLE;
    else
      g_byte_array_append(context->text, buffer, (guint)got);
  }
  (void)close(fd);
  return status;
}

static DcReadStatus context_dir_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  ContextDir *context = (ContextDir *)source;
  while (context->at < context->entries->len) {
    const Entry *entry = &g_array_index(context->entries, Entry, context->at++);
    FileStatus status = FILE_READ;
    bool known = dc_state_text_known(entry->object, NULL);
    if (known)
      status = read_file(context, entry->file);
    if (!known || status == FILE_NOT_REGULAR) {
      source->foreign++;
      continue;
    }
    if (status == FILE_UNREADABLE) {
      source->skipped++;
      continue;
    }
    source->bytes_read += context->text->len;
    context->given++;
    ret_event->kind = DC_EVENT_SAMPLE;
    ret_event->time_ns = DC_TIME_NONE;
    ret_event->sample = (DcSample){.time_ns = DC_TIME_NONE,
                                   .phase = entry->phase,
                                   .name = entry->object,
                                   .text = context->text->len > 0 ? (const char *)context->text->data : "",
                                   .len = context->text->len};
    return DC_READ_EVENT;
  }
  if (context->ended || context->given > 0)
    return DC_READ_END;
  context->ended = true;
  g_set_error(
      error, DC_ERROR, DC_ERROR_FORMAT,
      "%s: none of its %u entries is a state file that can be read: name them as under /proc/net (snmp, "
      "netstat, ptype, softnet_stat, ...) or after the command (ss, sysctl, nft, dmesg), with before. and after. "
      "where there are two",
      source->name, context->entries->len);
  return DC_READ_ERROR;
}

static void context_dir_free(DcSource *source)
{
  ContextDir *context = (ContextDir *)source;
  (void)close(context->dir);
  g_array_unref(context->entries);
  g_byte_array_unref(context->text);
  g_free((char *)source->name);
  g_free(context);
}
