#include "dropcorr/model/site.h"

#include <glib.h>
#include <string.h>

static void test_strip_suffix(void)
{
  static const struct {
    const char *symbol, *name;
  } cases[] = {
      {"ip_rcv", "ip_rcv"},
      {"__netif_receive_skb_core.constprop.0", "__netif_receive_skb_core"},
      {"ip_rcv_finish_core.isra.18", "ip_rcv_finish_core"},
      {"tcp_v4_rcv.part.0.cold", "tcp_v4_rcv"},
      {"tcp_v4_rcv.isra.0.constprop.1.part.22.cold.99", "tcp_v4_rcv"},
      {"udp_rcv.cold.12", "udp_rcv"},
      {"sch_handle_ingress.constprop", "sch_handle_ingress"}, /* cut at 39 characters */
      {"nf_hook_slow.llvm.10482934", "nf_hook_slow"},
      {"name.17", "name.17"}, /* no compiler suffix: stays */
      {"partial.particle", "partial.particle"},
      {".cold", ".cold"}, /* nothing would remain */
      {"", ""},
      {"123", "123"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *name = g_strndup(cases[i].symbol, dc_site_strip_suffix(cases[i].symbol, strlen(cases[i].symbol)));
    g_assert_cmpstr(name, ==, cases[i].name);
  }
  g_assert_cmpuint(dc_site_strip_suffix("ip_rcv.cold+0x12", 11), ==, 6); /* len, not NUL, ends it */
}

static void test_lookup(void)
{
  const DcSite *core = dc_site_lookup("__netif_receive_skb_core.constprop.0");
  g_assert_nonnull(core);
  g_assert_cmpstr(core->symbol, ==, "__netif_receive_skb_core");
  g_assert_cmpint(core->causes[0], ==, DC_CAUSE_NO_PROTOCOL_HANDLER);
  g_assert_true(core->flags & DC_SITE_AMBIGUOUS);
  g_assert_true(dc_site_lookup("__netif_receive_skb_core") == core);

  g_assert_null(dc_site_lookup(NULL));
  g_assert_null(dc_site_lookup(""));
  g_assert_null(dc_site_lookup("no_such_function"));
  g_assert_null(dc_site_lookup("ip_rcv_"));
  g_autofree char *longest = g_strnfill(100000, 'a');
  g_assert_null(dc_site_lookup(longest));
}

/* An answer belongs to the name, not to where it is stored. */
static void test_lookup_again(void)
{
  char name[64];
  for (int round = 0; round < 3; round++) {
    size_t count;
    const DcSite *sites = dc_site_table(&count);
    for (size_t i = 0; i < count; i++) {
      g_strlcpy(name, sites[i].symbol, sizeof name);
      g_assert_cmpstr(dc_site_lookup(name)->symbol, ==, sites[i].symbol);
      g_strlcpy(name, "no_such_function", sizeof name);
      g_assert_null(dc_site_lookup(name));
    }
  }
}

static void test_families(void)
{
  static const struct {
    const char *symbol;
    uint32_t flag;
  } cases[] = {
      {"tpacket_rcv", DC_SITE_CAPTURE},
      {"packet_rcv_fanout", DC_SITE_CAPTURE},
      {"compat_packet_rcv_new", DC_SITE_CAPTURE},
      {"unix_stream_connect", DC_SITE_NOT_NETWORK},
      {"unix_dgram_sendmsg", DC_SITE_NOT_NETWORK},
      {"netlink_broadcast_filtered", DC_SITE_NOT_NETWORK},
      {"virtio_transport_recv_pkt", DC_SITE_NOT_NETWORK},
      {"e1000_xmit_frame", DC_SITE_TRANSMIT},
      {"virtnet_start_xmit.cold", DC_SITE_TRANSMIT},
      {"start_xmit", DC_SITE_TRANSMIT},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    const DcSite *site = dc_site_lookup(cases[i].symbol);
    g_assert_nonnull(site);
    g_assert_true(site->flags & cases[i].flag);
  }
}

/* What matching leans on: which frees are no loss (seen on real kernels, or read in their sources). */
static void test_what_is_no_loss(void)
{
  static const struct {
    const char *symbol;
    uint32_t flag;
  } cases[] = {
      {"sk_stream_kill_queues", DC_SITE_TEARDOWN},
      {"inet_sock_destruct", DC_SITE_TEARDOWN},
      {"tcp_disconnect", DC_SITE_TEARDOWN},
      {"udp_destruct_common", DC_SITE_TEARDOWN},
      {"skb_queue_purge", DC_SITE_NORMAL_FREE},
      {"igmp_rcv", DC_SITE_NORMAL_FREE},
      {"skb_release_data", DC_SITE_NORMAL_FREE},
      {"kfree_skb_list", DC_SITE_NORMAL_FREE},
      {"__dev_kfree_skb_any", DC_SITE_NORMAL_FREE},
      {"net_tx_action", DC_SITE_NORMAL_FREE},
      {"ip6_mc_input", DC_SITE_ND_NOISE},
      {"icmpv6_rcv", DC_SITE_ND_NOISE},
      {"ping_rcv", DC_SITE_ECHO_NOISE},
      {"icmp_rcv", DC_SITE_ECHO_NOISE},
      {"tcp_v4_rcv", DC_SITE_SEGMENT_NOISE},
      {"tcp_v6_rcv", DC_SITE_SEGMENT_NOISE},
      {"ip_expire", DC_SITE_DEFERRED},
      {"ip6frag_expire_frag_queue", DC_SITE_DEFERRED},
      {"inet_frag_rbtree_purge", DC_SITE_DEFERRED},
      {"__dev_queue_xmit", DC_SITE_TRANSMIT},
      {"neigh_invalidate", DC_SITE_TRANSMIT},
      {"stp_pdu_rcv", DC_SITE_NORMAL_FREE}, /* br_stp_rcv() jumps to kfree_skb() for each frame it has read */
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    const DcSite *site = dc_site_lookup(cases[i].symbol);
    g_assert_nonnull(site);
    g_assert_cmphex(site->flags & cases[i].flag, ==, cases[i].flag);
  }
  /* Sites of real losses carry none of the flags that take a drop out of matching. */
  static const char *const losses[] = {
      "__netif_receive_skb_core",
      "ip_rcv_core",
      "ip_rcv_finish_core",
      "ip_error",
      "nf_hook_slow",
      "nft_do_chain",
      "tcp_v4_rcv",
      "udp_queue_rcv_one_skb",
      "__udp4_lib_rcv",
      "enqueue_to_backlog",
      "ip_local_deliver_finish",
      "ipv6_rcv",
      "ip_protocol_deliver_rcu",
      "llc_rcv",
      "ip_forward",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(losses); i++) {
    const DcSite *site = dc_site_lookup(losses[i]);
    g_assert_nonnull(site);
    g_assert_cmphex(site->flags & (DC_SITE_NORMAL_FREE | DC_SITE_TEARDOWN | DC_SITE_CAPTURE | DC_SITE_TRANSMIT |
                                   DC_SITE_NOT_NETWORK),
                    ==, 0);
  }
}

static void test_rows_complete(void)
{
  size_t count = 0;
  const DcSite *rows = dc_site_table(&count);
  g_assert_cmpuint(count, >, 300);
  for (size_t i = 0; i < count; i++) {
    g_assert_true(rows[i].symbol[0] != '\0' && strchr(rows[i].symbol, ' ') == NULL);
    g_assert_true(dc_site_lookup(rows[i].symbol) == &rows[i]); /* also: no name stands twice */
    g_assert_cmphex(rows[i].flags, !=, 0);
    g_assert_cmpint(rows[i].causes[0], !=, DC_CAUSE_NONE);
    g_assert_cmpuint(strlen(rows[i].note), >, 8);
    g_assert_cmpuint(strlen(rows[i].kernels), >, 2);
    /* A site of several causes says so, unless it is set apart before diagnosis. */
    if (rows[i].flags & DC_SITE_AMBIGUOUS)
      g_assert_cmpint(rows[i].causes[1], !=, DC_CAUSE_NONE);
  }
}

static void test_reason_classes(void)
{
  g_assert_true(dc_reason_is_unspecified(NULL));
  g_assert_true(dc_reason_is_unspecified("NOT_SPECIFIED"));
  g_assert_false(dc_reason_is_unspecified("NO_SOCKET"));
  g_assert_true(dc_reason_is_consumed("SKB_CONSUMED"));
  g_assert_true(dc_reason_is_consumed("CONSUMED"));
  g_assert_false(dc_reason_is_consumed(NULL));
  g_assert_true(dc_reason_is_capture("PACKET_SOCK_ERROR"));
  g_assert_false(dc_reason_is_capture("SOCKET_RCVBUFF"));
  static const char *const transmit[] = {"QDISC_DROP",     "QDISC_OVERLIMIT", "FQ_FLOW_LIMIT",     "TC_EGRESS",
                                         "NEIGH_FAILED",   "NEIGH_QUEUEFULL", "BPF_CGROUP_EGRESS", "CAKE_FLOOD",
                                         "IP_OUTNOROUTES", "TUNNEL_TXINFO"};
  for (size_t i = 0; i < G_N_ELEMENTS(transmit); i++)
    g_assert_true(dc_reason_is_transmit(transmit[i]));
  static const char *const receive[] = {"TC_INGRESS", "NO_SOCKET", "IP_INNOROUTES", "CPU_BACKLOG", "NETFILTER_DROP"};
  for (size_t i = 0; i < G_N_ELEMENTS(receive); i++)
    g_assert_false(dc_reason_is_transmit(receive[i]));
  g_assert_false(dc_reason_is_transmit(NULL));
  g_assert_true(dc_reason_is_repetition("TCP_OLD_DATA"));
  g_assert_false(dc_reason_is_repetition("TCP_INVALID_SEQUENCE"));
  g_assert_false(dc_reason_is_repetition(NULL));
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/site/strip-suffix", test_strip_suffix);
  g_test_add_func("/site/lookup", test_lookup);
  g_test_add_func("/site/lookup-again", test_lookup_again);
  g_test_add_func("/site/families", test_families);
  g_test_add_func("/site/no-loss", test_what_is_no_loss);
  g_test_add_func("/site/rows-complete", test_rows_complete);
  g_test_add_func("/site/reason-classes", test_reason_classes);
  return g_test_run();
}
