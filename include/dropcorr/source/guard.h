/*
 * A small child process that keeps the privileges the main process gives up, for two
 * purposes: to put the kernel back as it was when the main process ends, however it ends (kill -9
 * included), and to read at the end those objects of the host's state that need privileges (firewall
 * rules, kernel log). It reads nothing from the network, takes only fixed-size orders from its parent,
 * and acts when the parent's end of the socket closes.
 *
 * Started before any thread. One owner thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DcGuard DcGuard;

DcGuard *dc_guard_start(GError **error);

/* Orders. False: the guard is gone. Each replaces the one of its kind. */
bool dc_guard_watch_instance(DcGuard *guard, const char *path); /* full path of the instance to remove; NULL: none */

/* What to do with NET_DM at the end. */
typedef struct {
  bool stop; /* software (and hardware) monitoring was started by us */
  bool hardware;
  bool configure; /* put back mode, trunc_len and queue_len */
  uint8_t alert_mode;
  uint32_t trunc_len, queue_len;
} DcGuardNetdm;
bool dc_guard_watch_netdm(DcGuard *guard, const DcGuardNetdm *netdm); /* NULL: nothing */

/* Has it read the objects that need privileges or a command (source/sample_list.h), and calls visit for each
 * in the list's order. Waits at most timeout_ns altogether. False: the guard is gone or too slow; what came
 * until then was visited. */
bool dc_guard_sample(DcGuard *guard, int64_t timeout_ns,
                     void (*visit)(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data),
                     void *data);

/* Lets the guard act and waits for it. False with DC_ERROR_IO when something could not be put back:
 * the message says what, and how to do it by hand. NULL is allowed. Frees the guard. */
bool dc_guard_finish(DcGuard *guard, GError **error);

void dc_guard_free(DcGuard *guard); /* as finish, errors ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcGuard, dc_guard_free)
