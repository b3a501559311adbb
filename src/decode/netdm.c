/*
 * NET_DM messages, uapi linux/net_dropmon.h as written by net/core/drop_monitor.c.
 *
 *   nlmsghdr    length(4) type(2) flags(2) sequence(4) port(4)     type: the family's id
 *   genlmsghdr  command(1) version(1) reserved(2)
 *   attributes  length(2) type(2) value, padded to 4; nested in some values; host order
 *
 * A summary alert is older than these attributes: one of type 0 holds
 *   entries(4), then entries times { pc(8) count(4) }
 */
#include "dropcorr/decode/netdm.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/decode/packet.h"

#include <string.h>

#define NLMSG_HEADER 16
#define GENL_HEADER 4
#define NETDM_VERSION 2

/* Generic netlink hands out ids from here on (linux/genetlink.h, GENL_START_ALLOC). */
#define FAMILY_LEAST 0x13

#define TYPE_MASK 0x3fff /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */

enum { CMD_ALERT = 1, CMD_PACKET_ALERT = 5, CMD_CONFIG_NEW = 7, CMD_STATS_NEW = 9, CMD_LAST = CMD_STATS_NEW };

enum {
  ATTR_UNSPEC = 0,
  ATTR_ALERT_MODE = 1,
  ATTR_PC = 2,
  ATTR_SYMBOL = 3,
  ATTR_IN_PORT = 4,
  ATTR_TIMESTAMP = 5,
  ATTR_PROTO = 6,
  ATTR_PAYLOAD = 7,
  ATTR_TRUNC_LEN = 9,
  ATTR_ORIG_LEN = 10,
  ATTR_QUEUE_LEN = 11,
  ATTR_STATS = 12,
  ATTR_HW_STATS = 13,
  ATTR_ORIGIN = 14,
  ATTR_HW_TRAP_GROUP_NAME = 15,
  ATTR_HW_TRAP_NAME = 16,
  ATTR_HW_ENTRIES = 17,
  ATTR_HW_ENTRY = 18,
  ATTR_HW_TRAP_COUNT = 19,
  ATTR_REASON = 23,
  ATTR_COUNT
};

/* Inner attributes: of IN_PORT, and of STATS and HW_STATS. */
enum { PORT_IFINDEX = 0, PORT_NAME = 1, PORT_COUNT };
enum { STATS_DROPPED = 0, STATS_COUNT };

enum { ORIGIN_HARDWARE = 1 };

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };

/* Least length of each attribute's value; strings, nests, flags and unknown ones: 0. */
static const uint8_t least_len[ATTR_COUNT] = {
    [ATTR_UNSPEC] = 4,    [ATTR_ALERT_MODE] = 1, [ATTR_PC] = 8,        [ATTR_TIMESTAMP] = 8, [ATTR_PROTO] = 2,
    [ATTR_TRUNC_LEN] = 4, [ATTR_ORIG_LEN] = 4,   [ATTR_QUEUE_LEN] = 4, [ATTR_ORIGIN] = 2,    [ATTR_HW_TRAP_COUNT] = 4,
};
static const uint8_t least_port_len[PORT_COUNT] = {[PORT_IFINDEX] = 4};
static const uint8_t least_stats_len[STATS_COUNT] = {[STATS_DROPPED] = 8};

typedef struct {
  bool has[ATTR_COUNT];
  DcCursor value[ATTR_COUNT];
} Attributes;

/* The next attribute. False at the end, or when its length lies: then cursor->ok is cleared. */
static bool next_attribute(DcCursor *cursor, uint16_t *ret_type, DcCursor *ret_value)
{
  if (dc_cursor_left(cursor) < 4)
    return false;
  const uint16_t len = dc_cursor_host16(cursor);
  *ret_type = dc_cursor_host16(cursor) & TYPE_MASK;
  if (len < 4) {
    cursor->ok = false;
    return false;
  }
  const size_t value_len = (size_t)len - 4;
  *ret_value = dc_cursor_sub(cursor, value_len);
  const size_t padding = -value_len & 3;
  dc_cursor_skip(cursor, padding < dc_cursor_left(cursor) ? padding : dc_cursor_left(cursor));
  return cursor->ok;
}

/* Sorts attributes by type; types that are not known yet are passed over. */
static bool collect(DcCursor cursor, const uint8_t *least, uint16_t count, bool *has, DcCursor *values)
{
  uint16_t type;
  DcCursor value;
  while (next_attribute(&cursor, &type, &value)) {
    if (type >= count)
      continue;
    if (value.len < least[type])
      return false;
    has[type] = true;
    values[type] = value;
  }
  return cursor.ok;
}

static bool collect_main(DcCursor cursor, Attributes *attributes)
{
  memset(attributes, 0, sizeof *attributes);
  return collect(cursor, least_len, ATTR_COUNT, attributes->has, attributes->value);
}

static const char *intern(const Attributes *attributes, int type, DcStrings *strings)
{
  if (!attributes->has[type])
    return NULL;
  DcCursor value = attributes->value[type];
  const size_t len = value.len;
  return len > 0 ? dc_strings_add(strings, (const char *)dc_cursor_bytes(&value, len), len) : NULL;
}

static void drop_init(DcDrop *drop, DcDropKind kind)
{
  memset(drop, 0, sizeof *drop);
  drop->kind = (uint8_t)kind;
  drop->time_ns = DC_TIME_NONE;
  drop->protocol = -1;
  drop->count = 1;
}

static bool is_sound(const DcPacket *packet, int32_t protocol)
{
  const bool agrees = packet->ethertype == protocol || (packet->vlan_count > 0 && packet->vlan_proto == protocol);
  const bool is_ip = packet->ethertype == ETHERTYPE_IPV4 || packet->ethertype == ETHERTYPE_IPV6;
  return (packet->has & DC_HAS_ETHERTYPE) && agrees && packet->status != DC_DECODE_MALFORMED &&
         (!is_ip || (packet->has & DC_HAS_IP));
}

/*
 * The payload starts at the MAC header, or at the network header where the skb has no MAC
 * header (tun, packets dropped while being sent). Which one is not said: the reading
 * that agrees with the protocol wins, Ethernet first. Where Ethernet's agrees but is broken, the
 * other one must be flawless to win: a frame dropped for its bad header is no raw packet.
 */
static void decode_payload(DcDrop *drop)
{
  DcPacket raw;
  drop->link = DC_LINK_ETHERNET;
  dc_decode_packet(DC_LINK_ETHERNET, drop->bytes, drop->caplen, drop->orig_len, true, &drop->packet);
  if (is_sound(&drop->packet, drop->protocol))
    return;
  dc_decode_packet(DC_LINK_RAW, drop->bytes, drop->caplen, drop->orig_len, true, &raw);
  const bool agrees = (raw.has & DC_HAS_IP) && (drop->protocol < 0 || raw.ethertype == drop->protocol);
  const bool flawless = raw.l3_len == drop->orig_len && (raw.src.version == 6 || raw.ip_checksum == DC_CHECKSUM_GOOD);
  const bool ethernet_agrees = drop->protocol < 0 || drop->packet.ethertype == drop->protocol;
  if (agrees && (flawless || !ethernet_agrees)) {
    drop->link = DC_LINK_RAW;
    drop->packet = raw;
  }
}

static void parse_reason(const Attributes *attributes, DcStrings *strings, DcDrop *drop)
{
  static const char prefix[] = "SKB_DROP_REASON_";
  if (!attributes->has[ATTR_REASON])
    return;
  DcCursor value = attributes->value[ATTR_REASON];
  if (value.len > sizeof prefix - 1) {
    DcCursor after = value;
    if (memcmp(dc_cursor_bytes(&after, sizeof prefix - 1), prefix, sizeof prefix - 1) == 0)
      value = after;
  }
  const size_t len = dc_cursor_left(&value);
  const char *text = len > 0 ? (const char *)dc_cursor_bytes(&value, len) : NULL;
  if (text != NULL && text[0] != '\0')
    drop->reason = dc_strings_add(strings, text, len);
}

static DcNetdmStatus parse_packet(const Attributes *attributes, DcStrings *strings, DcDrop *drop)
{
  /* Attributes that are absent are empty cursors: they read as zero. */
  DcCursor value = attributes->value[ATTR_ORIGIN];
  const bool hardware = dc_cursor_host16(&value) == ORIGIN_HARDWARE;
  drop_init(drop, hardware ? DC_DROP_NETDM_HARDWARE : DC_DROP_NETDM_PACKET);

  if (attributes->has[ATTR_SYMBOL]) {
    value = attributes->value[ATTR_SYMBOL];
    const size_t len = value.len;
    if (len > 0)
      dc_location_parse((const char *)dc_cursor_bytes(&value, len), len, strings, drop);
  }
  if (attributes->has[ATTR_PC]) {
    value = attributes->value[ATTR_PC];
    drop->pc = dc_cursor_host64(&value);
  }
  drop->trap_group = intern(attributes, ATTR_HW_TRAP_GROUP_NAME, strings);
  drop->trap_name = intern(attributes, ATTR_HW_TRAP_NAME, strings);
  if (drop->location == NULL)
    drop->location = drop->trap_name;
  parse_reason(attributes, strings, drop);

  if (attributes->has[ATTR_TIMESTAMP]) {
    value = attributes->value[ATTR_TIMESTAMP];
    const uint64_t time_ns = dc_cursor_host64(&value);
    if (time_ns <= INT64_MAX)
      drop->time_ns = (int64_t)time_ns;
  }
  if (attributes->has[ATTR_PROTO]) {
    value = attributes->value[ATTR_PROTO];
    drop->protocol = dc_cursor_host16(&value);
  }
  if (attributes->has[ATTR_IN_PORT]) {
    bool has[PORT_COUNT] = {false};
    DcCursor port[PORT_COUNT];
    if (!collect(attributes->value[ATTR_IN_PORT], least_port_len, PORT_COUNT, has, port))
      return DC_NETDM_MALFORMED;
    if (has[PORT_IFINDEX])
      drop->in_ifindex = dc_cursor_host32(&port[PORT_IFINDEX]);
    if (has[PORT_NAME] && port[PORT_NAME].len > 0)
      drop->in_ifname = dc_strings_add(strings, (const char *)port[PORT_NAME].data, port[PORT_NAME].len);
  }
  if (attributes->has[ATTR_PAYLOAD] && attributes->value[ATTR_PAYLOAD].len > 0) {
    value = attributes->value[ATTR_PAYLOAD];
    drop->caplen = (uint32_t)value.len;
    drop->bytes = dc_cursor_bytes(&value, value.len);
    drop->orig_len = drop->caplen;
  }
  if (attributes->has[ATTR_ORIG_LEN]) {
    value = attributes->value[ATTR_ORIG_LEN];
    const uint32_t orig_len = dc_cursor_host32(&value);
    if (orig_len > drop->caplen)
      drop->orig_len = orig_len;
  }
  if (drop->bytes != NULL)
    decode_payload(drop);
  return DC_NETDM_DROP;
}

static DcNetdmStatus parse_points(DcCursor value, DcDrop *drops, size_t *ret_count)
{
  const uint32_t entries = dc_cursor_host32(&value);
  if (entries > DC_NETDM_DROPS_MAX || (size_t)entries * 12 > dc_cursor_left(&value))
    return DC_NETDM_MALFORMED;
  for (uint32_t i = 0; i < entries; i++) {
    drop_init(&drops[i], DC_DROP_NETDM_SUMMARY);
    drops[i].pc = dc_cursor_host64(&value);
    drops[i].count = dc_cursor_host32(&value);
  }
  *ret_count = entries;
  return entries > 0 ? DC_NETDM_SUMMARY : DC_NETDM_OTHER;
}

static DcNetdmStatus parse_trap_entries(DcCursor entries, DcStrings *strings, DcDrop *drops, size_t *ret_count)
{
  size_t count = 0;
  uint16_t type;
  DcCursor value;
  while (next_attribute(&entries, &type, &value)) {
    Attributes entry;
    if (type != ATTR_HW_ENTRY)
      continue;
    if (count == DC_NETDM_DROPS_MAX || !collect_main(value, &entry))
      return DC_NETDM_MALFORMED;
    DcDrop *drop = &drops[count++];
    drop_init(drop, DC_DROP_NETDM_HARDWARE);
    drop->trap_name = intern(&entry, ATTR_HW_TRAP_NAME, strings);
    drop->location = drop->trap_name;
    if (entry.has[ATTR_HW_TRAP_COUNT])
      drop->count = dc_cursor_host32(&entry.value[ATTR_HW_TRAP_COUNT]);
  }
  if (!entries.ok)
    return DC_NETDM_MALFORMED;
  *ret_count = count;
  return count > 0 ? DC_NETDM_SUMMARY : DC_NETDM_OTHER;
}

static bool read_stats(const Attributes *attributes, int type, uint64_t *ret_dropped)
{
  bool has[STATS_COUNT] = {false};
  DcCursor value[STATS_COUNT];
  if (!attributes->has[type])
    return true;
  if (!collect(attributes->value[type], least_stats_len, STATS_COUNT, has, value))
    return false;
  if (has[STATS_DROPPED])
    *ret_dropped = dc_cursor_host64(&value[STATS_DROPPED]);
  return true;
}

static DcNetdmStatus parse_reply(uint8_t command, Attributes *attributes, DcNetdmReply *reply)
{
  if (command == CMD_CONFIG_NEW) {
    reply->has_config = true;
    if (attributes->has[ATTR_ALERT_MODE])
      reply->alert_mode = dc_cursor_u8(&attributes->value[ATTR_ALERT_MODE]);
    if (attributes->has[ATTR_TRUNC_LEN])
      reply->trunc_len = dc_cursor_host32(&attributes->value[ATTR_TRUNC_LEN]);
    if (attributes->has[ATTR_QUEUE_LEN])
      reply->queue_len = dc_cursor_host32(&attributes->value[ATTR_QUEUE_LEN]);
  } else if (command == CMD_STATS_NEW) {
    reply->has_stats = true;
    if (!read_stats(attributes, ATTR_STATS, &reply->software_dropped) ||
        !read_stats(attributes, ATTR_HW_STATS, &reply->hardware_dropped))
      return DC_NETDM_MALFORMED;
  }
  return DC_NETDM_OTHER;
}

/* Family ids are dynamic. Where it is not known, an alert must have what every kernel puts into
 * one, or it is another family's message. */
static bool looks_like_alert(uint8_t command, const Attributes *attributes)
{
  const bool *has = attributes->has;
  if (command == CMD_PACKET_ALERT)
    return has[ATTR_ORIGIN] && has[ATTR_TIMESTAMP] && (has[ATTR_PC] || has[ATTR_HW_TRAP_NAME]);
  if (command == CMD_ALERT)
    return has[ATTR_UNSPEC] || has[ATTR_HW_ENTRIES];
  return true;
}

DcNetdmStatus dc_netdm_parse(const uint8_t *bytes, size_t len, uint16_t family, DcStrings *strings, DcDrop *ret_drops,
                             size_t *ret_count, DcNetdmReply *ret_reply)
{
  *ret_count = 0;
  DcNetdmReply reply = {0};
  DcCursor cursor = dc_cursor(bytes, len);
  DcCursor header = dc_cursor_sub(&cursor, NLMSG_HEADER);
  const uint32_t message_len = dc_cursor_host32(&header);
  const uint16_t type = dc_cursor_host16(&header);
  DcCursor command_header = dc_cursor_sub(&cursor, GENL_HEADER);
  const uint8_t command = dc_cursor_u8(&command_header);
  const uint8_t version = dc_cursor_u8(&command_header);
  if (!header.ok)
    return len == 0 ? DC_NETDM_NOT : DC_NETDM_MALFORMED;
  if (family != 0 ? type != family
                  : type < FAMILY_LEAST || version != NETDM_VERSION || command == 0 || command > CMD_LAST)
    return DC_NETDM_NOT;
  if (!command_header.ok || message_len < NLMSG_HEADER + GENL_HEADER || message_len > len)
    return DC_NETDM_MALFORMED;

  Attributes attributes;
  cursor = dc_cursor(bytes, message_len);
  dc_cursor_skip(&cursor, NLMSG_HEADER + GENL_HEADER);
  if (!collect_main(dc_cursor_sub(&cursor, dc_cursor_left(&cursor)), &attributes))
    return DC_NETDM_MALFORMED;
  if (!looks_like_alert(command, &attributes))
    return family == 0 ? DC_NETDM_NOT : DC_NETDM_MALFORMED;

  DcNetdmStatus status = DC_NETDM_OTHER;
  if (command == CMD_PACKET_ALERT) {
    status = parse_packet(&attributes, strings, ret_drops);
    *ret_count = status == DC_NETDM_DROP;
  } else if (command == CMD_ALERT && attributes.has[ATTR_HW_ENTRIES]) {
    status = parse_trap_entries(attributes.value[ATTR_HW_ENTRIES], strings, ret_drops, ret_count);
  } else if (command == CMD_ALERT) {
    status = parse_points(attributes.value[ATTR_UNSPEC], ret_drops, ret_count);
  } else {
    status = parse_reply(command, &attributes, &reply);
  }
  if (ret_reply != NULL)
    *ret_reply = reply;
  return status;
}
