/*
 * From one piece of evidence to a cause: what a drop (with or without its frame's bytes)
 * says, weighed with the host's state. Pure functions; the order of trust is the kernel's
 * reason, then the site, then packet + settings + counters.
 */
#pragma once

#include "dropcorr/diagnose/catalogue.h"
#include "dropcorr/model/state.h"

typedef struct {
  DcCause cause; /* DC_CAUSE_UNCLASSIFIED when nothing speaks */
  DcConfidence confidence;
  DcCause rivals[4]; /* other causes that remain, DC_CAUSE_NONE ends */
  char why[320];     /* one line: what decided, "reason TCP_CSUM", "site ip_error, 10.0.0.77 is not local" */
} DcRuling;

/* packet: the drop's own decoded bytes, or the frame's when the drop has none; may be NULL.
 * brief: the joined frame, may be NULL. state may be NULL (no context). */
void dc_rule_drop(const DcDrop *drop, const DcPacket *packet, const DcBrief *brief, const DcState *state,
                  DcRuling *ret_ruling);

/* A frame no protocol handler takes (kernel-level: ptype, LLC SAPs): true and a ruling, or false.
 * Without a ptype sample only well-known unhandled protocols (STP, LLDP...) give `possible`. */
bool dc_rule_unhandled(const DcBrief *brief, const DcState *state, DcRuling *ret_ruling);
