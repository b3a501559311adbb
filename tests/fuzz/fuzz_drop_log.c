/* Drop logs of every format, behind their reordering. Input: the file. */
#include "dropcorr/source/drop_log.h"
#include "event_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size > 1 << 20)
    return 0;
  const DcDropLogOptions options = {.filter = "udp or vlan 7", .filter_optimize = true};
  g_autoptr(GError) error = NULL;
  g_autoptr(DcStrings) strings = dc_strings_new(256);
  g_autoptr(DcSource) source =
      dc_drop_log_from_input(dc_input_from_bytes(data, size, "input"), &options, strings, &error);
  if (source == NULL) {
    check_error(error, "input");
    return 0;
  }
  FUZZ_CHECK(dc_drop_log_format(source) != NULL);
  uint64_t events = 0;
  DcEvent event;
  DcReadStatus status;
  while ((status = dc_source_next(source, &event, &error)) == DC_READ_EVENT) {
    FUZZ_CHECK(event.kind != DC_EVENT_FRAME);
    check_event(&event);
    FUZZ_CHECK(++events <= size);
  }
  FUZZ_CHECK(status == DC_READ_END || status == DC_READ_ERROR);
  if (status == DC_READ_ERROR)
    check_error(error, "input");
  FUZZ_CHECK(dc_source_next(source, &event, NULL) == DC_READ_END);
  return 0;
}
