#include "ruleset_private.h"

#include <stdlib.h>
#include <string.h>

/* A drop storm asks for each drop: larger listings are not searched. */
#define TEXT_MAX ((size_t)256 * 1024)

/* --- answers of one condition ------------------------------------------------------ */

DcFits dc_fits_not(DcFits fits)
{
  return fits == DC_FITS_OPEN ? DC_FITS_OPEN : fits == DC_FITS_YES ? DC_FITS_NO : DC_FITS_YES;
}

DcFits dc_fits_and(DcFits a, DcFits b)
{
  if (a == DC_FITS_NO || b == DC_FITS_NO)
    return DC_FITS_NO;
  return a == DC_FITS_OPEN || b == DC_FITS_OPEN ? DC_FITS_OPEN : DC_FITS_YES;
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
DcFits dc_fits_port(const DcBrief *brief, bool destination, const char *text)
{
  if ((brief->has & DC_HAS_PORTS) == 0)
    return DC_FITS_NO;
  const unsigned long port = destination ? brief->flow.dst_port : brief->flow.src_port;
  char copy[32];
  if (g_strlcpy(copy, text, sizeof copy) >= sizeof copy)
    return DC_FITS_OPEN;
  char *dash = strpbrk(copy, "-:");
  unsigned long low = 0, high = UINT16_MAX;
  if (dash == NULL) {
    if (!to_number(copy, UINT16_MAX, &low))
      return DC_FITS_OPEN;
    return port == low ? DC_FITS_YES : DC_FITS_NO;
  }
  *dash = '\0';
  if ((*copy != '\0' && !to_number(copy, UINT16_MAX, &low)) ||
      (dash[1] != '\0' && !to_number(dash + 1, UINT16_MAX, &high)))
    return DC_FITS_OPEN;
  return port >= low && port <= high ? DC_FITS_YES : DC_FITS_NO;
}

/* "10.0.0.0/8", "fd00::1"; ranges and names are left open. */
DcFits dc_fits_address(const DcBrief *brief, bool source, const char *text)
{
  if ((brief->has & DC_HAS_IP) == 0)
    return DC_FITS_NO;
  char copy[64];
  if (g_strlcpy(copy, text, sizeof copy) >= sizeof copy)
    return DC_FITS_OPEN;
  char *slash = strchr(copy, '/');
  unsigned long bits = 0;
  if (slash != NULL) {
    *slash = '\0';
    if (!to_number(slash + 1, 128, &bits))
      return DC_FITS_OPEN;
  }
  DcAddr addr;
  if (!dc_addr_parse(copy, &addr))
    return DC_FITS_OPEN;
  if (addr.version != brief->flow.ip_version)
    return DC_FITS_NO;
  const unsigned long whole = addr.version == 6 ? 128 : 32;
  if (slash == NULL)
    bits = whole;
  if (bits > whole)
    return DC_FITS_OPEN;
  const uint8_t *have = source ? brief->flow.src : brief->flow.dst;
  for (unsigned long i = 0; i < bits; i += 8) {
    const unsigned mask = bits - i >= 8 ? 0xffu : 0xffu << (8 - (bits - i)) & 0xffu;
    if ((((unsigned)have[i / 8] ^ addr.bytes[i / 8]) & mask) != 0)
      return DC_FITS_NO;
  }
  return DC_FITS_YES;
}

DcFits dc_fits_protocol(const DcBrief *brief, const char *text)
{
  if ((brief->has & DC_HAS_IP) == 0)
    return DC_FITS_NO;
  if (strcmp(text, "all") == 0)
    return DC_FITS_YES;
  char scratch[4];
  if (strcmp(text, dc_ip_protocol_name(brief->flow.protocol, scratch)) == 0)
    return DC_FITS_YES;
  unsigned long number;
  if (to_number(text, UINT8_MAX, &number))
    return number == brief->flow.protocol ? DC_FITS_YES : DC_FITS_NO;
  /* Names of protocols not known here (gre, ospf) are none of these three. */
  const bool usual = brief->flow.protocol == 6 || brief->flow.protocol == 17 || brief->flow.protocol == 1;
  return usual ? DC_FITS_NO : DC_FITS_OPEN;
}

DcFits dc_fits_device(const char *device, const char *text)
{
  if (device == NULL)
    return DC_FITS_OPEN;
  const size_t len = strlen(text);
  if (len > 0 && (text[len - 1] == '*' || text[len - 1] == '+'))
    return strncmp(device, text, len - 1) == 0 ? DC_FITS_YES : DC_FITS_NO;
  return strcmp(device, text) == 0 ? DC_FITS_YES : DC_FITS_NO;
}

/* --- words of a line ------------------------------------------------------------------ */

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

/* --- the search ------------------------------------------------------------------------- */

void dc_ruleset_offer(DcRulesetAnswer *answer, DcRulesetFit fit, const char *place, const char *rule)
{
  answer->dropping++;
  if (fit <= answer->fit)
    return;
  answer->fit = fit;
  g_snprintf(answer->rule, sizeof answer->rule, "%s: %s", place, rule);
}

static bool search_text(const DcState *state, const char *name, DcRulesetSearch *search,
                        void (*line)(DcRulesetSearch *search, char *text))
{
  const char *text = dc_state_text(state, name);
  if (text == NULL)
    return false;
  if (strlen(text) > TEXT_MAX) {
    search->too_large = true;
    return false;
  }
  search->ip6tables = strcmp(name, "ip6tables-save") == 0;
  search->block = DC_BLOCK_NONE;
  search->chain_counts = false;
  char copy[1024];
  while (*text != '\0') {
    const size_t len = strcspn(text, "\n");
    g_strlcpy(copy, text, MIN(len + 1, sizeof copy));
    line(search, copy);
    text += len;
    text += *text == '\n';
  }
  return true;
}

void dc_ruleset_search(const DcState *state, const DcBrief *brief, const char *device, DcRulesetAnswer *ret_answer)
{
  memset(ret_answer, 0, sizeof *ret_answer);
  if (state == NULL)
    return;
  DcRulesetSearch search = {.brief = brief, .device = device, .answer = ret_answer};
  ret_answer->fit = DC_RULESET_NONE;
  bool any = search_text(state, "nft", &search, dc_ruleset_nft_line);
  any |= search_text(state, "iptables-save", &search, dc_ruleset_iptables_line);
  any |= search_text(state, "ip6tables-save", &search, dc_ruleset_iptables_line);
  if (ret_answer->fit == DC_RULESET_NONE && (!any || search.too_large))
    ret_answer->fit = DC_RULESET_UNKNOWN;
}
