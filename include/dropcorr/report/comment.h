/*
 * What an annotated capture says of a frame, a drop and itself: the texts of its comments. They hold no
 * numbers of packets and no times, so that Wireshark's expert view puts equal ones together.
 *
 *   dropcorr: dropped netfilter-drop NETFILTER_DROP at nft_do_chain+0x47f match exact
 *   dropcorr: silent accept-queue-full confidence likely
 *   dropcorr: answered
 *
 * Confidence is said where the cause is not certain. Pure; any thread.
 */
#pragma once

#include "dropcorr/diagnose/finding.h"

#include <glib.h>
#include <stdbool.h>

/* What a comment needs of a frame's verdict: few distinct ones, so that they can be kept by number. */
typedef struct {
  uint8_t fate, cause, confidence, match;
  uint8_t refused_by, refused_type, refused_code;
  uint8_t spare; /* 0: compared as bytes */
} DcCommentVerdict;

void dc_comment_verdict(DcCommentVerdict *ret_comment, const DcFrameVerdict *verdict);

/* Appends. place: of the drop the frame is joined to, as dc_comment_place() tells it; may be NULL. */
void dc_comment_frame(GString *out, const DcCommentVerdict *comment, const char *place);

/* "NETFILTER_DROP at nft_do_chain+0x47f": the kernel's reason, where it gave one, and the place. */
void dc_comment_place(GString *out, const DcDrop *drop);

/* Of a drop that is no captured frame's. why: DcUnmatchedWhy or DcAsideWhy, by status. */
void dc_comment_drop(GString *out, DcDropStatus status, uint8_t why, DcCause cause, const char *place);

/* Of the whole file: the one-line verdict, and what the run itself lost. Caller frees. */
char *dc_comment_section(const DcReport *report);
