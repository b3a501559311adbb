/*
 * A ring of bytes. Each record starts with a 16-byte header and is padded to 16 bytes;
 * it never wraps around: when the space up to the ring's end is too short, a header
 * that says "skip to the start" fills it.
 *
 *   0                                                              capacity
 *   +--------------------+--------+------+--------+-------+----------------+
 *   |       free         | header | data | header | data  |  free          |
 *   +--------------------+--------+------+--------+-------+----------------+
 *                        ^ read                           ^ written
 *
 * A queue that is emptied again and again starts anew at the ring's start after a while, so that it keeps to the same
 * few pages: a ring is as large as the worst moment needs it, and resident memory as what came. What a worse moment had
 * touched beyond goes back to the kernel then.
 *
 * `read` and `written` count bytes since the beginning and never wrap; their difference
 * is what is in use. Each side keeps its own offset into the ring beside them, so that
 * any capacity will do.
 */
#include "dropcorr/base/queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT 16
#define CACHE_LINE 64
#define SKIP_TO_START SIZE_MAX
/* A quarter of the ring, unless told otherwise: until the consumer has come past the skip, only that much has room. */
#define RESTART_PART 4
/* Less is not worth a call of the kernel. */
#define RELEASE_LEAST ((size_t)256 << 10)

typedef struct {
  size_t len;    /* of the record, or SKIP_TO_START */
  size_t stride; /* header, record and padding */
} Header;

_Static_assert(sizeof(Header) == ALIGNMENT, "the record behind a header must be aligned");

struct DcQueue {
  /* Constant after dc_queue_new(). */
  uint8_t *ring;
  size_t capacity;
  size_t restart_at; /* an empty ring is begun anew this far from its start */
  int wake_fd;

  /* Written by the producer. */
  _Alignas(CACHE_LINE) atomic_uint_fast64_t written;
  size_t write_offset;
  uint64_t read_seen; /* the last value of `read` seen: saves touching the consumer's line */

  /* Written by the consumer. */
  _Alignas(CACHE_LINE) atomic_uint_fast64_t read;
  size_t read_offset;
  size_t read_highest; /* how far the ring was in use since the pages beyond were given back */
  uint64_t written_seen;

  _Alignas(CACHE_LINE) atomic_uint_fast64_t refused;
};

DcQueue *dc_queue_new(size_t capacity, int wake_fd)
{
  const size_t least = CACHE_LINE;
  const size_t rounded = capacity < least ? least : capacity & ~(size_t)(ALIGNMENT - 1);
  DcQueue *queue = aligned_alloc(CACHE_LINE, sizeof *queue);
  uint8_t *ring = aligned_alloc(ALIGNMENT, rounded);
  if (queue == NULL || ring == NULL)
    g_error("queue: cannot allocate %zu bytes", rounded);
  memset(queue, 0, sizeof *queue);
  queue->ring = ring;
  queue->capacity = rounded;
  queue->restart_at = rounded / RESTART_PART;
  queue->wake_fd = wake_fd;
  atomic_init(&queue->written, 0);
  atomic_init(&queue->read, 0);
  atomic_init(&queue->refused, 0);
  return queue;
}

static void wake(const DcQueue *queue)
{
  const uint64_t one = 1;
  /* EAGAIN: the counter is at its maximum, the consumer will wake anyway. */
  while (write(queue->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

/* Whether `need` more bytes fit behind `written`. */
static bool has_room(DcQueue *queue, uint64_t written, size_t need)
{
  if (need <= queue->capacity - (size_t)(written - queue->read_seen))
    return true;
  queue->read_seen = atomic_load_explicit(&queue->read, memory_order_acquire);
  return need <= queue->capacity - (size_t)(written - queue->read_seen);
}

void dc_queue_restart_at(DcQueue *queue, size_t bytes)
{
  queue->restart_at = bytes < queue->capacity / RESTART_PART ? bytes : queue->capacity / RESTART_PART;
}

/* It is empty, and some way from its start. */
static bool may_restart(DcQueue *queue, uint64_t written, size_t stride)
{
  if (queue->write_offset < queue->restart_at || stride > queue->write_offset)
    return false;
  queue->read_seen = atomic_load_explicit(&queue->read, memory_order_acquire);
  return queue->read_seen == written;
}

bool dc_queue_push(DcQueue *queue, const void *head, size_t head_len, const void *body, size_t body_len)
{
  if (body == NULL)
    body_len = 0;
  if (head_len > queue->capacity || body_len > queue->capacity - head_len ||
      head_len + body_len > queue->capacity - sizeof(Header)) {
    atomic_fetch_add_explicit(&queue->refused, 1, memory_order_relaxed);
    return false;
  }
  const size_t len = head_len + body_len;
  const size_t stride = sizeof(Header) + ((len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
  const uint64_t written = atomic_load_explicit(&queue->written, memory_order_relaxed);
  const size_t to_end = queue->capacity - queue->write_offset;
  const size_t skip = stride > to_end || may_restart(queue, written, stride) ? to_end : 0;
  if (!has_room(queue, written, skip + stride)) {
    atomic_fetch_add_explicit(&queue->refused, 1, memory_order_relaxed);
    return false;
  }
  if (skip > 0) {
    *(Header *)(void *)(queue->ring + queue->write_offset) = (Header){.len = SKIP_TO_START, .stride = skip};
    queue->write_offset = 0;
  }
  uint8_t *at = queue->ring + queue->write_offset;
  *(Header *)(void *)at = (Header){.len = len, .stride = stride};
  if (head_len > 0)
    memcpy(at + sizeof(Header), head, head_len);
  if (body_len > 0)
    memcpy(at + sizeof(Header) + head_len, body, body_len);
  queue->write_offset += stride;
  if (queue->write_offset == queue->capacity)
    queue->write_offset = 0;

  /* Publish, then look whether the consumer had emptied the queue; the consumer publishes what
   * it read, then looks for more. Both sequentially consistent: one of the two sees the other,
   * so that a sleeping consumer is always woken. */
  atomic_store(&queue->written, written + skip + stride);
  if (queue->wake_fd >= 0 && atomic_load(&queue->read) == written)
    wake(queue);
  return true;
}

/* The rest of the ring is skipped: it belongs to this side until that is said. */
static void release_behind(DcQueue *queue)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const uintptr_t from = ((uintptr_t)queue->ring + queue->read_offset + sizeof(Header) + page - 1) & ~(page - 1);
  const uintptr_t to = ((uintptr_t)queue->ring + queue->read_highest) & ~(page - 1);
  if (from + RELEASE_LEAST > to)
    return;
  (void)madvise((void *)from, to - from, MADV_DONTNEED); /* else they stay: no harm */
  queue->read_highest = queue->read_offset;
}

bool dc_queue_peek(DcQueue *queue, const void **ret_record, size_t *ret_len)
{
  uint64_t read = atomic_load_explicit(&queue->read, memory_order_relaxed);
  if (read == queue->written_seen) {
    queue->written_seen = atomic_load(&queue->written);
    if (read == queue->written_seen)
      return false;
  }
  const Header *header = (const Header *)(const void *)(queue->ring + queue->read_offset);
  if (header->len == SKIP_TO_START) {
    /* A record always follows: both were published at once. */
    release_behind(queue);
    read += header->stride;
    queue->read_offset = 0;
    atomic_store_explicit(&queue->read, read, memory_order_release);
    header = (const Header *)(const void *)queue->ring;
  }
  *ret_record = header + 1;
  *ret_len = header->len;
  return true;
}

void dc_queue_pop(DcQueue *queue)
{
  const void *record;
  size_t len;
  if (!dc_queue_peek(queue, &record, &len))
    return;
  const Header *header = (const Header *)record - 1;
  const size_t stride = header->stride;
  queue->read_offset += stride;
  if (queue->read_offset > queue->read_highest)
    queue->read_highest = queue->read_offset;
  if (queue->read_offset == queue->capacity)
    queue->read_offset = 0;
  const uint64_t read = atomic_load_explicit(&queue->read, memory_order_relaxed);
  atomic_store(&queue->read, read + stride);
}

uint64_t dc_queue_take_refused(DcQueue *queue)
{
  return atomic_exchange_explicit(&queue->refused, 0, memory_order_relaxed);
}

void dc_queue_free(DcQueue *queue)
{
  if (queue == NULL)
    return;
  free(queue->ring);
  free(queue);
}
