#include "dropcorr/decode/state_text.h"

#include "state_job.h"

#include "dropcorr/decode/packet.h"

#include <stdio.h>

#define DEVICE_MAX 32

typedef struct {
  const char *name; /* with DEVICE: what comes before "_IF" */
  DcStateParser parse;
  uint8_t flags;
} StateObject;

enum {
  COUNTERS = 1 << 0,        /* worth sampling each second */
  PER_DEVICE = 1 << 1,      /* NAME_IF */
  MAY_LACK_DEVICE = 1 << 4, /* NAME alone is understood, too */
  MAY_BE_EMPTY = 1 << 2,    /* nothing in it is an answer, too: no rules, no socket, no drop in the log */
  ZERO_WHEN_NEW = 1 << 3,   /* what was not there before counted nothing */
};

static const StateObject objects[] = {
    {"snmp", dc_state_parse_snmp, COUNTERS},
    {"netstat", dc_state_parse_snmp, COUNTERS},
    {"snmp6", dc_state_parse_snmp6, COUNTERS},
    {"softnet_stat", dc_state_parse_softnet, COUNTERS},
    {"dev", dc_state_parse_dev, COUNTERS},
    {"sockstat", dc_state_parse_sockstat, COUNTERS},
    {"sockstat6", dc_state_parse_sockstat, COUNTERS},
    {"rt_cache", dc_state_parse_stat_table, COUNTERS},
    {"nf_conntrack_stat", dc_state_parse_stat_table, COUNTERS},
    {"arp_cache", dc_state_parse_stat_table, COUNTERS},
    {"ndisc_cache", dc_state_parse_stat_table, COUNTERS},
    {"conntrack_S", dc_state_parse_conntrack, COUNTERS | MAY_BE_EMPTY},
    {"sys", dc_state_parse_sysfs, COUNTERS | PER_DEVICE},
    {"ethtool_S", dc_state_parse_ethtool_stats, COUNTERS | PER_DEVICE | MAY_LACK_DEVICE | MAY_BE_EMPTY},
    {"ethtool_g", dc_state_parse_ethtool_ring, PER_DEVICE | MAY_LACK_DEVICE},
    {"ethtool_i", dc_state_parse_ethtool_driver, PER_DEVICE | MAY_LACK_DEVICE},
    {"ethtool_k", dc_state_parse_table_text, PER_DEVICE | MAY_LACK_DEVICE},
    {"tc", dc_state_parse_qdisc, MAY_BE_EMPTY},
    {"netstat_s", dc_state_parse_netstat_s, COUNTERS | ZERO_WHEN_NEW},
    {"netstat_i", dc_state_parse_netstat_i, COUNTERS},
    {"ifconfig", dc_state_parse_ifconfig, COUNTERS},
    {"ptype", dc_state_parse_ptype, 0},
    {"packet", dc_state_parse_packet, 0},
    {"tcp", dc_state_parse_proc_sockets, 0},
    {"tcp6", dc_state_parse_proc_sockets, 0},
    {"udp", dc_state_parse_proc_sockets, 0},
    {"udp6", dc_state_parse_proc_sockets, 0},
    {"raw", dc_state_parse_proc_sockets, 0},
    {"raw6", dc_state_parse_proc_sockets, 0},
    {"ss", dc_state_parse_ss, 0},
    {"ss_m", dc_state_parse_ss, 0},
    {"sysctl", dc_state_parse_sysctl, 0},
    {"nft", dc_state_parse_nft, MAY_BE_EMPTY | ZERO_WHEN_NEW},
    {"nft.json", dc_state_parse_nft_json, ZERO_WHEN_NEW},
    {"iptables-save", dc_state_parse_iptables, MAY_BE_EMPTY | ZERO_WHEN_NEW},
    {"ip6tables-save", dc_state_parse_iptables, MAY_BE_EMPTY | ZERO_WHEN_NEW},
    {"dmesg", dc_state_parse_dmesg, MAY_BE_EMPTY},
    {"uname", dc_state_parse_uname, 0},
    {"addr", dc_state_parse_addr, 0},
    {"link", dc_state_parse_addr, 0},
    {"if_addrs", dc_state_parse_if_addrs, 0},
    {"if_inet6", dc_state_parse_if_inet6, MAY_BE_EMPTY},
    {"fib_trie", dc_state_parse_fib_trie, 0},
    {"route", dc_state_parse_route, MAY_BE_EMPTY},
    {"arp", dc_state_parse_table_text, 0},
    {"neigh", dc_state_parse_table_text, 0},
    {"rule", dc_state_parse_table_text, 0},
};

/* Other names people give the same thing. */
static const struct {
  const char *alias, *name;
} aliases[] = {
    {"sysctl_a", "sysctl"},
    {"sysctl.conf", "sysctl"},
    {"nft_a", "nft"},
    {"nft_ruleset", "nft"},
    {"nftables", "nft"},
    {"nft_list_ruleset", "nft"},
    {"iptables", "iptables-save"},
    {"ip6tables", "ip6tables-save"},
    {"iptables_save_c", "iptables-save"},
    {"ip6tables_save_c", "ip6tables-save"},
    {"ip_addr", "addr"},
    {"ip_a", "addr"},
    {"ip_link", "link"},
    {"ip_s_link", "link"},
    {"ip_d_addr", "addr"},
    {"ip_route", "route"},
    {"ss_tulnp", "ss"},
    {"ss_tuln", "ss"},
    {"ss_ltn", "ss"},
    {"ss_tulnpm", "ss_m"},
    {"uname_a", "uname"},
    {"uname_r", "uname"},
    {"osrelease", "uname"},
    {"version", "uname"},
    {"kern.log", "dmesg"},
    {"conntrack_s", "conntrack_S"},
    {"stat_rt_cache", "rt_cache"},
    {"stat_nf_conntrack", "nf_conntrack_stat"},
    {"stat_arp_cache", "arp_cache"},
    {"tc_s", "tc"},
    {"tc_s_qdisc", "tc"},
    {"ifconfig_a", "ifconfig"},
    {"softnet", "softnet_stat"},
};

/* Names are the same whichever of '-', '_' and ' ' they are written with. */
static bool same_name(const char *a, size_t len, const char *b)
{
  size_t i = 0;
  for (; i < len && b[i] != '\0'; i++) {
    const char left = a[i] == '-' || a[i] == ' ' ? '_' : a[i];
    const char right = b[i] == '-' || b[i] == ' ' ? '_' : b[i];
    if (left != right)
      return false;
  }
  return i == len && b[i] == '\0';
}

static bool is_device_name(const char *name)
{
  const size_t len = strnlen(name, DEVICE_MAX);
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)name[i] <= ' ' || name[i] == '/' || name[i] == 0x7f)
      return false;
  }
  return len > 0 && len < DEVICE_MAX;
}

static const StateObject *find_by_name(const char *name, size_t len, const char **ret_device)
{
  *ret_device = "";
  for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
    const StateObject *object = &objects[i];
    const size_t n = strlen(object->name);
    if ((object->flags & PER_DEVICE) == 0 || (object->flags & MAY_LACK_DEVICE) != 0) {
      if (same_name(name, len, object->name))
        return object;
    }
    if ((object->flags & PER_DEVICE) != 0 && len > n + 1 && same_name(name, n, object->name) &&
        strchr("_-.", name[n]) != NULL && is_device_name(name + n + 1)) {
      *ret_device = name + n + 1;
      return object;
    }
  }
  for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
    if (same_name(name, len, aliases[i].alias))
      return find_by_name(aliases[i].name, strlen(aliases[i].name), ret_device);
  }
  return NULL;
}

static const StateObject *find_object(const DcSample *sample, char name[static DC_STATE_NAME_MAX],
                                      const char **ret_device)
{
  static const char *const endings[] = {".txt", ".log", ".out"};
  const size_t len = strnlen(sample->name, DC_STATE_NAME_MAX);
  if (len == DC_STATE_NAME_MAX)
    return NULL;
  memcpy(name, sample->name, len + 1);
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    const size_t n = strlen(endings[i]);
    if (len > n && strcmp(name + len - n, endings[i]) == 0)
      name[len - n] = '\0';
  }
  const StateObject *object = find_by_name(name, strlen(name), ret_device);
  if (object == NULL)
    object = find_by_name(sample->name, len, ret_device);
  /* `netstat -s` and /proc/net/netstat are called the same by half of the world */
  if (object != NULL && object->parse == dc_state_parse_snmp &&
      dc_state_is_netstat_s(dc_span(sample->text, sample->len)))
    object = find_by_name("netstat_s", strlen("netstat_s"), ret_device);
  return object;
}

bool dc_state_text_known(const char *name, bool *ret_is_counters)
{
  const DcSample sample = {.name = name};
  char plain[DC_STATE_NAME_MAX]; /* device points into it */
  const char *device;
  const StateObject *object = find_object(&sample, plain, &device);
  if (object == NULL)
    return false;
  if (ret_is_counters != NULL)
    *ret_is_counters = (object->flags & COUNTERS) != 0;
  return true;
}

const char *dc_state_text_object(const char *name)
{
  const DcSample sample = {.name = name};
  char plain[DC_STATE_NAME_MAX];
  const char *device;
  const StateObject *object = find_object(&sample, plain, &device);
  return object != NULL ? object->name : NULL;
}

DcStateTextStatus dc_state_text_parse(DcState *state, const DcSample *sample, size_t *ret_skipped)
{
  if (ret_skipped != NULL)
    *ret_skipped = 0;
  char plain[DC_STATE_NAME_MAX]; /* device points into it */
  const char *device;
  const StateObject *object = find_object(sample, plain, &device);
  if (object == NULL)
    return DC_STATE_TEXT_UNKNOWN;

  char name[DC_STATE_NAME_MAX];
  snprintf(name, sizeof name, "%s%s%s", object->name, device[0] != '\0' ? "_" : "", device);
  DcStateJob job = {
      .state = state, .sample = sample, .object = name, .device = device, .text = dc_span(sample->text, sample->len)};
  dc_state_begin_object(state, name, (DcPhase)sample->phase, sample->time_ns, (object->flags & ZERO_WHEN_NEW) != 0);
  object->parse(&job);
  if (ret_skipped != NULL)
    *ret_skipped = job.skipped;

  if (job.taken == 0 && (job.skipped > 0 || (object->flags & MAY_BE_EMPTY) == 0)) {
    dc_state_drop_object(state);
    return DC_STATE_TEXT_MALFORMED;
  }
  dc_state_end_object(state, job.skipped == 0);
  if (device[0] != '\0')
    dc_state_mark_seen(state, object->name, (DcPhase)sample->phase, sample->time_ns);
  if (object->parse == dc_state_parse_netstat_s) {
    dc_state_mark_seen(state, "snmp", (DcPhase)sample->phase, sample->time_ns);
    dc_state_mark_seen(state, "netstat", (DcPhase)sample->phase, sample->time_ns);
  }
  return job.skipped == 0 ? DC_STATE_TEXT_PARSED : DC_STATE_TEXT_PARTIAL;
}

/* --- what the parsers share ------------------------------------------------------ */

bool dc_job_counter(DcStateJob *job, const char *prefix, DcSpan name, uint64_t value)
{
  char text[DC_STATE_NAME_MAX];
  const size_t n = strlen(prefix);
  if (n >= sizeof text || name.len >= sizeof text - n)
    return false;
  memcpy(text, prefix, n);
  for (size_t i = 0; i < name.len; i++) {
    const unsigned char c = (unsigned char)name.at[i];
    if (c < ' ' || c == 0x7f)
      return false;
    text[n + i] = name.at[i];
  }
  text[n + name.len] = '\0';
  dc_state_set_counter(job->state, job->sample->time_ns, (DcPhase)job->sample->phase, text, value);
  return true;
}

void dc_job_keep_text(DcStateJob *job)
{
  dc_state_set_text(job->state, job->object, job->text.at, job->text.len);
}

bool dc_span_addr(DcSpan span, DcAddr *ret_addr)
{
  char text[DC_ADDR_TEXT_MAX];
  return dc_span_copy(span, text, sizeof text) && dc_addr_parse(text, ret_addr);
}

bool dc_sums_add(DcSums *sums, DcSpan name, uint64_t value)
{
  for (size_t i = 0; i < sums->count; i++) {
    if (dc_span_equal(sums->rows[i].name, name)) {
      sums->rows[i].sum += value;
      return true;
    }
  }
  if (sums->count == DC_SUMS_MAX)
    return false;
  sums->rows[sums->count].name = name;
  sums->rows[sums->count].sum = value;
  sums->count++;
  return true;
}
