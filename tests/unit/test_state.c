/* DcState: counters over time, sockets of several lists, handlers, addresses, limits. */
#include "dropcorr/model/state.h"

#include <string.h>

#define S DC_NS_PER_S

static DcAddr ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
  return (DcAddr){.bytes = {a, b, c, d}, .version = 4};
}

static DcAddr ip6(uint8_t first, uint8_t last)
{
  return (DcAddr){.bytes = {[0] = first, [15] = last}, .version = 6};
}

/* --- counters ---------------------------------------------------------------- */

static void tick(DcState *state, int64_t seconds, const char *name, uint64_t value)
{
  dc_state_set_counter(state, seconds * S, DC_PHASE_TICK, name, value);
}

static void test_counter_steps_live(void)
{
  g_autoptr(DcState) state = dc_state_new();
  for (int64_t t = 100; t <= 110; t++)
    tick(state, t, "TcpExt.ListenOverflows", t < 104 ? 5 : t < 107 ? 8 : 13);

  /* inside one interval of the first change */
  DcCounterStep step = dc_state_counter(state, "TcpExt.ListenOverflows", 103 * S + 1, 103 * S + 2);
  g_assert_true(step.known);
  g_assert_cmpuint(step.first, ==, 5);
  g_assert_cmpuint(step.last, ==, 8);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.from_ns, ==, 103 * S);
  g_assert_cmpint(step.to_ns, ==, 104 * S);

  /* between the changes it stood still */
  step = dc_state_counter(state, "TcpExt.ListenOverflows", 104 * S, 106 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 0);
  g_assert_cmpuint(step.first, ==, 8);

  /* a span that starts on a still stretch and ends inside a change encloses it whole */
  step = dc_state_counter(state, "TcpExt.ListenOverflows", 105 * S + 5, 106 * S + 5);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 5);
  g_assert_cmpint(step.from_ns, <=, 105 * S + 5);
  g_assert_cmpint(step.to_ns, ==, 107 * S);

  /* the sample right after the span counts, the change after that one does not */
  step = dc_state_counter(state, "TcpExt.ListenOverflows", 101 * S, 104 * S);
  g_assert_cmpuint(step.step, ==, 3);

  step = dc_state_counter(state, "TcpExt.ListenOverflows", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 8);
  g_assert_cmpint(step.from_ns, ==, 100 * S);
  g_assert_cmpint(step.to_ns, ==, 110 * S);

  DcCounterStep steps[4];
  g_assert_cmpuint(dc_state_counter_steps(state, "TcpExt.ListenOverflows", steps, 4), ==, 2);
  g_assert_cmpint(steps[0].from_ns, ==, 103 * S);
  g_assert_cmpint(steps[0].to_ns, ==, 104 * S);
  g_assert_cmpuint(steps[0].step, ==, 3);
  g_assert_cmpint(steps[1].to_ns, ==, 107 * S);
  g_assert_cmpuint(steps[1].step, ==, 5);
  /* the newest when there is no room for all */
  g_assert_cmpuint(dc_state_counter_steps(state, "TcpExt.ListenOverflows", steps, 1), ==, 1);
  g_assert_cmpuint(steps[0].step, ==, 5);
}

static void test_counter_unframed(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 10, "Udp.NoPorts", 1);
  g_assert_false(dc_state_counter(state, "Udp.NoPorts", DC_TIME_NONE, DC_TIME_NONE).known);
  tick(state, 11, "Udp.NoPorts", 4);
  g_assert_true(dc_state_counter(state, "Udp.NoPorts", DC_TIME_NONE, DC_TIME_NONE).known);
  /* the sample after the span has not been taken yet */
  g_assert_false(dc_state_counter(state, "Udp.NoPorts", 10 * S, 12 * S).known);
  /* nor was there one before it */
  g_assert_false(dc_state_counter(state, "Udp.NoPorts", 9 * S, 11 * S).known);
  g_assert_false(dc_state_counter(state, "Udp.InErrors", DC_TIME_NONE, DC_TIME_NONE).known);
  uint64_t value = 77;
  g_assert_false(dc_state_counter_value(state, "Udp.InErrors", &value));
  g_assert_cmpuint(value, ==, 77);
  g_assert_true(dc_state_counter_value(state, "Udp.NoPorts", &value));
  g_assert_cmpuint(value, ==, 4);
}

static void test_counter_files(void)
{
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_BEFORE, "Udp.RcvbufErrors", 100);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, "Udp.RcvbufErrors", 117);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_ONCE, "Udp.NoPorts", 9);

  /* files without time enclose whatever is asked for */
  DcCounterStep step = dc_state_counter(state, "Udp.RcvbufErrors", 5 * S, 6 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 17);
  g_assert_cmpint(step.from_ns, ==, DC_TIME_NONE);
  g_assert_cmpint(step.to_ns, ==, DC_TIME_NONE);
  DcCounterStep steps[2];
  g_assert_cmpuint(dc_state_counter_steps(state, "Udp.RcvbufErrors", steps, 2), ==, 1);
  g_assert_cmpuint(steps[0].step, ==, 17);

  /* one file alone says how much, never when */
  step = dc_state_counter(state, "Udp.NoPorts", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_false(step.known);
  g_assert_cmpuint(step.step, ==, 0);
  uint64_t value;
  g_assert_true(dc_state_counter_value(state, "Udp.NoPorts", &value));
  g_assert_cmpuint(value, ==, 9);
}

/* AFTER files may be read first, and live samples may stand between the two. */
static void test_counter_order(void)
{
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, "a", 30);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_BEFORE, "a", 10);
  tick(state, 5, "a", 12);
  tick(state, 6, "a", 20);
  DcCounterStep step = dc_state_counter(state, "a", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_cmpuint(step.step, ==, 20);
  step = dc_state_counter(state, "a", 5 * S + 1, 5 * S + 2);
  g_assert_cmpuint(step.step, ==, 8);
  step = dc_state_counter(state, "a", 6 * S + 1, 7 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 10);
  g_assert_cmpint(step.to_ns, ==, DC_TIME_NONE);
}

static void test_counter_reset(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 1, "dev.eth0.rx_dropped", 900);
  tick(state, 2, "dev.eth0.rx_dropped", 3);
  tick(state, 3, "dev.eth0.rx_dropped", 5);
  DcCounterStep step = dc_state_counter(state, "dev.eth0.rx_dropped", 1 * S, 2 * S);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 0);
  g_assert_cmpuint(step.first, ==, 900);
  g_assert_cmpuint(step.last, ==, 3);
  step = dc_state_counter(state, "dev.eth0.rx_dropped", 2 * S, 3 * S);
  g_assert_cmpuint(step.step, ==, 2);
  DcCounterStep steps[4];
  g_assert_cmpuint(dc_state_counter_steps(state, "dev.eth0.rx_dropped", steps, 4), ==, 1);
}

static void test_counter_clock_back(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 100, "a", 1);
  tick(state, 90, "a", 4); /* the clock was set back */
  tick(state, 101, "a", 4);
  DcCounterStep step = dc_state_counter(state, "a", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.from_ns, ==, 100 * S);
  g_assert_cmpint(step.to_ns, ==, 101 * S);
}

/* A counter that moves at every sample for a day stays bounded; old changes grow coarse, none is lost. */
static void test_counter_folds(void)
{
  enum { SAMPLES = 86400 };
  g_autoptr(DcState) state = dc_state_new();
  for (int64_t t = 0; t < SAMPLES; t++)
    tick(state, t, "Ip.InReceives", (uint64_t)t * 3);
  static DcCounterStep steps[SAMPLES];
  const size_t count = dc_state_counter_steps(state, "Ip.InReceives", steps, SAMPLES);
  g_assert_cmpuint(count, <=, DC_STATE_STEPS_MAX);
  g_assert_cmpuint(count, >, DC_STATE_STEPS_MAX / 4);
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++) {
    total += steps[i].step;
    if (i > 0)
      g_assert_cmpint(steps[i].from_ns, ==, steps[i - 1].to_ns);
  }
  g_assert_cmpuint(total, ==, (SAMPLES - 1) * 3);
  g_assert_cmpint(steps[0].from_ns, ==, 0);
  /* the recent ones are as fine as they were */
  const DcCounterStep step = dc_state_counter(state, "Ip.InReceives", (SAMPLES - 10) * S + 1, (SAMPLES - 10) * S + 2);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.to_ns - step.from_ns, ==, 1 * S);
  /* and an old moment still lies between two samples whose values were read */
  const DcCounterStep old = dc_state_counter(state, "Ip.InReceives", 100 * S, 101 * S);
  g_assert_true(old.known);
  g_assert_cmpint(old.from_ns, <=, 100 * S);
  g_assert_cmpint(old.to_ns, >=, 101 * S);
  g_assert_cmpuint(old.first, ==, (uint64_t)(old.from_ns / S) * 3);
  g_assert_cmpuint(old.last, ==, (uint64_t)(old.to_ns / S) * 3);
}

/* The answers of the compact form are those of a list of all samples. */
static void test_counter_model(void)
{
  enum { SAMPLES = 400 };
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  for (int round = 0; round < 20; round++) {
    g_autoptr(DcState) state = dc_state_new();
    uint64_t values[SAMPLES];
    uint64_t value = 1000;
    for (int i = 0; i < SAMPLES; i++) {
      if (g_rand_int_range(rand, 0, 5) == 0)
        value += (uint64_t)g_rand_int_range(rand, -2, 9);
      values[i] = value;
      tick(state, i, "x", value);
    }
    for (int query = 0; query < 500; query++) {
      const int64_t from = g_rand_int_range(rand, 0, SAMPLES * 10 - 10);
      const int64_t wide = from + g_rand_int_range(rand, 1, 100);
      const int64_t to = MIN(wide, (SAMPLES - 1) * 10);
      const DcCounterStep step = dc_state_counter(state, "x", from * S / 10, to * S / 10);
      const uint64_t first = values[from / 10];
      const uint64_t last = values[(to + 9) / 10];
      if (from >= to)
        continue; /* cut off at the end */
      g_assert_true(step.known);
      g_assert_cmpuint(step.first, ==, first);
      g_assert_cmpuint(step.last, ==, last);
      g_assert_cmpuint(step.step, ==, last > first ? last - first : 0);
      g_assert_cmpint(step.from_ns, <=, from * S / 10);
      g_assert_cmpint(step.to_ns, >=, to * S / 10);
    }
  }
}

static void sample_rules(DcState *state, int64_t seconds, bool whole, const char *name, uint64_t value)
{
  dc_state_begin_object(state, "nft", DC_PHASE_TICK, seconds * S, true);
  if (name != NULL)
    tick(state, seconds, name, value);
  dc_state_end_object(state, whole);
}

static void test_counter_new_in_object(void)
{
  g_autoptr(DcState) state = dc_state_new();
  /* a rule of the first sample may have counted for days */
  sample_rules(state, 1, true, "nft.inet f.in.4", 70);
  g_assert_false(dc_state_counter(state, "nft.inet f.in.4", DC_TIME_NONE, DC_TIME_NONE).known);
  /* one added meanwhile counted nothing before */
  sample_rules(state, 2, true, "nft.inet f.in.5", 3);
  DcCounterStep step = dc_state_counter(state, "nft.inet f.in.5", DC_TIME_NONE, DC_TIME_NONE);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 3);
  g_assert_cmpint(step.from_ns, ==, 1 * S);
  /* after a list that was cut off nothing of the kind can be said */
  sample_rules(state, 3, false, NULL, 0);
  sample_rules(state, 4, true, "nft.inet f.in.6", 9);
  g_assert_false(dc_state_counter(state, "nft.inet f.in.6", DC_TIME_NONE, DC_TIME_NONE).known);

  /* untimed files likewise */
  dc_state_begin_object(state, "iptables-save", DC_PHASE_BEFORE, DC_TIME_NONE, true);
  dc_state_end_object(state, true);
  dc_state_begin_object(state, "iptables-save", DC_PHASE_AFTER, DC_TIME_NONE, true);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, "iptables.filter.INPUT.x", 8);
  dc_state_end_object(state, true);
  step = dc_state_counter(state, "iptables.filter.INPUT.x", 1, 2);
  g_assert_true(step.known);
  g_assert_cmpuint(step.step, ==, 8);

  /* not where the object does not work that way */
  for (int64_t t = 10; t < 12; t++) {
    dc_state_begin_object(state, "netstat", DC_PHASE_TICK, t * S, false);
    if (t == 11)
      tick(state, t, "TcpExt.PAWSPassive", 387158);
    dc_state_end_object(state, true);
  }
  g_assert_false(dc_state_counter(state, "TcpExt.PAWSPassive", DC_TIME_NONE, DC_TIME_NONE).known);
}

static void collect(const char *name, const DcCounterStep *whole, void *data)
{
  g_string_append_printf(data, "%s+%" G_GUINT64_FORMAT " ", name, whole->step);
}

static void test_counter_each(void)
{
  g_autoptr(DcState) state = dc_state_new();
  tick(state, 1, "c", 1);
  tick(state, 1, "a", 5);
  tick(state, 2, "a", 7);
  tick(state, 1, "b", 0);
  g_autoptr(GString) seen = g_string_new(NULL);
  dc_state_each_counter(state, collect, seen);
  g_assert_cmpstr(seen->str, ==, "a+2 b+0 c+0 ");
}

static void test_counter_limits(void)
{
  g_autoptr(DcState) state = dc_state_new();
  char name[32];
  for (unsigned i = 0; i < DC_STATE_COUNTERS_MAX + 10; i++) {
    g_snprintf(name, sizeof name, "n.%u", i);
    tick(state, 1, name, i);
  }
  g_assert_cmpuint(dc_state_refused(state), ==, 10);
  uint64_t value;
  g_assert_false(dc_state_counter_value(state, name, &value));
  /* those known go on */
  tick(state, 2, "n.0", 5);
  g_assert_cmpuint(dc_state_counter(state, "n.0", DC_TIME_NONE, DC_TIME_NONE).step, ==, 5);

  g_autofree char *long_name = g_strnfill(DC_STATE_NAME_MAX, 'x');
  g_autoptr(DcState) other = dc_state_new();
  tick(other, 1, long_name, 1);
  g_assert_false(dc_state_counter_value(other, long_name, &value));
  g_assert_cmpuint(dc_state_refused(other), ==, 1);
}

/* Many counters that all move: the sum of what is kept has a bound, too. */
static void test_counter_total(void)
{
  enum { COUNTERS = 3000, SAMPLES = 1000 };
  g_autoptr(DcState) state = dc_state_new();
  char name[32];
  for (int64_t t = 0; t < SAMPLES; t++) {
    for (unsigned i = 0; i < COUNTERS; i++) {
      g_snprintf(name, sizeof name, "n.%u", i);
      tick(state, t, name, (uint64_t)t);
    }
  }
  static DcCounterStep steps[SAMPLES];
  size_t kept = 0;
  for (unsigned i = 0; i < COUNTERS; i++) {
    g_snprintf(name, sizeof name, "n.%u", i);
    kept += dc_state_counter_steps(state, name, steps, SAMPLES);
    g_assert_cmpuint(dc_state_counter(state, name, DC_TIME_NONE, DC_TIME_NONE).step, ==, SAMPLES - 1);
  }
  g_assert_cmpuint(kept, <=, DC_STATE_STEPS_TOTAL_MAX);
}

/* --- handlers ------------------------------------------------------------------ */

static void test_handlers(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_has_handlers(state));
  /* a packet socket alone does not tell which protocols the kernel knows */
  dc_state_add_handler(state, &(DcProtocolHandler){0x88cc, "eth0", DC_HANDLER_PACKET_SOCKET});
  g_assert_false(dc_state_has_handlers(state));
  dc_state_add_handler(state, &(DcProtocolHandler){0x0800, "", "ip_rcv"});
  dc_state_add_handler(state, &(DcProtocolHandler){0x0800, "", "ip_rcv"});
  dc_state_add_handler(state, &(DcProtocolHandler){-1, "", "packet_rcv"});
  dc_state_add_handler(state, &(DcProtocolHandler){-1, "", DC_HANDLER_PACKET_SOCKET});
  dc_state_add_handler(state, &(DcProtocolHandler){-1, "eth1", "tpacket_rcv"});
  g_assert_true(dc_state_has_handlers(state));
  g_assert_cmpstr(dc_state_handler(state, 0x0800)->handler, ==, "ip_rcv");
  g_assert_cmpstr(dc_state_handler(state, 0x88cc)->device, ==, "eth0");
  g_assert_null(dc_state_handler(state, 0x0004));
  /* an unbound one is the better answer */
  dc_state_add_handler(state, &(DcProtocolHandler){0x88cc, "", "lldp_rcv"});
  g_assert_cmpstr(dc_state_handler(state, 0x88cc)->handler, ==, "lldp_rcv");
  size_t count;
  const DcProtocolHandler *taps = dc_state_taps(state, &count);
  g_assert_cmpuint(count, ==, 2);
  g_assert_cmpint(taps[0].ethertype, ==, -1);
  g_assert_cmpstr(taps[1].device, ==, "eth1");
}

/* --- sockets --------------------------------------------------------------------- */

static DcSocket make_socket(DcSocketKind kind, DcAddr local, uint16_t port)
{
  return (DcSocket){.kind = kind, .local = local, .local_port = port};
}

static void add(DcState *state, const char *list, DcSocket socket)
{
  dc_state_add_socket(state, list, &socket);
}

static void test_sockets_find(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  const DcAddr any6 = {.version = 6};
  dc_state_begin_sockets(state, "ss");
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, any4, 22));
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, any6, 80));
  DcSocket socket = make_socket(DC_SOCKET_TCP_LISTEN, any6, 81);
  socket.v6only = true;
  add(state, "ss", socket);
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, ip4(127, 0, 0, 1), 5432));
  add(state, "ss", make_socket(DC_SOCKET_UDP, any4, 53));
  add(state, "ss", make_socket(DC_SOCKET_UDP, ip4(10, 0, 0, 1), 53));
  /* ::ffff:10.0.0.9 is 10.0.0.9 */
  DcAddr mapped = {.bytes = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 9}, .version = 6};
  add(state, "ss", make_socket(DC_SOCKET_UDP, mapped, 70));

  const DcAddr host = ip4(10, 0, 0, 1);
  const DcAddr host6 = ip6(0xfd, 1);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 22));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host6, 22));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 80));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host6, 80));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 81));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host6, 81));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_UDP, &host, 22));
  g_assert_null(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 5432));
  const DcSocket *found = dc_state_find_port(state, DC_SOCKET_TCP_LISTEN, 5432);
  g_assert_nonnull(found);
  g_assert_cmpuint(found->local.bytes[0], ==, 127);
  g_assert_null(dc_state_find_port(state, DC_SOCKET_TCP_LISTEN, 5433));
  /* the specific address wins */
  found = dc_state_find_socket(state, DC_SOCKET_UDP, &host, 53);
  g_assert_cmpuint(found->local.bytes[0], ==, 10);
  const DcAddr nine = ip4(10, 0, 0, 9);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_UDP, &nine, 70));
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_UDP, &mapped, 70));
}

static void test_sockets_connected_udp(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr host = ip4(10, 0, 0, 1);
  DcSocket socket = make_socket(DC_SOCKET_UDP, host, 53);
  socket.remote = ip4(10, 0, 0, 2);
  socket.remote_port = 4000;
  dc_state_begin_sockets(state, "udp");
  add(state, "udp", socket);
  g_assert_cmpuint(dc_state_find_socket(state, DC_SOCKET_UDP, &host, 53)->remote_port, ==, 4000);
  /* a connected socket takes its peer's datagrams only */
  socket = make_socket(DC_SOCKET_UDP, host, 53);
  socket.has_drops = true;
  add(state, "udp", socket);
  g_assert_cmpuint(dc_state_find_socket(state, DC_SOCKET_UDP, &host, 53)->remote.version, ==, 0);
}

static void test_sockets_merge(void)
{
  const DcAddr any4 = {.version = 4};
  for (int order = 0; order < 2; order++) {
    g_autoptr(DcState) state = dc_state_new();
    DcSocket from_proc = make_socket(DC_SOCKET_TCP_LISTEN, any4, 2222);
    from_proc.has_queues = true;
    from_proc.recv_queue = 2;
    DcSocket from_ss = from_proc;
    from_ss.send_queue = 1;
    strcpy(from_ss.process, "srv pid 117");
    strcpy(from_ss.state, "LISTEN");
    for (int i = 0; i < 2; i++) {
      const bool ss = i == order;
      dc_state_begin_sockets(state, ss ? "ss" : "tcp");
      add(state, ss ? "ss" : "tcp", ss ? from_ss : from_proc);
    }
    size_t count;
    const DcSocket *sockets = dc_state_sockets(state, &count);
    g_assert_cmpuint(count, ==, 1);
    /* what /proc does not know does not wipe out what ss knew */
    g_assert_true(sockets[0].has_backlog);
    g_assert_cmpuint(sockets[0].send_queue, ==, 1);
    g_assert_cmpuint(sockets[0].recv_queue, ==, 2);
    g_assert_cmpuint(sockets[0].shared, ==, 1);
    g_assert_cmpstr(sockets[0].process, ==, "srv pid 117");
  }
}

/* ss tells the device a socket is bound to, /proc does not: one socket all the same. */
static void test_sockets_merge_device(void)
{
  const DcAddr stub = ip4(127, 0, 0, 53);
  for (int order = 0; order < 2; order++) {
    g_autoptr(DcState) state = dc_state_new();
    for (int i = 0; i < 2; i++) {
      const bool ss = i == order;
      DcSocket socket = make_socket(DC_SOCKET_UDP, stub, 53);
      if (ss)
        strcpy(socket.device, "lo");
      socket.has_drops = !ss;
      socket.drops = 3;
      dc_state_begin_sockets(state, ss ? "ss" : "udp");
      add(state, ss ? "ss" : "udp", socket);
    }
    size_t count;
    const DcSocket *sockets = dc_state_sockets(state, &count);
    g_assert_cmpuint(count, ==, 1);
    g_assert_cmpstr(sockets[0].device, ==, "lo");
    g_assert_cmpuint(sockets[0].drops, ==, 3);
  }
  /* two of them on two devices are two */
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  dc_state_begin_sockets(state, "ss");
  for (int i = 0; i < 2; i++) {
    DcSocket socket = make_socket(DC_SOCKET_UDP, any4, 68);
    strcpy(socket.device, i == 0 ? "eth0" : "eth1");
    add(state, "ss", socket);
  }
  size_t count;
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 2);
}

static void test_sockets_shared(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  for (uint32_t sample = 0; sample < 2; sample++) {
    dc_state_begin_sockets(state, "udp");
    for (uint32_t i = 1; i <= 3; i++) {
      DcSocket socket = make_socket(DC_SOCKET_UDP, any4, 9000);
      socket.has_queues = socket.has_drops = true;
      socket.recv_queue = sample == 0 ? 100 * i : i;
      socket.drops = i + 10 * sample;
      add(state, "udp", socket);
    }
  }
  size_t count;
  const DcSocket *sockets = dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 1);
  g_assert_cmpuint(sockets[0].shared, ==, 3);
  g_assert_cmpuint(sockets[0].drops_first, ==, 6);
  g_assert_cmpuint(sockets[0].drops, ==, 36);
  g_assert_cmpuint(sockets[0].recv_queue, ==, 3);
  g_assert_cmpuint(sockets[0].recv_peak, ==, 300);
}

static void test_sockets_replace(void)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcAddr any4 = {.version = 4};
  dc_state_begin_sockets(state, "tcp");
  add(state, "tcp", make_socket(DC_SOCKET_TCP_LISTEN, any4, 8080));
  DcSocket connection = make_socket(DC_SOCKET_TCP, ip4(10, 0, 0, 1), 8080);
  connection.remote = ip4(10, 0, 0, 2);
  connection.remote_port = 40001;
  add(state, "tcp", connection);
  size_t count;
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 2);

  /* the service is gone in the next sample: nobody is connected, but we know who listened */
  dc_state_begin_sockets(state, "tcp");
  const DcSocket *sockets = dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, 1);
  g_assert_cmpint(sockets[0].kind, ==, DC_SOCKET_TCP_LISTEN);
  const DcAddr host = ip4(10, 0, 0, 1);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_TCP_LISTEN, &host, 8080));
}

static void test_sockets_known(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_UDP));
  /* an empty list of /proc says there is none */
  dc_state_begin_sockets(state, "udp");
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_UDP));
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN));
  /* but on a host with IPv6 the other half may stand in the other file */
  dc_state_add_handler(state, &(DcProtocolHandler){0x86dd, "", "ipv6_rcv"});
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_UDP));
  dc_state_begin_sockets(state, "udp6");
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_UDP));
  /* ss lists what it was asked for */
  dc_state_begin_sockets(state, "ss");
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN));
  const DcAddr any4 = {.version = 4};
  add(state, "ss", make_socket(DC_SOCKET_TCP_LISTEN, any4, 22));
  g_assert_true(dc_state_has_sockets(state, DC_SOCKET_TCP_LISTEN));
  g_assert_false(dc_state_has_sockets(state, DC_SOCKET_RAW));
}

static void test_sockets_limits(void)
{
  g_autoptr(DcState) state = dc_state_new();
  /* each sample another set of ports: what once was makes room */
  for (unsigned sample = 0; sample < 3; sample++) {
    dc_state_begin_sockets(state, "udp");
    for (unsigned i = 0; i < DC_STATE_LISTENING_MAX; i++)
      add(state, "udp", make_socket(DC_SOCKET_UDP, ip4(10, 0, (uint8_t)sample, 1), (uint16_t)(i + 1)));
  }
  g_assert_cmpuint(dc_state_refused(state), ==, 0);
  const DcAddr last = ip4(10, 0, 2, 1);
  g_assert_nonnull(dc_state_find_socket(state, DC_SOCKET_UDP, &last, 1));
  add(state, "udp", make_socket(DC_SOCKET_UDP, ip4(10, 9, 9, 9), 1));
  g_assert_cmpuint(dc_state_refused(state), ==, 1);

  dc_state_begin_sockets(state, "tcp");
  for (unsigned i = 0; i < DC_STATE_CONNECTED_MAX + 5; i++) {
    DcSocket socket = make_socket(DC_SOCKET_TCP, ip4(10, 0, 0, 1), 443);
    socket.remote = ip4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
    socket.remote_port = 1024;
    add(state, "tcp", socket);
  }
  g_assert_cmpuint(dc_state_refused(state), ==, 6);
  size_t count;
  dc_state_sockets(state, &count);
  g_assert_cmpuint(count, ==, DC_STATE_LISTENING_MAX + DC_STATE_CONNECTED_MAX);

  char name[16];
  for (unsigned i = 0; i < 2 * DC_STATE_LISTS_MAX; i++) {
    g_snprintf(name, sizeof name, "list%u", i);
    dc_state_begin_sockets(state, name);
    add(state, name, make_socket(DC_SOCKET_TCP_LISTEN, ip4(10, 0, 0, 1), (uint16_t)(i + 1)));
  }
  g_assert_cmpuint(dc_state_refused(state), >, 6);
}

/* --- settings, addresses, texts -------------------------------------------------------- */

static void test_sysctls(void)
{
  g_autoptr(DcState) state = dc_state_new();
  int64_t number = -9;
  g_assert_false(dc_state_has_sysctls(state));
  dc_state_set_sysctl(state, "net.ipv4.tcp_syncookies", "1");
  dc_state_set_sysctl(state, "net.ipv4.tcp_rmem", "4096\t131072\t6291456");
  dc_state_set_sysctl(state, "net.ipv4.conf.all.rp_filter", "-1");
  g_assert_true(dc_state_has_sysctls(state));
  g_assert_true(dc_state_sysctl_number(state, "net.ipv4.tcp_syncookies", &number));
  g_assert_cmpint(number, ==, 1);
  g_assert_false(dc_state_sysctl_number(state, "net.ipv4.tcp_rmem", &number));
  g_assert_false(dc_state_sysctl_number(state, "net.ipv4.none", &number));
  g_assert_cmpint(number, ==, 1);
  g_assert_true(dc_state_sysctl_number(state, "net.ipv4.conf.all.rp_filter", &number));
  g_assert_cmpint(number, ==, -1);
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.tcp_rmem"), ==, "4096 131072 6291456");
  dc_state_set_sysctl(state, "net.ipv4.tcp_syncookies", "0");
  g_assert_cmpstr(dc_state_sysctl(state, "net.ipv4.tcp_syncookies"), ==, "0");
  /* what is printed one day holds no control characters */
  dc_state_set_sysctl(state, "net.x", "a\033[31mb");
  g_assert_cmpstr(dc_state_sysctl(state, "net.x"), ==, "a?[31mb");
  g_autofree char *value = g_strnfill(5000, '7');
  dc_state_set_sysctl(state, "net.long", value);
  g_assert_cmpuint(strlen(dc_state_sysctl(state, "net.long")), ==, DC_STATE_VALUE_MAX - 1);
}

static void test_addresses(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_has_addresses(state));
  const DcAddr host = ip4(10, 0, 0, 1);
  const DcAddr loopback = ip4(127, 9, 9, 9);
  const DcAddr other = ip4(10, 0, 0, 77);
  const DcAddr broadcast = ip4(10, 0, 15, 255);
  const DcAddr limited = ip4(255, 255, 255, 255);
  const DcAddr host6 = ip6(0xfd, 1);
  dc_state_add_address(state, "eth0", &host, 20);
  dc_state_add_address(state, "eth0", &host6, 64);
  dc_state_add_address(state, "eth0", &(DcAddr){.version = 4}, 0);
  g_assert_true(dc_state_has_addresses(state));
  g_assert_true(dc_state_is_local_address(state, &host));
  g_assert_true(dc_state_is_local_address(state, &host6));
  g_assert_true(dc_state_is_local_address(state, &loopback));
  g_assert_false(dc_state_is_local_address(state, &other));
  g_assert_false(dc_state_is_local_address(state, &broadcast));
  g_assert_false(dc_state_is_local_address(state, &(DcAddr){.version = 4}));
  g_assert_true(dc_state_is_broadcast_address(state, &broadcast));
  g_assert_true(dc_state_is_broadcast_address(state, &limited));
  g_assert_false(dc_state_is_broadcast_address(state, &other));

  const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
  const uint8_t zero[6] = {0};
  dc_state_add_mac(state, "eth0", 4, mac);
  dc_state_add_mac(state, "lo", 1, zero);
  g_assert_true(dc_state_is_local_mac(state, mac));
  g_assert_false(dc_state_is_local_mac(state, zero));
  g_assert_cmpstr(dc_state_device_name(state, 4), ==, "eth0");
  g_assert_cmpstr(dc_state_device_name(state, 1), ==, "lo");
  g_assert_null(dc_state_device_name(state, 0));
  g_assert_null(dc_state_device_name(state, 9));
  dc_state_add_mac(state, "wan", 4, mac); /* renamed */
  g_assert_cmpstr(dc_state_device_name(state, 4), ==, "wan");
}

static void test_texts(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_null(dc_state_text(state, "nft"));
  dc_state_set_text(state, "nft", "table\0inet", 10);
  g_assert_cmpstr(dc_state_text(state, "nft"), ==, "table?inet");
  dc_state_set_text(state, "nft", NULL, 0);
  g_assert_cmpstr(dc_state_text(state, "nft"), ==, "");
  g_autofree char *big = g_strnfill(DC_STATE_TEXT_MAX + 100, 'x');
  dc_state_set_text(state, "route", big, DC_STATE_TEXT_MAX + 100);
  g_assert_cmpuint(strlen(dc_state_text(state, "route")), ==, DC_STATE_TEXT_MAX);
  g_assert_cmpuint(dc_state_refused(state), ==, 1);
}

static void check_release(const char *text, const char *release, uint32_t version)
{
  g_autoptr(DcState) state = dc_state_new();
  dc_state_set_text(state, "uname", text, strlen(text));
  g_assert_cmpstr(dc_state_kernel_release(state), ==, release);
  g_assert_cmphex(dc_state_kernel_version(state), ==, version);
}

static void test_kernel_release(void)
{
  check_release("Linux (none) 6.1.0-56-cloud-amd64 #1 SMP Debian 6.1.192-2 x86_64 GNU/Linux\n", "6.1.0-56-cloud-amd64",
                0x060100);
  check_release("Linux version 3.10.0-1160.el7.x86_64 (mockbuild@host) (gcc version 4.8.5)\n", "3.10.0-1160.el7.x86_64",
                0x030a00);
  check_release("6.18.44\n", "6.18.44", 0x061200);
  check_release("Linux 10.0.0.1 5.10.0 #1", "5.10.0", 0x050a00);
  check_release("FreeBSD\n", NULL, 0);
  check_release("", NULL, 0);
  check_release("6", NULL, 0);
  check_release("Linux a", NULL, 0);
}

static void add_line(DcState *state, const char *line)
{
  dc_state_add_kernel_line(state, line, strlen(line));
}

static void test_kernel_lines(void)
{
  g_autoptr(DcState) state = dc_state_new();
  char line[128];
  add_line(state, "[    9.5] TCP: Possible SYN flooding on port 80. Sending cookies.");
  for (int i = 0; i < 1000; i++) {
    g_snprintf(line, sizeof line, "[%5d.%06d] nf_conntrack: table full, dropping packet", i, i * 7);
    add_line(state, line);
  }
  add_line(state, "[    9.5] TCP: Possible SYN flooding on port 80. Sending cookies.");
  size_t count;
  const char *const *lines = dc_state_kernel_lines(state, &count);
  /* a flood of one kind does not push out the others; its first and its last are there */
  g_assert_cmpuint(count, ==, 1 + DC_STATE_KERNEL_LINES_ALIKE);
  g_assert_nonnull(strstr(lines[0], "flooding"));
  g_assert_nonnull(strstr(lines[1], "[    0.000000]"));
  g_assert_nonnull(strstr(lines[count - 1], "[  999.006993]"));

  for (int i = 0; i < 1000; i++) {
    g_autofree char *kind = g_strnfill((gsize)(i % 200) + 1, 'z');
    add_line(state, kind);
  }
  dc_state_kernel_lines(state, &count);
  g_assert_cmpuint(count, ==, DC_STATE_KERNEL_LINES_MAX);

  g_autoptr(DcState) other = dc_state_new();
  dc_state_add_kernel_line(other, "a\033b\nc", 5);
  dc_state_add_kernel_line(other, "", 0);
  lines = dc_state_kernel_lines(other, &count);
  g_assert_cmpuint(count, ==, 1);
  g_assert_cmpstr(lines[0], ==, "a?b?c");
}

static void test_seen(void)
{
  g_autoptr(DcState) state = dc_state_new();
  g_assert_false(dc_state_seen(state, "softnet_stat"));
  dc_state_mark_seen(state, "softnet_stat", DC_PHASE_ONCE, DC_TIME_NONE);
  g_assert_true(dc_state_seen(state, "softnet_stat"));
  dc_state_begin_object(state, "nft", DC_PHASE_BEFORE, DC_TIME_NONE, true);
  dc_state_drop_object(state);
  g_assert_false(dc_state_seen(state, "nft"));
  dc_state_free(NULL);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/state/counter/live", test_counter_steps_live);
  g_test_add_func("/state/counter/unframed", test_counter_unframed);
  g_test_add_func("/state/counter/files", test_counter_files);
  g_test_add_func("/state/counter/order", test_counter_order);
  g_test_add_func("/state/counter/reset", test_counter_reset);
  g_test_add_func("/state/counter/clock-back", test_counter_clock_back);
  g_test_add_func("/state/counter/folds", test_counter_folds);
  g_test_add_func("/state/counter/model", test_counter_model);
  g_test_add_func("/state/counter/new-in-object", test_counter_new_in_object);
  g_test_add_func("/state/counter/each", test_counter_each);
  g_test_add_func("/state/counter/limits", test_counter_limits);
  g_test_add_func("/state/counter/total", test_counter_total);
  g_test_add_func("/state/handlers", test_handlers);
  g_test_add_func("/state/sockets/find", test_sockets_find);
  g_test_add_func("/state/sockets/connected-udp", test_sockets_connected_udp);
  g_test_add_func("/state/sockets/merge", test_sockets_merge);
  g_test_add_func("/state/sockets/merge-device", test_sockets_merge_device);
  g_test_add_func("/state/sockets/shared", test_sockets_shared);
  g_test_add_func("/state/sockets/replace", test_sockets_replace);
  g_test_add_func("/state/sockets/known", test_sockets_known);
  g_test_add_func("/state/sockets/limits", test_sockets_limits);
  g_test_add_func("/state/sysctls", test_sysctls);
  g_test_add_func("/state/addresses", test_addresses);
  g_test_add_func("/state/texts", test_texts);
  g_test_add_func("/state/kernel-release", test_kernel_release);
  g_test_add_func("/state/kernel-lines", test_kernel_lines);
  g_test_add_func("/state/seen", test_seen);
  return g_test_run();
}
