/*
 * What all readers of text logs share: lines are read and cleaned, a record is kept open while lines that
 * belong to it follow (a stack, fields), and counted is whatever is no drop. A format is a grammar: what it
 * makes of one line.
 *
 * Bounded: a line of at most 64 KiB, and what one line holds.
 */
#pragma once

#include "dropcorr/source/drop_log.h"
#include "log_text.h"

typedef enum {
  DC_LINE_USED,     /* a record begins or ends, or the line belongs to one */
  DC_LINE_FOREIGN,  /* says nothing of drops: a prompt, a header, another event */
  DC_LINE_MALFORMED /* a drop that cannot be read */
} DcLineKind;

typedef struct DcLogReader DcLogReader;

typedef struct {
  /* How surely a line is of this format: 0 not at all, 100 nobody else writes it. */
  int (*score)(DcText line);
  DcLineKind (*line)(DcLogReader *reader, DcText line);
  /* Completes the record before it is given; may be NULL. */
  void (*finish)(DcLogReader *reader, DcDrop *drop);
  int64_t hold_ns; /* drops are given so long after: what comes in meanwhile may tell which packet they were */
  size_t state_size;
  void (*clear_state)(void *state); /* may be NULL */
  const char *hint;                 /* how to get drops into such a log */
} DcLogGrammar;

struct DcLogReader {
  DcSource source;
  const DcLogGrammar *grammar;
  DcInput *input;
  DcStrings *strings;
  void *state; /* grammar's own, zeroed at first */

  DcLogClock clock; /* of the first record */
  bool has_clock;
  int64_t last_ns; /* time of the last record that had one */
  int64_t seen_ns; /* and of the last line of which the grammar told it */
  DcReceptionSink on_reception;
  void *reception_data;

  /* Private to log_reader.c */
  bool open;
  DcDrop drop;
  DcDrop frame, exact_frame; /* of the stack under the record: the first that names a site, the one of its address */
  bool has_frame, has_exact_frame;
  GByteArray *bytes;
  GQueue ready; /* DcLogRecord */
  void *current;
  uint64_t lines, drops;
  GError *error;
  bool ended;
};

/* A drop as text logs have it: nothing known, one packet. */
void dc_log_drop_init(DcDrop *drop);

/*
 * Begins a record; the one before is complete. drop->bytes are copied. clock tells how drop->time_ns is
 * meant; a record of another clock than the first one's loses its time.
 */
void dc_log_begin(DcLogReader *reader, const DcDrop *drop, DcLogClock clock);

/* The open record's time, where it is told on a line of its own. */
void dc_log_set_time(DcLogReader *reader, int64_t time_ns, DcLogClock clock);

/* The record that is open; NULL: none. */
DcDrop *dc_log_open_drop(DcLogReader *reader);

/* No further line belongs to the record that is open. */
void dc_log_end(DcLogReader *reader);

/* A frame of the stack below the open record, as a location. Frames of the freeing itself (kfree_skb and what
 * leads from it to the tracer) name no site. */
void dc_log_frame(DcLogReader *reader, DcText location);
bool dc_log_is_freeing(const char *symbol);

/* A packet came in, or was put into a backlog: whoever asked is told, and drops that are held know their neighbour. */
void dc_log_reception(DcLogReader *reader, int64_t time_ns, uint32_t len, bool enqueued);

/* Drops that the tool that wrote the log lost. */
void dc_log_loss(DcLogReader *reader, uint64_t count, const char *detail);

/* Reason without its prefix; NULL for what stands for "none". */
const char *dc_log_reason(DcStrings *strings, DcText text);

/* Location into drop. A pointer printed as 16 digits is an address where its upper half is set: kernels before 5.12
 * print it so; a hash (%p since 4.15) fills the lower half alone. */
void dc_log_location(DcLogReader *reader, DcText text, DcDrop *drop);

/* What the packet was, where the log tells: addresses make it IP. */
void dc_log_set_addresses(DcDrop *drop, uint8_t ip_protocol, const DcAddr *src, const DcAddr *dst);
void dc_log_set_ports(DcDrop *drop, uint16_t src_port, uint16_t dst_port);

/* --- DcDropLogFormat, made of a grammar --------------------------------------------- */

int dc_log_probe(const DcLogGrammar *grammar, const uint8_t *head, size_t len);
DcSource *dc_log_open(const DcLogGrammar *grammar, DcInput *input, DcStrings *strings, GError **error);
char *dc_log_explain(const DcSource *source);

/* The clock of a source made by dc_log_open(); false for any other source. */
bool dc_log_clock(const DcSource *source, DcLogClock *ret_clock);

/* Who is told of receptions; of any other source nobody is. */
void dc_log_set_reception_sink(DcSource *source, DcReceptionSink sink, void *data);

/* title: the format's name in the report. */
#define DC_LOG_FORMAT(identifier, grammar, title)                                        \
  static int identifier##_probe(const uint8_t *head, size_t len)                         \
  {                                                                                      \
    return dc_log_probe(&(grammar), head, len);                                          \
  }                                                                                      \
  static DcSource *identifier##_open(DcInput *input, DcStrings *strings, GError **error) \
  {                                                                                      \
    return dc_log_open(&(grammar), input, strings, error);                               \
  }                                                                                      \
  const DcDropLogFormat dc_drop_log_##identifier = {                                     \
      .name = title, .probe = identifier##_probe, .open = identifier##_open, .explain = dc_log_explain}
