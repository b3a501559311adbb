#include "packet_file.h"

#include "dropcorr/decode/packet.h"

#include <stdarg.h>
#include <string.h>

/* First bytes by which a file that cannot be read here tells what it is. */
typedef struct {
  const char *bytes;
  size_t len;
  const char *what;
  const char *command; /* prints it as a capture, given the file's name; NULL: editcap converts it */
} Magic;

#define MAGIC(bytes, what, command)        \
  {                                        \
    bytes, sizeof bytes - 1, what, command \
  }

static const Magic magics[] = {
    MAGIC("\x1f\x8b", "compressed with gzip", "zcat"),
    MAGIC("\x28\xb5\x2f\xfd", "compressed with zstd", "zstdcat"),
    MAGIC("\xfd\x37\x7a\x58\x5a", "compressed with xz", "xzcat"),
    MAGIC("BZh", "compressed with bzip2", "bzcat"),
    MAGIC("\x04\x22\x4d\x18", "compressed with lz4", "lz4cat"),
    MAGIC("PK\x03\x04", "a zip archive", "unzip -p"),
    MAGIC("snoop\0\0\0", "a Solaris snoop capture", NULL),
    MAGIC("GMBU", "a Microsoft Network Monitor capture", NULL),
    MAGIC("TRSNIFF data", "a Network General Sniffer capture", NULL),
    MAGIC("XCP\0", "a Network Instruments capture", NULL),
};

static bool is_text(const uint8_t *head, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (head[i] < 0x20 && head[i] != '\n' && head[i] != '\r' && head[i] != '\t' && head[i] != 0x1b)
      return false;
  }
  return len > 0;
}

char *dc_packet_file_guess(const char *name, const uint8_t *head, size_t len)
{
  for (size_t i = 0; i < G_N_ELEMENTS(magics); i++) {
    if (len < magics[i].len || memcmp(head, magics[i].bytes, magics[i].len) != 0)
      continue;
    if (magics[i].command == NULL)
      return g_strdup_printf("is %s, not pcap or pcapng: convert it with editcap -F pcapng %s new.pcapng",
                             magics[i].what, name);
    return g_strdup_printf("is %s, not pcap or pcapng: %s %s | dropcorr -r - (a drop log: --drops -)", magics[i].what,
                           magics[i].command, name);
  }
  if (is_text(head, len))
    return g_strdup(
        "is text, not pcap or pcapng: save packets with tcpdump -w FILE (what tcpdump prints cannot be read "
        "back)");
  g_autoptr(GString) magic = g_string_new(NULL);
  for (size_t i = 0; i < MIN(len, 4); i++)
    g_string_append_printf(magic, "%s%02x", i > 0 ? " " : "", head[i]);
  return g_strdup_printf(
      "is neither pcap nor pcapng: starts with bytes %s; save it with tcpdump -w, or convert it with "
      "editcap -F pcapng",
      magic->str);
}

DcReadStatus dc_packet_file_fail(DcPacketFile *file, DcErrorCode code, GError **error, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error(error, DC_ERROR, (gint)code, "%s: %s", dc_input_name(file->input), text);
  return DC_READ_ERROR;
}

DcReadStatus dc_packet_file_truncated(DcPacketFile *file, const char *what, uint64_t offset, uint64_t have,
                                      uint64_t need, GError **error)
{
  return dc_packet_file_fail(file, DC_ERROR_TRUNCATED, error,
                             "ends in the middle of a %s: at byte %" G_GUINT64_FORMAT " there are %" G_GUINT64_FORMAT
                             " of its %" G_GUINT64_FORMAT " bytes, after %" G_GUINT64_FORMAT
                             " whole packets; the writer was cut off or is still writing (tcpdump -U writes every "
                             "packet at once)",
                             what, offset, have, need, file->packet_number);
}

/*
 * LINKTYPE_ numbers equal DLT_ numbers except where operating systems disagreed about the
 * DLT_ number (pcap-common.c of libpcap); these are Linux's.
 */
int dc_packet_file_dlt(uint32_t linktype)
{
  static const struct {
    uint32_t linktype;
    int dlt;
  } unequal[] = {
      {100, DLT_ATM_RFC1483}, {101, DLT_RAW}, {102, DLT_SLIP_BSDOS}, {103, DLT_PPP_BSDOS}, {106, DLT_ATM_CLIP}};
  for (size_t i = 0; i < G_N_ELEMENTS(unequal); i++) {
    if (unequal[i].linktype == linktype)
      return unequal[i].dlt;
  }
  return linktype <= INT32_MAX ? (int)linktype : -1;
}

char *dc_packet_file_dlt_text(int dlt)
{
  const char *description = pcap_datalink_val_to_description(dlt);
  if (description != NULL)
    return g_strdup_printf("%s (DLT %d)", description, dlt);
  return g_strdup_printf("unknown link type (DLT %d)", dlt);
}

bool dc_packet_file_head_has_dlt(const uint8_t *head, size_t len, int dlt)
{
  DcCursor cursor = dc_cursor(head, len);
  uint32_t magic = dc_cursor_host32(&cursor);
  if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d || magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1) {
    (void)dc_cursor_skip(&cursor, 16);
    uint32_t linktype = dc_packet_file_u32(&cursor, magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1);
    return cursor.ok && dc_packet_file_dlt(linktype & 0x03ffffff) == dlt;
  }
  if (magic != 0x0a0d0d0a)
    return false;
  DcCursor order = cursor;
  (void)dc_cursor_skip(&order, 4);
  bool swapped = dc_cursor_host32(&order) != 0x1a2b3c4d;
  cursor = dc_cursor(head, len);
  while (cursor.ok && dc_cursor_left(&cursor) >= 12) {
    uint32_t type = dc_packet_file_u32(&cursor, swapped);
    uint32_t total_len = dc_packet_file_u32(&cursor, swapped);
    DcCursor body = cursor;
    if (type == 1 && dc_packet_file_dlt(dc_packet_file_u16(&body, swapped)) == dlt)
      return true;
    if (total_len < 12)
      return false;
    (void)dc_cursor_skip(&cursor, (size_t)total_len - 8);
  }
  return false;
}

uint32_t dc_packet_file_add_interface(DcPacketFile *file, DcPacketInterface *interface)
{
  interface->public.name = interface->name;
  interface->public.filter = interface->filter;
  interface->public.link = (uint8_t)dc_link_from_dlt(interface->public.dlt);
  if (interface->public.link != DC_LINK_UNKNOWN && !interface->ts_base_two && interface->ts_exponent <= 9 &&
      interface->ts_offset_s == 0) {
    interface->tick_ns = 1;
    for (int exponent = interface->ts_exponent; exponent < 9; exponent++)
      interface->tick_ns *= 10;
  }
  file->interfaces = g_renew(DcPacketInterface *, file->interfaces, file->interface_count + 1);
  file->interfaces[file->interface_count] = interface;
  file->info.interface_count = file->interface_count + 1;
  return (uint32_t)file->interface_count++;
}

static bool start(DcPacketFile *file, GError **error)
{
  const uint8_t *head;
  size_t have = dc_input_peek(file->input, 64, &head, error);
  if (have == SIZE_MAX)
    return false;
  if (have == 0) {
    (void)dc_packet_file_fail(
        file, DC_ERROR_FORMAT, error,
        "is empty (0 bytes): nothing was captured, or the writer had not flushed yet (tcpdump -U)");
    return false;
  }
  if (have < 4) {
    (void)dc_packet_file_truncated(file, "file header", 0, have, 24, error);
    return false;
  }
  DcCursor cursor = dc_cursor(head, have);
  switch (dc_cursor_be32(&cursor)) {
  case 0xa1b2c3d4:
  case 0xd4c3b2a1:
  case 0xa1b23c4d:
  case 0x4d3cb2a1:
    return dc_pcap_start(file, error);
  case 0x0a0d0d0a:
    return dc_pcapng_start(file, error);
  default:
    return dc_libpcap_start(file, error);
  }
}

DcPacketFile *dc_packet_file_open(DcInput *input, GError **error)
{
  g_autoptr(DcPacketFile) file = g_new0(DcPacketFile, 1);
  file->input = input;
  return start(file, error) ? g_steal_pointer(&file) : NULL;
}

bool dc_packet_file_prepare(DcPacketFile *file, GError **error)
{
  return file->prepare == NULL || file->prepare(file, error);
}

DcReadStatus dc_packet_file_next(DcPacketFile *file, DcRecord *ret_record, GError **error)
{
  if (G_UNLIKELY(file->ended))
    return DC_READ_END;
  GError *failure = NULL;
  DcReadStatus status = file->next(file, ret_record, &failure);
  if (G_UNLIKELY(failure != NULL)) {
    /* The user ended the run while a pipe was in the middle of a record: nothing is wrong with it. */
    if (dc_input_stopped(file->input) && g_error_matches(failure, DC_ERROR, DC_ERROR_TRUNCATED)) {
      g_clear_error(&failure);
      status = DC_READ_END;
    } else {
      g_propagate_error(error, failure);
    }
  }
  file->ended = status != DC_READ_EVENT;
  return status;
}

static void interface_free(DcPacketInterface *interface)
{
  g_free(interface->name);
  g_free(interface->filter);
  g_free(interface);
}

void dc_packet_file_free(DcPacketFile *file)
{
  if (file == NULL)
    return;
  if (file->pcap != NULL)
    pcap_close(file->pcap);
  for (size_t i = 0; i < file->interface_count; i++)
    interface_free(file->interfaces[i]);
  g_free(file->interfaces);
  if (file->section_interfaces != NULL)
    g_array_unref(file->section_interfaces);
  if (file->known_interfaces != NULL)
    g_hash_table_unref(file->known_interfaces);
  /* The strings of info are const for its readers and owned here. */
  g_free((char *)file->info.hardware);
  g_free((char *)file->info.os);
  g_free((char *)file->info.application);
  g_free((char *)file->info.comment);
  dc_input_free(file->input);
  g_free(file);
}
