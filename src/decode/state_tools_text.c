/*
 * Counters as the tools of net-tools print them: what people have saved when an incident is over.
 * The sentences of `netstat -s` are those of net-tools' statistics.c, old spellings included.
 */
#include "state_job.h"

#include "dropcorr/decode/packet.h"

#include <stdio.h>

/* --- netstat -s ------------------------------------------------------------------------ */

static const struct {
  const char *section, *sentence, *name;
} sentences[] = {
    {"Ip", "total packets received", "InReceives"},
    {"Ip", "with invalid headers", "InHdrErrors"},
    {"Ip", "with invalid addresses", "InAddrErrors"},
    {"Ip", "forwarded", "ForwDatagrams"},
    {"Ip", "with unknown protocol", "InUnknownProtos"},
    {"Ip", "incoming packets discarded", "InDiscards"},
    {"Ip", "incoming packets delivered", "InDelivers"},
    {"Ip", "requests sent out", "OutRequests"},
    {"Ip", "outgoing packets dropped", "OutDiscards"},
    {"Ip", "dropped because of missing route", "OutNoRoutes"},
    {"Ip", "fragments dropped after timeout", "ReasmTimeout"},
    {"Ip", "reassemblies required", "ReasmReqds"},
    {"Ip", "packets reassembled ok", "ReasmOKs"},
    {"Ip", "packet reassemblies failed", "ReasmFails"},
    {"Ip", "packet reassembles failed", "ReasmFails"},
    {"Tcp", "active connection openings", "ActiveOpens"},
    {"Tcp", "active connections openings", "ActiveOpens"},
    {"Tcp", "passive connection openings", "PassiveOpens"},
    {"Tcp", "failed connection attempts", "AttemptFails"},
    {"Tcp", "connection resets received", "EstabResets"},
    {"Tcp", "connections established", "CurrEstab"},
    {"Tcp", "segments received", "InSegs"},
    {"Tcp", "segments sent out", "OutSegs"},
    {"Tcp", "segments send out", "OutSegs"},
    {"Tcp", "segments retransmitted", "RetransSegs"},
    {"Tcp", "segments retransmited", "RetransSegs"},
    {"Tcp", "bad segments received", "InErrs"},
    {"Tcp", "resets sent", "OutRsts"},
    {"Udp", "packets received", "InDatagrams"},
    {"Udp", "packets to unknown port received", "NoPorts"},
    {"Udp", "packet receive errors", "InErrors"},
    {"Udp", "packets sent", "OutDatagrams"},
    {"Udp", "receive buffer errors", "RcvbufErrors"},
    {"Udp", "send buffer errors", "SndbufErrors"},
    {"TcpExt", "SYN cookies sent", "SyncookiesSent"},
    {"TcpExt", "SYN cookies received", "SyncookiesRecv"},
    {"TcpExt", "invalid SYN cookies received", "SyncookiesFailed"},
    {"TcpExt", "resets received for embryonic SYN_RECV sockets", "EmbryonicRsts"},
    {"TcpExt", "packets pruned from receive queue because of socket buffer overrun", "PruneCalled"},
    {"TcpExt", "packets pruned from receive queue", "RcvPruned"},
    {"TcpExt", "packets dropped from out-of-order queue because of socket buffer overrun", "OfoPruned"},
    {"TcpExt", "ICMP packets dropped because they were out-of-window", "OutOfWindowIcmps"},
    {"TcpExt", "ICMP packets dropped because socket was locked", "LockDroppedIcmps"},
    {"TcpExt", "TCP sockets finished time wait in fast timer", "TW"},
    {"TcpExt", "time wait sockets recycled by time stamp", "TWRecycled"},
    {"TcpExt", "TCP sockets finished time wait in slow timer", "TWKilled"},
    {"TcpExt", "passive connections rejected because of time stamp", "PAWSPassive"},
    {"TcpExt", "active connections rejected because of time stamp", "PAWSActive"},
    {"TcpExt", "packets rejected in established connections because of timestamp", "PAWSEstab"},
    {"TcpExt", "packets rejects in established connections because of timestamp", "PAWSEstab"},
    {"TcpExt", "times the listen queue of a socket overflowed", "ListenOverflows"},
    {"TcpExt", "SYNs to LISTEN sockets dropped", "ListenDrops"},
    {"TcpExt", "SYNs to LISTEN sockets ignored", "ListenDrops"},
    {"TcpExt", "packets collapsed in receive queue due to low socket buffer", "TCPRcvCollapsed"},
    {"TcpExt", "connections aborted due to memory pressure", "TCPAbortOnMemory"},
    {"TcpExt", "connections aborted due to timeout", "TCPAbortOnTimeout"},
};

/* "Ip:" alone on the first line; in /proc/net/netstat and snmp names follow. */
bool dc_state_is_netstat_s(DcSpan text)
{
  DcSpan line;
  while (dc_span_line(&text, &line)) {
    line = dc_span_trim(line);
    if (line.len > 0)
      return line.len < 16 && dc_span_ends(line, ":");
  }
  return false;
}

static const char *sentence_name(const char *section, DcSpan sentence)
{
  if (dc_span_ends(sentence, "."))
    sentence.len--;
  for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
    if (strcmp(section, sentences[i].section) == 0 && dc_span_is(sentence, sentences[i].sentence))
      return sentences[i].name;
  }
  return NULL;
}

void dc_state_parse_netstat_s(DcStateJob *job)
{
  char section[32] = "";
  char prefix[40] = "";
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    const DcSpan trimmed = dc_span_trim(line);
    if (trimmed.len == 0)
      continue;
    DcSpan words = trimmed;
    DcSpan key, word;
    uint64_t number;
    bool good = true;
    if (!dc_is_space(line.at[0])) {
      good = dc_span_ends(trimmed, ":") && dc_span_copy(dc_span(trimmed.at, trimmed.len - 1), section, sizeof section);
      snprintf(prefix, sizeof prefix, "%s.", section);
    } else if (section[0] == '\0') {
      good = false;
    } else if (dc_span_cut(&words, ':', &key)) {
      /* "TCPSackShifted: 12": what the tool had no sentence for. A histogram's rows are words. */
      if (memchr(key.at, ' ', key.len) == NULL && dc_span_u64(dc_span_trim(words), &number))
        good = dc_job_counter(job, prefix, key, number);
    } else if (dc_span_word(&words, &word) && dc_span_u64(word, &number)) {
      const char *name = sentence_name(section, dc_span_trim(words));
      if (name != NULL)
        good = dc_job_counter(job, prefix, dc_span(name, strlen(name)), number);
    }
    job->taken += good;
    job->skipped += !good;
  }
}

/* --- netstat -i --------------------------------------------------------------------------- */

/*
 *   Iface   MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg
 *   eth0   1400     3626      0    242 0          2038      0      0      0 BMRU
 */
static const struct {
  const char *column, *name;
} interface_columns[] = {{"RX-OK", "rx_packets"},  {"RX-ERR", "rx_errors"}, {"RX-DRP", "rx_dropped"},
                         {"RX-OVR", "rx_fifo"},    {"TX-OK", "tx_packets"}, {"TX-ERR", "tx_errors"},
                         {"TX-DRP", "tx_dropped"}, {"TX-OVR", "tx_fifo"}};

void dc_state_parse_netstat_i(DcStateJob *job)
{
  DcSpan header = {0};
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0 || dc_span_is(line, "Kernel Interface table"))
      continue;
    if (dc_span_starts(line, "Iface")) {
      header = line;
      job->taken++;
      continue;
    }
    DcSpan columns = header;
    DcSpan column, value, device;
    char prefix[48];
    size_t known = 0;
    if (!dc_span_word(&columns, &column) || !dc_span_word(&line, &device) || device.len >= 32) {
      job->skipped++;
      continue;
    }
    snprintf(prefix, sizeof prefix, "dev.%.*s.", (int)device.len, device.at);
    while (dc_span_word(&columns, &column) && dc_span_word(&line, &value)) {
      uint64_t number;
      for (size_t i = 0; i < sizeof interface_columns / sizeof interface_columns[0]; i++) {
        const char *name = interface_columns[i].name;
        if (dc_span_is(column, interface_columns[i].column) && dc_span_u64(value, &number))
          known += dc_job_counter(job, prefix, dc_span(name, strlen(name)), number);
      }
    }
    job->taken += known > 0;
    job->skipped += known == 0;
  }
}

/* --- ifconfig ------------------------------------------------------------------------------ */

/*
 * net-tools 2:  eth0: flags=4163<UP,BROADCAST>  mtu 1500      1.60:  eth0      Link encap:Ethernet  HWaddr 02:...
 *                       inet 10.0.0.1  netmask 255.255.255.0                   inet addr:10.0.0.1  Mask:255.255.255.0
 *                       inet6 fe80::1  prefixlen 64                            inet6 addr: fe80::1/64 Scope:Link
 *                       ether 02:fc:00:00:00:01
 *                       RX packets 3626  bytes 159472440 (152.0 MiB)           RX packets:3626 errors:0 dropped:242
 *                       RX errors 0  dropped 242  overruns 0  frame 0             overruns:0 frame:0
 */
typedef struct {
  const char *word, *name;
} IfconfigCount;

static const IfconfigCount ifconfig_counts[] = {{"packets", "packets"}, {"errors", "errors"}, {"dropped", "dropped"},
                                                {"overruns", "fifo"},   {"frame", "frame"},   {"bytes", "bytes"}};

/* "dropped 242" and "dropped:242" */
static void ifconfig_counters(DcStateJob *job, const char *prefix, DcSpan line)
{
  DcSpan word, key, value;
  const IfconfigCount *wanted = NULL;
  while (dc_span_word(&line, &word)) {
    uint64_t number;
    value = word;
    if (dc_span_cut(&value, ':', &key))
      word = key;
    else
      value = word;
    if (wanted == NULL || value.at != word.at) {
      wanted = NULL;
      for (size_t i = 0; i < sizeof ifconfig_counts / sizeof ifconfig_counts[0]; i++) {
        if (dc_span_is(word, ifconfig_counts[i].word))
          wanted = &ifconfig_counts[i];
      }
      if (value.at == word.at)
        continue;
    }
    if (wanted != NULL && dc_span_u64(value, &number))
      dc_job_counter(job, prefix, dc_span(wanted->name, strlen(wanted->name)), number);
    wanted = NULL;
  }
}

/* The word behind "key", which may stand glued to it: "inet 10.0.0.1", "addr:10.0.0.1", "addr: fe80::1/64" */
static bool word_behind(DcSpan line, const char *key, DcSpan *ret_word)
{
  DcSpan rest;
  return dc_span_after(line, key, &rest) && dc_span_word(&rest, ret_word);
}

static uint8_t mask_length(DcSpan mask)
{
  DcAddr addr;
  uint8_t length = 0;
  if (!dc_span_addr(mask, &addr) || addr.version != 4)
    return 32;
  for (size_t i = 0; i < 4; i++)
    length = (uint8_t)(length + __builtin_popcount(addr.bytes[i]));
  return length;
}

static void ifconfig_address(DcStateJob *job, const char *device, DcSpan line)
{
  DcSpan word, mask, host;
  DcAddr addr;
  uint64_t length = 128;
  if (dc_span_starts(line, "inet6 ")) {
    if (!word_behind(line, "inet6 addr:", &word) && !word_behind(line, "inet6 ", &word))
      return;
    if (word_behind(line, "prefixlen ", &mask))
      dc_span_u64(mask, &length);
    if (dc_span_cut(&word, '/', &host))
      word = host;
    if (dc_span_addr(word, &addr))
      dc_state_add_address(job->state, device, &addr, (uint8_t)(length <= 128 ? length : 128));
    return;
  }
  if (!word_behind(line, "inet addr:", &word) && !word_behind(line, "inet ", &word))
    return;
  const bool has_mask = word_behind(line, "netmask ", &mask) || word_behind(line, "Mask:", &mask);
  if (dc_span_addr(word, &addr))
    dc_state_add_address(job->state, device, &addr, has_mask ? mask_length(mask) : 32);
}

void dc_state_parse_ifconfig(DcStateJob *job)
{
  char device[32] = "";
  char prefix[48] = "";
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    const DcSpan trimmed = dc_span_trim(line);
    DcSpan words = trimmed;
    DcSpan word, mac_word;
    if (!dc_span_word(&words, &word))
      continue;
    bool good = true;
    if (!dc_is_space(line.at[0])) {
      if (dc_span_ends(word, ":"))
        word.len--;
      good = (dc_span_starts(dc_span_trim(words), "flags=") || dc_span_starts(dc_span_trim(words), "Link encap:")) &&
             dc_span_copy(word, device, sizeof device);
    } else if (device[0] == '\0') {
      good = false;
    } else if (dc_span_is(word, "inet") || dc_span_is(word, "inet6")) {
      ifconfig_address(job, device, trimmed);
    } else if (dc_span_is(word, "RX") || dc_span_is(word, "TX")) {
      snprintf(prefix, sizeof prefix, "dev.%s.%s_", device, dc_span_is(word, "RX") ? "rx" : "tx");
      ifconfig_counters(job, prefix, words);
    }
    char text[DC_MAC_TEXT_MAX];
    uint8_t mac[6];
    if (good && (word_behind(trimmed, "ether ", &mac_word) || word_behind(trimmed, "HWaddr ", &mac_word)) &&
        dc_span_copy(mac_word, text, sizeof text) && dc_mac_parse(text, mac))
      dc_state_add_mac(job->state, device, 0, mac);
    job->taken += good;
    job->skipped += !good;
  }
}
