/* "iptables-save [-c]", as in iptables-save(8):
 *
 *   *filter
 *   :INPUT DROP [12:720]
 *   :web - [0:0]
 *   [3:180] -A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 80,443 -j web
 */
#include "ruleset_private.h"

#include <string.h>

#define WORDS_MAX 128

typedef struct {
  DcRuleset *ruleset;
  bool ip6tables;
  char table[32];
  const char *last; /* counter of the rule before, and how often that rule stood there: as dc_state_parse_iptables() */
  unsigned repeated;
} Reader;

static bool is(const char *word, const char *text)
{
  return strcmp(word, text) == 0;
}

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (is(word, list[i]))
      return true;
  return false;
}

static const char *program(const Reader *reader)
{
  return reader->ip6tables ? "ip6tables" : "iptables";
}

static guint chain_of(const Reader *reader, const char *name)
{
  g_autofree char *place = g_strdup_printf("%s/%s/%s", program(reader), reader->table, name);
  return dc_ruleset_chain(reader->ruleset, place);
}

/* --- chains ----------------------------------------------------------------------------- */

/* NF_IP_PRI_*, linux/netfilter_ipv4.h */
static int priority_of(const char *table)
{
  static const struct {
    const char *table;
    int priority;
  } tables[] = {{"raw", -300}, {"mangle", -150}, {"nat", -100}, {"filter", 0}, {"security", 50}};
  for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
    if (is(tables[i].table, table))
      return tables[i].priority;
  return 0;
}

static DcHook hook_of(const char *chain)
{
  return is(chain, "PREROUTING") ? DC_HOOK_PREROUTING
         : is(chain, "INPUT")    ? DC_HOOK_INPUT
         : is(chain, "FORWARD")  ? DC_HOOK_FORWARD
                                 : DC_HOOK_NONE;
}

static void chain_line(Reader *reader, const char *name, const char *policy)
{
  const guint id = chain_of(reader, name);
  DcRuleChain *chain = &g_array_index(reader->ruleset->chains, DcRuleChain, id);
  chain->hook = hook_of(name);
  chain->nft = reader->ip6tables ? reader->ruleset->ip6tables_nft : reader->ruleset->iptables_nft;
  chain->version = reader->ip6tables ? 6 : 4;
  chain->priority = priority_of(reader->table);
  if (chain->hook == DC_HOOK_NONE || !is(policy, "DROP"))
    return;
  g_autofree char *text = g_strdup_printf("%s %s %s: policy DROP", program(reader), reader->table, name);
  g_autofree char *counter = g_strdup_printf("%s.%s.%s.policy", program(reader), reader->table, name);
  dc_ruleset_policy(reader->ruleset, id, text, counter);
}

/* --- rules -------------------------------------------------------------------------------- */

static const struct {
  const char *option;
  DcRuleField field;
} options[] = {
    {"-s", DC_RULE_FIELD_SADDR},
    {"-d", DC_RULE_FIELD_DADDR},
    {"-p", DC_RULE_FIELD_PROTOCOL},
    {"-i", DC_RULE_FIELD_DEVICE},
    {"--dport", DC_RULE_FIELD_DPORT},
    {"--dports", DC_RULE_FIELD_DPORT},
    {"--sport", DC_RULE_FIELD_SPORT},
    {"--sports", DC_RULE_FIELD_SPORT},
    {"--ctstate", DC_RULE_FIELD_CT_STATE},
    {"--state", DC_RULE_FIELD_CT_STATE},
    {"--icmp-type", DC_RULE_FIELD_ICMP_TYPE},
    {"--icmpv6-type", DC_RULE_FIELD_ICMP_TYPE},
    {"--mac-source", DC_RULE_FIELD_SMAC},
    {"--src-range", DC_RULE_FIELD_SADDR},
    {"--dst-range", DC_RULE_FIELD_DADDR},
};

static uint8_t flags_of(const char *text)
{
  static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
  uint8_t flags = 0;
  g_auto(GStrv) words = g_strsplit(text, ",", -1);
  for (char **word = words; *word != NULL; word++)
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
      if (is(*word, names[i]) || is(*word, "ALL"))
        flags |= (uint8_t)(1u << i);
  return flags;
}

typedef struct {
  char **words;
  size_t count, at;
  bool negated; /* "!" stood before */
} Words;

static const char *next_word(Words *words)
{
  return words->at < words->count ? words->words[words->at++] : "";
}

/* A match that has nothing to be asked but its options, and one that is understood. */
static bool is_plain_match(const char *name)
{
  static const char *const names[] = {"tcp",       "udp",   "udplite", "sctp",  "dccp", "multiport", "comment",
                                      "conntrack", "state", "icmp",    "icmp6", "mac",  "iprange"};
  return is_one_of(name, names, G_N_ELEMENTS(names));
}

static void take_option(Reader *reader, Words *words, const char *option)
{
  DcRuleset *ruleset = reader->ruleset;
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
    if (!is(options[i].option, option))
      continue;
    g_autofree char *values = g_strdup(next_word(words));
    dc_ruleset_condition_one(ruleset, options[i].field, words->negated, option);
    dc_ruleset_values(ruleset, values); /* "22,80,1000:1010" of multiport and "-s" lists alike: any of them */
    return;
  }
  if (is(option, "-m")) {
    const char *name = next_word(words);
    if (!is_plain_match(name))
      dc_ruleset_condition_one(ruleset, DC_RULE_FIELD_OTHER, false, name);
  } else if (is(option, "--comment")) {
    next_word(words);
  } else if (is(option, "--syn") || is(option, "--tcp-flags")) {
    dc_ruleset_condition_one(ruleset, DC_RULE_FIELD_TCP_FLAGS, words->negated, option);
    const uint8_t mask = flags_of(is(option, "--syn") ? "SYN,RST,ACK,FIN" : next_word(words));
    dc_ruleset_flags(ruleset, mask, flags_of(is(option, "--syn") ? "SYN" : next_word(words)), false);
  } else {
    dc_ruleset_condition_one(ruleset, DC_RULE_FIELD_OTHER, false, option);
    while (words->at < words->count && words->words[words->at][0] != '-' && !is(words->words[words->at], "!"))
      words->at++;
  }
}

static void give_rule(Reader *reader, const char *chain, const char *target, bool goes, DcRule *rule)
{
  static const char *const translations[] = {"DNAT", "REDIRECT", "NETMAP", "TPROXY"};
  static const char *const passing[] = {"ACCEPT", "QUEUE", "NFQUEUE", "SNAT", "MASQUERADE"};
  if (is(target, "DROP") || is(target, "REJECT")) {
    rule->verdict = DC_VERDICT_DROP;
  } else if (is(target, "RETURN")) {
    rule->verdict = DC_VERDICT_RETURN;
  } else if (is_one_of(target, translations, G_N_ELEMENTS(translations))) {
    rule->verdict = DC_VERDICT_TRANSLATE;
  } else if (is_one_of(target, passing, G_N_ELEMENTS(passing))) {
    rule->verdict = DC_VERDICT_ACCEPT;
  } else { /* LOG and the like have no rules, and so say nothing */
    reader->ruleset->notrack = reader->ruleset->notrack || is(target, "NOTRACK") || is(target, "CT");
    rule->verdict = goes ? DC_VERDICT_GOTO : DC_VERDICT_JUMP;
    rule->target = chain_of(reader, target);
  }
  dc_ruleset_rule(reader->ruleset, chain_of(reader, chain), rule, false);
}

/* The name dc_state_parse_iptables() gives: of one rule twice, the second is "... (2)". */
static const char *counter_name(Reader *reader, const char *chain, const char *rest)
{
  char name[DC_STATE_NAME_MAX];
  const int n = g_snprintf(name, sizeof name, "%s.%s.%.64s.%.200s", program(reader), reader->table, chain, rest);
  if (n < 0 || (size_t)n >= sizeof name)
    return NULL;
  const char *kept = dc_ruleset_keep(reader->ruleset, name);
  if (reader->last != NULL && is(reader->last, kept)) {
    g_autofree char *again = g_strdup_printf("%s (%u)", kept, ++reader->repeated);
    return dc_ruleset_keep(reader->ruleset, again);
  }
  reader->last = kept;
  reader->repeated = 1;
  return kept;
}

static void rule_line(Reader *reader, const char *line, char **list, size_t count)
{
  g_autofree char *text = g_strdup_printf("%s %s: %.*s", program(reader), reader->table, DC_RULE_TEXT_MAX - 60, line);
  const char *rest = line + strlen("-A ");
  rest += strcspn(rest, " ");
  rest += strspn(rest, " ");
  DcRule rule = {.text = dc_ruleset_keep(reader->ruleset, text),
                 .counter = counter_name(reader, list[1], rest),
                 .counts_verdict = true};
  Words words = {.words = list, .count = count, .at = 2};
  dc_ruleset_done(reader->ruleset);
  while (words.at < words.count) {
    const char *word = next_word(&words);
    if (is(word, "-j") || is(word, "-g")) {
      give_rule(reader, list[1], next_word(&words), is(word, "-g"), &rule);
      break;
    }
    if (is(word, "!")) {
      words.negated = true;
      continue;
    }
    if (word[0] == '-')
      take_option(reader, &words, word);
    words.negated = false;
  }
  dc_ruleset_done(reader->ruleset);
}

static void read_line(Reader *reader, char *line)
{
  g_strstrip(line);
  if (line[0] == '*') {
    g_strlcpy(reader->table, line + 1, sizeof reader->table);
    return;
  }
  if (line[0] == '[') { /* counters of -c */
    line += strcspn(line, "]");
    line += *line == ']';
    line += strspn(line, " ");
  }
  if (line[0] != ':' && !g_str_has_prefix(line, "-A "))
    return;
  g_autofree char *copy = g_strdup(line);
  char *words[WORDS_MAX];
  const size_t count = dc_rule_words(copy, words, G_N_ELEMENTS(words));
  if (line[0] == ':' && count >= 2)
    chain_line(reader, words[0] + 1, words[1]);
  else if (count >= 3)
    rule_line(reader, line, words, count);
}

void dc_ruleset_read_iptables(DcRuleset *ruleset, char *text, bool ip6tables)
{
  Reader reader = {.ruleset = ruleset, .ip6tables = ip6tables};
  while (text != NULL) {
    char *end = strchr(text, '\n');
    if (end != NULL)
      *end = '\0';
    read_line(&reader, text);
    text = end != NULL ? end + 1 : NULL;
  }
}
