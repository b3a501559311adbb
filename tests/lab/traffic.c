/*
 * traffic: the lab's client side.  It sends what a scenario step needs, either
 * as raw frames (AF_PACKET, so that any header may be wrong) or through
 * ordinary sockets (so that a real TCP state machine stands behind them).
 *
 * Usage: traffic frame KIND [options]      KIND: tcp udp icmp ip stp llc lldp ether
 *        traffic talk ADDRESS PORT [options]      connect, send, read the echo, close
 *        traffic connect ADDRESS PORT [options]   open connections, hold them
 *        traffic datagrams ADDRESS PORT [options] send datagrams from a socket
 *        traffic segments ADDRESS PORT [options]  connect, then send raw segments
 *                                                 that belong to the connection
 *        traffic --help
 *
 * It exits 0 when everything was sent (and, for talk, echoed), 1 otherwise.
 */
#include "connection.h"
#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 64, DATAGRAM_MAX = 8192 };

typedef struct {
  FrameSpec frame;
  const char *device;
  int count;
  int interval_ms;
  int sport_step;
  int retransmits;    /* connect: hold until each open SYN was repeated so often */
  int hold_ms;        /* connect: the longest time to hold */
  int stay_ms;        /* connect: and then so long still */
  bool together;      /* connect: do not wait for one handshake before the next SYN */
  size_t piece;       /* frame: cut into fragments of so many bytes, 0 whole */
  const char *pieces; /* the fragments to send, in that order: "10" is the second, then the first */
  int32_t seq_offset, ack_offset, tsval_offset; /* segments: from what the connection would send */
  int keepalive_s;
  bool fill;      /* segments: fill the peer's window first */
  bool until_fin; /* segments: let the peer close first */
} Options;

/* Where the lab's addresses are fixed; every one can be changed by an option. */
static const FrameSpec FRAME_DEFAULTS = {
    .smac = {2, 0, 0, 0, 0, 2},
    .dmac = {2, 0, 0, 0, 0, 1},
    .vlan = -1,
    .ip_id = 0x4c00,
    .ttl = 64,
    .sport = 40000,
    .payload_len = 0,
    .seq = 1000,
    .tcp_flags = 0x02,
    .window = 64240,
    .tcp_options = true,
    .tsval = 1000,
    .mss = 1460,
    .wscale = 7,
    .icmp_type = 8,
    .llc_len = 39,
};

enum {
  OPT_SRC = 256,
  OPT_DST,
  OPT_SMAC,
  OPT_DMAC,
  OPT_VLAN,
  OPT_IP_ID,
  OPT_TTL,
  OPT_PROTO,
  OPT_MORE_FRAGMENTS,
  OPT_FRAG_OFFSET,
  OPT_BAD_IP_CHECKSUM,
  OPT_BAD_CHECKSUM,
  OPT_SPORT,
  OPT_DPORT,
  OPT_PAYLOAD,
  OPT_TEXT,
  OPT_SEQ,
  OPT_ACK,
  OPT_FLAGS,
  OPT_WINDOW,
  OPT_NO_OPTIONS,
  OPT_TSVAL,
  OPT_TSECR,
  OPT_MSS,
  OPT_WSCALE,
  OPT_TYPE,
  OPT_CODE,
  OPT_ETHERTYPE,
  OPT_SAP,
  OPT_LENGTH,
  OPT_DEVICE,
  OPT_COUNT,
  OPT_INTERVAL,
  OPT_SPORT_STEP,
  OPT_RETRANSMITS,
  OPT_HOLD,
  OPT_STAY,
  OPT_TOGETHER,
  OPT_DONT_FRAGMENT,
  OPT_FRAGMENTS,
  OPT_PIECES,
  OPT_SEQ_OFFSET,
  OPT_ACK_OFFSET,
  OPT_TSVAL_OFFSET,
  OPT_KEEPALIVE,
  OPT_FILL,
  OPT_UNTIL_FIN,
  OPT_HELP,
};

static const struct option OPTIONS[] = {
    {"src", required_argument, NULL, OPT_SRC},
    {"dst", required_argument, NULL, OPT_DST},
    {"smac", required_argument, NULL, OPT_SMAC},
    {"dmac", required_argument, NULL, OPT_DMAC},
    {"vlan", required_argument, NULL, OPT_VLAN},
    {"ip-id", required_argument, NULL, OPT_IP_ID},
    {"ttl", required_argument, NULL, OPT_TTL},
    {"proto", required_argument, NULL, OPT_PROTO},
    {"more-fragments", no_argument, NULL, OPT_MORE_FRAGMENTS},
    {"frag-offset", required_argument, NULL, OPT_FRAG_OFFSET},
    {"bad-ip-checksum", no_argument, NULL, OPT_BAD_IP_CHECKSUM},
    {"bad-checksum", no_argument, NULL, OPT_BAD_CHECKSUM},
    {"sport", required_argument, NULL, OPT_SPORT},
    {"dport", required_argument, NULL, OPT_DPORT},
    {"payload", required_argument, NULL, OPT_PAYLOAD},
    {"text", required_argument, NULL, OPT_TEXT},
    {"seq", required_argument, NULL, OPT_SEQ},
    {"ack", required_argument, NULL, OPT_ACK},
    {"flags", required_argument, NULL, OPT_FLAGS},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"no-options", no_argument, NULL, OPT_NO_OPTIONS},
    {"tsval", required_argument, NULL, OPT_TSVAL},
    {"tsecr", required_argument, NULL, OPT_TSECR},
    {"mss", required_argument, NULL, OPT_MSS},
    {"wscale", required_argument, NULL, OPT_WSCALE},
    {"type", required_argument, NULL, OPT_TYPE},
    {"code", required_argument, NULL, OPT_CODE},
    {"ethertype", required_argument, NULL, OPT_ETHERTYPE},
    {"sap", required_argument, NULL, OPT_SAP},
    {"length", required_argument, NULL, OPT_LENGTH},
    {"device", required_argument, NULL, OPT_DEVICE},
    {"count", required_argument, NULL, OPT_COUNT},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"sport-step", required_argument, NULL, OPT_SPORT_STEP},
    {"retransmits", required_argument, NULL, OPT_RETRANSMITS},
    {"hold", required_argument, NULL, OPT_HOLD},
    {"stay", required_argument, NULL, OPT_STAY},
    {"together", no_argument, NULL, OPT_TOGETHER},
    {"dont-fragment", no_argument, NULL, OPT_DONT_FRAGMENT},
    {"fragments", required_argument, NULL, OPT_FRAGMENTS},
    {"pieces", required_argument, NULL, OPT_PIECES},
    {"seq-offset", required_argument, NULL, OPT_SEQ_OFFSET},
    {"ack-offset", required_argument, NULL, OPT_ACK_OFFSET},
    {"tsval-offset", required_argument, NULL, OPT_TSVAL_OFFSET},
    {"keepalive", required_argument, NULL, OPT_KEEPALIVE},
    {"fill", no_argument, NULL, OPT_FILL},
    {"until-fin", no_argument, NULL, OPT_UNTIL_FIN},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char HELP[] =
    "usage: traffic frame tcp|udp|icmp|ip|stp|llc|lldp|ether [options]\n"
    "       traffic talk ADDRESS PORT [--sport N] [--text TEXT]\n"
    "       traffic connect ADDRESS PORT [--sport N] [--count N] [--retransmits N] [--hold MS]\n"
    "               [--stay MS] [--together] [--text TEXT]\n"
    "       traffic datagrams ADDRESS PORT [--sport N] [--count N] [--payload N]\n"
    "       traffic segments ADDRESS PORT [--sport N] [--count N] [--payload N] [--flags LETTERS]\n"
    "               [--seq-offset N] [--ack-offset N] [--tsval-offset N] [--no-options]\n"
    "               [--text TEXT] [--fill] [--until-fin] [--keepalive SECONDS] [--hold MS]\n"
    "frames:    --device NAME --count N --interval MS --sport-step N\n"
    "link:      --smac MAC --dmac MAC --vlan ID --ethertype N --sap N --length N\n"
    "network:   --src ADDRESS --dst ADDRESS --ttl N --proto N --ip-id N\n"
    "           --more-fragments --frag-offset BYTES --bad-ip-checksum --dont-fragment\n"
    "           --fragments BYTES --pieces DIGITS\n"
    "transport: --sport N --dport N --payload BYTES --text TEXT --bad-checksum\n"
    "           --flags SFRPAU --seq N --ack N --window N --tsval N --tsecr N\n"
    "           --mss N --wscale N --no-options --type N --code N\n";

static void fail(const char *what)
{
  fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void usage_error(const char *what, const char *value)
{
  fprintf(stderr, "traffic: %s: %s\n%s", what, value, HELP);
  exit(2);
}

static unsigned long number(const char *text, unsigned long max)
{
  char *end;

  errno = 0;
  unsigned long value = strtoul(text, &end, 0);
  if (errno || end == text || *end || value > max)
    usage_error("not a number in range", text);
  return value;
}

static int32_t signed_number(const char *text)
{
  bool negative = *text == '-';
  int64_t value = (int64_t)number(text + negative, INT32_MAX);

  return (int32_t)(negative ? -value : value);
}

static void pause_ms(int ms)
{
  struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

  while (nanosleep(&span, &span) && errno == EINTR)
    continue;
}

static uint8_t parse_flags(const char *text)
{
  static const char letters[] = "FSRPAU";
  uint8_t flags = 0;

  for (; *text; text++) {
    const char *at = strchr(letters, *text);
    if (!at)
      usage_error("not a TCP flag", text);
    flags |= (uint8_t)(1u << (at - letters));
  }
  return flags;
}

static int parse_address(const char *text, struct in6_addr *ret_address)
{
  int family = frame_parse_address(text, ret_address);

  if (!family)
    usage_error("not an address", text);
  return family;
}

/* Returns the index of the first argument that is no option. */
static int parse_options(int argc, char **argv, Options *o)
{
  FrameSpec *f = &o->frame;

  *o = (Options){.frame = FRAME_DEFAULTS, .device = "eth0", .count = 1, .hold_ms = 5000};
  f->family = frame_parse_address("10.0.0.2", &f->src);
  frame_parse_address("10.0.0.1", &f->dst);

  for (int c; (c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
    switch (c) {
    case OPT_SRC:
      f->family = parse_address(optarg, &f->src);
      break;
    case OPT_DST:
      f->family = parse_address(optarg, &f->dst);
      break;
    case OPT_SMAC:
      if (!frame_parse_mac(optarg, f->smac))
        usage_error("not a MAC address", optarg);
      break;
    case OPT_DMAC:
      if (!frame_parse_mac(optarg, f->dmac))
        usage_error("not a MAC address", optarg);
      break;
    case OPT_VLAN:
      f->vlan = (int)number(optarg, 4095);
      break;
    case OPT_IP_ID:
      f->ip_id = (uint16_t)number(optarg, 0xffff);
      break;
    case OPT_TTL:
      f->ttl = (uint8_t)number(optarg, 255);
      break;
    case OPT_PROTO:
      f->ip_proto = (uint8_t)number(optarg, 255);
      break;
    case OPT_MORE_FRAGMENTS:
      f->more_fragments = true;
      break;
    case OPT_FRAG_OFFSET:
      f->frag_offset = (uint16_t)number(optarg, 0xfff8);
      break;
    case OPT_BAD_IP_CHECKSUM:
      f->bad_ip_checksum = true;
      break;
    case OPT_BAD_CHECKSUM:
      f->bad_checksum = true;
      break;
    case OPT_SPORT:
      f->sport = (uint16_t)number(optarg, 0xffff);
      break;
    case OPT_DPORT:
      f->dport = (uint16_t)number(optarg, 0xffff);
      break;
    case OPT_PAYLOAD:
      f->payload_len = number(optarg, DATAGRAM_MAX);
      break;
    case OPT_TEXT:
      f->payload = optarg;
      break;
    case OPT_SEQ:
      f->seq = (uint32_t)number(optarg, UINT32_MAX);
      break;
    case OPT_ACK:
      f->ack = (uint32_t)number(optarg, UINT32_MAX);
      break;
    case OPT_FLAGS:
      f->tcp_flags = parse_flags(optarg);
      break;
    case OPT_WINDOW:
      f->window = (uint16_t)number(optarg, 0xffff);
      break;
    case OPT_NO_OPTIONS:
      f->tcp_options = false;
      break;
    case OPT_TSVAL:
      f->tsval = (uint32_t)number(optarg, UINT32_MAX);
      break;
    case OPT_TSECR:
      f->tsecr = (uint32_t)number(optarg, UINT32_MAX);
      break;
    case OPT_MSS:
      f->mss = (uint16_t)number(optarg, 0xffff);
      break;
    case OPT_WSCALE:
      f->wscale = (uint8_t)number(optarg, 14);
      break;
    case OPT_TYPE:
      f->icmp_type = (uint8_t)number(optarg, 255);
      break;
    case OPT_CODE:
      f->icmp_code = (uint8_t)number(optarg, 255);
      break;
    case OPT_ETHERTYPE:
      f->ethertype = (uint16_t)number(optarg, 0xffff);
      break;
    case OPT_SAP:
      f->sap = (uint8_t)number(optarg, 255);
      break;
    case OPT_LENGTH:
      f->llc_len = number(optarg, 1500);
      break;
    case OPT_DEVICE:
      o->device = optarg;
      break;
    case OPT_COUNT:
      o->count = (int)number(optarg, 1000000);
      break;
    case OPT_INTERVAL:
      o->interval_ms = (int)number(optarg, 60000);
      break;
    case OPT_SPORT_STEP:
      o->sport_step = (int)number(optarg, 1000);
      break;
    case OPT_RETRANSMITS:
      o->retransmits = (int)number(optarg, 10);
      break;
    case OPT_HOLD:
      o->hold_ms = (int)number(optarg, 60000);
      break;
    case OPT_STAY:
      o->stay_ms = (int)number(optarg, 60000);
      break;
    case OPT_TOGETHER:
      o->together = true;
      break;
    case OPT_DONT_FRAGMENT:
      f->dont_fragment = true;
      break;
    case OPT_FRAGMENTS:
      o->piece = number(optarg, 1472) & ~7ul;
      break;
    case OPT_PIECES:
      o->pieces = optarg;
      break;
    case OPT_SEQ_OFFSET:
      o->seq_offset = signed_number(optarg);
      break;
    case OPT_ACK_OFFSET:
      o->ack_offset = signed_number(optarg);
      break;
    case OPT_TSVAL_OFFSET:
      o->tsval_offset = signed_number(optarg);
      break;
    case OPT_KEEPALIVE:
      o->keepalive_s = (int)number(optarg, 60);
      break;
    case OPT_FILL:
      o->fill = true;
      break;
    case OPT_UNTIL_FIN:
      o->until_fin = true;
      break;
    case OPT_HELP:
      fputs(HELP, stdout);
      exit(0);
    default:
      fputs(HELP, stderr);
      exit(2);
    }
  }
  return optind;
}

static FrameKind parse_kind(const char *name)
{
  static const struct {
    const char *name;
    FrameKind kind;
  } kinds[] = {
      {"tcp", FRAME_TCP}, {"udp", FRAME_UDP}, {"icmp", FRAME_ICMP}, {"ip", FRAME_IP},
      {"stp", FRAME_STP}, {"llc", FRAME_LLC}, {"lldp", FRAME_LLDP}, {"ether", FRAME_ETHER},
  };

  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    if (!strcmp(name, kinds[i].name))
      return kinds[i].kind;
  usage_error("not a kind of frame", name);
  return FRAME_ETHER;
}

/* A socket that puts whole frames onto a device; `device` must live as long as the process. */
static int open_device(const char *device)
{
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0)
    fail("packet socket (root is needed)");
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
  if (!to.sll_ifindex)
    fail(device);
  if (bind(fd, (struct sockaddr *)&to, sizeof(to)))
    fail(device);
  return fd;
}

static void send_whole(int fd, const uint8_t *buf, size_t len)
{
  if (send(fd, buf, len, 0) != (ssize_t)len)
    fail("send");
}

/* All fragments of a frame, or the chosen ones in the chosen order. */
static void send_fragments(int fd, const Options *o, const uint8_t *whole, size_t len)
{
  uint8_t buf[FRAME_MAX];

  if (o->pieces) {
    for (const char *digit = o->pieces; *digit; digit++) {
      size_t n = frame_fragment(whole, len, o->piece, (size_t)(*digit - '0'), buf);
      if (!n)
        usage_error("no such fragment", digit);
      send_whole(fd, buf, n);
    }
    return;
  }
  for (size_t i = 0, n; (n = frame_fragment(whole, len, o->piece, i, buf)) > 0; i++)
    send_whole(fd, buf, n);
}

/* Every frame gets an IP id of its own, as two datagrams of one host have. */
static int send_frames(Options *o, const char *kind)
{
  FrameSpec *f = &o->frame;
  f->kind = parse_kind(kind);

  int fd = open_device(o->device);
  for (int i = 0; i < o->count; i++) {
    uint8_t buf[FRAME_MAX];
    size_t len = frame_build(f, buf);
    if (!len)
      usage_error("does not fit into one frame", kind);
    if (o->piece)
      send_fragments(fd, o, buf, len);
    else
      send_whole(fd, buf, len);
    f->ip_id++;
    f->sport = (uint16_t)(f->sport + o->sport_step);
    if (o->interval_ms && i + 1 < o->count)
      pause_ms(o->interval_ms);
  }
  close(fd);
  return 0;
}

typedef struct {
  struct sockaddr_storage addr;
  socklen_t len;
} Endpoint;

static Endpoint endpoint(const char *address, uint16_t port)
{
  struct in6_addr parsed;
  Endpoint e = {0};

  if (parse_address(address, &parsed) == AF_INET) {
    struct sockaddr_in *in = (struct sockaddr_in *)&e.addr;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, parsed.s6_addr, 4);
    e.len = sizeof(*in);
  } else {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&e.addr;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    in6->sin6_addr = parsed;
    e.len = sizeof(*in6);
  }
  return e;
}

/* A socket bound to a chosen source port, so that a frame tells its step. */
static int open_socket(int type, const Endpoint *to, uint16_t sport)
{
  int fd = socket(to->addr.ss_family, type, 0);
  if (fd < 0)
    fail("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)))
    fail("SO_REUSEADDR");
  Endpoint from = endpoint(to->addr.ss_family == AF_INET ? "0.0.0.0" : "::", sport);
  if (bind(fd, (struct sockaddr *)&from.addr, from.len))
    fail("bind");
  return fd;
}

/* One whole conversation: it proves that the path and the service are sound. */
static int talk(const Options *o, const char *address, const char *port)
{
  Endpoint to = endpoint(address, (uint16_t)number(port, 0xffff));
  const char *text = o->frame.payload ? o->frame.payload : "hello";
  size_t want = strlen(text);
  char reply[256];

  int fd = open_socket(SOCK_STREAM, &to, o->frame.sport);
  if (connect(fd, (struct sockaddr *)&to.addr, to.len))
    fail("connect");
  if (send(fd, text, want, 0) != (ssize_t)want)
    fail("send");
  for (size_t have = 0; have < want;) {
    ssize_t n = recv(fd, reply, sizeof(reply), 0);
    if (n <= 0)
      fail("no echo");
    have += (size_t)n;
  }
  shutdown(fd, SHUT_WR);
  while (recv(fd, reply, sizeof(reply), 0) > 0) /* until the server closes too */
    continue;
  close(fd);
  return 0;
}

/* Connected and all it sent acknowledged, or a segment of it repeated `retransmits` times. */
static bool settled(int fd, int retransmits)
{
  struct tcp_info info;
  socklen_t len = sizeof(info);

  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
    fail("TCP_INFO");
  return (info.tcpi_state != TCP_SYN_SENT && !info.tcpi_unacked) || (int)info.tcpi_total_retrans >= retransmits;
}

/*
 * Opens `count` connections, one after the other, from adjoining source ports
 * and holds them until each is either established or has repeated its SYN.
 * The kernel gives no event for a retransmission, so its counter is polled.
 */
static int open_connections(const Options *o, const char *address, const char *port)
{
  Endpoint to = endpoint(address, (uint16_t)number(port, 0xffff));
  int fds[MAX_CONNECTIONS];

  if (o->count > MAX_CONNECTIONS)
    usage_error("too many connections", "--count");
  for (int i = 0; i < o->count; i++) {
    fds[i] = open_socket(SOCK_STREAM | SOCK_NONBLOCK, &to, (uint16_t)(o->frame.sport + i));
    if (connect(fds[i], (struct sockaddr *)&to.addr, to.len) && errno != EINPROGRESS)
      fail("connect");
    /* Give the handshake its turn, so that the queue fills in order. */
    if (!o->together)
      poll(&(struct pollfd){.fd = fds[i], .events = POLLOUT}, 1, 20);
  }
  for (int i = 0; i < o->count && o->frame.payload; i++) {
    if (poll(&(struct pollfd){.fd = fds[i], .events = POLLOUT}, 1, o->hold_ms) == 1)
      send(fds[i], o->frame.payload, strlen(o->frame.payload), MSG_NOSIGNAL);
  }
  for (int waited = 0, open = 1; open && waited < o->hold_ms; waited += 20) {
    open = 0;
    for (int i = 0; i < o->count; i++)
      open += !settled(fds[i], o->retransmits);
    if (open)
      pause_ms(20);
  }
  pause_ms(o->stay_ms);
  for (int i = 0; i < o->count; i++)
    close(fds[i]);
  return 0;
}

/* Sends until the peer's window is closed and stays so. */
static void fill_window(int fd)
{
  static const char bytes[4096];

  for (;;) {
    ssize_t n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
      fail("send");
    if (n < 0 && poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 300) == 0)
      return;
  }
}

/*
 * A real connection, and then raw segments with its numbers, off by what the options say:
 * old timestamps, sequence numbers outside of the window, data into a closed window.  The
 * socket itself knows nothing of them.
 */
static int send_segments(Options *o, const char *address, const char *port)
{
  Endpoint to = endpoint(address, (uint16_t)number(port, 0xffff));
  FrameSpec *f = &o->frame;
  char reply[256];

  int fd = open_socket(SOCK_STREAM, &to, f->sport);
  if (o->keepalive_s && (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)) ||
                         setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &o->keepalive_s, sizeof(int)) ||
                         setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &o->keepalive_s, sizeof(int))))
    fail("keepalive");
  if (connect(fd, (struct sockaddr *)&to.addr, to.len))
    fail("connect");
  if (f->payload && send(fd, f->payload, strlen(f->payload), 0) < 0)
    fail("send");
  if (f->payload && o->fill)
    pause_ms(100); /* the service reads nothing, but may look */
  else if (f->payload && recv(fd, reply, sizeof(reply), 0) <= 0)
    fail("no echo");
  if (o->until_fin && recv(fd, reply, sizeof(reply), 0) != 0)
    fail("the peer does not close");
  if (o->fill)
    fill_window(fd);

  ConnectionNumbers numbers;
  if (!connection_numbers(fd, &numbers))
    fail("TCP_REPAIR");
  f->kind = FRAME_TCP;
  f->family = parse_address(address, &f->dst);
  if (f->family == AF_INET6 && frame_parse_address("fd00::2", &f->src) != AF_INET6)
    fail("source address");
  f->dport = (uint16_t)number(port, 0xffff);
  f->payload = NULL;
  f->seq = numbers.snd_una + (uint32_t)o->seq_offset;
  f->ack = numbers.rcv_nxt + (uint32_t)o->ack_offset;
  f->tsval = numbers.tsval + (uint32_t)o->tsval_offset;
  if (f->tcp_flags == FRAME_DEFAULTS.tcp_flags)
    f->tcp_flags = 0x18; /* PSH, ACK */
  int device = open_device(o->device);
  for (int i = 0; i < o->count; i++) {
    uint8_t buf[FRAME_MAX];
    size_t len = frame_build(f, buf);
    if (!len)
      usage_error("does not fit into one frame", "segments");
    send_whole(device, buf, len);
    f->ip_id++;
  }
  close(device);
  pause_ms(o->hold_ms);
  close(fd);
  return 0;
}

static int send_datagrams(const Options *o, const char *address, const char *port)
{
  Endpoint to = endpoint(address, (uint16_t)number(port, 0xffff));
  char payload[DATAGRAM_MAX];
  size_t len = o->frame.payload_len ? o->frame.payload_len : 16;

  for (size_t i = 0; i < len; i++)
    payload[i] = (char)('a' + i % 26);
  int fd = open_socket(SOCK_DGRAM, &to, o->frame.sport);
  for (int i = 0; i < o->count; i++) {
    if (sendto(fd, payload, len, 0, (struct sockaddr *)&to.addr, to.len) < 0)
      fail("send");
    if (o->interval_ms && i + 1 < o->count)
      pause_ms(o->interval_ms);
  }
  close(fd);
  return 0;
}

int main(int argc, char **argv)
{
  Options o;
  int first = parse_options(argc, argv, &o);
  int words = argc - first;
  char **word = argv + first;

  if (words == 2 && !strcmp(word[0], "frame"))
    return send_frames(&o, word[1]);
  if (words == 3 && !strcmp(word[0], "talk"))
    return talk(&o, word[1], word[2]);
  if (words == 3 && !strcmp(word[0], "connect"))
    return open_connections(&o, word[1], word[2]);
  if (words == 3 && !strcmp(word[0], "segments"))
    return send_segments(&o, word[1], word[2]);
  if (words == 3 && !strcmp(word[0], "datagrams"))
    return send_datagrams(&o, word[1], word[2]);
  fputs(HELP, stderr);
  return 2;
}
