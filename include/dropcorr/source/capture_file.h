/*
 * Frames of a saved capture: pcap (us and ns, either byte order) and pcapng, from a
 * file or from standard input ("-"), in bounded memory. Classic pcap and pcapng are
 * read by an own block reader; whatever it does not know goes to libpcap.
 * An evidence file (pcapng written by this program) also yields its drops, samples
 * and losses from its journal blocks, in file order; its frames have the numbers of the
 * run that wrote it (epb_packetid).
 */
#pragma once

#include "dropcorr/source/evidence_read.h"
#include "dropcorr/source/input.h"
#include "dropcorr/source/source.h"

typedef struct {
  const char *filter; /* libpcap expression or NULL */
  bool filter_optimize;
  const DcStop *stop; /* ends the wait for a silent pipe; borrowed, NULL: none */
} DcCaptureFileOptions;

/* What the file says of itself; valid once the first event was read or END reached. */
typedef struct {
  const char *format; /* "pcap", "pcapng" */
  bool nanoseconds;
  size_t interface_count;
  const char *hardware, *os, *application, *comment; /* pcapng section options, may be NULL */
  bool is_evidence;                                  /* written by dropcorr -w */
} DcCaptureFileInfo;

typedef struct {
  const char *name, *filter; /* may be NULL */
  uint8_t link;              /* DcLink */
  int dlt;
  uint32_t snaplen;
  uint8_t mac[6];
  bool has_mac;
} DcCaptureInterface;

/* Errors: NOT_FOUND, PERMISSION, IO, FORMAT (bad magic, empty file), FILTER, UNSUPPORTED (link type).
 * A file that ends inside a record gives its frames, then DC_READ_ERROR with DC_ERROR_TRUNCATED. */
DcSource *dc_capture_file_open(const char *path, const DcCaptureFileOptions *options, GError **error);

/* The same on input already open; takes it, also when it fails. */
DcSource *dc_capture_file_from_input(DcInput *input, const DcCaptureFileOptions *options, GError **error);

const DcCaptureFileInfo *dc_capture_file_info(const DcSource *source);
const DcCaptureInterface *dc_capture_file_interface(const DcSource *source,
                                                    uint32_t interface_id); /* NULL: none such */

/* The run that wrote an evidence file; NULL: no evidence file, or its header was not read yet. */
const DcEvidenceHeader *dc_capture_file_evidence(const DcSource *source);

/* Frames the file holds that the filter rejected; and drops of an evidence file. */
uint64_t dc_capture_file_filtered(const DcSource *source);
uint64_t dc_capture_file_filtered_drops(const DcSource *source);
