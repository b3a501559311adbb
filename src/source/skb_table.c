#include "skb_table.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/hash.h"

#include <glib.h>
#include <string.h>

/* Sets of four: an address has four places, the oldest of which is given up. */
#define SETS (1u << 14)
#define WAYS 4u

/* Nor longer on its way through this host. */
#define PASSED_NS (10 * DC_NS_PER_MS)
/* Nothing waits longer in a backlog. */
#define BACKLOG_NS (200 * DC_NS_PER_MS)

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

/* The address's own place, or a free one, or the oldest. */
static DcReception *place_for(DcSkbTable *table, uint64_t skb)
{
  DcReception *set = set_of(table, skb);
  DcReception *place = &set[0];
  for (unsigned i = 0; i < WAYS; i++) {
    if (set[i].skb == skb)
      return &set[i];
    if (place->skb != 0 && (set[i].skb == 0 || set[i].time_ns < place->time_ns))
      place = &set[i];
  }
  return place;
}

static bool is_same_packet(const DcReception *enqueued, const DcReception *received)
{
  return enqueued->skb == received->skb && enqueued->enqueued_ns != 0 && enqueued->enqueued_ns == enqueued->time_ns &&
         enqueued->len == received->len && strncmp(enqueued->ifname, received->ifname, sizeof enqueued->ifname) == 0 &&
         received->time_ns >= enqueued->time_ns && received->time_ns - enqueued->time_ns <= BACKLOG_NS;
}

/* A device does not receive a packet twice; one of the same name in another namespace may. */
static int64_t passed_on(const DcReception *before, const DcReception *now)
{
  const bool again = before->skb == now->skb && now->time_ns >= before->time_ns &&
                     now->time_ns - before->time_ns <= PASSED_NS &&
                     strncmp(before->ifname, now->ifname, sizeof before->ifname) == 0;
  return again ? before->time_ns : 0;
}

void dc_skb_table_received(DcSkbTable *table, const DcReception *reception)
{
  DcReception *place = place_for(table, reception->skb);
  const bool same = is_same_packet(place, reception);
  DcReception noted = *reception;
  noted.enqueued_ns = same ? place->time_ns : 0;
  noted.before_ns = same ? place->before_ns : passed_on(place, reception);
  *place = noted;
}

void dc_skb_table_enqueued(DcSkbTable *table, const DcReception *enqueued)
{
  DcReception *place = place_for(table, enqueued->skb);
  const int64_t before_ns = passed_on(place, enqueued);
  *place = *enqueued;
  place->enqueued_ns = enqueued->time_ns;
  place->before_ns = before_ns;
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
