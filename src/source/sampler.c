#include "dropcorr/source/sampler.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/source/evidence_fields.h"
#include "dropcorr/source/sample_list.h"

#include <poll.h>
#include <string.h>

#define POLL_MS 100

struct DcSampler {
  char *interface; /* NULL: all */
  char *root;
};

DcSampler *dc_sampler_new(const char *interface, const char *root)
{
  DcSampler *sampler = g_new0(DcSampler, 1);
  if (interface != NULL && strcmp(interface, "any") != 0)
    sampler->interface = g_strdup(interface);
  sampler->root = g_strdup(root);
  return sampler;
}

void dc_sampler_free(DcSampler *sampler)
{
  if (sampler == NULL)
    return;
  g_free(sampler->interface);
  g_free(sampler->root);
  g_free(sampler);
}

static bool wanted(const DcSampleObject *object, DcSampleSet set, DcPhase phase)
{
  const bool privileged = object->runs_command || object->needs != DC_SAMPLE_NEEDS_NOTHING;
  switch (set) {
  case DC_SAMPLE_ALL:
    break;
  case DC_SAMPLE_PLAIN:
    if (privileged)
      return false;
    break;
  case DC_SAMPLE_PRIVILEGED:
    if (!privileged)
      return false;
    break;
  }
  return phase != DC_PHASE_TICK || (object->is_counters && !object->runs_command);
}

/* A sample must fit into one block of the evidence file; whole lines only. */
static size_t cut_length(const GByteArray *text)
{
  if (text->len <= DC_EVIDENCE_TEXT_MAX)
    return text->len;
  const uint8_t *newline = memrchr(text->data, '\n', DC_EVIDENCE_TEXT_MAX);
  return newline != NULL ? (size_t)(newline - text->data) + 1 : DC_EVIDENCE_TEXT_MAX;
}

static void take_one(DcSampler *sampler, const DcSampleObject *object, const char *device, GByteArray *text,
                     DcSampleVisit visit, void *data)
{
  g_byte_array_set_size(text, 0);
  const int64_t time_ns = dc_clock_realtime();
  const bool read = device != NULL ? dc_sample_read_device(object, sampler->root, device, text, NULL)
                                   : dc_sample_read(object, sampler->root, text, NULL);
  if (!read)
    return;
  g_autofree char *name = dc_sample_name(object, device);
  visit(name, time_ns, text->data, cut_length(text), data);
}

void dc_sampler_take(DcSampler *sampler, DcSampleSet set, DcPhase phase, DcSampleVisit visit, void *data)
{
  g_auto(GStrv) devices = NULL;
  g_autoptr(GByteArray) text = g_byte_array_new();
  size_t count = 0;
  const DcSampleObject *objects = dc_sample_objects(&count);
  for (size_t i = 0; i < count; i++) {
    const DcSampleObject *object = &objects[i];
    if (!wanted(object, set, phase))
      continue;
    if (!object->per_device) {
      take_one(sampler, object, NULL, text, visit, data);
    } else if (sampler->interface != NULL) {
      take_one(sampler, object, sampler->interface, text, visit, data);
    } else {
      if (devices == NULL)
        devices = dc_sample_devices(sampler->root, NULL);
      for (char **device = devices; device != NULL && *device != NULL; device++)
        take_one(sampler, object, *device, text, visit, data);
    }
  }
}

/* --- the thread ---------------------------------------------------------------- */

typedef struct {
  DcLiveSink *sink;
  DcPhase phase;
} Push;

static void push_sample(const char *name, int64_t time_ns, const uint8_t *text, size_t len, void *data)
{
  const Push *push = data;
  const size_t name_len = strlen(name) + 1;
  g_autofree uint8_t *body = g_malloc(name_len + len);
  memcpy(body, name, name_len);
  if (len > 0)
    memcpy(body + name_len, text, len);
  DcLiveRecord record = {
      .kind = DC_LIVE_SAMPLE, .sub = (uint8_t)push->phase, .time_ns = time_ns, .body_len = name_len + len};
  dc_live_push(push->sink, &record, body);
}

/* Sleeps until the monotonic time or the stop; true when stopped. */
static bool wait_until(int64_t time_ns, DcStop *stop)
{
  int64_t left_ns;
  while (!dc_stop_requested(stop) && (left_ns = time_ns - dc_clock_monotonic()) > 0) {
    struct pollfd wait = {.fd = dc_stop_fd(stop), .events = POLLIN};
    poll(&wait, 1, (int)(MIN(left_ns, DC_NS_PER_S) / DC_NS_PER_MS + 1));
  }
  return dc_stop_requested(stop);
}

void dc_sampler_run(DcSampler *sampler, DcSampleSet set, int64_t settle_ns, DcLiveSink *sink, DcStop *stop)
{
  Push push = {.sink = sink, .phase = DC_PHASE_TICK};
  int64_t next = dc_clock_monotonic() + DC_NS_PER_S;
  for (;;) {
    /* Nothing will come before the next second (or the stop, whose samples are the last of all anyway). */
    dc_live_push_mark(sink, dc_clock_realtime() + next - dc_clock_monotonic());
    if (wait_until(next, stop))
      break;
    dc_sampler_take(sampler, set, DC_PHASE_TICK, push_sample, &push);
    next += DC_NS_PER_S;
    next = MAX(next, dc_clock_monotonic());
  }
  const int64_t end = dc_clock_monotonic() + settle_ns;
  int64_t left_ns;
  while ((left_ns = end - dc_clock_monotonic()) > 0)
    poll(NULL, 0, (int)(MIN(left_ns, POLL_MS * DC_NS_PER_MS) / DC_NS_PER_MS + 1));
  push.phase = DC_PHASE_AFTER;
  dc_sampler_take(sampler, set, DC_PHASE_AFTER, push_sample, &push);
  dc_live_push_text(sink, DC_LIVE_END, 0, "");
}
