/*
 * Counters of /proc/net, sysfs, ethtool, conntrack and tc.
 *
 *   snmp, netstat         net/ipv4/proc.c     "Udp: NAME NAME" over "Udp: 1 2": a line of names, a line of values
 *   snmp6                 net/ipv6/proc.c     "NAME<blanks>value"
 *   softnet_stat          net/core/net-procfs.c  a row of %08x per CPU
 *   dev                   net/core/net-procfs.c  two header lines, "IF: 16 values"
 *   stat/rt_cache, stat/nf_conntrack, stat/arp_cache   names, then a row of %08x per CPU
 *
 * Columns come and go between kernels: whatever carries a name is taken by its name.
 */
#include "state_job.h"

#include <stdio.h>

static bool is_name_char(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || dc_is_digit(c) || c == '_';
}

static bool is_name(DcSpan span)
{
  for (size_t i = 0; i < span.len; i++) {
    if (!is_name_char(span.at[i]))
      return false;
  }
  return span.len > 0;
}

/* --- snmp, netstat --------------------------------------------------------------- */

static bool is_value(DcSpan span)
{
  return span.len > 0 && (dc_is_digit(span.at[0]) || (span.len > 1 && span.at[0] == '-' && dc_is_digit(span.at[1])));
}

/* Names and values side by side. False when there are more of one than of the other: then the file is
 * cut off, and the last value may be, too. */
static bool take_pairs(DcStateJob *job, DcSpan protocol, DcSpan names, DcSpan values)
{
  char prefix[64];
  if (!is_name(protocol) || protocol.len + 2 > sizeof prefix)
    return false;
  snprintf(prefix, sizeof prefix, "%.*s.", (int)protocol.len, protocol.at);

  DcSpan name, value;
  bool has_name = dc_span_word(&names, &name);
  bool has_value = dc_span_word(&values, &value);
  while (has_name && has_value) {
    DcSpan next_name, next_value;
    const bool more_names = dc_span_word(&names, &next_name);
    const bool more_values = dc_span_word(&values, &next_value);
    uint64_t number;
    /* Tcp MaxConn is -1 where there is none: not a counter */
    if (more_names == more_values && dc_span_u64(value, &number))
      dc_job_counter(job, prefix, name, number);
    has_name = more_names;
    has_value = more_values;
    name = next_name;
    value = next_value;
  }
  return has_name == has_value;
}

void dc_state_parse_snmp(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  DcSpan header_protocol = {0};
  DcSpan header_names = {0};
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    DcSpan protocol;
    if (!dc_span_cut(&line, ':', &protocol)) {
      job->skipped++;
      continue;
    }
    const DcSpan body = dc_span_trim(line);
    if (!is_value(body)) {
      /* names without values before them */
      job->skipped += header_protocol.len > 0;
      header_protocol = protocol;
      header_names = body;
      continue;
    }
    if (header_protocol.len > 0 && dc_span_equal(protocol, header_protocol) &&
        take_pairs(job, protocol, header_names, body))
      job->taken += 2;
    else
      job->skipped += 2;
    header_protocol.len = 0;
  }
  job->skipped += header_protocol.len > 0;
}

/* --- lines of a name and a value --------------------------------------------------- */

void dc_state_parse_snmp6(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    DcSpan name, value;
    uint64_t number;
    if (!dc_span_word(&line, &name))
      continue;
    if (is_name(name) && dc_span_word(&line, &value) && dc_span_u64(value, &number) && dc_span_trim(line).len == 0 &&
        dc_job_counter(job, "", name, number))
      job->taken++;
    else
      job->skipped++;
  }
}

/* "rx_dropped 12"; also "rx_dropped:12" and a path before the name, as `grep . *` prints them. */
void dc_state_parse_sysfs(DcStateJob *job)
{
  char prefix[64];
  snprintf(prefix, sizeof prefix, "sys.%s.", job->device);
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0)
      continue;
    DcSpan name, value, path;
    uint64_t number;
    if (!dc_span_cut_last(&line, ':', &name))
      dc_span_word(&line, &name);
    dc_span_cut_last(&name, '/', &path);
    name = dc_span_trim(name);
    if (is_name(name) && dc_span_word(&line, &value) && dc_span_u64(value, &number) && dc_span_trim(line).len == 0 &&
        dc_job_counter(job, prefix, name, number))
      job->taken++;
    else
      job->skipped++;
  }
}

/* "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 312" */
void dc_state_parse_sockstat(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    DcSpan protocol, name, value;
    if (dc_span_trim(line).len == 0)
      continue;
    char prefix[64];
    bool good = dc_span_cut(&line, ':', &protocol) && is_name(protocol) && protocol.len < 32;
    if (good)
      snprintf(prefix, sizeof prefix, "sockstat.%.*s.", (int)protocol.len, protocol.at);
    while (good && dc_span_word(&line, &name)) {
      uint64_t number;
      good = is_name(name) && dc_span_word(&line, &value) && dc_span_u64(value, &number) &&
             dc_job_counter(job, prefix, name, number);
    }
    job->taken += good;
    job->skipped += !good;
  }
}

/* --- softnet_stat --------------------------------------------------------------------- */

/*
 *   0 processed  1 dropped  2 time_squeeze  3..7 zero  8 cpu_collision (before 4.9)  9 received_rps
 *   10 flow_limit (3.11)  11 backlog length  12 CPU (5.10)  13 input queue  14 process queue (6.x)
 */
void dc_state_parse_softnet(DcStateJob *job)
{
  static const struct {
    size_t column;
    const char *name;
  } columns[] = {{0, "processed"},    {1, "dropped"},     {2, "time_squeeze"},
                 {9, "received_rps"}, {10, "flow_limit"}, {11, "backlog"}};
  enum { COLUMNS = sizeof columns / sizeof columns[0], WORDS = 32, WORDS_MIN = 3 };
  uint64_t sums[COLUMNS] = {0};
  bool known[COLUMNS] = {false};

  DcSpan rest = job->text;
  DcSpan line, word;
  while (dc_span_line(&rest, &line)) {
    uint64_t values[WORDS] = {0};
    size_t count = 0;
    bool good = true;
    while (good && dc_span_word(&line, &word)) {
      /* always eight digits: fewer are a cut-off number */
      good = count < WORDS && word.len == 8 && dc_span_hex(word, &values[count]);
      count++;
    }
    if (good && count == 0)
      continue;
    good = good && count >= WORDS_MIN;
    job->taken += good;
    job->skipped += !good;
    for (size_t i = 0; good && i < COLUMNS; i++) {
      if (columns[i].column < count) {
        sums[i] += values[columns[i].column];
        known[i] = true;
      }
    }
  }
  /* a sum without some CPU's row would look like a counter that went back */
  for (size_t i = 0; job->skipped == 0 && i < COLUMNS; i++) {
    if (known[i])
      dc_job_counter(job, "softnet.", dc_span(columns[i].name, strlen(columns[i].name)), sums[i]);
  }
}

/* --- dev ------------------------------------------------------------------------------ */

void dc_state_parse_dev(DcStateJob *job)
{
  static const char *const columns[] = {"rx_bytes", "rx_packets",    "rx_errors",     "rx_dropped",
                                        "rx_fifo",  "rx_frame",      "rx_compressed", "multicast",
                                        "tx_bytes", "tx_packets",    "tx_errors",     "tx_dropped",
                                        "tx_fifo",  "tx_collisions", "tx_carrier",    "tx_compressed"};
  enum { COLUMNS = sizeof columns / sizeof columns[0] };
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0)
      continue;
    /* the header, two lines */
    if (memchr(line.at, '|', line.len) != NULL) {
      job->taken++;
      continue;
    }
    /* "eth0:12345" was printed without a blank before 2.6.39 and stays so in saved files */
    DcSpan name, value;
    uint64_t values[COLUMNS];
    size_t count = 0;
    char prefix[64];
    bool good = dc_span_cut_last(&line, ':', &name);
    name = dc_span_trim(good ? name : line);
    good = good && name.len > 0 && name.len < 32;
    while (good && dc_span_word(&line, &value)) {
      good = count < COLUMNS && dc_span_u64(value, &values[count]);
      count++;
    }
    good = good && count == COLUMNS;
    job->taken += good;
    job->skipped += !good;
    if (!good)
      continue;
    snprintf(prefix, sizeof prefix, "dev.%.*s.", (int)name.len, name.at);
    for (size_t i = 0; i < COLUMNS; i++)
      dc_job_counter(job, prefix, dc_span(columns[i], strlen(columns[i])), values[i]);
  }
}

/* --- tables with a row per CPU ----------------------------------------------------------- */

static void set_sums(DcStateJob *job, const char *prefix, const DcSums *sums)
{
  for (size_t i = 0; i < sums->count; i++)
    dc_job_counter(job, prefix, sums->rows[i].name, sums->rows[i].sum);
}

static const char *table_prefix(const char *object)
{
  if (strcmp(object, "nf_conntrack_stat") == 0)
    return "conntrack.";
  if (strcmp(object, "arp_cache") == 0)
    return "arp_cache.";
  return strcmp(object, "ndisc_cache") == 0 ? "ndisc_cache." : "rt_cache.";
}

void dc_state_parse_stat_table(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan header, line, name, value;
  DcSums sums = {0};
  do {
    if (!dc_span_line(&rest, &header))
      return;
  } while (dc_span_trim(header).len == 0);
  DcSpan names = header;
  bool good = true;
  while (good && dc_span_word(&names, &name))
    good = is_name(name) && !dc_is_digit(name.at[0]) && dc_sums_add(&sums, name, 0);
  if (!good || sums.count < 2) {
    job->skipped++;
    return;
  }
  job->taken++;

  bool first = true;
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    uint64_t values[DC_SUMS_MAX];
    size_t count = 0;
    good = true;
    while (good && dc_span_word(&line, &value)) {
      good = count < sums.count && value.len >= 8 && dc_span_hex(value, &values[count]);
      count++;
    }
    good = good && count == sums.count;
    job->taken += good;
    job->skipped += !good;
    for (size_t i = 0; good && i < count; i++) {
      /* "entries" is one number of the whole table, repeated in each row */
      if (first || !dc_span_is(sums.rows[i].name, "entries"))
        sums.rows[i].sum += values[i];
    }
    first = first && !good;
  }
  if (!first && job->skipped == 0)
    set_sums(job, table_prefix(job->object), &sums);
}

/* "cpu=0  found=0 invalid=0 insert=0 insert_failed=0 drop=0 ..."; conntrack-tools before 1.0 a name
 * and its sum per line. */
void dc_state_parse_conntrack(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line, word;
  DcSums sums = {0};
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    bool good = true;
    size_t words = 0;
    DcSpan lone = {0};
    while (good && dc_span_word(&line, &word)) {
      DcSpan name;
      uint64_t number;
      words++;
      if (dc_span_cut(&word, '=', &name))
        good = is_name(name) && dc_span_u64(word, &number) &&
               (dc_span_is(name, "cpu") || dc_sums_add(&sums, name, number));
      else if (words == 1)
        lone = word;
      else
        good = words == 2 && is_name(lone) && dc_span_u64(word, &number) && dc_sums_add(&sums, lone, number);
    }
    good = good && words >= 2;
    job->taken += good;
    job->skipped += !good;
  }
  if (job->skipped == 0)
    set_sums(job, "conntrack.", &sums);
}

/* --- ethtool ----------------------------------------------------------------------------- */

/* "     rx_queue_0_drops: 12". Drivers choose the names: "[0]: rx_ucast_packets: 5", "port.rx_dropped: 0". */
void dc_state_parse_ethtool_stats(DcStateJob *job)
{
  char prefix[64];
  /* the output does not tell whose it is */
  snprintf(prefix, sizeof prefix, "ethtool.%s.", job->device[0] != '\0' ? job->device : "IF");
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0)
      continue;
    if (dc_span_is(line, "NIC statistics:") || dc_span_is(line, "no stats available")) {
      job->taken++;
      continue;
    }
    DcSpan name;
    uint64_t number;
    if (dc_span_cut_last(&line, ':', &name) && (name = dc_span_trim(name)).len > 0 &&
        dc_span_u64(dc_span_trim(line), &number) && dc_job_counter(job, prefix, name, number))
      job->taken++;
    else
      job->skipped++;
  }
}

/* "RX Mini" as "rx_mini" */
static bool ring_name(DcSpan name, const char *suffix, char to[static 32])
{
  size_t n = 0;
  for (; n < name.len && n < 24; n++) {
    const char c = name.at[n];
    to[n] = c == ' ' || c == '-' ? '_' : (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (!is_name_char(to[n]))
      return false;
  }
  if (n != name.len || n == 0)
    return false;
  memcpy(to + n, suffix, strlen(suffix) + 1);
  return true;
}

/* "Ring parameters for eth0:" says whose they are when the file's name does not. */
static void ring_prefix(const DcStateJob *job, DcSpan line, char prefix[static 64])
{
  DcSpan device;
  if (job->device[0] == '\0' && dc_span_after(line, "Ring parameters for ", &device) && dc_span_ends(device, ":") &&
      device.len > 1 && device.len <= 32)
    snprintf(prefix, 64, "ethtool_g.%.*s.", (int)device.len - 1, device.at);
}

void dc_state_parse_ethtool_ring(DcStateJob *job)
{
  char prefix[64];
  snprintf(prefix, sizeof prefix, "ethtool_g.%s.", job->device[0] != '\0' ? job->device : "IF");
  const char *suffix = NULL;
  DcSpan rest = job->text;
  DcSpan line, name;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0)
      continue;
    char counter[32];
    uint64_t number;
    bool good = true;
    if (dc_span_starts(line, "Ring parameters for")) {
      suffix = NULL;
      ring_prefix(job, line, prefix);
    } else if (dc_span_starts(line, "Pre-set maximums")) {
      suffix = "_max";
    } else if (dc_span_starts(line, "Current hardware settings")) {
      suffix = "";
    } else if (suffix == NULL || !dc_span_cut_last(&line, ':', &name)) {
      good = false;
    } else if (dc_span_u64(dc_span_trim(line), &number)) { /* others are "n/a", "on", "off" */
      good = ring_name(name, suffix, counter) && dc_job_counter(job, prefix, dc_span(counter, strlen(counter)), number);
    }
    job->taken += good;
    job->skipped += !good;
  }
  if (job->taken > 0)
    dc_job_keep_text(job);
}

/* "driver: virtio_net" and so on */
void dc_state_parse_ethtool_driver(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line, key;
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    const bool good = dc_span_cut(&line, ':', &key) && key.len > 0 && memchr(key.at, ' ', key.len) == NULL;
    job->taken += good;
    job->skipped += !good;
  }
  if (job->taken > 0)
    dc_job_keep_text(job);
}

/* --- tc -s qdisc ---------------------------------------------------------------------------- */

/*
 *   qdisc fq_codel 0: dev eth0 root refcnt 2 limit 10240p ...
 *    Sent 149367 bytes 2038 pkt (dropped 3, overlimits 0 requeues 0)
 * gives tc.eth0.fq_codel 0:.dropped and .overlimits. Everything else is read past.
 */
void dc_state_parse_qdisc(DcStateJob *job)
{
  char prefix[160] = "";
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    DcSpan word, handle, device, tail;
    DcSpan words = line;
    if (!dc_span_word(&words, &word))
      continue;
    if (!dc_is_space(line.at[0])) {
      /* a filter's or class's counters must not pass for the qdisc's before it */
      prefix[0] = '\0';
      const bool is_object = dc_span_is(word, "filter") || dc_span_is(word, "class");
      if (dc_span_is(word, "qdisc") && dc_span_word(&words, &word) && dc_span_word(&words, &handle) &&
          dc_span_after(words, "dev ", &tail) && dc_span_word(&tail, &device) &&
          word.len + handle.len + device.len + 8 < sizeof prefix) {
        snprintf(prefix, sizeof prefix, "tc.%.*s.%.*s %.*s.", (int)device.len, device.at, (int)word.len, word.at,
                 (int)handle.len, handle.at);
        job->taken++;
      } else {
        job->taken += is_object;
        job->skipped += !is_object;
      }
      continue;
    }
    static const char *const names[] = {"dropped", "overlimits"};
    for (size_t i = 0; prefix[0] != '\0' && dc_span_is(word, "Sent") && i < sizeof names / sizeof names[0]; i++) {
      uint64_t number;
      DcSpan value;
      if (!dc_span_after(line, names[i], &tail) || !dc_span_word(&tail, &value))
        continue;
      while (value.len > 0 && !dc_is_digit(value.at[value.len - 1]))
        value.len--;
      if (dc_span_u64(value, &number))
        dc_job_counter(job, prefix, dc_span(names[i], strlen(names[i])), number);
    }
  }
  if (job->taken > 0)
    dc_job_keep_text(job);
}
