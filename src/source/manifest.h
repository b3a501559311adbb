/*
 * What a snapshot and a bundle say of themselves, as JSON: which program made them, on what, and what its
 * clocks were doing then. Private to those two.
 */
#pragma once

#include "dropcorr/source/folder.h"

#include <jansson.h>

/* schema, version, libraries, command, kernel, user, clock. command may be NULL. */
json_t *dc_manifest_new(const char *schema, const char *command);

/* "1795168318.154238000" */
json_t *dc_manifest_time(int64_t time_ns);

/* Adds "files" (what the folder holds so far, with sizes), puts the whole into the folder as name. Takes manifest. */
bool dc_manifest_put(json_t *manifest, DcFolder *folder, const char *name, GError **error);

/* The same facts about the clocks as lines "realtime 1795168318.154238000", for the context file "clock". */
char *dc_manifest_clock_text(void);
