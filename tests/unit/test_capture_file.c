#include "dropcorr/source/capture_file.h"

#include "capture_checks.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A pipe that falls silent in the middle of a record, and a user who ends the run: what came is given, and
 * nothing is wrong. */
typedef struct {
  const char *path;
  const GByteArray *bytes;
  DcStop *stop;
  int fd;
} SilentWriter;

static void *write_half(void *data)
{
  SilentWriter *writer = data;
  writer->fd = open(writer->path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint(write(writer->fd, writer->bytes->data, writer->bytes->len), ==, writer->bytes->len);
  g_usleep(20000);
  dc_stop_request(writer->stop);
  return NULL;
}

static void test_stop(void)
{
  const TestFrames frames = random_frames(3);
  g_autofree char *dir = g_dir_make_tmp("dropcorr-capture-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "pipe", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
    g_autoptr(GArray) ends = g_array_new(FALSE, FALSE, sizeof(End));
    g_autoptr(GByteArray) bytes = forms[i].write(&frames, false, ends);
    const End *second = &g_array_index(ends, End, 2);
    g_byte_array_set_size(bytes, second->end + 9);
    g_autoptr(DcStop) stop = dc_stop_new(NULL);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    SilentWriter writer = {.path = path, .bytes = bytes, .stop = stop};
    pthread_t thread;
    g_assert_cmpint(pthread_create(&thread, NULL, write_half, &writer), ==, 0);
    const DcCaptureFileOptions options = {.stop = stop};
    GError *error = NULL;
    g_autoptr(DcSource) source = dc_capture_file_open(path, &options, &error);
    g_assert_no_error(error);
    check_frames(source, &frames, second->frames);
    must_end(source);
    g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
    (void)close(writer.fd);
    g_assert_cmpint(g_unlink(path), ==, 0);
  }
  g_assert_cmpint(g_rmdir(dir), ==, 0);
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
  g_test_add_func("/capture-file/link-types", test_link_types);
  g_test_add_func("/capture-file/filter", test_filter);
  g_test_add_func("/capture-file/no-capture", test_no_capture);
  g_test_add_func("/capture-file/damaged", test_damaged);
  g_test_add_func("/capture-file/libpcap-formats", test_libpcap_formats);
  g_test_add_func("/capture-file/random-damage", test_random_damage);
  g_test_add_func("/capture-file/stop", test_stop);
  g_test_add_func("/capture-file/open", test_open);
  return g_test_run();
}
