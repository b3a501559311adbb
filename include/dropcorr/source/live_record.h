/*
 * What the threads of a live run push into their DcQueue: one fixed head, then the
 * body's bytes. Heads are plain values of this process, never read from outside.
 */
#pragma once

#include "dropcorr/base/queue.h"
#include "dropcorr/model/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  DC_LIVE_FRAME,   /* body: the frame's bytes */
  DC_LIVE_NETLINK, /* body: one NET_DM message from its nlmsghdr on */
  DC_LIVE_TRACE,   /* body: none, all in the head */
  DC_LIVE_SAMPLE,  /* body: the object's name, a NUL, the text */
  DC_LIVE_LOSS,    /* body: none */
  DC_LIVE_MARK,    /* this thread pushes nothing earlier than time_ns any more */
  DC_LIVE_NOTICE,  /* body: a line for the user ("eth0 was renamed to lan0") */
  DC_LIVE_FAILURE, /* body: the error's message; the thread ends after it */
  DC_LIVE_END      /* the thread's last record */
} DcLiveKind;

/* A kfree_skb hit, with the reception of the same skb where it was seen. */
typedef struct {
  uint64_t pc, skb;
  int64_t rx_time_ns; /* 0: not seen */
  int64_t rx_wait_ns;
  int64_t rx_passed_ns;
  int64_t rx_before_ns, rx_after_ns;
  uint32_t rx_len;
  int32_t protocol; /* -1: the kernel does not tell */
  int32_t reason;   /* enum value of this kernel; -1: the kernel does not tell */
  char rx_ifname[16];
} DcLiveTrace;

typedef struct {
  uint8_t kind;        /* DcLiveKind */
  uint8_t sub;         /* FRAME: DcDirection; SAMPLE: DcPhase; LOSS: DcLossKind; FAILURE: DcErrorCode */
  uint32_t marks_lost; /* marks this thread could not push so far: no loss, but the queue counted them */
  int64_t time_ns;     /* CLOCK_REALTIME; LOSS: end of the span */
  size_t body_len;     /* bytes behind the head */
  union {
    struct { /* FRAME */
      uint32_t caplen, len;
      uint32_t ifindex;
    };
    struct {           /* LOSS */
      int64_t from_ns; /* begin of the span */
      uint64_t count;
      const char *detail; /* a string constant or NULL */
    };
    DcLiveTrace trace; /* TRACE */
  };
} DcLiveRecord;

/* A thread's own end of its queue. Not shared: only the queue behind it is. */
typedef struct {
  DcQueue *queue; /* borrowed */
  int wake_fd;    /* eventfd written when much was pushed since the last wake, or -1; borrowed */
  size_t pushed;  /* bytes since the last wake */
  uint32_t marks_lost;
} DcLiveSink;

/* False: the queue was full, and counted it. body may be NULL when body_len is 0. */
bool dc_live_push(DcLiveSink *sink, DcLiveRecord *record, const void *body);
void dc_live_push_mark(DcLiveSink *sink, int64_t time_ns);
void dc_live_push_loss(DcLiveSink *sink, DcLossKind kind, uint64_t count, int64_t from_ns, int64_t to_ns,
                       const char *detail);
void dc_live_push_text(DcLiveSink *sink, DcLiveKind kind, int code, const char *text);
