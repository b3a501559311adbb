#include "dropcorr/source/clock_fit.h"

#include "clock_search.h"
#include "dropcorr/base/hash.h"
#include "dropcorr/model/site.h"

#include <stdlib.h>
#include <string.h>

/* An answer comes within this, or does not prove that the frame was taken. */
#define ANSWER_NS DC_NS_PER_S

/*
 * A drop follows its frame within this: p99 is 10 us on a bare machine, 2.5 ms in an emulated one. Where frames come so
 * thick that every shift fits in the widest window, a narrower one may still tell.
 */
static const int64_t windows_ns[] = {10 * DC_NS_PER_MS, DC_NS_PER_MS, 250 * DC_NS_PER_US};

/* Receptions and their frames are stamped within microseconds of each other. */
#define RECEPTION_NS (20 * DC_NS_PER_US)
#define RECEPTION_DRIFT_NS DC_NS_PER_MS

/* So many drops are joined to frames; of more, every second, third, ... one. */
#define MARKS_MAX 4096u

/* Times that cannot be are left out: sums and differences of those within do not overflow. */
#define TIME_MAX_NS (INT64_MAX / 4)

/* A frame while it is collected: its flow is needed to see whether it was answered. */
typedef struct {
  DcFitFrame frame;
  uint64_t flow; /* the same for both directions; 0: no flow */
  bool reverse;  /* from the larger endpoint */
  bool outgoing;
  bool reset;
} Collected;

typedef struct {
  int64_t first_ns, last_ns;
  bool any;
} Span;

struct DcClockFit {
  GArray *frames;     /* Collected */
  GArray *marks;      /* DcFitMark: drops */
  GArray *receptions; /* DcFitMark */
  GArray *addresses;  /* DcAddr */
  GArray *macs;       /* uint8_t[6] */
  Span frame_span, drop_span;
};

DcClockFit *dc_clock_fit_new(void)
{
  DcClockFit *fit = g_new0(DcClockFit, 1);
  fit->frames = g_array_new(FALSE, FALSE, sizeof(Collected));
  fit->marks = g_array_new(FALSE, FALSE, sizeof(DcFitMark));
  fit->receptions = g_array_new(FALSE, FALSE, sizeof(DcFitMark));
  fit->addresses = g_array_new(FALSE, FALSE, sizeof(DcAddr));
  fit->macs = g_array_new(FALSE, FALSE, 6);
  return fit;
}

void dc_clock_fit_free(DcClockFit *fit)
{
  if (fit == NULL)
    return;
  g_array_unref(fit->frames);
  g_array_unref(fit->marks);
  g_array_unref(fit->receptions);
  g_array_unref(fit->addresses);
  g_array_unref(fit->macs);
  g_free(fit);
}

void dc_clock_fit_add_local_address(DcClockFit *fit, const DcAddr *addr)
{
  g_array_append_val(fit->addresses, *addr);
}

void dc_clock_fit_add_local_mac(DcClockFit *fit, const uint8_t mac[6])
{
  g_array_append_vals(fit->macs, mac, 1);
}

/* --- frames ---------------------------------------------------------------------------- */

static void widen(Span *span, int64_t time_ns)
{
  span->first_ns = span->any ? MIN(span->first_ns, time_ns) : time_ns;
  span->last_ns = span->any ? MAX(span->last_ns, time_ns) : time_ns;
  span->any = true;
}

static bool is_local_mac(const DcClockFit *fit, const uint8_t mac[6])
{
  for (guint i = 0; i < fit->macs->len; i++) {
    if (memcmp(fit->macs->data + (size_t)i * 6, mac, 6) == 0)
      return true;
  }
  return false;
}

static bool is_outgoing(const DcClockFit *fit, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  if (frame->direction == DC_DIRECTION_OUT)
    return true;
  if (frame->direction != DC_DIRECTION_UNKNOWN)
    return false;
  if ((packet->has & (DC_HAS_MAC | DC_HAS_SRC_MAC)) != 0 && is_local_mac(fit, packet->src_mac))
    return true;
  if ((packet->has & (DC_HAS_IP | DC_HAS_ARP)) == 0)
    return false;
  for (guint i = 0; i < fit->addresses->len; i++) {
    if (dc_addr_equal(&g_array_index(fit->addresses, DcAddr, i), &packet->src))
      return true;
  }
  return false;
}

static uint64_t endpoint_hash(const DcAddr *addr, uint16_t port)
{
  uint8_t bytes[19];
  memcpy(bytes, addr->bytes, 16);
  bytes[16] = addr->version;
  bytes[17] = (uint8_t)(port >> 8);
  bytes[18] = (uint8_t)port;
  return dc_hash_bytes(bytes, sizeof bytes);
}

/* Never 0, which is "unknown". */
static uint64_t tuple_hash(uint64_t src, uint64_t dst, uint8_t protocol)
{
  return dc_hash_words(dc_hash_words(src, dst), protocol) | 1;
}

void dc_clock_fit_add_frame(DcClockFit *fit, const DcFrame *frame)
{
  const DcPacket *packet = &frame->packet;
  if (frame->time_ns < 0 || frame->time_ns > TIME_MAX_NS)
    return;
  widen(&fit->frame_span, frame->time_ns);
  if (fit->frames->len >= DC_FIT_FRAMES_MAX)
    return;
  Collected collected = {.frame = {.time_ns = frame->time_ns,
                                   .len = frame->len,
                                   .ethertype = packet->ethertype,
                                   .ip_protocol = (packet->has & DC_HAS_IP) != 0 ? packet->ip_protocol : (uint8_t)0},
                         .outgoing = is_outgoing(fit, frame),
                         .reset = (packet->has & DC_HAS_TCP) != 0 && (packet->tcp_flags & DC_TCP_RST) != 0};
  if ((packet->has & (DC_HAS_IP | DC_HAS_ARP)) != 0) {
    const bool ports = (packet->has & DC_HAS_PORTS) != 0;
    const uint64_t src = endpoint_hash(&packet->src, ports ? packet->src_port : (uint16_t)0);
    const uint64_t dst = endpoint_hash(&packet->dst, ports ? packet->dst_port : (uint16_t)0);
    collected.frame.tuple = tuple_hash(src, dst, collected.frame.ip_protocol);
    collected.flow = tuple_hash(MIN(src, dst), MAX(src, dst), collected.frame.ip_protocol);
    collected.reverse = src > dst;
  }
  /* An IP packet without the ethertype (raw link) */
  if ((packet->has & DC_HAS_ETHERTYPE) == 0 && (packet->has & DC_HAS_IP) != 0)
    collected.frame.ethertype = packet->src.version == 6 ? 0x86dd : 0x0800;
  g_array_append_val(fit->frames, collected);
}

static int compare_by_flow(const void *a, const void *b)
{
  const Collected *x = a, *y = b;
  if (x->flow != y->flow)
    return x->flow < y->flow ? -1 : 1;
  return x->frame.time_ns < y->frame.time_ns ? -1 : x->frame.time_ns > y->frame.time_ns;
}

static int compare_frames(const void *a, const void *b)
{
  const DcFitFrame *x = a, *y = b;
  return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

/* Frames that may have been dropped, in order of time. An answer in the other direction speaks against it, but
 * for a reset, which answers what nobody took. */
static GArray *candidates(const DcClockFit *fit)
{
  g_autofree Collected *sorted = g_memdup2(fit->frames->data, (gsize)fit->frames->len * sizeof(Collected));
  const size_t count = fit->frames->len;
  if (count > 0)
    qsort(sorted, count, sizeof *sorted, compare_by_flow);
  GArray *frames = g_array_new(FALSE, FALSE, sizeof(DcFitFrame));
  int64_t answer_ns[2] = {0}; /* the next frame of a flow in either direction, walking back */
  bool has_answer[2] = {false};
  for (size_t i = count; i-- > 0;) {
    const Collected *one = &sorted[i];
    if (i + 1 == count || sorted[i + 1].flow != one->flow)
      has_answer[0] = has_answer[1] = false;
    if (!one->outgoing) {
      DcFitFrame frame = one->frame;
      frame.waits =
          one->flow == 0 || !has_answer[!one->reverse] || answer_ns[!one->reverse] - frame.time_ns > ANSWER_NS;
      g_array_append_val(frames, frame);
    }
    if (!one->reset) {
      has_answer[one->reverse] = true;
      answer_ns[one->reverse] = one->frame.time_ns;
    }
  }
  if (frames->len > 0)
    qsort(frames->data, frames->len, sizeof(DcFitFrame), compare_frames);
  return frames;
}

/* --- drops ------------------------------------------------------------------------------ */

/* Of what the site or the reason speaks; 0 unknown. */
static uint8_t protocol_hint(const DcDrop *drop)
{
  const char *symbol = drop->symbol != NULL ? drop->symbol : "";
  const char *reason = drop->reason != NULL ? drop->reason : "";
  if (g_str_has_prefix(symbol, "tcp_") || g_str_has_prefix(reason, "TCP_"))
    return 6;
  if (g_str_has_prefix(symbol, "udp_") || g_str_has_prefix(symbol, "__udp") || g_str_has_prefix(reason, "UDP_"))
    return 17;
  if (g_str_has_prefix(symbol, "icmp_"))
    return 1;
  return g_str_has_prefix(symbol, "icmpv6_") ? 58 : 0;
}

/* Drops that cannot be of a frame that came in: sent ones, sockets of other kinds, the capture's own. */
static bool is_of_frame(const DcDrop *drop)
{
  const DcSite *site = dc_site_lookup(drop->symbol);
  const uint32_t others = DC_SITE_TRANSMIT | DC_SITE_CAPTURE | DC_SITE_NOT_NETWORK | DC_SITE_TEARDOWN;
  return drop->protocol != 0 && (site == NULL || (site->flags & others) == 0) && !dc_reason_is_transmit(drop->reason) &&
         !dc_reason_is_capture(drop->reason) && drop->count == 1;
}

void dc_clock_fit_add_drop(DcClockFit *fit, const DcDrop *drop)
{
  if (drop->time_ns < 0 || drop->time_ns > TIME_MAX_NS || drop->precision_ns < 0 || drop->precision_ns > TIME_MAX_NS)
    return;
  widen(&fit->drop_span, drop->time_ns);
  if (fit->marks->len >= DC_FIT_DROPS_MAX || !is_of_frame(drop))
    return;
  DcFitMark mark = {.time_ns = drop->time_ns,
                    .early_ns = drop->precision_ns,
                    .protocol = drop->protocol,
                    .ip_protocol = protocol_hint(drop)};
  const DcPacket *packet = &drop->packet;
  if ((packet->has & DC_HAS_IP) != 0) {
    const bool ports = (packet->has & DC_HAS_PORTS) != 0;
    mark.tuple = tuple_hash(endpoint_hash(&packet->src, ports ? packet->src_port : (uint16_t)0),
                            endpoint_hash(&packet->dst, ports ? packet->dst_port : (uint16_t)0), packet->ip_protocol);
  }
  if (drop->rx_time_ns > 0 && drop->rx_time_ns <= TIME_MAX_NS && drop->rx_len > 0) {
    mark.time_ns = drop->rx_time_ns;
    mark.rx_len = drop->rx_len;
  }
  g_array_append_val(fit->marks, mark);
}

void dc_clock_fit_add_reception(DcClockFit *fit, int64_t time_ns, uint32_t len)
{
  if (time_ns < 0 || time_ns > TIME_MAX_NS || len == 0 || fit->receptions->len >= DC_FIT_DROPS_MAX)
    return;
  const DcFitMark mark = {.time_ns = time_ns, .rx_len = len, .protocol = -1};
  g_array_append_val(fit->receptions, mark);
}

bool dc_clock_fit_has_frames(const DcClockFit *fit)
{
  return fit->frames->len >= DC_FIT_FRAMES_MAX;
}

bool dc_clock_fit_has_drops(const DcClockFit *fit)
{
  return fit->marks->len >= DC_FIT_DROPS_MAX || fit->receptions->len >= DC_FIT_DROPS_MAX;
}

static bool span_of(const Span *span, int64_t *ret_first_ns, int64_t *ret_last_ns)
{
  if (!span->any)
    return false;
  *ret_first_ns = span->first_ns;
  *ret_last_ns = span->last_ns;
  return true;
}

bool dc_clock_fit_frame_span(const DcClockFit *fit, int64_t *ret_first_ns, int64_t *ret_last_ns)
{
  return span_of(&fit->frame_span, ret_first_ns, ret_last_ns);
}

bool dc_clock_fit_drop_span(const DcClockFit *fit, int64_t *ret_first_ns, int64_t *ret_last_ns)
{
  return span_of(&fit->drop_span, ret_first_ns, ret_last_ns);
}

/* --- the fit ------------------------------------------------------------------------------ */

static int compare_marks(const void *a, const void *b)
{
  const DcFitMark *x = a, *y = b;
  return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static GArray *sorted_marks(const GArray *all)
{
  const guint every = all->len / (MARKS_MAX + 1) + 1;
  GArray *marks = g_array_new(FALSE, FALSE, sizeof(DcFitMark));
  for (guint i = 0; i < all->len; i += every)
    g_array_append_val(marks, g_array_index(all, DcFitMark, i));
  if (marks->len > 0)
    qsort(marks->data, marks->len, sizeof(DcFitMark), compare_marks);
  return marks;
}

static DcFitProblem problem_of(const GArray *frames, const GArray *marks)
{
  return (DcFitProblem){.frames = (const DcFitFrame *)(const void *)frames->data,
                        .frame_count = frames->len,
                        .marks = (const DcFitMark *)(const void *)marks->data,
                        .mark_count = marks->len};
}

/* Receptions stand at their frames: a narrow window tells the neighbours of a burst apart. A wide one finds most of
 * them where the clocks drift, and is believed where the narrow one holds only a part of these. */
static bool fit_receptions(const GArray *frames, const GArray *receptions, DcFitResult *ret_result)
{
  g_autoptr(GArray) marks = sorted_marks(receptions);
  DcFitProblem problem = problem_of(frames, marks);
  DcFitResult narrow, wide;
  problem.after_ns = RECEPTION_NS;
  dc_clock_search(&problem, &narrow);
  problem.after_ns = RECEPTION_DRIFT_NS;
  dc_clock_search(&problem, &wide);
  const bool most = narrow.best.score * 3 >= wide.best.score * 2 || wide.verdict != DC_FIT_ACCEPTED;
  *ret_result = narrow.verdict == DC_FIT_ACCEPTED && most ? narrow : wide;
  ret_result->by_receptions = true;
  return ret_result->verdict == DC_FIT_ACCEPTED;
}

static void fit_drops(const GArray *frames, const GArray *drops, int64_t grid_ns, int64_t tolerance_ns,
                      DcFitResult *ret_result)
{
  g_autoptr(GArray) marks = sorted_marks(drops);
  DcFitProblem problem = problem_of(frames, marks);
  problem.grid_ns = grid_ns;
  problem.tolerance_ns = tolerance_ns;
  for (size_t i = 0; i < G_N_ELEMENTS(windows_ns); i++) {
    DcFitResult result;
    problem.after_ns = windows_ns[i];
    dc_clock_search(&problem, &result);
    if (i == 0 || result.verdict == DC_FIT_ACCEPTED)
      *ret_result = result;
    const bool too_thick = result.verdict == DC_FIT_CHANCE || result.verdict == DC_FIT_AMBIGUOUS;
    if (!too_thick || grid_ns != 0)
      return;
  }
}

void dc_clock_fit_run(const DcClockFit *fit, int64_t grid_ns, int64_t tolerance_ns, DcFitResult *ret_result)
{
  g_autoptr(GArray) frames = candidates(fit);
  /* Receptions are many, and each is of a frame if its device was captured: drops are a few of them. */
  if (fit->receptions->len > 0 && grid_ns == 0 && fit_receptions(frames, fit->receptions, ret_result))
    return;
  fit_drops(frames, fit->marks, grid_ns, tolerance_ns, ret_result);
}

static void append_seconds(GString *text, int64_t ns)
{
  g_string_append_printf(text, "%s%" G_GINT64_FORMAT ".%06" G_GINT64_FORMAT " s", ns < 0 ? "-" : "+",
                         ABS(ns) / DC_NS_PER_S, ABS(ns) % DC_NS_PER_S / 1000);
}

char *dc_clock_fit_text(const DcFitResult *result)
{
  GString *text = g_string_new(NULL);
  switch ((DcFitVerdict)result->verdict) {
  case DC_FIT_ACCEPTED:
    g_string_append(text, "fitted: ");
    break;
  case DC_FIT_TOO_FEW:
    g_string_append(text, "no fit: too few drops, or frames they could be of");
    return g_string_free(text, FALSE);
  case DC_FIT_NO_SHIFT:
    g_string_append(text, "no fit: at no shift enough drops follow frames; best ");
    break;
  case DC_FIT_CHANCE:
    g_string_append(text, "no fit: unrelated recordings would fit as well; best ");
    break;
  case DC_FIT_AMBIGUOUS:
    g_string_append(text, "no fit: several shifts fit alike; best ");
    break;
  case DC_FIT_COUNT:
    break;
  }
  append_seconds(text, result->best.offset_ns);
  g_string_append_printf(text, ", where %u of %u %s", result->best.score, result->drops,
                         result->by_receptions ? "receptions stand at a frame" : "drops follow a frame");
  if (result->best.score > 0 && result->delay_ns > 0)
    g_string_append_printf(text, result->delay_ns < DC_NS_PER_MS / 10 ? " within %.1f us" : " within %.1f ms",
                           (double)result->delay_ns / (result->delay_ns < DC_NS_PER_MS / 10 ? 1e3 : 1e6));
  if (result->chance > 0)
    g_string_append_printf(text, " (by chance %u)", result->chance);
  for (size_t i = 0; i < result->rival_count; i++) {
    g_string_append(text, i == 0 ? "; next best " : ", ");
    append_seconds(text, result->rivals[i].offset_ns);
    g_string_append_printf(text, " with %u", result->rivals[i].score);
  }
  return g_string_free(text, FALSE);
}
