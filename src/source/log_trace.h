/*
 * Tracepoints as the kernel prints them, in whatever log: the fields of skb:kfree_skb and of the events
 * around it, and which frame a dropped packet was when it came in.
 *
 * Private to the readers of perf and ftrace logs. One owner thread.
 */
#pragma once

#include "log_reader.h"
#include "skb_table.h"

typedef struct {
  DcSkbTable *receptions; /* made at the first reception */
  int64_t first_reception_ns;
  bool has_consumes;  /* the log tells of packets freed after use too */
  bool has_reasons;   /* of the records before */
  bool has_addresses; /* of kernel memory */
} DcTraceState;

void dc_trace_state_clear(void *state);

/* An event's name and fields at time_ns. For kfree_skb a record begins. Names of other subsystems' events are
 * foreign. */
DcLineKind dc_trace_event(DcLogReader *reader, DcTraceState *state, DcText name, DcText fields, int64_t time_ns);
