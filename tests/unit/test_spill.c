/* The array beyond memory against a plain one, and what happens where there is no room. */
#include "dropcorr/base/spill.h"

#include "scratch.h"

#include <string.h>

typedef struct {
  uint64_t a;
  uint16_t b;
  uint8_t rest[6];
} Record;

static Record record_of(uint64_t index)
{
  Record record = {.a = index * 2654435761u + 1, .b = (uint16_t)(index * 7 + 1)};
  return record;
}

static void must_hold(DcSpill *spill, uint64_t index)
{
  const Record wanted = record_of(index);
  Record got;
  dc_spill_get(spill, index, &got);
  g_assert_cmpuint(got.a, ==, wanted.a);
  g_assert_cmpuint(got.b, ==, wanted.b);
}

static void must_be_zero(DcSpill *spill, uint64_t index)
{
  static const Record zero = {0};
  Record got;
  memset(&got, 0xff, sizeof got);
  dc_spill_get(spill, index, &got);
  g_assert_cmpint(memcmp(&got, &zero, sizeof got), ==, 0);
}

static void put(DcSpill *spill, uint64_t index)
{
  const Record record = record_of(index);
  g_assert_true(dc_spill_put(spill, index, &record));
}

static void test_few_records(void)
{
  g_autoptr(DcSpill) spill = dc_spill_new(sizeof(Record), 0);
  must_be_zero(spill, 0);
  must_be_zero(spill, 12345678);
  put(spill, 0);
  put(spill, 3);
  must_hold(spill, 0);
  must_be_zero(spill, 1);
  must_hold(spill, 3);
  g_assert_cmpuint(dc_spill_lost(spill), ==, 0);
  g_assert_null(dc_spill_why(spill));
}

/* Far more than the pages in memory hold, nearly in order as verdicts come, then overwritten at random. */
static void test_many_records(void)
{
  enum { COUNT = 400000 };
  g_autoptr(DcSpill) spill = dc_spill_new(sizeof(Record), 0);
  for (uint64_t i = 0; i < COUNT; i += 8)
    for (uint64_t j = 8; j-- > 0;)
      if ((i + j) % 5 != 0)
        put(spill, i + j);
  for (int i = 0; i < 2000; i++) {
    const uint64_t index = (uint64_t)g_test_rand_int_range(0, COUNT);
    if (index % 5 != 0)
      put(spill, index);
  }
  for (uint64_t i = 0; i < COUNT; i++) {
    if (i % 5 == 0)
      must_be_zero(spill, i);
    else
      must_hold(spill, i);
  }
  g_assert_cmpuint(dc_spill_lost(spill), ==, 0);
}

static void test_numbers_far_apart(void)
{
  g_autoptr(DcSpill) spill = dc_spill_new(sizeof(Record), 0);
  for (uint64_t i = 0; i < 200; i++)
    put(spill, i * 10000019);
  for (uint64_t i = 0; i < 200; i++)
    must_hold(spill, i * 10000019);
  const Record record = record_of(1);
  g_assert_false(dc_spill_put(spill, UINT64_MAX, &record));
  must_be_zero(spill, UINT64_MAX);
  g_assert_cmpuint(dc_spill_lost(spill), ==, 1);
  g_assert_nonnull(dc_spill_why(spill));
  must_hold(spill, 10000019);
}

static void test_limit(void)
{
  enum { PAGE_RECORDS = 4096 };
  g_autoptr(DcSpill) spill = dc_spill_new(sizeof(Record), 4u << 20);
  uint64_t kept = 0;
  const Record record = record_of(0);
  while (kept < 100000 && dc_spill_put(spill, kept * PAGE_RECORDS, &record))
    kept++;
  g_assert_cmpuint(kept, >=, (4u << 20) / (64u << 10));
  g_assert_cmpuint(kept, <, 100000);
  g_assert_cmpuint(dc_spill_lost(spill), ==, 1);
  g_assert_nonnull(strstr(dc_spill_why(spill), "limit"));
}

static void test_no_room(void)
{
  g_autofree char *base = scratch_new();
  g_autofree char *file = g_build_filename(base, "no-folder", NULL);
  g_assert_true(g_file_set_contents(file, "", 0, NULL));
  g_autofree char *before = g_strdup(g_getenv("TMPDIR"));
  g_setenv("TMPDIR", file, TRUE);
  g_autoptr(DcSpill) spill = dc_spill_new(sizeof(Record), 0);
  const Record record = record_of(0);
  uint64_t kept = 0;
  while (kept < 1000 && dc_spill_put(spill, kept * 4096, &record))
    kept++;
  if (before != NULL)
    g_setenv("TMPDIR", before, TRUE);
  else
    g_unsetenv("TMPDIR");
  g_assert_cmpuint(kept, >, 0); /* what memory holds is kept */
  g_assert_cmpuint(kept, <, 1000);
  g_assert_nonnull(strstr(dc_spill_why(spill), "TMPDIR"));
  Record got;
  dc_spill_get(spill, (kept - 1) * 4096, &got);
  g_assert_cmpuint(got.a, ==, record.a);
  scratch_remove(base);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/spill/few-records", test_few_records);
  g_test_add_func("/spill/many-records", test_many_records);
  g_test_add_func("/spill/numbers-far-apart", test_numbers_far_apart);
  g_test_add_func("/spill/limit", test_limit);
  g_test_add_func("/spill/no-room", test_no_room);
  return g_test_run();
}
