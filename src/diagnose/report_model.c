/* From what was gathered to the report: findings with their proof and cure, the checklist,
 * drops without frames, and the one line on top. */
#include "diagnosis_state.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/diagnose/checklist.h"
#include "dropcorr/diagnose/ruleset.h"

#include <stdlib.h>
#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

#define USUAL_RATE 10000 /* one loss in so many is usual */

/* --- values for advice --------------------------------------------------------------- */

typedef struct {
  const DcDiagnosis *diagnosis;
  const DcGroup *group;
  char text[DC_RULE_TEXT_MAX];
} Lookup;

static const char *address_text(const DcBrief *brief, bool source, char *text)
{
  if (brief->flow.ip_version == 0)
    return NULL;
  DcAddr addr = {.version = brief->flow.ip_version};
  memcpy(addr.bytes, source ? brief->flow.src : brief->flow.dst, sizeof addr.bytes);
  return dc_addr_format(&addr, text);
}

/* What ss -A calls it; NULL where sockets have no ports. */
static const char *socket_family(uint8_t protocol)
{
  switch (protocol) {
  case 6:
    return "tcp";
  case 17:
    return "udp";
  case 33:
    return "dccp";
  case 132:
    return "sctp";
  default:
    return NULL;
  }
}

/* What makes a firewall rule match these packets, in the notation of nft or of iptables. */
static const char *rule_match(Lookup *lookup, bool nft)
{
  const DcGroup *group = lookup->group;
  const bool ip = (group->example.has & DC_HAS_IP) != 0;
  const uint8_t protocol = ip ? group->example.flow.protocol : group->service.protocol;
  const char *transport = socket_family(protocol);
  if (protocol == 0)
    return NULL;
  if (transport != NULL && group->service.port != 0)
    g_snprintf(lookup->text, sizeof lookup->text, nft ? "%s dport %u" : "-p %s --dport %u", transport,
               group->service.port);
  else if (transport != NULL)
    g_snprintf(lookup->text, sizeof lookup->text, nft ? "meta l4proto %s" : "-p %s", transport);
  else
    g_snprintf(lookup->text, sizeof lookup->text, nft ? "meta l4proto %u" : "-p %u", protocol);
  return lookup->text;
}

static const char *lookup_value(const char *key, void *data)
{
  Lookup *lookup = data;
  const DcGroup *group = lookup->group;
  const DcBrief *brief = &group->example;
  if (strcmp(key, "if") == 0)
    return group->service.interface[0] != '\0'     ? group->service.interface
           : lookup->diagnosis->interface != NULL ? lookup->diagnosis->interface
           : group->device[0] != '\0'            ? group->device
                                                  : NULL;
  if (strcmp(key, "port") == 0) {
    if (group->service.port == 0)
      return NULL;
    g_snprintf(lookup->text, sizeof lookup->text, "%u", group->service.port);
    return lookup->text;
  }
  if (strcmp(key, "transport") == 0)
    return socket_family((brief->has & DC_HAS_IP) != 0 ? brief->flow.protocol : group->service.protocol);
  if (strcmp(key, "match") == 0 || strcmp(key, "iptables-match") == 0)
    return rule_match(lookup, strcmp(key, "match") == 0);
  if (strcmp(key, "tunnel") == 0)
    return dc_advice_tunnel(brief);
  if (strcmp(key, "protocol") == 0) {
    if ((brief->has & DC_HAS_IP) == 0)
      return NULL;
    g_snprintf(lookup->text, sizeof lookup->text, "%u", brief->flow.protocol);
    return lookup->text;
  }
  if (strcmp(key, "src") == 0)
    return address_text(brief, true, lookup->text);
  if (strcmp(key, "dst") == 0)
    return address_text(brief, false, lookup->text);
  if (group->counted > 0 && (strcmp(key, "ethertype") == 0 || strcmp(key, "mac") == 0))
    return NULL; /* no frame is known */
  if (strcmp(key, "ethertype") == 0) {
    g_snprintf(lookup->text, sizeof lookup->text, "0x%04x", brief->flow.ethertype);
    return lookup->text;
  }
  if (strcmp(key, "vlan") == 0 && brief->vlan_count > 0) {
    g_snprintf(lookup->text, sizeof lookup->text, "%u", brief->vlan);
    return lookup->text;
  }
  if (strcmp(key, "module") == 0)
    return dc_advice_module(brief);
  if (strcmp(key, "rule") == 0 || g_str_has_prefix(key, "nft-"))
    return dc_evidence_rule(lookup->diagnosis, group, key, lookup->text);
  if (strcmp(key, "mac") == 0)
    return dc_mac_format(brief->src_mac, lookup->text);
  if (g_str_has_prefix(key, "sysctl:") && lookup->diagnosis->state != NULL)
    return dc_state_sysctl(lookup->diagnosis->state, key + strlen("sysctl:"));
  return NULL;
}

/* "sysctl -w NAME=VALUE ...": whether the host has these values already. */
static bool is_set_already(const DcState *state, const char *command)
{
  static const char verb[] = "sysctl -w ";
  if (state == NULL || command == NULL || !g_str_has_prefix(command, verb))
    return false;
  g_auto(GStrv) words = g_strsplit(command + strlen(verb), " ", -1);
  for (char **word = words; *word != NULL; word++) {
    char *value = strchr(*word, '=');
    if (value == NULL)
      return false; /* a quoted list of numbers */
    *value++ = '\0';
    if (g_strcmp0(dc_state_sysctl(state, *word), value) != 0)
      return false;
  }
  return true;
}

static void take_action(gpointer action, gpointer actions)
{
  g_ptr_array_add(actions, action);
}

/* What the host has already is said last. */
static void fill_actions(GPtrArray *actions, const DcAdvice *advice, Lookup *lookup)
{
  g_autoptr(GPtrArray) done = g_ptr_array_new();
  for (; advice != NULL && (advice->command != NULL || advice->what != NULL); advice++) {
    DcAction *action = g_new0(DcAction, 1);
    action->command = advice->command != NULL ? dc_advice_fill(advice->command, lookup_value, lookup) : NULL;
    action->what = advice->what != NULL ? dc_advice_fill(advice->what, lookup_value, lookup) : NULL;
    if (!is_set_already(lookup->diagnosis->state, action->command)) {
      g_ptr_array_add(actions, action);
      continue;
    }
    g_autofree char *what = action->what;
    action->what = what != NULL ? g_strdup_printf("is so already; %s", what) : g_strdup("is so already");
    g_ptr_array_add(done, action);
  }
  g_ptr_array_foreach(done, take_action, actions);
}

/* --- notes ------------------------------------------------------------------------------- */

static void note(DcFinding *finding, const char *text)
{
  g_ptr_array_add(finding->notes, g_strdup(text));
}

static void add_notes(DcFinding *finding, const DcDiagnosis *self, const DcGroup *group)
{
  if (group->cause == DC_CAUSE_NO_PROTOCOL_HANDLER && group->fate == DC_FATE_UNHANDLED) {
    note(finding, "While anybody captures, these frames go to the capture and are not dropped: no drop event, and "
                  "rx_dropped stands still. When nobody captures, the kernel drops each of them and counts it in "
                  "rx_dropped of the interface.");
    const char *interface = self->interface != NULL ? self->interface : "eth0";
    g_autofree char *counter = g_strdup_printf("sys.%s.rx_dropped", interface);
    DcCounterStep step = dc_state_counter(self->state, counter, DC_TIME_NONE, DC_TIME_NONE);
    uint64_t dropped, errors;
    g_autofree char *error_counter = g_strdup_printf("sys.%s.rx_errors", interface);
    if (step.known)
      g_ptr_array_add(finding->notes, g_strdup_printf("rx_dropped of %s moved from %" G_GUINT64_FORMAT
                                                      " to %" G_GUINT64_FORMAT " between the samples.",
                                                      interface, step.first, step.last));
    if (dc_state_counter_value(self->state, counter, &dropped) && dropped > 0 &&
        dc_state_counter_value(self->state, error_counter, &errors) && errors == 0)
      note(finding, "rx_dropped has counted, rx_errors has not: the kernel drops these frames, not the network card.");
  }
  const uint64_t lost = MAX(finding->frames, finding->counted);
  if (lost > 0 && finding->seen / lost >= USUAL_RATE)
    note(finding, "Below 1 in 10,000 of what was seen: a usual rate of loss.");
  if (finding->since_boot)
    note(finding,
         "Counted since boot, by a single sample: whether it goes on is not known. Save the counters twice, as "
         "before.NAME and after.NAME.");
  else if (finding->counted > 0)
    note(finding, "Known from counters alone: no frame of the capture is among them, or which one is not known.");
  if (group->fate == DC_FATE_DROPPED && group->by_match[DC_MATCH_POSSIBLE] > 0)
    note(finding, "Several frames fit some of these drops equally well: which of them were dropped is open.");
}

static void add_rivals(DcFinding *finding, const DcGroup *group)
{
  for (int cause = 0; cause < DC_CAUSE_COUNT; cause++) {
    if (group->rivals[cause] == 0)
      continue;
    const DcCauseInfo *info = dc_catalogue((DcCause)cause);
    g_ptr_array_add(finding->rivals,
                    g_strdup_printf("%s (%s)", dc_cause_name((DcCause)cause), info != NULL ? info->title : "unknown"));
  }
}

static void copy_timeline(DcTimeline *timeline, const DcSeries *series)
{
  if (series->used == 0)
    return;
  timeline->begin_ns = series->begin_ns;
  timeline->bin_ns = series->bin_ns;
  timeline->used = series->used;
  timeline->counts = g_memdup2(series->counts, series->used * sizeof *series->counts);
}

static char *time_of_day(int64_t time_ns)
{
  g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(time_ns / DC_NS_PER_S);
  return when != NULL ? g_date_time_format(when, "%H:%M:%S") : g_strdup("?");
}

/* Rhythm and bursts tell senders apart: spanning tree says hello every 2 s, a scanner comes in bursts. */
static void add_rhythm(DcFinding *finding, const DcGroup *group)
{
  int64_t period_ns;
  DcBursts bursts;
  if (dc_series_period(group->series, &period_ns)) {
    g_ptr_array_add(finding->notes, g_strdup_printf("They come in a steady rhythm: one every %.*f s.",
                                                    period_ns < DC_NS_PER_S ? 2 : 1, (double)period_ns / 1e9));
  } else if (dc_series_bursts(group->series, &bursts)) {
    g_autofree char *from = time_of_day(bursts.from_ns), *to = time_of_day(bursts.to_ns);
    g_autofree char *every = bursts.period_ns > 0 ? g_strdup_printf(", one every %" G_GINT64_FORMAT " s",
                                                                    (bursts.period_ns + DC_NS_PER_S / 2) / DC_NS_PER_S)
                                                  : g_strdup("");
    g_ptr_array_add(finding->notes,
                    g_strdup_printf("They come in %u burst%s%s; the largest: %" G_GUINT64_FORMAT " from %s to %s.",
                                    bursts.bursts, bursts.bursts == 1 ? "" : "s", every, bursts.count, from, to));
  }
}

/* --- one finding ---------------------------------------------------------------------------- */

typedef struct {
  DcClient client;
  uint32_t place;
} Placed;

/* Of equally many frames who came first: an order that says nothing about addresses. */
static gint by_frames(gconstpointer a, gconstpointer b)
{
  const Placed *x = a, *y = b;
  if (x->client.frames != y->client.frames)
    return x->client.frames > y->client.frames ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

static void fill_clients(DcFinding *finding, const DcGroup *group)
{
  g_autoptr(GArray) all = g_array_new(FALSE, TRUE, sizeof(Placed));
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init(&iter, group->clients);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    const DcGroupClient *counted = value;
    Placed one = {.client = {.frames = counted->frames}, .place = counted->place};
    const DcAddr *who = key;
    if (who->version != 0)
      one.client.addr = *who;
    else
      memcpy(one.client.mac, who->bytes, sizeof one.client.mac);
    g_array_append_val(all, one);
  }
  g_array_sort(all, by_frames);
  finding->client_count = MIN(all->len, (guint)DC_FINDING_CLIENTS);
  for (uint32_t i = 0; i < finding->client_count; i++)
    finding->clients[i] = g_array_index(all, Placed, i).client;
  finding->clients_more = group->clients_more || all->len > DC_FINDING_CLIENTS;
}

static void fill_tally(GPtrArray *lines, const DcTally *tally)
{
  for (int i = 0; i < DC_GROUP_TALLY && tally[i].text != NULL; i++)
    g_ptr_array_add(lines, tally[i].count > 1 ? g_strdup_printf("%s x%" G_GUINT64_FORMAT, tally[i].text, tally[i].count)
                                              : g_strdup(tally[i].text));
}

static uint64_t frames_seen_of(const DcDiagnosis *self, const DcService *service)
{
  if (service->ethertype >= 0)
    return self->ethertype_frames[service->ethertype & 0xffff];
  if (service->port != 0 && service->protocol == PROTO_TCP)
    return self->port_frames[0][service->port];
  if (service->port != 0 && service->protocol == PROTO_UDP)
    return self->port_frames[1][service->port];
  return self->protocol_frames[service->protocol];
}

static const char *fallback_title(const DcGroup *group)
{
  if (group->fate == DC_FATE_ANSWERED)
    return "Answered, but the answer or its ACK is lost elsewhere";
  return group->fate == DC_FATE_REFUSED ? "Refused" : "Unanswered, and nothing says why";
}

/* What counters tell of is worth a look at once when it is much and now. */
static void weigh_counted(DcFinding *finding, const DcGroup *group)
{
  finding->seen = group->counted_of;
  if (group->since_boot || finding->seen / finding->counted >= USUAL_RATE)
    finding->severity = MIN(finding->severity, DC_SEVERITY_LOW);
  /* Harmless, if it is that. */
  if (finding->severity == DC_SEVERITY_INFO && finding->confidence < DC_CONFIDENCE_LIKELY)
    finding->severity = DC_SEVERITY_LOW;
}

static char *counted_place(const DcService *service)
{
  return service->protocol == 0 && service->interface[0] == '\0' ? g_strdup("this host") : dc_service_text(service);
}

DcFinding *dc_report_model_finding(const DcDiagnosis *self, const DcGroup *group)
{
  const DcCauseInfo *info = dc_catalogue(group->cause);
  DcFinding *finding = g_new0(DcFinding, 1);
  Lookup lookup = {.diagnosis = self, .group = group};
  finding->number = group->number;
  finding->cause = group->cause;
  finding->confidence = group->confidence;
  /* Waiting for an answer that never comes is a loss, whoever is to blame. */
  finding->severity = info != NULL ? info->severity : DC_SEVERITY_MEDIUM;
  finding->fate = group->fate;
  finding->service = group->service;
  finding->frames = group->frames;
  finding->attempts = group->attempts;
  copy_timeline(&finding->timeline, group->series);
  finding->drops = group->drops;
  finding->bytes = group->bytes;
  memcpy(finding->by_match, group->by_match, sizeof finding->by_match);
  finding->by_match[DC_MATCH_NONE] = 0;
  finding->seen = frames_seen_of(self, &group->service);
  finding->first_ns = group->first_ns;
  finding->last_ns = group->last_ns;
  memcpy(finding->examples, group->examples, sizeof finding->examples);
  finding->example_count = group->example_count;
  finding->evidence = g_ptr_array_new();
  finding->rivals = g_ptr_array_new_with_free_func(g_free);
  finding->confirm = g_ptr_array_new();
  finding->fix = g_ptr_array_new();
  finding->notes = g_ptr_array_new_with_free_func(g_free);
  finding->reasons = g_ptr_array_new_with_free_func(g_free);
  finding->sites = g_ptr_array_new_with_free_func(g_free);
  finding->counted = group->counted;
  finding->counted_what = group->counted > 0 ? group->counted_what : NULL;
  finding->since_boot = group->since_boot;
  if (finding->counted > 0)
    weigh_counted(finding, group);
  g_autofree char *service = finding->counted > 0 ? counted_place(&group->service) : dc_service_text(&group->service);
  finding->title = g_strdup_printf("%s: %s", info != NULL ? info->title : fallback_title(group), service);
  fill_clients(finding, group);
  fill_tally(finding->reasons, group->reasons);
  fill_tally(finding->sites, group->sites);
  dc_evidence_collect(finding, self, group, lookup_value, &lookup);
  if (self->state != NULL)
    add_notes(finding, self, group);
  add_rhythm(finding, group);
  add_rivals(finding, group);
  if (info != NULL) {
    fill_actions(finding->confirm, info->confirm, &lookup);
    fill_actions(finding->fix, info->fix, &lookup);
  }
  return finding;
}

/* --- the report -------------------------------------------------------------------------------- */

static gint by_importance(gconstpointer a, gconstpointer b)
{
  const DcFinding *x = *(const DcFinding *const *)a, *y = *(const DcFinding *const *)b;
  if (x->severity != y->severity)
    return x->severity > y->severity ? -1 : 1;
  if (x->frames != y->frames)
    return x->frames > y->frames ? -1 : 1;
  if (x->counted != y->counted)
    return x->counted > y->counted ? -1 : 1;
  return x->number < y->number ? -1 : 1;
}

static gint by_drops(gconstpointer a, gconstpointer b)
{
  const DcDropGroup *x = *(const DcDropGroup *const *)a, *y = *(const DcDropGroup *const *)b;
  if (x->drops != y->drops)
    return x->drops > y->drops ? -1 : 1;
  return x->example < y->example ? -1 : 1;
}

static void copy_drop_groups(const DcDiagnosis *self, DcReport *report)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, self->drop_tallies);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const DcDropTally *tally = value;
    DcDropGroup *group = g_new0(DcDropGroup, 1);
    group->status = tally->status;
    group->why = tally->why;
    group->location = g_strdup(tally->location != NULL ? tally->location : "(unknown site)");
    group->reason = g_strdup(tally->reason);
    group->cause = tally->cause;
    group->drops = tally->drops;
    group->first_ns = tally->first_ns;
    group->last_ns = tally->last_ns;
    group->example = tally->example;
    group->packet = g_strdup(tally->packet);
    g_ptr_array_add(report->drop_groups, group);
  }
  g_ptr_array_sort(report->drop_groups, by_drops);
}

static const char *fate_verb(DcFate fate)
{
  switch (fate) {
  case DC_FATE_DROPPED:
    return "dropped";
  case DC_FATE_UNHANDLED:
    return "unhandled";
  case DC_FATE_REFUSED:
    return "refused";
  case DC_FATE_SILENT:
  case DC_FATE_UNEXPLAINED:
    return "unanswered";
  case DC_FATE_UNREMARKABLE:
  case DC_FATE_OUTBOUND:
  case DC_FATE_ANSWERED:
  case DC_FATE_CONSUMED:
  case DC_FATE_COUNT:
    break;
  }
  return "concerned";
}

/* The one line on top: what was lost, of which service, why, how sure. */
static char *verdict_line(const DcDiagnosis *self, const DcReport *report)
{
  const DcFinding *first = report->findings->len > 0 ? g_ptr_array_index(report->findings, 0) : NULL;
  if (first == NULL && report->summary.frames_seen == 0 && report->summary.drops_seen == 0)
    return g_strdup("Nothing was seen: no frame, no drop.");
  if (first == NULL)
    return g_strdup_printf("No loss: none of %" G_GUINT64_FORMAT " inbound frames was dropped or left unanswered.",
                           self->inbound);
  const DcCauseInfo *info = dc_catalogue(first->cause);
  g_autofree char *service = first->counted > 0 ? counted_place(&first->service) : dc_service_text(&first->service);
  const bool harmless = first->severity == DC_SEVERITY_INFO;
  if (g_str_has_prefix(service, "this "))
    service[0] = g_ascii_toupper(service[0]);
  g_autoptr(GString) line = g_string_new(harmless ? "No service lost a frame. " : NULL);
  if (first->frames > 0)
    g_string_append_printf(line, "%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " frames %s", service, first->frames,
                           MAX(first->seen, first->frames), fate_verb(first->fate));
  else if (first->attempts > 0)
    g_string_append_printf(line, "%s: %" G_GUINT64_FORMAT " handshakes failed", service, first->attempts);
  else if (first->counted > 0)
    g_string_append_printf(line, "%s: %" G_GUINT64_FORMAT " %s, counted by the kernel%s", service, first->counted,
                           first->counted_what, first->since_boot ? " since boot" : " alone");
  else
    g_string_append(line, service);
  if (info != NULL)
    g_string_append_printf(line, ". Cause: %s (%s%s)", info->title, dc_confidence_name(first->confidence),
                           harmless ? ", harmless" : "");
  else if (first->fate == DC_FATE_ANSWERED)
    g_string_append(line, ": the answer or its ACK is lost elsewhere");
  else
    g_string_append(line, ", and nothing says why");
  guint grave = 0;
  for (guint i = 1; i < report->findings->len; i++)
    grave += ((const DcFinding *)g_ptr_array_index(report->findings, i))->severity > DC_SEVERITY_INFO;
  if (grave > 0)
    g_string_append_printf(line, "; %u more finding%s", grave, grave == 1 ? "" : "s");
  g_string_append_c(line, '.');
  return g_strdup(line->str);
}

static void fill_completeness(DcReport *report)
{
  DcSummary *summary = &report->summary;
  g_autoptr(GString) why = g_string_new(NULL);
  for (int kind = 0; kind < DC_LOSS_COUNT; kind++) {
    if (summary->lost[kind] > 0)
      g_string_append_printf(why, "%s%s %" G_GUINT64_FORMAT,
                             why->len > 0 ? ", " : "lost: ", dc_loss_name((DcLossKind)kind), summary->lost[kind]);
  }
  summary->complete = why->len == 0;
  summary->incomplete_why = why->len > 0 ? g_strdup(why->str) : NULL;
}

DcReport *dc_report_model_build(DcDiagnosis *self)
{
  DcReport *report = g_new0(DcReport, 1);
  report->summary = self->summary;
  report->summary.incomplete_why = NULL;
  report->summary.decided_early = dc_silence_decided_early(self->silence);
  report->summary.losses = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < self->summary.losses->len; i++)
    g_ptr_array_add(report->summary.losses, g_strdup(g_ptr_array_index(self->summary.losses, i)));
  report->findings = g_ptr_array_new();
  report->drop_groups = g_ptr_array_new();
  report->limits = g_ptr_array_new_with_free_func(g_free);
  report->sources = g_ptr_array_new_with_free_func(g_free);
  dc_counter_findings_update(self);
  for (size_t i = 0; i < dc_groups_count(self->groups); i++) {
    const DcGroup *group = dc_groups_at(self->groups, i);
    if (group->frames + group->attempts + group->counted > 0)
      g_ptr_array_add(report->findings, dc_report_model_finding(self, group));
  }
  g_ptr_array_sort(report->findings, by_importance);
  dc_activity_build(self, report);
  dc_examples_pick(&self->examples, &report->unanswered, &report->answered);
  copy_drop_groups(self, report);
  report->checks = dc_checklist_build(self->state, report->findings, self->interface, self->options.have_drops);
  dc_limits_collect(self, report->limits);
  const char *release = self->state != NULL ? dc_state_kernel_release(self->state) : NULL;
  report->kernel = g_strdup(release);
  fill_completeness(report);
  report->verdict = verdict_line(self, report);
  return report;
}
