/* The settings that decide over packets, as `sysctl -a` prints them. */
#include "sample_private.h"

#include "dropcorr/base/error.h"

#include <dirent.h>
#include <string.h>

/* Below /proc/sys. A '*' stands for each directory there: the devices, "all" and "default". */
static const char *const paths[] = {
    "net/core/somaxconn",
    "net/core/netdev_max_backlog",
    "net/core/netdev_budget",
    "net/core/netdev_budget_usecs",
    "net/core/dev_weight",
    "net/core/flow_limit_cpu_bitmap",
    "net/core/flow_limit_table_len",
    "net/core/rps_sock_flow_entries",
    "net/core/rmem_default",
    "net/core/rmem_max",
    "net/core/wmem_default",
    "net/core/wmem_max",
    "net/core/optmem_max",
    "net/core/default_qdisc",
    "net/core/message_burst",
    "net/core/message_cost",
    "net/core/warnings",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_nonlocal_bind",
    "net/ipv4/ip_early_demux",
    "net/ipv4/ip_default_ttl",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/ip_local_reserved_ports",
    "net/ipv4/ipfrag_high_thresh",
    "net/ipv4/ipfrag_low_thresh",
    "net/ipv4/ipfrag_time",
    "net/ipv4/ipfrag_max_dist",
    "net/ipv4/icmp_echo_ignore_all",
    "net/ipv4/icmp_echo_ignore_broadcasts",
    "net/ipv4/icmp_ignore_bogus_error_responses",
    "net/ipv4/icmp_msgs_burst",
    "net/ipv4/icmp_msgs_per_sec",
    "net/ipv4/icmp_ratelimit",
    "net/ipv4/icmp_ratemask",
    "net/ipv4/neigh/default/gc_thresh1",
    "net/ipv4/neigh/default/gc_thresh2",
    "net/ipv4/neigh/default/gc_thresh3",
    "net/ipv4/neigh/default/unres_qlen",
    "net/ipv4/neigh/default/unres_qlen_bytes",
    "net/ipv4/ping_group_range",
    "net/ipv4/raw_l3mdev_accept",
    "net/ipv4/route/gc_thresh",
    "net/ipv4/route/max_size",
    "net/ipv4/tcp_abort_on_overflow",
    "net/ipv4/tcp_adv_win_scale",
    "net/ipv4/tcp_challenge_ack_limit",
    "net/ipv4/tcp_ecn",
    "net/ipv4/tcp_fastopen",
    "net/ipv4/tcp_fin_timeout",
    "net/ipv4/tcp_invalid_ratelimit",
    "net/ipv4/tcp_l3mdev_accept",
    "net/ipv4/tcp_max_orphans",
    "net/ipv4/tcp_max_syn_backlog",
    "net/ipv4/tcp_max_tw_buckets",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_migrate_req",
    "net/ipv4/tcp_min_snd_mss",
    "net/ipv4/tcp_moderate_rcvbuf",
    "net/ipv4/tcp_rfc1337",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_sack",
    "net/ipv4/tcp_shrink_window",
    "net/ipv4/tcp_syn_retries",
    "net/ipv4/tcp_synack_retries",
    "net/ipv4/tcp_syncookies",
    "net/ipv4/tcp_timestamps",
    "net/ipv4/tcp_tw_recycle",
    "net/ipv4/tcp_tw_reuse",
    "net/ipv4/tcp_window_scaling",
    "net/ipv4/tcp_wmem",
    "net/ipv4/udp_early_demux",
    "net/ipv4/udp_l3mdev_accept",
    "net/ipv4/udp_mem",
    "net/ipv4/udp_rmem_min",
    "net/ipv4/udp_wmem_min",
    "net/ipv4/conf/*/accept_local",
    "net/ipv4/conf/*/accept_source_route",
    "net/ipv4/conf/*/arp_filter",
    "net/ipv4/conf/*/arp_ignore",
    "net/ipv4/conf/*/disable_policy",
    "net/ipv4/conf/*/drop_unicast_in_l2_multicast",
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/*/log_martians",
    "net/ipv4/conf/*/mc_forwarding",
    "net/ipv4/conf/*/route_localnet",
    "net/ipv4/conf/*/rp_filter",
    "net/ipv4/conf/*/src_valid_mark",
    "net/ipv6/bindv6only",
    "net/ipv6/icmp/echo_ignore_all",
    "net/ipv6/icmp/ratelimit",
    "net/ipv6/ip6frag_high_thresh",
    "net/ipv6/ip6frag_low_thresh",
    "net/ipv6/ip6frag_time",
    "net/ipv6/neigh/default/gc_thresh1",
    "net/ipv6/neigh/default/gc_thresh2",
    "net/ipv6/neigh/default/gc_thresh3",
    "net/ipv6/neigh/default/unres_qlen_bytes",
    "net/ipv6/route/max_size",
    "net/ipv6/conf/*/accept_dad",
    "net/ipv6/conf/*/accept_source_route",
    "net/ipv6/conf/*/disable_ipv6",
    "net/ipv6/conf/*/disable_policy",
    "net/ipv6/conf/*/drop_unicast_in_l2_multicast",
    "net/ipv6/conf/*/forwarding",
    "net/bridge/bridge-nf-call-arptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-filter-vlan-tagged",
    "net/netfilter/nf_conntrack_buckets",
    "net/netfilter/nf_conntrack_checksum",
    "net/netfilter/nf_conntrack_count",
    "net/netfilter/nf_conntrack_generic_timeout",
    "net/netfilter/nf_conntrack_log_invalid",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/netfilter/nf_conntrack_tcp_loose",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "net/netfilter/nf_conntrack_tcp_timeout_syn_recv",
    "net/netfilter/nf_conntrack_tcp_timeout_time_wait",
    "net/netfilter/nf_conntrack_udp_timeout",
    "net/netfilter/nf_conntrack_udp_timeout_stream",
    "vm/min_free_kbytes",
};

/* The kernel's path as a name: '/' to '.', and a dot in a device's name to '/', as sysctl does. */
static void append_setting(GByteArray *buffer, const char *path, const char *value)
{
  g_autofree char *name = g_strdup(path);
  for (char *c = name; *c != '\0'; c++)
    *c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
  dc_sample_append(buffer, "%s = %s\n", name, value);
}

static void read_setting(const char *root, const char *path, GByteArray *buffer)
{
  char value[512];
  g_autofree char *full = g_strconcat(root, "/proc/sys/", path, NULL);
  if (dc_sample_value(full, value, sizeof value))
    append_setting(buffer, path, value);
}

/* "all" and "default" beside the devices */
enum { DIRECTORIES_MAX = DC_SAMPLE_DEVICES_MAX + 2 };

static GPtrArray *list_directories(const char *root, const char *path)
{
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *full = g_strconcat(root, "/proc/sys/", path, NULL);
  DIR *directory = opendir(full);
  const struct dirent *entry;
  while (directory != NULL && names->len < DIRECTORIES_MAX && (entry = readdir(directory)) != NULL) {
    if (entry->d_name[0] != '.')
      g_ptr_array_add(names, g_strdup(entry->d_name));
  }
  if (directory != NULL)
    closedir(directory);
  return names;
}

bool dc_sample_sysctls(const char *root, GByteArray *buffer, GError **error)
{
  const guint from = buffer->len;
  g_autoptr(GPtrArray) devices = NULL;
  g_autofree char *listed = NULL; /* the directory whose entries devices holds */
  for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
    const char *star = strchr(paths[i], '*');
    if (star == NULL) {
      read_setting(root, paths[i], buffer);
      continue;
    }
    g_autofree char *parent = g_strndup(paths[i], (gsize)(star - paths[i]));
    if (g_strcmp0(parent, listed) != 0) {
      g_clear_pointer(&devices, g_ptr_array_unref);
      devices = list_directories(root, parent);
      g_free(listed);
      listed = g_strdup(parent);
    }
    for (guint d = 0; d < devices->len; d++) {
      g_autofree char *path = g_strconcat(parent, g_ptr_array_index(devices, d), star + 1, NULL);
      read_setting(root, path, buffer);
    }
  }
  if (buffer->len > from)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_NOT_FOUND, "%s/proc/sys/net: nothing to read there", root);
  return false;
}
