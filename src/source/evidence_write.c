#include "dropcorr/source/evidence_write.h"

#include "cooked.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/evidence_fields.h"
#include "evidence_private.h"
#include "journal_write.h"
#include "pcapng_write.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_BYTES (64u << 10)
#define FLUSH_NS DC_NS_PER_S

/* --- events ---------------------------------------------------------------------------- */

/* Makes ready for one event. False: it is not to be written (counted where it is a loss). */
static bool begin_event(DcEvidence *evidence, int64_t time_ns, bool *ret_ok, GError **error)
{
  *ret_ok = true;
  if (time_ns == DC_TIME_NONE)
    time_ns = evidence->last_ns;
  else
    evidence->last_ns = time_ns;
  if (evidence->done)
    return false;
  const int64_t now = dc_clock_monotonic();
  if (evidence->failing && now < evidence->retry_ns) {
    dc_evidence_count_lost(evidence, 1, time_ns, time_ns);
    return false;
  }
  *ret_ok = dc_evidence_rotate(evidence, time_ns, error);
  if (evidence->done)
    return false;
  if (evidence->fd < 0) {
    dc_evidence_count_lost(evidence, 1, time_ns, time_ns);
    return false;
  }
  if (evidence->out_events == 0) {
    evidence->out_since_ns = now;
    evidence->out_from_ns = time_ns;
  }
  evidence->out_to_ns = time_ns;
  evidence->out_events++;
  return true;
}

static bool end_event(DcEvidence *evidence, GError **error)
{
  return dc_evidence_flush(evidence, evidence->options.flush_each || evidence->out->len >= FLUSH_BYTES, error);
}

bool dc_evidence_flush(DcEvidence *evidence, bool all, GError **error)
{
  if (evidence->out_events == 0 || evidence->done)
    return true;
  if (!all && dc_clock_monotonic() - evidence->out_since_ns < FLUSH_NS)
    return true;
  return dc_evidence_write_out(evidence, error);
}

bool dc_evidence_frame(DcEvidence *evidence, const DcFrame *frame, GError **error)
{
  bool ok;
  if (!begin_event(evidence, frame->time_ns, &ok, error))
    return ok;
  if (frame->l4_checksum == DC_CHECKSUM_BAD)
    dc_journal_checksum(evidence->out, frame->number, DC_CHECKSUM_BAD, frame->time_ns);
  dc_pcapng_write_packet(evidence->out, &(DcPcapngWritePacket){.interface_id = 0,
                                                               .checksum = (DcChecksum)frame->l4_checksum,
                                                               .time_ns = frame->time_ns,
                                                               .caplen = frame->caplen,
                                                               .len = frame->len,
                                                               .bytes = frame->bytes,
                                                               .direction = (DcDirection)frame->direction,
                                                               .packet_id = frame->number});
  if (evidence->seen != NULL)
    dc_seen_packets_add(evidence->seen, (DcLink)frame->link, frame->bytes, frame->caplen, frame->len);
  return end_event(evidence, ok ? error : NULL) && ok;
}

bool dc_evidence_drop(DcEvidence *evidence, const DcDrop *drop, GError **error)
{
  bool ok;
  if (!begin_event(evidence, drop->time_ns, &ok, error))
    return ok;
  uint8_t header[DC_COOKED_HEADER];
  DcPcapngWritePacket packet;
  if (evidence->seen != NULL && drop->caplen > 0 && drop->time_ns != DC_TIME_NONE &&
      dc_cooked_drop(drop, evidence->meta.dlt, evidence->meta.snaplen, header, &packet) &&
      !dc_seen_packets_has(evidence->seen, (DcLink)drop->link, drop->bytes, drop->caplen,
                           MAX(drop->orig_len, drop->caplen)))
    dc_pcapng_write_packet(evidence->out, &packet);
  dc_journal_drop(evidence->out, drop, evidence->last_ns);
  return end_event(evidence, ok ? error : NULL) && ok;
}

bool dc_evidence_sample(DcEvidence *evidence, const DcSample *sample, GError **error)
{
  if (evidence->kept != NULL)
    dc_evidence_keep_sample(evidence, sample);
  bool ok;
  if (!begin_event(evidence, sample->time_ns, &ok, error))
    return ok;
  dc_journal_sample(evidence->out, sample, evidence->last_ns);
  return end_event(evidence, ok ? error : NULL) && ok;
}

bool dc_evidence_loss(DcEvidence *evidence, const DcLoss *loss, GError **error)
{
  bool ok;
  if (!begin_event(evidence, loss->to_ns, &ok, error))
    return ok;
  dc_journal_loss(evidence->out, loss);
  return end_event(evidence, ok ? error : NULL) && ok;
}

bool dc_evidence_event(DcEvidence *evidence, const DcEvent *event, GError **error)
{
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    return dc_evidence_frame(evidence, &event->frame, error);
  case DC_EVENT_DROP:
    return dc_evidence_drop(evidence, &event->drop, error);
  case DC_EVENT_SAMPLE:
    return dc_evidence_sample(evidence, &event->sample, error);
  case DC_EVENT_LOSS:
    return dc_evidence_loss(evidence, &event->loss, error);
  case DC_EVENT_LIGHT: /* no source gives it */
    break;
  }
  return true;
}

/* --- opening, closing, asking ------------------------------------------------------------ */

void dc_evidence_options_init(DcEvidenceOptions *options)
{
  *options = (DcEvidenceOptions){.kdrop_packets = true, .owner = (uid_t)-1, .group = (gid_t)-1};
}

static const char *keep(DcEvidence *evidence, const char *text)
{
  return text != NULL ? g_string_chunk_insert(evidence->texts, text) : NULL;
}

static void copy_meta(DcEvidence *evidence, const DcEvidenceMeta *meta)
{
  evidence->meta = *meta;
  evidence->texts = g_string_chunk_new(1024);
  evidence->meta.interface = keep(evidence, meta->interface);
  evidence->meta.filter = keep(evidence, meta->filter);
  evidence->meta.command = keep(evidence, meta->command);
  evidence->meta.drop_mode = keep(evidence, meta->drop_mode);
  evidence->meta.drop_text = keep(evidence, meta->drop_text);
  evidence->meta.direction = keep(evidence, meta->direction);
  evidence->meta.timestamp_type = keep(evidence, meta->timestamp_type);
  evidence->meta.run = keep(evidence, meta->run);
  evidence->meta.local_macs = g_memdup2(meta->local_macs, meta->local_mac_count * sizeof *meta->local_macs);
  evidence->meta.local_addresses =
      g_memdup2(meta->local_addresses, meta->local_address_count * sizeof *meta->local_addresses);
}

DcEvidence *dc_evidence_open(const char *path, const DcEvidenceMeta *meta, const DcEvidenceOptions *options,
                             GError **error)
{
  const bool to_stdout = strcmp(path, "-") == 0;
  if (to_stdout && (options->rotate_bytes > 0 || options->rotate_ns > 0)) {
    g_set_error(error, DC_ERROR, DC_ERROR_USAGE, "-w -: standard output cannot be rotated (leave out -C and -G)");
    return NULL;
  }
  g_autoptr(DcEvidence) evidence = g_new0(DcEvidence, 1);
  evidence->fd = -1;
  evidence->options = *options;
  copy_meta(evidence, meta);
  evidence->path = g_strdup(path);
  evidence->to_stdout = to_stdout;
  evidence->out = g_byte_array_new();
  evidence->last_ns = evidence->period_ns = dc_clock_realtime();
  evidence->periods = 0;
  if (dc_evidence_rotates(evidence)) {
    evidence->kept = g_hash_table_new(g_str_hash, g_str_equal);
    evidence->kept_order = g_ptr_array_new_with_free_func(dc_evidence_free_kept);
  }
  if (options->kdrop_packets)
    evidence->seen = dc_seen_packets_new();
  if (!dc_evidence_open_file(evidence, evidence->last_ns, error) || !dc_evidence_write_out(evidence, error))
    return NULL;
  return g_steal_pointer(&evidence);
}

bool dc_evidence_done(const DcEvidence *evidence)
{
  return evidence->done;
}

uint64_t dc_evidence_lost(const DcEvidence *evidence)
{
  return evidence->lost;
}

bool dc_evidence_take_loss(DcEvidence *evidence, bool final, DcLoss *ret_loss)
{
  if (evidence->lost_untold == 0 || (evidence->failing && !final))
    return false;
  *ret_loss = (DcLoss){.kind = DC_LOSS_EVIDENCE,
                       .count = evidence->lost_untold,
                       .from_ns = evidence->lost_from_ns,
                       .to_ns = evidence->lost_to_ns,
                       .detail = "events that could not be written to the evidence file"};
  evidence->lost_untold = 0;
  return true;
}

uint64_t dc_evidence_bytes(const DcEvidence *evidence)
{
  return evidence->bytes;
}

const char *dc_evidence_path(const DcEvidence *evidence)
{
  return evidence->current;
}

bool dc_evidence_close(DcEvidence *evidence, uint64_t received, uint64_t dropped, uint64_t dropped_interface,
                       GError **error)
{
  if (evidence->fd < 0 || evidence->done)
    return true;
  dc_pcapng_write_statistics(evidence->out, 0, evidence->last_ns, evidence->meta.start_ns, received, dropped_interface,
                             dropped);
  bool ok = dc_evidence_write_out(evidence, error);
  /* Some file systems tell of a full disk only now. */
  if (close(evidence->fd) != 0 && ok) {
    const int code = errno;
    g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: closing: %s", evidence->current, g_strerror(code));
    ok = false;
  }
  evidence->fd = -1;
  return ok;
}

void dc_evidence_free(DcEvidence *evidence)
{
  if (evidence == NULL)
    return;
  if (evidence->fd >= 0 && !evidence->done)
    (void)dc_evidence_write_out(evidence, NULL);
  dc_evidence_close_file(evidence);
  g_clear_pointer(&evidence->kept, g_hash_table_unref);
  g_clear_pointer(&evidence->kept_order, g_ptr_array_unref);
  dc_seen_packets_free(evidence->seen);
  g_clear_pointer(&evidence->out, g_byte_array_unref);
  g_clear_pointer(&evidence->texts, g_string_chunk_free);
  g_free((void *)(uintptr_t)evidence->meta.local_macs);
  g_free((void *)(uintptr_t)evidence->meta.local_addresses);
  g_free(evidence->path);
  g_free(evidence->current);
  g_free(evidence);
}
