/*
 * Every block:
 *
 *   +------------+--------------+----------------+---------------------+--------------+
 *   | type (4)   | length (4)   | body, padded   | options, padded     | length (4)   |
 *   +------------+--------------+----------------+---------------------+--------------+
 *
 * An option: code (2), length (2), value, padded to 4. All in host byte order, which the section
 * header's magic tells.
 */
#include "pcapng_write.h"

#include <string.h>

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };
enum { OPT_END = 0, OPT_COMMENT = 1 };
enum { SHB_OS = 3, SHB_APPLICATION = 4 };
enum { IF_NAME = 2, IF_DESCRIPTION = 3, IF_MAC = 6, IF_TSRESOL = 9, IF_FILTER = 11 };
enum { EPB_FLAGS = 2, EPB_PACKETID = 5 };
enum { ISB_STARTTIME = 2, ISB_ENDTIME = 3, ISB_IFRECV = 4, ISB_IFDROP = 5, ISB_OSDROP = 7 };

static void put(GByteArray *out, const void *bytes, size_t len)
{
  if (len > 0)
    g_byte_array_append(out, bytes, (guint)len);
}

static void put16(GByteArray *out, uint16_t value)
{
  put(out, &value, sizeof value);
}

static void put32(GByteArray *out, uint32_t value)
{
  put(out, &value, sizeof value);
}

static void pad(GByteArray *out)
{
  static const uint8_t zeros[4];
  put(out, zeros, (4 - out->len % 4) % 4);
}

size_t dc_pcapng_write_begin(GByteArray *out, uint32_t type)
{
  const size_t begin = out->len;
  put32(out, type);
  put32(out, 0); /* the length, known at the end */
  return begin;
}

void dc_pcapng_write_end(GByteArray *out, size_t begin)
{
  pad(out);
  const uint32_t len = (uint32_t)(out->len - begin + sizeof(uint32_t));
  put32(out, len);
  memcpy(out->data + begin + sizeof(uint32_t), &len, sizeof len);
}

static void option(GByteArray *out, uint16_t code, const void *value, size_t len)
{
  len = MIN(len, (size_t)UINT16_MAX);
  put16(out, code);
  put16(out, (uint16_t)len);
  put(out, value, len);
  pad(out);
}

static void text_option(GByteArray *out, uint16_t code, const char *text)
{
  if (text != NULL && *text != '\0')
    option(out, code, text, strlen(text));
}

static void end_options(GByteArray *out)
{
  put16(out, OPT_END);
  put16(out, 0);
}

void dc_pcapng_write_section(GByteArray *out, const char *application, const char *os, const char *comment)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_SECTION);
  const int64_t length_unknown = -1;
  put32(out, 0x1a2b3c4d);
  put16(out, 1);
  put16(out, 0);
  put(out, &length_unknown, sizeof length_unknown);
  text_option(out, SHB_OS, os);
  text_option(out, SHB_APPLICATION, application);
  text_option(out, OPT_COMMENT, comment);
  end_options(out);
  dc_pcapng_write_end(out, begin);
}

void dc_pcapng_write_interface(GByteArray *out, const DcPcapngWriteInterface *interface)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_INTERFACE);
  const uint8_t nanoseconds = 9;
  put16(out, (uint16_t)interface->dlt);
  put16(out, 0);
  put32(out, interface->snaplen);
  text_option(out, IF_NAME, interface->name);
  text_option(out, IF_DESCRIPTION, interface->description);
  if (interface->mac != NULL)
    option(out, IF_MAC, interface->mac, 6);
  option(out, IF_TSRESOL, &nanoseconds, sizeof nanoseconds);
  if (interface->filter != NULL) {
    /* The first byte says what kind: 0 is a libpcap expression. */
    g_autoptr(GString) filter = g_string_new_len("\0", 1);
    g_string_append(filter, interface->filter);
    option(out, IF_FILTER, filter->str, filter->len);
  }
  end_options(out);
  dc_pcapng_write_end(out, begin);
}

static void put_time(GByteArray *out, int64_t time_ns)
{
  const uint64_t time = (uint64_t)MAX(time_ns, 0);
  put32(out, (uint32_t)(time >> 32));
  put32(out, (uint32_t)time);
}

/*
 * epb_flags: bits 0-1 direction (1 in, 2 out), bits 2-4 reception (4: promiscuous).
 * 0 where nothing is known.
 */
static uint32_t direction_flags(DcDirection direction)
{
  switch (direction) {
  case DC_DIRECTION_IN:
    return 1;
  case DC_DIRECTION_OUT:
    return 2;
  case DC_DIRECTION_OTHER_HOST:
    return 1 | 4 << 2;
  case DC_DIRECTION_UNKNOWN:
  case DC_DIRECTION_COUNT:
    break;
  }
  return 0;
}

/* Bits 9: checksum not ready, 10: checksum valid. */
static uint32_t checksum_flags(DcChecksum checksum)
{
  switch (checksum) {
  case DC_CHECKSUM_GOOD:
    return 1u << 10;
  case DC_CHECKSUM_PARTIAL:
    return 1u << 9;
  case DC_CHECKSUM_UNKNOWN:
  case DC_CHECKSUM_BAD:
  case DC_CHECKSUM_ABSENT:
    break;
  }
  return 0;
}

void dc_pcapng_write_packet(GByteArray *out, const DcPcapngWritePacket *packet)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_PACKET);
  put32(out, packet->interface_id);
  put_time(out, packet->time_ns);
  put32(out, packet->caplen);
  put32(out, packet->len);
  put(out, packet->prefix, packet->prefix_len);
  put(out, packet->bytes, packet->caplen - packet->prefix_len);
  pad(out);
  const uint32_t flags = direction_flags(packet->direction) | checksum_flags(packet->checksum);
  if (flags != 0)
    option(out, EPB_FLAGS, &flags, sizeof flags);
  if (packet->packet_id != 0)
    option(out, EPB_PACKETID, &packet->packet_id, sizeof packet->packet_id);
  text_option(out, OPT_COMMENT, packet->comment);
  if (flags != 0 || packet->packet_id != 0 || (packet->comment != NULL && *packet->comment != '\0'))
    end_options(out);
  dc_pcapng_write_end(out, begin);
}

static void time_option(GByteArray *out, uint16_t code, int64_t time_ns)
{
  put16(out, code);
  put16(out, 8);
  put_time(out, time_ns);
}

static void count_option(GByteArray *out, uint16_t code, uint64_t count)
{
  if (count != UINT64_MAX)
    option(out, code, &count, sizeof count);
}

void dc_pcapng_write_statistics(GByteArray *out, uint32_t interface_id, int64_t time_ns, int64_t start_ns,
                                uint64_t received, uint64_t dropped_interface, uint64_t dropped_os)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_STATISTICS);
  put32(out, interface_id);
  put_time(out, time_ns);
  time_option(out, ISB_STARTTIME, start_ns);
  time_option(out, ISB_ENDTIME, time_ns);
  count_option(out, ISB_IFRECV, received);
  count_option(out, ISB_IFDROP, dropped_interface);
  count_option(out, ISB_OSDROP, dropped_os);
  end_options(out);
  dc_pcapng_write_end(out, begin);
}
