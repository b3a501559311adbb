/*
 * Giving up privileges once everything is open. Afterwards the process runs as an
 * ordinary user; the guard (source/guard.h) alone keeps what is needed to put the kernel back.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
  uid_t uid;
  gid_t gid;
  char *name; /* owned */
} DcPrivilegeUser;

/* Whom to become: name if not NULL; else, for root, the user that called sudo, else "nobody"; for
 * anybody else himself. Errors: NOT_FOUND. */
bool dc_privilege_user(const char *name, DcPrivilegeUser *ret_user, GError **error);
void dc_privilege_user_clear(DcPrivilegeUser *user);

/* Becomes that user with no supplementary groups, gives up every capability, and forbids regaining any
 * (no_new_privs). Where the kernel can, starting programs and what else a capture never does is
 * forbidden, too (seccomp). With uid 0 (-Z root) nothing is given up. Call with one thread. Errors: PERMISSION. */
bool dc_privilege_drop(const DcPrivilegeUser *user, GError **error);

/*
 * For a process that only reads files: the same calls are refused from now on, and whatever opens a socket. False
 * where the kernel has no seccomp.
 */
bool dc_privilege_confine(void);

/* One line: "uid 65534 (nobody), capabilities: none". Caller frees. */
char *dc_privilege_text(void);
