/*
 * pcapng (draft-ietf-opsawg-pcapng): a file of sections, each in its own byte order, each
 * a sequence of blocks. All kinds of blocks have one frame, so that unknown ones are skipped:
 *
 *  +-----------------------+
 *  | block type            |   0a0d0d0a section, 1 interface, 6 packet, 3 simple packet,
 *  | total length          |   2 packet of old, 5 interface statistics, 9 journal entry
 *  | body, padded to 32 bit|
 *  | options:              |
 *  |  code (16) | len (16) |
 *  |  value, padded        |
 *  | total length again    |
 *  +-----------------------+
 */
#include "packet_file.h"

#include "dropcorr/base/word.h"

enum {
  BLOCK_INTERFACE = 1,
  BLOCK_OLD_PACKET = 2,
  BLOCK_SIMPLE_PACKET = 3,
  BLOCK_NAME_RESOLUTION = 4,
  BLOCK_STATISTICS = 5,
  BLOCK_PACKET = 6,
  BLOCK_JOURNAL = 9,
  BLOCK_SECRETS = 10,
  BLOCK_SECTION = 0x0a0d0d0a
};

enum { PACKET_FLAGS = 2, PACKET_ID = 5, STATISTICS_IFDROP = 5, STATISTICS_OSDROP = 7 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define BLOCK_LEN_MIN 12u

typedef enum {
  STEP_SKIPPED, /* a block that gives no record was read */
  STEP_RECORD,
  STEP_HELD, /* the next block gives a record, and only descriptions were wanted */
  STEP_END,
  STEP_ERROR
} Step;

typedef struct {
  uint64_t offset;
  uint32_t type;
  uint32_t total_len;
} BlockHeader;

/* if_tsresol: units of 10^-n or 2^-n seconds. n is bounded by dc_pcapng_interface(). DC_TIME_NONE: no time that
 * evidence can have. */
static int64_t block_time(const DcPacketInterface *interface, uint32_t high, uint32_t low)
{
  uint64_t units = (uint64_t)high << 32 | low;
  __int128 time_ns;
  if (interface->ts_base_two) {
    uint64_t fraction = interface->ts_exponent == 0 ? 0 : units & ((UINT64_C(1) << interface->ts_exponent) - 1);
    time_ns = (__int128)(units >> interface->ts_exponent) * DC_NS_PER_S +
              (((__int128)fraction * DC_NS_PER_S) >> interface->ts_exponent);
  } else {
    static const uint64_t power[] = {UINT64_C(1),          UINT64_C(10),         UINT64_C(100),
                                     UINT64_C(1000),       UINT64_C(10000),      UINT64_C(100000),
                                     UINT64_C(1000000),    UINT64_C(10000000),   UINT64_C(100000000),
                                     UINT64_C(1000000000), UINT64_C(10000000000)};
    if (interface->ts_exponent <= 9)
      time_ns = (__int128)units * power[9 - interface->ts_exponent];
    else
      time_ns = units / power[interface->ts_exponent - 9];
  }
  time_ns += (__int128)interface->ts_offset_s * DC_NS_PER_S;
  return time_ns >= 0 && time_ns <= DC_TIME_MAX ? (int64_t)time_ns : DC_TIME_NONE;
}

static DcPacketInterface *section_interface(const DcPacketFile *file, uint32_t id, uint32_t *ret_file_id)
{
  if (id >= file->section_interfaces->len)
    return NULL;
  *ret_file_id = g_array_index(file->section_interfaces, uint32_t, id);
  return file->interfaces[*ret_file_id];
}

/* epb_flags, pack_flags: bits 0-1 direction (1 in, 2 out), bits 2-4 reception type (4: promiscuous). */
static uint8_t flags_direction(uint32_t flags)
{
  switch (flags & 3) {
  case 1:
    return (flags >> 2 & 7) == 4 ? DC_DIRECTION_OTHER_HOST : DC_DIRECTION_IN;
  case 2:
    return DC_DIRECTION_OUT;
  default:
    return DC_DIRECTION_UNKNOWN;
  }
}

/* Bits 9: checksum not ready, 10: checksum valid. */
static uint8_t flags_checksum(uint32_t flags)
{
  if (flags & 1u << 10)
    return DC_CHECKSUM_GOOD;
  return flags & 1u << 9 ? DC_CHECKSUM_PARTIAL : DC_CHECKSUM_UNKNOWN;
}

/*
 * Packet:        | interface            | time high | time low | captured | on the wire | bytes, padded | options
 * Packet of old: | interface (16) drops (16) | as above
 * False: lengths lie, the interface is not described, or the time is none; the block was framed well and can be
 * stepped over.
 */
static bool read_packet(DcPacketFile *file, uint32_t type, DcCursor body, DcRecord *ret_record)
{
  uint32_t id = 0;
  if (type == BLOCK_PACKET) {
    id = dc_packet_file_u32(&body, file->swapped);
  } else {
    id = dc_packet_file_u16(&body, file->swapped);
    (void)dc_cursor_skip(&body, 2);
  }
  uint32_t high = dc_packet_file_u32(&body, file->swapped);
  uint32_t low = dc_packet_file_u32(&body, file->swapped);
  uint32_t caplen = dc_packet_file_u32(&body, file->swapped);
  uint32_t len = dc_packet_file_u32(&body, file->swapped);
  if (caplen > DC_PACKET_CAPLEN_MAX)
    return false;
  const uint8_t *bytes = dc_cursor_bytes(&body, caplen);
  const DcPacketInterface *interface = section_interface(file, id, &ret_record->interface_id);
  if (!body.ok || interface == NULL)
    return false;

  ret_record->direction = DC_DIRECTION_UNKNOWN;
  ret_record->l4_checksum = DC_CHECKSUM_UNKNOWN;
  size_t padding = (4u - caplen % 4u) % 4u;
  if (dc_cursor_left(&body) > padding) {
    (void)dc_cursor_skip(&body, padding);
    uint16_t code;
    DcCursor value;
    while (dc_pcapng_option(&body, file->swapped, &code, &value)) {
      if (code == PACKET_FLAGS) {
        const uint32_t flags = dc_packet_file_u32(&value, file->swapped);
        ret_record->direction = flags_direction(flags);
        ret_record->l4_checksum = flags_checksum(flags);
      } else if (code == PACKET_ID) {
        ret_record->packet_id = dc_packet_file_u64(&value, file->swapped);
      }
    }
  }
  ret_record->time_ns = block_time(interface, high, low);
  ret_record->caplen = caplen;
  ret_record->len = MAX(len, caplen);
  ret_record->bytes = bytes;
  return ret_record->time_ns != DC_TIME_NONE;
}

/* Simple packet: | on the wire | bytes, padded. Always of interface 0, without a time: it
 * takes the time of the packet before it, which keeps it in its place. */
static bool read_simple_packet(DcPacketFile *file, DcCursor body, DcRecord *ret_record)
{
  uint32_t len = dc_packet_file_u32(&body, file->swapped);
  const DcPacketInterface *interface = section_interface(file, 0, &ret_record->interface_id);
  if (!body.ok || interface == NULL)
    return false;
  uint32_t caplen = len;
  if (interface->public.snaplen != 0)
    caplen = MIN(caplen, interface->public.snaplen);
  if (caplen > DC_PACKET_CAPLEN_MAX || caplen > dc_cursor_left(&body))
    return false;
  ret_record->direction = DC_DIRECTION_UNKNOWN;
  ret_record->l4_checksum = DC_CHECKSUM_UNKNOWN;
  ret_record->time_ns = file->last_time_ns;
  ret_record->caplen = caplen;
  ret_record->len = len;
  ret_record->bytes = dc_cursor_bytes(&body, caplen);
  return true;
}

/* Interface statistics: | interface | time high | time low | options. Counts are since the start
 * of the capture; dumpcap puts all it lost into isb_ifdrop. */
static bool read_statistics(DcPacketFile *file, DcCursor body, DcRecord *ret_record)
{
  uint32_t id = dc_packet_file_u32(&body, file->swapped);
  uint32_t high = dc_packet_file_u32(&body, file->swapped);
  uint32_t low = dc_packet_file_u32(&body, file->swapped);
  DcPacketInterface *interface = section_interface(file, id, &ret_record->interface_id);
  if (!body.ok || interface == NULL)
    return false;
  uint64_t lost = 0;
  uint16_t code;
  DcCursor value;
  while (dc_pcapng_option(&body, file->swapped, &code, &value)) {
    if (code == STATISTICS_IFDROP || code == STATISTICS_OSDROP)
      lost += dc_packet_file_u64(&value, file->swapped);
  }
  ret_record->direction = DC_DIRECTION_UNKNOWN;
  ret_record->time_ns = block_time(interface, high, low);
  if (lost > DC_COUNT_MAX || ret_record->time_ns == DC_TIME_NONE)
    return false;
  ret_record->lost = lost > interface->lost ? lost - interface->lost : 0;
  ret_record->caplen = ret_record->len = 0;
  ret_record->bytes = NULL;
  interface->lost = lost;
  return true;
}

/* Reads type and length of the next block without consuming; sets the byte order at a section header. */
static Step peek_header(DcPacketFile *file, BlockHeader *ret_header, GError **error)
{
  uint64_t offset = dc_input_offset(file->input);
  const uint8_t *bytes;
  size_t have = dc_input_peek(file->input, BLOCK_LEN_MIN, &bytes, error);
  if (have == 0)
    return STEP_END;
  if (have == SIZE_MAX)
    return STEP_ERROR;
  if (have < BLOCK_LEN_MIN) {
    (void)dc_packet_file_truncated(file, "block", offset, have, BLOCK_LEN_MIN, error);
    return STEP_ERROR;
  }
  DcCursor cursor = dc_cursor(bytes, have);
  uint32_t type = dc_packet_file_u32(&cursor, file->swapped);
  if (type == BLOCK_SECTION) { /* reads the same both ways */
    DcCursor order = cursor;
    (void)dc_cursor_skip(&order, 4);
    uint32_t magic = dc_cursor_host32(&order);
    if (magic != BYTE_ORDER_MAGIC && magic != GUINT32_SWAP_LE_BE(BYTE_ORDER_MAGIC)) {
      (void)dc_packet_file_fail(file, DC_ERROR_FORMAT, error,
                                "the section header at byte %" G_GUINT64_FORMAT
                                " has byte order magic %08x instead of 1a2b3c4d: not pcapng, or damaged in transfer",
                                offset, magic);
      return STEP_ERROR;
    }
    file->swapped = magic != BYTE_ORDER_MAGIC;
    file->section_offset = offset;
  }
  uint32_t total_len = dc_packet_file_u32(&cursor, file->swapped);
  if (total_len < BLOCK_LEN_MIN || total_len % 4 != 0) {
    (void)dc_packet_file_fail(
        file, DC_ERROR_FORMAT, error,
        "the block at byte %" G_GUINT64_FORMAT
        " claims a length of %u bytes, which no block can have: the file is damaged from here on; "
        "what came before was read",
        offset, total_len);
    return STEP_ERROR;
  }
  *ret_header = (BlockHeader){.offset = offset, .type = type, .total_len = total_len};
  return STEP_SKIPPED;
}

static bool check_trailer(DcPacketFile *file, const BlockHeader *header, uint32_t trailer, GError **error)
{
  if (trailer == header->total_len)
    return true;
  (void)dc_packet_file_fail(file, DC_ERROR_FORMAT, error,
                            "the block at byte %" G_GUINT64_FORMAT " says %u bytes at its start and %u at its end: the "
                            "file is damaged from here on; what came before was read",
                            header->offset, header->total_len, trailer);
  return false;
}

/* Steps over a block without having it in memory. */
static Step skip_block(DcPacketFile *file, const BlockHeader *header, GError **error)
{
  g_autoptr(GError) failure = NULL;
  const uint8_t *bytes = NULL;
  size_t have = 0;
  if (dc_input_skip(file->input, header->total_len - 4, &failure))
    have = dc_input_peek(file->input, 4, &bytes, &failure);
  if (failure != NULL) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return STEP_ERROR;
  }
  if (have < 4) {
    (void)dc_packet_file_truncated(file, "block", header->offset, dc_input_offset(file->input) - header->offset + have,
                                   header->total_len, error);
    return STEP_ERROR;
  }
  DcCursor cursor = dc_cursor(bytes, 4);
  if (!check_trailer(file, header, dc_packet_file_u32(&cursor, file->swapped), error))
    return STEP_ERROR;
  dc_input_consume(file->input, 4);
  return STEP_SKIPPED;
}

/* The body of a block, consumed from the input but still readable. */
static bool take_block(DcPacketFile *file, const BlockHeader *header, DcCursor *ret_body, GError **error)
{
  const uint8_t *bytes;
  size_t have = dc_input_peek(file->input, header->total_len, &bytes, error);
  if (have == SIZE_MAX)
    return false;
  if (have < header->total_len) {
    (void)dc_packet_file_truncated(file, "block", header->offset, have, header->total_len, error);
    return false;
  }
  DcCursor cursor = dc_cursor(bytes, have);
  (void)dc_cursor_skip(&cursor, 8);
  DcCursor body = dc_cursor_sub(&cursor, header->total_len - BLOCK_LEN_MIN);
  if (!check_trailer(file, header, dc_packet_file_u32(&cursor, file->swapped), error))
    return false;
  dc_input_consume(file->input, header->total_len);
  *ret_body = body;
  return true;
}

static bool is_description(uint32_t type)
{
  return type == BLOCK_SECTION || type == BLOCK_INTERFACE;
}

static bool is_packet(uint32_t type)
{
  return type == BLOCK_PACKET || type == BLOCK_SIMPLE_PACKET || type == BLOCK_OLD_PACKET;
}

static Step read_record(DcPacketFile *file, const BlockHeader *header, DcCursor body, DcRecord *ret_record)
{
  bool good;
  if (is_packet(header->type)) {
    file->packet_number++;
    ret_record->kind = DC_RECORD_PACKET;
    ret_record->number = file->packet_number;
    ret_record->packet_id = 0;
    good = header->type == BLOCK_SIMPLE_PACKET ? read_simple_packet(file, body, ret_record)
                                               : read_packet(file, header->type, body, ret_record);
    if (good)
      file->last_time_ns = ret_record->time_ns;
  } else if (header->type == BLOCK_STATISTICS) {
    ret_record->kind = DC_RECORD_STATISTICS;
    ret_record->number = 0;
    good = read_statistics(file, body, ret_record);
  } else {
    ret_record->kind = DC_RECORD_JOURNAL;
    ret_record->direction = DC_DIRECTION_UNKNOWN;
    ret_record->interface_id = 0;
    ret_record->number = 0;
    ret_record->time_ns = DC_TIME_NONE;
    ret_record->caplen = ret_record->len = (uint32_t)dc_cursor_left(&body);
    ret_record->bytes = dc_cursor_bytes(&body, ret_record->caplen);
    good = true;
  }
  ret_record->offset = header->offset;
  if (good)
    return STEP_RECORD;
  file->skipped++;
  return STEP_SKIPPED;
}

/* Reads one block. descriptions_only: leaves anything that would give a record unread. */
static Step step(DcPacketFile *file, bool descriptions_only, DcRecord *ret_record, GError **error)
{
  BlockHeader header;
  Step status = peek_header(file, &header, error);
  if (status != STEP_SKIPPED)
    return status;

  bool gives_record = is_packet(header.type) || header.type == BLOCK_STATISTICS || header.type == BLOCK_JOURNAL;
  if (descriptions_only && gives_record)
    return STEP_HELD;
  if (!gives_record && !is_description(header.type)) {
    if (header.type != BLOCK_NAME_RESOLUTION && header.type != BLOCK_SECRETS)
      file->foreign++;
    return skip_block(file, &header, error);
  }
  if (header.total_len > DC_INPUT_WINDOW) {
    if (header.type == BLOCK_JOURNAL || header.type == BLOCK_STATISTICS) {
      file->skipped++;
      return skip_block(file, &header, error);
    }
    (void)dc_packet_file_fail(file, DC_ERROR_FORMAT, error,
                              "the block at byte %" G_GUINT64_FORMAT " (type %u) claims %u bytes, more than any packet "
                              "has: the file is damaged from here on; what came before was read",
                              header.offset, header.type, header.total_len);
    return STEP_ERROR;
  }

  DcCursor body;
  if (!take_block(file, &header, &body, error))
    return STEP_ERROR;
  if (header.type == BLOCK_SECTION)
    return dc_pcapng_section(file, body, error) ? STEP_SKIPPED : STEP_ERROR;
  if (header.type == BLOCK_INTERFACE)
    return dc_pcapng_interface(file, header.offset, body, error) ? STEP_SKIPPED : STEP_ERROR;
  return read_record(file, &header, body, ret_record);
}

static DcReadStatus pcapng_next_record(DcPacketFile *file, DcRecord *ret_record, GError **error)
{
  for (;;) {
    switch (step(file, false, ret_record, error)) {
    case STEP_RECORD:
      return DC_READ_EVENT;
    case STEP_SKIPPED:
      continue;
    case STEP_HELD:
    case STEP_END:
      return DC_READ_END;
    case STEP_ERROR:
      return DC_READ_ERROR;
    }
  }
}

/*
 * | 6 | total length | interface | time high | time low | captured | on the wire | bytes, padded | total length |
 * The bounds are checked once: the block is in memory as a whole, and its lengths agree. What does not fit, or has
 * options, is left for step() to judge.
 */
bool dc_pcapng_usual(DcPacketFile *file, DcEvent *event)
{
  enum { TOTAL_LEN = 4, INTERFACE = 8, HIGH = 12, LOW = 16, CAPLEN = 20, LEN = 24, BYTES = 28, TRAILER = 4 };
  size_t have;
  const uint8_t *block = dc_input_buffered(file->input, &have);
  if (have < BYTES + TRAILER || file->swapped || dc_word32(block) != BLOCK_PACKET)
    return false;
  const uint32_t total_len = dc_word32(block + TOTAL_LEN);
  const uint32_t caplen = dc_word32(block + CAPLEN);
  const uint32_t id = dc_word32(block + INTERFACE);
  if (caplen > DC_PACKET_CAPLEN_MAX || total_len != BYTES + ((caplen + 3) & ~3u) + TRAILER || total_len > have ||
      dc_word32(block + total_len - TRAILER) != total_len || id >= file->section_interfaces->len)
    return false;
  const uint32_t interface_id = g_array_index(file->section_interfaces, uint32_t, id);
  const uint32_t tick_ns = file->interfaces[interface_id]->tick_ns;
  const uint64_t units = (uint64_t)dc_word32(block + HIGH) << 32 | dc_word32(block + LOW);
  uint64_t time_ns;
  if (tick_ns == 0 || __builtin_mul_overflow(units, tick_ns, &time_ns) || time_ns > DC_TIME_MAX)
    return false;
  dc_input_take(file->input, total_len);
  file->last_time_ns = (int64_t)time_ns;
  event->frame.bytes = block + BYTES;
  dc_packet_file_tell(file, interface_id, (int64_t)time_ns, caplen, dc_word32(block + LEN), event);
  return true;
}

static bool pcapng_prepare(DcPacketFile *file, GError **error)
{
  DcRecord record;
  for (;;) {
    g_autoptr(GError) failure = NULL;
    uint64_t offset = dc_input_offset(file->input);
    switch (step(file, true, &record, &failure)) {
    case STEP_SKIPPED:
      continue;
    case STEP_RECORD:
    case STEP_HELD:
    case STEP_END:
      return true;
    case STEP_ERROR:
      /* The file ends here, and reading on will say so. */
      if (g_error_matches(failure, DC_ERROR, DC_ERROR_TRUNCATED) && offset == dc_input_offset(file->input))
        return true;
      g_propagate_error(error, g_steal_pointer(&failure));
      return false;
    }
  }
}

bool dc_pcapng_start(DcPacketFile *file, GError **error)
{
  file->info.format = "pcapng";
  file->next = pcapng_next_record;
  file->usual = DC_USUAL_PCAPNG;
  file->prepare = pcapng_prepare;
  file->section_interfaces = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  file->known_interfaces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  DcRecord record;
  return step(file, true, &record, error) == STEP_SKIPPED;
}
