/* Socket lists of ss and /proc into DcState. */
#include "state_feed.h"

static void check_sockets(const DcState *state, bool from_ss)
{
  const DcSocket *socket = find(state, DC_SOCKET_UDP, "10.0.0.1", 5001);
  g_assert_nonnull(socket);
  g_assert_cmpuint(socket->recv_queue, ==, 3840);
  socket = find(state, DC_SOCKET_UDP, "10.0.0.1", 9000);
  g_assert_cmpuint(socket->shared, ==, 3);
  g_assert_nonnull(find(state, DC_SOCKET_UDP, "127.0.0.53", 53));
  g_assert_null(find(state, DC_SOCKET_UDP, "10.0.0.1", 53));
  g_assert_nonnull(dc_state_find_port(state, DC_SOCKET_UDP, 53));
  g_assert_nonnull(find(state, DC_SOCKET_UDP, "10.0.0.1", 5353));
  g_assert_nonnull(find(state, DC_SOCKET_UDP, "fd00::1", 123));
  socket = find(state, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 2222);
  g_assert_cmpuint(socket->recv_queue, ==, 2);
  g_assert_cmpint(socket->has_backlog, ==, from_ss);
  g_assert_cmpstr(socket->state, ==, "LISTEN");
  g_assert_nonnull(find(state, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 80));
  g_assert_nonnull(find(state, DC_SOCKET_TCP_LISTEN, "::1", 631));
  g_assert_null(find(state, DC_SOCKET_TCP_LISTEN, "fd00::1", 5432));
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_UDP));
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN));
}

static void test_ss(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "ss", DC_PHASE_ONCE, "ss");
  check_sockets(state, true);
  const DcSocket *socket = find(state, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 2222);
  g_assert_cmpuint(socket->send_queue, ==, 1);
  g_assert_true(g_str_has_prefix(socket->process, "srv pid "));
  g_assert_cmpstr(dc_state_find_port(state, DC_SOCKET_UDP, 68)->device, ==, "lo");
  /* [::] is IPv6 only, * is not */
  g_assert_null(find(state, DC_SOCKET_UDP, "10.0.0.1", 123));
  g_assert_null(find(state, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 81));
  g_assert_nonnull(find(state, DC_SOCKET_TCP_LISTEN, "fd00::1", 81));
  const DcSocket *raw = dc_state_find_port(state, DC_SOCKET_RAW, 1);
  g_assert_nonnull(raw);
}

static void test_ss_memory(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "ss_m", DC_PHASE_ONCE, "ss_m");
  check_sockets(state, true);
  const DcSocket *socket = find(state, DC_SOCKET_UDP, "10.0.0.1", 5001);
  g_assert_cmpuint(socket->rcvbuf, ==, 4608);
  g_assert_true(socket->has_drops);
  g_assert_cmpuint(socket->drops, ==, 17);
  g_assert_cmpuint(find(state, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 2222)->drops, ==, 2);
}

static void test_proc_sockets(void)
{
  static const char *const lists[] = {"udp", "udp6", "tcp", "tcp6"};
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "udp", DC_PHASE_ONCE, "udp");
  g_assert_cmpuint(find(state, DC_SOCKET_UDP, "10.0.0.1", 5001)->drops, ==, 17);
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    feed_file(state, lists[i], DC_PHASE_ONCE, lists[i]);
  check_sockets(state, false);
  size_t count;
  const DcSocket *sockets = dc_state_sockets(state, &count);
  size_t half_open = 0;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(sockets[i].state, "SYN-SENT") == 0) {
      half_open++;
      g_assert_cmpuint(sockets[i].remote_port, ==, 2222);
      g_assert_cmpuint(sockets[i].remote.bytes[0], ==, 127);
    }
  }
  g_assert_cmpuint(half_open, ==, 2);

  /* with ss beside it each socket is still one */
  const size_t before = count;
  feed_file(state, "ss", DC_PHASE_ONCE, "ss");
  check_sockets(state, true);
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, before + 1); /* the raw socket */
  g_assert_cmpuint(find(state, DC_SOCKET_UDP, "10.0.0.1", 5001)->drops, ==, 17);
}

static void test_proc_syn_recv(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(
      feed(state, "tcp",
           "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
           "   0: 00000000:0050 00000000:0000 0A 00000000:00000080 00:00000000 00000000     0        0 630 1 0 100\n"
           "   1: 0100000A:0050 0200000A:9C41 03 00000000:00000000 01:000000C8 00000000     0        0 0 0 0\n"
           "   2: 0100000A:0050 0200000A:9C41 FF 00000000:00000000 01:000000C8 00000000     0        0 0 0 0\n"
           "   3: 0100000A:0050\n"),
      ==, DC_STATE_TEXT_PARTIAL);
  size_t count;
  const DcSocket *sockets = dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 2);
  g_assert_cmpuint(sockets[0].recv_queue, ==, 128);
  g_assert_cmpstr(sockets[1].state, ==, "SYN-RECV");
  g_assert_cmpuint(sockets[1].local.bytes[0], ==, 10);
  g_assert_cmpuint(sockets[1].remote_port, ==, 40001);
  /* no list at all does not wipe out the one we have */
  g_assert_cmpint(feed(state, "tcp", "cat: tcp: No such file\n"), ==, DC_STATE_TEXT_MALFORMED);
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 2);
}

static void test_ss_layouts(void)
{
  /* of one protocol, no Netid column */
  g_autoptr(DcState) tcp = dc_state_new();
  feed_file(tcp, "ss", DC_PHASE_ONCE, "ss_t");
  g_assert_nonnull(find(tcp, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 2222));
  g_assert_false(dc_state_has_sockets(tcp, DC_SOCKET_UDP));

  g_autoptr(DcState) udp = dc_state_new();
  g_assert_cmpint(feed(udp, "ss",
                       "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
                       "UNCONN 0      0            0.0.0.0:5001      0.0.0.0:*\n"
                       "ESTAB  0      0          127.0.0.1:38722   127.0.0.1:5001\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_nonnull(find(udp, DC_SOCKET_UDP, "10.0.0.1", 5001));
  g_assert_cmpuint(find(udp, DC_SOCKET_UDP, "127.0.0.1", 38722)->remote_port, ==, 5001);

  /* `ss state ...` has no state column */
  g_autoptr(DcState) syn = dc_state_new();
  feed_file(syn, "ss", DC_PHASE_ONCE, "ss_syn");
  size_t count;
  const DcSocket *sockets = dc_state_sockets(syn, &count);
  g_assert_cmpuint(count, ==, 2);
  g_assert_cmpuint(sockets[0].remote_port, ==, 2222);
  g_assert_false(dc_state_has_sockets(syn, DC_SOCKET_TCP_LISTEN));

  /* 3.10's ss: ":::22" for IPv6, "*" then is IPv4; users with bare numbers */
  g_autoptr(DcState) old = dc_state_new();
  g_assert_cmpint(feed(old, "ss",
                       "Netid State      Recv-Q Send-Q     Local Address:Port       Peer Address:Port \n"
                       "udp   UNCONN     0      0                      *:68                    *:*     "
                       "users:((\"dhclient\",1045,6))\n"
                       "tcp   LISTEN     129    128                   :::22                   :::*     "
                       "users:((\"sshd\",1234,4))\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_nonnull(find(old, DC_SOCKET_UDP, "10.0.0.1", 68));
  g_assert_null(find(old, DC_SOCKET_UDP, "fd00::1", 68));
  const DcSocket *socket = find(old, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 22);
  g_assert_cmpuint(socket->recv_queue, ==, 129);
  g_assert_cmpuint(socket->send_queue, ==, 128);
  g_assert_cmpstr(socket->process, ==, "sshd pid 1234");

  /* no header (-H), names of services, other families between, scopes, odd users */
  g_autoptr(DcState) bare = dc_state_new();
  g_assert_cmpint(feed(bare, "ss",
                       "u_str LISTEN 0 128 /run/x.sock 12345 * 0\n"
                       "udp   UNCONN 0 0 127.0.0.53%lo:domain 0.0.0.0:*\n"
                       "udp   UNCONN 0 0 [fe80::1]%eth0:ntp [::]:*\n"
                       "raw   UNCONN 0 0 0.0.0.0:icmp 0.0.0.0:*\n"
                       "tcp   LISTEN 0 0 [::ffff:10.0.0.9]:8080 *:* users:((\"a\",pid=1,fd=3),(\"b\",pid=2,fd=3))\n"
                       "tcp   LISTEN 0 5 *:https *:* users:((\"x\",pid=99999999999999,fd=3))\n"
                       "tcp   LISTEN 0 5 nonsense\n"
                       "tcp   LISTEN 0 5 0.0.0.0:99999 0.0.0.0:*\n"),
                  ==, DC_STATE_TEXT_PARTIAL);
  g_assert_cmpstr(find(bare, DC_SOCKET_UDP, "127.0.0.53", 53)->device, ==, "lo");
  g_assert_cmpstr(find(bare, DC_SOCKET_UDP, "fe80::1", 123)->device, ==, "eth0");
  g_assert_nonnull(dc_state_find_port(bare, DC_SOCKET_RAW, 1));
  socket = find(bare, DC_SOCKET_TCP_LISTEN, "10.0.0.9", 8080);
  g_assert_cmpstr(socket->process, ==, "a pid 1");
  g_assert_false(socket->has_backlog);
  g_assert_nonnull(find(bare, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 443));
}

/* Where ss read /proc, a listener's limit is printed as 0 and means nothing. */
static void test_ss_from_proc(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "ss", DC_PHASE_ONCE, "ss_proc");
  const DcSocket *socket = find(state, DC_SOCKET_TCP_LISTEN, "10.0.0.1", 2222);
  g_assert_cmpuint(socket->recv_queue, ==, 2);
  g_assert_false(socket->has_backlog);
  g_assert_cmpuint(find(state, DC_SOCKET_UDP, "10.0.0.1", 5001)->recv_queue, ==, 6912);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state-text/ss/all", test_ss);
  g_test_add_func("/state-text/ss/memory", test_ss_memory);
  g_test_add_func("/state-text/ss/layouts", test_ss_layouts);
  g_test_add_func("/state-text/ss/from-proc", test_ss_from_proc);
  g_test_add_func("/state-text/proc-sockets/all", test_proc_sockets);
  g_test_add_func("/state-text/proc-sockets/syn-recv", test_proc_syn_recv);
  return g_test_run();
}
