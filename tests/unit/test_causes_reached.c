/*
 * Every cause can be reached: by the kernel's reasons, by the functions that free, by the packet and the host's state,
 * by counters, or by the wire alone. A cause that no evidence leads to would be one that is never told.
 */
#include "packet_builder.h"

#include "dropcorr/decode/state_text.h"
#include "dropcorr/diagnose/diagnosis.h"
#include "dropcorr/diagnose/rules.h"
#include "dropcorr/model/site.h"

#define S DC_NS_PER_S
#define T0 (INT64_C(1700000000) * S)

typedef struct {
  const char *by[DC_CAUSE_COUNT]; /* the first that led there; NULL: nothing yet */
} Reached;

static void reach(Reached *reached, DcCause cause, const char *by)
{
  if (reached->by[cause] == NULL)
    reached->by[cause] = g_intern_string(by);
}

/* --- drops --------------------------------------------------------------------------------- */

static void rule_of(Reached *reached, const char *symbol, const char *reason, const Packet *packet,
                    const DcState *state)
{
  const DcEvent event = drop_event(packet, 1, T0, symbol, reason);
  DcBrief brief;
  if (packet != NULL)
    dc_brief_from_packet(&brief, &event.drop.packet, packet->len, DC_DIRECTION_IN);
  DcRuling ruling;
  dc_rule_drop(&event.drop, packet != NULL ? &event.drop.packet : NULL, packet != NULL ? &brief : NULL, state, &ruling);
  reach(reached, ruling.cause, reason != NULL ? reason : symbol);
}

static Packet other_frame(uint16_t ethertype)
{
  Packet packet = {.len = 0};
  put_ethernet(&packet, &(Spec){.sport = 0}, ethertype);
  put_bytes(&packet, "\x42\x42\x03 and so on, for as long as an Ethernet frame must be....", 46);
  return packet;
}

static void by_reasons_and_sites(Reached *reached)
{
  const Packet packets[] = {tcp_packet(&(Spec){.sport = 7, .dport = 22, .flags = DC_TCP_SYN}),
                            udp_packet(&(Spec){.sport = 7, .dport = 53, .payload = "q", .payload_len = 1}),
                            echo_packet(&(Spec){.sport = 0}, false, 1, 1), other_frame(0x88b5), other_frame(46)};
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++)
    for (const DcCauseReason *reason = dc_catalogue(cause)->reasons; reason->name != NULL; reason++)
      for (size_t i = 0; i < G_N_ELEMENTS(packets); i++)
        rule_of(reached, NULL, reason->name, &packets[i], NULL);
  size_t count;
  const DcSite *sites = dc_site_table(&count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < G_N_ELEMENTS(packets); k++)
      rule_of(reached, sites[i].symbol, NULL, &packets[k], NULL);
}

/* Only a packet to another's MAC address is another host's. */
static void by_address(Reached *reached)
{
  static const uint8_t other[6] = {2, 0, 0, 0, 0xb, 1};
  const Packet packet = tcp_packet(&(Spec){.dst_mac = other, .sport = 7, .dport = 22, .flags = DC_TCP_SYN});
  const DcEvent event = drop_event(&packet, 1, T0, "ip_rcv_core", "OTHERHOST");
  DcBrief brief;
  dc_brief_from_packet(&brief, &event.drop.packet, packet.len, DC_DIRECTION_OTHER_HOST);
  DcRuling ruling;
  dc_rule_drop(&event.drop, &event.drop.packet, &brief, NULL, &ruling);
  reach(reached, ruling.cause, "OTHERHOST");
}

/* The switch chip's own words. */
static void by_trap(Reached *reached)
{
  const DcDrop drop = {
      .kind = DC_DROP_NETDM_HARDWARE, .trap_name = "ttl_value_is_too_small", .protocol = -1, .count = 1};
  DcRuling ruling;
  dc_rule_drop(&drop, NULL, NULL, NULL, &ruling);
  reach(reached, ruling.cause, "hardware trap");
}

/* --- counters -------------------------------------------------------------------------------- */

static const char *interface_of(const char *key, void *data)
{
  (void)data;
  return strcmp(key, "if") == 0 ? "eth0" : NULL;
}

static void counted(DcState *state, const char *name, uint64_t by)
{
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_BEFORE, name, 1000);
  dc_state_set_counter(state, DC_TIME_NONE, DC_PHASE_AFTER, name, 1000 + by);
}

static void by_counters(Reached *reached)
{
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    for (const char *const *name = dc_catalogue(cause)->counters; *name != NULL; name++) {
      g_autoptr(DcState) state = dc_state_new();
      g_autofree char *counter = dc_advice_fill(*name, interface_of, NULL);
      counted(state, "sys.eth0.rx_packets", 100);
      counted(state, "dev.eth0.rx_packets", 100);
      counted(state, counter, 50);
      const DcDiagnosisListener listener = {.data = NULL};
      const DcDiagnosisOptions options = {.before_after_only = true, .interface = "eth0"};
      g_autoptr(DcDiagnosis) diagnosis = dc_diagnosis_new(&options, state, &listener);
      dc_diagnosis_finish(diagnosis);
      g_autoptr(DcReport) report = dc_diagnosis_report(diagnosis);
      for (guint i = 0; i < report->findings->len; i++)
        reach(reached, ((const DcFinding *)g_ptr_array_index(report->findings, i))->cause, counter);
    }
  }
}

/* --- state and wire --------------------------------------------------------------------------- */

/* The table is full, and no rule drops such a packet. */
static void by_tracking(Reached *reached)
{
  const Packet packet = tcp_packet(&(Spec){.sport = 7, .dport = 22, .flags = DC_TCP_SYN});
  static const char *const counters[] = {"conntrack.drop", "conntrack.insert_failed"};
  for (size_t i = 0; i < G_N_ELEMENTS(counters); i++) {
    g_autoptr(DcState) state = dc_state_new();
    counted(state, counters[i], 5);
    rule_of(reached, "nf_hook_slow", NULL, &packet, state);
  }
}

static void by_wire(Reached *reached)
{
  g_autoptr(DcState) state = dc_state_new();
  const DcDiagnosisListener listener = {.data = NULL};
  const DcDiagnosisOptions options = {.before_after_only = true, .interface = "eth0"};
  g_autoptr(DcDiagnosis) diagnosis = dc_diagnosis_new(&options, state, &listener);
  DcCorrelatorOptions correlating;
  dc_correlator_options_init(&correlating);
  const DcVerdictSink sink = dc_diagnosis_sink(diagnosis);
  g_autoptr(DcCorrelator) correlator = dc_correlator_new(&correlating, &sink);
  static const uint8_t mac[6] = HOST_MAC;
  dc_correlator_add_local_mac(correlator, mac);
  const Packet syn = tcp_packet(&(Spec){.sport = 7, .dport = 22, .seq = 5, .flags = DC_TCP_SYN});
  const Packet answer =
      tcp_packet(&(Spec){.from_host = true, .sport = 22, .dport = 7, .ack = 6, .flags = DC_TCP_SYN | DC_TCP_ACK});
  const Packet error = icmp_error_packet(&(Spec){.sport = 0}, 3, 1, &answer);
  const Packet unknown = other_frame(0x88cc);
  const Packet *const frames[] = {&syn, &answer, &error, &unknown};
  for (uint64_t i = 0; i < G_N_ELEMENTS(frames); i++) {
    const DcEvent event = frame_event(frames[i], i + 1, T0 + (int64_t)i * DC_NS_PER_MS);
    dc_correlator_feed(correlator, &event);
  }
  dc_correlator_finish(correlator);
  dc_diagnosis_finish(diagnosis);
  g_autoptr(DcReport) report = dc_diagnosis_report(diagnosis);
  for (guint i = 0; i < report->findings->len; i++)
    reach(reached, ((const DcFinding *)g_ptr_array_index(report->findings, i))->cause, "the wire");
}

static void test_every_cause(void)
{
  Reached reached = {.by = {NULL}};
  by_reasons_and_sites(&reached);
  by_address(&reached);
  by_trap(&reached);
  by_counters(&reached);
  by_tracking(&reached);
  by_wire(&reached);
  guint missing = 0;
  for (DcCause cause = DC_CAUSE_NONE + 1; cause < DC_CAUSE_COUNT; cause++) {
    g_test_message("%s: %s", dc_cause_name(cause),
                   reached.by[cause] != NULL ? reached.by[cause] : "NOTHING LEADS TO IT");
    missing += reached.by[cause] == NULL;
  }
  g_assert_cmpuint(missing, ==, 0);
}

int main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/causes/reached", test_every_cause);
  return g_test_run();
}
