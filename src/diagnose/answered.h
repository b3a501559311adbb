/*
 * Whom this host answered lately, and what the TCP timestamps of those handshakes tell: a source that
 * was answered passes rp_filter; a SYN whose timestamp lies below an answered one's from the same
 * address is what per-host PAWS (tcp_tw_recycle, kernels before 4.12) refuses; timestamps of this
 * host that are no single clock rule such a kernel out. RFC 7323.
 *
 * Bounded: the sources answered least recently are forgotten.
 */
#pragma once

#include "dropcorr/diagnose/rules.h"
#include "dropcorr/model/state.h"

typedef struct DcAnswered DcAnswered;

DcAnswered *dc_answered_new(void);
void dc_answered_free(DcAnswered *answered);

void dc_answered_note(DcAnswered *answered, const DcHandshake *handshake);

/* Whether the frame's source had a handshake answered. */
bool dc_answered_has(const DcAnswered *answered, const DcBrief *brief);

/* A silent SYN that per-host PAWS would have refused: true and a ruling. state may be NULL. */
bool dc_answered_rule(const DcAnswered *answered, const DcFrameVerdict *verdict, const DcState *state,
                      DcRuling *ret_ruling);
