/*
 * systemd Journal Export entries into a buffer, a pcapng block each. Private to the
 * evidence writer.
 */
#pragma once

#include "dropcorr/model/event.h"
#include "dropcorr/source/evidence_write.h"

#include <glib.h>

/* realtime_ns: for an event without a time of its own. */
void dc_journal_header(GByteArray *out, const DcEvidenceMeta *meta, uint32_t part, int64_t realtime_ns);
void dc_journal_drop(GByteArray *out, const DcDrop *drop, int64_t realtime_ns);

/* The same with what became of it; members may be NULL or 0. */
typedef struct {
  const char *status, *cause, *match;
  uint64_t frame;
} DcJournalVerdict;
void dc_journal_drop_verdict(GByteArray *out, const DcDrop *drop, const DcJournalVerdict *verdict, int64_t realtime_ns);
/* Of the frame that follows: its checksum was that, as long as it had its payload. */
void dc_journal_checksum(GByteArray *out, uint64_t frame_number, DcChecksum checksum, int64_t time_ns);

void dc_journal_sample(GByteArray *out, const DcSample *sample, int64_t realtime_ns);
void dc_journal_loss(GByteArray *out, const DcLoss *loss);
