/*
 * A firewall's listings, read once, as chains of rules whose conditions can be tried quickly: a drop storm asks for
 * each drop. Readers (nft, iptables) build it, the walk asks it.
 */
#pragma once

#include "dropcorr/diagnose/ruleset.h"

#include <glib.h>

#define DC_RULE_FIELDS 4 /* of a concatenation: "ip saddr . tcp dport" */
#define DC_RULE_NONE UINT32_MAX

typedef enum { DC_FITS_NO, DC_FITS_OPEN, DC_FITS_YES } DcFits;

typedef enum {
  DC_RULE_FIELD_OTHER, /* not understood, or not in the packet: left open */
  DC_RULE_FIELD_VERSION,
  DC_RULE_FIELD_PROTOCOL,
  DC_RULE_FIELD_SADDR,
  DC_RULE_FIELD_DADDR,
  DC_RULE_FIELD_SPORT,
  DC_RULE_FIELD_DPORT,
  DC_RULE_FIELD_DEVICE,
  DC_RULE_FIELD_TCP_FLAGS,
  DC_RULE_FIELD_ICMP_TYPE,
  DC_RULE_FIELD_CT_STATE,
  DC_RULE_FIELD_SMAC
} DcRuleField;

enum { DC_CT_NEW = 1, DC_CT_ESTABLISHED = 2, DC_CT_RELATED = 4, DC_CT_INVALID = 8, DC_CT_UNTRACKED = 16 };

typedef enum {
  DC_VERDICT_NEXT, /* says nothing: counts, logs, marks */
  DC_VERDICT_ACCEPT,
  DC_VERDICT_TRANSLATE, /* accepts, with another destination from now on */
  DC_VERDICT_DROP,      /* or rejects */
  DC_VERDICT_RETURN,
  DC_VERDICT_JUMP,
  DC_VERDICT_GOTO
} DcRuleVerdict;

typedef enum { DC_HOOK_NONE, DC_HOOK_INGRESS, DC_HOOK_PREROUTING, DC_HOOK_INPUT, DC_HOOK_FORWARD } DcHook;

/* One part of a value; several, one per field, for a concatenation. */
typedef struct {
  bool open;       /* could not be read */
  bool any;        /* "*" */
  uint8_t version; /* of addresses */
  uint8_t low[16]; /* addresses; a MAC address */
  uint8_t high[16];
  uint32_t from, to;  /* numbers; flags and their mask; a set of states */
  const char *device; /* a trailing * or + makes it a family */
} DcRuleValue;

typedef struct {
  DcRuleField fields[DC_RULE_FIELDS];
  uint32_t field_count;
  bool negated;
  bool of_set;        /* its values are a named set's, in set_values */
  bool changes;       /* a set that packets or timeouts change: what it held then is not known */
  guint first, count; /* in values or set_values: count alternatives of field_count parts each */
  const char *name;   /* as it is written, for what stays open: "limit" */
} DcRuleCondition;

typedef struct {
  guint first, count; /* in conditions */
  guint key;          /* one more condition, of a verdict map's element; DC_RULE_NONE: none */
  guint next;         /* rule of the same chain; DC_RULE_NONE: the last */
  guint target;       /* chain, of jump and goto */
  DcRuleVerdict verdict;
  const char *text;    /* "inet f in handle 4: tcp dport 8089 drop" */
  const char *counter; /* its name in the state; NULL: none */
  bool counts_verdict; /* the counter stands behind all conditions: it counts what the verdict is given on */
} DcRule;

typedef struct {
  guint first, last; /* rules; DC_RULE_NONE: empty */
  uint8_t version;   /* 0: either */
  bool nft;
  bool link_layer; /* of a bridge or a device: other packets than IP too, wherever they go */
  DcHook hook;     /* DC_HOOK_NONE: reached by jumps alone */
  int priority;
  guint policy;        /* a rule that drops what nothing else decided; DC_RULE_NONE: accept */
  const char *devices; /* ingress: "eth0, eth1"; NULL: any */
  bool on_the_way_in;  /* reached from a hook of it */
} DcRuleChain;

typedef struct {
  const char *elements; /* "10.0.0.1, 10.0.0.2" or "22 : accept"; NULL while unknown */
  bool changes;
  /* as last read, for these fields */
  DcRuleField fields[DC_RULE_FIELDS];
  uint32_t field_count;
  guint first, count;
  bool is_read;
} DcRuleSet;

typedef struct {
  GArray *chains, *rules, *conditions; /* DcRuleChain, DcRule, DcRuleCondition */
  GArray *values, *set_values;         /* DcRuleValue */
  GArray *order;                       /* guint: base chains in the order they are asked */
  GStringChunk *texts;
  GHashTable *kept;      /* char *, in texts: each once */
  GHashTable *chain_ids; /* "nft/inet/f/in" -> index + 1 */
  GHashTable *sets;      /* "inet/f/blocked" -> DcRuleSet */
  uint32_t dropping;     /* rules and policies that drop, on the way in */
  guint begun;           /* condition where the rule that is being read begins */
  size_t sets_read;      /* bytes */
  bool any_nft, any_xtables;
  bool iptables_nft, ip6tables_nft; /* iptables-save was read for nftables' own tables */
  bool notrack;                     /* some packets' connections are not tracked */
  bool cut;                         /* there were more rules than are kept */
} DcRuleset;

DcRuleset *dc_ruleset_new(void);
void dc_ruleset_free(DcRuleset *ruleset);

/* --- building (ruleset_build.c) --------------------------------------------------------- */

/* The chain of that name, made when it is not known yet. */
guint dc_ruleset_chain(DcRuleset *ruleset, const char *place);

/* Conditions up to the next dc_ruleset_rule() are that rule's. Values follow their condition. */
void dc_ruleset_condition(DcRuleset *ruleset, const DcRuleField *fields, uint32_t field_count, bool negated,
                          const char *name);
void dc_ruleset_condition_one(DcRuleset *ruleset, DcRuleField field, bool negated, const char *name);
void dc_ruleset_value(DcRuleset *ruleset, const char *text); /* parts apart by " . " */
/* "10.0.0.1, 10.0.0.2": every one of the list; of a verdict map the keys. */
void dc_ruleset_values(DcRuleset *ruleset, char *list);
void dc_ruleset_flags(DcRuleset *ruleset, uint8_t mask, uint8_t flags, bool any);
void dc_ruleset_named_set(DcRuleset *ruleset, DcRuleSet *set); /* NULL: not in the listing */

/* A rule of that chain, with the conditions made since the last dc_ruleset_done(). Its members first, key and next are
 * not read. With keyed, the condition made last is the key of a verdict map's element, and only the first rule->count
 * ones are the others; more such rules may follow. */
void dc_ruleset_rule(DcRuleset *ruleset, guint chain, const DcRule *rule, bool keyed);
void dc_ruleset_done(DcRuleset *ruleset); /* the next condition is the next rule's; what was no rule's is forgotten */
void dc_ruleset_policy(DcRuleset *ruleset, guint chain, const char *text, const char *counter);
void dc_ruleset_ready(DcRuleset *ruleset); /* everything was read */

const char *dc_ruleset_keep(DcRuleset *ruleset, const char *text);

/* --- reading -------------------------------------------------------------------------------- */

/* Splits in place; text between double quotes is one word, and so is what stands between braces, with the opening
 * one. */
size_t dc_rule_words(char *line, char **words, size_t max);

void dc_ruleset_read_nft(DcRuleset *ruleset, char *text);
void dc_ruleset_read_iptables(DcRuleset *ruleset, char *text, bool ip6tables);

/* --- asking (ruleset_walk.c) ------------------------------------------------------------------ */

#define DC_RULE_CANDIDATES 16

typedef struct {
  guint rule;
  bool fits;        /* all its conditions and those of the jumps to it do */
  bool sure;        /* and nothing before it may have accepted the packet */
  const char *open; /* else the first that could not be told */
} DcRuleCandidate;

typedef struct {
  DcRuleCandidate list[DC_RULE_CANDIDATES];
  uint32_t count;
  bool more; /* than the list takes */
  bool cut;  /* the walk was given up */
} DcRuleCandidates;

/* Rules tried are added to tries; the walk ends when they reach limit. */
void dc_ruleset_walk(const DcRuleset *ruleset, const DcRulesetQuery *query, uint64_t *tries, uint64_t limit,
                     DcRuleCandidates *ret_candidates);
