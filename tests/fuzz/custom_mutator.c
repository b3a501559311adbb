/* What libFuzzer calls in place of its own mutators, for the format of one target (FUZZ_FORMAT). */
#include "mutate.h"

#include <glib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2, uint8_t *out,
                                 size_t max_out, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
  Mutation mutation = {.state = seed, .bytewise = LLVMFuzzerMutate};
  Bytes bytes = {.data = data, .len = size, .max = max_size};
  if (mutate_one_in(&mutation, 8))
    mutate_bytewise(&bytes, NULL, &mutation);
  else
    FUZZ_FORMAT.change(&bytes, NULL, &mutation);
  return bytes.len;
}

/* libFuzzer calls this one as often as the other; a change with it is worth more. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2, uint8_t *out,
                                 size_t max_out, unsigned seed)
{
  Mutation mutation = {.state = seed, .bytewise = LLVMFuzzerMutate};
  Bytes bytes = {.data = out, .len = MIN(size1, max_out), .max = max_out};
  memcpy(out, data1, bytes.len);
  if (mutate_one_in(&mutation, 2)) {
    /* read only */
    const Bytes other = {.data = (uint8_t *)(uintptr_t)data2, .len = size2, .max = size2};
    FUZZ_FORMAT.cross(&bytes, &other, &mutation);
  }
  FUZZ_FORMAT.change(&bytes, NULL, &mutation);
  return bytes.len;
}
