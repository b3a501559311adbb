/* "iptables-save [-c]", as in iptables-save(8):
 *
 *   *filter
 *   :INPUT DROP [12:720]
 *   [3:180] -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 8089 -j DROP
 */
#include "ruleset_private.h"

#include <string.h>

#define WORDS_MAX 96

static bool is(const char *word, const char *text)
{
  return strcmp(word, text) == 0;
}

static bool on_the_way_in(const char *chain)
{
  return !is(chain, "OUTPUT") && !is(chain, "POSTROUTING");
}

static bool is_built_in(const char *chain)
{
  return is(chain, "INPUT") || is(chain, "FORWARD") || is(chain, "PREROUTING");
}

static DcConditionKind kind_of(const char *option)
{
  static const struct {
    const char *option;
    DcConditionKind kind;
  } options[] = {
      {"-s", DC_CONDITION_SADDR},      {"-d", DC_CONDITION_DADDR},       {"-p", DC_CONDITION_PROTOCOL},
      {"-i", DC_CONDITION_DEVICE},     {"--dport", DC_CONDITION_DPORT},  {"--dports", DC_CONDITION_DPORT},
      {"--sport", DC_CONDITION_SPORT}, {"--sports", DC_CONDITION_SPORT},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
    if (is(options[i].option, option))
      return options[i].kind;
  return DC_CONDITION_OTHER;
}

static void place_text(const DcRulesetBuilder *builder, char place[static 128])
{
  g_snprintf(place, 128, "%s %s", builder->ip6tables ? "ip6tables" : "iptables", builder->table);
}

static void rule_line(DcRulesetBuilder *builder, const char *line, char **words, size_t count)
{
  bool negated = false;
  dc_ruleset_begin(builder);
  for (size_t at = 2; at < count; at++) {
    const char *value = at + 1 < count ? words[at + 1] : "";
    if (is(words[at], "-j") || is(words[at], "-g")) {
      char place[128];
      place_text(builder, place);
      if (is(value, "DROP") || is(value, "REJECT"))
        dc_ruleset_end(builder, builder->ip6tables ? 6 : 4, is_built_in(words[1]), place, line);
      return;
    }
    if (is(words[at], "!")) {
      negated = true;
    } else if (is(words[at], "-m") || is(words[at], "--comment")) {
      at++;
    } else if (words[at][0] == '-') {
      /* "22,80,1000:1010" of multiport and "-s" lists alike: any of them */
      g_auto(GStrv) values = g_strsplit(value, ",", 64);
      dc_ruleset_condition(builder, kind_of(words[at]), negated);
      for (size_t i = 0; values[i] != NULL; i++)
        dc_ruleset_value(builder, values[i]);
      negated = false;
      at++;
    }
  }
}

void dc_ruleset_iptables_line(DcRulesetBuilder *builder, char *line)
{
  g_strstrip(line);
  if (line[0] == '*') {
    g_strlcpy(builder->table, line + 1, sizeof builder->table);
    return;
  }
  if (line[0] == '[') { /* counters of -c */
    line += strcspn(line, "]");
    line += *line == ']';
    line += strspn(line, " ");
  }
  char copy[1024];
  g_strlcpy(copy, line, sizeof copy);
  char *words[WORDS_MAX];
  const size_t count = dc_rule_words(copy, words, G_N_ELEMENTS(words));
  if (count >= 2 && words[0][0] == ':') {
    if (!is(words[1], "DROP") || !on_the_way_in(words[0] + 1))
      return;
    char place[128];
    place_text(builder, place);
    g_strlcat(place, " ", sizeof place);
    g_strlcat(place, words[0] + 1, sizeof place);
    dc_ruleset_begin(builder);
    dc_ruleset_condition(builder, DC_CONDITION_OTHER, false); /* what was accepted before is not followed */
    dc_ruleset_end(builder, builder->ip6tables ? 6 : 4, true, place, "policy DROP");
  } else if (count >= 3 && is(words[0], "-A") && on_the_way_in(words[1])) {
    rule_line(builder, line, words, count);
  }
}
