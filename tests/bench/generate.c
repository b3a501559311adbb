/*
 * generate: writes a capture of a busy server as large as wanted, the NET_DM log of what its kernel
 * dropped, and the numbers that must come out. Equal seeds give equal files.
 *
 * usage: generate FRAMES RATE SEED CAPTURE DROPS TRUTH [CONNECTIONS [FILTERED]]
 *
 * The capture is pcap with nanoseconds, Ethernet, both directions, RATE frames a second, cut at 256
 * bytes: 200 on average. CONNECTIONS are open at a time (RATE / 50), FILTERED percent of them dropped by a firewall
 * (5). The log is what `dwdump -w` writes: pcap of DLT_NETLINK. TRUTH is JSON. The server is 10.0.0.1, fd00::1,
 * 02:00:00:00:00:01.
 */
#include "records.h"

#include <endian.h>
#include <inttypes.h>

enum { SNAPLEN = 256, FRAME_MAX = 1600, ETH = 14, IP4 = 20, IP6 = 40 };
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

#define RETRY_NS UINT64_C(1000000000)     /* a client's first SYN retransmission */
#define RETRANSMIT_NS UINT64_C(200000000) /* a segment's */
#define START_NS (UINT64_C(1795168318) * 1000000000)

/* --- numbers ------------------------------------------------------------------------------ */

static uint64_t random_state;

/* SplitMix64 (Steele, Lea, Flood 2014): enough for traffic, and the same everywhere. */
static uint64_t random_next(void)
{
  uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint32_t random_below(uint32_t n)
{
  return (uint32_t)(random_next() % n);
}

/* --- output -------------------------------------------------------------------------------- */

static FILE *capture, *drop_log;
static uint64_t now_ns = START_NS;
static uint32_t gap_ns;       /* between frames, on average */
static uint32_t pool_used;    /* connections open at a time */
static uint32_t filtered = 5; /* percent of them */

static struct {
  uint64_t frames, outbound, drops, netfilter, no_socket, tcp_checksum, silent_syns, stp, answered_syns;
} truth;

/* NET_DM_CMD_PACKET_ALERT (linux/net_dropmon.h), behind the DLT_NETLINK header of 16 bytes. */
static void write_drop(const uint8_t *bytes, uint32_t len, uint16_t protocol, const char *symbol, const char *reason)
{
  uint8_t frame[FRAME_MAX];
  const bool tagged = bytes[12] == 0x81 && bytes[13] == 0;
  memcpy(frame, bytes, len);
  if (tagged) { /* the kernel keeps the tag beside the packet */
    len -= 4;
    memmove(frame + 12, frame + 16, len - 12);
  }
  uint8_t message[FRAME_MAX + 512] = {0};
  const uint8_t link[16] = {0, 4, 3, 0x38, [15] = 16};
  const uint64_t drop_ns = now_ns + 3000 + random_below(6000);
  const uint64_t pc = UINT64_C(0xffffffff81000000) + len;
  const uint16_t origin = 0;
  const uint32_t ifindex = 2;
  const uint32_t kept = len < SNAPLEN ? len : SNAPLEN;
  uint8_t nest[8] = {0};
  put_attribute(nest, 0, &ifindex, sizeof ifindex);

  message[16] = 5; /* genlmsghdr: command, version */
  message[17] = 2;
  uint8_t *at = message + 20;
  at = put_attribute(at, 14, &origin, sizeof origin);
  at = put_attribute(at, 2, &pc, sizeof pc);
  at = put_attribute(at, 3, symbol, strlen(symbol) + 1);
  at = put_attribute(at, 4 | 0x8000, nest, sizeof nest);
  at = put_attribute(at, 5, &drop_ns, sizeof drop_ns);
  at = put_attribute(at, 6, &protocol, sizeof protocol);
  at = put_attribute(at, 10, &len, sizeof len);
  at = put_attribute(at, 23, reason, strlen(reason) + 1);
  at = put_attribute(at, 7, frame, kept);
  const uint32_t total = (uint32_t)(at - message);
  const uint16_t family = 0x1c;
  memcpy(message, &total, sizeof total);
  memcpy(message + 4, &family, sizeof family);
  write_record(drop_log, drop_ns + 50000, link, sizeof link, message, total, total);
  truth.drops++;
}

static void write_frame(const uint8_t *frame, uint32_t len, bool outbound)
{
  const uint32_t wire = len < 60 && !outbound ? 60 : len; /* padding comes with what the wire brought */
  uint8_t padded[FRAME_MAX] = {0};
  memcpy(padded, frame, len);
  write_record(capture, now_ns, NULL, 0, padded, wire < SNAPLEN ? wire : SNAPLEN, wire);
  truth.frames++;
  truth.outbound += outbound;
  now_ns += gap_ns / 2 + random_below(gap_ns);
}

/* --- frames --------------------------------------------------------------------------------- */

typedef struct {
  uint32_t client; /* varies address, and with it everything else */
  uint16_t client_port, server_port;
  uint16_t vlan; /* 0: none */
  bool v6;
} Peer;

typedef struct {
  uint32_t seq, ack;
  uint8_t flags;
  uint32_t payload;
  bool bad_checksum;
} Segment;

static uint8_t *put_ethernet(uint8_t *frame, const Peer *peer, bool outbound, uint16_t ethertype)
{
  static const uint8_t SERVER[6] = {2, 0, 0, 0, 0, 1};
  static const uint8_t ROUTER[6] = {2, 0, 0, 0, 0, 2};
  memcpy(frame, outbound ? ROUTER : SERVER, 6);
  memcpy(frame + 6, outbound ? SERVER : ROUTER, 6);
  uint8_t *at = frame + 12;
  if (peer->vlan != 0) {
    put16(at, 0x8100);
    put16(at + 2, peer->vlan);
    at += 4;
  }
  put16(at, ethertype);
  return at + 2;
}

/* Addresses and the pseudo-header's sum; returns where L4 begins. */
static uint8_t *put_ip(uint8_t *at, const Peer *peer, bool outbound, uint8_t protocol, uint32_t l4_len,
                       uint32_t *ret_sum)
{
  static uint16_t ip_id;
  uint8_t client[16] = {0xfd, 0, [8] = 1};
  uint8_t server[16] = {0xfd, 0, [15] = 1};
  size_t size = peer->v6 ? 16 : 4;
  if (peer->v6) {
    put32(client + 12, peer->client);
  } else {
    put32(client, UINT32_C(0x0a800000) | (peer->client & 0x7fffff)); /* 10.128.0.0/9 */
    put32(server, UINT32_C(0x0a000001));
  }
  uint8_t *addresses = at + (peer->v6 ? 8 : 12);
  memcpy(addresses, outbound ? server : client, size);
  memcpy(addresses + size, outbound ? client : server, size);
  *ret_sum = sum_bytes(protocol + l4_len, addresses, 2 * size);
  if (peer->v6) {
    put32(at, UINT32_C(0x60000000));
    put16(at + 4, l4_len);
    at[6] = protocol;
    at[7] = outbound ? 64 : 57;
    return at + IP6;
  }
  at[0] = 0x45;
  at[1] = 0;
  put16(at + 2, IP4 + l4_len);
  put16(at + 4, ++ip_id);
  put16(at + 6, 0x4000);
  at[8] = outbound ? 64 : 57;
  at[9] = protocol;
  put16(at + 10, 0);
  put16(at + 10, sum_fold(sum_bytes(0, at, IP4)));
  return at + IP4;
}

/* Equal keys give equal bytes: a retransmission carries what the segment carried. */
static void put_payload(uint8_t *at, uint32_t len, uint32_t key)
{
  for (uint32_t i = 0; i < len; i++) {
    key = key * 1664525u + 1013904223u;
    at[i] = (uint8_t)(key >> 24);
  }
}

static uint32_t make_tcp(uint8_t *frame, const Peer *peer, bool outbound, const Segment *segment)
{
  const bool syn = (segment->flags & SYN) != 0;
  const uint32_t header = syn ? 24 : 20; /* MSS on SYNs */
  uint32_t sum;
  uint8_t *at = put_ethernet(frame, peer, outbound, peer->v6 ? 0x86dd : 0x0800);
  uint8_t *tcp = put_ip(at, peer, outbound, 6, header + segment->payload, &sum);
  memset(tcp, 0, header);
  put16(tcp, outbound ? peer->server_port : peer->client_port);
  put16(tcp + 2, outbound ? peer->client_port : peer->server_port);
  put32(tcp + 4, segment->seq);
  put32(tcp + 8, segment->ack);
  tcp[12] = (uint8_t)(header / 4 << 4);
  tcp[13] = segment->flags;
  put16(tcp + 14, 29200);
  if (syn)
    put32(tcp + 20, UINT32_C(0x020405b4));
  put_payload(tcp + header, segment->payload, segment->seq);
  uint16_t checksum = sum_fold(sum_bytes(sum, tcp, header + segment->payload));
  put16(tcp + 16, segment->bad_checksum ? checksum ^ 0x5555u : checksum);
  return (uint32_t)(tcp - frame) + header + segment->payload;
}

static uint32_t make_udp(uint8_t *frame, const Peer *peer, bool outbound, uint32_t payload)
{
  uint32_t sum;
  uint8_t *at = put_ethernet(frame, peer, outbound, peer->v6 ? 0x86dd : 0x0800);
  uint8_t *udp = put_ip(at, peer, outbound, 17, 8 + payload, &sum);
  put16(udp, outbound ? peer->server_port : peer->client_port);
  put16(udp + 2, outbound ? peer->client_port : peer->server_port);
  put16(udp + 4, 8 + payload);
  put16(udp + 6, 0);
  put_payload(udp + 8, payload, peer->client);
  uint16_t checksum = sum_fold(sum_bytes(sum, udp, 8 + payload));
  put16(udp + 6, checksum != 0 ? checksum : 0xffff);
  return (uint32_t)(udp - frame) + 8 + payload;
}

/* --- what happens ------------------------------------------------------------------------------ */

typedef enum {
  STAGE_SYN,
  STAGE_SYN_ACK,
  STAGE_ACK,
  STAGE_DATA,
  STAGE_DATA_ACK,
  STAGE_FIN,
  STAGE_FIN_ACK,
  STAGE_OVER
} Stage;
typedef enum { KIND_SERVED, KIND_FILTERED, KIND_SILENT } Kind;

typedef struct {
  Peer peer;
  Kind kind;
  Stage stage;
  uint32_t client_seq, server_seq;
  uint32_t payload;
  unsigned rounds; /* data segments, or SYNs, still to come */
  bool damaged;    /* the last segment was: send it again */
  uint64_t due_ns;
} Connection;

static Connection *pool; /* pool_used of them */

static void choose_peer(Peer *peer)
{
  /* Never the same client and port twice: 2^22 clients, and the port counts on. */
  static uint32_t serial;
  serial++;
  peer->client = (serial * 2654435761u) & 0x3fffff;
  peer->client_port = (uint16_t)(1024 + serial / 61 % 60000);
  peer->v6 = random_below(5) == 0;
  peer->vlan = random_below(10) == 0 ? 100 : 0;
}

static void open_connection(Connection *connection)
{
  memset(connection, 0, sizeof *connection);
  choose_peer(&connection->peer);
  uint32_t dice = random_below(100);
  connection->kind = dice < filtered ? KIND_FILTERED : dice < filtered + 1 ? KIND_SILENT : KIND_SERVED;
  connection->peer.server_port = connection->kind == KIND_FILTERED ? 8089 : connection->kind == KIND_SILENT ? 2222 : 80;
  connection->client_seq = (uint32_t)random_next();
  connection->server_seq = (uint32_t)random_next();
  connection->rounds = connection->kind == KIND_SERVED ? 1 + random_below(8) : 2;
}

static void send_segment(const Connection *connection, bool outbound, uint8_t flags, uint32_t seq, uint32_t ack,
                         uint32_t payload)
{
  uint8_t frame[FRAME_MAX];
  const Segment segment = {.seq = seq, .ack = ack, .flags = flags, .payload = payload};
  uint32_t len = make_tcp(frame, &connection->peer, outbound, &segment);
  write_frame(frame, len, outbound);
}

/* A SYN that a firewall drops, or that finds a full accept queue: no event, no answer; tried again once. */
static void send_lost_syn(Connection *connection)
{
  uint8_t frame[FRAME_MAX];
  const Segment segment = {.seq = connection->client_seq, .flags = SYN};
  uint32_t len = make_tcp(frame, &connection->peer, false, &segment);
  if (connection->kind == KIND_FILTERED) {
    write_drop(frame, len, connection->peer.v6 ? 0x86dd : 0x0800, "nft_do_chain+0x47f/0x5e0 [nf_tables]",
               "NETFILTER_DROP");
    truth.netfilter++;
  } else {
    truth.silent_syns++;
  }
  write_frame(frame, len, false);
  connection->due_ns = now_ns + RETRY_NS;
  if (--connection->rounds == 0)
    connection->stage = STAGE_OVER;
}

/* Now and then a segment arrives damaged, is dropped, and comes again whole. */
static void send_damaged(Connection *connection)
{
  uint8_t frame[FRAME_MAX];
  const Segment segment = {.seq = connection->client_seq,
                           .ack = connection->server_seq,
                           .flags = PSH | ACK,
                           .payload = connection->payload,
                           .bad_checksum = true};
  uint32_t len = make_tcp(frame, &connection->peer, false, &segment);
  write_drop(frame, len, connection->peer.v6 ? 0x86dd : 0x0800,
             connection->peer.v6 ? "tcp_v6_rcv+0x2a1/0x1000" : "tcp_v4_rcv+0x1b2/0xe70", "TCP_CSUM");
  truth.tcp_checksum++;
  write_frame(frame, len, false);
  connection->damaged = true;
  connection->due_ns = now_ns + RETRANSMIT_NS;
}

static void step_connection(Connection *connection)
{
  const uint32_t client = connection->client_seq;
  const uint32_t server = connection->server_seq;
  switch (connection->stage) {
  case STAGE_SYN:
    if (connection->kind != KIND_SERVED) {
      send_lost_syn(connection);
      return;
    }
    send_segment(connection, false, SYN, client, 0, 0);
    connection->client_seq++;
    connection->stage = STAGE_SYN_ACK;
    truth.answered_syns++;
    return;
  case STAGE_SYN_ACK:
    send_segment(connection, true, SYN | ACK, server, client, 0);
    connection->server_seq++;
    connection->stage = STAGE_ACK;
    return;
  case STAGE_ACK:
    send_segment(connection, false, ACK, client, server, 0);
    connection->stage = STAGE_DATA;
    return;
  case STAGE_DATA:
    if (!connection->damaged) {
      connection->payload = 1 + random_below(1400);
      if (random_below(500) == 0) {
        send_damaged(connection);
        return;
      }
    }
    connection->damaged = false;
    send_segment(connection, false, PSH | ACK, client, server, connection->payload);
    connection->client_seq += connection->payload;
    connection->stage = STAGE_DATA_ACK;
    return;
  case STAGE_DATA_ACK:
    connection->payload = random_below(1400);
    send_segment(connection, true, PSH | ACK, server, client, connection->payload);
    connection->server_seq += connection->payload;
    connection->stage = --connection->rounds == 0 ? STAGE_FIN : STAGE_DATA;
    return;
  case STAGE_FIN:
    send_segment(connection, false, FIN | ACK, client, server, 0);
    connection->client_seq++;
    connection->stage = STAGE_FIN_ACK;
    return;
  case STAGE_FIN_ACK:
    send_segment(connection, true, FIN | ACK, server, client, 0);
    connection->stage = STAGE_OVER;
    return;
  case STAGE_OVER:
    return;
  }
}

static void send_datagram(void)
{
  uint8_t frame[FRAME_MAX];
  Peer peer;
  choose_peer(&peer);
  uint32_t dice = random_below(50);
  peer.server_port = dice == 0 ? 9 : 53; /* nobody listens on 9 */
  uint32_t len = make_udp(frame, &peer, false, 20 + random_below(400));
  if (dice == 0) {
    write_drop(frame, len, peer.v6 ? 0x86dd : 0x0800,
               peer.v6 ? "__udp6_lib_rcv+0x3a0/0xa10" : "__udp4_lib_rcv+0x4bc/0xd00", "NO_SOCKET");
    truth.no_socket++;
  }
  write_frame(frame, len, false);
  if (dice != 0) {
    len = make_udp(frame, &peer, true, 40 + random_below(800));
    write_frame(frame, len, true);
  }
}

static void send_arp(void)
{
  uint8_t frame[FRAME_MAX] = {0};
  const Peer router = {0};
  for (int reply = 0; reply < 2; reply++) {
    uint8_t *arp = put_ethernet(frame, &router, reply != 0, 0x0806);
    put32(arp, UINT32_C(0x00010800));
    put32(arp + 4, UINT32_C(0x06040000) | (reply != 0 ? 2u : 1u));
    memcpy(arp + 8, frame + 6, 6);
    put32(arp + 14, reply != 0 ? UINT32_C(0x0a000001) : UINT32_C(0x0a0000fe));
    memset(arp + 18, 0, 6);
    put32(arp + 24, reply != 0 ? UINT32_C(0x0a0000fe) : UINT32_C(0x0a000001));
    write_frame(frame, ETH + 28, reply != 0);
  }
}

/* IEEE 802.1D configuration message in an 802.3 frame. */
static void send_stp(void)
{
  static const uint8_t STP[] = {0x01, 0x80, 0xc2, 0, 0, 0,    2, 0,    0, 0, 0, 3,  0, 38, 0x42, 0x42, 3, 0,
                                0,    0,    0,    0, 0, 0x80, 0, 2,    0, 0, 0, 0,  3, 0,  0,    0,    0, 0x80,
                                0,    2,    0,    0, 0, 0,    3, 0x80, 1, 0, 0, 20, 0, 2,  0,    15};
  uint8_t frame[FRAME_MAX] = {0};
  memcpy(frame, STP, sizeof STP);
  write_frame(frame, sizeof STP, false);
  truth.stp++;
}

static void send_something(void)
{
  uint32_t dice = random_below(100);
  if (dice < 12) {
    send_datagram();
    return;
  }
  if (dice == 99 && random_below(50) == 0) {
    if (random_below(2) == 0)
      send_arp();
    else
      send_stp();
    return;
  }
  Connection *connection = &pool[random_below(pool_used)];
  if (connection->stage == STAGE_OVER)
    open_connection(connection);
  if (connection->due_ns <= now_ns)
    step_connection(connection);
}

static void write_truth(const char *path)
{
  FILE *file = fopen(path, "w");
  must(file != NULL, path);
  fprintf(file,
          "{\"frames\":%" PRIu64 ",\"outbound\":%" PRIu64 ",\"drops\":%" PRIu64 ",\"netfilter-drop\":%" PRIu64
          ",\"no-socket\":%" PRIu64 ",\"tcp-checksum\":%" PRIu64 ",\"silent-syns\":%" PRIu64 ",\"stp\":%" PRIu64
          ",\"answered-syns\":%" PRIu64 "}\n",
          truth.frames, truth.outbound, truth.drops, truth.netfilter, truth.no_socket, truth.tcp_checksum,
          truth.silent_syns, truth.stp, truth.answered_syns);
  must(fclose(file) == 0, path);
}

int main(int argc, char **argv)
{
  if (argc < 7 || argc > 9) {
    fprintf(stderr, "usage: generate FRAMES RATE SEED CAPTURE DROPS TRUTH [CONNECTIONS [FILTERED]]\n");
    return 2;
  }
  const uint64_t frames = strtoull(argv[1], NULL, 10);
  const uint64_t rate = strtoull(argv[2], NULL, 10);
  random_state = strtoull(argv[3], NULL, 10);
  if (rate < 1000 || rate > 100000) {
    fprintf(stderr, "generate: %s: rates are from 1000 to 100000 frames a second\n", argv[2]);
    return 2;
  }
  gap_ns = (uint32_t)(1000000000 / rate);
  pool_used = (uint32_t)(argc > 7 ? strtoull(argv[7], NULL, 10) : rate / 50);
  if (argc > 8)
    filtered = (uint32_t)strtoul(argv[8], NULL, 10);
  pool = calloc(pool_used, sizeof *pool);
  must(pool != NULL, "connections");
  capture = fopen(argv[4], "wb");
  must(capture != NULL, argv[4]);
  drop_log = fopen(argv[5], "wb");
  must(drop_log != NULL, argv[5]);
  write_pcap_header(capture, 1);    /* DLT_EN10MB */
  write_pcap_header(drop_log, 253); /* DLT_NETLINK */
  for (size_t i = 0; i < pool_used; i++)
    pool[i].stage = STAGE_OVER;
  while (truth.frames < frames)
    send_something();
  must(fclose(capture) == 0, argv[4]);
  must(fclose(drop_log) == 0, argv[5]);
  write_truth(argv[6]);
  return 0;
}
