/* tracefs instances by path; shared by the tracepoint source and the guard. */
#pragma once

#include <glib.h>

#define DC_TRACEFS_PREFIX "dropcorr-"

/* Removes an instance's directory: 0 or an errno. */
int dc_tracefs_remove(const char *path);

/* The same by its name in an open folder of instances: also when tracefs was unmounted meanwhile. */
int dc_tracefs_remove_in(int instances, const char *name);

/* Removes the instances "dropcorr-PID" of processes that are no more; how many. */
unsigned dc_tracefs_remove_stale(const char *instances);
