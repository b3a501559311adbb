#include "brief_record.h"

#include <string.h>

/* What a record may hold beside its fixed part, in this order. */
enum {
  PART_MACS = 1 << 0,
  PART_SHORT_ADDRESSES = 1 << 1, /* 4 bytes each: IPv4, ARP */
  PART_ADDRESSES = 1 << 2,
  PART_PORTS = 1 << 3,
  PART_TCP = 1 << 4, /* sequence numbers and flags */
  PART_TSVAL = 1 << 5,
  PART_ICMP = 1 << 6,
  PART_VLAN = 1 << 7,
  PART_LLC = 1 << 8,
  PART_INTERFACE = 1 << 9
};

#define FIXED 17u

/* Fixed part, MACs, long addresses, ports, TCP, timestamp, ICMP, VLAN, LLC, interface. */
_Static_assert(FIXED + 12 + 32 + 4 + 9 + 4 + 2 + 3 + 1 + 4 <= DC_BRIEF_RECORD_MAX, "a record holds any brief");

static bool is_zero(const void *bytes, size_t len)
{
  static const uint8_t zeros[16];
  return memcmp(bytes, zeros, len) == 0;
}

static unsigned parts_of(const DcBrief *brief)
{
  const DcFlowKey *flow = &brief->flow;
  unsigned parts = 0;
  if (!is_zero(brief->src_mac, 6) || !is_zero(brief->dst_mac, 6))
    parts |= PART_MACS;
  if (!is_zero(flow->src + 4, 12) || !is_zero(flow->dst + 4, 12))
    parts |= PART_ADDRESSES;
  else if (!is_zero(flow->src, 4) || !is_zero(flow->dst, 4))
    parts |= PART_SHORT_ADDRESSES;
  if ((flow->src_port | flow->dst_port) != 0)
    parts |= PART_PORTS;
  if ((brief->tcp_seq | brief->tcp_ack | brief->tcp_flags) != 0)
    parts |= PART_TCP;
  if (brief->tsval != 0)
    parts |= PART_TSVAL;
  if ((brief->icmp_type | brief->icmp_code) != 0)
    parts |= PART_ICMP;
  if ((brief->vlan | brief->vlan_count) != 0)
    parts |= PART_VLAN;
  if (brief->llc_dsap != 0)
    parts |= PART_LLC;
  if (brief->interface_id != 0)
    parts |= PART_INTERFACE;
  return parts;
}

static inline uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
  memcpy(at, bytes, len);
  return at + len;
}

size_t dc_brief_pack(const DcBrief *brief, uint8_t record[DC_BRIEF_RECORD_MAX])
{
  const DcFlowKey *flow = &brief->flow;
  const unsigned parts = parts_of(brief);
  const uint16_t parts16 = (uint16_t)parts;
  uint8_t *at = put(record, &parts16, sizeof parts16);
  *at++ = brief->direction;
  at = put(at, &brief->has, sizeof brief->has);
  at = put(at, &brief->len, sizeof brief->len);
  at = put(at, &flow->ethertype, sizeof flow->ethertype);
  *at++ = flow->ip_version;
  *at++ = flow->protocol;
  *at++ = brief->ttl;
  *at++ = (uint8_t)(brief->ip_checksum << 4 | brief->l4_checksum);
  if ((parts & PART_MACS) != 0) {
    at = put(at, brief->src_mac, 6);
    at = put(at, brief->dst_mac, 6);
  }
  if ((parts & PART_SHORT_ADDRESSES) != 0) {
    at = put(at, flow->src, 4);
    at = put(at, flow->dst, 4);
  } else if ((parts & PART_ADDRESSES) != 0) {
    at = put(at, flow->src, 16);
    at = put(at, flow->dst, 16);
  }
  if ((parts & PART_PORTS) != 0) {
    at = put(at, &flow->src_port, 2);
    at = put(at, &flow->dst_port, 2);
  }
  if ((parts & PART_TCP) != 0) {
    at = put(at, &brief->tcp_seq, 4);
    at = put(at, &brief->tcp_ack, 4);
    *at++ = brief->tcp_flags;
  }
  if ((parts & PART_TSVAL) != 0)
    at = put(at, &brief->tsval, 4);
  if ((parts & PART_ICMP) != 0) {
    *at++ = brief->icmp_type;
    *at++ = brief->icmp_code;
  }
  if ((parts & PART_VLAN) != 0) {
    at = put(at, &brief->vlan, 2);
    *at++ = brief->vlan_count;
  }
  if ((parts & PART_LLC) != 0)
    *at++ = brief->llc_dsap;
  if ((parts & PART_INTERFACE) != 0)
    at = put(at, &brief->interface_id, 4);
  return (size_t)(at - record);
}

static inline bool is_any(const void *at, size_t len)
{
  uint64_t low = 0, high;
  if (len == 16) {
    memcpy(&low, at, sizeof low);
    memcpy(&high, (const uint8_t *)at + 8, sizeof high);
    return (low | high) != 0;
  }
  memcpy(&low, at, len);
  return low != 0;
}

size_t dc_brief_pack_usual(const DcPacket *packet, uint32_t len, uint32_t interface_id,
                           uint8_t record[DC_BRIEF_RECORD_MAX])
{
  const uint8_t *src = packet->src.bytes, *dst = packet->dst.bytes;
  const bool tcp = (packet->has & DC_HAS_TCP) != 0;
  const uint32_t tsval = (packet->has & DC_HAS_TIMESTAMP) != 0 ? packet->tsval : 0;
  unsigned parts = 0;
  if ((packet->has & (DC_HAS_MAC | DC_HAS_SRC_MAC)) != 0 && (is_any(packet->src_mac, 6) || is_any(packet->dst_mac, 6)))
    parts |= PART_MACS;
  if (is_any(src + 4, 8) || is_any(src + 12, 4) || is_any(dst + 4, 8) || is_any(dst + 12, 4))
    parts |= PART_ADDRESSES;
  else if (is_any(src, 4) || is_any(dst, 4))
    parts |= PART_SHORT_ADDRESSES;
  if ((packet->src_port | packet->dst_port) != 0)
    parts |= PART_PORTS;
  if (tcp && (packet->tcp_seq | packet->tcp_ack | packet->tcp_flags) != 0)
    parts |= PART_TCP;
  if (tsval != 0)
    parts |= PART_TSVAL;
  if ((packet->vlan_count != 0))
    parts |= PART_VLAN;
  if (interface_id != 0)
    parts |= PART_INTERFACE;

  const uint16_t parts16 = (uint16_t)parts;
  uint8_t *at = put(record, &parts16, sizeof parts16);
  *at++ = DC_DIRECTION_UNKNOWN;
  at = put(at, &packet->has, sizeof packet->has);
  at = put(at, &len, sizeof len);
  at = put(at, &packet->ethertype, sizeof packet->ethertype);
  *at++ = packet->src.version;
  *at++ = packet->ip_protocol;
  *at++ = packet->ttl;
  *at++ = (uint8_t)(packet->ip_checksum << 4 | packet->l4_checksum);
  if ((parts & PART_MACS) != 0) {
    at = put(at, packet->src_mac, 6);
    at = put(at, packet->dst_mac, 6);
  }
  if ((parts & PART_SHORT_ADDRESSES) != 0) {
    at = put(at, src, 4);
    at = put(at, dst, 4);
  } else if ((parts & PART_ADDRESSES) != 0) {
    at = put(at, src, 16);
    at = put(at, dst, 16);
  }
  if ((parts & PART_PORTS) != 0) {
    at = put(at, &packet->src_port, 2);
    at = put(at, &packet->dst_port, 2);
  }
  if ((parts & PART_TCP) != 0) {
    at = put(at, &packet->tcp_seq, 4);
    at = put(at, &packet->tcp_ack, 4);
    *at++ = packet->tcp_flags;
  }
  if ((parts & PART_TSVAL) != 0)
    at = put(at, &tsval, 4);
  if ((parts & PART_VLAN) != 0) {
    at = put(at, &packet->vlan[0], 2);
    *at++ = packet->vlan_count;
  }
  if ((parts & PART_INTERFACE) != 0)
    at = put(at, &interface_id, 4);
  return (size_t)(at - record);
}

size_t dc_brief_record_len(const uint8_t *record)
{
  static const uint8_t lens[] = {12, 8, 32, 4, 9, 4, 2, 3, 1, 4}; /* of the parts, by their bits */
  uint16_t parts;
  memcpy(&parts, record, sizeof parts);
  size_t len = FIXED;
  for (size_t i = 0; i < sizeof lens; i++)
    len += (parts >> i & 1) != 0 ? lens[i] : 0;
  return len;
}

static inline const uint8_t *get(const uint8_t *at, void *bytes, size_t len)
{
  memcpy(bytes, at, len);
  return at + len;
}

void dc_brief_unpack(DcBrief *ret_brief, const uint8_t *record)
{
  DcBrief *brief = ret_brief;
  DcFlowKey *flow = &brief->flow;
  uint16_t parts;
  memset(brief, 0, sizeof *brief);
  const uint8_t *at = get(record, &parts, sizeof parts);
  brief->direction = *at++;
  at = get(at, &brief->has, sizeof brief->has);
  at = get(at, &brief->len, sizeof brief->len);
  at = get(at, &flow->ethertype, sizeof flow->ethertype);
  flow->ip_version = *at++;
  flow->protocol = *at++;
  brief->ttl = *at++;
  brief->ip_checksum = *at >> 4;
  brief->l4_checksum = *at++ & 0xf;
  if ((parts & PART_MACS) != 0) {
    at = get(at, brief->src_mac, 6);
    at = get(at, brief->dst_mac, 6);
  }
  if ((parts & PART_SHORT_ADDRESSES) != 0) {
    at = get(at, flow->src, 4);
    at = get(at, flow->dst, 4);
  } else if ((parts & PART_ADDRESSES) != 0) {
    at = get(at, flow->src, 16);
    at = get(at, flow->dst, 16);
  }
  if ((parts & PART_PORTS) != 0) {
    at = get(at, &flow->src_port, 2);
    at = get(at, &flow->dst_port, 2);
  }
  if ((parts & PART_TCP) != 0) {
    at = get(at, &brief->tcp_seq, 4);
    at = get(at, &brief->tcp_ack, 4);
    brief->tcp_flags = *at++;
  }
  if ((parts & PART_TSVAL) != 0)
    at = get(at, &brief->tsval, 4);
  if ((parts & PART_ICMP) != 0) {
    brief->icmp_type = *at++;
    brief->icmp_code = *at++;
  }
  if ((parts & PART_VLAN) != 0) {
    at = get(at, &brief->vlan, 2);
    brief->vlan_count = *at++;
  }
  if ((parts & PART_LLC) != 0)
    brief->llc_dsap = *at++;
  if ((parts & PART_INTERFACE) != 0)
    (void)get(at, &brief->interface_id, 4);
}
