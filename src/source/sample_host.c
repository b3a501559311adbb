/* The host as a whole: kernel version, kernel log, and what only a tool can tell (firewall rules). */
#include "sample_private.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/state_text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* As `uname -srvm` with a dash for the host's name, which is nobody's business. */
bool dc_sample_uname(GByteArray *buffer, GError **error)
{
  struct utsname names;
  if (uname(&names) != 0) {
    dc_sample_error(error, "uname", errno);
    return false;
  }
  dc_sample_append(buffer, "%s - %s %s %s\n", names.sysname, names.release, names.version, names.machine);
  return true;
}

/* --- kernel log --------------------------------------------------------------------- */

enum { SYSLOG_READ_ALL = 3, SYSLOG_SIZE_BUFFER = 10 }; /* of syslog(2), which glibc gives no names */

/* Only the lines that speak of drops: a kernel log holds much that belongs in no report. */
bool dc_sample_kernel_log(GByteArray *buffer, GError **error)
{
  enum { LOG_MAX = 16 << 20, LINES_MAX = 256 };
  const int size = klogctl(SYSLOG_SIZE_BUFFER, NULL, 0);
  if (size <= 0) {
    dc_sample_error(error, "kernel log", size < 0 ? errno : ENOENT);
    return false;
  }
  g_autofree char *text = g_malloc((gsize)MIN(size, LOG_MAX));
  const int len = klogctl(SYSLOG_READ_ALL, text, MIN(size, LOG_MAX));
  if (len < 0) {
    dc_sample_error(error, "kernel log", errno);
    return false;
  }

  /* from the end: the newest LINES_MAX of them */
  const char *starts[LINES_MAX];
  size_t lens[LINES_MAX];
  size_t count = 0;
  size_t end = (size_t)len;
  while (end > 0 && count < LINES_MAX) {
    const char *newline = memrchr(text, '\n', end - 1);
    const size_t start = newline != NULL ? (size_t)(newline - text) + 1 : 0;
    if (dc_state_text_is_drop_line(text + start, end - start)) {
      starts[count] = text + start;
      lens[count++] = end - start;
    }
    end = start;
  }
  while (count-- > 0) {
    /* "<4>[   12.3] text": the level is syslog's */
    const char *line = starts[count];
    size_t n = lens[count];
    const char *level = n > 0 && line[0] == '<' ? memchr(line, '>', MIN(n, 8)) : NULL;
    if (level != NULL) {
      n -= (size_t)(level + 1 - line);
      line = level + 1;
    }
    g_byte_array_append(buffer, (const guint8 *)line, (guint)n);
  }
  return true;
}

/* --- commands ------------------------------------------------------------------------- */

/* Fixed places: whoever runs us with privileges may have a PATH that others can write to. */
static char *find_program(const char *name)
{
  static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"};
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *path = g_build_filename(folders[i], name, NULL);
    if (access(path, X_OK) == 0)
      return g_steal_pointer(&path);
  }
  return NULL;
}

static bool start_program(const char *path, const char *const *argv, pid_t *ret_pid, int *ret_fd)
{
  static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0)
    return false;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigemptyset(&none);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_init(&attributes);
  /* signals our threads block would stay blocked in the child */
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int failure = posix_spawn(ret_pid, path, &actions, &attributes, (char *const *)(uintptr_t)argv,
                                  (char *const *)(uintptr_t)environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(pipe_fds[1]);
  if (failure != 0) {
    close(pipe_fds[0]);
    errno = failure;
    return false;
  }
  *ret_fd = pipe_fds[0];
  return true;
}

/* Reads until the program closes its end; false when it takes too long or says too much. */
static bool read_output(int fd, GByteArray *buffer, int64_t deadline_ns)
{
  enum { CHUNK = 32768 };
  const guint from = buffer->len;
  for (;;) {
    const int64_t left_ns = deadline_ns - dc_clock_monotonic();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (left_ns <= 0 || buffer->len - from > DC_SAMPLE_SIZE_MAX)
      return false;
    const int ready = poll(&wait, 1, (int)(left_ns / DC_NS_PER_MS) + 1);
    if (ready < 0 && errno != EINTR)
      return false;
    if (ready <= 0)
      continue;
    const guint at = buffer->len;
    g_byte_array_set_size(buffer, at + CHUNK);
    const ssize_t got = read(fd, buffer->data + at, CHUNK);
    g_byte_array_set_size(buffer, at + (got > 0 ? (guint)got : 0));
    if (got == 0)
      return true;
    if (got < 0 && errno != EINTR)
      return false;
  }
}

bool dc_sample_command(const char *const *argv, GByteArray *buffer, GError **error)
{
  g_autofree char *path = find_program(argv[0]);
  if (path == NULL) {
    dc_sample_error(error, argv[0], ENOENT);
    return false;
  }
  pid_t pid;
  int fd;
  if (!start_program(path, argv, &pid, &fd)) {
    dc_sample_error(error, path, errno);
    return false;
  }
  const guint from = buffer->len;
  const bool complete = read_output(fd, buffer, dc_clock_monotonic() + 5 * DC_NS_PER_S);
  close(fd);
  if (!complete)
    kill(pid, SIGKILL);
  int status = 0;
  pid_t waited;
  while ((waited = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
    continue;
  if (complete && waited == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return true;
  g_byte_array_set_size(buffer, from);
  if (!complete)
    g_set_error(error, DC_ERROR, DC_ERROR_LIMIT, "%s: no answer within 5 s, or one above %u MiB", path,
                DC_SAMPLE_SIZE_MAX >> 20);
  else
    g_set_error(error, DC_ERROR, geteuid() == 0 ? DC_ERROR_UNSUPPORTED : DC_ERROR_PERMISSION,
                "%s: ended with status %d (root needed? kernel without this firewall?)", path,
                WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return false;
}
