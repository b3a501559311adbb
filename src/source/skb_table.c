#include "skb_table.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/model/site.h"

#include <glib.h>
#include <string.h>

/* Sets of four: an address has four places, the oldest of which is given up. */
#define SETS (1u << 14)
#define WAYS 4u

/* Nor longer on its way through this host. */
#define PASSED_NS (10 * DC_NS_PER_MS)
/* Nothing waits longer in a backlog. */
#define BACKLOG_NS (200 * DC_NS_PER_MS)

/* The last receptions, by which a packet's neighbours in time are told. */
#define RECENT 1024u
/* So many are looked at for one. */
#define RECENT_SCAN_MAX 256u

typedef struct {
  int64_t stamp_ns;
  uint64_t journey;
  uint32_t len;
} Recent;

struct DcSkbTable {
  DcReception entries[SETS][WAYS];
  Recent recent[RECENT];
  uint64_t recent_count, journeys;
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

int64_t dc_reception_window_ns(const char *symbol, const char *reason, int64_t usual_ns)
{
  const DcSite *site = dc_site_lookup(symbol);
  const bool given_up = (site != NULL && (site->flags & DC_SITE_DEFERRED) != 0) ||
                        (reason != NULL && strcmp(reason, "FRAG_REASM_TIMEOUT") == 0);
  return given_up ? DC_RECEPTION_NS_MAX : usual_ns;
}

int64_t dc_reception_stamp(const DcReception *reception)
{
  return reception->enqueued_ns != 0 ? reception->enqueued_ns : reception->time_ns;
}

static void note_recent(DcSkbTable *table, const DcReception *reception)
{
  table->recent[table->recent_count++ % RECENT] =
      (Recent){.stamp_ns = dc_reception_stamp(reception), .journey = reception->journey, .len = reception->len};
}

static void find_rivals(const DcSkbTable *table, DcReception *reception)
{
  const int64_t stamp_ns = dc_reception_stamp(reception);
  const uint64_t oldest = table->recent_count > RECENT_SCAN_MAX ? table->recent_count - RECENT_SCAN_MAX : 0;
  for (uint64_t at = table->recent_count; at-- > oldest;) {
    const Recent *recent = &table->recent[at % RECENT];
    const int64_t distance = recent->stamp_ns - stamp_ns;
    if (distance < -DC_RIVAL_NS)
      return;
    if (recent->len != reception->len || recent->journey == reception->journey || distance > DC_RIVAL_NS)
      continue;
    if (distance < 0) {
      reception->rival_before_ns = -distance;
      return;
    }
    reception->rival_after_ns = distance;
  }
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
  noted.journey = place->skb == reception->skb ? place->journey : ++table->journeys;
  noted.before_ns = same ? place->before_ns : passed_on(place, reception);
  *place = noted;
  if (!same)
    note_recent(table, &noted);
}

void dc_skb_table_enqueued(DcSkbTable *table, const DcReception *enqueued)
{
  DcReception *place = place_for(table, enqueued->skb);
  const int64_t before_ns = passed_on(place, enqueued);
  const uint64_t journey = place->skb == enqueued->skb ? place->journey : ++table->journeys;
  *place = *enqueued;
  place->enqueued_ns = enqueued->time_ns;
  place->before_ns = before_ns;
  place->journey = journey;
  note_recent(table, place);
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
    find_rivals(table, ret_reception);
    return true;
  }
  return false;
}
