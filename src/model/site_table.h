/* The rows of the site table, apart from the code that searches them. */
#pragma once

#include "dropcorr/model/site.h"

/* Functions that free packets for the same causes. */
typedef struct {
  const char *symbols; /* separated by one space */
  uint32_t flags;      /* DcSiteFlags */
  DcCause causes[6];
  const char *note;
  const char *kernels;
} DcSiteGroup;

/* Functions known by part of their name only. Tried in order, after the exact names. */
typedef struct {
  const char *text;
  enum { DC_NAME_BEGINS, DC_NAME_ENDS, DC_NAME_CONTAINS } where;
  DcSite site; /* symbol: the pattern as people write it */
} DcSiteFamily;

extern const DcSiteGroup dc_site_groups_low[]; /* device, bridge, IP, netfilter */
extern const size_t dc_site_groups_low_count;
extern const DcSiteGroup dc_site_groups_high[]; /* transport, tunnels, transmit, normal frees */
extern const size_t dc_site_groups_high_count;
extern const DcSiteFamily dc_site_families[];
extern const size_t dc_site_family_count;
