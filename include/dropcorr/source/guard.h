/*
 * A small child process that keeps the privileges the main process gives up, for one
 * purpose: to put the kernel back as it was when the main process ends, however it ends (kill -9
 * included). It reads nothing from outside, only fixed-size orders from its parent, and acts when the
 * pipe closes.
 *
 * Started before any thread. One owner thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DcGuard DcGuard;

DcGuard *dc_guard_start(GError **error);

/* Orders. False: the guard is gone. Each replaces the one of its kind. */
bool dc_guard_watch_instance(DcGuard *guard, const char *name); /* tracefs instance to remove; NULL: none */

/* What to do with NET_DM at the end. */
typedef struct {
  bool stop; /* software (and hardware) monitoring was started by us */
  bool hardware;
  bool configure; /* put back mode, trunc_len and queue_len */
  uint8_t alert_mode;
  uint32_t trunc_len, queue_len;
} DcGuardNetdm;
bool dc_guard_watch_netdm(DcGuard *guard, const DcGuardNetdm *netdm); /* NULL: nothing */

/* Lets the guard act and waits for it. False with DC_ERROR_IO when something could not be put back:
 * the message says what, and how to do it by hand. NULL is allowed. Frees the guard. */
bool dc_guard_finish(DcGuard *guard, GError **error);

void dc_guard_free(DcGuard *guard); /* as finish, errors ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcGuard, dc_guard_free)
