#include "../../src/correlate/frame_key.h"
#include "../../src/correlate/window.h"

#include <glib.h>
#include <string.h>

/* Keys of a frame that differs from others in one number. */
static void make_keys(DcFrameKeys *keys, uint32_t number)
{
  memset(keys, 0, sizeof *keys);
  keys->exact = UINT64_C(1000) + number;
  keys->brief_len = 17; /* a brief of nothing */
  keys->record_len = 17;
}

/* Chains hold the low half of positions, where 0 is "none": a position whose low half is 0 is left out. */
static void test_after_four_billion_frames(void)
{
  enum { COUNT = 3000 };
  const uint64_t boundary = UINT64_C(1) << 32;
  DcWindow *window = dc_window_new(4096);
  dc_window_begin_at(window, boundary - COUNT / 2);
  for (uint32_t i = 0; i < COUNT; i++) {
    uint64_t position;
    DcFrameKeys keys;
    make_keys(&keys, i);
    DcSlot *slot = dc_window_add(window, &keys, false, &position);
    g_assert_cmpuint((uint32_t)position, !=, 0);
    slot->number = i + 1;
    slot->time_ns = i;
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    uint64_t position;
    const DcSlot *slot = dc_window_find(window, DC_CHAIN_EXACT, UINT64_C(1000) + i, &position);
    g_assert_nonnull(slot);
    g_assert_cmpuint(slot->number, ==, i + 1);
  }
  /* What stands in the place of the position left out is no frame: nothing is joined to it, it needs no verdict. */
  const DcSlot *filler = dc_window_at(window, boundary);
  g_assert_cmpuint(filler->number, ==, 0);
  g_assert_cmpuint(filler->flags, ==, DC_SLOT_JOINED | DC_SLOT_DECIDED);
  uint64_t frames = 0;
  for (const DcSlot *slot = dc_window_oldest(window); slot != NULL; slot = dc_window_oldest(window)) {
    frames += (slot->flags & DC_SLOT_DECIDED) == 0;
    dc_window_remove_oldest(window);
  }
  g_assert_cmpuint(frames, ==, COUNT);
  g_assert_cmpuint(dc_window_count(window), ==, 0);
  dc_window_free(window);
}

/* A frame whose packet is a tunnel's, all of it different from other frames'. */
static void make_frame(DcFrame *frame, uint8_t bytes[120], uint32_t number)
{
  memset(bytes, 0, 120);
  memcpy(bytes, &number, sizeof number);
  memcpy(bytes + 60, &number, sizeof number);
  *frame = (DcFrame){.number = number, .caplen = 120, .len = 120, .bytes = bytes, .interface_id = number % 3};
  frame->packet.has = DC_HAS_ETHERTYPE | DC_HAS_MAC | DC_HAS_SRC_MAC;
  frame->packet.ethertype = 0x88cc;
  frame->packet.l3_len = 120;
  frame->packet.src_mac[5] = (uint8_t)number;
}

/* What is kept of a frame comes back from it, however many came and went, and across chunks of memory. */
static void test_records(void)
{
  enum { COUNT = 20000, HELD = 3000 };
  DcWindow *window = dc_window_new(4096);
  for (uint32_t i = 1; i <= COUNT; i++) {
    uint8_t bytes[120];
    DcFrame frame;
    DcFrameKeys keys;
    uint64_t position;
    make_frame(&frame, bytes, i);
    dc_frame_keys_make(&keys, &frame, true);
    g_assert_cmphex(keys.exact, !=, 0);
    DcSlot *slot = dc_window_add(window, &keys, false, &position);
    slot->number = i;
    slot->direction = DC_DIRECTION_IN;
    if (i % 7 == 0)
      dc_window_make_note(window, slot)->attempt = i;
    if (dc_window_count(window) > HELD)
      dc_window_remove_oldest(window);
  }
  g_assert_cmpuint(dc_window_count(window), ==, HELD);
  for (uint32_t i = COUNT - HELD + 1; i <= COUNT; i++) {
    uint8_t bytes[120];
    DcFrame frame;
    DcFrameKeys keys;
    uint64_t position;
    DcBrief brief;
    DcNormal normal;
    make_frame(&frame, bytes, i);
    dc_frame_keys_make(&keys, &frame, true);
    const DcSlot *slot = dc_window_find(window, DC_CHAIN_EXACT, keys.exact, &position);
    g_assert_nonnull(slot);
    g_assert_cmpuint(slot->number, ==, i);
    dc_window_brief(window, slot, &brief);
    g_assert_cmpuint(brief.src_mac[5], ==, (uint8_t)i);
    g_assert_cmpuint(brief.interface_id, ==, i % 3);
    g_assert_cmpuint(brief.direction, ==, DC_DIRECTION_IN);
    const DcSlotNote *note = dc_window_note(window, slot);
    g_assert_cmpuint(note != NULL ? note->attempt : 0, ==, i % 7 == 0 ? i : 0);
    g_assert_true(dc_normalise(&frame.packet, bytes, 120, 120, &normal));
    const uint64_t headers = dc_key_of_headers(&normal);
    g_assert_true(dc_window_same_headers(window, slot, false, &normal, headers));
    g_assert_true(dc_window_same_bytes(window, slot, false, &normal, headers));
    normal.bytes[110] ^= 1; /* behind the headers */
    g_assert_false(dc_window_same_bytes(window, slot, false, &normal, headers));
    normal.len = 100; /* as far as both go they are equal */
    g_assert_true(dc_window_same_bytes(window, slot, false, &normal, headers));
    g_assert_false(dc_window_same_bytes(window, slot, false, &normal, headers + 1));
  }
  dc_window_free(window);
}

/* What is joined is cut out of its chain, the others are still found, newest first. */
static void test_joined_leave_the_chain(void)
{
  enum { COUNT = 100 };
  DcWindow *window = dc_window_new(4096);
  uint64_t position = 0;
  for (uint32_t i = 0; i < COUNT; i++) {
    DcFrameKeys keys;
    make_keys(&keys, 0);
    keys.loose = 7;
    dc_window_add(window, &keys, false, &position)->number = i;
  }
  uint32_t expected = COUNT;
  for (DcSlot *slot = dc_window_find(window, DC_CHAIN_LOOSE, 7, &position); slot != NULL;
       slot = dc_window_find_older(window, DC_CHAIN_LOOSE, 7, &position)) {
    g_assert_cmpuint(slot->number, ==, --expected);
    if (expected % 3 != 0)
      slot->flags |= DC_SLOT_JOINED;
  }
  g_assert_cmpuint(expected, ==, 0);
  for (int chain = DC_CHAIN_EXACT; chain <= DC_CHAIN_LOOSE; chain++) {
    const uint64_t hash = chain == DC_CHAIN_EXACT ? 1000 : 7;
    uint32_t left = 0;
    for (const DcSlot *slot = dc_window_find(window, (DcChain)chain, hash, &position); slot != NULL;
         slot = dc_window_find_older(window, (DcChain)chain, hash, &position)) {
      g_assert_cmpuint(slot->number % 3, ==, 0);
      left++;
    }
    g_assert_cmpuint(left, ==, (COUNT + 2) / 3);
  }
  dc_window_free(window);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/window/four-billion", test_after_four_billion_frames);
  g_test_add_func("/window/records", test_records);
  g_test_add_func("/window/joined", test_joined_leave_the_chain);
  return g_test_run();
}
