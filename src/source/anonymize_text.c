/*
 * Addresses and names in texts: of /proc, of tools, of the kernel's log. What they look like is known, where they
 * stand only for some objects:
 *
 *   anywhere     10.0.0.1  10.0.0.0/8  fd00::1  fd00::/64  02:00:00:00:00:01  host names
 *   tcp, udp6    0100000A:0016                         hexadecimal words in the machine's byte order
 *   if_inet6     fd000000000000000000000000000001      in network order
 *   ss           users:(("nginx",pid=7,fd=3))
 *   nft, iptables-save   comment "...", log prefix "..."
 *
 * Of sysctl and the kernel's log only what bears on the network stays.
 */
#include "anonymize_private.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"

#include <string.h>

#define MAC_TEXT 17 /* "02:00:00:00:00:01" */

static bool is_word(char c)
{
  return g_ascii_isalnum(c) || c == '_';
}

/* Characters an address may not touch: "1.10.3" of a longer number, names with digits. */
static bool begins_here(const char *text, size_t at)
{
  return at == 0 || !(is_word(text[at - 1]) || text[at - 1] == '.' || text[at - 1] == ':');
}

static bool ends_here(const char *text, size_t len, size_t at)
{
  return at >= len || !is_word(text[at]);
}

/* --- one address ---------------------------------------------------------------------------- */

static void append_mac(DcAnonymizer *anonymizer, GString *out, const uint8_t mac[6], char separator)
{
  uint8_t mapped[6];
  dc_anonymizer_mac(anonymizer, mac, mapped);
  for (size_t i = 0; i < 6; i++)
    g_string_append_printf(out, "%s%02x", i == 0 ? "" : separator == '-' ? "-" : ":", mapped[i]);
}

/* Pairs of digits with one separator: how many, up to max. */
static size_t read_pairs(const char *text, size_t len, char separator, size_t max, uint8_t *ret_bytes)
{
  size_t count = 0;
  for (size_t at = 0; count < max && at + 2 <= len; at += 3) {
    const int high = g_ascii_xdigit_value(text[at]), low = g_ascii_xdigit_value(text[at + 1]);
    if (high < 0 || low < 0)
      break;
    ret_bytes[count++] = (uint8_t)(high << 4 | low);
    if (at + 2 >= len || text[at + 2] != separator)
      break;
  }
  return count;
}

/* "02:..:01"; and the kernel's "MAC=" of log lines, which is two of them and a type. How many characters. */
static size_t take_mac(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  if (len < MAC_TEXT || (text[2] != ':' && text[2] != '-'))
    return 0;
  const char separator = text[2];
  uint8_t bytes[24];
  const size_t count = read_pairs(text, len, separator, sizeof bytes, bytes);
  const size_t used = count * 3 - 1;
  if ((count != 6 && count != 14) || !ends_here(text, len, used) || (used < len && text[used] == separator))
    return 0;
  append_mac(anonymizer, out, bytes, separator);
  if (count == 14) {
    g_string_append_c(out, separator);
    append_mac(anonymizer, out, bytes + 6, separator);
    g_string_append_printf(out, "%c%02x%c%02x", separator, bytes[12], separator, bytes[13]);
  }
  return used;
}

static size_t read_prefix_len(const char *text, size_t len, unsigned max, unsigned *ret_bits)
{
  unsigned bits = 0;
  size_t at = 1;
  if (len < 2 || text[0] != '/')
    return 0;
  for (; at < len && at < 4 && g_ascii_isdigit(text[at]); at++)
    bits = bits * 10 + (unsigned)(text[at] - '0');
  if (at == 1 || bits > max || !ends_here(text, len, at))
    return 0;
  *ret_bits = bits;
  return at;
}

static bool has_host_bits(const DcAddr *addr, unsigned bits, unsigned all)
{
  for (unsigned bit = bits; bit < all; bit++)
    if (addr->bytes[bit / 8] >> (7 - bit % 8) & 1)
      return true;
  return false;
}

static void clear_host_bits(DcAddr *addr, unsigned bits, unsigned all)
{
  for (unsigned bit = bits; bit < all; bit++)
    addr->bytes[bit / 8] = (uint8_t)(addr->bytes[bit / 8] & ~(0x80 >> bit % 8));
}

/* With the "/24" that may follow: a network stays one, with zeros behind its bits. */
static size_t append_addr(DcAnonymizer *anonymizer, GString *out, const DcAddr *addr, const char *rest, size_t len)
{
  const unsigned all = addr->version == 4 ? 32 : 128;
  unsigned bits = all;
  const size_t used = read_prefix_len(rest, len, all, &bits);
  DcAddr mapped = dc_anonymizer_addr(anonymizer, addr);
  if (used > 0 && !has_host_bits(addr, bits, all))
    clear_host_bits(&mapped, bits, all);
  char text[DC_ADDR_TEXT_MAX];
  g_string_append(out, dc_addr_format(&mapped, text));
  g_string_append_len(out, rest, (gssize)used);
  return used;
}

/* Digits, dots and colons: the longest beginning of them that is an address. */
static size_t take_addr(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  char copy[DC_ADDR_TEXT_MAX];
  size_t run = 0, colons = 0, dots = 0;
  for (; run < len && run < sizeof copy - 1 && (g_ascii_isxdigit(text[run]) || text[run] == '.' || text[run] == ':');
       run++) {
    colons += text[run] == ':';
    dots += text[run] == '.';
  }
  if ((colons < 2 && dots < 3) || !ends_here(text, len, run))
    return 0;
  /* "800::800": a handle of tc, and no address anybody has. */
  if (run == 8 && memcmp(text + 3, "::", 2) == 0 && text[0] != 'f')
    return 0;
  /* "10.0.0.1:22", "fd00::1:", "10.0.0.1." */
  for (size_t end = run; end > 1; end--) {
    const bool cut = end < run;
    if (cut && text[end] != ':' && text[end] != '.')
      continue;
    memcpy(copy, text, end);
    copy[end] = '\0';
    DcAddr addr;
    if (!dc_addr_parse(copy, &addr))
      continue;
    /* A port behind an IPv4 address; a lone mark at the end of a sentence; nothing else. */
    if (cut && !(addr.version == 4 && text[end] == ':') && end + 1 != run)
      return 0;
    return end + append_addr(anonymizer, out, &addr, text + end, len - end);
  }
  return 0;
}

static size_t take_name(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  for (guint i = 0; i < anonymizer->names->len; i++) {
    const char *name = g_ptr_array_index(anonymizer->names, i);
    const size_t name_len = strlen(name);
    if (name_len > len || g_ascii_strncasecmp(text, name, name_len) != 0)
      continue;
    if (name_len < len && (is_word(text[name_len]) || text[name_len] == '-'))
      continue;
    g_string_append(out, dc_anon_name(anonymizer, DC_ANON_HOST, name, name_len));
    return name_len;
  }
  return 0;
}

/* names: host names too. Where a tool writes none, a host that is called like one of its words must not spoil them. */
static void map_text(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len, bool names)
{
  for (size_t at = 0; at < len;) {
    size_t used = 0;
    if (begins_here(text, at) && (g_ascii_isxdigit(text[at]) || text[at] == ':')) {
      used = take_mac(anonymizer, out, text + at, len - at);
      if (used == 0)
        used = take_addr(anonymizer, out, text + at, len - at);
    }
    if (used == 0 && names && (at == 0 || (!is_word(text[at - 1]) && text[at - 1] != '-')))
      used = take_name(anonymizer, out, text + at, len - at);
    if (used == 0) {
      /* The rest of a word is passed in one go. */
      const size_t begin = at;
      while (at < len && is_word(text[at]))
        at++;
      at += at == begin;
      g_string_append_len(out, text + begin, (gssize)(at - begin));
    }
    at += used;
  }
}

void dc_anonymizer_text(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  map_text(anonymizer, out, text, len, true);
}

static void addresses(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  map_text(anonymizer, out, text, len, false);
}

/* --- objects ---------------------------------------------------------------------------------- */

/* The machine's byte order: each 32-bit word as the kernel holds it. */
static void append_words(DcAnonymizer *anonymizer, GString *out, const char *digits, size_t len, bool network_order)
{
  uint8_t bytes[16] = {0};
  for (size_t i = 0; i < len / 2; i++) {
    const int value = g_ascii_xdigit_value(digits[2 * i]) << 4 | g_ascii_xdigit_value(digits[2 * i + 1]);
    /* Printed as a number: on a little-endian machine the last byte comes first. */
    const size_t place = network_order || G_BYTE_ORDER == G_BIG_ENDIAN ? i : i / 4 * 4 + (3 - i % 4);
    bytes[place] = (uint8_t)value;
  }
  DcAddr addr = {.version = len == 8 ? 4 : 6};
  memcpy(addr.bytes, bytes, len / 2);
  const DcAddr mapped = dc_anonymizer_addr(anonymizer, &addr);
  for (size_t i = 0; i < len / 2; i++) {
    const size_t place = network_order || G_BYTE_ORDER == G_BIG_ENDIAN ? i : i / 4 * 4 + (3 - i % 4);
    g_string_append_printf(out, network_order ? "%02x" : "%02X", mapped.bytes[place]);
  }
}

static size_t count_hex(const char *text, size_t len)
{
  size_t n = 0;
  while (n < len && g_ascii_isxdigit(text[n]))
    n++;
  return n;
}

/* "0: 0100000A:0016 00000000:0000 0A ..." */
static void proc_sockets(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  for (size_t at = 0; at < len;) {
    const size_t digits = at == 0 || text[at - 1] == ' ' ? count_hex(text + at, len - at) : 0;
    const bool port = at + digits + 5 <= len && text[at + digits] == ':' && count_hex(text + at + digits + 1, 4) == 4;
    if ((digits == 8 || digits == 32) && port) {
      append_words(anonymizer, out, text + at, digits, false);
      at += digits;
    } else {
      g_string_append_c(out, text[at++]);
    }
  }
}

static void if_inet6(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  for (size_t at = 0; at < len;) {
    if ((at == 0 || text[at - 1] == '\n') && count_hex(text + at, len - at) == 32) {
      append_words(anonymizer, out, text + at, 32, true);
      at += 32;
    } else {
      g_string_append_c(out, text[at++]);
    }
  }
}

/* Lines of a text, one at a time, without their ends. */
static bool next_line(const char **text, size_t *len, const char **ret_line, size_t *ret_len)
{
  if (*len == 0)
    return false;
  const char *newline = memchr(*text, '\n', *len);
  *ret_line = *text;
  *ret_len = newline != NULL ? (size_t)(newline - *text) : *len;
  const size_t used = *ret_len + (newline != NULL);
  *text += used;
  *len -= used;
  return true;
}

static void put_line(DcAnonymizer *anonymizer, GString *out, const char *line, size_t len)
{
  dc_anonymizer_text(anonymizer, out, line, len);
  g_string_append_c(out, '\n');
}

static bool starts_with(const char *line, size_t len, const char *prefix)
{
  return len >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0;
}

static void sysctl(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  static const char *const kept[] = {"net.", "vm.", "fs.file-"};
  const char *line;
  size_t line_len;
  while (next_line(&text, &len, &line, &line_len)) {
    const char *equals = memchr(line, '=', line_len);
    const size_t key_len = equals != NULL ? (size_t)(equals - line) : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
      if (!starts_with(line, line_len, kept[i]))
        continue;
      g_string_append_len(out, line, (gssize)key_len);
      put_line(anonymizer, out, line + key_len, line_len - key_len);
    }
  }
}

static void dmesg(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  const char *line;
  size_t line_len;
  while (next_line(&text, &len, &line, &line_len)) {
    if (dc_state_text_is_drop_line(line, line_len))
      put_line(anonymizer, out, line, line_len);
  }
}

/* Text whose quoted words behind one of these keys are names; anything else as usual. */
static void with_names(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len, const char *const *keys,
                       DcAnonKind kind)
{
  size_t plain = 0; /* text up to here is written */
  for (size_t at = 0; at < len; at++) {
    if (text[at] != '"')
      continue;
    bool named = false;
    for (const char *const *key = keys; *key != NULL && !named; key++) {
      const size_t key_len = strlen(*key);
      named = at >= key_len && memcmp(text + at - key_len, *key, key_len) == 0;
    }
    size_t end = at + 1;
    while (end < len && text[end] != '"' && text[end] != '\n')
      end += text[end] == '\\' && end + 1 < len ? 2 : 1;
    end = MIN(end, len);
    if (named) {
      addresses(anonymizer, out, text + plain, at + 1 - plain);
      g_string_append(out, dc_anon_name(anonymizer, kind, text + at + 1, end - at - 1));
      plain = end;
    }
    at = end;
  }
  addresses(anonymizer, out, text + plain, len - plain);
}

/* users:(("nginx",pid=7,fd=3),("nginx",pid=8,fd=3)) */
static void sockets(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  static const char *const keys[] = {"((", ",(", NULL};
  with_names(anonymizer, out, text, len, keys, DC_ANON_PROCESS);
}

static void rules(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  static const char *const keys[] = {"comment ",      "--comment ",  "prefix ",         "--log-prefix ", "--string ",
                                     "--hex-string ", "skuid ",      "skgid ",          "\"comment\": ", "\"prefix\": ",
                                     "\"comment\":",  "\"prefix\":", "--nflog-prefix ", "--bytecode ",   NULL};
  with_names(anonymizer, out, text, len, keys, DC_ANON_TEXT);
}

/* "link/ether 02:.. link-netns client", "alias core uplink": words of somebody's choice. */
static void links(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  static const char *const keys[] = {"link-netns ", "alias "};
  const char *line;
  size_t line_len;
  while (next_line(&text, &len, &line, &line_len)) {
    size_t named = line_len, end = line_len;
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
      const char *found = memmem(line, line_len, keys[i], strlen(keys[i]));
      if (found == NULL || (size_t)(found - line) + strlen(keys[i]) >= named)
        continue;
      named = (size_t)(found - line) + strlen(keys[i]);
      const char *blank = i == 0 ? memchr(line + named, ' ', line_len - named) : NULL; /* an alias fills its line */
      end = blank != NULL ? (size_t)(blank - line) : line_len;
    }
    map_text(anonymizer, out, line, named, true);
    if (end > named)
      g_string_append(out, dc_anon_name(anonymizer, DC_ANON_TEXT, line + named, end - named));
    put_line(anonymizer, out, line + end, line_len - end);
  }
}

/* u32 filters: "match 0a000001/ffffffff at 12": 12 and 16 are IPv4's addresses, 8 to 36 IPv6's four words each. */
static size_t take_match(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  const size_t digits = count_hex(text, len);
  if (digits != 8 || len < 17 || text[8] != '/' || count_hex(text + 9, len - 9) != 8 || len < 21 ||
      memcmp(text + 17, " at ", 4) != 0)
    return 0;
  g_autofree char *rest = g_strndup(text + 21, MIN(len - 21, (size_t)4));
  const guint64 offset = g_ascii_strtoull(rest, NULL, 10);
  g_autofree char *words = g_strndup(text, 17);
  const uint32_t value = (uint32_t)g_ascii_strtoull(words, NULL, 16);
  const uint32_t mask = (uint32_t)g_ascii_strtoull(words + 9, NULL, 16);
  const bool word6 = (offset >= 24 && offset <= 36) || ((offset == 8 || offset == 20) && mask == UINT32_MAX);
  if (offset != 12 && offset != 16 && !word6)
    return 0;
  uint32_t shown = 0;
  if (offset == 12 || offset == 16) {
    const uint32_t network = GUINT32_TO_BE(value);
    DcAddr addr = {.version = 4};
    memcpy(addr.bytes, &network, sizeof network);
    const DcAddr mapped = dc_anonymizer_addr(anonymizer, &addr);
    memcpy(&shown, mapped.bytes, sizeof shown);
    shown = GUINT32_FROM_BE(shown) & mask;
  }
  g_string_append_printf(out, "%08x/%08x", shown, mask);
  return 17;
}

/* bytecode '4,40 0 0 36,21 0 1 9999,...': compiled, with whatever addresses it compares. */
static size_t take_bytecode(GString *out, const char *text, size_t len)
{
  static const char begin[] = "bytecode '";
  const char *end = starts_with(text, len, begin) ? memchr(text + strlen(begin), '\'', len - strlen(begin)) : NULL;
  if (end == NULL)
    return 0;
  g_string_append(out, "bytecode ''");
  return (size_t)(end - text) + 1;
}

static void qdiscs(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len)
{
  size_t plain = 0;
  for (size_t at = 0; at < len;) {
    const bool begins = at == 0 || !is_word(text[at - 1]);
    g_autoptr(GString) match = g_string_new(NULL);
    size_t used = begins ? take_match(anonymizer, match, text + at, len - at) : 0;
    if (used == 0 && begins)
      used = take_bytecode(match, text + at, len - at);
    if (used > 0) {
      addresses(anonymizer, out, text + plain, at - plain);
      g_string_append_len(out, match->str, (gssize)match->len);
      plain = at + used;
    }
    at += MAX(used, 1u);
  }
  addresses(anonymizer, out, text + plain, len - plain);
}

typedef void (*TextMap)(DcAnonymizer *anonymizer, GString *out, const char *text, size_t len);

void dc_anon_sample(DcAnonymizer *anonymizer, const DcSample *sample, GString *out)
{
  static const struct {
    const char *name;
    TextMap map;
  } maps[] = {
      {"tcp", proc_sockets}, {"tcp6", proc_sockets},   {"udp", proc_sockets},     {"udp6", proc_sockets},
      {"raw", proc_sockets}, {"raw6", proc_sockets},   {"if_inet6", if_inet6},    {"sysctl", sysctl},
      {"dmesg", dmesg},      {"ss", sockets},          {"ss_m", sockets},         {"nft", rules},
      {"nft.json", rules},   {"iptables-save", rules}, {"ip6tables-save", rules}, {"addr", links},
      {"link", links},       {"tc", qdiscs},           {"ptype", addresses},      {"packet", addresses},
  };
  const char *object = dc_state_text_object(sample->name);
  bool counters = false;
  (void)dc_state_text_known(sample->name, &counters);
  TextMap map = counters ? addresses : dc_anonymizer_text;
  for (size_t i = 0; object != NULL && i < G_N_ELEMENTS(maps); i++) {
    if (strcmp(object, maps[i].name) == 0)
      map = maps[i].map;
  }
  g_string_truncate(out, 0);
  if (sample->len > 0)
    map(anonymizer, out, sample->text, sample->len);
}
