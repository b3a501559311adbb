/* One listing of nft's while it is read: the blocks (ruleset_nft.c) and the rules in them (ruleset_nft_rule.c). */
#pragma once

#include "ruleset_private.h"

typedef enum { DC_NFT_NONE, DC_NFT_TABLE, DC_NFT_CHAIN, DC_NFT_SET, DC_NFT_ELEMENTS, DC_NFT_OTHER } DcNftBlock;

typedef struct {
  DcRuleset *ruleset;
  DcNftBlock block;
  char family[16], table[64], chain_name[64];
  guint chain;
  DcRuleSet *set;
  GString *elements;
  bool told; /* a table of iptables-nft, which iptables-save tells better */
} DcNftReader;

/* The chain of that name in the table that is being read. */
guint dc_nft_chain(const DcNftReader *reader, const char *name);

/* One rule, without "# handle N"; handle may be NULL. The line is taken apart. */
void dc_nft_rule(DcNftReader *reader, char *line, const char *handle);
