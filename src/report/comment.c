#include "dropcorr/report/comment.h"

#include "dropcorr/report/escape.h"
#include "wording.h"

#define PREFIX "dropcorr: "

void dc_comment_verdict(DcCommentVerdict *ret_comment, const DcFrameVerdict *verdict)
{
  *ret_comment = (DcCommentVerdict){.fate = verdict->fate,
                                    .cause = verdict->cause,
                                    .confidence = verdict->confidence,
                                    .match = verdict->match,
                                    .refused_by = verdict->refused_by};
  if (verdict->refused_by == DC_REFUSED_ICMP) {
    ret_comment->refused_type = verdict->refused_type;
    ret_comment->refused_code = verdict->refused_code;
  }
}

/* A blank and a word, which may be NULL. */
static void add_word(GString *out, const char *word)
{
  if (word != NULL)
    g_string_append_printf(out, " %s", word);
}

void dc_comment_frame(GString *out, const DcCommentVerdict *comment, const char *place)
{
  g_string_append(out, PREFIX);
  g_string_append(out, dc_fate_name((DcFate)comment->fate));
  add_word(out, dc_cause_name((DcCause)comment->cause));
  if (place != NULL && *place != '\0')
    add_word(out, place);
  switch ((DcRefusedBy)comment->refused_by) {
  case DC_REFUSED_NONE:
    break;
  case DC_REFUSED_RST:
    g_string_append(out, " by RST");
    break;
  case DC_REFUSED_ICMP:
    g_string_append_printf(out, " by ICMP type %u code %u", (unsigned)comment->refused_type,
                           (unsigned)comment->refused_code);
    break;
  }
  const char *match = dc_match_name((DcMatch)comment->match);
  if (match != NULL)
    g_string_append_printf(out, " match %s", match);
  const char *confidence = dc_confidence_name((DcConfidence)comment->confidence);
  if (confidence != NULL && comment->cause != DC_CAUSE_NONE && comment->confidence != DC_CONFIDENCE_CERTAIN)
    g_string_append_printf(out, " confidence %s", confidence);
}

void dc_comment_place(GString *out, const DcDrop *drop)
{
  const char *blank = "";
  if (drop->reason != NULL) {
    dc_escape_terminal(out, drop->reason, -1);
    blank = " ";
  }
  if (drop->symbol != NULL) {
    g_string_append_printf(out, "%sat ", blank);
    dc_escape_terminal(out, drop->symbol, -1);
    if (drop->offset != 0 || drop->size != 0)
      g_string_append_printf(out, "+0x%x", (unsigned)drop->offset);
  } else if (drop->trap_name != NULL || drop->location != NULL) {
    g_string_append_printf(out, "%sat ", blank);
    dc_escape_terminal(out, drop->trap_name != NULL ? drop->trap_name : drop->location, -1);
  }
}

void dc_comment_drop(GString *out, DcDropStatus status, uint8_t why, DcCause cause, const char *place)
{
  g_string_append_printf(out, PREFIX "drop %s", dc_drop_status_name(status));
  add_word(out, dc_cause_name(cause));
  if (place != NULL && *place != '\0')
    add_word(out, place);
  const char *text = dc_drop_why_text(status, why, why);
  if (text != NULL)
    g_string_append_printf(out, ": %s", text);
}

char *dc_comment_section(const DcReport *report)
{
  const DcSummary *summary = &report->summary;
  g_autofree char *verdict = dc_report_verdict_text(report);
  g_autoptr(GString) text = g_string_new(PREFIX);
  dc_escape_terminal(text, verdict, -1);
  if (!g_str_has_suffix(verdict, "."))
    g_string_append_c(text, '.');
  g_string_append(text, " Lost while recording:");
  const char *separator = " ";
  for (int kind = 0; kind < DC_LOSS_COUNT; kind++) {
    if (summary->lost[kind] == 0)
      continue;
    g_string_append_printf(text, "%s%s %" G_GUINT64_FORMAT, separator, dc_loss_name((DcLossKind)kind),
                           summary->lost[kind]);
    separator = ", ";
  }
  g_string_append(text, *separator == ',' ? "." : " nothing.");
  if (!summary->complete && summary->incomplete_why != NULL) {
    g_string_append(text, " Incomplete: ");
    dc_escape_terminal(text, summary->incomplete_why, -1);
    g_string_append_c(text, '.');
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}
