#include "dropcorr/source/privilege.h"

#include "dropcorr/base/error.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool look_up(const char *name, DcPrivilegeUser *ret_user, GError **error)
{
  errno = 0;
  const struct passwd *entry = getpwnam(name);
  if (entry == NULL) {
    const int code = errno;
    g_set_error(error, DC_ERROR, DC_ERROR_NOT_FOUND, "user %s: %s (-Z names who to become, -Z root nobody else)", name,
                code != 0 && code != ENOENT ? g_strerror(code) : "no such user");
    return false;
  }
  *ret_user = (DcPrivilegeUser){.uid = entry->pw_uid, .gid = entry->pw_gid, .name = g_strdup(entry->pw_name)};
  return true;
}

bool dc_privilege_user(const char *name, DcPrivilegeUser *ret_user, GError **error)
{
  if (name != NULL)
    return look_up(name, ret_user, error);
  if (geteuid() != 0) {
    const struct passwd *entry = getpwuid(getuid());
    *ret_user = (DcPrivilegeUser){
        .uid = getuid(), .gid = getgid(), .name = g_strdup(entry != NULL ? entry->pw_name : "(unnamed)")};
    return true;
  }
  /* Files written later belong to whoever called sudo, as everybody expects. */
  const char *caller = getenv("SUDO_USER");
  if (caller != NULL && strcmp(caller, "root") != 0 && look_up(caller, ret_user, NULL))
    return true;
  return look_up("nobody", ret_user, error);
}

void dc_privilege_user_clear(DcPrivilegeUser *user)
{
  g_clear_pointer(&user->name, g_free);
}

static bool fail(const DcPrivilegeUser *user, const char *what, int code, GError **error)
{
  g_set_error(error, DC_ERROR, DC_ERROR_PERMISSION, "becoming user %s: %s%s%s (-Z root keeps all privileges)",
              user->name, what, code != 0 ? ": " : "", code != 0 ? g_strerror(code) : "");
  return false;
}

/*
 * What this program never does once it runs, and what somebody who had taken it over by way of a packet would
 * want first: start programs, look into other processes, load code into the kernel, change namespaces. A list of
 * what is forbidden, not of what is allowed: the libraries' own calls change with every release, and a
 * capture must not die of an update. Refused with EPERM, so that nothing dies of it at all.
 */
static bool forbid_calls(bool network_too)
{
  static const int forbidden[] = {SCMP_SYS(execve),
                                  SCMP_SYS(execveat),
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks needs it */
                                  SCMP_SYS(ptrace),
#endif
                                  SCMP_SYS(process_vm_readv),
                                  SCMP_SYS(process_vm_writev),
                                  SCMP_SYS(bpf),
                                  SCMP_SYS(perf_event_open),
                                  SCMP_SYS(init_module),
                                  SCMP_SYS(finit_module),
                                  SCMP_SYS(delete_module),
                                  SCMP_SYS(kexec_load),
                                  SCMP_SYS(kexec_file_load),
                                  SCMP_SYS(mount),
                                  SCMP_SYS(umount2),
                                  SCMP_SYS(pivot_root),
                                  SCMP_SYS(chroot),
                                  SCMP_SYS(unshare),
                                  SCMP_SYS(setns),
                                  SCMP_SYS(add_key),
                                  SCMP_SYS(keyctl),
                                  SCMP_SYS(request_key),
                                  SCMP_SYS(userfaultfd),
                                  SCMP_SYS(io_uring_setup),
                                  SCMP_SYS(personality),
                                  SCMP_SYS(swapon),
                                  SCMP_SYS(swapoff),
                                  SCMP_SYS(reboot),
                                  SCMP_SYS(acct),
                                  SCMP_SYS(settimeofday),
                                  SCMP_SYS(clock_settime),
                                  SCMP_SYS(adjtimex),
                                  SCMP_SYS(open_by_handle_at)};
  /* What has no socket sends nothing. Name services that want one are done without: files answer. */
  static const int network[] = {SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind),
                                SCMP_SYS(listen), SCMP_SYS(accept),     SCMP_SYS(accept4)};
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == NULL)
    return false;
  bool ready = true;
  for (size_t i = 0; i < G_N_ELEMENTS(forbidden) && ready; i++)
    ready = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0) == 0;
  for (size_t i = 0; i < G_N_ELEMENTS(network) && ready && network_too; i++)
    ready = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), network[i], 0) == 0;
  ready = ready && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return ready;
}

bool dc_privilege_drop(const DcPrivilegeUser *user, GError **error)
{
  if (user->uid == 0)
    return true;
  capng_clear(CAPNG_SELECT_BOTH);
  if (geteuid() == 0) {
    /* The bounding set can be emptied only while CAP_SETPCAP is there: capng does it in the right order. */
    const int status =
        capng_change_id((int)user->uid, (int)user->gid, (capng_flags_t)(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING));
    if (status != 0)
      return fail(user, "changing the user id or the capabilities failed", errno, error);
  } else {
    if (user->uid != getuid())
      return fail(user, "only root can become somebody else", 0, error);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0)
      return fail(user, "giving up capabilities failed", errno, error);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(user, "forbidding new privileges failed", errno, error);
  /* Said is not done: look. */
  if (getuid() != user->uid || geteuid() != user->uid || (user->uid != 0 && setuid(0) == 0))
    return fail(user, "the change of user did not last", 0, error);
  if (capng_get_caps_process() != 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
    return fail(user, "capabilities are left", 0, error);
  /* Kernels without seccomp are no reason not to run: dc_privilege_text() tells. */
  (void)forbid_calls(false);
  return true;
}

bool dc_privilege_confine(void)
{
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && forbid_calls(true);
}

char *dc_privilege_text(void)
{
  const struct passwd *entry = getpwuid(geteuid());
  g_autofree char *names = NULL;
  const bool known = capng_get_caps_process() == 0;
  if (known && capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_FULL) {
    names = g_strdup("all");
  } else if (known && capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
    char *text = capng_print_caps_text(CAPNG_PRINT_BUFFER, CAPNG_EFFECTIVE);
    names = g_strdup(text);
    free(text);
  }
  const bool limited = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
  return g_strdup_printf("uid %ld (%s), capabilities: %s%s", (long)geteuid(),
                         entry != NULL ? entry->pw_name : "unnamed", names != NULL ? names : "none",
                         limited ? ", system calls: restricted" : "");
}
