/* Why this host said no: the cause behind a RST or an ICMP error where no drop event says more. */
#pragma once

#include "dropcorr/diagnose/rules.h"

void dc_rule_refusal(const DcFrameVerdict *verdict, const DcState *state, DcRuling *ret_ruling);
