/*
 * Memory for tables that are read at random: in huge pages where there is enough of it. A processor finds few pages
 * by itself (some 2000); tables of some megabytes in small pages cost a walk through the page tables with each look.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Pieces of one size, aligned to a cache line; what was given back is taken again first. Of many pieces given back the
 * pages go to the kernel until they are taken again: memory is what is in use, not what once was. */
typedef struct DcSlab DcSlab;

DcSlab *dc_slab_new(size_t piece_size);
void dc_slab_free(DcSlab *slab); /* with all its pieces; NULL is allowed */
void *dc_slab_take(DcSlab *slab);
void dc_slab_give(DcSlab *slab, void *piece); /* NULL is allowed */

/* One table, zeroed. */
void *dc_table_alloc(size_t size);
void dc_table_free(void *table); /* NULL is allowed */
