/* The HTML writer's parts: they append to a document that html.c frames. */
#pragma once

#include "dropcorr/report/writer.h"

/* The whole style sheet; its hash stands in the document's content security policy. */
extern const char dc_html_style[];

void dc_html_overview(GString *out, const DcReport *report);
void dc_html_activity(GString *out, const DcReport *report);
void dc_html_when(GString *out, const DcReport *report);
void dc_html_services(GString *out, const DcReport *report);
void dc_html_ladders(GString *out, const DcReport *report);
void dc_html_findings(GString *out, const DcReport *report);
void dc_html_tables(GString *out, const DcReport *report, const DcReportOptions *options);

/* <tag class="class">text</tag>, the text escaped. tag and class are the program's own. */
void dc_html_element(GString *out, const char *tag, const char *class_name, const char *text);
G_GNUC_PRINTF(4, 5)
void dc_html_element_printf(GString *out, const char *tag, const char *class_name, const char *format, ...);

/* The colour of what a finding counts: lost, harmless, or open. */
const char *dc_html_finding_class(const DcFinding *finding);

/* A bar of parts, as wide as the page: SVG, so that it needs neither script nor style attributes. */
typedef struct {
  uint64_t value;
  const char *class_name;
  const char *label; /* of the program's own making */
} DcHtmlPart;

void dc_html_bar(GString *out, const DcHtmlPart *parts, size_t count);
