/* Frames that were answered by a refusal: who sent it, and why. */
#include "diagnosis_run.h"

static void test_refusals(void)
{
  Run run;
  run_begin(&run, true);
  dc_state_begin_sockets(run.state, "ss");
  listener(&run, 22, 0, 128);
  const uint16_t ports[] = {81, 22};
  for (uint32_t i = 0; i < 2; i++) {
    feed_frame(&run, syn(5, ports[i], 10, 0), T0 + i * 5 * S);
    feed_frame(&run,
               tcp_packet(&(Spec){
                   .from_host = true, .sport = ports[i], .dport = 5, .ack = 11, .flags = DC_TCP_RST | DC_TCP_ACK}),
               T0 + i * 5 * S + MS);
  }
  const Packet datagram = udp_packet(&(Spec){.sport = 40003, .dport = 5999, .payload = "q", .payload_len = 1});
  feed_frame(&run, datagram, T0 + 20 * S);
  feed_frame(&run, icmp_error_packet(&(Spec){.from_host = true}, 3, 13, &datagram), T0 + 20 * S + MS);
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_NO_SOCKET);
  g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, DC_CONFIDENCE_CERTAIN);
  /* Somebody listens there: then it was a firewall that sent the RST. */
  g_assert_cmpint(verdict_of(&run, 3)->cause, ==, DC_CAUSE_NETFILTER_DROP);
  /* "Administratively prohibited" */
  g_assert_cmpint(verdict_of(&run, 5)->cause, ==, DC_CAUSE_NETFILTER_DROP);
  run_free(&run);
}

/* What no tunnel takes is answered like a closed port, though it has no ports; a firewall may do so as well. */
static void test_tunnel_refused(void)
{
  static const char *const rules[] = {
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n",
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t\tmeta l4proto gre reject\n\t}\n}\n",
      NULL};
  static const DcCause causes[] = {DC_CAUSE_TUNNEL, DC_CAUSE_NETFILTER_DROP, DC_CAUSE_TUNNEL};
  static const DcConfidence confidences[] = {DC_CONFIDENCE_CERTAIN, DC_CONFIDENCE_LIKELY, DC_CONFIDENCE_LIKELY};
  for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
    Run run;
    run_begin(&run, true);
    dc_state_begin_sockets(run.state, "ss");
    listener(&run, 22, 0, 128);
    if (rules[i] != NULL)
      dc_state_set_text(run.state, "nft", rules[i], strlen(rules[i]));
    const Packet packet = fragment_packet(&(Spec){.id = 5, .payload = "\0\0\x08\0x", .payload_len = 5}, 47);
    feed_frame(&run, packet, T0);
    feed_frame(&run, icmp_error_packet(&(Spec){.from_host = true}, 3, 3, &packet), T0 + MS);
    run_end(&run);
    g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_REFUSED);
    g_assert_cmpint(verdict_of(&run, 1)->cause, ==, causes[i]);
    g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, confidences[i]);
    run_free(&run);
  }
}

/* A route may prohibit as well as a rule: what the listings say decides. */
static void test_prohibited(void)
{
  static const char rejects[] =
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t\tudp dport 5999 reject with icmpx type admin-prohibited\n\t}\n}\n";
  static const char accepts[] =
      "table inet f {\n\tchain in {\n\t\ttype filter hook input priority filter; policy accept;\n"
      "\t}\n}\n";
  static const char routes[] = "default via 10.0.0.254 dev eth0\nprohibit 10.1.8.0/24\n";
  const struct {
    const char *rules, *routes;
    DcCause cause;
    DcConfidence confidence;
  } cases[] = {{rejects, routes, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY},
               {accepts, routes, DC_CAUSE_NO_ROUTE, DC_CONFIDENCE_LIKELY},
               {accepts, NULL, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_LIKELY},
               {NULL, routes, DC_CAUSE_NETFILTER_DROP, DC_CONFIDENCE_POSSIBLE}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Run run;
    run_begin(&run, true);
    if (cases[i].rules != NULL)
      dc_state_set_text(run.state, "nft", cases[i].rules, strlen(cases[i].rules));
    if (cases[i].routes != NULL)
      dc_state_set_text(run.state, "route", cases[i].routes, strlen(cases[i].routes));
    const Packet datagram = udp_packet(&(Spec){.sport = 40003, .dport = 5999, .payload = "q", .payload_len = 1});
    feed_frame(&run, datagram, T0);
    feed_frame(&run, icmp_error_packet(&(Spec){.from_host = true}, 3, 13, &datagram), T0 + MS);
    run_end(&run);
    g_assert_cmpint(verdict_of(&run, 1)->fate, ==, DC_FATE_REFUSED);
    g_assert_cmpint(verdict_of(&run, 1)->cause, ==, cases[i].cause);
    g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, cases[i].confidence);
    run_free(&run);
  }
}

/* A segment without a handshake, answered by a reset: nobody listens there, or the connection is gone. */
static void test_reset_segment(void)
{
  Run run;
  run_begin(&run, true);
  dc_state_begin_sockets(run.state, "ss");
  listener(&run, 22, 0, 128);
  const uint16_t ports[] = {81, 22};
  for (uint32_t i = 0; i < 2; i++) {
    const Spec data = {
        .sport = 5, .dport = ports[i], .seq = 9, .ack = 8, .flags = DC_TCP_ACK, .payload = "x", .payload_len = 1};
    feed_frame(&run, tcp_packet(&data), T0 + i * 5 * S);
    feed_frame(&run,
               tcp_packet(&(Spec){.from_host = true, .sport = ports[i], .dport = 5, .seq = 8, .flags = DC_TCP_RST}),
               T0 + i * 5 * S + MS);
  }
  run_end(&run);
  g_assert_cmpint(verdict_of(&run, 1)->cause, ==, DC_CAUSE_NO_SOCKET);
  g_assert_cmpint(verdict_of(&run, 1)->confidence, ==, DC_CONFIDENCE_LIKELY);
  g_assert_cmpint(verdict_of(&run, 3)->cause, ==, DC_CAUSE_TCP_STATE);
  run_free(&run);
}

/* Somebody listens on that port, but not where the client knocks. */
static void test_listens_elsewhere(void)
{
  static const struct {
    DcAddr local;
    bool v6only;
    const char *words;
  } cases[] = {{{.version = 4, .bytes = {127, 0, 0, 1}}, false, "only on another address: listening socket 127.0.0.1"},
               {{.version = 4, .bytes = {10, 0, 0, 9}}, false, "only on another address: listening socket 10.0.0.9"},
               {{.version = 6}, true, "for IPv6 only: listening socket :: port 80"},
               {{.version = 6}, false, NULL}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Run run;
    run_begin(&run, true);
    dc_state_begin_sockets(run.state, "ss");
    const DcSocket socket = {.kind = DC_SOCKET_TCP_LISTEN,
                             .local = cases[i].local,
                             .v6only = cases[i].v6only,
                             .local_port = 80,
                             .has_queues = true,
                             .send_queue = 511,
                             .process = "nginx pid 7",
                             .state = "LISTEN"};
    dc_state_add_socket(run.state, "ss", &socket);
    const Packet packet = syn(5, 80, 1, 0);
    feed_frame(&run, packet, T0);
    feed_drop(&run, &packet, T0 + MS, "tcp_v4_rcv", "NO_SOCKET");
    run_end(&run);
    const DcFinding *finding = finding_of(&run, DC_CAUSE_NO_SOCKET);
    g_assert_nonnull(finding);
    g_assert_true(has_proof(finding, "nginx pid 7"));
    g_assert_false(has_line(run.report->limits, "network namespaces")); /* every drop fits a frame */
    g_assert_true(has_proof(finding, cases[i].words != NULL ? cases[i].words : "listening socket :: port 80"));
    g_assert_cmpint(cases[i].words != NULL, ==,
                    has_proof(finding, "only on another address") || has_proof(finding, "for IPv6 only"));
    run_free(&run);
  }
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/refusal/answers", test_refusals);
  g_test_add_func("/refusal/tunnel", test_tunnel_refused);
  g_test_add_func("/refusal/prohibited", test_prohibited);
  g_test_add_func("/refusal/segment", test_reset_segment);
  g_test_add_func("/refusal/listens-elsewhere", test_listens_elsewhere);
  return g_test_run();
}
