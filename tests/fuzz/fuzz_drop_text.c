/*
 * Text drop logs, each format by itself: what a probe would have turned away is read too. Input: a byte that
 * chooses the format, then the log. Its times are then fitted to frames made of the log itself, and aligned.
 */
#include "dropcorr/base/hash.h"
#include "dropcorr/source/clock_align.h"
#include "event_checks.h"

/* The formats behind the two that are captures. */
#define FIRST_TEXT 2u

#define DROPS_FITTED 200u

typedef struct {
  DcClockFit *fit;
  unsigned drops;
} Fit;

/* A frame that the drop could be of, or nearly. */
static void add_to_fit(Fit *fit, const DcDrop *drop)
{
  if (drop->time_ns == DC_TIME_NONE || fit->drops >= DROPS_FITTED)
    return;
  DcFrame frame = {.time_ns = drop->time_ns + (int64_t)(fit->drops * 7919 % 100000), .len = 60, .packet = drop->packet};
  if (drop->protocol >= 0) {
    frame.packet.has |= DC_HAS_ETHERTYPE;
    frame.packet.ethertype = (uint16_t)drop->protocol;
  }
  dc_clock_fit_add_frame(fit->fit, &frame);
  dc_clock_fit_add_drop(fit->fit, drop);
  fit->drops++;
}

static void check_fit(const DcClockFit *fit)
{
  static const DcLogClock clocks[] = {DC_LOG_CLOCK_MONOTONIC, DC_LOG_CLOCK_LOCAL, DC_LOG_CLOCK_TIME_OF_DAY,
                                      DC_LOG_CLOCK_NONE};
  for (size_t i = 0; i < G_N_ELEMENTS(clocks); i++) {
    const DcClockAlignOptions options = {.zone = i == 2 ? "Asia/Tokyo" : NULL, .has_start = true};
    g_auto(DcClockAlignment) alignment = {0};
    g_autofree char *text = NULL;
    FUZZ_CHECK(dc_clock_align(&options, clocks[i], fit, &alignment, &text, NULL));
    FUZZ_CHECK(text != NULL && g_utf8_validate(text, -1, NULL) && strchr(text, '\n') == NULL);
    int64_t first_ns, last_ns;
    if (!dc_clock_fit_drop_span(fit, &first_ns, &last_ns))
      continue;
    check_time(dc_clock_alignment_apply(&alignment, first_ns));
    check_time(dc_clock_alignment_apply(&alignment, last_ns));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  size_t count;
  const DcDropLogFormat *const *formats = dc_drop_log_formats(&count);
  FUZZ_CHECK(count > FIRST_TEXT);
  if (size < 1 || size > 1 << 18)
    return 0;
  dc_hash_init();
  const DcDropLogFormat *format = formats[FIRST_TEXT + data[0] % (count - FIRST_TEXT)];
  data++;
  size--;
  (void)format->probe(data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(DcStrings) strings = dc_strings_new(256);
  g_autoptr(DcSource) source = format->open(dc_input_from_bytes(data, size, "input"), strings, &error);
  FUZZ_CHECK(source != NULL);
  g_autoptr(DcClockFit) clock_fit = dc_clock_fit_new();
  Fit fit = {.fit = clock_fit};
  uint64_t events = 0;
  DcEvent event;
  while (dc_source_next(source, &event, &error) == DC_READ_EVENT) {
    FUZZ_CHECK(event.kind == DC_EVENT_DROP || event.kind == DC_EVENT_LOSS);
    if (event.kind == DC_EVENT_DROP) {
      FUZZ_CHECK(event.drop.number == 0);
      FUZZ_CHECK(event.drop.count > 0);
      event.drop.number = 1;
      add_to_fit(&fit, &event.drop);
    }
    check_event(&event);
    FUZZ_CHECK(++events <= size);
  }
  FUZZ_CHECK(error == NULL);
  FUZZ_CHECK(source->bytes_read == size);
  g_autofree char *found = format->explain(source);
  FUZZ_CHECK(found != NULL);
  if (events % 4 == 0)
    check_fit(clock_fit);
  return 0;
}
