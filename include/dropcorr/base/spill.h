/*
 * An array of records of one size that may grow far beyond memory: pages of it lie in a temporary file
 * (dropcorr/base/temp_file.h), a few in memory. Records never put are zero. For access that moves
 * slowly through the array, as verdicts do.
 *
 * Nothing is written to disk while the pages in memory suffice. What cannot be kept (disk full, the limit)
 * is counted, and reads as zero. One owner thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DcSpill DcSpill;

#define DC_SPILL_RECORD_MAX 64

/* limit_bytes: of disk, 0: none. Indexes far apart cost a page each. */
DcSpill *dc_spill_new(size_t record_size, uint64_t limit_bytes);

/* False: not kept, and counted. */
bool dc_spill_put(DcSpill *spill, uint64_t index, const void *record);
void dc_spill_get(DcSpill *spill, uint64_t index, void *ret_record);

uint64_t dc_spill_lost(const DcSpill *spill);   /* records that were not kept */
const char *dc_spill_why(const DcSpill *spill); /* of the first of them, one line; NULL: none was lost */

void dc_spill_free(DcSpill *spill);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcSpill, dc_spill_free)
