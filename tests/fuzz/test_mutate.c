/*
 * The mutators know structure: what they make of a valid seed is mostly valid again, and still another. The same seeds
 * changed bytewise as often show what structure is worth: there hardly anything is left of it.
 */
#include "dropcorr/base/cursor.h"
#include "dropcorr/base/hash.h"
#include "dropcorr/decode/netdm.h"
#include "dropcorr/decode/normalise.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/capture_file.h"
#include "dropcorr/source/drop_log.h"
#include "mutate.h"

#include <glib.h>
#include <string.h>

enum { MAX = 16384, RUNS = 400, CHANGES = 4 };

/* As libFuzzer does: a byte more, a byte less, a byte changed. */
static size_t change_a_byte(uint8_t *data, size_t len, size_t max)
{
  static uint32_t turn;
  const uint32_t chance = turn++ * 2654435761u;
  const size_t at = len > 0 ? (chance >> 8) % len : 0;
  if (len == 0 || (chance % 3 == 0 && len < max)) {
    if (len < max) {
      memmove(data + at + 1, data + at, len - at);
      data[at] = (uint8_t)(chance >> 24);
      len++;
    }
  } else if (chance % 3 == 1) {
    memmove(data + at, data + at + 1, len - at - 1);
    len--;
  } else {
    data[at] ^= (uint8_t)(1u << (chance >> 29));
  }
  return len;
}

typedef bool IsValid(const Bytes *bytes);

static Bytes read_seed(const char *name)
{
  g_autofree char *path = g_build_filename(CORPUS_DIR, name, NULL);
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  gsize len = 0;
  g_file_get_contents(path, &text, &len, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(len, <, MAX / 2);
  Bytes seed = {.data = g_malloc(MAX), .len = len, .max = MAX};
  memcpy(seed.data, text, len);
  return seed;
}

static void copy(Bytes *to, const Bytes *from)
{
  memcpy(to->data, from->data, from->len);
  to->len = from->len;
}

/* Of a hundred: how many are valid, and not what they were, after some changes. */
static unsigned share_valid(const Bytes *seed, MutateFunc *change, IsValid *is_valid)
{
  unsigned valid = 0;
  g_autofree uint8_t *data = g_malloc(MAX);
  Bytes bytes = {.data = data, .max = MAX};
  for (unsigned i = 0; i < RUNS; i++) {
    Mutation mutation = {.state = i, .bytewise = change_a_byte};
    copy(&bytes, seed);
    for (unsigned k = 0; k < CHANGES; k++)
      change(&bytes, NULL, &mutation);
    const bool same = bytes.len == seed->len && memcmp(bytes.data, seed->data, seed->len) == 0;
    valid += !same && is_valid(&bytes);
  }
  return valid * 100 / RUNS;
}

static void check_shares(const char *name, const MutateFormat *format, IsValid *is_valid, unsigned least,
                         unsigned bytewise_most)
{
  const Bytes seed = read_seed(name);
  g_assert_true(is_valid(&seed));
  const unsigned share = share_valid(&seed, format->change, is_valid);
  const unsigned bytewise = share_valid(&seed, mutate_bytewise, is_valid);
  g_test_message("%s: %u of 100 valid, bytewise %u", name, share, bytewise);
  g_assert_cmpuint(share, >=, least);
  g_assert_cmpuint(bytewise, <=, bytewise_most);
  g_free(seed.data);
}

/* --- formats ---------------------------------------------------------------------------------------- */

static bool netlink_is_valid(const Bytes *bytes)
{
  static DcDrop drops[DC_NETDM_DROPS_MAX];
  g_autoptr(DcStrings) strings = dc_strings_new(64);
  size_t at = 0, count;
  DcNetdmReply reply;
  while (at < bytes->len) {
    const DcNetdmStatus status = dc_netdm_parse(bytes->data + at, bytes->len - at, 0, strings, drops, &count, &reply);
    if (status == DC_NETDM_MALFORMED || status == DC_NETDM_NOT)
      return false;
    at += ((size_t)bytes_get(bytes, at, 4, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) + 3) & ~(size_t)3;
  }
  return at > 0;
}

static void test_netlink(void)
{
  check_shares("netdm/003c34bc22c44555", &mutate_netlink_format, netlink_is_valid, 40, 10);
}

static bool capture_is_valid(const Bytes *bytes)
{
  const DcCaptureFileOptions options = {.filter = NULL};
  g_autoptr(DcSource) source =
      dc_capture_file_from_input(dc_input_from_bytes(bytes->data, bytes->len, "input"), &options, NULL);
  if (source == NULL)
    return false;
  DcEvent event;
  DcReadStatus status;
  unsigned frames = 0;
  while ((status = dc_source_next(source, &event, NULL)) == DC_READ_EVENT)
    frames += event.kind == DC_EVENT_FRAME;
  return status == DC_READ_END && source->skipped == 0 && frames > 0 && source->bytes_read == bytes->len;
}

static void test_capture(void)
{
  static const char *const names[] = {"capture/pcap-us-le", "capture/pcap-us-be", "capture/pcap-modified-le",
                                      "capture/pcapng-le",  "capture/pcapng-be",  "capture/evidence-le",
                                      "capture/evidence-be"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    check_shares(names[i], &mutate_capture_format, capture_is_valid, 25, 10);
}

/* All headers good, to the last checksum. */
static bool packet_is_valid(const Bytes *bytes)
{
  DcPacket packet;
  if (bytes->len < 3)
    return false;
  const uint32_t len = (uint32_t)bytes->len - 2;
  dc_decode_packet((DcLink)(bytes->data[0] % (DC_LINK_UNKNOWN + 1)), bytes->data + 2, len, len, true, &packet);
  return packet.status != DC_DECODE_MALFORMED && packet.status != DC_DECODE_SHORT && (packet.has & DC_HAS_IP) &&
         (packet.ip_checksum == DC_CHECKSUM_GOOD || packet.src.version == 6) && packet.l4_checksum != DC_CHECKSUM_BAD;
}

static void test_packet(void)
{
  g_autofree uint8_t *data = g_malloc(MAX);
  unsigned kinds[4] = {0};
  for (unsigned i = 0; i < 200; i++) {
    Mutation mutation = {.state = i, .bytewise = change_a_byte};
    Bytes frame = {.data = data, .len = 2, .max = MAX};
    memset(data, 0, 2);
    mutate_frame_fresh(&frame, &mutation);
    DcPacket packet;
    const uint32_t len = (uint32_t)frame.len - 2;
    dc_decode_packet(DC_LINK_ETHERNET, data + 2, len, len, true, &packet);
    g_assert_cmpuint(packet.has & DC_HAS_IP, !=, 0);
    g_assert_cmpint(packet.ip_checksum, !=, DC_CHECKSUM_BAD);
    g_assert_cmpint(packet.l4_checksum, !=, DC_CHECKSUM_BAD);
    kinds[packet.src.version == 6]++;
    kinds[2 + ((packet.has & DC_HAS_TCP) != 0)]++;
    if (i < 20 && packet_is_valid(&frame))
      g_assert_cmpuint(share_valid(&frame, mutate_packet_format.change, packet_is_valid), >=, 25);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
    g_assert_cmpuint(kinds[i], >, 10);
}

/* A SYN's options: other kinds, orders and numbers, the header's length right. */
static void test_tcp_options(void)
{
  static const uint8_t syn[] = {0,    0, 2,    0,    0,    0,    0, 1,  2,  0, 0, 0,    0,  2, 8, 0,
                                0x45, 0, 0,    48,   0,    1,    0, 0,  64, 6, 0, 0,    10, 0, 0, 2,
                                10,   0, 0,    1,    0x9c, 0x41, 0, 80, 0,  0, 3, 0xe8, 0,  0, 0, 0,
                                0x70, 2, 0xfa, 0xf0, 0,    0,    0, 0,  2,  4, 5, 180,  1,  1, 4, 2};
  uint8_t data[512];
  const unsigned runs = 4000;
  unsigned valid = 0, with_timestamp = 0, without_mss = 0, longer = 0;
  for (unsigned i = 0; i < runs; i++) {
    Mutation mutation = {.state = i, .bytewise = change_a_byte};
    Bytes bytes = {.data = data, .len = sizeof syn, .max = sizeof data};
    memcpy(data, syn, sizeof syn);
    for (unsigned k = 0; k < CHANGES; k++)
      mutate_packet_format.change(&bytes, NULL, &mutation);
    if (!packet_is_valid(&bytes))
      continue;
    DcPacket packet;
    dc_decode_packet(DC_LINK_ETHERNET, data + 2, (uint32_t)bytes.len - 2, (uint32_t)bytes.len - 2, true, &packet);
    valid++;
    with_timestamp += (packet.has & DC_HAS_TIMESTAMP) != 0;
    without_mss += (packet.has & DC_HAS_TCP) != 0 && !(packet.has & DC_HAS_MSS);
    longer += (packet.has & DC_HAS_TCP) != 0 && packet.payload_offset - packet.l4_offset > 28;
  }
  g_assert_cmpuint(valid, >, runs / 3);
  g_assert_cmpuint(with_timestamp, >, runs / 500);
  g_assert_cmpuint(without_mss, >, runs / 500);
  g_assert_cmpuint(longer, >, runs / 20);
}

/* --- the pipeline's pieces: drops are of frames of the same input ------------------------------------------ */

static bool normal_of(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, DcNormal *ret_normal)
{
  DcPacket packet;
  dc_decode_packet(link, bytes, caplen, len, false, &packet);
  return dc_normalise(&packet, bytes, caplen, len, ret_normal);
}

static const uint8_t *find_piece(const Bytes *bytes, char kind, size_t *ret_len)
{
  for (size_t at = 0; at + 4 <= bytes->len; at += 4 + *ret_len) {
    *ret_len = MIN((size_t)bytes_get(bytes, at + 1, 3, false), bytes->len - at - 4);
    if (bytes->data[at] == (uint8_t)kind)
      return bytes->data + at + 4;
  }
  return NULL;
}

/* Of the drops of an input, how many equal a frame of it. */
static unsigned drops_of_frames(const Bytes *bytes)
{
  static DcNormal frames[64];
  size_t count = 0, len;
  unsigned equal = 0;
  DcEvent event;
  const DcCaptureFileOptions options = {.filter = NULL};
  const DcDropLogOptions log_options = {.filter = NULL};
  g_autoptr(DcStrings) strings = dc_strings_new(64);
  const uint8_t *piece = find_piece(bytes, 'F', &len);
  g_autoptr(DcSource) capture =
      piece != NULL ? dc_capture_file_from_input(dc_input_from_bytes(piece, len, "frames"), &options, NULL) : NULL;
  piece = find_piece(bytes, 'D', &len);
  g_autoptr(DcSource) log =
      piece != NULL ? dc_drop_log_from_input(dc_input_from_bytes(piece, len, "drops"), &log_options, strings, NULL)
                    : NULL;
  while (capture != NULL && count < G_N_ELEMENTS(frames) && dc_source_next(capture, &event, NULL) == DC_READ_EVENT) {
    count += event.kind == DC_EVENT_FRAME && normal_of((DcLink)event.frame.link, event.frame.bytes, event.frame.caplen,
                                                       event.frame.len, &frames[count]);
  }
  while (log != NULL && dc_source_next(log, &event, NULL) == DC_READ_EVENT) {
    DcNormal drop;
    if (event.kind != DC_EVENT_DROP || event.drop.caplen == 0 ||
        !normal_of((DcLink)event.drop.link, event.drop.bytes, event.drop.caplen, event.drop.orig_len, &drop))
      continue;
    for (size_t i = 0; i < count; i++) {
      if (dc_normal_equal(&frames[i], &drop)) {
        equal++;
        break;
      }
    }
  }
  return equal;
}

static bool has_a_drop_of_a_frame(const Bytes *bytes)
{
  return drops_of_frames(bytes) > 0;
}

static void test_pieces(void)
{
  Bytes seed = read_seed("capture/pcap-us-le");
  const size_t len = seed.len;
  g_assert_true(bytes_splice(&seed, 0, 0, "F\0\0\0", 4));
  bytes_put(&seed, 1, 3, false, len);
  g_assert_cmpuint(drops_of_frames(&seed), ==, 0);
  const unsigned share = share_valid(&seed, mutate_pieces_format.change, has_a_drop_of_a_frame);
  g_test_message("inputs with a drop of one of their frames: %u of 100", share);
  g_assert_cmpuint(share, >=, 20);
  g_assert_cmpuint(share_valid(&seed, mutate_bytewise, has_a_drop_of_a_frame), ==, 0);
  g_free(seed.data);
}

/* --- what holds of each ------------------------------------------------------------------------------------- */

static const struct {
  const char *folder;
  const MutateFormat *format;
} targets[] = {{"capture", &mutate_capture_format},     {"drop_log", &mutate_capture_format},
               {"drop_text", &mutate_drop_text_format}, {"context", &mutate_context_format},
               {"netdm", &mutate_netlink_format},       {"packet", &mutate_packet_format},
               {"pipeline", &mutate_pieces_format}};

/* Any input, cut anywhere, in hardly more room than it has: within that room. */
static void test_hostile(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
    g_autofree char *path = g_build_filename(CORPUS_DIR, targets[i].folder, NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    g_assert_nonnull(folder);
    const char *name;
    g_autofree uint8_t *last = NULL;
    size_t last_len = 0;
    for (unsigned turn = 0; (name = g_dir_read_name(folder)) != NULL; turn++) {
      g_autofree char *file = g_build_filename(path, name, NULL);
      g_autofree char *text = NULL;
      gsize len = 0;
      g_assert_true(g_file_get_contents(file, &text, &len, NULL));
      for (unsigned k = 0; k < 20; k++) {
        Mutation mutation = {.state = turn * 100 + k, .bytewise = change_a_byte};
        const size_t start = mutate_below(&mutation, len + 1) / (k + 1);
        const size_t part = mutate_below(&mutation, len - start + 1), max = part + mutate_below(&mutation, 64);
        g_autofree uint8_t *exact = g_malloc(max + 1);
        memcpy(exact, text + start, part);
        Bytes bytes = {.data = exact, .len = part, .max = max};
        const Bytes other = {.data = last, .len = last_len, .max = last_len};
        for (unsigned again = 0; again < 3; again++) {
          targets[i].format->change(&bytes, NULL, &mutation);
          g_assert_cmpuint(bytes.len, <=, max);
          targets[i].format->cross(&bytes, &other, &mutation);
          g_assert_cmpuint(bytes.len, <=, max);
        }
      }
      g_free(last);
      last = g_memdup2(text, len);
      last_len = len;
    }
  }
}

/* Units of the other one arrive whole. */
static void test_cross(void)
{
  const Bytes seed = read_seed("capture/pcapng-le"), other = read_seed("capture/evidence-le");
  g_autofree uint8_t *data = g_malloc(MAX);
  unsigned valid = 0, longer = 0;
  for (unsigned i = 0; i < RUNS; i++) {
    Mutation mutation = {.state = i, .bytewise = change_a_byte};
    Bytes bytes = {.data = data, .max = MAX};
    copy(&bytes, &seed);
    mutate_capture_format.cross(&bytes, &other, &mutation);
    valid += capture_is_valid(&bytes);
    longer += bytes.len > seed.len;
  }
  g_assert_cmpuint(valid, >, RUNS / 3);
  g_assert_cmpuint(longer, >, RUNS / 3);
  g_free(seed.data);
  g_free(other.data);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  dc_hash_init();
  g_test_add_func("/mutate/netlink", test_netlink);
  g_test_add_func("/mutate/capture", test_capture);
  g_test_add_func("/mutate/packet", test_packet);
  g_test_add_func("/mutate/tcp_options", test_tcp_options);
  g_test_add_func("/mutate/pieces", test_pieces);
  g_test_add_func("/mutate/hostile", test_hostile);
  g_test_add_func("/mutate/cross", test_cross);
  return g_test_run();
}
