/*
 * Texts of a host's state, as --context directories and evidence files hold them. Input: the object's
 * name, a newline, its text; a byte 01 in the text parts it into a sample before and one after.
 */
#include "dropcorr/decode/nft_json.h"
#include "dropcorr/decode/state_text.h"
#include "fuzz.h"

#include <glib.h>
#include <string.h>

static void check_text(const char *text)
{
  if (text != NULL)
    FUZZ_CHECK(strlen(text) <= DC_STATE_TEXT_MAX);
}

typedef struct {
  const DcState *state;
  size_t count;
} Counters;

static void visit_counter(const char *name, const DcCounterStep *whole, void *data)
{
  enum { STEPS = 8 };
  Counters *counters = data;
  DcCounterStep steps[STEPS];
  uint64_t value, grown = 0;
  FUZZ_CHECK(name != NULL && strlen(name) < DC_STATE_NAME_MAX);
  FUZZ_CHECK(whole->step == 0 || whole->last - whole->first == whole->step);
  FUZZ_CHECK(dc_state_counter_value(counters->state, name, &value));
  const size_t count = dc_state_counter_steps(counters->state, name, steps, STEPS);
  for (size_t i = 0; i < count; i++) {
    FUZZ_CHECK(steps[i].known && steps[i].step > 0);
    if (__builtin_add_overflow(grown, steps[i].step, &grown))
      grown = UINT64_MAX;
  }
  FUZZ_CHECK(!whole->known || count == STEPS || grown >= whole->step);
  counters->count++;
}

static void check_sockets(const DcState *state)
{
  size_t count = 0;
  const DcSocket *socket = dc_state_sockets(state, &count);
  for (size_t i = 0; i < count; i++) {
    FUZZ_CHECK(memchr(socket[i].process, '\0', sizeof socket[i].process) != NULL &&
               memchr(socket[i].device, '\0', sizeof socket[i].device) != NULL);
    FUZZ_CHECK(socket[i].shared > 0 && socket[i].recv_queue <= socket[i].recv_peak);
    FUZZ_CHECK(dc_state_find_socket(state, socket[i].kind, &socket[i].local, socket[i].local_port) != NULL);
  }
}

static void visit_address(const DcAddr *addr, void *data)
{
  size_t *count = data;
  FUZZ_CHECK(addr->version == 4 || addr->version == 6);
  (*count)++;
}

static void visit_mac(const uint8_t mac[6], void *data)
{
  uint8_t *sum = data;
  *sum = (uint8_t)(*sum + mac[0] + mac[5]);
}

static void feed(DcState *state, const char *name, DcPhase phase, int64_t time_ns, const uint8_t *text, size_t len)
{
  const DcSample sample = {
      .time_ns = time_ns, .phase = (uint8_t)phase, .name = name, .text = (const char *)text, .len = len};
  size_t skipped = 0;
  const DcStateTextStatus status = dc_state_text_parse(state, &sample, &skipped);
  FUZZ_CHECK(status <= DC_STATE_TEXT_MALFORMED);
  FUZZ_CHECK(skipped <= len + 1);
  FUZZ_CHECK((status == DC_STATE_TEXT_UNKNOWN) == !dc_state_text_known(name, NULL));
}

/* The listing that is made of nft's JSON when somebody asks for rules. */
static void check_nft_json(const char *name, const uint8_t *text, size_t len)
{
  if (strcmp(name, "nft.json") != 0)
    return;
  g_autofree char *listing = dc_nft_json_to_text((const char *)text, len);
  check_text(listing);
}

static void look_at(const DcState *state)
{
  size_t addresses = 0, taps = 0, lines = 0;
  Counters counters = {.state = state};
  dc_state_each_counter(state, visit_counter, &counters);
  dc_state_each_address(state, visit_address, &addresses);
  uint8_t sum = 0;
  dc_state_each_mac(state, visit_mac, &sum);
  FUZZ_CHECK(counters.count <= DC_STATE_COUNTERS_MAX);
  check_sockets(state);
  const DcProtocolHandler *tap = dc_state_taps(state, &taps);
  for (size_t i = 0; i < taps; i++)
    FUZZ_CHECK(memchr(tap[i].handler, '\0', sizeof tap[i].handler) != NULL);
  const char *const *line = dc_state_kernel_lines(state, &lines);
  FUZZ_CHECK(lines <= DC_STATE_KERNEL_LINES_MAX);
  for (size_t i = 0; i < lines; i++)
    check_text(line[i]);
  check_text(dc_state_kernel_release(state));
  check_text(dc_state_text(state, "nft"));
  check_text(dc_state_sysctl(state, "net.ipv4.tcp_syncookies"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
  if (newline == NULL || size > 1 << 20)
    return 0;
  g_autofree char *name = g_strndup((const char *)data, (size_t)(newline - data));
  const uint8_t *text = newline + 1;
  const size_t len = size - (size_t)(text - data);
  const uint8_t *part = len > 0 ? memchr(text, 1, len) : NULL;
  const size_t before = part != NULL ? (size_t)(part - text) : len;

  /* Exactly sized: a read beyond the end is one for the sanitizer. */
  g_autofree uint8_t *first = g_memdup2(text, before);
  check_nft_json(name, first, before);
  g_autoptr(DcState) state = dc_state_new();
  feed(state, name, DC_PHASE_BEFORE, DC_TIME_NONE, first, before);
  look_at(state);
  if (part != NULL) {
    g_autofree uint8_t *second = g_memdup2(part + 1, len - before - 1);
    feed(state, name, DC_PHASE_AFTER, DC_TIME_NONE, second, len - before - 1);
    look_at(state);
    /* the same two as a live run's ticks, the clock going back once */
    g_autoptr(DcState) live = dc_state_new();
    feed(live, name, DC_PHASE_TICK, 2 * DC_NS_PER_S, first, before);
    feed(live, name, DC_PHASE_TICK, 3 * DC_NS_PER_S, second, len - before - 1);
    feed(live, name, DC_PHASE_TICK, DC_NS_PER_S, first, before);
    look_at(live);
  }
  return 0;
}
