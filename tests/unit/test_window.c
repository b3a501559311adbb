#include "../../src/correlate/window.h"

#include <glib.h>

/* Chains hold the low half of positions, where 0 is "none": a position whose low half is 0 is left out. */
static void test_after_four_billion_frames(void)
{
  enum { COUNT = 3000 };
  const uint64_t boundary = UINT64_C(1) << 32;
  DcWindow *window = dc_window_new(4096);
  dc_window_begin_at(window, boundary - COUNT / 2);
  DcNormal normal = {.len = 20, .header_len = 10, .whole = true};
  for (uint32_t i = 0; i < COUNT; i++) {
    uint64_t position;
    DcSlot *slot = dc_window_add(window, &position);
    g_assert_cmpuint((uint32_t)position, !=, 0);
    slot->number = i + 1;
    slot->time_ns = i;
    normal.bytes[0] = (uint8_t)i;
    dc_window_keep_bytes(window, slot, &normal, NULL);
    dc_window_link(window, position, DC_CHAIN_EXACT, 1000 + i);
  }
  for (uint32_t i = 0; i < COUNT; i++) {
    uint64_t position;
    const DcSlot *slot = dc_window_find(window, DC_CHAIN_EXACT, 1000 + i, &position);
    g_assert_nonnull(slot);
    g_assert_cmpuint(slot->number, ==, i + 1);
    g_assert_cmpuint(dc_window_bytes(window, slot, false)[0], ==, (uint8_t)i);
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

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/window/four-billion", test_after_four_billion_frames);
  return g_test_run();
}
