/* Texts of kernel files and tools into DcState. Larger ones lie in data/state (see its README). */
#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"

#include <string.h>

static DcStateTextStatus feed_bytes(DcState *state, const char *name, DcPhase phase, const char *text, size_t len,
                                    size_t *ret_skipped)
{
  /* a copy without a byte to spare, so that a sanitizer sees every read beyond the end */
  g_autofree char *exact = g_memdup2(text, len);
  const DcSample sample = {.time_ns = DC_TIME_NONE, .phase = (uint8_t)phase, .name = name, .text = exact, .len = len};
  return dc_state_text_parse(state, &sample, ret_skipped);
}

static DcStateTextStatus feed(DcState *state, const char *name, const char *text)
{
  size_t skipped;
  return feed_bytes(state, name, DC_PHASE_ONCE, text, strlen(text), &skipped);
}

static char *load(const char *file, size_t *ret_len)
{
  g_autofree char *path = g_build_filename(TEST_SOURCE_DIR, "data", "state", file, NULL);
  char *text;
  g_autoptr(GError) error = NULL;
  g_file_get_contents(path, &text, ret_len, &error);
  g_assert_no_error(error);
  return text;
}

/* A whole file of the data directory: every line must make sense. */
static void feed_file(DcState *state, const char *name, DcPhase phase, const char *file)
{
  size_t len, skipped;
  g_autofree char *text = load(file, &len);
  g_assert_cmpint(feed_bytes(state, name, phase, text, len, &skipped), ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(skipped, ==, 0);

  /* and so must it with CRLF ends, except where the text is JSON anyway */
  g_autoptr(DcState) other = dc_state_new();
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree char *crlf = g_strjoinv("\r\n", lines);
  g_assert_cmpint(feed_bytes(other, name, phase, crlf, strlen(crlf), &skipped), ==, DC_STATE_TEXT_PARSED);
}

static uint64_t value_of(const DcState *state, const char *name)
{
  uint64_t value = 0;
  if (!dc_state_counter_value(state, name, &value))
    g_error("no counter %s", name);
  return value;
}

static bool has_counter(const DcState *state, const char *name)
{
  uint64_t value;
  return dc_state_counter_value(state, name, &value);
}

static uint64_t step_of(const DcState *state, const char *name)
{
  const DcCounterStep step = dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  return step.step;
}

static DcAddr addr_of(const char *text)
{
  DcAddr addr;
  g_assert_true(dc_addr_parse(text, &addr));
  return addr;
}

static const DcSocket *find(const DcState *state, DcSocketKind kind, const char *addr_text, uint16_t port)
{
  const DcAddr addr = addr_of(addr_text);
  return dc_state_find_socket(state, kind, &addr, port);
}

/* --- counters ------------------------------------------------------------------ */

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

/* --- sockets ------------------------------------------------------------------------ */

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

/* --- names, hostile input ------------------------------------------------------------------- */

static void test_names(void)
{
  bool counters = false;
  g_assert_true(dc_state_text_known("snmp", &counters));
  g_assert_true(counters);
  g_assert_true(dc_state_text_known("ptype", &counters));
  g_assert_false(counters);
  g_assert_true(dc_state_text_known("sys_eth0", &counters));
  g_assert_true(counters);
  g_assert_true(dc_state_text_known("iptables-save.txt", &counters));
  g_assert_true(dc_state_text_known("iptables_save", &counters));
  g_assert_true(dc_state_text_known("sysctl-a", &counters));
  g_assert_true(dc_state_text_known("ip-addr.txt", &counters));
  g_assert_true(dc_state_text_known("nft.json", &counters));
  g_assert_true(dc_state_text_known("ethtool_S_enp0s31f6", &counters));
  static const char *const unknown[] = {"",     "nonsense",        "sys_",      "sys",    "ethtool_S_", "snmp7",
                                        "SNMP", "sys_../../etc/x", "ethtool_S", "sys_a b"};
  for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++) {
    g_assert_false(dc_state_text_known(unknown[i], &counters));
    g_autoptr(DcState) state = dc_state_new();
    g_assert_cmpint(feed(state, unknown[i], "rx_dropped 1\n"), ==, DC_STATE_TEXT_UNKNOWN);
  }
  g_autofree char *long_name = g_strnfill(100000, 's');
  g_assert_false(dc_state_text_known(long_name, &counters));
}

static const char *const all_names[] = {"snmp",
                                        "netstat",
                                        "snmp6",
                                        "softnet_stat",
                                        "dev",
                                        "sockstat",
                                        "rt_cache",
                                        "nf_conntrack_stat",
                                        "conntrack_S",
                                        "sys_eth0",
                                        "ethtool_S_eth0",
                                        "ethtool_g_eth0",
                                        "ethtool_i_eth0",
                                        "tc",
                                        "netstat_s",
                                        "netstat_i",
                                        "ifconfig",
                                        "ptype",
                                        "packet",
                                        "tcp",
                                        "tcp6",
                                        "udp",
                                        "udp6",
                                        "raw",
                                        "ss",
                                        "ss_m",
                                        "sysctl",
                                        "nft",
                                        "nft.json",
                                        "iptables-save",
                                        "ip6tables-save",
                                        "dmesg",
                                        "uname",
                                        "addr",
                                        "link",
                                        "if_addrs",
                                        "if_inet6",
                                        "fib_trie",
                                        "route",
                                        "arp"};

/* Every parser over every file cut at every place, and with bytes changed: nothing to assert but
 * that it comes back (run with sanitizers), with a status that fits. */
static void test_hostile(void)
{
  static const char *const files[] = {
      "before.netstat", "before.dev", "after.softnet_stat", "ss_m", "udp6",      "nft",   "nft.json",
      "iptables-save",  "addr",       "fib_trie",           "tc",   "netstat_s", "packet"};
  g_autoptr(GRand) rand = g_rand_new_with_seed(11);
  for (size_t f = 0; f < G_N_ELEMENTS(files); f++) {
    size_t len;
    g_autofree char *text = load(files[f], &len);
    for (size_t n = 0; n < G_N_ELEMENTS(all_names); n++) {
      for (int round = 0; round < 40; round++) {
        g_autoptr(DcState) state = dc_state_new();
        g_autofree char *copy = g_memdup2(text, len);
        for (int i = 0; i < round; i++)
          copy[g_rand_int_range(rand, 0, (gint32)len)] = (char)g_rand_int_range(rand, 0, 256);
        size_t skipped = 1;
        const DcStateTextStatus status = feed_bytes(state, all_names[n], DC_PHASE_ONCE, copy,
                                                    (size_t)g_rand_int_range(rand, 0, (gint32)len + 1), &skipped);
        g_assert_cmpint(status, !=, DC_STATE_TEXT_UNKNOWN);
        g_assert_cmpint(status == DC_STATE_TEXT_PARTIAL, ==, status != DC_STATE_TEXT_MALFORMED && skipped > 0);
      }
    }
  }
}

/* One line of 10 MB, of one character or of words, must be neither slow nor costly. */
static void test_long_lines(void)
{
  enum { SIZE = 10 << 20 };
  static const char *const patterns[] = {"x",       " ",      "1 ",          "a:", "0",  "{", "\"",
                                         "inet 1 ", "Ip: a ", "[1:2] -A x ", "/",  "\t", "::"};
  g_autofree char *text = g_malloc(SIZE);
  for (size_t p = 0; p < G_N_ELEMENTS(patterns); p++) {
    const size_t n = strlen(patterns[p]);
    for (size_t i = 0; i < SIZE; i++)
      text[i] = patterns[p][i % n];
    for (size_t i = 0; i < G_N_ELEMENTS(all_names); i++) {
      g_autoptr(DcState) state = dc_state_new();
      const DcSample sample = {.time_ns = 5, .phase = DC_PHASE_TICK, .name = all_names[i], .text = text, .len = SIZE};
      const gint64 start = g_get_monotonic_time();
      dc_state_text_parse(state, &sample, NULL);
      g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
    }
  }
}

/* A sampler's tick: what is read each second must stay well below a millisecond. */
static void test_cost(void)
{
  static const char *const names[] = {"netstat", "snmp", "snmp6", "dev", "softnet_stat"};
  enum { TICKS = 200 };
  g_autoptr(DcState) state = dc_state_new();
  char *texts[G_N_ELEMENTS(names)];
  size_t lens[G_N_ELEMENTS(names)];
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *file = g_strconcat("after.", names[i], NULL);
    texts[i] = load(file, &lens[i]);
  }
  const gint64 start = g_get_monotonic_time();
  for (int64_t tick = 1; tick <= TICKS; tick++) {
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
      const DcSample sample = {
          .time_ns = tick * DC_NS_PER_S, .phase = DC_PHASE_TICK, .name = names[i], .text = texts[i], .len = lens[i]};
      g_assert_cmpint(dc_state_text_parse(state, &sample, NULL), ==, DC_STATE_TEXT_PARSED);
    }
  }
  const gint64 each = (g_get_monotonic_time() - start) / TICKS;
  g_test_message("a tick costs %" G_GINT64_FORMAT " us", each);
  /* generous: shared machines, sanitizers */
  g_assert_cmpint(each, <, 20000);
  const DcCounterStep step = dc_state_counter(state, "TcpExt.ListenOverflows", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  g_assert_cmpint(step.to_ns, ==, TICKS * DC_NS_PER_S);
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    g_free(texts[i]);
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
  g_test_add_func("/state-text/ptype", test_ptype);
  g_test_add_func("/state-text/packet", test_packet);
  g_test_add_func("/state-text/ss/all", test_ss);
  g_test_add_func("/state-text/ss/memory", test_ss_memory);
  g_test_add_func("/state-text/ss/layouts", test_ss_layouts);
  g_test_add_func("/state-text/ss/from-proc", test_ss_from_proc);
  g_test_add_func("/state-text/proc-sockets/all", test_proc_sockets);
  g_test_add_func("/state-text/proc-sockets/syn-recv", test_proc_syn_recv);
  g_test_add_func("/state-text/sysctl", test_sysctl);
  g_test_add_func("/state-text/addresses", test_addresses);
  g_test_add_func("/state-text/dmesg", test_dmesg);
  g_test_add_func("/state-text/uname", test_uname);
  g_test_add_func("/state-text/nft", test_nft);
  g_test_add_func("/state-text/iptables", test_iptables);
  g_test_add_func("/state-text/names", test_names);
  g_test_add_func("/state-text/hostile", test_hostile);
  g_test_add_func("/state-text/long-lines", test_long_lines);
  g_test_add_func("/state-text/cost", test_cost);
  return g_test_run();
}
