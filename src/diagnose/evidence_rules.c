/* Which firewall rules may have dropped a finding's packets: narrowed by what their counters did in that time. */
#include "diagnosis_state.h"

#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

static bool concerns_rules(const DcGroup *group)
{
  return group->cause == DC_CAUSE_NETFILTER_DROP && group->frames > 0;
}

static void search(const DcDiagnosis *self, const DcGroup *group, DcRulesetAnswer *answer)
{
  const bool own_bytes = group->dropped_as.has != 0;
  const DcRulesetQuery query = {.state = self->state,
                                .brief = own_bytes ? &group->dropped_as : &group->example,
                                .device = group->device[0] != '\0' ? group->device : self->interface,
                                .dropped = group->fate == DC_FATE_DROPPED,
                                .own_bytes = own_bytes,
                                .from_ns = group->first_ns,
                                .to_ns = group->last_ns};
  dc_ruleset_search(&query, answer);
}

static const char *source_of(const char *rule)
{
  return g_str_has_prefix(rule, "iptables ")    ? "iptables-save"
         : g_str_has_prefix(rule, "ip6tables ") ? "ip6tables-save"
                                                : "nft";
}

static char *rule_line(const DcRulesetAnswer *answer, const DcRulesetRule *rule)
{
  g_autoptr(GString) line = g_string_new(NULL);
  if (answer->left > 1)
    g_string_append_printf(line, "one of %u rules: ", answer->left);
  else if (answer->fit != DC_RULESET_FITS)
    g_string_append(line, "perhaps ");
  g_string_append(line, rule->text);
  if (rule->open[0] != '\0')
    g_string_append_printf(line, " (cannot tell: %s)", rule->open);
  if (rule->counted > 0)
    g_string_append_printf(line, "; its counter +%" G_GUINT64_FORMAT, rule->counted);
  return g_strdup(line->str);
}

/* The rulings have said all there is to say. */
static bool is_said(const DcGroup *group, const DcRulesetAnswer *answer)
{
  if (answer->left != 1 || answer->listed[0].counted > 0 || answer->listed[0].open[0] != '\0')
    return false;
  for (int i = 0; i < DC_GROUP_TALLY && group->why[i].text != NULL; i++)
    if (strstr(group->why[i].text, answer->listed[0].text) != NULL)
      return true;
  return false;
}

void dc_evidence_rules(DcFinding *finding, const DcDiagnosis *self, const DcGroup *group)
{
  if (!concerns_rules(group))
    return;
  DcRulesetAnswer answer;
  search(self, group, &answer);
  const uint32_t listed = is_said(group, &answer) ? 0 : MIN(answer.left, (uint32_t)DC_RULESET_LISTED);
  for (uint32_t i = 0; i < listed; i++)
    dc_evidence_add(finding, DC_TIME_NONE, source_of(answer.listed[i].text), rule_line(&answer, &answer.listed[i]));
  if (answer.left > DC_RULESET_LISTED)
    dc_evidence_add(finding, DC_TIME_NONE, source_of(answer.listed[0].text),
                    g_strdup_printf("%u more rules may have dropped it", answer.left - listed));
  if (answer.stood_still > 0)
    dc_evidence_add(finding, DC_TIME_NONE, "counter",
                    g_strdup_printf("%u other rule%s would fit, but %s stood still", answer.stood_still,
                                    answer.stood_still == 1 ? "" : "s",
                                    answer.stood_still == 1 ? "its counter" : "their counters"));
  /* A contradiction, which the reader must know of. */
  if (answer.fit == DC_RULESET_NONE)
    dc_evidence_add(finding, DC_TIME_NONE, "ruleset",
                    g_strdup("no rule or policy of the listing drops such a packet: it was changed since, is another "
                             "network namespace's, or something else dropped it"));
}

/* "inet f in handle 4: tcp dport 8089 drop": word number at of what stands before the colon. */
static const char *place_word(const char *rule, size_t at, char *text)
{
  const char *colon = strstr(rule, ": ");
  if (colon == NULL || strcmp(source_of(rule), "nft") != 0)
    return NULL;
  g_autofree char *place = g_strndup(rule, (gsize)(colon - rule));
  g_auto(GStrv) words = g_strsplit(place, " ", -1);
  if (g_strv_length(words) <= at)
    return NULL;
  g_strlcpy(text, words[at], DC_RULE_TEXT_MAX);
  return text;
}

const char *dc_evidence_rule(const DcDiagnosis *self, const DcGroup *group, const char *key, char *text)
{
  static const struct {
    const char *key;
    size_t word;
  } words[] = {{"nft-family", 0}, {"nft-table", 1}, {"nft-chain", 2}, {"nft-handle", 4}};
  if (!concerns_rules(group))
    return NULL;
  DcRulesetAnswer answer;
  search(self, group, &answer);
  if (answer.left != 1 || answer.fit != DC_RULESET_FITS)
    return NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    if (strcmp(words[i].key, key) == 0)
      return place_word(answer.listed[0].text, words[i].word, text);
  g_strlcpy(text, answer.listed[0].text, DC_RULE_TEXT_MAX);
  return text;
}
