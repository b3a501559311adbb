/* Causes at the socket: nobody listens, buffers, checksums of datagrams. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_socket[] = {
    {
        .cause = DC_CAUSE_NO_SOCKET,
        .severity = DC_SEVERITY_LOW,
        .title = "Nobody listens on that port",
        .paragraph =
            "The packet reached this host and its firewall let it in, but no socket is open for its port and address. "
            "The "
            "host answers TCP with RST and UDP with ICMP port unreachable, so the client fails at once. Either the "
            "service is down, it listens on another port or on 127.0.0.1 only, or the client asks the wrong host.",
        .reasons = REASONS(USUAL("NO_SOCKET")),
        .sites = NAMES("tcp_v4_rcv", "tcp_v6_rcv", "__udp4_lib_rcv", "__udp6_lib_rcv", "udp_rcv", "udpv6_rcv",
                       "__udp4_lib_mcast_deliver", "__udp6_lib_mcast_deliver", "ping_rcv", "sctp_rcv", "dccp_v4_rcv"),
        .counters = NAMES("Udp.NoPorts", "Udp6NoPorts", "Tcp.OutRsts"),
        .sysctls = NO_NAMES,
        .wire_for = "RST, or ICMP port unreachable (type 3 code 3; ICMPv6 type 1 code 4), answers within microseconds",
        .wire_against = "no answer at all: then a firewall or a full queue is likelier",
        .confirm = ADVICE({"ss -ln -p{? -A {transport}?}{? 'sport = :{port}'?}",
                           "empty: nobody listens; else look at the local address it is bound to"},
                          {"systemctl --failed", "whether the service died"},
                          {"nstat -az UdpNoPorts TcpOutRsts", "grow with the losses"}),
        .fix = ADVICE({NULL, "start the service, or let it listen on the address clients use (0.0.0.0 or [::])"},
                      {NULL, "nothing, when the port is meant to be closed (scanners probe them all)"}),
        .kernels = "all; reason NO_SOCKET since 5.17",
        .reference =
            "net/ipv4/tcp_ipv4.c tcp_v4_rcv(), net/ipv4/udp.c __udp4_lib_rcv(); RFC 9293 3.5.2, RFC 1122 4.1.3.1",
    },
    {
        .cause = DC_CAUSE_UDP_RCVBUF,
        .severity = DC_SEVERITY_HIGH,
        .title = "Datagram receive buffer full",
        .paragraph =
            "The datagram reached its socket (UDP, raw or ICMP), but the socket's receive buffer was full: the program "
            "reads more slowly than packets come in, stood still for a moment, or its buffer is too small for a burst. "
            "The sender learns nothing of it. A buffer counts memory, not bytes of payload: small datagrams take "
            "several "
            "hundred bytes each.",
        .reasons = REASONS(USUAL("SOCKET_RCVBUFF")),
        .sites = NAMES("udp_queue_rcv_skb", "udp_queue_rcv_one_skb", "udpv6_queue_rcv_skb", "udpv6_queue_rcv_one_skb",
                       "__udp_queue_rcv_skb", "raw_rcv", "raw_rcv_skb", "rawv6_rcv", "ping_queue_rcv_skb"),
        .counters = NAMES("Udp.RcvbufErrors", "Udp6RcvbufErrors", "UdpLite.RcvbufErrors"),
        .sysctls = NAMES("net.core.rmem_max", "net.core.rmem_default"),
        .wire_for = "losses come in bursts, or from the moment the program stands still; no ICMP answers",
        .wire_against = "Udp RcvbufErrors does not move",
        .confirm =
            ADVICE({"ss -u -a -n -m -p 'sport = :{port}'", "Recv-Q near rb (skmem), and d: datagrams this socket lost"},
                   {"nstat -az UdpRcvbufErrors UdpInErrors Udp6RcvbufErrors", "grow with the losses"},
                   {"sysctl net.core.rmem_max net.core.rmem_default", "largest and default buffer"}),
        .fix =
            ADVICE({"sysctl -w net.core.rmem_max=26214400 net.core.rmem_default=26214400",
                    "larger buffers, for sockets opened from now on{? (rmem_max is now {sysctl:net.core.rmem_max})?}"},
                   {NULL, "let the program set SO_RCVBUF (SO_RCVBUFFORCE as root) and read faster: recvmmsg, a thread "
                          "that only reads, several sockets with SO_REUSEPORT"},
                   {NULL, "a loss of less than 1 in 10000 under bursts is usual for UDP"}),
        .kernels = "all; reason SOCKET_RCVBUFF since 5.18",
        .reference =
            "net/ipv4/udp.c __udp_enqueue_schedule_skb(), net/core/sock.c sock_queue_rcv_skb_reason(); socket(7)",
    },
    {
        .cause = DC_CAUSE_UDP_MEMORY,
        .severity = DC_SEVERITY_HIGH,
        .title = "UDP memory limit of the host reached",
        .paragraph =
            "All UDP sockets together hold as much memory as udp_mem allows, so datagrams are dropped even at sockets "
            "whose own buffer has room. Some program hoards unread datagrams, or the limit is small for this load.",
        .reasons = REASONS(USUAL("PROTO_MEM")),
        .sites = NAMES("udp_queue_rcv_skb", "udp_queue_rcv_one_skb", "udpv6_queue_rcv_one_skb", "__udp_queue_rcv_skb"),
        .counters = NAMES("Udp.MemErrors", "Udp6MemErrors"),
        .sysctls = NAMES("net.ipv4.udp_mem", "net.ipv4.udp_rmem_min"),
        .wire_for = "datagrams to several ports are lost at the same time",
        .wire_against = "only one port loses datagrams",
        .confirm = ADVICE(
            {"grep UDP: /proc/net/sockstat && sysctl net.ipv4.udp_mem", "mem (pages) at the third number of udp_mem"},
            {"ss -u -a -n -m -p", "whose Recv-Q holds the memory"},
            {"nstat -az UdpMemErrors", "grows with the losses"}),
        .fix = ADVICE({NULL, "restart or mend the program that does not read its socket"},
                      {"sysctl -w net.ipv4.udp_mem='262144 327680 393216'",
                       "a higher limit, in pages{? (now {sysctl:net.ipv4.udp_mem})?}"}),
        .kernels = "all; counter MemErrors since 5.12, reason PROTO_MEM since 5.18",
        .reference = "net/ipv4/udp.c __udp_enqueue_schedule_skb(); udp(7)",
    },
    {
        .cause = DC_CAUSE_UDP_CHECKSUM,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Bad UDP checksum",
        .paragraph =
            "The checksum over the datagram (or over an SCTP or DCCP packet) is wrong: the payload or an address was "
            "changed or damaged on the way and the checksum not mended. The program never sees the datagram and the "
            "sender gets no answer.",
        .reasons = REASONS(NAMED("UDP_CSUM")),
        .sites = NAMES("__udp4_lib_rcv", "__udp6_lib_rcv", "udp_queue_rcv_one_skb", "udp_recvmsg",
                       "__first_packet_length", "sctp_rcv"),
        .counters = NAMES("Udp.InCsumErrors", "Udp6InCsumErrors"),
        .sysctls = NO_NAMES,
        .wire_for = "the UDP checksum of the captured frame does not add up",
        .wire_against = "the checksum is right, or 0 (none) over IPv4",
        .confirm = ADVICE({"tcpdump -i {if} -nn -vv 'udp and src {src}'", "'bad udp cksum' on frames that come in"},
                          {"nstat -az UdpInCsumErrors Udp6InCsumErrors", "grow with the losses"}),
        .fix = ADVICE(
            {NULL, "find the device between that changes the packet (NAT, VPN, broken offload in a virtual switch)"},
            {"ethtool -K {if} tx off", "on the sender: when its card fills in wrong checksums"}),
        .kernels = "all; reason UDP_CSUM since 5.17",
        .reference = "net/ipv4/udp.c __udp4_lib_rcv(); RFC 768",
    },
    {
        .cause = DC_CAUSE_ICMP_CHECKSUM,
        .severity = DC_SEVERITY_LOW,
        .title = "Bad ICMP checksum",
        .paragraph =
            "The checksum over the ICMP message is wrong: it was changed or damaged on the way, or its sender built "
            "it wrong. The message is dropped without an answer.",
        .reasons = REASONS(NAMED("ICMP_CSUM")),
        .sites = NAMES("icmp_rcv", "icmpv6_rcv"),
        .counters = NAMES("Icmp.InCsumErrors", "Icmp6InCsumErrors"),
        .sysctls = NO_NAMES,
        .wire_for = "the ICMP checksum of the captured frame does not add up",
        .wire_against = "the checksum is right",
        .confirm = ADVICE({"tcpdump -i {if} -nn -vv 'icmp or icmp6'", "'wrong icmp cksum' on frames that come in"},
                          {"nstat -az IcmpInCsumErrors Icmp6InCsumErrors", "grow with the losses"}),
        .fix = ADVICE({NULL, "find the device between that changes the packet, or mend the program that builds it"}),
        .kernels = "all; reason ICMP_CSUM since 5.19",
        .reference = "net/ipv4/icmp.c icmp_rcv(); RFC 792, 4443",
    },
    {
        .cause = DC_CAUSE_SOCKET_BACKLOG,
        .severity = DC_SEVERITY_HIGH,
        .title = "Socket busy, its backlog full",
        .paragraph =
            "While a program works inside the socket, arriving segments wait in the socket's backlog. The backlog was "
            "larger than receive and send buffer together, so the segment was dropped. TCP recovers by retransmission, "
            "at the price of speed: one connection takes more than one CPU can handle, or the buffers are small.",
        .reasons = REASONS(NAMED("SOCKET_BACKLOG")),
        .sites = NAMES("tcp_v4_rcv", "tcp_v6_rcv", "tcp_add_backlog", "__sk_receive_skb", "sctp_add_backlog"),
        .counters = NAMES("TcpExt.TCPBacklogDrop"),
        .sysctls = NAMES("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
        .wire_for = "single segments of a fast connection are lost and retransmitted",
        .wire_against = "the connection is idle or slow",
        .confirm = ADVICE({"nstat -az TcpExtTCPBacklogDrop", "grows with the losses"},
                          {"ss -t -n -m -i 'sport = :{port}'", "skmem: bl (backlog) near rb (buffer)"}),
        .fix = ADVICE({"sysctl -w net.ipv4.tcp_rmem='4096 131072 33554432'",
                       "larger buffers{? (now {sysctl:net.ipv4.tcp_rmem})?}"},
                      {NULL, "spread interrupts (RSS, RPS), or use several connections"}),
        .kernels = "all; reason SOCKET_BACKLOG since 5.18",
        .reference = "net/ipv4/tcp_ipv4.c tcp_add_backlog()",
    },
};
DC_CATALOGUE_COUNT(socket);
