/*
 * Writes captures of both formats in either byte order, for tests of their readers: independent of
 * the readers, straight from the format's description.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  GByteArray *out;
  bool big; /* byte order of what is written */
} Builder;

static inline Builder builder_new(bool big)
{
  return (Builder){.out = g_byte_array_new(), .big = big};
}

static inline void put_bytes(Builder *builder, const void *bytes, size_t len)
{
  g_byte_array_append(builder->out, bytes, (guint)len);
}

static inline void put_number(Builder *builder, uint64_t value, unsigned size)
{
  for (unsigned i = 0; i < size; i++) {
    unsigned shift = 8 * (builder->big ? size - 1 - i : i);
    uint8_t byte = (uint8_t)(value >> shift);
    put_bytes(builder, &byte, 1);
  }
}

static inline void put_u16(Builder *builder, uint16_t value)
{
  put_number(builder, value, 2);
}

static inline void put_u32(Builder *builder, uint32_t value)
{
  put_number(builder, value, 4);
}

static inline void put_u64(Builder *builder, uint64_t value)
{
  put_number(builder, value, 8);
}

static inline void put_padding(Builder *builder)
{
  while (builder->out->len % 4 != 0)
    put_bytes(builder, "", 1);
}

/* --- classic pcap --- */

static inline void pcap_header(Builder *builder, bool nanoseconds, uint32_t snaplen, uint32_t linktype)
{
  put_u32(builder, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
  put_u16(builder, 2);
  put_u16(builder, 4);
  put_u32(builder, 0);
  put_u32(builder, 0);
  put_u32(builder, snaplen);
  put_u32(builder, linktype);
}

static inline void pcap_record(Builder *builder, bool nanoseconds, int64_t time_ns, const void *bytes, uint32_t caplen,
                               uint32_t len)
{
  put_u32(builder, (uint32_t)(time_ns / 1000000000));
  put_u32(builder, (uint32_t)(time_ns % 1000000000) / (nanoseconds ? 1 : 1000));
  put_u32(builder, caplen);
  put_u32(builder, len);
  put_bytes(builder, bytes, caplen);
}

/* --- pcapng: begin_block() ... end_block(); returns where the block began --- */

static inline guint begin_block(Builder *builder, uint32_t type)
{
  guint start = builder->out->len;
  put_u32(builder, type);
  put_u32(builder, 0);
  return start;
}

static inline void patch_u32(Builder *builder, guint at, uint32_t value)
{
  Builder number = builder_new(builder->big);
  put_u32(&number, value);
  memcpy(builder->out->data + at, number.out->data, 4);
  g_byte_array_unref(number.out);
}

static inline void end_block(Builder *builder, guint start)
{
  put_padding(builder);
  uint32_t total = builder->out->len - start + 4;
  put_u32(builder, total);
  patch_u32(builder, start + 4, total);
}

static inline void put_option(Builder *builder, uint16_t code, const void *value, size_t len)
{
  put_u16(builder, code);
  put_u16(builder, (uint16_t)len);
  put_bytes(builder, value, len);
  put_padding(builder);
}

static inline void put_option_number(Builder *builder, uint16_t code, uint64_t value, unsigned size)
{
  put_u16(builder, code);
  put_u16(builder, (uint16_t)size);
  put_number(builder, value, size);
  put_padding(builder);
}

static inline void put_end_of_options(Builder *builder)
{
  put_u32(builder, 0);
}

static inline void ng_section(Builder *builder, const char *application)
{
  guint start = begin_block(builder, 0x0a0d0d0a);
  put_u32(builder, 0x1a2b3c4d);
  put_u16(builder, 1);
  put_u16(builder, 0);
  put_u64(builder, UINT64_MAX);
  if (application != NULL) {
    put_option(builder, 4, application, strlen(application));
    put_end_of_options(builder);
  }
  end_block(builder, start);
}

/* resolution: if_tsresol, 6 when left out as 0xff */
static inline void ng_interface(Builder *builder, uint16_t linktype, uint32_t snaplen, const char *name,
                                uint8_t resolution)
{
  guint start = begin_block(builder, 1);
  put_u16(builder, linktype);
  put_u16(builder, 0);
  put_u32(builder, snaplen);
  if (name != NULL)
    put_option(builder, 2, name, strlen(name));
  if (resolution != 0xff)
    put_option(builder, 9, &resolution, 1);
  if (name != NULL || resolution != 0xff)
    put_end_of_options(builder);
  end_block(builder, start);
}

/* flags: epb_flags, left out when 0 */
static inline void ng_packet(Builder *builder, uint32_t interface, uint64_t units, const void *bytes, uint32_t caplen,
                             uint32_t len, uint32_t flags)
{
  guint start = begin_block(builder, 6);
  put_u32(builder, interface);
  put_u32(builder, (uint32_t)(units >> 32));
  put_u32(builder, (uint32_t)units);
  put_u32(builder, caplen);
  put_u32(builder, len);
  put_bytes(builder, bytes, caplen);
  put_padding(builder);
  if (flags != 0) {
    put_option_number(builder, 2, flags, 4);
    put_end_of_options(builder);
  }
  end_block(builder, start);
}

/* With epb_packetid. */
static inline void ng_numbered_packet(Builder *builder, uint32_t interface, uint64_t units, const void *bytes,
                                      uint32_t len, uint64_t packet_id)
{
  guint start = begin_block(builder, 6);
  put_u32(builder, interface);
  put_u32(builder, (uint32_t)(units >> 32));
  put_u32(builder, (uint32_t)units);
  put_u32(builder, len);
  put_u32(builder, len);
  put_bytes(builder, bytes, len);
  put_padding(builder);
  put_option_number(builder, 5, packet_id, 8);
  put_end_of_options(builder);
  end_block(builder, start);
}

static inline void ng_old_packet(Builder *builder, uint16_t interface, uint64_t units, const void *bytes,
                                 uint32_t caplen, uint32_t len)
{
  guint start = begin_block(builder, 2);
  put_u16(builder, interface);
  put_u16(builder, 0xffff);
  put_u32(builder, (uint32_t)(units >> 32));
  put_u32(builder, (uint32_t)units);
  put_u32(builder, caplen);
  put_u32(builder, len);
  put_bytes(builder, bytes, caplen);
  end_block(builder, start);
}

static inline void ng_simple_packet(Builder *builder, const void *bytes, uint32_t caplen, uint32_t len)
{
  guint start = begin_block(builder, 3);
  put_u32(builder, len);
  put_bytes(builder, bytes, caplen);
  end_block(builder, start);
}

static inline void ng_statistics(Builder *builder, uint32_t interface, uint64_t units, uint64_t dropped)
{
  guint start = begin_block(builder, 5);
  put_u32(builder, interface);
  put_u32(builder, (uint32_t)(units >> 32));
  put_u32(builder, (uint32_t)units);
  put_option_number(builder, 5, dropped, 8);
  put_end_of_options(builder);
  end_block(builder, start);
}

/* entry: lines of the journal export format, e.g. "DROPCORR_TYPE=drop\n..." */
static inline void ng_journal(Builder *builder, const void *entry, size_t len)
{
  guint start = begin_block(builder, 9);
  put_bytes(builder, entry, len);
  end_block(builder, start);
}

static inline void ng_journal_text(Builder *builder, const char *entry)
{
  ng_journal(builder, entry, strlen(entry));
}
