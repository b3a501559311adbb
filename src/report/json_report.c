/* The report's own objects: finding, check, drop group, summary. */
#include "json_model.h"
#include "wording.h"

#include "dropcorr/decode/packet.h"

#include <string.h>

static void begin_line(DcJsonOut *json, const char *type)
{
  dc_json_out_begin_object(json);
  JSON_WORD(json, "type", type);
}

static void strings(DcJsonOut *json, const GPtrArray *texts)
{
  dc_json_out_begin_array(json);
  for (guint i = 0; texts != NULL && i < texts->len; i++)
    dc_json_out_string(json, g_ptr_array_index(texts, i));
  dc_json_out_end_array(json);
}

/* Grades that occurred, best first. */
static void grades(DcJsonOut *json, const uint64_t by_match[DC_MATCH_COUNT])
{
  dc_json_out_begin_object(json);
  for (int match = DC_MATCH_COUNT - 1; match > DC_MATCH_NONE; match--)
    if (by_match[match] > 0) {
      const char *name = dc_match_name((DcMatch)match);
      dc_json_out_key_len(json, name, strlen(name));
      dc_json_out_uint(json, by_match[match]);
    }
  dc_json_out_end_object(json);
}

static void clients(DcJsonOut *json, const DcFinding *finding)
{
  dc_json_out_begin_array(json);
  for (uint32_t i = 0; i < MIN(finding->client_count, DC_FINDING_CLIENTS); i++) {
    const DcClient *client = &finding->clients[i];
    dc_json_out_begin_object(json);
    if (client->addr.version != 0) {
      dc_json_out_key(json, "ip");
      dc_json_out_addr(json, &client->addr);
    } else {
      dc_json_out_key(json, "mac");
      dc_json_out_mac(json, client->mac);
    }
    JSON_UINT(json, "frames", client->frames);
    dc_json_out_end_object(json);
  }
  dc_json_out_end_array(json);
}

static void evidence(DcJsonOut *json, const GPtrArray *lines)
{
  dc_json_out_begin_array(json);
  for (guint i = 0; lines != NULL && i < lines->len; i++) {
    const DcProof *line = g_ptr_array_index(lines, i);
    dc_json_out_begin_object(json);
    JSON_TEXT(json, "source", line->source);
    JSON_TEXT(json, "text", line->text);
    JSON_TIME(json, "@timestamp", line->time_ns);
    dc_json_out_end_object(json);
  }
  dc_json_out_end_array(json);
}

static void actions(DcJsonOut *json, const GPtrArray *lines)
{
  dc_json_out_begin_array(json);
  for (guint i = 0; lines != NULL && i < lines->len; i++) {
    const DcAction *action = g_ptr_array_index(lines, i);
    dc_json_out_begin_object(json);
    JSON_TEXT(json, "command", action->command);
    JSON_TEXT(json, "what", action->what);
    dc_json_out_end_object(json);
  }
  dc_json_out_end_array(json);
}

void dc_json_model_finding(DcJsonOut *json, const DcFinding *finding, const char *type)
{
  begin_line(json, type);
  JSON_UINT(json, "finding", finding->number);
  JSON_WORD(json, "cause", dc_cause_name(finding->cause));
  JSON_WORD(json, "severity", dc_severity_name(finding->severity));
  JSON_WORD(json, "confidence", dc_confidence_name(finding->confidence));
  dc_json_out_key(json, "match");
  grades(json, finding->by_match);
  JSON_TEXT(json, "title", finding->title);
  JSON_WORD(json, "fate", dc_fate_name(finding->fate));
  JSON_UINT(json, "frames", finding->frames);
  if (finding->attempts > 0)
    JSON_UINT(json, "attempts", finding->attempts);
  if (finding->counted > 0) {
    JSON_UINT(json, "counted", finding->counted);
    JSON_WORD(json, "counted_what", finding->counted_what);
    dc_json_out_key(json, "since_boot");
    dc_json_out_bool(json, finding->since_boot);
  }
  JSON_UINT(json, "seen", finding->seen);
  JSON_UINT(json, "drops", finding->drops);
  JSON_UINT(json, "bytes", finding->bytes);
  JSON_TIME(json, "first", finding->first_ns);
  JSON_TIME(json, "last", finding->last_ns);
  dc_json_out_key(json, "service");
  dc_json_model_service(json, &finding->service);
  dc_json_out_key(json, "example_frames");
  dc_json_out_begin_array(json);
  for (uint32_t i = 0; i < MIN(finding->example_count, DC_FINDING_EXAMPLES); i++)
    dc_json_out_uint(json, finding->examples[i]);
  dc_json_out_end_array(json);
  dc_json_out_key(json, "clients");
  clients(json, finding);
  dc_json_out_key(json, "clients_more");
  dc_json_out_bool(json, finding->clients_more);
  dc_json_out_key(json, "evidence");
  evidence(json, finding->evidence);
  dc_json_out_key(json, "rivals");
  strings(json, finding->rivals);
  dc_json_out_key(json, "confirm");
  actions(json, finding->confirm);
  dc_json_out_key(json, "fix");
  actions(json, finding->fix);
  dc_json_out_key(json, "notes");
  strings(json, finding->notes);
  dc_json_out_key(json, "reasons");
  strings(json, finding->reasons);
  dc_json_out_key(json, "sites");
  strings(json, finding->sites);
  dc_json_out_end_object(json);
}

void dc_json_model_check(DcJsonOut *json, const DcCheck *check)
{
  begin_line(json, "check");
  JSON_WORD(json, "cause", dc_cause_name(check->cause));
  JSON_WORD(json, "state", dc_check_state_name(check->state));
  JSON_TEXT(json, "value", check->value);
  dc_json_out_end_object(json);
}

void dc_json_model_drop_group(DcJsonOut *json, const DcDropGroup *group)
{
  begin_line(json, "drop-group");
  JSON_WORD(json, "status", dc_drop_status_name(group->status));
  JSON_TEXT(json, "why", dc_drop_group_why_text(group));
  JSON_UINT(json, "drops", group->drops);
  JSON_TEXT(json, "location", group->location);
  JSON_TEXT(json, "reason", group->reason);
  JSON_WORD(json, "cause", dc_cause_name(group->cause));
  JSON_TIME(json, "first", group->first_ns);
  JSON_TIME(json, "last", group->last_ns);
  if (group->example != 0)
    JSON_UINT(json, "example_drop", group->example);
  JSON_TEXT(json, "packet", group->packet);
  dc_json_out_end_object(json);
}

static void counts(DcJsonOut *json, const uint64_t *values, int n, const char *(*name)(int))
{
  for (int i = 0; i < n; i++) {
    const char *key = name(i);
    if (key == NULL)
      continue;
    dc_json_out_key_len(json, key, strlen(key));
    dc_json_out_uint(json, values[i]);
  }
}

static const char *fate_key(int i)
{
  return dc_fate_name((DcFate)i);
}

static const char *status_key(int i)
{
  return dc_drop_status_name((DcDropStatus)i);
}

static const char *loss_key(int i)
{
  return dc_loss_name((DcLossKind)i);
}

static const char *outcome_key(int i)
{
  return dc_outcome_name((DcOutcome)i);
}

void dc_json_model_summary(DcJsonOut *json, const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  begin_line(json, "summary");
  JSON_TEXT(json, "verdict", report->verdict);
  dc_json_out_key(json, "frames");
  dc_json_out_begin_object(json);
  JSON_UINT(json, "seen", summary->frames_seen);
  counts(json, summary->frames_by_fate, DC_FATE_COUNT, fate_key);
  dc_json_out_end_object(json);
  dc_json_out_key(json, "drops");
  dc_json_out_begin_object(json);
  JSON_UINT(json, "seen", summary->drops_seen);
  counts(json, summary->drops_by_status, DC_DROP_STATUS_COUNT, status_key);
  dc_json_out_end_object(json);
  dc_json_out_key(json, "match");
  grades(json, summary->matched_by);
  dc_json_out_key(json, "handshakes");
  dc_json_out_begin_object(json);
  counts(json, summary->handshakes_by_outcome, DC_OUTCOME_COUNT, outcome_key);
  dc_json_out_end_object(json);
  dc_json_out_key(json, "lost");
  dc_json_out_begin_object(json);
  counts(json, summary->lost, DC_LOSS_COUNT, loss_key);
  dc_json_out_end_object(json);
  dc_json_out_key(json, "losses");
  strings(json, summary->losses);
  dc_json_out_key(json, "filtered");
  dc_json_out_begin_object(json);
  JSON_UINT(json, "frames", summary->filtered_frames);
  JSON_UINT(json, "drops", summary->filtered_drops);
  dc_json_out_end_object(json);
  JSON_UINT(json, "skipped_records", summary->skipped_records);
  JSON_UINT(json, "decided_early", summary->decided_early);
  JSON_TIME(json, "first", summary->first_ns);
  JSON_TIME(json, "last", summary->last_ns);
  dc_json_out_key(json, "complete");
  dc_json_out_bool(json, summary->complete);
  JSON_TEXT(json, "incomplete_why", summary->incomplete_why);
  JSON_TEXT(json, "direction", report->direction);
  dc_json_out_key(json, "sources");
  strings(json, report->sources);
  dc_json_out_key(json, "limits");
  strings(json, report->limits);
  JSON_TEXT(json, "kernel", report->kernel);
  dc_json_out_end_object(json);
}
