/*
 * Journal entries of an evidence file back into events (fields: evidence_fields.h). The
 * counterpart of evidence_write; used for `-r` and for `--drops` alike.
 *
 * One owner thread.
 */
#pragma once

#include "dropcorr/base/strings.h"
#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the file says of the run that wrote it. Strings are NULL where it does not say. */
typedef struct {
  const char *version, *command;
  const char *drop_mode; /* "packet", "summary", "tracepoint", "none" */
  const char *drop_text;
  const char *ifname, *filter, *direction, *timestamp_type;
  const char *run;  /* DC_FIELD_RUN_SAVED, or NULL: live */
  uint32_t ifindex; /* 0: any, or not said */
  bool promiscuous;
  uint32_t part;                        /* of a rotation, from 1; 0 not said */
  int64_t start_ns;                     /* 0 not said */
  int64_t verify_from_ns, verify_to_ns; /* 0 not done */
  const uint8_t (*local_macs)[6];       /* of the captured interface, or of all for "any" */
  size_t local_mac_count;
  const DcAddr *local_addresses;
  size_t local_address_count;
} DcEvidenceHeader;

typedef enum {
  DC_EVIDENCE_EVENT,    /* a drop, sample or loss */
  DC_EVIDENCE_HEADER,   /* the header: dc_evidence_reader_header() */
  DC_EVIDENCE_CHECKSUM, /* of a frame that follows: dc_evidence_reader_checksum() */
  DC_EVIDENCE_FOREIGN,  /* an entry of somebody else */
  DC_EVIDENCE_MALFORMED /* ours, but lengths or values make no sense */
} DcEvidenceStatus;

typedef struct DcEvidenceReader DcEvidenceReader;

DcEvidenceReader *dc_evidence_reader_new(DcStrings *strings); /* borrowed */

/* One entry (the body of a pcapng block 9, padding included). Sample text points into bytes, drop
 * bytes into the reader: valid until its next call. Drops come decoded. */
DcEvidenceStatus dc_evidence_reader_parse(DcEvidenceReader *reader, const uint8_t *bytes, size_t len,
                                          DcEvent *ret_event);

/* NULL until a header was read. Several (a rotation joined): the first one's words, everybody's addresses. */
const DcEvidenceHeader *dc_evidence_reader_header(const DcEvidenceReader *reader);

/* What the last DC_EVIDENCE_CHECKSUM said of a frame, DC_CHECKSUM_UNKNOWN when it was about another one. */
DcChecksum dc_evidence_reader_checksum(const DcEvidenceReader *reader, uint64_t frame_number);

void dc_evidence_reader_free(DcEvidenceReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcEvidenceReader, dc_evidence_reader_free)
