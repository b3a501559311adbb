/* Names of rotated files, as tcpdump makes them. Private to the evidence writer. */
#pragma once

#include <stdint.h>

/*
 * path: as -w gave it; a strftime(3) format when rotating by time (period_ns > 0), filled with time_ns in local
 * time. number: of the file within its period, from 0. files: -W.
 *   by size:           x, x1, x2, ...; with -W 10: x0 ... x9, x0 ...
 *   by time:           x.%H as it comes; by both: the number behind it
 * Caller frees.
 */
char *dc_evidence_path_make(const char *path, int64_t period_ns, uint64_t rotate_bytes, uint32_t files, int64_t time_ns,
                            uint64_t number);
