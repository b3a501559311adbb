/* Causes at the device and the queues in front of the stack, and on the way out. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_device[] = {
    {
        .cause = DC_CAUSE_RING_OVERFLOW,
        .severity = DC_SEVERITY_HIGH,
        .title = "NIC receive ring overflowed",
        .paragraph =
            "The network card had a packet but no free buffer in its receive ring, because the CPU did not empty the "
            "ring "
            "fast enough. The packet is lost before the kernel sees it: no capture shows it and no drop event tells of "
            "it, only the card's counters do. For a tun or tap device it is the guest or program behind it that does "
            "not "
            "read fast enough.",
        .reasons = REASONS(NAMED("FULL_RING")),
        .sites = NAMES("tun_net_xmit", "tap_handle_frame", "macvtap_handle_frame"),
        .counters = NAMES("sys.{if}.rx_missed_errors", "sys.{if}.rx_fifo_errors", "sys.{if}.rx_over_errors",
                          "dev.{if}.rx_fifo", "ethtool.{if}.rx_no_buffer_count", "ethtool.{if}.rx_out_of_buffer",
                          "ethtool.{if}.rx_missed_errors", "ethtool.{if}.rx_fifo_errors"),
        .sysctls = NAMES("net.core.netdev_budget", "net.core.netdev_budget_usecs"),
        .wire_for = "the peer retransmits what this capture never shows",
        .wire_against = "the frame is in the capture: it passed the ring",
        .confirm =
            ADVICE({"ethtool -g {if}", "current ring size against the card's maximum"},
                   {"ethtool -S {if} | grep -iE 'miss|fifo|no_buf|out_of_buf|over|drop'",
                    "which of the card's counters grows; run it twice, 10 s apart"},
                   {"cat /proc/net/softnet_stat", "third column (hex): how often the poll loop ran out of budget"}),
        .fix = ADVICE(
            {"ethtool -G {if} rx 4096", "larger ring, up to the maximum that ethtool -g names (short link drop)"},
            {"cat /proc/interrupts | grep {if}", "one CPU takes all: spread the queues (irqbalance, ethtool -L)"},
            {"sysctl -w net.core.netdev_budget=600",
             "more packets per poll, when the third column of softnet_stat grows{? (now "
             "{sysctl:net.core.netdev_budget})?}"}),
        .kernels = "all; counter names are each driver's own",
        .reference = "Documentation/networking/statistics.rst; ethtool(8)",
    },
    {
        .cause = DC_CAUSE_NIC_ERROR,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Device or driver rejected the frame",
        .paragraph =
            "The card or its driver found the frame damaged or not acceptable: bad frame check sequence, wrong length, "
            "misaligned, or metadata from a virtual device that makes no sense; or the device is not up. Damaged "
            "frames "
            "point to cable, transceiver or duplex mismatch.",
        .reasons = REASONS(NAMED("DEV_HDR"), NAMED("DEV_READY"), NAMED("SKB_CSUM"), NAMED("SKB_GSO_SEG"),
                           NAMED("CAN_*"), NAMED("CANFD_*"), NAMED("CANXL_*"), NAMED("RX_DROP_*")),
        .sites = NAMES("dev_gro_receive", "napi_gro_frags"),
        .counters = NAMES("sys.{if}.rx_crc_errors", "sys.{if}.rx_frame_errors", "sys.{if}.rx_length_errors",
                          "dev.{if}.rx_frame", "dev.{if}.rx_errors", "sys.{if}.rx_errors"),
        .sysctls = NO_NAMES,
        .wire_for = NULL,
        .wire_against = "the frame is whole in the capture and its checksums are right",
        .confirm = ADVICE({"ip -s -s link show dev {if}", "crc, frame, length: which error grows"},
                          {"ethtool {if}", "speed and duplex: both ends must agree"},
                          {"ethtool -S {if} | grep -iE 'err|crc|align|symbol|jabber'", "the card's own view"},
                          {"ethtool -m {if}", "optical power of a transceiver"}),
        .fix = ADVICE({NULL, "change cable, then transceiver, then port; clean the optics"},
                      {"ethtool -s {if} autoneg on", "end a duplex mismatch"},
                      {NULL, "update driver or firmware when the counters grow without any physical fault"}),
        .kernels = "all",
        .reference = "Documentation/networking/statistics.rst; include/net/dropreason-core.h",
    },
    {
        .cause = DC_CAUSE_CPU_BACKLOG,
        .severity = DC_SEVERITY_HIGH,
        .title = "Per-CPU input queue full (netdev backlog)",
        .paragraph =
            "Packets that come through netif_rx (tunnels, veth, loopback) or are spread by RPS wait in a queue of each "
            "CPU. The queue was full, or RPS flow limit kept one big flow from filling it, and the packet was dropped. "
            "The CPU is busy, or too many packets come in one burst.",
        .reasons = REASONS(NAMED("CPU_BACKLOG")),
        .sites = NAMES("enqueue_to_backlog", "netif_rx", "netif_rx_internal", "netif_rx_ni", "__netif_rx",
                       "macvlan_broadcast_enqueue"),
        .counters = NAMES("softnet.dropped", "softnet.flow_limit"),
        .sysctls = NAMES("net.core.netdev_max_backlog", "net.core.flow_limit_cpu_bitmap"),
        .wire_for = "losses come in bursts, over all ports and protocols",
        .wire_against = "only one port or one client is hit",
        .confirm = ADVICE({"cat /proc/net/softnet_stat", "second column (hex), a row per CPU: drops; 11th: flow limit"},
                          {"mpstat -P ALL 1 5", "a CPU at 100 % in %soft"},
                          {"grep -H . /sys/class/net/{if}/queues/rx-*/rps_cpus", "where RPS sends packets"}),
        .fix = ADVICE({"sysctl -w net.core.netdev_max_backlog=10000",
                       "longer queue{? (now {sysctl:net.core.netdev_max_backlog})?}"},
                      {NULL, "spread the load: more receive queues (ethtool -L), or RPS over more CPUs"}),
        .kernels = "all; flow limit since 3.11, reason CPU_BACKLOG since 5.18",
        .reference = "net/core/dev.c enqueue_to_backlog(); Documentation/admin-guide/sysctl/net.rst",
    },
    {
        .cause = DC_CAUSE_MEMORY_PRESSURE,
        .severity = DC_SEVERITY_HIGH,
        .title = "Out of memory for the packet",
        .paragraph =
            "The kernel could not get memory for the packet or a copy of it, or the packet sat in emergency memory "
            "that "
            "only swapping over the network may use. The host is short of free pages at that moment, even if much "
            "memory is only cache.",
        .reasons = REASONS(NAMED("NOMEM"), NAMED("PFMEMALLOC"), NAMED("SKB_UCOPY_FAULT")),
        .sites = NAMES("__netif_receive_skb_core", "ip_rcv_core", "skb_vlan_untag"),
        .counters = NAMES("TcpExt.PFMemallocDrop", "Ip.InDiscards", "Ip6InDiscards"),
        .sysctls = NAMES("vm.min_free_kbytes"),
        .wire_for = "losses come in bursts, over all ports and protocols",
        .wire_against = NULL,
        .confirm =
            ADVICE({"dmesg -T | grep -iE 'page allocation failure|out of memory'", "allocation failures of the kernel"},
                   {"grep -E 'allocstall|compact_stall' /proc/vmstat", "grows while memory is short"},
                   {"nstat -az TcpExtPFMemallocDrop IpInDiscards", "packets lost for it"}),
        .fix = ADVICE({"sysctl -w vm.min_free_kbytes=262144",
                       "keep more pages free for interrupts{? (now {sysctl:vm.min_free_kbytes})?}"},
                      {NULL, "find what uses the memory (slabtop, ps by RSS), or give the host more"}),
        .kernels = "all; reason NOMEM since 5.18, PFMEMALLOC in 6.18",
        .reference = "net/core/dev.c skb_pfmemalloc_protocol(); Documentation/admin-guide/sysctl/vm.rst",
    },
    {
        .cause = DC_CAUSE_XDP,
        .severity = DC_SEVERITY_LOW,
        .title = "Dropped by an XDP program",
        .paragraph =
            "An XDP program on the interface said drop. Programs attached in driver mode drop before the packet exists "
            "for the kernel: no capture and no drop event shows those, only the program's own counters. Generic mode "
            "drops are seen here.",
        .reasons = REASONS(NAMED("XDP")),
        .sites = NAMES("do_xdp_generic", "netif_receive_generic_xdp", "bpf_prog_run_generic_xdp", "netif_rx_internal"),
        .counters = NAMES("ethtool.{if}.rx_xdp_drop", "ethtool.{if}.rx_xdp_drops"),
        .sysctls = NO_NAMES,
        .wire_for = NULL,
        .wire_against = "ip link shows no xdp on the interface",
        .confirm = ADVICE({"ip -d link show dev {if} | grep xdp", "an attached program and its id"},
                          {"bpftool net show dev {if}", "XDP and tc programs of the interface"},
                          {"ethtool -S {if} | grep -i xdp", "drops of a program in driver mode"}),
        .fix = ADVICE({NULL, "ask whoever loaded the program (Cilium, Katran, a DDoS guard) why it drops this packet"},
                      {"ip link set dev {if} xdp off", "take the program off, to prove it"}),
        .kernels = "generic XDP since 4.12, driver XDP since 4.8",
        .reference = "net/core/dev.c do_xdp_generic(); bpftool-net(8)",
    },
    {
        .cause = DC_CAUSE_TC_INGRESS,
        .severity = DC_SEVERITY_LOW,
        .title = "Dropped by traffic control on ingress",
        .paragraph = "A tc filter, policer or BPF program on the interface's ingress (or clsact, tcx) said drop. A "
                     "policer drops "
                     "what is above its rate, so that short bursts are lost while the average is low.",
        .reasons = REASONS(NAMED("TC_INGRESS"), USUAL("TC_COOKIE_ERROR"), USUAL("TC_CHAIN_NOTFOUND"),
                           USUAL("TC_RECLASSIFY_LOOP")),
        .sites = NAMES("__netif_receive_skb_core", "sch_handle_ingress", "tcx_run", "ing_filter", "tcf_mirred_act"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "only above a certain rate, or only packets a filter matches",
        .wire_against = "no ingress or clsact qdisc and no tcx program on the interface",
        .confirm =
            ADVICE({"tc -s filter show dev {if} ingress", "filters, and 'dropped' or 'overlimits' of their actions"},
                   {"tc -s qdisc show dev {if}", "whether there is an ingress or clsact qdisc at all"},
                   {"bpftool net show dev {if}", "BPF programs on ingress"}),
        .fix = ADVICE({NULL, "change or delete the filter; for a policer raise rate and burst"},
                      {"tc filter del dev {if} ingress", "delete all ingress filters, to prove it"}),
        .kernels = "all; reason TC_INGRESS since 5.18, tcx since 6.6",
        .reference = "net/core/dev.c sch_handle_ingress(); tc(8), tc-police(8)",
    },
    {
        .cause = DC_CAUSE_QDISC,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Dropped on the way out (queueing discipline)",
        .paragraph =
            "The packet was to leave this host (sent by it, or forwarded) and the interface's queueing discipline "
            "dropped "
            "it: the queue was at its limit, active queue management signalled congestion, or an egress filter said "
            "drop. Nothing was wrong with receiving.",
        .reasons = REASONS(NAMED("QDISC_*"), NAMED("FQ_*"), NAMED("CAKE_*"), NAMED("DUALPI2_*"), NAMED("TC_EGRESS"),
                           NAMED("RECURSION_LIMIT"), HINT("TC_COOKIE_ERROR"), HINT("TC_CHAIN_NOTFOUND"),
                           HINT("TC_RECLASSIFY_LOOP")),
        .sites = NAMES("__dev_queue_xmit", "__dev_xmit_skb", "sch_direct_xmit", "fq_enqueue", "fq_codel_enqueue",
                       "htb_enqueue", "tbf_enqueue", "pfifo_fast_enqueue", "netem_enqueue"),
        .counters = NAMES("dev.{if}.tx_dropped", "sys.{if}.tx_dropped"),
        .sysctls = NAMES("net.core.default_qdisc"),
        .wire_for = NULL,
        .wire_against = "the packet came in and was for this host itself",
        .confirm = ADVICE({"tc -s qdisc show dev {if}", "dropped and overlimits of each qdisc"},
                          {"tc -s class show dev {if}", "which class is at its rate"},
                          {"tc -s filter show dev {if} egress", "egress filters that drop"}),
        .fix = ADVICE({NULL, "raise the rate of the class, or the limit of the qdisc, that drops"},
                      {"tc qdisc replace dev {if} root fq_codel", "a fair default, when no shaping is wanted"}),
        .kernels = "all; reason QDISC_DROP since 5.18, more exact ones since 6.14",
        .reference = "net/core/dev.c __dev_xmit_skb(), net/sched; tc(8)",
    },
    {
        .cause = DC_CAUSE_NEIGHBOUR,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Next hop's address not resolved (ARP, ND)",
        .paragraph = "The packet was to be sent on, but nobody answered ARP or neighbour discovery for the next hop, "
                     "its queue of "
                     "waiting packets was full, or the neighbour table is. Or it is an ARP or neighbour discovery "
                     "message itself "
                     "that the kernel does not accept: malformed, for another host, or from outside the link.",
        .reasons = REASONS(NAMED("NEIGH_*"), NAMED("IPV6_NDISC_*"), NAMED("ARP_PVLAN_DISABLE")),
        .sites = NAMES("neigh_invalidate", "__neigh_event_send", "neigh_resolve_output", "arp_error_report",
                       "ndisc_error_report", "arp_process", "arp_rcv", "ndisc_rcv", "icmpv6_rcv", "ipv4_link_failure"),
        .counters = NAMES("arp_cache.unresolved_discards", "arp_cache.table_fulls", "ndisc_cache.unresolved_discards",
                          "ndisc_cache.table_fulls"),
        .sysctls = NAMES("net.ipv4.neigh.default.gc_thresh3", "net.ipv6.neigh.default.gc_thresh3",
                         "net.ipv4.neigh.default.unres_qlen_bytes"),
        .wire_for = "ARP requests or neighbour solicitations of this host stay unanswered",
        .wire_against = "the neighbour answers within milliseconds",
        .confirm = ADVICE({"ip neigh show | grep -E 'FAILED|INCOMPLETE'", "neighbours that do not answer"},
                          {"dmesg -T | grep -i 'neighbour: .*table overflow'", "the neighbour table is full"},
                          {"arping -c 3 -I {if} {dst}", "whether the next hop answers at all (IPv4)"}),
        .fix = ADVICE({NULL, "bring the next hop up, or mend VLAN and cabling between"},
                      {"sysctl -w net.ipv4.neigh.default.gc_thresh3=8192",
                       "a larger table, when it overflows{? (now {sysctl:net.ipv4.neigh.default.gc_thresh3})?}"}),
        .kernels = "all; reasons NEIGH_* since 5.18, IPV6_NDISC_* since 6.3",
        .reference = "net/core/neighbour.c, net/ipv4/arp.c, net/ipv6/ndisc.c; RFC 826, 4861",
    },
};
DC_CATALOGUE_COUNT(device);
