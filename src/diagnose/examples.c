#include "examples.h"

#define PORTS_MAX 1024u

void dc_examples_init(DcExamples *examples)
{
  examples->worst = NULL;
  examples->answered = g_hash_table_new_full(NULL, NULL, NULL, g_free);
}

void dc_examples_clear(DcExamples *examples)
{
  g_free(examples->worst);
  g_hash_table_unref(examples->answered);
}

static bool has_failed(const DcHandshake *handshake)
{
  switch ((DcOutcome)handshake->outcome) {
  case DC_OUTCOME_DROPPED:
  case DC_OUTCOME_SILENT:
  case DC_OUTCOME_UNEXPLAINED:
    return true;
  case DC_OUTCOME_PENDING:
  case DC_OUTCOME_ANSWERED:
  case DC_OUTCOME_REFUSED:
  case DC_OUTCOME_COUNT:
    return false;
  }
  return false;
}

/* Most retries; then the one that waited longest; then the first. */
static bool is_worse(const DcHandshake *a, const DcHandshake *b)
{
  if (a->syns != b->syns)
    return a->syns > b->syns;
  const int64_t x = a->last_ns - a->first_ns, y = b->last_ns - b->first_ns;
  return x != y ? x > y : a->id < b->id;
}

void dc_examples_add(DcExamples *examples, const DcHandshake *handshake)
{
  if (has_failed(handshake) && (examples->worst == NULL || is_worse(handshake, examples->worst))) {
    g_free(examples->worst);
    examples->worst = g_memdup2(handshake, sizeof *handshake);
  }
  if (handshake->outcome != DC_OUTCOME_ANSWERED || !handshake->established)
    return;
  const gpointer port = GUINT_TO_POINTER(handshake->brief.flow.dst_port);
  const DcHandshake *known = g_hash_table_lookup(examples->answered, port);
  if (known != NULL ? handshake->id < known->id : g_hash_table_size(examples->answered) < PORTS_MAX)
    g_hash_table_insert(examples->answered, port, g_memdup2(handshake, sizeof *handshake));
}

void dc_examples_pick(const DcExamples *examples, DcHandshake **ret_unanswered, DcHandshake **ret_answered)
{
  *ret_unanswered = *ret_answered = NULL;
  if (examples->worst == NULL)
    return;
  *ret_unanswered = g_memdup2(examples->worst, sizeof *examples->worst);
  const gpointer port = GUINT_TO_POINTER(examples->worst->brief.flow.dst_port);
  const DcHandshake *best = g_hash_table_lookup(examples->answered, port);
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, examples->answered);
  while (best == NULL || best->brief.flow.dst_port != examples->worst->brief.flow.dst_port) {
    if (!g_hash_table_iter_next(&iter, NULL, &value))
      break;
    const DcHandshake *other = value;
    if (best == NULL || other->id < best->id)
      best = other;
  }
  *ret_answered = best != NULL ? g_memdup2(best, sizeof *best) : NULL;
}
