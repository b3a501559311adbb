/*
 * pace: datagrams at a steady rate, and their receiver.
 *
 * Usage: pace send ADDRESS PORT... RATE SECONDS   RATE datagrams a second, to each PORT in turn
 *        pace sink PORT                           receive until SIGTERM or SIGINT
 *
 * At its end it prints how many datagrams were sent, or received. A source port lives for 1000 datagrams, so
 * that flows come and go all the time. Behind its schedule (a loaded machine) it catches up at four times the
 * rate at most: a burst is not what is to be tested.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORTS_MAX = 16, BATCH_MAX = 1024, PAYLOAD = 64, FLOW = 1000, FIRST_PORT = 20000, LAST_PORT = 60000 };

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
  (void)number;
  stopped = 1;
}

static void fail(const char *what)
{
  fprintf(stderr, "pace: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long number(const char *text, long max)
{
  char *end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 1 || value > max) {
    fprintf(stderr, "pace: not a number from 1 to %ld: %s\n", max, text);
    exit(2);
  }
  return value;
}

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int udp_socket(uint32_t address, uint16_t port)
{
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = address};
  if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof own) != 0)
    fail("socket");
  return fd;
}

static int sink(uint16_t port)
{
  const int fd = udp_socket(htonl(INADDR_ANY), port);
  const struct timeval patience = {.tv_usec = 200000};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    fail("setsockopt");
  static char bytes[BATCH_MAX][PAYLOAD];
  struct iovec parts[BATCH_MAX];
  struct mmsghdr messages[BATCH_MAX];
  for (size_t i = 0; i < BATCH_MAX; i++) {
    parts[i] = (struct iovec){.iov_base = bytes[i], .iov_len = sizeof bytes[i]};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
  }
  uint64_t received = 0;
  while (!stopped) {
    const int got = recvmmsg(fd, messages, BATCH_MAX, MSG_WAITFORONE, NULL);
    if (got > 0)
      received += (uint64_t)got;
    else if (errno != EAGAIN && errno != EINTR)
      fail("receive");
  }
  printf("%llu\n", (unsigned long long)received);
  return 0;
}

/* The same ports to all, one source at a time. */
static int reopen(int fd, uint16_t *source)
{
  if (fd >= 0)
    close(fd);
  for (;;) {
    *source = *source < LAST_PORT ? (uint16_t)(*source + 1) : FIRST_PORT;
    const int next = socket(AF_INET, SOCK_DGRAM, 0);
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(*source)};
    if (next < 0)
      fail("socket");
    if (bind(next, (const struct sockaddr *)&own, sizeof own) == 0)
      return next;
    if (errno != EADDRINUSE)
      fail("bind");
    close(next);
  }
}

static int send_all(const struct sockaddr_in *to, size_t ports, long rate, long seconds)
{
  static char payload[PAYLOAD];
  struct iovec part = {.iov_base = payload, .iov_len = sizeof payload};
  struct mmsghdr messages[BATCH_MAX] = {{.msg_len = 0}};
  for (size_t i = 0; i < BATCH_MAX; i++)
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1, .msg_namelen = sizeof *to};
  const int64_t begin = now_ns(), end = begin + (int64_t)seconds * 1000000000;
  const uint64_t burst = (uint64_t)rate / 250 + 1; /* four times what a millisecond's share is */
  uint64_t sent = 0, given_up = 0;
  size_t turn = 0;
  uint16_t source = FIRST_PORT;
  unsigned flow = 0;
  int fd = reopen(-1, &source);
  for (int64_t now = begin; now < end && !stopped; now = now_ns()) {
    const uint64_t due = (uint64_t)((now - begin) / 1000) * (uint64_t)rate / 1000000;
    uint64_t want = due - sent - given_up;
    if (want > (uint64_t)rate) { /* more than a second behind: that second is not made up for */
      given_up += want - (uint64_t)rate;
      want = (uint64_t)rate;
    }
    want = want < burst ? want : burst;
    want = want < BATCH_MAX ? want : BATCH_MAX;
    for (size_t i = 0; i < want; i++, turn = (turn + 1) % ports)
      messages[i].msg_hdr.msg_name = (void *)(uintptr_t)&to[turn];
    for (size_t done = 0; done < want;) {
      const int n = sendmmsg(fd, messages + done, (unsigned)(want - done), 0);
      if (n < 0 && errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
        fail("send");
      done += n > 0 ? (size_t)n : 0;
    }
    sent += want;
    flow += (unsigned)want;
    if (flow >= FLOW) {
      fd = reopen(fd, &source);
      flow = 0;
    }
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
  }
  close(fd);
  printf("%llu\n", (unsigned long long)sent);
  return 0;
}

int main(int argc, char **argv)
{
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  if (argc == 3 && strcmp(argv[1], "sink") == 0)
    return sink((uint16_t)number(argv[2], 65535));
  if (argc < 6 || argc > 5 + PORTS_MAX || strcmp(argv[1], "send") != 0) {
    fputs("usage: pace send ADDRESS PORT... RATE SECONDS\n       pace sink PORT\n", stderr);
    return 2;
  }
  struct sockaddr_in to[PORTS_MAX] = {{.sin_family = AF_INET}};
  const size_t ports = (size_t)argc - 5;
  for (size_t i = 0; i < ports; i++) {
    to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[3 + i], 65535))};
    if (inet_pton(AF_INET, argv[2], &to[i].sin_addr) != 1) {
      fprintf(stderr, "pace: not an address: %s\n", argv[2]);
      return 2;
    }
  }
  return send_all(to, ports, number(argv[argc - 2], 1000000), number(argv[argc - 1], 86400));
}
