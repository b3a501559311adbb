/*
 * What an input has in memory, for readers that take record after record: one look tells whether a record is there as a
 * whole, and only at the end of what was read dc_input_peek() has to be asked for more.
 */
#pragma once

#include "dropcorr/source/input.h"

/*
 * data: | consumed | begin ... end: read, not consumed | free | one spare byte |
 * The spare byte lets dc_input_line() terminate a last line that has no newline.
 */
struct DcInput {
  uint8_t *data;
  size_t begin, end, capacity;
  uint64_t data_offset; /* in the file, of data[0] */
  char *name;
  int fd; /* -1: all bytes are in data already */
  bool close_fd;
  bool eof;
  bool skip_line_rest; /* the last line given was cut: its rest goes before the next */
  const DcStop *stop;  /* borrowed, may be NULL */
  bool stopped;        /* the input ended because of it */
  uint64_t size;
};

/* The next bytes, and how many there are without reading on. Valid as long as those of dc_input_peek(). */
static inline const uint8_t *dc_input_buffered(const DcInput *input, size_t *ret_len)
{
  *ret_len = input->end - input->begin;
  return input->data + input->begin;
}

/* n: at most what is buffered. */
static inline void dc_input_take(DcInput *input, size_t n)
{
  input->begin += n;
}
