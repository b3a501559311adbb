/*
 * How packets, times and quantities are called in lines for people and in the short form of
 * the machine formats. Plain functions of their input, except that times of day
 * follow the process's time zone. Nothing here needs escaping: every character is ASCII
 * of the program's own making.
 */
#pragma once

#include "dropcorr/diagnose/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The frame's addresses: IP, or ARP's sender and target. False when it has none. */
bool dc_brief_addresses(const DcBrief *brief, DcAddr *ret_src, DcAddr *ret_dst);

/* ECS network.type: "ipv4", "ipv6", "arp", "lldp", "llc"...; NULL: no name, see the ethertype. */
const char *dc_brief_network_type(const DcBrief *brief);

/* tcpdump's letters: "S", "S.", "P.", "R"; "none". */
const char *dc_tcp_flags_text(uint8_t flags, char text[static 12]);

/* One line: "10.0.0.2:40001 > 10.0.0.1:8089: TCP S, 74 bytes". numeric: without names of
 * well-known ports. */
#define DC_PACKET_TEXT_MAX 256
const char *dc_packet_text(const DcBrief *brief, bool numeric, char text[static DC_PACKET_TEXT_MAX]);

/* A well-known port's name ("ssh"), or NULL. A table of our own: a lookup through the
 * system may ask the network. */
const char *dc_port_name(uint16_t port);

/* "390 us", "1.25 ms", "7.0 s", "63 s", "12 min". Negative: "-390 us". */
#define DC_QUANTITY_TEXT_MAX 40
const char *dc_duration_text(int64_t ns, char text[static DC_QUANTITY_TEXT_MAX]);

/* later - earlier, at the ends of the range where that has none: files hold any time. */
int64_t dc_span_ns(int64_t earlier, int64_t later);

/* "+0.003", "+1.0", "+63": seconds between the attempts of a handshake. */
const char *dc_offset_text(int64_t ns, char text[static DC_QUANTITY_TEXT_MAX]);

/* "85%", "3.2%", "0.04%", "1 in 25000"; "" when seen is 0 or smaller than lost. */
const char *dc_rate_text(uint64_t lost, uint64_t seen, char text[static DC_QUANTITY_TEXT_MAX]);

/* "1292 bytes", "1.2 MB". */
const char *dc_bytes_text(uint64_t bytes, char text[static DC_QUANTITY_TEXT_MAX]);

/* Local time: "18:31:58.154238" with 0, 3, 6 or 9 digits of the second; "no time" for DC_TIME_NONE. */
#define DC_TIME_TEXT_MAX 48
const char *dc_time_text(int64_t time_ns, int digits, char text[static DC_TIME_TEXT_MAX]);

/* "2026-11-20 18:31:58.154238 CET" */
const char *dc_date_text(int64_t time_ns, int digits, char text[static DC_TIME_TEXT_MAX]);

/* "" for 1, "s" else. */
const char *dc_plural(uint64_t n);

/* What a fate means, in a few words. */
const char *dc_fate_text(DcFate fate);

/* How the drops were joined: "matched byte for byte". */
const char *dc_match_text(DcMatch match);

/* Frames that never reached a socket: dropped, unhandled, refused, silent. */
uint64_t dc_summary_lost(const DcSummary *summary);

/* "TCP", "UDP", "ICMP", or the number: for people. */
const char *dc_transport_text(uint8_t protocol, char text[static 24]);

/* What a status means, in a few words. */
const char *dc_drop_status_text(DcDropStatus status);

/* Why a drop has no frame, or accuses nobody; NULL: it is matched. */
const char *dc_drop_why_text(DcDropStatus status, uint8_t unmatched_why, uint8_t aside_why);

/* Why a group of drops has no frame: also of matched ones, which then could be several frames'. Never NULL. */
const char *dc_drop_group_why_text(const DcDropGroup *group);

/* "+0x47f/0x5e0" behind its function, as the kernel prints %pS. */
#define DC_SYMBOL_TEXT_MAX 300
const char *dc_symbol_text(const DcDrop *drop, char text[static DC_SYMBOL_TEXT_MAX]); /* NULL: no symbol */

/* Sentences on a finding; the caller frees. */
char *dc_finding_count_text(const DcFinding *finding); /* "17 of 20 frames (85%)", "12 drops" */
char *dc_finding_sure_text(const DcFinding *finding);  /* "certain: all 17 drops matched byte for byte" */

/* The first action with a command, else the first; NULL: none. */
const DcAction *dc_first_action(const GPtrArray *actions);

/* The one line above everything: the report's own, or made from its counts. The caller frees. */
char *dc_report_verdict_text(const DcReport *report);
/* "61 frames in: 45 lost (74%), 2 unexplained, 14 fine; 44 out." */
char *dc_report_count_text(const DcReport *report);
/* "Losses: 38 certain, 6 likely. 37 of 61 drops matched a frame, 36 byte for byte." */
char *dc_report_sure_text(const DcReport *report);
/* "55 causes: 3 ruled in, 40 ruled out, 12 not checked" */
char *dc_report_check_text(const DcReport *report);
/* Frames that never reached a socket, without those of findings that are harmless. */
uint64_t dc_report_lost(const DcReport *report);
/* Nothing was lost and nothing is unexplained. */
bool dc_report_healthy(const DcReport *report);

/* What the counts of a finding are called: "lost", "open" where no cause is known, "seen" where it does no harm. */
const char *dc_finding_count_label(const DcFinding *finding);
