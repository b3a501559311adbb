/* The evidence writer's parts: evidence_write.c (events), evidence_files.c (files, rotation, loss). */
#pragma once

#include "dropcorr/source/evidence_write.h"
#include "seen_packets.h"

/* A sample kept for the next file of a rotation. */
typedef struct {
  char *name;
  char *text;
  size_t len;
  int64_t time_ns;
} DcKeptSample;

struct DcEvidence {
  DcEvidenceOptions options;
  DcEvidenceMeta meta; /* strings and arrays are copies, owned below */
  GStringChunk *texts;
  char *path;    /* as -w gave it */
  char *current; /* of the file in hand */
  bool to_stdout;

  int fd; /* -1: none (the next one could not be opened) */
  bool seekable;
  uint64_t file_bytes; /* written to the file in hand, all whole blocks */
  uint64_t
      preamble_bytes; /* of them, before the first event: not counted for -C, or a small -C would rotate for ever */
  uint64_t bytes;     /* over all files */
  uint32_t part;      /* from 1 */
  uint64_t number;    /* of the file within its period */
  uint32_t periods;   /* begun */
  int64_t period_ns;  /* begin of the period in hand, event time */
  int64_t last_ns;    /* time of the last event with one */
  bool done;

  GByteArray *out;                /* whole blocks not yet written */
  uint64_t out_events;            /* in it */
  int64_t out_since_ns;           /* monotonic, of the oldest */
  int64_t out_from_ns, out_to_ns; /* event times */

  bool failing;
  int64_t retry_ns; /* monotonic */
  uint64_t lost;
  uint64_t lost_untold;
  int64_t lost_from_ns, lost_to_ns;

  GHashTable *kept; /* DcKeptSample by name; NULL without rotation */
  GPtrArray *kept_order;
  DcSeenPackets *seen; /* NULL without kdrop packets */
};

/* Counts events that are not in any file. */
void dc_evidence_count_lost(DcEvidence *evidence, uint64_t count, int64_t from_ns, int64_t to_ns);

/* Writes the buffer. False with error on the first failure of a row. */
bool dc_evidence_write_out(DcEvidence *evidence, GError **error);

bool dc_evidence_open_file(DcEvidence *evidence, int64_t time_ns, GError **error);
void dc_evidence_close_file(DcEvidence *evidence);

bool dc_evidence_rotates(const DcEvidence *evidence);
/* Before an event of time_ns is put into the buffer. */
bool dc_evidence_rotate(DcEvidence *evidence, int64_t time_ns, GError **error);

/* For the next file of a rotation. */
void dc_evidence_keep_sample(DcEvidence *evidence, const DcSample *sample);
void dc_evidence_free_kept(void *kept);
