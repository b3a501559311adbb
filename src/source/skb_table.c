#include "skb_table.h"

#include "dropcorr/base/hash.h"

#include <glib.h>
#include <string.h>

/* Sets of four: an address has four places, the oldest of which is given up. */
#define SETS (1u << 14)
#define WAYS 4u

struct DcSkbTable {
  DcReception entries[SETS][WAYS];
};

DcSkbTable *dc_skb_table_new(void)
{
  return g_new0(DcSkbTable, 1);
}

void dc_skb_table_free(DcSkbTable *table)
{
  g_free(table);
}

static DcReception *set_of(DcSkbTable *table, uint64_t skb)
{
  return table->entries[dc_hash_words(skb, 0) % SETS];
}

void dc_skb_table_received(DcSkbTable *table, const DcReception *reception)
{
  DcReception *set = set_of(table, reception->skb);
  DcReception *place = &set[0];
  for (unsigned i = 0; i < WAYS; i++) {
    if (set[i].skb == reception->skb) {
      place = &set[i];
      break;
    }
    if (place->skb != 0 && (set[i].skb == 0 || set[i].time_ns < place->time_ns))
      place = &set[i];
  }
  *place = *reception;
}

bool dc_skb_table_freed(DcSkbTable *table, uint64_t skb, int64_t time_ns, int64_t window_ns, DcReception *ret_reception)
{
  DcReception *set = set_of(table, skb);
  for (unsigned i = 0; i < WAYS; i++) {
    if (skb == 0 || set[i].skb != skb)
      continue;
    const DcReception found = set[i];
    set[i].skb = 0;
    if (found.time_ns > time_ns || time_ns - found.time_ns > window_ns)
      return false;
    *ret_reception = found;
    return true;
  }
  return false;
}
