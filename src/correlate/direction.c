#include "dropcorr/correlate/direction.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"

#include <string.h>

/* Inference looks at the first few thousand frames of one host's capture: more stations than
 * this are other people's. */
#define STATIONS_MAX 512u
#define LOCAL_MAX 64u
#define STATION_ADDRESSES 16u

enum { PKTTYPE_OTHERHOST = 3, PKTTYPE_OUTGOING = 4 };
enum { PROTO_ICMP = 1, PROTO_ICMP6 = 58, ARP_REPLY = 2, ICMP6_NA = 136 };

/* A MAC address (or, where the link has none, an IP address) and what it was seen doing. */
typedef struct {
  uint8_t key[17];    /* 6 bytes of MAC, or 16 of address and the version */
  uint32_t frames;    /* unicast frames it is an end of */
  uint32_t drops_to;  /* drops whose bytes were addressed to it: ingress, mostly */
  uint32_t offloaded; /* frames it sent whose checksum was left to the NIC */
  uint32_t syn_acks, arp_replies, echo_replies, resets, icmp_errors;
  uint32_t first_hop, routed;          /* frames sent with an initial TTL, with a lowered one */
  DcAddr addresses[STATION_ADDRESSES]; /* IP sources behind it */
  uint32_t address_count;
  bool address_overflow;
} Station;

struct DcDirections {
  uint8_t macs[LOCAL_MAX][6];
  size_t mac_count;
  DcAddr addresses[LOCAL_MAX];
  size_t address_count;
  bool given, inferred;
  GHashTable *stations; /* Station.key -> Station */
  bool by_mac;
  uint32_t unicast_frames;
  char *text;
};

static guint station_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, sizeof((Station *)0)->key);
}

static gboolean station_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof((Station *)0)->key) == 0;
}

DcDirections *dc_directions_new(void)
{
  DcDirections *directions = g_new0(DcDirections, 1);
  directions->stations = g_hash_table_new_full(station_hash, station_equal, NULL, g_free);
  return directions;
}

void dc_directions_free(DcDirections *directions)
{
  if (directions == NULL)
    return;
  g_hash_table_unref(directions->stations);
  g_free(directions->text);
  g_free(directions);
}

static void add_address(DcDirections *directions, const DcAddr *addr)
{
  if (directions->address_count < LOCAL_MAX && !dc_directions_is_local_address(directions, addr))
    directions->addresses[directions->address_count++] = *addr;
}

static void add_mac(DcDirections *directions, const uint8_t mac[6])
{
  if (directions->mac_count < LOCAL_MAX && !dc_directions_is_local_mac(directions, mac))
    memcpy(directions->macs[directions->mac_count++], mac, 6);
}

void dc_directions_add_address(DcDirections *directions, const DcAddr *addr)
{
  directions->given = true;
  add_address(directions, addr);
}

void dc_directions_add_mac(DcDirections *directions, const uint8_t mac[6])
{
  static const uint8_t none[6];
  directions->given = true;
  if (memcmp(mac, none, sizeof none) != 0)
    add_mac(directions, mac);
}

bool dc_directions_known(const DcDirections *directions)
{
  return directions->mac_count > 0 || directions->address_count > 0;
}

bool dc_directions_inferred(const DcDirections *directions)
{
  return directions->inferred;
}

bool dc_directions_is_local_mac(const DcDirections *directions, const uint8_t mac[6])
{
  for (size_t i = 0; i < directions->mac_count; i++) {
    if (memcmp(directions->macs[i], mac, 6) == 0)
      return true;
  }
  return false;
}

bool dc_directions_is_local_address(const DcDirections *directions, const DcAddr *addr)
{
  for (size_t i = 0; i < directions->address_count; i++) {
    if (dc_addr_equal(&directions->addresses[i], addr))
      return true;
  }
  return false;
}

static bool is_multicast_mac(const uint8_t mac[6])
{
  return (mac[0] & 1) != 0;
}

static bool is_multicast_address(const DcAddr *addr)
{
  static const uint8_t broadcast[4] = {255, 255, 255, 255};
  if (addr->version == 6)
    return addr->bytes[0] == 0xff;
  return (addr->bytes[0] & 0xf0) == 0xe0 || memcmp(addr->bytes, broadcast, sizeof broadcast) == 0;
}

/* --- learning --------------------------------------------------------------------- */

static Station *station_get(DcDirections *directions, const uint8_t *key, size_t len)
{
  Station probe = {0};
  memcpy(probe.key, key, len);
  Station *station = g_hash_table_lookup(directions->stations, probe.key);
  if (station != NULL || g_hash_table_size(directions->stations) >= STATIONS_MAX)
    return station;
  station = g_new0(Station, 1);
  memcpy(station->key, probe.key, sizeof station->key);
  g_hash_table_insert(directions->stations, station->key, station);
  return station;
}

static Station *station_of(DcDirections *directions, const DcPacket *packet, bool source)
{
  if ((packet->has & DC_HAS_MAC) != 0) {
    const uint8_t *mac = source ? packet->src_mac : packet->dst_mac;
    directions->by_mac = true;
    return is_multicast_mac(mac) ? NULL : station_get(directions, mac, 6);
  }
  const DcAddr *addr = source ? &packet->src : &packet->dst;
  if (directions->by_mac || (packet->has & DC_HAS_IP) == 0 || is_multicast_address(addr))
    return NULL;
  uint8_t key[17];
  memcpy(key, addr->bytes, 16);
  key[16] = addr->version;
  return station_get(directions, key, sizeof key);
}

static void note_address(Station *station, const DcAddr *addr)
{
  for (uint32_t i = 0; i < station->address_count; i++) {
    if (dc_addr_equal(&station->addresses[i], addr))
      return;
  }
  if (station->address_count < STATION_ADDRESSES)
    station->addresses[station->address_count++] = *addr;
  else
    station->address_overflow = true;
}

static void note_sent(Station *sender, const DcPacket *packet)
{
  if ((packet->has & DC_HAS_ARP) != 0) {
    sender->arp_replies += packet->arp_op == ARP_REPLY;
    note_address(sender, &packet->src);
    return;
  }
  if ((packet->has & DC_HAS_IP) == 0)
    return;
  note_address(sender, &packet->src);
  sender->offloaded += packet->l4_checksum == DC_CHECKSUM_PARTIAL;
  if (packet->ttl == 64 || packet->ttl == 128 || packet->ttl == 255 || packet->ttl == 32)
    sender->first_hop++;
  else if (packet->ttl > 1)
    sender->routed++;
  if ((packet->has & DC_HAS_TCP) != 0) {
    const uint8_t flags = packet->tcp_flags;
    sender->syn_acks += (flags & (DC_TCP_SYN | DC_TCP_ACK)) == (DC_TCP_SYN | DC_TCP_ACK);
    sender->resets += (flags & DC_TCP_RST) != 0;
  } else if ((packet->has & DC_HAS_ICMP) != 0) {
    sender->icmp_errors += (packet->has & DC_HAS_QUOTE) != 0;
    sender->echo_replies +=
        (packet->has & DC_HAS_ECHO) != 0 && packet->icmp_type == (packet->ip_protocol == PROTO_ICMP6 ? 129 : 0);
    sender->arp_replies += packet->ip_protocol == PROTO_ICMP6 && packet->icmp_type == ICMP6_NA;
  }
}

void dc_directions_learn_frame(DcDirections *directions, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  if (frame->direction != DC_DIRECTION_UNKNOWN || (packet->has & DC_HAS_PKTTYPE) != 0) {
    /* The capture itself says which way each frame went: what this host sent tells its addresses. */
    directions->given = true;
    if (dc_directions_of(directions, frame) == DC_DIRECTION_OUT && (packet->has & (DC_HAS_IP | DC_HAS_ARP)) != 0)
      add_address(directions, &packet->src);
    return;
  }
  Station *receiver = station_of(directions, packet, false);
  Station *sender = station_of(directions, packet, true);
  if (receiver != NULL && sender != NULL) {
    directions->unicast_frames++;
    receiver->frames++;
    if (sender != receiver)
      sender->frames++;
  }
  if (sender != NULL)
    note_sent(sender, packet);
}

void dc_directions_learn_drop(DcDirections *directions, const DcDrop *drop)
{
  if (drop->caplen == 0 || drop->in_ifindex == 0)
    return;
  Station *receiver = station_of(directions, &drop->packet, false);
  if (receiver != NULL)
    receiver->drops_to++;
}

/* --- deciding ----------------------------------------------------------------------- */

/* A capture on a host shows that host at one end of nearly every unicast frame. Its router is there too,
 * often: what tells them apart is who has traffic dropped, who leaves checksums to its NIC, who forwards
 * (TTLs lowered, many sources), and, weakest, who answers. */
static int64_t station_score(const DcDirections *directions, const Station *station, bool offload_tells)
{
  if ((uint64_t)station->frames * 10 < (uint64_t)directions->unicast_frames * 8)
    return 0;
  int64_t score = 1 + (int64_t)MIN(station->drops_to, 100u) * 4;
  if (offload_tells)
    score += (int64_t)MIN(station->offloaded, 50u) * 6;
  score += (int64_t)MIN(station->syn_acks, 20u) * 2 + MIN(station->arp_replies, 5u) + MIN(station->echo_replies, 5u) +
           MIN(station->icmp_errors, 5u) + MIN(station->resets, 5u);
  score -= (int64_t)MIN(station->routed, 50u) * 6;
  if (directions->by_mac && (station->address_overflow || station->address_count > 8))
    score -= 40;
  return score;
}

static char *describe(const DcDirections *directions, const Station *station)
{
  char text[DC_ADDR_TEXT_MAX];
  g_autoptr(GString) line = g_string_new("inferred: ");
  if (directions->by_mac) {
    char mac[DC_MAC_TEXT_MAX];
    g_string_append(line, dc_mac_format(station->key, mac));
    for (uint32_t i = 0; i < MIN(station->address_count, 3u) && !station->address_overflow; i++)
      g_string_append_printf(line, "%s%s", i == 0 ? " (" : ", ", dc_addr_format(&station->addresses[i], text));
    if (station->address_count > 0 && !station->address_overflow)
      g_string_append(line, station->address_count > 3 ? ", ...)" : ")");
  } else {
    g_string_append(line, dc_addr_format(&station->addresses[0], text));
  }
  g_string_append_printf(line, " is this host: end of %u of %u unicast frames", station->frames,
                         directions->unicast_frames);
  const struct {
    uint32_t count;
    const char *what;
  } signs[] = {{station->drops_to, "target of %u drops"},
               {station->offloaded, "sends %u frames with unfinished checksums"},
               {station->syn_acks, "sends %u SYN-ACKs"},
               {station->arp_replies, "answers %u ARP or ND requests"}};
  for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
    if (signs[i].count == 0)
      continue;
    g_string_append(line, ", ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    g_string_append_printf(line, signs[i].what, signs[i].count);
#pragma GCC diagnostic pop
  }
  return g_strdup(line->str);
}

void dc_directions_infer(DcDirections *directions)
{
  if (dc_directions_known(directions))
    return;
  const Station *best = NULL;
  int64_t best_score = 0, second_score = 0;
  GHashTableIter iter;
  gpointer value;
  /* Between namespaces or virtual machines both ends leave checksums unfinished: then it tells nothing. */
  uint32_t offloaders = 0;
  g_hash_table_iter_init(&iter, directions->stations);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    offloaders += ((const Station *)value)->offloaded > 0;
  g_hash_table_iter_init(&iter, directions->stations);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    int64_t score = station_score(directions, value, offloaders == 1);
    if (score > best_score) {
      second_score = best_score;
      best_score = score;
      best = value;
    } else if (score > second_score) {
      second_score = score;
    }
  }
  if (best == NULL || best_score <= 1 || best_score == second_score)
    return;
  directions->inferred = true;
  if (directions->by_mac)
    add_mac(directions, best->key);
  /* A router speaks for many sources: then only its MAC is known to be its own. */
  for (uint32_t i = 0; i < best->address_count && !best->address_overflow; i++)
    add_address(directions, &best->addresses[i]);
  g_free(directions->text);
  directions->text = describe(directions, best);
}

bool dc_directions_is_loopback(const DcFrame *frame)
{
  static const uint8_t none[6];
  const DcPacket *packet = &frame->packet;
  if (frame->link == DC_LINK_NULL)
    return true;
  return frame->link == DC_LINK_ETHERNET && (packet->has & DC_HAS_MAC) != 0 &&
         memcmp(packet->src_mac, none, sizeof none) == 0 && memcmp(packet->dst_mac, none, sizeof none) == 0;
}

DcDirection dc_directions_of(const DcDirections *directions, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  if (dc_directions_is_loopback(frame))
    return DC_DIRECTION_IN;
  const bool has_mac = frame->link == DC_LINK_ETHERNET && (packet->has & DC_HAS_MAC) != 0 && directions->mac_count > 0;
  if (frame->direction != DC_DIRECTION_UNKNOWN && frame->direction != DC_DIRECTION_IN)
    return (DcDirection)frame->direction;
  if ((packet->has & DC_HAS_PKTTYPE) != 0) {
    if (packet->pkttype == PKTTYPE_OUTGOING)
      return DC_DIRECTION_OUT;
    return packet->pkttype == PKTTYPE_OTHERHOST ? DC_DIRECTION_OTHER_HOST : DC_DIRECTION_IN;
  }
  if (has_mac) {
    if (frame->direction != DC_DIRECTION_IN && dc_directions_is_local_mac(directions, packet->src_mac))
      return DC_DIRECTION_OUT;
    if (dc_directions_is_local_mac(directions, packet->dst_mac) || is_multicast_mac(packet->dst_mac))
      return DC_DIRECTION_IN;
    return DC_DIRECTION_OTHER_HOST;
  }
  if (frame->direction == DC_DIRECTION_IN)
    return DC_DIRECTION_IN;
  if ((packet->has & (DC_HAS_IP | DC_HAS_ARP)) == 0 || directions->address_count == 0)
    return DC_DIRECTION_UNKNOWN;
  if (dc_directions_is_local_address(directions, &packet->src))
    return DC_DIRECTION_OUT;
  if (dc_directions_is_local_address(directions, &packet->dst) || is_multicast_address(&packet->dst))
    return DC_DIRECTION_IN;
  return DC_DIRECTION_UNKNOWN;
}

const char *dc_directions_text(const DcDirections *directions)
{
  if (directions->text != NULL)
    return directions->text;
  if (directions->given)
    return "given (--local, the context or the capture itself)";
  return "unknown: nothing in the capture tells which side is this host (give --local ADDRESS)";
}
