/* Causes of size and distance: fragments, MTU, TTL. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_fragment[] = {
    {
        .cause = DC_CAUSE_FRAGMENT_INCOMPLETE,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Fragments never became a whole datagram",
        .paragraph =
            "Only some fragments of a datagram arrived. The kernel kept them for 30 s (IPv6: 60 s) waiting for the "
            "rest "
            "and then threw them away. One lost fragment loses the whole datagram; firewalls and load balancers often "
            "drop fragments after the first, because those carry no ports.",
        .reasons = REASONS(NAMED("FRAG_REASM_TIMEOUT")),
        .sites = NAMES("ip_expire", "ip6frag_expire_frag_queue", "ip6_expire_frag_queue", "inet_frag_destroy",
                       "inet_frag_rbtree_purge", "nf_ct_frag6_expire"),
        .counters = NAMES("Ip.ReasmTimeout", "Ip6ReasmTimeout", "Ip.ReasmFails", "Ip6ReasmFails"),
        .sysctls = NAMES("net.ipv4.ipfrag_time", "net.ipv6.ip6frag_time"),
        .wire_for =
            "fragments of a datagram in the capture leave a gap; ICMP time exceeded, code 1, follows 30 s later",
        .wire_against = "all fragments of the datagram are in the capture",
        .confirm =
            ADVICE({"nstat -az IpReasmTimeout IpReasmFails Ip6ReasmTimeout Ip6ReasmFails", "grow with the losses"},
                   {"tcpdump -i {if} -nn 'ip[6:2] & 0x3fff != 0 and src {src}'",
                    "which fragments arrive: offsets must run without a gap"}),
        .fix = ADVICE({NULL, "find where the missing fragment is lost: capture further up the path"},
                      {NULL, "avoid fragments: smaller datagrams, path MTU discovery, EDNS buffer size 1232 for DNS"}),
        .kernels = "all; reason FRAG_REASM_TIMEOUT since 6.2",
        .reference = "net/ipv4/ip_fragment.c ip_expire(); RFC 791, 8200 4.5",
    },
    {
        .cause = DC_CAUSE_FRAGMENT_LIMIT,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Fragment refused: memory, overlap or distance",
        .paragraph =
            "The kernel had no room for more fragments (ipfrag_high_thresh), the fragment repeats or overlaps another, "
            "too many other packets of that sender came in between (ipfrag_max_dist), or the datagram would be too "
            "big. "
            "An overlap throws the whole datagram away, as a guard against attacks.",
        .reasons = REASONS(NAMED("FRAG_TOO_FAR"), NAMED("DUP_FRAG")),
        .sites = NAMES("ip_defrag", "ip_frag_queue", "ip_frag_reasm", "ipv6_frag_rcv", "ip6_frag_queue",
                       "nf_ct_frag6_gather"),
        .counters = NAMES("Ip.ReasmFails", "Ip6ReasmFails", "IpExt.ReasmOverlaps"),
        .sysctls = NAMES("net.ipv4.ipfrag_high_thresh", "net.ipv4.ipfrag_max_dist", "net.ipv6.ip6frag_high_thresh"),
        .wire_for = "many fragments at once, or the same fragment twice",
        .wire_against = "the packet is no fragment",
        .confirm = ADVICE({"grep FRAG /proc/net/sockstat /proc/net/sockstat6", "memory that fragments hold now"},
                          {"sysctl net.ipv4.ipfrag_high_thresh net.ipv4.ipfrag_max_dist", "the limits"},
                          {"nstat -az IpReasmFails IpExtReasmOverlaps", "grow with the losses"}),
        .fix = ADVICE(
            {"sysctl -w net.ipv4.ipfrag_high_thresh=33554432",
             "more memory for fragments{? (now {sysctl:net.ipv4.ipfrag_high_thresh})?}"},
            {"sysctl -w net.ipv4.ipfrag_max_dist=0", "no distance check, when fragments come over several paths"},
            {NULL, "avoid fragments: smaller datagrams, path MTU discovery"}),
        .kernels = "all; reasons DUP_FRAG and FRAG_TOO_FAR since 6.2",
        .reference = "net/ipv4/ip_fragment.c ip_defrag(), ip_frag_too_far(); RFC 5722",
    },
    {
        .cause = DC_CAUSE_TOO_BIG,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Larger than the MTU of the way out",
        .paragraph =
            "This host was to pass the packet on, but it is larger than the outgoing interface's MTU and must not be "
            "fragmented. The sender is told by ICMP (fragmentation needed, packet too big); where that message is "
            "filtered, small packets work and large ones hang.",
        .reasons = REASONS(NAMED("PKT_TOO_BIG")),
        .sites = NAMES("ip_forward", "ip6_forward", "ip_fragment", "__dev_forward_skb", "br_dev_queue_push_xmit"),
        .counters = NAMES("Ip.FragFails", "Ip6InTooBigErrors", "Ip6FragFails"),
        .sysctls = NAMES("net.ipv4.ip_no_pmtu_disc", "net.ipv4.tcp_mtu_probing"),
        .wire_for = "ICMP type 3 code 4, or ICMPv6 type 2, answers it; only large packets are lost",
        .wire_against = "small packets are lost too",
        .confirm =
            ADVICE({"ping -M do -s 1472 -c 3 {dst}", "'message too long' or 'Frag needed' names the MTU"},
                   {"ip link show", "MTU of each interface"}, {"tracepath -n {dst}", "where the path MTU falls"}),
        .fix = ADVICE({"ip link set dev {if} mtu 1500", "make MTUs equal along the path"},
                      {"nft add rule inet TABLE FORWARD tcp flags syn tcp option maxseg size set rt mtu",
                       "clamp TCP's segment size to the path (iptables: -j TCPMSS --clamp-mss-to-pmtu)"},
                      {NULL, "let ICMP fragmentation needed and packet too big through every firewall"}),
        .kernels = "all; reason PKT_TOO_BIG since 5.19",
        .reference = "net/ipv4/ip_forward.c ip_exceeds_mtu(); RFC 1191, 8201",
    },
    {
        .cause = DC_CAUSE_TTL_EXPIRED,
        .severity = DC_SEVERITY_LOW,
        .title = "TTL or hop limit used up",
        .paragraph =
            "The packet arrived with one hop left and this host was to pass it on. Normal for traceroute; otherwise it "
            "points to a routing loop, or to a sender that starts with a very small TTL (multicast starts with 1).",
        .reasons = REASONS(HINT("IP_INHDR")),
        .sites = NAMES("ip_forward", "ip6_forward"),
        .counters = NAMES("Ip.InHdrErrors", "Ip6InHdrErrors", "Icmp.OutTimeExcds", "Icmp6OutTimeExcds"),
        .sysctls = NO_NAMES,
        .wire_for = "TTL or hop limit 1 in the captured frame; ICMP time exceeded answers it",
        .wire_against = "TTL of two or more, or the destination is this host",
        .confirm = ADVICE({"tcpdump -i {if} -nn -v 'ip[8] = 1'", "packets that arrive with one hop left"},
                          {"mtr -n -c 5 {dst}", "a loop shows the same hops again and again"}),
        .fix = ADVICE({NULL, "nothing, when somebody runs traceroute"},
                      {NULL, "a loop: mend the two routers that send the packet to each other"},
                      {NULL, "multicast: let the sender use a larger TTL (IP_MULTICAST_TTL)"}),
        .kernels = "all; reason IP_INHDR in ip_forward since 5.19",
        .reference = "net/ipv4/ip_forward.c ip_forward(); RFC 1812 5.3.1",
    },
};
DC_CATALOGUE_COUNT(fragment);
