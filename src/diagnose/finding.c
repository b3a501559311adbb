#include "dropcorr/diagnose/finding.h"

#include "dropcorr/diagnose/checklist.h"

const char *dc_check_state_name(DcCheckState state)
{
  switch (state) {
  case DC_CHECK_RULED_OUT:
    return "ruled-out";
  case DC_CHECK_RULED_IN:
    return "ruled-in";
  case DC_CHECK_NOT_CHECKED:
    return "not-checked";
  }
  return NULL;
}

static void free_each(GPtrArray *array, void (*free_one)(gpointer))
{
  if (array == NULL)
    return;
  for (guint i = 0; i < array->len && free_one != NULL; i++)
    free_one(g_ptr_array_index(array, i));
  g_ptr_array_unref(array);
}

static void evidence_free(gpointer data)
{
  DcProof *evidence = data;
  g_free(evidence->source);
  g_free(evidence->text);
  g_free(evidence);
}

static void action_free(gpointer data)
{
  DcAction *action = data;
  g_free(action->command);
  g_free(action->what);
  g_free(action);
}

static void check_free(gpointer data)
{
  dc_check_free(data);
}

static void drop_group_free(gpointer data)
{
  DcDropGroup *group = data;
  g_free(group->location);
  g_free(group->reason);
  g_free(group->packet);
  g_free(group);
}

void dc_finding_free(DcFinding *finding)
{
  if (finding == NULL)
    return;
  g_free(finding->title);
  g_free(finding->timeline.counts);
  free_each(finding->evidence, evidence_free);
  free_each(finding->confirm, action_free);
  free_each(finding->fix, action_free);
  free_each(finding->rivals, NULL);
  free_each(finding->notes, NULL);
  free_each(finding->reasons, NULL);
  free_each(finding->sites, NULL);
  g_free(finding);
}

static void finding_free(gpointer data)
{
  dc_finding_free(data);
}

static void service_free(gpointer data)
{
  DcServiceLoss *service = data;
  g_free(service->name);
  g_free(service);
}

void dc_report_free(DcReport *report)
{
  if (report == NULL)
    return;
  free_each(report->services, service_free);
  g_free(report->activity.frames);
  g_free(report->activity.lost);
  g_free(report->activity.harmless);
  g_free(report->activity.open);
  g_free(report->activity.drops);
  g_free(report->unanswered);
  g_free(report->answered);
  free_each(report->findings, finding_free);
  free_each(report->checks, check_free);
  free_each(report->drop_groups, drop_group_free);
  free_each(report->limits, NULL);
  free_each(report->sources, NULL);
  free_each(report->summary.losses, NULL);
  g_free(report->summary.incomplete_why);
  g_free(report->direction);
  g_free(report->verdict);
  g_free(report->kernel);
  g_free(report);
}
