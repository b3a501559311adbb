/*
 * What a run leaves behind for others beside its reports: annotated captures (--report FILE.pcapng) and a bundle
 * (--bundle). Opened before the run, fed with its verdicts, written after it from a second reading of its events.
 *
 * One thread.
 */
#pragma once

#include "dropcorr/cli/analysis.h"
#include "dropcorr/cli/annotate.h"
#include "dropcorr/cli/options.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct DcTicket DcTicket;

/* Makes what the options ask for and lets it hear the analysis; *ret_ticket is NULL when they ask for nothing. Before
 * dc_analysis_start(). owner, group: of a bundle, -1: leave. Errors: those of opening, USAGE, UNSUPPORTED (input that
 * cannot be read twice). */
bool dc_ticket_open(const DcOptions *options, DcAnalysis *analysis, const char *command_line, uid_t owner, gid_t group,
                    DcTicket **ret_ticket, GError **error);

/* Writes everything. After dc_analysis_finish(); once. */
bool dc_ticket_write(DcTicket *ticket, const DcAnnotateInput *input, GError **error);

/* What is not in it, one line for the user; NULL: nothing. After writing; borrowed. */
const char *dc_ticket_gap(const DcTicket *ticket);

void dc_ticket_free(DcTicket *ticket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcTicket, dc_ticket_free)
