/* What holds for every event of every source, whatever its input was. */
#pragma once

#include "dropcorr/source/source.h"
#include "fuzz.h"

#include <glib.h>
#include <string.h>

/* Interned text is printed: whole UTF-8, nothing that moves a terminal's cursor. */
static inline void check_text(const char *text)
{
  if (text == NULL)
    return;
  FUZZ_CHECK(g_utf8_validate(text, -1, NULL));
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
    FUZZ_CHECK(g_unichar_isprint(g_utf8_get_char(at)));
}

/* Room is left to add windows to a time without overflow. */
static inline void check_time(int64_t time_ns)
{
  FUZZ_CHECK(time_ns == DC_TIME_NONE || dc_time_is_plausible(time_ns));
}

/* Every byte is read, so that the sanitizer sees a pointer that is no longer good. */
static inline void check_bytes(const void *bytes, size_t len)
{
  static volatile uint8_t sink;
  FUZZ_CHECK(bytes != NULL || len == 0);
  for (size_t i = 0; i < len; i++)
    sink = ((const uint8_t *)bytes)[i];
  (void)sink;
}

static inline void check_event(const DcEvent *event)
{
  check_time(event->time_ns);
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    FUZZ_CHECK(event->time_ns == event->frame.time_ns && event->time_ns != DC_TIME_NONE);
    FUZZ_CHECK(event->frame.caplen <= event->frame.len);
    FUZZ_CHECK(event->frame.link < DC_LINK_UNKNOWN);
    FUZZ_CHECK(event->frame.direction < DC_DIRECTION_COUNT);
    check_bytes(event->frame.bytes, event->frame.caplen);
    return;
  case DC_EVENT_DROP:
    FUZZ_CHECK(event->time_ns == event->drop.time_ns);
    FUZZ_CHECK(event->drop.number > 0);
    FUZZ_CHECK(event->drop.kind <= DC_DROP_TEXT);
    FUZZ_CHECK(event->drop.caplen <= event->drop.orig_len || event->drop.bytes == NULL);
    FUZZ_CHECK(event->drop.protocol >= -1);
    FUZZ_CHECK(event->drop.precision_ns >= 0);
    check_text(event->drop.symbol);
    check_text(event->drop.module);
    check_text(event->drop.location);
    check_text(event->drop.reason);
    check_text(event->drop.in_ifname);
    check_text(event->drop.trap_group);
    check_text(event->drop.trap_name);
    check_text(event->drop.rx_ifname);
    check_bytes(event->drop.bytes, event->drop.caplen);
    return;
  case DC_EVENT_SAMPLE:
    FUZZ_CHECK(event->sample.phase <= DC_PHASE_ONCE);
    FUZZ_CHECK(event->sample.name != NULL);
    check_text(event->sample.name);
    check_bytes(event->sample.text, event->sample.len);
    return;
  case DC_EVENT_LOSS:
    FUZZ_CHECK(event->loss.kind < DC_LOSS_COUNT);
    check_time(event->loss.from_ns);
    check_time(event->loss.to_ns);
    check_text(event->loss.detail);
    return;
  case DC_EVENT_LIGHT: /* no source gives it */
    break;
  }
  FUZZ_CHECK(event->kind <= DC_EVENT_LOSS);
}

/* An error names the input and says something in one line. */
static inline void check_error(const GError *error, const char *name)
{
  FUZZ_CHECK(error != NULL);
  FUZZ_CHECK(strstr(error->message, name) != NULL);
  FUZZ_CHECK(strchr(error->message, '\n') == NULL);
  FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
}
