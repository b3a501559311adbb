#include "dropcorr/source/evidence_write.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/evidence_fields.h"
#include "evidence_private.h"
#include "journal_write.h"
#include "pcapng_write.h"

#include <errno.h>
#include <netinet/in.h>
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
  dc_pcapng_write_packet(evidence->out, &(DcPcapngWritePacket){.interface_id = 0,
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

/*
 * Header of a cooked packet (LINKTYPE_LINUX_SLL2), for drops in a file of that link type:
 *
 *   | protocol (2) | 0 (2) | ifindex (4) | ARPHRD (2) | type (1) | halen (1) | address (8) |
 */
static uint32_t cooked_header(const DcDrop *drop, uint8_t header[static 20])
{
  memset(header, 0, 20);
  const uint16_t protocol = htons((uint16_t)MAX(drop->protocol, 0));
  const uint32_t ifindex = htonl(drop->in_ifindex);
  memcpy(header, &protocol, sizeof protocol);
  memcpy(header + 4, &ifindex, sizeof ifindex);
  header[9] = 1; /* ARPHRD_ETHER */
  if (drop->link == DC_LINK_ETHERNET && drop->caplen >= 12) {
    header[11] = 6;
    memcpy(header + 12, drop->bytes + 6, 6);
  }
  return 20;
}

/* The drop's bytes as a packet of the file's link type; false when there is no such form. */
static bool kdrop_packet(const DcEvidence *evidence, const DcDrop *drop, uint8_t header[static 20],
                         DcPcapngWritePacket *ret_packet)
{
  *ret_packet = (DcPcapngWritePacket){.interface_id = 1, .time_ns = drop->time_ns, .packet_id = drop->number};
  const uint32_t mac_len = drop->link == DC_LINK_ETHERNET ? 14 : 0;
  uint32_t skip = 0;
  if (dc_link_from_dlt(evidence->meta.dlt) == DC_LINK_ETHERNET) {
    if (drop->link != DC_LINK_ETHERNET)
      return false;
  } else if (dc_link_from_dlt(evidence->meta.dlt) == DC_LINK_SLL2 && drop->protocol >= 0 && drop->caplen > mac_len) {
    ret_packet->prefix = header;
    ret_packet->prefix_len = cooked_header(drop, header);
    skip = mac_len;
  } else if (dc_link_from_dlt(evidence->meta.dlt) == DC_LINK_RAW && drop->caplen > mac_len &&
             (drop->protocol == 0x0800 || drop->protocol == 0x86dd)) {
    skip = mac_len;
  } else {
    return false;
  }
  ret_packet->bytes = drop->bytes + skip;
  const uint32_t snaplen = evidence->meta.snaplen != 0 ? evidence->meta.snaplen : UINT32_MAX;
  ret_packet->caplen = MIN(ret_packet->prefix_len + drop->caplen - skip, snaplen);
  ret_packet->len = ret_packet->prefix_len + MAX(drop->orig_len, drop->caplen) - skip;
  return ret_packet->caplen > ret_packet->prefix_len;
}

bool dc_evidence_drop(DcEvidence *evidence, const DcDrop *drop, GError **error)
{
  bool ok;
  if (!begin_event(evidence, drop->time_ns, &ok, error))
    return ok;
  uint8_t header[20];
  DcPcapngWritePacket packet;
  if (evidence->seen != NULL && drop->caplen > 0 && drop->time_ns != DC_TIME_NONE &&
      kdrop_packet(evidence, drop, header, &packet) &&
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
