/*
 * The guard: a forked child behind a socket pair. The parent's orders are one struct each
 * (SOCK_SEQPACKET keeps their borders); answers go the other way.
 */
#include "dropcorr/source/guard.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/source/sampler.h"
#include "netdm_control.h"
#include "tracefs_instance.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FINISH_TIMEOUT_NS (30 * DC_NS_PER_S)
#define CHUNK 65536

typedef enum { ORDER_INSTANCE, ORDER_NETDM, ORDER_SAMPLE } OrderKind;

typedef struct {
  uint8_t kind; /* OrderKind */
  bool set;     /* else: forget it */
  DcGuardNetdm netdm;
  char path[512];
} Order;

typedef enum { ANSWER_SAMPLE, ANSWER_CHUNK, ANSWER_SAMPLES_END, ANSWER_PROBLEM } AnswerKind;

/* Followed by len bytes in the same message. */
typedef struct {
  uint8_t kind; /* AnswerKind */
  int64_t time_ns;
  size_t total; /* SAMPLE: bytes of text in the chunks that follow */
  size_t len;   /* SAMPLE: the name with its NUL; CHUNK: text; PROBLEM: a line with its NUL */
} Answer;

struct DcGuard {
  pid_t pid;
  int fd;
};

/* --- the child --------------------------------------------------------------- */

typedef struct {
  int fd;
  int instances; /* the folder of the instance, held open: tracefs may be unmounted meanwhile; -1 none */
  Order instance, netdm;
} Child;

static bool send_answer(int fd, Answer answer, const void *body)
{
  struct iovec parts[2] = {{.iov_base = &answer, .iov_len = sizeof answer},
                           {.iov_base = (void *)(uintptr_t)body, .iov_len = answer.len}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  ssize_t sent;
  while ((sent = sendmsg(fd, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
    continue;
  return sent >= 0;
}

static void send_problem(const Child *child, const char *text)
{
  send_answer(child->fd, (Answer){.kind = ANSWER_PROBLEM, .len = strlen(text) + 1}, text);
}

static void send_sample(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data)
{
  const Child *child = data;
  const Answer head = {.kind = ANSWER_SAMPLE, .time_ns = time_ns, .total = len, .len = strlen(name) + 1};
  if (!send_answer(child->fd, head, name))
    return;
  for (size_t at = 0; at < len; at += CHUNK) {
    if (!send_answer(child->fd, (Answer){.kind = ANSWER_CHUNK, .len = MIN(CHUNK, len - at)}, text + at))
      return;
  }
}

static void take_samples(const Child *child)
{
  g_autoptr(DcSampler) sampler = dc_sampler_new(NULL, "");
  dc_sampler_take(sampler, DC_SAMPLE_PRIVILEGED, DC_PHASE_AFTER, send_sample, (void *)(uintptr_t)child);
  send_answer(child->fd, (Answer){.kind = ANSWER_SAMPLES_END}, NULL);
}

static void restore_netdm(const Child *child)
{
  const DcGuardNetdm *netdm = &child->netdm.netdm;
  DcNetdmControl control = {0};
  g_autoptr(GError) error = NULL;
  int failure = 0;
  if (!dc_netdm_control_open(&control, &error)) {
    send_problem(child, error->message);
    return;
  }
  if (netdm->stop) {
    failure = dc_netdm_stop(&control, true, netdm->hardware);
    if (failure == EAGAIN) /* kernels before 5.4 say so when it is off already */
      failure = 0;
  }
  const DcNetdmConfig config = {
      .alert_mode = netdm->alert_mode, .trunc_len = netdm->trunc_len, .queue_len = netdm->queue_len};
  if (failure == 0 && netdm->configure)
    failure = dc_netdm_set_config(&control, &config);
  if (failure != 0) {
    g_autofree char *text =
        g_strdup_printf("drop monitor could not be put back: %s (by hand: dropwatch, \"stop\")", g_strerror(failure));
    send_problem(child, text);
  }
  dc_netdm_control_close(&control);
}

/* The parent's descriptors keep the instance busy until the last of them is closed, which a dying process
 * does in its own time. */
static void remove_instance(const Child *child)
{
  g_autofree char *name = g_path_get_basename(child->instance.path);
  int failure = 0;
  for (int tries = 0; tries < 150; tries++) {
    failure =
        child->instances >= 0 ? dc_tracefs_remove_in(child->instances, name) : dc_tracefs_remove(child->instance.path);
    if (failure != EBUSY)
      break;
    poll(NULL, 0, 20);
  }
  if (failure == 0 || failure == ENOENT)
    return;
  g_autofree char *text = g_strdup_printf("%s could not be removed: %s (by hand: rmdir %s)", child->instance.path,
                                          g_strerror(failure), child->instance.path);
  send_problem(child, text);
}

static void watch_instance(Child *child, const Order *order)
{
  if (child->instances >= 0)
    close(child->instances);
  g_autofree char *folder = g_path_get_dirname(order->path);
  child->instances = order->set ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  child->instance = *order;
}

static void obey(Child *child, const Order *order)
{
  switch ((OrderKind)order->kind) {
  case ORDER_INSTANCE:
    watch_instance(child, order);
    return;
  case ORDER_NETDM:
    child->netdm = *order;
    return;
  case ORDER_SAMPLE:
    take_samples(child);
    return;
  }
}

/* What the guard does needs these; it reads nothing that comes from outside. */
static void keep_few_capabilities(void)
{
  static const unsigned wanted[] = {CAP_NET_ADMIN,  CAP_SYS_ADMIN,       CAP_SYSLOG,
                                    CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE};
  unsigned kept[G_N_ELEMENTS(wanted)];
  size_t count = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
    if (capng_have_capability(CAPNG_PERMITTED, wanted[i]))
      kept[count++] = wanted[i];
  }
  capng_clear(CAPNG_SELECT_CAPS);
  for (size_t i = 0; i < count; i++)
    capng_update(CAPNG_ADD, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED), kept[i]);
  capng_apply(CAPNG_SELECT_CAPS);
}

G_NORETURN static void run_child(int fd)
{
  /* The terminal's signals are meant for the parent, whose end is the guard's sign. */
  static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};
  for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
    signal(ignored[i], SIG_IGN);
  prctl(PR_SET_NAME, "dropcorr-guard");
  if (chdir("/") != 0)
    _exit(EXIT_FAILURE);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard < 3; standard++) {
    if (null < 0 || dup2(null, standard) < 0)
      _exit(EXIT_FAILURE);
  }
  /* Whatever else the parent had open must not stay open because of the guard. */
  if (fd > 3)
    close_range(3, (unsigned)fd - 1, 0);
  close_range((unsigned)fd + 1, ~0u, 0);
  keep_few_capabilities();

  Child child = {.fd = fd, .instances = -1};
  for (;;) {
    Order order;
    const ssize_t got = recv(fd, &order, sizeof order, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got != (ssize_t)sizeof order)
      break;
    obey(&child, &order);
  }
  if (child.netdm.set)
    restore_netdm(&child);
  if (child.instance.set)
    remove_instance(&child);
  _exit(EXIT_SUCCESS);
}

/* --- the parent -------------------------------------------------------------- */

DcGuard *dc_guard_start(GError **error)
{
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    const int code = errno;
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "guard process: socketpair: %s", g_strerror(code));
    return NULL;
  }
  const pid_t pid = fork();
  if (pid < 0) {
    const int code = errno;
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "guard process: fork: %s", g_strerror(code));
    close(fds[0]);
    close(fds[1]);
    return NULL;
  }
  if (pid == 0) {
    close(fds[0]);
    run_child(fds[1]);
  }
  close(fds[1]);
  DcGuard *guard = g_new0(DcGuard, 1);
  guard->pid = pid;
  guard->fd = fds[0];
  return guard;
}

static bool send_order(DcGuard *guard, const Order *order)
{
  ssize_t sent;
  while ((sent = send(guard->fd, order, sizeof *order, MSG_NOSIGNAL)) < 0 && errno == EINTR)
    continue;
  return sent == (ssize_t)sizeof *order;
}

bool dc_guard_watch_instance(DcGuard *guard, const char *path)
{
  Order order = {.kind = ORDER_INSTANCE, .set = path != NULL};
  if (path != NULL && g_strlcpy(order.path, path, sizeof order.path) >= sizeof order.path)
    return false;
  return send_order(guard, &order);
}

bool dc_guard_watch_netdm(DcGuard *guard, const DcGuardNetdm *netdm)
{
  Order order = {.kind = ORDER_NETDM, .set = netdm != NULL};
  if (netdm != NULL)
    order.netdm = *netdm;
  return send_order(guard, &order);
}

/* One answer; false at the end, on an error or after the deadline (monotonic). body: CHUNK + 1 bytes. */
static bool receive(DcGuard *guard, int64_t deadline_ns, Answer *ret_answer, uint8_t *body)
{
  for (;;) {
    const int64_t left_ms = (deadline_ns - dc_clock_monotonic()) / DC_NS_PER_MS;
    struct pollfd wait = {.fd = guard->fd, .events = POLLIN};
    const int ready = left_ms > 0 ? poll(&wait, 1, (int)MIN(left_ms, G_MAXINT)) : 0;
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0)
      return false;
    struct iovec parts[2] = {{.iov_base = ret_answer, .iov_len = sizeof *ret_answer},
                             {.iov_base = body, .iov_len = CHUNK}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    const ssize_t got = recvmsg(guard->fd, &message, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < (ssize_t)sizeof *ret_answer || (size_t)got - sizeof *ret_answer != ret_answer->len)
      return false;
    body[ret_answer->len] = '\0';
    return true;
  }
}

bool dc_guard_sample(DcGuard *guard, int64_t timeout_ns,
                     void (*visit)(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data),
                     void *data)
{
  const Order order = {.kind = ORDER_SAMPLE, .set = true};
  if (!send_order(guard, &order))
    return false;
  const int64_t deadline = dc_clock_monotonic() + timeout_ns;
  g_autofree uint8_t *body = g_malloc(CHUNK + 1);
  g_autofree char *name = NULL;
  g_autoptr(GByteArray) text = g_byte_array_new();
  Answer answer, head = {0};
  while (receive(guard, deadline, &answer, body)) {
    switch ((AnswerKind)answer.kind) {
    case ANSWER_SAMPLES_END:
      return true;
    case ANSWER_PROBLEM:
      continue;
    case ANSWER_SAMPLE:
      head = answer;
      g_free(name);
      name = g_strdup((const char *)body);
      g_byte_array_set_size(text, 0);
      break;
    case ANSWER_CHUNK:
      g_byte_array_append(text, body, (guint)answer.len);
      break;
    }
    if (name != NULL && text->len == head.total)
      visit(name, head.time_ns, text->data, text->len, data);
  }
  return false;
}

bool dc_guard_finish(DcGuard *guard, GError **error)
{
  if (guard == NULL)
    return true;
  shutdown(guard->fd, SHUT_WR);
  const int64_t deadline = dc_clock_monotonic() + FINISH_TIMEOUT_NS;
  g_autofree uint8_t *body = g_malloc(CHUNK + 1);
  g_autoptr(GString) problems = g_string_new(NULL);
  Answer answer;
  while (receive(guard, deadline, &answer, body)) {
    if (answer.kind == ANSWER_PROBLEM)
      g_string_append_printf(problems, "%s%s", problems->len > 0 ? "; " : "", (const char *)body);
  }
  /* The guard ends on its own; should it hang in the kernel, nobody is helped by waiting for it. */
  int status = 0;
  pid_t ended;
  while ((ended = waitpid(guard->pid, &status, dc_clock_monotonic() < deadline ? 0 : WNOHANG)) < 0 && errno == EINTR)
    continue;
  if (ended == 0)
    g_string_append(problems, problems->len > 0 ? "; the guard process hangs" : "the guard process hangs");
  else if (ended == guard->pid && (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS))
    g_string_append(problems, problems->len > 0 ? "; the guard process failed" : "the guard process failed");
  close(guard->fd);
  g_free(guard);
  if (problems->len == 0)
    return true;
  g_set_error_literal(error, DC_ERROR, DC_ERROR_IO, problems->str);
  return false;
}

void dc_guard_free(DcGuard *guard)
{
  dc_guard_finish(guard, NULL);
}
