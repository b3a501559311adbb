#include "drop_log_text.h"

static void test_current(void)
{
  g_autofree char *text = log_text_sample("retis.json");
  g_autoptr(LogText) log = log_text(text, "retis events", DC_LOG_CLOCK_REALTIME);
  g_assert_cmpuint(log->drops->len, ==, 2);
  g_assert_cmpuint(log->foreign, ==, 2); /* startup, a reception */
  const DcDrop *drop = log_text_drop(log, 0);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(1742309146691042000) + INT64_C(30419169457160));
  assert_site(drop, "__udp4_lib_rcv", 0x9a3, "NO_SOCKET");
  g_assert_cmphex(drop->skb, ==, UINT64_C(18446619372874143232)); /* beyond 63 bits */
  g_assert_cmpuint(drop->caplen, ==, 65u);
  g_assert_cmpuint(drop->orig_len, ==, 1065);
  g_assert_cmpint(drop->link, ==, DC_LINK_ETHERNET);
  g_assert_cmpint(drop->protocol, ==, 0x800);
  static const uint8_t begin[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
  g_assert_cmpint(memcmp(drop->bytes, begin, sizeof begin), ==, 0);
  DcPacket packet;
  dc_decode_packet(DC_LINK_ETHERNET, drop->bytes, drop->caplen, drop->orig_len, false, &packet);
  g_assert_cmpuint(packet.dst_port, ==, 5999);
  g_assert_cmpstr(drop->in_ifname, ==, "eth0");
  g_assert_cmpuint(drop->in_ifindex, ==, 2);
  drop = log_text_drop(log, 1);
  g_assert_cmpstr(drop->reason, ==, "OVS_DROP_EXPLICIT");
  g_assert_null(drop->symbol);
  g_assert_cmpuint(drop->caplen, ==, 0);
  g_assert_cmpint(drop->protocol, ==, -1);
  check_robust(text);
}

/* Without the startup event time is monotonic; events of a packet may share a line. */
static void test_old_and_sorted(void)
{
  g_autofree char *text = log_text_sample("retis-sorted-1.4.json");
  g_autoptr(LogText) log = log_text(text, "retis events", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 2);
  const DcDrop *drop = log_text_drop(log, 0);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(23868955449721));
  assert_addresses(drop, "10.0.0.2", "10.0.0.1");
  assert_ports(drop, 40002, 81);
  g_assert_cmphex(drop->packet.has & DC_HAS_TCP, !=, 0);
  g_assert_cmpuint(drop->packet.tcp_seq, ==, 222);
  g_assert_cmphex(drop->packet.tcp_flags, ==, DC_TCP_SYN);
  g_assert_cmpuint(drop->packet.ip_protocol, ==, 6);
  drop = log_text_drop(log, 1);
  assert_addresses(drop, "10.0.0.2", "10.0.0.1");
  g_assert_cmpuint(drop->packet.ip_protocol, ==, 1);
  g_assert_cmphex(drop->packet.has & DC_HAS_PORTS, ==, 0);
  g_assert_cmpstr(drop->in_ifname, ==, "eth0");
  check_damaged(text, 300);
}

static void test_hostile(void)
{
  static const char *const lines[] = {
      "{\"skb-drop\":{\"drop_reason\":7}}",
      "{\"common\":{\"timestamp\":-1},\"skb-drop\":{}}",
      "{\"common\":{\"timestamp\":99999999999999999999999999},\"skb-drop\":{}}",
      "{\"common\":{\"timestamp\":\"x\"},\"skb-drop\":[]}",
      "{\"common\":[],\"skb-drop\":{\"drop_reason\":\"X\"}}",
      "{\"common\":{\"timestamp\":1e999},\"skb-drop\":{}}",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
    g_autofree char *text =
        g_strdup_printf("{\"common\":{\"timestamp\":5},\"skb-drop\":{\"drop_reason\":\"A\"}}\n%s\n", lines[i]);
    g_autoptr(LogText) log = log_text(text, "retis events", DC_LOG_CLOCK_MONOTONIC);
    g_assert_cmpuint(log->drops->len, ==, 1);
    g_assert_cmpuint(log->skipped, ==, 1);
  }
  /* Nested as deep as the line allows: jansson stops by itself. */
  g_autoptr(GString) deep = g_string_new("{\"common\":{\"timestamp\":5},\"skb-drop\":{\"drop_reason\":\"A\"}}\n");
  for (int i = 0; i < 60000; i++)
    g_string_append_c(deep, i % 2 == 0 ? '[' : '{');
  g_string_append_c(deep, '\n');
  g_autoptr(LogText) log = log_text(deep->str, "retis events", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->skipped, ==, 1);
}

/* A line beyond 64 KiB is cut, and what is cut off is no line of its own. */
static void test_long_line(void)
{
  g_autoptr(GString) text = g_string_new("{\"common\":{\"timestamp\":5},\"skb-drop\":{\"drop_reason\":\"A\"}}\n");
  g_string_append(text, "{\"common\":{\"timestamp\":6},\"skb-drop\":{\"drop_reason\":\"");
  for (int i = 0; i < 70000; i++)
    g_string_append_c(text, 'B');
  g_string_append(text, "\"}}\n{\"common\":{\"timestamp\":7},\"skb-drop\":{\"drop_reason\":\"C\"}}\n");
  g_autoptr(LogText) log = log_text(text->str, "retis events", DC_LOG_CLOCK_MONOTONIC);
  g_assert_cmpuint(log->drops->len, ==, 2);
  g_assert_cmpstr(log_text_drop(log, 1)->reason, ==, "C");
  g_assert_cmpuint(log->skipped, ==, 1);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-retis/current", test_current);
  g_test_add_func("/drop-log-retis/old-and-sorted", test_old_and_sorted);
  g_test_add_func("/drop-log-retis/hostile", test_hostile);
  g_test_add_func("/drop-log-retis/long-line", test_long_line);
  return g_test_run();
}
