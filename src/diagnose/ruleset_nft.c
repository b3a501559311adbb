/* "nft [-a] list ruleset", as in nft(8):
 *
 *   table inet filter { # handle 1
 *           set blocked {
 *                   type ipv4_addr
 *                   elements = { 192.0.2.1, 192.0.2.2,
 *                                192.0.2.3 }
 *           }
 *           chain input { # handle 2
 *                   type filter hook input priority filter; policy drop;
 *                   ip saddr @blocked tcp dport { 22, 80-90 } counter packets 3 bytes 180 drop # handle 4
 *                   ip protocol vmap { tcp : jump tcp_in, udp : accept }
 *           }
 *   }
 */
#include "ruleset_nft.h"

#include <stdlib.h>
#include <string.h>

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

/* --- blocks ----------------------------------------------------------------------------------- */

static int priority_of(const char *text, bool bridge)
{
  static const struct {
    const char *name;
    int priority, bridge;
  } names[] = {{"raw", -300, -300},  {"mangle", -150, -150}, {"dstnat", -100, -300}, {"filter", 0, -200},
               {"security", 50, 50}, {"srcnat", 100, 300},   {"out", 100, 100}};
  int priority = 0;
  const size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz");
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (word == strlen(names[i].name) && strncmp(text, names[i].name, word) == 0)
      priority = bridge ? names[i].bridge : names[i].priority;
  text += word + strspn(text + word, " ");
  const bool minus = *text == '-';
  text += strspn(text, "+- ");
  const int offset = (int)(strtol(text, NULL, 10) % 100000);
  return priority + (minus ? -offset : offset);
}

/* "type filter hook input device "eth0" priority filter; policy drop;" */
static void base_line(DcNftReader *reader, const char *line)
{
  static const struct {
    const char *words;
    DcHook hook;
  } hooks[] = {{" hook ingress ", DC_HOOK_INGRESS},
               {" hook prerouting ", DC_HOOK_PREROUTING},
               {" hook input ", DC_HOOK_INPUT},
               {" hook forward ", DC_HOOK_FORWARD}};
  DcRuleset *ruleset = reader->ruleset;
  DcHook hook = DC_HOOK_NONE;
  for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++)
    if (strstr(line, hooks[i].words) != NULL)
      hook = hooks[i].hook;
  if (hook == DC_HOOK_NONE || is(reader->family, "arp") || reader->told)
    return;
  const bool bridge = is(reader->family, "bridge");
  DcRuleChain *chain = &g_array_index(ruleset->chains, DcRuleChain, reader->chain);
  chain->nft = true;
  chain->hook = hook;
  chain->version = is(reader->family, "ip") ? 4 : is(reader->family, "ip6") ? 6 : 0;
  chain->link_layer = bridge || is(reader->family, "netdev");
  const char *priority = strstr(line, " priority ");
  chain->priority = priority != NULL ? priority_of(priority + strlen(" priority "), bridge) : 0;
  const char *devices = strstr(line, " device ");
  if (devices == NULL)
    devices = strstr(line, " devices = ");
  if (devices != NULL) {
    g_autofree char *names = g_strndup(devices + strlen(" device "), strcspn(devices + 1, ";"));
    char *end = strstr(names, " priority ");
    if (end != NULL)
      *end = '\0';
    chain->devices = dc_ruleset_keep(ruleset, names);
  }
  if (strstr(line, "policy drop") != NULL) {
    g_autofree char *text = g_strdup_printf("%s %s %s: policy drop", reader->family, reader->table, reader->chain_name);
    dc_ruleset_policy(ruleset, reader->chain, text, NULL);
  }
}

static void open_block(DcNftReader *reader, char **words, size_t count)
{
  if (count >= 2 && is(words[0], "chain")) {
    reader->block = DC_NFT_CHAIN;
    g_strlcpy(reader->chain_name, words[1], sizeof reader->chain_name);
    reader->chain = dc_nft_chain(reader, words[1]);
    g_array_index(reader->ruleset->chains, DcRuleChain, reader->chain).nft = true;
  } else if (count >= 2 && (is(words[0], "set") || is(words[0], "map"))) {
    reader->block = DC_NFT_SET;
    g_autofree char *key = g_strdup_printf("%s/%s/%s", reader->family, reader->table, words[1]);
    reader->set = g_new0(DcRuleSet, 1);
    reader->set->elements = ""; /* none is listed when it is empty */
    g_hash_table_replace(reader->ruleset->sets, (gpointer)dc_ruleset_keep(reader->ruleset, key), reader->set);
  } else { /* counters, flowtables: what they hold is no rule */
    reader->block = DC_NFT_OTHER;
  }
}

/* Elements may take many lines; those without a blank before the brace end the list. */
static void elements_line(DcNftReader *reader, char *line)
{
  const size_t len = strlen(line);
  const bool ends = len > 0 && line[len - 1] == '}';
  if (ends)
    line[len - 1] = '\0';
  g_string_append_printf(reader->elements, "%s ", line);
  if (!ends)
    return;
  reader->set->elements = g_string_chunk_insert(reader->ruleset->texts, reader->elements->str);
  reader->block = DC_NFT_SET;
}

static void set_line(DcNftReader *reader, char *line)
{
  static const char begin[] = "elements = {";
  if (g_str_has_prefix(line, begin)) {
    g_string_truncate(reader->elements, 0);
    reader->block = DC_NFT_ELEMENTS;
    elements_line(reader, line + strlen(begin));
  } else if (g_str_has_prefix(line, "flags ")) {
    reader->set->changes = strstr(line, "dynamic") != NULL || strstr(line, "timeout") != NULL;
  } else if (is(line, "}")) {
    reader->block = DC_NFT_TABLE;
  }
}

static bool is_told(const DcNftReader *reader)
{
  static const char *const tables[] = {"raw", "mangle", "nat", "filter", "security"};
  return ((is(reader->family, "ip") && reader->ruleset->iptables_nft) ||
          (is(reader->family, "ip6") && reader->ruleset->ip6tables_nft)) &&
         is_one_of(reader->table, tables, G_N_ELEMENTS(tables));
}

static void read_line(DcNftReader *reader, char *line)
{
  if (reader->block == DC_NFT_ELEMENTS) {
    elements_line(reader, g_strstrip(line));
    return;
  }
  char *handle = strstr(line, "# handle ");
  if (handle != NULL) {
    *handle = '\0';
    handle = g_strstrip(handle + strlen("# handle "));
    if (strspn(handle, "0123456789") != strlen(handle))
      handle = NULL;
  }
  g_strstrip(line);
  if (*line == '\0' || *line == '#')
    return;
  const bool opens = line[strlen(line) - 1] == '{';
  const bool closes = is(line, "}");
  char copy[256];
  char *words[4];
  size_t count = 0;
  if (opens) {
    g_strlcpy(copy, line, sizeof copy);
    count = dc_rule_words(copy, words, G_N_ELEMENTS(words));
  }
  switch (reader->block) {
  case DC_NFT_NONE:
    if (count >= 3 && is(words[0], "table")) {
      g_strlcpy(reader->family, words[1], sizeof reader->family);
      g_strlcpy(reader->table, words[2], sizeof reader->table);
      reader->told = is_told(reader);
      reader->block = DC_NFT_TABLE;
    }
    break;
  case DC_NFT_TABLE:
    if (closes)
      reader->block = DC_NFT_NONE;
    else if (opens)
      open_block(reader, words, count);
    break;
  case DC_NFT_CHAIN:
    if (closes)
      reader->block = DC_NFT_TABLE;
    else if (g_str_has_prefix(line, "type ") && strstr(line, " hook ") != NULL)
      base_line(reader, line);
    else if (!g_str_has_prefix(line, "comment "))
      dc_nft_rule(reader, line, handle);
    break;
  case DC_NFT_SET:
    set_line(reader, line);
    break;
  case DC_NFT_OTHER:
    if (closes)
      reader->block = DC_NFT_TABLE;
    break;
  case DC_NFT_ELEMENTS:
    break;
  }
}

void dc_ruleset_read_nft(DcRuleset *ruleset, char *text)
{
  DcNftReader reader = {.ruleset = ruleset, .elements = g_string_new(NULL)};
  while (text != NULL) {
    char *end = strchr(text, '\n');
    if (end != NULL)
      *end = '\0';
    read_line(&reader, text);
    text = end != NULL ? end + 1 : NULL;
  }
  g_string_free(reader.elements, TRUE);
}
