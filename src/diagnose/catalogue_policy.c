/* Causes that somebody decided: firewall, connection tracking, filters, IPsec, hooks. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_policy[] = {
    {
        .cause = DC_CAUSE_NETFILTER_DROP,
        .severity = DC_SEVERITY_LOW,
        .title = "Dropped by the firewall (netfilter)",
        .paragraph =
            "A rule or chain policy of nftables or iptables on this host said drop. A capture sits in front of the "
            "firewall, so the packet is seen on the wire although no program ever gets it. The sender gets no answer "
            "and "
            "retries until its timeout. Expected when the port is meant to be closed to this client.",
        .reasons = REASONS(USUAL("NETFILTER_DROP")),
        .sites = NAMES("nft_do_chain", "nf_hook_slow", "nf_hook_slow_list", "ipt_do_table", "ip6t_do_table",
                       "arpt_do_table", "ebt_do_table", "nf_queue", "nfqnl_enqueue_packet"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "every packet to the port is lost, from some clients or all of them; no RST, no ICMP",
        .wire_against = "the same client reached the same port a moment ago",
        .confirm = ADVICE({"nft -a list ruleset", "rules with their handles; 'counter' shows how often each one hit"},
                          {"iptables-save -c; ip6tables-save -c", "rules of iptables with packet counters"},
                          {"nft monitor trace",
                           "after: nft insert rule {nft-family} {nft-table} {nft-chain} {match} meta nftrace "
                           "set 1; shows the rule that drops"}),
        .fix = ADVICE({NULL, "leave it when the port is meant to be closed to these clients{?; the rule: {rule}?}"},
                      {"nft insert rule {nft-family} {nft-table} {nft-chain} {?handle {nft-handle} ?}{match} "
                       "accept",
                       "let it in, just before the rule that drops"},
                      {"iptables -I INPUT {iptables-match} -j ACCEPT", "the same with iptables"}),
        .kernels = "all; site nft_do_chain since 6.8, nf_hook_slow before; reason NETFILTER_DROP since 5.18",
        .reference = "net/netfilter/core.c nf_hook_slow(), net/netfilter/nf_tables_core.c nft_do_chain(); nft(8), "
                     "iptables(8)",
    },
    {
        .cause = DC_CAUSE_CONNTRACK_FULL,
        .severity = DC_SEVERITY_HIGH,
        .title = "Connection tracking table full",
        .paragraph =
            "The firewall keeps a table of connections and it has no room for a new one, so the first packet of every "
            "new connection is dropped while existing ones go on. It hits all ports at random, under load or in a scan "
            "or flood, and looks like a firewall drop.",
        .reasons = REASONS(HINT("NETFILTER_DROP")),
        .sites = NAMES("nf_hook_slow", "nf_hook_slow_list"),
        .counters = NAMES("conntrack.drop", "conntrack.early_drop"),
        .sysctls = NAMES("net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_count",
                         "net.netfilter.nf_conntrack_buckets", "net.netfilter.nf_conntrack_tcp_timeout_established"),
        .wire_for = "only first packets of flows are lost (SYN, first datagram), over all ports; old connections work",
        .wire_against = "packets of established connections are lost too",
        .confirm =
            ADVICE({"sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
                    "count at or near max{? (max is {sysctl:net.netfilter.nf_conntrack_max})?}"},
                   {"dmesg -T | grep 'nf_conntrack: .*table full'", "'table full, dropping packet'"},
                   {"conntrack -S", "drop and early_drop grow"},
                   {"conntrack -L -o extended 2>/dev/null | awk '{print $3, $6}' | sort | uniq -c | sort -rn | head",
                    "what fills the table: protocol and state"}),
        .fix =
            ADVICE({"sysctl -w net.netfilter.nf_conntrack_max=262144", "a larger table (about 320 bytes each entry)"},
                   {"echo 65536 > /sys/module/nf_conntrack/parameters/hashsize", "buckets: a quarter of max"},
                   {"sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=3600",
                    "dead connections leave after an hour, not five days"},
                   {"nft add rule inet raw prerouting {match} notrack",
                    "or do not track a busy service at all (needs a chain of priority raw)"}),
        .kernels = "all; no drop reason of its own: seen as NETFILTER_DROP in nf_hook_slow",
        .reference = "net/netfilter/nf_conntrack_core.c __nf_conntrack_alloc(); "
                     "Documentation/networking/nf_conntrack-sysctl.rst",
    },
    {
        .cause = DC_CAUSE_CONNTRACK_CLASH,
        .severity = DC_SEVERITY_HIGH,
        .title = "Connection tracking entry clash",
        .paragraph =
            "Two packets wanted the same connection tracking entry at the same moment, or address translation had no "
            "free source port, and the loser was dropped. Usual with many connections from one address to one "
            "destination behind SNAT, and with DNS clients that send two queries from one socket at once.",
        .reasons = REASONS(HINT("NETFILTER_DROP")),
        .sites = NAMES("nf_hook_slow", "nf_hook_slow_list"),
        .counters = NAMES("conntrack.insert_failed", "conntrack.clash_resolve"),
        .sysctls = NAMES("net.ipv4.ip_local_port_range"),
        .wire_for = "single first packets are lost, the retry (another port, 1 s or 5 s later) goes through",
        .wire_against = "retries are lost too",
        .confirm = ADVICE({"conntrack -S", "insert_failed grows with the losses"},
                          {"nft list ruleset | grep -E 'masquerade|snat'", "whether this host translates addresses"}),
        .fix = ADVICE({"iptables -t nat -A POSTROUTING -o {if} -j MASQUERADE --random-fully",
                       "choose source ports at random (nft: masquerade fully-random)"},
                      {NULL, "more source addresses for SNAT, or a wider port range (--to-ports)"},
                      {NULL, "DNS: 'options single-request-reopen' in resolv.conf, or a local caching resolver"}),
        .kernels = "all; UDP clashes are mostly resolved since 5.7",
        .reference = "net/netfilter/nf_conntrack_core.c __nf_conntrack_confirm(); conntrack(8)",
    },
    {
        .cause = DC_CAUSE_SOCKET_FILTER,
        .severity = DC_SEVERITY_LOW,
        .title = "Refused by the socket's own filter",
        .paragraph =
            "The program that owns the socket attached a BPF filter (SO_ATTACH_FILTER, SO_ATTACH_BPF, a cgroup ingress "
            "program, or a filter on a tun device), and the filter did not let this packet in. The packet reached the "
            "right socket; no kernel counter tells of it.",
        .reasons = REASONS(NAMED("SOCKET_FILTER"), NAMED("TAP_FILTER"), NAMED("TAP_TXFILTER")),
        .sites = NAMES("udp_queue_rcv_skb", "udp_queue_rcv_one_skb", "udpv6_queue_rcv_one_skb", "tcp_v4_rcv",
                       "tcp_v6_rcv", "tcp_filter", "raw_rcv", "__sk_receive_skb", "tun_net_xmit"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "some datagrams to a port get through, others of another shape never do",
        .wire_against = "the port's receive buffer errors grow with the losses",
        .confirm =
            ADVICE({"ss -n -p -e --bpf{? -A {transport}?}{? 'sport = :{port}'?}",
                    "the socket and its owner (filters are shown for packet sockets only)"},
                   {"bpftool cgroup tree", "cgroup programs of type cgroup_inet_ingress"},
                   {"strace -f -e trace=setsockopt -p PID", "whether the program attaches a filter when it starts"}),
        .fix = ADVICE({NULL, "it is the program's own decision: ask its authors, or look at what its filter lets in"},
                      {NULL, "a cgroup program: detach it with 'bpftool cgroup detach', or change its rules (systemd: "
                             "IPAddressDeny)"}),
        .kernels = "all; reason SOCKET_FILTER since 5.17",
        .reference = "net/core/filter.c sk_filter_trim_cap(); Documentation/networking/filter.rst",
    },
    {
        .cause = DC_CAUSE_XFRM_POLICY,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "IPsec policy or state refused it",
        .paragraph =
            "An IPsec policy of this host demands that such packets come encrypted, and this one did not. Or it did "
            "come "
            "encrypted, but no security association fits it, its integrity check failed, or it is a replay. After a "
            "restart of one end both may go on with keys the other no longer has.",
        .reasons = REASONS(NAMED("XFRM_POLICY")),
        .sites = NAMES("xfrm_input", "xfrm4_rcv_encap", "xfrm4_esp_rcv", "xfrm6_rcv_spi", "tcp_v4_rcv",
                       "__udp4_lib_rcv", "ip_protocol_deliver_rcu", "ip_forward", "ip6_forward"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "plain packets where ESP (IP protocol 50, UDP 4500) is expected, or the other way round",
        .wire_against = "ip xfrm policy shows no policy",
        .confirm = ADVICE({"cat /proc/net/xfrm_stat", "which error grows"},
                          {"ip xfrm policy", "policies: does one cover {src} to {dst}?"},
                          {"ip -s xfrm state", "security associations, their errors and replay counts"}),
        .fix = ADVICE({NULL, "bring the tunnel up again on both ends (strongSwan: swanctl --initiate, ipsec up)"},
                      {NULL, "or narrow the policy so that this traffic may come in plain"}),
        .kernels = "all; reason XFRM_POLICY since 5.18",
        .reference = "net/xfrm/xfrm_policy.c __xfrm_policy_check(), net/xfrm/xfrm_input.c; "
                     "Documentation/networking/xfrm_proc.rst",
    },
    {
        .cause = DC_CAUSE_POLICY_HOOK,
        .severity = DC_SEVERITY_LOW,
        .title = "Refused by a hook, cgroup program or setting",
        .paragraph =
            "A security module (SELinux, Smack), a cgroup BPF program on the way out, or a setting such as ignoring "
            "broadcast pings said no. The packet was well-formed; somebody decided that it does not pass.",
        .reasons = REASONS(NAMED("SECURITY_HOOK"), NAMED("BPF_CGROUP_EGRESS"), NAMED("INVALID_PROTO")),
        .sites = NAMES("icmp_rcv", "ip_finish_output", "ip6_finish_output"),
        .counters = NO_NAMES,
        .sysctls = NAMES("net.ipv4.icmp_echo_ignore_broadcasts", "net.ipv4.icmp_echo_ignore_all"),
        .wire_for = "ICMP echo or timestamp request to a broadcast or multicast address",
        .wire_against = NULL,
        .confirm = ADVICE({"ausearch -m avc -ts recent", "SELinux denials"},
                          {"bpftool cgroup tree", "programs attached to cgroups"},
                          {"sysctl net.ipv4.icmp_echo_ignore_broadcasts net.ipv4.icmp_echo_ignore_all",
                           "1 means such pings are ignored"}),
        .fix = ADVICE({NULL, "change the policy that says no, if the traffic is wanted"},
                      {"bpftool cgroup detach CGROUP egress id ID", "take a cgroup program off, to prove it"}),
        .kernels = "all; reason SECURITY_HOOK since 6.12, BPF_CGROUP_EGRESS since 5.18, INVALID_PROTO since 5.19",
        .reference = "net/ipv4/icmp.c icmp_rcv(), security/selinux/hooks.c; bpftool-cgroup(8)",
    },
};
DC_CATALOGUE_COUNT(policy);
