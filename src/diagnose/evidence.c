/* What speaks for a finding, line by line: drops, rulings, counters, settings, the kernel's own words, sockets. */
#include "diagnosis_state.h"

#include "dropcorr/decode/packet.h"

#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

void dc_evidence_add(DcFinding *finding, int64_t time_ns, const char *source, char *text)
{
  DcProof *evidence = g_new0(DcProof, 1);
  evidence->source = g_strdup(source);
  evidence->text = text;
  evidence->time_ns = time_ns;
  g_ptr_array_add(finding->evidence, evidence);
}

static void evidence_from_drops(DcFinding *finding, const DcGroup *group)
{
  for (uint32_t i = 0; i < group->drop_example_count; i++) {
    g_autofree char *source = g_strdup_printf("drop %" G_GUINT64_FORMAT, group->drop_examples[i]);
    dc_evidence_add(finding, group->drop_times_ns[i], source, g_strdup(group->drop_texts[i]));
  }
}

static void evidence_from_rulings(DcFinding *finding, const DcGroup *group)
{
  for (int i = 0; i < DC_GROUP_TALLY && group->why[i].text != NULL; i++) {
    char *text = group->why[i].count > 1
                     ? g_strdup_printf("%s (%" G_GUINT64_FORMAT " frames)", group->why[i].text, group->why[i].count)
                     : g_strdup(group->why[i].text);
    dc_evidence_add(finding, DC_TIME_NONE, "ruling", text);
  }
}

/* Udp.NoPorts says nothing of a SYN. */
static bool is_of_other_transport(const char *counter, uint8_t protocol)
{
  return (protocol == PROTO_TCP && g_str_has_prefix(counter, "Udp")) ||
         (protocol == PROTO_UDP && g_str_has_prefix(counter, "Tcp."));
}

/* moved: those that counted. The others are worth a line too, but not the first. */
static void evidence_from_counters(DcFinding *finding, const DcDiagnosis *self, const DcCauseInfo *info, bool moved,
                                   DcAdviceLookup lookup, void *data)
{
  for (const char *const *name = info->counters; name != NULL && *name != NULL; name++) {
    if (is_of_other_transport(*name, finding->service.protocol))
      continue;
    g_autofree char *filled = dc_advice_fill(*name, lookup, data);
    DcCounterStep step = dc_state_counter(self->state, filled, DC_TIME_NONE, DC_TIME_NONE);
    uint64_t value;
    if (step.known && (step.step > 0) == moved)
      dc_evidence_add(finding, DC_TIME_NONE, "counter",
                      g_strdup_printf("%s +%" G_GUINT64_FORMAT " (%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ")",
                                      filled, step.step, step.first, step.last));
    else if (!step.known && dc_state_counter_value(self->state, filled, &value) && (value > 0) == moved)
      dc_evidence_add(finding, DC_TIME_NONE, "counter", g_strdup_printf("%s is %" G_GUINT64_FORMAT, filled, value));
  }
}

static void evidence_from_settings(DcFinding *finding, const DcDiagnosis *self, const DcCauseInfo *info,
                                   DcAdviceLookup lookup, void *data)
{
  for (const char *const *name = info->sysctls; name != NULL && *name != NULL; name++) {
    g_autofree char *filled = dc_advice_fill(*name, lookup, data);
    const char *value = dc_state_sysctl(self->state, filled);
    if (value != NULL)
      dc_evidence_add(finding, DC_TIME_NONE, "sysctl", g_strdup_printf("%s = %s", filled, value));
  }
}

/* The newest line of the kernel log that speaks of this cause. */
static void evidence_from_kernel(DcFinding *finding, const DcDiagnosis *self)
{
  static const struct {
    DcCause cause;
    const char *words;
  } said[] = {{DC_CAUSE_CONNTRACK_FULL, "table full"},
              {DC_CAUSE_SYN_FLOOD, "ossible SYN flooding"},
              {DC_CAUSE_SYN_QUEUE_FULL, "drop open request from"},
              {DC_CAUSE_SYN_QUEUE_FULL, "ossible SYN flooding"},
              {DC_CAUSE_MEMORY_PRESSURE, "page allocation failure"},
              {DC_CAUSE_MARTIAN_SOURCE, "martian source"},
              {DC_CAUSE_MARTIAN_DESTINATION, "martian destination"},
              {DC_CAUSE_TCP_MEMORY, "out of memory -- consider tuning tcp_mem"}};
  size_t count;
  const char *const *lines = dc_state_kernel_lines(self->state, &count);
  for (size_t i = 0; i < G_N_ELEMENTS(said); i++) {
    if (said[i].cause != finding->cause)
      continue;
    for (size_t line = count; line > 0; line--) {
      if (dc_state_kernel_line_is_old(self->state, line - 1) || strstr(lines[line - 1], said[i].words) == NULL)
        continue;
      dc_evidence_add(finding, DC_TIME_NONE, "kernel log", g_strdup(lines[line - 1]));
      break;
    }
  }
}

/* A ring that overflows is too small, or emptied too slowly. */
static void evidence_from_ring(DcFinding *finding, const DcDiagnosis *self, DcAdviceLookup lookup, void *data)
{
  const char *device = lookup("if", data);
  if (finding->cause != DC_CAUSE_RING_OVERFLOW || device == NULL)
    return;
  g_autofree char *set = g_strdup_printf("ethtool_g.%s.rx", device);
  g_autofree char *most = g_strdup_printf("ethtool_g.%s.rx_max", device);
  uint64_t size, max;
  if (dc_state_counter_value(self->state, set, &size) && dc_state_counter_value(self->state, most, &max))
    dc_evidence_add(
        finding, DC_TIME_NONE, "ethtool -g",
        g_strdup_printf("ring of %" G_GUINT64_FORMAT " entries, %" G_GUINT64_FORMAT " would be possible", size, max));
  const DcCounterStep step = dc_state_counter(self->state, "softnet.time_squeeze", DC_TIME_NONE, DC_TIME_NONE);
  if (step.known && step.step > 0)
    dc_evidence_add(finding, DC_TIME_NONE, "counter",
                    g_strdup_printf("softnet.time_squeeze +%" G_GUINT64_FORMAT
                                    ": so often the poll loop ran out of its budget with packets left",
                                    step.step));
}

/* Frames that nothing explains, and drops that fit no frame: neither is proof of the other. */
static void evidence_from_loose_drops(DcFinding *finding, const DcDiagnosis *self, const DcGroup *group)
{
  if (group->fate != DC_FATE_UNEXPLAINED)
    return;
  DcLoose loose[3];
  const size_t count = dc_loose_of_group(self->loose, group, loose, G_N_ELEMENTS(loose));
  for (size_t i = 0; i < count; i++) {
    g_autofree char *source = g_strdup_printf("drop %" G_GUINT64_FORMAT, loose[i].example);
    const bool named = loose[i].protocol != 0;
    dc_evidence_add(
        finding, loose[i].first_ns, source,
        g_strdup_printf("%" G_GUINT64_FORMAT " drop%s %s fit%s no frame: %s%s%s", loose[i].drops,
                        loose[i].drops == 1 ? "" : "s",
                        named ? "of this service" : "that tell no service, at the same time,",
                        loose[i].drops == 1 ? "s" : "", loose[i].reason != NULL ? loose[i].reason : "no reason given",
                        loose[i].location != NULL ? " at " : "", loose[i].location != NULL ? loose[i].location : ""));
    const DcCauseInfo *info = dc_catalogue(loose[i].cause);
    if (info != NULL && loose[i].cause != DC_CAUSE_UNCLASSIFIED)
      g_ptr_array_add(finding->rivals, g_strdup_printf("%s (%s), if those drops are of these frames",
                                                       dc_cause_name(loose[i].cause), info->title));
  }
  if (count > 0)
    g_ptr_array_add(finding->notes,
                    g_strdup("The drops may be of these frames, changed on the way or told without enough to know "
                             "them by; or they are of other packets, and these frames were lost otherwise. Nothing "
                             "tells which."));
}

/* The socket the packets were meant for, or the one that almost takes them. */
static void evidence_from_sockets(DcFinding *finding, const DcDiagnosis *self, const DcGroup *group)
{
  const DcBrief *brief = &group->example;
  const uint8_t protocol = brief->flow.protocol;
  if ((brief->has & DC_HAS_PORTS) == 0 || group->service.port == 0 || (protocol != PROTO_TCP && protocol != PROTO_UDP))
    return;
  const DcSocketKind kind = protocol == PROTO_TCP ? DC_SOCKET_TCP_LISTEN : DC_SOCKET_UDP;
  if (!dc_state_has_sockets(self->state, kind))
    return;
  DcAddr dst = {.version = brief->flow.ip_version};
  memcpy(dst.bytes, brief->flow.dst, sizeof dst.bytes);
  const DcSocket *socket = dc_state_find_socket(self->state, kind, &dst, group->service.port);
  const bool elsewhere = socket == NULL;
  if (elsewhere)
    socket = dc_state_find_port(self->state, kind, group->service.port);
  const char *what = kind == DC_SOCKET_TCP_LISTEN ? "listening socket" : "UDP socket";
  if (socket == NULL) {
    dc_evidence_add(finding, DC_TIME_NONE, "sockets", g_strdup_printf("no %s on port %u", what, group->service.port));
    return;
  }
  char text[DC_ADDR_TEXT_MAX];
  g_autoptr(GString) line = g_string_new(NULL);
  const bool other_family = elsewhere && socket->local.version == 6 && dst.version == 4;
  g_string_append_printf(line, "%s%s %s port %u",
                         other_family ? "for IPv6 only: "
                         : elsewhere  ? "only on another address: "
                                      : "",
                         what, dc_addr_format(&socket->local, text), socket->local_port);
  if (socket->has_queues)
    g_string_append_printf(
        line, kind == DC_SOCKET_TCP_LISTEN ? ", %u waiting for accept(), backlog %u" : ", %u bytes unread, %u unsent",
        socket->recv_queue, socket->send_queue);
  if (socket->rcvbuf != 0)
    g_string_append_printf(line, ", receive buffer %u", socket->rcvbuf);
  if (socket->has_drops)
    g_string_append_printf(line, ", %" G_GUINT64_FORMAT " drops", socket->drops);
  if (socket->process[0] != '\0')
    g_string_append_printf(line, ", %s", socket->process);
  dc_evidence_add(finding, DC_TIME_NONE, "sockets", g_strdup(line->str));
}

void dc_evidence_collect(DcFinding *finding, const DcDiagnosis *self, const DcGroup *group, DcAdviceLookup lookup,
                         void *data)
{
  const DcCauseInfo *info = dc_catalogue(group->cause);
  evidence_from_drops(finding, group);
  evidence_from_rulings(finding, group);
  evidence_from_loose_drops(finding, self, group);
  if (self->state == NULL)
    return;
  dc_evidence_rules(finding, self, group);
  evidence_from_ring(finding, self, lookup, data);
  if (info != NULL) {
    evidence_from_counters(finding, self, info, true, lookup, data);
    evidence_from_kernel(finding, self);
    evidence_from_settings(finding, self, info, lookup, data);
  }
  evidence_from_sockets(finding, self, group);
  if (info != NULL)
    evidence_from_counters(finding, self, info, false, lookup, data);
}
