/*
 * An evidence file as a drop log, beside a capture taken elsewhere: its drops, its samples of
 * the host, and what was lost on the side of the drops. Its frames are not read.
 */
#include "drop_log_formats.h"

#include "dropcorr/source/evidence_read.h"
#include "packet_file.h"

#include <string.h>

typedef struct {
  DcSource source;
  DcPacketFile *file;
  DcEvidenceReader *reader;
  uint64_t frames, drops, samples;
  uint64_t skipped, foreign; /* entries; the file counts its own */
} EvidenceLog;

static DcReadStatus evidence_next(DcSource *source, DcEvent *ret_event, GError **error);
static void evidence_free(DcSource *source);

static const DcSourceOps evidence_ops = {.next = evidence_next, .free = evidence_free};

static DcSource *evidence_open(DcInput *input, DcStrings *strings, GError **error)
{
  DcPacketFile *file = dc_packet_file_open(input, error);
  if (file == NULL)
    return NULL;
  EvidenceLog *log = g_new0(EvidenceLog, 1);
  log->source.ops = &evidence_ops;
  log->source.name = dc_input_name(file->input);
  log->source.bytes_total = dc_input_size(file->input);
  log->file = file;
  log->reader = dc_evidence_reader_new(strings);
  return &log->source;
}

/* Losses of frames say nothing of a capture taken elsewhere. */
static bool is_wanted(const DcEvent *event)
{
  return event->kind != DC_EVENT_LOSS || (event->loss.kind != DC_LOSS_CAPTURE && event->loss.kind != DC_LOSS_INTERFACE);
}

/* True: event is filled and wanted. */
static bool take_entry(EvidenceLog *log, const DcRecord *record, DcEvent *event)
{
  switch (dc_evidence_reader_parse(log->reader, record->bytes, record->caplen, event)) {
  case DC_EVIDENCE_EVENT:
    log->drops += event->kind == DC_EVENT_DROP;
    log->samples += event->kind == DC_EVENT_SAMPLE;
    return is_wanted(event);
  case DC_EVIDENCE_CHECKSUM:
  case DC_EVIDENCE_HEADER:
    return false;
  case DC_EVIDENCE_FOREIGN:
    log->foreign++;
    return false;
  case DC_EVIDENCE_MALFORMED:
    log->skipped++;
    return false;
  }
  return false;
}

static DcReadStatus evidence_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  EvidenceLog *log = (EvidenceLog *)source;
  for (;;) {
    DcRecord record;
    DcReadStatus status = dc_packet_file_next(log->file, &record, error);
    source->bytes_read = dc_input_offset(log->file->input);
    bool wanted = false;
    if (status == DC_READ_EVENT && record.kind == DC_RECORD_JOURNAL) {
      wanted = take_entry(log, &record, ret_event);
    } else if (status == DC_READ_EVENT && record.kind == DC_RECORD_PACKET) {
      log->frames++;
      log->foreign++;
    }
    source->skipped = log->skipped + log->file->skipped;
    source->foreign = log->foreign + log->file->foreign;
    if (status != DC_READ_EVENT || wanted)
      return status;
  }
}

static void evidence_free(DcSource *source)
{
  EvidenceLog *log = (EvidenceLog *)source;
  dc_evidence_reader_free(log->reader);
  dc_packet_file_free(log->file);
  g_free(log);
}

/* A run that watched for drops and saw none is evidence too. */
static char *evidence_explain(const DcSource *source)
{
  const EvidenceLog *log = (const EvidenceLog *)source;
  const DcEvidenceHeader *header = dc_evidence_reader_header(log->reader);
  if (header != NULL && header->drop_mode != NULL && strcmp(header->drop_mode, "none") != 0)
    return NULL;
  if (header != NULL)
    return g_strdup("the run that wrote it had no source of drops");
  return g_strdup_printf("%" G_GUINT64_FORMAT " frames and no entry of dropcorr: if it is a capture of frames, give it "
                         "with -r",
                         log->frames);
}

/* Surest by the name of the writer; any pcapng of frames may have been resaved by another tool. */
static int evidence_probe(const uint8_t *head, size_t len)
{
  DcCursor cursor = dc_cursor(head, len);
  if (dc_cursor_be32(&cursor) != 0x0a0d0d0a)
    return 0;
  if (memmem(head, len, "dropcorr", strlen("dropcorr")) != NULL ||
      memmem(head, len, "DROPCORR", strlen("DROPCORR")) != NULL)
    return 90;
  return 1;
}

const DcDropLogFormat dc_drop_log_evidence = {
    .name = "dropcorr evidence file", .probe = evidence_probe, .open = evidence_open, .explain = evidence_explain};
