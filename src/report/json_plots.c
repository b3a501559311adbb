/* The plots' objects: activity, service. */
#include "json_model.h"

#include "dropcorr/decode/packet.h"

static void numbers(DcJsonOut *json, const uint64_t *values, uint32_t n)
{
  dc_json_out_begin_array(json);
  for (uint32_t i = 0; i < n; i++)
    dc_json_out_uint(json, values[i]);
  dc_json_out_end_array(json);
}

void dc_json_model_activity(DcJsonOut *json, const DcActivity *activity)
{
  dc_json_out_begin_object(json);
  JSON_WORD(json, "type", "activity");
  JSON_TIME(json, "begin", activity->begin_ns);
  JSON_INT(json, "bin_ns", activity->bin_ns);
  dc_json_out_key(json, "frames");
  numbers(json, activity->frames, activity->used);
  dc_json_out_key(json, "lost");
  numbers(json, activity->lost, activity->used);
  dc_json_out_key(json, "harmless");
  numbers(json, activity->harmless, activity->used);
  dc_json_out_key(json, "unexplained");
  numbers(json, activity->open, activity->used);
  dc_json_out_key(json, "drops");
  numbers(json, activity->drops, activity->used);
  dc_json_out_end_object(json);
}

void dc_json_model_service(DcJsonOut *json, const DcService *service)
{
  dc_json_out_begin_object(json);
  if (service->protocol != 0) {
    char scratch[4];
    JSON_WORD(json, "transport", dc_ip_protocol_name(service->protocol, scratch));
  }
  if (service->port != 0)
    JSON_UINT(json, "port", service->port);
  if (service->ethertype >= 0) {
    dc_json_out_key(json, "ether_type");
    dc_json_out_hex(json, (uint64_t)service->ethertype, 4);
  }
  if (service->interface[0] != '\0')
    JSON_TEXT(json, "interface", service->interface);
  dc_json_out_end_object(json);
}

void dc_json_model_service_loss(DcJsonOut *json, const DcServiceLoss *loss)
{
  dc_json_out_begin_object(json);
  JSON_WORD(json, "type", "service");
  JSON_TEXT(json, "name", loss->name);
  dc_json_out_key(json, "service");
  dc_json_model_service(json, &loss->service);
  JSON_UINT(json, "seen", loss->seen);
  JSON_UINT(json, "lost", loss->lost);
  JSON_UINT(json, "harmless", loss->harmless);
  JSON_UINT(json, "unexplained", loss->open);
  dc_json_out_end_object(json);
}
