/* Chains, rules, conditions and values as the readers of listings find them. */
#include "ruleset_private.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"

#include <stdlib.h>
#include <string.h>

#define RULES_MAX 65536u
#define CHAINS_MAX 16384u
#define VALUES_MAX (1u << 20)
#define SETS_READ_MAX (16u << 20) /* bytes of named sets, those that are read again counted again */

DcRuleset *dc_ruleset_new(void)
{
  DcRuleset *ruleset = g_new0(DcRuleset, 1);
  ruleset->chains = g_array_new(FALSE, FALSE, sizeof(DcRuleChain));
  ruleset->rules = g_array_new(FALSE, FALSE, sizeof(DcRule));
  ruleset->conditions = g_array_new(FALSE, FALSE, sizeof(DcRuleCondition));
  ruleset->values = g_array_new(FALSE, FALSE, sizeof(DcRuleValue));
  ruleset->set_values = g_array_new(FALSE, FALSE, sizeof(DcRuleValue));
  ruleset->order = g_array_new(FALSE, FALSE, sizeof(guint));
  ruleset->texts = g_string_chunk_new(4096);
  ruleset->kept = g_hash_table_new(dc_hash_text, g_str_equal);
  ruleset->chain_ids = g_hash_table_new(dc_hash_text, g_str_equal);
  ruleset->sets = g_hash_table_new_full(dc_hash_text, g_str_equal, NULL, g_free);
  return ruleset;
}

void dc_ruleset_free(DcRuleset *ruleset)
{
  if (ruleset == NULL)
    return;
  g_array_unref(ruleset->chains);
  g_array_unref(ruleset->rules);
  g_array_unref(ruleset->conditions);
  g_array_unref(ruleset->values);
  g_array_unref(ruleset->set_values);
  g_array_unref(ruleset->order);
  g_hash_table_unref(ruleset->kept);
  g_hash_table_unref(ruleset->chain_ids);
  g_hash_table_unref(ruleset->sets);
  g_string_chunk_free(ruleset->texts);
  g_free(ruleset);
}

const char *dc_ruleset_keep(DcRuleset *ruleset, const char *text)
{
  char *kept = g_hash_table_lookup(ruleset->kept, text);
  if (kept == NULL) {
    kept = g_string_chunk_insert(ruleset->texts, text);
    g_hash_table_add(ruleset->kept, kept);
  }
  return kept;
}

/* --- words ------------------------------------------------------------------------------ */

size_t dc_rule_words(char *line, char **words, size_t max)
{
  size_t count = 0;
  char *at = line;
  while (count < max) {
    at += strspn(at, " \t");
    if (*at == '\0')
      break;
    if (*at == '"') {
      words[count++] = ++at;
      at += strcspn(at, "\"");
    } else if (*at == '{') {
      words[count++] = at;
      at += strcspn(at, "}");
    } else {
      words[count++] = at;
      at += strcspn(at, " \t");
    }
    if (*at != '\0')
      *at++ = '\0';
  }
  return count;
}

/* --- values ------------------------------------------------------------------------------- */

static bool to_number(const char *text, unsigned long max, unsigned long *ret_value)
{
  char *end;
  if (!g_ascii_isdigit(*text))
    return false;
  *ret_value = strtoul(text, &end, 0);
  return *end == '\0' && *ret_value <= max;
}

/* "22", "1024-65535" and iptables' "1024:65535"; names of services are left open. */
static bool read_ports(const char *text, DcRuleValue *value)
{
  char copy[32];
  if (g_strlcpy(copy, text, sizeof copy) >= sizeof copy)
    return false;
  char *dash = strpbrk(copy, "-:");
  unsigned long low = 0, high = UINT16_MAX;
  if (dash == NULL) {
    if (!to_number(copy, UINT16_MAX, &low))
      return false;
    high = low;
  } else {
    *dash = '\0';
    if ((*copy != '\0' && !to_number(copy, UINT16_MAX, &low)) ||
        (dash[1] != '\0' && !to_number(dash + 1, UINT16_MAX, &high)))
      return false;
  }
  value->from = (uint32_t)low;
  value->to = (uint32_t)high;
  return true;
}

/* "10.0.0.0/8", "fd00::1", "10.0.0.1-10.0.0.9"; names are left open. */
static bool read_address(const char *text, DcRuleValue *value)
{
  char copy[2 * DC_ADDR_TEXT_MAX];
  DcAddr low, high;
  if (g_strlcpy(copy, text, sizeof copy) >= sizeof copy)
    return false;
  char *apart = strpbrk(copy, "/-");
  const char kind = apart != NULL ? *apart : '\0';
  if (apart != NULL)
    *apart = '\0';
  if (!dc_addr_parse(copy, &low))
    return false;
  high = low;
  if (kind == '-' && (!dc_addr_parse(apart + 1, &high) || high.version != low.version))
    return false;
  if (kind == '/') {
    const unsigned long whole = low.version == 6 ? 128 : 32;
    unsigned long bits;
    DcAddr mask;
    if (strchr(apart + 1, '.') != NULL && dc_addr_parse(apart + 1, &mask)) { /* iptables may say 255.255.255.0 */
      for (bits = 0; bits < 32 && (mask.bytes[bits / 8] >> (7 - bits % 8) & 1) != 0; bits++)
        ;
    } else if (!to_number(apart + 1, whole, &bits)) {
      return false;
    }
    for (unsigned long bit = bits; bit < whole; bit++) {
      low.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
      high.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
  }
  value->version = low.version;
  memcpy(value->low, low.bytes, sizeof value->low);
  memcpy(value->high, high.bytes, sizeof value->high);
  return true;
}

static bool read_protocol(const char *text, DcRuleValue *value)
{
  static const struct {
    const char *name;
    uint8_t number;
  } names[] = {{"icmp", 1},  {"igmp", 2},   {"tcp", 6},    {"udp", 17},       {"dccp", 33},
               {"gre", 47},  {"esp", 50},   {"ah", 51},    {"ipv6-icmp", 58}, {"icmpv6", 58},
               {"ospf", 89}, {"vrrp", 112}, {"sctp", 132}, {"udplite", 136}};
  unsigned long number = 0;
  bool known = to_number(text, UINT8_MAX, &number);
  for (size_t i = 0; i < G_N_ELEMENTS(names) && !known; i++) {
    known = strcmp(names[i].name, text) == 0;
    number = names[i].number;
  }
  value->from = value->to = (uint32_t)number;
  return known;
}

static bool read_version(const char *text, DcRuleValue *value)
{
  static const struct {
    const char *name;
    uint8_t version;
  } names[] = {{"4", 4},    {"6", 6},   {"ip", 4},     {"ip6", 6},   {"ipv4", 4},
               {"ipv6", 6}, {"arp", 0}, {"0x0800", 4}, {"0x86dd", 6}};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    if (strcmp(names[i].name, text) == 0) {
      value->from = value->to = names[i].version;
      return true;
    }
  }
  return false;
}

/* from: the type of ICMP, to: of ICMPv6. */
static bool read_icmp_type(const char *text, DcRuleValue *value)
{
  static const struct {
    const char *name;
    uint32_t v4, v6;
  } names[] = {{"echo-request", 8, 128},
               {"echo-reply", 0, 129},
               {"destination-unreachable", 3, 1},
               {"packet-too-big", UINT32_MAX, 2},
               {"time-exceeded", 11, 3},
               {"parameter-problem", 12, 4},
               {"redirect", 5, 137},
               {"nd-router-solicit", UINT32_MAX, 133},
               {"nd-router-advert", UINT32_MAX, 134},
               {"nd-neighbor-solicit", UINT32_MAX, 135},
               {"nd-neighbor-advert", UINT32_MAX, 136},
               {"nd-redirect", UINT32_MAX, 137},
               {"timestamp-request", 13, UINT32_MAX},
               {"timestamp-reply", 14, UINT32_MAX}};
  unsigned long number;
  if (to_number(text, UINT8_MAX, &number)) {
    value->from = value->to = (uint32_t)number;
    return true;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    if (strcmp(names[i].name, text) == 0) {
      value->from = names[i].v4;
      value->to = names[i].v6;
      return true;
    }
  }
  return false;
}

/* "established,related", and each of a set. */
static bool read_ct_state(const char *text, DcRuleValue *value)
{
  static const struct {
    const char *name;
    uint32_t state;
  } names[] = {{"new", DC_CT_NEW},
               {"established", DC_CT_ESTABLISHED},
               {"related", DC_CT_RELATED},
               {"invalid", DC_CT_INVALID},
               {"untracked", DC_CT_UNTRACKED}};
  g_auto(GStrv) words = g_strsplit(text, ",", -1);
  for (char **word = words; *word != NULL; word++) {
    size_t i = 0;
    while (i < G_N_ELEMENTS(names) && g_ascii_strcasecmp(names[i].name, g_strstrip(*word)) != 0)
      i++;
    if (i == G_N_ELEMENTS(names))
      return false; /* "SNAT", "DNAT" */
    value->to |= names[i].state;
  }
  return value->to != 0;
}

static bool read_mac(const char *text, DcRuleValue *value)
{
  for (size_t i = 0; i < 6; i++) {
    if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]) || text[2] != (i < 5 ? ':' : '\0'))
      return false;
    value->low[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
    text += 3;
  }
  return true;
}

static bool read_part(DcRuleset *ruleset, DcRuleField field, const char *text, DcRuleValue *value)
{
  switch (field) {
  case DC_RULE_FIELD_SPORT:
  case DC_RULE_FIELD_DPORT:
    return read_ports(text, value);
  case DC_RULE_FIELD_SADDR:
  case DC_RULE_FIELD_DADDR:
    return read_address(text, value);
  case DC_RULE_FIELD_PROTOCOL:
    return read_protocol(text, value);
  case DC_RULE_FIELD_DEVICE:
    value->device = dc_ruleset_keep(ruleset, text);
    return true;
  case DC_RULE_FIELD_VERSION:
    return read_version(text, value);
  case DC_RULE_FIELD_ICMP_TYPE:
    return read_icmp_type(text, value);
  case DC_RULE_FIELD_CT_STATE:
    return read_ct_state(text, value);
  case DC_RULE_FIELD_SMAC:
    return read_mac(text, value);
  case DC_RULE_FIELD_TCP_FLAGS: /* made by dc_ruleset_flags() */
  case DC_RULE_FIELD_OTHER:
    break;
  }
  return false;
}

/* What else an element of a set may carry: "10.0.0.1 timeout 1m expires 30s", "... counter packets 3 bytes 180". */
static void cut_element(char *text)
{
  static const char *const behind[] = {" timeout ", " expires ", " counter ", " comment ", " limit ", " quota "};
  for (size_t i = 0; i < G_N_ELEMENTS(behind); i++) {
    char *at = strstr(text, behind[i]);
    if (at != NULL)
      *at = '\0';
  }
}

static char *unquoted(char *text)
{
  g_strstrip(text);
  const size_t len = strlen(text);
  if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
    text[len - 1] = '\0';
    return text + 1;
  }
  return text;
}

static bool read_value(DcRuleset *ruleset, GArray *values, const DcRuleField *fields, uint32_t field_count,
                       const char *text)
{
  if (values->len + field_count > VALUES_MAX) {
    ruleset->cut = true;
    return false;
  }
  g_autofree char *copy = g_strdup(text);
  cut_element(copy);
  const bool any = strcmp(g_strstrip(copy), "*") == 0;
  char *rest = copy;
  for (uint32_t i = 0; i < field_count; i++) {
    char *part = rest;
    char *apart = field_count > 1 && rest != NULL ? strstr(rest, " . ") : NULL;
    if (apart != NULL)
      *apart = '\0';
    rest = apart != NULL ? apart + 3 : NULL;
    DcRuleValue value = {.any = any};
    if (!any)
      value.open = part == NULL || !read_part(ruleset, fields[i], unquoted(part), &value);
    g_array_append_val(values, value);
  }
  return true;
}

static DcRuleCondition *last_condition(DcRuleset *ruleset)
{
  return &g_array_index(ruleset->conditions, DcRuleCondition, ruleset->conditions->len - 1);
}

void dc_ruleset_condition(DcRuleset *ruleset, const DcRuleField *fields, uint32_t field_count, bool negated,
                          const char *name)
{
  DcRuleCondition condition = {.field_count = MIN(field_count, (uint32_t)DC_RULE_FIELDS),
                               .negated = negated,
                               .first = ruleset->values->len,
                               .name = dc_ruleset_keep(ruleset, name)};
  memcpy(condition.fields, fields, condition.field_count * sizeof *fields);
  g_array_append_val(ruleset->conditions, condition);
}

void dc_ruleset_condition_one(DcRuleset *ruleset, DcRuleField field, bool negated, const char *name)
{
  dc_ruleset_condition(ruleset, &field, 1, negated, name);
}

void dc_ruleset_value(DcRuleset *ruleset, const char *text)
{
  DcRuleCondition *condition = last_condition(ruleset);
  condition->count += read_value(ruleset, ruleset->values, condition->fields, condition->field_count, text) ? 1u : 0u;
}

void dc_ruleset_values(DcRuleset *ruleset, char *list)
{
  const DcRuleCondition *condition = last_condition(ruleset);
  if (condition->field_count == 1 && condition->fields[0] == DC_RULE_FIELD_CT_STATE) {
    dc_ruleset_value(ruleset, list); /* a state is one of several: they are weighed together */
    return;
  }
  for (char *element = list; element != NULL;) {
    char *comma = strchr(element, ',');
    if (comma != NULL)
      *comma = '\0';
    if (*g_strstrip(element) != '\0')
      dc_ruleset_value(ruleset, element);
    element = comma != NULL ? comma + 1 : NULL;
  }
}

void dc_ruleset_flags(DcRuleset *ruleset, uint8_t mask, uint8_t flags, bool any)
{
  DcRuleCondition *condition = last_condition(ruleset);
  const DcRuleValue value = {.from = mask, .to = flags, .any = any};
  g_array_append_val(ruleset->values, value);
  condition->count++;
}

static void read_set(DcRuleset *ruleset, DcRuleSet *set)
{
  g_autofree char *elements = g_strdup(set->elements);
  for (char *element = elements, *next; element != NULL; element = next) {
    next = strchr(element, ',');
    if (next != NULL)
      *next++ = '\0';
    if (*g_strstrip(element) != '\0' &&
        read_value(ruleset, ruleset->set_values, set->fields, set->field_count, element))
      set->count++;
  }
}

/* Read once for these fields, and shared by all rules that ask it so; when they ask in turns, again each time, as long
 * as that takes no time to speak of. */
void dc_ruleset_named_set(DcRuleset *ruleset, DcRuleSet *set)
{
  DcRuleCondition *condition = last_condition(ruleset);
  const bool too_much = ruleset->sets_read >= SETS_READ_MAX;
  ruleset->cut = ruleset->cut || too_much;
  if (set == NULL || set->elements == NULL || too_much) {
    condition->fields[0] = DC_RULE_FIELD_OTHER;
    condition->field_count = 1;
    return;
  }
  const size_t bytes = condition->field_count * sizeof condition->fields[0];
  if (!set->is_read || set->field_count != condition->field_count ||
      memcmp(set->fields, condition->fields, bytes) != 0) {
    set->is_read = true;
    set->field_count = condition->field_count;
    memcpy(set->fields, condition->fields, bytes);
    set->first = ruleset->set_values->len;
    set->count = 0;
    ruleset->sets_read += strlen(set->elements);
    read_set(ruleset, set);
  }
  condition->of_set = true;
  condition->changes = set->changes;
  condition->first = set->first;
  condition->count = set->count;
}

/* --- chains and rules --------------------------------------------------------------------- */

guint dc_ruleset_chain(DcRuleset *ruleset, const char *place)
{
  const guint known = GPOINTER_TO_UINT(g_hash_table_lookup(ruleset->chain_ids, place));
  if (known > 0)
    return known - 1;
  const DcRuleChain chain = {.first = DC_RULE_NONE, .last = DC_RULE_NONE, .policy = DC_RULE_NONE};
  if (ruleset->chains->len >= CHAINS_MAX) {
    ruleset->cut = true; /* whatever goes there is lost in one of them */
    return CHAINS_MAX - 1;
  }
  g_array_append_val(ruleset->chains, chain);
  g_hash_table_insert(ruleset->chain_ids, g_string_chunk_insert(ruleset->texts, place),
                      GUINT_TO_POINTER(ruleset->chains->len));
  return ruleset->chains->len - 1;
}

void dc_ruleset_rule(DcRuleset *ruleset, guint chain_id, const DcRule *given, bool keyed)
{
  if (ruleset->rules->len >= RULES_MAX) {
    ruleset->cut = true;
    return;
  }
  DcRule rule = *given;
  const guint made = ruleset->conditions->len - ruleset->begun;
  rule.first = ruleset->begun;
  rule.key = DC_RULE_NONE;
  rule.count = made;
  if (keyed) {
    /* The conditions of this element's forerunners lie between the shared ones and its own key. */
    rule.key = ruleset->conditions->len - 1;
    rule.count = given->count;
  }
  rule.next = DC_RULE_NONE;
  const guint id = ruleset->rules->len;
  g_array_append_val(ruleset->rules, rule);
  DcRuleChain *chain = &g_array_index(ruleset->chains, DcRuleChain, chain_id);
  if (chain->last == DC_RULE_NONE)
    chain->first = id;
  else
    g_array_index(ruleset->rules, DcRule, chain->last).next = id;
  chain->last = id;
}

void dc_ruleset_done(DcRuleset *ruleset)
{
  guint used = ruleset->begun;
  if (ruleset->rules->len > 0) {
    const DcRule *last = &g_array_index(ruleset->rules, DcRule, ruleset->rules->len - 1);
    if (last->first == ruleset->begun)
      used = last->key != DC_RULE_NONE ? last->key + 1 : last->first + last->count;
  }
  if (ruleset->conditions->len > used) { /* named sets' values stand elsewhere */
    guint values = ruleset->values->len;
    for (guint i = used; i < ruleset->conditions->len; i++) {
      const DcRuleCondition *condition = &g_array_index(ruleset->conditions, DcRuleCondition, i);
      if (!condition->of_set)
        values = MIN(values, condition->first);
    }
    g_array_set_size(ruleset->values, values);
    g_array_set_size(ruleset->conditions, used);
  }
  ruleset->begun = ruleset->conditions->len;
}

void dc_ruleset_policy(DcRuleset *ruleset, guint chain_id, const char *text, const char *counter)
{
  const DcRule rule = {.first = ruleset->conditions->len,
                       .key = DC_RULE_NONE,
                       .next = DC_RULE_NONE,
                       .verdict = DC_VERDICT_DROP,
                       .text = dc_ruleset_keep(ruleset, text),
                       .counter = counter != NULL ? dc_ruleset_keep(ruleset, counter) : NULL,
                       .counts_verdict = counter != NULL};
  g_array_index(ruleset->chains, DcRuleChain, chain_id).policy = ruleset->rules->len;
  g_array_append_val(ruleset->rules, rule);
}

/* The link layer's hooks come first; inside of a hook the priority tells. */
static int place_of(const DcRuleChain *chain)
{
  if (chain->hook == DC_HOOK_INGRESS)
    return 0;
  const int place = chain->hook == DC_HOOK_PREROUTING ? 1 : 2;
  return chain->link_layer ? place : place + 2;
}

static gint by_order(gconstpointer a, gconstpointer b, gpointer data)
{
  const GArray *chains = data;
  const guint left = *(const guint *)a, right = *(const guint *)b;
  const DcRuleChain *x = &g_array_index(chains, DcRuleChain, left);
  const DcRuleChain *y = &g_array_index(chains, DcRuleChain, right);
  if (place_of(x) != place_of(y))
    return place_of(x) < place_of(y) ? -1 : 1;
  if (x->priority != y->priority)
    return x->priority < y->priority ? -1 : 1;
  return left < right ? -1 : 1;
}

/* Marks what a packet on the way in can meet, so that rules of the other chains do not count. */
static void count_dropping(DcRuleset *ruleset)
{
  g_autoptr(GArray) to_see = g_array_new(FALSE, FALSE, sizeof(guint));
  g_autofree bool *seen = g_new0(bool, MAX(ruleset->chains->len, 1u));
  g_array_append_vals(to_see, ruleset->order->data, ruleset->order->len);
  while (to_see->len > 0) {
    const guint id = g_array_index(to_see, guint, to_see->len - 1);
    g_array_set_size(to_see, to_see->len - 1);
    if (seen[id])
      continue;
    seen[id] = true;
    DcRuleChain *chain = &g_array_index(ruleset->chains, DcRuleChain, id);
    chain->on_the_way_in = true;
    ruleset->dropping += chain->policy != DC_RULE_NONE;
    for (guint i = chain->first; i != DC_RULE_NONE; i = g_array_index(ruleset->rules, DcRule, i).next) {
      const DcRule *rule = &g_array_index(ruleset->rules, DcRule, i);
      ruleset->dropping += rule->verdict == DC_VERDICT_DROP;
      if (rule->verdict == DC_VERDICT_JUMP || rule->verdict == DC_VERDICT_GOTO)
        g_array_append_val(to_see, rule->target);
    }
  }
}

void dc_ruleset_ready(DcRuleset *ruleset)
{
  for (guint i = 0; i < ruleset->chains->len; i++)
    if (g_array_index(ruleset->chains, DcRuleChain, i).hook != DC_HOOK_NONE)
      g_array_append_val(ruleset->order, i);
  g_array_sort_with_data(ruleset->order, by_order, ruleset->chains);
  count_dropping(ruleset);
}
