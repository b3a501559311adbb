/*
 * One entry (systemd.io/JOURNAL_EXPORT_FORMATS) is the body of one block of type 9:
 *
 *   NAME=value\n                                 value without control characters
 *   NAME\n <length, 64 bit little endian> value \n   any value
 */
#include "journal_write.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/source/evidence_fields.h"
#include "packet_words.h"
#include "pcapng_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_JOURNAL 9

static const char *const kind_names[] = DC_FIELD_KIND_NAMES;
static const char *const phase_names[] = DC_FIELD_PHASE_NAMES;
static const char *const loss_names[] = DC_FIELD_LOSS_NAMES;
static const char *const checksum_names[] = DC_FIELD_CHECKSUM_NAMES;

static void put(GByteArray *out, const void *bytes, size_t len)
{
  if (len > 0)
    g_byte_array_append(out, bytes, (guint)len);
}

static void put_binary(GByteArray *out, const char *name, const void *value, size_t len)
{
  const uint64_t little = GUINT64_TO_LE((uint64_t)len);
  put(out, name, strlen(name));
  put(out, "\n", 1);
  put(out, &little, sizeof little);
  put(out, value, len);
  put(out, "\n", 1);
}

static bool is_plain(const char *value)
{
  for (; *value != '\0'; value++) {
    if ((unsigned char)*value < 0x20 || *value == 0x7f)
      return false;
  }
  return true;
}

static void put_text(GByteArray *out, const char *name, const char *value)
{
  if (value == NULL)
    return;
  if (!is_plain(value)) {
    put_binary(out, name, value, strlen(value));
    return;
  }
  put(out, name, strlen(name));
  put(out, "=", 1);
  put(out, value, strlen(value));
  put(out, "\n", 1);
}

static void put_number(GByteArray *out, const char *name, int64_t value)
{
  char text[32];
  snprintf(text, sizeof text, "%" PRId64, value);
  put_text(out, name, text);
}

static void put_count(GByteArray *out, const char *name, uint64_t value)
{
  char text[32];
  snprintf(text, sizeof text, "%" PRIu64, value);
  put_text(out, name, text);
}

/* What is 0 when unknown is left out then. */
static void put_known(GByteArray *out, const char *name, uint64_t value)
{
  if (value != 0)
    put_count(out, name, value);
}

static void put_address(GByteArray *out, const char *name, uint64_t value)
{
  char text[32];
  snprintf(text, sizeof text, "0x%016" PRIx64, value);
  if (value != 0)
    put_text(out, name, text);
}

static void put_hex(GByteArray *out, const char *name, const uint8_t *bytes, size_t len)
{
  static const char digits[] = "0123456789abcdef";
  put(out, name, strlen(name));
  put(out, "=", 1);
  const guint at = out->len;
  g_byte_array_set_size(out, at + (guint)(2 * len) + 1);
  uint8_t *to = out->data + at;
  for (size_t i = 0; i < len; i++) {
    *to++ = (uint8_t)digits[bytes[i] >> 4];
    *to++ = (uint8_t)digits[bytes[i] & 15];
  }
  *to = '\n';
}

/* The fields every entry begins with. message: printf form, one line. */
G_GNUC_PRINTF(5, 6)
static void put_head(GByteArray *out, const char *type, int64_t time_ns, int64_t realtime_ns, const char *message, ...)
{
  va_list arguments;
  va_start(arguments, message);
  g_autofree char *text = g_strdup_vprintf(message, arguments);
  va_end(arguments);
  for (char *at = text; *at != '\0'; at++) {
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      *at = '?';
  }
  put_number(out, DC_FIELD_REALTIME, (time_ns != DC_TIME_NONE ? time_ns : realtime_ns) / DC_NS_PER_US);
  put_text(out, DC_FIELD_MESSAGE, text);
  put_text(out, DC_FIELD_IDENTIFIER, "dropcorr");
  put_text(out, DC_FIELD_TYPE, type);
  if (time_ns != DC_TIME_NONE)
    put_number(out, DC_FIELD_TIME_NS, time_ns);
}

void dc_journal_header(GByteArray *out, const DcEvidenceMeta *meta, uint32_t part, int64_t realtime_ns)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_JOURNAL);
  put_head(out, DC_FIELD_TYPE_HEADER, realtime_ns, realtime_ns, "dropcorr %s on %s, drops: %s", DROPCORR_VERSION,
           meta->interface != NULL ? meta->interface : "?", meta->drop_mode != NULL ? meta->drop_mode : "none");
  put_text(out, DC_FIELD_VERSION, DROPCORR_VERSION);
  put_text(out, DC_FIELD_COMMAND, meta->command);
  put_text(out, DC_FIELD_DROP_MODE, meta->drop_mode);
  put_text(out, DC_FIELD_DROP_TEXT, meta->drop_text);
  put_text(out, DC_FIELD_IFNAME, meta->interface);
  put_count(out, DC_FIELD_IFINDEX, meta->ifindex);
  put_text(out, DC_FIELD_FILTER, meta->filter);
  put_count(out, DC_FIELD_PROMISC, meta->promiscuous ? 1 : 0);
  put_text(out, DC_FIELD_DIRECTION, meta->direction);
  put_text(out, DC_FIELD_TSTAMP, meta->timestamp_type);
  put_text(out, DC_FIELD_RUN, meta->run);
  put_number(out, DC_FIELD_START_NS, meta->start_ns);
  if (meta->verify_to_ns != 0) {
    put_number(out, DC_FIELD_VERIFY_FROM_NS, meta->verify_from_ns);
    put_number(out, DC_FIELD_VERIFY_TO_NS, meta->verify_to_ns);
  }
  put_count(out, DC_FIELD_PART, part);
  for (size_t i = 0; i < meta->local_mac_count; i++) {
    char text[DC_MAC_TEXT_MAX];
    put_text(out, DC_FIELD_LOCAL_MAC, dc_mac_format(meta->local_macs[i], text));
  }
  for (size_t i = 0; i < meta->local_address_count; i++) {
    char text[DC_ADDR_TEXT_MAX];
    put_text(out, DC_FIELD_LOCAL_ADDR, dc_addr_format(&meta->local_addresses[i], text));
  }
  dc_pcapng_write_end(out, begin);
}

void dc_journal_drop(GByteArray *out, const DcDrop *drop, int64_t realtime_ns)
{
  dc_journal_drop_verdict(out, drop, &(DcJournalVerdict){.status = NULL}, realtime_ns);
}

void dc_journal_drop_verdict(GByteArray *out, const DcDrop *drop, const DcJournalVerdict *verdict, int64_t realtime_ns)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_JOURNAL);
  const char *where = drop->location != NULL    ? drop->location
                      : drop->symbol != NULL    ? drop->symbol
                      : drop->trap_name != NULL ? drop->trap_name
                                                : "an unknown place";
  put_head(out, DC_FIELD_TYPE_DROP, drop->time_ns, realtime_ns, "dropcorr: drop %s at %s",
           drop->reason != NULL ? drop->reason : "(no reason given)", where);
  put_text(out, DC_FIELD_STATUS, verdict->status);
  put_text(out, DC_FIELD_CAUSE, verdict->cause);
  put_text(out, DC_FIELD_MATCH, verdict->match);
  put_known(out, DC_FIELD_FRAME, verdict->frame);
  put_count(out, DC_FIELD_NUMBER, drop->number);
  if (drop->kind < G_N_ELEMENTS(kind_names))
    put_text(out, DC_FIELD_KIND, kind_names[drop->kind]);
  if (drop->precision_ns > 0)
    put_number(out, DC_FIELD_PRECISION_NS, drop->precision_ns);
  put_address(out, DC_FIELD_PC, drop->pc);
  put_text(out, DC_FIELD_SYMBOL, drop->symbol);
  put_known(out, DC_FIELD_OFFSET, drop->offset);
  put_known(out, DC_FIELD_SIZE, drop->size);
  put_text(out, DC_FIELD_MODULE, drop->module);
  put_text(out, DC_FIELD_LOCATION, drop->location);
  put_text(out, DC_FIELD_REASON, drop->reason);
  if (drop->protocol >= 0)
    put_number(out, DC_FIELD_PROTOCOL, drop->protocol);
  put_known(out, DC_FIELD_IN_IFINDEX, drop->in_ifindex);
  put_text(out, DC_FIELD_IN_IFNAME, drop->in_ifname);
  put_text(out, DC_FIELD_TRAP_GROUP, drop->trap_group);
  put_text(out, DC_FIELD_TRAP_NAME, drop->trap_name);
  put_address(out, DC_FIELD_SKB, drop->skb);
  if (drop->rx_time_ns != 0) {
    put_number(out, DC_FIELD_RX_TIME_NS, drop->rx_time_ns);
    put_known(out, DC_FIELD_RX_WAIT_NS, (uint64_t)MAX(drop->rx_wait_ns, 0));
    put_known(out, DC_FIELD_RX_PASSED_NS, (uint64_t)MAX(drop->rx_passed_ns, 0));
    put_known(out, DC_FIELD_RX_BEFORE_NS, (uint64_t)MAX(drop->rx_before_ns, 0));
    put_known(out, DC_FIELD_RX_AFTER_NS, (uint64_t)MAX(drop->rx_after_ns, 0));
    put_count(out, DC_FIELD_RX_LEN, drop->rx_len);
    put_text(out, DC_FIELD_RX_IFNAME, drop->rx_ifname);
  }
  put_known(out, DC_FIELD_RX_NONE, drop->rx_none);
  put_count(out, DC_FIELD_COUNT, drop->count);
  put_known(out, DC_FIELD_ORIG_LEN, drop->orig_len);
  if (drop->caplen > 0) {
    put_text(out, DC_FIELD_LINK, drop->link == DC_LINK_RAW ? DC_FIELD_LINK_RAW : DC_FIELD_LINK_ETHERNET);
    put_hex(out, DC_FIELD_BYTES, drop->bytes, drop->caplen);
    if (drop->l4_checksum != DC_CHECKSUM_UNKNOWN && drop->l4_checksum < G_N_ELEMENTS(checksum_names))
      put_text(out, DC_FIELD_L4_CHECKSUM, checksum_names[drop->l4_checksum]);
  } else {
    g_autofree char *words = dc_packet_words(&drop->packet);
    put_text(out, DC_FIELD_PACKET, words);
  }
  dc_pcapng_write_end(out, begin);
}

void dc_journal_checksum(GByteArray *out, uint64_t frame_number, DcChecksum checksum, int64_t time_ns)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_JOURNAL);
  put_head(out, DC_FIELD_TYPE_CHECKSUM, time_ns, time_ns,
           "dropcorr: the next frame's transport checksum was %s; its payload is cut off", checksum_names[checksum]);
  put_count(out, DC_FIELD_NUMBER, frame_number);
  put_text(out, DC_FIELD_L4_CHECKSUM, checksum_names[checksum]);
  dc_pcapng_write_end(out, begin);
}

void dc_journal_sample(GByteArray *out, const DcSample *sample, int64_t realtime_ns)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_JOURNAL);
  const char *phase = sample->phase < G_N_ELEMENTS(phase_names) ? phase_names[sample->phase] : "once";
  put_head(out, DC_FIELD_TYPE_SAMPLE, sample->time_ns, realtime_ns, "dropcorr: sample %s (%s), %zu bytes", sample->name,
           phase, sample->len);
  put_text(out, DC_FIELD_PHASE, phase);
  put_text(out, DC_FIELD_NAME, sample->name);
  put_binary(out, DC_FIELD_TEXT, sample->text, MIN(sample->len, (size_t)DC_EVIDENCE_TEXT_MAX));
  dc_pcapng_write_end(out, begin);
}

void dc_journal_loss(GByteArray *out, const DcLoss *loss)
{
  const size_t begin = dc_pcapng_write_begin(out, BLOCK_JOURNAL);
  const char *name = loss->kind < G_N_ELEMENTS(loss_names) ? loss_names[loss->kind] : "input";
  put_head(out, DC_FIELD_TYPE_LOSS, loss->to_ns, loss->to_ns, "dropcorr: lost %" PRIu64 " (%s): %s", loss->count, name,
           loss->detail != NULL ? loss->detail : "no further detail");
  put_text(out, DC_FIELD_LOSS, name);
  put_count(out, DC_FIELD_COUNT, loss->count);
  put_number(out, DC_FIELD_FROM_NS, loss->from_ns);
  put_number(out, DC_FIELD_TO_NS, loss->to_ns);
  put_text(out, DC_FIELD_DETAIL, loss->detail);
  dc_pcapng_write_end(out, begin);
}
