/*
 * One libpcap expression, applied to packets of any link type: frames and drops' own
 * bytes alike. Compiled once per link type. One owner thread.
 *
 * A drop's bytes are not always the frame's: the kernel keeps an outer VLAN tag beside the
 * packet, and after decapsulation or on a tun device there is no MAC header. A drop is rejected only when
 * its bytes speak against the expression, not when they lack what it asks for.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>

typedef struct DcFilter DcFilter;

/* Refuses an expression that makes sense for no link type at all: DC_ERROR_FILTER with libpcap's text.
 * expression NULL or blank: no filter, ret_filter is NULL. */
bool dc_filter_new(const char *expression, bool optimize, DcFilter **ret_filter, GError **error);

/* Compiles for a link type (DLT_ number). False: the expression means nothing there, DC_ERROR_FILTER. */
bool dc_filter_prepare(DcFilter *filter, int dlt, GError **error);

/* Whether the packet passes; one of a link type that was not prepared does not. len: on the wire. */
bool dc_filter_match(const DcFilter *filter, int dlt, const uint8_t *bytes, uint32_t caplen, uint32_t len);

/* Whether the drop may be one of a frame that passes. Drops without bytes pass. NULL passes all. */
bool dc_filter_match_drop(DcFilter *filter, const DcDrop *drop);

const char *dc_filter_expression(const DcFilter *filter);
void dc_filter_free(DcFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcFilter, dc_filter_free)
