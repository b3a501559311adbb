/*
 * What was dropped after its tunnel's header had been taken off. IPIP and GRE devices have no MAC header of their own,
 * so that until 5.17 or so the drop monitor still shows such a packet from its outer header on: the function that freed
 * it tells that it was the inner one, or that a firewall's rules ask for the inner one alone.
 */
#pragma once

#include "dropcorr/model/event.h"
#include "dropcorr/model/state.h"

/* True, and the same drop with the inner packet decoded. */
bool dc_drop_unwrap(const DcDrop *drop, const DcState *state, DcDrop *ret_inner);
