#include "dropcorr/report/explain.h"

#include "dropcorr/model/site.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* --- wrapping --------------------------------------------------------------------- */

/* Words of text in lines of at most width columns, each begun with indent blanks; the first line is
 * already begun and stands at column `at`. Words longer than a line stand alone. */
static void put_wrapped(FILE *stream, const char *text, int indent, int at, int width)
{
  bool line_has_word = false;
  while (*text != '\0') {
    text += strspn(text, " ");
    const size_t len = strcspn(text, " ");
    if (len == 0)
      break;
    if (line_has_word && at + 1 + (int)len > width) {
      fprintf(stream, "\n%*s", indent, "");
      at = indent;
      line_has_word = false;
    }
    fprintf(stream, "%s%.*s", line_has_word ? " " : "", (int)len, text);
    at += (int)len + (line_has_word ? 1 : 0);
    line_has_word = true;
    text += len;
  }
  fputc('\n', stream);
}

#define LABEL_WIDTH 12

static void put_labelled(FILE *stream, const char *label, const char *text, int width)
{
  if (text == NULL || *text == '\0')
    return;
  fprintf(stream, "%-*s", LABEL_WIDTH, label);
  put_wrapped(stream, text, LABEL_WIDTH, LABEL_WIDTH, width);
}

/* --- lists ---------------------------------------------------------------------------- */

static char *join_names(const char *const *names)
{
  GString *text = g_string_new(NULL);
  for (; *names != NULL; names++) {
    g_autofree char *filled = dc_advice_fill(*names, NULL, NULL);
    g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", filled);
  }
  return g_string_free(text, FALSE);
}

/* " (5.18-)" where not all kernels of today and yesterday free there; dropcorr knows them from 3.10 on. */
static char *span_note(const char *symbol)
{
  const DcSite *site = dc_site_lookup(symbol);
  unsigned major = 0, minor = 0;
  if (site == NULL)
    return g_strdup("");
  char *end;
  major = (unsigned)strtoul(site->kernels, &end, 10);
  minor = *end == '.' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
  const bool always = (major < 3 || (major == 3 && minor <= 10)) && strcmp(end, "-") == 0;
  return always ? g_strdup("") : g_strdup_printf(" (%s)", site->kernels);
}

static char *join_sites(const char *const *names)
{
  GString *text = g_string_new(NULL);
  for (; *names != NULL; names++) {
    g_autofree char *span = span_note(*names);
    g_string_append_printf(text, "%s%s%s", text->len > 0 ? ", " : "", *names, span);
  }
  return g_string_free(text, FALSE);
}

static const char *effect_note(DcReasonEffect effect)
{
  switch (effect) {
  case DC_EFFECT_NAMED:
    return "";
  case DC_EFFECT_USUAL:
    return " (usually)";
  case DC_EFFECT_HINT:
    return " (among others)";
  }
  return "";
}

static char *join_reasons(const DcCauseReason *reasons)
{
  GString *text = g_string_new(NULL);
  for (; reasons->name != NULL; reasons++)
    g_string_append_printf(text, "%s%s%s", text->len > 0 ? ", " : "", reasons->name, effect_note(reasons->effect));
  return g_string_free(text, FALSE);
}

static bool ends(const DcAdvice *advice)
{
  return advice->command == NULL && advice->what == NULL;
}

static void put_advice(FILE *stream, const char *heading, const DcAdvice *advice, int width)
{
  fprintf(stream, "\n%s\n", heading);
  for (; !ends(advice); advice++) {
    g_autofree char *command = advice->command != NULL ? dc_advice_fill(advice->command, NULL, NULL) : NULL;
    g_autofree char *what = dc_advice_fill(advice->what, NULL, NULL);
    if (command != NULL) {
      /* Never wrapped: it is to be pasted. */
      fprintf(stream, "  $ %s\n      ", command);
      put_wrapped(stream, what, 6, 6, width);
    } else {
      fputs("  - ", stream);
      put_wrapped(stream, what, 4, 4, width);
    }
  }
}

/* --- for people ------------------------------------------------------------------------- */

void dc_explain_list(FILE *stream)
{
  fprintf(stream, "%-24s %-8s %s\n", "CAUSE", "SEVERITY", "TITLE");
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    const DcCauseInfo *info = dc_catalogue(cause);
    g_autoptr(GString) title = g_string_new(info->title);
    const gsize room = 80 - 24 - 1 - 8 - 1;
    if (title->len > room) { /* cut at a word */
      g_string_truncate(title, room - 3);
      const char *blank = strrchr(title->str, ' ');
      if (blank != NULL)
        g_string_truncate(title, (gsize)(blank - title->str));
      g_string_append(title, "...");
    }
    fprintf(stream, "%-24s %-8s %s\n", dc_cause_name(cause), dc_severity_name(info->severity), title->str);
  }
}

void dc_explain_cause(FILE *stream, const DcCauseInfo *info, int width)
{
  if (width < 40)
    width = 40;
  g_autofree char *reasons = join_reasons(info->reasons);
  g_autofree char *sites = join_sites(info->sites);
  g_autofree char *counters = join_names(info->counters);
  g_autofree char *sysctls = join_names(info->sysctls);

  fprintf(stream, "%s: ", dc_cause_name(info->cause));
  put_wrapped(stream, info->title, 2, (int)strlen(dc_cause_name(info->cause)) + 2, width);
  fputc('\n', stream);
  put_wrapped(stream, info->paragraph, 0, 0, width);
  fputc('\n', stream);
  put_labelled(stream, "Severity", dc_severity_name(info->severity), width);
  put_labelled(stream, "Reasons", reasons, width);
  put_labelled(stream, "Freed in", sites, width);
  put_labelled(stream, "Counters", counters, width);
  put_labelled(stream, "Settings", sysctls, width);
  put_labelled(stream, "For it", info->wire_for, width);
  put_labelled(stream, "Against it", info->wire_against, width);
  put_labelled(stream, "Kernels", info->kernels, width);
  put_labelled(stream, "Reference", info->reference, width);
  put_advice(stream, "To confirm:", info->confirm, width);
  put_advice(stream, "To mend:", info->fix, width);
}

/* --- docs/causes.md ------------------------------------------------------------------------ */

/* What Markdown would take for markup. An underscore between letters is none. */
static void put_markdown(FILE *stream, const char *text)
{
  for (const char *at = text; *at != '\0'; at++) {
    const bool inside = *at == '_' && at != text && g_ascii_isalnum(at[-1]) && g_ascii_isalnum(at[1]);
    if (!inside && strchr("\\`*_<>[]|#", *at) != NULL)
      fputc('\\', stream);
    fputc(*at, stream);
  }
}

static void put_code_list(FILE *stream, const char *label, const char *const *names)
{
  if (*names == NULL)
    return;
  fprintf(stream, "- %s: ", label);
  for (const char *const *name = names; *name != NULL; name++) {
    g_autofree char *filled = dc_advice_fill(*name, NULL, NULL);
    fprintf(stream, "%s`%s`", name == names ? "" : ", ", filled);
  }
  fputc('\n', stream);
}

static void put_site_list(FILE *stream, const char *label, const char *const *names)
{
  if (*names == NULL)
    return;
  fprintf(stream, "- %s: ", label);
  for (const char *const *name = names; *name != NULL; name++) {
    g_autofree char *span = span_note(*name);
    fprintf(stream, "%s`%s`%s", name == names ? "" : ", ", *name, span);
  }
  fputc('\n', stream);
}

static void put_item(FILE *stream, const char *label, const char *text)
{
  if (text == NULL)
    return;
  fprintf(stream, "- %s: ", label);
  put_markdown(stream, text);
  fputc('\n', stream);
}

static void put_markdown_advice(FILE *stream, const char *heading, const DcAdvice *advice)
{
  fprintf(stream, "\n%s\n\n", heading);
  for (; !ends(advice); advice++) {
    g_autofree char *command = advice->command != NULL ? dc_advice_fill(advice->command, NULL, NULL) : NULL;
    g_autofree char *what = dc_advice_fill(advice->what, NULL, NULL);
    fputs("- ", stream);
    if (command != NULL)
      fprintf(stream, "`%s`: ", command);
    put_markdown(stream, what);
    fputc('\n', stream);
  }
}

static void put_markdown_cause(FILE *stream, const DcCauseInfo *info)
{
  fprintf(stream, "\n## %s\n\n**", dc_cause_name(info->cause));
  put_markdown(stream, info->title);
  fprintf(stream, "** (severity: %s)\n\n", dc_severity_name(info->severity));
  put_markdown(stream, info->paragraph);
  fputs("\n\n", stream);
  if (info->reasons[0].name != NULL) {
    fputs("- Kernel's reasons: ", stream);
    for (const DcCauseReason *reason = info->reasons; reason->name != NULL; reason++)
      fprintf(stream, "%s`%s`%s", reason == info->reasons ? "" : ", ", reason->name, effect_note(reason->effect));
    fputc('\n', stream);
  }
  put_site_list(stream, "Freed in", info->sites);
  put_code_list(stream, "Counters", info->counters);
  put_code_list(stream, "Settings", info->sysctls);
  put_item(stream, "Speaks for it", info->wire_for);
  put_item(stream, "Speaks against it", info->wire_against);
  put_item(stream, "Kernels", info->kernels);
  put_item(stream, "Reference", info->reference);
  put_markdown_advice(stream, "To confirm:", info->confirm);
  put_markdown_advice(stream, "To mend:", info->fix);
}

void dc_explain_markdown(FILE *stream)
{
  fputs("# Causes\n\n"
        "Why a packet that was seen on the wire never reached a socket: every cause dropcorr knows, what\n"
        "speaks for it, how to confirm it and how to mend it. Written from the catalogue in\n"
        "src/diagnose; `dropcorr --explain CAUSE` prints the same for one cause. Do not edit by hand.\n\n"
        "In commands `IF`, `PORT`, `SRC`, `DST` and the like stand for the incident's own values; a report fills\n"
        "them in. A counter `TcpExt.X` is read by `nstat -az TcpExtX`, `dev.IF.x` stands in /proc/net/dev,\n"
        "`sys.IF.x` under /sys/class/net/IF/statistics, `softnet.x` in /proc/net/softnet_stat.\n\n"
        "| cause | severity | title |\n|---|---|---|\n",
        stream);
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    const DcCauseInfo *info = dc_catalogue(cause);
    fprintf(stream, "| [%s](#%s) | %s | ", dc_cause_name(cause), dc_cause_name(cause),
            dc_severity_name(info->severity));
    put_markdown(stream, info->title);
    fputs(" |\n", stream);
  }
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++)
    put_markdown_cause(stream, dc_catalogue(cause));
}
