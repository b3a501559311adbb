/* DcState: handlers, settings, addresses, texts. */
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

/* --- handlers ------------------------------------------------------------------ */

static void test_handlers(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_has_handlers(state));
  /* a packet socket alone does not tell which protocols the kernel knows */
  dc_state_add_handler(state, &(DcProtocolHandler){0x88cc, "eth0", DC_HANDLER_PACKET_SOCKET});
  g_assert_false(dc_state_has_handlers(state));
  dc_state_add_handler(state, &(DcProtocolHandler){0x0800, "", "ip_rcv"});
  dc_state_add_handler(state, &(DcProtocolHandler){0x0800, "", "ip_rcv"});
  dc_state_add_handler(state, &(DcProtocolHandler){-1, "", "packet_rcv"});
  dc_state_add_handler(state, &(DcProtocolHandler){-1, "", DC_HANDLER_PACKET_SOCKET});
  dc_state_add_handler(state, &(DcProtocolHandler){-1, "eth1", "tpacket_rcv"});
  g_assert_true(dc_state_has_handlers(state));
  g_assert_cmpstr(dc_state_handler(state, 0x0800)->handler, ==, "ip_rcv");
  g_assert_cmpstr(dc_state_handler(state, 0x88cc)->device, ==, "eth0");
  g_assert_null(dc_state_handler(state, 0x0004));
  /* an unbound one is the better answer */
  dc_state_add_handler(state, &(DcProtocolHandler){0x88cc, "", "lldp_rcv"});
  g_assert_cmpstr(dc_state_handler(state, 0x88cc)->handler, ==, "lldp_rcv");
  size_t count;
  const DcProtocolHandler *taps = dc_state_taps(state, &count);
  g_assert_cmpuint(count, ==, 2);
  g_assert_cmpint(taps[0].ethertype, ==, -1);
  g_assert_cmpstr(taps[1].device, ==, "eth1");
}

/* --- settings, addresses, texts -------------------------------------------------------- */

static void test_sysctls(void)
{
  g_autoptr(DcState) state = dc_state_new();
  int64_t number = -9;
  g_assert_false(dc_state_has_sysctls(state));
  dc_state_set_sysctl(state, "net.ipv4.tcp_syncookies", "1");
  dc_state_set_sysctl(state, "net.ipv4.tcp_rmem", "4096\t131072\t6291456");
  dc_state_set_sysctl(state, "net.ipv4.conf.all.rp_filter", "-1");
  g_assert_true(dc_state_has_sysctls(state));
  g_assert_true(dc_state_sysctl_number(state, "net.ipv4.tcp_syncookies", &number));
  g_assert_cmpint(number, ==, 1);
  g_assert_false(dc_state_sysctl_number(state, "net.ipv4.tcp_rmem", &number));
  g_assert_false(dc_state_sysctl_number(state, "net.ipv4.none", &number));
  g_assert_cmpint(number, ==, 1);
  g_assert_true(dc_state_sysctl_number(state, "net.ipv4.conf.all.rp_filter", &number));
  g_assert_cmpint(number, ==, -1);
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.tcp_rmem"), ==, "4096 131072 6291456");
  dc_state_set_sysctl(state, "net.ipv4.tcp_syncookies", "0");
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.tcp_syncookies"), ==, "0");
  /* what is printed one day holds no control characters */
  dc_state_set_sysctl(state, "net.x", "a\033[31mb");
  g_assert_cmpstr(dc_state_sysctl(state, "net.x"), ==, "a?[31mb");
  g_autofree char *value = g_strnfill(5000, '7');
  dc_state_set_sysctl(state, "net.long", value);
  g_assert_cmpuint(strlen(dc_state_sysctl(state, "net.long")), ==, DC_STATE_VALUE_MAX - 1);
}

static void test_addresses(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_has_addresses(state));
  const DcAddr host = ip4(10, 0, 0, 1);
  const DcAddr loopback = ip4(127, 9, 9, 9);
  const DcAddr other = ip4(10, 0, 0, 77);
  const DcAddr broadcast = ip4(10, 0, 15, 255);
  const DcAddr limited = ip4(255, 255, 255, 255);
  const DcAddr host6 = ip6(0xfd, 1);
  dc_state_add_address(state, "eth0", &host, 20);
  dc_state_add_address(state, "eth0", &host6, 64);
  dc_state_add_address(state, "eth0", &(DcAddr){.version = 4}, 0);
  g_assert_true(dc_state_has_addresses(state));
  g_assert_true(dc_state_is_local_address(state, &host));
  g_assert_true(dc_state_is_local_address(state, &host6));
  g_assert_true(dc_state_is_local_address(state, &loopback));
  g_assert_false(dc_state_is_local_address(state, &other));
  g_assert_false(dc_state_is_local_address(state, &broadcast));
  g_assert_false(dc_state_is_local_address(state, &(DcAddr){.version = 4}));
  g_assert_true(dc_state_is_broadcast_address(state, &broadcast));
  g_assert_true(dc_state_is_broadcast_address(state, &limited));
  g_assert_false(dc_state_is_broadcast_address(state, &other));

  const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
  const uint8_t zero[6] = {0};
  dc_state_add_mac(state, "eth0", 4, mac);
  dc_state_add_mac(state, "lo", 1, zero);
  g_assert_true(dc_state_is_local_mac(state, mac));
  g_assert_false(dc_state_is_local_mac(state, zero));
  g_assert_cmpstr(dc_state_device_name(state, 4), ==, "eth0");
  g_assert_cmpstr(dc_state_device_name(state, 1), ==, "lo");
  g_assert_null(dc_state_device_name(state, 0));
  g_assert_null(dc_state_device_name(state, 9));
  dc_state_add_mac(state, "wan", 4, mac); /* renamed */
  g_assert_cmpstr(dc_state_device_name(state, 4), ==, "wan");
}

static void test_texts(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_null(dc_state_text(state, "nft"));
  dc_state_set_text(state, "nft", "table\0inet", 10);
  g_assert_cmpstr(dc_state_text(state, "nft"), ==, "table?inet");
  dc_state_set_text(state, "nft", NULL, 0);
  g_assert_cmpstr(dc_state_text(state, "nft"), ==, "");
  g_autofree char *big = g_strnfill(DC_STATE_TEXT_MAX + 100, 'x');
  dc_state_set_text(state, "route", big, DC_STATE_TEXT_MAX + 100);
  g_assert_cmpuint(strlen(dc_state_text(state, "route")), ==, DC_STATE_TEXT_MAX);
  g_assert_cmpuint(dc_state_refused(state), ==, 1);
  /* many large ones: the last do not fit, replacing one that is there does */
  char name[32];
  for (unsigned i = 0; i < DC_STATE_TEXTS_TOTAL_MAX / DC_STATE_TEXT_MAX; i++) {
    g_snprintf(name, sizeof name, "ethtool_i_%u", i);
    dc_state_set_text(state, name, big, DC_STATE_TEXT_MAX);
  }
  g_assert_cmpuint(dc_state_refused(state), ==, 2);
  g_assert_null(dc_state_text(state, name));
  dc_state_set_text(state, "route", big, DC_STATE_TEXT_MAX);
  g_assert_cmpuint(dc_state_refused(state), ==, 2);
}

static void check_release(const char *text, const char *release, uint32_t version)
{
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_text(state, "uname", text, strlen(text));
  g_assert_cmpstr(dc_state_kernel_release(state), ==, release);
  g_assert_cmphex(dc_state_kernel_version(state), ==, version);
}

static void test_kernel_release(void)
{
  check_release("Linux (none) 6.1.0-56-cloud-amd64 #1 SMP Debian 6.1.192-2 x86_64 GNU/Linux\n", "6.1.0-56-cloud-amd64",
                0x060100);
  check_release("Linux version 3.10.0-1160.el7.x86_64 (mockbuild@host) (gcc version 4.8.5)\n", "3.10.0-1160.el7.x86_64",
                0x030a00);
  check_release("6.18.44\n", "6.18.44", 0x061200);
  check_release("Linux 10.0.0.1 5.10.0 #1", "5.10.0", 0x050a00);
  check_release("FreeBSD\n", NULL, 0);
  check_release("", NULL, 0);
  check_release("6", NULL, 0);
  check_release("Linux a", NULL, 0);
}

static void add_line(DcState *state, const char *line)
{
  dc_state_add_kernel_line(state, line, strlen(line));
}

static void test_kernel_lines(void)
{
  g_autoptr(DcState) state = dc_state_new();
  char line[128];
  add_line(state, "[    9.5] TCP: Possible SYN flooding on port 80. Sending cookies.");
  for (int i = 0; i < 1000; i++) {
    g_snprintf(line, sizeof line, "[%5d.%06d] nf_conntrack: table full, dropping packet", i, i * 7);
    add_line(state, line);
  }
  add_line(state, "[    9.5] TCP: Possible SYN flooding on port 80. Sending cookies.");
  size_t count;
  const char *const *lines = dc_state_kernel_lines(state, &count);
  /* a flood of one kind does not push out the others; its first and its last are there */
  g_assert_cmpuint(count, ==, 1 + DC_STATE_KERNEL_LINES_ALIKE);
  g_assert_nonnull(strstr(lines[0], "flooding"));
  g_assert_nonnull(strstr(lines[1], "[    0.000000]"));
  g_assert_nonnull(strstr(lines[count - 1], "[  999.006993]"));

  for (int i = 0; i < 1000; i++) {
    g_autofree char *kind = g_strnfill((gsize)(i % 200) + 1, 'z');
    add_line(state, kind);
  }
  dc_state_kernel_lines(state, &count);
  g_assert_cmpuint(count, ==, DC_STATE_KERNEL_LINES_MAX);

  g_autoptr(DcState) other = dc_state_new();
  dc_state_add_kernel_line(other, "a\033b\nc", 5);
  dc_state_add_kernel_line(other, "", 0);
  lines = dc_state_kernel_lines(other, &count);
  g_assert_cmpuint(count, ==, 1);
  g_assert_cmpstr(lines[0], ==, "a?b?c");
}

static void test_seen(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_seen(state, "softnet_stat"));
  dc_state_mark_seen(state, "softnet_stat", DC_PHASE_ONCE, DC_TIME_NONE);
  g_assert_true(dc_state_seen(state, "softnet_stat"));
  dc_state_begin_object(state, "nft", DC_PHASE_BEFORE, DC_TIME_NONE, true);
  dc_state_drop_object(state);
  g_assert_false(dc_state_seen(state, "nft"));
  dc_state_free(NULL);

  /* As new as asked for; files bear no time and are taken as they are. */
  g_assert_false(dc_state_seen_since(state, "udp", 10));
  dc_state_begin_object(state, "udp", DC_PHASE_TICK, 9, false);
  dc_state_end_object(state, true);
  g_assert_false(dc_state_seen_since(state, "udp", 10));
  g_assert_true(dc_state_seen_since(state, "udp", 9));
  dc_state_begin_object(state, "udp", DC_PHASE_AFTER, DC_TIME_NONE, false);
  dc_state_end_object(state, true);
  g_assert_true(dc_state_seen_since(state, "udp", 10));
  g_assert_true(dc_state_seen_since(state, "softnet_stat", 10));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/handlers", test_handlers);
  g_test_add_func("/state/sysctls", test_sysctls);
  g_test_add_func("/state/addresses", test_addresses);
  g_test_add_func("/state/texts", test_texts);
  g_test_add_func("/state/kernel-release", test_kernel_release);
  g_test_add_func("/state/kernel-lines", test_kernel_lines);
  g_test_add_func("/state/seen", test_seen);
  return g_test_run();
}
