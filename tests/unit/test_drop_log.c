#include "dropcorr/source/drop_log.h"

#include "assert_bytes.h"
#include "capture_builder.h"
#include "dropcorr/base/error.h"

#include <pcap/dlt.h>

#define BASE_NS (INT64_C(1700000000) * 1000000000)
#define FAMILY 31

/* Numbers of linux/net_dropmon.h, written out so that the reader's own are tested too. */
enum { ALERT = 1, PACKET_ALERT = 5, STATS_NEW = 9 };
enum {
  ATTR_PC = 2,
  ATTR_SYMBOL = 3,
  ATTR_TIMESTAMP = 5,
  ATTR_PROTO = 6,
  ATTR_PAYLOAD = 7,
  ATTR_ORIG_LEN = 10,
  ATTR_STATS = 12,
  ATTR_ORIGIN = 14,
  ATTR_REASON = 23
};

/* Netlink is in the byte order of the machine: the tests' own. */
static Builder netlink_builder(void)
{
  return builder_new(G_BYTE_ORDER == G_BIG_ENDIAN);
}

static void put_attribute(Builder *builder, uint16_t type, const void *value, size_t len)
{
  put_u16(builder, (uint16_t)(4 + len));
  put_u16(builder, type);
  put_bytes(builder, value, len);
  put_padding(builder);
}

static void put_attribute_number(Builder *builder, uint16_t type, uint64_t value, unsigned size)
{
  put_u16(builder, (uint16_t)(4 + size));
  put_u16(builder, type);
  put_number(builder, value, size);
  put_padding(builder);
}

static guint begin_message(Builder *builder, uint16_t type, uint8_t command)
{
  guint start = builder->out->len;
  put_u32(builder, 0);
  put_u16(builder, type);
  put_u16(builder, 0);
  put_u64(builder, 0);
  const uint8_t generic[4] = {command, 2, 0, 0};
  put_bytes(builder, generic, 4);
  return start;
}

static void end_message(Builder *builder, guint start)
{
  patch_u32(builder, start, builder->out->len - start);
}

/* An IPv4 UDP packet to the port, behind its MAC header. */
static void put_udp(uint8_t packet[static 42], uint16_t port)
{
  memset(packet, 0, 42);
  packet[12] = 0x08;
  packet[14] = 0x45;
  packet[17] = 28;
  packet[22] = 64;
  packet[23] = 17;
  packet[36] = (uint8_t)(port >> 8);
  packet[37] = (uint8_t)port;
  packet[39] = 8;
}

static void put_packet_alert(Builder *builder, uint16_t family, int64_t time_ns, const char *symbol, uint16_t port)
{
  uint8_t packet[42];
  put_udp(packet, port);
  guint start = begin_message(builder, family, PACKET_ALERT);
  put_attribute_number(builder, ATTR_ORIGIN, 0, 2);
  put_attribute_number(builder, ATTR_PC, UINT64_C(0xffffffff81000000) + port, 8);
  put_attribute(builder, ATTR_SYMBOL, symbol, strlen(symbol) + 1);
  put_attribute_number(builder, ATTR_TIMESTAMP, (uint64_t)time_ns, 8);
  put_attribute_number(builder, ATTR_ORIG_LEN, 1000, 4);
  put_attribute_number(builder, ATTR_PROTO, 0x0800, 2);
  put_attribute(builder, ATTR_REASON, "NO_SOCKET", 10);
  put_attribute(builder, ATTR_PAYLOAD, packet, sizeof packet);
  end_message(builder, start);
}

/* attribute 0: number of entries, then {pc, count} each */
static void put_summary_alert(Builder *builder, uint16_t family)
{
  guint start = begin_message(builder, family, ALERT);
  Builder entries = netlink_builder();
  put_u32(&entries, 2);
  put_u64(&entries, UINT64_C(0xffffffff81000001));
  put_u32(&entries, 4);
  put_u64(&entries, UINT64_C(0xffffffff81000002));
  put_u32(&entries, 75);
  put_attribute(builder, 0, entries.out->data, entries.out->len);
  g_byte_array_unref(entries.out);
  end_message(builder, start);
}

static void put_stats(Builder *builder, uint16_t family, uint64_t dropped)
{
  guint start = begin_message(builder, family, STATS_NEW);
  Builder inner = netlink_builder();
  put_attribute_number(&inner, 0, dropped, 8);
  put_attribute(builder, ATTR_STATS, inner.out->data, inner.out->len);
  g_byte_array_unref(inner.out);
  end_message(builder, start);
}

/* The generic netlink controller's CTRL_CMD_NEWFAMILY (1): id (1), name (2) */
static void put_new_family(Builder *builder, const char *name, uint16_t id)
{
  guint start = begin_message(builder, 16, 1);
  put_attribute(builder, 2, name, strlen(name) + 1);
  put_attribute_number(builder, 1, id, 2);
  end_message(builder, start);
}

typedef struct {
  Builder file;
  bool pcapng;
} Log;

static Log log_new(bool pcapng, bool big)
{
  Log log = {.file = builder_new(big), .pcapng = pcapng};
  if (pcapng) {
    ng_section(&log.file, "Dumpcap");
    ng_interface(&log.file, DLT_NETLINK, 0, "nlmon0", 9);
  } else {
    pcap_header(&log.file, true, 65535, DLT_NETLINK);
  }
  return log;
}

/* One packet: the cooked header, then messages, of which the builder is freed. */
static void log_packet(Log *log, int64_t time_ns, uint16_t netlink_family, Builder messages)
{
  Builder packet = builder_new(true);
  put_u16(&packet, 4);
  put_u16(&packet, 824);
  put_u16(&packet, 0);
  put_u64(&packet, 0);
  put_u16(&packet, netlink_family);
  put_bytes(&packet, messages.out->data, messages.out->len);
  if (log->pcapng)
    ng_packet(&log->file, 0, (uint64_t)time_ns, packet.out->data, packet.out->len, packet.out->len, 0);
  else
    pcap_record(&log->file, true, time_ns, packet.out->data, packet.out->len, packet.out->len);
  g_byte_array_unref(packet.out);
  g_byte_array_unref(messages.out);
}

static void log_alert(Log *log, int64_t record_ns, int64_t time_ns, const char *symbol, uint16_t port)
{
  Builder messages = netlink_builder();
  put_packet_alert(&messages, FAMILY, time_ns, symbol, port);
  log_packet(log, record_ns, 16, messages);
}

static DcSource *open_bytes(const GByteArray *bytes, const char *filter, DcStrings *strings, GError **error)
{
  const DcDropLogOptions options = {.filter = filter, .filter_optimize = true};
  return dc_drop_log_from_input(dc_input_from_bytes(bytes->data, bytes->len, "drops.pcap"), &options, strings, error);
}

static DcSource *must_open(const GByteArray *bytes, const char *filter, DcStrings *strings)
{
  GError *error = NULL;
  DcSource *source = open_bytes(bytes, filter, strings, &error);
  g_assert_no_error(error);
  return source;
}

static const DcDrop *must_drop(DcSource *source, DcEvent *event)
{
  GError *error = NULL;
  DcReadStatus status = dc_source_next(source, event, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, DC_READ_EVENT);
  g_assert_cmpint(event->kind, ==, DC_EVENT_DROP);
  g_assert_cmpint(event->time_ns, ==, event->drop.time_ns);
  return &event->drop;
}

static void must_end(DcSource *source)
{
  DcEvent event;
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
  g_assert_no_error(error);
}

static void must_fail(DcSource *source, DcErrorCode code, const char *word)
{
  DcEvent event;
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_ERROR);
  g_assert_error(error, DC_ERROR, (gint)code);
  if (strstr(error->message, "drops.pcap: ") == NULL || strstr(error->message, word) == NULL)
    g_error("message lacks \"%s\": %s", word, error->message);
  g_clear_error(&error);
  must_end(source);
}

/* Per-CPU queues write out of order: they come out by the time of the drop, numbered in that order. */
static void test_packet_alerts(void)
{
  for (int form = 0; form < 4; form++) {
    Log log = log_new(form / 2 == 1, form % 2 == 1);
    Builder family = netlink_builder();
    put_new_family(&family, "VFS_DQUOT", 17);
    put_new_family(&family, "NET_DM", FAMILY);
    log_packet(&log, BASE_NS, 16, family);
    log_alert(&log, BASE_NS + 3000, BASE_NS + 2000, "tcp_v4_rcv+0x157/0x900", 3);
    log_alert(&log, BASE_NS + 3001, BASE_NS + 1000, "nft_do_chain+0x47f/0x5e0 [nf_tables]", 2);
    Builder pair = netlink_builder(); /* two messages in one packet */
    put_packet_alert(&pair, FAMILY, BASE_NS + 4000, "__udp4_lib_rcv+0x1/0x2", 4);
    put_packet_alert(&pair, FAMILY, BASE_NS + 500, "__udp4_lib_rcv+0x1/0x2", 1);
    log_packet(&log, BASE_NS + 3002, 16, pair);

    g_autoptr(GByteArray) bytes = log.file.out;
    g_autoptr(DcStrings) strings = dc_strings_new(100);
    g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
    g_assert_cmpstr(dc_drop_log_format(source), ==, "NET_DM capture");
    g_assert_cmpuint(source->bytes_total, ==, bytes->len);
    static const int64_t times[] = {500, 1000, 2000, 4000};
    static const char *const symbols[] = {"__udp4_lib_rcv", "nft_do_chain", "tcp_v4_rcv", "__udp4_lib_rcv"};
    DcEvent event;
    for (uint16_t i = 0; i < 4; i++) {
      const DcDrop *drop = must_drop(source, &event);
      g_assert_cmpuint(drop->number, ==, i + 1u);
      g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_PACKET);
      g_assert_cmpint(drop->time_ns, ==, BASE_NS + times[i]);
      g_assert_cmpint(drop->precision_ns, ==, 0);
      g_assert_cmpstr(drop->symbol, ==, symbols[i]);
      g_assert_cmpstr(drop->reason, ==, "NO_SOCKET");
      g_assert_cmpuint(drop->orig_len, ==, 1000);
      uint8_t packet[42];
      put_udp(packet, (uint16_t)(i + 1));
      assert_bytes(drop->bytes, drop->caplen, packet, sizeof packet);
    }
    must_end(source);
    g_assert_cmpuint(source->bytes_read, ==, bytes->len);
    g_assert_cmpuint(source->foreign, ==, 2); /* the controller's two */
    g_assert_cmpuint(source->skipped, ==, 0);
  }
}

/* Without times of their own: the record's, and late by up to a second. */
static void test_summary_alerts(void)
{
  Log log = log_new(false, false);
  Builder messages = netlink_builder();
  put_summary_alert(&messages, FAMILY);
  log_packet(&log, BASE_NS + 5, 16, messages);
  log_alert(&log, BASE_NS + 9, INT64_MAX, "ip_rcv+0x1/0x2", 9); /* a time that cannot be */
  g_autoptr(GByteArray) bytes = log.file.out;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
  DcEvent event;
  const DcDrop *drop = must_drop(source, &event);
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_SUMMARY);
  g_assert_cmpint(drop->time_ns, ==, BASE_NS + 5);
  g_assert_cmpint(drop->precision_ns, ==, DC_NS_PER_S);
  g_assert_cmpuint(drop->count, ==, 4);
  g_assert_cmpuint(drop->pc, ==, UINT64_C(0xffffffff81000001));
  drop = must_drop(source, &event);
  g_assert_cmpuint(drop->count, ==, 75);
  g_assert_cmpuint(drop->number, ==, 2);
  drop = must_drop(source, &event);
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_PACKET);
  g_assert_cmpint(drop->time_ns, ==, BASE_NS + 9);
  g_assert_cmpint(drop->precision_ns, ==, DC_NS_PER_S);
  must_end(source);
}

/* A capture on an nlmon device holds whatever netlink carries. */
static void test_other_messages(void)
{
  Log log = log_new(true, false);
  Builder route = netlink_builder();
  put_packet_alert(&route, FAMILY, BASE_NS, "ip_rcv+0x1/0x2", 1);
  log_packet(&log, BASE_NS, 0, route); /* rtnetlink: not generic, whatever its bytes look like */
  Builder family = netlink_builder();
  put_new_family(&family, "NET_DM", FAMILY);
  log_packet(&log, BASE_NS, 16, family);
  Builder other = netlink_builder();
  put_packet_alert(&other, FAMILY + 1, BASE_NS, "ip_rcv+0x1/0x2", 1); /* another family of the same layout */
  log_packet(&log, BASE_NS, 16, other);
  Builder cut = netlink_builder();
  put_packet_alert(&cut, FAMILY, BASE_NS, "ip_rcv+0x1/0x2", 1);
  g_byte_array_set_size(cut.out, cut.out->len - 30); /* cut off by a snaplen */
  log_packet(&log, BASE_NS, 16, cut);
  log_packet(&log, BASE_NS, 16, netlink_builder()); /* empty */
  Builder lie = netlink_builder();
  guint start = begin_message(&lie, FAMILY, PACKET_ALERT);
  put_u16(&lie, 3000); /* an attribute longer than the message */
  put_u16(&lie, ATTR_PAYLOAD);
  end_message(&lie, start);
  log_packet(&log, BASE_NS, 16, lie);
  log_alert(&log, BASE_NS + 7, BASE_NS + 6, "ip_rcv+0x1/0x2", 1);
  g_autoptr(GByteArray) bytes = log.file.out;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
  DcEvent event;
  g_assert_cmpint(must_drop(source, &event)->time_ns, ==, BASE_NS + 6);
  must_end(source);
  g_assert_cmpuint(source->foreign, ==, 3); /* route, controller, other family */
  g_assert_cmpuint(source->skipped, ==, 2); /* cut, lie */
}

static void test_statistics(void)
{
  Log log = log_new(false, true);
  static const uint64_t totals[] = {100, 100, 130};
  for (size_t i = 0; i < G_N_ELEMENTS(totals); i++) {
    Builder messages = netlink_builder();
    put_stats(&messages, FAMILY, totals[i]);
    log_packet(&log, BASE_NS + (int64_t)i, 16, messages);
  }
  log_alert(&log, BASE_NS + 7, BASE_NS + 6, "ip_rcv+0x1/0x2", 1);
  g_autoptr(GByteArray) bytes = log.file.out;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
  DcEvent event;
  g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpint(event.kind, ==, DC_EVENT_LOSS);
  g_assert_cmpint(event.loss.kind, ==, DC_LOSS_MONITOR);
  g_assert_cmpuint(event.loss.count, ==, 30);
  g_assert_cmpint(event.loss.from_ns, ==, BASE_NS + 1);
  g_assert_cmpint(event.loss.to_ns, ==, BASE_NS + 2);
  (void)must_drop(source, &event);
  must_end(source);
}

static void test_truncated(void)
{
  Log log = log_new(false, false);
  log_alert(&log, BASE_NS, BASE_NS, "ip_rcv+0x1/0x2", 1);
  guint first = log.file.out->len;
  log_alert(&log, BASE_NS, BASE_NS, "ip_rcv+0x1/0x2", 2);
  g_autoptr(GByteArray) whole = log.file.out;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  for (guint cut = first + 1; cut < whole->len; cut += 7) {
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, whole->data, cut);
    g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
    DcEvent event;
    (void)must_drop(source, &event);
    must_fail(source, DC_ERROR_TRUNCATED, "ends in the middle");
  }
}

static void test_filter(void)
{
  Log log = log_new(false, false);
  for (uint16_t port = 1; port <= 6; port++)
    log_alert(&log, BASE_NS + port, BASE_NS + port, "ip_rcv+0x1/0x2", port);
  Builder messages = netlink_builder();
  put_summary_alert(&messages, FAMILY);
  log_packet(&log, BASE_NS + 100, 16, messages);
  g_autoptr(GByteArray) bytes = log.file.out;

  static const struct {
    const char *filter;
    uint64_t first, filtered;
  } cases[] = {{"udp dst port 4", 4, 5},
               {"vlan 7 and udp dst port 4", 4, 5}, /* the kernel keeps the tag beside the packet */
               {"udp dst port 4 and not vlan", 4, 5},
               {"vlan 7 and tcp", 7, 6},
               {"inbound", 1, 0}, /* says nothing of an Ethernet packet's bytes */
               {"tcp", 7, 6}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(DcStrings) strings = dc_strings_new(100);
    g_autoptr(DcSource) source = must_open(bytes, cases[i].filter, strings);
    DcEvent event;
    g_assert_cmpuint(must_drop(source, &event)->number, ==, cases[i].first);
    GError *error = NULL;
    while (dc_source_next(source, &event, &error) == DC_READ_EVENT)
      g_assert_cmpuint(event.drop.number, >, cases[i].first);
    g_assert_no_error(error);
    g_assert_cmpuint(dc_drop_log_filtered(source), ==, cases[i].filtered);
  }

  GError *error = NULL;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  g_assert_null(open_bytes(bytes, "udp prot 4", strings, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_FILTER);
  g_clear_error(&error);
}

static void test_no_drop(void)
{
  Log log = log_new(false, false);
  Builder route = netlink_builder();
  put_packet_alert(&route, 16, BASE_NS, "x", 1);
  log_packet(&log, BASE_NS, 0, route);
  Builder family = netlink_builder();
  put_new_family(&family, "NET_DM", FAMILY);
  log_packet(&log, BASE_NS, 16, family);
  g_autoptr(GByteArray) bytes = log.file.out;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
  must_fail(source, DC_ERROR_FORMAT, "2 packets, of these 1 of other netlink families");

  Log empty = log_new(true, false);
  g_autoptr(GByteArray) empty_bytes = empty.file.out;
  g_autoptr(DcSource) nothing = must_open(empty_bytes, NULL, strings);
  must_fail(nothing, DC_ERROR_FORMAT, "0 packets");
}

static void must_not_open(const void *text, size_t len, const char *word)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_byte_array_append(bytes, text, (guint)len);
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  GError *error = NULL;
  g_assert_null(open_bytes(bytes, NULL, strings, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_FORMAT);
  if (strstr(error->message, "drops.pcap: ") == NULL || strstr(error->message, word) == NULL)
    g_error("message lacks \"%s\": %s", word, error->message);
  g_clear_error(&error);
}

static void test_no_drop_log(void)
{
  must_not_open("", 0, "empty");
  must_not_open("nothing of the kind\n", 20, "NET_DM capture");
  must_not_open("\x1f\x8b\x08\x00\x00", 5, "zcat drops.pcap");
  Builder frames = builder_new(true);
  pcap_header(&frames, false, 65535, DLT_EN10MB);
  must_not_open(frames.out->data, frames.out->len, "give it with -r");
  g_byte_array_unref(frames.out);

  Builder pcapng = builder_new(true);
  ng_section(&pcapng, NULL);
  ng_interface(&pcapng, DLT_EN10MB, 0, NULL, 9);
  ng_packet(&pcapng, 0, 1, "frame", 5, 5, 0);
  g_autoptr(GByteArray) bytes = pcapng.out;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
  must_fail(source, DC_ERROR_FORMAT, "give it with -r");
}

static void test_evidence(void)
{
  Builder builder = builder_new(false);
  ng_section(&builder, "dropcorr 0.1.0");
  ng_interface(&builder, DLT_EN10MB, 0, "eth0", 9);
  ng_journal_text(&builder, "DROPCORR_TYPE=header\nDROPCORR_DROP_MODE=packet\n\n");
  guint quiet = builder.out->len;
  ng_packet(&builder, 0, BASE_NS, "frame", 5, 5, 0);
  ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_TIME_NS=1700000000000000001\nDROPCORR_NUMBER=41\n"
                            "DROPCORR_KIND=tracepoint\nDROPCORR_SYMBOL=ip_rcv\n\n");
  ng_journal_text(&builder, "DROPCORR_TYPE=loss\nDROPCORR_LOSS=capture\nDROPCORR_COUNT=5\n"
                            "DROPCORR_TIME_NS=1700000000000000002\n\n");
  ng_journal_text(&builder, "DROPCORR_TYPE=loss\nDROPCORR_LOSS=netlink\nDROPCORR_COUNT=6\n"
                            "DROPCORR_TIME_NS=1700000000000000003\n\n");
  ng_journal_text(&builder, "DROPCORR_TYPE=sample\nDROPCORR_NAME=uname\nDROPCORR_TEXT=Linux\n"
                            "DROPCORR_TIME_NS=1700000000000000004\n\n");
  ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_OFFSET=-1\n\n");
  g_autoptr(GByteArray) bytes = builder.out;
  g_autoptr(DcStrings) strings = dc_strings_new(100);
  g_autoptr(DcSource) source = must_open(bytes, NULL, strings);
  g_assert_cmpstr(dc_drop_log_format(source), ==, "dropcorr evidence file");
  DcEvent event;
  const DcDrop *drop = must_drop(source, &event);
  g_assert_cmpuint(drop->number, ==, 41);
  g_assert_cmpint(drop->kind, ==, DC_DROP_TRACEPOINT);
  g_assert_true(drop->symbol == dc_strings_add(strings, "ip_rcv", 6));
  g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpint(event.kind, ==, DC_EVENT_LOSS);
  g_assert_cmpint(event.loss.kind, ==, DC_LOSS_NETLINK); /* not the capture's */
  g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
  g_assert_cmpint(event.kind, ==, DC_EVENT_SAMPLE);
  assert_bytes(event.sample.text, event.sample.len, "Linux", 5);
  must_end(source);
  g_assert_cmpuint(source->skipped, ==, 1);
  g_assert_cmpuint(source->foreign, ==, 1);

  /* A run that watched and saw nothing is no error. */
  g_byte_array_set_size(bytes, quiet);
  g_autoptr(DcSource) silent = must_open(bytes, NULL, strings);
  must_end(silent);
}

/* Bytes changed at random: the reader comes to an end and reads nothing but its own. */
static void test_random_damage(void)
{
  Log log = log_new(true, false);
  Builder family = netlink_builder();
  put_new_family(&family, "NET_DM", FAMILY);
  log_packet(&log, BASE_NS, 16, family);
  for (uint16_t port = 1; port <= 6; port++)
    log_alert(&log, BASE_NS + port, BASE_NS + port, "ip_rcv+0x1/0x2", port);
  Builder messages = netlink_builder();
  put_summary_alert(&messages, FAMILY);
  put_stats(&messages, FAMILY, 5);
  log_packet(&log, BASE_NS + 100, 16, messages);
  g_autoptr(GByteArray) whole = log.file.out;
  for (int round = 0; round < 4000; round++) {
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, whole->data, whole->len);
    for (int change = g_test_rand_int_range(1, 12); change > 0; change--)
      bytes->data[g_test_rand_int_range(60, (gint32)bytes->len)] = (uint8_t)g_test_rand_int();
    g_autoptr(DcStrings) strings = dc_strings_new(100);
    g_autoptr(DcSource) source = open_bytes(bytes, NULL, strings, NULL);
    DcEvent event;
    size_t drops = 0, sum = 0;
    while (source != NULL && dc_source_next(source, &event, NULL) == DC_READ_EVENT) {
      drops += event.kind == DC_EVENT_DROP;
      for (uint32_t i = 0; event.kind == DC_EVENT_DROP && i < event.drop.caplen; i++)
        sum += event.drop.bytes[i];
    }
    g_assert_cmpuint(drops, <=, bytes->len / 12);
    g_assert_cmpuint(sum, <=, bytes->len * 256);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log/packet-alerts", test_packet_alerts);
  g_test_add_func("/drop-log/summary-alerts", test_summary_alerts);
  g_test_add_func("/drop-log/other-messages", test_other_messages);
  g_test_add_func("/drop-log/statistics", test_statistics);
  g_test_add_func("/drop-log/truncated", test_truncated);
  g_test_add_func("/drop-log/filter", test_filter);
  g_test_add_func("/drop-log/no-drop", test_no_drop);
  g_test_add_func("/drop-log/no-drop-log", test_no_drop_log);
  g_test_add_func("/drop-log/evidence", test_evidence);
  g_test_add_func("/drop-log/random-damage", test_random_damage);
  return g_test_run();
}
