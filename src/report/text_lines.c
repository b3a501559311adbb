/* A line per event, in the order of tcpdump's: number, time, direction, who to whom, what; then the verdict. */
#include "text.h"
#include "wording.h"

static const char *direction_word(uint8_t direction)
{
  switch ((DcDirection)direction) {
  case DC_DIRECTION_IN:
    return "In ";
  case DC_DIRECTION_OUT:
    return "Out";
  case DC_DIRECTION_OTHER_HOST:
    return "Ext";
  case DC_DIRECTION_UNKNOWN:
  case DC_DIRECTION_COUNT:
    break;
  }
  return "?  ";
}

static DcStyle fate_style(DcFate fate)
{
  switch (fate) {
  case DC_FATE_DROPPED:
  case DC_FATE_SILENT:
    return DC_STYLE_ALARM;
  case DC_FATE_UNHANDLED:
  case DC_FATE_REFUSED:
  case DC_FATE_UNEXPLAINED:
    return DC_STYLE_WARNING;
  case DC_FATE_ANSWERED:
    return DC_STYLE_GOOD;
  case DC_FATE_UNREMARKABLE:
  case DC_FATE_OUTBOUND:
  case DC_FATE_CONSUMED:
  case DC_FATE_COUNT:
    break;
  }
  return DC_STYLE_PLAIN;
}

static DcStyle outcome_style(DcOutcome outcome)
{
  switch (outcome) {
  case DC_OUTCOME_DROPPED:
  case DC_OUTCOME_SILENT:
    return DC_STYLE_ALARM;
  case DC_OUTCOME_REFUSED:
  case DC_OUTCOME_UNEXPLAINED:
    return DC_STYLE_WARNING;
  case DC_OUTCOME_ANSWERED:
    return DC_STYLE_GOOD;
  case DC_OUTCOME_PENDING:
  case DC_OUTCOME_COUNT:
    break;
  }
  return DC_STYLE_PLAIN;
}

static const char *refused_text(uint8_t by, uint8_t type, uint8_t code, char text[static 48])
{
  switch ((DcRefusedBy)by) {
  case DC_REFUSED_RST:
    return "RST";
  case DC_REFUSED_ICMP:
    g_snprintf(text, 48, "ICMP type %u code %u", (unsigned)type, (unsigned)code);
    return text;
  case DC_REFUSED_NONE:
    break;
  }
  return NULL;
}

static void styled(DcLayout *layout, DcStyle style, const char *text)
{
  dc_layout_style(layout, style);
  dc_layout_piece(layout, text);
  dc_layout_style(layout, DC_STYLE_PLAIN);
}

static void cause(DcLayout *layout, uint8_t cause, uint8_t confidence)
{
  const char *name = dc_cause_name((DcCause)cause);
  if (name == NULL)
    return;
  const char *sure = dc_confidence_name((DcConfidence)confidence);
  g_autofree char *text = sure != NULL ? g_strdup_printf(": %s (%s)", name, sure) : g_strdup_printf(": %s", name);
  dc_layout_piece(layout, text);
}

void dc_text_frame_line(DcLayout *layout, const DcReportOptions *options, const DcFrameVerdict *verdict)
{
  char time[DC_TIME_TEXT_MAX], packet[DC_PACKET_TEXT_MAX], quantity[DC_QUANTITY_TEXT_MAX], refused[48];
  char head[DC_TIME_TEXT_MAX + DC_PACKET_TEXT_MAX + 48];
  g_snprintf(head, sizeof head, "%" G_GUINT64_FORMAT " %s %s %s | ", verdict->frame,
             dc_time_text(verdict->time_ns, 6, time), direction_word(verdict->brief.direction),
             dc_packet_text(&verdict->brief, options->numeric, packet));
  dc_layout_indent(layout, 0);
  dc_layout_piece(layout, head);
  styled(layout, fate_style((DcFate)verdict->fate), dc_fate_name((DcFate)verdict->fate));
  cause(layout, verdict->cause, verdict->confidence);
  char tail[160];
  if (verdict->drop != 0) {
    const char *match = dc_match_name((DcMatch)verdict->match);
    g_snprintf(tail, sizeof tail, ", drop %" G_GUINT64_FORMAT "%s%s after %s", verdict->drop, match != NULL ? " " : "",
               match != NULL ? match : "", dc_duration_text(verdict->delay_ns, quantity));
    dc_layout_piece(layout, tail);
  }
  const char *by = refused_text(verdict->refused_by, verdict->refused_type, verdict->refused_code, refused);
  if (by != NULL) {
    g_snprintf(tail, sizeof tail, "%s %s", verdict->fate == DC_FATE_REFUSED ? " by" : ", then", by);
    dc_layout_piece(layout, tail);
  } else if (verdict->answer_ns >= 0 && verdict->fate != DC_FATE_ANSWERED) {
    dc_layout_piece(layout, ", then answered");
  }
  if (verdict->answer_ns >= 0) {
    g_snprintf(tail, sizeof tail, " after %s", dc_duration_text(verdict->answer_ns, quantity));
    dc_layout_piece(layout, tail);
  }
  dc_layout_end_line(layout);
}

void dc_text_drop_line(DcLayout *layout, const DcReportOptions *options, const DcDropVerdict *verdict)
{
  const DcDrop *drop = verdict->drop;
  char time[DC_TIME_TEXT_MAX], packet[DC_PACKET_TEXT_MAX], symbol[DC_SYMBOL_TEXT_MAX];
  DcBrief brief;
  dc_brief_from_packet(&brief, &drop->packet, drop->orig_len, DC_DIRECTION_UNKNOWN);
  g_autoptr(GString) line = g_string_sized_new(256);
  g_string_append_printf(line, "drop %" G_GUINT64_FORMAT " %s", drop->number, dc_time_text(drop->time_ns, 6, time));
  const char *place = dc_symbol_text(drop, symbol);
  if (place == NULL)
    place = drop->location;
  g_string_append_printf(line, " %s", place != NULL ? place : "(place unknown)");
  if (drop->reason != NULL)
    g_string_append_printf(line, " %s", drop->reason);
  if (drop->count > 1)
    g_string_append_printf(line, " x%" G_GUINT64_FORMAT, drop->count);
  if (brief.has != 0)
    g_string_append_printf(line, " %s", dc_packet_text(&brief, options->numeric, packet));
  g_string_append(line, " | ");
  dc_layout_indent(layout, 0);
  dc_layout_piece(layout, line->str);
  styled(layout, verdict->status == DC_DROP_STATUS_UNMATCHED ? DC_STYLE_WARNING : DC_STYLE_PLAIN,
         dc_drop_status_name((DcDropStatus)verdict->status));
  cause(layout, verdict->cause, verdict->confidence);
  const char *why = dc_drop_why_text((DcDropStatus)verdict->status, verdict->unmatched_why, verdict->aside_why);
  g_string_truncate(line, 0);
  if (verdict->frame != 0)
    g_string_append_printf(line, ", frame %" G_GUINT64_FORMAT, verdict->frame);
  if (why != NULL)
    g_string_append_printf(line, ", %s", why);
  dc_layout_piece(layout, line->str);
  dc_layout_end_line(layout);
}

void dc_text_handshake_line(DcLayout *layout, const DcReportOptions *options, const DcHandshake *handshake)
{
  char time[DC_TIME_TEXT_MAX], packet[DC_PACKET_TEXT_MAX], quantity[DC_QUANTITY_TEXT_MAX], refused[48];
  DcBrief who = handshake->brief;
  who.len = 0;
  who.has &= ~(uint32_t)DC_HAS_TCP; /* the flags are told by the word SYN, the checksums by the cause */
  who.ip_checksum = who.l4_checksum = DC_CHECKSUM_UNKNOWN;
  g_autoptr(GString) line = g_string_sized_new(256);
  g_string_append_printf(line, "%s %s SYN", dc_time_text(handshake->first_ns, 6, time),
                         dc_packet_text(&who, options->numeric, packet));
  if (handshake->syns > 1) {
    const uint32_t kept = MIN(handshake->syns, DC_HANDSHAKE_FRAMES_MAX);
    g_string_append_printf(line, " x%" G_GUINT32_FORMAT ":", handshake->syns);
    for (uint32_t i = 0; i < kept; i++)
      g_string_append_printf(line, " %s",
                             dc_offset_text(dc_span_ns(handshake->first_ns, handshake->times_ns[i]), quantity));
    if (handshake->syns > kept)
      g_string_append_printf(line, " ... %s",
                             dc_offset_text(dc_span_ns(handshake->first_ns, handshake->last_ns), quantity));
    g_string_append(line, " s");
  }
  g_string_append(line, " | ");
  dc_layout_indent(layout, 0);
  dc_layout_piece(layout, line->str);
  styled(layout, outcome_style((DcOutcome)handshake->outcome), dc_outcome_name((DcOutcome)handshake->outcome));
  g_string_truncate(line, 0);
  const char *by = refused_text(handshake->refused_by, handshake->refused_type, handshake->refused_code, refused);
  if (by != NULL)
    g_string_append_printf(line, "%s %s", handshake->outcome == DC_OUTCOME_REFUSED ? " by" : ", then", by);
  if (handshake->total_ns >= 0)
    g_string_append_printf(line, " after %s", dc_duration_text(handshake->total_ns, quantity));
  if (handshake->answer_ns >= 0 && handshake->answer_ns < handshake->total_ns)
    g_string_append_printf(line, " (%s after its SYN)", dc_duration_text(handshake->answer_ns, quantity));
  if (handshake->dropped > 0 && handshake->dropped < handshake->syns)
    g_string_append_printf(line, ", %" G_GUINT32_FORMAT " of %" G_GUINT32_FORMAT " SYNs dropped", handshake->dropped,
                           handshake->syns);
  if (handshake->synacks > 1)
    g_string_append_printf(line, ", %" G_GUINT32_FORMAT " SYN-ACKs sent: lost on the way back", handshake->synacks);
  dc_layout_piece(layout, line->str);
  cause(layout, handshake->cause, handshake->confidence);
  dc_layout_end_line(layout);
}

void dc_text_alert_line(DcLayout *layout, const DcFinding *finding)
{
  char time[DC_TIME_TEXT_MAX];
  g_autofree char *count = dc_finding_count_text(finding);
  g_autofree char *severity = g_ascii_strup(dc_severity_name(finding->severity), -1);
  dc_layout_indent(layout, 0);
  dc_layout_piece(layout, dc_time_text(finding->last_ns, 0, time));
  dc_layout_piece(layout, " ");
  styled(layout, dc_text_severity_style(finding->severity), severity);
  dc_layout_piece(layout, " ");
  dc_layout_piece(layout, finding->title);
  g_autofree char *tail =
      g_strdup_printf(": %s, %s [%s]", count, dc_confidence_name(finding->confidence), dc_cause_name(finding->cause));
  dc_layout_piece(layout, tail);
  dc_layout_end_line(layout);
}
