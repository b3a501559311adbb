#include "dropcorr/diagnose/catalogue.h"

#include "catalogue_rows.h"

#include <pthread.h>
#include <string.h>

const char *dc_severity_name(DcSeverity severity)
{
  switch (severity) {
  case DC_SEVERITY_INFO:
    return "info";
  case DC_SEVERITY_LOW:
    return "low";
  case DC_SEVERITY_MEDIUM:
    return "medium";
  case DC_SEVERITY_HIGH:
    return "high";
  case DC_SEVERITY_COUNT:
    break;
  }
  return NULL;
}

/* Rows by cause, from the files per area; built once, then only read (pthread_once, because
 * GLib's own is opaque to ThreadSanitizer). */
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;
static const DcCauseInfo *rows[DC_CAUSE_COUNT];

static void collect(const DcCauseInfo *area, size_t count)
{
  for (size_t i = 0; i < count; i++)
    rows[area[i].cause] = &area[i];
}

static void collect_all(void)
{
#define COLLECT(area) collect(dc_catalogue_##area, dc_catalogue_##area##_count);
  DC_CATALOGUE_AREAS(COLLECT)
#undef COLLECT
}

const DcCauseInfo *dc_catalogue(DcCause cause)
{
  pthread_once(&rows_once, collect_all);
  return (size_t)cause < DC_CAUSE_COUNT ? rows[cause] : NULL;
}

typedef enum { FIT_NONE, FIT_FAMILY, FIT_EXACT } Fit;

static Fit reason_fit(const char *pattern, const char *reason)
{
  size_t len = strlen(pattern);
  if (pattern[len - 1] == '*')
    return strncmp(pattern, reason, len - 1) == 0 ? FIT_FAMILY : FIT_NONE;
  return strcmp(pattern, reason) == 0 ? FIT_EXACT : FIT_NONE;
}

/* The row's entry that fits best. */
static const DcCauseReason *row_reason(const DcCauseInfo *row, const char *reason, Fit *ret_fit)
{
  const DcCauseReason *best = NULL;
  *ret_fit = FIT_NONE;
  for (const DcCauseReason *at = row->reasons; at->name != NULL; at++) {
    Fit fit = reason_fit(at->name, reason);
    if (fit > *ret_fit) {
      *ret_fit = fit;
      best = at;
    }
  }
  return best;
}

size_t dc_catalogue_by_reason(const char *reason, DcCause *causes, size_t max, bool *ret_named)
{
  *ret_named = false;
  if (reason == NULL || *reason == '\0')
    return 0;

  Fit best = FIT_NONE;
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    Fit fit;
    row_reason(dc_catalogue(cause), reason, &fit);
    best = MAX(best, fit);
  }
  if (best == FIT_NONE)
    return 0;

  static const DcReasonEffect order[] = {DC_EFFECT_NAMED, DC_EFFECT_USUAL, DC_EFFECT_HINT};
  size_t count = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
    for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
      Fit fit;
      const DcCauseReason *entry = row_reason(dc_catalogue(cause), reason, &fit);
      if (entry == NULL || fit != best || entry->effect != order[i])
        continue;
      if (entry->effect == DC_EFFECT_NAMED)
        *ret_named = true;
      if (count < max)
        causes[count] = cause;
      count++;
    }
  }
  return MIN(count, max);
}
