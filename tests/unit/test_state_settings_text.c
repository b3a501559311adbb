/* Handlers, settings, addresses and firewall rules, as texts, into DcState. */
#include "state_feed.h"

/* --- handlers -------------------------------------------------------------------- */

static void test_ptype(void)
{
  static const char text[] = "Type Device      Function\n"
                             "ALL           packet_rcv\n"
                             "ALL  eth0     tpacket_rcv [af_packet]\n"
                             "0800          ip_rcv\n"
                             "0004          llc_rcv [llc]\n"
                             "88cc eth1     packet_rcv\n"
                             "86dd          ipv6_rcv\n";
  size_t count;
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "ptype", text), ==, DC_STATE_TEXT_PARSED);
  g_assert_true(dc_state_has_handlers(state));
  g_assert_cmpstr(dc_state_handler(state, 0x0800)->handler, ==, "ip_rcv");
  g_assert_cmpstr(dc_state_handler(state, 0x0004)->handler, ==, "llc_rcv");
  g_assert_cmpstr(dc_state_handler(state, 0x88cc)->device, ==, "eth1");
  g_assert_null(dc_state_handler(state, 0x88b5));
  const DcProtocolHandler *taps = dc_state_taps(state, &count);
  g_assert_cmpuint(count, ==, 2);
  g_assert_cmpstr(taps[1].device, ==, "eth0");
  g_assert_cmpstr(taps[1].handler, ==, "tpacket_rcv");

  /* at the end our own taps stand in it; handlers count all the same */
  g_autoptr(DcState) after = dc_state_new();
  size_t skipped;
  feed_bytes(after, "ptype", DC_PHASE_AFTER, text, strlen(text), &skipped);
  dc_state_taps(after, &count);
  g_assert_cmpuint(count, ==, 0);
  g_assert_nonnull(dc_state_handler(after, 0x86dd));

  g_autoptr(DcState) bad = dc_state_new();
  g_assert_cmpint(feed(bad, "ptype", "08000 ip_rcv\nip_rcv\n0800\n0800 a b c\n"), ==, DC_STATE_TEXT_MALFORMED);
  g_assert_false(dc_state_has_handlers(bad));
}

static void test_packet(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed(state, "if_addrs", "1 lo - 127.0.0.1/8\n");
  feed_file(state, "packet", DC_PHASE_ONCE, "packet");
  g_assert_cmpstr(dc_state_handler(state, 0x88cc)->device, ==, "lo");
  g_assert_cmpstr(dc_state_handler(state, 0x88cc)->handler, ==, DC_HANDLER_PACKET_SOCKET);
  g_assert_false(dc_state_has_handlers(state));
  g_assert_cmpint(feed(state, "packet",
                       "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"
                       "ffff88003c8a1000 3      3    0003   7     1 0      0      19035 \n"
                       "ffff88003c8a1800 3      3    88b5   0     0 0      0      19036 \n"
                       "ffff88003c8a2000 3      3    0000   0     1 0      0      19037 \n"),
                  ==, DC_STATE_TEXT_PARSED);
  size_t count;
  g_assert_cmpstr(dc_state_taps(state, &count)->device, ==, "ifindex 7");
  g_assert_cmpuint(count, ==, 1);
  g_assert_null(dc_state_handler(state, 0x88b5));
}

/* --- settings ---------------------------------------------------------------------------- */

static void test_sysctl(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "sysctl",
                       "net.ipv4.tcp_syncookies = 1\r\n"
                       "net.ipv4.tcp_rmem = 4096\t131072\t6291456\r\n"
                       "net.core.somaxconn=128\n"
                       "net.ipv4.conf.eth0/100.rp_filter = 2\n"
                       "/proc/sys/net/ipv4/conf/eth0.200/rp_filter:1\n"
                       "/proc/sys/net/netfilter/nf_conntrack_max = 65536\n"
                       "net/ipv4/tcp_tw_recycle = 1\n"
                       "net.ipv6.conf.all.stable_secret = \n"
                       "kernel.sched_domain.cpu0 = 7\n"
                       "kernel.osrelease = 3.10.0-1160.el7.x86_64\n"
                       "sysctl: permission denied on key 'net.ipv4.tcp_fastopen_key'\n"
                       "# comment\n"),
                  ==, DC_STATE_TEXT_PARSED);
  int64_t number;
  g_assert_true(dc_state_sysctl_number(state, "net.ipv4.tcp_syncookies", &number));
  g_assert_cmpint(number, ==, 1);
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.tcp_rmem"), ==, "4096 131072 6291456");
  g_assert_cmpstr(dc_state_sysctl(state, "net.core.somaxconn"), ==, "128");
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.conf.eth0/100.rp_filter"), ==, "2");
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.conf.eth0/200.rp_filter"), ==, "1");
  g_assert_cmpstr(dc_state_sysctl(state, "net.netfilter.nf_conntrack_max"), ==, "65536");
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.tcp_tw_recycle"), ==, "1");
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv6.conf.all.stable_secret"), ==, "");
  /* thousands of others are not kept */
  g_assert_null(dc_state_sysctl(state, "kernel.sched_domain.cpu0"));
  g_assert_cmphex(dc_state_kernel_version(state), ==, 0x030a00);
  g_assert_cmpint(feed(state, "sysctl", "bash: sysctl: command not found\n"), ==, DC_STATE_TEXT_MALFORMED);
}

static void check_addresses(const DcState *state, bool macs)
{
  static const char *const local[] = {"10.0.0.1", "10.9.9.1", "fd00::1", "127.0.0.1", "::1"};
  static const char *const foreign[] = {"10.0.0.2", "10.9.9.2", "fd00::2", "10.0.0.255"};
  for (size_t i = 0; i < G_N_ELEMENTS(local); i++) {
    const DcAddr addr = addr_of(local[i]);
    g_assert_true(dc_state_is_local_address(state, &addr));
  }
  for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
    const DcAddr addr = addr_of(foreign[i]);
    g_assert_false(dc_state_is_local_address(state, &addr));
  }
  g_assert_cmpint(dc_state_is_local_mac(state, (const uint8_t[]){2, 0, 0, 0, 0, 1}), ==, macs);
  g_assert_false(dc_state_is_local_mac(state, (const uint8_t[]){0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
}

static void note_port(uint32_t ifindex, void *data)
{
  *(uint32_t *)data = *(uint32_t *)data * 100 + ifindex;
}

static uint32_t ports_of(const char *object, const char *text)
{
  g_autoptr(DcState) state = dc_state_new();
  uint32_t ports = 0;
  feed(state, object, text);
  dc_state_each_bridge_port(state, note_port, &ports);
  return ports;
}

/* A bond's and a VRF's devices have a master too, but it has the flag. */
static void test_bridge_ports(void)
{
  static const char links[] = "2: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state UP\n"
                              "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n"
                              "3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master bond0 state UP\n"
                              "4: eth2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master gone state UP\n"
                              "5: eth3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n"
                              "6: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n"
                              "7: bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 1500 state UP\n";
  g_assert_cmpuint(ports_of("link", links), ==, 2);
  g_assert_cmpuint(ports_of("addr", links), ==, 2);
  g_assert_cmpuint(ports_of("if_addrs", "2 eth0 02:00:00:00:00:01 10.0.0.1/24\n3 eth1 - bridge-port\n"), ==, 3);
}

static void test_addresses(void)
{
  g_autoptr(DcState) full = dc_state_new();
  feed_file(full, "addr", DC_PHASE_ONCE, "addr");
  check_addresses(full, true);
  g_assert_cmpstr(dc_state_device_name(full, 3), ==, "v0");
  g_assert_cmpstr(dc_state_device_name(full, 1), ==, "lo");
  const DcAddr broadcast = addr_of("10.0.0.255");
  g_assert_true(dc_state_is_broadcast_address(full, &broadcast));

  g_autoptr(DcState) brief = dc_state_new();
  feed_file(brief, "addr", DC_PHASE_ONCE, "addr_br");
  check_addresses(brief, false);

  g_autoptr(DcState) one_line = dc_state_new();
  g_assert_cmpint(feed(one_line, "addr",
                       "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n"
                       "1: lo    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever\n"
                       "3: v0    inet 10.0.0.1/24 scope global v0\\       valid_lft forever preferred_lft forever\n"
                       "3: v0    inet 10.9.9.1 peer 10.9.9.2/32 scope global v0\\       valid_lft forever\n"
                       "3: v0    inet6 fd00::1/64 scope global nodad \\       valid_lft forever\n"),
                  ==, DC_STATE_TEXT_PARSED);
  check_addresses(one_line, false);

  g_autoptr(DcState) link = dc_state_new();
  feed_file(link, "link", DC_PHASE_ONCE, "link");
  g_assert_true(dc_state_is_local_mac(link, (const uint8_t[]){2, 0, 0, 0, 0, 1}));
  g_assert_cmpuint(value_of(link, "dev.lo.rx_packets"), ==, 19);
  g_assert_cmpuint(value_of(link, "dev.v0.rx_dropped"), ==, 0);
  g_assert_cmpint(feed(link, "addr", "    inet 10.0.0.1/24\nbash: ip: command not found\n3: v0: <UP>\n  inet x\n"), ==,
                  DC_STATE_TEXT_PARTIAL);

  g_autoptr(DcState) own = dc_state_new();
  g_assert_cmpint(
      feed(own, "if_addrs", "1 lo - 127.0.0.1/8 ::1/128\n3 v0 02:00:00:00:00:01 10.0.0.1/24 10.9.9.1/32 fd00::1/64\n"),
      ==, DC_STATE_TEXT_PARSED);
  check_addresses(own, true);
  g_assert_cmpint(feed(own, "if_addrs", "x lo -\n0 lo -\n1 lo\n1 lo zz\n1 lo - 10.0.0.1/33\n"), ==,
                  DC_STATE_TEXT_MALFORMED);

  g_autoptr(DcState) proc = dc_state_new();
  feed_file(proc, "if_inet6", DC_PHASE_ONCE, "if_inet6");
  feed_file(proc, "fib_trie", DC_PHASE_ONCE, "fib_trie");
  check_addresses(proc, false);
  g_assert_cmpint(feed(proc, "if_inet6", "fd0000000000000000000000000000 01 40 00 82 eth0\n"), ==,
                  DC_STATE_TEXT_MALFORMED);

  g_autoptr(DcState) route = dc_state_new();
  feed_file(route, "route", DC_PHASE_ONCE, "route");
  check_addresses(route, false);
  g_assert_nonnull(strstr(dc_state_text(route, "route"), "10.0.0.0/24 dev v0"));
}

static void test_dmesg(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "dmesg",
                       "[    0.000000] Linux version 6.1.0-56-cloud-amd64\n"
                       "[   12.000001] nf_conntrack: nf_conntrack: table full, dropping packet\n"
                       "[   13.000001] TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.\n"
                       "[   14.000001] TCP: drop open request from 10.0.0.3/40001\n"
                       "[   15.000001] IPv4: martian source 10.0.0.1 from 127.0.0.1, on dev eth0\n"
                       "[   15.000002] ll header: 00000000: 02 00 00 00 00 01 02 00 00 00 00 02 08 00\n"
                       "[   16.000001] neighbour: arp_cache: neighbor table overflow!\n"
                       "[   17.000001] TCP: out of memory -- consider tuning tcp_mem\n"
                       "[   18.000001] TCP: too many orphaned sockets\n"
                       "[   19.000001] UDP: bad checksum. From 10.0.0.2:1 to 10.0.0.1:2 ulen 12\n"
                       "[   20.000001] NETDEV WATCHDOG: eth0 (e1000): transmit queue 0 timed out\n"
                       "[   21.000001] swapper/0: page allocation failure: order:0, mode:0x20\n"
                       "[   22.000001] IN=eth0 OUT= MAC=02:00 SRC=10.0.0.2 DST=10.0.0.1 LEN=60 PROTO=TCP\n"
                       "[   23.000001] ACPI: PIN=3 something else\n"),
                  ==, DC_STATE_TEXT_PARSED);
  size_t count;
  const char *const *lines = dc_state_kernel_lines(state, &count);
  g_assert_cmpuint(count, ==, 12);
  g_assert_nonnull(strstr(lines[0], "table full"));
  g_assert_nonnull(strstr(lines[11], "IN=eth0"));
  /* what stood in the log before the run is told apart */
  g_autoptr(DcState) run = dc_state_new();
  static const char before[] = "[   12.000001] TCP: too many orphaned sockets\n";
  static const char after[] = "[   12.000001] TCP: too many orphaned sockets\n[   99.000001] NETDEV WATCHDOG: eth0\n";
  size_t skipped;
  feed_bytes(run, "dmesg", DC_PHASE_BEFORE, before, strlen(before), &skipped);
  feed_bytes(run, "dmesg", DC_PHASE_AFTER, after, strlen(after), &skipped);
  dc_state_kernel_lines(run, &count);
  g_assert_cmpuint(count, ==, 2);
  g_assert_true(dc_state_kernel_line_is_old(run, 0));
  g_assert_false(dc_state_kernel_line_is_old(run, 1));
  g_assert_false(dc_state_kernel_line_is_old(run, 2));
  g_assert_false(dc_state_kernel_line_is_old(state, 0));
  /* a log without such lines is an answer, one that could not be read is none */
  g_autoptr(DcState) quiet = dc_state_new();
  g_assert_cmpint(feed(quiet, "dmesg", ""), ==, DC_STATE_TEXT_PARSED);
  g_assert_true(dc_state_seen(quiet, "dmesg"));
  g_autoptr(DcState) denied = dc_state_new();
  g_assert_cmpint(feed(denied, "dmesg", "dmesg: read kernel buffer failed: Operation not permitted\n"), ==,
                  DC_STATE_TEXT_MALFORMED);
  g_assert_false(dc_state_seen(denied, "dmesg"));
}

static void test_uname(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "uname", "\nLinux host 6.1.0-56-cloud-amd64 #1 SMP x86_64 GNU/Linux\n"), ==,
                  DC_STATE_TEXT_PARSED);
  g_assert_cmpstr(dc_state_kernel_release(state), ==, "6.1.0-56-cloud-amd64");
  g_assert_cmphex(dc_state_kernel_version(state), ==, 0x060100);
  g_assert_cmpint(feed(state, "uname", "bash: uname: command not found\n"), ==, DC_STATE_TEXT_MALFORMED);
}

/* --- rules --------------------------------------------------------------------------------- */

static void test_nft(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "nft", DC_PHASE_ONCE, "nft");
  g_assert_cmpuint(value_of(state, "nft.inet f.in.4"), ==, 3);
  g_assert_cmpuint(value_of(state, "nft.inet f.in.6"), ==, 1);
  g_assert_cmpuint(value_of(state, "nft.inet f.counter.c1"), ==, 0);
  /* another family's table of the same name, chain of the same name */
  g_assert_cmpuint(value_of(state, "nft.ip f.in.2"), ==, 2);
  g_assert_nonnull(strstr(dc_state_text(state, "nft"), "tcp dport 8089"));

  g_autoptr(DcState) json = dc_state_new();
  feed_file(json, "nft.json", DC_PHASE_ONCE, "nft.json");
  g_assert_cmpuint(value_of(json, "nft.inet f.in.4"), ==, 3);
  g_assert_cmpuint(value_of(json, "nft.inet f.in.6"), ==, 1);
  g_assert_cmpuint(value_of(json, "nft.inet f.counter.c1"), ==, 0);
  g_assert_cmpuint(value_of(json, "nft.ip f.in.2"), ==, 2);

  /* without handles a rule goes by its words */
  g_autoptr(DcState) plain = dc_state_new();
  feed_file(plain, "nft", DC_PHASE_ONCE, "nft_plain");
  g_assert_cmpuint(value_of(plain, "nft.inet f.in.tcp dport 8089 drop"), ==, 3);
  g_assert_cmpuint(value_of(plain, "nft.ip f.in.icmp type echo-request accept"), ==, 2);

  /* a rule added during the run counted nothing before it */
  g_autoptr(DcState) run = dc_state_new();
  size_t skipped;
  const char *before = "table inet f {\n\tchain in {\n\t\ttype filter hook input priority 0;\n\t}\n}\n";
  const char *after =
      "table inet f {\n\tchain in {\n\t\ttcp dport 1 counter packets 9 bytes 1 drop # handle 7\n\t}\n}\n";
  feed_bytes(run, "nft", DC_PHASE_BEFORE, before, strlen(before), &skipped);
  feed_bytes(run, "nft", DC_PHASE_AFTER, after, strlen(after), &skipped);
  g_assert_cmpuint(step_of(run, "nft.inet f.in.7"), ==, 9);
  /* unless the listing before was cut off */
  g_autoptr(DcState) cut = dc_state_new();
  g_assert_cmpint(feed_bytes(cut, "nft", DC_PHASE_BEFORE, before, strlen(before) - 2, &skipped), ==,
                  DC_STATE_TEXT_PARTIAL);
  feed_bytes(cut, "nft", DC_PHASE_AFTER, after, strlen(after), &skipped);
  g_assert_false(dc_state_counter(cut, "nft.inet f.in.7", DC_TIME_NONE, DC_TIME_NONE).known);

  /* no rules is an answer, an error is none */
  g_autoptr(DcState) empty = dc_state_new();
  g_assert_cmpint(feed(empty, "nft", ""), ==, DC_STATE_TEXT_PARSED);
  g_assert_true(dc_state_seen(empty, "nft"));
  g_autoptr(DcState) denied = dc_state_new();
  g_assert_cmpint(feed(denied, "nft", "Operation not permitted (you must be root)\n"), ==, DC_STATE_TEXT_MALFORMED);
  g_assert_false(dc_state_seen(denied, "nft"));
  g_assert_cmpint(feed(denied, "nft", "}\n}\n"), ==, DC_STATE_TEXT_MALFORMED);
  g_assert_cmpint(feed(denied, "nft.json", "{\"nftables\": 7}"), ==, DC_STATE_TEXT_MALFORMED);
  g_assert_cmpint(feed(denied, "nft.json", "[[[["), ==, DC_STATE_TEXT_MALFORMED);
  g_assert_cmpint(
      feed(denied, "nft.json", "{\"nftables\": [1, {\"rule\": 3}, {\"rule\": {\"expr\": [{\"counter\": 5}]}}]}"), ==,
      DC_STATE_TEXT_PARSED);
  g_autofree char *deep = g_strnfill(1 << 20, '[');
  g_assert_cmpint(feed(denied, "nft.json", deep), ==, DC_STATE_TEXT_MALFORMED);
}

static void test_iptables(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "iptables-save", DC_PHASE_ONCE, "iptables-save");
  feed_file(state, "ip6tables-save", DC_PHASE_ONCE, "ip6tables-save");
  g_assert_cmpuint(value_of(state, "iptables.filter.INPUT.-p tcp -m tcp --dport 8090 -j DROP"), ==, 2);
  g_assert_cmpuint(value_of(state, "iptables.filter.LOGDROP.-j DROP"), ==, 3);
  g_assert_cmpuint(value_of(state, "ip6tables.filter.INPUT.-p tcp -m tcp --dport 8089 -j DROP"), ==, 0);
  g_assert_cmpuint(value_of(state, "iptables.filter.INPUT.policy"), ==, 0);
  g_assert_false(has_counter(state, "iptables.filter.LOGDROP.policy"));
  g_assert_nonnull(strstr(dc_state_text(state, "iptables-save"), "--dport 8090"));

  /* one rule twice; without counters; cut off */
  g_assert_cmpint(
      feed(state, "iptables-save",
           "*nat\n:POSTROUTING DROP [7:700]\n[1:2] -A POSTROUTING -j X\n[3:4] -A POSTROUTING -j X\nCOMMIT\n"),
      ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "iptables.nat.POSTROUTING.-j X"), ==, 1);
  g_assert_cmpuint(value_of(state, "iptables.nat.POSTROUTING.-j X (2)"), ==, 3);
  g_assert_cmpuint(value_of(state, "iptables.nat.POSTROUTING.policy"), ==, 7);
  g_assert_cmpint(feed(state, "iptables-save", "*raw\n-A PREROUTING -j DROP\nCOMMIT\n"), ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpint(feed(state, "iptables-save", "*raw\n-A PREROUTING -j DROP\n"), ==, DC_STATE_TEXT_PARTIAL);
  g_assert_cmpint(feed(state, "iptables-save", "iptables-save v1.8.9: Permission denied\n"), ==,
                  DC_STATE_TEXT_MALFORMED);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state-text/ptype", test_ptype);
  g_test_add_func("/state-text/packet", test_packet);
  g_test_add_func("/state-text/sysctl", test_sysctl);
  g_test_add_func("/state-text/addresses", test_addresses);
  g_test_add_func("/state-text/bridge-ports", test_bridge_ports);
  g_test_add_func("/state-text/dmesg", test_dmesg);
  g_test_add_func("/state-text/uname", test_uname);
  g_test_add_func("/state-text/nft", test_nft);
  g_test_add_func("/state-text/iptables", test_iptables);
  return g_test_run();
}
