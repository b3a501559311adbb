#include "answered.h"

#include "rules_private.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"

#include <stdlib.h>
#include <string.h>

/* Per-host PAWS looks back TCP_PAWS_MSL (net/ipv4/tcp_metrics.c until 4.12). */
#define PAWS_MSL_NS (60 * DC_NS_PER_S)
/* Within so short a time a lower timestamp that was answered tells that no per-host PAWS is at work. */
#define PAWS_CONTRADICTION_NS (30 * DC_NS_PER_S)
/* The fastest TCP timestamp clock in use ticks each millisecond (RFC 7323 section 5.4: 1 ms to 1 s). */
#define TICKS_PER_S 1000
#define SOURCES_MAX 16384u
#define ANSWERS_KEPT 8

typedef struct {
  int64_t time_ns;
  uint32_t tsval;
  uint16_t port; /* source port */
  uint64_t frame;
} Answer;

/* What one source address was answered lately. */
typedef struct {
  DcAddr addr;
  Answer *answers; /* ring of ANSWERS_KEPT; NULL until there is one */
  uint32_t count;
  bool contradicted; /* a lower timestamp was answered right after a higher one */
  GList link;        /* least recently answered first */
} Source;

/* The clock behind this host's own timestamps. Until 4.10 it is one for all peers (jiffies); later each pair of
 * addresses, or each connection, has its own offset (secure_tcp_ts_off(), net/core/secure_seq.c). */
typedef struct {
  bool known, broken;
  int64_t time_ns;
  uint32_t tsval;
} OwnClock;

struct DcAnswered {
  OwnClock clock;
  GHashTable *sources; /* DcAddr in Source -> Source */
  GQueue source_order;
};

static guint source_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, sizeof(DcAddr));
}

static void source_free(gpointer data)
{
  Source *source = data;
  g_free(source->answers);
  g_free(source);
}

static gboolean source_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof(DcAddr)) == 0;
}

DcAnswered *dc_answered_new(void)
{
  DcAnswered *answered = g_new0(DcAnswered, 1);
  answered->sources = g_hash_table_new_full(source_hash, source_equal, NULL, source_free);
  g_queue_init(&answered->source_order);
  return answered;
}

void dc_answered_free(DcAnswered *answered)
{
  if (answered == NULL)
    return;
  g_hash_table_unref(answered->sources);
  g_free(answered);
}

static void source_addr(const DcBrief *brief, DcAddr *addr)
{
  memset(addr, 0, sizeof *addr);
  memcpy(addr->bytes, brief->flow.src, sizeof addr->bytes);
  addr->version = brief->flow.ip_version;
}

/* Slowest and fastest jiffies clock (CONFIG_HZ 100 to 1000), with what a scheduling delay may add. */
static void check_own_clock(OwnClock *clock, uint32_t tsval, int64_t time_ns)
{
  if (clock->known && time_ns >= clock->time_ns) {
    const int64_t apart_ms = (time_ns - clock->time_ns) / DC_NS_PER_MS;
    const int64_t ticks = (int64_t)(int32_t)(tsval - clock->tsval);
    if (ticks < apart_ms * 9 / 100 - 50 || ticks > apart_ms * 11 / 10 + 50)
      clock->broken = true;
  }
  *clock = (OwnClock){.known = true, .broken = clock->broken, .time_ns = time_ns, .tsval = tsval};
}

static Source *source_get(DcAnswered *answered, const DcAddr *addr)
{
  Source *source = g_hash_table_lookup(answered->sources, addr);
  if (source == NULL) {
    if (answered->source_order.length < SOURCES_MAX) {
      source = g_new0(Source, 1);
    } else { /* the one longest unheard of makes room, and is used anew */
      source = g_queue_pop_head_link(&answered->source_order)->data;
      g_hash_table_steal(answered->sources, &source->addr);
      source->count = 0;
      source->contradicted = false;
    }
    source->addr = *addr;
    source->link.data = source;
    g_hash_table_insert(answered->sources, &source->addr, source);
  } else {
    g_queue_unlink(&answered->source_order, &source->link);
  }
  g_queue_push_tail_link(&answered->source_order, &source->link);
  return source;
}

void dc_answered_note(DcAnswered *answered, const DcHandshake *handshake)
{
  DcAddr addr;
  source_addr(&handshake->brief, &addr);
  Source *source = source_get(answered, &addr);
  if (handshake->has_answer_tsval)
    check_own_clock(&answered->clock, handshake->answer_tsval, handshake->answer_time_ns);
  if (!handshake->has_tsval)
    return;
  if (source->answers == NULL)
    source->answers = g_new(Answer, ANSWERS_KEPT);
  const uint32_t last = MIN(handshake->syns, (uint32_t)DC_HANDSHAKE_FRAMES_MAX) - 1;
  const uint32_t tsval = handshake->tsvals[last];
  const int64_t time_ns = handshake->times_ns[last];
  for (uint32_t i = 0; i < MIN(source->count, (uint32_t)ANSWERS_KEPT); i++) {
    const Answer *before = &source->answers[i];
    if (time_ns - before->time_ns >= 0 && time_ns - before->time_ns < PAWS_CONTRADICTION_NS &&
        (int32_t)(before->tsval - tsval) > 1)
      source->contradicted = true;
  }
  source->answers[source->count++ % ANSWERS_KEPT] =
      (Answer){time_ns, tsval, handshake->brief.flow.src_port, handshake->frames[last]};
}

bool dc_answered_has(const DcAnswered *answered, const DcBrief *brief)
{
  DcAddr addr;
  source_addr(brief, &addr);
  return g_hash_table_contains(answered->sources, &addr);
}

/*
 * With tcp_tw_recycle a server before 4.12 refuses a SYN whose TSval is lower than the last one it saw from
 * the same address within 60 s. Behind NAT several machines share the address, each with its own clock.
 */
bool dc_answered_rule(const DcAnswered *answered, const DcFrameVerdict *verdict, const DcState *state,
                      DcRuling *ret_ruling)
{
  const DcBrief *brief = &verdict->brief;
  if ((brief->tcp_flags & (DC_TCP_SYN | DC_TCP_ACK)) != DC_TCP_SYN || (brief->has & DC_HAS_TIMESTAMP) == 0)
    return false;
  if (answered->clock.broken)
    return false;
  uint32_t kernel = state != NULL ? dc_state_kernel_version(state) : 0;
  if (kernel >= (4u << 16 | 12u << 8))
    return false;
  DcAddr addr;
  source_addr(brief, &addr);
  const Source *source = g_hash_table_lookup(answered->sources, &addr);
  if (source == NULL || source->contradicted)
    return false;
  const Answer *proof = NULL;
  for (uint32_t i = 0; i < MIN(source->count, (uint32_t)ANSWERS_KEPT); i++) {
    const Answer *answer = &source->answers[i];
    int64_t apart_ns = answer->time_ns - verdict->time_ns;
    /* Later answers count with what one clock may have ticked in between. */
    int64_t ticks = apart_ns > 0 ? apart_ns / (DC_NS_PER_S / TICKS_PER_S) + TICKS_PER_S : 1;
    if (llabs(apart_ns) > PAWS_MSL_NS + 10 * DC_NS_PER_S || answer->port == brief->flow.src_port ||
        (int64_t)(int32_t)(answer->tsval - brief->tsval) <= ticks)
      continue;
    if (proof == NULL || llabs(apart_ns) < llabs(proof->time_ns - verdict->time_ns))
      proof = answer;
  }
  if (proof == NULL)
    return false;
  int64_t recycle = -1, stamps = -1;
  const bool told = state != NULL && dc_state_sysctl_number(state, "net.ipv4.tcp_tw_recycle", &recycle) &&
                    dc_state_sysctl_number(state, "net.ipv4.tcp_timestamps", &stamps);
  if (told && (recycle == 0 || stamps == 0))
    return false;
  const bool counted =
      state != NULL && dc_state_counter(state, "TcpExt.PAWSPassive", DC_TIME_NONE, DC_TIME_NONE).step > 0;
  char text[DC_ADDR_TEXT_MAX];
  dc_ruling_set(ret_ruling, DC_CAUSE_TW_RECYCLE_NAT,
                counted && told   ? DC_CONFIDENCE_CERTAIN
                : counted || told ? DC_CONFIDENCE_LIKELY
                                  : DC_CONFIDENCE_POSSIBLE,
                "TSval %u of port %u is lower than %u of port %u, answered %.1f s %s (frame %" G_GUINT64_FORMAT
                "), both from %s",
                brief->tsval, brief->flow.src_port, proof->tsval, proof->port,
                (double)llabs(proof->time_ns - verdict->time_ns) / 1e9,
                proof->time_ns < verdict->time_ns ? "before" : "after", proof->frame, dc_addr_format(&addr, text));
  if (!(counted && told))
    dc_ruling_rival(ret_ruling, DC_CAUSE_NETFILTER_DROP);
  return true;
}
