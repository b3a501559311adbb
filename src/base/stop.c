#include "dropcorr/base/stop.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct DcStop {
  atomic_bool requested;
  _Atomic int64_t time_ns; /* INT64_MAX: not requested */
  int fd;
};

DcStop *dc_stop_new(GError **error)
{
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) {
    const int code = errno;
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "stop flag: eventfd: %s (raise the limit of open files, ulimit -n)",
                g_strerror(code));
    return NULL;
  }
  DcStop *stop = g_new0(DcStop, 1);
  atomic_init(&stop->requested, false);
  atomic_init(&stop->time_ns, INT64_MAX);
  stop->fd = fd;
  return stop;
}

void dc_stop_request(DcStop *stop)
{
  /* Whoever sees the flag must find the time, whoever the descriptor wakes must find the flag. */
  int64_t none = INT64_MAX;
  atomic_compare_exchange_strong(&stop->time_ns, &none, dc_clock_realtime());
  atomic_store(&stop->requested, true);
  const uint64_t one = 1;
  /* EAGAIN means the counter is at its maximum, so that it is readable already. */
  while (write(stop->fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

bool dc_stop_requested(const DcStop *stop)
{
  return atomic_load_explicit(&stop->requested, memory_order_acquire);
}

int64_t dc_stop_time(const DcStop *stop)
{
  return atomic_load_explicit(&stop->time_ns, memory_order_acquire);
}

int dc_stop_fd(const DcStop *stop)
{
  return stop->fd;
}

void dc_stop_free(DcStop *stop)
{
  if (stop == NULL)
    return;
  close(stop->fd);
  g_free(stop);
}
