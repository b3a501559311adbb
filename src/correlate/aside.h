/*
 * Drops that accuse no frame: the capture's own, freed after normal processing, sent by
 * this host or seen in another namespace. Decided before anything is matched.
 */
#pragma once

#include "dropcorr/correlate/direction.h"
#include "dropcorr/model/verdict.h"

/* DC_DROP_STATUS_UNMATCHED means: a real drop, go on and match it. */
DcDropStatus dc_aside_classify(const DcDrop *drop, const DcDirections *directions, DcAsideWhy *ret_why);

/* The same for a drop without bytes, by the frame it was joined to: NOISE, or UNMATCHED for a real drop. */
DcDropStatus dc_aside_classify_joined(const DcDrop *drop, const DcBrief *frame, DcAsideWhy *ret_why);
