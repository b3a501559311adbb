/* Who this host is: interfaces and addresses, for telling directions; and the list of -D. */
#include "dropcorr/base/error.h"
#include "live_private.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <pcap/pcap.h>
#include <string.h>

#define INTERFACES_MAX 1024
#define ADDRESSES_MAX 4096

static void add_interface(const struct ifaddrs *at, GArray *interfaces, DcStrings *strings)
{
  struct sockaddr_ll address;
  memcpy(&address, at->ifa_addr, sizeof address);
  DcLiveInterface interface = {.name = dc_strings_add(strings, at->ifa_name, strlen(at->ifa_name)),
                               .ifindex = (uint32_t)address.sll_ifindex};
  static const uint8_t none[6];
  if (address.sll_halen == 6 && memcmp(address.sll_addr, none, 6) != 0) {
    memcpy(interface.mac, address.sll_addr, 6);
    interface.has_mac = true;
  }
  if (interfaces->len < INTERFACES_MAX)
    g_array_append_val(interfaces, interface);
}

static void add_address(const struct sockaddr *from, GArray *addresses)
{
  DcAddr addr = {0};
  if (from->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, from, sizeof in);
    addr.version = 4;
    memcpy(addr.bytes, &in.sin_addr, 4);
  } else {
    struct sockaddr_in6 in6;
    memcpy(&in6, from, sizeof in6);
    addr.version = 6;
    memcpy(addr.bytes, &in6.sin6_addr, 16);
  }
  for (guint i = 0; i < addresses->len; i++) {
    if (dc_addr_equal(&g_array_index(addresses, DcAddr, i), &addr))
      return;
  }
  if (addresses->len < ADDRESSES_MAX)
    g_array_append_val(addresses, addr);
}

void dc_live_identity(const char *interface, GArray *interfaces, GArray *addresses, DcStrings *strings)
{
  struct ifaddrs *list = NULL;
  if (getifaddrs(&list) != 0)
    return;
  const bool all = strcmp(interface, "any") == 0;
  for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
    if (at->ifa_addr == NULL)
      continue;
    if (at->ifa_addr->sa_family == AF_PACKET && (all || strcmp(at->ifa_name, interface) == 0))
      add_interface(at, interfaces, strings);
    else if (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6)
      add_address(at->ifa_addr, addresses);
  }
  freeifaddrs(list);
}

/* Flags in tcpdump's words. */
static char *flag_words(const pcap_if_t *interface)
{
  g_autoptr(GString) words = g_string_new(NULL);
  static const struct {
    bpf_u_int32 flag;
    const char *word;
  } table[] = {
      {PCAP_IF_UP, "Up"}, {PCAP_IF_RUNNING, "Running"}, {PCAP_IF_LOOPBACK, "Loopback"}, {PCAP_IF_WIRELESS, "Wireless"}};
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    if ((interface->flags & table[i].flag) != 0)
      g_string_append_printf(words, "%s%s", words->len > 0 ? ", " : "", table[i].word);
  }
  return g_string_free(g_steal_pointer(&words), FALSE);
}

char **dc_live_interfaces(GError **error)
{
  char text[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t *list = NULL;
  if (pcap_findalldevs(&list, text) != 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "interfaces: %s", text);
    return NULL;
  }
  g_autoptr(GPtrArray) lines = g_ptr_array_new();
  unsigned number = 1;
  for (const pcap_if_t *at = list; at != NULL; at = at->next) {
    /* Devices that are no network interface (usbmon, nflog, dbus) have no packets of a socket. */
    if (if_nametoindex(at->name) == 0 && strcmp(at->name, "any") != 0)
      continue;
    g_autofree char *words = flag_words(at);
    g_ptr_array_add(lines, g_strdup_printf("%u.%s%s%s%s [%s]", number++, at->name, at->description != NULL ? " (" : "",
                                           at->description != NULL ? at->description : "",
                                           at->description != NULL ? ")" : "", words));
  }
  pcap_freealldevs(list);
  g_ptr_array_add(lines, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&lines), FALSE);
}
