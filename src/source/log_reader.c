#include "log_reader.h"

#include "dropcorr/base/error.h"
#include "dropcorr/decode/netdm.h"
#include "skb_table.h"

#define DROP_REASON_PREFIX "SKB_DROP_REASON_"

/* Surer than this no other format's line can be: a probe looks no further. */
#define SCORE_SURE 80

/* What holds no text shows it so early; a log may end in zeros that a crash left. */
#define BINARY_LEN 512u

#define READY_MAX 4096u
#define HELD_MAX 1024u

typedef struct {
  DcEvent event;
  uint8_t bytes[];
} Record;

static DcReadStatus reader_next(DcSource *source, DcEvent *ret_event, GError **error);
static void reader_free(DcSource *source);

static const DcSourceOps reader_ops = {.next = reader_next, .free = reader_free};

/* --- records -------------------------------------------------------------------------- */

void dc_log_drop_init(DcDrop *drop)
{
  *drop = (DcDrop){.time_ns = DC_TIME_NONE, .kind = DC_DROP_TEXT, .protocol = -1, .count = 1};
}

DcDrop *dc_log_open_drop(DcLogReader *reader)
{
  return reader->open ? &reader->drop : NULL;
}

static void put_ready(DcLogReader *reader, const DcEvent *event, const uint8_t *bytes, size_t len)
{
  if (reader->ready.length >= READY_MAX) { /* a line of 64 KiB holds fewer */
    reader->source.skipped++;
    return;
  }
  Record *record = g_malloc(sizeof *record + len);
  record->event = *event;
  if (len > 0) {
    memcpy(record->bytes, bytes, len);
    record->event.drop.bytes = record->bytes;
  }
  g_queue_push_tail(&reader->ready, record);
}

/* The stack's word on the site, where the record itself has an address at most. */
static void take_site(DcLogReader *reader)
{
  DcDrop *drop = &reader->drop;
  if (drop->symbol != NULL || !(reader->has_exact_frame || reader->has_frame))
    return;
  const DcDrop *frame = reader->has_exact_frame ? &reader->exact_frame : &reader->frame;
  drop->symbol = frame->symbol;
  drop->offset = frame->offset;
  drop->size = frame->size;
  drop->module = frame->module;
  if (drop->pc == 0)
    drop->pc = frame->pc;
  if (drop->location == NULL)
    drop->location = frame->location;
}

void dc_log_end(DcLogReader *reader)
{
  if (!reader->open)
    return;
  reader->open = false;
  take_site(reader);
  if (reader->grammar->finish != NULL)
    reader->grammar->finish(reader, &reader->drop);
  reader->drops++;
  DcDrop *drop = &reader->drop;
  drop->count = MIN(drop->count, DC_COUNT_MAX);
  drop->caplen = reader->bytes->len;
  drop->bytes = NULL;
  put_ready(reader, &(DcEvent){.kind = DC_EVENT_DROP, .time_ns = drop->time_ns, .drop = *drop}, reader->bytes->data,
            reader->bytes->len);
}

void dc_log_set_time(DcLogReader *reader, int64_t time_ns, DcLogClock clock)
{
  const bool known = clock == reader->clock && clock != DC_LOG_CLOCK_NONE && dc_time_is_plausible(time_ns);
  reader->drop.time_ns = known ? time_ns : DC_TIME_NONE;
  if (known)
    reader->last_ns = reader->seen_ns = time_ns;
}

void dc_log_begin(DcLogReader *reader, const DcDrop *drop, DcLogClock clock)
{
  dc_log_end(reader);
  reader->drop = *drop;
  g_byte_array_set_size(reader->bytes, 0);
  if (drop->caplen > 0)
    g_byte_array_append(reader->bytes, drop->bytes, drop->caplen);
  reader->drop.bytes = NULL;
  reader->has_frame = reader->has_exact_frame = false;
  if (!reader->has_clock) {
    reader->has_clock = true;
    reader->clock = clock;
  }
  dc_log_set_time(reader, drop->time_ns, clock);
  reader->open = true;
}

void dc_log_loss(DcLogReader *reader, uint64_t count, const char *detail)
{
  if (count == 0)
    return;
  dc_log_end(reader);
  const DcLoss loss = {.kind = DC_LOSS_MONITOR,
                       .count = MIN(count, DC_COUNT_MAX),
                       .from_ns = reader->last_ns,
                       .to_ns = reader->last_ns,
                       .detail = dc_strings_add(reader->strings, detail, strlen(detail))};
  put_ready(reader, &(DcEvent){.kind = DC_EVENT_LOSS, .time_ns = loss.to_ns, .loss = loss}, NULL, 0);
}

static void note_rival(DcDrop *drop, int64_t time_ns, uint32_t len)
{
  const int64_t distance = time_ns - (drop->rx_time_ns - drop->rx_wait_ns);
  if (drop->rx_time_ns != 0 && drop->rx_len == len && distance > 0 && distance <= DC_RIVAL_NS &&
      (drop->rx_after_ns == 0 || distance < drop->rx_after_ns))
    drop->rx_after_ns = distance;
}

void dc_log_reception(DcLogReader *reader, int64_t time_ns, uint32_t len, bool enqueued)
{
  reader->seen_ns = time_ns;
  if (reader->open)
    note_rival(&reader->drop, time_ns, len);
  for (GList *link = reader->ready.tail; link != NULL; link = link->prev) {
    DcEvent *event = &((Record *)link->data)->event;
    if (event->kind == DC_EVENT_DROP)
      note_rival(&event->drop, time_ns, len);
  }
  if (!enqueued && reader->on_reception != NULL)
    reader->on_reception(time_ns, len, reader->reception_data);
}

/* --- fields --------------------------------------------------------------------------- */

/*
 * What lies between the freeing of a packet and the tracer: kfree_skb itself under its names, the tracepoint's
 * stub, the program that was run. Sorted by nothing but sense: there are few.
 */
bool dc_log_is_freeing(const char *symbol)
{
  static const char *const names[] = {"kfree_skb",          "kfree_skb_reason",   "__kfree_skb",
                                      "__kfree_skb_reason", "sk_skb_reason_drop", "__sk_skb_reason_drop",
                                      "tcp_drop",           "tcp_drop_reason",    "__tcp_drop"};
  static const char *const prefixes[] = {"__traceiter_",  "__bpf_trace_", "perf_trace_",  "trace_event_raw_event_",
                                         "bpf_trace_run", "bpf_prog_",    "__probestub_", "ftrace_",
                                         "kprobe_",       "kretprobe_",   "perf_ftrace_", "optimized_callback",
                                         "arch_rethook_", "bpf_get_stack"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    if (strcmp(symbol, names[i]) == 0)
      return true;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
    if (g_str_has_prefix(symbol, prefixes[i]))
      return true;
  }
  return false;
}

void dc_log_frame(DcLogReader *reader, DcText location)
{
  if (!reader->open || reader->has_exact_frame)
    return;
  DcDrop frame = {0};
  dc_location_parse(location.at, location.len, reader->strings, &frame);
  if (frame.symbol == NULL || dc_log_is_freeing(frame.symbol))
    return;
  if (!reader->has_frame) {
    reader->frame = frame;
    reader->has_frame = true;
  }
  if (frame.pc != 0 && frame.pc == reader->drop.pc) {
    reader->exact_frame = frame;
    reader->has_exact_frame = true;
  }
}

const char *dc_log_reason(DcStrings *strings, DcText text)
{
  text = dc_text_trim(text);
  (void)dc_text_take(&text, DROP_REASON_PREFIX);
  if (text.len == 0 || dc_text_is(text, "UNKNOWN") || dc_text_is(text, "unknow") || dc_text_is(text, "(null)"))
    return NULL;
  return dc_strings_add(strings, text.at, text.len);
}

void dc_log_location(DcLogReader *reader, DcText text, DcDrop *drop)
{
  dc_location_parse(text.at, text.len, reader->strings, drop);
  DcText digits = dc_text_trim(text);
  uint64_t address;
  if (drop->pc == 0 && drop->symbol == NULL && digits.len == 16 && dc_text_hex(&digits, &address) && digits.len == 0 &&
      address >> 32 != 0)
    drop->pc = address;
}

void dc_log_set_addresses(DcDrop *drop, uint8_t ip_protocol, const DcAddr *src, const DcAddr *dst)
{
  if (src->version == 0 || src->version != dst->version)
    return;
  DcPacket *packet = &drop->packet;
  packet->has |= DC_HAS_IP | DC_HAS_ETHERTYPE;
  packet->ip_protocol = ip_protocol;
  packet->src = *src;
  packet->dst = *dst;
  packet->ethertype = src->version == 6 ? 0x86dd : 0x0800;
  if (drop->protocol < 0)
    drop->protocol = packet->ethertype;
}

void dc_log_set_ports(DcDrop *drop, uint16_t src_port, uint16_t dst_port)
{
  drop->packet.has |= DC_HAS_PORTS;
  drop->packet.src_port = src_port;
  drop->packet.dst_port = dst_port;
}

/* --- reading -------------------------------------------------------------------------- */

/* One line. False at the end of input and on error, which is kept. */
static bool read_line(DcLogReader *reader)
{
  size_t len;
  char *line = dc_input_line(reader->input, &len, &reader->error);
  reader->source.bytes_read = dc_input_offset(reader->input);
  if (line == NULL) {
    reader->ended = true;
    dc_log_end(reader);
    return false;
  }
  const DcText text = dc_text(line, dc_text_clean_line(line, len));
  if (dc_text_trim(text).len == 0) {
    (void)reader->grammar->line(reader, text); /* parts records in some formats */
    return true;
  }
  reader->lines++;
  if (dc_text_is_script_header(text)) {
    reader->source.foreign++;
    return true;
  }
  switch (reader->grammar->line(reader, text)) {
  case DC_LINE_USED:
    break;
  case DC_LINE_FOREIGN:
    reader->source.foreign++;
    break;
  case DC_LINE_MALFORMED:
    reader->source.skipped++;
    break;
  }
  return true;
}

DcSource *dc_log_open(const DcLogGrammar *grammar, DcInput *input, DcStrings *strings, GError **error)
{
  (void)error;
  DcLogReader *reader = g_new0(DcLogReader, 1);
  reader->source.ops = &reader_ops;
  reader->source.name = dc_input_name(input);
  reader->source.bytes_total = dc_input_size(input);
  reader->grammar = grammar;
  reader->input = input;
  reader->strings = strings;
  reader->state = grammar->state_size > 0 ? g_malloc0(grammar->state_size) : NULL;
  reader->clock = DC_LOG_CLOCK_NONE;
  reader->last_ns = DC_TIME_NONE;
  reader->bytes = g_byte_array_new();
  g_queue_init(&reader->ready);
  /* Up to the first record: its clock is asked for before its drop is. */
  while (!reader->has_clock && read_line(reader))
    continue;
  return &reader->source;
}

static bool may_give(DcLogReader *reader)
{
  const Record *first = g_queue_peek_head(&reader->ready);
  if (first == NULL)
    return false;
  /* Times that go back are of another boot: nothing more is known then either. */
  return reader->grammar->hold_ns == 0 || reader->ready.length > HELD_MAX || first->event.time_ns == DC_TIME_NONE ||
         llabs(reader->seen_ns - first->event.time_ns) > reader->grammar->hold_ns;
}

static DcReadStatus reader_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  DcLogReader *reader = (DcLogReader *)source;
  g_clear_pointer(&reader->current, g_free);
  while (!may_give(reader)) {
    if (reader->ended && reader->ready.length > 0)
      break;
    if (reader->ended) {
      if (reader->error == NULL)
        return DC_READ_END;
      g_propagate_error(error, g_steal_pointer(&reader->error));
      return DC_READ_ERROR;
    }
    (void)read_line(reader);
  }
  reader->current = g_queue_pop_head(&reader->ready);
  *ret_event = ((Record *)reader->current)->event;
  return DC_READ_EVENT;
}

static void reader_free(DcSource *source)
{
  DcLogReader *reader = (DcLogReader *)source;
  if (reader->grammar->clear_state != NULL)
    reader->grammar->clear_state(reader->state);
  g_free(reader->state);
  g_byte_array_unref(reader->bytes);
  g_queue_clear_full(&reader->ready, g_free);
  g_free(reader->current);
  g_clear_error(&reader->error);
  dc_input_free(reader->input);
  g_free(reader);
}

/* --- as a format ------------------------------------------------------------------------ */

int dc_log_probe(const DcLogGrammar *grammar, const uint8_t *head, size_t len)
{
  if (len == 0 || memchr(head, 0, MIN(len, BINARY_LEN)) != NULL)
    return 0;
  g_autofree char *copy = g_malloc(len);
  memcpy(copy, head, len);
  int best = 0;
  for (char *at = copy, *end = copy + len; at < end && best < SCORE_SURE;) {
    char *newline = memchr(at, '\n', (size_t)(end - at));
    char *line_end = newline != NULL ? newline : end;
    const DcText line = dc_text(at, dc_text_clean_line(at, (size_t)(line_end - at)));
    best = MAX(best, grammar->score(line));
    at = line_end + 1;
  }
  return best;
}

char *dc_log_explain(const DcSource *source)
{
  g_return_val_if_fail(source->ops == &reader_ops, NULL);
  const DcLogReader *reader = (const DcLogReader *)source;
  return g_strdup_printf("of its %" G_GUINT64_FORMAT " lines %" G_GUINT64_FORMAT " are no drops and %" G_GUINT64_FORMAT
                         " could not be read; %s",
                         reader->lines, source->foreign, source->skipped, reader->grammar->hint);
}

bool dc_log_clock(const DcSource *source, DcLogClock *ret_clock)
{
  if (source->ops != &reader_ops)
    return false;
  *ret_clock = ((const DcLogReader *)source)->clock;
  return true;
}

void dc_log_set_reception_sink(DcSource *source, DcReceptionSink sink, void *data)
{
  if (source->ops != &reader_ops)
    return;
  DcLogReader *reader = (DcLogReader *)source;
  reader->on_reception = sink;
  reader->reception_data = data;
}
