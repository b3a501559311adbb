/* Interfaces: sysfs statistics, ethtool's ioctl (linux/ethtool.h, in the form of the tool's output), addresses. */
#include "sample_private.h"

#include "dropcorr/base/error.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- sysfs ---------------------------------------------------------------------- */

bool dc_sample_statistics(const char *root, const char *device, GByteArray *buffer, GError **error)
{
  g_autofree char *path = g_strdup_printf("%s/sys/class/net/%s/statistics", root, device);
  DIR *directory = opendir(path);
  if (directory == NULL) {
    dc_sample_error(error, path, errno);
    return false;
  }
  enum { FILES_MAX = 128 };
  const struct dirent *entry;
  for (size_t i = 0; i < FILES_MAX && (entry = readdir(directory)) != NULL; i++) {
    char value[32];
    g_autofree char *file = g_strdup_printf("%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.' && dc_sample_value(file, value, sizeof value))
      dc_sample_append(buffer, "%s %s\n", entry->d_name, value);
  }
  closedir(directory);
  return true;
}

/* --- ethtool ---------------------------------------------------------------------- */

static bool ask_ethtool(const char *device, void *command, GError **error)
{
  struct ifreq request = {0};
  if (strlen(device) >= sizeof request.ifr_name) {
    dc_sample_error(error, device, ENODEV);
    return false;
  }
  memcpy(request.ifr_name, device, strlen(device));
  request.ifr_data = command;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool good = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0;
  if (!good)
    dc_sample_error(error, device, errno);
  if (fd >= 0)
    close(fd);
  return good;
}

static uint32_t count_stats(const char *device, GError **error)
{
  /* a mask of one string set is answered by one number behind it */
  g_autofree struct ethtool_sset_info *info = g_malloc0(sizeof *info + sizeof info->data[0]);
  info->cmd = ETHTOOL_GSSET_INFO;
  info->sset_mask = UINT64_C(1) << ETH_SS_STATS;
  if (!ask_ethtool(device, info, error))
    return 0;
  if (info->sset_mask == 0) {
    dc_sample_error(error, device, EOPNOTSUPP);
    return 0;
  }
  return info->data[0];
}

bool dc_sample_ethtool_stats(const char *device, GByteArray *buffer, GError **error)
{
  enum { STATS_MAX = 16384 };
  const uint32_t count = count_stats(device, error);
  if (count == 0 || count > STATS_MAX) {
    if (error != NULL && *error == NULL)
      dc_sample_error(error, device, EOPNOTSUPP);
    return false;
  }
  g_autofree struct ethtool_gstrings *names = g_malloc0(sizeof *names + (gsize)count * ETH_GSTRING_LEN);
  g_autofree struct ethtool_stats *stats = g_malloc0(sizeof *stats + (gsize)count * sizeof(uint64_t));
  *names = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = count};
  *stats = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = count};
  if (!ask_ethtool(device, names, error) || !ask_ethtool(device, stats, error))
    return false;
  dc_sample_append(buffer, "NIC statistics:\n");
  for (uint32_t i = 0; i < MIN(names->len, stats->n_stats); i++) {
    const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;
    const int len = (int)strnlen(name, ETH_GSTRING_LEN);
    if (len > 0)
      dc_sample_append(buffer, "     %.*s: %" G_GUINT64_FORMAT "\n", len, name, (guint64)stats->data[i]);
  }
  return true;
}

bool dc_sample_ethtool_ring(const char *device, GByteArray *buffer, GError **error)
{
  struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
  if (!ask_ethtool(device, &ring, error))
    return false;
  dc_sample_append(buffer,
                   "Ring parameters for %s:\n"
                   "Pre-set maximums:\nRX: %u\nRX Mini: %u\nRX Jumbo: %u\nTX: %u\n"
                   "Current hardware settings:\nRX: %u\nRX Mini: %u\nRX Jumbo: %u\nTX: %u\n",
                   device, ring.rx_max_pending, ring.rx_mini_max_pending, ring.rx_jumbo_max_pending,
                   ring.tx_max_pending, ring.rx_pending, ring.rx_mini_pending, ring.rx_jumbo_pending, ring.tx_pending);
  return true;
}

bool dc_sample_ethtool_driver(const char *device, GByteArray *buffer, GError **error)
{
  struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
  if (!ask_ethtool(device, &info, error))
    return false;
  dc_sample_append(buffer, "driver: %.*s\nversion: %.*s\nfirmware-version: %.*s\nbus-info: %.*s\n",
                   (int)sizeof info.driver, info.driver, (int)sizeof info.version, info.version,
                   (int)sizeof info.fw_version, info.fw_version, (int)sizeof info.bus_info, info.bus_info);
  return true;
}

/* --- addresses ----------------------------------------------------------------------- */

static unsigned mask_length(const void *mask, size_t len)
{
  const uint8_t *bytes = mask;
  unsigned bits = 0;
  for (size_t i = 0; i < len; i++)
    bits += (unsigned)__builtin_popcount(bytes[i]);
  return bits;
}

/* " 192.0.2.2/24" */
static void append_address(GString *line, const struct ifaddrs *entry)
{
  char text[INET6_ADDRSTRLEN];
  const int family = entry->ifa_addr->sa_family;
  if (family == AF_INET) {
    struct sockaddr_in addr;
    struct sockaddr_in mask;
    memcpy(&addr, entry->ifa_addr, sizeof addr);
    memset(&mask, 0xff, sizeof mask);
    if (entry->ifa_netmask != NULL)
      memcpy(&mask, entry->ifa_netmask, sizeof mask);
    if (inet_ntop(AF_INET, &addr.sin_addr, text, sizeof text) != NULL)
      g_string_append_printf(line, " %s/%u", text, mask_length(&mask.sin_addr, 4));
  } else if (family == AF_INET6) {
    struct sockaddr_in6 addr;
    struct sockaddr_in6 mask;
    memcpy(&addr, entry->ifa_addr, sizeof addr);
    memset(&mask, 0xff, sizeof mask);
    if (entry->ifa_netmask != NULL)
      memcpy(&mask, entry->ifa_netmask, sizeof mask);
    if (inet_ntop(AF_INET6, &addr.sin6_addr, text, sizeof text) != NULL)
      g_string_append_printf(line, " %s/%u", text, mask_length(&mask.sin6_addr, 16));
  }
}

/* "2 eth0 02:fc:00:00:00:01": every interface has one AF_PACKET entry, and it comes first */
static void append_device(GString *line, const struct ifaddrs *entry)
{
  struct sockaddr_ll link;
  memcpy(&link, entry->ifa_addr, sizeof link);
  g_string_append_printf(line, "%d %s ", link.sll_ifindex, entry->ifa_name);
  const uint8_t *mac = link.sll_addr;
  if (link.sll_halen == 6)
    g_string_append_printf(line, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  else
    g_string_append(line, "-");
}

/* net/bridge/br_if.c makes that folder. */
static bool is_bridge_port(const char *name)
{
  g_autofree char *path = g_strdup_printf("/sys/class/net/%s/brport", name);
  const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0)
    close(folder);
  return folder >= 0;
}

static void free_line(gpointer line)
{
  g_string_free(line, TRUE);
}

bool dc_sample_addresses(GByteArray *buffer, GError **error)
{
  struct ifaddrs *list = NULL;
  if (getifaddrs(&list) != 0) {
    dc_sample_error(error, "addresses of interfaces", errno);
    return false;
  }
  g_autoptr(GHashTable) by_name = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(free_line);
  for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next) {
    if (entry->ifa_addr == NULL)
      continue;
    /* "eth0:1" is an alias of eth0 */
    g_autofree char *name = g_strndup(entry->ifa_name, strcspn(entry->ifa_name, ":"));
    GString *line = g_hash_table_lookup(by_name, name);
    if (entry->ifa_addr->sa_family == AF_PACKET && line == NULL) {
      line = g_string_new(NULL);
      append_device(line, entry);
      g_hash_table_insert(by_name, entry->ifa_name, line);
      g_ptr_array_add(lines, line);
    } else if (line != NULL) {
      append_address(line, entry);
    }
  }
  GHashTableIter iter;
  gpointer name, line_of;
  g_hash_table_iter_init(&iter, by_name);
  while (g_hash_table_iter_next(&iter, &name, &line_of))
    if (is_bridge_port(name))
      g_string_append(line_of, " bridge-port");
  for (guint i = 0; i < lines->len && buffer->len < DC_SAMPLE_SIZE_MAX; i++) {
    GString *line = g_ptr_array_index(lines, i);
    g_string_append_c(line, '\n');
    g_byte_array_append(buffer, (const guint8 *)line->str, (guint)line->len);
  }
  freeifaddrs(list);
  return true;
}
