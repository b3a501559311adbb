/* Causes between the wire and the IP layer: who takes the frame at all. */
#include "catalogue_rows.h"

const DcCauseInfo dc_catalogue_link[] = {
    {
        .cause = DC_CAUSE_NO_PROTOCOL_HANDLER,
        .severity = DC_SEVERITY_INFO,
        .title = "No protocol handler for this ethertype",
        .paragraph =
            "The kernel has no code loaded for this frame's protocol, so it throws the frame away and counts it in the "
            "interface's rx_dropped. Switches send such frames all day: spanning tree (STP), LLDP, CDP. They are not "
            "meant for this host and their loss is harmless. While a capture runs the kernel hands such frames to the "
            "capture instead of dropping them: no drop is reported and rx_dropped stands still, which is why the drops "
            "seem to go away as soon as somebody looks.",
        .reasons = REASONS(USUAL("UNHANDLED_PROTO")),
        .sites = NAMES("__netif_receive_skb_core", "__netif_receive_skb_one_core", "__netif_receive_skb_list_core",
                       "netif_receive_skb", "snap_rcv"),
        .counters = NAMES("dev.{if}.rx_dropped", "sys.{if}.rx_dropped", "sys.{if}.rx_nohandler"),
        .sysctls = NO_NAMES,
        .wire_for = "the frame's ethertype stands in no row of /proc/net/ptype",
        .wire_against = "the ethertype is IPv4, IPv6 or ARP: these always have a handler",
        .confirm = ADVICE({"cat /proc/net/ptype", "no row for {ethertype}: nobody takes this protocol"},
                          {"tcpdump -i {if} -nn -e -c 20 'not arp and not ip and not ip6 and not vlan'",
                           "the frames themselves and the MAC address that sends them"},
                          {"ip -s -s link show dev {if}",
                           "dropped grows while every error stands at 0: the kernel drops, not the NIC (look while no "
                           "capture runs)"}),
        .fix =
            ADVICE({NULL, "nothing is broken when the sender is a switch: note it and leave it"},
                   {"modprobe {module}", "when the host is to take part in this protocol, load its module"},
                   {NULL, "or switch the protocol off at the switch port (STP: edge port with BPDU filter; LLDP, CDP: "
                          "off on that port)"}),
        .kernels =
            "all; rx_dropped counts it since 2.6.37; up to 6.13 one unbound capture in any container hides it for "
            "the whole host",
        .reference = "net/core/dev.c __netif_receive_skb_core(); IEEE 802.1D (STP), 802.1AB (LLDP)",
    },
    {
        .cause = DC_CAUSE_LLC_UNKNOWN_SAP,
        .severity = DC_SEVERITY_INFO,
        .title = "802.2 LLC frame for an unknown service",
        .paragraph = "The llc module is loaded and takes every 802.3 length frame (protocol 0x0004), but no service "
                     "access point "
                     "of this host has the frame's DSAP. Spanning tree (DSAP 0x42), IS-IS (0xfe) and NetBIOS (0xf0) "
                     "are the usual "
                     "ones. Harmless unless this host is to speak that protocol.",
        .reasons = NO_REASONS,
        .sites = NAMES("llc_rcv"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "802.3 length frame whose DSAP is none of those in use here",
        .wire_against = NULL,
        .confirm = ADVICE({"grep -w 0004 /proc/net/ptype", "llc_rcv stands there: the llc module takes 802.3 frames"},
                          {"cat /proc/net/llc/socket", "the service access points in use on this host"},
                          {"tcpdump -i {if} -nn -e -c 20 llc", "the frames, their DSAP and their sender"}),
        .fix = ADVICE({NULL, "nothing is broken when the sender is a switch: note it and leave it"},
                      {"modprobe -r llc2 llc", "if nothing on this host needs LLC (no bridge with STP uses it)"}),
        .kernels = "all",
        .reference = "net/llc/llc_input.c llc_rcv(); IEEE 802.2",
    },
    {
        .cause = DC_CAUSE_OTHER_HOST,
        .severity = DC_SEVERITY_INFO,
        .title = "Addressed to another host's MAC",
        .paragraph =
            "The frame's destination MAC is not this host's. It came up only because the interface is in promiscuous "
            "mode "
            "(a capture does that) or because a switch flooded it. The kernel drops it at the IP layer, as it should. "
            "If this host ought to have had the packet, its sender has a wrong ARP or neighbour entry.",
        .reasons = REASONS(USUAL("OTHERHOST")),
        .sites = NAMES("ip_rcv", "ip_rcv_core", "ipv6_rcv", "ip6_rcv_core", "arp_rcv", "llc_rcv"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "unicast destination MAC that is none of this host's",
        .wire_against = "destination MAC is this host's: then look at VLAN tags",
        .confirm = ADVICE({"ip -d link show dev {if}", "this host's MAC, and promiscuity above 0 while capturing"},
                          {"ip neigh show to {dst}",
                           "run it on the sender: which MAC it has for the destination, and whether that is right"}),
        .fix = ADVICE({"dropcorr -p -i {if}", "capture without promiscuous mode and these frames are gone"},
                      {"ip neigh flush to {dst}", "on the sender, when its neighbour entry is wrong"},
                      {NULL, "many such frames without a capture: the switch floods unknown unicast; look at its MAC "
                             "table's aging time"}),
        .kernels = "all; reason OTHERHOST since 5.18",
        .reference = "net/ipv4/ip_input.c ip_rcv_core(), net/ethernet/eth.c eth_type_trans()",
    },
    {
        .cause = DC_CAUSE_VLAN_UNKNOWN,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "VLAN tag without a VLAN device",
        .paragraph =
            "The frame carries a VLAN tag, but this host has no VLAN device with that id on the interface it came in "
            "on. "
            "The kernel then treats the packet as somebody else's and drops it, although MAC and IP address are right. "
            "Either the switch port sends a VLAN it should not, or the VLAN device is missing here.",
        .reasons = REASONS(HINT("OTHERHOST"), HINT("UNHANDLED_PROTO")),
        .sites =
            NAMES("__netif_receive_skb_core", "ip_rcv", "ip_rcv_core", "ip6_rcv_core", "ipv6_rcv", "br_handle_vlan"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "802.1Q or 802.1ad tag whose id no device of this host has",
        .wire_against = "untagged, or priority tagged with VLAN id 0",
        .confirm = ADVICE({"ip -d link show type vlan", "which VLAN ids this host has, and on which interface"},
                          {"cat /proc/net/vlan/config", "the same, when the 8021q module is loaded"},
                          {"tcpdump -i {if} -nn -e -c 20 vlan", "which VLAN ids arrive"}),
        .fix = ADVICE({"ip link add link {if} name {if}.{vlan} type vlan id {vlan} && ip link set {if}.{vlan} up",
                       "when this host belongs to that VLAN (then give the new device its address)"},
                      {NULL, "else take the VLAN off the switch port (allowed VLANs of the trunk, or native VLAN)"}),
        .kernels = "all; seen as OTHERHOST in ip_rcv_core, because the tag makes pkt_type PACKET_OTHERHOST",
        .reference = "net/core/dev.c __netif_receive_skb_core() (skb_vlan_tag_get_id), IEEE 802.1Q",
    },
    {
        .cause = DC_CAUSE_BRIDGE_PORT,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Bridge, bond or switch port does not pass it",
        .paragraph = "The interface belongs to a bridge, bond, team, macvlan or Open vSwitch, and that one refused the "
                     "frame: the "
                     "port is blocked by spanning tree or not yet forwarding, its VLAN filter does not allow the tag, "
                     "the source "
                     "address is not valid, the slave is not the active one, or a flow says drop. The packet never "
                     "came up to the IP layer.",
        .reasons = REASONS(NAMED("BRIDGE_INGRESS_STP_STATE"), NAMED("MAC_IEEE_MAC_CONTROL"),
                           USUAL("MAC_INVALID_SOURCE"), USUAL("NO_TX_TARGET"), NAMED("OVS_DROP_*")),
        .sites = NAMES("br_handle_frame", "br_handle_frame_finish", "br_forward", "br_flood", "br_handle_vlan",
                       "br_allowed_ingress", "__allowed_ingress", "br_pass_frame_up", "bond_handle_frame",
                       "team_handle_frame", "macvlan_handle_frame", "ovs_dp_process_packet", "ovs_dp_upcall",
                       "do_execute_actions"),
        .counters = NAMES("sys.{if}.rx_nohandler"),
        .sysctls = NO_NAMES,
        .wire_for = NULL,
        .wire_against = "the interface has no master (ip link shows none)",
        .confirm = ADVICE(
            {"bridge -d link show dev {if}", "port state: forwarding, or blocking, listening, learning, disabled"},
            {"bridge vlan show dev {if}", "which VLANs the port lets in"},
            {"cat /proc/net/bonding/*", "which slave of a bond is the active one"},
            {"ovs-appctl dpctl/show -s && ovs-appctl coverage/show | grep -i drop",
             "Open vSwitch: lost upcalls and drop counters"}),
        .fix = ADVICE(
            {"ip link set dev {if} type bridge_slave state 3", "set a blocked port to forwarding (STP off only)"},
            {"bridge vlan add dev {if} vid {vlan}", "let the VLAN in"},
            {NULL, "after a link comes up a port with STP waits twice forward_delay (30 s): switch STP off, or "
                   "set forward_delay to 2 s, on bridges that only join virtual machines"}),
        .kernels = "all; reasons of Open vSwitch since 6.6, of the bridge since 6.15",
        .reference = "net/bridge/br_input.c, drivers/net/bonding/bond_main.c, net/openvswitch/datapath.c",
    },
    {
        .cause = DC_CAUSE_TUNNEL,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Tunnel endpoint refused the packet",
        .paragraph =
            "The outer packet reached this host, but no tunnel device takes the inner one: the VNI, key or session is "
            "unknown, the header has flags the kernel does not accept, sequence numbers are wrong, the peer's address "
            "is "
            "not the one configured, or the ECN bits of inner and outer packet contradict each other. Both ends must "
            "agree on all of these.",
        .reasons = REASONS(NAMED("VXLAN_*"), NAMED("IP_TUNNEL_ECN"), NAMED("TUNNEL_TXINFO"), NAMED("LOCAL_MAC"),
                           HINT("MAC_INVALID_SOURCE"), HINT("NO_TX_TARGET")),
        .sites = NAMES("vxlan_rcv", "geneve_udp_encap_recv", "gre_rcv", "ipgre_rcv", "ipip_rcv", "ip_tunnel_rcv",
                       "__ip6_tnl_rcv", "sit_rcv", "ipip6_rcv", "tunnel4_rcv", "tunnel6_rcv", "l2tp_udp_recv_core",
                       "pppoe_rcv", "wg_receive"),
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = "GRE, IP-in-IP, VXLAN (UDP 4789), Geneve (UDP 6081) or WireGuard around another packet",
        .wire_against = "the packet carries no other packet",
        .confirm = ADVICE({"ip -d -s link show{? type {tunnel}?}",
                           "VNI or key, local and remote address; errors of the tunnel device"},
                          {"ip -d -s tunnel show", "GRE and IPIP tunnels: addresses, keys, sequence errors"},
                          {"tcpdump -i {if} -nn -v host {src}", "VNI or key on the wire, to compare"}),
        .fix = ADVICE({NULL, "make VNI or key, and local and remote address, equal on both ends"},
                      {NULL, "with several tunnels between the same pair of addresses, give each its own key or VNI"}),
        .kernels = "all; reasons for VXLAN since 6.13",
        .reference =
            "drivers/net/vxlan/vxlan_core.c vxlan_rcv(), net/ipv4/ip_tunnel.c; RFC 7348, 2784, 2890, 2003, 6040",
    },
    {
        .cause = DC_CAUSE_HARDWARE_TRAP,
        .severity = DC_SEVERITY_MEDIUM,
        .title = "Dropped by the switch chip (devlink trap)",
        .paragraph =
            "A switch or SmartNIC dropped the packet in hardware and reported it to the kernel as a devlink trap. The "
            "trap's name says why: no route, TTL, VLAN mismatch, an access list. The host's own network stack never "
            "saw "
            "the packet.",
        .reasons = NO_REASONS,
        .sites = NO_NAMES,
        .counters = NO_NAMES,
        .sysctls = NO_NAMES,
        .wire_for = NULL,
        .wire_against = "no devlink device on this host",
        .confirm = ADVICE({"devlink -s trap show", "counters of each trap: which one grows"},
                          {"devlink trap group show", "groups, and the policer of each"}),
        .fix = ADVICE({NULL, "the trap's name is the cause: look it up in the kernel's devlink-trap documentation"},
                      {"devlink trap set DEVICE trap NAME action trap",
                       "hand these packets to the CPU, to look at them (put it back afterwards)"}),
        .kernels = "hardware drops since 5.4 (devlink trap), reported by the drop monitor since 5.4",
        .reference = "Documentation/networking/devlink/devlink-trap.rst",
    },
};
DC_CATALOGUE_COUNT(link);
