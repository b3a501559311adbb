/* A firewall listing as conditions that can be tried quickly: a drop storm asks for each drop. */
#pragma once

#include "dropcorr/diagnose/ruleset.h"

#include <glib.h>

typedef enum { DC_FITS_NO, DC_FITS_OPEN, DC_FITS_YES } DcFits;

typedef enum {
  DC_CONDITION_DPORT,
  DC_CONDITION_SPORT,
  DC_CONDITION_SADDR,
  DC_CONDITION_DADDR,
  DC_CONDITION_PROTOCOL,
  DC_CONDITION_DEVICE,
  DC_CONDITION_VERSION, /* of IP */
  DC_CONDITION_OTHER    /* not understood: left open */
} DcConditionKind;

/* Reads one listing and adds its dropping rules. */
typedef struct {
  GArray *rules, *conditions, *values;
  GStringChunk *texts;
  /* where the reader stands */
  bool ip6tables;
  enum { DC_BLOCK_NONE, DC_BLOCK_TABLE, DC_BLOCK_CHAIN, DC_BLOCK_OTHER } block;
  char family[16], table[48], chain[48];
  bool chain_counts; /* on the way in */
  bool cut;          /* there were more rules than are kept */
  bool base_chain;   /* else reached by a jump whose conditions are not followed */
} DcRulesetBuilder;

/* begin, then conditions with their values (any of which will do), then end; or begin again, when
 * the rule turns out not to drop. version: 4, 6, or 0 for either. */
void dc_ruleset_begin(DcRulesetBuilder *builder);
void dc_ruleset_condition(DcRulesetBuilder *builder, DcConditionKind kind, bool negated);
void dc_ruleset_value(DcRulesetBuilder *builder, const char *text);
void dc_ruleset_end(DcRulesetBuilder *builder, uint8_t version, bool base_chain, const char *place, const char *rule);

/* Splits in place; text between double quotes is one word. */
size_t dc_rule_words(char *line, char **words, size_t max);

void dc_ruleset_nft_line(DcRulesetBuilder *builder, char *line);
void dc_ruleset_iptables_line(DcRulesetBuilder *builder, char *line);
