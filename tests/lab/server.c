/*
 * server: the lab's services.  Each misbehaves in one known way, and each way
 * makes the kernel lose packets at a place of its own:
 *
 *   server tcp-echo PORT              answers every connection: nothing is lost
 *   server tcp-no-accept PORT BACKLOG listens, never accepts: the accept queue
 *                                     fills and further SYNs are ignored
 *   server tcp-no-read PORT RCVBUF    accepts, never reads: the window closes
 *   server tcp-shrink PORT RCVBUF     once data is there it shrinks its receive
 *                                     buffer below what the window promised
 *   server tcp-close PORT             accepts and closes at once
 *   server udp-sink PORT              reads all datagrams: nothing is lost
 *   server udp-asleep PORT RCVBUF     never reads: the receive buffer fills
 *   server udp-filter PORT            a socket filter rejects every datagram
 *
 * It goes to the background once its socket is bound and prints its process id:
 * when `pid=$(server ...)` returns, the service is ready.  It ends on SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 64 };

static const char HELP[] = "usage: server tcp-echo PORT | tcp-no-accept PORT BACKLOG | udp-sink PORT\n"
                           "       server tcp-no-read PORT RCVBUF | tcp-shrink PORT RCVBUF | tcp-close PORT\n"
                           "       server udp-asleep PORT RCVBUF | udp-filter PORT\n";

static void fail(const char *what)
{
  fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int number(const char *text)
{
  char *end;
  long value = strtol(text, &end, 10);

  if (end == text || *end || value < 0 || value > 1 << 30) {
    fprintf(stderr, "server: not a number: %s\n%s", text, HELP);
    exit(2);
  }
  return (int)value;
}

/* One socket for both families: IPv4 arrives as mapped addresses. */
static int bound_socket(int type, int port)
{
  int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  if (fd < 0)
    fail("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)))
    fail("SO_REUSEADDR");
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
    fail("bind");
  return fd;
}

/* The parent reports the child's id and leaves; the child serves. */
static void detach(void)
{
  pid_t pid = fork();
  if (pid < 0)
    fail("fork");
  if (pid > 0) {
    printf("%d\n", (int)pid);
    fflush(stdout);
    _exit(0);
  }
  int null = open("/dev/null", O_RDWR);
  if (null < 0)
    fail("/dev/null");
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  if (null > STDERR_FILENO)
    close(null);
}

static _Noreturn void sleep_forever(void)
{
  for (;;)
    pause();
}

/* Echoes on all connections at once; a finished one is closed in its turn. */
static _Noreturn void serve_echo(int listener)
{
  struct pollfd fds[1 + MAX_CLIENTS] = {{.fd = listener, .events = POLLIN}};
  nfds_t used = 1;

  for (;;) {
    if (poll(fds, used, -1) < 0 && errno != EINTR)
      fail("poll");
    for (nfds_t i = used; i-- > 1;) {
      char buf[4096];
      if (!fds[i].revents)
        continue;
      ssize_t n = recv(fds[i].fd, buf, sizeof(buf), 0);
      if (n <= 0 || send(fds[i].fd, buf, (size_t)n, MSG_NOSIGNAL) != n) {
        close(fds[i].fd);
        fds[i] = fds[--used];
      }
    }
    if (fds[0].revents && used < 1 + MAX_CLIENTS) {
      int fd = accept(listener, NULL, NULL);
      if (fd >= 0)
        fds[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
  }
}

static void set_rcvbuf(int fd, int size)
{
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
    fail("SO_RCVBUF");
}

/* Keeps each connection; with a size, shrinks its receive buffer when the first data came. */
static _Noreturn void serve_unread(int listener, int size)
{
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
      continue;
    if (size > 0 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1) == 1)
      set_rcvbuf(fd, size);
  }
}

static _Noreturn void serve_close(int listener)
{
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0)
      close(fd);
  }
}

static _Noreturn void serve_sink(int fd)
{
  char buf[65536];

  for (;;)
    if (recv(fd, buf, sizeof(buf), 0) < 0 && errno != EINTR)
      fail("recv");
}

/* A classic BPF program of one instruction: keep no byte of any datagram. */
static void reject_everything(int fd)
{
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  struct sock_fprog program = {.len = 1, .filter = code};

  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
    fail("SO_ATTACH_FILTER");
}

int main(int argc, char **argv)
{
  if (argc < 3) {
    fputs(HELP, stderr);
    return 2;
  }
  const char *kind = argv[1];
  int port = number(argv[2]);

  if (!strcmp(kind, "tcp-echo") && argc == 3) {
    int fd = bound_socket(SOCK_STREAM, port);
    if (listen(fd, 128))
      fail("listen");
    detach();
    serve_echo(fd);
  }
  if (!strcmp(kind, "tcp-no-accept") && argc == 4) {
    int fd = bound_socket(SOCK_STREAM, port);
    if (listen(fd, number(argv[3])))
      fail("listen");
    detach();
    sleep_forever();
  }
  if ((!strcmp(kind, "tcp-no-read") || !strcmp(kind, "tcp-shrink")) && argc == 4) {
    int fd = bound_socket(SOCK_STREAM, port);
    bool shrinks = !strcmp(kind, "tcp-shrink");
    int size = number(argv[3]);
    /* Inherited by the connections, and set before listen() because it limits the window scale. */
    if (!shrinks)
      set_rcvbuf(fd, size);
    if (listen(fd, 8))
      fail("listen");
    detach();
    serve_unread(fd, shrinks ? size : 0);
  }
  if (!strcmp(kind, "tcp-close") && argc == 3) {
    int fd = bound_socket(SOCK_STREAM, port);
    if (listen(fd, 8))
      fail("listen");
    detach();
    serve_close(fd);
  }
  if (!strcmp(kind, "udp-sink") && argc == 3) {
    int fd = bound_socket(SOCK_DGRAM, port);
    detach();
    serve_sink(fd);
  }
  if (!strcmp(kind, "udp-asleep") && argc == 4) {
    int fd = bound_socket(SOCK_DGRAM, port);
    int size = number(argv[3]);
    set_rcvbuf(fd, size);
    detach();
    sleep_forever();
  }
  if (!strcmp(kind, "udp-filter") && argc == 3) {
    int fd = bound_socket(SOCK_DGRAM, port);
    reject_everything(fd);
    detach();
    sleep_forever();
  }
  fputs(HELP, stderr);
  return 2;
}
