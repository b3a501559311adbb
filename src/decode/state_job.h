/* What the parsers of state texts share. Not for other modules. */
#pragma once

#include "text_span.h"

#include "dropcorr/decode/state_text.h"

/* One text being read. A line that makes sense is counted in taken, one that does not in skipped;
 * empty lines and what a tool says beside its output in neither. */
typedef struct {
  DcState *state;
  const DcSample *sample;
  const char *object; /* canonical name, "ethtool_S_eth0" */
  const char *device; /* "eth0" for objects per device, else "" */
  DcSpan text;
  size_t taken, skipped;
} DcStateJob;

typedef void (*DcStateParser)(DcStateJob *job);

/* Sets the counter PREFIX + NAME. False if the name is too long or has odd characters. */
bool dc_job_counter(DcStateJob *job, const char *prefix, DcSpan name, uint64_t value);

/* Keeps the whole text under the object's name. */
void dc_job_keep_text(DcStateJob *job);

/* "10.0.0.1" or "fe80::1", nothing around it. */
bool dc_span_addr(DcSpan span, DcAddr *ret_addr);

/* Sums by name in order of first appearance, for files with a line per CPU. */
#define DC_SUMS_MAX 64
typedef struct {
  size_t count;
  struct {
    DcSpan name;
    uint64_t sum;
  } rows[DC_SUMS_MAX];
} DcSums;
bool dc_sums_add(DcSums *sums, DcSpan name, uint64_t value); /* false: too many names */

/* state_counters_text.c */
void dc_state_parse_snmp(DcStateJob *job);
void dc_state_parse_snmp6(DcStateJob *job);
void dc_state_parse_softnet(DcStateJob *job);
void dc_state_parse_dev(DcStateJob *job);
void dc_state_parse_sockstat(DcStateJob *job);
void dc_state_parse_stat_table(DcStateJob *job);
void dc_state_parse_conntrack(DcStateJob *job);
void dc_state_parse_sysfs(DcStateJob *job);
void dc_state_parse_ethtool_stats(DcStateJob *job);
void dc_state_parse_ethtool_ring(DcStateJob *job);
void dc_state_parse_ethtool_driver(DcStateJob *job);
void dc_state_parse_qdisc(DcStateJob *job);

/* state_tools_text.c: texts of net-tools and iproute2 that hold counters */
bool dc_state_is_netstat_s(DcSpan text);
void dc_state_parse_netstat_s(DcStateJob *job);
void dc_state_parse_netstat_i(DcStateJob *job);
void dc_state_parse_ifconfig(DcStateJob *job);

/* state_sockets_text.c */
void dc_state_parse_proc_sockets(DcStateJob *job);
void dc_state_parse_ss(DcStateJob *job);

/* state_settings_text.c */
void dc_state_parse_sysctl(DcStateJob *job);
void dc_state_parse_ptype(DcStateJob *job);
void dc_state_parse_packet(DcStateJob *job);
void dc_state_parse_dmesg(DcStateJob *job);
void dc_state_parse_uname(DcStateJob *job);
void dc_state_parse_table_text(DcStateJob *job);

/* state_address_text.c */
void dc_state_parse_addr(DcStateJob *job);
void dc_state_parse_if_addrs(DcStateJob *job);
void dc_state_parse_if_inet6(DcStateJob *job);
void dc_state_parse_fib_trie(DcStateJob *job);
void dc_state_parse_route(DcStateJob *job);

/* state_rules_text.c */
void dc_state_parse_nft(DcStateJob *job);
void dc_state_parse_nft_json(DcStateJob *job);
void dc_state_parse_iptables(DcStateJob *job);
