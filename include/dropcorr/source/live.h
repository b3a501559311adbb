/*
 * The running host as one source of events: capture, drops and samples, each in a thread
 * of its own, merged by event time.
 *
 * An event is given out when every thread has got past its time, or after 500 ms. One that comes later
 * still is given out at once, in order of arrival. Whoever writes the events to an evidence
 * file in the order given, and feeds them to the correlator in the same order, gets the same answer
 * when the file is replayed.
 *
 * Order of use: dc_live_open() (needs privileges; the host is sampled, then the taps open),
 * dc_privilege_drop(), dc_live_start(), then dc_source_next() until DC_READ_END: DC_READ_WAIT
 * means poll dc_live_fd(). End it by requesting the stop; next() then gives what is under way, the
 * final samples and losses, and END. All from one thread. Free it also when it never ran.
 */
#pragma once

#include "dropcorr/base/stop.h"
#include "dropcorr/base/strings.h"
#include "dropcorr/source/capture_live.h"
#include "dropcorr/source/evidence_write.h"
#include "dropcorr/source/source.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How drops are learnt. AUTO takes the first of the others that works. */
typedef enum {
  DC_LIVE_DROPS_AUTO,
  DC_LIVE_DROPS_PACKET,     /* NET_DM packet alerts */
  DC_LIVE_DROPS_SUMMARY,    /* NET_DM summary alerts */
  DC_LIVE_DROPS_TRACEPOINT, /* skb:kfree_skb */
  DC_LIVE_DROPS_NONE
} DcLiveDrops;

typedef struct {
  DcCaptureLiveOptions capture;
  DcLiveDrops drops;
  uint32_t drop_trunc_len;                  /* bytes of each dropped packet; 0: 256 */
  int64_t verify_ns;                        /* watch drops alone for so long before the tap opens: what has no protocol
                                               handler shows itself only then; 0: not */
  void (*verify_begins)(int64_t verify_ns); /* called in dc_live_open() when that watch begins; NULL: not */
  size_t queue_bytes;                       /* per thread; 0: 32 MiB */
  bool sample;                              /* take samples (off only in tests) */
} DcLiveOptions;

void dc_live_options_init(DcLiveOptions *options);

/* A local interface's identity, for telling directions apart. */
typedef struct {
  const char *name;
  uint32_t ifindex;
  uint8_t mac[6];
  bool has_mac;
} DcLiveInterface;

/* All borrowed from the source; constant after open. */
typedef struct {
  const DcCaptureLiveInfo *capture;
  DcLiveDrops drops;                 /* what is in force */
  const char *drops_name;            /* "packet", "summary", "tracepoint", "none" */
  const char *drops_text;            /* which way and why, a sentence */
  const char *drops_cost;            /* what it costs and hides, a sentence; NULL for none */
  const DcLiveInterface *interfaces; /* the captured one, or all for "any" */
  size_t interface_count;
  const DcAddr *addresses; /* of the host, all interfaces */
  size_t address_count;
  int64_t open_ns;                      /* when the tap opened */
  int64_t verify_from_ns, verify_to_ns; /* span in which drops were watched without a tap; 0 none */
} DcLiveInfo;

typedef struct {
  DcCaptureLiveStats capture;
  uint64_t drops;          /* given out */
  uint64_t drops_filtered; /* whose bytes the filter rejected: not given out */
  uint64_t late;           /* events that came after a later one had been given out */
  uint64_t lost[DC_LOSS_COUNT];
  size_t held_max; /* most events held back at once */
} DcLiveStats;

/* strings: reasons, symbols; used by the calling thread, must outlive the source. stop: borrowed.
 * Errors: those of capture, and of the drop source when one was asked for by name. */
DcSource *dc_live_open(const DcLiveOptions *options, DcStrings *strings, DcStop *stop, GError **error);

bool dc_live_start(DcSource *live, GError **error);

/* Readable when next() may have something. Owned by the source. */
int dc_live_fd(const DcSource *live);

const DcLiveInfo *dc_live_info(const DcSource *live);

/* What an evidence file says of this run, all but the command line. Borrowed from the source. */
void dc_live_evidence_meta(const DcSource *live, DcEvidenceMeta *ret_meta);

void dc_live_stats(const DcSource *live,
                   DcLiveStats *ret_stats); /* complete after END; before, what was given out so far */

/* The oldest line for the user not yet taken, NULL when there is none. Valid until the next call. */
const char *dc_live_notice(DcSource *live);

/* Somebody waits for the end, which was requested: what next() has not given out within_ns from now is counted
 * as lost (DC_LOSS_QUEUE) instead, the final samples excepted. A second call changes nothing. */
void dc_live_hurry(DcSource *live, int64_t within_ns);

/* Puts the kernel back as it was; implied by dc_source_free(), which cannot tell of errors. Call after END. */
bool dc_live_close(DcSource *live, GError **error);

/* For -D, as tcpdump prints it: "1.eth0 [Up, Running]" per interface. Caller frees (g_strfreev). */
char **dc_live_interfaces(GError **error);
