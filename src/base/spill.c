#include "dropcorr/base/spill.h"

#include "dropcorr/base/temp_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The correlator's window is far below what these hold: verdicts come within it, in any order. */
#define PAGES 16
#define PAGE_SIZE (64u << 10)
#define NO_PAGE UINT64_MAX

/* How often the disk's use is looked at. */
#define LOOK_EACH 64

typedef struct {
  uint64_t number;
  uint64_t used; /* when last, in accesses */
  bool dirty;
  uint8_t *bytes;
} Page;

struct DcSpill {
  size_t record_size;
  uint64_t per_page;
  uint64_t limit_bytes;
  Page pages[PAGES];
  Page *last; /* the one asked for last */
  uint64_t accesses;
  uint64_t written_pages;
  int fd; /* -1: could not be made, is tried again when it is needed */
  bool full;
  uint64_t lost;
  char *why;
};

DcSpill *dc_spill_new(size_t record_size, uint64_t limit_bytes)
{
  g_assert(record_size > 0 && record_size <= DC_SPILL_RECORD_MAX);
  DcSpill *spill = g_new0(DcSpill, 1);
  spill->record_size = record_size;
  spill->per_page = PAGE_SIZE / record_size;
  spill->limit_bytes = limit_bytes;
  spill->fd = dc_temp_file_open(); /* now: later this process may be somebody who cannot */
  for (size_t i = 0; i < PAGES; i++)
    spill->pages[i].number = NO_PAGE;
  return spill;
}

static void fail(DcSpill *spill, const char *what, const char *why)
{
  spill->full = true;
  if (spill->why == NULL)
    spill->why = g_strdup_printf("temporary file: %s: %s (TMPDIR names the folder it lies in)", what, why);
}

static bool transfer(int fd, bool writing, uint8_t *bytes, uint64_t offset)
{
  for (size_t done = 0; done < PAGE_SIZE;) {
    const off_t at = (off_t)(offset + done);
    const ssize_t n =
        writing ? pwrite(fd, bytes + done, PAGE_SIZE - done, at) : pread(fd, bytes + done, PAGE_SIZE - done, at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    if (n == 0) {
      if (writing)
        return false;
      memset(bytes + done, 0, PAGE_SIZE - done); /* beyond the end: never put */
      return true;
    }
    done += (size_t)n;
  }
  return true;
}

static bool beyond_limit(DcSpill *spill)
{
  struct stat status;
  if (spill->limit_bytes == 0 || spill->written_pages % LOOK_EACH != 0 || fstat(spill->fd, &status) != 0)
    return false;
  return (uint64_t)status.st_blocks * 512 > spill->limit_bytes;
}

static bool write_page(DcSpill *spill, Page *page)
{
  if (!page->dirty)
    return true;
  if (spill->fd < 0)
    spill->fd = dc_temp_file_open();
  if (spill->fd < 0 || !transfer(spill->fd, true, page->bytes, page->number * PAGE_SIZE)) {
    fail(spill, spill->fd < 0 ? "cannot be made" : "writing", g_strerror(errno));
    return false;
  }
  page->dirty = false;
  spill->written_pages++;
  if (beyond_limit(spill))
    fail(spill, "writing", "it would outgrow its limit");
  return true;
}

/* The page in memory; NULL when there is no room for it. */
static Page *take_page(DcSpill *spill, uint64_t number)
{
  Page *oldest = &spill->pages[0];
  spill->accesses++;
  if (spill->last != NULL && spill->last->number == number) {
    spill->last->used = spill->accesses;
    return spill->last;
  }
  for (size_t i = 0; i < PAGES; i++) {
    Page *page = &spill->pages[i];
    if (page->number == number) {
      page->used = spill->accesses;
      return spill->last = page;
    }
    if (page->used < oldest->used)
      oldest = page;
  }
  if (number > INT64_MAX / PAGE_SIZE - 1 || !write_page(spill, oldest))
    return NULL;
  if (oldest->bytes == NULL)
    oldest->bytes = g_malloc(PAGE_SIZE);
  memset(oldest->bytes, 0, PAGE_SIZE);
  oldest->number = NO_PAGE;
  if (spill->fd >= 0 && !transfer(spill->fd, false, oldest->bytes, number * PAGE_SIZE)) {
    fail(spill, "reading", g_strerror(errno));
    return NULL;
  }
  oldest->number = number;
  oldest->used = spill->accesses;
  return spill->last = oldest;
}

bool dc_spill_put(DcSpill *spill, uint64_t index, const void *record)
{
  Page *page = spill->full ? NULL : take_page(spill, index / spill->per_page);
  if (page == NULL) {
    if (spill->why == NULL)
      spill->why = g_strdup("temporary file: a number far beyond all others");
    spill->lost++;
    return false;
  }
  memcpy(page->bytes + index % spill->per_page * spill->record_size, record, spill->record_size);
  page->dirty = true;
  return true;
}

void dc_spill_get(DcSpill *spill, uint64_t index, void *ret_record)
{
  const Page *page = take_page(spill, index / spill->per_page);
  if (page != NULL)
    memcpy(ret_record, page->bytes + index % spill->per_page * spill->record_size, spill->record_size);
  else
    memset(ret_record, 0, spill->record_size);
}

uint64_t dc_spill_lost(const DcSpill *spill)
{
  return spill->lost;
}

const char *dc_spill_why(const DcSpill *spill)
{
  return spill->lost > 0 ? spill->why : NULL;
}

void dc_spill_free(DcSpill *spill)
{
  if (spill == NULL)
    return;
  for (size_t i = 0; i < PAGES; i++)
    g_free(spill->pages[i].bytes);
  if (spill->fd >= 0)
    close(spill->fd);
  g_free(spill->why);
  g_free(spill);
}
