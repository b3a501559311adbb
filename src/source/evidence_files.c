/* The evidence writer's files: writing, rotation, and what happens when writing fails. */
#include "dropcorr/base/error.h"
#include "dropcorr/source/evidence_fields.h"
#include "evidence_path.h"
#include "evidence_private.h"
#include "journal_write.h"
#include "pcapng_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RETRY_NS DC_NS_PER_S

/* --- loss --------------------------------------------------------------------------- */

void dc_evidence_count_lost(DcEvidence *evidence, uint64_t count, int64_t from_ns, int64_t to_ns)
{
  if (count == 0)
    return;
  if (evidence->lost_untold == 0)
    evidence->lost_from_ns = from_ns;
  evidence->lost_to_ns = to_ns;
  evidence->lost += count;
  evidence->lost_untold += count;
}

static void drop_buffer(DcEvidence *evidence)
{
  dc_evidence_count_lost(evidence, evidence->out_events, evidence->out_from_ns, evidence->out_to_ns);
  g_byte_array_set_size(evidence->out, 0);
  evidence->out_events = 0;
}

/* The first failure of a row is told, the others only counted. */
static bool begin_failing(DcEvidence *evidence, int code, const char *what, GError **error)
{
  drop_buffer(evidence);
  evidence->retry_ns = dc_clock_monotonic() + RETRY_NS;
  if (evidence->failing)
    return true;
  evidence->failing = true;
  const char *remedy = code == ENOSPC || code == EDQUOT ? "make room" : "see that it can be written";
  g_set_error(error, DC_ERROR, DC_ERROR_IO,
              "%s: %s: %s; the analysis goes on, what cannot be written is counted and writing is tried again (%s)",
              evidence->current, what, g_strerror(code), remedy);
  return false;
}

/* --- writing ------------------------------------------------------------------------- */

/* After a short write the file ends inside a block: cut back to the last whole one. */
static void cut_back(DcEvidence *evidence)
{
  if (evidence->seekable && ftruncate(evidence->fd, (off_t)evidence->file_bytes) == 0)
    (void)lseek(evidence->fd, (off_t)evidence->file_bytes, SEEK_SET);
}

bool dc_evidence_write_out(DcEvidence *evidence, GError **error)
{
  if (evidence->out->len == 0)
    return true;
  if (evidence->fd < 0)
    return begin_failing(evidence, EBADF, "no file is open", error);
  size_t done = 0;
  while (done < evidence->out->len) {
    const ssize_t wrote = write(evidence->fd, evidence->out->data + done, evidence->out->len - done);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0) {
      const int code = wrote < 0 ? errno : ENOSPC;
      cut_back(evidence);
      return begin_failing(evidence, code, "writing", error);
    }
    done += (size_t)wrote;
  }
  evidence->file_bytes += evidence->out->len;
  evidence->bytes += evidence->out->len;
  g_byte_array_set_size(evidence->out, 0);
  evidence->out_events = 0;
  evidence->failing = false;
  return true;
}

/* --- the beginning of each file -------------------------------------------------------- */

static void put_preamble(DcEvidence *evidence, int64_t realtime_ns)
{
  const DcEvidenceMeta *meta = &evidence->meta;
  struct utsname name;
  g_autofree char *os =
      uname(&name) == 0 ? g_strdup_printf("%s %s %s", name.sysname, name.release, name.machine) : NULL;
  dc_pcapng_write_section(evidence->out, "dropcorr " DROPCORR_VERSION, os,
                          "dropcorr evidence: frames, kernel drops, host state; dropcorr -r explains it");
  dc_pcapng_write_interface(evidence->out, &(DcPcapngWriteInterface){.name = meta->interface,
                                                                     .filter = meta->filter,
                                                                     .dlt = meta->dlt,
                                                                     .snaplen = meta->snaplen,
                                                                     .mac = meta->has_mac ? meta->mac : NULL});
  dc_pcapng_write_interface(
      evidence->out, &(DcPcapngWriteInterface){.name = DC_EVIDENCE_KDROP,
                                               .description = "packets the kernel dropped that no captured frame shows",
                                               .dlt = meta->dlt,
                                               .snaplen = meta->snaplen});
  dc_journal_header(evidence->out, meta, evidence->part, realtime_ns);
  for (guint i = 0; evidence->part > 1 && evidence->kept_order != NULL && i < evidence->kept_order->len; i++) {
    const DcKeptSample *kept = g_ptr_array_index(evidence->kept_order, i);
    const DcSample sample = {
        .time_ns = kept->time_ns, .phase = DC_PHASE_BEFORE, .name = kept->name, .text = kept->text, .len = kept->len};
    dc_journal_sample(evidence->out, &sample, realtime_ns);
  }
}

bool dc_evidence_open_file(DcEvidence *evidence, int64_t time_ns, GError **error)
{
  g_free(evidence->current);
  evidence->current =
      evidence->to_stdout
          ? g_strdup("standard output")
          : dc_evidence_path_make(evidence->path, evidence->options.rotate_ns, evidence->options.rotate_bytes,
                                  evidence->options.rotate_files, time_ns, evidence->number);
  evidence->fd = evidence->to_stdout ? dup(STDOUT_FILENO)
                                     : open(evidence->current, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (evidence->fd < 0) {
    const int code = errno;
    if (evidence->part > 0)
      return begin_failing(evidence, code, "opening the next file", error);
    g_set_error(error, DC_ERROR,
                code == ENOENT                    ? DC_ERROR_NOT_FOUND
                : code == EACCES || code == EPERM ? DC_ERROR_PERMISSION
                                                  : DC_ERROR_IO,
                "%s: %s (-w needs a file that can be created)", evidence->current, g_strerror(code));
    return false;
  }
  struct stat status;
  evidence->seekable = fstat(evidence->fd, &status) == 0 && S_ISREG(status.st_mode) && !evidence->to_stdout;
  if (evidence->seekable && evidence->options.owner != (uid_t)-1 &&
      fchown(evidence->fd, evidence->options.owner, evidence->options.group) != 0)
    errno = 0; /* an ordinary user cannot give files away, and need not */
  evidence->file_bytes = 0;
  evidence->part++;
  put_preamble(evidence, time_ns);
  evidence->preamble_bytes = evidence->out->len;
  return true;
}

void dc_evidence_close_file(DcEvidence *evidence)
{
  if (evidence->fd >= 0)
    close(evidence->fd);
  evidence->fd = -1;
}

/* --- rotation -------------------------------------------------------------------------- */

bool dc_evidence_rotates(const DcEvidence *evidence)
{
  return evidence->options.rotate_bytes > 0 || evidence->options.rotate_ns > 0;
}

bool dc_evidence_rotate(DcEvidence *evidence, int64_t time_ns, GError **error)
{
  const DcEvidenceOptions *options = &evidence->options;
  const bool by_time = options->rotate_ns > 0 && time_ns >= evidence->period_ns + options->rotate_ns;
  const bool reopen = evidence->fd < 0; /* the next file could not be opened: tried again under its name */
  const bool by_size = options->rotate_bytes > 0 && !by_time && !reopen &&
                       evidence->file_bytes + evidence->out->len >= options->rotate_bytes + evidence->preamble_bytes;
  if (!by_time && !by_size && !reopen)
    return true;
  bool ok = dc_evidence_write_out(evidence, error);
  dc_evidence_close_file(evidence);
  if (by_time) {
    /* Whole periods are passed over, as a quiet hour of a day makes no file. */
    evidence->period_ns += (time_ns - evidence->period_ns) / options->rotate_ns * options->rotate_ns;
    evidence->number = 0;
    evidence->periods++;
    if (options->rotate_files > 0 && options->rotate_bytes == 0 && evidence->periods >= options->rotate_files) {
      evidence->done = true;
      return ok;
    }
  } else if (by_size) {
    evidence->number++;
  }
  if (!dc_evidence_open_file(evidence, time_ns, ok ? error : NULL))
    ok = false;
  return ok;
}

void dc_evidence_keep_sample(DcEvidence *evidence, const DcSample *sample)
{
  DcKeptSample *kept = g_hash_table_lookup(evidence->kept, sample->name);
  if (kept == NULL) {
    kept = g_new0(DcKeptSample, 1);
    kept->name = g_strdup(sample->name);
    g_hash_table_insert(evidence->kept, kept->name, kept);
    g_ptr_array_add(evidence->kept_order, kept);
  }
  g_free(kept->text);
  kept->text = g_memdup2(sample->text, sample->len);
  kept->len = sample->len;
  kept->time_ns = sample->time_ns;
}

void dc_evidence_free_kept(void *data)
{
  DcKeptSample *kept = data;
  g_free(kept->name);
  g_free(kept->text);
  g_free(kept);
}
