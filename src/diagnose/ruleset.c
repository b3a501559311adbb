#include "ruleset_private.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"

#include <stdlib.h>
#include <string.h>

#define RULES_MAX 20000u
/* A storm of drops against a long listing: answers are remembered by flow, and after so many rules were tried, a
 * search goes no farther than the first ones. */
#define TRIES_MAX (UINT64_C(32) << 20)
#define TRIES_AFTER 128u
#define REMEMBERED_MAX 65536u

typedef struct {
  bool open;          /* could not be read: a service's name, a named set */
  uint16_t low, high; /* ports; protocol or IP version in low */
  DcAddr addr;
  uint8_t bits;
  const char *device; /* a trailing * or + makes it a family */
} Value;

typedef struct {
  DcConditionKind kind;
  bool negated;
  guint first, count; /* in values */
} Condition;

typedef struct {
  guint first, count; /* in conditions */
  uint8_t version;
  bool base_chain;
  const char *text; /* "inet f in: tcp dport 8089 drop" */
} Rule;

/* --- building ------------------------------------------------------------------------- */

void dc_ruleset_begin(DcRulesetBuilder *builder)
{
  const guint used = builder->rules->len > 0 ? g_array_index(builder->rules, Rule, builder->rules->len - 1).first +
                                                   g_array_index(builder->rules, Rule, builder->rules->len - 1).count
                                             : 0;
  /* What a rule that did not drop had left behind. */
  if (builder->conditions->len > used) {
    g_array_set_size(builder->values, g_array_index(builder->conditions, Condition, used).first);
    g_array_set_size(builder->conditions, used);
  }
}

void dc_ruleset_condition(DcRulesetBuilder *builder, DcConditionKind kind, bool negated)
{
  const Condition condition = {.kind = kind, .negated = negated, .first = builder->values->len};
  g_array_append_val(builder->conditions, condition);
}

static bool to_number(const char *text, unsigned long max, unsigned long *ret_value)
{
  char *end;
  if (!g_ascii_isdigit(*text))
    return false;
  *ret_value = strtoul(text, &end, 10);
  return *end == '\0' && *ret_value <= max;
}

/* "22", "1024-65535" and iptables' "1024:65535"; names of services are left open. */
static bool read_ports(const char *text, Value *value)
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
  value->low = (uint16_t)low;
  value->high = (uint16_t)high;
  return true;
}

/* "10.0.0.0/8", "fd00::1"; ranges and names are left open. */
static bool read_address(const char *text, Value *value)
{
  char copy[64];
  if (g_strlcpy(copy, text, sizeof copy) >= sizeof copy)
    return false;
  char *slash = strchr(copy, '/');
  if (slash != NULL)
    *slash = '\0';
  if (!dc_addr_parse(copy, &value->addr))
    return false;
  const unsigned long whole = value->addr.version == 6 ? 128 : 32;
  unsigned long bits = whole;
  if (slash != NULL && !to_number(slash + 1, whole, &bits))
    return false;
  value->bits = (uint8_t)bits;
  return true;
}

static bool read_protocol(const char *text, Value *value)
{
  static const struct {
    const char *name;
    uint8_t number;
  } names[] = {{"icmp", 1},  {"igmp", 2},   {"tcp", 6},    {"udp", 17},       {"dccp", 33},
               {"gre", 47},  {"esp", 50},   {"ah", 51},    {"ipv6-icmp", 58}, {"icmpv6", 58},
               {"ospf", 89}, {"vrrp", 112}, {"sctp", 132}, {"udplite", 136}};
  unsigned long number;
  if (to_number(text, UINT8_MAX, &number)) {
    value->low = (uint16_t)number;
    return true;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    if (strcmp(names[i].name, text) == 0) {
      value->low = names[i].number;
      return true;
    }
  }
  return false;
}

void dc_ruleset_value(DcRulesetBuilder *builder, const char *text)
{
  Condition *condition = &g_array_index(builder->conditions, Condition, builder->conditions->len - 1);
  Value value = {.open = *text == '@' || *text == '$'};
  switch (condition->kind) {
  case DC_CONDITION_DPORT:
  case DC_CONDITION_SPORT:
    value.open = value.open || !read_ports(text, &value);
    break;
  case DC_CONDITION_SADDR:
  case DC_CONDITION_DADDR:
    value.open = value.open || !read_address(text, &value);
    break;
  case DC_CONDITION_PROTOCOL:
    value.open = value.open || !read_protocol(text, &value);
    break;
  case DC_CONDITION_DEVICE:
    value.device = g_string_chunk_insert_const(builder->texts, text);
    break;
  case DC_CONDITION_VERSION:
    value.low = *text == '6' ? 6 : 4;
    break;
  case DC_CONDITION_OTHER:
    value.open = true;
    break;
  }
  g_array_append_val(builder->values, value);
  condition->count++;
}

void dc_ruleset_end(DcRulesetBuilder *builder, uint8_t version, bool base_chain, const char *place, const char *rule)
{
  const guint used = builder->rules->len > 0 ? g_array_index(builder->rules, Rule, builder->rules->len - 1).first +
                                                   g_array_index(builder->rules, Rule, builder->rules->len - 1).count
                                             : 0;
  char text[DC_RULE_TEXT_MAX];
  g_snprintf(text, sizeof text, "%s: %s", place, rule);
  const Rule made = {.first = used,
                     .count = builder->conditions->len - used,
                     .version = version,
                     .base_chain = base_chain,
                     .text = g_string_chunk_insert(builder->texts, text)};
  if (builder->rules->len < RULES_MAX)
    g_array_append_val(builder->rules, made);
  else
    builder->cut = true;
}

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
    } else {
      words[count++] = at;
      at += strcspn(at, " \t");
    }
    if (*at != '\0')
      *at++ = '\0';
  }
  return count;
}

/* --- what was built last ------------------------------------------------------------------ */

/* Of one state, by the version of its texts. One per thread: no locks, and freed with the thread. */
typedef struct {
  uint64_t flow; /* hash */
  const char *text;
  DcRulesetFit fit;
} Answered;

typedef struct {
  uint64_t version;
  bool any_listing;
  DcRulesetBuilder built;
  uint64_t tries;
  GHashTable *answered; /* Answered.flow -> Answered; emptied when full, so that what is tried depends on no hash key */
} Compiled;

static void compiled_free(gpointer data)
{
  Compiled *compiled = data;
  g_array_unref(compiled->built.rules);
  g_array_unref(compiled->built.conditions);
  g_array_unref(compiled->built.values);
  g_string_chunk_free(compiled->built.texts);
  g_hash_table_unref(compiled->answered);
  g_free(compiled);
}

static GPrivate last_compiled = G_PRIVATE_INIT(compiled_free);

static bool read_listing(const DcState *state, const char *name, DcRulesetBuilder *builder,
                         void (*line)(DcRulesetBuilder *builder, char *text))
{
  const char *text = dc_state_text(state, name);
  if (text == NULL)
    return false;
  builder->ip6tables = strcmp(name, "ip6tables-save") == 0;
  builder->block = DC_BLOCK_NONE;
  builder->table[0] = '\0';
  char copy[1024];
  while (*text != '\0') {
    const size_t len = strcspn(text, "\n");
    const size_t kept = MIN(len, sizeof copy - 1);
    memcpy(copy, text, kept); /* not g_strlcpy(), which looks for the end of all that follows */
    copy[kept] = '\0';
    line(builder, copy);
    text += len;
    text += *text == '\n';
  }
  return true;
}

static Compiled *compile(const DcState *state)
{
  const uint64_t version = dc_state_text_version(state);
  Compiled *compiled = g_private_get(&last_compiled);
  if (compiled != NULL && compiled->version == version)
    return compiled;
  compiled = g_new0(Compiled, 1);
  compiled->version = version;
  compiled->answered = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
  compiled->built.rules = g_array_new(FALSE, FALSE, sizeof(Rule));
  compiled->built.conditions = g_array_new(FALSE, FALSE, sizeof(Condition));
  compiled->built.values = g_array_new(FALSE, FALSE, sizeof(Value));
  compiled->built.texts = g_string_chunk_new(4096);
  compiled->any_listing = read_listing(state, "nft", &compiled->built, dc_ruleset_nft_line);
  compiled->any_listing |= read_listing(state, "iptables-save", &compiled->built, dc_ruleset_iptables_line);
  compiled->any_listing |= read_listing(state, "ip6tables-save", &compiled->built, dc_ruleset_iptables_line);
  g_private_replace(&last_compiled, compiled);
  return compiled;
}

/* --- trying --------------------------------------------------------------------------------- */

static bool in_network(const uint8_t *have, const DcAddr *net, uint8_t bits)
{
  for (unsigned i = 0; i < bits; i += 8) {
    const unsigned mask = bits - i >= 8 ? 0xffu : 0xffu << (8 - (bits - i)) & 0xffu;
    if ((((unsigned)have[i / 8] ^ net->bytes[i / 8]) & mask) != 0)
      return false;
  }
  return true;
}

static DcFits from_bool(bool fits)
{
  return fits ? DC_FITS_YES : DC_FITS_NO;
}

static DcFits try_value(const Value *value, DcConditionKind kind, const DcBrief *brief, const char *device)
{
  if (value->open)
    return DC_FITS_OPEN;
  const DcFlowKey *flow = &brief->flow;
  switch (kind) {
  case DC_CONDITION_DPORT:
    return from_bool(flow->dst_port >= value->low && flow->dst_port <= value->high);
  case DC_CONDITION_SPORT:
    return from_bool(flow->src_port >= value->low && flow->src_port <= value->high);
  case DC_CONDITION_SADDR:
    return from_bool(value->addr.version == flow->ip_version && in_network(flow->src, &value->addr, value->bits));
  case DC_CONDITION_DADDR:
    return from_bool(value->addr.version == flow->ip_version && in_network(flow->dst, &value->addr, value->bits));
  case DC_CONDITION_PROTOCOL:
    return from_bool(value->low == flow->protocol);
  case DC_CONDITION_DEVICE: {
    const size_t len = strlen(value->device);
    if (device == NULL)
      return DC_FITS_OPEN;
    if (len > 0 && strchr("*+", value->device[len - 1]) != NULL)
      return from_bool(strncmp(device, value->device, len - 1) == 0);
    return from_bool(strcmp(device, value->device) == 0);
  }
  case DC_CONDITION_VERSION:
    return from_bool(value->low == flow->ip_version);
  case DC_CONDITION_OTHER:
    break;
  }
  return DC_FITS_OPEN;
}

static DcFits try_condition(const DcRulesetBuilder *built, const Condition *condition, const DcBrief *brief,
                            const char *device)
{
  const bool ports = condition->kind == DC_CONDITION_DPORT || condition->kind == DC_CONDITION_SPORT;
  if (condition->kind == DC_CONDITION_OTHER)
    return DC_FITS_OPEN;
  if (condition->kind != DC_CONDITION_DEVICE && (brief->has & (uint32_t)(ports ? DC_HAS_PORTS : DC_HAS_IP)) == 0)
    return DC_FITS_NO;
  DcFits fits = DC_FITS_NO;
  for (guint i = 0; i < condition->count && fits != DC_FITS_YES; i++) {
    const DcFits one =
        try_value(&g_array_index(built->values, Value, condition->first + i), condition->kind, brief, device);
    fits = MAX(fits, one);
  }
  if (condition->negated && fits != DC_FITS_OPEN)
    fits = fits == DC_FITS_YES ? DC_FITS_NO : DC_FITS_YES;
  return fits;
}

static DcRulesetFit try_rule(const DcRulesetBuilder *built, const Rule *rule, const DcBrief *brief, const char *device)
{
  if (brief == NULL)
    return DC_RULESET_MAYBE;
  if (rule->version != 0 && (brief->has & DC_HAS_IP) != 0 && brief->flow.ip_version != rule->version)
    return DC_RULESET_NONE;
  bool open = !rule->base_chain;
  for (guint i = 0; i < rule->count; i++) {
    const DcFits fits =
        try_condition(built, &g_array_index(built->conditions, Condition, rule->first + i), brief, device);
    if (fits == DC_FITS_NO)
      return DC_RULESET_NONE;
    open = open || fits == DC_FITS_OPEN;
  }
  return open ? DC_RULESET_MAYBE : DC_RULESET_FITS;
}

static void search(Compiled *compiled, const DcBrief *brief, const char *device, Answered *ret_answer)
{
  const GArray *rules = compiled->built.rules;
  const guint count = compiled->tries < TRIES_MAX ? rules->len : MIN(rules->len, TRIES_AFTER);
  ret_answer->fit = DC_RULESET_NONE;
  ret_answer->text = "";
  for (guint i = 0; i < count && ret_answer->fit != DC_RULESET_FITS; i++) {
    const Rule *rule = &g_array_index(rules, Rule, i);
    const DcRulesetFit fit = try_rule(&compiled->built, rule, brief, device);
    compiled->tries++;
    if (fit > ret_answer->fit) {
      ret_answer->fit = fit;
      ret_answer->text = rule->text;
    }
  }
  if (ret_answer->fit == DC_RULESET_NONE && (count < rules->len || compiled->built.cut))
    ret_answer->fit = DC_RULESET_UNKNOWN;
}

/* All that conditions look at. */
static uint64_t flow_hash(const DcBrief *brief, const char *device)
{
  const uint64_t has = brief->has & (uint32_t)(DC_HAS_IP | DC_HAS_PORTS);
  const uint64_t packet = dc_hash_words(dc_hash_bytes(&brief->flow, sizeof brief->flow), has);
  return device != NULL ? dc_hash_words(packet, dc_hash_bytes(device, strlen(device))) : packet;
}

void dc_ruleset_search(const DcState *state, const DcBrief *brief, const char *device, DcRulesetAnswer *ret_answer)
{
  memset(ret_answer, 0, sizeof *ret_answer);
  ret_answer->fit = DC_RULESET_UNKNOWN;
  if (state == NULL)
    return;
  Compiled *compiled = compile(state);
  if (!compiled->any_listing)
    return;
  ret_answer->dropping = compiled->built.rules->len;
  Answered any = {0};
  Answered *answered = &any;
  if (brief != NULL) {
    const uint64_t flow = flow_hash(brief, device);
    answered = g_hash_table_lookup(compiled->answered, &flow);
    if (answered == NULL) {
      if (g_hash_table_size(compiled->answered) >= REMEMBERED_MAX)
        g_hash_table_remove_all(compiled->answered);
      answered = g_new(Answered, 1);
      search(compiled, brief, device, answered);
      answered->flow = flow;
      g_hash_table_insert(compiled->answered, &answered->flow, answered);
    }
  } else {
    search(compiled, NULL, device, answered);
  }
  ret_answer->fit = answered->fit;
  g_strlcpy(ret_answer->rule, answered->text, sizeof ret_answer->rule);
}
