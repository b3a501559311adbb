/* The per-event objects: header, frame, drop, handshake. */
#include "json_model.h"

#include "dropcorr/decode/packet.h"
#include "wording.h"

static void begin_line(DcJsonOut *json, const char *type)
{
  dc_json_out_begin_object(json);
  dc_json_out_key(json, "type");
  dc_json_out_word(json, type);
}

/* --- packets ---------------------------------------------------------------- */

static void network(DcJsonOut *json, const DcBrief *brief, bool with_direction)
{
  dc_json_out_key(json, "network");
  dc_json_out_begin_object(json);
  if (with_direction)
    JSON_WORD(json, "direction", dc_direction_name((DcDirection)brief->direction));
  const char *type = dc_brief_network_type(brief);
  JSON_WORD(json, "type", type);
  if (brief->has & DC_HAS_IP) {
    char scratch[4];
    JSON_WORD(json, "transport", dc_ip_protocol_name(brief->flow.protocol, scratch));
  }
  if (brief->vlan_count > 0) {
    dc_json_out_key(json, "vlan");
    dc_json_out_begin_object(json);
    JSON_UINT(json, "id", brief->vlan);
    dc_json_out_end_object(json);
  }
  if (brief->len > 0)
    JSON_UINT(json, "bytes", brief->len);
  dc_json_out_end_object(json);
}

static void endpoint_body(DcJsonOut *json, const DcBrief *brief, const DcAddr *addr, uint16_t port, const uint8_t *mac)
{
  dc_json_out_begin_object(json);
  if (addr != NULL) {
    dc_json_out_key(json, "ip");
    dc_json_out_addr(json, addr);
  }
  if (brief->has & DC_HAS_PORTS)
    JSON_UINT(json, "port", port);
  if (brief->has & DC_HAS_MAC) {
    dc_json_out_key(json, "mac");
    dc_json_out_mac(json, mac);
  }
  dc_json_out_end_object(json);
}

static void endpoints(DcJsonOut *json, const DcBrief *brief)
{
  DcAddr src, dst;
  const bool addresses = dc_brief_addresses(brief, &src, &dst);
  if (!addresses && !(brief->has & DC_HAS_MAC))
    return;
  dc_json_out_key(json, "source");
  endpoint_body(json, brief, addresses ? &src : NULL, brief->flow.src_port, brief->src_mac);
  dc_json_out_key(json, "destination");
  endpoint_body(json, brief, addresses ? &dst : NULL, brief->flow.dst_port, brief->dst_mac);
}

static void link_and_transport(DcJsonOut *json, const DcBrief *brief)
{
  if (brief->has & DC_HAS_ETHERTYPE) {
    dc_json_out_key(json, "ether");
    dc_json_out_begin_object(json);
    dc_json_out_key(json, "type");
    dc_json_out_hex(json, brief->flow.ethertype, 4);
    if (brief->has & DC_HAS_LLC) {
      dc_json_out_key(json, "dsap");
      dc_json_out_hex(json, brief->llc_dsap, 2);
    }
    dc_json_out_end_object(json);
  }
  if (brief->has & DC_HAS_TCP) {
    char flags[12];
    dc_json_out_key(json, "tcp");
    dc_json_out_begin_object(json);
    dc_json_out_key(json, "flags");
    dc_json_out_word(json, dc_tcp_flags_text(brief->tcp_flags, flags));
    JSON_UINT(json, "seq", brief->tcp_seq);
    if (brief->tcp_flags & DC_TCP_ACK)
      JSON_UINT(json, "ack", brief->tcp_ack);
    if (brief->has & DC_HAS_TIMESTAMP)
      JSON_UINT(json, "tsval", brief->tsval);
    dc_json_out_end_object(json);
  }
  if (brief->has & DC_HAS_ICMP) {
    dc_json_out_key(json, "icmp");
    dc_json_out_begin_object(json);
    JSON_UINT(json, "type", brief->icmp_type);
    JSON_UINT(json, "code", brief->icmp_code);
    dc_json_out_end_object(json);
  }
}

static void refused(DcJsonOut *json, uint8_t by, uint8_t type, uint8_t code)
{
  switch ((DcRefusedBy)by) {
  case DC_REFUSED_NONE:
    return;
  case DC_REFUSED_RST:
    dc_json_out_key(json, "refused_by");
    dc_json_out_word(json, "rst");
    return;
  case DC_REFUSED_ICMP:
    dc_json_out_key(json, "refused_by");
    dc_json_out_word(json, "icmp");
    JSON_UINT(json, "refused_type", type);
    JSON_UINT(json, "refused_code", code);
    return;
  }
}

static void cause_and_confidence(DcJsonOut *json, uint8_t cause, uint8_t confidence)
{
  JSON_WORD(json, "cause", dc_cause_name((DcCause)cause));
  if (cause != DC_CAUSE_NONE)
    JSON_WORD(json, "confidence", dc_confidence_name((DcConfidence)confidence));
}

/* --- lines ------------------------------------------------------------------ */

void dc_json_model_header(DcJsonOut *json, const DcReportOptions *options)
{
  begin_line(json, "header");
  dc_json_out_key(json, "schema");
  dc_json_out_word(json, DC_REPORT_SCHEMA);
  dc_json_out_key(json, "version");
  dc_json_out_word(json, DROPCORR_VERSION);
  JSON_TEXT(json, "command", options->command_line);
  dc_json_out_end_object(json);
}

void dc_json_model_frame(DcJsonOut *json, const DcFrameVerdict *verdict)
{
  const DcBrief *brief = &verdict->brief;
  begin_line(json, "frame");
  JSON_UINT(json, "frame", verdict->frame);
  JSON_TIME(json, "@timestamp", verdict->time_ns);
  network(json, brief, true);
  endpoints(json, brief);
  link_and_transport(json, brief);
  if (brief->interface_id != 0)
    JSON_UINT(json, "interface_id", brief->interface_id);

  dc_json_out_key(json, "dropcorr");
  dc_json_out_begin_object(json);
  JSON_WORD(json, "fate", dc_fate_name((DcFate)verdict->fate));
  cause_and_confidence(json, verdict->cause, verdict->confidence);
  JSON_WORD(json, "match", dc_match_name((DcMatch)verdict->match));
  if (verdict->drop != 0) {
    JSON_UINT(json, "drop", verdict->drop);
    JSON_INT(json, "delay_ns", verdict->delay_ns);
  }
  if (verdict->candidates > 1)
    JSON_UINT(json, "candidates", verdict->candidates);
  if (verdict->finding != 0)
    JSON_UINT(json, "finding", verdict->finding);
  if (verdict->handshake != 0)
    JSON_UINT(json, "handshake", verdict->handshake);
  if (verdict->owed) {
    dc_json_out_key(json, "owed");
    dc_json_out_bool(json, true);
  }
  if (verdict->answer_ns >= 0) {
    JSON_INT(json, "answer_ns", verdict->answer_ns);
  }
  refused(json, verdict->refused_by, verdict->refused_type, verdict->refused_code);
  dc_json_out_end_object(json);
  dc_json_out_end_object(json);
}

static const char *drop_kind_name(uint8_t kind)
{
  switch ((DcDropKind)kind) {
  case DC_DROP_NETDM_PACKET:
    return "netdm-packet";
  case DC_DROP_NETDM_SUMMARY:
    return "netdm-summary";
  case DC_DROP_NETDM_HARDWARE:
    return "netdm-hardware";
  case DC_DROP_TRACEPOINT:
    return "tracepoint";
  case DC_DROP_TEXT:
    return "text";
  }
  return NULL;
}

static void drop_place(DcJsonOut *json, const DcDrop *drop)
{
  JSON_WORD(json, "kind", drop_kind_name(drop->kind));
  char symbol[DC_SYMBOL_TEXT_MAX];
  JSON_TEXT(json, "symbol", dc_symbol_text(drop, symbol));
  JSON_TEXT(json, "module", drop->module);
  JSON_TEXT(json, "location", drop->location);
  if (drop->pc != 0) {
    dc_json_out_key(json, "pc");
    dc_json_out_hex(json, drop->pc, 1);
  }
  if (drop->protocol >= 0) {
    dc_json_out_key(json, "protocol");
    dc_json_out_hex(json, (uint64_t)drop->protocol, 4);
  }
  if (drop->in_ifindex != 0)
    JSON_UINT(json, "in_ifindex", drop->in_ifindex);
  JSON_TEXT(json, "in_ifname", drop->in_ifname);
  JSON_TEXT(json, "trap_group", drop->trap_group);
  JSON_TEXT(json, "trap", drop->trap_name);
  JSON_UINT(json, "count", drop->count);
  if (drop->precision_ns != 0) {
    JSON_INT(json, "precision_ns", drop->precision_ns);
  }
}

void dc_json_model_drop(DcJsonOut *json, const DcDropVerdict *verdict)
{
  const DcDrop *drop = verdict->drop;
  DcBrief brief;
  dc_brief_from_packet(&brief, &drop->packet, drop->orig_len, DC_DIRECTION_UNKNOWN);

  begin_line(json, "drop");
  JSON_UINT(json, "drop", drop->number);
  JSON_TIME(json, "@timestamp", drop->time_ns);
  if (drop->reason != NULL) {
    dc_json_out_key(json, "event");
    dc_json_out_begin_object(json);
    JSON_TEXT(json, "reason", drop->reason);
    dc_json_out_end_object(json);
  }
  if (brief.has != 0) {
    network(json, &brief, false);
    endpoints(json, &brief);
    link_and_transport(json, &brief);
  }

  dc_json_out_key(json, "dropcorr");
  dc_json_out_begin_object(json);
  JSON_WORD(json, "status", dc_drop_status_name((DcDropStatus)verdict->status));
  JSON_TEXT(json, "why", dc_drop_why_text((DcDropStatus)verdict->status, verdict->unmatched_why, verdict->aside_why));
  if (verdict->frame != 0) {
    JSON_UINT(json, "frame", verdict->frame);
    JSON_INT(json, "delay_ns", verdict->delay_ns);
  }
  JSON_WORD(json, "match", dc_match_name((DcMatch)verdict->match));
  if (verdict->frames > 1)
    JSON_UINT(json, "candidates", verdict->frames);
  cause_and_confidence(json, verdict->cause, verdict->confidence);
  if (verdict->finding != 0)
    JSON_UINT(json, "finding", verdict->finding);
  drop_place(json, drop);
  if (brief.has != 0) {
    char text[DC_PACKET_TEXT_MAX];
    JSON_TEXT(json, "packet", dc_packet_text(&brief, true, text));
  }
  dc_json_out_end_object(json);
  dc_json_out_end_object(json);
}

void dc_json_model_handshake(DcJsonOut *json, const DcHandshake *handshake, const char *role)
{
  const uint32_t kept = MIN(handshake->syns, DC_HANDSHAKE_FRAMES_MAX);
  begin_line(json, role != NULL ? "example" : "handshake");
  JSON_WORD(json, "role", role);
  JSON_UINT(json, "handshake", handshake->id);
  network(json, &handshake->brief, true);
  endpoints(json, &handshake->brief);
  JSON_UINT(json, "isn", handshake->isn);
  JSON_UINT(json, "syns", handshake->syns);
  JSON_TIME(json, "first", handshake->first_ns);
  JSON_TIME(json, "last", handshake->last_ns);
  dc_json_out_key(json, "frames");
  dc_json_out_begin_array(json);
  for (uint32_t i = 0; i < kept; i++)
    dc_json_out_uint(json, handshake->frames[i]);
  dc_json_out_end_array(json);
  dc_json_out_key(json, "times");
  dc_json_out_begin_array(json);
  for (uint32_t i = 0; i < kept; i++)
    dc_json_out_time(json, handshake->times_ns[i]);
  dc_json_out_end_array(json);
  if (handshake->has_tsval) {
    dc_json_out_key(json, "tsvals");
    dc_json_out_begin_array(json);
    for (uint32_t i = 0; i < kept; i++)
      dc_json_out_uint(json, handshake->tsvals[i]);
    dc_json_out_end_array(json);
  }
  JSON_WORD(json, "outcome", dc_outcome_name((DcOutcome)handshake->outcome));
  cause_and_confidence(json, handshake->cause, handshake->confidence);
  if (handshake->answer_ns >= 0) {
    JSON_INT(json, "answer_ns", handshake->answer_ns);
  }
  if (handshake->total_ns >= 0) {
    JSON_INT(json, "total_ns", handshake->total_ns);
  }
  if (handshake->answer_frame != 0)
    JSON_UINT(json, "answer_frame", handshake->answer_frame);
  if (handshake->answer_frame != 0)
    JSON_TIME(json, "answered_at", handshake->answer_time_ns);
  JSON_UINT(json, "dropped", handshake->dropped);
  JSON_UINT(json, "unanswered", handshake->unanswered);
  JSON_UINT(json, "synacks", handshake->synacks);
  dc_json_out_key(json, "established");
  dc_json_out_bool(json, handshake->established);
  if (handshake->established_frame != 0) {
    JSON_UINT(json, "established_frame", handshake->established_frame);
    JSON_TIME(json, "established_at", handshake->established_ns);
  }
  refused(json, handshake->refused_by, handshake->refused_type, handshake->refused_code);
  dc_json_out_end_object(json);
}
