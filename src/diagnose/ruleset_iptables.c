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

/* "22,80,1000:1010" of multiport. */
static DcFits fits_ports(const DcBrief *brief, bool destination, const char *list)
{
  g_auto(GStrv) ports = g_strsplit(list, ",", 64);
  DcFits fits = DC_FITS_NO;
  for (size_t i = 0; ports[i] != NULL; i++)
    fits = MAX(fits, dc_fits_port(brief, destination, ports[i]));
  return fits;
}

static DcFits option_fits(const DcRulesetSearch *search, const char *option, const char *value)
{
  const DcBrief *brief = search->brief;
  if (is(option, "-s") || is(option, "-d"))
    return dc_fits_address(brief, is(option, "-s"), value);
  if (is(option, "-p"))
    return dc_fits_protocol(brief, is(value, "ipv6-icmp") || is(value, "icmpv6") ? "ipv6-icmp" : value);
  if (is(option, "-i"))
    return dc_fits_device(search->device, value);
  if (is(option, "--dport") || is(option, "--dports"))
    return fits_ports(brief, true, value);
  if (is(option, "--sport") || is(option, "--sports"))
    return fits_ports(brief, false, value);
  return DC_FITS_OPEN;
}

static void rule_line(DcRulesetSearch *search, const char *shown, char **words, size_t count)
{
  const char *chain = words[1];
  DcFits fits = DC_FITS_YES;
  bool drops = false, negated = false;
  for (size_t at = 2; at < count; at++) {
    if (is(words[at], "!")) {
      negated = true;
      continue;
    }
    const char *value = at + 1 < count ? words[at + 1] : "";
    if (is(words[at], "-j") || is(words[at], "-g")) {
      drops = is(value, "DROP") || is(value, "REJECT");
      break;
    }
    if (is(words[at], "-m") || is(words[at], "--comment")) {
      at++;
      continue;
    }
    if (words[at][0] != '-')
      continue;
    if (search->brief != NULL) {
      const DcFits one = option_fits(search, words[at], value);
      fits = dc_fits_and(fits, negated ? dc_fits_not(one) : one);
    }
    negated = false;
    at++;
  }
  if (!drops)
    return;
  char place[128];
  g_snprintf(place, sizeof place, "%s %s", search->ip6tables ? "ip6tables" : "iptables", search->table);
  DcRulesetFit fit = DC_RULESET_NONE;
  if (search->brief == NULL || fits != DC_FITS_NO)
    fit = search->brief != NULL && fits == DC_FITS_YES && is_built_in(chain) ? DC_RULESET_FITS : DC_RULESET_MAYBE;
  dc_ruleset_offer(search->answer, fit, place, shown);
}

void dc_ruleset_iptables_line(DcRulesetSearch *search, char *line)
{
  g_strstrip(line);
  if (search->brief != NULL && (search->brief->has & DC_HAS_IP) != 0 &&
      search->brief->flow.ip_version != (search->ip6tables ? 6 : 4))
    return;
  if (line[0] == '*') {
    g_strlcpy(search->table, line + 1, sizeof search->table);
    return;
  }
  char copy[1024];
  g_strlcpy(copy, line, sizeof copy);
  char *words[WORDS_MAX];
  size_t count = dc_rule_words(copy, words, G_N_ELEMENTS(words));
  char **at = words;
  if (count > 0 && at[0][0] == '[') { /* counters of -c */
    at++;
    count--;
    const char *rule = strchr(line, ']');
    line += rule != NULL ? (size_t)(rule - line) + 1 : 0;
    line += strspn(line, " ");
  }
  if (count >= 2 && at[0][0] == ':') {
    if (is(at[1], "DROP") && on_the_way_in(at[0] + 1)) {
      char place[128];
      g_snprintf(place, sizeof place, "%s %s %s", search->ip6tables ? "ip6tables" : "iptables", search->table,
                 at[0] + 1);
      dc_ruleset_offer(search->answer, DC_RULESET_MAYBE, place, "policy DROP");
    }
    return;
  }
  if (count >= 3 && is(at[0], "-A") && on_the_way_in(at[1]))
    rule_line(search, line, at, count);
}
