#include "dropcorr/model/verdict.h"

#include <string.h>

_Static_assert(sizeof(DcFlowKey) == 44, "the flow key is hashed and compared as bytes: no padding");

const char *dc_fate_name(DcFate fate)
{
  switch (fate) {
  case DC_FATE_UNREMARKABLE:
    return "unremarkable";
  case DC_FATE_OUTBOUND:
    return "outbound";
  case DC_FATE_ANSWERED:
    return "answered";
  case DC_FATE_CONSUMED:
    return "consumed";
  case DC_FATE_REFUSED:
    return "refused";
  case DC_FATE_DROPPED:
    return "dropped";
  case DC_FATE_UNHANDLED:
    return "unhandled";
  case DC_FATE_SILENT:
    return "silent";
  case DC_FATE_UNEXPLAINED:
    return "unexplained";
  case DC_FATE_COUNT:
    break;
  }
  return NULL;
}

const char *dc_match_name(DcMatch match)
{
  switch (match) {
  case DC_MATCH_POSSIBLE:
    return "possible";
  case DC_MATCH_LIKELY:
    return "likely";
  case DC_MATCH_STRONG:
    return "strong";
  case DC_MATCH_EXACT:
    return "exact";
  case DC_MATCH_NONE:
  case DC_MATCH_COUNT:
    break;
  }
  return NULL;
}

const char *dc_confidence_name(DcConfidence confidence)
{
  switch (confidence) {
  case DC_CONFIDENCE_POSSIBLE:
    return "possible";
  case DC_CONFIDENCE_LIKELY:
    return "likely";
  case DC_CONFIDENCE_CERTAIN:
    return "certain";
  case DC_CONFIDENCE_NONE:
  case DC_CONFIDENCE_COUNT:
    break;
  }
  return NULL;
}

const char *dc_drop_status_name(DcDropStatus status)
{
  switch (status) {
  case DC_DROP_STATUS_MATCHED:
    return "matched";
  case DC_DROP_STATUS_NOISE:
    return "noise";
  case DC_DROP_STATUS_SELF:
    return "self";
  case DC_DROP_STATUS_OUTBOUND:
    return "outbound";
  case DC_DROP_STATUS_UNMATCHED:
    return "unmatched";
  case DC_DROP_STATUS_COUNT:
    break;
  }
  return NULL;
}

const char *dc_outcome_name(DcOutcome outcome)
{
  switch (outcome) {
  case DC_OUTCOME_PENDING:
    return "pending";
  case DC_OUTCOME_ANSWERED:
    return "answered";
  case DC_OUTCOME_REFUSED:
    return "refused";
  case DC_OUTCOME_DROPPED:
    return "dropped";
  case DC_OUTCOME_SILENT:
    return "silent";
  case DC_OUTCOME_UNEXPLAINED:
    return "unexplained";
  case DC_OUTCOME_COUNT:
    break;
  }
  return NULL;
}

/* Elastic Common Schema, network.direction: "external" is traffic between other hosts. */
const char *dc_direction_name(DcDirection direction)
{
  switch (direction) {
  case DC_DIRECTION_UNKNOWN:
    return "unknown";
  case DC_DIRECTION_IN:
    return "inbound";
  case DC_DIRECTION_OUT:
    return "outbound";
  case DC_DIRECTION_OTHER_HOST:
    return "external";
  case DC_DIRECTION_COUNT:
    break;
  }
  return NULL;
}

const char *dc_unmatched_text(DcUnmatchedWhy why)
{
  switch (why) {
  case DC_UNMATCHED_NO_FRAME:
    return "fits no captured frame (another interface or namespace, or filtered away)";
  case DC_UNMATCHED_BEFORE_CAPTURE:
    return "happened before the first or after the last captured frame";
  case DC_UNMATCHED_NO_KEY:
    return "the record has neither bytes nor a time to join it by";
  case DC_UNMATCHED_OTHER_INTERFACE:
    return "came in on an interface that was not captured";
  case DC_UNMATCHED_SUMMARY:
    return "summary alert: only the location and a count are known";
  case DC_UNMATCHED_ALREADY_USED:
    return "a copy of a packet whose frame an earlier drop explains";
  case DC_UNMATCHED_NONE:
  case DC_UNMATCHED_COUNT:
    break;
  }
  return "";
}

const char *dc_aside_text(DcAsideWhy why)
{
  switch (why) {
  case DC_ASIDE_NORMAL_FREE:
    return "freed after normal processing";
  case DC_ASIDE_TEARDOWN:
    return "unread data freed when its socket closed: it had arrived";
  case DC_ASIDE_NEIGHBOUR:
    return "neighbour discovery or multicast listener message, freed after processing";
  case DC_ASIDE_PROCESSED_SEGMENT:
    return "RST or TIME_WAIT segment, freed after processing";
  case DC_ASIDE_ECHO_REPLY:
    return "echo reply: a raw socket got its own copy";
  case DC_ASIDE_NOT_NETWORK:
    return "no network packet (unix, netlink or vsock socket)";
  case DC_ASIDE_CAPTURE:
    return "a packet socket's own queue: made by capturing";
  case DC_ASIDE_OUTBOUND_FRAME:
    return "a packet this host sent (seen again by its receiver, or dropped on its way out)";
  case DC_ASIDE_OWN_SOURCE:
    return "source address is this host's own";
  case DC_ASIDE_TRANSMIT:
    return "dropped on the transmit side";
  case DC_ASIDE_HAD_ARRIVED:
    return "nothing new in it: a copy of what had arrived, or a keepalive or window probe";
  case DC_ASIDE_NONE:
  case DC_ASIDE_COUNT:
    break;
  }
  return "";
}

const char *dc_loss_name(DcLossKind kind)
{
  switch (kind) {
  case DC_LOSS_CAPTURE:
    return "capture";
  case DC_LOSS_INTERFACE:
    return "interface";
  case DC_LOSS_NETLINK:
    return "netlink";
  case DC_LOSS_MONITOR:
    return "monitor";
  case DC_LOSS_QUEUE:
    return "queue";
  case DC_LOSS_INPUT:
    return "input";
  case DC_LOSS_EVIDENCE:
    return "evidence";
  case DC_LOSS_COUNT:
    break;
  }
  return NULL;
}

void dc_flow_key_from_packet(DcFlowKey *key, const DcPacket *packet)
{
  memset(key, 0, sizeof *key);
  if (packet->has & DC_HAS_ETHERTYPE)
    key->ethertype = packet->ethertype;
  if (packet->has & (DC_HAS_IP | DC_HAS_ARP)) {
    memcpy(key->src, packet->src.bytes, sizeof key->src);
    memcpy(key->dst, packet->dst.bytes, sizeof key->dst);
  }
  if (packet->has & DC_HAS_IP) {
    key->ip_version = packet->src.version;
    key->protocol = packet->ip_protocol;
  }
  if (packet->has & DC_HAS_PORTS) {
    key->src_port = packet->src_port;
    key->dst_port = packet->dst_port;
  }
}

void dc_flow_key_reverse(DcFlowKey *key, const DcFlowKey *of)
{
  DcFlowKey reversed; /* key and of may be the same */
  memcpy(reversed.src, of->dst, sizeof reversed.src);
  memcpy(reversed.dst, of->src, sizeof reversed.dst);
  reversed.src_port = of->dst_port;
  reversed.dst_port = of->src_port;
  memcpy(&reversed.ethertype, &of->ethertype, sizeof reversed - offsetof(DcFlowKey, ethertype));
  *key = reversed;
}

/* Every field is given a value: what the packet does not have is zero, so that briefs of
 * equal packets are equal. */
void dc_brief_from_packet(DcBrief *brief, const DcPacket *packet, uint32_t len, DcDirection direction)
{
  const uint32_t has = packet->has;
  *brief = (DcBrief){.has = has, .len = len, .direction = (uint8_t)direction};
  dc_flow_key_from_packet(&brief->flow, packet);
  if (has & (DC_HAS_MAC | DC_HAS_SRC_MAC))
    memcpy(brief->src_mac, packet->src_mac, sizeof brief->src_mac);
  if (has & DC_HAS_MAC)
    memcpy(brief->dst_mac, packet->dst_mac, sizeof brief->dst_mac);
  brief->vlan_count = packet->vlan_count;
  brief->vlan = packet->vlan_count > 0 ? packet->vlan[0] : 0;
  if (has & DC_HAS_LLC)
    brief->llc_dsap = packet->llc_dsap;
  if (has & DC_HAS_IP) {
    brief->ttl = packet->ttl;
    brief->ip_checksum = packet->ip_checksum;
    brief->l4_checksum = packet->l4_checksum;
  }
  if (has & DC_HAS_TCP) {
    brief->tcp_seq = packet->tcp_seq;
    brief->tcp_ack = packet->tcp_ack;
  }
  if (has & (DC_HAS_TCP | DC_HAS_TCP_FLAGS))
    brief->tcp_flags = packet->tcp_flags;
  if (has & DC_HAS_TIMESTAMP)
    brief->tsval = packet->tsval;
  if (has & DC_HAS_ICMP) {
    brief->icmp_type = packet->icmp_type;
    brief->icmp_code = packet->icmp_code;
  }
}
