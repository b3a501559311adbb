/*
 * SystemTap. Two scripts are in use everywhere; neither prints times.
 *
 * The one-liner that probes the drop label of __netif_receive_skb_core and prints skb->protocol, a line each:
 *
 *   0x0004
 *
 * and dropwatch.stp of SystemTap's examples, which adds up skb:kfree_skb for five seconds:
 *
 *   Monitoring for dropped packets
 *   51 packets dropped at location 0xffffffff8024cd0f
 *   1 packets dropped at arp_rcv
 */
#include "drop_log_formats.h"
#include "log_reader.h"

/* What the one-liner probes. */
#define PROBED "__netif_receive_skb_core"

/* "0x4", "0x0004" */
static bool read_protocol(DcText line, uint16_t *ret_protocol)
{
  DcText text = dc_text_trim(line);
  uint64_t protocol;
  if (!dc_text_begins(text, "0x") || text.len > strlen("0xffff") || !dc_text_hex(&text, &protocol) || text.len != 0)
    return false;
  *ret_protocol = (uint16_t)protocol;
  return true;
}

/* "51 packets dropped at": true with what follows */
static bool take_count(DcText *text, uint64_t *ret_count)
{
  DcText rest = dc_text_trim(*text);
  if (!dc_text_uint(&rest, UINT32_MAX, ret_count) || !dc_text_take(&rest, " packets dropped at "))
    return false;
  *text = rest;
  return true;
}

static int score(DcText line)
{
  uint16_t protocol;
  uint64_t count;
  if (take_count(&line, &count))
    return 90;
  if (dc_text_is(line, "Monitoring for dropped packets"))
    return 60;
  return read_protocol(line, &protocol) ? 15 : 0;
}

static DcLineKind read_line(DcLogReader *reader, DcText line)
{
  DcDrop drop;
  uint16_t protocol;
  dc_log_drop_init(&drop);
  if (line.len == 0)
    return DC_LINE_FOREIGN;
  if (read_protocol(line, &protocol)) {
    drop.protocol = protocol;
    drop.symbol = dc_strings_add(reader->strings, PROBED, strlen(PROBED));
  } else if (take_count(&line, &drop.count)) {
    dc_log_location(reader, line, &drop);
    if (drop.count == 0 || drop.location == NULL)
      return DC_LINE_MALFORMED;
  } else {
    return DC_LINE_FOREIGN;
  }
  dc_log_begin(reader, &drop, DC_LOG_CLOCK_NONE);
  dc_log_end(reader);
  return DC_LINE_USED;
}

static const DcLogGrammar grammar = {
    .score = score, .line = read_line, .hint = "print skb->protocol as 0x%04x, a line for each drop"};

DC_LOG_FORMAT(stap, grammar, "SystemTap (protocols dropped in " PROBED ", or dropwatch.stp)");
