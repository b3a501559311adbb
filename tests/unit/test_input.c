#include "dropcorr/source/input.h"

#include "assert_bytes.h"
#include "dropcorr/base/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *dir;
  char *path;
} Place;

static Place place_new(void)
{
  Place place = {.dir = g_dir_make_tmp("dropcorr-input-XXXXXX", NULL)};
  g_assert_nonnull(place.dir);
  place.path = g_build_filename(place.dir, "input", NULL);
  return place;
}

static void place_clear(Place *place)
{
  (void)g_unlink(place->path);
  g_assert_cmpint(g_rmdir(place->dir), ==, 0);
  g_free(place->path);
  g_free(place->dir);
}

static GByteArray *random_bytes(size_t len)
{
  GByteArray *bytes = g_byte_array_sized_new((guint)len);
  for (size_t i = 0; i < len; i += 4) {
    uint32_t word = (uint32_t)g_test_rand_int();
    g_byte_array_append(bytes, (const uint8_t *)&word, (guint)MIN(4, len - i));
  }
  return bytes;
}

/* Writes bytes into a pipe in pieces of random size, as a slow program would. */
typedef struct {
  const char *path;
  const GByteArray *bytes;
  uint32_t seed;
} Writer;

static void *write_pipe(void *data)
{
  const Writer *writer = data;
  GRand *rand = g_rand_new_with_seed(writer->seed);
  int fd = open(writer->path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(fd, >=, 0);
  size_t at = 0;
  while (at < writer->bytes->len) {
    size_t piece = (size_t)g_rand_int_range(rand, 1, 100000);
    ssize_t wrote = write(fd, writer->bytes->data + at, MIN(piece, writer->bytes->len - at));
    g_assert_cmpint(wrote, >, 0);
    at += (size_t)wrote;
  }
  g_assert_cmpint(close(fd), ==, 0);
  g_rand_free(rand);
  return NULL;
}

/* Reads to the end by peeks of random size, of which a random part is consumed; what comes must be bytes. */
static void check_content(DcInput *input, const GByteArray *bytes, size_t largest)
{
  size_t at = 0;
  for (;;) {
    size_t want = (size_t)g_test_rand_int_range(1, (gint32)largest + 1);
    if (g_test_rand_int_range(0, 8) > 0)
      want = want % 3000 + 1; /* mostly small ones, as packets are */
    const uint8_t *piece;
    GError *error = NULL;
    size_t have = dc_input_peek(input, want, &piece, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(dc_input_offset(input), ==, at);
    g_assert_cmpuint(have, ==, MIN(want, bytes->len - at));
    assert_bytes(piece, have, bytes->data + at, have);
    if (have == 0)
      break;
    size_t used = (size_t)g_test_rand_int_range(1, (gint32)have + 1);
    dc_input_consume(input, used);
    assert_bytes(piece, have, bytes->data + at, have); /* consuming leaves it readable */
    at += used;
    if (g_test_rand_int_range(0, 50) == 0) {
      size_t skip = (size_t)g_test_rand_int_range(0, 200000);
      g_assert_cmpint(dc_input_skip(input, skip, &error), ==, at + skip <= bytes->len);
      g_assert_no_error(error);
      at = MIN(at + skip, bytes->len);
    }
  }
  g_assert_cmpuint(at, ==, bytes->len);
}

static void test_file(void)
{
  Place place = place_new();
  g_autoptr(GByteArray) bytes = random_bytes((13u << 20) + 777);
  g_assert_true(g_file_set_contents(place.path, (const char *)bytes->data, bytes->len, NULL));
  GError *error = NULL;
  g_autoptr(DcInput) input = dc_input_open(place.path, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(dc_input_name(input), ==, place.path);
  g_assert_cmpuint(dc_input_size(input), ==, bytes->len);
  check_content(input, bytes, DC_INPUT_WINDOW);
  place_clear(&place);
}

static void test_pipe(void)
{
  Place place = place_new();
  g_assert_cmpint(mkfifo(place.path, 0600), ==, 0);
  g_autoptr(GByteArray) bytes = random_bytes((5u << 20) + 3);
  Writer writer = {.path = place.path, .bytes = bytes, .seed = (uint32_t)g_test_rand_int()};
  pthread_t thread;
  g_assert_cmpint(pthread_create(&thread, NULL, write_pipe, &writer), ==, 0);
  GError *error = NULL;
  g_autoptr(DcInput) input = dc_input_open(place.path, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(dc_input_size(input), ==, 0);
  check_content(input, bytes, 600000);
  g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
  place_clear(&place);
}

static void test_bytes(void)
{
  g_autoptr(GByteArray) bytes = random_bytes(70000);
  g_autoptr(DcInput) input = dc_input_from_bytes(bytes->data, bytes->len, "memory");
  g_assert_cmpstr(dc_input_name(input), ==, "memory");
  check_content(input, bytes, 100000);
  const uint8_t *piece;
  g_assert_cmpuint(dc_input_peek(input, 1, &piece, NULL), ==, 0);

  g_autoptr(DcInput) empty = dc_input_from_bytes(NULL, 0, "nothing");
  g_assert_cmpuint(dc_input_peek(empty, 10, &piece, NULL), ==, 0);
  g_assert_true(dc_input_skip(empty, 0, NULL));
  g_assert_false(dc_input_skip(empty, 1, NULL));
}

static void test_window(void)
{
  g_autoptr(DcInput) input = dc_input_from_bytes("abc", 3, "memory");
  GError *error = NULL;
  const uint8_t *piece;
  g_assert_cmpuint(dc_input_peek(input, DC_INPUT_WINDOW + 1, &piece, &error), ==, SIZE_MAX);
  g_assert_error(error, DC_ERROR, DC_ERROR_LIMIT);
  g_clear_error(&error);
  g_assert_cmpuint(dc_input_peek(input, DC_INPUT_WINDOW, &piece, &error), ==, 3);
  g_assert_no_error(error);
}

/* A pipe whose writer stays silent must give what it has at once, and end when stop is requested. */
typedef struct {
  const char *path;
  DcStop *stop;
  int fd;
} Silent;

static void *stay_silent(void *data)
{
  Silent *silent = data;
  silent->fd = open(silent->path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(write(silent->fd, "first\nsecond", 12), ==, 12);
  g_usleep(50000);
  dc_stop_request(silent->stop);
  return NULL;
}

static void test_stop(void)
{
  Place place = place_new();
  g_assert_cmpint(mkfifo(place.path, 0600), ==, 0);
  g_autoptr(DcStop) stop = dc_stop_new(NULL);
  Silent silent = {.path = place.path, .stop = stop};
  pthread_t thread;
  g_assert_cmpint(pthread_create(&thread, NULL, stay_silent, &silent), ==, 0);
  GError *error = NULL;
  g_autoptr(DcInput) input = dc_input_open(place.path, &error);
  g_assert_no_error(error);
  dc_input_set_stop(input, stop);
  size_t len;
  g_assert_cmpstr(dc_input_line(input, &len, &error), ==, "first"); /* not waiting for more */
  const uint8_t *piece;
  size_t have = dc_input_peek(input, 1000, &piece, &error);
  g_assert_no_error(error);
  assert_bytes(piece, have, "second", 6);
  g_assert_true(dc_stop_requested(stop));
  g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
  (void)close(silent.fd);
  place_clear(&place);
}

static void check_line(DcInput *input, const char *text, size_t len)
{
  GError *error = NULL;
  size_t got;
  const char *line = dc_input_line(input, &got, &error);
  g_assert_no_error(error);
  g_assert_nonnull(line);
  assert_bytes(line, got, text, len);
  g_assert_cmpint(line[got], ==, '\0');
}

static void check_lines(DcInput *input, const char *longest)
{
  check_line(input, "one", 3);
  check_line(input, "", 0);
  check_line(input, "two", 3);
  check_line(input, "", 0);
  check_line(input, "a\0b", 3);
  check_line(input, "\rcr", 3);
  check_line(input, longest, 65536); /* just fits */
  check_line(input, longest, 65536); /* one more: cut */
  check_line(input, "after", 5);
  check_line(input, longest, 65536); /* 3 MiB: cut */
  check_line(input, "last", 4);
  size_t len;
  g_assert_null(dc_input_line(input, &len, NULL));
  g_assert_null(dc_input_line(input, &len, NULL));
}

static void test_lines(void)
{
  g_autofree char *longest = g_strnfill(3u << 20, 'x');
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_byte_array_append(bytes, (const uint8_t *)"one\n\ntwo\r\n\r\na\0b\n\rcr\n", 20);
  g_byte_array_append(bytes, (const uint8_t *)longest, 65536);
  g_byte_array_append(bytes, (const uint8_t *)"\n", 1);
  g_byte_array_append(bytes, (const uint8_t *)longest, 65537);
  g_byte_array_append(bytes, (const uint8_t *)"\r\nafter\n", 8);
  g_byte_array_append(bytes, (const uint8_t *)longest, 3u << 20);
  g_byte_array_append(bytes, (const uint8_t *)"\nlast", 5);

  g_autoptr(DcInput) memory = dc_input_from_bytes(bytes->data, bytes->len, "memory");
  check_lines(memory, longest);

  Place place = place_new();
  g_assert_cmpint(mkfifo(place.path, 0600), ==, 0);
  Writer writer = {.path = place.path, .bytes = bytes, .seed = (uint32_t)g_test_rand_int()};
  pthread_t thread;
  g_assert_cmpint(pthread_create(&thread, NULL, write_pipe, &writer), ==, 0);
  g_autoptr(DcInput) pipe_input = dc_input_open(place.path, NULL);
  check_lines(pipe_input, longest);
  g_assert_cmpuint(dc_input_offset(pipe_input), ==, bytes->len);
  g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
  place_clear(&place);
}

static void test_open_errors(void)
{
  Place place = place_new();
  GError *error = NULL;
  g_assert_null(dc_input_open(place.path, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_assert_nonnull(strstr(error->message, place.path));
  g_clear_error(&error);

  g_assert_null(dc_input_open(place.dir, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_IO);
  g_assert_nonnull(strstr(error->message, "directory"));
  g_clear_error(&error);

  if (geteuid() != 0) { /* root may read everything */
    g_assert_true(g_file_set_contents(place.path, "x", 1, NULL));
    g_assert_cmpint(g_chmod(place.path, 0), ==, 0);
    g_assert_null(dc_input_open(place.path, &error));
    g_assert_error(error, DC_ERROR, DC_ERROR_PERMISSION);
    g_clear_error(&error);
  }
  place_clear(&place);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/input/file", test_file);
  g_test_add_func("/input/pipe", test_pipe);
  g_test_add_func("/input/bytes", test_bytes);
  g_test_add_func("/input/window", test_window);
  g_test_add_func("/input/stop", test_stop);
  g_test_add_func("/input/lines", test_lines);
  g_test_add_func("/input/open-errors", test_open_errors);
  return g_test_run();
}
