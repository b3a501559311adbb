/*
 * Takes the payload off frames and drops that are handed on: the headers stay (dropcorr/decode/headers.h), and what the
 * payload had to say for the analysis, whether the transport checksum was right, is kept beside them.
 */
#pragma once

#include "dropcorr/model/event.h"

/* Changes lengths and l4_checksum of the event alone, never its bytes. Samples and losses pass. */
void dc_payload_cut(DcEvent *event);
