/*
 * ftrace: the files trace and trace_pipe of tracefs, and trace-cmd report.
 *
 *   # tracer: nop
 *             <idle>-0       [013] .Ns2. 176394.894120: kfree_skb: skbaddr=00000000b09a26bc protocol=2048 location=...
 *             <idle>-0       [013] .Ns2. 176394.894121: <stack trace>
 *    => kfree_skb_reason
 *    => tcp_v4_rcv
 *   CPU:1 [LOST 45 EVENTS]
 *
 * trace-cmd calls the stack kernel_stack, and begins it in the event's own line.
 *
 * Flags have 4 or 5 characters, or are left out (trace-cmd). The clock is the one that was set in trace_clock:
 * local, global, mono and boot all count from the start of the machine.
 */
#include "drop_log_formats.h"
#include "log_trace.h"

/* "comm-pid [cpu] flags time: event: fields". The time's colon is found first: a name may hold anything. */
static bool find_event(DcText line, DcText *ret_task, DcText *ret_name, DcText *ret_fields, int64_t *ret_time_ns)
{
  for (size_t at = dc_text_find(line, ": "); at != SIZE_MAX;) {
    DcText head = dc_text_until(line, at), word;
    const DcText tail = dc_text_from(line, at + 2);
    if (dc_text_last_word(&head, &word) && dc_text_seconds(&word, ret_time_ns) && word.len == 0 &&
        dc_text_find(head, "[") != SIZE_MAX) {
      const DcText event = dc_text_trim(tail);
      const size_t colon = dc_text_find(event, ":");
      size_t close = head.len;
      while (close > 0 && head.at[close - 1] != ']')
        close--;
      if (close == 0)
        return false;
      *ret_task = dc_text_trim(dc_text_until(head, close));
      *ret_name = dc_text_until(event, colon);
      *ret_fields = colon != SIZE_MAX ? dc_text_from(event, colon + 1) : dc_text(event.at, 0);
      return true;
    }
    const size_t next = dc_text_find(tail, ": ");
    at = next != SIZE_MAX ? at + 2 + next : SIZE_MAX;
  }
  return false;
}

static int score(DcText line)
{
  DcText task, name, fields;
  int64_t time_ns;
  if (dc_text_begins(line, "# tracer: "))
    return 50;
  if (!find_event(line, &task, &name, &fields, &time_ns))
    return 0;
  if (dc_text_is(name, "kfree_skb"))
    return 80;
  return dc_text_is(name, "netif_receive_skb") ? 60 : 20;
}

typedef struct {
  DcTraceState trace;
  char task[64]; /* of the record that is open: whose stack may follow */
  bool in_stack;
} State;

static void clear_state(void *state)
{
  dc_trace_state_clear(&((State *)state)->trace);
}

/* "CPU:1 [LOST 45 EVENTS]", "CPU:1 [LOST EVENTS]"; trace-cmd: "CPU:1 [45 EVENTS DROPPED]" */
static bool read_loss(DcLogReader *reader, DcText line)
{
  if (!dc_text_begins(dc_text_trim(line), "CPU:"))
    return false;
  DcText text = dc_text_from(line, dc_text_find(line, "["));
  if (!dc_text_take(&text, "["))
    return false;
  const bool lost = dc_text_take(&text, "LOST ");
  uint64_t count = 1; /* at least */
  (void)dc_text_uint(&text, UINT64_MAX, &count);
  dc_text_skip_blanks(&text);
  if (!(lost ? dc_text_begins(text, "EVENTS]") : dc_text_begins(text, "EVENTS DROPPED]")))
    return false;
  dc_log_loss(reader, count, "the trace buffer was overwritten before it was read");
  return true;
}

/* " => tcp_v4_rcv", "=> tcp_v4_rcv (ffffffff815f0197)", " => tcp_v4_rcv+0x87/0x900 <ffffffff815f0197>" */
static bool read_frame(DcLogReader *reader, const State *state, DcText line)
{
  DcText text = dc_text_trim(line), symbol;
  if (!dc_text_take(&text, "=>"))
    return false;
  if (!state->in_stack || !dc_text_word(&text, &symbol))
    return true;
  DcText address = dc_text_trim(text);
  uint64_t pc;
  if ((dc_text_take(&address, "(") || dc_text_take(&address, "<")) && dc_text_hex(&address, &pc)) {
    g_autofree char *location = g_strdup_printf("%.*s (0x%" G_GINT64_MODIFIER "x)", (int)symbol.len, symbol.at, pc);
    dc_log_frame(reader, dc_text(location, strlen(location)));
  } else {
    dc_log_frame(reader, symbol);
  }
  return true;
}

static DcLineKind read_line(DcLogReader *reader, DcText line)
{
  State *state = reader->state;
  DcText task, name, fields;
  int64_t time_ns;
  if (line.len == 0)
    return DC_LINE_FOREIGN;
  if (!find_event(line, &task, &name, &fields, &time_ns)) {
    if (read_frame(reader, state, line) || read_loss(reader, line))
      return DC_LINE_USED;
    return DC_LINE_FOREIGN;
  }
  if (dc_text_begins(name, "<stack trace") || dc_text_is(name, "kernel_stack")) {
    state->in_stack = dc_text_is(task, state->task);
    (void)read_frame(reader, state, fields); /* trace-cmd has the first frame in the same line */
    return DC_LINE_USED;
  }
  state->in_stack = false;
  const DcLineKind kind = dc_trace_event(reader, &state->trace, name, fields, time_ns);
  if (dc_text_is(name, "kfree_skb"))
    g_strlcpy(state->task, "", sizeof state->task);
  if (kind == DC_LINE_USED && dc_text_is(name, "kfree_skb") && task.len < sizeof state->task) {
    memcpy(state->task, task.at, task.len);
    state->task[task.len] = '\0';
  }
  return kind;
}

static const DcLogGrammar grammar = {.score = score,
                                     .line = read_line,
                                     .hold_ns = DC_RIVAL_NS,
                                     .state_size = sizeof(State),
                                     .clear_state = clear_state,
                                     .hint =
                                         "switch on events/skb/kfree_skb/enable in tracefs before reading trace_pipe"};

DC_LOG_FORMAT(trace_pipe, grammar, "ftrace text (trace_pipe, trace-cmd report)");
