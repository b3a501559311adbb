/*
 * The evidence file: pcapng that tcpdump, Wireshark and dropcorr read (layout:
 * docs/event-format). Interface 0 is the captured one, 1 is "kdrop"; drops, samples
 * and losses are systemd Journal Export blocks with the fields of evidence_fields.h.
 *
 * Blocks are buffered for at most a second and leave in whole: after kill -9 the file is
 * valid up to the last block written. When writing fails, the events that could not be written are
 * counted and writing is tried again each second; dc_evidence_take_loss() then hands the
 * count to the caller, who passes it through the analysis and into the file like any other loss.
 *
 * Rotated files stand alone: each begins with the header and the last known text of every
 * sample, as phase "before".
 *
 * Interface kdrop is for people who look at the file with Wireshark: a drop has its bytes in its journal
 * entry anyway. So that no packet shows twice, only those are written whose bytes were not seen in
 * a frame before.
 *
 * One owner thread.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the file says of the run. Strings may be NULL; all are copied. */
typedef struct {
  const char *interface; /* "eth0" */
  const char *filter;    /* libpcap expression */
  int dlt;               /* of all interfaces */
  uint32_t snaplen;
  uint32_t ifindex;
  bool promiscuous;
  uint8_t mac[6];
  bool has_mac;
  const char *command;   /* command line */
  const char *drop_mode; /* "packet", "summary", "tracepoint", "none" */
  const char *drop_text; /* why, and what it costs */
  const char *direction; /* "inout", "in", "out" */
  const char *timestamp_type;
  const char *run;                /* DC_FIELD_RUN_SAVED, or NULL: live */
  const uint8_t (*local_macs)[6]; /* of the captured interface, or of all for "any" */
  size_t local_mac_count;
  const DcAddr *local_addresses;
  size_t local_address_count;
  int64_t start_ns;                     /* when the tap opened */
  int64_t verify_from_ns, verify_to_ns; /* 0: no verification without tap */
} DcEvidenceMeta;

typedef struct {
  bool flush_each;       /* -U: every event is written at once */
  uint64_t rotate_bytes; /* -C: a new file when this one is larger; 0 off */
  int64_t rotate_ns;     /* -G: a new file each period of event time, the path is a strftime(3) format; 0 off */
  uint32_t rotate_files; /* -W: with -C the names go round after so many; with -G alone writing ends after
                            so many (dc_evidence_done()); 0 no limit */
  bool kdrop_packets;    /* drops whose bytes are no frame's are packets of interface kdrop, too (default) */
  uid_t owner;           /* who shall own the files, (uid_t)-1: leave */
  gid_t group;
} DcEvidenceOptions;

void dc_evidence_options_init(DcEvidenceOptions *options);

typedef struct DcEvidence DcEvidence;

/* path "-": standard output (no rotation). Errors: USAGE, NOT_FOUND, PERMISSION, IO. */
DcEvidence *dc_evidence_open(const char *path, const DcEvidenceMeta *meta, const DcEvidenceOptions *options,
                             GError **error);

/* Appends one event. False with error set on the first failure of a row of failures only; later ones are counted in
 * silence until a write works again. */
bool dc_evidence_event(DcEvidence *evidence, const DcEvent *event, GError **error);
bool dc_evidence_frame(DcEvidence *evidence, const DcFrame *frame, GError **error);
bool dc_evidence_drop(DcEvidence *evidence, const DcDrop *drop, GError **error);
bool dc_evidence_sample(DcEvidence *evidence, const DcSample *sample, GError **error);
bool dc_evidence_loss(DcEvidence *evidence, const DcLoss *loss, GError **error);

/* Writes out what is older than a second (or everything with `all`). Call at least each second. */
bool dc_evidence_flush(DcEvidence *evidence, bool all, GError **error);

/* -G with -W: the last file is complete, nothing more is written. */
bool dc_evidence_done(const DcEvidence *evidence);

/* Events that could not be written, over the whole run. */
uint64_t dc_evidence_lost(const DcEvidence *evidence);

/* What was lost since the last call, once writing works again (or with `final`): true and a
 * DC_LOSS_EVIDENCE. */
bool dc_evidence_take_loss(DcEvidence *evidence, bool final, DcLoss *ret_loss);

uint64_t dc_evidence_bytes(const DcEvidence *evidence);   /* written, over all files */
const char *dc_evidence_path(const DcEvidence *evidence); /* of the current file */

/* Writes what is left and the interface statistics (each may be UINT64_MAX: unknown), closes. */
bool dc_evidence_close(DcEvidence *evidence, uint64_t received, uint64_t dropped, uint64_t dropped_interface,
                       GError **error);
void dc_evidence_free(DcEvidence *evidence); /* closes without statistics */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcEvidence, dc_evidence_free)
