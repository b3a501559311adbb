#include "dropcorr/base/slab.h"

#include <stdint.h>
#include <string.h>

static size_t resident_kb(void)
{
  g_autofree char *status = NULL;
  g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
  const char *line = strstr(status, "VmRSS:");
  g_assert_nonnull(line);
  return (size_t)g_ascii_strtoull(line + strlen("VmRSS:"), NULL, 10);
}

/* Pieces are apart from each other, aligned, and those given back are used again before more memory is. */
static void test_pieces(void)
{
  enum { COUNT = 3000, SIZE = 1000 };
  DcSlab *slab = dc_slab_new(SIZE);
  g_autofree uint8_t **pieces = g_new0(uint8_t *, COUNT);
  g_autoptr(GHashTable) taken = g_hash_table_new(NULL, NULL);
  for (size_t i = 0; i < COUNT; i++) {
    pieces[i] = dc_slab_take(slab);
    g_assert_cmpuint((uintptr_t)pieces[i] % 64, ==, 0);
    g_assert_true(g_hash_table_add(taken, pieces[i]));
    memset(pieces[i], (int)(i % 251), SIZE);
  }
  for (size_t i = 0; i < COUNT; i++) {
    for (size_t at = 0; at < SIZE; at++)
      g_assert_cmpuint(pieces[i][at], ==, i % 251);
  }
  for (size_t i = 0; i < COUNT; i++)
    dc_slab_give(slab, pieces[i]);
  for (size_t i = 0; i < COUNT; i++) {
    void *piece = dc_slab_take(slab);
    g_assert_true(g_hash_table_remove(taken, piece));
  }
  g_assert_cmpuint(g_hash_table_size(taken), ==, 0);
  dc_slab_give(slab, NULL);
  dc_slab_free(slab);
  dc_slab_free(NULL);
}

/* After a moment that needed much, memory is what is in use. */
static void test_given_back(void)
{
  enum { COUNT = 400, SIZE = 256 << 10 };
  DcSlab *slab = dc_slab_new(SIZE);
  g_autofree uint8_t **pieces = g_new0(uint8_t *, COUNT);
  for (size_t round = 0; round < 2; round++) {
    const size_t before = resident_kb();
    for (size_t i = 0; i < COUNT; i++) {
      pieces[i] = dc_slab_take(slab);
      memset(pieces[i], (int)(i % 251) + 1, SIZE);
    }
    g_assert_cmpuint(resident_kb(), >, before + (COUNT * (SIZE >> 10)) / 2);
    for (size_t i = 0; i < COUNT; i++) {
      g_assert_cmpuint(pieces[i][SIZE - 1], ==, i % 251 + 1);
      dc_slab_give(slab, pieces[i]);
    }
    g_assert_cmpuint(resident_kb(), <, before + (COUNT * (SIZE >> 10)) / 2);
  }
  dc_slab_free(slab);
}

static void test_tables(void)
{
  const size_t sizes[] = {1, 64, 4096, 2u << 20, (4u << 20) + 100};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    uint8_t *table = dc_table_alloc(sizes[i]);
    for (size_t at = 0; at < sizes[i]; at++)
      g_assert_cmpuint(table[at], ==, 0);
    memset(table, 1, sizes[i]);
    dc_table_free(table);
  }
  dc_table_free(NULL);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/slab/pieces", test_pieces);
  g_test_add_func("/slab/given-back", test_given_back);
  g_test_add_func("/slab/tables", test_tables);
  return g_test_run();
}
