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

static bool is(const char *word, const char *text)
{
  return strcmp(word, text) == 0;
}

/* One value, or all of "{ a, b, c }": fits when one of them does. Advances *at beyond it. */
static DcFits fits_values(char **words, size_t count, size_t *at, DcFits (*one)(const void *data, const char *text),
                          const void *data)
{
  bool negated = false;
  if (*at < count && (is(words[*at], "!=") || is(words[*at], "=="))) {
    negated = is(words[*at], "!=");
    (*at)++;
  }
  if (*at >= count)
    return DC_FITS_OPEN;
  DcFits fits = DC_FITS_NO;
  if (!is(words[*at], "{")) {
    const char *value = words[(*at)++];
    fits = *value == '@' || *value == '$' ? DC_FITS_OPEN : one(data, value); /* a named set's content is elsewhere */
  } else {
    for ((*at)++; *at < count && !is(words[*at], "}"); (*at)++) {
      char *value = words[*at];
      const size_t len = strlen(value);
      if (len > 0 && value[len - 1] == ',')
        value[len - 1] = '\0';
      fits = MAX(fits, *value == '\0' ? DC_FITS_NO : one(data, value));
    }
    (*at)++;
  }
  return negated ? dc_fits_not(fits) : fits;
}

static DcFits one_dport(const void *data, const char *text)
{
  return dc_fits_port(data, true, text);
}
static DcFits one_sport(const void *data, const char *text)
{
  return dc_fits_port(data, false, text);
}
static DcFits one_saddr(const void *data, const char *text)
{
  return dc_fits_address(data, true, text);
}
static DcFits one_daddr(const void *data, const char *text)
{
  return dc_fits_address(data, false, text);
}
static DcFits one_protocol(const void *data, const char *text)
{
  return dc_fits_protocol(data, text);
}
static DcFits one_device(const void *data, const char *text)
{
  return dc_fits_device(data, text);
}

static DcFits family_fits(const DcBrief *brief, uint8_t version)
{
  return (brief->has & DC_HAS_IP) != 0 && brief->flow.ip_version == version ? DC_FITS_YES : DC_FITS_NO;
}

/* The condition that starts at words[*at]; advances beyond it. */
static DcFits condition(const DcRulesetSearch *search, char **words, size_t count, size_t *at)
{
  const DcBrief *brief = search->brief;
  const char *first = words[*at];
  const char *second = *at + 1 < count ? words[*at + 1] : "";

  const bool transport = is(first, "tcp") || is(first, "udp") || is(first, "th");
  if (transport && (is(second, "dport") || is(second, "sport"))) {
    *at += 2;
    const DcFits layer = is(first, "th") ? DC_FITS_YES : dc_fits_protocol(brief, first);
    return dc_fits_and(layer, fits_values(words, count, at, is(second, "dport") ? one_dport : one_sport, brief));
  }
  if ((is(first, "ip") || is(first, "ip6")) && (is(second, "saddr") || is(second, "daddr"))) {
    *at += 2;
    const DcFits layer = family_fits(brief, is(first, "ip") ? 4 : 6);
    return dc_fits_and(layer, fits_values(words, count, at, is(second, "saddr") ? one_saddr : one_daddr, brief));
  }
  if ((is(first, "ip") && is(second, "protocol")) || (is(first, "ip6") && is(second, "nexthdr")) ||
      (is(first, "meta") && is(second, "l4proto"))) {
    *at += 2;
    const DcFits layer = is(first, "meta") ? DC_FITS_YES : family_fits(brief, is(first, "ip") ? 4 : 6);
    return dc_fits_and(layer, fits_values(words, count, at, one_protocol, brief));
  }
  if (is(first, "iif") || is(first, "iifname") || (is(first, "meta") && is(second, "iifname"))) {
    *at += is(first, "meta") ? 2 : 1;
    return fits_values(words, count, at, one_device, search->device);
  }
  if (is(first, "counter")) { /* "counter packets N bytes N" */
    (*at)++;
    while (*at + 1 < count && (is(words[*at], "packets") || is(words[*at], "bytes")))
      *at += 2;
    return DC_FITS_YES;
  }
  if (is(first, "comment")) {
    *at += 2;
    return DC_FITS_YES;
  }
  if (is(first, "log")) { /* a statement: says nothing of what fits, up to the verdict */
    (*at)++;
    while (*at < count && (is(words[*at], "prefix") || is(words[*at], "level") || is(words[*at], "group") ||
                           is(words[*at], "snaplen") || is(words[*at], "queue-threshold") || is(words[*at], "flags")))
      *at += 2;
    return DC_FITS_YES;
  }
  (*at)++;
  return DC_FITS_OPEN;
}

static void place_text(const DcRulesetSearch *search, char place[static 128])
{
  g_snprintf(place, 128, "%s %s %s", search->family, search->table, search->chain);
}

static void rule_line(DcRulesetSearch *search, const char *text)
{
  char copy[1024];
  g_strlcpy(copy, text, sizeof copy);
  char shown[DC_RULE_TEXT_MAX];
  g_strlcpy(shown, copy, sizeof shown);
  char *words[WORDS_MAX];
  const size_t count = dc_rule_words(copy, words, G_N_ELEMENTS(words));
  bool drops = false;
  DcFits fits = DC_FITS_YES;
  for (size_t at = 0; at < count;) {
    if (is(words[at], "drop") || is(words[at], "reject")) {
      drops = true;
      break;
    }
    if (search->brief != NULL)
      fits = dc_fits_and(fits, condition(search, words, count, &at));
    else
      at++;
  }
  if (!drops)
    return;
  char place[128];
  place_text(search, place);
  if (search->brief == NULL || fits == DC_FITS_NO)
    dc_ruleset_offer(search->answer, search->brief == NULL ? DC_RULESET_MAYBE : DC_RULESET_NONE, place, shown);
  else
    dc_ruleset_offer(search->answer, fits == DC_FITS_YES && search->base_chain ? DC_RULESET_FITS : DC_RULESET_MAYBE,
                     place, shown);
}

static bool family_counts(const DcRulesetSearch *search)
{
  if (search->brief == NULL || (search->brief->has & DC_HAS_IP) == 0)
    return !is(search->family, "arp");
  if (is(search->family, "ip"))
    return search->brief->flow.ip_version == 4;
  if (is(search->family, "ip6"))
    return search->brief->flow.ip_version == 6;
  return !is(search->family, "arp");
}

static void chain_line(DcRulesetSearch *search, const char *line)
{
  if (!g_str_has_prefix(line, "type ") || strstr(line, " hook ") == NULL) {
    if (search->chain_counts)
      rule_line(search, line);
    return;
  }
  search->base_chain = true;
  if (strstr(line, " hook output ") != NULL || strstr(line, " hook postrouting ") != NULL ||
      strstr(line, " hook egress ") != NULL)
    search->chain_counts = false;
  if (search->chain_counts && strstr(line, "policy drop") != NULL) {
    char place[128];
    place_text(search, place);
    dc_ruleset_offer(search->answer, DC_RULESET_MAYBE, place, "policy drop");
  }
}

void dc_ruleset_nft_line(DcRulesetSearch *search, char *line)
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

  switch (search->block) {
  case DC_BLOCK_NONE:
    if (count >= 3 && is(words[0], "table") && opens) {
      g_strlcpy(search->family, words[1], sizeof search->family);
      g_strlcpy(search->table, words[2], sizeof search->table);
      search->block = DC_BLOCK_TABLE;
    }
    break;
  case DC_BLOCK_TABLE:
    if (is(words[0], "}")) {
      search->block = DC_BLOCK_NONE;
    } else if (count >= 2 && is(words[0], "chain") && opens) {
      g_strlcpy(search->chain, words[1], sizeof search->chain);
      search->block = DC_BLOCK_CHAIN;
      search->chain_counts = family_counts(search);
      search->base_chain = false;
    } else if (opens) { /* sets, maps, flowtables: what they hold is no rule */
      search->block = DC_BLOCK_OTHER;
    }
    break;
  case DC_BLOCK_CHAIN:
    if (is(words[0], "}"))
      search->block = DC_BLOCK_TABLE;
    else
      chain_line(search, line);
    break;
  case DC_BLOCK_OTHER:
    if (is(words[0], "}"))
      search->block = DC_BLOCK_TABLE;
    break;
  }
}
