/* The text writer's parts. */
#pragma once

#include "layout.h"

#include "dropcorr/report/writer.h"

/* One line per event: --frames, --handshakes, live findings. */
void dc_text_frame_line(DcLayout *layout, const DcReportOptions *options, const DcFrameVerdict *verdict);
void dc_text_drop_line(DcLayout *layout, const DcReportOptions *options, const DcDropVerdict *verdict);
void dc_text_handshake_line(DcLayout *layout, const DcReportOptions *options, const DcHandshake *handshake);
void dc_text_alert_line(DcLayout *layout, const DcFinding *finding);

/* A finding with its proof. False: some was left out. Findings stand in order of importance and
 * go by their own numbers ("#8"), the same in every format and in the checklist's values. */
bool dc_text_proof(DcLayout *layout, const DcReportOptions *options, const DcFinding *finding);

/* The sections below the findings; each begins with a blank line, and prints nothing when it has nothing to say. */
void dc_text_checks(DcLayout *layout, const DcReportOptions *options, const DcReport *report);
void dc_text_drop_groups(DcLayout *layout, const DcReportOptions *options, const DcReport *report);
void dc_text_accounts(DcLayout *layout, const DcReportOptions *options, const DcReport *report);
void dc_text_limits(DcLayout *layout, const DcReport *report);
void dc_text_run(DcLayout *layout, const DcReportOptions *options, const DcReport *report);

/* Shared pieces. */
DcStyle dc_text_severity_style(DcSeverity severity);
void dc_text_heading(DcLayout *layout, const char *title);
/* A label at column `at`, what follows at column `text` on and below itself. */
void dc_text_label(DcLayout *layout, int at, int text, const char *label);
