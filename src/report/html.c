/*
 * The report as one HTML page: to open, mail, print or keep beside a ticket. It needs
 * nothing but itself: no script, no font, no image from anywhere. The content security
 * policy allows its own style sheet by hash and nothing else, so that even markup that
 * slipped through an escape could neither run nor fetch.
 */
#include "html.h"
#include "wording.h"
#include "writers.h"

#include "dropcorr/base/error.h"
#include "dropcorr/report/escape.h"

#include <errno.h>
#include <string.h>

/* CSP Level 3, 6.7.3.3: base64 of the SHA-256 of what stands between the tags. */
static char *style_hash(void)
{
  guint8 digest[32];
  gsize len = sizeof digest;
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(checksum, (const guchar *)dc_html_style, -1);
  g_checksum_get_digest(checksum, digest, &len);
  return g_base64_encode(digest, len);
}

static void head(GString *out, const DcReport *report)
{
  g_autofree char *verdict = dc_report_verdict_text(report);
  g_autofree char *hash = style_hash();
  g_string_append_printf(out,
                         "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                         "'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                         "<meta name=\"referrer\" content=\"no-referrer\">\n"
                         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>dropcorr: ",
                         hash);
  dc_escape_html(out, verdict, -1);
  g_string_append_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", dc_html_style);
}

static bool html_begin(DcReportWriter *writer, GError **error)
{
  (void)writer;
  (void)error;
  return true;
}

static bool html_end(DcReportWriter *writer, const DcReport *report, GError **error)
{
  const char *name = writer->options.stream_name;
  g_autoptr(GString) out = g_string_sized_new(32768);
  head(out, report);
  dc_html_overview(out, report);
  g_string_append(out, "<main>\n");
  dc_html_activity(out, report);
  dc_html_when(out, report);
  dc_html_services(out, report);
  dc_html_findings(out, report);
  dc_html_ladders(out, report);
  dc_html_tables(out, report, &writer->options);
  g_string_append(out, "</main>\n</body>\n</html>\n");
  errno = 0;
  if (fwrite(out->str, 1, out->len, writer->stream) == out->len && fflush(writer->stream) == 0)
    return true;
  g_set_error(error, DC_ERROR, DC_ERROR_IO, "%s: cannot write: %s; what was written is incomplete",
              name != NULL ? name : writer->ops->name, errno != 0 ? g_strerror(errno) : "unknown error");
  return false;
}

const DcReportWriterOps dc_html_writer_ops = {
    .name = "html",
    .extension = "html",
    .begin = html_begin,
    .end = html_end,
};
