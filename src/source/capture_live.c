/*
 * Live capture through libpcap.
 *
 * Two ways of reading. By default libpcap uses a block ring (TPACKET_V3): a block reaches us when
 * it is full or when BLOCK_TIMEOUT_MS are over, so that at any moment frames may be up to that old
 * before we see them. In immediate mode (TPACKET_V2) a frame is seen at once. The progress marks
 * say how far we have surely seen, and must allow for that.
 */
#include "dropcorr/source/capture_live.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#define BLOCK_TIMEOUT_MS 50
#define POLL_MS 50
#define SNAPLEN_DEFAULT 256
#define BUFFER_DEFAULT (8u << 20)
#define FRAMES_AT_ONCE 4096

/* Frames of several CPUs enter the ring slightly out of order: the stamp is taken before the place in
 * the ring. */
#define RING_DISORDER_NS (10 * DC_NS_PER_MS)

struct DcCaptureLive {
  pcap_t *pcap;
  DcCaptureLiveInfo info;
  char *interface, *filter, *timestamp_type, *timestamp_warning;
  bool immediate;
  bool loopback;
  uint64_t max_frames;

  /* The thread's own. */
  DcLiveSink *sink;
  DcStop *stop;
  uint64_t captured;
  int64_t newest_ns; /* of all frames pushed */
  int64_t until_ns;  /* after the stop: frames later than this are not wanted */
  bool past_until;
  DcCaptureLiveStats stats;
  uint32_t last_drop, last_ifdrop;
  int64_t last_stats_ns;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(pcap_t, pcap_close)

/* --- opening ---------------------------------------------------------------- */

/* What libpcap says of a failed step, with what to do about it. */
static void set_pcap_error(GError **error, pcap_t *pcap, const char *interface, int status)
{
  const char *text = pcap_geterr(pcap);
  if (*text == '\0')
    text = pcap_statustostr(status);
  switch (status) {
  case PCAP_ERROR_NO_SUCH_DEVICE:
    g_set_error(error, DC_ERROR, DC_ERROR_NOT_FOUND, "%s: no such device (see dropcorr -D)", interface);
    return;
  case PCAP_ERROR_PERM_DENIED:
  case PCAP_ERROR_PROMISC_PERM_DENIED:
    g_set_error(error, DC_ERROR, DC_ERROR_PERMISSION, "%s: %s (run as root, or with CAP_NET_RAW and CAP_NET_ADMIN)",
                interface, text);
    return;
  case PCAP_ERROR_IFACE_NOT_UP:
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: the interface is not up (ip link set %s up)", interface, interface);
    return;
  default:
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: %s", interface, text);
    return;
  }
}

char *dc_capture_live_default_interface(GError **error)
{
  char text[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t *list = NULL;
  if (pcap_findalldevs(&list, text) != 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "interfaces: %s", text);
    return NULL;
  }
  char *name = NULL;
  for (const pcap_if_t *at = list; at != NULL && name == NULL; at = at->next) {
    if ((at->flags & PCAP_IF_UP) != 0 && (at->flags & PCAP_IF_LOOPBACK) == 0 && if_nametoindex(at->name) != 0)
      name = g_strdup(at->name);
  }
  pcap_freealldevs(list);
  if (name == NULL)
    g_set_error(error, DC_ERROR, DC_ERROR_NOT_FOUND,
                "no interface is up (or none may be captured by this user): name one with -i");
  return name;
}

/* Time stamps of the NIC's own clock are not comparable with the kernel's. */
static bool set_timestamp_type(DcCaptureLive *capture, const char *name, GError **error)
{
  capture->timestamp_type = g_strdup(name != NULL ? name : "host");
  capture->info.timestamp_type = capture->timestamp_type;
  if (name == NULL)
    return true; /* libpcap's default is the host's clock at reception */
  const int type = pcap_tstamp_type_name_to_val(name);
  if (type < 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "-j %s: no such time stamp type", name);
    return false;
  }
  const int status = pcap_set_tstamp_type(capture->pcap, type);
  if (status == PCAP_ERROR_CANTSET_TSTAMP_TYPE || status == PCAP_WARNING_TSTAMP_TYPE_NOTSUP) {
    g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED, "%s: time stamp type %s is not supported by this device",
                capture->interface, name);
    return false;
  }
  if (type == PCAP_TSTAMP_ADAPTER || type == PCAP_TSTAMP_ADAPTER_UNSYNCED)
    capture->timestamp_warning =
        g_strdup_printf("time stamp type %s comes from the adapter's clock, drops are stamped with the host's: "
                        "frames and drops may not be joined (leave out -j)",
                        name);
  capture->info.timestamp_warning = capture->timestamp_warning;
  return true;
}

static bool set_link(DcCaptureLive *capture, GError **error)
{
  /* The newer cooked header tells the interface of each packet. */
  if (pcap_datalink(capture->pcap) == DLT_LINUX_SLL)
    (void)pcap_set_datalink(capture->pcap, DLT_LINUX_SLL2);
  capture->info.dlt = pcap_datalink(capture->pcap);
  capture->info.link = (uint8_t)dc_link_from_dlt(capture->info.dlt);
  capture->info.link_name = pcap_datalink_val_to_name(capture->info.dlt);
  if (capture->info.link != DC_LINK_UNKNOWN)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED,
              "%s: link type %s cannot be analysed (-i any captures it with a cooked header)", capture->interface,
              capture->info.link_name != NULL ? capture->info.link_name : "(unknown)");
  return false;
}

static bool set_filter(DcCaptureLive *capture, const char *expression, bool optimize, GError **error)
{
  if (expression == NULL || *expression == '\0')
    return true;
  struct bpf_program program = {0};
  if (pcap_compile(capture->pcap, &program, expression, optimize ? 1 : 0, PCAP_NETMASK_UNKNOWN) != 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_FILTER, "filter \"%s\": %s", expression, pcap_geterr(capture->pcap));
    return false;
  }
  const int status = pcap_setfilter(capture->pcap, &program);
  pcap_freecode(&program);
  if (status != 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_FILTER, "filter \"%s\": %s", expression, pcap_geterr(capture->pcap));
    return false;
  }
  capture->filter = g_strdup(expression);
  capture->info.filter = capture->filter;
  return true;
}

static bool set_direction(DcCaptureLive *capture, DcTapDirection direction, GError **error)
{
  pcap_direction_t wanted = PCAP_D_INOUT;
  switch (direction) {
  case DC_TAP_INOUT:
    return true;
  case DC_TAP_IN:
    wanted = PCAP_D_IN;
    break;
  case DC_TAP_OUT:
    wanted = PCAP_D_OUT;
    break;
  }
  if (pcap_setdirection(capture->pcap, wanted) == 0)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED, "%s: -Q: %s", capture->interface, pcap_geterr(capture->pcap));
  return false;
}

static void find_mac(DcCaptureLive *capture)
{
  struct ifaddrs *list = NULL;
  if (getifaddrs(&list) != 0)
    return;
  for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
    if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_PACKET || strcmp(at->ifa_name, capture->interface) != 0)
      continue;
    struct sockaddr_ll address;
    memcpy(&address, at->ifa_addr, sizeof address);
    capture->loopback = (at->ifa_flags & IFF_LOOPBACK) != 0;
    if (address.sll_halen != sizeof capture->info.mac)
      continue;
    memcpy(capture->info.mac, address.sll_addr, sizeof capture->info.mac);
    capture->info.has_mac = true;
  }
  freeifaddrs(list);
}

static bool activate(DcCaptureLive *capture, const DcCaptureLiveOptions *options, GError **error)
{
  pcap_t *pcap = capture->pcap;
  const uint32_t snaplen = options->snaplen != 0 ? options->snaplen : SNAPLEN_DEFAULT;
  const uint32_t buffer = options->buffer_bytes != 0 ? options->buffer_bytes : BUFFER_DEFAULT;
  pcap_set_snaplen(pcap, (int)MIN(snaplen, (uint32_t)G_MAXINT));
  pcap_set_buffer_size(pcap, (int)MIN(buffer, (uint32_t)G_MAXINT));
  pcap_set_timeout(pcap, BLOCK_TIMEOUT_MS);
  pcap_set_promisc(pcap, options->promiscuous ? 1 : 0);
  pcap_set_immediate_mode(pcap, options->immediate ? 1 : 0);
  pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
  if (!set_timestamp_type(capture, options->timestamp_type, error))
    return false;
  const int status = pcap_activate(pcap);
  if (status < 0) {
    set_pcap_error(error, pcap, capture->interface, status);
    return false;
  }
  if (!set_link(capture, error) || !set_direction(capture, options->direction, error) ||
      !set_filter(capture, options->filter, options->filter_optimize, error))
    return false;
  char text[PCAP_ERRBUF_SIZE] = "";
  if (pcap_setnonblock(pcap, 1, text) != 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: %s", capture->interface, text);
    return false;
  }
  if (pcap_get_selectable_fd(pcap) < 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED, "%s: libpcap cannot wait for packets of this device",
                capture->interface);
    return false;
  }
  capture->info.snaplen = (uint32_t)pcap_snapshot(pcap);
  capture->info.buffer_bytes = buffer;
  capture->info.promiscuous = options->promiscuous;
  capture->info.nanoseconds = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO;
  capture->immediate = options->immediate;
  capture->max_frames = options->max_frames;
  return true;
}

DcCaptureLive *dc_capture_live_open(const DcCaptureLiveOptions *options, GError **error)
{
  g_autoptr(DcCaptureLive) capture = g_new0(DcCaptureLive, 1);
  capture->interface =
      options->interface != NULL ? g_strdup(options->interface) : dc_capture_live_default_interface(error);
  if (capture->interface == NULL)
    return NULL;
  capture->info.interface = capture->interface;
  char text[PCAP_ERRBUF_SIZE] = "";
  capture->pcap = pcap_create(capture->interface, text);
  if (capture->pcap == NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: %s", capture->interface, text);
    return NULL;
  }
  if (!activate(capture, options, error))
    return NULL;
  capture->info.ifindex = if_nametoindex(capture->interface); /* 0 for "any" */
  if (capture->info.ifindex != 0)
    find_mac(capture);
  return g_steal_pointer(&capture);
}

const DcCaptureLiveInfo *dc_capture_live_info(const DcCaptureLive *capture)
{
  return &capture->info;
}

void dc_capture_live_stats(const DcCaptureLive *capture, DcCaptureLiveStats *ret_stats)
{
  *ret_stats = capture->stats;
}

void dc_capture_live_free(DcCaptureLive *capture)
{
  if (capture == NULL)
    return;
  if (capture->pcap != NULL)
    pcap_close(capture->pcap);
  g_free(capture->interface);
  g_free(capture->filter);
  g_free(capture->timestamp_type);
  g_free(capture->timestamp_warning);
  g_free(capture);
}

/* --- the thread ------------------------------------------------------------- */

/*
 * Direction by the interface's own address:
 *
 *   0        6        12
 *   +--------+--------+-----
 *   |  dst   |  src   | ...
 *   +--------+--------+-----
 *
 * Cooked frames tell it in their header, which the correlator reads. On the loopback
 * device libpcap shows each frame once, as it comes in.
 */
static DcDirection direction_of(const DcCaptureLive *capture, const uint8_t *bytes, uint32_t caplen)
{
  if (capture->info.link != DC_LINK_ETHERNET || !capture->info.has_mac || caplen < 12)
    return DC_DIRECTION_UNKNOWN;
  if (capture->loopback)
    return DC_DIRECTION_IN;
  if (memcmp(bytes + 6, capture->info.mac, 6) == 0)
    return DC_DIRECTION_OUT;
  if ((bytes[0] & 1) != 0 || memcmp(bytes, capture->info.mac, 6) == 0)
    return DC_DIRECTION_IN;
  /* Somebody else's unicast: seen because of promiscuous mode, or sent by a bridge or container behind this
   * device. Addresses tell more than this device's MAC does. */
  return capture->info.promiscuous ? DC_DIRECTION_OTHER_HOST : DC_DIRECTION_UNKNOWN;
}

static void on_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
  DcCaptureLive *capture = (DcCaptureLive *)(void *)user;
  if (capture->max_frames != 0 && capture->captured >= capture->max_frames)
    return;
  /* With nanosecond precision libpcap puts nanoseconds into tv_usec. */
  const int64_t fraction = capture->info.nanoseconds ? header->ts.tv_usec : header->ts.tv_usec * DC_NS_PER_US;
  const int64_t time_ns = header->ts.tv_sec * DC_NS_PER_S + fraction;
  if (time_ns > capture->until_ns) {
    capture->past_until = true;
    return;
  }
  capture->captured++;
  capture->newest_ns = MAX(capture->newest_ns, time_ns);
  DcLiveRecord record = {.kind = DC_LIVE_FRAME,
                         .sub = (uint8_t)direction_of(capture, bytes, header->caplen),
                         .time_ns = time_ns,
                         .caplen = header->caplen,
                         .len = header->len,
                         .ifindex = capture->info.ifindex,
                         .body_len = header->caplen};
  dc_live_push(capture->sink, &record, bytes);
  if (capture->max_frames != 0 && capture->captured >= capture->max_frames) {
    pcap_breakloop(capture->pcap);
    dc_stop_request(capture->stop);
  }
}

/* The counters of libpcap are 32 bits wide and run since the start: differences count. */
static void read_stats(DcCaptureLive *capture, int64_t now_ns)
{
  struct pcap_stat stat = {0};
  if (pcap_stats(capture->pcap, &stat) != 0)
    return;
  const uint32_t dropped = stat.ps_drop - capture->last_drop;
  const uint32_t ifdropped = stat.ps_ifdrop - capture->last_ifdrop;
  capture->last_drop = stat.ps_drop;
  capture->last_ifdrop = stat.ps_ifdrop;
  capture->stats.received = stat.ps_recv;
  capture->stats.dropped_kernel += dropped;
  capture->stats.dropped_interface += ifdropped;
  capture->stats.captured = capture->captured;
  dc_live_push_loss(capture->sink, DC_LOSS_CAPTURE, dropped, capture->last_stats_ns, now_ns,
                    "capture ring full: larger -B, shorter -s, or a narrower filter");
  dc_live_push_loss(capture->sink, DC_LOSS_INTERFACE, ifdropped, capture->last_stats_ns, now_ns,
                    "dropped by the interface before the tap");
  capture->last_stats_ns = now_ns;
}

/* What can happen to an interface while it is captured. The tap follows its index: a new name does no
 * harm, but the user should know. */
typedef struct {
  char name[IF_NAMESIZE];
  bool up;
  bool gone;
} Watched;

static void watch_interface(DcCaptureLive *capture, Watched *watched)
{
  if (capture->info.ifindex == 0)
    return;
  char name[IF_NAMESIZE] = "";
  if (if_indextoname(capture->info.ifindex, name) == NULL) {
    watched->gone = true;
    return;
  }
  g_autofree char *text = NULL;
  if (strcmp(name, watched->name) != 0) {
    text = g_strdup_printf("%s was renamed to %s; capturing goes on", watched->name, name);
    dc_live_push_text(capture->sink, DC_LIVE_NOTICE, 0, text);
    g_strlcpy(watched->name, name, sizeof watched->name);
  }
  struct ifreq request = {0};
  g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
  if (ioctl(pcap_get_selectable_fd(capture->pcap), SIOCGIFFLAGS, &request) != 0)
    return;
  const bool up = (request.ifr_flags & IFF_UP) != 0;
  if (up == watched->up)
    return;
  watched->up = up;
  g_autofree char *change =
      g_strdup_printf(up ? "%s is up again" : "%s went down: no frames until it is up again", name);
  dc_live_push_text(capture->sink, DC_LIVE_NOTICE, 0, change);
}

static void push_failure(DcCaptureLive *capture, int status)
{
  char name[IF_NAMESIZE] = "";
  const bool exists = capture->info.ifindex == 0 || if_indextoname(capture->info.ifindex, name) != NULL;
  g_autofree char *text = NULL;
  if (!exists)
    text = g_strdup_printf("%s: the interface is gone; what was captured until then is reported", capture->interface);
  else if (name[0] != '\0' && strcmp(name, capture->interface) != 0)
    /* libpcap asks by the old name whether a device that is down has come up. */
    text = g_strdup_printf("%s was renamed to %s and went down: the capture cannot follow (start again with -i %s)",
                           capture->interface, name, name);
  else
    text = g_strdup_printf("%s: %s", capture->interface,
                           status == PCAP_ERROR ? pcap_geterr(capture->pcap) : pcap_statustostr(status));
  dc_live_push_text(capture->sink, DC_LIVE_FAILURE, DC_ERROR_IO, text);
}

/* Reads what the ring holds. False when the capture cannot go on. */
static bool drain(DcCaptureLive *capture, int *ret_frames)
{
  const int status = pcap_dispatch(capture->pcap, FRAMES_AT_ONCE, on_frame, (u_char *)capture);
  if (status >= 0 || status == PCAP_ERROR_BREAK) {
    *ret_frames = MAX(status, 0);
    return true;
  }
  push_failure(capture, status);
  return false;
}

/* After the stop: frames that were on the wire before it may still be on their way through the ring. */
static void drain_rest(DcCaptureLive *capture)
{
  const int64_t deadline = dc_clock_monotonic() + 3 * BLOCK_TIMEOUT_MS * DC_NS_PER_MS;
  while (!capture->past_until && (capture->max_frames == 0 || capture->captured < capture->max_frames)) {
    int frames = 0;
    if (!drain(capture, &frames))
      return;
    const int64_t left_ms = (deadline - dc_clock_monotonic()) / DC_NS_PER_MS;
    if (left_ms <= 0)
      return;
    if (frames == 0) {
      struct pollfd wait = {.fd = pcap_get_selectable_fd(capture->pcap), .events = POLLIN};
      poll(&wait, 1, (int)left_ms);
    }
  }
}

static void push_mark(DcCaptureLive *capture, int64_t before_ns, int frames)
{
  /* Nothing was there at before_ns: all that was stamped a block's time earlier has been seen. While the
   * ring is never empty the newest frame is all that is sure. */
  const int64_t lag = capture->immediate ? RING_DISORDER_NS : 2 * BLOCK_TIMEOUT_MS * DC_NS_PER_MS;
  dc_live_push_mark(capture->sink, frames == 0 ? before_ns - lag : capture->newest_ns - RING_DISORDER_NS);
}

void dc_capture_live_run(DcCaptureLive *capture, DcLiveSink *sink, DcStop *stop)
{
  capture->sink = sink;
  capture->stop = stop;
  capture->until_ns = INT64_MAX;
  capture->newest_ns = INT64_MIN / 2;
  capture->last_stats_ns = dc_clock_realtime();
  Watched watched = {.up = true};
  g_strlcpy(watched.name, capture->interface, sizeof watched.name);
  int64_t next_mark = 0, next_stats = dc_clock_monotonic() + DC_NS_PER_S;
  bool alive = true;
  while (alive && !dc_stop_requested(stop)) {
    struct pollfd wait[2] = {{.fd = pcap_get_selectable_fd(capture->pcap), .events = POLLIN},
                             {.fd = dc_stop_fd(stop), .events = POLLIN}};
    poll(wait, 2, POLL_MS);
    const int64_t before_ns = dc_clock_realtime();
    int frames = 0;
    alive = drain(capture, &frames);
    const int64_t now = dc_clock_monotonic();
    if (now >= next_mark) {
      push_mark(capture, before_ns, frames);
      next_mark = now + POLL_MS * DC_NS_PER_MS;
    }
    if (now >= next_stats) {
      read_stats(capture, dc_clock_realtime());
      watch_interface(capture, &watched);
      if (watched.gone && alive) {
        push_failure(capture, PCAP_ERROR);
        alive = false;
      }
      next_stats = now + DC_NS_PER_S;
    }
  }
  if (alive) {
    capture->until_ns = dc_stop_time(stop);
    drain_rest(capture);
  } else {
    dc_stop_request(stop);
  }
  read_stats(capture, dc_clock_realtime());
  capture->stats.captured = capture->captured;
  dc_live_push_text(sink, DC_LIVE_END, 0, "");
}
