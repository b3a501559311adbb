/*
 * The checklist: every cause examined, with the value that rules it in or out. It is what
 * an engineer does by hand (firewall, connection tracking, ring, backlog, rp_filter, SYN
 * queue, PAWS), so that "not found" can be told from "not looked at".
 *
 * A pure function of the state and the findings.
 */
#pragma once

#include "dropcorr/diagnose/finding.h"
#include "dropcorr/model/state.h"

#include <glib.h>
#include <stdbool.h>

/* DcCheck* in catalogue order, one for each cause that can be checked (not those that stand for no
 * loss). state may be NULL (no context). interface: whose counters and settings are looked at; NULL: the
 * one that received most. have_drops: a drop source existed, so that the absence of a drop
 * event means something. Caller frees, elements by dc_check_free(). */
GPtrArray *dc_checklist_build(const DcState *state, const GPtrArray *findings, const char *interface, bool have_drops);

void dc_check_free(DcCheck *check);
