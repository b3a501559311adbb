/* What the window knows of a frame is the same however its keys were made; and a frame that a drop may be joined to by
 * its bytes is asked for by that drop. */
#include "../../src/correlate/brief_record.h"
#include "../../src/correlate/frame_key.h"
#include "dropcorr/correlate/frame_keys.h"
#include "dropcorr/decode/packet.h"
#include "sample_frames.h"

#include <string.h>

typedef struct {
  uint64_t frames, usual, joinable;
} Count;

static DcAsked *asked_for(const DcDrop *drop)
{
  DcAsked *asked = dc_asked_new();
  if (drop != NULL)
    g_assert_true(dc_asked_add(asked, drop));
  dc_asked_finish(asked);
  return asked;
}

static void decode(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, DcFrame *frame)
{
  *frame = (DcFrame){.bytes = bytes, .caplen = caplen, .len = MAX(len, caplen), .link = (uint8_t)link};
  frame->interface_id = sample_random(3) == 0 ? sample_random(70000) : 0;
  dc_decode_packet(link, bytes, caplen, frame->len, true, &frame->packet);
}

static void compare(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, void *data)
{
  static DcAsked *nothing; /* never freed: it is compared with thousands of times */
  Count *count = data;
  DcFrame frame;
  DcFrameKeys all, keys;
  if (nothing == NULL)
    nothing = asked_for(NULL);
  decode(link, bytes, caplen, len, &frame);
  dc_frame_keys_make(&all, &frame, true);
  const bool usual = dc_frame_keys_make_asked(&keys, &frame, true, dc_frame_is_asked(&frame, true, nothing));
  count->frames++;
  count->usual += usual;
  g_assert_cmpint(usual, ==, dc_packet_is_usual(&frame.packet));
  g_assert_cmpint(keys.unasked, ==, usual);
  if (usual) {
    /* Of what is not asked for there is the brief, and nothing to find it by. */
    g_assert_cmpuint(keys.exact | keys.inner | keys.loose, ==, 0);
    g_assert_cmpuint(keys.record_len, ==, keys.brief_len);
    all.exact = all.inner = 0;
    all.loose = 0;
    all.cut = false;
    all.unasked = true;
    all.record_len = all.brief_len;
    all.flags = keys.flags;
  }
  g_assert_true(memcmp(&all, &keys, offsetof(DcFrameKeys, record)) == 0);
  g_assert_true(memcmp(all.record, keys.record, keys.record_len) == 0);
  dc_frame_keys_make(&all, &frame, true);
  (void)dc_frame_keys_make_asked(&keys, &frame, true, dc_frame_is_asked(&frame, true, NULL));
  g_assert_true(memcmp(&all, &keys, offsetof(DcFrameKeys, record)) == 0);
  g_assert_true(memcmp(all.record, keys.record, keys.record_len) == 0);
}

static void test_same(void)
{
  Count count = {0};
  sample_folder(SAMPLES_DIR, 16, compare, &count);
  sample_folder(GOLDEN_DIR, 16, compare, &count);
  g_test_message("%" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " of them usual", count.frames, count.usual);
  g_assert_cmpuint(count.usual, >, 10000);
  g_assert_cmpuint(count.frames - count.usual, >, 10000);
}

/* As the kernel has it, or a damaged copy of it: without padding or MAC header, forwarded, cut. */
static void make_drop(const DcFrame *frame, uint8_t *bytes, DcDrop *drop)
{
  const uint32_t from = sample_random(2) == 0 ? 0 : MIN(frame->packet.l3_offset, frame->caplen);
  uint32_t caplen = frame->caplen - from;
  memcpy(bytes, frame->bytes + from, caplen);
  const bool ip = (frame->packet.has & DC_HAS_IP) != 0;
  const uint32_t ttl = frame->packet.l3_offset - from + (frame->packet.src.version == 4 ? 8 : 7);
  if (ip && ttl < caplen && sample_random(2) == 0)
    bytes[ttl]--;
  if (sample_random(2) == 0)
    caplen = MIN(caplen, frame->packet.l3_offset - from + frame->packet.l3_len);
  if (sample_random(4) == 0)
    caplen = sample_random(caplen + 1);
  if (sample_random(4) == 0 && caplen > 0)
    bytes[sample_random(caplen)] ^= (uint8_t)(1u << sample_random(8));
  *drop = (DcDrop){.time_ns = 1, .bytes = bytes, .caplen = caplen};
  drop->orig_len = sample_random(3) == 0 ? caplen : frame->len - from;
  drop->link = from == 0 ? frame->link : DC_LINK_RAW;
  dc_decode_packet((DcLink)drop->link, bytes, caplen, drop->orig_len, false, &drop->packet);
}

/* Found by any of the hashes that join_exact() and join_strong() look under (match.c). */
static bool is_findable(const DcFrameKeys *keys, const DcDrop *drop)
{
  DcNormal normal;
  uint64_t exact;
  if (dc_key_has_loose(&drop->packet) && dc_key_loose(&drop->packet) == keys->loose)
    return true;
  if (!dc_normalise(&drop->packet, drop->bytes, drop->caplen, drop->orig_len, &normal) || !normal.whole)
    return false;
  (void)dc_key_exact(&drop->packet, &normal, &exact);
  const uint64_t headers = dc_key_of_headers(&normal);
  return exact == keys->exact || exact == keys->inner || headers == keys->exact || headers == keys->inner;
}

static void check_asked(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, void *data)
{
  Count *count = data;
  DcFrame frame;
  DcFrameKeys keys;
  DcDrop drop;
  decode(link, bytes, caplen, len, &frame);
  if (caplen == 0)
    return;
  g_autofree uint8_t *copy = g_malloc(caplen);
  make_drop(&frame, copy, &drop);
  dc_frame_keys_make(&keys, &frame, true);
  count->frames++;
  count->usual += dc_packet_is_usual(&frame.packet);
  if (drop.caplen == 0 || !is_findable(&keys, &drop))
    return;
  g_autoptr(DcAsked) asked = asked_for(&drop);
  g_assert_true(dc_asked_knows(asked, &drop));
  (void)dc_frame_keys_make_asked(&keys, &frame, true, dc_frame_is_asked(&frame, true, asked));
  g_assert_false(keys.unasked);
  count->joinable += dc_packet_is_usual(&frame.packet);
}

static void test_asked(void)
{
  Count count = {0};
  sample_folder(SAMPLES_DIR, 16, check_asked, &count);
  sample_folder(GOLDEN_DIR, 16, check_asked, &count);
  g_test_message("%" G_GUINT64_FORMAT " usual frames, %" G_GUINT64_FORMAT " of them joinable", count.usual,
                 count.joinable);
  g_assert_cmpuint(count.joinable, >, 5000);
  g_assert_cmpuint(count.joinable, <, count.usual);
}

/* Of many keys all are had, of others few. */
static void test_many(void)
{
  enum { KEYS = 100000 };
  g_autoptr(DcAsked) asked = dc_asked_new();
  DcDrop drop = {
      .time_ns = 1, .caplen = 40, .packet = {.has = DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP, .ip_protocol = 6}};
  for (uint32_t i = 0; i < KEYS; i++) {
    drop.packet.tcp_seq = i;
    g_assert_true(dc_asked_add(asked, &drop));
  }
  dc_asked_finish(asked);
  uint32_t others = 0;
  for (uint32_t i = 0; i < 2 * KEYS; i++) {
    drop.packet.tcp_seq = i;
    const bool has = dc_asked_has(asked, dc_key_loose(&drop.packet));
    g_assert_true(has || i >= KEYS);
    others += has && i >= KEYS;
  }
  g_assert_cmpuint(others, <, KEYS / 10);
}

/* A drop that has a time and no bytes may be any frame's; one that has neither is none's. */
static void test_without_bytes(void)
{
  DcDrop drop = {.time_ns = DC_TIME_NONE};
  g_autoptr(DcAsked) none = dc_asked_new();
  g_assert_true(dc_asked_add(none, &drop));
  drop.time_ns = 1;
  drop.kind = DC_DROP_NETDM_SUMMARY;
  g_assert_true(dc_asked_add(none, &drop));
  dc_asked_finish(none);
  g_assert_false(dc_asked_has(none, 1));
  g_assert_true(dc_asked_knows(none, &drop));
  drop.kind = DC_DROP_TEXT;
  g_assert_false(dc_asked_knows(none, &drop));
  g_autoptr(DcAsked) all = dc_asked_new();
  g_assert_false(dc_asked_add(all, &drop));
  dc_asked_finish(all);
  g_assert_true(dc_asked_has(all, 1));
  g_assert_true(dc_asked_knows(all, &drop));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/frame-keys/same", test_same);
  g_test_add_func("/frame-keys/asked", test_asked);
  g_test_add_func("/frame-keys/many", test_many);
  g_test_add_func("/frame-keys/without-bytes", test_without_bytes);
  return g_test_run();
}
