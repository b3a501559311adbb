#include "aside.h"

#include "dropcorr/model/site.h"

#define IPPROTO_ICMP6 58

/* RFC 4861: router and neighbour messages are 133 to 137; RFC 2710, 3810: MLD 130 to 132 and 143. */
static bool is_neighbour_message(const DcPacket *packet)
{
  if ((packet->has & DC_HAS_ICMP) == 0 || packet->ip_protocol != IPPROTO_ICMP6)
    return false;
  return (packet->icmp_type >= 130 && packet->icmp_type <= 137) || packet->icmp_type == 143;
}

static bool is_echo_reply(const DcPacket *packet)
{
  if ((packet->has & DC_HAS_ICMP) == 0)
    return false;
  return packet->ip_protocol == IPPROTO_ICMP6 ? packet->icmp_type == 129 : packet->icmp_type == 0;
}

/*
 * tcp_v4_rcv frees RST and TIME_WAIT segments after processing them, with NOT_SPECIFIED
 * where reasons exist. Before reasons (5.16) the same free and a real drop look alike; then only a
 * SYN or a segment with data is taken for a drop, since those would be answered or retried.
 */
static bool is_processed_segment(const DcDrop *drop)
{
  const DcPacket *packet = &drop->packet;
  if ((packet->has & DC_HAS_TCP) == 0)
    return false;
  if ((packet->tcp_flags & DC_TCP_RST) != 0)
    return true;
  if ((packet->tcp_flags & DC_TCP_SYN) != 0 || packet->l4_checksum == DC_CHECKSUM_BAD)
    return false;
  return drop->reason != NULL || packet->payload_len == 0;
}

static bool sent_by_this_host(const DcDrop *drop, const DcDirections *directions)
{
  const DcPacket *packet = &drop->packet;
  if ((packet->has & DC_HAS_MAC) != 0) {
    if (dc_directions_is_local_mac(directions, packet->src_mac))
      return true;
    /* From another MAC: somebody else's, even when it claims this host's address (a spoofed source). */
    if (dc_directions_is_local_mac(directions, packet->dst_mac))
      return false;
  }
  return (packet->has & (DC_HAS_IP | DC_HAS_ARP)) != 0 && dc_directions_is_local_address(directions, &packet->src);
}

DcDropStatus dc_aside_classify(const DcDrop *drop, const DcDirections *directions, DcAsideWhy *ret_why)
{
  const DcSite *site = dc_site_lookup(drop->symbol);
  uint32_t flags = site != NULL ? site->flags : 0;
  bool unspecified = dc_reason_is_unspecified(drop->reason);

  *ret_why = DC_ASIDE_CAPTURE;
  if ((flags & DC_SITE_CAPTURE) != 0 || dc_reason_is_capture(drop->reason))
    return DC_DROP_STATUS_SELF;

  *ret_why = DC_ASIDE_NOT_NETWORK;
  if ((flags & DC_SITE_NOT_NETWORK) != 0 || (drop->protocol == 0 && drop->packet.has == 0 && site == NULL))
    return DC_DROP_STATUS_NOISE;

  *ret_why = DC_ASIDE_OWN_SOURCE;
  if (sent_by_this_host(drop, directions))
    return DC_DROP_STATUS_OUTBOUND;
  *ret_why = DC_ASIDE_TRANSMIT;
  if ((flags & DC_SITE_TRANSMIT) != 0 || dc_reason_is_transmit(drop->reason))
    return DC_DROP_STATUS_OUTBOUND;

  *ret_why = DC_ASIDE_TEARDOWN;
  if ((flags & DC_SITE_TEARDOWN) != 0)
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_NORMAL_FREE;
  if (dc_reason_is_consumed(drop->reason) || ((flags & DC_SITE_NORMAL_FREE) != 0 && unspecified))
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_HAD_ARRIVED;
  if (dc_reason_is_repetition(drop->reason) && (drop->packet.tcp_flags & DC_TCP_SYN) == 0)
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_NEIGHBOUR;
  if ((flags & DC_SITE_ND_NOISE) != 0 && unspecified && is_neighbour_message(&drop->packet) &&
      drop->packet.l4_checksum != DC_CHECKSUM_BAD)
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_PROCESSED_SEGMENT;
  if ((flags & DC_SITE_SEGMENT_NOISE) != 0 && unspecified && is_processed_segment(drop))
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_ECHO_REPLY;
  if ((flags & DC_SITE_ECHO_NOISE) != 0 && is_echo_reply(&drop->packet))
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_NONE;
  return DC_DROP_STATUS_UNMATCHED;
}

DcDropStatus dc_aside_classify_joined(const DcDrop *drop, const DcBrief *frame, DcAsideWhy *ret_why)
{
  const DcSite *site = dc_site_lookup(drop->symbol);
  const uint32_t flags = site != NULL ? site->flags : 0;
  /* A hidden site: then only what is never a loss by itself counts. */
  const bool hidden = drop->symbol == NULL;
  const bool icmp6 = (frame->has & DC_HAS_ICMP) != 0 && frame->flow.protocol == IPPROTO_ICMP6;
  const bool reset = (frame->has & DC_HAS_TCP) != 0 && (frame->tcp_flags & DC_TCP_RST) != 0;
  /* A reset whose connection is gone already: nobody waits for it. */
  *ret_why = DC_ASIDE_PROCESSED_SEGMENT;
  if (reset && g_strcmp0(drop->reason, "NO_SOCKET") == 0 && frame->l4_checksum != DC_CHECKSUM_BAD)
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_NONE;
  if (!dc_reason_is_unspecified(drop->reason) || frame->l4_checksum == DC_CHECKSUM_BAD)
    return DC_DROP_STATUS_UNMATCHED;
  *ret_why = DC_ASIDE_NEIGHBOUR;
  if ((hidden || (flags & DC_SITE_ND_NOISE) != 0) && icmp6 &&
      ((frame->icmp_type >= 130 && frame->icmp_type <= 137) || frame->icmp_type == 143))
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_PROCESSED_SEGMENT;
  if (reset && (hidden || (flags & DC_SITE_SEGMENT_NOISE) != 0))
    return DC_DROP_STATUS_NOISE;
  if ((flags & DC_SITE_SEGMENT_NOISE) != 0 && (frame->has & DC_HAS_TCP) != 0 && (frame->tcp_flags & DC_TCP_SYN) == 0)
    return DC_DROP_STATUS_NOISE;
  *ret_why = DC_ASIDE_NONE;
  return DC_DROP_STATUS_UNMATCHED;
}
