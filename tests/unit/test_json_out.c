#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/report/json_out.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What is written goes to memory and comes back through jansson, a parser that is not ours. */
typedef struct {
  char *text;
  size_t len;
  FILE *stream;
  DcJsonOut *json;
} Memory;

static void memory_open(Memory *memory, unsigned indent)
{
  memory->text = NULL;
  memory->stream = open_memstream(&memory->text, &memory->len);
  g_assert_nonnull(memory->stream);
  memory->json = dc_json_out_new(memory->stream, "memory", indent);
}

static void memory_finish(Memory *memory)
{
  g_autoptr(GError) error = NULL;
  g_assert_true(dc_json_out_end_line(memory->json, &error));
  g_assert_no_error(error);
  g_assert_true(dc_json_out_flush(memory->json, &error));
  g_assert_no_error(error);
}

static void memory_close(Memory *memory)
{
  dc_json_out_free(memory->json);
  fclose(memory->stream);
  free(memory->text);
}

static json_t *parse(const Memory *memory)
{
  json_error_t error;
  json_t *root = json_loadb(memory->text, memory->len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
  if (root == NULL)
    g_error("%s: %s", error.text, memory->text);
  return root;
}

static void test_structure(void)
{
  Memory memory;
  memory_open(&memory, 0);
  DcJsonOut *json = memory.json;
  dc_json_out_begin_object(json);
  dc_json_out_key(json, "a");
  dc_json_out_begin_array(json);
  dc_json_out_uint(json, 1);
  dc_json_out_begin_object(json);
  dc_json_out_end_object(json);
  dc_json_out_begin_array(json);
  dc_json_out_end_array(json);
  dc_json_out_null(json);
  dc_json_out_bool(json, true);
  dc_json_out_bool(json, false);
  dc_json_out_end_array(json);
  dc_json_out_key(json, "b");
  dc_json_out_word(json, "x");
  dc_json_out_end_object(json);
  memory_finish(&memory);
  g_assert_cmpstr(memory.text, ==, "{\"a\":[1,{},[],null,true,false],\"b\":\"x\"}\n");
  memory_close(&memory);
}

static void test_lines(void)
{
  Memory memory;
  memory_open(&memory, 0);
  for (int i = 0; i < 3; i++) {
    dc_json_out_begin_object(memory.json);
    dc_json_out_key(memory.json, "i");
    dc_json_out_int(memory.json, i);
    dc_json_out_end_object(memory.json);
    memory_finish(&memory);
  }
  g_assert_cmpstr(memory.text, ==, "{\"i\":0}\n{\"i\":1}\n{\"i\":2}\n");
  memory_close(&memory);
}

static void test_indented(void)
{
  Memory memory;
  memory_open(&memory, 1);
  DcJsonOut *json = memory.json;
  dc_json_out_begin_object(json);
  dc_json_out_key(json, "a");
  dc_json_out_begin_array(json);
  dc_json_out_uint(json, 1);
  dc_json_out_uint(json, 2);
  dc_json_out_end_array(json);
  dc_json_out_key(json, "b");
  dc_json_out_begin_object(json);
  dc_json_out_end_object(json);
  dc_json_out_end_object(json);
  memory_finish(&memory);
  g_assert_cmpstr(memory.text, ==, "{\n \"a\": [\n  1,\n  2\n ],\n \"b\": {}\n}\n");
  memory_close(&memory);
}

static void test_integers(void)
{
  static const int64_t SIGNED[] = {0, 1, -1, 9, 10, 99, 100, -100, 1234567, INT64_MAX, INT64_MIN, INT64_MIN + 1};
  static const uint64_t UNSIGNED[] = {0, 9, 10, 99, 100, 101, 999999999, UINT64_MAX, UINT64_MAX - 1};
  Memory memory;
  memory_open(&memory, 0);
  dc_json_out_begin_array(memory.json);
  g_autoptr(GString) expected = g_string_new("[");
  for (size_t i = 0; i < G_N_ELEMENTS(SIGNED); i++) {
    dc_json_out_int(memory.json, SIGNED[i]);
    g_string_append_printf(expected, "%" G_GINT64_FORMAT ",", SIGNED[i]);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(UNSIGNED); i++) {
    dc_json_out_uint(memory.json, UNSIGNED[i]);
    g_string_append_printf(expected, "%" G_GUINT64_FORMAT ",", UNSIGNED[i]);
  }
  expected->str[expected->len - 1] = ']';
  dc_json_out_end_array(memory.json);
  memory_finish(&memory);
  g_string_append_c(expected, '\n');
  g_assert_cmpstr(memory.text, ==, expected->str);
  memory_close(&memory);
}

static void test_times(void)
{
  static const int64_t TIMES[] = {
      0, 1, -1, 999999999, 1000000000, INT64_C(1795168318154238000), INT64_C(-1500000000), INT64_MAX, INT64_MIN + 1};
  for (size_t i = 0; i < G_N_ELEMENTS(TIMES); i++) {
    Memory memory;
    memory_open(&memory, 0);
    dc_json_out_time(memory.json, TIMES[i]);
    memory_finish(&memory);
    char text[32];
    dc_clock_format_ns(TIMES[i], text);
    g_autofree char *expected = g_strdup_printf("\"%s\"\n", text);
    g_assert_cmpstr(memory.text, ==, expected);
    memory_close(&memory);
  }
}

static void test_addresses(void)
{
  static const char *const ADDRESSES[] = {"0.0.0.0", "10.0.0.1", "255.255.255.255", "192.168.100.9",
                                          "::",      "fd00::1",  "::ffff:10.0.0.1", "2001:db8:1:2:3:4:5:6"};
  static const uint8_t MAC[6] = {0x02, 0x00, 0x5e, 0xff, 0xab, 0x09};
  Memory memory;
  memory_open(&memory, 0);
  dc_json_out_begin_array(memory.json);
  for (size_t i = 0; i < G_N_ELEMENTS(ADDRESSES); i++) {
    DcAddr addr;
    g_assert_true(dc_addr_parse(ADDRESSES[i], &addr));
    dc_json_out_addr(memory.json, &addr);
  }
  dc_json_out_mac(memory.json, MAC);
  dc_json_out_hex(memory.json, 0x800, 4);
  dc_json_out_hex(memory.json, 0, 1);
  dc_json_out_hex(memory.json, UINT64_C(0xffffffff81234567), 1);
  dc_json_out_end_array(memory.json);
  memory_finish(&memory);
  json_t *root = parse(&memory);
  for (size_t i = 0; i < G_N_ELEMENTS(ADDRESSES); i++)
    g_assert_cmpstr(json_string_value(json_array_get(root, i)), ==, ADDRESSES[i]);
  const size_t at = G_N_ELEMENTS(ADDRESSES);
  g_assert_cmpstr(json_string_value(json_array_get(root, at)), ==, "02-00-5E-FF-AB-09");
  g_assert_cmpstr(json_string_value(json_array_get(root, at + 1)), ==, "0x0800");
  g_assert_cmpstr(json_string_value(json_array_get(root, at + 2)), ==, "0x0");
  g_assert_cmpstr(json_string_value(json_array_get(root, at + 3)), ==, "0xffffffff81234567");
  json_decref(root);
  memory_close(&memory);
}

static void assert_string(const char *text, size_t len, const char *expected, size_t expected_len)
{
  Memory memory;
  memory_open(&memory, 0);
  dc_json_out_begin_array(memory.json);
  dc_json_out_string_len(memory.json, text, len);
  dc_json_out_end_array(memory.json);
  memory_finish(&memory);
  for (size_t i = 0; i + 1 < memory.len; i++)
    g_assert_true((uint8_t)memory.text[i] >= 0x20 && memory.text[i] != 0x7f);
  json_t *root = parse(&memory);
  const json_t *value = json_array_get(root, 0);
  g_assert_cmpuint(json_string_length(value), ==, expected_len);
  g_assert_true(memcmp(json_string_value(value), expected, expected_len) == 0);
  json_decref(root);
  memory_close(&memory);
}

static void test_strings(void)
{
  static const char *const SAME[] = {"",
                                     "plain",
                                     "quote \" backslash \\ slash /",
                                     "\b\f\n\r\t\x01\x1f\x7f",
                                     "Zürich 交換機",
                                     "\xf0\x9f\x92\xa9",
                                     "\xe2\x80\xa8\xe2\x80\xae\xc2\x9b",
                                     "\xf3\xa0\x81\x81"};
  for (size_t i = 0; i < G_N_ELEMENTS(SAME); i++)
    assert_string(SAME[i], strlen(SAME[i]), SAME[i], strlen(SAME[i]));
  assert_string("a\0b", 3, "a\0b", 3);
  assert_string("x\xff\xc0\xafy", 5, "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy", 11);
  assert_string("\xe4\xba", 2, "\xef\xbf\xbd\xef\xbf\xbd", 6);
}

/* Every byte alone and any bytes together come back, or come back as U+FFFD. */
static void test_strings_any(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(99);
  for (int round = 0; round < 5000; round++) {
    char text[40];
    const int len = g_rand_int_range(random, 0, sizeof text + 1);
    for (int i = 0; i < len; i++)
      text[i] = (char)g_rand_int_range(random, 0, 256);
    g_autoptr(GString) expected = g_string_new(NULL);
    for (int at = 0; at < len;) {
      const gunichar c = g_utf8_get_char_validated(text + at, len - at);
      const bool good = text[at] == '\0' || (c != (gunichar)-1 && c != (gunichar)-2);
      const int n = good ? (int)(g_utf8_next_char(text + at) - (text + at)) : 1;
      if (good)
        g_string_append_len(expected, text + at, n);
      else
        g_string_append(expected, "\xef\xbf\xbd");
      at += n;
    }
    assert_string(text, (size_t)len, expected->str, expected->len);
  }
}

/* Longer than any buffer: nothing is cut. */
static void test_long_string(void)
{
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < 70000; i++)
    g_string_append_printf(text, "%d\n", i);
  assert_string(text->str, text->len, text->str, text->len);
  g_autofree char *plain = g_strnfill(300000, 'x');
  assert_string(plain, 300000, plain, 300000);
}

static void write_until_error(DcJsonOut *json, GError **error)
{
  for (int i = 0; i < 100000; i++) {
    dc_json_out_begin_object(json);
    dc_json_out_key(json, "n");
    dc_json_out_int(json, i);
    dc_json_out_end_object(json);
    if (!dc_json_out_end_line(json, error))
      return;
  }
  g_assert_false(dc_json_out_flush(json, error));
}

static void test_no_space(void)
{
  FILE *full = fopen("/dev/full", "w");
  if (full == NULL) {
    g_test_skip("no /dev/full");
    return;
  }
  g_autoptr(DcJsonOut) json = dc_json_out_new(full, "/var/log/drops.ndjson", 0);
  g_autoptr(GError) error = NULL;
  write_until_error(json, &error);
  g_assert_error(error, DC_ERROR, DC_ERROR_IO);
  g_assert_nonnull(strstr(error->message, "/var/log/drops.ndjson"));
  g_assert_nonnull(strstr(error->message, g_strerror(ENOSPC)));
  g_autoptr(GError) again = NULL;
  g_assert_false(dc_json_out_flush(json, &again)); /* kept, not forgotten */
  g_assert_error(again, DC_ERROR, DC_ERROR_IO);
  fclose(full);
}

static void test_closed_pipe(void)
{
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
  close(ends[0]);
  FILE *stream = fdopen(ends[1], "w");
  g_autoptr(DcJsonOut) json = dc_json_out_new(stream, "standard output", 0);
  g_autoptr(GError) error = NULL;
  write_until_error(json, &error);
  g_assert_error(error, DC_ERROR, DC_ERROR_IO);
  g_assert_nonnull(strstr(error->message, "standard output"));
  g_assert_nonnull(strstr(error->message, g_strerror(EPIPE)));
  fclose(stream);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/json_out/structure", test_structure);
  g_test_add_func("/json_out/lines", test_lines);
  g_test_add_func("/json_out/indented", test_indented);
  g_test_add_func("/json_out/integers", test_integers);
  g_test_add_func("/json_out/times", test_times);
  g_test_add_func("/json_out/addresses", test_addresses);
  g_test_add_func("/json_out/strings", test_strings);
  g_test_add_func("/json_out/strings/any", test_strings_any);
  g_test_add_func("/json_out/strings/long", test_long_string);
  g_test_add_func("/json_out/errors/no-space", test_no_space);
  g_test_add_func("/json_out/errors/closed-pipe", test_closed_pipe);
  return g_test_run();
}
