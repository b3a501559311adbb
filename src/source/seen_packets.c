#include "seen_packets.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/normalise.h"
#include "dropcorr/decode/packet.h"

#include <glib.h>

#define SLOTS (1u << 16)

struct DcSeenPackets {
  uint64_t slots[SLOTS]; /* hash; 0: free */
};

DcSeenPackets *dc_seen_packets_new(void)
{
  return g_new0(DcSeenPackets, 1);
}

void dc_seen_packets_free(DcSeenPackets *seen)
{
  g_free(seen);
}

/* Headers and length alone: how much of the payload was kept differs between frame and drop. 0: cannot be
 * compared. */
static uint64_t hash_of(DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  DcPacket packet;
  DcNormal normal;
  dc_decode_packet(link, bytes, caplen, len, false, &packet);
  if (!dc_normalise(&packet, bytes, caplen, len, &normal) || normal.header_len == 0)
    return 0;
  const uint64_t hash = dc_hash_words(dc_hash_bytes(normal.bytes, normal.header_len), normal.wire_len);
  return hash != 0 ? hash : 1;
}

void dc_seen_packets_add(DcSeenPackets *seen, DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  const uint64_t hash = hash_of(link, bytes, caplen, len);
  if (hash != 0)
    seen->slots[hash % SLOTS] = hash;
}

bool dc_seen_packets_has(const DcSeenPackets *seen, DcLink link, const uint8_t *bytes, uint32_t caplen, uint32_t len)
{
  const uint64_t hash = hash_of(link, bytes, caplen, len);
  return hash != 0 && seen->slots[hash % SLOTS] == hash;
}
