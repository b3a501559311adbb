/*
 * pcapng blocks (draft-ietf-opsawg-pcapng) into a buffer. Private to the evidence
 * writer.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A block under construction: begin, body and options, end. */
size_t dc_pcapng_write_begin(GByteArray *out, uint32_t type);
void dc_pcapng_write_end(GByteArray *out, size_t begin);

void dc_pcapng_write_section(GByteArray *out, const char *application, const char *os, const char *comment);

typedef struct {
  const char *name, *description, *filter; /* may be NULL */
  int dlt;
  uint32_t snaplen;
  const uint8_t *mac; /* 6 bytes or NULL */
} DcPcapngWriteInterface;
void dc_pcapng_write_interface(GByteArray *out, const DcPcapngWriteInterface *interface);

typedef struct {
  uint32_t interface_id;
  int64_t time_ns;
  uint32_t caplen, len;
  const uint8_t *prefix; /* written before bytes; part of caplen */
  uint32_t prefix_len;
  const uint8_t *bytes;
  DcDirection direction; /* UNKNOWN: no flags */
  DcChecksum checksum;   /* GOOD and PARTIAL have a flag */
  uint64_t packet_id;    /* 0: none */
  const char *comment;   /* NULL: none */
} DcPcapngWritePacket;
void dc_pcapng_write_packet(GByteArray *out, const DcPcapngWritePacket *packet);

/* UINT64_MAX: unknown, left out. */
void dc_pcapng_write_statistics(GByteArray *out, uint32_t interface_id, int64_t time_ns, int64_t start_ns,
                                uint64_t received, uint64_t dropped_interface, uint64_t dropped_os);
