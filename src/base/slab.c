#include "dropcorr/base/slab.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define CACHE_LINE 64u
/* So many pieces come one by one: little data needs no huge page. */
#define SINGLE_PIECES 16u

struct DcSlab {
  size_t piece_size;
  GPtrArray *blocks; /* aligned allocations */
  void *given;       /* pieces given back: each begins with a pointer to the next */
  char *rest;        /* of the last block: pieces not taken yet */
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

void *dc_slab_take(DcSlab *slab)
{
  if (slab->given != NULL) {
    void *piece = slab->given;
    memcpy(&slab->given, piece, sizeof slab->given);
    return piece;
  }
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
  memcpy(piece, &slab->given, sizeof slab->given);
  slab->given = piece;
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
