/* Causes of connections that never start. Most free nothing through kfree_skb: counters and
 * the wire are all there is. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_handshake[] = {
    {
        .cause = DC_CAUSE_ACCEPT_QUEUE_FULL,
        .severity = DC_SEVERITY_HIGH,
        .title = "Accept queue full",
        .paragraph =
            "The port is listening, but the program does not call accept() fast enough: its queue of finished "
            "connections "
            "is full, so the kernel ignores further SYNs and clients retry after 1, 3, 7 s. The kernel reports no drop "
            "for these SYNs; only ListenOverflows and the silence on the wire show them. The queue holds the smaller "
            "of "
            "the program's listen() backlog and somaxconn, plus one.",
        .reasons = REASONS(NAMED("TCP_LISTEN_OVERFLOW"), HINT("NO_SOCKET")),
        .sites = NO_NAMES,
        .counters = NAMES("TcpExt.ListenOverflows", "TcpExt.ListenDrops"),
        .sysctls = NAMES("net.core.somaxconn", "net.ipv4.tcp_abort_on_overflow"),
        .wire_for =
            "SYNs to one port stay unanswered or are answered only after retries, others to it are answered at once",
        .wire_against = "ListenOverflows does not move",
        .confirm =
            ADVICE({"ss -l -n -t -p 'sport = :{port}'", "Recv-Q above Send-Q: the queue is full now"},
                   {"nstat -az TcpExtListenOverflows TcpExtListenDrops", "grow together, one for each SYN lost"},
                   {"sysctl net.core.somaxconn{? # now {sysctl:net.core.somaxconn}?}", "upper bound of every queue"}),
        .fix = ADVICE(
            {NULL, "find out why the program does not accept: blocked threads, one slow worker, garbage collection"},
            {"sysctl -w net.core.somaxconn=4096",
             "and a larger backlog in the program (nginx: listen ... backlog=4096), then restart it"},
            {NULL, "tcp_abort_on_overflow=1 only hides it: clients get RST instead of silence"}),
        .kernels = "all; somaxconn is 128 before 5.4, 4096 since; reason TCP_LISTEN_OVERFLOW in 6.18, third ACK only",
        .reference = "net/ipv4/tcp_input.c tcp_conn_request(), net/ipv4/tcp_ipv4.c tcp_v4_syn_recv_sock(); listen(2)",
    },
    {
        .cause = DC_CAUSE_SYN_QUEUE_FULL,
        .severity = DC_SEVERITY_HIGH,
        .title = "SYN queue full",
        .paragraph =
            "Too many half-open connections wait for their third ACK and SYN cookies are off (or the queue is nearly "
            "full "
            "and the client is unknown), so the kernel ignores new SYNs. A SYN flood does that, and so does a path on "
            "which SYN-ACKs or ACKs get lost.",
        .reasons = NO_REASONS,
        .sites = NO_NAMES,
        .counters = NAMES("TcpExt.TCPReqQFullDrop", "TcpExt.ListenDrops"),
        .sysctls = NAMES("net.ipv4.tcp_syncookies", "net.ipv4.tcp_max_syn_backlog", "net.core.somaxconn",
                         "net.ipv4.tcp_synack_retries"),
        .wire_for = "SYNs to one port stay unanswered while many others wait half-open",
        .wire_against = "tcp_syncookies is 1 or 2: a full queue then sends cookies instead of dropping",
        .confirm =
            ADVICE({"ss -n -t state syn-recv 'sport = :{port}' | wc -l",
                    "half-open connections, against tcp_max_syn_backlog{? ({sysctl:net.ipv4.tcp_max_syn_backlog})?}"},
                   {"nstat -az TcpExtTCPReqQFullDrop TcpExtTCPReqQFullDoCookies", "dropped, and answered by cookie"},
                   {"dmesg -T | grep -E 'drop open request|SYN flooding'", "the kernel's own words"}),
        .fix = ADVICE({"sysctl -w net.ipv4.tcp_syncookies=1", "answer with cookies when the queue is full"},
                      {"sysctl -w net.ipv4.tcp_max_syn_backlog=8192 net.core.somaxconn=8192",
                       "a longer queue (the listen() backlog bounds it too: restart the program)"},
                      {"sysctl -w net.ipv4.tcp_synack_retries=2", "half-open connections leave earlier"}),
        .kernels = "all; 'drop open request' is logged only when tcp_syncookies is 0",
        .reference = "net/ipv4/tcp_input.c tcp_conn_request(); Documentation/networking/ip-sysctl.rst",
    },
    {
        .cause = DC_CAUSE_SYN_FLOOD,
        .severity = DC_SEVERITY_HIGH,
        .title = "SYN flood",
        .paragraph =
            "Far more SYNs arrive than connections are finished, from many (often forged) addresses. The kernel "
            "answers "
            "with SYN cookies, or drops when those are off. Real clients suffer from lost TCP options, retries, and "
            "loaded CPUs.",
        .reasons = NO_REASONS,
        .sites = NO_NAMES,
        .counters = NAMES("TcpExt.TCPReqQFullDoCookies", "TcpExt.SyncookiesSent", "TcpExt.SyncookiesFailed"),
        .sysctls = NAMES("net.ipv4.tcp_syncookies", "net.ipv4.tcp_max_syn_backlog"),
        .wire_for = "many SYNs of many sources to one port, hardly any third ACK",
        .wire_against = "most SYN-ACKs are acknowledged",
        .confirm = ADVICE(
            {"nstat -az | grep -E 'Syncookies|TCPReqQFull'", "cookies sent, received, failed"},
            {"ss -n -t state syn-recv | awk '{sub(/:[0-9]+$/, \"\", $4); print $4}' | sort | uniq -c | sort -rn | head",
             "half-open connections by client"},
            {"dmesg -T | grep 'SYN flooding'", "'Possible SYN flooding on port ... Sending cookies'"}),
        .fix = ADVICE({"sysctl -w net.ipv4.tcp_syncookies=1", "keep cookies on"},
                      {"nft add rule inet TABLE INPUT tcp dport {port} tcp flags syn limit rate over 1000/second drop",
                       "a brake, if the service cannot take more"},
                      {NULL, "have it filtered upstream (provider, scrubbing), when the line itself is full"}),
        .kernels = "all",
        .reference = "net/ipv4/syncookies.c, net/ipv4/tcp_input.c tcp_syn_flood_action(); RFC 4987",
    },
    {
        .cause = DC_CAUSE_PAWS,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "TCP timestamp older than expected (PAWS)",
        .paragraph = "The segment's TCP timestamp is older than one the kernel has seen before on the same connection "
                     "(or on its "
                     "predecessor in TIME_WAIT), so it takes the segment for a stray old one and drops it. Usual "
                     "causes: segments "
                     "overtaking each other, NAT that maps several clients to one port, or a clock that was set back.",
        .reasons = REASONS(NAMED("TCP_RFC7323_PAWS*"), NAMED("TCP_RFC7323_TW_PAWS"), NAMED("TCP_RFC7323_TSECR")),
        .sites = NAMES("tcp_validate_incoming", "tcp_rcv_established", "tcp_rcv_state_process"),
        .counters = NAMES("TcpExt.PAWSEstab", "TcpExt.PAWSActive", "TcpExt.PAWSTimewait", "TcpExt.PAWSOldAck",
                          "TcpExt.TSECRRejected"),
        .sysctls = NAMES("net.ipv4.tcp_timestamps"),
        .wire_for = "TSval lower than that of an earlier segment of the same connection",
        .wire_against = "no TCP timestamps on the segment",
        .confirm = ADVICE({"nstat -az | grep PAWS", "which PAWS counter grows"},
                          {"tcpdump -i {if} -nn 'tcp port {port} and host {src}'", "'TS val': does it run backwards?"}),
        .fix =
            ADVICE({NULL, "NAT in front of the clients: more ports or addresses, so that a port is not reused at once"},
                   {NULL, "keep tcp_timestamps on: switching it off costs RTT measurement and protection"}),
        .kernels = "all; reported since 5.18, before only the counters tell",
        .reference = "net/ipv4/tcp_input.c tcp_validate_incoming(), net/ipv4/tcp_minisocks.c; RFC 7323 5",
    },
    {
        .cause = DC_CAUSE_TW_RECYCLE_NAT,
        .severity = DC_SEVERITY_HIGH,
        .title = "tcp_tw_recycle and clients behind one NAT",
        .paragraph =
            "With tcp_tw_recycle on, the kernel remembers the last TCP timestamp of each client address and ignores "
            "SYNs "
            "with a lower one. Several machines behind one NAT share an address but not a clock: those with the lower "
            "timestamps cannot connect, while others work and ping is fine. The SYN is dropped without any event.",
        .reasons = NO_REASONS,
        .sites = NO_NAMES,
        .counters = NAMES("TcpExt.PAWSPassive"),
        .sysctls = NAMES("net.ipv4.tcp_tw_recycle", "net.ipv4.tcp_timestamps"),
        .wire_for =
            "from one source address, SYNs with lower TSval stay unanswered and SYNs with higher TSval are answered",
        .wire_against = "kernel 4.12 or later, or tcp_tw_recycle is 0",
        .confirm =
            ADVICE({"sysctl net.ipv4.tcp_tw_recycle net.ipv4.tcp_timestamps", "both 1: the trap is set"},
                   {"nstat -az TcpExtPAWSPassive", "'passive connections rejected because of time stamp' grows"}),
        .fix = ADVICE(
            {"sysctl -w net.ipv4.tcp_tw_recycle=0", "switch it off, and in /etc/sysctl.conf too; keep timestamps"}),
        .kernels = "up to 4.11: the setting was taken out in 4.12",
        .reference =
            "net/ipv4/tcp_metrics.c tcp_peer_is_proven() of 4.11, commit 4396e46187ca (tcp: remove tcp_tw_recycle)",
    },
    {
        .cause = DC_CAUSE_ICMP_ERROR_ON_HANDSHAKE,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "ICMP error ended a half-open connection",
        .paragraph =
            "The host answered the SYN, but an ICMP error (host, port or administratively unreachable) came back for "
            "its "
            "SYN-ACK, so the kernel gave the half-open connection up and counted it in ListenDrops. A firewall or the "
            "client itself refuses the way back, or the source address was forged.",
        .reasons = NO_REASONS,
        .sites = NO_NAMES,
        .counters = NAMES("TcpExt.ListenDrops", "Icmp.InDestUnreachs"),
        .sysctls = NO_NAMES,
        .wire_for = "ICMP destination unreachable quotes this host's SYN-ACK",
        .wire_against = "no ICMP error in the capture",
        .confirm = ADVICE(
            {"tcpdump -i {if} -nn -v 'icmp[0] = 3'", "errors that quote a SYN-ACK of this host, and who sends them"},
            {"nstat -az TcpExtListenDrops IcmpInDestUnreachs", "grow together"}),
        .fix = ADVICE({NULL, "look at the firewall of the ICMP's sender: it must let SYN-ACKs through"},
                      {NULL, "forged sources: see syn-flood"}),
        .kernels = "all",
        .reference = "net/ipv4/tcp_ipv4.c tcp_v4_err(), tcp_req_err(); RFC 5461",
    },
};
DC_CATALOGUE_COUNT(handshake);
