/* DcState: sockets of several lists. */
#include "dropcorr/model/state.h"

#include <string.h>

static DcAddr ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
  return (DcAddr){.bytes = {a, b, c, d}, .version = 4};
}

static DcAddr ip6(uint8_t first, uint8_t last)
{
  return (DcAddr){.bytes = {[0] = first, [15] = last}, .version = 6};
}

static DcSocket make_socket(DcSocketKind kind, DcAddr local, uint16_t port)
{
  return (DcSocket){.kind = kind, .local = local, .local_port = port};
}

static void add(DcState *state, const char *list, DcSocket socket)
{
  dc_state_add_socket(state, list, &socket);
}

static void test_sockets_find(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  const DcAddr any6 = {.version = 6};
  dc_state_begin_sockets(state, "ss");
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, any4, 22));
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, any6, 80));
  DcSocket socket = make_socket(DC_SOCKET_TCP_LISTEN, any6, 81);
  socket.v6only = true;
  add(state, "ss", socket);
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, ip4(127, 0, 0, 1), 5432));
  add(state, "ss", make_socket(DC_SOCKET_UDP, any4, 53));
  add(state, "ss", make_socket(DC_SOCKET_UDP, ip4(10, 0, 0, 1), 53));
  /* ::ffff:10.0.0.9 is 10.0.0.9 */
  DcAddr mapped = {.bytes = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 9}, .version = 6};
  add(state, "ss", make_socket(DC_SOCKET_UDP, mapped, 70));

  const DcAddr host = ip4(10, 0, 0, 1);
  const DcAddr host6 = ip6(0xfd, 1);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 22));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host6, 22));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 80));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host6, 80));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 81));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host6, 81));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_UDP, &host, 22));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 5432));
  const DcSocket *found = dc_state_find_port(state, DC_SOCKET_TCP_LISTEN, 5432);
  g_assert_nonnull(found);
  g_assert_cmpuint(found->local.bytes[0], ==, 127);
  g_assert_null(dc_state_find_port(state, DC_SOCKET_TCP_LISTEN, 5433));
  /* the specific address wins */
  found = dc_state_find_socket(state, DC_SOCKET_UDP, &host, 53);
  g_assert_cmpuint(found->local.bytes[0], ==, 10);
  const DcAddr nine = ip4(10, 0, 0, 9);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_UDP, &nine, 70));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_UDP, &mapped, 70));
}

static void test_sockets_connected_udp(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr host = ip4(10, 0, 0, 1);
  DcSocket socket = make_socket(DC_SOCKET_UDP, host, 53);
  socket.remote = ip4(10, 0, 0, 2);
  socket.remote_port = 4000;
  dc_state_begin_sockets(state, "udp");
  add(state, "udp", socket);
  g_assert_cmpuint(dc_state_find_socket(state, DC_SOCKET_UDP, &host, 53)->remote_port, ==, 4000);
  /* a connected socket takes its peer's datagrams only */
  socket = make_socket(DC_SOCKET_UDP, host, 53);
  socket.has_drops = true;
  add(state, "udp", socket);
  g_assert_cmpuint(dc_state_find_socket(state, DC_SOCKET_UDP, &host, 53)->remote.version, ==, 0);
}

static void test_sockets_merge(void)
{
  const DcAddr any4 = {.version = 4};
  for (int order = 0; order < 2; order++) {
    g_autoptr(DcState) state = dc_state_new();
    DcSocket from_proc = make_socket(DC_SOCKET_TCP_LISTEN, any4, 2222);
    from_proc.has_queues = true;
    from_proc.recv_queue = 2;
    DcSocket from_ss = from_proc;
    from_ss.send_queue = 1;
    strcpy(from_ss.process, "srv pid 117");
    strcpy(from_ss.state, "LISTEN");
    for (int i = 0; i < 2; i++) {
      const bool ss = i == order;
      dc_state_begin_sockets(state, ss ? "ss" : "tcp");
      add(state, ss ? "ss" : "tcp", ss ? from_ss : from_proc);
    }
    size_t count;
    const DcSocket *sockets = dc_state_sockets(state, &count);
    g_assert_cmpuint(count, ==, 1);
    /* what /proc does not know does not wipe out what ss knew */
    g_assert_true(sockets[0].has_backlog);
    g_assert_cmpuint(sockets[0].send_queue, ==, 1);
    g_assert_cmpuint(sockets[0].recv_queue, ==, 2);
    g_assert_cmpuint(sockets[0].shared, ==, 1);
    g_assert_cmpstr(sockets[0].process, ==, "srv pid 117");
  }
}

/* ss tells the device a socket is bound to, /proc does not: one socket all the same. */
static void test_sockets_merge_device(void)
{
  const DcAddr stub = ip4(127, 0, 0, 53);
  for (int order = 0; order < 2; order++) {
    g_autoptr(DcState) state = dc_state_new();
    for (int i = 0; i < 2; i++) {
      const bool ss = i == order;
      DcSocket socket = make_socket(DC_SOCKET_UDP, stub, 53);
      if (ss)
        strcpy(socket.device, "lo");
      socket.has_drops = !ss;
      socket.drops = 3;
      dc_state_begin_sockets(state, ss ? "ss" : "udp");
      add(state, ss ? "ss" : "udp", socket);
    }
    size_t count;
    const DcSocket *sockets = dc_state_sockets(state, &count);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpstr(sockets[0].device, ==, "lo");
    g_assert_cmpuint(sockets[0].drops, ==, 3);
  }
  /* two of them on two devices are two */
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  dc_state_begin_sockets(state, "ss");
  for (int i = 0; i < 2; i++) {
    DcSocket socket = make_socket(DC_SOCKET_UDP, any4, 68);
    strcpy(socket.device, i == 0 ? "eth0" : "eth1");
    add(state, "ss", socket);
  }
  size_t count;
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 2);
}

static void test_sockets_shared(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  for (uint32_t sample = 0; sample < 2; sample++) {
    dc_state_begin_sockets(state, "udp");
    for (uint32_t i = 1; i <= 3; i++) {
      DcSocket socket = make_socket(DC_SOCKET_UDP, any4, 9000);
      socket.has_queues = socket.has_drops = true;
      socket.recv_queue = sample == 0 ? 100 * i : i;
      socket.drops = i + 10 * sample;
      add(state, "udp", socket);
    }
  }
  size_t count;
  const DcSocket *sockets = dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 1);
  g_assert_cmpuint(sockets[0].shared, ==, 3);
  g_assert_cmpuint(sockets[0].drops_first, ==, 6);
  g_assert_cmpuint(sockets[0].drops, ==, 36);
  g_assert_cmpuint(sockets[0].recv_queue, ==, 3);
  g_assert_cmpuint(sockets[0].recv_peak, ==, 300);
}

static void test_sockets_replace(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  dc_state_begin_sockets(state, "tcp");
  add(state, "tcp", make_socket(DC_SOCKET_TCP_LISTEN, any4, 8080));
  DcSocket connection = make_socket(DC_SOCKET_TCP, ip4(10, 0, 0, 1), 8080);
  connection.remote = ip4(10, 0, 0, 2);
  connection.remote_port = 40001;
  add(state, "tcp", connection);
  size_t count;
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 2);

  /* the service is gone in the next sample: nobody is connected, but we know who listened */
  dc_state_begin_sockets(state, "tcp");
  const DcSocket *sockets = dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 1);
  g_assert_cmpint(sockets[0].kind, ==, DC_SOCKET_TCP_LISTEN);
  const DcAddr host = ip4(10, 0, 0, 1);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 8080));
}

static void test_sockets_known(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_UDP));
  /* an empty list of /proc says there is none */
  dc_state_begin_sockets(state, "udp");
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_UDP));
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN));
  /* but on a host with IPv6 the other half may stand in the other file */
  dc_state_add_handler(state, &(DcProtocolHandler){0x86dd, "", "ipv6_rcv"});
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_UDP));
  dc_state_begin_sockets(state, "udp6");
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_UDP));
  /* ss lists what it was asked for */
  dc_state_begin_sockets(state, "ss");
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN));
  const DcAddr any4 = {.version = 4};
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, any4, 22));
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN));
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_RAW));
}

static void test_sockets_limits(void)
{
  g_autoptr(DcState) state = dc_state_new();
  /* each sample another set of ports: what once was makes room */
  for (unsigned sample = 0; sample < 3; sample++) {
    dc_state_begin_sockets(state, "udp");
    for (unsigned i = 0; i < DC_STATE_LISTENING_MAX; i++)
      add(state, "udp", make_socket(DC_SOCKET_UDP, ip4(10, 0, (uint8_t)sample, 1), (uint16_t)(i + 1)));
  }
  g_assert_cmpuint(dc_state_refused(state), ==, 0);
  const DcAddr last = ip4(10, 0, 2, 1);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_UDP, &last, 1));
  add(state, "udp", make_socket(DC_SOCKET_UDP, ip4(10, 9, 9, 9), 1));
  g_assert_cmpuint(dc_state_refused(state), ==, 1);

  dc_state_begin_sockets(state, "tcp");
  for (unsigned i = 0; i < DC_STATE_CONNECTED_MAX + 5; i++) {
    DcSocket socket = make_socket(DC_SOCKET_TCP, ip4(10, 0, 0, 1), 443);
    socket.remote = ip4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
    socket.remote_port = 1024;
    add(state, "tcp", socket);
  }
  g_assert_cmpuint(dc_state_refused(state), ==, 6);
  size_t count;
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, DC_STATE_LISTENING_MAX + DC_STATE_CONNECTED_MAX);

  char name[16];
  for (unsigned i = 0; i < 2 * DC_STATE_LISTS_MAX; i++) {
    g_snprintf(name, sizeof name, "list%u", i);
    dc_state_begin_sockets(state, name);
    add(state, name, make_socket(DC_SOCKET_TCP_LISTEN, ip4(10, 0, 0, 1), (uint16_t)(i + 1)));
  }
  g_assert_cmpuint(dc_state_refused(state), >, 6);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/sockets/find", test_sockets_find);
  g_test_add_func("/state/sockets/connected-udp", test_sockets_connected_udp);
  g_test_add_func("/state/sockets/merge", test_sockets_merge);
  g_test_add_func("/state/sockets/merge-device", test_sockets_merge_device);
  g_test_add_func("/state/sockets/shared", test_sockets_shared);
  g_test_add_func("/state/sockets/replace", test_sockets_replace);
  g_test_add_func("/state/sockets/known", test_sockets_known);
  g_test_add_func("/state/sockets/limits", test_sockets_limits);
  return g_test_run();
}
