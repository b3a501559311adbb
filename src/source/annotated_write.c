#include "dropcorr/source/annotated_write.h"

#include "cooked.h"
#include "dropcorr/base/cursor.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/evidence_fields.h"
#include "journal_write.h"
#include "pcapng_write.h"

#include <errno.h>
#include <pcap/dlt.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_BYTES (256u << 10)
#define SNAPLEN_UNKNOWN 262144u /* what tcpdump writes for "all of it" */
#define NO_INTERFACE UINT32_MAX
#define LINKTYPE_RAW 101

struct DcAnnotated {
  int fd; /* borrowed */
  char *name;
  GByteArray *out;
  GArray *interface_ids; /* uint32_t: the input's numbers to the file's */
  uint32_t kdrop_id;
  int dlt;
  bool cooked; /* frames are made into SLL2 */
  bool lone;   /* there can be one interface only: no kdrop */
  uint32_t snaplen;
  int64_t last_ns;
};

/* --- the one link type --------------------------------------------------------------------- */

/* An input that is an evidence file has an interface of this name; the file gets another. */
static bool is_left_out(const DcCaptureInterface *interface)
{
  return interface->link == DC_LINK_UNKNOWN || g_strcmp0(interface->name, DC_EVIDENCE_KDROP) == 0;
}

static void choose_link(DcAnnotated *annotated, const DcAnnotatedOptions *options)
{
  const DcCaptureInterface *first = NULL;
  uint32_t count = 0;
  bool same_dlt = true;
  for (size_t i = 0; i < options->interface_count; i++) {
    const DcCaptureInterface *interface = options->interfaces[i];
    if (is_left_out(interface))
      continue;
    if (first == NULL)
      first = interface;
    count++;
    same_dlt = same_dlt && interface->dlt == first->dlt;
    annotated->snaplen = MAX(annotated->snaplen, interface->snaplen != 0 ? interface->snaplen : SNAPLEN_UNKNOWN);
  }
  /*
   * The number of DLT_RAW is not the one files have (LINKTYPE_RAW), and libpcap 1.10 compares one with the
   * other: it reads such a file only if that has a single interface.
   */
  const bool raw = first != NULL && first->dlt == DLT_RAW;
  annotated->lone = raw && count == 1;
  annotated->cooked = first != NULL && (!same_dlt || (raw && count > 1));
  if (annotated->cooked)
    annotated->dlt = dc_link_to_dlt(DC_LINK_SLL2);
  else
    annotated->dlt = first != NULL ? first->dlt : dc_link_to_dlt(DC_LINK_ETHERNET);
  if (annotated->snaplen == 0)
    annotated->snaplen = SNAPLEN_UNKNOWN;
  if (annotated->cooked)
    annotated->snaplen += DC_COOKED_HEADER;
}

static void put_interfaces(DcAnnotated *annotated, const DcAnnotatedOptions *options)
{
  uint32_t next = 0;
  for (size_t i = 0; i < options->interface_count; i++) {
    const DcCaptureInterface *interface = options->interfaces[i];
    const bool left_out = is_left_out(interface);
    const uint32_t id = left_out ? NO_INTERFACE : next++;
    g_array_append_val(annotated->interface_ids, id);
    if (!left_out)
      dc_pcapng_write_interface(annotated->out,
                                &(DcPcapngWriteInterface){.name = interface->name,
                                                          .filter = interface->filter,
                                                          .dlt = annotated->lone ? LINKTYPE_RAW : annotated->dlt,
                                                          .snaplen = annotated->snaplen,
                                                          .mac = interface->has_mac ? interface->mac : NULL});
  }
  if (next == 0) {
    /* Readers take interface 0 for the captured one. */
    dc_pcapng_write_interface(annotated->out, &(DcPcapngWriteInterface){.name = options->meta->interface,
                                                                        .dlt = annotated->dlt,
                                                                        .snaplen = annotated->snaplen});
    next++;
  }
  if (annotated->lone)
    return;
  annotated->kdrop_id = next;
  dc_pcapng_write_interface(
      annotated->out,
      &(DcPcapngWriteInterface){.name = DC_EVIDENCE_KDROP,
                                .description = "packets the kernel dropped that no captured frame shows",
                                .dlt = annotated->dlt,
                                .snaplen = annotated->snaplen});
}

/* --- writing ------------------------------------------------------------------------------ */

static bool write_out(DcAnnotated *annotated, GError **error)
{
  for (size_t done = 0; done < annotated->out->len;) {
    const ssize_t wrote = write(annotated->fd, annotated->out->data + done, annotated->out->len - done);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0) {
      g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: %s; the capture there is incomplete", annotated->name,
                  g_strerror(wrote < 0 ? errno : ENOSPC));
      return false;
    }
    done += (size_t)wrote;
  }
  g_byte_array_set_size(annotated->out, 0);
  return true;
}

static bool end_block(DcAnnotated *annotated, int64_t time_ns, GError **error)
{
  if (time_ns != DC_TIME_NONE)
    annotated->last_ns = time_ns;
  return annotated->out->len < FLUSH_BYTES || write_out(annotated, error);
}

DcAnnotated *dc_annotated_new(int fd, const char *name, const DcAnnotatedOptions *options, GError **error)
{
  g_autoptr(DcAnnotated) annotated = g_new0(DcAnnotated, 1);
  annotated->fd = fd;
  annotated->name = g_strdup(name);
  annotated->out = g_byte_array_new();
  annotated->interface_ids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
  annotated->last_ns = options->start_ns;
  choose_link(annotated, options);
  dc_pcapng_write_section(annotated->out, "dropcorr " DROPCORR_VERSION, options->os, options->comment);
  put_interfaces(annotated, options);
  dc_journal_header(annotated->out, options->meta, 1, annotated->last_ns);
  return write_out(annotated, error) ? g_steal_pointer(&annotated) : NULL;
}

bool dc_annotated_frame(DcAnnotated *annotated, const DcFrame *frame, DcDirection direction, const char *comment,
                        GError **error)
{
  uint32_t id = NO_INTERFACE;
  if (frame->interface_id < annotated->interface_ids->len)
    id = g_array_index(annotated->interface_ids, uint32_t, frame->interface_id);
  if (id == NO_INTERFACE)
    return true;
  DcPcapngWritePacket packet = {.interface_id = id,
                                .time_ns = frame->time_ns,
                                .caplen = frame->caplen,
                                .len = frame->len,
                                .bytes = frame->bytes,
                                .direction = direction,
                                .checksum = (DcChecksum)frame->l4_checksum,
                                .packet_id = frame->number,
                                .comment = comment};
  uint8_t header[DC_COOKED_HEADER];
  uint32_t skip = 0;
  if (annotated->cooked && dc_cooked_frame(frame, direction, header, &skip)) {
    DcCursor cursor = dc_cursor(frame->bytes, frame->caplen);
    dc_cursor_skip(&cursor, skip);
    packet.prefix = header;
    packet.prefix_len = DC_COOKED_HEADER;
    packet.bytes = dc_cursor_bytes(&cursor, frame->caplen - skip);
    packet.caplen = DC_COOKED_HEADER + frame->caplen - skip;
    packet.len = DC_COOKED_HEADER + frame->len - skip;
  } else if (annotated->cooked) {
    /* Shorter than its own link header: its bytes would be read as something else. */
    memset(header, 0, sizeof header);
    packet.prefix = header;
    packet.prefix_len = packet.caplen = DC_COOKED_HEADER;
    packet.len = DC_COOKED_HEADER + frame->len;
  }
  if (frame->l4_checksum == DC_CHECKSUM_BAD)
    dc_journal_checksum(annotated->out, frame->number, DC_CHECKSUM_BAD, frame->time_ns);
  dc_pcapng_write_packet(annotated->out, &packet);
  return end_block(annotated, frame->time_ns, error);
}

bool dc_annotated_drop(DcAnnotated *annotated, const DcDrop *drop, const DcAnnotatedDrop *verdict, GError **error)
{
  uint8_t header[DC_COOKED_HEADER];
  DcPcapngWritePacket packet;
  if (!annotated->lone && verdict->frame == 0 && drop->caplen > 0 && drop->time_ns != DC_TIME_NONE &&
      dc_cooked_drop(drop, annotated->dlt, annotated->snaplen, header, &packet)) {
    packet.interface_id = annotated->kdrop_id;
    packet.comment = verdict->comment;
    dc_pcapng_write_packet(annotated->out, &packet);
  }
  const DcJournalVerdict journal = {
      .status = verdict->status, .cause = verdict->cause, .match = verdict->match, .frame = verdict->frame};
  dc_journal_drop_verdict(annotated->out, drop, &journal, annotated->last_ns);
  return end_block(annotated, drop->time_ns, error);
}

bool dc_annotated_sample(DcAnnotated *annotated, const DcSample *sample, GError **error)
{
  dc_journal_sample(annotated->out, sample, annotated->last_ns);
  return end_block(annotated, sample->time_ns, error);
}

bool dc_annotated_loss(DcAnnotated *annotated, const DcLoss *loss, GError **error)
{
  DcLoss dated = *loss;
  if (dated.to_ns == DC_TIME_NONE)
    dated.to_ns = annotated->last_ns;
  dc_journal_loss(annotated->out, &dated);
  return end_block(annotated, dated.to_ns, error);
}

bool dc_annotated_finish(DcAnnotated *annotated, GError **error)
{
  return write_out(annotated, error);
}

void dc_annotated_free(DcAnnotated *annotated)
{
  if (annotated == NULL)
    return;
  g_byte_array_unref(annotated->out);
  g_array_unref(annotated->interface_ids);
  g_free(annotated->name);
  g_free(annotated);
}
