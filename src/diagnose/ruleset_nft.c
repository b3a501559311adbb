/* "nft list ruleset", as in nft(8):
 *
 *   table inet filter {
 *           chain input {
 *                   type filter hook input priority filter; policy drop;
 *                   tcp dport { 22, 80-90 } ip saddr != 10.0.0.0/8 counter packets 3 bytes 180 drop # handle 4
 */
#include "ruleset_private.h"

#include <string.h>

#define WORDS_MAX 96

typedef struct {
  char **words;
  size_t count, at;
} Words;

static bool is(const char *word, const char *text)
{
  return strcmp(word, text) == 0;
}

static const char *word_at(const Words *words, size_t ahead)
{
  return words->at + ahead < words->count ? words->words[words->at + ahead] : "";
}

/* One value, or all of "{ a, b, c }", perhaps after "!=". */
static void take_values(DcRulesetBuilder *builder, Words *words, DcConditionKind kind)
{
  const bool negated = is(word_at(words, 0), "!=");
  if (negated || is(word_at(words, 0), "=="))
    words->at++;
  dc_ruleset_condition(builder, kind, negated);
  if (!is(word_at(words, 0), "{")) {
    if (words->at < words->count)
      dc_ruleset_value(builder, word_at(words, 0));
    words->at++;
    return;
  }
  for (words->at++; words->at < words->count && !is(word_at(words, 0), "}"); words->at++) {
    char *value = words->words[words->at];
    const size_t len = strlen(value);
    if (len > 0 && value[len - 1] == ',')
      value[len - 1] = '\0';
    if (*value != '\0')
      dc_ruleset_value(builder, value);
  }
  words->at++;
}

static void add_one(DcRulesetBuilder *builder, DcConditionKind kind, const char *value)
{
  dc_ruleset_condition(builder, kind, false);
  dc_ruleset_value(builder, value);
}

static bool is_log_option(const char *word)
{
  static const char *const options[] = {"prefix", "level", "group", "snaplen", "queue-threshold", "flags"};
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
    if (is(word, options[i]))
      return true;
  return false;
}

/* The condition or statement that starts here; advances beyond it. */
static void take_condition(DcRulesetBuilder *builder, Words *words)
{
  const char *first = word_at(words, 0), *second = word_at(words, 1);
  const bool transport = is(first, "tcp") || is(first, "udp") || is(first, "sctp");
  const bool ip = is(first, "ip") || is(first, "ip6");

  if ((transport || is(first, "th")) && (is(second, "dport") || is(second, "sport"))) {
    words->at += 2;
    if (transport)
      add_one(builder, DC_CONDITION_PROTOCOL, first);
    take_values(builder, words, is(second, "dport") ? DC_CONDITION_DPORT : DC_CONDITION_SPORT);
  } else if (ip && (is(second, "saddr") || is(second, "daddr"))) {
    words->at += 2;
    add_one(builder, DC_CONDITION_VERSION, is(first, "ip6") ? "6" : "4");
    take_values(builder, words, is(second, "saddr") ? DC_CONDITION_SADDR : DC_CONDITION_DADDR);
  } else if ((is(first, "ip") && is(second, "protocol")) || (is(first, "ip6") && is(second, "nexthdr"))) {
    words->at += 2;
    add_one(builder, DC_CONDITION_VERSION, is(first, "ip6") ? "6" : "4");
    take_values(builder, words, DC_CONDITION_PROTOCOL);
  } else if (is(first, "meta") && is(second, "l4proto")) {
    words->at += 2;
    take_values(builder, words, DC_CONDITION_PROTOCOL);
  } else if (is(first, "iif") || is(first, "iifname") || (is(first, "meta") && is(second, "iifname"))) {
    words->at += is(first, "meta") ? 2 : 1;
    take_values(builder, words, DC_CONDITION_DEVICE);
  } else if (is(first, "counter")) { /* "counter packets N bytes N" */
    words->at++;
    while (is(word_at(words, 0), "packets") || is(word_at(words, 0), "bytes"))
      words->at += 2;
  } else if (is(first, "comment")) {
    words->at += 2;
  } else if (is(first, "log")) { /* a statement: says nothing of what fits */
    words->at++;
    while (is_log_option(word_at(words, 0)))
      words->at += 2;
  } else {
    words->at++;
    add_one(builder, DC_CONDITION_OTHER, first);
  }
}

static void place_text(const DcRulesetBuilder *builder, char place[static 128])
{
  g_snprintf(place, 128, "%s %s %s", builder->family, builder->table, builder->chain);
}

static uint8_t family_version(const DcRulesetBuilder *builder)
{
  return is(builder->family, "ip") ? 4 : is(builder->family, "ip6") ? 6 : 0;
}

static void rule_line(DcRulesetBuilder *builder, const char *line)
{
  char copy[1024];
  g_strlcpy(copy, line, sizeof copy);
  char *list[WORDS_MAX];
  Words words = {.words = list, .count = dc_rule_words(copy, list, G_N_ELEMENTS(list))};
  dc_ruleset_begin(builder);
  while (words.at < words.count) {
    if (is(word_at(&words, 0), "drop") || is(word_at(&words, 0), "reject")) {
      char place[128];
      place_text(builder, place);
      dc_ruleset_end(builder, family_version(builder), builder->base_chain, place, line);
      return;
    }
    take_condition(builder, &words);
  }
}

static void chain_line(DcRulesetBuilder *builder, const char *line)
{
  if (!g_str_has_prefix(line, "type ") || strstr(line, " hook ") == NULL) {
    if (builder->chain_counts)
      rule_line(builder, line);
    return;
  }
  builder->base_chain = true;
  if (strstr(line, " hook output ") != NULL || strstr(line, " hook postrouting ") != NULL ||
      strstr(line, " hook egress ") != NULL)
    builder->chain_counts = false;
  if (builder->chain_counts && strstr(line, "policy drop") != NULL) {
    char place[128];
    place_text(builder, place);
    dc_ruleset_begin(builder);
    add_one(builder, DC_CONDITION_OTHER, "policy"); /* what was accepted before is not followed */
    dc_ruleset_end(builder, family_version(builder), true, place, "policy drop");
  }
}

void dc_ruleset_nft_line(DcRulesetBuilder *builder, char *line)
{
  char *handle = strstr(line, " # handle ");
  if (handle != NULL)
    *handle = '\0';
  g_strstrip(line);
  if (*line == '\0')
    return;
  char copy[256];
  g_strlcpy(copy, line, sizeof copy);
  char *words[4];
  const size_t count = dc_rule_words(copy, words, G_N_ELEMENTS(words));
  const bool opens = line[strlen(line) - 1] == '{';
  const bool closes = count > 0 && is(words[0], "}");

  switch (builder->block) {
  case DC_BLOCK_NONE:
    if (count >= 3 && is(words[0], "table") && opens) {
      g_strlcpy(builder->family, words[1], sizeof builder->family);
      g_strlcpy(builder->table, words[2], sizeof builder->table);
      builder->block = DC_BLOCK_TABLE;
    }
    break;
  case DC_BLOCK_TABLE:
    if (closes) {
      builder->block = DC_BLOCK_NONE;
    } else if (count >= 2 && is(words[0], "chain") && opens) {
      g_strlcpy(builder->chain, words[1], sizeof builder->chain);
      builder->block = DC_BLOCK_CHAIN;
      builder->chain_counts = !is(builder->family, "arp");
      builder->base_chain = false;
    } else if (opens) { /* sets, maps, flowtables: what they hold is no rule */
      builder->block = DC_BLOCK_OTHER;
    }
    break;
  case DC_BLOCK_CHAIN:
    if (closes)
      builder->block = DC_BLOCK_TABLE;
    else
      chain_line(builder, line);
    break;
  case DC_BLOCK_OTHER:
    if (closes)
      builder->block = DC_BLOCK_TABLE;
    break;
  }
}
