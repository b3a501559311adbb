#include "drop_log_text.h"

#define AT(hours, minutes, seconds) (((hours)*3600 + (minutes)*60 + (seconds)) * DC_NS_PER_S)
#define DAY_NS (INT64_C(86400) * DC_NS_PER_S)

static void test_bcc(void)
{
  g_autofree char *text = log_text_sample("bcc-tcpdrop.txt");
  g_autoptr(LogText) log = log_text(text, "bcc tcpdrop", DC_LOG_CLOCK_TIME_OF_DAY);
  g_assert_cmpuint(log->drops->len, ==, 3);
  g_assert_cmpuint(log->skipped, ==, 0);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "nft_do_chain", 0x93c, "NETFILTER_DROP");
  assert_addresses(drop, "192.0.2.10", "10.0.0.1");
  assert_ports(drop, 40001, 8089);
  g_assert_cmpuint(drop->packet.ip_protocol, ==, 6);
  g_assert_cmphex(drop->packet.has & DC_HAS_TCP_FLAGS, !=, 0);
  g_assert_cmphex(drop->packet.has & DC_HAS_TCP, ==, 0); /* no sequence number */
  g_assert_cmphex(drop->packet.tcp_flags, ==, DC_TCP_SYN);
  g_assert_cmpint(drop->protocol, ==, 0x800);
  /* the whole second, and a little lateness, is where it happened */
  g_assert_cmpint(drop->time_ns, ==, AT(INT64_C(23), 59, 59));
  g_assert_cmpint(drop->precision_ns, >=, DC_NS_PER_S);
  g_assert_cmpint(drop->precision_ns, <, 2 * DC_NS_PER_S);
  drop = log_text_drop(log, 1);
  assert_site(drop, "tcp_data_queue_ofo", 0x5a3, "TCP_OFOMERGE");
  assert_addresses(drop, "fd00::2", "fd00::1");
  g_assert_cmpint(drop->protocol, ==, 0x86dd);
  g_assert_cmphex(drop->packet.tcp_flags, ==, DC_TCP_PSH | DC_TCP_ACK);
  drop = log_text_drop(log, 2); /* past midnight */
  g_assert_cmpint(drop->time_ns, ==, DAY_NS + AT(INT64_C(0), 0, 4));
  assert_site(drop, "tcp_v4_rcv", 0x157, NULL);
  check_robust(text);
}

/* Answers that a firewall keeps from leaving, as Debian's tools tell of them: bcc prints an IPv6 socket's peer first.
 */
static void check_answers(const char *file, const char *format)
{
  static const char *const kernels[] = {"6.1", "6.12"};
  for (size_t i = 0; i < G_N_ELEMENTS(kernels); i++) {
    g_autofree char *path = g_strdup_printf(GOLDEN_DIR "/lab-bpf-%s/%s", kernels[i], file), *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_autoptr(LogText) log = log_text(text, format, DC_LOG_CLOCK_TIME_OF_DAY);
    guint answers = 0, six = 0;
    for (guint at = 0; at < log->drops->len; at++) {
      const DcDrop *drop = log_text_drop(log, at);
      if (drop->packet.src_port != 2223 && drop->packet.src_port != 2224)
        continue;
      answers++;
      six += drop->packet.src.version == 6;
      assert_site(drop, "nft_do_chain", i == 0 ? 0x47f : 0x40e, NULL);
      if (drop->packet.src.version == 6)
        assert_addresses(drop, "fd00::1", "fd00::2");
      else
        assert_addresses(drop, "10.0.0.1", "10.0.0.2");
    }
    g_assert_cmpuint(answers, >=, 20);
    g_assert_cmpuint(six, >=, 3);
  }
}

static void test_answers(void)
{
  check_answers("bcc-tcpdrop.txt", "bcc tcpdrop");
  check_answers("bpftrace-tcpdrop.txt", "bpftrace tcpdrop.bt");
}

static void test_bcc_without_reason(void)
{
  g_autofree char *text = log_text_sample("bcc-tcpdrop-2018.txt");
  g_autoptr(LogText) log = log_text(text, "bcc tcpdrop", DC_LOG_CLOCK_TIME_OF_DAY);
  g_assert_cmpuint(log->drops->len, ==, 2);
  assert_site(log_text_drop(log, 0), "tcp_v4_do_rcv", 0x135, NULL);
  g_assert_cmphex(log_text_drop(log, 1)->packet.tcp_flags, ==, DC_TCP_RST | DC_TCP_ACK);
  check_robust(text);
}

static void test_libbpf(void)
{
  g_autofree char *text = log_text_sample("libbpf-tcpdrop.txt");
  g_autoptr(LogText) log = log_text(text, "bcc tcpdrop", DC_LOG_CLOCK_TIME_OF_DAY);
  g_assert_cmpuint(log->drops->len, ==, 1);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "tcp_v4_rcv", 0, "NO_SOCKET");
  g_assert_cmphex(drop->pc, ==, 0xffffffff82033a51);
  /* boot time and uptime in whole seconds each: up to two seconds later than printed */
  g_assert_cmpint(drop->time_ns, ==, AT(INT64_C(14), 46, 51));
  g_assert_cmpint(drop->precision_ns, >=, 2 * DC_NS_PER_S);
  check_robust(text);
}

static void test_bpftrace(void)
{
  g_autofree char *text = log_text_sample("bpftrace-tcpdrop.txt");
  g_autoptr(LogText) log = log_text(text, "bpftrace tcpdrop.bt", DC_LOG_CLOCK_TIME_OF_DAY);
  g_assert_cmpuint(log->drops->len, ==, 9);
  g_assert_cmpuint(log->skipped, ==, 0);
  /* On the receiving side the socket's own address is the destination; IPv4 behind an IPv6 socket is IPv4.
   * The stack goes through transmit functions below (veth), but the innermost one receives. */
  const DcDrop *drop = log_text_drop(log, 0);
  assert_addresses(drop, "10.9.0.1", "10.9.0.2");
  assert_ports(drop, 37594, 8089);
  g_assert_cmpint(drop->protocol, ==, 0x800);
  assert_site(drop, "nft_do_chain", 1000, NULL); /* offsets are decimal */
  drop = log_text_drop(log, 1);
  assert_addresses(drop, "fd09::1", "fd09::2");
  assert_ports(drop, 53092, 8089);
  /* On the sending side it is the source. */
  drop = log_text_drop(log, 6);
  assert_addresses(drop, "10.9.0.1", "10.9.0.2");
  assert_ports(drop, 37594, 8089);
  g_assert_cmpint(drop->time_ns, ==, AT(INT64_C(11), 59, 35));
  check_robust(text);
}

static void test_bpftrace_forms(void)
{
  static const char text[] =
      "Attaching 3 probes...\n"
      "TIME     PID      COMM             SADDR:SPORT           DADDR:DPORT           STATE\n"
      "00:39:21 0        swapper/2         10.231.244.31:3306     10.229.20.82:50552  ESTABLISHE\n"
      "\ttcp_drop+0x1\n"
      "\ttcp_v4_do_rcv+0x135\n"
      "00:39:22 7        Web Content       10.231.244.31:3306     10.229.20.82:50553  \n"
      "\n"
      "        sk_stream_kill_queues+87\n"
      "00:39:23 7        nginx             0.0.0.0:80             0.0.0.0:0           LISTEN\n"
      "\ttcp_v4_do_rcv+10\n"
      "00:39:24 7        nginx             127.0.0.1:0            127.0.0.1:8089      CLOSE\n"
      "Lost 26 events\n"
      "00:39:25 7        nginx             127.0.0.1:0\n";
  g_autoptr(LogText) log = log_text(text, "bpftrace tcpdrop.bt", DC_LOG_CLOCK_TIME_OF_DAY);
  g_assert_cmpuint(log->drops->len, ==, 4);
  assert_site(log_text_drop(log, 0), "tcp_v4_do_rcv", 0x135, NULL);
  assert_ports(log_text_drop(log, 0), 50552, 3306);
  assert_site(log_text_drop(log, 1), "sk_stream_kill_queues", 87, NULL);
  assert_ports(log_text_drop(log, 1), 50553, 3306);
  g_assert_cmphex(log_text_drop(log, 2)->packet.has, ==, 0); /* a listener has no peer */
  g_assert_cmpint(log_text_drop(log, 2)->protocol, ==, 0x800);
  assert_addresses(log_text_drop(log, 3), "127.0.0.1", "127.0.0.1");
  g_assert_cmphex(log_text_drop(log, 3)->packet.has & DC_HAS_PORTS, ==, 0); /* a closed socket has no port */
  g_assert_cmpuint(log->losses->len, ==, 1);
  g_assert_cmpuint(log->skipped, ==, 1);
}

/* The port a bpftrace log of the sending side names: source is the socket's own. */
static void test_bpftrace_sending(void)
{
  static const char text[] = "00:39:21 1        curl              10.0.0.1:40000     10.0.0.2:443        SYN_SENT\n"
                             "        sk_skb_reason_drop+144\n"
                             "        nft_do_chain+1000\n"
                             "        nf_hook_slow+67\n"
                             "        __ip_local_out+213\n"
                             "        __ip_queue_xmit+363\n"
                             "        __tcp_transmit_skb+2576\n"
                             "        tcp_v4_do_rcv+20\n";
  g_autoptr(LogText) log = log_text(text, "bpftrace tcpdrop.bt", DC_LOG_CLOCK_TIME_OF_DAY);
  assert_addresses(log_text_drop(log, 0), "10.0.0.1", "10.0.0.2");
  assert_ports(log_text_drop(log, 0), 40000, 443);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-tcpdrop/bcc", test_bcc);
  g_test_add_func("/drop-log-tcpdrop/answers", test_answers);
  g_test_add_func("/drop-log-tcpdrop/bcc-without-reason", test_bcc_without_reason);
  g_test_add_func("/drop-log-tcpdrop/libbpf", test_libbpf);
  g_test_add_func("/drop-log-tcpdrop/bpftrace", test_bpftrace);
  g_test_add_func("/drop-log-tcpdrop/bpftrace-forms", test_bpftrace_forms);
  g_test_add_func("/drop-log-tcpdrop/bpftrace-sending", test_bpftrace_sending);
  return g_test_run();
}
