/*
 * LINKTYPE_LINUX_SLL2 (tcpdump.org/linktypes):
 *
 *   | protocol (2) | 0 (2) | ifindex (4) | ARPHRD (2) | type (1) | halen (1) | address (8) |
 *
 * and what is made into it:
 *
 *   Ethernet  | destination (6) | source (6) | type or length (2) |
 *   SLL       | type (2) | ARPHRD (2) | halen (2) | address (8) | protocol (2) |
 *   RAW       | IP
 *   NULL      | address family (4) | IP
 */
#include "cooked.h"

#include "dropcorr/base/cursor.h"
#include "dropcorr/decode/packet.h"

#include <net/if_arp.h>
#include <string.h>

enum { TYPE_HOST = 0, TYPE_BROADCAST = 1, TYPE_MULTICAST = 2, TYPE_OTHER_HOST = 3, TYPE_OUTGOING = 4 };
enum { PROTOCOL_802_3 = 0x0001, PROTOCOL_802_2 = 0x0004, LENGTH_MAX = 1500 };
enum { ETHERNET_HEADER = 14, SLL_HEADER = 16, NULL_HEADER = 4, MAC_LEN = 6 };

typedef struct {
  uint16_t protocol;
  uint32_t ifindex;
  uint16_t hardware;
  uint8_t type;
  const uint8_t *address;
  uint8_t address_len;
} Cooked;

static void put_header(const Cooked *cooked, uint8_t header[static DC_COOKED_HEADER])
{
  memset(header, 0, DC_COOKED_HEADER);
  const uint16_t protocol = GUINT16_TO_BE(cooked->protocol), hardware = GUINT16_TO_BE(cooked->hardware);
  const uint32_t ifindex = GUINT32_TO_BE(cooked->ifindex);
  memcpy(header, &protocol, sizeof protocol);
  memcpy(header + 4, &ifindex, sizeof ifindex);
  memcpy(header + 8, &hardware, sizeof hardware);
  header[10] = cooked->type;
  header[11] = MIN(cooked->address_len, 8);
  if (cooked->address != NULL)
    memcpy(header + 12, cooked->address, header[11]);
}

static uint8_t type_of(DcDirection direction, const uint8_t *destination)
{
  static const uint8_t broadcast[MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  switch (direction) {
  case DC_DIRECTION_OUT:
    return TYPE_OUTGOING;
  case DC_DIRECTION_OTHER_HOST:
    return TYPE_OTHER_HOST;
  case DC_DIRECTION_UNKNOWN:
  case DC_DIRECTION_IN:
  case DC_DIRECTION_COUNT:
    break;
  }
  if (destination == NULL || (destination[0] & 1) == 0)
    return TYPE_HOST;
  return memcmp(destination, broadcast, MAC_LEN) == 0 ? TYPE_BROADCAST : TYPE_MULTICAST;
}

static bool cook_ethernet(DcCursor cursor, DcDirection direction, Cooked *cooked)
{
  const uint8_t *destination = dc_cursor_bytes(&cursor, MAC_LEN);
  cooked->address = dc_cursor_bytes(&cursor, MAC_LEN);
  cooked->address_len = MAC_LEN;
  cooked->hardware = ARPHRD_ETHER;
  cooked->protocol = dc_cursor_be16(&cursor);
  if (!cursor.ok)
    return false;
  cooked->type = type_of(direction, destination);
  if (cooked->protocol <= LENGTH_MAX) /* a length: LLC, or Novell's frames without it */
    cooked->protocol = dc_cursor_be16(&cursor) == 0xffff ? PROTOCOL_802_3 : PROTOCOL_802_2;
  return true;
}

static bool cook_sll(DcCursor cursor, Cooked *cooked)
{
  cooked->type = (uint8_t)dc_cursor_be16(&cursor);
  cooked->hardware = dc_cursor_be16(&cursor);
  cooked->address_len = (uint8_t)MIN(dc_cursor_be16(&cursor), 8);
  cooked->address = dc_cursor_bytes(&cursor, 8);
  cooked->protocol = dc_cursor_be16(&cursor);
  return cursor.ok;
}

/* Without a link header the IP version tells. */
static bool cook_ip(DcCursor cursor, DcDirection direction, Cooked *cooked)
{
  const uint8_t version = dc_cursor_u8(&cursor) >> 4;
  cooked->hardware = ARPHRD_NONE;
  cooked->type = type_of(direction, NULL);
  cooked->protocol = version == 6 ? 0x86dd : 0x0800;
  return cursor.ok && (version == 4 || version == 6);
}

bool dc_cooked_frame(const DcFrame *frame, DcDirection direction, uint8_t header[static DC_COOKED_HEADER],
                     uint32_t *ret_skip)
{
  DcCursor cursor = dc_cursor(frame->bytes, frame->caplen);
  Cooked cooked = {.ifindex = frame->ifindex};
  bool good = false;
  switch ((DcLink)frame->link) {
  case DC_LINK_ETHERNET:
    *ret_skip = ETHERNET_HEADER;
    good = cook_ethernet(cursor, direction, &cooked);
    break;
  case DC_LINK_SLL:
    *ret_skip = SLL_HEADER;
    good = cook_sll(cursor, &cooked);
    break;
  case DC_LINK_SLL2: {
    const uint8_t *same = dc_cursor_bytes(&cursor, DC_COOKED_HEADER);
    if (same != NULL)
      memcpy(header, same, DC_COOKED_HEADER);
    *ret_skip = DC_COOKED_HEADER;
    return same != NULL;
  }
  case DC_LINK_RAW:
    *ret_skip = 0;
    good = cook_ip(cursor, direction, &cooked);
    break;
  case DC_LINK_NULL:
    *ret_skip = NULL_HEADER;
    good = dc_cursor_skip(&cursor, NULL_HEADER) && cook_ip(cursor, direction, &cooked);
    break;
  case DC_LINK_UNKNOWN:
    break;
  }
  if (good)
    put_header(&cooked, header);
  return good;
}

bool dc_cooked_drop(const DcDrop *drop, int dlt, uint32_t snaplen, uint8_t header[static DC_COOKED_HEADER],
                    DcPcapngWritePacket *ret_packet)
{
  *ret_packet = (DcPcapngWritePacket){.interface_id = 1, .time_ns = drop->time_ns, .packet_id = drop->number};
  const uint32_t mac_len = drop->link == DC_LINK_ETHERNET ? ETHERNET_HEADER : 0;
  uint32_t skip = 0;
  if (dc_link_from_dlt(dlt) == DC_LINK_ETHERNET) {
    if (drop->link != DC_LINK_ETHERNET)
      return false;
  } else if (dc_link_from_dlt(dlt) == DC_LINK_SLL2 && drop->protocol >= 0 && drop->caplen > mac_len) {
    Cooked cooked = {.protocol = (uint16_t)drop->protocol, .ifindex = drop->in_ifindex, .hardware = ARPHRD_ETHER};
    if (mac_len > 0) {
      DcCursor cursor = dc_cursor(drop->bytes, drop->caplen);
      dc_cursor_skip(&cursor, MAC_LEN);
      cooked.address = dc_cursor_bytes(&cursor, MAC_LEN);
      cooked.address_len = MAC_LEN;
    }
    put_header(&cooked, header);
    ret_packet->prefix = header;
    ret_packet->prefix_len = DC_COOKED_HEADER;
    skip = mac_len;
  } else if (dc_link_from_dlt(dlt) == DC_LINK_RAW && drop->caplen > mac_len &&
             (drop->protocol == 0x0800 || drop->protocol == 0x86dd)) {
    skip = mac_len;
  } else {
    return false;
  }
  DcCursor cursor = dc_cursor(drop->bytes, drop->caplen);
  dc_cursor_skip(&cursor, skip);
  ret_packet->bytes = dc_cursor_bytes(&cursor, drop->caplen - skip);
  ret_packet->caplen = MIN(ret_packet->prefix_len + drop->caplen - skip, snaplen != 0 ? snaplen : UINT32_MAX);
  ret_packet->len = ret_packet->prefix_len + MAX(drop->orig_len, drop->caplen) - skip;
  return ret_packet->caplen > ret_packet->prefix_len;
}
