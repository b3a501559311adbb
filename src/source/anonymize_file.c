/*
 * The mapping file, text:
 *
 *   # dropcorr mapping 1: ...
 *   key 2f41...                     64 hexadecimal digits
 *   ipv4 10.0.0.1 13.85.2.9         what became what, a line each
 *   mac 02:00:00:00:00:01 ...
 *   host host-3f2a9c01 web01
 */
#include "anonymize_private.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "# dropcorr mapping 1:"
#define HEADLINE MAGIC " what became what. Keep it apart: with it everything can be undone.\n"
#define FILE_SIZE_MAX (256u << 20)

static bool fail(const DcAnonymizer *anonymizer, int code, GError **error)
{
  const DcErrorCode kind = code == ENOENT                    ? DC_ERROR_NOT_FOUND
                           : code == EACCES || code == EPERM ? DC_ERROR_PERMISSION
                                                             : DC_ERROR_IO;
  g_set_error(error, DC_ERROR, (gint)kind, "--anonymize: mapping file %s: %s", anonymizer->path, g_strerror(code));
  return false;
}

static bool read_key(const char *line, uint8_t key[static DC_ANON_KEY_LEN])
{
  if (!g_str_has_prefix(line, "key ") || strlen(line) != 4 + 2 * DC_ANON_KEY_LEN)
    return false;
  for (size_t i = 0; i < DC_ANON_KEY_LEN; i++) {
    const int high = g_ascii_xdigit_value(line[4 + 2 * i]), low = g_ascii_xdigit_value(line[5 + 2 * i]);
    if (high < 0 || low < 0)
      return false;
    key[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static bool take_file(DcAnonymizer *anonymizer, const char *text, GError **error)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  if (!g_str_has_prefix(text, MAGIC) || lines[0] == NULL || lines[1] == NULL || !read_key(lines[1], anonymizer->key)) {
    g_set_error(error, DC_ERROR, DC_ERROR_FORMAT,
                "--anonymize: %s is there and is no mapping file (name another one: --anonymize=FILE)",
                anonymizer->path);
    return false;
  }
  for (char **line = lines + 2; *line != NULL; line++) {
    if (**line != '\0')
      g_ptr_array_add(anonymizer->earlier, g_strdup(*line));
  }
  return true;
}

/* All of the file; NULL with errno. */
static char *read_all(int fd)
{
  GString *text = g_string_new(NULL);
  char block[65536];
  ssize_t got;
  while ((got = pread(fd, block, sizeof block, (off_t)text->len)) != 0) {
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || text->len > FILE_SIZE_MAX) {
      errno = got < 0 ? errno : EFBIG;
      g_string_free(text, TRUE);
      return NULL;
    }
    g_string_append_len(text, block, got);
  }
  return g_string_free(text, FALSE);
}

static bool write_all(DcAnonymizer *anonymizer, const char *text, size_t len, GError **error)
{
  if (ftruncate(anonymizer->fd, 0) != 0)
    return fail(anonymizer, errno, error);
  for (size_t done = 0; done < len;) {
    const ssize_t wrote = pwrite(anonymizer->fd, text + done, len - done, (off_t)done);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      return fail(anonymizer, wrote < 0 ? errno : ENOSPC, error);
    done += (size_t)wrote;
  }
  return true;
}

static GString *begin_file(const DcAnonymizer *anonymizer)
{
  GString *text = g_string_new(HEADLINE "key ");
  for (size_t i = 0; i < DC_ANON_KEY_LEN; i++)
    g_string_append_printf(text, "%02x", anonymizer->key[i]);
  g_string_append_c(text, '\n');
  return text;
}

bool dc_anon_open_file(DcAnonymizer *anonymizer, uid_t owner, gid_t group, GError **error)
{
  anonymizer->fd = open(anonymizer->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
  struct stat status;
  if (anonymizer->fd < 0 || fstat(anonymizer->fd, &status) != 0)
    return fail(anonymizer, errno, error);
  if (!S_ISREG(status.st_mode))
    return fail(anonymizer, EINVAL, error);
  /* Whoever could read it could undo everything. */
  if (fchmod(anonymizer->fd, 0600) != 0)
    return fail(anonymizer, errno, error);
  if (owner != (uid_t)-1 && fchown(anonymizer->fd, owner, group) != 0)
    errno = 0; /* an ordinary user cannot give files away, and need not */
  if (status.st_size > 0) {
    g_autofree char *text = read_all(anonymizer->fd);
    return text != NULL ? take_file(anonymizer, text, error) : fail(anonymizer, errno, error);
  }
  if (getrandom(anonymizer->key, sizeof anonymizer->key, 0) != (ssize_t)sizeof anonymizer->key)
    return fail(anonymizer, errno, error);
  /* At once: should the run end badly, what it wrote can still be traced back. */
  g_autoptr(GString) text = begin_file(anonymizer);
  return write_all(anonymizer, text->str, text->len, error);
}

static void append_addresses(const DcAnonymizer *anonymizer, GPtrArray *rows)
{
  GHashTableIter iter;
  gpointer original, mapped;
  g_hash_table_iter_init(&iter, anonymizer->addresses);
  while (g_hash_table_iter_next(&iter, &original, &mapped)) {
    char from[DC_ADDR_TEXT_MAX], to[DC_ADDR_TEXT_MAX];
    const DcAddr *addr = original;
    g_ptr_array_add(rows, g_strdup_printf("ipv%u %s %s", (unsigned)addr->version, dc_addr_format(addr, from),
                                          dc_addr_format(mapped, to)));
  }
}

static void append_macs(const DcAnonymizer *anonymizer, GPtrArray *rows)
{
  GHashTableIter iter;
  gpointer original, mapped;
  g_hash_table_iter_init(&iter, anonymizer->macs);
  while (g_hash_table_iter_next(&iter, &original, &mapped)) {
    char from[DC_MAC_TEXT_MAX], to[DC_MAC_TEXT_MAX];
    g_ptr_array_add(rows, g_strdup_printf("mac %s %s", dc_mac_format(original, from), dc_mac_format(mapped, to)));
  }
}

static void append_names(const DcAnonymizer *anonymizer, GPtrArray *rows)
{
  for (int kind = 0; kind < DC_ANON_KINDS; kind++) {
    GHashTableIter iter;
    gpointer original, mapped;
    g_hash_table_iter_init(&iter, anonymizer->mapped_names[kind]);
    while (g_hash_table_iter_next(&iter, &original, &mapped)) {
      g_autofree char *escaped = g_strescape(original, NULL);
      g_ptr_array_add(rows, g_strdup_printf("%s %s %s", dc_anon_kind_names[kind], (const char *)mapped, escaped));
    }
  }
}

static int compare_rows(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool dc_anonymizer_finish(DcAnonymizer *anonymizer, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < anonymizer->earlier->len; i++)
    g_ptr_array_add(rows, g_strdup(g_ptr_array_index(anonymizer->earlier, i)));
  append_addresses(anonymizer, rows);
  append_macs(anonymizer, rows);
  append_names(anonymizer, rows);
  if (anonymizer->unlisted > 0)
    g_ptr_array_add(rows, g_strdup("# there were more than fit here; the key maps them all"));
  g_ptr_array_sort(rows, compare_rows);
  g_autoptr(GString) text = begin_file(anonymizer);
  const char *last = NULL;
  for (guint i = 0; i < rows->len; i++) {
    const char *row = g_ptr_array_index(rows, i);
    if (last == NULL || strcmp(last, row) != 0)
      g_string_append_printf(text, "%s\n", row);
    last = row;
  }
  return write_all(anonymizer, text->str, text->len, error);
}
