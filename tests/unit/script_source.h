/*
 * A source that gives a prepared list of events: for tests of sources that stand on others. Each event
 * is a drop whose number says which it is; its bytes are one buffer, overwritten by the next call, as
 * the contract of sources allows.
 */
#pragma once

#include "dropcorr/base/error.h"
#include "dropcorr/source/source.h"

#include <string.h>

enum { SCRIPT_BODY_MIN = 48, SCRIPT_BODY_MAX = 512 };

typedef struct {
  DcReadStatus status; /* EVENT, WAIT or ERROR */
  uint8_t kind;        /* DcEventKind */
  int64_t time_ns;
  uint64_t tag; /* told again by script_tag() */
} ScriptStep;

typedef struct {
  DcSource source;
  const ScriptStep *steps;
  size_t count, at;
  uint64_t given;
  bool *freed;
  char body[SCRIPT_BODY_MAX];
} ScriptSource;

/* Bodies are of many lengths, so that places for them are found too small. */
static inline uint32_t script_body_len(uint64_t tag)
{
  return SCRIPT_BODY_MIN + (uint32_t)(tag * 37 % (SCRIPT_BODY_MAX - SCRIPT_BODY_MIN + 1));
}

static inline void script_body(char body[static SCRIPT_BODY_MAX], uint64_t tag)
{
  memset(body, (int)(tag % 128), SCRIPT_BODY_MAX);
  g_snprintf(body, SCRIPT_BODY_MIN, "body of event %" G_GUINT64_FORMAT, tag);
}

static inline DcReadStatus script_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  ScriptSource *script = (ScriptSource *)source;
  memset(script->body, 'x', sizeof script->body); /* what was given before is gone */
  if (script->at >= script->count)
    return DC_READ_END;
  const ScriptStep *step = &script->steps[script->at++];
  source->bytes_read = script->at;
  if (step->status == DC_READ_ERROR) {
    script->at = script->count;
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "script %" G_GUINT64_FORMAT " failed", step->tag);
    return DC_READ_ERROR;
  }
  if (step->status != DC_READ_EVENT)
    return step->status;
  script->given++;
  script_body(script->body, step->tag);
  memset(ret_event, 0, sizeof *ret_event);
  ret_event->kind = step->kind;
  ret_event->time_ns = step->time_ns;
  switch ((DcEventKind)step->kind) {
  case DC_EVENT_FRAME:
    ret_event->frame.time_ns = step->time_ns;
    ret_event->frame.number = step->tag;
    ret_event->frame.caplen = ret_event->frame.len = script_body_len(step->tag);
    ret_event->frame.bytes = (const uint8_t *)script->body;
    break;
  case DC_EVENT_DROP:
    ret_event->drop.time_ns = step->time_ns;
    ret_event->drop.number = step->tag;
    ret_event->drop.caplen = script_body_len(step->tag);
    ret_event->drop.bytes = (const uint8_t *)script->body;
    break;
  case DC_EVENT_SAMPLE:
    ret_event->sample.time_ns = step->time_ns;
    ret_event->sample.name = "script";
    ret_event->sample.text = script->body;
    ret_event->sample.len = script_body_len(step->tag);
    break;
  case DC_EVENT_LOSS:
    ret_event->loss.to_ns = step->time_ns;
    ret_event->loss.count = step->tag;
    break;
  case DC_EVENT_LIGHT:
    g_assert_not_reached();
  }
  return DC_READ_EVENT;
}

static inline void script_free(DcSource *source)
{
  ScriptSource *script = (ScriptSource *)source;
  if (script->freed != NULL)
    *script->freed = true;
  g_free(script);
}

static const DcSourceOps script_ops = {.next = script_next, .free = script_free};

static inline DcSource *script_new(const ScriptStep *steps, size_t count, bool *freed)
{
  ScriptSource *script = g_new0(ScriptSource, 1);
  script->source.ops = &script_ops;
  script->source.name = "script";
  script->source.bytes_total = count;
  script->steps = steps;
  script->count = count;
  script->freed = freed;
  return &script->source;
}

/* The tag of an event; fails unless its bytes are still those it was given with. */
static inline uint64_t script_tag(const DcEvent *event)
{
  const void *bytes = NULL;
  size_t len = 0;
  uint64_t tag = 0;
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    tag = event->frame.number;
    bytes = event->frame.bytes;
    len = event->frame.caplen;
    break;
  case DC_EVENT_DROP:
    tag = event->drop.number;
    bytes = event->drop.bytes;
    len = event->drop.caplen;
    break;
  case DC_EVENT_SAMPLE:
    bytes = event->sample.text;
    len = event->sample.len;
    tag = g_ascii_strtoull(event->sample.text + strlen("body of event "), NULL, 10);
    break;
  case DC_EVENT_LOSS:
    return event->loss.count;
  case DC_EVENT_LIGHT:
    g_assert_not_reached();
  }
  char expected[SCRIPT_BODY_MAX];
  script_body(expected, tag);
  g_assert_cmpuint(len, ==, script_body_len(tag));
  g_assert_true(memcmp(bytes, expected, len) == 0);
  return tag;
}
