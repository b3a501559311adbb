/*
 * Records in this host's byte order that are as most are take a short way (dc_packet_file_usual()); those in the other
 * order never do. The same capture written in both must give the same events, errors and counts.
 */
#include "dropcorr/source/capture_file.h"
#include "dropcorr/source/evidence_fields.h"

#include <glib.h>
#include <string.h>

#define SEEDS 800
#define RECORDS_MAX 300

typedef struct {
  GByteArray *bytes;
  bool swapped;
  uint64_t state; /* of what is random: equal for both orders */
  uint32_t records;
  uint32_t packets; /* so far */
  bool evidence;    /* from here on they have numbers of their own */
} Writer;

static uint32_t random_below(Writer *writer, uint32_t n)
{
  writer->state = writer->state * UINT64_C(6364136223846793005) + 1442695040888963407;
  return (uint32_t)(writer->state >> 33) % n;
}

static void put16(Writer *writer, uint16_t value)
{
  value = (uint16_t)(writer->swapped ? GUINT16_SWAP_LE_BE(value) : value);
  g_byte_array_append(writer->bytes, (const guint8 *)&value, sizeof value);
}

static void put32(Writer *writer, uint32_t value)
{
  value = writer->swapped ? GUINT32_SWAP_LE_BE(value) : value;
  g_byte_array_append(writer->bytes, (const guint8 *)&value, sizeof value);
}

static void put64(Writer *writer, uint64_t value)
{
  value = writer->swapped ? GUINT64_SWAP_LE_BE(value) : value;
  g_byte_array_append(writer->bytes, (const guint8 *)&value, sizeof value);
}

static void put_random(Writer *writer, uint32_t len)
{
  for (uint32_t i = 0; i < len; i++) {
    const uint8_t byte = (uint8_t)random_below(writer, 256);
    g_byte_array_append(writer->bytes, &byte, 1);
  }
}

static void write_pcap(Writer *writer)
{
  const bool nanoseconds = random_below(writer, 2) == 0;
  put32(writer, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
  put16(writer, 2);
  put16(writer, 4);
  put64(writer, 0);
  put32(writer, 65535);
  put32(writer, random_below(writer, 8) == 0 ? 147 : 1); /* nobody knows what is in it: LINKTYPE_USER0 */
  for (uint32_t i = 0; i < writer->records; i++) {
    const uint32_t caplen = random_below(writer, 100);
    put32(writer, random_below(writer, 20) == 0 ? UINT32_MAX : 1700000000 + random_below(writer, 1000));
    put32(writer, random_below(writer, 20) == 0 ? UINT32_MAX : random_below(writer, 1000000));
    put32(writer, random_below(writer, 600) == 0 ? 300000 : caplen);
    put32(writer, random_below(writer, 4) == 0 ? random_below(writer, 100) : caplen + random_below(writer, 3));
    put_random(writer, caplen);
  }
}

/* Starts a block; its length is put in, and at its end, by end_block(). */
static guint begin_block(Writer *writer, uint32_t type)
{
  put32(writer, type);
  put32(writer, 0);
  return writer->bytes->len;
}

static void end_block(Writer *writer, guint begin)
{
  while (writer->bytes->len % 4 != 0)
    g_byte_array_append(writer->bytes, (const guint8 *)"", 1);
  /* Seldom enough to be read on behind: nothing is after a length that lies. */
  const uint32_t total_len = writer->bytes->len - begin + 12;
  const uint32_t lie = random_below(writer, 1500);
  put32(writer, lie == 0 ? total_len + 4 : total_len);
  memcpy(writer->bytes->data + begin - 4, writer->bytes->data + writer->bytes->len - 4, 4);
  if (lie == 1) {
    g_byte_array_set_size(writer->bytes, writer->bytes->len - 4);
    put32(writer, total_len + 4);
  }
}

static void put_option(Writer *writer, uint16_t code, uint16_t len)
{
  while (writer->bytes->len % 4 != 0)
    g_byte_array_append(writer->bytes, (const guint8 *)"", 1);
  put16(writer, code);
  put16(writer, len);
}

static void write_interface(Writer *writer)
{
  static const uint16_t links[] = {1, 1, 1, 113, 147};
  static const uint8_t resolutions[] = {6, 9, 9, 3, 0, 12, 0x8a, 0x94, 19};
  const guint begin = begin_block(writer, 1);
  put16(writer, links[random_below(writer, G_N_ELEMENTS(links))]);
  put16(writer, 0);
  put32(writer, 65535);
  if (random_below(writer, 2) == 0) {
    put_option(writer, 9, 1); /* if_tsresol */
    const uint8_t resolution[4] = {resolutions[random_below(writer, G_N_ELEMENTS(resolutions))]};
    g_byte_array_append(writer->bytes, resolution, sizeof resolution);
  }
  if (random_below(writer, 4) == 0) {
    put_option(writer, 2, (uint16_t)strlen(DC_EVIDENCE_KDROP)); /* if_name */
    g_byte_array_append(writer->bytes, (const guint8 *)DC_EVIDENCE_KDROP, (guint)strlen(DC_EVIDENCE_KDROP));
  }
  if (random_below(writer, 4) == 0) {
    put_option(writer, 14, 8); /* if_tsoffset */
    put64(writer, (uint64_t)random_below(writer, 10) - 5);
  }
  end_block(writer, begin);
}

static void write_statistics(Writer *writer)
{
  const guint begin = begin_block(writer, 5);
  put32(writer, random_below(writer, 4));
  put32(writer, 0);
  put32(writer, random_below(writer, 1000000));
  put_option(writer, 5, 8); /* isb_ifdrop */
  put64(writer, random_below(writer, 1000));
  end_block(writer, begin);
}

static void write_section(Writer *writer, bool evidence)
{
  guint begin = begin_block(writer, 0x0a0d0d0a);
  put32(writer, 0x1a2b3c4d);
  put16(writer, 1);
  put16(writer, 0);
  put64(writer, UINT64_MAX);
  if (evidence) {
    writer->evidence = true;
    put_option(writer, 4, 8); /* shb_userappl */
    g_byte_array_append(writer->bytes, (const guint8 *)"dropcorr", 8);
  }
  end_block(writer, begin);
  for (uint32_t i = 1 + random_below(writer, 4); i > 0; i--)
    write_interface(writer);
  if (random_below(writer, 2) == 0)
    write_statistics(writer);
}

static void write_packet(Writer *writer)
{
  const uint32_t caplen = random_below(writer, 100);
  const guint begin = begin_block(writer, 6);
  writer->packets++;
  put32(writer, random_below(writer, 4));
  put32(writer, random_below(writer, 20) == 0 ? UINT32_MAX : random_below(writer, 400000));
  put32(writer, random_below(writer, 1000000));
  put32(writer, random_below(writer, 50) == 0 ? caplen + random_below(writer, 300000) : caplen);
  put32(writer, random_below(writer, 4) == 0 ? random_below(writer, 100) : caplen);
  put_random(writer, caplen);
  if (random_below(writer, 8) == 0) {
    put_option(writer, 2, 4); /* epb_flags */
    put32(writer, random_below(writer, 0x800));
  }
  if (random_below(writer, writer->evidence ? 2 : 8) == 0) {
    put_option(writer, 5, 8); /* epb_packetid */
    put64(writer, writer->packets + 3 - random_below(writer, 6));
  }
  end_block(writer, begin);
}

static void write_other(Writer *writer)
{
  static const uint32_t types[] = {2, 3, 7, 9, 10};
  const uint32_t type = types[random_below(writer, G_N_ELEMENTS(types))];
  const guint begin = begin_block(writer, type);
  switch (type) {
  case 2: /* packet of old */
    put16(writer, (uint16_t)random_below(writer, 4));
    put16(writer, 0);
    put32(writer, 0);
    put32(writer, random_below(writer, 1000));
    put32(writer, 20);
    put32(writer, 20);
    put_random(writer, 20);
    break;
  case 3: /* simple packet */
    put32(writer, 20);
    put_random(writer, 20);
    break;
  default:
    put_random(writer, random_below(writer, 40));
    break;
  }
  end_block(writer, begin);
}

/* One of an own run may be joined behind another: then packets have other numbers from there on. */
static void write_pcapng(Writer *writer)
{
  const uint32_t evidence_at = random_below(writer, 3 * writer->records);
  write_section(writer, false);
  for (uint32_t i = 0; i < writer->records; i++) {
    if (i == evidence_at || random_below(writer, 100) == 0)
      write_section(writer, i == evidence_at);
    else if (random_below(writer, 20) == 0)
      write_statistics(writer);
    else if (random_below(writer, 20) == 0)
      write_other(writer);
    else
      write_packet(writer);
  }
}

static DcSource *open_bytes(const GByteArray *bytes, guint len, GError **error)
{
  const DcCaptureFileOptions options = {.filter = NULL};
  return dc_capture_file_from_input(dc_input_from_bytes(bytes->data, len, "capture"), &options, error);
}

static void compare_frames(const DcFrame *a, const DcFrame *b)
{
  g_assert_cmpuint(a->number, ==, b->number);
  g_assert_cmpint(a->time_ns, ==, b->time_ns);
  g_assert_cmpuint(a->caplen, ==, b->caplen);
  g_assert_true(a->caplen == 0 || memcmp(a->bytes, b->bytes, a->caplen) == 0);
  g_assert_cmpuint(a->len, ==, b->len);
  g_assert_cmpuint(a->interface_id, ==, b->interface_id);
  g_assert_cmpuint(a->ifindex, ==, b->ifindex);
  g_assert_cmpuint(a->link, ==, b->link);
  g_assert_cmpuint(a->direction, ==, b->direction);
  g_assert_cmpuint(a->l4_checksum, ==, b->l4_checksum);
  g_assert_true(a->keys == NULL && b->keys == NULL);
  g_assert_false(a->usual || b->usual);
  g_assert_cmpuint(a->packet.has, ==, b->packet.has);
}

static void compare_errors(const GError *a, const GError *b)
{
  g_assert_true((a == NULL) == (b == NULL));
  if (a != NULL) {
    g_assert_cmpint(a->code, ==, b->code);
    g_assert_cmpstr(a->message, ==, b->message);
  }
}

/* Returns how many frames there were. */
static uint64_t compare(const GByteArray *own, const GByteArray *other, guint len)
{
  g_autoptr(GError) error_a = NULL, error_b = NULL;
  g_autoptr(DcSource) a = open_bytes(own, len, &error_a);
  g_autoptr(DcSource) b = open_bytes(other, len, &error_b);
  compare_errors(error_a, error_b);
  g_assert_true((a == NULL) == (b == NULL));
  uint64_t frames = 0;
  for (DcReadStatus status = DC_READ_EVENT; a != NULL && status == DC_READ_EVENT;) {
    DcEvent event_a, event_b;
    memset(&event_a, 0x5a, sizeof event_a);
    memset(&event_b, 0xa5, sizeof event_b);
    status = dc_source_next(a, &event_a, &error_a);
    g_assert_cmpint(status, ==, dc_source_next(b, &event_b, &error_b));
    compare_errors(error_a, error_b);
    g_assert_cmpuint(a->bytes_read, ==, b->bytes_read);
    g_assert_cmpuint(a->skipped, ==, b->skipped);
    g_assert_cmpuint(a->foreign, ==, b->foreign);
    if (status != DC_READ_EVENT)
      break;
    g_assert_cmpint(event_a.kind, ==, event_b.kind);
    g_assert_cmpint(event_a.time_ns, ==, event_b.time_ns);
    if (event_a.kind == DC_EVENT_FRAME) {
      compare_frames(&event_a.frame, &event_b.frame);
      frames++;
    } else {
      g_assert_cmpint(event_a.kind, ==, DC_EVENT_LOSS);
      g_assert_cmpuint(event_a.loss.count, ==, event_b.loss.count);
    }
  }
  return frames;
}

static void test_both_orders(gconstpointer data)
{
  void (*const write)(Writer *) = *(void (*const *)(Writer *))data;
  uint64_t frames = 0;
  for (uint32_t seed = 1; seed <= SEEDS; seed++) {
    const uint32_t records = seed % 8 == 0 ? RECORDS_MAX : 1 + seed % 8;
    g_autoptr(GByteArray) own = g_byte_array_new();
    g_autoptr(GByteArray) other = g_byte_array_new();
    write(&(Writer){.bytes = own, .state = seed, .records = records});
    write(&(Writer){.bytes = other, .state = seed, .records = records, .swapped = true});
    g_assert_cmpuint(own->len, ==, other->len);
    frames += compare(own, other, own->len);
    /* Cut anywhere, most of all where the first records end. */
    for (guint len = seed % 16; len < own->len; len += len < 300 ? 16 : 1000)
      compare(own, other, len);
  }
  g_test_message("%" G_GUINT64_FORMAT " frames", frames);
  g_assert_cmpuint(frames, >, 1000);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  static void (*const writers[])(Writer *) = {write_pcap, write_pcapng};
  g_test_add_data_func("/usual-records/pcap", &writers[0], test_both_orders);
  g_test_add_data_func("/usual-records/pcapng", &writers[1], test_both_orders);
  return g_test_run();
}
