/* The own block reader against libpcap, over every capture of the golden cases and samples that libpcap opens. */
#include "../../src/source/packet_file.h"

#include <string.h>

typedef struct {
  uint32_t compared, refused;
} Tally;

/* libpcap reads all of it, or stops at an error: until there both give the same packets. */
static void compare(const char *path, Tally *tally)
{
  char text[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
  if (pcap == NULL) {
    tally->refused++;
    return;
  }
  g_autoptr(GError) error = NULL;
  DcInput *input = dc_input_open(path, &error);
  g_assert_no_error(error);
  g_autoptr(DcPacketFile) file = dc_packet_file_open(input, &error);
  g_assert_no_error(error);
  uint64_t packets = 0;
  struct pcap_pkthdr *header;
  const u_char *bytes;
  int status;
  while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1) {
    DcRecord record;
    do {
      g_assert_cmpint(dc_packet_file_next(file, &record, &error), ==, DC_READ_EVENT);
    } while (record.kind != DC_RECORD_PACKET);
    g_assert_cmpuint(record.number, ==, ++packets);
    g_assert_cmpint(record.time_ns, ==, (int64_t)header->ts.tv_sec * DC_NS_PER_S + header->ts.tv_usec);
    g_assert_cmpuint(record.caplen, ==, header->caplen);
    g_assert_cmpuint(record.len, ==, header->len);
    g_assert_true(memcmp(record.bytes, bytes, header->caplen) == 0);
    g_assert_cmpint(file->interfaces[record.interface_id]->public.dlt, ==, pcap_datalink(pcap));
  }
  DcRecord record;
  DcReadStatus end = DC_READ_EVENT;
  while (status == PCAP_ERROR_BREAK && end == DC_READ_EVENT) {
    end = dc_packet_file_next(file, &record, &error);
    g_assert_true(end != DC_READ_EVENT || record.kind != DC_RECORD_PACKET);
  }
  g_assert_true(status != PCAP_ERROR_BREAK || end == DC_READ_END);
  g_test_message("%s: %" G_GUINT64_FORMAT " packets", path, packets);
  pcap_close(pcap);
  tally->compared++;
}

static void walk(const char *folder, Tally *tally)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
      walk(path, tally);
    else if (g_str_has_suffix(name, ".pcap") || g_str_has_suffix(name, ".pcapng"))
      compare(path, tally);
  }
}

static void test_all(void)
{
  Tally tally = {0};
  walk(GOLDEN_DIR, &tally);
  walk(SAMPLES_DIR, &tally);
  g_test_message("%u captures compared, %u that libpcap does not open", tally.compared, tally.refused);
  g_assert_cmpuint(tally.compared, >, 20);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/capture-differential/all", test_all);
  return g_test_run();
}
