/*
 * manifest.json of a bundle: what made it, from what, and what is in it (docs/tickets.md). Schema
 * "dropcorr-bundle/1": additions are free, changes are not.
 */
#pragma once

#include "dropcorr/source/folder.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* All borrowed; strings may be NULL. Times may be DC_TIME_NONE. */
typedef struct {
  const char *command_line;
  bool live;                 /* captured by the run that made the bundle */
  const char *const *inputs; /* files it was made from, NULL-terminated, or NULL */
  const char *kernel;        /* of the host the evidence is from */
  const char *interface, *drop_mode, *filter;
  int64_t first_ns, last_ns; /* of the events */
  uint64_t frames, drops, findings;
  const char *verdict;
  bool complete;
  const char *incomplete_why;
  const char *payload; /* "cut", "kept" */
  bool anonymized;
  uint64_t context_left_out; /* samples that are not among the context files */
} DcBundleFacts;

/* Puts it into the folder, as its last file. */
bool dc_bundle_manifest_put(const DcBundleFacts *facts, DcFolder *folder, GError **error);
