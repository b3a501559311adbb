/*
 * /proc/kallsyms: "ffffffff815f0110 T tcp_v4_rcv" and, for modules, "... t nft_do_chain\t[nf_tables]".
 * Text symbols alone are kept: 16 bytes each and the names in one block.
 */
#include "dropcorr/source/kallsyms.h"

#include "context_files.h"

#include "dropcorr/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX ((gsize)128 << 20) /* of an archive's; a kernel's own has about 12 MiB */

/* A function longer than this does not exist: an address further behind a symbol lies in none. */
#define FUNCTION_MAX (1u << 20)
#define SYMBOLS_MAX 4000000u
#define NAMES_MAX (256u << 20) /* bytes of all of them */
#define LINES_MAX 40000000u    /* a device may have no end */
#define LINE_MAX_LEN 1024      /* the kernel's KSYM_NAME_LEN is 512 */

typedef struct {
  uint64_t address;
  uint32_t name;   /* offset into names */
  uint32_t module; /* offset into names, 0: built in */
} Symbol;

struct DcKallsyms {
  GArray *symbols;   /* Symbol, sorted by address */
  GByteArray *names; /* NUL-terminated; starts with an empty one */
};

static uint32_t add_name(DcKallsyms *kallsyms, const char *name, size_t len)
{
  const uint32_t at = kallsyms->names->len;
  g_byte_array_append(kallsyms->names, (const guint8 *)name, (guint)len);
  g_byte_array_append(kallsyms->names, (const guint8 *)"", 1);
  return at;
}

static const char *name_at(const DcKallsyms *kallsyms, uint32_t at)
{
  return (const char *)kallsyms->names->data + at;
}

static int compare_symbols(const void *a, const void *b)
{
  const Symbol *x = a, *y = b;
  if (x->address != y->address)
    return x->address < y->address ? -1 : 1;
  return x->name < y->name ? -1 : x->name > y->name; /* as they came */
}

/* Of several names for one address the kernel prints the first. */
static void sort_symbols(GArray *symbols)
{
  qsort(symbols->data, symbols->len, sizeof(Symbol), compare_symbols);
  guint kept = 0;
  for (guint i = 0; i < symbols->len; i++) {
    const Symbol symbol = g_array_index(symbols, Symbol, i);
    if (kept == 0 || g_array_index(symbols, Symbol, kept - 1).address != symbol.address)
      g_array_index(symbols, Symbol, kept++) = symbol;
  }
  g_array_set_size(symbols, kept);
}

/* Module names repeat in runs: the last one is reused. */
static uint32_t module_of(DcKallsyms *kallsyms, const char *text, uint32_t last)
{
  const char *open = strchr(text, '[');
  const char *close = open != NULL ? strchr(open, ']') : NULL;
  if (close == NULL || close == open + 1)
    return 0;
  const size_t len = (size_t)(close - open - 1);
  if (last != 0 && strlen(name_at(kallsyms, last)) == len && memcmp(name_at(kallsyms, last), open + 1, len) == 0)
    return last;
  return add_name(kallsyms, open + 1, len);
}

/* False for a line that is no text symbol. */
static bool add_line(DcKallsyms *kallsyms, char *line, uint32_t *last_module, bool *any_hidden)
{
  char *rest = NULL;
  errno = 0;
  const uint64_t address = g_ascii_strtoull(line, &rest, 16);
  if (rest == line || errno != 0 || *rest != ' ' || rest[1] == '\0' || rest[2] != ' ')
    return false;
  const char type = rest[1];
  if (address == 0)
    *any_hidden = true;
  if (address == 0 || strchr("tTwW", type) == NULL)
    return false;
  const char *name = rest + 3;
  const size_t len = strcspn(name, " \t\r\n");
  if (len == 0 || kallsyms->symbols->len >= SYMBOLS_MAX || kallsyms->names->len >= NAMES_MAX)
    return false;
  const uint32_t module = module_of(kallsyms, name + len, *last_module);
  *last_module = module;
  const Symbol symbol = {.address = address, .name = add_name(kallsyms, name, len), .module = module};
  g_array_append_val(kallsyms->symbols, symbol);
  return true;
}

/* Closes file. */
static DcKallsyms *read_symbols(FILE *file, const char *path, GError **error)
{
  g_autoptr(DcKallsyms) kallsyms = g_new0(DcKallsyms, 1);
  kallsyms->symbols = g_array_new(FALSE, FALSE, sizeof(Symbol));
  kallsyms->names = g_byte_array_new();
  add_name(kallsyms, "", 0);
  char line[LINE_MAX_LEN];
  uint32_t last_module = 0, lines = 0;
  bool any_hidden = false, begins = true;
  while (lines++ < LINES_MAX && fgets(line, sizeof line, file) != NULL) {
    if (begins) /* what is behind a line's first piece is no symbol */
      (void)add_line(kallsyms, line, &last_module, &any_hidden);
    begins = strchr(line, '\n') != NULL;
  }
  const bool failed = ferror(file) != 0;
  fclose(file);
  if (failed) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: reading failed", path);
    return NULL;
  }
  if (kallsyms->symbols->len == 0 && any_hidden) {
    g_set_error(error, DC_ERROR, DC_ERROR_PERMISSION,
                "%s: the kernel hides its addresses (CAP_SYSLOG is needed, and kernel.kptr_restrict below 2)", path);
    return NULL;
  }
  if (kallsyms->symbols->len == 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_FORMAT, "%s: holds no function", path);
    return NULL;
  }
  sort_symbols(kallsyms->symbols);
  return g_steal_pointer(&kallsyms);
}

DcKallsyms *dc_kallsyms_load(const char *path, GError **error)
{
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    const int code = errno;
    g_set_error(error, DC_ERROR, code == ENOENT ? DC_ERROR_NOT_FOUND : DC_ERROR_PERMISSION, "%s: %s", path,
                g_strerror(code));
    return NULL;
  }
  return read_symbols(file, path, error);
}

/* "kallsyms" and "proc/kallsyms", in an archive below one folder more. */
static bool is_kallsyms(const char *path)
{
  while (g_str_has_prefix(path, "./"))
    path += 2;
  const char *slash = strchr(path, '/');
  return strcmp(path, "kallsyms") == 0 || strcmp(path, "proc/kallsyms") == 0 ||
         (slash != NULL && (strcmp(slash + 1, "kallsyms") == 0 || strcmp(slash + 1, "proc/kallsyms") == 0 ||
                            strcmp(slash + 1, "context/kallsyms") == 0));
}

static bool is_regular(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

DcKallsyms *dc_kallsyms_of_context(const char *path)
{
  static const char *const names[] = {"kallsyms", "proc/kallsyms"};
  DcKallsyms *kallsyms = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(names) && kallsyms == NULL; i++) {
    g_autofree char *file = g_build_filename(path, names[i], NULL);
    kallsyms = is_regular(file) ? dc_kallsyms_load(file, NULL) : NULL;
  }
  const int fd = kallsyms == NULL && is_regular(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0)
    return kallsyms;
  g_autoptr(GBytes) text = dc_context_archive_member(fd, is_kallsyms, TEXT_MAX);
  (void)close(fd);
  gsize len = 0;
  const void *data = text != NULL ? g_bytes_get_data(text, &len) : NULL;
  FILE *file = len > 0 ? fmemopen((void *)(uintptr_t)data, len, "r") : NULL;
  return file != NULL ? read_symbols(file, path, NULL) : NULL;
}

bool dc_kallsyms_lookup(const DcKallsyms *kallsyms, uint64_t address, DcKallsym *ret_symbol)
{
  if (kallsyms == NULL)
    return false;
  const Symbol *symbols = (const Symbol *)(const void *)kallsyms->symbols->data;
  const size_t count = kallsyms->symbols->len;
  size_t low = 0, high = count; /* the first symbol behind the address */
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (symbols[middle].address <= address)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0)
    return false;
  const size_t at = low - 1;
  const uint64_t offset = address - symbols[at].address;
  if (offset >= FUNCTION_MAX)
    return false;
  const uint64_t size = low < count ? symbols[low].address - symbols[at].address : 0;
  *ret_symbol = (DcKallsym){.name = name_at(kallsyms, symbols[at].name),
                            .module = symbols[at].module != 0 ? name_at(kallsyms, symbols[at].module) : NULL,
                            .offset = (uint32_t)offset,
                            .size = size < FUNCTION_MAX ? (uint32_t)size : 0};
  return true;
}

size_t dc_kallsyms_count(const DcKallsyms *kallsyms)
{
  return kallsyms != NULL ? kallsyms->symbols->len : 0;
}

void dc_kallsyms_free(DcKallsyms *kallsyms)
{
  if (kallsyms == NULL)
    return;
  g_clear_pointer(&kallsyms->symbols, g_array_unref);
  g_clear_pointer(&kallsyms->names, g_byte_array_unref);
  g_free(kallsyms);
}
