/* Names and networks that must be known before anything is replaced; and the program's own words. */
#include "anonymize_private.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"
#include "dropcorr/source/sample_list.h"

#include <string.h>
#include <sys/utsname.h>

static int longest_first(gconstpointer a, gconstpointer b)
{
  return (int)strlen(*(const char *const *)b) - (int)strlen(*(const char *const *)a);
}

/* What every host may be called tells of none. */
static void learn_name(DcAnonymizer *anonymizer, const char *text, size_t len)
{
  static const char *const common[] = {"localhost", "localdomain", "(none)", "none"};
  g_autofree char *name = g_ascii_strdown(text, (gssize)len);
  if (len < 2 || anonymizer->names->len >= DC_ANON_NAMES_MAX || !g_ascii_isalnum(name[0]))
    return;
  for (size_t i = 0; i < G_N_ELEMENTS(common); i++)
    if (strcmp(name, common[i]) == 0)
      return;
  for (guint i = 0; i < anonymizer->names->len; i++)
    if (strcmp(g_ptr_array_index(anonymizer->names, i), name) == 0)
      return;
  const char *dot = strchr(name, '.');
  g_ptr_array_add(anonymizer->names, g_strdup(name));
  g_ptr_array_sort(anonymizer->names, longest_first);
  if (dot != NULL) {
    learn_name(anonymizer, name, (size_t)(dot - name)); /* alone, and the domain it is of */
    learn_name(anonymizer, dot + 1, strlen(dot + 1));
  }
}

/* The word behind a key at the beginning of a line. */
static void learn_value(DcAnonymizer *anonymizer, const char *text, const char *key)
{
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (!g_str_has_prefix(line, key))
      continue;
    const char *value = line + strlen(key);
    value += strspn(value, " =\t");
    learn_name(anonymizer, value, strcspn(value, " \t\r\n"));
  }
}

/* "inet 10.0.0.1/24": an address with its network. */
static void learn_networks(DcAnonymizer *anonymizer, const char *text)
{
  for (const char *slash = strchr(text, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    const char *begin = slash;
    while (begin > text && slash - begin < DC_ADDR_TEXT_MAX - 1 && (g_ascii_isdigit(begin[-1]) || begin[-1] == '.'))
      begin--;
    g_autofree char *word = g_strndup(begin, (gsize)(slash - begin));
    DcAddr addr;
    guint64 len;
    g_autofree char *digits = g_strndup(slash + 1, strspn(slash + 1, "0123456789"));
    if (dc_addr_parse(word, &addr) && g_ascii_string_to_unsigned(digits, 10, 0, 32, &len, NULL))
      dc_anon_add_network(anonymizer, &addr, (unsigned)len);
  }
}

void dc_anonymizer_learn(DcAnonymizer *anonymizer, const DcSample *sample)
{
  if (sample->len == 0)
    return;
  const char *object = dc_state_text_object(sample->name);
  if (object == NULL || anonymizer->frozen)
    return;
  g_autofree char *text = g_strndup(sample->text, sample->len);
  if (strcmp(object, "uname") == 0)
    learn_value(anonymizer, text, "Linux ");
  else if (strcmp(object, "sysctl") == 0) {
    learn_value(anonymizer, text, "kernel.hostname");
    learn_value(anonymizer, text, "kernel.domainname");
  } else if (strcmp(object, "addr") == 0 || strcmp(object, "link") == 0 || strcmp(object, "if_addrs") == 0) {
    learn_networks(anonymizer, text);
  }
}

void dc_anonymizer_learn_host(DcAnonymizer *anonymizer)
{
  struct utsname name;
  if (uname(&name) == 0)
    learn_name(anonymizer, name.nodename, strlen(name.nodename));
  g_autoptr(GByteArray) text = g_byte_array_new();
  const DcSampleObject *object = dc_sample_object("if_addrs");
  if (object == NULL || !dc_sample_read(object, "", text, NULL))
    return;
  const DcSample sample = {.name = object->name, .text = (const char *)text->data, .len = text->len};
  dc_anonymizer_learn(anonymizer, &sample);
}

/* --- the program's own words --------------------------------------------------------------- */

static bool is_among(const char *word, const char *const *list)
{
  for (; *list != NULL; list++)
    if (strcmp(word, *list) == 0)
      return true;
  return false;
}

static bool is_address(const char *word)
{
  g_autofree char *alone = g_strndup(word, strcspn(word, "/"));
  DcAddr addr;
  uint8_t mac[6];
  return dc_addr_parse(alone, &addr) || dc_mac_parse(word, mac) || strspn(word, "0123456789./") == strlen(word);
}

/* pcap-filter(7): where a word stands tells whether it is a name; one with a dot is. */
static bool is_filter_name(const char *word, bool behind_host)
{
  static const char *const keywords[] = {"host", "net",     "port", "portrange", "src",       "dst",  "and", "or",
                                         "not",  "ether",   "ip",   "ip6",       "arp",       "rarp", "tcp", "udp",
                                         "icmp", "gateway", "mask", "broadcast", "multicast", NULL};
  if (*word == '\0' || is_address(word) || is_among(word, keywords))
    return false;
  return behind_host || (strchr(word, '.') != NULL && strpbrk(word, "/:") == NULL);
}

char *dc_anonymizer_filter(DcAnonymizer *anonymizer, const char *filter)
{
  static const char *const before_names[] = {"host", "net", "src", "dst", "gateway", "ehost", NULL};
  static const char word_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-";
  if (filter == NULL)
    return NULL;
  GString *out = g_string_new(NULL);
  bool behind_host = false;
  while (*filter != '\0') {
    const size_t len = strspn(filter, word_characters);
    if (len == 0) {
      g_string_append_c(out, *filter++);
      continue;
    }
    g_autofree char *word = g_strndup(filter, len);
    if (is_filter_name(word, behind_host))
      g_string_append(out, dc_anon_name(anonymizer, DC_ANON_HOST, word, len));
    else
      dc_anonymizer_text(anonymizer, out, word, len);
    behind_host = is_among(word, before_names);
    filter += len;
  }
  return g_string_free(out, FALSE);
}

char *dc_anonymizer_command(DcAnonymizer *anonymizer, const char *command)
{
  (void)anonymizer;
  return command != NULL ? g_strdup("dropcorr (arguments left out)") : NULL;
}
