#include "flow.h"

#include "dropcorr/base/hash.h"

#include <glib.h>
#include <string.h>

#define FLOWS_FIRST 1024u

typedef enum { IDLE_PLAIN, IDLE_ATTEMPT, IDLE_LISTS } IdleList;

struct DcFlows {
  DcFlow *pool; /* index 0 is the first flow; links hold index + 1 */
  uint32_t *buckets;
  size_t capacity; /* power of two */
  size_t max_flows;
  size_t used; /* of the pool, ever */
  uint32_t free_head;
  size_t count, peak, attempts;
  uint64_t evicted;
  uint32_t oldest[IDLE_LISTS], newest[IDLE_LISTS];
};

DcFlows *dc_flows_new(size_t max_flows)
{
  DcFlows *flows = g_new0(DcFlows, 1);
  flows->capacity = FLOWS_FIRST;
  flows->max_flows = MAX(max_flows, FLOWS_FIRST);
  flows->pool = g_new0(DcFlow, flows->capacity);
  flows->buckets = g_new0(uint32_t, flows->capacity);
  return flows;
}

void dc_flows_free(DcFlows *flows)
{
  if (flows == NULL)
    return;
  for (size_t i = 0; i < flows->used; i++)
    g_free(flows->pool[i].attempt);
  g_free(flows->pool);
  g_free(flows->buckets);
  g_free(flows);
}

static uint32_t *bucket_of(const DcFlows *flows, const DcFlowKey *key)
{
  return &flows->buckets[dc_hash_bytes(key, sizeof *key) & (flows->capacity - 1)];
}

static IdleList idle_list(const DcFlow *flow)
{
  return flow->attempt != NULL ? IDLE_ATTEMPT : IDLE_PLAIN;
}

static void idle_unlink(DcFlows *flows, DcFlow *flow, IdleList list)
{
  if (flow->idle_prev != 0)
    flows->pool[flow->idle_prev - 1].idle_next = flow->idle_next;
  else
    flows->oldest[list] = flow->idle_next;
  if (flow->idle_next != 0)
    flows->pool[flow->idle_next - 1].idle_prev = flow->idle_prev;
  else
    flows->newest[list] = flow->idle_prev;
}

static void idle_append(DcFlows *flows, DcFlow *flow, IdleList list)
{
  uint32_t self = dc_flows_index(flows, flow);
  flow->idle_prev = flows->newest[list];
  flow->idle_next = 0;
  if (flow->idle_prev != 0)
    flows->pool[flow->idle_prev - 1].idle_next = self;
  else
    flows->oldest[list] = self;
  flows->newest[list] = self;
}

DcFlow *dc_flows_find(DcFlows *flows, const DcFlowKey *key)
{
  for (uint32_t at = *bucket_of(flows, key); at != 0; at = flows->pool[at - 1].next) {
    if (memcmp(&flows->pool[at - 1].key, key, sizeof *key) == 0)
      return &flows->pool[at - 1];
  }
  return NULL;
}

static void flow_remove(DcFlows *flows, DcFlow *flow)
{
  uint32_t self = dc_flows_index(flows, flow);
  uint32_t *link = bucket_of(flows, &flow->key);
  while (*link != self)
    link = &flows->pool[*link - 1].next;
  *link = flow->next;
  if (flow->attempt != NULL)
    dc_flows_close_attempt(flows, flow);
  idle_unlink(flows, flow, IDLE_PLAIN);
  flow->generation++;
  flow->in_use = false;
  flow->next = flows->free_head;
  flows->free_head = self;
  flows->count--;
}

static void flows_grow(DcFlows *flows)
{
  size_t capacity = flows->capacity * 2;
  flows->pool = g_renew(DcFlow, flows->pool, capacity);
  memset(flows->pool + flows->capacity, 0, flows->capacity * sizeof *flows->pool);
  g_free(flows->buckets);
  flows->buckets = g_new0(uint32_t, capacity);
  flows->capacity = capacity;
  for (uint32_t i = 0; i < flows->used; i++) {
    DcFlow *flow = &flows->pool[i];
    if (!flow->in_use)
      continue;
    uint32_t *bucket = bucket_of(flows, &flow->key);
    flow->next = *bucket;
    *bucket = i + 1;
  }
}

static void evict_oldest(DcFlows *flows, IdleList list, DcFlowEvict evict, void *data)
{
  if (flows->oldest[list] == 0)
    return;
  DcFlow *victim = &flows->pool[flows->oldest[list] - 1];
  evict(victim, data);
  flow_remove(flows, victim);
  flows->evicted++;
}

void dc_flows_evict_attempt(DcFlows *flows, DcFlowEvict evict, void *data)
{
  evict_oldest(flows, IDLE_ATTEMPT, evict, data);
}

DcFlow *dc_flows_get(DcFlows *flows, const DcFlowKey *key, int64_t now_ns, DcFlowEvict evict, void *data)
{
  DcFlow *flow = dc_flows_find(flows, key);
  if (flow != NULL)
    return flow;
  if (flows->count >= flows->max_flows)
    evict_oldest(flows, flows->oldest[IDLE_PLAIN] != 0 ? IDLE_PLAIN : IDLE_ATTEMPT, evict, data);
  if (flows->free_head == 0 && flows->used == flows->capacity)
    flows_grow(flows);
  uint32_t index;
  if (flows->free_head != 0) {
    index = flows->free_head - 1;
    flows->free_head = flows->pool[index].next;
  } else {
    index = (uint32_t)flows->used++;
  }
  flow = &flows->pool[index];
  uint32_t generation = flow->generation;
  memset(flow, 0, sizeof *flow);
  flow->generation = generation;
  flow->in_use = true;
  flow->key = *key;
  flow->last_ns = now_ns;
  flow->last_out_ns = flow->ack_ns = flow->refused_ns = DC_TIME_NONE;
  uint32_t *bucket = bucket_of(flows, key);
  flow->next = *bucket;
  *bucket = index + 1;
  idle_append(flows, flow, IDLE_PLAIN);
  flows->count++;
  flows->peak = MAX(flows->peak, flows->count);
  return flow;
}

uint32_t dc_flows_index(const DcFlows *flows, const DcFlow *flow)
{
  return (uint32_t)(flow - flows->pool) + 1;
}

DcFlow *dc_flows_at(DcFlows *flows, uint32_t index_plus_1, uint32_t generation)
{
  if (index_plus_1 == 0)
    return NULL;
  DcFlow *flow = &flows->pool[index_plus_1 - 1];
  return flow->in_use && flow->generation == generation ? flow : NULL;
}

void dc_flows_touch(DcFlows *flows, DcFlow *flow, int64_t now_ns)
{
  flow->last_ns = now_ns;
  IdleList list = idle_list(flow);
  if (flow->idle_next == 0)
    return;
  idle_unlink(flows, flow, list);
  idle_append(flows, flow, list);
}

void dc_flows_expire(DcFlows *flows, int64_t now_ns, int64_t idle_ns, int64_t attempt_idle_ns, DcFlowEvict evict,
                     void *data)
{
  const int64_t limits[IDLE_LISTS] = {idle_ns, attempt_idle_ns};
  for (int list = 0; list < IDLE_LISTS; list++) {
    while (flows->oldest[list] != 0) {
      DcFlow *flow = &flows->pool[flows->oldest[list] - 1];
      /* A clock that went back makes the age negative: then the flow stays. */
      if (now_ns - flow->last_ns <= limits[list])
        break;
      evict(flow, data);
      flow_remove(flows, flow);
    }
  }
}

void dc_flows_clear(DcFlows *flows, DcFlowEvict evict, void *data)
{
  /* Oldest first, plain flows after attempts: the order does not depend on the hash key. */
  for (int list = IDLE_LISTS - 1; list >= 0; list--) {
    while (flows->oldest[list] != 0) {
      DcFlow *flow = &flows->pool[flows->oldest[list] - 1];
      evict(flow, data);
      flow_remove(flows, flow);
    }
  }
}

DcAttempt *dc_flows_open_attempt(DcFlows *flows, DcFlow *flow)
{
  idle_unlink(flows, flow, IDLE_PLAIN);
  flow->attempt = g_new0(DcAttempt, 1);
  flows->attempts++;
  idle_append(flows, flow, IDLE_ATTEMPT);
  return flow->attempt;
}

void dc_flows_close_attempt(DcFlows *flows, DcFlow *flow)
{
  if (flow->attempt == NULL)
    return;
  idle_unlink(flows, flow, IDLE_ATTEMPT);
  g_free(flow->attempt);
  flow->attempt = NULL;
  flows->attempts--;
  idle_append(flows, flow, IDLE_PLAIN);
}

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
