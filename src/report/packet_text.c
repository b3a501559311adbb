/* What a packet is called: in one line for people, and by ECS's words. */
#include "wording.h"

#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { ETHERTYPE_802_3 = 0x0001, ETHERTYPE_LLC = 0x0004, SAP_STP = 0x42, SAP_ISO = 0xfe, SAP_NETBIOS = 0xf0 };

bool dc_brief_addresses(const DcBrief *brief, DcAddr *ret_src, DcAddr *ret_dst)
{
  if (!(brief->has & (DC_HAS_IP | DC_HAS_ARP)))
    return false;
  const uint8_t version =
      brief->has & DC_HAS_IP ? brief->flow.ip_version : 4; /* ARP for IPv4 is all the decoder takes */
  *ret_src = (DcAddr){.version = version};
  *ret_dst = (DcAddr){.version = version};
  memcpy(ret_src->bytes, brief->flow.src, sizeof ret_src->bytes);
  memcpy(ret_dst->bytes, brief->flow.dst, sizeof ret_dst->bytes);
  return version != 0;
}

/* Ethertypes a Linux host meets without taking them, and the common ones it takes. */
static const char *ethertype_name(uint16_t ethertype)
{
  switch (ethertype) {
  case 0x0800:
    return "ipv4";
  case 0x86dd:
    return "ipv6";
  case 0x0806:
    return "arp";
  case ETHERTYPE_802_3:
    return "802.3";
  case ETHERTYPE_LLC:
    return "llc";
  case 0x8035:
    return "rarp";
  case 0x8100:
    return "vlan";
  case 0x88a8:
    return "qinq";
  case 0x8137:
    return "ipx";
  case 0x8808:
    return "mac-control";
  case 0x8809:
    return "slow-protocols";
  case 0x8847:
  case 0x8848:
    return "mpls";
  case 0x8863:
    return "pppoe-discovery";
  case 0x8864:
    return "pppoe-session";
  case 0x888e:
    return "eapol";
  case 0x88cc:
    return "lldp";
  case 0x88e5:
    return "macsec";
  case 0x88f7:
    return "ptp";
  case 0x8902:
    return "cfm";
  case 0x8906:
    return "fcoe";
  case 0x9000:
    return "loopback-test";
  default:
    return NULL;
  }
}

const char *dc_brief_network_type(const DcBrief *brief)
{
  if (brief->has & DC_HAS_IP)
    return brief->flow.ip_version == 6 ? "ipv6" : "ipv4";
  if (brief->has & DC_HAS_ARP)
    return "arp";
  return brief->has & DC_HAS_ETHERTYPE ? ethertype_name(brief->flow.ethertype) : NULL;
}

const char *dc_tcp_flags_text(uint8_t flags, char text[static 12])
{
  static const struct {
    uint8_t bit;
    char letter;
  } LETTERS[] = {{DC_TCP_FIN, 'F'}, {DC_TCP_SYN, 'S'}, {DC_TCP_RST, 'R'}, {DC_TCP_PSH, 'P'},
                 {DC_TCP_URG, 'U'}, {0x40, 'E'},       {0x80, 'W'},       {DC_TCP_ACK, '.'}};
  size_t n = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(LETTERS); i++)
    if (flags & LETTERS[i].bit)
      text[n++] = LETTERS[i].letter;
  if (n == 0)
    return "none";
  text[n] = '\0';
  return text;
}

const char *dc_port_name(uint16_t port)
{
  static const struct {
    uint16_t port;
    const char *name;
  } NAMES[] = {{20, "ftp-data"},       {21, "ftp"},         {22, "ssh"},           {23, "telnet"},
               {25, "smtp"},           {53, "domain"},      {67, "bootps"},        {68, "bootpc"},
               {69, "tftp"},           {80, "http"},        {88, "kerberos"},      {110, "pop3"},
               {111, "sunrpc"},        {123, "ntp"},        {137, "netbios-ns"},   {138, "netbios-dgm"},
               {139, "netbios-ssn"},   {143, "imap"},       {161, "snmp"},         {162, "snmp-trap"},
               {179, "bgp"},           {389, "ldap"},       {443, "https"},        {445, "smb"},
               {465, "submissions"},   {500, "isakmp"},     {514, "syslog"},       {546, "dhcpv6-client"},
               {547, "dhcpv6-server"}, {587, "submission"}, {636, "ldaps"},        {853, "domain-s"},
               {873, "rsync"},         {993, "imaps"},      {995, "pop3s"},        {1194, "openvpn"},
               {1812, "radius"},       {1900, "ssdp"},      {2049, "nfs"},         {3260, "iscsi"},
               {3306, "mysql"},        {3389, "rdp"},       {4500, "ipsec-nat-t"}, {4789, "vxlan"},
               {5353, "mdns"},         {5355, "llmnr"},     {5432, "postgresql"},  {6379, "redis"},
               {6443, "kube-api"},     {8080, "http-alt"},  {8472, "otv"},         {9092, "kafka"},
               {11211, "memcache"},    {51820, "wireguard"}};
  size_t low = 0, high = G_N_ELEMENTS(NAMES);
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (NAMES[middle].port == port)
      return NAMES[middle].name;
    if (NAMES[middle].port < port)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

const char *dc_transport_text(uint8_t protocol, char text[static 24])
{
  if (protocol == IPPROTO_ICMPV6)
    return "ICMPv6";
  char scratch[4];
  const char *name = dc_ip_protocol_name(protocol, scratch);
  if (g_ascii_isdigit(name[0]))
    snprintf(text, 24, "protocol %u", (unsigned)protocol);
  else
    g_strlcpy(text, name, 24);
  if (strlen(text) <= 4) /* abbreviations; longer names are words */
    for (char *c = text; *c != '\0'; c++)
      *c = g_ascii_toupper(*c);
  return text;
}

/* A bounded line: what does not fit is cut. */
typedef struct {
  char *text;
  size_t size, len;
} Line;

G_GNUC_PRINTF(2, 3) static void add(Line *line, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(line->text + line->len, line->size - line->len, format, arguments);
  va_end(arguments);
  if (n > 0)
    line->len = MIN(line->len + (size_t)n, line->size - 1);
}

static void add_endpoint(Line *line, const DcAddr *addr, bool with_port, uint16_t port, bool numeric)
{
  char text[DC_ADDR_TEXT_MAX];
  const char *address = dc_addr_format(addr, text);
  if (!with_port) {
    add(line, "%s", address);
    return;
  }
  add(line, addr->version == 6 ? "[%s]:" : "%s:", address);
  const char *name = numeric ? NULL : dc_port_name(port);
  if (name != NULL)
    add(line, "%s", name);
  else
    add(line, "%u", (unsigned)port);
}

/* RFC 792 and 4443: the types a host meets; the rest as numbers. */
static void add_icmp(Line *line, bool v6, uint8_t type, uint8_t code)
{
  static const struct {
    bool v6;
    uint8_t type;
    const char *name;
  } NAMES[] = {{false, 0, "echo reply"},
               {false, 3, "unreachable"},
               {false, 5, "redirect"},
               {false, 8, "echo request"},
               {false, 11, "time exceeded"},
               {false, 12, "parameter problem"},
               {true, 1, "unreachable"},
               {true, 2, "packet too big"},
               {true, 3, "time exceeded"},
               {true, 4, "parameter problem"},
               {true, 128, "echo request"},
               {true, 129, "echo reply"},
               {true, 130, "listener query"},
               {true, 131, "listener report"},
               {true, 132, "listener done"},
               {true, 133, "router solicitation"},
               {true, 134, "router advertisement"},
               {true, 135, "neighbour solicitation"},
               {true, 136, "neighbour advertisement"},
               {true, 143, "listener report v2"}};
  for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++)
    if (NAMES[i].v6 == v6 && NAMES[i].type == type) {
      add(line, " %s", NAMES[i].name);
      if (code != 0 || type == (v6 ? 1 : 3))
        add(line, " (code %u)", (unsigned)code);
      return;
    }
  add(line, " type %u code %u", (unsigned)type, (unsigned)code);
}

static void add_ip(Line *line, const DcBrief *brief, bool numeric)
{
  DcAddr src, dst;
  if (!dc_brief_addresses(brief, &src, &dst))
    return;
  const bool ports = (brief->has & DC_HAS_PORTS) != 0;
  add_endpoint(line, &src, ports, brief->flow.src_port, numeric);
  add(line, " > ");
  add_endpoint(line, &dst, ports, brief->flow.dst_port, numeric);
  char scratch[24];
  const char *name = dc_transport_text(brief->flow.protocol, scratch);
  add(line, ": %s", name);
  if (brief->has & DC_HAS_TCP) {
    char flags[12];
    add(line, " %s", dc_tcp_flags_text(brief->tcp_flags, flags));
  }
  if (brief->has & DC_HAS_ICMP)
    add_icmp(line, brief->flow.ip_version == 6, brief->icmp_type, brief->icmp_code);
  if (brief->has & DC_HAS_FRAGMENT)
    add(line, ", fragment");
  if (brief->ip_checksum == DC_CHECKSUM_BAD)
    add(line, ", bad IP checksum");
  if (brief->l4_checksum == DC_CHECKSUM_BAD)
    add(line, ", bad %s checksum", name);
}

static void add_link(Line *line, const DcBrief *brief)
{
  char src[DC_MAC_TEXT_MAX], dst[DC_MAC_TEXT_MAX];
  if (brief->has & DC_HAS_MAC)
    add(line, "%s > %s: ", dc_mac_format(brief->src_mac, src), dc_mac_format(brief->dst_mac, dst));
  if (brief->has & DC_HAS_LLC) {
    add(line, "802.3 LLC SAP 0x%02x", (unsigned)brief->llc_dsap);
    if (brief->llc_dsap == SAP_STP)
      add(line, " (STP)");
    return;
  }
  if (!(brief->has & DC_HAS_ETHERTYPE)) {
    add(line, "no protocol decoded");
    return;
  }
  add(line, "ethertype 0x%04x", (unsigned)brief->flow.ethertype);
  const char *name = ethertype_name(brief->flow.ethertype);
  if (name != NULL)
    add(line, " (%s)", name);
}

const char *dc_packet_text(const DcBrief *brief, bool numeric, char text[static DC_PACKET_TEXT_MAX])
{
  Line line = {.text = text, .size = DC_PACKET_TEXT_MAX};
  text[0] = '\0';
  if (brief->vlan_count > 0)
    add(&line, "vlan %u, ", (unsigned)brief->vlan);
  DcAddr src, dst;
  if (brief->has & DC_HAS_IP) {
    add_ip(&line, brief, numeric);
  } else if (brief->has & DC_HAS_ARP && dc_brief_addresses(brief, &src, &dst)) {
    add_endpoint(&line, &src, false, 0, true);
    add(&line, " > ");
    add_endpoint(&line, &dst, false, 0, true);
    add(&line, ": ARP");
  } else {
    add_link(&line, brief);
  }
  if (brief->len > 0)
    add(&line, ", %" G_GUINT32_FORMAT " bytes", brief->len);
  return text;
}
