/*
 * A report as diagnosis makes it, filled by hand: the findings of a busy host with several
 * troubles at once. Tests change what they look at. Arrays own their elements as dc_report_free()
 * expects: strings by the array, the rest by the report.
 */
#pragma once

#include "dropcorr/decode/packet.h"
#include "dropcorr/diagnose/finding.h"

#include <string.h>

#define SAMPLE_T0 INT64_C(1795168317154238000)

static inline DcReport *sample_report_empty(void)
{
  DcReport *report = g_new0(DcReport, 1);
  report->summary.losses = g_ptr_array_new_with_free_func(g_free);
  report->summary.complete = true;
  report->summary.first_ns = SAMPLE_T0;
  report->summary.last_ns = SAMPLE_T0 + INT64_C(6758000000);
  report->findings = g_ptr_array_new();
  report->checks = g_ptr_array_new();
  report->drop_groups = g_ptr_array_new();
  report->limits = g_ptr_array_new_with_free_func(g_free);
  report->sources = g_ptr_array_new_with_free_func(g_free);
  return report;
}

static inline DcFinding *sample_finding(DcReport *report, DcCause cause, DcSeverity severity, DcConfidence confidence,
                                        DcFate fate, const char *title)
{
  DcFinding *finding = g_new0(DcFinding, 1);
  finding->number = report->findings->len + 1;
  finding->cause = cause;
  finding->severity = severity;
  finding->confidence = confidence;
  finding->fate = fate;
  finding->title = g_strdup(title);
  finding->service.ethertype = -1;
  finding->first_ns = finding->last_ns = DC_TIME_NONE;
  finding->evidence = g_ptr_array_new();
  finding->rivals = g_ptr_array_new_with_free_func(g_free);
  finding->confirm = g_ptr_array_new();
  finding->fix = g_ptr_array_new();
  finding->notes = g_ptr_array_new_with_free_func(g_free);
  finding->reasons = g_ptr_array_new_with_free_func(g_free);
  finding->sites = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(report->findings, finding);
  return finding;
}

static inline void sample_evidence(DcFinding *finding, const char *source, const char *text, int64_t time_ns)
{
  DcProof *line = g_new0(DcProof, 1);
  *line = (DcProof){.source = g_strdup(source), .text = g_strdup(text), .time_ns = time_ns};
  g_ptr_array_add(finding->evidence, line);
}

static inline void sample_action(GPtrArray *actions, const char *command, const char *what)
{
  DcAction *action = g_new0(DcAction, 1);
  *action = (DcAction){.command = g_strdup(command), .what = g_strdup(what)};
  g_ptr_array_add(actions, action);
}

static inline void sample_client(DcFinding *finding, const char *address, uint64_t frames)
{
  DcClient *client = &finding->clients[finding->client_count++];
  g_assert_true(dc_addr_parse(address, &client->addr));
  client->frames = frames;
}

static inline void sample_counts(DcFinding *finding, uint64_t frames, uint64_t seen, uint64_t drops, uint64_t bytes,
                                 uint64_t first_frame, int64_t first_ns, int64_t last_ns)
{
  finding->frames = frames;
  finding->seen = seen;
  finding->drops = drops;
  finding->bytes = bytes;
  finding->by_match[DC_MATCH_EXACT] = drops;
  finding->example_count = (uint32_t)MIN(frames, DC_FINDING_EXAMPLES);
  for (uint32_t i = 0; i < finding->example_count; i++)
    finding->examples[i] = first_frame + i;
  finding->first_ns = first_ns;
  finding->last_ns = last_ns;
}

static inline void sample_check(DcReport *report, DcCause cause, DcCheckState state, const char *value)
{
  DcCheck *check = g_new0(DcCheck, 1);
  *check = (DcCheck){.cause = cause, .state = state, .value = g_strdup(value)};
  g_ptr_array_add(report->checks, check);
}

static inline void sample_group(DcReport *report, DcDropStatus status, uint8_t why, uint64_t drops,
                                const char *location, const char *reason, const char *packet)
{
  DcDropGroup *group = g_new0(DcDropGroup, 1);
  *group = (DcDropGroup){.status = status,
                         .why = why,
                         .drops = drops,
                         .location = g_strdup(location),
                         .reason = g_strdup(reason),
                         .packet = g_strdup(packet),
                         .first_ns = SAMPLE_T0,
                         .last_ns = SAMPLE_T0 + 1000,
                         .example = 3};
  g_ptr_array_add(report->drop_groups, group);
}

static inline void sample_checks(DcReport *report)
{
  sample_check(report, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CHECK_RULED_IN, "4 frames");
  sample_check(report, DC_CAUSE_OTHER_HOST, DC_CHECK_RULED_OUT, "no drop and no frame of this kind");
  sample_check(report, DC_CAUSE_NETFILTER_DROP, DC_CHECK_RULED_IN, "3 frames");
  sample_check(report, DC_CAUSE_CONNTRACK_FULL, DC_CHECK_RULED_OUT, "7611 of 65536 entries");
  sample_check(report, DC_CAUSE_CONNTRACK_CLASH, DC_CHECK_NOT_CHECKED, "no nf_conntrack statistics");
  sample_check(report, DC_CAUSE_TC_INGRESS, DC_CHECK_RULED_OUT, "no drop and no frame of this kind");
  sample_check(report, DC_CAUSE_XDP, DC_CHECK_NOT_CHECKED, "XDP drops give no event; no ethtool statistics");
  sample_check(report, DC_CAUSE_SOCKET_FILTER, DC_CHECK_RULED_OUT, "no drop and no frame of this kind");
  sample_check(report, DC_CAUSE_RP_FILTER, DC_CHECK_RULED_OUT, "TcpExt.IPReversePathFilter stands at 12");
  sample_check(report, DC_CAUSE_IP_CHECKSUM, DC_CHECK_RULED_OUT, "no drop and no frame of this kind");
  sample_check(report, DC_CAUSE_TCP_CHECKSUM, DC_CHECK_RULED_OUT, "no drop and no frame of this kind");
  sample_check(report, DC_CAUSE_UDP_CHECKSUM, DC_CHECK_RULED_OUT, "no drop and no frame of this kind");
  sample_check(report, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_CHECK_RULED_IN, "TcpExt.ListenOverflows +8");
  sample_check(report, DC_CAUSE_SYN_QUEUE_FULL, DC_CHECK_RULED_OUT, "TcpExt.TCPReqQFullDrop stands at 0");
  sample_check(report, DC_CAUSE_PAWS, DC_CHECK_RULED_OUT, "TcpExt.PAWSPassive and PAWSEstab stand at 0");
  sample_check(report, DC_CAUSE_UDP_RCVBUF, DC_CHECK_RULED_IN, "Udp.RcvbufErrors +17");
  sample_check(report, DC_CAUSE_RING_OVERFLOW, DC_CHECK_RULED_OUT, "rx_missed_errors 0, rx_fifo_errors 0");
  sample_check(report, DC_CAUSE_CPU_BACKLOG, DC_CHECK_RULED_OUT, "softnet.dropped stands at 0");
  sample_check(report, DC_CAUSE_MEMORY_PRESSURE, DC_CHECK_NOT_CHECKED, "no ethtool statistics");
  sample_check(report, DC_CAUSE_NIC_ERROR, DC_CHECK_NOT_CHECKED, "no ethtool statistics");
  sample_check(report, DC_CAUSE_HARDWARE_TRAP, DC_CHECK_NOT_CHECKED, "no ethtool statistics");
}

static inline void sample_udp(DcReport *report)
{
  DcFinding *finding = sample_finding(report, DC_CAUSE_UDP_RCVBUF, DC_SEVERITY_HIGH, DC_CONFIDENCE_CERTAIN,
                                      DC_FATE_DROPPED, "UDP port 5001: receive buffer full");
  sample_counts(finding, 17, 20, 17, 17204, 43, SAMPLE_T0 + INT64_C(2154238101), SAMPLE_T0 + INT64_C(2391110992));
  finding->service = (DcService){.protocol = 17, .port = 5001, .ethertype = -1};
  sample_client(finding, "10.0.0.2", 17);
  sample_evidence(finding, "drop 23", "SOCKET_RCVBUFF at __udp4_lib_rcv+0x4bc/0xd00, bytes of frame 43",
                  SAMPLE_T0 + INT64_C(2154629330));
  sample_evidence(finding, "snmp", "Udp.RcvbufErrors rose from 0 to 17, Udp.InErrors from 2 to 19", DC_TIME_NONE);
  sample_evidence(finding, "ss", "*:5001 (srv pid 119) holds 6912 unread bytes", DC_TIME_NONE);
  sample_action(finding->confirm, "ss -uamn 'sport = :5001'", "rb is the buffer's limit, d counts what it lost");
  sample_action(finding->confirm, "nstat -az UdpRcvbufErrors", "rises while the loss goes on");
  sample_action(finding->fix, "sysctl -w net.core.rmem_max=8388608",
                "then let the service ask for it with SO_RCVBUF; rmem_max alone changes nothing for running sockets");
  sample_action(finding->fix, NULL, "make the reader faster: it lets datagrams wait");
  g_ptr_array_add(finding->reasons, g_strdup("SOCKET_RCVBUFF x17"));
  g_ptr_array_add(finding->sites, g_strdup("__udp4_lib_rcv+0x4bc/0xd00 x17"));
}

static inline void sample_accept_queue(DcReport *report)
{
  DcFinding *finding = sample_finding(report, DC_CAUSE_ACCEPT_QUEUE_FULL, DC_SEVERITY_HIGH, DC_CONFIDENCE_LIKELY,
                                      DC_FATE_SILENT, "TCP port 2222: accept queue full");
  sample_counts(finding, 8, 14, 0, 592, 70, SAMPLE_T0 + INT64_C(2801000000), SAMPLE_T0 + INT64_C(5811000000));
  finding->service = (DcService){.protocol = 6, .port = 2222, .ethertype = -1};
  sample_client(finding, "10.0.0.2", 5);
  sample_client(finding, "2001:db8:0:12::7fff:1", 3);
  sample_evidence(finding, "netstat", "TcpExt.ListenOverflows +8 and ListenDrops +8 over the 8 unanswered SYNs",
                  DC_TIME_NONE);
  sample_evidence(finding, "ss", "*:2222 (srv pid 117): 2 connections wait for accept(), the backlog is 1",
                  DC_TIME_NONE);
  g_ptr_array_add(finding->rivals, g_strdup("syn-queue-full: TcpExt.TCPReqQFullDrop was not sampled"));
  sample_action(finding->confirm, "ss -ltn 'sport = :2222'", "Recv-Q above Send-Q: the queue is full now");
  sample_action(finding->fix, NULL, "let the service call accept() more often: threads, event loop, a stuck worker");
  sample_action(finding->fix, "sysctl -w net.core.somaxconn=4096", "and a larger backlog in the service's listen()");
  g_ptr_array_add(finding->notes, g_strdup("the kernel frees such SYNs without a drop event: counters and the wire "
                                           "are all there is"));
}

static inline void sample_netfilter(DcReport *report)
{
  DcFinding *finding = sample_finding(report, DC_CAUSE_NETFILTER_DROP, DC_SEVERITY_LOW, DC_CONFIDENCE_CERTAIN,
                                      DC_FATE_DROPPED, "TCP port 8089: dropped by a netfilter rule");
  sample_counts(finding, 3, 3, 3, 222, 12, SAMPLE_T0 + INT64_C(1000110000), SAMPLE_T0 + INT64_C(1420998120));
  finding->service = (DcService){.protocol = 6, .port = 8089, .ethertype = -1};
  sample_client(finding, "10.0.0.2", 3);
  sample_evidence(finding, "drop 5", "NETFILTER_DROP at nft_do_chain+0x47f/0x5e0 [nf_tables], bytes of frame 12",
                  SAMPLE_T0 + INT64_C(1000500000));
  sample_evidence(finding, "nft", "table inet f chain in: tcp dport 8089 drop", DC_TIME_NONE);
  sample_action(finding->confirm, "nft -a list chain inet f in | grep -n 'dport 8089'", "the rule and its handle");
  sample_action(finding->fix, "nft delete rule inet f in handle 4", "if port 8089 is meant to be reached");
  g_ptr_array_add(finding->reasons, g_strdup("NETFILTER_DROP x3"));
  g_ptr_array_add(finding->sites, g_strdup("nft_do_chain+0x47f/0x5e0 [nf_tables] x3"));
}

static inline void sample_stp(DcReport *report)
{
  DcFinding *finding = sample_finding(report, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_SEVERITY_INFO, DC_CONFIDENCE_CERTAIN,
                                      DC_FATE_UNHANDLED, "802.3 LLC (STP) has no protocol handler");
  sample_counts(finding, 2, 2, 0, 238, 26, SAMPLE_T0 + INT64_C(1800110000), SAMPLE_T0 + INT64_C(1901998120));
  finding->service = (DcService){.ethertype = 0x0004};
  finding->client_count = 1;
  memcpy(finding->clients[0].mac, "\x02\x00\x00\x00\x00\x02", 6);
  finding->clients[0].frames = 2;
  sample_evidence(finding, "ptype", "no row 0004 before the capture began", DC_TIME_NONE);
  g_ptr_array_add(finding->notes, g_strdup("rx_dropped counts these only while nobody captures"));
  sample_action(finding->confirm, "cat /proc/net/ptype", "handlers by ethertype");
  sample_action(finding->fix, NULL, "nothing needs to be done; the switch's port can stop sending STP to hosts");
}

static inline void sample_service(GPtrArray *services, DcService service, const char *name, uint64_t seen,
                                  uint64_t lost, uint64_t harmless, uint64_t open)
{
  DcServiceLoss *loss = g_new0(DcServiceLoss, 1);
  *loss = (DcServiceLoss){
      .service = service, .name = g_strdup(name), .seen = seen, .lost = lost, .harmless = harmless, .open = open};
  g_ptr_array_add(services, loss);
}

static inline DcHandshake *sample_attempt(uint16_t port, uint32_t syns)
{
  DcHandshake *attempt = g_new0(DcHandshake, 1);
  attempt->id = port;
  attempt->brief = (DcBrief){.has = DC_HAS_MAC | DC_HAS_ETHERTYPE | DC_HAS_IP | DC_HAS_PORTS | DC_HAS_TCP,
                             .flow = {.src = {10, 0, 0, 2},
                                      .dst = {10, 0, 0, 1},
                                      .src_port = port,
                                      .dst_port = 2222,
                                      .ethertype = 0x0800,
                                      .ip_version = 4,
                                      .protocol = 6},
                             .tcp_flags = DC_TCP_SYN,
                             .len = 74,
                             .direction = DC_DIRECTION_IN};
  attempt->isn = port;
  attempt->syns = syns;
  attempt->first_ns = attempt->last_ns = SAMPLE_T0 + INT64_C(2801000000);
  for (uint32_t i = 0; i < MIN(syns, DC_HANDSHAKE_FRAMES_MAX); i++) {
    attempt->frames[i] = 70 + i;
    attempt->times_ns[i] = attempt->last_ns = attempt->first_ns + ((INT64_C(1) << i) - 1) * DC_NS_PER_S;
  }
  attempt->answer_ns = attempt->total_ns = -1;
  return attempt;
}

static inline void sample_plots(DcReport *report)
{
  report->services = g_ptr_array_new();
  sample_service(report->services, (DcService){.protocol = 17, .port = 5001, .ethertype = -1}, "UDP port 5001", 20, 17,
                 0, 0);
  sample_service(report->services, (DcService){.protocol = 6, .port = 2222, .ethertype = -1}, "TCP port 2222", 14, 8, 0,
                 1);
  sample_service(report->services, (DcService){.protocol = 6, .port = 8089, .ethertype = -1}, "TCP port 8089", 3, 3, 0,
                 0);
  sample_service(report->services, (DcService){.ethertype = 0x0004}, "ethertype 0x0004 (802.3 LLC)", 2, 0, 2, 0);
  static const uint64_t frames[] = {9, 11, 24, 0, 17}, lost[] = {3, 0, 17, 0, 8}, harmless[] = {0, 2, 0, 0, 0},
                        open[] = {0, 0, 0, 0, 1}, drops[] = {3, 0, 17, 6, 0};
  report->activity = (DcActivity){.begin_ns = SAMPLE_T0 - SAMPLE_T0 % DC_NS_PER_S,
                                  .bin_ns = DC_NS_PER_S,
                                  .used = G_N_ELEMENTS(frames),
                                  .frames = g_memdup2(frames, sizeof frames),
                                  .lost = g_memdup2(lost, sizeof lost),
                                  .harmless = g_memdup2(harmless, sizeof harmless),
                                  .open = g_memdup2(open, sizeof open),
                                  .drops = g_memdup2(drops, sizeof drops)};
  report->unanswered = sample_attempt(40010, 3);
  report->unanswered->outcome = DC_OUTCOME_SILENT;
  report->unanswered->unanswered = 3;
  report->unanswered->cause = DC_CAUSE_ACCEPT_QUEUE_FULL;
  report->unanswered->confidence = DC_CONFIDENCE_LIKELY;
  report->answered = sample_attempt(40009, 1);
  report->answered->outcome = DC_OUTCOME_ANSWERED;
  report->answered->answer_frame = 71;
  report->answered->answer_time_ns = report->answered->first_ns + 180000;
  report->answered->answer_ns = report->answered->total_ns = 180000;
  report->answered->synacks = 1;
  report->answered->established = true;
  report->answered->established_frame = 72;
  report->answered->established_ns = report->answered->first_ns + 900000;
}

/* 105 frames, 61 drops: every sum adds up. */
static inline DcReport *sample_report(void)
{
  DcReport *report = sample_report_empty();
  sample_udp(report);
  sample_accept_queue(report);
  sample_netfilter(report);
  sample_stp(report);
  sample_checks(report);
  sample_plots(report);
  sample_group(report, DC_DROP_STATUS_NOISE, DC_ASIDE_NEIGHBOUR, 14, "ip6_mc_input", "NOT_SPECIFIED", NULL);
  sample_group(report, DC_DROP_STATUS_OUTBOUND, DC_ASIDE_OUTBOUND_FRAME, 21, "tcp_v4_rcv", "NO_SOCKET", NULL);
  sample_group(report, DC_DROP_STATUS_UNMATCHED, DC_UNMATCHED_NO_FRAME, 6, "__udp4_lib_rcv", "NO_SOCKET",
               "10.0.0.3:40003 > 10.0.0.1:5999: UDP, 43 bytes");
  DcSummary *summary = &report->summary;
  summary->frames_seen = 105;
  summary->frames_by_fate[DC_FATE_DROPPED] = 20;
  summary->frames_by_fate[DC_FATE_SILENT] = 8;
  summary->frames_by_fate[DC_FATE_UNHANDLED] = 2;
  summary->frames_by_fate[DC_FATE_UNEXPLAINED] = 1;
  summary->frames_by_fate[DC_FATE_ANSWERED] = 19;
  summary->frames_by_fate[DC_FATE_UNREMARKABLE] = 11;
  summary->frames_by_fate[DC_FATE_OUTBOUND] = 44;
  summary->drops_seen = 61;
  summary->drops_by_status[DC_DROP_STATUS_MATCHED] = 20;
  summary->drops_by_status[DC_DROP_STATUS_NOISE] = 14;
  summary->drops_by_status[DC_DROP_STATUS_OUTBOUND] = 21;
  summary->drops_by_status[DC_DROP_STATUS_UNMATCHED] = 6;
  summary->matched_by[DC_MATCH_EXACT] = 20;
  summary->handshakes_by_outcome[DC_OUTCOME_ANSWERED] = 9;
  summary->handshakes_by_outcome[DC_OUTCOME_SILENT] = 3;
  summary->handshakes_by_outcome[DC_OUTCOME_DROPPED] = 1;
  report->verdict = g_strdup("28 frames to 10.0.0.1 were lost; most: UDP port 5001, receive buffer full (17 of 20)");
  report->direction = g_strdup("given (--local): 10.0.0.1, fd00::1, 02:00:00:00:00:01");
  report->kernel = g_strdup("6.1.0-56-cloud-amd64");
  g_ptr_array_add(report->sources, g_strdup("frames: cap.pcap (pcap, Ethernet, ns), 105 frames"));
  g_ptr_array_add(report->sources, g_strdup("drops: drops.pcap (NET_DM pcap), 61 drops"));
  g_ptr_array_add(report->sources, g_strdup("state: lab-6.1 (snmp, netstat, softnet_stat, ptype, ss, nft)"));
  g_ptr_array_add(report->limits, g_strdup("no ethtool statistics: what the network card itself lost is unknown"));
  g_ptr_array_add(report->limits,
                  g_strdup("counters were read before and after only: a step cannot be given a moment"));
  return report;
}
