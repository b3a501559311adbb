/*
 * Capture files: pcap's records and pcapng's blocks (drawn in src/source/pcap_blocks.c and pcapng_blocks.c), with the
 * packets in them, the netlink messages where the link is that, and the fields of an evidence file's journal entries.
 */
#include "mutate.h"

#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <string.h>

#define LINKS_MAX 16
#define PACKET_MAX 2048u /* bytes copied out of a capture */

enum { DLT_NETLINK = 253, NETLINK_COOKED = 16, GENERIC_NETLINK = 16 };
enum { PCAP_HEADER = 24, PCAP_RECORD = 16 };
enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, SIMPLE_PACKET = 3, STATISTICS = 5, PACKET = 6, JOURNAL = 9 };
enum { BLOCK_HEADER = 8, BLOCK_LEN_MIN = 12, OPTION_HEADER = 4 };
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

static const bool host_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* What of the file is needed to change a part of it. */
typedef struct {
  const Bytes *file;
  bool is_pcap, big, nano;
  uint8_t record_header;
  uint16_t links[LINKS_MAX]; /* DLT_ by interface, sections one after the other */
  size_t link_count;
} Capture;

/* --- packets -------------------------------------------------------------------------------------- */

static bool is_frames(uint16_t dlt)
{
  return dc_link_from_dlt(dlt) != DC_LINK_UNKNOWN;
}

static void change_packet(Bytes *bytes, uint16_t dlt, Mutation *mutation)
{
  const DcLink link = dc_link_from_dlt(dlt);
  if (dlt == DLT_NETLINK && bytes->len >= NETLINK_COOKED)
    mutate_list(&mutate_netlink_messages, bytes, NETLINK_COOKED, bytes->len - NETLINK_COOKED, NULL, mutation);
  else if (link != DC_LINK_UNKNOWN)
    mutate_frame(bytes, &link, mutation);
  else
    mutate_bytewise(bytes, NULL, mutation);
}

static void append_netlink(Bytes *bytes, const Bytes *messages)
{
  bytes_append_number(bytes, 4, true, 0x00040338);
  bytes_append(bytes, NULL, 10);
  bytes_append_number(bytes, 2, true, GENERIC_NETLINK);
  if (messages != NULL)
    bytes_append(bytes, messages->data, messages->len);
}

/* A new one, or what answers one of the file's. */
static void fresh_packet(Bytes *bytes, const Capture *capture, uint16_t dlt, Mutation *mutation)
{
  MutateFrame of;
  uint8_t data[PACKET_MAX];
  Bytes frame = {.data = data, .max = sizeof data};
  if (dlt == DLT_NETLINK) {
    append_netlink(bytes, NULL);
    mutate_netlink_messages.fresh(bytes, NULL, mutation);
    return;
  }
  if (mutate_one_in(mutation, 2) && mutate_capture_pick(capture->file, mutation, &of) &&
      bytes_append(&frame, of.bytes.data, of.bytes.len))
    mutate_frame_answer(&frame, of.link, mutation);
  else
    mutate_frame_fresh(&frame, mutation);
  bytes_append(bytes, frame.data, frame.len);
}

static void change_whole_packet(Bytes *bytes, const void *context, Mutation *mutation)
{
  change_packet(bytes, *(const uint16_t *)context, mutation);
}

/* --- pcap ------------------------------------------------------------------------------------------- */

static size_t walk_record(const Bytes *bytes, size_t at, const void *context)
{
  const Capture *capture = context;
  const size_t left = bytes->len - at;
  const uint64_t len = bytes_get(bytes, at + 8, 4, capture->big) + capture->record_header;
  return left >= capture->record_header && len <= left ? (size_t)len : 0;
}

/* Mostly a little later or earlier than it was. */
static void change_time(Bytes *bytes, size_t at, bool big, Mutation *mutation)
{
  const uint64_t low = bytes_get(bytes, at + 4, 4, big);
  switch (mutate_below(mutation, 4)) {
  case 0:
    bytes_put(bytes, at + 4 * mutate_below(mutation, 2), 4, big, mutate_number(mutation));
    break;
  case 1:
    bytes_put(bytes, at, 4, big, bytes_get(bytes, at, 4, big) + mutate_below(mutation, 5) - 1);
    break;
  default:
    bytes_put(bytes, at + 4, 4, big, low + (UINT64_C(1) << mutate_below(mutation, 28)) - mutate_below(mutation, 1000));
    break;
  }
}

static void change_record(Bytes *bytes, const void *context, Mutation *mutation)
{
  const Capture *capture = context;
  const size_t header = capture->record_header;
  const uint64_t missing = bytes_get(bytes, 12, 4, capture->big) - bytes_get(bytes, 8, 4, capture->big);
  switch (mutate_below(mutation, 6)) {
  case 0:
    change_time(bytes, 0, capture->big, mutation);
    break;
  case 1: /* captured less */
    bytes->len = header + mutate_below(mutation, bytes->len - header + 1);
    bytes_put(bytes, 8, 4, capture->big, bytes->len - header);
    return;
  default:
    mutate_part(bytes, header, bytes->len - header, change_whole_packet, &capture->links[0], mutation);
    break;
  }
  bytes_put(bytes, 8, 4, capture->big, mutate_one_in(mutation, 32) ? mutate_number(mutation) : bytes->len - header);
  bytes_put(bytes, 12, 4, capture->big,
            mutate_one_in(mutation, 32) ? mutate_number(mutation) : bytes->len - header + missing);
}

/* The time of a packet of the file, and a little more. */
static int64_t time_near(const Capture *capture, Mutation *mutation)
{
  MutateFrame near;
  const int64_t time_ns =
      mutate_capture_pick(capture->file, mutation, &near) ? near.time_ns : INT64_C(1700000000000000000);
  return time_ns + (INT64_C(1) << mutate_below(mutation, 32));
}

static void fresh_record(Bytes *bytes, const void *context, Mutation *mutation)
{
  const Capture *capture = context;
  const uint64_t time_ns = (uint64_t)time_near(capture, mutation);
  const uint64_t fraction = time_ns % 1000000000 / (capture->nano ? 1 : 1000);
  const size_t start = bytes->len;
  if (!bytes_append(bytes, NULL, capture->record_header))
    return;
  fresh_packet(bytes, capture, capture->links[0], mutation);
  const size_t len = bytes->len - start - capture->record_header;
  bytes_put(bytes, start, 4, capture->big, time_ns / 1000000000);
  bytes_put(bytes, start + 4, 4, capture->big, fraction);
  bytes_put(bytes, start + 8, 4, capture->big, len);
  bytes_put(bytes, start + 12, 4, capture->big, len);
}

static const MutateList records = {.walk = walk_record, .change = change_record, .fresh = fresh_record};

/* --- pcapng: options | code(2) | length of the value(2) | value, padded to 4 | ------------------------------ */

static size_t walk_option(const Bytes *bytes, size_t at, const void *context)
{
  const bool big = *(const bool *)context;
  const size_t left = bytes->len - at;
  const size_t len = OPTION_HEADER + ((bytes_get(bytes, at + 2, 2, big) + 3) & ~(size_t)3);
  return len <= left ? len : 0;
}

static void change_option(Bytes *bytes, const void *context, Mutation *mutation)
{
  const bool big = *(const bool *)context;
  bytes->len = MIN(bytes->len, OPTION_HEADER + (size_t)bytes_get(bytes, 2, 2, big));
  if (mutate_one_in(mutation, 4))
    bytes_put(bytes, 0, 2, big, mutate_below(mutation, 16));
  else if (mutate_one_in(mutation, 2))
    mutate_part(bytes, OPTION_HEADER, bytes->len - OPTION_HEADER, mutate_bytewise, NULL, mutation);
  else
    bytes_put(bytes, OPTION_HEADER, (unsigned)MIN(bytes->len - OPTION_HEADER, 8), big, mutate_number(mutation));
  bytes_put(bytes, 2, 2, big, mutate_one_in(mutation, 24) ? mutate_number(mutation) : bytes->len - OPTION_HEADER);
  bytes_align(bytes, 4);
}

static void fresh_option(Bytes *bytes, const void *context, Mutation *mutation)
{
  const bool big = *(const bool *)context;
  static const uint8_t widths[] = {1, 4, 8, 6};
  const unsigned width = MUTATE_PICK(mutation, widths);
  bytes_append_number(bytes, 2, big, mutate_below(mutation, 16));
  bytes_append_number(bytes, 2, big, width);
  bytes_append_number(bytes, width, big, mutate_number(mutation));
  bytes_align(bytes, 4);
}

static const MutateList options = {.walk = walk_option, .change = change_option, .fresh = fresh_option};

/* --- journal entries: lines NAME=value ------------------------------------------------------------------------ */

static void change_field(Bytes *line, const void *context, Mutation *mutation)
{
  const Capture *capture = context;
  static const char bytes_name[] = "DROPCORR_BYTES=";
  const uint8_t *equals = memchr(line->data, '=', line->len);
  const size_t name = equals != NULL ? (size_t)(equals - line->data) + 1 : line->len;
  MutateFrame frame;
  if (name == sizeof bytes_name - 1 && memcmp(line->data, bytes_name, name) == 0 && mutate_one_in(mutation, 2) &&
      mutate_capture_pick(capture->file, mutation, &frame)) {
    g_autoptr(GString) hex = g_string_new(NULL);
    for (size_t i = 0; i < frame.bytes.len; i++)
      g_string_append_printf(hex, "%02x", frame.bytes.data[i]);
    bytes_splice(line, name, line->len - name, hex->str, hex->len);
    bytes_append(line, "\n", 1);
  } else {
    mutate_lines.change(line, NULL, mutation);
  }
}

static void fresh_field(Bytes *bytes, const void *context, Mutation *mutation)
{
  static const char *const names[] = {"COUNT",    "PC",           "SYMBOL", "REASON",     "PROTOCOL",
                                      "ORIG_LEN", "RX_TIME_NS",   "RX_LEN", "RX_WAIT_NS", "IN_IFINDEX",
                                      "SKB",      "PRECISION_NS", "OFFSET", "TIME_NS",    "CHECKSUM"};
  (void)context;
  g_autofree char *line =
      g_strdup_printf("DROPCORR_%s=%" G_GUINT64_FORMAT "\n", MUTATE_PICK(mutation, names), mutate_number(mutation));
  bytes_append(bytes, line, strlen(line));
}

static size_t walk_field(const Bytes *bytes, size_t at, const void *context)
{
  return mutate_lines.walk(bytes, at, context);
}

static const MutateList fields = {.walk = walk_field, .change = change_field, .fresh = fresh_field};

/* --- blocks ------------------------------------------------------------------------------------------------- */

/* In the byte order in which both lengths agree. */
static size_t block_len(const Bytes *bytes, size_t at, bool *ret_big)
{
  for (int i = 0; i < 2; i++) {
    const bool big = i == 0 ? host_big : !host_big;
    const uint64_t len = bytes_get(bytes, at + 4, 4, big);
    if (len >= BLOCK_LEN_MIN && len % 4 == 0 && len <= bytes->len - at &&
        bytes_get(bytes, at + len - 4, 4, big) == len) {
      *ret_big = big;
      return (size_t)len;
    }
  }
  return 0;
}

static size_t walk_block(const Bytes *bytes, size_t at, const void *context)
{
  (void)context;
  bool big;
  return block_len(bytes, at, &big);
}

/* Of a packet block's interface. */
static uint16_t packet_link(const Capture *capture, const Bytes *block, bool big)
{
  const uint64_t id = bytes_get(block, BLOCK_HEADER, 4, big);
  return id < capture->link_count ? capture->links[id] : 0;
}

static void change_packet_block(Bytes *bytes, bool big, const Capture *capture, Mutation *mutation)
{
  enum { FIXED = BLOCK_HEADER + 20 };
  const size_t caplen = MIN(bytes_get(bytes, BLOCK_HEADER + 12, 4, big), bytes->len - MIN(bytes->len, FIXED));
  const size_t behind = FIXED + ((caplen + 3) & ~(size_t)3);
  const uint16_t link = packet_link(capture, bytes, big);
  uint64_t now = caplen;
  switch (mutate_below(mutation, 6)) {
  case 0:
    change_time(bytes, BLOCK_HEADER + 4, big, mutation);
    break;
  case 1:
    bytes_put(bytes, BLOCK_HEADER, 4, big, mutate_below(mutation, 4));
    break;
  case 2:
    if (behind < bytes->len)
      mutate_list(&options, bytes, behind, bytes->len - behind, &big, mutation);
    else
      fresh_option(bytes, &big, mutation);
    break;
  default:
    now = mutate_part(bytes, FIXED, caplen, change_whole_packet, &link, mutation);
    bytes_splice(bytes, FIXED + now, ((caplen + 3) & ~(size_t)3) - caplen, NULL, -now & 3);
    break;
  }
  bytes_put(bytes, BLOCK_HEADER + 12, 4, big, mutate_one_in(mutation, 32) ? mutate_number(mutation) : now);
  bytes_put(bytes, BLOCK_HEADER + 16, 4, big,
            mutate_one_in(mutation, 16) ? mutate_number(mutation)
                                        : MAX(now, bytes_get(bytes, BLOCK_HEADER + 16, 4, big)));
}

/* Fixed fields, or options behind them. */
static void change_described_block(Bytes *bytes, size_t fixed, bool big, Mutation *mutation)
{
  if (bytes->len < fixed || mutate_one_in(mutation, 4))
    mutate_part(bytes, BLOCK_HEADER, fixed - BLOCK_HEADER, mutate_bytewise, NULL, mutation);
  else
    mutate_list(&options, bytes, fixed, bytes->len - fixed, &big, mutation);
}

static void change_block(Bytes *bytes, const void *context, Mutation *mutation)
{
  const Capture *capture = context;
  static const uint16_t interface_link = 1;
  bool big = host_big;
  if (block_len(bytes, 0, &big) == 0)
    return;
  bytes->len -= 4;
  const uint32_t type = (uint32_t)bytes_get(bytes, 0, 4, big);
  switch (mutate_one_in(mutation, 32) ? 0 : type) {
  case SECTION:
    change_described_block(bytes, BLOCK_HEADER + 16, big, mutation);
    break;
  case INTERFACE:
    if (mutate_one_in(mutation, 8))
      bytes_put(bytes, BLOCK_HEADER, 2, big, MUTATE_PICK(mutation, ((const uint8_t[]){1, 101, 113, 0, 253, 12, 105})));
    else
      change_described_block(bytes, BLOCK_HEADER + 8, big, mutation);
    break;
  case STATISTICS:
    change_described_block(bytes, BLOCK_HEADER + 12, big, mutation);
    break;
  case SIMPLE_PACKET:
    mutate_part(bytes, BLOCK_HEADER + 4, bytes->len, change_whole_packet, &interface_link, mutation);
    bytes_put(bytes, BLOCK_HEADER, 4, big, bytes->len - BLOCK_HEADER - 4);
    break;
  case PACKET:
    change_packet_block(bytes, big, capture, mutation);
    break;
  case JOURNAL:
    mutate_list(&fields, bytes, BLOCK_HEADER, bytes->len - BLOCK_HEADER, capture, mutation);
    break;
  default:
    if (mutate_one_in(mutation, 2))
      bytes_put(bytes, 0, 4, big, mutate_below(mutation, 12));
    else
      mutate_part(bytes, BLOCK_HEADER, bytes->len - BLOCK_HEADER, mutate_bytewise, NULL, mutation);
    break;
  }
  /* A journal entry's last line is empty: zeros behind it are the padding. */
  bytes_align(bytes, 4);
  const uint64_t len = mutate_one_in(mutation, 48) ? mutate_number(mutation) : bytes->len + 4;
  bytes_put(bytes, 4, 4, big, len);
  bytes_append_number(bytes, 4, big, mutate_one_in(mutation, 48) ? mutate_number(mutation) : len);
}

static void append_block(Bytes *bytes, uint32_t type, bool big, const Bytes *body)
{
  const size_t start = bytes->len;
  bytes_append_number(bytes, 4, big, type);
  bytes_append_number(bytes, 4, big, 0);
  bytes_append(bytes, body->data, body->len);
  bytes_append(bytes, NULL, -body->len & 3);
  bytes_put(bytes, start + 4, 4, big, bytes->len - start + 4);
  bytes_append_number(bytes, 4, big, bytes->len - start + 4);
}

static void fresh_block(Bytes *bytes, const void *context, Mutation *mutation)
{
  const Capture *capture = context;
  static const uint32_t kinds[] = {PACKET,        PACKET,     PACKET, INTERFACE, SECTION,
                                   SIMPLE_PACKET, STATISTICS, 4,      0x80000001};
  uint32_t kind = MUTATE_PICK(mutation, kinds);
  const bool big = kind == SECTION && mutate_one_in(mutation, 2) ? !capture->big : capture->big;
  const uint64_t time_ns = (uint64_t)time_near(capture, mutation);
  uint8_t data[PACKET_MAX + 64], packet[PACKET_MAX];
  Bytes body = {.data = data, .max = sizeof data}, fresh = {.data = packet, .max = sizeof packet};
  const uint32_t interface = mutate_below(mutation, MAX(capture->link_count, 1));
  fresh_packet(&fresh, capture, capture->link_count > 0 ? capture->links[interface] : 1, mutation);
  switch (kind) {
  case SECTION:
    bytes_append_number(&body, 4, big, BYTE_ORDER_MAGIC);
    bytes_append_number(&body, 4, big, big ? 0x00010000 : 1);
    bytes_append_number(&body, 8, big, UINT64_MAX);
    append_block(bytes, SECTION, big, &body);
    body.len = 0;
    kind = INTERFACE;
    G_GNUC_FALLTHROUGH;
  case INTERFACE:
    bytes_append_number(&body, 2, big, mutate_one_in(mutation, 4) ? 101 : 1);
    bytes_append_number(&body, 6, big, 0);
    break;
  case SIMPLE_PACKET:
    bytes_append_number(&body, 4, big, fresh.len);
    break;
  default:
    bytes_append_number(&body, 4, big, interface);
    bytes_append_number(&body, 4, big, time_ns >> 32);
    bytes_append_number(&body, 4, big, time_ns & UINT32_MAX);
    break;
  }
  if (kind == PACKET) {
    bytes_append_number(&body, 4, big, fresh.len);
    bytes_append_number(&body, 4, big, fresh.len);
  }
  if (kind == PACKET || kind == SIMPLE_PACKET) {
    bytes_append(&body, fresh.data, fresh.len);
    bytes_align(&body, 4);
  }
  if (kind != SIMPLE_PACKET && mutate_one_in(mutation, 2))
    fresh_option(&body, &big, mutation);
  append_block(bytes, kind, big, &body);
}

static const MutateList blocks = {.walk = walk_block, .change = change_block, .fresh = fresh_block};

/* --- files ------------------------------------------------------------------------------------------------- */

static bool open_pcap(Capture *capture)
{
  static const struct {
    uint32_t magic;
    bool nano;
    uint8_t record_header;
  } kinds[] = {{0xa1b2c3d4, false, PCAP_RECORD}, {0xa1b23c4d, true, PCAP_RECORD}, {0xa1b2cd34, false, PCAP_RECORD + 8}};
  for (size_t i = 0; i < 2 * G_N_ELEMENTS(kinds); i++) {
    if (bytes_get(capture->file, 0, 4, i % 2 != 0) != kinds[i / 2].magic)
      continue;
    capture->is_pcap = true;
    capture->big = i % 2 != 0;
    capture->nano = kinds[i / 2].nano;
    capture->record_header = kinds[i / 2].record_header;
    capture->links[0] = (uint16_t)bytes_get(capture->file, 20, 2, capture->big);
    if (capture->big)
      capture->links[0] = (uint16_t)bytes_get(capture->file, 22, 2, true);
    capture->link_count = 1;
    return capture->file->len >= PCAP_HEADER;
  }
  return false;
}

static bool open_pcapng(Capture *capture)
{
  const Bytes *file = capture->file;
  size_t len;
  bool big;
  for (size_t at = 0; at < file->len && (len = block_len(file, at, &big)) != 0; at += len) {
    if (at == 0)
      capture->big = big;
    if (bytes_get(file, at, 4, big) == INTERFACE && capture->link_count < LINKS_MAX)
      capture->links[capture->link_count++] = (uint16_t)bytes_get(file, at + BLOCK_HEADER, 2, big);
  }
  return bytes_get(file, 0, 4, true) == SECTION && block_len(file, 0, &big) != 0;
}

static bool open_capture(const Bytes *file, Capture *capture)
{
  *capture = (Capture){.file = file};
  return open_pcap(capture) || open_pcapng(capture);
}

static const MutateList *units_of(const Capture *capture, size_t *ret_at)
{
  *ret_at = capture->is_pcap ? PCAP_HEADER : 0;
  return capture->is_pcap ? &records : &blocks;
}

static void change_input(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  Capture capture;
  size_t at;
  if (!open_capture(bytes, &capture)) {
    mutate_bytewise(bytes, NULL, mutation);
    return;
  }
  const MutateList *units = units_of(&capture, &at);
  if (at > 0 && mutate_one_in(mutation, 32))
    mutate_part(bytes, 0, at, mutate_bytewise, NULL, mutation);
  else
    mutate_list(units, bytes, at, bytes->len - at, &capture, mutation);
}

static void cross_input(Bytes *bytes, const Bytes *other, Mutation *mutation)
{
  Capture capture, second;
  size_t at, other_at;
  if (!open_capture(bytes, &capture) || !open_capture(other, &second) || capture.is_pcap != second.is_pcap ||
      capture.record_header != second.record_header)
    return;
  const MutateList *units = units_of(&capture, &at);
  (void)units_of(&second, &other_at);
  mutate_list_cross(units, bytes, at, other, other_at, &capture, mutation);
}

const MutateFormat mutate_capture_format = {.change = change_input, .cross = cross_input};

bool mutate_capture_pick(const Bytes *file, Mutation *mutation, MutateFrame *ret_frame)
{
  Capture capture;
  size_t at, start, len;
  if (!open_capture(file, &capture))
    return false;
  const MutateList *units = units_of(&capture, &start);
  for (int tries = 0; tries < 8; tries++) {
    if (!mutate_list_pick(units, file, start, &capture, mutation, &at, &len))
      return false;
    const Bytes unit = {.data = file->data + at, .len = len, .max = len};
    bool big = capture.big;
    size_t from = capture.record_header, caplen = len - from;
    uint16_t dlt = capture.links[0];
    uint64_t time_ns =
        bytes_get(&unit, 0, 4, big) * 1000000000 + bytes_get(&unit, 4, 4, big) * (capture.nano ? 1 : 1000);
    if (!capture.is_pcap) {
      (void)block_len(&unit, 0, &big);
      if (bytes_get(&unit, 0, 4, big) != PACKET || len < BLOCK_LEN_MIN + 20)
        continue;
      from = BLOCK_HEADER + 20;
      caplen = MIN(bytes_get(&unit, BLOCK_HEADER + 12, 4, big), len - from - 4);
      dlt = packet_link(&capture, &unit, big);
      time_ns = bytes_get(&unit, BLOCK_HEADER + 4, 4, big) << 32 | bytes_get(&unit, BLOCK_HEADER + 8, 4, big);
    }
    if (!is_frames(dlt) || caplen == 0 || caplen > PACKET_MAX)
      continue;
    *ret_frame = (MutateFrame){.bytes = {.data = unit.data + from, .len = caplen, .max = caplen},
                               .link = dc_link_from_dlt(dlt),
                               .time_ns = (int64_t)(time_ns % INT64_C(4000000000000000000))};
    return true;
  }
  return false;
}

void mutate_capture_netlink_header(Bytes *bytes)
{
  bytes_append_number(bytes, 4, host_big, 0xa1b23c4d);
  bytes_append_number(bytes, 2, host_big, 2);
  bytes_append_number(bytes, 2, host_big, 4);
  bytes_append(bytes, NULL, 8);
  bytes_append_number(bytes, 4, host_big, 65535);
  bytes_append_number(bytes, 4, host_big, DLT_NETLINK);
}

void mutate_capture_netlink_record(Bytes *bytes, const Bytes *messages, int64_t time_ns)
{
  const size_t len = NETLINK_COOKED + messages->len;
  if (bytes->max - bytes->len < PCAP_RECORD + len)
    return;
  bytes_append_number(bytes, 4, host_big, (uint64_t)time_ns / 1000000000);
  bytes_append_number(bytes, 4, host_big, (uint64_t)time_ns % 1000000000);
  bytes_append_number(bytes, 4, host_big, len);
  bytes_append_number(bytes, 4, host_big, len);
  append_netlink(bytes, messages);
}
