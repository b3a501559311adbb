/*
 * Which frame a drop without bytes was: by time, length and device, by what the site and the log's
 * addresses allow, and by the packet's reception where that was recorded.
 */
#pragma once

#include "correlator_state.h"

/* A frame that may be the drop's, and how many others would do as well. slot NULL: none. */
typedef struct {
  DcSlot *slot;
  uint64_t position;
  DcMatch match;
  uint32_t candidates;
} DcJoin;

/* More than so many candidates are not told apart. */
#define DC_MATCH_CANDIDATES_MAX 64
/* So many frames, and waiting drops, are looked at for one drop. More would be alike in everything that finds them, or
 * within one moment: then the search gives up, which never makes a match surer. */
#define DC_MATCH_SCAN_MAX 2048

/* What looks for a socket is for this host. */
bool dc_match_is_for_a_socket(const DcDrop *drop);

/* The datagram of which the dropped packet is a fragment, by its reception; it may long have left the window. */
bool dc_match_received_fragment(const DcCorrelator *self, const DcDrop *drop, DcDatagramKey *ret_key);

/* May name a frame this host sent: then the drop is another namespace's. */
DcJoin dc_match_by_time(DcCorrelator *self, const DcDrop *drop);
