/* Causes inside an existing TCP connection. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_tcp[] = {
    {
        .cause = DC_CAUSE_TCP_CHECKSUM,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Bad TCP checksum",
        .paragraph =
            "The checksum over the segment is wrong: it was changed or damaged on the way and the checksum not mended. "
            "TCP "
            "retransmits, so that single ones only cost time; when every segment is hit the connection never starts.",
        .reasons = REASONS(NAMED("TCP_CSUM")),
        .sites = NAMES("tcp_v4_rcv", "tcp_v6_rcv", "tcp_v4_do_rcv", "tcp_v6_do_rcv", "tcp_rcv_established",
                       "tcp_add_backlog"),
        .counters = NAMES("Tcp.InCsumErrors"),
        .sysctls = NO_NAMES,
        .wire_for = "the TCP checksum of the captured frame does not add up",
        .wire_against = "the checksum is right",
        .confirm =
            ADVICE({"tcpdump -i {if} -nn -vv 'tcp and src {src}'", "'incorrect' checksum on frames that come in"},
                   {"nstat -az TcpInCsumErrors", "grows with the losses"}),
        .fix = ADVICE(
            {NULL, "find the device between that changes the packet (NAT, VPN, broken offload in a virtual switch)"},
            {"ethtool -K {if} tx off", "on the sender: when its card fills in wrong checksums"}),
        .kernels = "all; reason TCP_CSUM since 5.17",
        .reference = "net/ipv4/tcp_ipv4.c tcp_v4_rcv(); RFC 9293 3.1",
    },
    {
        .cause = DC_CAUSE_TCP_SEQUENCE,
        .severity = DC_SEVERITY_LOW,
        .title = "Segment out of window or already received",
        .paragraph =
            "The segment's sequence or acknowledgement number does not fit the connection: a duplicate of data already "
            "received (a needless retransmission), an answer that is too old, or data beyond the window. Duplicates "
            "are "
            "harmless in themselves and a sign that acknowledgements get lost or late.",
        .reasons = REASONS(NAMED("TCP_OLD_DATA"), NAMED("TCP_OVERWINDOW"), NAMED("TCP_OFOMERGE"), NAMED("TCP_OFO_DROP"),
                           NAMED("TCP_OLD_SEQUENCE"), NAMED("TCP_INVALID_SEQUENCE"), NAMED("TCP_INVALID_END_SEQUENCE"),
                           NAMED("TCP_INVALID_ACK_SEQUENCE"), NAMED("TCP_OLD_ACK"), NAMED("TCP_TOO_OLD_ACK"),
                           NAMED("TCP_ACK_UNSENT_DATA")),
        .sites = NAMES("tcp_validate_incoming", "tcp_data_queue", "tcp_data_queue_ofo", "tcp_ofo_queue",
                       "tcp_rcv_established", "tcp_rcv_state_process"),
        .counters = NAMES("TcpExt.DelayedACKLost", "TcpExt.TCPOFOMerge", "TcpExt.TCPDSACKOldSent",
                          "TcpExt.TCPACKSkippedSeq", "TcpExt.TCPACKSkippedPAWS"),
        .sysctls = NO_NAMES,
        .wire_for = "the same sequence numbers came before and were acknowledged",
        .wire_against = "first packet of the connection",
        .confirm = ADVICE({"nstat -az | grep -E 'DelayedACKLost|DSACKOldSent|OFOMerge|ACKSkipped'", "which one grows"},
                          {"ss -t -n -i 'sport = :{port}'", "retrans, rto and reordering of the connection"}),
        .fix =
            ADVICE({NULL, "look for lost or delayed acknowledgements on the way back, and for reordering on the path"},
                   {NULL, "a middlebox that rewrites sequence numbers: switch its TCP normalisation off"}),
        .kernels = "reported since 5.18; before, TCP frees these without an event",
        .reference = "net/ipv4/tcp_input.c tcp_validate_incoming(), tcp_data_queue(); RFC 9293 3.10.7.4, RFC 5961",
    },
    {
        .cause = DC_CAUSE_TCP_STATE,
        .severity = DC_SEVERITY_LOW,
        .title = "Segment does not fit the connection's state",
        .paragraph =
            "The socket exists but cannot use this segment in its state: an RST or SYN in the middle of a connection, "
            "data "
            "after the program closed, flags that make no sense, or a third ACK whose half-open connection is gone. "
            "Mostly the tail of connections that one side already gave up.",
        .reasons = REASONS(NAMED("TCP_FLAGS"), NAMED("TCP_RESET"), NAMED("TCP_INVALID_SYN"), NAMED("TCP_CLOSE"),
                           NAMED("TCP_FASTOPEN"), NAMED("TCP_ABORT_ON_DATA"), HINT("NO_SOCKET")),
        .sites = NAMES("tcp_rcv_state_process", "tcp_v4_do_rcv", "tcp_v6_do_rcv", "tcp_validate_incoming",
                       "tcp_rcv_synsent_state_process", "tcp_child_process", "tcp_reset"),
        .counters = NAMES("TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnClose", "TcpExt.TCPSYNChallenge",
                          "TcpExt.TCPChallengeACK"),
        .sysctls = NO_NAMES,
        .wire_for = "a FIN or RST of the same connection was seen shortly before",
        .wire_against = "first SYN of a connection to a listening port",
        .confirm = ADVICE({"ss -t -a -n 'sport = :{port}'", "states of the connections on that port"},
                          {"nstat -az | grep -E 'TCPAbort|Challenge'", "which one grows"}),
        .fix =
            ADVICE({NULL, "nothing, when connections end anyway; else find which side gives up first, and its timeout"},
                   {NULL, "idle connections cut by a firewall or load balancer: shorter keepalive than its timeout"}),
        .kernels = "reported since 5.18; before, TCP frees most of these without an event",
        .reference = "net/ipv4/tcp_input.c tcp_rcv_state_process(); RFC 9293 3.10.7",
    },
    {
        .cause = DC_CAUSE_TCP_AUTH,
        .severity = DC_SEVERITY_HIGH,
        .title = "TCP authentication or TTL guard failed",
        .paragraph =
            "The connection is guarded (TCP-MD5, TCP-AO, PSP, or a minimum TTL), and the segment did not pass: no "
            "signature "
            "where one is demanded, one where none is expected, a wrong key, or too many hops away. Usual with BGP "
            "sessions whose passwords differ.",
        .reasons = REASONS(NAMED("TCP_AUTH_HDR"), NAMED("TCP_MD5*"), NAMED("TCP_AO*"), NAMED("TCP_MINTTL"),
                           NAMED("PSP_INPUT"), NAMED("PSP_OUTPUT")),
        .sites = NAMES("tcp_v4_rcv", "tcp_v6_rcv", "tcp_v4_do_rcv", "tcp_v6_do_rcv"),
        .counters = NAMES("TcpExt.TCPMD5NotFound", "TcpExt.TCPMD5Unexpected", "TcpExt.TCPMD5Failure",
                          "TcpExt.TCPAORequired", "TcpExt.TCPAOBad", "TcpExt.TCPAOKeyNotFound", "TcpExt.TCPMinTTLDrop"),
        .sysctls = NO_NAMES,
        .wire_for = "TCP option 19 (MD5) or 29 (AO) on one side only; port 179",
        .wire_against = "no signature option and no demand for one",
        .confirm = ADVICE({"dmesg -T | grep -E 'TCP: (MD5|AO|SHA)'", "which peer, and what was wrong"},
                          {"nstat -az | grep -E 'TCPMD5|TCPAO|TCPMinTTL'", "which one grows"},
                          {"ss -t -n -i 'sport = :{port}'", "md5keys of the socket"}),
        .fix = ADVICE({NULL, "set the same password and algorithm on both ends"},
                      {NULL, "GTSM: both ends one hop apart (TTL 255), or 'ttl-security hops N' larger"}),
        .kernels = "all; TCP-AO since 6.7, reasons since 5.18",
        .reference = "net/ipv4/tcp.c tcp_inbound_hash(); RFC 2385, 5925, 5082",
    },
    {
        .cause = DC_CAUSE_TCP_RCVBUF,
        .severity = DC_SEVERITY_HIGH,
        .title = "TCP receive buffer full",
        .paragraph =
            "The program does not read its connection fast enough: the receive window is closed, or the memory of the "
            "queue is used up by many small or out-of-order segments, so the kernel throws segments away (pruning). "
            "TCP retransmits, the connection crawls.",
        .reasons =
            REASONS(NAMED("TCP_ZEROWINDOW"), NAMED("TCP_OFO_QUEUE_PRUNE"), HINT("PROTO_MEM"), HINT("SOCKET_RCVBUFF")),
        .sites = NAMES("tcp_data_queue", "tcp_data_queue_ofo", "tcp_prune_ofo_queue"),
        .counters = NAMES("TcpExt.PruneCalled", "TcpExt.RcvPruned", "TcpExt.OfoPruned", "TcpExt.TCPRcvQDrop",
                          "TcpExt.TCPZeroWindowDrop", "TcpExt.TCPRcvCollapsed"),
        .sysctls = NAMES("net.ipv4.tcp_rmem", "net.core.rmem_max"),
        .wire_for = "the host announces window 0 or very small windows",
        .wire_against = "the window stays wide open",
        .confirm = ADVICE(
            {"ss -t -n -m -p 'sport = :{port}'", "Recv-Q that stays high: the program does not read"},
            {"nstat -az | grep -E 'PruneCalled|RcvPruned|OfoPruned|RcvQDrop|ZeroWindowDrop'", "which one grows"}),
        .fix = ADVICE({NULL, "find out why the program does not read (strace, a profile, blocked on disk?)"},
                      {"sysctl -w net.ipv4.tcp_rmem='4096 131072 33554432'",
                       "a larger buffer{? (now {sysctl:net.ipv4.tcp_rmem})?}"}),
        .kernels = "all; reported since 5.18",
        .reference = "net/ipv4/tcp_input.c tcp_prune_queue(), tcp_data_queue(); tcp(7)",
    },
    {
        .cause = DC_CAUSE_TCP_MEMORY,
        .severity = DC_SEVERITY_HIGH,
        .title = "TCP memory limit of the host reached",
        .paragraph =
            "All TCP sockets together hold as much memory as tcp_mem (or their memory cgroup) allows. The kernel "
            "shrinks "
            "buffers and drops segments on every connection, and new connections stall. Some program hoards unread or "
            "unsent data, or the limit is small for this many connections.",
        .reasons = REASONS(HINT("PROTO_MEM")),
        .sites = NAMES("tcp_data_queue", "tcp_data_queue_ofo"),
        .counters = NAMES("TcpExt.TCPMemoryPressures", "TcpExt.TCPMemoryPressuresChrono", "TcpExt.TCPAbortOnMemory"),
        .sysctls = NAMES("net.ipv4.tcp_mem"),
        .wire_for = "many connections slow down at once, windows shrink on all of them",
        .wire_against = "only one connection is hit",
        .confirm = ADVICE({"grep TCP: /proc/net/sockstat && sysctl net.ipv4.tcp_mem",
                           "mem (pages) at or above the second number of tcp_mem"},
                          {"dmesg -T | grep 'TCP: out of memory'", "'consider tuning tcp_mem'"},
                          {"ss -t -a -n -m -p | sort -k2 -n -r | head", "who holds the most unread data"}),
        .fix = ADVICE({NULL, "restart or mend the program that does not read or close its connections"},
                      {"sysctl -w net.ipv4.tcp_mem='381072 508096 762144'",
                       "a higher limit, in pages{? (now {sysctl:net.ipv4.tcp_mem})?}"}),
        .kernels = "all",
        .reference = "net/core/sock.c __sk_mem_raise_allocated(); tcp(7) tcp_mem",
    },
};
DC_CATALOGUE_COUNT(tcp);
