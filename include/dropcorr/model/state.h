/*
 * The host's own state and counters as known from samples: what was listening,
 * which protocols had handlers, which counters moved and when. Filled by
 * dc_state_text_parse() from samples, read by diagnosis.
 *
 * One owner thread. Getters return borrowed data, valid until the next change.
 * Bounded: a counter keeps its changes (at most DC_STATE_STEPS_MAX, older ones
 * folded together), lists have stated limits.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DC_STATE_STEPS_MAX 1024
#define DC_STATE_STEPS_TOTAL_MAX (1u << 20) /* over all counters: beyond it changes are folded earlier */
#define DC_STATE_COUNTERS_MAX 65536
#define DC_STATE_OBJECTS_MAX 4096
#define DC_STATE_NAME_MAX 256 /* bytes of a counter's, object's, setting's or device's name */
#define DC_STATE_HANDLERS_MAX 1024
#define DC_STATE_LISTS_MAX 32
#define DC_STATE_LISTENING_MAX 16384 /* listening and unconnected sockets */
#define DC_STATE_CONNECTED_MAX 16384
#define DC_STATE_SYSCTLS_MAX 16384
#define DC_STATE_VALUE_MAX 512 /* bytes of a setting's value; longer ones are cut */
#define DC_STATE_ADDRESSES_MAX 65536
#define DC_STATE_DEVICES_MAX 16384
#define DC_STATE_TEXTS_MAX 1024 /* some are kept per interface */
#define DC_STATE_TEXT_MAX (1u << 20)
#define DC_STATE_TEXTS_TOTAL_MAX (64u << 20)
#define DC_STATE_KERNEL_LINES_MAX 64
#define DC_STATE_KERNEL_LINES_ALIKE 4 /* lines that differ in numbers only: the newest replace each other */

typedef struct DcState DcState;

DcState *dc_state_new(void);
void dc_state_free(DcState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcState, dc_state_free)

/* What was not kept because one of the limits above was reached: names, rows, lines. */
uint64_t dc_state_refused(const DcState *state);

/* --- counters ---------------------------------------------------------------
 * Names: "Ip.InHdrErrors", "TcpExt.ListenOverflows", "Udp.RcvbufErrors" (snmp, netstat),
 * "Ip6InDiscards" (snmp6), "softnet.processed|dropped|time_squeeze|flow_limit" (sums over CPUs),
 * "dev.IF.rx_dropped|rx_errors|rx_fifo|rx_frame|..." (/proc/net/dev), "sys.IF.NAME" (sysfs
 * statistics), "ethtool.IF.NAME", "conntrack.drop|early_drop|insert_failed|invalid|search_restart|..."
 * (sums over CPUs), "rt_cache.in_martian_src|in_martian_dst|..." (sums), "nft.TABLE.CHAIN.HANDLE" (packets).
 * Beyond these: TABLE is "FAMILY NAME" ("nft.inet f.in.5": two families may use one name and one handle);
 * a rule listed without handle goes by its own words; "iptables.TABLE.CHAIN.RULE" and "ip6tables...." with
 * RULE as in iptables-save ("iptables.filter.INPUT.-p tcp -m tcp --dport 8089 -j DROP"), "...CHAIN.policy" for
 * a built-in chain; "arp_cache.*", "ndisc_cache.*" (table_fulls, unresolved_discards: sums),
 * "sockstat.UDP.mem" (/proc/net/sockstat), "ethtool_g.IF.rx|rx_max|tx|tx_max" (ring entries: set and largest). */

typedef struct {
  bool known;             /* at least two samples frame the span */
  uint64_t first, last;   /* values at the samples that enclose the span */
  uint64_t step;          /* last - first, 0 when it went backwards (reset) */
  int64_t from_ns, to_ns; /* times of those samples; DC_TIME_NONE for files without time */
} DcCounterStep;

/*
 * A sample of `object` begins: the counters set until the end belong to it. With zero_when_new, a
 * counter that the object's sample before did not hold counts as 0 there, provided that one was whole
 * (a firewall rule just added; not the line a truncated file lacks). Optional: counters may also be set bare.
 */
void dc_state_begin_object(DcState *state, const char *object, DcPhase phase, int64_t time_ns, bool zero_when_new);
void dc_state_end_object(DcState *state, bool whole); /* whole: nothing cut off or unreadable. Marks it seen */
void dc_state_drop_object(DcState *state);            /* instead of the end: nothing in it made sense */

/* Time may stand still but not go back: an earlier time than the counter's last is taken for that one. */
void dc_state_set_counter(DcState *state, int64_t time_ns, DcPhase phase, const char *name, uint64_t value);

/* How the counter moved over [from_ns, to_ns], between the last sample at or before from_ns and the first at or
 * after to_ns; DC_TIME_NONE for either end means the run's own. Where the counter stood still, an earlier (for from_ns)
 * or later (for to_ns) sample of the same value may stand for the nearest. Not known: first and last are
 * the nearest values there are. Untimed BEFORE and AFTER samples enclose every span. */
DcCounterStep dc_state_counter(const DcState *state, const char *name, int64_t from_ns, int64_t to_ns);

/* The smallest recorded intervals in which the counter grew, oldest first: fills up to max, the newest when there
 * are more; returns how many it filled. */
size_t dc_state_counter_steps(const DcState *state, const char *name, DcCounterStep *steps, size_t max);

/* The last value; false when never seen. */
bool dc_state_counter_value(const DcState *state, const char *name, uint64_t *ret_value);

/* Calls visit for every counter, in name order. */
void dc_state_each_counter(const DcState *state,
                           void (*visit)(const char *name, const DcCounterStep *whole, void *data), void *data);

/* --- protocol handlers (/proc/net/ptype, /proc/net/packet) ------------------ */

typedef struct {
  int32_t ethertype; /* -1: ALL (a tap) */
  char device[32];   /* empty: any */
  char handler[64];  /* symbol */
} DcProtocolHandler;

#define DC_HANDLER_PACKET_SOCKET "packet socket" /* handler of a row of /proc/net/packet */

/* Known in any sample is known: rows add up, the same row twice is one. */
void dc_state_add_handler(DcState *state, const DcProtocolHandler *handler);
bool dc_state_has_handlers(const DcState *state);                                    /* a ptype sample was seen */
const DcProtocolHandler *dc_state_handler(const DcState *state, uint16_t ethertype); /* NULL: none takes it */
const DcProtocolHandler *dc_state_taps(const DcState *state, size_t *ret_count);     /* ALL rows: who else captures */

/* --- sockets ---------------------------------------------------------------- */

typedef enum { DC_SOCKET_UDP, DC_SOCKET_TCP_LISTEN, DC_SOCKET_TCP, DC_SOCKET_RAW } DcSocketKind;

typedef struct {
  DcSocketKind kind;
  DcAddr local; /* all zero bytes: any address. version 6 with any address also takes IPv4 unless v6only */
  bool v6only;
  uint16_t local_port;
  DcAddr remote; /* version 0: not connected */
  uint16_t remote_port;
  uint32_t recv_queue; /* listen: connections waiting for accept(); else bytes unread */
  uint32_t send_queue; /* listen: backlog limit; else bytes unsent */
  bool has_queues;
  uint32_t rcvbuf; /* bytes, 0 unknown */
  uint64_t drops;  /* UDP and raw: lost at this socket */
  bool has_drops;
  char device[16];  /* bound device or empty */
  char process[64]; /* "name pid 123", empty unknown */
  char state[16];   /* "LISTEN", "SYN-RECV", ... */
  /* Kept by the state over all samples; what the caller puts here is not read, but for has_backlog. */
  bool has_backlog;     /* listen: send_queue is the limit. ss without inet_diag, and /proc/net/tcp, do not know it */
  uint16_t shared;      /* sockets of this very address in the last list (SO_REUSEPORT): drops are their sum,
                           recv_queue the fullest's */
  uint32_t recv_peak;   /* largest recv_queue in any sample */
  uint64_t drops_first; /* drops in the first sample that told them */
} DcSocket;

/* A new list of that name ("ss", "tcp", "udp6") replaces the old one, but a listening or unconnected socket
 * once known stays findable. Rows of several lists that speak of one socket are one: each adds what it knows. */
void dc_state_begin_sockets(DcState *state, const char *list);
void dc_state_add_socket(DcState *state, const char *list, const DcSocket *socket);
/* Whether a list told of this kind, so that absence means something: for the /proc lists both families are
 * needed unless the host has no IPv6; for ss a row of the kind. */
bool dc_state_has_sockets(const DcState *state, DcSocketKind kind);
const DcSocket *dc_state_sockets(const DcState *state, size_t *ret_count); /* sorted by kind, then port */

/* The socket a packet to (addr, port) would reach: TCP listener or UDP socket; NULL none. */
const DcSocket *dc_state_find_socket(const DcState *state, DcSocketKind kind, const DcAddr *addr, uint16_t port);
/* Any socket of that port on another address or family, for "no socket, but one on 127.0.0.1". */
const DcSocket *dc_state_find_port(const DcState *state, DcSocketKind kind, uint16_t port);

/* --- settings, addresses, text ---------------------------------------------- */

void dc_state_set_sysctl(DcState *state, const char *name, const char *value); /* "net.ipv4.tcp_syncookies" */
const char *dc_state_sysctl(const DcState *state, const char *name);           /* NULL unknown */
/* False too where the value is not one number: of several ("4096 131072 6291456") take the text. */
bool dc_state_sysctl_number(const DcState *state, const char *name, int64_t *ret_value);
bool dc_state_has_sysctls(const DcState *state);

void dc_state_add_address(DcState *state, const char *device, const DcAddr *addr, uint8_t prefix_len);
void dc_state_add_mac(DcState *state, const char *device, uint32_t ifindex, const uint8_t mac[6]);
bool dc_state_has_addresses(const DcState *state);
bool dc_state_is_local_address(const DcState *state, const DcAddr *addr); /* the host's own unicast; all of 127/8 */
/* 255.255.255.255, or the broadcast address of one of the host's IPv4 networks. */
bool dc_state_is_broadcast_address(const DcState *state, const DcAddr *addr);
bool dc_state_is_local_mac(const DcState *state, const uint8_t mac[6]);
/* A device that hands all it gets to a bridge: no packet goes up this host's stack from it. */
void dc_state_add_bridge_port(DcState *state, uint32_t ifindex);
void dc_state_each_bridge_port(const DcState *state, void (*visit)(uint32_t ifindex, void *data), void *data);
const char *dc_state_device_name(const DcState *state, uint32_t ifindex); /* NULL unknown */
/* The host's one device beside lo; NULL when there are none or several. */
const char *dc_state_only_device(const DcState *state);
/* In no particular order. */
void dc_state_each_address(const DcState *state, void (*visit)(const DcAddr *addr, void *data), void *data);
void dc_state_each_mac(const DcState *state, void (*visit)(const uint8_t mac[6], void *data), void *data);

/* Whole texts kept for rule search and proof: "nft", "nft.json", "iptables-save", "ip6tables-save", "route", "tc",
 * "uname", ... at most 1 MiB each. */
void dc_state_set_text(DcState *state, const char *name, const char *text, size_t len);
const char *dc_state_text(const DcState *state, const char *name); /* NUL-terminated, NULL unknown */
/* Changes with every text, and no two states share one: what was made of the texts may be kept by it. */
uint64_t dc_state_text_version(const DcState *state);

/* Lines of the kernel log that speak of drops ("table full, dropping packet"), at most 64. */
void dc_state_add_kernel_line(DcState *state, const char *line, size_t len);
const char *const *dc_state_kernel_lines(const DcState *state, size_t *ret_count);
/* Whether the line at that index stood in the log before the run began (a BEFORE sample held it): it says nothing
 * of what the run lost. */
bool dc_state_kernel_line_is_old(const DcState *state, size_t index);

/* Kernel version from uname: major << 16 | minor << 8, 0 unknown. */
uint32_t dc_state_kernel_version(const DcState *state);
const char *dc_state_kernel_release(const DcState *state); /* "6.1.0-56-cloud-amd64" or NULL */

/* Objects seen, by sample name, for "not checked (no softnet_stat)". */
void dc_state_mark_seen(DcState *state, const char *object, DcPhase phase, int64_t time_ns);
bool dc_state_seen(const DcState *state, const char *object);
/* Whether the last sample of it is as new as that, or bears no time (a file). */
bool dc_state_seen_since(const DcState *state, const char *object, int64_t time_ns);
