#include "dropcorr/cli/ticket.h"

#include "dropcorr/base/error.h"
#include "dropcorr/source/bundle_manifest.h"
#include "dropcorr/source/context_write.h"

#include <inttypes.h>

#define CAPTURE "evidence.pcapng"
#define CONTEXT "context/"

static const char *const reports[] = {"md", "html", "ndjson"};

struct DcTicket {
  const DcOptions *options;
  const char *command_line;
  DcAnnotator *annotator;
  DcFolder *folder;                      /* NULL: no bundle */
  int report_fds[G_N_ELEMENTS(reports)]; /* the folder's */
  int capture_fd;
  DcContextWriter *context;
  char *gap;
};

/* --- opening -------------------------------------------------------------------------- */

static bool check_inputs(const DcOptions *options, GError **error)
{
  if (dc_options_live(options))
    return dc_annotator_check_live(options, error);
  return dc_annotator_check_inputs(options, error);
}

static bool open_bundle(DcTicket *ticket, DcAnalysis *analysis, uid_t owner, gid_t group, GError **error)
{
  const char *path = ticket->options->bundle;
  ticket->folder = dc_folder_is_archive(path) ? dc_folder_create_archive(path, owner, group, error)
                                              : dc_folder_create(path, owner, group, error);
  if (ticket->folder == NULL)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(reports); i++) {
    g_autofree char *name = g_strdup_printf("report.%s", reports[i]);
    ticket->report_fds[i] = dc_folder_begin(ticket->folder, name, error);
    if (ticket->report_fds[i] < 0 ||
        !dc_analysis_add_report(analysis, reports[i], ticket->report_fds[i], name, ticket->command_line, error))
      return false;
  }
  ticket->capture_fd = dc_folder_begin(ticket->folder, CAPTURE, error);
  if (ticket->capture_fd < 0)
    return false;
  dc_annotator_add_fd(ticket->annotator, ticket->capture_fd, CAPTURE);
  ticket->context = dc_context_writer_new();
  return true;
}

bool dc_ticket_open(const DcOptions *options, DcAnalysis *analysis, const char *command_line, uid_t owner, gid_t group,
                    DcTicket **ret_ticket, GError **error)
{
  *ret_ticket = NULL;
  if (!dc_annotator_wanted(options) && options->bundle == NULL) {
    if (!options->keep_payload)
      return true;
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE,
                "--keep-payload: is about annotated captures and bundles (give --bundle or --report FILE.pcapng)");
    return false;
  }
  if (!check_inputs(options, error))
    return false;
  g_autoptr(DcTicket) ticket = g_new0(DcTicket, 1);
  ticket->options = options;
  ticket->command_line = command_line;
  ticket->annotator = dc_annotator_new(options, error);
  if (ticket->annotator == NULL || (options->bundle != NULL && !open_bundle(ticket, analysis, owner, group, error)))
    return false;
  dc_annotator_listen(ticket->annotator, analysis);
  *ret_ticket = g_steal_pointer(&ticket);
  return true;
}

/* --- writing ---------------------------------------------------------------------------- */

static void keep_sample(void *data, const DcSample *sample)
{
  dc_context_writer_add(data, sample);
}

static bool put_manifest(DcTicket *ticket, const DcAnnotateInput *input, GError **error)
{
  const DcOptions *options = ticket->options;
  const DcReport *report = input->report;
  g_autoptr(GPtrArray) inputs = g_ptr_array_new();
  if (options->read_file != NULL)
    g_ptr_array_add(inputs, options->read_file);
  for (char **path = options->drops; path != NULL && *path != NULL; path++)
    g_ptr_array_add(inputs, *path);
  if (options->context_dir != NULL)
    g_ptr_array_add(inputs, options->context_dir);
  g_ptr_array_add(inputs, NULL);
  const bool live = dc_options_live(options);
  const DcBundleFacts facts = {
      .command_line = ticket->command_line,
      .live = live,
      .inputs = live || options->anonymize ? NULL : (const char *const *)inputs->pdata,
      .kernel = report->kernel,
      .interface = input->meta->interface,
      .drop_mode = input->meta->drop_mode,
      .filter = options->filter,
      .first_ns = report->summary.first_ns,
      .last_ns = report->summary.last_ns,
      .frames = report->summary.frames_seen,
      .drops = report->summary.drops_seen,
      .findings = report->findings->len,
      .verdict = report->verdict,
      .complete = report->summary.complete,
      .incomplete_why = report->summary.incomplete_why,
      .payload = options->keep_payload ? "kept" : "cut",
      .anonymized = options->anonymize,
      .context_left_out = dc_context_writer_left_out(ticket->context),
  };
  return dc_bundle_manifest_put(&facts, ticket->folder, error);
}

static bool finish_bundle(DcTicket *ticket, const DcAnnotateInput *input, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS(reports); i++) {
    if (!dc_folder_commit(ticket->folder, ticket->report_fds[i], error))
      return false;
  }
  const uint64_t left_out = dc_context_writer_left_out(ticket->context);
  if (left_out > 0)
    ticket->gap =
        g_strdup_printf("bundle: %" PRIu64 " samples are not among its context files, only in " CAPTURE, left_out);
  return dc_folder_commit(ticket->folder, ticket->capture_fd, error) &&
         dc_context_writer_put(ticket->context, ticket->folder, CONTEXT, error) && put_manifest(ticket, input, error) &&
         dc_folder_finish(ticket->folder, error);
}

bool dc_ticket_write(DcTicket *ticket, const DcAnnotateInput *input, GError **error)
{
  DcAnnotateInput with_samples = *input;
  if (ticket->folder != NULL) {
    with_samples.sample = keep_sample;
    with_samples.sample_data = ticket->context;
  }
  return dc_annotator_write(ticket->annotator, &with_samples, error) &&
         (ticket->folder == NULL || finish_bundle(ticket, input, error));
}

const char *dc_ticket_gap(const DcTicket *ticket)
{
  const char *gap = dc_annotator_gap(ticket->annotator);
  return gap != NULL ? gap : ticket->gap;
}

void dc_ticket_free(DcTicket *ticket)
{
  if (ticket == NULL)
    return;
  dc_annotator_free(ticket->annotator);
  dc_folder_free(ticket->folder);
  dc_context_writer_free(ticket->context);
  g_free(ticket->gap);
  g_free(ticket);
}
