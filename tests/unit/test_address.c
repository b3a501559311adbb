#include "dropcorr/decode/packet.h"

#include <glib.h>

static void assert_addr(const DcAddr *addr, const char *text)
{
  char scratch[DC_ADDR_TEXT_MAX];
  g_assert_cmpstr(dc_addr_format(addr, scratch), ==, text);
}

static void test_links(void)
{
  static const int dlts[] = {1, 113, 276, 12, 0};
  for (size_t i = 0; i < G_N_ELEMENTS(dlts); i++)
    g_assert_cmpint(dc_link_to_dlt(dc_link_from_dlt(dlts[i])), ==, dlts[i]);
  g_assert_cmpint(dc_link_from_dlt(253), ==, DC_LINK_UNKNOWN); /* DLT_NETLINK */
  g_assert_cmpint(dc_link_from_dlt(101), ==, DC_LINK_RAW);     /* LINKTYPE_RAW */
}

static void test_protocols(void)
{
  char scratch[4];
  g_assert_cmpstr(dc_ip_protocol_name(6, scratch), ==, "tcp");
  g_assert_cmpstr(dc_ip_protocol_name(17, scratch), ==, "udp");
  g_assert_cmpstr(dc_ip_protocol_name(58, scratch), ==, "ipv6-icmp");
  g_assert_cmpstr(dc_ip_protocol_name(253, scratch), ==, "253");
}

static void test_addresses(void)
{
  DcAddr addr;
  g_assert_true(dc_addr_parse("10.0.0.1", &addr));
  g_assert_cmpuint(addr.version, ==, 4);
  g_assert_cmpuint(addr.bytes[0], ==, 10);
  g_assert_cmpuint(addr.bytes[4], ==, 0);
  assert_addr(&addr, "10.0.0.1");
  g_assert_true(dc_addr_parse("fe80::1", &addr));
  assert_addr(&addr, "fe80::1");
  const DcAddr before = addr;
  g_assert_false(dc_addr_parse("10.0.0", &addr));
  g_assert_false(dc_addr_parse("", &addr));
  g_assert_true(dc_addr_equal(&addr, &before));
  assert_addr(&(DcAddr){0}, "");
  g_assert_true(dc_addr_parse("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", &addr)); /* the longest form */
}

static void test_macs(void)
{
  uint8_t mac[6] = {9, 9, 9, 9, 9, 9};
  char text[DC_MAC_TEXT_MAX];
  g_assert_true(dc_mac_parse("02:0a:FF:00:1:e", mac));
  g_assert_cmpstr(dc_mac_format(mac, text), ==, "02:0a:ff:00:01:0e");
  g_assert_true(dc_mac_parse("02-00-00-00-00-01", mac));
  static const char *const bad[] = {"",
                                    "02:00:00:00:00",
                                    "02:00:00:00:00:00:00",
                                    "02:00:00:00:00:0g",
                                    "0200:00:00:00:00",
                                    "02:00:00:00:00:00 ",
                                    ":00:00:00:00:00"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(dc_mac_parse(bad[i], mac));
  g_assert_cmpstr(dc_mac_format(mac, text), ==, "02:00:00:00:00:01");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/address/links", test_links);
  g_test_add_func("/address/protocols", test_protocols);
  g_test_add_func("/address/addresses", test_addresses);
  g_test_add_func("/address/macs", test_macs);
  return g_test_run();
}
