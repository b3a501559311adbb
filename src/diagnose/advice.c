#include "dropcorr/diagnose/catalogue.h"

#include <string.h>

/* What may stand in {}: everything else in braces (awk programs, nft sets) stays as it is. */
static const struct {
  const char *key;
  const char *placeholder;
} keys[] = {
    {"if", "IF"},
    {"port", "PORT"},
    {"transport", "TRANSPORT"},
    {"tunnel", "TUNNEL"},
    {"match", "TRANSPORT dport PORT"},
    {"iptables-match", "-p TRANSPORT --dport PORT"},
    {"src", "SRC"},
    {"dst", "DST"},
    {"ethertype", "ETHERTYPE"},
    {"vlan", "VID"},
    {"module", "MODULE"},
    {"rule", "RULE"},
    {"protocol", "PROTOCOL"},
    {"mac", "MAC"},
    {"nft-family", "inet"},
    {"nft-table", "TABLE"},
    {"nft-chain", "CHAIN"},
    {"nft-handle", "HANDLE"},
};
#define SYSCTL_PREFIX "sysctl:"
#define KEY_MAX 128

static const char *placeholder_of(const char *key)
{
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
    if (strcmp(keys[i].key, key) == 0)
      return keys[i].placeholder;
  if (g_str_has_prefix(key, SYSCTL_PREFIX))
    return "VALUE";
  return NULL;
}

/* Interface names, addresses and rule texts come from captures and files. A shell must take
 * each as one harmless word; a firewall rule may keep its blanks. */
static void append_value(GString *out, const char *key, const char *value)
{
  /* Made here, of numbers and protocol names: several words. */
  const bool words = strcmp(key, "match") == 0 || strcmp(key, "iptables-match") == 0;
  const char *extra = words || strcmp(key, "rule") == 0 || g_str_has_prefix(key, SYSCTL_PREFIX) ? " \t" : "";
  bool harmless = true;
  for (const char *at = value; *at != '\0'; at++)
    harmless = harmless && (g_ascii_isalnum(*at) || strchr("_.:/@%+,=-", *at) != NULL || strchr(extra, *at) != NULL);
  if (harmless) {
    g_string_append(out, value);
    return;
  }
  g_string_append_c(out, '\'');
  for (const char *at = value; *at != '\0'; at++) {
    if (*at == '\'')
      g_string_append(out, "'\\''");
    else
      g_string_append_c(out, g_ascii_iscntrl(*at) ? '?' : *at);
  }
  g_string_append_c(out, '\'');
}

/* Fills [text, end); false when a value was not known. */
static bool fill_span(GString *out, const char *text, const char *end, DcAdviceLookup lookup, void *data)
{
  bool all_known = true;
  for (const char *at = text; at < end;) {
    if (*at != '{') {
      g_string_append_c(out, *at++);
      continue;
    }
    const char *close = memchr(at, '}', (size_t)(end - at));
    size_t len = close != NULL ? (size_t)(close - at - 1) : 0;
    char key[KEY_MAX] = "";
    if (close != NULL && len < sizeof key)
      memcpy(key, at + 1, len);
    const char *placeholder = placeholder_of(key);
    if (placeholder == NULL) {
      g_string_append_c(out, *at++);
      continue;
    }
    /* "{sysctl:net.ipv4.conf.{if}.rp_filter}" would nest: sysctl names in templates do not. */
    const char *value = lookup != NULL ? lookup(key, data) : NULL;
    if (value != NULL && *value != '\0') {
      append_value(out, key, value);
    } else {
      g_string_append(out, placeholder);
      /* Without an incident all is a placeholder; a host's own value is none. */
      all_known = all_known && lookup == NULL && !g_str_has_prefix(key, SYSCTL_PREFIX);
    }
    at = close + 1;
  }
  return all_known;
}

char *dc_advice_fill(const char *template_text, DcAdviceLookup lookup, void *data)
{
  GString *out = g_string_new(NULL);
  const char *at = template_text;
  for (;;) {
    const char *open = strstr(at, "{?");
    const char *close = open != NULL ? strstr(open + 2, "?}") : NULL;
    if (close == NULL) {
      fill_span(out, at, at + strlen(at), lookup, data);
      return g_string_free(out, FALSE);
    }
    fill_span(out, at, open, lookup, data);
    gsize before = out->len;
    if (!fill_span(out, open + 2, close, lookup, data))
      g_string_truncate(out, before);
    at = close + 2;
  }
}

const char *dc_advice_tunnel(const DcBrief *brief)
{
  /* IANA protocol and port numbers; 8472 is Linux' own default for VXLAN. */
  enum { IPIP = 4, UDP = 17, IPV6 = 41, GRE = 47 };
  const bool v6 = brief->flow.ip_version == 6;
  if ((brief->has & DC_HAS_IP) == 0)
    return NULL;
  switch (brief->flow.protocol) {
  case IPIP:
    return v6 ? "ip6tnl" : "ipip";
  case IPV6:
    return v6 ? "ip6tnl" : "sit";
  case GRE:
    return v6 ? "ip6gre" : "gre";
  case UDP:
    return brief->flow.dst_port == 4789 || brief->flow.dst_port == 8472 ? "vxlan"
           : brief->flow.dst_port == 6081                               ? "geneve"
                                                                        : NULL;
  default:
    return NULL;
  }
}

const char *dc_advice_module(const DcBrief *brief)
{
  /* IANA protocol numbers and ethertypes against the modules of net/. */
  static const struct {
    uint16_t number;
    const char *module4, *module6;
  } protocols[] = {
      {4, "ipip", "ip6_tunnel"},    {41, "sit", "ip6_tunnel"}, {47, "ip_gre", "ip6_gre"},
      {50, "esp4", "esp6"},         {51, "ah4", "ah6"},        {108, "ipcomp", "ipcomp6"},
      {115, "l2tp_ip", "l2tp_ip6"}, {132, "sctp", "sctp"},     {33, "dccp", "dccp"},
  };
  static const struct {
    uint16_t number;
    const char *module;
  } ethertypes[] = {
      {0x0004, "llc"},   {0x8137, "ipx"},        {0x8847, "mpls_router"}, {0x8848, "mpls_router"},
      {0x8863, "pppoe"}, {0x8864, "pppoe"},      {0x88a2, "aoe"},         {0x88ca, "tipc"},
      {0x8906, "fcoe"},  {0x4305, "batman_adv"}, {0x88e5, "macsec"},      {0x80f3, "appletalk"},
  };
  if ((brief->has & DC_HAS_IP) != 0) {
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
      if (protocols[i].number == brief->flow.protocol)
        return brief->flow.ip_version == 6 ? protocols[i].module6 : protocols[i].module4;
    return NULL;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(ethertypes); i++)
    if (ethertypes[i].number == brief->flow.ethertype)
      return ethertypes[i].module;
  return NULL;
}
