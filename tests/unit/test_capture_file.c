#include "dropcorr/source/capture_file.h"

#include "assert_bytes.h"
#include "capture_builder.h"
#include "dropcorr/base/error.h"

#include <pcap/dlt.h>

#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW 101
#define LINKTYPE_IEEE802_11 105
#define LINKTYPE_NETLINK 253

#define BASE_NS (INT64_C(1700000000) * 1000000000)

typedef struct {
  int64_t time_ns;
  uint32_t caplen, len;
  uint8_t bytes[300];
} TestFrame;

#define FRAMES_MAX 40

typedef struct {
  TestFrame frames[FRAMES_MAX];
  size_t count;
} TestFrames;

/* Frames of random lengths at whole microseconds, so that every variant can hold them. */
static TestFrames random_frames(size_t count)
{
  TestFrames frames = {.count = count};
  int64_t time_ns = BASE_NS;
  for (size_t i = 0; i < count; i++) {
    TestFrame *frame = &frames.frames[i];
    time_ns += 1000 * g_test_rand_int_range(0, 2000000);
    frame->time_ns = time_ns;
    frame->caplen = (uint32_t)g_test_rand_int_range(0, (gint32)sizeof frame->bytes + 1);
    frame->len = frame->caplen + (uint32_t)g_test_rand_int_range(0, 3) * 700;
    for (size_t at = 0; at < frame->caplen; at++)
      frame->bytes[at] = (uint8_t)g_test_rand_int();
  }
  return frames;
}

static DcSource *open_bytes(const GByteArray *bytes, const DcCaptureFileOptions *options, GError **error)
{
  static const DcCaptureFileOptions none = {0};
  return dc_capture_file_from_input(dc_input_from_bytes(bytes->data, bytes->len, "test.pcap"),
                                    options != NULL ? options : &none, error);
}

static DcSource *must_open(const GByteArray *bytes, const DcCaptureFileOptions *options)
{
  GError *error = NULL;
  DcSource *source = open_bytes(bytes, options, &error);
  g_assert_no_error(error);
  return source;
}

static const DcFrame *must_frame(DcSource *source, DcEvent *event)
{
  GError *error = NULL;
  DcReadStatus status = dc_source_next(source, event, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, DC_READ_EVENT);
  g_assert_cmpint(event->kind, ==, DC_EVENT_FRAME);
  g_assert_cmpint(event->time_ns, ==, event->frame.time_ns);
  return &event->frame;
}

static void must_end(DcSource *source)
{
  DcEvent event;
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
  g_assert_no_error(error);
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
}

/* The source fails now with this code and a message that holds `word`, and then stays ended. */
static void must_fail(DcSource *source, DcErrorCode code, const char *word)
{
  DcEvent event;
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_ERROR);
  g_assert_error(error, DC_ERROR, (gint)code);
  g_assert_nonnull(strstr(error->message, "test.pcap: "));
  g_assert_nonnull(strstr(error->message, word));
  g_clear_error(&error);
  must_end(source);
}

static void must_not_open(const void *bytes, size_t len, DcErrorCode code, const char *word)
{
  g_autoptr(GByteArray) array = g_byte_array_new();
  g_byte_array_append(array, bytes, (guint)len);
  GError *error = NULL;
  g_assert_null(open_bytes(array, NULL, &error));
  g_assert_error(error, DC_ERROR, (gint)code);
  g_assert_nonnull(strstr(error->message, "test.pcap: "));
  g_assert_nonnull(strstr(error->message, word));
  g_clear_error(&error);
}

static void check_frame(const DcFrame *frame, const TestFrame *expected, uint64_t number)
{
  g_assert_cmpuint(frame->number, ==, number);
  g_assert_cmpint(frame->time_ns, ==, expected->time_ns);
  g_assert_cmpuint(frame->len, ==, expected->len);
  assert_bytes(frame->bytes, frame->caplen, expected->bytes, expected->caplen);
  g_assert_cmpint(frame->link, ==, DC_LINK_ETHERNET);
}

static void check_frames(DcSource *source, const TestFrames *frames, size_t count)
{
  DcEvent event;
  for (size_t i = 0; i < count; i++)
    check_frame(must_frame(source, &event), &frames->frames[i], i + 1);
}

/* --- writers of the same frames in every form --- */

typedef GByteArray *(*WriteFunc)(const TestFrames *frames, bool big, GArray *ret_ends);

/* Where a record or block ends, and how many frames lie before that. */
typedef struct {
  guint end;
  size_t frames;
} End;

static void note_end(GArray *ends, const Builder *builder, size_t frames)
{
  const End end = {.end = builder->out->len, .frames = frames};
  if (ends != NULL)
    g_array_append_val(ends, end);
}

static GByteArray *write_pcap(const TestFrames *frames, bool nanoseconds, bool big, GArray *ret_ends)
{
  Builder builder = builder_new(big);
  pcap_header(&builder, nanoseconds, 262144, LINKTYPE_ETHERNET);
  note_end(ret_ends, &builder, 0);
  for (size_t i = 0; i < frames->count; i++) {
    const TestFrame *frame = &frames->frames[i];
    pcap_record(&builder, nanoseconds, frame->time_ns, frame->bytes, frame->caplen, frame->len);
    note_end(ret_ends, &builder, i + 1);
  }
  return builder.out;
}

static GByteArray *write_pcap_us(const TestFrames *frames, bool big, GArray *ret_ends)
{
  return write_pcap(frames, false, big, ret_ends);
}

static GByteArray *write_pcap_ns(const TestFrames *frames, bool big, GArray *ret_ends)
{
  return write_pcap(frames, true, big, ret_ends);
}

/* Blocks that say nothing of frames lie between them. */
static GByteArray *write_pcapng(const TestFrames *frames, bool big, uint8_t resolution, int64_t unit_ns, bool old,
                                GArray *ret_ends)
{
  Builder builder = builder_new(big);
  ng_section(&builder, "a writer");
  ng_interface(&builder, LINKTYPE_ETHERNET, 0, "eth0", resolution);
  note_end(ret_ends, &builder, 0);
  for (size_t i = 0; i < frames->count; i++) {
    const TestFrame *frame = &frames->frames[i];
    uint64_t units = (uint64_t)(frame->time_ns / unit_ns);
    if (i % 7 == 3) {
      end_block(&builder, begin_block(&builder, 4)); /* name resolution, empty */
      note_end(ret_ends, &builder, i);
      guint start = begin_block(&builder, 0x80000123); /* a block nobody knows */
      put_bytes(&builder, "private", 7);
      end_block(&builder, start);
      note_end(ret_ends, &builder, i);
    }
    if (old)
      ng_old_packet(&builder, 0, units, frame->bytes, frame->caplen, frame->len);
    else
      ng_packet(&builder, 0, units, frame->bytes, frame->caplen, frame->len, (uint32_t)(i % 3));
    note_end(ret_ends, &builder, i + 1);
  }
  return builder.out;
}

static GByteArray *write_pcapng_us(const TestFrames *frames, bool big, GArray *ret_ends)
{
  return write_pcapng(frames, big, 0xff, 1000, false, ret_ends);
}

static GByteArray *write_pcapng_ns(const TestFrames *frames, bool big, GArray *ret_ends)
{
  return write_pcapng(frames, big, 9, 1, false, ret_ends);
}

static GByteArray *write_pcapng_old(const TestFrames *frames, bool big, GArray *ret_ends)
{
  return write_pcapng(frames, big, 6, 1000, true, ret_ends);
}

static const struct {
  const char *format;
  bool nanoseconds;
  WriteFunc write;
} forms[] = {{"pcap", false, write_pcap_us},
             {"pcap", true, write_pcap_ns},
             {"pcapng", false, write_pcapng_us},
             {"pcapng", true, write_pcapng_ns},
             {"pcapng", false, write_pcapng_old}};

static void test_forms_agree(void)
{
  const TestFrames frames = random_frames(FRAMES_MAX);
  for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
    for (int big = 0; big <= 1; big++) {
      g_autoptr(GByteArray) bytes = forms[i].write(&frames, big != 0, NULL);
      g_autoptr(DcSource) source = must_open(bytes, NULL);
      check_frames(source, &frames, frames.count);
      must_end(source);
      const DcCaptureFileInfo *info = dc_capture_file_info(source);
      g_assert_cmpstr(info->format, ==, forms[i].format);
      g_assert_cmpint(info->nanoseconds, ==, forms[i].nanoseconds);
      g_assert_cmpuint(info->interface_count, ==, 1);
      g_assert_false(info->is_evidence);
      g_assert_cmpuint(source->bytes_read, ==, bytes->len);
      g_assert_cmpuint(source->bytes_total, ==, bytes->len);
      g_assert_cmpuint(source->skipped, ==, 0);
    }
  }
}

/* Whatever byte the file ends at: all whole frames before it, then TRUNCATED; END at the end of a record. */
static void test_truncated_anywhere(void)
{
  const TestFrames frames = random_frames(9);
  for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
    g_autoptr(GArray) ends = g_array_new(FALSE, FALSE, sizeof(End));
    g_autoptr(GByteArray) whole = forms[i].write(&frames, i % 2 == 1, ends);
    for (guint cut = 1; cut < whole->len; cut++) {
      g_autoptr(GByteArray) bytes = g_byte_array_new();
      g_byte_array_append(bytes, whole->data, cut);
      const End *last = NULL;
      for (guint at = 0; at < ends->len && g_array_index(ends, End, at).end <= cut; at++)
        last = &g_array_index(ends, End, at);
      GError *error = NULL;
      g_autoptr(DcSource) source = open_bytes(bytes, NULL, &error);
      if (last == NULL) {
        /* Within the descriptions; between section header and interface the file is whole. */
        DcEvent event;
        if (source != NULL)
          g_assert_cmpint(dc_source_next(source, &event, &error), !=, DC_READ_EVENT);
        if (source == NULL || error != NULL)
          g_assert_error(error, DC_ERROR, DC_ERROR_TRUNCATED);
        g_clear_error(&error);
        continue;
      }
      g_assert_no_error(error);
      check_frames(source, &frames, last->frames);
      if (cut == last->end)
        must_end(source);
      else
        must_fail(source, DC_ERROR_TRUNCATED, "ends in the middle of a");
    }
  }
}

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
      {6, UINT64_MAX, INT64_MAX / 2}, /* far out of range: a bound, no overflow */
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Builder builder = builder_new(i % 2 == 0);
    ng_section(&builder, NULL);
    ng_interface(&builder, LINKTYPE_ETHERNET, 0, NULL, cases[i].resolution);
    ng_packet(&builder, 0, cases[i].units, "a", 1, 1, 0);
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    DcEvent event;
    g_assert_cmpint(must_frame(source, &event)->time_ns, ==, cases[i].time_ns);
  }
}

static void test_time_offset(void)
{
  static const struct {
    int64_t offset_s, time_ns;
  } cases[] = {{1700000000, BASE_NS + 5000}, {-1, 0}, {INT64_MAX, INT64_MAX / 2}, {INT64_MIN, 0}};
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
    DcEvent event;
    g_assert_cmpint(must_frame(source, &event)->time_ns, ==, cases[i].time_ns);
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

static void test_link_types(void)
{
  Builder builder = builder_new(false);
  ng_section(&builder, NULL);
  ng_interface(&builder, LINKTYPE_IEEE802_11, 0, "wlan0", 9);
  ng_interface(&builder, LINKTYPE_ETHERNET, 0, "eth0", 9);
  ng_packet(&builder, 0, BASE_NS, "ab", 2, 2, 0);
  guint without = builder.out->len;
  ng_packet(&builder, 1, BASE_NS + 1, "cd", 2, 2, 0);
  g_autoptr(GByteArray) bytes = builder.out;
  g_autoptr(DcSource) source = must_open(bytes, NULL);
  DcEvent event;
  const DcFrame *frame = must_frame(source, &event);
  g_assert_cmpuint(frame->number, ==, 2);
  g_assert_cmpint(frame->link, ==, DC_LINK_ETHERNET);
  must_end(source);
  g_assert_cmpuint(source->foreign, ==, 1);

  g_byte_array_set_size(bytes, without);
  g_autoptr(DcSource) useless = must_open(bytes, NULL);
  must_fail(useless, DC_ERROR_UNSUPPORTED, "802.11");

  Builder radio = builder_new(false);
  pcap_header(&radio, false, 65535, LINKTYPE_IEEE802_11);
  g_autoptr(GByteArray) radio_bytes = radio.out;
  must_not_open(radio_bytes->data, radio_bytes->len, DC_ERROR_UNSUPPORTED, "802.11");
  Builder netlink = builder_new(false);
  pcap_header(&netlink, false, 65535, LINKTYPE_NETLINK);
  g_autoptr(GByteArray) netlink_bytes = netlink.out;
  must_not_open(netlink_bytes->data, netlink_bytes->len, DC_ERROR_UNSUPPORTED, "--drops");

  /* A frame check sequence announced in the upper bits does not change the link type. */
  Builder fcs = builder_new(true);
  pcap_header(&fcs, false, 65535, 0x24000000 | LINKTYPE_RAW);
  pcap_record(&fcs, false, BASE_NS, "E", 1, 1);
  g_autoptr(GByteArray) fcs_bytes = fcs.out;
  g_autoptr(DcSource) raw = must_open(fcs_bytes, NULL);
  g_assert_cmpint(must_frame(raw, &event)->link, ==, DC_LINK_RAW);
}

/* Ethernet, IPv4, UDP to port 53 or 54 by turns. */
static void test_filter(void)
{
  uint8_t packet[60] = {[12] = 0x08, [14] = 0x45, [17] = 46, [22] = 64, [23] = 17, [37] = 53};
  Builder builder = builder_new(false);
  pcap_header(&builder, true, 0, LINKTYPE_ETHERNET); /* snaplen 0: none, as libpcap takes it */
  for (int i = 0; i < 10; i++) {
    packet[37] = i % 2 == 0 ? 53 : 54;
    pcap_record(&builder, true, BASE_NS + i, packet, sizeof packet, sizeof packet);
  }
  g_autoptr(GByteArray) bytes = builder.out;
  for (int optimize = 0; optimize <= 1; optimize++) {
    const DcCaptureFileOptions options = {.filter = "udp dst port 54", .filter_optimize = optimize != 0};
    g_autoptr(DcSource) source = must_open(bytes, &options);
    DcEvent event;
    for (uint64_t number = 2; number <= 10; number += 2)
      g_assert_cmpuint(must_frame(source, &event)->number, ==, number);
    must_end(source);
    g_assert_cmpuint(dc_capture_file_filtered(source), ==, 5);
  }
  const DcCaptureFileOptions blank = {.filter = "  "};
  g_autoptr(DcSource) all = must_open(bytes, &blank);
  DcEvent event;
  g_assert_cmpuint(must_frame(all, &event)->number, ==, 1);

  GError *error = NULL;
  const DcCaptureFileOptions wrong = {.filter = "tcp prot 80"};
  g_assert_null(open_bytes(bytes, &wrong, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_FILTER);
  g_assert_nonnull(strstr(error->message, "tcp prot 80"));
  g_assert_nonnull(strstr(error->message, "syntax error"));
  g_clear_error(&error);

  /* Means something on Linux cooked captures only, so that the file decides. */
  const DcCaptureFileOptions inbound = {.filter = "inbound"};
  g_assert_null(open_bytes(bytes, &inbound, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_FILTER);
  g_clear_error(&error);
  Builder cooked = builder_new(false);
  pcap_header(&cooked, true, 65535, DLT_LINUX_SLL);
  uint8_t sll[16] = {[1] = 4};
  pcap_record(&cooked, true, BASE_NS, sll, sizeof sll, sizeof sll);
  sll[1] = 0;
  pcap_record(&cooked, true, BASE_NS, sll, sizeof sll, sizeof sll);
  g_autoptr(GByteArray) cooked_bytes = cooked.out;
  g_autoptr(DcSource) source = must_open(cooked_bytes, &inbound);
  g_assert_cmpuint(must_frame(source, &event)->number, ==, 2);
  must_end(source);
}

static void test_no_capture(void)
{
  must_not_open("", 0, DC_ERROR_FORMAT, "empty");
  must_not_open("\xd4\xc3", 2, DC_ERROR_TRUNCATED, "ends in the middle");
  must_not_open("\xd4\xc3\xb2\xa1\x02", 5, DC_ERROR_TRUNCATED, "5 of its 24 bytes");
  must_not_open("\x1f\x8b\x08\x00garbage garbage garbage", 27, DC_ERROR_FORMAT, "zcat test.pcap | dropcorr -r -");
  must_not_open("\x28\xb5\x2f\xfdgarbage garbage garbage", 27, DC_ERROR_FORMAT, "zstdcat test.pcap");
  must_not_open("snoop\0\0\0\0\0\0\2\0\0\0\4", 16, DC_ERROR_FORMAT, "editcap -F pcapng test.pcap");
  must_not_open("18:56:37.404603 IP 10.0.0.2.40001 > 10.0.0.1.80\n", 48, DC_ERROR_FORMAT, "is text");
  must_not_open("\xde\xad\xbe\xef\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 25, DC_ERROR_FORMAT, "de ad be ef");
}

static void test_damaged(void)
{
  const TestFrames frames = random_frames(4);
  DcEvent event;

  /* pcap: a record that claims a quarter of a megabyte and one byte. */
  Builder pcap = builder_new(false);
  pcap_header(&pcap, false, 65535, LINKTYPE_ETHERNET);
  pcap_record(&pcap, false, BASE_NS, "abc", 3, 3);
  guint at = pcap.out->len;
  pcap_record(&pcap, false, BASE_NS, "abc", 3, 3);
  patch_u32(&pcap, at + 8, 262145);
  g_autoptr(GByteArray) pcap_bytes = pcap.out;
  g_autoptr(DcSource) insane = must_open(pcap_bytes, NULL);
  (void)must_frame(insane, &event);
  must_fail(insane, DC_ERROR_FORMAT, "record 2 at byte 43 claims 262145");
  patch_u32(&pcap, at + 8, 262144); /* the largest there is: merely cut off */
  g_autoptr(DcSource) large = must_open(pcap_bytes, NULL);
  (void)must_frame(large, &event);
  must_fail(large, DC_ERROR_TRUNCATED, "of its 262160 bytes");

  /* pcapng: lengths of the third packet's block. */
  g_autoptr(GArray) ends = g_array_new(FALSE, FALSE, sizeof(End));
  for (int big = 0; big <= 1; big++) {
    g_array_set_size(ends, 0);
    Builder builder = {.out = write_pcapng_ns(&frames, big != 0, ends), .big = big != 0};
    guint start = g_array_index(ends, End, 2).end, end = g_array_index(ends, End, 3).end;
    static const struct {
      uint32_t total;
      DcErrorCode code;
      const char *word;
    } cases[] = {
        {0, DC_ERROR_FORMAT, "which no block can have"},       {8, DC_ERROR_FORMAT, "which no block can have"},
        {13, DC_ERROR_FORMAT, "which no block can have"},      {12, DC_ERROR_FORMAT, "at its end"},
        {0x00fffff0, DC_ERROR_FORMAT, "more than any packet"}, {0xfffffffc, DC_ERROR_FORMAT, "more than any packet"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
      patch_u32(&builder, start + 4, cases[i].total);
      g_autoptr(DcSource) source = must_open(builder.out, NULL);
      check_frames(source, &frames, 2);
      must_fail(source, cases[i].code, cases[i].word);
    }
    patch_u32(&builder, start + 4, end - start);
    patch_u32(&builder, end - 4, end - start + 4);
    g_autoptr(DcSource) source = must_open(builder.out, NULL);
    check_frames(source, &frames, 2);
    must_fail(source, DC_ERROR_FORMAT, "at its end");
    g_byte_array_unref(builder.out);
  }
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

/* Modified pcap of old Red Hat kernels (a1b2cd34, 8 bytes more per record): libpcap's work. */
static void test_libpcap_formats(void)
{
  for (int big = 0; big <= 1; big++) {
    Builder builder = builder_new(big != 0);
    pcap_header(&builder, false, 65535, LINKTYPE_ETHERNET);
    patch_u32(&builder, 0, 0xa1b2cd34);
    for (uint32_t i = 0; i < 5; i++) {
      put_u32(&builder, 1700000000);
      put_u32(&builder, i);
      put_u32(&builder, 4);
      put_u32(&builder, 1000);
      put_u64(&builder, 0);
      put_bytes(&builder, "data", 4);
    }
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    DcEvent event;
    for (uint32_t i = 0; i < 5; i++) {
      const DcFrame *frame = must_frame(source, &event);
      g_assert_cmpuint(frame->number, ==, i + 1);
      g_assert_cmpint(frame->time_ns, ==, BASE_NS + i * 1000);
      g_assert_cmpuint(frame->len, ==, 1000);
      assert_bytes(frame->bytes, frame->caplen, "data", 4);
    }
    must_end(source);

    g_byte_array_set_size(bytes, bytes->len - 3);
    g_autoptr(DcSource) cut = must_open(bytes, NULL);
    for (uint32_t i = 0; i < 4; i++)
      (void)must_frame(cut, &event);
    must_fail(cut, DC_ERROR_TRUNCATED, "record 5");
  }
}

/* --- evidence files --- */

static void test_evidence(void)
{
  for (int big = 0; big <= 1; big++) {
    Builder builder = builder_new(big != 0);
    ng_section(&builder, "dropcorr 0.1.0");
    ng_interface(&builder, LINKTYPE_ETHERNET, 262144, "eth0", 9);
    ng_interface(&builder, LINKTYPE_ETHERNET, 262144, "kdrop", 9);
    ng_journal_text(&builder, "__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=begin\nDROPCORR_TYPE=header\n"
                              "DROPCORR_TIME_NS=1700000000000000000\nDROPCORR_VERSION=0.1.0\n"
                              "DROPCORR_COMMAND=dropcorr -i eth0\nDROPCORR_DROP_MODE=packet\n"
                              "DROPCORR_LOCAL_MAC=02:00:00:00:00:01\nDROPCORR_LOCAL_ADDR=10.0.0.1\n"
                              "DROPCORR_LOCAL_ADDR=fd00::1\nDROPCORR_LOCAL_ADDR=10.0.0.1\nDROPCORR_IFINDEX=7\n"
                              "DROPCORR_PROMISC=1\nDROPCORR_START_NS=1699999999000000000\n\n");
    ng_packet(&builder, 0, BASE_NS, "frame", 5, 60, 1);
    ng_packet(&builder, 1, BASE_NS + 1, "drop", 4, 60, 0);
    ng_journal_text(&builder,
                    "__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=NETFILTER_DROP\nDROPCORR_TYPE=drop\n"
                    "DROPCORR_TIME_NS=1700000000000000001\nDROPCORR_NUMBER=12\nDROPCORR_KIND=netdm-packet\n"
                    "DROPCORR_PRECISION_NS=5\nDROPCORR_PC=0xffffffff815ca47f\nDROPCORR_SYMBOL=nft_do_chain\n"
                    "DROPCORR_OFFSET=0x47f\nDROPCORR_SIZE=1504\nDROPCORR_MODULE=nf_tables\n"
                    "DROPCORR_LOCATION=nft_do_chain+0x47f/0x5e0 [nf_tables]\nDROPCORR_REASON=NETFILTER_DROP\n"
                    "DROPCORR_PROTOCOL=2048\nDROPCORR_IN_IFINDEX=2\nDROPCORR_IN_IFNAME=eth0\n"
                    "DROPCORR_TRAP_GROUP=g\nDROPCORR_TRAP_NAME=n\nDROPCORR_SKB=0xffff88803dd83a00\nDROPCORR_COUNT=3\n"
                    "DROPCORR_ORIG_LEN=60\nDROPCORR_LINK=raw\nDROPCORR_BYTES=00ff10aB\nDROPCORR_RX_TIME_NS=9\n"
                    "DROPCORR_RX_LEN=46\nDROPCORR_RX_IFNAME=eth1\nDROPCORR_OF_LATER=1\n\n");
    ng_packet(&builder, 0, BASE_NS + 2, "frame", 5, 60, 0);
    /* A value with a newline: name, length in 64 bits little endian, value. */
    static const char head[] = "DROPCORR_TYPE=sample\nDROPCORR_TIME_NS=1700000000000000002\nDROPCORR_PHASE=tick\n"
                               "DROPCORR_NAME=snmp\nDROPCORR_TEXT\n\x0b\0\0\0\0\0\0\0Ip: A\nIp: 1\n\n";
    ng_journal(&builder, head, sizeof head - 1);
    ng_journal_text(&builder, "DROPCORR_TYPE=loss\nDROPCORR_LOSS=monitor\nDROPCORR_COUNT=17\n"
                              "DROPCORR_FROM_NS=1700000000000000000\nDROPCORR_TO_NS=1700000000000000003\n"
                              "DROPCORR_DETAIL=queue full\n");
    ng_journal_text(&builder, "_SYSTEMD_UNIT=cron.service\nMESSAGE=not ours\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=of-a-later-version\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_NUMBER=x\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_BYTES=012\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_COUNT=99999999999999999999\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\nDROPCORR_TIME_NS=-4\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=loss\nDROPCORR_LOSS=tears\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=sample\nDROPCORR_TEXT\n\xff\xff\xff\xff\xff\xff\xff\xff"
                              "text\n\n");
    ng_journal_text(&builder, "DROPCORR_TYPE=sample\nDROPCORR_NAME=cut o");
    ng_journal_text(&builder, "DROPCORR_TYPE=drop\n\n");
    ng_statistics(&builder, 0, BASE_NS + 30, 10); /* said in journal entries already */
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);

    DcEvent event;
    const DcFrame *frame = must_frame(source, &event);
    g_assert_cmpuint(frame->number, ==, 1);
    g_assert_cmpuint(frame->ifindex, ==, 7);
    g_assert_cmpint(frame->direction, ==, DC_DIRECTION_IN);
    const DcEvidenceHeader *header = dc_capture_file_evidence(source);
    g_assert_nonnull(header);
    g_assert_cmpstr(header->command, ==, "dropcorr -i eth0");
    g_assert_cmpstr(header->drop_mode, ==, "packet");
    g_assert_null(header->filter);
    g_assert_true(header->promiscuous);
    g_assert_cmpint(header->start_ns, ==, INT64_C(1699999999000000000));
    g_assert_cmpuint(header->local_mac_count, ==, 1);
    g_assert_cmpint(header->local_macs[0][5], ==, 1);
    g_assert_cmpuint(header->local_address_count, ==, 2);
    g_assert_cmpint(header->local_addresses[0].version, ==, 4);
    g_assert_cmpint(header->local_addresses[1].version, ==, 6);
    g_assert_true(dc_capture_file_info(source)->is_evidence);

    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_DROP);
    const DcDrop *drop = &event.drop;
    g_assert_cmpint(event.time_ns, ==, BASE_NS + 1);
    g_assert_cmpint(drop->time_ns, ==, BASE_NS + 1);
    g_assert_cmpuint(drop->number, ==, 12);
    g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_PACKET);
    g_assert_cmpint(drop->precision_ns, ==, 5);
    g_assert_cmpuint(drop->pc, ==, UINT64_C(0xffffffff815ca47f));
    g_assert_cmpstr(drop->symbol, ==, "nft_do_chain");
    g_assert_cmpuint(drop->offset, ==, 0x47f);
    g_assert_cmpuint(drop->size, ==, 1504);
    g_assert_cmpstr(drop->module, ==, "nf_tables");
    g_assert_cmpstr(drop->location, ==, "nft_do_chain+0x47f/0x5e0 [nf_tables]");
    g_assert_cmpstr(drop->reason, ==, "NETFILTER_DROP");
    g_assert_cmpint(drop->protocol, ==, 0x800);
    g_assert_cmpuint(drop->in_ifindex, ==, 2);
    g_assert_cmpstr(drop->in_ifname, ==, "eth0");
    g_assert_cmpstr(drop->trap_group, ==, "g");
    g_assert_cmpstr(drop->trap_name, ==, "n");
    g_assert_cmpuint(drop->skb, ==, UINT64_C(0xffff88803dd83a00));
    g_assert_cmpuint(drop->count, ==, 3);
    g_assert_cmpuint(drop->orig_len, ==, 60);
    g_assert_cmpint(drop->link, ==, DC_LINK_RAW);
    assert_bytes(drop->bytes, drop->caplen, "\x00\xff\x10\xab", 4);
    g_assert_cmpint(drop->rx_time_ns, ==, 9);
    g_assert_cmpuint(drop->rx_len, ==, 46);
    g_assert_cmpstr(drop->rx_ifname, ==, "eth1");

    g_assert_cmpuint(must_frame(source, &event)->number, ==, 3); /* kdrop's packet counts */

    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_SAMPLE);
    g_assert_cmpint(event.time_ns, ==, BASE_NS + 2);
    g_assert_cmpint(event.sample.phase, ==, DC_PHASE_TICK);
    g_assert_cmpstr(event.sample.name, ==, "snmp");
    assert_bytes(event.sample.text, event.sample.len, "Ip: A\nIp: 1", 11);

    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_LOSS);
    g_assert_cmpint(event.time_ns, ==, BASE_NS + 3);
    g_assert_cmpint(event.loss.kind, ==, DC_LOSS_MONITOR);
    g_assert_cmpuint(event.loss.count, ==, 17);
    g_assert_cmpstr(event.loss.detail, ==, "queue full");

    /* Everything unknown. */
    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_DROP);
    g_assert_cmpint(event.time_ns, ==, DC_TIME_NONE);
    g_assert_cmpint(event.drop.protocol, ==, -1);
    g_assert_cmpuint(event.drop.count, ==, 1);
    g_assert_cmpuint(event.drop.number, ==, 2); /* the second drop of the file */
    g_assert_null(event.drop.bytes);
    must_end(source);
    g_assert_cmpuint(source->skipped, ==, 7);
    g_assert_cmpuint(source->foreign, ==, 3); /* kdrop's packet, cron's entry, the later version's */
  }
}

/* An evidence file resaved by another tool is known by its entries; kdrop elsewhere is a name like any other. */
static void test_evidence_resaved(void)
{
  Builder builder = builder_new(false);
  ng_section(&builder, "Editcap");
  ng_interface(&builder, LINKTYPE_ETHERNET, 0, "kdrop", 9);
  ng_packet(&builder, 0, BASE_NS, "x", 1, 1, 0);
  ng_journal_text(&builder, "DROPCORR_TYPE=header\nDROPCORR_VERSION=0.1.0\n\n");
  ng_packet(&builder, 0, BASE_NS, "x", 1, 1, 0);
  g_autoptr(GByteArray) bytes = builder.out;
  g_autoptr(DcSource) source = must_open(bytes, NULL);
  DcEvent event;
  g_assert_cmpuint(must_frame(source, &event)->number, ==, 1);
  must_end(source);
  g_assert_cmpuint(source->foreign, ==, 1);
  g_assert_true(dc_capture_file_info(source)->is_evidence);
}

/* In an evidence file a frame has the number of the run that wrote it; elsewhere epb_packetid says nothing of
 * order. Whatever it says, numbers grow. */
static void test_packet_ids(void)
{
  static const uint64_t ids[] = {5, 9, 0, 9, 2, UINT64_MAX, 1000};
  static const uint64_t expected[] = {5, 9, 10, 11, 12, 13, 1000};
  for (int evidence = 0; evidence <= 1; evidence++) {
    Builder builder = builder_new(evidence != 0);
    ng_section(&builder, evidence ? "dropcorr 0.1.0" : "Dumpcap");
    ng_interface(&builder, LINKTYPE_ETHERNET, 0, "eth0", 9);
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
      ng_numbered_packet(&builder, 0, BASE_NS, "x", 1, ids[i]);
    g_autoptr(GByteArray) bytes = builder.out;
    g_autoptr(DcSource) source = must_open(bytes, NULL);
    DcEvent event;
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
      g_assert_cmpuint(must_frame(source, &event)->number, ==, evidence ? expected[i] : i + 1);
    must_end(source);
  }
}

/* Bytes changed at random: every reader must come to an end, and give no more frames than fit. */
static void test_random_damage(void)
{
  const TestFrames frames = random_frames(20);
  for (int round = 0; round < 4000; round++) {
    size_t form = (size_t)g_test_rand_int_range(0, (gint32)G_N_ELEMENTS(forms));
    g_autoptr(GByteArray) bytes = forms[form].write(&frames, round % 2 == 1, NULL);
    for (int change = g_test_rand_int_range(1, 12); change > 0; change--) {
      guint at = (guint)g_test_rand_int_range(0, (gint32)bytes->len);
      bytes->data[at] = g_test_rand_bit() ? (uint8_t)g_test_rand_int() : bytes->data[at] ^ 0x80;
    }
    g_autoptr(DcSource) source = open_bytes(bytes, NULL, NULL);
    DcEvent event;
    size_t count = 0;
    size_t sum = 0;
    while (source != NULL && dc_source_next(source, &event, NULL) == DC_READ_EVENT) {
      if (event.kind == DC_EVENT_FRAME) {
        for (uint32_t i = 0; i < event.frame.caplen; i++)
          sum += event.frame.bytes[i]; /* for the sanitizer: all of it is readable */
        g_assert_cmpuint(event.frame.caplen, <=, event.frame.len);
      }
      count++;
    }
    g_assert_cmpuint(count, <=, bytes->len / 16);
    g_assert_cmpuint(sum, <=, bytes->len * 256);
  }
}

static void test_open(void)
{
  GError *error = NULL;
  const DcCaptureFileOptions none = {0};
  g_assert_null(dc_capture_file_open("/nonexistent/cap.pcap", &none, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_clear_error(&error);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/capture-file/forms-agree", test_forms_agree);
  g_test_add_func("/capture-file/truncated-anywhere", test_truncated_anywhere);
  g_test_add_func("/capture-file/info", test_info);
  g_test_add_func("/capture-file/direction", test_direction);
  g_test_add_func("/capture-file/time-resolutions", test_time_resolutions);
  g_test_add_func("/capture-file/time-offset", test_time_offset);
  g_test_add_func("/capture-file/sections", test_sections);
  g_test_add_func("/capture-file/simple-packets", test_simple_packets);
  g_test_add_func("/capture-file/link-types", test_link_types);
  g_test_add_func("/capture-file/filter", test_filter);
  g_test_add_func("/capture-file/no-capture", test_no_capture);
  g_test_add_func("/capture-file/damaged", test_damaged);
  g_test_add_func("/capture-file/skipped-blocks", test_skipped_blocks);
  g_test_add_func("/capture-file/bad-descriptions", test_bad_descriptions);
  g_test_add_func("/capture-file/many-interfaces", test_many_interfaces);
  g_test_add_func("/capture-file/statistics", test_statistics);
  g_test_add_func("/capture-file/libpcap-formats", test_libpcap_formats);
  g_test_add_func("/capture-file/evidence", test_evidence);
  g_test_add_func("/capture-file/evidence-resaved", test_evidence_resaved);
  g_test_add_func("/capture-file/packet-ids", test_packet_ids);
  g_test_add_func("/capture-file/random-damage", test_random_damage);
  g_test_add_func("/capture-file/open", test_open);
  return g_test_run();
}
