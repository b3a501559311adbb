/*
 * What --anonymize makes of packets and texts. Input: as fuzz_packet.c's, link type(1), bytes of the packet not
 * captured(1), the captured bytes; with 255 as link type a text of the host's state: 255, a byte, name, a newline,
 * the text. The key is always the same, so that equal inputs give equal results.
 */
#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/anonymize.h"
#include "fuzz.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 255 };

/* What the analysis looks at stays. */
static const uint32_t kept = DC_HAS_ETHERTYPE | DC_HAS_LLC | DC_HAS_ARP | DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP |
                             DC_HAS_TIMESTAMP | DC_HAS_ICMP | DC_HAS_FRAGMENT | DC_HAS_ECHO | DC_HAS_MSS;

static char *mapping;

static void forget_mapping(void)
{
  (void)g_unlink(mapping);
}

static DcAnonymizer *open_anonymizer(void)
{
  static const char text[] = "# dropcorr mapping 1: of tests\n"
                             "key 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
  if (mapping == NULL) {
    dc_hash_init();
    const int fd = g_file_open_tmp("dropcorr-fuzz-XXXXXX", &mapping, NULL);
    FUZZ_CHECK(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1 && close(fd) == 0);
    atexit(forget_mapping);
  }
  DcAnonymizer *anonymizer = dc_anonymizer_open(mapping, (uid_t)-1, (gid_t)-1, NULL);
  FUZZ_CHECK(anonymizer != NULL);
  return anonymizer;
}

static void check_packet(const DcPacket *before, const DcPacket *after)
{
  FUZZ_CHECK((before->has & kept) == (after->has & kept));
  FUZZ_CHECK(before->ethertype == after->ethertype && before->vlan_count == after->vlan_count);
  if (before->has & DC_HAS_IP) {
    FUZZ_CHECK(before->src.version == after->src.version && before->ip_protocol == after->ip_protocol);
    FUZZ_CHECK(before->ttl == after->ttl && before->tos == after->tos && before->ip_id == after->ip_id);
    FUZZ_CHECK(before->fragment_offset == after->fragment_offset && before->fragment_more == after->fragment_more);
    FUZZ_CHECK(before->ip_checksum == after->ip_checksum);
  }
  if (before->has & DC_HAS_PORTS)
    FUZZ_CHECK(before->src_port == after->src_port && before->dst_port == after->dst_port);
  if (before->has & DC_HAS_TCP) {
    FUZZ_CHECK(before->tcp_seq == after->tcp_seq && before->tcp_ack == after->tcp_ack);
    FUZZ_CHECK(before->tcp_flags == after->tcp_flags && before->tcp_window == after->tcp_window);
  }
  if (before->has & DC_HAS_ICMP)
    FUZZ_CHECK(before->icmp_type == after->icmp_type && before->icmp_code == after->icmp_code);
}

static void map_frame(DcAnonymizer *anonymizer, const uint8_t *data, size_t size)
{
  const DcLink link = (DcLink)(data[0] % (DC_LINK_UNKNOWN + 1));
  DcEvent event = {.kind = DC_EVENT_FRAME};
  event.frame = (DcFrame){
      .bytes = data + 2, .caplen = (uint32_t)size - 2, .len = (uint32_t)size - 2 + data[1], .link = (uint8_t)link};
  const DcFrame before = event.frame;
  DcPacket packet, mapped;
  dc_anonymizer_event(anonymizer, &event);
  FUZZ_CHECK(event.frame.caplen <= before.caplen && event.frame.len == before.len);
  dc_decode_packet(link, before.bytes, before.caplen, before.len, true, &packet);
  dc_decode_packet(link, event.frame.bytes, event.frame.caplen, event.frame.len, true, &mapped);
  /* What is no packet of a network anybody knows is scrambled as a whole. */
  if (packet.has & DC_HAS_ETHERTYPE)
    check_packet(&packet, &mapped);

  /* The same by the same, everywhere. */
  g_autofree uint8_t *first = g_memdup2(event.frame.bytes, event.frame.caplen);
  DcEvent again = {.kind = DC_EVENT_FRAME, .frame = before};
  dc_anonymizer_event(anonymizer, &again);
  FUZZ_CHECK(again.frame.caplen == event.frame.caplen);
  FUZZ_CHECK(again.frame.caplen == 0 || memcmp(first, again.frame.bytes, again.frame.caplen) == 0);
}

static void map_text(DcAnonymizer *anonymizer, const uint8_t *data, size_t size)
{
  const uint8_t *newline = memchr(data, '\n', size);
  if (newline == NULL)
    return;
  g_autofree char *name = g_strndup((const char *)data, (size_t)(newline - data));
  const size_t len = size - (size_t)(newline + 1 - data);
  g_autofree char *text = g_memdup2(newline + 1, len);
  DcEvent event = {.kind = DC_EVENT_SAMPLE, .sample = {.name = name, .text = text, .len = len}};
  dc_anonymizer_learn(anonymizer, &event.sample);
  dc_anonymizer_event(anonymizer, &event);
  FUZZ_CHECK(event.sample.text != NULL);
  /* An address becomes one, at most 45 characters from 2; a name "process-" and eight digits. */
  FUZZ_CHECK(event.sample.len <= 32 * len + 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 3 || size > 70000)
    return 0;
  g_autoptr(DcAnonymizer) anonymizer = open_anonymizer();
  if (data[0] == TEXT)
    map_text(anonymizer, data + 2, size - 2);
  else
    map_frame(anonymizer, data, size);
  return 0;
}
