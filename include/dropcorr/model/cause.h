/* Cause ids: stable, part of the output contract. What a cause means, how it is
 * proven and mended is data in dropcorr/diagnose/catalogue.h. */
#pragma once

#include <stdbool.h>

/* clang-format off */
#define DC_CAUSES(X) \
  X(NONE, NULL) \
  X(NO_PROTOCOL_HANDLER, "no-protocol-handler") X(LLC_UNKNOWN_SAP, "llc-unknown-sap") \
  X(OTHER_HOST, "other-host") X(VLAN_UNKNOWN, "vlan-unknown") \
  X(NETFILTER_DROP, "netfilter-drop") X(CONNTRACK_FULL, "conntrack-full") \
  X(CONNTRACK_CLASH, "conntrack-clash") X(TC_INGRESS, "tc-ingress") X(XDP, "xdp") \
  X(SOCKET_FILTER, "socket-filter") X(XFRM_POLICY, "xfrm-policy") X(POLICY_HOOK, "policy-hook") \
  X(NO_SOCKET, "no-socket") X(NO_L4_PROTOCOL, "no-l4-protocol") X(NOT_LOCAL, "not-local") \
  X(NO_ROUTE, "no-route") X(RP_FILTER, "rp-filter") X(MARTIAN_SOURCE, "martian-source") \
  X(MARTIAN_DESTINATION, "martian-destination") X(IP_HEADER, "ip-header") \
  X(IP_CHECKSUM, "ip-checksum") X(TCP_CHECKSUM, "tcp-checksum") X(UDP_CHECKSUM, "udp-checksum") \
  X(ICMP_CHECKSUM, "icmp-checksum") X(TRUNCATED, "truncated") \
  X(FRAGMENT_INCOMPLETE, "fragment-incomplete") X(FRAGMENT_LIMIT, "fragment-limit") \
  X(TOO_BIG, "too-big") X(TTL_EXPIRED, "ttl-expired") \
  X(ACCEPT_QUEUE_FULL, "accept-queue-full") X(SYN_QUEUE_FULL, "syn-queue-full") \
  X(SYN_FLOOD, "syn-flood") X(PAWS, "paws") X(TW_RECYCLE_NAT, "tw-recycle-nat") \
  X(TCP_SEQUENCE, "tcp-sequence") X(TCP_STATE, "tcp-state") X(TCP_AUTH, "tcp-auth") \
  X(TCP_RCVBUF, "tcp-rcvbuf") X(TCP_MEMORY, "tcp-memory") X(UDP_RCVBUF, "udp-rcvbuf") \
  X(UDP_MEMORY, "udp-memory") X(SOCKET_BACKLOG, "socket-backlog") \
  X(RING_OVERFLOW, "ring-overflow") X(NIC_ERROR, "nic-error") X(CPU_BACKLOG, "cpu-backlog") \
  X(MEMORY_PRESSURE, "memory-pressure") X(IPV6_DISABLED, "ipv6-disabled") \
  X(NEIGHBOUR, "neighbour") X(QDISC, "qdisc") X(BRIDGE_PORT, "bridge-port") X(TUNNEL, "tunnel") \
  X(ICMP_ERROR_ON_HANDSHAKE, "icmp-error-on-handshake") X(HARDWARE_TRAP, "hardware-trap") \
  X(CAPTURE_ARTIFACT, "capture-artifact") X(NORMAL_FREE, "normal-free") \
  X(UNCLASSIFIED, "unclassified")
/* clang-format on */

typedef enum {
#define DC_CAUSE_MEMBER(id, text) DC_CAUSE_##id,
  DC_CAUSES(DC_CAUSE_MEMBER)
#undef DC_CAUSE_MEMBER
      DC_CAUSE_COUNT
} DcCause;

const char *dc_cause_name(DcCause cause); /* NULL for DC_CAUSE_NONE */
bool dc_cause_parse(const char *text, DcCause *ret_cause);
