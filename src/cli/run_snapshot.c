/* --snapshot DIR: the state of this host into a folder for --context. */
#include "dropcorr/cli/run.h"

#include "dropcorr/source/privilege.h"
#include "dropcorr/source/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

/* Root by itself keeps its files; for others see dc_privilege_user(). */
static bool find_owner(const DcOptions *options, DcSnapshotOptions *ret, GError **error)
{
  if (options->user == NULL && getenv("SUDO_USER") == NULL)
    return true;
  DcPrivilegeUser user = {0};
  if (!dc_privilege_user(options->user, &user, error))
    return false;
  ret->owner = user.uid;
  ret->group = user.gid;
  dc_privilege_user_clear(&user);
  return true;
}

static void say_gaps(const DcSnapshotResult *result, bool all)
{
  for (guint i = 0; i < result->gaps->len; i++) {
    const DcSnapshotGap *gap = g_ptr_array_index(result->gaps, i);
    if (!gap->permission && !all)
      continue;
    g_autofree char *line =
        g_strdup_printf("snapshot: %s: %s%s%s%s", gap->object, gap->why, gap->permission ? " (needs " : "",
                        gap->permission ? (gap->need != NULL ? gap->need : "root") : "", gap->permission ? ")" : "");
    dc_run_complain(line);
  }
}

int dc_run_snapshot(const DcOptions *options, const char *command_line, DcStop *stop)
{
  g_autoptr(GError) error = NULL;
  g_auto(DcSnapshotResult) result = {0};
  DcSnapshotOptions snapshot = {.path = options->snapshot_dir,
                                .interface = options->interface,
                                .root = "",
                                .duration_ns = options->duration_ns,
                                .command_line = command_line,
                                .owner = (uid_t)-1,
                                .group = (gid_t)-1};
  if (!find_owner(options, &snapshot, &error) || !dc_snapshot_write(&snapshot, stop, &result, &error)) {
    dc_run_complain(error->message);
    return dc_run_error_status(error);
  }
  say_gaps(&result, options->verbose > 0);
  if (!options->quiet)
    fprintf(stderr, "dropcorr: snapshot: %zu files in %s; read them with --context %s\n", result.files,
            options->snapshot_dir, options->snapshot_dir);
  return DC_EXIT_OK;
}
