/*
 * Files of a saved host that are read by their path: archives of state, the kernel's symbols, the mapping of
 * --anonymize. Input: a byte that chooses one, then the file.
 */
#include "dropcorr/base/hash.h"
#include "dropcorr/source/anonymize.h"
#include "dropcorr/source/context_dir.h"
#include "dropcorr/source/kallsyms.h"
#include "event_checks.h"

#include <glib/gstdio.h>
#include <unistd.h>

enum { ARCHIVE, KALLSYMS, MAPPING, KINDS };

static char *path;

static void forget_file(void)
{
  (void)g_unlink(path);
}

static void put_file(const uint8_t *data, size_t size)
{
  if (path == NULL) {
    dc_hash_init();
    const int fd = g_file_open_tmp("dropcorr-fuzz-XXXXXX", &path, NULL);
    FUZZ_CHECK(fd >= 0 && close(fd) == 0);
    atexit(forget_file);
  }
  FILE *file = fopen(path, "w");
  FUZZ_CHECK(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void read_archive(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcSource) source = dc_context_dir_open(path, &error);
  if (source == NULL) {
    check_error(error, path);
    return;
  }
  DcEvent event;
  DcReadStatus status;
  while ((status = dc_source_next(source, &event, &error)) == DC_READ_EVENT) {
    FUZZ_CHECK(event.kind == DC_EVENT_SAMPLE);
    check_event(&event);
  }
  FUZZ_CHECK(status == DC_READ_END || status == DC_READ_ERROR);
}

static void read_kallsyms(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcKallsyms) kallsyms = dc_kallsyms_load(path, &error);
  if (kallsyms == NULL) {
    check_error(error, path);
    return;
  }
  FUZZ_CHECK(dc_kallsyms_count(kallsyms) > 0);
  for (unsigned shift = 0; shift < 64; shift++) {
    DcKallsym symbol;
    if (!dc_kallsyms_lookup(kallsyms, UINT64_C(0xffffffff81000000) + (UINT64_C(1) << shift), &symbol))
      continue;
    FUZZ_CHECK(symbol.name != NULL && symbol.name[0] != '\0');
    FUZZ_CHECK(symbol.size == 0 || symbol.offset < symbol.size);
  }
}

static void read_mapping(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcAnonymizer) anonymizer = dc_anonymizer_open(path, (uid_t)-1, (gid_t)-1, &error);
  if (anonymizer == NULL)
    check_error(error, path);
  else
    FUZZ_CHECK(dc_anonymizer_finish(anonymizer, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 1 || size > 1 << 20)
    return 0;
  put_file(data + 1, size - 1);
  switch (data[0] % KINDS) {
  case ARCHIVE:
    read_archive();
    break;
  case KALLSYMS:
    read_kallsyms();
    break;
  default:
    read_mapping();
    break;
  }
  return 0;
}
