/* The producer's side of a live queue. */
#include "dropcorr/source/live_record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The consumer looks at the queues many times a second anyway; it is woken early only when so much
 * came at once that a queue might fill up in between. */
#define WAKE_BYTES (1u << 20)

static void wake(int fd)
{
  const uint64_t one = 1;
  while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

bool dc_live_push(DcLiveSink *sink, DcLiveRecord *record, const void *body)
{
  record->marks_lost = sink->marks_lost;
  const bool pushed = dc_queue_push(sink->queue, record, sizeof *record, body, record->body_len);
  sink->pushed += sizeof *record + record->body_len;
  if (sink->wake_fd >= 0 && (sink->pushed >= WAKE_BYTES || record->kind == DC_LIVE_END)) {
    sink->pushed = 0;
    wake(sink->wake_fd);
  }
  return pushed;
}

void dc_live_push_mark(DcLiveSink *sink, int64_t time_ns)
{
  DcLiveRecord record = {.kind = DC_LIVE_MARK, .time_ns = time_ns};
  if (!dc_live_push(sink, &record, NULL))
    sink->marks_lost++;
}

void dc_live_push_loss(DcLiveSink *sink, DcLossKind kind, uint64_t count, int64_t from_ns, int64_t to_ns,
                       const char *detail)
{
  if (count == 0)
    return;
  DcLiveRecord record = {.kind = DC_LIVE_LOSS,
                         .sub = (uint8_t)kind,
                         .time_ns = to_ns,
                         .from_ns = from_ns,
                         .count = count,
                         .detail = detail};
  dc_live_push(sink, &record, NULL);
}

void dc_live_push_text(DcLiveSink *sink, DcLiveKind kind, int code, const char *text)
{
  DcLiveRecord record = {
      .kind = (uint8_t)kind, .sub = (uint8_t)code, .time_ns = dc_clock_realtime(), .body_len = strlen(text) + 1};
  dc_live_push(sink, &record, text);
}
