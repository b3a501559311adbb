/*
 * Classic pcap (draft-ietf-opsawg-pcap), version 2.4, microseconds and nanoseconds,
 * either byte order. All numbers are in the writer's byte order, which the magic shows.
 *
 *  file header, 24 bytes                    record header, 16 bytes
 *  +--------------------------+             +--------------------------+
 *  | magic a1b2c3d4|a1b23c4d  |             | seconds                  |
 *  | major (16) | minor (16)  |             | microseconds|nanoseconds |
 *  | zone, always 0           |             | bytes captured           |
 *  | accuracy, always 0       |             | bytes on the wire        |
 *  | snaplen                  |             +--------------------------+
 *  | fcs bits | link type     |             | bytes captured ...
 *  +--------------------------+
 */
#include "packet_file.h"

#include "dropcorr/base/word.h"

#define FILE_HEADER_LEN 24u
#define RECORD_HEADER_LEN 16u
#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS 0xa1b23c4du
#define LINKTYPE_MASK 0x03ffffffu /* above it: whether and how long a frame check sequence follows */

static DcReadStatus pcap_next_record(DcPacketFile *file, DcRecord *ret_record, GError **error)
{
  uint64_t offset = dc_input_offset(file->input);
  const uint8_t *bytes;
  size_t have = dc_input_peek(file->input, RECORD_HEADER_LEN, &bytes, error);
  if (have < RECORD_HEADER_LEN) {
    if (have == 0)
      return DC_READ_END;
    return dc_packet_file_truncated(file, "record header", offset, have, RECORD_HEADER_LEN, error);
  }
  if (have == SIZE_MAX)
    return DC_READ_ERROR;

  DcCursor cursor = dc_cursor(bytes, RECORD_HEADER_LEN);
  uint32_t seconds = dc_packet_file_u32(&cursor, file->swapped);
  uint32_t fraction = dc_packet_file_u32(&cursor, file->swapped);
  uint32_t caplen = dc_packet_file_u32(&cursor, file->swapped);
  uint32_t len = dc_packet_file_u32(&cursor, file->swapped);
  if (caplen > DC_PACKET_CAPLEN_MAX)
    return dc_packet_file_fail(
        file, DC_ERROR_FORMAT, error,
        "record %" G_GUINT64_FORMAT " at byte %" G_GUINT64_FORMAT
        " claims %u captured bytes, more than the %u any capture holds: the file is damaged from "
        "here on (copied in text mode, or two files joined?); what came before was read",
        file->packet_number + 1, offset, caplen, DC_PACKET_CAPLEN_MAX);

  size_t need = RECORD_HEADER_LEN + caplen;
  have = dc_input_peek(file->input, need, &bytes, error);
  if (have == SIZE_MAX)
    return DC_READ_ERROR;
  if (have < need)
    return dc_packet_file_truncated(file, "record", offset, have, need, error);
  cursor = dc_cursor(bytes, need);
  (void)dc_cursor_skip(&cursor, RECORD_HEADER_LEN);
  dc_input_consume(file->input, need);

  file->packet_number++;
  ret_record->kind = DC_RECORD_PACKET;
  ret_record->direction = DC_DIRECTION_UNKNOWN;
  ret_record->l4_checksum = DC_CHECKSUM_UNKNOWN;
  ret_record->interface_id = 0;
  ret_record->number = file->packet_number;
  ret_record->packet_id = 0;
  ret_record->offset = offset;
  ret_record->time_ns =
      (int64_t)seconds * DC_NS_PER_S + (file->info.nanoseconds ? (int64_t)fraction : (int64_t)fraction * DC_NS_PER_US);
  ret_record->caplen = caplen;
  ret_record->len = MAX(len, caplen);
  ret_record->bytes = dc_cursor_bytes(&cursor, caplen);
  return DC_READ_EVENT;
}

/* The bounds are checked once, for header and bytes. Damaged records are not taken here, nor is what must be read. */
bool dc_pcap_usual(DcPacketFile *file, DcEvent *event)
{
  size_t have;
  const uint8_t *record = dc_input_buffered(file->input, &have);
  if (have < RECORD_HEADER_LEN)
    return false;
  const uint32_t caplen = dc_word32(record + 8);
  if (caplen > DC_PACKET_CAPLEN_MAX || have < RECORD_HEADER_LEN + caplen)
    return false;
  dc_input_take(file->input, RECORD_HEADER_LEN + caplen);
  const int64_t time_ns =
      (int64_t)dc_word32(record) * DC_NS_PER_S + (int64_t)dc_word32(record + 4) * file->interfaces[0]->tick_ns;
  event->frame.bytes = record + RECORD_HEADER_LEN;
  dc_packet_file_tell(file, 0, time_ns, caplen, dc_word32(record + 12), event);
  return true;
}

bool dc_pcap_start(DcPacketFile *file, GError **error)
{
  const uint8_t *bytes;
  size_t have = dc_input_peek(file->input, FILE_HEADER_LEN, &bytes, error);
  if (have == SIZE_MAX)
    return false;
  if (have < FILE_HEADER_LEN) {
    (void)dc_packet_file_truncated(file, "file header", 0, have, FILE_HEADER_LEN, error);
    return false;
  }
  DcCursor cursor = dc_cursor(bytes, have);
  uint32_t magic = dc_cursor_host32(&cursor);
  file->swapped = magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS;
  if (file->swapped)
    magic = GUINT32_SWAP_LE_BE(magic);
  uint16_t major = dc_packet_file_u16(&cursor, file->swapped);
  uint16_t minor = dc_packet_file_u16(&cursor, file->swapped);
  if (major != 2 || minor != 4)
    return dc_libpcap_start(file, error); /* older writers swapped the lengths: libpcap knows which */
  (void)dc_cursor_skip(&cursor, 8);
  uint32_t snaplen = dc_packet_file_u32(&cursor, file->swapped);
  uint32_t linktype = dc_packet_file_u32(&cursor, file->swapped);
  dc_input_consume(file->input, FILE_HEADER_LEN);

  file->info.format = "pcap";
  file->info.nanoseconds = magic == MAGIC_NANOSECONDS;
  file->next = pcap_next_record;
  DcPacketInterface *interface = g_new0(DcPacketInterface, 1);
  interface->ts_exponent = file->info.nanoseconds ? 9 : 6;
  interface->public.dlt = dc_packet_file_dlt(linktype & LINKTYPE_MASK);
  interface->public.snaplen = snaplen;
  (void)dc_packet_file_add_interface(file, interface);
  if (!file->swapped && interface->tick_ns != 0)
    file->usual = DC_USUAL_PCAP;
  return true;
}
