/*
 * Settings and tables: sysctl, /proc/net/ptype and packet, the kernel log, uname.
 */
#include "state_job.h"

#include <stdio.h>

/* --- sysctl ------------------------------------------------------------------------ */

static bool is_sysctl_name(DcSpan name)
{
  for (size_t i = 0; i < name.len; i++) {
    const unsigned char c = (unsigned char)name.at[i];
    if (c <= ' ' || c >= 0x7f)
      return false;
  }
  return name.len > 0 && (memchr(name.at, '.', name.len) != NULL || memchr(name.at, '/', name.len) != NULL);
}

/* What bears on packets: a whole `sysctl -a` has thousands more. */
static bool sysctl_matters(const char *name)
{
  static const char *const prefixes[] = {"net.",           "vm.min_free_kbytes", "vm.overcommit", "kernel.osrelease",
                                         "kernel.version", "kernel.pid_max",     "fs.file-max",   "fs.nr_open"};
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
      return true;
  }
  return false;
}

/*
 * "net.ipv4.tcp_syncookies = 1" (sysctl -a), "net.ipv4.tcp_syncookies=1" (sysctl.conf),
 * "/proc/sys/net/ipv4/tcp_syncookies:1" (grep . /proc/sys/...). In the path form a dot belongs to a
 * device's name, which sysctl writes as a slash: net.ipv4.conf.eth0/100.rp_filter.
 */
static bool sysctl_line(DcStateJob *job, DcSpan line)
{
  DcSpan name, path;
  const bool is_path = dc_span_after(line, "/proc/sys/", &path) && path.at - line.at == (ptrdiff_t)strlen("/proc/sys/");
  if (is_path)
    line = path;
  if (!dc_span_cut(&line, is_path && memchr(line.at, ':', line.len) != NULL ? ':' : '=', &name))
    return false;
  name = dc_span_trim(name);
  char copy[DC_STATE_NAME_MAX];
  char value[DC_STATE_VALUE_MAX];
  if (!is_sysctl_name(name) || !dc_span_copy(name, copy, sizeof copy))
    return false;
  const bool slashes = is_path || memchr(name.at, '.', name.len) == NULL;
  for (char *c = copy; slashes && *c != '\0'; c++)
    *c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
  if (!sysctl_matters(copy))
    return true;
  dc_span_copy_cut(dc_span_trim(line), value, sizeof value);
  dc_state_set_sysctl(job->state, copy, value);
  if (strcmp(copy, "kernel.osrelease") == 0 && dc_state_kernel_release(job->state) == NULL)
    dc_state_set_text(job->state, "uname", value, strlen(value));
  return true;
}

void dc_state_parse_sysctl(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    /* comments of sysctl.conf; what sysctl could not read ("sysctl: permission denied on key ...") */
    if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';' || dc_span_starts(line, "sysctl: "))
      continue;
    const bool good = sysctl_line(job, line);
    job->taken += good;
    job->skipped += !good;
  }
}

/* --- ptype, packet ------------------------------------------------------------------- */

/*
 * net/core/net-procfs.c, "%04x" or "ALL ", then " %-8s %ps":
 *   Type Device      Function
 *   ALL  eth0     tpacket_rcv [af_packet]
 *   0800          ip_rcv
 */
static bool ptype_row(DcSpan line, DcProtocolHandler *ret_handler)
{
  DcSpan type, words[3];
  uint64_t ethertype = 0;
  size_t count = 0;
  if (!dc_span_word(&line, &type))
    return false;
  const bool is_all = dc_span_is(type, "ALL");
  if (!is_all && (type.len != 4 || !dc_span_hex(type, &ethertype)))
    return false;
  while (count < 3 && dc_span_word(&line, &words[count]))
    count++;
  /* the module of the symbol */
  if (count >= 2 && dc_span_starts(words[count - 1], "["))
    count--;
  if (count < 1 || count > 2 || dc_span_trim(line).len > 0)
    return false;

  DcProtocolHandler handler = {.ethertype = is_all ? -1 : (int32_t)ethertype};
  if (count == 2 && !dc_span_copy(words[0], handler.device, sizeof handler.device))
    return false;
  dc_span_copy_cut(words[count - 1], handler.handler, sizeof handler.handler);
  *ret_handler = handler;
  return true;
}

void dc_state_parse_ptype(DcStateJob *job)
{
  /* While we capture, our own taps stand in it: only what was there before us tells of others. */
  const bool taps = job->sample->phase == DC_PHASE_BEFORE || job->sample->phase == DC_PHASE_ONCE;
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    if (dc_span_trim(line).len == 0)
      continue;
    DcProtocolHandler handler;
    if (dc_span_starts(dc_span_trim(line), "Type")) {
      job->taken++;
    } else if (ptype_row(line, &handler)) {
      job->taken++;
      if (handler.ethertype >= 0 || taps)
        dc_state_add_handler(job->state, &handler);
    } else {
      job->skipped++;
    }
  }
}

/*
 * net/packet/af_packet.c, "%pK %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6lu":
 *   sk               RefCnt Type Proto  Iface R Rmem   User   Inode
 *   00000000b2ce8b7d 3      3    88cc   2     1 0      101    19035
 * Proto 0003 is ETH_P_ALL, 0 a socket that takes nothing yet; R 0: not running.
 */
static bool packet_row(DcStateJob *job, DcSpan line)
{
  enum { SOCKET, REFERENCES, TYPE, PROTOCOL, INTERFACE, RUNNING, WORDS };
  DcSpan words[WORDS];
  size_t count = 0;
  uint64_t protocol, ifindex, running;
  while (count < WORDS && dc_span_word(&line, &words[count]))
    count++;
  if (count < WORDS || words[PROTOCOL].len != 4 || !dc_span_hex(words[PROTOCOL], &protocol) ||
      !dc_span_u64(words[INTERFACE], &ifindex) || !dc_span_u64(words[RUNNING], &running) || ifindex > UINT32_MAX)
    return false;
  const bool is_all = protocol == 3;
  const bool taps = job->sample->phase == DC_PHASE_BEFORE || job->sample->phase == DC_PHASE_ONCE;
  if (running == 0 || protocol == 0 || (is_all && !taps))
    return true;
  DcProtocolHandler handler = {.ethertype = is_all ? -1 : (int32_t)protocol, .handler = DC_HANDLER_PACKET_SOCKET};
  const char *device = dc_state_device_name(job->state, (uint32_t)ifindex);
  if (device != NULL)
    snprintf(handler.device, sizeof handler.device, "%s", device);
  else if (ifindex != 0)
    snprintf(handler.device, sizeof handler.device, "ifindex %u", (unsigned)ifindex);
  dc_state_add_handler(job->state, &handler);
  return true;
}

void dc_state_parse_packet(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0)
      continue;
    const bool good = dc_span_starts(line, "sk ") || packet_row(job, line);
    job->taken += good;
    job->skipped += !good;
  }
}

/* --- kernel log ------------------------------------------------------------------------- */

/* The kernel's words where it drops packets or is about to, 3.10 to 6.18. */
static const char *const drop_words[] = {
    "table full, dropping packet", /* nf_conntrack: [nf_conntrack: ]table full, dropping packet */
    "table full in netns",         /* 6.18: nf_conntrack: table full in netns N, dropping packet */
    "ossible SYN flooding",        /* TCP: [request_sock_TCP: ]Possible SYN flooding on port N. */
    "drop open request from",      /* TCP: drop open request from 10.0.0.3/40001 */
    "martian source",              /* IPv4: martian source 10.0.0.1 from 127.0.0.1, on dev eth0 */
    "martian destination",
    "ll header: ",   /* the line after a martian's */
    "able overflow", /* neighbour: arp_cache: neighbor table overflow!; TCP: time wait bucket table overflow */
    "out of memory -- consider tuning tcp_mem",
    "too many orphaned sockets",
    "UDP: bad checksum",
    "UDP: short packet",
    "UDP-Lite: bad checksum",
    "UDP-Lite: short packet",
    "UDPv6: bad checksum",
    "UDPv6: short packet",
    "hw csum failure",
    "NETDEV WATCHDOG",
    "page allocation failure",
    "Route cache is full",
    "dst cache overflow",
    "unexpectedly shrunk window",
    "with own address as source address", /* bridge: received packet on eth0 with own address ... */
    "is buggy, dev",                      /* protocol 0000 is buggy, dev eth0 */
    "IN=",                                /* netfilter LOG rules: IN=eth0 OUT= MAC=... SRC=... DST=... */
};

bool dc_state_text_is_drop_line(const char *text, size_t len)
{
  const DcSpan line = dc_span(text, len);
  for (size_t i = 0; i < sizeof drop_words / sizeof drop_words[0]; i++) {
    DcSpan rest;
    if (!dc_span_after(line, drop_words[i], &rest))
      continue;
    /* "IN=" alone is too short to mean a firewall's line */
    if (strcmp(drop_words[i], "IN=") != 0 ||
        (dc_span_after(rest, " SRC=", &rest) && dc_span_after(rest, " DST=", &rest)))
      return true;
  }
  return false;
}

void dc_state_parse_dmesg(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0)
      continue;
    if (dc_span_starts(line, "dmesg: ")) { /* "dmesg: read kernel buffer failed: Operation not permitted" */
      job->skipped++;
      continue;
    }
    job->taken++;
    if (dc_state_text_is_drop_line(line.at, line.len))
      dc_state_add_kernel_line(job->state, line.at, line.len);
  }
}

/* --- texts kept as they are -------------------------------------------------------------- */

void dc_state_parse_uname(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line = {0};
  while (dc_span_line(&rest, &line) && dc_span_trim(line).len == 0)
    continue;
  line = dc_span_trim(line);
  dc_state_set_text(job->state, job->object, line.at, line.len);
  const char *release = dc_state_kernel_release(job->state);
  const bool good = release != NULL && dc_span_after(line, release, &rest);
  job->taken += good;
  job->skipped += !good;
}

/* arp and the like: nothing is read from them, they serve as proof. */
void dc_state_parse_table_text(DcStateJob *job)
{
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line))
    job->taken += dc_span_trim(line).len > 0;
  if (job->taken > 0)
    dc_job_keep_text(job);
}
