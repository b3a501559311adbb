/*
 * The formats of drop logs: each a reader in drop_log_*.c, declared here and listed in the
 * table of drop_log.c.
 */
#pragma once

#include "dropcorr/source/drop_log.h"

extern const DcDropLogFormat dc_drop_log_netdm;    /* netlink messages saved as pcap or pcapng */
extern const DcDropLogFormat dc_drop_log_evidence; /* dropcorr -w */
