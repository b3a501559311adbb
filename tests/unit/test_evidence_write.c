/* The writer's own promises: whole blocks, rotation, failures that are told once and counted, and files that the
 * usual tools read. That every field comes back is test_evidence_read's business. */
#include "dropcorr/source/evidence_write.h"

#include "capture_checks.h"
#include "dropcorr/base/hash.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  char *dir;
  char *path;
  uint64_t frames, drops;
  int64_t time_ns;
} Place;

static const DcEvidenceMeta meta = {.interface = "eth0",
                                    .dlt = DLT_EN10MB,
                                    .snaplen = 262144,
                                    .ifindex = 3,
                                    .command = "dropcorr -i eth0",
                                    .drop_mode = "packet",
                                    .start_ns = BASE_NS};

static Place place_new(const char *name)
{
  Place place = {.dir = g_dir_make_tmp("dropcorr-evidence-XXXXXX", NULL), .time_ns = BASE_NS};
  place.path = g_build_filename(place.dir, name, NULL);
  return place;
}

static void place_clear(Place *place)
{
  g_autofree char *command = g_strdup_printf("rm -rf %s", place->dir);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
  g_free(place->dir);
  g_free(place->path);
}

static DcEvidence *must_write(const char *path, const DcEvidenceOptions *options)
{
  g_autoptr(GError) error = NULL;
  DcEvidenceOptions defaults;
  dc_evidence_options_init(&defaults);
  DcEvidence *evidence = dc_evidence_open(path, &meta, options != NULL ? options : &defaults, &error);
  g_assert_no_error(error);
  g_assert_nonnull(evidence);
  return evidence;
}

/* A UDP packet from that source port. */
static size_t udp_bytes(uint16_t port, uint8_t *bytes)
{
  static const uint8_t head[] = {2,    0, 0,  0,  0, 1, 2, 0, 0,  0,  0, 2,  8,  0, /* Ethernet */
                                 0x45, 0, 0,  48, 0, 7, 0, 0, 64, 17, 0, 0,  10, 0,
                                 0,    2, 10, 0,  0, 1, 0, 0, 0,  9,  0, 28, 0,  0};
  memset(bytes, 'x', 62);
  memcpy(bytes, head, sizeof head);
  bytes[34] = (uint8_t)(port >> 8);
  bytes[35] = (uint8_t)port;
  return 62;
}

static bool put_frame(Place *place, DcEvidence *evidence, uint16_t port, GError **error)
{
  uint8_t bytes[64];
  DcEvent event = {.kind = DC_EVENT_FRAME, .time_ns = place->time_ns += 1000};
  event.frame = (DcFrame){.number = ++place->frames,
                          .time_ns = event.time_ns,
                          .caplen = (uint32_t)udp_bytes(port, bytes),
                          .len = 62,
                          .bytes = bytes,
                          .link = DC_LINK_ETHERNET,
                          .direction = DC_DIRECTION_IN};
  return dc_evidence_event(evidence, &event, error);
}

static bool put_drop(Place *place, DcEvidence *evidence, uint16_t port, GError **error)
{
  uint8_t bytes[64];
  DcEvent event = {.kind = DC_EVENT_DROP, .time_ns = place->time_ns += 1000};
  event.drop = (DcDrop){.number = ++place->drops,
                        .time_ns = event.time_ns,
                        .kind = DC_DROP_NETDM_PACKET,
                        .symbol = "__udp4_lib_rcv",
                        .reason = "NO_SOCKET",
                        .location = "__udp4_lib_rcv+0x9a2/0xc30",
                        .protocol = 0x0800,
                        .count = 1,
                        .caplen = (uint32_t)udp_bytes(port, bytes),
                        .orig_len = 62,
                        .bytes = bytes,
                        .link = DC_LINK_ETHERNET};
  return dc_evidence_event(evidence, &event, error);
}

static bool put_sample(Place *place, DcEvidence *evidence, const char *name, const char *text, GError **error)
{
  DcEvent event = {.kind = DC_EVENT_SAMPLE, .time_ns = place->time_ns += 1000};
  event.sample =
      (DcSample){.time_ns = event.time_ns, .phase = DC_PHASE_TICK, .name = name, .text = text, .len = strlen(text)};
  return dc_evidence_event(evidence, &event, error);
}

typedef struct {
  uint64_t frames, drops, samples, before, losses, lost;
  uint64_t first_frame;
  char last_text[64]; /* of sample "snmp" in phase BEFORE */
  uint32_t part;
  bool truncated;
} Content;

static Content read_file(const char *path)
{
  Content content = {0};
  g_autoptr(GError) error = NULL;
  const DcCaptureFileOptions none = {0};
  g_autoptr(DcSource) source = dc_capture_file_open(path, &none, &error);
  g_assert_no_error(error);
  DcEvent event;
  DcReadStatus status;
  while ((status = dc_source_next(source, &event, &error)) == DC_READ_EVENT) {
    switch ((DcEventKind)event.kind) {
    case DC_EVENT_FRAME:
      if (content.frames++ == 0)
        content.first_frame = event.frame.number;
      break;
    case DC_EVENT_DROP:
      content.drops++;
      break;
    case DC_EVENT_SAMPLE:
      content.samples++;
      content.before += event.sample.phase == DC_PHASE_BEFORE;
      if (strcmp(event.sample.name, "snmp") == 0 && event.sample.phase == DC_PHASE_BEFORE)
        g_strlcpy(content.last_text, event.sample.text, MIN(event.sample.len + 1, sizeof content.last_text));
      break;
    case DC_EVENT_LOSS:
      content.losses++;
      content.lost += event.loss.count;
      break;
    case DC_EVENT_LIGHT:
      g_assert_not_reached();
    }
  }
  content.truncated = status == DC_READ_ERROR;
  if (!content.truncated)
    g_assert_no_error(error);
  const DcEvidenceHeader *header = dc_capture_file_evidence(source);
  g_assert_nonnull(header);
  content.part = header->part;
  return content;
}

/* --- buffering ------------------------------------------------------------------------ */

static uint64_t size_of(const char *path)
{
  GStatBuf status;
  g_assert_cmpint(g_stat(path, &status), ==, 0);
  return (uint64_t)status.st_size;
}

/* The preamble is there at once; events wait at most a second, or not at all with -U. */
static void test_flush(void)
{
  Place place = place_new("x.pcapng");
  DcEvidence *evidence = must_write(place.path, NULL);
  const uint64_t preamble = size_of(place.path);
  g_assert_cmpuint(preamble, >, 100);
  g_assert_true(put_frame(&place, evidence, 1, NULL));
  g_assert_true(dc_evidence_flush(evidence, false, NULL));
  g_assert_cmpuint(size_of(place.path), ==, preamble);
  g_usleep(1050000);
  g_assert_true(dc_evidence_flush(evidence, false, NULL));
  g_assert_cmpuint(size_of(place.path), >, preamble);
  g_assert_cmpuint(dc_evidence_bytes(evidence), ==, size_of(place.path));
  dc_evidence_free(evidence);

  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  options.flush_each = true;
  evidence = must_write(place.path, &options);
  for (uint64_t i = 1; i <= 5; i++) {
    g_assert_true(put_frame(&place, evidence, 1, NULL));
    g_assert_cmpuint(read_file(place.path).frames, ==, i);
  }
  dc_evidence_free(evidence);
  place_clear(&place);
}

/* kill -9 at any moment: what was written is a whole file. */
static void test_killed(void)
{
  Place place = place_new("x.pcapng");
  const pid_t pid = fork();
  if (pid == 0) {
    DcEvidence *evidence = must_write(place.path, NULL);
    for (uint16_t i = 0; i < 5000; i++) {
      put_frame(&place, evidence, i, NULL);
      put_drop(&place, evidence, i, NULL);
    }
    raise(SIGKILL);
  }
  int status = 0;
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFSIGNALED(status));
  const Content content = read_file(place.path);
  g_assert_false(content.truncated);
  g_assert_cmpuint(content.frames, >, 4000); /* all but the last buffer */
  g_assert_cmpuint(content.frames - content.drops, <=, 1);
  place_clear(&place);
}

/* --- rotation --------------------------------------------------------------------------- */

static void test_rotate_by_size(void)
{
  Place place = place_new("x.pcapng");
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  options.rotate_bytes = 20000;
  DcEvidence *evidence = must_write(place.path, &options);
  g_assert_true(put_sample(&place, evidence, "snmp", "state 1\n", NULL));
  g_assert_true(put_sample(&place, evidence, "ptype", "handlers\n", NULL));
  g_assert_true(put_sample(&place, evidence, "snmp", "state 2\n", NULL));
  for (uint16_t i = 0; i < 1000; i++)
    g_assert_true(put_frame(&place, evidence, i, NULL));
  g_assert_true(dc_evidence_close(evidence, 1000, 0, 0, NULL));
  dc_evidence_free(evidence);

  uint64_t frames = 0;
  uint32_t parts = 0;
  for (uint32_t i = 0;; i++) {
    g_autofree char *path = i == 0 ? g_strdup(place.path) : g_strdup_printf("%s%u", place.path, i);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      break;
    const Content content = read_file(path);
    g_assert_false(content.truncated);
    g_assert_cmpuint(content.part, ==, ++parts);
    g_assert_cmpuint(content.first_frame, ==, frames + 1); /* numbers go on, nothing is missing or twice */
    frames += content.frames;
    g_assert_cmpuint(size_of(path), <, 20000 + 2000);
    if (i > 0) { /* each file tells the state it began with */
      g_assert_cmpuint(content.before, ==, 2);
      g_assert_cmpstr(content.last_text, ==, "state 2\n");
    }
  }
  g_assert_cmpuint(parts, >, 3);
  g_assert_cmpuint(frames, ==, 1000);
  place_clear(&place);
}

/* -C with -W: a ring of files, the newest overwrite the oldest. */
static void test_ring(void)
{
  Place place = place_new("x");
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  options.rotate_bytes = 5000;
  options.rotate_files = 3;
  DcEvidence *evidence = must_write(place.path, &options);
  for (uint16_t i = 0; i < 1000; i++)
    g_assert_true(put_frame(&place, evidence, i, NULL));
  g_assert_false(dc_evidence_done(evidence));
  dc_evidence_free(evidence);
  uint64_t last = 0;
  for (unsigned i = 0; i < 3; i++) {
    g_autofree char *path = g_strdup_printf("%s%u", place.path, i);
    const Content content = read_file(path);
    last = MAX(last, content.first_frame + content.frames - 1);
  }
  g_assert_cmpuint(last, ==, 1000);
  g_autofree char *fourth = g_strdup_printf("%s3", place.path);
  g_assert_false(g_file_test(fourth, G_FILE_TEST_EXISTS));
  place_clear(&place);
}

/* A limit smaller than the preamble must not make a file per event for ever. */
static void test_tiny_limit(void)
{
  Place place = place_new("x");
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  options.rotate_bytes = 300;
  DcEvidence *evidence = must_write(place.path, &options);
  for (uint16_t i = 0; i < 12; i++)
    g_assert_true(put_frame(&place, evidence, i, NULL));
  dc_evidence_free(evidence);
  g_assert_cmpuint(read_file(place.path).frames, >=, 2);
  place_clear(&place);
}

/* -G with -W: so many files, then done. */
static void test_rotate_by_time(void)
{
  Place place = place_new("x-%s");
  place.time_ns = dc_clock_realtime();
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  options.rotate_ns = 10 * DC_NS_PER_S;
  options.rotate_files = 3;
  DcEvidence *evidence = must_write(place.path, &options);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  while (!dc_evidence_done(evidence)) {
    g_assert_true(put_frame(&place, evidence, 1, NULL));
    if (dc_evidence_done(evidence))
      break;
    if (paths->len == 0 || strcmp(g_ptr_array_index(paths, paths->len - 1), dc_evidence_path(evidence)) != 0)
      g_ptr_array_add(paths, g_strdup(dc_evidence_path(evidence)));
    place.time_ns += DC_NS_PER_S;
    g_assert_cmpuint(place.frames, <, 100);
  }
  dc_evidence_free(evidence);
  g_assert_cmpuint(paths->len, ==, 3);
  uint64_t frames = 0;
  for (guint i = 0; i < paths->len; i++)
    frames += read_file(g_ptr_array_index(paths, i)).frames;
  g_assert_cmpuint(frames, ==, place.frames - 1); /* the one that ended it is in none */
  g_assert_cmpuint(frames, >=, 29);
  g_assert_cmpuint(frames, <=, 31);
  place_clear(&place);
}

/* --- failures ----------------------------------------------------------------------------- */

/* A disk that fills up and gets room again (a limit on the file's size stands for it): told once, cut back to whole
 * blocks, counted, and taken up again. */
static void test_full_and_free_again(void)
{
  Place place = place_new("x.pcapng");
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit before, tight;
  g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  options.flush_each = true;
  DcEvidence *evidence = must_write(place.path, &options);
  tight = before;
  tight.rlim_cur = size_of(place.path) + 1000; /* in the middle of a block */
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &tight), ==, 0);
  unsigned told = 0;
  for (uint16_t i = 0; i < 100; i++) {
    g_autoptr(GError) error = NULL;
    if (!put_frame(&place, evidence, i, &error)) {
      g_assert_error(error, DC_ERROR, DC_ERROR_IO);
      g_assert_nonnull(strstr(error->message, place.path));
      told++;
    }
  }
  g_assert_cmpuint(told, ==, 1);
  const uint64_t lost = dc_evidence_lost(evidence);
  g_assert_cmpuint(lost, >, 50);
  DcLoss loss;
  g_assert_false(dc_evidence_take_loss(evidence, false, &loss)); /* not while it still fails */
  Content content = read_file(place.path);
  g_assert_false(content.truncated);
  g_assert_cmpuint(content.frames + lost, ==, 100);

  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
  g_usleep(1050000);
  g_autoptr(GError) error = NULL;
  g_assert_true(put_frame(&place, evidence, 1, &error));
  g_assert_no_error(error);
  g_assert_true(dc_evidence_take_loss(evidence, false, &loss));
  g_assert_cmpint(loss.kind, ==, DC_LOSS_EVIDENCE);
  g_assert_cmpuint(loss.count, ==, lost);
  g_assert_cmpint(loss.from_ns, <, loss.to_ns);
  g_assert_true(dc_evidence_loss(evidence, &loss, &error));
  g_assert_false(dc_evidence_take_loss(evidence, true, &loss)); /* told once */
  g_assert_true(dc_evidence_close(evidence, UINT64_MAX, UINT64_MAX, UINT64_MAX, &error));
  g_assert_no_error(error);
  dc_evidence_free(evidence);
  content = read_file(place.path);
  g_assert_false(content.truncated);
  g_assert_cmpuint(content.frames + lost, ==, 101);
  g_assert_cmpuint(content.losses, ==, 1);
  g_assert_cmpuint(content.lost, ==, lost);
  place_clear(&place);
}

static void test_device_full(void)
{
  if (!g_file_test("/dev/full", G_FILE_TEST_EXISTS)) {
    g_test_skip("no /dev/full");
    return;
  }
  g_autoptr(GError) error = NULL;
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  g_assert_null(dc_evidence_open("/dev/full", &meta, &options, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_IO);
}

static void test_cannot_open(void)
{
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  g_autoptr(GError) missing = NULL;
  g_assert_null(dc_evidence_open("/nonexistent/x.pcapng", &meta, &options, &missing));
  g_assert_error(missing, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_autoptr(GError) usage = NULL;
  options.rotate_bytes = 1000;
  g_assert_null(dc_evidence_open("-", &meta, &options, &usage));
  g_assert_error(usage, DC_ERROR, DC_ERROR_USAGE);
}

/* The next file of a rotation cannot be made: counted, and tried again. */
static void test_rotation_fails(void)
{
  Place place = place_new("x");
  DcEvidenceOptions options;
  dc_evidence_options_init(&options);
  options.rotate_bytes = 1000;
  DcEvidence *evidence = must_write(place.path, &options);
  g_autofree char *next = g_strdup_printf("%s1", place.path);
  g_assert_cmpint(g_mkdir(next, 0700), ==, 0); /* in its place */
  unsigned told = 0;
  for (uint16_t i = 0; i < 50; i++) {
    g_autoptr(GError) error = NULL;
    told += !put_frame(&place, evidence, i, &error);
  }
  g_assert_cmpuint(told, ==, 1);
  const uint64_t lost = dc_evidence_lost(evidence);
  g_assert_cmpuint(lost, >, 0);
  g_assert_cmpint(g_rmdir(next), ==, 0);
  g_usleep(1050000);
  g_assert_true(put_frame(&place, evidence, 1, NULL));
  dc_evidence_free(evidence);
  g_assert_cmpuint(read_file(place.path).frames + read_file(next).frames + lost, ==, 51);
  place_clear(&place);
}

/* --- kdrop ---------------------------------------------------------------------------------- */

/* Packets of each interface, from the blocks themselves. */
static void count_packets(const char *path, unsigned counts[static 2])
{
  g_autofree char *bytes = NULL;
  gsize len;
  g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
  counts[0] = counts[1] = 0;
  for (size_t at = 0; at < len;) {
    uint32_t type, block_len, trailer, interface_id;
    memcpy(&type, bytes + at, 4);
    memcpy(&block_len, bytes + at + 4, 4);
    g_assert_cmpuint(block_len % 4, ==, 0);
    g_assert_cmpuint(at + block_len, <=, len);
    memcpy(&trailer, bytes + at + block_len - 4, 4);
    g_assert_cmpuint(trailer, ==, block_len);
    memcpy(&interface_id, bytes + at + 8, 4);
    if (type == 6) {
      g_assert_cmpuint(interface_id, <, 2);
      counts[interface_id]++;
    }
    at += block_len;
  }
}

static void test_kdrop(void)
{
  for (unsigned on = 0; on < 2; on++) {
    Place place = place_new("x.pcapng");
    DcEvidenceOptions options;
    dc_evidence_options_init(&options);
    options.kdrop_packets = on == 1;
    DcEvidence *evidence = must_write(place.path, &options);
    g_assert_true(put_frame(&place, evidence, 1, NULL));
    g_assert_true(put_drop(&place, evidence, 1, NULL)); /* its frame is in the file: not twice */
    g_assert_true(put_drop(&place, evidence, 2, NULL)); /* no frame shows it */
    dc_evidence_free(evidence);
    unsigned counts[2];
    count_packets(place.path, counts);
    g_assert_cmpuint(counts[0], ==, 1);
    g_assert_cmpuint(counts[1], ==, on);
    const Content content = read_file(place.path);
    g_assert_cmpuint(content.frames, ==, 1);
    g_assert_cmpuint(content.drops, ==, 2);
    place_clear(&place);
  }
}

/* --- the usual tools -------------------------------------------------------------------------- */

static char *output_of(const char *command)
{
  g_autoptr(GError) error = NULL;
  char *out = NULL;
  int status = 0;
  g_assert_true(g_spawn_command_line_sync(command, &out, NULL, &status, &error));
  g_assert_cmpint(status, ==, 0);
  return out;
}

static unsigned lines_of(const char *text)
{
  unsigned lines = 0;
  for (; *text != '\0'; text++)
    lines += *text == '\n';
  return lines;
}

static char *write_for_tools(Place *place)
{
  DcEvidence *evidence = must_write(place->path, NULL);
  put_sample(place, evidence, "snmp", "Ip: Forwarding\nIp: 1\n", NULL);
  for (uint16_t i = 1; i <= 3; i++) {
    put_frame(place, evidence, i, NULL);
    put_drop(place, evidence, i, NULL);
  }
  put_drop(place, evidence, 99, NULL);
  g_assert_true(dc_evidence_close(evidence, 10, 2, 1, NULL));
  dc_evidence_free(evidence);
  return place->path;
}

static bool has_tool(const char *name)
{
  g_autofree char *path = g_find_program_in_path(name);
  if (path == NULL)
    g_test_skip("the tool is not installed");
  return path != NULL;
}

static void test_tcpdump(void)
{
  if (!has_tool("tcpdump"))
    return;
  Place place = place_new("x.pcapng");
  g_autofree char *command = g_strdup_printf("tcpdump -n -r %s", write_for_tools(&place));
  g_autofree char *out = output_of(command);
  g_assert_cmpuint(lines_of(out), ==, 4); /* three frames and the packet of kdrop */
  g_assert_nonnull(strstr(out, "10.0.0.2.3 > 10.0.0.1.9"));
  place_clear(&place);
}

static void test_tshark(void)
{
  if (!has_tool("tshark"))
    return;
  Place place = place_new("x.pcapng");
  const char *path = write_for_tools(&place);
  g_autofree char *by_message =
      g_strdup_printf("tshark -r %s -Y 'systemd_journal.message contains \"NO_SOCKET\"'", path);
  g_autofree char *drops = output_of(by_message);
  g_assert_cmpuint(lines_of(drops), ==, 4);
  g_autofree char *by_kdrop = g_strdup_printf("tshark -r %s -Y 'frame.interface_name == \"kdrop\"' -T fields "
                                              "-e udp.srcport -e frame.packet_id",
                                              path);
  g_autofree char *kdrop = output_of(by_kdrop);
  g_assert_cmpstr(kdrop, ==, "99\t4\n");
  g_autofree char *by_direction = g_strdup_printf("tshark -r %s -Y 'frame.packet_flags_direction == 1'", path);
  g_autofree char *inbound = output_of(by_direction);
  g_assert_cmpuint(lines_of(inbound), ==, 3);
  g_autofree char *expert = g_strdup_printf("tshark -r %s -Y _ws.malformed", path);
  g_autofree char *malformed = output_of(expert);
  g_assert_cmpstr(malformed, ==, "");
  place_clear(&place);
}

static void test_capinfos(void)
{
  if (!has_tool("capinfos"))
    return;
  Place place = place_new("x.pcapng");
  g_autofree char *command = g_strdup_printf("capinfos -M -T -r -c -I %s", write_for_tools(&place));
  g_autofree char *out = output_of(command);
  g_assert_nonnull(strstr(out, "\t4"));
  place_clear(&place);
}

int main(int argc, char **argv)
{
  dc_hash_init();
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/evidence-write/flush", test_flush);
  g_test_add_func("/evidence-write/killed", test_killed);
  g_test_add_func("/evidence-write/rotate/size", test_rotate_by_size);
  g_test_add_func("/evidence-write/rotate/ring", test_ring);
  g_test_add_func("/evidence-write/rotate/tiny-limit", test_tiny_limit);
  g_test_add_func("/evidence-write/rotate/time", test_rotate_by_time);
  g_test_add_func("/evidence-write/full-and-free-again", test_full_and_free_again);
  g_test_add_func("/evidence-write/device-full", test_device_full);
  g_test_add_func("/evidence-write/cannot-open", test_cannot_open);
  g_test_add_func("/evidence-write/rotation-fails", test_rotation_fails);
  g_test_add_func("/evidence-write/kdrop", test_kdrop);
  g_test_add_func("/evidence-write/tcpdump", test_tcpdump);
  g_test_add_func("/evidence-write/tshark", test_tshark);
  g_test_add_func("/evidence-write/capinfos", test_capinfos);
  return g_test_run();
}
