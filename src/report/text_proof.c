/* A finding with everything that speaks for it, and what remains in doubt. */
#include "text.h"
#include "wording.h"

#include "dropcorr/decode/packet.h"

#include <string.h>

enum { LABEL_COLUMN = 3, TEXT_COLUMN = 11 };

static guint length(const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

static void label(DcLayout *layout, const char *text)
{
  dc_text_label(layout, LABEL_COLUMN, TEXT_COLUMN, text);
}

static void title(DcLayout *layout, const DcFinding *finding)
{
  dc_layout_indent(layout, 0);
  dc_layout_printf(layout, "#%u ", finding->number);
  dc_layout_indent(layout, LABEL_COLUMN);
  dc_layout_style(layout, DC_STYLE_STRONG);
  dc_layout_text(layout, finding->title);
  dc_layout_style(layout, DC_STYLE_PLAIN);
  const char *cause = dc_cause_name(finding->cause);
  g_autofree char *kind =
      g_strdup_printf("[%s, %s]", dc_severity_name(finding->severity), cause != NULL ? cause : "no cause");
  dc_layout_text(layout, " ");
  dc_layout_piece(layout, kind);
  dc_layout_end_line(layout);
}

static void what(DcLayout *layout, const DcFinding *finding)
{
  char text[DC_QUANTITY_TEXT_MAX];
  g_autofree char *count = dc_finding_count_text(finding);
  label(layout, dc_finding_count_label(finding));
  dc_layout_text(layout, count);
  const char *fate = dc_fate_name(finding->fate);
  if (fate != NULL && finding->frames > 0)
    dc_layout_printf(layout, " %s", fate);
  if (finding->frames > 0 && finding->drops > 0 && finding->drops != finding->frames)
    dc_layout_printf(layout, ", %" G_GUINT64_FORMAT " drop%s", finding->drops, dc_plural(finding->drops));
  if (finding->bytes > 0)
    dc_layout_printf(layout, ", %s", dc_bytes_text(finding->bytes, text));
  dc_layout_end_line(layout);
}

static void when(DcLayout *layout, const DcFinding *finding)
{
  if (finding->first_ns == DC_TIME_NONE)
    return;
  char text[DC_TIME_TEXT_MAX], span[DC_QUANTITY_TEXT_MAX];
  label(layout, "when");
  dc_layout_text(layout, dc_time_text(finding->first_ns, 9, text));
  if (finding->last_ns != DC_TIME_NONE && finding->last_ns != finding->first_ns) {
    dc_layout_printf(layout, " to %s", dc_time_text(finding->last_ns, 9, text));
    dc_layout_printf(layout, " (%s)", dc_duration_text(dc_span_ns(finding->first_ns, finding->last_ns), span));
  }
  dc_layout_end_line(layout);
}

/* How much of a finding the default report shows: what is expected or harmless is said shortly. */
typedef struct {
  guint evidence, actions, sentences;
} Shown;

static Shown shown_of(const DcReportOptions *options, const DcFinding *finding)
{
  if (options->verbosity > 0)
    return (Shown){G_MAXUINT, G_MAXUINT, G_MAXUINT};
  switch (finding->severity) {
  case DC_SEVERITY_HIGH:
  case DC_SEVERITY_MEDIUM:
    return (Shown){.evidence = 5, .actions = 4, .sentences = 4};
  case DC_SEVERITY_LOW:
    return (Shown){.evidence = 3, .actions = 1, .sentences = 2};
  case DC_SEVERITY_INFO:
  case DC_SEVERITY_COUNT:
    break;
  }
  return (Shown){.evidence = 2, .actions = 1, .sentences = 1};
}

static bool same_text(const GPtrArray *lines, guint a, guint b)
{
  const DcProof *x = g_ptr_array_index(lines, a), *y = g_ptr_array_index(lines, b);
  return x->source != NULL && y->source != NULL && strcmp(x->source, y->source) != 0 &&
         g_strcmp0(x->text, y->text) == 0;
}

/* "drop 14" and "drop 15" that say the same: "drop 14, 15". */
static void fellow_source(DcLayout *layout, const char *first, const char *source)
{
  const char *space = strrchr(first, ' ');
  const size_t word = space != NULL ? (size_t)(space - first) + 1 : 0;
  const bool alike = word > 0 && strncmp(first, source, word) == 0;
  dc_layout_printf(layout, ", %s", alike ? source + word : source);
}

/* Lines that follow each other and say the same are one, unless everything is wanted. True: all were shown. */
static bool evidence(DcLayout *layout, const DcReportOptions *options, const DcFinding *finding, guint most)
{
  const GPtrArray *lines = finding->evidence;
  guint at = 0;
  for (guint shown = 0; at < length(lines) && shown < most; shown++) {
    const DcProof *line = g_ptr_array_index(lines, at);
    char time[DC_TIME_TEXT_MAX];
    label(layout, shown == 0 ? "proof" : "");
    if (line->source != NULL)
      dc_layout_text(layout, line->source);
    guint next = at + 1;
    for (; next < lines->len && options->verbosity <= 0 && same_text(lines, at, next); next++)
      fellow_source(layout, line->source, ((const DcProof *)g_ptr_array_index(lines, next))->source);
    if (line->time_ns != DC_TIME_NONE)
      dc_layout_printf(layout, "%s%s", line->source != NULL ? ", " : "", dc_time_text(line->time_ns, 9, time));
    if (line->source != NULL || line->time_ns != DC_TIME_NONE)
      dc_layout_text(layout, ": ");
    dc_layout_indent(layout, TEXT_COLUMN + 2);
    dc_layout_text(layout, line->text);
    dc_layout_end_line(layout);
    at = next;
  }
  return at == length(lines);
}

static void examples(DcLayout *layout, const DcFinding *finding)
{
  const uint32_t n = MIN(finding->example_count, DC_FINDING_EXAMPLES);
  if (n == 0)
    return;
  label(layout, "frames");
  for (uint32_t i = 0; i < n; i++)
    dc_layout_printf(layout, "%s%" G_GUINT64_FORMAT, i > 0 ? " " : "", finding->examples[i]);
  if (finding->frames > n)
    dc_layout_printf(layout, " ... (%" G_GUINT64_FORMAT " in all)", finding->frames);
  dc_layout_end_line(layout);
}

static void clients(DcLayout *layout, const DcFinding *finding)
{
  const uint32_t n = MIN(finding->client_count, DC_FINDING_CLIENTS);
  if (n == 0)
    return;
  label(layout, "from");
  for (uint32_t i = 0; i < n; i++) {
    const DcClient *client = &finding->clients[i];
    char text[DC_ADDR_TEXT_MAX];
    if (i > 0)
      dc_layout_text(layout, ", ");
    dc_layout_text(layout,
                   client->addr.version != 0 ? dc_addr_format(&client->addr, text) : dc_mac_format(client->mac, text));
    if (n > 1 || client->frames != finding->frames) /* all from one: said above */
      dc_layout_printf(layout, " (%" G_GUINT64_FORMAT ")", client->frames);
  }
  if (finding->clients_more)
    dc_layout_text(layout, ", and others");
  dc_layout_end_line(layout);
}

/* Short ones on one line, divided by commas. */
static void words(DcLayout *layout, const char *name, const GPtrArray *texts)
{
  if (length(texts) == 0)
    return;
  label(layout, name);
  for (guint i = 0; i < texts->len; i++) {
    dc_layout_text(layout, i > 0 ? ", " : "");
    dc_layout_text(layout, g_ptr_array_index(texts, i));
  }
  dc_layout_end_line(layout);
}

static bool sentences(DcLayout *layout, const char *name, const char *before, const GPtrArray *texts, guint most)
{
  const guint shown = MIN(length(texts), most);
  for (guint i = 0; i < shown; i++) {
    label(layout, i == 0 ? name : "");
    dc_layout_text(layout, before);
    dc_layout_text(layout, g_ptr_array_index(texts, i));
    dc_layout_end_line(layout);
  }
  return shown == length(texts);
}

static bool actions(DcLayout *layout, const char *name, const GPtrArray *lines, guint most)
{
  const guint shown = MIN(length(lines), most);
  for (guint i = 0; i < shown; i++) {
    const DcAction *action = g_ptr_array_index(lines, i);
    label(layout, i == 0 ? name : "");
    if (action->command != NULL) {
      dc_layout_command(layout, action->command);
      dc_layout_end_line(layout);
    }
    if (action->what != NULL) {
      if (action->command != NULL) {
        dc_layout_indent(layout, TEXT_COLUMN + 2);
        dc_layout_style(layout, DC_STYLE_PLAIN);
        dc_layout_text(layout, "# ");
        dc_layout_indent(layout, TEXT_COLUMN + 4);
      }
      dc_layout_text(layout, action->what);
      dc_layout_end_line(layout);
    }
  }
  return shown == length(lines);
}

bool dc_text_proof(DcLayout *layout, const DcReportOptions *options, const DcFinding *finding)
{
  const Shown most = shown_of(options, finding);
  g_autofree char *sure = dc_finding_sure_text(finding);
  bool whole = true;
  title(layout, finding);
  what(layout, finding);
  when(layout, finding);
  label(layout, "sure");
  dc_layout_text(layout, sure);
  dc_layout_end_line(layout);
  whole &= evidence(layout, options, finding, most.evidence);
  whole &= sentences(layout, "doubt", "could also be ", finding->rivals, MAX(most.sentences, 4)); /* never hide doubt */
  examples(layout, finding);
  clients(layout, finding);
  words(layout, "reason", finding->reasons);
  words(layout, "where", finding->sites);
  whole &= sentences(layout, "note", "", finding->notes, most.sentences);
  whole &= actions(layout, "confirm", finding->confirm, most.actions);
  whole &= actions(layout, "fix", finding->fix, most.actions);
  return whole;
}
