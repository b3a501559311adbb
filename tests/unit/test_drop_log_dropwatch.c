#include "drop_log_text.h"

#include <glib/gstdio.h>

/* 2026-11-20 11:56:23 as if UTC */
#define BASE_NS (INT64_C(1795175783) * DC_NS_PER_S)

static void test_packet_mode(void)
{
  g_autofree char *text = log_text_sample("dropwatch-packet.txt");
  g_autoptr(LogText) log = log_text(text, "dropwatch", DC_LOG_CLOCK_LOCAL);
  g_assert_cmpuint(log->drops->len, ==, 10);
  g_assert_cmpuint(log->skipped, ==, 0);
  const DcDrop *drop = log_text_drop(log, 0);
  assert_site(drop, "nft_do_chain", 0x47f, "NETFILTER_DROP");
  g_assert_cmpstr(drop->module, ==, "nf_tables");
  g_assert_cmphex(drop->size, ==, 0x5e0);
  g_assert_cmphex(drop->pc, ==, 0xffffffffc03aa54f);
  g_assert_cmpstr(drop->location, ==, "nft_do_chain+0x47f/0x5e0 [nf_tables]");
  g_assert_cmpint(drop->time_ns, ==, BASE_NS + 616578787);
  g_assert_cmpint(drop->precision_ns, ==, 0);
  g_assert_cmpuint(drop->in_ifindex, ==, 2);
  g_assert_cmpint(drop->protocol, ==, 0x800);
  g_assert_cmpuint(drop->orig_len, ==, 74);
  g_assert_cmpuint(drop->count, ==, 1);
  drop = log_text_drop(log, 1);
  assert_site(drop, "ip6_mc_input", 0x1e8, "NOT_SPECIFIED");
  g_assert_cmpint(drop->protocol, ==, 0x86dd);
  check_robust(text);
}

static void test_hardware(void)
{
  static const char text[] = "drop at: ingress_flow_action_drop (acl_drops)\n"
                             "origin: hardware\n"
                             "input port ifindex: 30\n"
                             "input port name: enp0s16np1\n"
                             "cookie: 31237981273918\n"
                             "timestamp: Thu Jan 23 12:58:56 2020 434291226 nsec\n"
                             "protocol: 0x800\n"
                             "length: 98\n"
                             "original length: 98\n"
                             "\n"
                             "drop at: __netif_receive_skb_core.constprop.0+0x (0xffffffffb95aec9a)\n"
                             "origin: software\n"
                             "input port ifindex: 4\n"
                             "timestamp: Sun Aug  2 10:21:29 2020 000000007 nsec\n"
                             "protocol: 0x4\n"
                             "length: 64\n"
                             "original length: 119\n"
                             "\n"
                             "length: 9999\n" /* of no record */
                             "3 drops at acl_drops [hardware]\n";
  g_autoptr(LogText) log = log_text(text, "dropwatch", DC_LOG_CLOCK_LOCAL);
  g_assert_cmpuint(log->drops->len, ==, 3);
  g_assert_cmpuint(log->foreign, ==, 1);
  const DcDrop *untimed = log_text_drop(log, 1); /* a summary has no time: before all that are held */
  g_assert_cmpint(untimed->time_ns, ==, DC_TIME_NONE);
  g_assert_cmpint(untimed->kind, ==, DC_DROP_NETDM_HARDWARE);
  g_assert_cmpstr(untimed->trap_name, ==, "acl_drops");
  g_assert_cmpuint(untimed->count, ==, 3);
  const DcDrop *drop = log_text_drop(log, 0);
  g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_HARDWARE);
  g_assert_cmpstr(drop->trap_name, ==, "ingress_flow_action_drop");
  g_assert_cmpstr(drop->trap_group, ==, "acl_drops");
  g_assert_cmpstr(drop->in_ifname, ==, "enp0s16np1");
  g_assert_null(drop->symbol);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(1579784336434291226));
  drop = log_text_drop(log, 2);
  g_assert_cmpint(drop->kind, ==, DC_DROP_TEXT);
  assert_site(drop, "__netif_receive_skb_core", 0, NULL); /* cut at 39 characters: the offset is lost */
  g_assert_cmphex(drop->pc, ==, 0xffffffffb95aec9a);
  g_assert_cmpint(drop->time_ns, ==, INT64_C(1596363689000000007)); /* a day of one digit */
  g_assert_cmpint(drop->protocol, ==, 4);
  g_assert_cmpuint(drop->orig_len, ==, 119);
  check_robust(text);
}

static void test_summary_mode(void)
{
  g_autofree char *text = log_text_sample("dropwatch-summary-5.10.txt");
  g_autoptr(LogText) log = log_text(text, "dropwatch", DC_LOG_CLOCK_NONE);
  g_assert_cmpuint(log->drops->len, ==, 25);
  g_assert_cmpuint(log->skipped, ==, 0);
  uint64_t count = 0;
  for (guint i = 0; i < log->drops->len; i++) {
    const DcDrop *drop = log_text_drop(log, i);
    g_assert_cmpint(drop->kind, ==, DC_DROP_NETDM_SUMMARY);
    g_assert_cmpint(drop->time_ns, ==, DC_TIME_NONE);
    g_assert_cmphex(drop->pc >> 32, ==, 0xffffffff);
    count += drop->count;
  }
  g_assert_cmpuint(count, ==, 64);
  assert_site(log_text_drop(log, 0), "nf_hook_slow", 0x93, NULL); /* hex without 0x */
  assert_site(log_text_drop(log, 8), "ip_rcv_finish_core", 0x20e, NULL);
  /* A distance that no function has: the tool knew the module's addresses only. */
  g_assert_null(log_text_drop(log, 18)->symbol);
  check_robust(text);
}

/* What the summary's lines looked like over the years. */
static void test_summary_forms(void)
{
  static const char text[] = "Initalizing kallsyms db\n"
                             "dropwatch> start\n"
                             "dropwatch> Kernel monitoring activated.\n"
                             "dropwatch> 6 drops at ip_rcv+cf\n"
                             "1 drops at icmp_rcv+11c (0xffffffff81620c5c)\n"
                             "11 drops at location 0xffffffffaf8cd963 [software]\n"
                             "0 drops at ip_rcv+cf\n"
                             "7 drops at \n"
                             "99999999999 drops at ip_rcv+cf\n"
                             "^C4 drops at net_tx_action+0 (0xffffffff9d5123d0) [software]\n"
                             "^CGot a stop message\n";
  g_autoptr(LogText) log = log_text(text, "dropwatch", DC_LOG_CLOCK_NONE);
  g_assert_cmpuint(log->drops->len, ==, 4);
  assert_site(log_text_drop(log, 0), "ip_rcv", 0xcf, NULL);
  g_assert_cmpuint(log_text_drop(log, 0)->count, ==, 6);
  g_assert_cmphex(log_text_drop(log, 1)->pc, ==, 0xffffffff81620c5c);
  g_assert_null(log_text_drop(log, 2)->symbol);
  g_assert_cmphex(log_text_drop(log, 2)->pc, ==, 0xffffffffaf8cd963);
  g_assert_cmpuint(log_text_drop(log, 3)->count, ==, 4);
  g_assert_cmpuint(log->skipped, ==, 1); /* of nothing */
  check_truncated(text);
}

static void test_tail_drops(void)
{
  static const char text[] = "dropwatch> stats\n"
                             "Software statistics:\nTail dropped: 100\nHardware statistics:\nTail dropped: 0\n"
                             "1 drops at ip_rcv+cf\n"
                             "dropwatch> stats\n"
                             "Software statistics:\nTail dropped: 130\nHardware statistics:\nTail dropped: 0\n";
  g_autoptr(LogText) log = log_text(text, "dropwatch", DC_LOG_CLOCK_NONE);
  g_assert_cmpuint(log->losses->len, ==, 1);
  const DcLoss *loss = &g_array_index(log->losses, DcLoss, 0);
  g_assert_cmpint(loss->kind, ==, DC_LOSS_MONITOR);
  g_assert_cmpuint(loss->count, ==, 30);
}

static void test_no_drop(void)
{
  static const char text[] = "Initializing kallsyms db\ndropwatch> start\nKernel monitoring activated.\n";
  g_autoptr(LogText) log = log_text_try(text, strlen(text), NULL);
  g_assert_nonnull(log);
  g_assert_error(log->error, DC_ERROR, DC_ERROR_FORMAT);
  g_assert_nonnull(strstr(log->error->message, "drops.txt: read as dropwatch"));
  g_assert_nonnull(strstr(log->error->message, "of its 3 lines 3 are no drops"));
}

/* Addresses without names are looked up; the log's own name is not overruled. */
static void test_kallsyms(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(g_get_tmp_dir(), "dropcorr-kallsyms-XXXXXX", NULL);
  const int fd = g_mkstemp(path);
  g_assert_cmpint(fd, >=, 0);
  g_assert_true(g_close(fd, NULL));
  static const char symbols[] = "ffffffff81000000 T _text\n"
                                "ffffffff815ca3b0 T ip_rcv\n"
                                "ffffffff815ca500 t ip_rcv_finish_core.constprop.0\n"
                                "ffffffffc03aa0d0 t nft_do_chain\t[nf_tables]\n"
                                "ffffffff81700000 t a_function_whose_name_is_longer_than_the_field\n"
                                "ffffffffc03aa6b0 t nft_trace_init\t[nf_tables]\n";
  g_assert_true(g_file_set_contents(path, symbols, -1, &error));
  g_autoptr(DcKallsyms) kallsyms = dc_kallsyms_load(path, &error);
  g_assert_no_error(error);
  g_assert_cmpint(g_unlink(path), ==, 0);

  static const char text[] = "11 drops at location 0xffffffff815ca47f [software]\n"
                             "5 drops at __init_scratch_end+2d9a89c7 (0xffffffffc03aa54f) [software]\n"
                             "1 drops at ip_rcv+cf (0xffffffff815ca47f) [software]\n"
                             "1 drops at location 0xffffffff00000000 [software]\n"
                             "1 drops at location 0xffffffff815ca50f [software]\n";
  g_autoptr(LogText) log = log_text_try(text, strlen(text), kallsyms);
  g_assert_cmpuint(log->drops->len, ==, 5);
  assert_site(log_text_drop(log, 0), "ip_rcv", 0xcf, NULL);
  g_assert_cmpuint(log_text_drop(log, 0)->size, ==, 0x150);
  assert_site(log_text_drop(log, 1), "nft_do_chain", 0x47f, NULL);
  g_assert_cmpstr(log_text_drop(log, 1)->module, ==, "nf_tables");
  assert_site(log_text_drop(log, 2), "ip_rcv", 0xcf, NULL);
  g_assert_null(log_text_drop(log, 3)->symbol);
  assert_site(log_text_drop(log, 4), "ip_rcv_finish_core", 0xf, NULL);

  /* A name that NET_DM cut is made whole. */
  static const char cut[] = "drop at: a_function_whose_name_is_longer_than_th (0xffffffff81700010)\n"
                            "11 drops at location 0xffffffff815ca47f [software]\n";
  g_autoptr(LogText) whole = log_text_try(cut, strlen(cut), kallsyms);
  assert_site(log_text_drop(whole, 0), "a_function_whose_name_is_longer_than_the_field", 0x10, NULL);
  assert_site(log_text_drop(whole, 1), "ip_rcv", 0xcf, NULL);

  /* Symbols of another boot contradict the log's own: from there on they are not asked. */
  static const char moved[] = "1 drops at icmp_rcv+cf (0xffffffff815ca47f) [software]\n"
                              "11 drops at location 0xffffffff815ca47f [software]\n";
  g_autoptr(LogText) other = log_text_try(moved, strlen(moved), kallsyms);
  assert_site(log_text_drop(other, 0), "icmp_rcv", 0xcf, NULL);
  g_assert_null(log_text_drop(other, 1)->symbol);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/drop-log-dropwatch/packet-mode", test_packet_mode);
  g_test_add_func("/drop-log-dropwatch/hardware", test_hardware);
  g_test_add_func("/drop-log-dropwatch/summary-mode", test_summary_mode);
  g_test_add_func("/drop-log-dropwatch/summary-forms", test_summary_forms);
  g_test_add_func("/drop-log-dropwatch/tail-drops", test_tail_drops);
  g_test_add_func("/drop-log-dropwatch/no-drop", test_no_drop);
  g_test_add_func("/drop-log-dropwatch/kallsyms", test_kallsyms);
  return g_test_run();
}
