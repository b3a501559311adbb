/*
 * --snapshot: the state and counters of this host as a folder that --context reads, on this machine or
 * another, now or with any later version. Once, or twice with a wait between: then files are named
 * before.X and after.X. Nothing is changed, and nothing is captured.
 *
 * Beside the objects of dropcorr/source/sample_list.h there are the files "time" (when each reading began), "clock"
 * and "snapshot.json": what made the snapshot, and what is not in it and why (docs/tickets.md).
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/source/folder.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  const char *path;         /* of the folder to make */
  const char *interface;    /* NULL or "any": all */
  const char *root;         /* "" for the running host; a copy of /proc and /sys in tests */
  int64_t duration_ns;      /* between the two readings; 0: one reading */
  const char *command_line; /* may be NULL */
  uid_t owner;              /* who shall own it, (uid_t)-1: leave */
  gid_t group;
} DcSnapshotOptions;

/* What is not in the snapshot. */
typedef struct {
  char *object;     /* "nft", "ethtool_S_eth0" */
  char *why;        /* the error's text */
  bool permission;  /* with more privileges it would be */
  const char *need; /* the capability that would do, "CAP_NET_ADMIN"; NULL: none in particular */
} DcSnapshotGap;

typedef struct {
  size_t files;    /* objects written */
  GPtrArray *gaps; /* DcSnapshotGap*; each object once */
} DcSnapshotResult;

/* Writes the snapshot. stop ends the wait: the second reading is then taken at once. Errors: those of
 * dc_folder_create(), and NOT_FOUND when nothing at all could be read. */
bool dc_snapshot_write(const DcSnapshotOptions *options, const DcStop *stop, DcSnapshotResult *ret_result,
                       GError **error);
void dc_snapshot_result_clear(DcSnapshotResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DcSnapshotResult, dc_snapshot_result_clear)
