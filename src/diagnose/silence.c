#include "silence.h"

#include "answered.h"
#include "rules_private.h"

#include "dropcorr/decode/packet.h"
#include "dropcorr/diagnose/ruleset.h"

#include <string.h>

/* Per-host PAWS looks back TCP_PAWS_MSL = 60 s (net/ipv4/tcp_metrics.c until 4.12); a SYN's retries go on for
 * 63 s. After that nothing new is learnt of a frame. */
#define HORIZON_NS (75 * DC_NS_PER_S)
/* Live counters are read each second; SYN verdicts come two seconds after the frame. */
#define COUNTERS_READ_NS (4 * DC_NS_PER_S)

typedef struct {
  DcFrameVerdict verdict;
  bool weighed; /* against its own second's counters, which did not settle it */
} Waiting;

struct DcSilence {
  DcSilenceOptions options;
  DcAnswered *answered;
  GQueue waiting; /* Waiting* */
  uint64_t decided_early;
};

DcSilence *dc_silence_new(const DcSilenceOptions *options)
{
  DcSilence *silence = g_new0(DcSilence, 1);
  silence->options = *options;
  silence->answered = dc_answered_new();
  g_queue_init(&silence->waiting);
  return silence;
}

void dc_silence_free(DcSilence *silence)
{
  if (silence == NULL)
    return;
  g_queue_clear_full(&silence->waiting, g_free);
  dc_answered_free(silence->answered);
  g_free(silence);
}

static bool is_syn(const DcBrief *brief)
{
  return (brief->has & DC_HAS_TCP) != 0 && (brief->tcp_flags & (DC_TCP_SYN | DC_TCP_ACK | DC_TCP_RST)) == DC_TCP_SYN;
}

/* What a full accept queue lets fall: SYNs, and what follows a handshake whose last step it has ignored. */
static bool waits_for_accept(const DcFrameVerdict *verdict)
{
  return is_syn(&verdict->brief) || verdict->handshake_open;
}

static void brief_addr(const DcBrief *brief, bool source, DcAddr *addr)
{
  memset(addr, 0, sizeof *addr);
  memcpy(addr->bytes, source ? brief->flow.src : brief->flow.dst, sizeof addr->bytes);
  addr->version = brief->flow.ip_version;
}

static uint64_t whole_step(const DcSilence *silence, const char *counter, int64_t from_ns, int64_t to_ns)
{
  if (silence->options.state == NULL)
    return 0;
  DcCounterStep step = dc_state_counter(silence->options.state, counter, from_ns, to_ns);
  return step.known ? step.step : 0;
}

/* --- the frame's own bytes ------------------------------------------------------------ */

static bool rule_bytes(const DcSilence *silence, const DcFrameVerdict *verdict, DcRuling *ruling)
{
  const DcBrief *brief = &verdict->brief;
  if (verdict->fragment_incomplete) {
    dc_ruling_set(ruling, DC_CAUSE_FRAGMENT_INCOMPLETE, DC_CONFIDENCE_LIKELY,
                  "the datagram's other fragments were not seen");
    return true;
  }
  if (brief->ip_checksum == DC_CHECKSUM_BAD) {
    dc_ruling_set(ruling, DC_CAUSE_IP_CHECKSUM, DC_CONFIDENCE_LIKELY, "its IP header checksum is wrong");
    return true;
  }
  if (brief->l4_checksum == DC_CHECKSUM_BAD) {
    uint8_t protocol = brief->flow.protocol;
    DcCause cause = protocol == PROTO_TCP   ? DC_CAUSE_TCP_CHECKSUM
                    : protocol == PROTO_UDP ? DC_CAUSE_UDP_CHECKSUM
                                            : DC_CAUSE_ICMP_CHECKSUM;
    dc_ruling_set(ruling, cause, DC_CONFIDENCE_LIKELY, "its checksum is wrong");
    return true;
  }
  if (brief->flow.ip_version == 4) {
    const uint8_t first = brief->flow.src[0];
    if (first == 127 || first >= 224 || first == 0) {
      dc_ruling_set(ruling, DC_CAUSE_MARTIAN_SOURCE, DC_CONFIDENCE_LIKELY, "source %u.%u.%u.%u cannot come from a wire",
                    first, brief->flow.src[1], brief->flow.src[2], brief->flow.src[3]);
      return true;
    }
    DcAddr src;
    brief_addr(brief, true, &src);
    if (silence->options.state != NULL && dc_state_is_local_address(silence->options.state, &src)) {
      dc_ruling_set(ruling, DC_CAUSE_MARTIAN_SOURCE, DC_CONFIDENCE_LIKELY,
                    "its source is one of this host's own addresses");
      return true;
    }
  }
  return false;
}

/* --- counters -------------------------------------------------------------------------- */

typedef struct {
  int64_t from_ns, to_ns;
  uint64_t overflows, listen_drops, request_full, rp_filter, backlog, conntrack, clashes, in_addr_errors;
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

/* Readings a second apart frame other unanswered SYNs than the batch's too: they have the same claim to the steps. */
static void add_neighbours(const DcSilence *silence, Batch *batch)
{
  if (silence->options.state == NULL)
    return;
  DcCounterStep step = dc_state_counter(silence->options.state, "TcpExt.ListenOverflows", batch->from_ns, batch->to_ns);
  if (!step.known || step.from_ns == DC_TIME_NONE || step.to_ns == DC_TIME_NONE)
    return;
  for (const GList *link = silence->waiting.head; link != NULL; link = link->next) {
    const DcFrameVerdict *verdict = &((const Waiting *)link->data)->verdict;
    const bool in_batch = verdict->time_ns >= batch->from_ns && verdict->time_ns <= batch->to_ns;
    if (in_batch || verdict->time_ns < step.from_ns || verdict->time_ns > step.to_ns || !waits_for_accept(verdict))
      continue;
    batch->syns++;
    batch->syns_full += queue_was_full(listener_of(silence, &verdict->brief));
  }
}

static void batch_counters(const DcSilence *silence, Batch *batch)
{
  add_neighbours(silence, batch);
  batch->overflows = whole_step(silence, "TcpExt.ListenOverflows", batch->from_ns, batch->to_ns);
  batch->listen_drops = whole_step(silence, "TcpExt.ListenDrops", batch->from_ns, batch->to_ns);
  batch->request_full = whole_step(silence, "TcpExt.TCPReqQFullDrop", batch->from_ns, batch->to_ns);
  batch->rp_filter = whole_step(silence, "TcpExt.IPReversePathFilter", batch->from_ns, batch->to_ns);
  batch->backlog = whole_step(silence, "softnet.dropped", batch->from_ns, batch->to_ns);
  batch->conntrack = whole_step(silence, "conntrack.drop", batch->from_ns, batch->to_ns);
  batch->clashes = whole_step(silence, "conntrack.insert_failed", batch->from_ns, batch->to_ns);
  batch->in_addr_errors = whole_step(silence, "Ip.InAddrErrors", batch->from_ns, batch->to_ns);
}

/* The table's counter may be out of reach (no conntrack tool), its size and the kernel's words are not. */
static bool rule_full_table(const DcSilence *silence, DcRuling *ruling)
{
  const DcState *state = silence->options.state;
  int64_t count = 0, max = 0;
  const bool full = dc_rule_conntrack_is_full(state, &count, &max);
  const bool said = dc_rule_kernel_says(state, "table full");
  if (silence->options.drops_told || (!full && !said))
    return false;
  uint64_t value;
  if (dc_state_counter_value(state, "conntrack.drop", &value))
    return false; /* it stood still */
  g_autofree char *size = full ? g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " connections tracked%s",
                                                 count, max, said ? "; " : "")
                               : g_strdup("");
  dc_ruling_set(ruling, DC_CAUSE_CONNTRACK_FULL, full && said ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE, "%s%s",
                size, said ? "kernel log: table full, dropping packet" : "");
  return true;
}

static bool rule_counters(const DcSilence *silence, const DcFrameVerdict *verdict, const Batch *batch, DcRuling *ruling)
{
  const DcBrief *brief = &verdict->brief;
  if (is_not_local(silence, brief) && batch->in_addr_errors > 0) {
    dc_ruling_set(ruling, DC_CAUSE_NOT_LOCAL, DC_CONFIDENCE_LIKELY,
                  "its destination is no address of this host; InAddrErrors +%" G_GUINT64_FORMAT,
                  batch->in_addr_errors);
    return true;
  }
  if (verdict->handshake_open && batch->overflows > 0) {
    dc_ruling_set(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CONFIDENCE_LIKELY,
                  "ListenOverflows +%" G_GUINT64_FORMAT "; the SYN-ACK was sent again after the client had answered it",
                  batch->overflows);
    return true;
  }
  if (!is_syn(brief))
    return false;
  if (listens_or_unknown(silence, brief)) {
    const DcSocket *listener = listener_of(silence, brief);
    const bool full = queue_was_full(listener);
    if (batch->overflows > 0 && (full || batch->syns_full == 0)) {
      const uint64_t rivals = batch->syns_full > 0 ? batch->syns_full : batch->syns;
      g_autofree char *queue = full ? g_strdup_printf("; port %u has %u waiting, backlog %u", brief->flow.dst_port,
                                                      listener->recv_queue, listener->send_queue)
                                    : g_strdup("");
      dc_ruling_set(ruling, DC_CAUSE_ACCEPT_QUEUE_FULL,
                    batch->overflows >= rivals ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE,
                    "ListenOverflows +%" G_GUINT64_FORMAT " over %" G_GUINT64_FORMAT " unanswered SYNs%s",
                    batch->overflows, rivals, queue);
      if (batch->overflows < rivals)
        dc_ruling_rival(ruling, DC_CAUSE_NETFILTER_DROP);
      return true;
    }
    if (batch->request_full > 0) {
      const bool flood = dc_rule_is_flooded(silence->options.state, brief->flow.dst_port);
      dc_ruling_set(ruling, flood ? DC_CAUSE_SYN_FLOOD : DC_CAUSE_SYN_QUEUE_FULL,
                    batch->request_full >= batch->syns ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE,
                    "TCPReqQFullDrop +%" G_GUINT64_FORMAT " over %" G_GUINT64_FORMAT " unanswered SYNs%s",
                    batch->request_full, batch->syns, flood ? "; kernel log: possible SYN flooding on that port" : "");
      if (flood)
        dc_ruling_rival(ruling, DC_CAUSE_SYN_QUEUE_FULL); /* what a path that loses SYN-ACKs looks like */
      return true;
    }
  }
  /* A source that was answered passes rp_filter, which looks at nothing else. */
  const bool stranger = !dc_answered_has(silence->answered, brief);
  const bool told = silence->options.drops_told;
  const struct {
    uint64_t step, over;
    DcCause cause;
    const char *name;
  } others[] = {{!told && stranger ? batch->rp_filter : 0, batch->strangers, DC_CAUSE_RP_FILTER, "IPReversePathFilter"},
                {told ? 0 : batch->conntrack, batch->syns, DC_CAUSE_CONNTRACK_FULL, "conntrack drop"},
                {told ? 0 : batch->clashes, batch->syns, DC_CAUSE_CONNTRACK_CLASH, "conntrack insert_failed"},
                {told ? 0 : batch->backlog, batch->syns, DC_CAUSE_CPU_BACKLOG, "softnet_stat dropped"},
                {batch->listen_drops > batch->overflows ? batch->listen_drops - batch->overflows : 0, batch->syns,
                 DC_CAUSE_SYN_QUEUE_FULL, "ListenDrops without ListenOverflows"}};
  size_t moved = 0, first = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
    if (others[i].step > 0 && moved++ == 0)
      first = i;
  }
  if (moved == 0)
    return rule_full_table(silence, ruling);
  bool covers = others[first].step >= others[first].over;
  dc_ruling_set(ruling, others[first].cause, moved == 1 && covers ? DC_CONFIDENCE_LIKELY : DC_CONFIDENCE_POSSIBLE,
                "%s +%" G_GUINT64_FORMAT " over %" G_GUINT64_FORMAT " unanswered SYNs%s", others[first].name,
                others[first].step, others[first].over,
                others[first].cause == DC_CAUSE_RP_FILTER ? " of sources that never got an answer" : "");
  for (size_t i = first + 1; i < G_N_ELEMENTS(others); i++) {
    if (others[i].step > 0)
      dc_ruling_rival(ruling, others[i].cause);
  }
  return true;
}

/* Without drop events, a rule of the listing that drops this very packet is the best there is. */
static bool rule_firewall(const DcSilence *silence, const DcFrameVerdict *verdict, DcRuling *ruling)
{
  if (silence->options.drops_told || silence->options.state == NULL)
    return false;
  const DcRulesetQuery query = {.state = silence->options.state,
                                .brief = &verdict->brief,
                                .device = silence->options.device,
                                .from_ns = verdict->time_ns,
                                .to_ns = verdict->time_ns};
  DcRulesetAnswer answer;
  dc_ruleset_search(&query, &answer);
  if (answer.fit != DC_RULESET_FITS)
    return false;
  dc_ruling_set(ruling, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY, "no answer, and a rule drops it: %s",
                answer.left == 1 ? answer.listed[0].text : "one of several that fit");
  return true;
}

/* --- deciding ------------------------------------------------------------------------------ */

/* Bytes and full accept queues settle a frame for good; the rest may look different once more is known. */
static bool is_settled(const DcFrameVerdict *verdict, const DcRuling *ruling)
{
  if (ruling->cause == DC_CAUSE_ACCEPT_QUEUE_FULL)
    return ruling->confidence >= DC_CONFIDENCE_LIKELY;
  return verdict->fragment_incomplete || verdict->brief.ip_checksum == DC_CHECKSUM_BAD ||
         verdict->brief.l4_checksum == DC_CHECKSUM_BAD || ruling->cause == DC_CAUSE_MARTIAN_SOURCE;
}

/* Rules some of the waiting frames as one batch: counters are shared out among them. With settled_only the others stay
 * where they are. */
static void decide_batch(DcSilence *silence, GPtrArray *links, bool settled_only)
{
  Batch batch = {.from_ns = INT64_MAX, .to_ns = INT64_MIN};
  g_autofree DcRuling *rulings = g_new0(DcRuling, links->len);
  g_autofree bool *ruled = g_new0(bool, links->len);
  for (guint i = 0; i < links->len; i++) {
    const DcFrameVerdict *verdict = &((const Waiting *)((const GList *)links->pdata[i])->data)->verdict;
    batch.from_ns = MIN(batch.from_ns, verdict->time_ns);
    batch.to_ns = MAX(batch.to_ns, verdict->time_ns);
    ruled[i] = rule_bytes(silence, verdict, &rulings[i]) || rule_firewall(silence, verdict, &rulings[i]) ||
               dc_answered_rule(silence->answered, verdict, silence->options.state, &rulings[i]);
    if (ruled[i] || !waits_for_accept(verdict))
      continue;
    batch.syns++;
    batch.syns_full += queue_was_full(listener_of(silence, &verdict->brief));
    batch.strangers += !dc_answered_has(silence->answered, &verdict->brief);
  }
  batch_counters(silence, &batch);
  for (guint i = 0; i < links->len; i++) {
    GList *link = links->pdata[i];
    Waiting *waiting = link->data;
    DcFrameVerdict *verdict = &waiting->verdict;
    if (!ruled[i])
      ruled[i] = rule_counters(silence, verdict, &batch, &rulings[i]);
    if (settled_only && !(ruled[i] && is_settled(verdict, &rulings[i]))) {
      waiting->weighed = true;
      continue;
    }
    if (ruled[i]) {
      verdict->fate = DC_FATE_SILENT;
      verdict->cause = (uint8_t)rulings[i].cause;
      verdict->confidence = (uint8_t)rulings[i].confidence;
    }
    g_queue_delete_link(&silence->waiting, link);
    silence->options.decide(verdict, &rulings[i], silence->options.data);
    g_free(waiting);
  }
}

/* The oldest n. */
static void decide_oldest(DcSilence *silence, guint n)
{
  g_autoptr(GPtrArray) links = g_ptr_array_sized_new(n);
  for (GList *link = silence->waiting.head; link != NULL && links->len < n; link = link->next)
    g_ptr_array_add(links, link);
  if (links->len > 0)
    decide_batch(silence, links, false);
}

void dc_silence_note_answer(DcSilence *silence, const DcHandshake *handshake)
{
  dc_answered_note(silence->answered, handshake);
}

void dc_silence_add(DcSilence *silence, const DcFrameVerdict *verdict)
{
  if (silence->waiting.length >= DC_SILENCE_MAX) {
    guint n = DC_SILENCE_MAX / 4;
    silence->decided_early += n;
    decide_oldest(silence, n);
  }
  Waiting *waiting = g_new0(Waiting, 1);
  waiting->verdict = *verdict;
  g_queue_push_tail(&silence->waiting, waiting);
}

static int64_t age_of(const GList *link, int64_t now_ns)
{
  return now_ns - ((const Waiting *)link->data)->verdict.time_ns;
}

/* Newest first, as far as they were not weighed: once the counters around them have been read, a second's frames
 * may be settled together. */
static void settle_recent(DcSilence *silence, int64_t now_ns)
{
  g_autoptr(GPtrArray) links = g_ptr_array_new();
  for (GList *link = silence->waiting.tail; link != NULL && !((const Waiting *)link->data)->weighed;
       link = link->prev) {
    if (age_of(link, now_ns) >= COUNTERS_READ_NS)
      g_ptr_array_add(links, link);
  }
  if (links->len == 0)
    return;
  /* In their own order. */
  for (guint i = 0; i < links->len / 2; i++) {
    gpointer other = links->pdata[links->len - 1 - i];
    links->pdata[links->len - 1 - i] = links->pdata[i];
    links->pdata[i] = other;
  }
  decide_batch(silence, links, true);
}

void dc_silence_advance(DcSilence *silence, int64_t now_ns)
{
  if (silence->options.wait_for_end)
    return;
  settle_recent(silence, now_ns);
  guint due = 0;
  for (const GList *link = silence->waiting.head; link != NULL && age_of(link, now_ns) >= HORIZON_NS; link = link->next)
    due++;
  /* Some seconds at a time: a batch shares the counters' steps. */
  if (due > 0 && (due == silence->waiting.length || due >= 256 ||
                  age_of(silence->waiting.head, now_ns) > HORIZON_NS + 10 * DC_NS_PER_S))
    decide_oldest(silence, due);
}

void dc_silence_finish(DcSilence *silence)
{
  decide_oldest(silence, silence->waiting.length);
}

uint64_t dc_silence_decided_early(const DcSilence *silence)
{
  return silence->decided_early;
}
