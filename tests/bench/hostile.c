/*
 * hostile: writes captures and NET_DM logs made to cost as much as possible: what a flood, a broken
 * clock or somebody who knows the program might send. Equal arguments give equal files.
 *
 * usage: hostile SHAPE FRAMES CAPTURE DROPS
 *
 * The formats are generate's. 100 000 frames a second to 10.0.0.1, 02:00:00:00:00:01. `hostile list` names the shapes.
 */
#include "records.h"

enum { FRAME_LEN = 90, ETH = 14, IP4 = 20, UDP = 8, TCP = 20 };
enum { PROTO_TCP = 6, PROTO_UDP = 17, SYN = 0x02 };

#define START_NS (UINT64_C(1795168318) * 1000000000)
#define GAP_NS UINT64_C(10000)
#define STEP_NS (UINT64_C(6) * 1000000000)

static FILE *capture, *drop_log;

/* --- packets ------------------------------------------------------------------------------- */

typedef struct {
  uint8_t bytes[FRAME_LEN];
  uint32_t len;
} Frame;

static uint8_t *put_headers(Frame *frame, uint32_t src, uint8_t protocol, uint32_t ip_id, uint32_t fragment,
                            uint32_t len)
{
  static const uint8_t MACS[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  memset(frame, 0, sizeof *frame);
  frame->len = ETH + IP4 + len;
  memcpy(frame->bytes, MACS, sizeof MACS);
  put16(frame->bytes + 12, 0x0800);
  uint8_t *ip = frame->bytes + ETH;
  ip[0] = 0x45;
  put16(ip + 2, IP4 + len);
  put16(ip + 4, ip_id);
  put16(ip + 6, fragment);
  ip[8] = 57;
  ip[9] = protocol;
  put32(ip + 12, src);
  put32(ip + 16, UINT32_C(0x0a000001));
  put16(ip + 10, sum_fold(sum_bytes(0, ip, IP4)));
  return ip + IP4;
}

/* Checksum 0: none was made (RFC 768). */
static void make_udp(Frame *frame, uint32_t src, uint32_t src_port, uint32_t ip_id, uint32_t payload)
{
  uint8_t *udp = put_headers(frame, src, PROTO_UDP, ip_id, 0, UDP + 24);
  put16(udp, src_port);
  put16(udp + 2, 5353);
  put16(udp + 4, UDP + 24);
  put32(udp + UDP + 20, payload);
}

static void make_syn(Frame *frame, uint32_t src, uint32_t src_port, uint32_t isn)
{
  uint8_t *tcp = put_headers(frame, src, PROTO_TCP, 1, 0, TCP);
  put16(tcp, src_port);
  put16(tcp + 2, 80);
  put32(tcp + 4, isn);
  tcp[12] = 0x50;
  tcp[13] = SYN;
  put16(tcp + 14, 1024);
  const uint32_t pseudo = sum_bytes(PROTO_TCP + TCP, frame->bytes + ETH + 12, 8);
  put16(tcp + 16, sum_fold(sum_bytes(pseudo, tcp, TCP)));
}

static void write_frame(const Frame *frame, uint64_t time_ns)
{
  write_record(capture, time_ns, NULL, 0, frame->bytes, frame->len, frame->len);
}

/* NET_DM_CMD_PACKET_ALERT (linux/net_dropmon.h); frame NULL: without the packet. */
static void write_drop(const Frame *frame, uint64_t time_ns, const char *symbol, const char *reason)
{
  const uint8_t link[16] = {0, 4, 3, 0x38, [15] = 16};
  uint8_t message[FRAME_LEN + 512] = {0};
  const uint16_t protocol = 0x0800, family = 0x1c, origin = 0;
  const uint64_t pc = UINT64_C(0xffffffff81000000);
  message[16] = 5;
  message[17] = 2;
  uint8_t *at = message + 20;
  at = put_attribute(at, 14, &origin, sizeof origin);
  at = put_attribute(at, 2, &pc, sizeof pc);
  at = put_attribute(at, 3, symbol, strlen(symbol) + 1);
  at = put_attribute(at, 5, &time_ns, sizeof time_ns);
  at = put_attribute(at, 6, &protocol, sizeof protocol);
  if (reason != NULL)
    at = put_attribute(at, 23, reason, strlen(reason) + 1);
  if (frame != NULL) {
    at = put_attribute(at, 10, &frame->len, sizeof frame->len);
    at = put_attribute(at, 7, frame->bytes, frame->len);
  }
  const uint32_t total = (uint32_t)(at - message);
  memcpy(message, &total, sizeof total);
  memcpy(message + 4, &family, sizeof family);
  write_record(drop_log, time_ns + 50000, link, sizeof link, message, total, total);
}

/* --- shapes -------------------------------------------------------------------------------- */

static uint64_t time_of(uint64_t n)
{
  return START_NS + n * GAP_NS;
}

/* All frames have the same bytes, and so has a drop for each. */
static void same_bytes(uint64_t n)
{
  Frame frame;
  make_udp(&frame, UINT32_C(0x0a000002), 1000, 0, 0);
  write_frame(&frame, time_of(n));
  write_drop(&frame, time_of(n) + 3000, "udp_queue_rcv_one_skb+0x1/0x2", "SOCKET_RCVBUFF");
}

/* One flow whose datagrams differ in their last bytes only; every other one is dropped. */
static void one_flow(uint64_t n)
{
  Frame frame;
  make_udp(&frame, UINT32_C(0x0a000002), 1000, 0, (uint32_t)n);
  write_frame(&frame, time_of(n));
  if (n % 2 == 0)
    write_drop(&frame, time_of(n) + 3000, "udp_queue_rcv_one_skb+0x1/0x2", "SOCKET_RCVBUFF");
}

/* The same, and no drop is of any frame. */
static void never_seen(uint64_t n)
{
  Frame frame;
  make_udp(&frame, UINT32_C(0x0a000002), 1000, 0, (uint32_t)n);
  write_frame(&frame, time_of(n));
  make_udp(&frame, UINT32_C(0x0a000002), 1000, 0, (uint32_t)n | 0x80000000);
  write_drop(&frame, time_of(n) + 3000, "udp_queue_rcv_one_skb+0x1/0x2", "SOCKET_RCVBUFF");
}

/* Drops that come without their packets, and fit any frame. */
static void no_bytes(uint64_t n)
{
  Frame frame;
  make_udp(&frame, (uint32_t)(UINT32_C(0x0a800000) + n % 1000), 1000, 0, (uint32_t)n);
  write_frame(&frame, time_of(n));
  write_drop(NULL, time_of(n) + 3000, "nft_do_chain+0x47f/0x5e0", NULL);
}

/* They differ from each other, and all happen in the same few milliseconds. */
static void no_bytes_at_once(uint64_t n)
{
  char symbol[32];
  Frame frame;
  make_udp(&frame, (uint32_t)(UINT32_C(0x0a800000) + n % 1000), 1000, 0, (uint32_t)n);
  write_frame(&frame, time_of(n));
  snprintf(symbol, sizeof symbol, "tcp_site_%u+0x1/0x2", (unsigned)(n % 40000));
  write_drop(NULL, time_of(n - n % 65536), symbol, NULL);
}

/* Every frame opens another connection; nothing answers. */
static void syn_flood(uint64_t n)
{
  Frame frame;
  make_syn(&frame, (uint32_t)(UINT32_C(0x0b000000) + n * 7), (uint32_t)(1024 + n % 60000), (uint32_t)n * 2654435761u);
  write_frame(&frame, time_of(n));
}

/* The same ports again and again, with another sequence number each time. */
static void syn_reuse(uint64_t n)
{
  Frame frame;
  make_syn(&frame, UINT32_C(0x0b000001), 1024, (uint32_t)n * 2654435761u);
  write_frame(&frame, time_of(n));
}

/* SYNs that a firewall drops, from ever new clients. */
static void syn_drops(uint64_t n)
{
  Frame frame;
  make_syn(&frame, (uint32_t)(UINT32_C(0x0b000000) + n * 7), (uint32_t)(1024 + n % 60000), (uint32_t)n * 2654435761u);
  write_frame(&frame, time_of(n));
  write_drop(&frame, time_of(n) + 3000, "nft_do_chain+0x47f/0x5e0", "NETFILTER_DROP");
}

/* First fragments whose rest never comes. */
static void fragments(uint64_t n)
{
  Frame frame;
  uint8_t *udp =
      put_headers(&frame, (uint32_t)(UINT32_C(0x0b000000) + n / 65536), PROTO_UDP, (uint32_t)n & 0xffff, 0x2000, 32);
  put16(udp, 1000);
  put16(udp + 2, 53);
  put16(udp + 4, 3000);
  write_frame(&frame, time_of(n));
  write_drop(&frame, time_of(n) + 3000, "ip_expire+0x1/0x2", "FRAG_REASM_TIMEOUT");
}

/* The clock goes to and fro by more than any reordering explains. */
static void clock_steps(uint64_t n)
{
  Frame frame;
  make_syn(&frame, (uint32_t)(UINT32_C(0x0b000000) + n * 7), 1024, (uint32_t)n);
  write_frame(&frame, time_of(n) + n % 2 * STEP_NS);
  write_drop(&frame, time_of(n) + n % 2 * STEP_NS + 3000, "nft_do_chain+0x47f/0x5e0", "NETFILTER_DROP");
}

/* Every frame is of another protocol that nobody handles, each drop at another place. */
static void unlike(uint64_t n)
{
  char symbol[32];
  Frame frame;
  make_udp(&frame, (uint32_t)(UINT32_C(0x0b000000) + n * 7), (uint32_t)n & 0xffff, (uint32_t)n, (uint32_t)n);
  put16(frame.bytes + 12, (uint32_t)(0x0900 + n % 60000));
  write_frame(&frame, time_of(n));
  snprintf(symbol, sizeof symbol, "site_%u+0x1/0x2", (unsigned)n);
  write_drop(&frame, time_of(n) + 3000, symbol, symbol);
}

static const struct {
  const char *name;
  void (*write)(uint64_t n);
} SHAPES[] = {
    {"same-bytes", same_bytes},
    {"one-flow", one_flow},
    {"never-seen", never_seen},
    {"no-bytes", no_bytes},
    {"no-bytes-at-once", no_bytes_at_once},
    {"syn-flood", syn_flood},
    {"syn-reuse", syn_reuse},
    {"syn-drops", syn_drops},
    {"fragments", fragments},
    {"clock-steps", clock_steps},
    {"unlike", unlike},
};

int main(int argc, char **argv)
{
  const size_t count = sizeof SHAPES / sizeof SHAPES[0];
  if (argc == 2 && strcmp(argv[1], "list") == 0) {
    for (size_t i = 0; i < count; i++)
      puts(SHAPES[i].name);
    return 0;
  }
  size_t shape = 0;
  while (argc == 5 && shape < count && strcmp(SHAPES[shape].name, argv[1]) != 0)
    shape++;
  if (argc != 5 || shape == count) {
    fprintf(stderr, "usage: hostile SHAPE FRAMES CAPTURE DROPS, or hostile list\n");
    return 2;
  }
  const uint64_t frames = strtoull(argv[2], NULL, 10);
  capture = fopen(argv[3], "wb");
  must(capture != NULL, argv[3]);
  drop_log = fopen(argv[4], "wb");
  must(drop_log != NULL, argv[4]);
  write_pcap_header(capture, 1);    /* DLT_EN10MB */
  write_pcap_header(drop_log, 253); /* DLT_NETLINK */
  for (uint64_t n = 0; n < frames; n++)
    SHAPES[shape].write(n);
  /* A log without any drop is an error of its own: one that concerns nobody. */
  if (ftell(drop_log) == 24)
    write_drop(NULL, START_NS, "unix_release_sock+0x1/0x2", NULL);
  must(fclose(capture) == 0, argv[3]);
  must(fclose(drop_log) == 0, argv[4]);
  return 0;
}
