/*
 * What every test of a text drop log checks alike: the same drops come out whatever a terminal or an editor
 * has done to the text, and a log that ends anywhere gives the drops before that place.
 */
#pragma once

#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/drop_log.h"

#include <string.h>

typedef struct {
  DcStrings *strings;
  GArray *drops; /* DcDrop */
  GPtrArray *bytes;
  GArray *losses; /* DcLoss */
  char *format;
  DcLogClock clock;
  uint64_t skipped, foreign;
  GError *error; /* at the end of the log */
} LogText;

static inline void log_text_free(LogText *log)
{
  dc_strings_free(log->strings);
  g_array_unref(log->drops);
  g_array_unref(log->losses);
  g_ptr_array_unref(log->bytes);
  g_free(log->format);
  g_clear_error(&log->error);
  g_free(log);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogText, log_text_free)

static inline const DcDrop *log_text_drop(const LogText *log, guint index)
{
  g_assert_cmpuint(index, <, log->drops->len);
  return &g_array_index(log->drops, DcDrop, index);
}

/* Everything a log gives, in its order. NULL: no format fits. */
static inline LogText *log_text_try(const char *text, size_t len, const DcKallsyms *kallsyms)
{
  g_autoptr(GError) error = NULL;
  LogText *log = g_new0(LogText, 1);
  log->strings = dc_strings_new(4096);
  log->drops = g_array_new(FALSE, FALSE, sizeof(DcDrop));
  log->losses = g_array_new(FALSE, FALSE, sizeof(DcLoss));
  log->bytes = g_ptr_array_new_with_free_func(g_free);
  const DcDropLogOptions options = {.kallsyms = kallsyms};
  g_autoptr(DcSource) source =
      dc_drop_log_from_input(dc_input_from_bytes(text, len, "drops.txt"), &options, log->strings, &error);
  if (source == NULL) {
    g_assert_error(error, DC_ERROR, DC_ERROR_FORMAT);
    log_text_free(log);
    return NULL;
  }
  log->format = g_strdup(dc_drop_log_format(source));
  log->clock = dc_drop_log_clock(source);
  DcEvent event;
  DcReadStatus status;
  while ((status = dc_source_next(source, &event, &log->error)) == DC_READ_EVENT) {
    if (event.kind == DC_EVENT_LOSS) {
      g_array_append_val(log->losses, event.loss);
      continue;
    }
    g_assert_cmpint(event.kind, ==, DC_EVENT_DROP);
    g_assert_cmpint(event.time_ns, ==, event.drop.time_ns);
    g_assert_true((event.drop.bytes == NULL) == (event.drop.caplen == 0));
    if (event.drop.caplen > 0) {
      event.drop.bytes = g_memdup2(event.drop.bytes, event.drop.caplen);
      g_ptr_array_add(log->bytes, (gpointer)event.drop.bytes);
    }
    g_array_append_val(log->drops, event.drop);
  }
  g_assert_true(status == DC_READ_END ? log->error == NULL : log->error != NULL);
  log->skipped = source->skipped;
  log->foreign = source->foreign;
  g_assert_cmpuint(source->bytes_read, ==, len);
  return log;
}

static inline LogText *log_text(const char *text, const char *format, DcLogClock clock)
{
  LogText *log = log_text_try(text, strlen(text), NULL);
  g_assert_nonnull(log);
  g_assert_cmpstr(log->format, ==, format);
  g_assert_no_error(log->error);
  g_assert_cmpint(log->clock, ==, clock);
  return log;
}

static inline char *log_text_sample(const char *name)
{
  g_autofree char *path = g_build_filename(TEST_SOURCE_DIR, "data", "drop_logs", name, NULL);
  g_autoptr(GError) error = NULL;
  char *text = NULL;
  g_file_get_contents(path, &text, NULL, &error);
  g_assert_no_error(error);
  return text;
}

static inline bool is_same_drop(const DcDrop *a, const DcDrop *b)
{
  return a->time_ns == b->time_ns && a->precision_ns == b->precision_ns && a->kind == b->kind && a->pc == b->pc &&
         g_strcmp0(a->symbol, b->symbol) == 0 && a->offset == b->offset && g_strcmp0(a->module, b->module) == 0 &&
         g_strcmp0(a->location, b->location) == 0 && g_strcmp0(a->reason, b->reason) == 0 &&
         g_strcmp0(a->trap_name, b->trap_name) == 0 && g_strcmp0(a->in_ifname, b->in_ifname) == 0 &&
         a->in_ifindex == b->in_ifindex && a->protocol == b->protocol && a->count == b->count && a->skb == b->skb &&
         a->rx_time_ns == b->rx_time_ns && a->caplen == b->caplen && a->orig_len == b->orig_len &&
         a->packet.has == b->packet.has && dc_addr_equal(&a->packet.src, &b->packet.src) &&
         dc_addr_equal(&a->packet.dst, &b->packet.dst) && a->packet.src_port == b->packet.src_port &&
         a->packet.dst_port == b->packet.dst_port && a->packet.ip_protocol == b->packet.ip_protocol &&
         a->packet.tcp_seq == b->packet.tcp_seq && a->packet.tcp_flags == b->packet.tcp_flags;
}

static inline void assert_same_drops(const LogText *a, const LogText *b)
{
  g_assert_cmpuint(a->drops->len, ==, b->drops->len);
  g_assert_cmpint(a->clock, ==, b->clock);
  for (guint i = 0; i < a->drops->len; i++)
    g_assert_true(is_same_drop(log_text_drop(a, i), log_text_drop(b, i)));
}

static inline void check_variant(const LogText *whole, const GString *variant)
{
  g_autoptr(LogText) other = log_text_try(variant->str, variant->len, NULL);
  g_assert_nonnull(other);
  g_assert_cmpstr(other->format, ==, whole->format);
  assert_same_drops(whole, other);
}

/* CRLF; colours; blank lines and script(1)'s header before it; a byte order mark; no newline at the end. */
static inline void check_terminal_leftovers(const char *text)
{
  g_autoptr(LogText) whole = log_text_try(text, strlen(text), NULL);
  g_assert_nonnull(whole);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autoptr(GString) crlf = g_string_new(NULL), coloured = g_string_new(NULL), scripted = g_string_new("\r\n\n");
  g_string_append(scripted, "Script started on 2026-11-20 12:00:00+00:00 [TERM=\"xterm\" TTY=\"/dev/pts/1\"]\r\n");
  for (char **line = lines; *line != NULL; line++) {
    const bool last = line[1] == NULL;
    if (last && **line == '\0')
      break;
    g_string_append_printf(crlf, "%s\r\n", *line);
    g_string_append_printf(coloured, "\x1b[?2004l\x1b]0;title\a%s%s\x1b[0m\x1b(B\n", **line == '{' ? "" : "\x1b[1;31m",
                           *line);
    g_string_append_printf(scripted, "%s%s\r\n", **line == '\0' ? "" : "overwritten\r", *line);
  }
  g_string_append(scripted, "\nScript done on 2026-11-20 12:01:00+00:00 [COMMAND_EXIT_CODE=\"0\"]\n");
  check_variant(whole, crlf);
  check_variant(whole, coloured);
  check_variant(whole, scripted);
  g_autoptr(GString) marked = g_string_new("\xef\xbb\xbf");
  g_string_append(marked, text);
  check_variant(whole, marked);
  g_autoptr(GString) open_end = g_string_new(text);
  while (open_end->len > 0 && open_end->str[open_end->len - 1] == '\n')
    g_string_truncate(open_end, open_end->len - 1);
  check_variant(whole, open_end);
}

/* Ended at every place: the drops are those of the whole, as far as they go, but for the one that was cut. */
static inline void check_truncated(const char *text)
{
  const size_t len = strlen(text);
  g_autoptr(LogText) whole = log_text_try(text, len, NULL);
  for (size_t cut = 1; cut<len; cut += len> 4000 ? 13 : 1) {
    g_autoptr(LogText) part = log_text_try(text, cut, NULL);
    if (part == NULL)
      continue;
    g_assert_cmpuint(part->drops->len, <=, whole->drops->len);
    guint other = 0, at = 0;
    for (guint i = 0; i < part->drops->len; i++) {
      guint same = at;
      while (same < whole->drops->len && !is_same_drop(log_text_drop(part, i), log_text_drop(whole, same)))
        same++;
      if (same < whole->drops->len)
        at = same + 1;
      else
        other++;
    }
    g_assert_cmpuint(other, <=, 1);
  }
}

/* Bytes changed at random: the reader comes to its end. */
static inline void check_damaged(const char *text, int rounds)
{
  const size_t len = strlen(text);
  for (int round = 0; round < rounds; round++) {
    g_autofree char *copy = g_strdup(text);
    for (int change = g_test_rand_int_range(1, 20); change > 0; change--)
      copy[g_test_rand_int_range(0, (gint32)len)] = (char)g_test_rand_int_range(0, 256);
    g_autoptr(LogText) log = log_text_try(copy, len, NULL);
    if (log != NULL)
      g_assert_cmpuint(log->drops->len, <=, len / 3);
  }
}

static inline void assert_addresses(const DcDrop *drop, const char *src, const char *dst)
{
  char text[DC_ADDR_TEXT_MAX];
  g_assert_cmphex(drop->packet.has & DC_HAS_IP, ==, DC_HAS_IP);
  g_assert_cmpstr(dc_addr_format(&drop->packet.src, text), ==, src);
  g_assert_cmpstr(dc_addr_format(&drop->packet.dst, text), ==, dst);
}

static inline void assert_ports(const DcDrop *drop, uint16_t src, uint16_t dst)
{
  g_assert_cmphex(drop->packet.has & DC_HAS_PORTS, ==, DC_HAS_PORTS);
  g_assert_cmpuint(drop->packet.src_port, ==, src);
  g_assert_cmpuint(drop->packet.dst_port, ==, dst);
}

static inline void assert_site(const DcDrop *drop, const char *symbol, uint32_t offset, const char *reason)
{
  g_assert_cmpstr(drop->symbol, ==, symbol);
  g_assert_cmphex(drop->offset, ==, offset);
  g_assert_cmpstr(drop->reason, ==, reason);
}

/* All of a sample's checks that do not depend on what it says. */
static inline void check_robust(const char *text)
{
  check_terminal_leftovers(text);
  check_truncated(text);
  check_damaged(text, 300);
}
