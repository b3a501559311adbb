/* Causes at the IP layer: addresses, routes, headers. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_ip[] = {
    {
        .cause = DC_CAUSE_NO_L4_PROTOCOL,
        .severity = DC_SEVERITY_LOW,
        .title = "No handler for the IP protocol",
        .paragraph =
            "The packet is for this host, but nothing here speaks its IP protocol (GRE, ESP, SCTP, VRRP, OSPF...): no "
            "module is loaded and no raw socket is open for it. The host answers ICMP protocol unreachable.",
        .reasons = REASONS(NAMED("IP_NOPROTO")),
        .sites = NAMES("ip_local_deliver_finish", "ip_protocol_deliver_rcu", "ip6_input_finish",
                       "ip6_protocol_deliver_rcu", "ip6_input", "tunnel4_rcv"),
        .counters = NAMES("Ip.InUnknownProtos", "Ip6InUnknownProtos"),
        .sysctls = NO_NAMES,
        .wire_for = "ICMP destination unreachable, code 2 (protocol), answers it; ICMPv6 parameter problem, code 1",
        .wire_against = "TCP, UDP or ICMP: these always have a handler",
        .confirm = ADVICE({"nstat -az IpInUnknownProtos Ip6InUnknownProtos", "grows with these packets"},
                          {"cat /proc/net/protocols", "which protocols the kernel has loaded"},
                          {"ss -lnw", "raw sockets (keepalived, routing daemons) and their protocol"}),
        .fix = ADVICE({"modprobe {module}", "ip_gre, sctp, esp4, ipip ... whichever the packet needs"},
                      {NULL, "or start the program that serves it (keepalived for VRRP, a routing daemon for OSPF)"}),
        .kernels = "all; reason IP_NOPROTO since 5.18",
        .reference = "net/ipv4/ip_input.c ip_protocol_deliver_rcu(); RFC 1122 3.2.2.1",
    },
    {
        .cause = DC_CAUSE_NOT_LOCAL,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Destination address is not this host's",
        .paragraph =
            "The frame has this host's MAC, but its IP destination is none of this host's addresses, and forwarding is "
            "off. The sender's routing or ARP points here by mistake, an address (a virtual IP) is missing here, or it "
            "is multicast to a group nobody here has joined.",
        .reasons = REASONS(USUAL("IP_INADDRERRORS")),
        .sites =
            NAMES("ip_error", "ip6_forward", "ip_rcv_finish", "ip_rcv_finish_core", "ip6_mc_input", "ip6_pkt_drop"),
        .counters = NAMES("Ip.InAddrErrors", "Ip6InAddrErrors"),
        .sysctls = NAMES("net.ipv4.ip_forward", "net.ipv4.conf.{if}.forwarding", "net.ipv6.conf.all.forwarding"),
        .wire_for = "destination address is none of this host's, destination MAC is",
        .wire_against = "destination address stands in ip addr",
        .confirm =
            ADVICE({"ip addr show to {dst}", "empty: no interface has this address"},
                   {"ip route get {dst} from {src} iif {if}", "what the kernel does with such a packet"},
                   {"sysctl net.ipv4.ip_forward{? # now {sysctl:net.ipv4.ip_forward}?}", "0: this host is no router"},
                   {"ip maddr show dev {if}", "multicast groups joined on the interface"}),
        .fix = ADVICE({"ip addr add {dst}/32 dev {if}", "when this host ought to have the address (a virtual IP)"},
                      {"sysctl -w net.ipv4.ip_forward=1", "when this host ought to forward"},
                      {NULL, "else mend the sender's route or ARP entry that points here"}),
        .kernels = "all; reason IP_INADDRERRORS since 5.19",
        .reference = "net/ipv4/route.c ip_error(), ip_route_input_slow(); RFC 1812 5.3",
    },
    {
        .cause = DC_CAUSE_NO_ROUTE,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "No route to the destination",
        .paragraph =
            "This host was to forward the packet (or answer it) and its routing table has no way there: no route, or a "
            "route of type unreachable, prohibit or blackhole. Reason IP_OUTNOROUTES speaks of this host's own "
            "sending.",
        .reasons = REASONS(NAMED("IP_INNOROUTES"), NAMED("IP_OUTNOROUTES"), HINT("IP_INADDRERRORS")),
        .sites = NAMES("ip_error", "dst_discard", "dst_discard_out", "ip6_pkt_drop", "ip6_pkt_discard",
                       "ip6_pkt_prohibit", "ip_forward", "ip_queue_xmit", "ip6_xmit"),
        .counters = NAMES("IpExt.InNoRoutes", "Ip.OutNoRoutes", "Ip6InNoRoutes", "Ip6OutNoRoutes"),
        .sysctls = NAMES("net.ipv4.ip_forward"),
        .wire_for = "ICMP network or host unreachable from this host answers it",
        .wire_against = "destination address is this host's own",
        .confirm = ADVICE({"ip route get {dst} from {src} iif {if}", "'RTNETLINK answers: ...' names the verdict"},
                          {"ip route show type unreachable; ip route show type prohibit; ip route show type blackhole",
                           "routes that refuse"},
                          {"ip rule show", "policy rules that lead into another table"}),
        .fix = ADVICE({"ip route add {dst} via GATEWAY dev {if}", "add the missing route"},
                      {NULL, "or delete the unreachable, prohibit or blackhole route that matches"}),
        .kernels = "all; reasons IP_INNOROUTES since 5.19, IP_OUTNOROUTES since 5.18",
        .reference = "net/ipv4/route.c ip_error(); net/ipv6/route.c ip6_pkt_drop(); ip-route(8)",
    },
    {
        .cause = DC_CAUSE_RP_FILTER,
        .severity = DC_SEVERITY_HIGH,
        .title = "Reverse path filter",
        .paragraph =
            "The kernel would not send an answer to this source address out of the interface the packet came in on, so "
            "it "
            "takes the source for forged and drops the packet without any answer. Usual with two uplinks, asymmetric "
            "routing, tunnels, or a route that is missing after an interface was added.",
        .reasons = REASONS(NAMED("IP_RPFILTER")),
        .sites = NAMES("ip_rcv_finish", "ip_rcv_finish_core", "ip_sublist_rcv"),
        .counters = NAMES("TcpExt.IPReversePathFilter"),
        .sysctls = NAMES("net.ipv4.conf.all.rp_filter", "net.ipv4.conf.{if}.rp_filter"),
        .wire_for = "all packets of one source network are lost on one interface, whatever the port",
        .wire_against = "rp_filter is 0 both for all and for the interface",
        .confirm = ADVICE({"sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.{if}.rp_filter",
                           "the larger of the two counts: 1 strict, 2 loose, 0 off"},
                          {"ip route get {src}", "the interface an answer would take: not {if}"},
                          {"nstat -az TcpExtIPReversePathFilter", "grows with the losses"}),
        .fix = ADVICE({"sysctl -w net.ipv4.conf.{if}.rp_filter=2", "loose: any route to the source will do"},
                      {"ip route add {src} dev {if}", "or add the route that is missing (with its gateway)"},
                      {NULL, "with two uplinks: policy routing, an ip rule and table for each"}),
        .kernels = "all; reason IP_RPFILTER since 5.18",
        .reference = "net/ipv4/fib_frontend.c __fib_validate_source(); RFC 3704; "
                     "Documentation/networking/ip-sysctl.rst rp_filter",
    },
    {
        .cause = DC_CAUSE_MARTIAN_SOURCE,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Martian source address",
        .paragraph = "The source address cannot be right on this interface: loopback (127/8), multicast, broadcast, "
                     "zero, or one "
                     "of this host's own addresses. Own addresses mean a loop, a duplicate address, or a load balancer "
                     "that keeps "
                     "addresses; the rest is a misconfigured or forging sender.",
        .reasons = REASONS(NAMED("IP_INVALID_SOURCE"), NAMED("IP_LOCAL_SOURCE"), USUAL("IP_LOCALNET")),
        .sites = NAMES("ip_rcv_finish", "ip_rcv_finish_core", "ip_sublist_rcv", "ip6_rcv_core", "ipv6_rcv"),
        .counters = NAMES("rt_cache.in_martian_src"),
        .sysctls = NAMES("net.ipv4.conf.{if}.accept_local", "net.ipv4.conf.{if}.route_localnet",
                         "net.ipv4.conf.all.log_martians"),
        .wire_for = "source is 127/8, 0/8, 224/4, 255.255.255.255 or an address of this host",
        .wire_against = "an ordinary unicast source of another host",
        .confirm = ADVICE({"sysctl -w net.ipv4.conf.all.log_martians=1 && dmesg -Tw | grep martian",
                           "'martian source ... from ...' names interface and MAC"},
                          {"tcpdump -i {if} -nn -e src {src}", "the MAC address that sends it"},
                          {"arping -D -c 3 -I {if} {src}", "whether another machine holds the address too"}),
        .fix = ADVICE({NULL, "mend the sender: the MAC address in the frame tells who it is"},
                      {"sysctl -w net.ipv4.conf.{if}.accept_local=1",
                       "when packets with own addresses are meant to come back (load balancers, test loops)"},
                      {"sysctl -w net.ipv4.conf.{if}.route_localnet=1", "when 127/8 is meant to cross the wire"}),
        .kernels = "all; NOT_SPECIFIED up to 6.12, own reasons since 6.13",
        .reference = "net/ipv4/route.c ip_route_input_slow(), ip_handle_martian_source(); RFC 1812 5.3.7",
    },
    {
        .cause = DC_CAUSE_MARTIAN_DESTINATION,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Martian destination address",
        .paragraph =
            "The destination cannot be right: 0.0.0.0/8, loopback (127/8) arriving from the wire, or a unicast IP "
            "address "
            "inside a broadcast or multicast frame (with drop_unicast_in_l2_multicast on), which a host must not "
            "accept (RFC 1122) so that it does not answer "
            "for others. The sender or a device on the way builds such packets: mend it there.",
        .reasons = REASONS(NAMED("IP_INVALID_DEST"), NAMED("UNICAST_IN_L2_MULTICAST"), HINT("IP_LOCALNET")),
        .sites = NAMES("ip_rcv_finish", "ip_rcv_finish_core", "ip_sublist_rcv"),
        .counters = NAMES("rt_cache.in_martian_dst"),
        .sysctls = NAMES("net.ipv4.conf.{if}.route_localnet", "net.ipv4.conf.{if}.drop_unicast_in_l2_multicast"),
        .wire_for = "destination is 0/8 or 127/8; or destination MAC is multicast while the IP address is not",
        .wire_against = NULL,
        .confirm = ADVICE({"sysctl -w net.ipv4.conf.all.log_martians=1 && dmesg -Tw | grep martian",
                           "'martian destination ...' names the packet"},
                          {"tcpdump -i {if} -nn -e dst {dst}", "the MAC addresses of sender and destination"}),
        .fix =
            ADVICE({NULL, "mend the sender, or the device between that rewrites addresses"},
                   {NULL, "unicast in a multicast frame: a cluster that shares one multicast MAC (Microsoft NLB); put "
                          "it into unicast mode"},
                   {"sysctl -w net.ipv4.conf.{if}.route_localnet=1", "when 127/8 is meant to cross the wire"}),
        .kernels = "all; reason UNICAST_IN_L2_MULTICAST since 5.18, IP_INVALID_DEST since 6.13",
        .reference = "net/ipv4/route.c ip_route_input_slow(), net/ipv4/ip_input.c ip_rcv_finish_core(); RFC 1122 3.3.6",
    },
    {
        .cause = DC_CAUSE_IP_HEADER,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Bad IP header or options",
        .paragraph =
            "The IP header contradicts itself: wrong version, header length below 20, total length below the header's, "
            "options that cannot be parsed, a source route (refused by default), or an IPv6 extension header the "
            "kernel "
            "does not accept. Such packets come from broken or hostile senders, or from a device that rewrites headers "
            "badly.",
        .reasons = REASONS(USUAL("IP_INHDR"), NAMED("IPV6_BAD_EXTHDR")),
        .sites = NAMES("ip_rcv", "ip_rcv_core", "ip_rcv_finish", "ip_rcv_finish_core", "ipv6_rcv", "ip6_rcv_core",
                       "ipv6_destopt_rcv", "ipv6_rthdr_rcv", "ipv6_parse_hopopts", "ip6_parse_tlv"),
        .counters = NAMES("Ip.InHdrErrors", "Ip6InHdrErrors"),
        .sysctls = NAMES("net.ipv4.conf.all.accept_source_route", "net.ipv6.conf.all.accept_source_route"),
        .wire_for = "version is not 4 or 6, a length is impossible, or options are present",
        .wire_against = "header is well-formed and its checksum right",
        .confirm = ADVICE({"tcpdump -i {if} -nn -vvv -XX host {src}", "'bad-hlen', 'bad-len', options in the header"},
                          {"nstat -az IpInHdrErrors Ip6InHdrErrors", "grows with the losses"}),
        .fix = ADVICE(
            {NULL, "mend the sender or the device between that builds such headers (tunnel, NAT, broken offload)"},
            {"ethtool -K {if} gro off lro off", "to see whether offload on this host breaks them"}),
        .kernels = "all; reason IP_INHDR since 5.18",
        .reference = "net/ipv4/ip_input.c ip_rcv_core(), net/ipv6/exthdrs.c; RFC 791, 8200",
    },
    {
        .cause = DC_CAUSE_IP_CHECKSUM,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Bad IP header checksum",
        .paragraph =
            "The checksum over the IP header is wrong: something on the way changed the header without mending the "
            "checksum, or damaged it. The packet is dropped silently (RFC 1122). Frames this host sends often show a "
            "wrong checksum in a capture, because the card fills it in later; frames that come in must not.",
        .reasons = REASONS(NAMED("IP_CSUM")),
        .sites = NAMES("ip_rcv", "ip_rcv_core"),
        .counters = NAMES("IpExt.InCsumErrors", "Ip.InHdrErrors"),
        .sysctls = NO_NAMES,
        .wire_for = "the header checksum of the captured frame does not add up",
        .wire_against = "the header checksum is right",
        .confirm = ADVICE({"tcpdump -i {if} -nn -vv src {src}", "'bad cksum' on frames that come in"},
                          {"nstat -az IpExtInCsumErrors", "grows with the losses"}),
        .fix = ADVICE(
            {NULL, "find the device between that rewrites headers (NAT, TTL, load balancer), or bad memory in one"},
            {"ethtool -K {if} rx off", "let the kernel verify itself, to rule out the card"}),
        .kernels = "all; reason IP_CSUM since 5.18",
        .reference = "net/ipv4/ip_input.c ip_rcv_core(); RFC 1122 3.2.1.2",
    },
    {
        .cause = DC_CAUSE_TRUNCATED,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Packet shorter than its headers say",
        .paragraph = "A header announces more bytes than arrived: the frame was cut on the way, the sender built it "
                     "wrong, or the "
                     "UDP length field is impossible. Jumbo frames cut by a device with a smaller MTU look like this.",
        .reasons = REASONS(NAMED("PKT_TOO_SMALL"), NAMED("HDR_TRUNC")),
        .sites = NAMES("ip_rcv", "ip_rcv_core", "ipv6_rcv", "ip6_rcv_core", "tcp_v4_rcv", "__udp4_lib_rcv",
                       "__udp6_lib_rcv", "arp_rcv", "llc_rcv"),
        .counters = NAMES("IpExt.InTruncatedPkts", "Ip6InTruncatedPkts"),
        .sysctls = NO_NAMES,
        .wire_for = "IP total length or UDP length larger than the frame's length on the wire",
        .wire_against = "the frame is as long as its headers say (a short snaplen is not truncation)",
        .confirm = ADVICE({"tcpdump -i {if} -nn -vv -s 0 src {src}", "'truncated-ip', 'bad length'"},
                          {"nstat -az IpExtInTruncatedPkts Ip6InTruncatedPkts", "grows with the losses"}),
        .fix = ADVICE({NULL, "compare MTUs along the path: jumbo frames cut by a device with a smaller MTU"},
                      {NULL, "else mend the sender"}),
        .kernels = "all; reasons PKT_TOO_SMALL since 5.17, HDR_TRUNC since 5.18",
        .reference = "net/ipv4/ip_input.c ip_rcv_core(), net/ipv4/udp.c __udp4_lib_rcv()",
    },
    {
        .cause = DC_CAUSE_IPV6_DISABLED,
        .severity = DC_SEVERITY_LOW,
        .title = "IPv6 is disabled on the interface",
        .paragraph =
            "The packet is IPv6, and IPv6 is switched off on the interface it came in on (disable_ipv6, or no IPv6 "
            "address because the MTU is below 1280). Expected when IPv6 is off on purpose: routers and neighbours send "
            "it all the same.",
        .reasons = REASONS(NAMED("IPV6DISABLED")),
        .sites = NAMES("ipv6_rcv", "ip6_rcv_core"),
        .counters = NAMES("Ip6InDiscards"),
        .sysctls = NAMES("net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.{if}.disable_ipv6"),
        .wire_for = "the frame is IPv6",
        .wire_against = "other IPv6 packets on this interface are answered",
        .confirm = ADVICE({"sysctl net.ipv6.conf.all.disable_ipv6 net.ipv6.conf.{if}.disable_ipv6", "1: switched off"},
                          {"ip -6 addr show dev {if}", "empty: no IPv6 on this interface"}),
        .fix = ADVICE({NULL, "leave it, when IPv6 is off on purpose; remove AAAA records that lead clients here"},
                      {"sysctl -w net.ipv6.conf.{if}.disable_ipv6=0", "switch IPv6 on"}),
        .kernels = "all; reason IPV6DISABLED since 5.18",
        .reference = "net/ipv6/ip6_input.c ip6_rcv_core(); Documentation/networking/ip-sysctl.rst disable_ipv6",
    },
};
DC_CATALOGUE_COUNT(ip);
