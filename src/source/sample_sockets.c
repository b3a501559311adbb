/*
 * Sockets by sock_diag (linux/sock_diag.h, linux/inet_diag.h), written as `ss -tunap -m` would: unlike /proc/net
 * it knows a listener's backlog limit, IPV6_V6ONLY and the receive buffer.
 *
 *   nlmsghdr | inet_diag_msg: family(1) state(1) timer(1) retrans(1)
 *            |   sport(2, network order) dport(2) src(16) dst(16) if(4) cookie(8)
 *            |   expires(4) rqueue(4) wqueue(4) uid(4) inode(4)
 *            | attributes: SKMEMINFO u32 r,rb,t,tb,f,w,o,bl,d   SKV6ONLY u8
 */
#include "sample_private.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/cursor.h"
#include "dropcorr/base/error.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of include/net/tcp_states.h */
enum { STATE_ESTABLISHED = 1, STATE_SYN_RECV = 3, STATE_CLOSE = 7, STATE_LISTEN = 10 };

#define SOCKETS_MAX 16384
#define MEMORY_VALUES 9

typedef struct {
  uint8_t protocol, family, state;
  uint16_t source_port, target_port;
  uint8_t source[16], target[16];
  uint32_t ifindex, receive_queue, send_queue, inode;
  uint32_t memory[MEMORY_VALUES];
  bool has_memory, v6only;
  char *users; /* "(\"srv\",pid=1,fd=3),(...)" */
} Socket;

static void socket_clear(gpointer data)
{
  Socket *row = data;
  g_free(row->users);
}

/* --- netlink ------------------------------------------------------------------- */

static bool send_request(int fd, uint8_t family, uint8_t protocol, uint32_t states)
{
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } message = {
      .header = {.nlmsg_len = sizeof message,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = 1},
      .request = {.sdiag_family = family,
                  .sdiag_protocol = protocol,
                  .idiag_ext = 1u << (INET_DIAG_SKMEMINFO - 1),
                  .idiag_states = states},
  };
  ssize_t sent;
  while ((sent = send(fd, &message, sizeof message, 0)) < 0 && errno == EINTR)
    continue;
  return sent == (ssize_t)sizeof message;
}

static void read_attributes(DcCursor *cursor, Socket *row)
{
  while (dc_cursor_left(cursor) >= sizeof(struct nlattr)) {
    const uint16_t len = dc_cursor_host16(cursor);
    const unsigned type = dc_cursor_host16(cursor) & (unsigned)NLA_TYPE_MASK;
    if (len < sizeof(struct nlattr))
      return;
    const size_t body_len = len - sizeof(struct nlattr);
    DcCursor body = dc_cursor_sub(cursor, body_len);
    if (type == INET_DIAG_SKMEMINFO && body_len >= sizeof row->memory - sizeof(uint32_t)) {
      /* the last, drops, came in 4.6 */
      for (size_t i = 0; i < MEMORY_VALUES && dc_cursor_left(&body) >= 4; i++)
        row->memory[i] = dc_cursor_host32(&body);
      row->has_memory = body_len >= sizeof row->memory;
    } else if (type == INET_DIAG_SKV6ONLY) {
      row->v6only = dc_cursor_u8(&body) != 0;
    }
    if (!cursor->ok || !dc_cursor_skip(cursor, MIN((4 - body_len % 4) % 4, dc_cursor_left(cursor))))
      return;
  }
}

static bool read_socket(DcCursor *cursor, uint8_t protocol, Socket *ret_row)
{
  Socket row = {.protocol = protocol};
  row.family = dc_cursor_u8(cursor);
  row.state = dc_cursor_u8(cursor);
  dc_cursor_skip(cursor, 2);
  row.source_port = dc_cursor_be16(cursor);
  row.target_port = dc_cursor_be16(cursor);
  const uint8_t *source = dc_cursor_bytes(cursor, 16);
  const uint8_t *target = dc_cursor_bytes(cursor, 16);
  row.ifindex = dc_cursor_host32(cursor);
  dc_cursor_skip(cursor, 12);
  row.receive_queue = dc_cursor_host32(cursor);
  row.send_queue = dc_cursor_host32(cursor);
  dc_cursor_skip(cursor, 4);
  row.inode = dc_cursor_host32(cursor);
  if (!cursor->ok || source == NULL || target == NULL)
    return false;
  memcpy(row.source, source, 16);
  memcpy(row.target, target, 16);
  read_attributes(cursor, &row);
  *ret_row = row;
  return true;
}

typedef enum { DUMP_MORE, DUMP_DONE, DUMP_FAILED } DumpStatus;

/* One datagram of the dump. */
static DumpStatus read_messages(const uint8_t *bytes, size_t len, uint8_t protocol, GArray *rows)
{
  DcCursor all = dc_cursor(bytes, len);
  while (dc_cursor_left(&all) >= sizeof(struct nlmsghdr)) {
    const uint32_t message_len = dc_cursor_host32(&all);
    const uint16_t type = dc_cursor_host16(&all);
    dc_cursor_skip(&all, 10);
    if (message_len < sizeof(struct nlmsghdr))
      return DUMP_FAILED;
    const size_t body_len = message_len - sizeof(struct nlmsghdr);
    DcCursor body = dc_cursor_sub(&all, body_len);
    if (!all.ok)
      return DUMP_FAILED;
    dc_cursor_skip(&all, MIN((4 - body_len % 4) % 4, dc_cursor_left(&all)));
    if (type == NLMSG_DONE)
      return DUMP_DONE;
    if (type == NLMSG_ERROR) {
      errno = -(int)dc_cursor_host32(&body);
      return DUMP_FAILED;
    }
    Socket row;
    if (type == SOCK_DIAG_BY_FAMILY && rows->len < SOCKETS_MAX && read_socket(&body, protocol, &row))
      g_array_append_val(rows, row);
  }
  return DUMP_MORE;
}

static bool dump(int fd, uint8_t family, uint8_t protocol, uint32_t states, GArray *rows)
{
  enum { RECEIVE = 65536 };
  g_autofree uint8_t *bytes = g_malloc(RECEIVE);
  DumpStatus status = send_request(fd, family, protocol, states) ? DUMP_MORE : DUMP_FAILED;
  while (status == DUMP_MORE) {
    const ssize_t got = recv(fd, bytes, RECEIVE, 0);
    if (got > 0)
      status = read_messages(bytes, (size_t)got, protocol, rows);
    else if (got == 0 || errno != EINTR)
      status = DUMP_FAILED;
  }
  return status == DUMP_DONE;
}

/* --- whose they are --------------------------------------------------------------- */

typedef struct {
  GHashTable *by_inode; /* inode -> Socket, of those worth the search */
  size_t links_left;    /* readlink() calls: a host may hold millions of files open */
} Owners;

static void add_user(Socket *row, const char *pid, const char *fd_name)
{
  char path[64];
  char name[32] = "?";
  snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
  dc_sample_value(path, name, sizeof name);
  /* a process chooses its name: keep it from ending the quotes it stands in */
  for (char *c = name; *c != '\0'; c++) {
    if ((unsigned char)*c < ' ' || *c == '"' || *c == '\\' || *c == 0x7f)
      *c = '?';
  }
  enum { USERS_MAX = 400 };
  if (row->users != NULL && strlen(row->users) > USERS_MAX)
    return;
  char *users = g_strdup_printf("%s%s(\"%s\",pid=%.20s,fd=%.20s)", row->users != NULL ? row->users : "",
                                row->users != NULL ? "," : "", name, pid, fd_name);
  g_free(row->users);
  row->users = users;
}

static void search_process(Owners *owners, const char *pid)
{
  char path[64];
  snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
  DIR *directory = opendir(path);
  if (directory == NULL)
    return;
  const struct dirent *entry;
  while (owners->links_left > 0 && (entry = readdir(directory)) != NULL) {
    char target[64];
    if (entry->d_name[0] == '.')
      continue;
    owners->links_left--;
    const ssize_t len = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
    if (len <= 0)
      continue;
    target[len] = '\0';
    if (strncmp(target, "socket:[", 8) != 0)
      continue;
    const guint64 inode = g_ascii_strtoull(target + 8, NULL, 10);
    Socket *row = inode <= UINT32_MAX ? g_hash_table_lookup(owners->by_inode, GUINT_TO_POINTER((guint)inode)) : NULL;
    if (row != NULL)
      add_user(row, pid, entry->d_name);
  }
  closedir(directory);
}

static bool is_served(const Socket *row)
{
  return row->state == STATE_LISTEN || (row->protocol == IPPROTO_UDP && row->target_port == 0);
}

static void find_users(GArray *rows)
{
  enum { LINKS_MAX = 100000 };
  g_autoptr(GHashTable) by_inode = g_hash_table_new(g_direct_hash, g_direct_equal);
  for (guint i = 0; i < rows->len; i++) {
    Socket *row = &g_array_index(rows, Socket, i);
    if (row->inode != 0 && is_served(row))
      g_hash_table_insert(by_inode, GUINT_TO_POINTER(row->inode), row);
  }
  Owners owners = {.by_inode = by_inode, .links_left = LINKS_MAX};
  DIR *directory = g_hash_table_size(by_inode) > 0 ? opendir("/proc") : NULL;
  const struct dirent *entry;
  while (directory != NULL && owners.links_left > 0 && (entry = readdir(directory)) != NULL) {
    if (g_ascii_isdigit(entry->d_name[0]))
      search_process(&owners, entry->d_name);
  }
  if (directory != NULL)
    closedir(directory);
}

/* --- as text ------------------------------------------------------------------------ */

static void format_endpoint(const Socket *row, const uint8_t address[static 16], uint16_t port, bool local,
                            char text[static 96])
{
  static const uint8_t zero[16];
  char host[INET6_ADDRSTRLEN] = "";
  char device[IF_NAMESIZE + 1] = "";
  char number[8] = "*";
  if (port != 0)
    snprintf(number, sizeof number, "%u", port);
  if (local && row->ifindex != 0) {
    device[0] = '%';
    if (if_indextoname(row->ifindex, device + 1) == NULL)
      device[0] = '\0';
  }
  inet_ntop(row->family, address, host, sizeof host);
  if (row->family == AF_INET)
    snprintf(text, 96, "%s%s:%s", host, device, number);
  else if (memcmp(address, zero, sizeof zero) == 0 && !row->v6only)
    snprintf(text, 96, "*%s:%s", device, number);
  else
    snprintf(text, 96, "[%s]%s:%s", host, device, number);
}

static const char *state_name(uint8_t state)
{
  switch (state) {
  case STATE_ESTABLISHED:
    return "ESTAB";
  case STATE_SYN_RECV:
  case 12: /* TCP_NEW_SYN_RECV */
    return "SYN-RECV";
  case STATE_CLOSE:
    return "UNCONN";
  case STATE_LISTEN:
    return "LISTEN";
  default:
    return "UNKNOWN";
  }
}

static void append_socket(GByteArray *buffer, const Socket *row)
{
  char local[96];
  char peer[96];
  format_endpoint(row, row->source, row->source_port, true, local);
  format_endpoint(row, row->target, row->target_port, false, peer);
  dc_sample_append(buffer, "%s %s %u %u %s %s", row->protocol == IPPROTO_UDP ? "udp" : "tcp", state_name(row->state),
                   row->receive_queue, row->send_queue, local, peer);
  if (row->users != NULL)
    dc_sample_append(buffer, " users:(%s)", row->users);
  const uint32_t *memory = row->memory;
  if (row->has_memory)
    dc_sample_append(buffer, "\n\t skmem:(r%u,rb%u,t%u,tb%u,f%u,w%u,o%u,bl%u,d%u)", memory[0], memory[1], memory[2],
                     memory[3], memory[4], memory[5], memory[6], memory[7], memory[8]);
  dc_sample_append(buffer, "\n");
}

bool dc_sample_sockets(GByteArray *buffer, GError **error)
{
  static const struct {
    uint8_t family, protocol;
    uint32_t states;
  } wanted[] = {
      {AF_INET, IPPROTO_UDP, UINT32_MAX},
      {AF_INET6, IPPROTO_UDP, UINT32_MAX},
      /* what is half open waits in the SYN queue; established connections are their own business */
      {AF_INET, IPPROTO_TCP, 1u << STATE_LISTEN | 1u << STATE_SYN_RECV},
      {AF_INET6, IPPROTO_TCP, 1u << STATE_LISTEN | 1u << STATE_SYN_RECV},
  };
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) {
    dc_sample_error(error, "sock_diag", errno);
    return false;
  }
  const struct timeval patience = {.tv_sec = 2};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Socket));
  g_array_set_clear_func(rows, socket_clear);
  bool complete = true;
  for (size_t i = 0; complete && i < G_N_ELEMENTS(wanted); i++) {
    errno = 0;
    complete = dump(fd, wanted[i].family, wanted[i].protocol, wanted[i].states, rows);
    /* a kernel without IPv6 */
    if (!complete && wanted[i].family == AF_INET6 && (errno == ENOENT || errno == EAFNOSUPPORT))
      complete = true;
  }
  const int failure = errno;
  close(fd);
  if (!complete) {
    /* a kernel without inet_diag answers ENOENT: /proc/net tells less */
    dc_sample_error(error, "sock_diag", failure != 0 ? failure : EIO);
    return false;
  }
  find_users(rows);
  dc_sample_append(buffer, "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n");
  for (guint i = 0; i < rows->len && buffer->len < DC_SAMPLE_SIZE_MAX - 2048; i++)
    append_socket(buffer, &g_array_index(rows, Socket, i));
  return true;
}
