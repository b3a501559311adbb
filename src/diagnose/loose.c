#include "loose.h"

#include "dropcorr/decode/packet.h"

#include <string.h>

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };

/* A frame is dropped within the matcher's window; summaries come a second late and more. */
#define BEFORE_NS DC_NS_PER_S
#define AFTER_NS (3 * DC_NS_PER_S)

struct DcLooseDrops {
  GHashTable *table; /* set of DcLoose */
};

static guint loose_hash(gconstpointer data)
{
  const DcLoose *loose = data;
  return g_direct_hash(loose->location) * 31 + g_direct_hash(loose->reason) * 17 +
         ((guint)loose->port << 8 | loose->protocol) + loose->ip_version;
}

static gboolean loose_equal(gconstpointer a, gconstpointer b)
{
  const DcLoose *x = a, *y = b;
  return x->protocol == y->protocol && x->port == y->port && x->ip_version == y->ip_version && x->cause == y->cause &&
         x->location == y->location && x->reason == y->reason;
}

DcLooseDrops *dc_loose_new(void)
{
  DcLooseDrops *drops = g_new0(DcLooseDrops, 1);
  drops->table = g_hash_table_new_full(loose_hash, loose_equal, g_free, NULL);
  return drops;
}

void dc_loose_free(DcLooseDrops *drops)
{
  if (drops == NULL)
    return;
  g_hash_table_unref(drops->table);
  g_free(drops);
}

static DcLoose key_of(const DcDropVerdict *verdict)
{
  const DcDrop *drop = verdict->drop;
  DcLoose key = {.cause = (DcCause)verdict->cause,
                 .location = drop->symbol != NULL ? drop->symbol : drop->location,
                 .reason = drop->reason,
                 .first_ns = DC_TIME_NONE,
                 .last_ns = DC_TIME_NONE,
                 .example = drop->number};
  if ((drop->packet.has & DC_HAS_IP) != 0) {
    key.ip_version = drop->packet.dst.version;
    key.protocol = drop->packet.ip_protocol;
    key.port = (drop->packet.has & DC_HAS_PORTS) != 0 ? drop->packet.dst_port : 0;
  } else {
    key.ip_version = drop->protocol == ETHERTYPE_IPV4 ? 4 : drop->protocol == ETHERTYPE_IPV6 ? 6 : 0;
  }
  return key;
}

void dc_loose_add(DcLooseDrops *drops, const DcDropVerdict *verdict)
{
  /* A copy of a packet whose frame is known, and what came in elsewhere, are no riddle. */
  if (verdict->unmatched_why == DC_UNMATCHED_ALREADY_USED || verdict->unmatched_why == DC_UNMATCHED_OTHER_INTERFACE ||
      verdict->unmatched_why == DC_UNMATCHED_BEFORE_CAPTURE)
    return;
  const DcLoose key = key_of(verdict);
  DcLoose *loose = g_hash_table_lookup(drops->table, &key);
  if (loose == NULL) {
    if (g_hash_table_size(drops->table) >= DC_LOOSE_MAX)
      return;
    loose = g_memdup2(&key, sizeof key);
    g_hash_table_add(drops->table, loose);
  }
  const int64_t time_ns = verdict->drop->time_ns;
  loose->drops += verdict->drop->count;
  if (time_ns == DC_TIME_NONE)
    return;
  loose->first_ns = loose->first_ns == DC_TIME_NONE ? time_ns : MIN(loose->first_ns, time_ns);
  loose->last_ns = loose->last_ns == DC_TIME_NONE ? time_ns : MAX(loose->last_ns, time_ns);
}

/* --- whose they may be -------------------------------------------------------------------- */

/* Causes of one protocol only. */
static bool could_be(DcCause cause, uint8_t protocol)
{
  switch (cause) {
  case DC_CAUSE_TCP_CHECKSUM:
  case DC_CAUSE_ACCEPT_QUEUE_FULL:
  case DC_CAUSE_SYN_QUEUE_FULL:
  case DC_CAUSE_SYN_FLOOD:
  case DC_CAUSE_PAWS:
  case DC_CAUSE_TW_RECYCLE_NAT:
  case DC_CAUSE_TCP_SEQUENCE:
  case DC_CAUSE_TCP_STATE:
  case DC_CAUSE_TCP_AUTH:
  case DC_CAUSE_TCP_RCVBUF:
  case DC_CAUSE_TCP_MEMORY:
  case DC_CAUSE_SOCKET_BACKLOG:
    return protocol == PROTO_TCP;
  case DC_CAUSE_UDP_CHECKSUM:
  case DC_CAUSE_UDP_RCVBUF:
  case DC_CAUSE_UDP_MEMORY:
    return protocol == PROTO_UDP;
  case DC_CAUSE_ICMP_CHECKSUM:
    return protocol == PROTO_ICMP || protocol == PROTO_ICMP6;
  case DC_CAUSE_NO_PROTOCOL_HANDLER:
  case DC_CAUSE_LLC_UNKNOWN_SAP:
  case DC_CAUSE_OTHER_HOST:
  case DC_CAUSE_NO_L4_PROTOCOL:
  case DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE:
  case DC_CAUSE_CAPTURE_ARTIFACT:
  case DC_CAUSE_NORMAL_FREE:
  case DC_CAUSE_NONE:
  case DC_CAUSE_COUNT:
    return false;
  case DC_CAUSE_VLAN_UNKNOWN:
  case DC_CAUSE_NETFILTER_DROP:
  case DC_CAUSE_CONNTRACK_FULL:
  case DC_CAUSE_CONNTRACK_CLASH:
  case DC_CAUSE_TC_INGRESS:
  case DC_CAUSE_XDP:
  case DC_CAUSE_SOCKET_FILTER:
  case DC_CAUSE_XFRM_POLICY:
  case DC_CAUSE_POLICY_HOOK:
  case DC_CAUSE_NO_SOCKET:
  case DC_CAUSE_NOT_LOCAL:
  case DC_CAUSE_NO_ROUTE:
  case DC_CAUSE_RP_FILTER:
  case DC_CAUSE_MARTIAN_SOURCE:
  case DC_CAUSE_MARTIAN_DESTINATION:
  case DC_CAUSE_IP_HEADER:
  case DC_CAUSE_IP_CHECKSUM:
  case DC_CAUSE_TRUNCATED:
  case DC_CAUSE_FRAGMENT_INCOMPLETE:
  case DC_CAUSE_FRAGMENT_LIMIT:
  case DC_CAUSE_TOO_BIG:
  case DC_CAUSE_TTL_EXPIRED:
  case DC_CAUSE_RING_OVERFLOW:
  case DC_CAUSE_NIC_ERROR:
  case DC_CAUSE_CPU_BACKLOG:
  case DC_CAUSE_MEMORY_PRESSURE:
  case DC_CAUSE_IPV6_DISABLED:
  case DC_CAUSE_NEIGHBOUR:
  case DC_CAUSE_QDISC:
  case DC_CAUSE_BRIDGE_PORT:
  case DC_CAUSE_TUNNEL:
  case DC_CAUSE_HARDWARE_TRAP:
  case DC_CAUSE_UNCLASSIFIED:
    break;
  }
  return true;
}

static bool is_at_that_time(const DcLoose *loose, const DcGroup *group)
{
  return loose->first_ns == DC_TIME_NONE || group->first_ns == DC_TIME_NONE ||
         (loose->last_ns >= group->first_ns - BEFORE_NS && loose->first_ns <= group->last_ns + AFTER_NS);
}

static gint by_drops(gconstpointer a, gconstpointer b)
{
  const DcLoose *x = a, *y = b;
  if (x->drops != y->drops)
    return x->drops > y->drops ? -1 : 1;
  return x->example < y->example ? -1 : 1;
}

size_t dc_loose_of_group(const DcLooseDrops *drops, const DcGroup *group, DcLoose *ret_loose, size_t max)
{
  const DcService *service = &group->service;
  if (service->protocol == 0)
    return 0;
  g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(DcLoose));
  g_autoptr(GArray) any = g_array_new(FALSE, FALSE, sizeof(DcLoose));
  const uint8_t version = group->example.flow.ip_version;
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, drops->table);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    const DcLoose *loose = key;
    if (!is_at_that_time(loose, group) || (loose->ip_version != 0 && version != 0 && loose->ip_version != version))
      continue;
    if (loose->protocol == service->protocol && loose->port == service->port)
      g_array_append_vals(own, loose, 1);
    else if (loose->protocol == 0 && could_be(loose->cause, service->protocol))
      g_array_append_vals(any, loose, 1);
  }
  GArray *found = own->len > 0 ? own : any;
  g_array_sort(found, by_drops);
  const size_t count = MIN((size_t)found->len, max);
  if (count > 0)
    memcpy(ret_loose, found->data, count * sizeof *ret_loose);
  return count;
}
