/*
 * Mutators that know an input's structure: they add, remove, move and change whole units (netlink messages and
 * attributes, pcapng blocks and options, headers and their options, lines), and then put lengths and checksums right,
 * so that what was changed is reached. Sometimes they leave a length wrong on purpose; and one change in a few is
 * libFuzzer's own, which knows bytes and the dictionary.
 *
 * Inputs are hostile to the mutators, too: what does not parse is changed bytewise.
 */
#pragma once

#include "dropcorr/model/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that may grow up to max. */
typedef struct {
  uint8_t *data;
  size_t len, max;
} Bytes;

typedef struct {
  uint64_t state;
  size_t (*bytewise)(uint8_t *data, size_t len, size_t max); /* gives the new length */
} Mutation;

/* --- chance ------------------------------------------------------------------------------------- */

uint32_t mutate_below(Mutation *mutation, size_t bound); /* 0 when the bound is */
bool mutate_one_in(Mutation *mutation, uint32_t n);
uint64_t mutate_number(Mutation *mutation); /* often one that parsers have bounds at */
#define MUTATE_PICK(mutation, table) ((table)[mutate_below(mutation, sizeof(table) / sizeof *(table))])

/* --- bytes: what is beyond the end reads as zero and is not written ----------------------------------- */

uint64_t bytes_get(const Bytes *bytes, size_t at, unsigned width, bool big);
void bytes_put(Bytes *bytes, size_t at, unsigned width, bool big, uint64_t value);
/* Puts `len` bytes (NULL: zeros) in the place of `removed` ones. False, and nothing done, when there is no room. */
bool bytes_splice(Bytes *bytes, size_t at, size_t removed, const void *with, size_t len);
bool bytes_append(Bytes *bytes, const void *with, size_t len);
bool bytes_append_number(Bytes *bytes, unsigned width, bool big, uint64_t value);
void bytes_align(Bytes *bytes, size_t alignment); /* zeros up to a multiple */

/* --- parts and lists --------------------------------------------------------------------------------- */

typedef void MutateFunc(Bytes *bytes, const void *context, Mutation *mutation);

/* Changes a part as if it were by itself. Gives the part's new length. */
size_t mutate_part(Bytes *bytes, size_t at, size_t len, MutateFunc *change, const void *context, Mutation *mutation);
MutateFunc mutate_bytewise; /* context: NULL */

/* A run of units, one after the other. */
typedef struct {
  size_t (*walk)(const Bytes *bytes, size_t at, const void *context); /* the unit's length, 0: none begins there */
  MutateFunc *change;                                                 /* one unit */
  MutateFunc *fresh;                                                  /* a new one behind what is there */
} MutateList;

/* The part's new length. What is behind the last unit stays. */
size_t mutate_list(const MutateList *list, Bytes *bytes, size_t at, size_t len, const void *context,
                   Mutation *mutation);
/* Takes units of another run over. */
void mutate_list_cross(const MutateList *list, Bytes *bytes, size_t at, const Bytes *other, size_t other_at,
                       const void *context, Mutation *mutation);
/* Any unit. False when there is none. */
bool mutate_list_pick(const MutateList *list, const Bytes *bytes, size_t at, const void *context, Mutation *mutation,
                      size_t *ret_at, size_t *ret_len);

/* --- formats ------------------------------------------------------------------------------------------- */

/* A whole input of one target. */
typedef struct {
  MutateFunc *change;
  void (*cross)(Bytes *bytes, const Bytes *other, Mutation *mutation);
} MutateFormat;

extern const MutateFormat mutate_capture_format;   /* pcap, pcapng */
extern const MutateFormat mutate_drop_text_format; /* format(1), lines */
extern const MutateFormat mutate_context_format;   /* name, lines */
extern const MutateFormat mutate_netlink_format;   /* messages */
extern const MutateFormat mutate_packet_format;    /* link(1) missing(1) frame */
extern const MutateFormat mutate_pieces_format;    /* see fuzz_pipeline.c */

extern const MutateList mutate_lines;
extern const MutateList mutate_netlink_messages;

/* A frame of the link that context points to (DcLink). */
MutateFunc mutate_frame;
/* An Ethernet frame behind what is there. */
void mutate_frame_fresh(Bytes *bytes, Mutation *mutation);
/* Makes a frame what its receiver might answer. False when that cannot be. */
bool mutate_frame_answer(Bytes *frame, DcLink link, Mutation *mutation);
/* Lengths and checksums of all headers, from the frame's own length. */
void mutate_frame_mend(Bytes *frame, DcLink link);

/* A NET_DM alert about that frame behind what is there. */
void mutate_netlink_alert(Bytes *bytes, const Bytes *frame, int64_t time_ns, Mutation *mutation);

/* A packet of a capture. bytes point into the capture. */
typedef struct {
  Bytes bytes;
  DcLink link;
  int64_t time_ns;
} MutateFrame;

/* Any packet of a capture file. False when there is none of a link with frames. */
bool mutate_capture_pick(const Bytes *capture, Mutation *mutation, MutateFrame *ret_frame);
/* A pcap of netlink messages (nanoseconds, this machine's order), and a record of it behind what is there. */
void mutate_capture_netlink_header(Bytes *bytes);
void mutate_capture_netlink_record(Bytes *bytes, const Bytes *messages, int64_t time_ns);
