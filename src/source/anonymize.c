/* Life of an anonymizer, what became what, and events. */
#include "anonymize_private.h"

#include "dropcorr/base/hash.h"
#include "dropcorr/decode/packet.h"
#include "dropcorr/source/payload_cut.h"

#include <nettle/hmac.h>
#include <string.h>
#include <unistd.h>

const char *const dc_anon_kind_names[DC_ANON_KINDS] = {"host", "process", "text"};

/* One secret, many keys: HMAC-SHA256 of a purpose. */
static void derive(const uint8_t *secret, const char *purpose, uint8_t ret_key[static DC_ANON_KEY_LEN])
{
  struct hmac_sha256_ctx hmac;
  hmac_sha256_set_key(&hmac, DC_ANON_KEY_LEN, secret);
  hmac_sha256_update(&hmac, strlen(purpose), (const uint8_t *)purpose);
  hmac_sha256_digest(&hmac, DC_ANON_KEY_LEN, ret_key);
}

static void use_key(DcAnonymizer *anonymizer)
{
  uint8_t key[DC_ANON_KEY_LEN];
  dc_pan_init(&anonymizer->pan, anonymizer->key);
  anonymizer->pan.by_level = true;
  derive(anonymizer->key, "mac", key);
  aes128_set_encrypt_key(&anonymizer->mac_aes, key);
  derive(anonymizer->key, "scramble", key);
  aes128_set_encrypt_key(&anonymizer->scramble_aes, key);
  derive(anonymizer->key, "name", anonymizer->name_key);
}

/* --- what was mapped ------------------------------------------------------------------------------- */

static guint addr_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, sizeof(DcAddr));
}

static gboolean addr_equal(gconstpointer a, gconstpointer b)
{
  return dc_addr_equal(a, b);
}

static guint mac_hash(gconstpointer key)
{
  return (guint)dc_hash_bytes(key, 6);
}

static gboolean mac_equal(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, 6) == 0;
}

DcAddr dc_anonymizer_addr(DcAnonymizer *anonymizer, const DcAddr *addr)
{
  if (addr->version == 0)
    return *addr;
  const DcAddr *known = g_hash_table_lookup(anonymizer->addresses, addr);
  if (known != NULL)
    return *known;
  anonymizer->frozen = true;
  const DcAddr mapped = dc_anon_map_addr(anonymizer, addr);
  if (g_hash_table_size(anonymizer->addresses) < DC_ANON_LISTED_MAX)
    g_hash_table_insert(anonymizer->addresses, g_memdup2(addr, sizeof *addr), g_memdup2(&mapped, sizeof mapped));
  else
    anonymizer->unlisted++;
  return mapped;
}

void dc_anonymizer_mac(DcAnonymizer *anonymizer, const uint8_t mac[6], uint8_t ret_mac[6])
{
  const uint8_t *known = g_hash_table_lookup(anonymizer->macs, mac);
  if (known != NULL) {
    memcpy(ret_mac, known, 6);
    return;
  }
  uint8_t mapped[6];
  dc_anon_map_mac(anonymizer, mac, mapped);
  if (g_hash_table_size(anonymizer->macs) < DC_ANON_LISTED_MAX)
    g_hash_table_insert(anonymizer->macs, g_memdup2(mac, 6), g_memdup2(mapped, 6));
  else
    anonymizer->unlisted++;
  memcpy(ret_mac, mapped, 6);
}

const char *dc_anon_name(DcAnonymizer *anonymizer, DcAnonKind kind, const char *text, size_t len)
{
  GHashTable *names = anonymizer->mapped_names[kind];
  g_autofree char *name = g_strndup(text, len);
  const char *known = g_hash_table_lookup(names, name);
  if (known != NULL)
    return known;
  if (g_hash_table_size(names) >= DC_ANON_LISTED_MAX) {
    anonymizer->unlisted++;
    return dc_anon_kind_names[kind];
  }
  struct hmac_sha256_ctx hmac;
  uint8_t digest[4];
  hmac_sha256_set_key(&hmac, sizeof anonymizer->name_key, anonymizer->name_key);
  hmac_sha256_update(&hmac, strlen(dc_anon_kind_names[kind]) + 1, (const uint8_t *)dc_anon_kind_names[kind]);
  hmac_sha256_update(&hmac, strlen(name), (const uint8_t *)name);
  hmac_sha256_digest(&hmac, sizeof digest, digest);
  char *mapped =
      g_strdup_printf("%s-%02x%02x%02x%02x", dc_anon_kind_names[kind], digest[0], digest[1], digest[2], digest[3]);
  g_hash_table_insert(names, g_steal_pointer(&name), mapped);
  return mapped;
}

/* --- events ------------------------------------------------------------------------------------------------ */

/* Cuts the payload off, copies what is left, and rewrites the copy. */
static void map_frame(DcAnonymizer *anonymizer, DcEvent *event)
{
  const DcFrame original = event->frame;
  dc_payload_cut(event);
  DcFrame *frame = &event->frame;
  g_byte_array_set_size(anonymizer->frame, 0);
  g_byte_array_append(anonymizer->frame, original.bytes, frame->caplen);
  dc_anon_packet(anonymizer, (DcLink)frame->link, original.bytes, original.caplen, frame->len,
                 (DcChecksum)original.l4_checksum, anonymizer->frame);
  frame->bytes = anonymizer->frame->data;
}

static void map_drop(DcAnonymizer *anonymizer, DcEvent *event)
{
  const DcDrop original = event->drop;
  DcDrop *drop = &event->drop;
  if (drop->caplen == 0) {
    /* What a log told of the packet in words. */
    drop->packet.src = dc_anonymizer_addr(anonymizer, &original.packet.src);
    drop->packet.dst = dc_anonymizer_addr(anonymizer, &original.packet.dst);
    return;
  }
  dc_payload_cut(event);
  g_byte_array_set_size(anonymizer->drop, 0);
  g_byte_array_append(anonymizer->drop, original.bytes, drop->caplen);
  dc_anon_packet(anonymizer, (DcLink)drop->link, original.bytes, original.caplen, drop->orig_len,
                 (DcChecksum)original.l4_checksum, anonymizer->drop);
  drop->bytes = anonymizer->drop->data;
  dc_decode_packet((DcLink)drop->link, drop->bytes, drop->caplen, drop->orig_len, true, &drop->packet);
}

void dc_anonymizer_event(DcAnonymizer *anonymizer, DcEvent *event)
{
  switch ((DcEventKind)event->kind) {
  case DC_EVENT_FRAME:
    map_frame(anonymizer, event);
    break;
  case DC_EVENT_DROP:
    map_drop(anonymizer, event);
    break;
  case DC_EVENT_SAMPLE:
    dc_anon_sample(anonymizer, &event->sample, anonymizer->sample);
    event->sample.text = anonymizer->sample->str;
    event->sample.len = anonymizer->sample->len;
    break;
  case DC_EVENT_LOSS:
  case DC_EVENT_LIGHT: /* no source gives it */
    break;
  }
}

typedef struct {
  DcSource source;
  DcSource *inner;
  DcAnonymizer *anonymizer;
} Anonymized;

static DcReadStatus anonymized_next(DcSource *source, DcEvent *ret_event, GError **error)
{
  Anonymized *anonymized = (Anonymized *)source;
  const DcReadStatus status = dc_source_next(anonymized->inner, ret_event, error);
  if (status == DC_READ_EVENT)
    dc_anonymizer_event(anonymized->anonymizer, ret_event);
  return status;
}

static void anonymized_free(DcSource *source)
{
  g_free(source);
}

DcSource *dc_anonymized_new(DcSource *source, DcAnonymizer *anonymizer)
{
  static const DcSourceOps ops = {.next = anonymized_next, .free = anonymized_free};
  Anonymized *anonymized = g_new0(Anonymized, 1);
  anonymized->source.ops = &ops;
  anonymized->source.name = source->name;
  anonymized->inner = source;
  anonymized->anonymizer = anonymizer;
  return &anonymized->source;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

DcAnonymizer *dc_anonymizer_open(const char *path, uid_t owner, gid_t group, GError **error)
{
  g_autoptr(DcAnonymizer) anonymizer = g_new0(DcAnonymizer, 1);
  anonymizer->path = g_strdup(path);
  anonymizer->fd = -1;
  anonymizer->networks = g_array_new(FALSE, FALSE, sizeof(DcAnonNetwork));
  anonymizer->names = g_ptr_array_new_with_free_func(g_free);
  anonymizer->addresses = g_hash_table_new_full(addr_hash, addr_equal, g_free, g_free);
  anonymizer->macs = g_hash_table_new_full(mac_hash, mac_equal, g_free, g_free);
  for (int kind = 0; kind < DC_ANON_KINDS; kind++)
    anonymizer->mapped_names[kind] = g_hash_table_new_full(dc_hash_text, g_str_equal, g_free, g_free);
  anonymizer->earlier = g_ptr_array_new_with_free_func(g_free);
  anonymizer->frame = g_byte_array_new();
  anonymizer->drop = g_byte_array_new();
  anonymizer->sample = g_string_new(NULL);
  if (!dc_anon_open_file(anonymizer, owner, group, error))
    return NULL;
  use_key(anonymizer);
  return g_steal_pointer(&anonymizer);
}

void dc_anonymizer_free(DcAnonymizer *anonymizer)
{
  if (anonymizer == NULL)
    return;
  if (anonymizer->fd >= 0)
    close(anonymizer->fd);
  g_array_unref(anonymizer->networks);
  g_ptr_array_unref(anonymizer->names);
  g_hash_table_unref(anonymizer->addresses);
  g_hash_table_unref(anonymizer->macs);
  for (int kind = 0; kind < DC_ANON_KINDS; kind++)
    g_hash_table_unref(anonymizer->mapped_names[kind]);
  g_ptr_array_unref(anonymizer->earlier);
  g_byte_array_unref(anonymizer->frame);
  g_byte_array_unref(anonymizer->drop);
  g_string_free(anonymizer->sample, TRUE);
  explicit_bzero(anonymizer->key, sizeof anonymizer->key);
  g_free(anonymizer->path);
  g_free(anonymizer);
}
