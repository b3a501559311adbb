/* Frames no protocol handler takes. No drop event tells of them while somebody captures. */
#include "rules_private.h"

#include <string.h>

/* IEEE ethertypes of protocols that a host without further software does not take, and what they
 * usually are. 802.3 length frames (0x0004) come from spanning tree most of all. */
static const struct {
  uint16_t ethertype;
  const char *name;
} well_known[] = {
    {0x0001, "802.3 raw (Novell)"},
    {0x8035, "RARP"},
    {0x8137, "IPX"},
    {0x8808, "Ethernet flow control"},
    {0x8809, "LACP or another slow protocol"},
    {0x8847, "MPLS"},
    {0x8863, "PPPoE discovery"},
    {0x8864, "PPPoE session"},
    {0x887b, "HomePlug"},
    {0x888e, "802.1X (EAPOL)"},
    {0x8892, "PROFINET"},
    {0x8899, "Realtek loop detection"},
    {0x88a2, "ATA over Ethernet"},
    {0x88cc, "LLDP"},
    {0x88e1, "HomePlug"},
    {0x88e3, "MRP"},
    {0x88f5, "MVRP"},
    {0x88f7, "PTP"},
    {0x8902, "connectivity fault management"},
    {0x8906, "FCoE"},
    {0x8912, "mediaxtream"},
    {0x8914, "FIP"},
    {0x893a, "1905.1"},
    {0x9000, "Ethernet loopback test"},
};

static const char *well_known_name(uint16_t ethertype)
{
  for (size_t i = 0; i < G_N_ELEMENTS(well_known); i++)
    if (well_known[i].ethertype == ethertype)
      return well_known[i].name;
  return NULL;
}

/* IEEE 802.2 service access points; Cisco's CDP, VTP and PVST+ come as SNAP (0xaa). */
enum { SAP_STP = 0x42, SAP_SNAP = 0xaa, SAP_ISIS = 0xfe, SAP_NETBIOS = 0xf0, SAP_IPX = 0xe0 };

static const char *sap_name(uint8_t dsap)
{
  switch (dsap) {
  case SAP_STP:
    return "spanning tree (STP)";
  case SAP_SNAP:
    return "SNAP (CDP, VTP, PVST+)";
  case SAP_ISIS:
    return "IS-IS";
  case SAP_NETBIOS:
    return "NetBIOS";
  case SAP_IPX:
    return "IPX";
  default:
    return "802.2 LLC";
  }
}

static bool rule_vlan(const DcBrief *brief, const DcState *state, DcRuling *ruling)
{
  if (dc_rule_vlan(state, brief) != DC_VLAN_UNKNOWN_HERE)
    return false;
  dc_ruling_set(ruling, DC_CAUSE_VLAN_UNKNOWN, DC_CONFIDENCE_CERTAIN,
                "tagged VLAN %u, no device of this host has that id", brief->vlan);
  return true;
}

/*
 * llc_rcv() takes 802.3 frames, and what becomes of them depends on the SAPs in use, which no sample
 * lists: nothing is said, but for spanning tree on a host without a bridge, where stp.ko is not there
 * to register SAP 0x42.
 */
static bool rule_llc(const DcBrief *brief, const DcProtocolHandler *handler, const DcState *state, DcRuling *ruling)
{
  if ((brief->has & DC_HAS_LLC) == 0 || brief->llc_dsap != SAP_STP || strcmp(handler->handler, "llc_rcv") != 0)
    return false;
  static const char *const texts[] = {"link", "addr"};
  bool detailed = false;
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    const char *text = dc_state_text(state, texts[i]);
    if (text == NULL)
      continue;
    detailed = detailed || strstr(text, "promiscuity") != NULL;
    if (strstr(text, "bridge") != NULL)
      return false;
  }
  if (!detailed)
    return false;
  dc_ruling_set(ruling, DC_CAUSE_LLC_UNKNOWN_SAP, DC_CONFIDENCE_LIKELY,
                "spanning tree (DSAP 0x42): llc_rcv takes it, and no bridge here wants it");
  return true;
}

bool dc_rule_unhandled(const DcBrief *brief, const DcState *state, DcRuling *ret_ruling)
{
  if ((brief->has & DC_HAS_ETHERTYPE) == 0)
    return false;
  const uint16_t type = brief->flow.ethertype;
  const bool listed = state != NULL && dc_state_has_handlers(state);
  const DcProtocolHandler *handler = listed ? dc_state_handler(state, type) : NULL;

  if (rule_vlan(brief, state, ret_ruling))
    return true;
  if (brief->vlan_count > 0 && dc_rule_vlan(state, brief) != DC_VLAN_NONE &&
      (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 || type == ETHERTYPE_ARP))
    return false; /* taken, if only the VLAN device is there */
  if (handler != NULL)
    return type == ETHERTYPE_LLC && rule_llc(brief, handler, state, ret_ruling);
  if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6 || type == ETHERTYPE_ARP || type == ETHERTYPE_VLAN ||
      type == ETHERTYPE_QINQ)
    return false; /* a listing without these is not the whole one (another namespace's, or cut off) */

  const char *name = type == ETHERTYPE_LLC ? ((brief->has & DC_HAS_LLC) != 0 ? sap_name(brief->llc_dsap) : "802.3")
                                           : well_known_name(type);
  if (listed) {
    dc_ruling_set(ret_ruling, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_CERTAIN,
                  "ethertype 0x%04x%s%s%s has no row in ptype", type, name != NULL ? " (" : "",
                  name != NULL ? name : "", name != NULL ? ")" : "");
    return true;
  }
  if (name == NULL)
    return false;
  dc_ruling_set(ret_ruling, DC_CAUSE_NO_PROTOCOL_HANDLER, DC_CONFIDENCE_POSSIBLE,
                "0x%04x (%s) usually has no handler; no ptype sample", type, name);
  return true;
}
