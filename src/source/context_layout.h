/*
 * What a file of a saved host is, by its path: of a folder of texts, a copy of /proc or /sys, an sos report, a bundle.
 *
 *   snmp, before.snmp, before/proc/net/snmp          a state object, with its phase
 *   proc/net/X, proc/1/net/X, net/X, net/stat/X      the object X
 *   proc/sys/net/ipv4/tcp_syncookies                 a setting
 *   sys/class/net/eth0/statistics/rx_dropped         a counter of a device, wherever "net/eth0" stands
 *   sos_commands/networking/ethtool_-S_eth0          what that command printed
 */
#pragma once

#include "dropcorr/model/event.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum { DC_PART_FILE, DC_PART_SETTING, DC_PART_COUNTER } DcContextPartKind;

/* The order of phases: of two samples before, earlier.X comes first. */
typedef enum { DC_RANK_EARLIER, DC_RANK_ONCE, DC_RANK_AFTER } DcContextRank;

typedef struct {
  DcContextPartKind kind;
  char *object;       /* "snmp"; of a setting and a counter what it is a part of: "sysctl", "sys_eth0" */
  char *key;          /* "net.ipv4.tcp_syncookies", "rx_dropped"; NULL for a file */
  uint8_t rank;       /* DcContextRank */
  uint8_t phase;      /* DcPhase */
  uint8_t preference; /* of several files of one object the highest is taken */
} DcContextPart;

/* path: relative, without "." and "..". in_archive: bare names may stand in a folder, as archives have one around all.
 * False: nothing that is read. */
bool dc_context_part_of(const char *path, bool in_archive, DcContextPart *ret_part);
void dc_context_part_clear(DcContextPart *part);

/* Whether a folder can hold anything that is read. */
bool dc_context_wants_folder(const char *path);

/* Of files that bear a bare name where others come from sos_commands: links to what is read anyway, or else. */
#define DC_PREFERENCE_BARE 50
#define DC_PREFERENCE_SOS_MAX 29
