/* The usual packets, decoded in one pass, come out as the layers make them. */
#include "../../src/decode/decoder.h"
#include "dropcorr/decode/packet.h"
#include "sample_frames.h"

#include <string.h>

typedef struct {
  uint64_t frames, plain;
} Count;

static void compare(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, void *data)
{
  Count *count = data;
  for (int checksums = 0; checksums < 2 && link == DC_LINK_ETHERNET; checksums++) {
    DcPacket fast, layers, usual;
    memset(&fast, 0xa5, sizeof fast); /* whatever is there before */
    memset(&layers, 0x5a, sizeof layers);
    usual = fast;
    dc_decode_layers(link, bytes, caplen, len, checksums != 0, &layers);
    dc_decode_packet(link, bytes, caplen, len, checksums != 0, &usual);
    const bool plain = dc_decode_plain(bytes, caplen, len, checksums != 0, &fast);
    g_assert_true(!plain || memcmp(&fast, &layers, sizeof fast) == 0);
    g_assert_true(memcmp(&usual, &layers, sizeof usual) == 0);
    count->frames++;
    count->plain += plain;
  }
}

static void test_captures(void)
{
  Count count = {0};
  sample_folder(SAMPLES_DIR, 24, compare, &count);
  sample_folder(GOLDEN_DIR, 24, compare, &count);
  g_test_message("%" G_GUINT64_FORMAT " packets, %" G_GUINT64_FORMAT " of them plain", count.frames, count.plain);
  g_assert_cmpuint(count.plain, >, 10000);
  g_assert_cmpuint(count.frames - count.plain, >, 10000);
}

/* Each pair of bytes of the headers with each value that a length or a type may have. */
static void test_every_length(void)
{
  static const uint8_t segment[78] = {
      2,    0, 0, 0,  0, 1, 2,    0, 0,  0, 0, 2, 0x81, 0,    0, 100, 8,  0, /* tagged */
      0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 6, 0, 0, 10,   0,    0, 2,   10, 0, 0, 1,
      1,    2, 0, 80, 0, 0, 0,    1, 0,  0, 0, 2, 0xa0, 0x10, 1, 0,   0,  0, 0, 0};
  Count count = {0};
  for (uint32_t at = 12; at + 1 < 60; at++) {
    for (uint32_t value = 0; value < 256; value++) {
      uint8_t bytes[sizeof segment];
      memcpy(bytes, segment, sizeof bytes);
      bytes[at] = (uint8_t)value;
      for (uint32_t caplen = sizeof bytes - 20; caplen <= sizeof bytes; caplen += 5)
        compare(DC_LINK_ETHERNET, bytes, caplen, sizeof bytes, &count);
      bytes[27] = 17; /* UDP */
      compare(DC_LINK_ETHERNET, bytes, sizeof bytes, sizeof bytes, &count);
    }
  }
  g_assert_cmpuint(count.plain, >, 10000);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plain/captures", test_captures);
  g_test_add_func("/plain/every-length", test_every_length);
  return g_test_run();
}
