#include "dropcorr/source/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

/*
 *   thread: source -> block -> ... BLOCKS in a ring ... -> block -> taker
 *
 * A block holds events one behind the other with what they point to. Sleeping and waking cost as much as some
 * hundred frames: who finds the ring full, or empty, sleeps until it is half full.
 */
#define BLOCKS 16u
#define BLOCK_EVENTS 256u
#define BLOCK_BYTES (160u << 10)
#define CACHE_LINE 64u
#define ALIGNMENT 16u
/* And so many bytes before they are written: the taker read them last, and each line must come back from there. */
#define WRITE_AHEAD 1024u

typedef struct {
  _Alignas(CACHE_LINE) uint32_t count;
  DcReadStatus end; /* what followed the last event; DC_READ_EVENT: another block */
  GError *error;
  uint64_t skipped, foreign, bytes_read;
  size_t used;
  DcEvent *events[BLOCK_EVENTS];
  uint8_t *bytes; /* BLOCK_BYTES, or more for one event that is larger */
  size_t capacity;
} Block;

typedef struct {
  DcSource source;
  DcSource *inner;
  DcAheadOptions options;
  DcEvent first, *first_at; /* taken without the thread */
  bool first_taken, running, joined;
  pthread_t thread;

  Block blocks[BLOCKS];

  /* What one of the two writes with every event lies apart from what the other reads. */
  _Alignas(CACHE_LINE) pthread_mutex_t mutex;
  pthread_cond_t changed;
  /* Under the mutex: blocks filled and emptied, ever. */
  uint64_t filled, emptied;
  bool thread_sleeps, taker_sleeps, quit, ended;

  /* The thread's */
  _Alignas(CACHE_LINE) DcEvent next; /* read, and did not fit into the last block */
  bool has_next;

  /* The taker's */
  _Alignas(CACHE_LINE) Block *block; /* being taken from; NULL: none */
  uint32_t at;
  bool over;
} Ahead;

static DcReadStatus ahead_next(DcSource *source, DcEvent *ret_event, GError **error);
static DcReadStatus ahead_run(DcSource *source, DcRun *ret_run, GError **error);
static void ahead_free(DcSource *source);

static const DcSourceOps ahead_ops = {.next = ahead_next, .run = ahead_run, .free = ahead_free};

DcSource *dc_ahead_new(DcSource *source, const DcAheadOptions *options)
{
  Ahead *ahead = g_aligned_alloc0(1, sizeof *ahead, CACHE_LINE);
  ahead->source.ops = &ahead_ops;
  ahead->source.name = source->name;
  ahead->source.bytes_total = source->bytes_total;
  ahead->inner = source;
  ahead->options = *options;
  pthread_mutex_init(&ahead->mutex, NULL);
  pthread_cond_init(&ahead->changed, NULL);
  return &ahead->source;
}

/* --- the thread ------------------------------------------------------------------------------- */

static size_t block_size(size_t len)
{
  return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void *block_alloc(Block *block, size_t len)
{
  void *at = block->bytes + block->used;
  block->used += block_size(len);
  return at;
}

static void body_of(const DcEvent *event, const void **ret_body, size_t *ret_len)
{
  *ret_body = NULL;
  *ret_len = 0;
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME: /* prepared where it is, and needed no more */
  case DC_EVENT_LOSS:
  case DC_EVENT_LIGHT:
    return;
  case DC_EVENT_DROP:
    *ret_body = event->drop.bytes;
    *ret_len = event->drop.bytes != NULL ? event->drop.caplen : 0;
    return;
  case DC_EVENT_SAMPLE:
    *ret_body = event->sample.text;
    *ret_len = event->sample.len;
    return;
  }
}

static bool has_place(Block *block, const Ahead *ahead, size_t body_len)
{
  const size_t need = sizeof(DcEvent) + ahead->options.room_len + body_len + 4 * ALIGNMENT;
  if (block->count == 0 && need > block->capacity) { /* an event larger than a block has one to itself */
    g_aligned_free(block->bytes);
    block->bytes = g_aligned_alloc(need, 1, CACHE_LINE);
    block->capacity = need;
  }
  return block->count < BLOCK_EVENTS && block->used + need <= block->capacity;
}

/* The bytes from `at` on will be written. */
#ifdef __x86_64__
__attribute__((target("prfchw"))) /* does nothing where there is none */
#endif
static void
send_for(const Block *block, size_t at, size_t len)
{
  const size_t end = MIN(at + len, block->capacity);
  for (; at < end; at += CACHE_LINE)
    __builtin_prefetch(block->bytes + at, 1);
}

static void block_add(Ahead *ahead, Block *block, DcEvent *event, const void *body, size_t body_len)
{
  const size_t before = block->used;
  DcEvent *own = event;
  if (event->kind == DC_EVENT_FRAME && ahead->options.prepare != NULL) {
    size_t used = 0;
    own = ahead->options.prepare(ahead->options.data, event, block->bytes + before, &used);
    block_alloc(block, used);
    event->frame.bytes = NULL;
  }
  if (own == event) { /* what is to come behind it is known only now: prepared frames are shorter, most of them */
    own = block_alloc(block, dc_event_size(event));
    memcpy(own, event, dc_event_size(event));
  }
  if (body_len > 0) {
    uint8_t *copy = block_alloc(block, body_len);
    memcpy(copy, body, body_len);
    if (event->kind == DC_EVENT_DROP)
      own->drop.bytes = copy;
    else
      own->sample.text = (const char *)copy;
  }
  block->events[block->count++] = own;
  send_for(block, before + WRITE_AHEAD, block->used - before);
}

static void block_fill(Ahead *ahead, Block *block)
{
  block->count = 0;
  block->used = 0;
  block->end = DC_READ_EVENT;
  if (block->capacity > BLOCK_BYTES || block->bytes == NULL) {
    g_aligned_free(block->bytes);
    block->bytes = g_aligned_alloc(BLOCK_BYTES, 1, CACHE_LINE);
    block->capacity = BLOCK_BYTES;
  }
  send_for(block, 0, WRITE_AHEAD);
  for (;;) {
    if (!ahead->has_next) {
      block->end = dc_source_next(ahead->inner, &ahead->next, &block->error);
      if (block->end != DC_READ_EVENT)
        break;
    }
    ahead->has_next = true;
    const void *body;
    size_t body_len;
    body_of(&ahead->next, &body, &body_len);
    if (!has_place(block, ahead, body_len))
      break;
    block_add(ahead, block, &ahead->next, body, body_len);
    ahead->has_next = false;
  }
  block->skipped = ahead->inner->skipped;
  block->foreign = ahead->inner->foreign;
  block->bytes_read = ahead->inner->bytes_read;
}

/* Waits for an empty block; NULL: nobody wants any more. */
static Block *block_to_fill(Ahead *ahead)
{
  pthread_mutex_lock(&ahead->mutex);
  if (ahead->filled - ahead->emptied == BLOCKS) {
    ahead->thread_sleeps = true;
    while (ahead->filled - ahead->emptied > BLOCKS / 2 && !ahead->quit)
      pthread_cond_wait(&ahead->changed, &ahead->mutex);
    ahead->thread_sleeps = false;
  }
  Block *block = ahead->quit ? NULL : &ahead->blocks[ahead->filled % BLOCKS];
  pthread_mutex_unlock(&ahead->mutex);
  return block;
}

static void *ahead_body(void *data)
{
  Ahead *ahead = data;
  Block *block;
  while ((block = block_to_fill(ahead)) != NULL) {
    block_fill(ahead, block);
    const bool ended = block->end != DC_READ_EVENT;
    pthread_mutex_lock(&ahead->mutex);
    ahead->filled++;
    ahead->ended = ended;
    if (ahead->taker_sleeps && (ended || ahead->filled - ahead->emptied >= BLOCKS / 2))
      pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
    if (ended)
      break;
  }
  return NULL;
}

/* Signals are the main thread's. Without a thread events come as they do without this source. */
static void start(Ahead *ahead)
{
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  ahead->running = pthread_create(&ahead->thread, NULL, ahead_body, ahead) == 0;
  ahead->joined = !ahead->running;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- where events are taken --------------------------------------------------------------------- */

static Block *block_to_take(Ahead *ahead)
{
  pthread_mutex_lock(&ahead->mutex);
  if (ahead->filled == ahead->emptied && !ahead->ended) {
    ahead->taker_sleeps = true;
    while (ahead->filled - ahead->emptied < BLOCKS / 2 && !ahead->ended)
      pthread_cond_wait(&ahead->changed, &ahead->mutex);
    ahead->taker_sleeps = false;
  }
  Block *block = ahead->filled > ahead->emptied ? &ahead->blocks[ahead->emptied % BLOCKS] : NULL;
  pthread_mutex_unlock(&ahead->mutex);
  return block;
}

static void block_done(Ahead *ahead)
{
  pthread_mutex_lock(&ahead->mutex);
  ahead->emptied++;
  if (ahead->thread_sleeps && ahead->filled - ahead->emptied <= BLOCKS / 2)
    pthread_cond_signal(&ahead->changed);
  pthread_mutex_unlock(&ahead->mutex);
}

static void block_begin(Ahead *ahead, Block *block)
{
  ahead->block = block;
  ahead->at = 0;
  ahead->source.skipped = block->skipped;
  ahead->source.foreign = block->foreign;
  ahead->source.bytes_read = block->bytes_read;
}

/* Until there is a frame or a drop. */
static DcReadStatus take_first(Ahead *ahead, DcRun *ret_run, GError **error)
{
  ahead->first_at = &ahead->first;
  *ret_run = (DcRun){.events = &ahead->first_at, .count = 1};
  const DcReadStatus status = dc_source_next(ahead->inner, &ahead->first, error);
  ahead->first_taken = status == DC_READ_EVENT && ahead->first.kind != DC_EVENT_SAMPLE;
  ahead->source.skipped = ahead->inner->skipped;
  ahead->source.foreign = ahead->inner->foreign;
  ahead->source.bytes_read = ahead->inner->bytes_read;
  return status;
}

/* At most so many of the events there are. */
static DcReadStatus take(Ahead *ahead, size_t most, DcRun *ret_run, GError **error)
{
  if (!ahead->running && !ahead->joined && ahead->first_taken)
    start(ahead);
  if (!ahead->running && !ahead->over)
    return take_first(ahead, ret_run, error);
  if (ahead->over)
    return DC_READ_END;
  while (ahead->block == NULL || ahead->at == ahead->block->count) {
    if (ahead->block != NULL) {
      const DcReadStatus end = ahead->block->end;
      if (end != DC_READ_EVENT) {
        ahead->over = true;
        if (end == DC_READ_ERROR)
          g_propagate_error(error, g_steal_pointer(&ahead->block->error));
        return end;
      }
      block_done(ahead);
    }
    block_begin(ahead, block_to_take(ahead));
  }
  *ret_run = (DcRun){.events = &ahead->block->events[ahead->at], .count = MIN(most, ahead->block->count - ahead->at)};
  ahead->at += (uint32_t)ret_run->count;
  return DC_READ_EVENT;
}

static DcReadStatus ahead_run(DcSource *source, DcRun *ret_run, GError **error)
{
  return take((Ahead *)source, SIZE_MAX, ret_run, error);
}

static DcReadStatus ahead_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  DcRun run;
  const DcReadStatus status = take((Ahead *)source, 1, &run, error);
  if (status == DC_READ_EVENT)
    memcpy(ret_event, run.events[0], dc_event_size(run.events[0]));
  return status;
}

void dc_ahead_stop(DcSource *source)
{
  g_return_if_fail(source->ops == &ahead_ops);
  Ahead *ahead = (Ahead *)source;
  if (!ahead->running || ahead->joined)
    return;
  pthread_mutex_lock(&ahead->mutex);
  ahead->quit = true;
  pthread_cond_signal(&ahead->changed);
  pthread_mutex_unlock(&ahead->mutex);
  pthread_join(ahead->thread, NULL);
  ahead->joined = ahead->over = true;
}

static void ahead_free(DcSource *source)
{
  Ahead *ahead = (Ahead *)source;
  dc_ahead_stop(source);
  for (size_t i = 0; i < BLOCKS; i++) {
    g_clear_error(&ahead->blocks[i].error);
    g_aligned_free(ahead->blocks[i].bytes);
  }
  pthread_cond_destroy(&ahead->changed);
  pthread_mutex_destroy(&ahead->mutex);
  dc_source_free(ahead->inner);
  g_aligned_free(ahead);
}
