/* --snapshot DIR: the state of this host into a folder for --context. */
#include "dropcorr/cli/run.h"

#include "dropcorr/source/privilege.h"
#include "dropcorr/source/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

bool dc_run_owner(const DcOptions *options, uid_t *ret_owner, gid_t *ret_group, GError **error)
{
  *ret_owner = (uid_t)-1;
  *ret_group = (gid_t)-1;
  if (options->user == NULL && getenv("SUDO_USER") == NULL)
    return true;
  DcPrivilegeUser user = {0};
  if (!dc_privilege_user(options->user, &user, error))
    return false;
  *ret_owner = user.uid;
  *ret_group = user.gid;
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
                                .command_line = command_line};
  if (!dc_run_owner(options, &snapshot.owner, &snapshot.group, &error) ||
      !dc_snapshot_write(&snapshot, stop, &result, &error)) {
    dc_run_complain(error->message);
    return dc_run_error_status(error);
  }
  say_gaps(&result, options->verbose > 0);
  if (!options->quiet)
    fprintf(stderr, "dropcorr: snapshot: %zu files in %s; read them with --context %s\n", result.files,
            options->snapshot_dir, options->snapshot_dir);
  return DC_EXIT_OK;
}
