/* The words of annotated captures: a contract, so compared whole. */
#include "dropcorr/report/comment.h"

#include <string.h>

static char *comment_of(DcFrameVerdict verdict, const char *place)
{
  DcCommentVerdict comment;
  memset(&comment, 0xff, sizeof comment); /* every byte must be set: it is a key */
  dc_comment_verdict(&comment, &verdict);
  g_assert_cmpuint(comment.spare, ==, 0);
  GString *text = g_string_new(NULL);
  dc_comment_frame(text, &comment, place);
  return g_string_free(text, FALSE);
}

static void must_say(DcFrameVerdict verdict, const char *place, const char *expected)
{
  g_autofree char *text = comment_of(verdict, place);
  g_assert_cmpstr(text, ==, expected);
}

static void test_frames(void)
{
  const DcFrameVerdict dropped = {.frame = 12,
                                  .drop = 5,
                                  .delay_ns = 390000,
                                  .fate = DC_FATE_DROPPED,
                                  .cause = DC_CAUSE_NETFILTER_DROP,
                                  .confidence = DC_CONFIDENCE_CERTAIN,
                                  .match = DC_MATCH_EXACT};
  must_say(dropped, "NETFILTER_DROP at nft_do_chain+0x47f",
           "dropcorr: dropped netfilter-drop NETFILTER_DROP at nft_do_chain+0x47f match exact");
  DcFrameVerdict unsure = dropped;
  unsure.confidence = DC_CONFIDENCE_POSSIBLE;
  unsure.match = DC_MATCH_LIKELY;
  must_say(unsure, NULL, "dropcorr: dropped netfilter-drop match likely confidence possible");
  must_say((DcFrameVerdict){.fate = DC_FATE_ANSWERED}, NULL, "dropcorr: answered");
  must_say((DcFrameVerdict){.fate = DC_FATE_UNEXPLAINED}, "", "dropcorr: unexplained");
  must_say(
      (DcFrameVerdict){.fate = DC_FATE_SILENT, .cause = DC_CAUSE_ACCEPT_QUEUE_FULL, .confidence = DC_CONFIDENCE_LIKELY},
      NULL, "dropcorr: silent accept-queue-full confidence likely");
  must_say((DcFrameVerdict){.fate = DC_FATE_REFUSED,
                            .cause = DC_CAUSE_NO_SOCKET,
                            .confidence = DC_CONFIDENCE_CERTAIN,
                            .refused_by = DC_REFUSED_RST,
                            .refused_type = 9},
           NULL, "dropcorr: refused no-socket by RST");
  must_say((DcFrameVerdict){.fate = DC_FATE_REFUSED,
                            .cause = DC_CAUSE_NO_SOCKET,
                            .confidence = DC_CONFIDENCE_CERTAIN,
                            .refused_by = DC_REFUSED_ICMP,
                            .refused_type = 3,
                            .refused_code = 13},
           NULL, "dropcorr: refused no-socket by ICMP type 3 code 13");
}

/* Two frames of one fate must not differ by what numbers they have. */
static void test_equal_ones_are_equal(void)
{
  DcFrameVerdict one = {.frame = 1, .fate = DC_FATE_REFUSED, .refused_by = DC_REFUSED_RST, .refused_code = 1};
  DcFrameVerdict two = {
      .frame = 2, .fate = DC_FATE_REFUSED, .refused_by = DC_REFUSED_RST, .time_ns = 7, .candidates = 3};
  DcCommentVerdict a, b;
  dc_comment_verdict(&a, &one);
  dc_comment_verdict(&b, &two);
  g_assert_cmpint(memcmp(&a, &b, sizeof a), ==, 0);
}

static void must_place(DcDrop drop, const char *expected)
{
  g_autoptr(GString) text = g_string_new(NULL);
  dc_comment_place(text, &drop);
  g_assert_cmpstr(text->str, ==, expected);
}

static void test_places(void)
{
  must_place((DcDrop){.reason = "NO_SOCKET", .symbol = "tcp_v4_rcv", .offset = 0x81, .size = 0xee0},
             "NO_SOCKET at tcp_v4_rcv+0x81");
  must_place((DcDrop){.symbol = "ip_rcv", .location = "ip_rcv+0xcf"}, "at ip_rcv");
  must_place((DcDrop){.reason = "TC_INGRESS"}, "TC_INGRESS");
  must_place((DcDrop){.location = "0xffffffff815ca47f"}, "at 0xffffffff815ca47f");
  must_place((DcDrop){.trap_name = "ttl_value_is_too_small", .location = "x"}, "at ttl_value_is_too_small");
  must_place((DcDrop){.reason = NULL}, "");
  /* what a log holds cannot break the line */
  must_place((DcDrop){.reason = "A\nB", .location = "\x1b[31m"}, "A\\nB at \\x1b[31m");
}

static void test_drops(void)
{
  g_autoptr(GString) text = g_string_new(NULL);
  dc_comment_drop(text, DC_DROP_STATUS_UNMATCHED, DC_UNMATCHED_NO_FRAME, DC_CAUSE_NO_SOCKET,
                  "NO_SOCKET at tcp_v4_rcv+0x81");
  g_autofree char *unmatched = g_strdup_printf("dropcorr: drop unmatched no-socket NO_SOCKET at tcp_v4_rcv+0x81: %s",
                                               dc_unmatched_text(DC_UNMATCHED_NO_FRAME));
  g_assert_cmpstr(text->str, ==, unmatched);
  g_string_truncate(text, 0);
  dc_comment_drop(text, DC_DROP_STATUS_NOISE, DC_ASIDE_ECHO_REPLY, DC_CAUSE_NONE, NULL);
  g_autofree char *noise = g_strdup_printf("dropcorr: drop noise: %s", dc_aside_text(DC_ASIDE_ECHO_REPLY));
  g_assert_cmpstr(text->str, ==, noise);
}

static void test_section(void)
{
  DcReport report = {.summary = {.complete = true}, .verdict = (char *)"3 frames were dropped"};
  g_autofree char *clean = dc_comment_section(&report);
  g_assert_cmpstr(clean, ==, "dropcorr: 3 frames were dropped. Lost while recording: nothing.");
  report.summary.lost[DC_LOSS_CAPTURE] = 7;
  report.summary.lost[DC_LOSS_NETLINK] = 2;
  report.summary.complete = false;
  report.summary.incomplete_why = (char *)"the file\nends early";
  g_autofree char *dirty = dc_comment_section(&report);
  g_assert_cmpstr(dirty, ==,
                  "dropcorr: 3 frames were dropped. Lost while recording: capture 7, netlink 2. Incomplete: the "
                  "file\\nends early.");
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/comment/frames", test_frames);
  g_test_add_func("/comment/equal-ones-are-equal", test_equal_ones_are_equal);
  g_test_add_func("/comment/places", test_places);
  g_test_add_func("/comment/drops", test_drops);
  g_test_add_func("/comment/section", test_section);
  return g_test_run();
}
