/*
 * Drops of datagrams that came in pieces: a whole one that was dropped after it was put together, or one that was given
 * up, is the loss of every frame it was made of.
 */
#pragma once

#include "dropcorr/model/site.h"
#include "match_time.h"

/* Two identical frames so close together may have been tapped as one batch before either was dropped (list receive,
 * napi_gro_receive): then which of them it was stays open. */
#define DC_MATCH_BATCH_NS (500 * DC_NS_PER_US)

/*
 * The datagram that was put together, or given up, of which the dropped packet is one. after_ns: how long before the
 * drop its last fragment may have come. Without bytes only one that was given up is found so.
 */
bool dc_match_find_datagram(DcCorrelator *self, const DcDrop *drop, const DcSite *site, int64_t after_ns,
                            DcDatagramKey *ret_key);

/* Whether a drop without bytes, joined to a fragment by time, is its whole datagram's. */
bool dc_match_is_of_datagram(DcCorrelator *self, const DcDrop *drop, const DcSite *site, const DcJoin *join,
                             const DcBrief *brief, DcDatagramKey *ret_key);

/* Gives the drop to all fragments not yet decided; returns to how many, and the first one's verdict. */
uint32_t dc_match_take_datagram(DcCorrelator *self, const DcDrop *drop, const DcDatagramKey *key, DcMatch match,
                                DcFrameVerdict *ret_first);

/* A verdict, already begun, of a frame that was dropped. */
void dc_match_set_dropped(DcFrameVerdict *verdict, const DcDrop *drop, DcMatch match, uint32_t candidates);
