/*
 * NET_DM netlink messages saved as a capture: `dwdump -w`, or tcpdump on an nlmon device.
 * Link type NETLINK (253): each packet is a cooked header in network byte order, then
 * netlink messages in the byte order of the machine that captured.
 *
 *  +---------------------------+
 *  | packet type (16)          |
 *  | ARPHRD_NETLINK 824 (16)   |
 *  | address length 0 (16)     |
 *  | unused (64)               |
 *  | netlink family (16)       |  16: generic netlink
 *  +---------------------------+
 *  | nlmsghdr: length (32)     |  with the header, without the padding to 4
 *  |  type (16) flags (16)     |  type: the generic family's number, chosen when the module was loaded
 *  |  sequence (32) port (32)  |
 *  | genlmsghdr: command (8)   |
 *  |  version (8), 16 reserved |
 *  | attributes ...            |
 *  +---------------------------+
 */
#include "drop_log_formats.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/netdm.h"
#include "packet_file.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>

#define COOKED_LEN 16u
#define MESSAGE_HEADER_LEN 16u
#define GENERIC_HEADER_LEN 4u
#define ATTRIBUTE_HEADER_LEN 4u
#define ATTRIBUTE_TYPE_MASK 0x3fffu /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */

/* Summary alerts, and records without a time of their own, are written up to so much later. */
#define RECORD_PRECISION_NS DC_NS_PER_S

/* An nlmon device sees a message once for each socket it is delivered to, one right after the other; several processors
 * may do so at once. */
#define RECENT_MAX 32u

typedef struct {
  uint64_t hash;
  int64_t time_ns;
} Recent;

typedef struct {
  DcSource source;
  DcPacketFile *file;
  DcStrings *strings;
  uint16_t family; /* NET_DM's number, 0 not known */
  Recent recent[RECENT_MAX];
  uint32_t recent_at;

  DcCursor messages; /* of the current packet, not read yet */
  int64_t record_ns;
  DcDrop drops[DC_NETDM_DROPS_MAX]; /* of the current message */
  size_t drop_count, drop_at;
  bool has_loss;
  DcLoss loss;

  bool has_stats;
  uint64_t lost;          /* cumulative, from the last statistics message */
  int64_t stats_ns;       /* and its time */
  uint64_t packets;       /* all records */
  uint64_t other_netlink; /* of other netlink families */
  uint64_t other_link;    /* packets of other link types */
  uint64_t messages_read, own_messages;
  uint64_t skipped, foreign; /* messages; the file counts its own */
} NetdmLog;

static DcReadStatus netdm_next(DcSource *source, DcEvent *ret_event, GError **error);
static void netdm_free(DcSource *source);

static const DcSourceOps netdm_ops = {.next = netdm_next, .free = netdm_free};

static DcSource *netdm_open(DcInput *input, DcStrings *strings, GError **error)
{
  DcPacketFile *file = dc_packet_file_open(input, error);
  if (file == NULL)
    return NULL;
  NetdmLog *log = g_new0(NetdmLog, 1);
  log->source.ops = &netdm_ops;
  log->source.name = dc_input_name(file->input);
  log->source.bytes_total = dc_input_size(file->input);
  log->file = file;
  log->strings = strings;
  log->messages = dc_cursor(NULL, 0);
  return &log->source;
}

/* Messages and attributes begin at multiples of 4. */
static size_t padding(size_t len)
{
  return (4 - len % 4) % 4;
}

/*
 * The controller's answer to GETFAMILY tells NET_DM's number (dwdump saves it as the first
 * record): attributes FAMILY_ID (u16) and FAMILY_NAME (string). True if the message was one.
 */
static bool learn_family(NetdmLog *log, DcCursor message)
{
  (void)dc_cursor_skip(&message, 4);
  uint16_t type = dc_cursor_host16(&message);
  (void)dc_cursor_skip(&message, MESSAGE_HEADER_LEN - 6);
  uint8_t command = dc_cursor_u8(&message);
  (void)dc_cursor_skip(&message, GENERIC_HEADER_LEN - 1);
  if (!message.ok || type != GENL_ID_CTRL)
    return false;
  if (command != CTRL_CMD_NEWFAMILY)
    return true;

  uint16_t id = 0;
  bool is_netdm = false;
  while (dc_cursor_left(&message) >= ATTRIBUTE_HEADER_LEN) {
    uint16_t len = dc_cursor_host16(&message);
    uint16_t attribute = dc_cursor_host16(&message) & ATTRIBUTE_TYPE_MASK;
    if (len < ATTRIBUTE_HEADER_LEN)
      break;
    DcCursor value = dc_cursor_sub(&message, (size_t)len - ATTRIBUTE_HEADER_LEN);
    if (!value.ok)
      break;
    if (attribute == CTRL_ATTR_FAMILY_ID) {
      id = dc_cursor_host16(&value);
    } else if (attribute == CTRL_ATTR_FAMILY_NAME) {
      size_t name_len = dc_cursor_left(&value);
      const uint8_t *name = dc_cursor_bytes(&value, name_len);
      is_netdm = name_len >= 6 && strncmp((const char *)name, "NET_DM", name_len) == 0;
    }
    (void)dc_cursor_skip(&message, MIN(padding(len), dc_cursor_left(&message)));
  }
  if (is_netdm && id >= NLMSG_MIN_TYPE)
    log->family = id;
  return true;
}

/* Packets the drop monitor itself had to drop, since the statistics before. */
static void note_stats(NetdmLog *log, const DcNetdmReply *reply)
{
  uint64_t lost = reply->software_dropped + reply->hardware_dropped;
  if (log->has_stats && lost > log->lost) {
    log->has_loss = true;
    log->loss = (DcLoss){.kind = DC_LOSS_MONITOR,
                         .count = lost - log->lost,
                         .from_ns = log->stats_ns,
                         .to_ns = log->record_ns,
                         .detail = "the drop monitor's own queue was full"};
  }
  log->has_stats = true;
  log->lost = lost;
  log->stats_ns = log->record_ns;
}

/* Whether these very bytes, the nanosecond of the drop among them, were just read. */
static bool is_copy(NetdmLog *log, DcCursor message, const DcDrop *drop)
{
  if (!dc_time_is_plausible(drop->time_ns))
    return false;
  const Recent now = {dc_hash_bytes(message.data, message.len), drop->time_ns};
  for (size_t i = 0; i < RECENT_MAX; i++)
    if (log->recent[i].hash == now.hash && log->recent[i].time_ns == now.time_ns)
      return true;
  log->recent[log->recent_at++ % RECENT_MAX] = now;
  return false;
}

/* The next message of the current packet; its drops, if any, are then ready. */
static void read_message(NetdmLog *log)
{
  DcCursor peek = log->messages;
  uint32_t len = dc_cursor_host32(&peek);
  if (!peek.ok || len < MESSAGE_HEADER_LEN || len > dc_cursor_left(&log->messages)) {
    log->skipped++; /* cut off by a snaplen, or no netlink message at all: the rest cannot be framed */
    log->messages = dc_cursor(NULL, 0);
    return;
  }
  const DcCursor message = dc_cursor_sub(&log->messages, len);
  (void)dc_cursor_skip(&log->messages, MIN(padding(len), dc_cursor_left(&log->messages)));
  log->messages_read++;
  if (learn_family(log, message)) {
    log->foreign++;
    return;
  }

  DcNetdmReply reply = {0};
  size_t count = 0;
  switch (dc_netdm_parse(message.data, message.len, log->family, log->strings, log->drops, &count, &reply)) {
  case DC_NETDM_NOT:
    log->foreign++;
    return;
  case DC_NETDM_OTHER:
    log->own_messages++;
    if (reply.has_stats)
      note_stats(log, &reply);
    return;
  case DC_NETDM_MALFORMED:
    log->own_messages++;
    log->skipped++;
    return;
  case DC_NETDM_DROP:
    log->own_messages++;
    if (is_copy(log, message, &log->drops[0])) {
      log->foreign++;
      return;
    }
    log->drop_at = 0;
    log->drop_count = 1;
    return;
  case DC_NETDM_SUMMARY:
    log->own_messages++;
    log->drop_at = 0;
    log->drop_count = MIN(count, DC_NETDM_DROPS_MAX);
    return;
  }
}

static void begin_packet(NetdmLog *log, const DcRecord *record)
{
  log->packets++;
  const DcCaptureInterface *interface = &log->file->interfaces[record->interface_id]->public;
  if (interface->dlt != DLT_NETLINK) {
    log->other_link++;
    log->foreign++;
    return;
  }
  DcCursor cursor = dc_cursor(record->bytes, record->caplen);
  (void)dc_cursor_skip(&cursor, COOKED_LEN - 2);
  uint16_t family = dc_cursor_be16(&cursor);
  if (!cursor.ok) {
    log->skipped++;
    return;
  }
  if (family != NETLINK_GENERIC) {
    log->other_netlink++;
    log->foreign++;
    return;
  }
  log->record_ns = record->time_ns;
  log->messages = dc_cursor_sub(&cursor, dc_cursor_left(&cursor));
}

static void give_drop(NetdmLog *log, DcEvent *event)
{
  event->kind = DC_EVENT_DROP;
  event->drop = log->drops[log->drop_at++];
  if (!dc_time_is_plausible(event->drop.time_ns)) { /* DC_TIME_NONE, or nonsense */
    event->drop.time_ns = log->record_ns;
    event->drop.precision_ns = RECORD_PRECISION_NS;
  }
  event->time_ns = event->drop.time_ns;
}

static DcReadStatus netdm_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  NetdmLog *log = (NetdmLog *)source;
  for (;;) {
    if (log->drop_at < log->drop_count) {
      give_drop(log, ret_event);
      return DC_READ_EVENT;
    }
    if (log->has_loss) {
      log->has_loss = false;
      ret_event->kind = DC_EVENT_LOSS;
      ret_event->time_ns = log->loss.to_ns;
      ret_event->loss = log->loss;
      return DC_READ_EVENT;
    }
    if (dc_cursor_left(&log->messages) > 0) {
      read_message(log);
      continue;
    }
    DcRecord record;
    DcReadStatus status = dc_packet_file_next(log->file, &record, error);
    source->bytes_read = dc_input_offset(log->file->input);
    if (status == DC_READ_EVENT && record.kind == DC_RECORD_PACKET)
      begin_packet(log, &record);
    else if (status == DC_READ_EVENT && record.kind == DC_RECORD_JOURNAL)
      log->foreign++;
    source->skipped = log->skipped + log->file->skipped;
    source->foreign = log->foreign + log->file->foreign;
    if (status != DC_READ_EVENT)
      return status;
  }
}

static void netdm_free(DcSource *source)
{
  NetdmLog *log = (NetdmLog *)source;
  dc_packet_file_free(log->file);
  g_free(log);
}

static char *netdm_explain(const DcSource *source)
{
  const NetdmLog *log = (const NetdmLog *)source;
  const char *remedy =
      "start the drop monitor before saving (dwdump -w FILE, or dropwatch while tcpdump runs on nlmon)";
  if (log->messages_read == 0 && log->skipped > 0)
    remedy = log->file->swapped ? "it comes from a machine of the other byte order: read it on such a machine"
                                : "its messages are cut off: save it without a snaplen";
  return g_strdup_printf(
      "%" G_GUINT64_FORMAT " packets, of these %" G_GUINT64_FORMAT " of other netlink families and %" G_GUINT64_FORMAT
      " of other link types; %" G_GUINT64_FORMAT " generic netlink messages, of these %" G_GUINT64_FORMAT
      " of NET_DM; %" G_GUINT64_FORMAT " could not be read; %s",
      log->packets, log->other_netlink, log->other_link, log->messages_read, log->own_messages, log->skipped, remedy);
}

static int netdm_probe(const uint8_t *head, size_t len)
{
  return dc_packet_file_head_has_dlt(head, len, DLT_NETLINK) ? 100 : 0;
}

const DcDropLogFormat dc_drop_log_netdm = {
    .name = "NET_DM capture", .probe = netdm_probe, .open = netdm_open, .explain = netdm_explain};
