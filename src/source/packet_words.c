#include "packet_words.h"

#include "dropcorr/decode/packet.h"

#include <glib.h>
#include <string.h>

#define WORDS_MAX 512

char *dc_packet_words(const DcPacket *packet)
{
  GString *out = g_string_new(NULL);
  if (packet->has & DC_HAS_ETHERTYPE)
    g_string_append_printf(out, " ethertype 0x%04x", packet->ethertype);
  if (packet->has & DC_HAS_IP) {
    char src[DC_ADDR_TEXT_MAX], dst[DC_ADDR_TEXT_MAX];
    g_string_append_printf(out, " src %s dst %s protocol %u", dc_addr_format(&packet->src, src),
                           dc_addr_format(&packet->dst, dst), packet->ip_protocol);
  }
  if (packet->has & DC_HAS_PORTS)
    g_string_append_printf(out, " sport %u dport %u", packet->src_port, packet->dst_port);
  if (packet->has & DC_HAS_TCP)
    g_string_append_printf(out, " seq %u ack %u", packet->tcp_seq, packet->tcp_ack);
  if (packet->has & (DC_HAS_TCP | DC_HAS_TCP_FLAGS))
    g_string_append_printf(out, " flags 0x%02x", packet->tcp_flags);
  if (packet->has & DC_HAS_ICMP)
    g_string_append_printf(out, " icmp-type %u icmp-code %u", packet->icmp_type, packet->icmp_code);
  if (out->len == 0) {
    g_string_free(out, TRUE);
    return NULL;
  }
  g_string_erase(out, 0, 1);
  return g_string_free(out, FALSE);
}

static bool take_number(const char *text, guint64 max, guint64 *ret_number)
{
  const bool hex = g_str_has_prefix(text, "0x");
  return g_ascii_string_to_unsigned(text + (hex ? 2 : 0), hex ? 16 : 10, 0, max, ret_number, NULL);
}

static bool take_word(const char *key, const char *value, DcPacket *packet)
{
  if (strcmp(key, "src") == 0 || strcmp(key, "dst") == 0) {
    packet->has |= DC_HAS_IP;
    return dc_addr_parse(value, key[0] == 's' ? &packet->src : &packet->dst);
  }
  static const struct {
    const char *key;
    guint64 max;
    uint32_t has;
  } numbers[] = {
      {"ethertype", UINT16_MAX, DC_HAS_ETHERTYPE},
      {"protocol", UINT8_MAX, DC_HAS_IP},
      {"sport", UINT16_MAX, DC_HAS_PORTS},
      {"dport", UINT16_MAX, DC_HAS_PORTS},
      {"seq", UINT32_MAX, DC_HAS_TCP},
      {"ack", UINT32_MAX, DC_HAS_TCP},
      {"flags", UINT8_MAX, DC_HAS_TCP_FLAGS},
      {"icmp-type", UINT8_MAX, DC_HAS_ICMP},
      {"icmp-code", UINT8_MAX, DC_HAS_ICMP},
  };
  size_t i = 0;
  while (i < G_N_ELEMENTS(numbers) && strcmp(numbers[i].key, key) != 0)
    i++;
  guint64 number = 0;
  if (i == G_N_ELEMENTS(numbers))
    return true;
  if (!take_number(value, numbers[i].max, &number))
    return false;
  packet->has |= numbers[i].has;
  switch (i) {
  case 0:
    packet->ethertype = (uint16_t)number;
    break;
  case 1:
    packet->ip_protocol = (uint8_t)number;
    break;
  case 2:
    packet->src_port = (uint16_t)number;
    break;
  case 3:
    packet->dst_port = (uint16_t)number;
    break;
  case 4:
    packet->tcp_seq = (uint32_t)number;
    break;
  case 5:
    packet->tcp_ack = (uint32_t)number;
    break;
  case 6:
    packet->tcp_flags = (uint8_t)number;
    break;
  case 7:
    packet->icmp_type = (uint8_t)number;
    break;
  case 8:
    packet->icmp_code = (uint8_t)number;
    break;
  default:
    break;
  }
  return true;
}

bool dc_packet_words_parse(const char *text, size_t len, DcPacket *ret_packet)
{
  memset(ret_packet, 0, sizeof *ret_packet);
  if (len > WORDS_MAX)
    return false;
  g_autofree char *copy = g_strndup(text, len);
  g_auto(GStrv) words = g_strsplit(copy, " ", -1);
  guint count = g_strv_length(words);
  for (guint i = 0; i + 1 < count; i += 2)
    if (!take_word(words[i], words[i + 1], ret_packet))
      return false;
  /* With a sequence number the flags are a header's. */
  if (ret_packet->has & DC_HAS_TCP)
    ret_packet->has &= ~(uint32_t)DC_HAS_TCP_FLAGS;
  /* Ports and all above them are read of a packet with addresses alone. */
  if (ret_packet->src.version == 0 && ret_packet->dst.version == 0)
    ret_packet->has &= DC_HAS_ETHERTYPE;
  else if (ret_packet->src.version != ret_packet->dst.version)
    return false;
  return count % 2 == 0;
}
