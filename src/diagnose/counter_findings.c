/*
 * Losses that no frame shows: what the network card had no room for, or what a socket's buffer
 * lost before a capture was thought of, is told by counters alone. A counter that moved becomes a
 * finding of its own, with the number of losses and no frame accused, unless frames or drops
 * with that cause explain it already.
 *
 * Only counters whose step means loss stand here; others (a queue that was collapsed, a poll
 * that ran out of budget) are evidence and belong to the catalogue's rows.
 */
#include "diagnosis_state.h"

#include "checklist_private.h"
#include "rules_private.h"

#include <string.h>

#define COUNTERS_MAX 6
#define OF_MAX 3
#define DEVICES_MAX 64
/* Below this share a loss is usual; of totals since boot it says nothing. */
#define USUAL_RATE 10000

typedef struct {
  DcCause cause;
  DcConfidence confidence;            /* how surely the counter means this cause */
  uint8_t protocol;                   /* 0: not of one protocol */
  const char *what;                   /* what was lost, in the plural */
  const char *counters[COUNTERS_MAX]; /* their sum */
  const char *of[OF_MAX];             /* what came in on that way, lost or not: their sum */
} CounterRow;

static const CounterRow rows[] = {
    {DC_CAUSE_CPU_BACKLOG, DC_CONFIDENCE_CERTAIN, 0, "packets", {"softnet.dropped"}, {"softnet.processed"}},
    {DC_CAUSE_MEMORY_PRESSURE, DC_CONFIDENCE_CERTAIN, 0, "packets", {"TcpExt.PFMemallocDrop"}, {"Ip.InReceives"}},
    {DC_CAUSE_CONNTRACK_FULL, DC_CONFIDENCE_LIKELY, 0, "packets", {"conntrack.drop"}, {"Ip.InReceives"}},
    {DC_CAUSE_CONNTRACK_CLASH, DC_CONFIDENCE_LIKELY, 0, "packets", {"conntrack.insert_failed"}, {"Ip.InReceives"}},
    {DC_CAUSE_RP_FILTER, DC_CONFIDENCE_CERTAIN, 0, "packets", {"TcpExt.IPReversePathFilter"}, {"Ip.InReceives"}},
    {DC_CAUSE_IP_CHECKSUM, DC_CONFIDENCE_CERTAIN, 0, "packets", {"IpExt.InCsumErrors"}, {"Ip.InReceives"}},
    {DC_CAUSE_TRUNCATED, DC_CONFIDENCE_CERTAIN, 0, "packets", {"IpExt.InTruncatedPkts"}, {"Ip.InReceives"}},
    {DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_CERTAIN, 0, "packets", {"IpExt.InNoRoutes", "Ip6InNoRoutes"}, {"Ip.InReceives"}},
    {DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY, 0, "packets", {"Ip.InAddrErrors"}, {"Ip.InReceives"}},
    {DC_CAUSE_NO_L4_PROTOCOL, DC_CONFIDENCE_CERTAIN, 0, "packets", {"Ip.InUnknownProtos"}, {"Ip.InReceives"}},
    {DC_CAUSE_FRAGMENT_INCOMPLETE,
     DC_CONFIDENCE_CERTAIN,
     0,
     "datagrams",
     {"Ip.ReasmTimeout", "Ip6ReasmTimeout"},
     {"Ip.ReasmReqds", "Ip6ReasmReqds"}},
    {DC_CAUSE_MARTIAN_SOURCE, DC_CONFIDENCE_CERTAIN, 0, "packets", {"rt_cache.in_martian_src"}, {"Ip.InReceives"}},
    {DC_CAUSE_MARTIAN_DESTINATION, DC_CONFIDENCE_CERTAIN, 0, "packets", {"rt_cache.in_martian_dst"}, {"Ip.InReceives"}},
    {DC_CAUSE_UDP_RCVBUF,
     DC_CONFIDENCE_CERTAIN,
     PROTO_UDP,
     "datagrams",
     {"Udp.RcvbufErrors", "Udp6RcvbufErrors"},
     {"Udp.InDatagrams", "Udp6InDatagrams", "Udp.InErrors"}},
    {DC_CAUSE_UDP_MEMORY,
     DC_CONFIDENCE_CERTAIN,
     PROTO_UDP,
     "datagrams",
     {"Udp.MemErrors", "Udp6MemErrors"},
     {"Udp.InDatagrams", "Udp6InDatagrams", "Udp.InErrors"}},
    {DC_CAUSE_UDP_CHECKSUM,
     DC_CONFIDENCE_CERTAIN,
     PROTO_UDP,
     "datagrams",
     {"Udp.InCsumErrors", "Udp6InCsumErrors"},
     {"Udp.InDatagrams", "Udp6InDatagrams", "Udp.InErrors"}},
    {DC_CAUSE_NO_SOCKET,
     DC_CONFIDENCE_CERTAIN,
     PROTO_UDP,
     "datagrams",
     {"Udp.NoPorts", "Udp6NoPorts"},
     {"Udp.InDatagrams", "Udp6InDatagrams", "Udp.NoPorts"}},
    {DC_CAUSE_ICMP_CHECKSUM, DC_CONFIDENCE_CERTAIN, PROTO_ICMP, "messages", {"Icmp.InCsumErrors"}, {"Icmp.InMsgs"}},
    {DC_CAUSE_TCP_CHECKSUM, DC_CONFIDENCE_CERTAIN, PROTO_TCP, "segments", {"Tcp.InCsumErrors"}, {"Tcp.InSegs"}},
    {DC_CAUSE_TCP_RCVBUF,
     DC_CONFIDENCE_CERTAIN,
     PROTO_TCP,
     "segments",
     {"TcpExt.RcvPruned", "TcpExt.OfoPruned", "TcpExt.TCPRcvQDrop", "TcpExt.TCPOFODrop", "TcpExt.TCPZeroWindowDrop"},
     {"Tcp.InSegs"}},
    {DC_CAUSE_TCP_MEMORY, DC_CONFIDENCE_CERTAIN, PROTO_TCP, "connections", {"TcpExt.TCPAbortOnMemory"}, {NULL}},
    {DC_CAUSE_SOCKET_BACKLOG, DC_CONFIDENCE_CERTAIN, PROTO_TCP, "segments", {"TcpExt.TCPBacklogDrop"}, {"Tcp.InSegs"}},
    {DC_CAUSE_PAWS,
     DC_CONFIDENCE_CERTAIN,
     PROTO_TCP,
     "segments",
     {"TcpExt.PAWSEstab", "TcpExt.PAWSActive"},
     {"Tcp.InSegs"}},
    {DC_CAUSE_TW_RECYCLE_NAT,
     DC_CONFIDENCE_LIKELY,
     PROTO_TCP,
     "connection attempts",
     {"TcpExt.PAWSPassive"},
     {"Tcp.PassiveOpens", "TcpExt.PAWSPassive"}},
    {DC_CAUSE_ACCEPT_QUEUE_FULL,
     DC_CONFIDENCE_CERTAIN,
     PROTO_TCP,
     "connection attempts",
     {"TcpExt.ListenOverflows"},
     {"Tcp.PassiveOpens", "TcpExt.ListenOverflows"}},
    {DC_CAUSE_SYN_QUEUE_FULL,
     DC_CONFIDENCE_CERTAIN,
     PROTO_TCP,
     "connection attempts",
     {"TcpExt.TCPReqQFullDrop"},
     {"Tcp.PassiveOpens", "TcpExt.TCPReqQFullDrop"}},
    /* No SYN is lost, but each gets a cookie in place of a full answer: that many are too many. */
    {DC_CAUSE_SYN_FLOOD,
     DC_CONFIDENCE_LIKELY,
     PROTO_TCP,
     "SYNs answered by cookie",
     {"TcpExt.TCPReqQFullDoCookies"},
     {"Tcp.PassiveOpens", "TcpExt.TCPReqQFullDoCookies"}},
};

/* --- one counted loss ------------------------------------------------------------------- */

typedef struct {
  const CounterRow *row;
  const char *device; /* NULL: the host's */
  uint64_t lost, of;
  bool since_boot; /* a single sample */
  GString *proof;  /* "Udp.RcvbufErrors +12 (3 to 15)" */
  const DcCause *rivals;
  size_t rival_count;
} Counted;

/* What a counter says: its step, or its value where one sample is all there is. False: not known. */
static bool counter_said(const DcState *state, const char *name, bool framed, uint64_t *ret_value)
{
  const DcCounterStep step = dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE);
  *ret_value = step.step;
  if (step.known || framed)
    return step.known;
  return dc_state_counter_value(state, name, ret_value);
}

static bool is_framed(const DcState *state, const char *name)
{
  return dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE).known;
}

static void add_counter(const DcState *state, Counted *counted, const char *name)
{
  uint64_t value;
  if (!counter_said(state, name, !counted->since_boot, &value) || value == 0)
    return;
  const DcCounterStep step = dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE);
  counted->lost += value;
  g_string_append_printf(counted->proof, "%s%s", counted->proof->len > 0 ? ", " : "", name);
  if (counted->since_boot)
    g_string_append_printf(counted->proof, " %" G_GUINT64_FORMAT " since boot", value);
  else
    g_string_append_printf(counted->proof, " +%" G_GUINT64_FORMAT " (%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ")",
                           step.step, step.first, step.last);
}

static void count_row(const DcState *state, Counted *counted)
{
  counted->since_boot = true;
  for (size_t i = 0; i < COUNTERS_MAX && counted->row->counters[i] != NULL; i++)
    counted->since_boot = counted->since_boot && !is_framed(state, counted->row->counters[i]);
  for (size_t i = 0; i < COUNTERS_MAX && counted->row->counters[i] != NULL; i++)
    add_counter(state, counted, counted->row->counters[i]);
  for (size_t i = 0; i < OF_MAX && counted->row->of[i] != NULL; i++) {
    uint64_t value;
    if (counter_said(state, counted->row->of[i], !counted->since_boot, &value))
      counted->of += value;
  }
}

/* --- what is explained already ------------------------------------------------------------- */

/* Causes that one counter may stand for: frames say which. */
static DcCause other_name(DcCause cause)
{
  if (cause == DC_CAUSE_SYN_QUEUE_FULL)
    return DC_CAUSE_SYN_FLOOD;
  return cause == DC_CAUSE_TW_RECYCLE_NAT ? DC_CAUSE_PAWS : cause;
}

static bool is_explained(const DcDiagnosis *self, const CounterRow *row)
{
  for (size_t i = 0; i < dc_groups_count(self->groups); i++) {
    const DcGroup *group = dc_groups_at(self->groups, i);
    if ((group->cause == row->cause || group->cause == other_name(row->cause)) && group->frames + group->attempts > 0 &&
        (row->protocol == 0 || group->service.protocol == 0 || group->service.protocol == row->protocol))
      return true;
  }
  return false;
}

/* Drops that may be of that cause and are no frame's. */
static bool has_loose_drops(const DcDiagnosis *self, DcCause cause)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, self->drop_tallies);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const DcDropTally *tally = value;
    if (tally->status == DC_DROP_STATUS_UNMATCHED && (tally->cause == cause || tally->cause == DC_CAUSE_UNCLASSIFIED))
      return true;
  }
  return false;
}

/* Where every drop gives an event of its own, one that gave none is no packet's that anybody looks for. */
static bool is_elsewhere(const DcDiagnosis *self, DcCause cause)
{
  const bool told = self->options.have_drops && g_strcmp0(self->drop_mode, "summary") != 0;
  return told && dc_check_shows_as_drop(self->state, dc_catalogue(cause)) && !has_loose_drops(self, cause);
}

/* --- into a finding -------------------------------------------------------------------------- */

static void give(DcDiagnosis *self, const Counted *counted)
{
  const CounterRow *row = counted->row;
  if (counted->lost == 0)
    return;
  /* Totals since boot say something only when they are a share of what came in that nobody would call usual. */
  if (counted->since_boot && (counted->of == 0 || counted->of / counted->lost >= USUAL_RATE))
    return;
  DcService service = {.protocol = row->protocol, .ethertype = -1};
  if (counted->device != NULL)
    g_strlcpy(service.interface, counted->device, sizeof service.interface);
  DcGroup *group = dc_groups_counted(self->groups, row->cause, &service);
  memset(group->rivals, 0, sizeof group->rivals);
  for (size_t i = 0; i < counted->rival_count; i++)
    group->rivals[counted->rivals[i]] = counted->lost;
  group->counted = counted->lost;
  group->counted_of = MAX(counted->of, counted->lost);
  group->counted_what = row->what;
  group->since_boot = counted->since_boot;
  group->confidence = counted->since_boot ? DC_CONFIDENCE_POSSIBLE : row->confidence;
  dc_tally_clear(group->why);
  memset(group->why, 0, sizeof group->why);
  dc_tally_add(group->why, counted->proof->str, 1);
}

static void give_row(DcDiagnosis *self, const CounterRow *row)
{
  if (is_explained(self, row) || is_elsewhere(self, row->cause))
    return;
  Counted counted = {.row = row, .proof = g_string_new(NULL)};
  count_row(self->state, &counted);
  give(self, &counted);
  g_string_free(counted.proof, TRUE);
}

/* --- devices --------------------------------------------------------------------------------- */

/* Cards count one loss under several names: the largest number is what is certain. */
typedef struct {
  const DcState *state;
  const char *device;
  bool framed;
  uint64_t ring, errors, details, dropped, received;
  char ring_name[DC_STATE_NAME_MAX], errors_name[DC_STATE_NAME_MAX], dropped_name[DC_STATE_NAME_MAX];
} DeviceCounts;

static void take_largest(uint64_t *largest, char name[static DC_STATE_NAME_MAX], uint64_t value, const char *counter)
{
  if (value <= *largest)
    return;
  *largest = value;
  g_strlcpy(name, counter, DC_STATE_NAME_MAX);
}

static const char *device_counter(const char *name, const char *device)
{
  static const char *const sources[] = {"sys.", "dev.", "ethtool."};
  for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
    if (!g_str_has_prefix(name, sources[i]))
      continue;
    const char *rest = name + strlen(sources[i]);
    const size_t len = strlen(device);
    return strncmp(rest, device, len) == 0 && rest[len] == '.' ? rest + len + 1 : NULL;
  }
  return NULL;
}

static void count_device(const char *name, const DcCounterStep *whole, void *data)
{
  DeviceCounts *counts = data;
  const char *what = device_counter(name, counts->device);
  uint64_t value = whole->step;
  if (what == NULL || (counts->framed && !whole->known) ||
      (!counts->framed && !dc_state_counter_value(counts->state, name, &value)))
    return;
  char unused[DC_STATE_NAME_MAX];
  const bool own = !g_str_has_prefix(name, "ethtool.");
  if (dc_check_speaks_of_ring(what))
    take_largest(&counts->ring, counts->ring_name, value, name);
  else if (own && strcmp(what, "rx_packets") == 0)
    take_largest(&counts->received, unused, value, name);
  else if (own && strcmp(what, "rx_dropped") == 0)
    take_largest(&counts->dropped, counts->dropped_name, value, name);
  else if (own && (strcmp(what, "rx_errors") == 0))
    take_largest(&counts->errors, unused, value, name);
  else if (strcmp(what, "rx_crc_errors") == 0 || strcmp(what, "rx_length_errors") == 0 ||
           strcmp(what, "rx_frame_errors") == 0 || strcmp(what, "rx_frame") == 0)
    take_largest(&counts->details, counts->errors_name, value, name);
}

static void count_one(DcDiagnosis *self, Counted *counted, const DeviceCounts *counts, uint64_t lost, const char *name)
{
  counted->device = counts->device;
  counted->since_boot = !counts->framed;
  counted->of = counts->received + lost;
  counted->proof = g_string_new(NULL);
  add_counter(self->state, counted, name);
  counted->lost = lost;
}

static void give_device(DcDiagnosis *self, const CounterRow *row, const DeviceCounts *counts, uint64_t lost,
                        const char *name)
{
  if (lost == 0 || is_explained(self, row))
    return;
  Counted counted = {.row = row};
  count_one(self, &counted, counts, lost, name);
  give(self, &counted);
  g_string_free(counted.proof, TRUE);
}

/* The kernel threw away what the card had delivered: mostly for want of somebody to give it to, unless it complained
 * of memory meanwhile. */
static void give_dropped(DcDiagnosis *self, const DeviceCounts *counts)
{
  static const CounterRow handler = {DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_POSSIBLE, 0, "frames", {NULL}, {NULL}};
  static const CounterRow memory = {DC_CAUSE_MEMORY_PRESSURE, DC_CONFIDENCE_LIKELY, 0, "frames", {NULL}, {NULL}};
  static const DcCause also[] = {DC_CAUSE_LLC_UNKNOWN_SAP, DC_CAUSE_VLAN_UNKNOWN, DC_CAUSE_CPU_BACKLOG,
                                 DC_CAUSE_MEMORY_PRESSURE, DC_CAUSE_NO_PROTOCOL_HANDLER};
  for (size_t i = 0; i < G_N_ELEMENTS(also); i++) {
    const CounterRow other = {.cause = also[i]};
    if (is_explained(self, &other))
      return;
  }
  if (counts->dropped == 0)
    return;
  const bool short_of_memory = dc_rule_kernel_says(self->state, "page allocation failure");
  Counted counted = {.row = short_of_memory ? &memory : &handler, .rivals = also, .rival_count = 4};
  if (short_of_memory) { /* then a missing handler is what remains */
    counted.rivals = &also[4];
    counted.rival_count = 1;
  }
  count_one(self, &counted, counts, counts->dropped, counts->dropped_name);
  if (short_of_memory)
    g_string_append(counted.proof, "; kernel log: page allocation failure");
  else if (counts->errors == 0)
    g_string_append(counted.proof, "; rx_errors 0: the kernel drops, not the card");
  give(self, &counted);
  g_string_free(counted.proof, TRUE);
}

/*
 * What a card counts as rx_errors holds, with most drivers, its ring's overflows. And rx_dropped is the kernel's, but
 * /proc/net/dev adds the ring's rx_missed_errors to it (dev_seq_printf_stats(), net/core/net-procfs.c).
 */
static void give_devices(DcDiagnosis *self, const char *device)
{
  static const CounterRow ring = {DC_CAUSE_RING_OVERFLOW, DC_CONFIDENCE_CERTAIN, 0, "packets", {NULL}, {NULL}};
  static const CounterRow error = {DC_CAUSE_NIC_ERROR, DC_CONFIDENCE_CERTAIN, 0, "frames", {NULL}, {NULL}};
  DeviceCounts counts = {.state = self->state, .device = device};
  g_autofree char *sysfs = g_strdup_printf("sys.%s.rx_packets", device);
  g_autofree char *proc = g_strdup_printf("dev.%s.rx_packets", device);
  g_autofree char *sysfs_dropped = g_strdup_printf("sys.%s.rx_dropped", device);
  counts.framed = is_framed(self->state, sysfs) || is_framed(self->state, proc);
  dc_state_each_counter(self->state, count_device, &counts);
  give_device(self, &ring, &counts, counts.ring, counts.ring_name);
  if (counts.details == 0 && counts.errors > counts.ring) {
    g_snprintf(counts.errors_name, sizeof counts.errors_name, "%s.%s.rx_errors",
               dc_state_counter_value(self->state, sysfs, &counts.details) ? "sys" : "dev", device);
    counts.details = counts.errors - counts.ring;
  }
  give_device(self, &error, &counts, counts.details, counts.errors_name);
  uint64_t dropped;
  if (counter_said(self->state, sysfs_dropped, counts.framed, &dropped))
    counts.dropped = dropped;
  else
    counts.dropped -= MIN(counts.ring, counts.dropped);
  give_dropped(self, &counts);
}

typedef struct {
  const char *only; /* NULL: every one */
  char names[DEVICES_MAX][32];
  size_t count;
} Devices;

static void note_device(const char *name, const DcCounterStep *whole, void *data)
{
  Devices *devices = data;
  (void)whole;
  static const char suffix[] = ".rx_packets";
  const char *device = g_str_has_prefix(name, "sys.") || g_str_has_prefix(name, "dev.") ? name + strlen("sys.") : NULL;
  if (device == NULL || !g_str_has_suffix(device, suffix) || devices->count == DEVICES_MAX)
    return;
  char text[sizeof devices->names[0]];
  const size_t len = strlen(device) - strlen(suffix);
  if (len == 0 || len >= sizeof text)
    return;
  g_strlcpy(text, device, len + 1);
  if (strcmp(text, "lo") == 0 || (devices->only != NULL && strcmp(text, devices->only) != 0))
    return;
  for (size_t i = 0; i < devices->count; i++)
    if (strcmp(devices->names[i], text) == 0)
      return;
  g_strlcpy(devices->names[devices->count++], text, sizeof text);
}

/* A policer or another action on the way in: "tc.eth0.ingress ffff:.dropped". */
typedef struct {
  DcDiagnosis *self;
  const CounterRow *row;
} TrafficControl;

static void give_ingress(const char *name, const DcCounterStep *whole, void *data)
{
  const TrafficControl *control = data;
  if (!g_str_has_prefix(name, "tc.") || !g_str_has_suffix(name, ".dropped") || !whole->known || whole->step == 0 ||
      (strstr(name, ".ingress ") == NULL && strstr(name, ".clsact ") == NULL))
    return;
  const char *device = name + strlen("tc.");
  char text[32];
  const char *end = strstr(device, ".ingress ") != NULL ? strstr(device, ".ingress ") : strstr(device, ".clsact ");
  if ((size_t)(end - device) >= sizeof text)
    return;
  g_strlcpy(text, device, (gsize)(end - device) + 1);
  Counted counted = {.row = control->row, .device = text, .proof = g_string_new(NULL)};
  add_counter(control->self->state, &counted, name);
  give(control->self, &counted);
  g_string_free(counted.proof, TRUE);
}

/* "iptables.filter.INPUT.-p tcp -m tcp --dport 8089 -j DROP": a rule that drops, and how often it did. */
static void add_rule(const char *name, const DcCounterStep *whole, void *data)
{
  Counted *counted = data;
  if ((!g_str_has_prefix(name, "iptables.") && !g_str_has_prefix(name, "ip6tables.")) || !whole->known ||
      whole->step == 0 || (strstr(name, " -j DROP") == NULL && strstr(name, "-j REJECT") == NULL) ||
      strstr(name, ".OUTPUT.") != NULL || strstr(name, ".POSTROUTING.") != NULL)
    return;
  counted->lost += whole->step;
  if (counted->proof->len < DC_STATE_NAME_MAX)
    g_string_append_printf(counted->proof, "%s%s +%" G_GUINT64_FORMAT, counted->proof->len > 0 ? ", " : "", name,
                           whole->step);
}

void dc_counter_findings_update(DcDiagnosis *self)
{
  if (self->state == NULL)
    return;
  for (size_t i = 0; i < dc_groups_count(self->groups); i++)
    dc_groups_uncount(self->groups, i);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    give_row(self, &rows[i]);

  Devices devices = {.only = self->interface};
  dc_state_each_counter(self->state, note_device, &devices);
  for (size_t i = 0; i < devices.count; i++)
    give_devices(self, devices.names[i]);

  static const CounterRow ingress = {DC_CAUSE_TC_INGRESS, DC_CONFIDENCE_CERTAIN, 0, "packets", {NULL}, {NULL}};
  if (!is_explained(self, &ingress) && !is_elsewhere(self, ingress.cause)) {
    TrafficControl control = {self, &ingress};
    dc_state_each_counter(self->state, give_ingress, &control);
  }
  static const CounterRow firewall = {DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_CERTAIN, 0, "packets", {NULL}, {NULL}};
  if (!is_explained(self, &firewall) && !is_elsewhere(self, firewall.cause)) {
    Counted counted = {.row = &firewall, .proof = g_string_new(NULL)};
    dc_state_each_counter(self->state, add_rule, &counted);
    give(self, &counted);
    g_string_free(counted.proof, TRUE);
  }
}
