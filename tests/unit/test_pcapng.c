/* What is told only in pcapng: interfaces, directions, resolutions, sections, statistics. */
#include "capture_checks.h"

static void test_info(void)
{
  for (int big = 0; big <= 1; big++) {
    Builder builder = builder_new(big != 0);
    guint start = begin_block(&builder, 0x0a0d0d0a);
    put_u32(&builder, 0x1a2b3c4d);
    put_u16(&builder, 1);
    put_u16(&builder, 2);
    put_u64(&builder, UINT64_MAX);
    put_option(&builder, 1, "what\na \x1b[31mmess", 16);
    put_option(&builder, 2, "amd64", 5);
    put_option(&builder, 3, "Linux 6.1", 9);
    put_option(&builder, 4, "Dumpcap", 7);
    put_end_of_options(&builder);
    end_block(&builder, start);
    start = begin_block(&builder, 1);
    put_u16(&builder, LINKTYPE_ETHERNET);
    put_u16(&builder, 0);
    put_u32(&builder, 96);
    put_option(&builder, 2, "eth0", 4);
    put_option(&builder, 6, "\x02\x00\x00\x00\x00\x01", 6);
    put_option(&builder, 11, "\0tcp port 80", 12);
    end_block(&builder, start); /* without end of options: allowed */
    ng_interface(&builder, LINKTYPE_RAW, 0, NULL, 9);
    ng_packet(&builder, 1, BASE_NS, "E", 1, 20, 0);

    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    DcEvent event;
    const DcFrame *frame = must_frame(source, &event);
    g_assert_cmpuint(frame->interface_id, ==, 1);
    g_assert_cmpint(frame->link, ==, DC_LINK_RAW);
    const DcCaptureFileInfo *info = dc_capture_file_info(source);
    g_assert_cmpstr(info->comment, ==, "what?a ?[31mmess"); /* fit for a terminal */
    g_assert_cmpstr(info->hardware, ==, "amd64");
    g_assert_cmpstr(info->os, ==, "Linux 6.1");
    g_assert_cmpstr(info->application, ==, "Dumpcap");
    g_assert_cmpuint(info->interface_count, ==, 2);
    const DcCaptureInterface *interface = dc_capture_file_interface(source, 0);
    g_assert_cmpstr(interface->name, ==, "eth0");
    g_assert_cmpstr(interface->filter, ==, "tcp port 80");
    g_assert_cmpuint(interface->snaplen, ==, 96);
    g_assert_cmpint(interface->dlt, ==, DLT_EN10MB);
    g_assert_true(interface->has_mac);
    assert_bytes(interface->mac, 6, "\x02\x00\x00\x00\x00\x01", 6);
    interface = dc_capture_file_interface(source, 1);
    g_assert_null(interface->name);
    g_assert_false(interface->has_mac);
    g_assert_cmpint(interface->dlt, ==, DLT_RAW);
    g_assert_null(dc_capture_file_interface(source, 2));
    g_assert_null(dc_capture_file_evidence(source));
  }
}

static void test_direction(void)
{
  Builder builder = builder_new(false);
  ng_section(&builder, NULL);
  ng_interface(&builder, LINKTYPE_ETHERNET, 0, NULL, 0xff);
  ng_packet(&builder, 0, 1, "a", 1, 1, 0);
  ng_packet(&builder, 0, 1, "a", 1, 1, 1);
  ng_packet(&builder, 0, 1, "a", 1, 1, 2);
  ng_packet(&builder, 0, 1, "a", 1, 1, 1 | 4 << 2);          /* promiscuous */
  ng_packet(&builder, 0, 1, "a", 1, 1, 1 | 2 << 2 | 4 << 5); /* multicast, with a checksum length */
  ng_packet(&builder, 0, 1, "a", 1, 1, 0x10000000);          /* an error flag alone */
  g_autoptr(GByteArray) bytes = builder.out;
  g_autoptr(DcSource) source = must_open(bytes, NULL);
  static const DcDirection expected[] = {DC_DIRECTION_UNKNOWN,    DC_DIRECTION_IN, DC_DIRECTION_OUT,
                                         DC_DIRECTION_OTHER_HOST, DC_DIRECTION_IN, DC_DIRECTION_UNKNOWN};
  DcEvent event;
  for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
    g_assert_cmpint(must_frame(source, &event)->direction, ==, expected[i]);
  must_end(source);
}

/* Its one frame has this time; DC_TIME_NONE: it is skipped and counted, for it claims a time that none can have. */
static void check_time(DcSource *source, int64_t time_ns)
{
  DcEvent event;
  if (time_ns != DC_TIME_NONE)
    g_assert_cmpint(must_frame(source, &event)->time_ns, ==, time_ns);
  must_end(source);
  g_assert_cmpuint(source->skipped, ==, time_ns == DC_TIME_NONE);
}

static void test_time_resolutions(void)
{
  static const struct {
    uint8_t resolution;
    uint64_t units;
    int64_t time_ns;
  } cases[] = {
      {0, 5, 5 * INT64_C(1000000000)},
      {3, 1700000000123, INT64_C(1700000000123000000)},
      {9, 1700000000123456789, INT64_C(1700000000123456789)},
      {12, 1700000123456789999, INT64_C(1700000123456789)}, /* cut to whole nanoseconds */
      {0x80, 7, 7 * INT64_C(1000000000)},                   /* 2^-0 */
      {0x80 | 10, 1024 * 3 + 512, 3 * INT64_C(1000000000) + 500000000},
      {0x80 | 32, (UINT64_C(1700000000) << 32) | 0x40000000, INT64_C(1700000000250000000)},
      {0x80 | 63, UINT64_MAX, INT64_C(1999999999)},
      {9, DC_TIME_MAX, DC_TIME_MAX}, /* 2116 */
      {9, DC_TIME_MAX + UINT64_C(1), DC_TIME_NONE},
      {6, UINT64_MAX, DC_TIME_NONE}, /* far out of range */
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Builder builder = builder_new(i % 2 == 0);
    ng_section(&builder, NULL);
    ng_interface(&builder, LINKTYPE_ETHERNET, 0, NULL, cases[i].resolution);
    ng_packet(&builder, 0, cases[i].units, "a", 1, 1, 0);
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    check_time(source, cases[i].time_ns);
  }
}

static void test_time_offset(void)
{
  static const struct {
    int64_t offset_s, time_ns;
  } cases[] = {{1700000000, BASE_NS + 5000}, {-1, DC_TIME_NONE}, {INT64_MAX, DC_TIME_NONE}, {INT64_MIN, DC_TIME_NONE}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Builder builder = builder_new(i % 2 == 0);
    ng_section(&builder, NULL);
    guint start = begin_block(&builder, 1);
    put_u16(&builder, LINKTYPE_ETHERNET);
    put_u16(&builder, 0);
    put_u32(&builder, 0);
    put_option_number(&builder, 14, (uint64_t)cases[i].offset_s, 8);
    end_block(&builder, start);
    ng_packet(&builder, 0, 5, "a", 1, 1, 0);
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    check_time(source, cases[i].time_ns);
  }
}

/* Sections in different byte orders; the same interface described again is the same one. */
static void test_sections(void)
{
  GByteArray *bytes = g_byte_array_new();
  for (int part = 0; part < 6; part++) {
    Builder builder = builder_new(part % 2 == 1);
    ng_section(&builder, NULL);
    ng_interface(&builder, LINKTYPE_ETHERNET, 0, "eth0", 9);
    if (part >= 3)
      ng_interface(&builder, LINKTYPE_ETHERNET, 0, "eth1", 9);
    ng_packet(&builder, part >= 3 ? 1 : 0, (uint64_t)(BASE_NS + part), "abc", 3, 3, 0);
    g_byte_array_append(bytes, builder.out->data, builder.out->len);
    g_byte_array_unref(builder.out);
  }
  g_autoptr(DcSource) source = must_open(bytes, NULL);
  DcEvent event;
  for (int part = 0; part < 6; part++) {
    const DcFrame *frame = must_frame(source, &event);
    g_assert_cmpint(frame->time_ns, ==, BASE_NS + part);
    g_assert_cmpuint(frame->number, ==, (uint64_t)part + 1);
    g_assert_cmpuint(frame->interface_id, ==, part >= 3 ? 1 : 0);
  }
  must_end(source);
  g_assert_cmpuint(dc_capture_file_info(source)->interface_count, ==, 2);
  g_byte_array_unref(bytes);
}

static void test_simple_packets(void)
{
  Builder builder = builder_new(true);
  ng_section(&builder, NULL);
  ng_interface(&builder, LINKTYPE_ETHERNET, 5, NULL, 9);
  ng_packet(&builder, 0, BASE_NS, "ab", 2, 2, 0);
  ng_simple_packet(&builder, "abcd", 4, 4);
  ng_simple_packet(&builder, "abcde", 5, 1400); /* cut at the snaplen */
  ng_simple_packet(&builder, "ab", 2, 5);       /* shorter than both */
  ng_packet(&builder, 0, BASE_NS + 9, "ab", 2, 2, 0);
  g_autoptr(GByteArray) bytes = builder.out;
  g_autoptr(DcSource) source = must_open(bytes, NULL);
  DcEvent event;
  (void)must_frame(source, &event);
  const DcFrame *frame = must_frame(source, &event);
  assert_bytes(frame->bytes, frame->caplen, "abcd", 4);
  g_assert_cmpint(frame->time_ns, ==, BASE_NS);
  frame = must_frame(source, &event);
  assert_bytes(frame->bytes, frame->caplen, "abcde", 5);
  g_assert_cmpuint(frame->len, ==, 1400);
  frame = must_frame(source, &event);
  g_assert_cmpuint(frame->number, ==, 5);
  must_end(source);
  g_assert_cmpuint(source->skipped, ==, 1);
}

/* A block whose frame is good but whose contents lie is stepped over, and counted as a frame. */
static void test_skipped_blocks(void)
{
  for (int big = 0; big <= 1; big++) {
    Builder builder = builder_new(big != 0);
    ng_section(&builder, NULL);
    ng_interface(&builder, LINKTYPE_ETHERNET, 0, NULL, 9);
    guint at = builder.out->len;
    ng_packet(&builder, 0, BASE_NS, "abcd", 4, 4, 1);
    patch_u32(&builder, at + 20, 4000);                   /* captured bytes */
    ng_packet(&builder, 7, BASE_NS, "abcd", 4, 4, 0);     /* no such interface */
    end_block(&builder, begin_block(&builder, 6));        /* empty */
    ng_packet(&builder, 0, BASE_NS + 1, "abcd", 4, 2, 0); /* more captured than there was */
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    DcEvent event;
    const DcFrame *frame = must_frame(source, &event);
    g_assert_cmpuint(frame->number, ==, 4);
    g_assert_cmpuint(frame->len, ==, 4);
    must_end(source);
    g_assert_cmpuint(source->skipped, ==, 3);
  }
}

static void test_bad_descriptions(void)
{
  Builder builder = builder_new(false);
  ng_section(&builder, NULL);
  patch_u32(&builder, 8, 0x12345678);
  must_not_open(builder.out->data, builder.out->len, DC_ERROR_FORMAT, "byte order magic");
  patch_u32(&builder, 8, 0x1a2b3c4d);
  builder.out->data[12] = 2;
  must_not_open(builder.out->data, builder.out->len, DC_ERROR_UNSUPPORTED, "version 2.0");
  builder.out->data[12] = 1;
  ng_interface(&builder, LINKTYPE_ETHERNET, 0, NULL, 20);
  must_not_open(builder.out->data, builder.out->len, DC_ERROR_FORMAT, "time resolution of 10^-20");
  g_byte_array_unref(builder.out);

  Builder two = builder_new(false);
  ng_section(&two, NULL);
  ng_interface(&two, LINKTYPE_ETHERNET, 0, NULL, 0x80 | 64);
  must_not_open(two.out->data, two.out->len, DC_ERROR_FORMAT, "time resolution of 2^-64");
  g_byte_array_unref(two.out);
}

/* Memory must not grow with the interfaces a hostile file describes. */
static void test_many_interfaces(void)
{
  Builder builder = builder_new(false);
  for (int section = 0; section < 20; section++) {
    ng_section(&builder, NULL);
    for (int i = 0; i < 300; i++) {
      g_autofree char *name = g_strdup_printf("if%d-%d", section, i);
      ng_interface(&builder, LINKTYPE_ETHERNET, 0, name, 9);
    }
  }
  GError *error = NULL;
  g_assert_null(open_bytes(builder.out, NULL, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_LIMIT);
  g_clear_error(&error);
  g_byte_array_unref(builder.out);
}

static void test_statistics(void)
{
  Builder builder = builder_new(true);
  ng_section(&builder, "Dumpcap");
  ng_interface(&builder, LINKTYPE_ETHERNET, 0, "eth0", 9);
  ng_packet(&builder, 0, BASE_NS, "ab", 2, 2, 0);
  ng_statistics(&builder, 0, BASE_NS + 10, 3);
  ng_statistics(&builder, 0, BASE_NS + 20, 3); /* nothing new */
  ng_statistics(&builder, 0, BASE_NS + 30, 10);
  g_autoptr(GByteArray) bytes = builder.out;
  g_autoptr(DcSource) source = must_open(bytes, NULL);
  DcEvent event;
  (void)must_frame(source, &event);
  static const struct {
    int64_t time_ns;
    uint64_t count;
  } expected[] = {{BASE_NS + 10, 3}, {BASE_NS + 30, 7}};
  for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_LOSS);
    g_assert_cmpint(event.loss.kind, ==, DC_LOSS_CAPTURE);
    g_assert_cmpint(event.time_ns, ==, expected[i].time_ns);
    g_assert_cmpuint(event.loss.count, ==, expected[i].count);
  }
  must_end(source);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pcapng/info", test_info);
  g_test_add_func("/pcapng/direction", test_direction);
  g_test_add_func("/pcapng/time-resolutions", test_time_resolutions);
  g_test_add_func("/pcapng/time-offset", test_time_offset);
  g_test_add_func("/pcapng/sections", test_sections);
  g_test_add_func("/pcapng/simple-packets", test_simple_packets);
  g_test_add_func("/pcapng/skipped-blocks", test_skipped_blocks);
  g_test_add_func("/pcapng/bad-descriptions", test_bad_descriptions);
  g_test_add_func("/pcapng/many-interfaces", test_many_interfaces);
  g_test_add_func("/pcapng/statistics", test_statistics);
  return g_test_run();
}
