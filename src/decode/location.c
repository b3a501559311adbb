/*
 * Locations as the kernel and tools print them:
 *
 *   nft_do_chain+0x47f/0x5e0 [nf_tables]         %pS
 *   __netif_receive_skb_core.constprop.0+0x      the same, cut at 39 characters by NET_DM
 *   ip_rcv+cf (0xffffffff815ca47f)               dropwatch
 *   location 0xffffffffaf8cd963                  dropwatch without symbols
 *   kfree_skb+0x7b ([kernel.kallsyms])           perf script
 *   b'sk_skb_reason_drop+0x1e4'                  bcc
 *   00000000751c2330, (____ptrval____)           %p: a hash and its stand-in, never an address
 */
#include "dropcorr/decode/netdm.h"
#include "dropcorr/model/site.h"

#include <string.h>

/* NET_DM_MAX_SYMBOL_LEN of net/core/drop_monitor.c is 40, with the final NUL. */
#define CUT_LEN 39

/* No function is as large. Tools that know only the kernel's own symbols give an address in a
 * module as the last of them and a huge distance: "__init_scratch_end+3480a54f". */
#define FUNCTION_MAX (UINT64_C(1) << 20)

typedef struct {
  const char *at;
  const char *end;
} Span;

static bool is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int hex_digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

static bool is_symbol_start(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_symbol(char c)
{
  return is_symbol_start(c) || (c >= '0' && c <= '9') || c == '.' || c == '$' || c == ':';
}

static void trim(Span *span)
{
  while (span->at < span->end && is_space(*span->at))
    span->at++;
  while (span->end > span->at && is_space(span->end[-1]))
    span->end--;
}

static bool take(Span *span, const char *text)
{
  const size_t len = strlen(text);
  if ((size_t)(span->end - span->at) < len || memcmp(span->at, text, len) != 0)
    return false;
  span->at += len;
  return true;
}

/* Hex digits, at most 16; false (and nothing taken) without any. */
static bool take_hex(Span *span, uint64_t *ret_value)
{
  uint64_t value = 0;
  size_t digits = 0;
  const char *at = span->at;
  while (at < span->end && hex_digit(*at) >= 0 && digits < 16) {
    value = value << 4 | (uint64_t)hex_digit(*at++);
    digits++;
  }
  if (digits == 0)
    return false;
  span->at = at;
  *ret_value = value;
  return true;
}

/* "0x" and digits, and nothing of a word behind them. */
static bool take_address(Span *span, uint64_t *ret_pc)
{
  Span rest = *span;
  uint64_t pc;
  if (!take(&rest, "0x") || !take_hex(&rest, &pc) || (rest.at < rest.end && is_symbol(*rest.at)))
    return false;
  *span = rest;
  *ret_pc = pc;
  return true;
}

/* "[mod]", "([mod])", "[mod 0123abcd]" (with a build id); dropwatch's origin and perf's name of
 * the kernel itself are no modules. */
static void parse_module(Span span, DcStrings *strings, DcDrop *drop)
{
  const char *end = span.at;
  while (end < span.end && *end != ']' && !is_space(*end))
    end++;
  const char *close = memchr(end, ']', (size_t)(span.end - end));
  if (close == NULL || end == span.at)
    return;
  static const char *const others[] = {"software", "hardware", "kernel.kallsyms", "kernel", "unknown"};
  const size_t len = (size_t)(end - span.at);
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
    if (strlen(others[i]) == len && memcmp(others[i], span.at, len) == 0)
      return;
  }
  drop->module = dc_strings_add(strings, span.at, len);
}

/* What follows the function: module and address, in either order. */
static void parse_rest(Span span, DcStrings *strings, DcDrop *drop)
{
  while (span.at < span.end) {
    uint64_t pc;
    const char c = *span.at;
    if (c == '[') {
      span.at++;
      if (drop->module == NULL)
        parse_module(span, strings, drop);
    } else if (c == '0' && take_address(&span, &pc)) {
      drop->pc = pc;
    } else {
      span.at++;
    }
  }
}

static void parse_function(Span span, bool cut, DcStrings *strings, DcDrop *drop)
{
  const char *name = span.at;
  while (span.at < span.end && is_symbol(*span.at))
    span.at++;
  size_t len = (size_t)(span.at - name);
  if (cut && span.at == span.end) {
    /* The name itself was cut, perhaps in the middle of a compiler suffix. */
    const char *dot = memchr(name, '.', len);
    if (dot != NULL)
      len = (size_t)(dot - name);
  }
  uint64_t offset = 0;
  uint64_t size = 0;
  if (take(&span, "+")) {
    take(&span, "0x");
    /* Digits up to a cut may be only the first ones of a longer number. */
    if (take_hex(&span, &offset) && cut && span.at == span.end)
      offset = 0;
    if (take(&span, "/")) {
      take(&span, "0x");
      if (take_hex(&span, &size) && ((cut && span.at == span.end) || size > FUNCTION_MAX))
        size = 0;
    }
  }
  if (offset <= FUNCTION_MAX) {
    drop->symbol = dc_strings_add(strings, name, dc_site_strip_suffix(name, len));
    drop->offset = (uint32_t)offset;
    drop->size = (uint32_t)size;
  }
  parse_rest(span, strings, drop);
}

void dc_location_parse(const char *text, size_t len, DcStrings *strings, DcDrop *drop)
{
  Span span = {text, text + strnlen(text, len)};
  trim(&span);
  if (span.at == span.end)
    return;
  const bool cut = span.end - span.at == CUT_LEN;
  drop->location = dc_strings_add(strings, span.at, (size_t)(span.end - span.at));

  if (take(&span, "b'") && span.end > span.at && span.end[-1] == '\'')
    span.end--;
  if (take(&span, "location "))
    trim(&span);
  uint64_t pc;
  if (take_address(&span, &pc)) {
    drop->pc = pc;
    parse_rest(span, strings, drop);
    return;
  }
  if (take(&span, "____ptrval____") || span.at == span.end || !is_symbol_start(*span.at))
    return;
  /* A hash may begin with a letter: sixteen hex digits are no function. */
  Span hash = span;
  if (take_hex(&hash, &pc) && hash.at - span.at == 16 && (hash.at == hash.end || !is_symbol(*hash.at)))
    return;
  parse_function(span, cut, strings, drop);
}
