#include "dropcorr/source/capture_file.h"

#include "dropcorr/base/error.h"
#include "dropcorr/base/strings.h"
#include "dropcorr/source/evidence_fields.h"
#include "dropcorr/source/filter.h"
#include "packet_file.h"

#include <string.h>

#define NUMBER_MAX (UINT64_C(1) << 53) /* exact in every JSON reader */
#define STRINGS_MAX 65536              /* distinct names in one evidence file */

typedef struct {
  DcSource source;
  DcPacketFile *file;
  DcFilter *filter; /* NULL: none */
  DcStrings *strings;
  DcEvidenceReader *evidence;
  bool any_frame; /* of a link type that is decoded, before the filter */
  bool plain; /* the frames to come are given as they are: neither filtered nor numbered anew, and no evidence says more
               */
  uint64_t not_plain;      /* number of the packet before the first plain one */
  uint64_t unknown_frames; /* of link types that are not */
  int unknown_dlt;         /* the first of those */
  uint64_t last_number;    /* of the frame given or filtered last */
  uint64_t drops;          /* of an evidence file */
  uint64_t filtered, filtered_drops;
  uint64_t skipped, foreign; /* journal entries; the file counts its own */
  bool ended;
} CaptureFile;

static DcReadStatus capture_file_next(DcSource *source, DcEvent *ret_event, GError **error);
static void capture_file_free(DcSource *source);

static const DcSourceOps capture_file_ops = {.next = capture_file_next, .free = capture_file_free};

static const CaptureFile *capture_file(const DcSource *source)
{
  g_return_val_if_fail(source != NULL && source->ops == &capture_file_ops, NULL);
  return (const CaptureFile *)source;
}

static void set_unsupported(const CaptureFile *capture, int dlt, GError **error)
{
  g_autofree char *link = dc_packet_file_dlt_text(dlt);
  g_set_error(
      error, DC_ERROR, DC_ERROR_UNSUPPORTED,
      dlt == DLT_NETLINK
          ? "%s: holds netlink messages (%s), not frames: if it is a drop log, give it with --drops"
          : "%s: link type %s is not one that IP frames can be read from: capture on an Ethernet, tun or \"any\" "
            "interface",
      capture->source.name, link);
}

/* Compiles the filter for the interfaces known by now. */
static bool prepare_filter(CaptureFile *capture, GError **error)
{
  for (size_t i = 0; capture->filter != NULL && i < capture->file->interface_count; i++) {
    const DcCaptureInterface *interface = &capture->file->interfaces[i]->public;
    if (interface->link != DC_LINK_UNKNOWN && !dc_filter_prepare(capture->filter, interface->dlt, error))
      return false;
  }
  return true;
}

DcSource *dc_capture_file_from_input(DcInput *input, const DcCaptureFileOptions *options, GError **error)
{
  CaptureFile *capture = g_new0(CaptureFile, 1);
  g_autoptr(DcSource) source = &capture->source;
  source->ops = &capture_file_ops;
  source->name = dc_input_name(input);
  source->bytes_total = dc_input_size(input);
  if (options->stop != NULL)
    dc_input_set_stop(input, options->stop);
  capture->file = dc_packet_file_open(input, error);
  if (capture->file == NULL || !dc_packet_file_prepare(capture->file, error) ||
      !dc_filter_new(options->filter, options->filter_optimize, &capture->filter, error) ||
      !prepare_filter(capture, error))
    return NULL;

  /* One link type for the whole file: then it is known now that nothing will come of it. */
  const DcPacketFile *file = capture->file;
  if (strcmp(file->info.format, "pcap") == 0 && file->interfaces[0]->public.link == DC_LINK_UNKNOWN) {
    set_unsupported(capture, file->interfaces[0]->public.dlt, error);
    return NULL;
  }
  capture->strings = dc_strings_new(STRINGS_MAX);
  capture->evidence = dc_evidence_reader_new(capture->strings);
  return g_steal_pointer(&source);
}

DcSource *dc_capture_file_open(const char *path, const DcCaptureFileOptions *options, GError **error)
{
  DcInput *input = dc_input_open(path, error);
  return input != NULL ? dc_capture_file_from_input(input, options, error) : NULL;
}

/* Frames of interface kdrop are copies of drops' bytes for Wireshark. */
static bool is_kdrop(const CaptureFile *capture, const DcCaptureInterface *interface)
{
  return capture->file->info.is_evidence && interface->name != NULL && strcmp(interface->name, DC_EVIDENCE_KDROP) == 0;
}

/*
 * The packets of an evidence file carry the numbers that the run gave its frames, so that its replay
 * speaks of the same ones (Wireshark: frame.packet_id). Joined files begin anew: numbers only grow.
 */
static uint64_t number_of(CaptureFile *capture, const DcRecord *record)
{
  uint64_t number = record->number;
  if (capture->file->info.is_evidence && record->packet_id != 0 && record->packet_id <= NUMBER_MAX)
    number = record->packet_id;
  if (number <= capture->last_number)
    number = capture->last_number + 1;
  capture->last_number = number;
  return number;
}

typedef enum { TAKEN, PASSED_OVER, FAILED } Taken;

static Taken take_frame(CaptureFile *capture, const DcRecord *record, DcEvent *event, GError **error)
{
  const DcCaptureInterface *interface = &capture->file->interfaces[record->interface_id]->public;
  if (interface->link == DC_LINK_UNKNOWN) {
    if (capture->unknown_frames++ == 0)
      capture->unknown_dlt = interface->dlt;
    capture->foreign++;
    return PASSED_OVER;
  }
  if (is_kdrop(capture, interface)) {
    capture->foreign++;
    return PASSED_OVER;
  }
  capture->any_frame = true;
  uint64_t number = number_of(capture, record);
  if (capture->filter != NULL) {
    /* An interface may be described in the middle of the file. */
    if (!dc_filter_prepare(capture->filter, interface->dlt, error))
      return FAILED;
    if (!dc_filter_match(capture->filter, interface->dlt, record->bytes, record->caplen, record->len)) {
      capture->filtered++;
      return PASSED_OVER;
    }
  }
  const DcEvidenceHeader *header = dc_evidence_reader_header(capture->evidence);
  event->kind = DC_EVENT_FRAME;
  event->time_ns = record->time_ns;
  DcFrame *frame = &event->frame;
  frame->number = number;
  frame->time_ns = record->time_ns;
  frame->caplen = record->caplen;
  frame->len = record->len;
  frame->bytes = record->bytes;
  frame->link = interface->link;
  frame->direction = record->direction;
  frame->l4_checksum = record->l4_checksum;
  if (record->packet_id != 0 && frame->l4_checksum == DC_CHECKSUM_UNKNOWN)
    frame->l4_checksum = (uint8_t)dc_evidence_reader_checksum(capture->evidence, record->packet_id);
  frame->interface_id = record->interface_id;
  frame->ifindex = header != NULL ? header->ifindex : 0;
  frame->keys = NULL;
  frame->usual = false;
  frame->packet.has = 0; /* not decoded yet */
  return TAKEN;
}

static Taken take_entry(CaptureFile *capture, const DcRecord *record, DcEvent *event)
{
  switch (dc_evidence_reader_parse(capture->evidence, record->bytes, record->caplen, event)) {
  case DC_EVIDENCE_EVENT:
    break;
  case DC_EVIDENCE_HEADER:
    capture->file->info.is_evidence = true; /* also after a tool rewrote the section header */
    return PASSED_OVER;
  case DC_EVIDENCE_CHECKSUM:
    return PASSED_OVER;
  case DC_EVIDENCE_FOREIGN:
    capture->foreign++;
    return PASSED_OVER;
  case DC_EVIDENCE_MALFORMED:
    capture->skipped++;
    return PASSED_OVER;
  }
  if (event->kind != DC_EVENT_DROP)
    return TAKEN;
  capture->drops++;
  if (event->drop.number == 0)
    event->drop.number = capture->drops;
  if (dc_filter_match_drop(capture->filter, &event->drop))
    return TAKEN;
  capture->filtered_drops++;
  return PASSED_OVER;
}

/* What the writer of the capture counted as lost. An evidence file says so in its own entries. */
static Taken take_statistics(const CaptureFile *capture, const DcRecord *record, DcEvent *event)
{
  if (record->lost == 0 || capture->file->info.is_evidence)
    return PASSED_OVER;
  event->kind = DC_EVENT_LOSS;
  event->time_ns = record->time_ns;
  event->loss = (DcLoss){.kind = DC_LOSS_CAPTURE,
                         .count = record->lost,
                         .from_ns = DC_TIME_NONE,
                         .to_ns = record->time_ns,
                         .detail = "counted by the program that wrote the capture"};
  return TAKEN;
}

/* What would have been noted of each plain frame, of all that came since. */
static void end_plain(CaptureFile *capture)
{
  if (capture->plain && capture->file->packet_number > capture->not_plain) {
    capture->any_frame = true;
    capture->last_number = capture->file->packet_number;
  }
  capture->plain = false;
}

/* As far as the records up to now tell. */
static void begin_plain(CaptureFile *capture)
{
  capture->not_plain = capture->file->packet_number;
  capture->plain = capture->filter == NULL && !capture->file->info.is_evidence &&
                   dc_evidence_reader_header(capture->evidence) == NULL && capture->last_number <= capture->not_plain;
}

/* Apart, so that plain frames have no state to keep. */
static __attribute__((noinline)) DcReadStatus next_of_any(CaptureFile *capture, DcEvent *ret_event, GError **error)
{
  DcSource *source = &capture->source;
  end_plain(capture);
  if (capture->ended)
    return DC_READ_END;
  for (;;) {
    DcRecord record;
    DcReadStatus status = dc_packet_file_next(capture->file, &record, error);
    source->bytes_read = dc_input_offset(capture->file->input);
    source->skipped = capture->skipped + capture->file->skipped;
    source->foreign = capture->foreign + capture->file->foreign;
    if (status != DC_READ_EVENT) {
      capture->ended = true;
      if (status == DC_READ_END && !capture->any_frame && capture->unknown_frames > 0) {
        set_unsupported(capture, capture->unknown_dlt, error);
        return DC_READ_ERROR;
      }
      return status;
    }

    Taken taken = PASSED_OVER;
    switch ((DcRecordKind)record.kind) {
    case DC_RECORD_PACKET:
      taken = take_frame(capture, &record, ret_event, error);
      break;
    case DC_RECORD_JOURNAL:
      taken = take_entry(capture, &record, ret_event);
      break;
    case DC_RECORD_STATISTICS:
      taken = take_statistics(capture, &record, ret_event);
      break;
    }
    if (taken == TAKEN) {
      begin_plain(capture);
      return DC_READ_EVENT;
    }
    if (taken == FAILED) {
      capture->ended = true;
      return DC_READ_ERROR;
    }
  }
}

static DcReadStatus capture_file_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  CaptureFile *capture = (CaptureFile *)source;
  if (!capture->plain || !dc_packet_file_usual(capture->file, ret_event))
    return next_of_any(capture, ret_event, error);
  source->bytes_read = dc_input_offset(capture->file->input);
  return DC_READ_EVENT;
}

static void capture_file_free(DcSource *source)
{
  CaptureFile *capture = (CaptureFile *)source;
  dc_evidence_reader_free(capture->evidence);
  dc_strings_free(capture->strings);
  dc_filter_free(capture->filter);
  dc_packet_file_free(capture->file);
  g_free(capture);
}

const DcCaptureFileInfo *dc_capture_file_info(const DcSource *source)
{
  const CaptureFile *capture = capture_file(source);
  return capture != NULL ? &capture->file->info : NULL;
}

const DcCaptureInterface *dc_capture_file_interface(const DcSource *source, uint32_t interface_id)
{
  const CaptureFile *capture = capture_file(source);
  if (capture == NULL || interface_id >= capture->file->interface_count)
    return NULL;
  return &capture->file->interfaces[interface_id]->public;
}

const DcEvidenceHeader *dc_capture_file_evidence(const DcSource *source)
{
  const CaptureFile *capture = capture_file(source);
  return capture != NULL ? dc_evidence_reader_header(capture->evidence) : NULL;
}

uint64_t dc_capture_file_filtered(const DcSource *source)
{
  const CaptureFile *capture = capture_file(source);
  return capture != NULL ? capture->filtered : 0;
}

uint64_t dc_capture_file_filtered_drops(const DcSource *source)
{
  const CaptureFile *capture = capture_file(source);
  return capture != NULL ? capture->filtered_drops : 0;
}
