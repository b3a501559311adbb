#include "dropcorr/base/slab.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define CACHE_LINE 64u
/* So many pieces come one by one: little data needs no huge page. */
#define SINGLE_PIECES 16u
/* So many pieces beside a quarter of those in use are kept as they are when they are given back. */
#define WARM_PIECES 8u

struct DcSlab {
  size_t piece_size;
  GPtrArray *blocks; /* aligned allocations */
  void *warm;        /* pieces given back: each begins with a pointer to the next */
  void *cold;        /* those whose other pages the kernel has taken */
  size_t used, warm_count;
  char *rest; /* of the last block: pieces not taken yet */
  size_t rest_pieces;
};

static void *alloc(size_t size)
{
  const bool huge = size >= HUGE_PAGE;
  void *memory = g_aligned_alloc(1, size, huge ? HUGE_PAGE : CACHE_LINE);
  if (huge)
    (void)madvise(memory, size & ~(HUGE_PAGE - 1), MADV_HUGEPAGE); /* without them it is only slower */
  return memory;
}

static void free_block(gpointer block)
{
  g_aligned_free(block);
}

DcSlab *dc_slab_new(size_t piece_size)
{
  DcSlab *slab = g_new0(DcSlab, 1);
  slab->piece_size = (MAX(piece_size, sizeof(void *)) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  slab->blocks = g_ptr_array_new_with_free_func(free_block);
  return slab;
}

void dc_slab_free(DcSlab *slab)
{
  if (slab == NULL)
    return;
  g_ptr_array_unref(slab->blocks);
  g_free(slab);
}

static void *pop(void **list)
{
  void *piece = *list;
  memcpy(list, piece, sizeof *list);
  return piece;
}

static void push(void **list, void *piece)
{
  memcpy(piece, list, sizeof *list);
  *list = piece;
}

/* All its pages but those it shares, and the one that begins with the pointer. */
static bool cool(const DcSlab *slab, void *piece)
{
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t from = ((uintptr_t)piece + sizeof(void *) + page - 1) & ~(page - 1);
  const uintptr_t to = ((uintptr_t)piece + slab->piece_size) & ~(page - 1);
  return from < to && madvise((void *)from, to - from, MADV_DONTNEED) == 0;
}

void *dc_slab_take(DcSlab *slab)
{
  slab->used++;
  if (slab->warm != NULL) {
    slab->warm_count--;
    return pop(&slab->warm);
  }
  if (slab->cold != NULL)
    return pop(&slab->cold);
  if (slab->rest_pieces == 0) {
    slab->rest_pieces = slab->blocks->len < SINGLE_PIECES ? 1 : MAX(HUGE_PAGE / slab->piece_size, 1);
    slab->rest = alloc(slab->rest_pieces == 1 ? slab->piece_size : MAX(HUGE_PAGE, slab->piece_size));
    g_ptr_array_add(slab->blocks, slab->rest);
  }
  void *piece = slab->rest;
  slab->rest += slab->piece_size;
  slab->rest_pieces--;
  return piece;
}

void dc_slab_give(DcSlab *slab, void *piece)
{
  if (piece == NULL)
    return;
  slab->used--;
  if (slab->warm_count >= WARM_PIECES + slab->used / 4 && cool(slab, piece)) {
    push(&slab->cold, piece);
    return;
  }
  push(&slab->warm, piece);
  slab->warm_count++;
}

void *dc_table_alloc(size_t size)
{
  void *table = alloc(size);
  memset(table, 0, size);
  return table;
}

void dc_table_free(void *table)
{
  g_aligned_free(table);
}
