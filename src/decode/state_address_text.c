/*
 * Addresses and routes: `ip addr`, `ip link` (-d, -s, -o, -br), /proc/net/if_inet6, /proc/net/fib_trie,
 * `ip route`, /proc/net/route, and our own if_addrs.
 */
#include "state_job.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <stdio.h>

#define DEVICE_MAX 32

static bool span_mac(DcSpan span, uint8_t ret_mac[6])
{
  char text[DC_MAC_TEXT_MAX];
  return dc_span_copy(span, text, sizeof text) && dc_mac_parse(text, ret_mac);
}

/* "10.0.0.1/24", or without the length */
static bool span_prefix(DcSpan span, DcAddr *ret_addr, uint8_t *ret_len)
{
  DcSpan host;
  uint64_t len = 0;
  if (dc_span_cut(&span, '/', &host)) {
    if (!dc_span_u64(span, &len) || !dc_span_addr(host, ret_addr) || len > (ret_addr->version == 4 ? 32u : 128u))
      return false;
  } else if (!dc_span_addr(span, ret_addr)) {
    return false;
  } else {
    len = ret_addr->version == 4 ? 32 : 128;
  }
  *ret_len = (uint8_t)len;
  return true;
}

/* --- ip addr, ip link ------------------------------------------------------------------ */

typedef struct {
  char device[DEVICE_MAX];
  uint32_t ifindex;
  DcSpan statistics; /* header words of the "RX:" line before */
} IpContext;

/* "2: eth0.100@eth0: <BROADCAST,...>" or, with -o, "2: eth0    inet 10.0.0.1/24 ..." */
static bool device_line(DcSpan line, IpContext *context, DcSpan *ret_rest)
{
  DcSpan index, name, peer;
  uint64_t number;
  if (!dc_span_cut(&line, ':', &index) || !dc_span_u64(index, &number) || number > UINT32_MAX ||
      !dc_span_word(&line, &name))
    return false;
  if (dc_span_ends(name, ":"))
    name.len--;
  DcSpan rest = name;
  if (dc_span_cut(&rest, '@', &peer))
    name = peer;
  if (name.len == 0 || !dc_span_copy(name, context->device, sizeof context->device))
    return false;
  context->ifindex = (uint32_t)number;
  *ret_rest = line;
  return true;
}

/* "inet 10.0.0.1/24", "inet 10.0.0.1 peer 10.0.0.2/32", "inet6 fe80::1/64", "link/ether 02:..": all of one line */
static bool take_attributes(DcStateJob *job, const IpContext *context, DcSpan line)
{
  DcSpan word, value;
  bool good = true;
  while (dc_span_word(&line, &word)) {
    DcAddr addr;
    uint8_t prefix_len, mac[6];
    if (dc_span_is(word, "inet") || dc_span_is(word, "inet6")) {
      if (dc_span_word(&line, &value) && span_prefix(value, &addr, &prefix_len))
        dc_state_add_address(job->state, context->device, &addr, prefix_len);
      else
        good = false;
    } else if (dc_span_starts(word, "link/")) {
      /* others than Ethernet have longer or shorter addresses, or none */
      if (dc_span_word(&line, &value) && span_mac(value, mac))
        dc_state_add_mac(job->state, context->device, context->ifindex, mac);
    }
  }
  return good;
}

/* -br: "eth0@if5   UP   10.0.0.1/24 fe80::1/64" or "eth0 UP 02:fc:00:00:00:01 <BROADCAST,...>" */
static bool brief_line(DcStateJob *job, DcSpan line)
{
  static const char *const states[] = {"UP", "DOWN", "UNKNOWN", "LOWERLAYERDOWN", "DORMANT", "NOTPRESENT", "TESTING"};
  DcSpan name, state, value, peer;
  if (!dc_span_word(&line, &name) || !dc_span_word(&line, &state))
    return false;
  bool known = false;
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
    known = known || dc_span_is(state, states[i]);
  DcSpan rest = name;
  if (dc_span_cut(&rest, '@', &peer))
    name = peer;
  char device[DEVICE_MAX];
  if (!known || !dc_span_copy(name, device, sizeof device))
    return false;
  while (dc_span_word(&line, &value)) {
    DcAddr addr;
    uint8_t prefix_len, mac[6];
    if (span_mac(value, mac))
      dc_state_add_mac(job->state, device, 0, mac);
    else if (span_prefix(value, &addr, &prefix_len))
      dc_state_add_address(job->state, device, &addr, prefix_len);
    else if (dc_span_is(value, "peer")) /* the other end's address is not ours */
      dc_span_word(&line, &value);
    else if (!dc_span_starts(value, "<"))
      return false;
  }
  return true;
}

/*
 * ip -s:
 *     RX:  bytes packets errors dropped  missed   mcast
 *     159472440    3626      0       0       0       0
 */
static void take_statistics(DcStateJob *job, const IpContext *context, DcSpan line)
{
  static const struct {
    const char *column, *counter;
  } names[] = {{"bytes", "rx_bytes"},     {"packets", "rx_packets"}, {"errors", "rx_errors"},
               {"dropped", "rx_dropped"}, {"overrun", "rx_fifo"},    {"missed", "rx_missed"}};
  char prefix[16 + DEVICE_MAX];
  snprintf(prefix, sizeof prefix, "dev.%s.", context->device);
  DcSpan header = context->statistics;
  DcSpan column, value;
  while (dc_span_word(&header, &column) && dc_span_word(&line, &value)) {
    uint64_t number;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
      if (dc_span_is(column, names[i].column) && dc_span_u64(value, &number))
        dc_job_counter(job, prefix, dc_span(names[i].counter, strlen(names[i].counter)), number);
    }
  }
}

/*
 * "2: eth0@if2: <BROADCAST,...> mtu 1500 ... master br0 state UP": a bridge's port, unless its master is a bond's or a
 * VRF's, whose own line then has the flag MASTER. Lines of masters may come later.
 */
#define DEVICES_MAX 65536u

/* Device -> whether its line has that flag, plus 1. */
static GHashTable *find_masters(DcSpan text)
{
  GHashTable *flagged = g_hash_table_new_full(dc_hash_text, g_str_equal, g_free, NULL);
  DcSpan line, words, flags, rest;
  IpContext context;
  while (g_hash_table_size(flagged) < DEVICES_MAX && dc_span_line(&text, &line)) {
    if (line.len == 0 || dc_is_space(line.at[0]) || !device_line(dc_span_trim(line), &context, &words) ||
        g_hash_table_contains(flagged, context.device))
      continue;
    const bool is = !dc_span_word(&words, &flags) || dc_span_after(flags, "MASTER", &rest);
    g_hash_table_insert(flagged, g_strdup(context.device), GUINT_TO_POINTER(is ? 2 : 1));
  }
  return flagged;
}

static void take_bridge_ports(DcStateJob *job)
{
  g_autoptr(GHashTable) flagged = find_masters(job->text);
  DcSpan rest = job->text, line, words, word, master;
  IpContext context;
  char name[DEVICE_MAX];
  while (dc_span_line(&rest, &line)) {
    if (line.len == 0 || dc_is_space(line.at[0]) || !device_line(dc_span_trim(line), &context, &words))
      continue;
    while (dc_span_word(&words, &word)) {
      /* Of a master that is not listed nothing is known. */
      if (dc_span_is(word, "master") && dc_span_word(&words, &master) && dc_span_copy(master, name, sizeof name) &&
          GPOINTER_TO_UINT(g_hash_table_lookup(flagged, name)) == 1)
        dc_state_add_bridge_port(job->state, context.ifindex);
    }
  }
}

void dc_state_parse_addr(DcStateJob *job)
{
  take_bridge_ports(job);
  IpContext context = {0};
  DcSpan rest = job->text;
  DcSpan line, words;
  while (dc_span_line(&rest, &line)) {
    const DcSpan trimmed = dc_span_trim(line);
    if (trimmed.len == 0)
      continue;
    const bool indented = dc_is_space(line.at[0]);
    bool good = true;
    if (!indented && device_line(trimmed, &context, &words)) {
      context.statistics.len = 0;
      good = take_attributes(job, &context, words);
    } else if (!indented) {
      good = brief_line(job, trimmed);
    } else if (context.device[0] == '\0') {
      good = false;
    } else if (dc_span_starts(trimmed, "RX: ")) {
      context.statistics = dc_span_from(trimmed, strlen("RX: "));
    } else if (context.statistics.len > 0) {
      take_statistics(job, &context, trimmed);
      context.statistics.len = 0;
    } else {
      good = take_attributes(job, &context, trimmed);
    }
    job->taken += good;
    job->skipped += !good;
  }
  if (job->taken > 0)
    dc_job_keep_text(job); /* VLAN ids and attached programs are searched for in it */
}

/* --- our own --------------------------------------------------------------------------- */

/* if_addrs: "2 eth0 02:fc:00:00:00:01 192.0.2.2/24 fd00::2/64"; "-" for a device without MAC; "bridge-port" at the
 * end, where it is one */
static bool if_addrs_line(DcStateJob *job, DcSpan line)
{
  DcSpan word, name;
  uint64_t ifindex;
  uint8_t mac[6] = {0};
  char device[DEVICE_MAX];
  if (!dc_span_word(&line, &word) || !dc_span_u64(word, &ifindex) || ifindex == 0 || ifindex > UINT32_MAX ||
      !dc_span_word(&line, &name) || !dc_span_copy(name, device, sizeof device) || !dc_span_word(&line, &word) ||
      !(dc_span_is(word, "-") || span_mac(word, mac)))
    return false;
  dc_state_add_mac(job->state, device, (uint32_t)ifindex, mac);
  while (dc_span_word(&line, &word)) {
    DcAddr addr;
    uint8_t prefix_len;
    if (dc_span_is(word, "bridge-port")) {
      dc_state_add_bridge_port(job->state, (uint32_t)ifindex);
      continue;
    }
    if (!span_prefix(word, &addr, &prefix_len))
      return false;
    dc_state_add_address(job->state, device, &addr, prefix_len);
  }
  return true;
}

void dc_state_parse_if_addrs(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    const bool good = if_addrs_line(job, line);
    job->taken += good;
    job->skipped += !good;
  }
}

/* --- /proc ------------------------------------------------------------------------------- */

/* net/ipv6/addrconf.c: "fd000000000000000000000000000002 04 40 00 82     eth0": address, ifindex, prefix
 * length, scope, flags, all hex */
static bool if_inet6_line(DcStateJob *job, DcSpan line)
{
  DcSpan words[6];
  size_t count = 0;
  uint64_t ifindex, prefix_len, octet;
  while (count < 6 && dc_span_word(&line, &words[count]))
    count++;
  char device[DEVICE_MAX];
  if (count != 6 || words[0].len != 32 || !dc_span_hex(words[1], &ifindex) || !dc_span_hex(words[2], &prefix_len) ||
      prefix_len > 128 || ifindex > UINT32_MAX || !dc_span_copy(words[5], device, sizeof device))
    return false;
  DcAddr addr = {.version = 6};
  for (size_t i = 0; i < 16; i++) {
    if (!dc_span_hex(dc_span(words[0].at + 2 * i, 2), &octet))
      return false;
    addr.bytes[i] = (uint8_t)octet;
  }
  dc_state_add_address(job->state, device, &addr, (uint8_t)prefix_len);
  return true;
}

void dc_state_parse_if_inet6(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    const bool good = if_inet6_line(job, line);
    job->taken += good;
    job->skipped += !good;
  }
}

/*
 * net/ipv4/fib_trie.c:
 *   |-- 192.0.2.2
 *      /32 host LOCAL
 */
void dc_state_parse_fib_trie(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line, word;
  DcSpan leaf = {0};
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0)
      continue;
    DcAddr addr;
    bool good = true;
    if (dc_span_starts(line, "|-- ")) {
      leaf = dc_span_trim(dc_span_from(line, 4));
      good = dc_span_addr(leaf, &addr);
    } else if (dc_span_starts(line, "/32 ") && dc_span_ends(line, " LOCAL")) {
      good = dc_span_addr(leaf, &addr);
      if (good)
        dc_state_add_address(job->state, "", &addr, 32);
    } else {
      /* tables ("Main:", "Id 200:"), inner nodes, other routes */
      good =
          dc_span_ends(line, ":") || dc_span_starts(line, "+-- ") || (line.at[0] == '/' && dc_span_word(&line, &word));
    }
    job->taken += good;
    job->skipped += !good;
  }
}

/* `ip route show table all` tells local addresses, too: "local 10.0.0.1 dev eth0 table local ...". */
void dc_state_parse_route(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line, word, device;
  while (dc_span_line(&rest, &line)) {
    DcSpan words = line;
    if (!dc_span_word(&words, &word))
      continue;
    job->taken++;
    DcAddr addr;
    char name[DEVICE_MAX] = "";
    DcSpan tail;
    if (!dc_span_is(word, "local") || !dc_span_word(&words, &word) || !dc_span_addr(word, &addr))
      continue;
    if (dc_span_after(words, "dev ", &tail) && dc_span_word(&tail, &device))
      dc_span_copy_cut(device, name, sizeof name);
    dc_state_add_address(job->state, name, &addr, addr.version == 4 ? 32 : 128);
  }
  if (job->taken > 0)
    dc_job_keep_text(job);
}
