#include "silence.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };

/* Per-host PAWS looks back TCP_PAWS_MSL = 60 s (net/ipv4/tcp_metrics.c until 4.12); a SYN's retries go on for
 * 63 s. After that nothing new is learnt of a frame. */
#define HORIZON_NS (75 * DC_NS_PER_S)
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
  Answer answers[ANSWERS_KEPT]; /* ring */
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

struct DcSilence {
  DcSilenceOptions options;
  OwnClock clock;
  GQueue waiting; /* DcFrameVerdict* */
  GHashTable *sources;
  GQueue source_order;
  uint64_t decided_early;
};

static guint source_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, sizeof(DcAddr));
}

static gboolean source_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof(DcAddr)) == 0;
}

DcSilence *dc_silence_new(const DcSilenceOptions *options)
{
  DcSilence *silence = g_new0(DcSilence, 1);
  silence->options = *options;
  silence->sources = g_hash_table_new_full(source_hash, source_equal, NULL, g_free);
  g_queue_init(&silence->waiting);
  g_queue_init(&silence->source_order);
  return silence;
}

void dc_silence_free(DcSilence *silence)
{
  if (silence == NULL)
    return;
  g_queue_clear_full(&silence->waiting, g_free);
  g_hash_table_unref(silence->sources);
  g_free(silence);
}

static bool is_syn(const DcBrief *brief)
{
  return (brief->has & DC_HAS_TCP) != 0 && (brief->tcp_flags & (DC_TCP_SYN | DC_TCP_ACK | DC_TCP_RST)) == DC_TCP_SYN;
}

static void brief_addr(const DcBrief *brief, bool source, DcAddr *addr)
{
  memset(addr, 0, sizeof *addr);
  memcpy(addr->bytes, source ? brief->flow.src : brief->flow.dst, sizeof addr->bytes);
  addr->version = brief->flow.ip_version;
}

static void set_ruling(DcRuling *ruling, DcCause cause, DcConfidence confidence)
{
  memset(ruling, 0, sizeof *ruling);
  ruling->cause = cause;
  ruling->confidence = confidence;
}

static void add_rival(DcRuling *ruling, DcCause cause)
{
  for (size_t i = 0; i < G_N_ELEMENTS(ruling->rivals); i++) {
    if (ruling->rivals[i] == cause || ruling->rivals[i] == DC_CAUSE_NONE) {
      ruling->rivals[i] = cause;
      return;
    }
  }
}

static uint64_t whole_step(const DcSilence *silence, const char *counter, int64_t from_ns, int64_t to_ns)
{
  if (silence->options.state == NULL)
    return 0;
  DcCounterStep step = dc_state_counter(silence->options.state, counter, from_ns, to_ns);
  return step.known ? step.step : 0;
}

/* --- timestamps -------------------------------------------------------------------- */

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

static Source *source_get(DcSilence *silence, const DcAddr *addr)
{
  Source *source = g_hash_table_lookup(silence->sources, addr);
  if (source == NULL) {
    if (silence->source_order.length >= SOURCES_MAX) {
      GList *oldest = g_queue_pop_head_link(&silence->source_order);
      g_hash_table_remove(silence->sources, &((Source *)oldest->data)->addr);
    }
    source = g_new0(Source, 1);
    source->addr = *addr;
    source->link.data = source;
    g_hash_table_insert(silence->sources, &source->addr, source);
  } else {
    g_queue_unlink(&silence->source_order, &source->link);
  }
  g_queue_push_tail_link(&silence->source_order, &source->link);
  return source;
}

void dc_silence_note_answer(DcSilence *silence, const DcHandshake *handshake)
{
  DcAddr addr;
  brief_addr(&handshake->brief, true, &addr);
  Source *source = source_get(silence, &addr);
  if (handshake->has_answer_tsval)
    check_own_clock(&silence->clock, handshake->answer_tsval, handshake->answer_time_ns);
  if (!handshake->has_tsval)
    return;
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

static bool source_was_answered(const DcSilence *silence, const DcBrief *brief)
{
  DcAddr addr;
  brief_addr(brief, true, &addr);
  return g_hash_table_contains(silence->sources, &addr);
}

/*
 * With tcp_tw_recycle a server before 4.12 refuses a SYN whose TSval is lower than the last one it saw from
 * the same address within 60 s. Behind NAT several machines share the address, each with its own clock.
 */
static bool rule_timestamps(const DcSilence *silence, const DcFrameVerdict *verdict, DcRuling *ruling)
{
  const DcBrief *brief = &verdict->brief;
  if (!is_syn(brief) || (brief->has & DC_HAS_TIMESTAMP) == 0)
    return false;
  if (silence->clock.broken)
    return false;
  uint32_t kernel = silence->options.state != NULL ? dc_state_kernel_version(silence->options.state) : 0;
  if (kernel >= (4u << 16 | 12u << 8))
    return false;
  DcAddr addr;
  brief_addr(brief, true, &addr);
  const Source *source = g_hash_table_lookup(silence->sources, &addr);
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
  set_ruling(ruling, DC_CAUSE_TW_RECYCLE_NAT, DC_CONFIDENCE_POSSIBLE);
  char text[DC_ADDR_TEXT_MAX];
  g_snprintf(ruling->why, sizeof ruling->why,
             "TSval %u of port %u is lower than %u of port %u, answered %.1f s %s (frame %" G_GUINT64_FORMAT
             "), both from %s",
             brief->tsval, brief->flow.src_port, proof->tsval, proof->port,
             (double)llabs(proof->time_ns - verdict->time_ns) / 1e9,
             proof->time_ns < verdict->time_ns ? "before" : "after", proof->frame, dc_addr_format(&addr, text));
  int64_t recycle = -1, stamps = -1;
  bool told = silence->options.state != NULL &&
              dc_state_sysctl_number(silence->options.state, "net.ipv4.tcp_tw_recycle", &recycle) &&
              dc_state_sysctl_number(silence->options.state, "net.ipv4.tcp_timestamps", &stamps);
  if (told && (recycle == 0 || stamps == 0))
    return false;
  bool counted = whole_step(silence, "TcpExt.PAWSPassive", DC_TIME_NONE, DC_TIME_NONE) > 0;
  if (counted)
    ruling->confidence = told ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_LIKELY;
  else if (told)
    ruling->confidence = DC_CONFIDENCE_LIKELY;
  if (ruling->confidence < DC_CONFIDENCE_CERTAIN)
    add_rival(ruling, DC_CAUSE_NETFILTER_DROP);
  return true;
}

/* --- the frame's own bytes ------------------------------------------------------------ */

static bool rule_bytes(const DcSilence *silence, const DcFrameVerdict *verdict, DcRuling *ruling)
{
  const DcBrief *brief = &verdict->brief;
  if (verdict->fragment_incomplete) {
    set_ruling(ruling, DC_CAUSE_FRAGMENT_INCOMPLETE, DC_CONFIDENCE_LIKELY);
    g_snprintf(ruling->why, sizeof ruling->why, "the datagram's other fragments were not seen");
    return true;
  }
  if (brief->ip_checksum == DC_CHECKSUM_BAD) {
    set_ruling(ruling, DC_CAUSE_IP_CHECKSUM, DC_CONFIDENCE_LIKELY);
    g_snprintf(ruling->why, sizeof ruling->why, "its IP header checksum is wrong");
    return true;
  }
  if (brief->l4_checksum == DC_CHECKSUM_BAD) {
    uint8_t protocol = brief->flow.protocol;
    DcCause cause = protocol == PROTO_TCP   ? DC_CAUSE_TCP_CHECKSUM
                    : protocol == PROTO_UDP ? DC_CAUSE_UDP_CHECKSUM
                                            : DC_CAUSE_ICMP_CHECKSUM;
    set_ruling(ruling, cause, DC_CONFIDENCE_LIKELY);
    g_snprintf(ruling->why, sizeof ruling->why, "its checksum is wrong");
    return true;
  }
  if (brief->flow.ip_version == 4) {
    const uint8_t first = brief->flow.src[0];
    if (first == 127 || first >= 224 || first == 0) {
      set_ruling(ruling, DC_CAUSE_MARTIAN_SOURCE, DC_CONFIDENCE_LIKELY);
      g_snprintf(ruling->why, sizeof ruling->why, "source %u.%u.%u.%u cannot come from a wire", first,
                 brief->flow.src[1], brief->flow.src[2], brief->flow.src[3]);
      return true;
    }
    DcAddr src;
    brief_addr(brief, true, &src);
    if (silence->options.state != NULL && dc_state_is_local_address(silence->options.state, &src)) {
      set_ruling(ruling, DC_CAUSE_MARTIAN_SOURCE, DC_CONFIDENCE_LIKELY);
      g_snprintf(ruling->why, sizeof ruling->why, "its source is one of this host's own addresses");
      return true;
    }
  }
  return false;
}

/* --- counters -------------------------------------------------------------------------- */

typedef struct {
  int64_t from_ns, to_ns;
  uint64_t overflows, listen_drops, request_full, rp_filter, backlog, conntrack, in_addr_errors;
  uint64_t syns;      /* silent SYNs that nothing else explains */
  uint64_t strangers; /* of them, from sources that never got an answer */
  uint64_t syns_full; /* of them, to ports whose listener's queue was seen full */
} Batch;

static const DcSocket *listener_of(const DcSilence *silence, const DcBrief *brief)
{
  DcAddr dst;
  brief_addr(brief, false, &dst);
  return silence->options.state == NULL
             ? NULL
             : dc_state_find_socket(silence->options.state, DC_SOCKET_TCP_LISTEN, &dst, brief->flow.dst_port);
}

/* sk_acceptq_is_full(), include/net/sock.h: full means more waiting than the backlog allows. ss may have looked a
 * moment before or after, so a queue at its limit counts too when connections wait in it. */
static bool queue_was_full(const DcSocket *socket)
{
  return socket != NULL && socket->has_queues && socket->recv_queue > 0 && socket->recv_queue >= socket->send_queue;
}

static bool is_not_local(const DcSilence *silence, const DcBrief *brief)
{
  if (silence->options.state == NULL || !dc_state_has_addresses(silence->options.state) || brief->flow.ip_version == 0)
    return false;
  DcAddr dst;
  brief_addr(brief, false, &dst);
  return !dc_state_is_local_address(silence->options.state, &dst);
}

static bool listens_or_unknown(const DcSilence *silence, const DcBrief *brief)
{
  return silence->options.state == NULL || !dc_state_has_sockets(silence->options.state, DC_SOCKET_TCP_LISTEN) ||
         listener_of(silence, brief) != NULL;
}

static void batch_counters(const DcSilence *silence, Batch *batch)
{
  batch->overflows = whole_step(silence, "TcpExt.ListenOverflows", batch->from_ns, batch->to_ns);
  batch->listen_drops = whole_step(silence, "TcpExt.ListenDrops", batch->from_ns, batch->to_ns);
  batch->request_full = whole_step(silence, "TcpExt.TCPReqQFullDrop", batch->from_ns, batch->to_ns);
  batch->rp_filter = whole_step(silence, "TcpExt.IPReversePathFilter", batch->from_ns, batch->to_ns);
  batch->backlog = whole_step(silence, "softnet.dropped", batch->from_ns, batch->to_ns);
  batch->conntrack = whole_step(silence, "conntrack.drop", batch->from_ns, batch->to_ns);
  batch->in_addr_errors = whole_step(silence, "Ip.InAddrErrors", batch->from_ns, batch->to_ns);
}

static bool rule_counters(const DcSilence *silence, const DcFrameVerdict *verdict, const Batch *batch, DcRuling *ruling)
{
  const DcBrief *brief = &verdict->brief;
  char *why;
  const size_t size = sizeof ruling->why;
  if (is_not_local(silence, brief) && batch->in_addr_errors > 0) {
    set_ruling(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY);
    g_snprintf(ruling->why, size, "its destination is no address of this host; InAddrErrors +%" G_GUINT64_FORMAT,
               batch->in_addr_errors);
    return true;
  }
  if (!is_syn(brief))
    return false;
  why = ruling->why;
  if (listens_or_unknown(silence, brief)) {
    const DcSocket *listener = listener_of(silence, brief);
    const bool full = queue_was_full(listener);
    if (batch->overflows > 0 && (full || batch->syns_full == 0)) {
      const uint64_t rivals = batch->syns_full > 0 ? batch->syns_full : batch->syns;
      set_ruling(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL,
                 batch->overflows >= rivals ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE);
      int len =
          g_snprintf(why, size, "ListenOverflows +%" G_GUINT64_FORMAT " over %" G_GUINT64_FORMAT " unanswered SYNs",
                     batch->overflows, rivals);
      if (full && len > 0 && (size_t)len < size)
        g_snprintf(why + len, size - (size_t)len, "; port %u has %u waiting, backlog %u", brief->flow.dst_port,
                   listener->recv_queue, listener->send_queue);
      if (batch->overflows < rivals)
        add_rival(ruling, DC_CAUSE_NETFILTER_DROP);
      return true;
    }
    if (batch->request_full > 0) {
      set_ruling(ruling, DC_CAUSE_SYN_QUEUE_FULL,
                 batch->request_full >= batch->syns ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE);
      g_snprintf(why, size, "TCPReqQFullDrop +%" G_GUINT64_FORMAT " over %" G_GUINT64_FORMAT " unanswered SYNs",
                 batch->request_full, batch->syns);
      return true;
    }
  }
  /* A source that was answered passes rp_filter, which looks at nothing else. */
  const bool stranger = !source_was_answered(silence, brief);
  const bool told = silence->options.drops_told;
  const struct {
    uint64_t step, over;
    DcCause cause;
    const char *name;
  } others[] = {{!told && stranger ? batch->rp_filter : 0, batch->strangers, DC_CAUSE_RP_FILTER, "IPReversePathFilter"},
                {told ? 0 : batch->conntrack, batch->syns, DC_CAUSE_CONNTRACK_FULL, "conntrack drop"},
                {told ? 0 : batch->backlog, batch->syns, DC_CAUSE_CPU_BACKLOG, "softnet_stat dropped"},
                {batch->listen_drops > batch->overflows ? batch->listen_drops - batch->overflows : 0, batch->syns,
                 DC_CAUSE_SYN_QUEUE_FULL, "ListenDrops without ListenOverflows"}};
  size_t moved = 0, first = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
    if (others[i].step > 0 && moved++ == 0)
      first = i;
  }
  if (moved == 0)
    return false;
  bool covers = others[first].step >= others[first].over;
  set_ruling(ruling, others[first].cause, moved == 1 && covers ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE);
  g_snprintf(why, size, "%s +%" G_GUINT64_FORMAT " over %" G_GUINT64_FORMAT " unanswered SYNs%s", others[first].name,
             others[first].step, others[first].over,
             others[first].cause == DC_CAUSE_RP_FILTER ? " of sources that never got an answer" : "");
  for (size_t i = first + 1; i < G_N_ELEMENTS(others); i++) {
    if (others[i].step > 0)
      add_rival(ruling, others[i].cause);
  }
  return true;
}

/* Without drop events, a rule of the listing that drops this very packet is the best there is. */
static bool rule_firewall(const DcSilence *silence, const DcFrameVerdict *verdict, DcRuling *ruling)
{
  if (silence->options.drops_told || silence->options.state == NULL)
    return false;
  DcRulesetAnswer answer;
  dc_ruleset_search(silence->options.state, &verdict->brief, silence->options.device, &answer);
  if (answer.fit != DC_RULESET_FITS)
    return false;
  set_ruling(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY);
  g_snprintf(ruling->why, sizeof ruling->why, "no answer, and a rule drops it: %s", answer.rule);
  return true;
}

/* --- deciding ------------------------------------------------------------------------------ */

/* Rules the oldest n waiting frames as one batch: counters are shared out among them. */
static void decide_batch(DcSilence *silence, guint n)
{
  if (n == 0)
    return;
  Batch batch = {.from_ns = INT64_MAX, .to_ns = INT64_MIN};
  g_autofree DcRuling *rulings = g_new0(DcRuling, n);
  g_autofree bool *ruled = g_new0(bool, n);
  guint i = 0;
  for (const GList *link = silence->waiting.head; i < n; link = link->next, i++) {
    const DcFrameVerdict *verdict = link->data;
    batch.from_ns = MIN(batch.from_ns, verdict->time_ns);
    batch.to_ns = MAX(batch.to_ns, verdict->time_ns + DC_NS_PER_S);
    ruled[i] = rule_bytes(silence, verdict, &rulings[i]) || rule_firewall(silence, verdict, &rulings[i]) ||
               rule_timestamps(silence, verdict, &rulings[i]);
    if (ruled[i] || !is_syn(&verdict->brief))
      continue;
    batch.syns++;
    batch.syns_full += queue_was_full(listener_of(silence, &verdict->brief));
    batch.strangers += !source_was_answered(silence, &verdict->brief);
  }
  batch_counters(silence, &batch);
  for (i = 0; i < n; i++) {
    g_autofree DcFrameVerdict *verdict = g_queue_pop_head(&silence->waiting);
    if (!ruled[i])
      ruled[i] = rule_counters(silence, verdict, &batch, &rulings[i]);
    if (ruled[i]) {
      verdict->fate = DC_FATE_SILENT;
      verdict->cause = (uint8_t)rulings[i].cause;
      verdict->confidence = (uint8_t)rulings[i].confidence;
    }
    silence->options.decide(verdict, &rulings[i], silence->options.data);
  }
}

void dc_silence_add(DcSilence *silence, const DcFrameVerdict *verdict)
{
  if (silence->waiting.length >= DC_SILENCE_MAX) {
    guint n = DC_SILENCE_MAX / 4;
    silence->decided_early += n;
    decide_batch(silence, n);
  }
  g_queue_push_tail(&silence->waiting, g_memdup2(verdict, sizeof *verdict));
}

void dc_silence_advance(DcSilence *silence, int64_t now_ns)
{
  if (silence->options.wait_for_end)
    return;
  guint due = 0;
  for (const GList *link = silence->waiting.head; link != NULL; link = link->next, due++) {
    if (now_ns - ((const DcFrameVerdict *)link->data)->time_ns < HORIZON_NS)
      break;
  }
  /* Whole seconds at a time: a batch shares the counters' steps. */
  if (due > 0 &&
      (due == silence->waiting.length || due >= 256 ||
       now_ns - ((const DcFrameVerdict *)silence->waiting.head->data)->time_ns > HORIZON_NS + 10 * DC_NS_PER_S))
    decide_batch(silence, due);
}

void dc_silence_finish(DcSilence *silence)
{
  decide_batch(silence, silence->waiting.length);
}

uint64_t dc_silence_decided_early(const DcSilence *silence)
{
  return silence->decided_early;
}
