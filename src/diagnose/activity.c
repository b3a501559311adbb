/* What plots show: the run over time, and losses by service. */
#include "diagnosis_state.h"

#include <string.h>

typedef enum { LOST, HARMLESS, OPEN, NEITHER } Kind;

static Kind kind_of(const DcFinding *finding)
{
  switch (finding->fate) {
  case DC_FATE_DROPPED:
  case DC_FATE_UNHANDLED:
  case DC_FATE_REFUSED:
  case DC_FATE_SILENT:
    return finding->severity == DC_SEVERITY_INFO ? HARMLESS : LOST;
  case DC_FATE_UNEXPLAINED:
    return OPEN;
  case DC_FATE_UNREMARKABLE:
  case DC_FATE_OUTBOUND:
  case DC_FATE_ANSWERED:
  case DC_FATE_CONSUMED:
  case DC_FATE_COUNT:
    return NEITHER;
  }
  return NEITHER;
}

/* --- over time ----------------------------------------------------------------------------- */

static void take_grid(DcActivity *grid, int64_t *end_ns, const DcTimeline *timeline)
{
  if (timeline->used == 0)
    return;
  const int64_t end = timeline->begin_ns + timeline->used * timeline->bin_ns;
  grid->begin_ns = grid->bin_ns == 0 ? timeline->begin_ns : MIN(grid->begin_ns, timeline->begin_ns);
  *end_ns = grid->bin_ns == 0 ? end : MAX(*end_ns, end);
  grid->bin_ns = MAX(grid->bin_ns, timeline->bin_ns);
}

static uint64_t bins_between(int64_t begin_ns, int64_t end_ns, int64_t bin_ns)
{
  return ((uint64_t)end_ns - (uint64_t)begin_ns + (uint64_t)bin_ns - 1) / (uint64_t)bin_ns;
}

/* Bins of a series lie inside the grid's: all begin at multiples of their widths. */
static void add_to_grid(const DcActivity *grid, uint64_t *counts, const DcTimeline *timeline)
{
  for (uint32_t i = 0; i < timeline->used; i++) {
    const int64_t at = timeline->begin_ns + i * timeline->bin_ns;
    const uint64_t bin = ((uint64_t)at - (uint64_t)grid->begin_ns) / (uint64_t)grid->bin_ns;
    counts[MIN(bin, grid->used - 1)] += timeline->counts[i];
  }
}

static DcTimeline borrow(const DcSeries *series)
{
  return (DcTimeline){.begin_ns = series->begin_ns,
                      .bin_ns = series->bin_ns,
                      .used = series->used,
                      .counts = (uint32_t *)(uintptr_t)series->counts};
}

static void fill_activity(const DcDiagnosis *self, DcReport *report)
{
  DcActivity *activity = &report->activity;
  const DcTimeline frames = borrow(&self->inbound_series), drops = borrow(&self->drop_series);
  int64_t end_ns = 0;
  take_grid(activity, &end_ns, &frames);
  take_grid(activity, &end_ns, &drops);
  for (guint i = 0; i < report->findings->len; i++)
    take_grid(activity, &end_ns, &((const DcFinding *)g_ptr_array_index(report->findings, i))->timeline);
  if (activity->bin_ns == 0)
    return;
  activity->begin_ns = dc_series_floor(activity->begin_ns, activity->bin_ns);
  while (bins_between(activity->begin_ns, end_ns, activity->bin_ns) > DC_SERIES_BINS &&
         activity->bin_ns < INT64_MAX / 8) {
    activity->bin_ns *= 2;
    activity->begin_ns = dc_series_floor(activity->begin_ns, activity->bin_ns);
  }
  activity->used = (uint32_t)MIN(bins_between(activity->begin_ns, end_ns, activity->bin_ns), DC_SERIES_BINS);
  activity->frames = g_new0(uint64_t, activity->used);
  activity->lost = g_new0(uint64_t, activity->used);
  activity->harmless = g_new0(uint64_t, activity->used);
  activity->open = g_new0(uint64_t, activity->used);
  activity->drops = g_new0(uint64_t, activity->used);
  add_to_grid(activity, activity->frames, &frames);
  add_to_grid(activity, activity->drops, &drops);
  for (guint i = 0; i < report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(report->findings, i);
    uint64_t *const columns[] = {activity->lost, activity->harmless, activity->open};
    const Kind kind = kind_of(finding);
    if (kind != NEITHER && finding->frames > 0)
      add_to_grid(activity, columns[kind], &finding->timeline);
  }
}

/* --- by service ------------------------------------------------------------------------------- */

static bool same_service(const DcService *a, const DcService *b)
{
  return a->protocol == b->protocol && a->port == b->port && a->ethertype == b->ethertype &&
         strcmp(a->interface, b->interface) == 0;
}

static DcServiceLoss *service_of(GPtrArray *services, const DcService *service)
{
  for (guint i = 0; i < services->len; i++) {
    DcServiceLoss *known = g_ptr_array_index(services, i);
    if (same_service(&known->service, service))
      return known;
  }
  DcServiceLoss *loss = g_new0(DcServiceLoss, 1);
  loss->service = *service;
  loss->name = dc_service_text(service);
  g_ptr_array_add(services, loss);
  return loss;
}

static gint by_loss(gconstpointer a, gconstpointer b)
{
  const DcServiceLoss *x = *(const DcServiceLoss *const *)a, *y = *(const DcServiceLoss *const *)b;
  const uint64_t p[] = {x->lost, x->open, x->harmless, x->seen}, q[] = {y->lost, y->open, y->harmless, y->seen};
  for (size_t i = 0; i < G_N_ELEMENTS(p); i++)
    if (p[i] != q[i])
      return p[i] > q[i] ? -1 : 1;
  return strcmp(x->name, y->name);
}

static void fill_services(DcReport *report)
{
  report->services = g_ptr_array_new();
  for (guint i = 0; i < report->findings->len; i++) {
    const DcFinding *finding = g_ptr_array_index(report->findings, i);
    const Kind kind = kind_of(finding);
    if (kind == NEITHER || finding->frames == 0)
      continue;
    DcServiceLoss *loss = service_of(report->services, &finding->service);
    uint64_t *const columns[] = {&loss->lost, &loss->harmless, &loss->open};
    *columns[kind] += finding->frames;
    loss->seen = MAX(loss->seen, finding->seen);
    loss->seen = MAX(loss->seen, loss->lost + loss->harmless + loss->open);
  }
  g_ptr_array_sort(report->services, by_loss);
}

void dc_activity_build(const DcDiagnosis *self, DcReport *report)
{
  fill_activity(self, report);
  fill_services(report);
}
