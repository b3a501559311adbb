#include "../../src/source/skb_table.h"

#include "dropcorr/base/clock.h"
#include "dropcorr/base/hash.h"

#include <glib.h>

#define T0 (1000 * DC_NS_PER_S)
#define WINDOW (200 * DC_NS_PER_MS)

static DcReception reception(uint64_t skb, int64_t time_ns, uint32_t len, const char *ifname)
{
  DcReception made = {.skb = skb, .time_ns = time_ns, .len = len};
  g_strlcpy(made.ifname, ifname, sizeof made.ifname);
  return made;
}

static void test_freed_once(void)
{
  DcSkbTable *table = dc_skb_table_new();
  const DcReception in = reception(0xffff888000001100, T0, 60, "eth0");
  dc_skb_table_received(table, &in);
  DcReception out;
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + 5000, WINDOW, &out));
  g_assert_cmpint(out.time_ns, ==, T0);
  g_assert_cmpuint(out.len, ==, 60);
  g_assert_cmpstr(out.ifname, ==, "eth0");
  g_assert_cmpint(out.enqueued_ns, ==, 0);
  /* The address means nothing any more. */
  g_assert_false(dc_skb_table_freed(table, in.skb, T0 + 6000, WINDOW, &out));
  dc_skb_table_free(table);
}

/* The address was given to another packet, whose reception nobody saw: too old to be meant. */
static void test_stale(void)
{
  DcSkbTable *table = dc_skb_table_new();
  const DcReception in = reception(0xffff888000001100, T0, 60, "eth0");
  DcReception out;
  dc_skb_table_received(table, &in);
  g_assert_false(dc_skb_table_freed(table, in.skb, T0 + WINDOW + 1, WINDOW, &out));
  dc_skb_table_received(table, &in);
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + WINDOW, WINDOW, &out));
  dc_skb_table_received(table, &in);
  g_assert_false(dc_skb_table_freed(table, in.skb, T0 - 1, WINDOW, &out)); /* before its reception */
  dc_skb_table_free(table);
}

/* Consumed in between: freed with window 0. */
static void test_reused(void)
{
  DcSkbTable *table = dc_skb_table_new();
  const DcReception first = reception(0xffff888000001100, T0, 60, "eth0");
  const DcReception second = reception(0xffff888000001100, T0 + 9000, 1400, "eth1");
  DcReception out;
  dc_skb_table_received(table, &first);
  g_assert_false(dc_skb_table_freed(table, first.skb, T0 + 4000, 0, &out));
  g_assert_false(dc_skb_table_freed(table, first.skb, T0 + 8000, WINDOW, &out));
  dc_skb_table_received(table, &first);
  dc_skb_table_received(table, &second); /* nobody saw the first one go */
  g_assert_true(dc_skb_table_freed(table, first.skb, T0 + 10000, WINDOW, &out));
  g_assert_cmpuint(out.len, ==, 1400);
  dc_skb_table_free(table);
}

/* Forwarded, and received again by a device of the same name: that is another namespace's. */
static void test_passed_on(void)
{
  DcSkbTable *table = dc_skb_table_new();
  DcReception in = reception(0xffff888000001100, T0, 60, "eth0");
  DcReception out;
  dc_skb_table_received(table, &in);
  in.time_ns = T0 + 27000;
  dc_skb_table_received(table, &in);
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + 30000, WINDOW, &out));
  g_assert_cmpint(out.time_ns, ==, T0 + 27000);
  g_assert_cmpint(out.before_ns, ==, T0);

  /* By way of the other namespace's backlog. */
  in.time_ns = T0;
  dc_skb_table_received(table, &in);
  in.time_ns = T0 + 20000;
  dc_skb_table_enqueued(table, &in);
  in.time_ns = T0 + 27000;
  dc_skb_table_received(table, &in);
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + 30000, WINDOW, &out));
  g_assert_cmpint(out.enqueued_ns, ==, T0 + 20000);
  g_assert_cmpint(out.before_ns, ==, T0);

  /* A bridge's or a tunnel's device is one of this host's. */
  in.time_ns = T0;
  dc_skb_table_received(table, &in);
  const DcReception upper = reception(in.skb, T0 + 9000, 60, "br0");
  dc_skb_table_received(table, &upper);
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + 30000, WINDOW, &out));
  g_assert_cmpint(out.before_ns, ==, 0);

  /* Long after: another packet at the same address. */
  dc_skb_table_received(table, &in);
  in.time_ns = T0 + 11 * DC_NS_PER_MS;
  dc_skb_table_received(table, &in);
  g_assert_true(dc_skb_table_freed(table, in.skb, in.time_ns + 1000, WINDOW, &out));
  g_assert_cmpint(out.before_ns, ==, 0);
  dc_skb_table_free(table);
}

static void test_backlog(void)
{
  DcSkbTable *table = dc_skb_table_new();
  DcReception in = reception(0xffff888000001100, T0, 60, "eth0");
  DcReception out;
  dc_skb_table_enqueued(table, &in);
  in.time_ns = T0 + 7000;
  dc_skb_table_received(table, &in);
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + 8000, WINDOW, &out));
  g_assert_cmpint(out.time_ns, ==, T0 + 7000);
  g_assert_cmpint(out.enqueued_ns, ==, T0);

  /* Another packet at the same address: other length. */
  in.time_ns = T0;
  dc_skb_table_enqueued(table, &in);
  const DcReception other = reception(in.skb, T0 + 7000, 61, "eth0");
  dc_skb_table_received(table, &other);
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + 8000, WINDOW, &out));
  g_assert_cmpint(out.enqueued_ns, ==, 0);

  /* Received again by an upper device: the backlog was the lower one's. */
  dc_skb_table_enqueued(table, &in);
  in.time_ns = T0 + 7000;
  dc_skb_table_received(table, &in);
  in.time_ns = T0 + 9000;
  dc_skb_table_received(table, &in);
  g_assert_true(dc_skb_table_freed(table, in.skb, T0 + 9500, WINDOW, &out));
  g_assert_cmpint(out.time_ns, ==, T0 + 9000);
  g_assert_cmpint(out.enqueued_ns, ==, 0);
  dc_skb_table_free(table);
}

/* Far more addresses than places: what is found is right, and the newest are found. */
static void test_bounded(void)
{
  enum { COUNT = 400000 };
  DcSkbTable *table = dc_skb_table_new();
  for (uint64_t i = 0; i < COUNT; i++) {
    const DcReception in = reception(0xffff888000000000 + i * 256, T0 + (int64_t)i, (uint32_t)i, "eth0");
    dc_skb_table_received(table, &in);
  }
  unsigned found = 0, found_new = 0;
  for (uint64_t i = 0; i < COUNT; i++) {
    DcReception out;
    if (!dc_skb_table_freed(table, 0xffff888000000000 + i * 256, T0 + COUNT, WINDOW, &out))
      continue;
    found++;
    found_new += i >= COUNT - 1000;
    g_assert_cmpuint(out.len, ==, i);
    g_assert_cmpint(out.time_ns, ==, T0 + (int64_t)i);
  }
  g_assert_cmpuint(found, <=, 1u << 16);
  g_assert_cmpuint(found_new, ==, 1000);
  dc_skb_table_free(table);
}

static void test_null_address(void)
{
  DcSkbTable *table = dc_skb_table_new();
  DcReception out;
  g_assert_false(dc_skb_table_freed(table, 0, T0, WINDOW, &out));
  dc_skb_table_free(table);
}

int main(int argc, char **argv)
{
  dc_hash_init();
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/skb-table/freed-once", test_freed_once);
  g_test_add_func("/skb-table/stale", test_stale);
  g_test_add_func("/skb-table/reused", test_reused);
  g_test_add_func("/skb-table/backlog", test_backlog);
  g_test_add_func("/skb-table/passed-on", test_passed_on);
  g_test_add_func("/skb-table/bounded", test_bounded);
  g_test_add_func("/skb-table/null-address", test_null_address);
  return g_test_run();
}
