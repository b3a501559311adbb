/*
 * Texts of kernel state files and tools into DcState. One parser per object, found by
 * the object's name; the name is what a context file is called (before.X / after.X
 * prefixes stripped) and what a sample of the evidence file carries.
 *
 * Objects: snmp netstat snmp6 softnet_stat dev sockstat sockstat6 rt_cache nf_conntrack_stat
 * ptype packet tcp tcp6 udp udp6 raw raw6 ss ss_m sysctl sys_IF (sysfs statistics, "name value"
 * lines) ethtool_S_IF ethtool_g_IF ethtool_i_IF nft nft.json iptables-save ip6tables-save
 * conntrack_S dmesg uname addr link route if_inet6 fib_trie arp; arp_cache ndisc_cache (/proc/net/stat), tc
 * (tc -s qdisc), ethtool_k_IF neigh rule (kept as they are), if_addrs (a line per device: "ifindex name mac-or-dash
 * addr/length ... [bridge-port]"), and net-tools' netstat_s netstat_i ifconfig. Endings .txt, .log and .out do not
 * matter, nor does
 * '-' for '_', and some other names are understood (state_text.c).
 */
#pragma once

#include "dropcorr/model/state.h"

typedef enum {
  DC_STATE_TEXT_PARSED,
  DC_STATE_TEXT_UNKNOWN,  /* no parser of that name: the caller counts it */
  DC_STATE_TEXT_PARTIAL,  /* some lines made no sense: ret_skipped of them */
  DC_STATE_TEXT_MALFORMED /* nothing in it made sense */
} DcStateTextStatus;

/* Feeds one sample into state. ret_skipped may be NULL. Pure: no I/O. */
DcStateTextStatus dc_state_text_parse(DcState *state, const DcSample *sample, size_t *ret_skipped);

/* Whether an object of that name has a parser, and (ret_is_counters may be NULL) whether it holds counters
 * (worth sampling each second) or state. */
bool dc_state_text_known(const char *name, bool *ret_is_counters);

/* The object a name stands for, with whatever ending or alias ("tcp6", "ethtool_S" of "ethtool_S_eth0"); NULL: none. */
const char *dc_state_text_object(const char *name);

/* Whether a line of the kernel log speaks of dropped packets or of what leads to them: only those are sampled. */
bool dc_state_text_is_drop_line(const char *line, size_t len);
