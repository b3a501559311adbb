/* The writers there are. */
#pragma once

#include "dropcorr/report/writer.h"

extern const DcReportWriterOps dc_text_writer_ops;
extern const DcReportWriterOps dc_ndjson_writer_ops;
extern const DcReportWriterOps dc_json_writer_ops;
extern const DcReportWriterOps dc_markdown_writer_ops;
extern const DcReportWriterOps dc_html_writer_ops;
