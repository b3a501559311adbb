/*
 * Formats that only libpcap knows (modified pcap of old Linux distributions, pcap before
 * version 2.4): libpcap reads them through the same input.
 */
#include "packet_file.h"

#include <stdio.h>
#include <string.h>

static ssize_t cookie_read(void *cookie, char *buffer, size_t size)
{
  DcInput *input = cookie;
  const uint8_t *bytes;
  size_t have = dc_input_peek(input, MIN(size, DC_INPUT_WINDOW), &bytes, NULL);
  if (have == SIZE_MAX)
    return -1;
  memcpy(buffer, bytes, have);
  dc_input_consume(input, have);
  return (ssize_t)have;
}

static DcReadStatus libpcap_next_record(DcPacketFile *file, DcRecord *ret_record, GError **error)
{
  struct pcap_pkthdr *header;
  const u_char *bytes;
  int status = pcap_next_ex(file->pcap, &header, &bytes);
  if (status == PCAP_ERROR_BREAK)
    return DC_READ_END;
  if (status != 1) {
    /* pcap_next_ex() has one code for all failures; its text tells a cut-off file from a damaged one. */
    const char *text = pcap_geterr(file->pcap);
    bool truncated = g_str_has_prefix(text, "truncated");
    return dc_packet_file_fail(file, truncated ? DC_ERROR_TRUNCATED : DC_ERROR_FORMAT, error,
                               "record %" G_GUINT64_FORMAT " (read by libpcap): %s; what came before was read",
                               file->packet_number + 1, text);
  }
  if (header->ts.tv_usec < 0)
    header->ts.tv_usec = 0;
  file->packet_number++;
  ret_record->kind = DC_RECORD_PACKET;
  ret_record->direction = DC_DIRECTION_UNKNOWN;
  ret_record->l4_checksum = DC_CHECKSUM_UNKNOWN;
  ret_record->interface_id = 0;
  ret_record->number = file->packet_number;
  ret_record->packet_id = 0;
  ret_record->offset = dc_input_offset(file->input); /* of what stdio has buffered: near enough for a message */
  ret_record->time_ns = (int64_t)(uint32_t)header->ts.tv_sec * DC_NS_PER_S + header->ts.tv_usec;
  ret_record->caplen = header->caplen;
  ret_record->len = MAX(header->len, header->caplen);
  ret_record->bytes = bytes;
  return DC_READ_EVENT;
}

bool dc_libpcap_start(DcPacketFile *file, GError **error)
{
  FILE *stream = fopencookie(file->input, "rb", (cookie_io_functions_t){.read = cookie_read});
  if (stream == NULL) {
    (void)dc_packet_file_fail(file, DC_ERROR_IO, error, "cannot hand the file to libpcap: out of memory");
    return false;
  }
  char text[PCAP_ERRBUF_SIZE] = "";
  /* The first bytes are needed for the message, and libpcap consumes them. */
  const uint8_t *head;
  size_t have = dc_input_peek(file->input, 64, &head, error);
  if (have == SIZE_MAX) {
    (void)fclose(stream);
    return false;
  }
  g_autofree char *guess = dc_packet_file_guess(dc_input_name(file->input), head, have);
  file->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, text);
  if (file->pcap == NULL) {
    (void)fclose(stream);
    (void)dc_packet_file_fail(file, DC_ERROR_FORMAT, error, "%s (libpcap: %s)", guess, text);
    return false;
  }
  file->info.format = "pcap";
  file->next = libpcap_next_record;
  DcPacketInterface *interface = g_new0(DcPacketInterface, 1);
  interface->public.dlt = pcap_datalink(file->pcap);
  interface->public.snaplen = (uint32_t)pcap_snapshot(file->pcap);
  (void)dc_packet_file_add_interface(file, interface);
  return true;
}
