/* Every frame of the captures that lie in the samples and golden tests, and each of them cut and changed at random. */
#pragma once

#include "dropcorr/source/capture_file.h"

#include <glib.h>

#define SAMPLE_FRAMES_OF_EACH 400 /* of a capture */

/* bytes end where an allocation ends: a sanitizer sees what is read behind them. */
typedef void (*SampleFrame)(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, void *data);

static uint64_t sample_random_state = 1;

static inline uint32_t sample_random(uint32_t n)
{
  sample_random_state = sample_random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
  return (uint32_t)(sample_random_state >> 33) % n;
}

static inline void sample_give(const DcFrame *frame, uint32_t caplen, uint32_t len, SampleFrame use, void *data)
{
  g_autofree uint8_t *exact = g_memdup2(frame->bytes, caplen);
  use((DcLink)frame->link, exact, caplen, len, data);
}

static inline void sample_give_changed(const DcFrame *frame, SampleFrame use, void *data)
{
  static const uint8_t telling[] = {0x45, 0x46, 0x60, 0x06, 0x11, 0x81, 0x88, 0x08,
                                    0x86, 0xdd, 0x00, 0xff, 0x40, 0x50, 0x20};
  g_autofree uint8_t *bytes = g_memdup2(frame->bytes, frame->caplen);
  const uint32_t changes = sample_random(4);
  for (uint32_t i = 0; i < changes && frame->caplen > 0; i++) {
    const uint32_t at = sample_random(MIN(frame->caplen, 90u));
    if (sample_random(2) == 0)
      bytes[at] = telling[sample_random(sizeof telling)];
    else
      bytes[at] = (uint8_t)(bytes[at] ^ 1u << sample_random(8));
  }
  const uint32_t caplen = sample_random(3) == 0 ? sample_random(frame->caplen + 1) : frame->caplen;
  uint32_t len = frame->len;
  if (sample_random(4) == 0)
    len = sample_random(2) == 0 ? sample_random(1600) : frame->len + sample_random(20);
  const DcFrame changed = {.bytes = bytes, .link = frame->link};
  sample_give(&changed, caplen, len, use, data);
}

static inline void sample_capture(const char *path, uint32_t changes, SampleFrame use, void *data)
{
  const DcCaptureFileOptions options = {.filter = NULL};
  g_autoptr(DcSource) source = dc_capture_file_open(path, &options, NULL);
  DcEvent event;
  /* Golden tests have captures that cannot be read. */
  for (uint32_t frames = 0;
       source != NULL && frames < SAMPLE_FRAMES_OF_EACH && dc_source_next(source, &event, NULL) == DC_READ_EVENT;) {
    if (event.kind != DC_EVENT_FRAME)
      continue;
    frames++;
    sample_give(&event.frame, event.frame.caplen, event.frame.len, use, data);
    for (uint32_t i = 0; i < changes; i++)
      sample_give_changed(&event.frame, use, data);
  }
}

static inline void sample_folder(const char *path, uint32_t changes, SampleFrame use, void *data)
{
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  g_assert_nonnull(folder);
  const char *name;
  while ((name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    if (g_file_test(inside, G_FILE_TEST_IS_DIR))
      sample_folder(inside, changes, use, data);
    else if (g_str_has_suffix(name, ".pcap") || g_str_has_suffix(name, ".pcapng"))
      sample_capture(inside, changes, use, data);
  }
}
