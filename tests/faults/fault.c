/*
 * fault: what a machine does in bad moments, preloaded (LD_PRELOAD) into the program under test.
 *
 * DROPCORR_FAULT="CALL ERRNO AFTER [PATH]": from the AFTER-th call on (1: the first), CALL fails with that error
 * number. CALL is read, write, recvmsg, open, poll, malloc; reads and writes only of files whose path contains PATH,
 * if given. ERRNO 0: no failure, but as little as may be: one byte is read or written. `malloc' counts what the
 * libraries ask for, in all threads together; with "once" as PATH a single request fails.
 *
 * CALL probe: with the AFTER-th read of PATH the calls are tried that a reader of files must not be able to make, and
 * what came of it is told on standard error.
 *
 * DROPCORR_FAULT_CLOCK=FILE: the file holds a number of nanoseconds (int64); the clock, and the times of captured
 * frames, are off by so much from the moment it is written there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

static struct {
  char call[16], path[128];
  int error;
  unsigned long after;
  bool once, set;
} fault;
static atomic_ulong calls;
static atomic_bool suspended;
static const int64_t *clock_offset;

__attribute__((constructor)) static void prepare(void)
{
  const char *file = getenv("DROPCORR_FAULT_CLOCK");
  const int fd = file != NULL ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    const void *page = mmap(NULL, sizeof *clock_offset, PROT_READ, MAP_SHARED, fd, 0);
    clock_offset = page != MAP_FAILED ? page : NULL;
    close(fd);
  }
  const char *text = getenv("DROPCORR_FAULT");
  if (text != NULL && sscanf(text, "%15s %d %lu %127s", fault.call, &fault.error, &fault.after, fault.path) >= 3) {
    fault.once = strcmp(fault.path, "once") == 0;
    fault.set = true;
  }
}

static void *real(const char *name)
{
  return dlsym(RTLD_NEXT, name);
}

static bool is_due(const char *call)
{
  if (!fault.set || suspended || strcmp(call, fault.call) != 0)
    return false;
  const unsigned long number = atomic_fetch_add(&calls, 1) + 1;
  return fault.once ? number == fault.after : number >= fault.after;
}

/* Is that call's turn, on that file? */
static bool is_due_on(const char *call, int fd)
{
  char link[64], path[4096];
  if (!fault.set || strcmp(call, fault.call) != 0)
    return false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t len = readlink(link, path, sizeof path - 1);
  if (len < 0)
    return false;
  path[len] = '\0';
  return (fault.path[0] == '\0' || fault.once || strstr(path, fault.path) != NULL) && is_due(call);
}

static void probe(void)
{
  char *const words[] = {(char *)(uintptr_t) "true", NULL};
  static const int domains[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET};
  int pair[2];
  for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
    fprintf(stderr, "probe: socket %d: %s\n", domains[i],
            socket(domains[i], SOCK_DGRAM, 0) < 0 ? strerror(errno) : "made");
  fprintf(stderr, "probe: socketpair: %s\n", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? strerror(errno) : "made");
  fprintf(stderr, "probe: ptrace: %s\n", syscall(SYS_ptrace, 0, 0, 0, 0) < 0 ? strerror(errno) : "done");
  execve("/bin/true", words, NULL);
  fprintf(stderr, "probe: execve: %s\n", strerror(errno));
}

ssize_t read(int fd, void *bytes, size_t len)
{
  if (is_due_on("probe", fd))
    probe();
  if (is_due_on("read", fd)) {
    if (fault.error != 0) {
      errno = fault.error;
      return -1;
    }
    len = len > 1 ? 1 : len;
  }
  return syscall(SYS_read, fd, bytes, len);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
  if (is_due_on("write", fd)) {
    if (fault.error != 0) {
      errno = fault.error;
      return -1;
    }
    len = len > 1 ? 1 : len;
  }
  return syscall(SYS_write, fd, bytes, len);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
  if (is_due_on("recvmsg", fd)) {
    errno = fault.error;
    return -1;
  }
  return syscall(SYS_recvmsg, fd, message, flags);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
  if (is_due_on("recvmsg", fd)) {
    errno = fault.error;
    return -1;
  }
  return syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

/* --- memory ----------------------------------------------------------------------------------------- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
  if (is_due("malloc")) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
  if (is_due("malloc")) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
  if (size > 0 && is_due("malloc")) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_realloc(old, size);
}

extern void *seccomp_init(uint32_t action);
extern void seccomp_release(void *filter);

/* libseccomp 2.5 does not survive it: it loops for ever when it gets no memory for a filter. */
void *seccomp_init(uint32_t action)
{
  void *(*const init)(uint32_t) = (void *(*)(uint32_t))real("seccomp_init");
  suspended = true;
  return init(action);
}

void seccomp_release(void *filter)
{
  void (*const release)(void *) = (void (*)(void *))real("seccomp_release");
  release(filter);
  suspended = false;
}

struct tep_handle;
extern struct tep_handle *tracefs_local_events_system(const char *tracing_dir, const char *const *systems);

/* Nor libtraceevent 1.7, whose parser goes on with what it did not get. */
struct tep_handle *tracefs_local_events_system(const char *tracing_dir, const char *const *systems)
{
  struct tep_handle *(*const read_formats)(const char *, const char *const *) =
      (struct tep_handle * (*)(const char *, const char *const *)) real("tracefs_local_events_system");
  const bool before = suspended;
  suspended = true;
  struct tep_handle *handle = read_formats(tracing_dir, systems);
  suspended = before;
  return handle;
}

/* --- the clock ---------------------------------------------------------------------------------------- */

static int64_t offset_now(void)
{
  return clock_offset != NULL ? *(const volatile int64_t *)clock_offset : 0;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
  const int status = (int)syscall(SYS_clock_gettime, id, now);
  if (status == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    const int64_t offset = offset_now();
    now->tv_sec += offset / NS_PER_S;
  }
  return status;
}

typedef struct {
  pcap_handler handler;
  u_char *data;
} Handler;

static void stepped(u_char *data, const struct pcap_pkthdr *header, const u_char *bytes)
{
  const Handler *handler = (const Handler *)(const void *)data;
  struct pcap_pkthdr moved = *header;
  moved.ts.tv_sec += offset_now() / NS_PER_S;
  handler->handler(handler->data, &moved, bytes);
}

int pcap_dispatch(pcap_t *pcap, int count, pcap_handler handler, u_char *data)
{
  int (*const dispatch)(pcap_t *, int, pcap_handler, u_char *) =
      (int (*)(pcap_t *, int, pcap_handler, u_char *))real("pcap_dispatch");
  Handler own = {.handler = handler, .data = data};
  return dispatch(pcap, count, stepped, (u_char *)&own);
}
