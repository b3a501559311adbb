/* Counters of the kernel and of tools, as texts, into DcState. */
#include "state_feed.h"

static void test_run(void)
{
  static const char *const names[] = {"netstat", "snmp", "snmp6", "dev", "softnet_stat"};
  g_autoptr(DcState) state = dc_state_new();
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *before = g_strconcat("before.", names[i], NULL);
    g_autofree char *after = g_strconcat("after.", names[i], NULL);
    feed_file(state, names[i], DC_PHASE_BEFORE, before);
    feed_file(state, names[i], DC_PHASE_AFTER, after);
    g_assert_true(dc_state_seen(state, names[i]));
  }
  /* what the scenarios did */
  g_assert_cmpuint(step_of(state, "TcpExt.ListenOverflows"), ==, 8);
  g_assert_cmpuint(step_of(state, "TcpExt.ListenDrops"), ==, 8);
  g_assert_cmpuint(step_of(state, "Udp.RcvbufErrors"), ==, 17);
  g_assert_cmpuint(step_of(state, "TcpExt.IPReversePathFilter"), ==, 2);
  g_assert_cmpuint(step_of(state, "Udp.NoPorts"), ==, 1);
  g_assert_cmpuint(step_of(state, "IpExt.InCsumErrors"), ==, 1);
  g_assert_cmpuint(step_of(state, "Tcp.OutRsts"), ==, 2);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_packets"), ==, 97);
  g_assert_cmpuint(value_of(state, "dev.eth0.tx_bytes"), ==, 2261);
  g_assert_cmpuint(value_of(state, "softnet.processed"), ==, 0x7e);
  g_assert_cmpuint(step_of(state, "softnet.dropped"), ==, 0);
  g_assert_cmpuint(value_of(state, "Ip6InReceives"), ==, 15);
  g_assert_false(dc_state_seen(state, "ptype"));
  /* MaxConn is -1: no counter */
  g_assert_false(has_counter(state, "Tcp.MaxConn"));
}

static void test_snmp_columns(void)
{
  g_autoptr(DcState) state = dc_state_new();
  /* an old kernel's columns and a future one's */
  g_assert_cmpint(feed(state, "snmp",
                       "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n"
                       "Udp: 1 2 3 4 5 6\n"
                       "Quic: NewThing InErrors\n"
                       "Quic: 18446744073709551615 7"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "Udp.RcvbufErrors"), ==, 5);
  g_assert_cmpuint(value_of(state, "Quic.NewThing"), ==, UINT64_MAX);
  g_assert_cmpuint(value_of(state, "Quic.InErrors"), ==, 7);
}

static void test_snmp_damaged(void)
{
  struct {
    const char *text;
    DcStateTextStatus status;
    size_t skipped;
  } cases[] = {
      {"", DC_STATE_TEXT_MALFORMED, 0},
      {"\r\n\r\n", DC_STATE_TEXT_MALFORMED, 0},
      {"Udp: InDatagrams NoPorts\n", DC_STATE_TEXT_MALFORMED, 1},
      {"Udp: 1 2\n", DC_STATE_TEXT_MALFORMED, 2},
      {"Udp: InDatagrams NoPorts\nTcp: 1 2\n", DC_STATE_TEXT_MALFORMED, 2},
      {"cat: /proc/net/snmp: No such file or directory\n", DC_STATE_TEXT_MALFORMED, 1},
      {"Ip: A B\nIp: 1 2\nUdp: InDatagrams NoPorts\nUdp: 1", DC_STATE_TEXT_PARTIAL, 2},
      {"Ip: A B\nIp: 1 2\n\x01\x02\xff:\n", DC_STATE_TEXT_PARTIAL, 1},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(DcState) state = dc_state_new();
    size_t skipped = 99;
    g_assert_cmpint(feed_bytes(state, "snmp", DC_PHASE_ONCE, cases[i].text, strlen(cases[i].text), &skipped), ==,
                    cases[i].status);
    g_assert_cmpuint(skipped, ==, cases[i].skipped);
    g_assert_cmpint(dc_state_seen(state, "snmp"), ==, cases[i].status == DC_STATE_TEXT_PARTIAL);
  }
  /* cut off inside a number: the number cut is not taken, those before it are */
  g_autoptr(DcState) state = dc_state_new();
  feed(state, "netstat", "TcpExt: A B C\nTcpExt: 11 22");
  g_assert_cmpuint(value_of(state, "TcpExt.A"), ==, 11);
  g_assert_false(has_counter(state, "TcpExt.B"));
}

static void test_softnet(void)
{
  g_autoptr(DcState) state = dc_state_new();
  /* two CPUs of 6.18; the second CPU's counters are added */
  g_assert_cmpint(feed(state, "softnet_stat",
                       "0000000d 00000001 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000003 "
                       "00000004 00000005 00000000 00000000 00000000\n"
                       "00000e3a 00000010 00000020 00000000 00000000 00000000 00000000 00000000 00000000 00000030 "
                       "00000040 00000050 00000001 00000000 00000000\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "softnet.processed"), ==, 0xe47);
  g_assert_cmpuint(value_of(state, "softnet.dropped"), ==, 0x11);
  g_assert_cmpuint(value_of(state, "softnet.time_squeeze"), ==, 0x22);
  g_assert_cmpuint(value_of(state, "softnet.received_rps"), ==, 0x33);
  g_assert_cmpuint(value_of(state, "softnet.flow_limit"), ==, 0x44);
  /* 3.10: ten columns, no flow limit */
  g_autoptr(DcState) old = dc_state_new();
  g_assert_cmpint(feed(old, "softnet_stat",
                       "00358fe3 00006283 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(old, "softnet.dropped"), ==, 0x6283);
  g_assert_false(has_counter(old, "softnet.flow_limit"));
  /* a row cut off makes the sum worthless */
  g_autoptr(DcState) cut = dc_state_new();
  g_assert_cmpint(feed(cut, "softnet_stat", "0000000d 00000001 00000002\n00000e3a 0000"), ==, DC_STATE_TEXT_PARTIAL);
  g_assert_false(has_counter(cut, "softnet.dropped"));
}

static void test_dev(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "dev",
                       "Inter-|   Receive                      |  Transmit\n"
                       " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
                       "  eth0:1 2 3 206975 5 6 7 8 9 10 11 12 13 14 15 16\n"
                       "eth0.100: 1 2 3 44 5 6 7 8 9 10 11 12 13 14 15 16\n"
                       "  bad0: 1 2 3\n"
                       "eth0:1: 1 2 3 45 5 6 7 8 9 10 11 12 13 14 15 16\n"),
                  ==, DC_STATE_TEXT_PARTIAL);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_dropped"), ==, 206975);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_fifo"), ==, 5);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_frame"), ==, 6);
  g_assert_cmpuint(value_of(state, "dev.eth0.multicast"), ==, 8);
  g_assert_cmpuint(value_of(state, "dev.eth0.tx_dropped"), ==, 12);
  g_assert_cmpuint(value_of(state, "dev.eth0.100.rx_dropped"), ==, 44);
  g_assert_cmpuint(value_of(state, "dev.eth0:1.rx_dropped"), ==, 45);
  g_assert_false(has_counter(state, "dev.bad0.rx_bytes"));
}

static void test_stat_tables(void)
{
  g_autoptr(DcState) state = dc_state_new();
  /* 6.18 */
  g_assert_cmpint(feed(state, "rt_cache",
                       "entries  in_hit   in_slow_tot in_slow_mc in_no_route in_brd   in_martian_dst in_martian_src\n"
                       "00000005 00000000 00000000    00000000   00000000    00000000 00000001       00000002      \n"
                       "00000005 00000000 00000001    00000000   00000000    00000000 00000010       00000020      \n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "rt_cache.in_martian_dst"), ==, 0x11);
  g_assert_cmpuint(value_of(state, "rt_cache.in_martian_src"), ==, 0x22);
  g_assert_cmpuint(value_of(state, "rt_cache.entries"), ==, 5);
  /* 3.10 has searched and expect_* in other places: names tell */
  g_assert_cmpint(feed(state, "nf_conntrack_stat",
                       "entries  searched found new invalid ignore delete delete_list insert insert_failed drop "
                       "early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
                       "00001dbb  00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 "
                       "0000000a 0000000b 0000000c  0000000d 0000000e 0000000f 00000010\n"
                       "00001dbb  00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 "
                       "0000000a 0000000b 0000000c  0000000d 0000000e 0000000f 00000010\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "conntrack.drop"), ==, 20);
  g_assert_cmpuint(value_of(state, "conntrack.early_drop"), ==, 22);
  g_assert_cmpuint(value_of(state, "conntrack.insert_failed"), ==, 18);
  g_assert_cmpuint(value_of(state, "conntrack.search_restart"), ==, 32);
  g_assert_cmpuint(value_of(state, "conntrack.entries"), ==, 7611);
  g_assert_cmpint(feed(state, "arp_cache", "entries  allocs table_fulls\n00000002 00000001 00000003\n"), ==,
                  DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "arp_cache.table_fulls"), ==, 3);

  g_autoptr(DcState) bad = dc_state_new();
  g_assert_cmpint(feed(bad, "rt_cache", "entries in_hit\n00000005\n"), ==, DC_STATE_TEXT_PARTIAL);
  g_assert_cmpint(feed(bad, "rt_cache", "cat: permission denied\n"), ==, DC_STATE_TEXT_MALFORMED);
  g_assert_false(has_counter(bad, "rt_cache.in_hit"));
}

static void test_conntrack(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "conntrack_S",
                       "cpu=0   \tfound=0 invalid=3 insert=0 insert_failed=4 drop=5 early_drop=6 error=0 \n"
                       "cpu=1   \tfound=0 invalid=30 insert=0 insert_failed=40 drop=50 early_drop=60 error=0 \n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "conntrack.insert_failed"), ==, 44);
  g_assert_cmpuint(value_of(state, "conntrack.drop"), ==, 55);
  g_assert_false(has_counter(state, "conntrack.cpu"));
  g_autoptr(DcState) old = dc_state_new();
  g_assert_cmpint(feed(old, "conntrack_S", "entries          \t\t12\ninsert_failed    \t\t3\n"), ==,
                  DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(old, "conntrack.insert_failed"), ==, 3);
  g_assert_cmpint(feed(old, "conntrack_S", "conntrack v1.4.7 (conntrack-tools): Operation failed\n"), ==,
                  DC_STATE_TEXT_MALFORMED);
}

static void test_device_counters(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "sys_eth0.100",
                       "rx_dropped 206975\nrx_missed_errors 12\n"
                       "/sys/class/net/eth0.100/statistics/rx_fifo_errors:7\nrx_nohandler:3\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "sys.eth0.100.rx_dropped"), ==, 206975);
  g_assert_cmpuint(value_of(state, "sys.eth0.100.rx_missed_errors"), ==, 12);
  g_assert_cmpuint(value_of(state, "sys.eth0.100.rx_fifo_errors"), ==, 7);
  g_assert_cmpuint(value_of(state, "sys.eth0.100.rx_nohandler"), ==, 3);
  g_assert_true(dc_state_seen(state, "sys_eth0.100"));
  g_assert_true(dc_state_seen(state, "sys"));

  g_assert_cmpint(feed(state, "ethtool_S_eth0",
                       "NIC statistics:\n     rx_queue_0_drops: 5\n     [0]: rx_ucast_packets: 9\n"
                       "     port.rx_dropped: 8\n     rx_out_of_buffer: 18446744073709551615\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "ethtool.eth0.rx_queue_0_drops"), ==, 5);
  g_assert_cmpuint(value_of(state, "ethtool.eth0.[0]: rx_ucast_packets"), ==, 9);
  g_assert_cmpuint(value_of(state, "ethtool.eth0.port.rx_dropped"), ==, 8);
  g_assert_cmpint(feed(state, "ethtool_S_lo", "no stats available\n"), ==, DC_STATE_TEXT_PARSED);

  g_assert_cmpint(feed(state, "ethtool_g_eth0",
                       "Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t4096\nRX Mini:\tn/a\nTX:\t\t4096\n"
                       "Current hardware settings:\nRX:\t\t1024\nRX Mini:\tn/a\nTX:\t\t512\nRX Buf Len:\t\tn/a\n"
                       "TX Push:\toff\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "ethtool_g.eth0.rx"), ==, 1024);
  g_assert_cmpuint(value_of(state, "ethtool_g.eth0.rx_max"), ==, 4096);
  g_assert_cmpuint(value_of(state, "ethtool_g.eth0.tx"), ==, 512);
  g_assert_nonnull(strstr(dc_state_text(state, "ethtool_g_eth0"), "maximums"));
  g_assert_cmpint(feed(state, "ethtool_i_eth0", "driver: virtio_net\nversion: 1.0.0\nbus-info: 0000:00:03.0\n"), ==,
                  DC_STATE_TEXT_PARSED);
  g_assert_nonnull(strstr(dc_state_text(state, "ethtool_i_eth0"), "virtio_net"));
  /* a file named without the device */
  g_autoptr(DcState) bare = dc_state_new();
  g_assert_cmpint(feed(bare, "ethtool_g",
                       "Ring parameters for eth7:\nPre-set maximums:\nRX: 4096\nCurrent hardware settings:\nRX: 256\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(bare, "ethtool_g.eth7.rx"), ==, 256);
  g_assert_cmpint(feed(bare, "ethtool-S.txt", "NIC statistics:\n     rx_drops: 3\n"), ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(bare, "ethtool.IF.rx_drops"), ==, 3);
  g_assert_cmpint(feed(bare, "ethtool_i", "driver: virtio_net\n"), ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpint(feed(state, "ethtool_g_eth1", "netlink error: Operation not supported\n"), ==,
                  DC_STATE_TEXT_MALFORMED);
}

static void test_sockstat(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(feed(state, "sockstat",
                       "sockets: used 17\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 312\nUDP: inuse 0 mem 9\n"
                       "FRAG: inuse 1 memory 968\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "sockstat.TCP.mem"), ==, 312);
  g_assert_cmpuint(value_of(state, "sockstat.FRAG.memory"), ==, 968);
  g_assert_cmpint(feed(state, "sockstat", "TCP: inuse\n"), ==, DC_STATE_TEXT_MALFORMED);
}

static void test_qdisc(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "tc", DC_PHASE_ONCE, "tc");
  g_assert_cmpuint(value_of(state, "tc.v0.ingress ffff:.dropped"), ==, 0);
  g_assert_cmpuint(value_of(state, "tc.v0.tbf 8002:.dropped"), ==, 0);
  g_assert_cmpint(feed(state, "tc",
                       "qdisc pfifo_fast 0: dev eth0 root refcnt 2 bands 3\n"
                       " Sent 149367 bytes 2038 pkt (dropped 3, overlimits 4 requeues 0) \n"
                       "class htb 1:1 root prio 0\n"
                       " Sent 1 bytes 2 pkt (dropped 99, overlimits 0 requeues 0)\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "tc.eth0.pfifo_fast 0:.dropped"), ==, 3);
  g_assert_cmpuint(value_of(state, "tc.eth0.pfifo_fast 0:.overlimits"), ==, 4);
}

static void test_net_tools(void)
{
  g_autoptr(DcState) state = dc_state_new();
  feed_file(state, "netstat_s", DC_PHASE_BEFORE, "netstat_s");
  g_assert_cmpuint(value_of(state, "Udp.NoPorts"), ==, 3);
  g_assert_true(dc_state_seen(state, "netstat"));
  /* the same under the name of the /proc file, from a host in trouble */
  size_t skipped;
  const char *text = "Ip:\n    3651 total packets received\n"
                     "Udp:\n    2487375 packets to unknown port received.\n    47533568 packet receive errors\n"
                     "    RcvbufErrors: 12851135\n"
                     "TcpExt:\n    387158 passive connections rejected because of time stamp\n"
                     "    825 times the listen queue of a socket overflowed\n    825 SYNs to LISTEN sockets ignored\n"
                     "    TCP ran low on memory 3 times\n    IPReversePathFilter: 17\n";
  g_assert_cmpint(feed_bytes(state, "netstat", DC_PHASE_AFTER, text, strlen(text), &skipped), ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(skipped, ==, 0);
  g_assert_cmpuint(value_of(state, "Udp.InErrors"), ==, 47533568);
  g_assert_cmpuint(value_of(state, "Udp.RcvbufErrors"), ==, 12851135);
  g_assert_cmpuint(step_of(state, "Udp.NoPorts"), ==, 2487375 - 3);
  g_assert_cmpuint(value_of(state, "TcpExt.ListenDrops"), ==, 825);
  g_assert_cmpuint(value_of(state, "TcpExt.IPReversePathFilter"), ==, 17);
  /* netstat -s leaves zeros out: what it did not print before was 0 */
  g_assert_cmpuint(step_of(state, "TcpExt.PAWSPassive"), ==, 387158);

  g_assert_cmpint(feed(state, "netstat_i",
                       "Kernel Interface table\nIface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP "
                       "TX-OVR Flg\nwlan0     1500     3626      1    242 7          2038      0      5      0 BMRU\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "dev.wlan0.rx_dropped"), ==, 242);
  g_assert_cmpuint(value_of(state, "dev.wlan0.rx_fifo"), ==, 7);
  g_assert_cmpuint(value_of(state, "dev.wlan0.tx_dropped"), ==, 5);

  g_assert_cmpint(feed(state, "ifconfig",
                       "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n"
                       "        inet 10.0.0.1  netmask 255.255.240.0  broadcast 10.0.15.255\n"
                       "        inet6 fd00::1  prefixlen 64  scopeid 0x0<global>\n"
                       "        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)\n"
                       "        RX packets 3626  bytes 159472440 (152.0 MiB)\n"
                       "        RX errors 0  dropped 206975  overruns 3  frame 4\n"
                       "        TX packets 1  bytes 2 (2.0 B)\n"
                       "        TX errors 0  dropped 8 overruns 0  carrier 0  collisions 0\n\n"
                       "eth1      Link encap:Ethernet  HWaddr 02:00:00:00:00:02  \n"
                       "          inet addr:10.1.0.1  Bcast:10.1.0.255  Mask:255.255.255.0\n"
                       "          inet6 addr: fd00::2/64 Scope:Global\n"
                       "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n"
                       "          RX packets:5 errors:0 dropped:77 overruns:0 frame:0\n"
                       "          RX bytes:1234 (1.2 KiB)  TX bytes:99 (99.0 B)\n"),
                  ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_dropped"), ==, 206975);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_fifo"), ==, 3);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_frame"), ==, 4);
  g_assert_cmpuint(value_of(state, "dev.eth0.rx_packets"), ==, 3626);
  g_assert_cmpuint(value_of(state, "dev.eth0.tx_dropped"), ==, 8);
  g_assert_cmpuint(value_of(state, "dev.eth1.rx_dropped"), ==, 77);
  const char *const local[] = {"10.0.0.1", "fd00::1", "10.1.0.1", "fd00::2"};
  for (size_t i = 0; i < G_N_ELEMENTS(local); i++) {
    const DcAddr addr = addr_of(local[i]);
    g_assert_true(dc_state_is_local_address(state, &addr));
  }
  const DcAddr broadcast = addr_of("10.0.15.255");
  g_assert_true(dc_state_is_broadcast_address(state, &broadcast));
  g_assert_true(dc_state_is_local_mac(state, (const uint8_t[]){2, 0, 0, 0, 0, 2}));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state-text/run", test_run);
  g_test_add_func("/state-text/snmp/columns", test_snmp_columns);
  g_test_add_func("/state-text/snmp/damaged", test_snmp_damaged);
  g_test_add_func("/state-text/softnet", test_softnet);
  g_test_add_func("/state-text/dev", test_dev);
  g_test_add_func("/state-text/stat-tables", test_stat_tables);
  g_test_add_func("/state-text/conntrack", test_conntrack);
  g_test_add_func("/state-text/device-counters", test_device_counters);
  g_test_add_func("/state-text/sockstat", test_sockstat);
  g_test_add_func("/state-text/qdisc", test_qdisc);
  g_test_add_func("/state-text/net-tools", test_net_tools);
  return g_test_run();
}
