#include "wording.h"

#include "dropcorr/base/clock.h"

#include <glib.h>
#include <string.h>
#include <time.h>

const char *dc_duration_text(int64_t ns, char text[static DC_QUANTITY_TEXT_MAX])
{
  const char *sign = ns < 0 ? "-" : "";
  const uint64_t value = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
  const uint64_t us = UINT64_C(1000), ms = us * 1000, s = ms * 1000;
  if (value < us)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%u ns", sign, (unsigned)value);
  else if (value < ms)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%u us", sign, (unsigned)(value / us));
  else if (value < 10 * ms)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%.1f ms", sign, (double)(value / (100 * us)) / 10);
  else if (value < s)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%u ms", sign, (unsigned)(value / ms));
  else if (value < 60 * s)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%.1f s", sign, (double)(value / (100 * ms)) / 10);
  else if (value < 600 * s)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%u s", sign, (unsigned)(value / s));
  else if (value < 7200 * s)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%u min", sign, (unsigned)(value / (60 * s)));
  else
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%s%.1f h", sign, (double)(value / (360 * s)) / 10);
  return text;
}

int64_t dc_span_ns(int64_t earlier, int64_t later)
{
  int64_t span;
  if (__builtin_sub_overflow(later, earlier, &span))
    return later < earlier ? INT64_MIN + 1 : INT64_MAX;
  return span;
}

const char *dc_offset_text(int64_t ns, char text[static DC_QUANTITY_TEXT_MAX])
{
  const char sign = ns < 0 ? '-' : '+';
  const uint64_t second = (uint64_t)DC_NS_PER_S;
  const uint64_t value = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
  const uint64_t tenths = (value + second / 20) / (second / 10);
  if (value > 0 && value < second / 10)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%c%.3f", sign, (double)value / (double)DC_NS_PER_S);
  else if (tenths > 0 && tenths < 100)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%c%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT, sign, tenths / 10,
               tenths % 10);
  else
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%c%" G_GUINT64_FORMAT, sign, (value + second / 2) / second);
  return text;
}

const char *dc_rate_text(uint64_t lost, uint64_t seen, char text[static DC_QUANTITY_TEXT_MAX])
{
  text[0] = '\0';
  if (seen == 0 || lost == 0 || lost > seen)
    return text;
  const double percent = (double)lost * 100.0 / (double)seen;
  if (lost == seen)
    g_strlcpy(text, "100%", DC_QUANTITY_TEXT_MAX);
  else if (percent >= 99.5)
    g_strlcpy(text, "over 99%", DC_QUANTITY_TEXT_MAX); /* never round a loss up to all of it */
  else if (percent >= 10)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%.0f%%", percent);
  else if (percent >= 0.95)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%.1f%%", percent);
  else if (percent >= 0.01)
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%.2f%%", percent);
  else
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "1 in %" G_GUINT64_FORMAT, seen / lost);
  return text;
}

const char *dc_bytes_text(uint64_t bytes, char text[static DC_QUANTITY_TEXT_MAX])
{
  static const char *const UNITS[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 100000) {
    g_snprintf(text, DC_QUANTITY_TEXT_MAX, "%" G_GUINT64_FORMAT " byte%s", bytes, dc_plural(bytes));
    return text;
  }
  double value = (double)bytes / 1000;
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < G_N_ELEMENTS(UNITS)) {
    value /= 1000;
    unit++;
  }
  g_snprintf(text, DC_QUANTITY_TEXT_MAX, value < 10 ? "%.1f %s" : "%.0f %s", value, UNITS[unit]);
  return text;
}

/* Splits at the second below, so that times before 1970 keep a positive fraction. */
static bool split_time(int64_t time_ns, struct tm *ret_tm, unsigned *ret_ns)
{
  int64_t seconds = time_ns / DC_NS_PER_S;
  int64_t rest = time_ns % DC_NS_PER_S;
  if (rest < 0) {
    rest += DC_NS_PER_S;
    seconds--;
  }
  /* A second holds many packets, and the zone's rules are worked out anew at each call. */
  static _Thread_local int64_t cached_seconds = INT64_MIN;
  static _Thread_local struct tm cached;
  if (seconds != cached_seconds) {
    const time_t when = (time_t)seconds;
    if (localtime_r(&when, &cached) == NULL)
      return false;
    cached_seconds = seconds;
  }
  *ret_ns = (unsigned)rest;
  *ret_tm = cached;
  return true;
}

/* ".154238" */
static const char *fraction(unsigned ns, int digits, char text[static 16])
{
  text[0] = '\0';
  if (digits == 3)
    g_snprintf(text, 16, ".%03u", ns / 1000000);
  else if (digits == 6)
    g_snprintf(text, 16, ".%06u", ns / 1000);
  else if (digits == 9)
    g_snprintf(text, 16, ".%09u", ns);
  return text;
}

const char *dc_time_text(int64_t time_ns, int digits, char text[static DC_TIME_TEXT_MAX])
{
  struct tm tm;
  unsigned ns;
  char rest[16];
  if (time_ns == DC_TIME_NONE || !split_time(time_ns, &tm, &ns))
    return "no time";
  g_snprintf(text, DC_TIME_TEXT_MAX, "%02d:%02d:%02d%s", tm.tm_hour, tm.tm_min, tm.tm_sec, fraction(ns, digits, rest));
  return text;
}

const char *dc_date_text(int64_t time_ns, int digits, char text[static DC_TIME_TEXT_MAX])
{
  struct tm tm;
  unsigned ns;
  char rest[16];
  if (time_ns == DC_TIME_NONE || !split_time(time_ns, &tm, &ns))
    return "no time";
  g_snprintf(text, DC_TIME_TEXT_MAX, "%04d-%02d-%02d %02d:%02d:%02d%s %.12s", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction(ns, digits, rest),
             tm.tm_zone != NULL ? tm.tm_zone : "");
  return text;
}

const char *dc_plural(uint64_t n)
{
  return n == 1 ? "" : "s";
}

const char *dc_fate_text(DcFate fate)
{
  switch (fate) {
  case DC_FATE_UNREMARKABLE:
    return "nothing speaks of loss, no answer was owed";
  case DC_FATE_OUTBOUND:
    return "sent by this host";
  case DC_FATE_ANSWERED:
    return "a reply on the wire proves it was taken";
  case DC_FATE_CONSUMED:
    return "freed by the kernel after processing";
  case DC_FATE_REFUSED:
    return "answered by a reset or ICMP error, no drop seen";
  case DC_FATE_DROPPED:
    return "joined to a kernel drop";
  case DC_FATE_UNHANDLED:
    return "no protocol handler takes it";
  case DC_FATE_SILENT:
    return "an answer was owed, none came; counters or wire say why";
  case DC_FATE_UNEXPLAINED:
    return "an answer was owed, none came; nothing says why";
  case DC_FATE_COUNT:
    break;
  }
  return "";
}

const char *dc_match_text(DcMatch match)
{
  switch (match) {
  case DC_MATCH_EXACT:
    return "matched byte for byte";
  case DC_MATCH_STRONG:
    return "matched by flow and sequence";
  case DC_MATCH_LIKELY:
    return "matched by protocol, length and time";
  case DC_MATCH_POSSIBLE:
    return "matched with rivals left";
  case DC_MATCH_NONE:
  case DC_MATCH_COUNT:
    break;
  }
  return "without a frame";
}

uint64_t dc_summary_lost(const DcSummary *summary)
{
  return summary->frames_by_fate[DC_FATE_DROPPED] + summary->frames_by_fate[DC_FATE_UNHANDLED] +
         summary->frames_by_fate[DC_FATE_REFUSED] + summary->frames_by_fate[DC_FATE_SILENT];
}

const char *dc_drop_status_text(DcDropStatus status)
{
  switch (status) {
  case DC_DROP_STATUS_MATCHED:
    return "joined to a frame";
  case DC_DROP_STATUS_NOISE:
    return "freed after normal processing: no loss";
  case DC_DROP_STATUS_SELF:
    return "made by capturing";
  case DC_DROP_STATUS_OUTBOUND:
    return "this host's own packets";
  case DC_DROP_STATUS_UNMATCHED:
    return "no captured frame is theirs: listed apart";
  case DC_DROP_STATUS_COUNT:
    break;
  }
  return "";
}

const char *dc_drop_why_text(DcDropStatus status, uint8_t unmatched_why, uint8_t aside_why)
{
  switch (status) {
  case DC_DROP_STATUS_MATCHED:
    return NULL;
  case DC_DROP_STATUS_NOISE:
  case DC_DROP_STATUS_SELF:
  case DC_DROP_STATUS_OUTBOUND:
    return dc_aside_text((DcAsideWhy)aside_why);
  case DC_DROP_STATUS_UNMATCHED:
    return dc_unmatched_text((DcUnmatchedWhy)unmatched_why);
  case DC_DROP_STATUS_COUNT:
    break;
  }
  return NULL;
}

const char *dc_drop_group_why_text(const DcDropGroup *group)
{
  const char *why = dc_drop_why_text(group->status, group->why, group->why);
  return why != NULL ? why : "a frame fits, but it may have been delivered all the same";
}

const char *dc_symbol_text(const DcDrop *drop, char text[static DC_SYMBOL_TEXT_MAX])
{
  if (drop->symbol == NULL)
    return NULL;
  if (drop->size > 0)
    g_snprintf(text, DC_SYMBOL_TEXT_MAX, "%.256s+0x%x/0x%x", drop->symbol, (unsigned)drop->offset,
               (unsigned)drop->size);
  else if (drop->offset > 0)
    g_snprintf(text, DC_SYMBOL_TEXT_MAX, "%.256s+0x%x", drop->symbol, (unsigned)drop->offset);
  else
    g_snprintf(text, DC_SYMBOL_TEXT_MAX, "%.256s", drop->symbol);
  return text;
}
