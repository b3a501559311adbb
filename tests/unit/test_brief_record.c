#include "../../src/correlate/brief_record.h"

#include <glib.h>
#include <string.h>

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
  random_state = random_state * UINT64_C(6364136223846793005) + 1;
  return (uint32_t)(random_state >> 33) % n;
}

static void fill(void *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    ((uint8_t *)bytes)[i] = (uint8_t)random_below(256);
}

/* Briefs with any fields set or not come back as they were. */
static void test_any(void)
{
  for (int round = 0; round < 100000; round++) {
    DcBrief brief, back;
    memset(&brief, 0, sizeof brief);
    uint8_t record[DC_BRIEF_RECORD_MAX + 1];
    record[DC_BRIEF_RECORD_MAX] = 0xa5;
    const struct {
      void *at;
      size_t len;
    } fields[] = {{brief.flow.src, 4},
                  {brief.flow.dst, 4},
                  {brief.flow.src, 16},
                  {brief.flow.dst, 16},
                  {&brief.flow.src_port, 2},
                  {&brief.flow.dst_port, 2},
                  {&brief.flow.ethertype, 2},
                  {&brief.flow.ip_version, 1},
                  {&brief.flow.protocol, 1},
                  {brief.src_mac, 6},
                  {brief.dst_mac, 6},
                  {&brief.has, 4},
                  {&brief.tcp_seq, 4},
                  {&brief.tcp_ack, 4},
                  {&brief.tsval, 4},
                  {&brief.len, 4},
                  {&brief.interface_id, 4},
                  {&brief.vlan, 2},
                  {&brief.vlan_count, 1},
                  {&brief.tcp_flags, 1},
                  {&brief.icmp_type, 1},
                  {&brief.icmp_code, 1},
                  {&brief.ttl, 1},
                  {&brief.llc_dsap, 1}};
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
      if (round == 0 || random_below(3) == 0)
        fill(fields[i].at, fields[i].len);
    }
    brief.direction = (uint8_t)random_below(DC_DIRECTION_COUNT);
    brief.ip_checksum = (uint8_t)random_below(DC_CHECKSUM_ABSENT + 1);
    brief.l4_checksum = (uint8_t)random_below(DC_CHECKSUM_ABSENT + 1);
    const size_t len = dc_brief_pack(&brief, record);
    g_assert_cmpuint(len, <=, DC_BRIEF_RECORD_MAX);
    g_assert_cmpuint(dc_brief_record_len(record), ==, len);
    g_assert_cmpuint(record[DC_BRIEF_RECORD_MAX], ==, 0xa5);
    memset(&back, 0xff, sizeof back);
    dc_brief_unpack(&back, record);
    g_assert_true(memcmp(&back, &brief, sizeof brief) == 0);
  }
}

/* What a window of a hundred thousand frames a second costs hangs on this. */
static void test_size(void)
{
  DcBrief brief = {.flow = {.src = {10, 0, 0, 2}, .dst = {10, 0, 0, 1}, .src_port = 1, .dst_port = 2},
                   .src_mac = {2},
                   .dst_mac = {2},
                   .tcp_seq = 1,
                   .tcp_flags = 2};
  uint8_t record[DC_BRIEF_RECORD_MAX];
  g_assert_cmpuint(dc_brief_pack(&brief, record), <=, 50);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/brief-record/any", test_any);
  g_test_add_func("/brief-record/size", test_size);
  return g_test_run();
}
