#include "input_buffer.h"

#include "dropcorr/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One read(2) asks for this much: large enough to amortise the call, small enough
 * that what was read is still in the second-level cache when it is decoded. */
#define READ_SIZE (256u << 10)

#define LINE_MAX_LEN (64u << 10)

static DcInput *input_new(const char *name, size_t capacity)
{
  DcInput *input = g_new0(DcInput, 1);
  input->name = g_strdup(name);
  input->fd = -1;
  input->capacity = capacity;
  input->data = g_malloc(capacity + 1);
  return input;
}

static DcErrorCode code_of_errno(int err)
{
  if (err == ENOENT || err == ENOTDIR)
    return DC_ERROR_NOT_FOUND;
  if (err == EACCES || err == EPERM)
    return DC_ERROR_PERMISSION;
  return DC_ERROR_IO;
}

static const char *remedy_of_errno(int err)
{
  if (err == ENOENT || err == ENOTDIR)
    return " (check the path)";
  if (err == EACCES || err == EPERM)
    return " (run as a user who may read it)";
  return "";
}

DcInput *dc_input_open(const char *path, GError **error)
{
  if (strcmp(path, "-") == 0) {
    if (isatty(STDIN_FILENO)) {
      g_set_error(error, DC_ERROR, DC_ERROR_USAGE,
                  "standard input is a terminal: pipe a file into it, or name the file instead of -");
      return NULL;
    }
    DcInput *input = input_new("standard input", 2 * READ_SIZE);
    input->fd = STDIN_FILENO;
    struct stat st;
    if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
      input->size = (uint64_t)st.st_size;
    return input;
  }

  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    int err = errno;
    g_set_error(error, DC_ERROR, (gint)code_of_errno(err), "%s: %s%s", path, g_strerror(err), remedy_of_errno(err));
    return NULL;
  }
  struct stat st;
  if (fstat(fd, &st) != 0) {
    int err = errno;
    (void)close(fd);
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: cannot examine it: %s", path, g_strerror(err));
    return NULL;
  }
  if (S_ISDIR(st.st_mode)) {
    (void)close(fd);
    g_set_error(error, DC_ERROR, DC_ERROR_IO,
                "%s: is a directory, a file is needed here (directories go with --context)", path);
    return NULL;
  }

  DcInput *input = input_new(path, 2 * READ_SIZE);
  input->fd = fd;
  input->close_fd = true;
  if (S_ISREG(st.st_mode)) {
    input->size = (uint64_t)st.st_size;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice only: failure costs speed, nothing else */
  }
  return input;
}

DcInput *dc_input_from_bytes(const void *bytes, size_t len, const char *name)
{
  DcInput *input = input_new(name, len);
  if (len > 0)
    memcpy(input->data, bytes, len);
  input->end = len;
  input->size = len;
  input->eof = true;
  return input;
}

void dc_input_set_stop(DcInput *input, const DcStop *stop)
{
  input->stop = stop;
}

bool dc_input_stopped(const DcInput *input)
{
  return input->stopped;
}

const char *dc_input_name(const DcInput *input)
{
  return input->name;
}

uint64_t dc_input_size(const DcInput *input)
{
  return input->size;
}

uint64_t dc_input_offset(const DcInput *input)
{
  return input->data_offset + input->begin;
}

/* Waits until the descriptor has something to read; false when it has not, and the stop flag is raised. */
static bool wait_readable(const DcInput *input)
{
  struct pollfd fds[2] = {{.fd = input->fd, .events = POLLIN}, {.fd = dc_stop_fd(input->stop), .events = POLLIN}};
  for (;;) {
    int n = poll(fds, 2, -1);
    if (n < 0 && errno != EINTR)
      return true; /* let read(2) tell what is wrong */
    if (n > 0)
      return fds[0].revents != 0;
  }
}

/* Makes place for at least n bytes after begin. n is at most DC_INPUT_WINDOW. */
static void make_room(DcInput *input, size_t n)
{
  if (input->begin + n <= input->capacity && input->capacity - input->end >= READ_SIZE / 2)
    return;
  size_t have = input->end - input->begin;
  if (n + READ_SIZE > input->capacity) {
    input->capacity = n + 2 * READ_SIZE;
    uint8_t *data = g_malloc(input->capacity + 1);
    memcpy(data, input->data + input->begin, have);
    g_free(input->data);
    input->data = data;
  } else {
    memmove(input->data, input->data + input->begin, have);
  }
  input->data_offset += input->begin;
  input->begin = 0;
  input->end = have;
}

/* One read into the free space, of which there is some. False at the end of input and on error. */
static bool fill_once(DcInput *input, GError **error)
{
  while (!input->eof) {
    if (input->stop != NULL && input->size == 0 && !wait_readable(input)) {
      input->eof = input->stopped = true;
      return false;
    }
    size_t room = input->capacity - input->end;
    ssize_t got = read(input->fd, input->data + input->end, MIN(room, READ_SIZE));
    if (got > 0) {
      input->end += (size_t)got;
      return true;
    }
    if (got == 0) {
      input->eof = true;
      return false;
    }
    if (errno == EINTR)
      continue;
    int err = errno;
    input->eof = true;
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: reading failed at byte %" G_GUINT64_FORMAT ": %s", input->name,
                input->data_offset + input->end, g_strerror(err));
    return false;
  }
  return false;
}

/* Apart, so that what is there already costs nothing more. */
static __attribute__((noinline)) size_t read_on(DcInput *input, size_t n, const uint8_t **ret_bytes, GError **error)
{
  if (n > DC_INPUT_WINDOW) {
    g_set_error(error, DC_ERROR, DC_ERROR_LIMIT,
                "%s: a piece of %zu bytes at byte %" G_GUINT64_FORMAT
                " is larger than the %u MiB that are read at once",
                input->name, n, dc_input_offset(input), DC_INPUT_WINDOW >> 20);
    return SIZE_MAX;
  }
  size_t have = input->end - input->begin;
  while (have < n && !input->eof) {
    g_autoptr(GError) read_error = NULL;
    make_room(input, n);
    if (!fill_once(input, &read_error) && read_error != NULL) {
      g_propagate_error(error, g_steal_pointer(&read_error));
      return SIZE_MAX;
    }
    have = input->end - input->begin;
  }
  *ret_bytes = input->data + input->begin;
  return MIN(have, n);
}

size_t dc_input_peek(DcInput *input, size_t n, const uint8_t **ret_bytes, GError **error)
{
  size_t have;
  const uint8_t *bytes = dc_input_buffered(input, &have);
  if (have < n)
    return read_on(input, n, ret_bytes, error);
  *ret_bytes = bytes;
  return n;
}

void dc_input_consume(DcInput *input, size_t n)
{
  g_return_if_fail(n <= input->end - input->begin);
  dc_input_take(input, n);
}

bool dc_input_skip(DcInput *input, uint64_t n, GError **error)
{
  while (n > 0) {
    size_t have = input->end - input->begin;
    if (have == 0) {
      const uint8_t *bytes;
      size_t got = dc_input_peek(input, 1, &bytes, error);
      if (got != 1)
        return false;
      have = input->end - input->begin;
    }
    size_t step = n < have ? (size_t)n : have;
    dc_input_consume(input, step);
    n -= step;
  }
  return true;
}

/* Position of the next newline after begin + from, or SIZE_MAX. */
static size_t find_newline(const DcInput *input, size_t from)
{
  size_t have = input->end - input->begin;
  if (from >= have)
    return SIZE_MAX;
  const uint8_t *start = input->data + input->begin;
  const uint8_t *at = memchr(start + from, '\n', have - from);
  return at != NULL ? (size_t)(at - start) : SIZE_MAX;
}

/* Drops the rest of a line whose beginning was given already. */
static bool skip_line_rest(DcInput *input, GError **error)
{
  for (;;) {
    size_t at = find_newline(input, 0);
    if (at != SIZE_MAX) {
      dc_input_consume(input, at + 1);
      return true;
    }
    dc_input_consume(input, input->end - input->begin);
    const uint8_t *bytes;
    size_t got = dc_input_peek(input, 1, &bytes, error);
    if (got == SIZE_MAX)
      return false;
    if (got == 0)
      return true;
  }
}

char *dc_input_line(DcInput *input, size_t *ret_len, GError **error)
{
  if (input->skip_line_rest) {
    input->skip_line_rest = false;
    if (!skip_line_rest(input, error))
      return NULL;
  }

  size_t scanned = 0;
  size_t at;
  while ((at = find_newline(input, scanned)) == SIZE_MAX) {
    scanned = input->end - input->begin;
    if (scanned > LINE_MAX_LEN || input->eof)
      break;
    g_autoptr(GError) read_error = NULL;
    make_room(input, scanned + 1);
    if (!fill_once(input, &read_error) && read_error != NULL) {
      g_propagate_error(error, g_steal_pointer(&read_error));
      return NULL;
    }
  }

  size_t have = input->end - input->begin;
  if (have == 0)
    return NULL;
  char *line = (char *)input->data + input->begin;
  size_t len, used;
  if (at <= LINE_MAX_LEN) {
    len = at;
    used = at + 1;
  } else if (at == SIZE_MAX && have <= LINE_MAX_LEN) {
    len = used = have; /* the last line lacks its newline; the spare byte takes the NUL */
  } else {
    len = LINE_MAX_LEN;
    used = LINE_MAX_LEN + 1; /* the byte under the NUL belongs to the rest that is not wanted */
    input->skip_line_rest = true;
  }
  if (len > 0 && line[len - 1] == '\r' && !input->skip_line_rest)
    len--;
  line[len] = '\0';
  dc_input_consume(input, used);
  *ret_len = len;
  return line;
}

void dc_input_free(DcInput *input)
{
  if (input == NULL)
    return;
  if (input->close_fd)
    (void)close(input->fd);
  g_free(input->data);
  g_free(input->name);
  g_free(input);
}
