/*
 * An annotated capture: an evidence file (docs/event-format, evidence_write.h) written after the analysis, so
 * that each frame carries a comment on what became of it. pcapng that tcpdump, Wireshark and dropcorr read: one link
 * type and snapshot length for all interfaces; where the input's interfaces differ, all frames are written as
 * LINUX_SLL2, which has lost the receiver's MAC address.
 *
 * Drops without a frame are packets of interface "kdrop", too. One owner thread.
 */
#pragma once

#include "dropcorr/source/capture_file.h"
#include "dropcorr/source/evidence_write.h"

#include <glib.h>
#include <stdbool.h>

/* All is copied. */
typedef struct {
  const DcEvidenceMeta *meta; /* what replaying it needs; its link type, snaplen and MAC are not used */
  const DcCaptureInterface *const *interfaces; /* of the input; those of unknown link type are left out */
  size_t interface_count;
  const char *os;      /* where it was captured, NULL unknown */
  const char *comment; /* of the section */
  int64_t start_ns;    /* stands for the time of what comes without one before the first event with one */
} DcAnnotatedOptions;

typedef struct DcAnnotated DcAnnotated;

/* fd: borrowed, empty, open for writing. name: for messages. Errors: IO. */
DcAnnotated *dc_annotated_new(int fd, const char *name, const DcAnnotatedOptions *options, GError **error);

/* direction: as decided, the frame's own is not used. comment: NULL none. */
bool dc_annotated_frame(DcAnnotated *annotated, const DcFrame *frame, DcDirection direction, const char *comment,
                        GError **error);

/* What became of a drop; members may be NULL or 0. */
typedef struct {
  const char *status, *cause, *match;
  uint64_t frame;      /* its frame; 0: none, then it is a packet of its own */
  const char *comment; /* of that packet */
} DcAnnotatedDrop;
bool dc_annotated_drop(DcAnnotated *annotated, const DcDrop *drop, const DcAnnotatedDrop *verdict, GError **error);

bool dc_annotated_sample(DcAnnotated *annotated, const DcSample *sample, GError **error);
bool dc_annotated_loss(DcAnnotated *annotated, const DcLoss *loss, GError **error);

/* Writes what is still in memory. */
bool dc_annotated_finish(DcAnnotated *annotated, GError **error);

void dc_annotated_free(DcAnnotated *annotated);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcAnnotated, dc_annotated_free)
