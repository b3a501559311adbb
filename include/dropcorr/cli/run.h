/*
 * Running: from options to exit status. The only place that starts threads, handles
 * signals and decides how the process ends.
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/cli/options.h"

#include <glib.h>
#include <stdio.h>
#include <sys/types.h>

/* Exit statuses (docs: dropcorr(8)). */
enum { DC_EXIT_OK = 0, DC_EXIT_ERROR = 1, DC_EXIT_USAGE = 2, DC_EXIT_INCOMPLETE = 3, DC_EXIT_FINDING = 4 };

/* Everything main() does after parsing. Messages go to standard error. */
int dc_run(const DcOptions *options, const char *command_line);

/* The two ways of getting events. Errors that end the input early are printed and make the
 * exit status 1, after everything read so far was reported. */
int dc_run_offline(const DcOptions *options, const char *command_line, DcStop *stop);
int dc_run_live(const DcOptions *options, const char *command_line, DcStop *stop);

/* --snapshot: neither captures nor analyses. */
int dc_run_snapshot(const DcOptions *options, const char *command_line, DcStop *stop);

/* Who shall own folders this run makes: whom -Z or sudo names, else -1: whoever runs it. */
bool dc_run_owner(const DcOptions *options, uid_t *ret_owner, gid_t *ret_group, GError **error);

/* "dropcorr: MESSAGE" on standard error; control characters are made visible. */
void dc_run_complain(const char *message);

/* The same, unless the error is that nobody reads what is written. */
void dc_run_complain_of(const GError *error);

/* Makes sure that descriptors 0 to 2 are open, so that no file gets their numbers. Writing to a standard output that
 * was closed, or that nobody reads, fails without a signal. First of all in main(). False: not
 * possible, and nowhere to say so. */
bool dc_run_hold_standard_streams(void);

/* A pipe or socket that nobody reads any more. */
bool dc_run_reader_is_gone(FILE *stream);

/* SIGINT, SIGTERM and SIGHUP request the stop, a second one ends the process at once; SIGUSR1 asks for an
 * interim report: dc_signals_take_interim() tells once for each. SIGPIPE is ignored. Handlers are process-wide:
 * call once, before threads. */
void dc_signals_install(DcStop *stop);
bool dc_signals_take_interim(void);
bool dc_signals_stop_asked(void); /* by a signal: somebody waits for the end */

/* Exit status of an error that ended a run before it began. */
int dc_run_error_status(const GError *error);
