/* Checks that weigh settings, listings and the kernel log beside counters. */
#include "checklist_private.h"
#include "rules_private.h"

#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

static const char *conf(const DcCheckInput *input, const char *family, const char *scope, const char *setting)
{
  char name[128];
  g_snprintf(name, sizeof name, "net.%s.conf.%s.%s", family, scope, setting);
  return dc_state_sysctl(input->state, name);
}

/* --- policy --------------------------------------------------------------------------- */

static bool check_netfilter(const DcCheckInput *input, DcCheck *check)
{
  uint32_t dropping;
  const bool listed = dc_ruleset_dropping(input->state, &dropping);
  const bool nft = dc_state_text(input->state, "nft") != NULL || dc_state_text(input->state, "nft.json") != NULL;
  const char *from = nft ? "nft" : "iptables-save";
  if (listed && dropping == 0) {
    dc_check_set(check, DC_CHECK_RULED_OUT, "no rule or policy drops or rejects (%s)", from);
  } else if (!listed) {
    if (input->have_drops)
      dc_check_set(check, DC_CHECK_RULED_OUT, "no drop event of the firewall");
    else
      dc_check_set(check, DC_CHECK_NOT_CHECKED, "no nft or iptables-save in the context");
  } else if (input->have_drops) {
    dc_check_set(check, DC_CHECK_RULED_OUT, "%u rule%s or polic%s drop%s (%s), but no drop event of the firewall",
                 dropping, dropping == 1 ? "" : "s", dropping == 1 ? "y" : "ies", dropping == 1 ? "s" : "", from);
  } else {
    dc_check_set(check, DC_CHECK_NOT_CHECKED,
                 "%u rule%s or polic%s drop%s (%s); no drop events to tell whether they did", dropping,
                 dropping == 1 ? "" : "s", dropping == 1 ? "y" : "ies", dropping == 1 ? "s" : "", from);
  }
  return true;
}

static bool check_conntrack_full(const DcCheckInput *input, DcCheck *check)
{
  g_autoptr(GString) counters = g_string_new(NULL);
  uint64_t value;
  const DcCounterSeen drop = dc_check_counter(input, "conntrack.drop", counters, &value);
  const DcCounterSeen early = dc_check_counter(input, "conntrack.early_drop", counters, &value);
  int64_t count = 0, max = 0;
  const bool sized = dc_state_sysctl_number(input->state, "net.netfilter.nf_conntrack_count", &count) &&
                     (dc_state_sysctl_number(input->state, "net.netfilter.nf_conntrack_max", &max) ||
                      dc_state_sysctl_number(input->state, "net.nf_conntrack_max", &max)) &&
                     max > 0;
  g_autofree char *size =
      sized ? g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, count, max) : g_strdup("");
  const char *separator = sized && counters->len > 0 ? ", " : "";
  const bool said = dc_rule_kernel_says(input->state, "table full");
  if (drop == DC_COUNTER_MOVED || early == DC_COUNTER_MOVED)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s%s%s", size, separator, counters->str);
  else if (sized && count >= max)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s%s%s", size, separator, counters->str);
  else if (said && drop != DC_COUNTER_STILL)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s%skernel log: table full, dropping packet", size, sized ? ", " : "");
  else if (sized || drop == DC_COUNTER_STILL)
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s%s%s", size, separator, counters->str);
  else if (counters->len > 0)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "%s: a single sample does not say when", counters->str);
  else
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "no nf_conntrack_count in the context");
  return true;
}

static bool check_tc(const DcCheckInput *input, DcCheck *check)
{
  const char *text = dc_state_text(input->state, "tc");
  if (text == NULL || strstr(text, "ingress") != NULL || strstr(text, "clsact") != NULL ||
      strstr(text, "parent ffff:") != NULL)
    return false;
  dc_check_set(check, DC_CHECK_RULED_OUT, "no ingress qdisc (tc)");
  return true;
}

/* A program in driver mode drops before anything else sees the packet. */
static bool check_xdp(const DcCheckInput *input, DcCheck *check)
{
  static const char *const texts[] = {"link", "addr"};
  bool listed = false;
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    const char *text = dc_state_text(input->state, texts[i]);
    if (text == NULL)
      continue;
    listed = true;
    if (strstr(text, "prog/xdp") != NULL) {
      dc_check_set(check, DC_CHECK_NOT_CHECKED, "a program is attached; its drops in driver mode give no event");
      return true;
    }
  }
  if (listed)
    dc_check_set(check, DC_CHECK_RULED_OUT, "no XDP program on any interface (ip link)");
  return listed;
}

/* --- device --------------------------------------------------------------------------- */

typedef struct {
  const DcCheckInput *input;
  const char *prefix;
  GString *moved, *still;
  uint64_t worst;
  bool seen, framed;
} RingScan;

/* Names of drivers: rx_missed_errors, rx_no_buffer_count, rx_out_of_buffer, rx_queue_0_drops, rx0_nobuf... */
bool dc_check_speaks_of_ring(const char *name)
{
  static const char *const words[] = {"rx_fifo",   "rx_missed",     "rx_over",   "no_buf",         "nobuf",
                                      "no_buffer", "out_of_buffer", "rx_no_dma", "buff_alloc_err", "rx_discards_phy"};
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    if (strstr(name, words[i]) != NULL)
      return true;
  return g_str_has_prefix(name, "rx_queue_") && g_str_has_suffix(name, "_drops");
}

static void scan_ring(const char *name, const DcCounterStep *whole, void *data)
{
  RingScan *scan = data;
  if (!g_str_has_prefix(name, scan->prefix) || !dc_check_speaks_of_ring(name + strlen(scan->prefix)))
    return;
  uint64_t value = whole->known ? whole->step : whole->last;
  if (!whole->known && !dc_state_counter_value(scan->input->state, name, &value))
    return;
  if (!whole->known && value == 0 && scan->seen)
    return; /* a single sample says less than those already listed */
  scan->seen = true;
  scan->framed = scan->framed || whole->known;
  GString *into = value > 0 ? scan->moved : scan->still;
  if (into->len < 120)
    g_string_append_printf(into, "%s%s %s%" G_GUINT64_FORMAT, into->len > 0 ? ", " : "", name, whole->known ? "+" : "",
                           value);
  if (whole->known)
    scan->worst = MAX(scan->worst, value);
}

static bool check_ring(const DcCheckInput *input, DcCheck *check)
{
  if (input->interface == NULL)
    return false;
  g_autoptr(GString) moved = g_string_new(NULL);
  g_autoptr(GString) still = g_string_new(NULL);
  RingScan scan = {.input = input, .moved = moved, .still = still};
  static const char *const sources[] = {"sys", "dev", "ethtool"};
  for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
    g_autofree char *prefix = g_strdup_printf("%s.%s.", sources[i], input->interface);
    scan.prefix = prefix;
    dc_state_each_counter(input->state, scan_ring, &scan);
  }
  g_autofree char *size_name = g_strdup_printf("ethtool_g.%s.rx", input->interface);
  g_autofree char *max_name = g_strdup_printf("ethtool_g.%s.rx_max", input->interface);
  uint64_t size, max;
  g_autofree char *ring =
      dc_state_counter_value(input->state, size_name, &size) && dc_state_counter_value(input->state, max_name, &max)
          ? g_strdup_printf(", ring %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT, size, max)
          : g_strdup("");
  if (!scan.seen)
    return false;
  if (scan.worst > 0)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s%s", moved->str, ring);
  else if (moved->len > 0 && !scan.framed)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "%s since boot%s: a single sample does not say when", moved->str, ring);
  else
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s%s", still->len > 0 ? still->str : moved->str, ring);
  return true;
}

static bool check_backlog(const DcCheckInput *input, DcCheck *check)
{
  g_autoptr(GString) text = g_string_new(NULL);
  uint64_t value = 0;
  const DcCounterSeen seen = dc_check_counter(input, "softnet.dropped", text, &value);
  if (seen == DC_COUNTER_UNSEEN)
    return false;
  const char *limit = dc_state_sysctl(input->state, "net.core.netdev_max_backlog");
  if (limit != NULL)
    g_string_append_printf(text, ", netdev_max_backlog %s", limit);
  const bool in = seen == DC_COUNTER_MOVED;
  const bool open = seen == DC_COUNTER_ONCE && value > 0;
  dc_check_set(check,
               in     ? DC_CHECK_RULED_IN
               : open ? DC_CHECK_NOT_CHECKED
                      : DC_CHECK_RULED_OUT,
               "%s%s", text->str, open ? ": a single sample does not say when" : "");
  return true;
}

static bool check_handler(const DcCheckInput *input, DcCheck *check)
{
  if (dc_state_has_handlers(input->state))
    dc_check_set(check, DC_CHECK_RULED_OUT, "every ethertype that came in has a handler (ptype)");
  else
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "no ptype in the context");
  return true;
}

static bool check_llc(const DcCheckInput *input, DcCheck *check)
{
  if (!dc_state_has_handlers(input->state) || dc_state_handler(input->state, 0x0004) != NULL)
    return false;
  dc_check_set(check, DC_CHECK_RULED_OUT, "llc is not loaded (ptype)");
  return true;
}

/* --- IP --------------------------------------------------------------------------------- */

static bool check_rp_filter(const DcCheckInput *input, DcCheck *check)
{
  const char *all = conf(input, "ipv4", "all", "rp_filter");
  const char *own = input->interface != NULL ? conf(input, "ipv4", input->interface, "rp_filter") : NULL;
  const bool off = all != NULL && own != NULL && strcmp(all, "0") == 0 && strcmp(own, "0") == 0;
  g_autoptr(GString) text = g_string_new(NULL);
  if (own != NULL && all != NULL) {
    const char *larger = strcmp(all, own) > 0 ? all : own; /* single digits */
    g_string_append_printf(text, "rp_filter %s on %s", larger, input->interface);
  } else if (all != NULL) {
    g_string_append_printf(text, "rp_filter %s for all", all);
  }
  uint64_t value = 0;
  const DcCounterSeen seen = dc_check_counter(input, "TcpExt.IPReversePathFilter", text, &value);
  if (seen == DC_COUNTER_MOVED)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s", text->str);
  else if (off || seen == DC_COUNTER_STILL || (seen == DC_COUNTER_ONCE && value == 0))
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s", text->str);
  else if (input->have_drops)
    return false;
  else if (text->len > 0)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "%s; no netstat before and after to tell whether it dropped", text->str);
  else
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "no rp_filter setting in the context");
  return true;
}

/* Ip InHdrErrors counts bad checksums too. */
static bool check_ip_header(const DcCheckInput *input, DcCheck *check)
{
  g_autoptr(GString) text = g_string_new(NULL);
  uint64_t errors = 0, checksums = 0;
  if (dc_check_counter(input, "Ip.InHdrErrors", text, &errors) != DC_COUNTER_MOVED ||
      dc_check_counter(input, "IpExt.InCsumErrors", text, &checksums) != DC_COUNTER_MOVED || checksums < errors)
    return false;
  dc_check_set(check, DC_CHECK_RULED_OUT, "%s: all of them bad checksums", text->str);
  return true;
}

static bool check_ipv6(const DcCheckInput *input, DcCheck *check)
{
  const char *own = input->interface != NULL ? conf(input, "ipv6", input->interface, "disable_ipv6") : NULL;
  if (own == NULL || strcmp(own, "0") != 0)
    return false;
  dc_check_set(check, DC_CHECK_RULED_OUT, "disable_ipv6 0 on %s", input->interface);
  return true;
}

/* --- handshakes ------------------------------------------------------------------------------ */

static bool check_accept_queue(const DcCheckInput *input, DcCheck *check)
{
  g_autoptr(GString) text = g_string_new(NULL);
  uint64_t value = 0;
  const DcCounterSeen seen = dc_check_counter(input, "TcpExt.ListenOverflows", text, &value);
  size_t count;
  const DcSocket *sockets = dc_state_sockets(input->state, &count);
  for (size_t i = 0; i < count; i++) {
    const DcSocket *socket = &sockets[i];
    if (socket->kind != DC_SOCKET_TCP_LISTEN || !socket->has_backlog || socket->recv_peak <= socket->send_queue)
      continue;
    dc_check_set(check, DC_CHECK_RULED_IN, "port %u: %u wait for accept(), backlog %u%s%s", socket->local_port,
                 socket->recv_peak, socket->send_queue, text->len > 0 ? ", " : "", text->str);
    return true;
  }
  if (seen == DC_COUNTER_UNSEEN)
    return false;
  const bool open = seen == DC_COUNTER_ONCE && value > 0;
  dc_check_set(check,
               seen == DC_COUNTER_MOVED ? DC_CHECK_RULED_IN
               : open                   ? DC_CHECK_NOT_CHECKED
                                        : DC_CHECK_RULED_OUT,
               "%s%s", text->str, open ? ": a single sample does not say when" : "");
  return true;
}

static bool check_syn_queue(const DcCheckInput *input, DcCheck *check)
{
  g_autoptr(GString) text = g_string_new(NULL);
  uint64_t value = 0;
  const DcCounterSeen seen = dc_check_counter(input, "TcpExt.TCPReqQFullDrop", text, &value);
  uint32_t half_open = 0;
  size_t count;
  const DcSocket *sockets = dc_state_sockets(input->state, &count);
  for (size_t i = 0; i < count; i++)
    half_open += strcmp(sockets[i].state, "SYN-RECV") == 0 || strcmp(sockets[i].state, "SYN_RECV") == 0;
  int64_t limit = 0;
  const bool limited = dc_state_sysctl_number(input->state, "net.ipv4.tcp_max_syn_backlog", &limit);
  const bool listed = dc_state_has_sockets(input->state, DC_SOCKET_TCP_LISTEN);
  const char *cookies = dc_state_sysctl(input->state, "net.ipv4.tcp_syncookies");
  if (listed && limited)
    g_string_append_printf(text, "%s%u half-open of %" G_GINT64_FORMAT, text->len > 0 ? ", " : "", half_open, limit);
  if (cookies != NULL)
    g_string_append_printf(text, "%stcp_syncookies %s", text->len > 0 ? ", " : "", cookies);
  if (seen == DC_COUNTER_MOVED)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s", text->str);
  else if (dc_rule_kernel_says(input->state, "drop open request from") && seen != DC_COUNTER_STILL)
    dc_check_set(check, DC_CHECK_RULED_IN, "%s%skernel log: drop open request", text->str, text->len > 0 ? ", " : "");
  else if (seen == DC_COUNTER_STILL || (seen == DC_COUNTER_ONCE && value == 0) ||
           (listed && limited && half_open < limit / 2))
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s", text->str);
  else if (text->len > 0)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "%s; no netstat before and after", text->str);
  else
    return false;
  return true;
}

static bool check_syn_flood(const DcCheckInput *input, DcCheck *check)
{
  if (!dc_rule_kernel_says(input->state, "SYN flooding"))
    return false;
  g_autoptr(GString) text = g_string_new(NULL);
  uint64_t value;
  if (dc_check_counter(input, "TcpExt.TCPReqQFullDoCookies", text, &value) == DC_COUNTER_STILL)
    return false; /* the line is older than the capture */
  dc_check_set(check, DC_CHECK_RULED_IN, "kernel log: possible SYN flooding%s%s", text->len > 0 ? ", " : "", text->str);
  return true;
}

#define KERNEL_4_12 (UINT32_C(4) << 16 | UINT32_C(12) << 8)

static bool check_tw_recycle(const DcCheckInput *input, DcCheck *check)
{
  const uint32_t version = dc_state_kernel_version(input->state);
  if (version >= KERNEL_4_12) {
    dc_check_set(check, DC_CHECK_RULED_OUT, "kernel %u.%u: tcp_tw_recycle is gone since 4.12", version >> 16,
                 version >> 8 & 0xff);
    return true;
  }
  const char *recycle = dc_state_sysctl(input->state, "net.ipv4.tcp_tw_recycle");
  const char *timestamps = dc_state_sysctl(input->state, "net.ipv4.tcp_timestamps");
  g_autoptr(GString) text = g_string_new(NULL);
  if (recycle != NULL)
    g_string_append_printf(text, "tcp_tw_recycle %s", recycle);
  if (timestamps != NULL)
    g_string_append_printf(text, "%stcp_timestamps %s", text->len > 0 ? ", " : "", timestamps);
  uint64_t value = 0;
  const DcCounterSeen seen = dc_check_counter(input, "TcpExt.PAWSPassive", text, &value);
  const bool on = recycle != NULL && strcmp(recycle, "0") != 0 && (timestamps == NULL || strcmp(timestamps, "0") != 0);
  const bool off =
      (recycle != NULL && strcmp(recycle, "0") == 0) || (timestamps != NULL && strcmp(timestamps, "0") == 0);
  if (seen == DC_COUNTER_MOVED || (on && seen == DC_COUNTER_ONCE && value > 0))
    dc_check_set(check, DC_CHECK_RULED_IN, "%s", text->str);
  else if (off || seen == DC_COUNTER_STILL || (seen == DC_COUNTER_ONCE && value == 0))
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s", text->str);
  else if (text->len > 0)
    dc_check_set(check, DC_CHECK_NOT_CHECKED, "%s: PAWSPassive not known over the run", text->str);
  else
    return false;
  return true;
}

/* ListenDrops counts overflows and more: what is left over may be an ICMP error's doing. */
static bool check_icmp_on_handshake(const DcCheckInput *input, DcCheck *check)
{
  g_autoptr(GString) text = g_string_new(NULL);
  uint64_t drops = 0, overflows = 0;
  const DcCounterSeen seen = dc_check_counter(input, "TcpExt.ListenDrops", text, &drops);
  if (seen == DC_COUNTER_STILL) {
    dc_check_set(check, DC_CHECK_RULED_OUT, "%s", text->str);
    return true;
  }
  if (seen != DC_COUNTER_MOVED ||
      dc_check_counter(input, "TcpExt.ListenOverflows", text, &overflows) == DC_COUNTER_UNSEEN || overflows < drops)
    return false;
  dc_check_set(check, DC_CHECK_RULED_OUT, "%s: all of them overflows", text->str);
  return true;
}

bool dc_check_special(const DcCheckInput *input, DcCheck *check)
{
  static const struct {
    DcCause cause;
    bool (*check)(const DcCheckInput *input, DcCheck *check);
  } checks[] = {
      {DC_CAUSE_NETFILTER_DROP, check_netfilter},
      {DC_CAUSE_CONNTRACK_FULL, check_conntrack_full},
      {DC_CAUSE_TC_INGRESS, check_tc},
      {DC_CAUSE_XDP, check_xdp},
      {DC_CAUSE_RING_OVERFLOW, check_ring},
      {DC_CAUSE_CPU_BACKLOG, check_backlog},
      {DC_CAUSE_NO_PROTOCOL_HANDLER, check_handler},
      {DC_CAUSE_LLC_UNKNOWN_SAP, check_llc},
      {DC_CAUSE_RP_FILTER, check_rp_filter},
      {DC_CAUSE_IP_HEADER, check_ip_header},
      {DC_CAUSE_IPV6_DISABLED, check_ipv6},
      {DC_CAUSE_ACCEPT_QUEUE_FULL, check_accept_queue},
      {DC_CAUSE_SYN_QUEUE_FULL, check_syn_queue},
      {DC_CAUSE_SYN_FLOOD, check_syn_flood},
      {DC_CAUSE_TW_RECYCLE_NAT, check_tw_recycle},
      {DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE, check_icmp_on_handshake},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(checks); i++)
    if (checks[i].cause == check->cause)
      return checks[i].check(input, check);
  return false;
}
