#include "dropcorr/base/cursor.h"

#include <glib.h>

static void test_values(void)
{
  static const uint8_t bytes[] = {1, 2, 3, 0xfe, 0xdc, 0xba, 0x98, 9};
  DcCursor cursor = dc_cursor(bytes, sizeof bytes);
  g_assert_cmpuint(dc_cursor_u8(&cursor), ==, 1);
  g_assert_cmpuint(dc_cursor_be16(&cursor), ==, 0x0203);
  g_assert_cmpuint(dc_cursor_be32(&cursor), ==, 0xfedcba98);
  g_assert_cmpuint(dc_cursor_left(&cursor), ==, 1);
  g_assert_true(cursor.ok);

  cursor = dc_cursor(bytes, sizeof bytes);
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  memcpy(&two, bytes, sizeof two);
  memcpy(&four, bytes + 2, sizeof four);
  g_assert_cmpuint(dc_cursor_host16(&cursor), ==, two);
  g_assert_cmpuint(dc_cursor_host32(&cursor), ==, four);
  cursor = dc_cursor(bytes, sizeof bytes);
  memcpy(&eight, bytes, sizeof eight);
  g_assert_cmpuint(dc_cursor_host64(&cursor), ==, eight);
  g_assert_cmpuint(dc_cursor_left(&cursor), ==, 0);
  g_assert_true(cursor.ok);
}

/* A read that does not fit gives zero, takes nothing and is remembered. */
static void test_end(void)
{
  static const uint8_t bytes[] = {0xaa, 0xbb, 0xcc};
  DcCursor cursor = dc_cursor(bytes, sizeof bytes);
  g_assert_cmpuint(dc_cursor_be32(&cursor), ==, 0);
  g_assert_false(cursor.ok);
  g_assert_cmpuint(cursor.pos, ==, 0);
  g_assert_cmpuint(dc_cursor_be16(&cursor), ==, 0xaabb);
  g_assert_false(cursor.ok);
  g_assert_cmpuint(dc_cursor_be16(&cursor), ==, 0);
  g_assert_cmpuint(dc_cursor_host16(&cursor), ==, 0);
  g_assert_cmpuint(dc_cursor_host32(&cursor), ==, 0);
  g_assert_cmpuint(dc_cursor_host64(&cursor), ==, 0);
  g_assert_cmpuint(dc_cursor_u8(&cursor), ==, 0xcc);
  g_assert_cmpuint(dc_cursor_u8(&cursor), ==, 0);

  cursor = dc_cursor(bytes, sizeof bytes);
  g_assert_null(dc_cursor_bytes(&cursor, SIZE_MAX));
  g_assert_false(dc_cursor_skip(&cursor, 4));
  g_assert_true(dc_cursor_skip(&cursor, 3));
  g_assert_cmpuint(dc_cursor_left(&cursor), ==, 0);
}

static void test_sub(void)
{
  static const uint8_t bytes[] = {1, 2, 3, 4};
  DcCursor cursor = dc_cursor(bytes, sizeof bytes);
  DcCursor sub = dc_cursor_sub(&cursor, 3);
  g_assert_true(sub.ok);
  g_assert_cmpuint(cursor.pos, ==, 3);
  g_assert_cmpuint(dc_cursor_be16(&sub), ==, 0x0102);
  g_assert_cmpuint(dc_cursor_be16(&sub), ==, 0); /* the parent's last byte is not the sub's */
  g_assert_false(sub.ok);
  g_assert_true(cursor.ok);

  sub = dc_cursor_sub(&cursor, 2);
  g_assert_false(sub.ok);
  g_assert_false(cursor.ok);
  g_assert_cmpuint(dc_cursor_left(&sub), ==, 0);
  g_assert_cmpuint(cursor.pos, ==, 3);
}

static void test_null(void)
{
  DcCursor cursor = dc_cursor(NULL, 100);
  g_assert_cmpuint(dc_cursor_left(&cursor), ==, 0);
  g_assert_cmpuint(dc_cursor_be32(&cursor), ==, 0);
  g_assert_false(cursor.ok);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cursor/values", test_values);
  g_test_add_func("/cursor/end", test_end);
  g_test_add_func("/cursor/sub", test_sub);
  g_test_add_func("/cursor/null", test_null);
  return g_test_run();
}
