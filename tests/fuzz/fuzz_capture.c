/* Capture files: pcap, pcapng, evidence files, and what goes on to libpcap. Input: the file. */
#include "dropcorr/source/capture_file.h"

#include "dropcorr/base/error.h"
#include "event_checks.h"

static void check_capture(const uint8_t *data, size_t size, const char *filter)
{
  const DcCaptureFileOptions options = {.filter = filter, .filter_optimize = true};
  g_autoptr(GError) error = NULL;
  g_autoptr(DcSource) source = dc_capture_file_from_input(dc_input_from_bytes(data, size, "input"), &options, &error);
  if (source == NULL) {
    check_error(error, filter != NULL && error->code == DC_ERROR_FILTER ? "filter" : "input");
    return;
  }
  uint64_t number = 0, events = 0;
  DcEvent event;
  DcReadStatus status;
  while ((status = dc_source_next(source, &event, &error)) == DC_READ_EVENT) {
    check_event(&event);
    if (event.kind == DC_EVENT_FRAME) {
      FUZZ_CHECK(event.frame.number > number);
      FUZZ_CHECK(dc_capture_file_interface(source, event.frame.interface_id) != NULL);
      number = event.frame.number;
    }
    FUZZ_CHECK(++events <= size / 12);
  }
  FUZZ_CHECK(status == DC_READ_END || status == DC_READ_ERROR);
  if (status == DC_READ_ERROR)
    check_error(error, error->code == DC_ERROR_FILTER ? "filter" : "input");
  FUZZ_CHECK(dc_source_next(source, &event, NULL) == DC_READ_END);
  FUZZ_CHECK(source->bytes_read <= size);

  const DcCaptureFileInfo *info = dc_capture_file_info(source);
  for (uint32_t i = 0; i < info->interface_count; i++)
    FUZZ_CHECK(dc_capture_file_interface(source, i) != NULL);
  const char *const texts[] = {info->hardware, info->os, info->application, info->comment};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
    check_bytes(texts[i], texts[i] != NULL ? strlen(texts[i]) : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size > 1 << 20)
    return 0;
  check_capture(data, size, NULL);
  check_capture(data, size, "udp or vlan 7");
  return 0;
}
