/*
 * Records of several producers put in order of event time, without waiting for more than
 * a stated while. Copies: a list for each producer, whose records mostly come by time, and a
 * binary heap for those that do not; private to the live source.
 *
 * A record goes out when every producer has said that it is past the record's time, or when
 * `hold_ns` have passed since that time or since it came (the wall clock may step), or when more
 * than max_bytes are held.
 */
#pragma once

#include "dropcorr/source/live_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DC_TIMELINE_PRODUCERS_MAX 4

typedef struct DcTimeline DcTimeline;

typedef struct DcTimelineEntry {
  struct DcTimelineEntry *next; /* the timeline's own */
  DcLiveRecord record;
  uint8_t producer;
  uint64_t order;     /* of arrival */
  int64_t arrival_ns; /* monotonic */
  uint8_t body[];     /* record.body_len bytes */
} DcTimelineEntry;

DcTimeline *dc_timeline_new(unsigned producers, int64_t hold_ns, size_t max_bytes);
void dc_timeline_free(DcTimeline *timeline);

/* Copies. body holds record->body_len bytes. arrival_ns: monotonic, now. */
void dc_timeline_add(DcTimeline *timeline, unsigned producer, const DcLiveRecord *record, const void *body,
                     int64_t arrival_ns);

/* The producer adds nothing earlier than this any more; INT64_MAX: nothing at all. */
void dc_timeline_mark(DcTimeline *timeline, unsigned producer, int64_t time_ns);

/* Takes the earliest record that may go out now, NULL for none. Both clocks: wall and monotonic.
 * Belongs to the timeline, valid until the next call of take. */
const DcTimelineEntry *dc_timeline_take(DcTimeline *timeline, int64_t realtime_ns, int64_t monotonic_ns);

/* max_bytes are held: take before adding more. */
bool dc_timeline_full(const DcTimeline *timeline);

/* Half of that: who has something that can be spared keeps it back, so that the rest finds room. */
bool dc_timeline_pressed(const DcTimeline *timeline);

/* What a worse moment needed goes back to the kernel, when little is held and not too often: call it as you like. */
void dc_timeline_trim(DcTimeline *timeline);

size_t dc_timeline_held(const DcTimeline *timeline);
size_t dc_timeline_held_max(const DcTimeline *timeline);
uint64_t dc_timeline_late(const DcTimeline *timeline); /* went out after a later one */
