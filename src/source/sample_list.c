#include "dropcorr/source/sample_list.h"

#include "sample_private.h"

#include "dropcorr/base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* One row per object; rows without path have a reader below. */
static const DcSampleObject objects[] = {
    /* what a second's tick reads: a few kilobytes, some 50 us */
    {.name = "netstat", .path = "/proc/net/netstat", .is_counters = true},
    {.name = "snmp", .path = "/proc/net/snmp", .is_counters = true},
    {.name = "snmp6", .path = "/proc/net/snmp6", .is_counters = true},
    {.name = "softnet_stat", .path = "/proc/net/softnet_stat", .is_counters = true},
    {.name = "dev", .path = "/proc/net/dev", .is_counters = true},
    {.name = "sockstat", .path = "/proc/net/sockstat", .is_counters = true},
    {.name = "rt_cache", .path = "/proc/net/stat/rt_cache", .is_counters = true},
    {.name = "nf_conntrack_stat", .path = "/proc/net/stat/nf_conntrack", .is_counters = true},
    {.name = "arp_cache", .path = "/proc/net/stat/arp_cache", .is_counters = true},
    {.name = "ndisc_cache", .path = "/proc/net/stat/ndisc_cache", .is_counters = true},
    {.name = "sys", .is_counters = true, .per_device = true},
    /* counters, too, but some drivers ask the card's firmware for thousands of them under the RTNL lock */
    {.name = "ethtool_S", .per_device = true},
    {.name = "ethtool_g", .per_device = true},
    {.name = "ethtool_i", .per_device = true},
    /* names of devices first: /proc/net/packet knows their numbers only */
    {.name = "if_addrs"},
    {.name = "ptype", .path = "/proc/net/ptype"},
    {.name = "packet", .path = "/proc/net/packet"},
    {.name = "sockstat6", .path = "/proc/net/sockstat6"},
    {.name = "udp", .path = "/proc/net/udp"},
    {.name = "udp6", .path = "/proc/net/udp6"},
    {.name = "tcp", .path = "/proc/net/tcp"},
    {.name = "tcp6", .path = "/proc/net/tcp6"},
    {.name = "raw", .path = "/proc/net/raw"},
    {.name = "raw6", .path = "/proc/net/raw6"},
    {.name = "ss_m", .needs = DC_SAMPLE_NEEDS_PTRACE},
    {.name = "sysctl"},
    {.name = "uname"},
    {.name = "dmesg", .needs = DC_SAMPLE_NEEDS_SYSLOG},
    {.name = "nft", .runs_command = true, .needs = DC_SAMPLE_NEEDS_ADMIN},
    {.name = "iptables-save", .runs_command = true, .needs = DC_SAMPLE_NEEDS_ADMIN},
    {.name = "ip6tables-save", .runs_command = true, .needs = DC_SAMPLE_NEEDS_ADMIN},
};

const DcSampleObject *dc_sample_objects(size_t *ret_count)
{
  *ret_count = G_N_ELEMENTS(objects);
  return objects;
}

const DcSampleObject *dc_sample_object(const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(objects); i++) {
    if (strcmp(objects[i].name, name) == 0)
      return &objects[i];
  }
  return NULL;
}

char *dc_sample_name(const DcSampleObject *object, const char *device)
{
  return device != NULL ? g_strdup_printf("%s_%s", object->name, device) : g_strdup(object->name);
}

/* --- files -------------------------------------------------------------------- */

void dc_sample_error(GError **error, const char *object, int error_number)
{
  DcErrorCode code = DC_ERROR_IO;
  if (error_number == ENOENT || error_number == ENODEV || error_number == ENXIO)
    code = DC_ERROR_NOT_FOUND;
  else if (error_number == EACCES || error_number == EPERM)
    code = DC_ERROR_PERMISSION;
  else if (error_number == EOPNOTSUPP || error_number == ENOSYS || error_number == EAFNOSUPPORT ||
           error_number == EPROTONOSUPPORT)
    code = DC_ERROR_UNSUPPORTED;
  g_set_error(error, DC_ERROR, (int)code, "%s: %s", object, g_strerror(error_number));
}

void dc_sample_append(GByteArray *buffer, const char *format, ...)
{
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  const int n = g_vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (n > 0)
    g_byte_array_append(buffer, (const guint8 *)text, MIN((guint)n, (guint)sizeof text - 1));
}

/* Cuts what was added beyond `from` to the last whole line. */
static void cut_at_line(GByteArray *buffer, guint from)
{
  guint len = buffer->len;
  while (len > from && buffer->data[len - 1] != '\n')
    len--;
  g_byte_array_set_size(buffer, len);
}

bool dc_sample_file(const char *path, GByteArray *buffer, GError **error)
{
  /* no blocking on what is no plain file, should root be a hostile directory */
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    dc_sample_error(error, path, errno);
    return false;
  }
  const guint from = buffer->len;
  enum { CHUNK = 32768 };
  ssize_t got = 1;
  while (got != 0 && buffer->len - from < DC_SAMPLE_SIZE_MAX) {
    const guint at = buffer->len;
    g_byte_array_set_size(buffer, at + CHUNK);
    do
      got = read(fd, buffer->data + at, CHUNK);
    while (got < 0 && errno == EINTR);
    g_byte_array_set_size(buffer, at + (got > 0 ? (guint)got : 0));
    if (got < 0) {
      dc_sample_error(error, path, errno);
      g_byte_array_set_size(buffer, from);
      close(fd);
      return false;
    }
  }
  close(fd);
  if (got != 0)
    cut_at_line(buffer, from);
  return true;
}

bool dc_sample_value(const char *path, char *value, size_t size)
{
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return false;
  const ssize_t got = read(fd, value, size - 1);
  close(fd);
  if (got < 0)
    return false;
  value[got] = '\0';
  value[strcspn(value, "\n")] = '\0';
  return true;
}

static int compare_strings(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **dc_sample_devices(const char *root, GError **error)
{
  g_autofree char *path = g_strconcat(root, "/sys/class/net", NULL);
  DIR *directory = opendir(path);
  if (directory == NULL) {
    dc_sample_error(error, path, errno);
    return NULL;
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  const struct dirent *entry;
  while (names->len < DC_SAMPLE_DEVICES_MAX && (entry = readdir(directory)) != NULL) {
    /* bonding_masters is a file among them */
    if (entry->d_name[0] != '.' && entry->d_type != DT_REG)
      g_ptr_array_add(names, g_strdup(entry->d_name));
  }
  closedir(directory);
  g_ptr_array_sort(names, compare_strings);
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

/* --- the objects ------------------------------------------------------------------ */

static bool unsupported(const DcSampleObject *object, GError **error)
{
  g_set_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED, "%s: can be asked of the running host only", object->name);
  return false;
}

/*
 * The rules of iptables-nft stand in nft's listing. The old kernel tables are asked for only where some exist:
 * asking makes the kernel load them, and an observer changes nothing. Without them there is no sample: an empty
 * one would read as "no rule drops anything".
 */
static bool read_legacy_iptables(const char *names_path, const char *const *command, GByteArray *buffer, GError **error)
{
  char names[64];
  if (!dc_sample_value(names_path, names, sizeof names)) {
    dc_sample_error(error, names_path, errno);
    return false;
  }
  if (names[0] == '\0') {
    dc_sample_error(error, names_path, ENOENT);
    return false;
  }
  return dc_sample_command(command, buffer, error);
}

static bool read_running(const DcSampleObject *object, GByteArray *buffer, GError **error)
{
  static const char *const nft[] = {"nft", "-a", "list", "ruleset", NULL};
  static const char *const iptables[] = {"iptables-save", "-c", NULL};
  static const char *const ip6tables[] = {"ip6tables-save", "-c", NULL};
  if (strcmp(object->name, "if_addrs") == 0)
    return dc_sample_addresses(buffer, error);
  if (strcmp(object->name, "uname") == 0)
    return dc_sample_uname(buffer, error);
  if (strcmp(object->name, "dmesg") == 0)
    return dc_sample_kernel_log(buffer, error);
  if (strcmp(object->name, "ss_m") == 0)
    return dc_sample_sockets(buffer, error);
  if (strcmp(object->name, "nft") == 0)
    return dc_sample_command(nft, buffer, error);
  if (strcmp(object->name, "iptables-save") == 0)
    return read_legacy_iptables("/proc/net/ip_tables_names", iptables, buffer, error);
  if (strcmp(object->name, "ip6tables-save") == 0)
    return read_legacy_iptables("/proc/net/ip6_tables_names", ip6tables, buffer, error);
  return unsupported(object, error);
}

bool dc_sample_read(const DcSampleObject *object, const char *root, GByteArray *buffer, GError **error)
{
  if (object->path != NULL) {
    g_autofree char *path = g_strconcat(root, object->path, NULL);
    return dc_sample_file(path, buffer, error);
  }
  if (strcmp(object->name, "sysctl") == 0)
    return dc_sample_sysctls(root, buffer, error);
  return root[0] == '\0' && !object->per_device ? read_running(object, buffer, error) : unsupported(object, error);
}

bool dc_sample_read_device(const DcSampleObject *object, const char *root, const char *device, GByteArray *buffer,
                           GError **error)
{
  if (device[0] == '\0' || strchr(device, '/') != NULL || strcmp(device, ".") == 0 || strcmp(device, "..") == 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_NOT_FOUND, "%s: no name of a device", device);
    return false;
  }
  if (strcmp(object->name, "sys") == 0)
    return dc_sample_statistics(root, device, buffer, error);
  if (root[0] != '\0')
    return unsupported(object, error);
  if (strcmp(object->name, "ethtool_S") == 0)
    return dc_sample_ethtool_stats(device, buffer, error);
  if (strcmp(object->name, "ethtool_g") == 0)
    return dc_sample_ethtool_ring(device, buffer, error);
  if (strcmp(object->name, "ethtool_i") == 0)
    return dc_sample_ethtool_driver(device, buffer, error);
  return unsupported(object, error);
}
