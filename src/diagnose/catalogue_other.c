/* What is no loss, and what is not known. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_other[] = {
    {
        .cause = DC_CAUSE_CAPTURE_ARTIFACT,
        .severity = DC_SEVERITY_INFO,
        .title = "Made by capturing, not a loss",
        .paragraph =
            "A capture (tcpdump, dropcorr, another sniffer) gets a copy of each packet, and it is this copy that was "
            "dropped: the capture's buffer was full, its filter refused it, or it was closed with packets unread. The "
            "packet itself went on to where it belongs.",
        .reasons = REASONS(NAMED("PACKET_SOCK_ERROR")),
        .sites = NAMES("packet_rcv", "tpacket_rcv", "packet_rcv_spkt", "packet_rcv_fanout", "packet_sock_destruct"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = NULL,
        .wire_against = NULL,
        .confirm = ADVICE({"ss -0 -p", "who captures on this host"},
                          {"cat /proc/net/packet", "packet sockets and how much each one holds"}),
        .fix = ADVICE(
            {NULL, "nothing is lost but completeness of that capture"},
            {"dropcorr -B 65536 -i {if}", "a larger capture buffer (KiB), when the capture itself loses frames"}),
        .kernels = "all; reason PACKET_SOCK_ERROR since 6.8; 3.10 and 4.4 free every captured outgoing frame so",
        .reference = "net/packet/af_packet.c packet_rcv(), tpacket_rcv()",
    },
    {
        .cause = DC_CAUSE_NORMAL_FREE,
        .severity = DC_SEVERITY_INFO,
        .title = "Freed after processing, not a loss",
        .paragraph =
            "The kernel freed the packet through its drop function although it had done with it what was to be done: "
            "neighbour discovery, IGMP, spanning tree and RST after processing, data of a socket that closed before it "
            "was read, "
            "buffers after transmission. Older kernels do that more often.",
        .reasons = REASONS(NAMED("SKB_CONSUMED"), NAMED("CONSUMED"), NAMED("QUEUE_PURGE"), NAMED("SOCKET_CLOSE"),
                           NAMED("UNIX_*")),
        .sites = NAMES("sk_stream_kill_queues", "inet_sock_destruct", "tcp_disconnect", "udp_destruct_common",
                       "skb_queue_purge", "igmp_rcv", "stp_pdu_rcv", "ip6_mc_input", "icmpv6_rcv", "skb_release_data",
                       "kfree_skb_list", "__dev_kfree_skb_any", "net_tx_action"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "the packet was answered all the same",
        .wire_against = NULL,
        .confirm =
            ADVICE({"dropcorr --explain normal-free", "this text: such drops are counted apart and accuse nobody"}),
        .fix = ADVICE({NULL, "nothing to mend"}),
        .kernels = "all; each version frees other packets so",
        .reference = "net/core/skbuff.c kfree_skb_reason() against consume_skb()",
    },
    {
        .cause = DC_CAUSE_UNCLASSIFIED,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Dropped for a reason that is not known",
        .paragraph =
            "The kernel reported a drop, but neither its reason nor the function it happened in says why. Reason and "
            "location are printed as the kernel gave them: look the function up in the source of that kernel.",
        .reasons = REASONS(HINT("NOT_SPECIFIED")),
        .sites = NO_NAMES,
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = NULL,
        .wire_against = NULL,
        .confirm = ADVICE(
            {"perf record -e skb:kfree_skb -g -a -- sleep 10 && perf script", "the call chain that leads to the drop"},
            {"dropwatch -l kas", "locations, live"}),
        .fix =
            ADVICE({NULL, "find the function in the kernel's source: what it tests just before it frees is the cause"}),
        .kernels = "all; kernels before 5.17 give no reason at all",
        .reference = "include/net/dropreason-core.h; Documentation/trace/events.rst",
    },
};
DC_CATALOGUE_COUNT(other);
