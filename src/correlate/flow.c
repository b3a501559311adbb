#include "flow.h"

#include "brief_record.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/base/slab.h"

#include <glib.h>
#include <string.h>

#define ENTRIES_FIRST 4096u /* of the table: twice as many as flows, at least */
#define CHUNK_SHIFT 9
#define CHUNK_FLOWS (1u << CHUNK_SHIFT)
/* A list of idle flows is in order to within this: moving a flow to its end with every frame would touch its
 * neighbours each time. */
#define RELINK_NS (500 * DC_NS_PER_MS)

enum { PROTO_TCP = 6 };

typedef enum { IDLE_OTHER, IDLE_TCP, IDLE_ATTEMPT, IDLE_LISTS } IdleList;

/* Linear probing: an entry stands at its hash's place or behind it, with none free in between. */
typedef struct {
  uint32_t hash;
  uint32_t flow; /* index + 1; 0: free */
} Entry;

struct DcFlows {
  Entry *entries;
  uint32_t mask;
  DcFlow **chunks;
  DcSlab *slab; /* of chunks */
  DcSlab *attempt_slab;
  size_t chunk_count;
  size_t max_flows;
  size_t used; /* of the chunks, ever */
  uint32_t free_head;
  size_t count, peak, attempts;
  uint64_t evicted;
  uint32_t oldest[IDLE_LISTS], newest[IDLE_LISTS];
};

_Static_assert(sizeof(DcFlow) == 128 && offsetof(DcFlow, generation) == 64, "a flow is two cache lines");

DcFlows *dc_flows_new(size_t max_flows)
{
  DcFlows *flows = g_new0(DcFlows, 1);
  flows->max_flows = MAX(max_flows, 1024);
  flows->mask = ENTRIES_FIRST - 1;
  flows->entries = dc_table_alloc(ENTRIES_FIRST * sizeof(Entry));
  flows->slab = dc_slab_new(CHUNK_FLOWS * sizeof(DcFlow));
  flows->attempt_slab = dc_slab_new(sizeof(DcAttempt));
  return flows;
}

static inline DcFlow *flow_at(const DcFlows *flows, uint32_t index_plus_1)
{
  const uint32_t index = index_plus_1 - 1;
  return &flows->chunks[index >> CHUNK_SHIFT][index & (CHUNK_FLOWS - 1)];
}

uint32_t dc_flows_index(const DcFlows *flows, const DcFlow *flow)
{
  (void)flows;
  return flow->self;
}

void dc_flows_free(DcFlows *flows)
{
  if (flows == NULL)
    return;
  for (uint32_t i = 1; i <= flows->used; i++)
    dc_flows_free_attempt(flows, flow_at(flows, i)->attempt);
  dc_slab_free(flows->attempt_slab);
  dc_slab_free(flows->slab);
  g_free(flows->chunks);
  dc_table_free(flows->entries);
  g_free(flows);
}

static inline uint32_t hash_ends(uint64_t src, uint64_t dst, uint16_t ethertype, uint8_t version, uint8_t protocol)
{
  return (uint32_t)dc_hash_words(src + dst, (uint64_t)ethertype << 16 | (uint64_t)version << 8 | protocol);
}

uint32_t dc_flow_hash(const DcFlowKey *key)
{
  return hash_ends(dc_hash_endpoint(key->src, key->src_port), dc_hash_endpoint(key->dst, key->dst_port), key->ethertype,
                   key->ip_version, key->protocol);
}

uint32_t dc_flow_hash_of(const DcPacket *packet)
{
  return hash_ends(dc_hash_endpoint(packet->src.bytes, packet->src_port),
                   dc_hash_endpoint(packet->dst.bytes, packet->dst_port), packet->ethertype, packet->src.version,
                   packet->ip_protocol);
}

static inline void prefetch_all(const void *from, size_t len)
{
  for (size_t at = 0; at < len; at += 64)
    __builtin_prefetch((const char *)from + at, 1);
}

void dc_flows_prefetch(const DcFlows *flows, uint32_t hash)
{
  __builtin_prefetch(&flows->entries[hash & flows->mask]);
}

void dc_flows_prefetch_first(const DcFlows *flows, uint32_t hash)
{
  const uint32_t flow = flows->entries[hash & flows->mask].flow;
  if (flow != 0)
    __builtin_prefetch(flow_at(flows, flow), 1);
}

void dc_flows_prefetch_at(const DcFlows *flows, uint32_t index_plus_1)
{
  if (index_plus_1 != 0)
    __builtin_prefetch(&flow_at(flows, index_plus_1)->generation, 1);
}

/* In the pieces in which keys are reversed: what was just stored in smaller ones is slow to load. */
static inline bool same_key(const DcFlowKey *a, const DcFlowKey *b)
{
  const size_t rest = sizeof *a - offsetof(DcFlowKey, ethertype);
  return memcmp(a->src, b->src, sizeof a->src) == 0 && memcmp(a->dst, b->dst, sizeof a->dst) == 0 &&
         a->src_port == b->src_port && a->dst_port == b->dst_port && memcmp(&a->ethertype, &b->ethertype, rest) == 0;
}

DcFlow *dc_flows_find(DcFlows *flows, const DcFlowKey *key, uint32_t hash)
{
  for (uint32_t at = hash & flows->mask; flows->entries[at].flow != 0; at = (at + 1) & flows->mask) {
    if (flows->entries[at].hash != hash)
      continue;
    DcFlow *flow = flow_at(flows, flows->entries[at].flow);
    if (same_key(&flow->key, key))
      return flow;
  }
  return NULL;
}

/* --- lists of idle flows ------------------------------------------------------------------ */

static void idle_unlink(DcFlows *flows, DcFlow *flow)
{
  if (flow->idle_prev != 0)
    flow_at(flows, flow->idle_prev)->idle_next = flow->idle_next;
  else
    flows->oldest[flow->list] = flow->idle_next;
  if (flow->idle_next != 0)
    flow_at(flows, flow->idle_next)->idle_prev = flow->idle_prev;
  else
    flows->newest[flow->list] = flow->idle_prev;
}

static void idle_append(DcFlows *flows, DcFlow *flow, IdleList list, int64_t now_ns)
{
  flow->list = (uint8_t)list;
  flow->linked_ns = now_ns;
  flow->idle_prev = flows->newest[list];
  flow->idle_next = 0;
  if (flow->idle_prev != 0)
    flow_at(flows, flow->idle_prev)->idle_next = flow->self;
  else
    flows->oldest[list] = flow->self;
  flows->newest[list] = flow->self;
}

static void idle_move(DcFlows *flows, DcFlow *flow, IdleList list, int64_t now_ns)
{
  idle_unlink(flows, flow);
  idle_append(flows, flow, list, now_ns);
}

static IdleList plain_list(const DcFlow *flow)
{
  return flow->key.protocol == PROTO_TCP ? IDLE_TCP : IDLE_OTHER;
}

void dc_flows_touch(DcFlows *flows, DcFlow *flow, int64_t now_ns)
{
  flow->last_ns = now_ns;
  if (now_ns - flow->linked_ns < RELINK_NS || flow->idle_next == 0)
    return;
  idle_move(flows, flow, (IdleList)flow->list, now_ns);
}

/* --- coming and going --------------------------------------------------------------------- */

static void entry_insert(Entry *entries, uint32_t mask, uint32_t hash, uint32_t flow)
{
  uint32_t at = hash & mask;
  while (entries[at].flow != 0)
    at = (at + 1) & mask;
  entries[at] = (Entry){hash, flow};
}

/* Closes the gap: entries behind it move up, unless they would come to stand before their own place. */
static void entry_remove(DcFlows *flows, uint32_t hash, uint32_t flow)
{
  uint32_t gap = hash & flows->mask;
  while (flows->entries[gap].flow != flow)
    gap = (gap + 1) & flows->mask;
  for (uint32_t at = (gap + 1) & flows->mask; flows->entries[at].flow != 0; at = (at + 1) & flows->mask) {
    const uint32_t home = flows->entries[at].hash & flows->mask;
    if (((at - home) & flows->mask) < ((at - gap) & flows->mask))
      continue;
    flows->entries[gap] = flows->entries[at];
    gap = at;
  }
  flows->entries[gap].flow = 0;
}

static void flow_remove(DcFlows *flows, DcFlow *flow)
{
  entry_remove(flows, dc_flow_hash(&flow->key), flow->self);
  idle_unlink(flows, flow);
  if (flow->attempt != NULL) {
    dc_flows_free_attempt(flows, g_steal_pointer(&flow->attempt));
    flows->attempts--;
  }
  flow->generation++;
  flow->in_use = false;
  flow->idle_next = flows->free_head;
  flows->free_head = flow->self;
  flows->count--;
}

static void table_grow(DcFlows *flows)
{
  const uint32_t mask = flows->mask * 2 + 1;
  Entry *entries = dc_table_alloc(((size_t)mask + 1) * sizeof *entries);
  for (size_t i = 0; i <= flows->mask; i++) {
    if (flows->entries[i].flow != 0)
      entry_insert(entries, mask, flows->entries[i].hash, flows->entries[i].flow);
  }
  dc_table_free(flows->entries);
  flows->entries = entries;
  flows->mask = mask;
}

static void evict_oldest(DcFlows *flows, IdleList list, DcFlowEvict evict, void *data)
{
  if (flows->oldest[list] == 0)
    return;
  DcFlow *victim = flow_at(flows, flows->oldest[list]);
  evict(victim, data);
  flow_remove(flows, victim);
  flows->evicted++;
}

void dc_flows_evict_attempt(DcFlows *flows, DcFlowEvict evict, void *data)
{
  evict_oldest(flows, IDLE_ATTEMPT, evict, data);
}

/* Of those without an attempt the one that is idle for longer. */
static IdleList list_to_evict(const DcFlows *flows)
{
  const uint32_t other = flows->oldest[IDLE_OTHER], tcp = flows->oldest[IDLE_TCP];
  if (other == 0 && tcp == 0)
    return IDLE_ATTEMPT;
  if (other == 0 || tcp == 0)
    return other == 0 ? IDLE_TCP : IDLE_OTHER;
  return flow_at(flows, tcp)->last_ns < flow_at(flows, other)->last_ns ? IDLE_TCP : IDLE_OTHER;
}

static uint32_t flow_take(DcFlows *flows)
{
  if (flows->free_head != 0) {
    const uint32_t self = flows->free_head;
    flows->free_head = flow_at(flows, self)->idle_next;
    if (flows->free_head != 0) /* the next one to be taken */
      prefetch_all(flow_at(flows, flows->free_head), sizeof(DcFlow));
    return self;
  }
  if (flows->used == flows->chunk_count * CHUNK_FLOWS) {
    flows->chunks = g_renew(DcFlow *, flows->chunks, flows->chunk_count + 1);
    DcFlow *chunk = dc_slab_take(flows->slab);
    for (size_t i = 0; i < CHUNK_FLOWS; i++) {
      chunk[i].generation = 0;
      chunk[i].in_use = false;
      chunk[i].attempt = NULL;
    }
    flows->chunks[flows->chunk_count++] = chunk;
  }
  return (uint32_t)++flows->used;
}

DcFlow *dc_flows_get(DcFlows *flows, const DcFlowKey *key, uint32_t hash, int64_t now_ns, DcFlowEvict evict, void *data)
{
  DcFlow *flow = dc_flows_find(flows, key, hash);
  if (flow != NULL)
    return flow;
  if (flows->count >= flows->max_flows)
    evict_oldest(flows, list_to_evict(flows), evict, data);
  if ((flows->count + 1) * 2 > flows->mask)
    table_grow(flows);
  const uint32_t self = flow_take(flows);
  flow = flow_at(flows, self);
  const uint32_t generation = flow->generation;
  memset(flow, 0, sizeof *flow);
  flow->generation = generation;
  flow->in_use = true;
  flow->key = *key;
  flow->self = self;
  flow->last_ns = now_ns;
  flow->last_out_ns = flow->refused_ns = DC_TIME_NONE;
  entry_insert(flows->entries, flows->mask, hash, self);
  idle_append(flows, flow, plain_list(flow), now_ns);
  flows->count++;
  flows->peak = MAX(flows->peak, flows->count);
  return flow;
}

DcFlow *dc_flows_at(DcFlows *flows, uint32_t index_plus_1, uint32_t generation)
{
  if (index_plus_1 == 0)
    return NULL;
  DcFlow *flow = flow_at(flows, index_plus_1);
  return flow->in_use && flow->generation == generation ? flow : NULL;
}

/* The next flow of the list was sent for when the one before this was looked at: it tells the one after it. */
static inline void prefetch_after(const DcFlows *flows, const DcFlow *flow)
{
  if (flow->idle_next == 0)
    return;
  const DcFlow *next = flow_at(flows, flow->idle_next);
  __builtin_prefetch(&next->generation, 1);
  if (next->idle_next != 0)
    __builtin_prefetch(flow_at(flows, next->idle_next), 1);
}

void dc_flows_expire(DcFlows *flows, int64_t now_ns, const DcFlowLimits *limits, DcFlowEvict evict, void *data)
{
  const int64_t limit[IDLE_LISTS] = {
      [IDLE_OTHER] = limits->other_ns, [IDLE_TCP] = limits->tcp_ns, [IDLE_ATTEMPT] = limits->attempt_ns};
  for (int list = 0; list < IDLE_LISTS; list++) {
    while (flows->oldest[list] != 0) {
      DcFlow *flow = flow_at(flows, flows->oldest[list]);
      /* A clock that went back makes the age negative: then the flow stays. */
      if (now_ns - flow->last_ns <= limit[list])
        break;
      prefetch_after(flows, flow);
      evict(flow, data);
      flow_remove(flows, flow);
    }
  }
}

static int by_last(gconstpointer a, gconstpointer b)
{
  const DcFlow *x = *(DcFlow *const *)a, *y = *(DcFlow *const *)b;
  return x->last_ns < y->last_ns ? -1 : x->last_ns > y->last_ns;
}

void dc_flows_clear(DcFlows *flows, DcFlowEvict evict, void *data)
{
  /* Oldest first, plain flows after attempts: the order does not depend on the hash key. The list is in order only
   * roughly; sorting keeps the order of what is alike. */
  g_autoptr(GPtrArray) attempts = g_ptr_array_new();
  for (uint32_t at = flows->oldest[IDLE_ATTEMPT]; at != 0; at = flow_at(flows, at)->idle_next)
    g_ptr_array_add(attempts, flow_at(flows, at));
  g_ptr_array_sort(attempts, by_last);
  for (guint i = 0; i < attempts->len; i++) {
    evict(attempts->pdata[i], data);
    flow_remove(flows, attempts->pdata[i]);
  }
  for (int list = 0; list < IDLE_LISTS; list++) {
    while (flows->oldest[list] != 0) {
      DcFlow *flow = flow_at(flows, flows->oldest[list]);
      evict(flow, data);
      flow_remove(flows, flow);
    }
  }
}

/* --- attempts ------------------------------------------------------------------------------- */

DcAttempt *dc_flows_open_attempt(DcFlows *flows, DcFlow *flow, const uint8_t *record, DcDirection direction)
{
  DcAttempt *attempt = dc_slab_take(flows->attempt_slab);
  memset(attempt, 0, offsetof(DcAttempt, brief));
  attempt->answer_ns = -1;
  memcpy(attempt->brief, record, dc_brief_record_len(record));
  dc_brief_record_set_direction(attempt->brief, direction);
  flow->attempt = attempt;
  flows->attempts++;
  idle_move(flows, flow, IDLE_ATTEMPT, flow->last_ns);
  return attempt;
}

DcAttempt *dc_flows_take_attempt(DcFlows *flows, DcFlow *flow)
{
  DcAttempt *attempt = g_steal_pointer(&flow->attempt);
  if (attempt == NULL)
    return NULL;
  flows->attempts--;
  idle_move(flows, flow, plain_list(flow), flow->last_ns);
  return attempt;
}

void dc_flows_close_attempt(DcFlows *flows, DcFlow *flow)
{
  dc_flows_free_attempt(flows, dc_flows_take_attempt(flows, flow));
}

void dc_flows_free_attempt(DcFlows *flows, DcAttempt *attempt)
{
  if (attempt == NULL)
    return;
  g_free(attempt->more);
  dc_slab_give(flows->attempt_slab, attempt);
}

void dc_attempt_add_syn(DcAttempt *attempt, const DcSyn *syn)
{
  const uint32_t at = attempt->syns++;
  attempt->last_ns = syn->time_ns;
  if (at < DC_SYNS_HERE) {
    attempt->here[at] = *syn;
  } else if (at < DC_HANDSHAKE_FRAMES_MAX) {
    if (attempt->more == NULL)
      attempt->more = g_new(DcSyn, DC_HANDSHAKE_FRAMES_MAX - DC_SYNS_HERE);
    attempt->more[at - DC_SYNS_HERE] = *syn;
  }
}

void dc_attempt_tell(const DcAttempt *attempt, DcHandshake *ret_handshake)
{
  DcHandshake *info = ret_handshake;
  memset(info, 0, sizeof *info);
  dc_brief_unpack(&info->brief, attempt->brief);
  for (uint32_t i = 0; i < MIN(attempt->syns, DC_HANDSHAKE_FRAMES_MAX); i++) {
    const DcSyn *syn = i < DC_SYNS_HERE ? &attempt->here[i] : &attempt->more[i - DC_SYNS_HERE];
    info->frames[i] = syn->frame;
    info->times_ns[i] = syn->time_ns;
    info->tsvals[i] = syn->tsval;
  }
  info->id = attempt->id;
  info->isn = attempt->isn;
  info->syns = attempt->syns;
  info->first_ns = attempt->here[0].time_ns;
  info->last_ns = attempt->last_ns;
  info->dropped = attempt->dropped;
  info->unanswered = attempt->unanswered;
  info->synacks = attempt->synacks;
  info->has_tsval = attempt->has_tsval;
  info->established = attempt->established;
  info->established_frame = attempt->established_frame;
  info->established_ns = attempt->established_ns;
  info->refused_by = attempt->refused_by;
  info->refused_type = attempt->refused_type;
  info->refused_code = attempt->refused_code;
  info->answer_ns = attempt->answer_ns;
  info->total_ns = attempt->answer_frame != 0 ? attempt->answer_time_ns - info->first_ns : -1;
  info->answer_frame = attempt->answer_frame;
  info->answer_time_ns = attempt->answer_time_ns;
  info->answer_tsval = attempt->answer_tsval;
  info->has_answer_tsval = attempt->has_answer_tsval;
  info->icmp_error_frame = attempt->icmp_error_frame;
  info->icmp_error_type = attempt->icmp_error_type;
  info->icmp_error_code = attempt->icmp_error_code;
}

/* --- counts ---------------------------------------------------------------------------------- */

size_t dc_flows_count(const DcFlows *flows)
{
  return flows->count;
}

size_t dc_flows_peak(const DcFlows *flows)
{
  return flows->peak;
}

size_t dc_flows_attempts(const DcFlows *flows)
{
  return flows->attempts;
}

uint64_t dc_flows_evicted(const DcFlows *flows)
{
  return flows->evicted;
}
