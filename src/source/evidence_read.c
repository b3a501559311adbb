/*
 * systemd Journal Export Format (systemd.io/JOURNAL_EXPORT_FORMATS), one entry:
 *
 *   NAME=value\n                                value without a newline
 *   NAME\n <length, 64 bit little endian> value \n   any value
 *   \n                                          end of the entry (or end of the block)
 */
#include "dropcorr/source/evidence_read.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/evidence_fields.h"
#include "packet_words.h"

#include <string.h>

#define LOCAL_MACS_MAX 1024
#define LOCAL_ADDRESSES_MAX 4096
#define NUMBER_TEXT_MAX 24

/* The longest a dropped packet can be: an IPv4 or IPv6 datagram and its MAC header, with room. */
#define DROP_BYTES_MAX (256u << 10)

struct DcEvidenceReader {
  DcStrings *strings;
  GByteArray *bytes; /* of the last drop */
  bool has_header;
  DcEvidenceHeader header;
  GArray *macs;             /* uint8_t[6] */
  GArray *addresses;        /* DcAddr */
  uint64_t checksum_number; /* of the frame the last checksum entry is about */
  uint8_t checksum;         /* DcChecksum */
};

typedef struct {
  const char *name;
  size_t name_len;
  const char *value;
  size_t len;
} EntryField;

typedef enum {
  FIELD_U64,
  FIELD_U32,
  FIELD_TIME,
  FIELD_PROTOCOL, /* an ethertype, -1 none */
  FIELD_TEXT,     /* const char *, interned */
  FIELD_BOOL
} FieldKind;

/* A field of an entry and its place in the struct it fills. */
typedef struct {
  const char *name;
  FieldKind kind;
  size_t place;
} FieldRow;

static const FieldRow drop_rows[] = {
    {DC_FIELD_TIME_NS, FIELD_TIME, offsetof(DcDrop, time_ns)},
    {DC_FIELD_NUMBER, FIELD_U64, offsetof(DcDrop, number)},
    {DC_FIELD_PRECISION_NS, FIELD_TIME, offsetof(DcDrop, precision_ns)},
    {DC_FIELD_PC, FIELD_U64, offsetof(DcDrop, pc)},
    {DC_FIELD_SYMBOL, FIELD_TEXT, offsetof(DcDrop, symbol)},
    {DC_FIELD_OFFSET, FIELD_U32, offsetof(DcDrop, offset)},
    {DC_FIELD_SIZE, FIELD_U32, offsetof(DcDrop, size)},
    {DC_FIELD_MODULE, FIELD_TEXT, offsetof(DcDrop, module)},
    {DC_FIELD_LOCATION, FIELD_TEXT, offsetof(DcDrop, location)},
    {DC_FIELD_REASON, FIELD_TEXT, offsetof(DcDrop, reason)},
    {DC_FIELD_PROTOCOL, FIELD_PROTOCOL, offsetof(DcDrop, protocol)},
    {DC_FIELD_IN_IFINDEX, FIELD_U32, offsetof(DcDrop, in_ifindex)},
    {DC_FIELD_IN_IFNAME, FIELD_TEXT, offsetof(DcDrop, in_ifname)},
    {DC_FIELD_TRAP_GROUP, FIELD_TEXT, offsetof(DcDrop, trap_group)},
    {DC_FIELD_TRAP_NAME, FIELD_TEXT, offsetof(DcDrop, trap_name)},
    {DC_FIELD_SKB, FIELD_U64, offsetof(DcDrop, skb)},
    {DC_FIELD_RX_TIME_NS, FIELD_TIME, offsetof(DcDrop, rx_time_ns)},
    {DC_FIELD_RX_WAIT_NS, FIELD_TIME, offsetof(DcDrop, rx_wait_ns)},
    {DC_FIELD_RX_PASSED_NS, FIELD_TIME, offsetof(DcDrop, rx_passed_ns)},
    {DC_FIELD_RX_BEFORE_NS, FIELD_TIME, offsetof(DcDrop, rx_before_ns)},
    {DC_FIELD_RX_AFTER_NS, FIELD_TIME, offsetof(DcDrop, rx_after_ns)},
    {DC_FIELD_RX_LEN, FIELD_U32, offsetof(DcDrop, rx_len)},
    {DC_FIELD_RX_IFNAME, FIELD_TEXT, offsetof(DcDrop, rx_ifname)},
    {DC_FIELD_RX_NONE, FIELD_U32, offsetof(DcDrop, rx_none)},
    {DC_FIELD_COUNT, FIELD_U64, offsetof(DcDrop, count)},
    {DC_FIELD_ORIG_LEN, FIELD_U32, offsetof(DcDrop, orig_len)},
};

static const FieldRow sample_rows[] = {
    {DC_FIELD_TIME_NS, FIELD_TIME, offsetof(DcSample, time_ns)},
    {DC_FIELD_NAME, FIELD_TEXT, offsetof(DcSample, name)},
};

static const FieldRow loss_rows[] = {
    {DC_FIELD_COUNT, FIELD_U64, offsetof(DcLoss, count)},
    {DC_FIELD_FROM_NS, FIELD_TIME, offsetof(DcLoss, from_ns)},
    {DC_FIELD_TO_NS, FIELD_TIME, offsetof(DcLoss, to_ns)},
    {DC_FIELD_DETAIL, FIELD_TEXT, offsetof(DcLoss, detail)},
};

static const FieldRow header_rows[] = {
    {DC_FIELD_VERSION, FIELD_TEXT, offsetof(DcEvidenceHeader, version)},
    {DC_FIELD_COMMAND, FIELD_TEXT, offsetof(DcEvidenceHeader, command)},
    {DC_FIELD_DROP_MODE, FIELD_TEXT, offsetof(DcEvidenceHeader, drop_mode)},
    {DC_FIELD_DROP_TEXT, FIELD_TEXT, offsetof(DcEvidenceHeader, drop_text)},
    {DC_FIELD_IFNAME, FIELD_TEXT, offsetof(DcEvidenceHeader, ifname)},
    {DC_FIELD_FILTER, FIELD_TEXT, offsetof(DcEvidenceHeader, filter)},
    {DC_FIELD_DIRECTION, FIELD_TEXT, offsetof(DcEvidenceHeader, direction)},
    {DC_FIELD_RUN, FIELD_TEXT, offsetof(DcEvidenceHeader, run)},
    {DC_FIELD_TSTAMP, FIELD_TEXT, offsetof(DcEvidenceHeader, timestamp_type)},
    {DC_FIELD_IFINDEX, FIELD_U32, offsetof(DcEvidenceHeader, ifindex)},
    {DC_FIELD_PROMISC, FIELD_BOOL, offsetof(DcEvidenceHeader, promiscuous)},
    {DC_FIELD_PART, FIELD_U32, offsetof(DcEvidenceHeader, part)},
    {DC_FIELD_START_NS, FIELD_TIME, offsetof(DcEvidenceHeader, start_ns)},
    {DC_FIELD_VERIFY_FROM_NS, FIELD_TIME, offsetof(DcEvidenceHeader, verify_from_ns)},
    {DC_FIELD_VERIFY_TO_NS, FIELD_TIME, offsetof(DcEvidenceHeader, verify_to_ns)},
};

static const char *const kind_names[] = DC_FIELD_KIND_NAMES;
static const char *const phase_names[] = DC_FIELD_PHASE_NAMES;
static const char *const loss_names[] = DC_FIELD_LOSS_NAMES;
static const char *const checksum_names[] = DC_FIELD_CHECKSUM_NAMES;

DcEvidenceReader *dc_evidence_reader_new(DcStrings *strings)
{
  DcEvidenceReader *reader = g_new0(DcEvidenceReader, 1);
  reader->strings = strings;
  reader->bytes = g_byte_array_new();
  reader->macs = g_array_new(FALSE, FALSE, 6);
  reader->addresses = g_array_new(FALSE, FALSE, sizeof(DcAddr));
  return reader;
}

static bool is_named(const EntryField *field, const char *name)
{
  return strlen(name) == field->name_len && memcmp(field->name, name, field->name_len) == 0;
}

static bool is_value(const EntryField *field, const char *value)
{
  return strlen(value) == field->len && memcmp(field->value, value, field->len) == 0;
}

typedef enum { ENTRY_FIELD, ENTRY_END, ENTRY_BAD } EntryStep;

static EntryStep next_field(DcCursor *cursor, EntryField *ret_field)
{
  size_t left = dc_cursor_left(cursor);
  if (left == 0)
    return ENTRY_END;
  DcCursor line = *cursor;
  const char *start = (const char *)dc_cursor_bytes(&line, left);
  const char *newline = memchr(start, '\n', left);
  if (newline == NULL) {
    /* Up to three zero bytes pad the block; anything else is a value cut off. */
    for (size_t i = 0; i < left; i++) {
      if (start[i] != '\0')
        return ENTRY_BAD;
    }
    return ENTRY_END;
  }
  size_t len = (size_t)(newline - start);
  (void)dc_cursor_skip(cursor, len + 1);
  if (len == 0)
    return ENTRY_END;
  const char *equals = memchr(start, '=', len);
  if (equals != NULL) {
    size_t name_len = (size_t)(equals - start);
    *ret_field = (EntryField){start, name_len, equals + 1, len - name_len - 1};
    return ENTRY_FIELD;
  }
  uint64_t size = GUINT64_FROM_LE(dc_cursor_host64(cursor));
  if (!cursor->ok || size > dc_cursor_left(cursor))
    return ENTRY_BAD;
  const char *value = (const char *)dc_cursor_bytes(cursor, (size_t)size);
  if (dc_cursor_u8(cursor) != '\n' || !cursor->ok)
    return ENTRY_BAD;
  *ret_field = (EntryField){start, len, value, (size_t)size};
  return ENTRY_FIELD;
}

/* Decimal, or hexadecimal after 0x; nothing else, and no overflow. */
static bool parse_u64(const EntryField *field, uint64_t *ret_value)
{
  char text[NUMBER_TEXT_MAX];
  if (field->len == 0 || field->len >= sizeof text || !g_ascii_isdigit(field->value[0]))
    return false;
  memcpy(text, field->value, field->len);
  text[field->len] = '\0';
  bool hex = g_str_has_prefix(text, "0x");
  return g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0, G_MAXUINT64, ret_value, NULL);
}

static bool parse_signed(const EntryField *field, int64_t min, int64_t max, int64_t *ret_value)
{
  char text[NUMBER_TEXT_MAX];
  if (field->len == 0 || field->len >= sizeof text)
    return false;
  memcpy(text, field->value, field->len);
  text[field->len] = '\0';
  return g_ascii_string_to_signed(text, 10, min, max, ret_value, NULL);
}

/* Times and spans: never negative, and small enough that a window can be added to them. A time
 * that is not known is left out, or DC_TIME_NONE. */
static bool parse_time(const EntryField *field, int64_t *ret_value)
{
  int64_t value;
  if (!parse_signed(field, G_MININT64, G_MAXINT64, &value) || (!dc_time_is_plausible(value) && value != DC_TIME_NONE))
    return false;
  *ret_value = value;
  return true;
}

/* Puts a field into its place; a name no row has is somebody's addition, and good. */
static bool store_field(DcEvidenceReader *reader, const FieldRow *rows, size_t count, const EntryField *field,
                        void *target)
{
  const FieldRow *row = NULL;
  for (size_t i = 0; i < count && row == NULL; i++) {
    if (is_named(field, rows[i].name))
      row = &rows[i];
  }
  if (row == NULL)
    return true;
  void *place = (char *)target + row->place;
  uint64_t number;
  int64_t signed_number;
  switch (row->kind) {
  case FIELD_U64:
    return parse_u64(field, place);
  case FIELD_U32:
    if (!parse_u64(field, &number) || number > UINT32_MAX)
      return false;
    *(uint32_t *)place = (uint32_t)number;
    return true;
  case FIELD_TIME:
    return parse_time(field, place);
  case FIELD_PROTOCOL:
    if (!parse_signed(field, -1, UINT16_MAX, &signed_number))
      return false;
    *(int32_t *)place = (int32_t)signed_number;
    return true;
  case FIELD_TEXT:
    *(const char **)place = dc_strings_add(reader->strings, field->value, field->len);
    return true;
  case FIELD_BOOL:
    *(bool *)place = is_value(field, "1");
    return true;
  }
  return false;
}

static bool parse_name(const EntryField *field, const char *const *names, size_t count, uint8_t *ret_index)
{
  for (size_t i = 0; i < count; i++) {
    if (is_value(field, names[i])) {
      *ret_index = (uint8_t)i;
      return true;
    }
  }
  return false;
}

static bool parse_link(const EntryField *field, uint8_t *ret_link)
{
  if (is_value(field, DC_FIELD_LINK_ETHERNET))
    *ret_link = DC_LINK_ETHERNET;
  else if (is_value(field, DC_FIELD_LINK_RAW))
    *ret_link = DC_LINK_RAW;
  else
    return false;
  return true;
}

static bool parse_hex(const EntryField *field, GByteArray *bytes)
{
  if (field->len % 2 != 0 || field->len / 2 > DROP_BYTES_MAX)
    return false;
  g_byte_array_set_size(bytes, (guint)(field->len / 2));
  for (guint i = 0; i < bytes->len; i++) {
    int high = g_ascii_xdigit_value(field->value[2 * i]);
    int low = g_ascii_xdigit_value(field->value[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes->data[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static bool read_drop(DcEvidenceReader *reader, DcCursor cursor, DcEvent *event)
{
  DcDrop *drop = &event->drop;
  memset(drop, 0, sizeof *drop);
  drop->time_ns = DC_TIME_NONE;
  drop->kind = DC_DROP_TEXT;
  drop->protocol = -1;
  drop->count = 1;
  drop->link = DC_LINK_ETHERNET;
  g_byte_array_set_size(reader->bytes, 0);

  EntryField field;
  EntryStep step;
  while ((step = next_field(&cursor, &field)) == ENTRY_FIELD) {
    bool good;
    if (is_named(&field, DC_FIELD_KIND))
      good = parse_name(&field, kind_names, G_N_ELEMENTS(kind_names), &drop->kind);
    else if (is_named(&field, DC_FIELD_LINK))
      good = parse_link(&field, &drop->link);
    else if (is_named(&field, DC_FIELD_L4_CHECKSUM))
      good = parse_name(&field, checksum_names, G_N_ELEMENTS(checksum_names), &drop->l4_checksum);
    else if (is_named(&field, DC_FIELD_BYTES))
      good = parse_hex(&field, reader->bytes);
    else if (is_named(&field, DC_FIELD_PACKET))
      good = dc_packet_words_parse(field.value, field.len, &drop->packet);
    else
      good = store_field(reader, drop_rows, G_N_ELEMENTS(drop_rows), &field, drop);
    if (!good)
      return false;
  }
  if (step == ENTRY_BAD || drop->count == 0 || drop->count > DC_COUNT_MAX || drop->precision_ns < 0 ||
      drop->rx_time_ns < 0 || drop->rx_wait_ns < 0 || drop->rx_passed_ns < 0 || drop->rx_before_ns < 0 ||
      drop->rx_after_ns < 0)
    return false;
  drop->caplen = reader->bytes->len;
  drop->bytes = drop->caplen > 0 ? reader->bytes->data : NULL;
  drop->orig_len = MAX(drop->orig_len, drop->caplen);
  if (drop->bytes != NULL)
    dc_decode_packet((DcLink)drop->link, drop->bytes, drop->caplen, drop->orig_len, true, &drop->packet);
  event->kind = DC_EVENT_DROP;
  event->time_ns = drop->time_ns;
  return true;
}

static bool read_sample(DcEvidenceReader *reader, DcCursor cursor, DcEvent *event)
{
  DcSample *sample = &event->sample;
  *sample = (DcSample){.time_ns = DC_TIME_NONE, .phase = DC_PHASE_ONCE, .text = ""};
  EntryField field;
  EntryStep step;
  while ((step = next_field(&cursor, &field)) == ENTRY_FIELD) {
    bool good = true;
    if (is_named(&field, DC_FIELD_PHASE)) {
      good = parse_name(&field, phase_names, G_N_ELEMENTS(phase_names), &sample->phase);
    } else if (is_named(&field, DC_FIELD_TEXT)) {
      sample->text = field.value;
      sample->len = field.len;
    } else {
      good = store_field(reader, sample_rows, G_N_ELEMENTS(sample_rows), &field, sample);
    }
    if (!good)
      return false;
  }
  if (step == ENTRY_BAD || sample->name == NULL)
    return false;
  event->kind = DC_EVENT_SAMPLE;
  event->time_ns = sample->time_ns;
  return true;
}

static bool read_loss(DcEvidenceReader *reader, DcCursor cursor, DcEvent *event)
{
  DcLoss *loss = &event->loss;
  *loss = (DcLoss){.kind = DC_LOSS_COUNT, .from_ns = DC_TIME_NONE, .to_ns = DC_TIME_NONE};
  int64_t time_ns = DC_TIME_NONE;
  EntryField field;
  EntryStep step;
  while ((step = next_field(&cursor, &field)) == ENTRY_FIELD) {
    bool good;
    if (is_named(&field, DC_FIELD_LOSS))
      good = parse_name(&field, loss_names, G_N_ELEMENTS(loss_names), &loss->kind);
    else if (is_named(&field, DC_FIELD_TIME_NS))
      good = parse_time(&field, &time_ns);
    else
      good = store_field(reader, loss_rows, G_N_ELEMENTS(loss_rows), &field, loss);
    if (!good)
      return false;
  }
  if (step == ENTRY_BAD || loss->kind == DC_LOSS_COUNT || loss->count > DC_COUNT_MAX)
    return false;
  event->kind = DC_EVENT_LOSS;
  event->time_ns = time_ns != DC_TIME_NONE ? time_ns : loss->to_ns;
  return true;
}

static bool read_checksum(DcEvidenceReader *reader, DcCursor cursor)
{
  uint64_t number = 0;
  uint8_t checksum = DC_CHECKSUM_UNKNOWN;
  EntryField field;
  EntryStep step;
  while ((step = next_field(&cursor, &field)) == ENTRY_FIELD) {
    bool good = true;
    if (is_named(&field, DC_FIELD_NUMBER))
      good = parse_u64(&field, &number);
    else if (is_named(&field, DC_FIELD_L4_CHECKSUM))
      good = parse_name(&field, checksum_names, G_N_ELEMENTS(checksum_names), &checksum);
    if (!good)
      return false;
  }
  if (step == ENTRY_BAD || number == 0)
    return false;
  reader->checksum_number = number;
  reader->checksum = checksum;
  return true;
}

static void add_mac(DcEvidenceReader *reader, const EntryField *field)
{
  g_autofree char *text = g_strndup(field->value, MIN(field->len, DC_MAC_TEXT_MAX));
  uint8_t mac[6];
  if (!dc_mac_parse(text, mac) || reader->macs->len >= LOCAL_MACS_MAX)
    return;
  for (guint i = 0; i < reader->macs->len; i++) {
    if (memcmp(reader->macs->data + i * sizeof mac, mac, sizeof mac) == 0)
      return;
  }
  g_array_append_vals(reader->macs, mac, 1);
}

static void add_address(DcEvidenceReader *reader, const EntryField *field)
{
  g_autofree char *text = g_strndup(field->value, MIN(field->len, DC_ADDR_TEXT_MAX));
  DcAddr addr;
  if (!dc_addr_parse(text, &addr) || reader->addresses->len >= LOCAL_ADDRESSES_MAX)
    return;
  for (guint i = 0; i < reader->addresses->len; i++) {
    if (dc_addr_equal(&g_array_index(reader->addresses, DcAddr, i), &addr))
      return;
  }
  g_array_append_val(reader->addresses, addr);
}

static bool read_header(DcEvidenceReader *reader, DcCursor cursor)
{
  DcEvidenceHeader header = {0};
  EntryField field;
  EntryStep step;
  while ((step = next_field(&cursor, &field)) == ENTRY_FIELD) {
    if (is_named(&field, DC_FIELD_LOCAL_MAC))
      add_mac(reader, &field);
    else if (is_named(&field, DC_FIELD_LOCAL_ADDR))
      add_address(reader, &field);
    else if (!store_field(reader, header_rows, G_N_ELEMENTS(header_rows), &field, &header))
      return false;
  }
  if (step == ENTRY_BAD)
    return false;
  if (!reader->has_header)
    reader->header = header;
  reader->has_header = true;
  reader->header.local_macs = (const uint8_t(*)[6])(const void *)reader->macs->data;
  reader->header.local_mac_count = reader->macs->len;
  reader->header.local_addresses = (const DcAddr *)(const void *)reader->addresses->data;
  reader->header.local_address_count = reader->addresses->len;
  return true;
}

DcEvidenceStatus dc_evidence_reader_parse(DcEvidenceReader *reader, const uint8_t *bytes, size_t len,
                                          DcEvent *ret_event)
{
  const DcCursor start = dc_cursor(bytes, len);
  DcCursor cursor = start;
  EntryField field;
  EntryStep step;
  while ((step = next_field(&cursor, &field)) == ENTRY_FIELD && !is_named(&field, DC_FIELD_TYPE))
    continue;
  if (step != ENTRY_FIELD)
    return DC_EVIDENCE_FOREIGN;

  bool good = false;
  if (is_value(&field, DC_FIELD_TYPE_HEADER))
    return read_header(reader, start) ? DC_EVIDENCE_HEADER : DC_EVIDENCE_MALFORMED;
  if (is_value(&field, DC_FIELD_TYPE_CHECKSUM))
    return read_checksum(reader, start) ? DC_EVIDENCE_CHECKSUM : DC_EVIDENCE_MALFORMED;
  if (is_value(&field, DC_FIELD_TYPE_DROP))
    good = read_drop(reader, start, ret_event);
  else if (is_value(&field, DC_FIELD_TYPE_SAMPLE))
    good = read_sample(reader, start, ret_event);
  else if (is_value(&field, DC_FIELD_TYPE_LOSS))
    good = read_loss(reader, start, ret_event);
  else
    return DC_EVIDENCE_FOREIGN; /* a kind of a later version */
  return good ? DC_EVIDENCE_EVENT : DC_EVIDENCE_MALFORMED;
}

const DcEvidenceHeader *dc_evidence_reader_header(const DcEvidenceReader *reader)
{
  return reader->has_header ? &reader->header : NULL;
}

DcChecksum dc_evidence_reader_checksum(const DcEvidenceReader *reader, uint64_t frame_number)
{
  return reader->checksum_number == frame_number ? (DcChecksum)reader->checksum : DC_CHECKSUM_UNKNOWN;
}

void dc_evidence_reader_free(DcEvidenceReader *reader)
{
  if (reader == NULL)
    return;
  g_byte_array_unref(reader->bytes);
  g_array_unref(reader->macs);
  g_array_unref(reader->addresses);
  g_free(reader);
}
