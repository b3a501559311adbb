/*
 * The drop monitor: settings, start, reading, end. See kernel/net/core/drop_monitor.c and
 * uapi linux/net_dropmon.h, Linux 3.10 to 6.18.
 *
 * Messages go into the queue as they came; dropcorr/decode/netdm.h takes them apart.
 */
#include "dropcorr/source/drop_monitor.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/base/error.h"
#include "netdm_control.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/net_dropmon.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRUNC_LEN_DEFAULT 256
#define QUEUE_LEN_DEFAULT 16384
#define BUFFER_DEFAULT (32u << 20)
#define KERNEL_QUEUE_LEN 1000 /* drop_monitor.c: net_dm_queue_len */

/* A whole packet may come when somebody else set no limit; GRO packets reach 64 KiB and more. */
#define MESSAGE_MAX (128u << 10)
#define MESSAGES_AT_ONCE 16

#define POLL_MS 50
#define ENOTSUPP_KERNEL 524 /* the kernel's own, not in errno.h: what CONFIG answers before 5.4 */

/* A drop is put into its CPU's queue at once and sent by a work item soon after. */
#define SEND_LAG_NS (100 * DC_NS_PER_MS)
#define SETTLE_NS (300 * DC_NS_PER_MS)

/* A summary is sent a second after the first drop it counts. */
#define SUMMARY_SETTLE_NS (1300 * DC_NS_PER_MS)

/* What was dropped before the stop, in a flood of drops, may still be queued when that time is over. */
#define DRAIN_NS (3 * DC_NS_PER_S)

/* The last frame's drop is stamped after the frame, but not by so much. */
#define LAST_DROP_NS (5 * DC_NS_PER_MS)

/* Each CPU's alerts come in order; so many later ones in a row come from no CPU that is behind. */
#define PAST_STOP_ENOUGH 256

struct DcDropMonitor {
  DcDropMonitorInfo info;
  DcNetdmControl control;
  int fd; /* of the alerts' socket */
  DcGuard *guard;
  char *note;

  bool started, configured;
  DcNetdmConfig saved;

  /* The thread's own. */
  uint8_t *buffers;
  DcNetdmStats last_stats;
  int64_t last_stats_ns, last_read_ns;
  int64_t owner_gone_ns;  /* passive: nobody else listens since; 0: somebody does */
  int64_t until_ns;       /* after the stop: drops later than this belong to no frame that is wanted */
  unsigned past_stop;     /* messages in a row that were later */
  int64_t quiet_since_ns; /* monotonic: the last time something was read */
  DcDropMonitorStats stats;
};

/* --- opening ------------------------------------------------------------------ */

static void set_kernel_error(GError **error, const char *what, int code)
{
  if (code == EPERM || code == EACCES)
    g_set_error(error, DC_ERROR, DC_ERROR_PERMISSION,
                "drop monitor: %s: %s (run as root: CAP_NET_ADMIN of the initial user namespace is needed, on some "
                "kernels CAP_SYS_ADMIN too)",
                what, g_strerror(code));
  else
    g_set_error(error, DC_ERROR, code == EBUSY || code == EAGAIN ? DC_ERROR_BUSY : DC_ERROR_IO, "drop monitor: %s: %s",
                what, g_strerror(code));
}

static bool open_socket(DcDropMonitor *monitor, uint32_t buffer_bytes, GError **error)
{
  monitor->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
  const struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (monitor->fd < 0 || bind(monitor->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    set_kernel_error(error, "opening a netlink socket", errno);
    return false;
  }
  const int wanted = (int)MIN(buffer_bytes != 0 ? buffer_bytes : BUFFER_DEFAULT, 1u << 30);
  if (setsockopt(monitor->fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0)
    (void)setsockopt(monitor->fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
  int got = 0;
  socklen_t got_len = sizeof got;
  if (getsockopt(monitor->fd, SOL_SOCKET, SO_RCVBUF, &got, &got_len) == 0)
    monitor->info.buffer_bytes = (uint32_t)got;
  return true;
}

static bool join(DcDropMonitor *monitor, GError **error)
{
  const int group = (int)monitor->control.group;
  if (setsockopt(monitor->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)
    return true;
  set_kernel_error(error, "joining the alerts' group", errno);
  return false;
}

static void set_note(DcDropMonitor *monitor, char *note)
{
  g_free(monitor->note);
  monitor->note = note;
  monitor->info.note = note;
}

/* Somebody runs the monitor. In packet mode their alerts serve us as well. */
static bool join_passively(DcDropMonitor *monitor, const DcDropMonitorOptions *options, const char *holders,
                           GError **error)
{
  DcNetdmConfig config = {0};
  if (monitor->info.has_config && dc_netdm_get_config(&monitor->control, &config) != 0)
    config.alert_mode = 0;
  const bool summary = config.alert_mode != NET_DM_ALERT_MODE_PACKET;
  if (summary != options->summary) {
    g_set_error(error, DC_ERROR, DC_ERROR_BUSY,
                "drop monitor: already on in %s mode, held by %s (end that, or use --drop-source %s)",
                summary ? "summary" : "packet", holders != NULL ? holders : "a process that cannot be told",
                summary ? "summary or tracepoint" : "packet");
    return false;
  }
  monitor->info.passive = true;
  monitor->info.summary = summary;
  monitor->info.trunc_len = config.trunc_len;
  monitor->info.queue_len = config.queue_len;
  set_note(monitor, g_strdup_printf("the drop monitor was on already, held by %s: joined with its settings (packets "
                                    "cut at %u bytes, queue of %u)",
                                    holders != NULL ? holders : "a process that cannot be told", config.trunc_len,
                                    config.queue_len));
  return true;
}

/* Monitoring is on: either somebody listens, or a monitor was killed and left it on. */
static bool handle_running(DcDropMonitor *monitor, const DcDropMonitorOptions *options, bool *ret_retry, GError **error)
{
  int listeners = -1;
  g_autofree char *holders = dc_netdm_holders("", monitor->control.group, &listeners);
  *ret_retry = false;
  if (listeners != 0 || monitor->info.took_over)
    return join_passively(monitor, options, holders, error);
  const int code = dc_netdm_stop(&monitor->control, true, true);
  if (code != 0) {
    set_kernel_error(error, "stopping a monitor nobody listens to", code);
    return false;
  }
  monitor->info.took_over = true;
  /* The settings found were the dead process's, too: the kernel's own are put back. */
  monitor->saved = (DcNetdmConfig){.alert_mode = NET_DM_ALERT_MODE_SUMMARY, .queue_len = KERNEL_QUEUE_LEN};
  set_note(monitor, g_strdup("the drop monitor had been left on by a process that was killed: taken over, and "
                             "turned off at the end"));
  *ret_retry = true;
  return true;
}

/* Tells the guard what there is to put back. Before the change itself, so that no death falls in between. */
static bool tell_guard(DcDropMonitor *monitor, bool start, bool hardware, bool configure, GError **error)
{
  const DcGuardNetdm order = {.stop = start,
                              .hardware = hardware,
                              .configure = configure,
                              .alert_mode = monitor->saved.alert_mode,
                              .trunc_len = monitor->saved.trunc_len,
                              .queue_len = monitor->saved.queue_len};
  if (monitor->guard == NULL || dc_guard_watch_netdm(monitor->guard, start || configure ? &order : NULL))
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "drop monitor: the guard process is gone");
  return false;
}

/* 0, or the errno of CONFIG. */
static int configure(DcDropMonitor *monitor, const DcDropMonitorOptions *options)
{
  const DcNetdmConfig config = {.alert_mode = options->summary ? NET_DM_ALERT_MODE_SUMMARY : NET_DM_ALERT_MODE_PACKET,
                                .trunc_len = options->trunc_len != 0 ? options->trunc_len : TRUNC_LEN_DEFAULT,
                                .queue_len = options->queue_len != 0 ? options->queue_len : QUEUE_LEN_DEFAULT};
  const int code = dc_netdm_set_config(&monitor->control, &config);
  if (code == 0) {
    monitor->configured = true;
    monitor->info.summary = options->summary;
    monitor->info.trunc_len = config.trunc_len;
    monitor->info.queue_len = config.queue_len;
  }
  return code;
}

/* 0, or the errno of START. Hardware drops are a bonus: few kernels and drivers have them. */
static int start(DcDropMonitor *monitor)
{
  int code = dc_netdm_start(&monitor->control, true, false);
  if (code == 0) {
    monitor->started = true;
    monitor->info.hardware = monitor->info.has_config && dc_netdm_start(&monitor->control, false, true) == 0;
  }
  return code;
}

static bool configure_and_start(DcDropMonitor *monitor, const DcDropMonitorOptions *options, GError **error)
{
  bool retry = true;
  while (retry) {
    retry = false;
    if (!tell_guard(monitor, true, monitor->info.has_config, monitor->info.has_config, error))
      return false;
    int code = monitor->info.has_config ? configure(monitor, options) : 0;
    if (code == 0) {
      code = start(monitor);
      if (code == 0)
        return true;
    }
    /* Not ours: nothing to put back. */
    if (!tell_guard(monitor, false, false, monitor->configured, error))
      return false;
    if (code != EBUSY && code != EAGAIN) {
      set_kernel_error(error, "starting it", code);
      return false;
    }
    if (!handle_running(monitor, options, &retry, error))
      return false;
  }
  return true; /* joined passively */
}

static bool probe_features(DcDropMonitor *monitor, const DcDropMonitorOptions *options, GError **error)
{
  const int code = dc_netdm_get_config(&monitor->control, &monitor->saved);
  monitor->info.has_config = code == 0;
  if (code == EPERM || code == EACCES) {
    set_kernel_error(error, "asking its settings", code);
    return false;
  }
  if (monitor->info.has_config || options->summary)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED,
              "drop monitor: packet mode needs Linux 5.4 or later (--drop-source summary works here)%s%s",
              code == EOPNOTSUPP || code == ENOTSUPP_KERNEL ? "" : ": ",
              code == EOPNOTSUPP || code == ENOTSUPP_KERNEL ? "" : g_strerror(code));
  return false;
}

/* Needs the privileges of the beginning. */
static void put_back(DcDropMonitor *monitor)
{
  int failure = 0;
  if (monitor->started)
    failure = dc_netdm_stop(&monitor->control, true, monitor->info.has_config);
  if (failure == 0 && monitor->configured)
    failure = dc_netdm_set_config(&monitor->control, &monitor->saved);
  if (failure == 0 && monitor->guard != NULL)
    (void)dc_guard_watch_netdm(monitor->guard, NULL);
  monitor->started = monitor->configured = false;
}

DcDropMonitor *dc_drop_monitor_open(const DcDropMonitorOptions *options, DcGuard *guard, GError **error)
{
  g_autoptr(DcDropMonitor) monitor = g_new0(DcDropMonitor, 1);
  monitor->fd = -1;
  monitor->guard = guard;
  if (!dc_netdm_control_open(&monitor->control, error) || !probe_features(monitor, options, error) ||
      !open_socket(monitor, options->buffer_bytes, error))
    return NULL;
  monitor->info.family = monitor->control.family;
  monitor->info.summary = options->summary;
  /* Joined only now, so that the list of listeners has others only. The tap is not open yet: no frame's drop
   * is missed in between. */
  if (!configure_and_start(monitor, options, error) || !join(monitor, error)) {
    put_back(monitor);
    return NULL;
  }
  if (monitor->info.has_config)
    (void)dc_netdm_get_stats(&monitor->control, &monitor->last_stats);
  monitor->last_stats_ns = monitor->last_read_ns = dc_clock_realtime();
  return g_steal_pointer(&monitor);
}

const DcDropMonitorInfo *dc_drop_monitor_info(const DcDropMonitor *monitor)
{
  return &monitor->info;
}

void dc_drop_monitor_stats(const DcDropMonitor *monitor, DcDropMonitorStats *ret_stats)
{
  *ret_stats = monitor->stats;
}

void dc_drop_monitor_free(DcDropMonitor *monitor)
{
  if (monitor == NULL)
    return;
  if (monitor->fd >= 0)
    close(monitor->fd);
  /* With a guard it is the guard that puts things back: this process may have given up the right. */
  if (monitor->guard == NULL && monitor->control.sock != NULL)
    put_back(monitor);
  dc_netdm_control_close(&monitor->control);
  g_free(monitor->buffers);
  g_free(monitor->note);
  g_free(monitor);
}

/* --- the thread ----------------------------------------------------------------- */

/*
 * When the packet was dropped: attribute 5, nanoseconds.
 *
 *   +----------------+-----------------+---------------------------+
 *   | nlmsghdr (16)  | genlmsghdr (4)  | nlattr len, type, data ... |
 *   +----------------+-----------------+---------------------------+
 */
static int64_t time_of(const uint8_t *bytes, size_t len, int64_t otherwise_ns)
{
  DcCursor cursor = dc_cursor(bytes, len);
  dc_cursor_skip(&cursor, sizeof(struct nlmsghdr) + sizeof(struct genlmsghdr));
  while (cursor.ok && dc_cursor_left(&cursor) >= sizeof(struct nlattr)) {
    const uint16_t attribute_len = dc_cursor_host16(&cursor);
    const uint16_t type = (uint16_t)(dc_cursor_host16(&cursor) & ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER));
    if (attribute_len < sizeof(struct nlattr))
      break;
    const size_t data_len = attribute_len - sizeof(struct nlattr);
    if (type == NET_DM_ATTR_TIMESTAMP && data_len == sizeof(uint64_t)) {
      const uint64_t time_ns = dc_cursor_host64(&cursor);
      return cursor.ok && time_ns <= INT64_MAX ? (int64_t)time_ns : otherwise_ns;
    }
    dc_cursor_skip(&cursor, MIN((data_len + NLA_ALIGNTO - 1) & ~(size_t)(NLA_ALIGNTO - 1), dc_cursor_left(&cursor)));
  }
  return otherwise_ns;
}

/* A datagram may hold several messages, although today's kernels send one. */
static void push_datagram(DcDropMonitor *monitor, DcLiveSink *sink, const uint8_t *bytes, size_t len, int64_t now_ns)
{
  DcCursor cursor = dc_cursor(bytes, len);
  while (dc_cursor_left(&cursor) >= sizeof(struct nlmsghdr)) {
    DcCursor peek = cursor;
    const uint32_t message_len = dc_cursor_host32(&peek);
    const uint16_t type = dc_cursor_host16(&peek);
    if (message_len < sizeof(struct nlmsghdr) || message_len > dc_cursor_left(&cursor))
      return;
    const uint8_t *message = bytes + cursor.pos;
    dc_cursor_skip(&cursor, MIN(NLMSG_ALIGN(message_len), dc_cursor_left(&cursor)));
    if (type != monitor->control.family)
      continue;
    DcLiveRecord record = {
        .kind = DC_LIVE_NETLINK, .time_ns = time_of(message, message_len, now_ns), .body_len = message_len};
    if (record.time_ns > monitor->until_ns) {
      monitor->past_stop++;
      continue;
    }
    monitor->past_stop = 0;
    monitor->stats.messages++;
    dc_live_push(sink, &record, message);
  }
}

/* Reads once; the number of datagrams, 0 when nothing is there. */
static unsigned read_some(DcDropMonitor *monitor, DcLiveSink *sink)
{
  struct mmsghdr messages[MESSAGES_AT_ONCE];
  struct iovec parts[MESSAGES_AT_ONCE];
  struct sockaddr_nl senders[MESSAGES_AT_ONCE];
  memset(messages, 0, sizeof messages);
  for (unsigned i = 0; i < MESSAGES_AT_ONCE; i++) {
    parts[i] = (struct iovec){.iov_base = monitor->buffers + (size_t)i * MESSAGE_MAX, .iov_len = MESSAGE_MAX};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &senders[i];
    messages[i].msg_hdr.msg_namelen = sizeof senders[i];
  }
  const int got = recvmmsg(monitor->fd, messages, MESSAGES_AT_ONCE, MSG_DONTWAIT, NULL);
  const int code = errno;
  const int64_t now_ns = dc_clock_realtime();
  if (got < 0 && code == ENOBUFS) {
    /* The kernel does not say how many messages did not fit: each report is at least one. */
    monitor->stats.overruns++;
    dc_live_push_loss(sink, DC_LOSS_NETLINK, 1, monitor->last_read_ns, now_ns,
                      "netlink receive buffer full: at least this many alerts were lost");
    monitor->last_read_ns = now_ns;
    return 1; /* there is more to read */
  }
  if (got <= 0)
    return 0;
  for (unsigned i = 0; i < (unsigned)got; i++) {
    if (senders[i].nl_pid != 0) /* not from the kernel */
      continue;
    if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      dc_live_push_loss(sink, DC_LOSS_NETLINK, 1, monitor->last_read_ns, now_ns, "an alert longer than 128 KiB");
      continue;
    }
    push_datagram(monitor, sink, monitor->buffers + (size_t)i * MESSAGE_MAX, messages[i].msg_len, now_ns);
  }
  monitor->last_read_ns = now_ns;
  return (unsigned)got;
}

static void read_stats(DcDropMonitor *monitor, DcLiveSink *sink)
{
  DcNetdmStats stats;
  if (!monitor->info.has_config || dc_netdm_get_stats(&monitor->control, &stats) != 0)
    return;
  const int64_t now_ns = dc_clock_realtime();
  const uint64_t software = stats.software - monitor->last_stats.software;
  const uint64_t hardware = stats.hardware - monitor->last_stats.hardware;
  monitor->last_stats = stats;
  monitor->stats.tail_dropped += software;
  monitor->stats.hardware_tail_dropped += hardware;
  dc_live_push_loss(sink, DC_LOSS_MONITOR, software, monitor->last_stats_ns, now_ns,
                    "the drop monitor's queue was full (tail drops)");
  dc_live_push_loss(sink, DC_LOSS_MONITOR, hardware, monitor->last_stats_ns, now_ns,
                    "the drop monitor's hardware queue was full (tail drops)");
  monitor->last_stats_ns = now_ns;
}

/* Whether all that was dropped before the stop has been read, as far as that can be told. */
static bool is_settled(const DcDropMonitor *monitor, DcLiveSink *sink, bool emptied, int64_t now, int64_t end)
{
  if (now < end)
    return false;
  /* An empty socket alone is no proof: the kernel's work item may be waiting for the processor. */
  const bool silent = monitor->info.summary || monitor->past_stop > 0 || now - monitor->quiet_since_ns >= SETTLE_NS;
  if ((emptied && silent) || monitor->past_stop >= PAST_STOP_ENOUGH)
    return true;
  if (now < end + DRAIN_NS)
    return false;
  dc_live_push_loss(sink, DC_LOSS_NETLINK, 1, MIN(monitor->last_read_ns, monitor->until_ns), monitor->until_ns,
                    "at least this many alerts were still queued at the end");
  return true;
}

/* Joined passively we depend on the owner: when it ends it turns the monitor off. */
static void watch_owner(DcDropMonitor *monitor, DcLiveSink *sink)
{
  if (!monitor->info.passive || monitor->owner_gone_ns != 0 ||
      dc_netdm_listeners("", monitor->control.group) != 1) /* ourselves */
    return;
  monitor->owner_gone_ns = dc_clock_realtime();
  dc_live_push_text(sink, DC_LIVE_NOTICE, 0,
                    "the process that ran the drop monitor has ended: no drops are seen from now on (start again)");
}

static void tell_owner_gone(DcDropMonitor *monitor, DcLiveSink *sink)
{
  if (monitor->owner_gone_ns != 0)
    dc_live_push_loss(sink, DC_LOSS_MONITOR, 1, monitor->owner_gone_ns, dc_clock_realtime(),
                      "the drop monitor's owner had ended: all drops of this span are missing");
}

void dc_drop_monitor_run(DcDropMonitor *monitor, DcLiveSink *sink, DcStop *stop)
{
  monitor->buffers = g_malloc((size_t)MESSAGES_AT_ONCE * MESSAGE_MAX);
  monitor->until_ns = INT64_MAX;
  int64_t next_mark = 0, next_stats = dc_clock_monotonic() + DC_NS_PER_S, end = INT64_MAX;
  for (;;) {
    struct pollfd wait[2] = {{.fd = monitor->fd, .events = POLLIN}, {.fd = dc_stop_fd(stop), .events = POLLIN}};
    /* Once stopped its descriptor stays readable, and must not wake us again and again. */
    poll(wait, end == INT64_MAX ? 2 : 1, POLL_MS);
    const int64_t before_ns = dc_clock_realtime();
    bool emptied = false;
    unsigned rounds = 0;
    for (; rounds < 256 && !emptied; rounds++)
      emptied = read_some(monitor, sink) == 0;
    const int64_t now = dc_clock_monotonic();
    if (rounds > 1)
      monitor->quiet_since_ns = now;
    if (emptied && now >= next_mark) {
      dc_live_push_mark(sink, before_ns - SEND_LAG_NS);
      next_mark = now + POLL_MS * DC_NS_PER_MS;
    }
    if (now >= next_stats) {
      read_stats(monitor, sink);
      watch_owner(monitor, sink);
      next_stats = now + DC_NS_PER_S;
    }
    if (end == INT64_MAX && dc_stop_requested(stop)) {
      end = now + (monitor->info.summary ? SUMMARY_SETTLE_NS : SETTLE_NS);
      /* A summary's drops are earlier than its message, by up to a second. */
      monitor->until_ns = monitor->info.summary ? INT64_MAX : dc_stop_time(stop) + LAST_DROP_NS;
    }
    if (is_settled(monitor, sink, emptied, now, end))
      break;
  }
  read_stats(monitor, sink);
  tell_owner_gone(monitor, sink);
  dc_live_push_text(sink, DC_LIVE_END, 0, "");
}
