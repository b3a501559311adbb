#include "group.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"

#include <string.h>

#define GROUPS_MAX 2048u
#define ETHERTYPE_IPV4 0x0800

typedef struct {
  uint8_t cause, fate, protocol, other;
  uint16_t port;
  uint16_t spare;
  int32_t ethertype;
} GroupKey;

struct DcGroups {
  GHashTable *table; /* GroupKey -> DcGroup */
  GPtrArray *list;   /* DcGroup*, by number */
};

static guint group_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, sizeof(GroupKey));
}

static gboolean group_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof(GroupKey)) == 0;
}

/* A client: address bytes, version, and 6 bytes of MAC where there is no address. */
static guint client_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, sizeof(DcAddr));
}

static gboolean client_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof(DcAddr)) == 0;
}

void dc_tally_add(DcTally *tally, const char *text, uint64_t count)
{
  if (text == NULL)
    return;
  for (int i = 0; i < DC_GROUP_TALLY; i++) {
    if (tally[i].text == NULL)
      tally[i].text = g_strdup(i == DC_GROUP_TALLY - 1 ? "(others)" : text);
    if (i == DC_GROUP_TALLY - 1 || strcmp(tally[i].text, text) == 0) {
      tally[i].count += count;
      return;
    }
  }
}

void dc_tally_clear(DcTally *tally)
{
  for (int i = 0; i < DC_GROUP_TALLY; i++)
    g_clear_pointer(&tally[i].text, g_free);
}

static void group_free(gpointer data)
{
  DcGroup *group = data;
  dc_tally_clear(group->reasons);
  dc_tally_clear(group->sites);
  dc_tally_clear(group->why);
  for (uint32_t i = 0; i < group->drop_example_count; i++)
    g_free(group->drop_texts[i]);
  g_hash_table_unref(group->clients);
  g_free(group->series);
  g_free(group);
}

DcGroups *dc_groups_new(void)
{
  DcGroups *groups = g_new0(DcGroups, 1);
  groups->table = g_hash_table_new_full(group_hash, group_equal, g_free, NULL);
  groups->list = g_ptr_array_new_with_free_func(group_free);
  return groups;
}

void dc_groups_free(DcGroups *groups)
{
  if (groups == NULL)
    return;
  g_hash_table_unref(groups->table);
  g_ptr_array_unref(groups->list);
  g_free(groups);
}

typedef enum { BY_PORT, BY_PROTOCOL, BY_ETHERTYPE } Grouping;

/* What the people concerned call the thing that lost packets: a service by its port, unless
 * the cause lies below any service. */
static Grouping grouping_of(DcCause cause)
{
  switch (cause) {
  case DC_CAUSE_NO_PROTOCOL_HANDLER:
  case DC_CAUSE_LLC_UNKNOWN_SAP:
  case DC_CAUSE_OTHER_HOST:
  case DC_CAUSE_VLAN_UNKNOWN:
  case DC_CAUSE_NOT_LOCAL:
  case DC_CAUSE_NO_ROUTE:
  case DC_CAUSE_RP_FILTER:
  case DC_CAUSE_MARTIAN_SOURCE:
  case DC_CAUSE_MARTIAN_DESTINATION:
  case DC_CAUSE_IP_HEADER:
  case DC_CAUSE_IP_CHECKSUM:
  case DC_CAUSE_TRUNCATED:
  case DC_CAUSE_TTL_EXPIRED:
  case DC_CAUSE_IPV6_DISABLED:
  case DC_CAUSE_RING_OVERFLOW:
  case DC_CAUSE_NIC_ERROR:
  case DC_CAUSE_CPU_BACKLOG:
  case DC_CAUSE_MEMORY_PRESSURE:
  case DC_CAUSE_NEIGHBOUR:
  case DC_CAUSE_QDISC:
  case DC_CAUSE_BRIDGE_PORT:
  case DC_CAUSE_HARDWARE_TRAP:
    return BY_ETHERTYPE;
  case DC_CAUSE_NO_L4_PROTOCOL:
  case DC_CAUSE_XFRM_POLICY:
  case DC_CAUSE_ICMP_CHECKSUM:
    return BY_PROTOCOL;
  case DC_CAUSE_NONE:
  case DC_CAUSE_NETFILTER_DROP:
  case DC_CAUSE_CONNTRACK_FULL:
  case DC_CAUSE_CONNTRACK_CLASH:
  case DC_CAUSE_TC_INGRESS:
  case DC_CAUSE_XDP:
  case DC_CAUSE_SOCKET_FILTER:
  case DC_CAUSE_POLICY_HOOK:
  case DC_CAUSE_NO_SOCKET:
  case DC_CAUSE_TUNNEL:
  case DC_CAUSE_TCP_CHECKSUM:
  case DC_CAUSE_UDP_CHECKSUM:
  case DC_CAUSE_FRAGMENT_INCOMPLETE:
  case DC_CAUSE_FRAGMENT_LIMIT:
  case DC_CAUSE_TOO_BIG:
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
  case DC_CAUSE_UDP_RCVBUF:
  case DC_CAUSE_UDP_MEMORY:
  case DC_CAUSE_SOCKET_BACKLOG:
  case DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE:
  case DC_CAUSE_CAPTURE_ARTIFACT:
  case DC_CAUSE_NORMAL_FREE:
  case DC_CAUSE_UNCLASSIFIED:
  case DC_CAUSE_COUNT:
    return BY_PORT;
  }
  return BY_PORT;
}

static void key_of(DcCause cause, DcFate fate, const DcBrief *brief, GroupKey *key)
{
  memset(key, 0, sizeof *key);
  key->cause = (uint8_t)cause;
  key->fate = (uint8_t)fate;
  key->ethertype = -1;
  Grouping grouping = grouping_of(cause);
  if (grouping == BY_ETHERTYPE || brief->flow.ip_version == 0 || (brief->has & DC_HAS_IP) == 0) {
    key->ethertype = brief->flow.ethertype;
    return;
  }
  key->protocol = brief->flow.protocol;
  if (grouping == BY_PORT)
    key->port = brief->flow.dst_port;
}

static DcGroup *add_group(DcGroups *groups, DcCause cause, DcFate fate)
{
  DcGroup *group = g_new0(DcGroup, 1);
  group->cause = cause;
  group->fate = fate;
  group->confidence = DC_CONFIDENCE_CERTAIN;
  group->first_ns = group->last_ns = DC_TIME_NONE;
  group->series = g_new(DcSeries, 1);
  dc_series_init(group->series);
  group->clients = g_hash_table_new_full(client_hash, client_equal, g_free, g_free);
  g_ptr_array_add(groups->list, group);
  group->number = groups->list->len;
  return group;
}

DcGroup *dc_groups_get(DcGroups *groups, DcCause cause, DcFate fate, const DcBrief *brief, bool *ret_new)
{
  GroupKey key;
  key_of(cause, fate, brief, &key);
  DcGroup *group = g_hash_table_lookup(groups->table, &key);
  *ret_new = group == NULL;
  if (group == NULL && groups->list->len >= GROUPS_MAX) {
    memset(&key, 0, sizeof key);
    key.cause = (uint8_t)cause;
    key.fate = (uint8_t)fate;
    key.other = 1;
    key.ethertype = -1;
    group = g_hash_table_lookup(groups->table, &key);
    *ret_new = group == NULL;
  }
  if (group != NULL)
    return group;
  group = add_group(groups, cause, fate);
  group->service.protocol = key.protocol;
  group->service.port = key.port;
  group->service.ethertype = key.ethertype;
  g_hash_table_insert(groups->table, g_memdup2(&key, sizeof key), group);
  return group;
}

void dc_group_add_device(DcGroup *group, const char *device)
{
  if (device == NULL || group->devices_differ)
    return;
  if (group->device[0] == '\0')
    g_strlcpy(group->device, device, sizeof group->device);
  group->devices_differ = strcmp(group->device, device) != 0;
  if (group->devices_differ)
    group->device[0] = '\0';
}

DcGroup *dc_groups_counted(DcGroups *groups, DcCause cause, const DcService *service)
{
  for (guint i = 0; i < groups->list->len; i++) {
    DcGroup *group = g_ptr_array_index(groups->list, i);
    if (group->counted_what != NULL && group->cause == cause && group->service.protocol == service->protocol &&
        strcmp(group->service.interface, service->interface) == 0)
      return group;
  }
  DcGroup *group = add_group(groups, cause, DC_FATE_UNREMARKABLE);
  group->service = *service;
  return group;
}

void dc_groups_uncount(DcGroups *groups, size_t index)
{
  ((DcGroup *)g_ptr_array_index(groups->list, index))->counted = 0;
}

static void add_client(DcGroup *group, const DcBrief *brief)
{
  DcAddr who = {0};
  if ((brief->has & (DC_HAS_IP | DC_HAS_ARP)) != 0) {
    memcpy(who.bytes, brief->flow.src, sizeof who.bytes);
    who.version = brief->flow.ip_version != 0 ? brief->flow.ip_version : 4;
  } else {
    memcpy(who.bytes, brief->src_mac, sizeof brief->src_mac);
  }
  DcGroupClient *client = g_hash_table_lookup(group->clients, &who);
  if (client != NULL) {
    client->frames++;
    return;
  }
  const guint known = g_hash_table_size(group->clients);
  if (known >= DC_GROUP_CLIENTS) {
    group->clients_more = true;
    return;
  }
  client = g_new(DcGroupClient, 1);
  *client = (DcGroupClient){.frames = 1, .place = known};
  g_hash_table_insert(group->clients, g_memdup2(&who, sizeof who), client);
}

static void add_drop(DcGroup *group, const DcDrop *drop)
{
  group->drops += drop->count;
  if (drop->reason != NULL)
    dc_tally_add(group->reasons, drop->reason, drop->count);
  g_autofree char *symbol = NULL;
  if (drop->symbol != NULL && drop->module != NULL)
    symbol = g_strdup_printf("%s+0x%x [%s]", drop->symbol, drop->offset, drop->module);
  else if (drop->symbol != NULL)
    symbol = g_strdup_printf("%s+0x%x", drop->symbol, drop->offset);
  /* As the log has it, unless that is a bare address which a stack or a symbol table has named since. */
  const bool bare = drop->location == NULL || g_str_has_prefix(drop->location, "0x");
  const char *site = bare && symbol != NULL ? symbol : drop->location;
  dc_tally_add(group->sites, symbol != NULL ? symbol : site, drop->count);
  if (group->drop_example_count == G_N_ELEMENTS(group->drop_examples))
    return;
  uint32_t at = group->drop_example_count++;
  group->drop_examples[at] = drop->number;
  group->drop_times_ns[at] = drop->time_ns;
  group->drop_texts[at] = g_strdup_printf("%s%s%s", drop->reason != NULL ? drop->reason : "no reason given",
                                          site != NULL ? " at " : "", site != NULL ? site : "");
}

static void note_time(DcGroup *group, int64_t time_ns)
{
  if (group->first_ns == DC_TIME_NONE || time_ns < group->first_ns)
    group->first_ns = time_ns;
  if (group->last_ns == DC_TIME_NONE || time_ns > group->last_ns)
    group->last_ns = time_ns;
  dc_series_add(group->series, time_ns);
}

void dc_group_add_attempt(DcGroup *group, const DcHandshake *handshake, const char *why)
{
  if (group->attempts++ == 0)
    group->example = handshake->brief;
  group->confidence = MIN(group->confidence, (DcConfidence)handshake->confidence);
  if (group->example_count < DC_FINDING_EXAMPLES)
    group->examples[group->example_count++] = handshake->frames[0];
  note_time(group, handshake->first_ns);
  add_client(group, &handshake->brief);
  dc_tally_add(group->why, why, 1);
}

static void note_dropped_as(DcGroup *group, const DcFrameVerdict *verdict, const DcDrop *drop)
{
  if ((drop->packet.has & DC_HAS_IP) == 0)
    return;
  dc_brief_from_packet(&group->dropped_as, &drop->packet, drop->orig_len, (DcDirection)verdict->brief.direction);
}

void dc_group_add_frame(DcGroup *group, const DcFrameVerdict *verdict, const DcRuling *ruling, const DcDrop *drop)
{
  if (group->frames == 0)
    group->example = verdict->brief;
  group->frames++;
  group->bytes += verdict->brief.len;
  group->by_match[verdict->match]++;
  note_time(group, verdict->time_ns);
  if (group->example_count < DC_FINDING_EXAMPLES)
    group->examples[group->example_count++] = verdict->frame;
  group->confidence = MIN(group->confidence, (DcConfidence)verdict->confidence);
  add_client(group, &verdict->brief);
  if (drop != NULL) {
    if (group->drops == 0)
      note_dropped_as(group, verdict, drop);
    add_drop(group, drop);
  }
  if (ruling == NULL)
    return;
  if (ruling->why[0] != '\0')
    dc_tally_add(group->why, ruling->why, 1);
  for (size_t i = 0; i < G_N_ELEMENTS(ruling->rivals) && ruling->rivals[i] != DC_CAUSE_NONE; i++)
    group->rivals[ruling->rivals[i]]++;
}

size_t dc_groups_count(const DcGroups *groups)
{
  return groups->list->len;
}

const DcGroup *dc_groups_at(const DcGroups *groups, size_t index)
{
  return g_ptr_array_index(groups->list, index);
}

static const char *ethertype_name(int32_t ethertype)
{
  switch (ethertype) {
  case 0x0800:
    return "IPv4";
  case 0x86dd:
    return "IPv6";
  case 0x0806:
    return "ARP";
  case 0x0004:
    return "802.3 LLC";
  case 0x0001:
    return "802.3 raw";
  case 0x88cc:
    return "LLDP";
  case 0x888e:
    return "EAPOL";
  case 0x8809:
    return "LACP and other slow protocols";
  case 0x8100:
    return "802.1Q";
  case 0x8863:
  case 0x8864:
    return "PPPoE";
  case 0x8906:
    return "FCoE";
  case 0x9000:
    return "loopback test";
  case 0x88b5:
  case 0x88b6:
    return "local experimental";
  default:
    return NULL;
  }
}

char *dc_service_text(const DcService *service)
{
  if (service->ethertype >= 0) {
    const char *name = ethertype_name(service->ethertype);
    if (service->ethertype == ETHERTYPE_IPV4 || service->ethertype == 0x86dd || service->ethertype == 0x0806)
      return g_strdup(name);
    return name != NULL ? g_strdup_printf("ethertype 0x%04x (%s)", (unsigned)service->ethertype, name)
                        : g_strdup_printf("ethertype 0x%04x", (unsigned)service->ethertype);
  }
  if (service->interface[0] != '\0')
    return g_strdup(service->interface);
  if (service->protocol == 0)
    return g_strdup("other services");
  char scratch[4];
  const char *protocol = dc_ip_protocol_name(service->protocol, scratch);
  bool named = protocol != scratch;
  g_autofree char *upper = named ? g_ascii_strup(protocol, -1) : g_strdup_printf("IP protocol %s", protocol);
  return service->port != 0 ? g_strdup_printf("%s port %u", upper, service->port) : g_strdup(upper);
}
