/*
 * Sockets from several lists (ss, /proc/net/tcp, ...), each taken several times. One entry per socket
 * address; an entry remembers which lists hold it now, and a list's new sample withdraws what it said before.
 */
#include "state_private.h"

#include "dropcorr/base/hash.h"

#include <string.h>

typedef uint32_t ListSet; /* a bit per list */
G_STATIC_ASSERT(DC_STATE_LISTS_MAX <= 32);

typedef struct {
  DcSocket socket;
  ListSet lists; /* the lists whose latest sample holds it */
  bool has_drops_first;
} SocketEntry;

typedef struct {
  char *name;
  uint32_t samples;
  bool from_ss; /* tells devices, IPV6_V6ONLY; lists only what it was asked for */
} SocketList;

struct DcSocketTable {
  GHashTable *by_address; /* SocketEntry -> itself, by kind and addresses: one of those that differ in the device */
  GHashTable *bound;      /* the same with the device: all of them; owns the entries */
  SocketList lists[DC_STATE_LISTS_MAX];
  size_t list_count;
  size_t listening, connected; /* entries */
  uint32_t kinds;              /* 1 << DcSocketKind of rows in lists other than /proc's */
  bool stale;                  /* view is not what the tables hold */
  GArray *view;                /* DcSocket, sorted */
};

static const char *const proc_lists[][2] = {[DC_SOCKET_UDP] = {"udp", "udp6"},
                                            [DC_SOCKET_TCP_LISTEN] = {"tcp", "tcp6"},
                                            [DC_SOCKET_TCP] = {"tcp", "tcp6"},
                                            [DC_SOCKET_RAW] = {"raw", "raw6"}};

static bool is_proc_list(const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(proc_lists); i++) {
    if (strcmp(name, proc_lists[i][0]) == 0 || strcmp(name, proc_lists[i][1]) == 0)
      return true;
  }
  return false;
}

static bool is_connected(const DcSocket *socket)
{
  return socket->kind == DC_SOCKET_TCP || socket->remote.version != 0;
}

static guint endpoint_hash(const DcSocket *socket)
{
  uint64_t words[4];
  memcpy(words, socket->local.bytes, 16);
  memcpy(words + 2, socket->remote.bytes, 16);
  const uint64_t ports = (uint64_t)socket->kind << 40 | (uint64_t)socket->local_port << 16 | socket->remote_port;
  const uint64_t versions = (uint64_t)socket->local.version << 8 | socket->remote.version;
  return (guint)dc_hash_words(dc_hash_words(words[0] ^ ports, words[1] ^ versions), dc_hash_words(words[2], words[3]));
}

static bool endpoint_equal(const DcSocket *a, const DcSocket *b)
{
  return a->kind == b->kind && a->local_port == b->local_port && a->remote_port == b->remote_port &&
         dc_addr_equal(&a->local, &b->local) && dc_addr_equal(&a->remote, &b->remote);
}

static guint address_hash(gconstpointer key)
{
  const SocketEntry *entry = key;
  return endpoint_hash(&entry->socket);
}

static gboolean address_equal(gconstpointer a, gconstpointer b)
{
  const SocketEntry *left = a;
  const SocketEntry *right = b;
  return endpoint_equal(&left->socket, &right->socket);
}

static guint bound_hash(gconstpointer key)
{
  const SocketEntry *entry = key;
  return (guint)dc_hash_words(endpoint_hash(&entry->socket),
                              dc_hash_bytes(entry->socket.device, sizeof entry->socket.device));
}

static gboolean bound_equal(gconstpointer a, gconstpointer b)
{
  const SocketEntry *left = a;
  const SocketEntry *right = b;
  return endpoint_equal(&left->socket, &right->socket) && strcmp(left->socket.device, right->socket.device) == 0;
}

DcSocketTable *dc_socket_table_new(void)
{
  DcSocketTable *table = g_new0(DcSocketTable, 1);
  table->by_address = g_hash_table_new(address_hash, address_equal);
  table->bound = g_hash_table_new_full(bound_hash, bound_equal, g_free, NULL);
  table->view = g_array_new(FALSE, FALSE, sizeof(DcSocket));
  return table;
}

void dc_socket_table_free(DcSocketTable *table)
{
  g_hash_table_unref(table->by_address);
  g_hash_table_unref(table->bound);
  g_array_unref(table->view);
  for (size_t i = 0; i < table->list_count; i++)
    g_free(table->lists[i].name);
  g_free(table);
}

/* --- filling ------------------------------------------------------------------- */

/* The list's number, or DC_STATE_LISTS_MAX: too many. */
static size_t list_number(DcSocketTable *table, const char *name)
{
  for (size_t i = 0; i < table->list_count; i++) {
    if (strcmp(table->lists[i].name, name) == 0)
      return i;
  }
  if (table->list_count == DC_STATE_LISTS_MAX)
    return DC_STATE_LISTS_MAX;
  table->lists[table->list_count].name = g_strdup(name);
  table->lists[table->list_count].from_ss = strncmp(name, "ss", 2) == 0;
  return table->list_count++;
}

static void forget(DcSocketTable *table, const SocketEntry *entry)
{
  if (g_hash_table_lookup(table->by_address, entry) == entry)
    g_hash_table_remove(table->by_address, entry);
  --*(is_connected(&entry->socket) ? &table->connected : &table->listening);
}

/* An entry that no list holds any more goes, unless it listened: "who listened on that port a moment
 * ago" is a question diagnosis asks. */
static gboolean is_gone(gpointer key, gpointer value, gpointer data)
{
  const SocketEntry *entry = key;
  (void)value;
  if (entry->lists != 0 || !is_connected(&entry->socket))
    return FALSE;
  forget(data, entry);
  return TRUE;
}

static gboolean is_unlisted(gpointer key, gpointer value, gpointer data)
{
  const SocketEntry *entry = key;
  (void)value;
  if (entry->lists != 0)
    return FALSE;
  forget(data, entry);
  return TRUE;
}

static void sweep(DcSocketTable *table)
{
  g_hash_table_foreach_remove(table->bound, is_gone, table);
}

void dc_state_begin_sockets(DcState *state, const char *list)
{
  DcSocketTable *table = state->sockets;
  const size_t number = list_number(table, list);
  if (number == DC_STATE_LISTS_MAX) {
    state->refused++;
    return;
  }
  sweep(table);
  table->lists[number].samples++;
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, table->bound);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    SocketEntry *entry = key;
    entry->lists &= ~((ListSet)1 << number);
  }
  table->stale = true;
}

/* ::ffff:a.b.c.d is IPv4 to everybody but the socket's owner */
static DcAddr plain_address(const DcAddr *addr)
{
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  DcAddr plain = {.version = addr->version};
  if (addr->version == 4) {
    memcpy(plain.bytes, addr->bytes, 4);
  } else if (addr->version == 6 && memcmp(addr->bytes, mapped, sizeof mapped) == 0) {
    plain.version = 4;
    memcpy(plain.bytes, addr->bytes + 12, 4);
  } else if (addr->version == 6) {
    memcpy(plain.bytes, addr->bytes, 16);
  }
  return plain;
}

static bool is_any(const DcAddr *addr)
{
  static const uint8_t zero[16];
  return memcmp(addr->bytes, zero, sizeof zero) == 0;
}

static ListSet ss_lists(const DcSocketTable *table)
{
  ListSet set = 0;
  for (size_t i = 0; i < table->list_count; i++)
    set |= (ListSet)table->lists[i].from_ss << i;
  return set;
}

/* The entry a row speaks of, NULL: a new one. /proc does not tell the device a socket is bound to, so
 * that its row and the one of ss differ in it. */
static SocketEntry *find_entry(DcSocketTable *table, const SocketEntry *probe, size_t list)
{
  SocketEntry *entry = g_hash_table_lookup(table->bound, probe);
  if (entry != NULL)
    return entry;
  entry = g_hash_table_lookup(table->by_address, probe);
  if (entry == NULL || (entry->lists >> list & 1) != 0)
    return NULL;
  if (probe->socket.device[0] == '\0')
    return table->lists[list].from_ss ? NULL : entry;
  if (entry->socket.device[0] != '\0' || (entry->lists & ss_lists(table)) != 0)
    return NULL;
  /* the device is part of the key */
  g_hash_table_steal(table->bound, entry);
  memcpy(entry->socket.device, probe->socket.device, sizeof entry->socket.device);
  g_hash_table_add(table->bound, entry);
  return entry;
}

static SocketEntry *add_entry(DcState *state, const SocketEntry *probe)
{
  DcSocketTable *table = state->sockets;
  const bool connected = is_connected(&probe->socket);
  size_t *count = connected ? &table->connected : &table->listening;
  const size_t limit = connected ? DC_STATE_CONNECTED_MAX : DC_STATE_LISTENING_MAX;
  /* Ports once used make room first: a resolver opens a new one for each question. */
  if (*count >= limit && !connected)
    g_hash_table_foreach_remove(table->bound, is_unlisted, table);
  if (*count >= limit) {
    state->refused++;
    return NULL;
  }
  ++*count;
  SocketEntry *entry = g_memdup2(probe, sizeof *probe);
  g_hash_table_add(table->bound, entry);
  if (!g_hash_table_contains(table->by_address, entry))
    g_hash_table_add(table->by_address, entry);
  return entry;
}

static void take_queues(DcSocket *known, const DcSocket *row, bool again)
{
  const bool listens = known->kind == DC_SOCKET_TCP_LISTEN;
  if (!again || row->recv_queue >= known->recv_queue) {
    known->recv_queue = row->recv_queue;
    if (!listens)
      known->send_queue = row->send_queue;
  }
  known->has_queues = true;
  known->recv_peak = MAX(known->recv_peak, row->recv_queue);
  /* 0: a reader of /proc/net/tcp, where a listener's limit does not stand (ss, too, falls back on it) */
  if (listens && row->send_queue > 0) {
    known->send_queue = row->send_queue;
    known->has_backlog = true;
  }
}

void dc_state_add_socket(DcState *state, const char *list, const DcSocket *socket)
{
  DcSocketTable *table = state->sockets;
  const size_t number = list_number(table, list);
  if (number == DC_STATE_LISTS_MAX) {
    state->refused++;
    return;
  }
  const ListSet bit = (ListSet)1 << number;
  SocketEntry probe = {.socket = {.kind = socket->kind, .local_port = socket->local_port}};
  probe.socket.local = plain_address(&socket->local);
  if (socket->remote.version != 0) {
    probe.socket.remote = plain_address(&socket->remote);
    probe.socket.remote_port = socket->remote_port;
  }
  dc_state_copy_text(probe.socket.device, sizeof probe.socket.device, socket->device);

  if (!is_proc_list(list))
    table->kinds |= 1u << socket->kind;
  table->stale = true;
  SocketEntry *entry = find_entry(table, &probe, number);
  if (entry == NULL && (entry = add_entry(state, &probe)) == NULL)
    return;

  /* A second row of the same address in one sample: SO_REUSEPORT, or listeners of one multicast port. */
  const bool again = (entry->lists & bit) != 0;
  entry->lists |= bit;

  DcSocket *known = &entry->socket;
  known->shared = again ? (uint16_t)MIN(known->shared + 1, UINT16_MAX) : 1;
  if (table->lists[number].from_ss)
    known->v6only = socket->v6only;
  if (socket->has_queues)
    take_queues(known, socket, again);
  if (socket->rcvbuf > 0)
    known->rcvbuf = socket->rcvbuf;
  if (socket->has_drops) {
    known->drops = again && known->has_drops ? known->drops + socket->drops : socket->drops;
    known->has_drops = true;
    if (!entry->has_drops_first || (again && table->lists[number].samples <= 1))
      known->drops_first = known->drops;
    entry->has_drops_first = true;
  }
  if (socket->process[0] != '\0')
    dc_state_copy_text(known->process, sizeof known->process, socket->process);
  if (socket->state[0] != '\0')
    dc_state_copy_text(known->state, sizeof known->state, socket->state);
}

/* --- reading ------------------------------------------------------------------- */

static bool list_begun(const DcSocketTable *table, const char *name)
{
  for (size_t i = 0; i < table->list_count; i++) {
    if (table->lists[i].samples > 0 && strcmp(table->lists[i].name, name) == 0)
      return true;
  }
  return false;
}

static bool has_ipv6(const DcState *state)
{
  static const char *const signs[] = {"snmp6", "if_inet6", "sockstat6"};
  for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
    if (dc_state_seen(state, signs[i]))
      return true;
  }
  return dc_state_handler(state, 0x86dd) != NULL;
}

bool dc_state_has_sockets(const DcState *state, DcSocketKind kind)
{
  const DcSocketTable *table = state->sockets;
  if ((table->kinds >> kind & 1) != 0)
    return true;
  const char *const *list = proc_lists[kind];
  /* a service on [::] serves IPv4, too, and stands in the other file */
  return list_begun(table, list[0]) && (list_begun(table, list[1]) || !has_ipv6(state));
}

static int compare_sockets(gconstpointer a, gconstpointer b)
{
  const DcSocket *left = a;
  const DcSocket *right = b;
  if (left->kind != right->kind)
    return left->kind < right->kind ? -1 : 1;
  if (left->local_port != right->local_port)
    return left->local_port < right->local_port ? -1 : 1;
  if (is_connected(left) != is_connected(right))
    return is_connected(left) ? 1 : -1;
  int order = memcmp(&left->local, &right->local, sizeof left->local);
  if (order == 0)
    order = memcmp(&left->remote, &right->remote, sizeof left->remote);
  if (order == 0 && left->remote_port != right->remote_port)
    order = left->remote_port < right->remote_port ? -1 : 1;
  return order != 0 ? order : strcmp(left->device, right->device);
}

const DcSocket *dc_state_sockets(const DcState *state, size_t *ret_count)
{
  DcSocketTable *table = state->sockets;
  if (table->stale) {
    sweep(table);
    g_array_set_size(table->view, 0);
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, table->bound);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
      const SocketEntry *entry = key;
      g_array_append_val(table->view, entry->socket);
    }
    g_array_sort(table->view, compare_sockets);
    table->stale = false;
  }
  *ret_count = table->view->len;
  return table->view->len > 0 ? &g_array_index(table->view, DcSocket, 0) : NULL;
}

/* The rows of that kind and port: from *ret_first up to the result. */
static const DcSocket *port_rows(const DcState *state, DcSocketKind kind, uint16_t port, size_t *ret_count)
{
  size_t count;
  const DcSocket *rows = dc_state_sockets(state, &count);
  size_t low = 0;
  size_t high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (rows[middle].kind < kind || (rows[middle].kind == kind && rows[middle].local_port < port))
      low = middle + 1;
    else
      high = middle;
  }
  size_t end = low;
  while (end < count && rows[end].kind == kind && rows[end].local_port == port)
    end++;
  *ret_count = end - low;
  return rows != NULL ? rows + low : NULL;
}

/* How well a socket fits an address: 0 not at all. What the kernel's lookup prefers comes first. */
static unsigned fit(const DcSocket *socket, const DcAddr *addr)
{
  unsigned score = 0;
  if (dc_addr_equal(&socket->local, addr))
    score = 48;
  else if (is_any(&socket->local) && socket->local.version == addr->version)
    score = 32;
  else if (is_any(&socket->local) && socket->local.version == 6 && addr->version == 4 && !socket->v6only)
    score = 16;
  else
    return 0;
  /* a connected socket takes its peer's packets only, a bound one its device's */
  if (!is_connected(socket))
    score += 8;
  if (socket->device[0] == '\0')
    score += 4;
  score += socket->has_queues || socket->has_drops ? 2 : 0;
  return score + (socket->process[0] != '\0' ? 1 : 0);
}

const DcSocket *dc_state_find_socket(const DcState *state, DcSocketKind kind, const DcAddr *addr, uint16_t port)
{
  const DcAddr plain = plain_address(addr);
  size_t count;
  const DcSocket *rows = port_rows(state, kind, port, &count);
  const DcSocket *best = NULL;
  unsigned best_fit = 0;
  for (size_t i = 0; i < count; i++) {
    const unsigned score = fit(&rows[i], &plain);
    if (score > best_fit) {
      best = &rows[i];
      best_fit = score;
    }
    /* sorted: only connected ones follow, and the listening ones had something */
    if (best_fit >= 16 && is_connected(&rows[i]))
      break;
  }
  return best;
}

const DcSocket *dc_state_find_port(const DcState *state, DcSocketKind kind, uint16_t port)
{
  size_t count;
  const DcSocket *rows = port_rows(state, kind, port, &count);
  return count > 0 ? rows : NULL;
}
