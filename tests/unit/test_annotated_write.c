/* Annotated captures read back by the project's own reader and by libpcap, which is strict about link types. */
#include "dropcorr/source/annotated_write.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/evidence_fields.h"
#include "packet_builder.h"
#include "scratch.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <unistd.h>

#define T0 INT64_C(1795168317154238001)

static const DcCaptureInterface ethernet = {
    .name = "eth0", .link = DC_LINK_ETHERNET, .dlt = DLT_EN10MB, .snaplen = 256};
static const DcCaptureInterface second = {.name = "eth1", .link = DC_LINK_ETHERNET, .dlt = DLT_EN10MB, .snaplen = 96};
static const DcCaptureInterface kdrop = {.name = "kdrop", .link = DC_LINK_ETHERNET, .dlt = DLT_EN10MB, .snaplen = 256};
static const DcCaptureInterface cooked = {.name = "any", .link = DC_LINK_SLL2, .dlt = DLT_LINUX_SLL2, .snaplen = 256};
static const DcCaptureInterface tunnel = {.name = "tun0", .link = DC_LINK_RAW, .dlt = DLT_RAW, .snaplen = 0};
static const DcCaptureInterface tunnel2 = {.name = "tun1", .link = DC_LINK_RAW, .dlt = DLT_RAW, .snaplen = 0};
static const DcCaptureInterface foreign = {.name = "usb0", .link = DC_LINK_UNKNOWN, .dlt = DLT_USB_LINUX};

static const DcEvidenceMeta meta = {.interface = "eth0", .drop_mode = "NET_DM pcap", .run = DC_FIELD_RUN_SAVED};

typedef struct {
  char *base, *path;
  int fd;
  DcAnnotated *file;
} Place;

static Place place_new(const DcCaptureInterface *const *interfaces, size_t count)
{
  Place place = {.base = scratch_new()};
  place.path = g_build_filename(place.base, "a.pcapng", NULL);
  place.fd = open(place.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint(place.fd, >=, 0);
  g_autoptr(GError) error = NULL;
  const DcAnnotatedOptions options = {.meta = &meta,
                                      .interfaces = interfaces,
                                      .interface_count = count,
                                      .os = "Linux 6.1",
                                      .comment = "dropcorr: three lost",
                                      .start_ns = T0};
  place.file = dc_annotated_new(place.fd, place.path, &options, &error);
  g_assert_no_error(error);
  return place;
}

static void place_clear(Place *place)
{
  dc_annotated_free(place->file);
  close(place->fd);
  scratch_remove(place->base);
  g_free(place->base);
  g_free(place->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static void put_frame(Place *place, uint64_t number, uint32_t interface_id, DcLink link, const uint8_t *bytes,
                      uint32_t len, DcDirection direction, const char *comment)
{
  g_autoptr(GError) error = NULL;
  const DcFrame frame = {.number = number,
                         .time_ns = T0 + (int64_t)number,
                         .caplen = len,
                         .len = len + 100,
                         .bytes = bytes,
                         .link = (uint8_t)link,
                         .interface_id = interface_id};
  g_assert_true(dc_annotated_frame(place->file, &frame, direction, comment, &error));
  g_assert_no_error(error);
}

static void finish(Place *place)
{
  g_autoptr(GError) error = NULL;
  g_assert_true(dc_annotated_finish(place->file, &error));
  g_assert_no_error(error);
}

static bool holds(const Place *place, const char *text)
{
  g_autofree char *bytes = NULL;
  gsize len = 0;
  g_assert_true(g_file_get_contents(place->path, &bytes, &len, NULL));
  return memmem(bytes, len, text, strlen(text)) != NULL;
}

/* How many packets libpcap finds, all of the file's one link type. */
static int count_with_libpcap(const Place *place, int dlt)
{
  char message[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = pcap_open_offline_with_tstamp_precision(place->path, PCAP_TSTAMP_PRECISION_NANO, message);
  if (pcap == NULL)
    g_error("%s", message);
  g_assert_cmpint(pcap_datalink(pcap), ==, dlt);
  struct pcap_pkthdr *header;
  const u_char *bytes;
  int count = 0, status;
  while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1)
    count++;
  if (status != PCAP_ERROR_BREAK)
    g_error("%s", pcap_geterr(pcap));
  pcap_close(pcap);
  return count;
}

static DcSource *must_open(const Place *place)
{
  g_autoptr(GError) error = NULL;
  DcSource *source = dc_capture_file_open(place->path, &(DcCaptureFileOptions){.filter = NULL}, &error);
  g_assert_no_error(error);
  return source;
}

static void must_frame(DcSource *source, uint64_t number, DcDirection direction, const uint8_t *bytes, uint32_t len)
{
  DcEvent event;
  g_autoptr(GError) error = NULL;
  const DcReadStatus status = dc_source_next(source, &event, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, DC_READ_EVENT);
  g_assert_cmpint(event.kind, ==, DC_EVENT_FRAME);
  g_assert_cmpuint(event.frame.number, ==, number);
  g_assert_cmpint(event.frame.time_ns, ==, T0 + (int64_t)number);
  g_assert_cmpint(event.frame.direction, ==, direction);
  g_assert_cmpuint(event.frame.len, ==, len + 100);
  if (bytes != NULL) {
    g_assert_cmpuint(event.frame.caplen, ==, len);
    g_assert_cmpint(memcmp(event.frame.bytes, bytes, len), ==, 0);
  }
}

static void test_frames(void)
{
  const DcCaptureInterface *const interfaces[] = {&foreign, &ethernet, &kdrop, &second};
  g_auto(Place) place = place_new(interfaces, G_N_ELEMENTS(interfaces));
  const Packet packet = udp_packet(&(Spec){.sport = 1, .dport = 2});
  put_frame(&place, 1, 1, DC_LINK_ETHERNET, packet.bytes, packet.len, DC_DIRECTION_IN, "dropcorr: answered");
  put_frame(&place, 2, 1, DC_LINK_ETHERNET, packet.bytes, packet.len, DC_DIRECTION_OUT, NULL);
  put_frame(&place, 3, 0, DC_LINK_UNKNOWN, packet.bytes, packet.len, DC_DIRECTION_IN, "dropcorr: never");
  put_frame(&place, 9, 3, DC_LINK_ETHERNET, packet.bytes, packet.len, DC_DIRECTION_OTHER_HOST, "dropcorr: odd \"é\"");
  finish(&place);
  g_assert_cmpint(count_with_libpcap(&place, DLT_EN10MB), ==, 3);
  g_assert_true(holds(&place, "dropcorr: answered"));
  g_assert_true(holds(&place, "dropcorr: odd \"é\""));
  g_assert_false(holds(&place, "dropcorr: never"));

  g_autoptr(DcSource) source = must_open(&place);
  must_frame(source, 1, DC_DIRECTION_IN, packet.bytes, packet.len);
  must_frame(source, 2, DC_DIRECTION_OUT, packet.bytes, packet.len);
  must_frame(source, 9, DC_DIRECTION_OTHER_HOST, packet.bytes, packet.len);
  const DcCaptureFileInfo *info = dc_capture_file_info(source);
  g_assert_true(info->is_evidence);
  g_assert_cmpstr(info->comment, ==, "dropcorr: three lost");
  g_assert_cmpstr(info->os, ==, "Linux 6.1");
  g_assert_cmpuint(info->interface_count, ==, 3);
  g_assert_cmpstr(dc_capture_file_interface(source, 1)->name, ==, "eth1");
  g_assert_cmpuint(dc_capture_file_interface(source, 1)->snaplen, ==, 256); /* one for all */
  g_assert_cmpstr(dc_capture_file_evidence(source)->run, ==, "saved");
  g_assert_cmpstr(dc_capture_file_evidence(source)->drop_mode, ==, "NET_DM pcap");
}

/* What libpcap refuses as it is. */
static void test_unlike_links(void)
{
  const DcCaptureInterface *const interfaces[] = {&ethernet, &cooked, &tunnel};
  g_auto(Place) place = place_new(interfaces, G_N_ELEMENTS(interfaces));
  const Packet packet = udp_packet(&(Spec){.sport = 1, .dport = 2});
  uint8_t sll2[20 + sizeof packet.bytes] = {0x08, 0x00, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1};
  memcpy(sll2 + 20, packet.bytes + 14, packet.len - 14);
  put_frame(&place, 1, 0, DC_LINK_ETHERNET, packet.bytes, packet.len, DC_DIRECTION_IN, "dropcorr: answered");
  put_frame(&place, 2, 1, DC_LINK_SLL2, sll2, packet.len + 6, DC_DIRECTION_OUT, NULL);
  put_frame(&place, 3, 2, DC_LINK_RAW, packet.bytes + 14, packet.len - 14, DC_DIRECTION_IN, "dropcorr: answered");
  put_frame(&place, 4, 0, DC_LINK_ETHERNET, packet.bytes, 5, DC_DIRECTION_IN, NULL); /* cut within its header */
  finish(&place);
  g_assert_cmpint(count_with_libpcap(&place, DLT_LINUX_SLL2), ==, 4);

  g_autoptr(DcSource) source = must_open(&place);
  for (uint64_t number = 1; number <= 3; number++) {
    DcEvent event;
    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpuint(event.frame.number, ==, number);
    DcPacket decoded;
    dc_decode_packet((DcLink)event.frame.link, event.frame.bytes, event.frame.caplen, event.frame.len, true, &decoded);
    g_assert_cmpint(decoded.ethertype, ==, 0x0800);
    g_assert_true(decoded.has & DC_HAS_PORTS);
    g_assert_cmpuint(decoded.src_port, ==, 1);
    g_assert_cmpuint(decoded.dst_port, ==, 2);
    g_assert_cmpuint(decoded.l3_offset, ==, 20);
    g_assert_cmpint(decoded.l4_checksum, ==, DC_CHECKSUM_GOOD);
    g_assert_cmpuint(decoded.pkttype, ==, number == 2 ? 4 : 0);
  }
}

static void test_raw_keeps_its_number(void)
{
  const DcCaptureInterface *const interfaces[] = {&tunnel};
  g_auto(Place) place = place_new(interfaces, 1);
  const Packet packet = udp_packet(&(Spec){.sport = 1, .dport = 2});
  put_frame(&place, 1, 0, DC_LINK_RAW, packet.bytes + 14, packet.len - 14, DC_DIRECTION_IN, NULL);
  finish(&place);
  g_assert_cmpint(count_with_libpcap(&place, DLT_RAW), ==, 1);
  g_autofree char *bytes = NULL;
  gsize len = 0;
  g_assert_true(g_file_get_contents(place.path, &bytes, &len, NULL));
  uint32_t section_len;
  memcpy(&section_len, bytes + 4, sizeof section_len);
  uint16_t linktype;
  memcpy(&linktype, bytes + section_len + 8, sizeof linktype);
  g_assert_cmpuint(linktype, ==, 101); /* LINKTYPE_RAW: Linux's own 12 means something else elsewhere */
}

/* libpcap takes two interfaces of that type for unlike ones. */
static void test_two_raw_interfaces(void)
{
  const DcCaptureInterface *const interfaces[] = {&tunnel, &tunnel2};
  g_auto(Place) place = place_new(interfaces, 2);
  const Packet packet = udp_packet(&(Spec){.sport = 1, .dport = 2});
  put_frame(&place, 1, 0, DC_LINK_RAW, packet.bytes + 14, packet.len - 14, DC_DIRECTION_IN, NULL);
  put_frame(&place, 2, 1, DC_LINK_RAW, packet.bytes + 14, packet.len - 14, DC_DIRECTION_IN, NULL);
  finish(&place);
  g_assert_cmpint(count_with_libpcap(&place, DLT_LINUX_SLL2), ==, 2);
}

static void test_drops_samples_losses(void)
{
  const DcCaptureInterface *const interfaces[] = {&ethernet};
  g_auto(Place) place = place_new(interfaces, 1);
  const Packet packet = udp_packet(&(Spec){.sport = 1, .dport = 2});
  g_autoptr(GError) error = NULL;
  DcDrop drop = {.number = 1,
                 .time_ns = T0 + 5,
                 .kind = DC_DROP_NETDM_PACKET,
                 .reason = "NO_SOCKET",
                 .symbol = "tcp_v4_rcv",
                 .protocol = 0x0800,
                 .count = 1,
                 .caplen = packet.len,
                 .orig_len = packet.len,
                 .bytes = packet.bytes,
                 .link = DC_LINK_ETHERNET};
  const DcAnnotatedDrop matched = {
      .status = "matched", .cause = "no-socket", .match = "exact", .frame = 12, .comment = "dropcorr: not shown"};
  const DcAnnotatedDrop alone = {.status = "unmatched", .cause = "no-socket", .comment = "dropcorr: drop unmatched"};
  g_assert_true(dc_annotated_drop(place.file, &drop, &matched, &error));
  drop.number = 2;
  g_assert_true(dc_annotated_drop(place.file, &drop, &alone, &error));
  drop = (DcDrop){.number = 3, .time_ns = DC_TIME_NONE, .protocol = -1, .count = 7, .location = "ip_rcv+cf"};
  g_assert_true(dc_annotated_drop(place.file, &drop, &alone, &error));
  const DcSample sample = {
      .time_ns = DC_TIME_NONE, .phase = DC_PHASE_BEFORE, .name = "snmp", .text = "Udp: NoPorts\nUdp: 1\n", .len = 20};
  g_assert_true(dc_annotated_sample(place.file, &sample, &error));
  const DcLoss loss = {.kind = DC_LOSS_CAPTURE, .count = 4, .from_ns = DC_TIME_NONE, .to_ns = DC_TIME_NONE};
  g_assert_true(dc_annotated_loss(place.file, &loss, &error));
  g_assert_no_error(error);
  finish(&place);
  g_assert_cmpint(count_with_libpcap(&place, DLT_EN10MB), ==, 1); /* the one without a frame */
  g_assert_true(holds(&place, "dropcorr: drop unmatched"));
  g_assert_false(holds(&place, "dropcorr: not shown"));
  g_assert_true(
      holds(&place, "\nDROPCORR_STATUS=matched\nDROPCORR_CAUSE=no-socket\nDROPCORR_MATCH=exact\nDROPCORR_FRAME=12\n"));

  g_autoptr(DcSource) source = must_open(&place);
  static const DcEventKind kinds[] = {DC_EVENT_DROP, DC_EVENT_DROP, DC_EVENT_DROP, DC_EVENT_SAMPLE, DC_EVENT_LOSS};
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
    DcEvent event;
    g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_EVENT);
    g_assert_no_error(error);
    g_assert_cmpint(event.kind, ==, kinds[i]);
    if (i == 1)
      g_assert_cmpint(memcmp(event.drop.bytes, packet.bytes, packet.len), ==, 0);
    if (i == 2)
      g_assert_cmpint(event.drop.time_ns, ==, DC_TIME_NONE);
    if (i == 3)
      g_assert_cmpint(event.sample.phase, ==, DC_PHASE_BEFORE);
    if (i == 4)
      g_assert_cmpuint(event.loss.count, ==, 4);
  }
  DcEvent event;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
  g_assert_no_error(error);
  g_assert_cmpuint(source->skipped, ==, 0);
}

/* What is known of a checksum goes with the packet whose payload is gone. */
static void test_checksums(void)
{
  static const DcChecksum checksums[] = {DC_CHECKSUM_GOOD, DC_CHECKSUM_BAD, DC_CHECKSUM_PARTIAL, DC_CHECKSUM_UNKNOWN,
                                         DC_CHECKSUM_BAD};
  const DcCaptureInterface *const interfaces[] = {&ethernet};
  g_auto(Place) place = place_new(interfaces, 1);
  const Packet packet = udp_packet(&(Spec){.sport = 1, .dport = 2});
  for (size_t i = 0; i < G_N_ELEMENTS(checksums); i++) {
    const DcFrame frame = {.number = 10 + i,
                           .time_ns = T0,
                           .caplen = packet.len,
                           .len = packet.len + 100,
                           .bytes = packet.bytes,
                           .link = DC_LINK_ETHERNET,
                           .l4_checksum = (uint8_t)checksums[i]};
    g_assert_true(dc_annotated_frame(place.file, &frame, DC_DIRECTION_IN, NULL, NULL));
    const DcDrop drop = {.number = 1 + i,
                         .time_ns = T0,
                         .protocol = 0x0800,
                         .count = 1,
                         .caplen = packet.len,
                         .orig_len = packet.len + 100,
                         .bytes = packet.bytes,
                         .link = DC_LINK_ETHERNET,
                         .l4_checksum = (uint8_t)checksums[i]};
    g_assert_true(dc_annotated_drop(place.file, &drop, &(DcAnnotatedDrop){.frame = 10 + i}, NULL));
  }
  finish(&place);
  g_autoptr(DcSource) source = must_open(&place);
  for (size_t i = 0; i < G_N_ELEMENTS(checksums); i++) {
    DcEvent event;
    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_FRAME);
    g_assert_cmpint(event.frame.l4_checksum, ==, checksums[i]);
    g_assert_cmpint(event.frame.direction, ==, DC_DIRECTION_IN);
    g_assert_cmpint(dc_source_next(source, &event, NULL), ==, DC_READ_EVENT);
    g_assert_cmpint(event.kind, ==, DC_EVENT_DROP);
    g_assert_cmpint(event.drop.l4_checksum, ==, checksums[i]);
  }
}

static void test_nothing_captured(void)
{
  g_auto(Place) place = place_new(NULL, 0);
  finish(&place);
  g_assert_cmpint(count_with_libpcap(&place, DLT_EN10MB), ==, 0);
}

static void test_no_room(void)
{
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0) {
    g_test_skip("no /dev/full");
    return;
  }
  g_autoptr(GError) error = NULL;
  const DcAnnotatedOptions options = {.meta = &meta, .comment = "x"};
  g_assert_null(dc_annotated_new(full, "full.pcapng", &options, &error));
  g_assert_true(g_str_has_prefix(error->message, "full.pcapng: No space left"));
  close(full);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  dc_hash_init();
  g_test_add_func("/annotated/frames", test_frames);
  g_test_add_func("/annotated/unlike-links", test_unlike_links);
  g_test_add_func("/annotated/raw-keeps-its-number", test_raw_keeps_its_number);
  g_test_add_func("/annotated/two-raw-interfaces", test_two_raw_interfaces);
  g_test_add_func("/annotated/drops-samples-losses", test_drops_samples_losses);
  g_test_add_func("/annotated/checksums", test_checksums);
  g_test_add_func("/annotated/nothing-captured", test_nothing_captured);
  g_test_add_func("/annotated/no-room", test_no_room);
  return g_test_run();
}
