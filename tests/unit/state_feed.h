/* Feeds texts, given or from data/state, to the parsers of state, and asks the state. */
#pragma once

#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"

#include <string.h>

static inline DcStateTextStatus feed_bytes(DcState *state, const char *name, DcPhase phase, const char *text,
                                           size_t len, size_t *ret_skipped)
{
  /* a copy without a byte to spare, so that a sanitizer sees every read beyond the end */
  g_autofree char *exact = g_memdup2(text, len);
  const DcSample sample = {.time_ns = DC_TIME_NONE, .phase = (uint8_t)phase, .name = name, .text = exact, .len = len};
  return dc_state_text_parse(state, &sample, ret_skipped);
}

static inline DcStateTextStatus feed(DcState *state, const char *name, const char *text)
{
  size_t skipped;
  return feed_bytes(state, name, DC_PHASE_ONCE, text, strlen(text), &skipped);
}

static inline char *load(const char *file, size_t *ret_len)
{
  g_autofree char *path = g_build_filename(TEST_SOURCE_DIR, "data", "state", file, NULL);
  char *text;
  g_autoptr(GError) error = NULL;
  g_file_get_contents(path, &text, ret_len, &error);
  g_assert_no_error(error);
  return text;
}

/* A whole file of the data directory: every line must make sense. */
static inline void feed_file(DcState *state, const char *name, DcPhase phase, const char *file)
{
  size_t len, skipped;
  g_autofree char *text = load(file, &len);
  g_assert_cmpint(feed_bytes(state, name, phase, text, len, &skipped), ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpuint(skipped, ==, 0);

  /* and so must it with CRLF ends, except where the text is JSON anyway */
  g_autoptr(DcState) other = dc_state_new();
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree char *crlf = g_strjoinv("\r\n", lines);
  g_assert_cmpint(feed_bytes(other, name, phase, crlf, strlen(crlf), &skipped), ==, DC_STATE_TEXT_PARSED);
}

static inline uint64_t value_of(const DcState *state, const char *name)
{
  uint64_t value = 0;
  if (!dc_state_counter_value(state, name, &value))
    g_error("no counter %s", name);
  return value;
}

static inline bool has_counter(const DcState *state, const char *name)
{
  uint64_t value;
  return dc_state_counter_value(state, name, &value);
}

static inline uint64_t step_of(const DcState *state, const char *name)
{
  const DcCounterStep step = dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  return step.step;
}

static inline DcAddr addr_of(const char *text)
{
  DcAddr addr;
  g_assert_true(dc_addr_parse(text, &addr));
  return addr;
}

static inline const DcSocket *find(const DcState *state, DcSocketKind kind, const char *addr_text, uint16_t port)
{
  const DcAddr addr = addr_of(addr_text);
  return dc_state_find_socket(state, kind, &addr, port);
}
