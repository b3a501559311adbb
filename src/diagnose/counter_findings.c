/*
 * Losses that no frame shows: what the network card had no room for, or what a socket's buffer
 * lost before a capture was thought of, is told by counters alone. A counter that moved becomes a
 * finding of its own, with the number of losses and no frame accused, unless frames or drops
 * with that cause explain it already.
 *
 * Only counters whose step means loss stand here; others (a queue that was collapsed, a poll
 * that ran out of budget) are evidence and belong to the catalogue's rows.
 */
#include "checklist_private.h"
#include "counted.h"
#include "rules_private.h"

#include <string.h>

/* Below this share a loss is usual; of totals since boot it says nothing. */
#define USUAL_RATE 10000

static const DcCounterRow rows[] = {
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

bool dc_counted_value(const DcState *state, const char *name, bool framed, uint64_t *ret_value)
{
  const DcCounterStep step = dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE);
  bool known = step.known;
  *ret_value = step.step;
  if (!known && !framed)
    known = dc_state_counter_value(state, name, ret_value);
  *ret_value = MIN(*ret_value, DC_COUNT_MAX); /* sums of some do not overflow */
  return known;
}

bool dc_counted_is_framed(const DcState *state, const char *name)
{
  return dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE).known;
}

void dc_counted_add(const DcState *state, DcCounted *counted, const char *name)
{
  uint64_t value;
  if (!dc_counted_value(state, name, !counted->since_boot, &value) || value == 0)
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

/* ip_handle_martian_source() (net/ipv4/route.c) counts what the reverse path filter drops as martians too. */
static void leave_out_others(const DcState *state, DcCounted *counted)
{
  static const char others[] = "TcpExt.IPReversePathFilter";
  uint64_t value;
  if (counted->row->cause != DC_CAUSE_MARTIAN_SOURCE || counted->lost == 0 ||
      !dc_counted_value(state, others, !counted->since_boot, &value) || value == 0)
    return;
  counted->lost -= MIN(value, counted->lost);
  g_string_append_printf(counted->proof, ", less %s +%" G_GUINT64_FORMAT, others, value);
}

static void count_row(const DcState *state, DcCounted *counted)
{
  counted->since_boot = true;
  for (size_t i = 0; i < DC_COUNTED_COUNTERS && counted->row->counters[i] != NULL; i++)
    counted->since_boot = counted->since_boot && !dc_counted_is_framed(state, counted->row->counters[i]);
  for (size_t i = 0; i < DC_COUNTED_COUNTERS && counted->row->counters[i] != NULL; i++)
    dc_counted_add(state, counted, counted->row->counters[i]);
  leave_out_others(state, counted);
  for (size_t i = 0; i < DC_COUNTED_OF && counted->row->of[i] != NULL; i++) {
    uint64_t value;
    if (dc_counted_value(state, counted->row->of[i], !counted->since_boot, &value))
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

bool dc_counted_is_explained(const DcDiagnosis *self, const DcCounterRow *row)
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

bool dc_counted_is_elsewhere(const DcDiagnosis *self, DcCause cause)
{
  const bool told = self->options.have_drops && g_strcmp0(self->drop_mode, "summary") != 0;
  return told && dc_check_shows_as_drop(self->state, dc_catalogue(cause)) && !has_loose_drops(self, cause);
}

/* --- whose loss it is ------------------------------------------------------------------------- */

/* The one UDP socket that lost datagrams, or the one that lost most of them during the run. */
static const DcSocket *losing_socket(const DcState *state, uint64_t lost)
{
  size_t count, losers = 0;
  const DcSocket *sockets = dc_state_sockets(state, &count);
  const DcSocket *most = NULL, *any = NULL;
  for (size_t i = 0; i < count; i++) {
    const DcSocket *socket = &sockets[i];
    if (socket->kind != DC_SOCKET_UDP || !socket->has_drops || socket->drops == 0)
      continue;
    losers++;
    any = socket;
    if (socket->drops - socket->drops_first >= lost - lost / 2)
      most = socket;
  }
  return most != NULL || losers != 1 ? most : any;
}

static const DcSocket *full_listener(const DcState *state)
{
  size_t count;
  const DcSocket *sockets = dc_state_sockets(state, &count);
  const DcSocket *full = NULL;
  for (size_t i = 0; i < count; i++) {
    const DcSocket *socket = &sockets[i];
    if (socket->kind != DC_SOCKET_TCP_LISTEN || !socket->has_backlog || socket->recv_peak <= socket->send_queue)
      continue;
    if (full != NULL)
      return NULL;
    full = socket;
  }
  return full;
}

/* Gives the group the port that the state tells of, so that advice and sockets speak of it. */
static void name_service(const DcDiagnosis *self, DcGroup *group)
{
  const DcSocket *socket = NULL;
  uint16_t port = 0;
  if (group->cause == DC_CAUSE_UDP_RCVBUF || group->cause == DC_CAUSE_UDP_MEMORY)
    socket = losing_socket(self->state, group->counted);
  else if (group->cause == DC_CAUSE_ACCEPT_QUEUE_FULL)
    socket = full_listener(self->state);
  else if (group->cause == DC_CAUSE_SYN_FLOOD || group->cause == DC_CAUSE_SYN_QUEUE_FULL)
    port = dc_rule_flooded_port(self->state);
  memset(&group->example, 0, sizeof group->example);
  group->service.port = socket != NULL ? socket->local_port : port;
  if (group->service.port == 0)
    return;
  group->example.has = DC_HAS_IP | DC_HAS_PORTS;
  group->example.flow.protocol = group->service.protocol;
  group->example.flow.dst_port = group->service.port;
  group->example.flow.ip_version = socket != NULL && socket->local.version == 6 ? 6 : 4;
  if (socket != NULL)
    memcpy(group->example.flow.dst, socket->local.bytes, sizeof group->example.flow.dst);
}

/* --- into a finding -------------------------------------------------------------------------- */

/* Lost before any filter of frames could look at it. */
static bool is_before_frames(DcCause cause)
{
  return cause == DC_CAUSE_RING_OVERFLOW || cause == DC_CAUSE_NIC_ERROR || cause == DC_CAUSE_CPU_BACKLOG ||
         cause == DC_CAUSE_MEMORY_PRESSURE;
}

void dc_counted_give(DcDiagnosis *self, const DcCounted *counted)
{
  const DcCounterRow *row = counted->row;
  /* Who asked for some frames only is not answered with what others lost. */
  if (counted->lost == 0 || (self->options.filtered && !is_before_frames(row->cause)))
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
    group->rivals[counted->rivals[i]] = MIN(counted->lost, DC_COUNT_MAX);
  /* Counters of no machine: what is made of them still adds up, and fits a reader's 64 bits with a sign. */
  group->counted = MIN(counted->lost, DC_COUNT_MAX);
  group->counted_of = MIN(MAX(counted->of, counted->lost), DC_COUNT_MAX);
  group->counted_what = row->what;
  group->since_boot = counted->since_boot;
  group->confidence = counted->since_boot ? DC_CONFIDENCE_POSSIBLE : row->confidence;
  name_service(self, group);
  dc_tally_clear(group->why);
  memset(group->why, 0, sizeof group->why);
  dc_tally_add(group->why, counted->proof->str, 1);
}

static void give_row(DcDiagnosis *self, const DcCounterRow *row)
{
  if (dc_counted_is_explained(self, row) || dc_counted_is_elsewhere(self, row->cause))
    return;
  DcCounted counted = {.row = row, .proof = g_string_new(NULL)};
  count_row(self->state, &counted);
  dc_counted_give(self, &counted);
  g_string_free(counted.proof, TRUE);
}

void dc_counter_findings_update(DcDiagnosis *self)
{
  if (self->state == NULL)
    return;
  for (size_t i = 0; i < dc_groups_count(self->groups); i++)
    dc_groups_uncount(self->groups, i);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    give_row(self, &rows[i]);

  dc_counter_devices_update(self);
}
