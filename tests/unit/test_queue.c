#include "dropcorr/base/queue.h"

#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void expect(DcQueue *queue, const char *text)
{
  const void *record = NULL;
  size_t len = 0;
  g_assert_true(dc_queue_peek(queue, &record, &len));
  g_assert_cmpuint(len, ==, strlen(text));
  g_assert_true(memcmp(record, text, len) == 0);
  g_assert_cmpuint((uintptr_t)record % 16, ==, 0);
  dc_queue_pop(queue);
}

static void test_order(void)
{
  g_autoptr(DcQueue) queue = dc_queue_new(4096, -1);
  const void *record;
  size_t len;
  g_assert_false(dc_queue_peek(queue, &record, &len));
  dc_queue_pop(queue); /* of an empty queue: nothing happens */
  g_assert_true(dc_queue_push(queue, "head", 4, "body", 4));
  g_assert_true(dc_queue_push(queue, "alone", 5, NULL, 99));
  g_assert_true(dc_queue_push(queue, NULL, 0, "body only", 9));
  g_assert_true(dc_queue_push(queue, NULL, 0, NULL, 0));
  expect(queue, "headbody");
  expect(queue, "alone");
  expect(queue, "body only");
  expect(queue, "");
  g_assert_false(dc_queue_peek(queue, &record, &len));
  g_assert_cmpuint(dc_queue_take_refused(queue), ==, 0);
}

/* What does not fit is refused and counted, never partly written. */
static void test_full(void)
{
  g_autoptr(DcQueue) queue = dc_queue_new(256, -1);
  uint8_t body[1024] = {0};
  g_assert_false(dc_queue_push(queue, "h", 1, body, sizeof body));
  g_assert_false(dc_queue_push(queue, body, SIZE_MAX, body, SIZE_MAX));
  g_assert_cmpuint(dc_queue_take_refused(queue), ==, 2);
  g_assert_cmpuint(dc_queue_take_refused(queue), ==, 0);

  int pushed = 0;
  while (dc_queue_push(queue, "0123456789abcdef", 16, NULL, 0))
    pushed++;
  g_assert_cmpint(pushed, ==, 8); /* 16 of header and 16 of data each */
  g_assert_cmpuint(dc_queue_take_refused(queue), ==, 1);
  expect(queue, "0123456789abcdef");
  g_assert_true(dc_queue_push(queue, "x", 1, NULL, 0));
  g_assert_false(dc_queue_push(queue, "y", 1, NULL, 0));
  for (int i = 1; i < pushed; i++)
    expect(queue, "0123456789abcdef");
  expect(queue, "x");
}

/* Lengths that never divide the ring: every way of wrapping comes up. */
static void test_wrap(void)
{
  g_autoptr(DcQueue) queue = dc_queue_new(1000, -1);
  GRand *random = g_rand_new_with_seed(1);
  uint8_t next_out = 0;
  uint8_t next_in = 0;
  size_t waiting = 0;
  for (int i = 0; i < 100000; i++) {
    uint8_t body[400];
    const size_t len = (size_t)g_rand_int_range(random, 1, 400);
    memset(body, next_in, len);
    if (dc_queue_push(queue, body, len / 2, body, len - len / 2)) {
      next_in++;
      waiting++;
    }
    const void *record;
    size_t got;
    while (waiting > 0 && g_rand_boolean(random)) {
      g_assert_true(dc_queue_peek(queue, &record, &got));
      for (size_t k = 0; k < got; k++)
        g_assert_cmpuint(((const uint8_t *)record)[k], ==, next_out);
      dc_queue_pop(queue);
      next_out++;
      waiting--;
    }
  }
  g_rand_free(random);
}

/* One that is emptied each time keeps to its beginning, or as near to it as it is told to; one that is not uses all
 * there is. */
static void check_restart(size_t restart_at, bool emptied)
{
  enum { CAPACITY = 8 << 20, COUNT = 40000 };
  g_autoptr(DcQueue) queue = dc_queue_new(CAPACITY, -1);
  if (restart_at != 0)
    dc_queue_restart_at(queue, restart_at);
  uint8_t body[1000] = {0};
  uintptr_t lowest = UINTPTR_MAX, highest = 0;
  for (uint32_t i = 0; i < COUNT; i++) {
    const void *record;
    size_t len;
    g_assert_true(dc_queue_push(queue, &i, sizeof i, body, i % sizeof body));
    if (!emptied && i == 0)
      continue; /* one is always left */
    g_assert_true(dc_queue_peek(queue, &record, &len));
    const uint32_t number = emptied ? i : i - 1;
    g_assert_true(len == sizeof i + number % sizeof body && memcmp(record, &number, sizeof number) == 0);
    lowest = MIN(lowest, (uintptr_t)record);
    highest = MAX(highest, (uintptr_t)record);
    dc_queue_pop(queue);
  }
  const size_t within = restart_at != 0 ? MIN(restart_at, CAPACITY / 4) : CAPACITY / 4;
  if (emptied)
    g_assert_cmpuint(highest - lowest, <, within + 4096);
  else
    g_assert_cmpuint(highest - lowest, >, CAPACITY - 4096);
}

static void test_restart(void)
{
  static const size_t places[] = {0, 64 << 10, 1 << 20, SIZE_MAX};
  for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
    check_restart(places[i], true);
    check_restart(places[i], false);
  }
}

/* The descriptor is written when the queue becomes non-empty, and only then. */
static void test_wake(void)
{
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  g_assert_cmpint(fd, >=, 0);
  g_autoptr(DcQueue) queue = dc_queue_new(4096, fd);
  uint64_t woken = 0;
  g_assert_true(dc_queue_push(queue, "a", 1, NULL, 0));
  g_assert_true(dc_queue_push(queue, "b", 1, NULL, 0));
  g_assert_cmpint(read(fd, &woken, sizeof woken), ==, sizeof woken);
  g_assert_cmpuint(woken, ==, 1);
  expect(queue, "a");
  g_assert_true(dc_queue_push(queue, "c", 1, NULL, 0)); /* b is still there */
  g_assert_cmpint(read(fd, &woken, sizeof woken), ==, -1);
  expect(queue, "b");
  expect(queue, "c");
  g_assert_true(dc_queue_push(queue, "d", 1, NULL, 0));
  g_assert_cmpint(read(fd, &woken, sizeof woken), ==, sizeof woken);
  close(fd);
}

#define RECORDS 200000

static void *produce(void *data)
{
  DcQueue *queue = data;
  for (uint32_t i = 0; i < RECORDS;) {
    uint32_t body[16];
    const size_t words = i % 16;
    for (size_t k = 0; k < words; k++)
      body[k] = i;
    if (dc_queue_push(queue, &i, sizeof i, body, words * sizeof body[0]))
      i++;
    else
      sched_yield();
  }
  return NULL;
}

/* The consumer sleeps whenever the queue is empty: a wake-up that got lost would hang it. */
static void run_threads(size_t capacity)
{
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  g_autoptr(DcQueue) queue = dc_queue_new(capacity, fd);
  pthread_t thread;
  g_assert_cmpint(pthread_create(&thread, NULL, produce, queue), ==, 0);
  uint32_t next = 0;
  while (next < RECORDS) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    g_assert_cmpint(poll(&poll_fd, 1, 60000), ==, 1);
    uint64_t woken;
    g_assert_cmpint(read(fd, &woken, sizeof woken), ==, sizeof woken);
    const void *record;
    size_t len;
    while (dc_queue_peek(queue, &record, &len)) {
      uint32_t words[17];
      g_assert_cmpuint(len, ==, sizeof(uint32_t) * (1 + next % 16));
      memcpy(words, record, len);
      for (size_t i = 0; i < len / sizeof words[0]; i++)
        g_assert_cmpuint(words[i], ==, next);
      dc_queue_pop(queue);
      next++;
    }
  }
  pthread_join(thread, NULL);
  close(fd);
}

static void test_threads(void)
{
  run_threads(2048);
  run_threads(4 << 20); /* begun anew now and then when it is empty */
}

static size_t resident_bytes(void)
{
  g_autofree char *text = NULL;
  unsigned long pages = 0;
  g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
  g_assert_cmpint(sscanf(text, "%*s %lu", &pages), ==, 1);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A large queue that is never full takes little memory, however much has gone through. */
static void test_pages(void)
{
  enum { CAPACITY = 256 << 20, RECORD = 3000, ROUNDS = 100000 };
  g_autoptr(DcQueue) queue = dc_queue_new(CAPACITY, -1);
  static const uint8_t record[RECORD];
  const size_t before = resident_bytes();
  for (unsigned i = 0; i < ROUNDS; i++) {
    const void *got;
    size_t len;
    g_assert_true(dc_queue_push(queue, &i, sizeof i, record, sizeof record));
    g_assert_true(dc_queue_push(queue, &i, sizeof i, NULL, 0));
    g_assert_true(dc_queue_peek(queue, &got, &len) && len == sizeof i + sizeof record);
    g_assert_cmpint(memcmp(got, &i, sizeof i), ==, 0);
    dc_queue_pop(queue);
    g_assert_true(dc_queue_peek(queue, &got, &len) && len == sizeof i);
    dc_queue_pop(queue);
    g_assert_false(dc_queue_peek(queue, &got, &len));
  }
#ifdef __SANITIZE_THREAD__
  const size_t bound = (size_t)CAPACITY * 2; /* shadow memory counts: four bytes for each touched, and more */
#else
  const size_t bound = CAPACITY / 2;
#endif
  g_assert_cmpuint(resident_bytes(), <, before + bound);
}

/* What one bad moment filled goes back to the kernel when the queue begins anew. */
static void test_pages_given_back(void)
{
#ifndef __SANITIZE_THREAD__
  enum { CAPACITY = 128 << 20, RECORD = 3000 };
  g_autoptr(DcQueue) queue = dc_queue_new(CAPACITY, -1);
  static const uint8_t record[RECORD];
  const size_t before = resident_bytes();
  const void *got;
  size_t len;
  unsigned count = 0;
  while (dc_queue_push(queue, &count, sizeof count, record, sizeof record))
    count++;
  g_assert_cmpuint(resident_bytes(), >, before + CAPACITY / 2);
  for (unsigned round = 0; round < 2 * CAPACITY / RECORD; round++) {
    g_assert_true(round < count || dc_queue_push(queue, &round, sizeof round, record, sizeof record));
    g_assert_true(dc_queue_peek(queue, &got, &len) && len == sizeof round + sizeof record);
    g_assert_cmpint(memcmp(got, &round, sizeof round), ==, 0);
    dc_queue_pop(queue);
  }
  g_assert_cmpuint(resident_bytes(), <, before + CAPACITY / 2);
#endif
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/queue/order", test_order);
  g_test_add_func("/queue/full", test_full);
  g_test_add_func("/queue/wrap", test_wrap);
  g_test_add_func("/queue/restart", test_restart);
  g_test_add_func("/queue/wake", test_wake);
  g_test_add_func("/queue/threads", test_threads);
  g_test_add_func("/queue/pages", test_pages);
  g_test_add_func("/queue/pages-given-back", test_pages_given_back);
  return g_test_run();
}
