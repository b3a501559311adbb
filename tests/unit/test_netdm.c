#include "dropcorr/decode/netdm.h"

#include "dropcorr/decode/packet.h"
#include "hex.h"
#include "sample_packets.h"

/* --- messages ------------------------------------------------------------------------- */

#define FAMILY 0x20

static void put(GByteArray *bytes, const void *value, size_t len)
{
  static const uint8_t zero[4];
  g_byte_array_append(bytes, value, (guint)len);
  g_byte_array_append(bytes, zero, (guint)(-len & 3));
}

static GByteArray *message_new(uint8_t command)
{
  const struct {
    uint32_t len;
    uint16_t type, flags;
    uint32_t seq, port;
    uint8_t command, version;
    uint16_t reserved;
  } header = {.type = FAMILY, .command = command, .version = 2};
  GByteArray *bytes = g_byte_array_new();
  put(bytes, &header, sizeof header);
  return bytes;
}

static void put_attribute(GByteArray *bytes, uint16_t type, const void *value, size_t len)
{
  const uint16_t header[2] = {(uint16_t)(len + 4), type};
  put(bytes, header, sizeof header);
  put(bytes, value, len);
}

static void put_u16(GByteArray *bytes, uint16_t type, uint16_t value)
{
  put_attribute(bytes, type, &value, sizeof value);
}

static void put_u32(GByteArray *bytes, uint16_t type, uint32_t value)
{
  put_attribute(bytes, type, &value, sizeof value);
}

static void put_u64(GByteArray *bytes, uint16_t type, uint64_t value)
{
  put_attribute(bytes, type, &value, sizeof value);
}

static void put_text(GByteArray *bytes, uint16_t type, const char *text)
{
  put_attribute(bytes, type, text, strlen(text) + 1);
}

static void set_len(GByteArray *bytes)
{
  const uint32_t len = bytes->len;
  memcpy(bytes->data, &len, sizeof len);
}

typedef struct {
  DcStrings *strings;
  DcDrop drops[DC_NETDM_DROPS_MAX];
  size_t count;
  DcNetdmReply reply;
} Result;

static Result *result_new(void)
{
  Result *result = g_new0(Result, 1);
  result->strings = dc_strings_new(1000);
  return result;
}

static void result_free(Result *result)
{
  dc_strings_free(result->strings);
  g_free(result);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Result, result_free)

static DcNetdmStatus parse_family(GByteArray *message, uint16_t family, Result *result)
{
  return dc_netdm_parse(message->data, message->len, family, result->strings, result->drops, &result->count,
                        &result->reply);
}

static DcNetdmStatus parse(GByteArray *message, Result *result)
{
  set_len(message);
  return parse_family(message, FAMILY, result);
}

/* A packet alert as Linux 6.1 writes one, with payload of which `cut` bytes are missing. */
static GByteArray *packet_alert_cut(const char *symbol, uint16_t protocol, const char *payload_hex, uint32_t cut)
{
  GByteArray *message = message_new(5);
  put_u16(message, 14, 0);
  put_u64(message, 2, UINT64_C(0xffffffffc052b54f));
  put_text(message, 23, "NETFILTER_DROP");
  put_text(message, 3, symbol);
  const uint16_t port[4] = {8, 0, 2, 0}; /* ifindex 2: length, inner type 0, u32 */
  put_attribute(message, 4 | 0x8000, port, sizeof port);
  put_u64(message, 5, UINT64_C(1795168318154628737));
  g_autoptr(GByteArray) payload = test_hex(payload_hex);
  put_u32(message, 10, payload->len + cut);
  put_u16(message, 6, protocol);
  put_attribute(message, 7, payload->data, payload->len);
  return message;
}

static GByteArray *packet_alert(const char *symbol, uint16_t protocol, const char *payload_hex)
{
  return packet_alert_cut(symbol, protocol, payload_hex, 0);
}

static void test_packet_alert(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) message = packet_alert_cut("nft_do_chain+0x47f/0x5e0 [nf_tables]", 0x0800, packet_data, 100);
  g_assert_cmpint(parse(message, result), ==, DC_NETDM_DROP);
  g_assert_cmpuint(result->count, ==, 1);
  const DcDrop *drop = &result->drops[0];
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_PACKET);
  g_assert_cmphex(drop->pc, ==, UINT64_C(0xffffffffc052b54f));
  g_assert_cmpstr(drop->symbol, ==, "nft_do_chain");
  g_assert_cmphex(drop->offset, ==, 0x47f);
  g_assert_cmphex(drop->size, ==, 0x5e0);
  g_assert_cmpstr(drop->module, ==, "nf_tables");
  g_assert_cmpstr(drop->location, ==, "nft_do_chain+0x47f/0x5e0 [nf_tables]");
  g_assert_cmpstr(drop->reason, ==, "NETFILTER_DROP");
  g_assert_cmpint(drop->time_ns, ==, INT64_C(1795168318154628737));
  g_assert_cmpint(drop->precision_ns, ==, 0);
  g_assert_cmpint(drop->protocol, ==, 0x0800);
  g_assert_cmpuint(drop->in_ifindex, ==, 2);
  g_assert_cmpuint(drop->count, ==, 1);
  g_assert_cmpuint(drop->number, ==, 0);
  g_autoptr(GByteArray) payload = test_hex(packet_data);
  g_assert_cmpuint(drop->caplen, ==, payload->len);
  g_assert_cmpuint(drop->orig_len, ==, payload->len + 100);
  g_assert_cmpint(memcmp(drop->bytes, payload->data, payload->len), ==, 0);
  g_assert_cmpint(drop->link, ==, DC_LINK_ETHERNET);
  g_assert_cmpuint(drop->packet.dst_port, ==, 80);

  /* The same without knowing the family; and as another family's. */
  g_assert_cmpint(parse_family(message, 0, result), ==, DC_NETDM_DROP);
  g_assert_cmpint(parse_family(message, FAMILY + 1, result), ==, DC_NETDM_NOT);
  g_assert_cmpuint(result->count, ==, 0);
}

/* Debian 6.1's own bytes, from a recording. */
static void test_recorded(void)
{
  static const char recorded[] =
      "e00000002000000000000000000000000502000006000e00000000000c0002004fb552c0ffffffff130017004e455446494c544552"
      "5f44524f500000290003006e66745f646f5f636861696e2b30783437662f3078356530205b6e665f7461626c65735d000000000c00"
      "048008000000020000000c000500b014cbf772bce91808000a004a00000006000600000800004e0007000200000000010200000000"
      "0208004500003c4c01000040061ab90a0000020a0000019c411f990000006f00000000a002faf078db0000020405b40402080a0000"
      "03e800000000010303070000";
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  g_test_skip("recorded on a little-endian host");
  return;
#endif
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) message = test_hex(recorded);
  g_assert_cmpint(parse_family(message, 0, result), ==, DC_NETDM_DROP);
  const DcDrop *drop = &result->drops[0];
  g_assert_cmpstr(drop->symbol, ==, "nft_do_chain");
  g_assert_cmpstr(drop->module, ==, "nf_tables");
  g_assert_cmpstr(drop->reason, ==, "NETFILTER_DROP");
  g_assert_cmpuint(drop->in_ifindex, ==, 2);
  g_assert_cmpuint(drop->caplen, ==, 74);
  g_assert_cmpuint(drop->packet.src_port, ==, 40001);
  g_assert_cmpuint(drop->packet.dst_port, ==, 8089);
}

/* Where the payload starts is not said: it follows from the protocol. */
static void test_payload_start(void)
{
  static const struct {
    const char *payload;
    uint16_t protocol;
    uint8_t link;
    uint16_t ethertype;
  } cases[] = {
      {packet_data, 0x0800, DC_LINK_ETHERNET, 0x0800},
      {packet_data + 28, 0x0800, DC_LINK_RAW, 0x0800},
      {packet_v6ext + 28, 0x86dd, DC_LINK_RAW, 0x86dd},
      {packet_snap, 0x0004, DC_LINK_ETHERNET, 0x0004},
      {packet_arp, 0x0806, DC_LINK_ETHERNET, 0x0806},
      {packet_qinq, 0x88a8, DC_LINK_ETHERNET, 0x0800}, /* the tag is still in the payload */
      /* From 8.0.0.9: the bytes where Ethernet's type would stand say IPv4, too. */
      {"4500001c00010000401168c7 08000009 0a000001 00010002 00080000", 0x0800, DC_LINK_RAW, 0x0800},
      /* A frame dropped for its header length, whose MAC address could begin an IPv4 header. */
      {"4500001c0000 020000000002 0800 44000014 00000000 40060000 0a000002 0a000001", 0x0800, DC_LINK_ETHERNET, 0x0800},
      /* A bad checksum is no reason to doubt that there is no MAC header. */
      {"4500001c00010000401150bf 0a000009 0a000001 00010002 00080000", 0x0800, DC_LINK_RAW, 0x0800},
      {"00", 0x0800, DC_LINK_ETHERNET, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(Result) result = result_new();
    g_autoptr(GByteArray) message = packet_alert("x+0x1/0x2", cases[i].protocol, cases[i].payload);
    g_test_message("case %zu", i);
    g_assert_cmpint(parse(message, result), ==, DC_NETDM_DROP);
    g_assert_cmpint(result->drops[0].link, ==, cases[i].link);
    g_assert_cmphex(result->drops[0].packet.ethertype, ==, cases[i].ethertype);
  }
}

/* What 5.10 and hardware leave out. */
static void test_sparse(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) software = message_new(5);
  put_u16(software, 14, 0);
  put_u64(software, 2, UINT64_C(0xffffffff81000000));
  put_u64(software, 5, UINT64_MAX); /* no time that int64 holds */
  put_attribute(software, 4, NULL, 0);
  g_assert_cmpint(parse(software, result), ==, DC_NETDM_DROP);
  const DcDrop *drop = &result->drops[0];
  g_assert_null(drop->symbol);
  g_assert_null(drop->location);
  g_assert_null(drop->reason);
  g_assert_null(drop->bytes);
  g_assert_cmpint(drop->time_ns, ==, DC_TIME_NONE);
  g_assert_cmpint(drop->protocol, ==, -1);
  g_assert_cmpuint(drop->in_ifindex, ==, 0);
  g_assert_cmpuint(drop->orig_len, ==, 0);

  g_autoptr(GByteArray) hardware = message_new(5);
  put_u16(hardware, 14, 1);
  put_text(hardware, 15, "acl_drops");
  put_text(hardware, 16, "ingress_flow_action_drop");
  put_u64(hardware, 5, 1000);
  g_autoptr(GByteArray) port = g_byte_array_new();
  put_u32(port, 0, 30);
  put_text(port, 1, "enp0s16np1");
  put_attribute(hardware, 4, port->data, port->len);
  put_text(hardware, 23, "SKB_DROP_REASON_NOT_SPECIFIED");
  g_assert_cmpint(parse(hardware, result), ==, DC_NETDM_DROP);
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_HARDWARE);
  g_assert_cmpstr(drop->trap_group, ==, "acl_drops");
  g_assert_cmpstr(drop->trap_name, ==, "ingress_flow_action_drop");
  g_assert_cmpstr(drop->location, ==, "ingress_flow_action_drop");
  g_assert_cmpuint(drop->in_ifindex, ==, 30);
  g_assert_cmpstr(drop->in_ifname, ==, "enp0s16np1");
  g_assert_cmpstr(drop->reason, ==, "NOT_SPECIFIED");
  g_assert_cmpint(drop->time_ns, ==, 1000);
}

static void test_summary(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) message = message_new(1);
  g_autoptr(GByteArray) points = g_byte_array_new();
  const uint32_t entries = 2;
  put(points, &entries, 4);
  for (uint32_t i = 0; i < entries; i++) {
    const uint64_t pc = i == 0 ? UINT64_C(0xffffffff815ca47f) : 0;
    const uint32_t count = i == 0 ? 6 : 75;
    put(points, &pc, 8);
    put(points, &count, 4);
  }
  put_attribute(message, 0, points->data, points->len);
  g_assert_cmpint(parse(message, result), ==, DC_NETDM_SUMMARY);
  g_assert_cmpuint(result->count, ==, 2);
  g_assert_cmpint(result->drops[0].kind, ==, DC_DROP_NETDM_SUMMARY);
  g_assert_cmphex(result->drops[0].pc, ==, UINT64_C(0xffffffff815ca47f));
  g_assert_cmpuint(result->drops[0].count, ==, 6);
  g_assert_cmpint(result->drops[0].time_ns, ==, DC_TIME_NONE);
  g_assert_cmpint(result->drops[0].protocol, ==, -1);
  g_assert_cmphex(result->drops[1].pc, ==, 0);
  g_assert_cmpuint(result->drops[1].count, ==, 75);
  g_assert_cmpint(parse_family(message, 0, result), ==, DC_NETDM_SUMMARY);

  /* More entries than bytes, and so many that the product overflows. */
  static const uint32_t lies[] = {3, 129, 0x15555556, UINT32_MAX};
  for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
    memcpy(message->data + 24, &lies[i], 4);
    g_assert_cmpint(parse(message, result), ==, DC_NETDM_MALFORMED);
    g_assert_cmpuint(result->count, ==, 0);
  }
  const uint32_t none = 0;
  memcpy(message->data + 24, &none, 4);
  g_assert_cmpint(parse(message, result), ==, DC_NETDM_OTHER);
}

static void test_hardware_summary(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) entries = g_byte_array_new();
  static const char *const names[] = {"blackhole_route", "ttl_value_is_too_small"};
  for (uint32_t i = 0; i < 2; i++) {
    g_autoptr(GByteArray) entry = g_byte_array_new();
    put_text(entry, 16, names[i]);
    put_u32(entry, 19, 7 + i);
    put_attribute(entries, 18 | 0x8000, entry->data, entry->len);
  }
  g_autoptr(GByteArray) message = message_new(1);
  put_u16(message, 14, 1);
  put_attribute(message, 17 | 0x8000, entries->data, entries->len);
  g_assert_cmpint(parse(message, result), ==, DC_NETDM_SUMMARY);
  g_assert_cmpuint(result->count, ==, 2);
  g_assert_cmpint(result->drops[1].kind, ==, DC_DROP_NETDM_HARDWARE);
  g_assert_cmpstr(result->drops[1].trap_name, ==, "ttl_value_is_too_small");
  g_assert_cmpuint(result->drops[1].count, ==, 8);
}

static void test_replies(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) config = message_new(7);
  const uint8_t mode = 1;
  put_attribute(config, 1, &mode, 1);
  put_u32(config, 9, 128);
  put_u32(config, 11, 1000);
  g_assert_cmpint(parse(config, result), ==, DC_NETDM_OTHER);
  g_assert_true(result->reply.has_config);
  g_assert_false(result->reply.has_stats);
  g_assert_cmpuint(result->reply.alert_mode, ==, 1);
  g_assert_cmpuint(result->reply.trunc_len, ==, 128);
  g_assert_cmpuint(result->reply.queue_len, ==, 1000);

  g_autoptr(GByteArray) stats = message_new(9);
  for (uint16_t type = 12; type <= 13; type++) {
    g_autoptr(GByteArray) nest = g_byte_array_new();
    put_u64(nest, 0, UINT64_C(5000000000) + type);
    put_attribute(stats, type | 0x8000, nest->data, nest->len);
  }
  g_assert_cmpint(parse(stats, result), ==, DC_NETDM_OTHER);
  g_assert_true(result->reply.has_stats);
  g_assert_false(result->reply.has_config);
  g_assert_cmpuint(result->reply.software_dropped, ==, UINT64_C(5000000012));
  g_assert_cmpuint(result->reply.hardware_dropped, ==, UINT64_C(5000000013));

  /* START from another program, seen on nlmon. */
  g_autoptr(GByteArray) start = message_new(3);
  g_assert_cmpint(parse(start, result), ==, DC_NETDM_OTHER);
  g_assert_cmpuint(result->count, ==, 0);
}

/* Every byte of an alert missing, every length lying: malformed or not ours, never a drop made of
 * what is not there. The buffer ends where it says, so that a sanitizer sees each byte beyond. */
static void test_lying_lengths(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) message = packet_alert("tcp_v4_rcv+0x81/0xee0", 0x0800, packet_data);
  set_len(message);
  for (guint len = 0; len < message->len; len++) {
    uint8_t *exact = test_exact(message, len);
    for (int fix_len = 0; fix_len < 2 && len >= 16; fix_len++) {
      const uint32_t message_len = fix_len ? len : message->len;
      memcpy(exact, &message_len, 4);
      const DcNetdmStatus status =
          dc_netdm_parse(exact, len, FAMILY, result->strings, result->drops, &result->count, NULL);
      if (!fix_len)
        g_assert_cmpint(status, ==, DC_NETDM_MALFORMED);
      if (status == DC_NETDM_DROP)
        g_assert_true(result->drops[0].bytes == NULL ||
                      result->drops[0].bytes + result->drops[0].caplen <= exact + len);
    }
    g_free(exact);
  }
  /* Each attribute's length in turn: shorter than its header, and beyond the message. */
  for (size_t at = 20; at + 4 <= message->len;) {
    uint16_t length;
    memcpy(&length, message->data + at, 2);
    static const uint16_t lies[] = {0, 3, UINT16_MAX};
    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
      memcpy(message->data + at, &lies[i], 2);
      g_assert_cmpint(parse_family(message, FAMILY, result), ==, DC_NETDM_MALFORMED);
      g_assert_cmpuint(result->count, ==, 0);
    }
    memcpy(message->data + at, &length, 2);
    at += (length + 3U) & ~3U;
  }
  g_assert_cmpint(parse_family(message, FAMILY, result), ==, DC_NETDM_DROP); /* all mended again */
}

static void test_short_values(void)
{
  static const struct {
    uint16_t type;
    size_t len;
  } cases[] = {{2, 7}, {5, 4}, {6, 1}, {9, 3}, {10, 2}, {11, 0}, {14, 1}, {19, 3}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    static const uint8_t zero[8];
    g_autoptr(Result) result = result_new();
    g_autoptr(GByteArray) message = packet_alert("tcp_v4_rcv+0x81/0xee0", 0x0800, packet_data);
    put_attribute(message, cases[i].type, zero, cases[i].len);
    g_assert_cmpint(parse(message, result), ==, DC_NETDM_MALFORMED);
  }
}

/* Other families' messages in an nlmon capture. */
static void test_not_netdm(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) message = packet_alert("x+0x1/0x2", 0x0800, packet_data);
  set_len(message);
  static const uint16_t control[] = {2, 3, 0x10}; /* NLMSG_ERROR, NLMSG_DONE, GENL_ID_CTRL */
  for (size_t i = 0; i < G_N_ELEMENTS(control); i++) {
    memcpy(message->data + 4, &control[i], 2);
    g_assert_cmpint(parse_family(message, 0, result), ==, DC_NETDM_NOT);
  }
  const uint16_t other = 0x30;
  memcpy(message->data + 4, &other, 2);
  g_assert_cmpint(parse_family(message, 0, result), ==, DC_NETDM_DROP);
  message->data[17] = 1; /* version */
  g_assert_cmpint(parse_family(message, 0, result), ==, DC_NETDM_NOT);
  message->data[17] = 2;
  message->data[16] = 10; /* command */
  g_assert_cmpint(parse_family(message, 0, result), ==, DC_NETDM_NOT);

  /* The right command and version, but not what an alert always has. */
  g_autoptr(GByteArray) stranger = message_new(5);
  put_u32(stranger, 1, 5);
  set_len(stranger);
  g_assert_cmpint(parse_family(stranger, 0, result), ==, DC_NETDM_NOT);
  g_assert_cmpint(parse_family(stranger, FAMILY, result), ==, DC_NETDM_MALFORMED);
  g_assert_cmpint(dc_netdm_parse(NULL, 0, 0, result->strings, result->drops, &result->count, NULL), ==, DC_NETDM_NOT);
}

/* Types this program does not know yet are passed over. */
static void test_newer_kernel(void)
{
  g_autoptr(Result) result = result_new();
  g_autoptr(GByteArray) message = packet_alert("x+0x1/0x2", 0x0800, packet_data);
  put_u32(message, 24, 1);
  put_u32(message, 0x3fff, 1);
  g_assert_cmpint(parse(message, result), ==, DC_NETDM_DROP);
}

/* --- locations ------------------------------------------------------------------------ */

static void test_locations(void)
{
  static const struct {
    const char *text, *symbol;
    uint32_t offset, size;
    const char *module;
    uint64_t pc;
  } cases[] = {
      {"nft_do_chain+0x47f/0x5e0 [nf_tables]", "nft_do_chain", 0x47f, 0x5e0, "nf_tables", 0},
      {"tcp_v4_rcv+0x81/0xee0", "tcp_v4_rcv", 0x81, 0xee0, NULL, 0},
      {"ip_rcv+cf (0xffffffff815ca47f)", "ip_rcv", 0xcf, 0, NULL, UINT64_C(0xffffffff815ca47f)},
      {"net_tx_action+0 (0xffffffff9d5123d0) [software]", "net_tx_action", 0, 0, NULL, UINT64_C(0xffffffff9d5123d0)},
      {"br_stp_rcv+0x1ac/0x1190 [bridge] (0xffffffffb95d3ecc)", "br_stp_rcv", 0x1ac, 0x1190, "bridge",
       UINT64_C(0xffffffffb95d3ecc)},
      {"location 0xffffffffaf8cd963 [software]", NULL, 0, 0, NULL, UINT64_C(0xffffffffaf8cd963)},
      {"location 0xffffffffaf8cd963", NULL, 0, 0, NULL, UINT64_C(0xffffffffaf8cd963)},
      {"0xffffffff816ea931", NULL, 0, 0, NULL, UINT64_C(0xffffffff816ea931)},
      {"0x0", NULL, 0, 0, NULL, 0},
      /* %p: a hash, or its stand-in before the hash is ready */
      {"00000000751c2330", NULL, 0, 0, NULL, 0},
      {"deadbeef751c2330", NULL, 0, 0, NULL, 0},
      {"(____ptrval____)", NULL, 0, 0, NULL, 0},
      {"____ptrval____", NULL, 0, 0, NULL, 0},
      {"(null)", NULL, 0, 0, NULL, 0},
      {"fade_out+0x12/0x20", "fade_out", 0x12, 0x20, NULL, 0}, /* begins with hex digits */
      /* cut at 39 characters: what stands at the cut is not to be trusted */
      {"__netif_receive_skb_core.constprop.0+0x", "__netif_receive_skb_core", 0, 0, NULL, 0},
      {"ip_rcv_finish_core.constprop.0+0x1ab/0x", "ip_rcv_finish_core", 0x1ab, 0, NULL, 0},
      {"ip_rcv_finish_core.constprop.0+0x1ab/0x4", "ip_rcv_finish_core", 0x1ab, 0x4, NULL, 0}, /* 40: not cut */
      {"nf_conntrack_tcp_packet_long+0x8a1/0x11", "nf_conntrack_tcp_packet_long", 0x8a1, 0, NULL, 0},
      {"some_function_of_a_module+0x12/0x30 [br", "some_function_of_a_module", 0x12, 0x30, NULL, 0},
      {"a_function_with_a_long_name_and.constpr", "a_function_with_a_long_name_and", 0, 0, NULL, 0},
      {"a_function_name_of_39_characters_1234+0", "a_function_name_of_39_characters_1234", 0, 0, NULL, 0},
      /* perf script, bcc, %pSb */
      {"kfree_skb+0x7b ([kernel.kallsyms])", "kfree_skb", 0x7b, 0, NULL, 0},
      {"nft_do_chain+0x7b ([nf_tables])", "nft_do_chain", 0x7b, 0, "nf_tables", 0},
      {"b'sk_skb_reason_drop+0x1e4'", "sk_skb_reason_drop", 0x1e4, 0, NULL, 0},
      {"b'sk_skb_reason_drop+0x1e4", "sk_skb_reason_drop", 0x1e4, 0, NULL, 0},
      {"nft_do_chain+0x47f/0x5e0 [nf_tables 0123456789abcdef]", "nft_do_chain", 0x47f, 0x5e0, "nf_tables", 0},
      {"tcp_v4_rcv", "tcp_v4_rcv", 0, 0, NULL, 0},
      {"tcp_v4_rcv.isra.0.cold+0x5", "tcp_v4_rcv", 5, 0, NULL, 0},
      {"  tcp_drop+0x1\n", "tcp_drop", 1, 0, NULL, 0},
      /* a module's address seen by a tool that knows the kernel's symbols only */
      {"__init_scratch_end+3480a54f (0xffffffffc060a54f) [software]", NULL, 0, 0, NULL, UINT64_C(0xffffffffc060a54f)},
      {"f+0xffffffffffffffffffff", NULL, 0, 0, NULL, 0},
      /* nothing useful */
      {"+0x12", NULL, 0, 0, NULL, 0},
      {"f+", "f", 0, 0, NULL, 0},
      {"f [", "f", 0, 0, NULL, 0},
      {"f []", "f", 0, 0, NULL, 0},
      {"b'", NULL, 0, 0, NULL, 0},
      {"0x", NULL, 0, 0, NULL, 0},
      {"0xffffffff816ea931_text", NULL, 0, 0, NULL, 0},
  };
  g_autoptr(DcStrings) strings = dc_strings_new(1000);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    DcDrop drop = {0};
    const size_t len = strlen(cases[i].text);
    char *exact = g_malloc(len);
    memcpy(exact, cases[i].text, len);
    dc_location_parse(exact, len, strings, &drop);
    g_free(exact);
    g_test_message("%s", cases[i].text);
    g_assert_cmpstr(drop.symbol, ==, cases[i].symbol);
    g_assert_cmphex(drop.offset, ==, cases[i].offset);
    g_assert_cmphex(drop.size, ==, cases[i].size);
    g_assert_cmpstr(drop.module, ==, cases[i].module);
    g_assert_cmphex(drop.pc, ==, cases[i].pc);
    g_autofree char *trimmed = g_strstrip(g_strdup(cases[i].text));
    g_assert_cmpstr(drop.location, ==, trimmed);
  }
  DcDrop empty = {0};
  dc_location_parse("   ", 3, strings, &empty);
  g_assert_null(empty.location);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/netdm/packet-alert", test_packet_alert);
  g_test_add_func("/netdm/recorded", test_recorded);
  g_test_add_func("/netdm/payload-start", test_payload_start);
  g_test_add_func("/netdm/sparse", test_sparse);
  g_test_add_func("/netdm/summary", test_summary);
  g_test_add_func("/netdm/hardware-summary", test_hardware_summary);
  g_test_add_func("/netdm/replies", test_replies);
  g_test_add_func("/netdm/lying-lengths", test_lying_lengths);
  g_test_add_func("/netdm/short-values", test_short_values);
  g_test_add_func("/netdm/not-netdm", test_not_netdm);
  g_test_add_func("/netdm/newer-kernel", test_newer_kernel);
  g_test_add_func("/location/forms", test_locations);
  return g_test_run();
}
