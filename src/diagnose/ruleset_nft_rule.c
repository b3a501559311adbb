/* One rule of nftables as it is printed: conditions, statements and a verdict, or a verdict map. */
#include "ruleset_nft.h"

#include <string.h>

#define WORDS_MAX 256

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

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (is(word, list[i]))
      return true;
  return false;
}

/* --- conditions --------------------------------------------------------------------------- */

/* "tcp dport", "ip saddr", "meta l4proto": what is looked at, and what else must be so for it to be looked at. */
typedef struct {
  const char *first, *second; /* second empty: one word */
  DcRuleField field;
  const char *protocol; /* NULL: none */
  const char *version;
} Selector;

static const Selector selectors[] = {
    {"tcp", "dport", DC_RULE_FIELD_DPORT, "tcp", NULL},
    {"tcp", "sport", DC_RULE_FIELD_SPORT, "tcp", NULL},
    {"tcp", "flags", DC_RULE_FIELD_TCP_FLAGS, "tcp", NULL},
    {"udp", "dport", DC_RULE_FIELD_DPORT, "udp", NULL},
    {"udp", "sport", DC_RULE_FIELD_SPORT, "udp", NULL},
    {"sctp", "dport", DC_RULE_FIELD_DPORT, "sctp", NULL},
    {"sctp", "sport", DC_RULE_FIELD_SPORT, "sctp", NULL},
    {"dccp", "dport", DC_RULE_FIELD_DPORT, "dccp", NULL},
    {"udplite", "dport", DC_RULE_FIELD_DPORT, "udplite", NULL},
    {"th", "dport", DC_RULE_FIELD_DPORT, NULL, NULL},
    {"th", "sport", DC_RULE_FIELD_SPORT, NULL, NULL},
    {"ip", "saddr", DC_RULE_FIELD_SADDR, NULL, "4"},
    {"ip", "daddr", DC_RULE_FIELD_DADDR, NULL, "4"},
    {"ip6", "saddr", DC_RULE_FIELD_SADDR, NULL, "6"},
    {"ip6", "daddr", DC_RULE_FIELD_DADDR, NULL, "6"},
    {"ip", "protocol", DC_RULE_FIELD_PROTOCOL, NULL, "4"},
    {"ip6", "nexthdr", DC_RULE_FIELD_PROTOCOL, NULL, "6"},
    {"meta", "l4proto", DC_RULE_FIELD_PROTOCOL, NULL, NULL},
    {"meta", "nfproto", DC_RULE_FIELD_VERSION, NULL, NULL},
    {"meta", "protocol", DC_RULE_FIELD_VERSION, NULL, NULL},
    {"ether", "type", DC_RULE_FIELD_VERSION, NULL, NULL},
    {"ether", "saddr", DC_RULE_FIELD_SMAC, NULL, NULL},
    {"meta", "iifname", DC_RULE_FIELD_DEVICE, NULL, NULL},
    {"meta", "iif", DC_RULE_FIELD_DEVICE, NULL, NULL},
    {"iifname", "", DC_RULE_FIELD_DEVICE, NULL, NULL},
    {"iif", "", DC_RULE_FIELD_DEVICE, NULL, NULL},
    {"icmp", "type", DC_RULE_FIELD_ICMP_TYPE, "icmp", "4"},
    {"icmpv6", "type", DC_RULE_FIELD_ICMP_TYPE, "ipv6-icmp", "6"},
    {"ct", "state", DC_RULE_FIELD_CT_STATE, NULL, NULL},
};

/* One word, or all of "{ a, b, c }", or a named set. */
static void take_operand(DcNftReader *reader, Words *words)
{
  char *operand = words->at < words->count ? words->words[words->at] : NULL;
  words->at++;
  if (operand == NULL)
    return;
  if (*operand == '{') {
    dc_ruleset_values(reader->ruleset, operand + 1);
  } else if (*operand == '@') {
    g_autofree char *key = g_strdup_printf("%s/%s/%s", reader->family, reader->table, operand + 1);
    dc_ruleset_named_set(reader->ruleset, g_hash_table_lookup(reader->ruleset->sets, key));
  } else if (words->at + 1 < words->count && is(word_at(words, 0), ".")) {
    g_autoptr(GString) parts = g_string_new(operand); /* "10.0.0.1 . 22" without braces */
    while (is(word_at(words, 0), ".")) {
      g_string_append_printf(parts, " . %s", word_at(words, 1));
      words->at += 2;
    }
    dc_ruleset_value(reader->ruleset, parts->str);
  } else {
    dc_ruleset_value(reader->ruleset, operand);
  }
}

/* "syn", "fin,syn", "syn | ack" or "(fin | syn | rst)"; false when there is something else in it. */
static bool take_flag_words(Words *words, uint8_t *ret_flags)
{
  static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"};
  *ret_flags = 0;
  bool good = true, more = true;
  while (more && words->at < words->count) {
    char *word = words->words[words->at++];
    more = strchr(word, ')') == NULL && is(word_at(words, 0), "|");
    if (more)
      words->at++;
    g_auto(GStrv) parts = g_strsplit_set(word, ",()", -1);
    for (char **part = parts; *part != NULL; part++) {
      size_t i = 0;
      while (i < G_N_ELEMENTS(names) && !is(names[i], *part))
        i++;
      if (i < G_N_ELEMENTS(names))
        *ret_flags |= (uint8_t)(1u << i);
      else
        good = good && (**part == '\0' || is(*part, "0x0"));
    }
  }
  return good;
}

/* "tcp flags syn", "! syn", "== syn", "& (fin | syn) == syn", "syn / fin,syn": tcp.c of nft prints all of these. */
static void take_flags(DcNftReader *reader, Words *words)
{
  uint8_t mask = 0xff, flags = 0;
  bool any = true, negated = false, good = true;
  if (is(word_at(words, 0), "&")) {
    words->at++;
    good = take_flag_words(words, &mask);
    any = false;
  }
  if (is(word_at(words, 0), "==") || is(word_at(words, 0), "!=")) {
    negated = is(word_at(words, 0), "!=");
    any = false;
    words->at++;
  } else if (is(word_at(words, 0), "!")) { /* none of them */
    negated = true;
    words->at++;
  }
  good = good && take_flag_words(words, &flags);
  if (is(word_at(words, 0), "/")) {
    words->at++;
    good = good && take_flag_words(words, &mask);
    any = false;
  }
  dc_ruleset_condition_one(reader->ruleset, good ? DC_RULE_FIELD_TCP_FLAGS : DC_RULE_FIELD_OTHER, negated, "tcp flags");
  dc_ruleset_flags(reader->ruleset, mask, flags, any);
}

/* Of headers and metadata that are known, what is not in the table is left open: "meta mark", "ip dscp". */
static bool selector_at(const Words *words, Selector *ret_selector)
{
  static const char *const headers[] = {"meta", "ct", "ip",   "ip6",   "tcp",  "udp",
                                        "sctp", "th", "vlan", "ether", "icmp", "icmpv6"};
  const char *first = word_at(words, 0), *second = word_at(words, 1);
  for (size_t i = 0; i < G_N_ELEMENTS(selectors); i++) {
    if (is(first, selectors[i].first) && (selectors[i].second[0] == '\0' || is(second, selectors[i].second))) {
      *ret_selector = selectors[i];
      return true;
    }
  }
  *ret_selector = (Selector){first, second, DC_RULE_FIELD_OTHER, NULL, NULL};
  return is_one_of(first, headers, G_N_ELEMENTS(headers)) && *second != '\0';
}

/* "ip saddr . tcp dport": its fields, and the conditions that go without saying. False: something else. */
static bool take_selectors(DcNftReader *reader, Words *words, DcRuleField fields[static DC_RULE_FIELDS],
                           uint32_t *ret_count, char name[static 32])
{
  *ret_count = 0;
  name[0] = '\0';
  for (;;) {
    Selector selector;
    if (!selector_at(words, &selector) || *ret_count == DC_RULE_FIELDS)
      return false;
    words->at += selector.second[0] != '\0' ? 2 : 1;
    fields[(*ret_count)++] = selector.field;
    g_strlcat(name, name[0] != '\0' ? " . " : "", 32);
    g_strlcat(name, selector.first, 32);
    g_strlcat(name, selector.second[0] != '\0' ? " " : "", 32);
    g_strlcat(name, selector.second, 32);
    if (selector.version != NULL) {
      dc_ruleset_condition_one(reader->ruleset, DC_RULE_FIELD_VERSION, false, selector.first);
      dc_ruleset_value(reader->ruleset, selector.version);
    }
    if (selector.protocol != NULL) {
      dc_ruleset_condition_one(reader->ruleset, DC_RULE_FIELD_PROTOCOL, false, selector.first);
      dc_ruleset_value(reader->ruleset, selector.protocol);
    }
    if (!is(word_at(words, 0), "."))
      return true;
    words->at++;
  }
}

static void take_open(DcNftReader *reader, const char *name)
{
  dc_ruleset_condition_one(reader->ruleset, DC_RULE_FIELD_OTHER, false, name);
}

/* --- verdicts -------------------------------------------------------------------------------- */

guint dc_nft_chain(const DcNftReader *reader, const char *name)
{
  g_autofree char *place = g_strdup_printf("nft/%s/%s/%s", reader->family, reader->table, name);
  return dc_ruleset_chain(reader->ruleset, place);
}

/* True when the words there are a verdict: what the rule comes to. */
static bool verdict_at(const DcNftReader *reader, const char *first, const char *second, DcRule *rule)
{
  static const char *const translations[] = {"dnat", "redirect", "tproxy"};
  static const char *const passing[] = {"accept", "queue", "snat", "masquerade", "synproxy", "continue"};
  if (is(first, "drop") || is(first, "reject"))
    rule->verdict = DC_VERDICT_DROP;
  else if (is(first, "continue"))
    rule->verdict = DC_VERDICT_NEXT;
  else if (is_one_of(first, translations, G_N_ELEMENTS(translations)))
    rule->verdict = DC_VERDICT_TRANSLATE;
  else if (is_one_of(first, passing, G_N_ELEMENTS(passing)))
    rule->verdict = DC_VERDICT_ACCEPT;
  else if (is(first, "return"))
    rule->verdict = DC_VERDICT_RETURN;
  else if (is(first, "jump") || is(first, "goto"))
    rule->verdict = is(first, "jump") ? DC_VERDICT_JUMP : DC_VERDICT_GOTO;
  else
    return false;
  if (rule->verdict == DC_VERDICT_JUMP || rule->verdict == DC_VERDICT_GOTO)
    rule->target = dc_nft_chain(reader, second);
  return true;
}

/* "22 : accept, 80 : jump web": a rule for each element. */
static void take_map(DcNftReader *reader, const char *list, bool changes, const DcRuleField *fields, uint32_t count,
                     const char *name, DcRule *rule, guint shared)
{
  g_auto(GStrv) elements = g_strsplit(list, ",", -1);
  for (char **element = elements; *element != NULL; element++) {
    /* The last one: IPv6 addresses have colons, but none between blanks. */
    char *colon = g_strrstr(*element, " : ");
    if (colon == NULL)
      continue;
    *colon = '\0';
    char *words[4];
    const size_t found = dc_rule_words(colon + 3, words, G_N_ELEMENTS(words));
    if (found == 0 || !verdict_at(reader, words[0], found > 1 ? words[1] : "", rule))
      continue;
    dc_ruleset_condition(reader->ruleset, fields, count, false, name);
    dc_ruleset_value(reader->ruleset, g_strstrip(*element));
    g_array_index(reader->ruleset->conditions, DcRuleCondition, reader->ruleset->conditions->len - 1).changes = changes;
    rule->count = shared;
    dc_ruleset_rule(reader->ruleset, reader->chain, rule, true);
  }
}

static void take_vmap(DcNftReader *reader, Words *words, const DcRuleField *fields, uint32_t count, const char *name,
                      DcRule *rule)
{
  const guint shared = reader->ruleset->conditions->len - reader->ruleset->begun;
  const char *operand = word_at(words, 0);
  words->at++;
  rule->counts_verdict = false; /* of which element it counts is not told */
  if (*operand == '{') {
    take_map(reader, operand + 1, false, fields, count, name, rule, shared);
    return;
  }
  g_autofree char *key = g_strdup_printf("%s/%s/%s", reader->family, reader->table, operand + (*operand == '@'));
  const DcRuleSet *set = g_hash_table_lookup(reader->ruleset->sets, key);
  if (set != NULL && set->elements != NULL)
    take_map(reader, set->elements, set->changes, fields, count, name, rule, shared);
}

/* --- statements --------------------------------------------------------------------------------- */

static void take_counter(DcNftReader *reader, Words *words, DcRule *rule)
{
  words->at++;
  if (is(word_at(words, 0), "name")) {
    g_autofree char *name = g_strdup_printf("nft.%s %s.counter.%s", reader->family, reader->table, word_at(words, 1));
    rule->counter = dc_ruleset_keep(reader->ruleset, name);
    rule->counts_verdict = false; /* other rules may count in it too */
    words->at += 2;
    return;
  }
  while (is(word_at(words, 0), "packets") || is(word_at(words, 0), "bytes"))
    words->at += 2;
  rule->counts_verdict = true; /* until another condition follows */
}

static bool take_statement(DcNftReader *reader, Words *words, DcRule *rule)
{
  static const char *const log_options[] = {"prefix", "level", "group", "snaplen", "queue-threshold", "flags"};
  const char *first = word_at(words, 0);
  if (is(first, "counter")) {
    take_counter(reader, words, rule);
  } else if (is(first, "comment")) {
    words->at += 2;
  } else if (is(first, "log")) {
    for (words->at++; is_one_of(word_at(words, 0), log_options, G_N_ELEMENTS(log_options));)
      words->at += 2;
  } else if (is(first, "limit") && is(word_at(words, 1), "rate")) {
    take_open(reader, "limit");
    words->at += is(word_at(words, 2), "over") ? 4 : 3;
    if (g_str_has_prefix(word_at(words, 0), "bytes/") || strstr(word_at(words, 0), "bytes/") != NULL)
      words->at++;
    if (is(word_at(words, 0), "burst"))
      words->at += 3;
    rule->counts_verdict = false;
  } else if (is(first, "notrack")) {
    reader->ruleset->notrack = true;
    words->at++;
  } else {
    return false;
  }
  return true;
}

/* "nft.inet f.in.4" by its handle, or by its own words without the counts: see dc_state_parse_nft(). */
static void name_counter(const DcNftReader *reader, const char *line, const char *handle, DcRule *rule)
{
  const char *counts = strstr(line, "counter packets ");
  if (rule->counter != NULL || counts == NULL)
    return;
  g_autofree char *name = NULL;
  if (handle != NULL) {
    name = g_strdup_printf("nft.%s %s.%s.%s", reader->family, reader->table, reader->chain_name, handle);
  } else {
    g_autofree char *before = g_strstrip(g_strndup(line, (gsize)MIN(counts - line, 200)));
    const char *after = counts + strlen("counter packets ");
    for (int i = 0; i < 3; i++) { /* the count, "bytes", the count */
      after += strcspn(after, " ");
      after += strspn(after, " ");
    }
    name = g_strdup_printf("nft.%s %s.%s.%s%s%.200s", reader->family, reader->table, reader->chain_name, before,
                           *before != '\0' ? " " : "", after);
  }
  if (strlen(name) < DC_STATE_NAME_MAX)
    rule->counter = dc_ruleset_keep(reader->ruleset, name);
}

/* What stands in the listing, without the counts. */
static const char *rule_text(const DcNftReader *reader, const char *line, const char *handle)
{
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "%s %s %s", reader->family, reader->table, reader->chain_name);
  if (handle != NULL)
    g_string_append_printf(text, " handle %s", handle);
  const char *counts = strstr(line, "counter packets ");
  if (counts == NULL) {
    g_string_append_printf(text, ": %s", line);
  } else {
    const char *after = counts + strlen("counter packets ");
    for (int i = 0; i < 3; i++) {
      after += strcspn(after, " ");
      after += strspn(after, " ");
    }
    g_string_append_printf(text, ": %.*s%s", (int)(counts - line), line, after);
  }
  if (text->len >= DC_RULE_TEXT_MAX)
    g_string_truncate(text, DC_RULE_TEXT_MAX - 1);
  return dc_ruleset_keep(reader->ruleset, text->str);
}

/* Skips what is not understood, up to the verdict. */
static void skip_to_verdict(const DcNftReader *reader, Words *words)
{
  DcRule unused = {0};
  for (; words->at < words->count; words->at++) {
    const char *word = word_at(words, 0);
    if (is(word, "comment") || is(word, "prefix"))
      words->at++;
    else if (is(word, "jump") || is(word, "goto") || verdict_at(reader, word, "", &unused))
      return;
  }
}

void dc_nft_rule(DcNftReader *reader, char *line, const char *handle)
{
  char *list[WORDS_MAX];
  DcRule rule = {.text = rule_text(reader, line, handle)};
  name_counter(reader, line, handle, &rule);
  Words words = {.words = list, .count = dc_rule_words(line, list, G_N_ELEMENTS(list))};
  dc_ruleset_done(reader->ruleset);
  while (words.at < words.count) {
    DcRuleField fields[DC_RULE_FIELDS];
    uint32_t count;
    char name[32];
    if (verdict_at(reader, word_at(&words, 0), word_at(&words, 1), &rule)) {
      if (rule.verdict != DC_VERDICT_NEXT)
        dc_ruleset_rule(reader->ruleset, reader->chain, &rule, false);
      break;
    }
    if (take_statement(reader, &words, &rule))
      continue;
    rule.counts_verdict = false; /* a condition behind the counter */
    const size_t begin = words.at;
    if (!take_selectors(reader, &words, fields, &count, name)) {
      take_open(reader, words.words[begin]);
      skip_to_verdict(reader, &words);
      continue;
    }
    if (is(word_at(&words, 0), "set")) { /* "meta mark set 0x1" asks nothing */
      words.at += 2;
      continue;
    }
    if (is(word_at(&words, 0), "vmap")) {
      words.at++;
      take_vmap(reader, &words, fields, count, name, &rule);
      break;
    }
    if (count == 1 && fields[0] == DC_RULE_FIELD_TCP_FLAGS) {
      take_flags(reader, &words);
      continue;
    }
    const bool negated = is(word_at(&words, 0), "!=");
    if (negated || is(word_at(&words, 0), "=="))
      words.at++;
    if (is(word_at(&words, 0), "&") || is(word_at(&words, 0), "<") || is(word_at(&words, 0), ">") ||
        is(word_at(&words, 0), "<=") || is(word_at(&words, 0), ">=")) {
      take_open(reader, name);
      skip_to_verdict(reader, &words);
      continue;
    }
    dc_ruleset_condition(reader->ruleset, fields, count, negated, name);
    take_operand(reader, &words);
  }
  dc_ruleset_done(reader->ruleset);
}
