#include "dropcorr/cli/annotate.h"

#include "dropcorr/base/error.h"
#include "dropcorr/cli/verdict_table.h"
#include "dropcorr/report/comment.h"
#include "dropcorr/source/evidence_fields.h"
#include "dropcorr/source/payload_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXTENSION "pcapng"

/* Of temporary disk: verdicts take far less than the capture they are of, unless that lies about its frames'
 * numbers. */
#define TABLE_BYTES_LIVE (UINT64_C(64) << 30)
#define TABLE_BYTES_MIN (UINT64_C(64) << 20)

typedef struct {
  char *name;
  int fd;
  bool close_fd;
  DcAnnotated *file;
} Output;

struct DcAnnotator {
  DcVerdictTable *table;
  GPtrArray *outputs; /* Output* */
  bool keep_payload;
  GString *comment;
  char *gap;
};

static void output_free(gpointer data)
{
  Output *output = data;
  dc_annotated_free(output->file);
  if (output->close_fd && output->fd >= 0)
    close(output->fd);
  g_free(output->name);
  g_free(output);
}

bool dc_annotator_is_for(const char *path)
{
  const char *extension = dc_options_report_extension(path);
  return extension != NULL && g_ascii_strcasecmp(extension, EXTENSION) == 0;
}

bool dc_annotator_wanted(const DcOptions *options)
{
  for (char **path = options->reports; path != NULL && *path != NULL; path++) {
    if (dc_annotator_is_for(*path))
      return true;
  }
  return false;
}

/* By inode, since a name need not tell. */
static bool is_same_file(const struct stat *status, const char *path)
{
  struct stat other;
  return path != NULL && strcmp(path, "-") != 0 && stat(path, &other) == 0 && status->st_dev == other.st_dev &&
         status->st_ino == other.st_ino;
}

static bool is_input(const DcOptions *options, int fd)
{
  struct stat status;
  if (fstat(fd, &status) != 0)
    return false;
  bool input = is_same_file(&status, options->read_file) || is_same_file(&status, options->write_file);
  for (char **path = options->drops; !input && path != NULL && *path != NULL; path++)
    input = is_same_file(&status, *path);
  return input;
}

static bool add_output(DcAnnotator *annotator, const DcOptions *options, const char *path, GError **error)
{
  Output *output = g_new0(Output, 1);
  g_ptr_array_add(annotator->outputs, output);
  output->name = g_strdup_printf("--report %s", path);
  output->close_fd = true;
  output->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
  if (output->fd < 0) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "--report %s: %s; choose a path that can be written", path,
                g_strerror(errno));
    return false;
  }
  /* Before it is emptied. */
  if (is_input(options, output->fd)) {
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "--report %s: is also read or written by this run (name another file)",
                path);
    return false;
  }
  if (ftruncate(output->fd, 0) != 0 && errno != EINVAL) {
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "--report %s: %s", path, g_strerror(errno));
    return false;
  }
  return true;
}

static uint64_t table_limit(const DcOptions *options)
{
  struct stat status;
  if (options->read_file == NULL || stat(options->read_file, &status) != 0 || !S_ISREG(status.st_mode))
    return TABLE_BYTES_LIVE;
  return TABLE_BYTES_MIN + (uint64_t)status.st_size;
}

DcAnnotator *dc_annotator_new(const DcOptions *options, GError **error)
{
  g_autoptr(DcAnnotator) annotator = g_new0(DcAnnotator, 1);
  annotator->table = dc_verdict_table_new(table_limit(options));
  annotator->outputs = g_ptr_array_new_with_free_func(output_free);
  annotator->comment = g_string_new(NULL);
  annotator->keep_payload = options->keep_payload;
  for (char **path = options->reports; path != NULL && *path != NULL; path++) {
    if (dc_annotator_is_for(*path) && !add_output(annotator, options, *path, error))
      return NULL;
  }
  return g_steal_pointer(&annotator);
}

void dc_annotator_add_fd(DcAnnotator *annotator, int fd, const char *name)
{
  Output *output = g_new0(Output, 1);
  output->name = g_strdup(name);
  output->fd = fd;
  g_ptr_array_add(annotator->outputs, output);
}

bool dc_annotator_check_live(const DcOptions *options, GError **error)
{
  const char *trouble = NULL;
  if (options->write_file == NULL && options->bundle != NULL)
    return true; /* recorded for the bundle */
  if (options->write_file == NULL)
    trouble = "needs -w FILE as well: verdicts come after their frames, and what was not kept cannot be annotated";
  else if (strcmp(options->write_file, "-") == 0)
    trouble = "needs -w with a file that can be read again, not standard output";
  else if (options->rotate_bytes > 0 || options->rotate_ns > 0)
    trouble = "needs one evidence file: leave out -C and -G, or annotate each file afterwards with -r";
  if (options->bundle != NULL && trouble != NULL) {
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "--bundle %s: %s", options->bundle, trouble);
    return false;
  }
  for (char **path = options->reports; trouble != NULL && path != NULL && *path != NULL; path++) {
    if (!dc_annotator_is_for(*path))
      continue;
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "--report %s: %s", *path, trouble);
    return false;
  }
  return true;
}

bool dc_annotator_check_input(const char *path, GError **error)
{
  struct stat status;
  if (path == NULL || (strcmp(path, "-") != 0 && (stat(path, &status) != 0 || S_ISREG(status.st_mode))))
    return true; /* what is not there is told when it is opened */
  g_set_error(
      error, DC_ERROR, DC_ERROR_UNSUPPORTED,
      "%s: annotated captures, bundles and --anonymize need their input twice, and this is no regular file (save "
      "it to a file first)",
      strcmp(path, "-") == 0 ? "standard input" : path);
  return false;
}

bool dc_annotator_check_inputs(const DcOptions *options, GError **error)
{
  if (!dc_annotator_check_input(options->read_file, error))
    return false;
  for (char **path = options->drops; path != NULL && *path != NULL; path++) {
    if (!dc_annotator_check_input(*path, error))
      return false;
  }
  return true;
}

static void hear_frame(void *data, const DcFrameVerdict *verdict)
{
  dc_verdict_table_add_frame(((DcAnnotator *)data)->table, verdict);
}

static void hear_drop(void *data, const DcDropVerdict *verdict)
{
  dc_verdict_table_add_drop(((DcAnnotator *)data)->table, verdict);
}

void dc_annotator_listen(DcAnnotator *annotator, DcAnalysis *analysis)
{
  dc_analysis_set_listener(analysis, hear_frame, hear_drop, annotator);
}

/* --- the header ---------------------------------------------------------------------------- */

void dc_annotate_meta_init(DcAnnotateMeta *ret_meta, const DcOptions *options, const DcAnalysisHost *host,
                           const DcEvidenceHeader *header, const char *command_line)
{
  DcEvidenceMeta meta = {.interface = host->interface,
                         .filter = options->filter,
                         .promiscuous = host->promiscuous,
                         .command = command_line,
                         .drop_mode = host->drop_mode,
                         .run = host->live ? NULL : DC_FIELD_RUN_SAVED};
  if (host->ifindex_count == 1)
    meta.ifindex = host->ifindexes[0];
  if (header != NULL) {
    meta.filter = header->filter;
    meta.command = header->command;
    meta.drop_text = header->drop_text;
    meta.direction = header->direction;
    meta.timestamp_type = header->timestamp_type;
    meta.start_ns = header->start_ns;
    meta.verify_from_ns = header->verify_from_ns;
    meta.verify_to_ns = header->verify_to_ns;
  }
  *ret_meta = (DcAnnotateMeta){.macs = g_malloc0((host->mac_count + options->local_count + 1) * 6),
                               .addresses = g_new0(DcAddr, host->address_count + options->local_count + 1)};
  for (size_t i = 0; i < host->mac_count; i++)
    memcpy(ret_meta->macs[meta.local_mac_count++], host->macs[i], 6);
  for (size_t i = 0; i < host->address_count; i++)
    ret_meta->addresses[meta.local_address_count++] = host->addresses[i];
  for (size_t i = 0; i < options->local_count; i++) {
    if (options->locals[i].is_mac)
      memcpy(ret_meta->macs[meta.local_mac_count++], options->locals[i].mac, 6);
    else
      ret_meta->addresses[meta.local_address_count++] = options->locals[i].addr;
  }
  meta.local_macs = (const uint8_t(*)[6])ret_meta->macs;
  meta.local_addresses = ret_meta->addresses;
  ret_meta->meta = meta;
}

void dc_annotate_meta_clear(DcAnnotateMeta *meta)
{
  g_clear_pointer(&meta->macs, g_free);
  g_clear_pointer(&meta->addresses, g_free);
}

/* --- the second reading ------------------------------------------------------------------ */

static gpointer interface_copy(const DcCaptureInterface *interface, DcAnonymizer *anonymizer)
{
  DcCaptureInterface *copy = g_memdup2(interface, sizeof *interface);
  copy->name = g_strdup(interface->name);
  copy->filter = anonymizer != NULL ? dc_anonymizer_filter(anonymizer, interface->filter) : g_strdup(interface->filter);
  if (anonymizer != NULL && interface->has_mac)
    dc_anonymizer_mac(anonymizer, interface->mac, copy->mac);
  return copy;
}

static void interface_free(gpointer data)
{
  DcCaptureInterface *interface = data;
  g_free((char *)(uintptr_t)interface->name);
  g_free((char *)(uintptr_t)interface->filter);
  g_free(interface);
}

static bool open_files(DcAnnotator *annotator, const DcAnnotateInput *input, GError **error)
{
  g_autoptr(GPtrArray) interfaces = g_ptr_array_new_with_free_func(interface_free);
  const DcCaptureInterface *interface;
  for (uint32_t i = 0; input->capture != NULL && (interface = dc_capture_file_interface(input->capture, i)) != NULL;
       i++)
    g_ptr_array_add(interfaces, interface_copy(interface, input->anonymizer));
  g_autofree char *comment = dc_comment_section(input->report);
  const DcSummary *summary = &input->report->summary;
  const DcAnnotatedOptions options = {
      .meta = input->meta,
      .interfaces = (const DcCaptureInterface *const *)interfaces->pdata,
      .interface_count = interfaces->len,
      .os = input->capture != NULL ? dc_capture_file_info(input->capture)->os : NULL,
      .comment = comment,
      .start_ns = summary->first_ns != DC_TIME_NONE ? summary->first_ns : 0,
  };
  for (guint i = 0; i < annotator->outputs->len; i++) {
    Output *output = g_ptr_array_index(annotator->outputs, i);
    output->file = dc_annotated_new(output->fd, output->name, &options, error);
    if (output->file == NULL)
      return false;
  }
  return true;
}

#define EACH_FILE(annotator, call)                                                      \
  for (guint at_ = 0; at_ < (annotator)->outputs->len; at_++) {                         \
    DcAnnotated *file = ((Output *)g_ptr_array_index((annotator)->outputs, at_))->file; \
    if (!(call))                                                                        \
      return false;                                                                     \
  }

static bool put_frame(DcAnnotator *annotator, const DcFrame *frame, GError **error)
{
  DcFrameEntry entry;
  DcDirection direction = (DcDirection)frame->direction;
  const char *comment = NULL;
  if (dc_verdict_table_frame(annotator->table, frame->number, &entry)) {
    direction = entry.direction;
    if (entry.comment.fate != DC_FATE_OUTBOUND) {
      g_string_truncate(annotator->comment, 0);
      dc_comment_frame(annotator->comment, &entry.comment, entry.place);
      comment = annotator->comment->str;
    }
  }
  EACH_FILE(annotator, dc_annotated_frame(file, frame, direction, comment, error))
  return true;
}

static bool put_drop(DcAnnotator *annotator, const DcDrop *drop, GError **error)
{
  DcDropEntry entry;
  DcAnnotatedDrop verdict = {.status = NULL};
  if (dc_verdict_table_drop(annotator->table, drop->number, &entry)) {
    g_string_truncate(annotator->comment, 0);
    dc_comment_drop(annotator->comment, entry.status, entry.why, entry.cause, entry.place);
    verdict = (DcAnnotatedDrop){.status = dc_drop_status_name(entry.status),
                                .cause = dc_cause_name(entry.cause),
                                .match = dc_match_name(entry.match),
                                .frame = entry.frame,
                                .comment = annotator->comment->str};
  }
  EACH_FILE(annotator, dc_annotated_drop(file, drop, &verdict, error))
  return true;
}

static bool put_event(DcAnnotator *annotator, const DcEvent *event, GError **error)
{
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    return put_frame(annotator, &event->frame, error);
  case DC_EVENT_DROP:
    return put_drop(annotator, &event->drop, error);
  case DC_EVENT_SAMPLE:
    EACH_FILE(annotator, dc_annotated_sample(file, &event->sample, error))
    return true;
  case DC_EVENT_LOSS:
    EACH_FILE(annotator, dc_annotated_loss(file, &event->loss, error))
    return true;
  case DC_EVENT_LIGHT: /* no source gives it */
    break;
  }
  return true;
}

bool dc_annotator_write(DcAnnotator *annotator, const DcAnnotateInput *input, GError **error)
{
  uint64_t drops = 0, events = 0;
  DcEvent event;
  if (!open_files(annotator, input, error))
    return false;
  /* An error of the input was told when it was analysed. */
  while (events < input->events_max && dc_source_next(input->events, &event, NULL) == DC_READ_EVENT) {
    events++;
    if (event.kind == DC_EVENT_DROP) {
      drops++;
      if (!input->own_drop_numbers)
        event.drop.number = drops;
    }
    if (event.kind == DC_EVENT_SAMPLE && input->sample != NULL)
      input->sample(input->sample_data, &event.sample);
    if (!annotator->keep_payload)
      dc_payload_cut(&event);
    if (!put_event(annotator, &event, error))
      return false;
  }
  EACH_FILE(annotator, dc_annotated_finish(file, error))
  const uint64_t lost = dc_verdict_table_lost(annotator->table);
  if (lost > 0)
    annotator->gap = g_strdup_printf("annotated capture: %" PRIu64 " verdicts are not in it: %s", lost,
                                     dc_verdict_table_why(annotator->table));
  return true;
}

const char *dc_annotator_gap(const DcAnnotator *annotator)
{
  return annotator->gap;
}

void dc_annotator_free(DcAnnotator *annotator)
{
  if (annotator == NULL)
    return;
  dc_verdict_table_free(annotator->table);
  g_ptr_array_unref(annotator->outputs);
  g_string_free(annotator->comment, TRUE);
  g_free(annotator->gap);
  g_free(annotator);
}
