#include "context_layout.h"

#include "dropcorr/decode/state_text.h"

#include <glib.h>
#include <string.h>

#define PARTS_MAX 24

static const struct {
  const char *prefix, *folder;
  uint8_t rank;
  DcPhase phase;
} phases[] = {{"earlier.", "earlier", DC_RANK_EARLIER, DC_PHASE_BEFORE},
              {"before.", "before", DC_RANK_ONCE, DC_PHASE_BEFORE},
              {"after.", "after", DC_RANK_AFTER, DC_PHASE_AFTER}};

/* As sos names its files: of several for one object the first of these is the best. */
static const struct {
  const char *command, *object;
  bool device; /* follows */
} commands[] = {
    {"ethtool_-S_", "ethtool_S_", true},
    {"ethtool_-g_", "ethtool_g_", true},
    {"ethtool_-i_", "ethtool_i_", true},
    {"ethtool_-k_", "ethtool_k_", true},
    {"nft_-a_list_ruleset", "nft", false},
    {"nft_list_ruleset", "nft", false},
    {"iptables-save_-c", "iptables-save", false},
    {"iptables-save", "iptables-save", false},
    {"ip6tables-save_-c", "ip6tables-save", false},
    {"ip6tables-save", "ip6tables-save", false},
    {"ss_-peaonmi", "ss_m", false},
    {"ss_-peaonm", "ss_m", false},
    {"ip_-d_address", "addr", false},
    {"ip_address", "addr", false},
    {"ip_-s_-d_link", "link", false},
    {"ip_-s_link", "link", false},
    {"ip_route_show_table_all", "route", false},
    {"ip_neigh_show_nud_noarp", "neigh", false},
    {"ip_-s_-s_neigh_show", "neigh", false},
    {"ip_-4_rule_list", "rule", false},
    {"ip_-4_rule", "rule", false},
    {"tc_-s_qdisc_show", "tc", false},
    {"netstat_-s", "netstat_s", false},
    {"netstat_-i", "netstat_i", false},
    {"conntrack_-S", "conntrack_S", false},
    {"sysctl_-a", "sysctl", false},
    {"uname_-a", "uname", false},
    {"dmesg", "dmesg", false},
    {"ifconfig_-a", "ifconfig", false},
};
G_STATIC_ASSERT(G_N_ELEMENTS(commands) <= DC_PREFERENCE_SOS_MAX);

void dc_context_part_clear(DcContextPart *part)
{
  g_clear_pointer(&part->object, g_free);
  g_clear_pointer(&part->key, g_free);
}

static bool is_number(const char *text)
{
  return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

static bool take_file(const char *object, uint8_t preference, DcContextPart *part)
{
  if (!dc_state_text_known(object, NULL))
    return false;
  part->kind = DC_PART_FILE;
  part->object = g_strdup(object);
  part->preference = preference;
  return true;
}

static bool take_command(const char *file, DcContextPart *part)
{
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
    const bool fits =
        commands[i].device ? g_str_has_prefix(file, commands[i].command) : strcmp(file, commands[i].command) == 0;
    if (!fits)
      continue;
    g_autofree char *object =
        g_strconcat(commands[i].object, commands[i].device ? file + strlen(commands[i].command) : NULL, NULL);
    return take_file(object, (uint8_t)(DC_PREFERENCE_SOS_MAX - i), part);
  }
  return false;
}

/* net/X and net/stat/X below /proc: what of them is worth most. */
static bool take_proc_net(char *const *parts, guint net, guint count, DcContextPart *part)
{
  const char *above = net > 0 ? parts[net - 1] : "";
  const uint8_t preference = strcmp(above, "proc") == 0 || net == 0   ? 40
                             : strcmp(above, "self") == 0             ? 39
                             : is_number(above) && strcmp(above, "1") ? 30
                                                                      : 38;
  /* A table of its own, which nothing here reads: "route" is what ip prints. */
  if (strcmp(parts[count - 1], "route") == 0)
    return false;
  if (count == net + 2)
    return take_file(parts[net + 1], preference, part);
  if (count != net + 3 || strcmp(parts[net + 1], "stat") != 0)
    return false;
  g_autofree char *object = g_strconcat("stat_", parts[net + 2], NULL);
  return take_file(object, preference, part);
}

static bool take_setting(char **parts, guint from, DcContextPart *part)
{
  part->kind = DC_PART_SETTING;
  part->object = g_strdup("sysctl");
  part->key = g_strjoinv(".", parts + from);
  return true;
}

static bool take_counter(char *const *parts, guint net, DcContextPart *part)
{
  part->kind = DC_PART_COUNTER;
  part->object = g_strconcat("sys_", parts[net + 1], NULL);
  part->key = g_strdup(parts[net + 3]);
  return dc_state_text_known(part->object, NULL);
}

static gint find(char *const *parts, guint count, const char *name)
{
  for (guint i = 0; i < count; i++)
    if (strcmp(parts[i], name) == 0)
      return (gint)i;
  return -1;
}

static bool take_tree(char **parts, guint count, DcContextPart *part)
{
  const gint sos = find(parts, count, "sos_commands");
  if (sos >= 0) /* below namespaces/ are other network namespaces */
    return count == (guint)sos + 3 && take_command(parts[count - 1], part);
  for (guint i = 0; i + 1 < count; i++) {
    if (strcmp(parts[i], "net") != 0)
      continue;
    if (count == i + 4 && strcmp(parts[i + 2], "statistics") == 0)
      return take_counter(parts, i, part);
    if (i > 0 && strcmp(parts[i - 1], "sys") == 0)
      return (i < 2 || strcmp(parts[i - 2], "proc") == 0) && take_setting(parts, i, part);
    return take_proc_net(parts, i, count, part);
  }
  const gint proc = find(parts, count, "proc");
  return proc >= 0 && count == (guint)proc + 2 && strcmp(parts[count - 1], "version") == 0 &&
         take_file("version", 10, part);
}

bool dc_context_part_of(const char *path, bool in_archive, DcContextPart *ret_part)
{
  g_auto(GStrv) parts = g_strsplit(path, "/", PARTS_MAX + 1);
  guint count = g_strv_length(parts), from = 0;
  *ret_part = (DcContextPart){.rank = DC_RANK_ONCE, .phase = DC_PHASE_ONCE};
  if (count == 0 || count > PARTS_MAX)
    return false;
  /* A folder of its own, as archives have, and one for each time. */
  for (guint at = 0; at < MIN(count - 1, 2u); at++)
    for (size_t i = 0; i < G_N_ELEMENTS(phases); i++)
      if (strcmp(parts[at], phases[i].folder) == 0) {
        ret_part->rank = phases[i].rank;
        ret_part->phase = (uint8_t)phases[i].phase;
        from = at + 1;
      }
  if (take_tree(parts + from, count - from, ret_part))
    return true;
  dc_context_part_clear(ret_part);
  const bool bare =
      count - from == 1 || (in_archive && count == 2 && from == 0) || strcmp(parts[count - 2], "context") == 0;
  if (!bare)
    return false;
  const char *object = parts[count - 1];
  for (size_t i = 0; i < G_N_ELEMENTS(phases) && from == 0; i++)
    if (g_str_has_prefix(object, phases[i].prefix)) {
      object += strlen(phases[i].prefix);
      ret_part->rank = phases[i].rank;
      ret_part->phase = (uint8_t)phases[i].phase;
      break;
    }
  return take_file(object, DC_PREFERENCE_BARE, ret_part);
}

bool dc_context_wants_folder(const char *path)
{
  const char *name = strrchr(path, '/');
  if (name == NULL)
    return true;
  /* A process's folder has thousands of files, and one that is of interest. */
  g_autofree char *above = g_path_get_dirname(path);
  g_autofree char *parent = g_path_get_basename(above);
  return !is_number(parent) || strcmp(name + 1, "net") == 0;
}
