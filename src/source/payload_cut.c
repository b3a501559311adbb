#include "dropcorr/source/payload_cut.h"

#include "dropcorr/decode/headers.h"
#include "dropcorr/decode/packet.h"

/* len: on the wire. Gives the bytes to keep and what is known of the checksum once the others are gone. */
static uint32_t cut(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len, uint8_t *l4_checksum)
{
  DcPacket packet;
  dc_decode_packet(link, bytes, caplen, len, true, &packet);
  const uint32_t keep = dc_headers_len(&packet, bytes, caplen, len);
  if (keep < caplen && packet.l4_checksum != DC_CHECKSUM_UNKNOWN)
    *l4_checksum = packet.l4_checksum;
  return keep;
}

void dc_payload_cut(DcEvent *event)
{
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME: {
    DcFrame *frame = &event->frame;
    frame->caplen = cut((DcLink)frame->link, frame->bytes, frame->caplen, frame->len, &frame->l4_checksum);
    break;
  }
  case DC_EVENT_DROP: {
    DcDrop *drop = &event->drop;
    if (drop->caplen > 0)
      drop->caplen = cut((DcLink)drop->link, drop->bytes, drop->caplen, drop->orig_len, &drop->l4_checksum);
    break;
  }
  case DC_EVENT_SAMPLE:
  case DC_EVENT_LOSS:
  case DC_EVENT_LIGHT: /* no source gives it */
    break;
  }
}
