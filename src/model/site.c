#include "dropcorr/model/site.h"

#include "site_table.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

/* The groups spread out to one row a function, and an index by name. Built once, then
 * only read; pthread_once, because GLib's own is opaque to ThreadSanitizer. */
static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static DcSite *table;
static size_t table_count;
static GHashTable *table_index;

static size_t count_symbols(const DcSiteGroup *groups, size_t group_count)
{
  size_t count = 0;
  for (size_t i = 0; i < group_count; i++) {
    count++;
    for (const char *at = groups[i].symbols; *at != '\0'; at++)
      count += *at == ' ';
  }
  return count;
}

static void spread_groups(const DcSiteGroup *groups, size_t group_count)
{
  for (size_t i = 0; i < group_count; i++) {
    for (const char *at = groups[i].symbols; *at != '\0';) {
      size_t len = strcspn(at, " ");
      DcSite *site = &table[table_count++];
      site->symbol = g_strndup(at, len);
      site->flags = groups[i].flags;
      memcpy(site->causes, groups[i].causes, sizeof site->causes);
      site->note = groups[i].note;
      site->kernels = groups[i].kernels;
      g_hash_table_insert(table_index, (void *)site->symbol, site);
      at += len;
      at += strspn(at, " ");
    }
  }
}

static void build_table(void)
{
  table = g_new0(DcSite, count_symbols(dc_site_groups_low, dc_site_groups_low_count) +
                             count_symbols(dc_site_groups_high, dc_site_groups_high_count));
  table_index = g_hash_table_new(g_str_hash, g_str_equal);
  spread_groups(dc_site_groups_low, dc_site_groups_low_count);
  spread_groups(dc_site_groups_high, dc_site_groups_high_count);
}

const DcSite *dc_site_table(size_t *ret_count)
{
  pthread_once(&table_once, build_table);
  *ret_count = table_count;
  return table;
}

static bool family_takes(const DcSiteFamily *family, const char *symbol, size_t len)
{
  size_t text_len = strlen(family->text);
  if (text_len > len)
    return false;
  switch (family->where) {
  case DC_NAME_BEGINS:
    return memcmp(symbol, family->text, text_len) == 0;
  case DC_NAME_ENDS:
    return memcmp(symbol + len - text_len, family->text, text_len) == 0;
  case DC_NAME_CONTAINS:
    return memmem(symbol, len, family->text, text_len) != NULL;
  }
  return false;
}

#define SYMBOL_MAX 128 /* KSYM_NAME_LEN was 128 until 6.1, then 512; no row is longer than this */

static const DcSite *find_site(const char *symbol, size_t symbol_len)
{
  const size_t len = dc_site_strip_suffix(symbol, symbol_len);
  if (len == 0 || len >= SYMBOL_MAX)
    return NULL;
  char name[SYMBOL_MAX];
  memcpy(name, symbol, len);
  name[len] = '\0';

  pthread_once(&table_once, build_table);
  const DcSite *site = g_hash_table_lookup(table_index, name);
  for (size_t i = 0; site == NULL && i < dc_site_family_count; i++)
    if (family_takes(&dc_site_families[i], name, len))
      site = &dc_site_families[i].site;
  return site;
}

/* Packets are dropped in few functions, and each drop is asked about several times: the last answers, in a place that
 * follows from where the name is stored. */
#define ANSWERS 64u

typedef struct {
  char symbol[SYMBOL_MAX]; /* empty: none yet */
  const DcSite *site;
} Answer;

const DcSite *dc_site_lookup(const char *symbol)
{
  static _Thread_local Answer answers[ANSWERS];
  if (symbol == NULL || *symbol == '\0')
    return NULL;
  Answer *answer = &answers[(uintptr_t)symbol / sizeof(void *) % ANSWERS];
  if (strcmp(answer->symbol, symbol) == 0)
    return answer->site;
  const size_t len = strlen(symbol);
  const DcSite *site = find_site(symbol, len);
  if (len < SYMBOL_MAX) {
    memcpy(answer->symbol, symbol, len + 1);
    answer->site = site;
  }
  return site;
}

/* The length before a trailing ".name", or len when there is none. */
static size_t strip_name(const char *symbol, size_t len)
{
  static const char *const names[] = {".isra", ".constprop", ".part", ".cold", ".lto_priv", ".llvm", ".cfi", ".cfi_jt"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    size_t name_len = strlen(names[i]);
    if (len > name_len && memcmp(symbol + len - name_len, names[i], name_len) == 0)
      return len - name_len;
  }
  return len;
}

/* One suffix with or without its number: gcc before 8 wrote .cold.12, later ones .cold, and
 * a name that was cut at 39 characters may have lost its number. */
static size_t strip_one(const char *symbol, size_t len)
{
  size_t digits = 0;
  while (digits < len && g_ascii_isdigit(symbol[len - 1 - digits]))
    digits++;
  if (digits > 0 && digits < len && symbol[len - 1 - digits] == '.') {
    size_t unnumbered = len - digits - 1;
    size_t stripped = strip_name(symbol, unnumbered);
    return stripped < unnumbered ? stripped : len;
  }
  return strip_name(symbol, len);
}

size_t dc_site_strip_suffix(const char *symbol, size_t len)
{
  for (;;) {
    size_t shorter = strip_one(symbol, len);
    if (shorter == len)
      return len;
    len = shorter;
  }
}

bool dc_reason_is_unspecified(const char *reason)
{
  return reason == NULL || *reason == '\0' || strcmp(reason, "NOT_SPECIFIED") == 0;
}

bool dc_reason_is_consumed(const char *reason)
{
  return reason != NULL && (strcmp(reason, "SKB_CONSUMED") == 0 || strcmp(reason, "CONSUMED") == 0);
}

/* tcp_data_queue(), tcp_sequence(), tcp_data_queue_ofo() of net/ipv4/tcp_input.c; ip_frag_queue(). */
bool dc_reason_is_repetition(const char *reason)
{
  static const char *const names[] = {"TCP_OLD_DATA", "TCP_OLD_SEQUENCE", "TCP_OFOMERGE", "DUP_FRAG"};
  for (size_t i = 0; reason != NULL && i < G_N_ELEMENTS(names); i++)
    if (strcmp(reason, names[i]) == 0)
      return true;
  return false;
}

bool dc_reason_is_capture(const char *reason)
{
  return reason != NULL && strcmp(reason, "PACKET_SOCK_ERROR") == 0;
}

/* Of include/net/dropreason-core.h up to 6.18; families by prefix, because they grow. */
bool dc_reason_is_transmit(const char *reason)
{
  static const char *const prefixes[] = {"QDISC_", "FQ_", "CAKE_", "DUALPI2_", "NEIGH_"};
  static const char *const names[] = {"TC_EGRESS",   "IP_OUTNOROUTES", "BPF_CGROUP_EGRESS", "TUNNEL_TXINFO",
                                      "SKB_GSO_SEG", "NO_TX_TARGET",   "VXLAN_NO_REMOTE",   "PSP_OUTPUT"};
  if (reason == NULL)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
    if (g_str_has_prefix(reason, prefixes[i]))
      return true;
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (strcmp(reason, names[i]) == 0)
      return true;
  return false;
}
