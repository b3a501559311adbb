#include "rules_private.h"

#include <stdarg.h>
#include <string.h>

/* --- writing a ruling ---------------------------------------------------------- */

void dc_ruling_set(DcRuling *ruling, DcCause cause, DcConfidence confidence, const char *format, ...)
{
  memset(ruling, 0, sizeof *ruling);
  ruling->cause = cause;
  ruling->confidence = confidence;
  va_list args;
  va_start(args, format);
  g_vsnprintf(ruling->why, sizeof ruling->why, format, args);
  va_end(args);
}

void dc_ruling_rival(DcRuling *ruling, DcCause cause)
{
  if (cause == DC_CAUSE_NONE || cause == ruling->cause)
    return;
  for (size_t i = 0; i < G_N_ELEMENTS(ruling->rivals); i++) {
    if (ruling->rivals[i] == cause)
      return;
    if (ruling->rivals[i] == DC_CAUSE_NONE) {
      ruling->rivals[i] = cause;
      return;
    }
  }
}

void dc_rule_site_only(const DcRuleInput *input, DcRuling *ruling)
{
  const DcSite *site = input->site;
  if (site == NULL) {
    if (input->function[0] != '\0')
      dc_ruling_set(ruling, DC_CAUSE_UNCLASSIFIED, DC_CONFIDENCE_POSSIBLE, "no reason given, and %s is no known site",
                    input->function);
    else
      dc_ruling_set(ruling, DC_CAUSE_UNCLASSIFIED, DC_CONFIDENCE_POSSIBLE, "neither reason nor function is known");
    return;
  }
  const bool alone = site->causes[1] == DC_CAUSE_NONE;
  dc_ruling_set(ruling, site->causes[0], alone ? DC_CONFIDENCE_CERTAIN : DC_CONFIDENCE_POSSIBLE, "site %s: %s",
                input->function, site->note);
  for (size_t i = 1; i < G_N_ELEMENTS(site->causes); i++)
    dc_ruling_rival(ruling, site->causes[i]);
}

/* --- counters -------------------------------------------------------------------- */

/* Live samples are a second apart, and a frame's second may straddle two. */
#define COUNTER_SLACK_NS (1500 * DC_NS_PER_MS)

DcMoved dc_rule_counter(const DcRuleInput *input, const char *name)
{
  if (input->state == NULL)
    return DC_MOVED_UNKNOWN;
  int64_t from = DC_TIME_NONE, to = DC_TIME_NONE;
  if (input->drop->time_ns != DC_TIME_NONE) {
    from = input->drop->time_ns - input->drop->precision_ns - COUNTER_SLACK_NS;
    to = input->drop->time_ns + COUNTER_SLACK_NS;
  }
  DcCounterStep step = dc_state_counter(input->state, name, from, to);
  if (!step.known) {
    step = dc_state_counter(input->state, name, DC_TIME_NONE, DC_TIME_NONE);
    /* Read for the last time before the drop: that it stood still means nothing. */
    if (to != DC_TIME_NONE && step.to_ns != DC_TIME_NONE && step.to_ns < input->drop->time_ns)
      return DC_MOVED_UNKNOWN;
  }
  if (!step.known)
    return DC_MOVED_UNKNOWN;
  return step.step > 0 ? DC_MOVED_YES : DC_MOVED_NO;
}

const char *dc_rule_first_moved(const DcRuleInput *input, const char *const *names)
{
  for (; *names != NULL; names++)
    if (dc_rule_counter(input, *names) == DC_MOVED_YES)
      return *names;
  return NULL;
}

/* --- the packet ---------------------------------------------------------------------- */

bool dc_rule_has_ip(const DcRuleInput *input, uint8_t version)
{
  return (input->view.has & DC_HAS_IP) != 0 && (version == 0 || input->view.flow.ip_version == version);
}

static bool is_unicast_mac(const uint8_t mac[6])
{
  return (mac[0] & 1) == 0;
}

bool dc_rule_is_other_host(const DcRuleInput *input)
{
  return input->view.direction == DC_DIRECTION_OTHER_HOST;
}

bool dc_rule_is_for_us(const DcRuleInput *input)
{
  if ((input->view.has & DC_HAS_MAC) == 0 || !is_unicast_mac(input->view.dst_mac) || dc_rule_is_other_host(input))
    return false;
  return input->view.direction == DC_DIRECTION_IN ||
         (input->state != NULL && dc_state_is_local_mac(input->state, input->view.dst_mac));
}

/* What the listings tell of VLANs: read once for each version of them, not for each frame that has a tag. */
typedef struct {
  uint64_t version;             /* of the texts; 0: nothing was read yet */
  uint8_t here[(4096 + 7) / 8]; /* ids that a device takes */
  bool listed, detailed, any;   /* there are devices, with details, and some that look like VLANs */
} VlanListing;

static void read_listing(VlanListing *listing, const char *text)
{
  static const char vlan[] = "vlan protocol 802.1";
  listing->listed = true;
  listing->detailed |= strstr(text, "promiscuity") != NULL;
  for (const char *at = strstr(text, vlan); at != NULL; at = strstr(at + 1, vlan)) {
    listing->any = true;
    const char *line_end = strchr(at, '\n');
    const char *id = strstr(at, " id ");
    if (id == NULL || (line_end != NULL && id > line_end))
      continue;
    const guint64 number = g_ascii_strtoull(id + strlen(" id "), NULL, 10);
    if (number < 4096)
      listing->here[number / 8] |= (uint8_t)(1 << number % 8);
  }
  /* Without details a VLAN device still shows the device beneath it: eth0.100@eth0. veth and macvlan
   * peers look alike, and a name need not tell the id. */
  for (const char *at = strchr(text, '@'); at != NULL && !listing->any; at = strchr(at + 1, '@'))
    listing->any = !g_str_has_prefix(at, "@if") && !g_str_has_prefix(at, "@NONE");
}

/* Detailed listings (ip -d) name the id; they are known by their "promiscuity" field. */
static const VlanListing *vlan_listing(const DcState *state)
{
  static _Thread_local VlanListing listing;
  static const char *const texts[] = {"link", "addr"};
  const uint64_t version = dc_state_text_version(state);
  if (listing.version == version)
    return &listing;
  listing = (VlanListing){.version = version};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    const char *text = dc_state_text(state, texts[i]);
    if (text != NULL)
      read_listing(&listing, text);
  }
  return &listing;
}

DcVlanFit dc_rule_vlan(const DcState *state, const DcBrief *brief)
{
  if (brief->vlan_count == 0 || (brief->vlan_count == 1 && brief->vlan == 0))
    return DC_VLAN_NONE; /* id 0 is a priority tag: any device takes it */
  if (state == NULL)
    return DC_VLAN_MAYBE;
  const VlanListing *listing = vlan_listing(state);
  const unsigned id = brief->vlan & 0xfff;
  if ((listing->here[id / 8] >> id % 8 & 1) != 0)
    return DC_VLAN_KNOWN_HERE;
  return listing->detailed || (listing->listed && !listing->any) ? DC_VLAN_UNKNOWN_HERE : DC_VLAN_MAYBE;
}

static void complete_view(DcRuleInput *input, const DcBrief *brief)
{
  DcBrief *view = &input->view;
  input->tags_shown = brief != NULL && (brief->has & DC_HAS_MAC) != 0;
  if (input->packet != NULL && input->packet->has != 0) {
    dc_brief_from_packet(view, input->packet, input->drop->orig_len, DC_DIRECTION_UNKNOWN);
    if (brief != NULL) {
      /* The skb has lost what the frame still shows: the tag, sometimes the MAC header. */
      view->direction = brief->direction;
      if (view->vlan_count == 0) {
        view->vlan_count = brief->vlan_count;
        view->vlan = brief->vlan;
      }
      if ((view->has & DC_HAS_MAC) == 0 && (brief->has & DC_HAS_MAC) != 0) {
        memcpy(view->src_mac, brief->src_mac, sizeof view->src_mac);
        memcpy(view->dst_mac, brief->dst_mac, sizeof view->dst_mac);
        view->has |= DC_HAS_MAC;
      }
      if (view->ip_checksum == DC_CHECKSUM_UNKNOWN)
        view->ip_checksum = brief->ip_checksum;
      if (view->l4_checksum == DC_CHECKSUM_UNKNOWN)
        view->l4_checksum = brief->l4_checksum;
    }
  } else if (brief != NULL) {
    *view = *brief;
  }
  if ((view->has & DC_HAS_IP) != 0) {
    input->src.version = input->dst.version = view->flow.ip_version;
    memcpy(input->src.bytes, view->flow.src, sizeof input->src.bytes);
    memcpy(input->dst.bytes, view->flow.dst, sizeof input->dst.bytes);
  }
  if (view->direction == DC_DIRECTION_UNKNOWN && (view->has & DC_HAS_MAC) != 0 && input->state != NULL &&
      is_unicast_mac(view->dst_mac) && dc_state_is_local_mac(input->state, view->dst_mac))
    view->direction = DC_DIRECTION_IN;

  if (input->drop->protocol > 0 && input->drop->protocol <= UINT16_MAX)
    input->ethertype = (uint16_t)input->drop->protocol;
  else if ((view->has & DC_HAS_ETHERTYPE) != 0)
    input->ethertype = view->flow.ethertype;
  else if ((view->has & DC_HAS_IP) != 0)
    input->ethertype = view->flow.ip_version == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/* --- one drop -------------------------------------------------------------------------- */

/* Logs that hide the site (a hashed address) leave the frame itself: what no host would take speaks for itself. */
static bool rule_frame_alone(const DcRuleInput *input, DcRuling *ruling)
{
  if (input->site != NULL || input->function[0] != '\0' || (input->view.has & DC_HAS_IP) == 0)
    return false;
  if (input->view.ip_checksum == DC_CHECKSUM_BAD) {
    dc_ruling_set(ruling, DC_CAUSE_IP_CHECKSUM, DC_CONFIDENCE_LIKELY, "site unknown, IP header checksum wrong");
    return true;
  }
  if (input->view.l4_checksum == DC_CHECKSUM_BAD) {
    const DcCause cause = input->view.flow.protocol == PROTO_TCP   ? DC_CAUSE_TCP_CHECKSUM
                          : input->view.flow.protocol == PROTO_UDP ? DC_CAUSE_UDP_CHECKSUM
                                                                   : DC_CAUSE_ICMP_CHECKSUM;
    dc_ruling_set(ruling, cause, DC_CONFIDENCE_LIKELY, "site unknown, checksum wrong");
    return true;
  }
  if (!dc_rule_martian(input, ruling))
    return false;
  ruling->confidence = DC_CONFIDENCE_LIKELY;
  return true;
}

static void rule_site(const DcRuleInput *input, DcRuling *ruling)
{
  if (rule_frame_alone(input, ruling))
    return;
  if (dc_rule_site_link(input, ruling) || dc_rule_site_ip(input, ruling) || dc_rule_site_transport(input, ruling))
    return;
  dc_rule_site_only(input, ruling);
}

void dc_rule_drop(const DcDrop *drop, const DcPacket *packet, const DcBrief *brief, const DcState *state,
                  DcRuling *ret_ruling)
{
  DcRuleInput input = {.drop = drop, .packet = packet, .state = state};
  input.site = dc_site_lookup(drop->symbol);
  if (drop->symbol != NULL) {
    size_t len = dc_site_strip_suffix(drop->symbol, strlen(drop->symbol));
    g_strlcpy(input.function, drop->symbol, MIN(len + 1, sizeof input.function));
  }
  input.device = drop->in_ifname;
  if (input.device == NULL && drop->in_ifindex != 0 && state != NULL)
    input.device = dc_state_device_name(state, drop->in_ifindex);
  complete_view(&input, brief);

  if (drop->kind == DC_DROP_NETDM_HARDWARE || drop->trap_name != NULL) {
    dc_ruling_set(ret_ruling, DC_CAUSE_HARDWARE_TRAP, DC_CONFIDENCE_CERTAIN, "hardware trap %s%s%s",
                  drop->trap_name != NULL ? drop->trap_name : "(unnamed)", drop->trap_group != NULL ? " of group " : "",
                  drop->trap_group != NULL ? drop->trap_group : "");
    return;
  }
  if (dc_reason_is_unspecified(drop->reason))
    rule_site(&input, ret_ruling);
  else
    dc_rule_reason(&input, ret_ruling);
}

/* --- what the whole host says ------------------------------------------------------------- */

bool dc_rule_kernel_says(const DcState *state, const char *words)
{
  size_t count = 0;
  const char *const *lines = state != NULL ? dc_state_kernel_lines(state, &count) : NULL;
  for (size_t i = 0; i < count; i++)
    if (!dc_state_kernel_line_is_old(state, i) && strstr(lines[i], words) != NULL)
      return true;
  return false;
}

/* "Possible SYN flooding on port 443.", "... on port [::]:443. Sending cookies." */
static uint16_t flooded_port_of(const char *line)
{
  static const char words[] = "SYN flooding on port ";
  const char *at = strstr(line, words);
  if (at == NULL)
    return 0;
  g_autofree char *port = g_strndup(at + strlen(words), strcspn(at + strlen(words), " "));
  const char *colon = strrchr(port, ':');
  return (uint16_t)g_ascii_strtoull(colon != NULL ? colon + 1 : port, NULL, 10);
}

/* wanted: 0 for any */
static uint16_t find_flooded(const DcState *state, uint16_t wanted)
{
  size_t count = 0;
  const char *const *lines = state != NULL ? dc_state_kernel_lines(state, &count) : NULL;
  for (size_t i = count; i > 0; i--) {
    const uint16_t port = dc_state_kernel_line_is_old(state, i - 1) ? 0 : flooded_port_of(lines[i - 1]);
    if (port != 0 && (wanted == 0 || port == wanted))
      return port;
  }
  return 0;
}

uint16_t dc_rule_flooded_port(const DcState *state)
{
  return find_flooded(state, 0);
}

bool dc_rule_is_flooded(const DcState *state, uint16_t port)
{
  return port != 0 && find_flooded(state, port) != 0;
}

bool dc_rule_conntrack_is_full(const DcState *state, int64_t *ret_count, int64_t *ret_max)
{
  return state != NULL && dc_state_sysctl_number(state, "net.netfilter.nf_conntrack_count", ret_count) &&
         (dc_state_sysctl_number(state, "net.netfilter.nf_conntrack_max", ret_max) ||
          dc_state_sysctl_number(state, "net.nf_conntrack_max", ret_max)) &&
         *ret_max > 0 && *ret_count >= *ret_max;
}
