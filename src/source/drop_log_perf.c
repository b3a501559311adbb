/*
 * perf script of skb:kfree_skb, with or without stacks (-g), beside any other events:
 *
 *   java 26982 [026] 330543.363561: skb:kfree_skb: skbaddr=0xffff88803dd83a00 protocol=2048 location=0xffffffff816ea931
 *           ffffffff816e9c9b kfree_skb+0x7b ([kernel.kallsyms])
 *           ffffffff816ea931 unix_stream_connect+0x321 ([kernel.kallsyms])
 *
 * Name, process and CPU may be left out (-F), a name may hold blanks, a period may stand before the event. The
 * clock is perf's: monotonic, since boot.
 */
#include "drop_log_formats.h"
#include "log_trace.h"

/* "skb:kfree_skb: fields": the name of the subsystem and of the event, where both are known to matter. */
static bool find_event(DcText line, DcText *ret_head, DcText *ret_name, DcText *ret_fields)
{
  static const char *const events[] = {"skb:kfree_skb:", "skb:consume_skb:", "net:netif_receive_skb:", "net:netif_rx:"};
  for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
    const size_t at = dc_text_find(line, events[i]);
    if (at == SIZE_MAX || at == 0 || !dc_text_is_blank(line.at[at - 1]))
      continue;
    const size_t colon = (size_t)(strchr(events[i], ':') - events[i]) + 1;
    *ret_head = dc_text_until(line, at);
    *ret_name = dc_text_until(dc_text_from(line, at + colon), strlen(events[i]) - colon - 1);
    *ret_fields = dc_text_from(line, at + strlen(events[i]));
    return true;
  }
  return false;
}

/* The last "330543.363561:" of what stands before the event. */
static bool find_time(DcText head, int64_t *ret_ns)
{
  DcText word;
  while (dc_text_last_word(&head, &word)) {
    if (word.at[word.len - 1] == ':' && dc_text_seconds(&word, ret_ns) && dc_text_is(word, ":"))
      return true;
  }
  return false;
}

/* "330543.363561: sched:sched_switch:": an event of another kind. */
static bool is_other_event(DcText line)
{
  DcText word;
  int64_t time_ns;
  while (dc_text_word(&line, &word)) {
    if (!dc_text_seconds(&word, &time_ns) || !dc_text_is(word, ":"))
      continue;
    return dc_text_word(&line, &word) && dc_text_ends(word, ":") && dc_text_find(word, ":") < word.len - 1;
  }
  return false;
}

static int score(DcText line)
{
  DcText head, name, fields;
  int64_t time_ns;
  if (!find_event(line, &head, &name, &fields) || !find_time(head, &time_ns))
    return is_other_event(line) ? 20 : 0;
  return dc_text_is(name, "kfree_skb") ? 90 : 60;
}

/* "PERF_RECORD_LOST lost 45": with --show-lost-events */
static bool read_loss(DcLogReader *reader, DcText line)
{
  static const char sign[] = "PERF_RECORD_LOST lost ";
  const size_t at = dc_text_find(line, sign);
  if (at == SIZE_MAX)
    return false;
  DcText text = dc_text_from(line, at + strlen(sign));
  uint64_t count;
  if (dc_text_uint(&text, UINT64_MAX, &count))
    dc_log_loss(reader, count, "perf lost events: its buffer was full");
  return true;
}

/* "ffffffff816e9c9b kfree_skb+0x7b ([kernel.kallsyms])" as the location "kfree_skb+0x7b (0xffffffff816e9c9b) [module]".
 */
static bool read_frame(DcLogReader *reader, DcText line)
{
  DcText text = line, word, symbol;
  uint64_t address;
  if (!dc_text_is_blank(line.at[0]) || !dc_text_word(&text, &word) || !dc_text_hex(&word, &address) || word.len != 0 ||
      !dc_text_word(&text, &symbol))
    return false;
  text = dc_text_trim(text);
  /* ([nf_tables]) names the module, a path the file that its symbols were read from. */
  const bool module = dc_text_begins(text, "([") && dc_text_ends(text, "])");
  g_autofree char *location =
      g_strdup_printf("%.*s (0x%" G_GINT64_MODIFIER "x)%s%.*s", (int)symbol.len, symbol.at, address, module ? " " : "",
                      module ? (int)(text.len - 2) : 0, text.len > 0 ? text.at + 1 : "");
  dc_log_frame(reader, dc_text(location, strlen(location)));
  return true;
}

static DcLineKind read_line(DcLogReader *reader, DcText line)
{
  DcText head, name, fields;
  if (line.len == 0) {
    dc_log_end(reader);
    return DC_LINE_FOREIGN;
  }
  if (!find_event(line, &head, &name, &fields)) {
    if (read_frame(reader, line) || read_loss(reader, line))
      return DC_LINE_USED;
    dc_log_end(reader); /* another event: what follows is its stack */
    return DC_LINE_FOREIGN;
  }
  dc_log_end(reader);
  int64_t time_ns;
  if (!find_time(head, &time_ns))
    return dc_text_is(name, "kfree_skb") ? DC_LINE_MALFORMED : DC_LINE_FOREIGN;
  return dc_trace_event(reader, reader->state, name, fields, time_ns);
}

static const DcLogGrammar grammar = {.score = score,
                                     .line = read_line,
                                     .hold_ns = DC_RIVAL_NS,
                                     .state_size = sizeof(DcTraceState),
                                     .clear_state = dc_trace_state_clear,
                                     .hint = "record with perf record -e skb:kfree_skb -a"};

DC_LOG_FORMAT(perf, grammar, "perf script");
