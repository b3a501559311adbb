#!/usr/bin/env python3
"""build.py: write this sample's cap.pcap and context/ from a published trace.

Usage: build.py        (in any folder; it writes beside itself)

The trace printed its times, ports, sequence numbers, windows, options and
timestamps; they are the tables below.  What it did not print is chosen here and
said so: the addresses (documentation ranges), the day, the time of the answered
client's SYN (its answer took 77 us, as printed), the answers' window and options.
"""

import calendar
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent

# Chosen: addresses and MACs from the documentation ranges, and a day.
SERVER, OFFICE = bytes([198, 51, 100, 22]), bytes([203, 0, 113, 7])
SERVER_MAC, ROUTER_MAC = bytes.fromhex("00005e005301"), bytes.fromhex("00005e0053fe")
DAY = calendar.timegm((2017, 6, 1, 0, 0, 0))


def clock(text):
    """Microseconds since the epoch of a time of day printed as 18:56:37.404603."""
    hours, minutes, seconds = text.split(":")
    whole, fraction = seconds.split(".")
    return (DAY + int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 10**6 + int(fraction)


# Printed: one client's SYN and its six exponential retries, with their TSvals.
LOST_START = clock("18:56:37.404603")
LOST_SYNS = [
    (0, 198321481), (999979, 198321731), (3002686, 198322232), (7011505, 198323234),
    (15034483, 198325240), (31068222, 198329248), (63131018, 198337264),
]
LOST = {"sport": 56909, "seq": 1190606850, "window": 29200}
# Printed: another client behind the same address, answered at once.
LUCKY = {"sport": 50212, "seq": 4207350463, "window": 65535}
LUCKY_TSVAL = 821068631
# Printed: the two answers: time, sequence number, TSval.
ANSWER_LUCKY = (clock("18:56:45.100110"), 1281140899, 1709997543)
ANSWER_LOST = (clock("18:57:40.535698"), 3621462255, 1710011402)
ANSWER_TIME = 77

SYN, SYN_ACK = 0x02, 0x12


def linux_options(mss, tsval, tsecr, wscale):
    """mss, sackOK, TS, nop, wscale: the order Linux sends them in."""
    return struct.pack(">BBHBBBBIIBBBB", 2, 4, mss, 4, 2, 8, 10, tsval, tsecr, 1, 3, 3, wscale)


def other_options(mss, tsval, wscale):
    """mss, nop, wscale, nop, nop, TS, sackOK, eol: the order other systems use."""
    return struct.pack(">BBHBBBBBBBBIIBBBB", 2, 4, mss, 1, 3, 3, wscale, 1, 1, 8, 10, tsval, 0, 4, 2, 0, 0)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(source, destination, ports, seq, ack, flags, window, options, ip_id):
    header = struct.pack(">HHIIBBHHH", *ports, seq, ack, (20 + len(options)) // 4 << 4, flags, window, 0, 0)
    pseudo = source + destination + struct.pack(">BBH", 0, 6, len(header) + len(options))
    tcp = header[:16] + struct.pack(">H", checksum(pseudo + header + options)) + header[18:] + options
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), ip_id, 0x4000,
                     64 if source == SERVER else 52, 6, 0) + source + destination
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    macs = ROUTER_MAC + SERVER_MAC if source == SERVER else SERVER_MAC + ROUTER_MAC
    return macs + b"\x08\x00" + ip + tcp


def syn(client, tsval, options, ip_id):
    return frame(OFFICE, SERVER, (client["sport"], 22), client["seq"], 0, SYN, client["window"], options(tsval), ip_id)


def answer(client, seq, tsval, tsecr):
    return frame(SERVER, OFFICE, (22, client["sport"]), seq, client["seq"] + 1, SYN_ACK, 28960,
                 linux_options(1460, tsval, tsecr, 7), 0)


def packets():
    for number, (offset, tsval) in enumerate(LOST_SYNS):
        yield LOST_START + offset, syn(LOST, tsval, lambda value: linux_options(1448, value, 0, 7), 23100 + number)
    yield ANSWER_LUCKY[0] - ANSWER_TIME, syn(LUCKY, LUCKY_TSVAL, lambda value: other_options(1366, value, 5), 51007)
    yield ANSWER_LUCKY[0], answer(LUCKY, ANSWER_LUCKY[1], ANSWER_LUCKY[2], LUCKY_TSVAL)
    yield ANSWER_LOST[0], answer(LOST, ANSWER_LOST[1], ANSWER_LOST[2], LOST_SYNS[-1][1])


def write_capture(path):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for time, data in sorted(packets()):
            file.write(struct.pack("<IIII", *divmod(time, 10**6), len(data), len(data)) + data)


# --- the host's state, in the formats of kernel 3.10 ---------------------------------

TCP_EXT = """SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned
OfoPruned OutOfWindowIcmps LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSPassive PAWSActive
PAWSEstab DelayedACKs DelayedACKLocked DelayedACKLost ListenOverflows ListenDrops TCPPrequeued
TCPDirectCopyFromBacklog TCPDirectCopyFromPrequeue TCPPrequeueDropped TCPHPHits TCPHPHitsToUser
TCPPureAcks TCPHPAcks TCPRenoRecovery TCPSackRecovery TCPSACKReneging TCPFACKReorder TCPSACKReorder
TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPLostRetransmit
TCPRenoFailures TCPSackFailures TCPLossFailures TCPFastRetrans TCPForwardRetrans TCPSlowStartRetrans
TCPTimeouts TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail
TCPSchedulerFailed TCPRcvCollapsed TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv
TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed
TCPMemoryPressures TCPSACKDiscard TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo TCPSpuriousRTOs
TCPMD5NotFound TCPMD5Unexpected TCPSackShifted TCPSackMerged TCPSackShiftFallback TCPBacklogDrop
TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter TCPTimeWaitOverflow TCPReqQFullDoCookies
TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPOFODrop TCPOFOMerge TCPChallengeACK
TCPSYNChallenge TCPFastOpenActive TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow
TCPFastOpenCookieReqd TCPSpuriousRtxHostQueues BusyPollRxPackets""".split()
IP_EXT = """InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets
InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors""".split()
IP = """Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards
InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs
FragFails FragCreates""".split()
TCP = """RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab
InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors""".split()
UDP = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors".split()
DEVICE = """collisions multicast rx_bytes rx_compressed rx_crc_errors rx_dropped rx_errors rx_fifo_errors
rx_frame_errors rx_length_errors rx_missed_errors rx_over_errors rx_packets tx_aborted_errors tx_bytes
tx_carrier_errors tx_compressed tx_dropped tx_errors tx_fifo_errors tx_heartbeat_errors tx_packets
tx_window_errors""".split()

# Printed: 387158 passive connections rejected because of time stamp.  The sample
# before the capture is that less the six SYNs that stayed unanswered; a rejected
# SYN counts as a listen drop too, though no queue overflowed.
REJECTED = 387158
LOST_COUNT = len(LOST_SYNS) - 1


def group(title, names, values):
    return (f"{title}: {' '.join(names)}\n"
            f"{title}: {' '.join(str(values.get(name, 0)) for name in names)}\n")


def netstat(rejected, octets):
    ext = {"TW": 1204417, "TWRecycled": 318, "PAWSPassive": rejected, "PAWSEstab": 1117, "DelayedACKs": 90312,
           "ListenDrops": rejected, "TCPHPHits": 8123991, "TCPPureAcks": 4310022, "TCPTimeouts": 20117}
    return group("TcpExt", TCP_EXT, ext) + group("IpExt", IP_EXT, {"InOctets": octets, "OutOctets": octets // 2})


def snmp(received):
    return (group("Ip", IP, {"Forwarding": 2, "DefaultTTL": 64, "InReceives": received, "InDelivers": received,
                             "OutRequests": received // 2})
            + group("Tcp", TCP, {"RtoAlgorithm": 1, "RtoMin": 200, "RtoMax": 120000, "MaxConn": -1,
                                 "PassiveOpens": 1530177, "CurrEstab": 212, "InSegs": received, "OutSegs": received // 2})
            + group("Udp", UDP, {"InDatagrams": 20411, "OutDatagrams": 20419}))


def device(packets_received):
    values = {"rx_packets": packets_received, "rx_bytes": packets_received * 310,
              "tx_packets": packets_received // 2, "tx_bytes": packets_received * 200}
    return "".join(f"{name} {values.get(name, 0)}\n" for name in DEVICE)


SOFTNET = "".join(f"{count:08x} " + " ".join(["00000000"] * 9) + "\n" for count in (0x0112a3f0, 0x010ff201))
CONNTRACK = ("entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop "
             "icmp_error  expect_new expect_create expect_delete search_restart\n"
             + "00001dbb  " + " ".join(["00000000"] * 16) + "\n")

STATE = {
    "ptype": "Type Device      Function\n0800          ip_rcv\n0806          arp_rcv\n86dd          ipv6_rcv\n",
    "uname": "Linux server 3.10.0-514.el7.x86_64 #1 SMP x86_64 GNU/Linux\n",
    "sysctl": """net.core.netdev_max_backlog = 1000
net.core.somaxconn = 128
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.default.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.ip_forward = 0
net.ipv4.tcp_max_syn_backlog = 1024
net.ipv4.tcp_syncookies = 1
net.ipv4.tcp_timestamps = 1
net.ipv4.tcp_tw_recycle = 1
net.ipv4.tcp_tw_reuse = 1
net.netfilter.nf_conntrack_count = 7611
net.netfilter.nf_conntrack_max = 65536
""",
    "ss": """Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port
tcp   LISTEN 0      128                *:22              *:*     users:(("sshd",pid=1042,fd=3))
""",
    "iptables-save": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
    "ethtool_g": """Ring parameters for eth0:
Pre-set maximums:
RX:\t\t4096
RX Mini:\t0
RX Jumbo:\t0
TX:\t\t4096
Current hardware settings:
RX:\t\t1024
RX Mini:\t0
RX Jumbo:\t0
TX:\t\t1024
""",
    "README": """Made by ../build.py to the formats of kernel 3.10, not recorded.  Printed in the
account this sample follows: tcp_tw_recycle and tcp_timestamps 1, 387158 passive
connections rejected, 7611 of 65536 connections tracked, ring 1024 of 4096.  The
rest is what a sound host shows: no errors, no drops, no rules.
""",
}


def write_context(folder):
    folder.mkdir(exist_ok=True)
    begin, end = LOST_START - 2 * 10**6, ANSWER_LOST[0] + 2 * 10**6
    for name, time, rejected, received in (("before", begin, REJECTED - LOST_COUNT, 18001200),
                                           ("after", end, REJECTED, 18017944)):
        files = {"time": "%d.%06d000\n" % divmod(time, 10**6), "netstat": netstat(rejected, received * 300),
                 "snmp": snmp(received), "softnet_stat": SOFTNET, "nf_conntrack_stat": CONNTRACK,
                 "sys_eth0": device(received)}
        for suffix, text in files.items():
            (folder / f"{name}.{suffix}").write_text(text)
    for name, text in STATE.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write_capture(HERE / "cap.pcap")
    write_context(HERE / "context")
