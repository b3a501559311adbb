/* The correlator's insides, shared by correlator.c (time and order), answer.c and answer_tcp.c (what the
 * wire itself proves), light_path.c (the same of most frames, in less time) and match.c (which drop is whose). */
#pragma once

#include "flow.h"
#include "fragment.h"
#include "window.h"

#include "dropcorr/correlate/correlator.h"
#include "dropcorr/correlate/direction.h"

/* A drop held until its frame can have been seen: the event's own bytes are gone by then. */
typedef struct DcHeldDrop DcHeldDrop;
struct DcHeldDrop {
  DcHeldDrop *next;
  int64_t due_ns;
  DcDrop drop;
  uint8_t bytes[];
};

typedef struct {
  DcHeldDrop *first, *last;
  size_t count;
} DcHeldList;

struct DcCorrelator {
  DcCorrelatorOptions options;
  DcVerdictSink sink;
  DcDirections *directions;
  DcWindow *window;
  DcFlows *flows;
  DcFragments *fragments;
  DcHeldList with_bytes;    /* wait window_before_ns */
  DcHeldList without_bytes; /* wait until answers can have been seen */
  GArray *ifindexes;        /* uint32_t */
  GHashTable *bridge_ports; /* ifindex */
  GPtrArray *priming;       /* events held until direction is inferred; NULL when it is known */
  int64_t priming_begin_ns;
  size_t priming_bytes;
  size_t max_attempts;
  int64_t now_ns;
  int64_t expired_ns;  /* when flows were last looked through for idle ones */
  int64_t previous_ns; /* time of the event before */
  int64_t first_frame_ns, last_frame_ns;
  int64_t disorder_ns; /* how much earlier than the latest frame before it a frame was at most */
  int64_t hold_ns;     /* how long a frame stays in the window */
  int64_t settle_ns;   /* nothing is over before */
  uint64_t next_attempt;
  GHashTable *ended_attempts; /* id -> DcAttempt: their flow has gone on, their SYNs' verdicts are not given yet */
  bool cut_frames;            /* some frames are found by their headers alone: the capture cut them there */
  bool plain_acks_seen;       /* this capture shows this host's ordinary ACKs */
  bool other_namespaces;      /* a frame this host sent was freed where it was received: on this very machine */
  bool finishing;
  DcFrameKeys keys;   /* of the frame that is being fed, when it came without */
  bool clock_stepped; /* what is decided now is judged as of judged_ns, before the step */
  int64_t judged_ns;
  DcCorrelatorStats stats;
};

/* What the wire tells of a frame: fields of its verdict. */
typedef struct {
  int64_t answer_ns;
  uint8_t fate;
  uint8_t refused_by, refused_type, refused_code;
  bool owed, handshake_open;
} DcAnswer;

/* What a flow is told of a TCP segment. */
typedef struct {
  uint64_t number; /* of the frame */
  int64_t time_ns;
  uint32_t seq, ack, tsval;
  uint8_t flags;
  bool has_tsval, zero_window;
} DcSegment;

/* --- answer.c --------------------------------------------------------------- */

/* What an outbound frame answers. */
void dc_answer_outbound(DcCorrelator *self, const DcFrame *frame, const DcFrameKeys *keys);
/* Enters an inbound frame into its flow and attempt. */
void dc_answer_inbound(DcCorrelator *self, const DcFrame *frame, const DcFrameKeys *keys, DcSlot *slot,
                       uint64_t position);
/* The frame's fate as far as the wire tells, when its time is over. */
void dc_answer_decide(DcCorrelator *self, const DcSlot *slot, DcAnswer *ret_answer);
/* Has this frame been answered already? */
bool dc_answer_is_answered(DcCorrelator *self, const DcSlot *slot);
/* Has this host acknowledged all that is in this segment? */
bool dc_answer_had_arrived(DcCorrelator *self, const DcSlot *slot);
/* Where events end, or the clock stepped, what came just before had no time to be answered. */
bool dc_answer_time_was_over(const DcCorrelator *self, int64_t asked_ns);

/* --- answer_tcp.c ----------------------------------------------------------- */

/* Of sequence numbers, which wrap. */
static inline bool dc_after_or_at(uint32_t a, uint32_t b)
{
  return (int32_t)(a - b) >= 0;
}

/* What a segment tells of its flow. slot: its own, for which a SYN's attempt asks later; NULL: it has none, and is no
 * SYN. */
void dc_answer_segment_sent(DcCorrelator *self, DcFlow *flow, const DcSegment *segment);
void dc_answer_segment_came(DcCorrelator *self, DcFlow *flow, const DcSegment *segment, DcSlot *slot,
                            uint64_t position);
/* The verdict of a SYN was given: its attempt counts it. */
void dc_answer_syn_decided(DcCorrelator *self, const DcSlot *slot, DcFate fate);
/* A flow leaves: its attempt is told, once its SYNs' verdicts are given. For dc_flows_*(); data is the correlator. */
void dc_answer_evict(DcFlow *flow, void *data);

/* --- match.c ---------------------------------------------------------------- */

/* Gives a drop its verdict, and the frame it is joined to its own. */
void dc_match_drop(DcCorrelator *self, const DcDrop *drop);

/* --- light_path.c ----------------------------------------------------------- */

void dc_correlator_process_light(DcCorrelator *self, const DcLightFrame *light, int64_t time_ns);

/* --- priming.c -------------------------------------------------------------- */

/* While self->priming is not NULL: the event waits, or it ends the waiting. */
void dc_correlator_prime(DcCorrelator *self, const DcEvent *event);
/* What waits is processed. */
void dc_correlator_end_priming(DcCorrelator *self);

/* --- correlator.c ----------------------------------------------------------- */

void dc_correlator_process(DcCorrelator *self, const DcEvent *event);
/* Room for one more in the window. */
void dc_correlator_make_room(DcCorrelator *self);
/* A slot was added: it is over when its time is. */
void dc_correlator_slot_added(DcCorrelator *self, const DcSlot *slot);
/* Verdict fields every frame has. */
void dc_correlator_start_verdict(const DcCorrelator *self, const DcSlot *slot, DcFrameVerdict *verdict);
void dc_correlator_give_frame(DcCorrelator *self, DcFrameVerdict *verdict, const DcDrop *drop);
void dc_correlator_give_drop(DcCorrelator *self, DcDropVerdict *verdict, const DcFrameVerdict *frame);
