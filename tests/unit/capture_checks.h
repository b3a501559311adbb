/*
 * Opens captures made in memory and says what must come of them. Inputs are called test.pcap, so that
 * messages can be checked for the name.
 */
#pragma once

#include "assert_bytes.h"
#include "capture_builder.h"
#include "dropcorr/base/error.h"
#include "dropcorr/source/capture_file.h"

#include <pcap/dlt.h>

#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW 101
#define LINKTYPE_IEEE802_11 105
#define LINKTYPE_NETLINK 253

#define BASE_NS (INT64_C(1700000000) * 1000000000)

static inline DcSource *open_bytes(const GByteArray *bytes, const DcCaptureFileOptions *options, GError **error)
{
  static const DcCaptureFileOptions none = {0};
  return dc_capture_file_from_input(dc_input_from_bytes(bytes->data, bytes->len, "test.pcap"),
                                    options != NULL ? options : &none, error);
}

static inline DcSource *must_open(const GByteArray *bytes, const DcCaptureFileOptions *options)
{
  GError *error = NULL;
  DcSource *source = open_bytes(bytes, options, &error);
  g_assert_no_error(error);
  return source;
}

static inline const DcFrame *must_frame(DcSource *source, DcEvent *event)
{
  GError *error = NULL;
  DcReadStatus status = dc_source_next(source, event, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, DC_READ_EVENT);
  g_assert_cmpint(event->kind, ==, DC_EVENT_FRAME);
  g_assert_cmpint(event->time_ns, ==, event->frame.time_ns);
  return &event->frame;
}

static inline void must_end(DcSource *source)
{
  DcEvent event;
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
  g_assert_no_error(error);
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_END);
}

/* The source fails now with this code and a message that holds `word`, and then stays ended. */
static inline void must_fail(DcSource *source, DcErrorCode code, const char *word)
{
  DcEvent event;
  GError *error = NULL;
  g_assert_cmpint(dc_source_next(source, &event, &error), ==, DC_READ_ERROR);
  g_assert_error(error, DC_ERROR, (gint)code);
  g_assert_nonnull(strstr(error->message, "test.pcap: "));
  g_assert_nonnull(strstr(error->message, word));
  g_clear_error(&error);
  must_end(source);
}

static inline void must_not_open(const void *bytes, size_t len, DcErrorCode code, const char *word)
{
  g_autoptr(GByteArray) array = g_byte_array_new();
  g_byte_array_append(array, bytes, (guint)len);
  GError *error = NULL;
  g_assert_null(open_bytes(array, NULL, &error));
  g_assert_error(error, DC_ERROR, (gint)code);
  g_assert_nonnull(strstr(error->message, "test.pcap: "));
  g_assert_nonnull(strstr(error->message, word));
  g_clear_error(&error);
}
