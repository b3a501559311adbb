/* Snapshots: of a copy of /proc and /sys, of this host, and read back as --context. */
#include "dropcorr/source/snapshot.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/state_text.h"
#include "dropcorr/source/context_dir.h"
#include "scratch.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *base;
  char *root; /* a host of our own making */
  char *path; /* where the snapshot goes */
  DcStop *stop;
} Host;

static void put(const Host *host, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename(host->root, name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static Host host_new(void)
{
  Host host = {.base = scratch_new(), .stop = dc_stop_new(NULL)};
  host.root = g_build_filename(host.base, "root", NULL);
  host.path = g_build_filename(host.base, "snapshot", NULL);
  put(&host, "proc/net/snmp", "Udp: InDatagrams NoPorts InErrors\nUdp: 7 5 0\n");
  put(&host, "proc/net/ptype", "Type Device      Function\n0800          ip_rcv\n");
  put(&host, "proc/sys/net/ipv4/tcp_syncookies", "1\n");
  put(&host, "sys/class/net/eth0/statistics/rx_dropped", "3\n");
  put(&host, "sys/class/net/eth1/statistics/rx_dropped", "4\n");
  return host;
}

static void host_clear(Host *host)
{
  scratch_remove(host->base);
  dc_stop_free(host->stop);
  g_free(host->base);
  g_free(host->root);
  g_free(host->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Host, host_clear)

static DcSnapshotOptions options_of(const Host *host)
{
  return (DcSnapshotOptions){.path = host->path,
                             .root = host->root,
                             .command_line = "dropcorr --snapshot x",
                             .owner = (uid_t)-1,
                             .group = (gid_t)-1};
}

static void write_ok(const DcSnapshotOptions *options, const DcStop *stop, DcSnapshotResult *result)
{
  g_autoptr(GError) error = NULL;
  if (!dc_snapshot_write(options, stop, result, &error))
    g_error("%s", error->message);
}

static bool has_file(const Host *host, const char *name)
{
  g_autofree char *path = g_build_filename(host->path, name, NULL);
  return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static const DcSnapshotGap *find_gap(const DcSnapshotResult *result, const char *object)
{
  const DcSnapshotGap *found = NULL;
  for (guint i = 0; i < result->gaps->len; i++) {
    const DcSnapshotGap *gap = g_ptr_array_index(result->gaps, i);
    if (strcmp(gap->object, object) != 0)
      continue;
    g_assert_null(found); /* each object once, also when it was asked twice */
    found = gap;
  }
  return found;
}

/* Reads the folder as --context does; how many samples came. */
static guint read_back(const Host *host, DcState *state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DcSource) source = dc_context_dir_open(host->path, &error);
  g_assert_no_error(error);
  guint count = 0;
  DcEvent event;
  DcReadStatus status;
  while ((status = dc_source_next(source, &event, &error)) == DC_READ_EVENT) {
    const DcStateTextStatus parsed = dc_state_text_parse(state, &event.sample, NULL);
    if (parsed != DC_STATE_TEXT_PARSED)
      g_error("%s: status %d", event.sample.name, (int)parsed);
    count++;
  }
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, DC_READ_END);
  g_assert_cmpuint(source->skipped, ==, 0);
  return count;
}

static json_t *read_manifest(const Host *host)
{
  g_autofree char *path = g_build_filename(host->path, "snapshot.json", NULL);
  json_error_t error;
  json_t *manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (manifest == NULL)
    g_error("%s: %s", path, error.text);
  return manifest;
}

static void test_once(void)
{
  g_auto(Host) host = host_new();
  g_auto(DcSnapshotResult) result = {0};
  const DcSnapshotOptions options = options_of(&host);
  write_ok(&options, host.stop, &result);
  g_assert_cmpuint(result.files, ==, 5); /* snmp, ptype, sysctl, two devices */
  g_assert_true(has_file(&host, "snmp"));
  g_assert_true(has_file(&host, "sys_eth0"));
  g_assert_true(has_file(&host, "sys_eth1"));
  g_assert_true(has_file(&host, "time"));
  g_assert_true(has_file(&host, "clock"));
  g_assert_false(has_file(&host, "before.snmp"));
  g_assert_nonnull(find_gap(&result, "netstat"));
  g_assert_false(find_gap(&result, "netstat")->permission);
  g_assert_null(find_gap(&result, "snmp"));

  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpuint(read_back(&host, state), ==, 5);
  g_assert_true(dc_state_seen(state, "sys_eth1"));

  json_t *manifest = read_manifest(&host);
  g_assert_cmpstr(json_string_value(json_object_get(manifest, "schema")), ==, "dropcorr-snapshot/1");
  g_assert_cmpstr(json_string_value(json_object_get(manifest, "command")), ==, "dropcorr --snapshot x");
  g_assert_true(json_is_false(json_object_get(manifest, "pairs")));
  g_assert_true(json_is_string(json_object_get(json_object_get(manifest, "clock"), "realtime")));
  g_assert_cmpuint(json_array_size(json_object_get(manifest, "missing")), ==, result.gaps->len);
  g_assert_cmpuint(json_array_size(json_object_get(manifest, "files")), ==, 7); /* and time, clock */
  json_decref(manifest);
}

static void test_pairs_of_one_interface(void)
{
  g_auto(Host) host = host_new();
  g_auto(DcSnapshotResult) result = {0};
  DcSnapshotOptions options = options_of(&host);
  options.interface = "eth1";
  options.duration_ns = 20 * DC_NS_PER_MS;
  const int64_t begin = dc_clock_monotonic();
  write_ok(&options, host.stop, &result);
  g_assert_cmpint(dc_clock_monotonic() - begin, >=, options.duration_ns);
  g_assert_cmpuint(result.files, ==, 8);
  g_assert_true(has_file(&host, "before.snmp"));
  g_assert_true(has_file(&host, "after.snmp"));
  g_assert_true(has_file(&host, "after.sys_eth1"));
  g_assert_true(has_file(&host, "before.time"));
  g_assert_false(has_file(&host, "after.sys_eth0"));
  g_assert_false(has_file(&host, "snmp"));
  g_assert_nonnull(find_gap(&result, "netstat"));
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpuint(read_back(&host, state), ==, 8);
}

static void test_stop_ends_the_wait(void)
{
  g_auto(Host) host = host_new();
  g_auto(DcSnapshotResult) result = {0};
  DcSnapshotOptions options = options_of(&host);
  options.duration_ns = 3600 * DC_NS_PER_S; /* the test's own time limit is below */
  dc_stop_request(host.stop);
  write_ok(&options, host.stop, &result);
  g_assert_true(has_file(&host, "after.snmp"));
}

static void test_refusals(void)
{
  g_auto(Host) host = host_new();
  g_auto(DcSnapshotResult) result = {0};
  g_autoptr(GError) error = NULL;
  DcSnapshotOptions options = options_of(&host);
  options.interface = "eth7";
  g_assert_false(dc_snapshot_write(&options, host.stop, &result, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_assert_nonnull(strstr(error->message, "eth7"));
  g_assert_false(g_file_test(host.path, G_FILE_TEST_EXISTS)); /* found out before the folder was made */
  g_clear_error(&error);

  put(&host, "../empty/sys/class/net/lo/x", "");
  g_autofree char *root = g_build_filename(host.base, "empty", NULL);
  options = options_of(&host);
  options.root = root;
  g_assert_false(dc_snapshot_write(&options, host.stop, &result, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_assert_null(result.gaps); /* untouched */
}

/* Whatever privileges there are: what the kernel lets everybody read is there, the rest is named. */
static void test_this_host(void)
{
  g_auto(Host) host = host_new();
  g_auto(DcSnapshotResult) result = {0};
  DcSnapshotOptions options = options_of(&host);
  options.root = "";
  write_ok(&options, host.stop, &result);
  g_assert_true(has_file(&host, "snmp"));
  g_assert_true(has_file(&host, "uname"));
  g_assert_true(has_file(&host, "if_addrs"));
  const DcSnapshotGap *nft = find_gap(&result, "nft");
  g_assert_true(has_file(&host, "nft") != (nft != NULL));
  if (nft != NULL && nft->permission)
    g_assert_cmpstr(nft->need, ==, "CAP_NET_ADMIN");
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpuint(read_back(&host, state), ==, result.files);
  g_assert_true(dc_state_seen(state, "uname"));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/snapshot/once", test_once);
  g_test_add_func("/snapshot/pairs-of-one-interface", test_pairs_of_one_interface);
  g_test_add_func("/snapshot/stop-ends-the-wait", test_stop_ends_the_wait);
  g_test_add_func("/snapshot/refusals", test_refusals);
  g_test_add_func("/snapshot/this-host", test_this_host);
  return g_test_run();
}
