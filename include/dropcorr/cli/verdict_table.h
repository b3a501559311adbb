/*
 * The verdicts of a run by frame and drop number, for the second reading that writes an annotated capture:
 * verdicts come after their frame has passed. What can be said is few distinct things; of each frame there is
 * a number of one of them, its direction and its drop. Memory does not grow with the capture (dropcorr/base/spill.h).
 *
 * One thread.
 */
#pragma once

#include "dropcorr/model/verdict.h"
#include "dropcorr/report/comment.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DcVerdictTable DcVerdictTable;

/* limit_bytes: of temporary disk, 0: none. */
DcVerdictTable *dc_verdict_table_new(uint64_t limit_bytes);

void dc_verdict_table_add_frame(DcVerdictTable *table, const DcFrameVerdict *verdict);
void dc_verdict_table_add_drop(DcVerdictTable *table, const DcDropVerdict *verdict);

typedef struct {
  DcDirection direction;
  DcCommentVerdict comment;
  const char *place; /* of the drop it is joined to, NULL: none, or not kept. Owned by the table. */
} DcFrameEntry;

typedef struct {
  DcDropStatus status;
  uint8_t why; /* DcUnmatchedWhy or DcAsideWhy, by status */
  DcCause cause;
  DcMatch match;
  uint64_t frame; /* 0: none */
  const char *place;
} DcDropEntry;

/* False: of that number nothing is known. */
bool dc_verdict_table_frame(DcVerdictTable *table, uint64_t number, DcFrameEntry *ret_entry);
bool dc_verdict_table_drop(DcVerdictTable *table, uint64_t number, DcDropEntry *ret_entry);

/* Verdicts that could not be kept, and why (one line; NULL: none). */
uint64_t dc_verdict_table_lost(const DcVerdictTable *table);
const char *dc_verdict_table_why(const DcVerdictTable *table);

void dc_verdict_table_free(DcVerdictTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcVerdictTable, dc_verdict_table_free)
