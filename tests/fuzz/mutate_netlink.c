/*
 * NET_DM messages as trees of attributes (uapi linux/net_dropmon.h; the layout is drawn in src/decode/netdm.c). A
 * change deep inside makes every length around it fit again.
 */
#include "mutate.h"

#include <glib.h>
#include <string.h>

enum { NLMSG_HEADER = 16, MESSAGE_HEADER = 20, ATTRIBUTE_HEADER = 4 };
enum { NESTED = 0x8000, TYPE_MASK = 0x3fff };
enum { FAMILY = 31, VERSION = 2, CMD_PACKET_ALERT = 5 };
enum {
  ATTR_PC = 2,
  ATTR_SYMBOL = 3,
  ATTR_TIMESTAMP = 5,
  ATTR_PROTO = 6,
  ATTR_PAYLOAD = 7,
  ATTR_ORIG_LEN = 10,
  ATTR_ORIGIN = 14,
  ATTR_REASON = 23
};

static const bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

static const char *const symbols[] = {"__udp4_lib_rcv+0x4bc/0xd00",
                                      "nft_do_chain+0x47f/0x5e0 [nf_tables]",
                                      "tcp_v4_rcv+0x80/0xe80",
                                      "ip_rcv_finish_core.constprop.0+0x1/0x2",
                                      "__netif_receive_skb_core.constprop.0+0x14f/0xdf0",
                                      "icmp_rcv+0x19d/0x3b0",
                                      "sk_filter_trim_cap+0x8a/0x210",
                                      "tcp_conn_request+0x11/0xd40",
                                      "nf_hook_slow+0x99/0xc0",
                                      "inet_frag_destroy+0x2c/0x90",
                                      "0xffffffffc0a81234"};
static const char *const reasons[] = {"NO_SOCKET",
                                      "NETFILTER_DROP",
                                      "TCP_CSUM",
                                      "SKB_DROP_REASON_IP_INHDR",
                                      "NOT_SPECIFIED",
                                      "SOCKET_RCVBUFF",
                                      "TCP_LISTEN_OVERFLOW",
                                      "UDP_CSUM",
                                      "UNHANDLED_PROTO",
                                      "IP_RPFILTER",
                                      "OTHERHOST",
                                      ""};
static const char *const texts[] = {"eth0", "l2_drops", "source_mac_is_multicast", "", "\x1b[31m", "\xff\xfe"};

/* --- attributes: the values' kinds by nest ------------------------------------------------------------ */

typedef enum { VALUE_NUMBER, VALUE_SYMBOL, VALUE_REASON, VALUE_TEXT, VALUE_PACKET, VALUE_POINTS, VALUE_NEST } ValueKind;

typedef struct Nest Nest;

typedef struct {
  uint16_t type;
  ValueKind kind;
  uint8_t width;    /* of numbers */
  const Nest *nest; /* what is in it */
} Row;

struct Nest {
  const Row *rows;
  size_t count;
};

static const Row port_rows[] = {{.type = 0, .width = 4}, {.type = 1, .kind = VALUE_TEXT}};
static const Row stats_rows[] = {{.type = 0, .width = 8}};
static const Row entry_rows[] = {{.type = 16, .kind = VALUE_TEXT}, {.type = 19, .width = 4}};
static const Nest port = {port_rows, G_N_ELEMENTS(port_rows)};
static const Nest stats = {stats_rows, G_N_ELEMENTS(stats_rows)};
static const Nest entry = {entry_rows, G_N_ELEMENTS(entry_rows)};
static const Row entries_rows[] = {{.type = 18, .kind = VALUE_NEST, .nest = &entry}};
static const Nest entries = {entries_rows, G_N_ELEMENTS(entries_rows)};
static const Row main_rows[] = {
    {.type = 0, .kind = VALUE_POINTS},
    {.type = 1, .width = 1},
    {.type = ATTR_PC, .width = 8},
    {.type = ATTR_SYMBOL, .kind = VALUE_SYMBOL},
    {.type = 4, .kind = VALUE_NEST, .nest = &port},
    {.type = ATTR_TIMESTAMP, .width = 8},
    {.type = ATTR_PROTO, .width = 2},
    {.type = ATTR_PAYLOAD, .kind = VALUE_PACKET},
    {.type = 9, .width = 4},
    {.type = ATTR_ORIG_LEN, .width = 4},
    {.type = 11, .width = 4},
    {.type = 12, .kind = VALUE_NEST, .nest = &stats},
    {.type = 13, .kind = VALUE_NEST, .nest = &stats},
    {.type = ATTR_ORIGIN, .width = 2},
    {.type = 15, .kind = VALUE_TEXT},
    {.type = 16, .kind = VALUE_TEXT},
    {.type = 17, .kind = VALUE_NEST, .nest = &entries},
    {.type = 18, .kind = VALUE_NEST, .nest = &entry},
    {.type = 19, .width = 4},
    {.type = ATTR_REASON, .kind = VALUE_REASON},
};
static const Nest message = {main_rows, G_N_ELEMENTS(main_rows)};

static const Row *find_row(const Nest *nest, uint64_t type)
{
  for (size_t i = 0; i < nest->count; i++) {
    if (nest->rows[i].type == (type & TYPE_MASK))
      return &nest->rows[i];
  }
  return NULL;
}

static size_t walk_attribute(const Bytes *bytes, size_t at, const void *context)
{
  (void)context;
  const size_t len = bytes_get(bytes, at, 2, big);
  return len >= ATTRIBUTE_HEADER && len <= bytes->len - at ? MIN((len + 3) & ~(size_t)3, bytes->len - at) : 0;
}

static void append_attribute(Bytes *bytes, uint16_t type, const void *value, size_t len)
{
  bytes_append_number(bytes, 2, big, ATTRIBUTE_HEADER + len);
  bytes_append_number(bytes, 2, big, type);
  bytes_append(bytes, value, len);
  bytes_align(bytes, 4);
}

static void append_text(Bytes *bytes, const char *text)
{
  bytes_append(bytes, text, strlen(text) + 1);
}

static void fresh_attribute(Bytes *bytes, const void *context, Mutation *mutation)
{
  const Nest *nest = context;
  const Row *row = &nest->rows[mutate_below(mutation, nest->count)];
  const size_t start = bytes->len;
  bytes_append_number(bytes, 2, big, 0);
  bytes_append_number(bytes, 2, big, row->type | (row->kind == VALUE_NEST ? NESTED : 0));
  switch (row->kind) {
  case VALUE_NUMBER:
    bytes_append_number(bytes, row->width, big, mutate_number(mutation));
    break;
  case VALUE_SYMBOL:
    append_text(bytes, MUTATE_PICK(mutation, symbols));
    break;
  case VALUE_REASON:
    append_text(bytes, MUTATE_PICK(mutation, reasons));
    break;
  case VALUE_TEXT:
    append_text(bytes, MUTATE_PICK(mutation, texts));
    break;
  case VALUE_PACKET:
    mutate_frame_fresh(bytes, mutation);
    break;
  case VALUE_POINTS:
    for (uint32_t i = 0, count = mutate_below(mutation, 5); i <= count; i++) {
      if (i == 0)
        bytes_append_number(bytes, 4, big, count);
      else
        bytes_append_number(bytes, 8, big, mutate_number(mutation));
      if (i > 0)
        bytes_append_number(bytes, 4, big, mutate_number(mutation));
    }
    break;
  case VALUE_NEST:
    for (uint32_t i = 0, count = mutate_below(mutation, 3); i < count; i++)
      fresh_attribute(bytes, row->nest, mutation);
    break;
  }
  bytes_put(bytes, start, 2, big, bytes->len - start);
  bytes_align(bytes, 4);
}

static void change_attribute(Bytes *bytes, const void *context, Mutation *mutation);

static const MutateList attributes = {.walk = walk_attribute, .change = change_attribute, .fresh = fresh_attribute};

static void change_value(Bytes *bytes, size_t len, const Row *row, Mutation *mutation)
{
  static const DcLink links[] = {DC_LINK_ETHERNET, DC_LINK_ETHERNET, DC_LINK_ETHERNET, DC_LINK_RAW};
  if (row != NULL && row->kind == VALUE_NEST)
    mutate_list(&attributes, bytes, ATTRIBUTE_HEADER, len, row->nest, mutation);
  else if (row != NULL && row->kind == VALUE_PACKET)
    mutate_part(bytes, ATTRIBUTE_HEADER, len, mutate_frame, &MUTATE_PICK(mutation, links), mutation);
  else if (row != NULL && row->kind == VALUE_NUMBER && mutate_one_in(mutation, 2))
    bytes_put(bytes, ATTRIBUTE_HEADER, row->width, big, mutate_number(mutation));
  else
    mutate_part(bytes, ATTRIBUTE_HEADER, len, mutate_bytewise, NULL, mutation);
}

static void change_attribute(Bytes *bytes, const void *context, Mutation *mutation)
{
  const Nest *nest = context;
  const size_t len = bytes_get(bytes, 0, 2, big);
  bytes->len = MIN(bytes->len, len); /* without the padding */
  switch (mutate_below(mutation, 12)) {
  case 0: /* another type */
    bytes_put(bytes, 2, 2, big, mutate_one_in(mutation, 4) ? mutate_number(mutation) : mutate_below(mutation, 32));
    break;
  case 1: /* wrapped into another */
    if (bytes_splice(bytes, 0, 0, NULL, ATTRIBUTE_HEADER))
      bytes_put(bytes, 2, 2, big, NESTED | nest->rows[mutate_below(mutation, nest->count)].type);
    break;
  case 2: /* cut, or longer */
    if (mutate_one_in(mutation, 2))
      bytes->len = ATTRIBUTE_HEADER + mutate_below(mutation, bytes->len - ATTRIBUTE_HEADER);
    else
      bytes_append(bytes, NULL, mutate_below(mutation, 300));
    break;
  default:
    change_value(bytes, len - ATTRIBUTE_HEADER, find_row(nest, bytes_get(bytes, 2, 2, big)), mutation);
    break;
  }
  bytes_put(bytes, 0, 2, big, mutate_one_in(mutation, 24) ? mutate_number(mutation) : bytes->len);
  bytes_align(bytes, 4);
}

/* --- messages ----------------------------------------------------------------------------------------- */

static size_t walk_message(const Bytes *bytes, size_t at, const void *context)
{
  (void)context;
  const size_t len = bytes_get(bytes, at, 4, big);
  return len >= NLMSG_HEADER && len <= bytes->len - at ? MIN((len + 3) & ~(size_t)3, bytes->len - at) : 0;
}

static void change_message(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  static const uint8_t commands[] = {1, 5, 7, 9};
  if (bytes->len < MESSAGE_HEADER || mutate_one_in(mutation, 32)) {
    mutate_part(bytes, 4, MESSAGE_HEADER - 4, mutate_bytewise, NULL, mutation);
  } else if (mutate_one_in(mutation, 16)) {
    bytes->data[NLMSG_HEADER] = MUTATE_PICK(mutation, commands);
  } else {
    mutate_list(&attributes, bytes, MESSAGE_HEADER, bytes->len - MESSAGE_HEADER, &message, mutation);
  }
  bytes_put(bytes, 0, 4, big, mutate_one_in(mutation, 32) ? mutate_number(mutation) : bytes->len);
  bytes_align(bytes, 4);
}

void mutate_netlink_alert(Bytes *bytes, const Bytes *frame, int64_t time_ns, Mutation *mutation)
{
  const size_t start = bytes->len;
  const char *symbol = MUTATE_PICK(mutation, symbols);
  const char *reason = MUTATE_PICK(mutation, reasons);
  uint8_t number[8] = {0};
  Bytes value = {.data = number, .len = sizeof number, .max = sizeof number};
  if (!bytes_append(bytes, NULL, MESSAGE_HEADER))
    return;
  bytes_put(bytes, start + 4, 2, big, FAMILY);
  bytes->data[start + NLMSG_HEADER] = CMD_PACKET_ALERT;
  bytes->data[start + NLMSG_HEADER + 1] = VERSION;
  append_attribute(bytes, ATTR_ORIGIN, number, 2);
  bytes_put(&value, 0, 8, big, UINT64_C(0xffffffff81000000) + strlen(symbol) * 16);
  append_attribute(bytes, ATTR_PC, number, 8);
  append_attribute(bytes, ATTR_SYMBOL, symbol, strlen(symbol) + 1);
  bytes_put(&value, 0, 8, big, (uint64_t)time_ns);
  append_attribute(bytes, ATTR_TIMESTAMP, number, 8);
  bytes_put(&value, 0, 2, big, bytes_get(frame, 12, 2, true));
  append_attribute(bytes, ATTR_PROTO, number, 2);
  bytes_put(&value, 0, 4, big, frame->len);
  append_attribute(bytes, ATTR_ORIG_LEN, number, 4);
  if (mutate_one_in(mutation, 2))
    append_attribute(bytes, ATTR_REASON, reason, strlen(reason) + 1);
  /* The drop monitor may have been told to cut packets. */
  const size_t kept = mutate_one_in(mutation, 4) ? mutate_below(mutation, frame->len) : frame->len;
  append_attribute(bytes, ATTR_PAYLOAD, frame->data, kept);
  bytes_put(bytes, start, 4, big, bytes->len - start);
}

static void fresh_message(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  uint8_t data[512];
  Bytes frame = {.data = data, .max = sizeof data};
  mutate_frame_fresh(&frame, mutation);
  mutate_netlink_alert(bytes, &frame, (int64_t)(mutate_number(mutation) / 2), mutation);
}

const MutateList mutate_netlink_messages = {.walk = walk_message, .change = change_message, .fresh = fresh_message};

static void change_input(Bytes *bytes, const void *context, Mutation *mutation)
{
  (void)context;
  mutate_list(&mutate_netlink_messages, bytes, 0, bytes->len, NULL, mutation);
}

static void cross_input(Bytes *bytes, const Bytes *other, Mutation *mutation)
{
  size_t at, len, other_at, other_len;
  if (mutate_one_in(mutation, 3) || !mutate_list_pick(&mutate_netlink_messages, bytes, 0, NULL, mutation, &at, &len) ||
      !mutate_list_pick(&mutate_netlink_messages, other, 0, NULL, mutation, &other_at, &other_len) ||
      len < MESSAGE_HEADER || other_len < MESSAGE_HEADER) {
    mutate_list_cross(&mutate_netlink_messages, bytes, 0, other, 0, NULL, mutation);
    return;
  }
  /* attributes of one message into another */
  Bytes whole = {.data = bytes->data + at, .len = len, .max = len + bytes->max - bytes->len};
  const Bytes source = {.data = other->data + other_at, .len = other_len, .max = other_len};
  g_autofree uint8_t *behind = g_memdup2(bytes->data + at + len, bytes->len - at - len);
  const size_t behind_len = bytes->len - at - len;
  mutate_list_cross(&attributes, &whole, MESSAGE_HEADER, &source, MESSAGE_HEADER, &message, mutation);
  bytes_put(&whole, 0, 4, big, whole.len);
  bytes->len = at + whole.len;
  bytes_append(bytes, behind, behind_len);
}

const MutateFormat mutate_netlink_format = {.change = change_input, .cross = cross_input};
