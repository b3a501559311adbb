/* Shared by ruleset.c and the readers of the two languages. */
#pragma once

#include "dropcorr/decode/packet.h"
#include "dropcorr/diagnose/ruleset.h"

#include <glib.h>

typedef enum { DC_FITS_NO, DC_FITS_OPEN, DC_FITS_YES } DcFits;

DcFits dc_fits_not(DcFits fits);
DcFits dc_fits_and(DcFits a, DcFits b);
DcFits dc_fits_port(const DcBrief *brief, bool destination, const char *text);
DcFits dc_fits_address(const DcBrief *brief, bool source, const char *text);
DcFits dc_fits_protocol(const DcBrief *brief, const char *text);
DcFits dc_fits_device(const char *device, const char *text);

/* Splits in place; text between double quotes is one word. */
size_t dc_rule_words(char *line, char **words, size_t max);

typedef struct {
  const DcBrief *brief; /* NULL: count only */
  const char *device;
  DcRulesetAnswer *answer;
  bool too_large;
  bool ip6tables;
  /* where the reader stands */
  enum { DC_BLOCK_NONE, DC_BLOCK_TABLE, DC_BLOCK_CHAIN, DC_BLOCK_OTHER } block;
  char family[16], table[48], chain[48];
  bool chain_counts; /* on the way in, and of the packet's family */
  bool base_chain;   /* else reached by a jump whose conditions are not followed */
} DcRulesetSearch;

void dc_ruleset_offer(DcRulesetAnswer *answer, DcRulesetFit fit, const char *place, const char *rule);

void dc_ruleset_nft_line(DcRulesetSearch *search, char *line);
void dc_ruleset_iptables_line(DcRulesetSearch *search, char *line);
