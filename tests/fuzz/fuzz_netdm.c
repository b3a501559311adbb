/*
 * NET_DM netlink messages, and location texts. Input: netlink messages one after the other, as
 * a DLT_NETLINK record holds them; the whole is also tried as a location.
 */
#include "dropcorr/base/cursor.h"
#include "dropcorr/decode/netdm.h"
#include "fuzz.h"

#include <glib.h>
#include <string.h>

static void check_text(const char *text)
{
  if (text == NULL)
    return;
  FUZZ_CHECK(g_utf8_validate(text, -1, NULL));
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
    FUZZ_CHECK(g_unichar_isprint(g_utf8_get_char(at)));
}

static void check_drop(const DcDrop *drop, const uint8_t *data, size_t size)
{
  check_text(drop->symbol);
  check_text(drop->module);
  check_text(drop->location);
  check_text(drop->reason);
  check_text(drop->in_ifname);
  check_text(drop->trap_group);
  check_text(drop->trap_name);
  FUZZ_CHECK((drop->bytes == NULL) == (drop->caplen == 0));
  if (drop->bytes != NULL) {
    FUZZ_CHECK(drop->bytes >= data && drop->caplen <= size && drop->bytes <= data + size - drop->caplen);
    FUZZ_CHECK(drop->orig_len >= drop->caplen);
    FUZZ_CHECK(drop->link == DC_LINK_ETHERNET || drop->link == DC_LINK_RAW);
  }
  FUZZ_CHECK(drop->protocol >= -1 && drop->protocol <= UINT16_MAX);
}

static void check_message(const uint8_t *data, size_t size, uint16_t family, DcStrings *strings)
{
  static DcDrop drops[DC_NETDM_DROPS_MAX];
  size_t count = SIZE_MAX;
  DcNetdmReply reply;
  const DcNetdmStatus status = dc_netdm_parse(data, size, family, strings, drops, &count, &reply);
  FUZZ_CHECK(count <= DC_NETDM_DROPS_MAX);
  FUZZ_CHECK((count > 0) == (status == DC_NETDM_DROP || status == DC_NETDM_SUMMARY));
  for (size_t i = 0; i < count; i++)
    check_drop(&drops[i], data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size > 100000)
    return 0;
  g_autoptr(DcStrings) strings = dc_strings_new(64);
  DcCursor cursor = dc_cursor(data, size);
  while (dc_cursor_left(&cursor) >= 16) {
    DcCursor header = cursor;
    const uint32_t len = dc_cursor_host32(&header);
    const uint16_t type = dc_cursor_host16(&header);
    check_message(data + cursor.pos, dc_cursor_left(&cursor), 0, strings);
    check_message(data + cursor.pos, dc_cursor_left(&cursor), type, strings);
    if (len < 16 || !dc_cursor_skip(&cursor, ((size_t)len + 3) & ~(size_t)3))
      break;
  }
  check_message(data, size, 0, strings);

  DcDrop drop = {0};
  dc_location_parse((const char *)data, size, strings, &drop);
  check_drop(&drop, data, size);
  return 0;
}
