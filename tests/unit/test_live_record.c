#include "dropcorr/source/live_record.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const DcLiveRecord *peek(DcQueue *queue, const char **ret_body)
{
  const void *bytes;
  size_t len;
  if (!dc_queue_peek(queue, &bytes, &len))
    return NULL;
  const DcLiveRecord *record = bytes;
  g_assert_cmpuint(len, ==, sizeof *record + record->body_len);
  *ret_body = (const char *)bytes + sizeof *record;
  return record;
}

static void test_kinds(void)
{
  g_autoptr(DcQueue) queue = dc_queue_new(1 << 16, -1);
  DcLiveSink sink = {.queue = queue, .wake_fd = -1};
  DcLiveRecord frame = {.kind = DC_LIVE_FRAME, .time_ns = 7, .caplen = 3, .len = 60, .ifindex = 2, .body_len = 3};
  const char *body;
  g_assert_true(dc_live_push(&sink, &frame, "abc"));
  dc_live_push_mark(&sink, 8);
  dc_live_push_loss(&sink, DC_LOSS_CAPTURE, 0, 1, 2, "no loss at all");
  dc_live_push_loss(&sink, DC_LOSS_CAPTURE, 5, 1, 9, "ring");
  dc_live_push_text(&sink, DC_LIVE_NOTICE, 0, "hello");

  const DcLiveRecord *record = peek(queue, &body);
  g_assert_cmpint(record->kind, ==, DC_LIVE_FRAME);
  g_assert_cmpuint(record->len, ==, 60);
  g_assert_cmpuint(record->ifindex, ==, 2);
  g_assert_cmpint(memcmp(body, "abc", 3), ==, 0);
  dc_queue_pop(queue);
  record = peek(queue, &body);
  g_assert_cmpint(record->kind, ==, DC_LIVE_MARK);
  g_assert_cmpint(record->time_ns, ==, 8);
  dc_queue_pop(queue);
  record = peek(queue, &body);
  g_assert_cmpint(record->kind, ==, DC_LIVE_LOSS);
  g_assert_cmpint(record->from_ns, ==, 1);
  g_assert_cmpint(record->time_ns, ==, 9);
  g_assert_cmpuint(record->count, ==, 5);
  g_assert_cmpstr(record->detail, ==, "ring");
  dc_queue_pop(queue);
  record = peek(queue, &body);
  g_assert_cmpint(record->kind, ==, DC_LIVE_NOTICE);
  g_assert_cmpstr(body, ==, "hello");
  dc_queue_pop(queue);
  g_assert_null(peek(queue, &body));
}

/* A full queue: the consumer can tell refused marks, which are no loss, from refused records. */
static void test_marks_refused(void)
{
  g_autoptr(DcQueue) queue = dc_queue_new(4096, -1);
  DcLiveSink sink = {.queue = queue, .wake_fd = -1};
  static const uint8_t body[512];
  DcLiveRecord frame = {.kind = DC_LIVE_FRAME, .body_len = sizeof body};
  unsigned kept = 0, refused = 0, refused_marks = 0;
  for (unsigned i = 0; i < 20; i++) {
    if (dc_live_push(&sink, &frame, body))
      kept++;
    else
      refused++;
    const uint32_t before = sink.marks_lost;
    dc_live_push_mark(&sink, 1);
    refused_marks += sink.marks_lost - before;
  }
  g_assert_cmpuint(kept, >, 0);
  g_assert_cmpuint(refused, >, 0);
  g_assert_cmpuint(refused_marks, >, 0);
  const char *rest;
  while (peek(queue, &rest) != NULL)
    dc_queue_pop(queue);
  g_assert_true(dc_live_push(&sink, &frame, body));
  const DcLiveRecord *record = peek(queue, &rest);
  g_assert_cmpuint(record->marks_lost, ==, refused_marks);
  g_assert_cmpuint(dc_queue_take_refused(queue) - record->marks_lost, ==, refused);
}

/* The consumer is woken when much came at once, and at the end. */
static void test_wake(void)
{
  g_autoptr(DcQueue) queue = dc_queue_new(8 << 20, -1);
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  DcLiveSink sink = {.queue = queue, .wake_fd = fd};
  static const uint8_t body[64 << 10];
  DcLiveRecord frame = {.kind = DC_LIVE_FRAME, .body_len = sizeof body};
  uint64_t count;
  dc_live_push(&sink, &frame, body);
  g_assert_cmpint(read(fd, &count, sizeof count), <, 0);
  for (unsigned i = 0; i < 20; i++)
    dc_live_push(&sink, &frame, body);
  g_assert_cmpint(read(fd, &count, sizeof count), ==, sizeof count);
  dc_live_push_text(&sink, DC_LIVE_END, 0, "");
  g_assert_cmpint(read(fd, &count, sizeof count), ==, sizeof count);
  close(fd);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/live-record/kinds", test_kinds);
  g_test_add_func("/live-record/marks-refused", test_marks_refused);
  g_test_add_func("/live-record/wake", test_wake);
  return g_test_run();
}
