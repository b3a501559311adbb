#include "fragment.h"

#include "dropcorr/base/hash.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_MAX 256u
/* A fragment so much farther from a reception than the nearest is not meant. */
#define RECEIVE_CLEAR_NS (2 * DC_NS_PER_US)
/* Copies of a fragment come so soon after it; identifications do not come again so soon. */
#define COPIES_NS (5 * DC_NS_PER_S)

typedef struct {
  uint32_t start, end;
} Piece;

/* One fragment as it was seen; copies of it are seen more than once. */
typedef struct {
  uint32_t start, end;
  uint64_t position;
  int64_t time_ns;
} Seen;

typedef struct {
  DcDatagramKey key;
  int64_t first_ns, last_ns;
  uint32_t total; /* bytes of the whole datagram, 0 while the last fragment is missing */
  uint32_t piece_count;
  Piece pieces[DC_FRAGMENT_PIECES_MAX]; /* sorted, disjoint or touching */
  Seen seen[DC_FRAGMENT_PIECES_MAX];
  uint32_t seen_count;
  bool seen_more; /* than there is room for */
  bool told;      /* as what a dropped packet was made of */
  bool dropped;   /* its fragments were given to a drop */
  bool has_ports;
  uint16_t src_port, dst_port;
  GArray *waiting; /* DcFrameVerdict, NULL while none */
  GList link;      /* in order of first_ns */
} Datagram;

struct DcFragments {
  GHashTable *table; /* DcDatagramKey* in Datagram -> Datagram */
  GQueue order;
  int64_t timeout_ns;
  size_t max_datagrams;
  DcFragmentDecide decide;
  void *data;
  uint64_t evicted;
};

static guint key_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, sizeof(DcDatagramKey));
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof(DcDatagramKey)) == 0;
}

static void datagram_free(gpointer data)
{
  Datagram *datagram = data;
  if (datagram->waiting != NULL)
    g_array_unref(datagram->waiting);
  g_free(datagram);
}

DcFragments *dc_fragments_new(int64_t timeout_ns, size_t max_datagrams, DcFragmentDecide decide, void *data)
{
  DcFragments *fragments = g_new0(DcFragments, 1);
  fragments->table = g_hash_table_new_full(key_hash, key_equal, NULL, datagram_free);
  g_queue_init(&fragments->order);
  fragments->timeout_ns = timeout_ns;
  fragments->max_datagrams = max_datagrams;
  fragments->decide = decide;
  fragments->data = data;
  return fragments;
}

void dc_fragments_free(DcFragments *fragments)
{
  if (fragments == NULL)
    return;
  g_hash_table_unref(fragments->table);
  g_free(fragments);
}

void dc_datagram_key(DcDatagramKey *key, const DcPacket *packet)
{
  memset(key, 0, sizeof *key);
  memcpy(key->src, packet->src.bytes, sizeof key->src);
  memcpy(key->dst, packet->dst.bytes, sizeof key->dst);
  key->id = packet->ip_id;
  key->version = packet->src.version;
  key->protocol = packet->ip_protocol;
}

void dc_datagram_key_of_frame(DcDatagramKey *key, const DcFlowKey *flow, uint32_t id)
{
  memset(key, 0, sizeof *key);
  memcpy(key->src, flow->src, sizeof key->src);
  memcpy(key->dst, flow->dst, sizeof key->dst);
  key->id = id;
  key->version = flow->ip_version;
  key->protocol = flow->protocol;
}

static bool is_whole(const Datagram *datagram)
{
  return datagram->total != 0 && datagram->piece_count == 1 && datagram->pieces[0].start == 0 &&
         datagram->pieces[0].end >= datagram->total;
}

static void add_piece(Datagram *datagram, uint32_t start, uint32_t end)
{
  uint32_t at = 0;
  while (at < datagram->piece_count && datagram->pieces[at].end < start)
    at++;
  uint32_t last = at;
  while (last < datagram->piece_count && datagram->pieces[last].start <= end) {
    start = MIN(start, datagram->pieces[last].start);
    end = MAX(end, datagram->pieces[last].end);
    last++;
  }
  if (last == at && datagram->piece_count == DC_FRAGMENT_PIECES_MAX)
    return; /* more holes than any sender makes: stays incomplete */
  memmove(&datagram->pieces[at + 1], &datagram->pieces[last], (datagram->piece_count - last) * sizeof(Piece));
  datagram->piece_count = datagram->piece_count - (last - at) + 1;
  datagram->pieces[at] = (Piece){start, end};
}

static void release(DcFragments *fragments, Datagram *datagram, bool incomplete)
{
  if (datagram->waiting == NULL)
    return;
  g_autoptr(GArray) waiting = g_steal_pointer(&datagram->waiting);
  for (guint i = 0; i < waiting->len; i++) {
    DcFrameVerdict *verdict = &g_array_index(waiting, DcFrameVerdict, i);
    if (datagram->has_ports) {
      verdict->brief.flow.src_port = datagram->src_port;
      verdict->brief.flow.dst_port = datagram->dst_port;
    }
    fragments->decide(verdict, incomplete, fragments->data);
  }
}

static void remove_oldest(DcFragments *fragments)
{
  GList *link = g_queue_peek_head_link(&fragments->order);
  Datagram *datagram = link->data;
  release(fragments, datagram, !is_whole(datagram));
  g_queue_unlink(&fragments->order, link);
  g_hash_table_remove(fragments->table, &datagram->key);
}

static void piece_of(const DcPacket *packet, uint32_t *ret_start, uint32_t *ret_end)
{
  const uint32_t header = packet->l4_offset > packet->l3_offset ? packet->l4_offset - packet->l3_offset : 0;
  *ret_start = packet->fragment_offset;
  *ret_end = packet->fragment_offset + (packet->l3_len > header ? packet->l3_len - header : 0);
}

static void start_anew(Datagram *datagram)
{
  datagram->total = datagram->piece_count = datagram->seen_count = 0;
  datagram->seen_more = datagram->told = datagram->dropped = datagram->has_ports = false;
}

void dc_fragments_add(DcFragments *fragments, const DcPacket *packet, uint64_t position, int64_t time_ns)
{
  DcDatagramKey key;
  dc_datagram_key(&key, packet);
  Datagram *datagram = g_hash_table_lookup(fragments->table, &key);
  if (datagram == NULL) {
    if (fragments->order.length >= fragments->max_datagrams) {
      remove_oldest(fragments);
      fragments->evicted++;
    }
    datagram = g_new0(Datagram, 1);
    datagram->key = key;
    datagram->first_ns = time_ns;
    datagram->link.data = datagram;
    g_hash_table_insert(fragments->table, &datagram->key, datagram);
    g_queue_push_tail_link(&fragments->order, &datagram->link);
  }
  /* The next datagram of that identification. Soon after the last piece it may also be a copy of one: then the frames
   * not yet decided would no longer be known to have made a whole. */
  if (is_whole(datagram) && time_ns - datagram->last_ns > COPIES_NS)
    start_anew(datagram);
  uint32_t start, end;
  piece_of(packet, &start, &end);
  add_piece(datagram, start, end);
  datagram->last_ns = time_ns;
  if (!packet->fragment_more)
    datagram->total = end;
  if (datagram->seen_count < DC_FRAGMENT_PIECES_MAX)
    datagram->seen[datagram->seen_count++] = (Seen){start, end, position, time_ns};
  else
    datagram->seen_more = true;
  if ((packet->has & DC_HAS_PORTS) != 0) {
    datagram->has_ports = true;
    datagram->src_port = packet->src_port;
    datagram->dst_port = packet->dst_port;
  }
  if (is_whole(datagram))
    release(fragments, datagram, false);
}

void dc_fragments_lose(DcFragments *fragments, const DcDatagramKey *key, uint64_t position)
{
  Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram == NULL || datagram->seen_more)
    return;
  uint32_t kept = 0;
  datagram->piece_count = 0;
  for (uint32_t i = 0; i < datagram->seen_count; i++) {
    const Seen seen = datagram->seen[i];
    if (seen.position == position)
      continue;
    add_piece(datagram, seen.start, seen.end);
    datagram->seen[kept++] = seen;
  }
  datagram->seen_count = kept;
}

bool dc_fragments_has_copy(const DcFragments *fragments, const DcPacket *packet, uint64_t position)
{
  DcDatagramKey key;
  dc_datagram_key(&key, packet);
  const Datagram *datagram = g_hash_table_lookup(fragments->table, &key);
  uint32_t start, end;
  piece_of(packet, &start, &end);
  for (uint32_t i = 0; datagram != NULL && i < datagram->seen_count; i++) {
    const Seen *seen = &datagram->seen[i];
    if (seen->position != position && seen->start == start && seen->end == end)
      return true;
  }
  return false;
}

bool dc_fragments_was_copied(const DcFragments *fragments, uint64_t position)
{
  for (const GList *link = fragments->order.tail; link != NULL; link = link->prev) {
    const Datagram *datagram = link->data;
    const Seen *found = NULL;
    for (uint32_t i = 0; i < datagram->seen_count && found == NULL; i++)
      found = datagram->seen[i].position == position ? &datagram->seen[i] : NULL;
    for (uint32_t i = 0; found != NULL && i < datagram->seen_count; i++) {
      const Seen *other = &datagram->seen[i];
      if (other != found && other->start == found->start && other->end == found->end)
        return true;
    }
    if (found != NULL)
      return false;
  }
  return false;
}

static bool was_made_of(const Datagram *datagram, const DcPacket *whole, int64_t from_ns)
{
  if (datagram->told || datagram->last_ns < from_ns || !is_whole(datagram))
    return false;
  uint32_t start, end;
  piece_of(whole, &start, &end);
  if (end != datagram->total)
    return false;
  return !datagram->has_ports || (whole->has & DC_HAS_PORTS) == 0 ||
         (datagram->src_port == whole->src_port && datagram->dst_port == whole->dst_port);
}

bool dc_fragments_find_whole(DcFragments *fragments, const DcPacket *whole, int64_t from_ns, int64_t time_ns,
                             int64_t alike_ns, DcDatagramKey *ret_key)
{
  DcDatagramKey key;
  dc_datagram_key(&key, whole);
  Datagram *best = NULL;
  if (key.version == 4) {
    best = g_hash_table_lookup(fragments->table, &key);
    if (best != NULL && !was_made_of(best, whole, from_ns))
      best = NULL;
  } else {
    uint32_t looked_at = 0;
    for (const GList *link = fragments->order.tail; link != NULL && looked_at < SCAN_MAX; link = link->prev) {
      Datagram *datagram = link->data;
      looked_at++;
      key.id = datagram->key.id;
      if (!key_equal(&key, &datagram->key) || datagram->last_ns > time_ns || !was_made_of(datagram, whole, from_ns))
        continue;
      if (best != NULL && best->last_ns - datagram->last_ns <= alike_ns)
        return false;
      if (best != NULL)
        break;
      best = datagram;
    }
  }
  if (best == NULL)
    return false;
  best->told = true;
  *ret_key = best->key;
  return true;
}

static int64_t receive_distance(const Seen *seen, int64_t time_ns, int64_t wait_ns)
{
  const int64_t distance = llabs(seen->time_ns - time_ns);
  return wait_ns > 0 ? MIN(distance, llabs(seen->time_ns - (time_ns - wait_ns))) : distance;
}

bool dc_fragments_find_received(const DcFragments *fragments, int64_t time_ns, int64_t wait_ns, int64_t within_ns,
                                DcDatagramKey *ret_key)
{
  const Datagram *best = NULL;
  int64_t nearest = INT64_MAX, next = INT64_MAX;
  uint32_t looked_at = 0;
  /* Those whose time is over are the oldest. */
  for (const GList *link = fragments->order.head; link != NULL && looked_at < SCAN_MAX; link = link->next) {
    const Datagram *datagram = link->data;
    if (datagram->first_ns > time_ns + within_ns)
      break;
    if (datagram->last_ns < time_ns - wait_ns - within_ns)
      continue;
    looked_at++;
    int64_t distance = INT64_MAX;
    for (uint32_t i = 0; i < datagram->seen_count; i++)
      distance = MIN(distance, receive_distance(&datagram->seen[i], time_ns, wait_ns));
    if (distance < nearest) {
      next = nearest;
      nearest = distance;
      best = datagram;
    } else {
      next = MIN(next, distance);
    }
  }
  if (best == NULL || nearest > within_ns || looked_at == SCAN_MAX || next <= 4 * nearest + RECEIVE_CLEAR_NS)
    return false;
  *ret_key = best->key;
  return true;
}

bool dc_fragments_is_last(const DcFragments *fragments, const DcDatagramKey *key, uint64_t position)
{
  const Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram == NULL || datagram->seen_more)
    return false;
  for (uint32_t i = 0; i < datagram->seen_count; i++) {
    if (datagram->seen[i].position > position)
      return false;
  }
  return datagram->seen_count > 0;
}

void dc_fragments_note_dropped(DcFragments *fragments, const DcDatagramKey *key)
{
  Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram != NULL)
    datagram->dropped = true;
}

bool dc_fragments_was_dropped(const DcFragments *fragments, const DcDatagramKey *key)
{
  const Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  return datagram != NULL && datagram->dropped;
}

bool dc_fragments_ports(const DcFragments *fragments, const DcDatagramKey *key, uint16_t *ret_src, uint16_t *ret_dst)
{
  const Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram == NULL || !datagram->has_ports)
    return false;
  *ret_src = datagram->src_port;
  *ret_dst = datagram->dst_port;
  return true;
}

DcDatagramState dc_fragments_state(const DcFragments *fragments, const DcDatagramKey *key)
{
  const Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram == NULL)
    return DC_DATAGRAM_UNKNOWN;
  return is_whole(datagram) ? DC_DATAGRAM_WHOLE : DC_DATAGRAM_PARTIAL;
}

void dc_fragments_wait(DcFragments *fragments, const DcDatagramKey *key, const DcFrameVerdict *verdict)
{
  Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram == NULL || (datagram->waiting != NULL && datagram->waiting->len >= DC_FRAGMENT_PIECES_MAX)) {
    DcFrameVerdict copy = *verdict;
    fragments->decide(&copy, datagram != NULL, fragments->data);
    return;
  }
  if (datagram->waiting == NULL)
    datagram->waiting = g_array_new(FALSE, FALSE, sizeof(DcFrameVerdict));
  g_array_append_vals(datagram->waiting, verdict, 1);
}

size_t dc_fragments_positions(const DcFragments *fragments, const DcDatagramKey *key, uint64_t *positions, size_t max)
{
  const Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram == NULL)
    return 0;
  size_t count = MIN(datagram->seen_count, max);
  for (size_t i = 0; i < count; i++)
    positions[i] = datagram->seen[i].position;
  return count;
}

size_t dc_fragments_take(DcFragments *fragments, const DcDatagramKey *key,
                         void (*take)(DcFrameVerdict *verdict, void *data), void *data)
{
  Datagram *datagram = g_hash_table_lookup(fragments->table, key);
  if (datagram == NULL || datagram->waiting == NULL)
    return 0;
  g_autoptr(GArray) waiting = g_steal_pointer(&datagram->waiting);
  for (guint i = 0; i < waiting->len; i++)
    take(&g_array_index(waiting, DcFrameVerdict, i), data);
  return waiting->len;
}

void dc_fragments_expire(DcFragments *fragments, int64_t now_ns)
{
  for (;;) {
    const GList *link = g_queue_peek_head_link(&fragments->order);
    if (link == NULL || now_ns - ((const Datagram *)link->data)->first_ns <= fragments->timeout_ns)
      return;
    remove_oldest(fragments);
  }
}

void dc_fragments_finish(DcFragments *fragments)
{
  while (fragments->order.length > 0)
    remove_oldest(fragments);
}

uint64_t dc_fragments_evicted(const DcFragments *fragments)
{
  return fragments->evicted;
}
