/*
 * Frames: decoder, inner packets, comparable form, flow keys, light frames.
 * Input: link type(1), bytes of the packet not captured(1), then the captured bytes.
 */
#include "../../src/correlate/brief_record.h"
#include "../../src/correlate/flow.h"

#include "dropcorr/correlate/light_frame.h"
#include "dropcorr/decode/normalise.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/model/verdict.h"
#include "fuzz.h"

#include <string.h>

static void check_packet(const DcPacket *packet, uint32_t caplen, uint64_t wire)
{
  if (packet->has & DC_HAS_ETHERTYPE)
    FUZZ_CHECK(packet->l3_offset <= caplen);
  if (packet->has & DC_HAS_IP) {
    FUZZ_CHECK(packet->has & DC_HAS_ETHERTYPE);
    FUZZ_CHECK(packet->src.version == 4 || packet->src.version == 6);
    FUZZ_CHECK(packet->src.version == packet->dst.version);
    FUZZ_CHECK(packet->l4_offset >= packet->l3_offset + (packet->src.version == 4 ? 20U : 40U));
    FUZZ_CHECK(packet->payload_offset >= packet->l4_offset);
  }
  FUZZ_CHECK(!(packet->has & DC_HAS_TCP) || (packet->has & DC_HAS_PORTS));
  FUZZ_CHECK(!(packet->has & DC_HAS_PORTS) || (packet->has & DC_HAS_IP));
  FUZZ_CHECK(packet->payload_len <= wire);
  if (packet->has & DC_HAS_INNER)
    FUZZ_CHECK(packet->inner_offset > packet->l3_offset && packet->inner_offset <= caplen);
  FUZZ_CHECK(packet->status != DC_DECODE_SHORT || caplen < wire);
}

static void check_flow(const DcPacket *packet, uint32_t len)
{
  DcFlowKey key, back;
  DcBrief brief;
  dc_flow_key_from_packet(&key, packet);
  dc_flow_key_reverse(&back, &key);
  dc_flow_key_reverse(&back, &back);
  FUZZ_CHECK(memcmp(&key, &back, sizeof key) == 0);
  dc_brief_from_packet(&brief, packet, len, DC_DIRECTION_IN);
  FUZZ_CHECK(memcmp(&key, &brief.flow, sizeof key) == 0);

  char text[DC_ADDR_TEXT_MAX];
  char scratch[4];
  DcAddr parsed;
  if (packet->src.version != 0)
    FUZZ_CHECK(dc_addr_parse(dc_addr_format(&packet->src, text), &parsed) && dc_addr_equal(&parsed, &packet->src));
  FUZZ_CHECK(dc_ip_protocol_name(packet->ip_protocol, scratch)[0] != '\0');
}

/* A packet equals itself, and itself cut short behind its headers. */
static void check_normal(DcLink link, const DcPacket *packet, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  DcNormal normal, cut_normal;
  if (!dc_normalise(packet, bytes, caplen, len, &normal))
    return;
  FUZZ_CHECK(normal.len <= DC_NORMAL_MAX && normal.header_len <= DC_NORMAL_MAX && normal.len > 0);
  FUZZ_CHECK(!normal.whole || normal.header_len <= normal.len);
  FUZZ_CHECK(dc_normal_equal(&normal, &normal) == normal.whole);

  const uint32_t cut = caplen - caplen / 4;
  DcPacket cut_packet;
  dc_decode_packet(link, bytes, cut, len, false, &cut_packet);
  if (dc_normalise(&cut_packet, bytes, cut, len, &cut_normal) && normal.whole && cut_normal.whole &&
      normal.header_len == cut_normal.header_len) {
    FUZZ_CHECK(dc_normal_equal(&normal, &cut_normal));
    FUZZ_CHECK(dc_normal_equal(&cut_normal, &normal));
  }
}

/* What a light frame says is what the packet says, whichever way it goes. */
static void check_light(DcLink link, const DcPacket *packet, uint32_t caplen, uint32_t len)
{
  const DcFrame frame = {.number = 7, .caplen = caplen, .len = len, .link = (uint8_t)link, .packet = *packet};
  for (int sent = 0; sent < 2; sent++) {
    g_autoptr(DcDirections) directions = dc_directions_new();
    dc_directions_add_address(directions, sent ? &packet->src : &packet->dst);
    if (packet->has & DC_HAS_MAC)
      dc_directions_add_mac(directions, sent ? packet->src_mac : packet->dst_mac);
    DcLightFrame light;
    if (!dc_light_frame_make(&light, &frame, directions))
      continue;
    const size_t addr_len = packet->src.version == 4 ? 4 : 16;
    const DcAddr *peer = light.sent ? &packet->dst : &packet->src, *local = light.sent ? &packet->src : &packet->dst;
    FUZZ_CHECK((packet->has & DC_HAS_PORTS) != 0 && packet->status == DC_DECODE_OK);
    FUZZ_CHECK(light.rest_len <= DC_LIGHT_REST_MAX && light.rest_len >= 2 * addr_len);
    FUZZ_CHECK(memcmp(light.rest, peer->bytes, addr_len) == 0);
    FUZZ_CHECK(memcmp(light.rest + addr_len, local->bytes, addr_len) == 0);
    FUZZ_CHECK(light.local_port == (light.sent ? packet->src_port : packet->dst_port));
    FUZZ_CHECK(light.peer_port == (light.sent ? packet->dst_port : packet->src_port));
    DcBrief brief, told;
    dc_brief_from_packet(&brief, packet, len, DC_DIRECTION_UNKNOWN);
    FUZZ_CHECK(light.flow == dc_flow_hash(&brief.flow));
    FUZZ_CHECK(!light.sent || !light.waits);
    FUZZ_CHECK((light.rest_len > 2 * addr_len) == light.waits);
    if (!light.waits)
      continue;
    FUZZ_CHECK(light.rest_len - 2 * addr_len == dc_brief_record_len(light.rest + 2 * addr_len));
    dc_brief_unpack(&told, light.rest + 2 * addr_len);
    FUZZ_CHECK(memcmp(&told, &brief, sizeof told) == 0);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2 || size > 70000)
    return 0;
  const DcLink link = (DcLink)(data[0] % (DC_LINK_UNKNOWN + 1));
  const uint32_t caplen = (uint32_t)size - 2;
  const uint32_t len = caplen + data[1];
  const uint8_t *bytes = data + 2;

  DcPacket packet, again;
  dc_decode_packet(link, bytes, caplen, len, true, &packet);
  dc_decode_packet(link, bytes, caplen, len, true, &again);
  FUZZ_CHECK(memcmp(&packet, &again, sizeof packet) == 0);
  check_packet(&packet, caplen, len);
  check_flow(&packet, len);
  check_normal(link, &packet, bytes, caplen, len);
  check_light(link, &packet, caplen, len);

  uint32_t offset = 0;
  while (dc_decode_inner(&packet, bytes, caplen, len, &packet)) {
    check_packet(&packet, caplen, len);
    check_flow(&packet, len);
    DcNormal normal;
    dc_normalise(&packet, bytes, caplen, len, &normal);
    FUZZ_CHECK(!(packet.has & DC_HAS_INNER) || packet.inner_offset > offset);
    offset = packet.inner_offset;
  }
  return 0;
}
