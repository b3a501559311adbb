/* What the generators write: numbers in network order, checksums, pcap records, netlink attributes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void put16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

/* RFC 1071. */
static inline uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i + 1 < len; i += 2)
    sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
  if (len % 2 != 0)
    sum += (uint32_t)bytes[len - 1] << 8;
  return sum;
}

static inline uint16_t sum_fold(uint32_t sum)
{
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static inline void must(bool ok, const char *what)
{
  if (!ok) {
    perror(what);
    exit(1);
  }
}

static inline void write_pcap_header(FILE *file, uint32_t dlt)
{
  const uint32_t header[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 65535, dlt};
  must(fwrite(header, sizeof header, 1, file) == 1, "write");
}

static inline void write_record(FILE *file, uint64_t time_ns, const void *head, uint32_t head_len, const void *bytes,
                                uint32_t caplen, uint32_t len)
{
  const uint32_t record[4] = {(uint32_t)(time_ns / 1000000000), (uint32_t)(time_ns % 1000000000), head_len + caplen,
                              head_len + len};
  must(fwrite(record, sizeof record, 1, file) == 1, "write");
  must(head_len == 0 || fwrite(head, head_len, 1, file) == 1, "write");
  must(caplen == 0 || fwrite(bytes, caplen, 1, file) == 1, "write");
}

/* One netlink attribute; the buffer is zeroed, so padding to 4 bytes is there. */
static inline uint8_t *put_attribute(uint8_t *at, uint16_t type, const void *value, size_t len)
{
  const uint16_t head[2] = {(uint16_t)(4 + len), type};
  memcpy(at, head, 4);
  memcpy(at + 4, value, len);
  return at + ((4 + len + 3) & ~(size_t)3);
}
