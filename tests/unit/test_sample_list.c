/* The sample list on the running machine (nothing here needs privileges) and on copies of /proc and /sys. */
#include "dropcorr/base/clock.h"
#include "dropcorr/base/error.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/decode/state_text.h"
#include "dropcorr/source/sample_list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static DcStateTextStatus parse(DcState *state, const char *name, const GByteArray *text, DcPhase phase,
                               size_t *ret_skipped)
{
  const DcSample sample = {.time_ns = dc_clock_realtime(),
                           .phase = (uint8_t)phase,
                           .name = name,
                           .text = (const char *)text->data,
                           .len = text->len};
  return dc_state_text_parse(state, &sample, ret_skipped);
}

/* What a host may lack or forbid; anything else is a failure. */
static bool may_fail(const GError *error)
{
  return g_error_matches(error, DC_ERROR, DC_ERROR_NOT_FOUND) ||
         g_error_matches(error, DC_ERROR, DC_ERROR_PERMISSION) ||
         g_error_matches(error, DC_ERROR, DC_ERROR_UNSUPPORTED);
}

static bool take(DcState *state, const DcSampleObject *object, const char *device)
{
  g_autoptr(GByteArray) text = g_byte_array_new();
  g_autoptr(GError) error = NULL;
  const bool read = device != NULL ? dc_sample_read_device(object, "", device, text, &error)
                                   : dc_sample_read(object, "", text, &error);
  if (!read) {
    g_assert_nonnull(error);
    g_assert_cmpuint(text->len, ==, 0);
    g_test_message("%s: %s", object->name, error->message);
    g_assert_true(may_fail(error));
    return false;
  }
  g_assert_no_error(error);
  g_autofree char *name = dc_sample_name(object, device);
  size_t skipped = 99;
  const DcStateTextStatus status = parse(state, name, text, DC_PHASE_BEFORE, &skipped);
  if (status != DC_STATE_TEXT_PARSED)
    g_error("%s: status %d, %zu lines skipped:\n%.*s", name, (int)status, skipped, (int)text->len,
            (const char *)text->data);
  g_assert_cmpuint(skipped, ==, 0);
  g_assert_true(dc_state_seen(state, name));
  return true;
}

/* Everything the running kernel prints makes sense to the parsers. */
static void test_running_host(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) devices = dc_sample_devices("", &error);
  g_assert_no_error(error);
  g_assert_true(g_strv_contains((const char *const *)devices, "lo"));

  size_t count;
  const DcSampleObject *objects = dc_sample_objects(&count);
  for (size_t i = 0; i < count; i++) {
    bool is_counters;
    g_autofree char *example = dc_sample_name(&objects[i], objects[i].per_device ? "lo" : NULL);
    g_assert_true(dc_state_text_known(example, &is_counters));
    /* a tick samples nothing that is not a counter */
    g_assert_true(is_counters || !objects[i].is_counters);
    g_assert_true(dc_sample_object(objects[i].name) == &objects[i]);
    if (!objects[i].per_device)
      take(state, &objects[i], NULL);
    for (char **device = devices; objects[i].per_device && *device != NULL; device++)
      take(state, &objects[i], *device);
  }
  g_assert_null(dc_sample_object("nonsense"));

  /* what every Linux has */
  uint64_t value;
  g_assert_true(dc_state_counter_value(state, "Ip.InReceives", &value));
  g_assert_true(dc_state_counter_value(state, "TcpExt.ListenOverflows", &value));
  g_assert_true(dc_state_counter_value(state, "softnet.dropped", &value));
  g_assert_true(dc_state_counter_value(state, "dev.lo.rx_dropped", &value));
  g_assert_true(dc_state_counter_value(state, "sys.lo.rx_dropped", &value));
  g_assert_true(dc_state_has_handlers(state));
  g_assert_nonnull(dc_state_handler(state, 0x0800));
  g_assert_true(dc_state_has_sysctls(state));
  g_assert_nonnull(dc_state_sysctl(state, "net.ipv4.conf.lo.rp_filter"));
  g_assert_nonnull(dc_state_sysctl(state, "net.ipv4.tcp_rmem"));
  g_assert_cmpstr(dc_state_device_name(state, 1), ==, "lo");
  struct utsname names;
  g_assert_cmpint(uname(&names), ==, 0);
  g_assert_cmpstr(dc_state_kernel_release(state), ==, names.release);
}

/* A second's tick is cheap, or the observer would disturb what it observes. */
static void test_tick_cost(void)
{
  enum { TICKS = 50 };
  g_autoptr(DcState) state = dc_state_new();
  g_autoptr(GByteArray) text = g_byte_array_new();
  size_t count;
  const DcSampleObject *objects = dc_sample_objects(&count);
  int64_t reading = 0;
  int64_t parsing = 0;
  for (int tick = 0; tick < TICKS; tick++) {
    for (size_t i = 0; i < count; i++) {
      if (!objects[i].is_counters)
        continue;
      g_byte_array_set_size(text, 0);
      const char *device = objects[i].per_device ? "lo" : NULL;
      const int64_t start = dc_clock_monotonic();
      const bool read = device != NULL ? dc_sample_read_device(&objects[i], "", device, text, NULL)
                                       : dc_sample_read(&objects[i], "", text, NULL);
      const int64_t middle = dc_clock_monotonic();
      g_autofree char *name = dc_sample_name(&objects[i], device);
      if (read)
        parse(state, name, text, DC_PHASE_TICK, NULL);
      parsing += dc_clock_monotonic() - middle;
      reading += middle - start;
    }
  }
  g_test_message("a tick: %" G_GINT64_FORMAT " us to read, %" G_GINT64_FORMAT " us to parse",
                 reading / TICKS / DC_NS_PER_US, parsing / TICKS / DC_NS_PER_US);
  g_assert_cmpint((reading + parsing) / TICKS, <, 50 * DC_NS_PER_MS);
  g_assert_cmpuint(dc_state_refused(state), ==, 0);
}

/* --- sockets -------------------------------------------------------------------- */

static int make_socket(int type, uint32_t addr, uint16_t *ret_port)
{
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  g_assert_cmpint(fd, >=, 0);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(addr)}};
  socklen_t len = sizeof name;
  g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
  g_assert_cmpint(getsockname(fd, (struct sockaddr *)&name, &len), ==, 0);
  *ret_port = ntohs(name.sin_port);
  return fd;
}

static void test_sockets(void)
{
  uint16_t tcp_port;
  uint16_t udp_port;
  const int tcp = make_socket(SOCK_STREAM, INADDR_LOOPBACK, &tcp_port);
  g_assert_cmpint(listen(tcp, 7), ==, 0);
  const int udp = make_socket(SOCK_DGRAM, INADDR_ANY, &udp_port);
  const int size = 4096;
  g_assert_cmpint(setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), ==, 0);
  /* two connections nobody accepts, more datagrams than fit */
  int clients[2];
  struct sockaddr_in name = {
      .sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}, .sin_port = htons(tcp_port)};
  for (size_t i = 0; i < G_N_ELEMENTS(clients); i++) {
    clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(clients[i], (struct sockaddr *)&name, sizeof name) != 0) {
      g_assert_cmpint(errno, ==, ENETUNREACH);
      g_test_skip("the loopback device is down");
      return;
    }
  }
  uint16_t sender_port;
  const int sender = make_socket(SOCK_DGRAM, INADDR_LOOPBACK, &sender_port);
  static const uint8_t payload[1000];
  name.sin_port = htons(udp_port);
  for (int i = 0; i < 40; i++)
    g_assert_cmpint(sendto(sender, payload, sizeof payload, 0, (struct sockaddr *)&name, sizeof name), >, 0);

  g_autoptr(DcState) state = dc_state_new();
  const DcAddr loopback = {.bytes = {127, 0, 0, 1}, .version = 4};
  const DcAddr other = {.bytes = {192, 0, 2, 1}, .version = 4};
  static const char *const lists[] = {"udp", "udp6", "tcp", "tcp6"};
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    take(state, dc_sample_object(lists[i]), NULL);
  const DcSocket *found = dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &loopback, tcp_port);
  g_assert_nonnull(found);
  g_assert_cmpuint(found->recv_queue, ==, 2);
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &other, tcp_port));
  found = dc_state_find_socket(state, DC_SOCKET_UDP, &other, udp_port);
  g_assert_nonnull(found);
  g_assert_cmpuint(found->recv_queue, >, 0);
  g_assert_cmpuint(found->drops, >, 0);
  const uint64_t drops = found->drops;

  /* sock_diag knows more of the same sockets */
  if (take(state, dc_sample_object("ss_m"), NULL)) {
    found = dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &loopback, tcp_port);
    g_assert_cmpuint(found->recv_queue, ==, 2);
    g_assert_true(found->has_backlog);
    g_assert_cmpuint(found->send_queue, ==, 7);
    g_autofree char *pid = g_strdup_printf(" pid %d", (int)getpid());
    g_assert_true(g_str_has_suffix(found->process, pid));
    found = dc_state_find_socket(state, DC_SOCKET_UDP, &other, udp_port);
    g_assert_cmpuint(found->shared, ==, 1);
    g_assert_cmpuint(found->drops, ==, drops);
    int rcvbuf;
    socklen_t len = sizeof rcvbuf;
    g_assert_cmpint(getsockopt(udp, SOL_SOCKET, SO_RCVBUF, &rcvbuf, &len), ==, 0);
    g_assert_cmpuint(found->rcvbuf, ==, (uint32_t)rcvbuf);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
    close(clients[i]);
  close(sender);
  close(tcp);
  close(udp);
}

static void test_addresses(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_true(take(state, dc_sample_object("if_addrs"), NULL));
  const DcAddr any = {.version = 4};
  g_assert_false(dc_state_is_local_address(state, &any));
  /* those of /proc are among them */
  g_autofree char *inet6 = NULL;
  if (!g_file_get_contents("/proc/net/if_inet6", &inet6, NULL, NULL)) {
    g_test_skip("no IPv6 here");
    return;
  }
  g_auto(GStrv) lines = g_strsplit(inet6, "\n", -1);
  for (char **line = lines; *line != NULL && (*line)[0] != '\0'; line++) {
    DcAddr addr = {.version = 6};
    for (size_t i = 0; i < 16; i++)
      addr.bytes[i] = (uint8_t)(g_ascii_xdigit_value((*line)[2 * i]) << 4 | g_ascii_xdigit_value((*line)[2 * i + 1]));
    g_assert_true(dc_state_is_local_address(state, &addr));
  }
}

/* --- a copy of /proc and /sys ------------------------------------------------------- */

static void write_file(const char *root, const char *path, const char *text, gssize len)
{
  g_autofree char *full = g_build_filename(root, path, NULL);
  g_autofree char *folder = g_path_get_dirname(full);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  g_assert_true(g_file_set_contents(full, text, len, NULL));
}

static void remove_tree(const char *path)
{
  g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
  const char *name;
  while (directory != NULL && (name = g_dir_read_name(directory)) != NULL) {
    g_autofree char *full = g_build_filename(path, name, NULL);
    if (g_file_test(full, G_FILE_TEST_IS_DIR) && !g_file_test(full, G_FILE_TEST_IS_SYMLINK))
      remove_tree(full);
    else
      g_unlink(full);
  }
  g_rmdir(path);
}

static void test_copy(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *root = g_dir_make_tmp("dropcorr-test-XXXXXX", &error);
  g_assert_no_error(error);
  write_file(root, "proc/net/ptype", "Type Device      Function\n0800          ip_rcv\n", -1);
  write_file(root, "proc/sys/net/core/somaxconn", "128\n", -1);
  write_file(root, "proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n", -1);
  write_file(root, "proc/sys/net/ipv4/conf/eth0.100/rp_filter", "2\n", -1);
  write_file(root, "proc/sys/net/ipv4/conf/all/rp_filter", "1\n", -1);
  write_file(root, "proc/sys/net/netfilter/nf_conntrack_max", "65536\n", -1);
  write_file(root, "sys/class/net/eth0.100/statistics/rx_dropped", "206975\n", -1);
  write_file(root, "sys/class/net/eth0.100/statistics/rx_errors", "0\n", -1);
  write_file(root, "sys/class/net/bonding_masters", "bond0\n", -1);

  g_auto(GStrv) devices = dc_sample_devices(root, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_strv_length(devices), ==, 1);
  g_assert_cmpstr(devices[0], ==, "eth0.100");

  g_autoptr(GByteArray) text = g_byte_array_new();
  g_assert_true(dc_sample_read(dc_sample_object("sysctl"), root, text, &error));
  g_autofree char *settings = g_strndup((const char *)text->data, text->len);
  g_assert_nonnull(strstr(settings, "net.ipv4.conf.eth0/100.rp_filter = 2\n"));
  g_autoptr(DcState) state = dc_state_new();
  g_assert_cmpint(parse(state, "sysctl", text, DC_PHASE_ONCE, NULL), ==, DC_STATE_TEXT_PARSED);
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.conf.eth0/100.rp_filter"), ==, "2");
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.tcp_rmem"), ==, "4096 131072 6291456");
  g_assert_cmpstr(dc_state_sysctl(state, "net.netfilter.nf_conntrack_max"), ==, "65536");

  /* appended, not replaced */
  g_byte_array_set_size(text, 0);
  g_byte_array_append(text, (const guint8 *)"x", 1);
  g_assert_true(dc_sample_read_device(dc_sample_object("sys"), root, "eth0.100", text, &error));
  g_assert_cmpint(text->data[0], ==, 'x');
  g_byte_array_remove_index(text, 0);
  g_autofree char *name = dc_sample_name(dc_sample_object("sys"), "eth0.100");
  g_assert_cmpint(parse(state, name, text, DC_PHASE_ONCE, NULL), ==, DC_STATE_TEXT_PARSED);
  uint64_t value;
  g_assert_true(dc_state_counter_value(state, "sys.eth0.100.rx_dropped", &value));
  g_assert_cmpuint(value, ==, 206975);

  /* what is not there */
  const guint before = text->len;
  g_assert_false(dc_sample_read(dc_sample_object("snmp"), root, text, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_assert_nonnull(strstr(error->message, "/proc/net/snmp"));
  g_clear_error(&error);
  g_assert_false(dc_sample_read_device(dc_sample_object("sys"), root, "eth9", text, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_false(dc_sample_read_device(dc_sample_object("sys"), root, "../eth0.100", text, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_false(dc_sample_read(dc_sample_object("uname"), root, text, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_UNSUPPORTED);
  g_clear_error(&error);
  g_assert_false(dc_sample_read(dc_sample_object("sysctl"), "/nonexistent", text, &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  g_assert_cmpuint(text->len, ==, before);
  g_clear_error(&error);
  g_assert_null(dc_sample_devices("/nonexistent", &error));
  g_assert_error(error, DC_ERROR, DC_ERROR_NOT_FOUND);
  remove_tree(root);
}

/* A list longer than a sample may be is cut between two lines. */
static void test_cut(void)
{
  g_autofree char *root = g_dir_make_tmp("dropcorr-test-XXXXXX", NULL);
  g_autoptr(GString) big = g_string_new(NULL);
  while (big->len < DC_SAMPLE_SIZE_MAX + 100000)
    g_string_append(big, "0123456789012345678901234567890123456789\n");
  write_file(root, "proc/net/tcp", big->str, (gssize)big->len);
  g_autoptr(GByteArray) text = g_byte_array_new();
  g_autoptr(GError) error = NULL;
  g_assert_true(dc_sample_read(dc_sample_object("tcp"), root, text, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(text->len, <=, DC_SAMPLE_SIZE_MAX + 65536);
  g_assert_cmpuint(text->len, >, DC_SAMPLE_SIZE_MAX - 65536);
  g_assert_cmpuint(text->len % 41, ==, 0);

  /* something that would never end, or block, does neither */
  g_autofree char *fifo = g_build_filename(root, "proc/net/udp", NULL);
  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  g_byte_array_set_size(text, 0);
  g_assert_true(dc_sample_read(dc_sample_object("udp"), root, text, &error));
  g_assert_cmpuint(text->len, ==, 0);
  remove_tree(root);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/sample-list/running-host", test_running_host);
  g_test_add_func("/sample-list/tick-cost", test_tick_cost);
  g_test_add_func("/sample-list/sockets", test_sockets);
  g_test_add_func("/sample-list/addresses", test_addresses);
  g_test_add_func("/sample-list/copy", test_copy);
  g_test_add_func("/sample-list/cut", test_cut);
  return g_test_run();
}
