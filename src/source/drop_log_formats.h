/*
 * The formats of drop logs: each a reader in drop_log_*.c, declared here and listed in the
 * table of drop_log.c.
 */
#pragma once

#include "dropcorr/source/drop_log.h"

extern const DcDropLogFormat dc_drop_log_netdm;    /* netlink messages saved as pcap or pcapng */
extern const DcDropLogFormat dc_drop_log_evidence; /* dropcorr -w */

/* Text: each is a grammar of log_reader.h. */
extern const DcDropLogFormat dc_drop_log_dropwatch;
extern const DcDropLogFormat dc_drop_log_perf;
extern const DcDropLogFormat dc_drop_log_trace_pipe; /* also trace-cmd report */
extern const DcDropLogFormat dc_drop_log_bcc;        /* bcc tcpdrop */
extern const DcDropLogFormat dc_drop_log_bpftrace;   /* bpftrace tcpdrop.bt */
extern const DcDropLogFormat dc_drop_log_pwru;
extern const DcDropLogFormat dc_drop_log_retis;
extern const DcDropLogFormat dc_drop_log_nettrace;
extern const DcDropLogFormat dc_drop_log_stap;
extern const DcDropLogFormat dc_drop_log_ndjson; /* dropcorr --json --frames */
