/*
 * Socket lists: /proc/net/{tcp,udp,raw}{,6} and the output of ss.
 *
 * /proc/net/udp (net/ipv4/udp.c, tcp_ipv4.c, raw.c):
 *   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 *   12: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1234 2 00000000ebe79162 7
 * Addresses are the words of the address in memory order, printed as host integers; ports are numbers.
 * tcp has no drops; for a listener rx_queue is the number of connections waiting for accept(), and
 * tx_queue says nothing. raw has the IP protocol for a port.
 */
#include "state_job.h"

#include <stdio.h>

/* --- /proc ---------------------------------------------------------------------- */

/* enum of include/net/tcp_states.h, as ss names them */
static const char *const tcp_states[] = {
    [1] = "ESTAB",  [2] = "SYN-SENT",   [3] = "SYN-RECV", [4] = "FIN-WAIT-1", [5] = "FIN-WAIT-2", [6] = "TIME-WAIT",
    [7] = "UNCONN", [8] = "CLOSE-WAIT", [9] = "LAST-ACK", [10] = "LISTEN",    [11] = "CLOSING",   [12] = "SYN-RECV",
};

/* "0100007F:0035" or 32 digits before the colon */
static bool proc_endpoint(DcSpan word, DcAddr *ret_addr, uint16_t *ret_port)
{
  DcSpan digits;
  uint64_t port, number;
  if (!dc_span_cut(&word, ':', &digits) || !dc_span_hex(word, &port) || port > UINT16_MAX ||
      (digits.len != 8 && digits.len != 32))
    return false;
  DcAddr addr = {.version = digits.len == 8 ? 4 : 6};
  for (size_t i = 0; i < digits.len / 8; i++) {
    if (!dc_span_hex(dc_span(digits.at + 8 * i, 8), &number))
      return false;
    const uint32_t host = (uint32_t)number;
    memcpy(addr.bytes + 4 * i, &host, sizeof host);
  }
  *ret_addr = addr;
  *ret_port = (uint16_t)port;
  return true;
}

static bool all_zero(const DcAddr *addr)
{
  static const uint8_t zero[16];
  return memcmp(addr->bytes, zero, sizeof zero) == 0;
}

static bool hex_pair(DcSpan word, uint64_t *ret_first, uint64_t *ret_second)
{
  DcSpan first;
  return dc_span_cut(&word, ':', &first) && dc_span_hex(first, ret_first) && dc_span_hex(word, ret_second);
}

static DcSocketKind proc_kind(const char *object)
{
  if (object[0] == 'u')
    return DC_SOCKET_UDP;
  return object[0] == 'r' ? DC_SOCKET_RAW : DC_SOCKET_TCP;
}

static bool proc_row(DcSpan line, DcSocketKind kind, DcSocket *ret_socket)
{
  enum {
    SLOT,
    LOCAL,
    REMOTE,
    STATE,
    QUEUES,
    TIMER,
    RETRANSMITS,
    UID,
    TIMEOUT,
    INODE,
    REFERENCES,
    POINTER,
    DROPS,
    WORDS
  };
  DcSpan words[WORDS];
  size_t count = 0;
  while (count < WORDS && dc_span_word(&line, &words[count]))
    count++;
  if (count <= INODE)
    return false;

  DcSocket socket = {.kind = kind, .has_queues = true};
  uint64_t state, sent, received, drops;
  if (!dc_span_ends(words[SLOT], ":") || !proc_endpoint(words[LOCAL], &socket.local, &socket.local_port) ||
      !proc_endpoint(words[REMOTE], &socket.remote, &socket.remote_port) || !dc_span_hex(words[STATE], &state) ||
      !hex_pair(words[QUEUES], &sent, &received) || sent > UINT32_MAX || received > UINT32_MAX)
    return false;
  socket.recv_queue = (uint32_t)received;
  socket.send_queue = (uint32_t)sent;
  if (all_zero(&socket.remote) && socket.remote_port == 0)
    socket.remote.version = 0;
  if (kind == DC_SOCKET_TCP) {
    if (state >= sizeof tcp_states / sizeof tcp_states[0] || tcp_states[state] == NULL)
      return false;
    if (state == 10) {
      socket.kind = DC_SOCKET_TCP_LISTEN;
      socket.send_queue = 0;
    }
    snprintf(socket.state, sizeof socket.state, "%s", tcp_states[state]);
  } else {
    snprintf(socket.state, sizeof socket.state, "%s", state == 1 ? "ESTAB" : "UNCONN");
    socket.has_drops = count > DROPS && dc_span_u64(words[DROPS], &drops);
    socket.drops = socket.has_drops ? drops : 0;
  }
  *ret_socket = socket;
  return true;
}

void dc_state_parse_proc_sockets(DcStateJob *job)
{
  const DcSocketKind kind = proc_kind(job->object);
  DcSpan rest = job->text;
  DcSpan line;
  bool begun = false;
  while (dc_span_line(&rest, &line)) {
    DcSpan word;
    DcSpan words = line;
    if (!dc_span_word(&words, &word))
      continue;
    if (dc_span_is(word, "sl")) {
      /* without its header it is no such list, and the old one stands */
      if (!begun)
        dc_state_begin_sockets(job->state, job->object);
      begun = true;
      job->taken++;
      continue;
    }
    DcSocket socket;
    if (begun && proc_row(line, kind, &socket)) {
      dc_state_add_socket(job->state, job->object, &socket);
      job->taken++;
    } else {
      job->skipped++;
    }
  }
}

/* --- ss ---------------------------------------------------------------------------- */

typedef struct {
  bool netid, state; /* columns of the header; without header as the rows show */
  bool header;
  bool old_any; /* "*" is IPv4 only: iproute2 before 4.15 wrote :: for IPv6 */
  bool udp;     /* no Netid: rows are of UDP */
} SsLayout;

typedef struct {
  const char *name;
  DcSocketKind kind;
  bool known; /* a kind that DcSocket has */
} SsNetid;

static const SsNetid netids[] = {
    {"udp", DC_SOCKET_UDP, true},    {"tcp", DC_SOCKET_TCP, true},    {"raw", DC_SOCKET_RAW, true},
    {"icmp6", DC_SOCKET_RAW, false}, {"icmp", DC_SOCKET_RAW, false},  {"u_str", DC_SOCKET_RAW, false},
    {"u_dgr", DC_SOCKET_RAW, false}, {"u_seq", DC_SOCKET_RAW, false}, {"nl", DC_SOCKET_RAW, false},
    {"p_raw", DC_SOCKET_RAW, false}, {"p_dgr", DC_SOCKET_RAW, false}, {"mptcp", DC_SOCKET_RAW, false},
    {"sctp", DC_SOCKET_RAW, false},  {"dccp", DC_SOCKET_RAW, false},  {"v_str", DC_SOCKET_RAW, false},
    {"v_dgr", DC_SOCKET_RAW, false}, {"xdp", DC_SOCKET_RAW, false},   {"tipc", DC_SOCKET_RAW, false},
    {"ti_st", DC_SOCKET_RAW, false}, {"ti_dg", DC_SOCKET_RAW, false}, {"ti_rd", DC_SOCKET_RAW, false},
    {"ti_sq", DC_SOCKET_RAW, false}, {"???", DC_SOCKET_RAW, false},
};

static const char *const ss_states[] = {"UNCONN",     "LISTEN",     "ESTAB",     "SYN-SENT",   "SYN-RECV",
                                        "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSE-WAIT", "LAST-ACK",
                                        "CLOSING",    "CLOSED",     "UNKNOWN"};

/* What ss writes for a port without -n, after /etc/services: the ones a host is likely to serve. */
static const struct {
  const char *name;
  uint16_t port;
} services[] = {
    {"*", 0},
    {"ftp", 21},
    {"ssh", 22},
    {"telnet", 23},
    {"smtp", 25},
    {"domain", 53},
    {"bootps", 67},
    {"bootpc", 68},
    {"tftp", 69},
    {"http", 80},
    {"kerberos", 88},
    {"pop3", 110},
    {"sunrpc", 111},
    {"ntp", 123},
    {"netbios-ns", 137},
    {"netbios-dgm", 138},
    {"netbios-ssn", 139},
    {"imap2", 143},
    {"imap", 143},
    {"snmp", 161},
    {"snmp-trap", 162},
    {"bgp", 179},
    {"ldap", 389},
    {"https", 443},
    {"microsoft-ds", 445},
    {"isakmp", 500},
    {"syslog", 514},
    {"dhcpv6-client", 546},
    {"dhcpv6-server", 547},
    {"submission", 587},
    {"ipp", 631},
    {"ldaps", 636},
    {"rsync", 873},
    {"imaps", 993},
    {"pop3s", 995},
    {"ms-sql-s", 1433},
    {"radius", 1812},
    {"radius-acct", 1813},
    {"nfs", 2049},
    {"mysql", 3306},
    {"ms-wbt-server", 3389},
    {"ipsec-nat-t", 4500},
    {"sip", 5060},
    {"postgresql", 5432},
    {"amqp", 5672},
    {"mdns", 5353},
    {"hostmon", 5355},
    {"redis", 6379},
    {"http-alt", 8080},
};

/* Raw sockets have the IP protocol there, by its name in /etc/protocols. */
static const struct {
  const char *name;
  uint16_t protocol;
} protocols[] = {{"icmp", 1},  {"igmp", 2},  {"tcp", 6},    {"udp", 17},       {"gre", 47},   {"esp", 50},  {"ah", 51},
                 {"ospf", 89}, {"pim", 103}, {"vrrp", 112}, {"ipv6-icmp", 58}, {"sctp", 132}, {"raw", 255}, {"ip", 0}};

static bool ss_port(DcSpan word, DcSocketKind kind, uint16_t *ret_port)
{
  uint64_t number;
  DcSpan rest;
  if (dc_span_u64(word, &number) || (dc_span_after(word, "ipproto-", &rest) && dc_span_u64(rest, &number))) {
    if (number > UINT16_MAX)
      return false;
    *ret_port = (uint16_t)number;
    return true;
  }
  for (size_t i = 0; kind == DC_SOCKET_RAW && i < sizeof protocols / sizeof protocols[0]; i++) {
    if (dc_span_is(word, protocols[i].name)) {
      *ret_port = protocols[i].protocol;
      return true;
    }
  }
  for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
    if (dc_span_is(word, services[i].name)) {
      *ret_port = services[i].port;
      return true;
    }
  }
  return false;
}

/*
 * "0.0.0.0:22"  "*:22"  "[::]:22"  ":::22"  "127.0.0.53%lo:53"  "[fe80::1]%eth0:123"  "[::ffff:10.0.0.1]:80"
 * device may be NULL (a peer has none).
 */
static bool ss_endpoint(DcSpan word, DcSocketKind kind, bool old_any, DcAddr *ret_addr, uint16_t *ret_port,
                        char *device, size_t device_size)
{
  DcSpan port = word;
  DcSpan host, name;
  if (!dc_span_cut_last(&port, ':', &host) || !ss_port(port, kind, ret_port))
    return false;
  DcSpan scope = host;
  if (dc_span_cut_last(&scope, '%', &name)) {
    host = name;
    /* fe80::1%eth0 in old brackets: [fe80::1%eth0] */
    if (dc_span_ends(scope, "]"))
      scope.len--;
    if (device != NULL && !dc_span_copy(scope, device, device_size))
      return false;
  }
  if (dc_span_starts(host, "["))
    host = dc_span_from(host, 1);
  if (dc_span_ends(host, "]"))
    host.len--;
  if (dc_span_is(host, "*")) {
    *ret_addr = (DcAddr){.version = old_any ? 4 : 6};
    return true;
  }
  return dc_span_addr(host, ret_addr);
}

static const SsNetid *ss_netid(DcSpan word)
{
  for (size_t i = 0; i < sizeof netids / sizeof netids[0]; i++) {
    if (dc_span_is(word, netids[i].name))
      return &netids[i];
  }
  return NULL;
}

static const char *ss_state(DcSpan word)
{
  for (size_t i = 0; i < sizeof ss_states / sizeof ss_states[0]; i++) {
    if (dc_span_is(word, ss_states[i]))
      return ss_states[i];
  }
  return NULL;
}

/* users:(("srv",pid=118,fd=3),("srv",pid=120,fd=3)) before 3.18: users:(("srv",118,3)) */
static void ss_process(DcSpan line, char process[static 64])
{
  DcSpan rest, name, pid = {0};
  if (!dc_span_after(line, "users:((\"", &rest))
    return;
  name = rest;
  if (dc_span_after(rest, "\",pid=", &pid))
    name.len = (size_t)(pid.at - rest.at) - strlen("\",pid=");
  else if (dc_span_after(rest, "\",", &pid))
    name.len = (size_t)(pid.at - rest.at) - strlen("\",");
  else
    return;
  size_t digits = 0;
  while (digits < pid.len && digits < 10 && dc_is_digit(pid.at[digits]))
    digits++;
  /* a command's name has at most 15 characters, a thread's of the kernel a few more */
  name.len = name.len < 40 ? name.len : 40;
  if (digits > 0)
    snprintf(process, 64, "%.*s pid %.*s", (int)name.len, name.at, (int)digits, pid.at);
  else
    snprintf(process, 64, "%.*s", (int)name.len, name.at);
}

/* skmem:(r6912,rb4608,t0,tb212992,f3328,w0,o0,bl0,d17): rb the receive buffer, d drops (4.19 on, later for TCP) */
static bool ss_memory(DcSpan line, DcSocket *socket)
{
  DcSpan list, word, rest;
  if (!dc_span_after(line, "skmem:(", &rest) || !dc_span_cut(&rest, ')', &list))
    return false;
  bool more = true;
  while (more) {
    uint64_t number;
    more = dc_span_cut(&list, ',', &word);
    if (!more)
      word = list;
    if (dc_span_starts(word, "rb") && dc_span_u64(dc_span_from(word, 2), &number) && number <= UINT32_MAX) {
      socket->rcvbuf = (uint32_t)number;
    } else if (dc_span_starts(word, "d") && dc_span_u64(dc_span_from(word, 1), &number)) {
      socket->drops = number;
      socket->has_drops = true;
    }
  }
  return true;
}

typedef enum { SS_ROW, SS_OTHER, SS_NONSENSE } SsRow;

static SsRow ss_row(DcSpan line, SsLayout *layout, DcSocket *ret_socket)
{
  DcSocket socket = {.has_queues = true};
  const DcSpan whole = line;
  DcSpan word;
  uint64_t received, sent;
  const SsNetid *netid = NULL;
  const char *state = NULL;
  if (!dc_span_word(&line, &word))
    return SS_OTHER;
  if ((!layout->header || layout->netid) && (netid = ss_netid(word)) != NULL) {
    if (!netid->known)
      return SS_OTHER;
    if (!dc_span_word(&line, &word))
      return SS_NONSENSE;
  } else if (layout->netid) {
    return SS_NONSENSE;
  }
  if ((!layout->header || layout->state) && (state = ss_state(word)) != NULL) {
    if (!dc_span_word(&line, &word))
      return SS_NONSENSE;
  } else if (layout->state) {
    return SS_NONSENSE;
  }
  if (!dc_span_u64(word, &received) || !dc_span_word(&line, &word) || !dc_span_u64(word, &sent))
    return SS_NONSENSE;

  /* Without Netid: one protocol was asked for. UDP has no LISTEN, TCP no UNCONN worth listing. */
  if (netid == NULL && state != NULL && strcmp(state, "UNCONN") == 0)
    layout->udp = true;
  socket.kind = netid != NULL ? netid->kind : layout->udp ? DC_SOCKET_UDP : DC_SOCKET_TCP;
  if (socket.kind == DC_SOCKET_TCP && state != NULL && strcmp(state, "LISTEN") == 0)
    socket.kind = DC_SOCKET_TCP_LISTEN;
  socket.recv_queue = (uint32_t)(received < UINT32_MAX ? received : UINT32_MAX);
  socket.send_queue = (uint32_t)(sent < UINT32_MAX ? sent : UINT32_MAX);

  DcSpan local, peer;
  if (!dc_span_word(&line, &local) || !dc_span_word(&line, &peer) ||
      !ss_endpoint(local, socket.kind, layout->old_any, &socket.local, &socket.local_port, socket.device,
                   sizeof socket.device) ||
      !ss_endpoint(peer, socket.kind, layout->old_any, &socket.remote, &socket.remote_port, NULL, 0))
    return SS_NONSENSE;
  /* Since 4.15 a socket on any address that takes IPv4, too, is "*"; "[::]" then means IPv6 only. */
  socket.v6only = socket.local.version == 6 && dc_span_starts(local, "[::]");
  static const uint8_t zero[16];
  if (socket.remote_port == 0 && memcmp(socket.remote.bytes, zero, sizeof zero) == 0)
    socket.remote.version = 0;
  snprintf(socket.state, sizeof socket.state, "%s", state != NULL ? state : "");
  ss_process(line, socket.process);
  ss_memory(whole, &socket);
  *ret_socket = socket;
  return SS_ROW;
}

/* The header's columns stand close: "Peer Address:PortProcess". */
static bool ss_header(DcSpan line, SsLayout *layout)
{
  DcSpan rest;
  if (!dc_span_after(line, "Recv-Q", &rest) || !dc_span_after(rest, "Send-Q", &rest))
    return false;
  layout->header = true;
  layout->netid = dc_span_after(line, "Netid", &rest);
  layout->state = dc_span_after(line, "State", &rest);
  return true;
}

/* -m, -e and -i print more of a socket on indented lines below it. */
static bool ss_continues(DcSpan line)
{
  DcSpan word;
  uint64_t number;
  return dc_is_space(line.at[0]) && dc_span_word(&line, &word) && ss_netid(word) == NULL && ss_state(word) == NULL &&
         !dc_span_u64(word, &number);
}

void dc_state_parse_ss(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  SsLayout layout = {.old_any = dc_span_after(job->text, " :::", &line)};
  DcSocket socket;
  bool pending = false; /* a row whose second line (-m, -e, -i) may follow */
  bool begun = false;
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    if (pending && ss_continues(line)) {
      ss_memory(line, &socket);
      if (socket.process[0] == '\0')
        ss_process(line, socket.process);
      continue;
    }
    if (pending)
      dc_state_add_socket(job->state, job->object, &socket);
    pending = false;
    const bool is_header = ss_header(line, &layout);
    const SsRow row = is_header ? SS_OTHER : ss_row(line, &layout, &socket);
    job->taken += row != SS_NONSENSE;
    job->skipped += row == SS_NONSENSE;
    if (row != SS_NONSENSE && !begun) {
      dc_state_begin_sockets(job->state, job->object);
      begun = true;
    }
    pending = row == SS_ROW;
  }
  if (pending)
    dc_state_add_socket(job->state, job->object, &socket);
}
