/*
 * Records of a saved capture, whatever wrote it: the reader under the capture source and
 * the drop-log readers. Gives packets of any link type, systemd journal entries and
 * interface statistics in file order, in memory bounded by the input's window.
 *
 * Record bytes point into the input's buffer and are valid until the next record.
 */
#pragma once

#include "dropcorr/base/cursor.h"
#include "dropcorr/base/error.h"
#include "dropcorr/model/event.h"
#include "dropcorr/source/capture_file.h"
#include "input_buffer.h"

#include <pcap/pcap.h>

/* What libpcap accepts as one captured packet of these link types (its MAXIMUM_SNAPLEN). */
#define DC_PACKET_CAPLEN_MAX 262144u

/* Interfaces of unlike description in one file; libpcap and Wireshark stop far earlier. */
#define DC_PACKET_INTERFACES_MAX 4096u

typedef enum {
  DC_RECORD_PACKET,
  DC_RECORD_JOURNAL,   /* bytes: one entry in the journal export format */
  DC_RECORD_STATISTICS /* of an interface: lost tells what is new since its last one */
} DcRecordKind;

typedef struct {
  uint8_t kind;          /* DcRecordKind */
  uint8_t direction;     /* DcDirection */
  uint8_t l4_checksum;   /* DcChecksum, as pcapng flags tell it */
  uint32_t interface_id; /* over all sections of the file */
  uint64_t number;       /* packets: 1-based over all packet records of the file */
  uint64_t packet_id;    /* pcapng epb_packetid, 0 none */
  uint64_t offset;       /* of the record's first byte in the file */
  int64_t time_ns;       /* journal: DC_TIME_NONE, its entry tells */
  uint32_t caplen, len;  /* journal: caplen only */
  const uint8_t *bytes;
  uint64_t lost;
} DcRecord;

typedef struct {
  DcCaptureInterface public;
  char *name, *filter; /* what public points to */
  uint8_t ts_base_two; /* if_tsresol: 1: 2^-n, 0: 10^-n */
  uint8_t ts_exponent; /* n */
  int64_t ts_offset_s; /* if_tsoffset */
  uint64_t lost;       /* last interface statistics */
  uint32_t tick_ns;    /* nanoseconds of a unit of time; 0: its packets are none of the usual */
} DcPacketInterface;

/* Whose records dc_packet_file_usual() takes. */
typedef enum { DC_USUAL_NONE, DC_USUAL_PCAP, DC_USUAL_PCAPNG } DcUsual;

typedef struct DcPacketFile DcPacketFile;

struct DcPacketFile {
  DcInput *input; /* owned */
  DcReadStatus (*next)(DcPacketFile *file, DcRecord *ret_record, GError **error);
  DcUsual usual;
  bool (*prepare)(DcPacketFile *file, GError **error); /* reads on up to the first packet; may be NULL */

  DcCaptureFileInfo info; /* strings owned here */
  DcPacketInterface **interfaces;
  size_t interface_count;

  bool swapped;           /* this section (file) has the other byte order */
  uint64_t packet_number; /* packet records so far */
  uint64_t skipped;       /* malformed records that could be stepped over */
  uint64_t foreign;       /* blocks of kinds that say nothing here */
  bool ended;             /* END or ERROR was given */

  /* classic pcap */
  bool nanoseconds;

  /* pcapng */
  GArray *section_interfaces; /* uint32_t: this section's ids to file-wide ones */
  GHashTable *known_interfaces;
  uint64_t section_offset;
  int64_t last_time_ns;

  /* read by libpcap */
  pcap_t *pcap;
};

/* Takes the input, also when it fails. Recognises the format by its first bytes. */
DcPacketFile *dc_packet_file_open(DcInput *input, GError **error);

/* Reads interface descriptions up to the first packet, so that link types are known before it. */
bool dc_packet_file_prepare(DcPacketFile *file, GError **error);

/* DC_READ_EVENT: ret_record is filled. After END or ERROR always END. */
DcReadStatus dc_packet_file_next(DcPacketFile *file, DcRecord *ret_record, GError **error);

void dc_packet_file_free(DcPacketFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcPacketFile, dc_packet_file_free)

/* LINKTYPE_ number of a file to the DLT_ number libpcap uses for it on Linux. */
int dc_packet_file_dlt(uint32_t linktype);

/* "Ethernet (DLT 1)" */
char *dc_packet_file_dlt_text(int dlt);

/* What a file that is no capture seems to be, with the remedy; follows "NAME: " in a message. Never NULL. */
char *dc_packet_file_guess(const char *name, const uint8_t *head, size_t len);

/* Whether the first bytes of a capture describe an interface of this link type. */
bool dc_packet_file_head_has_dlt(const uint8_t *head, size_t len, int dlt);

/* Ends the file with an error that names it and where: message goes after "FILE: ". */
DcReadStatus dc_packet_file_fail(DcPacketFile *file, DcErrorCode code, GError **error, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* The input ended after have of need bytes of what (a record's or block's name). */
DcReadStatus dc_packet_file_truncated(DcPacketFile *file, const char *what, uint64_t offset, uint64_t have,
                                      uint64_t need, GError **error);

/* Numbers of a file whose byte order is known only when it is read. */
static inline uint16_t dc_packet_file_u16(DcCursor *cursor, bool swapped)
{
  uint16_t value = dc_cursor_host16(cursor);
  return (uint16_t)(swapped ? GUINT16_SWAP_LE_BE(value) : value);
}

static inline uint32_t dc_packet_file_u32(DcCursor *cursor, bool swapped)
{
  uint32_t value = dc_cursor_host32(cursor);
  return swapped ? GUINT32_SWAP_LE_BE(value) : value;
}

static inline uint64_t dc_packet_file_u64(DcCursor *cursor, bool swapped)
{
  uint64_t value = dc_cursor_host64(cursor);
  return swapped ? GUINT64_SWAP_LE_BE(value) : value;
}

/* --- formats: each starts at the first byte of the file ------------------------------ */

bool dc_pcap_start(DcPacketFile *file, GError **error);
bool dc_pcapng_start(DcPacketFile *file, GError **error);
bool dc_libpcap_start(DcPacketFile *file, GError **error);

bool dc_pcap_usual(DcPacketFile *file, DcEvent *event);
bool dc_pcapng_usual(DcPacketFile *file, DcEvent *event);

/*
 * Packets as most are, in one step: in memory as a whole, in this host's byte order, without options, of an interface
 * whose frames can be decoded, which counts time from the epoch in decimal parts of a second. The event becomes a frame
 * of which nothing more is known. False: the next record is none of these, nothing was taken, and dc_packet_file_next()
 * tells what it is.
 */
static inline bool dc_packet_file_usual(DcPacketFile *file, DcEvent *event)
{
  switch (file->usual) {
  case DC_USUAL_PCAP:
    return dc_pcap_usual(file, event);
  case DC_USUAL_PCAPNG:
    return dc_pcapng_usual(file, event);
  case DC_USUAL_NONE:
    break;
  }
  return false;
}

/* Fills the event for dc_packet_file_usual() but for its bytes. */
static inline void dc_packet_file_tell(DcPacketFile *file, uint32_t interface_id, int64_t time_ns, uint32_t caplen,
                                       uint32_t len, DcEvent *event)
{
  event->kind = DC_EVENT_FRAME;
  event->time_ns = time_ns;
  DcFrame *frame = &event->frame;
  frame->number = ++file->packet_number;
  frame->time_ns = time_ns;
  frame->keys = NULL;
  frame->caplen = caplen;
  frame->len = MAX(len, caplen);
  frame->interface_id = interface_id;
  frame->ifindex = 0;
  frame->link = file->interfaces[interface_id]->public.link;
  frame->direction = DC_DIRECTION_UNKNOWN;
  frame->l4_checksum = DC_CHECKSUM_UNKNOWN;
  frame->usual = false;
  frame->packet.has = 0; /* not decoded yet */
}

/* Adds an interface of the file; its public part is completed from name and filter. Takes interface. */
uint32_t dc_packet_file_add_interface(DcPacketFile *file, DcPacketInterface *interface);

/* --- parts of a pcapng file (pcapng_describe.c): cursors hold a block's body -------------- */

/* The next option; false at the end of the list or when a length lies. */
bool dc_pcapng_option(DcCursor *cursor, bool swapped, uint16_t *ret_code, DcCursor *ret_value);

bool dc_pcapng_section(DcPacketFile *file, DcCursor body, GError **error);
bool dc_pcapng_interface(DcPacketFile *file, uint64_t offset, DcCursor body, GError **error);
