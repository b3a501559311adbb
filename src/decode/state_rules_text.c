/*
 * Firewall rule sets: `nft [-a] list ruleset`, `nft -j list ruleset`, iptables-save -c. The text is kept whole
 * for rule search; from each rule that counts, its packets become a counter, so that diagnosis can say
 * which rule moved.
 */
#include "state_job.h"

#include <jansson.h>
#include <stdio.h>

/* --- nft --------------------------------------------------------------------------- */

/*
 *   table inet f { # handle 1
 *           chain in { # handle 2
 *                   type filter hook input priority filter; policy accept;
 *                   tcp dport 8089 counter packets 3 bytes 222 drop # handle 4
 *           }
 *           counter c1 {
 *                   packets 12 bytes 720
 *           }
 *   }
 */
typedef enum { NFT_OTHER, NFT_CHAIN, NFT_COUNTER } NftBlock;

typedef struct {
  size_t depth;     /* open braces */
  char prefix[160]; /* "nft.inet f." in a table, else empty */
  NftBlock block;   /* at depth 2 */
  char name[96];    /* of the block */
} NftPlace;

/* Braces of a line outside quotes and comments. False when one closes that never opened. */
static bool count_braces(DcSpan line, size_t *depth)
{
  bool quoted = false;
  for (size_t i = 0; i < line.len; i++) {
    const char c = line.at[i];
    if (c == '"')
      quoted = !quoted;
    if (quoted)
      continue;
    if (c == '#')
      break;
    if (c == '{')
      ++*depth;
    else if (c == '}' && (*depth)-- == 0)
      return false;
  }
  return true;
}

/* "packets 3 bytes 222", after a word that is not the limit's "burst 5 packets". */
static bool after_counter(DcSpan text, const char *word_before, uint64_t *ret_packets, DcSpan *ret_before,
                          DcSpan *ret_after)
{
  DcSpan rest, word;
  const DcSpan whole = text;
  if (!dc_span_after(text, word_before, &rest))
    return false;
  ret_before->at = whole.at;
  ret_before->len = (size_t)(rest.at - whole.at) - strlen("packets ");
  if (!dc_span_word(&rest, &word) || !dc_span_u64(word, ret_packets) || !dc_span_word(&rest, &word) ||
      !dc_span_is(word, "bytes") || !dc_span_word(&rest, &word))
    return false;
  *ret_after = rest;
  return true;
}

/* The rule's own handle, or its words without the counts. */
static void take_rule(DcStateJob *job, const NftPlace *place, DcSpan line)
{
  char prefix[DC_STATE_NAME_MAX];
  char words[DC_STATE_NAME_MAX];
  uint64_t packets, number;
  DcSpan before, after, handle, verdict;
  if (!after_counter(line, "counter packets ", &packets, &before, &after) ||
      !dc_span_ends(dc_span_trim(before), "counter"))
    return;
  snprintf(prefix, sizeof prefix, "%s%s.", place->prefix, place->name);
  after = dc_span_trim(after);
  handle = after;
  if (dc_span_cut_last(&handle, ' ', &verdict) && dc_span_u64(handle, &number) && dc_span_ends(verdict, "# handle")) {
    dc_job_counter(job, prefix, handle, packets);
    return;
  }
  before = dc_span_trim(before);
  before.len -= strlen("counter");
  before = dc_span_trim(before);
  const int n = snprintf(words, sizeof words, "%.*s%s%.*s", (int)(before.len < 200 ? before.len : 200), before.at,
                         before.len > 0 ? " " : "", (int)(after.len < 200 ? after.len : 200), after.at);
  if (n > 0 && (size_t)n < sizeof words)
    dc_job_counter(job, prefix, dc_span(words, (size_t)n), packets);
}

static bool open_table(DcSpan line, NftPlace *place)
{
  DcSpan word, family, name;
  if (!dc_span_word(&line, &word) || !dc_span_is(word, "table") || !dc_span_word(&line, &family) ||
      !dc_span_word(&line, &name) || dc_span_is(name, "{"))
    return false;
  if (family.len + name.len + 8 > sizeof place->prefix)
    return false;
  snprintf(place->prefix, sizeof place->prefix, "nft.%.*s %.*s.", (int)family.len, family.at, (int)name.len, name.at);
  return true;
}

static void open_block(DcSpan line, NftPlace *place)
{
  DcSpan kind, name;
  place->block = NFT_OTHER;
  if (!dc_span_word(&line, &kind) || !dc_span_word(&line, &name))
    return;
  if (dc_span_is(kind, "chain") && dc_span_copy(name, place->name, sizeof place->name))
    place->block = NFT_CHAIN;
  else if (dc_span_is(kind, "counter") && dc_span_copy(name, place->name, sizeof place->name))
    place->block = NFT_COUNTER;
}

void dc_state_parse_nft(DcStateJob *job)
{
  NftPlace place = {0};
  DcSpan rest = job->text;
  DcSpan line;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    /* "# Warning: table ip nat is managed by iptables-nft, do not touch!" */
    if (line.len == 0 || line.at[0] == '#')
      continue;
    const size_t depth = place.depth;
    bool good = depth > 0 || open_table(line, &place);
    if (depth == 1)
      open_block(line, &place);
    else if (depth == 2 && place.block == NFT_CHAIN)
      take_rule(job, &place, line);
    else if (depth == 2 && place.block == NFT_COUNTER) {
      char prefix[DC_STATE_NAME_MAX];
      uint64_t packets;
      DcSpan before, after;
      snprintf(prefix, sizeof prefix, "%scounter.", place.prefix);
      if (after_counter(line, "packets ", &packets, &before, &after))
        dc_job_counter(job, prefix, dc_span(place.name, strlen(place.name)), packets);
    }
    if (good && !count_braces(line, &place.depth)) {
      place.depth = 0;
      good = false;
    }
    job->taken += good;
    job->skipped += !good;
  }
  /* cut off inside a table */
  job->skipped += place.depth > 0;
  if (job->taken > 0 || job->skipped == 0)
    dc_job_keep_text(job);
}

/* --- nft -j ---------------------------------------------------------------------------- */

/* {"nftables": [..., {"rule": {"family": "inet", "table": "f", "chain": "in", "handle": 4,
 *   "expr": [..., {"counter": {"packets": 3, "bytes": 222}}, {"drop": null}]}}]} */
static bool rule_packets(const json_t *rule, uint64_t *ret_packets)
{
  const json_t *expressions = json_object_get(rule, "expr");
  for (size_t i = 0; i < json_array_size(expressions); i++) {
    const json_t *packets = json_object_get(json_object_get(json_array_get(expressions, i), "counter"), "packets");
    if (json_is_integer(packets) && json_integer_value(packets) >= 0) {
      *ret_packets = (uint64_t)json_integer_value(packets);
      return true;
    }
  }
  return false;
}

static void take_json_rule(DcStateJob *job, const json_t *rule)
{
  const char *family = json_string_value(json_object_get(rule, "family"));
  const char *table = json_string_value(json_object_get(rule, "table"));
  const char *chain = json_string_value(json_object_get(rule, "chain"));
  const json_t *handle = json_object_get(rule, "handle");
  char prefix[DC_STATE_NAME_MAX];
  char number[24];
  uint64_t packets;
  if (family == NULL || table == NULL || chain == NULL || !json_is_integer(handle) || !rule_packets(rule, &packets))
    return;
  const int n = snprintf(prefix, sizeof prefix, "nft.%s %s.%s.", family, table, chain);
  snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(handle));
  if (n > 0 && (size_t)n < sizeof prefix)
    dc_job_counter(job, prefix, dc_span(number, strlen(number)), packets);
}

/* {"counter": {"family": "inet", "name": "c1", "table": "f", "packets": 12, "bytes": 720}} */
static void take_json_counter(DcStateJob *job, const json_t *counter)
{
  const char *family = json_string_value(json_object_get(counter, "family"));
  const char *table = json_string_value(json_object_get(counter, "table"));
  const char *name = json_string_value(json_object_get(counter, "name"));
  const json_t *packets = json_object_get(counter, "packets");
  char prefix[DC_STATE_NAME_MAX];
  if (family == NULL || table == NULL || name == NULL || !json_is_integer(packets) || json_integer_value(packets) < 0)
    return;
  const int n = snprintf(prefix, sizeof prefix, "nft.%s %s.counter.", family, table);
  if (n > 0 && (size_t)n < sizeof prefix)
    dc_job_counter(job, prefix, dc_span(name, strlen(name)), (uint64_t)json_integer_value(packets));
}

void dc_state_parse_nft_json(DcStateJob *job)
{
  json_error_t error;
  json_t *root = json_loadb(job->text.at, job->text.len, JSON_DISABLE_EOF_CHECK, &error);
  const json_t *objects = json_object_get(root, "nftables");
  if (!json_is_array(objects)) {
    job->skipped++;
    json_decref(root);
    return;
  }
  job->taken++;
  for (size_t i = 0; i < json_array_size(objects); i++) {
    const json_t *object = json_array_get(objects, i);
    take_json_rule(job, json_object_get(object, "rule"));
    take_json_counter(job, json_object_get(object, "counter"));
    job->taken++;
  }
  json_decref(root);
  dc_job_keep_text(job);
}

/* --- iptables-save ----------------------------------------------------------------------- */

/*
 *   *filter
 *   :INPUT ACCEPT [123:4567]
 *   [3:180] -A INPUT -p tcp -m tcp --dport 8089 -j DROP
 *   COMMIT
 * One rule twice in a chain is one counter: their sum would need the first again, so the second is "... (2)".
 */
typedef struct {
  const char *program; /* "iptables", "ip6tables" */
  char table[40];
  char last[DC_STATE_NAME_MAX]; /* counter of the rule before */
  unsigned repeated;
} IptablesPlace;

static bool bracket_packets(DcSpan word, uint64_t *ret_packets)
{
  DcSpan packets;
  return dc_span_starts(word, "[") && dc_span_ends(word, "]") && (word = dc_span_from(word, 1), true) &&
         dc_span_cut(&word, ':', &packets) && dc_span_u64(packets, ret_packets);
}

static bool iptables_policy(DcStateJob *job, const IptablesPlace *place, DcSpan line)
{
  DcSpan chain, policy, counts;
  uint64_t packets;
  char prefix[DC_STATE_NAME_MAX];
  if (!dc_span_word(&line, &chain) || !dc_span_word(&line, &policy))
    return false;
  /* chains of the user's own have no policy */
  if (dc_span_is(policy, "-") || !dc_span_word(&line, &counts))
    return true;
  const int n = snprintf(prefix, sizeof prefix, "%s.%s.%.*s.", place->program, place->table,
                         (int)(chain.len < 64 ? chain.len : 64), chain.at);
  return bracket_packets(counts, &packets) && n > 0 && dc_job_counter(job, prefix, dc_span("policy", 6), packets);
}

static bool iptables_rule(DcStateJob *job, IptablesPlace *place, DcSpan line)
{
  DcSpan word, chain, counts = {0};
  uint64_t packets;
  char name[DC_STATE_NAME_MAX];
  if (!dc_span_word(&line, &word))
    return false;
  if (dc_span_starts(word, "[")) {
    counts = word;
    if (!dc_span_word(&line, &word))
      return false;
  }
  if (!dc_span_is(word, "-A") || !dc_span_word(&line, &chain))
    return false;
  /* without -c there is nothing to count */
  if (counts.len == 0)
    return true;
  if (!bracket_packets(counts, &packets))
    return false;
  line = dc_span_trim(line);
  const int n =
      snprintf(name, sizeof name, "%s.%s.%.*s.%.*s", place->program, place->table,
               (int)(chain.len < 64 ? chain.len : 64), chain.at, (int)(line.len < 200 ? line.len : 200), line.at);
  if (n < 0 || (size_t)n >= sizeof name)
    return true;
  if (strcmp(name, place->last) == 0) {
    char suffix[24];
    snprintf(suffix, sizeof suffix, " (%u)", ++place->repeated);
    dc_job_counter(job, name, dc_span(suffix, strlen(suffix)), packets);
    return true;
  }
  memcpy(place->last, name, sizeof name);
  place->repeated = 1;
  dc_job_counter(job, "", dc_span(name, (size_t)n), packets);
  return true;
}

void dc_state_parse_iptables(DcStateJob *job)
{
  IptablesPlace place = {.program = strcmp(job->object, "ip6tables-save") == 0 ? "ip6tables" : "iptables"};
  DcSpan rest = job->text;
  DcSpan line;
  bool open = false;
  while (dc_span_line(&rest, &line)) {
    line = dc_span_trim(line);
    if (line.len == 0 || line.at[0] == '#')
      continue;
    bool good = true;
    if (line.at[0] == '*') {
      good = dc_span_copy(dc_span_from(line, 1), place.table, sizeof place.table);
      open = good;
    } else if (dc_span_is(line, "COMMIT")) {
      open = false;
    } else if (!open) {
      good = false;
    } else if (line.at[0] == ':') {
      good = iptables_policy(job, &place, dc_span_from(line, 1));
    } else {
      good = iptables_rule(job, &place, line);
    }
    job->taken += good;
    job->skipped += !good;
  }
  /* no COMMIT: cut off */
  job->skipped += open;
  if (job->taken > 0 || job->skipped == 0)
    dc_job_keep_text(job);
}
