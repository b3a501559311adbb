#include "dropcorr/decode/packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Values of pcap/dlt.h, which a layer that reads no captures does not include. The raw
 * IP type has two numbers: 12 in memory on Linux, 101 in files. */
enum {
  DLT_NUMBER_NULL = 0,
  DLT_NUMBER_EN10MB = 1,
  DLT_NUMBER_RAW = 12,
  DLT_NUMBER_RAW_FILE = 101,
  DLT_NUMBER_LOOP = 108,
  DLT_NUMBER_LINUX_SLL = 113,
  DLT_NUMBER_IPV4 = 228,
  DLT_NUMBER_IPV6 = 229,
  DLT_NUMBER_LINUX_SLL2 = 276
};

DcLink dc_link_from_dlt(int dlt)
{
  switch (dlt) {
  case DLT_NUMBER_EN10MB:
    return DC_LINK_ETHERNET;
  case DLT_NUMBER_LINUX_SLL:
    return DC_LINK_SLL;
  case DLT_NUMBER_LINUX_SLL2:
    return DC_LINK_SLL2;
  case DLT_NUMBER_RAW:
  case DLT_NUMBER_RAW_FILE:
  case DLT_NUMBER_IPV4:
  case DLT_NUMBER_IPV6:
    return DC_LINK_RAW;
  case DLT_NUMBER_NULL:
  case DLT_NUMBER_LOOP:
    return DC_LINK_NULL;
  default:
    return DC_LINK_UNKNOWN;
  }
}

int dc_link_to_dlt(DcLink link)
{
  switch (link) {
  case DC_LINK_ETHERNET:
    return DLT_NUMBER_EN10MB;
  case DC_LINK_SLL:
    return DLT_NUMBER_LINUX_SLL;
  case DC_LINK_SLL2:
    return DLT_NUMBER_LINUX_SLL2;
  case DC_LINK_RAW:
    return DLT_NUMBER_RAW;
  case DC_LINK_NULL:
    return DLT_NUMBER_NULL;
  case DC_LINK_UNKNOWN:
    break;
  }
  return -1;
}

/* libpcap's names, as tcpdump prints them. */
const char *dc_link_name(DcLink link)
{
  switch (link) {
  case DC_LINK_ETHERNET:
    return "EN10MB";
  case DC_LINK_SLL:
    return "LINUX_SLL";
  case DC_LINK_SLL2:
    return "LINUX_SLL2";
  case DC_LINK_RAW:
    return "RAW";
  case DC_LINK_NULL:
    return "NULL";
  case DC_LINK_UNKNOWN:
    break;
  }
  return "unknown";
}

/* IANA's keywords in small letters. */
const char *dc_ip_protocol_name(uint8_t protocol, char scratch[static 4])
{
  static const char *const names[256] = {
      [0] = "hopopt",      [1] = "icmp",         [2] = "igmp",
      [4] = "ipv4",        [6] = "tcp",          [17] = "udp",
      [33] = "dccp",       [41] = "ipv6",        [43] = "ipv6-route",
      [44] = "ipv6-frag",  [46] = "rsvp",        [47] = "gre",
      [50] = "esp",        [51] = "ah",          [58] = "ipv6-icmp",
      [59] = "ipv6-nonxt", [60] = "ipv6-opts",   [88] = "eigrp",
      [89] = "ospf",       [94] = "ipip",        [97] = "etherip",
      [103] = "pim",       [108] = "ipcomp",     [112] = "vrrp",
      [115] = "l2tp",      [132] = "sctp",       [135] = "mobility-header",
      [136] = "udplite",   [137] = "mpls-in-ip",
  };
  if (names[protocol] != NULL)
    return names[protocol];
  snprintf(scratch, 4, "%u", (unsigned)protocol);
  return scratch;
}

const char *dc_addr_format(const DcAddr *addr, char text[static DC_ADDR_TEXT_MAX])
{
  text[0] = '\0';
  if (addr->version == 4)
    inet_ntop(AF_INET, addr->bytes, text, DC_ADDR_TEXT_MAX);
  else if (addr->version == 6)
    inet_ntop(AF_INET6, addr->bytes, text, DC_ADDR_TEXT_MAX);
  return text;
}

bool dc_addr_parse(const char *text, DcAddr *ret_addr)
{
  DcAddr addr = {0};
  if (inet_pton(AF_INET, text, addr.bytes) == 1)
    addr.version = 4;
  else if (inet_pton(AF_INET6, text, addr.bytes) == 1)
    addr.version = 6;
  else
    return false;
  *ret_addr = addr;
  return true;
}

const char *dc_mac_format(const uint8_t mac[6], char text[static DC_MAC_TEXT_MAX])
{
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < 6; i++) {
    text[3 * i] = digits[mac[i] >> 4];
    text[3 * i + 1] = digits[mac[i] & 0x0f];
    text[3 * i + 2] = i < 5 ? ':' : '\0';
  }
  return text;
}

static int hex_value(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/* Six bytes of one or two digits between colons or dashes. */
bool dc_mac_parse(const char *text, uint8_t ret_mac[6])
{
  uint8_t mac[6];
  for (size_t i = 0; i < 6; i++) {
    int value = hex_value(*text);
    if (value < 0)
      return false;
    text++;
    const int low = hex_value(*text);
    if (low >= 0) {
      value = value * 16 + low;
      text++;
    }
    mac[i] = (uint8_t)value;
    if (i < 5 ? *text != ':' && *text != '-' : *text != '\0')
      return false;
    text++;
  }
  memcpy(ret_mac, mac, sizeof mac);
  return true;
}
