/* The objects of the NDJSON contract (docs/event-format.md), one function each: written by
 * the ndjson writer as lines and by the json writer as elements of one document. */
#pragma once

#include "dropcorr/report/json_out.h"
#include "dropcorr/report/writer.h"

#define DC_REPORT_SCHEMA "dropcorr/1"

/* A member: key (a literal) and value. One that is unknown is left out: NULL, DC_TIME_NONE. */
#define JSON_TEXT(json, key, text) dc_json_model_text(json, "" key, sizeof(key) - 1, text)
#define JSON_WORD(json, key, word) dc_json_model_word(json, "" key, sizeof(key) - 1, word)
#define JSON_UINT(json, key, value) dc_json_model_uint(json, "" key, sizeof(key) - 1, value)
#define JSON_INT(json, key, value) dc_json_model_int(json, "" key, sizeof(key) - 1, value)
#define JSON_TIME(json, key, time_ns) dc_json_model_time(json, "" key, sizeof(key) - 1, time_ns)

static inline void dc_json_model_text(DcJsonOut *json, const char *key, size_t len, const char *text)
{
  if (text == NULL)
    return;
  dc_json_out_key_len(json, key, len);
  dc_json_out_string(json, text);
}

static inline void dc_json_model_word(DcJsonOut *json, const char *key, size_t len, const char *word)
{
  if (word == NULL)
    return;
  dc_json_out_key_len(json, key, len);
  dc_json_out_word(json, word);
}

static inline void dc_json_model_uint(DcJsonOut *json, const char *key, size_t len, uint64_t value)
{
  dc_json_out_key_len(json, key, len);
  dc_json_out_uint(json, value);
}

static inline void dc_json_model_int(DcJsonOut *json, const char *key, size_t len, int64_t value)
{
  dc_json_out_key_len(json, key, len);
  dc_json_out_int(json, value);
}

static inline void dc_json_model_time(DcJsonOut *json, const char *key, size_t len, int64_t time_ns)
{
  if (time_ns == DC_TIME_NONE)
    return;
  dc_json_out_key_len(json, key, len);
  dc_json_out_time(json, time_ns);
}

void dc_json_model_header(DcJsonOut *json, const DcReportOptions *options);
void dc_json_model_frame(DcJsonOut *json, const DcFrameVerdict *verdict);
void dc_json_model_drop(DcJsonOut *json, const DcDropVerdict *verdict);
/* role: NULL for every attempt; "unanswered", "answered" for the report's two examples. */
void dc_json_model_handshake(DcJsonOut *json, const DcHandshake *handshake, const char *role);
void dc_json_model_activity(DcJsonOut *json, const DcActivity *activity);
void dc_json_model_service(DcJsonOut *json, const DcService *service);
void dc_json_model_service_loss(DcJsonOut *json, const DcServiceLoss *loss);
/* type: "finding", or "alert" for one reported while the run goes on. */
void dc_json_model_finding(DcJsonOut *json, const DcFinding *finding, const char *type);
void dc_json_model_check(DcJsonOut *json, const DcCheck *check);
void dc_json_model_drop_group(DcJsonOut *json, const DcDropGroup *group);
void dc_json_model_summary(DcJsonOut *json, const DcReport *report);
